/**
 * The call that comes after another or before it, in the order in which the list was loaded. A call that is no longer in the list has its place
 * (`at`, from 0) taken by the one that came after it.
 */
export function neighbour(ids: readonly string[], current: string | undefined, at: number, by: 1 | -1): string | undefined {
    const here = current === undefined ? -1 : ids.indexOf(current);
    if (here !== -1) return ids[here + by];
    return by === 1 ? ids[at] : ids[at - 1];
}
