import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import FormHelperText from '@mui/material/FormHelperText';
import Skeleton from '@mui/material/Skeleton';
import { useQuery } from '@tanstack/react-query';
import { useInput } from 'ra-core';
import type { ReactNode } from 'react';
import { useCan } from '@/access/me';
import type { Scenario } from '@/api/listening';
import type { AccessList, Page } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { useTagGroups } from '@/tags/dictionary';
import { Spot, TagChip } from '@/tags/TagChip';
import { useFormRights } from '@/ui/form/rights';
import { Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { givenOf, withGiven, type Gift } from './given';

/** Which calls a listener hears, and which tags they set: two lists of the account, each ticked off where the choices are. */
export function GivenInput({ source }: { source: string }) {
    const t = useT();
    const client = useClient();
    const can = useCan();
    const rights = useFormRights();
    const readOnly = rights.readOnly || rights.masks('lists');
    const { field, fieldState } = useInput({ source });
    const lists = Array.isArray(field.value) ? (field.value as AccessList[]) : [];
    const scenarios = useQuery({
        queryKey: ['scenarios', 'choices'],
        queryFn: () => client.get<Page<Scenario>>('/scenarios', { limit: 200, count: 'none' }),
        enabled: can('scenarios.read'),
    });
    const { groups, error, reload } = useTagGroups();
    const toggle = (gift: Gift, id: string) => {
        const given = givenOf(lists, gift);
        field.onChange(withGiven(lists, gift, given.includes(id) ? given.filter((other) => other !== id) : [...given, id]));
    };
    const given = { scenarios: givenOf(lists, 'scenarios'), groups: givenOf(lists, 'groups') };
    // What was given and is offered no more can be seen, and taken away.
    const known = scenarios.data?.items ?? [];
    const shown = [
        ...known.filter(({ active, code }) => active || given.scenarios.includes(code)).map(({ code, name }) => ({ code, name })),
        ...given.scenarios.filter((code) => !known.some((scenario) => scenario.code === code)).map((code) => ({ code, name: code })),
    ];
    const choice = (gift: Gift, id: string, name: ReactNode) => (
        <FormControlLabel key={id} control={<Checkbox checked={given[gift].includes(id)} disabled={readOnly} onChange={() => toggle(gift, id)} />} label={name} slotProps={{ typography: { variant: 'body2', component: 'div' } }} sx={{ mr: 0, alignItems: gift === 'groups' ? 'flex-start' : 'center' }} />
    );
    return (
        <>
            <Section title={t('listeners.calls')} about={t('listeners.calls_about')}>
                {scenarios.error && <ProblemBox error={scenarios.error} onRetry={() => void scenarios.refetch()} />}
                {scenarios.isLoading && <Skeleton height={60} />}
                <Box role="group" aria-label={t('listeners.calls')} sx={{ display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(240px, 1fr))' }}>
                    {shown.map(({ code, name }) => choice('scenarios', code, <bdi>{name}</bdi>))}
                </Box>
                {given.scenarios.length === 0 && (
                    <Alert severity="warning" role="status" sx={{ mt: 1 }}>
                        {t('listeners.no_calls')}
                    </Alert>
                )}
            </Section>
            <Section title={t('listeners.tags')} about={t('listeners.tags_about')}>
                {error && <ProblemBox error={error} onRetry={() => void reload()} />}
                {!groups && !error && <Skeleton height={60} />}
                <Box role="group" aria-label={t('listeners.tags')} sx={{ display: 'grid', gap: 0.5 }}>
                    {groups
                        ?.filter(({ active, id }) => active || given.groups.includes(id))
                        .map((group) =>
                            choice(
                                'groups',
                                group.id,
                                <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 0.75, alignItems: 'center', pt: '3px' }}>
                                    <Spot colour={group.colour} />
                                    <bdi style={{ fontWeight: 600 }}>{group.name}</bdi>
                                    {group.tags
                                        .filter(({ active }) => active)
                                        .map((tag) => (
                                            <TagChip key={tag.id} colour={tag.colour}>
                                                <bdi>{tag.name}</bdi>
                                            </TagChip>
                                        ))}
                                </Box>,
                            ),
                        )}
                </Box>
                {given.groups.length === 0 && (
                    <Alert severity="warning" role="status" sx={{ mt: 1 }}>
                        {t('listeners.no_tags')}
                    </Alert>
                )}
            </Section>
            {fieldState.error && <FormHelperText error>{fieldState.error.message ?? t('field_faults.invalid_field')}</FormHelperText>}
        </>
    );
}
