import { useActionText } from '@/access/catalogue';
import { useT } from '@/i18n';
import type { AuditEntry } from '@/api/types';
import { Details } from '@/ui/Details';
import { Facts } from '@/ui/page';
import { CodeBadge, Code, Moment, Nothing } from '@/ui/values';
import Typography from '@mui/material/Typography';
import { Actor } from './Actor';
import { DiffTable } from './DiffTable';

/** One entry of the audit log, whole. */
export function EntryDrawer({ entry, onClose }: { entry: AuditEntry | undefined; onClose: () => void }) {
    const t = useT();
    const text = useActionText();
    return (
        <Details open={entry !== undefined} title={entry ? text(entry) : ''} onClose={onClose}>
            {entry && (
                <>
                    <Facts
                        rows={[
                            [t('columns.at'), <Moment at={entry.at} show="exact" />],
                            [t('audit.actor'), <Actor entry={entry} />],
                            [t('columns.outcome'), <CodeBadge prefix="audit_outcomes" code={entry.outcome} tones={{ done: 'good', refused: 'bad' }} />],
                            [t('columns.category'), <Code prefix="audit_categories" code={entry.category} />],
                            [t('columns.action'), <code>{entry.action}</code>],
                            [t('columns.resource'), <Code prefix="resources" code={entry.resource} />],
                            [t('columns.resource_id'), entry.resource_id ? <bdi>{entry.resource_id}</bdi> : <Nothing />],
                            [t('columns.source'), entry.source ? <bdi>{entry.source}</bdi> : <Nothing />],
                            [t('columns.user_agent'), entry.user_agent ? <bdi>{entry.user_agent}</bdi> : <Nothing />],
                            [t('columns.request_id'), entry.request_id ? <code>{entry.request_id}</code> : <Nothing />],
                            [t('columns.seq'), entry.seq],
                            entry.hash !== undefined && [t('columns.hash'), <code>{entry.hash}</code>],
                        ]}
                    />
                    <Typography variant="h3" sx={{ mt: 3, mb: 1 }}>
                        {t('audit.diff')}
                    </Typography>
                    <DiffTable diff={entry.diff} />
                </>
            )}
        </Details>
    );
}
