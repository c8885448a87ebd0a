// Budgets of a small call centre, and how they stand.
import type { Budget, BudgetLimits, BudgetLine } from '@/api/types';
import { check } from './plan';
import { FakeProblem } from './problem';
import type { FakeRoute, FakeWorld } from './world';

const NONE: BudgetLimits = { destinations: [], premium: null, calls_max: null, calls_per_s: null, hour_s: null, day_s: null, day_spend: null, month_spend: null, currency: '' };
const WINDOWS: Record<string, number> = { calls: 0, hour_s: 3600, day_s: 86_400, day_spend: 86_400, month_spend: 2_592_000 };
const HOUR = 3_600_000;

/** Each limit that counts, with what is used of it. */
function linesOf(limits: BudgetLimits, used: Partial<Record<string, [number, number]>>, now: number): BudgetLine[] {
    return Object.keys(WINDOWS).flatMap((limit): BudgetLine[] => {
        const value = limit === 'calls' ? limits.calls_max : limits[limit as 'hour_s'];
        if (value === null || value === undefined) return [];
        const [spent, reserved] = used[limit] ?? [0, 0];
        return [{ limit, value, used: spent, reserved, window_s: WINDOWS[limit] ?? 0, free_at: spent > 0 && limit !== 'calls' ? now + 4 * HOUR : null, closed: spent + reserved >= value }];
    });
}

function budget(kind: Budget['kind'], scope_id: string, name: string, limits: Partial<BudgetLimits>, used: Partial<Record<string, [number, number]>>, now: number, more: Partial<Budget> = {}): Budget {
    const whole = { ...NONE, ...limits };
    const lines = linesOf(whole, used, now);
    return { id: `${kind}:${scope_id}`, kind, scope_id, name, limits: whole, outside: null, outside_now: false, calls: used.calls?.[0] ?? 0, lines, closed: lines.some(({ closed }) => closed), ...more };
}

export function makeBudgets(now: number): Budget[] {
    const workdays = ['09:00-18:00'];
    const hours = { zone: 'Europe/Moscow', week: { mon: workdays, tue: workdays, wed: workdays, thu: workdays, fri: workdays }, special: [] };
    return [
        budget('center', '1', 'Главный', { calls_max: 60, day_spend: 1_500_000, month_spend: 30_000_000, currency: 'RUB', premium: false }, { calls: [7, 0], day_spend: [412_350, 18_000], month_spend: [9_120_400, 18_000] }, now, { outside: { hours, limits: { ...NONE, calls_max: 5, destinations: ['112', '+7*'] } } }),
        budget('slot', '2', '6002', { calls_max: 2, hour_s: 3600, day_s: 4 * 3600 }, { calls: [1, 0], hour_s: [3120, 360], day_s: [4 * 3600, 0] }, now),
        budget('slot', '4', '6004', { calls_max: 2, destinations: ['6*', '+7495*', '+7499*', '+7812*', '112'] }, { calls: [0, 0] }, now),
        budget('trunk', '2', 'Мобильная ферма', { day_s: 100 * 3600 }, { day_s: [88 * 3600, 3600] }, now, { outside_now: true }),
        budget('carrier', '102', 'Wolga <b>Net</b>', { day_spend: 500_000, currency: 'RUB', premium: true }, { day_spend: [120_000, 0] }, now),
    ];
}

export const budgetRoutes = (world: FakeWorld): FakeRoute[] => {
    const find = (kind: string, id: string) => world.data.budgets.find((each) => each.id === `${kind}:${id}`);
    const nameOf = (kind: string, id: string) =>
        kind === 'slot' ? world.data.slots.find((slot) => slot.id === id)?.number : kind === 'trunk' ? world.data.trunks.find((trunk) => trunk.id === id)?.name : kind === 'carrier' ? world.data.carriers.find((carrier) => carrier.id === id)?.name : world.data.centers.find((center) => center.id === id)?.name;
    return [
        ['GET', /^\/security\/budgets$/, world.listed('budgets', () => world.data.budgets, 'security.read')],
        [
            'PUT',
            /^\/security\/budgets\/(\w+)\/(\d+)$/,
            (context) => {
                world.need(context, 'security.manage');
                const [kind = '', id = ''] = context.ids;
                const name = nameOf(kind, id);
                if (name === undefined) throw new FakeProblem(404, 'budget_not_found');
                const { limits, outside } = context.body as { limits: Partial<BudgetLimits>; outside?: Budget['outside'] };
                const faults: [string, string][] = [];
                if (!Object.entries(limits).some(([key, value]) => (key === 'destinations' ? (value as string[]).length > 0 : value !== null && value !== ''))) faults.push(['limits', 'limits nothing: delete the budget instead']);
                if ((limits.day_spend != null || limits.month_spend != null) && !/^[A-Z]{3}$/.test(limits.currency ?? '')) faults.push(['limits.currency', 'is three capital letters, such as RUB']);
                check(faults);
                const old = find(kind, id);
                const used = Object.fromEntries((old?.lines ?? []).map((line) => [line.limit, [line.used, line.reserved] as [number, number]]));
                const made = budget(kind as Budget['kind'], id, name, limits, used, world.now(), { outside: outside ?? null });
                world.data.budgets = [...world.data.budgets.filter((each) => each !== old), made];
                return made;
            },
        ],
        [
            'DELETE',
            /^\/security\/budgets\/(\w+)\/(\d+)$/,
            ({ ids: [kind = '', id = ''] }) => {
                const old = find(kind, id);
                if (!old) throw new FakeProblem(404, 'budget_not_found');
                world.data.budgets = world.data.budgets.filter((each) => each !== old);
            },
        ],
        [
            'POST',
            /^\/security\/budgets\/(\w+)\/(\d+)\/release$/,
            (context) => {
                world.need(context, 'security.manage');
                const [kind = '', id = ''] = context.ids;
                const old = find(kind, id);
                if (!old) throw new FakeProblem(404, 'budget_not_found');
                if (!String(context.body.reason ?? '').trim()) check([['reason', 'a line of text of 1 to 200 characters']]);
                for (const line of old.lines) Object.assign(line, { used: line.limit === 'calls' ? line.used : 0, free_at: null, closed: false });
                old.closed = false;
                world.live.emit('budget.released', old.id, { kind, scope_id: id });
                return old;
            },
        ],
    ];
};
