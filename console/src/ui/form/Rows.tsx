import Add from '@mui/icons-material/Add';
import Close from '@mui/icons-material/Close';
import ContentPaste from '@mui/icons-material/ContentPaste';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import FormHelperText from '@mui/material/FormHelperText';
import IconButton from '@mui/material/IconButton';
import Pagination from '@mui/material/Pagination';
import Tooltip from '@mui/material/Tooltip';
import { useTranslate } from 'ra-core';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { get, useFieldArray, useFormState } from 'react-hook-form';
import { useFormat, useT } from '@/i18n';
import { faultText } from './inputs';
import { PasteDialog, type LineReader } from './PasteDialog';
import { ifSeen, useFormRights } from './rights';

/** How many rows stand on a page: a list may have twenty thousand, and a browser that draws them all is of no use. */
const PAGE = 20;

interface RowsProps {
    source: string;
    /** What each row is, for who hears it: “Number”. */
    label: string;
    add: string;
    /** A new row. */
    blank: object;
    /** The inputs of a row, from its source on: `numbers.3`. */
    children: (source: string, index: number) => ReactNode;
    /** What is said where there is none. */
    none?: string;
    /** How the columns are wide, where there is room. */
    columns: string;
    /** What comes of a line of a pasted list; with it, lists can be pasted. */
    paste?: { reader: LineReader; title: string; hint: string };
    max?: number;
}

/** Rows of a form that can be added to and taken from. */
export const Rows = ifSeen(function Rows({ source, label, add, blank, children, none, columns, paste, max = Infinity }: RowsProps) {
    const t = useT();
    const format = useFormat();
    const translate = useTranslate();
    const { readOnly, masks } = useFormRights();
    const { fields, append, remove } = useFieldArray({ name: source });
    const { errors } = useFormState();
    const [page, setPage] = useState(1);
    const [pasting, setPasting] = useState(false);
    const box = useRef<HTMLDivElement>(null);
    const isShut = readOnly || masks(source.split('.')[0] ?? '');
    const pages = Math.max(1, Math.ceil(fields.length / PAGE));
    const at = Math.min(page, pages);
    const faults = get(errors, source) as Record<string, unknown> | undefined;
    const own = faultText(faults as never, translate);

    // A row that is wrong is shown, wherever it stands.
    const wrong = fields.findIndex((_, index) => faults?.[index] !== undefined);
    useEffect(() => {
        if (wrong >= 0) setPage(Math.floor(wrong / PAGE) + 1);
    }, [wrong]);

    const focusLast = () => {
        setTimeout(() => {
            const rows = box.current?.querySelectorAll<HTMLElement>('[role="group"]');
            rows?.[rows.length - 1]?.querySelector<HTMLElement>('input, textarea, [role="combobox"]')?.focus();
        });
    };
    const more = () => {
        append(blank, { shouldFocus: false });
        setPage(Math.floor(fields.length / PAGE) + 1);
        focusLast();
    };
    return (
        <Box ref={box} sx={{ mb: 1 }}>
            {fields.length === 0 && none && <Box sx={{ fontSize: '0.8125rem', color: 'text.secondary', mb: 1 }}>{none}</Box>}
            {fields.slice((at - 1) * PAGE, at * PAGE).map((field, offset) => {
                const index = (at - 1) * PAGE + offset;
                const fault = faultText(faults?.[index] as never, translate);
                return (
                    <Box key={field.id} role="group" aria-label={`${label} ${index + 1}`} sx={{ display: 'flex', gap: 0.5, alignItems: 'flex-start', mb: 1, '& + &': { borderTop: { xs: 1, md: 0 }, borderColor: 'divider', pt: { xs: 2, md: 0 } } }}>
                        <Box sx={{ flex: 1, minWidth: 0 }}>
                            <Box sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', md: columns }, columnGap: 1.5, rowGap: 1, alignItems: 'start', '& .MuiFormHelperText-root': { minHeight: '1.25em' } }}>{children(`${source}.${index}`, index)}</Box>
                            {fault && (
                                <FormHelperText error role="alert">
                                    {fault}
                                </FormHelperText>
                            )}
                        </Box>
                        {!isShut && (
                            <Tooltip title={t('rows.remove')}>
                                <IconButton aria-label={`${t('rows.remove')}: ${label} ${index + 1}`} onClick={() => remove(index)} sx={{ mt: 0.5 }}>
                                    <Close sx={{ fontSize: 17 }} />
                                </IconButton>
                            </Tooltip>
                        )}
                    </Box>
                );
            })}
            {own && (
                <FormHelperText error role="alert">
                    {own}
                </FormHelperText>
            )}
            <Box sx={{ display: 'flex', gap: 1, alignItems: 'center', flexWrap: 'wrap' }}>
                {!isShut && fields.length < max && (
                    <Button startIcon={<Add />} onClick={more}>
                        {add}
                    </Button>
                )}
                {!isShut && paste && (
                    <Button color="inherit" startIcon={<ContentPaste />} onClick={() => setPasting(true)}>
                        {t('rows.paste')}
                    </Button>
                )}
                {pages > 1 && (
                    <>
                        <Box sx={{ flex: 1 }} />
                        <Box sx={{ fontSize: '0.8125rem', color: 'text.secondary' }}>{t('rows.count', { count: format.number(fields.length) })}</Box>
                        <Pagination size="small" count={pages} page={at} onChange={(_, next) => setPage(next)} siblingCount={0} />
                    </>
                )}
            </Box>
            {paste && pasting && (
                <PasteDialog
                    {...paste}
                    onClose={() => setPasting(false)}
                    onDone={(rows) => {
                        append(rows, { shouldFocus: false });
                        setPage(Math.floor(fields.length / PAGE) + 1);
                    }}
                />
            )}
        </Box>
    );
});
