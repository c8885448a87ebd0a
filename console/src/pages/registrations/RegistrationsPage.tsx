import DialpadOutlined from '@mui/icons-material/DialpadOutlined';
import Box from '@mui/material/Box';
import TextField from '@mui/material/TextField';
import ToggleButton from '@mui/material/ToggleButton';
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup';
import Tooltip from '@mui/material/Tooltip';
import { useMemo, useState } from 'react';
import { useNavigate } from 'react-router';
import { useCan } from '@/access/me';
import type { LiveEvent, Registration, Slot } from '@/api/types';
import { useCode, useFormat, useT } from '@/i18n';
import { useBoardSlots } from '@/live/board';
import { useTopic } from '@/live/hooks';
import { useRegistrations } from '@/live/registrations';
import { Empty } from '@/ui/empty';
import type { ShownColumn } from '@/ui/list/columns';
import { Table } from '@/ui/list/Table';
import { Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { SLOT_TONES } from '@/ui/tones';
import { Code, CodeBadge, Moment, Nothing, Person, Ticking, useNow } from '@/ui/values';
import { Registered } from '../slots/SlotList';
import { ofPhone, type PhoneNews } from './news';
import { RecentContext, RecentMark } from './recent';

type Which = 'all' | 'here' | 'gone';

/** How many rows are drawn at once; beyond, a number narrows them. */
const ROWS_MAX = 300;
/** How much of what happened since the page was opened is kept. */
const NEWS_MAX = 50;

/** A slot with where its phone is, as far as one may know. */
type Row = Slot & Partial<Pick<Registration, 'source' | 'transport' | 'user_agent' | 'expires_at'>>;

const shown = (columns: Omit<ShownColumn<Row>, 'shown' | 'sortable'>[]): ShownColumn<Row>[] => columns.map((column) => ({ ...column, shown: true, sortable: false }));

const NUMBER: Omit<ShownColumn<Row>, 'shown' | 'sortable'> = {
    name: 'number',
    render: (slot) => (
        <>
            <strong style={{ fontWeight: 600 }}>{slot.number}</strong>
            <RecentMark slot={slot.id} />
        </>
    ),
    width: 100,
};

const COLUMNS = shown([
    NUMBER,
    { name: 'registered', render: (slot) => <Registered value={slot.registered} />, width: 190 },
    { name: 'state', render: (slot) => <CodeBadge prefix="slot_states" code={slot.state} tones={SLOT_TONES} />, width: 170 },
    { name: 'since', label: 'registrations.in_state', render: (slot) => <Ticking since={slot.since} />, align: 'right', width: 150, figures: true },
    { name: 'type', render: (slot) => <Code prefix="trunk_types" code={slot.type} />, width: 170 },
    { name: 'holder', render: (slot) => <Person id={slot.holder} name={slot.holder_name} /> },
]);

/** For who may trace phones: from where each comes, and what it says it is. */
const TRACED = shown([
    NUMBER,
    { name: 'registered', render: (slot) => <Registered value={slot.registered} short />, width: 80 },
    { name: 'source', label: 'registrations.source', render: (slot) => (slot.source ? <bdi style={{ fontVariantNumeric: 'tabular-nums' }}>{slot.source}</bdi> : <Nothing />), width: 170 },
    { name: 'transport', label: 'registrations.transport', render: (slot) => (slot.transport ? slot.transport.toUpperCase() : <Nothing />), width: 90 },
    { name: 'user_agent', label: 'registrations.user_agent', render: (slot) => (slot.user_agent ? <Program name={slot.user_agent} /> : <Nothing />) },
    { name: 'expires_at', label: 'registrations.lapses', render: (slot) => <Lapses at={slot.expires_at} />, width: 130 },
    { name: 'state', render: (slot) => <CodeBadge prefix="slot_states" code={slot.state} tones={SLOT_TONES} />, width: 160 },
    { name: 'holder', render: (slot) => <Person id={slot.holder} name={slot.holder_name} /> },
]);

/** Which phones are there, as it is at this moment. */
export function RegistrationsPage() {
    const t = useT();
    const navigate = useNavigate();
    const format = useFormat();
    const { slots, error, refetch, isFetching } = useBoardSlots();
    const { registrations, may, error: untraced, refetch: trace } = useRegistrations(slots);
    const news = useNews();
    const [which, setWhich] = useState<Which>('all');
    const [number, setNumber] = useState('');
    const of = (each: Which) => slots?.filter((slot) => each === 'all' || slot.registered === (each === 'here'));
    const found = of(which)?.filter((slot) => slot.number.startsWith(number.trim()));
    // What the database still has of a phone that has gone is not where it is.
    const rows = useMemo(() => found?.slice(0, ROWS_MAX).map((slot): Row => ({ ...(slot.registered ? registrations?.get(slot.id) : undefined), ...slot })), [found, registrations]);
    const recent = useMemo(() => new Map(news.toReversed().map((one) => [one.id, one])), [news]);
    return (
        <Page width="full">
            <PageHead title={t('nav.registrations')} about={t('registrations.about')} />
            {error && <ProblemBox error={error} onRetry={() => void refetch()} />}
            {untraced && <ProblemBox error={untraced} onRetry={() => void trace()} />}
            <Box sx={{ display: 'flex', gap: 1.5, flexWrap: 'wrap', alignItems: 'center', mb: 1.5 }}>
                <ToggleButtonGroup
                    exclusive
                    value={which}
                    onChange={(_, next: Which | null) => setWhich(next ?? 'all')}
                    aria-label={t('registrations.show_only')}
                    sx={{ bgcolor: 'background.paper', maxWidth: '100%', '& .MuiToggleButton-root': { px: { xs: 1.25, sm: 2 }, py: 0.75, textTransform: 'none', color: 'text.primary' } }}
                >
                    {(['all', 'here', 'gone'] as const).map((each) => (
                        <ToggleButton key={each} value={each} sx={{ minWidth: { xs: 80, sm: 120 } }}>
                            <Box sx={{ textAlign: 'left', width: '100%' }}>
                                <Box sx={{ fontSize: '1.375rem', fontWeight: 680, lineHeight: 1.2, fontVariantNumeric: 'tabular-nums', color: each === 'gone' && of('gone')?.length ? (theme) => theme.palette.tones.bad : undefined }}>
                                    {slots ? format.number(of(each)?.length ?? 0) : '…'}
                                </Box>
                                <Box sx={{ fontSize: '0.75rem', color: 'text.secondary', whiteSpace: { sm: 'nowrap' }, lineHeight: 1.25 }}>{t(`registrations.which.${each}`)}</Box>
                            </Box>
                        </ToggleButton>
                    ))}
                </ToggleButtonGroup>
                <TextField label={t('registrations.number')} value={number} onChange={(event) => setNumber(event.target.value)} sx={{ width: 180 }} autoComplete="off" slotProps={{ htmlInput: { maxLength: 32, inputMode: 'tel' } }} />
            </Box>
            <News news={news} />
            <Box sx={{ border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', overflow: 'hidden', mb: 1 }}>
                <RecentContext value={recent}>
                    <Table
                        label={t('nav.registrations')}
                        columns={may ? TRACED : COLUMNS}
                        rows={rows}
                        busy={isFetching}
                        onOpen={(slot) => void navigate(`/slots/${slot.id}/show`)}
                        empty={slots?.length === 0 ? <Empty icon={DialpadOutlined} title={t('slots.empty')} hint={t('slots.empty_hint')} /> : <Empty title={which === 'gone' && !number ? t('registrations.none_gone') : t('list.nothing_matches')} />}
                    />
                </RecentContext>
            </Box>
            {found && found.length > ROWS_MAX && <Box sx={{ fontSize: '0.8125rem', color: 'text.secondary' }}>{t('registrations.more', { smart_count: found.length - ROWS_MAX })}</Box>}
        </Page>
    );
}

/** What a phone says that it is, as far as there is room. */
function Program({ name }: { name: string }) {
    return (
        <Box component="bdi" title={name} sx={{ display: 'block', maxWidth: 240, overflow: 'hidden', textOverflow: 'ellipsis' }}>
            {name}
        </Box>
    );
}

/** When a registration lapses, unless the phone refreshes it. */
function Lapses({ at }: { at: number | undefined }) {
    const format = useFormat();
    const now = useNow(at === undefined ? undefined : 5000);
    if (at === undefined) return <Nothing />;
    return (
        <Tooltip title={format.exact(at)}>
            <span>{format.ago(Math.max(at, now), now)}</span>
        </Tooltip>
    );
}

/** What happened to phones since the page was opened: they came, went, or took another's place; the last first. */
function useNews(): PhoneNews[] {
    const { slots } = useBoardSlots();
    const [news, setNews] = useState<PhoneNews[]>([]);
    useTopic('slots', (event: LiveEvent) => {
        const told = ofPhone(event, slots);
        if (told) setNews((old) => [told, ...old].slice(0, NEWS_MAX));
    });
    return news;
}

function News({ news }: { news: PhoneNews[] }) {
    const t = useT();
    const code = useCode();
    const can = useCan();
    if (news.length === 0) return null;
    return (
        <Section title={t('registrations.news')} about={can('slots.trace') ? undefined : t('registrations.no_sources')}>
            <Box component="ol" aria-live="polite" aria-label={t('registrations.news')} sx={{ listStyle: 'none', m: 0, p: 0, maxHeight: 168, overflow: 'auto', fontSize: '0.8125rem' }}>
                {news.map((one) => (
                    <Box component="li" key={one.seq} sx={{ display: 'flex', gap: 1.5, py: 0.25, alignItems: 'baseline', flexWrap: 'wrap' }}>
                        <Moment at={one.at} show="time" />
                        <strong style={{ fontWeight: 600 }}>{one.number}</strong>
                        <span>{code('phone_news', one.kind)}</span>
                        {one.kind === 'rebound' && (
                            <span>
                                <bdi>{one.from}</bdi> → <bdi>{one.to}</bdi>
                            </span>
                        )}
                    </Box>
                ))}
            </Box>
        </Section>
    );
}
