import { useQueryClient, type QueryClient, type QueryFilters } from '@tanstack/react-query';
import type { GetListResult, RaRecord } from 'ra-core';
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';
import type { LiveEvent } from '@/api/types';
import { onWire } from '@/providers/resources';
import { useServices } from '@/providers/services';
import type { LiveStatus } from './live';

/** How long new rows are gathered before a list is loaded anew, in milliseconds. */
const GATHER_MS = 1000;

/** How the connection for events is. */
export function useLiveStatus(): LiveStatus {
    const { live } = useServices();
    return useSyncExternalStore(
        (listener) => live.onStatus(listener),
        () => live.status,
    );
}

/** Hears the events of a topic as long as the component is there; none without a topic. */
export function useTopic(topic: string | undefined, handler: (event: LiveEvent) => void): void {
    const { live } = useServices();
    const tell = useEffectEvent(handler);
    useEffect(() => (topic === undefined ? undefined : live.on(topic, (event) => tell(event))), [live, topic]);
}

/** Is told when events were missed. */
export function useResync(handler: () => void): void {
    const { live } = useServices();
    const tell = useEffectEvent(handler);
    useEffect(() => live.onResync(() => tell()), [live]);
}

/** Loads anew what is shown. What is on its way for the first time may be as old as the rest, and is asked for once more when it is there. */
export async function loadAnew(queries: QueryClient, filters?: QueryFilters): Promise<void> {
    const onItsWay = queries
        .getQueryCache()
        .findAll({ ...filters, fetchStatus: 'fetching' })
        .filter(({ state }) => state.data === undefined);
    // Starts again what was there already, and waits for all.
    await queries.invalidateQueries(filters);
    if (onItsWay.length > 0) await queries.invalidateQueries({ predicate: (query) => onItsWay.includes(query) });
}

/**
 * Sees to it that after a change of one's rights only what they show now is shown. What no page shows goes at once; the rest when it is known
 * what one may do, for some pages ask for that before they ask for rows.
 */
export async function seeAnew(queries: QueryClient): Promise<void> {
    const others: QueryFilters = { predicate: ({ queryKey }) => queryKey[0] !== 'me' };
    queries.removeQueries({ ...others, type: 'inactive' });
    await queries.invalidateQueries({ queryKey: ['me'] });
    await queries.resetQueries(others);
}

/**
 * Keeps a list in step with what happens: known rows change in place, for new ones the list is loaded anew, but not for each.
 * So it is if it is being loaded at this moment, because what comes may be older than the event.
 */
export function useLiveList(resource: string, topic: string | undefined): void {
    const queries = useQueryClient();
    useEffect(
        () => () => {
            clearTimeout(gathering.get(resource));
            gathering.delete(resource);
        },
        [resource],
    );
    useTopic(topic, (event) => {
        const isLoading = UPDATE.test(event.type) && queries.isFetching({ queryKey: [resource, 'getList'] }) > 0;
        if (!patchRow(queries, resource, event) || isLoading) gather(queries, resource);
    });
}

const gathering = new Map<string, ReturnType<typeof setTimeout>>();

function gather(queries: QueryClient, resource: string): void {
    if (gathering.has(resource)) return;
    gathering.set(
        resource,
        setTimeout(() => {
            gathering.delete(resource);
            void loadAnew(queries, { queryKey: [resource, 'getList'] });
        }, GATHER_MS),
    );
}

/** Only an update brings a whole row. */
const UPDATE = /\.(update|progress)$/;

/** Puts an event's picture of a row wherever that row is shown. Says whether there was nothing more to do. */
export function patchRow(queries: QueryClient, resource: string, event: LiveEvent): boolean {
    if (!UPDATE.test(event.type)) return true;
    const { key } = onWire(resource);
    const row = event.data as Record<string, unknown> | null;
    let known = false;
    queries.setQueriesData<GetListResult<RaRecord>>({ queryKey: [resource, 'getList'] }, (list) => {
        const at = list?.data.findIndex(({ id }) => id === event.id) ?? -1;
        const old = list?.data[at];
        if (!list || !old) return list;
        known = row !== null;
        if (row === null || isStale(old, event)) return list;
        return { ...list, data: list.data.with(at, merge(old, row, key)) };
    });
    const one = { queryKey: [resource, 'getOne', { id: event.id }], exact: false };
    // What is on its way may be older than the event: it is asked for once more.
    if (queries.isFetching(one) > 0) void loadAnew(queries, one);
    queries.setQueriesData<RaRecord>(one, (old) => (old && row && !isStale(old, event) ? merge(old, row, key) : old));
    return known;
}

/** A slot's event of a lease that is over says nothing of the slot as it is (docs/api.md, Live events). */
function isStale(old: RaRecord, event: LiveEvent): boolean {
    return event.epoch > 0 && typeof old.epoch === 'number' && event.epoch < old.epoch;
}

/** What an event leaves out (a call's recording) stays. */
function merge(old: RaRecord, row: Record<string, unknown>, key: string): RaRecord {
    return { ...old, ...row, id: (row[key] ?? old.id) as string };
}
