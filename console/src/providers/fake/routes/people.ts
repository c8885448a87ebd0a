// People, roles, permission sets, centres.
import type { PermissionSet, Role, User } from '@/api/types';
import { CATALOGUE, type FakeData } from '../data';
import { list, type FakeResource, type Row } from '../lists';
import { usersOf } from '../listening/reach';
import { FakeProblem } from '../problem';
import { RESOURCES } from '../resources';
import type { FakeRoute, FakeWorld } from '../world';

export const peopleRoutes = (world: FakeWorld): FakeRoute[] => [
    ['GET', /^\/users$/, world.listed('users', ({ user }) => usersOf(world, user), 'users.read')],
    [
        'POST',
        /^\/users$/,
        (context) => {
            world.need(context, 'users.create');
            const { password, ...body } = context.body;
            if (world.data.users.some(({ username }) => username === body.username)) throw new FakeProblem(409, 'username_taken', 'username');
            const user = { email: null, display_name: String(body.username), roles: [], manager: null, locale: null, tz: null, state: password ? 'active' : 'invited', sso: false, lists: [], columns: [], ...body, id: world.newId(), created_at: world.now(), last_login_at: null, version: 1 } as unknown as User;
            world.data.users.push(user);
            return user;
        },
    ],
    [
        'POST',
        /^\/users\/bulk$/,
        (context) => {
            world.need(context, 'users.bulk');
            const { ids, filter, q, dry_run } = context.body as { ids?: string[]; filter?: unknown; q?: string; dry_run?: boolean };
            const rows = ids ? world.data.users.filter(({ id }) => ids.includes(id)) : list(RESOURCES.users as FakeResource, world.data.users as unknown as Row[], { filter: JSON.stringify(filter ?? {}), q, limit: 200 }).items;
            if (dry_run) return { count: rows.length };
            return { job_id: world.newJob('bulk.run', rows.length, context.user.id).id, count: rows.length };
        },
    ],
    ['GET', /^\/users\/(\d+)$/, ({ ids: [id], user: me }) => world.seen('users', me, world.one(usersOf(world, me), (user) => user.id === id))],
    ['PUT', /^\/users\/(\d+)$/, ({ ids: [id], body }) => world.change(world.one(world.data.users, (user) => user.id === id), body)],
    ['DELETE', /^\/users\/(\d+)$/, ({ ids: [id] }) => void (world.data.users = world.data.users.filter((user) => user.id !== id))],
    [
        'POST',
        /^\/users\/(\d+)\/link$/,
        ({ body }) => ({ url: body.send === 'show' ? 'https://cordboard.example.org/link#token=Zk3vQ9sLw1hT7xNc5dRf8yUb2mEa0oPi' : undefined, expires_at: world.now() + 259_200_000 }),
    ],
    ['POST', /^\/users\/(\d+)\/logout$/, () => undefined],
    ['GET', /^\/users\/(\d+)\/tokens$/, ({ ids: [id] }) => ({ items: id === '1' ? world.tokens : [] })],

    ['GET', /^\/roles$/, world.listed('roles', () => world.data.roles, 'roles.read')],
    [
        'POST',
        /^\/roles$/,
        ({ body }) => {
            const role = { ...(body as unknown as Role), id: world.newId(), builtin: false, version: 1, permissions: world.of(body.sets as string[]), created_at: world.now(), updated_at: world.now() };
            world.data.roles.push(role);
            return role;
        },
    ],
    ['GET', /^\/roles\/(\d+)$/, ({ ids: [id] }) => world.one(world.data.roles, (role) => role.id === id)],
    [
        'PUT',
        /^\/roles\/(\d+)$/,
        ({ ids: [id], body }) => {
            const role = world.change(world.one(world.data.roles, (each) => each.id === id), body);
            role.permissions = world.of(role.sets);
            return role;
        },
    ],
    ['DELETE', /^\/roles\/(\d+)$/, ({ ids: [id] }) => void (world.data.roles = world.data.roles.filter((role) => role.id !== id))],
    ['GET', /^\/roles\/(\d+)\/shape$/, ({ ids: [id] }) => world.shape(world.one(world.data.roles, (role) => role.id === id))],
    ['PUT', /^\/roles\/(\d+)\/shape$/, () => ({ version: 2, not_applied: ['guacamole'] })],
    ['GET', /^\/permissions$/, () => CATALOGUE],
    ['GET', /^\/permission-sets$/, world.listed('sets', () => world.data.sets, 'roles.read')],
    [
        'POST',
        /^\/permission-sets$/,
        ({ body }) => {
            const set = { ...(body as unknown as PermissionSet), id: world.newId(), builtin: false, version: 1 };
            world.data.sets.push(set);
            return set;
        },
    ],
    ['GET', /^\/permission-sets\/(\d+)$/, ({ ids: [id] }) => world.one(world.data.sets, (set) => set.id === id)],
    ['PUT', /^\/permission-sets\/(\d+)$/, ({ ids: [id], body }) => world.change(world.one(world.data.sets, (set) => set.id === id), body)],
    ['DELETE', /^\/permission-sets\/(\d+)$/, ({ ids: [id] }) => void (world.data.sets = world.data.sets.filter((set) => set.id !== id))],
    ['GET', /^\/oidc-role-map$/, world.listed('rules', () => world.data.rules, 'oidc_role_map.read')],
    [
        'POST',
        /^\/oidc-role-map$/,
        ({ body }) => {
            const rule = { ...(body as unknown as FakeData['rules'][number]), id: world.newId(), created_at: world.now() };
            world.data.rules.push(rule);
            return rule;
        },
    ],
    ['DELETE', /^\/oidc-role-map\/(\d+)$/, ({ ids: [id] }) => void (world.data.rules = world.data.rules.filter((rule) => rule.id !== id))],

    ['GET', /^\/centers$/, world.listed('centers', () => world.data.centers, 'centers.read')],
    [
        'POST',
        /^\/centers$/,
        ({ body }) => {
            const center = { ...(body as unknown as FakeData['centers'][number]), id: world.newId(), state: 'active' as const, version: 1 };
            world.data.centers.push(center);
            return center;
        },
    ],
    ['GET', /^\/centers\/(\d+)$/, ({ ids: [id] }) => world.one(world.data.centers, (center) => center.id === id)],
    ['PUT', /^\/centers\/(\d+)$/, ({ ids: [id], body }) => world.change(world.one(world.data.centers, (center) => center.id === id), body)],
];
