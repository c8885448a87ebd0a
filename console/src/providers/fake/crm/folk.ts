// Notes, histories, hand-over and clients.
import type { Client, HandOverOrder, Note, Seller } from '@/api/crm';
import type { User } from '@/api/types';
import type { HistoryAnswer, HistoryItem } from '@/ui/crm/entries';
import { FakeProblem } from '../problem';
import type { Context, FakeRoute, FakeWorld } from '../world';
import type { Leads } from './leads';

const CLIENT = ['kind', 'first_name', 'last_name', 'patronymic', 'org_name', 'inn', 'email', 'phones', 'owner_user_id'] as const;

const isWide = (scopes: Set<string> | undefined) => scopes?.has('center') || scopes?.has('all');

/** Who sells, and how many leads each works on. */
function sellers(world: FakeWorld): Seller[] {
    return world.data.users
        .filter(({ roles, state, id }) => state === 'active' && (roles.includes('seller') || ['17', '18'].includes(id)))
        .map(({ id, display_name }) => ({ id, name: display_name, open_leads: world.data.crm.leads.filter((lead) => lead.assigned_seller === id && !['converted', 'lost', 'dnc'].includes(lead.status)).length }));
}

/** What has been of whoever has this number. */
function history(world: FakeWorld, of: { lead?: string; client?: string; numbers: readonly (string | null)[] }): HistoryAnswer {
    const calls = world.data.calls.filter(({ caller, callee, status }) => status === 'ended' && of.numbers.some((number) => number && (number === caller || number === callee)));
    const notes = world.data.crm.notes.filter(({ lead_id, client_id }) => (of.lead && lead_id === of.lead) || (of.client && client_id === of.client));
    const events = world.data.crm.events.filter(({ lead }) => lead === of.lead);
    const items: HistoryItem[] = [
        ...calls.map((call): HistoryItem => ({ kind: 'call', at: call.started_at, call })),
        ...notes.map((note): HistoryItem => ({ kind: 'note', at: note.created_at, note })),
        ...events.map(({ lead: _, at, ...event }): HistoryItem => ({ kind: 'event', at, event })),
    ];
    return { items: items.toSorted((a, b) => b.at - a.at), next: null };
}

export const folkRoutes = (world: FakeWorld, leads: Leads): FakeRoute[] => {
    const { crm } = world.data;
    /** Orders that were answered, by their keys: the second time the answer is the same. */
    const answered = new Map<string, Note>();

    const clients = (user: User, permission: string) => (isWide(world.permissions(user).get(permission)) ? crm.clients : crm.clients.filter(({ owner_user_id }) => owner_user_id === user.id));
    const client = (context: Context, permission: string) => {
        world.need(context, permission);
        return world.one(clients(context.user, permission), ({ id }) => id === context.ids[0]);
    };
    const written = (body: Record<string, unknown>): Partial<Client> => {
        const given = Object.fromEntries(CLIENT.filter((name) => body[name] !== undefined).map((name) => [name, body[name] === '' ? null : body[name]])) as Partial<Client>;
        const phones = given.phones?.map((each) => ({ ...each, number: each.number.replace(/[\s().-]/g, '').replace(/^8(?=\d{10}$)/, '+7') }));
        const wrong = phones?.findIndex(({ number }) => !/^\+?\d{3,15}$/.test(number)) ?? -1;
        if (wrong !== -1) throw new FakeProblem(422, 'invalid_field', `phones[${wrong}].number`);
        return { ...given, ...(phones && { phones }) };
    };
    const note = (context: Context, permission: string) => {
        world.need(context, permission);
        const wide = isWide(world.permissions(context.user).get(permission));
        return world.one(crm.notes, ({ id, author_id }) => id === context.ids[0] && (wide || author_id === context.user.id));
    };

    return [
        ['GET', /^\/crm\/sellers$/, (context) => (world.need(context, 'leads.hand_over'), { items: sellers(world) })],
        [
            'POST',
            /^\/crm\/leads\/(\d+)\/hand-over$/,
            (context) => {
                const lead = leads.one(context, 'leads.hand_over');
                const order = context.body as unknown as HandOverOrder;
                leads.unchanged(lead, order.version);
                const all = sellers(world);
                const to = order.how === 'user' ? order.user_id : all.toSorted((a, b) => a.open_leads - b.open_leads)[0]?.id;
                if (!all.some(({ id }) => id === to)) throw new FakeProblem(422, 'invalid_field', 'user_id');
                lead.assigned_seller = to ?? null;
                leads.tell(context.user, lead, 'hand_over', lead.status === 'new' ? 'assigned' : lead.status);
                if (order.comment) crm.notes.push(makeNote(world, context.user, { lead_id: lead.id, text: order.comment }));
                return leads.change(lead, { handed_over_at: world.now(), status: lead.status === 'new' ? 'assigned' : lead.status, ...(order.next_action_at && { next_action_at: order.next_action_at }) });
            },
        ],
        [
            'GET',
            /^\/crm\/leads\/(\d+)\/history$/,
            (context) => {
                const lead = leads.one(context);
                return history(world, { lead: lead.id, numbers: [lead.phone] });
            },
        ],
        ['GET', /^\/crm\/leads\/(\d+)\/notes$/, (context) => ({ items: crm.notes.filter(({ lead_id }) => lead_id === leads.one(context).id).toReversed() })],
        ['GET', /^\/crm\/notes\/([\w-]+)$/, (context) => (world.need(context, 'notes.read'), { items: crm.notes.filter(({ call_id }) => call_id === context.ids[0]).toReversed() })],
        [
            'POST',
            /^\/crm\/note$/,
            (context) => {
                world.need(context, 'notes.create');
                const { body, user, request } = context;
                const text = String(body.text ?? '').trim();
                if (!text) throw new FakeProblem(422, 'missing_field', 'text');
                const key = request.headers?.['Idempotency-Key'];
                const before = key && answered.get(key);
                if (before) return before;
                const made = makeNote(world, user, { ...body, text });
                crm.notes.push(made);
                if (key) answered.set(key, made);
                world.live.emit('note.new', made.id, made);
                return made;
            },
        ],
        [
            'PUT',
            /^\/crm\/note\/(\d+)$/,
            (context) => {
                const changed = world.change(note(context, 'notes.update'), context.body);
                changed.updated_at = world.now();
                return changed;
            },
        ],
        [
            'DELETE',
            /^\/crm\/note\/(\d+)$/,
            (context) => {
                const gone = note(context, 'notes.delete');
                crm.notes = crm.notes.filter((each) => each !== gone);
            },
        ],

        ['GET', /^\/clients$/, world.listed('clients', ({ user }) => clients(user, 'clients.read'), 'clients.read')],
        [
            'POST',
            /^\/clients$/,
            (context) => {
                world.need(context, 'clients.create');
                const now = world.now();
                const made: Client = { id: world.newId(), kind: 'person', first_name: null, last_name: null, patronymic: null, org_name: null, inn: null, email: null, owner_user_id: null, phones: [], version: 1, created_at: now, updated_at: now, created_by: context.user.id, ...written(context.body) };
                if (made.phones.some(({ number }) => crm.clients.some(({ phones }) => phones.some((each) => each.number === number)))) throw new FakeProblem(409, 'phone_taken', 'phones');
                crm.clients.push(made);
                return made;
            },
        ],
        ['GET', /^\/clients\/(\d+)$/, (context) => world.seen('clients', context.user, client(context, 'clients.read'))],
        ['PUT', /^\/clients\/(\d+)$/, (context) => world.change(client(context, 'clients.update'), { ...written(context.body), version: context.body.version })],
        [
            'GET',
            /^\/clients\/(\d+)\/history$/,
            (context) => {
                const { id, phones } = client(context, 'clients.read');
                return history(world, { client: id, numbers: phones.map(({ number }) => number) });
            },
        ],
    ];
};

function makeNote(world: FakeWorld, user: User, body: Record<string, unknown>): Note {
    const now = world.now();
    const of = (name: string) => (body[name] as string | undefined) ?? null;
    return { id: world.newId(), call_id: of('call_id'), lead_id: of('lead_id'), client_id: of('client_id'), text: String(body.text), author_id: user.id, author_name: user.display_name, version: 1, created_at: now, updated_at: now };
}
