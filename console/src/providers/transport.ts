/** A request as the console makes it, before it is known who answers: the server or its fake twin. */
export interface Request {
    method: 'GET' | 'POST' | 'PUT' | 'DELETE';
    /** Below `/api`: `/users/7`. */
    path: string;
    query?: Query;
    body?: unknown;
    headers?: Record<string, string>;
    /** What the answer's body is read as. */
    as?: 'json' | 'text' | 'blob';
    signal?: AbortSignal;
    /** Whether it is to arrive even if the page is closed at this moment. */
    outlives?: boolean;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Answer {
    status: number;
    /** Names in lower case. */
    headers: Record<string, string>;
    body: unknown;
}

/** Brings a request to whoever answers it. Rejects only if nobody does. */
export type Transport = (request: Request) => Promise<Answer>;

/** How long an answer may take, in milliseconds: a console that hangs without a word is worse than one that says so. */
const PATIENCE_MS = 30_000;

/** The server that the page came from. */
export const fetchTransport: Transport = async (request) => {
    const headers: Record<string, string> = { Accept: 'application/json', ...request.headers };
    if (request.body !== undefined) headers['Content-Type'] = 'application/json';
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`/api${request.path}${queryText(request.query)}`, {
        method: request.method,
        headers,
        body: request.body === undefined ? undefined : JSON.stringify(request.body),
        credentials: 'same-origin',
        cache: 'no-store',
        keepalive: request.outlives,
        signal: request.signal ? AbortSignal.any([request.signal, patience]) : patience,
    });
    const type = response.headers.get('content-type') ?? '';
    const isJson = type.includes('json');
    let body: unknown;
    if (response.ok && request.as === 'blob') body = await response.blob();
    else if (response.ok && request.as === 'text') body = await response.text();
    else {
        const text = await response.text();
        body = isJson && text ? parse(text) : text || undefined;
    }
    return { status: response.status, headers: Object.fromEntries(response.headers), body };
};

/** `?a=1&b=2`, without what is not set. */
export function queryText(query: Query = {}): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
    }
    const text = search.toString();
    return text && `?${text}`;
}

function parse(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}
