import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import { useFormat, useT } from '@/i18n';

/** Makes a row of the cells of a line; none if it cannot be read. */
export type LineReader = (cells: string[]) => object | undefined;

/** How many lines that could not be read are shown. */
const SHOWN = 5;

/** Takes a list as it comes out of a spreadsheet or a price list. */
export function PasteDialog({ reader, title, hint, onDone, onClose }: { reader: LineReader; title: string; hint: string; onDone: (rows: object[]) => void; onClose: () => void }) {
    const t = useT();
    const format = useFormat();
    const [text, setText] = useState('');
    const { rows, wrong } = readLines(text, reader);
    return (
        <Dialog open onClose={onClose} aria-labelledby="paste-title">
            <DialogTitle id="paste-title">{title}</DialogTitle>
            <DialogContent>
                <TextField
                    autoFocus
                    fullWidth
                    multiline
                    minRows={8}
                    maxRows={16}
                    value={text}
                    onChange={(event) => setText(event.target.value)}
                    label={t('rows.list')}
                    helperText={hint}
                    sx={{ mt: 1 }}
                    slotProps={{ htmlInput: { spellCheck: false, style: { fontFamily: 'ui-monospace, monospace', fontSize: '0.8125rem' } } }}
                />
                {wrong.length > 0 && (
                    <Alert severity="warning" sx={{ mt: 1 }}>
                        {t('rows.unread', { smart_count: wrong.length })}
                        {wrong.slice(0, SHOWN).map(([line, words]) => (
                            <div key={line}>
                                {line}: <bdi>{words}</bdi>
                            </div>
                        ))}
                    </Alert>
                )}
            </DialogContent>
            <DialogActions>
                <Button color="inherit" onClick={onClose}>
                    {t('common.cancel')}
                </Button>
                <Button
                    variant="contained"
                    disabled={rows.length === 0}
                    onClick={() => {
                        onDone(rows);
                        onClose();
                    }}
                >
                    {t('rows.take', { count: format.number(rows.length) })}
                </Button>
            </DialogActions>
        </Dialog>
    );
}

/** Cells are parted by tabs, semicolons or commas; without any, by blanks. */
export function readLines(text: string, reader: LineReader): { rows: object[]; wrong: [number, string][] } {
    const rows: object[] = [];
    const wrong: [number, string][] = [];
    text.split(/\r?\n/).forEach((line, index) => {
        if (!line.trim()) return;
        const cells = /[\t;]/.test(line) ? line.split(/[\t;]/) : line.includes(',') && !/\d,\d/.test(line) ? line.split(',') : line.trim().split(/\s+/);
        const row = reader(cells.map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')));
        if (row) rows.push(row);
        else wrong.push([index + 1, line.trim().slice(0, 80)]);
    });
    return { rows, wrong };
}
