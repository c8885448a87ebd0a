import Autocomplete from '@mui/material/Autocomplete';
import Button from '@mui/material/Button';
import FormControlLabel from '@mui/material/FormControlLabel';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import Switch from '@mui/material/Switch';
import TextField from '@mui/material/TextField';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Limits, Slot } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Section } from '@/ui/page';
import { ProblemBox, useTell } from '@/ui/problems';

/** A number, or the beginning of numbers and a star. */
const DESTINATION = /^\+?[0-9*#]+$/;

/** What a slot may call, and in how many calls at once it may be. */
export function LimitsSection({ slot }: { slot: Slot }) {
    const t = useT();
    const client = useClient();
    const queries = useQueryClient();
    const tell = useTell();
    const key = ['slots', slot.id, 'limits'];
    const limits = useQuery({ queryKey: key, queryFn: () => client.get<Limits>(`/slots/${slot.id}/limits`), retry: false });
    const [draft, setDraft] = useState<Limits>();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const value = draft ?? limits.data;
    const wrong = value?.destinations.filter((text) => !DESTINATION.test(text) || /\*./.test(text)) ?? [];
    const save = async () => {
        setBusy(true);
        setError(undefined);
        try {
            await client.put(`/slots/${slot.id}/limits`, value);
            queries.setQueryData(key, value);
            setDraft(undefined);
            tell(t('form.saved'));
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Section title={t('limits.title')} about={t('limits.about')}>
            {limits.error && <ProblemBox error={limits.error} onRetry={() => void limits.refetch()} />}
            {!value && !limits.error && <Skeleton variant="rounded" height={80} />}
            {value && (
                <Stack sx={{ gap: 1.5, maxWidth: 640 }}>
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
                    {error !== undefined && <ProblemBox error={error} />}
                    <Stack direction="row" sx={{ gap: 1 }}>
                        <Button variant="contained" disabled={!draft || wrong.length > 0} loading={busy} onClick={() => void save()}>
                            {t('form.save')}
                        </Button>
                        {draft && (
                            <Button color="inherit" onClick={() => setDraft(undefined)}>
                                {t('common.cancel')}
                            </Button>
                        )}
                    </Stack>
                </Stack>
            )}
        </Section>
    );
}
