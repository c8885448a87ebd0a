import Box from '@mui/material/Box';
import LinearProgress from '@mui/material/LinearProgress';
import type { ReactNode } from 'react';
import type { Tone } from '@/app/theme';

/** From which share on there is little left. */
const LITTLE_LEFT = 0.8;

/** How much of something is used, told and drawn. Without an end there is nothing to draw. */
export function Used({ used, max, label, children, width = 72 }: { used: number; max: number | null | undefined; /** What it is of, for who hears it. */ label: string; children: ReactNode; width?: number | string }) {
    const share = max ? Math.min(1, used / max) : undefined;
    const tone: Tone = share === undefined || share < LITTLE_LEFT ? 'busy' : share < 1 ? 'wait' : 'bad';
    return (
        <Box component="span" sx={{ display: 'inline-flex', alignItems: 'center', gap: 1, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>
            {share !== undefined && (
                <LinearProgress
                    variant="determinate"
                    value={share * 100}
                    aria-label={label}
                    sx={(theme) => ({ width, height: 6, borderRadius: 3, flexShrink: 0, bgcolor: theme.palette.line, '& .MuiLinearProgress-bar': { bgcolor: theme.palette.tones[tone], borderRadius: 3 } })}
                />
            )}
            <span>{children}</span>
        </Box>
    );
}
