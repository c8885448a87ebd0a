import type { Call } from '@/api/types';

/** A stretch of a call's life. */
export interface Stretch {
    kind: 'dialing' | 'ringing' | 'talking';
    from: number;
    to: number;
}

/** What a call went through, in order; the last stretch of a live call ends now. */
export function stretches(call: Pick<Call, 'started_at' | 'ringing_at' | 'answered_at' | 'ended_at'>, now: number): Stretch[] {
    const end = Math.max(call.ended_at ?? now, call.started_at);
    const marks: [Stretch['kind'], number | null | undefined][] = [
        ['dialing', call.started_at],
        ['ringing', call.ringing_at],
        ['talking', call.answered_at],
    ];
    const known = marks.flatMap(([kind, at]) => (at == null ? [] : [{ kind, from: Math.min(at, end) }]));
    return known.map(({ kind, from }, index) => ({ kind, from, to: known[index + 1]?.from ?? end })).filter(({ from, to }) => to > from);
}
