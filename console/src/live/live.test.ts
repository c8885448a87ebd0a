import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { expect, it, vi } from 'vitest';
import type { LiveEvent } from '@/api/types';
import { patchRow } from './hooks';
import { isOfTopic, Listeners } from './live';

const event = (type: string, id: string, data: unknown = {}, epoch = 0): LiveEvent => ({ seq: 1, ts: 0, center: '1', type, id, epoch, data });

it('topics are kinds or single things', () => {
    const cases: [string, string, string, boolean][] = [
        ['calls', 'call.update', 'c_1', true],
        ['calls', 'recording.ready', 'c_1', true],
        ['slots', 'slot.update', '4', true],
        ['slots', 'call.update', '4', false],
        ['jobs', 'job.progress', '12', true],
        ['job:12', 'job.progress', '12', true],
        ['job:12', 'job.progress', '13', false],
        ['rights', 'rights.update', '7', true],
        ['slots', 'rights.update', '7', false],
    ];
    for (const [topic, type, id, wanted] of cases) expect(isOfTopic(topic, { type, id }), `${topic} ${type} ${id}`).toBe(wanted);
});

it('who no longer listens is not told', () => {
    const listeners = new Listeners();
    const heard: string[] = [];
    const first = (each: LiveEvent) => heard.push(`first ${each.id}`);
    const second = (each: LiveEvent) => heard.push(`second ${each.id}`);
    expect(listeners.add('slots', first)).toBe(true);
    expect(listeners.add('slots', second)).toBe(false);
    listeners.tell(event('slot.update', '1'));
    expect(listeners.remove('slots', first)).toBe(false);
    listeners.tell(event('slot.update', '2'));
    expect(listeners.remove('slots', second)).toBe(true);
    listeners.tell(event('slot.update', '3'));
    expect(heard).toEqual(['first 1', 'second 1', 'second 2']);
    expect(listeners.topics).toEqual([]);
});

it('an event changes the row wherever it is shown, and keeps what it does not bring', () => {
    const queries = new QueryClient();
    const list = ['calls', 'getList', { pagination: { page: 1, perPage: 50 } }];
    const one = ['calls', 'getOne', { id: 'c_1', meta: undefined }];
    queries.setQueryData(list, { data: [{ id: 'c_1', call_id: 'c_1', status: 'ringing', recording: { state: 'recording' } }, { id: 'c_0', call_id: 'c_0', status: 'ended' }] });
    queries.setQueryData(one, { id: 'c_1', status: 'ringing' });
    expect(patchRow(queries, 'calls', event('call.update', 'c_1', { call_id: 'c_1', status: 'answered' }))).toBe(true);
    expect(queries.getQueryData(list)).toMatchObject({ data: [{ id: 'c_1', status: 'answered', recording: { state: 'recording' } }, { status: 'ended' }] });
    expect(queries.getQueryData(one)).toMatchObject({ status: 'answered' });
    // A call that no page shows: the list has to be loaded anew.
    expect(patchRow(queries, 'calls', event('call.update', 'c_2', { call_id: 'c_2' }))).toBe(false);
    expect(patchRow(queries, 'calls', event('call.digit', 'c_1', {}))).toBe(true);
});

it('an event of a lease that is over changes nothing', () => {
    const queries = new QueryClient();
    const list = ['slots', 'getList', {}];
    queries.setQueryData(list, { data: [{ id: '4', state: 'READY', epoch: 7 }] });
    patchRow(queries, 'slots', event('slot.update', '4', { id: '4', state: 'IDLE', epoch: 6 }, 6));
    expect(queries.getQueryData(list)).toMatchObject({ data: [{ state: 'READY' }] });
    patchRow(queries, 'slots', event('slot.update', '4', { id: '4', state: 'CALLING', epoch: 7 }, 7));
    expect(queries.getQueryData(list)).toMatchObject({ data: [{ state: 'CALLING' }] });
});

it('a row that is being loaded is asked for once more, because it may be older than the event', async () => {
    const queries = new QueryClient();
    const answers: ((row: unknown) => void)[] = [];
    const one = ['calls', 'getOne', { id: 'c_1', meta: undefined }];
    const seen = new QueryObserver(queries, { queryKey: one, queryFn: () => new Promise((answer) => answers.push(answer)) });
    const stop = seen.subscribe(() => undefined);
    patchRow(queries, 'calls', event('call.update', 'c_1', { call_id: 'c_1', status: 'ended' }));
    answers[0]?.({ id: 'c_1', status: 'answered' });
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.({ id: 'c_1', status: 'ended' });
    await vi.waitFor(() => expect(seen.getCurrentResult().data).toEqual({ id: 'c_1', status: 'ended' }));
    stop();
});
