import ArrowBack from '@mui/icons-material/ArrowBack';
import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Link from '@mui/material/Link';
import Skeleton from '@mui/material/Skeleton';
import { useQueryClient } from '@tanstack/react-query';
import { useGetOne } from 'ra-core';
import { Link as RouterLink, useParams } from 'react-router';
import type { Job } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { patchRow, useTopic } from '@/live/hooks';
import { Json } from '@/ui/Details';
import { Facts, Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { JOB_TONES } from '@/ui/tones';
import { CodeBadge, Moment, Nothing, Person, Ticking } from '@/ui/values';
import { CancelButton } from './CancelButton';
import { Progress } from './Progress';

/** One job, as it gets on. */
export function JobShow() {
    const t = useT();
    const code = useCode();
    const { id = '' } = useParams();
    const queries = useQueryClient();
    const { data: job, error, refetch } = useGetOne<Job>('jobs', { id }, { onError: () => undefined, retry: false });
    useTopic(`job:${id}`, (event) => {
        patchRow(queries, 'jobs', event);
        const state = (event.data as Partial<Job> | null)?.state;
        // Progress is told in short: when it began and what came of it stands in the row.
        if (state && state !== job?.state) void refetch();
    });
    const back = (
        <Link component={RouterLink} to="/jobs" variant="body2" sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color: 'text.secondary', mb: 0.25 }}>
            <ArrowBack sx={{ fontSize: 15 }} />
            {t('nav.jobs')}
        </Link>
    );
    if (error && !job) {
        return (
            <Page>
                {back}
                <ProblemBox error={error} onRetry={() => void refetch()} />
            </Page>
        );
    }
    if (!job) {
        return (
            <Page>
                {back}
                <Skeleton width={260} height={34} />
                <Skeleton variant="rounded" height={140} sx={{ mt: 2 }} />
            </Page>
        );
    }
    return (
        <Page width={900}>
            <PageHead
                back={back}
                title={code('job_kinds', job.kind)}
                actions={
                    <>
                        {job.kind === 'exports.run' && job.state === 'done' && (
                            <Button component={RouterLink} to="/exports" variant="contained">
                                {t('jobs.to_exports')}
                            </Button>
                        )}
                        <CancelButton job={job} />
                    </>
                }
            />
            {job.error && (
                <Alert severity={job.state === 'failed' ? 'error' : 'warning'} sx={{ mb: 2 }}>
                    {job.error}
                </Alert>
            )}
            <Section>
                <Facts
                    rows={[
                        [t('columns.state'), <CodeBadge prefix="job_states" code={job.state} tones={JOB_TONES} />],
                        [t('jobs.progress'), <Progress job={job} />],
                        [t('jobs.took'), <Ticking since={job.started_at} until={job.ended_at ?? (job.state === 'running' ? null : job.updated_at)} />],
                        [t('columns.created_by'), job.created_by ? <Person id={job.created_by} /> : t('jobs.by_system')],
                        [t('columns.created_at'), <Moment at={job.created_at} show="moment" />],
                        [t('columns.started_at'), <Moment at={job.started_at} show="moment" />],
                        [t('columns.ended_at'), <Moment at={job.ended_at} show="moment" />],
                        [t('columns.attempts'), `${job.attempts} / ${job.attempts_max}`],
                        [
                            t('columns.schedule_id'),
                            job.schedule_id ? (
                                <Link component={RouterLink} to={`/schedules/${job.schedule_id}`}>
                                    #{job.schedule_id}
                                </Link>
                            ) : (
                                <Nothing />
                            ),
                        ],
                        [t('columns.id'), job.id],
                    ]}
                />
            </Section>
            {job.result !== null && job.result !== undefined && (
                <Section title={t('jobs.result')}>
                    <Json value={job.result} />
                </Section>
            )}
        </Page>
    );
}
