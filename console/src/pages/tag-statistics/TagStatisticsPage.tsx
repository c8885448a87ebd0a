import FileDownloadOutlined from '@mui/icons-material/FileDownloadOutlined';
import InsightsOutlined from '@mui/icons-material/InsightsOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import TextField from '@mui/material/TextField';
import ToggleButton from '@mui/material/ToggleButton';
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { useLocaleState } from 'ra-core';
import { useState, type ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { scopesOf, useCan, useMyPermissions } from '@/access/me';
import type { ListeningStatistics, TagStatistics } from '@/api/listening';
import { useFormat, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { useTagGroups } from '@/tags/dictionary';
import { Empty } from '@/ui/empty';
import { Page, PageHead, Section } from '@/ui/page';
import { ProblemBox, useTellProblem } from '@/ui/problems';
import { saveFile } from '@/ui/secret';
import { useNow } from '@/ui/values';
import { isPeriod, presetOf, PRESETS } from './period';
import { StatisticsTable } from './StatisticsTable';
import { columnsOf, rowsOf, rowsOfTags, type By } from './table';

/** What listeners have heard and said of calls, day by day. Whoever has a right to their own sees their own, and nobody's name. */
export function TagStatisticsPage() {
    const t = useT();
    const client = useClient();
    const { tz } = useFormat();
    const now = useNow(60_000);
    const { groups } = useTagGroups();
    const mine = useMyPermissions();
    const isOwn = scopesOf(mine, 'tag_statistics.read').every((scope) => scope === 'own');
    const [search, setSearch] = useSearchParams();
    const asked = { from: search.get('from') ?? undefined, to: search.get('to') ?? undefined };
    const period = isPeriod(asked) ? { from: asked.from ?? '', to: asked.to ?? '' } : presetOf('last_7_days', now, tz);
    const choices: By[] = isOwn ? ['day', 'tag'] : ['user', 'day', 'tag'];
    const by = choices.find((each) => each === search.get('by')) ?? choices[0] ?? 'day';
    const change = (next: Partial<Record<'from' | 'to' | 'by', string>>) => setSearch({ ...period, by, ...next }, { replace: true });

    const tags = useQuery({
        queryKey: ['tag-statistics', 'tags', period, by],
        queryFn: ({ signal }) => client.get<TagStatistics>('/statistics/tags', { ...period, by: by === 'tag' ? 'tag' : `${by},tag` }, signal),
    });
    const heard = useQuery({
        queryKey: ['tag-statistics', 'heard', period, by],
        queryFn: ({ signal }) => client.get<ListeningStatistics>('/statistics/listening', { ...period, by: by === 'user' ? 'user' : 'day' }, signal),
    });
    const error = tags.error ?? heard.error;
    const retry = () => {
        void tags.refetch();
        void heard.refetch();
    };
    const order = groups?.flatMap((group) => group.tags.map(({ id }) => id)) ?? [];
    const columns = columnsOf(tags.data?.rows ?? [], order);
    const title = isOwn ? t('statistics.mine') : t('statistics.title');
    const isEmpty = tags.data?.rows.length === 0 && heard.data?.totals.opened === 0;
    return (
        <Page width="full">
            <PageHead title={t('nav.tag_statistics')} about={t('statistics.about')} actions={<Download period={period} by={by} />} />
            <Box role="search" aria-label={t('list.filters')} sx={{ display: 'flex', flexWrap: 'wrap', gap: 1.5, alignItems: 'center', mb: 2 }}>
                <Box sx={{ display: 'flex', flexWrap: 'wrap' }}>
                    {PRESETS.map((name) => {
                        const preset = presetOf(name, now, tz);
                        const isChosen = preset.from === period.from && preset.to === period.to;
                        return (
                            <Button key={name} color={isChosen ? 'primary' : 'inherit'} aria-pressed={isChosen} onClick={() => change(preset)} sx={{ px: 1 }}>
                                {t(`filter.${name}`)}
                            </Button>
                        );
                    })}
                </Box>
                <Day label={t('statistics.from')} value={period.from} onChange={(from) => change({ from, ...(from > period.to && { to: from }) })} />
                <Day label={t('statistics.to')} value={period.to} onChange={(to) => change({ to, ...(to < period.from && { from: to }) })} />
                <ToggleButtonGroup exclusive size="small" color="primary" value={by} onChange={(_, next: By | null) => next && change({ by: next })} aria-label={t('statistics.by')} sx={{ ml: 'auto' }}>
                    {choices.map((each) => (
                        <ToggleButton key={each} value={each} sx={{ py: 0.5 }}>
                            {t(`statistics.to_${each}`)}
                        </ToggleButton>
                    ))}
                </ToggleButtonGroup>
            </Box>
            {error && <ProblemBox error={error} onRetry={retry} />}
            {!error && (!tags.data || !heard.data) && <Skeleton variant="rounded" height={300} />}
            {tags.data && heard.data && isEmpty && (
                <Empty
                    icon={InsightsOutlined}
                    title={t('statistics.empty')}
                    action={
                        <Button variant="outlined" onClick={() => change(presetOf('last_30_days', now, tz))}>
                            {t('statistics.wider')}
                        </Button>
                    }
                />
            )}
            {tags.data && heard.data && !isEmpty && (
                <>
                    <Sums heard={heard.data.totals} tags={tags.data.totals} />
                    <Section flush>
                        <StatisticsTable
                            label={title}
                            by={by}
                            rows={by === 'tag' ? rowsOfTags(tags.data.rows, columns) : rowsOf(by, tags.data.rows, heard.data.rows)}
                            columns={columns}
                            totals={{ completed: heard.data.totals.completed, heardMs: heard.data.totals.heard_ms, ...tags.data.totals }}
                        />
                    </Section>
                </>
            )}
        </Page>
    );
}

/** The sums of the time, to be read from afar. */
function Sums({ heard, tags }: { heard: ListeningStatistics['totals']; tags: TagStatistics['totals'] }) {
    const t = useT();
    const format = useFormat();
    const sums: [string, ReactNode][] = [
        [t('statistics.completed'), format.number(heard.completed)],
        [t('statistics.heard'), format.duration(heard.heard_ms)],
        [t('statistics.set'), format.number(tags.set)],
        [t('statistics.unset'), format.number(tags.unset)],
    ];
    return (
        <Box component="dl" sx={{ display: 'grid', gridTemplateColumns: 'repeat(auto-fit, minmax(170px, 1fr))', gap: 1.5, m: 0, mb: 2 }}>
            {sums.map(([name, value]) => (
                <Box key={name} sx={{ display: 'flex', flexDirection: 'column-reverse', border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', px: 2, py: 1 }}>
                    <Typography variant="caption" component="dt" sx={{ color: 'text.secondary' }}>
                        {name}
                    </Typography>
                    <Typography variant="h1" component="dd" sx={{ m: 0, fontVariantNumeric: 'tabular-nums' }}>
                        {value}
                    </Typography>
                </Box>
            ))}
        </Box>
    );
}

function Day({ label, value, onChange }: { label: string; value: string; onChange: (day: string) => void }) {
    return <TextField type="date" label={label} value={value} onChange={(event) => /^\d{4}-\d\d-\d\d$/.test(event.target.value) && onChange(event.target.value)} slotProps={{ inputLabel: { shrink: true } }} sx={{ width: 160 }} />;
}

/** The file for a spreadsheet, of what is shown. */
function Download({ period, by }: { period: { from: string; to: string }; by: By }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const tellProblem = useTellProblem();
    const [locale] = useLocaleState();
    const [busy, setBusy] = useState(false);
    if (!can('tag_statistics.export')) return null;
    const save = async () => {
        setBusy(true);
        try {
            const file = await client.blob('/statistics/tags', { ...period, by: by === 'tag' ? 'tag' : `${by},tag`, format: 'xlsx', locale });
            saveFile(`tags-${period.from}-${period.to}.xlsx`, file);
        } catch (problem) {
            tellProblem(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Button color="inherit" startIcon={<FileDownloadOutlined />} loading={busy} onClick={() => void save()}>
            {t('statistics.xlsx')}
        </Button>
    );
}
