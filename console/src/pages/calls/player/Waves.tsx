import { darken, lighten, useTheme } from '@mui/material/styles';
import { useEffect, useRef, type RefObject } from 'react';
import WaveSurfer from 'wavesurfer.js';
import { nonce } from '@/app/look';
import type { Peaks } from '@/api/types';

/** How high a channel is drawn. */
export const WAVE_PX = 52;
/** The greatest sample of an outline. */
const SAMPLE_MAX = 127;

/** Both channels' outlines, with what lies behind in full colour. Where one is, and going elsewhere, is the slider's over them. */
export function Waves({ sound, peaks, colours, height = WAVE_PX }: { sound: RefObject<HTMLAudioElement | null>; peaks: Peaks; colours: [string, string]; /** Of a channel. */ height?: number }) {
    const { palette } = useTheme();
    const frame = useRef<HTMLDivElement>(null);
    const [left, right] = colours;
    const isDark = palette.mode === 'dark';
    useEffect(() => {
        if (!frame.current || !sound.current) return undefined;
        // What lies behind is drawn over what is to come, so the latter must be no veil but a colour of its own.
        const pale = isDark ? darken : lighten;
        const wave = (colour: string) => ({ waveColor: pale(colour, 0.58), progressColor: colour, height });
        const made = WaveSurfer.create({
            container: frame.current,
            media: sound.current,
            peaks: peaks.channels.map((channel) => Float32Array.from(channel, (sample) => sample / SAMPLE_MAX)),
            duration: peaks.duration_ms / 1000,
            splitChannels: peaks.channels.map((_, index) => wave(index === 0 ? left : right)),
            height,
            cursorWidth: 0,
            interact: false,
            barWidth: 2,
            barGap: 1,
            barRadius: 1,
            barMinHeight: 1,
            normalize: true,
            hideScrollbar: true,
            cspNonce: nonce(),
        });
        // The sound is not its own and stays; only the drawing goes.
        return () => made.destroy();
    }, [sound, peaks, left, right, isDark, height]);
    return <div ref={frame} aria-hidden style={{ minHeight: height * 2 }} />;
}
