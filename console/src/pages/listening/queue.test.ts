import { describe, expect, it } from 'vitest';
import type { Tag, TagGroup } from '@/api/listening';
import type { GroupOfTags } from '@/tags/dictionary';
import { deal, hold, lost, rowsOf } from './places';
import { neighbour } from './queue';

it.each<[string, string | undefined, number, 1 | -1, string | undefined]>([
    ['the next one', 'b', 1, 1, 'c'],
    ['the one before', 'b', 1, -1, 'a'],
    ['nothing behind the last', 'c', 2, 1, undefined],
    ['nothing before the first', 'a', 0, -1, undefined],
    // Withdrawn from between a and b: b has its place.
    ['what came after one that is gone', 'x', 1, 1, 'b'],
    ['what came before one that is gone', 'x', 1, -1, 'a'],
    ['nothing behind a last one that is gone', 'x', 3, 1, undefined],
    ['the first, with none open', undefined, 0, 1, 'a'],
])('%s', (_, current, at, by, found) => {
    expect(neighbour(['a', 'b', 'c'], current, at, by)).toBe(found);
});

const group = (id: string, tags: string[], more: Partial<TagGroup> = {}): GroupOfTags =>
    ({ id, name: `group ${id}`, active: true, exclusive: false, ...more, tags: tags.map((each) => ({ id: each, name: each, group_id: id, active: !each.startsWith('-') }) as Tag) }) as GroupOfTags;
const shown = (places: ReturnType<typeof deal>) => places.map(({ tag, digit, gone }) => `${digit ?? '.'}${tag.id}${gone ? '×' : ''}`).join(' ');

describe('keys of tags', () => {
    it('are dealt to the first nine that are offered, over all groups', () => {
        const groups = [group('1', ['a', '-b', 'c']), group('2', ['d'], { active: false }), group('3', ['e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'])];
        expect(shown(deal(groups))).toBe('1a 2c 3e 4f 5g 6h 7i 8j 9k .l');
    });

    it('do not move while a call is open, whatever is given and taken away', () => {
        const places = deal([group('1', ['a', 'b']), group('2', ['c', 'd'])]);
        // The first group is gone, one tag of the other is offered no more, and two are new.
        expect(shown(hold(places, [group('0', ['new']), group('2', ['newer', '-c', 'd'])]))).toBe('1a× 2b× 3c× 4d .new .newer');
        // With the next call they are dealt anew.
        expect(shown(deal([group('0', ['new']), group('2', ['newer', '-c', 'd'])]))).toBe('1new 2newer 3d');
        // What was taken away comes back to its own place.
        expect(shown(hold(places, [group('1', ['b', 'a']), group('2', ['c', 'd'])]))).toBe('1a 2b 3c 4d');
    });

    it('stand in the rows of their groups, and what a group has lost is known', () => {
        const places = deal([group('1', ['a', 'b']), group('2', ['c'])]);
        const now = [group('2', ['c', 'e'])];
        expect(rowsOf(hold(places, now)).map((row) => [row.group.id, row.places.map(({ tag }) => tag.id)])).toEqual([['1', ['a', 'b']], ['2', ['c', 'e']]]);
        expect(lost(places, now).map(({ id }) => id)).toEqual(['1']);
    });
});
