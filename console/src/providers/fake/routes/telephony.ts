// Slots and calls.
import type { Limits, Slot } from '@/api/types';
import { makeCall, TRANSFERRED } from '../data';
import { callOf, callsOf, toldOf } from '../listening/reach';
import { echoes } from '../desk/ring';
import { LADDER, longLadder } from '../ladder';
import { FakeProblem } from '../problem';
import { fakePeaks, fakeWav } from '../wav';
import type { FakeRoute, FakeWorld } from '../world';

export const telephonyRoutes = (world: FakeWorld): FakeRoute[] => [
    ['GET', /^\/slots$/, world.listed('slots', () => world.data.slots, 'slots.read')],
    ['GET', /^\/registrations$/, world.listed('registrations', () => world.data.registrations, 'slots.trace')],
    ['GET', /^\/slots\/(\d+)$/, ({ ids: [id] }) => world.one(world.data.slots, (slot) => slot.id === id)],
    [
        'PUT',
        /^\/slots\/(\d+)$/,
        ({ ids: [id], body }) => {
            const slot = world.one(world.data.slots, (each) => each.id === id);
            if (slot.status === 'busy') throw new FakeProblem(409, 'slot_in_call', undefined, { state: slot.state, number: slot.number });
            if (body.state) world.slotState(slot.id, body.state === 'IDLE' ? undefined : (body.state as Slot['state']));
            return body.new_password ? { ...slot, ...world.account(slot), id: slot.id } : slot;
        },
    ],
    ['DELETE', /^\/slots\/(\d+)$/, () => { throw new FakeProblem(409, 'not_last_slot'); }],
    ['GET', /^\/slots\/(\d+)\/caller$/, ({ ids: [id = ''] }) => world.callerOf(id)],
    [
        'PUT',
        /^\/slots\/(\d+)\/caller$/,
        ({ ids: [id = ''], body }) => {
            const number = body.number as string | null;
            if (number !== null && !world.callerOf(id).choices?.includes(number)) throw new FakeProblem(422, 'invalid_field', 'number');
            if (number === null) world.data.callers.delete(id);
            else world.data.callers.set(id, number);
            return world.callerOf(id);
        },
    ],
    ['GET', /^\/slots\/(\d+)\/limits$/, ({ ids: [id = ''] }) => world.data.limits.get(id) ?? { calls_max: 2, destinations: [] }],
    ['PUT', /^\/slots\/(\d+)\/limits$/, ({ ids: [id = ''], body }) => void world.data.limits.set(id, body as unknown as Limits)],
    [
        'POST',
        /^\/slots\/(\d+)\/take$/,
        ({ ids: [id], user }) => {
            const slot = world.one(world.data.slots, (each) => each.id === id);
            if (slot.holder && slot.holder !== user.id) throw new FakeProblem(409, 'slot_taken', undefined, { state: slot.state });
            Object.assign(slot, { holder: user.id, holder_name: user.display_name, epoch: slot.epoch + 1 });
            world.slotState(slot.id, undefined);
            return slot;
        },
    ],
    [
        'POST',
        /^\/slots\/(\d+)\/release$/,
        ({ ids: [id] }) => {
            const slot = world.one(world.data.slots, (each) => each.id === id);
            Object.assign(slot, { holder: null, holder_name: null });
            world.slotState(slot.id, undefined);
            return slot;
        },
    ],

    [
        'POST',
        /^\/call\/start$/,
        ({ body, user }) => {
            const slot = world.one(world.data.slots, ({ id }) => id === String(body.slot_id));
            if (slot.status !== 'free') throw new FakeProblem(409, 'slot_not_callable', undefined, { state: slot.state });
            const number = String(body.phone_number).replace(/[\s().-]/g, '');
            if (echoes(world, slot, number)) return { call_id: 'c_echo', status: 'dialing' };
            if (number.startsWith('0')) throw new FakeProblem(422, 'no_route', 'phone_number');
            const call = makeCall(world.chance, [slot], world.data.users, world.now(), world.id++);
            Object.assign(call, { status: 'dialing', direction: 'outbound', caller: slot.number, callee: number, caller_slot: slot.id, callee_slot: null, user: user.id, ringing_at: null, answered_at: null, ended_at: null, outcome: null, cause: null, segments: [], recording: null });
            world.data.calls.unshift(call);
            world.slotState(slot.id, 'CALLING');
            world.tell(call);
            return { call_id: call.call_id, status: 'dialing' };
        },
    ],
    [
        'POST',
        /^\/call\/end$/,
        ({ body }) => {
            const call = world.one(world.data.calls, ({ call_id }) => call_id === body.call_id);
            const { status } = call;
            if (status !== 'ended') world.endCall(call);
            return { call_id: call.call_id, status };
        },
    ],
    ['GET', /^\/calls$/, world.listed('calls', ({ user }) => callsOf(world, user).map((call) => ({ ...call, ...toldOf(world, user, call) })), 'calls.read')],
    ['GET', /^\/calls\/([\w-]+)$/, ({ ids: [id], user }) => world.seen('calls', user, callOf(world, user, id))],
    ['GET', /^\/calls\/([\w-]+)\/ladder$/, ({ ids: [id = ''] }) => (id === TRANSFERRED ? longLadder() : LADDER).replaceAll('%id%', id)],
    [
        'POST',
        /^\/calls\/([\w-]+)\/recording\/token$/,
        ({ ids: [id], user }) => {
            const { call_id, recording } = callOf(world, user, id);
            const erased = world.data.listening.erased.get(call_id);
            if (erased !== undefined) throw new FakeProblem(410, 'recording_erased', undefined, { erased_at: erased });
            return { token: 'fake', url: URL.createObjectURL(fakeWav(recording?.duration_ms || 20_000)), expires_in: 300 };
        },
    ],
    ['GET', /^\/calls\/([\w-]+)\/recording\/peaks$/, ({ ids: [id] }) => fakePeaks(world.one(world.data.calls, ({ call_id }) => call_id === id).recording?.duration_ms || 20_000)],
    ['GET', /^\/cdr\/records$/, world.listed('cdr', () => world.cdrs(), 'calls.read')],
];
