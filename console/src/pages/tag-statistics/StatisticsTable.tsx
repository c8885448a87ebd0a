import Box from '@mui/material/Box';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableFooter from '@mui/material/TableFooter';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import { useTheme } from '@mui/material/styles';
import type { ReactNode } from 'react';
import { useFormat, useT } from '@/i18n';
import { colourOf } from '@/tags/colours';
import { Spot } from '@/tags/TagChip';
import { Nothing } from '@/ui/values';
import type { By, StatisticsRow, TagColumn } from './table';

interface StatisticsTableProps {
    label: string;
    by: By;
    rows: readonly StatisticsRow[];
    columns: readonly TagColumn[];
    totals: { completed: number; heardMs: number; set: number; unset: number };
}

/** Who, which day or which tag, and how much of each; the sums stand below. */
export function StatisticsTable({ label, by, rows, columns, totals }: StatisticsTableProps) {
    const t = useT();
    const format = useFormat();
    const { palette } = useTheme();
    const isByTag = by === 'tag';
    const most = Math.max(1, ...rows.map((row) => (isByTag ? row.setAll : row.completed)));
    const name = ({ key, name: words, colour }: StatisticsRow): ReactNode => {
        if (isByTag) {
            return (
                <Box component="span" sx={{ display: 'inline-flex', alignItems: 'center', gap: 1 }}>
                    <Spot colour={colour} />
                    <bdi>{words}</bdi>
                </Box>
            );
        }
        if (by === 'day') return <time dateTime={key}>{format.day(key)}</time>;
        return key === '' ? t('statistics.program') : <bdi>{words ?? `#${key}`}</bdi>;
    };
    const number = (value: number) => (value === 0 ? <Nothing /> : format.number(value));
    return (
        <Box sx={{ overflow: 'auto' }}>
            <Table size="small" aria-label={label} sx={{ fontVariantNumeric: 'tabular-nums', '& thead th': { whiteSpace: 'normal' }, '& tbody tr:last-of-type > *': { borderBottom: '1px solid', borderColor: 'divider' } }}>
                <TableHead>
                    <TableRow>
                        <TableCell>{t(`statistics.by_${by}`)}</TableCell>
                        {!isByTag && <TableCell align="right">{t('statistics.completed')}</TableCell>}
                        {!isByTag && <TableCell align="right">{t('statistics.heard')}</TableCell>}
                        {!isByTag &&
                            columns.map((column) => (
                                <TableCell key={column.id} align="right" sx={{ borderTop: `3px solid ${colourOf(column.colour, palette.mode)}`, whiteSpace: 'normal', minWidth: 74 }}>
                                    <bdi>{column.name}</bdi>
                                </TableCell>
                            ))}
                        {isByTag && <TableCell align="right">{t('statistics.set')}</TableCell>}
                        <TableCell align="right">{t('statistics.unset')}</TableCell>
                        <TableCell aria-hidden sx={{ width: '14%', minWidth: 60 }} />
                    </TableRow>
                </TableHead>
                <TableBody>
                    {rows.map((row) => (
                        <TableRow key={row.key} data-row={row.key} hover>
                            <TableCell component="th" scope="row" sx={{ fontWeight: 'inherit', whiteSpace: 'nowrap', maxWidth: 260, overflow: 'hidden', textOverflow: 'ellipsis' }}>
                                {name(row)}
                            </TableCell>
                            {!isByTag && <TableCell align="right">{number(row.completed)}</TableCell>}
                            {!isByTag && <TableCell align="right">{row.heardMs === 0 ? <Nothing /> : format.duration(row.heardMs)}</TableCell>}
                            {!isByTag &&
                                columns.map(({ id }) => (
                                    <TableCell key={id} align="right">
                                        {number(row.set.get(id) ?? 0)}
                                    </TableCell>
                                ))}
                            {isByTag && <TableCell align="right">{number(row.setAll)}</TableCell>}
                            <TableCell align="right">{number(row.unset)}</TableCell>
                            {/* The figure stands in the row; the bar only says it at a glance. */}
                            <TableCell aria-hidden>
                                <Box sx={{ height: 8, borderRadius: 1, bgcolor: isByTag ? colourOf(row.colour, palette.mode) : 'primary.main' }} style={{ width: `${((isByTag ? row.setAll : row.completed) / most) * 100}%` }} />
                            </TableCell>
                        </TableRow>
                    ))}
                </TableBody>
                <TableFooter sx={{ '& td, & th': { fontWeight: 650, color: 'text.primary', borderBottom: 0 } }}>
                    <TableRow>
                        <TableCell component="th" scope="row">
                            {t('statistics.total')}
                        </TableCell>
                        {!isByTag && <TableCell align="right">{number(totals.completed)}</TableCell>}
                        {!isByTag && <TableCell align="right">{totals.heardMs === 0 ? <Nothing /> : format.duration(totals.heardMs)}</TableCell>}
                        {!isByTag &&
                            columns.map(({ id }) => (
                                <TableCell key={id} align="right">
                                    {number(rows.reduce((sum, row) => sum + (row.set.get(id) ?? 0), 0))}
                                </TableCell>
                            ))}
                        {isByTag && <TableCell align="right">{number(totals.set)}</TableCell>}
                        <TableCell align="right">{number(totals.unset)}</TableCell>
                        <TableCell aria-hidden />
                    </TableRow>
                </TableFooter>
            </Table>
        </Box>
    );
}
