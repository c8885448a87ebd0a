import { QueryClient } from '@tanstack/react-query';
import { Problem } from '@/providers/problem';

/** How long what was loaded counts as fresh, in milliseconds; events keep lists in step beside that. */
const FRESH_MS = 5_000;

export function createQueries(): QueryClient {
    return new QueryClient({
        defaultOptions: {
            queries: {
                staleTime: FRESH_MS,
                // What the server refuses it refuses again; what passes is tried twice more.
                retry: (count, error) => count < 2 && error instanceof Problem && error.passes,
                retryDelay: (count, error) => (error instanceof Problem && error.retryAfterS ? error.retryAfterS * 1000 : 500 * 2 ** count),
            },
        },
    });
}
