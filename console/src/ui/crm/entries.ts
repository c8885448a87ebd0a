import type { HistoryEntry } from '@/api/crm';

/** A page of a history as the server tells it. */
export interface HistoryAnswer {
    items: HistoryEntry[];
    next?: string | null;
}

/** What is in it that this console knows how to show: a newer server may tell of more. */
export function readHistory(answer: HistoryAnswer): HistoryEntry[] {
    return answer.items.filter(({ kind }) => kind === 'call' || kind === 'note' || kind === 'event');
}
