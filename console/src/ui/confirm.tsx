import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Typography from '@mui/material/Typography';
import { useState, type ReactNode } from 'react';
import { useT } from '@/i18n';
import { ProblemBox } from './problems';

export interface ConfirmProps {
    open: boolean;
    title: string;
    children?: ReactNode;
    /** What is done, on the button: “Delete”, never “OK”. */
    action: string;
    danger?: boolean;
    /** Does it. The dialog stays, with the reason, if it fails. */
    onConfirm: () => Promise<unknown>;
    onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ open, title, children, action, danger, onConfirm, onClose }: ConfirmProps) {
    const t = useT();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const close = () => {
        setError(undefined);
        onClose();
    };
    const confirm = async () => {
        setBusy(true);
        setError(undefined);
        try {
            await onConfirm();
            onClose();
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Dialog open={open} onClose={busy ? undefined : close} maxWidth="xs" aria-labelledby="confirm-title">
            <DialogTitle id="confirm-title">{title}</DialogTitle>
            <DialogContent>
                <Typography variant="body1" component="div">
                    {children}
                </Typography>
                {error !== undefined && <ProblemBox error={error} />}
            </DialogContent>
            <DialogActions>
                <Button color="inherit" onClick={close} disabled={busy}>
                    {t('common.cancel')}
                </Button>
                <Button variant="contained" color={danger ? 'error' : 'primary'} onClick={() => void confirm()} loading={busy} autoFocus>
                    {action}
                </Button>
            </DialogActions>
        </Dialog>
    );
}
