// Calls that come from the world, and what those hear at whose phones they ring.
import type { Candidate, ScreenPop } from '@/api/desk';
import type { Slot } from '@/api/types';
import { makeCall, type FakeCall } from '../data';
import type { FakeWorld } from '../world';

/** Whoever calls this number is called back by somebody from the world, so that one sees a card without a telephone. */
const ECHO = '777';
/** How long it takes, in milliseconds. */
const ECHO_MS = 1500;

export function echoes(world: FakeWorld, slot: Slot, number: string): boolean {
    if (number !== ECHO) return false;
    const lead = world.data.crm.leads.find(({ assigned_operator, phone }) => assigned_operator === slot.holder && phone !== null);
    setTimeout(() => ringIn(world, slot, lead?.phone ?? '+79035550011'), ECHO_MS);
    return true;
}

/** Who has a number, as the server tells it to somebody: their own, and of others' at most that there is one. */
export function candidatesOf(world: FakeWorld, number: string, user: string): Candidate[] {
    const name = (id: string | null) => world.data.users.find((each) => each.id === id)?.display_name ?? null;
    const { leads, clients } = world.data.crm;
    const ofLeads = leads
        .filter(({ phone }) => phone === number)
        .map((lead): Candidate => {
            const isOwn = lead.assigned_operator === user || lead.assigned_seller === user || user === '1';
            return { resource: 'leads', foreign: !isOwn, row: isOwn ? lead : null, with_name: name(lead.assigned_operator ?? lead.assigned_seller) };
        });
    const ofClients = clients.filter(({ phones }) => phones.some((each) => each.number === number)).map((client): Candidate => ({ resource: 'clients', foreign: false, row: client, with_name: name(client.owner_user_id) }));
    return [...ofLeads, ...ofClients];
}

/** A call from the world rings at a slot. First the number is told, then who that may be, unless that is yet to come. */
export function ringIn(world: FakeWorld, slot: Slot, number: string, { complete = true }: { complete?: boolean } = {}): FakeCall {
    const now = world.now();
    const call = makeCall(world.chance, [slot], world.data.users, now, (world.id += 1));
    Object.assign(call, { status: 'ringing', direction: 'inbound', caller: number, callee: '+74951234567', caller_slot: null, callee_slot: slot.id, started_at: now, ringing_at: now, answered_at: null, ended_at: null, outcome: null, cause: null, segments: [], recording: null, user: null, scenario: 'отдел продаж2', source: 'билборд' });
    world.data.calls.unshift(call);
    const pop: ScreenPop = { call_id: call.call_id, number, scenario: call.scenario, source: call.source, candidates: [], complete: false };
    world.live.emit('screen.pop', call.call_id, pop);
    world.slotState(slot.id, 'CALLING');
    world.tell(call);
    if (complete) lookedUp(world, call, slot);
    return call;
}

/** It was looked up who calls. */
export function lookedUp(world: FakeWorld, call: FakeCall, slot: Slot): void {
    const candidates = candidatesOf(world, call.caller, slot.holder ?? '');
    world.live.emit('screen.pop', call.call_id, { call_id: call.call_id, number: call.caller, scenario: call.scenario, source: call.source, candidates, complete: true });
}

/** Somebody picks up at a slot. */
export function pickUp(world: FakeWorld, call: FakeCall, slot: Slot): void {
    const now = world.now();
    Object.assign(call, { status: 'answered', answered_at: now, callee_slot: slot.id, user: slot.holder, segments: [{ slot: slot.id, user: slot.holder, from: now, to: null, hold_ms: 0 }] });
    world.slotState(slot.id, 'ACTIVE_CALL');
    world.tell(call);
}

/** It rings no more at the phone of one who has not picked up. */
export function gone(world: FakeWorld, call: FakeCall, why: 'answered' | 'given_up', by?: string): void {
    const user = world.data.users.find(({ id }) => id === by);
    world.live.emit('screen.gone', call.call_id, { call_id: call.call_id, why, by: by ?? null, by_name: user?.display_name ?? null });
}

/** The caller gives up: somebody is to call back. */
export function giveUp(world: FakeWorld, call: FakeCall): void {
    const slot = call.callee_slot;
    Object.assign(call, { status: 'ended', ended_at: world.now(), outcome: 'no_answer', cause: 'caller_gave_up' });
    world.tell(call);
    world.slotState(slot, undefined);
    gone(world, call, 'given_up');
    const missed = { call_id: call.call_id, number: call.caller, scenario: call.scenario ?? null, slot: slot ?? null, at: call.started_at, state: 'open' as const, claimed_by: null, claimed_at: null, done_by: null, done_at: null, returned_call_id: null, version: 1 };
    world.data.missed.push(missed);
    world.live.emit('missed.update', call.call_id, missed);
}
