import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import LinearProgress from '@mui/material/LinearProgress';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useCan } from '@/access/me';
import type { PbxStatus, ReloadDone, SystemStatus } from '@/api/types';
import { useFormat, useT } from '@/i18n';
import { usePbxStatus } from '@/live/pbx';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { Badge, Code, Count } from '@/ui/values';
import { StandingCell } from '../carriers/Now';
import { SlotBar } from '../trunks/TrunkList';

/** Databases by the names that they give themselves. */
const DATABASES: Record<string, string> = { sqlite: 'SQLite', postgres: 'PostgreSQL' };

/** How often the state is asked for, in milliseconds. */
const EVERY_MS = 5000;

/** How the server is. */
export function StatusPage() {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const format = useFormat();
    const system = useQuery({ queryKey: ['system', 'status'], queryFn: () => client.get<SystemStatus>('/monitor/system'), refetchInterval: EVERY_MS, retry: false });
    const pbx = usePbxStatus();
    const { data } = system;
    return (
        <Page>
            <PageHead title={t('nav.status')} actions={can('system.configure') && <ReloadButton />} />
            {system.error && <ProblemBox error={system.error} onRetry={() => void system.refetch()} />}
            {data?.draining && (
                <Alert severity="warning" sx={{ mb: 2 }}>
                    {t('status.draining')}
                </Alert>
            )}
            <Box sx={{ display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(200px, 1fr))', gap: 1.5, mb: 2 }}>
                <Card label={t('status.version')} value={data && data.version} />
                <Card label={t('status.uptime')} value={data && format.span(data.uptime_s * 1000)} />
                <Card
                    label={t('status.database')}
                    value={
                        data && (
                            <Stack direction="row" sx={{ gap: 1, alignItems: 'center' }}>
                                {DATABASES[data.database.engine] ?? data.database.engine}
                                <Badge tone={data.database.ok ? 'good' : 'bad'}>{data.database.ok ? t('status.ok') : t('status.away')}</Badge>
                            </Stack>
                        )
                    }
                />
                <Card label={t('status.journal_lag')} value={data && format.number(data.journal_lag)} hint={t('status.journal_lag_hint')} />
                <Card label={t('status.answer')} value={data && t('status.ms', { ms: format.number(data.database.answer_ms) })} hint={t('status.answer_hint')} />
                <Card label={t('live.in_the_air')} value={data && format.number(data.calls)} />
                <Card label={t('status.slots')} value={data && `${format.number(data.slots_registered)} / ${format.number(data.slots)}`} />
                <Card label={t('status.sockets')} value={data && (data.sockets == null ? '–' : format.number(data.sockets))} />
            </Box>
            {data?.disk_total != null && data.disk_free != null && (
                <Section title={t('status.disk')}>
                    <Disk free={data.disk_free} total={data.disk_total} />
                </Section>
            )}
            {data?.certificate && (
                <Section title={t('status.certificate')}>
                    <Certificate certificate={data.certificate} />
                </Section>
            )}
            {pbx.data && (
                <Section title={t('status.telephony')} about={t('status.server', { server: pbx.data.server, transports: transportWords(pbx.data.transports) })} flush>
                    <Table size="small">
                        <TableHead>
                            <TableRow>
                                <TableCell>{t('columns.name')}</TableCell>
                                <TableCell>{t('columns.type')}</TableCell>
                                <TableCell align="right">{t('nav.slots')}</TableCell>
                                <TableCell align="right">{t('status.registered')}</TableCell>
                                <TableCell sx={{ width: '35%' }}>{t('trunks.slots_now')}</TableCell>
                            </TableRow>
                        </TableHead>
                        <TableBody>
                            {pbx.data.trunks.map((trunk) => (
                                <TableRow key={trunk.id}>
                                    <TableCell>
                                        <bdi>{trunk.name}</bdi>
                                    </TableCell>
                                    <TableCell>
                                        <Code prefix="trunk_types" code={trunk.type} />
                                    </TableCell>
                                    <TableCell align="right">{format.number(trunk.slots.total)}</TableCell>
                                    <TableCell align="right">{format.number(trunk.slots.registered)}</TableCell>
                                    <TableCell>
                                        <SlotBar counts={trunk.slots} />
                                    </TableCell>
                                </TableRow>
                            ))}
                            {pbx.data.trunks.length === 0 && (
                                <TableRow>
                                    <TableCell colSpan={5}>{t('trunks.empty')}</TableCell>
                                </TableRow>
                            )}
                        </TableBody>
                    </Table>
                </Section>
            )}
            {pbx.data && pbx.data.carriers.length > 0 && <Carriers carriers={pbx.data.carriers} />}
        </Page>
    );
}

/** How phones reach the server, as their settings call it. */
function transportWords(transports: string[]): string {
    return transports.map((one) => (one === 'websocket' ? 'WebSocket' : one.toUpperCase())).join(', ');
}

/** By whom calls come from and go to the world, and which of them cannot be called. */
function Carriers({ carriers }: { carriers: PbxStatus['carriers'] }) {
    const t = useT();
    return (
        <Section title={t('nav.carriers')} flush>
            <Table size="small">
                <TableHead>
                    <TableRow>
                        <TableCell>{t('columns.name')}</TableCell>
                        <TableCell>{t('carriers.standing')}</TableCell>
                        <TableCell align="right">{t('carriers.calls_now')}</TableCell>
                    </TableRow>
                </TableHead>
                <TableBody>
                    {carriers.map((carrier) => (
                        <TableRow key={carrier.id}>
                            <TableCell>
                                <bdi>{carrier.name}</bdi>
                            </TableCell>
                            <TableCell>
                                <StandingCell carrier={carrier} />
                            </TableCell>
                            <TableCell align="right">
                                <Count value={carrier.calls} />
                            </TableCell>
                        </TableRow>
                    ))}
                </TableBody>
            </Table>
        </Section>
    );
}

/** The certificate of the HTTPS listener. */
function Certificate({ certificate }: { certificate: NonNullable<SystemStatus['certificate']> }) {
    const t = useT();
    const format = useFormat();
    return (
        <Stack sx={{ gap: 1, fontSize: '0.8125rem' }}>
            {certificate.warning && (
                <Alert severity="warning">
                    {t('status.certificate_attention')} <bdi lang="en">{certificate.warning}</bdi>
                </Alert>
            )}
            {certificate.ends_at != null && (
                <Box>
                    <bdi>{certificate.domains.join(', ')}</bdi> · {t('status.certificate_until', { time: format.date(certificate.ends_at) })}
                </Box>
            )}
            <Box sx={{ color: 'text.secondary' }}>
                {certificate.next_at != null && t('status.certificate_next', { time: format.date(certificate.next_at) })}
                {certificate.next_at == null && certificate.ends_at != null && t('status.certificate_by_hand')}
            </Box>
        </Stack>
    );
}

function Disk({ free, total }: { free: number; total: number }) {
    const t = useT();
    const format = useFormat();
    const used = total > 0 ? 1 - free / total : 0;
    return (
        <>
            <Box sx={{ fontSize: '0.8125rem', mb: 0.5 }}>{t('status.free', { free: format.bytes(free), total: format.bytes(total) })}</Box>
            <LinearProgress aria-label={t('status.disk')} variant="determinate" value={used * 100} color={used > 0.9 ? 'error' : used > 0.75 ? 'warning' : 'primary'} sx={{ height: 8, borderRadius: 4 }} />
        </>
    );
}

function Card({ label, value, hint }: { label: string; value: ReactNode; hint?: string }) {
    return (
        <Box title={hint} sx={{ border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', px: 2, py: 1.25 }}>
            <Box sx={{ fontSize: '0.75rem', color: 'text.secondary' }}>{label}</Box>
            <Box sx={{ fontSize: '1.0625rem', fontWeight: 650, minHeight: '1.6em', display: 'flex', alignItems: 'center' }}>{value === undefined ? <Skeleton width={80} /> : value}</Box>
        </Box>
    );
}

function ReloadButton() {
    const t = useT();
    const client = useClient();
    const [busy, setBusy] = useState(false);
    const [done, setDone] = useState<ReloadDone>();
    const [error, setError] = useState<unknown>();
    const reload = async () => {
        setBusy(true);
        setDone(undefined);
        setError(undefined);
        try {
            setDone(await client.post<ReloadDone>('/system/reload'));
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    const refused = error instanceof Problem && error.code === 'config_refused' ? (error.more.details as { errors?: unknown[] } | undefined)?.errors : undefined;
    return (
        <Box sx={{ display: 'flex', flexDirection: 'column', alignItems: 'flex-end', gap: 1 }}>
            <Button variant="outlined" loading={busy} onClick={() => void reload()}>
                {t('status.reload')}
            </Button>
            {done && (
                <Alert severity={done.warnings.length > 0 ? 'warning' : 'success'} onClose={() => setDone(undefined)}>
                    {done.changed.length === 0 ? t('status.reload_same') : t('status.reload_changed', { keys: done.changed.join(', ') })}
                    {done.warnings.map((warning) => (
                        <div key={warning}>{warning}</div>
                    ))}
                </Alert>
            )}
            {error !== undefined && (
                <Box sx={{ maxWidth: 520 }}>
                    <ProblemBox error={error} />
                    {refused?.map((each) => <Box key={String(each)} component="code" sx={{ display: 'block', px: 2 }}>{String(each)}</Box>)}
                </Box>
            )}
        </Box>
    );
}
