import Box from '@mui/material/Box';
import type { RaRecord } from 'ra-core';
import type { HeardCall, ShownTag } from '@/api/listening';
import { Direction, RecordingMark, SlotName } from '@/pages/calls/parts';
import { TagChip } from '@/tags/TagChip';
import type { ColumnSpec } from '@/ui/list/columns';
import { OUTCOME_TONES } from '@/ui/tones';
import { CodeBadge, Moment, Nothing, Person, Phone } from '@/ui/values';

export type Row = HeardCall & RaRecord;

/** The columns of the listener's report. What somebody does not see the server does not name, and it is not there. */
export const COLUMNS: ColumnSpec<Row>[] = [
    { name: 'started_at', render: (call) => <Moment at={call.started_at} />, width: 130 },
    { name: 'direction', label: 'calls.direction', render: (call) => <Direction direction={call.direction} short />, width: 44 },
    { name: 'caller', render: (call) => <Phone number={call.caller} />, width: 150 },
    { name: 'scenario', width: 170 },
    { name: 'recording', render: (call) => <RecordingMark recording={call.recording} />, width: 90, align: 'center' },
    { name: 'tags', label: 'listening.tags', render: (call) => <Tags tags={call.tags} /> },
    { name: 'callee', render: (call) => <Phone number={call.callee} />, extra: true },
    { name: 'source', extra: true },
    { name: 'user', render: (call) => <Person id={call.user} />, extra: true },
    { name: 'outcome', render: (call) => <CodeBadge prefix="outcomes" code={call.outcome} tones={OUTCOME_TONES} />, extra: true },
    { name: 'callee_slot', render: (call) => <SlotName id={call.callee_slot} />, extra: true },
    { name: 'ended_at', render: (call) => <Moment at={call.ended_at} />, extra: true },
];

function Tags({ tags }: { tags: readonly ShownTag[] | null | undefined }) {
    if (!tags?.length) return <Nothing />;
    return (
        <Box component="span" sx={{ display: 'inline-flex', gap: 0.5, verticalAlign: 'middle' }}>
            {tags.map(({ id, name, colour }) => (
                <TagChip key={id} colour={colour}>
                    <bdi>{name ?? `#${id}`}</bdi>
                </TagChip>
            ))}
        </Box>
    );
}
