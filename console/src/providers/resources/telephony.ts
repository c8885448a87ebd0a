import { crud, log, type ResourceOnWire } from './wire';

/** All that is set of a carrier and of a route. */
const CARRIER = [
    'name',
    'on',
    'centers',
    'hosts',
    'networks',
    'accounts',
    'numbers',
    'callers',
    'capacity',
    'calls_per_s',
    'health',
    'group',
    'priority',
    'weight',
    'currency',
    'rates',
    'rated_only',
    'failover',
    'form',
    'rules_in',
    'send',
    'rules_out',
    'identity',
    'early_media',
    'redirects_max',
];
const ROUTE = ['name', 'position', 'on', 'match', 'then', 'scenario', 'source', 'rewrite'];

/** Calls, slots and the ways to the world. */
export const telephony = {
    calls: log('/calls', 'calls', { key: 'call_id', searchable: true, unexported: ['recording', 'remedy', 'served_by'] }),
    cdr: log('/cdr/records', 'calls', { key: 'call_id', wire: 'cdrs', searchable: true, unexported: ['recording', 'remedy', 'served_by'] }),
    slots: log('/slots', 'slots', { unexported: 'all' }),
    trunks: crud('/trunks', 'trunks', ['name', 'capacity'], ['type'], { versioned: false, unexported: 'all' }),
    carriers: crud('/trunks', 'trunks', CARRIER, ['type'], { wire: 'trunks', rest: { column: 'settings', except: ['id', 'name', 'type', 'capacity', 'on', 'group', 'version'] }, unexported: 'all' }),
    routes: crud('/routes', 'routes', ROUTE, [], { unexported: 'all' }),
} as const satisfies Record<string, ResourceOnWire>;
