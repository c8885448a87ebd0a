import type { Tokens } from '@/api/types';
import { Problem } from '../problem';
import type { Transport } from '../transport';

/** How long before its end an access token is renewed, in milliseconds. */
const AHEAD_MS = 30_000;
/** How long another tab is believed to be renewing, where the browser knows no locks. */
const LEASE_MS = 10_000;
const LEASE_KEY = 'cordboard.refreshing';

interface Access {
    token: string;
    /** When it ends, in milliseconds since 1970 by this machine's clock, which all tabs share. */
    until: number;
}

/**
 * Who is signed in. The access token is in memory only; the refresh token is in a cookie that no script can read.
 *
 * A refresh token is good once, and a second use ends the session: so one tab renews at a time, and tells the others.
 */
export class Session {
    readonly #transport: Transport;
    readonly #channel: BroadcastChannel | undefined;
    readonly #listeners = new Set<() => void>();
    #access: Access | undefined;
    #refreshing: Promise<boolean> | undefined;
    /** Whether the server has said that nobody is signed in. */
    #ended = false;

    constructor(transport: Transport) {
        this.#transport = transport;
        this.#channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('cordboard.session');
        this.#channel?.addEventListener('message', ({ data }: MessageEvent<Access | null>) => {
            if (data) this.#accept(data);
            else this.#forget();
        });
    }

    /** Whether somebody was signed in when we last heard. */
    get isOpen(): boolean {
        return this.#access !== undefined;
    }

    /** Calls back whenever somebody comes or goes. */
    readonly onChange = (listener: () => void): (() => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };

    async signIn(username: string, password: string): Promise<void> {
        const answer = await this.#send('/auth/login', { username, password, cookie: true });
        this.#take(answer as Tokens);
    }

    /** A token that is good for a while; none if nobody is signed in. */
    async token(): Promise<string | undefined> {
        if (this.#access && Date.now() < this.#access.until - AHEAD_MS) return this.#access.token;
        if (this.#ended && !this.#access) return undefined;
        return (await this.refresh()) ? this.#access?.token : undefined;
    }

    /** Gets new tokens by the cookie, unless another tab does just now. Says whether somebody is signed in. */
    refresh(stale = this.#access?.token): Promise<boolean> {
        this.#refreshing ??= oneTabAtATime(() => this.#renew(stale)).finally(() => {
            this.#refreshing = undefined;
        });
        return this.#refreshing;
    }

    async signOut(everywhere = false): Promise<void> {
        const token = this.#access?.token;
        this.#forget();
        this.#channel?.postMessage(null);
        try {
            // Whoever logs out and closes the tab is to be logged out.
            await this.#send('/auth/logout', { everywhere }, token, true);
        } catch (problem) {
            // Who is not signed in any more has what they wanted.
            if (!(problem instanceof Problem && problem.status === 401)) throw problem;
        }
    }

    async #renew(stale: string | undefined): Promise<boolean> {
        // Another tab may have told us while we waited for our turn.
        if (this.#access && this.#access.token !== stale && Date.now() < this.#access.until - AHEAD_MS) return true;
        try {
            this.#take((await this.#send('/auth/refresh', {})) as Tokens);
            return true;
        } catch (problem) {
            // Only the server's word ends a session; a server that is away does not.
            if (problem instanceof Problem && problem.status >= 400 && problem.status < 500 && problem.status !== 429) {
                this.#forget();
                return false;
            }
            throw problem;
        }
    }

    async #send(path: string, body: unknown, token?: string, outlives?: boolean): Promise<unknown> {
        const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
        const answer = await this.#transport({ method: 'POST', path, body, headers, outlives }).catch((cause: unknown) => {
            throw Problem.offline(cause);
        });
        if (answer.status >= 400) throw Problem.of(answer);
        return answer.body;
    }

    #take(tokens: Tokens): void {
        const access = { token: tokens.access_token, until: Date.now() + tokens.expires_in * 1000 };
        this.#accept(access);
        this.#channel?.postMessage(access);
    }

    #accept(access: Access): void {
        this.#access = access;
        this.#ended = false;
        this.#tell();
    }

    #forget(): void {
        const was = this.#access;
        this.#access = undefined;
        this.#ended = true;
        if (was) this.#tell();
    }

    #tell(): void {
        for (const listener of this.#listeners) listener();
    }
}

async function oneTabAtATime<T>(work: () => Promise<T>): Promise<T> {
    if (typeof navigator !== 'undefined' && navigator.locks) return navigator.locks.request('cordboard.refresh', work) as Promise<T>;
    // A browser gives locks to HTTPS pages only. Over plain HTTP tabs leave each other a note, which is nearly as good.
    const store = typeof localStorage === 'undefined' ? undefined : localStorage;
    const me = crypto.getRandomValues(new Uint32Array(1)).join();
    const free = () => {
        const [owner, since] = (store?.getItem(LEASE_KEY) ?? '').split('@');
        return !owner || owner === me || Date.now() - Number(since) > LEASE_MS;
    };
    for (;;) {
        while (!free()) await new Promise((resolve) => setTimeout(resolve, 50));
        store?.setItem(LEASE_KEY, `${me}@${Date.now()}`);
        await new Promise((resolve) => setTimeout(resolve, store ? 20 : 0));
        if (free()) break;
    }
    try {
        return await work();
    } finally {
        store?.removeItem(LEASE_KEY);
    }
}
