import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import TextField from '@mui/material/TextField';
import { useTranslate } from 'ra-core';
import { useState } from 'react';
import { get, useFormContext, useFormState, useWatch } from 'react-hook-form';
import type { Calendar, Weekday } from '@/api/plan';
import { useFormat, useT } from '@/i18n';
import { useConsoleInput, TextInput } from '@/ui/form/inputs';
import { useFormRights } from '@/ui/form/rights';
import { Rows } from '@/ui/form/Rows';
import { ZoneInput } from '@/ui/form/ZoneInput';
import { WEEK } from './words';
import { readHours } from './wire';

const WORKDAYS: Weekday[] = ['tue', 'wed', 'thu', 'fri'];

/** Work hours: a week, and the days that are not like it. */
export function CalendarFields({ source }: { source: string }) {
    const t = useT();
    const { readOnly, masks } = useFormRights();
    const { setValue } = useFormContext();
    const week = useWatch({ name: `${source}.week` }) as Calendar['week'] | undefined;
    const isShut = readOnly || masks(source.split('.')[0] ?? '');
    return (
        <Box sx={{ borderLeft: 2, borderColor: 'divider', pl: 2 }}>
            <Box sx={{ maxWidth: 360, mb: 1 }}>
                <ZoneInput source={`${source}.zone`} label="columns.tz" required />
            </Box>
            <Box sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', sm: 'repeat(auto-fill, minmax(190px, 1fr))' }, columnGap: 1.5, mb: 0.5 }}>
                {WEEK.map((day) => (
                    <DayInput key={day} source={`${source}.week.${day}`} day={day} />
                ))}
            </Box>
            {!isShut && (
                <Button color="inherit" onClick={() => setValue(`${source}.week`, { ...week, ...Object.fromEntries(WORKDAYS.map((day) => [day, week?.mon ?? []])) }, { shouldDirty: true })} sx={{ mb: 1.5 }}>
                    {t('calendar.copy_monday')}
                </Button>
            )}
            <Box component="h3" sx={{ fontSize: '0.8125rem', fontWeight: 600, m: 0, mb: 1 }}>
                {t('calendar.special')}
            </Box>
            <Rows source={`${source}.special`} label={t('calendar.day')} add={t('calendar.day_add')} none={t('calendar.no_special')} blank={{ date: '', name: '', hours: [] }} columns="1fr 1.2fr 1.2fr" max={400}>
                {(row) => (
                    <>
                        <TextInput source={`${row}.date`} label="calendar.date" hint="calendar.date_hint" maxLength={10} />
                        <TextInput source={`${row}.name`} label="columns.name" maxLength={100} />
                        <HoursInput source={`${row}.hours`} label={t('calendar.hours')} hint={t('calendar.closed')} />
                    </>
                )}
            </Rows>
        </Box>
    );
}

function DayInput({ source, day }: { source: string; day: Weekday }) {
    const t = useT();
    const format = useFormat();
    return <HoursInput source={source} label={format.weekdays([WEEK.indexOf(day)])} hint={t('calendar.closed')} />;
}

/** Hours of a day as people write them: 9–13, 14–18. */
function HoursInput({ source, label, hint }: { source: string; label: string; hint: string }) {
    const translate = useTranslate();
    const { errors } = useFormState();
    const { field, id, error, disabled } = useConsoleInput({ source, label: 'calendar.hours' });
    const [typed, setTyped] = useState<string>();
    const held = Array.isArray(field.value) ? (field.value as string[]).join(', ') : '';
    const isWrong = Boolean(error.text) || get(errors, source) !== undefined;
    return (
        <TextField
            id={id}
            label={label}
            value={typed ?? held}
            placeholder={translate('calendar.example')}
            disabled={disabled}
            error={isWrong}
            helperText={error.text || (held === '' && !typed ? hint : ' ')}
            onChange={(event) => {
                setTyped(event.target.value);
                field.onChange(readHours(event.target.value));
            }}
            onBlur={() => {
                setTyped(undefined);
                field.onBlur();
            }}
            fullWidth
            slotProps={{ htmlInput: { maxLength: 120, spellCheck: false }, inputLabel: { shrink: true } }}
        />
    );
}
