import { expect, it } from 'vitest';
import type { Budget, BudgetLine } from '@/api/types';
import { byShare, shareOf, stateOf } from './standing';
import { budgetPlace, budgetToWire, inUnits, minorUnits, newBudget, NO_LIMITS } from './wire';

const line = (used: number, value: number, more: Partial<BudgetLine> = {}): BudgetLine => ({ limit: 'day_s', value, used, reserved: 0, window_s: 86_400, free_at: null, closed: false, ...more });

it('a budget is closed if the server says so, and nearly used up from four fifths on', () => {
    expect(stateOf({ closed: true, lines: [] })).toBe('closed');
    expect(stateOf({ closed: false, lines: [line(1, 10), line(8, 10)] })).toBe('nearly');
    // What is promised to calls that are up is gone, too.
    expect(stateOf({ closed: false, lines: [line(6, 10, { reserved: 2 })] })).toBe('nearly');
    expect(stateOf({ closed: false, lines: [line(7, 10)] })).toBe('open');
    expect(shareOf(line(0, 0))).toBe(1);
});

it('the fullest limit comes first, and the closed one before it', () => {
    expect(byShare([line(1, 10), line(9, 10), line(5, 10, { closed: true })]).map(({ used }) => used)).toEqual([5, 9, 1]);
});

it('what is held in small units is read short, and comes back as it was', () => {
    expect([40, 3600, 90].map((seconds) => inUnits(seconds, 60))).toEqual([0.67, 60, 1.5]);
    expect(inUnits(150_001, 100)).toBe(1500.01);
    for (const units of [1, 60, 100, 1000]) {
        for (let value = 0; value < 3000; value += 7) expect(Math.round(inUnits(value, units) * units), `${value} of ${units}`).toBe(value);
    }
});

it('only what is said is sent', () => {
    const typed: Partial<Budget> = { ...newBudget(), scope_id: '4', name: 'x', calls: 3, limits: { ...NO_LIMITS, calls_max: 0, day_spend: 150_000, currency: ' rub ', premium: false, destinations: ['+7*'] } };
    expect(budgetToWire(typed)).toEqual({ kind: 'slot', scope_id: '4', limits: { calls_max: 0, day_spend: 150_000, currency: 'RUB', premium: false, destinations: ['+7*'] } });
    // Nothing at all is told as such, so that the server can say that it is nothing.
    expect(budgetToWire({ kind: 'slot', scope_id: '4', limits: NO_LIMITS })).toMatchObject({ limits: { destinations: [] } });
    const hours = { zone: 'UTC', week: {}, special: [{ date: '', name: '', hours: [] }, { date: '12-31', name: '', hours: [] }] };
    const outside = { hours, limits: { ...NO_LIMITS, calls_max: 1 } };
    expect(budgetToWire({ ...typed, outside }).outside).toEqual({ hours: { zone: 'UTC', special: [{ date: '12-31', hours: [] }] }, limits: { calls_max: 1, destinations: [] } });
    expect(budgetPlace('outside.hours.special[0].date', { ...typed, outside })).toBe('outside.hours.special.1.date');
});

it('amounts are in the units of their currency', () => {
    expect(['RUB', 'jpy', 'KWD', '', 'XX', undefined].map(minorUnits)).toEqual([100, 1, 1000, 100, 100, 100]);
});
