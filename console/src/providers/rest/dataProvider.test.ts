import { beforeEach, expect, it } from 'vitest';
import { FakeLive } from '../fake/live';
import { FAKE_PASSWORD, FakeServer } from '../fake/server';
import { createClient } from './client';
import { cleanFilter, createDataProvider, listQuery, type ListMeta } from './dataProvider';
import { Session } from './session';

let server: FakeServer;
let provider: ReturnType<typeof createDataProvider>;

beforeEach(async () => {
    server = new FakeServer(new FakeLive(), { calls: 60 });
    const session = new Session(server.transport);
    await session.signIn('admin', FAKE_PASSWORD);
    provider = createDataProvider(createClient(server.transport, session));
});

const page = (wanted: number, filter = {}, resource = 'calls') =>
    provider.getList(resource, { pagination: { page: wanted, perPage: 10 }, sort: { field: 'started_at', order: 'DESC' }, filter });
const requests = (path: string) => server.log.filter((request) => request.path === path);

it('goes from page to page by cursors, and back', async () => {
    const first = await page(1);
    const second = await page(2);
    const third = await page(3);
    const all = [...first.data, ...second.data, ...third.data].map(({ id }) => id);
    expect(new Set(all).size).toBe(30);
    expect(first.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false });
    expect(third.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: true });
    expect((await page(2)).data.map(({ id }) => id)).toEqual(second.data.map(({ id }) => id));
    expect(requests('/calls')).toHaveLength(4);
    expect(requests('/calls').map(({ query }) => Boolean(query?.cursor))).toEqual([false, true, true, true]);
});

it('names rows by their own key', async () => {
    const { data } = await page(1);
    expect(data[0]?.id).toBe(data[0]?.call_id);
});

it('walks to a page that it has not been to, but not for ever', async () => {
    const straight = await page(3);
    expect((straight.meta as ListMeta).page).toBe(3);
    expect(requests('/calls')).toHaveLength(3);
    expect(requests('/calls').map(({ query }) => query?.count)).toEqual(['none', 'none', undefined]);
    const far = await page(500);
    expect((far.meta as ListMeta).page).toBe(1);
    expect(requests('/calls')).toHaveLength(4);
});

it('keeps the cursors of each filter apart', async () => {
    await page(1);
    await page(1, { direction: 'inbound' });
    await page(2, { direction: 'inbound' });
    expect((await page(2)).data).toHaveLength(10);
});

it('tells how many there are and what may be done with columns', async () => {
    const { meta } = await page(1, { status: 'ended' });
    expect((meta as ListMeta).count).toEqual({ value: 60, capped: false });
    expect((meta as ListMeta).columns?.find(({ name }) => name === 'started_at')).toEqual({ name: 'started_at', mode: 'show', sort: true, filter: true });
});

it('asks for several rows at once', async () => {
    const { data } = await provider.getMany('users', { ids: ['1', '4'] });
    expect(data.map(({ username }) => username)).toEqual(['admin', 'clara']);
    expect(requests('/users').at(-1)?.query).toMatchObject({ filter: '{"id":{"in":["1","4"]}}', count: 'none' });
});

it('sends of a record what can be changed, with the version that was seen', async () => {
    const { data } = await provider.getOne('roles', { id: '6' });
    await provider.update('roles', { id: '6', data: { ...data, name: 'Ears' }, previousData: data });
    expect(Object.keys(server.log.at(-1)?.body as object).sort()).toEqual(['columns', 'lists', 'name', 'sets', 'version']);
    await expect(provider.update('roles', { id: '6', data, previousData: data })).rejects.toMatchObject({ code: 'version_conflict' });
});

it('never changes many rows one by one', async () => {
    await expect(provider.updateMany('users', { ids: ['1'], data: {} })).rejects.toThrow();
});

it('leaves out of a filter what says nothing', () => {
    expect(cleanFilter({ a: '', b: null, c: undefined, d: [], e: {}, f: false, g: 0, h: 'x' })).toEqual({ f: false, g: 0, h: 'x' });
    expect(listQuery({ q: '  ann ', state: ['active', 'invited'] }, { field: 'username', order: 'DESC' }, {}, 50)).toEqual({
        filter: '{"state":["active","invited"]}',
        q: 'ann',
        sort: '-username',
        limit: 50,
        count: undefined,
        fields: undefined,
    });
    expect(listQuery({}, { field: '', order: 'ASC' })).toMatchObject({ filter: undefined, sort: undefined });
});
