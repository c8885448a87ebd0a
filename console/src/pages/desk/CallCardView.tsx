import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { useContext, useRef, useState } from 'react';
import { useCan } from '@/access/me';
import type { Lead } from '@/api/crm';
import type { CallCard, Candidate } from '@/api/desk';
import { useFormat, useT } from '@/i18n';
import { newKey } from '@/live/deeds';
import { useMySlot } from '@/live/board';
import type { Card } from '@/live/cards';
import { draftOf, useCards } from '@/live/useCards';
import { useClient } from '@/providers/services';
import { DraftsContext, useDraft } from '@/ui/crm/drafts';
import { useNoteDeeds } from '@/ui/crm/notes';
import { useKeys } from '@/ui/keys/useKeys';
import { Section } from '@/ui/page';
import { ProblemBox, useTellProblem } from '@/ui/problems';
import { Badge, Phone, Ticking } from '@/ui/values';
import { chosenLead } from './chosen';
import { LeadDeeds } from './LeadDeeds';
import { MatchBox } from './MatchBox';
import { NewLead } from './NewLead';

const TONES = { ringing: 'wait', calling: 'wait', talking: 'busy', after: 'off', gone: 'off' } as const;

/** A call that one has: who it is, whom they belong to, and what comes of it. It stays until somebody has said so. */
export function CallCardView({ card, data, error, onRetry }: { card: Card; data: CallCard | undefined; error: unknown; onRetry: () => void }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const tellProblem = useTellProblem();
    const { cards } = useCards();
    // What the call itself brought is there before the card is.
    const matches: readonly (Candidate & { linked?: boolean })[] = data?.matches ?? card.candidates;
    const lead = chosenLead(card, matches);
    const leads = matches.filter(({ resource, row }) => resource === 'leads' && row);
    const choose = (id: string) => {
        cards.choose(card.callId, id);
        // The server knows from then on, and whatever is written of the call stands with that lead.
        if (can('leads.update')) client.put(`/calls/${card.callId}/links`, { lead_id: id }).catch(tellProblem);
    };
    const isSearching = !data && !card.complete && !error && card.state !== 'gone';
    return (
        <Section>
            <Stack direction="row" sx={{ alignItems: 'center', gap: 1, flexWrap: 'wrap' }}>
                <Badge tone={TONES[card.state]}>{t(`card_states.${card.state}`)}</Badge>
                <Typography variant="h1" component="h2" sx={{ fontVariantNumeric: 'tabular-nums', overflowWrap: 'anywhere', minWidth: 0 }}>
                    {card.number ? <Phone number={card.number} /> : t('desk.no_number')}
                </Typography>
                <Box sx={{ flex: 1 }} />
                <Typography variant="h3" component="span">
                    {card.state !== 'after' && card.state !== 'gone' && <Ticking since={card.since} />}
                </Typography>
            </Stack>
            <Typography variant="body2" sx={{ color: 'text.secondary', mb: 1 }}>
                <bdi>{[card.scenario, card.source].filter(Boolean).join(' · ')}</bdi>
            </Typography>
            <StateLine card={card} />
            {isSearching && <Skeleton variant="rounded" height={72} sx={{ mb: 1 }} />}
            {error !== undefined && error !== null && !data && <ProblemBox error={error} onRetry={onRetry} />}
            {matches.map((match, index) => (
                // Somebody else's has no id that one may know.
                // eslint-disable-next-line react/no-array-index-key
                <MatchBox key={match.row?.id ?? index} match={match} isChosen={match.resource === 'leads' && match.row !== null && match.row.id === lead?.id} onChoose={leads.length > 1 && match.resource === 'leads' && match.row?.id ? () => choose(match.row?.id ?? '') : undefined} />
            ))}
            {leads.length > 1 && !lead && (
                <Typography variant="body2" role="status" sx={{ color: 'text.secondary', mb: 1 }}>
                    {t('desk.which')}
                </Typography>
            )}
            {data && matches.length === 0 && <NewLead card={card} />}
            {lead && <LeadDeeds lead={lead as Lead} onResult={() => cards.result(card.callId)} />}
            <Finish card={card} lead={lead?.id} />
        </Section>
    );
}

/** What is to be done now, in a sentence. */
function StateLine({ card }: { card: Card }) {
    const t = useT();
    const format = useFormat();
    const { slot } = useMySlot();
    const text = {
        ringing: t('desk.pick_up', { slot: slot?.number ?? '' }),
        calling: t('desk.calling', { slot: slot?.number ?? '' }),
        talking: undefined,
        after: t('desk.over', { time: format.short(card.since) }),
        gone: card.why === 'answered' ? (card.byName ? t('desk.answered_by', { who: card.byName }) : t('desk.answered_elsewhere')) : t('desk.given_up'),
    }[card.state];
    if (!text) return null;
    return (
        <Typography variant="body1" sx={{ fontWeight: 600, mb: 1, color: card.state === 'ringing' ? 'warning.main' : undefined }}>
            {text}
        </Typography>
    );
}

/** The end of a card: with what came of the call, or without. */
function Finish({ card, lead }: { card: Card; lead: string | undefined }) {
    const t = useT();
    const { cards } = useCards();
    const drafts = useContext(DraftsContext);
    const tellProblem = useTellProblem();
    const { write } = useNoteDeeds();
    const [draft] = useDraft(draftOf(card.callId));
    const [busy, setBusy] = useState(false);
    const key = useRef<{ text: string; key: string }>(undefined);
    const isOver = card.state === 'after';
    const canFinish = isOver && !busy && (card.hasResult || draft.trim() !== '');
    const finish = async () => {
        if (!canFinish) return;
        const text = draft.trim();
        setBusy(true);
        try {
            if (text) {
                if (key.current?.text !== text) key.current = { text, key: newKey() };
                await write({ call_id: card.callId, ...(lead && { lead_id: lead }) }, text, key.current.key);
            }
            drafts.set(draftOf(card.callId), '');
            cards.finish(card.callId);
        } catch (problem) {
            tellProblem(problem);
            setBusy(false);
        }
    };
    const drop = () => {
        drafts.set(draftOf(card.callId), '');
        cards.finish(card.callId);
    };
    useKeys(t('desk.card'), [{ on: 'Mod+Shift+Enter', what: t('desk.done'), do: () => void finish(), anywhere: true }]);
    if (!isOver) return null;
    return (
        <Stack direction="row" sx={{ gap: 1, alignItems: 'center', flexWrap: 'wrap', borderTop: 1, borderColor: 'divider', pt: 1.5, mt: 1.5 }}>
            <Button variant="contained" disabled={!canFinish} loading={busy} onClick={() => void finish()} title="Ctrl+Shift+Enter">
                {t('desk.done')}
            </Button>
            <Button color="inherit" disabled={busy || draft.trim() !== ''} onClick={drop}>
                {t('desk.without')}
            </Button>
            {!card.hasResult && draft.trim() === '' && (
                <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                    {t('desk.result_first')}
                </Typography>
            )}
        </Stack>
    );
}
