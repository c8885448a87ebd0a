/** A key, and what it does. */
export interface Key {
    /**
     * Which one, by its place on the keyboard (`KeyN`, `Digit1`, `Slash`, `ArrowLeft`, `Space`), so that a Russian layout moves nothing.
     * `Mod+` before it: with Ctrl, or ⌘ where that is usual; `Alt+` and `Shift+` likewise. `Question` is the sign, wherever it is.
     */
    on: string;
    /** What it does, for the help. */
    what: string;
    do: () => void;
    /** Whether it goes on while the key is held down. */
    repeats?: boolean;
    /** Whether it works while somebody types, too, and on top of a dialog. */
    anywhere?: boolean;
}

/** Keys that belong together, for as long as what they are for is on the screen. */
export interface Scope {
    title: string;
    keys: readonly Key[];
    /** What they are for: within it arrows are theirs. */
    root?: Element | null;
}

/** As much of a key's event as is looked at. */
export type Pressed = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'isComposing' | 'target'>;

/** Things that need the space bar and arrows themselves. */
const TAKEN = 'input, textarea, select, button, a, [role="menuitem"], [role="option"], [role="slider"], [role="combobox"], [role="tab"], tr, pre';
/** Things that find what begins with a letter. */
const FINDS_BY_LETTERS = 'select, [role="combobox"], [role="listbox"], [role="option"], [role="menu"], [role="menuitem"]';
/** What lies on top of the page and has the keys to itself. */
const ON_TOP = '[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]';
/** Fields in which nobody writes. */
const UNWRITTEN = ['button', 'checkbox', 'color', 'file', 'image', 'radio', 'range', 'reset', 'submit'];

/** All keys that do something by themselves. The scope that has the focus comes first, then the one that came last, then what is always there. */
export class Registry {
    readonly #always: Scope;
    readonly #scopes: Scope[] = [];

    constructor(always: Scope) {
        this.#always = always;
    }

    /** Puts a scope above all others, and says how it goes away. */
    add(scope: Scope): () => void {
        this.#scopes.unshift(scope);
        return () => void this.#scopes.splice(this.#scopes.indexOf(scope), 1);
    }

    /** The key that is meant, if it is meant for nothing else. Without `letters`, keys that write a sign do nothing (WCAG 2.1.4). */
    find(pressed: Pressed, letters: boolean): Key | undefined {
        if (pressed.isComposing) return undefined;
        const names = namesOf(pressed);
        const target = pressed.target instanceof Element ? pressed.target : null;
        const onTop = document.querySelector(ON_TOP) !== null;
        for (const scope of this.#order(target)) {
            const isReached = !onTop || Boolean(scope.root?.closest(ON_TOP));
            const key = scope.keys.find(({ on, anywhere }) => names.includes(on) && (letters || !writes(on)) && (anywhere || (isReached && !isTaken(on, target, scope.root))));
            if (key) return key;
        }
        return undefined;
    }

    /** What is in force now, for the help: of two scopes with the same key the upper one. */
    inForce(letters: boolean): Scope[] {
        const seen = new Set<string>();
        return this.#order(null)
            .map(({ title, keys }) => ({ title, keys: keys.filter(({ on }) => (letters || !writes(on)) && !seen.has(on) && seen.add(on)) }))
            .filter(({ keys }) => keys.length > 0);
    }

    #order(target: Element | null): Scope[] {
        const within = this.#scopes.filter(({ root }) => target && root?.contains(target));
        return [...within, ...this.#scopes.filter((scope) => !within.includes(scope)), this.#always];
    }
}

/** What a key may be called in `on`. */
export function namesOf({ key, code, ctrlKey, metaKey, altKey, shiftKey }: Omit<Pressed, 'isComposing' | 'target'>): string[] {
    const mods = `${ctrlKey || metaKey ? 'Mod+' : ''}${altKey ? 'Alt+' : ''}`;
    // Signs stand elsewhere on each layout, with Shift or without: both the sign and the place where English has it are good.
    if (key === '?' || (code === 'Slash' && shiftKey)) return [`${mods}Question`];
    if (key === '/' || code === 'Slash') return [`${mods}Slash`];
    const shifted = `${mods}${shiftKey ? 'Shift+' : ''}`;
    // A Latin layout that is not the English one has its letters elsewhere; it says which one is meant.
    if (/^[a-z]$/i.test(key)) return [`${shifted}Key${key.toUpperCase()}`];
    // Without Num Lock these are arrows.
    if (/^Numpad\d$/.test(code)) return [/^\d$/.test(key) ? `${shifted}Digit${code.slice(-1)}` : `${shifted}${key}`];
    if (key === ' ') return [`${shifted}Space`];
    return [`${shifted}${code}`, `${shifted}${key}`];
}

/** Whether a key writes a sign where somebody types. */
export function writes(on: string): boolean {
    return /^(Shift\+)?(Key.|Digit\d|Slash|Question|Bracket\w+|Comma|Period|Minus|Equal|Semicolon|Quote|Backquote|Backslash)$/.test(on);
}

/** Whether the place that has the focus needs the key itself. */
function isTaken(on: string, target: Element | null, root: Element | null | undefined): boolean {
    if (!target) return false;
    if (isTyping(target)) return true;
    if (writes(on)) return target.closest(FINDS_BY_LETTERS) !== null;
    if (/^(Mod|Alt)\+/.test(on)) return false;
    const taken = target.closest(TAKEN);
    if (!taken) return false;
    // Within what they are for, arrows belong to it, and a button keeps its space bar.
    return !root?.contains(taken) || taken.matches('[role="slider"], input') || on === 'Space' || on === 'Enter';
}

/** Whether somebody writes there. */
function isTyping(target: Element): boolean {
    if (target instanceof HTMLInputElement) return !UNWRITTEN.includes(target.type);
    return target instanceof HTMLTextAreaElement || (target instanceof HTMLElement && target.isContentEditable);
}
