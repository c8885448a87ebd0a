import ArrowDownward from '@mui/icons-material/ArrowDownward';
import ArrowUpward from '@mui/icons-material/ArrowUpward';
import Close from '@mui/icons-material/Close';
import Autocomplete, { createFilterOptions } from '@mui/material/Autocomplete';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import type { Outlet } from '@/api/plan';
import { useT } from '@/i18n';
import { useConsoleInput } from '@/ui/form/inputs';
import { useCarriers, useNames } from './names';
import { outletWords } from './words';

const filter = createFilterOptions<Outlet>();

/** Carriers and groups of them, in the order in which they are tried. */
export function OutletsInput({ source }: { source: string }) {
    const t = useT();
    const names = useNames();
    const carriers = useCarriers();
    const [typed, setTyped] = useState('');
    const { field, error, disabled } = useConsoleInput({ source, label: 'routes.order', required: true });
    const order = Array.isArray(field.value) ? (field.value as Outlet[]) : [];
    const groups = [...new Set(carriers.map(({ group }) => group).filter(Boolean))];
    const options: Outlet[] = [...carriers.map(({ id }) => ({ carrier: id })), ...groups.map((group) => ({ group }))];
    const isIn = (outlet: Outlet) => order.some((each) => JSON.stringify(each) === JSON.stringify(outlet));
    const move = (from: number, to: number) => {
        const moved = order[from];
        if (moved) field.onChange(order.toSpliced(from, 1).toSpliced(to, 0, moved));
    };
    return (
        <Box sx={{ maxWidth: 560, mb: 1 }}>
            <Box component="ol" sx={{ listStyle: 'none', m: 0, p: 0, mb: order.length > 0 ? 1.5 : 0 }} aria-label={t('routes.order')}>
                {order.map((outlet, index) => {
                    const words = outletWords(outlet, names);
                    return (
                        <Box component="li" key={JSON.stringify(outlet)} sx={{ display: 'flex', alignItems: 'center', gap: 0.5, py: 0.25, px: 1, border: 1, borderColor: 'divider', borderRadius: 1, mb: 0.5 }}>
                            <Box component="span" sx={{ width: 22, color: 'text.secondary', fontSize: '0.8125rem' }}>
                                {index + 1}.
                            </Box>
                            <Box component="bdi" sx={{ flex: 1, minWidth: 0, overflowWrap: 'anywhere', fontSize: '0.875rem' }}>
                                {words}
                            </Box>
                            {!disabled && (
                                <>
                                    <IconButton aria-label={t('routes.earlier', { name: words })} disabled={index === 0} onClick={() => move(index, index - 1)}>
                                        <ArrowUpward sx={{ fontSize: 16 }} />
                                    </IconButton>
                                    <IconButton aria-label={t('routes.later', { name: words })} disabled={index === order.length - 1} onClick={() => move(index, index + 1)}>
                                        <ArrowDownward sx={{ fontSize: 16 }} />
                                    </IconButton>
                                    <IconButton aria-label={`${t('rows.remove')}: ${words}`} onClick={() => field.onChange(order.toSpliced(index, 1))}>
                                        <Close sx={{ fontSize: 16 }} />
                                    </IconButton>
                                </>
                            )}
                        </Box>
                    );
                })}
            </Box>
            {!disabled && (
                <Autocomplete<Outlet>
                    autoHighlight
                    value={null}
                    inputValue={typed}
                    onInputChange={(_, text, reason) => setTyped(reason === 'input' ? text : '')}
                    options={options.filter((option) => !isIn(option))}
                    // What is typed may be a group that has carriers only later.
                    filterOptions={(all, state) => {
                        const found = filter(all, state);
                        const named: Outlet = { group: state.inputValue.trim() };
                        return named.group && !groups.includes(named.group) && !isIn(named) ? [...found, named] : found;
                    }}
                    getOptionLabel={(option) => outletWords(option, names)}
                    isOptionEqualToValue={(a, b) => JSON.stringify(a) === JSON.stringify(b)}
                    onChange={(_, outlet) => {
                        if (outlet && !isIn(outlet)) field.onChange([...order, outlet]);
                        setTyped('');
                    }}
                    onBlur={field.onBlur}
                    // Enter takes what was typed; it does not send the form as well.
                    onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
                    renderInput={(params) => <TextField {...params} label={order.length === 0 ? t('routes.order') : t('routes.order_next')} required={order.length === 0} error={Boolean(error.text)} helperText={error.text || t('routes.order_hint')} />}
                />
            )}
        </Box>
    );
}
