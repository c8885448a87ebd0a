import Box from '@mui/material/Box';
import { useTheme } from '@mui/material/styles';
import type { ReactNode } from 'react';
import { colourOf } from './colours';

/** The colour of a tag or of a group, as a spot beside its name. */
export function Spot({ colour }: { colour: string | null | undefined }) {
    const { palette } = useTheme();
    return <Box component="span" aria-hidden sx={{ flex: 'none', width: 12, height: 12, borderRadius: '4px', bgcolor: colourOf(colour, palette.mode) }} />;
}

/** A tag that a call has: its name, with its colour as an edge. */
export function TagChip({ colour, children, title }: { colour: string | null | undefined; children: ReactNode; title?: string }) {
    const { palette } = useTheme();
    return (
        <Box
            component="span"
            title={title}
            sx={{ display: 'inline-block', border: 1, borderColor: 'divider', borderLeft: `4px solid ${colourOf(colour, palette.mode)}`, borderRadius: '4px', px: 0.75, fontSize: '0.75rem', lineHeight: '18px', whiteSpace: 'nowrap' }}
        >
            {children}
        </Box>
    );
}
