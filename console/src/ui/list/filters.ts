import type { MessageKey } from '@/i18n';

/** What a list can be narrowed by. The value of each is the wire's own form of it (requirements, 1.6). */
export type FilterSpec =
    | { kind: 'choice'; name: string; label?: MessageKey; prefix: string; choices: readonly string[] }
    | { kind: 'text'; name: string; label?: MessageKey; operator: 'eq' | 'prefix' | 'contains' }
    | { kind: 'time'; name: string; label?: MessageKey }
    | { kind: 'yes'; name: string; label?: MessageKey }
    | { kind: 'user'; name: string; label?: MessageKey }
    | { kind: 'seconds'; name: string; label?: MessageKey }
    /** Rows of something else, by their ids: tags, scenarios. */
    | { kind: 'rows'; name: string; label?: MessageKey; choices: readonly { id: string; name: string }[] }
    /** One condition that is either there or not. */
    | { kind: 'flag'; name: string; label: MessageKey; value: unknown };

export type FilterValue = unknown;

/** The texts of `in` and `eq`: `{"status": "a"}` and `{"status": ["a", "b"]}`. */
export function choicesOf(value: FilterValue): string[] {
    if (typeof value === 'string') return [value];
    return Array.isArray(value) ? value.map(String) : [];
}

export function choicesTo(values: string[]): FilterValue {
    return values.length === 0 ? undefined : values.length === 1 ? values[0] : values;
}

export function textOf(value: FilterValue, operator: string): string {
    if (typeof value === 'string') return value;
    const text = (value as Record<string, unknown> | undefined)?.[operator];
    return typeof text === 'string' ? text : '';
}

export function textTo(text: string, operator: string): FilterValue {
    const trimmed = text.trim();
    if (!trimmed) return undefined;
    return operator === 'eq' ? trimmed : { [operator]: trimmed };
}

export interface TimeRange {
    gte?: number;
    lt?: number;
}

export function rangeOf(value: FilterValue): TimeRange {
    return typeof value === 'object' && value !== null ? (value as TimeRange) : {};
}

/** Whether a condition that is there or not is there. */
export function isFlag({ value: wanted }: Extract<FilterSpec, { kind: 'flag' }>, value: FilterValue): boolean {
    return JSON.stringify(value) === JSON.stringify(wanted);
}
