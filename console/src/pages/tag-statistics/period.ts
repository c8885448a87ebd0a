import { toWall } from '@/i18n';

/** Days of the person's time zone, both counted, as the server takes them: `2026-11-22`. */
export interface Period {
    from: string;
    to: string;
}

export const PRESETS = ['today', 'yesterday', 'last_7_days', 'last_30_days', 'this_month'] as const;
export type Preset = (typeof PRESETS)[number];

/** At most so many days are counted at once (docs/api.md). */
export const DAYS_MAX = 366;

const DAY_MS = 86_400_000;

/** A day, and one so many days later. */
function day(now: number, tz: string, later = 0): string {
    const today = toWall(now, tz).slice(0, 10);
    return new Date(Date.parse(`${today}T12:00:00Z`) + later * DAY_MS).toISOString().slice(0, 10);
}

export function presetOf(name: Preset, now: number, tz: string): Period {
    const today = day(now, tz);
    switch (name) {
        case 'today':
            return { from: today, to: today };
        case 'yesterday':
            return { from: day(now, tz, -1), to: day(now, tz, -1) };
        case 'last_7_days':
            return { from: day(now, tz, -6), to: today };
        case 'last_30_days':
            return { from: day(now, tz, -29), to: today };
        case 'this_month':
            return { from: `${today.slice(0, 8)}01`, to: today };
    }
}

/** Whether it can be asked for: two days, the first not behind the last, and not too many. */
export function isPeriod({ from, to }: Partial<Period>): boolean {
    if (!from || !to || !/^\d{4}-\d\d-\d\d$/.test(from) || !/^\d{4}-\d\d-\d\d$/.test(to)) return false;
    const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
    return days >= 0 && days < DAYS_MAX;
}
