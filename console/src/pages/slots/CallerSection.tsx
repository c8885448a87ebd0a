import Alert from '@mui/material/Alert';
import Autocomplete from '@mui/material/Autocomplete';
import TextField from '@mui/material/TextField';
import type { Slot, SlotCaller } from '@/api/types';
import { phone, useT } from '@/i18n';
import { faultOf } from '@/providers/problem';
import { plainNumber } from '../carriers/wire';
import { SlotPart, useSlotPart } from './SlotPart';

/** By which number a slot calls the world: one that a carrier has verified. */
export function CallerSection({ slot }: { slot: Slot }) {
    const t = useT();
    const part = useSlotPart<SlotCaller, string>(slot, 'caller');
    const { data, draft, setDraft } = part;
    const number = data?.number ?? '';
    const value = draft ?? number;
    const fault = faultOf(part.error, 'number');
    return (
        <SlotPart
            title={t('caller.title')}
            about={t('caller.about')}
            part={part}
            height={56}
            canSave={draft !== undefined && plainNumber(draft) !== number}
            onSave={() => part.save({ number: plainNumber(value) || null })}
            isToldBelow={fault !== undefined}
        >
            {number && !data?.verified && <Alert severity="warning">{t('caller.unverified', { number: phone(number) })}</Alert>}
            <Autocomplete
                freeSolo
                options={data?.choices ?? []}
                inputValue={value}
                value={value}
                getOptionLabel={(choice) => choice}
                renderOption={({ key: _, ...option }, choice) => (
                    <li key={choice} {...option}>
                        {phone(choice)}
                    </li>
                )}
                onInputChange={(_, text, why) => {
                    if (why !== 'reset') setDraft(text);
                }}
                renderInput={(params) => (
                    <TextField
                        {...params}
                        label={t('caller.number')}
                        placeholder={t('caller.none')}
                        error={Boolean(fault)}
                        helperText={fault ? `${t('field_faults.invalid_field')} (${fault.detail})` : t('caller.hint')}
                        slotProps={{ ...params.slotProps, inputLabel: { ...params.slotProps.inputLabel, shrink: true }, htmlInput: { ...params.slotProps.htmlInput, maxLength: 40, inputMode: 'tel' } }}
                    />
                )}
            />
        </SlotPart>
    );
}
