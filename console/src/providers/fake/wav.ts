import type { Peaks } from '@/api/types';

const RATE = 8000;
const PER_SECOND = 50;

/** How loud each side is at a moment: two people who take turns. */
function loudness(second: number, side: 0 | 1): number {
    const turn = Math.floor(second / 3.7) % 2;
    const speaks = turn === side;
    const syllable = 0.55 + 0.45 * Math.sin(second * 17 + side) * Math.sin(second * 5.3);
    return speaks ? 0.75 * Math.abs(syllable) : 0.03;
}

/** A conversation's outline, as the server makes it. */
export function fakePeaks(durationMs: number): Peaks {
    const slices = Math.ceil((durationMs / 1000) * PER_SECOND);
    const channel = (side: 0 | 1) =>
        Array.from({ length: slices }, (_, index) => {
            const peak = loudness(index / PER_SECOND, side) * (0.8 + 0.2 * Math.sin(index * 1.7));
            return [Math.round(-127 * peak), Math.round(114 * peak)];
        }).flat();
    return { duration_ms: durationMs, per_second: PER_SECOND, channels: [channel(0), channel(1)] };
}

/** The same as sound, in the server's form: 8 kHz, 16 bit, two channels. */
export function fakeWav(durationMs: number): Blob {
    const frames = Math.floor((durationMs / 1000) * RATE);
    const data = new DataView(new ArrayBuffer(44 + frames * 4));
    const text = (at: number, chars: string) => [...chars].forEach((char, index) => data.setUint8(at + index, char.charCodeAt(0)));
    text(0, 'RIFF');
    data.setUint32(4, 36 + frames * 4, true);
    text(8, 'WAVEfmt ');
    data.setUint32(16, 16, true);
    data.setUint16(20, 1, true);
    data.setUint16(22, 2, true);
    data.setUint32(24, RATE, true);
    data.setUint32(28, RATE * 4, true);
    data.setUint16(32, 4, true);
    data.setUint16(34, 16, true);
    text(36, 'data');
    data.setUint32(40, frames * 4, true);
    for (let frame = 0; frame < frames; frame += 1) {
        const second = frame / RATE;
        for (const side of [0, 1] as const) {
            const tone = Math.sin(2 * Math.PI * (side === 0 ? 180 : 240) * second) * loudness(second, side);
            data.setInt16(44 + frame * 4 + side * 2, tone * 9000, true);
        }
    }
    return new Blob([data.buffer], { type: 'audio/wav' });
}
