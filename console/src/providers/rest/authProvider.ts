import type { QueryClient } from '@tanstack/react-query';
import type { AuthProvider } from 'ra-core';
import { may, permissionsQuery } from '@/access/me';
import type { Me } from '@/api/types';
import { Problem } from '../problem';
import { RESOURCES, rightTo } from '../resources';
import type { Client } from './client';
import type { Session } from './session';

/** What react-admin calls a deed, and what the server calls it. A form can be opened by who may read what is in it: without the right to change it cannot be filled in. */
const VERBS: Record<string, string> = { list: 'read', show: 'read', create: 'create', edit: 'read', delete: 'delete', export: 'export' };

/** react-admin's view of who is signed in and what they may do. */
export function createAuthProvider(client: Client, session: Session, queries: QueryClient): AuthProvider {
    return {
        login: async ({ username, password }: { username: string; password: string }) => {
            await session.signIn(username, password);
            queries.clear();
        },
        logout: async (params?: { everywhere?: boolean }) => {
            // Away from the server one still leaves: what is in memory goes in any case.
            if (session.isOpen) await session.signOut(params?.everywhere).catch(() => undefined);
            return '/login';
        },
        checkAuth: async () => {
            if ((await session.token()) === undefined) throw Object.assign(new Error(), { message: false });
        },
        checkError: async (error: unknown) => {
            if (error instanceof Problem && error.status === 401) {
                throw Object.assign(new Error(), { message: 'auth.session_ended', redirectTo: '/login' });
            }
        },
        getIdentity: async () => {
            const me = await queries.ensureQueryData({ queryKey: ['me'], queryFn: () => client.get<Me>('/me') });
            return { id: me.id, fullName: me.display_name || me.username };
        },
        // Asked for by react-admin on every page, also on those for people who are not signed in: to them nothing is permitted.
        getPermissions: async () => ((await session.token()) === undefined ? undefined : queries.ensureQueryData(permissionsQuery(client))),
        canAccess: async ({ action, resource }) => {
            const mine = await queries.ensureQueryData(permissionsQuery(client));
            const verb = VERBS[action] ?? action;
            return may(mine, resource in RESOURCES ? rightTo(verb, resource) : `${resource}.${verb}`);
        },
    };
}
