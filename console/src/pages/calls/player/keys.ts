/** What a key does while a recording can be heard. */
export type KeyDeed = 'toggle' | 'back' | 'on' | 'faster' | 'slower' | 'help';

const KEYS: Record<string, KeyDeed> = { ' ': 'toggle', ArrowLeft: 'back', ArrowRight: 'on', ArrowUp: 'faster', ArrowDown: 'slower', '?': 'help' };

/** Things that need these keys themselves. */
const TAKEN = 'input, textarea, select, button, a, [role="menuitem"], [role="option"], [role="slider"], [role="combobox"], [role="tab"], [role="dialog"], tr, pre';

/** The deed of a key, if the key is not meant for something else. */
export function deedOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'target'>, player: Element | null): KeyDeed | undefined {
    const deed = KEYS[event.key];
    if (!deed || event.ctrlKey || event.metaKey || event.altKey) return undefined;
    const taken = (event.target as Partial<Element> | null)?.closest?.(TAKEN);
    if (!taken) return deed;
    // Within the player arrows belong to the player, and a button keeps its space bar.
    return player?.contains(taken) && !taken.matches('[role="slider"], input') && event.key !== ' ' ? deed : undefined;
}

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/** The next speed up or down; at the ends it stays. */
export function stepSpeed(speed: number, by: 1 | -1): number {
    const at = SPEEDS.indexOf(speed);
    return SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, (at === -1 ? SPEEDS.indexOf(1) : at) + by))] ?? 1;
}
