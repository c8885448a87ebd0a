import Box from '@mui/material/Box';
import FormHelperText from '@mui/material/FormHelperText';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useTranslate } from 'ra-core';
import { get, useFormState, useWatch } from 'react-hook-form';
import { useT } from '@/i18n';
import { Fields } from '@/ui/form/FormPage';
import { between, faultText, NumberInput, TextInput, useConsoleInput, type InputProps } from '@/ui/form/inputs';
import { ifSeen } from '@/ui/form/rights';
import { TagsInput } from '@/ui/form/tags';
import { plainNumber } from '../carriers/wire';
import { inUnits, minorUnits } from './wire';

/** What a budget allows; an empty field is no limit. */
export function LimitFields({ source, label }: { source: string; /** When they hold, for who hears it. */ label: string }) {
    const t = useT();
    const currency = useWatch({ name: `${source}.currency` }) as string | undefined;
    const units = minorUnits(currency);
    return (
        <Box role="group" aria-label={label}>
            <Fields>
                <NumberInput source={`${source}.calls_max`} label="budgets.calls_max" hint="budgets.no_limit" min={0} max={100_000} validate={between(0, 100_000)} />
                <NumberInput source={`${source}.calls_per_s`} label="budgets.calls_per_s" hint="budgets.no_limit" min={0} max={1000} validate={between(0, 1000)} />
                <ScaledInput source={`${source}.hour_s`} label="budgets.hour" hint="budgets.no_limit" units={60} />
                <ScaledInput source={`${source}.day_s`} label="budgets.day" hint="budgets.no_limit" units={60} />
                <ScaledInput source={`${source}.day_spend`} label="budgets.day_spend" hint="budgets.spend_hint" units={units} />
                <ScaledInput source={`${source}.month_spend`} label="budgets.month_spend" hint="budgets.spend_hint" units={units} />
                <TextInput source={`${source}.currency`} label="columns.currency" hint="budgets.currency_hint" maxLength={3} />
                <PremiumInput source={`${source}.premium`} label="budgets.premium" hint="budgets.premium_hint" />
            </Fields>
            <TagsInput source={`${source}.destinations`} label="limits.destinations" hint="limits.destinations_hint" placeholder={t('limits.everything')} parse={(texts) => texts.map(plainNumber)} blanks />
            <Whole source={source} />
        </Box>
    );
}

/** What is wrong with the limits as a whole, and with none of them alone. */
function Whole({ source }: { source: string }) {
    const translate = useTranslate();
    const { errors } = useFormState();
    const text = faultText(get(errors, source) as never, translate);
    if (!text) return null;
    return (
        <FormHelperText error role="alert">
            {text}
        </FormHelperText>
    );
}

/** A number that is held in smaller units than people say it in: seconds for minutes, kopecks for roubles. */
const ScaledInput = ifSeen(function ScaledInput({ units, ...props }: InputProps & { units: number }) {
    const { field, id, error, label, disabled } = useConsoleInput({
        ...props,
        format: (value: number | null | undefined) => (value == null ? '' : inUnits(value, units)),
        parse: (text: string) => (text === '' ? null : Math.round(Number(text) * units)),
    });
    return <TextField {...field} value={field.value ?? ''} id={id} type="number" label={label} disabled={disabled} error={Boolean(error.text)} helperText={error.text || error.hint || ' '} fullWidth slotProps={{ htmlInput: { min: 0, step: 'any' } }} />;
});

/** Whether premium numbers may be called: said by this budget, or left to the others. */
const PremiumInput = ifSeen(function PremiumInput(props: InputProps) {
    const t = useT();
    const { field, id, error, label, disabled } = useConsoleInput({
        ...props,
        format: (value: boolean | null | undefined) => (value == null ? '' : String(value)),
        parse: (text: string) => (text === '' ? null : text === 'true'),
    });
    return (
        <TextField {...field} value={field.value ?? ''} id={id} select label={label} disabled={disabled} error={Boolean(error.text)} helperText={error.text || error.hint || ' '} fullWidth slotProps={{ inputLabel: { shrink: true }, select: { displayEmpty: true } }}>
            <MenuItem value="">{t('budgets.premium_unsaid')}</MenuItem>
            <MenuItem value="true">{t('budgets.premium_yes')}</MenuItem>
            <MenuItem value="false">{t('budgets.premium_no')}</MenuItem>
        </TextField>
    );
});
