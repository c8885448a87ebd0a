import Add from '@mui/icons-material/Add';
import RuleOutlined from '@mui/icons-material/RuleOutlined';
import Button from '@mui/material/Button';
import Stack from '@mui/material/Stack';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { PermissionSet } from '@/api/types';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { Badge, Count } from '@/ui/values';
import { useSetName } from './name';

const COLUMNS: ColumnSpec<PermissionSet>[] = [
    { name: 'name', render: (set) => <SetName set={set} />, sort: true },
    { name: 'code', render: (set) => <code>{set.code}</code>, sort: true },
    { name: 'permissions', render: (set) => <Count value={set.permissions.length} />, align: 'right', width: 130 },
];

/** Bundles of permissions, of which roles are made. */
export function SetList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('permission-sets');
    const create = may('create') && (
        <Button component={Link} to="/permission-sets/create" variant="contained" startIcon={<Add />}>
            {t('sets.create')}
        </Button>
    );
    return (
        <ListPage<PermissionSet>
            resource="permission-sets"
            title={t('nav.sets')}
            about={t('sets.about')}
            columns={COLUMNS}
            filters={[{ kind: 'yes', name: 'builtin' }]}
            sort={{ field: 'code', order: 'ASC' }}
            actions={create}
            onOpen={(set) => void navigate(`/permission-sets/${set.id}`)}
            empty={<Empty icon={RuleOutlined} title={t('sets.empty')} action={create} />}
        />
    );
}

function SetName({ set }: { set: PermissionSet }) {
    const t = useT();
    const name = useSetName();
    return (
        <Stack direction="row" sx={{ gap: 1, alignItems: 'center' }}>
            <strong style={{ fontWeight: 600 }}>{name(set)}</strong>
            {set.builtin && <Badge tone="off">{t('roles.builtin')}</Badge>}
        </Stack>
    );
}
