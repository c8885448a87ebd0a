import HeadphonesOutlined from '@mui/icons-material/HeadphonesOutlined';
import InsightsOutlined from '@mui/icons-material/InsightsOutlined';
import RecordVoiceOverOutlined from '@mui/icons-material/RecordVoiceOverOutlined';
import SellOutlined from '@mui/icons-material/SellOutlined';
import { looksAfterSome } from '@/access/pages';
import { crud, from, type PageSpec, type Views } from './spec';

const load = {
    listening: () => import('@/pages/listening') as Promise<Views>,
    statistics: () => import('@/pages/tag-statistics') as Promise<Views>,
    listeners: () => import('@/pages/listeners') as Promise<Views>,
    tags: () => import('@/pages/tag-groups') as Promise<Views>,
};

/** Hearing calls, and what is said of them. */
export const listening: PageSpec[] = [
    { path: '/listening', permission: ['listening.claim', 'calls.read', 'tags.read'], element: from(load.listening, 'ListeningPage'), menu: { group: 'listening', label: 'nav.to_hear', icon: HeadphonesOutlined } },
    { path: '/tag-statistics', permission: ['tag_statistics.read', 'tags.read'], element: from(load.statistics, 'TagStatisticsPage'), menu: { group: 'listening', label: 'nav.tag_statistics', icon: InsightsOutlined } },
    { path: '/tag-groups', permission: ['tags.read', 'tags.manage'], element: from(load.tags, 'TagGroupsPage'), menu: { group: 'listening', label: 'nav.tag_groups', icon: SellOutlined } },
    {
        path: '/listeners',
        // For whom all people are one list, theirs is the page of users.
        permission: ['users.read', 'tags.manage'],
        unless: (mine) => !looksAfterSome(mine),
        resource: 'listeners',
        views: crud(load.listeners, 'list', 'create', 'edit'),
        menu: { group: 'listening', label: 'nav.listeners', icon: RecordVoiceOverOutlined },
    },
];
