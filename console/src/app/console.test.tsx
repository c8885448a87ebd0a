// The whole console against the fake twin: what a person sees and does.
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole, rows, tile } from '@/testing/harness';
import { ALL } from '../../e2e/menus';

const menu = async () => {
    const nav = await screen.findByRole('navigation', { name: 'Menu' });
    await within(nav).findAllByRole('link');
    return within(nav)
        .getAllByRole('link')
        .map((link) => link.getAttribute('aria-label'));
};

describe('logging in', () => {
    it('takes a password, says when it is wrong, and leads to where one wanted to go', async () => {
        const { user, path } = await renderConsole({ user: null, path: '/users' });
        await user.type(await screen.findByLabelText(/User name/), ' admin ');
        await user.type(screen.getByLabelText(/^Password/), 'wrong');
        await user.click(screen.getByRole('button', { name: 'Log in' }));
        expect(await screen.findByRole('alert')).toHaveTextContent('User name or password is wrong.');
        await user.clear(screen.getByLabelText(/^Password/));
        await user.type(screen.getByLabelText(/^Password/), 'cordboard');
        await user.click(screen.getByRole('button', { name: 'Log in' }));
        await screen.findByRole('heading', { name: 'Users' });
        expect(path()).toBe('/users');
    });

    it('waits where the server says so', async () => {
        const { user, server } = await renderConsole({ user: null, path: '/login' });
        server.failNext = { path: /login/, problem: new FakeProblem(429, 'too_many_attempts', undefined, { wait: 30 }) };
        await user.type(await screen.findByLabelText(/User name/), 'admin');
        await user.type(screen.getByLabelText(/^Password/), 'x');
        await user.click(screen.getByRole('button', { name: 'Log in' }));
        expect(await screen.findByRole('button', { name: /Wait \d+ s/ })).toBeDisabled();
    });

    it('offers the provider, which leads back to where one was', async () => {
        await renderConsole({ user: null, path: '/login' });
        expect(await screen.findByRole('link', { name: 'Log in with Keycloak' })).toHaveAttribute('href', '/api/auth/oidc/main/start?return=%2F');
    });

    it('says why a provider refused', async () => {
        await renderConsole({ user: null, path: '/login?error=oidc_no_role' });
        expect(await screen.findByRole('alert')).toHaveTextContent('gives you a role here');
    });

    it('by a link sets a password; a used link says so', async () => {
        const { user, server } = await renderConsole({ user: null, path: '/link#token=abc' });
        await user.type(await screen.findByLabelText(/New password/), 'short');
        await user.click(screen.getByRole('button', { name: 'Set the password' }));
        expect(await screen.findByText('At least 8 characters')).toBeInTheDocument();
        await user.type(screen.getByLabelText(/New password/), ' but longer now');
        await user.click(screen.getByRole('button', { name: 'Set the password' }));
        expect(await screen.findByText('Your password is set')).toBeInTheDocument();
        expect(server.log.at(-1)?.body).toEqual({ token: 'abc', password: 'short but longer now' });
    });

    it('by a link that is used up is impossible', async () => {
        await renderConsole({ user: null, path: '/link#token=gone' });
        expect(await screen.findByText('This link does not work')).toBeInTheDocument();
    });

    it('without a mail server leads to the administrator', async () => {
        const { user, router } = await renderConsole({ user: null, path: '/login', mail: false });
        expect(await screen.findByText(/Ask your administrator for a link/)).toBeInTheDocument();
        expect(screen.queryByRole('link', { name: 'Forgot your password?' })).toBeNull();
        await router.navigate('/forgot');
        expect(await screen.findByRole('heading', { name: 'New password' })).toBeInTheDocument();
        expect(screen.getByText(/Ask your administrator for a link/)).toBeInTheDocument();
        expect(screen.queryByRole('textbox')).toBeNull();
        await user.click(screen.getByRole('link', { name: 'Back to log-in' }));
        expect(await screen.findByRole('button', { name: 'Log in' })).toBeInTheDocument();
    });

    it('with a mail server a link can be asked for', async () => {
        const { user, server } = await renderConsole({ user: null, path: '/login' });
        await user.click(await screen.findByRole('link', { name: 'Forgot your password?' }));
        await user.type(await screen.findByRole('textbox', { name: /User name/ }), 'ann');
        await user.click(screen.getByRole('button', { name: 'Send the link' }));
        expect(await screen.findByText(/a link is on its way/)).toBeInTheDocument();
        expect(server.log.at(-1)).toMatchObject({ path: '/auth/forgot', body: { username: 'ann' } });
    });

    it('ends in all places at once', async () => {
        const { services, path } = await renderConsole({ path: '/users' });
        await screen.findByRole('heading', { name: 'Users' });
        await services.session.signOut();
        await waitFor(() => expect(path()).toBe('/login'));
    });
});

describe('the menu', () => {
    it('shows an administrator everything', async () => {
        await renderConsole();
        expect(await menu()).toHaveLength(ALL.length);
    });

    it('shows an operator what operators do', async () => {
        await renderConsole({ user: 'ann' });
        expect(await menu()).toEqual(['My desk', 'To call back', 'Leads', 'Clients', 'Live board', 'Calls', 'Call records', 'Slots', 'Registrations', 'Background jobs']);
    });

    it('shows a listener the cabinet alone, and begins there', async () => {
        const { path } = await renderConsole({ user: 'elena' });
        expect(await menu()).toEqual(['Calls to hear', 'Totals']);
        await waitFor(() => expect(path()).toBe('/listening'));
    });

    it('is Russian for who reads Russian', async () => {
        await renderConsole({ user: 'elena', locale: 'ru' });
        expect(await screen.findByRole('heading', { name: 'Звонки на прослушивание', level: 1 })).toBeInTheDocument();
    });

    it('is in the language that the person has chosen, whatever the browser speaks', async () => {
        await renderConsole({ user: 'elena', locale: 'ru', settings: { console: { locale: 'en' } } });
        expect(await screen.findByRole('heading', { name: 'Calls to hear', level: 1 })).toBeInTheDocument();
    });

    it('leads nowhere that one may not go', async () => {
        await renderConsole({ user: 'ann', path: '/users' });
        expect(await screen.findByText('You may not see this page')).toBeInTheDocument();
    });
});

describe('lists', () => {
    it('show what callers send as text', async () => {
        await renderConsole({ path: '/calls' });
        expect((await rows('Calls')).join()).toContain('<img src=x onerror=alert(1)>');
        expect(document.querySelector('img')).toBeNull();
    });

    it('show masked columns masked and no hidden ones', async () => {
        await renderConsole({ user: 'elena', path: '/listening' });
        expect((await rows('Calls to hear')).join()).toMatch(/\+7\d?•+/);
        expect(screen.queryByRole('columnheader', { name: 'Person' })).toBeNull();
        const search = screen.getByRole('search');
        expect(within(search).queryByRole('button', { name: 'From' })).toBeNull();
        expect(within(search).getByRole('button', { name: 'Scenario' })).toBeInTheDocument();
        // A search would look through what is masked.
        expect(within(search).queryByRole('textbox', { name: 'Search' })).toBeNull();
    });

    it('narrow, and go from page to page', async () => {
        const { user, server } = await renderConsole({ path: '/users' });
        expect(await rows('Users')).toHaveLength(50);
        expect(screen.getByText('1–50 of 74')).toBeInTheDocument();
        await user.click(screen.getByRole('button', { name: 'Next page' }));
        expect(await screen.findByText('51–74 of 74')).toBeInTheDocument();
        await user.type(screen.getByLabelText('Search'), 'clara{Enter}');
        expect(await screen.findByText('1–1 of 1')).toBeInTheDocument();
        expect(server.log.at(-1)?.query).toMatchObject({ q: 'clara' });
        await user.clear(screen.getByLabelText('Search'));
        await user.type(screen.getByLabelText('Search'), 'nobody at all{Enter}');
        expect(await screen.findByText('Nothing matches')).toBeInTheDocument();
    });

    it('show more than can be counted as such', async () => {
        const { user } = await renderConsole({ path: '/calls', calls: 10_020 });
        await rows('Calls');
        expect(await screen.findByText(/^1–50 of 10,000\+$/)).toBeInTheDocument();
        await user.click(screen.getByRole('button', { name: 'Export…' }));
        expect(await screen.findByText(/\(10,000\+\) are written/)).toBeInTheDocument();
    });

    it('say what went wrong, and try again', async () => {
        const { user, server } = await renderConsole({ path: '/settings' });
        await screen.findByRole('heading', { name: 'Personal settings' });
        server.failNext = { path: /^\/webhooks$/, problem: new FakeProblem(409, 'in_use') };
        await user.click(screen.getByRole('link', { name: 'Webhooks' }));
        expect(await screen.findByRole('alert')).toHaveTextContent('This is still in use');
        await user.click(screen.getByRole('button', { name: 'Try again' }));
        expect(await rows('Webhooks')).toHaveLength(3);
    });

    it('go from row to row by keys', async () => {
        const { user, path } = await renderConsole({ path: '/webhooks' });
        await rows('Webhooks');
        const all = [...document.querySelectorAll<HTMLElement>('tr[data-row]')];
        all[0]?.focus();
        await user.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}{ArrowUp}{Enter}');
        await waitFor(() => expect(path()).toBe('/webhooks/2'));
    });

    it('are exported by their filter, in the columns that are chosen', async () => {
        const { user, server, path } = await renderConsole({ path: '/cdr?filter=%7B%22outcome%22%3A%22busy%22%7D' });
        await rows('Call records');
        await user.click(screen.getByRole('button', { name: 'Export…' }));
        await user.click(await screen.findByRole('button', { name: 'CSV' }));
        await user.click(screen.getByRole('checkbox', { name: 'Cause' }));
        await user.click(screen.getByRole('button', { name: 'Export' }));
        await waitFor(() => expect(path()).toBe('/exports'));
        expect(server.log.find(({ method, path: at }) => method === 'POST' && at === '/exports')?.body).toEqual({
            resource: 'cdrs',
            filter: { outcome: 'busy' },
            columns: ['direction', 'caller', 'callee', 'user', 'started_at', 'outcome', 'ring_ms', 'talk_ms'],
            format: 'csv',
            locale: 'en',
        });
    });
});

describe('many at once', () => {
    it('is everything that matches, counted before it is done, as a job', async () => {
        const { user, server, path } = await renderConsole({ path: '/users' });
        await rows('Users');
        await user.click(screen.getByRole('checkbox', { name: 'Select the rows of this page' }));
        await user.click(await screen.findByText('Select all 74 that match the filters'));
        await user.click(screen.getByRole('button', { name: 'Disable' }));
        const dialog = await screen.findByRole('dialog');
        expect(dialog).toHaveTextContent('Disable 74 accounts?');
        expect(server.log.at(-1)?.body).toEqual({ filter: {}, action: 'disable', dry_run: true });
        await user.click(within(dialog).getByRole('button', { name: 'Disable' }));
        await waitFor(() => expect(path()).toMatch(/^\/jobs\/\d+\/show$/));
        expect(await screen.findByRole('heading', { name: 'Change many rows' })).toBeInTheDocument();
    });
});

describe('forms', () => {
    it('put what the server says beside its field', async () => {
        const { user, server } = await renderConsole({ path: '/users/create' });
        await user.type(await screen.findByLabelText(/User name/), 'ann');
        server.failNext = { path: /^\/users$/, problem: new FakeProblem(422, 'invalid_field', 'email') };
        await waitFor(() => expect(server.log.some(({ path }) => path === '/roles')).toBe(true));
        server.failNext = undefined;
        await user.click(screen.getByRole('button', { name: 'Create' }));
        expect(await screen.findByText('This user name is taken.')).toBeInTheDocument();
        server.failNext = { path: /^\/users$/, problem: new FakeProblem(422, 'missing_field', 'email') };
        await user.clear(screen.getByLabelText(/User name/));
        await user.type(screen.getByLabelText(/User name/), 'somebody');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        await waitFor(() => expect(screen.getByLabelText('E-mail')).toHaveAttribute('aria-invalid', 'true'));
    });

    it('invite: a link is shown once', async () => {
        const { user, server } = await renderConsole({ path: '/users/create' });
        await user.type(await screen.findByLabelText(/User name/), 'newcomer');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        const dialog = await screen.findByRole('dialog');
        expect(dialog).toHaveTextContent('Invite newcomer');
        await user.click(within(dialog).getByRole('button', { name: 'Show the link' }));
        expect(await within(dialog).findByText(/link#token=/)).toBeInTheDocument();
        expect(server.data.users.at(-1)).toMatchObject({ username: 'newcomer', state: 'invited', roles: ['operator'] });
    });

    it('invite without a mail server: the link is shown, and it is said why', async () => {
        const { user } = await renderConsole({ path: '/users/7', mail: false });
        await user.click(await screen.findByRole('button', { name: 'Link for a new password' }));
        const dialog = await screen.findByRole('dialog');
        const mail = await within(dialog).findByRole('button', { description: 'No mail server is set up' });
        expect(mail).toBeDisabled();
        expect(mail).toHaveTextContent(/^Send to /);
        await user.click(within(dialog).getByRole('button', { name: 'Show the link' }));
        expect(await within(dialog).findByText(/link#token=/)).toBeInTheDocument();
    });

    it('are there to be read by those who may not change, without what is hidden from them', async () => {
        const { server, queries, user } = await renderConsole({ user: 'clara', path: '/settings' });
        const role = server.data.roles.find(({ code }) => code === 'supervisor');
        role?.columns.push({ resource: 'users', column: 'email', mode: 'hide' }, { resource: 'users', column: 'lists', mode: 'hide' });
        await queries.invalidateQueries({ queryKey: ['me', 'permissions'] });
        await user.click(await screen.findByRole('link', { name: 'Users' }));
        await rows('Users');
        await user.click(document.querySelector('tr[data-row="7"] td:nth-child(2)') as HTMLElement);
        expect(await screen.findByLabelText('Name')).toBeDisabled();
        for (const name of ['Language', 'Time zone', 'Roles']) expect(screen.getByRole('combobox', { name: new RegExp(name) })).toHaveAttribute(name === 'Language' ? 'aria-disabled' : 'disabled');
        expect(screen.queryByLabelText('E-mail')).toBeNull();
        expect(screen.queryByText('Narrowing lists')).toBeNull();
        expect(screen.getByText('Columns')).toBeInTheDocument();
        expect(screen.queryByRole('button', { name: 'Save' })).toBeNull();
    });

    it.each(['hide', 'mask'] as const)('leave alone what is not seen whole by who changes the rest (%s)', async (mode) => {
        const { user, server, queries, path } = await renderConsole({ path: '/settings' });
        server.data.roles.find(({ code }) => code === 'admin')?.columns.push({ resource: 'users', column: 'email', mode });
        await queries.invalidateQueries({ queryKey: ['me', 'permissions'] });
        await user.click(await screen.findByRole('link', { name: 'Users' }));
        await rows('Users');
        const before = server.data.users.find(({ id }) => id === '7')?.email;
        await user.click(document.querySelector('tr[data-row="7"] td:nth-child(3)') as HTMLElement);
        await user.type(await screen.findByLabelText('Name'), ' Jr');
        if (mode === 'mask') expect(screen.getByLabelText('E-mail')).toBeDisabled();
        await user.click(screen.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(path()).toBe('/users'));
        expect(server.log.findLast(({ method, path: at }) => method === 'PUT' && at === '/users/7')?.body).not.toHaveProperty('email');
        expect(server.data.users.find(({ id }) => id === '7')).toMatchObject({ email: before, display_name: expect.stringMatching(/ Jr$/) });
    });

    it('lead back to the list when they are saved', async () => {
        const { user, server, path } = await renderConsole({ path: '/users/7' });
        await user.type(await screen.findByLabelText('Name'), ' Jr');
        await user.click(screen.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(path()).toBe('/users'));
        expect(server.data.users.find(({ id }) => id === '7')?.display_name).toMatch(/ Jr$/);
    });

    it('keep what was typed when something else is done on their page', async () => {
        const { user, server, path } = await renderConsole({ path: '/users/7' });
        await user.type(await screen.findByLabelText('Name'), ' Jr');
        await user.click(screen.getByRole('button', { name: 'Disable' }));
        await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Disable' }));
        expect(await screen.findByRole('button', { name: 'Enable' })).toBeInTheDocument();
        await user.click(screen.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(path()).toBe('/users'));
        const saved = server.data.users.find(({ id }) => id === '7');
        expect(saved?.display_name).toMatch(/ Jr$/);
        expect(saved?.state).toBe('disabled');
    });

    it('do not overwrite what somebody else has changed meanwhile', async () => {
        const { user, server } = await renderConsole({ path: '/users/7' });
        const name = await screen.findByLabelText('Name');
        await user.type(name, ' Jr');
        const fedor = server.data.users.find(({ id }) => id === '7');
        if (fedor) Object.assign(fedor, { version: fedor.version + 1, email: 'other@example.org' });
        await user.click(screen.getByRole('button', { name: 'Save' }));
        expect(await screen.findByText('Somebody else has changed this meanwhile')).toBeInTheDocument();
        await user.click(screen.getByRole('button', { name: 'Load anew' }));
        await waitFor(() => expect(screen.getByLabelText('E-mail')).toHaveValue('other@example.org'));
    });

    it('for a hub show the new accounts', async () => {
        const { user } = await renderConsole({ path: '/trunks/create' });
        await user.type(await screen.findByLabelText(/Name/), 'Night');
        await user.clear(screen.getByLabelText(/How many slots/));
        await user.type(screen.getByLabelText(/How many slots/), '1000');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        expect(await screen.findByText('A whole number from 1 to 999')).toBeInTheDocument();
        await user.clear(screen.getByLabelText(/How many slots/));
        await user.type(screen.getByLabelText(/How many slots/), '3');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        expect(await screen.findByText('Set up the phones')).toBeInTheDocument();
        expect(screen.getByRole('button', { name: '6027' })).toBeInTheDocument();
    });
});

describe('telephony', () => {
    it('takes a slot, calls, hangs up, lets it go', async () => {
        const { user, server } = await renderConsole({ user: 'ann', path: '/live' });
        await user.click(await screen.findByRole('button', { name: 'Take a slot' }));
        const [first] = await screen.findAllByRole('menuitem');
        await user.click(first as HTMLElement);
        const number = await screen.findByLabelText('Number to call');
        await user.type(number, '+7 495 123-45-67{Enter}');
        const phone = () => within(screen.getByRole('group', { name: 'My phone' }));
        await waitFor(() => expect(phone().getByText('+7 495 123-45-67')).toBeInTheDocument());
        const order = server.log.find(({ path }) => path === '/call/start');
        expect(order?.headers?.['Idempotency-Key']).toMatch(/^[0-9a-f]{32}$/);
        server.tick();
        await waitFor(() => expect(phone().getByText('Ringing')).toBeInTheDocument());
        await user.click(phone().getByRole('button', { name: 'End call' }));
        expect(await screen.findByLabelText('Number to call')).toBeInTheDocument();
        await user.click(phone().getByRole('button', { name: /Ready/ }));
        await user.click(await screen.findByRole('menuitem', { name: 'Let the slot go' }));
        expect(await screen.findByRole('button', { name: 'Take a slot' })).toBeInTheDocument();
    });

    it('shows on the board what happens, as it happens', async () => {
        const { server } = await renderConsole({ path: '/live' });
        const before = (await rows('Calls in the air')).length;
        const call = server.data.calls.find(({ status }) => status === 'answered');
        if (call) server.endCall(call);
        await waitFor(async () => expect(await rows('Calls in the air')).toHaveLength(before - 1));
        server.data.slots.slice(0, 1).forEach((slot) => server.live.emit('slot.update', slot.id, { ...slot, state: 'FAULT', status: 'fault' }, slot.epoch));
        await waitFor(async () => expect(await tile('6001')).toHaveAccessibleName(/^6001 Faulty/));
    });

    it('explains a refusal', async () => {
        const { user, server } = await renderConsole({ path: '/slots' });
        await rows('Slots');
        const busy = server.data.slots.find(({ status }) => status === 'busy');
        await user.click(screen.getByRole('button', { name: `What to do with slot ${busy?.number}` }));
        await user.click(await screen.findByRole('menuitem', { name: 'Disable' }));
        await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Disable' }));
        expect(await screen.findByText('The slot is in a call. Try again when the call is over.')).toBeInTheDocument();
    });

    it('shows a call whole: its story, its recording, its messages as text', async () => {
        const { user, server } = await renderConsole({ path: '/calls' });
        await rows('Calls');
        const call = server.data.calls.find(({ status, cause }) => status === 'ended' && cause === 'media_timeout');
        await user.click(document.querySelector(`tr[data-row="${call?.call_id}"] td:nth-child(3)`) as HTMLElement);
        expect(await screen.findByText('Check the phone’s network.', { exact: false })).toBeInTheDocument();
        expect(await screen.findByRole('group', { name: 'Recording' })).toBeInTheDocument();
        await user.click(screen.getByRole('button', { name: 'Show the messages' }));
        const messages = await screen.findByRole('table', { name: 'SIP messages' });
        expect(within(messages).getAllByRole('row').map((row) => row.textContent)[6]).toMatch(/5,774 ms\+4,485 ms\+74951234567 → Cordboard200 INVITE 1 sdp$/);
        await user.click(within(messages).getAllByRole('button', { name: 'INVITE 1 sdp' })[0] as HTMLElement);
        expect(await screen.findByText(/"<script>alert\(1\)<\/script>"/)).toBeInTheDocument();
    });
});

describe('deliveries of webhooks', () => {
    it('are sent again where that makes sense; a refusal is said with its reason', async () => {
        const { user, server, router } = await renderConsole({ path: '/settings' });
        await screen.findByRole('heading', { name: 'Personal settings' });
        const [waiting, test, failed] = server.data.deliveries;
        Object.assign(waiting ?? {}, { state: 'pending' });
        Object.assign(test ?? {}, { state: 'failed', kind: 'ping' });
        Object.assign(failed ?? {}, { state: 'failed', kind: 'cdr.created' });
        await router.navigate('/webhook-deliveries');
        await rows('Deliveries');
        const again = (id = '') => within(document.querySelector(`tr[data-row="${id}"]`) as HTMLElement).queryByRole('button', { name: 'Send again' });
        expect([waiting, test].map((delivery) => again(delivery?.id))).toEqual([null, null]);
        // It has begun to wait since the list was read.
        Object.assign(failed ?? {}, { state: 'pending' });
        await user.click(again(failed?.id) as HTMLElement);
        expect(await screen.findByRole('alert')).toHaveTextContent('This does not go now, as things are. It says: it waits to be delivered anyway');
    });
});

describe('personal settings', () => {
    it('language and colours are kept by the server', async () => {
        const { user, server } = await renderConsole({ path: '/settings' });
        await user.click(await screen.findByRole('button', { name: 'Language' }));
        await user.click(await screen.findByRole('menuitem', { name: 'Русский' }));
        expect(await screen.findByRole('heading', { name: 'Личные настройки' })).toBeInTheDocument();
        expect(server.data.users[0]?.locale).toBe('ru');
        await user.click(screen.getByRole('button', { name: 'Тёмные' }));
        await waitFor(() => expect(server.log.findLast(({ method, path }) => method === 'PUT' && path === '/me/settings/console')?.body).toEqual({ locale: 'ru', look: 'dark' }));
    });

    it('the language that was chosen on the way in becomes one’s own', async () => {
        const { user, server } = await renderConsole({ user: null, path: '/settings' });
        await user.click(await screen.findByRole('button', { name: 'Русский' }));
        await user.type(await screen.findByLabelText(/Имя пользователя/), 'admin');
        await user.type(screen.getByLabelText(/^Пароль/), 'cordboard');
        await user.click(screen.getByRole('button', { name: 'Войти' }));
        expect(await screen.findByRole('heading', { name: 'Личные настройки' })).toBeInTheDocument();
        await waitFor(() => expect(server.log.findLast(({ method, path }) => method === 'PUT' && path === '/me/settings/console')?.body).toEqual({ locale: 'ru' }));
    });

    it('saving one’s name leaves the language and the time zone to the centre', async () => {
        const { user, server } = await renderConsole({ path: '/settings' });
        await user.type(await screen.findByLabelText(/^Name/), ' the First');
        await user.click(screen.getAllByRole('button', { name: 'Save' })[0] as HTMLElement);
        await waitFor(() => expect(server.log.findLast(({ method, path }) => method === 'PUT' && path === '/me')?.body).toEqual({ display_name: expect.stringMatching(/ the First$/) }));
    });

    it('a wrong old password is said beside its field', async () => {
        const { user } = await renderConsole({ path: '/settings' });
        await user.type(await screen.findByLabelText(/Password until now/), 'nonsense');
        await user.type(screen.getByLabelText(/New password/), 'long enough');
        await user.click(screen.getByRole('button', { name: 'Change the password' }));
        expect(await screen.findByText('This is not your password')).toBeInTheDocument();
    });

    it('a new password ends the other sessions, and what went wrong before is forgotten', async () => {
        const { user, server } = await renderConsole({ path: '/settings' });
        expect(await screen.findByRole('button', { name: 'End' })).toBeInTheDocument();
        await user.type(await screen.findByLabelText(/Password until now/), 'cordboard');
        await user.type(screen.getByLabelText(/New password/), 'long enough');
        server.failNext = { path: /password/, problem: new FakeProblem(503, 'store_unavailable') };
        await user.click(screen.getByRole('button', { name: 'Change the password' }));
        expect(await screen.findByRole('alert')).toHaveTextContent('The database cannot be reached.');
        await user.click(screen.getByRole('button', { name: 'Change the password' }));
        expect(screen.queryByText(/The database cannot be reached/)).toBeNull();
        expect(await screen.findByText('Your password is changed')).toBeInTheDocument();
        await waitFor(() => expect(screen.queryByRole('button', { name: 'End' })).toBeNull());
    });

    it('a session that has ended meanwhile just goes', async () => {
        const { user, services } = await renderConsole({ path: '/settings' });
        const end = await screen.findByRole('button', { name: 'End' });
        await services.client.put('/me/password', { old: 'cordboard', new: 'long enough' });
        await user.click(end);
        await waitFor(() => expect(screen.queryByRole('button', { name: 'End' })).toBeNull());
        expect(screen.getByText('This one')).toBeInTheDocument();
        expect(screen.queryByRole('alert')).toBeNull();
    });

    it('a role that people have made is called by its name', async () => {
        const { user, server } = await renderConsole({ path: '/status' });
        await screen.findByRole('heading', { name: 'System status' });
        const admin = server.data.roles.find(({ code }) => code === 'admin');
        if (admin) server.data.roles.push({ ...admin, id: '99', code: 'night_lead', name: 'Night shift lead', builtin: false });
        server.data.users[0]?.roles.push('night_lead');
        server.data.users[6]?.roles.push('gone');
        await user.click(screen.getByRole('link', { name: 'Users' }));
        await rows('Users');
        expect(await screen.findByText('Night shift lead')).toBeInTheDocument();
        expect(screen.getByText('gone')).toBeInTheDocument();
        expect(screen.getByText('Administrator')).toBeInTheDocument();
    });

    it('a new token is shown once', async () => {
        const { user } = await renderConsole({ path: '/settings' });
        await user.click(await screen.findByRole('button', { name: 'New token' }));
        const dialog = await screen.findByRole('dialog');
        await user.type(within(dialog).getByLabelText(/Name/), 'bot');
        await user.click(within(dialog).getByRole('button', { name: 'New token' }));
        expect(await within(dialog).findByText(/^cb_/)).toBeInTheDocument();
    });
});
