import type { Candidate, ScreenGone, ScreenPop } from '@/api/desk';
import type { Call } from '@/api/types';

/**
 * How a card is:
 *
 * ```text
 *   ringing ──answered here──▶ talking ──ended──▶ after ──finish──▶ (away)
 *      │                          ▲
 *      └─ answered elsewhere, ──▶ gone ──▶ (away by itself, or `after` if something was typed)
 *         or given up
 *   calling ──answered──▶ talking; ──ended──▶ after
 * ```
 */
export type CardState = 'ringing' | 'calling' | 'talking' | 'after' | 'gone';

/** What one has before oneself of a call. */
export interface Card {
    readonly callId: string;
    readonly state: CardState;
    readonly direction: 'inbound' | 'outbound';
    readonly number: string;
    readonly scenario: string | null;
    readonly source: string | null;
    /** Who it may be, as far as the first word of the call said so. */
    readonly candidates: readonly Candidate[];
    /** Whether it was looked up who it may be. */
    readonly complete: boolean;
    /** Since when the call is as it is: it rings, or is talked, or is over. */
    readonly since: number;
    /** Why it rings here no more, and who has answered it. */
    readonly why?: ScreenGone['why'];
    readonly byName?: string | null;
    /** Whether something came of it: a note, a step of the lead, a hand-over. */
    readonly hasResult: boolean;
    /** The lead that somebody has said it is with, where several may be. */
    readonly lead?: string;
}

/** Cards at once; beyond it the oldest whose call is over goes. */
export const CARDS_MAX = 5;
/** Calls of which it is remembered that they are done with; the oldest is forgotten. */
const DONE_MAX = 100;

/** Whose calls these are. */
export interface Mine {
    slot: string | undefined;
    user: string | undefined;
}

/** The cards of the calls that one has, in the order in which they came. A call that comes takes neither the place nor the words of another one. */
export class Cards {
    #cards: readonly Card[] = [];
    #current: string | undefined;
    readonly #done: string[] = [];
    readonly #listeners = new Set<() => void>();

    get all(): readonly Card[] {
        return this.#cards;
    }

    /** The one that is looked at. */
    get current(): Card | undefined {
        return this.#cards.find(({ callId }) => callId === this.#current);
    }

    onChange = (listener: () => void): (() => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };

    /** A snapshot that is another one whenever anything has changed. */
    snapshot = (): { all: readonly Card[]; current: Card | undefined } => this.#shot;
    #shot: { all: readonly Card[]; current: Card | undefined } = { all: [], current: undefined };

    pop(data: ScreenPop, at: number): void {
        if (this.#done.includes(data.call_id)) return;
        const old = this.#of(data.call_id);
        const told = { scenario: data.scenario ?? old?.scenario ?? null, source: data.source ?? old?.source ?? null, number: data.number ?? old?.number ?? '' };
        // What was looked up stands above a first word that comes late.
        const found = old?.complete && !data.complete ? {} : { candidates: data.candidates, complete: data.complete };
        if (old) {
            const again = old.state === 'gone' && !data.complete ? { state: 'ringing' as const, since: at, why: undefined } : {};
            this.#put({ ...old, ...told, ...found, ...again });
        } else this.#put({ callId: data.call_id, state: 'ringing', direction: 'inbound', candidates: [], complete: false, since: at, hasResult: false, ...told, ...found });
    }

    gone(data: ScreenGone, at: number): void {
        const old = this.#of(data.call_id);
        if (old?.state === 'ringing') this.#put({ ...old, state: 'gone', since: at, why: data.why, byName: data.by_name });
    }

    /** A call is told of as it is. Only those with the world have cards, and only one's own. */
    call(call: Call, mine: Mine, at: number): void {
        const old = this.#of(call.call_id);
        if (call.direction === 'internal' || this.#done.includes(call.call_id)) return;
        const isServedBy = (call.segments ?? []).some(({ slot, user }) => (mine.slot !== undefined && slot === mine.slot) || (mine.user !== undefined && user === mine.user));
        const isMine = isServedBy || (mine.slot !== undefined && (call.caller_slot === mine.slot || (call.callee_slot === mine.slot && call.status !== 'ringing')));
        const state = next(old, call, isMine);
        if (state === undefined || state === old?.state) return;
        const since = state === 'talking' ? (call.answered_at ?? at) : state === 'after' || state === 'gone' ? (call.ended_at ?? at) : call.started_at;
        if (old) return this.#put({ ...old, state, since, ...(state === 'gone' && { why: 'given_up' as const }) });
        const outbound = call.direction === 'outbound';
        this.#put({
            callId: call.call_id,
            state,
            direction: outbound ? 'outbound' : 'inbound',
            number: (outbound ? call.callee : call.caller) ?? '',
            scenario: call.scenario ?? null,
            source: call.source ?? null,
            candidates: [],
            complete: false,
            since,
            hasResult: false,
        });
    }

    /** Something came of a call. */
    result(callId: string): void {
        const old = this.#of(callId);
        if (old && !old.hasResult) this.#put({ ...old, hasResult: true });
    }

    /** Somebody says with which lead the call is. */
    choose(callId: string, lead: string): void {
        const old = this.#of(callId);
        if (old) this.#put({ ...old, lead });
    }

    /** A card that would have gone by itself stays until it is finished. */
    keep(callId: string): void {
        const old = this.#of(callId);
        if (old?.state === 'gone') this.#put({ ...old, state: 'after' });
    }

    /** Done with. */
    finish(callId: string): void {
        this.#done.push(callId);
        if (this.#done.length > DONE_MAX) this.#done.shift();
        this.#set(this.#cards.filter((card) => card.callId !== callId));
    }

    select(callId: string): void {
        this.#current = callId;
        this.#set(this.#cards);
    }

    clear(): void {
        this.#done.length = 0;
        this.#set([]);
    }

    #of(callId: string): Card | undefined {
        return this.#cards.find((card) => card.callId === callId);
    }

    #put(card: Card): void {
        const at = this.#cards.findIndex(({ callId }) => callId === card.callId);
        let next = at === -1 ? [...this.#cards, card] : this.#cards.with(at, card);
        if (next.length > CARDS_MAX) {
            const over = next.find(({ state }) => state === 'gone') ?? next.find(({ state }) => state === 'after') ?? next[0];
            next = next.filter((each) => each !== over);
        }
        this.#set(next);
    }

    #set(cards: readonly Card[]): void {
        this.#cards = cards;
        // One that is finished, or that rings here no more, gives its place to the next; one that is being worked on does not.
        const current = this.current;
        if (!current || (current.state === 'gone' && cards.some(({ state }) => state !== 'gone'))) this.#current = (cards.find(({ state }) => state !== 'gone') ?? cards[0])?.callId;
        this.#shot = { all: cards, current: this.current };
        for (const listener of this.#listeners) listener();
    }
}

/** How a card is when its call is told of; undefined: there is none, or it stays as it is. */
function next(old: Card | undefined, call: Call, isMine: boolean): CardState | undefined {
    switch (call.status) {
        case 'ended':
            if (!old || old.state === 'after' || old.state === 'gone') return undefined;
            return old.state === 'ringing' ? 'gone' : 'after';
        case 'answered':
        case 'held':
            return isMine ? 'talking' : undefined;
        default:
            return isMine && !old && call.direction === 'outbound' ? 'calling' : undefined;
    }
}
