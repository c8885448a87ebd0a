/** Chance that is the same at every start. */
export class Chance {
    #state: number;

    constructor(seed = 1) {
        this.#state = seed;
    }

    /** From 0 to 1. */
    next(): number {
        // Mulberry32, which is small and good enough for made-up people.
        this.#state = (this.#state + 0x6d2b79f5) | 0;
        let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    }

    /** A whole number from `low` to `high`, both included. */
    whole(low: number, high: number): number {
        return low + Math.floor(this.next() * (high - low + 1));
    }

    one<T>(of: readonly T[]): T {
        return of[Math.floor(this.next() * of.length)] as T;
    }

    /** True so many times in a hundred. */
    percent(share: number): boolean {
        return this.next() * 100 < share;
    }
}
