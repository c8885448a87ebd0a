import DnsOutlined from '@mui/icons-material/DnsOutlined';
import Typography from '@mui/material/Typography';
import { useState } from 'react';
import type { LogEvent } from '@/api/types';
import { useT } from '@/i18n';
import { Details, Json } from '@/ui/Details';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { Facts } from '@/ui/page';
import { SEVERITY_TONES } from '@/ui/tones';
import { CodeBadge, Moment } from '@/ui/values';

const COLUMNS: ColumnSpec<LogEvent>[] = [
    { name: 'at', render: (event) => <Moment at={event.at} />, width: 130, figures: true },
    { name: 'severity', render: (event) => <CodeBadge prefix="severities" code={event.severity} tones={SEVERITY_TONES} />, width: 140 },
    { name: 'module', width: 130 },
    { name: 'code', render: (event) => <code>{event.code}</code>, width: 200 },
    { name: 'message' },
    { name: 'id', align: 'right', extra: true, sort: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'time', name: 'at' },
    { kind: 'choice', name: 'severity', prefix: 'severities', choices: ['debug', 'info', 'warning', 'error', 'critical'] },
    { kind: 'text', name: 'module', operator: 'eq' },
    { kind: 'text', name: 'code', operator: 'prefix' },
];

/** What parts of the system report of themselves. */
export function EventList() {
    const t = useT();
    const [open, setOpen] = useState<LogEvent>();
    return (
        <>
            <ListPage<LogEvent>
                resource="events"
                title={t('nav.events')}
                about={t('events.about')}
                columns={COLUMNS}
                filters={FILTERS}
                sort={{ field: 'id', order: 'DESC' }}
                topic="events"
                onOpen={setOpen}
                empty={<Empty icon={DnsOutlined} title={t('events.empty')} />}
            />
            <Details open={open !== undefined} title={open?.code ?? ''} onClose={() => setOpen(undefined)}>
                {open && (
                    <>
                        <Facts
                            rows={[
                                [t('columns.at'), <Moment at={open.at} show="exact" />],
                                [t('columns.severity'), <CodeBadge prefix="severities" code={open.severity} tones={SEVERITY_TONES} />],
                                [t('columns.module'), open.module],
                                [t('columns.message'), <bdi>{open.message}</bdi>],
                            ]}
                        />
                        <Typography variant="h3" sx={{ mt: 3, mb: 1 }}>
                            {t('columns.data')}
                        </Typography>
                        <Json value={open.data} />
                    </>
                )}
            </Details>
        </>
    );
}
