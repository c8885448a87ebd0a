import FactCheckOutlined from '@mui/icons-material/FactCheckOutlined';
import GppGoodOutlined from '@mui/icons-material/GppGoodOutlined';
import VerifiedOutlined from '@mui/icons-material/VerifiedOutlined';
import Button from '@mui/material/Button';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useActionText, useFieldText } from '@/access/catalogue';
import { useCan } from '@/access/me';
import type { AuditEntry, JobBegun } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { useTellProblem } from '@/ui/problems';
import { Badge, Code, CodeBadge, Moment } from '@/ui/values';
import { Actor } from './Actor';
import { EntryDrawer } from './EntryDrawer';

type Row = AuditEntry & { id: string };

const COLUMNS: ColumnSpec<Row>[] = [
    { name: 'at', render: (entry) => <Moment at={entry.at} />, width: 130, figures: true },
    { name: 'actor_name', label: 'audit.actor', render: (entry) => <Actor entry={entry} /> },
    { name: 'action', render: (entry) => <Action entry={entry} /> },
    { name: 'outcome', render: (entry) => <CodeBadge prefix="audit_outcomes" code={entry.outcome} tones={{ done: 'good', refused: 'bad' }} />, width: 120 },
    { name: 'resource', render: (entry) => <Code prefix="resources" code={entry.resource} /> },
    { name: 'resource_id', render: (entry) => <bdi>{entry.resource_id}</bdi>, width: 120 },
    { name: 'diff', label: 'audit.changed', render: (entry) => <Changed entry={entry} /> },
    { name: 'source', width: 140 },
    { name: 'category', render: (entry) => <Code prefix="audit_categories" code={entry.category} />, extra: true },
    { name: 'request_id', render: (entry) => <code>{entry.request_id}</code>, extra: true },
    { name: 'user_agent', extra: true },
    { name: 'seq', align: 'right', extra: true, sort: true },
];

const ACTOR_FILTERS: FilterSpec[] = [
    { kind: 'time', name: 'at' },
    { kind: 'user', name: 'actor', label: 'audit.actor' },
    { kind: 'text', name: 'action', operator: 'prefix' },
];

const FILTERS: FilterSpec[] = [
    ...ACTOR_FILTERS,
    {
        kind: 'choice',
        name: 'resource',
        prefix: 'resources',
        choices: ['users', 'roles', 'permission_sets', 'oidc_role_map', 'slots', 'trunks', 'routes', 'calls', 'recordings', 'exports', 'jobs', 'schedules', 'webhooks', 'centers', 'settings', 'system', 'audit_log', 'sessions', 'tokens', 'bans', 'budgets'],
    },
    { kind: 'text', name: 'resource_id', operator: 'eq' },
    { kind: 'choice', name: 'category', prefix: 'audit_categories', choices: ['change', 'read', 'security'] },
    { kind: 'choice', name: 'outcome', prefix: 'audit_outcomes', choices: ['done', 'refused'] },
    { kind: 'text', name: 'source', operator: 'eq' },
];

const SECURITY_FILTERS: FilterSpec[] = [...ACTOR_FILTERS, { kind: 'choice', name: 'outcome', prefix: 'audit_outcomes', choices: ['done', 'refused'] }, { kind: 'text', name: 'source', operator: 'eq' }];

/** Who did what: append-only, each entry sealed by the next. */
export function AuditList() {
    const t = useT();
    const can = useCan();
    const [open, setOpen] = useState<Row>();
    return (
        <>
            <ListPage<Row>
                resource="audit"
                title={t('nav.audit')}
                about={t('audit.about')}
                columns={COLUMNS}
                filters={FILTERS}
                sort={{ field: 'seq', order: 'DESC' }}
                actions={can('audit_log.verify') && <VerifyButton />}
                onOpen={setOpen}
                empty={<Empty icon={FactCheckOutlined} title={t('audit.empty')} />}
            />
            <EntryDrawer entry={open} onClose={() => setOpen(undefined)} />
        </>
    );
}

/** Log-ins, rights and refusals. */
export function SecurityAuditList() {
    const t = useT();
    const [open, setOpen] = useState<Row>();
    return (
        <>
            <ListPage<Row>
                resource="security-audit"
                title={t('nav.security')}
                about={t('audit.security_about')}
                columns={COLUMNS}
                filters={SECURITY_FILTERS}
                sort={{ field: 'seq', order: 'DESC' }}
                onOpen={setOpen}
                empty={<Empty icon={GppGoodOutlined} title={t('audit.security_empty')} />}
            />
            <EntryDrawer entry={open} onClose={() => setOpen(undefined)} />
        </>
    );
}

function VerifyButton() {
    const t = useT();
    const client = useClient();
    const navigate = useNavigate();
    const tellProblem = useTellProblem();
    return (
        <Button
            variant="outlined"
            startIcon={<VerifiedOutlined />}
            onClick={() => {
                client.post<JobBegun>('/audit/verify').then(({ job_id }) => void navigate(`/jobs/${job_id}/show`), tellProblem);
            }}
        >
            {t('audit.verify')}
        </Button>
    );
}

function Action({ entry }: { entry: AuditEntry }) {
    const text = useActionText();
    return <span title={entry.action}>{text(entry)}</span>;
}

function Changed({ entry }: { entry: AuditEntry }) {
    const t = useT();
    const text = useFieldText();
    if (entry.diff === null) return <Badge tone="off">{t('audit.withheld')}</Badge>;
    const names = Object.keys(entry.diff);
    return <span>{names.slice(0, 4).map(text).join(', ') + (names.length > 4 ? ` +${names.length - 4}` : '')}</span>;
}
