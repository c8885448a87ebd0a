import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import DownloadOutlined from '@mui/icons-material/DownloadOutlined';
import FileDownloadOutlined from '@mui/icons-material/FileDownloadOutlined';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import { useQueryClient } from '@tanstack/react-query';
import { useGetOne, useRefresh } from 'ra-core';
import { useState } from 'react';
import { useCan } from '@/access/me';
import type { Export, Job, Ticket } from '@/api/types';
import { useT } from '@/i18n';
import { patchRow, useTopic } from '@/live/hooks';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { useTellProblem } from '@/ui/problems';
import { followDownload } from '@/ui/secret';
import { JOB_TONES } from '@/ui/tones';
import { Bytes, Code, CodeBadge, Count, Moment, Person } from '@/ui/values';
import { Progress } from '../jobs/Progress';

const COLUMNS: ColumnSpec<Export>[] = [
    { name: 'created_at', render: (row) => <Moment at={row.created_at} />, width: 130, figures: true },
    { name: 'resource', label: 'exports.list', render: (row) => <Code prefix="resources" code={row.resource} /> },
    { name: 'format', render: (row) => row.format.toUpperCase(), width: 90 },
    { name: 'state', render: (row) => <State row={row} />, width: 260 },
    { name: 'row_count', render: (row) => <Count value={row.row_count} />, align: 'right', width: 100, figures: true },
    { name: 'size', render: (row) => <Bytes value={row.size} />, align: 'right', width: 100, figures: true },
    { name: 'created_by', render: (row) => <Person id={row.created_by} /> },
    { name: 'expires_at', render: (row) => <Moment at={row.expires_at} />, width: 140 },
    { name: 'columns', render: (row) => <Count value={row.columns.length} />, align: 'right', extra: true },
    { name: 'id', align: 'right', extra: true, sort: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'choice', name: 'state', prefix: 'job_states', choices: ['queued', 'running', 'done', 'failed', 'cancelled', 'expired'] },
    { kind: 'choice', name: 'format', prefix: 'exports', choices: ['xlsx', 'csv'] },
    { kind: 'user', name: 'created_by' },
    { kind: 'time', name: 'created_at' },
];

/** Files that were asked for, and those under way. */
export function ExportList() {
    const t = useT();
    const queries = useQueryClient();
    // An export's state follows its job's.
    useTopic('jobs', (event) => {
        const job = event.data as Partial<Job> | null;
        if (job?.kind === 'exports.run' && job.state !== 'running') void queries.invalidateQueries({ queryKey: ['exports', 'getList'] });
    });
    return (
        <ListPage<Export>
            resource="exports"
            title={t('nav.exports')}
            about={t('exports.about')}
            columns={COLUMNS}
            filters={FILTERS}
            sort={{ field: 'id', order: 'DESC' }}
            topic="exports"
            rowActions={(row) => <ExportDeeds row={row} />}
            empty={<Empty icon={FileDownloadOutlined} title={t('exports.empty')} hint={t('exports.empty_hint')} />}
        />
    );
}

function State({ row }: { row: Export }) {
    const isUnderWay = row.state === 'running' || row.state === 'queued';
    const queries = useQueryClient();
    const { data: job } = useGetOne<Job>('jobs', { id: row.job_id }, { enabled: isUnderWay, retry: false, onError: () => undefined });
    useTopic(isUnderWay ? `job:${row.job_id}` : undefined, (event) => void patchRow(queries, 'jobs', event));
    if (job && isUnderWay) return <Progress job={job} />;
    return <CodeBadge prefix="job_states" code={row.state} tones={JOB_TONES} />;
}

function ExportDeeds({ row }: { row: Export }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const refresh = useRefresh();
    const tellProblem = useTellProblem();
    const [busy, setBusy] = useState(false);
    const [deleting, setDeleting] = useState(false);
    const fetchFile = async () => {
        setBusy(true);
        try {
            // A link cannot say who it is, so it carries a ticket; the browser then saves the file piece by piece, however long it is.
            const { url } = await client.post<Ticket>(`/exports/${row.id}/file/token`);
            followDownload(url);
        } catch (problem) {
            tellProblem(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <>
            {row.state === 'done' && (
                <Button variant="contained" startIcon={<DownloadOutlined />} loading={busy} onClick={() => void fetchFile()} sx={{ minHeight: 26, py: 0 }}>
                    {t('common.download')}
                </Button>
            )}
            {can('exports.delete') && row.state !== 'running' && row.state !== 'queued' && (
                <Tooltip title={t('form.delete')}>
                    <IconButton aria-label={t('form.delete')} onClick={() => setDeleting(true)} sx={{ ml: 0.5 }}>
                        <DeleteOutlined fontSize="small" />
                    </IconButton>
                </Tooltip>
            )}
            <Confirm
                open={deleting}
                danger
                title={t('exports.delete_title')}
                action={t('form.delete')}
                onClose={() => setDeleting(false)}
                onConfirm={async () => {
                    await client.delete(`/exports/${row.id}`);
                    refresh();
                }}
            >
                {t('exports.delete_text')}
            </Confirm>
        </>
    );
}
