// Where registered phones are, as the database knows it: a moment behind what happens.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef } from 'react';
import { useCan } from '@/access/me';
import type { Registration, Slot } from '@/api/types';
import { useClient } from '@/providers/services';
import { all } from './board';
import { useTopic } from './hooks';

const REGISTRATIONS = ['board', 'registrations'];

/** How old it may be, in milliseconds: no event tells that a phone has registered once more. */
const EVERY_MS = 30_000;
/** How long after something has happened the database knows, with room to spare, in milliseconds. */
const KNOWN_MS = 1200;

/** Registered phones by the ids of their slots; undefined until they are known, and for who may not trace phones. */
export function useRegistrations(slots: Slot[] | undefined) {
    const client = useClient();
    const queries = useQueryClient();
    const may = useCan()('slots.trace');
    const query = useQuery({ queryKey: REGISTRATIONS, queryFn: ({ signal }) => all<Registration>(client, '/registrations', {}, signal), enabled: may, refetchInterval: EVERY_MS, retry: false });
    const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
    const askSoon = () => {
        clearTimeout(timer.current);
        timer.current = setTimeout(() => void queries.invalidateQueries({ queryKey: REGISTRATIONS }), KNOWN_MS);
    };
    useEffect(() => () => clearTimeout(timer.current), []);
    useTopic(may ? 'slots' : undefined, (event) => {
        const told = event.data as Partial<Slot> | null;
        const before = slots?.find(({ id }) => id === event.id);
        // A call changes its slot as well, and nothing of its registration.
        if (event.type === 'slot.rebound' || told === null || told.registered !== before?.registered) askSoon();
    });
    const registrations = useMemo(() => query.data && new Map(query.data.map((registration) => [registration.id, registration])), [query.data]);
    return { ...query, registrations, may };
}
