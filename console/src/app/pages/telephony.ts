import AltRouteOutlined from '@mui/icons-material/AltRouteOutlined';
import CallOutlined from '@mui/icons-material/CallOutlined';
import CellTowerOutlined from '@mui/icons-material/CellTowerOutlined';
import DashboardOutlined from '@mui/icons-material/GridViewOutlined';
import DialpadOutlined from '@mui/icons-material/DialpadOutlined';
import HubOutlined from '@mui/icons-material/HubOutlined';
import ListAltOutlined from '@mui/icons-material/ListAltOutlined';
import PhonelinkRingOutlined from '@mui/icons-material/PhonelinkRingOutlined';
import TroubleshootOutlined from '@mui/icons-material/TroubleshootOutlined';
import { isCabinet } from '@/access/pages';
import { crud, from, type PageSpec, type Views } from './spec';

const load = {
    live: () => import('@/pages/live') as Promise<Views>,
    calls: () => import('@/pages/calls') as Promise<Views>,
    cdr: () => import('@/pages/cdr') as Promise<Views>,
    slots: () => import('@/pages/slots') as Promise<Views>,
    trunks: () => import('@/pages/trunks') as Promise<Views>,
    carriers: () => import('@/pages/carriers') as Promise<Views>,
    routes: () => import('@/pages/routes') as Promise<Views>,
    registrations: () => import('@/pages/registrations') as Promise<Views>,
};

/** Calls, slots and the ways to the world. */
export const telephony: PageSpec[] = [
    { path: '/live', permission: 'slots.read', element: from(load.live, 'LivePage'), menu: { group: 'calls', label: 'nav.live', icon: DashboardOutlined } },
    { path: '/calls', permission: 'calls.read', unless: isCabinet, resource: 'calls', views: crud(load.calls, 'list', 'show'), menu: { group: 'calls', label: 'nav.calls', icon: CallOutlined } },
    { path: '/cdr', permission: 'calls.read', unless: isCabinet, resource: 'cdr', views: crud(load.cdr, 'list'), menu: { group: 'calls', label: 'nav.cdr', icon: ListAltOutlined } },

    { path: '/slots', permission: 'slots.read', resource: 'slots', views: crud(load.slots, 'list', 'show'), menu: { group: 'slots', label: 'nav.slots', icon: DialpadOutlined } },
    { path: '/registrations', permission: 'slots.read', element: from(load.registrations, 'RegistrationsPage'), menu: { group: 'slots', label: 'nav.registrations', icon: PhonelinkRingOutlined } },
    { path: '/trunks', permission: 'trunks.read', resource: 'trunks', views: crud(load.trunks, 'list', 'create', 'edit'), menu: { group: 'slots', label: 'nav.trunks', icon: HubOutlined } },

    { path: '/carriers', permission: 'trunks.read', resource: 'carriers', views: crud(load.carriers, 'list', 'create', 'edit'), menu: { group: 'world', label: 'nav.carriers', icon: CellTowerOutlined } },
    { path: '/routes', permission: 'routes.read', resource: 'routes', views: crud(load.routes, 'list', 'create', 'edit'), menu: { group: 'world', label: 'nav.routes', icon: AltRouteOutlined } },
    { path: '/routes/explain', permission: 'routes.read', element: from(load.routes, 'ExplainPage'), menu: { group: 'world', label: 'nav.explain', icon: TroubleshootOutlined } },
];
