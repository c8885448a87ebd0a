import HeadphonesOutlined from '@mui/icons-material/HeadphonesOutlined';
import SellOutlined from '@mui/icons-material/SellOutlined';
import { from, type PageSpec, type Views } from './spec';

const load = {
    listening: () => import('@/pages/listening') as Promise<Views>,
    tags: () => import('@/pages/tag-groups') as Promise<Views>,
};

/** Hearing calls, and what is said of them. */
export const listening: PageSpec[] = [
    { path: '/listening', permission: ['listening.claim', 'calls.read', 'tags.read'], element: from(load.listening, 'ListeningPage'), menu: { group: 'listening', label: 'nav.to_hear', icon: HeadphonesOutlined } },
    { path: '/tag-groups', permission: ['tags.read', 'tags.manage'], element: from(load.tags, 'TagGroupsPage'), menu: { group: 'listening', label: 'nav.tag_groups', icon: SellOutlined } },
];
