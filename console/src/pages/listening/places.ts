import type { Tag, TagGroup } from '@/api/listening';
import type { GroupOfTags } from '@/tags/dictionary';

/** How many tags have a key of their own. */
const DIGITS = 9;

/** Where a tag stands while a call is open. */
export interface Place {
    tag: Tag;
    group: TagGroup;
    /** Its key. */
    digit?: number;
    /** Whether it can be set no more: its place stays empty, so that no other tag gets its key under a finger. */
    gone: boolean;
}

/** Places for a call that is being opened: what is offered, in its order; the first nine have digits. */
export function deal(groups: readonly GroupOfTags[]): Place[] {
    return offered(groups).map((place, index) => ({ ...place, ...(index < DIGITS && { digit: index + 1 }), gone: false }));
}

/** The places of a call that is open, after the tags that there are have changed: none moves; what is new has no digit. */
export function hold(places: readonly Place[], groups: readonly GroupOfTags[]): Place[] {
    const now = offered(groups);
    const kept = places.map((place) => {
        const there = now.find(({ tag }) => tag.id === place.tag.id);
        return { ...place, ...there, gone: there === undefined };
    });
    return [...kept, ...now.filter(({ tag }) => !places.some((place) => place.tag.id === tag.id)).map((place) => ({ ...place, gone: false }))];
}

/** The groups of a call's places, each with its places. */
export function rowsOf(places: readonly Place[]): { group: TagGroup; places: Place[] }[] {
    const rows: { group: TagGroup; places: Place[] }[] = [];
    for (const place of places) {
        const row = rows.find(({ group }) => group.id === place.group.id);
        if (row) row.places.push(place);
        else rows.push({ group: place.group, places: [place] });
    }
    return rows;
}

/** The groups that were there when the call was opened and are no longer. */
export function lost(places: readonly Place[], groups: readonly GroupOfTags[]): TagGroup[] {
    return rowsOf(places)
        .map(({ group }) => group)
        .filter(({ id }) => !groups.some((group) => group.id === id));
}

function offered(groups: readonly GroupOfTags[]): { tag: Tag; group: TagGroup }[] {
    return groups.filter(({ active }) => active).flatMap((group) => group.tags.filter(({ active }) => active).map((tag) => ({ tag, group })));
}
