import PersonSearchOutlined from '@mui/icons-material/PersonSearchOutlined';
import { crud, type PageSpec, type Views } from './spec';

const load = {
    leads: () => import('@/pages/leads') as Promise<Views>,
};

/** Leads and clients. */
export const crm: PageSpec[] = [
    { path: '/leads', permission: 'leads.read', resource: 'leads', views: crud(load.leads, 'list', 'create', 'edit'), menu: { group: 'crm', label: 'nav.leads', icon: PersonSearchOutlined } },
];
