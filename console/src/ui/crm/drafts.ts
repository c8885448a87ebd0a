import { createContext, useCallback, useContext, useSyncExternalStore } from 'react';

/**
 * What has been typed and not been sent. It is kept above all pages, so that neither another page nor a second call takes it away; in memory
 * alone, because desks are shared and notes name people.
 */
export class Drafts {
    readonly #texts = new Map<string, string>();
    readonly #listeners = new Set<() => void>();

    get = (key: string): string => this.#texts.get(key) ?? '';

    set(key: string, text: string): void {
        if (this.get(key) === text) return;
        if (text) this.#texts.set(key, text);
        else this.#texts.delete(key);
        for (const listener of this.#listeners) listener();
    }

    /** Whether anything would be lost. */
    get any(): boolean {
        return [...this.#texts.values()].some((text) => text.trim() !== '');
    }

    clear(): void {
        this.#texts.clear();
        for (const listener of this.#listeners) listener();
    }

    onChange = (listener: () => void): (() => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };
}

export const DraftsContext = createContext(new Drafts());

/** What has been typed under a key, and how to change it. */
export function useDraft(key: string): [string, (text: string) => void] {
    const drafts = useContext(DraftsContext);
    const text = useSyncExternalStore(drafts.onChange, () => drafts.get(key));
    return [text, useCallback((next: string) => drafts.set(key, next), [drafts, key])];
}
