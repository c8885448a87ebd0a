// Leads, and what becomes of them.
import { isOpenLead, LEAD_NAME_MAX, type Client, type Lead, type LeadEvent, type LeadStatus, type LeadStep } from '@/api/crm';
import type { User } from '@/api/types';
import { FakeProblem } from '../problem';
import type { Context, FakeRoute, FakeWorld } from '../world';

/** How one event leads on; the server has the same table (crm/src/core/lead.rs). */
const LEADS_ON: [from: LeadStatus[], event: LeadEvent, to: LeadStatus, right: string, needs: LeadStep['needs']][] = [
    [['new'], 'assign', 'assigned', 'leads.update', ['assignee']],
    [['new', 'assigned'], 'contact', 'contacted', 'leads.update', []],
    [['assigned', 'contacted'], 'qualify', 'qualified', 'leads.update', []],
    [['contacted', 'qualified'], 'convert', 'converted', 'leads.update', ['identity']],
    [['new', 'assigned', 'contacted', 'qualified'], 'lose', 'lost', 'leads.update', ['reason']],
    [['new', 'assigned', 'contacted', 'qualified'], 'dnc', 'dnc', 'leads.update', ['reason']],
    [['lost'], 'reopen', 'assigned', 'leads.reopen', []],
];

/** What can be written of a lead. */
const WRITTEN = ['client_name', 'phone', 'email', 'source', 'next_action', 'next_action_at', 'assigned_seller', 'assigned_operator'] as const;

/** What is asked of leads by all that has to do with them. */
export class Leads {
    readonly #world: FakeWorld;

    constructor(world: FakeWorld) {
        this.#world = world;
    }

    /** Those that somebody's right reaches: their own, or all of the centre. */
    reached(user: User, permission = 'leads.read'): Lead[] {
        const scopes = this.#world.permissions(user).get(permission);
        if (!scopes) return [];
        const { leads } = this.#world.data.crm;
        return scopes.has('center') || scopes.has('all') ? leads : leads.filter((lead) => lead.assigned_seller === user.id || lead.assigned_operator === user.id);
    }

    /** One of them; what is not reached is not there. */
    one(context: Context, permission = 'leads.read'): Lead {
        const [id] = context.ids;
        this.#world.need(context, permission);
        return this.#world.one(this.reached(context.user, permission), (lead) => lead.id === id);
    }

    /** What leads on from where a lead stands, by somebody's rights. */
    steps(user: User, lead: Lead): LeadStep[] {
        return LEADS_ON.filter(([from, , , right]) => from.includes(lead.status) && this.reached(user, right).includes(lead)).map(([, event, to, , needs]) => ({ event, to, needs }));
    }

    /** Writes down what became of it. */
    tell(user: User, lead: Lead, kind: string, to: LeadStatus): void {
        const world = this.#world;
        world.data.crm.events.push({ id: world.newId(), lead: lead.id, kind, from_status: lead.status, to_status: to, actor_id: user.id, actor_name: user.display_name, seller: lead.assigned_seller, operator: lead.assigned_operator, at: world.now() });
    }

    /** The client with its number, or a new one. */
    #client(lead: Lead): Client {
        const { data, now, newId } = { data: this.#world.data.crm, now: this.#world.now(), newId: () => this.#world.newId() };
        const there = data.clients.find(({ phones }) => phones.some(({ number }) => number === lead.phone));
        if (there) return there;
        const [last_name = '', first_name = ''] = lead.client_name.split(' ');
        const client: Client = { id: newId(), kind: 'person', first_name, last_name, patronymic: null, org_name: null, inn: null, email: lead.email, owner_user_id: lead.assigned_seller, phones: lead.phone ? [{ number: lead.phone, kind: 'mobile', primary: true }] : [], version: 1, created_at: now, updated_at: now, created_by: lead.assigned_seller };
        data.clients.push(client);
        return client;
    }

    change(lead: Lead, change: Partial<Lead>): Lead {
        Object.assign(lead, change, { version: lead.version + 1, updated_at: this.#world.now() });
        this.#world.live.emit('lead.update', lead.id, lead);
        return lead;
    }

    /** Refuses a change of what has been changed meanwhile. */
    unchanged(lead: Lead, version: unknown): void {
        if (version === undefined) throw new FakeProblem(422, 'missing_field', 'version');
        if (version !== lead.version) throw new FakeProblem(409, 'version_conflict', undefined, { version: lead.version });
    }

    happen(user: User, lead: Lead, event: string, reason: string | undefined): Lead {
        const allowed = this.steps(user, lead);
        const step = allowed.find((each) => each.event === event);
        if (!step) throw new FakeProblem(409, 'transition_not_allowed', undefined, { state: lead.status, allowed: allowed.map((each) => each.event) });
        if (step.needs.includes('reason') && !reason) throw new FakeProblem(422, 'missing_field', 'reason');
        const ends = !isOpenLead({ status: step.to });
        this.tell(user, lead, event, step.to);
        if (event === 'convert') lead.client_id = this.#client(lead).id;
        return this.change(lead, {
            status: step.to,
            lost_reason: step.needs.includes('reason') ? (reason ?? null) : null,
            ...(ends && { next_action: null, next_action_at: null }),
        });
    }
}

/** What of a body is a lead's, as the server keeps it: no text is null. */
function written(body: Record<string, unknown>): Partial<Lead> {
    const unknown = Object.keys(body).find((name) => name !== 'version' && name !== 'status' && !(WRITTEN as readonly string[]).includes(name));
    if (unknown) throw new FakeProblem(422, 'unknown_field', unknown);
    if (String(body.client_name ?? '').length > LEAD_NAME_MAX) throw new FakeProblem(422, 'invalid_field', 'client_name');
    const phone = typeof body.phone === 'string' ? body.phone.replace(/[\s().-]/g, '').replace(/^8(?=\d{10}$)/, '+7') : undefined;
    if (phone && !/^\+?\d{3,15}$/.test(phone)) throw new FakeProblem(422, 'invalid_field', 'phone');
    const given = Object.entries({ ...body, ...(phone !== undefined && { phone }) }).filter(([name, value]) => (WRITTEN as readonly string[]).includes(name) && value !== undefined);
    return Object.fromEntries(given.map(([name, value]) => [name, value === '' && name !== 'client_name' ? null : value])) as Partial<Lead>;
}

export const leadRoutes = (world: FakeWorld, leads: Leads): FakeRoute[] => [
    ['GET', /^\/crm\/leads$/, world.listed('leads', ({ user }) => leads.reached(user), 'leads.read')],
    [
        'POST',
        /^\/crm\/leads$/,
        (context) => {
            world.need(context, 'leads.create');
            const { body, user } = context;
            const given = written(body);
            if (!given.client_name && !given.phone) throw new FakeProblem(422, 'invalid_field', 'client_name');
            const now = world.now();
            const isSeller = user.roles.includes('seller');
            const lead: Lead = {
                id: world.newId(),
                status: 'new',
                client_name: '',
                phone: null,
                email: null,
                source: null,
                next_action: null,
                next_action_at: null,
                assigned_seller: isSeller ? user.id : null,
                assigned_operator: user.roles.includes('operator') && !isSeller ? user.id : null,
                lost_reason: null,
                version: 1,
                created_at: now,
                updated_at: now,
                created_by: user.id,
                client_id: null,
                handed_over_at: null,
                ...given,
            };
            world.data.crm.leads.push(lead);
            world.live.emit('lead.update', lead.id, lead);
            return lead;
        },
    ],
    ['GET', /^\/crm\/leads\/(\d+)$/, (context) => world.seen('leads', context.user, leads.one(context))],
    [
        'PUT',
        /^\/crm\/leads\/(\d+)$/,
        (context) => {
            const lead = leads.one(context, 'leads.update');
            leads.unchanged(lead, context.body.version);
            return leads.change(lead, written(context.body));
        },
    ],
    [
        'DELETE',
        /^\/crm\/leads\/(\d+)$/,
        (context) => {
            const lead = leads.one(context, 'leads.delete');
            world.data.crm.leads = world.data.crm.leads.filter((each) => each !== lead);
            world.live.emit('lead.update', lead.id, null);
        },
    ],
    [
        'GET',
        /^\/crm\/leads\/(\d+)\/transitions$/,
        (context) => {
            const lead = leads.one(context);
            return { status: lead.status, version: lead.version, allowed: leads.steps(context.user, lead) };
        },
    ],
    [
        'POST',
        /^\/crm\/leads\/(\d+)\/events$/,
        (context) => {
            const lead = leads.one(context);
            leads.unchanged(lead, context.body.version);
            return leads.happen(context.user, lead, String(context.body.event), context.body.reason as string | undefined);
        },
    ],
];
