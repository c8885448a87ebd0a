import type {
    CreateParams,
    DataProvider,
    DeleteParams,
    GetListParams,
    GetListResult,
    GetManyParams,
    GetManyReferenceParams,
    GetOneParams,
    Identifier,
    RaRecord,
    UpdateParams,
} from 'ra-core';
import type { ColumnRight, Count, Page } from '@/api/types';
import { Problem } from '../problem';
import { onWire, type ResourceOnWire } from '../resources';
import type { Query } from '../transport';
import type { Client } from './client';

/** How many pages are walked to one that the console has never been to, say after it was loaded anew. Beyond, the first is shown. */
const WALK_MAX = 10;
/** How many lists' cursors are remembered; the oldest is forgotten. */
const LISTS_MAX = 50;
/** How many rows a list gives at most (requirements, 1.6). */
export const LIMIT_MAX = 200;

/** What a list says beside its rows. */
export interface ListMeta {
    count: Count | null;
    columns: ColumnRight[] | undefined;
    /** The page that was given, if it is not the one that was asked for. */
    page: number;
}

/** What a caller of `getList` can ask for beside filter and order. */
export interface ListOrder {
    count?: 'none' | 'capped' | 'exact';
    fields?: string[];
}

/**
 * react-admin's view of the list contract. Pages go by cursor: the cursor of page n + 1 is known when page n has been seen, so there is a map
 * from page to cursor for each (resource, filter, order).
 */
export function createDataProvider(client: Client): DataProvider {
    const cursors = new Map<string, Map<number, string>>();

    const cursorsOf = (list: string): Map<number, string> => {
        const known = cursors.get(list) ?? new Map<number, string>();
        cursors.delete(list);
        cursors.set(list, known);
        const [oldest] = cursors.keys();
        if (cursors.size > LISTS_MAX && oldest !== undefined) cursors.delete(oldest);
        return known;
    };

    const getList = async (resource: string, params: Partial<GetListParams>): Promise<GetListResult<RaRecord>> => {
        const wire = onWire(resource);
        const { page: wanted = 1, perPage = 50 } = params.pagination ?? {};
        const query = listQuery(params.filter, params.sort, params.meta as ListOrder | undefined, Math.min(perPage, LIMIT_MAX));
        const known = cursorsOf(JSON.stringify([resource, query]));
        const fetchPage = (cursor: string | undefined, more?: Query) =>
            client.get<Page<Record<string, unknown>>>(wire.path, { ...query, ...more, cursor }, params.signal);

        let page = wanted;
        if (wanted > 1 && !known.has(wanted)) {
            // Nearest page that we have been to; from there on foot.
            let at = Math.max(1, ...[...known.keys()].filter((seen) => seen < wanted));
            if (wanted - at > WALK_MAX) page = 1;
            else {
                for (; at < wanted; at += 1) {
                    const { next } = await fetchPage(known.get(at), { count: 'none' });
                    if (next === null) break;
                    known.set(at + 1, next);
                }
                page = at;
            }
        }
        const answer = await fetchPage(page === 1 ? undefined : known.get(page));
        if (answer.next === null) known.delete(page + 1);
        else known.set(page + 1, answer.next);
        const meta: ListMeta = { count: answer.count, columns: answer.columns, page };
        return {
            data: answer.items.map((row) => toRecord(wire, row)),
            pageInfo: { hasNextPage: answer.next !== null, hasPreviousPage: page > 1 },
            meta,
        };
    };

    const getOne = async (resource: string, { id, signal }: Pick<GetOneParams, 'id' | 'signal'>) => {
        const wire = onWire(resource);
        if (wire.placed) {
            const parts = String(id).split(':');
            const { data } = await getList(resource, { filter: Object.fromEntries(wire.placed.map((name, index) => [name, parts[index]])), pagination: { page: 1, perPage: 1 }, meta: { count: 'none' }, signal });
            if (!data[0]) throw new Problem(404, { code: 'row_not_found' });
            return { data: data[0] };
        }
        return { data: toRecord(wire, await client.get(placeOf(wire, id), undefined, signal)) };
    };

    const provider: DataProvider = {
        supportAbortSignal: true,
        getList: getList as DataProvider['getList'],
        getOne: getOne as DataProvider['getOne'],

        getMany: (async (resource: string, { ids, signal }: GetManyParams) => {
            const { data } = await getList(resource, {
                filter: { [onWire(resource).key]: ids.length === 1 ? ids[0] : { in: ids } },
                pagination: { page: 1, perPage: LIMIT_MAX },
                meta: { count: 'none' },
                signal,
            });
            return { data };
        }) as DataProvider['getMany'],

        getManyReference: (async (resource: string, params: GetManyReferenceParams) =>
            getList(resource, {
                ...params,
                filter: { ...(params.filter as object), [params.target]: params.id },
            })) as DataProvider['getManyReference'],

        create: (async (resource: string, { data }: CreateParams) => {
            const wire = onWire(resource);
            if (wire.placed) {
                const id = wire.placed.map((name) => String((data as Record<string, unknown>)[name])).join(':');
                return { data: toRecord(wire, await client.put(placeOf(wire, id), toWire(wire.update, data as RaRecord))) };
            }
            return { data: toRecord(wire, await client.post(wire.path, toWire(wire.create, data as RaRecord))) };
        }) as DataProvider['create'],

        update: (async (resource: string, { id, data, previousData }: UpdateParams) => {
            const wire = onWire(resource);
            const body = toWire(wire.update, data as RaRecord);
            const version = (data as { version?: number }).version ?? (previousData as { version?: number } | undefined)?.version;
            const answer = await client.put<Record<string, unknown> | undefined>(
                placeOf(wire, id),
                wire.versioned ? { ...body, version } : body,
            );
            return { data: answer ? toRecord(wire, answer) : { ...(previousData as object), ...data, id } };
        }) as DataProvider['update'],

        delete: (async (resource: string, { id, previousData }: DeleteParams) => {
            const wire = onWire(resource);
            const { version } = (previousData ?? {}) as { version?: number };
            await client.delete(placeOf(wire, id), wire.deleteVersion ? { version } : undefined);
            return { data: previousData ?? { id } };
        }) as DataProvider['delete'],

        deleteMany: async (resource: string, { ids }: { ids: Identifier[] }) => {
            for (const id of ids) await client.delete(placeOf(onWire(resource), id));
            return { data: ids };
        },

        // Many rows at once are a job of the server's (useBulk), never a loop in the browser.
        updateMany: () => Promise.reject(new Error('many rows at once are changed by a job')),
    };
    return provider;
}

/** The query of a list, as the contract has it. The filter's member `q` is the search. */
export function listQuery(filter: unknown, sort: GetListParams['sort'], order: ListOrder = {}, limit?: number): Query {
    const { q, ...rest } = (filter ?? {}) as Record<string, unknown>;
    return {
        filter: filterText(rest),
        q: typeof q === 'string' && q.trim() ? q.trim() : undefined,
        sort: sort?.field ? `${sort.order === 'DESC' ? '-' : ''}${sort.field}` : undefined,
        limit,
        count: order.count,
        fields: order.fields?.join(','),
    };
}

/** A filter as JSON, without members that are empty; none if nothing is left. */
export function filterText(filter: Record<string, unknown>): string | undefined {
    const left = cleanFilter(filter);
    return Object.keys(left).length > 0 ? JSON.stringify(left) : undefined;
}

/** A filter without members that are empty. */
export function cleanFilter(filter: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
        Object.entries(filter).filter(([, value]) => {
            if (value === undefined || value === null || value === '') return false;
            if (Array.isArray(value)) return value.length > 0;
            return typeof value !== 'object' || Object.keys(value).length > 0;
        }),
    );
}

/** Where a row stands, below `/api`. */
function placeOf({ path, placed }: ResourceOnWire, id: Identifier): string {
    const parts = placed ? String(id).split(':') : [String(id)];
    return [path, ...parts.map(encodeURIComponent)].join('/');
}

function toRecord(wire: ResourceOnWire, row: Record<string, unknown>): RaRecord {
    return wire.key === 'id' ? (row as RaRecord) : { ...row, id: row[wire.key] as Identifier };
}

function toWire(writable: readonly string[] | undefined, record: Record<string, unknown>): Record<string, unknown> {
    const names = writable ?? Object.keys(record).filter((name) => name !== 'id');
    return Object.fromEntries(names.filter((name) => record[name] !== undefined).map((name) => [name, record[name]]));
}
