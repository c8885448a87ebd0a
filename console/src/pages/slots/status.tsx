import { useCallback } from 'react';
import { useMe } from '@/access/me';
import type { Slot, SlotStatus } from '@/api/types';
import { SLOT_STATUS_TONES } from '@/ui/tones';
import { CodeBadge } from '@/ui/values';

/** To whoever has taken a slot the server calls it free, because they can call from it. People call that theirs. */
export function useSlotStatus(): (slot: Pick<Slot, 'status' | 'holder'>) => SlotStatus | 'mine' {
    const me = useMe();
    return useCallback((slot) => (slot.status === 'free' && slot.holder != null && slot.holder === me?.id ? 'mine' : slot.status), [me]);
}

export function SlotStatusBadge({ slot }: { slot: Slot }) {
    const status = useSlotStatus();
    return <CodeBadge prefix="slot_statuses" code={status(slot)} tones={{ ...SLOT_STATUS_TONES, mine: 'good' }} />;
}
