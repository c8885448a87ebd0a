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

/** Where in a conversation a part of it lies: where it starts and how much it takes, of 1. What lasts ends now. */
export function partOf(part: { from: number; to?: number | null }, call: Pick<Call, 'answered_at' | 'ended_at'>, now: number): { start: number; share: number } {
    const end = call.ended_at ?? now;
    const begin = Math.min(call.answered_at ?? part.from, end);
    const total = end - begin;
    if (total <= 0) return { start: 0, share: 1 };
    const within = (at: number) => Math.min(1, Math.max(0, (at - begin) / total));
    const start = within(part.from);
    return { start, share: Math.max(0, within(part.to ?? end) - start) };
}
