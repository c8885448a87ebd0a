import { describe, expect, it } from 'vitest';
import type { ScreenPop } from '@/api/desk';
import type { Call } from '@/api/types';
import { Cards, CARDS_MAX } from './cards';

const MINE = { slot: '1', user: '2' };
const NUMBER = '+79161234567';

const pop = (id: string, more: Partial<ScreenPop> = {}): ScreenPop => ({ call_id: id, number: NUMBER, scenario: 's', source: null, candidates: [], complete: false, ...more });
const found = (name: string): Partial<ScreenPop> => ({ complete: true, candidates: [{ resource: 'leads', foreign: false, row: { id: '7', client_name: name }, with_name: null }] });
const call = (id: string, status: Call['status'], more: Partial<Call> = {}): Call =>
    ({ call_id: id, status, direction: 'inbound', caller: NUMBER, callee: '+7495', caller_slot: null, callee_slot: null, segments: [], started_at: 1, answered_at: status === 'answered' ? 5 : null, ended_at: status === 'ended' ? 9 : null, ...more }) as Call;
const served = (slot: string, user: string | null = null) => ({ segments: [{ slot, user, from: 5, to: null, hold_ms: 0 }] }) as unknown as Partial<Call>;

/** What stands there: each card with how it is; the one that is looked at in brackets. */
function told(cards: Cards): string {
    return cards.all.map(({ callId, state }) => (cards.current?.callId === callId ? `[${callId} ${state}]` : `${callId} ${state}`)).join(' ');
}

describe('a call from the world', () => {
    it('rings, is talked, is over, and stays until it is finished', () => {
        const cards = new Cards();
        cards.pop(pop('a'), 1);
        expect(told(cards)).toBe('[a ringing]');
        cards.call(call('a', 'ringing', { callee_slot: '1' }), MINE, 2);
        expect(told(cards)).toBe('[a ringing]');
        cards.call(call('a', 'answered', served('1')), MINE, 5);
        cards.call(call('a', 'held', served('1')), MINE, 6);
        expect(told(cards)).toBe('[a talking]');
        expect(cards.current?.since).toBe(5);
        cards.call(call('a', 'ended', served('1')), MINE, 9);
        expect(told(cards)).toBe('[a after]');
        cards.finish('a');
        // Whatever comes late of it brings it back no more.
        cards.pop(pop('a', found('Anna')), 10);
        cards.call(call('a', 'answered', served('1')), MINE, 11);
        expect(told(cards)).toBe('');
    });

    it('is told twice; what was found stands above a first word that comes late', () => {
        const cards = new Cards();
        cards.pop(pop('a', found('Anna')), 1);
        cards.pop(pop('a'), 2);
        expect(cards.current).toMatchObject({ complete: true, candidates: [{ row: { client_name: 'Anna' } }] });
        expect(cards.all).toHaveLength(1);
    });

    it('that a colleague answers is gone, by their name', () => {
        const cards = new Cards();
        cards.pop(pop('a'), 1);
        cards.call(call('a', 'answered', served('9', '8')), MINE, 3);
        expect(told(cards)).toBe('[a ringing]');
        cards.gone({ call_id: 'a', why: 'answered', by_name: 'Boris' }, 3);
        expect(cards.current).toMatchObject({ state: 'gone', why: 'answered', byName: 'Boris' });
        // When that call ends, it is none of ours.
        cards.call(call('a', 'ended', served('9', '8')), MINE, 9);
        expect(told(cards)).toBe('[a gone]');
    });

    it('that was answered here is not taken away by a word that comes late', () => {
        const cards = new Cards();
        cards.pop(pop('a'), 1);
        cards.call(call('a', 'answered', served('1')), MINE, 2);
        cards.gone({ call_id: 'a', why: 'answered' }, 3);
        expect(told(cards)).toBe('[a talking]');
    });

    it('that is given up is gone, also if only the end of the call is told', () => {
        const cards = new Cards();
        cards.pop(pop('a'), 1);
        cards.call(call('a', 'ended'), MINE, 9);
        expect(cards.current).toMatchObject({ state: 'gone', why: 'given_up' });
        cards.keep('a');
        expect(told(cards)).toBe('[a after]');
    });

    it('that comes back, say by a transfer, rings again', () => {
        const cards = new Cards();
        cards.pop(pop('a'), 1);
        cards.gone({ call_id: 'a', why: 'answered' }, 2);
        cards.pop(pop('a'), 3);
        expect(told(cards)).toBe('[a ringing]');
        cards.gone({ call_id: 'a', why: 'given_up' }, 4);
        // What was looked up meanwhile does not make it ring.
        cards.pop(pop('a', found('Anna')), 5);
        expect(told(cards)).toBe('[a gone]');
    });
});

describe('of several calls', () => {
    it('a second one takes neither the place of the first nor what was said of it', () => {
        const cards = new Cards();
        cards.call(call('a', 'answered', served('1')), MINE, 1);
        cards.choose('a', '7');
        cards.pop(pop('b'), 2);
        expect(told(cards)).toBe('[a talking] b ringing');
        cards.call(call('a', 'ended', served('1')), MINE, 3);
        expect(told(cards)).toBe('[a after] b ringing');
        expect(cards.current?.lead).toBe('7');
        cards.finish('a');
        expect(told(cards)).toBe('[b ringing]');
    });

    it('one that is gone gives its place to one that is there', () => {
        const cards = new Cards();
        cards.pop(pop('a'), 1);
        cards.pop(pop('b'), 2);
        cards.gone({ call_id: 'a', why: 'given_up' }, 3);
        expect(told(cards)).toBe('a gone [b ringing]');
    });

    it('there are so many at most: of those that are over the oldest goes', () => {
        const cards = new Cards();
        const ids = ['a', 'b', 'c', 'd', 'e'];
        for (const id of ids) cards.pop(pop(id), 1);
        cards.call(call('b', 'answered', served('1')), MINE, 2);
        cards.call(call('b', 'ended', served('1')), MINE, 3);
        cards.pop(pop('f'), 4);
        expect(cards.all).toHaveLength(CARDS_MAX);
        expect(cards.all.map(({ callId }) => callId)).toEqual(['a', 'c', 'd', 'e', 'f']);
    });
});

it.each<[string, Call, string]>([
    ['one’s own to the world', call('a', 'dialing', { direction: 'outbound', caller_slot: '1', callee: '+7903' }), '[a calling]'],
    ['one’s own to the world that was there before the page', call('a', 'answered', { direction: 'outbound', caller_slot: '1', ...served('1') }), '[a talking]'],
    ['a colleague’s to the world', call('a', 'dialing', { direction: 'outbound', caller_slot: '9' }), ''],
    ['one from slot to slot', call('a', 'answered', { direction: 'internal', caller_slot: '1', callee_slot: '2' }), ''],
    ['one that rings at one’s slot, of which the screen is told by itself', call('a', 'ringing', { callee_slot: '1' }), ''],
    ['one that is over', call('a', 'ended', served('1')), ''],
    ['one that was answered at another slot by oneself', call('a', 'answered', served('9', '2')), '[a talking]'],
])('a card for %s', (_, told_of, expected) => {
    const cards = new Cards();
    cards.call(told_of, MINE, 5);
    expect(told(cards)).toBe(expected);
});

it('one’s own call that nobody answered still wants to be finished', () => {
    const cards = new Cards();
    cards.call(call('a', 'dialing', { direction: 'outbound', caller_slot: '1' }), MINE, 1);
    cards.call(call('a', 'ended', { direction: 'outbound', caller_slot: '1' }), MINE, 2);
    expect(told(cards)).toBe('[a after]');
});

it('listeners hear of each change, and see another snapshot', () => {
    const cards = new Cards();
    const seen: unknown[] = [];
    cards.onChange(() => seen.push(cards.snapshot()));
    cards.pop(pop('a'), 1);
    cards.select('a');
    cards.result('a');
    cards.clear();
    expect(new Set(seen).size).toBe(4);
});
