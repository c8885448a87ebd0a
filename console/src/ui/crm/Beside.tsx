import ArrowBack from '@mui/icons-material/ArrowBack';
import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import type { ReactNode } from 'react';
import { Link as RouterLink } from 'react-router';

/** What a page is about, and beside it what is looked up. One below the other where there is no room. */
export function Beside({ side, children }: { side: ReactNode; children: ReactNode }) {
    return (
        <Box sx={{ display: 'grid', gridTemplateColumns: { xs: 'minmax(0, 1fr)', md: 'minmax(0, 1fr) minmax(280px, 360px)' }, columnGap: 2, alignItems: 'start' }}>
            <Box>{children}</Box>
            <Box>{side}</Box>
        </Box>
    );
}

/** The way back to a list. */
export function BackTo({ to, children }: { to: string; children: ReactNode }) {
    return (
        <Link component={RouterLink} to={to} variant="body2" sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color: 'text.secondary', mb: 0.25 }}>
            <ArrowBack sx={{ fontSize: 15 }} />
            {children}
        </Link>
    );
}
