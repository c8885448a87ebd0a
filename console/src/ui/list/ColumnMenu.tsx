import KeyboardArrowDown from '@mui/icons-material/KeyboardArrowDown';
import KeyboardArrowUp from '@mui/icons-material/KeyboardArrowUp';
import ViewColumnOutlined from '@mui/icons-material/ViewColumnOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import IconButton from '@mui/material/IconButton';
import Popover from '@mui/material/Popover';
import Tooltip from '@mui/material/Tooltip';
import { useState } from 'react';
import { useT, type MessageKey } from '@/i18n';
import type { ShownColumn } from './columns';

/** Which columns, in which order. */
export function ColumnMenu({ columns, onChoose, isChosen }: { columns: ShownColumn<never>[]; onChoose: (names: string[] | undefined) => void; isChosen: boolean }) {
    const t = useT();
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    const shown = columns.filter((column) => column.shown).map(({ name }) => name as string);
    const toggle = (name: string) => onChoose(shown.includes(name) ? shown.filter((other) => other !== name) : [...shown, name]);
    const move = (name: string, by: number) => {
        const at = shown.indexOf(name);
        const order = shown.filter((other) => other !== name);
        order.splice(Math.max(0, at + by), 0, name);
        onChoose(order);
    };
    return (
        <>
            <Tooltip title={t('list.columns')}>
                <IconButton aria-label={t('list.columns')} aria-haspopup="dialog" onClick={(event) => setAnchor(event.currentTarget)}>
                    <ViewColumnOutlined fontSize="small" />
                </IconButton>
            </Tooltip>
            <Popover
                open={Boolean(anchor)}
                anchorEl={anchor}
                onClose={() => setAnchor(null)}
                anchorOrigin={{ vertical: 'bottom', horizontal: 'right' }}
                transformOrigin={{ vertical: 'top', horizontal: 'right' }}
                slotProps={{ paper: { role: 'dialog', 'aria-label': t('list.columns'), sx: { border: 1, borderColor: 'divider', p: 1, minWidth: 240, maxHeight: 440 } } }}
            >
                {columns.map((column) => {
                    const label = t(column.label ?? (`columns.${column.name as string}` as MessageKey));
                    const at = shown.indexOf(column.name);
                    return (
                        <Box key={column.name} sx={{ display: 'flex', alignItems: 'center', px: 0.5, borderRadius: 1, '&:hover': { bgcolor: 'action.hover' } }}>
                            <FormControlLabel
                                sx={{ flex: 1, mr: 1 }}
                                control={<Checkbox checked={column.shown} disabled={column.shown && shown.length === 1} onChange={() => toggle(column.name)} />}
                                label={label}
                                slotProps={{ typography: { variant: 'body2' } }}
                            />
                            <IconButton disabled={at <= 0} onClick={() => move(column.name, -1)} aria-label={t('list.column_earlier', { column: label })} sx={{ p: 0.25 }}>
                                <KeyboardArrowUp sx={{ fontSize: 17 }} />
                            </IconButton>
                            <IconButton disabled={at === -1 || at === shown.length - 1} onClick={() => move(column.name, 1)} aria-label={t('list.column_later', { column: label })} sx={{ p: 0.25 }}>
                                <KeyboardArrowDown sx={{ fontSize: 17 }} />
                            </IconButton>
                        </Box>
                    );
                })}
                <Button fullWidth color="inherit" disabled={!isChosen} onClick={() => onChoose(undefined)} sx={{ mt: 0.5 }}>
                    {t('list.columns_reset')}
                </Button>
            </Popover>
        </>
    );
}
