import { expect, it } from 'vitest';
import type { CarrierStatus } from '@/api/types';
import { hostState, registration, standingOf, troubleOf } from './standing';

const status = (more: Partial<CarrierStatus>): CarrierStatus => ({ id: '1', name: 'A', on: true, standing: 'up', calls: 0, ...more });
const account = (state: string, last_error?: string) => ({ username: 'us', state, last_error });

it('a carrier that is switched off is neither up nor down', () => {
    expect(standingOf({ on: false, standing: 'down' })).toBe('off');
    expect(standingOf({ on: true, standing: 'too_fast' })).toBe('too_fast');
    expect(troubleOf(status({ on: false, standing: 'down', accounts: [account('failing', 'no answer')] }))).toBeUndefined();
});

it('says why it cannot be called', () => {
    const hosts = [{ host: 'sip:a', up: false }, { host: 'sip:b', up: false }];
    expect(troubleOf(status({ standing: 'down', accounts: [account('failing', 'no answer')], hosts }))).toEqual({ what: 'registration', error: 'no answer' });
    expect(troubleOf(status({ standing: 'down', accounts: [account('registered'), account('failing', 'no answer')], hosts }))).toEqual({ what: 'hosts' });
    expect(troubleOf(status({ standing: 'down', hosts: [...hosts, { host: 'sip:c', up: null }] }))).toBeUndefined();
    expect(troubleOf(status({ standing: 'full', hosts }))).toBeUndefined();
    // Who may not see its settings is told no more than that.
    expect(troubleOf(status({ standing: 'down', accounts: null, hosts: null }))).toBeUndefined();
});

it('tells how its accounts are in one word', () => {
    expect(registration({ accounts: [] })).toBeUndefined();
    expect(registration({ accounts: [account('registered'), account('failing', 'x')] })).toEqual({ state: 'failing', registered: 1, all: 2, error: 'x' });
    expect(registration({ accounts: [account('registered'), account('trying')] })).toMatchObject({ state: 'trying', registered: 1 });
    expect(registration({ accounts: [account('registered'), account('off')] })).toMatchObject({ state: 'registered' });
    expect(registration({ accounts: [account('off')] })).toMatchObject({ state: 'off' });
});

it('a host that nobody has asked is neither there nor away', () => {
    expect([true, false, null, undefined].map(hostState)).toEqual(['up', 'down', 'unknown', 'unknown']);
});
