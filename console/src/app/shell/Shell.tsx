import Box from '@mui/material/Box';
import Drawer from '@mui/material/Drawer';
import useMediaQuery from '@mui/material/useMediaQuery';
import { useTheme } from '@mui/material/styles';
import type { CoreLayoutProps } from 'ra-core';
import { useSetLocale } from 'ra-core';
import { Suspense, useEffect, useRef, useState } from 'react';
import { ErrorBoundary } from 'react-error-boundary';
import { useLocation, useNavigate } from 'react-router';
import { useMe } from '@/access/me';
import { useSettings } from '@/access/settings';
import { useLocaleState } from 'ra-core';
import { browserLocale, isLocale, rememberLocale, useT } from '@/i18n';
import { useServices } from '@/providers/services';
import { ArrivalContext, Arrivals } from '@/ui/arrival';
import { Drafts, DraftsContext } from '@/ui/crm/drafts';
import { Keys } from '@/ui/keys/Keys';
import { loadAnew, seeAnew, useResync, useTopic } from '@/live/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { ErrorPage } from '../ErrorPage';
import { useLook } from '../look';
import { Loading } from './Loading';
import { MainMenu } from './MainMenu';
import { Messages } from './Messages';
import { Reminders } from './Reminders';
import { CardsLayer } from './ScreenPop';
import { QuickJump } from './QuickJump';
import { takeChosenBefore, TopBar, useChooseLanguage } from './TopBar';

const WIDE = 220;
const NARROW = 58;

/** What stands around every page: the bar, the menu, messages. */
export function Shell({ children }: CoreLayoutProps) {
    const t = useT();
    const theme = useTheme();
    const isDesk = useMediaQuery(theme.breakpoints.up('md'));
    const [settings, change] = useSettings();
    const [open, setOpen] = useState(false);
    const [jumping, setJumping] = useState(false);
    const location = useLocation();
    const main = useRef<HTMLElement>(null);
    const [arrival] = useState(() => new Arrivals());
    const drafts = useDrafts();
    const folded = isDesk && settings.menuFolded === true;
    usePersonalSettings();
    useLeavingWithOthers();

    useEffect(() => setOpen(false), [location.pathname]);

    return (
        <DraftsContext value={drafts}>
            <Keys always={[{ on: 'Mod+KeyK', what: t('nav.jump'), do: () => setJumping(true), anywhere: true }]}>
                <CardsLayer>
                    <Box sx={{ display: 'flex', flexDirection: 'column', height: '100%' }}>
                        <Box
                            component="a"
                            href="#main"
                            onClick={(event) => {
                                event.preventDefault();
                                main.current?.focus();
                            }}
                            sx={{ position: 'absolute', left: -9999, zIndex: 2000, bgcolor: 'background.paper', color: 'primary.main', p: 1, borderRadius: 1, '&:focus': { left: 8, top: 8 } }}
                        >
                            {t('nav.skip')}
                        </Box>
                        <TopBar onMenu={() => (isDesk ? change({ menuFolded: !folded }) : setOpen(true))} onJump={() => setJumping(true)} folded={folded} />
                        <Box sx={{ display: 'flex', flex: 1, minHeight: 0 }}>
                            {isDesk ? (
                                <Box
                                    component="nav"
                                    aria-label={t('nav.menu')}
                                    sx={{ width: folded ? NARROW : WIDE, flexShrink: 0, overflowY: 'auto', overflowX: 'hidden', borderRight: 1, borderColor: 'divider', bgcolor: 'background.paper', transition: 'width 120ms' }}
                                >
                                    <MainMenu folded={folded} />
                                </Box>
                            ) : (
                                <Drawer open={open} onClose={() => setOpen(false)} slotProps={{ paper: { sx: { width: WIDE }, component: 'nav', 'aria-label': t('nav.menu') } as object }}>
                                    <MainMenu folded={false} />
                                </Drawer>
                            )}
                            <Box component="main" ref={main} id="main" tabIndex={-1} sx={{ flex: 1, minWidth: 0, height: '100%', outline: 'none', '&:focus-visible': { outline: 'none', boxShadow: 'none' } }}>
                                <ErrorBoundary FallbackComponent={ErrorPage as never} resetKeys={[location.pathname]}>
                                    <ArrivalContext value={arrival}>
                                        <Suspense fallback={<Loading />}>{children}</Suspense>
                                    </ArrivalContext>
                                </ErrorBoundary>
                            </Box>
                        </Box>
                        <Messages />
                        <Reminders />
                        <QuickJump open={jumping} onClose={() => setJumping(false)} />
                    </Box>
                </CardsLayer>
            </Keys>
        </DraftsContext>
    );
}

/** Brings the person's language and colours from the server to this desk, once. Who has chosen no language gets the browser's. */
function usePersonalSettings(): void {
    const me = useMe();
    const [settings, , areThere] = useSettings();
    const [locale] = useLocaleState();
    const setLocale = useSetLocale();
    const choose = useChooseLanguage();
    const { look, setLook } = useLook();
    const done = useRef({ locale: false, look: false });
    useEffect(() => {
        if (!me || !areThere || done.current.locale) return;
        done.current.locale = true;
        const chosen = takeChosenBefore();
        if (chosen) {
            void choose(chosen);
            return;
        }
        const wanted = isLocale(settings.locale) ? settings.locale : browserLocale();
        rememberLocale(wanted);
        if (wanted !== locale) void setLocale(wanted);
    }, [me, areThere, settings.locale, locale, setLocale, choose]);
    useEffect(() => {
        if (!settings.look || done.current.look) return;
        done.current.look = true;
        if (settings.look !== look) setLook(settings.look);
    }, [settings.look, look, setLook]);
}

/** Whoever logs out in one tab has logged out in all. After a break in the events, and when one's rights have changed, what is shown is loaded anew. */
function useLeavingWithOthers(): void {
    const { session } = useServices();
    const navigate = useNavigate();
    const queries = useQueryClient();
    useEffect(
        () =>
            session.onChange(() => {
                if (session.isOpen) return;
                queries.clear();
                void navigate('/login');
            }),
        [session, navigate, queries],
    );
    useResync(() => void loadAnew(queries));
    useTopic('rights', () => void seeAnew(queries));
}

/** What is typed and not sent outlives pages, and goes with the person. The browser asks before it is lost. */
function useDrafts(): Drafts {
    const { session } = useServices();
    const [drafts] = useState(() => new Drafts());
    useEffect(() => session.onChange(() => !session.isOpen && drafts.clear()), [session, drafts]);
    useEffect(() => {
        const ask = (event: BeforeUnloadEvent) => drafts.any && event.preventDefault();
        window.addEventListener('beforeunload', ask);
        return () => window.removeEventListener('beforeunload', ask);
    }, [drafts]);
    return drafts;
}
