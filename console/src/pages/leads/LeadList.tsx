import Add from '@mui/icons-material/Add';
import PersonSearchOutlined from '@mui/icons-material/PersonSearchOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import { Link, useNavigate } from 'react-router';
import { useCan } from '@/access/me';
import { LEAD_STATUSES, type Lead } from '@/api/crm';
import { useFormat, useT } from '@/i18n';
import { Owner } from '@/ui/crm/sellers';
import { LeadBadge } from '@/ui/crm/Way';
import { Empty } from '@/ui/empty';
import { useKeys } from '@/ui/keys/useKeys';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { Badge, Moment, Nothing, Person, Phone, useNow } from '@/ui/values';

const COLUMNS: ColumnSpec<Lead>[] = [
    { name: 'client_name', render: (lead) => <Short text={lead.client_name} width={210} /> },
    { name: 'phone', render: (lead) => <Phone number={lead.phone} />, figures: true },
    { name: 'status', render: (lead) => <LeadBadge status={lead.status} />, width: 140 },
    { name: 'next_action_at', label: 'leads.due', render: (lead) => <Due at={lead.next_action_at} />, width: 130, figures: true },
    { name: 'next_action', render: (lead) => <Short text={lead.next_action} width={220} /> },
    { name: 'source' },
    { name: 'assigned_seller', render: (lead) => <Owner id={lead.assigned_seller} /> },
    { name: 'assigned_operator', render: (lead) => <Person id={lead.assigned_operator} />, extra: true },
    { name: 'updated_at', render: (lead) => <Moment at={lead.updated_at} />, width: 120, figures: true, extra: true },
    { name: 'email', extra: true },
    { name: 'lost_reason', extra: true },
    { name: 'created_at', render: (lead) => <Moment at={lead.created_at} />, extra: true },
    { name: 'created_by', render: (lead) => <Person id={lead.created_by} />, extra: true },
    { name: 'id', extra: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'choice', name: 'status', prefix: 'lead_statuses', choices: LEAD_STATUSES },
    { kind: 'time', name: 'next_action_at', label: 'leads.due' },
    { kind: 'text', name: 'source', operator: 'prefix' },
    { kind: 'text', name: 'phone', operator: 'contains' },
    { kind: 'time', name: 'created_at' },
];

/** Whose they are can be asked by who may see people. */
const OWNERS: FilterSpec[] = [
    { kind: 'user', name: 'assigned_seller' },
    { kind: 'user', name: 'assigned_operator' },
];

/** When something is due; what should have been done by now says so. */
function Due({ at }: { at: number | null | undefined }) {
    const t = useT();
    const format = useFormat();
    const now = useNow(60_000);
    if (at == null || at >= now) return <Moment at={at} />;
    const time = format.short(at, now);
    return (
        <Badge tone="bad" title={t('leads.overdue', { time })}>
            {time}
        </Badge>
    );
}

/** A text that leaves room for others; whole when one points at it. */
function Short({ text, width }: { text: string | null | undefined; width: number }) {
    if (!text) return <Nothing />;
    return (
        <Box component="bdi" title={text} sx={{ display: 'block', maxWidth: width, overflow: 'hidden', textOverflow: 'ellipsis' }}>
            {text}
        </Box>
    );
}

/** Leads: one's own, or those of the centre. */
export function LeadList() {
    const t = useT();
    const can = useCan();
    const navigate = useNavigate();
    useKeys(t('nav.leads'), can('leads.create') ? [{ on: 'KeyA', what: t('leads.create'), do: () => void navigate('/leads/create') }] : []);
    const create = can('leads.create') && (
        <Button component={Link} to="/leads/create" variant="contained" startIcon={<Add />}>
            {t('leads.create')}
        </Button>
    );
    return (
        <ListPage<Lead>
            resource="leads"
            topic="leads"
            title={t('nav.leads')}
            about={t('leads.about')}
            columns={COLUMNS}
            filters={can('users.read') ? [...FILTERS, ...OWNERS] : FILTERS}
            sort={{ field: 'updated_at', order: 'DESC' }}
            actions={create}
            onOpen={(lead) => void navigate(`/leads/${lead.id}`)}
            empty={<Empty icon={PersonSearchOutlined} title={t('leads.empty')} hint={t('leads.empty_hint')} action={create} />}
        />
    );
}
