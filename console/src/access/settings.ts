import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useRef } from 'react';
import type { Look } from '@/app/look';
import type { Locale } from '@/i18n';
import { useServices } from '@/providers/services';
import { useSignedIn } from './me';

/** What a person has set up for themselves; the server keeps it, so that it is there at every desk. */
export interface ConsoleSettings {
    look?: Look;
    /** The language, if the person has chosen one; else the browser's counts. */
    locale?: Locale;
    /** By list: which columns, in which order. */
    columns?: Record<string, string[]>;
    /** By list: how many rows a page. */
    perPage?: Record<string, number>;
    menuFolded?: boolean;
    /** Whether keys that write a sign may do something by themselves; as long as nothing is set, they may. */
    letterKeys?: boolean;
    /** How recordings are played where one hears call after call. */
    player?: { speed?: number; autoplay?: boolean };
}

const KEY = ['me', 'settings', 'console'];
/** Several changes in a row are sent as one. */
const SEND_AFTER_MS = 600;

/** One's settings, how to change some of them, and whether they are there yet. */
export function useSettings(): [ConsoleSettings, (change: Partial<ConsoleSettings>) => void, boolean] {
    const { client } = useServices();
    const queries = useQueryClient();
    const enabled = useSignedIn();
    const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
    const { data } = useQuery({
        queryKey: KEY,
        // Nothing has been set yet, or the server is away: the console then is as it comes.
        queryFn: () => client.get<ConsoleSettings | null>('/me/settings/console').then((value) => value ?? {}, () => ({})),
        enabled,
        staleTime: Infinity,
    });
    const change = useCallback(
        (part: Partial<ConsoleSettings>) => {
            const next = { ...queries.getQueryData<ConsoleSettings>(KEY), ...part };
            queries.setQueryData(KEY, next);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => {
                // It holds in this tab in any case, and the next change tries again.
                client.put('/me/settings/console', queries.getQueryData(KEY)).catch(() => undefined);
            }, SEND_AFTER_MS);
        },
        [client, queries],
    );
    return [data ?? {}, change, data !== undefined];
}
