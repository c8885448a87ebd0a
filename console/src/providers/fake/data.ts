// Made-up people, phones and calls of a small call centre.
import type { AuditEntry, Ban, Budget, Call, CallOutcome, CarrierStatus, CdrRecord, Catalogue, Cause, Center, Delivery, Export, GrantedPermission, Job, Limits, LogEvent, OidcRule, PermissionSet, Recording, Registration, Role, Schedule, Slot, SlotState, Trunk, User, Webhook } from '@/api/types';
import type { Carrier, Route } from '@/api/plan';
import { Chance } from './chance';
import { makeBudgets } from './budgets';
import { makeListening, type ListeningData } from './listening/data';
import { makeCrm, type CrmData } from './crm/data';
import { CRM_GRANTS, CRM_PERMISSIONS } from './crm/rights';
import { makeMissed, type FakeMissed } from './desk/missed';
import { makeStandings } from './carriers';
import { makeCarriers, makeRoutes } from './plan';
import { makeRegistrations } from './registrations';

export interface FakeCall extends Call {
    recording: Recording | null;
}

export interface FakeData {
    me: string;
    users: User[];
    roles: (Role & { created_at: number; updated_at: number })[];
    sets: PermissionSet[];
    rules: (OidcRule & { created_at: number })[];
    slots: Slot[];
    /** Where registered phones are. */
    registrations: Registration[];
    trunks: Trunk[];
    carriers: Carrier[];
    routes: Route[];
    /** How carriers are at this moment. */
    standings: CarrierStatus[];
    bans: Ban[];
    budgets: Budget[];
    limits: Map<string, Limits>;
    /** By which numbers slots call the world. */
    callers: Map<string, string>;
    calls: FakeCall[];
    /** By which carriers calls were placed, by the calls' ids. */
    tries: Map<string, CdrRecord['tries']>;
    audit: AuditEntry[];
    events: LogEvent[];
    jobs: Job[];
    schedules: Schedule[];
    exports: Export[];
    webhooks: Webhook[];
    deliveries: Delivery[];
    centers: Center[];
    /** Scenarios, tags, and who heard what. */
    listening: ListeningData;
    /** Leads and clients. */
    crm: CrmData;
    /** Calls that nobody answered. */
    missed: FakeMissed[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** When something came to be, and when it was last changed. */
function dates(now: number) {
    return { created_at: now - 90 * DAY, updated_at: now - 2 * DAY };
}

const NAMES: [string, string, string][] = [
    ['admin', 'Вера Соколова', 'admin'],
    ['ann', 'Анна Кузнецова', 'operator'],
    ['boris', 'Борис Орлов', 'operator'],
    ['clara', 'Clara Weiss', 'supervisor'],
    ['denis', 'Денис Ким', 'operator'],
    ['elena', 'Елена Смирнова', 'listener'],
    ['fedor', 'Фёдор Морозов', 'seller'],
    ['galina', 'Галина Попова', 'operator'],
    ['henry', 'Henry Okafor', 'HelpDeskUser'],
    ['irina', 'Ирина Волкова', 'HelpDeskManager'],
    ['kirill', 'Кирилл Лебедев', 'operator'],
    ['lena', 'Lena Schmidt', 'number_manager'],
    ['maria', 'Мария Новикова', 'operator'],
    ['nikita', 'Никита Зайцев', 'operator'],
    ['olga', 'Ольга Павлова', 'client_admin'],
    ['pavel', 'Павел Егоров', 'SL3User'],
];

const SCOPES = { ROWS: ['own', 'team', 'group', 'center', 'all'], CENTER: ['center', 'all'], SYSTEM: ['all'], OWN: ['own'] };

const listed = (scopes: string[]) => [...scopes.map((scope) => (scope === 'center' ? 'list' : `${scope}+list`)), ...scopes];

/** What can be permitted, as the server's catalogue has it. */
const PERMISSIONS: [string, string[]][] = [
    ...['users.read', 'users.update', 'users.delete', 'users.bulk', 'users.export'].map((name): [string, string[]] => [name, listed(SCOPES.ROWS)]),
    ['users.create', listed(SCOPES.CENTER)],
    ...['roles.read', 'roles.update', 'roles.delete', 'roles.export'].map((name): [string, string[]] => [name, listed(SCOPES.CENTER)]),
    ['roles.create', SCOPES.CENTER],
    ...['read', 'create', 'delete'].map((verb): [string, string[]] => [`oidc_role_map.${verb}`, SCOPES.CENTER]),
    ...['read', 'create', 'update', 'export'].map((verb): [string, string[]] => [`centers.${verb}`, SCOPES.SYSTEM]),
    ...['read', 'update', 'delete', 'admin', 'use', 'monitor', 'export'].map((verb): [string, string[]] => [`slots.${verb}`, listed(SCOPES.ROWS)]),
    ['slots.trace', SCOPES.CENTER],
    ...['read', 'create', 'update', 'delete', 'monitor', 'export'].map((verb): [string, string[]] => [`trunks.${verb}`, SCOPES.CENTER]),
    ...['read', 'create', 'update', 'delete'].map((verb): [string, string[]] => [`routes.${verb}`, SCOPES.CENTER]),
    ...['read', 'manage'].map((verb): [string, string[]] => [`security.${verb}`, SCOPES.SYSTEM]),
    ...['start', 'end', 'read', 'monitor', 'record', 'trace', 'export'].map((verb): [string, string[]] => [`calls.${verb}`, listed(SCOPES.ROWS)]),
    ...['read', 'listen', 'download', 'export'].map((verb): [string, string[]] => [`recordings.${verb}`, listed(SCOPES.ROWS)]),
    ...['configure', 'monitor', 'restart'].map((verb): [string, string[]] => [`system.${verb}`, SCOPES.SYSTEM]),
    ['metrics.read', SCOPES.SYSTEM],
    ['scenarios.read', listed(SCOPES.CENTER)],
    ...['read', 'set', 'unset'].map((verb): [string, string[]] => [`tags.${verb}`, listed(SCOPES.ROWS)]),
    ['tags.manage', SCOPES.CENTER],
    ...['read', 'claim'].map((verb): [string, string[]] => [`listening.${verb}`, listed(SCOPES.CENTER)]),
    ...['read', 'export'].map((verb): [string, string[]] => [`tag_statistics.${verb}`, SCOPES.ROWS]),
    ['audit_log.read', SCOPES.ROWS],
    ['audit_log.verify', SCOPES.SYSTEM],
    ['audit_log.export', SCOPES.ROWS],
    ...['read', 'create', 'export'].map((verb): [string, string[]] => [`events_log.${verb}`, SCOPES.CENTER]),
    ...['read', 'manage', 'export'].map((verb): [string, string[]] => [`jobs.${verb}`, SCOPES.ROWS]),
    ...['read', 'create', 'update', 'delete'].map((verb): [string, string[]] => [`schedules.${verb}`, SCOPES.CENTER]),
    ...['read', 'delete'].map((verb): [string, string[]] => [`exports.${verb}`, SCOPES.ROWS]),
    ...['read', 'create', 'update', 'delete', 'export'].map((verb): [string, string[]] => [`webhooks.${verb}`, SCOPES.CENTER]),
    ...['read', 'create', 'delete'].map((verb): [string, string[]] => [`tokens.${verb}`, SCOPES.ROWS]),
    ...CRM_PERMISSIONS,
];

const COLUMNS: Record<string, [string, string[]]> = {
    users: ['username display_name email roles manager locale tz state sso created_at last_login_at', ['role']],
    calls: ['call_id status direction caller callee caller_slot callee_slot user started_at ringing_at answered_at ended_at outcome cause segments scenario source recording', ['scenario', 'slot']],
    tags: ['name colour position stop active', ['tag_group']],
    slots: ['number type state status registered holder holder_name since', ['slot']],
    audit_log: ['at actor_name action outcome resource resource_id diff source', []],
};

export const CATALOGUE: Catalogue = {
    permissions: PERMISSIONS.map(([permission, scopes]) => ({ permission, about: '', scopes })),
    resources: Object.entries(COLUMNS).map(([name, [columns, list_kinds]]) => ({ name, columns: columns.split(' ').map((column) => ({ name: column, about: '', mask: 'whole' })), list_kinds })),
};

/** What each role that comes with the program grants here. */
const GRANTS: Record<string, string> = {
    admin: PERMISSIONS.map(([permission, scopes]) => `${permission}@${scopes.includes('all') ? 'all' : scopes.at(-1)}`).join(' '),
    client_admin: 'users.read@list users.create@list users.update@list users.delete@list roles.read@list calls.read@center calls.export@center recordings.listen@center scenarios.read@center tags.read@center tags.set@center tags.unset@center tags.manage@center listening.read@center listening.claim@center tag_statistics.read@center tag_statistics.export@center audit_log.read@center exports.read@own exports.delete@own jobs.read@own',
    supervisor:
        'users.read@center users.export@center roles.read@center slots.read@center slots.monitor@center slots.export@center trunks.read@center trunks.monitor@center calls.read@center calls.monitor@center calls.export@center recordings.listen@center recordings.download@center events_log.read@center exports.read@own exports.delete@own webhooks.read@center jobs.read@center',
    operator: 'slots.read@center slots.use@own calls.start@own calls.end@own calls.read@own recordings.listen@own jobs.read@own',
    seller: 'calls.read@own recordings.listen@own',
    listener: 'calls.read@list recordings.listen@list tags.read@list tags.set@list tags.unset@list tag_statistics.read@own listening.read@list listening.claim@list',
    HelpDeskUser: 'slots.read@center slots.use@own calls.start@own calls.end@own calls.read@own',
    HelpDeskManager: 'users.read@team calls.read@team recordings.listen@team',
    SL3User: 'calls.read@own',
    SL3Manager: 'users.read@team calls.read@team',
    number_manager: 'audit_log.read@own exports.read@own',
    viewer: 'exports.read@own',
    analyst: 'exports.read@own exports.delete@own',
};

function grants(code: string): GrantedPermission[] {
    return `${GRANTS[code] ?? ''} ${CRM_GRANTS[code] ?? ''}`.split(' ').filter(Boolean).map((text) => {
        const [permission = '', scope = ''] = text.split('@');
        return { permission, scope };
    });
}

export function makeData(now: number, callCount = 260): FakeData {
    const chance = new Chance(7);
    const roleNames = Object.keys(GRANTS);
    const sets: PermissionSet[] = roleNames.map((code, index) => ({ id: String(index + 1), code, name: code.charAt(0).toUpperCase() + code.slice(1).replace('_', ' '), builtin: true, permissions: grants(code), version: 1, ...dates(now) }));
    const roles = roleNames.map((code, index) => ({
        id: String(index + 1),
        code,
        name: sets[index]?.name ?? code,
        builtin: true,
        sets: [code],
        lists: code === 'client_admin' ? [{ resource: 'users', kind: 'role', ids: ['listener'] }] : [],
        columns: code === 'listener' ? [{ resource: 'calls', column: 'caller', mode: 'mask' as const }, { resource: 'calls', column: 'user', mode: 'hide' as const }] : [],
        version: 1,
        permissions: grants(code),
        created_at: now - 90 * DAY,
        updated_at: now - chance.whole(1, 80) * DAY,
    }));
    const users: User[] = Array.from({ length: 74 }, (_, index) => {
        const named = NAMES[index];
        const username = named?.[0] ?? `operator${index - NAMES.length + 1}`;
        const state = index === 13 ? 'disabled' : index > 8 && chance.percent(10) ? chance.one(['disabled', 'invited'] as const) : 'active';
        return {
            id: String(index + 1),
            username,
            email: chance.percent(80) ? `${username}@example.org` : null,
            display_name: named?.[1] ?? `${chance.one(['Александр', 'Дарья', 'Игорь', 'Ксения', 'Максим', 'Полина', 'Сергей', 'Юлия'])} ${chance.one(['Иваненко', 'Ли', 'Петренко', 'Сидорук', 'Ткач', 'Шевчук', 'Юн'])}`,
            roles: [named?.[2] ?? 'operator', ...(index === 9 ? ['supervisor'] : [])],
            manager: index === 0 ? null : chance.percent(70) ? '4' : '10',
            // Who looks at the pictures chooses the language.
            locale: index === 0 ? null : chance.one(['ru', 'ru', 'en', null]),
            tz: chance.percent(20) ? 'Asia/Yekaterinburg' : null,
            state,
            sso: chance.percent(25) && index > 0,
            created_at: now - chance.whole(20, 400) * DAY,
            last_login_at: state === 'invited' ? null : now - chance.whole(1, 20_000) * MINUTE,
            version: chance.whole(1, 6),
            lists: [],
            columns: [],
        };
    });
    const trunks: Trunk[] = [
        { id: '1', name: 'Первый зал', type: 'auto', capacity: 24 },
        { id: '2', name: 'Мобильная ферма', type: 'mf', capacity: 12 },
        { id: '3', name: 'Night desk', type: 'ls', capacity: 6 },
    ];
    const slots: Slot[] = trunks.flatMap((trunk, hub) =>
        Array.from({ length: trunk.capacity }, (_, index): Slot => {
            const roll = chance.whole(0, 99);
            const state: SlotState = roll < 4 ? 'FAULT' : roll < 8 ? 'DISABLED' : roll < 45 ? 'READY' : roll < 60 ? 'REGISTERING' : 'IDLE';
            const holder = state === 'READY' || state === 'REGISTERING' ? users[2 + ((hub * 24 + index) % 60)] : undefined;
            const registered = state === 'READY' || (state === 'IDLE' && chance.percent(70));
            return {
                id: String(hub * 100 + index + 1),
                number: String((hub + 6) * 1000 + index + 1),
                type: trunk.type,
                state,
                status: 'offline',
                registered,
                holder: holder?.id ?? null,
                holder_name: holder?.display_name ?? null,
                since: now - chance.whole(1, 300) * MINUTE,
                epoch: chance.whole(1, 40),
            };
        }),
    );
    const carriers = makeCarriers();
    const calls = Array.from({ length: callCount }, (_, index) => makeCall(chance, slots, users, now - (index + 1) * chance.whole(2, 9) * MINUTE, index));
    const crm = makeCrm(users, calls, now);
    const tries = furnish(calls, slots, users, now);
    // What a stranger's phone says that it is: it has to come out as text.
    const strange = calls[2];
    if (strange) Object.assign(strange, { caller: '<img src=x onerror=alert(1)>', direction: 'inbound', caller_slot: null });
    return {
        me: '1',
        users,
        roles,
        sets,
        rules: [
            { id: '1', issuer: 'https://login.example.org/realms/main', claim: 'realm_access.roles', value: 'HelpDeskUser', role: 'HelpDeskUser', created_at: now - 40 * DAY },
            { id: '2', issuer: 'https://login.example.org/realms/main', claim: 'realm_access.roles', value: 'callcenter-admin', role: 'admin', created_at: now - 12 * DAY },
        ],
        slots,
        registrations: makeRegistrations(new Chance(11), slots, now),
        trunks,
        carriers,
        standings: makeStandings(carriers, now),
        routes: makeRoutes(),
        bans: makeBans(now),
        budgets: makeBudgets(now),
        crm,
        missed: makeMissed(now, crm.leads.flatMap(({ phone }) => phone ?? [])),
        callers: new Map([['2', '+74951234567'], ['3', '+74990000000']]),
        limits: new Map([['1', { calls_max: 2, destinations: ['6*', '+7495*', '112'] }]]),
        calls,
        tries,
        listening: makeListening(new Chance(13), calls, users, now),
        audit: makeAudit(chance, users, now),
        events: makeEvents(chance, now),
        jobs: makeJobs(now),
        schedules: [
            { id: '1', kind: 'audit.verify', payload: {}, cron: '30 3 * * *', tz: 'Europe/Moscow', enabled: true, builtin: true, next_at: now + 9 * HOUR, last_job_id: '3', version: 1, created_by: null, ...dates(now) },
            { id: '2', kind: 'office.cleanup', payload: {}, cron: '0 4 * * *', tz: 'Europe/Moscow', enabled: true, builtin: true, next_at: now + 10 * HOUR, last_job_id: '4', version: 1, created_by: null, ...dates(now) },
            { id: '3', kind: 'directory.refresh', payload: {}, cron: '0 9 * * 1-5', tz: 'Asia/Yekaterinburg', enabled: false, builtin: false, next_at: null, last_job_id: null, version: 3, created_by: null, ...dates(now) },
        ],
        exports: [
            makeExport('3', '6', 'calls', 'xlsx', 'running', now - 20_000),
            makeExport('2', '5', 'cdrs', 'csv', 'done', now - 3 * HOUR, 128_540, 4_913_002),
            makeExport('1', '2', 'users', 'xlsx', 'expired', now - 9 * DAY, 74, 12_004),
        ],
        webhooks: [
            { id: '1', name: 'CRM', url: 'https://crm.example.org/hooks/calls', events: ['call.update', 'recording.ready'], enabled: true, failures: 0, version: 2, failing_since: null, disabled_reason: null, created_by: '1', ...dates(now) },
            { id: '2', name: 'Отчёты', url: 'https://bi.example.org/in', events: ['cdr.created'], enabled: true, failures: 4, version: 1, failing_since: now - 2 * HOUR, disabled_reason: null, created_by: '1', ...dates(now) },
            { id: '3', name: 'Old wallboard', url: 'https://wall.example.org/push', events: ['*'], enabled: false, failures: 0, version: 7, failing_since: null, disabled_reason: 'it has taken nothing for 7 days', created_by: '1', ...dates(now) },
        ],
        deliveries: makeDeliveries(chance, now),
        centers: [
            { id: '1', code: 'main', name: 'Главный', locale: 'ru', tz: 'Europe/Moscow', state: 'active', settings: { login: { local: true, oidc: true } }, version: 3, ...dates(now) },
            { id: '2', code: 'north', name: 'Север', locale: 'ru', tz: 'Asia/Yekaterinburg', state: 'active', settings: { login: { local: true, oidc: false } }, version: 1, ...dates(now) },
            { id: '3', code: 'old', name: 'Old site', locale: 'en', tz: 'UTC', state: 'disabled', settings: {}, version: 9, ...dates(now) },
        ],
    };
}

/** A call that went through three hands. */
export const TRANSFERRED = 'c_transferred1';
/** One that two carriers did not take. */
export const TRIED = 'c_tried1';
/** One in which somebody was asked about another. */
const CONSULTATION = 'c_consultation1';

/** Calls with all that can be told of one. */
function furnish(calls: FakeCall[], slots: Slot[], users: User[], now: number): FakeData['tries'] {
    const [first, second, third] = slots;
    const [from, answered] = [now - 26 * MINUTE, now - 25.9 * MINUTE];
    const [transferred, consulted, tried] = calls.slice(3);
    if (!transferred || !consulted || !tried || !first || !second || !third) return new Map();
    const inbound = { direction: 'inbound' as const, status: 'ended' as const, outcome: 'answered' as const, cause: 'caller_hung_up' as const, scenario: 'sales', source: 'billboard' };
    Object.assign(transferred, inbound, {
        call_id: TRANSFERRED,
        caller: '+74957771234',
        callee: '+74951234567',
        caller_slot: null,
        callee_slot: first.id,
        user: users[2]?.id,
        started_at: from,
        ringing_at: from + 900,
        answered_at: answered,
        ended_at: answered + 14 * MINUTE,
        recording: makeRecording(answered, answered + 14 * MINUTE, '+74957771234', '+74951234567', true),
        segments: [
            { slot: first.id, user: users[2]?.id ?? null, from: answered, to: answered + 4 * MINUTE, hold_ms: 47_000 },
            { slot: second.id, user: users[4]?.id ?? null, from: answered + 4 * MINUTE, to: answered + 5 * MINUTE, hold_ms: 0 },
            { slot: third.id, user: users[7]?.id ?? null, from: answered + 5 * MINUTE, to: answered + 14 * MINUTE, hold_ms: 3000 },
        ],
    });
    Object.assign(consulted, { call_id: CONSULTATION, parent: TRANSFERRED, direction: 'internal', caller: first.number, callee: second.number, caller_slot: first.id, callee_slot: second.id, started_at: answered + 3 * MINUTE, answered_at: answered + 3.2 * MINUTE, ended_at: answered + 4 * MINUTE, outcome: 'answered', cause: 'caller_hung_up', segments: [], recording: null });
    Object.assign(tried, { call_id: TRIED, parent: null, direction: 'outbound', caller: second.number, callee: '+4930123456', caller_slot: second.id, callee_slot: null, started_at: now - 12 * MINUTE, ringing_at: null, answered_at: null, ended_at: now - 12 * MINUTE + 9200, outcome: 'failed', cause: 'carrier_failed', segments: [], recording: null });
    const at = tried.started_at;
    return new Map([
        [
            TRIED,
            [
                { carrier: '103', called: '+4930123456', caller: '74951234567', target: null, at, outcome: 'full', status: null },
                { carrier: '101', called: '+4930123456', caller: '+74951234567', target: 'tcp 198.51.100.4:5060', at: at + 2, outcome: 'silent', status: null },
                { carrier: '102', called: '<u>1</u>', caller: '<i>78431234567</i>', target: 'udp 203.0.113.9:5080', at: at + 6010, outcome: 'refused', status: 503 },
                { carrier: '7', caller: '+74951234567', target: 'udp 203.0.113.10:5060', at: at + 8100, outcome: 'refused', status: 499 },
            ],
        ],
    ]);
}

function makeBans(now: number): Ban[] {
    const ban = (source: string, why: string, minutesAgo: number, minutes: number, times: number, evidence: Ban['evidence'], note: string | null = null): Ban => ({ id: source, source, why, since: now - minutesAgo * MINUTE, until: now + (minutes - minutesAgo) * MINUTE, times, points: 100, note, evidence });
    return [
        ban('198.51.100.7', 'wrong_password', 4, 60, 1, [{ kind: 'wrong_password', count: 12 }]),
        ban('203.0.113.77', 'scanner', 25, 240, 2, [{ kind: 'scanner', count: 31 }, { kind: 'malformed', count: 2 }]),
        ban('2001:db8:dead:1::/64', 'toll_attempt', 300, 1440, 3, [{ kind: 'unknown_user', count: 4 }, { kind: 'toll_attempt', count: 3 }]),
        ban('192.0.2.200', 'by_hand', 90, 10_080, 1, [], '<i>звонил ночью</i>, заявка 4417'),
    ];
}

const OUTCOMES: [CallOutcome, Cause][] = [
    ['answered', 'callee_hung_up'],
    ['answered', 'caller_hung_up'],
    ['answered', 'caller_hung_up'],
    ['answered', 'media_timeout'],
    ['busy', 'busy'],
    ['no_answer', 'no_answer'],
    ['canceled', 'caller_gave_up'],
    ['failed', 'not_registered'],
    ['failed', 'no_such_number'],
];

export function makeCall(chance: Chance, slots: Slot[], users: User[], startedAt: number, index: number): FakeCall {
    const slot = chance.one(slots);
    const direction = chance.one(['outbound', 'outbound', 'inbound', 'internal'] as const);
    const outside = `+7${chance.one(['495', '812', '343', '916', '903'])}${chance.whole(1_000_000, 9_999_999)}`;
    const other = direction === 'internal' ? chance.one(slots) : undefined;
    const far = other?.number ?? outside;
    const inbound = direction === 'inbound';
    const [outcome, cause] = chance.one(OUTCOMES);
    const ringingAt = startedAt + chance.whole(400, 3000);
    const answeredAt = outcome === 'answered' ? ringingAt + chance.whole(1500, 18_000) : null;
    const endedAt = answeredAt === null ? ringingAt + chance.whole(3000, 30_000) : answeredAt + chance.whole(8, 640) * 1000;
    const user = users[1 + (index % 20)];
    const called = inbound ? slot : other;
    return {
        call_id: `c_${(startedAt * 100 + (index % 100)).toString(36)}`,
        status: 'ended',
        direction,
        caller: inbound ? far : slot.number,
        callee: inbound ? slot.number : far,
        caller_slot: inbound ? (other?.id ?? null) : slot.id,
        callee_slot: inbound ? slot.id : (other?.id ?? null),
        user: user?.id ?? null,
        started_at: startedAt,
        ringing_at: ringingAt,
        answered_at: answeredAt,
        ended_at: endedAt,
        outcome,
        cause,
        parent: null,
        scenario: chance.percent(30) ? chance.one(['sales', 'support']) : null,
        source: null,
        carrier: null,
        tries: [],
        asked: null,
        rung: called ? [{ slot: called.id, user: inbound ? (user?.id ?? null) : null, at: startedAt }] : [],
        segments: answeredAt === null ? [] : [{ slot: slot.id, user: user?.id ?? null, from: answeredAt, to: endedAt, hold_ms: chance.percent(20) ? 12_000 : 0 }],
        recording: answeredAt === null ? null : makeRecording(answeredAt, endedAt, inbound ? far : slot.number, inbound ? slot.number : far, inbound),
    };
}

export function makeRecording(from: number, to: number | null, caller: string, callee: string, inbound: boolean): Recording {
    const [ours, theirs] = inbound ? (['callee', 'caller'] as const) : (['caller', 'callee'] as const);
    const number = { caller, callee };
    return {
        state: to === null ? 'recording' : 'complete',
        reason: null,
        started_at: from,
        duration_ms: to === null ? 0 : to - from,
        size: to === null ? 0 : (to - from) * 32 + 44,
        left: { role: ours, number: number[ours] },
        right: { role: theirs, number: number[theirs] },
    };
}

function makeAudit(chance: Chance, users: User[], now: number): AuditEntry[] {
    const deeds: [string, AuditEntry['category'], AuditEntry['outcome'], string, string, AuditEntry['diff']][] = [
        ['session.login', 'security', 'done', 'sessions', '', {}],
        ['session.login', 'security', 'refused', 'sessions', '', {}],
        ['users.update', 'change', 'done', 'users', '7', { display_name: ['Фёдор М.', 'Фёдор Морозов'], roles: [['operator'], ['seller']], email: [null, 'fedor@example.org'] }],
        ['users.create', 'change', 'done', 'users', '74', { username: [null, 'operator58'], state: [null, 'invited'], roles: [null, ['operator']] }],
        ['recordings.listen', 'read', 'done', 'recordings', 'c_k2v8q4z1', {}],
        ['slots.admin', 'change', 'done', 'slots', '12', { state: ['IDLE', 'DISABLED'] }],
        ['roles.update', 'security', 'done', 'roles', '14', { sets: [['viewer'], ['viewer', 'analyst']] }],
        ['users.read', 'security', 'refused', 'users', '', {}],
        ['trunks.create', 'change', 'done', 'trunks', '3', { name: [null, 'Night desk'], type: [null, 'ls'], capacity: [null, 6] }],
        ['users.password', 'security', 'done', 'users', '2', { password: [null, 'changed'] }],
        ['exports.run', 'read', 'done', 'exports', '2', { resource: [null, 'cdrs'], rows: [null, 128_540] }],
        ['system.configure', 'change', 'done', 'system', '', { 'log.filter': ['info', 'debug'] }],
        ['slots.use', 'change', 'done', 'slots', '4', null],
    ];
    return Array.from({ length: 180 }, (_, index) => {
        const [action, category, outcome, resource, resourceId, diff] = chance.one(deeds);
        const isNobody = action === 'session.login' && outcome === 'refused';
        const isSystem = !isNobody && chance.percent(8);
        const user = chance.one(users);
        return {
            seq: String(9000 - index),
            at: now - index * chance.whole(1, 14) * MINUTE,
            category,
            actor_kind: isNobody ? 'nobody' : isSystem ? 'system' : chance.percent(12) ? 'token' : 'user',
            actor: isNobody || isSystem ? null : user.id,
            actor_name: isSystem ? 'schedule' : user.username,
            action,
            outcome,
            resource,
            resource_id: resourceId,
            diff,
            source: isSystem ? '' : `10.0.${chance.whole(0, 3)}.${chance.whole(2, 250)}`,
            user_agent: isSystem ? '' : 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
            request_id: Math.floor(chance.next() * 2 ** 52).toString(16),
            hash: Array.from({ length: 8 }, () => Math.floor(chance.next() * 2 ** 32).toString(16).padStart(8, '0')).join(''),
        };
    });
}

function makeEvents(chance: Chance, now: number): LogEvent[] {
    const kinds: [LogEvent['severity'], string, string, string][] = [
        ['info', 'server', 'server.started', 'The server has started.'],
        ['warning', 'net', 'net.source_blocked', 'A source sends too much and is dropped: 198.51.100.7.'],
        ['warning', 'media', 'media.ports_low', 'Nine in ten media ports are in use.'],
        ['error', 'webhooks', 'webhooks.unreachable', 'bi.example.org has not answered five times in a row.'],
        ['critical', 'store', 'store.away', 'The database cannot be reached; facts wait in the journal.'],
        ['debug', 'device', 'device.telemetry', 'Battery 71 %, signal 4 of 5.'],
    ];
    return Array.from({ length: 60 }, (_, index) => {
        const [severity, module, code, message] = chance.one(kinds);
        return { id: String(600 - index), at: now - index * chance.whole(3, 50) * MINUTE, severity, module, code, message, data: { node: 'a1', attempt: chance.whole(1, 5) }, created_by: null };
    });
}

function makeJobs(now: number): Job[] {
    const job = (id: string, kind: string, state: Job['state'], startedAgo: number, more: Partial<Job> = {}): Job => ({
        id,
        kind,
        state,
        run_at: now - startedAgo,
        attempts: 0,
        attempts_max: 8,
        cancel_requested: false,
        done: 0,
        total: null,
        result: null,
        error: null,
        schedule_id: null,
        created_at: now - startedAgo - 400,
        updated_at: now - startedAgo + 30_000,
        created_by: '1',
        started_at: state === 'queued' ? null : now - startedAgo,
        ended_at: state === 'running' || state === 'queued' ? null : now - startedAgo + 42_000,
        ...more,
    });
    return [
        job('7', 'bulk.run', 'queued', 4000, { total: 58 }),
        job('6', 'exports.run', 'running', 20_000, { done: 41_000, total: 260_400 }),
        job('5', 'exports.run', 'done', 3 * HOUR, { done: 128_540, total: 128_540, result: { rows: 128_540, size: 4_913_002 } }),
        job('4', 'office.cleanup', 'done', 10 * HOUR, { created_by: null, schedule_id: '2', done: 3, result: { jobs: 12, exports: 1, deliveries: 3044 } }),
        job('3', 'audit.verify', 'done', 11 * HOUR, { created_by: null, schedule_id: '1', done: 9000, total: 9000, result: { ok: true, rows: 9000 } }),
        job('2', 'exports.run', 'failed', 9 * DAY, { attempts: 8, done: 512, total: 90_000, error: 'there is no room left on the disk' }),
        job('1', 'bulk.run', 'cancelled', 12 * DAY, { done: 17, total: 300 }),
    ];
}

function makeExport(id: string, jobId: string, resource: string, format: Export['format'], state: Export['state'], at: number, rows: number | null = null, size: number | null = null): Export {
    return { id, job_id: jobId, resource, filter: {}, columns: ['started_at', 'caller', 'callee', 'outcome'], format, locale: 'ru', tz: 'Europe/Moscow', state, size, row_count: rows, sha256: size === null ? null : '9f'.repeat(32), created_at: at, created_by: '1', expires_at: at + 7 * DAY };
}

function makeDeliveries(chance: Chance, now: number): Delivery[] {
    return Array.from({ length: 70 }, (_, index): Delivery => {
        const webhook = chance.percent(60) ? '1' : '2';
        const good = webhook === '1' || chance.percent(40);
        const at = now - index * chance.whole(1, 12) * MINUTE;
        return {
            id: String(700 - index),
            webhook_id: webhook,
            event_id: String(1042 + index),
            kind: webhook === '1' ? chance.one(['call.update', 'recording.ready']) : 'cdr.created',
            state: good ? 'delivered' : index < 4 ? 'pending' : 'failed',
            attempts: good ? 1 : chance.whole(2, 9),
            last_status: good ? 204 : chance.one([500, 503, null]),
            last_error: good ? null : 'connection refused',
            payload: { seq: 1042 + index, ts: at, type: 'call.update', id: 'c_k2v8q4z1', data: { status: 'ended' } },
            created_at: at,
            next_at: good || index >= 4 ? null : now + chance.whole(1, 30) * MINUTE,
            delivered_at: good ? at + 120 : null,
        };
    });
}
