import type { AccessList, ColumnPolicy } from '@/api/types';

/** What a listener is given: calls of scenarios (by their codes), and tags of groups (by their ids). */
export const GIVEN = {
    scenarios: { resource: 'calls', kind: 'scenario' },
    groups: { resource: 'tags', kind: 'tag_group' },
} as const;

export type Gift = keyof typeof GIVEN;

/** The ids that somebody is given. */
export function givenOf(lists: readonly AccessList[] | undefined, gift: Gift): string[] {
    const { resource, kind } = GIVEN[gift];
    return [...new Set((lists ?? []).filter((list) => list.resource === resource && list.kind === kind).flatMap(({ ids }) => ids))];
}

/** The lists with other ids of one kind; whatever else stands in them stays as it is. */
export function withGiven(lists: readonly AccessList[] | undefined, gift: Gift, ids: readonly string[]): AccessList[] {
    const { resource, kind } = GIVEN[gift];
    const others = (lists ?? []).filter((list) => list.resource !== resource || list.kind !== kind);
    return ids.length === 0 ? others : [...others, { resource, kind, ids: [...ids] }];
}

/** How much of a column of calls is seen by somebody: of what their roles say and what is said of them the stricter stands. */
export function modeOf(column: string, policies: readonly (readonly ColumnPolicy[] | undefined)[]): ColumnPolicy['mode'] {
    const modes = policies.flatMap((each) => each ?? []).filter((policy) => policy.resource === 'calls' && policy.column === column);
    return modes.some(({ mode }) => mode === 'hide') ? 'hide' : modes.some(({ mode }) => mode === 'mask') ? 'mask' : 'show';
}
