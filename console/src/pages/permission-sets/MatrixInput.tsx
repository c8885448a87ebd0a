import Search from '@mui/icons-material/Search';
import Box from '@mui/material/Box';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import FormHelperText from '@mui/material/FormHelperText';
import InputAdornment from '@mui/material/InputAdornment';
import Switch from '@mui/material/Switch';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import TextField from '@mui/material/TextField';
import Tooltip from '@mui/material/Tooltip';
import { useInput } from 'ra-core';
import { useMemo, useState } from 'react';
import { useCatalogue, usePermissionText } from '@/access/catalogue';
import type { GrantedPermission } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { useFormRights } from '@/ui/form/rights';
import { SCOPES, groupsOf, splitScope, toggle, toggleList, withList } from './matrix';

/** Every permission in a row, every scope in a column. */
export function MatrixInput({ source }: { source: string }) {
    const t = useT();
    const code = useCode();
    const text = usePermissionText();
    const catalogue = useCatalogue();
    const rights = useFormRights();
    const readOnly = rights.readOnly || rights.masks('permissions');
    const { field, fieldState } = useInput({ source });
    const granted = useMemo(() => (Array.isArray(field.value) ? (field.value as GrantedPermission[]) : []), [field.value]);
    const [search, setSearch] = useState('');
    const [onlyGranted, setOnlyGranted] = useState(false);
    const groups = useMemo(() => groupsOf(catalogue, granted), [catalogue, granted]);
    const words = search.trim().toLowerCase();
    const isShown = (permission: string, about: string) =>
        (!onlyGranted || granted.some((one) => one.permission === permission)) &&
        (!words || `${permission} ${text(permission, about)} ${code('resources', permission.split('.')[0])}`.toLowerCase().includes(words));
    return (
        <Box>
            <Box sx={{ display: 'flex', gap: 2, px: 2, py: 1, alignItems: 'center', flexWrap: 'wrap' }}>
                <TextField
                    value={search}
                    onChange={(event) => setSearch(event.target.value)}
                    placeholder={t('sets.search')}
                    sx={{ width: 280 }}
                    slotProps={{
                        htmlInput: { 'aria-label': t('sets.search') },
                        input: {
                            startAdornment: (
                                <InputAdornment position="start">
                                    <Search sx={{ fontSize: 18 }} />
                                </InputAdornment>
                            ),
                        },
                    }}
                />
                <FormControlLabel control={<Switch checked={onlyGranted} onChange={(_, on) => setOnlyGranted(on)} />} label={t('sets.only_granted')} slotProps={{ typography: { variant: 'body2' } }} />
                <Box sx={{ flex: 1 }} />
                <Box component="span" sx={{ color: 'text.secondary', fontSize: '0.8125rem' }}>
                    {t('sets.count', { smart_count: new Set(granted.map(({ permission }) => permission)).size })}
                </Box>
            </Box>
            {fieldState.error && (
                <FormHelperText error sx={{ px: 2 }}>
                    {fieldState.error.message ?? t('field_faults.invalid_field')}
                </FormHelperText>
            )}
            <Box sx={{ maxHeight: '62vh', overflow: 'auto' }}>
                <Table size="small" stickyHeader aria-label={t('sets.matrix')}>
                    <TableHead>
                        <TableRow>
                            <TableCell>{t('sets.permission')}</TableCell>
                            {SCOPES.map((scope) => (
                                <TableCell key={scope} align="center" sx={{ width: 84 }}>
                                    <Tooltip title={t(`scope_hints.${scope}`)}>
                                        <span>{code('scopes', scope)}</span>
                                    </Tooltip>
                                </TableCell>
                            ))}
                            <TableCell align="center" sx={{ width: 96 }}>
                                <Tooltip title={t('scope_hints.list')}>
                                    <span>{t('sets.by_lists')}</span>
                                </Tooltip>
                            </TableCell>
                        </TableRow>
                    </TableHead>
                    {groups.map(({ resource, rows }) => {
                        const shown = rows.filter(({ permission, about }) => isShown(permission, about));
                        if (shown.length === 0) return null;
                        return (
                            <TableBody key={resource}>
                                <TableRow>
                                    <TableCell colSpan={SCOPES.length + 2} sx={{ fontWeight: 650, bgcolor: (theme) => theme.palette.quiet, py: 0.5 }}>
                                        {code('resources', resource)}
                                    </TableCell>
                                </TableRow>
                                {shown.map(({ permission, about, scopes, listed }) => {
                                    const its = granted.filter((one) => one.permission === permission).map(({ scope }) => splitScope(scope));
                                    const isListed = its.length > 0 && its.every((one) => one.listed);
                                    const label = text(permission, about);
                                    return (
                                        <TableRow key={permission} hover>
                                            <TableCell>
                                                {label}
                                                <Box component="code" sx={{ display: 'block', color: 'text.secondary', fontSize: '0.6875rem !important', lineHeight: 1.2 }}>
                                                    {permission}
                                                </Box>
                                            </TableCell>
                                            {SCOPES.map((scope) => {
                                                const held = its.find((one) => one.scope === scope);
                                                return (
                                                    <TableCell key={scope} align="center" padding="none">
                                                        {scopes.has(scope) && (
                                                            <Checkbox
                                                                disabled={readOnly}
                                                                checked={held !== undefined}
                                                                onChange={() => field.onChange(toggle(granted, permission, held?.listed || (!held && isListed) ? withList(scope) : scope))}
                                                                slotProps={{ input: { 'aria-label': `${label}: ${code('scopes', scope)}` } }}
                                                            />
                                                        )}
                                                    </TableCell>
                                                );
                                            })}
                                            <TableCell align="center" padding="none">
                                                {listed && (
                                                    <Switch
                                                        checked={isListed}
                                                        disabled={readOnly || its.length === 0}
                                                        onChange={() => field.onChange(toggleList(granted, permission))}
                                                        slotProps={{ input: { 'aria-label': `${label}: ${t('sets.by_lists')}` } }}
                                                    />
                                                )}
                                            </TableCell>
                                        </TableRow>
                                    );
                                })}
                            </TableBody>
                        );
                    })}
                </Table>
            </Box>
        </Box>
    );
}
