import { describe, expect, it } from 'vitest';
import { Chance } from '@/providers/fake/chance';
import { lengthOf, rangesOf, union, type Range } from './heard';

it.each<[string, Range[], Range[], Range[]]>([
    ['nothing and nothing', [], [], []],
    ['apart', [[0, 10]], [[20, 30]], [[0, 10], [20, 30]]],
    ['in any order', [[20, 30]], [[0, 10]], [[0, 10], [20, 30]]],
    ['touching', [[0, 10]], [[10, 20]], [[0, 20]]],
    ['overlapping', [[0, 15]], [[10, 20]], [[0, 20]]],
    ['one within the other', [[0, 30]], [[10, 20]], [[0, 30]]],
    ['said twice', [[0, 10], [20, 30]], [[0, 10], [20, 30]], [[0, 10], [20, 30]]],
    ['filling the gap', [[0, 10], [20, 30]], [[5, 25]], [[0, 30]]],
    ['empty and backwards', [[5, 5]], [[9, 3]], []],
])('%s', (_, heard, more, all) => {
    expect(union(heard, more)).toEqual(all);
    expect(union(more, heard)).toEqual(all);
});

it('what a media element has played is counted in whole milliseconds', () => {
    const played = { length: 2, start: (at: number) => [0, 10.0004][at] ?? 0, end: (at: number) => [1.2346, 12.5][at] ?? 0 };
    expect(rangesOf(played)).toEqual([[0, 1235], [10_000, 12_500]]);
    expect(lengthOf(rangesOf(played))).toBe(3735);
});

/** A media element as far as hearing goes: plays, jumps, gets another source, which begins its ranges anew. */
class Element {
    at = 0;
    #played: Range[] = [];
    readonly length: number;
    readonly heard: boolean[];

    constructor(length: number) {
        this.length = length;
        this.heard = Array<boolean>(length).fill(false);
    }

    play(ms: number): void {
        const to = Math.min(this.length, this.at + ms);
        this.#played.push([this.at, to]);
        this.heard.fill(true, this.at, to);
        this.at = to;
    }

    /** What browsers give: in any order here, which is more than they do. */
    get ranges(): Range[] {
        return this.#played;
    }

    renew(): void {
        this.#played = [];
    }
}

describe('a walk through a recording', () => {
    it('is counted as every millisecond by itself would be: 1,000 walks', () => {
        for (let seed = 1; seed <= 1000; seed += 1) {
            const chance = new Chance(seed);
            const element = new Element(chance.whole(1, 400));
            let heard: Range[] = [];
            for (let step = 0; step < 40; step += 1) {
                const kind = chance.whole(0, 9);
                if (kind < 5) element.play(chance.whole(0, 60));
                else if (kind < 8) element.at = chance.whole(0, element.length);
                // A report may be made at any time, and its answer be lost: the next one says it again.
                else heard = union(heard, element.ranges);
                if (kind === 9) {
                    heard = union(heard, element.ranges);
                    element.renew();
                }
            }
            heard = union(heard, element.ranges);
            const bits = heard.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index));
            const wanted = element.heard.flatMap((is, at) => (is ? [at] : []));
            expect(bits, `seed ${seed}`).toEqual(wanted);
            expect(lengthOf(heard), `seed ${seed}`).toBe(wanted.length);
            for (const [index, [from]] of heard.entries()) expect(from, `seed ${seed}: in order, and apart`).toBeGreaterThan(heard[index - 1]?.[1] ?? -1);
        }
    });
});
