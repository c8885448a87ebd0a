import { useGetList } from 'ra-core';
import { useMemo } from 'react';
import type { Carrier } from '@/api/plan';
import { useCan } from '@/access/me';
import { useCode, useFormat, useT } from '@/i18n';
import type { Names } from './words';

/** How many carriers are known by name; others are named by number. */
const CARRIERS_MAX = 200;

/** The carriers that one may see. */
export function useCarriers(): Carrier[] {
    const can = useCan();
    const { data } = useGetList<Carrier>(
        'carriers',
        { pagination: { page: 1, perPage: CARRIERS_MAX }, filter: { type: 'sip' }, sort: { field: 'name', order: 'ASC' }, meta: { count: 'none' } },
        { enabled: can('trunks.read'), staleTime: 60_000, retry: false, onError: () => undefined },
    );
    return useMemo(() => data ?? [], [data]);
}

/** All that it takes to tell of routes in words. */
export function useNames(): Names {
    const t = useT();
    const format = useFormat();
    const code = useCode();
    const carriers = useCarriers();
    return useMemo(() => ({ t, format, code, carrier: (id) => carriers.find((carrier) => carrier.id === id)?.name || `#${id}` }), [t, format, code, carriers]);
}
