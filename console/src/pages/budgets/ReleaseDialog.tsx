import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import TextField from '@mui/material/TextField';
import { useState, type FormEvent } from 'react';
import type { Budget } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { ProblemBox } from '@/ui/problems';

/** The most characters of a reason. */
const REASON_MAX = 200;

/** Releases a budget by hand, with the reason that the audit log keeps. */
export function ReleaseDialog({ budget, onDone, onClose }: { budget: Budget; onDone: () => Promise<void>; onClose: () => void }) {
    const t = useT();
    const code = useCode();
    const client = useClient();
    const [reason, setReason] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const fault = error instanceof Problem ? error.faults.find(({ field }) => field === 'reason') : undefined;
    const release = async (event: FormEvent) => {
        event.preventDefault();
        setBusy(true);
        setError(undefined);
        try {
            await client.post(`/security/budgets/${encodeURIComponent(budget.kind)}/${encodeURIComponent(budget.scope_id)}/release`, { reason: reason.trim() });
            await onDone();
            onClose();
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Dialog open onClose={busy ? undefined : onClose} maxWidth="xs" aria-labelledby="release-title">
            <form noValidate onSubmit={(event) => void release(event)}>
                <DialogTitle id="release-title">
                    <bdi>{t('budgets.release_title', { name: `${code('budget_scopes', budget.kind)} ${budget.name}` })}</bdi>
                </DialogTitle>
                <DialogContent>
                    {t('budgets.release_text')}
                    <TextField
                        autoFocus
                        required
                        fullWidth
                        label={t('budgets.reason')}
                        value={reason}
                        onChange={(event) => setReason(event.target.value)}
                        error={Boolean(fault)}
                        helperText={fault ? `${t('field_faults.invalid_field')} (${fault.detail})` : t('budgets.reason_hint')}
                        sx={{ mt: 2 }}
                        slotProps={{ htmlInput: { maxLength: REASON_MAX } }}
                    />
                    {error !== undefined && !fault && <ProblemBox error={error} />}
                </DialogContent>
                <DialogActions>
                    <Button color="inherit" onClick={onClose} disabled={busy}>
                        {t('common.cancel')}
                    </Button>
                    <Button type="submit" variant="contained" disabled={!reason.trim()} loading={busy}>
                        {t('budgets.release')}
                    </Button>
                </DialogActions>
            </form>
        </Dialog>
    );
}
