import GroupsOutlined from '@mui/icons-material/GroupsOutlined';
import KeyOutlined from '@mui/icons-material/VpnKeyOutlined';
import RuleOutlined from '@mui/icons-material/RuleOutlined';
import TheaterComedy from '@mui/icons-material/BadgeOutlined';
import { looksAfterSome, type Guarded } from '@/access/pages';
import { may } from '@/access/me';
import { crud, from, type PageSpec, type Views } from './spec';

const load = {
    users: () => import('@/pages/users') as Promise<Views>,
    roles: () => import('@/pages/roles') as Promise<Views>,
    sets: () => import('@/pages/permission-sets') as Promise<Views>,
    oidc: () => import('@/pages/oidc-role-map') as Promise<Views>,
    settings: () => import('@/pages/settings') as Promise<Views>,
};

/** Whoever looks after listeners alone has a page that is cut to that. */
const managesListeners: Guarded['unless'] = (mine) => looksAfterSome(mine) && may(mine, 'tags.manage');

/** People and what they may do; what one sets up for oneself. */
export const people: PageSpec[] = [
    { path: '/users', permission: 'users.read', unless: managesListeners, resource: 'users', views: crud(load.users, 'list', 'create', 'edit'), menu: { group: 'people', label: 'nav.users', icon: GroupsOutlined } },
    { path: '/roles', permission: 'roles.read', unless: managesListeners, resource: 'roles', views: crud(load.roles, 'list', 'create', 'edit'), menu: { group: 'people', label: 'nav.roles', icon: TheaterComedy } },
    { path: '/permission-sets', permission: 'roles.read', unless: managesListeners, resource: 'permission-sets', views: crud(load.sets, 'list', 'create', 'edit'), menu: { group: 'people', label: 'nav.sets', icon: RuleOutlined } },
    { path: '/oidc-role-map', permission: 'oidc_role_map.read', resource: 'oidc-role-map', views: crud(load.oidc, 'list', 'create'), menu: { group: 'people', label: 'nav.oidc', icon: KeyOutlined } },
    { path: '/settings', permission: '', element: from(load.settings, 'SettingsPage') },
];
