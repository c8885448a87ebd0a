// A server that lives in the tab: enough of one to show and test every page. It keeps nothing over a reload but who is signed in.
import type { Answer, Request, Transport } from '../transport';
import type { User } from '@/api/types';
import type { FakeLive } from './live';
import { FakeProblem } from './problem';
import { AREAS } from './routes';
import { FakeWorld, type FakeOptions, type FakeRoute } from './world';

export { FAKE_PASSWORD, type FakeOptions } from './world';

export class FakeServer extends FakeWorld {
    /** Fails the next request to a path that matches. */
    failNext: { path: RegExp; problem: FakeProblem } | undefined;
    /** Every request that was made, for tests. */
    readonly log: Request[] = [];
    readonly #delay: number;
    readonly #routes: FakeRoute[] = AREAS.flatMap((of) => of(this));

    constructor(live: FakeLive, options: FakeOptions = {}) {
        super(live, options);
        this.#delay = options.delay ?? 0;
    }

    readonly transport: Transport = async (request) => {
        this.log.push(request);
        if (this.#delay > 0) await new Promise((resolve) => setTimeout(resolve, this.#delay));
        try {
            const failure = this.failNext;
            if (failure?.path.test(request.path)) {
                this.failNext = undefined;
                throw failure.problem;
            }
            const body = this.#answer(request);
            const status = body === undefined ? 204 : request.method === 'POST' ? 201 : 200;
            return { status, headers: {}, body: typeof body === 'object' && !(body instanceof Blob) ? structuredClone(body) : body };
        } catch (error) {
            if (error instanceof FakeProblem) {
                const wait: Record<string, string> = error.more.wait === undefined ? {} : { 'retry-after': String(error.more.wait) };
                return { status: error.status, headers: { 'x-request-id': '5f1a3c', ...wait }, body: error.document } satisfies Answer;
            }
            throw error;
        }
    };

    #answer(request: Request): unknown {
        const body = (request.body ?? {}) as Record<string, unknown>;
        for (const [method, pattern, handler, isOpen] of this.#routes) {
            const match = method === request.method && pattern.exec(request.path);
            if (!match) continue;
            const user = this.who(request);
            if (!user && !isOpen) throw new FakeProblem(401, 'not_signed_in');
            return handler({ request, body, ids: match.slice(1).map(decodeURIComponent), user: user as User });
        }
        throw new FakeProblem(404, 'not_found');
    }
}
