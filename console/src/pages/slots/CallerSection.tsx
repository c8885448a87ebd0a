import Alert from '@mui/material/Alert';
import Autocomplete from '@mui/material/Autocomplete';
import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import TextField from '@mui/material/TextField';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Slot, SlotCaller } from '@/api/types';
import { phone, useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { Section } from '@/ui/page';
import { ProblemBox, useTell } from '@/ui/problems';
import { plainNumber } from '../carriers/wire';

/** By which number a slot calls the world: one that a carrier has verified. */
export function CallerSection({ slot }: { slot: Slot }) {
    const t = useT();
    const client = useClient();
    const queries = useQueryClient();
    const tell = useTell();
    const key = ['slots', slot.id, 'caller'];
    const caller = useQuery({ queryKey: key, queryFn: () => client.get<SlotCaller>(`/slots/${slot.id}/caller`), retry: false });
    const [draft, setDraft] = useState<string>();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const value = draft ?? caller.data?.number ?? '';
    const fault = error instanceof Problem ? error.faults.find(({ field }) => field === 'number') : undefined;
    const save = async () => {
        setBusy(true);
        setError(undefined);
        try {
            queries.setQueryData(key, await client.put<SlotCaller>(`/slots/${slot.id}/caller`, { number: plainNumber(value) || null }));
            setDraft(undefined);
            tell(t('form.saved'));
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Section title={t('caller.title')} about={t('caller.about')}>
            {caller.error && <ProblemBox error={caller.error} onRetry={() => void caller.refetch()} />}
            {!caller.data && !caller.error && <Skeleton variant="rounded" height={56} />}
            {caller.data && (
                <Stack sx={{ gap: 1.5, maxWidth: 640 }}>
                    {caller.data.number && !caller.data.verified && <Alert severity="warning">{t('caller.unverified', { number: phone(caller.data.number) })}</Alert>}
                    <Autocomplete
                        freeSolo
                        options={caller.data.choices ?? []}
                        inputValue={value}
                        value={value}
                        getOptionLabel={(number) => number}
                        renderOption={({ key: _, ...option }, number) => (
                            <li key={number} {...option}>
                                {phone(number)}
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
                    {error !== undefined && !fault && <ProblemBox error={error} />}
                    <Stack direction="row" sx={{ gap: 1 }}>
                        <Button variant="contained" disabled={draft === undefined || plainNumber(draft) === (caller.data.number ?? '')} loading={busy} onClick={() => void save()}>
                            {t('form.save')}
                        </Button>
                        {draft !== undefined && (
                            <Button
                                color="inherit"
                                onClick={() => {
                                    setDraft(undefined);
                                    setError(undefined);
                                }}
                            >
                                {t('common.cancel')}
                            </Button>
                        )}
                    </Stack>
                </Stack>
            )}
        </Section>
    );
}
