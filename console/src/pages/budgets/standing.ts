// How a budget stands, worked out.
import type { Budget, BudgetLine } from '@/api/types';
import type { Tone } from '@/app/theme';

/** From which share on a budget is nearly used up. */
const NEARLY = 0.8;

/** How much of a limit is used up or promised, of 1 or more. */
export function shareOf({ value, used, reserved }: Pick<BudgetLine, 'value' | 'used' | 'reserved'>): number {
    if (value > 0) return (used + reserved) / value;
    return 1;
}

/** `closed`: no call can begin; `nearly`: soon none can. */
export function stateOf({ closed, lines }: Pick<Budget, 'closed' | 'lines'>): 'closed' | 'nearly' | 'open' {
    if (closed) return 'closed';
    return (lines ?? []).some((line) => shareOf(line) >= NEARLY) ? 'nearly' : 'open';
}

export const STATE_TONES: Partial<Record<string, Tone>> = { closed: 'bad', nearly: 'wait', open: 'good' };

/** The fullest first. */
export function byShare(lines: BudgetLine[]): BudgetLine[] {
    return lines.toSorted((a, b) => Number(b.closed) - Number(a.closed) || shareOf(b) - shareOf(a));
}
