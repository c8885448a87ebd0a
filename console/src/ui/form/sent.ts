// What is sent of what a form holds: rows in which nothing was typed and fields that were left empty are not, and have the server's defaults.
import type { Rule } from '@/api/plan';

type Blank = (row: never) => boolean;

/** By the path of a list, without places (`match.when.calendar.special`): which of its rows say nothing. */
export type Blanks = Record<string, Blank>;

/** What is sent. An object in which nothing is left goes, too. */
export function sent(value: unknown, blanks: Blanks = {}, path = ''): unknown {
    if (value === null || value === undefined || value === '') return undefined;
    if (Array.isArray(value)) return kept(value, blanks[path]).map((index) => sent(value[index], blanks, path));
    if (typeof value !== 'object') return value;
    const members = Object.entries(value)
        .map(([name, member]) => [name, sent(member, blanks, path ? `${path}.${name}` : name)] as const)
        .filter(([, member]) => member !== undefined);
    return members.length > 0 || path === '' ? Object.fromEntries(members) : undefined;
}

/** Where in the form the field stands that the server names by its place in what was sent. */
export function placeOf(field: string, typed: unknown, blanks: Blanks = {}): string {
    let at: unknown = typed;
    const names: string[] = [];
    const lists: string[] = [];
    for (const name of field.replace(/\[(\d+)\]/g, '.$1').split('.')) {
        const index = /^\d+$/.test(name) && Array.isArray(at) ? kept(at, blanks[lists.join('.')])[Number(name)] : undefined;
        if (index === undefined) lists.push(name);
        names.push(index === undefined ? name : String(index));
        at = (at as Record<string, unknown> | undefined)?.[names.at(-1) ?? ''];
    }
    return names.join('.');
}

/** The most characters of a number. */
const NUMBER_MAX = 32;

/** Rules, with a length that has both ends. */
export function rulesToSend(rules: Rule[] | undefined): Rule[] | undefined {
    return rules?.map(({ length, ...rule }) => (length?.min || length?.max ? { ...rule, length: { min: length.min || 1, max: length.max || NUMBER_MAX } } : rule));
}

function kept(rows: unknown[], blank: Blank = (row: unknown) => row === '' || row === null || row === undefined): number[] {
    return rows.flatMap((row, index) => (blank(row as never) ? [] : [index]));
}
