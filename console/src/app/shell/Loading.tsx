import Box from '@mui/material/Box';
import CircularProgress from '@mui/material/CircularProgress';

/** Shown only if it takes a while, so that quick things do not flicker. */
export function Loading() {
    return (
        <Box
            role="status"
            sx={{ height: '100%', minHeight: 200, display: 'grid', placeItems: 'center', animation: 'appear 200ms 300ms both', '@keyframes appear': { from: { opacity: 0 } } }}
        >
            <CircularProgress size={26} />
        </Box>
    );
}
