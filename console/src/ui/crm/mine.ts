// One's own leads, as far as a page shows them.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useGetList } from 'ra-core';
import { useEffect, useRef } from 'react';
import { scopesOf, useCan, useMe, useMyPermissions } from '@/access/me';
import type { Lead, LeadStatus } from '@/api/crm';
import type { Page } from '@/api/types';
import { useTopic } from '@/live/hooks';
import { listQuery } from '@/providers/rest/dataProvider';
import { useClient } from '@/providers/services';

/** How many leads of a kind are named; their list has them all. */
export const SHOWN_MAX = 20;

export const OPEN: LeadStatus[] = ['new', 'assigned', 'contacted', 'qualified'];

const STANDINGS = ['crm', 'standings'];
/** How long changes are gathered before leads are counted anew, in milliseconds. */
const GATHER_MS = 1000;

/** What narrows leads to one's own: nothing, for who sees no others. */
export function useMineOnly(column: 'assigned_seller' | 'assigned_operator'): Record<string, unknown> | undefined {
    const me = useMe();
    const mine = useMyPermissions();
    if (!me || !mine) return undefined;
    return scopesOf(mine, 'leads.read').every((scope) => scope === 'own') ? {} : { [column]: me.id };
}

/** Leads of one's own that a filter lets through, by when something is due, and how many there are. */
export function useMyLeads(column: 'assigned_seller' | 'assigned_operator', filter: Record<string, unknown>, sort: 'next_action_at' | 'updated_at' = 'next_action_at') {
    const own = useMineOnly(column);
    const can = useCan();
    const { data, error, refetch, meta } = useGetList<Lead>(
        'leads',
        { filter: { ...filter, ...own }, sort: { field: sort, order: sort === 'updated_at' ? 'DESC' : 'ASC' }, pagination: { page: 1, perPage: SHOWN_MAX } },
        { enabled: own !== undefined && can('leads.read'), retry: false, onError: () => undefined },
    );
    const count = (meta as { count?: { value: number } } | undefined)?.count?.value;
    return { leads: data, count: count ?? data?.length, error, refetch };
}

/** How many leads of one's own stand where. */
export function useMyStandings(statuses: readonly LeadStatus[]) {
    const client = useClient();
    const own = useMineOnly('assigned_seller');
    const queries = useQueryClient();
    const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
    useEffect(() => () => clearTimeout(timer.current), []);
    useTopic('leads', () => {
        clearTimeout(timer.current);
        timer.current = setTimeout(() => void queries.invalidateQueries({ queryKey: STANDINGS }), GATHER_MS);
    });
    return useQuery({
        queryKey: STANDINGS,
        queryFn: async ({ signal }) => {
            const counts = statuses.map(async (status) => {
                const page = await client.get<Page<Lead>>('/crm/leads', listQuery({ status, ...own }, undefined, { fields: ['id'] }, 1), signal);
                return [status, page.count?.value ?? page.items.length] as const;
            });
            return Object.fromEntries(await Promise.all(counts)) as Partial<Record<LeadStatus, number>>;
        },
        enabled: own !== undefined,
        retry: false,
    });
}
