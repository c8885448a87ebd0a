import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import { useFormat, useT } from '@/i18n';
import type { Gone } from './Hearing';

/** In the place of a recording that is heard no more: why, what stays, and the way on. */
export function GoneBox({ gone, heardMs, onNext }: { gone: Gone; heardMs: number; onNext?: () => void }) {
    const t = useT();
    const format = useFormat();
    const { why, at } = gone;
    return (
        <Alert
            severity="info"
            role="status"
            sx={{ my: 0.5 }}
            action={
                onNext && (
                    <Button color="inherit" onClick={onNext} autoFocus>
                        {t('listening.next')} (N)
                    </Button>
                )
            }
        >
            {why === 'withdrawn' && t('listening.withdrawn')}
            {why === 'erased' && `${at === undefined ? t('listening.erased_before') : t('listening.erased', { time: format.time(at) })} ${t('listening.kept', { length: format.duration(heardMs) })}`}
        </Alert>
    );
}
