// Carriers and routes of a small call centre, and what they decide of a call: the parts of docs/routes.md that pages show.
import type { Action, Carrier, Explanation, Inquiry, Origin, PlanWarning, Route, RouteMatch, SlotRef, Try, Way, Weekday } from '@/api/plan';
import type { Slot } from '@/api/types';
import { toWall } from '@/i18n/format';
import { FakeProblem } from './problem';

export type Body = Record<string, unknown>;

const IDENTITY: Carrier['identity'] = { from: 'caller', asserted: false, preferred: false, remote_party: false, privacy: 'refuse', redirections: 'none', believe: false };

/** A carrier with what is usual for all that is not said. */
export function carrierOf(id: string, body: Partial<Carrier>): Carrier {
    return {
        on: true,
        centers: 'own',
        networks: [],
        callers: [],
        calls_per_s: 0,
        health: { options_every_s: 30, off_after: 3 },
        group: '',
        priority: 100,
        weight: 100,
        currency: '',
        rates: [],
        rated_only: false,
        failover: { next: [401, 402, 403, 407, 408, 488, 500, 501, 502, 503, 504, 513], silent_s: 6 },
        rules_in: [],
        send: 'plus',
        rules_out: [],
        early_media: 'prefer',
        redirects_max: 0,
        version: 1,
        ...body,
        // A password goes in and never comes out.
        accounts: (body.accounts ?? []).map(({ password: _, ...account }) => ({ ...account, realm: account.realm ?? '', register: account.register ?? true, expires_s: account.expires_s ?? 3600, contact_user: account.contact_user ?? '' })),
        numbers: (body.numbers ?? []).map((number) => ({ ...number, to: number.to ?? [], scenario: number.scenario ?? '', source: number.source ?? '', calls_max: number.calls_max ?? 0 })),
        identity: { ...IDENTITY, ...body.identity },
        id,
        type: 'sip',
    } as Carrier;
}

export function routeOf(id: string, body: Partial<Route>): Route {
    return { on: true, scenario: '', source: '', rewrite: [], version: 1, ...body, match: { from: [], to: [], came_by: 'any', ...body.match }, id } as Route;
}

export function makeCarriers(): Carrier[] {
    const form = { country_code: '7', trunk_prefix: '8', international_prefix: '810', national_digits: { min: 10, max: 10 } };
    const account = { realm: '', register: true, expires_s: 3600, contact_user: '' };
    return [
        carrierOf('101', {
            name: 'Северный Телефон',
            hosts: ['sip:sip.north.example.com;transport=tcp', 'sips:sip2.north.example.com'],
            accounts: [{ username: 'sales', ...account }],
            numbers: [
                { number: '+74951234567', to: ['6001', '6002'], scenario: 'sales', source: 'billboard', calls_max: 4 },
                { number: '+74951234568', to: [], scenario: '', source: '', calls_max: 0 },
            ],
            callers: [{ number: '+74951234567' }],
            capacity: 30,
            group: 'moscow',
            currency: 'RUB',
            rates: [
                { prefix: '+7495', per_minute: '90', connect: '0', first_s: 0, step_s: 1 },
                { prefix: '+', per_minute: '2500.5', connect: '100', first_s: 0, step_s: 60 },
            ],
            form,
        }),
        carrierOf('102', { name: 'Wolga <b>Net</b>', hosts: ['sip:203.0.113.9:5080'], callers: [{ number: '+78431234567' }], capacity: 10, group: 'moscow', currency: 'RUB', rates: [{ prefix: '+7', per_minute: '150', connect: '0', first_s: 0, step_s: 60 }], form }),
        carrierOf('103', { name: 'Reserve', on: false, hosts: ['sip:[2001:db8::9]'], callers: [{ number: '+74951234567' }], capacity: 4 }),
    ];
}

export function makeRoutes(): Route[] {
    const workdays = ['09:00-18:00'];
    const calendar = { zone: 'Europe/Moscow', week: { mon: workdays, tue: workdays, wed: workdays, thu: workdays, fri: workdays }, special: [{ date: '01-01', name: 'Новый год', hours: [] }] };
    return [
        routeOf('1', { name: 'Экстренные', position: 10, match: { from: [], to: ['112', '101', '102', '103'], came_by: 'slot' }, then: { do: 'carriers', order: [{ group: 'moscow' }], least_cost: false } }),
        routeOf('2', { name: 'Москва днём', position: 20, match: { from: [], to: ['+7495*', '+7499*'], came_by: 'slot', when: { calendar, open: true } }, then: { do: 'carriers', order: [{ carrier: '101' }, { group: 'moscow' }], least_cost: true } }),
        routeOf('3', { name: 'Ночью никого', position: 30, match: { from: [], to: [], came_by: { carriers: ['101'] }, when: { calendar, open: false } }, then: { do: 'slots', slots: ['6001', '6002', '6003'], ring_s: 45 }, scenario: 'night' }),
        routeOf('4', { name: 'CRM решает', position: 40, on: false, match: { from: ['+7916*'], to: ['+74951234568'], came_by: { carriers: ['101', '102'] } }, then: { do: 'ask', url: 'https://crm.example.com/route', deadline_ms: 1000, default: { do: 'slots', slots: ['6001'], ring_s: 30 } } }),
        routeOf('5', { name: 'Дорогие номера', position: 50, match: { from: [], to: ['+7809*'], came_by: 'slot' }, then: { do: 'refuse', cause: 'destination_not_allowed' } }),
        routeOf('6', { name: 'Россия', position: 60, match: { from: [], to: ['+7*'], length: 12, came_by: 'slot' }, then: { do: 'carriers', order: [{ carrier: '102' }, { carrier: '103' }, { group: 'reserve' }], least_cost: false } }),
    ];
}

/** Refuses what is wrong, all of it at once. */
export function check(faults: [string, string][]): void {
    if (faults.length === 0) return;
    throw new FakeProblem(422, 'invalid_field', undefined, { errors: faults.map(([field, detail]) => ({ field, code: 'invalid_field', detail })) });
}

export function checkCarrier(body: Partial<Carrier>, before: Carrier | undefined): void {
    const faults: [string, string][] = [];
    if (!body.name) faults.push(['name', 'must not be empty']);
    if (!body.hosts?.length) faults.push(['hosts', 'needs at least one']);
    body.hosts?.forEach((host, index) => {
        if (!/^sips?:[\w.[\]:-]+(;transport=\w+)?$/.test(host)) faults.push([`hosts[${index}]`, 'a host is written as sip:sip.example.com']);
    });
    const isElsewhere = body.hosts?.some((host) => !before?.hosts.includes(host));
    body.accounts?.forEach(({ username, password }, index) => {
        if (!password && (isElsewhere || !before?.accounts.some((account) => account.username === username))) faults.push([`accounts[${index}].password`, 'is missing']);
    });
    body.numbers?.forEach(({ number }, index) => {
        if (!/^\+\d{6,15}$/.test(number)) faults.push([`numbers[${index}].number`, 'is E.164: + and 6 to 15 digits, such as +74951234567']);
    });
    for (const { prefix } of body.rates ?? []) if (!/^\+\d{0,15}$/.test(prefix)) faults.push([`rates.${prefix}.prefix`, 'is + and at most 15 digits']);
    if (body.rates?.length && !/^[A-Z]{3}$/.test(body.currency ?? '')) faults.push(['currency', 'is three capital letters, such as RUB']);
    if (body.identity?.asserted && body.identity.preferred) faults.push(['identity.preferred', 'not beside asserted (RFC 3325, 9.2): a carrier trusts us or does not']);
    if (body.send === 'national' && !body.form) faults.push(['send', 'national needs form, which says how numbers are written there']);
    check(faults);
}

export function checkRoute(body: Partial<Route>): void {
    const faults: [string, string][] = [];
    if (!body.name) faults.push(['name', 'must not be empty']);
    body.match?.to?.forEach((number, index) => {
        if (!/^\+?[0-9*#]+$/.test(number)) faults.push([`match.to[${index}]`, 'no number']);
    });
    const action = body.then;
    if (action?.do === 'carriers' && !action.order?.length) faults.push(['then.order', 'needs at least one']);
    if (action?.do === 'slots' && !action.slots?.length) faults.push(['then.slots', 'needs at least one']);
    const special = body.match?.when?.calendar?.special ?? [];
    special.forEach(({ date }, index) => {
        if (!/^(\d{4}-)?\d{2}-\d{2}$/.test(date)) faults.push([`match.when.calendar.special[${index}].date`, 'a date is written as 2026-12-31, or as 12-31 for every year']);
    });
    check(faults);
}

/** What a route names that is not there. */
export function warningsOf(carriers: Carrier[], { id, name, then }: Route): PlanWarning[] {
    return outletsOf(then).flatMap((outlet) => ('group' in outlet && !carriers.some(({ group }) => group === outlet.group) ? [{ about: { route: id }, name, is_left_out: false, path: 'then', text: `the group ${outlet.group} has no carrier for this center` }] : []));
}

interface Plan {
    carriers: Carrier[];
    routes: Route[];
    slots: Slot[];
}

/** Where a call would go. */
export function explain(plan: Plan, inquiry: Inquiry, now: number): Explanation {
    const e164 = (number: string) => number.replace(/^8(?=\d{10}$)/, '+7').replace(/^7(?=\d{10}$)/, '+7');
    const [from, to] = [inquiry.from ? e164(inquiry.from) : null, e164(inquiry.to)];
    const passed: string[] = [];
    const looked: Explanation['looked'] = [];
    const question = { from: inquiry.from ?? null, to: inquiry.to, came_by: inquiry.came_by ?? ('slot' as const), at: inquiry.at ?? now, center: '1', caller: null, chance: 0 };
    const end = (way: Way, origin: Origin | null, route?: Route): Explanation => ({
        question,
        from,
        to,
        kind: /^\+7(9|7)/.test(to) ? 'mobile' : to.startsWith('+7809') ? 'premium' : to.startsWith('+') ? 'fixed' : 'local',
        country: to.startsWith('+7') ? 'RU' : null,
        looked,
        more: 0,
        passed,
        decision: { from, to, origin, scenario: route?.scenario ?? '', source: route?.source ?? '', way },
        warnings: plan.routes.flatMap((route) => warningsOf(plan.carriers, route)),
    });
    for (const route of plan.routes.toSorted((a, b) => a.position - b.position)) {
        const miss = missOf(route, inquiry, from, to, inquiry.at ?? now);
        looked.push({ origin: { route: route.id }, name: route.name, miss });
        if (miss === null) return end(wayOf(plan, route.then, to, inquiry, passed), { route: route.id }, route);
    }
    const slot = plan.slots.find(({ number }) => number === to);
    looked.push({ origin: 'numbering', name: 'numbering plan: slots', miss: slot ? null : 'it is for other called numbers' });
    return slot ? end({ slots: { slots: [slot.id], ring_s: 30 } }, 'numbering') : end({ refuse: { cause: 'no_such_number', why: 'no route is for this call' } }, null);
}

function missOf({ on, match, then }: Route, { came_by: by = 'slot' }: Inquiry, from: string | null, to: string, at: number): string | null {
    const covers = (numbers: string[], number: string) => numbers.some((each) => (each.endsWith('*') ? number.startsWith(each.slice(0, -1)) : each === number));
    const { came_by } = match;
    const named = came_by === 'any' || came_by === undefined ? undefined : came_by === 'slot' ? by === 'slot' : by !== 'slot' && came_by.carriers.includes(by.carrier);
    if (!on) return 'it is switched off';
    if (match.to.length > 0 && !covers(match.to, to)) return 'it is for other called numbers';
    if (match.length && match.length !== to.length) return 'it is for called numbers of another length';
    if (match.from.length > 0 && !(from && covers(match.from, from))) return 'it is for other calling numbers';
    if (named === false) return 'it is for calls that came otherwise';
    if (named === undefined && by !== 'slot' && (then.do === 'carriers' || then.do === 'ask')) return 'it may lead out again, and does not name the carrier that the call came by';
    if (match.when && isOpen(match.when, at) !== (match.when.open !== false)) return 'it is for other hours';
    return null;
}

function isOpen({ calendar }: NonNullable<RouteMatch['when']>, at: number): boolean {
    const wall = toWall(at, calendar.zone);
    const day = (['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as Weekday[])[new Date(`${wall.slice(0, 10)}T00:00Z`).getUTCDay()];
    const time = wall.slice(11);
    return (day ? (calendar.week[day] ?? []) : []).some((span) => time >= span.slice(0, 5) && time < span.slice(6));
}

const outletsOf = (action: Action) => (action.do === 'carriers' ? action.order : []);

function wayOf(plan: Plan, action: Action, to: string, inquiry: Inquiry, passed: string[]): Way {
    switch (action.do) {
        case 'carriers': {
            const carriers = action.order.flatMap((outlet) => plan.carriers.filter(({ id, group }) => ('carrier' in outlet ? id === outlet.carrier : group === outlet.group)));
            const tries = [...new Set(carriers)].flatMap((carrier): Try[] => {
                const why = !carrier.on ? 'it is switched off' : inquiry.down?.includes(carrier.id) ? 'it does not answer, or is not registered' : undefined;
                if (why) passed.push(`${carrier.name} (carrier ${carrier.id}) is not used: ${why}`);
                const rate = carrier.rates.filter(({ prefix }) => to.startsWith(prefix)).sort((a, b) => b.prefix.length - a.prefix.length)[0];
                return why ? [] : [{ carrier: carrier.id, name: carrier.name, to, caller: carrier.callers[0]?.number ?? '', per_minute: rate ? String(rate.per_minute) : null, currency: carrier.currency }];
            });
            return tries.length > 0 ? { carriers: tries } : { refuse: { cause: 'overloaded', why: 'no carrier can take it now' } };
        }
        case 'slots':
            return { slots: { slots: action.slots.flatMap((ref: SlotRef) => plan.slots.filter(({ id, number }) => (typeof ref === 'string' ? number === ref : id === ref.id)).map(({ id }) => id)), ring_s: action.ring_s } };
        case 'dialled_slot':
            return { slots: { slots: plan.slots.filter(({ number }) => number === to).map(({ id }) => id), ring_s: action.ring_s } };
        case 'service':
            return { service: action.number ?? to };
        case 'refuse':
            return { refuse: { cause: action.cause, why: 'the route refuses it' } };
        case 'ask':
            return { ask: { url: action.url, deadline_ms: action.deadline_ms, default: wayOf(plan, action.default, to, inquiry, passed) } };
    }
}
