import Box from '@mui/material/Box';
import List from '@mui/material/List';
import ListItem from '@mui/material/ListItem';
import ListItemButton from '@mui/material/ListItemButton';
import ListItemIcon from '@mui/material/ListItemIcon';
import ListItemText from '@mui/material/ListItemText';
import Skeleton from '@mui/material/Skeleton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { alpha } from '@mui/material/styles';
import { NavLink, useLocation } from 'react-router';
import { useMyPermissions } from '@/access/me';
import { isInMenu } from '@/access/pages';
import { useT } from '@/i18n';
import { GROUPS, pages } from '../pages';

/** The ways to all pages that one may see. */
export function MainMenu({ folded }: { folded: boolean }) {
    const t = useT();
    const mine = useMyPermissions();
    const { pathname } = useLocation();
    if (!mine) {
        return (
            <Box sx={{ p: 2 }}>
                {[0, 1, 2, 3, 4, 5].map((index) => (
                    <Skeleton key={index} height={30} />
                ))}
            </Box>
        );
    }
    // A page may stand below another one: the nearest counts.
    const here = pages
        .filter(({ menu, path }) => menu && (pathname === path || pathname.startsWith(`${path}/`)))
        .map(({ path }) => path)
        .sort((a, b) => b.length - a.length)[0];
    return (
        <Box sx={{ py: 1 }}>
            {GROUPS.map((group) => {
                const shown = pages.filter((page) => page.menu?.group === group && isInMenu(page, mine));
                if (shown.length === 0) return null;
                return (
                    <Box key={group} component="section" aria-label={t(`nav.groups.${group}`)} sx={{ mb: 1 }}>
                        {folded ? (
                            <Box sx={{ borderTop: 1, borderColor: 'divider', mx: 1.5, my: 0.75, '&:first-of-type': { mt: 0 } }} />
                        ) : (
                            <Typography variant="overline" component="h2" sx={{ color: 'text.secondary', px: 2, display: 'block' }}>
                                {t(`nav.groups.${group}`)}
                            </Typography>
                        )}
                        <List dense disablePadding>
                            {shown.map(({ path, menu }) => {
                                if (!menu) return null;
                                const label = t(menu.label);
                                const isHere = path === here;
                                return (
                                    <ListItem key={path} disablePadding>
                                        <Tooltip title={folded ? label : ''} placement="right">
                                            <ListItemButton
                                                component={NavLink}
                                                to={path}
                                                selected={isHere}
                                                aria-current={isHere ? 'page' : undefined}
                                                aria-label={label}
                                                sx={(theme) => ({
                                                    mx: 1,
                                                    px: 1,
                                                    py: 0.375,
                                                    minHeight: 32,
                                                    borderRadius: 1,
                                                    color: isHere ? theme.palette.primary.main : theme.palette.text.primary,
                                                    '&.Mui-selected': { bgcolor: alpha(theme.palette.primary.main, theme.palette.mode === 'dark' ? 0.16 : 0.1) },
                                                    justifyContent: folded ? 'center' : undefined,
                                                })}
                                            >
                                                <ListItemIcon sx={{ minWidth: folded ? 0 : 30, color: 'inherit', opacity: isHere ? 1 : 0.7 }}>
                                                    <menu.icon sx={{ fontSize: 19 }} />
                                                </ListItemIcon>
                                                {!folded && <ListItemText primary={label} slotProps={{ primary: { noWrap: true, sx: { fontSize: '0.84375rem', fontWeight: isHere ? 600 : 480 } } }} />}
                                            </ListItemButton>
                                        </Tooltip>
                                    </ListItem>
                                );
                            })}
                        </List>
                    </Box>
                );
            })}
        </Box>
    );
}
