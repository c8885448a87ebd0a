import MailOutlined from '@mui/icons-material/MailOutlined';
import LinkIcon from '@mui/icons-material/Link';
import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { useState } from 'react';
import { useMail } from '@/access/providers';
import type { IssuedLink, LinkPurpose, User } from '@/api/types';
import { useFormat, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { ProblemBox } from '@/ui/problems';
import { CopyText } from '@/ui/secret';

/** A link by which a person chooses a password: mailed to them, or handed over. */
export function LinkDialog({ user, purpose, onClose }: { user: User; purpose: LinkPurpose; onClose: () => void }) {
    const t = useT();
    const format = useFormat();
    const client = useClient();
    const hasMail = useMail();
    const [link, setLink] = useState<IssuedLink & { by: 'email' | 'show' }>();
    const [busy, setBusy] = useState<'email' | 'show'>();
    const [error, setError] = useState<unknown>();
    const issue = async (by: 'email' | 'show') => {
        setBusy(by);
        setError(undefined);
        try {
            setLink({ ...(await client.post<IssuedLink>(`/users/${user.id}/link`, { purpose, send: by })), by });
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(undefined);
        }
    };
    const mail = (
        <Button
            key="mail"
            variant={hasMail ? 'contained' : 'outlined'}
            startIcon={<MailOutlined />}
            disabled={!hasMail || !user.email || busy !== undefined}
            loading={busy === 'email'}
            aria-describedby={hasMail ? undefined : 'no-mail'}
            onClick={() => void issue('email')}
        >
            {user.email ? t('users.link.mail', { email: user.email }) : t('users.link.no_mail')}
        </Button>
    );
    const show = (
        <Button key="show" variant={hasMail ? 'outlined' : 'contained'} startIcon={<LinkIcon />} disabled={busy !== undefined} loading={busy === 'show'} onClick={() => void issue('show')}>
            {t('users.link.show')}
        </Button>
    );
    return (
        <Dialog open onClose={busy ? undefined : onClose} aria-labelledby="link-title">
            <DialogTitle id="link-title">{t(`users.link.${purpose}_title`, { name: user.display_name || user.username })}</DialogTitle>
            <DialogContent>
                {link === undefined && (
                    <>
                        <Typography variant="body1" sx={{ mb: 2 }}>
                            {t(`users.link.${purpose}_text`)}
                        </Typography>
                        <Stack direction="row" sx={{ gap: 1, flexWrap: 'wrap' }}>
                            {hasMail ? [mail, show] : [show, mail]}
                        </Stack>
                        {!hasMail && (
                            <Typography id="no-mail" variant="caption" component="div" sx={{ color: 'text.secondary', mt: 1 }}>
                                {t('users.link.no_server')}
                            </Typography>
                        )}
                    </>
                )}
                {link?.by === 'email' && <Alert severity="success">{t('users.link.mailed', { email: user.email ?? '', until: format.moment(link.expires_at) })}</Alert>}
                {link?.by === 'show' && (
                    <Stack sx={{ gap: 1 }}>
                        <Typography variant="body2">{t('users.link.shown', { until: format.moment(link.expires_at) })}</Typography>
                        <CopyText text={link.url ?? ''} label={t('users.link.show')} />
                    </Stack>
                )}
                {error !== undefined && <ProblemBox error={error} />}
            </DialogContent>
            <DialogActions>
                <Button color="inherit" onClick={onClose}>
                    {link ? t('common.done') : t('common.later')}
                </Button>
            </DialogActions>
        </Dialog>
    );
}
