// Slots and calls as they are now: loaded once, then kept in step by events.
import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useCan, useMe } from '@/access/me';
import type { Call, CallStatus, LiveEvent, Page, Slot } from '@/api/types';
import type { Client } from '@/providers/rest/client';
import { LIMIT_MAX } from '@/providers/rest/dataProvider';
import { useClient } from '@/providers/services';
import { useTopic } from './hooks';

/** How many rows a board holds; a centre has 999 slots a hub at most, and a board with more helps nobody. */
const ROWS_MAX = 2000;

export const LIVE_STATES: CallStatus[] = ['dialing', 'ringing', 'answered', 'held'];

const SLOTS = ['board', 'slots'];
const CALLS = ['board', 'calls'];
const MINE = ['board', 'mine'];

/** All slots that one may see, by number. */
export function useBoardSlots() {
    const client = useClient();
    const query = useBoard<Slot>(SLOTS, 'slots', {
        type: 'slot.update',
        load: (signal) => all<Slot>(client, '/slots', {}, signal),
        put: (slots, event) => upsert(slots, event, 'id', () => true),
    });
    const slots = useMemo(() => query.data?.toSorted((a, b) => a.number.localeCompare(b.number, 'en', { numeric: true })), [query.data]);
    return { ...query, slots };
}

/** The calls that are under way and that one may see, oldest first. */
export function useBoardCalls(isWanted = true) {
    const client = useClient();
    const can = useCan();
    const query = useBoard<Call>(CALLS, isWanted && can('calls.read') ? 'calls' : undefined, {
        type: 'call.update',
        load: (signal) => all<Call>(client, '/calls', { filter: JSON.stringify({ status: LIVE_STATES }) }, signal),
        put: (calls, event) => upsert(calls, event, 'call_id', (call) => call.status !== 'ended'),
    });
    const calls = useMemo(() => query.data?.toSorted((a, b) => a.started_at - b.started_at), [query.data]);
    return { ...query, calls };
}

/** What came while a board was being loaded, by its key: the answer may be older, so it comes on top of it. */
const meanwhile = new Map<string, LiveEvent[]>();

interface BoardRows<T> {
    /** Which events change it. */
    type: string;
    load: (signal: AbortSignal) => Promise<T[]>;
    put: (rows: T[], event: LiveEvent) => T[];
}

/** Rows that are loaded whenever a page comes to show them, for nobody has kept them in step before, and follow the events of a topic from then on. */
function useBoard<T extends object>(key: string[], topic: string | undefined, { type, load, put }: BoardRows<T>) {
    const queries = useQueryClient();
    const name = key.join();
    const query = useQuery({
        queryKey: key,
        queryFn: async ({ signal }) => {
            meanwhile.set(name, []);
            const rows = await load(signal);
            return (meanwhile.get(name) ?? []).reduce(put, rows);
        },
        enabled: topic !== undefined,
        staleTime: Infinity,
        refetchOnMount: 'always',
    });
    useTopic(topic, (event) => {
        if (event.type !== type) return;
        const came = queries.isFetching({ queryKey: key }) > 0 ? meanwhile.get(name) : undefined;
        // Several pages may show the same board, and each hears of it.
        if (came?.includes(event) === false) came.push(event);
        queries.setQueryData<T[]>(key, (rows) => rows && put(rows, event));
    });
    return query;
}

/** One's own slot, if one has taken any, and the call that it is in. */
export function useMySlot(): { slot: Slot | null | undefined; call: Call | undefined } {
    const client = useClient();
    const queries = useQueryClient();
    const me = useMe();
    const can = useCan();
    const { data: slot } = useQuery({
        queryKey: MINE,
        queryFn: async () => (await client.get<Page<Slot>>('/slots', { filter: JSON.stringify({ holder: me?.id }), limit: 1, count: 'none' })).items[0] ?? null,
        enabled: me !== undefined && can('slots.read'),
    });
    useTopic(slot === undefined ? undefined : 'slots', (event) => {
        if (event.type !== 'slot.update') return;
        const now = event.data as Slot | null;
        if (now?.holder === me?.id) queries.setQueryData(MINE, now);
        else if (event.id === slot?.id && (now === null || event.epoch >= slot.epoch)) queries.setQueryData(MINE, null);
    });
    // Without a slot there is no call of one's own to be found: nobody is asked for the others.
    const { calls } = useBoardCalls(can('slots.read'));
    const call = slot ? calls?.findLast((each) => each.caller_slot === slot.id || each.callee_slot === slot.id) : undefined;
    return { slot, call };
}

/** Puts what the server answered to take and release in its place at once; its event says the same. */
export function setMySlot(queries: QueryClient, slot: Slot | null): void {
    queries.setQueryData(MINE, slot);
    if (slot) queries.setQueryData<Slot[]>(SLOTS, (slots) => slots?.map((old) => (old.id === slot.id ? { ...old, ...slot } : old)));
}

function upsert<T extends object>(rows: T[], event: LiveEvent, id: keyof T, isShown: (row: T) => boolean): T[] {
    const row = event.data as T | null;
    const at = rows.findIndex((old) => old[id] === event.id);
    const old = rows[at];
    if (row === null || !isShown(row)) return at === -1 ? rows : rows.toSpliced(at, 1);
    if (old === undefined) return rows.length < ROWS_MAX ? [...rows, row] : rows;
    // Events of a lease that is over say nothing of the slot as it is.
    if (event.epoch > 0 && event.epoch < ((old as { epoch?: number }).epoch ?? 0)) return rows;
    return rows.with(at, { ...old, ...row });
}

/** All rows of a list, page by page, as far as a board holds them. */
export async function all<T>(client: Client, path: string, query: Record<string, string>, signal: AbortSignal): Promise<T[]> {
    const rows: T[] = [];
    let cursor: string | undefined;
    do {
        const page = await client.get<Page<T>>(path, { ...query, limit: LIMIT_MAX, count: 'none', cursor }, signal);
        rows.push(...page.items);
        cursor = page.next ?? undefined;
    } while (cursor !== undefined && rows.length < ROWS_MAX);
    return rows;
}
