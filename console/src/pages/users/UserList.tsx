import GroupsOutlined from '@mui/icons-material/GroupsOutlined';
import PersonAddAlt from '@mui/icons-material/PersonAddAlt';
import Button from '@mui/material/Button';
import Chip from '@mui/material/Chip';
import Stack from '@mui/material/Stack';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import { useRoleName } from '@/access/roles';
import type { User } from '@/api/types';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { USER_TONES } from '@/ui/tones';
import { CodeBadge, Moment, Nothing, Person } from '@/ui/values';
import { UserBulk } from './UserBulk';

const COLUMNS: ColumnSpec<User>[] = [
    { name: 'username', render: (user) => <bdi style={{ fontWeight: 600 }}>{user.username}</bdi>, sort: true },
    { name: 'display_name' },
    { name: 'roles', render: (user) => <Roles codes={user.roles} /> },
    { name: 'state', render: (user) => <CodeBadge prefix="user_states" code={user.state} tones={USER_TONES} />, width: 130 },
    { name: 'email' },
    { name: 'manager', render: (user) => <Person id={user.manager} /> },
    { name: 'last_login_at', render: (user) => <Moment at={user.last_login_at} show="ago" />, sort: true, width: 170 },
    { name: 'sso', render: (user) => <YesNo value={user.sso} />, extra: true },
    { name: 'locale', extra: true },
    { name: 'tz', extra: true },
    { name: 'created_at', render: (user) => <Moment at={user.created_at} />, extra: true },
    { name: 'id', extra: true, sort: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'choice', name: 'state', prefix: 'user_states', choices: ['active', 'invited', 'disabled'] },
    { kind: 'user', name: 'manager' },
    { kind: 'time', name: 'last_login_at' },
    { kind: 'yes', name: 'sso' },
];

/** People who can log in. */
export function UserList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('users');
    const create = may('create') && (
        <Button component={Link} to="/users/create" variant="contained" startIcon={<PersonAddAlt />}>
            {t('users.create')}
        </Button>
    );
    return (
        <ListPage<User>
            resource="users"
            title={t('nav.users')}
            columns={COLUMNS}
            filters={FILTERS}
            sort={{ field: 'username', order: 'ASC' }}
            topic="users"
            actions={create}
            onOpen={(user) => void navigate(`/users/${user.id}`)}
            bulk={may('bulk') ? <UserBulk /> : undefined}
            empty={<Empty icon={GroupsOutlined} title={t('users.empty')} hint={t('users.empty_hint')} action={create} />}
        />
    );
}

export function Roles({ codes }: { codes: string[] | undefined }) {
    const name = useRoleName();
    if (!codes?.length) return <Nothing />;
    return (
        <Stack direction="row" sx={{ gap: 0.5, flexWrap: 'wrap' }}>
            {codes.map((role) => (
                <Chip key={role} label={<bdi>{name(role)}</bdi>} variant="outlined" sx={{ height: 20, fontSize: '0.75rem' }} />
            ))}
        </Stack>
    );
}

export function YesNo({ value }: { value: boolean | undefined }) {
    const t = useT();
    return value === undefined ? <Nothing /> : <span>{value ? t('common.yes') : t('common.no')}</span>;
}
