import CheckBox from '@mui/icons-material/CheckBox';
import CheckBoxOutlineBlank from '@mui/icons-material/CheckBoxOutlineBlank';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import MenuItem from '@mui/material/MenuItem';
import MenuList from '@mui/material/MenuList';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import { dayStart, fromWall, toWall, useCode, useFormat, useT, type MessageKey } from '@/i18n';
import { UserPicker } from '../UserPicker';
import { choicesOf, choicesTo, rangeOf, textOf, textTo, type FilterSpec, type TimeRange } from './filters';

interface Props<S extends FilterSpec = FilterSpec> {
    spec: S;
    value: unknown;
    onChange: (value: unknown) => void;
    onClose: () => void;
}

/** Where one says what a list is to be narrowed to. */
export function FilterEditor(props: Props) {
    switch (props.spec.kind) {
        case 'choice':
            return <Choice {...(props as Props<Extract<FilterSpec, { kind: 'choice' }>>)} />;
        case 'rows':
            return <Rows {...(props as Props<Extract<FilterSpec, { kind: 'rows' }>>)} />;
        case 'flag':
            return null;
        case 'text':
            return <Text {...(props as Props<Extract<FilterSpec, { kind: 'text' }>>)} />;
        case 'time':
            return <Time {...props} />;
        case 'seconds':
            return <Seconds {...props} />;
        case 'yes':
            return <Yes {...props} />;
        case 'user':
            return <User {...props} />;
    }
}

function Choice({ spec, value, onChange }: Props<Extract<FilterSpec, { kind: 'choice' }>>) {
    const code = useCode();
    return <Choices choices={spec.choices.map((id) => ({ id, name: code(spec.prefix, id) }))} value={value} onChange={onChange} />;
}

function Rows({ spec, value, onChange }: Props<Extract<FilterSpec, { kind: 'rows' }>>) {
    return <Choices choices={spec.choices} value={value} onChange={onChange} />;
}

function Choices({ choices, value, onChange }: { choices: readonly { id: string; name: string }[]; value: unknown; onChange: (value: unknown) => void }) {
    const chosen = choicesOf(value);
    const toggle = (choice: string) =>
        onChange(choicesTo(choices.map(({ id }) => id).filter((known) => (known === choice ? !chosen.includes(known) : chosen.includes(known)))));
    return (
        <MenuList autoFocusItem dense sx={{ minWidth: 200, maxHeight: 380, overflow: 'auto' }}>
            {choices.map(({ id, name }) => (
                <MenuItem key={id} onClick={() => toggle(id)} role="menuitemcheckbox" aria-checked={chosen.includes(id)}>
                    {chosen.includes(id) ? <CheckBox fontSize="small" color="primary" sx={{ mr: 1 }} /> : <CheckBoxOutlineBlank fontSize="small" color="action" sx={{ mr: 1 }} />}
                    <bdi>{name}</bdi>
                </MenuItem>
            ))}
        </MenuList>
    );
}

function Text({ spec, value, onChange, onClose }: Props<Extract<FilterSpec, { kind: 'text' }>>) {
    const t = useT();
    const [text, setText] = useState(textOf(value, spec.operator));
    return (
        <Box
            component="form"
            onSubmit={(event) => {
                event.preventDefault();
                onChange(textTo(text, spec.operator));
                onClose();
            }}
            sx={{ p: 1.5, display: 'flex', gap: 1 }}
        >
            <TextField
                autoFocus
                value={text}
                onChange={(event) => setText(event.target.value)}
                label={t(`filter.${spec.operator}` as MessageKey)}
                slotProps={{ htmlInput: { maxLength: 200 } }}
            />
            <Button type="submit" variant="contained">
                {t('filter.apply')}
            </Button>
        </Box>
    );
}

const PRESETS = ['today', 'yesterday', 'last_7_days', 'last_30_days', 'this_month'] as const;

function preset(name: (typeof PRESETS)[number], tz: string): TimeRange {
    switch (name) {
        case 'today':
            return { gte: dayStart(tz) };
        case 'yesterday':
            return { gte: dayStart(tz, -1), lt: dayStart(tz) };
        case 'last_7_days':
            return { gte: dayStart(tz, -6) };
        case 'last_30_days':
            return { gte: dayStart(tz, -29) };
        case 'this_month':
            return { gte: fromWall(`${toWall(Date.now(), tz).slice(0, 8)}01T00:00`, tz) };
    }
}

function Time({ value, onChange, onClose }: Props) {
    const t = useT();
    const { tz, zone } = useFormat();
    const now = rangeOf(value);
    const [from, setFrom] = useState(now.gte === undefined ? '' : toWall(now.gte, tz));
    const [to, setTo] = useState(now.lt === undefined ? '' : toWall(now.lt, tz));
    return (
        <Box sx={{ display: 'flex' }}>
            <MenuList dense autoFocusItem sx={{ borderRight: 1, borderColor: 'divider', minWidth: 150 }}>
                {PRESETS.map((name) => (
                    <MenuItem
                        key={name}
                        onClick={() => {
                            onChange(preset(name, tz));
                            onClose();
                        }}
                    >
                        {t(`filter.${name}`)}
                    </MenuItem>
                ))}
            </MenuList>
            <Stack
                component="form"
                sx={{ p: 1.5, gap: 1.5 }}
                onSubmit={(event) => {
                    event.preventDefault();
                    onChange({ ...(from && { gte: fromWall(from, tz) }), ...(to && { lt: fromWall(to, tz) }) });
                    onClose();
                }}
            >
                <TextField type="datetime-local" label={t('filter.since')} value={from} onChange={(event) => setFrom(event.target.value)} slotProps={{ inputLabel: { shrink: true } }} />
                <TextField
                    type="datetime-local"
                    label={t('filter.until')}
                    value={to}
                    onChange={(event) => setTo(event.target.value)}
                    slotProps={{ inputLabel: { shrink: true } }}
                    helperText={t('filter.zone', { zone: `${tz}, ${zone()}` })}
                />
                <Button type="submit" variant="contained">
                    {t('filter.apply')}
                </Button>
            </Stack>
        </Box>
    );
}

function Seconds({ value, onChange, onClose }: Props) {
    const t = useT();
    const now = rangeOf(value);
    const [from, setFrom] = useState(now.gte === undefined ? '' : String(now.gte / 1000));
    const [to, setTo] = useState(now.lt === undefined ? '' : String(now.lt / 1000));
    const ms = (text: string) => Math.round(Number(text) * 1000);
    return (
        <Stack
            component="form"
            direction="row"
            sx={{ p: 1.5, gap: 1 }}
            onSubmit={(event) => {
                event.preventDefault();
                onChange({ ...(from && { gte: ms(from) }), ...(to && { lt: ms(to) }) });
                onClose();
            }}
        >
            <TextField autoFocus type="number" label={t('filter.seconds_from')} value={from} onChange={(event) => setFrom(event.target.value)} slotProps={{ htmlInput: { min: 0, max: 86_400 } }} sx={{ width: 130 }} />
            <TextField type="number" label={t('filter.seconds_to')} value={to} onChange={(event) => setTo(event.target.value)} slotProps={{ htmlInput: { min: 0, max: 86_400 } }} sx={{ width: 130 }} />
            <Button type="submit" variant="contained">
                {t('filter.apply')}
            </Button>
        </Stack>
    );
}

function Yes({ value, onChange, onClose }: Props) {
    const t = useT();
    const choose = (next: boolean) => {
        onChange(next);
        onClose();
    };
    return (
        <MenuList autoFocusItem dense sx={{ minWidth: 140 }}>
            <MenuItem selected={value === true} onClick={() => choose(true)}>
                {t('common.yes')}
            </MenuItem>
            <MenuItem selected={value === false} onClick={() => choose(false)}>
                {t('common.no')}
            </MenuItem>
        </MenuList>
    );
}

function User({ value, onChange, onClose }: Props) {
    return (
        <Box sx={{ p: 1.5, width: 280 }}>
            <UserPicker
                autoFocus
                value={typeof value === 'string' ? value : null}
                onChange={(id) => {
                    onChange(id ?? undefined);
                    onClose();
                }}
            />
        </Box>
    );
}
