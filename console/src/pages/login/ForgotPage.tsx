import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Link from '@mui/material/Link';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { Form } from 'ra-core';
import { useState } from 'react';
import { Link as RouterLink } from 'react-router';
import { useMail } from '@/access/providers';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { TextInput } from '@/ui/form/inputs';
import { ProblemBox } from '@/ui/problems';
import { Frame } from './Frame';

/** Asks for a link to choose a new password by. The answer is the same whether the account exists or not. */
export function ForgotPage() {
    const t = useT();
    const client = useClient();
    const hasMail = useMail();
    const [sent, setSent] = useState(false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const submit = async ({ username }: Record<string, unknown>) => {
        setBusy(true);
        setError(undefined);
        try {
            await client.open('POST', '/auth/forgot', { username: String(username ?? '').trim() });
            setSent(true);
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Frame title={t('auth.forgot_title')}>
            {sent ? (
                <Alert severity="success">{t('auth.forgot_sent')}</Alert>
            ) : !hasMail ? (
                <Typography variant="body2">{t('auth.forgot_no_mail')}</Typography>
            ) : (
                <Form onSubmit={submit} noValidate>
                    <Typography variant="body2" sx={{ color: 'text.secondary', mb: 2 }}>
                        {t('auth.forgot_about')}
                    </Typography>
                    <Stack>
                        <TextInput source="username" label="auth.username" autoComplete="username" required autoFocus maxLength={128} />
                        {error !== undefined && <ProblemBox error={error} />}
                        <Button type="submit" variant="contained" size="large" loading={busy}>
                            {t('auth.forgot_submit')}
                        </Button>
                    </Stack>
                </Form>
            )}
            <Link component={RouterLink} to="/login" variant="body2" sx={{ mt: 2, display: 'block', textAlign: 'center' }}>
                {t('auth.back')}
            </Link>
        </Frame>
    );
}
