import Box from '@mui/material/Box';
import LinearProgress from '@mui/material/LinearProgress';
import type { Job } from '@/api/types';
import { useFormat, useT } from '@/i18n';

/** How far a job has come. */
export function Progress({ job }: { job: Pick<Job, 'state' | 'done' | 'total'> }) {
    const format = useFormat();
    const t = useT();
    const { state, done, total } = job;
    const share = total ? Math.min(1, done / total) : state === 'done' ? 1 : undefined;
    const text = total == null ? (done > 0 ? format.number(done) : '') : `${format.number(done)} / ${format.number(total)}`;
    return (
        <Box sx={{ display: 'flex', alignItems: 'center', gap: 1, minWidth: 180 }}>
            <LinearProgress
                aria-label={text || t('jobs.progress')}
                variant={share === undefined && state === 'running' ? 'indeterminate' : 'determinate'}
                value={(share ?? 0) * 100}
                color={state === 'failed' ? 'error' : state === 'done' ? 'success' : 'primary'}
                sx={{ flex: 1, height: 6, borderRadius: 3, minWidth: 60 }}
            />
            <Box component="span" sx={{ fontSize: '0.75rem', color: 'text.secondary', fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>
                {text}
            </Box>
        </Box>
    );
}
