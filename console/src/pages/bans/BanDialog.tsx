import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import { useFormat, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { FormDialog } from '@/ui/FormDialog';

/** For how long, in seconds. */
const LENGTHS = [3600, 86_400, 604_800, 2_592_000];
/** The most characters of a note. */
const NOTE_MAX = 200;

/** Bans a source by hand. */
export function BanDialog({ onDone, onClose }: { onDone: (source: string) => Promise<void>; onClose: () => void }) {
    const t = useT();
    const format = useFormat();
    const client = useClient();
    const [source, setSource] = useState('');
    const [forS, setForS] = useState(86_400);
    const [note, setNote] = useState('');
    const ban = async () => {
        await client.post('/security/bans', { source: source.trim(), for_s: forS, ...(note.trim() && { note: note.trim() }) });
        await onDone(source.trim());
    };
    return (
        <FormDialog title={t('bans.ban_title')} action={t('bans.ban_do')} danger isReady={Boolean(source.trim())} onSubmit={ban} onClose={onClose} fields={['source', 'note']}>
            {(said) => (
                <>
                    <TextField autoFocus required label={t('bans.address')} value={source} onChange={(event) => setSource(event.target.value)} {...said('source', t('bans.address_hint'))} autoComplete="off" slotProps={{ htmlInput: { maxLength: 64, spellCheck: false } }} />
                    <TextField select label={t('bans.for')} value={forS} onChange={(event) => setForS(Number(event.target.value))}>
                        {LENGTHS.map((seconds) => (
                            <MenuItem key={seconds} value={seconds}>
                                {format.span(seconds * 1000)}
                            </MenuItem>
                        ))}
                    </TextField>
                    <TextField label={t('bans.note')} value={note} onChange={(event) => setNote(event.target.value)} {...said('note', t('bans.note_hint'))} slotProps={{ htmlInput: { maxLength: NOTE_MAX } }} />
                </>
            )}
        </FormDialog>
    );
}
