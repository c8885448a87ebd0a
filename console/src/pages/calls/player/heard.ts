/** A stretch of a recording in milliseconds of its own time, from the first that was heard to behind the last. */
export type Range = readonly [from: number, to: number];

/** What was heard in either: in order, none empty, none touching the next. Neither has to be so; saying something twice does no harm. */
export function union(heard: readonly Range[], more: readonly Range[]): Range[] {
    const all: [number, number][] = [];
    for (const [from, to] of [...heard, ...more].filter(([from, to]) => to > from).sort(([a], [b]) => a - b)) {
        const last = all.at(-1);
        if (last && from <= last[1]) last[1] = Math.max(last[1], to);
        else all.push([from, to]);
    }
    return all;
}

/** What of the first was not in the second. */
export function minus(heard: readonly Range[], less: readonly Range[]): Range[] {
    const cut = union(less, []);
    return union(heard, []).flatMap(([from, to]) => {
        const left: Range[] = [];
        let at = from;
        for (const [start, end] of cut) {
            if (end <= at || start >= to) continue;
            if (start > at) left.push([at, start]);
            at = Math.max(at, end);
        }
        if (at < to) left.push([at, to]);
        return left;
    });
}

/** How long they are together, in milliseconds. */
export function lengthOf(heard: readonly Range[]): number {
    return heard.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** What a media element has really rendered since it got its source: jumps are not in it, and a change of the source begins anew. */
export function rangesOf(played: Pick<TimeRanges, 'length' | 'start' | 'end'>): Range[] {
    return Array.from({ length: played.length }, (_, index) => [Math.round(played.start(index) * 1000), Math.round(played.end(index) * 1000)] as const);
}
