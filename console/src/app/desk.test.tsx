// The desk against the fake twin: what an operator sees and does when it rings.
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Slot } from '@/api/types';
import { FakeProblem } from '@/providers/fake/problem';
import { giveUp, gone, lookedUp, pickUp, ringIn } from '@/providers/fake/desk/ring';
import type { FakeServer } from '@/providers/fake';
import { renderConsole, rows } from '@/testing/harness';

const OPERATOR = '2';

afterEach(() => vi.useRealTimers());

/** The slot of the operator, whose phone is on. */
function slotOf(server: FakeServer): Slot {
    const slot = server.data.slots.find(({ number }) => number === '6001');
    if (!slot) throw new Error('slot 6001');
    for (const each of server.data.slots) if (each.holder === OPERATOR) Object.assign(each, { holder: null, holder_name: null });
    Object.assign(slot, { holder: OPERATOR, holder_name: 'Анна Кузнецова', registered: true, state: 'READY', status: 'free' });
    for (const call of server.data.calls) if ([call.caller_slot, call.callee_slot].includes(slot.id) && call.status !== 'ended') Object.assign(call, { status: 'ended', ended_at: call.started_at });
    return slot;
}

/** An operator with a slot, at a page. */
async function atWork(path = '/desk') {
    const console = await renderConsole({ user: 'ann', path: '/settings', calls: 60 });
    await screen.findByRole('heading', { level: 1 });
    const slot = slotOf(console.server);
    console.queries.clear();
    await act(() => console.router.navigate(path));
    await screen.findByRole('heading', { level: 1 });
    if (path === '/desk') await screen.findByText('Ready. The card appears here as soon as somebody calls.');
    // The bar and the cards know the slot from the same answer.
    await screen.findByRole('button', { name: /^6001/ });
    const own = console.server.data.crm.leads.filter(({ assigned_operator, phone, status }) => assigned_operator === OPERATOR && phone !== null && ['assigned', 'contacted', 'qualified'].includes(status));
    const lead = own.find(({ phone }) => console.server.data.crm.leads.filter((each) => each.phone === phone).length === 1);
    if (!lead?.phone) throw new Error('a lead of the operator’s');
    return { ...console, slot, lead, number: lead.phone };
}

const card = () => screen.getByRole('heading', { level: 2, name: /\+7/ });

describe('a call that rings', () => {
    it('is on the desk at once with the number, with the name when it is known, and takes no focus', async () => {
        const { server, slot, lead, number } = await atWork();
        const link = screen.getByRole('link', { name: 'All' });
        link.focus();
        let call!: ReturnType<typeof ringIn>;
        server.failNext = { path: /\/card$/, problem: new FakeProblem(503, 'store_unavailable', undefined, { wait: 60 }) };
        act(() => void (call = ringIn(server, slot, number, { complete: false })));
        expect(card()).toBeInTheDocument();
        expect(screen.getByText('Phone 6001 rings: pick it up')).toBeInTheDocument();
        expect(link).toHaveFocus();
        act(() => lookedUp(server, call, slot));
        expect(await screen.findByRole('link', { name: lead.client_name })).toHaveAttribute('href', `/leads/${lead.id}`);
        expect(link).toHaveFocus();
        // A slot's phone is a telephone: nothing here can answer it.
        expect(screen.queryByRole('button', { name: /answer/i })).toBeNull();
    });

    it('is told once to who hears the page, and by the window', async () => {
        const { server, slot, lead, number } = await atWork('/calls');
        act(() => void ringIn(server, slot, number));
        await waitFor(() => expect(screen.getAllByRole('alert').map((each) => each.textContent).join()).toContain(`Incoming: ${lead.client_name}`));
        expect(document.title).toBe(`☎ ${lead.client_name}`);
    });

    it('is on top of every other page, leads to the desk by a key and moves nobody by itself', async () => {
        const { server, slot, number, path, user } = await atWork('/calls');
        const search = screen.getByRole('textbox', { name: 'Search' });
        await user.type(search, '+7495');
        act(() => void ringIn(server, slot, number));
        expect(search).toHaveFocus();
        expect(search).toHaveValue('+7495');
        act(() => search.blur());
        expect(within(screen.getByRole('region', { name: 'Call' })).getByRole('button', { name: 'To the card' })).toBeInTheDocument();
        expect(path()).toBe('/calls');
        fireEvent.keyDown(document.body, { code: 'KeyG', key: 'п' });
        await waitFor(() => expect(path()).toBe('/desk'));
        expect(await screen.findByText('Phone 6001 rings: pick it up')).toBeInTheDocument();
        expect(screen.queryByRole('region', { name: 'Call' })).toBeNull();
    });

    it('that a colleague answers says by whom, and goes', async () => {
        const { server, slot, number } = await atWork();
        let call!: ReturnType<typeof ringIn>;
        act(() => void (call = ringIn(server, slot, number)));
        vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 5 });
        act(() => gone(server, call, 'answered', '3'));
        expect(screen.getByText('Борис Орлов answered')).toBeInTheDocument();
        await act(() => vi.advanceTimersByTimeAsync(3_100));
        expect(screen.queryByText('Борис Орлов answered')).toBeNull();
        vi.useRealTimers();
        expect(await screen.findByText(/^Ready\./)).toBeInTheDocument();
    });

    it('that is given up becomes one to call back', async () => {
        const { server, slot } = await atWork();
        let call!: ReturnType<typeof ringIn>;
        act(() => void (call = ringIn(server, slot, '+79031112233')));
        act(() => giveUp(server, call));
        expect(screen.getByText('The caller has hung up')).toBeInTheDocument();
        const list = await screen.findByRole('list', { name: 'To call back' });
        await waitFor(() => expect(list).toHaveTextContent('+7 903 111-22-33'));
    });

    it('is not for who has no desk: nothing is asked and nothing shown', async () => {
        const { server } = await renderConsole({ user: 'clara', path: '/settings' });
        await screen.findByRole('heading', { level: 1 });
        act(() => server.live.emit('screen.pop', 'c_x', { call_id: 'c_x', number: '+79031112233', candidates: [], complete: true }));
        expect(screen.queryByRole('region', { name: 'Call' })).toBeNull();
        expect(server.log.some(({ path }) => path.endsWith('/card'))).toBe(false);
    });
});

describe('a call', () => {
    it('stays after its end until somebody has said what came of it, by keys alone', async () => {
        const { server, slot, lead, number, user } = await atWork();
        let call!: ReturnType<typeof ringIn>;
        act(() => void (call = ringIn(server, slot, number)));
        act(() => pickUp(server, call, slot));
        expect(await screen.findByRole('button', { name: 'Move on' })).toBeInTheDocument();
        expect(screen.queryByRole('button', { name: 'Done' })).toBeNull();
        act(() => server.endCall(call));
        expect(await screen.findByRole('button', { name: 'Done' })).toBeDisabled();
        fireEvent.keyDown(document.body, { code: 'KeyN', key: 'т' });
        expect(screen.getByRole('textbox', { name: 'Note' })).toHaveFocus();
        await user.keyboard('wants two rooms');
        expect(screen.getByRole('button', { name: 'Without a note' })).toBeDisabled();
        fireEvent.keyDown(screen.getByRole('textbox', { name: 'Note' }), { code: 'Enter', key: 'Enter', ctrlKey: true, shiftKey: true });
        expect(await screen.findByText(/^Ready\./)).toBeInTheDocument();
        const sent = server.log.filter(({ path }) => path === '/crm/note');
        expect(sent.map(({ body }) => body)).toEqual([{ call_id: call.call_id, lead_id: lead.id, text: 'wants two rooms' }]);
    });

    it('whose lead was led on can be done with without a note', async () => {
        const { server, slot, number, user, lead } = await atWork();
        let call!: ReturnType<typeof ringIn>;
        act(() => void (call = ringIn(server, slot, number)));
        act(() => pickUp(server, call, slot));
        await screen.findByRole('button', { name: 'Move on' });
        fireEvent.keyDown(document.body, { code: 'KeyS', key: 'ы' });
        await user.click(await screen.findByRole('menuitem', { name: 'Do not call' }));
        const dialog = await screen.findByRole('dialog');
        await user.type(within(dialog).getByRole('textbox'), 'asked us not to');
        await user.click(within(dialog).getByRole('button', { name: 'Do not call' }));
        await waitFor(() => expect(lead.status).toBe('dnc'));
        act(() => server.endCall(call));
        await user.click(await screen.findByRole('button', { name: 'Done' }));
        expect(await screen.findByText(/^Ready\./)).toBeInTheDocument();
        expect(server.log.some(({ path }) => path === '/crm/note')).toBe(false);
    });

    it('keeps its note through a second call, and the second one has its own', async () => {
        const { server, slot, number, user } = await atWork();
        let first!: ReturnType<typeof ringIn>;
        act(() => void (first = ringIn(server, slot, number)));
        act(() => pickUp(server, first, slot));
        await user.type(screen.getByRole('textbox', { name: 'Note' }), 'half a sent');
        act(() => void ringIn(server, slot, '+79031112233'));
        const field = screen.getByRole('textbox', { name: 'Note' });
        expect(field).toHaveFocus();
        expect(field).toHaveValue('half a sent');
        await user.keyboard('ence');
        const tabs = screen.getAllByRole('tab');
        expect(tabs.map((tab) => tab.getAttribute('aria-selected'))).toEqual(['true', 'false']);
        await user.keyboard('{Escape}');
        fireEvent.keyDown(document.body, { code: 'Digit2', key: '2' });
        expect(await screen.findByRole('heading', { level: 2, name: '+7 903 111-22-33' })).toBeInTheDocument();
        expect(screen.getByRole('textbox', { name: 'Note' })).toHaveValue('');
        fireEvent.keyDown(document.body, { code: 'Digit1', key: '1' });
        expect(await screen.findByRole('textbox', { name: 'Note' })).toHaveValue('half a sentence');
    });

    it('with a number that several have waits for somebody to say which one it is', async () => {
        const { server, slot, lead, number, user } = await atWork();
        const other = server.data.crm.leads.find((each) => each !== lead && each.assigned_operator === OPERATOR && each.client_name !== lead.client_name);
        Object.assign(other ?? {}, { phone: number, status: 'assigned' });
        act(() => void ringIn(server, slot, number));
        expect(await screen.findByText('Several have this number. Say which one it is.')).toBeInTheDocument();
        expect(screen.queryByRole('button', { name: 'Move on' })).toBeNull();
        const [choose] = await screen.findAllByRole('button', { name: 'This one' });
        await user.click(choose as HTMLElement);
        expect(await screen.findByRole('button', { name: 'Move on' })).toBeInTheDocument();
        expect(server.log.find(({ path }) => path.endsWith('/links'))).toMatchObject({ method: 'PUT', body: { lead_id: expect.any(String) } });
    });

    it('with somebody else’s lead says who works with it, and leads nowhere', async () => {
        const { server, slot } = await atWork();
        const foreign = server.data.crm.leads.find(({ assigned_operator, assigned_seller, phone }) => assigned_operator !== OPERATOR && assigned_seller === '7' && phone);
        act(() => void ringIn(server, slot, foreign?.phone ?? ''));
        expect(await screen.findByText(/^Not yours to open: .+ works with this lead$/)).toBeInTheDocument();
        expect(screen.queryByRole('link', { name: foreign?.client_name })).toBeNull();
    });

    it('with an unknown number says so; who may make no leads is offered none', async () => {
        const { server, slot } = await atWork();
        act(() => void ringIn(server, slot, '+79031112233'));
        expect(await screen.findByText('New number')).toBeInTheDocument();
        expect(screen.queryByRole('button', { name: 'Make a lead' })).toBeNull();
    });

    it('that was there before the page has its card, and goes with the person', async () => {
        const { server, slot, number, router, services, path } = await atWork('/calls');
        let call!: ReturnType<typeof ringIn>;
        act(() => void (call = ringIn(server, slot, number)));
        act(() => pickUp(server, call, slot));
        await act(() => router.navigate('/desk'));
        expect(await screen.findByText('Talking', { selector: '.MuiChip-label' })).toBeInTheDocument();
        await act(() => services.session.signOut());
        await waitFor(() => expect(path()).toBe('/login'));
        expect(screen.queryByRole('region', { name: 'Call' })).toBeNull();
    });
});

describe('calling back', () => {
    it('takes one row for each who called, and with B the first whom nobody is calling', async () => {
        const { server } = await atWork();
        const list = await screen.findByRole('list', { name: 'To call back' });
        await waitFor(() => expect(within(list).getAllByRole('listitem').length).toBeGreaterThan(0));
        expect(list).toHaveTextContent('×2');
        const [newest] = server.data.missed.filter(({ state }) => state === 'open').toSorted((a, b) => b.at - a.at);
        fireEvent.keyDown(document.body, { code: 'KeyB', key: 'и' });
        await waitFor(() => expect(server.log.some(({ path }) => path === '/call/start')).toBe(true));
        const order = server.log.map(({ path }) => path).filter((path) => path.endsWith('/claim') || path === '/call/start');
        expect(order).toEqual([`/missed-calls/${newest?.call_id}/claim`, '/call/start']);
        expect(server.log.find(({ path }) => path === '/call/start')?.body).toMatchObject({ phone_number: newest?.number });
        // One's own call has a card, too.
        expect(await screen.findByText('Phone 6001 is calling')).toBeInTheDocument();
    });

    it('does not call whom somebody else is calling already', async () => {
        const { server } = await atWork();
        await screen.findByRole('list', { name: 'To call back' });
        server.failNext = { path: /claim$/, problem: new FakeProblem(409, 'wrong_state') };
        fireEvent.keyDown(document.body, { code: 'KeyB', key: 'и' });
        expect(await screen.findByText('Somebody else is calling already.')).toBeInTheDocument();
        expect(server.log.some(({ path }) => path === '/call/start')).toBe(false);
    });

    it('has a page of its own, from which one can be put away', async () => {
        const { user, server } = await atWork('/missed-calls');
        const open = server.data.missed.filter(({ state }) => state === 'open').length;
        expect(await rows('To call back')).toHaveLength(open);
        await user.click(screen.getAllByRole('button', { name: 'No need' })[0] as HTMLElement);
        await waitFor(() => expect(server.data.missed.filter(({ state }) => state === 'open')).toHaveLength(open - 1));
        await user.click(screen.getByRole('button', { name: 'All' }));
        await waitFor(async () => expect(await rows('To call back')).toHaveLength(server.data.missed.length));
    });
});

it('all calls that nobody has called back are put away at once, after a question that says how many', async () => {
    const { user, server } = await atWork('/missed-calls');
    const open = server.data.missed.filter(({ state }) => state === 'open').length;
    await user.click(await screen.findByRole('button', { name: 'Mark all as seen' }));
    const dialog = await screen.findByRole('dialog', { name: `Put away ${open} calls?` });
    expect(server.data.missed.filter(({ state }) => state === 'open')).toHaveLength(open);
    await user.click(within(dialog).getByRole('button', { name: 'Put away' }));
    expect(await screen.findByText('They are being put away')).toBeInTheDocument();
    expect(server.data.missed.filter(({ state }) => state === 'open')).toHaveLength(0);
});

it('a desk without a slot says what to do first', async () => {
    const { router, server, queries } = await renderConsole({ user: 'ann', path: '/settings' });
    await screen.findByRole('heading', { level: 1 });
    for (const slot of server.data.slots) if (slot.holder === OPERATOR) Object.assign(slot, { holder: null });
    queries.clear();
    await act(() => router.navigate('/desk'));
    expect((await screen.findAllByText('Take a slot to call and be called')).length).toBeGreaterThan(0);
});

it('a desk that hears nothing says so, and asks again and again', async () => {
    const { server } = await atWork();
    expect(screen.queryByText(/No live connection: refreshed/)).toBeNull();
    vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 5 });
    act(() => server.live.turn('connecting'));
    expect(screen.getByText('No live connection: refreshed every 5 seconds')).toBeInTheDocument();
    server.log.length = 0;
    await act(() => vi.advanceTimersByTimeAsync(5_100));
    expect(server.log.map(({ path }) => path)).toEqual(expect.arrayContaining(['/calls', '/missed-calls']));
    act(() => server.live.turn('online'));
    expect(screen.queryByText(/No live connection: refreshed/)).toBeNull();
});
