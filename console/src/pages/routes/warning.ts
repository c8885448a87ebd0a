import { readSentence } from '@/ui/sentences';

/** Something in the plan that somebody should look at, and what is wrong with it. */
export interface Warned {
    what: 'carrier' | 'route';
    id: string;
    name: string;
    /** It is not used at all. */
    isLeftOut: boolean;
    says: string;
}

/** Reads `route 6 (Russia): then: the group far has no carrier for this center` (`PlanWarning` in store/src/plan.rs). */
export function readWarning(text: string): Warned | undefined {
    const [, what, id, name = '', leftOut, rest = ''] = /^(carrier|route) (\d+) \((.*?)\)( is not used)?: (.*)$/s.exec(text) ?? [];
    if ((what !== 'carrier' && what !== 'route') || id === undefined) return undefined;
    // The field is named before what is wrong with it; where the sentence alone says it, that is enough.
    const bare = rest.replace(/^[\w.[\]]+: /, '');
    return { what, id, name, isLeftOut: leftOut !== undefined, says: readSentence(bare) ? bare : rest };
}
