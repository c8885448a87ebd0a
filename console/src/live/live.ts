import type { LiveEvent } from '@/api/types';

export type LiveStatus = 'connecting' | 'online' | 'offline';

export type LiveHandler = (event: LiveEvent) => void;

/** What happens on the server, as it happens. There is one for the whole console. */
export interface Live {
    readonly status: LiveStatus;
    /** Calls back when the connection comes or goes. */
    onStatus(listener: () => void): () => void;
    /** Calls back with every event of a topic (`calls`, `slots`, `job:12`), from now on. */
    on(topic: string, handler: LiveHandler): () => void;
    /** Calls back when events were missed, so that what is shown has to be loaded anew. */
    onResync(listener: () => void): () => void;
    close(): void;
}

/** Whether an event belongs to a topic. */
export function isOfTopic(topic: string, event: Pick<LiveEvent, 'type' | 'id'>): boolean {
    const [name = '', id] = topic.split(':');
    return (id === undefined || id === event.id) && (name === '*' || TOPICS[event.type.split('.')[0] ?? ''] === name.replace(/s?$/, 's'));
}

/** Which topic an event's first word belongs to. */
const TOPICS: Record<string, string> = {
    call: 'calls',
    recording: 'calls',
    cdr: 'calls',
    slot: 'slots',
    trunk: 'trunks',
    carrier: 'carriers',
    source: 'sources',
    budget: 'budgets',
    job: 'jobs',
    export: 'exports',
    user: 'users',
    role: 'roles',
    webhook: 'webhooks',
    delivery: 'deliveries',
    event: 'events',
    center: 'centers',
    rights: 'rights',
    lead: 'leads',
    client: 'clients',
    note: 'notes',
    screen: 'screens',
    missed: 'misseds',
};

/** Who listens to what; what every kind of `Live` has in common. */
export class Listeners {
    readonly #handlers = new Map<string, Set<LiveHandler>>();
    readonly #status = new Set<() => void>();
    readonly #resync = new Set<() => void>();

    get topics(): string[] {
        return [...this.#handlers.keys()];
    }

    /** Says whether the topic is new. */
    add(topic: string, handler: LiveHandler): boolean {
        const handlers = this.#handlers.get(topic);
        if (handlers) handlers.add(handler);
        else this.#handlers.set(topic, new Set([handler]));
        return handlers === undefined;
    }

    /** Says whether nobody listens to the topic any more. */
    remove(topic: string, handler: LiveHandler): boolean {
        const handlers = this.#handlers.get(topic);
        handlers?.delete(handler);
        if (handlers?.size !== 0) return false;
        this.#handlers.delete(topic);
        return true;
    }

    tell(event: LiveEvent): void {
        for (const [topic, handlers] of this.#handlers) {
            if (isOfTopic(topic, event)) for (const handler of handlers) handler(event);
        }
    }

    onStatus(listener: () => void): () => void {
        this.#status.add(listener);
        return () => this.#status.delete(listener);
    }

    onResync(listener: () => void): () => void {
        this.#resync.add(listener);
        return () => this.#resync.delete(listener);
    }

    tellStatus(): void {
        for (const listener of this.#status) listener();
    }

    tellResync(): void {
        for (const listener of this.#resync) listener();
    }
}
