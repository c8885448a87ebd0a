import { useQuery } from '@tanstack/react-query';
import { useCan } from '@/access/me';
import type { Seller } from '@/api/crm';
import type { Items } from '@/api/types';
import { useClient } from '@/providers/services';
import { Person } from '../values';

/** Who gets leads; for who may hand leads over. */
export function useSellers() {
    const client = useClient();
    const can = useCan();
    return useQuery({
        queryKey: ['crm', 'sellers'],
        queryFn: async ({ signal }) => (await client.get<Items<Seller>>('/crm/sellers', undefined, signal)).items,
        enabled: can('leads.hand_over'),
        staleTime: 30_000,
        retry: false,
    });
}

/** Whose a lead is. Operators read no accounts, and yet know the sellers to whom they hand over. */
export function Owner({ id }: { id: string | null | undefined }) {
    const { data } = useSellers();
    return <Person id={id} name={data?.find((seller) => seller.id === id)?.name} />;
}
