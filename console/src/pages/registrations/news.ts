import type { LiveEvent, Slot } from '@/api/types';

/** Something that happened to a slot's phone. */
export interface PhoneNews {
    seq: number;
    /** The slot. */
    id: string;
    /** Milliseconds since 1970. */
    at: number;
    number: string;
    kind: 'came' | 'went' | 'rebound';
    /** Where the phone was, and where the one is that took its place; only those hear it who may trace slots. */
    from?: string;
    to?: string;
}

/** What an event tells of a phone, beside how the slots were before it; none if it tells nothing of phones. */
export function ofPhone(event: LiveEvent, before: Slot[] | undefined): PhoneNews | undefined {
    const data = (event.data ?? {}) as Partial<Slot> & { old_source?: string; new_source?: string };
    const told = { seq: event.seq, id: event.id, at: event.ts, number: data.number ?? '' };
    if (event.type === 'slot.rebound') return { ...told, kind: 'rebound', from: data.old_source, to: data.new_source };
    const old = before?.find(({ id }) => id === event.id);
    if (event.type !== 'slot.update' || !old || data.registered === undefined || data.registered === old.registered) return undefined;
    return { ...told, kind: data.registered ? 'came' : 'went' };
}
