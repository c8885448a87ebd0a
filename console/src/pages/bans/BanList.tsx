import GppGoodOutlined from '@mui/icons-material/GppGoodOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import useMediaQuery from '@mui/material/useMediaQuery';
import type { Theme } from '@mui/material/styles';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useCan } from '@/access/me';
import type { Ban, SecurityStatus } from '@/api/types';
import { useCode, useFormat, useT } from '@/i18n';
import { useTopic } from '@/live/hooks';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { useTell } from '@/ui/problems';
import { Code, Moment, Nothing } from '@/ui/values';
import { BanDialog } from './BanDialog';

const STATUS = ['security', 'status'];

const COLUMNS: ColumnSpec<Ban>[] = [
    { name: 'source', label: 'bans.source', render: (ban) => <strong style={{ fontWeight: 600 }}>{ban.source}</strong>, width: 210, sort: true },
    { name: 'why', label: 'bans.why', render: (ban) => <Why ban={ban} />, wrap: true },
    { name: 'since', label: 'bans.since', render: (ban) => <Moment at={ban.since} />, width: 130, figures: true, sort: true },
    { name: 'until', label: 'bans.until', render: (ban) => <Until at={ban.until} />, width: 230, figures: true, sort: true },
    { name: 'times', label: 'bans.times', align: 'right', width: 110, figures: true },
    { name: 'points', label: 'bans.points', align: 'right', extra: true, figures: true },
];

/** Where there is no room for columns. */
const NARROW: ColumnSpec<Ban>[] = [
    {
        name: 'source',
        label: 'bans.source',
        render: (ban) => (
            <>
                <strong style={{ fontWeight: 600 }}>{ban.source}</strong>
                <div>
                    <Why ban={ban} />
                </div>
                <Until at={ban.until} />
            </>
        ),
        wrap: true,
        sort: true,
    },
];

const FILTERS: FilterSpec[] = [
    { kind: 'text', name: 'source', label: 'bans.source', operator: 'prefix' },
    { kind: 'choice', name: 'why', label: 'bans.why', prefix: 'ban_reasons', choices: ['wrong_password', 'unknown_user', 'scanner', 'fake_agent', 'foreign_domain', 'malformed', 'call_without_login', 'toll_attempt', 'slow_guessing', 'by_hand'] },
];

/** Sources that are not heard, and why. */
export function BanList() {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const queries = useQueryClient();
    const tell = useTell();
    const isNarrow = useMediaQuery((theme: Theme) => theme.breakpoints.down('md'));
    const [banning, setBanning] = useState(false);
    const [releasing, setReleasing] = useState<Ban>();
    const refresh = async () => {
        await Promise.all([queries.invalidateQueries({ queryKey: ['bans'] }), queries.invalidateQueries({ queryKey: STATUS })]);
    };
    // A ban that ends by itself is told as one that was taken back is.
    useTopic('sources', () => void refresh());
    const manages = can('security.manage');
    const ban = manages && (
        <Button variant="contained" onClick={() => setBanning(true)}>
            {t('bans.ban')}
        </Button>
    );
    return (
        <>
            <ListPage<Ban>
                resource="bans"
                title={t('nav.bans')}
                about={<About />}
                columns={isNarrow ? NARROW : COLUMNS}
                name={isNarrow ? 'bans-narrow' : undefined}
                filters={FILTERS}
                sort={{ field: 'source', order: 'ASC' }}
                actions={ban}
                rowActions={
                    manages
                        ? (row) => (
                              <Button color="inherit" onClick={() => setReleasing(row)} aria-label={t('bans.release_one', { source: row.source })}>
                                  {t('bans.release')}
                              </Button>
                          )
                        : undefined
                }
                empty={<Empty icon={GppGoodOutlined} title={t('bans.empty')} hint={t('bans.empty_hint')} />}
            />
            {banning && (
                <BanDialog
                    onClose={() => setBanning(false)}
                    onDone={async (source) => {
                        await refresh();
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
                    await refresh();
                    tell(t('bans.released', { source: releasing?.source }));
                }}
            >
                {t('bans.release_text')}
            </Confirm>
        </>
    );
}

/** What bans are, whether anybody is banned at all, and how much of the room is used. */
function About() {
    const t = useT();
    const format = useFormat();
    const client = useClient();
    const { data: status } = useQuery({ queryKey: STATUS, queryFn: () => client.get<SecurityStatus>('/security/status'), retry: false });
    if (status && !status.enabled) {
        return (
            <>
                {t('bans.about')}
                <Alert severity="warning" sx={{ mt: 1 }}>
                    {t('bans.off')}
                </Alert>
            </>
        );
    }
    const facts = status && [
        t('bans.room', { bans: format.number(status.bans), max: format.number(status.bans_max) }),
        t('bans.first', { span: format.span(status.thresholds.ban_s * 1000), longest: format.span(status.thresholds.ban_longest_s * 1000) }),
        status.exempt.length > 0 && t('bans.exempt', { networks: status.exempt.join(', ') }),
    ];
    return (
        <>
            {t('bans.about')}
            {facts && <Box sx={{ overflowWrap: 'anywhere' }}>{facts.filter(Boolean).join(' · ')}</Box>}
        </>
    );
}

/** What it was banned for, and what was seen of it. */
function Why({ ban }: { ban: Ban }) {
    const code = useCode();
    const format = useFormat();
    const seen = (ban.evidence ?? []).map(({ kind, count }) => `${code('evidence', kind)} × ${format.number(count)}`).join(', ');
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

function Until({ at }: { at: number | undefined }) {
    const format = useFormat();
    if (!at) return <Nothing />;
    return (
        <span>
            <Moment at={at} />{' '}
            <Box component="span" sx={{ color: 'text.secondary' }}>
                ({format.ago(at)})
            </Box>
        </span>
    );
}
