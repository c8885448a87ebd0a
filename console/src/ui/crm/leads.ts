// What is asked of leads, and how the answers come to all that show them.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { useCan, useMyPermissions } from '@/access/me';
import type { HandOverOrder, Lead, LeadEvent, LeadSteps } from '@/api/crm';
import { phone, useT } from '@/i18n';
import { patchRow } from '@/live/hooks';
import { useClient } from '@/providers/services';

/** What a lead is called: by the name, else by the number, else by its own. */
export function useLeadName(): (lead: Partial<Lead>) => string {
    const t = useT();
    return useCallback((lead) => lead.client_name || (lead.phone ? phone(lead.phone) : t('leads.nameless', { id: lead.id ?? '' })), [t]);
}

/** What can happen to a lead next, by one's own rights. Each version of it is asked for by itself. */
export function useLeadSteps(lead: Pick<Lead, 'id' | 'version'>) {
    const client = useClient();
    return useQuery({
        queryKey: ['crm', 'steps', lead.id, lead.version],
        queryFn: ({ signal }) => client.get<LeadSteps>(`/crm/leads/${lead.id}/transitions`, undefined, signal),
        staleTime: 60_000,
    });
}

/** What is done with leads. Each answer, which is the whole lead, takes its place wherever the lead is shown. */
export function useLeadDeeds() {
    const client = useClient();
    const queries = useQueryClient();
    return useMemo(() => {
        const shown = (lead: Lead): Lead => {
            patchRow(queries, 'leads', { seq: 0, ts: 0, center: '', type: 'lead.update', id: lead.id, epoch: 0, data: lead });
            void queries.invalidateQueries({ queryKey: ['leads', 'getList'] });
            void queries.invalidateQueries({ queryKey: ['crm'] });
            return lead;
        };
        return {
            shown,
            change: async (lead: Pick<Lead, 'id' | 'version'>, change: Partial<Lead>) => shown(await client.put<Lead>(`/crm/leads/${lead.id}`, { ...change, version: lead.version })),
            happen: async (lead: Pick<Lead, 'id' | 'version'>, event: LeadEvent, reason?: string) =>
                shown(await client.post<Lead>(`/crm/leads/${lead.id}/events`, { event, version: lead.version, ...(reason && { reason }) })),
            /** Hands it over; the lead as it is then, if it is still among those that one sees. */
            handOver: async (lead: Pick<Lead, 'id'>, order: HandOverOrder) => {
                const handed = await client.post<Lead | undefined>(`/crm/leads/${lead.id}/hand-over`, order);
                if (handed?.id) return shown(handed);
                await queries.invalidateQueries({ queryKey: ['leads'] });
                return undefined;
            },
            /** What was shown is not as it is: it is asked for anew. */
            again: (lead: Pick<Lead, 'id'>) => {
                void queries.invalidateQueries({ queryKey: ['crm'] });
                return queries.invalidateQueries({ queryKey: ['leads', 'getOne', { id: lead.id }], exact: false });
            },
        };
    }, [client, queries]);
}

/** Which columns of a lead one may change: those that one sees whole, of a lead that one may change. */
export function useLeadColumns(): { sees: (name: keyof Lead) => boolean; writes: (name: keyof Lead) => boolean } {
    const can = useCan();
    const columns = useMyPermissions()?.resources.leads?.columns;
    return useMemo(() => {
        const mode = (name: string) => (columns?.length ? columns.find((column) => column.name === name)?.mode : 'show');
        return { sees: (name) => mode(name) !== undefined, writes: (name) => can('leads.update') && mode(name) === 'show' };
    }, [can, columns]);
}
