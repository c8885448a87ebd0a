import Autocomplete from '@mui/material/Autocomplete';
import FormControlLabel from '@mui/material/FormControlLabel';
import Switch from '@mui/material/Switch';
import TextField from '@mui/material/TextField';
import type { Limits, Slot } from '@/api/types';
import { useT } from '@/i18n';
import { SlotPart, useSlotPart } from './SlotPart';

/** A number, or the beginning of numbers and a star. */
const DESTINATION = /^\+?[0-9*#]+$/;

const NONE: Limits = { calls_max: 2, destinations: [] };

/** What a slot may call, and in how many calls at once it may be. */
export function LimitsSection({ slot }: { slot: Slot }) {
    const t = useT();
    const part = useSlotPart<Limits>(slot, 'limits');
    const { draft, setDraft } = part;
    const value = draft ?? part.data ?? NONE;
    const wrong = value.destinations.filter((text) => !DESTINATION.test(text) || /\*./.test(text));
    return (
        <SlotPart title={t('limits.title')} about={t('limits.about')} part={part} height={80} canSave={draft !== undefined && wrong.length === 0} onSave={() => part.save(value)}>
            <Autocomplete
                multiple
                freeSolo
                options={[]}
                value={value.destinations}
                onChange={(_, destinations) => setDraft({ ...value, destinations: destinations.map((text) => text.replace(/[\s().-]/g, '')) })}
                renderInput={(params) => (
                    <TextField
                        {...params}
                        label={t('limits.destinations')}
                        placeholder={value.destinations.length === 0 ? t('limits.everything') : undefined}
                        error={wrong.length > 0}
                        helperText={wrong.length > 0 ? t('limits.wrong', { what: wrong.join(', ') }) : t('limits.destinations_hint')}
                        slotProps={{ ...params.slotProps, inputLabel: { ...params.slotProps.inputLabel, shrink: true } }}
                    />
                )}
            />
            <FormControlLabel
                control={<Switch checked={value.calls_max === 2} onChange={(_, on) => setDraft({ ...value, calls_max: on ? 2 : 1 })} />}
                label={t('limits.consultation')}
                slotProps={{ typography: { variant: 'body2' } }}
            />
        </SlotPart>
    );
}
