import Box from '@mui/material/Box';
import ToggleButton from '@mui/material/ToggleButton';
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup';
import { useState } from 'react';
import { useCan } from '@/access/me';
import type { Slot, SlotStatus } from '@/api/types';
import { useCode, useFormat, useT } from '@/i18n';
import { useBoardCalls, useBoardSlots } from '@/live/board';
import { Page, PageHead, Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { SLOT_STATUS_TONES } from '@/ui/tones';
import { CallsInTheAir } from './CallsInTheAir';
import { SlotTiles } from './SlotTiles';

const STATUSES: SlotStatus[] = ['free', 'busy', 'taken', 'offline', 'fault', 'disabled'];

/** What goes on at this moment: every slot, every call. */
export function LivePage() {
    const t = useT();
    const can = useCan();
    const { slots, error, refetch } = useBoardSlots();
    const board = useBoardCalls();
    const [only, setOnly] = useState<SlotStatus | null>(null);
    const shown = only ? slots?.filter(({ status }) => status === only) : slots;
    return (
        <Page width="full">
            <PageHead title={t('nav.live')} />
            <Counters slots={slots} only={only} onOnly={setOnly} calls={board.calls?.length} />
            {error && <ProblemBox error={error} onRetry={() => void refetch()} />}
            {can('calls.read') && (
                <Section title={t('live.calls')} flush>
                    {board.error ? <ProblemBox error={board.error} onRetry={() => void board.refetch()} /> : <CallsInTheAir calls={board.calls} />}
                </Section>
            )}
            <SlotTiles slots={shown} calls={board.calls} isNarrowed={only !== null} />
        </Page>
    );
}

/** How many slots are what; a click shows only those. */
function Counters({ slots, only, onOnly, calls }: { slots: Slot[] | undefined; only: SlotStatus | null; onOnly: (status: SlotStatus | null) => void; calls: number | undefined }) {
    const t = useT();
    const code = useCode();
    const format = useFormat();
    const count = (status: SlotStatus) => slots?.filter((slot) => slot.status === status).length;
    return (
        <Box sx={{ display: 'flex', gap: 1.5, flexWrap: 'wrap', mb: 2, alignItems: 'stretch' }}>
            <Box sx={{ px: 2, py: 0.75, border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', minWidth: 110 }}>
                <Figure value={calls === undefined ? '…' : format.number(calls)} label={t('live.in_the_air')} />
            </Box>
            <ToggleButtonGroup
                exclusive
                value={only}
                onChange={(_, next: SlotStatus | null) => onOnly(next)}
                aria-label={t('live.show_only')}
                sx={{ bgcolor: 'background.paper', flexWrap: 'wrap', '& .MuiToggleButton-root': { px: 2, py: 0.75, textTransform: 'none', color: 'text.primary' } }}
            >
                {STATUSES.map((status) => (
                    <ToggleButton key={status} value={status} sx={{ minWidth: 96 }}>
                        <Figure value={count(status) === undefined ? '…' : format.number(count(status) ?? 0)} label={code('slot_statuses', status)} tone={status} />
                    </ToggleButton>
                ))}
            </ToggleButtonGroup>
        </Box>
    );
}

function Figure({ value, label, tone }: { value: string; label: string; tone?: SlotStatus }) {
    return (
        <Box sx={{ textAlign: 'left', width: '100%' }}>
            <Box sx={{ fontSize: '1.375rem', fontWeight: 680, lineHeight: 1.2, fontVariantNumeric: 'tabular-nums' }}>{value}</Box>
            <Box sx={{ fontSize: '0.75rem', color: 'text.secondary', display: 'flex', alignItems: 'center', gap: 0.75, whiteSpace: 'nowrap' }}>
                {tone && <Box sx={{ width: 8, height: 8, borderRadius: '50%', bgcolor: (theme) => theme.palette.tones[SLOT_STATUS_TONES[tone]] }} />}
                {label}
            </Box>
        </Box>
    );
}
