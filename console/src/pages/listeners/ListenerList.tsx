import HeadphonesOutlined from '@mui/icons-material/HeadphonesOutlined';
import PersonAddAlt from '@mui/icons-material/PersonAddAlt';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { User } from '@/api/types';
import { useT } from '@/i18n';
import { useTagGroups } from '@/tags/dictionary';
import { Empty } from '@/ui/empty';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { ListPage } from '@/ui/list/ListPage';
import { USER_TONES } from '@/ui/tones';
import { CodeBadge, Moment } from '@/ui/values';
import { givenOf } from './given';

const COLUMNS: ColumnSpec<User>[] = [
    { name: 'display_name', render: (user) => <bdi style={{ fontWeight: 600 }}>{user.display_name || user.username}</bdi> },
    { name: 'username' },
    { name: 'state', render: (user) => <CodeBadge prefix="user_states" code={user.state} tones={USER_TONES} />, width: 120 },
    { name: 'lists', label: 'listeners.given', render: (user) => <GivenTo user={user} />, wrap: true },
    { name: 'last_login_at', render: (user) => <Moment at={user.last_login_at} show="ago" />, width: 160 },
    { name: 'email', extra: true },
    { name: 'created_at', render: (user) => <Moment at={user.created_at} />, extra: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'choice', name: 'state', prefix: 'user_states', choices: ['active', 'invited', 'disabled'] },
    { kind: 'time', name: 'last_login_at' },
];

/** The listeners whom one looks after. */
export function ListenerList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('listeners');
    const create = may('create') && (
        <Button component={Link} to="/listeners/create" variant="contained" startIcon={<PersonAddAlt />}>
            {t('listeners.create')}
        </Button>
    );
    return (
        <ListPage<User>
            resource="listeners"
            title={t('nav.listeners')}
            columns={COLUMNS}
            filters={FILTERS}
            sort={{ field: 'username', order: 'ASC' }}
            topic="users"
            actions={create}
            onOpen={(user) => void navigate(`/listeners/${user.id}`)}
            empty={<Empty icon={HeadphonesOutlined} title={t('listeners.empty')} hint={t('listeners.empty_hint')} action={create} />}
        />
    );
}

/** The scenarios that somebody hears, and the groups whose tags they set. */
function GivenTo({ user }: { user: User }) {
    const t = useT();
    const { groups } = useTagGroups();
    const scenarios = givenOf(user.lists, 'scenarios');
    const given = givenOf(user.lists, 'groups').map((id) => groups?.find((group) => group.id === id)?.name ?? `#${id}`);
    return (
        <>
            <div>{scenarios.length > 0 ? <bdi>{scenarios.join(', ')}</bdi> : t('listeners.no_calls_short')}</div>
            <Typography variant="caption" component="div" sx={{ color: 'text.secondary' }}>
                {given.length > 0 ? <bdi>{given.join(', ')}</bdi> : t('listeners.no_tags_short')}
            </Typography>
        </>
    );
}
