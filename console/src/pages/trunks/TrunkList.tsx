import Add from '@mui/icons-material/Add';
import HubOutlined from '@mui/icons-material/HubOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Tooltip from '@mui/material/Tooltip';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { SlotCounts, SlotStatus, Trunk } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { usePbxStatus } from '@/live/pbx';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { SLOT_STATUS_TONES } from '@/ui/tones';
import { Code, Count } from '@/ui/values';

type Row = Trunk & { slots?: never };

const COLUMNS: ColumnSpec<Row>[] = [
    { name: 'name', render: (trunk) => <bdi style={{ fontWeight: 600 }}>{trunk.name}</bdi>, sort: true },
    { name: 'type', render: (trunk) => <Code prefix="trunk_types" code={trunk.type} />, width: 160 },
    { name: 'capacity', render: (trunk) => <Count value={trunk.capacity} />, align: 'right', width: 100, sort: true },
];

/** How its slots are is for who may watch hubs. */
const WATCHED: ColumnSpec<Row>[] = [...COLUMNS, { name: 'id', label: 'trunks.slots_now', render: (trunk) => <TrunkSlots id={trunk.id} /> }];

/** Trunks without slots are carriers, and have a page of their own. */
const HUBS = { type: ['auto', 'mf', 'ls'] };

/** Hubs: blocks of slots with numbers that follow one another. */
export function TrunkList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('trunks');
    const columns = may('monitor') ? WATCHED : COLUMNS;
    const create = may('create') && (
        <Button component={Link} to="/trunks/create" variant="contained" startIcon={<Add />}>
            {t('trunks.create')}
        </Button>
    );
    return (
        <ListPage<Row>
            resource="trunks"
            title={t('nav.trunks')}
            about={t('trunks.about')}
            columns={columns}
            filter={HUBS}
            sort={{ field: 'id', order: 'ASC' }}
            actions={create}
            onOpen={(trunk) => void navigate(`/trunks/${trunk.id}`)}
            empty={<Empty icon={HubOutlined} title={t('trunks.empty')} hint={t('trunks.empty_hint')} action={create} />}
        />
    );
}

function TrunkSlots({ id }: { id: string }) {
    const { data } = usePbxStatus();
    const counts = data?.trunks.find((trunk) => trunk.id === id)?.slots;
    return counts ? <SlotBar counts={counts} /> : null;
}

const SHOWN: SlotStatus[] = ['free', 'busy', 'taken', 'offline', 'fault', 'disabled'];

/** How many slots are what, drawn to scale. */
export function SlotBar({ counts }: { counts: SlotCounts }) {
    const t = useT();
    const code = useCode();
    const parts = SHOWN.filter((status) => counts[status] > 0);
    const text = parts.map((status) => `${code('slot_statuses', status)}: ${counts[status]}`).join(', ');
    return (
        <Tooltip title={text}>
            <Box role="img" aria-label={text || t('common.none')} sx={{ display: 'flex', gap: '2px', height: 10, minWidth: 140, maxWidth: 320, borderRadius: 1, overflow: 'hidden' }}>
                {parts.map((status) => (
                    <Box key={status} sx={{ flex: counts[status], bgcolor: (theme) => theme.palette.tones[SLOT_STATUS_TONES[status]], opacity: status === 'offline' || status === 'disabled' ? 0.35 : 0.9 }} />
                ))}
            </Box>
        </Tooltip>
    );
}
