import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import EditOutlined from '@mui/icons-material/EditOutlined';
import ForwardOutlined from '@mui/icons-material/ForwardOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import MuiLink from '@mui/material/Link';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import { useQueryClient } from '@tanstack/react-query';
import { useDataProvider, useGetOne } from 'ra-core';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { useCan } from '@/access/me';
import { isOpenLead, type Lead } from '@/api/crm';
import { useT } from '@/i18n';
import { patchRow, useTopic } from '@/live/hooks';
import { Problem } from '@/providers/problem';
import { Confirm } from '@/ui/confirm';
import { BackTo, Beside } from '@/ui/crm/Beside';
import { HandOverDialog } from '@/ui/crm/HandOver';
import { History } from '@/ui/crm/History';
import { Moves } from '@/ui/crm/Moves';
import { NextStep } from '@/ui/crm/NextStep';
import { NoteField } from '@/ui/crm/NoteField';
import { Owner } from '@/ui/crm/sellers';
import { Way } from '@/ui/crm/Way';
import { useLeadColumns, useLeadName } from '@/ui/crm/leads';
import { useKeys } from '@/ui/keys/useKeys';
import { Facts, Page, PageHead, Section } from '@/ui/page';
import { ProblemBox, useTell } from '@/ui/problems';
import { Moment, Nothing, Person, Phone } from '@/ui/values';
import { LeadDialog } from './LeadDialog';

/** A lead: where it stands, what is next, who they are. */
export function LeadPage() {
    const t = useT();
    const { id = '' } = useParams();
    const queries = useQueryClient();
    const { data: lead, error, refetch } = useGetOne<Lead>('leads', { id }, { onError: () => undefined, retry: false });
    useTopic('leads', (event) => {
        if (event.id !== id) return;
        patchRow(queries, 'leads', event);
        void queries.invalidateQueries({ queryKey: ['crm'] });
        // It has gone to somebody else, or is no more.
        if (event.data === null) void refetch();
    });
    const isGone = error instanceof Problem && error.status === 404;
    if (error && (!lead || isGone)) {
        return (
            <Page>
                <BackToLeads />
                <ProblemBox error={error} text={isGone ? t('leads.not_yours') : undefined} onRetry={isGone ? undefined : () => void refetch()} />
            </Page>
        );
    }
    return lead ? <LeadBody lead={lead} /> : <LeadSkeleton />;
}

function LeadBody({ lead }: { lead: Lead }) {
    const t = useT();
    const can = useCan();
    const name = useLeadName()(lead);
    const { writes, sees } = useLeadColumns();
    const [editing, setEditing] = useState(false);
    const [deleting, setDeleting] = useState(false);
    const [handing, setHanding] = useState(false);
    const isHandable = can('leads.hand_over') && isOpenLead(lead);
    useKeys(t('leads.keys'), isHandable ? [{ on: 'KeyH', what: t('leads.hand_over'), do: () => setHanding(true) }] : []);
    const isChangeable = can('leads.update') && (['client_name', 'phone', 'email', 'source'] as const).some(writes);
    return (
        <Page width={1280}>
            <PageHead
                back={<BackToLeads />}
                title={name}
                about={lead.client_name && <Phone number={lead.phone} />}
                actions={
                    <>
                        {can('leads.delete') && (
                            <Button color="error" startIcon={<DeleteOutlined />} onClick={() => setDeleting(true)}>
                                {t('form.delete')}
                            </Button>
                        )}
                        {isHandable && (
                            <Button variant="outlined" startIcon={<ForwardOutlined />} onClick={() => setHanding(true)}>
                                {t('leads.hand_over')}
                            </Button>
                        )}
                        {isChangeable && (
                            <Button variant="outlined" startIcon={<EditOutlined />} onClick={() => setEditing(true)}>
                                {t('leads.edit')}
                            </Button>
                        )}
                    </>
                }
            />
            <Section>
                <Stack direction="row" sx={{ alignItems: 'center', gap: 2, flexWrap: 'wrap', mb: 1.5 }}>
                    <Way status={lead.status} />
                    <Box sx={{ flex: 1 }} />
                    <Moves lead={lead} keyOn="KeyM" />
                </Stack>
                {lead.lost_reason && (
                    <Alert severity={lead.status === 'dnc' ? 'error' : 'warning'} sx={{ mb: 1.5 }}>
                        {t(lead.status === 'dnc' ? 'leads.dnc_because' : 'leads.lost_because', { reason: lead.lost_reason })}
                    </Alert>
                )}
                {isOpenLead(lead) && (sees('next_action') || sees('next_action_at')) && <NextStep lead={lead} keyOn="KeyR" />}
            </Section>
            <Beside
                side={
                    <>
                        <Section title={t('leads.client')}>
                            <LeadFacts lead={lead} />
                        </Section>
                        {can('notes.create') && (
                            <Section>
                                <NoteField about={{ lead_id: lead.id }} draft={`lead:${lead.id}`} keyOn="KeyN" />
                            </Section>
                        )}
                    </>
                }
            >
                <Section title={t('history.title')}>
                    <History path={`/crm/leads/${lead.id}/history`} />
                </Section>
            </Beside>
            {handing && <HandOverDialog lead={lead} onClose={() => setHanding(false)} />}
            {editing && <LeadDialog lead={lead} onClose={() => setEditing(false)} />}
            <DeleteLead lead={lead} open={deleting} onClose={() => setDeleting(false)} />
        </Page>
    );
}

function LeadFacts({ lead }: { lead: Lead }) {
    const t = useT();
    const text = (value: string | null | undefined) => (value ? <bdi>{value}</bdi> : <Nothing />);
    return (
        <Facts
            rows={[
                [t('columns.client_name'), text(lead.client_name)],
                [t('columns.phone'), <Phone number={lead.phone} />],
                [t('columns.email'), text(lead.email)],
                [t('columns.source'), text(lead.source)],
                lead.assigned_seller !== undefined && [t('columns.assigned_seller'), <Owner id={lead.assigned_seller} />],
                lead.assigned_operator !== undefined && [t('columns.assigned_operator'), <Person id={lead.assigned_operator} />],
                lead.client_id ? [t('leads.became'), <MuiLink component={Link} to={`/clients/${lead.client_id}`}>{t('leads.became_link')}</MuiLink>] : null,
                [t('columns.created_at'), <Moment at={lead.created_at} />],
                [t('columns.updated_at'), <Moment at={lead.updated_at} />],
            ]}
        />
    );
}

function DeleteLead({ lead, open, onClose }: { lead: Lead; open: boolean; onClose: () => void }) {
    const t = useT();
    const tell = useTell();
    const name = useLeadName()(lead);
    const navigate = useNavigate();
    const queries = useQueryClient();
    const dataProvider = useDataProvider();
    return (
        <Confirm
            open={open}
            danger
            title={t('leads.delete_title', { name })}
            action={t('form.delete')}
            onClose={onClose}
            onConfirm={async () => {
                await dataProvider.delete('leads', { id: lead.id, previousData: lead });
                tell(t('form.deleted'));
                await navigate('/leads');
                queries.removeQueries({ queryKey: ['leads', 'getOne', { id: lead.id }], exact: false });
                await queries.invalidateQueries({ queryKey: ['leads', 'getList'] });
            }}
        >
            {t('leads.delete_text')}
        </Confirm>
    );
}

function BackToLeads() {
    const t = useT();
    return <BackTo to="/leads">{t('leads.back')}</BackTo>;
}

function LeadSkeleton() {
    return (
        <Page width={1280}>
            <BackToLeads />
            <Skeleton width={280} height={34} />
            {[110, 200].map((height) => (
                <Skeleton key={height} variant="rounded" height={height} sx={{ mt: 2 }} />
            ))}
        </Page>
    );
}
