import Apartment from '@mui/icons-material/ApartmentOutlined';
import DnsOutlined from '@mui/icons-material/DnsOutlined';
import EventRepeat from '@mui/icons-material/EventRepeatOutlined';
import FactCheckOutlined from '@mui/icons-material/FactCheckOutlined';
import FileDownloadOutlined from '@mui/icons-material/FileDownloadOutlined';
import GppMaybeOutlined from '@mui/icons-material/GppMaybeOutlined';
import GppBadOutlined from '@mui/icons-material/GppBadOutlined';
import MonitorHeartOutlined from '@mui/icons-material/MonitorHeartOutlined';
import PlaylistPlay from '@mui/icons-material/PlaylistPlayOutlined';
import SavingsOutlined from '@mui/icons-material/SavingsOutlined';
import WebhookOutlined from '@mui/icons-material/WebhookOutlined';
import { isCabinet } from '@/access/pages';
import { crud, from, type PageSpec, type Views } from './spec';

const load = {
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
};

/** What the program itself does, and its logs. */
export const system: PageSpec[] = [
    { path: '/status', permission: 'system.monitor', element: from(load.status, 'StatusPage'), menu: { group: 'system', label: 'nav.status', icon: MonitorHeartOutlined } },
    { path: '/jobs', permission: 'jobs.read', unless: isCabinet, resource: 'jobs', views: crud(load.jobs, 'list', 'show'), menu: { group: 'system', label: 'nav.jobs', icon: PlaylistPlay } },
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
];
