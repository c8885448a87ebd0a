import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import { useQueryClient } from '@tanstack/react-query';
import { useNotify } from 'ra-core';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useCan } from '@/access/me';
import type { NewWebhook, Webhook, WebhookTested } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';
import { CreatePage, EditPage, Fields } from '@/ui/form/FormPage';
import { ManyInput, SwitchInput, TextInput, isUrl } from '@/ui/form/inputs';
import { Section } from '@/ui/page';
import { useTellProblem } from '@/ui/problems';
import { DeliveryTable } from './DeliveryList';
import { SecretDialog } from './SecretDialog';

/** The events that a webhook can be told of. */
const EVENTS = ['*', 'call.update', 'cdr.created', 'recording.ready', 'carrier.down', 'carrier.up', 'user.update', 'user.delete'];

export function WebhookCreate() {
    const t = useT();
    const navigate = useNavigate();
    const [made, setMade] = useState<NewWebhook>();
    return (
        <>
            <CreatePage<Webhook> resource="webhooks" title={t('webhooks.create')} about={t('webhooks.about')} defaults={{ enabled: true, events: ['call.update'] }} onDone={(hook) => setMade(hook as NewWebhook)}>
                <WebhookFields />
            </CreatePage>
            {made && <SecretDialog secret={made.secret} onClose={() => void navigate(`/webhooks/${made.id}`)} />}
        </>
    );
}

export function WebhookEdit() {
    return (
        <EditPage<Webhook>
            resource="webhooks"
            title={(hook) => hook.name}
            about={(hook) => <Disabled hook={hook} />}
            actions={(hook) => <WebhookDeeds hook={hook} />}
            after={(hook) => <WebhookDeliveries hook={hook} />}
            width={1100}
        >
            <WebhookFields />
        </EditPage>
    );
}

function WebhookFields() {
    const code = useCode();
    return (
        <Section>
            <Fields>
                <TextInput source="name" label="columns.name" required maxLength={128} autoFocus />
                <TextInput source="url" label="columns.url" hint="webhooks.url_hint" required validate={isUrl} maxLength={2048} />
            </Fields>
            <ManyInput source="events" label="columns.events" hint="webhooks.events_hint" required choices={EVENTS.map((event) => ({ id: event, name: event, about: code('webhook_events', event) }))} />
            <SwitchInput source="enabled" label="columns.enabled" hint="webhooks.enabled_hint" />
        </Section>
    );
}

function WebhookDeeds({ hook }: { hook: Webhook }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const notify = useNotify();
    const queries = useQueryClient();
    const tellProblem = useTellProblem();
    const [testing, setTesting] = useState(false);
    const [renewing, setRenewing] = useState(false);
    const [secret, setSecret] = useState<string>();
    if (!can('webhooks.update')) return null;
    const test = async () => {
        setTesting(true);
        try {
            const { delivered, status, error } = await client.post<WebhookTested>(`/webhooks/${hook.id}/test`);
            if (delivered) notify('webhooks.test_good', { type: 'success', messageArgs: { status: status ?? '' } });
            else notify('webhooks.test_bad', { type: 'error', messageArgs: { why: error ?? `HTTP ${status}` } });
            await queries.invalidateQueries({ queryKey: ['webhook-deliveries'] });
        } catch (problem) {
            tellProblem(problem);
        } finally {
            setTesting(false);
        }
    };
    return (
        <>
            <Button variant="outlined" loading={testing} onClick={() => void test()}>
                {t('webhooks.test')}
            </Button>
            <Button variant="outlined" onClick={() => setRenewing(true)}>
                {t('webhooks.new_secret')}
            </Button>
            <Confirm
                open={renewing}
                title={t('webhooks.secret_title')}
                action={t('webhooks.new_secret')}
                onClose={() => setRenewing(false)}
                onConfirm={async () => setSecret((await client.post<{ secret: string }>(`/webhooks/${hook.id}/secret`)).secret)}
            >
                {t('webhooks.secret_text')}
            </Confirm>
            {secret && <SecretDialog secret={secret} onClose={() => setSecret(undefined)} />}
        </>
    );
}

/** Why the program has switched it off, if it has. */
function Disabled({ hook }: { hook: Webhook }) {
    const t = useT();
    if (hook.enabled || !hook.disabled_reason) return null;
    return (
        <Alert severity="warning" sx={{ my: 1 }}>
            {t('webhooks.disabled', { why: hook.disabled_reason })}
        </Alert>
    );
}

function WebhookDeliveries({ hook }: { hook: Webhook }) {
    const t = useT();
    return (
        <Section title={t('webhooks.deliveries')}>
            <DeliveryTable webhook={hook.id} />
        </Section>
    );
}
