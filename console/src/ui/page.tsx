import Box from '@mui/material/Box';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { Children, useEffect, type ReactNode } from 'react';
import { useArrival } from './arrival';

/** A page's head: its title, what to say of it, and what one can do here. Sets the window's title as well, and is where one arrives. */
export function PageHead({ title, about, actions, back }: { title: string; about?: ReactNode; actions?: ReactNode; back?: ReactNode }) {
    const heading = useArrival();
    useEffect(() => {
        document.title = `${title} · Cordboard`;
    }, [title]);
    return (
        <Stack direction="row" sx={{ alignItems: 'flex-start', gap: 2, minHeight: 44, pb: 1.5, flexWrap: 'wrap' }}>
            <Box sx={{ flex: '1 1 320px', minWidth: 0 }}>
                {back}
                <Typography variant="h1" ref={heading} tabIndex={-1} sx={{ overflowWrap: 'anywhere', outline: 'none' }}>
                    {title}
                </Typography>
                {about && (
                    <Typography variant="body2" component="div" sx={{ color: 'text.secondary', maxWidth: 820 }}>
                        {about}
                    </Typography>
                )}
            </Box>
            {actions && (
                <Stack direction="row" sx={{ gap: 1, alignItems: 'center', flexWrap: 'wrap' }}>
                    {actions}
                </Stack>
            )}
        </Stack>
    );
}

/** A page whose content scrolls as a whole. */
export function Page({ children, width = 1100 }: { children: ReactNode; width?: number | 'full' }) {
    return (
        <Box sx={{ height: '100%', overflow: 'auto' }}>
            <Box sx={{ p: { xs: 1.5, md: 2.5 }, maxWidth: width === 'full' ? undefined : width }}>{children}</Box>
        </Box>
    );
}

/** A table at the edge of its part stands under the title. */
const INDENT = { '& .MuiTableCell-root:first-of-type': { pl: 2 }, '& .MuiTableCell-root:last-of-type': { pr: 2 }, '& tr:last-of-type > td': { borderBottom: 0 } };

/** A part of a page, with a title of its own. */
export function Section({ title, about, actions, children, flush }: { title?: ReactNode; about?: ReactNode; actions?: ReactNode; children: ReactNode; flush?: boolean }) {
    return (
        <Box
            component="section"
            sx={{ border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', mb: 2, overflow: 'hidden' }}
        >
            {(title || actions) && (
                <Stack direction="row" sx={{ alignItems: 'center', gap: 1, px: 2, pt: 1.5, pb: about ? 0 : 0.5, flexWrap: 'wrap' }}>
                    <Typography variant="h2" sx={{ flex: 1 }}>
                        {title}
                    </Typography>
                    {actions}
                </Stack>
            )}
            {about && (
                <Typography variant="body2" component="div" sx={{ color: 'text.secondary', px: 2, pb: 0.5, maxWidth: 780 }}>
                    {about}
                </Typography>
            )}
            {Children.toArray(children).length > 0 ? <Box sx={flush ? { pt: 0.5, ...INDENT } : { px: 2, pt: title || actions ? 1 : 2, pb: 2 }}>{children}</Box> : <Box sx={{ pb: 1 }} />}
        </Box>
    );
}

/** Names and values side by side. */
export function Facts({ rows, columns = 1 }: { rows: ([ReactNode, ReactNode] | null | false | undefined)[]; columns?: 1 | 2 }) {
    return (
        <Box
            component="dl"
            sx={{
                m: 0,
                display: 'grid',
                gridTemplateColumns: { xs: 'minmax(110px, auto) 1fr', md: columns === 2 ? 'minmax(130px, max-content) 1fr minmax(130px, max-content) 1fr' : 'minmax(150px, max-content) 1fr' },
                columnGap: 2,
                rowGap: 0.75,
                alignItems: 'baseline',
                fontSize: '0.8125rem',
            }}
        >
            {rows.map(
                (row, index) =>
                    row && (
                        // Rows never change their places.
                        // eslint-disable-next-line react/no-array-index-key
                        <Box key={index} sx={{ display: 'contents' }}>
                            <Box component="dt" sx={{ color: 'text.secondary' }}>
                                {row[0]}
                            </Box>
                            <Box component="dd" sx={{ m: 0, minWidth: 0, overflowWrap: 'anywhere' }}>
                                {row[1]}
                            </Box>
                        </Box>
                    ),
            )}
        </Box>
    );
}
