import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import { useGetList } from 'ra-core';
import { Link as RouterLink } from 'react-router';
import type { CallWithRecording } from '@/api/types';
import { phone, useT } from '@/i18n';
import { useTopic } from '@/live/hooks';
import { Section } from '@/ui/page';
import { CALL_TONES, OUTCOME_TONES } from '@/ui/tones';
import { CodeBadge, Moment, Ticking } from '@/ui/values';

/** A slot is in one consultation at a time, so that there are never many of a call. */
const SHOWN_MAX = 20;

/** The calls in which somebody was asked about this one. */
export function ConsultationsSection({ callId }: { callId: string }) {
    const t = useT();
    const { data, refetch } = useGetList<CallWithRecording & { id: string }>(
        'calls',
        { filter: { parent: callId }, sort: { field: 'started_at', order: 'ASC' }, pagination: { page: 1, perPage: SHOWN_MAX }, meta: { count: 'none' } },
        { retry: false, onError: () => undefined },
    );
    useTopic('calls', (event) => {
        if (event.type === 'call.update' && (event.data as { parent?: string } | null)?.parent === callId) void refetch();
    });
    if (!data?.length) return null;
    return (
        <Section title={t('calls.consultations')} about={t('calls.consultations_about')}>
            <Box component="ul" sx={{ listStyle: 'none', m: 0, p: 0, display: 'grid', gap: 0.75, fontSize: '0.8125rem' }}>
                {data.map((call) => (
                    <Box component="li" key={call.id} sx={{ display: 'flex', gap: 1.5, alignItems: 'center', flexWrap: 'wrap' }}>
                        <Moment at={call.started_at} show="time" />
                        <Link component={RouterLink} to={`/calls/${call.id}/show`}>
                            <bdi>{phone(call.caller ?? '…')}</bdi> → <bdi>{phone(call.callee ?? '…')}</bdi>
                        </Link>
                        {call.status === 'ended' ? <CodeBadge prefix="outcomes" code={call.outcome} tones={OUTCOME_TONES} /> : <CodeBadge prefix="call_statuses" code={call.status} tones={CALL_TONES} />}
                        <Ticking since={call.answered_at} until={call.ended_at} />
                    </Box>
                ))}
            </Box>
        </Section>
    );
}
