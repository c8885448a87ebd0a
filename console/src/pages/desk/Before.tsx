import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import Typography from '@mui/material/Typography';
import { Link as RouterLink } from 'react-router';
import type { CallCard } from '@/api/desk';
import { useFormat, useT } from '@/i18n';
import { Direction } from '@/pages/calls/parts';
import type { Card } from '@/live/cards';
import { draftOf, useCards } from '@/live/useCards';
import { NoteField } from '@/ui/crm/NoteField';
import { Section } from '@/ui/page';
import { OUTCOME_TONES } from '@/ui/tones';
import { CodeBadge, Moment, Person } from '@/ui/values';
import { chosenLead } from './chosen';

/** The note on a call, and what was before: the last notes and calls. */
export function Before({ card, data }: { card: Card; data: CallCard | undefined }) {
    const t = useT();
    const format = useFormat();
    const { cards } = useCards();
    const lead = chosenLead(card, data?.matches ?? card.candidates);
    return (
        <Section>
            {card.state !== 'gone' && <NoteField about={{ call_id: card.callId, ...(lead?.id && { lead_id: lead.id }) }} draft={draftOf(card.callId)} keyOn="KeyN" rows={4} onSaved={() => cards.result(card.callId)} />}
            {Boolean(data?.notes.length) && (
                <>
                    <Typography variant="h3" sx={{ mt: 1 }}>
                        {t('desk.notes_before')}
                    </Typography>
                    <Box component="ul" sx={{ listStyle: 'none', m: 0, p: 0 }}>
                        {data?.notes.map((note) => (
                            <Box component="li" key={note.id} sx={{ fontSize: '0.8125rem', py: 0.5, borderBottom: 1, borderColor: 'divider', '&:last-of-type': { borderBottom: 0 } }}>
                                <Box component="span" sx={{ color: 'text.secondary' }}>
                                    <Moment at={note.created_at} /> <Person id={note.author_id} name={note.author_name} />
                                </Box>
                                <Box dir="auto" sx={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                                    {note.text}
                                </Box>
                            </Box>
                        ))}
                    </Box>
                </>
            )}
            {Boolean(data?.calls.length) && (
                <>
                    <Typography variant="h3" sx={{ mt: 1 }}>
                        {t('desk.calls_before')}
                    </Typography>
                    <Box component="ul" sx={{ listStyle: 'none', m: 0, p: 0 }}>
                        {data?.calls.map((call) => (
                            <Box component="li" key={call.call_id} sx={{ fontSize: '0.8125rem', py: 0.5, display: 'flex', gap: 1, alignItems: 'center', flexWrap: 'wrap' }}>
                                <Direction direction={call.direction} short />
                                <Link component={RouterLink} to={`/calls/${call.call_id}/show`}>
                                    <Moment at={call.started_at} />
                                </Link>
                                <CodeBadge prefix="outcomes" code={call.outcome} tones={OUTCOME_TONES} />
                                {call.talk_ms ? <span>{format.duration(call.talk_ms)}</span> : null}
                            </Box>
                        ))}
                    </Box>
                </>
            )}
        </Section>
    );
}
