import Autocomplete from '@mui/material/Autocomplete';
import TextField from '@mui/material/TextField';
import { useGetList } from 'ra-core';
import { useEffect, useRef, useState } from 'react';
import { useFormContext, useWatch } from 'react-hook-form';
import { useCan, useMe } from '@/access/me';
import type { Slot, Trunk } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { Fields } from '@/ui/form/FormPage';
import { SelectInput, useConsoleInput } from '@/ui/form/inputs';
import { useCarriers } from '../routes/names';

const KINDS = ['slot', 'trunk', 'carrier', 'center'] as const;

/** How many slots are offered at once; a number narrows them. */
const OFFERED_MAX = 50;

/** What a new budget is of. */
export function ScopeFields() {
    const t = useT();
    const code = useCode();
    const { setValue } = useFormContext();
    const center = useMe()?.center ?? '';
    const kind = useWatch({ name: 'kind' }) as string | undefined;
    const before = useRef(kind);
    useEffect(() => {
        if (before.current === kind) return;
        before.current = kind;
        // Another kind has other things; a budget of a whole centre is of the one that one works in.
        setValue('scope_id', kind === 'center' ? center : '');
    }, [kind, center, setValue]);
    return (
        <Fields>
            <SelectInput source="kind" label="budgets.kind" required choices={KINDS.map((id) => ({ id, name: code('budget_scopes', id) }))} />
            {kind === 'slot' && <SlotInput key="slot" />}
            {kind === 'trunk' && <HubInput key="trunk" />}
            {kind === 'carrier' && <CarrierInput key="carrier" />}
            {kind === 'center' && <TextField label={t('budgets.scope')} value={t('budgets.this_center')} disabled fullWidth helperText=" " />}
        </Fields>
    );
}

function SlotInput() {
    const can = useCan();
    const [typed, setTyped] = useState('');
    const { data } = useGetList<Slot>(
        'slots',
        { filter: typed.trim() ? { number: { prefix: typed.trim() } } : {}, pagination: { page: 1, perPage: OFFERED_MAX }, sort: { field: 'number', order: 'ASC' }, meta: { count: 'none' } },
        { enabled: can('slots.read'), retry: false, onError: () => undefined },
    );
    return <ThingInput things={(data ?? []).map(({ id, number }) => ({ id, name: number }))} onType={setTyped} />;
}

function HubInput() {
    const can = useCan();
    const { data } = useGetList<Trunk & { id: string }>(
        'trunks',
        { filter: { type: ['auto', 'mf', 'ls'] }, pagination: { page: 1, perPage: 200 }, sort: { field: 'name', order: 'ASC' }, meta: { count: 'none' } },
        { enabled: can('trunks.read'), retry: false, onError: () => undefined },
    );
    return <ThingInput things={data ?? []} />;
}

function CarrierInput() {
    return <ThingInput things={useCarriers()} />;
}

/** One of the things that can have a budget. */
function ThingInput({ things, onType }: { things: readonly { id: string; name: string }[]; onType?: (text: string) => void }) {
    const { field, id, error, label, disabled } = useConsoleInput({ source: 'scope_id', label: 'budgets.scope', required: true });
    const [names, setNames] = useState<Record<string, string>>({});
    const [text, setText] = useState('');
    return (
        <Autocomplete<string>
            id={id}
            options={things.map((thing) => thing.id)}
            value={(field.value as string) || null}
            getOptionLabel={(option) => things.find((thing) => thing.id === option)?.name ?? names[option] ?? option}
            onChange={(_, next) => {
                const chosen = things.find((thing) => thing.id === next);
                if (chosen) setNames({ [chosen.id]: chosen.name });
                field.onChange(next ?? '');
            }}
            inputValue={text}
            onInputChange={(_, next, why) => {
                // While nothing is chosen, other choices are no reason to forget what was typed.
                if (why === 'reset' && !field.value) return;
                setText(next);
                if (why === 'input') onType?.(next);
            }}
            onBlur={field.onBlur}
            disabled={disabled}
            renderInput={(params) => <TextField {...params} label={label} required error={Boolean(error.text)} helperText={error.text || ' '} />}
        />
    );
}
