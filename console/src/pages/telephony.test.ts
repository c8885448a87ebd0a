// What pages of carriers, routes and registrations work out before anything is drawn.
import { describe, expect, it } from 'vitest';
import type { Action, Route } from '@/api/plan';
import type { Translate } from '@/i18n';
import { en } from '@/i18n/en';
import { createFormat } from '@/i18n/format';
import { placeOf, rulesToSend, sent } from '@/ui/form/sent';
import { readLines } from '@/ui/form/PasteDialog';
import { slotRefs, slotTexts } from '@/ui/form/tags';
import { hostOnWire, isNoHost, readHost, writeHost } from './carriers/host';
import { carrierPlace, carrierToWire, countryOf, FORMS, newCarrier, NO_NUMBER, readNumber, readRate } from './carriers/wire';
import { readLadder, statusClass } from './calls/rungs';
import { partOf } from './calls/timeline';
import { ofPhone } from './registrations/news';
import { newRoute, readHours, routeToWire } from './routes/wire';
import { actionWords, matchWords } from './routes/words';

/** English texts, put together as polyglot does. */
const t = ((key: string, values: Record<string, string | number> = {}) => {
    const text = key.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], en) as string;
    const forms = text.includes('||||') ? text.split('||||').map((form) => form.trim()) : [text, text];
    return (forms[values.smart_count === undefined || values.smart_count === 1 ? 0 : 1] ?? text).replace(/%\{(\w+)\}/g, (_, name: string) => String(values[name]));
}) as Translate;

const names = { t, format: createFormat('en-GB', 'UTC'), code: (_: string, code: string | null | undefined) => code ?? '', carrier: (id: string) => ({ 3: 'Northern', 4: 'Wolga' })[id] ?? `#${id}` };

describe('a route in words', () => {
    const week = (...days: string[]) => ({ zone: 'Europe/Moscow', week: Object.fromEntries(days.map((day) => [day, ['09:00-18:00']])), special: [] });
    const workdays = week('mon', 'tue', 'wed', 'thu', 'fri');
    it.each<[Partial<Route['match']>, string]>([
        [{}, 'all calls'],
        [{ to: ['+7495*'], when: { calendar: workdays, open: true }, came_by: 'slot' }, 'numbers that begin with +7495, on workdays 9–18, from slots'],
        [{ to: ['+7495*', '+7499*', '112'] }, 'numbers that begin with +7495 or +7499, the number 112'],
        [{ to: ['101', '102', '103', '104'] }, 'the numbers 101, 102 and 2 more'],
        [{ to: ['*'] }, 'any number'],
        [{ from: ['+7916*'], came_by: { carriers: ['3', '9'] } }, 'from callers that begin with +7916, come by Northern or #9'],
        [{ length: 12, when: { calendar: workdays, open: false } }, 'of 12 characters, outside of hours (on workdays 9–18)'],
        [{ when: { calendar: week('mon', 'wed'), open: true } }, 'on Mon, Wed 9–18'],
        [{ when: { calendar: { ...workdays, week: { mon: ['09:30-13:00', '14:00-18:00'] } }, open: true } }, 'on Mon 9:30–13, 14–18'],
        [{ when: { calendar: { ...workdays, week: { ...workdays.week, sat: ['10:00-12:00'] } }, open: true } }, 'by a calendar (Europe/Moscow)'],
        [{ when: { calendar: { zone: 'UTC', week: Object.fromEntries(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map((day) => [day, ['00:00-24:00']])), special: [] }, open: true } }, 'every day'],
    ])('which calls: %j', (match, words) => expect(matchWords(match, names)).toBe(words));

    it.each<[Action, string]>([
        [{ do: 'carriers', order: [{ carrier: '3' }, { group: 'moscow' }], least_cost: false }, 'carrier Northern, then group moscow'],
        [{ do: 'carriers', order: [{ group: 'moscow' }], least_cost: true }, 'group moscow, the cheapest first'],
        [{ do: 'slots', slots: ['6001', { id: '44' }], ring_s: 30 }, 'slots 6001, #44 together'],
        [{ do: 'slots', slots: ['6001', '6002'], ring_s: 10, ring: 'in_turn' }, 'slots 6001, 6002 in turn'],
        [{ do: 'refuse', cause: 'busy' }, 'refused: busy'],
        [{ do: 'ask', url: 'https://crm.example.com/x?y', deadline_ms: 500, default: { do: 'dialled_slot', ring_s: 30 } }, 'as crm.example.com says, else the slot that is called'],
        [{ do: 'service' }, 'the service that is called'],
    ])('what becomes of them: %j', (action, words) => expect(actionWords(action, names)).toBe(words));
});

it('hosts are typed as a place and a transport, and sent as URIs', () => {
    for (const [uri, place, transport] of [
        ['sip:sip.example.com', 'sip.example.com', 'automatic'],
        ['sip:203.0.113.9:5080;transport=tcp', '203.0.113.9:5080', 'tcp'],
        ['sips:[2001:db8::1]:5061', '[2001:db8::1]:5061', 'tls'],
    ] as const) {
        expect(readHost(uri)).toEqual({ place, transport });
        expect(writeHost({ place, transport })).toBe(uri);
    }
    expect(readHost('sip:a;transport=tls')).toEqual({ place: 'a', transport: 'tls' });
    expect(readHost('sip.example.com')).toEqual({ place: 'sip.example.com', transport: 'automatic' });
    // A transport that was chosen first is still there when the place is typed.
    expect(readHost(writeHost({ place: '', transport: 'tcp' }))).toEqual({ place: '', transport: 'tcp' });
    expect([isNoHost(''), isNoHost('sips:'), isNoHost('sip:a')]).toEqual([true, true, false]);
    expect(hostOnWire('sip:2001:db8::1')).toBe('sip:[2001:db8::1]');
    expect(hostOnWire('sip:sip.example.com:5080')).toBe('sip:sip.example.com:5080');
});

it('the simplest carrier is a name, a host, an account and a number', () => {
    const typed = { ...newCarrier('RU'), name: 'Northern', hosts: ['', 'sip:sip.example.com'], accounts: [{ ...newCarrier(undefined).accounts?.[0], username: 'sales', password: 'x' }], numbers: [{ ...NO_NUMBER, number: '+7 (495) 123-45-67' }] };
    expect(carrierToWire(typed as never)).toMatchObject({
        type: 'sip',
        name: 'Northern',
        hosts: ['sip:sip.example.com'],
        accounts: [{ username: 'sales', password: 'x', register: true, expires_s: 3600 }],
        numbers: [{ number: '+74951234567', to: [] }],
        callers: [{ number: '+74951234567' }],
        capacity: 30,
        form: FORMS.RU,
    });
    expect(carrierToWire(typed as never)).not.toHaveProperty('callers_too');
    // Nothing was typed into its rows.
    expect(carrierToWire({ ...newCarrier(undefined), hosts: [''] } as never)).toMatchObject({ hosts: [], accounts: [], numbers: [], callers: [] });
    expect(carrierToWire(newCarrier(undefined) as never)).not.toHaveProperty('form');
    expect([countryOf(FORMS.DE), countryOf({ country_code: '7', trunk_prefix: '8' }), countryOf(null)]).toEqual(['DE', undefined, undefined]);
});

it('what the server names is found where it was typed', () => {
    const typed = { hosts: ['', 'sip:a'], numbers: [{ number: '' }, { number: '+7', to: [] }], rates: [{ prefix: '+' }, { prefix: '+7495' }, { prefix: '7.5' }], callers_too: true } as never;
    expect(carrierPlace('hosts[0]', typed)).toBe('hosts.1');
    expect(carrierPlace('numbers[0].number', typed)).toBe('numbers.1.number');
    expect(carrierPlace('rates.+7495.step_s', typed)).toBe('rates.1.step_s');
    expect(carrierPlace('rates.7.5.prefix', typed)).toBe('rates.2.prefix');
    expect(carrierPlace('rates.+99.step_s', typed)).toBe('rates');
    expect(carrierPlace('callers[0].number', typed)).toBe('numbers.1.number');
    expect(carrierPlace('health.off_after', typed)).toBe('health.off_after');
    expect(placeOf('match.to[3]', { match: { to: [] } })).toBe('match.to.3');
});

it('what was left empty is not sent, and what says no is', () => {
    expect(sent({ a: '', b: null, c: false, d: 0, e: { f: '' }, g: [], h: [{ x: '' }, { x: 'y' }] }, { h: (row: { x: string }) => !row.x })).toEqual({ c: false, d: 0, g: [], h: [{ x: 'y' }] });
    expect(rulesToSend([{ of: 'both', starts: '0', strip: 1, add: '', length: { min: 5, max: null as never } }])).toEqual([{ of: 'both', starts: '0', strip: 1, add: '', length: { min: 5, max: 32 } }]);
    expect(routeToWire({ ...newRoute(10), name: 'A', then: { do: 'service', number: '' } })).toEqual({ name: 'A', position: 10, on: true, match: { from: [], to: [], came_by: 'slot' }, then: { do: 'service' }, rewrite: [] });
});

it('hours as people write them', () => {
    expect(readHours('9-13, 14:00–18')).toEqual(['09:00-13:00', '14:00-18:00']);
    expect(readHours('22:00-02:00')).toEqual(['22:00-02:00']);
    expect(readHours('')).toEqual([]);
    expect(readHours('noon')).toEqual(['noon']);
});

it('lists are pasted as spreadsheets and price lists have them', () => {
    expect(readLines('+7495;90,5\n7499\t150\t10\t30\t6\n\nprefix;price\n', readRate)).toEqual({
        rows: [
            { prefix: '+7495', per_minute: '90.5', connect: '0', first_s: 0, step_s: 60 },
            { prefix: '+7499', per_minute: '150', connect: '10', first_s: 30, step_s: 6 },
        ],
        wrong: [[4, 'prefix;price']],
    });
    expect(readLines('+7 495 123-45-67; 6001 6002\n84', readNumber)).toMatchObject({ rows: [{ number: '+74951234567', to: ['6001', '6002'] }], wrong: [[2, '84']] });
    expect(slotRefs(slotTexts(['6001', { id: '44' }]))).toEqual(['6001', { id: '44' }]);
});

it('what an event tells of a phone', () => {
    const slot = { id: '4', number: '6004', registered: true } as never;
    const event = (type: string, data: object) => ({ seq: 7, ts: 1000, center: '1', type, id: '4', epoch: 1, data });
    expect(ofPhone(event('slot.update', { id: '4', number: '6004', registered: false }), [slot])).toEqual({ seq: 7, id: '4', at: 1000, number: '6004', kind: 'went' });
    expect(ofPhone(event('slot.update', { id: '4', number: '6004', registered: true }), [slot])).toBeUndefined();
    expect(ofPhone(event('slot.update', { id: '4', number: '6004', registered: true }), [])).toBeUndefined();
    expect(ofPhone(event('slot.rebound', { id: '4', number: '6004', old_source: '192.0.2.1:5060', new_source: '192.0.2.2:5060' }), [slot])).toMatchObject({ kind: 'rebound', from: '192.0.2.1:5060', to: '192.0.2.2:5060' });
});

describe('a ladder', () => {
    const text = [
        'call c_6daavb0anv2r3  6001 -> 6002  over',
        'began 2025-11-21T08:00:00.085Z',
        'near  6001  UDP 10.0.1.1:5060, ours 10.0.0.1:5060',
        '',
        '            ms   6001                           Cordboard                      6002',
        '   1         0   |- INVITE 1 sdp -------------->|                              |',
        '   2         0   |                              |- INVITE 1 sdp -------------->| again',
        '   5      2010   |                              |< 200 INVITE 1 sdp -----------|',
        '',
        '--- 1  0 ms  from 6001  UDP 10.0.1.1:5060 -> 10.0.0.1:5060',
        'INVITE sip:6002@x SIP/2.0',
        '',
        '--- 5  2010 ms  from 6002',
        'said by a body',
        '',
        '--- 2  0 ms  to 6002',
        'INVITE sip:6002@y SIP/2.0',
        '',
        '--- 5  2010 ms  from 6002  UDP 10.0.1.2:5060 -> 10.0.0.1:5060',
        'SIP/2.0 200 OK',
        '',
    ].join('\n');

    it('is read as who said what to whom, and when', () => {
        const ladder = readLadder(text);
        expect(ladder).toMatchObject({ near: '6001', far: '6002', beganAt: Date.UTC(2025, 10, 21, 8, 0, 0, 85) });
        expect(ladder?.rungs.map(({ text: _, ...rung }) => rung)).toEqual([
            { number: 1, afterMs: 0, side: 'near', party: '6001', isIn: true, label: 'INVITE 1 sdp', note: '' },
            { number: 2, afterMs: 0, side: 'far', party: '6002', isIn: false, label: 'INVITE 1 sdp', note: 'again' },
            { number: 5, afterMs: 2010, side: 'far', party: '6002', isIn: true, label: '200 INVITE 1 sdp', note: '' },
        ]);
        expect([statusClass('200 INVITE 1'), statusClass('INVITE 1')]).toEqual([2, undefined]);
    });

    it('has its messages whole, and what a message says of others is a part of it', () => {
        expect(readLadder(text)?.rungs.map((rung) => rung.text)).toEqual(['INVITE sip:6002@x SIP/2.0\n\n--- 5  2010 ms  from 6002\nsaid by a body', 'INVITE sip:6002@y SIP/2.0', 'SIP/2.0 200 OK']);
    });

    it('names whoever else it was handed on to', () => {
        const handedOn = text
            .replace('|< 200 INVITE 1 sdp -----------|', '|< 200 INVITE 1 sdp -----------| 6003 again UDP 10.0.1.3:5060 -> 10.0.0.1:5060')
            .replace('from 6002  UDP 10.0.1.2', 'from 6003  UDP 10.0.1.3');
        expect(readLadder(handedOn)?.rungs.map(({ party, note }) => [party, note])).toEqual([
            ['6001', ''],
            ['6002', 'again'],
            ['6003', 'again UDP 10.0.1.3:5060 -> 10.0.0.1:5060'],
        ]);
    });

    it('that is drawn otherwise is left as text', () => {
        expect(readLadder('09:41:07.113  10.0.0.21:5060 → us  INVITE')).toBeUndefined();
        expect(readLadder('')).toBeUndefined();
    });
});

describe('a part of a conversation', () => {
    const call = { answered_at: 1000, ended_at: 5000 };
    it('lies where it was', () => {
        expect(partOf({ from: 1000, to: 2000 }, call, 9000)).toEqual({ start: 0, share: 0.25 });
        expect(partOf({ from: 3000, to: null }, call, 9000)).toEqual({ start: 0.5, share: 0.5 });
        expect(partOf({ from: 3000 }, { answered_at: 1000 }, 9000)).toEqual({ start: 0.25, share: 0.75 });
        // Clocks that disagree draw nothing outside.
        expect(partOf({ from: 0, to: 99_000 }, call, 9000)).toEqual({ start: 0, share: 1 });
        expect(partOf({ from: 7000, to: 6000 }, call, 9000)).toEqual({ start: 1, share: 0 });
        expect(partOf({ from: 1000 }, { answered_at: 9000 }, 9000)).toEqual({ start: 0, share: 1 });
    });
});
