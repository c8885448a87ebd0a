import type { LiveEvent } from '@/api/types';
import { Listeners, type Live, type LiveHandler, type LiveStatus } from '@/live/live';

/** Events that are made up here. */
export class FakeLive implements Live {
    status: LiveStatus = 'online';
    readonly #listeners = new Listeners();
    #seq = 1000;

    on(topic: string, handler: LiveHandler): () => void {
        this.#listeners.add(topic, handler);
        return () => void this.#listeners.remove(topic, handler);
    }

    onStatus = (listener: () => void) => this.#listeners.onStatus(listener);
    onResync = (listener: () => void) => this.#listeners.onResync(listener);
    close(): void {}

    emit(type: string, id: string, data: unknown, epoch = 0): void {
        this.#seq += 1;
        this.#listeners.tell({ seq: this.#seq, ts: Date.now(), center: '1', type, id, epoch, data: structuredClone(data) } satisfies LiveEvent);
    }

    /** As when events were missed. */
    resync(): void {
        this.#listeners.tellResync();
    }

    /** As when the network goes and comes. */
    turn(status: LiveStatus): void {
        this.status = status;
        this.#listeners.tellStatus();
    }
}
