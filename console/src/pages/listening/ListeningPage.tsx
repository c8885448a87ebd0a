import HeadphonesOutlined from '@mui/icons-material/HeadphonesOutlined';
import Button from '@mui/material/Button';
import { useQueryClient } from '@tanstack/react-query';
import { useGetOne, useListContext, type GetListResult } from 'ra-core';
import { useEffect, useEffectEvent, useMemo, useRef, useState } from 'react';
import { useSearchParams } from 'react-router';
import { useSettings } from '@/access/settings';
import type { ShownTag } from '@/api/listening';
import { useFormat, useT } from '@/i18n';
import { useTopic } from '@/live/hooks';
import { Problem } from '@/providers/problem';
import type { ListMeta } from '@/providers/rest/dataProvider';
import { useTagGroups, type GroupOfTags } from '@/tags/dictionary';
import { Empty } from '@/ui/empty';
import type { FilterSpec } from '@/ui/list/filters';
import { ListPage } from '@/ui/list/ListPage';
import { countText } from '@/ui/list/Pager';
import { ProblemBox, useTell } from '@/ui/problems';
import { COLUMNS, type Row } from './columns';
import { Dock } from './Dock';
import { neighbour } from './queue';
import { useTaggers } from './useTaggers';

const NONE: GroupOfTags[] = [];

/** The listener's cabinet: the report of calls above, the one that is open docked below. The list stays as it was loaded, so that nobody loses a place. */
export function ListeningPage() {
    const t = useT();
    const [search, setSearch] = useSearchParams();
    const [current, setCurrent] = useState(() => search.get('call') ?? undefined);
    const [news, setNews] = useState<ReadonlySet<string>>(new Set());
    const { groups } = useTagGroups();
    const scenarios = useScenarios();
    // The call that is open stands in the address, also after the list has written its filter there.
    const inAddress = search.get('call') ?? undefined;
    useEffect(() => {
        if (inAddress === current) return;
        setSearch(
            (before) => {
                const next = new URLSearchParams(before);
                if (current === undefined) next.delete('call');
                else next.set('call', current);
                return next;
            },
            { replace: true },
        );
    }, [inAddress, current, setSearch]);
    const filters = useMemo<FilterSpec[]>(
        () => [
            { kind: 'time', name: 'started_at' },
            { kind: 'rows', name: 'scenario', choices: scenarios.known },
            unrated(groups ?? NONE),
            { kind: 'rows', name: 'tags', label: 'listening.tags', choices: (groups ?? NONE).flatMap((group) => group.tags.map(({ id, name }) => ({ id, name }))) },
            { kind: 'choice', name: 'direction', prefix: 'directions', choices: ['inbound', 'outbound', 'internal'] },
            { kind: 'text', name: 'caller', operator: 'prefix' },
        ],
        [groups, scenarios.known],
    );
    return (
        <ListPage<Row>
            resource="calls"
            name="listening"
            title={t('listening.title')}
            columns={COLUMNS}
            filters={filters}
            sort={{ field: 'started_at', order: 'DESC' }}
            onOpen={(call) => setCurrent(call.call_id)}
            current={current}
            snapshot
            news={<News news={news} onSeen={() => setNews(new Set())} />}
            below={<Open current={current} onCurrent={setCurrent} groups={groups} onSeen={scenarios.see} onNews={(id) => setNews((before) => new Set(before).add(id))} />}
            empty={<Empty icon={HeadphonesOutlined} title={t('listening.empty')} hint={t('listening.empty_hint')} />}
        />
    );
}

/** What is not rated: where groups rate, what lacks a tag of one of them; else what has no tag that one sees. */
function unrated(groups: readonly GroupOfTags[]): FilterSpec {
    const rating = groups.filter(({ rates, active }) => rates && active).map(({ id }) => id);
    if (rating.length > 0) return { kind: 'flag', name: 'unrated_in', label: 'listening.unrated', value: rating };
    return { kind: 'flag', name: 'tags', label: 'listening.unrated', value: { is_null: true } };
}

/** The scenarios that calls of the list have had so far: whoever listens need not be able to read the list of them. */
function useScenarios() {
    const [known, setKnown] = useState<{ id: string; name: string }[]>([]);
    const see = (calls: readonly Row[]) => {
        const found = [...new Set(calls.flatMap(({ scenario }) => (scenario ? [scenario] : [])))].filter((code) => !known.some(({ id }) => id === code));
        if (found.length > 0) setKnown([...known, ...found.map((code) => ({ id: code, name: code }))].toSorted((a, b) => a.name.localeCompare(b.name)));
    };
    return { known, see };
}

/** How many calls have come since the list was loaded, and a way to see them. */
function News({ news, onSeen }: { news: ReadonlySet<string>; onSeen: () => void }) {
    const t = useT();
    const { refetch, data } = useListContext<Row>();
    const unseen = [...news].filter((id) => !data?.some((call) => call.call_id === id)).length;
    if (unseen === 0) return null;
    return (
        <Button
            onClick={() => {
                onSeen();
                void refetch();
            }}
        >
            {t('listening.news', { smart_count: unseen })}
        </Button>
    );
}

interface OpenProps {
    current: string | undefined;
    onCurrent: (call: string | undefined) => void;
    groups: GroupOfTags[] | undefined;
    onSeen: (calls: readonly Row[]) => void;
    onNews: (call: string) => void;
}

/** The call that is open, and the ways from it through the list. */
function Open({ current, onCurrent, groups, onSeen, onNews }: OpenProps) {
    const t = useT();
    const tell = useTell();
    const format = useFormat();
    const queries = useQueryClient();
    const [{ player }] = useSettings();
    const { data, page, perPage, setPage, hasNextPage, hasPreviousPage, meta, isFetching } = useListContext<Row>();
    const { reload } = useTagGroups();
    /** Whether one came to the call that is open by going on, so that it plays at once. */
    const [goes, setGoes] = useState(false);
    /** On which end of the page that is being fetched to go on. */
    const [turning, setTurning] = useState<1 | -1>();
    const here = data?.findIndex((call) => call.call_id === current) ?? -1;
    /** Its place while it is not in the list. */
    const at = useRef(0);
    useEffect(() => {
        if (here !== -1) at.current = here;
    }, [here]);
    // While rights change, nothing is known of them for a moment; the palette of the open call does not go for that.
    const known = useKept(groups);
    const tagOf = (id: string) => known?.flatMap((group) => group.tags.map((tag) => ({ tag, group }))).find(({ tag }) => tag.id === id);
    const withTag = (tags: readonly ShownTag[], id: string, on: boolean): ShownTag[] => {
        const others = tags.filter((tag) => tag.id !== id);
        const found = tagOf(id);
        return on ? [...others, found ? { id, group_id: found.group.id, name: found.tag.name, colour: found.tag.colour } : { id }] : others;
    };
    /** What a call has now stands in its row, too; the row itself stays where it is. */
    const patchTags = (id: string, tagsOf: (tags: readonly ShownTag[]) => ShownTag[]) =>
        queries.setQueriesData<GetListResult<Row>>({ queryKey: ['calls', 'getList'] }, (list) =>
            list?.data.some((call) => call.call_id === id && 'tags' in call) ? { ...list, data: list.data.map((call) => (call.call_id === id ? { ...call, tags: tagsOf(call.tags ?? []) } : call)) } : list,
        );
    const taggers = useTaggers({
        known: (id) => {
            const found = tagOf(id);
            return found && { group: found.group.id, exclusive: found.group.exclusive, name: found.tag.name };
        },
        onTags: (call, tags) => patchTags(call, () => tags.map(({ tag_id, group_id, name, colour }) => ({ id: tag_id, group_id, ...(name && { name }), ...(colour && { colour }) }))),
        onGone: () => void reload(),
    });

    const seen = useEffectEvent(onSeen);
    useEffect(() => {
        if (data) seen(data);
    }, [data]);
    useTopic('calls', (event) => {
        if (event.type === 'call.tagged') {
            const { tag_id, action } = (event.data ?? {}) as { tag_id?: string; action?: string };
            if (tag_id === undefined) return;
            if (event.id === current) taggers.of(current).hear(tag_id, action === 'set');
            else patchTags(event.id, (tags) => withTag(tags, tag_id, action === 'set'));
        }
        // What is over can be heard; what is there already is no news.
        const isOver = event.type === 'call.update' && (event.data as { status?: string } | null)?.status === 'ended';
        if (isOver && data && !data.some((call) => call.call_id === event.id)) onNews(event.id);
    });
    const go = (id: string) => {
        setGoes(true);
        onCurrent(id);
        rowOf(id)?.scrollIntoView({ block: 'nearest' });
    };
    const step = (by: 1 | -1) => {
        const next = neighbour(data?.map((call) => call.call_id) ?? [], current, at.current, by);
        if (next !== undefined) return go(next);
        if (by === 1 ? hasNextPage : hasPreviousPage) {
            setTurning(by);
            setPage(page + by);
            return undefined;
        }
        return tell(by === 1 ? t('listening.last') : t('listening.first'));
    };
    const arrive = useEffectEvent(() => {
        const end = turning === 1 ? data?.[0] : data?.at(-1);
        setTurning(undefined);
        if (end) go(end.call_id);
    });
    const isThere = turning !== undefined && !isFetching && data !== undefined && (meta as ListMeta | undefined)?.page === page;
    useEffect(() => {
        if (isThere) arrive();
    }, [isThere]);

    const inList = data?.find((call) => call.call_id === current);
    const { data: alone, error } = useGetOne<Row>('calls', { id: current ?? '' }, { enabled: current !== undefined && !inList, retry: false, onError: () => undefined });
    /** The call as it was last seen: it does not vanish from under somebody's hands. */
    const last = useKept(inList ?? (alone?.call_id === current ? alone : undefined));
    const call = last?.call_id === current ? last : undefined;
    const close = () => {
        onCurrent(undefined);
        setGoes(false);
        if (current !== undefined) (rowOf(current) ?? document.querySelector<HTMLElement>('#main tr[data-row]'))?.focus();
    };
    if (current === undefined) return null;
    if (error && !call) return <ProblemBox error={error} text={error instanceof Problem && error.status === 404 ? t('listening.withdrawn') : undefined} />;
    if (!call || !known) return null;
    const count = countText((meta as ListMeta | undefined)?.count, format, t);
    return (
        <Dock
            key={call.call_id}
            call={call}
            place={here === -1 ? t('listening.not_listed') : t('listening.place', { at: format.number((page - 1) * perPage + here + 1), count })}
            groups={known}
            taggers={taggers}
            autoplay={goes && player?.autoplay !== false}
            takesFocus
            onStep={step}
            onClose={close}
            onList={() => rowOf(call.call_id)?.focus()}
            onWithdrawn={() => {
                // What is no longer theirs is kept nowhere.
                queries.removeQueries({ queryKey: ['calls', 'getOne', { id: call.call_id }], exact: false });
                queries.setQueriesData<GetListResult<Row>>({ queryKey: ['calls', 'getList'] }, (list) => list && { ...list, data: list.data.filter((each) => each.call_id !== call.call_id) });
            }}
        />
    );
}

/** What was there last: while it is asked for anew it does not go from under somebody's hands. */
function useKept<T>(now: T | undefined): T | undefined {
    const [kept, keep] = useState(now);
    if (now !== undefined && now !== kept) keep(now);
    return now ?? kept;
}

function rowOf(id: string): HTMLElement | null {
    return document.querySelector<HTMLElement>(`tr[data-row="${CSS.escape(id)}"]`);
}
