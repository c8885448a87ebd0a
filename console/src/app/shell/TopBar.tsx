import AccountCircleOutlined from '@mui/icons-material/AccountCircleOutlined';
import DarkModeOutlined from '@mui/icons-material/DarkModeOutlined';
import KeyboardOutlined from '@mui/icons-material/KeyboardOutlined';
import LightModeOutlined from '@mui/icons-material/LightModeOutlined';
import LogoutOutlined from '@mui/icons-material/LogoutOutlined';
import MenuIcon from '@mui/icons-material/Menu';
import MenuOpen from '@mui/icons-material/MenuOpen';
import Search from '@mui/icons-material/Search';
import SettingsOutlined from '@mui/icons-material/SettingsOutlined';
import Translate from '@mui/icons-material/Translate';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Divider from '@mui/material/Divider';
import IconButton from '@mui/material/IconButton';
import ListItemIcon from '@mui/material/ListItemIcon';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import useMediaQuery from '@mui/material/useMediaQuery';
import { useLocaleState, useLogout } from 'ra-core';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useMe, useSetMe } from '@/access/me';
import { useRoleName } from '@/access/roles';
import { useSettings } from '@/access/settings';
import type { Me } from '@/api/types';
import { LANGUAGES, rememberLocale, useFormat, useT, type Locale } from '@/i18n';
import { useLiveStatus } from '@/live/hooks';
import { useClient } from '@/providers/services';
import { useKeysHelp } from '@/ui/keys/useKeys';
import { useLook } from '../look';
import { CenterSwitch } from './CenterSwitch';
import { Logo } from './Logo';
import { MyPhone } from './MyPhone';

/** The bar on top: where one is, one's slot, and one's self. */
export function TopBar({ onMenu, onJump, folded }: { onMenu: () => void; onJump: () => void; folded: boolean }) {
    const t = useT();
    const isWide = useMediaQuery('(min-width: 1180px)');
    const isNarrow = !useMediaQuery('(min-width: 900px)');
    return (
        <Box
            component="header"
            sx={{ display: 'flex', flexWrap: { xs: 'wrap', md: 'nowrap' }, alignItems: 'center', columnGap: { xs: 0.25, sm: 1 }, rowGap: 0.75, py: { xs: 0.75, md: 0 }, px: { xs: 1, sm: 1.5 }, minHeight: 52, flexShrink: 0, borderBottom: 1, borderColor: 'divider', bgcolor: 'background.paper', zIndex: 5 }}
        >
            <Tooltip title={t('nav.menu')}>
                <IconButton onClick={onMenu} aria-label={t('nav.menu')} edge="start">
                    {folded ? <MenuIcon fontSize="small" /> : <MenuOpen fontSize="small" />}
                </IconButton>
            </Tooltip>
            <Box component={Link} to="/" sx={{ display: 'flex', alignItems: 'center', gap: 1, textDecoration: 'none', color: 'text.primary', borderRadius: 1, px: 0.5 }}>
                <Logo />
                <Typography component="span" sx={{ fontWeight: 700, letterSpacing: '-0.015em', display: { xs: 'none', sm: 'block' } }}>
                    Cordboard
                </Typography>
            </Box>
            <CenterSwitch />
            {/* Where there is no room beside the rest, one's slot has a row of its own. */}
            <Box sx={{ flex: 1, display: 'flex', justifyContent: 'center', minWidth: 0 }}>{!isNarrow && <MyPhone />}</Box>
            {isWide ? (
                <Button color="inherit" onClick={onJump} startIcon={<Search />} sx={{ color: 'text.secondary', border: 1, borderColor: 'divider', fontWeight: 450, gap: 0.25 }}>
                    {t('nav.jump')}
                    <Box component="kbd" aria-hidden sx={{ ml: 1, fontSize: '0.6875rem', color: 'text.secondary' }}>
                        Ctrl K
                    </Box>
                </Button>
            ) : (
                <Tooltip title={t('nav.jump')}>
                    <IconButton onClick={onJump} aria-label={t('nav.jump')}>
                        <Search fontSize="small" />
                    </IconButton>
                </Tooltip>
            )}
            <LiveDot />
            <LookButton />
            <LanguageMenu />
            <UserMenu />
            {isNarrow && (
                <Box sx={{ flexBasis: '100%', minWidth: 0, display: 'flex', justifyContent: 'center', '&:empty': { display: 'none' } }}>
                    <MyPhone />
                </Box>
            )}
        </Box>
    );
}

/** Whether what one sees is as it is now. */
function LiveDot() {
    const t = useT();
    const status = useLiveStatus();
    const tone = { online: 'good', connecting: 'wait', offline: 'off' }[status] as 'good' | 'wait' | 'off';
    return (
        <Tooltip title={t(`live_status.${status}`)}>
            <Box role="status" aria-label={t(`live_status.${status}`)} tabIndex={0} sx={{ display: 'grid', placeItems: 'center', width: 26, height: 26, borderRadius: 1 }}>
                <Box sx={{ width: 9, height: 9, borderRadius: '50%', bgcolor: (theme) => theme.palette.tones[tone], animation: status === 'connecting' ? 'pulse 1.2s infinite alternate' : undefined, '@keyframes pulse': { to: { opacity: 0.3 } } }} />
            </Box>
        </Tooltip>
    );
}

function LookButton() {
    const t = useT();
    const { dark, setLook } = useLook();
    const [, change] = useSettings();
    const label = dark ? t('nav.light') : t('nav.dark');
    return (
        <Tooltip title={label}>
            <IconButton
                aria-label={label}
                onClick={() => {
                    const look = dark ? 'light' : 'dark';
                    setLook(look);
                    change({ look });
                }}
            >
                {dark ? <LightModeOutlined fontSize="small" /> : <DarkModeOutlined fontSize="small" />}
            </IconButton>
        </Tooltip>
    );
}

function LanguageMenu() {
    const t = useT();
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    const [locale] = useLocaleState();
    const choose = useChooseLanguage();
    return (
        <>
            <Tooltip title={t('nav.language')}>
                <IconButton aria-label={t('nav.language')} aria-haspopup="menu" onClick={(event) => setAnchor(event.currentTarget)}>
                    <Translate fontSize="small" />
                </IconButton>
            </Tooltip>
            <Menu anchorEl={anchor} open={Boolean(anchor)} onClose={() => setAnchor(null)}>
                {LANGUAGES.map((language) => (
                    <MenuItem
                        key={language.locale}
                        lang={language.locale}
                        selected={locale === language.locale}
                        onClick={() => {
                            setAnchor(null);
                            void choose(language.locale);
                        }}
                    >
                        {language.name}
                    </MenuItem>
                ))}
            </Menu>
        </>
    );
}

/** The language that was chosen before it was known who is there. It becomes the choice of whoever logs in next. */
let chosenBefore: Locale | undefined;

/** Takes the language that was chosen on the way in, once. */
export function takeChosenBefore(): Locale | undefined {
    const locale = chosenBefore;
    chosenBefore = undefined;
    return locale;
}

/** Changes the language here and, for who is signed in, at every desk. */
export function useChooseLanguage(): (locale: Locale) => Promise<void> {
    const [, setLocale] = useLocaleState();
    const [, change] = useSettings();
    const client = useClient();
    const me = useMe();
    const setMe = useSetMe();
    return async (locale) => {
        rememberLocale(locale);
        setLocale(locale);
        if (!me) {
            chosenBefore = locale;
            return;
        }
        change({ locale });
        // Letters to the person are in it as well. Without the server the language has changed at this desk at least.
        await client.put<Me>('/me', { locale }).then((next) => setMe(next ?? { ...me, locale }), () => undefined);
    };
}

function UserMenu() {
    const t = useT();
    const help = useKeysHelp();
    const me = useMe();
    const logout = useLogout();
    const navigate = useNavigate();
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    const go = (path: string) => {
        setAnchor(null);
        void navigate(path);
    };
    return (
        <>
            <Tooltip title={me?.display_name || me?.username || ''}>
                <IconButton aria-label={t('nav.me')} aria-haspopup="menu" onClick={(event) => setAnchor(event.currentTarget)}>
                    <AccountCircleOutlined />
                </IconButton>
            </Tooltip>
            <Menu anchorEl={anchor} open={Boolean(anchor)} onClose={() => setAnchor(null)} slotProps={{ paper: { sx: { minWidth: 220 } } }}>
                {me && (
                    <Box sx={{ px: 2, pb: 1 }}>
                        <Typography variant="h3">
                            <bdi>{me.display_name || me.username}</bdi>
                        </Typography>
                        <Typography variant="caption" sx={{ color: 'text.secondary' }}>
                            <RoleNames roles={me.roles} />
                        </Typography>
                    </Box>
                )}
                <Divider />
                <MenuItem onClick={() => go('/settings')}>
                    <ListItemIcon>
                        <SettingsOutlined fontSize="small" />
                    </ListItemIcon>
                    {t('nav.settings')}
                </MenuItem>
                <MenuItem
                    onClick={() => {
                        setAnchor(null);
                        help();
                    }}
                >
                    <ListItemIcon>
                        <KeyboardOutlined fontSize="small" />
                    </ListItemIcon>
                    {t('keys.help')}
                </MenuItem>
                <MenuItem
                    onClick={() => {
                        setAnchor(null);
                        void logout();
                    }}
                >
                    <ListItemIcon>
                        <LogoutOutlined fontSize="small" />
                    </ListItemIcon>
                    {t('nav.logout')}
                </MenuItem>
            </Menu>
        </>
    );
}

function RoleNames({ roles }: { roles: string[] }) {
    const format = useFormat();
    const name = useRoleName();
    return <bdi>{format.list(roles.map(name))}</bdi>;
}
