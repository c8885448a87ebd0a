// What jsdom's media elements lack: they play, by a clock that a test turns.

interface State {
    at: number;
    paused: boolean;
    rate: number;
    played: [number, number][];
}

/** All media elements of a test, each of the same length in seconds. */
export class Media {
    readonly #length: number;
    readonly #states = new Map<HTMLMediaElement, State>();

    constructor(length: number) {
        this.#length = length;
        const state = (element: HTMLMediaElement) => this.#of(element);
        const set = (element: HTMLMediaElement, paused: boolean, event: 'play' | 'pause') => this.#set(element, paused, event);
        Object.defineProperties(HTMLMediaElement.prototype, {
            currentTime: {
                configurable: true,
                get(this: HTMLMediaElement) {
                    return state(this).at;
                },
                set(this: HTMLMediaElement, to: number) {
                    state(this).at = to;
                    state(this).played.push([to, to]);
                    this.dispatchEvent(new Event('timeupdate'));
                },
            },
            duration: { configurable: true, get: () => length },
            paused: {
                configurable: true,
                get(this: HTMLMediaElement) {
                    return state(this).paused;
                },
            },
            playbackRate: {
                configurable: true,
                get(this: HTMLMediaElement) {
                    return state(this).rate;
                },
                set(this: HTMLMediaElement, rate: number) {
                    state(this).rate = rate;
                },
            },
            played: {
                configurable: true,
                get(this: HTMLMediaElement) {
                    const ranges = state(this).played.filter(([from, to]) => to > from);
                    return { length: ranges.length, start: (index: number) => ranges[index]?.[0] ?? 0, end: (index: number) => ranges[index]?.[1] ?? 0 };
                },
            },
            play: {
                configurable: true,
                value(this: HTMLMediaElement) {
                    set(this, false, 'play');
                    return Promise.resolve();
                },
            },
            pause: {
                configurable: true,
                value(this: HTMLMediaElement) {
                    set(this, true, 'pause');
                },
            },
        });
    }

    /** The sound has come: it stands at its beginning, and nothing of it has been played. */
    load(element: HTMLMediaElement): void {
        Object.assign(this.#of(element), { at: 0, played: [[0, 0]] });
        element.dispatchEvent(new Event('loadedmetadata'));
    }

    /** It can be fetched no more. */
    fail(element: HTMLMediaElement): void {
        this.#of(element).paused = true;
        element.dispatchEvent(new Event('error'));
    }

    /** Time goes on, in seconds. */
    pass(seconds: number): void {
        for (const [element, state] of this.#states) {
            if (state.paused) continue;
            state.at = Math.min(this.#length, state.at + seconds * state.rate);
            const range = state.played.at(-1);
            if (range) range[1] = state.at;
            element.dispatchEvent(new Event('timeupdate'));
            if (state.at === this.#length) this.#set(element, true, 'pause');
        }
    }

    #of(element: HTMLMediaElement): State {
        const known = this.#states.get(element) ?? { at: 0, paused: true, rate: 1, played: [[0, 0]] };
        this.#states.set(element, known);
        return known;
    }

    #set(element: HTMLMediaElement, paused: boolean, event: 'play' | 'pause'): void {
        if (this.#of(element).paused === paused) return;
        this.#of(element).paused = paused;
        element.dispatchEvent(new Event(event));
    }
}
