// How hubs and carriers are, as it is now: asked for again and again, and told by events in between.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCan } from '@/access/me';
import type { CarrierStatus, PbxStatus } from '@/api/types';
import { useClient } from '@/providers/services';
import { useTopic } from './hooks';

/** How old it may be, in milliseconds: of calls that begin and end, no event tells. */
const EVERY_MS = 5000;

const STATUS = ['pbx', 'status'];

/** How the hubs and carriers are; for who may watch them. */
export function usePbxStatus() {
    const client = useClient();
    const can = useCan();
    return useQuery({ queryKey: STATUS, queryFn: ({ signal }) => client.get<PbxStatus>('/pbx/status', undefined, signal), refetchInterval: EVERY_MS, retry: false, enabled: can('trunks.monitor') });
}

/** The same, kept in step with what carriers do at this moment. One of these a page is enough. */
export function useLiveStatus() {
    const queries = useQueryClient();
    const can = useCan();
    const status = usePbxStatus();
    useTopic(can('trunks.monitor') ? 'carriers' : undefined, (event) => {
        if (event.type !== 'carrier.update') return;
        // One that is gone, or that is new, changes which there are.
        if (event.data === null || !status.data?.carriers.some(({ id }) => id === event.id)) return void queries.invalidateQueries({ queryKey: STATUS });
        const told = event.data as Partial<CarrierStatus>;
        queries.setQueryData<PbxStatus>(STATUS, (old) => old && { ...old, carriers: old.carriers.map((carrier) => (carrier.id === event.id ? { ...carrier, ...told } : carrier)) });
    });
    return status;
}
