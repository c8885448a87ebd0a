import ArrowBack from '@mui/icons-material/ArrowBack';
import CallEnd from '@mui/icons-material/CallEnd';
import LightbulbOutlined from '@mui/icons-material/LightbulbOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Link from '@mui/material/Link';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import { useQueryClient } from '@tanstack/react-query';
import { useGetOne, type RaRecord } from 'ra-core';
import { useState } from 'react';
import { Link as RouterLink, useParams } from 'react-router';
import { useCan, useReachesCall } from '@/access/me';
import type { CallWithRecording } from '@/api/types';
import { phone, useCode, useT } from '@/i18n';
import { useSlotDeeds } from '@/live/deeds';
import { patchRow, useTopic } from '@/live/hooks';
import { Confirm } from '@/ui/confirm';
import { CallNotes } from '@/ui/crm/CallNotes';
import { Facts, Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { CALL_TONES, OUTCOME_TONES } from '@/ui/tones';
import { Code, CodeBadge, Moment, Nothing, Person, Phone, Ticking } from '@/ui/values';
import { FINE } from './causes';
import { ConsultationsSection } from './Consultations';
import { Ladder } from './Ladder';
import { Direction, SlotName } from './parts';
import { RecordingSection } from './RecordingSection';
import { SegmentsSection } from './Segments';
import { Timeline } from './Timeline';
import { CarrierName, TriesSection, useRecord } from './Tries';

type Row = CallWithRecording & RaRecord;

/** All that is known of a call. */
export function CallShow() {
    const { id = '' } = useParams();
    const queries = useQueryClient();
    const { data: call, error, refetch } = useGetOne<Row>('calls', { id }, { onError: () => undefined, retry: false });
    useTopic('calls', (event) => {
        if (event.id !== id) return;
        patchRow(queries, 'calls', event);
        // The recording is not in the event, and is there only when the call is over.
        if (event.type === 'recording.ready') void refetch();
    });
    if (error && !call) {
        return (
            <Page>
                <BackToCalls />
                <ProblemBox error={error} onRetry={() => void refetch()} />
            </Page>
        );
    }
    if (!call) return <CallSkeleton />;
    return <CallBody call={call} />;
}

function CallBody({ call }: { call: Row }) {
    const t = useT();
    const can = useCan();
    const reaches = useReachesCall('calls.end');
    const code = useCode();
    const isLive = call.status !== 'ended';
    const record = useRecord(call.call_id, isLive ? undefined : call.ended_at);
    return (
        <Page>
            <PageHead
                back={<BackToCalls />}
                title={`${phone(call.caller ?? '…')} → ${phone(call.callee ?? '…')}`}
                about={
                    <Stack direction="row" sx={{ gap: 1, alignItems: 'center', flexWrap: 'wrap', mt: 0.5 }}>
                        <CodeBadge prefix="call_statuses" code={call.status} tones={CALL_TONES} />
                        {call.outcome && <CodeBadge prefix="outcomes" code={call.outcome} tones={OUTCOME_TONES} />}
                        <Direction direction={call.direction} />
                        <Moment at={call.started_at} show="moment" />
                    </Stack>
                }
                actions={isLive && reaches(call) && <EndButton callId={call.call_id} />}
            />
            {call.cause && !FINE.has(call.cause) && (
                <Alert severity="info" icon={<LightbulbOutlined />} sx={{ mb: 2 }}>
                    <strong>{code('causes', call.cause)}.</strong> {code('remedies', call.cause, '')}
                </Alert>
            )}
            {call.recording !== undefined && <RecordingSection call={call} />}
            <Section title={t('calls.timeline')}>
                <Timeline call={call} />
            </Section>
            <TriesSection tries={record?.tries ?? call.tries} />
            <Section title={t('calls.details')}>
                <Facts
                    columns={2}
                    rows={[
                        [t('columns.caller'), <Phone number={call.caller} />],
                        [t('columns.callee'), <Phone number={call.callee} />],
                        [t('columns.caller_slot'), <SlotName id={call.caller_slot} />],
                        [t('columns.callee_slot'), <SlotName id={call.callee_slot} />],
                        [t('columns.user'), <Person id={call.user} />],
                        [t('calls.talk'), <Ticking since={call.answered_at} until={call.ended_at} />],
                        [t('columns.cause'), <Code prefix="causes" code={call.cause} />],
                        [t('columns.outcome'), <Code prefix="outcomes" code={call.outcome} />],
                        record?.carrier ? [t('explain.carrier'), <CarrierName id={record.carrier} />] : null,
                        [t('columns.scenario'), call.scenario ? <bdi>{call.scenario}</bdi> : <Nothing />],
                        [t('columns.source'), call.source ? <bdi>{call.source}</bdi> : <Nothing />],
                        [
                            t('columns.parent'),
                            call.parent ? (
                                <Link component={RouterLink} to={`/calls/${call.parent}/show`}>
                                    {call.parent}
                                </Link>
                            ) : (
                                <Nothing />
                            ),
                        ],
                        [t('columns.call_id'), <code>{call.call_id}</code>],
                    ]}
                />
            </Section>
            <CallNotes callId={call.call_id} />
            <SegmentsSection call={call} />
            <ConsultationsSection callId={call.call_id} />
            {can('calls.trace') && <Ladder callId={call.call_id} />}
        </Page>
    );
}

export function EndButton({ callId, small }: { callId: string; small?: boolean }) {
    const t = useT();
    const deeds = useSlotDeeds();
    const [asking, setAsking] = useState(false);
    return (
        <>
            <Button variant={small ? 'outlined' : 'contained'} color="error" startIcon={<CallEnd />} onClick={() => setAsking(true)} sx={small ? { minHeight: 26, py: 0 } : undefined}>
                {t('my_phone.end')}
            </Button>
            <Confirm open={asking} danger title={t('calls.end_title')} action={t('my_phone.end')} onClose={() => setAsking(false)} onConfirm={() => deeds.end(callId)}>
                {t('calls.end_text')}
            </Confirm>
        </>
    );
}

function BackToCalls() {
    const t = useT();
    return (
        <Link component={RouterLink} to="/calls" variant="body2" sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color: 'text.secondary', mb: 0.25 }}>
            <ArrowBack sx={{ fontSize: 15 }} />
            {t('nav.calls')}
        </Link>
    );
}

function CallSkeleton() {
    return (
        <Page>
            <BackToCalls />
            <Skeleton width={340} height={34} />
            <Skeleton width={240} />
            <Box sx={{ mt: 2 }}>
                {[120, 90, 150].map((height) => (
                    <Skeleton key={height} variant="rounded" height={height} sx={{ mb: 2 }} />
                ))}
            </Box>
        </Page>
    );
}

