import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { Form } from 'ra-core';
import { useState } from 'react';
import { Link as RouterLink, useLocation } from 'react-router';
import type { LinkInfo } from '@/api/types';
import { useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { PasswordInput } from '@/ui/form/inputs';
import { ProblemBox, useFormProblem } from '@/ui/problems';
import { PASSWORD_MIN, isLongEnough } from '@/ui/form/password';
import { Frame } from './Frame';

/** Where an invitation or a link for a new password leads: choose a password, and come in. */
export function LinkPage() {
    const t = useT();
    const client = useClient();
    const formProblem = useFormProblem();
    // Behind the #, so that it is in nobody's log of addresses.
    const token = new URLSearchParams(useLocation().hash.slice(1)).get('token') ?? '';
    const [done, setDone] = useState(false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const link = useQuery({ queryKey: ['auth', 'link', token], queryFn: () => client.open<LinkInfo>('GET', '/auth/link', undefined, { token }), staleTime: Infinity, enabled: token !== '' });

    const submit = async ({ password }: Record<string, unknown>) => {
        setBusy(true);
        setError(undefined);
        try {
            await client.open('POST', '/auth/link', { token, password });
            setDone(true);
            return undefined;
        } catch (problem) {
            setError(problem);
            return (formProblem(problem) as Problem).body.errors;
        } finally {
            setBusy(false);
        }
    };

    const title = done ? t('auth.link_done') : link.data?.purpose === 'password_reset' ? t('auth.link_reset') : t('auth.link_invitation');
    if (token === '' || link.error) {
        const isGone = token === '' || (link.error instanceof Problem && !link.error.passes);
        return (
            <Frame title={t('auth.link_gone')}>
                {isGone ? <Typography variant="body2">{t('auth.link_gone_hint')}</Typography> : <ProblemBox error={link.error} onRetry={() => void link.refetch()} />}
                <Button component={RouterLink} to="/login" variant="outlined" sx={{ mt: 2 }}>
                    {t('auth.back')}
                </Button>
            </Frame>
        );
    }
    return (
        <Frame title={title}>
            {done ? (
                <>
                    <Alert severity="success">{t('auth.link_done_hint')}</Alert>
                    <Button component={RouterLink} to="/login" variant="contained" size="large" fullWidth sx={{ mt: 2 }}>
                        {t('auth.submit')}
                    </Button>
                </>
            ) : link.data ? (
                <Form onSubmit={submit} noValidate>
                    <Typography variant="body2" sx={{ color: 'text.secondary', mb: 2 }}>
                        {t('auth.link_about', { username: link.data.username })}
                    </Typography>
                    {/* For the browser's own store of passwords, which wants to know whose this is. */}
                    <input type="text" autoComplete="username" value={link.data.username} readOnly hidden />
                    <Stack sx={{ gap: 0.5 }}>
                        <PasswordInput source="password" label="auth.new_password" hint="form.password_hint" required autoFocus validate={isLongEnough(PASSWORD_MIN)} />
                        {error !== undefined && <ProblemBox error={error} />}
                        <Button type="submit" variant="contained" size="large" loading={busy}>
                            {t('auth.link_submit')}
                        </Button>
                    </Stack>
                </Form>
            ) : (
                <>
                    <Skeleton height={24} width="80%" />
                    <Skeleton height={56} />
                    <Skeleton height={56} />
                </>
            )}
        </Frame>
    );
}
