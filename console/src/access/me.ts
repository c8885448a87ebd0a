import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useSyncExternalStore } from 'react';
import type { Me, MyPermissions } from '@/api/types';
import { rightTo } from '@/providers/resources';
import { useServices } from '@/providers/services';

const ME = ['me'];
const PERMISSIONS = ['me', 'permissions'];
const FRESH_MS = 60_000;
/** What the server sends in the place of an id that is masked. */
const MASKED = '•••';

/** Whether anybody is signed in. */
export function useSignedIn(): boolean {
    const { session } = useServices();
    return useSyncExternalStore(session.onChange, () => session.isOpen);
}

/** Who one is; undefined until it is known. */
export function useMe(): Me | undefined {
    const { client } = useServices();
    const enabled = useSignedIn();
    return useQuery({ queryKey: ME, queryFn: () => client.get<Me>('/me'), enabled, staleTime: FRESH_MS }).data;
}

/** Puts what the server answered to a change of oneself in its place. */
export function useSetMe(): (me: Me) => void {
    const queries = useQueryClient();
    return useCallback((me) => queries.setQueryData(ME, me), [queries]);
}

/** What one may do, as the server sees it. */
export function useMyPermissions(): MyPermissions | undefined {
    const { client } = useServices();
    return useQuery(permissionsQuery(client, useSignedIn())).data;
}

export function permissionsQuery(client: ReturnType<typeof useServices>['client'], enabled = true) {
    return { queryKey: PERMISSIONS, queryFn: () => client.get<MyPermissions>('/me/permissions'), enabled, staleTime: FRESH_MS };
}

/** Says whether one may do something, such as `users.update`. The console only hides; it is the server that decides. */
export function useCan(): (permission: string) => boolean {
    const mine = useMyPermissions();
    return useCallback((permission) => may(mine, permission), [mine]);
}

/** Says whether one may do something with a resource of the console. */
export function useCanDo(resource: string): (verb: string) => boolean {
    const can = useCan();
    return useCallback((verb) => can(rightTo(verb, resource)), [can, resource]);
}

/**
 * Says whether a right reaches a call: whoever has it for their own calls only has it for those that they placed or served.
 * Where it is hidden who that was, the server alone knows, and refuses what it has to.
 */
export function useReachesCall(permission: string): (call: { user?: string | null; segments?: { user?: string | null }[] }) => boolean {
    const mine = useMyPermissions();
    const me = useMe();
    return (call) => {
        const scopes = scopesOf(mine, permission);
        if (scopes.some((scope) => scope !== 'own')) return true;
        if (scopes.length === 0 || !me) return false;
        return call.user === undefined || [call, ...(call.segments ?? [])].some(({ user }) => user === me.id || user === MASKED);
    };
}

/** How far a right reaches: `own`, `center`, `list`, `own+list` (model/src/access.rs); nowhere, if one does not have it. */
export function scopesOf(mine: MyPermissions | undefined, permission: string): readonly string[] {
    return mine?.permissions.find((granted) => granted.permission === permission)?.scopes ?? [];
}

export function may(mine: MyPermissions | undefined, permission: string): boolean {
    return mine?.permissions.some((granted) => granted.permission === permission) ?? false;
}

/** Whether one may work in other centres than one's own. */
export function mayRoam(mine: MyPermissions | undefined): boolean {
    return scopesOf(mine, 'centers.read').includes('all');
}
