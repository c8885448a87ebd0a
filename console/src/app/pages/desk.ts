import HeadsetMicOutlined from '@mui/icons-material/HeadsetMicOutlined';
import PhoneMissedOutlined from '@mui/icons-material/PhoneMissedOutlined';
import { crud, from, type PageSpec, type Views } from './spec';

const load = {
    desk: () => import('@/pages/desk') as Promise<Views>,
    missed: () => import('@/pages/missed-calls') as Promise<Views>,
};

/** Where people take calls, and call back. */
export const desk: PageSpec[] = [
    { path: '/desk', permission: ['calls.start', 'calls.read', 'notes.create'], element: from(load.desk, 'DeskPage'), menu: { group: 'desk', label: 'nav.desk', icon: HeadsetMicOutlined } },
    { path: '/missed-calls', permission: ['calls.read', 'slots.read'], resource: 'missed-calls', views: crud(load.missed, 'list'), menu: { group: 'desk', label: 'nav.missed', icon: PhoneMissedOutlined } },
];
