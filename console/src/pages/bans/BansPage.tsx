import GppGoodOutlined from '@mui/icons-material/GppGoodOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useCan } from '@/access/me';
import type { Ban, Items, SecurityStatus } from '@/api/types';
import { useCode, useFormat, useT } from '@/i18n';
import { useResync, useTopic } from '@/live/hooks';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';
import { Empty } from '@/ui/empty';
import type { ShownColumn } from '@/ui/list/columns';
import { Table } from '@/ui/list/Table';
import { Page, PageHead } from '@/ui/page';
import { ProblemBox, useTell } from '@/ui/problems';
import { Code, Moment, Nothing } from '@/ui/values';
import { BanDialog } from './BanDialog';

type Row = Ban & { id: string };

const BANS = ['security', 'bans'];
const STATUS = ['security', 'status'];
/** Bans end by themselves: how old the list may be, in milliseconds. */
const BANS_MS = 15_000;

const COLUMNS: ShownColumn<Row>[] = (
    [
        { name: 'source', label: 'bans.source', render: (ban) => <strong style={{ fontWeight: 600 }}>{ban.source}</strong>, width: 220 },
        { name: 'why', label: 'bans.why', render: (ban) => <Why ban={ban} />, wrap: true },
        { name: 'since', label: 'bans.since', render: (ban) => <Moment at={ban.since} />, width: 140, figures: true },
        { name: 'until', label: 'bans.until', render: (ban) => <Until at={ban.until} />, width: 210, figures: true },
        { name: 'times', label: 'bans.times', render: (ban) => <span>{ban.times}</span>, align: 'right', width: 80, figures: true },
    ] satisfies Omit<ShownColumn<Row>, 'shown' | 'sortable'>[]
).map((column) => ({ ...column, shown: true, sortable: false }));

/** Sources that are not heard, and why. */
export function BansPage() {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const queries = useQueryClient();
    const tell = useTell();
    const [banning, setBanning] = useState(false);
    const [releasing, setReleasing] = useState<Row>();
    const bans = useQuery({ queryKey: BANS, queryFn: async () => (await client.get<Items<Ban>>('/security/bans')).items, refetchInterval: BANS_MS, retry: false });
    const status = useQuery({ queryKey: STATUS, queryFn: () => client.get<SecurityStatus>('/security/status'), retry: false });
    const refresh = () => void queries.invalidateQueries({ queryKey: ['security'] });
    useTopic('sources', refresh);
    useResync(refresh);
    const rows = bans.data?.map((ban): Row => ({ ...ban, id: ban.source }));
    const manages = can('security.manage');
    return (
        <Page width="full">
            <PageHead
                title={t('nav.bans')}
                about={t('bans.about')}
                actions={
                    manages && (
                        <Button variant="contained" onClick={() => setBanning(true)}>
                            {t('bans.ban')}
                        </Button>
                    )
                }
            />
            {bans.error && <ProblemBox error={bans.error} onRetry={() => void bans.refetch()} />}
            {status.data && <Standing status={status.data} />}
            {(rows || !bans.error) && (
                <Box sx={{ border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', overflow: 'hidden' }}>
                    <Table
                        label={t('nav.bans')}
                        columns={COLUMNS}
                        rows={rows}
                        busy={bans.isFetching}
                        rowActions={
                            manages
                                ? (ban) => (
                                      <Button color="inherit" onClick={() => setReleasing(ban)} aria-label={t('bans.release_one', { source: ban.source })}>
                                          {t('bans.release')}
                                      </Button>
                                  )
                                : undefined
                        }
                        empty={<Empty icon={GppGoodOutlined} title={t('bans.empty')} hint={t('bans.empty_hint')} />}
                    />
                </Box>
            )}
            {banning && (
                <BanDialog
                    onClose={() => setBanning(false)}
                    onDone={(source) => {
                        refresh();
                        tell(t('bans.banned', { source }));
                    }}
                />
            )}
            <Confirm
                open={releasing !== undefined}
                title={t('bans.release_title', { source: releasing?.source })}
                action={t('bans.release')}
                onClose={() => setReleasing(undefined)}
                onConfirm={async () => {
                    await client.delete(`/security/bans/${encodeURIComponent(releasing?.source ?? '')}`);
                    await queries.invalidateQueries({ queryKey: BANS });
                    tell(t('bans.released', { source: releasing?.source }));
                }}
            >
                {t('bans.release_text')}
            </Confirm>
        </Page>
    );
}

/** Whether the armour judges anybody, and how much of it is used. */
function Standing({ status }: { status: SecurityStatus }) {
    const t = useT();
    const format = useFormat();
    if (!status.enabled) {
        return (
            <Alert severity="warning" sx={{ mb: 2 }}>
                {t('bans.off')}
            </Alert>
        );
    }
    const facts = [
        t('bans.room', { bans: format.number(status.bans), max: format.number(status.bans_max) }),
        t('bans.first', { span: format.span(status.ban_s * 1000), longest: format.span(status.ban_longest_s * 1000) }),
        status.exempt.length > 0 && t('bans.exempt', { networks: status.exempt.join(', ') }),
    ];
    return <Box sx={{ fontSize: '0.8125rem', color: 'text.secondary', mb: 1.5, overflowWrap: 'anywhere' }}>{facts.filter(Boolean).join(' · ')}</Box>;
}

/** What it was banned for, and what was seen of it. */
function Why({ ban }: { ban: Ban }) {
    const code = useCode();
    const format = useFormat();
    const seen = ban.evidence.map(({ kind, count }) => `${code('evidence', kind)} × ${format.number(count)}`).join(', ');
    return (
        <>
            <Code prefix="ban_reasons" code={ban.why} />
            {ban.note && (
                <>
                    : <bdi>{ban.note}</bdi>
                </>
            )}
            {seen && <Box sx={{ color: 'text.secondary' }}>{seen}</Box>}
        </>
    );
}

function Until({ at }: { at: number }) {
    const format = useFormat();
    if (!at) return <Nothing />;
    return (
        <span>
            <Moment at={at} /> <Box component="span" sx={{ color: 'text.secondary' }}>({format.ago(at)})</Box>
        </span>
    );
}
