import ContactsOutlined from '@mui/icons-material/ContactsOutlined';
import PersonSearchOutlined from '@mui/icons-material/PersonSearchOutlined';
import { crud, type PageSpec, type Views } from './spec';

const load = {
    clients: () => import('@/pages/clients') as Promise<Views>,
    leads: () => import('@/pages/leads') as Promise<Views>,
};

/** Leads and clients. */
export const crm: PageSpec[] = [
    { path: '/leads', permission: 'leads.read', resource: 'leads', views: crud(load.leads, 'list', 'create', 'edit'), menu: { group: 'crm', label: 'nav.leads', icon: PersonSearchOutlined } },
    { path: '/clients', permission: 'clients.read', resource: 'clients', views: crud(load.clients, 'list', 'edit'), menu: { group: 'crm', label: 'nav.clients', icon: ContactsOutlined } },
];
