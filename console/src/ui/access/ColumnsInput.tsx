import Add from '@mui/icons-material/Add';
import Box from '@mui/material/Box';
import FormHelperText from '@mui/material/FormHelperText';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import ToggleButton from '@mui/material/ToggleButton';
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup';
import Typography from '@mui/material/Typography';
import { useInput } from 'ra-core';
import { useState } from 'react';
import { useCatalogue } from '@/access/catalogue';
import type { ColumnPolicy } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { useFormRights } from '../form/rights';

const MODES = ['show', 'mask', 'hide'] as const;

/** How much of each column of a resource is seen. */
export function ColumnsInput({ source, only }: { source: string; /** Of no other resource. */ only?: string }) {
    const t = useT();
    const code = useCode();
    const catalogue = useCatalogue();
    const rights = useFormRights();
    const readOnly = rights.readOnly || rights.masks('columns');
    const { field, fieldState } = useInput({ source });
    const policies = Array.isArray(field.value) ? (field.value as ColumnPolicy[]) : [];
    const [opened, setOpened] = useState<string[]>([]);
    const shown = only === undefined ? [...new Set([...policies.map(({ resource }) => resource), ...opened])] : [only];
    const others = catalogue?.resources.filter(({ name }) => !shown.includes(name)) ?? [];
    const set = (resource: string, column: string, mode: ColumnPolicy['mode']) => {
        const rest = policies.filter((policy) => policy.resource !== resource || policy.column !== column);
        // What is shown needs no rule.
        field.onChange(mode === 'show' ? rest : [...rest, { resource, column, mode }]);
    };
    return (
        <Box>
            {shown.map((resource) => {
                const columns = catalogue?.resources.find(({ name }) => name === resource)?.columns ?? policies.filter((policy) => policy.resource === resource).map(({ column }) => ({ name: column, about: '' }));
                return (
                    <Box key={resource} sx={{ mb: 2 }}>
                        <Typography variant="h3" sx={{ mb: 0.5 }}>
                            {code('resources', resource)}
                        </Typography>
                        <Box sx={{ display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(360px, 1fr))', columnGap: 3 }}>
                            {columns.map(({ name }) => {
                                const mode = policies.find((policy) => policy.resource === resource && policy.column === name)?.mode ?? 'show';
                                const label = code('columns', name);
                                return (
                                    <Box key={name} sx={{ display: 'flex', alignItems: 'center', gap: 1, py: 0.25, borderBottom: 1, borderColor: 'divider' }}>
                                        <Typography variant="body2" sx={{ flex: 1, color: mode === 'hide' ? 'text.secondary' : undefined }}>
                                            {label}
                                        </Typography>
                                        <ToggleButtonGroup
                                            exclusive
                                            size="small"
                                            disabled={readOnly}
                                            value={mode}
                                            onChange={(_, next: ColumnPolicy['mode'] | null) => next && set(resource, name, next)}
                                            aria-label={label}
                                            sx={{ '& .MuiToggleButton-root': { py: 0, px: 1, fontSize: '0.75rem', fontWeight: 500 } }}
                                        >
                                            {MODES.map((each) => (
                                                <ToggleButton key={each} value={each} color={each === 'show' ? 'success' : each === 'mask' ? 'warning' : 'error'}>
                                                    {t(`access.modes.${each}`)}
                                                </ToggleButton>
                                            ))}
                                        </ToggleButtonGroup>
                                    </Box>
                                );
                            })}
                        </Box>
                    </Box>
                );
            })}
            {fieldState.error && <FormHelperText error>{fieldState.error.message ?? t('field_faults.invalid_field')}</FormHelperText>}
            {only === undefined && (
                <TextField
                    select
                    value=""
                    onChange={(event) => setOpened([...opened, event.target.value])}
                    disabled={readOnly || others.length === 0}
                    sx={{ width: 260 }}
                    slotProps={{ select: { displayEmpty: true, renderValue: () => <AddLabel text={t('access.add_columns')} /> }, htmlInput: { 'aria-label': t('access.add_columns') } }}
                >
                    {others.map(({ name }) => (
                        <MenuItem key={name} value={name}>
                            {code('resources', name)}
                        </MenuItem>
                    ))}
                </TextField>
            )}
        </Box>
    );
}

function AddLabel({ text }: { text: string }) {
    return (
        <Box component="span" sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color: 'text.secondary' }}>
            <Add sx={{ fontSize: 17 }} />
            {text}
        </Box>
    );
}
