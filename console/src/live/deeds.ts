// What one does with slots and calls.
import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Slot, StartedCall } from '@/api/types';
import { useClient } from '@/providers/services';
import { setMySlot } from './board';

export function useSlotDeeds() {
    const client = useClient();
    const queries = useQueryClient();
    return useMemo(
        () => ({
            take: async (slot: Pick<Slot, 'id'>) => {
                const taken = await client.post<Slot | undefined>(`/slots/${slot.id}/take`);
                if (taken?.id) setMySlot(queries, taken);
                else await queries.invalidateQueries({ queryKey: ['board'] });
            },
            release: async (slot: Pick<Slot, 'id' | 'epoch'>) => {
                await client.post(`/slots/${slot.id}/release`, { epoch: slot.epoch });
                setMySlot(queries, null);
                await queries.invalidateQueries({ queryKey: ['board', 'slots'] });
            },
            call: (slot: Pick<Slot, 'id'>, number: string) =>
                // A click that is sent twice by a bad network places one call (R18).
                client.post<StartedCall>('/call/start', { slot_id: slot.id, phone_number: number }, { 'Idempotency-Key': newKey() }),
            end: (callId: string) => client.post('/call/end', { call_id: callId }),
        }),
        [client, queries],
    );
}

/** `crypto.randomUUID` is for HTTPS pages only; this is for all. */
export function newKey(): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (octet) => octet.toString(16).padStart(2, '0')).join('');
}

/** What may be typed as a number to call. */
export function isCallable(text: string): boolean {
    return /^\+?[0-9*#\s().-]{1,40}$/.test(text.trim()) && /[0-9*#]/.test(text);
}
