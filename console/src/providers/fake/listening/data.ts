// Tags of a small call centre that sells homes, and who listens there.
import type { CallTag, Scenario, Tag, TagColour, TagGroup } from '@/api/listening';
import type { User } from '@/api/types';
import type { Range } from '@/pages/calls/player/heard';
import type { Chance } from '../chance';
import type { FakeCall } from '../data';

/** A tag on a call. */
export type Tagging = Pick<CallTag, 'tag_id' | 'set_at' | 'set_by'>;

export interface ListeningData {
    scenarios: Scenario[];
    groups: TagGroup[];
    tags: Tag[];
    /** By calls. */
    taggings: Map<string, Tagging[]>;
    /** How often the tags of a call have been changed. */
    versions: Map<string, number>;
    /** What people have heard, by person and call. */
    heard: Map<string, Range[]>;
    /** Every tag that was set (1) or taken off (-1), and every call that came to count as heard. */
    deeds: TagDeed[];
    listens: Listen[];
    /** When recordings were erased, by calls. */
    erased: Map<string, number>;
}

export interface TagDeed {
    at: number;
    user: string;
    tag: string;
    sign: 1 | -1;
}

export interface Listen {
    at: number;
    user: string;
    ms: number;
}

/** The scenarios that a listener is given; there are two more. */
export const GIVEN = ['отдел продаж2', 'отдел продаж4', 'отдел продаж Химки'];
/** The groups of tags that a listener is given; there is one more. */
const GROUPS_GIVEN = ['1', '2', '3'];

const DAY = 86_400_000;

const GROUPS: [string, TagColour, boolean, [string, TagColour?][]][] = [
    ['Итог', 'green', true, [['целевой звонок'], ['нецелевой звонок', 'red']]],
    ['Квартира', 'blue', false, [['1 комната'], ['2 комнаты'], ['3 комнаты и больше']]],
    ['Прочее', 'grey', false, [['брокер не взял трубку', 'orange'], ['парковка', 'teal']]],
    ['Жалобы', 'pink', false, [['грубость'], ['обещали и не перезвонили']]],
];

export function makeListening(chance: Chance, calls: FakeCall[], users: User[], now: number): ListeningData {
    const dates = { created_at: now - 90 * DAY, updated_at: now - 2 * DAY, version: 1 };
    const groups = GROUPS.map(([name, colour, exclusive], index): TagGroup => ({ id: String(index + 1), name, colour, exclusive, position: index + 1, active: true, rates: index === 0, ...dates }));
    const tags = GROUPS.flatMap(([, colour, , names], group) => names.map(([name, own], index) => ({ name, colour: own ?? colour, group_id: String(group + 1), position: index + 1 }))).map((tag, index): Tag => ({ ...tag, id: String(index + 1), stop: 'none', active: true, ...dates }));
    const codes = [...GIVEN, 'sales', 'support'];
    const scenarios = codes.map((code, index): Scenario => ({ id: String(index + 1), code, name: { sales: 'Продажи, старый номер', support: 'Поддержка' }[code] ?? code, kind: 'department', active: true, ...dates }));
    for (const [index, call] of calls.entries()) call.scenario ??= call.direction === 'inbound' ? (GIVEN[index % GIVEN.length] ?? null) : null;
    const listener = users.find(({ username }) => username === 'elena');
    if (listener) {
        listener.lists = [
            { resource: 'calls', kind: 'scenario', ids: GIVEN },
            { resource: 'tags', kind: 'tag_group', ids: GROUPS_GIVEN },
        ];
    }
    const other = users[20];
    if (other) {
        other.roles = ['listener'];
        other.lists = [{ resource: 'calls', kind: 'scenario', ids: [GIVEN[0] ?? ''] }];
    }
    const taggings = new Map<string, Tagging[]>();
    const versions = new Map<string, number>();
    for (const call of calls) {
        if (!GIVEN.includes(call.scenario ?? '') || !call.recording || !chance.percent(40)) continue;
        const target = chance.percent(60);
        const ids = [target ? '1' : '2', ...(target ? [chance.one(['3', '4', '5'])] : []), ...(chance.percent(15) ? ['7'] : [])];
        const by = chance.percent(50) ? listener?.id : users[14]?.id;
        taggings.set(call.call_id, ids.map((tag_id) => ({ tag_id, set_at: Math.min(now, call.started_at + 40 * 60_000), set_by: by ?? null })));
        versions.set(call.call_id, ids.length);
    }
    // What was done in the last three weeks; less of it on days off.
    const deeds: TagDeed[] = [];
    const listens: Listen[] = [];
    for (let day = 1; day <= 21; day += 1) {
        for (const user of [listener, users[20], users[14]]) {
            if (!user || day % 7 > 4) continue;
            for (let call = chance.whole(2, user === listener ? 24 : 12); call > 0; call -= 1) {
                const at = now - day * DAY + chance.whole(0, 6) * 3_600_000;
                listens.push({ at, user: user.id, ms: chance.whole(20, 400) * 1000 });
                deeds.push({ at, user: user.id, tag: chance.one(['1', '1', '2']), sign: 1 });
                if (chance.percent(60)) deeds.push({ at, user: user.id, tag: chance.one(['3', '4', '5', '7']), sign: 1 });
                if (chance.percent(6)) deeds.push({ at, user: user.id, tag: '1', sign: -1 });
            }
        }
    }
    return { deeds, listens, scenarios, groups, tags, taggings, versions, heard: new Map(), erased: new Map() };
}
