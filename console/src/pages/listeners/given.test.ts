import { expect, it } from 'vitest';
import type { AccessList, ColumnPolicy } from '@/api/types';
import { givenOf, modeOf, withGiven } from './given';

const LISTS: AccessList[] = [
    { resource: 'calls', kind: 'scenario', ids: ['a', 'b'] },
    { resource: 'calls', kind: 'slot', ids: ['1'] },
    { resource: 'tags', kind: 'tag_group', ids: ['3'] },
    { resource: 'calls', kind: 'scenario', ids: ['b', 'c'] },
];

it('what is given stands in lists, and changing one kind leaves the others', () => {
    expect([givenOf(LISTS, 'scenarios'), givenOf(LISTS, 'groups'), givenOf(undefined, 'groups')]).toEqual([['a', 'b', 'c'], ['3'], []]);
    expect(withGiven(LISTS, 'scenarios', ['d'])).toEqual([LISTS[1], LISTS[2], { resource: 'calls', kind: 'scenario', ids: ['d'] }]);
    expect(withGiven(LISTS, 'groups', [])).toEqual([LISTS[0], LISTS[1], LISTS[3]]);
    expect(withGiven(undefined, 'groups', ['1'])).toEqual([{ resource: 'tags', kind: 'tag_group', ids: ['1'] }]);
});

it('of two rules for a column the stricter stands', () => {
    const rule = (mode: ColumnPolicy['mode'], resource = 'calls'): ColumnPolicy[] => [{ resource, column: 'caller', mode }];
    expect(modeOf('caller', [rule('mask'), rule('show')])).toBe('mask');
    expect(modeOf('caller', [rule('mask'), rule('hide')])).toBe('hide');
    expect(modeOf('caller', [rule('hide', 'slots'), undefined])).toBe('show');
    expect(modeOf('callee', [rule('hide')])).toBe('show');
});
