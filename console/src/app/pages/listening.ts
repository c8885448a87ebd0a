import SellOutlined from '@mui/icons-material/SellOutlined';
import { from, type PageSpec, type Views } from './spec';

const load = {
    tags: () => import('@/pages/tag-groups') as Promise<Views>,
};

/** Hearing calls, and what is said of them. */
export const listening: PageSpec[] = [{ path: '/tag-groups', permission: ['tags.read', 'tags.manage'], element: from(load.tags, 'TagGroupsPage'), menu: { group: 'listening', label: 'nav.tag_groups', icon: SellOutlined } }];
