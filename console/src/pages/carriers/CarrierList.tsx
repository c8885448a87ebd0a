import Add from '@mui/icons-material/Add';
import CellTowerOutlined from '@mui/icons-material/CellTowerOutlined';
import Button from '@mui/material/Button';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { Carrier } from '@/api/plan';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { Count, Nothing } from '@/ui/values';
import { Enabled } from '../schedules/ScheduleList';

const COLUMNS: ColumnSpec<Carrier>[] = [
    { name: 'name', render: (carrier) => <bdi style={{ fontWeight: 600 }}>{carrier.name}</bdi>, sort: true },
    { name: 'on', label: 'carriers.use', render: (carrier) => <Enabled value={carrier.on} />, width: 130 },
    { name: 'group', render: (carrier) => (carrier.group ? <bdi>{carrier.group}</bdi> : <Nothing />), width: 200 },
    { name: 'capacity', label: 'carriers.capacity', render: (carrier) => <Count value={carrier.capacity} />, align: 'right', width: 150, sort: true },
    { name: 'id', extra: true, sort: true },
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
    const create = may('create') && (
        <Button component={Link} to="/carriers/create" variant="contained" startIcon={<Add />}>
            {t('carriers.create')}
        </Button>
    );
    return (
        <ListPage<Carrier>
            resource="carriers"
            title={t('nav.carriers')}
            about={t('carriers.about')}
            columns={COLUMNS}
            filters={FILTERS}
            filter={{ type: 'sip' }}
            sort={{ field: 'name', order: 'ASC' }}
            actions={create}
            onOpen={(carrier) => void navigate(`/carriers/${carrier.id}`)}
            empty={<Empty icon={CellTowerOutlined} title={t('carriers.empty')} hint={t('carriers.empty_hint')} action={create} />}
        />
    );
}
