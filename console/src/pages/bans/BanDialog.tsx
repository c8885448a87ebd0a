import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import MenuItem from '@mui/material/MenuItem';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import { useState, type FormEvent } from 'react';
import { useFormat, useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { ProblemBox } from '@/ui/problems';

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
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const faultOf = (name: string) => (error instanceof Problem ? error.faults.find(({ field }) => field === name) : undefined);
    const fault = faultOf('source');
    const noteFault = faultOf('note');
    const ban = async (event: FormEvent) => {
        event.preventDefault();
        setBusy(true);
        setError(undefined);
        try {
            await client.post('/security/bans', { source: source.trim(), for_s: forS, ...(note.trim() && { note: note.trim() }) });
            await onDone(source.trim());
            onClose();
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Dialog open onClose={busy ? undefined : onClose} maxWidth="xs" aria-labelledby="ban-title">
            <form noValidate onSubmit={(event) => void ban(event)}>
                <DialogTitle id="ban-title">{t('bans.ban_title')}</DialogTitle>
                <DialogContent>
                    <Stack sx={{ gap: 1.5, pt: 1 }}>
                        <TextField autoFocus required label={t('bans.address')} value={source} onChange={(event) => setSource(event.target.value)} error={Boolean(fault)} helperText={fault ? `${t('field_faults.invalid_field')} (${fault.detail})` : t('bans.address_hint')} autoComplete="off" slotProps={{ htmlInput: { maxLength: 64, spellCheck: false } }} />
                        <TextField select label={t('bans.for')} value={forS} onChange={(event) => setForS(Number(event.target.value))}>
                            {LENGTHS.map((seconds) => (
                                <MenuItem key={seconds} value={seconds}>
                                    {format.span(seconds * 1000)}
                                </MenuItem>
                            ))}
                        </TextField>
                        <TextField label={t('bans.note')} value={note} onChange={(event) => setNote(event.target.value)} error={Boolean(noteFault)} helperText={noteFault ? `${t('field_faults.invalid_field')} (${noteFault.detail})` : t('bans.note_hint')} slotProps={{ htmlInput: { maxLength: NOTE_MAX } }} />
                        {error !== undefined && !fault && !noteFault && <ProblemBox error={error} />}
                    </Stack>
                </DialogContent>
                <DialogActions>
                    <Button color="inherit" onClick={onClose} disabled={busy}>
                        {t('common.cancel')}
                    </Button>
                    <Button type="submit" variant="contained" color="error" disabled={!source.trim()} loading={busy}>
                        {t('bans.ban_do')}
                    </Button>
                </DialogActions>
            </form>
        </Dialog>
    );
}
