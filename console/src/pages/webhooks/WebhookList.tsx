import Add from '@mui/icons-material/Add';
import WebhookOutlined from '@mui/icons-material/WebhookOutlined';
import Button from '@mui/material/Button';
import Chip from '@mui/material/Chip';
import Stack from '@mui/material/Stack';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { Webhook } from '@/api/types';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { Badge, Count, Moment } from '@/ui/values';
import { Enabled } from '../schedules/ScheduleList';

const COLUMNS: ColumnSpec<Webhook>[] = [
    { name: 'name', render: (hook) => <bdi style={{ fontWeight: 600 }}>{hook.name}</bdi> },
    { name: 'url', render: (hook) => <bdi>{hook.url}</bdi> },
    {
        name: 'events',
        render: (hook) => (
            <Stack direction="row" sx={{ gap: 0.5, flexWrap: 'wrap' }}>
                {hook.events.map((event) => (
                    <Chip key={event} label={<code>{event}</code>} variant="outlined" sx={{ height: 20 }} />
                ))}
            </Stack>
        ),
    },
    { name: 'enabled', render: (hook) => <Enabled value={hook.enabled} />, width: 120 },
    { name: 'disabled_reason', extra: true },
    { name: 'failing_since', render: (hook) => <Moment at={hook.failing_since} />, extra: true },
    { name: 'failures', render: (hook) => (hook.failures > 0 ? <Badge tone="bad">{hook.failures}</Badge> : <Count value={0} />), align: 'right', width: 130 },
];

/** Addresses that are told of events. */
export function WebhookList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('webhooks');
    const create = may('create') && (
        <Button component={Link} to="/webhooks/create" variant="contained" startIcon={<Add />}>
            {t('webhooks.create')}
        </Button>
    );
    return (
        <ListPage<Webhook>
            resource="webhooks"
            title={t('nav.webhooks')}
            about={t('webhooks.about')}
            columns={COLUMNS}
            filters={[{ kind: 'yes', name: 'enabled' }]}
            actions={
                <>
                    <Button component={Link} to="/webhook-deliveries" variant="outlined">
                        {t('webhooks.deliveries')}
                    </Button>
                    {create}
                </>
            }
            onOpen={(hook) => void navigate(`/webhooks/${hook.id}`)}
            empty={<Empty icon={WebhookOutlined} title={t('webhooks.empty')} hint={t('webhooks.empty_hint')} action={create} />}
        />
    );
}
