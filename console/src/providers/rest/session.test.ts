import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../problem';
import type { Answer, Request, Transport } from '../transport';
import { createClient } from './client';
import { Session } from './session';

/** A server that hands out numbered tokens, and remembers what it was asked. */
function server(answers: Partial<Record<string, () => Answer>> = {}) {
    let issued = 0;
    const asked: Request[] = [];
    const transport: Transport = async (request) => {
        asked.push(request);
        const own = answers[request.path]?.();
        if (own) return own;
        if (request.path === '/auth/login' || request.path === '/auth/refresh') {
            issued += 1;
            return { status: 200, headers: {}, body: { access_token: `token-${issued}`, token_type: 'Bearer', expires_in: 900 } };
        }
        if (request.path === '/auth/logout') return { status: 204, headers: {}, body: undefined };
        return { status: 200, headers: {}, body: { token: request.headers?.Authorization } };
    };
    return { transport, asked, paths: () => asked.map(({ path }) => path) };
}

const refused = (status: number, code: string): Answer => ({ status, headers: {}, body: { code, status, title: code } });

describe('a session', () => {
    beforeEach(() => void vi.useFakeTimers({ now: 1_000_000, toFake: ['Date'] }));

    it('begins with a password and asks for the cookie', async () => {
        const { transport, asked } = server();
        const session = new Session(transport);
        expect(session.isOpen).toBe(false);
        await session.signIn('ann', 'secret');
        expect(asked[0]?.body).toEqual({ username: 'ann', password: 'secret', cookie: true });
        expect(await session.token()).toBe('token-1');
    });

    it('comes back after a reload by the cookie alone, once for all who ask', async () => {
        const { transport, paths } = server();
        const session = new Session(transport);
        expect(await Promise.all([session.token(), session.token(), session.token()])).toEqual(['token-1', 'token-1', 'token-1']);
        expect(paths()).toEqual(['/auth/refresh']);
    });

    it('is renewed before its token ends', async () => {
        const { transport, paths } = server();
        const session = new Session(transport);
        await session.signIn('ann', 'secret');
        vi.setSystemTime(1_000_000 + 869_000);
        expect(await session.token()).toBe('token-1');
        vi.setSystemTime(1_000_000 + 871_000);
        expect(await session.token()).toBe('token-2');
        expect(paths()).toEqual(['/auth/login', '/auth/refresh']);
    });

    it('ends by the word of the server only', async () => {
        const answers: Parameters<typeof server>[0] = { '/auth/refresh': () => refused(503, 'store_unavailable') };
        const { transport } = server(answers);
        const session = new Session(transport);
        await session.signIn('ann', 'secret');
        vi.setSystemTime(2_000_000);
        await expect(session.token()).rejects.toMatchObject({ code: 'store_unavailable' });
        expect(session.isOpen).toBe(true);
        answers['/auth/refresh'] = () => refused(401, 'token_reused');
        expect(await session.token()).toBeUndefined();
        expect(session.isOpen).toBe(false);
    });

    it('does not ask again once it is over', async () => {
        const { transport, paths } = server({ '/auth/refresh': () => refused(401, 'not_signed_in') });
        const session = new Session(transport);
        expect(await session.token()).toBeUndefined();
        expect(await session.token()).toBeUndefined();
        expect(paths()).toEqual(['/auth/refresh']);
    });

    it('tells who listens', async () => {
        const { transport } = server();
        const session = new Session(transport);
        const heard: boolean[] = [];
        session.onChange(() => heard.push(session.isOpen));
        await session.signIn('ann', 'secret');
        await session.signOut(true);
        expect(heard).toEqual([true, false]);
    });

    it('ends here even if the server has forgotten it', async () => {
        const { transport } = server({ '/auth/logout': () => refused(401, 'not_signed_in') });
        const session = new Session(transport);
        await session.signIn('ann', 'secret');
        await session.signOut();
        expect(session.isOpen).toBe(false);
    });
});

describe('a client', () => {
    it('says who it is and where it works', async () => {
        const { transport, asked } = server();
        const session = new Session(transport);
        await session.signIn('ann', 'secret');
        const client = createClient(transport, session);
        client.center = '2';
        await client.get('/slots', { limit: 5 });
        expect(asked.at(-1)).toMatchObject({ path: '/slots', query: { limit: 5 }, headers: { Authorization: 'Bearer token-1', 'X-Center': '2' } });
    });

    it('renews a refused token once, for all requests that were refused', async () => {
        let good = 'Bearer token-2';
        const { transport, paths } = server();
        const guarded: Transport = async (request) => {
            const answer = await transport(request);
            return request.path === '/slots' && request.headers?.Authorization !== good ? refused(401, 'not_signed_in') : answer;
        };
        const session = new Session(guarded);
        await session.signIn('ann', 'secret');
        const client = createClient(guarded, session);
        await Promise.all([client.get('/slots'), client.get('/slots'), client.get('/slots')]);
        expect(paths().filter((path) => path === '/auth/refresh')).toHaveLength(1);
        good = 'nothing';
        await expect(client.get('/slots')).rejects.toMatchObject({ status: 401 });
    });

    it('makes one kind of failure of all', async () => {
        const { transport } = server({ '/users': () => ({ status: 422, headers: { 'x-request-id': 'r1' }, body: { code: 'invalid_field', detail: 'too long', field: 'email', state: 'IDLE' } }) });
        const session = new Session(transport);
        await session.signIn('ann', 'secret');
        const failure = await createClient(transport, session).post('/users', {}).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(Problem);
        expect(failure).toMatchObject({ status: 422, code: 'invalid_field', requestId: 'r1', faults: [{ field: 'email' }], more: { state: 'IDLE' }, passes: false });
        const away = createClient(() => Promise.reject(new TypeError('Failed to fetch')), session);
        await expect(away.open('GET', '/auth/providers')).rejects.toMatchObject({ status: 0, code: 'offline', passes: true });
    });
});
