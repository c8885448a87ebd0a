import Add from '@mui/icons-material/Add';
import Check from '@mui/icons-material/Check';
import Close from '@mui/icons-material/Close';
import Search from '@mui/icons-material/Search';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import ButtonBase from '@mui/material/ButtonBase';
import IconButton from '@mui/material/IconButton';
import InputAdornment from '@mui/material/InputAdornment';
import InputBase from '@mui/material/InputBase';
import Popover from '@mui/material/Popover';
import Tooltip from '@mui/material/Tooltip';
import { alpha } from '@mui/material/styles';
import { useListContext } from 'ra-core';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { ColumnRight } from '@/api/types';
import { useCode, useFormat, useT, type MessageKey } from '@/i18n';
import { cleanFilter } from '@/providers/rest/dataProvider';
import { useKeys } from '../keys/useKeys';
import { Person } from '../values';
import { FilterEditor } from './FilterEditor';
import { choicesOf, isFlag, rangeOf, textOf, type FilterSpec } from './filters';

/** How long a person may pause while they type before the list is asked for, in milliseconds. */
const TYPING_MS = 350;

/** What narrows a list: a search, and a pill for each thing that it can be narrowed by. */
export function FilterBar({ filters, searchable, rights, tools }: { filters: FilterSpec[]; searchable?: boolean; rights?: ColumnRight[]; /** Buttons at its end. */ tools?: ReactNode }) {
    const t = useT();
    const { filterValues, setFilters } = useListContext();
    const allowed = filters.filter(({ name }) => !rights?.length || rights.some((column) => column.name === name && column.filter));
    const values = filterValues as Record<string, unknown>;
    const set = (name: string, value: unknown) => setFilters(cleanFilter({ ...values, [name]: value }));
    const isNarrowed = Object.keys(cleanFilter(values)).length > 0;
    if (!searchable && allowed.length === 0 && !tools) return null;
    return (
        <Box role="search" aria-label={t('list.filters')} sx={{ display: 'flex', flexWrap: 'wrap', gap: 0.75, alignItems: 'center', minHeight: 34, mb: 1 }}>
            {searchable && <SearchBox value={typeof values.q === 'string' ? values.q : ''} onChange={(text) => set('q', text)} />}
            {allowed.map((spec) =>
                spec.kind === 'flag' ? (
                    <Flag key={`flag ${spec.name}`} spec={spec} value={values[spec.name]} onChange={(value) => set(spec.name, value)} />
                ) : (
                    <Pill key={`${spec.kind} ${spec.name}`} spec={spec} value={values[spec.name]} onChange={(value) => set(spec.name, value)} />
                ),
            )}
            {isNarrowed && (
                <Button color="inherit" sx={{ color: 'text.secondary', minHeight: 28 }} onClick={() => setFilters({})}>
                    {t('list.clear_filters')}
                </Button>
            )}
            {tools && <Box sx={{ ml: 'auto', display: 'flex', gap: 0.5 }}>{tools}</Box>}
        </Box>
    );
}

function SearchBox({ value, onChange }: { value: string; onChange: (text: string) => void }) {
    const t = useT();
    const [text, setText] = useState(value);
    const input = useRef<HTMLInputElement>(null);
    const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
    useEffect(() => setText(value), [value]);
    useKeys(t('list.filters'), [{ on: 'Slash', what: t('list.search'), do: () => input.current?.focus() }]);
    const later = (next: string) => {
        setText(next);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onChange(next), TYPING_MS);
    };
    const now = (next: string) => {
        clearTimeout(timer.current);
        setText(next);
        onChange(next);
    };
    return (
        <InputBase
            inputRef={input}
            value={text}
            onChange={(event) => later(event.target.value)}
            onKeyDown={(event) => {
                if (event.key === 'Enter') now(text);
                if (event.key === 'Escape' && text) now('');
            }}
            placeholder={t('list.search')}
            inputProps={{ 'aria-label': t('list.search'), maxLength: 200 }}
            startAdornment={
                <InputAdornment position="start">
                    <Search sx={{ fontSize: 18, color: 'text.secondary' }} />
                </InputAdornment>
            }
            endAdornment={
                text ? (
                    <IconButton aria-label={t('list.clear_search')} onClick={() => now('')} sx={{ p: 0.25 }}>
                        <Close sx={{ fontSize: 15 }} />
                    </IconButton>
                ) : (
                    <Box component="kbd" aria-hidden sx={{ color: 'text.secondary', border: 1, borderColor: 'divider', borderRadius: 0.5, px: 0.5, fontSize: '0.6875rem', lineHeight: 1.3 }}>
                        /
                    </Box>
                )
            }
            sx={{
                width: 250,
                height: 30,
                fontSize: '0.8125rem',
                px: 1,
                border: 1,
                borderColor: 'divider',
                borderRadius: 1,
                bgcolor: 'background.paper',
                '&.Mui-focused': { borderColor: 'primary.main', boxShadow: (theme) => `0 0 0 3px ${alpha(theme.palette.primary.main, 0.18)}` },
                '& input:focus-visible': { outline: 'none', boxShadow: 'none' },
            }}
        />
    );
}

/** A condition that one press sets and another takes away. */
function Flag({ spec, value, onChange }: { spec: Extract<FilterSpec, { kind: 'flag' }>; value: unknown; onChange: (value: unknown) => void }) {
    const t = useT();
    const isSet = isFlag(spec, value);
    return (
        <ButtonBase
            aria-pressed={isSet}
            onClick={() => onChange(isSet ? undefined : spec.value)}
            sx={(theme) => ({
                height: 30,
                px: 1,
                gap: 0.5,
                borderRadius: 1,
                border: '1px solid',
                borderStyle: isSet ? 'solid' : 'dashed',
                borderColor: alpha(isSet ? theme.palette.primary.main : theme.palette.text.primary, isSet ? 0.5 : 0.25),
                bgcolor: isSet ? alpha(theme.palette.primary.main, theme.palette.mode === 'dark' ? 0.16 : 0.08) : 'transparent',
                color: isSet ? 'text.primary' : 'text.secondary',
                font: 'inherit',
                fontSize: '0.8125rem',
                fontWeight: isSet ? 600 : undefined,
            })}
        >
            {isSet ? <Check sx={{ fontSize: 15 }} /> : <Add sx={{ fontSize: 15 }} />}
            {t(spec.label)}
        </ButtonBase>
    );
}

function Pill({ spec, value, onChange }: { spec: FilterSpec; value: unknown; onChange: (value: unknown) => void }) {
    const t = useT();
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    const text = useFilterText(spec, value);
    const label = t(spec.label ?? (`columns.${spec.name}` as MessageKey));
    const isSet = text !== '';
    return (
        <>
            <Box
                sx={(theme) => ({
                    display: 'inline-flex',
                    alignItems: 'center',
                    height: 30,
                    borderRadius: 1,
                    border: '1px solid',
                    borderStyle: isSet ? 'solid' : 'dashed',
                    borderColor: isSet ? alpha(theme.palette.primary.main, 0.5) : alpha(theme.palette.text.primary, 0.25),
                    bgcolor: isSet ? alpha(theme.palette.primary.main, theme.palette.mode === 'dark' ? 0.16 : 0.08) : 'transparent',
                    fontSize: '0.8125rem',
                    maxWidth: 340,
                })}
            >
                <ButtonBase
                    onClick={(event) => setAnchor(event.currentTarget)}
                    aria-haspopup="dialog"
                    aria-expanded={Boolean(anchor)}
                    sx={{ height: '100%', pl: 1, pr: isSet ? 0.5 : 1, gap: 0.5, borderRadius: 1, minWidth: 0, font: 'inherit', color: isSet ? 'text.primary' : 'text.secondary' }}
                >
                    {!isSet && <Add sx={{ fontSize: 15 }} />}
                    <span style={{ whiteSpace: 'nowrap' }}>{isSet ? `${label}:` : label}</span>
                    {isSet && (
                        <Box component="strong" sx={{ fontWeight: 600, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>
                            {spec.kind === 'user' ? <Person id={text} /> : text}
                        </Box>
                    )}
                </ButtonBase>
                {isSet && (
                    <Tooltip title={t('list.clear_filter')}>
                        <IconButton aria-label={`${t('list.clear_filter')}: ${label}`} onClick={() => onChange(undefined)} sx={{ p: 0.25, mr: 0.25 }}>
                            <Close sx={{ fontSize: 15 }} />
                        </IconButton>
                    </Tooltip>
                )}
            </Box>
            <Popover
                open={Boolean(anchor)}
                anchorEl={anchor}
                onClose={() => setAnchor(null)}
                anchorOrigin={{ vertical: 'bottom', horizontal: 'left' }}
                slotProps={{ paper: { sx: { mt: 0.5, border: 1, borderColor: 'divider', boxShadow: 6 }, role: 'dialog', 'aria-label': label } }}
            >
                {anchor && <FilterEditor spec={spec} value={value} onChange={onChange} onClose={() => setAnchor(null)} />}
            </Popover>
        </>
    );
}

/** What a filter is set to, in words; empty if it is not set. */
export function useFilterText(spec: FilterSpec, value: unknown): string {
    const t = useT();
    const code = useCode();
    const format = useFormat();
    if (value === undefined || value === null) return '';
    switch (spec.kind) {
        case 'choice':
            return choicesOf(value)
                .map((choice) => code(spec.prefix, choice))
                .join(', ');
        case 'rows':
            return choicesOf(value)
                .map((id) => spec.choices.find((choice) => choice.id === id)?.name ?? id)
                .join(', ');
        case 'flag':
            return isFlag(spec, value) ? t('common.yes') : '';
        case 'text':
        case 'user':
            return textOf(value, spec.kind === 'text' ? spec.operator : 'eq');
        case 'yes':
            return value === true ? t('common.yes') : t('common.no');
        case 'time':
        case 'seconds': {
            const { gte, lt } = rangeOf(value);
            const show = spec.kind === 'time' ? format.short : format.duration;
            if (gte !== undefined && lt !== undefined) return `${show(gte)} – ${show(lt)}`;
            if (gte !== undefined) return t('filter.from', { value: show(gte) });
            return lt === undefined ? '' : t('filter.to', { value: show(lt) });
        }
    }
}
