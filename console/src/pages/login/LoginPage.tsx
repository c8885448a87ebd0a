import KeyOutlined from '@mui/icons-material/VpnKeyOutlined';
import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Divider from '@mui/material/Divider';
import Link from '@mui/material/Link';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { Form, useLogin } from 'ra-core';
import { useEffect, useState } from 'react';
import { Link as RouterLink, Navigate, useLocation, useSearchParams } from 'react-router';
import { useSignedIn } from '@/access/me';
import { useProviders } from '@/access/providers';
import { useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { PasswordInput, TextInput } from '@/ui/form/inputs';
import { ProblemBox, useProblemText } from '@/ui/problems';
import { useNow } from '@/ui/values';
import { Frame } from './Frame';

/** Where one says who one is: with a password of ours, or by a provider. */
export function LoginPage() {
    const t = useT();
    const login = useLogin();
    const signedIn = useSignedIn();
    const text = useProblemText();
    const [search] = useSearchParams();
    const { state } = useLocation() as { state?: { nextPathname?: string; nextSearch?: string } | null };
    const [error, setError] = useState<unknown>();
    const [busy, setBusy] = useState(false);
    const [withPassword, setWithPassword] = useState(false);
    const [waitUntil, setWaitUntil] = useState(0);
    const providers = useProviders();
    const now = useNow(waitUntil > 0 ? 1000 : undefined);
    const hasWait = waitUntil > now;
    // A provider that refuses sends the browser back with the reason.
    const refused = search.get('error');
    const target = `${state?.nextPathname ?? '/'}${state?.nextSearch ?? ''}`;

    useEffect(() => {
        if (error instanceof Problem && error.code === 'too_many_attempts') setWaitUntil(Date.now() + (error.retryAfterS ?? 1) * 1000);
    }, [error]);

    const submit = async (values: Record<string, unknown>) => {
        setBusy(true);
        setError(undefined);
        try {
            await login({ username: String(values.username ?? '').trim(), password: values.password }, target);
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };

    if (signedIn && !busy) return <Navigate to={target} replace />;
    const oidc = providers?.oidc ?? [];
    const showsPassword = providers === undefined || providers.local || oidc.length === 0 || withPassword;

    return (
        <Frame title={t('auth.title')}>
            {refused && (
                <Alert severity="error" sx={{ mb: 2 }}>
                    {text(new Problem(403, { code: refused }))}
                </Alert>
            )}
            {oidc.length > 0 && (
                <Stack sx={{ gap: 1 }}>
                    {oidc.map((provider) => (
                        <Button
                            key={provider.id}
                            variant="outlined"
                            size="large"
                            startIcon={<KeyOutlined />}
                            href={`/api/auth/oidc/${encodeURIComponent(provider.id)}/start?return=${encodeURIComponent(target)}`}
                        >
                            {t('auth.with_provider', { name: provider.name })}
                        </Button>
                    ))}
                </Stack>
            )}
            {oidc.length > 0 && showsPassword && <Divider sx={{ my: 2, color: 'text.secondary', fontSize: '0.8125rem' }}>{t('auth.or')}</Divider>}
            {showsPassword ? (
                <Form onSubmit={submit} noValidate>
                    <Stack sx={{ gap: 0.5 }}>
                        <TextInput source="username" label="auth.username" autoComplete="username" required autoFocus maxLength={128} />
                        <PasswordInput source="password" label="auth.password" autoComplete="current-password" required />
                        {error !== undefined && <ProblemBox error={error} />}
                        <Button type="submit" variant="contained" size="large" loading={busy} disabled={hasWait} sx={{ mt: 0.5 }}>
                            {hasWait ? t('auth.wait', { seconds: Math.ceil((waitUntil - now) / 1000) }) : t('auth.submit')}
                        </Button>
                        {providers?.mail === false ? (
                            <Typography variant="body2" sx={{ mt: 1.5, color: 'text.secondary', textAlign: 'center' }}>
                                {t('auth.forgot')} {t('auth.forgot_no_mail')}
                            </Typography>
                        ) : (
                            <Link component={RouterLink} to="/forgot" variant="body2" sx={{ mt: 1.5, alignSelf: 'center' }}>
                                {t('auth.forgot')}
                            </Link>
                        )}
                    </Stack>
                </Form>
            ) : (
                <Button color="inherit" fullWidth sx={{ mt: 2, color: 'text.secondary' }} onClick={() => setWithPassword(true)}>
                    {t('auth.with_password')}
                </Button>
            )}
        </Frame>
    );
}
