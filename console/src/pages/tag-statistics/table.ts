import type { ListeningLine, TagLine } from '@/api/listening';

/** What the rows of the page are told by. */
export type By = 'user' | 'day' | 'tag';

/** A tag that was set in the time, as a column. */
export interface TagColumn {
    id: string;
    name: string;
    colour: string | undefined;
    group: string;
}

export interface StatisticsRow {
    /** Who or which day; the tag's id where rows are tags. */
    key: string;
    name: string | undefined;
    colour?: string;
    completed: number;
    heardMs: number;
    /** How often each tag was set, by its id. */
    set: ReadonlyMap<string, number>;
    setAll: number;
    unset: number;
}

/** The columns of tags: each that was set or taken off, in the order in which the tags stand; those that are known no more at the end. */
export function columnsOf(lines: readonly TagLine[], order: readonly string[]): TagColumn[] {
    const found = new Map<string, TagColumn>();
    for (const { tag, tag_name, colour, group } of lines) {
        if (tag !== undefined && !found.has(tag)) found.set(tag, { id: tag, name: tag_name ?? `#${tag}`, colour, group: group ?? '' });
    }
    const place = (id: string) => (order.includes(id) ? order.indexOf(id) : order.length);
    return [...found.values()].toSorted((a, b) => place(a.id) - place(b.id) || Number(a.id) - Number(b.id));
}

/** Rows by person or by day out of what the server counts of tags and of listening: who has only done one of the two has a row as well. */
export function rowsOf(by: 'user' | 'day', tags: readonly TagLine[], heard: readonly ListeningLine[]): StatisticsRow[] {
    const rows = new Map<string, StatisticsRow & { set: Map<string, number> }>();
    const row = (key: string, name: string | undefined) => {
        const there = rows.get(key);
        if (there) return there;
        const made = { key, name, completed: 0, heardMs: 0, set: new Map<string, number>(), setAll: 0, unset: 0 };
        rows.set(key, made);
        return made;
    };
    for (const line of tags) {
        const into = row(by === 'user' ? (line.user ?? '') : (line.day ?? ''), by === 'user' ? line.user_name : line.day);
        if (line.tag !== undefined) into.set.set(line.tag, (into.set.get(line.tag) ?? 0) + line.set);
        into.setAll += line.set;
        into.unset += line.unset;
    }
    for (const line of heard) {
        const into = row(by === 'user' ? (line.user_id ?? '') : (line.day ?? ''), by === 'user' ? line.user_name : line.day);
        into.completed += line.completed;
        into.heardMs += line.heard_ms;
    }
    // The latest day first; of people those who have heard the most.
    return [...rows.values()].toSorted((a, b) => (by === 'day' ? b.key.localeCompare(a.key) : b.completed - a.completed || b.setAll - a.setAll || a.key.localeCompare(b.key)));
}

/** Rows by tag, in the order of the columns. */
export function rowsOfTags(lines: readonly TagLine[], columns: readonly TagColumn[]): StatisticsRow[] {
    return columns.map(({ id, name, colour }) => {
        const own = lines.filter(({ tag }) => tag === id);
        const setAll = own.reduce((sum, { set }) => sum + set, 0);
        return { key: id, name, ...(colour !== undefined && { colour }), completed: 0, heardMs: 0, set: new Map([[id, setAll]]), setAll, unset: own.reduce((sum, { unset }) => sum + unset, 0) };
    });
}
