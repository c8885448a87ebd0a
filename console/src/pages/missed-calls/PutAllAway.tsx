import Button from '@mui/material/Button';
import { useState } from 'react';
import type { BulkBegun } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';
import { useTell, useTellProblem } from '@/ui/problems';

const OPEN = { filter: { state: 'open' }, action: 'dismiss' };

/** Puts away all that nobody has called back, after saying how many these are. It is a job of the server's; each row tells that it is done. */
export function PutAllAway() {
    const t = useT();
    const tell = useTell();
    const client = useClient();
    const tellProblem = useTellProblem();
    const [count, setCount] = useState<number>();
    const ask = () =>
        client
            .post<BulkBegun>('/missed-calls/bulk', { ...OPEN, dry_run: true })
            .then((begun) => setCount(begun.count))
            .catch(tellProblem);
    return (
        <>
            <Button color="inherit" onClick={() => void ask()}>
                {t('missed.all_seen')}
            </Button>
            <Confirm
                open={count !== undefined}
                title={t('missed.all_seen_title', { smart_count: count ?? 0 })}
                action={t('missed.all_seen_do')}
                onClose={() => setCount(undefined)}
                onConfirm={async () => {
                    await client.post<BulkBegun>('/missed-calls/bulk', OPEN);
                    tell(t('missed.all_seen_begun'));
                }}
            >
                {t('missed.all_seen_text')}
            </Confirm>
        </>
    );
}
