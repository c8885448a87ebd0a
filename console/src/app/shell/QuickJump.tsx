import Autocomplete from '@mui/material/Autocomplete';
import Box from '@mui/material/Box';
import Dialog from '@mui/material/Dialog';
import InputBase from '@mui/material/InputBase';
import ListSubheader from '@mui/material/ListSubheader';
import { useNavigate } from 'react-router';
import { useMyPermissions } from '@/access/me';
import { isInMenu } from '@/access/pages';
import { useT } from '@/i18n';
import { pages } from '../pages';

/** Any page by a few letters of its name. */
export function QuickJump({ open, onClose }: { open: boolean; onClose: () => void }) {
    const t = useT();
    const mine = useMyPermissions();
    const navigate = useNavigate();
    const options = [
        ...pages.flatMap((page) => (page.menu && mine && isInMenu(page, mine) ? [{ path: page.path, label: t(page.menu.label), group: t(`nav.groups.${page.menu.group}`) }] : [])),
        { path: '/settings', label: t('nav.settings'), group: t('nav.me') },
    ];
    return (
        <Dialog open={open} onClose={onClose} maxWidth="xs" slotProps={{ paper: { 'aria-label': t('nav.jump') }, container: { sx: { alignItems: 'flex-start', pt: '12vh' } } }}>
            <Autocomplete
                open
                autoHighlight
                disablePortal
                options={options}
                groupBy={({ group }) => group}
                forcePopupIcon={false}
                renderGroup={({ key, group, children }) => (
                    <li key={key} role="presentation">
                        <ListSubheader component="div" aria-hidden className="MuiAutocomplete-groupLabel">
                            {group}
                        </ListSubheader>
                        <Box component="ul" role="group" aria-label={group} sx={{ p: 0, '& .MuiAutocomplete-option': { pl: 3 } }}>
                            {children}
                        </Box>
                    </li>
                )}
                onChange={(_, page) => {
                    onClose();
                    if (page) void navigate(page.path);
                }}
                onClose={(_, reason) => reason === 'escape' && onClose()}
                renderInput={(params) => (
                    <Box ref={params.slotProps.input.ref} sx={{ px: 2, py: 1, borderBottom: 1, borderColor: 'divider' }}>
                        <InputBase
                            fullWidth
                            autoFocus
                            placeholder={t('nav.jump_hint')}
                            inputProps={{ ...params.slotProps.htmlInput, 'aria-label': t('nav.jump') }}
                            sx={{ fontSize: '1rem', '& input:focus-visible': { outline: 'none', boxShadow: 'none' } }}
                        />
                    </Box>
                )}
                slotProps={{
                    popper: { sx: { position: 'static !important', transform: 'none !important', width: 'auto !important' }, disablePortal: true } as object,
                    paper: { sx: { boxShadow: 'none', borderRadius: 0 } },
                    listbox: { sx: { maxHeight: '50vh' } },
                }}
            />
        </Dialog>
    );
}
