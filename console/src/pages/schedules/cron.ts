/** When a schedule runs, as far as it can be said in a sentence. */
export type CronMeaning =
    | { kind: 'every_minutes'; minutes: number }
    | { kind: 'hourly'; minute: number }
    | { kind: 'daily'; time: string }
    | { kind: 'weekly'; time: string; days: number[] }
    | { kind: 'monthly'; time: string; day: number };

/** Reads the five fields (minute, hour, day, month, day of the week) where they say something that people say, too. */
export function readCron(text: string): CronMeaning | undefined {
    const fields = text.trim().split(/\s+/);
    if (fields.length !== 5) return undefined;
    const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields;
    if (month !== '*') return undefined;
    const each = /^\*\/(\d+)$/.exec(minute);
    if (each && hour === '*' && day === '*' && weekday === '*') return { kind: 'every_minutes', minutes: Number(each[1]) };
    if (!/^\d+$/.test(minute)) return undefined;
    if (hour === '*' && day === '*' && weekday === '*') return { kind: 'hourly', minute: Number(minute) };
    if (!/^\d+$/.test(hour)) return undefined;
    const time = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
    if (day === '*' && weekday === '*') return { kind: 'daily', time };
    if (day === '*') {
        const days = weekDays(weekday);
        return days && { kind: 'weekly', time, days };
    }
    return weekday === '*' && /^\d+$/.test(day) ? { kind: 'monthly', time, day: Number(day) } : undefined;
}

const NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** 1–5, mon,wed: the days from 0 (Sunday) to 6. */
function weekDays(field: string): number[] | undefined {
    const one = (text: string) => {
        const at = NAMES.indexOf(text.toLowerCase());
        if (at !== -1) return at;
        return /^[0-7]$/.test(text) ? Number(text) % 7 : undefined;
    };
    const days: number[] = [];
    for (const part of field.split(',')) {
        const [from, to] = part.split('-');
        const [first, last] = [one(from ?? ''), one(to ?? from ?? '')];
        if (first === undefined || last === undefined) return undefined;
        for (let day = first; ; day = (day + 1) % 7) {
            days.push(day);
            if (day === last) break;
        }
    }
    return days;
}
