import { Problem } from '../problem';
import type { Answer, Query, Request, Transport } from '../transport';
import type { Session } from './session';

/** Speaks with the server in the name of whoever is signed in. Every failure is a `Problem`. */
export interface Client {
    get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
    post<T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<T>;
    /** `last`: it is to arrive even if the page is closed at this moment. */
    put<T>(path: string, body: unknown, more?: { query?: Query; last?: boolean }): Promise<T>;
    delete<T>(path: string, query?: Query): Promise<T>;
    text(path: string): Promise<string>;
    blob(path: string, query?: Query): Promise<Blob>;
    /** Like `get` and `post`, but without saying who one is. */
    open<T>(method: 'GET' | 'POST', path: string, body?: unknown, query?: Query): Promise<T>;
    /** The centre that one works in, if it is not one's own. */
    center: string | undefined;
}

export function createClient(transport: Transport, session: Session): Client {
    const send = (request: Request) =>
        transport(request).catch((cause: unknown) => {
            if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
            throw Problem.offline(cause);
        });

    const good = (answer: Answer): Answer => {
        if (answer.status >= 400) throw Problem.of(answer);
        return answer;
    };

    const signed = async (request: Request): Promise<Answer> => {
        const as = (token: string | undefined): Request => ({
            ...request,
            headers: {
                ...request.headers,
                ...(token && { Authorization: `Bearer ${token}` }),
                ...(client.center && { 'X-Center': client.center }),
            },
        });
        const token = await session.token();
        const answer = await send(as(token));
        // The token may have ended on its way, or with somebody's log-out: renewed once, then it is final.
        if (answer.status === 401 && token !== undefined && (await session.refresh(token))) {
            return good(await send(as(await session.token())));
        }
        return good(answer);
    };

    const client: Client = {
        center: undefined,
        get: async <T>(path: string, query?: Query, signal?: AbortSignal) => (await signed({ method: 'GET', path, query, signal })).body as T,
        post: async <T>(path: string, body?: unknown, headers?: Record<string, string>) =>
            (await signed({ method: 'POST', path, body: body ?? {}, headers })).body as T,
        put: async <T>(path: string, body: unknown, { query, last }: { query?: Query; last?: boolean } = {}) => (await signed({ method: 'PUT', path, body, query, ...(last && { outlives: true }) })).body as T,
        delete: async <T>(path: string, query?: Query) => (await signed({ method: 'DELETE', path, query })).body as T,
        text: async (path) => (await signed({ method: 'GET', path, as: 'text' })).body as string,
        blob: async (path, query) => (await signed({ method: 'GET', path, query, as: 'blob' })).body as Blob,
        open: async <T>(method: 'GET' | 'POST', path: string, body?: unknown, query?: Query) =>
            good(await send({ method, path, body, query })).body as T,
    };
    return client;
}
