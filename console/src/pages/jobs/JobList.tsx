import PlaylistPlay from '@mui/icons-material/PlaylistPlayOutlined';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import type { Job } from '@/api/types';
import { useT } from '@/i18n';
import { useTopic } from '@/live/hooks';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { JOB_TONES } from '@/ui/tones';
import { Code, CodeBadge, Moment, Person, Ticking } from '@/ui/values';
import { CancelButton } from './CancelButton';
import { Progress } from './Progress';

const COLUMNS: ColumnSpec<Job>[] = [
    { name: 'created_at', render: (job) => <Moment at={job.created_at} />, width: 130, figures: true },
    { name: 'kind', render: (job) => <Code prefix="job_kinds" code={job.kind} /> },
    { name: 'state', render: (job) => <CodeBadge prefix="job_states" code={job.state} tones={JOB_TONES} />, width: 140 },
    { name: 'done', label: 'jobs.progress', render: (job) => <Progress job={job} />, width: 260 },
    { name: 'started_at', label: 'jobs.took', render: (job) => <Ticking since={job.started_at} until={job.ended_at ?? (job.state === 'running' ? null : job.updated_at)} />, align: 'right', width: 90, figures: true },
    { name: 'created_by', render: (job) => <Person id={job.created_by} /> },
    { name: 'error' },
    { name: 'attempts', align: 'right', extra: true },
    { name: 'run_at', render: (job) => <Moment at={job.run_at} />, extra: true },
    { name: 'ended_at', render: (job) => <Moment at={job.ended_at} />, extra: true },
    { name: 'id', align: 'right', extra: true, sort: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'choice', name: 'state', prefix: 'job_states', choices: ['queued', 'running', 'done', 'failed', 'cancelled'] },
    { kind: 'text', name: 'kind', operator: 'prefix' },
    { kind: 'user', name: 'created_by' },
    { kind: 'time', name: 'created_at' },
];

/** Work that the server does in the background. */
export function JobList() {
    const t = useT();
    const navigate = useNavigate();
    const queries = useQueryClient();
    // Progress is told in short; what came of a job stands in its row.
    useTopic('jobs', (event) => {
        const { state } = (event.data ?? {}) as Partial<Job>;
        if (state !== 'running' && state !== 'queued') void queries.invalidateQueries({ queryKey: ['jobs', 'getList'] });
    });
    return (
        <ListPage<Job>
            resource="jobs"
            title={t('nav.jobs')}
            columns={COLUMNS}
            filters={FILTERS}
            sort={{ field: 'id', order: 'DESC' }}
            topic="jobs"
            onOpen={(job) => void navigate(`/jobs/${job.id}/show`)}
            rowActions={(job) => <CancelButton job={job} small />}
            empty={<Empty icon={PlaylistPlay} title={t('jobs.empty')} hint={t('jobs.empty_hint')} />}
        />
    );
}
