import Autocomplete from '@mui/material/Autocomplete';
import TextField from '@mui/material/TextField';
import { useInput } from 'ra-core';
import { useMemo } from 'react';
import { useT, type MessageKey } from '@/i18n';
import { mustBeThere, type InputProps } from './inputs';
import { ifSeen, useFormRights } from './rights';

/** A time zone by its name. */
export const ZoneInput = ifSeen(function ZoneInput({ source, label, hint, required, empty }: InputProps & { /** What it is called if nothing is chosen. */ empty?: MessageKey }) {
    const t = useT();
    const { readOnly, masks } = useFormRights();
    const { field, fieldState, id } = useInput({ source, validate: required ? [mustBeThere] : undefined });
    const zones = useMemo(() => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')], []);
    return (
        <Autocomplete
            id={id}
            value={(field.value as string | null) || null}
            disabled={readOnly || masks(source)}
            options={zones}
            onChange={(_, zone) => field.onChange(zone)}
            onBlur={field.onBlur}
            renderInput={(params) => (
                <TextField
                    {...params}
                    label={t(label)}
                    required={required}
                    placeholder={empty && t(empty)}
                    slotProps={{ ...params.slotProps, inputLabel: { ...params.slotProps.inputLabel, shrink: true } }}
                    error={fieldState.invalid}
                    helperText={fieldState.invalid && required ? t('form.required') : hint ? t(hint) : ' '}
                />
            )}
        />
    );
});
