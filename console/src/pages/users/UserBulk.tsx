import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Link from '@mui/material/Link';
import { alpha } from '@mui/material/styles';
import { useListContext } from 'ra-core';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { BulkBegun } from '@/api/types';
import { useFormat, useT } from '@/i18n';
import { cleanFilter, type ListMeta } from '@/providers/rest/dataProvider';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';
import { countText } from '@/ui/list/Pager';
import { useTellProblem } from '@/ui/problems';

const ACTIONS = ['disable', 'enable', 'logout'] as const;

/** What can be done with many accounts: those that are picked, or all that match the filter. It is a job of the server's. */
export function UserBulk() {
    const t = useT();
    const format = useFormat();
    const client = useClient();
    const navigate = useNavigate();
    const tellProblem = useTellProblem();
    const { selectedIds, onUnselectItems, filterValues, data, meta, hasNextPage } = useListContext();
    const count = (meta as ListMeta | undefined)?.count;
    const [all, setAll] = useState(false);
    const [asking, setAsking] = useState<{ action: (typeof ACTIONS)[number]; count: number }>();
    const { q, ...filter } = filterValues as Record<string, unknown>;
    // “Everything that matches” is said by the filter and not by ids: it may be a million.
    const what = all ? { filter: cleanFilter(filter), ...(q ? { q } : {}) } : { ids: selectedIds };
    const isWholePage = data !== undefined && data.length > 0 && data.every(({ id }) => selectedIds.includes(id));

    const ask = async (action: (typeof ACTIONS)[number]) => {
        try {
            const { count: affected } = await client.post<BulkBegun>('/users/bulk', { ...what, action, dry_run: true });
            setAsking({ action, count: affected });
        } catch (problem) {
            tellProblem(problem);
        }
    };

    return (
        <Box sx={(theme) => ({ display: 'flex', alignItems: 'center', flexWrap: 'wrap', gap: 1, px: 1.5, py: 0.5, minHeight: 42, bgcolor: alpha(theme.palette.primary.main, 0.1), borderBottom: 1, borderColor: 'divider', fontSize: '0.8125rem' })}>
            <strong>{all ? t('list.selected_all', { count: countText(count, format, t) }) : t('list.selected', { smart_count: selectedIds.length })}</strong>
            {isWholePage && hasNextPage && !all && (
                <Link component="button" variant="body2" onClick={() => setAll(true)}>
                    {t('list.select_matching', { count: countText(count, format, t) })}
                </Link>
            )}
            <Link
                component="button"
                variant="body2"
                onClick={() => {
                    setAll(false);
                    onUnselectItems();
                }}
            >
                {t('list.unselect')}
            </Link>
            <Box sx={{ flex: 1 }} />
            {ACTIONS.map((action) => (
                <Button key={action} variant="outlined" color={action === 'disable' ? 'error' : 'primary'} onClick={() => void ask(action)} sx={{ bgcolor: 'background.paper' }}>
                    {t(`users.bulk.${action}`)}
                </Button>
            ))}
            <Confirm
                open={asking !== undefined}
                danger={asking?.action === 'disable'}
                title={asking ? t(`users.bulk.${asking.action}_title`, { smart_count: asking.count }) : ''}
                action={asking ? t(`users.bulk.${asking.action}`) : ''}
                onClose={() => setAsking(undefined)}
                onConfirm={async () => {
                    const job = await client.post<BulkBegun>('/users/bulk', { ...what, action: asking?.action });
                    onUnselectItems();
                    void navigate(`/jobs/${job.job_id}/show`);
                }}
            >
                {asking && t(`users.bulk.${asking.action}_text`)}
            </Confirm>
        </Box>
    );
}
