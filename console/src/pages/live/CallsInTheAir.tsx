import Box from '@mui/material/Box';
import Skeleton from '@mui/material/Skeleton';
import { useNavigate } from 'react-router';
import { useCan, useReachesCall } from '@/access/me';
import type { Call } from '@/api/types';
import { useT } from '@/i18n';
import { Table } from '@/ui/list/Table';
import type { ShownColumn } from '@/ui/list/columns';
import { CALL_TONES } from '@/ui/tones';
import { CodeBadge, Person, Phone, Ticking } from '@/ui/values';
import { EndButton } from '../calls/CallShow';
import { Direction, SlotName } from '../calls/parts';

type Row = Call & { id: string };

const column = (spec: Partial<ShownColumn<Row>> & Pick<ShownColumn<Row>, 'name'>): ShownColumn<Row> => ({ sortable: false, shown: true, ...spec });

const COLUMNS: ShownColumn<Row>[] = [
    column({ name: 'status', render: (call) => <CodeBadge prefix="call_statuses" code={call.status} tones={CALL_TONES} />, width: 130 }),
    column({ name: 'started_at', label: 'live.lasts', render: (call) => <Ticking since={call.answered_at ?? call.started_at} />, align: 'right', width: 90, figures: true }),
    column({ name: 'direction', render: (call) => <Direction direction={call.direction} />, width: 120 }),
    column({ name: 'caller', render: (call) => <Phone number={call.caller} /> }),
    column({ name: 'callee', render: (call) => <Phone number={call.callee} /> }),
    column({ name: 'caller_slot', label: 'columns.slot', render: (call) => <SlotName id={call.caller_slot ?? call.callee_slot} />, width: 90 }),
    column({ name: 'user', render: (call) => <Person id={call.user ?? call.segments?.at(-1)?.user} /> }),
];

/** The calls that are under way. */
export function CallsInTheAir({ calls }: { calls: Call[] | undefined }) {
    const t = useT();
    const can = useCan();
    const reaches = useReachesCall('calls.end');
    const navigate = useNavigate();
    if (!calls) {
        return (
            <Box sx={{ px: 2, pb: 2 }}>
                <Skeleton height={34} />
                <Skeleton height={34} />
            </Box>
        );
    }
    return (
        <Box sx={{ maxHeight: 380, display: 'flex' }}>
            <Table<Row>
                label={t('live.calls')}
                columns={COLUMNS}
                rows={calls.map((call) => ({ ...call, id: call.call_id }))}
                onOpen={(call) => void navigate(`/calls/${call.call_id}/show`)}
                rowActions={can('calls.end') ? (call) => reaches(call) && <EndButton callId={call.call_id} small /> : undefined}
                empty={<Box sx={{ px: 2, py: 2, color: 'text.secondary', fontSize: '0.8125rem' }}>{t('live.no_calls')}</Box>}
            />
        </Box>
    );
}
