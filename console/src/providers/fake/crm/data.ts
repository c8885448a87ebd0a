// Made-up people who may become clients.
import { isOpenLead, type Client, type Lead, type LeadHappened, type LeadStatus, type Note } from '@/api/crm';
import type { Call, User } from '@/api/types';
import { Chance } from '../chance';

export interface CrmData {
    leads: Lead[];
    clients: Client[];
    notes: Note[];
    /** What became of leads, oldest first. */
    events: (LeadHappened & { id: string; lead: string; at: number })[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const PEOPLE = ['Иван Петров', 'Мария Ковалёва', 'ООО «Лад»', 'Сергей Анатольевич Преображенский-Константинопольский', 'Oliver Brandt', 'Алина Гордеева', 'Пётр Шубин', 'ИП Назаров', 'Наталья Юрьевна', 'Дмитрий', 'Ольга Рябова', 'Тимур Ахметов', 'Галина Фомина', 'Роман Белый', 'Юлия Цой', 'Артём Кулик', 'Светлана', 'Глеб Воронин'];
const SOURCES = ['билборд', 'сайт', 'знакомые', 'Яндекс', 'выставка', null];
const STEPS = ['перезвонить', 'отправить смету', 'показ квартиры, 2 комнаты', 'напомнить про ипотеку', 'ждёт смету', 'договориться о встрече в офисе на Ленинградском проспекте'];
const STATUSES: LeadStatus[] = ['new', 'assigned', 'contacted', 'qualified', 'contacted', 'assigned', 'qualified', 'converted', 'lost', 'new', 'dnc'];
const LOST = ['дорого', 'не отвечает', 'купил у других', 'передумал'];

/** Fedor's the most; the rest are other people's of the centre. */
const SELLERS = ['7', '7', '7', '17', '18'];
const OPERATORS = ['2', '2', '3', null];

const SAID = ['Просил перезвонить после шести, интересует двушка на Химках.', 'Смету отправили, ждёт решения жены.', 'Трубку взял секретарь.', 'Хочет скидку; обещали уточнить у руководителя.'];

export function makeCrm(users: readonly User[], calls: readonly Call[], now: number): CrmData {
    const chance = new Chance(23);
    const there = (id: string | null) => (users.some((user) => user.id === id) ? id : null);
    // Most leads have called, or have been called.
    const numbers = [...new Set(calls.flatMap(({ direction, caller, callee }) => (direction === 'internal' ? [] : [direction === 'inbound' ? caller : callee])))].filter((number) => number.startsWith('+'));
    const leads = Array.from({ length: 48 }, (_, index): Lead => {
        const status = STATUSES[index % STATUSES.length] ?? 'new';
        const made = now - chance.whole(1, 40) * DAY - chance.whole(0, 600) * MINUTE;
        // Some should have been done by now, some are for today, some for another day, some for no time.
        const due = [now - chance.whole(2, 40) * HOUR, now + chance.whole(10, 200) * MINUTE, now + chance.whole(1, 9) * DAY, null][index % 4] ?? null;
        const isPromised = isOpenLead({ status }) && (due !== null || chance.percent(40));
        return {
            id: String(500 + index),
            status,
            client_name: index === 9 ? '' : (PEOPLE[index % PEOPLE.length] ?? ''),
            phone: index % 13 === 12 ? null : (numbers[index] ?? `+7916${String(1_230_000 + index * 7919).slice(0, 7)}`),
            email: chance.percent(40) ? `client${index}@example.org` : null,
            source: chance.one(SOURCES),
            assigned_seller: status === 'new' && index % 3 === 0 ? null : there(SELLERS[index % SELLERS.length] ?? null),
            assigned_operator: there(OPERATORS[index % OPERATORS.length] ?? null),
            next_action_at: isPromised ? due : null,
            next_action: isPromised ? chance.one(STEPS) : null,
            lost_reason: status === 'lost' ? chance.one(LOST) : status === 'dnc' ? 'просил больше не звонить' : null,
            version: chance.whole(1, 5),
            created_at: made,
            updated_at: made + chance.whole(1, 20) * HOUR,
            created_by: '2',
            client_id: null,
            handed_over_at: index % 2 === 1 ? made + HOUR : null,
        };
    });
    // What a stranger says that they are called: it has to come out as text.
    const strange = leads[4];
    if (strange) strange.client_name = '<b>Oliver</b> Brandt';
    const events = leads.flatMap((lead, index): CrmData['events'] => {
        const told = { actor_id: '2', actor_name: null, seller: lead.assigned_seller, operator: lead.assigned_operator, lead: lead.id };
        return [
            { ...told, id: `${lead.id}1`, kind: 'create', from_status: null, to_status: 'new', at: lead.created_at },
            ...(lead.status === 'new' ? [] : [{ ...told, id: `${lead.id}2`, kind: index % 2 === 0 ? 'assign' : 'hand_over', from_status: 'new' as const, to_status: 'assigned' as const, at: lead.created_at + HOUR }]),
        ];
    });
    const notes = leads.slice(0, 30).map((lead, index): Note => ({
        id: String(900 + index),
        call_id: null,
        lead_id: lead.id,
        client_id: null,
        text: SAID[index % SAID.length] ?? '',
        author_id: index % 3 === 0 ? '7' : '2',
        author_name: index % 3 === 0 ? 'Фёдор Морозов' : 'Анна Кузнецова',
        version: 1,
        created_at: lead.updated_at,
        updated_at: lead.updated_at,
    }));
    return { leads, clients: makeClients(chance, now), notes, events };
}

function makeClients(chance: Chance, now: number): Client[] {
    return Array.from({ length: 26 }, (_, index): Client => {
        const isCompany = index % 4 === 1;
        const [last = '', first = ''] = (PEOPLE[(index * 5) % PEOPLE.length] ?? '').split(' ');
        const at = now - chance.whole(2, 300) * DAY;
        return {
            id: String(700 + index),
            kind: isCompany ? 'company' : 'person',
            first_name: isCompany ? null : first || null,
            last_name: isCompany ? null : last || null,
            patronymic: null,
            org_name: isCompany ? `ООО «${chance.one(['Лад', 'Стройинвест', 'Ромашка', 'Северо-Западная управляющая компания'])}»` : null,
            inn: isCompany ? String(7_700_000_000 + index * 7919) : null,
            email: chance.percent(50) ? `client${index}@example.org` : null,
            owner_user_id: chance.one(['7', '7', '17', null]),
            phones: Array.from({ length: 1 + (index % 3 === 0 ? 1 : 0) }, (_, at) => ({ number: `+7903${String(1_000_000 + index * 7919 + at)}`, kind: at === 0 ? 'mobile' : 'work', primary: at === 0 })),
            version: 1,
            created_at: at,
            updated_at: at + DAY,
            created_by: '2',
        };
    });
}
