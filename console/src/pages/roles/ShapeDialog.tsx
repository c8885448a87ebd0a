import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useCanDo } from '@/access/me';
import type { Role } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { ProblemBox, useTell } from '@/ui/problems';
import { CopyButton } from '@/ui/secret';

/** A role's rights as one JSON text, to be taken from one installation to another. */
export function ShapeDialog({ role, onClose }: { role: Role; onClose: () => void }) {
    const t = useT();
    const client = useClient();
    const queries = useQueryClient();
    const tell = useTell();
    const may = useCanDo('roles');
    const [text, setText] = useState<string>();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const [notApplied, setNotApplied] = useState<string[]>();
    const shape = useQuery({ queryKey: ['roles', role.id, 'shape'], queryFn: () => client.get<unknown>(`/roles/${role.id}/shape`), staleTime: 0 });
    const value = text ?? (shape.data === undefined ? '' : JSON.stringify(shape.data, null, 2));
    const parsed = parse(value);
    const save = async () => {
        setBusy(true);
        setError(undefined);
        try {
            const answer = await client.put<{ not_applied?: string[] } | undefined>(`/roles/${role.id}/shape`, { version: role.version, shape: parsed });
            await queries.invalidateQueries({ queryKey: ['roles'] });
            if (answer?.not_applied?.length) setNotApplied(answer.not_applied);
            else {
                tell(t('form.saved'));
                onClose();
            }
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Dialog open onClose={busy ? undefined : onClose} maxWidth="md" aria-labelledby="shape-title">
            <DialogTitle id="shape-title">{t('roles.shape_title', { name: role.name })}</DialogTitle>
            <DialogContent>
                <Typography variant="body2" sx={{ color: 'text.secondary', mb: 1.5 }}>
                    {t('roles.shape_about')}
                </Typography>
                <TextField
                    value={value}
                    onChange={(event) => setText(event.target.value)}
                    label={t('roles.shape')}
                    error={value !== '' && parsed === undefined}
                    helperText={value !== '' && parsed === undefined ? t('form.no_json') : ' '}
                    multiline
                    minRows={12}
                    maxRows={22}
                    fullWidth
                    disabled={!may('update')}
                    slotProps={{
                        htmlInput: { spellCheck: false, style: { fontFamily: 'ui-monospace, monospace', fontSize: '0.8125rem' } },
                        input: { endAdornment: <CopyButton text={value} />, sx: { alignItems: 'flex-start' } },
                    }}
                />
                {notApplied && <Alert severity="warning">{t('roles.shape_not_applied', { what: notApplied.join(', ') })}</Alert>}
                {error !== undefined && <ProblemBox error={error} />}
                {shape.error && <ProblemBox error={shape.error} onRetry={() => void shape.refetch()} />}
            </DialogContent>
            <DialogActions>
                <Button color="inherit" onClick={onClose}>
                    {notApplied ? t('common.done') : t('common.cancel')}
                </Button>
                {may('update') && !notApplied && (
                    <Button variant="contained" disabled={parsed === undefined || text === undefined} loading={busy} onClick={() => void save()}>
                        {t('form.save')}
                    </Button>
                )}
            </DialogActions>
        </Dialog>
    );
}

function parse(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}
