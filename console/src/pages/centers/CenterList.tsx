import Add from '@mui/icons-material/Add';
import Apartment from '@mui/icons-material/ApartmentOutlined';
import Button from '@mui/material/Button';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { Center } from '@/api/types';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { Code, CodeBadge, Moment } from '@/ui/values';

const COLUMNS: ColumnSpec<Center & { created_at?: number }>[] = [
    { name: 'name', render: (center) => <bdi style={{ fontWeight: 600 }}>{center.name}</bdi> },
    { name: 'code', render: (center) => <code>{center.code}</code> },
    { name: 'locale', render: (center) => <Code prefix="languages" code={center.locale} />, width: 130 },
    { name: 'tz', width: 180 },
    { name: 'state', render: (center) => <CodeBadge prefix="center_states" code={center.state} tones={{ active: 'good', disabled: 'off' }} />, width: 130 },
    { name: 'created_at', render: (center) => <Moment at={center.created_at} />, extra: true },
    { name: 'id', align: 'right', extra: true, sort: true },
];

/** Call centres: each with its own people, slots and data. */
export function CenterList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('centers');
    const create = may('create') && (
        <Button component={Link} to="/centers/create" variant="contained" startIcon={<Add />}>
            {t('centers.create')}
        </Button>
    );
    return (
        <ListPage<Center>
            resource="centers"
            title={t('nav.centers')}
            about={t('centers.about')}
            columns={COLUMNS}
            filters={[{ kind: 'choice', name: 'state', prefix: 'center_states', choices: ['active', 'disabled'] }]}
            actions={create}
            onOpen={(center) => void navigate(`/centers/${center.id}`)}
            empty={<Empty icon={Apartment} title={t('centers.empty')} action={create} />}
        />
    );
}
