import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Stack from '@mui/material/Stack';
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { useT } from '@/i18n';
import { faultOf } from '@/providers/problem';
import { ProblemBox } from './problems';

export interface FormDialogProps {
    title: ReactNode;
    /** What is done, on the button. */
    action: string;
    danger?: boolean;
    /** Whether enough is filled in. */
    isReady: boolean;
    /** Does it. The dialog stays, with the reason, if it fails. */
    onSubmit: () => Promise<unknown>;
    onClose: () => void;
    /** What is asked for: by their names the server says what it does not take. */
    fields: string[];
    /** The fields; `said` is what stands below one: what the server does not take of it, else its hint. */
    children: (said: (field: string, hint: string) => { error: boolean; helperText: string }) => ReactNode;
}

/** Asks for some words before something is done. */
export function FormDialog({ title, action, danger, isReady, onSubmit, onClose, fields, children }: FormDialogProps) {
    const t = useT();
    const titleId = useId();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const said = (field: string, hint: string) => {
        const fault = faultOf(error, field);
        return { error: Boolean(fault), helperText: fault ? `${t('field_faults.invalid_field')} (${fault.detail})` : hint };
    };
    const submit = async (event: FormEvent) => {
        event.preventDefault();
        setBusy(true);
        setError(undefined);
        try {
            await onSubmit();
            onClose();
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Dialog open onClose={busy ? undefined : onClose} maxWidth="xs" aria-labelledby={titleId}>
            <form noValidate onSubmit={(event) => void submit(event)}>
                <DialogTitle id={titleId}>{title}</DialogTitle>
                <DialogContent>
                    <Stack sx={{ gap: 1.5, pt: 1 }}>
                        {children(said)}
                        {error !== undefined && !fields.some((field) => faultOf(error, field)) && <ProblemBox error={error} />}
                    </Stack>
                </DialogContent>
                <DialogActions>
                    <Button color="inherit" onClick={onClose} disabled={busy}>
                        {t('common.cancel')}
                    </Button>
                    <Button type="submit" variant="contained" color={danger ? 'error' : 'primary'} disabled={!isReady} loading={busy}>
                        {action}
                    </Button>
                </DialogActions>
            </form>
        </Dialog>
    );
}
