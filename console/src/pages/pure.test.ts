// What pages work out before anything is drawn.
import { describe, expect, it } from 'vitest';
import { isCallable } from '@/live/deeds';
import { arrange } from '@/ui/list/columns';
import { choicesOf, choicesTo, textOf, textTo } from '@/ui/list/filters';
import { baresipLine, csv, linphoneXml, sipUri, waveXml } from '@/ui/phone-setup/formats';
import { stepSpeed } from './calls/player/speeds';
import { stretches } from './calls/timeline';
import { groupsOf, splitScope, toggle, toggleList, withList } from './permission-sets/matrix';
import { readCron } from './schedules/cron';
import { deviceOf } from './settings/device';

it('a call in stretches', () => {
    const call = { started_at: 0, ringing_at: 400, answered_at: 2000, ended_at: 9000 };
    expect(stretches(call, 99_999)).toEqual([
        { kind: 'dialing', from: 0, to: 400 },
        { kind: 'ringing', from: 400, to: 2000 },
        { kind: 'talking', from: 2000, to: 9000 },
    ]);
    expect(stretches({ started_at: 0, ringing_at: null, answered_at: null, ended_at: null }, 700)).toEqual([{ kind: 'dialing', from: 0, to: 700 }]);
    expect(stretches({ started_at: 5, ringing_at: null, answered_at: null, ended_at: 5 }, 700)).toEqual([]);
});

it('schedules in words', () => {
    expect(readCron('*/15 * * * *')).toEqual({ kind: 'every_minutes', minutes: 15 });
    expect(readCron('5 * * * *')).toEqual({ kind: 'hourly', minute: 5 });
    expect(readCron('30 3 * * *')).toEqual({ kind: 'daily', time: '03:30' });
    expect(readCron('0 9 * * 1-5')).toEqual({ kind: 'weekly', time: '09:00', days: [1, 2, 3, 4, 5] });
    expect(readCron('0 9 * * mon,Wed,0')).toEqual({ kind: 'weekly', time: '09:00', days: [1, 3, 0] });
    expect(readCron('0 22 * * fri-mon')).toEqual({ kind: 'weekly', time: '22:00', days: [5, 6, 0, 1] });
    expect(readCron('0 6 1 * *')).toEqual({ kind: 'monthly', time: '06:00', day: 1 });
    for (const other of ['', '* * * *', '0 6 1 1 *', '0 6 1 * 1', '0 9 * * 9', 'x 9 * * *', '1,2 9 * * *']) expect(readCron(other), other).toBeUndefined();
});

describe('the matrix of permissions', () => {
    it('knows scopes and lists apart', () => {
        for (const text of ['own', 'team', 'group', 'center', 'all', 'list', 'own+list', 'all+list']) {
            const { scope, listed } = splitScope(text);
            expect(listed ? withList(scope) : scope).toBe(text);
        }
    });

    it('has a row for each permission, also for one that the catalogue no longer has', () => {
        const catalogue = { permissions: [{ permission: 'calls.read', about: '', scopes: ['list', 'own', 'center'] }], resources: [] };
        expect(groupsOf(catalogue, [{ permission: 'fax.send', scope: 'own' }])).toEqual([
            { resource: 'calls', rows: [{ permission: 'calls.read', about: '', scopes: new Set(['center', 'own']), listed: true }] },
            { resource: 'fax', rows: [{ permission: 'fax.send', about: '', scopes: new Set(['own']), listed: false }] },
        ]);
    });

    it('grants and takes away', () => {
        const none = toggle([{ permission: 'a.b', scope: 'own' }], 'a.b', 'own');
        expect(none).toEqual([]);
        const two = toggle(toggle([], 'a.b', 'own'), 'a.b', 'center');
        expect(toggleList(two, 'a.b').map(({ scope }) => scope)).toEqual(['own+list', 'list']);
        expect(toggleList(toggleList(two, 'a.b'), 'a.b')).toEqual(two);
    });
});

it('columns: what the server does not name is not there, what it masks cannot be sorted by', () => {
    const specs = [{ name: 'a' }, { name: 'b', extra: true }, { name: 'c' }] as never as Parameters<typeof arrange<{ a: 1; b: 1; c: 1 }>>[0];
    const rights = [
        { name: 'a', mode: 'show' as const, sort: true, filter: true },
        { name: 'b', mode: 'mask' as const, sort: false, filter: false },
    ];
    const show = (chosen?: string[]) => arrange(specs, rights, chosen).map(({ name, shown, sortable }) => `${name}${shown ? '' : ' hidden'}${sortable ? ' sortable' : ''}`);
    expect(show()).toEqual(['a sortable', 'b hidden']);
    expect(show(['b', 'a'])).toEqual(['b', 'a sortable']);
    expect(show(['b', 'c'])).toEqual(['b', 'a hidden sortable']);
});

it('filters in the form of the wire', () => {
    expect(choicesTo([])).toBeUndefined();
    expect(choicesTo(['a'])).toBe('a');
    expect(choicesTo(['a', 'b'])).toEqual(['a', 'b']);
    expect([choicesOf('a'), choicesOf(['a', 'b']), choicesOf(undefined)]).toEqual([['a'], ['a', 'b'], []]);
    expect(textTo('  x ', 'prefix')).toEqual({ prefix: 'x' });
    expect(textTo('', 'prefix')).toBeUndefined();
    expect([textOf({ prefix: 'x' }, 'prefix'), textOf('x', 'eq'), textOf(7, 'eq')]).toEqual(['x', 'x', '']);
});

it('numbers that may be called', () => {
    for (const good of ['6002', '+7 (495) 123-45-67', '*100#', ' 112 ']) expect(isCallable(good), good).toBe(true);
    for (const bad of ['', '  ', 'sip:x', '+', '12;34', '1'.repeat(41)]) expect(isCallable(bad), bad).toBe(false);
});

it('the player goes faster and slower by steps, and stays at the ends', () => {
    expect([stepSpeed(1, 1), stepSpeed(3, 1), stepSpeed(0.5, -1), stepSpeed(2.5, -1)]).toEqual([1.25, 3, 0.5, 2]);
});

it('phones are set up in the forms that they read', () => {
    const account = { number: '6001', username: '6001', password: 'a&b"c' };
    const server = { server: 'pbx.example.org:5070', transport: 'udp' } as const;
    expect(sipUri(account, server)).toBe('sip:6001:a%26b%22c@pbx.example.org:5070;transport=udp');
    expect(waveXml(account, server)).toContain('<AuthPass>a&#38;b&#34;c</AuthPass>');
    expect(linphoneXml(account, server)).toContain('<entry name="reg_identity" overwrite="true">sip:6001@pbx.example.org</entry>');
    expect(linphoneXml(account, server)).toContain('&#60;sip:pbx.example.org:5070;transport=udp&#62;');
    expect(baresipLine(account, server)).toContain('auth_user=6001');
    const overTcp = { ...server, transport: 'tcp' } as const;
    for (const text of [sipUri(account, overTcp), linphoneXml(account, overTcp), baresipLine(account, overTcp)]) expect(text).toContain('pbx.example.org:5070;transport=tcp');
    expect(csv([account], server)).toBe('number,username,password,server,transport\r\n"6001","6001","a&b""c","pbx.example.org:5070","udp"\r\n');
});

it('devices by what they say that they are', () => {
    expect(deviceOf('Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 YaBrowser/25 Safari/537')).toBe('Yandex Browser, Windows');
    expect(deviceOf('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604')).toBe('Safari, iOS');
    expect(deviceOf('curl/8.1')).toBe('curl');
    expect(deviceOf('my own thing 1.0')).toBe('my own thing 1.0');
    expect(deviceOf('')).toBe('');
});
