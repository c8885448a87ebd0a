/** Texts by names, in as many steps as there are dots in a key. */
export type Texts = { readonly [name: string]: string | Texts };

/** All of them as one. */
type Joined<Areas extends readonly unknown[]> = Areas extends readonly [infer First, ...infer Rest] ? First & Joined<Rest> : unknown;

/**
 * The texts of several areas as one. Names that several areas have (`columns`, `problems`) are theirs together, so an area brings all
 * that is its own in one file. A key that two areas have is a mistake, of which one would never hear.
 */
export function join<const Areas extends readonly Texts[]>(...areas: Areas): Joined<Areas> {
    return areas.reduce((all, area) => put(all, area, ''), {}) as Joined<Areas>;
}

function put(into: Texts, area: Texts, above: string): Texts {
    const all: Record<string, string | Texts> = { ...into };
    for (const [name, text] of Object.entries(area)) {
        const there = all[name];
        if (there !== undefined && (typeof there === 'string' || typeof text === 'string')) throw new Error(`two areas have the text ${above}${name}`);
        all[name] = typeof text === 'string' ? text : put(there ?? {}, text, `${above}${name}.`);
    }
    return all;
}
