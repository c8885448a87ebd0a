import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { About, Note } from '@/api/crm';
import { useClient } from '@/providers/services';

/** What is done with notes. */
export function useNoteDeeds() {
    const client = useClient();
    const queries = useQueryClient();
    return useMemo(() => {
        const told = <T>(answer: T): T => {
            void queries.invalidateQueries({ queryKey: ['crm'] });
            return answer;
        };
        return {
            // A note that is sent twice by a bad network is there once (R18): the key is the same until it is answered.
            write: async (about: About, text: string, key: string) => told(await client.post<Note>('/crm/note', { ...about, text }, { 'Idempotency-Key': key })),
            change: async (note: Pick<Note, 'id' | 'version'>, text: string) => told(await client.put<Note>(`/crm/note/${note.id}`, { text, version: note.version })),
            remove: async (note: Pick<Note, 'id'>) => told(await client.delete(`/crm/note/${note.id}`)),
        };
    }, [client, queries]);
}
