import type { CallTag } from '@/api/listening';

/** What somebody has done to a tag of a call, and the server has not answered yet. */
export interface Deed {
    tag: string;
    group: string;
    exclusive: boolean;
    on: boolean;
    /** Which tags of the group the call had when it was done, for who did it. */
    before: readonly string[];
}

/** How a tag stands on a call for who looks: as the server says, or as it will say. */
export type Stand = 'set' | 'setting' | 'unsetting';

/** The tags of a call with what waits to be sent: each that is set or about to be, or about to be taken off. */
export function standing(tags: readonly Pick<CallTag, 'tag_id' | 'group_id'>[], waiting: readonly Deed[]): Map<string, Stand> {
    const groups = new Map(tags.map(({ tag_id, group_id }) => [tag_id, group_id]));
    const stands = new Map<string, Stand>(tags.map(({ tag_id }) => [tag_id, 'set']));
    for (const { tag, group, exclusive, on } of waiting) {
        groups.set(tag, group);
        if (on && exclusive) for (const other of stands.keys()) if (other !== tag && groups.get(other) === group) stands.set(other, 'unsetting');
        stands.set(tag, on ? 'setting' : 'unsetting');
    }
    return stands;
}

/** Whether a tag counts as set for who looks. */
export function isOn(stand: Stand | undefined): boolean {
    return stand === 'set' || stand === 'setting';
}

/** The tags of a group that count as set. */
export function onOf(stands: ReadonlyMap<string, Stand>, group: string, groupOf: (tag: string) => string | undefined): string[] {
    return [...stands].filter(([tag, stand]) => isOn(stand) && groupOf(tag) === group).map(([tag]) => tag);
}

/**
 * Who has set another tag of the same exclusive group meanwhile, which the deed would replace unseen. What stood there when it was done may be
 * replaced, and so may what one has set oneself.
 */
export function meanwhile(deed: Deed, tags: readonly CallTag[], me: string | undefined): CallTag | undefined {
    if (!deed.exclusive || !deed.on) return undefined;
    return tags.find(({ tag_id, group_id, set_by }) => group_id === deed.group && tag_id !== deed.tag && !deed.before.includes(tag_id) && set_by !== me);
}

/** What takes a deed back: what stood in the place of what it set comes again. */
export function undone({ tag, exclusive, on, before }: Deed): Pick<Deed, 'tag' | 'on'> {
    const replaced = exclusive && on ? before.find((other) => other !== tag) : undefined;
    return replaced === undefined ? { tag, on: !on } : { tag: replaced, on: true };
}

/** What others have done to a call's tags between two states of them. */
export function changes(before: readonly CallTag[], after: readonly CallTag[], mine: ReadonlySet<string>, me: string | undefined): { set: CallTag[]; unset: CallTag[] } {
    const has = (tags: readonly CallTag[], { tag_id }: CallTag) => tags.some((tag) => tag.tag_id === tag_id);
    return {
        set: after.filter((tag) => !has(before, tag) && tag.set_by !== me),
        unset: before.filter((tag) => !has(after, tag) && !mine.has(tag.tag_id)),
    };
}
