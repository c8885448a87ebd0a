import Alert from '@mui/material/Alert';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useT } from '@/i18n';
import { useLiveStatus } from '@/live/hooks';

/** How often it is asked for while nothing is told, in milliseconds. */
const EVERY_MS = 5_000;
/** What the desk shows that changes by itself. */
const SHOWN = ['board', 'missed-calls', 'leads'];

/** Says that nothing is told at once, and has what the desk shows asked for again and again until it is. */
export function NoLive() {
    const t = useT();
    const queries = useQueryClient();
    const isOnline = useLiveStatus() === 'online';
    useEffect(() => {
        if (isOnline) return undefined;
        const timer = setInterval(() => void queries.invalidateQueries({ predicate: ({ queryKey }) => SHOWN.includes(String(queryKey[0])) }), EVERY_MS);
        return () => clearInterval(timer);
    }, [isOnline, queries]);
    if (isOnline) return null;
    return (
        <Alert severity="warning" role="status" sx={{ mb: 1.5 }}>
            {t('desk.no_live')}
        </Alert>
    );
}
