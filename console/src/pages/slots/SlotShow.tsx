import ArrowBack from '@mui/icons-material/ArrowBack';
import Link from '@mui/material/Link';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import { useQueryClient } from '@tanstack/react-query';
import { useGetOne, type RaRecord } from 'ra-core';
import { Link as RouterLink, useParams } from 'react-router';
import { useCan } from '@/access/me';
import type { CallWithRecording, Slot } from '@/api/types';
import { useT } from '@/i18n';
import { patchRow, useTopic } from '@/live/hooks';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { Facts, Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { OUTCOME_TONES, SLOT_TONES } from '@/ui/tones';
import { Code, CodeBadge, Moment, Person, Phone, Ticking } from '@/ui/values';
import { useNavigate } from 'react-router';
import { Direction, RecordingMark } from '../calls/parts';
import { CallerSection } from './CallerSection';
import { LimitsSection } from './LimitsSection';
import { Registered } from './SlotList';
import { SlotMenu } from './SlotMenu';
import { SlotStatusBadge } from './status';

type Row = Slot & RaRecord;
type CallRow = CallWithRecording & { id: string };

const CALL_COLUMNS: ColumnSpec<CallRow>[] = [
    { name: 'started_at', render: (call) => <Moment at={call.started_at} />, width: 120, figures: true },
    { name: 'direction', label: 'calls.direction', render: (call) => <Direction direction={call.direction} short />, width: 44 },
    { name: 'caller', render: (call) => <Phone number={call.caller} /> },
    { name: 'callee', render: (call) => <Phone number={call.callee} /> },
    { name: 'outcome', render: (call) => <CodeBadge prefix="outcomes" code={call.outcome} tones={OUTCOME_TONES} /> },
    { name: 'answered_at', label: 'calls.talk', render: (call) => <Ticking since={call.answered_at} until={call.ended_at} />, align: 'right' },
    { name: 'recording', render: (call) => <RecordingMark recording={call.recording} />, align: 'center' },
];

/** One slot: how it is, what it may call, which calls it had. */
export function SlotShow() {
    const t = useT();
    const can = useCan();
    const { id = '' } = useParams();
    const navigate = useNavigate();
    const queries = useQueryClient();
    const { data: slot, error, refetch } = useGetOne<Row>('slots', { id }, { onError: () => undefined, retry: false });
    useTopic('slots', (event) => void patchRow(queries, 'slots', event));
    const back = (
        <Link component={RouterLink} to="/slots" variant="body2" sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color: 'text.secondary', mb: 0.25 }}>
            <ArrowBack sx={{ fontSize: 15 }} />
            {t('nav.slots')}
        </Link>
    );
    if (error && !slot) {
        return (
            <Page>
                {back}
                <ProblemBox error={error} onRetry={() => void refetch()} />
            </Page>
        );
    }
    if (!slot) {
        return (
            <Page>
                {back}
                <Skeleton width={180} height={34} />
                <Skeleton variant="rounded" height={130} sx={{ mt: 2 }} />
            </Page>
        );
    }
    return (
        <Page>
            <PageHead
                back={back}
                title={t('slots.one', { number: slot.number })}
                about={
                    <Stack direction="row" sx={{ gap: 1, alignItems: 'center', mt: 0.5 }}>
                        <SlotStatusBadge slot={slot} />
                        <CodeBadge prefix="slot_states" code={slot.state} tones={SLOT_TONES} />
                        <Ticking since={slot.since} />
                    </Stack>
                }
                actions={<SlotMenu slot={slot} />}
            />
            <Section title={t('slots.now')}>
                <Facts
                    columns={2}
                    rows={[
                        [t('columns.number'), slot.number],
                        [t('columns.type'), <Code prefix="trunk_types" code={slot.type} />],
                        [t('columns.holder'), <Person id={slot.holder} name={slot.holder_name} />],
                        [t('columns.registered'), <Registered value={slot.registered} />],
                        [t('slots.since'), <Moment at={slot.since} show="moment" />],
                        [t('columns.epoch'), slot.epoch],
                    ]}
                />
            </Section>
            {can('slots.update') && <CallerSection slot={slot} />}
            {can('slots.update') && <LimitsSection slot={slot} />}
            {can('calls.read') && (
                <Section title={t('slots.calls')}>
                    <ListPage<CallRow>
                        embedded
                        noExport
                        name="slot-calls"
                        resource="calls"
                        title={t('slots.calls')}
                        columns={CALL_COLUMNS}
                        sort={{ field: 'started_at', order: 'DESC' }}
                        filter={{ or: [{ caller_slot: slot.id }, { callee_slot: slot.id }] }}
                        topic="calls"
                        onOpen={(call) => void navigate(`/calls/${call.id}/show`)}
                    />
                </Section>
            )}
        </Page>
    );
}
