// How moments, lengths of time, sizes, numbers and telephone numbers are written, in the person's language and time zone.

export interface Format {
    locale: string;
    tz: string;
    /** 21.11.2026, 09:41:07 */
    moment(ms: number): string;
    /** The same with milliseconds. */
    exact(ms: number): string;
    date(ms: number): string;
    /** A day that the server names, whatever the time zone: Sun, 22 November of `2026-11-22`. */
    day(name: string): string;
    /** 09:41:07 */
    time(ms: number): string;
    /** The day only if it is not today: 09:41 or 20 Nov, 09:41 */
    short(ms: number, now?: number): string;
    /** 3 minutes ago */
    ago(ms: number, now?: number): string;
    number(value: number): string;
    percent(share: number): string;
    /** An amount in minor units (kopecks, cents): €0.905 */
    money(minor: number, currency: string): string;
    bytes(value: number): string;
    /** 1:05:09 or 5:09, as a stopwatch has it. */
    duration(ms: number): string;
    /** 3 d 4 h, the two greatest units. */
    span(ms: number): string;
    list(items: string[]): string;
    /** a, b or c */
    either(items: string[]): string;
    /** Mon, Wed; 0 is Monday. */
    weekdays(days: number[]): string;
    /** The offset of the time zone: GMT+3 */
    zone(): string;
}

export function createFormat(locale: string, tz: string | undefined): Format {
    const timeZone = knownZone(tz);
    const date = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { timeZone, ...options });
    const formats = {
        moment: date({ dateStyle: 'short', timeStyle: 'medium' }),
        date: date({ dateStyle: 'medium' }),
        time: date({ timeStyle: 'medium' }),
        clock: date({ hour: '2-digit', minute: '2-digit' }),
        day: date({ day: 'numeric', month: 'short' }),
        dayOfYear: date({ day: 'numeric', month: 'short', year: 'numeric' }),
        exact: date({ day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 }),
        zone: date({ timeZoneName: 'shortOffset' }),
        key: new Intl.DateTimeFormat('en-CA', { timeZone }),
    };
    const number = new Intl.NumberFormat(locale);
    const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
    const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
    const list = new Intl.ListFormat(locale, { type: 'conjunction' });
    const either = new Intl.ListFormat(locale, { type: 'disjunction' });
    const named = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', month: 'long', timeZone: 'UTC' });
    const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' });
    const unit = (value: number, name: string, digits = 0) =>
        new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits }).format(value);

    const format: Format = {
        locale,
        tz: timeZone,
        moment: (ms) => formats.moment.format(ms),
        exact: (ms) => formats.exact.format(ms),
        date: (ms) => formats.date.format(ms),
        day: (name) => named.format(Date.parse(`${name}T12:00:00Z`)),
        time: (ms) => formats.time.format(ms),
        short: (ms, now = Date.now()) => {
            const clock = formats.clock.format(ms);
            const [day, today] = [formats.key.format(ms), formats.key.format(now)];
            if (day === today) return clock;
            return `${(day.slice(0, 4) === today.slice(0, 4) ? formats.day : formats.dayOfYear).format(ms)}, ${clock}`;
        },
        ago: (ms, now = Date.now()) => {
            const seconds = (ms - now) / 1000;
            for (const [name, length] of STEPS) {
                if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), name);
            }
            return relative.format(0, 'second');
        },
        number: (value) => number.format(value),
        percent: (share) => percent.format(share),
        money: (minor, currency) => {
            // What is no currency is shown as it stands.
            if (!/^[A-Z]{3}$/.test(currency)) return `${number.format(minor)} ${currency}`.trim();
            const digits = new Intl.NumberFormat(locale, { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
            return new Intl.NumberFormat(locale, { style: 'currency', currency, maximumFractionDigits: digits + 4 }).format(minor / 10 ** digits);
        },
        bytes: (value) => {
            const power = value < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(value) / 10));
            return unit(value / 1024 ** power, BYTES[power] ?? 'byte', power > 1 ? 1 : 0);
        },
        duration: (ms) => {
            const seconds = Math.max(0, Math.floor(ms / 1000));
            const two = (value: number) => String(value).padStart(2, '0');
            const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
            return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
        },
        span: (ms) => {
            const seconds = Math.floor(Math.max(0, ms) / 1000);
            const parts: [number, string][] = [
                [Math.floor(seconds / 86_400), 'day'],
                [Math.floor(seconds / 3600) % 24, 'hour'],
                [Math.floor(seconds / 60) % 60, 'minute'],
                [seconds % 60, 'second'],
            ];
            const first = parts.findIndex(([value]) => value > 0);
            if (first === -1) return unit(0, 'second');
            return parts
                .slice(first, first + 2)
                .filter(([value]) => value > 0)
                .map(([value, name]) => unit(value, name))
                .join(' ');
        },
        list: (items) => list.format(items),
        either: (items) => either.format(items),
        // The first day of 1970 was a Thursday.
        weekdays: (days) => days.map((day) => weekday.format((day + 4) * 86_400_000)).join(', '),
        zone: () => formats.zone.formatToParts(Date.now()).find(({ type }) => type === 'timeZoneName')?.value ?? timeZone,
    };
    return format;
}

const BYTES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_536_000],
    ['month', 2_592_000],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 10],
];

/** The time zone, if the browser knows it; else the browser's own. */
function knownZone(tz: string | undefined): string {
    const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!tz) return own;
    try {
        return new Intl.DateTimeFormat('en', { timeZone: tz }).resolvedOptions().timeZone;
    } catch {
        return own;
    }
}

/** A telephone number in groups: +7 495 123-45-67. What is no full number (a slot's, a masked one) stays as it is. */
export function phone(text: string): string {
    const ru = /^\+?([78])(\d{3})(\d{3})(\d{2})(\d{2})$/.exec(text);
    if (ru) {
        const [, trunk, area, a, b, c] = ru;
        return `${trunk === '7' ? '+7' : '8'} ${area} ${a}-${b}-${c}`;
    }
    const us = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(text);
    if (us) return `+1 ${us[1]} ${us[2]}-${us[3]}`;
    const other = /^\+(\d{8,15})$/.exec(text);
    if (other) {
        const digits = other[1] ?? '';
        const code = digits.length > 10 ? digits.length - 9 : 2;
        return `+${digits.slice(0, code)} ${digits.slice(code).replace(/(\d{3})(?=\d{2})/g, '$1 ')}`.trim();
    }
    return text;
}

/** Milliseconds of a wall-clock text (`2026-11-21T09:00`) in a time zone. */
export function fromWall(text: string, tz: string): number | undefined {
    const asUtc = Date.parse(`${text}Z`);
    if (Number.isNaN(asUtc)) return undefined;
    // The offset at the result may differ from the one at the guess, where the clocks change: two steps settle it.
    let at = asUtc - offset(asUtc, tz);
    at = asUtc - offset(at, tz);
    return at;
}

/** The wall-clock text of a moment in a time zone: `2026-11-21T09:00`. */
export function toWall(ms: number, tz: string): string {
    return new Date(ms + offset(ms, tz)).toISOString().slice(0, 16);
}

/** The beginning of the day in a time zone, `days` days from now. */
export function dayStart(tz: string, days = 0, now = Date.now()): number {
    const today = toWall(now, tz).slice(0, 10);
    const day = new Date(Date.parse(`${today}T00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
    return fromWall(`${day}T00:00`, tz) ?? now;
}

function offset(ms: number, tz: string): number {
    const parts = new Intl.DateTimeFormat('en-US', {
        timeZone: tz,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
    }).formatToParts(ms);
    const get = (type: string) => Number(parts.find((part) => part.type === type)?.value);
    return Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second')) - Math.floor(ms / 1000) * 1000;
}
