export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/** The next speed up or down; at the ends it stays. */
export function stepSpeed(speed: number, by: 1 | -1): number {
    const at = SPEEDS.indexOf(speed);
    return SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, (at === -1 ? SPEEDS.indexOf(1) : at) + by))] ?? 1;
}
