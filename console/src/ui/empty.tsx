import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import type { SvgIconComponent } from '@mui/icons-material';
import type { ReactNode, RefObject } from 'react';

/** Where there is nothing yet: what would be here, and what to do next. */
export function Empty({ icon: Icon, title, hint, action, heading }: { icon?: SvgIconComponent; title: string; hint?: ReactNode; action?: ReactNode; /** The title is that of the page. */ heading?: RefObject<HTMLHeadingElement | null> }) {
    return (
        <Box sx={{ textAlign: 'center', py: 6, px: 3, m: 'auto', maxWidth: 520 }}>
            {Icon && <Icon sx={{ fontSize: 44, color: 'text.disabled', mb: 1 }} />}
            {heading ? (
                <Typography variant="h2" component="h1" ref={heading} tabIndex={-1} sx={{ outline: 'none' }}>
                    {title}
                </Typography>
            ) : (
                <Typography variant="h2" component="p">
                    {title}
                </Typography>
            )}
            {hint && (
                <Typography variant="body2" component="div" sx={{ color: 'text.secondary', mt: 0.5 }}>
                    {hint}
                </Typography>
            )}
            {action && <Box sx={{ mt: 2 }}>{action}</Box>}
        </Box>
    );
}
