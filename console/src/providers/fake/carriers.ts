// How carriers are at this moment.
import type { Carrier } from '@/api/plan';
import type { CarrierStatus } from '@/api/types';

const MINUTE = 60_000;

/** As they are when somebody comes in the morning: one is well, one is not. */
export function makeStandings(carriers: Carrier[], now: number): CarrierStatus[] {
    return carriers.map((carrier): CarrierStatus => {
        const hosts = (up: boolean | null) => carrier.hosts.map((host, index) => ({ host, up: index === 0 ? up : null }));
        const whole = { id: carrier.id, name: carrier.name, on: carrier.on };
        if (!carrier.on) return { ...whole, standing: 'down', calls: 0, since: null, accounts: [], hosts: hosts(null) };
        if (carrier.id === '102') {
            // What a stranger answers has to come out as text.
            const account = { username: 'wolga-<i>7</i>', state: 'failing', expires_at: null, next_at: now + 4 * MINUTE, last_error: '403 Forbidden <img src=x onerror=alert(1)>' };
            return { ...whole, standing: 'down', calls: 0, since: now - 47 * MINUTE, accounts: [account], hosts: hosts(true) };
        }
        const accounts = carrier.accounts.map(({ username }) => ({ username, state: 'registered', expires_at: now + 52 * MINUTE, next_at: now + 38 * MINUTE, last_error: null }));
        return { ...whole, standing: 'up', calls: 0, since: now - 31 * 60 * MINUTE, accounts, hosts: hosts(true) };
    });
}
