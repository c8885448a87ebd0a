import type { PermissionSet } from '@/api/types';
import { useCode } from '@/i18n';

/** What a set is called: those that come with the program have the code of their role, and its name. */
export function useSetName(): (set: Pick<PermissionSet, 'code' | 'name' | 'builtin'>) => string {
    const code = useCode();
    return (set) => (set.builtin ? code('roles.codes', set.code, set.name) : set.name);
}
