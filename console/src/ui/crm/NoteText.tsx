import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import EditOutlined from '@mui/icons-material/EditOutlined';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import { scopesOf, useMe, useMyPermissions } from '@/access/me';
import { NOTE_MAX, type Note } from '@/api/crm';
import { useT } from '@/i18n';
import { Confirm } from '../confirm';
import { FormDialog } from '../FormDialog';
import { useTell } from '../problems';
import { useNoteDeeds } from './notes';

/** A note, and for whom it is theirs to change the ways to do so. */
export function NoteText({ note }: { note: Note }) {
    const t = useT();
    const tell = useTell();
    const me = useMe();
    const mine = useMyPermissions();
    const deeds = useNoteDeeds();
    const [editing, setEditing] = useState<string>();
    const [deleting, setDeleting] = useState(false);
    // One's own; other people's for who reaches those of the centre.
    const may = (permission: string) => {
        const scopes = scopesOf(mine, permission);
        return scopes.some((scope) => scope === 'center' || scope === 'all') || (scopes.length > 0 && note.author_id === me?.id);
    };
    return (
        <Box sx={{ display: 'flex', alignItems: 'flex-start', gap: 0.5 }}>
            <Box component="span" dir="auto" sx={{ flex: 1, minWidth: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {note.text}
            </Box>
            {may('notes.update') && (
                <IconButton aria-label={t('notes.change')} onClick={() => setEditing(note.text)} sx={{ p: 0.25 }}>
                    <EditOutlined sx={{ fontSize: 15 }} />
                </IconButton>
            )}
            {may('notes.delete') && (
                <IconButton aria-label={t('notes.delete')} onClick={() => setDeleting(true)} sx={{ p: 0.25 }}>
                    <DeleteOutlined sx={{ fontSize: 15 }} />
                </IconButton>
            )}
            {editing !== undefined && (
                <FormDialog
                    title={t('notes.change')}
                    action={t('form.save')}
                    isReady={editing.trim() !== ''}
                    onSubmit={() => deeds.change(note, editing.trim())}
                    onClose={() => setEditing(undefined)}
                    fields={['text']}
                >
                    {(said) => <TextField autoFocus multiline minRows={4} label={t('notes.note')} value={editing} onChange={(event) => setEditing(event.target.value)} {...said('text', t('notes.kept'))} slotProps={{ htmlInput: { maxLength: NOTE_MAX } }} />}
                </FormDialog>
            )}
            <Confirm
                open={deleting}
                danger
                title={t('notes.delete_title')}
                action={t('form.delete')}
                onClose={() => setDeleting(false)}
                onConfirm={async () => {
                    await deeds.remove(note);
                    tell(t('form.deleted'));
                }}
            >
                {t('form.delete_text')}
            </Confirm>
        </Box>
    );
}
