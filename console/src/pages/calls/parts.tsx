import CallMade from '@mui/icons-material/CallMade';
import CallReceived from '@mui/icons-material/CallReceived';
import FiberManualRecord from '@mui/icons-material/FiberManualRecord';
import GraphicEq from '@mui/icons-material/GraphicEq';
import SyncAlt from '@mui/icons-material/SyncAlt';
import Box from '@mui/material/Box';
import Tooltip from '@mui/material/Tooltip';
import { useGetManyAggregate } from 'ra-core';
import type { CallDirection, Recording, Slot } from '@/api/types';
import { useCan } from '@/access/me';
import { useCode, useFormat, useT } from '@/i18n';
import { Nothing } from '@/ui/values';

const ICONS = { internal: SyncAlt, outbound: CallMade, inbound: CallReceived };

export function Direction({ direction, short }: { direction: CallDirection | undefined; short?: boolean }) {
    const code = useCode();
    if (!direction) return <Nothing />;
    const Icon = ICONS[direction];
    const words = code('directions', direction);
    if (short) {
        return (
            <Tooltip title={words}>
                <Icon aria-label={words} sx={{ fontSize: 16, color: 'text.secondary', display: 'block' }} />
            </Tooltip>
        );
    }
    return (
        <Box component="span" sx={{ display: 'inline-flex', verticalAlign: 'middle', alignItems: 'center', gap: 0.5, whiteSpace: 'nowrap' }}>
            <Icon sx={{ fontSize: 15, color: 'text.secondary' }} />
            {words}
        </Box>
    );
}

/** Whether there is something to hear, and how long it is. */
export function RecordingMark({ recording }: { recording: Recording | null | undefined }) {
    const t = useT();
    const format = useFormat();
    const code = useCode();
    if (!recording) return <Nothing />;
    const title = code('recording_states', recording.state);
    if (recording.state === 'recording') {
        return (
            <Tooltip title={t('calls.recording_now')}>
                <FiberManualRecord color="error" sx={{ fontSize: 14, verticalAlign: 'middle' }} aria-label={t('calls.recording_now')} />
            </Tooltip>
        );
    }
    if (recording.state === 'complete' || recording.state === 'partial') {
        return (
            <Tooltip title={title}>
                <Box component="span" sx={{ display: 'inline-flex', verticalAlign: 'middle', alignItems: 'center', gap: 0.5, color: 'primary.main' }}>
                    <GraphicEq sx={{ fontSize: 16 }} />
                    {format.duration(recording.duration_ms)}
                </Box>
            </Tooltip>
        );
    }
    return <span>{title}</span>;
}

/** A slot by its number. */
export function SlotName({ id }: { id: string | null | undefined }) {
    const can = useCan();
    const { data } = useGetManyAggregate<Slot>('slots', { ids: [id ?? ''] }, { enabled: Boolean(id) && can('slots.read'), retry: false, staleTime: 300_000, onError: () => undefined });
    if (!id) return <Nothing />;
    return <span>{data?.[0]?.number ?? `#${id}`}</span>;
}
