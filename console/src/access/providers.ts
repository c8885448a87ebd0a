import { useQuery } from '@tanstack/react-query';
import type { Providers } from '@/api/types';
import { useClient } from '@/providers/services';

/** How people can log in here. */
export function useProviders(): Providers | undefined {
    const client = useClient();
    return useQuery({ queryKey: ['auth', 'providers'], queryFn: () => client.open<Providers>('GET', '/auth/providers'), staleTime: 60_000 }).data;
}

/** Whether links can be sent by e-mail. A server that does not say can. */
export function useMail(): boolean {
    return useProviders()?.mail !== false;
}
