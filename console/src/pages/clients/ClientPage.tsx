import EditOutlined from '@mui/icons-material/EditOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import { useQueryClient } from '@tanstack/react-query';
import { useGetOne } from 'ra-core';
import { useState } from 'react';
import { useParams } from 'react-router';
import { useCan } from '@/access/me';
import type { Client } from '@/api/crm';
import { useCode, useT } from '@/i18n';
import { patchRow, useTopic } from '@/live/hooks';
import { Problem } from '@/providers/problem';
import { useClientName } from '@/ui/crm/clients';
import { History } from '@/ui/crm/History';
import { Owner } from '@/ui/crm/sellers';
import { NoteField } from '@/ui/crm/NoteField';
import { BackTo, Beside } from '@/ui/crm/Beside';
import { Facts, Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { Moment, Nothing } from '@/ui/values';
import { ClientDialog } from './ClientDialog';
import { Phones } from './Phones';

/** A client: who they are, and all that has been of them. */
export function ClientPage() {
    const t = useT();
    const { id = '' } = useParams();
    const queries = useQueryClient();
    const { data: client, error, refetch } = useGetOne<Client>('clients', { id }, { onError: () => undefined, retry: false });
    useTopic('clients', (event) => {
        if (event.id !== id) return;
        patchRow(queries, 'clients', event);
        if (event.data === null) void refetch();
    });
    const isGone = error instanceof Problem && error.status === 404;
    if (error && (!client || isGone)) {
        return (
            <Page>
                <BackTo to="/clients">{t('nav.clients')}</BackTo>
                <ProblemBox error={error} text={isGone ? t('clients.not_yours') : undefined} onRetry={isGone ? undefined : () => void refetch()} />
            </Page>
        );
    }
    if (!client) {
        return (
            <Page width={1280}>
                <BackTo to="/clients">{t('nav.clients')}</BackTo>
                <Skeleton width={280} height={34} />
                <Skeleton variant="rounded" height={260} sx={{ mt: 2 }} />
            </Page>
        );
    }
    return <ClientBody client={client} />;
}

function ClientBody({ client }: { client: Client }) {
    const t = useT();
    const can = useCan();
    const code = useCode();
    const name = useClientName()(client);
    const [editing, setEditing] = useState(false);
    const text = (value: string | null | undefined) => (value ? <bdi>{value}</bdi> : <Nothing />);
    return (
        <Page width={1280}>
            <PageHead
                back={<BackTo to="/clients">{t('nav.clients')}</BackTo>}
                title={name}
                about={code('client_kinds', client.kind)}
                actions={
                    can('clients.update') && (
                        <Button variant="outlined" startIcon={<EditOutlined />} onClick={() => setEditing(true)}>
                            {t('leads.edit')}
                        </Button>
                    )
                }
            />
            <Beside
                side={
                    <>
                        <Section title={t('leads.client')}>
                            <Facts
                                rows={[
                                    client.kind === 'company' && [t('clients.org_name'), text(client.org_name)],
                                    [t('clients.person'), text([client.last_name, client.first_name, client.patronymic].filter(Boolean).join(' '))],
                                    [t('clients.phones'), <Phones phones={client.phones} whole />],
                                    [t('columns.email'), text(client.email)],
                                    client.inn ? [t('clients.inn'), text(client.inn)] : null,
                                    client.owner_user_id !== undefined && [t('clients.owner_user_id'), <Owner id={client.owner_user_id} />],
                                    [t('columns.created_at'), <Moment at={client.created_at} />],
                                ]}
                            />
                        </Section>
                        {can('notes.create') && (
                            <Section>
                                <Box sx={{ pt: 0.5 }}>
                                    <NoteField about={{ client_id: client.id }} draft={`client:${client.id}`} keyOn="KeyN" />
                                </Box>
                            </Section>
                        )}
                    </>
                }
            >
                <Section title={t('history.title')}>
                    <History path={`/clients/${client.id}/history`} />
                </Section>
            </Beside>
            {editing && <ClientDialog client={client} onClose={() => setEditing(false)} />}
        </Page>
    );
}
