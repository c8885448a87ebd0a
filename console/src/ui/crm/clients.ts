// What is asked of clients, and how the answers come to all that show them.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { useCan, useMyPermissions } from '@/access/me';
import type { Client } from '@/api/crm';
import { phone, useT } from '@/i18n';
import { patchRow } from '@/live/hooks';
import { useClient } from '@/providers/services';

/** What a client is called: a company by its name, a person by theirs, else by a number. */
export function clientName(client: Partial<Client>): string {
    const person = [client.last_name, client.first_name, client.patronymic].filter(Boolean).join(' ');
    const primary = client.phones?.find((each) => each.primary) ?? client.phones?.[0];
    return (client.kind === 'company' ? client.org_name || person : person || client.org_name) || (primary ? phone(primary.number) : '');
}

export function useClientName(): (client: Partial<Client>) => string {
    const t = useT();
    return useCallback((client) => clientName(client) || t('clients.nameless', { id: client.id ?? '' }), [t]);
}

export type ClientChange = Partial<Omit<Client, 'id' | 'version' | 'created_at' | 'updated_at' | 'created_by'>>;

/** What is done with clients. */
export function useClientDeeds() {
    const client = useClient();
    const queries = useQueryClient();
    return useMemo(() => {
        const shown = (row: Client): Client => {
            patchRow(queries, 'clients', { seq: 0, ts: 0, center: '', type: 'client.update', id: row.id, epoch: 0, data: row });
            void queries.invalidateQueries({ queryKey: ['clients', 'getList'] });
            return row;
        };
        return {
            make: async (change: ClientChange, key: string) => shown(await client.post<Client>('/clients', change, { 'Idempotency-Key': key })),
            change: async (row: Pick<Client, 'id' | 'version'>, change: ClientChange) => shown(await client.put<Client>(`/clients/${row.id}`, { ...change, version: row.version })),
        };
    }, [client, queries]);
}

/** Which columns of a client one sees whole. */
export function useClientColumns(): { sees: (name: keyof Client) => boolean; writes: (name: keyof Client) => boolean } {
    const can = useCan();
    const columns = useMyPermissions()?.resources.clients?.columns;
    return useMemo(() => {
        const mode = (name: string) => (columns?.length ? columns.find((column) => column.name === name)?.mode : 'show');
        return { sees: (name) => mode(name) !== undefined, writes: (name) => can('clients.update') && mode(name) === 'show' };
    }, [can, columns]);
}
