import Box from '@mui/material/Box';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import Typography from '@mui/material/Typography';
import { useGetList } from 'ra-core';
import { useWatch } from 'react-hook-form';
import { useCan } from '@/access/me';
import type { AccessList, ColumnPolicy, Role } from '@/api/types';
import { phone, useT } from '@/i18n';
import { useTagGroups } from '@/tags/dictionary';
import { TagChip } from '@/tags/TagChip';
import { givenOf, modeOf } from './given';

/** The columns of the cabinet, each with what it may hold; the number is one that nobody has (reserved for examples). */
const COLUMNS = ['started_at', 'direction', 'caller', 'scenario', 'recording', 'callee', 'user'] as const;
const EXAMPLE_NUMBER = '+74951234567';

/** What the listener will see of a call, by what the form says now and what the role says. */
export function Preview() {
    const t = useT();
    const can = useCan();
    const [lists, columns, codes] = useWatch({ name: ['lists', 'columns', 'roles'] }) as [AccessList[] | undefined, ColumnPolicy[] | undefined, string[] | undefined];
    const { groups } = useTagGroups();
    const { data: roles } = useGetList<Role>('roles', { pagination: { page: 1, perPage: 200 }, sort: { field: 'code', order: 'ASC' }, meta: { count: 'none' } }, { enabled: can('roles.read'), onError: () => undefined });
    const policies = [columns, ...(roles ?? []).filter(({ code }) => codes?.includes(code)).map((role) => role.columns)];
    const example: Record<(typeof COLUMNS)[number], string> = {
        started_at: '09:41',
        direction: t('directions.inbound'),
        caller: phone(EXAMPLE_NUMBER),
        scenario: givenOf(lists, 'scenarios')[0] ?? '–',
        recording: '2:31',
        callee: phone('+74957654321'),
        user: t('listeners.example_person'),
    };
    const masked = (column: (typeof COLUMNS)[number]) => (column === 'caller' || column === 'callee' ? `${example[column].slice(0, 3)}••••${example[column].slice(-2)}` : '•••');
    const seen = COLUMNS.map((column) => ({ column, mode: modeOf(column, policies) })).filter(({ mode }) => mode !== 'hide');
    const given = givenOf(lists, 'groups');
    const tags = (groups ?? []).filter(({ id, active }) => active && given.includes(id)).flatMap((group) => group.tags.filter(({ active }) => active));
    return (
        <Box>
            <Box sx={{ overflow: 'auto', border: 1, borderColor: 'divider', borderRadius: 1 }}>
                <Table size="small" aria-label={t('listeners.preview')}>
                    <TableHead>
                        <TableRow>
                            {seen.map(({ column }) => (
                                <TableCell key={column}>{t(`columns.${column}`)}</TableCell>
                            ))}
                        </TableRow>
                    </TableHead>
                    <TableBody>
                        <TableRow>
                            {seen.map(({ column, mode }) => (
                                <TableCell key={column} sx={{ whiteSpace: 'nowrap', borderBottom: 0 }}>
                                    <bdi>{mode === 'mask' ? masked(column) : example[column]}</bdi>
                                </TableCell>
                            ))}
                        </TableRow>
                    </TableBody>
                </Table>
            </Box>
            <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 0.5, mt: 1, minHeight: 22 }}>
                {tags.map((tag) => (
                    <TagChip key={tag.id} colour={tag.colour}>
                        <bdi>{tag.name}</bdi>
                    </TagChip>
                ))}
            </Box>
            {givenOf(lists, 'scenarios').length === 0 && (
                <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                    {t('listeners.no_calls')}
                </Typography>
            )}
        </Box>
    );
}
