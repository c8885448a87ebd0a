import type { TagColour } from '@/api/listening';

/** The colours that tags may have, in the order in which they are offered. Each is told from the page behind it in both looks (3:1); a word always stands beside it. */
export const COLOURS: Record<TagColour, { light: string; dark: string }> = {
    grey: { light: '#616c69', dark: '#9aa7a3' },
    red: { light: '#c2272d', dark: '#ff7b78' },
    orange: { light: '#c2410c', dark: '#fb923c' },
    amber: { light: '#a16207', dark: '#f5c451' },
    green: { light: '#2c7a3f', dark: '#6ecb82' },
    teal: { light: '#0f766e', dark: '#3fc7b4' },
    cyan: { light: '#0e7490', dark: '#4cc9e6' },
    blue: { light: '#1d5fb8', dark: '#74b0ff' },
    indigo: { light: '#4f46e5', dark: '#a5a0ff' },
    pink: { light: '#be185d', dark: '#f58bbd' },
};

/** A colour as it is drawn; one that this console does not know is grey. */
export function colourOf(colour: string | null | undefined, mode: 'light' | 'dark'): string {
    return (COLOURS[colour as TagColour] ?? COLOURS.grey)[mode];
}
