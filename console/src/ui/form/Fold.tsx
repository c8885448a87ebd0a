import ExpandMore from '@mui/icons-material/ExpandMore';
import Box from '@mui/material/Box';
import ButtonBase from '@mui/material/ButtonBase';
import Typography from '@mui/material/Typography';
import { useEffect, useId, useState, type ReactNode } from 'react';
import { get, useFormState } from 'react-hook-form';

interface FoldProps {
    title: string;
    about?: ReactNode;
    /** What is set inside, in a few words, so that nobody has to open it to see. */
    summary?: ReactNode;
    /** The fields inside: when one of them is wrong, it opens by itself. */
    sources: readonly string[];
    children: ReactNode;
}

/** A part of a form that most people never need: shut, and told in a line. */
export function Fold({ title, about, summary, sources, children }: FoldProps) {
    const id = useId();
    const [open, setOpen] = useState(false);
    const { errors } = useFormState();
    const isWrong = sources.some((source) => get(errors, source) !== undefined);
    useEffect(() => {
        if (isWrong) setOpen(true);
    }, [isWrong]);
    return (
        <Box component="section" sx={{ border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', mb: 1.25, overflow: 'hidden' }}>
            <Typography variant="h2" component="h2">
                {/* No fieldset that is shut off for who may only read shuts this: it changes nothing. */}
                <ButtonBase
                    component="div"
                    role="button"
                    tabIndex={0}
                    aria-expanded={open}
                    aria-controls={id}
                    onClick={() => setOpen(!open)}
                    sx={{ width: '100%', justifyContent: 'flex-start', textAlign: 'left', gap: 1, px: 2, py: 1.25, font: 'inherit', '&.Mui-focusVisible': { outlineOffset: -2 } }}
                >
                    <ExpandMore sx={{ fontSize: 18, color: 'text.secondary', flexShrink: 0, transform: open ? undefined : 'rotate(-90deg)', transition: 'transform 120ms' }} />
                    <Box component="span" sx={{ flexShrink: 0 }}>
                        {title}
                    </Box>
                    {!open && summary && (
                        <Box component="span" sx={{ flex: 1, minWidth: 0, textAlign: 'right', fontSize: '0.8125rem', fontWeight: 400, color: 'text.secondary', overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>
                            {summary}
                        </Box>
                    )}
                </ButtonBase>
            </Typography>
            {open && (
                <Box id={id} sx={{ px: 2, pt: 0.5, pb: 1.5 }}>
                    {about && (
                        <Typography variant="body2" component="div" sx={{ color: 'text.secondary', maxWidth: 780, mb: 1.5 }}>
                            {about}
                        </Typography>
                    )}
                    {children}
                </Box>
            )}
        </Box>
    );
}
