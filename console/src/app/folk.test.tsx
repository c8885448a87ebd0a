// Notes, histories, hand-over and clients against the fake twin.
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Lead } from '@/api/crm';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole, rows } from '@/testing/harness';

/** The console of somebody at a lead of theirs. */
async function atLead(user: 'ann' | 'fedor', is: (lead: Lead) => boolean, more: Parameters<typeof renderConsole>[0] = {}) {
    const console = await renderConsole({ user, path: '/settings', ...more });
    const lead = console.server.data.crm.leads.find((each) => (user === 'ann' ? each.assigned_operator === '2' : each.assigned_seller === '7') && is(each));
    if (!lead) throw new Error(`such a lead of ${user}'s`);
    await act(() => console.router.navigate(`/leads/${lead.id}`));
    await screen.findByRole('heading', { level: 1, name: lead.client_name });
    return { ...console, lead };
}

const isOpen = ({ status }: Lead) => ['new', 'assigned', 'contacted', 'qualified'].includes(status);

describe('the history of a lead', () => {
    it('tells calls, notes and what became of it, newest first, and plays one recording at a time', async () => {
        const { user, server, router } = await renderConsole({ user: 'fedor', path: '/settings' });
        const heard = (number: string | null) => server.data.calls.filter(({ caller, callee, recording, status }) => status === 'ended' && recording?.state === 'complete' && [caller, callee].includes(number ?? ''));
        const lead = server.data.crm.leads.find((each) => each.assigned_seller === '7' && heard(each.phone).length > 0);
        await act(() => router.navigate(`/leads/${lead?.id}`));
        const list = await screen.findByRole('list', { name: 'History' });
        const texts = within(list).getAllByRole('listitem').map((item) => item.textContent);
        expect(texts.join()).toContain(server.data.crm.notes.find(({ lead_id }) => lead_id === lead?.id)?.text);
        expect(texts.at(-1)).toContain('Made');
        expect(list.querySelectorAll('audio')).toHaveLength(0);
        // Nobody but the server knows that a call of a seller's lead is theirs to hear.
        for (const button of within(list).getAllByRole('button', { name: 'Listen' })) await user.click(button);
        await waitFor(() => expect(list.querySelectorAll('audio')).toHaveLength(1));
    });

    it('that cannot be loaded says so in its place, and the rest works', async () => {
        const { server, router, user, lead } = await atLead('fedor', isOpen);
        await act(() => router.navigate('/settings'));
        server.failNext = { path: /history$/, problem: new FakeProblem(403, 'forbidden') };
        await act(() => router.navigate(`/leads/${server.data.crm.leads.find((each) => each.assigned_seller === '7' && each !== lead)?.id}`));
        await user.click(await screen.findByRole('button', { name: 'Try again' }));
        expect(await screen.findByRole('list', { name: 'History' })).toBeInTheDocument();
    });
});

describe('a note', () => {
    it('is written with keys alone, once, and stands in the history', async () => {
        const { user, server, lead } = await atLead('fedor', isOpen);
        await screen.findByRole('list', { name: 'History' });
        fireEvent.keyDown(document.body, { code: 'KeyN', key: 'т' });
        const field = screen.getByRole('textbox', { name: 'Note' });
        expect(field).toHaveFocus();
        await user.keyboard('wants two rooms');
        server.failNext = { path: /crm\/note$/, problem: new FakeProblem(503, 'store_unavailable') };
        await user.keyboard('{Control>}{Enter}{/Control}');
        expect(await screen.findByText(/^Not saved: The database cannot be reached/)).toBeInTheDocument();
        expect(field).toHaveValue('wants two rooms');
        await user.click(screen.getByRole('button', { name: 'Try again' }));
        await waitFor(() => expect(field).toHaveValue(''));
        expect(await within(screen.getByRole('list', { name: 'History' })).findByText('wants two rooms')).toBeInTheDocument();
        const sent = server.log.filter(({ path }) => path === '/crm/note');
        expect(sent.map(({ body }) => body)).toEqual(Array.from({ length: 2 }, () => ({ lead_id: lead.id, text: 'wants two rooms' })));
        // What is sent again has the key of the first time.
        expect(new Set(sent.map(({ headers }) => headers?.['Idempotency-Key'])).size).toBe(1);
    });

    it('that is not saved stays over other pages, and goes with the person', async () => {
        const { user, router, services, lead } = await atLead('fedor', isOpen);
        await user.type(screen.getByRole('textbox', { name: 'Note' }), 'half a sent');
        await act(() => router.navigate('/settings'));
        await screen.findByRole('heading', { name: 'Personal settings' });
        const leaving = new Event('beforeunload', { cancelable: true });
        window.dispatchEvent(leaving);
        expect(leaving.defaultPrevented).toBe(true);
        await act(() => router.navigate(`/leads/${lead.id}`));
        expect(await screen.findByRole('textbox', { name: 'Note' })).toHaveValue('half a sent');
        await act(() => services.session.signOut());
        const gone = new Event('beforeunload', { cancelable: true });
        window.dispatchEvent(gone);
        expect(gone.defaultPrevented).toBe(false);
    });

    it('of one’s own can be changed, of somebody else’s not', async () => {
        const { server } = await atLead('fedor', isOpen);
        const list = await screen.findByRole('list', { name: 'History' });
        for (const note of within(list).queryAllByRole('button', { name: 'Change the note' })) expect(note.closest('li')).toHaveTextContent('Фёдор');
        expect(server.data.crm.notes.length).toBeGreaterThan(0);
        expect(within(list).queryByRole('button', { name: 'Delete the note' })).toBeNull();
    });
});

describe('handing over', () => {
    it('gives a lead to a seller, with a time and a word', async () => {
        const { user, server, lead } = await atLead('ann', isOpen);
        const { version } = lead;
        fireEvent.keyDown(document.body, { code: 'KeyH', key: 'р' });
        const dialog = await screen.findByRole('dialog', { name: `Hand over: ${lead.client_name}` });
        expect(within(dialog).getByRole('button', { name: 'Hand over' })).toBeDisabled();
        await user.click(within(dialog).getByRole('combobox'));
        const [choice] = await screen.findAllByRole('option');
        const who = choice?.textContent?.split(' – ')[0] ?? '';
        await user.click(choice as HTMLElement);
        await user.type(within(dialog).getByRole('textbox', { name: 'Comment' }), 'wants a discount');
        await user.click(within(dialog).getByRole('button', { name: 'Hand over' }));
        expect(await screen.findByText(`Handed to ${who}`)).toBeInTheDocument();
        const to = server.data.users.find(({ display_name }) => display_name === who);
        expect(server.log.find(({ path }) => path.endsWith('/hand-over'))?.body).toEqual({ how: 'user', user_id: to?.id, comment: 'wants a discount', version });
        expect(lead.assigned_seller).toBe(to?.id);
        // Operators read no accounts, and see the name all the same.
        expect(server.log.some(({ path }) => path === '/users')).toBe(false);
    });

    it('goes by turn without a name', async () => {
        const { user, server, lead } = await atLead('ann', isOpen);
        await user.click(await screen.findByRole('button', { name: 'Hand over' }));
        const dialog = await screen.findByRole('dialog');
        await user.click(within(dialog).getByRole('radio', { name: 'To whose turn it is' }));
        await user.click(within(dialog).getByRole('button', { name: 'Hand over' }));
        await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
        expect(server.log.find(({ path }) => path.endsWith('/hand-over'))?.body).toMatchObject({ how: 'round_robin' });
        expect(lead.assigned_seller).not.toBeNull();
    });

    it('is not for sellers, and they ask for no sellers', async () => {
        const { server } = await atLead('fedor', isOpen);
        await screen.findByRole('list', { name: 'History' });
        expect(screen.queryByRole('button', { name: 'Hand over' })).toBeNull();
        expect(server.log.some(({ path }) => path === '/crm/sellers')).toBe(false);
    });
});

it('a lead becomes a client, after a question', async () => {
    const { user, lead } = await atLead('fedor', ({ status }) => status === 'qualified');
    await user.click(await screen.findByRole('button', { name: 'Move on' }));
    await user.click(await screen.findByRole('menuitem', { name: 'Became a client' }));
    const dialog = await screen.findByRole('dialog', { name: 'Became a client?' });
    await user.click(within(dialog).getByRole('button', { name: 'Became a client' }));
    const link = await screen.findByRole('link', { name: 'this client' });
    expect(lead.status).toBe('converted');
    await user.click(link);
    await screen.findByRole('heading', { level: 1 });
    await waitFor(() => expect(document.title).toContain(lead.client_name.split(' ')[0]));
});

describe('clients', () => {
    it('are a seller’s own; an operator makes new ones', async () => {
        const { server } = await renderConsole({ user: 'fedor', path: '/clients' });
        expect(await rows('Clients')).toHaveLength(server.data.crm.clients.filter(({ owner_user_id }) => owner_user_id === '7').length);
        expect(screen.queryByRole('button', { name: 'New client' })).toBeNull();
    });

    it('are made with several numbers; what the server does not take stands beside it', async () => {
        const { user, server, path } = await renderConsole({ user: 'ann', path: '/clients' });
        await rows('Clients');
        await user.click(screen.getByRole('button', { name: 'New client' }));
        const dialog = await screen.findByRole('dialog', { name: 'New client' });
        expect(within(dialog).getByRole('button', { name: 'Create' })).toBeDisabled();
        await user.type(within(dialog).getByRole('textbox', { name: 'Last name' }), 'Brandt');
        await user.click(within(dialog).getByRole('button', { name: 'Another number' }));
        const [, second] = within(dialog).getAllByRole('textbox', { name: 'Phone' });
        await user.type(second as HTMLElement, 'nobody');
        await user.click(within(dialog).getByRole('button', { name: 'Create' }));
        await waitFor(() => expect(within(dialog).getAllByRole('textbox', { name: 'Phone' }).some((field) => field.getAttribute('aria-invalid') === 'true')).toBe(true));
        await user.clear(within(dialog).getAllByRole('textbox', { name: 'Phone' })[1] as HTMLElement);
        await user.type(within(dialog).getAllByRole('textbox', { name: 'Phone' })[1] as HTMLElement, '8 916 555-00-22');
        await user.click(within(dialog).getByRole('button', { name: 'Create' }));
        await screen.findByRole('heading', { level: 1, name: 'Brandt' });
        expect(path()).toMatch(/^\/clients\/\d+$/);
        expect(server.log.findLast(({ method, path: at }) => method === 'POST' && at === '/clients')?.body).toEqual({ kind: 'person', last_name: 'Brandt', phones: [{ number: '8 916 555-00-22', kind: 'mobile', primary: true }] });
    });

    it('of somebody else are not there', async () => {
        const { server, router } = await renderConsole({ user: 'fedor', path: '/settings' });
        await act(() => router.navigate(`/clients/${server.data.crm.clients.find(({ owner_user_id }) => owner_user_id !== '7')?.id}`));
        expect(await screen.findByText('There is no such client among yours')).toBeInTheDocument();
    });
});

describe('wherever one is', () => {
    it('a seller is told once when it is time for what was promised', async () => {
        const { server, queries } = await renderConsole({ user: 'fedor', path: '/settings' });
        await screen.findByRole('heading', { level: 1 });
        await waitFor(() => expect(queries.getQueryData(['me'])).toBeDefined());
        const lead = server.data.crm.leads.find(({ assigned_seller }) => assigned_seller === '7');
        act(() => server.live.emit('lead.reminder', '1', { ...lead, assigned_seller: '17', assigned_operator: '3', client_name: 'Olga Brandt' }));
        act(() => server.live.emit('lead.reminder', lead?.id ?? '', { ...lead, client_name: 'Vera Brandt', next_action: 'call back' }));
        expect(await screen.findByText('Now: Vera Brandt – call back')).toBeInTheDocument();
        expect(screen.queryByText(/Olga Brandt/)).toBeNull();
    });

    it('who reads no leads is told nothing', async () => {
        const { server } = await renderConsole({ user: 'elena', path: '/settings' });
        await screen.findByRole('heading', { level: 1 });
        act(() => server.live.emit('lead.reminder', '1', { client_name: 'Vera Brandt', next_action: 'call back' }));
        expect(screen.queryByText(/Vera Brandt/)).toBeNull();
    });
});

describe('a call', () => {
    it('has its notes on its page, for who reads notes', async () => {
        const { user, server } = await renderConsole({ user: 'ann', path: '/calls/c_transferred1/show' });
        await screen.findByRole('heading', { name: 'Notes' });
        await user.type(await screen.findByRole('textbox', { name: 'Note' }), 'was put through twice');
        await user.click(screen.getByRole('button', { name: 'Save the note' }));
        expect(await screen.findByText('was put through twice')).toBeInTheDocument();
        expect(server.log.find(({ path }) => path === '/crm/note')?.body).toEqual({ call_id: 'c_transferred1', text: 'was put through twice' });
    });

    it('shows no notes to who reads none, and asks for none', async () => {
        const { server } = await renderConsole({ user: 'elena', path: '/calls/c_transferred1/show' });
        await screen.findByRole('heading', { level: 1 });
        expect(screen.queryByRole('heading', { name: 'Notes' })).toBeNull();
        expect(server.log.some(({ path }) => path.startsWith('/crm/'))).toBe(false);
    });
});
