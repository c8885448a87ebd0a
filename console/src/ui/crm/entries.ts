import type { HistoryEntry, LeadHappened, Note } from '@/api/crm';
import type { CallWithRecording } from '@/api/types';

/** Something that has been, as the server tells it: when, of what kind, and under the kind's name what it is. */
export interface HistoryItem {
    at: number;
    kind: string;
    call?: CallWithRecording;
    note?: Note;
    event?: LeadHappened & { id: string };
}

/** A page of a history as the server tells it. */
export interface HistoryAnswer {
    items: HistoryItem[];
    next?: string | null;
}

/** What is in it that this console knows how to show: a newer server may tell of more. */
export function readHistory(answer: HistoryAnswer): HistoryEntry[] {
    return answer.items.flatMap(({ at, call, note, event }): HistoryEntry[] => {
        if (call) return [{ kind: 'call', at, id: call.call_id, call }];
        if (note) return [{ kind: 'note', at, id: note.id, note }];
        return event ? [{ kind: 'event', at, id: event.id, event }] : [];
    });
}
