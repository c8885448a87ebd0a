import { useEffect, useState, useSyncExternalStore } from 'react';
import { useMe } from '@/access/me';
import type { CallTag, CallTags, Tagged } from '@/api/listening';
import type { Client } from '@/providers/rest/client';
import { useClient } from '@/providers/services';
import { Tagger, type Known, type TaggerState } from './Tagger';

/** What tags of calls need from the page around them. */
interface Around {
    /** What a tag is. */
    known: (tag: string) => Known | undefined;
    /** Is told what a call has, whenever the server says so. */
    onTags: (call: string, tags: readonly CallTag[]) => void;
    onGone: () => void;
}

/** The tags of the calls that somebody has had open: what was done to one is sent also when the next one is open. */
export class Taggers {
    readonly #client: Client;
    readonly #all = new Map<string, Tagger>();
    #around: Around = { known: () => undefined, onTags: () => undefined, onGone: () => undefined };
    #me: string | undefined;

    constructor(client: Client) {
        this.#client = client;
    }

    /** The page around, as it is now, and who looks at it. */
    use(around: Around, me: string | undefined): void {
        this.#around = around;
        this.#me = me;
    }

    of(call: string): Tagger {
        const there = this.#all.get(call);
        if (there) return there;
        // Those of which nothing waits are not needed any more.
        for (const [other, tagger] of this.#all) if (tagger.state.waiting === 0) this.#all.delete(other);
        const made = this.#make(call);
        this.#all.set(call, made);
        return made;
    }

    /** How many deeds of all calls wait to be answered. */
    get waiting(): number {
        return [...this.#all.values()].reduce((sum, { state }) => sum + state.waiting, 0);
    }

    #make(call: string): Tagger {
        const path = `/calls/${encodeURIComponent(call)}/tags`;
        const tagger = new Tagger({
            load: () => this.#client.get<CallTags>(path),
            send: (tag, on, seen) => {
                const place = `${path}/${encodeURIComponent(tag)}`;
                return on ? this.#client.put<Tagged>(place, undefined, { query: { seen } }) : this.#client.delete<Tagged>(place, { seen });
            },
            known: (tag) => this.#around.known(tag),
            me: () => this.#me,
            later: (ms, then) => void setTimeout(then, ms),
            onGone: () => this.#around.onGone(),
        });
        let last: TaggerState['tags'];
        tagger.subscribe(() => {
            const { tags } = tagger.state;
            if (tags && tags !== last) this.#around.onTags(call, tags);
            last = tags;
        });
        return tagger;
    }
}

/** What tags of calls are changed with. Whoever leaves while something waits is asked whether they mean it. */
export function useTaggers(around: Around): Taggers {
    const client = useClient();
    const me = useMe()?.id;
    const [taggers] = useState(() => new Taggers(client));
    useEffect(() => taggers.use(around, me));
    useEffect(() => {
        const ask = (event: BeforeUnloadEvent) => {
            if (taggers.waiting > 0) event.preventDefault();
        };
        window.addEventListener('beforeunload', ask);
        return () => window.removeEventListener('beforeunload', ask);
    }, [taggers]);
    return taggers;
}

/** How the tags of a call are now. */
export function useTagging(tagger: Tagger): TaggerState {
    return useSyncExternalStore(tagger.subscribe, () => tagger.state);
}
