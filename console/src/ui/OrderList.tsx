import KeyboardArrowDown from '@mui/icons-material/KeyboardArrowDown';
import KeyboardArrowUp from '@mui/icons-material/KeyboardArrowUp';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import { useLayoutEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { useT } from '@/i18n';

interface OrderListProps<T> {
    /** What it is a list of, for who hears it. */
    label: string;
    rows: readonly T[];
    name: (row: T) => string;
    /** Moves a row before its neighbour or behind it; without it, nothing can be moved. */
    onMove?: (row: T, by: -1 | 1) => void;
    /** Whether it is the one that is looked at. */
    isCurrent?: (row: T) => boolean;
    children: (row: T) => ReactNode;
    /** Buttons at the end of a row. */
    actions?: (row: T) => ReactNode;
}

/** Rows with an order of their own: by buttons, and by Alt with ↑ and ↓ wherever in a row the focus is. */
export function OrderList<T extends { id: string }>({ label, rows, name, onMove, isCurrent, children, actions }: OrderListProps<T>) {
    const t = useT();
    const frame = useRef<HTMLUListElement>(null);
    /** What had the focus when its row was moved: browsers take it away from what is put elsewhere. */
    const focused = useRef<HTMLElement | null>(null);
    useLayoutEffect(() => {
        const element = focused.current;
        focused.current = null;
        if (!element || document.activeElement === element) return;
        // At an end of the list the button that was pressed does nothing any more.
        const isOff = element instanceof HTMLButtonElement && element.disabled;
        (isOff ? element.closest('li')?.querySelector<HTMLElement>('button:not(:disabled)') : element)?.focus();
    }, [rows]);
    const move = (row: T, by: -1 | 1) => {
        focused.current = document.activeElement instanceof HTMLElement && frame.current?.contains(document.activeElement) ? document.activeElement : null;
        onMove?.(row, by);
    };
    const onKey = (row: T) => (event: KeyboardEvent) => {
        const by = { ArrowUp: -1 as const, ArrowDown: 1 as const }[event.key];
        if (!event.altKey || by === undefined || !onMove) return;
        event.preventDefault();
        move(row, by);
    };
    return (
        <Box component="ul" ref={frame} aria-label={label} sx={{ listStyle: 'none', m: 0, p: 0 }}>
            {rows.map((row, index) => (
                <Box
                    component="li"
                    key={row.id}
                    data-row={row.id}
                    onKeyDown={onKey(row)}
                    sx={{ display: 'flex', alignItems: 'center', gap: 0.25, pl: 1, pr: 0.5, minHeight: 38, borderTop: index > 0 ? 1 : 0, borderColor: 'divider', bgcolor: isCurrent?.(row) ? 'action.selected' : undefined }}
                >
                    <Box sx={{ flex: 1, minWidth: 0 }}>{children(row)}</Box>
                    {onMove && (
                        <>
                            <MoveButton label={t('tags.earlier', { name: name(row) })} disabled={index === 0} onClick={() => move(row, -1)} icon={<KeyboardArrowUp sx={{ fontSize: 18 }} />} />
                            <MoveButton label={t('tags.later', { name: name(row) })} disabled={index === rows.length - 1} onClick={() => move(row, 1)} icon={<KeyboardArrowDown sx={{ fontSize: 18 }} />} />
                        </>
                    )}
                    {actions?.(row)}
                </Box>
            ))}
        </Box>
    );
}

function MoveButton({ label, disabled, onClick, icon }: { label: string; disabled: boolean; onClick: () => void; icon: ReactNode }) {
    return (
        <Tooltip title={disabled ? '' : label}>
            <span>
                <IconButton aria-label={label} disabled={disabled} onClick={onClick} sx={{ p: 0.25 }}>
                    {icon}
                </IconButton>
            </span>
        </Tooltip>
    );
}
