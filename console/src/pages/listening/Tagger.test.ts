import { expect, it, vi } from 'vitest';
import type { CallTag, CallTags, Tagged } from '@/api/listening';
import { Problem } from '@/providers/problem';
import { Tagger, type Known } from './Tagger';

const ME = '7';
/** Tags 1 and 2 are of an exclusive group, 3 and 4 of another one. */
const KNOWN: Record<string, Known> = {
    1: { group: 'a', exclusive: true, name: 'target' },
    2: { group: 'a', exclusive: true, name: 'other' },
    3: { group: 'b', exclusive: false, name: '1 room' },
    4: { group: 'b', exclusive: false, name: '2 rooms' },
};
const tag = (id: string, by = ME): CallTag => ({ tag_id: id, group_id: KNOWN[id]?.group ?? 'z', name: KNOWN[id]?.name ?? id, set_at: 1, set_by: by, set_by_name: by === ME ? 'Me' : 'Marina' });

/** A server whose answers wait until they are let go. */
function desk(first: CallTag[] = []) {
    const stands = { tags: first, version: first.length };
    const asked: string[] = [];
    let loaded = 0;
    const waiting: { resolve: (answer: Tagged) => void; reject: (why: Error) => void }[] = [];
    const timers: (() => void)[] = [];
    const onGone = vi.fn();
    const tagger = new Tagger({
        load: () => {
            loaded += 1;
            return Promise.resolve(structuredClone(stands) as CallTags);
        },
        send: (id, on, seen) => {
            asked.push(`${on ? '+' : '-'}${id}${seen === undefined ? '' : ` seen ${seen}`}`);
            return new Promise<Tagged>((resolve, reject) => waiting.push({ resolve, reject }));
        },
        known: (id) => KNOWN[id],
        me: () => ME,
        later: (_, then) => timers.push(then),
        onGone,
    });
    const settle = async () => {
        for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    };
    return {
        tagger,
        asked,
        timers,
        onGone,
        settle,
        /** The server does it, and answers. */
        answer: async (tags: CallTag[], replaced: string[] = []) => {
            Object.assign(stands, { tags, version: stands.version + 1 });
            waiting.shift()?.resolve({ ...structuredClone(stands), changed: true, replaced });
            await settle();
        },
        refuse: async (status: number, code: string, more = {}) => {
            waiting.shift()?.reject(new Problem(status, { code, ...more }));
            await settle();
        },
        /** Somebody else does something. */
        others: (tags: CallTag[]) => Object.assign(stands, { tags, version: stands.version + 1 }),
        shown: () => [...tagger.state.stands].map(([id, stand]) => ({ set: '', setting: '+', unsetting: '-' })[stand] + id).join(' '),
        loads: () => loaded,
    };
}

it('shows at once what was done, and sends it one after the other', async () => {
    const { tagger, asked, settle, answer, shown } = desk();
    await settle();
    tagger.press('1');
    tagger.press('3');
    expect([shown(), tagger.state.waiting]).toEqual(['+1 +3', 2]);
    await settle();
    expect(asked).toEqual(['+1 seen 0']);
    await answer([tag('1')]);
    expect([shown(), asked]).toEqual(['1 +3', ['+1 seen 0', '+3']]);
    await answer([tag('1'), tag('3')]);
    expect([shown(), tagger.state.waiting, tagger.state.notices]).toEqual(['1 3', 0, []]);
});

it('of an exclusive group the other tag goes, and comes again when it is taken back', async () => {
    const { tagger, asked, settle, answer, shown } = desk([tag('1')]);
    await settle();
    tagger.press('2');
    expect(shown()).toBe('-1 +2');
    await settle();
    await answer([tag('2')], ['1']);
    expect([shown(), tagger.state.canUndo, tagger.state.notices]).toEqual(['2', true, []]);
    tagger.undo();
    expect(shown()).toBe('-2 +1');
    await settle();
    await answer([tag('1')], ['2']);
    expect([shown(), tagger.state.canUndo]).toEqual(['1', false]);
    expect(asked).toEqual(['+2 seen 1', '+1 seen 2']);
});

it('what is set is taken off by the same key, and undo sets it again', async () => {
    const { tagger, asked, settle, answer, shown } = desk([tag('3')]);
    await settle();
    tagger.press('3');
    await settle();
    await answer([]);
    expect(shown()).toBe('');
    tagger.undo();
    await settle();
    await answer([tag('3')]);
    expect([shown(), asked]).toEqual(['3', ['-3', '+3']]);
    tagger.undo();
    expect(tagger.state.waiting).toBe(0);
});

it('sends again what nobody answered, in its order', async () => {
    const { tagger, asked, timers, settle, refuse, answer, shown } = desk();
    await settle();
    tagger.press('3');
    tagger.press('4');
    await settle();
    await refuse(0, 'offline');
    expect([tagger.state.away, tagger.state.waiting, shown(), asked]).toEqual([true, 2, '+3 +4', ['+3']]);
    timers.shift()?.();
    await settle();
    await refuse(503, 'store_unavailable');
    timers.shift()?.();
    await settle();
    await answer([tag('3')]);
    await answer([tag('3'), tag('4')]);
    expect([tagger.state.away, tagger.state.waiting, shown(), asked]).toEqual([false, 0, '3 4', ['+3', '+3', '+3', '+4']]);
});

it('does not replace unseen what somebody else has set meanwhile, and replaces it when asked again', async () => {
    const { tagger, asked, settle, others, refuse, answer, shown } = desk();
    await settle();
    tagger.press('2');
    await settle();
    others([tag('1', '9')]);
    await refuse(409, 'version_conflict', { version: 1 });
    expect(shown()).toBe('1');
    expect(tagger.state.notices).toContainEqual({ kind: 'meanwhile', who: 'Marina', tag: 'target' });
    expect(tagger.state.canUndo).toBe(false);
    tagger.press('2');
    await settle();
    await answer([tag('2')], ['1']);
    expect([shown(), asked]).toEqual(['2', ['+2 seen 0', '+2 seen 1']]);
});

it('goes on by itself if what changed meanwhile is of another group', async () => {
    const { tagger, asked, settle, others, refuse, answer, shown } = desk();
    await settle();
    tagger.press('1');
    await settle();
    others([tag('4', '9')]);
    await refuse(409, 'version_conflict', { version: 1 });
    expect(asked).toEqual(['+1 seen 0', '+1 seen 1']);
    await answer([tag('1'), tag('4', '9')]);
    expect(shown()).toBe('1 4');
    expect(tagger.state.notices).toEqual([{ kind: 'set', who: 'Marina', tag: '2 rooms' }]);
});

it('a conflict that nothing explains does not go round for ever', async () => {
    const { tagger, asked, settle, refuse, shown } = desk();
    await settle();
    tagger.press('1');
    await settle();
    await refuse(409, 'version_conflict', { version: 0 });
    expect([shown(), asked.length, tagger.state.notices[0]?.kind]).toEqual(['', 1, 'refused']);
});

it('tells what others do, once it is heard of, and what one has done oneself is no news', async () => {
    const { tagger, settle, others, answer, loads, shown } = desk([tag('3')]);
    await settle();
    others([tag('3'), tag('1', '9')]);
    tagger.hear('1', true);
    await settle();
    expect(tagger.state.notices).toEqual([{ kind: 'set', who: 'Marina', tag: 'target' }]);
    others([tag('3')]);
    tagger.hear('1', false);
    await settle();
    expect(tagger.state.notices.at(-1)).toEqual({ kind: 'unset', who: '', tag: 'target' });
    const before = tagger.state.notices;
    tagger.press('3');
    await settle();
    // The event comes before the answer.
    tagger.hear('3', false);
    await answer([]);
    expect([shown(), tagger.state.notices, loads()]).toEqual(['', before, 3]);
});

it('takes back visibly what is not theirs to set any more', async () => {
    const { tagger, settle, refuse, answer, onGone, shown, asked } = desk();
    await settle();
    tagger.press('1');
    tagger.press('3');
    await settle();
    await refuse(404, 'row_not_found');
    expect([shown(), onGone.mock.calls.length, tagger.state.notices]).toEqual(['+3', 1, [{ kind: 'gone', tag: 'target' }]]);
    await answer([tag('3')]);
    expect([shown(), asked]).toEqual(['3', ['+1 seen 0', '+3']]);
});
