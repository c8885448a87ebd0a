// How much was heard and tagged, added up when somebody asks.
import { toWall } from '@/i18n';
import { FakeProblem } from '../problem';
import type { Context, FakeRoute, FakeWorld } from '../world';
import { groupsOf } from './reach';

/** The time zone of the centre. */
const ZONE = 'Europe/Moscow';

export const statisticsRoutes = (world: FakeWorld): FakeRoute[] => {
    const person = (id: string) => ({ user: id, user_name: world.data.users.find((user) => user.id === id)?.display_name ?? '' });
    return [
        [
            'GET',
            /^\/statistics\/tags$/,
            (context) => {
                const { query = {} } = context.request;
                if (query.format === 'xlsx') {
                    world.need(context, 'tag_statistics.export');
                    return new Blob(['PK']);
                }
                const { by, period, isSeen } = asked(context, ['day', 'user', 'tag'], 'tag');
                const { tags, deeds } = world.data.listening;
                const groups = groupsOf(world, context.user);
                const counted = deeds.flatMap(({ at, user, tag, sign }) => {
                    const found = tags.find(({ id }) => id === tag);
                    const group = groups.find(({ id }) => id === found?.group_id);
                    if (!found || !group || !isSeen(at, user)) return [];
                    const line = { ...(by.includes('day') && { day: dayOf(at) }), ...(by.includes('user') && person(user)), ...(by.includes('tag') && { tag, tag_name: found.name, colour: found.colour, group: group.id, group_name: group.name }) };
                    return [{ line, sums: { set: sign === 1 ? 1 : 0, unset: sign === 1 ? 0 : 1 } }];
                });
                return { ...period, by, ...added(counted, { set: 0, unset: 0 }) };
            },
        ],
        [
            'GET',
            /^\/statistics\/listening$/,
            (context) => {
                const { by, period, isSeen } = asked(context, ['day', 'user', 'scenario'], 'day');
                const counted = world.data.listening.listens.flatMap(({ at, user, ms }) => {
                    if (!isSeen(at, user)) return [];
                    const { user: user_id, user_name } = person(user);
                    return [{ line: { ...(by.includes('day') && { day: dayOf(at) }), ...(by.includes('user') && { user_id, user_name }) }, sums: { opened: 1, completed: 1, heard_ms: ms } }];
                });
                return { ...period, by, ...added(counted, { opened: 0, completed: 0, heard_ms: 0 }) };
            },
        ],
    ];
};

/** What is asked for, and whether something that was done then, and by whom, is part of it. */
function asked({ request, user }: Context, choices: string[], otherwise: string) {
    const { from, to, by: text } = request.query ?? {};
    const by = String(text ?? otherwise).split(',');
    if (by.some((each) => !choices.includes(each))) throw new FakeProblem(422, 'invalid_field', 'by');
    if (typeof from !== 'string' || typeof to !== 'string' || from > to) throw new FakeProblem(422, 'invalid_field', 'to');
    const isOwn = user.roles.includes('listener');
    return { by, period: { from, to }, isSeen: (at: number, who: string) => dayOf(at) >= from && dayOf(at) <= to && (!isOwn || who === user.id) };
}

function dayOf(at: number): string {
    return toWall(at, ZONE).slice(0, 10);
}

function added<Line extends object, Sums extends Record<string, number>>(counted: { line: Line; sums: Sums }[], none: Sums) {
    const rows = new Map<string, Line & Sums>();
    const totals: Record<string, number> = { ...none };
    for (const { line, sums } of counted) {
        const key = JSON.stringify(line);
        const row: Record<string, unknown> = rows.get(key) ?? { ...line, ...none };
        for (const [name, value] of Object.entries(sums)) {
            row[name] = Number(row[name]) + value;
            totals[name] = (totals[name] ?? 0) + value;
        }
        rows.set(key, row as Line & Sums);
    }
    return { rows: [...rows.values()], totals };
}
