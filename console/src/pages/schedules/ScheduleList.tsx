import Add from '@mui/icons-material/Add';
import EventRepeat from '@mui/icons-material/EventRepeatOutlined';
import Button from '@mui/material/Button';
import MuiLink from '@mui/material/Link';
import Stack from '@mui/material/Stack';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { Schedule } from '@/api/types';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { Badge, Code, Moment, Nothing } from '@/ui/values';
import { CronText } from './CronText';

const COLUMNS: ColumnSpec<Schedule>[] = [
    { name: 'kind', render: (schedule) => <Kind schedule={schedule} /> },
    { name: 'cron', label: 'schedules.when', render: (schedule) => <CronText cron={schedule.cron} /> },
    { name: 'tz', width: 170 },
    { name: 'enabled', render: (schedule) => <Enabled value={schedule.enabled} />, width: 120 },
    { name: 'next_at', render: (schedule) => (schedule.enabled ? <Moment at={schedule.next_at} /> : <Nothing />), width: 150 },
    {
        name: 'last_job_id',
        render: (schedule) =>
            schedule.last_job_id ? (
                <MuiLink component={Link} to={`/jobs/${schedule.last_job_id}/show`}>
                    #{schedule.last_job_id}
                </MuiLink>
            ) : (
                <Nothing />
            ),
        width: 140,
    },
];

/** What runs by the clock. */
export function ScheduleList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('schedules');
    const create = may('create') && (
        <Button component={Link} to="/schedules/create" variant="contained" startIcon={<Add />}>
            {t('schedules.create')}
        </Button>
    );
    return (
        <ListPage<Schedule>
            resource="schedules"
            title={t('nav.schedules')}
            about={t('schedules.about')}
            columns={COLUMNS}
            filters={[{ kind: 'yes', name: 'enabled' }]}
            actions={create}
            onOpen={(schedule) => void navigate(`/schedules/${schedule.id}`)}
            empty={<Empty icon={EventRepeat} title={t('schedules.empty')} action={create} />}
        />
    );
}

function Kind({ schedule }: { schedule: Schedule }) {
    const t = useT();
    return (
        <Stack direction="row" sx={{ gap: 1, alignItems: 'center' }}>
            <Code prefix="job_kinds" code={schedule.kind} />
            {schedule.builtin && <Badge tone="off">{t('roles.builtin')}</Badge>}
        </Stack>
    );
}

export function Enabled({ value }: { value: boolean }) {
    const t = useT();
    return <Badge tone={value ? 'good' : 'off'}>{value ? t('common.on') : t('common.off')}</Badge>;
}
