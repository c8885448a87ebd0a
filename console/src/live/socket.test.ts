import { beforeEach, expect, it, vi } from 'vitest';
import type { Session } from '@/providers/rest/session';
import { SocketLive } from './socket';

class FakeSocket {
    connected = false;
    active = true;
    readonly sent: [string, unknown][] = [];
    /** Whether the server answers at all. */
    answers = true;
    readonly #on = new Map<string, (argument: unknown) => void>();
    #any: ((name: string, event: unknown) => void) | undefined;
    on(name: string, handler: (argument: unknown) => void) {
        this.#on.set(name, handler);
    }
    onAny(handler: (name: string, event: unknown) => void) {
        this.#any = handler;
    }
    timeout(after: number) {
        return {
            emit: (name: string, body: unknown, ack: (late: Error | null, answer?: unknown) => void) => {
                this.sent.push([name, body]);
                if (this.answers) ack(null, { seq: 100 });
                else setTimeout(() => ack(new Error('timeout')), after);
            },
        };
    }
    connect() {
        this.connected = true;
        this.#on.get('connect')?.(undefined);
    }
    disconnect() {
        this.connected = false;
    }
    hear(name: string, argument: unknown) {
        this.#on.get(name)?.(argument);
        this.#any?.(name, argument);
    }
}

let socket: FakeSocket;
vi.mock('socket.io-client', () => ({ io: () => socket }));

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

beforeEach(() => {
    socket = new FakeSocket();
});

function live() {
    const listeners = new Set<() => void>();
    const session = { isOpen: true, token: async () => 't', refresh: async () => true, onChange: (listener: () => void) => listeners.add(listener) };
    return { live: new SocketLive(session as unknown as Session), session, leave: () => listeners.forEach((listener) => listener()) };
}

it('subscribes to all that is listened to, and goes on where it was', async () => {
    const { live: it } = live();
    const heard: string[] = [];
    it.on('slots', (event) => heard.push(event.id));
    const stop = it.on('job:7', () => undefined);
    await vi.waitFor(() => expect(it.status).toBe('connecting'));
    await settled();
    socket.connect();
    expect(it.status).toBe('online');
    expect(socket.sent).toEqual([['subscribe', { topics: ['slots', 'job:7'], since: undefined }]]);
    socket.hear('slot.update', { seq: 101, ts: 0, center: '1', type: 'slot.update', id: '4', epoch: 1, data: {} });
    expect(heard).toEqual(['4']);
    stop();
    it.on('calls', () => undefined);
    await settled();
    // Each subscription takes the place of the one before; calls bring their recordings along.
    expect(socket.sent.at(-1)).toEqual(['subscribe', { topics: ['slots', 'calls', 'recordings'], since: 101 }]);
    expect(socket.sent).toHaveLength(2);
});

it('says when events were missed', async () => {
    const { live: it } = live();
    let resyncs = 0;
    it.onResync(() => (resyncs += 1));
    it.on('slots', () => undefined);
    await settled();
    socket.connect();
    socket.hear('resync', { seq: 900 });
    // The first subscription goes on behind nothing: what was loaded before it may be older.
    expect(resyncs).toBe(2);
    socket.disconnect();
    socket.connect();
    expect(socket.sent.at(-1)).toEqual(['subscribe', { topics: ['slots'], since: 900 }]);
    expect(resyncs).toBe(2);
});

it('is online once the server has said that it tells, and asks until then', async () => {
    const { live: it } = live();
    let resyncs = 0;
    it.onResync(() => (resyncs += 1));
    it.on('slots', () => undefined);
    await settled();
    vi.useFakeTimers();
    try {
        socket.answers = false;
        socket.connect();
        expect([it.status, socket.sent.length, resyncs]).toEqual(['connecting', 1, 0]);
        vi.advanceTimersByTime(15_000);
        expect([it.status, socket.sent.length]).toEqual(['connecting', 2]);
        socket.answers = true;
        vi.advanceTimersByTime(15_000);
        expect([it.status, socket.sent.length, resyncs]).toEqual(['online', 3, 1]);
        vi.advanceTimersByTime(60_000);
        expect(socket.sent).toHaveLength(3);
    } finally {
        vi.useRealTimers();
    }
});

it('goes with the session', async () => {
    const { live: it, session, leave } = live();
    it.on('slots', () => undefined);
    await settled();
    socket.connect();
    session.isOpen = false;
    leave();
    expect(socket.connected).toBe(false);
    expect(it.status).toBe('offline');
});
