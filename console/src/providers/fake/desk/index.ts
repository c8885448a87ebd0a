// Calls that ring, and those that nobody answered.
import { CLAIM_MS } from '@/api/desk';
import { FakeProblem } from '../problem';
import type { Context, FakeRoute, FakeWorld } from '../world';
import type { FakeMissed } from './missed';
import { candidatesOf } from './ring';

/** How many notes and calls a card has. */
const LAST = 3;

export const deskRoutes = (world: FakeWorld): FakeRoute[] => {
    const missed = (context: Context): FakeMissed => {
        world.need(context, 'calls.start');
        const row = world.one(world.data.missed, ({ call_id }) => call_id === context.ids[0]);
        const isTaken = row.claimed_by !== null && row.claimed_by !== context.user.id && world.now() - (row.claimed_at ?? 0) < CLAIM_MS;
        if (row.state !== 'open' || isTaken) throw new FakeProblem(409, 'wrong_state', undefined, { detail: 'somebody else is about to call back' });
        return row;
    };
    const tell = (row: FakeMissed, change: Partial<FakeMissed>): void => {
        Object.assign(row, change, { version: row.version + 1 });
        world.live.emit('missed.update', row.call_id, row);
    };
    /** Which lead a call was with, by a person's word. */
    const links = new Map<string, string>();
    return [
        [
            'GET',
            /^\/calls\/([\w-]+)\/card$/,
            (context) => {
                world.need(context, 'calls.read');
                const call = world.one(world.data.calls, ({ call_id }) => call_id === context.ids[0]);
                const number = call.direction === 'outbound' ? call.callee : call.caller;
                const matches = candidatesOf(world, number, context.user.id).map((each) => ({ ...each, linked: each.row?.id !== undefined && links.get(call.call_id) === each.row.id }));
                const of = matches.map(({ row }) => row?.id);
                const notes = world.data.crm.notes.filter(({ call_id, lead_id, client_id }) => call_id === call.call_id || of.includes(lead_id ?? '') || of.includes(client_id ?? ''));
                const calls = world.cdrs().filter((each) => each.call_id !== call.call_id && [each.caller, each.callee].includes(number));
                return { call_id: call.call_id, number, matches, notes: notes.toReversed().slice(0, LAST), calls: calls.slice(0, LAST) };
            },
        ],
        [
            'PUT',
            /^\/calls\/([\w-]+)\/links$/,
            (context) => {
                world.need(context, 'leads.update');
                const [call = ''] = context.ids;
                links.set(call, String(context.body.lead_id));
                return { lead_id: links.get(call), client_id: null, matched_by: 'hand' };
            },
        ],
        ['GET', /^\/missed-calls$/, world.listed('missed_calls', () => world.data.missed, 'calls.read')],
        [
            'POST',
            /^\/missed-calls\/bulk$/,
            (context) => {
                world.need(context, 'calls.start');
                const open = world.data.missed.filter(({ state }) => state === 'open');
                if (context.body.dry_run) return { count: open.length };
                for (const row of open) tell(row, { state: 'dismissed', done_by: context.user.id, done_at: world.now() });
                return { job_id: world.newJob('bulk.run', open.length, context.user.id).id, count: open.length };
            },
        ],
        ['POST', /^\/missed-calls\/([\w-]+)\/claim$/, (context) => tell(missed(context), { claimed_by: context.user.id, claimed_at: world.now() })],
        ['POST', /^\/missed-calls\/([\w-]+)\/dismiss$/, (context) => tell(missed(context), { state: 'dismissed', done_by: context.user.id, done_at: world.now() })],
    ];
};
