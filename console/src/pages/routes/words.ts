// What a route does, in a line of words: “numbers that begin with +7495, on workdays 9–18, from slots → carrier Northern, then group moscow”.
import type { Action, Calendar, Outlet, RouteMatch, SlotRef, Weekday } from '@/api/plan';
import type { Format, Translate } from '@/i18n';

export const WEEK: Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** Numbers beyond these are counted, not named. */
const NAMED_MAX = 3;

export interface Names {
    t: Translate;
    format: Format;
    code: (prefix: string, code: string | null | undefined, otherwise?: string) => string;
    /** What people call a carrier. */
    carrier: (id: string) => string;
}

/** Which calls a route is for. */
export function matchWords(match: Partial<RouteMatch> | undefined, names: Names): string {
    const { t, format } = names;
    const parts: string[] = [];
    const { from = [], to = [], length, came_by = 'any', when } = match ?? {};
    if (to.length > 0) parts.push(numberWords(to, 'to', names));
    if (length) parts.push(t('route_words.length', { smart_count: length }));
    if (from.length > 0) parts.push(numberWords(from, 'from', names));
    if (when?.calendar) parts.push(t(when.open === false ? 'route_words.outside' : 'route_words.within', { hours: hoursWords(when.calendar, names) }));
    if (came_by === 'slot') parts.push(t('route_words.by_slot'));
    else if (typeof came_by === 'object') parts.push(t('route_words.by_carriers', { carriers: format.either(came_by.carriers.map(names.carrier)) }));
    return parts.length > 0 ? parts.join(', ') : t('route_words.all');
}

function numberWords(numbers: string[], side: 'from' | 'to', { t, format }: Names): string {
    const whole = numbers.filter((number) => !number.endsWith('*'));
    const starts = numbers.filter((number) => number.endsWith('*')).map((number) => number.slice(0, -1));
    const named = (list: string[]) => (list.length > NAMED_MAX ? t('route_words.more', { numbers: list.slice(0, NAMED_MAX - 1).join(', '), count: list.length - NAMED_MAX + 1 }) : format.either(list));
    if (starts.some((start) => start === '')) return t(`route_words.${side}_any`);
    return [starts.length > 0 && t(`route_words.${side}_starts`, { numbers: named(starts) }), whole.length > 0 && t(`route_words.${side}_whole`, { smart_count: whole.length, numbers: named(whole) })].filter(Boolean).join(', ');
}

/** A calendar's week, if it can be said shortly. */
export function hoursWords(calendar: Calendar, { t, format }: Pick<Names, 't' | 'format'>): string {
    const open = WEEK.filter((day) => (calendar.week?.[day]?.length ?? 0) > 0);
    const spans = new Set(open.map((day) => calendar.week[day]?.join(',')));
    if (spans.size !== 1) return t('route_words.calendar', { zone: calendar.zone });
    const hours = (calendar.week[open[0] ?? 'mon'] ?? []).map(spanWords).join(', ');
    const days = open.join() === WEEK.join() ? t('route_words.every_day') : open.join() === 'mon,tue,wed,thu,fri' ? t('route_words.workdays') : open.join() === 'sat,sun' ? t('route_words.weekends') : t('route_words.days', { days: format.weekdays(open.map((day) => WEEK.indexOf(day))) });
    return hours === '0–24' ? days : `${days} ${hours}`;
}

/** `09:00-18:30` as 9–18:30. */
function spanWords(span: string): string {
    return span
        .split('-')
        .map((time) => time.replace(/^0(?=\d)/, '').replace(/:00$/, ''))
        .join('–');
}

/** What becomes of a call. */
export function actionWords(action: Action | undefined, names: Names): string {
    const { t, code } = names;
    switch (action?.do) {
        case 'slots':
            return t(action.ring === 'in_turn' ? 'route_words.slots_in_turn' : 'route_words.slots', { smart_count: action.slots?.length ?? 0, slots: slotWords(action.slots ?? []) });
        case 'dialled_slot':
            return t('route_words.dialled_slot');
        case 'carriers': {
            const order = (action.order ?? []).map((outlet) => outletWords(outlet, names)).join(t('route_words.then'));
            return action.least_cost ? t('route_words.cheapest', { order }) : order;
        }
        case 'service':
            return action.number ? t('route_words.service', { number: action.number }) : t('route_words.dialled_service');
        case 'refuse':
            return t('route_words.refuse', { cause: code('causes', action.cause) });
        case 'ask':
            return t('route_words.ask', { host: hostOf(action.url), otherwise: actionWords(action.default, names) });
        default:
            return '';
    }
}

export function outletWords(outlet: Outlet, { t, carrier }: Pick<Names, 't' | 'carrier'>): string {
    return 'carrier' in outlet ? t('route_words.carrier', { name: carrier(outlet.carrier) }) : t('route_words.group', { name: outlet.group });
}

function slotWords(slots: SlotRef[]): string {
    const texts = slots.map((slot) => (typeof slot === 'string' ? slot : `#${slot.id}`));
    return texts.length > 6 ? `${texts.slice(0, 5).join(', ')}…` : texts.join(', ');
}

function hostOf(url: string | undefined): string {
    return /^https?:\/\/([^/?#]+)/.exec(url ?? '')?.[1] ?? url ?? '';
}
