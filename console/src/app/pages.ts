import AltRouteOutlined from '@mui/icons-material/AltRouteOutlined';
import Apartment from '@mui/icons-material/ApartmentOutlined';
import CallOutlined from '@mui/icons-material/CallOutlined';
import CellTowerOutlined from '@mui/icons-material/CellTowerOutlined';
import DashboardOutlined from '@mui/icons-material/GridViewOutlined';
import DialpadOutlined from '@mui/icons-material/DialpadOutlined';
import DnsOutlined from '@mui/icons-material/DnsOutlined';
import EventRepeat from '@mui/icons-material/EventRepeatOutlined';
import FactCheckOutlined from '@mui/icons-material/FactCheckOutlined';
import FileDownloadOutlined from '@mui/icons-material/FileDownloadOutlined';
import GppMaybeOutlined from '@mui/icons-material/GppMaybeOutlined';
import GppBadOutlined from '@mui/icons-material/GppBadOutlined';
import GroupsOutlined from '@mui/icons-material/GroupsOutlined';
import HubOutlined from '@mui/icons-material/HubOutlined';
import KeyOutlined from '@mui/icons-material/VpnKeyOutlined';
import ListAltOutlined from '@mui/icons-material/ListAltOutlined';
import MonitorHeartOutlined from '@mui/icons-material/MonitorHeartOutlined';
import PhonelinkRingOutlined from '@mui/icons-material/PhonelinkRingOutlined';
import PlaylistPlay from '@mui/icons-material/PlaylistPlayOutlined';
import SavingsOutlined from '@mui/icons-material/SavingsOutlined';
import RuleOutlined from '@mui/icons-material/RuleOutlined';
import TheaterComedy from '@mui/icons-material/BadgeOutlined';
import TroubleshootOutlined from '@mui/icons-material/TroubleshootOutlined';
import WebhookOutlined from '@mui/icons-material/WebhookOutlined';
import type { SvgIconComponent } from '@mui/icons-material';
import { lazy, type ComponentType } from 'react';
import type { MessageKey } from '@/i18n';
import type { ResourceName } from '@/providers/resources';

export type MenuGroup = 'calls' | 'slots' | 'world' | 'people' | 'system';

interface Common {
    path: string;
    /** The right without which the page is not in the menu. */
    permission: string;
    /** Its place in the menu; none: it is reached from elsewhere. */
    menu?: { group: MenuGroup; label: MessageKey; icon: SvgIconComponent };
}

/** A page of a resource (its list, its forms), or one of its own. */
export type PageSpec =
    | (Common & { resource: ResourceName; views: Partial<Record<'list' | 'create' | 'edit' | 'show', ComponentType>> })
    | (Common & { element: ComponentType });

type Views = Record<string, ComponentType>;

/** A page out of a folder's table of contents; the folder is fetched with the first of them. */
function from(load: () => Promise<Views>, name: string): ComponentType {
    return lazy(async () => {
        const view = (await load())[name];
        if (!view) throw new Error(`the folder has no page ${name}`);
        return { default: view };
    });
}

const crud = (load: () => Promise<Views>, ...names: ('list' | 'create' | 'edit' | 'show')[]) =>
    Object.fromEntries(names.map((name) => [name, from(load, `${name.charAt(0).toUpperCase()}${name.slice(1)}`)]));

const load = {
    live: () => import('@/pages/live') as Promise<Views>,
    calls: () => import('@/pages/calls') as Promise<Views>,
    cdr: () => import('@/pages/cdr') as Promise<Views>,
    slots: () => import('@/pages/slots') as Promise<Views>,
    trunks: () => import('@/pages/trunks') as Promise<Views>,
    carriers: () => import('@/pages/carriers') as Promise<Views>,
    routes: () => import('@/pages/routes') as Promise<Views>,
    registrations: () => import('@/pages/registrations') as Promise<Views>,
    users: () => import('@/pages/users') as Promise<Views>,
    roles: () => import('@/pages/roles') as Promise<Views>,
    sets: () => import('@/pages/permission-sets') as Promise<Views>,
    oidc: () => import('@/pages/oidc-role-map') as Promise<Views>,
    audit: () => import('@/pages/audit') as Promise<Views>,
    events: () => import('@/pages/events') as Promise<Views>,
    jobs: () => import('@/pages/jobs') as Promise<Views>,
    schedules: () => import('@/pages/schedules') as Promise<Views>,
    exports: () => import('@/pages/exports') as Promise<Views>,
    webhooks: () => import('@/pages/webhooks') as Promise<Views>,
    centers: () => import('@/pages/centers') as Promise<Views>,
    bans: () => import('@/pages/bans') as Promise<Views>,
    budgets: () => import('@/pages/budgets') as Promise<Views>,
    status: () => import('@/pages/status') as Promise<Views>,
    settings: () => import('@/pages/settings') as Promise<Views>,
};

/** Every page, in the menu's order. */
export const pages: PageSpec[] = [
    { path: '/live', permission: 'slots.read', element: from(load.live, 'LivePage'), menu: { group: 'calls', label: 'nav.live', icon: DashboardOutlined } },
    { path: '/calls', permission: 'calls.read', resource: 'calls', views: crud(load.calls, 'list', 'show'), menu: { group: 'calls', label: 'nav.calls', icon: CallOutlined } },
    { path: '/cdr', permission: 'calls.read', resource: 'cdr', views: crud(load.cdr, 'list'), menu: { group: 'calls', label: 'nav.cdr', icon: ListAltOutlined } },

    { path: '/slots', permission: 'slots.read', resource: 'slots', views: crud(load.slots, 'list', 'show'), menu: { group: 'slots', label: 'nav.slots', icon: DialpadOutlined } },
    { path: '/registrations', permission: 'slots.read', element: from(load.registrations, 'RegistrationsPage'), menu: { group: 'slots', label: 'nav.registrations', icon: PhonelinkRingOutlined } },
    { path: '/trunks', permission: 'trunks.read', resource: 'trunks', views: crud(load.trunks, 'list', 'create', 'edit'), menu: { group: 'slots', label: 'nav.trunks', icon: HubOutlined } },

    { path: '/carriers', permission: 'trunks.read', resource: 'carriers', views: crud(load.carriers, 'list', 'create', 'edit'), menu: { group: 'world', label: 'nav.carriers', icon: CellTowerOutlined } },
    { path: '/routes', permission: 'routes.read', resource: 'routes', views: crud(load.routes, 'list', 'create', 'edit'), menu: { group: 'world', label: 'nav.routes', icon: AltRouteOutlined } },
    { path: '/routes/explain', permission: 'routes.read', element: from(load.routes, 'ExplainPage'), menu: { group: 'world', label: 'nav.explain', icon: TroubleshootOutlined } },

    { path: '/users', permission: 'users.read', resource: 'users', views: crud(load.users, 'list', 'create', 'edit'), menu: { group: 'people', label: 'nav.users', icon: GroupsOutlined } },
    { path: '/roles', permission: 'roles.read', resource: 'roles', views: crud(load.roles, 'list', 'create', 'edit'), menu: { group: 'people', label: 'nav.roles', icon: TheaterComedy } },
    { path: '/permission-sets', permission: 'roles.read', resource: 'permission-sets', views: crud(load.sets, 'list', 'create', 'edit'), menu: { group: 'people', label: 'nav.sets', icon: RuleOutlined } },
    { path: '/oidc-role-map', permission: 'oidc_role_map.read', resource: 'oidc-role-map', views: crud(load.oidc, 'list', 'create'), menu: { group: 'people', label: 'nav.oidc', icon: KeyOutlined } },

    { path: '/status', permission: 'system.monitor', element: from(load.status, 'StatusPage'), menu: { group: 'system', label: 'nav.status', icon: MonitorHeartOutlined } },
    { path: '/jobs', permission: 'jobs.read', resource: 'jobs', views: crud(load.jobs, 'list', 'show'), menu: { group: 'system', label: 'nav.jobs', icon: PlaylistPlay } },
    { path: '/schedules', permission: 'schedules.read', resource: 'schedules', views: crud(load.schedules, 'list', 'create', 'edit'), menu: { group: 'system', label: 'nav.schedules', icon: EventRepeat } },
    { path: '/exports', permission: 'exports.read', resource: 'exports', views: crud(load.exports, 'list'), menu: { group: 'system', label: 'nav.exports', icon: FileDownloadOutlined } },
    { path: '/webhooks', permission: 'webhooks.read', resource: 'webhooks', views: crud(load.webhooks, 'list', 'create', 'edit'), menu: { group: 'system', label: 'nav.webhooks', icon: WebhookOutlined } },
    { path: '/webhook-deliveries', permission: 'webhooks.read', resource: 'webhook-deliveries', views: { list: from(load.webhooks, 'Deliveries') } },
    { path: '/events', permission: 'events_log.read', resource: 'events', views: crud(load.events, 'list'), menu: { group: 'system', label: 'nav.events', icon: DnsOutlined } },
    { path: '/audit', permission: 'audit_log.read', resource: 'audit', views: { list: from(load.audit, 'List') }, menu: { group: 'system', label: 'nav.audit', icon: FactCheckOutlined } },
    { path: '/security-audit', permission: 'audit_log.read', resource: 'security-audit', views: { list: from(load.audit, 'SecurityList') }, menu: { group: 'system', label: 'nav.security', icon: GppMaybeOutlined } },
    { path: '/bans', permission: 'security.read', resource: 'bans', views: crud(load.bans, 'list'), menu: { group: 'system', label: 'nav.bans', icon: GppBadOutlined } },
    { path: '/budgets', permission: 'security.read', resource: 'budgets', views: crud(load.budgets, 'list', 'create', 'edit'), menu: { group: 'system', label: 'nav.budgets', icon: SavingsOutlined } },
    { path: '/centers', permission: 'centers.read', resource: 'centers', views: crud(load.centers, 'list', 'create', 'edit'), menu: { group: 'system', label: 'nav.centers', icon: Apartment } },

    { path: '/settings', permission: '', element: from(load.settings, 'SettingsPage') },
    // Stories are for people who change components, and not in what is built for the server.
    ...(import.meta.env.FAKE ? [{ path: '/stories', permission: '', element: from(() => import('@/testing/Gallery') as Promise<Views>, 'GalleryPage') }] : []),
];
