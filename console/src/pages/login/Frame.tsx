import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Paper from '@mui/material/Paper';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { alpha } from '@mui/material/styles';
import { useLocaleState } from 'ra-core';
import { useEffect, type ReactNode } from 'react';
import { useLook } from '@/app/look';
import { Logo } from '@/app/shell/Logo';
import { Messages } from '@/app/shell/Messages';
import { useChooseLanguage } from '@/app/shell/TopBar';
import { LANGUAGES, useT } from '@/i18n';

/** What stands around everything that is shown to people who are not signed in. */
export function Frame({ title, children }: { title: string; children: ReactNode }) {
    const t = useT();
    const { dark, setLook } = useLook();
    const [locale] = useLocaleState();
    const choose = useChooseLanguage();
    useEffect(() => {
        document.title = `${title} · Cordboard`;
    }, [title]);
    return (
        <Box
            component="main"
            sx={(theme) => ({
                minHeight: '100%',
                display: 'flex',
                flexDirection: 'column',
                alignItems: 'center',
                justifyContent: 'center',
                gap: 2,
                p: 2,
                background: `radial-gradient(900px 500px at 15% 0%, ${alpha(theme.palette.primary.main, 0.14)}, transparent), radial-gradient(700px 420px at 95% 100%, ${alpha(theme.palette.secondary.main, 0.1)}, transparent), ${theme.palette.background.default}`,
            })}
        >
            <Paper variant="outlined" sx={{ width: '100%', maxWidth: 400, p: { xs: 2.5, sm: 4 }, borderRadius: 2.5, boxShadow: (theme) => `0 12px 40px ${alpha(theme.palette.common.black, dark ? 0.4 : 0.07)}` }}>
                <Stack direction="row" sx={{ alignItems: 'center', gap: 1.25, mb: 3 }}>
                    <Logo size={34} />
                    <Typography component="span" sx={{ fontWeight: 700, fontSize: '1.25rem', letterSpacing: '-0.02em' }}>
                        Cordboard
                    </Typography>
                </Stack>
                <Typography variant="h1" sx={{ mb: 2 }}>
                    {title}
                </Typography>
                {children}
            </Paper>
            <Stack direction="row" sx={{ gap: 0.5 }}>
                {LANGUAGES.map((language) => (
                    <Button
                        key={language.locale}
                        lang={language.locale}
                        color="inherit"
                        aria-pressed={locale === language.locale}
                        onClick={() => void choose(language.locale)}
                        sx={{ color: locale === language.locale ? 'text.primary' : 'text.secondary', fontWeight: locale === language.locale ? 650 : 450 }}
                    >
                        {language.name}
                    </Button>
                ))}
                <Button color="inherit" sx={{ color: 'text.secondary', fontWeight: 450 }} onClick={() => setLook(dark ? 'light' : 'dark')}>
                    {dark ? t('nav.light') : t('nav.dark')}
                </Button>
            </Stack>
            <Messages />
        </Box>
    );
}
