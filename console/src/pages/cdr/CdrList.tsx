import ListAltOutlined from '@mui/icons-material/ListAltOutlined';
import { useNavigate } from 'react-router';
import type { CdrRecord } from '@/api/types';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { OUTCOME_TONES } from '@/ui/tones';
import { Code, CodeBadge, Length, Moment, Person, Phone } from '@/ui/values';
import { CAUSES } from '../calls/causes';
import { Direction, RecordingMark, SlotName } from '../calls/parts';

type Row = CdrRecord & { id: string };

const COLUMNS: ColumnSpec<Row>[] = [
    { name: 'started_at', render: (record) => <Moment at={record.started_at} />, sort: true, width: 120, figures: true },
    { name: 'direction', label: 'calls.direction', render: (record) => <Direction direction={record.direction} short />, width: 44 },
    { name: 'caller', render: (record) => <Phone number={record.caller} /> },
    { name: 'callee', render: (record) => <Phone number={record.callee} /> },
    { name: 'outcome', render: (record) => <CodeBadge prefix="outcomes" code={record.outcome} tones={OUTCOME_TONES} />, width: 130 },
    { name: 'ring_ms', render: (record) => <Length ms={record.ring_ms} />, align: 'right', width: 90, figures: true },
    { name: 'talk_ms', render: (record) => <Length ms={record.talk_ms} />, align: 'right', width: 100, sort: true, figures: true },
    { name: 'cause', render: (record) => <Code prefix="causes" code={record.cause} /> },
    { name: 'user', render: (record) => <Person id={record.user} /> },
    { name: 'recording', render: (record) => <RecordingMark recording={record.recording} />, width: 90, align: 'center' },
    { name: 'sip_status', align: 'right', extra: true },
    { name: 'remedy', render: (record) => <Code prefix="remedies" code={record.cause} />, extra: true },
    { name: 'caller_slot', render: (record) => <SlotName id={record.caller_slot} />, extra: true },
    { name: 'callee_slot', render: (record) => <SlotName id={record.callee_slot} />, extra: true },
    { name: 'scenario', extra: true },
    { name: 'source', extra: true },
    { name: 'answered_at', render: (record) => <Moment at={record.answered_at} />, extra: true },
    { name: 'ended_at', render: (record) => <Moment at={record.ended_at} />, extra: true },
    { name: 'call_id', render: (record) => <code>{record.call_id}</code>, extra: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'time', name: 'started_at' },
    { kind: 'choice', name: 'outcome', prefix: 'outcomes', choices: ['answered', 'busy', 'no_answer', 'canceled', 'failed'] },
    { kind: 'choice', name: 'direction', prefix: 'directions', choices: ['internal', 'outbound', 'inbound'] },
    { kind: 'seconds', name: 'talk_ms' },
    { kind: 'text', name: 'caller', operator: 'prefix' },
    { kind: 'text', name: 'callee', operator: 'prefix' },
    { kind: 'user', name: 'user' },
    { kind: 'user', name: 'served_by' },
    { kind: 'choice', name: 'cause', prefix: 'causes', choices: CAUSES },
];

/** The records of ended calls: one a call, never changed. */
export function CdrList() {
    const t = useT();
    const navigate = useNavigate();
    return (
        <ListPage<Row>
            resource="cdr"
            title={t('nav.cdr')}
            columns={COLUMNS}
            filters={FILTERS}
            sort={{ field: 'started_at', order: 'DESC' }}
            onOpen={(record) => void navigate(`/calls/${record.id}/show`)}
            empty={<Empty icon={ListAltOutlined} title={t('cdr.empty')} hint={t('cdr.empty_hint')} />}
        />
    );
}
