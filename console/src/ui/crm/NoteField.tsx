import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import TextField from '@mui/material/TextField';
import { useRef, useState } from 'react';
import { NOTE_MAX, type About, type Note } from '@/api/crm';
import { useT } from '@/i18n';
import { newKey } from '@/live/deeds';
import { useKeys } from '../keys/useKeys';
import { ProblemBox, useProblemText } from '../problems';
import { useDraft } from './drafts';
import { useNoteDeeds } from './notes';

/**
 * Where a note is written. What is typed stays until it is saved, wherever one goes meanwhile. Ctrl+Enter saves, Escape leaves the field;
 * what could not be saved stays, with the reason.
 */
export function NoteField({ about, draft, keyOn, rows = 3, onSaved }: { about: About; /** Under which key what is typed is kept. */ draft: string; /** The key that leads here. */ keyOn?: string; rows?: number; onSaved?: (note: Note) => void }) {
    const t = useT();
    const problemText = useProblemText();
    const { write } = useNoteDeeds();
    const [text, setText] = useDraft(draft);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const field = useRef<HTMLTextAreaElement>(null);
    const order = useRef<{ text: string; key: string }>(undefined);
    useKeys(t('notes.title'), keyOn ? [{ on: keyOn, what: t('notes.write'), do: () => field.current?.focus() }] : []);
    const save = async () => {
        const words = text.trim();
        if (!words || busy) return;
        if (order.current?.text !== words) order.current = { text: words, key: newKey() };
        setBusy(true);
        setError(undefined);
        try {
            const note = await write(about, words, order.current.key);
            order.current = undefined;
            setText('');
            onSaved?.(note);
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Box>
            <TextField
                inputRef={field}
                fullWidth
                multiline
                minRows={rows}
                maxRows={12}
                label={t('notes.note')}
                value={text}
                onChange={(event) => setText(event.target.value)}
                onKeyDown={(event) => {
                    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.nativeEvent.isComposing) {
                        event.preventDefault();
                        void save();
                    } else if (event.key === 'Escape') {
                        event.stopPropagation();
                        field.current?.blur();
                    }
                }}
                slotProps={{ htmlInput: { maxLength: NOTE_MAX } }}
            />
            {error !== undefined && <ProblemBox error={error} text={t('notes.unsaved', { why: problemText(error) })} onRetry={() => void save()} />}
            <Box sx={{ display: 'flex', justifyContent: 'flex-end', alignItems: 'center', gap: 1, mt: 0.75 }}>
                <Box component="kbd" aria-hidden sx={{ color: 'text.secondary', fontSize: '0.6875rem' }}>
                    Ctrl Enter
                </Box>
                <Button variant="outlined" disabled={text.trim() === ''} loading={busy} onClick={() => void save()}>
                    {t('notes.save')}
                </Button>
            </Box>
        </Box>
    );
}
