import type { CallTag, CallTags, Tagged } from '@/api/listening';
import { Problem } from '@/providers/problem';
import { changes, isOn, meanwhile, onOf, standing, undone, type Deed, type Stand } from './tagging';

/** How long to wait before a deed that nobody answered is sent again, in milliseconds. */
const AGAIN_MS = 2_000;
/** How many deeds can be taken back. */
const UNDO_MAX = 50;
/** How many notices are kept; the oldest goes. */
const NOTICES_MAX = 3;

/** What somebody has to be told beside the tags themselves. */
export type Notice =
    | { kind: 'meanwhile' | 'set' | 'unset'; who: string; tag: string }
    /** It is not theirs to set any more. */
    | { kind: 'gone'; tag: string }
    | { kind: 'refused'; error: unknown };

/** What a tag is, by its id. */
export interface Known {
    group: string;
    exclusive: boolean;
    name: string;
}

export interface TaggerPorts {
    load: () => Promise<CallTags>;
    /** Sets a tag or takes it off, if the tags have not changed since the version `seen`. */
    send: (tag: string, on: boolean, seen: number | undefined) => Promise<Tagged>;
    known: (tag: string) => Known | undefined;
    me: () => string | undefined;
    /** Calls back after so many milliseconds. */
    later: (ms: number, then: () => void) => void;
    /** What one may set has changed. */
    onGone: () => void;
}

export interface TaggerState {
    /** The tags as the server last said; undefined: it has not yet. */
    tags: readonly CallTag[] | undefined;
    stands: ReadonlyMap<string, Stand>;
    /** How many deeds wait to be answered. */
    waiting: number;
    /** Whether the last attempt reached nobody. */
    away: boolean;
    canUndo: boolean;
    notices: readonly Notice[];
    /** Why the tags are not known. */
    error: unknown;
}

/**
 * The tags of one call under somebody's hands. What is done shows at once, is sent one after the other, and again for as long as nobody answers:
 * setting a tag twice does no harm. Of an exclusive group nothing that others have set meanwhile is replaced unseen.
 *
 *   press ─▶ waiting ─▶ send ─▶ answered: the tags as they stand
 *               ▲         ├─▶ nobody answers: again in two seconds
 *               └─────────┼─▶ changed meanwhile: loaded anew; again if nobody's judgement is replaced, else dropped and told
 *                         └─▶ refused: dropped and told
 */
export class Tagger {
    state: TaggerState = { tags: undefined, stands: new Map(), waiting: 0, away: false, canUndo: false, notices: [], error: undefined };
    readonly #ports: TaggerPorts;
    readonly #listeners = new Set<() => void>();
    #waiting: Deed[] = [];
    #done: Deed[] = [];
    #version = 0;
    #busy = false;
    #away = false;
    #loading: Promise<void> | undefined;
    /** How tags were last heard to stand. */
    readonly #heard = new Map<string, boolean>();
    /** The tags that were changed by what was sent last. */
    #sent: string[] = [];

    constructor(ports: TaggerPorts) {
        this.#ports = ports;
        void this.reload();
    }

    subscribe = (listener: () => void): (() => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };

    /** Sets a tag that is not set, and takes off one that is. */
    press(tag: string): void {
        const known = this.#ports.known(tag);
        if (!known) return;
        this.#do(tag, known, !isOn(this.state.stands.get(tag)), true);
    }

    /** Takes back what was done last. */
    undo(): void {
        const last = this.#done.pop();
        if (!last) return;
        const { tag, on } = undone(last);
        const known = this.#ports.known(tag);
        if (known) this.#do(tag, known, on, false);
        else this.#tell();
    }

    /** A tag was set or taken off, by whomever. */
    hear(tag: string, on: boolean): void {
        this.#heard.set(tag, on);
        // What one does oneself is answered, and heard of as well: while an answer is on its way, it is waited for.
        if (!this.#busy) this.#compare();
    }

    /** Asks for the tags anew, if what was heard of them is not what is known. */
    #compare(): void {
        const isKnown = [...this.#heard].every(([tag, on]) => on === this.state.tags?.some(({ tag_id }) => tag_id === tag));
        this.#heard.clear();
        if (!isKnown) void this.reload();
    }

    dismiss(notice: Notice): void {
        this.#tell({ notices: this.state.notices.filter((each) => each !== notice) });
    }

    reload(): Promise<void> {
        this.#loading ??= this.#load().finally(() => {
            this.#loading = undefined;
        });
        return this.#loading;
    }

    async #load(): Promise<void> {
        try {
            const { tags, version } = await this.#ports.load();
            if (version < this.#version) return;
            this.#take(tags, version);
        } catch (error) {
            this.#tell({ error });
        }
    }

    /** The tags as the server says, and what others have done to them, in words. */
    #take(tags: readonly CallTag[], version: number): void {
        const before = this.state.tags;
        const mine = new Set(this.#sent);
        const { set, unset } = before ? changes(before, tags, mine, this.#ports.me()) : { set: [], unset: [] };
        this.#version = Math.max(this.#version, version);
        const told: Notice[] = [
            ...set.map((tag): Notice => ({ kind: 'set', who: tag.set_by_name ?? '', tag: this.#name(tag.tag_id) })),
            // What another tag of an exclusive group has replaced goes without saying.
            ...unset.filter((tag) => !set.some(({ group_id }) => group_id === tag.group_id)).map((tag): Notice => ({ kind: 'unset', who: '', tag: this.#name(tag.tag_id) })),
        ];
        this.#tell({ tags, error: undefined, notices: [...this.state.notices, ...told].slice(-NOTICES_MAX) });
    }

    #do(tag: string, { group, exclusive }: Known, on: boolean, canUndo: boolean): void {
        const before = onOf(this.state.stands, group, (each) => this.#groupOf(each));
        const deed: Deed = { tag, group, exclusive, on, before };
        this.#waiting.push(deed);
        if (canUndo) this.#done = [...this.#done, deed].slice(-UNDO_MAX);
        this.#tell({ notices: this.state.notices.filter(({ kind }) => kind !== 'meanwhile') });
        void this.#send();
    }

    async #send(): Promise<void> {
        if (this.#busy) return;
        this.#busy = true;
        try {
            while (this.#waiting[0]) {
                // eslint-disable-next-line no-await-in-loop -- one after the other, in the order in which they were done
                if (!(await this.#sendOne(this.#waiting[0]))) return;
            }
        } finally {
            this.#busy = false;
            this.#compare();
        }
    }

    /** Says whether to go on with what comes next. */
    async #sendOne(deed: Deed): Promise<boolean> {
        await this.#loading;
        const other = meanwhile(deed, this.state.tags ?? [], this.#ports.me());
        if (other) {
            this.#drop(deed, { kind: 'meanwhile', who: other.set_by_name ?? '', tag: this.#name(other.tag_id) });
            return true;
        }
        try {
            const { tags, version, replaced } = await this.#ports.send(deed.tag, deed.on, deed.exclusive && this.state.tags ? this.#version : undefined);
            this.#away = false;
            this.#sent = [deed.tag, ...replaced];
            this.#waiting = this.#waiting.filter((each) => each !== deed);
            if (version >= this.#version) this.#take(tags, version);
            else this.#tell();
            this.#sent = [];
            return true;
        } catch (error) {
            return this.#failed(deed, error);
        }
    }

    async #failed(deed: Deed, error: unknown): Promise<boolean> {
        if (error instanceof Problem && (error.passes || error.status === 429)) {
            this.#away = true;
            this.#tell();
            this.#ports.later(error.retryAfterS ? error.retryAfterS * 1000 : AGAIN_MS, () => void this.#send());
            return false;
        }
        this.#away = false;
        if (error instanceof Problem && error.code === 'version_conflict') {
            const before = this.#version;
            await this.reload();
            // It stays the next one; if nothing newer can be known, it would go round for ever.
            if (this.#version > before) return true;
        }
        if (error instanceof Problem && (error.status === 403 || error.status === 404)) {
            this.#drop(deed, { kind: 'gone', tag: this.#name(deed.tag) });
            this.#ports.onGone();
            return true;
        }
        this.#drop(deed, { kind: 'refused', error });
        return true;
    }

    #drop(deed: Deed, notice: Notice): void {
        this.#waiting = this.#waiting.filter((each) => each !== deed);
        this.#done = this.#done.filter((each) => each !== deed);
        // What stands in one's way need not be told as news besides.
        const others = this.state.notices.filter((each) => each.kind !== notice.kind && !(notice.kind === 'meanwhile' && each.kind === 'set' && each.tag === notice.tag));
        this.#tell({ notices: [...others, notice].slice(-NOTICES_MAX) });
    }

    #groupOf(tag: string): string | undefined {
        return this.#ports.known(tag)?.group ?? this.state.tags?.find(({ tag_id }) => tag_id === tag)?.group_id;
    }

    #name(tag: string): string {
        return this.#ports.known(tag)?.name ?? this.state.tags?.find(({ tag_id }) => tag_id === tag)?.name ?? `#${tag}`;
    }

    #tell(change: Partial<TaggerState> = {}): void {
        const next = { ...this.state, ...change };
        this.state = { ...next, stands: standing(next.tags ?? [], this.#waiting), waiting: this.#waiting.length, away: this.#away, canUndo: this.#done.length > 0 };
        for (const listener of this.#listeners) listener();
    }
}
