// A server that lives in the tab: enough of one to show and test every page. It keeps nothing over a reload but who is signed in.
import type { Carrier, Inquiry, Route } from '@/api/plan';
import type { ApiToken, Ban, Call, CdrRecord, Export, Job, Limits, Me, MyPermissions, MySession, PermissionSet, Role, Slot, SlotCounts, Trunk, User, Webhook } from '@/api/types';
import type { Answer, Request, Transport } from '../transport';
import { firstLocale } from '@/i18n';
import { Chance } from './chance';
import { CATALOGUE, makeCall, makeData, makeRecording, type FakeCall, type FakeData } from './data';
import { columns, list, type FakeResource, type Row } from './lists';
import type { FakeLive } from './live';
import { carrierOf, check, checkCarrier, checkRoute, explain, routeOf, warningsOf } from './plan';
import { FakeProblem } from './problem';
import { fakePeaks, fakeWav } from './wav';

export const FAKE_PASSWORD = 'cordboard';
const REFRESH_KEY = 'cordboard.fake.user';

const CALL_COLUMNS = 'call_id:f parent status:f direction:f caller:f callee:f caller_slot:f callee_slot:f user:f started_at:fs ringing_at:f answered_at:f ended_at:f outcome:f cause:f segments scenario:f source:f recording';

const RESOURCES: Record<string, FakeResource> = {
    calls: { key: 'call_id', order: '-started_at', columns: columns(CALL_COLUMNS), search: ['caller', 'callee'] },
    cdr: { key: 'call_id', order: '-started_at', columns: columns(`${CALL_COLUMNS.replace('status:f ', '')} ring_ms:f talk_ms:fs remedy sip_status:f carrier:f tries`), search: ['caller', 'callee'] },
    slots: { key: 'id', order: 'number', columns: columns('id:fs number:fs type:f state:f status:f registered:f holder:f holder_name since epoch') },
    trunks: { key: 'id', order: 'id', columns: columns('id:fs name:fs type:fs capacity:fs on:f group:f version settings') },
    routes: { key: 'id', order: 'position', columns: columns('id:fs name:fs position:fs on:f match then scenario:f source:f rewrite version') },
    users: {
        key: 'id',
        order: 'username',
        columns: columns('id:fs username:fs display_name:f email:f roles manager:f locale:f tz state:f sso:f created_at:f last_login_at:fs version lists columns'),
        search: ['username', 'display_name', 'email'],
    },
    roles: { key: 'id', order: 'code', columns: columns('id:fs code:fs name:fs builtin:f sets permissions lists columns version created_at:f updated_at:f'), search: ['code', 'name'] },
    sets: { key: 'id', order: 'code', columns: columns('id:fs code:fs name:fs builtin:f permissions version'), search: ['code', 'name'] },
    rules: { key: 'id', order: 'id', columns: columns('id:fs issuer:f claim:f value:f role:f created_at') },
    audit: { key: 'seq', order: '-seq', columns: columns('seq:fs at:f category:f actor_kind:f actor:f actor_name action:f outcome:f resource:f resource_id:f diff source:f user_agent request_id:f hash') },
    events: { key: 'id', order: '-id', columns: columns('id:fs at:f module:f severity:f code:f message data') },
    jobs: {
        key: 'id',
        order: '-id',
        columns: columns('id:fs kind:f state:f done total cancel_requested:f result error attempts attempts_max schedule_id:f run_at created_at:f created_by:f started_at updated_at ended_at:f'),
    },
    schedules: { key: 'id', order: 'id', columns: columns('id:fs kind:f payload cron tz enabled:f builtin next_at last_job_id version') },
    exports: { key: 'id', order: '-id', columns: columns('id:fs job_id resource:f filter columns format:f locale tz state:f size row_count created_at:f created_by:f expires_at') },
    bans: { key: 'id', order: 'source', columns: columns('id source:fs why:f since:s until:s times:f points note evidence') },
    webhooks: { key: 'id', order: 'id', columns: columns('id:fs name:f url events enabled:f disabled_reason failures failing_since version created_at created_by updated_at') },
    deliveries: { key: 'id', order: '-id', columns: columns('id:fs webhook_id:f event_id kind:f state:f attempts last_status last_error created_at:f next_at delivered_at payload') },
    centers: { key: 'id', order: 'id', columns: columns('id:fs code:f name:f locale:f tz:f state:f settings version'), search: ['code', 'name'] },
};

/** What the server calls them in rights and columns, where that is not what they are called here. */
const WIRE: Record<string, string> = { cdr: 'cdrs', sets: 'permission_sets', rules: 'oidc_role_map', audit: 'audit_log', events: 'events_log', deliveries: 'webhook_deliveries' };
/** By which right they are read, where it is not one of their own. */
const RIGHTS: Record<string, string> = { cdr: 'calls', sets: 'roles', deliveries: 'webhooks', bans: 'security' };

interface Context {
    request: Request;
    body: Record<string, unknown>;
    ids: string[];
    user: User;
}

type Handler = (context: Context) => unknown;

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

export class FakeServer {
    readonly data: FakeData;
    readonly live: FakeLive;
    /** Fails the next request to a path that matches. */
    failNext: { path: RegExp; problem: FakeProblem } | undefined;
    /** Every request that was made, for tests. */
    readonly log: Request[] = [];
    readonly #now: () => number;
    readonly #chance = new Chance(42);
    readonly #settings = new Map<string, unknown>();
    readonly #tokens: ApiToken[];
    #sessions: MySession[];
    #cookie: string | undefined;
    #id = 1000;
    /** The centre's language: whatever the browser's is. */
    readonly #locale = firstLocale();
    readonly #delay: number;
    readonly #mail: boolean;

    constructor(live: FakeLive, { now = Date.now, calls, delay = 0, busy = false, mail = true }: FakeOptions = {}) {
        this.live = live;
        this.#now = now;
        this.#delay = delay;
        this.#mail = mail;
        this.data = makeData(now(), calls);
        this.#cookie = sessionUser();
        const at = now();
        this.#sessions = [
            { id: '1', method: 'password', source: '10.0.0.14', user_agent: typeof navigator === 'undefined' ? '' : navigator.userAgent, created_at: at - 3_600_000, last_used_at: at, expires_at: at + 2_592_000_000, current: true },
            { id: '2', method: 'oidc', source: '2001:db8::17', user_agent: 'Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0', created_at: at - 500_000_000, last_used_at: at - 40_000_000, expires_at: at + 1_000_000_000, current: false },
        ];
        this.#tokens = [{ id: '1', name: 'Отчёты в BI', permissions: ['calls.read', 'recordings.read'], created_at: at - 900_000_000, expires_at: null, last_used_at: at - 60_000 }];
        for (const slot of this.data.slots) this.#settle(slot);
        for (let index = 0; index < 5; index += 1) this.#begin(-this.#chance.whole(4, 200) * 1000);
        if (busy) setInterval(() => this.tick(), 1500);
    }

    readonly transport: Transport = async (request) => {
        this.log.push(request);
        if (this.#delay > 0) await new Promise((resolve) => setTimeout(resolve, this.#delay));
        try {
            const failure = this.failNext;
            if (failure?.path.test(request.path)) {
                this.failNext = undefined;
                throw failure.problem;
            }
            const body = this.#answer(request);
            const status = body === undefined ? 204 : request.method === 'POST' ? 201 : 200;
            return { status, headers: {}, body: typeof body === 'object' && !(body instanceof Blob) ? structuredClone(body) : body };
        } catch (error) {
            if (error instanceof FakeProblem) {
                const wait: Record<string, string> = error.more.wait === undefined ? {} : { 'retry-after': String(error.more.wait) };
                return { status: error.status, headers: { 'x-request-id': '5f1a3c', ...wait }, body: error.document } satisfies Answer;
            }
            throw error;
        }
    };

    /** Time goes on: calls ring, are answered, end; jobs get on. */
    tick(): void {
        const now = this.#now();
        for (const call of this.data.calls.filter(({ status }) => status !== 'ended')) {
            const age = now - call.started_at;
            if (call.status === 'dialing') this.#update(call, { status: 'ringing', ringing_at: now });
            else if (call.status === 'ringing' && age > 4000) this.#answered(call, now);
            else if (call.status === 'answered' && this.#chance.percent(4)) this.endCall(call);
        }
        if (this.#chance.percent(35) && this.data.calls.filter(({ status }) => status !== 'ended').length < 9) this.#begin(0);
        for (const job of this.data.jobs) {
            if (job.state === 'queued') this.#job(job, { state: 'running', started_at: now });
            else if (job.state === 'running') {
                const total = job.total ?? 100;
                const done = Math.min(total, job.done + Math.ceil(total / 12));
                if (job.cancel_requested) this.#job(job, { state: 'cancelled', ended_at: now });
                else if (done >= total) this.#job(job, { state: 'done', done, ended_at: now, result: { ok: true, rows: total } });
                else this.#job(job, { done });
                if ((job.state as Job['state']) === 'done') {
                    const made = this.data.exports.find(({ job_id }) => job_id === job.id);
                    if (made) Object.assign(made, { state: 'done', row_count: total, size: total * 38 });
                }
            }
        }
    }

    endCall(call: FakeCall): void {
        const now = this.#now();
        const answered = call.answered_at != null;
        for (const segment of call.segments) segment.to ??= now;
        this.#update(call, {
            status: 'ended',
            ended_at: now,
            outcome: answered ? 'answered' : 'canceled',
            cause: answered ? 'ended_by_request' : 'caller_gave_up',
            recording: answered ? makeRecording(call.answered_at ?? now, now, call.caller, call.callee, call.direction === 'inbound') : null,
        });
        this.#slotState(call.caller_slot, undefined);
        this.#slotState(call.callee_slot, undefined);
        if (answered) this.live.emit('recording.ready', call.call_id, { call_id: call.call_id, state: 'complete', reason: null, duration_ms: now - (call.answered_at ?? now) });
    }

    #begin(shift: number): void {
        const now = this.#now() + shift;
        const free = this.data.slots.filter(({ status }) => status === 'free' || status === 'taken');
        if (free.length === 0) return;
        const slot = this.#chance.one(free);
        const holder = slot.holder ?? this.data.users[1]?.id ?? null;
        const call = makeCall(this.#chance, [slot], this.data.users, now, this.#id++);
        const far = [call.caller, call.callee].find((number) => number.startsWith('+')) ?? '+74951234567';
        Object.assign(call, { status: 'dialing', direction: 'outbound', caller: slot.number, callee: far, caller_slot: slot.id, callee_slot: null, ringing_at: null, answered_at: null, ended_at: null, outcome: null, cause: null, segments: [], recording: null, user: holder });
        this.data.calls.unshift(call);
        this.#slotState(call.caller_slot, 'CALLING');
        this.#tell(call);
        if (shift < 0) {
            this.#update(call, { status: 'ringing', ringing_at: now + 900 });
            this.#answered(call, now + 4000);
        }
    }

    #answered(call: FakeCall, at: number): void {
        this.#slotState(call.caller_slot, 'ACTIVE_CALL');
        this.#update(call, {
            status: 'answered',
            answered_at: at,
            segments: [{ slot: call.caller_slot ?? '', user: call.user, from: at, to: null, hold_ms: 0 }],
            recording: makeRecording(at, null, call.caller, call.callee, false),
        });
    }

    #update(call: FakeCall, change: Partial<FakeCall>): void {
        Object.assign(call, change);
        this.#tell(call);
    }

    #tell(call: FakeCall): void {
        const { recording: _, ...data } = call;
        this.live.emit('call.update', call.call_id, data);
    }

    #job(job: Job, change: Partial<Job>): void {
        Object.assign(job, change, { updated_at: this.#now() });
        this.live.emit('job.progress', job.id, job);
    }

    #slotState(id: string | null | undefined, state: Slot['state'] | undefined): void {
        const slot = this.data.slots.find((each) => each.id === id);
        if (!slot) return;
        slot.state = state ?? (slot.holder ? (slot.registered ? 'READY' : 'REGISTERING') : 'IDLE');
        slot.since = this.#now();
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
        else slot.status = holder && holder !== this.#cookie ? 'taken' : 'free';
    }

    #answer(request: Request): unknown {
        const body = (request.body ?? {}) as Record<string, unknown>;
        for (const [method, pattern, handler, isOpen] of this.#routes) {
            const match = method === request.method && pattern.exec(request.path);
            if (!match) continue;
            const user = this.#who(request);
            if (!user && !isOpen) throw new FakeProblem(401, 'not_signed_in');
            return handler({ request, body, ids: match.slice(1).map(decodeURIComponent), user: user as User });
        }
        throw new FakeProblem(404, 'not_found');
    }

    #who(request: Request): User | undefined {
        const token = request.headers?.Authorization?.replace('Bearer fake-', '').split('.')[0];
        const user = this.data.users.find(({ id }) => id === token);
        return user?.state === 'active' ? user : undefined;
    }

    #permissions(user: User) {
        const granted = user.roles.flatMap((code) => this.data.roles.find((role) => role.code === code)?.permissions ?? []);
        const scopes = new Map<string, Set<string>>();
        for (const { permission, scope } of granted) scopes.set(permission, (scopes.get(permission) ?? new Set()).add(scope));
        return scopes;
    }

    #need(context: Context, permission: string): void {
        if (!this.#permissions(context.user).has(permission)) throw new FakeProblem(403, 'forbidden');
    }

    #listed(name: string, rows: (context: Context) => object[], permission: string): Handler {
        return (context) => {
            this.#need(context, permission);
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
    #resources(user: User): MyPermissions['resources'] {
        const granted = this.#permissions(user);
        const seen = Object.entries(RESOURCES).filter(([name]) => granted.has(`${RIGHTS[name] ?? WIRE[name] ?? name}.read`));
        return Object.fromEntries(
            seen.map(([name, resource]) => {
                const modes = this.#modes(name, user);
                const { search } = resource;
                return [WIRE[name] ?? name, { columns: list(resource, [], {}, modes).columns, searchable: search !== undefined && search.every((column) => !modes[column]) }];
            }),
        );
    }

    /** A row without what somebody does not see. */
    #seen<T extends object>(name: string, user: User, row: T): Partial<T> {
        const modes = this.#modes(name, user);
        return Object.fromEntries(Object.entries(row).filter(([column]) => modes[column] !== 'hide')) as Partial<T>;
    }

    #one<T>(rows: T[], is: (row: T) => boolean): T {
        const row = rows.find(is);
        if (!row) throw new FakeProblem(404, 'row_not_found');
        return row;
    }

    #change<T extends { version: number }>(row: T, body: Record<string, unknown>): T {
        const { version, ...change } = body;
        if (version !== row.version) throw new FakeProblem(409, 'version_conflict', undefined, { version: row.version });
        return Object.assign(row, change, { version: row.version + 1 });
    }

    #newId(): string {
        this.#id += 1;
        return String(this.#id);
    }

    #newJob(kind: string, total: number, by: string): Job {
        const now = this.#now();
        const job: Job = { id: this.#newId(), kind, state: 'queued', run_at: now, attempts: 0, attempts_max: 8, cancel_requested: false, done: 0, total, result: null, error: null, schedule_id: null, created_at: now, updated_at: now, created_by: by, started_at: null, ended_at: null };
        this.data.jobs.unshift(job);
        return job;
    }

    #tokensFor(user: User) {
        this.#cookie = user.id;
        rememberUser(user.id);
        return { access_token: `fake-${user.id}.${this.#newId()}`, token_type: 'Bearer', expires_in: 900 };
    }

    #cdrs(): (Omit<CdrRecord, 'segments'> & { segments: Call['segments'] })[] {
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
                carrier: null,
                tries: [],
                ring_ms: (call.answered_at ?? call.ended_at ?? 0) - (call.ringing_at ?? call.ended_at ?? 0),
                talk_ms: call.answered_at == null ? 0 : (call.ended_at ?? 0) - call.answered_at,
            }));
    }

    #counts(slots: Slot[]): SlotCounts {
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

    #account(slot: Slot) {
        return { id: slot.id, number: slot.number, username: slot.number, password: `p${this.#chance.whole(10_000_000, 99_999_999).toString(36)}-${this.#chance.whole(10_000_000, 99_999_999).toString(36)}` };
    }

    #grow(trunk: Trunk, count: number): Slot[] {
        const first = { auto: 6000, mf: 7000, ls: 8000 }[trunk.type];
        const used = new Set(this.data.slots.map(({ number }) => number));
        const made: Slot[] = [];
        for (let number = first + 1; made.length < count; number += 1) {
            if (used.has(String(number))) continue;
            const slot: Slot = { id: this.#newId(), number: String(number), type: trunk.type, state: 'IDLE', status: 'offline', registered: false, holder: null, holder_name: null, since: this.#now(), epoch: 0 };
            made.push(slot);
        }
        this.data.slots.push(...made);
        return made;
    }

    #newCarrier(body: Partial<Carrier>): Carrier {
        checkCarrier(body, undefined);
        if (this.data.carriers.some(({ name }) => name === body.name)) throw new FakeProblem(409, 'name_taken', 'name');
        const carrier = carrierOf(this.#newId(), body);
        this.data.carriers.push(carrier);
        return carrier;
    }

    #changeCarrier(carrier: Carrier, body: Partial<Carrier>): Carrier {
        checkCarrier(body, carrier);
        return this.#change(carrier, { ...carrierOf(carrier.id, body), version: body.version });
    }

    #slotsOf(trunk: Trunk): Slot[] {
        return this.data.slots.filter(({ type }) => type === trunk.type);
    }

    readonly #routes: [Request['method'], RegExp, Handler, boolean?][] = [
        [
            'POST',
            /^\/auth\/login$/,
            ({ body }) => {
                const user = this.data.users.find(({ username }) => username === String(body.username).toLowerCase());
                if (!user || user.state !== 'active' || body.password !== FAKE_PASSWORD) throw new FakeProblem(401, 'invalid_credentials');
                user.last_login_at = this.#now();
                return this.#tokensFor(user);
            },
            true,
        ],
        [
            'POST',
            /^\/auth\/refresh$/,
            () => {
                const user = this.data.users.find(({ id, state }) => id === this.#cookie && state === 'active');
                if (!user) throw new FakeProblem(401, 'not_signed_in');
                return this.#tokensFor(user);
            },
            true,
        ],
        [
            'POST',
            /^\/auth\/logout$/,
            () => {
                this.#cookie = undefined;
                rememberUser(undefined);
            },
            true,
        ],
        ['GET', /^\/auth\/providers$/, () => ({ local: true, oidc: [{ id: 'main', name: 'Keycloak' }], mail: this.#mail }), true],
        [
            'GET',
            /^\/auth\/link$/,
            ({ request }) => {
                if (request.query?.token === 'gone') throw new FakeProblem(410, 'link_not_good');
                return { purpose: request.query?.token === 'reset' ? 'password_reset' : 'invitation', username: 'kirill', expires_at: this.#now() + 3_600_000 };
            },
            true,
        ],
        ['POST', /^\/auth\/link$/, () => undefined, true],
        ['POST', /^\/auth\/forgot$/, () => ({}), true],

        ['GET', /^\/me$/, ({ user }) => this.#me(user)],
        [
            'PUT',
            /^\/me$/,
            ({ user, body }) => {
                Object.assign(user, body);
                return this.#me(user);
            },
        ],
        [
            'PUT',
            /^\/me\/password$/,
            ({ body }) => {
                if (body.old !== FAKE_PASSWORD) throw new FakeProblem(401, 'invalid_credentials');
                this.#sessions = this.#sessions.filter(({ current }) => current);
            },
        ],
        [
            'GET',
            /^\/me\/permissions$/,
            ({ user }) => ({ roles: user.roles, permissions: [...this.#permissions(user)].map(([permission, scopes]) => ({ permission, scopes: [...scopes] })), resources: this.#resources(user) }),
        ],
        ['GET', /^\/me\/settings\/(\w+)$/, ({ ids: [key = ''] }) => this.#settings.get(key) ?? null],
        ['PUT', /^\/me\/settings\/(\w+)$/, ({ ids: [key = ''], body }) => void this.#settings.set(key, body)],
        ['GET', /^\/me\/sessions$/, () => ({ items: this.#sessions })],
        [
            'DELETE',
            /^\/me\/sessions\/(\d+)$/,
            ({ ids: [id] }) => {
                const ended = this.#one(this.#sessions, (session) => session.id === id);
                this.#sessions = this.#sessions.filter((session) => session !== ended);
            },
        ],
        ['GET', /^\/me\/tokens$/, () => ({ items: this.#tokens })],
        [
            'POST',
            /^\/me\/tokens$/,
            ({ body }) => {
                const token: ApiToken = { id: this.#newId(), name: String(body.name), permissions: (body.permissions as string[] | undefined) ?? null, created_at: this.#now(), expires_at: (body.expires_at as number | undefined) ?? null, last_used_at: null };
                this.#tokens.push(token);
                return { ...token, token: 'cb_3fKq0Yv7mUo2TzWc9LxNs4Rb8HdJa1Ge' };
            },
        ],
        ['DELETE', /^\/tokens\/(\d+)$/, ({ ids: [id] }) => void this.#tokens.splice(0, this.#tokens.length, ...this.#tokens.filter((token) => token.id !== id))],

        ['GET', /^\/users$/, this.#listed('users', () => this.data.users, 'users.read')],
        [
            'POST',
            /^\/users$/,
            (context) => {
                this.#need(context, 'users.create');
                const { password, ...body } = context.body;
                if (this.data.users.some(({ username }) => username === body.username)) throw new FakeProblem(409, 'username_taken', 'username');
                const user = { email: null, display_name: String(body.username), roles: [], manager: null, locale: null, tz: null, state: password ? 'active' : 'invited', sso: false, lists: [], columns: [], ...body, id: this.#newId(), created_at: this.#now(), last_login_at: null, version: 1 } as unknown as User;
                this.data.users.push(user);
                return user;
            },
        ],
        [
            'POST',
            /^\/users\/bulk$/,
            (context) => {
                this.#need(context, 'users.bulk');
                const { ids, filter, q, dry_run } = context.body as { ids?: string[]; filter?: unknown; q?: string; dry_run?: boolean };
                const rows = ids ? this.data.users.filter(({ id }) => ids.includes(id)) : list(RESOURCES.users as FakeResource, this.data.users as unknown as Row[], { filter: JSON.stringify(filter ?? {}), q, limit: 200 }).items;
                if (dry_run) return { count: rows.length };
                return { job_id: this.#newJob('bulk.run', rows.length, context.user.id).id, count: rows.length };
            },
        ],
        ['GET', /^\/users\/(\d+)$/, ({ ids: [id], user: me }) => this.#seen('users', me, this.#one(this.data.users, (user) => user.id === id))],
        ['PUT', /^\/users\/(\d+)$/, ({ ids: [id], body }) => this.#change(this.#one(this.data.users, (user) => user.id === id), body)],
        ['DELETE', /^\/users\/(\d+)$/, ({ ids: [id] }) => void (this.data.users = this.data.users.filter((user) => user.id !== id))],
        [
            'POST',
            /^\/users\/(\d+)\/link$/,
            ({ body }) => ({ url: body.send === 'show' ? 'https://cordboard.example.org/link#token=Zk3vQ9sLw1hT7xNc5dRf8yUb2mEa0oPi' : undefined, expires_at: this.#now() + 259_200_000 }),
        ],
        ['POST', /^\/users\/(\d+)\/logout$/, () => undefined],
        ['GET', /^\/users\/(\d+)\/tokens$/, ({ ids: [id] }) => ({ items: id === '1' ? this.#tokens : [] })],

        ['GET', /^\/roles$/, this.#listed('roles', () => this.data.roles, 'roles.read')],
        [
            'POST',
            /^\/roles$/,
            ({ body }) => {
                const role = { ...(body as unknown as Role), id: this.#newId(), builtin: false, version: 1, permissions: this.#of(body.sets as string[]), created_at: this.#now(), updated_at: this.#now() };
                this.data.roles.push(role);
                return role;
            },
        ],
        ['GET', /^\/roles\/(\d+)$/, ({ ids: [id] }) => this.#one(this.data.roles, (role) => role.id === id)],
        [
            'PUT',
            /^\/roles\/(\d+)$/,
            ({ ids: [id], body }) => {
                const role = this.#change(this.#one(this.data.roles, (each) => each.id === id), body);
                role.permissions = this.#of(role.sets);
                return role;
            },
        ],
        ['DELETE', /^\/roles\/(\d+)$/, ({ ids: [id] }) => void (this.data.roles = this.data.roles.filter((role) => role.id !== id))],
        ['GET', /^\/roles\/(\d+)\/shape$/, ({ ids: [id] }) => this.#shape(this.#one(this.data.roles, (role) => role.id === id))],
        ['PUT', /^\/roles\/(\d+)\/shape$/, () => ({ version: 2, not_applied: ['guacamole'] })],
        ['GET', /^\/permissions$/, () => CATALOGUE],
        ['GET', /^\/permission-sets$/, this.#listed('sets', () => this.data.sets, 'roles.read')],
        [
            'POST',
            /^\/permission-sets$/,
            ({ body }) => {
                const set = { ...(body as unknown as PermissionSet), id: this.#newId(), builtin: false, version: 1 };
                this.data.sets.push(set);
                return set;
            },
        ],
        ['GET', /^\/permission-sets\/(\d+)$/, ({ ids: [id] }) => this.#one(this.data.sets, (set) => set.id === id)],
        ['PUT', /^\/permission-sets\/(\d+)$/, ({ ids: [id], body }) => this.#change(this.#one(this.data.sets, (set) => set.id === id), body)],
        ['DELETE', /^\/permission-sets\/(\d+)$/, ({ ids: [id] }) => void (this.data.sets = this.data.sets.filter((set) => set.id !== id))],
        ['GET', /^\/oidc-role-map$/, this.#listed('rules', () => this.data.rules, 'oidc_role_map.read')],
        [
            'POST',
            /^\/oidc-role-map$/,
            ({ body }) => {
                const rule = { ...(body as unknown as FakeData['rules'][number]), id: this.#newId(), created_at: this.#now() };
                this.data.rules.push(rule);
                return rule;
            },
        ],
        ['DELETE', /^\/oidc-role-map\/(\d+)$/, ({ ids: [id] }) => void (this.data.rules = this.data.rules.filter((rule) => rule.id !== id))],

        ['GET', /^\/audit$/, this.#listed('audit', () => this.data.audit, 'audit_log.read')],
        ['GET', /^\/security-audit$/, this.#listed('audit', () => this.data.audit.filter(({ category }) => category === 'security'), 'audit_log.read')],
        ['POST', /^\/audit\/verify$/, ({ user }) => ({ job_id: this.#newJob('audit.verify', 9000, user.id).id })],
        ['GET', /^\/dci\/logs$/, this.#listed('events', () => this.data.events, 'events_log.read')],

        ['GET', /^\/jobs$/, this.#listed('jobs', () => this.data.jobs, 'jobs.read')],
        ['GET', /^\/jobs\/(\d+)$/, ({ ids: [id] }) => this.#one(this.data.jobs, (job) => job.id === id)],
        ['POST', /^\/jobs\/(\d+)\/cancel$/, ({ ids: [id] }) => void this.#job(this.#one(this.data.jobs, (job) => job.id === id), { cancel_requested: true })],
        ['GET', /^\/schedules$/, this.#listed('schedules', () => this.data.schedules, 'schedules.read')],
        [
            'POST',
            /^\/schedules$/,
            ({ body }) => {
                const schedule = { payload: {}, tz: 'Europe/Moscow', ...(body as object), id: this.#newId(), builtin: false, next_at: this.#now() + 3_600_000, last_job_id: null, version: 1 } as FakeData['schedules'][number];
                this.data.schedules.push(schedule);
                return schedule;
            },
        ],
        ['GET', /^\/schedules\/(\d+)$/, ({ ids: [id] }) => this.#one(this.data.schedules, (schedule) => schedule.id === id)],
        ['PUT', /^\/schedules\/(\d+)$/, ({ ids: [id], body }) => this.#change(this.#one(this.data.schedules, (schedule) => schedule.id === id), body)],
        ['DELETE', /^\/schedules\/(\d+)$/, ({ ids: [id] }) => void (this.data.schedules = this.data.schedules.filter((schedule) => schedule.id !== id))],

        ['GET', /^\/exports$/, this.#listed('exports', () => this.data.exports, 'exports.read')],
        [
            'POST',
            /^\/exports$/,
            ({ body, user }) => {
                const job = this.#newJob('exports.run', 48_000, user.id);
                const made = { filter: {}, locale: 'ru', tz: 'Europe/Moscow', ...body, id: this.#newId(), job_id: job.id, state: 'running', size: null, row_count: null, created_at: this.#now(), created_by: user.id, expires_at: this.#now() + 604_800_000 } as unknown as Export;
                this.data.exports.unshift(made);
                return { id: made.id, job_id: job.id };
            },
        ],
        ['POST', /^\/exports\/(\d+)\/file\/token$/, () => ({ token: 't', url: URL.createObjectURL(new Blob(['started_at,caller\r\n'])), expires_in: 300 })],
        ['DELETE', /^\/exports\/(\d+)$/, ({ ids: [id] }) => void (this.data.exports = this.data.exports.filter((each) => each.id !== id))],

        ['GET', /^\/webhooks$/, this.#listed('webhooks', () => this.data.webhooks, 'webhooks.read')],
        [
            'POST',
            /^\/webhooks$/,
            ({ body }) => {
                const hook = { ...(body as unknown as Webhook), id: this.#newId(), failures: 0, version: 1 };
                this.data.webhooks.push(hook);
                return { ...hook, secret: 'whsec_7Yk2pQm9vT4xZb1cWn8dRf5sLa3hGe6u' };
            },
        ],
        ['GET', /^\/webhooks\/(\d+)$/, ({ ids: [id] }) => this.#one(this.data.webhooks, (hook) => hook.id === id)],
        ['PUT', /^\/webhooks\/(\d+)$/, ({ ids: [id], body }) => this.#change(this.#one(this.data.webhooks, (hook) => hook.id === id), body)],
        ['DELETE', /^\/webhooks\/(\d+)$/, ({ ids: [id] }) => void (this.data.webhooks = this.data.webhooks.filter((hook) => hook.id !== id))],
        ['POST', /^\/webhooks\/(\d+)\/secret$/, () => ({ secret: 'whsec_1Aa2Bb3Cc4Dd5Ee6Ff7Gg8Hh9Ii0Jj' })],
        ['POST', /^\/webhooks\/(\d+)\/test$/, ({ ids: [id] }) => (id === '1' ? { delivery_id: '701', delivered: true, status: 204, error: null } : { delivery_id: '702', delivered: false, status: null, error: 'connection refused' })],
        ['GET', /^\/webhook-deliveries$/, this.#listed('deliveries', () => this.data.deliveries, 'webhooks.read')],
        ['GET', /^\/webhook-deliveries\/(\d+)$/, ({ ids: [id] }) => this.#one(this.data.deliveries, (delivery) => delivery.id === id)],
        [
            'POST',
            /^\/webhook-deliveries\/(\d+)\/replay$/,
            ({ ids: [id] }) => {
                const { kind, state } = this.#one(this.data.deliveries, (delivery) => delivery.id === id);
                if (kind === 'ping') throw new FakeProblem(409, 'wrong_state', undefined, { detail: 'a test is not delivered again: make a new one' });
                if (state === 'pending') throw new FakeProblem(409, 'wrong_state', undefined, { detail: 'it waits to be delivered anyway' });
            },
        ],

        ['GET', /^\/centers$/, this.#listed('centers', () => this.data.centers, 'centers.read')],
        [
            'POST',
            /^\/centers$/,
            ({ body }) => {
                const center = { ...(body as unknown as FakeData['centers'][number]), id: this.#newId(), state: 'active' as const, version: 1 };
                this.data.centers.push(center);
                return center;
            },
        ],
        ['GET', /^\/centers\/(\d+)$/, ({ ids: [id] }) => this.#one(this.data.centers, (center) => center.id === id)],
        ['PUT', /^\/centers\/(\d+)$/, ({ ids: [id], body }) => this.#change(this.#one(this.data.centers, (center) => center.id === id), body)],

        ['GET', /^\/trunks$/, this.#listed('trunks', () => [...this.data.trunks.map((trunk) => ({ ...trunk, on: true })), ...this.data.carriers], 'trunks.read')],
        [
            'POST',
            /^\/trunks$/,
            ({ body }) => {
                if (body.type === 'sip') return this.#newCarrier(body as Partial<Carrier>);
                const trunk = { id: this.#newId(), name: String(body.name), type: body.type as Trunk['type'], capacity: Number(body.capacity) };
                this.data.trunks.push(trunk);
                return { ...trunk, slots: this.#grow(trunk, trunk.capacity).map((slot) => this.#account(slot)) };
            },
        ],
        ['GET', /^\/trunks\/(\d+)$/, ({ ids: [id] }) => this.#one<object>([...this.data.trunks, ...this.data.carriers], (trunk) => (trunk as Trunk).id === id)],
        [
            'PUT',
            /^\/trunks\/(\d+)$/,
            ({ ids: [id], body }) => {
                const carrier = this.data.carriers.find((each) => each.id === id);
                if (carrier) return this.#changeCarrier(carrier, body as Partial<Carrier>);
                const trunk = this.#one(this.data.trunks, (each) => each.id === id);
                const more = Number(body.capacity ?? trunk.capacity) - trunk.capacity;
                Object.assign(trunk, body);
                const made = new Set(more > 0 ? this.#grow(trunk, more) : []);
                return { ...trunk, slots: this.#slotsOf(trunk).map((slot) => (made.has(slot) ? this.#account(slot) : { id: slot.id, number: slot.number, username: slot.number })) };
            },
        ],
        [
            'DELETE',
            /^\/trunks\/(\d+)$/,
            ({ ids: [id] }) => {
                const naming = this.data.routes.filter(({ match, then }) => JSON.stringify([match, then]).includes(`"${id}"`));
                if (naming.length > 0 && this.data.carriers.some((carrier) => carrier.id === id)) throw new FakeProblem(409, 'in_use', undefined, { detail: naming.map((route) => `route ${route.id} (${route.name})`).join(', ') });
                this.data.trunks = this.data.trunks.filter((trunk) => trunk.id !== id);
                this.data.carriers = this.data.carriers.filter((carrier) => carrier.id !== id);
            },
        ],

        ['GET', /^\/routes$/, this.#listed('routes', () => this.data.routes, 'routes.read')],
        [
            'POST',
            /^\/routes$/,
            ({ body }) => {
                checkRoute(body as Partial<Route>);
                const route = routeOf(this.#newId(), body as Partial<Route>);
                this.data.routes.push(route);
                return route;
            },
        ],
        ['POST', /^\/routes\/explain$/, ({ body }) => explain(this.data, body as unknown as Inquiry, this.#now())],
        [
            'GET',
            /^\/routes\/(\d+)$/,
            ({ ids: [id] }) => {
                const route = this.#one(this.data.routes, (each) => each.id === id);
                return { ...route, warnings: warningsOf(this.data.carriers, route) };
            },
        ],
        [
            'PUT',
            /^\/routes\/(\d+)$/,
            ({ ids: [id = ''], body }) => {
                const route = this.#one(this.data.routes, (each) => each.id === id);
                checkRoute(body as Partial<Route>);
                return this.#change(route, { ...routeOf(id, body as Partial<Route>), version: body.version });
            },
        ],
        ['DELETE', /^\/routes\/(\d+)$/, ({ ids: [id] }) => void (this.data.routes = this.data.routes.filter((route) => route.id !== id))],

        ['GET', /^\/security\/bans$/, this.#listed('bans', () => this.data.bans, 'security.read')],
        [
            'POST',
            /^\/security\/bans$/,
            ({ body }) => {
                if (!/^[0-9a-f.:]+$/i.test(String(body.source))) check([['source', 'this is no address']]);
                const ban: Ban = { id: String(body.source), source: String(body.source), why: 'by_hand', since: this.#now(), until: this.#now() + Number(body.for_s) * 1000, times: 1, points: 0, note: (body.note as string | undefined) ?? null, evidence: [] };
                this.data.bans = [...this.data.bans.filter(({ source }) => source !== ban.source), ban];
                this.live.emit('source.banned', ban.source, ban);
                return ban;
            },
        ],
        [
            'DELETE',
            /^\/security\/bans\/(.+)$/,
            ({ ids: [source] }) => {
                const ban = this.data.bans.find((each) => each.source === source);
                if (!ban) throw new FakeProblem(404, 'ban_not_found');
                this.data.bans = this.data.bans.filter((each) => each !== ban);
                this.live.emit('source.released', ban.source, { source, by_hand: true });
                return ban;
            },
        ],
        ['GET', /^\/security\/status$/, () => ({ enabled: true, bans: this.data.bans.length, bans_max: 100_000, exempt: ['10.0.0.0/8'], thresholds: { ban_s: 3600, ban_longest_s: 2_592_000 } })],

        ['GET', /^\/slots$/, this.#listed('slots', () => this.data.slots, 'slots.read')],
        ['GET', /^\/slots\/(\d+)$/, ({ ids: [id] }) => this.#one(this.data.slots, (slot) => slot.id === id)],
        [
            'PUT',
            /^\/slots\/(\d+)$/,
            ({ ids: [id], body }) => {
                const slot = this.#one(this.data.slots, (each) => each.id === id);
                if (slot.status === 'busy') throw new FakeProblem(409, 'slot_in_call', undefined, { state: slot.state, number: slot.number });
                if (body.state) this.#slotState(slot.id, body.state === 'IDLE' ? undefined : (body.state as Slot['state']));
                return body.new_password ? { ...slot, ...this.#account(slot), id: slot.id } : slot;
            },
        ],
        ['DELETE', /^\/slots\/(\d+)$/, () => { throw new FakeProblem(409, 'not_last_slot'); }],
        ['GET', /^\/slots\/(\d+)\/limits$/, ({ ids: [id = ''] }) => this.data.limits.get(id) ?? { calls_max: 2, destinations: [] }],
        ['PUT', /^\/slots\/(\d+)\/limits$/, ({ ids: [id = ''], body }) => void this.data.limits.set(id, body as unknown as Limits)],
        [
            'POST',
            /^\/slots\/(\d+)\/take$/,
            ({ ids: [id], user }) => {
                const slot = this.#one(this.data.slots, (each) => each.id === id);
                if (slot.holder && slot.holder !== user.id) throw new FakeProblem(409, 'slot_taken', undefined, { state: slot.state });
                Object.assign(slot, { holder: user.id, holder_name: user.display_name, epoch: slot.epoch + 1 });
                this.#slotState(slot.id, undefined);
                return slot;
            },
        ],
        [
            'POST',
            /^\/slots\/(\d+)\/release$/,
            ({ ids: [id] }) => {
                const slot = this.#one(this.data.slots, (each) => each.id === id);
                Object.assign(slot, { holder: null, holder_name: null });
                this.#slotState(slot.id, undefined);
                return slot;
            },
        ],

        [
            'POST',
            /^\/call\/start$/,
            ({ body, user }) => {
                const slot = this.#one(this.data.slots, ({ id }) => id === String(body.slot_id));
                if (slot.status !== 'free') throw new FakeProblem(409, 'slot_not_callable', undefined, { state: slot.state });
                const number = String(body.phone_number).replace(/[\s().-]/g, '');
                if (number.startsWith('0')) throw new FakeProblem(422, 'no_route', 'phone_number');
                const call = makeCall(this.#chance, [slot], this.data.users, this.#now(), this.#id++);
                Object.assign(call, { status: 'dialing', direction: 'outbound', caller: slot.number, callee: number, caller_slot: slot.id, callee_slot: null, user: user.id, ringing_at: null, answered_at: null, ended_at: null, outcome: null, cause: null, segments: [], recording: null });
                this.data.calls.unshift(call);
                this.#slotState(slot.id, 'CALLING');
                this.#tell(call);
                return { call_id: call.call_id, status: 'dialing' };
            },
        ],
        [
            'POST',
            /^\/call\/end$/,
            ({ body }) => {
                const call = this.#one(this.data.calls, ({ call_id }) => call_id === body.call_id);
                const { status } = call;
                if (status !== 'ended') this.endCall(call);
                return { call_id: call.call_id, status };
            },
        ],
        ['GET', /^\/calls$/, this.#listed('calls', () => this.data.calls, 'calls.read')],
        ['GET', /^\/calls\/([\w-]+)$/, ({ ids: [id] }) => this.#one(this.data.calls, ({ call_id }) => call_id === id)],
        ['GET', /^\/calls\/([\w-]+)\/ladder$/, ({ ids: [id = ''] }) => LADDER.replaceAll('%id%', id)],
        [
            'POST',
            /^\/calls\/([\w-]+)\/recording\/token$/,
            ({ ids: [id] }) => {
                const { recording } = this.#one(this.data.calls, ({ call_id }) => call_id === id);
                return { token: 'fake', url: URL.createObjectURL(fakeWav(recording?.duration_ms || 20_000)), expires_in: 300 };
            },
        ],
        ['GET', /^\/calls\/([\w-]+)\/recording\/peaks$/, ({ ids: [id] }) => fakePeaks(this.#one(this.data.calls, ({ call_id }) => call_id === id).recording?.duration_ms || 20_000)],
        ['GET', /^\/cdr\/records$/, this.#listed('cdr', () => this.#cdrs(), 'calls.read')],

        [
            'GET',
            /^\/pbx\/status$/,
            () => ({
                domain: 'pbx.example.org',
                server: '10.0.0.5:5070',
                transport: 'udp',
                calls: this.data.calls.filter(({ status }) => status !== 'ended').length,
                slots: this.#counts(this.data.slots),
                trunks: this.data.trunks.map((trunk) => ({ ...trunk, slots: this.#counts(this.#slotsOf(trunk)) })),
            }),
        ],
        [
            'GET',
            /^\/monitor\/system$/,
            () => ({
                version: '0.4.0',
                uptime_s: 788_400,
                draining: false,
                database: { engine: 'postgres', ok: true, answer_ms: 3 },
                journal_lag: 0,
                calls: this.data.calls.filter(({ status }) => status !== 'ended').length,
                slots: this.data.slots.length,
                slots_registered: this.data.slots.filter(({ registered }) => registered).length,
                sockets: 17,
                disk_free: 61_203_283_968,
                disk_total: 107_374_182_400,
            }),
        ],
        ['POST', /^\/system\/reload$/, () => ({ changed: ['log.filter'], warnings: ['the limit of open files (1024) allows 96 calls at once'] })],
    ];

    #me(user: User): Me {
        return { id: user.id, username: user.username, display_name: user.display_name, email: user.email, locale: user.locale ?? this.#locale, tz: user.tz ?? 'Europe/Moscow', center: '1', home: '1', roles: user.roles, role: user.roles[0] ?? '', sso: user.sso };
    }

    #of(sets: string[]) {
        return this.data.sets.filter(({ code }) => sets.includes(code)).flatMap(({ permissions }) => permissions);
    }

    #shape(role: Role) {
        const shape: Record<string, string[]> = {};
        for (const { permission } of role.permissions) {
            const [area = '', verb = ''] = permission.split('.');
            shape[area] = [...(shape[area] ?? []), verb];
        }
        return shape;
    }
}

const LADDER = `call %id%  6001 -> +74951234567  over
began 2026-11-20T06:41:07.113Z
near  6001  UDP 10.0.0.21:5060, ours 10.0.0.5:5060
far   +74951234567  UDP 203.0.113.9:5060, ours 10.0.0.5:5060

            ms   6001                           Cordboard                      +74951234567
   1         0   |- INVITE 1 sdp -------------->|                              |
   2         1   |< 100 INVITE 1 ---------------|                              |
   3         7   |                              |- INVITE 1 sdp -------------->|
   4      1289   |                              |< 180 INVITE 1 ---------------|
   5      1289   |< 180 INVITE 1 ---------------|                              |
   6      5774   |                              |< 200 INVITE 1 sdp -----------|
   7      5775   |< 200 INVITE 1 sdp -----------|                              |
   8      5808   |- ACK 1 --------------------->|                              |

--- 1  0 ms  from 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
INVITE sip:+74951234567@10.0.0.5 SIP/2.0
Via: SIP/2.0/UDP 10.0.0.21:5060;branch=z9hG4bK-524287-1
From: "<script>alert(1)</script>" <sip:6001@10.0.0.5>;tag=a6c85cf
To: <sip:+74951234567@10.0.0.5>
Call-ID: 843817637684230@998sdasdh09
CSeq: 1 INVITE
Authorization: Digest username="6001", response="…"


--- 2  1 ms  to 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
SIP/2.0 100 Trying
CSeq: 1 INVITE


--- 3  7 ms  to +74951234567  UDP 203.0.113.9:5060 -> 10.0.0.5:5060
INVITE sip:x@10.0.0.5 SIP/2.0
CSeq: 1 INVITE


--- 4  1289 ms  from +74951234567  UDP 203.0.113.9:5060 -> 10.0.0.5:5060
SIP/2.0 180 Ringing
CSeq: 1 INVITE


--- 5  1289 ms  to 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
SIP/2.0 180 Ringing
CSeq: 1 INVITE


--- 6  5774 ms  from +74951234567  UDP 203.0.113.9:5060 -> 10.0.0.5:5060
SIP/2.0 200 OK
CSeq: 1 INVITE


--- 7  5775 ms  to 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
SIP/2.0 200 OK
CSeq: 1 INVITE


--- 8  5808 ms  from 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
ACK sip:x@10.0.0.5 SIP/2.0
CSeq: 1 ACK
`;

function sessionUser(): string | undefined {
    try {
        return sessionStorage.getItem(REFRESH_KEY) ?? undefined;
    } catch {
        return undefined;
    }
}

function rememberUser(id: string | undefined): void {
    try {
        if (id) sessionStorage.setItem(REFRESH_KEY, id);
        else sessionStorage.removeItem(REFRESH_KEY);
    } catch {
        // Then nobody is signed in after a reload.
    }
}
