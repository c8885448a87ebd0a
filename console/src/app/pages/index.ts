import { crm } from './crm';
import { listening } from './listening';
import { desk } from './desk';
import { people } from './people';
import { from, type PageSpec, type Views } from './spec';
import { system } from './system';
import { telephony } from './telephony';

export { GROUPS, type PageSpec } from './spec';

/** Stories are for people who change components, and not in what is built for the server. */
const stories: PageSpec[] = import.meta.env.FAKE ? [{ path: '/stories', permission: '', element: from(() => import('@/testing/Gallery') as Promise<Views>, 'GalleryPage') }] : [];

/** Every page, area by area; within a group of the menu in its order. */
export const pages: PageSpec[] = [...desk, ...crm, ...telephony, ...listening, ...people, ...system, ...stories];
