import Box from '@mui/material/Box';
import Slider from '@mui/material/Slider';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { useTheme } from '@mui/material/styles';
import { useQuery } from '@tanstack/react-query';
import type { KeyboardEvent } from 'react';
import type { Channel, Peaks, Recording } from '@/api/types';
import { phone, useCode, useFormat, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Nothing } from '@/ui/values';
import { union, type Range } from './heard';
import type { Sound } from './sound/useSound';
import { WAVE_PX, Waves } from './Waves';

/** How far an arrow jumps, in seconds. */
export const JUMP_S = 5;
/** How far Page Up and Page Down do. */
const FAR_S = 30;

const JUMPS: Record<string, number> = { ArrowLeft: -JUMP_S, ArrowDown: -JUMP_S, ArrowRight: JUMP_S, ArrowUp: JUMP_S, PageDown: -FAR_S, PageUp: FAR_S };

/** Both sides of a recording over its length, what has been heard of them, and a slider over all of it, for mouse and keys alike. */
export function WaveBox({ callId, recording, sound, height = WAVE_PX, before = [] }: { callId: string; recording: Recording; sound: Sound; /** Of a channel; a low one has its labels in a word each. */ height?: number; /** What was heard of it at other times. */ before?: readonly Range[] }) {
    const t = useT();
    const client = useClient();
    const format = useFormat();
    const theme = useTheme();
    const colours: [string, string] = [theme.palette.primary.main, theme.palette.secondary.main];
    // Without an outline (the call goes on, or it cannot be made) the slider is a plain line.
    const peaks = useQuery({ queryKey: ['calls', callId, 'peaks'], queryFn: () => client.get<Peaks>(`/calls/${encodeURIComponent(callId)}/recording/peaks`), enabled: recording.state !== 'recording', staleTime: Infinity, retry: false });
    const isDrawn = Boolean(peaks.data && sound.url);
    const length = Math.max(sound.length, 0.1);
    const isLow = height < WAVE_PX;
    const share = (seconds: number) => `${Math.min(100, (seconds / length) * 100)}%`;
    const onKey = (event: KeyboardEvent) => {
        const by = JUMPS[event.key];
        if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
        // The slider's own step is fit for a mouse.
        event.preventDefault();
        event.stopPropagation();
        sound.jump(by);
    };
    return (
        <Box sx={{ display: 'grid', gridTemplateColumns: `${isLow ? '' : 'minmax(110px, '}max-content${isLow ? '' : ')'} 1fr`, columnGap: 2 }}>
            <Stack sx={{ justifyContent: 'space-around', height: height * 2 }}>
                <ChannelLabel side="left" channel={recording.left} colour={colours[0]} isLow={isLow} />
                <ChannelLabel side="right" channel={recording.right} colour={colours[1]} isLow={isLow} />
            </Stack>
            <Box sx={{ position: 'relative', minHeight: height * 2, minWidth: 0, display: 'grid', alignItems: 'center' }} onKeyDownCapture={onKey}>
                {isDrawn && peaks.data && <Waves sound={sound.element} peaks={peaks.data} colours={colours} height={height} />}
                <Slider
                    size="small"
                    min={0}
                    max={length}
                    step={0.1}
                    value={Math.min(sound.at, length)}
                    aria-label={t('player.position')}
                    getAriaValueText={(at) => t('player.place', { at: format.duration(at * 1000), length: format.duration(length * 1000) })}
                    onChange={(_, to) => sound.seek(to)}
                    sx={isDrawn ? OVER_WAVE : undefined}
                />
                <Box aria-hidden data-heard sx={{ position: 'absolute', left: 0, right: 0, bottom: -5, height: 3, pointerEvents: 'none' }}>
                    {union(before, sound.heard).map(([from, to]) => (
                        <Box key={from} sx={{ position: 'absolute', height: '100%', borderRadius: 1, bgcolor: 'text.secondary' }} style={{ left: share(from / 1000), width: share((to - from) / 1000) }} />
                    ))}
                </Box>
            </Box>
        </Box>
    );
}

/** Over the outlines the slider is what is pointed at, and its thumb is the line where one is. */
const OVER_WAVE = {
    position: 'absolute',
    inset: 0,
    height: '100%',
    p: '0 !important',
    '& .MuiSlider-rail, & .MuiSlider-track': { opacity: 0 },
    '& .MuiSlider-thumb': { width: 2, height: '100%', borderRadius: 0, bgcolor: 'text.primary', '&::before': { boxShadow: 'none' } },
};

function ChannelLabel({ side, channel, colour, isLow }: { side: 'left' | 'right'; channel: Channel | undefined; colour: string; isLow: boolean }) {
    const t = useT();
    const code = useCode();
    if (isLow) {
        return (
            <Typography variant="caption" component="div" sx={{ borderLeft: `3px solid ${colour}`, pl: 1, color: 'text.secondary' }}>
                {t(side === 'left' ? 'listening.we' : 'listening.they')}
            </Typography>
        );
    }
    return (
        <Box sx={{ borderLeft: `3px solid ${colour}`, pl: 1, lineHeight: 1.3 }}>
            <Typography variant="body2" component="div" sx={{ fontWeight: 600 }}>
                {channel?.number ? <bdi>{phone(channel.number)}</bdi> : <Nothing />}
            </Typography>
            <Typography variant="caption" component="div" sx={{ color: 'text.secondary' }}>
                {t(`player.${side}`)} · {code('player.roles', channel?.role)}
            </Typography>
        </Box>
    );
}
