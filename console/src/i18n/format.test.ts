import { describe, expect, it } from 'vitest';
import { createFormat, dayStart, fromWall, phone, toWall } from './format';

const ru = createFormat('ru', 'Europe/Moscow');
const en = createFormat('en-GB', 'Asia/Kolkata');
const AT = Date.parse('2026-11-21T06:41:07.113Z');

/** Intl writes blanks of several kinds. */
const plain = (text: string) => text.replace(/\s/g, ' ');

describe('moments', () => {
    it('are written by the clocks of the person', () => {
        expect(plain(ru.moment(AT))).toBe('21.11.2026, 09:41:07');
        expect(plain(en.moment(AT))).toBe('21/11/2026, 12:11:07');
        expect(plain(ru.exact(AT))).toBe('21.11.2026, 09:41:07,113');
        expect(ru.zone()).toBe('GMT+3');
    });

    it('name the day only where it is another one', () => {
        expect(ru.short(AT, AT + 3_600_000)).toBe('09:41');
        expect(plain(ru.short(AT, AT + 86_400_000))).toBe('21 нояб., 09:41');
        expect(plain(ru.short(AT, AT + 86_400_000 * 60))).toBe('21 нояб. 2026 г., 09:41');
        // Midnight is that of the person, not of Greenwich.
        expect(plain(en.short(Date.parse('2026-11-20T19:00Z'), AT))).toBe('00:30');
    });

    it('are told by how long ago they were', () => {
        expect(ru.ago(AT, AT + 3_000)).toBe('сейчас');
        expect(ru.ago(AT, AT + 185_000)).toBe('3 минуты назад');
        expect(en.ago(AT, AT + 86_400_000)).toBe('yesterday');
    });
});

it('lengths of time', () => {
    expect(ru.duration(309_999)).toBe('5:09');
    expect(ru.duration(3_909_000)).toBe('1:05:09');
    expect(ru.duration(-5)).toBe('0:00');
    expect(plain(ru.span(788_400_000))).toBe('9 дн. 3 ч');
    expect(plain(en.span(59_000))).toBe('59 secs');
    expect(plain(en.span(0))).toBe('0 secs');
});

it('sizes and numbers', () => {
    expect(plain(ru.number(10_000))).toBe('10 000');
    expect(plain(ru.bytes(4_913_002))).toBe('4,7 МБ');
    expect(plain(en.bytes(0))).toBe('0 byte');
    expect(en.list(['a', 'b', 'c'])).toBe('a, b and c');
});

it('telephone numbers', () => {
    expect(phone('+74951234567')).toBe('+7 495 123-45-67');
    expect(phone('84951234567')).toBe('8 495 123-45-67');
    expect(phone('+14155552671')).toBe('+1 415 555-2671');
    expect(phone('+442071838750')).toBe('+442 071 838 750');
    for (const as of ['6001', '+7 9•• ••• 12 34', '<b>x</b>', '', '*100#']) expect(phone(as)).toBe(as);
});

describe('wall clocks', () => {
    it('are read in a time zone, over changes of the clocks', () => {
        for (const [text, tz, utc] of [
            ['2026-11-21T09:41', 'Europe/Moscow', '2026-11-21T06:41Z'],
            ['2026-07-01T12:00', 'Europe/Berlin', '2026-07-01T10:00Z'],
            ['2026-12-01T12:00', 'Europe/Berlin', '2026-12-01T11:00Z'],
            ['2026-03-29T03:30', 'Europe/Berlin', '2026-03-29T01:30Z'],
        ] as const) {
            expect(fromWall(text, tz)).toBe(Date.parse(utc));
            expect(toWall(Date.parse(utc), tz)).toBe(text);
        }
        expect(fromWall('nonsense', 'UTC')).toBeUndefined();
    });

    it('days begin at midnight of the person', () => {
        expect(dayStart('Europe/Moscow', 0, AT)).toBe(Date.parse('2026-11-20T21:00Z'));
        expect(dayStart('Europe/Moscow', -1, AT)).toBe(Date.parse('2026-11-19T21:00Z'));
        expect(dayStart('Europe/Berlin', 1, Date.parse('2026-10-24T12:00Z'))).toBe(Date.parse('2026-10-24T22:00Z'));
    });
});

it('an unknown time zone is no reason to show nothing', () => {
    expect(createFormat('ru', 'Middle/Earth').moment(AT)).toContain('2026');
});
