import type { Socket } from 'socket.io-client';
import type { LiveEvent } from '@/api/types';
import type { Session } from '@/providers/rest/session';
import { Listeners, type Live, type LiveHandler, type LiveStatus } from './live';

/** What belongs to a topic of ours under another name. */
const ALSO: Record<string, string[]> = { calls: ['recordings'] };

/** How long the answer to a subscription may take, in milliseconds: without one, nobody knows whether it was heard. */
const ANSWER_MS = 10_000;

/** The server's events over one Socket.IO connection, which is there while somebody is signed in and listens. */
export class SocketLive implements Live {
    status: LiveStatus = 'offline';
    readonly #session: Session;
    readonly #listeners = new Listeners();
    #socket: Socket | undefined;
    #opening = false;
    #asking = false;
    /** The last event that we have seen; with it, what we missed comes after a break. */
    #seen: number | undefined;
    /** Which subscription is the last; answers to others say nothing. */
    #asked = 0;

    constructor(session: Session) {
        this.#session = session;
        session.onChange(() => {
            if (!session.isOpen) this.close();
            else if (this.#listeners.topics.length > 0) void this.#open();
        });
    }

    onStatus = (listener: () => void) => this.#listeners.onStatus(listener);
    onResync = (listener: () => void) => this.#listeners.onResync(listener);

    on(topic: string, handler: LiveHandler): () => void {
        if (this.#listeners.add(topic, handler)) this.#subscribeSoon();
        void this.#open();
        return () => {
            if (this.#listeners.remove(topic, handler)) this.#subscribeSoon();
        };
    }

    close(): void {
        this.#socket?.disconnect();
        this.#socket = undefined;
        this.#seen = undefined;
        this.#turn('offline');
    }

    async #open(): Promise<void> {
        if (this.#socket || this.#opening || !this.#session.isOpen) return;
        this.#opening = true;
        this.#turn('connecting');
        const { io } = await import('socket.io-client');
        this.#opening = false;
        if (!this.#session.isOpen) return;
        const socket = io({
            path: '/socket.io/',
            transports: ['websocket', 'polling'],
            // Asked for at every attempt, because the token of the last one may have ended.
            auth: (give) => void this.#session.token().then((token) => give({ token }), () => give({})),
            reconnectionDelayMax: 10_000,
        });
        this.#socket = socket;
        socket.on('connect', () => this.#subscribe());
        socket.on('disconnect', (reason) => {
            this.#turn('connecting');
            // The server ends a connection with its token; socket.io does not come back from that by itself.
            if (reason === 'io server disconnect') socket.connect();
        });
        socket.on('connect_error', (error) => {
            this.#turn('connecting');
            // A refusal ends socket.io's own attempts: with a new token it may do.
            if (!socket.active) void this.#retry(socket, error.message);
        });
        socket.on('resync', (at: { seq?: number }) => {
            this.#seen = at?.seq;
            this.#listeners.tellResync();
        });
        socket.onAny((_name: string, event: LiveEvent) => {
            if (typeof event?.seq !== 'number' || typeof event.type !== 'string') return;
            this.#seen = event.seq;
            this.#listeners.tell(event);
        });
    }

    async #retry(socket: Socket, message: string): Promise<void> {
        const signedIn = message === 'not_signed_in' ? await this.#session.refresh().catch(() => true) : true;
        if (!signedIn) return;
        await new Promise((resolve) => setTimeout(resolve, message === 'not_signed_in' ? 1_000 : 5_000));
        if (this.#socket === socket) socket.connect();
    }

    /** A page that opens asks for several topics, and the one that closes lets go of others: they are told together. */
    #subscribeSoon(): void {
        if (this.#asking || !this.#socket?.connected) return;
        this.#asking = true;
        queueMicrotask(() => {
            this.#asking = false;
            if (this.#socket?.connected) this.#subscribe();
        });
    }

    /** Each subscription takes the place of the one before, and goes on behind the last event that we have seen. Whoever sees "online" misses nothing. */
    #subscribe(): void {
        const topics = [...new Set(this.#listeners.topics.flatMap((topic) => [topic, ...(ALSO[topic] ?? [])]))];
        const asked = ++this.#asked;
        const socket = this.#socket;
        const isFirst = this.#seen === undefined;
        socket?.timeout(ANSWER_MS).emit('subscribe', { topics, since: this.#seen }, (late: Error | null, answer?: { seq?: number }) => {
            if (asked !== this.#asked || socket !== this.#socket || !socket.connected) return;
            if (late) return this.#subscribe();
            if (typeof answer?.seq === 'number') this.#seen ??= answer.seq;
            this.#turn('online');
            // What was loaded before may have changed before anybody listened.
            if (isFirst) this.#listeners.tellResync();
        });
    }

    #turn(status: LiveStatus): void {
        if (this.status === status) return;
        this.status = status;
        this.#listeners.tellStatus();
    }
}
