import type { Answer } from './transport';

/** What is wrong with one field of what was sent. */
export interface FieldFault {
    field: string;
    code: string;
    detail: string;
}

/** What went wrong, by the server's own code (RFC 9457), or by ours if nobody answered: `offline`, `unreadable`. */
export class Problem extends Error {
    override name = 'Problem';
    readonly status: number;
    readonly code: string;
    /** In the server's words, which are English. */
    readonly detail: string;
    readonly faults: FieldFault[];
    /** Seconds to wait before it is tried again. */
    readonly retryAfterS: number | undefined;
    /** By which the server's log has more. */
    readonly requestId: string | undefined;
    /** Further members of the document: `state`, `current`, … */
    readonly more: Record<string, unknown>;
    /** What react-admin's forms put beside their fields; see `useFormProblem`. */
    body: { errors?: Record<string, unknown> } = {};

    constructor(status: number, document: Record<string, unknown>, headers: Record<string, string> = {}) {
        const { code, detail, title, errors, field, ...more } = document;
        super(typeof code === 'string' ? code : `http_${status}`);
        this.status = status;
        this.code = this.message;
        this.detail = String(detail ?? title ?? '');
        this.faults = Array.isArray(errors) ? errors.filter(isFault) : [];
        if (this.faults.length === 0 && typeof field === 'string') {
            this.faults = [{ field, code: this.code, detail: this.detail }];
        }
        const wait = Number(headers['retry-after']);
        this.retryAfterS = Number.isFinite(wait) && wait > 0 ? wait : undefined;
        this.requestId = headers['x-request-id'];
        this.more = more;
    }

    static of(answer: Answer): Problem {
        const document = typeof answer.body === 'object' && answer.body !== null ? (answer.body as Record<string, unknown>) : {};
        return new Problem(answer.status, document, answer.headers);
    }

    /** Nobody answered. */
    static offline(cause: unknown): Problem {
        const slow = cause instanceof DOMException && cause.name === 'TimeoutError';
        const problem = new Problem(0, { code: slow ? 'timeout' : 'offline' });
        problem.cause = cause;
        return problem;
    }

    /** Whether it may well go away by itself. */
    get passes(): boolean {
        return this.status === 0 || this.status >= 500;
    }
}

function isFault(value: unknown): value is FieldFault {
    return typeof value === 'object' && value !== null && typeof (value as FieldFault).field === 'string';
}

/** What is wrong with this field, if the failure says so. */
export function faultOf(error: unknown, name: string): FieldFault | undefined {
    return error instanceof Problem ? error.faults.find(({ field }) => field === name) : undefined;
}
