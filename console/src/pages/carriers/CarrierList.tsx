import Add from '@mui/icons-material/Add';
import CellTowerOutlined from '@mui/icons-material/CellTowerOutlined';
import Button from '@mui/material/Button';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { Carrier } from '@/api/plan';
import { useT } from '@/i18n';
import { useLiveStatus } from '@/live/pbx';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { Count, Nothing } from '@/ui/values';
import { Enabled } from '../schedules/ScheduleList';
import { CallsCell, RegistrationCell, StandingCell } from './Now';

/** What is registered is part of the settings: who does not see those does not see it either. */
type Row = Carrier & { settings?: never };

const NAME: ColumnSpec<Row> = { name: 'name', render: (carrier) => <bdi style={{ fontWeight: 600 }}>{carrier.name}</bdi>, sort: true };
const GROUP: ColumnSpec<Row> = { name: 'group', render: (carrier) => (carrier.group ? <bdi>{carrier.group}</bdi> : <Nothing />), width: 160 };
const ID: ColumnSpec<Row> = { name: 'id', extra: true, sort: true };

const COLUMNS: ColumnSpec<Row>[] = [
    NAME,
    { name: 'on', label: 'carriers.use', render: (carrier) => <Enabled value={carrier.on} />, width: 130 },
    GROUP,
    { name: 'capacity', label: 'carriers.capacity', render: (carrier) => <Count value={carrier.capacity} />, align: 'right', width: 150, sort: true },
    ID,
];

/** How each is at this moment is for who may watch trunks. */
const WATCHED: ColumnSpec<Row>[] = [
    NAME,
    { name: 'on', label: 'carriers.standing', render: (carrier) => <StandingCell carrier={carrier} />, wrap: true, width: '36%' },
    { name: 'settings', label: 'carriers.registration', render: (carrier) => <RegistrationCell carrier={carrier} />, width: 170 },
    { name: 'capacity', label: 'carriers.calls_now', render: (carrier) => <CallsCell carrier={carrier} />, width: 190, sort: true },
    GROUP,
    ID,
];

const FILTERS: FilterSpec[] = [
    { kind: 'yes', name: 'on', label: 'carriers.use' },
    { kind: 'text', name: 'name', operator: 'contains' },
    { kind: 'text', name: 'group', operator: 'eq' },
];

/** By whom calls come from and go to the world. */
export function CarrierList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('carriers');
    useLiveStatus();
    const create = may('create') && (
        <Button component={Link} to="/carriers/create" variant="contained" startIcon={<Add />}>
            {t('carriers.create')}
        </Button>
    );
    return (
        <ListPage<Row>
            resource="carriers"
            title={t('nav.carriers')}
            about={t('carriers.about')}
            columns={may('monitor') ? WATCHED : COLUMNS}
            filters={FILTERS}
            filter={{ type: 'sip' }}
            sort={{ field: 'name', order: 'ASC' }}
            actions={create}
            onOpen={(carrier) => void navigate(`/carriers/${carrier.id}`)}
            empty={<Empty icon={CellTowerOutlined} title={t('carriers.empty')} hint={t('carriers.empty_hint')} action={create} />}
        />
    );
}
