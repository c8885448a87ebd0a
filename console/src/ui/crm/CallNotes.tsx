import Box from '@mui/material/Box';
import Skeleton from '@mui/material/Skeleton';
import { useQuery } from '@tanstack/react-query';
import { useCan } from '@/access/me';
import type { Note } from '@/api/crm';
import type { Items } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Section } from '../page';
import { ProblemBox } from '../problems';
import { Moment, Person } from '../values';
import { NoteField } from './NoteField';
import { NoteText } from './NoteText';

/** What was written down of a call, and for who may, where one writes. Nothing for who has nothing to do with notes. */
export function CallNotes({ callId }: { callId: string }) {
    const can = useCan();
    return can('notes.read') ? <Notes callId={callId} /> : null;
}

function Notes({ callId }: { callId: string }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const { data, error, refetch } = useQuery({
        queryKey: ['crm', 'notes', callId],
        queryFn: async ({ signal }) => (await client.get<Items<Note>>(`/crm/notes/${callId}`, undefined, signal)).items,
        retry: false,
    });
    if (data?.length === 0 && !can('notes.create')) return null;
    return (
        <Section title={t('notes.title')}>
            {error && !data && <ProblemBox error={error} onRetry={() => void refetch()} />}
            {!data && !error && <Skeleton height={40} />}
            <Box component="ul" sx={{ listStyle: 'none', m: 0, p: 0, mb: data?.length ? 1.5 : 0, fontSize: '0.8125rem' }}>
                {data?.map((note) => (
                    <Box component="li" key={note.id} sx={{ py: 0.5 }}>
                        <Box component="span" sx={{ color: 'text.secondary' }}>
                            <Moment at={note.created_at} /> <Person id={note.author_id} name={note.author_name} />
                        </Box>
                        <NoteText note={note} />
                    </Box>
                ))}
            </Box>
            {can('notes.create') && data && <NoteField about={{ call_id: callId }} draft={`call:${callId}`} />}
        </Section>
    );
}
