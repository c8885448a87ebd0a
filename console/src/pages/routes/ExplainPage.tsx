import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import Autocomplete from '@mui/material/Autocomplete';
import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import type { Explanation, Inquiry } from '@/api/plan';
import { fromWall, useFormat, useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { plainNumber } from '../carriers/wire';
import { Explained } from './Explained';
import { useCarriers } from './names';

const SLOT = 'slot';

/** Where a call would go, and why: the server's own decision, step by step. Nothing is called by it. */
export function ExplainPage() {
    const t = useT();
    const client = useClient();
    const format = useFormat();
    const carriers = useCarriers();
    const [from, setFrom] = useState('');
    const [to, setTo] = useState('');
    const [cameBy, setCameBy] = useState(SLOT);
    const [at, setAt] = useState('');
    const [down, setDown] = useState<string[]>([]);
    const ask = useMutation({ mutationFn: (inquiry: Inquiry) => client.post<Explanation>('/routes/explain', inquiry) });
    const submit = (event: FormEvent) => {
        event.preventDefault();
        const moment = at ? fromWall(at, format.tz) : undefined;
        ask.mutate({
            ...(from.trim() && { from: plainNumber(from) }),
            to: plainNumber(to),
            came_by: cameBy === SLOT ? 'slot' : { carrier: cameBy },
            ...(moment !== undefined && { at: moment }),
            ...(down.length > 0 && { down }),
        });
    };
    const fault = (field: string) => (ask.error instanceof Problem ? ask.error.faults.find((each) => each.field === field || each.field.startsWith(`${field}.`) || each.field.startsWith(`${field}[`)) : undefined);
    const faultOf = (field: string) => {
        const found = fault(field);
        return found && (found.code === 'missing_field' ? t('form.required') : `${t('field_faults.invalid_field')} (${found.detail})`);
    };
    return (
        <Page width={1000}>
            <PageHead title={t('nav.explain')} about={t('explain.about')} />
            <Section>
                <Box component="form" noValidate onSubmit={submit} sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', sm: '1fr 1fr' }, columnGap: 2, rowGap: 1.25, alignItems: 'start' }}>
                    <TextField label={t('explain.from')} value={from} onChange={(event) => setFrom(event.target.value)} error={Boolean(fault('from'))} helperText={faultOf('from') ?? t('explain.from_hint')} autoComplete="off" slotProps={{ htmlInput: { maxLength: 40, inputMode: 'tel' } }} />
                    <TextField label={t('explain.to')} value={to} onChange={(event) => setTo(event.target.value)} required autoFocus error={Boolean(fault('to'))} helperText={faultOf('to') ?? t('explain.to_hint')} autoComplete="off" slotProps={{ htmlInput: { maxLength: 40, inputMode: 'tel' } }} />
                    <TextField select label={t('routes.came_by')} value={cameBy} onChange={(event) => setCameBy(event.target.value)} error={Boolean(fault('came_by'))} helperText={faultOf('came_by') ?? ' '}>
                        <MenuItem value={SLOT}>{t('explain.by_slot')}</MenuItem>
                        {carriers.map(({ id, name }) => (
                            <MenuItem key={id} value={id}>
                                <bdi>{t('explain.by_carrier', { name })}</bdi>
                            </MenuItem>
                        ))}
                    </TextField>
                    <TextField type="datetime-local" label={t('explain.at')} value={at} onChange={(event) => setAt(event.target.value)} error={Boolean(fault('at'))} helperText={faultOf('at') ?? t('explain.at_hint', { zone: format.tz })} slotProps={{ inputLabel: { shrink: true } }} />
                    {carriers.length > 0 && (
                        <Autocomplete
                            multiple
                            disableCloseOnSelect
                            value={down}
                            options={carriers.map(({ id }) => id)}
                            getOptionLabel={(id) => carriers.find((carrier) => carrier.id === id)?.name ?? `#${id}`}
                            onChange={(_, next) => setDown(next)}
                            sx={{ gridColumn: { sm: '1 / -1' } }}
                            renderInput={(params) => <TextField {...params} label={t('explain.down')} error={Boolean(fault('down'))} helperText={faultOf('down') ?? t('explain.down_hint')} />}
                        />
                    )}
                    <Box sx={{ gridColumn: '1 / -1', pt: 0.5 }}>
                        <Button type="submit" variant="contained" loading={ask.isPending} disabled={!to.trim()}>
                            {t('explain.ask')}
                        </Button>
                    </Box>
                </Box>
            </Section>
            <Box aria-live="polite">
                {ask.error && <ProblemBox error={ask.error} />}
                {ask.data && <Explained explanation={ask.data} />}
            </Box>
        </Page>
    );
}
