// What the fake twin of the server knows, and what happens in it by itself.
import type { Carrier } from '@/api/plan';
import type { ApiToken, Call, CarrierStatus, CdrRecord, Job, Me, MyPermissions, MySession, Role, Slot, SlotCaller, SlotCounts, Trunk, User } from '@/api/types';
import { firstLocale } from '@/i18n';
import type { Request } from '../transport';
import { Chance } from './chance';
import { makeCall, makeData, makeRecording, type FakeCall, type FakeData } from './data';
import { list, type Row } from './lists';
import type { FakeLive } from './live';
import { carrierOf, checkCarrier } from './plan';
import { FakeProblem } from './problem';
import { RESOURCES } from './resources';

export const FAKE_PASSWORD = 'cordboard';
const REFRESH_KEY = 'cordboard.fake.user';

export interface Context {
    request: Request;
    body: Record<string, unknown>;
    ids: string[];
    user: User;
}

export type Handler = (context: Context) => unknown;

/** A method, a path below `/api`, what answers it, and whether that is for those who are not signed in, too. */
export type FakeRoute = [Request['method'], RegExp, Handler, boolean?];

export interface FakeOptions {
    /** When it is; tests stop the clock. */
    now?: () => number;
    calls?: number;
    /** How long an answer takes, in milliseconds. */
    delay?: number;
    /** Whether calls come and go by themselves. */
    busy?: boolean;
    /** Whether it can send letters. */
    mail?: boolean;
}

/** What the twin knows, and what happens in it. */
export class FakeWorld {
    readonly data: FakeData;
    readonly live: FakeLive;
    readonly now: () => number;
    readonly chance = new Chance(42);
    readonly settings = new Map<string, unknown>();
    readonly tokens: ApiToken[];
    sessions: MySession[];
    cookie: string | undefined;
    id = 1000;
    /** The centre's language: whatever the browser's is. */
    readonly #locale = firstLocale();
    readonly mail: boolean;

    constructor(live: FakeLive, { now = Date.now, calls, busy = false, mail = true }: FakeOptions = {}) {
        this.live = live;
        this.now = now;
        this.mail = mail;
        this.data = makeData(now(), calls);
        this.cookie = sessionUser();
        const at = now();
        this.sessions = [
            { id: '1', method: 'password', source: '10.0.0.14', user_agent: typeof navigator === 'undefined' ? '' : navigator.userAgent, created_at: at - 3_600_000, last_used_at: at, expires_at: at + 2_592_000_000, current: true },
            { id: '2', method: 'oidc', source: '2001:db8::17', user_agent: 'Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0', created_at: at - 500_000_000, last_used_at: at - 40_000_000, expires_at: at + 1_000_000_000, current: false },
        ];
        this.tokens = [{ id: '1', name: 'Отчёты в BI', permissions: ['calls.read', 'recordings.read'], created_at: at - 900_000_000, expires_at: null, last_used_at: at - 60_000 }];
        for (const slot of this.data.slots) this.#settle(slot);
        for (let index = 0; index < 5; index += 1) this.#begin(-this.chance.whole(4, 200) * 1000);
        if (busy) setInterval(() => this.tick(), 1500);
    }

    /** Time goes on: calls ring, are answered, end; jobs get on. */
    tick(): void {
        const now = this.now();
        for (const call of this.data.calls.filter(({ status }) => status !== 'ended')) {
            const age = now - call.started_at;
            if (call.status === 'dialing') this.#update(call, { status: 'ringing', ringing_at: now });
            else if (call.status === 'ringing' && age > 4000) this.#answered(call, now);
            else if (call.status === 'answered' && this.chance.percent(4)) this.endCall(call);
        }
        if (this.chance.percent(35) && this.data.calls.filter(({ status }) => status !== 'ended').length < 9) this.#begin(0);
        for (const job of this.data.jobs) {
            if (job.state === 'queued') this.job(job, { state: 'running', started_at: now });
            else if (job.state === 'running') {
                const total = job.total ?? 100;
                const done = Math.min(total, job.done + Math.ceil(total / 12));
                if (job.cancel_requested) this.job(job, { state: 'cancelled', ended_at: now });
                else if (done >= total) this.job(job, { state: 'done', done, ended_at: now, result: { ok: true, rows: total } });
                else this.job(job, { done });
                if ((job.state as Job['state']) === 'done') {
                    const made = this.data.exports.find(({ job_id }) => job_id === job.id);
                    if (made) Object.assign(made, { state: 'done', row_count: total, size: total * 38 });
                }
            }
        }
    }

    endCall(call: FakeCall): void {
        const now = this.now();
        const answered = call.answered_at != null;
        for (const segment of call.segments) segment.to ??= now;
        this.#update(call, {
            status: 'ended',
            ended_at: now,
            outcome: answered ? 'answered' : 'canceled',
            cause: answered ? 'ended_by_request' : 'caller_gave_up',
            recording: answered ? makeRecording(call.answered_at ?? now, now, call.caller, call.callee, call.direction === 'inbound') : null,
        });
        this.slotState(call.caller_slot, undefined);
        this.slotState(call.callee_slot, undefined);
        if (answered) this.live.emit('recording.ready', call.call_id, { call_id: call.call_id, state: 'complete', reason: null, duration_ms: now - (call.answered_at ?? now) });
    }

    #begin(shift: number): void {
        const now = this.now() + shift;
        // Whoever looks on has their slot to themselves.
        const free = this.data.slots.filter(({ status, holder }) => (status === 'free' || status === 'taken') && (!holder || holder !== this.cookie));
        if (free.length === 0) return;
        const slot = this.chance.one(free);
        const holder = slot.holder ?? this.data.users[1]?.id ?? null;
        const call = makeCall(this.chance, [slot], this.data.users, now, this.id++);
        const far = [call.caller, call.callee].find((number) => number.startsWith('+')) ?? '+74951234567';
        Object.assign(call, { status: 'dialing', direction: 'outbound', caller: slot.number, callee: far, caller_slot: slot.id, callee_slot: null, ringing_at: null, answered_at: null, ended_at: null, outcome: null, cause: null, segments: [], recording: null, user: holder });
        this.data.calls.unshift(call);
        this.slotState(call.caller_slot, 'CALLING');
        this.tell(call);
        if (shift < 0) {
            this.#update(call, { status: 'ringing', ringing_at: now + 900 });
            this.#answered(call, now + 4000);
        }
    }

    #answered(call: FakeCall, at: number): void {
        const slot = call.caller_slot ?? call.callee_slot;
        this.slotState(slot, 'ACTIVE_CALL');
        this.#update(call, {
            status: 'answered',
            answered_at: at,
            segments: [{ slot: slot ?? '', user: call.user, from: at, to: null, hold_ms: 0 }],
            recording: makeRecording(at, null, call.caller, call.callee, false),
        });
    }

    #update(call: FakeCall, change: Partial<FakeCall>): void {
        Object.assign(call, change);
        this.tell(call);
    }

    tell(call: FakeCall): void {
        const { recording: _, ...data } = call;
        this.live.emit('call.update', call.call_id, data);
    }

    job(job: Job, change: Partial<Job>): void {
        Object.assign(job, change, { updated_at: this.now() });
        this.live.emit('job.progress', job.id, job);
    }

    slotState(id: string | null | undefined, state: Slot['state'] | undefined): void {
        const slot = this.data.slots.find((each) => each.id === id);
        if (!slot) return;
        slot.state = state ?? (slot.holder ? (slot.registered ? 'READY' : 'REGISTERING') : 'IDLE');
        slot.since = this.now();
        this.#settle(slot);
        this.live.emit('slot.update', slot.id, slot, slot.epoch);
    }

    /** What the state comes to, for the one who asks. */
    #settle(slot: Slot): void {
        const { state, registered, holder } = slot;
        if (state === 'FAULT') slot.status = 'fault';
        else if (state === 'DISABLED') slot.status = 'disabled';
        else if (state === 'CALLING' || state === 'ACTIVE_CALL' || state === 'POSTCALL') slot.status = 'busy';
        else if (!registered) slot.status = 'offline';
        else slot.status = holder && holder !== this.cookie ? 'taken' : 'free';
    }

    who(request: Request): User | undefined {
        const token = request.headers?.Authorization?.replace('Bearer fake-', '').split('.')[0];
        const user = this.data.users.find(({ id }) => id === token);
        return user?.state === 'active' ? user : undefined;
    }

    permissions(user: User) {
        const granted = user.roles.flatMap((code) => this.data.roles.find((role) => role.code === code)?.permissions ?? []);
        const scopes = new Map<string, Set<string>>();
        for (const { permission, scope } of granted) scopes.set(permission, (scopes.get(permission) ?? new Set()).add(scope));
        return scopes;
    }

    need(context: Context, permission: string): void {
        if (!this.permissions(context.user).has(permission)) throw new FakeProblem(403, 'forbidden');
    }

    listed(name: string, rows: (context: Context) => object[], permission: string): Handler {
        return (context) => {
            this.need(context, permission);
            const resource = RESOURCES[name];
            if (!resource) throw new FakeProblem(404, 'not_found');
            return list(resource, rows(context) as Row[], context.request.query ?? {}, this.#modes(name, context.user));
        };
    }

    /** Which columns of a resource somebody does not see whole. */
    #modes(name: string, user: User): Record<string, 'mask' | 'hide'> {
        const modes: Record<string, 'mask' | 'hide'> = {};
        for (const role of user.roles) {
            for (const { resource: of, column, mode } of this.data.roles.find(({ code }) => code === role)?.columns ?? []) {
                if (of === name && mode !== 'show') modes[column] = mode;
            }
        }
        return modes;
    }

    /** What somebody sees of each resource that they may read. */
    resources(user: User): MyPermissions['resources'] {
        const granted = this.permissions(user);
        const seen = Object.entries(RESOURCES).filter(([name, { wire, right }]) => granted.has(`${right ?? wire ?? name}.read`));
        return Object.fromEntries(
            seen.map(([name, resource]) => {
                const modes = this.#modes(name, user);
                const { search, wire } = resource;
                return [wire ?? name, { columns: list(resource, [], {}, modes).columns, searchable: search !== undefined && search.every((column) => !modes[column]) }];
            }),
        );
    }

    /** A row without what somebody does not see. */
    seen<T extends object>(name: string, user: User, row: T): Partial<T> {
        const modes = this.#modes(name, user);
        return Object.fromEntries(Object.entries(row).filter(([column]) => modes[column] !== 'hide')) as Partial<T>;
    }

    one<T>(rows: T[], is: (row: T) => boolean): T {
        const row = rows.find(is);
        if (!row) throw new FakeProblem(404, 'row_not_found');
        return row;
    }

    change<T extends { version: number }>(row: T, body: Record<string, unknown>): T {
        const { version, ...change } = body;
        if (version !== row.version) throw new FakeProblem(409, 'version_conflict', undefined, { version: row.version });
        return Object.assign(row, change, { version: row.version + 1 });
    }

    newId(): string {
        this.id += 1;
        return String(this.id);
    }

    newJob(kind: string, total: number, by: string): Job {
        const now = this.now();
        const job: Job = { id: this.newId(), kind, state: 'queued', run_at: now, attempts: 0, attempts_max: 8, cancel_requested: false, done: 0, total, result: null, error: null, schedule_id: null, created_at: now, updated_at: now, created_by: by, started_at: null, ended_at: null };
        this.data.jobs.unshift(job);
        return job;
    }

    tokensFor(user: User) {
        this.cookie = user.id;
        rememberUser(user.id);
        return { access_token: `fake-${user.id}.${this.newId()}`, token_type: 'Bearer', expires_in: 900 };
    }

    cdrs(): (Omit<CdrRecord, 'segments'> & { segments: Call['segments'] })[] {
        return this.data.calls
            .filter(({ status }) => status === 'ended')
            .map((call) => ({
                ...call,
                status: undefined,
                ended_at: call.ended_at ?? 0,
                outcome: call.outcome ?? 'failed',
                cause: call.cause ?? 'internal',
                remedy: '',
                sip_status: call.outcome === 'answered' ? 200 : call.outcome === 'busy' ? 486 : 480,
                carrier: this.data.tries.get(call.call_id)?.at(-1)?.carrier ?? null,
                tries: this.data.tries.get(call.call_id) ?? [],
                ring_ms: (call.answered_at ?? call.ended_at ?? 0) - (call.ringing_at ?? call.ended_at ?? 0),
                talk_ms: call.answered_at == null ? 0 : (call.ended_at ?? 0) - call.answered_at,
            }));
    }

    counts(slots: Slot[]): SlotCounts {
        const count = (status: Slot['status']) => slots.filter((slot) => slot.status === status).length;
        return {
            total: slots.length,
            registered: slots.filter(({ registered }) => registered).length,
            free: count('free'),
            busy: count('busy'),
            taken: count('taken'),
            offline: count('offline'),
            fault: count('fault'),
            disabled: count('disabled'),
        };
    }

    /** How carriers are at this moment; those that were made since are not known yet. */
    carriersNow(): CarrierStatus[] {
        const outside = this.data.calls.filter(({ status, direction }) => status !== 'ended' && direction === 'outbound').length;
        return this.data.standings.flatMap((standing) => {
            const carrier = this.data.carriers.find(({ id }) => id === standing.id);
            return carrier ? [{ ...standing, name: carrier.name, on: carrier.on, calls: standing.standing === 'up' && carrier.on ? outside : 0 }] : [];
        });
    }

    /** By which number a slot calls, and by which it could. */
    callerOf(slot: string): SlotCaller {
        const choices = [...new Set(this.data.carriers.flatMap(({ callers }) => callers.map(({ number }) => number)))].toSorted();
        const number = this.data.callers.get(slot) ?? null;
        return { number, verified: number !== null && choices.includes(number), choices };
    }

    account(slot: Slot) {
        return { id: slot.id, number: slot.number, username: slot.number, password: `p${this.chance.whole(10_000_000, 99_999_999).toString(36)}-${this.chance.whole(10_000_000, 99_999_999).toString(36)}` };
    }

    grow(trunk: Trunk, count: number): Slot[] {
        const first = { auto: 6000, mf: 7000, ls: 8000 }[trunk.type];
        const used = new Set(this.data.slots.map(({ number }) => number));
        const made: Slot[] = [];
        for (let number = first + 1; made.length < count; number += 1) {
            if (used.has(String(number))) continue;
            const slot: Slot = { id: this.newId(), number: String(number), type: trunk.type, state: 'IDLE', status: 'offline', registered: false, holder: null, holder_name: null, since: this.now(), epoch: 0 };
            made.push(slot);
        }
        this.data.slots.push(...made);
        return made;
    }

    newCarrier(body: Partial<Carrier>): Carrier {
        checkCarrier(body, undefined);
        if (this.data.carriers.some(({ name }) => name === body.name)) throw new FakeProblem(409, 'name_taken', 'name');
        const carrier = carrierOf(this.newId(), body);
        this.data.carriers.push(carrier);
        return carrier;
    }

    changeCarrier(carrier: Carrier, body: Partial<Carrier>): Carrier {
        checkCarrier(body, carrier);
        return this.change(carrier, { ...carrierOf(carrier.id, body), version: body.version });
    }

    slotsOf(trunk: Trunk): Slot[] {
        return this.data.slots.filter(({ type }) => type === trunk.type);
    }

    me(user: User): Me {
        return { id: user.id, username: user.username, display_name: user.display_name, email: user.email, locale: user.locale ?? this.#locale, tz: user.tz ?? 'Europe/Moscow', center: '1', home: '1', roles: user.roles, role: user.roles[0] ?? '', sso: user.sso };
    }

    of(sets: string[]) {
        return this.data.sets.filter(({ code }) => sets.includes(code)).flatMap(({ permissions }) => permissions);
    }

    shape(role: Role) {
        const shape: Record<string, string[]> = {};
        for (const { permission } of role.permissions) {
            const [area = '', verb = ''] = permission.split('.');
            shape[area] = [...(shape[area] ?? []), verb];
        }
        return shape;
    }
}

function sessionUser(): string | undefined {
    try {
        return sessionStorage.getItem(REFRESH_KEY) ?? undefined;
    } catch {
        return undefined;
    }
}

export function rememberUser(id: string | undefined): void {
    try {
        if (id) sessionStorage.setItem(REFRESH_KEY, id);
        else sessionStorage.removeItem(REFRESH_KEY);
    } catch {
        // Then nobody is signed in after a reload.
    }
}
