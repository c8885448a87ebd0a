import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import { useRecordContext } from 'ra-core';
import type { PlanWarning } from '@/api/plan';
import { useT } from '@/i18n';

/** What the server says that somebody should do something about, in its own words. */
export function Warnings() {
    const t = useT();
    const record = useRecordContext<{ id: string; warnings?: PlanWarning[] }>();
    if (!record?.warnings?.length) return null;
    return (
        <Alert severity="warning" sx={{ mb: 2 }}>
            {t('explain.warnings')}
            <Box component="ul" sx={{ m: 0, pl: 2.5 }} lang="en">
                {record.warnings.map(({ path, text }) => (
                    <li key={`${path} ${text}`}>
                        <bdi>{path ? `${path}: ${text}` : text}</bdi>
                    </li>
                ))}
            </Box>
        </Alert>
    );
}
