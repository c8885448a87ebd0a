import CallOutlined from '@mui/icons-material/CallOutlined';
import { useNavigate } from 'react-router';
import { useT } from '@/i18n';
import type { CallWithRecording } from '@/api/types';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { CALL_TONES, OUTCOME_TONES } from '@/ui/tones';
import { Code, CodeBadge, Moment, Person, Phone, Ticking } from '@/ui/values';
import { CAUSES } from './causes';
import { Direction, RecordingMark, SlotName } from './parts';

type Row = CallWithRecording & { id: string };

const COLUMNS: ColumnSpec<Row>[] = [
    { name: 'started_at', render: (call) => <Moment at={call.started_at} />, sort: true, width: 120, figures: true },
    { name: 'direction', label: 'calls.direction', render: (call) => <Direction direction={call.direction} short />, width: 44 },
    { name: 'caller', render: (call) => <Phone number={call.caller} /> },
    { name: 'callee', render: (call) => <Phone number={call.callee} /> },
    { name: 'status', label: 'calls.state', render: (call) => <CallState call={call} />, width: 120 },
    { name: 'answered_at', label: 'calls.talk', render: (call) => <Ticking since={call.answered_at} until={call.ended_at} />, align: 'right', width: 100, figures: true },
    { name: 'cause', render: (call) => <Code prefix="causes" code={call.cause} /> },
    { name: 'user', render: (call) => <Person id={call.user} /> },
    { name: 'recording', render: (call) => <RecordingMark recording={call.recording} />, width: 90, align: 'center' },
    { name: 'outcome', render: (call) => <CodeBadge prefix="outcomes" code={call.outcome} tones={OUTCOME_TONES} />, extra: true },
    { name: 'caller_slot', render: (call) => <SlotName id={call.caller_slot} />, extra: true },
    { name: 'callee_slot', render: (call) => <SlotName id={call.callee_slot} />, extra: true },
    { name: 'scenario', extra: true },
    { name: 'source', extra: true },
    { name: 'ended_at', render: (call) => <Moment at={call.ended_at} />, extra: true },
    { name: 'call_id', render: (call) => <code>{call.call_id}</code>, extra: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'time', name: 'started_at' },
    { kind: 'choice', name: 'status', prefix: 'call_statuses', choices: ['dialing', 'ringing', 'answered', 'held', 'ended'] },
    { kind: 'choice', name: 'outcome', prefix: 'outcomes', choices: ['answered', 'busy', 'no_answer', 'canceled', 'failed'] },
    { kind: 'choice', name: 'direction', prefix: 'directions', choices: ['internal', 'outbound', 'inbound'] },
    { kind: 'text', name: 'caller', operator: 'prefix' },
    { kind: 'text', name: 'callee', operator: 'prefix' },
    { kind: 'user', name: 'user' },
    { kind: 'user', name: 'served_by' },
    { kind: 'choice', name: 'cause', prefix: 'causes', choices: CAUSES },
];

/** How far a call has come; of an ended one, how it ended. */
function CallState({ call }: { call: Row }) {
    if (call.status === 'ended' && call.outcome) return <CodeBadge prefix="outcomes" code={call.outcome} tones={OUTCOME_TONES} />;
    return <CodeBadge prefix="call_statuses" code={call.status} tones={CALL_TONES} />;
}

/** Live and ended calls, newest first. */
export function CallList() {
    const t = useT();
    const navigate = useNavigate();
    return (
        <ListPage<Row>
            resource="calls"
            title={t('nav.calls')}
            columns={COLUMNS}
            filters={FILTERS}
            sort={{ field: 'started_at', order: 'DESC' }}
            topic="calls"
            onOpen={(call) => void navigate(`/calls/${call.id}/show`)}
            empty={<Empty icon={CallOutlined} title={t('calls.empty')} hint={t('calls.empty_hint')} />}
        />
    );
}
