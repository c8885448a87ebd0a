import Box from '@mui/material/Box';
import Skeleton from '@mui/material/Skeleton';
import { useGetList } from 'ra-core';
import { useState } from 'react';
import { useWatch } from 'react-hook-form';
import type { Route } from '@/api/plan';
import { useT } from '@/i18n';
import { Fold } from '@/ui/form/Fold';
import { CreatePage, EditPage, Fields } from '@/ui/form/FormPage';
import { between, NumberInput, SwitchInput, TextInput } from '@/ui/form/inputs';
import { RulesInput } from '@/ui/form/RulesInput';
import { Page, Section } from '@/ui/page';
import { ActionFields } from './ActionFields';
import { MatchFields } from './MatchFields';
import { useNames } from './names';
import { Warnings } from './Warnings';
import { actionWords, matchWords } from './words';
import { newRoute, routePlace, routeToWire } from './wire';

/** How far apart routes stand, so that others fit between. */
const STEP = 10;
const POSITION_MAX = 4_294_967_295;

export function RouteCreate() {
    const t = useT();
    const { data, error } = useGetList<Route>('routes', { pagination: { page: 1, perPage: 1 }, sort: { field: 'position', order: 'DESC' }, meta: { count: 'none' } }, { retry: false, onError: () => undefined });
    // Asked for once: a form does not change under the hands of who fills it in.
    const [position, setPosition] = useState<number>();
    if (position === undefined && (data || error)) setPosition(Math.min(POSITION_MAX, (Math.floor((data?.[0]?.position ?? 0) / STEP) + 1) * STEP));
    if (position === undefined) {
        return (
            <Page width={1000}>
                <Skeleton variant="rounded" height={240} />
            </Page>
        );
    }
    return (
        <CreatePage<Route> resource="routes" title={t('routes.create')} about={t('routes.create_about')} defaults={newRoute(position)} transform={routeToWire} place={routePlace} width={1000}>
            <RouteFields isNew />
        </CreatePage>
    );
}

export function RouteEdit() {
    const t = useT();
    return (
        <EditPage<Route> resource="routes" title={(route) => route.name} transform={routeToWire} place={routePlace} deleteText={() => t('routes.delete_text')} width={1000}>
            <RouteFields />
        </EditPage>
    );
}

function RouteFields({ isNew = false }: { isNew?: boolean }) {
    const t = useT();
    return (
        <>
            <InWords />
            <Warnings />
            <Section>
                <Fields>
                    <TextInput source="name" label="columns.name" required maxLength={100} autoFocus={isNew} />
                    <NumberInput source="position" label="columns.position" hint="routes.position_hint" required min={0} max={POSITION_MAX} validate={between(0, POSITION_MAX)} />
                </Fields>
                <SwitchInput source="on" label="routes.on" />
            </Section>
            <Section title={t('routes.match')} about={t('routes.match_about')}>
                <MatchFields />
            </Section>
            <Section title={t('routes.then')}>
                <ActionFields source="then" />
            </Section>
            <RewriteFold />
            <RecordFold />
        </>
    );
}

/** The route in words, while it is made: whoever reads it there sees what was forgotten. */
function InWords() {
    const names = useNames();
    const [match, then] = useWatch({ name: ['match', 'then'] }) as [Route['match'] | undefined, Route['then'] | undefined];
    return (
        <Box component="bdi" sx={{ display: 'block', bgcolor: (theme) => theme.palette.quiet, borderRadius: 1, px: 2, py: 1.25, mb: 2, fontSize: '0.875rem', overflowWrap: 'anywhere' }}>
            {matchWords(match, names)} → {actionWords(then, names) || '…'}
        </Box>
    );
}

function RewriteFold() {
    const t = useT();
    const rules = useWatch({ name: 'rewrite' }) as unknown[] | undefined;
    return (
        <Fold title={t('columns.rewrite')} about={t('routes.rewrite_about')} summary={rules?.length ? t('carriers.rules_count', { smart_count: rules.length }) : t('routes.rewrite_none')} sources={['rewrite']}>
            <RulesInput source="rewrite" none="routes.rewrite_none" of={false} />
        </Fold>
    );
}

function RecordFold() {
    const t = useT();
    const [scenario, source] = useWatch({ name: ['scenario', 'source'] }) as [string | undefined, string | undefined];
    return (
        <Fold title={t('routes.record')} about={t('routes.record_about')} summary={[scenario, source].filter(Boolean).join(' · ') || t('routes.record_none')} sources={['scenario', 'source']}>
            <Fields>
                <TextInput source="scenario" label="columns.scenario" maxLength={100} />
                <TextInput source="source" label="carriers.source" hint="carriers.source_hint" maxLength={100} />
            </Fields>
        </Fold>
    );
}
