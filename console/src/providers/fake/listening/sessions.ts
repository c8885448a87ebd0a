// Who hears what, as far as the twin counts it: it believes what it is told.
import type { HeardReport } from '@/api/listening';
import { lengthOf, union, type Range } from '@/pages/calls/player/heard';
import { FakeProblem } from '../problem';
import type { FakeRoute, FakeWorld } from '../world';
import { callOf } from './reach';

/** How much of a call has to be heard until it counts, in milliseconds, if it is not shorter. */
const COUNTED_MS = 30_000;

interface Session {
    call: string;
    user: string;
    seq: number;
    ranges: Range[];
    ended: boolean;
}

export const sessionRoutes = (world: FakeWorld): FakeRoute[] => {
    const sessions = new Map<string, Session>();
    const { heard } = world.data.listening;
    const standing = (call: string, user: string, duration: number) => {
        const all = heard.get(`${user} ${call}`) ?? [];
        return { all, completed: lengthOf(all) >= Math.min(COUNTED_MS, duration * 0.6 || COUNTED_MS) };
    };
    return [
        [
            'POST',
            /^\/listening\/sessions$/,
            (context) => {
                world.need(context, 'recordings.listen');
                const { user, body } = context;
                const { call_id, recording } = callOf(world, user, String(body.call_id));
                if (!recording) throw new FakeProblem(404, 'recording_not_found');
                gone(call_id);
                const { all, completed } = standing(call_id, user.id, recording.duration_ms);
                const id = world.newId();
                sessions.set(id, { call: call_id, user: user.id, seq: 0, ranges: [], ended: false });
                return { id, duration_ms: recording.duration_ms, heard: all, heard_ms: lengthOf(all), completed, report_every_s: 5, stream: { url: '', expires_in: 300 } };
            },
        ],
        [
            'PUT',
            /^\/listening\/sessions\/(\d+)$/,
            ({ ids: [id = ''], body, user }) => {
                const session = sessions.get(id);
                if (!session || session.user !== user.id) throw new FakeProblem(404, 'row_not_found');
                const { recording } = callOf(world, user, session.call);
                const { seq, ranges, ended } = body as unknown as HeardReport;
                if (session.ended) throw new FakeProblem(409, 'session_ended');
                const before = standing(session.call, user.id, recording?.duration_ms ?? 0);
                if (seq > session.seq) {
                    session.seq = seq;
                    session.ranges = union(session.ranges, ranges);
                    heard.set(`${user.id} ${session.call}`, union(heard.get(`${user.id} ${session.call}`) ?? [], ranges));
                }
                session.ended = Boolean(ended) || world.data.listening.erased.has(session.call);
                const { all, completed } = standing(session.call, user.id, recording?.duration_ms ?? 0);
                if (completed && !before.completed) world.data.listening.listens.push({ at: world.now(), user: user.id, ms: lengthOf(all) });
                return { heard_ms: lengthOf(session.ranges), all_heard_ms: lengthOf(all), completed, trimmed_ms: 0 };
            },
        ],
    ];

    function gone(call: string): void {
        const at = world.data.listening.erased.get(call);
        if (at !== undefined) throw new FakeProblem(410, 'recording_erased', undefined, { erased_at: at });
    }
};
