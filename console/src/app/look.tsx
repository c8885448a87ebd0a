import createCache from '@emotion/cache';
import { CacheProvider } from '@emotion/react';
import CssBaseline from '@mui/material/CssBaseline';
import { ThemeProvider, type Theme } from '@mui/material/styles';
import { createContext, useCallback, useContext, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';
import { useT } from '@/i18n';
import { consoleTheme } from './theme';

export type Look = 'light' | 'dark' | 'system';

const KEY = 'cordboard.look';
const systemIsDark = typeof matchMedia === 'undefined' ? undefined : matchMedia('(prefers-color-scheme: dark)');

const LookContext = createContext<{ look: Look; dark: boolean; setLook: (look: Look) => void }>({
    look: 'system',
    dark: false,
    setLook: () => undefined,
});

/** Which colours, and how to choose others. */
export function useLook() {
    return useContext(LookContext);
}

/** The page's policy lets in only styles with the nonce that the server drew for it. */
const cache = createCache({ key: 'c', nonce: nonce(), prepend: true });

/** What everything looks like. Remembered by the browser, and by the server once somebody is signed in. */
export function LookProvider({ children }: { children: ReactNode }) {
    const [look, choose] = useState<Look>(remembered);
    const system = useSyncExternalStore(onSystem, () => systemIsDark?.matches ?? false);
    const dark = look === 'system' ? system : look === 'dark';
    const theme = useMemo(() => consoleTheme(dark ? 'dark' : 'light'), [dark]);
    const setLook = useCallback((next: Look) => {
        choose(next);
        try {
            localStorage.setItem(KEY, next);
        } catch {
            // Kept by the server, if not by the browser.
        }
    }, []);
    const value = useMemo(() => ({ look, dark, setLook }), [look, dark, setLook]);
    return (
        <CacheProvider value={cache}>
            <ThemeProvider theme={theme}>
                <CssBaseline enableColorScheme />
                <LookContext value={value}>{children}</LookContext>
            </ThemeProvider>
        </CacheProvider>
    );
}

/** The few texts that MUI brings itself, in English, in the language of the console. */
export function OwnTexts({ children }: { children: ReactNode }) {
    const t = useT();
    const own = useCallback(
        (outer: Theme): Theme => ({
            ...outer,
            components: {
                ...outer.components,
                MuiAlert: { ...outer.components?.MuiAlert, defaultProps: { ...outer.components?.MuiAlert?.defaultProps, closeText: t('common.close') } },
                MuiAutocomplete: {
                    ...outer.components?.MuiAutocomplete,
                    defaultProps: {
                        ...outer.components?.MuiAutocomplete?.defaultProps,
                        clearText: t('common.clear'),
                        closeText: t('common.close'),
                        openText: t('common.open'),
                        loadingText: t('common.loading'),
                        noOptionsText: t('common.nothing_found'),
                    },
                },
            },
        }),
        [t],
    );
    return <ThemeProvider theme={own}>{children}</ThemeProvider>;
}

export function nonce(): string | undefined {
    const meta = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]');
    const text = meta?.nonce || meta?.content;
    return text && text !== '__CSP_NONCE__' ? text : undefined;
}

function onSystem(listener: () => void): () => void {
    systemIsDark?.addEventListener('change', listener);
    return () => systemIsDark?.removeEventListener('change', listener);
}

function remembered(): Look {
    try {
        const text = localStorage.getItem(KEY);
        return text === 'light' || text === 'dark' ? text : 'system';
    } catch {
        return 'system';
    }
}
