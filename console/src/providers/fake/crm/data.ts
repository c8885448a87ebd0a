// Made-up people who may become clients.
import { isOpenLead, type Lead, type LeadStatus } from '@/api/crm';
import type { User } from '@/api/types';
import { Chance } from '../chance';

export interface CrmData {
    leads: Lead[];
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

export function makeCrm(users: readonly User[], now: number): CrmData {
    const chance = new Chance(23);
    const there = (id: string | null) => (users.some((user) => user.id === id) ? id : null);
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
            phone: index % 13 === 12 ? null : `+7916${String(1_230_000 + index * 7919).slice(0, 7)}`,
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
        };
    });
    // What a stranger says that they are called: it has to come out as text.
    const strange = leads[4];
    if (strange) strange.client_name = '<b>Oliver</b> Brandt';
    return { leads };
}
