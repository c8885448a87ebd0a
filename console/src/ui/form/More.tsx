import ExpandMore from '@mui/icons-material/ExpandMore';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import { useEffect, useState, type ReactNode } from 'react';
import { get, useFormState } from 'react-hook-form';
import { useT } from '@/i18n';

/** The fields of a row that few people need. They open by themselves when one of them is wrong. */
export function More({ sources, children }: { sources: readonly string[]; children: ReactNode }) {
    const t = useT();
    const [open, setOpen] = useState(false);
    const { errors } = useFormState();
    const isWrong = sources.some((source) => get(errors, source) !== undefined);
    useEffect(() => {
        if (isWrong) setOpen(true);
    }, [isWrong]);
    return (
        <>
            <Box sx={{ gridColumn: '1 / -1', mt: -1 }}>
                {/* No button: a form that may only be read shuts its buttons, and this changes nothing. */}
                <Button
                    component="div"
                    role="button"
                    tabIndex={0}
                    color="inherit"
                    aria-expanded={open}
                    onClick={() => setOpen(!open)}
                    startIcon={<ExpandMore sx={{ transform: open ? undefined : 'rotate(-90deg)' }} />}
                    sx={{ color: 'text.secondary', fontWeight: 500, ml: -0.5, minHeight: 26, py: 0 }}
                >
                    {t('rows.more')}
                </Button>
            </Box>
            {open && children}
        </>
    );
}
