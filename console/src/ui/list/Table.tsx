import Box from '@mui/material/Box';
import Checkbox from '@mui/material/Checkbox';
import LinearProgress from '@mui/material/LinearProgress';
import Skeleton from '@mui/material/Skeleton';
import MuiTable from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import TableSortLabel from '@mui/material/TableSortLabel';
import { alpha } from '@mui/material/styles';
import type { Identifier, RaRecord, SortPayload } from 'ra-core';
import { memo, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { useT, type MessageKey } from '@/i18n';
import { Nothing } from '../values';
import type { ShownColumn } from './columns';

export interface TableProps<T extends RaRecord> {
    /** What it is a table of, for who hears it. */
    label: string;
    columns: ShownColumn<T>[];
    rows: T[] | undefined;
    /** Whether it is being loaded (again). */
    busy?: boolean;
    sort?: SortPayload;
    onSort?: (field: string) => void;
    onOpen?: (row: T) => void;
    selected?: Identifier[];
    onSelect?: (ids: Identifier[]) => void;
    /** Buttons at the end of a row. */
    rowActions?: (row: T) => ReactNode;
    /** In the place of rows, if there are none. */
    empty?: ReactNode;
    /** The row that is looked at elsewhere on the page. */
    current?: Identifier;
    /** How many rows to suppose while nothing is known. */
    expect?: number;
}

/** A dense table. ↑ and ↓ go from row to row, Enter opens one, Space picks it. */
export function Table<T extends RaRecord>({ label, columns, rows, busy, sort, onSort, onOpen, selected, onSelect, rowActions, empty, current, expect = 12 }: TableProps<T>) {
    const t = useT();
    const body = useRef<HTMLTableSectionElement>(null);
    const shown = columns.filter((column) => column.shown);
    const picked = new Set(selected);
    const isWide = Boolean(onSelect);
    const toggle = (id: Identifier) => onSelect?.(picked.has(id) ? [...picked].filter((other) => other !== id) : [...picked, id]);

    const onKey = (event: KeyboardEvent<HTMLTableSectionElement>) => {
        const row = (event.target as HTMLElement).closest<HTMLTableRowElement>('tr[data-row]');
        if (!row || event.target !== row) return;
        const all = [...(body.current?.querySelectorAll<HTMLTableRowElement>('tr[data-row]') ?? [])];
        const at = all.indexOf(row);
        const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
        const record = rows?.[at];
        if (step !== undefined) {
            event.preventDefault();
            all[Math.min(all.length - 1, Math.max(0, at + step))]?.focus();
        } else if (event.key === 'Enter' && record && onOpen) {
            event.preventDefault();
            onOpen(record);
        } else if (event.key === ' ' && record && onSelect) {
            event.preventDefault();
            toggle(record.id);
        }
    };

    return (
        <Box sx={{ position: 'relative', flex: 1, minHeight: 0, overflow: 'auto' }}>
            <LinearProgress
                aria-hidden
                sx={{ position: 'sticky', top: 0, left: 0, height: 2, mb: '-2px', zIndex: 4, opacity: busy && rows ? 1 : 0, transition: 'opacity 150ms 150ms' }}
            />
            <MuiTable stickyHeader size="small" aria-label={label} aria-busy={busy} sx={{ '& tr > :first-of-type': { pl: isWide ? 0.75 : 2 }, '& tr > :last-of-type': { pr: 2 } }}>
                <TableHead>
                    <TableRow>
                        {isWide && (
                            <TableCell padding="none" sx={{ width: 34 }}>
                                <Checkbox
                                    slotProps={{ input: { 'aria-label': t('list.select_page') } }}
                                    checked={Boolean(rows?.length) && rows?.every(({ id }) => picked.has(id))}
                                    indeterminate={rows?.some(({ id }) => picked.has(id)) && !rows.every(({ id }) => picked.has(id))}
                                    onChange={(_, all) => onSelect?.(all ? [...new Set([...picked, ...(rows ?? []).map(({ id }) => id)])] : [...picked].filter((id) => !rows?.some((row) => row.id === id)))}
                                />
                            </TableCell>
                        )}
                        {shown.map((column) => (
                            <TableCell
                                key={column.name}
                                align={column.align}
                                sx={{ width: column.width }}
                                sortDirection={sort?.field === column.name ? (sort.order === 'DESC' ? 'desc' : 'asc') : false}
                            >
                                {column.sortable && onSort ? (
                                    <TableSortLabel active={sort?.field === column.name} direction={sort?.field === column.name && sort.order === 'DESC' ? 'desc' : 'asc'} onClick={() => onSort(column.name)}>
                                        {t(column.label ?? (`columns.${column.name}` as MessageKey))}
                                    </TableSortLabel>
                                ) : (
                                    t(column.label ?? (`columns.${column.name}` as MessageKey))
                                )}
                            </TableCell>
                        ))}
                        {rowActions && <TableCell sx={{ width: '1px' }} aria-label={t('list.actions')} />}
                    </TableRow>
                </TableHead>
                <TableBody ref={body} onKeyDown={onKey}>
                    {rows === undefined &&
                        Array.from({ length: expect }, (_, index) => (
                            <TableRow key={index}>
                                {isWide && <TableCell padding="none" />}
                                {shown.map((column, at) => (
                                    <TableCell key={column.name}>
                                        <Skeleton width={`${45 + ((index * 7 + at * 13) % 45)}%`} sx={{ fontSize: '0.8125rem' }} />
                                    </TableCell>
                                ))}
                                {rowActions && <TableCell />}
                            </TableRow>
                        ))}
                    {rows?.map((row, index) => (
                        <Row
                            key={row.id}
                            row={row}
                            columns={shown}
                            isFirst={rows.some(({ id }) => id === current) ? row.id === current : index === 0}
                            isCurrent={row.id === current}
                            isOpenable={Boolean(onOpen)}
                            onOpen={onOpen as ((row: RaRecord) => void) | undefined}
                            picked={onSelect ? picked.has(row.id) : undefined}
                            onPick={toggle}
                            actions={rowActions?.(row)}
                        />
                    ))}
                </TableBody>
            </MuiTable>
            {rows?.length === 0 && empty}
        </Box>
    );
}

interface RowProps {
    row: RaRecord;
    columns: ShownColumn<never>[];
    isFirst: boolean;
    isCurrent: boolean;
    isOpenable: boolean;
    onOpen?: (row: RaRecord) => void;
    picked: boolean | undefined;
    onPick: (id: Identifier) => void;
    actions?: ReactNode;
}

const Row = memo(function Row({ row, columns, isFirst, isCurrent, isOpenable, onOpen, picked, onPick, actions }: RowProps) {
    const t = useT();
    return (
        <TableRow
            data-row={row.id}
            hover
            selected={picked || isCurrent}
            aria-current={isCurrent || undefined}
            tabIndex={isFirst ? 0 : -1}
            onClick={(event) => {
                const target = event.target as HTMLElement;
                // Menus and dialogs of a row stand elsewhere on the page, and yet their clicks come by here.
                if (!onOpen || !event.currentTarget.contains(target)) return;
                // A click on a link or button inside, or one that ends a selection of text, is not meant for the row.
                if (target.closest('a, button, input, label, [role="button"]') || window.getSelection()?.toString()) return;
                onOpen(row);
            }}
            sx={(theme) => ({
                cursor: isOpenable ? 'pointer' : undefined,
                '&:focus-visible': { outline: `2px solid ${theme.palette.primary.main}`, outlineOffset: -2, bgcolor: alpha(theme.palette.primary.main, 0.06) },
                '& td': { height: 34 },
                '&:last-child td': { borderBottom: 0 },
            })}
        >
            {picked !== undefined && (
                <TableCell padding="none">
                    <Checkbox checked={picked} onChange={() => onPick(row.id)} tabIndex={-1} slotProps={{ input: { 'aria-label': t('list.select_row') } }} />
                </TableCell>
            )}
            {columns.map((column) => (
                <TableCell key={column.name} align={column.align} sx={{ ...(column.wrap ? { minWidth: 180, overflowWrap: 'anywhere' } : { maxWidth: 340, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }), fontVariantNumeric: column.figures ? 'tabular-nums' : undefined }}>
                    {column.render ? (column.render as (row: RaRecord) => ReactNode)(row) : plain(row[column.name])}
                </TableCell>
            ))}
            {actions !== undefined && (
                <TableCell align="right" sx={{ whiteSpace: 'nowrap', py: 0 }}>
                    {actions}
                </TableCell>
            )}
        </TableRow>
    );
});

function plain(value: unknown): ReactNode {
    if (value === null || value === undefined || value === '') return <Nothing />;
    return typeof value === 'object' ? JSON.stringify(value) : <bdi title={String(value).length > 40 ? String(value) : undefined}>{String(value)}</bdi>;
}
