import { crm } from './crm';
import { listening } from './listening';
import { desk } from './desk';
import { office } from './office';
import { telephony } from './telephony';
import type { ResourceOnWire } from './wire';

export type { ResourceOnWire } from './wire';

/** Every resource that the console lists, by the name that stands in the browser's address. */
export const RESOURCES = { ...telephony, ...listening, ...office, ...crm, ...desk } as const;

export type ResourceName = keyof typeof RESOURCES;

/** The right to do something with what a resource lists: `users.update`. */
export function rightTo(verb: string, resource: string): string {
    const { right, verbs } = onWire(resource);
    return `${right}.${verbs?.[verb] ?? verb}`;
}

/** The column that a member of a record stands in. */
export function columnOf(resource: string, member: string): string {
    const { rest } = onWire(resource);
    return !rest || rest.except.includes(member) ? member : rest.column;
}

export function onWire(resource: string): ResourceOnWire {
    const known = (RESOURCES as Record<string, ResourceOnWire>)[resource];
    if (!known) throw new Error(`no resource is called ${resource}`);
    return known;
}
