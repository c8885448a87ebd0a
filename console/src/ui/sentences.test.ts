import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { en } from '@/i18n/en';
import { readSentence, SENTENCES } from './sentences';

/** The room in a sentence, whatever it is called. */
const bare = (sentence: string) => sentence.replace(/\{[^}]*\}/g, '{}');

const known = new Set(Object.values(SENTENCES).map(bare));

/** The literals of a file that a pattern leads to, without its tests. */
function literals(path: string, ...before: RegExp[]): string[] {
    const source = (readFileSync(`../${path}`, 'utf8').split('#[cfg(test)]')[0] ?? '').replace(/\\\n\s*/g, '');
    return before.flatMap((each) => [...source.matchAll(new RegExp(`${each.source}\\s*"((?:[^"\\\\]|\\\\.)*)"`, 'g'))].map(([, text]) => text ?? ''));
}

it.each([
    ['model/src/carrier/order.rs', [/=>/], 9],
    ['model/src/route/plan.rs', [/refuse\([^"()]*,/, /passed\(&\|\| (?:\{\s*)?format!\(/, /ok_or\(/, /Err\(/, /let dialable =/, /const \w+: &str =/], 16],
    ['model/src/route/explain.rs', [/map\(\|\(id, why\)\| format!\(/, /const LOCKED: &str =/], 2],
    ['model/src/route/warnings.rs', [/add\(format!\(/], 4],
    ['model/src/route/lacking.rs', [/add\((?:format!\()?/], 3],
    ['net/src/error.rs', [/#\[error\((?="(?:nobody|no (?!media)|the certificate|too much))/], 9],
    ['calls/src/carriers/mod.rs', [/const ANOTHERS: &str =/], 1],
    ['store/src/carriers.rs', [/one\("\w*",/], 2],
    ['store/src/routes.rs', [/text:/], 1],
    ['store/src/plan.rs', [/text: format!\(/], 1],
    ['sip-core/src/digest/client.rs', [/#\[error\(/], 5],
    ['sip-core/src/locate/mod.rs', [/#\[error\(/], 4],
    ['calls/src/carriers/enrolment.rs', [/not_enrolled\(now, key,/, /map\(\|why\| format!\(/], 2],
    ['calls/src/carriers/outward.rs', [/write_str\(/, /write!\(f,/], 2],
] as [string, RegExp[], number][])('every sentence of %s is known', (path, before, least) => {
    const said = literals(path, ...before);
    expect(said.length, said.join('\n')).toBeGreaterThanOrEqual(least);
    // A single word is a code, and no sentence.
    expect(said.filter((sentence) => sentence.includes(' ') && !known.has(bare(sentence)))).toEqual([]);
});

it('so are those of a failed registration', () => {
    const said = literals('sip-core/src/enrol/state.rs', /write!\(f,/, /write_str\(/).map((sentence) => sentence.replace(/^: /, ''));
    expect(said).toContain('no answer');
    expect(said.filter((sentence) => sentence !== '{unproven}' && !known.has(bare(sentence)))).toEqual([]);
});

it('each has a text', () => {
    expect(Object.keys(en.sentences)).toEqual(Object.keys(SENTENCES));
});

it('is read with what stands in it', () => {
    const cases: [string, ReturnType<typeof readSentence>][] = [
        ['it is switched off', { code: 'off', values: {} }],
        ['Wolga (carrier 2) is not used: it is switched off', { code: 'not_used', values: { name: 'Wolga', id: '2', why: 'it is switched off' } }],
        ["Wolga (carrier 2) does not have the slot's number +7495 verified, and is shown its own", { code: 'not_verified', values: { name: 'Wolga', id: '2', number: '+7495' } }],
        ['401 Unauthorized: user name or password refused', { code: 'refused_because', values: { status: '401', reason: 'Unauthorized', why: 'user name or password refused' } }],
        ['403 <b>Forbidden</b>', { code: 'refused', values: { status: '403', reason: '<b>Forbidden</b>' } }],
        ['the group %{why} ||||\n has no carrier for this center', { code: 'no_group', values: { group: '%{why} ||||\n' } }],
        ['there is no carrier 7 for this center', { code: 'no_carrier_here', values: { id: '7' } }],
        ['something quite new', undefined],
    ];
    for (const [text, wanted] of cases) expect(readSentence(text), text).toEqual(wanted);
});

it('why a route does not match has texts as well', () => {
    const said = literals('model/src/route/explain.rs', /Self::\w+ =>/).filter((text) => text.startsWith('it '));
    expect(said.length).toBe(7);
    expect(said.map((text) => text.toLowerCase().replace(/[^a-z]+/g, '_')).sort()).toEqual(Object.keys(en.misses).sort());
});
