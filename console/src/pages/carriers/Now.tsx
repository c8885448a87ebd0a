// How a carrier is at this moment: in a line of the list, and on its own page.
import Box from '@mui/material/Box';
import Skeleton from '@mui/material/Skeleton';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import Tooltip from '@mui/material/Tooltip';
import { useRecordContext } from 'ra-core';
import { useCan } from '@/access/me';
import type { Carrier } from '@/api/plan';
import type { CarrierStatus } from '@/api/types';
import { useFormat, useT } from '@/i18n';
import { useLiveStatus, usePbxStatus } from '@/live/pbx';
import { Facts, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { Sentence, useSentence } from '@/ui/sentences';
import { Used } from '@/ui/Used';
import { Badge, CodeBadge, Moment, Nothing, useNow } from '@/ui/values';
import { readHost } from './host';
import { ACCOUNT_TONES, HOST_TONES, hostState, registration, standingOf, STANDING_TONES, troubleOf } from './standing';

/** A carrier of those that the page follows; null: the server does not use it, undefined: nothing is known yet. */
function useStanding(id: string | undefined): CarrierStatus | null | undefined {
    const { data } = usePbxStatus();
    return data && (data.carriers.find((carrier) => carrier.id === id) ?? null);
}

/** Whether it can be called, since when, and why not. */
export function StandingCell({ carrier }: { carrier: Pick<Carrier, 'id' | 'on'> }) {
    const status = useStanding(carrier.id);
    if (status === undefined) return <Skeleton width={110} />;
    if (status === null) return carrier.on ? <NotUsed /> : <CodeBadge prefix="carrier_standings" code="off" tones={STANDING_TONES} />;
    return <StandingWords status={status} short />;
}

function NotUsed() {
    const t = useT();
    return (
        <Badge tone="bad" title={t('carriers.not_used')}>
            {t('carriers.not_used_short')}
        </Badge>
    );
}

function StandingWords({ status, short }: { status: CarrierStatus; short?: boolean }) {
    const t = useT();
    const trouble = useTrouble(status, short);
    return (
        <Box component="span" sx={{ display: 'inline-flex', alignItems: 'baseline', columnGap: 1, flexWrap: 'wrap' }}>
            <CodeBadge prefix="carrier_standings" code={standingOf(status)} tones={STANDING_TONES} />
            {status.since != null && status.on && <Since at={status.since} />}
            {trouble && (
                <Box component="bdi" sx={{ color: (theme) => theme.palette.tones.bad, overflowWrap: 'anywhere' }}>
                    {trouble}
                </Box>
            )}
            {!short && (standingOf(status) === 'full' || standingOf(status) === 'too_fast') && <span>{t(standingOf(status) === 'full' ? 'carriers.full_hint' : 'carriers.too_fast_hint')}</span>}
        </Box>
    );
}

const MINUTE_MS = 60_000;

/** How long it has been so. */
function Since({ at }: { at: number }) {
    const t = useT();
    const format = useFormat();
    const now = useNow(10_000);
    return (
        <Tooltip title={t('carriers.since', { time: format.moment(at) })}>
            <Box component="span" sx={{ color: 'text.secondary', whiteSpace: 'nowrap' }}>
                {/* Seconds would only flicker. */}
                {now - at < MINUTE_MS ? t('carriers.just_now') : format.span(Math.floor((now - at) / MINUTE_MS) * MINUTE_MS)}
            </Box>
        </Tooltip>
    );
}

/** Why it cannot be called, in words; in short where each account says it itself. */
function useTrouble(status: CarrierStatus, whole = false): string | undefined {
    const t = useT();
    const sentence = useSentence();
    const trouble = troubleOf(status);
    if (!trouble) return undefined;
    if (trouble.what === 'hosts') return t('carriers.hosts_silent');
    return whole && trouble.error ? t('carriers.not_registered_because', { why: sentence(trouble.error) }) : t('carriers.not_registered');
}

/** How we are registered with it. */
export function RegistrationCell({ carrier }: { carrier: Carrier }) {
    const t = useT();
    const status = useStanding(carrier.id);
    if (status === undefined) return <Skeleton width={90} />;
    const all = status && status.on ? registration(status) : undefined;
    if (!status || !all) return status?.on && status.accounts?.length === 0 ? <Box component="span" sx={{ color: 'text.secondary' }}>{t('carriers.by_address')}</Box> : <Nothing />;
    if (all.all === 1) return <CodeBadge prefix="carrier_accounts" code={all.state} tones={ACCOUNT_TONES} />;
    return <Badge tone={ACCOUNT_TONES[all.state] ?? 'off'}>{t('carriers.registered_of', { registered: all.registered, all: all.all })}</Badge>;
}

/** How many calls it has, of how many. */
export function CallsCell({ carrier }: { carrier: Carrier }) {
    const status = useStanding(carrier.id);
    return <CallsOf calls={status?.calls} capacity={carrier.capacity} />;
}

function CallsOf({ calls, capacity }: { calls: number | undefined; capacity: number | undefined }) {
    const t = useT();
    const format = useFormat();
    if (capacity === undefined) return <Nothing />;
    if (calls === undefined) return <>{format.number(capacity)}</>;
    return (
        <Used used={calls} max={capacity} label={t('carriers.calls_now')}>
            {t('carriers.calls_of', { calls: format.number(calls), capacity: format.number(capacity) })}
        </Used>
    );
}

/** The live part of a carrier's page. */
export function NowSection() {
    const can = useCan();
    const record = useRecordContext<Carrier>();
    if (!can('trunks.monitor') || record?.id === undefined) return null;
    return <Now carrier={record} />;
}

function Now({ carrier }: { carrier: Carrier }) {
    const t = useT();
    const { error, refetch } = useLiveStatus();
    const status = useStanding(carrier.id);
    return (
        <Section title={t('carriers.now')}>
            {error && <ProblemBox error={error} onRetry={() => void refetch()} />}
            {status === undefined && !error && <Skeleton variant="rounded" height={72} />}
            {status === null && (carrier.on ? t('carriers.not_used') : t('carriers.off_now'))}
            {status && (
                <Box aria-live="polite">
                    <Facts
                        rows={[
                            [t('carriers.standing'), <StandingWords status={status} />],
                            [t('carriers.calls_now'), <CallsOf calls={status.calls} capacity={carrier.capacity} />],
                        ]}
                    />
                </Box>
            )}
            {status && status.on && Boolean(status.accounts?.length || status.hosts?.length) && <Parts status={status} />}
        </Section>
    );
}

const CELLS = { '& .MuiTableCell-root:first-of-type': { pl: 0 }, '& .MuiTableBody-root tr:last-of-type > td': { borderBottom: 0 } };

/** Its accounts and its hosts, one by one. */
function Parts({ status }: { status: CarrierStatus }) {
    const t = useT();
    const sentence = useSentence();
    return (
        <Box sx={{ display: 'grid', gridTemplateColumns: { xs: '1fr', md: status.accounts?.length ? '3fr 2fr' : '1fr' }, columnGap: 4, rowGap: 1, mt: 1.5, overflowX: 'auto', alignItems: 'start' }}>
            {Boolean(status.accounts?.length) && (
                <Table size="small" aria-label={t('columns.accounts')} sx={CELLS}>
                    <TableHead>
                        <TableRow>
                            <TableCell>{t('carriers.account')}</TableCell>
                            <TableCell>{t('carriers.registration')}</TableCell>
                            <TableCell>{t('carriers.comes')}</TableCell>
                        </TableRow>
                    </TableHead>
                    <TableBody>
                        {status.accounts?.map((account) => (
                            <TableRow key={account.username}>
                                <TableCell sx={{ overflowWrap: 'anywhere', verticalAlign: 'top' }}>
                                    <bdi>{account.username}</bdi>
                                </TableCell>
                                <TableCell sx={{ verticalAlign: 'top' }}>
                                    <CodeBadge prefix="carrier_accounts" code={account.state} tones={ACCOUNT_TONES} />
                                    {account.last_error && (
                                        <Box component="bdi" sx={{ display: 'block', mt: 0.25, overflowWrap: 'anywhere' }}>
                                            {sentence(account.last_error)}
                                        </Box>
                                    )}
                                </TableCell>
                                <TableCell sx={{ verticalAlign: 'top' }}>
                                    {account.next_at == null ? (
                                        <Nothing />
                                    ) : (
                                        <>
                                            {t(account.state === 'registered' ? 'carriers.refreshed' : 'carriers.tried')} <Soon at={account.next_at} />
                                        </>
                                    )}
                                    {account.expires_at != null && (
                                        <Box sx={{ color: 'text.secondary' }}>
                                            {t('carriers.good_until')} <Moment at={account.expires_at} show="time" />
                                        </Box>
                                    )}
                                </TableCell>
                            </TableRow>
                        ))}
                    </TableBody>
                </Table>
            )}
            {Boolean(status.hosts?.length) && (
                <Table size="small" aria-label={t('carriers.hosts')} sx={CELLS}>
                    <TableHead>
                        <TableRow>
                            <TableCell>{t('carriers.host')}</TableCell>
                            <TableCell>{t('carriers.options')}</TableCell>
                        </TableRow>
                    </TableHead>
                    <TableBody>
                        {status.hosts?.map(({ host, up, last_error: error }) => (
                            <TableRow key={host}>
                                <TableCell sx={{ overflowWrap: 'anywhere', verticalAlign: 'top' }}>
                                    <HostName uri={host} />
                                </TableCell>
                                <TableCell sx={{ verticalAlign: 'top' }}>
                                    <CodeBadge prefix="carrier_hosts" code={hostState(up)} tones={HOST_TONES} />
                                    {error && (
                                        <Box sx={{ mt: 0.25, overflowWrap: 'anywhere' }}>
                                            <Sentence text={error} />
                                        </Box>
                                    )}
                                </TableCell>
                            </TableRow>
                        ))}
                    </TableBody>
                </Table>
            )}
        </Box>
    );
}

/** A host by its place, and how it is spoken to where that is set. */
function HostName({ uri }: { uri: string }) {
    const t = useT();
    const { place, transport } = readHost(uri);
    return (
        <>
            <bdi>{place}</bdi>
            {transport !== 'automatic' && (
                <Box component="span" sx={{ color: 'text.secondary', whiteSpace: 'nowrap' }}>
                    {' '}
                    {t(`carriers.transports.${transport}`)}
                </Box>
            )}
        </>
    );
}

/** A moment that is to come, and how long until then; what should have been by now is so at any moment. */
function Soon({ at }: { at: number }) {
    const format = useFormat();
    const now = useNow(1000);
    return (
        <Tooltip title={format.exact(at)}>
            <Box component="span" sx={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>
                {format.ago(Math.max(at, now), now)}
            </Box>
        </Tooltip>
    );
}
