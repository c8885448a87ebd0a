// Signing in, and one's own account.
import type { ApiToken } from '@/api/types';
import { FakeProblem } from '../problem';
import { FAKE_PASSWORD, rememberUser, type FakeRoute, type FakeWorld } from '../world';

export const sessionRoutes = (world: FakeWorld): FakeRoute[] => [
    [
        'POST',
        /^\/auth\/login$/,
        ({ body }) => {
            const user = world.data.users.find(({ username }) => username === String(body.username).toLowerCase());
            if (!user || user.state !== 'active' || body.password !== FAKE_PASSWORD) throw new FakeProblem(401, 'invalid_credentials');
            user.last_login_at = world.now();
            return world.tokensFor(user);
        },
        true,
    ],
    [
        'POST',
        /^\/auth\/refresh$/,
        () => {
            const user = world.data.users.find(({ id, state }) => id === world.cookie && state === 'active');
            if (!user) throw new FakeProblem(401, 'not_signed_in');
            return world.tokensFor(user);
        },
        true,
    ],
    [
        'POST',
        /^\/auth\/logout$/,
        () => {
            world.cookie = undefined;
            rememberUser(undefined);
        },
        true,
    ],
    ['GET', /^\/auth\/providers$/, () => ({ local: true, oidc: [{ id: 'main', name: 'Keycloak' }], mail: world.mail }), true],
    [
        'GET',
        /^\/auth\/link$/,
        ({ request }) => {
            if (request.query?.token === 'gone') throw new FakeProblem(410, 'link_not_good');
            return { purpose: request.query?.token === 'reset' ? 'password_reset' : 'invitation', username: 'kirill', expires_at: world.now() + 3_600_000 };
        },
        true,
    ],
    ['POST', /^\/auth\/link$/, () => undefined, true],
    ['POST', /^\/auth\/forgot$/, () => ({}), true],

    ['GET', /^\/me$/, ({ user }) => world.me(user)],
    [
        'PUT',
        /^\/me$/,
        ({ user, body }) => {
            Object.assign(user, body);
            return world.me(user);
        },
    ],
    [
        'PUT',
        /^\/me\/password$/,
        ({ body }) => {
            if (body.old !== FAKE_PASSWORD) throw new FakeProblem(401, 'invalid_credentials');
            world.sessions = world.sessions.filter(({ current }) => current);
        },
    ],
    [
        'GET',
        /^\/me\/permissions$/,
        ({ user }) => ({ roles: user.roles, permissions: [...world.permissions(user)].map(([permission, scopes]) => ({ permission, scopes: [...scopes] })), resources: world.resources(user) }),
    ],
    ['GET', /^\/me\/settings\/(\w+)$/, ({ ids: [key = ''] }) => world.settings.get(key) ?? null],
    ['PUT', /^\/me\/settings\/(\w+)$/, ({ ids: [key = ''], body }) => void world.settings.set(key, body)],
    ['GET', /^\/me\/sessions$/, () => ({ items: world.sessions })],
    [
        'DELETE',
        /^\/me\/sessions\/(\d+)$/,
        ({ ids: [id] }) => {
            const ended = world.one(world.sessions, (session) => session.id === id);
            world.sessions = world.sessions.filter((session) => session !== ended);
        },
    ],
    ['GET', /^\/me\/tokens$/, () => ({ items: world.tokens })],
    [
        'POST',
        /^\/me\/tokens$/,
        ({ body }) => {
            const token: ApiToken = { id: world.newId(), name: String(body.name), permissions: (body.permissions as string[] | undefined) ?? null, created_at: world.now(), expires_at: (body.expires_at as number | undefined) ?? null, last_used_at: null };
            world.tokens.push(token);
            return { ...token, token: 'cb_3fKq0Yv7mUo2TzWc9LxNs4Rb8HdJa1Ge' };
        },
    ],
    ['DELETE', /^\/tokens\/(\d+)$/, ({ ids: [id] }) => void world.tokens.splice(0, world.tokens.length, ...world.tokens.filter((token) => token.id !== id))],
];
