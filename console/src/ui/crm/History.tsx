import CallOutlined from '@mui/icons-material/CallOutlined';
import ExpandLess from '@mui/icons-material/ExpandLess';
import FlagOutlined from '@mui/icons-material/FlagOutlined';
import PlayArrow from '@mui/icons-material/PlayArrow';
import StickyNote2Outlined from '@mui/icons-material/StickyNote2Outlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Link from '@mui/material/Link';
import Skeleton from '@mui/material/Skeleton';
import Typography from '@mui/material/Typography';
import { useInfiniteQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Link as RouterLink } from 'react-router';
import { useCan } from '@/access/me';
import type { HistoryEntry, LeadHappened } from '@/api/crm';
import type { CallWithRecording } from '@/api/types';
import { useCode, useFormat, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Direction } from '@/pages/calls/parts';
import { ProblemBox } from '../problems';
import { OUTCOME_TONES } from '../tones';
import { CodeBadge, Moment, Person } from '../values';
import { readHistory, type HistoryAnswer } from './entries';
import { NoteText } from './NoteText';
import { Owner } from './sellers';

/** The player draws with a library of its own, which comes when somebody wants to hear something. */
const Player = lazy(() => import('@/pages/calls/player/Player'));

const ICONS = { call: CallOutlined, note: StickyNote2Outlined, event: FlagOutlined };

/** All that has been of a lead or a client, newest first: calls, notes, changes of where it stands. One recording plays at a time. */
export function History({ path }: { /** Below `/api`. */ path: string }) {
    const t = useT();
    const client = useClient();
    const [open, setOpen] = useState<string>();
    const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
        queryKey: ['crm', 'history', path],
        queryFn: ({ pageParam, signal }) => client.get<HistoryAnswer>(path, { cursor: pageParam }, signal),
        initialPageParam: undefined as string | undefined,
        getNextPageParam: (last) => last.next ?? undefined,
    });
    if (error && !data) return <ProblemBox error={error} onRetry={() => void refetch()} />;
    if (!data) return <HistorySkeleton />;
    const entries = data.pages.flatMap(readHistory);
    if (entries.length === 0) {
        return (
            <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                {t('history.empty')}
            </Typography>
        );
    }
    return (
        <>
            <Box component="ol" aria-label={t('history.title')} sx={{ listStyle: 'none', m: 0, p: 0 }}>
                {entries.map((entry) => (
                    <Entry key={`${entry.kind}:${entry.id}`} entry={entry} isOpen={open === entry.id} onOpen={(isOpen) => setOpen(isOpen ? entry.id : undefined)} />
                ))}
            </Box>
            {hasNextPage && (
                <Button color="inherit" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                    {t('history.more')}
                </Button>
            )}
        </>
    );
}

function Entry({ entry, isOpen, onOpen }: { entry: HistoryEntry; isOpen: boolean; onOpen: (isOpen: boolean) => void }) {
    const Icon = ICONS[entry.kind];
    return (
        <Box component="li" sx={{ display: 'grid', gridTemplateColumns: '20px 96px minmax(0, 1fr)', columnGap: 1, py: 0.75, borderTop: 1, borderColor: 'divider', '&:first-of-type': { borderTop: 0 }, fontSize: '0.8125rem', alignItems: 'start' }}>
            <Icon sx={{ fontSize: 17, color: 'text.secondary', mt: '1px' }} />
            <Box sx={{ color: 'text.secondary', fontVariantNumeric: 'tabular-nums' }}>
                <Moment at={entry.at} />
            </Box>
            {entry.kind === 'call' && <CallEntry call={entry.call} isOpen={isOpen} onOpen={onOpen} />}
            {entry.kind === 'note' && (
                <Box>
                    {entry.note.author_id && (
                        <Box component="span" sx={{ color: 'text.secondary' }}>
                            <Person id={entry.note.author_id} name={entry.note.author_name} />
                        </Box>
                    )}
                    <NoteText note={entry.note} />
                </Box>
            )}
            {entry.kind === 'event' && <EventEntry event={entry.event} />}
        </Box>
    );
}

function CallEntry({ call, isOpen, onOpen }: { call: CallWithRecording; isOpen: boolean; onOpen: (isOpen: boolean) => void }) {
    const t = useT();
    const format = useFormat();
    const can = useCan();
    const { recording } = call;
    const isHeard = (recording?.state === 'complete' || recording?.state === 'partial') && can('recordings.listen');
    return (
        <Box sx={{ minWidth: 0 }}>
            <Box sx={{ display: 'flex', alignItems: 'center', gap: 1, flexWrap: 'wrap' }}>
                <Direction direction={call.direction} />
                <CodeBadge prefix="outcomes" code={call.outcome} tones={OUTCOME_TONES} />
                {call.answered_at != null && call.ended_at != null && <span>{format.duration(call.ended_at - call.answered_at)}</span>}
                {call.user && <Person id={call.user} />}
                {isHeard && (
                    <Button color="inherit" startIcon={isOpen ? <ExpandLess /> : <PlayArrow />} aria-expanded={isOpen} onClick={() => onOpen(!isOpen)} sx={{ minHeight: 24, py: 0 }}>
                        {t('history.listen')}
                    </Button>
                )}
                <Link component={RouterLink} to={`/calls/${call.call_id}/show`}>
                    {t('history.call')}
                </Link>
            </Box>
            {isOpen && recording && (
                <Suspense fallback={<Skeleton variant="rounded" height={188} />}>
                    <Player callId={call.call_id} recording={recording} />
                </Suspense>
            )}
        </Box>
    );
}

/** What became of a lead, in words. */
function EventEntry({ event }: { event: LeadHappened }) {
    const t = useT();
    const code = useCode();
    const whose = event.seller ?? event.operator;
    return (
        <Box>
            <strong>{code('lead_happened', event.kind, code('lead_events', event.kind))}</strong>
            {event.from_status && event.to_status && event.from_status !== event.to_status && <span>: {t('history.from_to', { from: code('lead_statuses', event.from_status), to: code('lead_statuses', event.to_status) })}</span>}
            {event.kind === 'hand_over' && whose && (
                <span>
                    {' → '}
                    <Owner id={whose} />
                </span>
            )}
            {event.actor_id && (
                <Box component="span" sx={{ color: 'text.secondary' }}>
                    {' · '}
                    <Person id={event.actor_id} name={event.actor_name} />
                </Box>
            )}
        </Box>
    );
}

function HistorySkeleton() {
    return (
        <>
            {[0, 1, 2, 3].map((index) => (
                <Skeleton key={index} height={34} />
            ))}
        </>
    );
}
