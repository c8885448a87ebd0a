// The list contract over rows in memory: filter, order, cursor, count.
import type { ColumnRight, Page } from '@/api/types';
import type { Query } from '../transport';
import { FakeProblem } from './problem';

export type Row = Record<string, unknown>;

/** What can be listed. */
export interface FakeResource {
    key: string;
    order: string;
    columns: { name: string; sort?: boolean; filter?: boolean }[];
    /** What a search looks through. */
    search?: string[];
    /** What the server calls it in rights and columns, where that is not what it is called here. */
    wire?: string;
    /** By which right it is read, where it is not one of its own. */
    right?: string;
}

/** A column that can be filtered by (`f`), sorted by (`s`). */
export function columns(text: string): FakeResource['columns'] {
    return text.split(' ').map((part) => {
        const [name = '', marks = ''] = part.split(':');
        return { name, sort: marks.includes('s'), filter: marks.includes('f') };
    });
}

const CAP = 10_000;
const CONDITIONS_MAX = 50;

export function list(resource: FakeResource, rows: Row[], query: Query, modes: Record<string, 'mask' | 'hide'> = {}): Page<Row> {
    const rights = resource.columns.flatMap(({ name, sort, filter }): ColumnRight[] => {
        const mode = modes[name];
        if (mode === 'hide') return [];
        return [{ name, mode: mode ?? 'show', sort: Boolean(sort) && !mode, filter: Boolean(filter) && !mode }];
    });
    const right = (name: string, of: 'sort' | 'filter', field: string) => {
        if (!rights.some((column) => column.name === name && column[of])) throw new FakeProblem(422, 'unknown_field', field);
        return name;
    };
    const filter = parse(query.filter);
    let left = CONDITIONS_MAX;
    const test = (condition: unknown, row: Row): boolean => {
        if (typeof condition !== 'object' || condition === null) throw new FakeProblem(422, 'invalid_field', 'filter');
        return Object.entries(condition).every(([name, value]) => {
            if (name === 'or') return (value as unknown[]).some((each) => test(each, row));
            left -= 1;
            right(name, 'filter', `filter.${name}`);
            return matches(row[name], value);
        });
    };
    if (rows.length === 0) test(filter, {});
    const q = typeof query.q === 'string' ? query.q.toLowerCase() : '';
    const found = rows.filter((row) => {
        left = CONDITIONS_MAX;
        return test(filter, row) && (!q || (resource.search ?? []).some((name) => String(row[name] ?? '').toLowerCase().includes(q)));
    });

    const sort = typeof query.sort === 'string' && query.sort ? query.sort : resource.order;
    const field = right(sort.replace(/^-/, ''), 'sort', 'sort');
    const sign = sort.startsWith('-') ? -1 : 1;
    const compare = (a: Row, b: Row) => sign * (order(a[field], b[field]) || order(a[resource.key], b[resource.key]));
    found.sort(compare);

    const limit = Math.min(200, Math.max(1, Number(query.limit ?? 50)));
    const shape = JSON.stringify([resource.columns.length, query.filter ?? '', q, sort]);
    const start = query.cursor ? found.findIndex((row) => compare(row, readCursor(String(query.cursor), shape, field, resource.key)) > 0) : 0;
    const page = start === -1 ? [] : found.slice(start, start + limit);
    const last = page.at(-1);
    const hasNext = last !== undefined && start + limit < found.length;
    const count = query.count === 'none' ? null : { value: Math.min(found.length, CAP), capped: found.length > CAP };
    return {
        items: page.map((row) => Object.fromEntries(rights.map(({ name, mode }) => [name, mode === 'mask' ? masked(row[name]) : (row[name] ?? null)]))),
        next: hasNext ? btoa(unescape(encodeURIComponent(JSON.stringify([shape, last[field], last[resource.key]])))) : null,
        prev: start > 0 ? 'prev' : null,
        count,
        columns: rights,
    };
}

function readCursor(text: string, shape: string, field: string, key: string): Row {
    try {
        const [made, value, id] = JSON.parse(decodeURIComponent(escape(atob(text)))) as [string, unknown, unknown];
        if (made === shape) return { [field]: value, [key]: id };
    } catch {
        // Falls through.
    }
    throw new FakeProblem(422, 'cursor', 'cursor');
}

/** A column of links: a row has any number of values. */
function linked(ids: string[], wanted: unknown): boolean {
    if (Array.isArray(wanted)) return wanted.some((each) => ids.includes(String(each)));
    if (typeof wanted !== 'object' || wanted === null) return ids.includes(String(wanted));
    return Object.entries(wanted).every(([operator, operand]) => {
        const all = (Array.isArray(operand) ? operand : [operand]).map(String);
        switch (operator) {
            case 'eq':
            case 'in':
                return all.some((each) => ids.includes(each));
            case 'all':
                return all.every((each) => ids.includes(each));
            case 'ne':
            case 'not_in':
                return !all.some((each) => ids.includes(each));
            case 'is_null':
                return (ids.length === 0) === operand;
            default:
                throw new FakeProblem(422, 'invalid_field', 'filter');
        }
    });
}

function matches(value: unknown, wanted: unknown): boolean {
    if (Array.isArray(value)) return linked(value.map((each: { id?: unknown }) => String(each.id)), wanted);
    if (Array.isArray(wanted)) return wanted.some((each) => matches(value, each));
    if (typeof wanted !== 'object' || wanted === null) return value === wanted || String(value ?? '') === String(wanted);
    return Object.entries(wanted).every(([operator, operand]) => {
        const number = Number(value);
        switch (operator) {
            case 'eq':
                return matches(value, operand);
            case 'ne':
                return !matches(value, operand);
            case 'in':
                return (operand as unknown[]).some((each) => matches(value, each));
            case 'gt':
                return value != null && number > Number(operand);
            case 'gte':
                return value != null && number >= Number(operand);
            case 'lt':
                return value != null && number < Number(operand);
            case 'lte':
                return value != null && number <= Number(operand);
            case 'prefix':
                return String(value ?? '').startsWith(String(operand));
            case 'contains':
                return String(value ?? '').toLowerCase().includes(String(operand).toLowerCase());
            case 'is_null':
                return (value == null) === operand;
            default:
                throw new FakeProblem(422, 'invalid_field', 'filter');
        }
    });
}

function order(a: unknown, b: unknown): number {
    const [x, y] = [Number(a), Number(b)];
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return String(a ?? '').localeCompare(String(b ?? ''));
}

function masked(value: unknown): unknown {
    if (value == null) return null;
    const text = String(value);
    return /^\+?\d{7,}$/.test(text) ? `${text.slice(0, 3)}••••${text.slice(-2)}` : '•••';
}

function parse(filter: Query[string]): unknown {
    if (!filter) return {};
    try {
        return JSON.parse(String(filter));
    } catch {
        throw new FakeProblem(422, 'invalid_field', 'filter');
    }
}
