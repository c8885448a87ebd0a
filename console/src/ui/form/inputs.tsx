// Inputs over ra-core's useInput. A label and a hint are always texts of ours, so they are typed.
import Visibility from '@mui/icons-material/Visibility';
import VisibilityOff from '@mui/icons-material/VisibilityOff';
import Autocomplete from '@mui/material/Autocomplete';
import Chip from '@mui/material/Chip';
import FormControlLabel from '@mui/material/FormControlLabel';
import FormHelperText from '@mui/material/FormHelperText';
import IconButton from '@mui/material/IconButton';
import InputAdornment from '@mui/material/InputAdornment';
import MenuItem from '@mui/material/MenuItem';
import Switch from '@mui/material/Switch';
import TextField from '@mui/material/TextField';
import { useInput, useTranslate, type Validator } from 'ra-core';
import { useState, type ReactNode } from 'react';
import { useT, type MessageKey } from '@/i18n';
import { UserPicker } from '../UserPicker';
import { ifSeen, useFormRights } from './rights';

export interface InputProps {
    source: string;
    label: MessageKey;
    hint?: MessageKey;
    validate?: Validator | Validator[];
    required?: boolean;
    disabled?: boolean;
    autoFocus?: boolean;
    defaultValue?: unknown;
}

export interface Choice {
    id: string;
    name: ReactNode;
}

/** A line of text, or several. */
export const TextInput = ifSeen(function TextInput({ type = 'text', maxLength = 256, lines, autoComplete = 'off', mono, ...props }: InputProps & { type?: string; maxLength?: number; lines?: number; autoComplete?: string; mono?: boolean }) {
    const { field, id, error, label, isRequired, disabled } = useConsoleInput(props);
    return (
        <TextField
            {...field}
            value={field.value ?? ''}
            id={id}
            type={type}
            label={label}
            required={isRequired}
            disabled={disabled}
            autoFocus={props.autoFocus}
            autoComplete={autoComplete}
            error={Boolean(error.text)}
            helperText={error.text || error.hint || ' '}
            multiline={lines !== undefined}
            minRows={lines}
            fullWidth
            slotProps={{ htmlInput: { maxLength, spellCheck: false, style: mono ? { fontFamily: 'ui-monospace, monospace' } : undefined } }}
        />
    );
});

/** A name that came with the program, in the language of whoever reads it; it cannot be changed. */
export function BuiltInName({ name }: { name: string }) {
    const t = useT();
    return <TextField label={t('columns.name')} value={name} disabled fullWidth helperText=" " />;
}

export const NumberInput = ifSeen(function NumberInput({ min, max, ...props }: InputProps & { min?: number; max?: number }) {
    const { field, id, error, label, isRequired, disabled } = useConsoleInput({
        ...props,
        parse: (text: string) => (text === '' ? null : Number(text)),
    });
    return (
        <TextField
            {...field}
            value={field.value ?? ''}
            id={id}
            type="number"
            label={label}
            required={isRequired}
            disabled={disabled}
            autoFocus={props.autoFocus}
            error={Boolean(error.text)}
            helperText={error.text || error.hint || ' '}
            fullWidth
            slotProps={{ htmlInput: { min, max } }}
        />
    );
});

/** A password, hidden unless one asks to see it. */
export const PasswordInput = ifSeen(function PasswordInput({ autoComplete = 'new-password', ...props }: InputProps & { autoComplete?: string }) {
    const t = useT();
    const [shown, setShown] = useState(false);
    const { field, id, error, label, isRequired, disabled } = useConsoleInput(props);
    return (
        <TextField
            {...field}
            value={field.value ?? ''}
            id={id}
            type={shown ? 'text' : 'password'}
            label={label}
            required={isRequired}
            disabled={disabled}
            autoFocus={props.autoFocus}
            autoComplete={autoComplete}
            error={Boolean(error.text)}
            helperText={error.text || error.hint || ' '}
            fullWidth
            slotProps={{
                htmlInput: { maxLength: 256 },
                input: {
                    endAdornment: (
                        <InputAdornment position="end">
                            <IconButton onClick={() => setShown(!shown)} aria-label={shown ? t('form.hide_password') : t('form.show_password')} edge="end">
                                {shown ? <VisibilityOff fontSize="small" /> : <Visibility fontSize="small" />}
                            </IconButton>
                        </InputAdornment>
                    ),
                },
            }}
        />
    );
});

/** One of a few. */
export const SelectInput = ifSeen(function SelectInput({ choices, empty, ...props }: InputProps & { choices: readonly Choice[]; /** What it is called if nothing is chosen; without it something must be. */ empty?: MessageKey }) {
    const t = useT();
    const { field, id, error, label, isRequired, disabled } = useConsoleInput({ ...props, parse: (value: string) => value || null });
    return (
        <TextField
            {...field}
            value={field.value ?? ''}
            id={id}
            select
            label={label}
            required={isRequired}
            disabled={disabled}
            error={Boolean(error.text)}
            helperText={error.text || error.hint || ' '}
            fullWidth
            slotProps={empty && { inputLabel: { shrink: true }, select: { displayEmpty: true } }}
        >
            {empty && <MenuItem value="">{t(empty)}</MenuItem>}
            {choices.map((choice) => (
                <MenuItem key={choice.id} value={choice.id}>
                    {choice.name}
                </MenuItem>
            ))}
        </TextField>
    );
});

export const SwitchInput = ifSeen(function SwitchInput(props: InputProps) {
    const { field, id, error, label, disabled } = useConsoleInput(props);
    return (
        <div>
            <FormControlLabel
                control={<Switch id={id} checked={Boolean(field.value)} onChange={(_, on) => field.onChange(on)} onBlur={field.onBlur} disabled={disabled} />}
                label={label}
                slotProps={{ typography: { variant: 'body2' } }}
            />
            <FormHelperText error={Boolean(error.text)} sx={{ mt: 0 }}>
                {error.text || error.hint || ' '}
            </FormHelperText>
        </div>
    );
});

/** Several of many. With `free`, also what is not among them. */
export const ManyInput = ifSeen(function ManyInput({ choices, free, format, parse, ...props }: InputProps & { choices: readonly { id: string; name: string; about?: string }[]; free?: boolean; /** What is held as other than texts is shown as texts, and read from them. */ format?: (value: never) => string[]; parse?: (texts: string[]) => unknown }) {
    const { field, id, error, label, isRequired, disabled } = useConsoleInput({ ...props, format, parse });
    const names = new Map(choices.map((choice) => [choice.id, choice]));
    const value = Array.isArray(field.value) ? (field.value as string[]) : [];
    return (
        <Autocomplete<string, true, false, boolean>
            id={id}
            multiple
            freeSolo={free}
            disableCloseOnSelect
            value={value}
            options={choices.map((choice) => choice.id)}
            getOptionLabel={(option) => names.get(option)?.name ?? option}
            onChange={(_, next) => field.onChange(next)}
            onBlur={field.onBlur}
            disabled={disabled}
            renderOption={({ key: _, ...option }, code) => (
                <li key={code} {...option}>
                    <span>
                        {names.get(code)?.name}
                        {names.get(code)?.about && <FormHelperText component="span" sx={{ display: 'block', m: 0 }}>{names.get(code)?.about}</FormHelperText>}
                    </span>
                </li>
            )}
            renderValue={(chosen, getItemProps) =>
                chosen.map((code, index) => {
                    const { key, ...item } = getItemProps({ index });
                    return <Chip key={key} label={names.get(code)?.name ?? code} {...item} />;
                })
            }
            renderInput={(params) => <TextField {...params} label={label} required={isRequired && value.length === 0} error={Boolean(error.text)} helperText={error.text || error.hint || ' '} />}
        />
    );
});

/** A person. */
export const UserInput = ifSeen(function UserInput({ without, ...props }: InputProps & { without?: string }) {
    const { field, error, label, disabled } = useConsoleInput(props);
    return <UserPicker value={(field.value as string | null | undefined) ?? null} onChange={field.onChange} label={label} error={Boolean(error.text)} helperText={error.text || error.hint || ' '} without={without} disabled={disabled} />;
});

/** JSON, checked while it is written. */
export const JsonInput = ifSeen(function JsonInput({ lines = 6, ...props }: InputProps & { lines?: number }) {
    const translate = useTranslate();
    const [text, setText] = useState<string>();
    const { field, id, error, label, isRequired, disabled } = useConsoleInput({
        ...props,
        validate: [...[props.validate ?? []].flat(), () => (text !== undefined && parse(text) === undefined ? 'form.no_json' : undefined)],
    });
    return (
        <TextField
            id={id}
            name={field.name}
            value={text ?? (field.value === undefined ? '' : JSON.stringify(field.value, null, 2))}
            onChange={(event) => {
                setText(event.target.value);
                const value = parse(event.target.value);
                field.onChange(value === undefined ? field.value : value);
            }}
            onBlur={() => {
                if (text !== undefined && parse(text) !== undefined) setText(undefined);
                field.onBlur();
            }}
            label={label}
            required={isRequired}
            disabled={disabled}
            error={Boolean(error.text) || (text !== undefined && parse(text) === undefined)}
            helperText={text !== undefined && parse(text) === undefined ? translate('form.no_json') : error.text || error.hint || ' '}
            multiline
            minRows={lines}
            maxRows={24}
            fullWidth
            slotProps={{ htmlInput: { spellCheck: false, maxLength: 65_536, style: { fontFamily: 'ui-monospace, monospace', fontSize: '0.8125rem' } } }}
        />
    );
});

function parse(text: string): unknown {
    try {
        return text.trim() === '' ? {} : JSON.parse(text);
    } catch {
        return undefined;
    }
}

export function useConsoleInput({ source, label, hint, required, validate, defaultValue, disabled, parse: read, format }: InputProps & { parse?: (value: never) => unknown; format?: (value: never) => unknown }) {
    const t = useT();
    const translate = useTranslate();
    const { readOnly, masks } = useFormRights();
    const isMasked = masks(source.split('.')[0] ?? '');
    const checks = isMasked ? [] : [...(required ? [mustBeThere] : []), ...[validate ?? []].flat()];
    const input = useInput({ source, validate: checks, defaultValue, disabled, parse: read as never, ...(format && { format: format as never }) });
    const { fieldState } = input;
    const problem = fieldState.invalid ? faultText(firstFault(fieldState.error), translate) : '';
    return { ...input, label: t(label), error: { text: problem, hint: hint ? t(hint) : '' }, isRequired: Boolean(required), disabled: disabled || readOnly || isMasked };
}

interface Fault {
    message?: string | { message?: string; args?: Record<string, unknown> };
    root?: { message?: string };
}

/** What is wrong with a value, or, of a list or an object, with the first part of it that is wrong. */
function firstFault(fault: unknown, depth = 0): Fault | undefined {
    if (typeof fault !== 'object' || fault === null || depth > 6) return undefined;
    if ((fault as Fault).message || (fault as Fault).root?.message) return fault as Fault;
    for (const [name, part] of Object.entries(fault)) {
        const found = name === 'ref' ? undefined : firstFault(part, depth + 1);
        if (found) return found;
    }
    return undefined;
}

/** react-admin marks messages that came from a check with `@@react-admin@@`. */
export function faultText(fault: Fault | undefined, translate: (key: string, values?: Record<string, unknown>) => string): string {
    const raw = fault?.message ?? fault?.root?.message;
    if (!raw) return '';
    if (typeof raw === 'object') return translate(raw.message ?? '', raw.args);
    if (!raw.startsWith('@@react-admin@@')) return translate(raw, { _: raw });
    const parsed = JSON.parse(raw.slice('@@react-admin@@'.length)) as string | { message: string; args: Record<string, unknown> };
    return typeof parsed === 'string' ? translate(parsed, { _: parsed }) : translate(parsed.message, parsed.args);
}

/** Something must be there. */
export const mustBeThere: Validator = (value: unknown) =>
    value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0) ? 'form.required' : undefined;

/** A number between two, both of them included. */
export const between =
    (min: number, max: number): Validator =>
    (value: unknown) =>
        typeof value === 'number' && (value < min || value > max || !Number.isInteger(value)) ? { message: 'form.between', args: { min, max } } : undefined;

/** A code: letters, digits, `_`, `-`, `.`. */
export const isCode: Validator = (value: unknown) => (typeof value === 'string' && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(value) ? 'form.no_code' : undefined);

/** An address of the web. */
export const isUrl: Validator = (value: unknown) => (typeof value === 'string' && value !== '' && !/^https?:\/\/[^\s/]+/.test(value) ? 'form.no_url' : undefined);

export const isEmail: Validator = (value: unknown) => (typeof value === 'string' && value !== '' && !/^[^\s@]+@[^\s@]+$/.test(value) ? 'form.no_email' : undefined);
