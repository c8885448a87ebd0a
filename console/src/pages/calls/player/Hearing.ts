import type { HeardAnswer, HeardReport, ListenSession } from '@/api/listening';
import { Problem } from '@/providers/problem';
import { lengthOf, minus, union, type Range } from './heard';

/** How many stretches one report may hold (docs/api.md). */
const RANGES_MAX = 50;
/** How often a player reports as long as the server has not said it, in milliseconds. */
const REPORT_MS = 5_000;

/** Why a call is heard no more, and since when. */
export interface Gone {
    why: 'erased' | 'withdrawn';
    at?: number;
}

export interface HearingPorts {
    open: () => Promise<ListenSession>;
    /** `last`: the page may be gone before it is answered. */
    report: (session: string, report: HeardReport, last: boolean) => Promise<HeardAnswer>;
}

export interface HearingState {
    /** What one had heard of the call before. */
    before: readonly Range[];
    /** How much of the call one has heard, in all sessions, in milliseconds, as far as the server knows. */
    heardMs: number | undefined;
    /** Whether it counts as heard. */
    completed: boolean;
    /** How much was heard and is not known to the server yet, in milliseconds; while reports arrive, it is told as none. */
    waitingMs: number;
    gone: Gone | undefined;
}

/**
 * Tells the server what somebody really hears of a call: in a session, by numbered reports of which one is under way at a time. A report that
 * nobody answered is sent again as it was, with its number, for it may have been counted; what was heard since comes in the next one.
 */
export class Hearing {
    state: HearingState = { before: [], heardMs: undefined, completed: false, waitingMs: 0, gone: undefined };
    readonly #ports: HearingPorts;
    readonly #listeners = new Set<() => void>();
    #session: string | undefined;
    #seq = 0;
    /** What is under way, or was and was not answered. */
    #sent: HeardReport | undefined;
    #busy = false;
    #isAway = false;
    #left = false;
    #heard: readonly Range[] = [];
    #known: readonly Range[] = [];
    #position = 0;
    #speed = 1;
    /** The fastest since the last report: as fast as that the server lets time pass. */
    #fastest = 0;
    everyMs = REPORT_MS;

    constructor(ports: HearingPorts) {
        this.#ports = ports;
    }

    subscribe = (listener: () => void): (() => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };

    /** What has been heard so far since the call was opened, where the player is (in milliseconds), and how fast. */
    note(heard: readonly Range[], position: number, speed: number): void {
        this.#heard = heard;
        this.#position = position;
        this.#speed = speed;
        this.#fastest = Math.max(this.#fastest, speed);
        if (this.#isAway) this.#tell();
    }

    /** The call is heard no more: what was heard until then is still told. */
    stop(gone: Gone): void {
        if (this.state.gone) return;
        this.#tell({ gone });
        if (gone.why === 'erased') void this.report();
    }

    /** Opens the session, if there is none, and tells what is not told yet. */
    async report(): Promise<void> {
        if (this.#busy || this.#left || this.state.gone?.why === 'withdrawn') return;
        this.#busy = true;
        try {
            if (this.#session === undefined && !this.state.gone) await this.#open();
            if (this.#session !== undefined) await this.#send(this.#session);
            this.#isAway = false;
        } catch (error) {
            this.#failed(error);
        } finally {
            this.#busy = false;
            this.#tell();
        }
    }

    /** The player is on the screen (again). */
    enter(): void {
        this.#left = false;
        void this.report();
    }

    /** The last report, when the page closes or another call comes: it waits for nothing. What is under way may be told twice, which does no harm. */
    leave(): void {
        this.#left = true;
        this.#end();
    }

    /** Ends the session, for there may be so many open at a time only (docs/listening.md). */
    #end(): void {
        if (this.#session === undefined || this.state.gone) return;
        const ranges = minus(this.#heard, this.#known).slice(0, RANGES_MAX);
        this.#seq += 1;
        this.#ports.report(this.#session, this.#of(ranges, true), true).catch(() => undefined);
        this.#session = undefined;
    }

    async #open(): Promise<void> {
        const { id, heard, heard_ms, completed, report_every_s } = await this.#ports.open();
        this.#session = id;
        this.#seq = 0;
        this.#sent = undefined;
        if (report_every_s > 0) this.everyMs = report_every_s * 1000;
        this.#tell({ before: union(heard, []), heardMs: heard_ms, completed });
        // Whoever goes from call to call is gone before the session is there.
        if (this.#left) this.#end();
    }

    async #send(session: string): Promise<void> {
        if (!this.#sent) {
            const ranges = minus(this.#heard, this.#known).slice(0, RANGES_MAX);
            if (ranges.length === 0) return;
            this.#seq += 1;
            this.#sent = this.#of(ranges, false);
            this.#fastest = this.#speed;
        }
        const report = this.#sent;
        const { all_heard_ms, completed } = await this.#ports.report(session, report, false);
        this.#sent = undefined;
        this.#known = union(this.#known, report.ranges);
        this.#tell({ heardMs: all_heard_ms, completed });
    }

    #of(ranges: readonly Range[], ended: boolean): HeardReport {
        return { seq: this.#seq, ranges: ranges.map(([from, to]) => [from, to]), position_ms: Math.round(this.#position), speed: Math.max(this.#fastest, this.#speed), ...(ended && { ended }) };
    }

    #failed(error: unknown): void {
        if (!(error instanceof Problem) || error.passes || error.status === 429) {
            this.#isAway = true;
            return;
        }
        this.#isAway = false;
        if (error.code === 'recording_erased') return this.stop({ why: 'erased', ...(typeof error.more.erased_at === 'number' && { at: error.more.erased_at }) });
        if (error.status === 404) return this.stop({ why: 'withdrawn' });
        // The session is over: a new one is opened with the next report, which tells the rest.
        if (error.status === 409) {
            this.#session = undefined;
            this.#sent = undefined;
        }
    }

    #tell(change: Partial<HearingState> = {}): void {
        this.state = { ...this.state, ...change, waitingMs: this.#isAway ? lengthOf(minus(this.#heard, this.#known)) : 0 };
        for (const listener of this.#listeners) listener();
    }
}
