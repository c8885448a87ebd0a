import ContactsOutlined from '@mui/icons-material/ContactsOutlined';
import PersonSearchOutlined from '@mui/icons-material/PersonSearchOutlined';
import TodayOutlined from '@mui/icons-material/TodayOutlined';
import { crud, from, type PageSpec, type Views } from './spec';

const load = {
    clients: () => import('@/pages/clients') as Promise<Views>,
    today: () => import('@/pages/today') as Promise<Views>,
    leads: () => import('@/pages/leads') as Promise<Views>,
};

/** Leads and clients. */
export const crm: PageSpec[] = [
    { path: '/today', permission: ['leads.read', 'leads.create'], element: from(load.today, 'TodayPage'), menu: { group: 'crm', label: 'nav.today', icon: TodayOutlined } },
    { path: '/leads', permission: 'leads.read', resource: 'leads', views: crud(load.leads, 'list', 'create', 'edit'), menu: { group: 'crm', label: 'nav.leads', icon: PersonSearchOutlined } },
    { path: '/clients', permission: 'clients.read', resource: 'clients', views: crud(load.clients, 'list', 'edit'), menu: { group: 'crm', label: 'nav.clients', icon: ContactsOutlined } },
];
