// A budget as its form holds it, and as it is sent.
import type { Budget, BudgetLimits } from '@/api/types';
import { placeOf, sent, type Blanks } from '@/ui/form/sent';

const BLANKS: Blanks = { 'outside.hours.special': ({ date }: { date: string }) => !date };

/** A new one: as many calls and as much talk as a slot of a call centre may well have, and nothing else. */
export function newBudget(): Partial<Budget> {
    return { kind: 'slot', scope_id: '', limits: { ...NO_LIMITS, calls_max: 2, day_s: 4 * 3600 }, outside: null };
}

export const NO_LIMITS: BudgetLimits = { destinations: [], premium: null, calls_max: null, calls_per_s: null, hour_s: null, day_s: null, day_spend: null, month_spend: null, currency: '' };

/** The settings alone: what it is of stands in its place, and how it stands is the server's. */
export function budgetToWire(typed: Partial<Budget>): Partial<Budget> {
    const { outside } = typed;
    return sent({ kind: typed.kind, scope_id: typed.scope_id, limits: plain(typed.limits), outside: outside ? { ...outside, limits: plain(outside.limits) } : null }, BLANKS) as Partial<Budget>;
}

export function budgetPlace(field: string, typed: Partial<Budget>): string {
    return placeOf(field, typed, BLANKS);
}

/** Without a currency where no amount needs one; what is not said is no limit. */
function plain(limits: Partial<BudgetLimits> | null | undefined): BudgetLimits {
    const all = { ...NO_LIMITS, ...Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined)) };
    return { ...all, destinations: all.destinations ?? [], currency: (all.currency ?? '').trim().toUpperCase() };
}

/** A number of small units in the units that people say it in, as exact as it takes to come back as the same: 40 s are 0.67 minutes. */
export function inUnits(value: number, units: number): number {
    return Number((value / units).toFixed(Math.max(2, Math.ceil(Math.log10(units)))));
}

/** How many minor units one of a currency has; a hundred until it is known which one. */
export function minorUnits(currency: string | null | undefined): number {
    if (!currency || !/^[A-Z]{3}$/i.test(currency)) return 100;
    return 10 ** (new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2);
}
