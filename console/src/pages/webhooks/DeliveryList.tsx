import ReplayOutlined from '@mui/icons-material/ReplayOutlined';
import SendOutlined from '@mui/icons-material/SendOutlined';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useGetManyAggregate, useGetOne, useRefresh } from 'ra-core';
import { useState } from 'react';
import { useCan } from '@/access/me';
import type { Delivery, Webhook } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Details, Json } from '@/ui/Details';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { Facts } from '@/ui/page';
import { useTell, useTellProblem } from '@/ui/problems';
import { DELIVERY_TONES } from '@/ui/tones';
import { CodeBadge, Moment } from '@/ui/values';

const COLUMNS: ColumnSpec<Delivery>[] = [
    { name: 'created_at', render: (delivery) => <Moment at={delivery.created_at} />, width: 130, figures: true },
    { name: 'webhook_id', label: 'columns.webhook', render: (delivery) => <WebhookName id={delivery.webhook_id} /> },
    { name: 'kind', label: 'columns.event', render: (delivery) => <code>{delivery.kind}</code> },
    { name: 'state', render: (delivery) => <CodeBadge prefix="delivery_states" code={delivery.state} tones={DELIVERY_TONES} />, width: 130 },
    { name: 'last_status', align: 'right', width: 110 },
    { name: 'attempts', align: 'right', width: 90 },
    { name: 'last_error' },
    { name: 'next_at', label: 'webhooks.next_try', render: (delivery) => <Moment at={delivery.next_at} />, width: 130 },
    { name: 'delivered_at', render: (delivery) => <Moment at={delivery.delivered_at} />, extra: true },
    { name: 'id', align: 'right', extra: true, sort: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'choice', name: 'state', prefix: 'delivery_states', choices: ['pending', 'delivered', 'failed'] },
    { kind: 'text', name: 'kind', label: 'columns.event', operator: 'prefix' },
    { kind: 'time', name: 'created_at' },
];

/** What was sent to whom, and what they said. */
export function DeliveryList() {
    return <DeliveryTable />;
}

/** The same of one webhook, within another page. */
export function DeliveryTable({ webhook }: { webhook?: string }) {
    const t = useT();
    const [open, setOpen] = useState<Delivery>();
    return (
        <>
            <ListPage<Delivery>
                resource="webhook-deliveries"
                title={t('webhooks.deliveries')}
                embedded={webhook !== undefined}
                columns={webhook === undefined ? COLUMNS : COLUMNS.filter(({ name }) => name !== 'webhook_id')}
                name={webhook === undefined ? undefined : 'webhook-deliveries-of'}
                filters={FILTERS}
                filter={webhook === undefined ? undefined : { webhook_id: webhook }}
                sort={{ field: 'id', order: 'DESC' }}
                topic="deliveries"
                noExport={webhook !== undefined}
                onOpen={setOpen}
                rowActions={(delivery) => <ReplayButton delivery={delivery} />}
                empty={<Empty icon={SendOutlined} title={t('webhooks.no_deliveries')} hint={t('webhooks.no_deliveries_hint')} />}
            />
            <DeliveryDetails delivery={open} onClose={() => setOpen(undefined)} />
        </>
    );
}

function WebhookName({ id }: { id: string }) {
    const { data } = useGetManyAggregate<Webhook>('webhooks', { ids: [id] }, { retry: false, staleTime: 300_000, onError: () => undefined });
    return <bdi>{data?.[0]?.name ?? `#${id}`}</bdi>;
}

function ReplayButton({ delivery }: { delivery: Delivery }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const refresh = useRefresh();
    const tell = useTell();
    const tellProblem = useTellProblem();
    // What waits goes anyway; a test is made anew.
    if (!can('webhooks.update') || delivery.state === 'pending' || delivery.kind === 'ping') return null;
    const replay = async () => {
        try {
            await client.post(`/webhook-deliveries/${delivery.id}/replay`);
            tell(t('webhooks.replayed'));
            refresh();
        } catch (problem) {
            tellProblem(problem);
        }
    };
    return (
        <Tooltip title={t('webhooks.replay')}>
            <IconButton aria-label={t('webhooks.replay')} onClick={() => void replay()}>
                <ReplayOutlined fontSize="small" />
            </IconButton>
        </Tooltip>
    );
}

function DeliveryDetails({ delivery, onClose }: { delivery: Delivery | undefined; onClose: () => void }) {
    const t = useT();
    const { data } = useGetOne<Delivery>('webhook-deliveries', { id: delivery?.id ?? '' }, { enabled: delivery !== undefined, retry: false, onError: () => undefined });
    const whole = data ?? delivery;
    return (
        <Details open={delivery !== undefined} title={delivery?.kind ?? ''} onClose={onClose}>
            {whole && (
                <>
                    <Facts
                        rows={[
                            [t('columns.webhook'), <WebhookName id={whole.webhook_id} />],
                            [t('columns.state'), <CodeBadge prefix="delivery_states" code={whole.state} tones={DELIVERY_TONES} />],
                            [t('columns.created_at'), <Moment at={whole.created_at} show="exact" />],
                            [t('columns.delivered_at'), <Moment at={whole.delivered_at} show="exact" />],
                            [t('columns.attempts'), whole.attempts],
                            [t('columns.last_status'), whole.last_status ?? '–'],
                            [t('columns.last_error'), whole.last_error ? <bdi>{whole.last_error}</bdi> : '–'],
                            [t('webhooks.next_try'), <Moment at={whole.next_at} show="moment" />],
                        ]}
                    />
                    {whole.payload !== undefined && (
                        <>
                            <Typography variant="h3" sx={{ mt: 3, mb: 1 }}>
                                {t('columns.payload')}
                            </Typography>
                            <Json value={whole.payload} />
                        </>
                    )}
                </>
            )}
        </Details>
    );
}
