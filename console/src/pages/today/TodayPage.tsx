import Add from '@mui/icons-material/Add';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import MuiLink from '@mui/material/Link';
import Skeleton from '@mui/material/Skeleton';
import Typography from '@mui/material/Typography';
import type { ReactNode } from 'react';
import { Link, useNavigate } from 'react-router';
import { useMe, useMyPermissions } from '@/access/me';
import { LEAD_STATUSES, LEAD_WAY } from '@/api/crm';
import { dayStart, useCode, useFormat, useT } from '@/i18n';
import { useLiveList } from '@/live/hooks';
import { Beside } from '@/ui/crm/Beside';
import { LeadRows } from '@/ui/crm/LeadRows';
import { OPEN, useMyLeads, useMyStandings } from '@/ui/crm/mine';
import { useKeys } from '@/ui/keys/useKeys';
import { Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { LEAD_TONES } from '@/ui/tones';
import { useNow } from '@/ui/values';

/** How exact "now" is, in milliseconds: what is due is asked for anew each minute. */
const MINUTE = 60_000;

/** A seller's day: what is overdue, what is due today, what came to them, and how their leads stand. */
export function TodayPage() {
    const t = useT();
    const format = useFormat();
    const navigate = useNavigate();
    useLiveList('leads', 'leads');
    useKeys(t('today.title'), [{ on: 'KeyA', what: t('leads.create'), do: () => void navigate('/leads/create') }]);
    const now = Math.floor(useNow(MINUTE) / MINUTE) * MINUTE;
    return (
        <Page width={1280}>
            <PageHead
                title={t('today.title')}
                about={format.date(now)}
                actions={
                    <Button component={Link} to="/leads/create" variant="contained" startIcon={<Add />}>
                        {t('leads.create')}
                    </Button>
                }
            />
            <Beside side={<Standings />}>
                <Promised now={now} />
                <Handed />
            </Beside>
        </Page>
    );
}

/** What was promised: for before now, and for the rest of the day. */
function Promised({ now }: { now: number }) {
    const t = useT();
    const { tz } = useFormat();
    const end = dayStart(tz, 1, now);
    const overdue = useMyLeads('assigned_seller', { next_action_at: { lt: now } });
    const today = useMyLeads('assigned_seller', { next_action_at: { gte: now, lt: end } });
    return (
        <>
            {(overdue.error || overdue.count !== 0) && (
                <Due title={t('today.overdue')} of={overdue} more={{ next_action_at: { lt: now } }} tone="error.main">
                    {null}
                </Due>
            )}
            <Due title={t('today.today')} of={today} more={{ next_action_at: { gte: now, lt: end } }}>
                <NothingPromised />
            </Due>
        </>
    );
}

/** What came from others and waits for the first word. */
function Handed() {
    const t = useT();
    const me = useMe();
    // A server that keeps when leads were handed over says so; by an older one it is what others have made.
    const isKept = useMyPermissions()?.resources.leads?.columns.some(({ name, filter }) => name === 'handed_over_at' && filter);
    const filter = { status: ['new', 'assigned'], ...(isKept ? { handed_over_at: { is_null: false } } : { created_by: { ne: me?.id ?? '' } }) };
    const handed = useMyLeads('assigned_seller', filter, 'updated_at');
    return (
        <Due title={t('today.handed')} of={handed} more={filter}>
            <Typography variant="body2" sx={{ color: 'text.secondary', px: 2, pb: 1 }}>
                {t('today.handed_none')}
            </Typography>
        </Due>
    );
}

function Due({ title, of, more, tone, children }: { title: string; of: ReturnType<typeof useMyLeads>; /** The filter of the list that has them all. */ more: object; tone?: string; /** If there are none. */ children: ReactNode }) {
    const t = useT();
    const format = useFormat();
    const { leads, count = 0, error, refetch } = of;
    return (
        <Section
            flush
            title={
                <>
                    {title}{' '}
                    {leads && (
                        <Box component="span" sx={{ color: tone ?? 'text.secondary' }}>
                            {format.number(count)}
                        </Box>
                    )}
                </>
            }
            actions={
                leads &&
                count > leads.length && (
                    <MuiLink component={Link} to={`/leads?filter=${encodeURIComponent(JSON.stringify(more))}`} variant="body2">
                        {t('today.all')}
                    </MuiLink>
                )
            }
        >
            {error && !leads ? (
                <Box sx={{ px: 2 }}>
                    <ProblemBox error={error} onRetry={() => void refetch()} />
                </Box>
            ) : !leads ? (
                <Box sx={{ px: 2, pb: 1 }}>
                    {[0, 1, 2].map((index) => (
                        <Skeleton key={index} height={30} />
                    ))}
                </Box>
            ) : leads.length > 0 ? (
                <LeadRows leads={leads} label={title} />
            ) : (
                children
            )}
        </Section>
    );
}

/** Nothing is promised for today: what could be done is shown, if there is any. */
function NothingPromised() {
    const t = useT();
    const filter = { status: OPEN, next_action_at: { is_null: true } };
    const { count } = useMyLeads('assigned_seller', filter, 'updated_at');
    return (
        <Typography variant="body2" component="div" sx={{ color: 'text.secondary', px: 2, pb: 1 }}>
            {t('today.nothing')}{' '}
            {Boolean(count) && (
                <MuiLink component={Link} to={`/leads?filter=${encodeURIComponent(JSON.stringify(filter))}`}>
                    {t('today.without', { smart_count: count ?? 0 })}
                </MuiLink>
            )}
        </Typography>
    );
}

/** How one's leads stand, each a way to those. The words and figures say it all; bars only help the eye. */
function Standings() {
    const t = useT();
    const code = useCode();
    const format = useFormat();
    const { data, error, refetch } = useMyStandings(LEAD_STATUSES);
    const most = Math.max(1, ...Object.values(data ?? {}));
    const over = (data?.converted ?? 0) + (data?.lost ?? 0);
    return (
        <Section title={t('today.mine')}>
            {error && !data ? (
                <ProblemBox error={error} onRetry={() => void refetch()} />
            ) : (
                <Box component="dl" sx={{ m: 0, display: 'grid', gridTemplateColumns: 'minmax(110px, max-content) 1fr max-content', columnGap: 1.5, rowGap: 0.5, alignItems: 'center', fontSize: '0.8125rem' }}>
                    {[...LEAD_WAY, 'lost' as const, 'dnc' as const].map((status) => (
                        <Box key={status} sx={{ display: 'contents' }}>
                            <Box component="dt">
                                <MuiLink component={Link} to={`/leads?filter=${encodeURIComponent(JSON.stringify({ status }))}`} color="inherit">
                                    {code('lead_statuses', status)}
                                </MuiLink>
                            </Box>
                            <Box component="dd" aria-hidden sx={{ m: 0 }}>
                                <Box sx={(theme) => ({ height: 8, borderRadius: 1, width: `${((data?.[status] ?? 0) / most) * 100}%`, bgcolor: theme.palette.tones[LEAD_TONES[status]] })} />
                            </Box>
                            <Box component="dd" sx={{ m: 0, textAlign: 'right', fontVariantNumeric: 'tabular-nums' }}>
                                {data ? format.number(data[status] ?? 0) : <Skeleton width={20} />}
                            </Box>
                        </Box>
                    ))}
                </Box>
            )}
            {over > 0 && (
                <Typography variant="body2" sx={{ color: 'text.secondary', mt: 1.5 }}>
                    {t('today.conversion', { share: format.percent((data?.converted ?? 0) / over), count: format.number(over) })}
                </Typography>
            )}
        </Section>
    );
}
