import type { MissedCall } from '@/api/desk';

export type FakeMissed = Omit<MissedCall, 'id'>;

/** Calls that nobody answered in the night. */
export function makeMissed(now: number, numbers: readonly string[]): FakeMissed[] {
    const minute = 60_000;
    return [12, 45, 47, 190, 260, 420, 900, 1500].map((ago, index) => ({
        call_id: `c_missed${index}`,
        // The second has called twice.
        number: numbers[index === 2 ? 1 : index] ?? `+7903${String(2_000_000 + index * 7919)}`,
        scenario: index % 2 === 0 ? 'отдел продаж2' : 'Химки',
        slot: '1',
        at: now - ago * minute,
        state: index === 5 ? 'returned' : index === 6 ? 'dismissed' : 'open',
        claimed_by: index === 3 ? '3' : null,
        claimed_at: index === 3 ? now - minute : null,
        done_by: index === 6 ? '2' : null,
        done_at: index === 5 || index === 6 ? now - 30 * minute : null,
        returned_call_id: null,
        version: 1,
    }));
}
