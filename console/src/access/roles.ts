import { useGetList } from 'ra-core';
import { useCallback } from 'react';
import type { Role } from '@/api/types';
import { useCode } from '@/i18n';
import { useCan } from './me';

/** Says what roles are called by their codes: in one's language those that come with the program, by their names those that people have made. */
export function useRoleName(): (role: string) => string {
    const code = useCode();
    const can = useCan();
    const { data } = useGetList<Role>(
        'roles',
        { pagination: { page: 1, perPage: 200 }, sort: { field: 'code', order: 'ASC' }, meta: { count: 'none' } },
        { enabled: can('roles.read'), staleTime: 60_000, retry: false, onError: () => undefined },
    );
    return useCallback(
        (role) => {
            const made = data?.find((each) => each.code === role && !each.builtin);
            return made ? made.name || role : code('roles.codes', role);
        },
        [code, data],
    );
}
