import ChevronLeft from '@mui/icons-material/ChevronLeft';
import ChevronRight from '@mui/icons-material/ChevronRight';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import MenuItem from '@mui/material/MenuItem';
import Select from '@mui/material/Select';
import Tooltip from '@mui/material/Tooltip';
import { useListContext } from 'ra-core';
import type { ReactNode } from 'react';
import { useFormat, useT, type Format, type Translate } from '@/i18n';
import type { Count } from '@/api/types';
import type { ListMeta } from '@/providers/rest/dataProvider';

const SIZES = [25, 50, 100, 200];

/** Where in the list one is, and the ways on. There is no way to page 200,000: pages go by key. */
export function Pager({ onPerPage, news }: { onPerPage: (perPage: number) => void; /** What stands beside the numbers. */ news?: ReactNode }) {
    const t = useT();
    const format = useFormat();
    const { data, page, perPage, setPage, hasNextPage, hasPreviousPage, meta } = useListContext();
    const count = (meta as ListMeta | undefined)?.count;
    const first = (page - 1) * perPage + 1;
    const last = first + (data?.length ?? 0) - 1;
    return (
        <Box
            component="nav"
            aria-label={t('list.pages')}
            sx={{ display: 'flex', alignItems: 'center', gap: 1, px: 1.25, height: 42, borderTop: 1, borderColor: 'divider', color: 'text.secondary', fontSize: '0.8125rem' }}
        >
            <span aria-live="polite">
                {data === undefined ? '' : data.length === 0 ? t('list.no_rows') : t('list.range', { first: format.number(first), last: format.number(last), count: countText(count, format, t) })}
            </span>
            {news}
            <Box sx={{ flex: 1 }} />
            <Box component="label" sx={{ display: 'flex', alignItems: 'center', gap: 0.75 }}>
                {t('list.per_page')}
                <Select value={SIZES.includes(perPage) ? perPage : 50} onChange={(event) => onPerPage(Number(event.target.value))} variant="standard" disableUnderline slotProps={{ input: { 'aria-label': t('list.per_page') } }} sx={{ fontSize: 'inherit' }}>
                    {SIZES.map((size) => (
                        <MenuItem key={size} value={size}>
                            {size}
                        </MenuItem>
                    ))}
                </Select>
            </Box>
            <Tooltip title={t('list.previous')}>
                <span>
                    <IconButton disabled={!hasPreviousPage} onClick={() => setPage(page - 1)} aria-label={t('list.previous')}>
                        <ChevronLeft fontSize="small" />
                    </IconButton>
                </span>
            </Tooltip>
            <Tooltip title={t('list.next')}>
                <span>
                    <IconButton disabled={!hasNextPage} onClick={() => setPage(page + 1)} aria-label={t('list.next')}>
                        <ChevronRight fontSize="small" />
                    </IconButton>
                </span>
            </Tooltip>
        </Box>
    );
}

/** How many there are: “1 234”, or “10 000+” where counting stopped. */
export function countText(count: Count | null | undefined, format: Format, t: Translate): string {
    if (!count) return t('list.count_unknown');
    return `${format.number(count.value)}${count.capped ? '+' : ''}`;
}
