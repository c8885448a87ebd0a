import Add from '@mui/icons-material/Add';
import AltRouteOutlined from '@mui/icons-material/AltRouteOutlined';
import TroubleshootOutlined from '@mui/icons-material/TroubleshootOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Switch from '@mui/material/Switch';
import useMediaQuery from '@mui/material/useMediaQuery';
import type { Theme } from '@mui/material/styles';
import { useQueryClient } from '@tanstack/react-query';
import { useDataProvider } from 'ra-core';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useCanDo, useMyPermissions } from '@/access/me';
import type { Route } from '@/api/plan';
import { useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import { useTell, useTellProblem } from '@/ui/problems';
import { Count } from '@/ui/values';
import { useNames } from './names';
import { actionWords, matchWords } from './words';

const COLUMNS: ColumnSpec<Route>[] = [
    { name: 'position', render: (route) => <Count value={route.position} />, align: 'right', width: 90, sort: true, figures: true },
    { name: 'on', label: 'routes.use', render: (route) => <OnSwitch route={route} />, width: 70 },
    { name: 'name', render: (route) => <bdi style={{ fontWeight: 600 }}>{route.name}</bdi>, width: 220, wrap: true },
    { name: 'match', label: 'routes.summary', render: (route) => <Summary route={route} />, wrap: true },
    { name: 'then', label: 'routes.then', render: (route) => <Then route={route} />, extra: true, wrap: true },
    { name: 'scenario', extra: true },
    { name: 'source', label: 'carriers.source', extra: true },
    { name: 'id', extra: true, sort: true },
];

/** Where there is no room for columns, the line of words stands under the name. */
const NARROW: ColumnSpec<Route>[] = [
    { name: 'on', label: 'routes.use', render: (route) => <OnSwitch route={route} />, width: 60 },
    {
        name: 'name',
        render: (route) => (
            <>
                <bdi style={{ fontWeight: 600 }}>
                    {route.position}. {route.name}
                </bdi>
                <div>
                    <Summary route={route} />
                </div>
            </>
        ),
        wrap: true,
    },
];

/** Where calls go, in the order in which routes are looked at. */
export function RouteList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('routes');
    const isNarrow = useMediaQuery((theme: Theme) => theme.breakpoints.down('md'));
    const create = may('create') && (
        <Button component={Link} to="/routes/create" variant="contained" startIcon={<Add />}>
            {t('routes.create')}
        </Button>
    );
    return (
        <ListPage<Route>
            resource="routes"
            title={t('nav.routes')}
            about={t('routes.about')}
            columns={isNarrow ? NARROW : COLUMNS}
            name={isNarrow ? 'routes-narrow' : undefined}
            filters={[{ kind: 'yes', name: 'on', label: 'routes.use' }]}
            sort={{ field: 'position', order: 'ASC' }}
            actions={
                <>
                    <Button component={Link} to="/routes/explain" variant="outlined" startIcon={<TroubleshootOutlined />}>
                        {t('nav.explain')}
                    </Button>
                    {create}
                </>
            }
            onOpen={(route) => void navigate(`/routes/${route.id}`)}
            empty={<Empty icon={AltRouteOutlined} title={t('routes.empty')} hint={t('routes.empty_hint')} action={create} />}
        />
    );
}

/** The whole route in a line. */
function Summary({ route }: { route: Route }) {
    const names = useNames();
    const then = actionWords(route.then, names);
    return (
        <Box component="bdi" sx={{ color: route.on === false ? 'text.secondary' : undefined }}>
            {matchWords(route.match, names)}
            {then && (
                <>
                    {' '}
                    <Box component="span" sx={{ color: 'text.secondary' }}>
                        →
                    </Box>{' '}
                    {then}
                </>
            )}
        </Box>
    );
}

function Then({ route }: { route: Route }) {
    return <bdi>{actionWords(route.then, useNames())}</bdi>;
}

/** Switches a route on and off. A route is changed as a whole, so it takes whoever sees the whole of it. */
function OnSwitch({ route }: { route: Route }) {
    const t = useT();
    const may = useCanDo('routes');
    const columns = useMyPermissions()?.resources.routes?.columns;
    const dataProvider = useDataProvider();
    const queries = useQueryClient();
    const tell = useTell();
    const tellProblem = useTellProblem();
    const [busy, setBusy] = useState(false);
    const isWhole = ['name', 'match', 'then', 'rewrite', 'scenario', 'source', 'position', 'version'].every((name) => !columns?.length || columns.some((column) => column.name === name && column.mode === 'show'));
    const turn = async (on: boolean) => {
        setBusy(true);
        try {
            await dataProvider.update('routes', { id: route.id, data: { ...route, on }, previousData: route });
            tell(t(on ? 'routes.turned_on' : 'routes.turned_off', { name: route.name }));
        } catch (problem) {
            tellProblem(problem);
        } finally {
            await queries.invalidateQueries({ queryKey: ['routes'] });
            setBusy(false);
        }
    };
    return <Switch checked={route.on} disabled={busy || !may('update') || !isWhole} onChange={(_, on) => void turn(on)} slotProps={{ input: { 'aria-label': t('routes.use_one', { name: route.name }) } }} />;
}
