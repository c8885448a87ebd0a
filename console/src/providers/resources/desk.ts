import { log, type ResourceOnWire } from './wire';

/** Calls that nobody answered. */
export const desk = {
    'missed-calls': log('/missed-calls', 'calls', { key: 'call_id', wire: 'missed_calls', unexported: 'all' }),
} as const satisfies Record<string, ResourceOnWire>;
