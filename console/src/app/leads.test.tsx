// Leads against the fake twin: what sellers and operators see and do.
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Lead } from '@/api/crm';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole, rows } from '@/testing/harness';

/** The console at a lead of Fedor's that stands somewhere. */
async function atLead(status: Lead['status'], is: (lead: Lead) => boolean = () => true, more: Parameters<typeof renderConsole>[0] = {}) {
    const console = await renderConsole({ user: 'fedor', path: '/settings', ...more });
    const lead = console.server.data.crm.leads.find((each) => each.status === status && each.assigned_seller === '7' && is(each));
    if (!lead) throw new Error(`a lead of Fedor's that is ${status}`);
    await act(() => console.router.navigate(`/leads/${lead.id}`));
    await screen.findByRole('heading', { level: 1, name: lead.client_name });
    return { ...console, lead };
}

describe('the list of leads', () => {
    it('has a seller’s own and no others, and nothing on it is markup', async () => {
        const { server } = await renderConsole({ user: 'fedor', path: '/leads' });
        const own = server.data.crm.leads.filter(({ assigned_seller }) => assigned_seller === '7');
        const shown = await rows('Leads');
        expect(shown).toHaveLength(own.length);
        expect(own.length).toBeLessThan(server.data.crm.leads.length);
        expect(document.querySelector('td b')).toBeNull();
        expect(server.log.filter(({ path }) => path === '/users')).toEqual([]);
    });

    it('is narrowed by status, and says what is overdue in a word', async () => {
        const { user, server } = await renderConsole({ user: 'fedor', path: '/leads' });
        await rows('Leads');
        await user.click(screen.getByRole('button', { name: 'Status' }));
        await user.click(await screen.findByRole('menuitemcheckbox', { name: 'Qualified' }));
        await waitFor(() => expect(server.log.findLast(({ path }) => path === '/crm/leads')?.query?.filter).toBe('{"status":"qualified"}'));
    });

    it('changes while one looks at it', async () => {
        const { server } = await renderConsole({ user: 'fedor', path: '/leads' });
        await rows('Leads');
        const lead = server.data.crm.leads.find(({ assigned_seller }) => assigned_seller === '7');
        act(() => server.live.emit('lead.update', lead?.id ?? '', { ...lead, client_name: 'Vera Brandt' }));
        await waitFor(async () => expect((await rows('Leads')).join()).toContain('Vera Brandt'));
    });

    it('leads to a new one with one key, on a Russian layout too', async () => {
        const { path } = await renderConsole({ user: 'fedor', path: '/leads' });
        await rows('Leads');
        fireEvent.keyDown(document.body, { code: 'KeyA', key: 'ф' });
        await screen.findByRole('heading', { name: 'New lead' });
        expect(path()).toBe('/leads/create');
    });

    it('is nobody’s who may not read leads, and offers nothing new to whom it is not given', async () => {
        await renderConsole({ user: 'elena', path: '/leads' });
        expect(await screen.findByText('You may not see this page')).toBeInTheDocument();
        document.body.replaceChildren();
        await renderConsole({ user: 'ann', path: '/leads' });
        await rows('Leads');
        expect(screen.queryByRole('link', { name: 'New lead' })).toBeNull();
    });
});

describe('a new lead', () => {
    it('has a name or a number, is sent without what was left empty, and is shown', async () => {
        const { user, server, path } = await renderConsole({ user: 'fedor', path: '/leads/create' });
        await user.click(await screen.findByRole('button', { name: 'Create' }));
        expect(await screen.findByText('A name or a telephone number must be there')).toBeInTheDocument();
        await user.type(screen.getByRole('textbox', { name: 'Phone' }), '8 916 555-00-11');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        await screen.findByRole('heading', { level: 1, name: '+7 916 555-00-11' });
        expect(server.log.find(({ method, path: at }) => method === 'POST' && at === '/crm/leads')?.body).toEqual({ phone: '8 916 555-00-11' });
        expect(path()).toMatch(/^\/leads\/\d+$/);
    });

    it('shows beside the field what the server does not take', async () => {
        const { user } = await renderConsole({ user: 'fedor', path: '/leads/create' });
        await user.type(await screen.findByRole('textbox', { name: 'Phone' }), 'nobody');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        await waitFor(() => expect(screen.getByRole('textbox', { name: 'Phone' })).toBeInvalid());
    });
});

describe('a lead', () => {
    it('is led on by what the server allows, with a key', async () => {
        const { user, server, lead } = await atLead('assigned');
        const { version } = lead;
        await screen.findByRole('button', { name: 'Move on' });
        fireEvent.keyDown(document.body, { code: 'KeyM', key: 'ь' });
        const offered = await screen.findAllByRole('menuitem');
        expect(offered.map((item) => item.textContent)).toEqual(['Spoken to', 'Qualified', 'Lost', 'Do not call']);
        await user.click(screen.getByRole('menuitem', { name: 'Spoken to' }));
        await waitFor(() => expect(screen.getByText('Contacted', { selector: 'li' })).toHaveAttribute('aria-current', 'step'));
        expect(server.log.find(({ path }) => path.endsWith('/events'))?.body).toEqual({ event: 'contact', version });
    });

    it('is not lost without a reason, and shows it', async () => {
        const { user, lead } = await atLead('contacted');
        await user.click(await screen.findByRole('button', { name: 'Move on' }));
        await user.click(await screen.findByRole('menuitem', { name: 'Lost' }));
        const dialog = await screen.findByRole('dialog', { name: 'Why is it lost?' });
        expect(within(dialog).getByRole('button', { name: 'Lost' })).toBeDisabled();
        await user.type(within(dialog).getByRole('textbox'), 'too dear');
        await user.click(within(dialog).getByRole('button', { name: 'Lost' }));
        expect(await screen.findByText('Lost: too dear')).toBeInTheDocument();
        expect(lead).toMatchObject({ status: 'lost', next_action: null });
        // Nothing leads on from here for a seller, and there is no next step any more.
        await waitFor(() => expect(screen.queryByRole('button', { name: 'Move on' })).toBeNull());
        expect(screen.queryByRole('button', { name: 'Set' })).toBeNull();
    });

    it('that somebody else has led on meanwhile is shown as it is now', async () => {
        const { user, server, lead } = await atLead('assigned');
        await user.click(await screen.findByRole('button', { name: 'Move on' }));
        Object.assign(lead, { status: 'qualified', version: lead.version + 1 });
        await user.click(await screen.findByRole('menuitem', { name: 'Spoken to' }));
        expect(await screen.findByText(/Somebody else has changed this meanwhile/)).toBeInTheDocument();
        await waitFor(() => expect(screen.getByText('Qualified', { selector: 'li' })).toHaveAttribute('aria-current', 'step'));
        expect(server.log.filter(({ path }) => path.endsWith('/events'))).toHaveLength(1);
    });

    it('has a next step, which is set and done', async () => {
        const { user, lead, server } = await atLead('qualified');
        fireEvent.keyDown(document.body, { code: 'KeyR', key: 'к' });
        const dialog = await screen.findByRole('dialog', { name: 'Next step' });
        await user.clear(within(dialog).getByRole('textbox'));
        await user.type(within(dialog).getByRole('textbox'), 'call back');
        await user.click(within(dialog).getByRole('button', { name: 'In an hour' }));
        await user.click(within(dialog).getByRole('button', { name: 'Save' }));
        expect(await screen.findByText('call back')).toBeInTheDocument();
        expect(lead.next_action_at).toBeGreaterThan(server.now());
        await user.click(screen.getByRole('button', { name: 'Done' }));
        expect(await screen.findByText('Nothing is promised.')).toBeInTheDocument();
        expect(lead).toMatchObject({ next_action: null, next_action_at: null });
    });

    it('is changed by what was typed alone, and a text can be taken away', async () => {
        const { user, server, lead } = await atLead('qualified', ({ email }) => email !== null);
        const { version } = lead;
        await user.click(screen.getAllByRole('button', { name: 'Change' })[0] as HTMLElement);
        const dialog = await screen.findByRole('dialog', { name: 'Change the lead' });
        await user.clear(within(dialog).getByRole('textbox', { name: 'E-mail' }));
        await user.click(within(dialog).getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
        expect(server.log.findLast(({ method }) => method === 'PUT')?.body).toEqual({ email: '', version });
        expect(lead.email).toBeNull();
        // Whose it is says who reaches all of them.
        expect(within(dialog).queryByLabelText('Seller')).toBeNull();
    });

    it('of somebody else is not there', async () => {
        const { server, router } = await renderConsole({ user: 'fedor', path: '/settings' });
        const foreign = server.data.crm.leads.find(({ assigned_seller }) => assigned_seller !== '7');
        await act(() => router.navigate(`/leads/${foreign?.id}`));
        expect(await screen.findByText('There is no such lead among yours')).toBeInTheDocument();
    });

    it('that goes to somebody else while one looks at it goes', async () => {
        const { server, lead } = await atLead('assigned');
        lead.assigned_seller = '17';
        act(() => server.live.emit('lead.update', lead.id, null));
        expect(await screen.findByText('There is no such lead among yours')).toBeInTheDocument();
    });

    it('that cannot be loaded says so in its place', async () => {
        const { server, router, user } = await renderConsole({ user: 'fedor', path: '/settings' });
        const lead = server.data.crm.leads.find(({ assigned_seller }) => assigned_seller === '7');
        server.failNext = { path: /crm\/leads\/\d+$/, problem: new FakeProblem(500, 'internal') };
        await act(() => router.navigate(`/leads/${lead?.id}`));
        await user.click(await screen.findByRole('button', { name: 'Try again' }));
        expect(await screen.findByRole('heading', { level: 1, name: lead?.client_name })).toBeInTheDocument();
    });

    it('of who may only read it offers nothing', async () => {
        const { server, router } = await renderConsole({ user: 'clara', path: '/settings' });
        const lead = server.data.crm.leads.find(({ status }) => status === 'qualified');
        await act(() => router.navigate(`/leads/${lead?.id}`));
        await screen.findByRole('heading', { level: 1 });
        await waitFor(() => expect(server.log.some(({ path }) => path.endsWith('/transitions'))).toBe(true));
        for (const name of ['Move on', 'Change', 'Set', 'Delete', 'Done']) expect(screen.queryByRole('button', { name })).toBeNull();
    });
});

describe('a seller’s day', () => {
    it('is where a seller begins, with what is overdue, due today and handed over, and nothing of others', async () => {
        const { server, path } = await renderConsole({ user: 'fedor' });
        await screen.findByRole('heading', { level: 1, name: 'My day' });
        expect(path()).toBe('/today');
        const now = server.now();
        const own = server.data.crm.leads.filter(({ assigned_seller }) => assigned_seller === '7');
        const overdue = own.filter(({ next_action_at }) => next_action_at !== null && next_action_at < now - 60_000);
        expect(overdue.length).toBeGreaterThan(0);
        const list = await screen.findByRole('list', { name: 'Overdue' });
        expect(within(list).getAllByRole('link')).toHaveLength(overdue.length);
        const names = own.map(({ client_name }) => client_name);
        for (const link of within(list).getAllByRole('link')) expect(names.some((name) => link.textContent?.includes(name))).toBe(true);
        const handed = within(await screen.findByRole('list', { name: 'Handed to me' })).getAllByRole('link');
        expect(handed).toHaveLength(own.filter(({ status, handed_over_at }) => ['new', 'assigned'].includes(status) && handed_over_at).length);
        // What a page asks for is narrowed by the server; nobody else's lead is named in what is sent.
        expect(server.log.filter(({ path: at }) => at === '/crm/leads').every(({ query }) => !String(query?.filter).includes('assigned_seller'))).toBe(true);
    });

    it('says what could be done if nothing is promised', async () => {
        const { server, services, router } = await renderConsole({ user: 'fedor', path: '/settings' });
        for (const lead of server.data.crm.leads) Object.assign(lead, { next_action: null, next_action_at: null });
        await act(() => router.navigate('/today'));
        expect(await screen.findByText(/Nothing is promised for today\./)).toBeInTheDocument();
        expect(await screen.findByRole('link', { name: /\d+ leads without a next step/ })).toHaveAttribute('href', expect.stringContaining('/leads?filter='));
        expect(screen.queryByText('Overdue')).toBeNull();
        expect(services.live.status).toBe('online');
    });

    it('counts how one’s leads stand', async () => {
        const { server } = await renderConsole({ user: 'fedor', path: '/today' });
        const link = await screen.findByRole('link', { name: 'Qualified' });
        const count = server.data.crm.leads.filter(({ status, assigned_seller }) => status === 'qualified' && assigned_seller === '7').length;
        await waitFor(() => expect(link.closest('dt')?.parentElement).toHaveTextContent(`Qualified${count}`));
    });

    it('changes with what happens', async () => {
        const { server } = await renderConsole({ user: 'fedor', path: '/today' });
        const list = await screen.findByRole('list', { name: 'Handed to me' });
        const before = within(list).getAllByRole('link').length;
        const lead = server.data.crm.leads.find(({ assigned_seller, status }) => assigned_seller !== '7' && status === 'assigned');
        Object.assign(lead ?? {}, { assigned_seller: '7', client_name: 'Vera Brandt', handed_over_at: server.now() });
        act(() => server.live.emit('lead.update', lead?.id ?? '', lead));
        await waitFor(() => expect(within(screen.getByRole('list', { name: 'Handed to me' })).getAllByRole('link')).toHaveLength(before + 1));
    });
});
