import Close from '@mui/icons-material/Close';
import Box from '@mui/material/Box';
import Drawer from '@mui/material/Drawer';
import IconButton from '@mui/material/IconButton';
import Typography from '@mui/material/Typography';
import type { ReactNode } from 'react';
import { useT } from '@/i18n';

/** One row, whole, beside its list. */
export function Details({ open, title, onClose, children }: { open: boolean; title: string; onClose: () => void; children: ReactNode }) {
    const t = useT();
    return (
        <Drawer anchor="right" open={open} onClose={onClose} slotProps={{ paper: { role: 'dialog', 'aria-label': title, sx: { width: { xs: '100%', sm: 560 } } } }}>
            <Box sx={{ display: 'flex', alignItems: 'center', gap: 1, px: 2.5, py: 1.5, borderBottom: 1, borderColor: 'divider' }}>
                <Typography variant="h2" sx={{ flex: 1 }}>
                    {title}
                </Typography>
                <IconButton onClick={onClose} aria-label={t('common.close')}>
                    <Close fontSize="small" />
                </IconButton>
            </Box>
            <Box sx={{ p: 2.5, overflow: 'auto' }}>{children}</Box>
        </Drawer>
    );
}

/** JSON as it is, for who can read it. */
export function Json({ value }: { value: unknown }) {
    return (
        <Box component="pre" tabIndex={0} sx={{ m: 0, p: 1.5, borderRadius: 1, bgcolor: (theme) => theme.palette.quiet, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', maxHeight: 420, overflow: 'auto', fontSize: '0.75rem !important' }}>
            {JSON.stringify(value, null, 2)}
        </Box>
    );
}
