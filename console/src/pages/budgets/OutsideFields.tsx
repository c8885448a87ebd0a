import FormControlLabel from '@mui/material/FormControlLabel';
import Switch from '@mui/material/Switch';
import Box from '@mui/material/Box';
import { useFormContext, useWatch } from 'react-hook-form';
import { useMe } from '@/access/me';
import type { Budget } from '@/api/types';
import { useT } from '@/i18n';
import { IfSeen, useFormRights } from '@/ui/form/rights';
import { CalendarFields } from '../routes/CalendarFields';
import { newCalendar } from '../routes/wire';
import { LimitFields } from './LimitFields';
import { NO_LIMITS } from './wire';

/** What a budget allows besides when nobody looks. */
export function OutsideFields() {
    const t = useT();
    const me = useMe();
    const { readOnly, masks } = useFormRights();
    const { setValue } = useFormContext();
    const outside = useWatch({ name: 'outside' }) as Budget['outside'] | undefined;
    const [limits] = useWatch({ name: ['limits'] }) as [Budget['limits'] | undefined];
    return (
        <IfSeen column="outside">
            <FormControlLabel
                control={
                    <Switch
                        checked={Boolean(outside)}
                        disabled={readOnly || masks('outside')}
                        onChange={(_, on) => setValue('outside', on ? { hours: newCalendar(me?.tz ?? 'UTC'), limits: { ...NO_LIMITS, calls_max: 0, currency: limits?.currency ?? '' } } : null, { shouldDirty: true })}
                    />
                }
                label={t('budgets.outside_on')}
                slotProps={{ typography: { variant: 'body2' } }}
            />
            {outside && (
                <>
                    <Box sx={{ mt: 1, mb: 2 }}>
                        <CalendarFields source="outside.hours" />
                    </Box>
                    <LimitFields source="outside.limits" label={t('budgets.outside')} />
                </>
            )}
        </IfSeen>
    );
}
