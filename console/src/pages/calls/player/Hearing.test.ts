import { expect, it } from 'vitest';
import type { HeardAnswer, HeardReport, ListenSession } from '@/api/listening';
import { Chance } from '@/providers/fake/chance';
import { Problem } from '@/providers/problem';
import { Hearing } from './Hearing';
import { lengthOf, union, type Range } from './heard';

const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

/** A server that counts as the real one does: a number that was counted is answered again. `fate` says what becomes of each report. */
class Counter {
    sessions = 0;
    seq = 0;
    counted: Range[] = [];
    readonly reports: (HeardReport & { session: string; last: boolean })[] = [];
    fate: (() => 'good' | 'lost' | 'unanswered' | Problem) | undefined;
    opens: Problem | undefined;

    open = (): Promise<ListenSession> => {
        if (this.opens) return Promise.reject(this.opens);
        this.sessions += 1;
        this.seq = 0;
        return Promise.resolve({ id: String(this.sessions), duration_ms: 60_000, heard: [[0, 500]], heard_ms: 500, completed: false, report_every_s: 3 });
    };

    report = (session: string, report: HeardReport, last: boolean): Promise<HeardAnswer> => {
        this.reports.push({ session, last, ...structuredClone(report) });
        const fate = this.fate?.() ?? 'good';
        if (fate instanceof Problem) return Promise.reject(fate);
        if (fate === 'lost') return Promise.reject(Problem.offline(undefined));
        if (report.seq > this.seq) {
            this.seq = report.seq;
            this.counted = union(this.counted, report.ranges);
        }
        if (fate === 'unanswered') return Promise.reject(Problem.offline(undefined));
        const all = lengthOf(this.counted);
        return Promise.resolve({ heard_ms: all, all_heard_ms: all, completed: all >= 30_000, trimmed_ms: 0 });
    };
}

function begin() {
    const server = new Counter();
    return { server, hearing: new Hearing(server) };
}

it('opens one session, knows what was heard before, and tells nothing while nothing is heard', async () => {
    const { server, hearing } = begin();
    hearing.enter();
    void hearing.report();
    await settle();
    await hearing.report();
    expect([server.sessions, server.reports, hearing.state.before, hearing.state.heardMs, hearing.everyMs]).toEqual([1, [], [[0, 500]], 500, 3000]);
});

it('tells what was heard since the last report, numbered, with the fastest speed since', async () => {
    const { server, hearing } = begin();
    hearing.enter();
    await settle();
    hearing.note([[0, 4000]], 4000, 3);
    hearing.note([[0, 5000]], 5000, 1);
    await hearing.report();
    hearing.note([[0, 5000], [20_000, 50_000]], 50_000, 1);
    await hearing.report();
    expect(server.reports).toEqual([
        { session: '1', last: false, seq: 1, ranges: [[0, 5000]], position_ms: 5000, speed: 3 },
        { session: '1', last: false, seq: 2, ranges: [[20_000, 50_000]], position_ms: 50_000, speed: 1 },
    ]);
    expect([hearing.state.completed, hearing.state.heardMs]).toEqual([true, 35_000]);
});

it('sends a report that nobody answered again as it was, and what came since in the next one', async () => {
    const { server, hearing } = begin();
    hearing.enter();
    await settle();
    server.fate = () => 'unanswered';
    hearing.note([[0, 4000]], 4000, 1);
    await hearing.report();
    hearing.note([[0, 9000]], 9000, 1);
    expect(hearing.state.waitingMs).toBe(9000);
    server.fate = undefined;
    await hearing.report();
    await hearing.report();
    expect(server.reports.map(({ seq, ranges }) => [seq, ranges])).toEqual([[1, [[0, 4000]]], [1, [[0, 4000]]], [2, [[4000, 9000]]]]);
    expect([hearing.state.waitingMs, lengthOf(server.counted)]).toEqual([0, 9000]);
});

it('tells the rest when the page is left, also what is under way, and nothing after it', async () => {
    const { server, hearing } = begin();
    hearing.enter();
    await settle();
    hearing.note([[0, 4000]], 4000, 1);
    void hearing.report();
    hearing.note([[0, 6000]], 6000, 1);
    hearing.leave();
    hearing.leave();
    await settle();
    await hearing.report();
    expect(server.reports.map(({ seq, ranges, last, ended }) => [seq, ranges, last, ended])).toEqual([[1, [[0, 4000]], false, undefined], [2, [[0, 6000]], true, true]]);
    expect([lengthOf(server.counted), server.sessions]).toEqual([6000, 1]);
    // Back on the page as it was: another session, and nothing that was told is lost.
    hearing.enter();
    await settle();
    expect(server.sessions).toBe(2);
});

it('ends also a session that is there only when the page has been left', async () => {
    const { server, hearing } = begin();
    hearing.enter();
    hearing.leave();
    await settle();
    expect([server.sessions, server.reports.map(({ seq, ranges, ended }) => [seq, ranges, ended])]).toEqual([1, [[1, [], true]]]);
});

it('goes on in a new session when the old one is over', async () => {
    const { server, hearing } = begin();
    hearing.enter();
    await settle();
    hearing.note([[0, 4000]], 4000, 1);
    server.fate = () => new Problem(409, { code: 'session_ended' });
    await hearing.report();
    server.fate = undefined;
    await hearing.report();
    expect(server.reports.map(({ session, seq, ranges }) => [session, seq, ranges])).toEqual([['1', 1, [[0, 4000]]], ['2', 1, [[0, 4000]]]]);
    expect(lengthOf(server.counted)).toBe(4000);
});

it.each([
    ['erased', new Problem(410, { code: 'recording_erased', erased_at: 77 }), { why: 'erased', at: 77 }],
    ['withdrawn', new Problem(404, { code: 'call_not_found' }), { why: 'withdrawn' }],
])('a call that is %s is heard no more', async (_, problem, gone) => {
    const { server, hearing } = begin();
    server.opens = problem;
    hearing.enter();
    await settle();
    expect(hearing.state.gone).toEqual(gone);
    await hearing.report();
    expect(server.reports).toEqual([]);
});

it('what was heard before a recording was erased is told once more', async () => {
    const { server, hearing } = begin();
    hearing.enter();
    await settle();
    hearing.note([[0, 4000]], 4000, 1);
    hearing.stop({ why: 'erased', at: 5 });
    await settle();
    hearing.stop({ why: 'withdrawn' });
    expect([lengthOf(server.counted), hearing.state.gone]).toEqual([4000, { why: 'erased', at: 5 }]);
    hearing.leave();
    expect(server.reports).toHaveLength(1);
});

it('never counts more than was heard, and in the end all of it, whatever gets lost: 300 walks', async () => {
    for (let seed = 1; seed <= 300; seed += 1) {
        const chance = new Chance(seed);
        const { server, hearing } = begin();
        server.fate = () => (chance.percent(25) ? 'lost' : chance.percent(25) ? 'unanswered' : chance.percent(5) ? new Problem(409, { code: 'session_ended' }) : 'good');
        hearing.enter();
        let heard: Range[] = [];
        for (let step = 0; step < 30; step += 1) {
            const from = chance.whole(0, 50_000);
            heard = union(heard, [[from, from + chance.whole(1, 4000)]]);
            hearing.note(heard, from, 1);
            void hearing.report();
            if (chance.percent(60)) await settle();
            expect(lengthOf(union(server.counted, heard)), `seed ${seed}: nothing that was not heard`).toBe(lengthOf(heard));
        }
        server.fate = undefined;
        await settle();
        for (let again = 0; again < 4; again += 1) await hearing.report();
        expect(server.counted, `seed ${seed}`).toEqual(heard);
        expect(hearing.state.waitingMs, `seed ${seed}`).toBe(0);
    }
});
