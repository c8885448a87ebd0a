import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { useWatch, useFormContext } from 'react-hook-form';
import { useRecordContext, type Validator } from 'ra-core';
import type { Schedule } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { CreatePage, EditPage, Fields } from '@/ui/form/FormPage';
import { JsonInput, SelectInput, SwitchInput, TextInput } from '@/ui/form/inputs';
import { ZoneInput } from '@/ui/form/ZoneInput';
import { Section } from '@/ui/page';
import { CronText } from './CronText';

/** The kinds of job that come with the program and can be scheduled. */
const KINDS = ['audit.verify', 'office.cleanup', 'directory.refresh'];

const isCron: Validator = (value: unknown) => (typeof value === 'string' && value.trim().split(/\s+/).length !== 5 ? 'schedules.no_cron' : undefined);

export function ScheduleCreate() {
    const t = useT();
    return (
        <CreatePage<Schedule> resource="schedules" title={t('schedules.create')} defaults={{ kind: 'audit.verify', cron: '30 3 * * *', enabled: true, payload: {} }}>
            <ScheduleFields />
        </CreatePage>
    );
}

export function ScheduleEdit() {
    const code = useCode();
    return (
        <EditPage<Schedule> resource="schedules" title={(schedule) => code('job_kinds', schedule.kind)} canDelete={(schedule) => !schedule.builtin}>
            <ScheduleFields />
        </EditPage>
    );
}

function ScheduleFields() {
    const t = useT();
    const code = useCode();
    const record = useRecordContext<Schedule>();
    const kinds = record && !KINDS.includes(record.kind) ? [record.kind, ...KINDS] : KINDS;
    return (
        <Section>
            <Fields>
                <SelectInput source="kind" label="columns.kind" required disabled={Boolean(record?.builtin)} choices={kinds.map((kind) => ({ id: kind, name: code('job_kinds', kind) }))} />
                <ZoneInput source="tz" label="columns.tz" empty="users.as_center" />
            </Fields>
            <Box sx={{ maxWidth: 420 }}>
                <TextInput source="cron" label="columns.cron" hint="schedules.cron_hint" required validate={isCron} mono maxLength={128} />
            </Box>
            <CronHelp />
            <SwitchInput source="enabled" label="columns.enabled" />
            <JsonInput source="payload" label="columns.payload" hint="schedules.payload_hint" lines={4} />
            <Typography variant="caption" sx={{ color: 'text.secondary' }}>
                {t('schedules.zone_note')}
            </Typography>
        </Section>
    );
}

const EXAMPLES = ['*/15 * * * *', '0 * * * *', '30 3 * * *', '0 9 * * 1-5', '0 6 1 * *'];

function CronHelp() {
    const cron = useWatch({ name: 'cron' }) as string | undefined;
    const { setValue } = useFormContext();
    return (
        <Box sx={{ mb: 2 }}>
            <Typography variant="body2" sx={{ mb: 1, fontWeight: 600, minHeight: '1.5em' }}>
                {cron && <CronText cron={cron} />}
            </Typography>
            <Stack direction="row" sx={{ gap: 0.5, flexWrap: 'wrap' }}>
                {EXAMPLES.map((example) => (
                    <Button key={example} variant="outlined" color="inherit" onClick={() => setValue('cron', example, { shouldDirty: true, shouldValidate: true })} sx={{ fontWeight: 450, color: 'text.secondary', borderColor: 'divider' }}>
                        <CronText cron={example} />
                    </Button>
                ))}
            </Stack>
        </Box>
    );
}
