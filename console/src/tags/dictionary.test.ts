import { describe, expect, it } from 'vitest';
import { consoleTheme } from '@/app/theme';
import type { Tag, TagGroup } from '@/api/listening';
import { COLOURS, colourOf } from './colours';
import { moved, together } from './dictionary';

const row = (id: string, position: number) => ({ id, position });

it('groups and their tags stand in their order, and of two at one place the older comes first', () => {
    const groups = [{ ...row('10', 1) }, { ...row('2', 1) }, { ...row('1', 5) }] as TagGroup[];
    const tags = [{ ...row('7', 2), group_id: '2' }, { ...row('8', 1), group_id: '2' }, { ...row('9', 0), group_id: '77' }] as Tag[];
    expect(together(groups, tags).map(({ id, tags: of }) => [id, of.map((tag) => tag.id)])).toEqual([['2', ['8', '7']], ['10', []], ['1', []]]);
});

describe('moving one', () => {
    const places = (rows: { id: string; position: number }[], id: string, by: -1 | 1) => moved(rows, id, by).map((each) => [each.row.id, each.position]);

    it('changes it and its neighbour alone', () => {
        const rows = [row('a', 1), row('b', 4), row('c', 9)];
        expect(places(rows, 'c', -1)).toEqual([['c', 4], ['b', 9]]);
        expect(places(rows, 'a', 1)).toEqual([['b', 1], ['a', 4]]);
    });

    it('goes no further than the ends', () => {
        const rows = [row('a', 1), row('b', 2)];
        expect([places(rows, 'a', -1), places(rows, 'b', 1), places(rows, 'z', 1)]).toEqual([[], [], []]);
    });

    it('deals all places anew where two had the same', () => {
        expect(places([row('a', 0), row('b', 0), row('c', 0)], 'a', 1)).toEqual([['b', 1], ['a', 2], ['c', 3]]);
    });
});

/** How bright a colour is (WCAG 2.1, relative luminance). */
function brightness(colour: string): number {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

it.each(['light', 'dark'] as const)('every colour is told from the page, %s', (mode) => {
    const behind = brightness(consoleTheme(mode).palette.background.paper);
    for (const [name, colour] of Object.entries(COLOURS)) {
        const [low = 0, high = 0] = [behind, brightness(colour[mode])].toSorted((a, b) => a - b);
        expect((high + 0.05) / (low + 0.05), name).toBeGreaterThanOrEqual(3);
    }
    expect(colourOf('magenta', mode)).toBe(COLOURS.grey[mode]);
});
