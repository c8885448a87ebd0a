import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { ChangedSlot, Slot } from '@/api/types';
import { useClient } from '@/providers/services';

/** What an administrator does with a slot. */
export function useSlotAdmin() {
    const client = useClient();
    const queries = useQueryClient();
    return useMemo(() => {
        const change = async (slot: Slot, body: { state?: 'IDLE' | 'FAULT' | 'DISABLED'; new_password?: boolean }) => {
            const changed = await client.put<ChangedSlot>(`/slots/${slot.id}`, body);
            await queries.invalidateQueries({ queryKey: ['slots'] });
            return changed;
        };
        return {
            setState: (slot: Slot, state: 'IDLE' | 'FAULT' | 'DISABLED') => change(slot, { state }),
            newPassword: (slot: Slot) => change(slot, { new_password: true }),
            remove: async (slot: Slot) => {
                await client.delete(`/slots/${slot.id}`);
                await queries.invalidateQueries({ queryKey: ['slots', 'getList'] });
            },
        };
    }, [client, queries]);
}

/** Whether a slot is out of service because somebody put it there. */
export function isOutOfService(slot: Slot): boolean {
    return slot.state === 'DISABLED' || slot.state === 'FAULT';
}
