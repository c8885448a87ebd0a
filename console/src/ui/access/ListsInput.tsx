import Add from '@mui/icons-material/Add';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Autocomplete from '@mui/material/Autocomplete';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import FormHelperText from '@mui/material/FormHelperText';
import IconButton from '@mui/material/IconButton';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useQuery } from '@tanstack/react-query';
import { useInput } from 'ra-core';
import { useCan } from '@/access/me';
import { useCatalogue } from '@/access/catalogue';
import type { Scenario, TagGroup } from '@/api/listening';
import type { AccessList, Page, Role, Slot } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { useFormRights } from '../form/rights';

/** Lists of ids that narrow rights: of which resource, by what, which ones. */
export function ListsInput({ source }: { source: string }) {
    const t = useT();
    const code = useCode();
    const catalogue = useCatalogue();
    const rights = useFormRights();
    const readOnly = rights.readOnly || rights.masks('lists');
    const { field, fieldState } = useInput({ source });
    const lists = Array.isArray(field.value) ? (field.value as AccessList[]) : [];
    const resources = catalogue?.resources.filter(({ list_kinds }) => list_kinds.length > 0) ?? [];
    const change = (at: number, part: Partial<AccessList>) => field.onChange(lists.map((list, index) => (index === at ? { ...list, ...part } : list)));
    const first = resources[0];
    return (
        <Box>
            {lists.map((list, index) => {
                const kinds = resources.find(({ name }) => name === list.resource)?.list_kinds ?? [];
                return (
                    // Lists have no name of their own, and are only ever added behind the last.
                    <Box key={index} sx={{ display: 'flex', gap: 1, mb: 1, alignItems: 'flex-start' }}>
                        <TextField
                            select
                            disabled={readOnly}
                            label={t('access.resource')}
                            value={list.resource}
                            onChange={(event) => {
                                const next = resources.find(({ name }) => name === event.target.value);
                                change(index, { resource: event.target.value, kind: next?.list_kinds[0] ?? list.kind, ids: [] });
                            }}
                            sx={{ width: 190 }}
                        >
                            {[...new Set([list.resource, ...resources.map(({ name }) => name)])].map((name) => (
                                <MenuItem key={name} value={name}>
                                    {code('resources', name)}
                                </MenuItem>
                            ))}
                        </TextField>
                        <TextField select disabled={readOnly} label={t('access.kind')} value={list.kind} onChange={(event) => change(index, { kind: event.target.value, ids: [] })} sx={{ width: 170 }}>
                            {[...new Set([list.kind, ...kinds])].map((kind) => (
                                <MenuItem key={kind} value={kind}>
                                    {code('list_kinds', kind)}
                                </MenuItem>
                            ))}
                        </TextField>
                        <IdsInput disabled={readOnly} kind={list.kind} value={list.ids} onChange={(ids) => change(index, { ids })} />
                        <IconButton disabled={readOnly} aria-label={t('access.remove_list')} onClick={() => field.onChange(lists.filter((_, at) => at !== index))} sx={{ mt: 0.25 }}>
                            <DeleteOutlined fontSize="small" />
                        </IconButton>
                    </Box>
                );
            })}
            {fieldState.error && <FormHelperText error>{fieldState.error.message ?? t('field_faults.invalid_field')}</FormHelperText>}
            <Button
                startIcon={<Add />}
                disabled={readOnly || !first}
                onClick={() => first && field.onChange([...lists, { resource: first.name, kind: first.list_kinds[0] ?? '', ids: [] } satisfies AccessList])}
            >
                {t('access.add_list')}
            </Button>
        </Box>
    );
}

function IdsInput({ kind, value, onChange, disabled }: { disabled: boolean; kind: string; value: string[]; onChange: (ids: string[]) => void }) {
    const t = useT();
    const choices = useChoices(kind);
    const name = (id: string) => choices.find((choice) => choice.id === id)?.name ?? id;
    return (
        <Autocomplete
            multiple
            disabled={disabled}
            freeSolo={choices.length === 0}
            disableCloseOnSelect
            limitTags={8}
            value={value}
            options={choices.map(({ id }) => id)}
            getOptionLabel={name}
            onChange={(_, ids) => onChange(ids)}
            renderInput={(params) => <TextField {...params} label={t('access.ids')} placeholder={choices.length === 0 ? t('access.ids_free') : undefined} />}
            sx={{ flex: 1, minWidth: 160 }}
        />
    );
}

/** What the ids of a kind are called, where the console knows. */
function useChoices(kind: string): { id: string; name: string }[] {
    const client = useClient();
    const code = useCode();
    const can = useCan();
    const slots = useQuery({
        queryKey: ['access', 'slots'],
        queryFn: () => client.get<Page<Slot>>('/slots', { limit: 200, count: 'none' }),
        enabled: kind === 'slot' && can('slots.read'),
        retry: false,
    });
    const roles = useQuery({
        queryKey: ['access', 'roles'],
        queryFn: () => client.get<Page<Role>>('/roles', { limit: 200, count: 'none' }),
        enabled: kind === 'role' && can('roles.read'),
        retry: false,
    });
    const scenarios = useQuery({
        queryKey: ['access', 'scenarios'],
        queryFn: () => client.get<Page<Scenario>>('/scenarios', { limit: 200, count: 'none' }),
        enabled: kind === 'scenario' && can('scenarios.read'),
        retry: false,
    });
    const groups = useQuery({
        queryKey: ['access', 'tag-groups'],
        queryFn: () => client.get<Page<TagGroup>>('/tag-groups', { limit: 200, count: 'none' }),
        enabled: kind === 'tag_group' && can('tags.read'),
        retry: false,
    });
    // Scenarios stand in lists by their codes.
    if (kind === 'scenario') return scenarios.data?.items.map(({ code: id, name }) => ({ id, name })) ?? [];
    if (kind === 'tag_group') return groups.data?.items.map(({ id, name }) => ({ id, name })) ?? [];
    if (kind === 'slot') return slots.data?.items.map(({ id, number }) => ({ id, name: number })) ?? [];
    // Roles stand in lists by their code.
    if (kind === 'role') return roles.data?.items.map((role) => ({ id: role.code, name: role.builtin ? code('roles.codes', role.code, role.name) : role.name })) ?? [];
    return [];
}
