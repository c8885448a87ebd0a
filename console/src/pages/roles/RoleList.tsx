import BadgeOutlined from '@mui/icons-material/BadgeOutlined';
import Add from '@mui/icons-material/Add';
import Button from '@mui/material/Button';
import Stack from '@mui/material/Stack';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { Role } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { Badge, Count, Moment } from '@/ui/values';

const COLUMNS: ColumnSpec<Role & { created_at?: number; updated_at?: number }>[] = [
    { name: 'name', render: (role) => <RoleName role={role} />, sort: true },
    { name: 'code', render: (role) => <code>{role.code}</code>, sort: true },
    { name: 'sets', render: (role) => <code>{role.sets.join(', ')}</code> },
    { name: 'permissions', render: (role) => <Count value={role.permissions.length} />, align: 'right', width: 110 },
    { name: 'lists', render: (role) => <Count value={role.lists.length} />, align: 'right', extra: true },
    { name: 'columns', render: (role) => <Count value={role.columns.length} />, align: 'right', extra: true },
    { name: 'updated_at', render: (role) => <Moment at={role.updated_at} />, extra: true },
];

/** What people are allowed, by what they do. */
export function RoleList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('roles');
    const create = may('create') && (
        <Button component={Link} to="/roles/create" variant="contained" startIcon={<Add />}>
            {t('roles.create')}
        </Button>
    );
    return (
        <ListPage<Role>
            resource="roles"
            title={t('nav.roles')}
            about={t('roles.about')}
            columns={COLUMNS}
            filters={[{ kind: 'yes', name: 'builtin' }]}
            sort={{ field: 'code', order: 'ASC' }}
            actions={create}
            onOpen={(role) => void navigate(`/roles/${role.id}`)}
            empty={<Empty icon={BadgeOutlined} title={t('roles.empty')} action={create} />}
        />
    );
}

function RoleName({ role }: { role: Role }) {
    const t = useT();
    const code = useCode();
    return (
        <Stack direction="row" sx={{ gap: 1, alignItems: 'center' }}>
            <strong style={{ fontWeight: 600 }}>{role.builtin ? code('roles.codes', role.code, role.name) : role.name}</strong>
            {role.builtin && <Badge tone="off">{t('roles.builtin')}</Badge>}
        </Stack>
    );
}
