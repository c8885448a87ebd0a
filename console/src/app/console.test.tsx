// The whole console against the fake twin: what a person sees and does.
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole, rows } from '@/testing/harness';

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
        expect(await menu()).toHaveLength(18);
    });

    it('shows an operator what operators do', async () => {
        await renderConsole({ user: 'ann' });
        expect(await menu()).toEqual(['Live board', 'Calls', 'Call records', 'Slots', 'Background jobs']);
    });

    it('shows a listener calls alone, and begins there', async () => {
        const { path } = await renderConsole({ user: 'elena' });
        expect(await menu()).toEqual(['Calls', 'Call records']);
        await waitFor(() => expect(path()).toBe('/calls'));
    });

    it('is Russian for who reads Russian', async () => {
        await renderConsole({ user: 'elena', locale: 'ru' });
        expect(await screen.findByRole('heading', { name: 'Звонки', level: 1 })).toBeInTheDocument();
    });

    it('is in the language that the person has chosen, whatever the browser speaks', async () => {
        await renderConsole({ user: 'elena', locale: 'ru', settings: { console: { locale: 'en' } } });
        expect(await screen.findByRole('heading', { name: 'Calls', level: 1 })).toBeInTheDocument();
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
        await renderConsole({ user: 'elena', path: '/calls' });
        expect((await rows('Calls')).join()).toMatch(/\+7\d?•+/);
        expect(screen.queryByRole('columnheader', { name: 'Person' })).toBeNull();
        const search = screen.getByRole('search');
        expect(within(search).queryByRole('button', { name: 'From' })).toBeNull();
        expect(within(search).getByRole('button', { name: 'To' })).toBeInTheDocument();
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
        expect(await screen.findByRole('button', { name: /^6001: Faulty/ })).toBeInTheDocument();
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
        expect(await screen.findByText(/"<script>alert\(1\)<\/script>"/)).toBeInTheDocument();
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

    it('a new token is shown once', async () => {
        const { user } = await renderConsole({ path: '/settings' });
        await user.click(await screen.findByRole('button', { name: 'New token' }));
        const dialog = await screen.findByRole('dialog');
        await user.type(within(dialog).getByLabelText(/Name/), 'bot');
        await user.click(within(dialog).getByRole('button', { name: 'New token' }));
        expect(await within(dialog).findByText(/^cb_/)).toBeInTheDocument();
    });
});
