import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { useT } from '@/i18n';
import { CopyText } from '@/ui/secret';

/** What deliveries are signed with, shown this once. */
export function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }) {
    const t = useT();
    return (
        <Dialog open aria-labelledby="secret-title">
            <DialogTitle id="secret-title">{t('webhooks.secret')}</DialogTitle>
            <DialogContent>
                <Stack sx={{ gap: 1.5 }}>
                    <Alert severity="warning">{t('webhooks.secret_once')}</Alert>
                    <CopyText text={secret} label={t('webhooks.secret')} />
                    <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                        {t('webhooks.secret_use')}
                    </Typography>
                </Stack>
            </DialogContent>
            <DialogActions>
                <Button variant="contained" onClick={onClose}>
                    {t('common.kept')}
                </Button>
            </DialogActions>
        </Dialog>
    );
}
