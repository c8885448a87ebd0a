import { expect, it } from 'vitest';
import { columns, list, type FakeResource } from './lists';

const RESOURCE: FakeResource = { key: 'id', order: 'id', columns: columns('id:fs name:fs age:f secret:f note'), search: ['name'] };
const ROWS = [
    { id: '1', name: 'ann', age: 3, secret: 'x', note: null },
    { id: '2', name: 'bob', age: 5, secret: 'y', note: 'n' },
    { id: '10', name: 'cid', age: null, secret: 'x', note: null },
];
const ids = (filter: unknown, more = {}) => list(RESOURCE, ROWS, { filter: JSON.stringify(filter), ...more }).items.map(({ id }) => id);

it('the twin keeps the list contract', () => {
    expect(ids({})).toEqual(['1', '2', '10']);
    expect(ids({ name: 'bob' })).toEqual(['2']);
    expect(ids({ name: ['ann', 'cid'] })).toEqual(['1', '10']);
    expect(ids({ age: { gte: 3, lt: 5 } })).toEqual(['1']);
    expect(ids({ age: { is_null: true } })).toEqual(['10']);
    expect(ids({ or: [{ name: { prefix: 'a' } }, { age: 5 }] })).toEqual(['1', '2']);
    expect(ids({}, { sort: '-name', limit: 2 })).toEqual(['10', '2']);
    expect(ids({}, { q: 'B' })).toEqual(['2']);
});

it('the twin refuses as the server does', () => {
    const refusal = (query: object, modes = {}) => {
        try {
            list(RESOURCE, ROWS, query as never, modes);
            return 'nothing';
        } catch (problem) {
            return `${(problem as { code: string }).code} ${(problem as { field: string }).field}`;
        }
    };
    expect(refusal({ filter: '{"nobody":1}' })).toBe('unknown_field filter.nobody');
    expect(refusal({ filter: '{"secret":"x"}' }, { secret: 'hide' })).toBe('unknown_field filter.secret');
    expect(refusal({ filter: '{"secret":"x"}' }, { secret: 'mask' })).toBe('unknown_field filter.secret');
    expect(refusal({ sort: 'age' })).toBe('unknown_field sort');
    const { next } = list(RESOURCE, ROWS, { limit: 1 });
    expect(list(RESOURCE, ROWS, { limit: 1, cursor: next }).items).toMatchObject([{ id: '2' }]);
    expect(refusal({ limit: 1, cursor: next, sort: '-id' })).toBe('cursor cursor');
    expect(list(RESOURCE, ROWS, {}, { secret: 'hide', name: 'mask' }).items[0]).toEqual({ id: '1', name: '•••', age: 3, note: null });
});
