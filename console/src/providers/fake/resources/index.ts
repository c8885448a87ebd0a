// What can be listed, with its columns.
import type { FakeResource } from '../lists';
import { crm } from './crm';
import { listening } from './listening';
import { office } from './office';
import { telephony } from './telephony';

export const RESOURCES: Record<string, FakeResource> = { ...telephony, ...listening, ...office, ...crm };
