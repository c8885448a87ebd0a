// A route as the form holds it, and as it is sent.
import type { Action, Calendar, Route, Rule } from '@/api/plan';
import { placeOf, rulesToSend, sent, type Blanks } from '@/ui/form/sent';

/** A special day as it is typed. */
type SpecialDay = Calendar['special'][number];

const BLANKS: Blanks = {
    rewrite: (rule: Rule) => !rule.starts && !rule.add && !rule.strip,
    'match.when.calendar.special': (day: SpecialDay) => !day.date,
};

/** A new route comes behind all others. */
export function newRoute(position: number): Partial<Route> {
    return { name: '', position, on: true, match: { from: [], to: [], came_by: 'slot' }, then: newAction('carriers'), scenario: '', source: '', rewrite: [] };
}

export const ACTIONS = ['carriers', 'slots', 'dialled_slot', 'service', 'refuse', 'ask'] as const;

/** An action of a kind, before anything is said of it. */
export function newAction(kind: Action['do']): Action {
    switch (kind) {
        case 'slots':
            return { do: 'slots', slots: [], ring: 'together', ring_s: 30 };
        case 'dialled_slot':
            return { do: 'dialled_slot', ring_s: 30 };
        case 'carriers':
            return { do: 'carriers', order: [], least_cost: false };
        case 'service':
            return { do: 'service' };
        case 'refuse':
            return { do: 'refuse', cause: 'destination_not_allowed' };
        case 'ask':
            return { do: 'ask', url: '', deadline_ms: 1000, default: newAction('refuse') };
    }
}

/** Nine to six on workdays. */
export function newCalendar(zone: string): Calendar {
    return { zone, week: { mon: ['09:00-18:00'], tue: ['09:00-18:00'], wed: ['09:00-18:00'], thu: ['09:00-18:00'], fri: ['09:00-18:00'] }, special: [] };
}

export function routeToWire(typed: Partial<Route>): Partial<Route> {
    return sent({ ...typed, rewrite: rulesToSend(typed.rewrite) }, BLANKS) as Partial<Route>;
}

export function routePlace(field: string, typed: Partial<Route>): string {
    return placeOf(field, typed, BLANKS);
}

/** Hours as they are typed, `9-13, 14:00–18`, in the server's form. What is no time stays as it is, for the server to say so. */
export function readHours(text: string): string[] {
    return text
        .split(/[,;]|\s+(?=\d)/)
        .map((span) => span.trim().replace(/\s*[–—-]\s*/, '-'))
        .filter(Boolean)
        .map((span) => span.split('-').map(fullTime).join('-'));
}

function fullTime(text: string): string {
    const [, hour, minute = '00'] = /^(\d{1,2})(?::(\d{2}))?$/.exec(text.trim()) ?? [];
    return hour === undefined ? text.trim() : `${hour.padStart(2, '0')}:${minute}`;
}
