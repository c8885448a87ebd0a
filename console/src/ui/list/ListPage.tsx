import FilterAltOffOutlined from '@mui/icons-material/FilterAltOffOutlined';
import Refresh from '@mui/icons-material/Refresh';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import { ListContextProvider, ResourceContextProvider, useListContext, useListController, type Identifier, type RaRecord, type SortPayload } from 'ra-core';
import { useEffect, useEffectEvent, type ReactNode } from 'react';
import { useCan, useMyPermissions } from '@/access/me';
import { useSettings } from '@/access/settings';
import { useT } from '@/i18n';
import { useLiveList } from '@/live/hooks';
import { cleanFilter, type ListMeta } from '@/providers/rest/dataProvider';
import { onWire, type ResourceName } from '@/providers/resources';
import { Empty } from '../empty';
import { PageHead } from '../page';
import { ProblemBox } from '../problems';
import { ColumnMenu } from './ColumnMenu';
import { useColumns, type ColumnSpec } from './columns';
import { ExportButton } from './ExportButton';
import { FilterBar } from './FilterBar';
import type { FilterSpec } from './filters';
import { Pager } from './Pager';
import { Table } from './Table';

export interface ListPageProps<T extends RaRecord> {
    resource: ResourceName;
    title: string;
    about?: ReactNode;
    columns: ColumnSpec<T>[];
    filters?: FilterSpec[];
    sort?: SortPayload;
    /** Buttons of the page's head, before the ones that every list has. */
    actions?: ReactNode;
    onOpen?: (row: T) => void;
    rowActions?: (row: T) => ReactNode;
    /** What is shown if there is nothing at all; what to do next belongs here. */
    empty?: ReactNode;
    /** Whether rows can be picked; what can be done with them. */
    bulk?: ReactNode;
    /** What must be true of every row, whatever is filtered by. */
    filter?: Record<string, unknown>;
    /** Which topic of events changes its rows. */
    topic?: string;
    /** Whether it stands within another page: no title of the window, no address of its own. */
    embedded?: boolean;
    /** Under which name choices of columns are kept. */
    name?: string;
    noExport?: boolean;
    /** The row that is looked at elsewhere on the page. */
    current?: Identifier;
    /** Whether it stays as it was loaded until somebody asks for it anew. */
    snapshot?: boolean;
    /** What stands beside the pages' numbers. */
    news?: ReactNode;
    /** What stands below the list; it knows the list by its context. */
    below?: ReactNode;
}

/** Loaded when one comes, and by a refresh; not by a glance at another window. */
const SNAPSHOT = { staleTime: Infinity, refetchOnMount: 'always', refetchOnWindowFocus: false, refetchOnReconnect: false } as const;

/** A list of a resource: its filters, its table, its pages. */
export function ListPage<T extends RaRecord>(props: ListPageProps<T>) {
    const { resource, sort, filter, embedded, snapshot } = props;
    const [settings] = useSettings();
    const controller = useListController<T>({
        resource,
        sort: sort ?? { field: '', order: 'ASC' },
        perPage: settings.perPage?.[props.name ?? resource] ?? 50,
        filter,
        exporter: false,
        disableSyncWithLocation: embedded,
        storeKey: embedded ? false : undefined,
        // Failures are shown in the table's place.
        queryOptions: { ...(snapshot && SNAPSHOT), onError: () => undefined, retry: (count: number, error: unknown) => count < 1 && (error as { passes?: boolean }).passes === true },
    });
    return (
        <ResourceContextProvider value={resource}>
            <ListContextProvider value={controller}>
                <ListBody {...props} />
            </ListContextProvider>
        </ResourceContextProvider>
    );
}

function ListBody<T extends RaRecord>({ resource, title, about, columns: specs, filters = [], actions, onOpen, rowActions, empty, bulk, topic, embedded, name, noExport, current, news, below }: ListPageProps<T>) {
    const t = useT();
    const can = useCan();
    const [settings, change] = useSettings();
    const list = useListContext<T>();
    const { data, error, refetch, isFetching, sort, setSort, selectedIds, onSelect, filterValues, page, setPage, setPerPage } = list;
    const meta = list.meta as ListMeta | undefined;
    const listName = name ?? resource;
    const { columns, choose, isChosen } = useColumns(listName, specs, meta?.columns);
    const wire = onWire(resource);
    const mine = useMyPermissions()?.resources[wire.wire];
    const isSearchable = wire.searchable && mine?.searchable !== false && !embedded;
    const isNarrowed = Object.keys(cleanFilter(filterValues as Record<string, unknown>)).length > 0;
    useLiveList(resource, topic);

    // What is picked holds for what is seen: not for another filter, and not after one has been elsewhere.
    const shape = JSON.stringify(filterValues);
    const unselect = useEffectEvent(() => list.onUnselectItems());
    useEffect(() => unselect(), [shape]);

    // After the page was loaded anew its cursors are gone, and a page far out cannot be found again.
    useEffect(() => {
        if (meta && meta.page !== page && !isFetching) setPage(meta.page);
    }, [meta, page, isFetching, setPage]);

    const tools = (
        <>
            {actions}
            {!noExport && wire.unexported !== 'all' && can(`${wire.right}.export`) && <ExportButton shown={columns.filter((column) => column.shown).map((column) => column.name)} />}
            <ColumnMenu columns={columns as never} onChoose={choose} isChosen={isChosen} />
            <Tooltip title={t('list.refresh')}>
                <IconButton aria-label={t('list.refresh')} onClick={() => void refetch()}>
                    <Refresh fontSize="small" />
                </IconButton>
            </Tooltip>
        </>
    );

    return (
        <Box sx={{ display: 'flex', flexDirection: 'column', height: embedded ? undefined : '100%', p: embedded ? 0 : { xs: 1.5, md: 2.5 }, pb: embedded ? 0 : { xs: 1, md: 1.5 } }}>
            {!embedded && <PageHead title={title} about={about} actions={tools} />}
            <FilterBar filters={filters} searchable={isSearchable} rights={meta?.columns} tools={embedded && tools} />
            <Box
                sx={{ flex: 1, minHeight: embedded ? 0 : 220, display: 'flex', flexDirection: 'column', border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', overflow: 'hidden' }}
            >
                {bulk && selectedIds.length > 0 && bulk}
                {error && !data ? (
                    <Box sx={{ flex: 1, px: 1 }}>
                        <ProblemBox error={error} onRetry={() => void refetch()} />
                    </Box>
                ) : (
                    <>
                        {error && (
                            <Box sx={{ px: 1 }}>
                                <ProblemBox error={error} onRetry={() => void refetch()} />
                            </Box>
                        )}
                        <Table
                            label={title}
                            columns={columns}
                            rows={data}
                            busy={isFetching}
                            sort={sort}
                            onSort={(field) => setSort({ field, order: sort.field === field && sort.order === 'ASC' ? 'DESC' : 'ASC' })}
                            onOpen={onOpen}
                            selected={bulk ? selectedIds : undefined}
                            onSelect={bulk ? onSelect : undefined}
                            rowActions={rowActions}
                            current={current}
                            empty={
                                isNarrowed ? (
                                    <Empty
                                        icon={FilterAltOffOutlined}
                                        title={t('list.nothing_matches')}
                                        hint={t('list.nothing_matches_hint')}
                                        action={
                                            <Button variant="outlined" onClick={() => list.setFilters({})}>
                                                {t('list.clear_filters')}
                                            </Button>
                                        }
                                    />
                                ) : (
                                    (empty ?? <Empty title={t('list.nothing')} />)
                                )
                            }
                        />
                    </>
                )}
                <Pager
                    news={news}
                    onPerPage={(perPage) => {
                        setPerPage(perPage);
                        change({ perPage: { ...settings.perPage, [listName]: perPage } });
                    }}
                />
            </Box>
            {below}
        </Box>
    );
}
