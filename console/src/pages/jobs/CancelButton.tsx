import Button from '@mui/material/Button';
import { useRefresh } from 'ra-core';
import { useState } from 'react';
import { useCan } from '@/access/me';
import type { Job } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';

/** Ends a job before it is done. What it has done stays. */
export function CancelButton({ job, small }: { job: Pick<Job, 'id' | 'state' | 'cancel_requested'>; small?: boolean }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const refresh = useRefresh();
    const [asking, setAsking] = useState(false);
    if (!can('jobs.manage') || (job.state !== 'queued' && job.state !== 'running')) return null;
    return (
        <>
            <Button variant="outlined" color="error" disabled={job.cancel_requested} onClick={() => setAsking(true)} sx={small ? { minHeight: 26, py: 0 } : undefined}>
                {job.cancel_requested ? t('jobs.cancelling') : small ? t('jobs.cancel_short') : t('jobs.cancel')}
            </Button>
            <Confirm
                open={asking}
                danger
                title={t('jobs.cancel_title')}
                action={t('jobs.cancel')}
                onClose={() => setAsking(false)}
                onConfirm={async () => {
                    await client.post(`/jobs/${job.id}/cancel`);
                    refresh();
                }}
            >
                {t('jobs.cancel_text')}
            </Confirm>
        </>
    );
}
