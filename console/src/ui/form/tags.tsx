// Several short texts in one field: numbers, slots, networks.
import Autocomplete from '@mui/material/Autocomplete';
import Chip from '@mui/material/Chip';
import TextField from '@mui/material/TextField';
import { useGetList } from 'ra-core';
import { useState } from 'react';
import { useCan } from '@/access/me';
import type { SlotRef } from '@/api/plan';
import type { Slot } from '@/api/types';
import { useConsoleInput, type InputProps } from './inputs';
import { ifSeen } from './rights';

interface TagsProps extends InputProps {
    /** What can be chosen; anything else can be typed. */
    choices?: readonly { id: string; name: string }[];
    placeholder?: string;
    /** Whether a blank may stand within a text, as within telephone numbers. */
    blanks?: boolean;
    format?: (value: never) => string[];
    parse?: (texts: string[]) => unknown;
}

/** Several texts. One ends with Enter, a comma, mostly a blank, or when the field is left: what was typed is never lost. */
export const TagsInput = ifSeen(function TagsInput({ choices = [], placeholder, blanks, format, parse, ...props }: TagsProps) {
    const { field, id, error, label, isRequired, disabled } = useConsoleInput({ ...props, format, parse });
    const [typed, setTyped] = useState('');
    const ends = blanks ? /[,;\n\t]+/ : /[\s,;]+/;
    const names = new Map(choices.map((choice) => [choice.id, choice.name]));
    const value = Array.isArray(field.value) ? (field.value as string[]) : [];
    const put = (texts: string[]) => field.onChange([...new Set(texts.map((text) => text.trim()).filter(Boolean))]);
    const take = (text: string) => {
        if (text.trim()) put([...value, ...text.split(ends)]);
        setTyped('');
    };
    return (
        <Autocomplete<string, true, false, true>
            id={id}
            multiple
            freeSolo
            limitTags={12}
            filterSelectedOptions
            value={value}
            inputValue={typed}
            options={choices.map((choice) => choice.id)}
            getOptionLabel={(option) => names.get(option) ?? option}
            onInputChange={(_, text) => (ends.test(text.trimStart()) ? take(text) : setTyped(text))}
            onChange={(_, next) => {
                put(next);
                setTyped('');
            }}
            onBlur={() => {
                take(typed);
                field.onBlur();
            }}
            disabled={disabled}
            renderValue={(chosen, getItemProps) =>
                chosen.map((text, index) => {
                    const { key, ...item } = getItemProps({ index });
                    return <Chip key={key} label={<bdi>{names.get(text) ?? text}</bdi>} {...item} />;
                })
            }
            renderInput={(params) => (
                <TextField
                    {...params}
                    label={label}
                    placeholder={value.length === 0 ? placeholder : undefined}
                    required={isRequired && value.length === 0}
                    error={Boolean(error.text)}
                    helperText={error.text || error.hint || ' '}
                    slotProps={{ ...params.slotProps, inputLabel: { ...params.slotProps.inputLabel, ...(placeholder && { shrink: true }) } }}
                />
            )}
        />
    );
});

/** How many slots are offered; others can be typed. */
const SLOTS_MAX = 200;

/** The slots that one may see, by number. */
export function useSlotChoices(): { id: string; name: string }[] {
    const can = useCan();
    const { data } = useGetList<Slot>(
        'slots',
        { pagination: { page: 1, perPage: SLOTS_MAX }, sort: { field: 'number', order: 'ASC' }, meta: { count: 'none' } },
        { enabled: can('slots.read'), staleTime: 60_000, retry: false, onError: () => undefined },
    );
    return (data ?? []).map(({ number }) => ({ id: number, name: number }));
}

/** Slots by number, or by id as `#44`. */
export const SlotsInput = ifSeen(function SlotsInput(props: InputProps & { placeholder?: string }) {
    const choices = useSlotChoices();
    return <TagsInput {...props} choices={choices} format={slotTexts as never} parse={slotRefs} />;
});

export function slotTexts(refs: SlotRef[] | undefined): string[] {
    return (refs ?? []).map((ref) => (typeof ref === 'string' ? ref : `#${ref.id}`));
}

export function slotRefs(texts: string[]): SlotRef[] {
    return texts.map((text) => (text.startsWith('#') ? { id: text.slice(1) } : text));
}
