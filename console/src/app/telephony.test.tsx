// Carriers, routes, registrations and bans against the fake twin: what a person sees and does.
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole, rows } from '@/testing/harness';

describe('carriers', () => {
    it('are listed without hubs, and hubs without carriers', async () => {
        const { server, user } = await renderConsole({ path: '/carriers' });
        expect((await rows('Carriers')).join()).toMatch(/Reserve.*Wolga <b>Net<\/b>.*Северный Телефон/);
        expect(server.log.findLast(({ path }) => path === '/trunks')?.query).toMatchObject({ filter: '{"type":"sip"}' });
        await user.click(screen.getByRole('link', { name: 'Hubs' }));
        expect((await rows('Hubs')).join()).not.toContain('Северный');
    });

    it('say how they are at this moment, and why, in the list and on their own page', async () => {
        const { server, user } = await renderConsole({ path: '/carriers' });
        await waitFor(async () => expect((await rows('Carriers'))[1]).toMatch(/^Wolga <b>Net<\/b>Down47 minsnot registered: the carrier does not allow it; ask whether the account is open \(403 Forbidden <img src=x onerror=alert\(1\)>\)Not registered0 of 10/));
        const calls = server.data.calls.filter(({ status }) => status !== 'ended').length;
        expect((await rows('Carriers'))[2]).toMatch(new RegExp(`^Северный ТелефонUp.*Registered${calls} of 30`));
        expect((await rows('Carriers'))[0]).toMatch(/^ReserveSwitched off–0 of 4/);
        expect(document.querySelector('td img, td b')).toBeNull();
        // It is told as it happens.
        const now = server.data.standings[1];
        server.live.emit('carrier.update', '102', { ...now, standing: 'up', since: Date.now(), accounts: [{ username: 'wolga', state: 'registered', expires_at: Date.now() + 3_600_000, next_at: Date.now() + 1_800_000, last_error: null }] });
        await waitFor(async () => expect((await rows('Carriers'))[1]).toMatch(/^Wolga <b>Net<\/b>Up.*Registered0 of 10/));
        await user.click(document.querySelector('tr[data-row="102"] td') as HTMLElement);
        const accounts = await screen.findByRole('table', { name: 'Accounts' });
        expect(accounts).toHaveTextContent(/wolgaRegisteredRefreshed in (29|30) minutesGood until/);
        expect(screen.getByRole('table', { name: 'Hosts' })).toHaveTextContent('203.0.113.9:5080Answers');
        server.live.emit('carrier.update', '102', { ...now, standing: 'down', since: Date.now(), hosts: [{ host: 'sip:203.0.113.9:5080', up: false }], accounts: [] });
        expect(await screen.findByText('none of its hosts answers')).toBeInTheDocument();
    });

    it('do not show how they are to who may not watch them', async () => {
        const { server, queries, user } = await renderConsole({ path: '/settings' });
        const admin = server.data.roles.find(({ code }) => code === 'admin');
        if (admin) admin.permissions = admin.permissions.filter(({ permission }) => permission !== 'trunks.monitor');
        await queries.invalidateQueries({ queryKey: ['me', 'permissions'] });
        await user.click(await screen.findByRole('link', { name: 'Carriers' }));
        expect((await rows('Carriers')).join()).toMatch(/ReserveOff.*Wolga <b>Net<\/b>On/);
        expect(server.log.some(({ path }) => path === '/pbx/status')).toBe(false);
    });

    it('are made of a name, a host, an account and a number', async () => {
        const { server, user, path } = await renderConsole({ path: '/carriers/create' });
        await user.type(await screen.findByLabelText(/^Name/), 'Northern');
        await user.type(screen.getByLabelText(/^Host/), 'sip.example.com');
        await user.type(screen.getByLabelText('User name'), 'sales');
        await user.type(screen.getByLabelText('Password'), 'tuning-fork');
        await user.type(screen.getByLabelText('Number'), '+7 495 123-45-67');
        // A slot that was typed and not confirmed is not lost.
        await user.type(screen.getByLabelText('Slots that ring'), '6001 6002');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        await waitFor(() => expect(path()).toBe('/carriers'));
        expect(server.log.findLast(({ method }) => method === 'POST')).toMatchObject({
            path: '/trunks',
            body: {
                type: 'sip',
                name: 'Northern',
                hosts: ['sip:sip.example.com'],
                accounts: [{ username: 'sales', password: 'tuning-fork' }],
                numbers: [{ number: '+74951234567', to: ['6001', '6002'] }],
                callers: [{ number: '+74951234567' }],
            },
        });
    });

    it('have what the server says beside the field, also in parts that were shut', async () => {
        const { server, user } = await renderConsole({ path: '/carriers/101' });
        await user.type(await screen.findByLabelText(/^Name/), '!');
        server.failNext = {
            path: /^\/trunks\/101$/,
            problem: new FakeProblem(422, 'invalid_field', undefined, {
                errors: [
                    { field: 'rates.+.step_s', code: 'invalid_field', detail: '60 is not good' },
                    { field: 'hosts[1]', code: 'invalid_field', detail: 'no host' },
                    { field: 'accounts[0].password', code: 'invalid_field', detail: 'is missing' },
                    // Of what has no field of its own.
                    { field: 'contract', code: 'unknown_field', detail: 'not known' },
                ],
            }),
        };
        expect(screen.queryByText('Paste a price list')).toBeNull();
        await user.click(screen.getByRole('button', { name: 'Save' }));
        expect(await screen.findByText(/60 is not good/)).toBeInTheDocument();
        const price = within(screen.getByRole('group', { name: 'Price 2' })).getByLabelText('Rounded up to, s');
        expect(price).toHaveAttribute('aria-invalid', 'true');
        expect(screen.getByLabelText(/^Host 2/)).toHaveAttribute('aria-invalid', 'true');
        expect(screen.getByLabelText('Password')).toHaveAttribute('aria-invalid', 'true');
        // The first of them has the keyboard, and the next attempt is not held up by what was said of the last.
        await waitFor(() => expect(screen.getByLabelText(/^Host 2/)).toHaveFocus());
        await user.click(screen.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(server.data.carriers[0]?.name).toBe('Северный Телефон!'));
    });

    it('keep passwords unless they move', async () => {
        const { server, user } = await renderConsole({ path: '/carriers/101' });
        expect(await screen.findByText('It is kept if you leave this empty')).toBeInTheDocument();
        await user.type(screen.getByLabelText(/^Host 2/), '.org');
        expect(await screen.findByText(/type the passwords again/)).toBeInTheDocument();
        await user.click(screen.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(screen.getByLabelText('Password')).toHaveAttribute('aria-invalid', 'true'));
        expect(server.data.carriers[0]?.hosts[1]).toBe('sips:sip2.north.example.com');
    });

    it('can only be read by who does not see all of their settings', async () => {
        const { server, queries, user } = await renderConsole({ path: '/settings' });
        server.data.roles.find(({ code }) => code === 'admin')?.columns.push({ resource: 'trunks', column: 'settings', mode: 'hide' });
        await queries.invalidateQueries({ queryKey: ['me', 'permissions'] });
        await user.click(await screen.findByRole('link', { name: 'Carriers' }));
        await rows('Carriers');
        await user.click(document.querySelector('tr[data-row="101"] td') as HTMLElement);
        expect(await screen.findByLabelText(/^Name/)).toBeDisabled();
        expect(screen.queryByText('Accounts')).toBeNull();
        expect(screen.queryByRole('button', { name: 'Save' })).toBeNull();
    });
});

describe('routes', () => {
    it('are listed by their place, each in a line of words', async () => {
        await renderConsole({ path: '/routes' });
        await screen.findByText(/carrier Северный Телефон, then/);
        const list = await rows('Routes');
        expect(list[1]).toContain('numbers that begin with +7495 or +7499, on workdays 9–18, from slots → carrier Северный Телефон, then group moscow, the cheapest first');
        expect(list[5]).toContain('carrier Wolga <b>Net</b>, then carrier Reserve, then group reserve');
        expect(document.querySelector('td b')).toBeNull();
    });

    it('are switched off and on in the list', async () => {
        const { server, user } = await renderConsole({ path: '/routes' });
        await rows('Routes');
        await user.click(screen.getByRole('switch', { name: 'Use “Москва днём”' }));
        await waitFor(() => expect(server.data.routes[1]?.on).toBe(false));
        expect(server.log.findLast(({ method }) => method === 'PUT')).toMatchObject({ path: '/routes/2', body: { on: false, version: 1, name: 'Москва днём', match: { to: ['+7495*', '+7499*'] } } });
    });

    it('are made by the keyboard alone', async () => {
        const { server, user, path } = await renderConsole({ path: '/routes/create' });
        await user.type(await screen.findByLabelText(/^Name/), 'Moscow');
        expect(screen.getByLabelText(/^Place/)).toHaveValue(70);
        await user.type(screen.getByLabelText('Called number'), '+7 (495)*{Enter}');
        await user.type(screen.getByRole('combobox', { name: /^Carriers and groups/ }), 'Север');
        await screen.findByRole('option', { name: 'carrier Северный Телефон' });
        await user.keyboard('{Enter}');
        await user.type(screen.getByRole('combobox', { name: /^And then/ }), 'moscow{Enter}');
        await user.type(screen.getByRole('combobox', { name: /^And then/ }), 'far away{Enter}');
        const earlier = screen.getByRole('button', { name: 'Earlier: group far away' });
        earlier.focus();
        await user.keyboard('{Enter}');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        await waitFor(() => expect(path()).toBe('/routes'));
        expect(server.log.findLast(({ method }) => method === 'POST')?.body).toMatchObject({
            name: 'Moscow',
            position: 70,
            match: { to: ['+7495*'], came_by: 'slot' },
            then: { do: 'carriers', order: [{ carrier: '101' }, { group: 'far away' }, { group: 'moscow' }] },
        });
    });

    it('with hours, and what the server says of them', async () => {
        const { server, user } = await renderConsole({ path: '/routes/2' });
        await user.click(await screen.findByRole('button', { name: 'Add a day' }));
        const day = within(screen.getByRole('group', { name: 'Day 2' }));
        await user.type(day.getByLabelText('Date'), '31.12');
        await user.clear(screen.getByLabelText('Fri'));
        await user.type(screen.getByLabelText('Fri'), '9–12, 13–17');
        await user.click(screen.getByRole('button', { name: 'Save' }));
        expect(await within(screen.getByRole('group', { name: 'Day 2' })).findByText(/a date is written as/)).toBeInTheDocument();
        await user.clear(day.getByLabelText('Date'));
        await user.type(day.getByLabelText('Date'), '12-31');
        await user.click(screen.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(server.data.routes[1]?.match.when?.calendar.week.fri).toEqual(['09:00-12:00', '13:00-17:00']));
        expect(server.data.routes[1]?.match.when?.calendar.special[1]).toEqual({ date: '12-31', hours: [] });
    });

    it('are explained step by step', async () => {
        // A Friday at noon in Moscow.
        const { server, user } = await renderConsole({ path: '/routes/explain', now: () => Date.UTC(2026, 10, 20, 9) });
        await user.type(await screen.findByLabelText('Who calls'), '6001');
        await user.type(screen.getByLabelText(/^Who is called/), '8 495 123-45-67{Enter}');
        const steps = await screen.findByRole('list', { name: 'Routes that were looked at' });
        expect(within(steps).getAllByRole('listitem').map((step) => step.textContent)).toEqual(['ЭкстренныеIt is for other called numbers.', 'Москва днёмIt matches, and is taken.']);
        expect(server.log.findLast(({ method }) => method === 'POST')?.body).toEqual({ from: '6001', to: '84951234567', came_by: 'slot' });
        const tries = within(screen.getByRole('table', { name: 'Where it goes' })).getAllByRole('row').map((row) => row.textContent);
        expect(tries.slice(1)).toEqual(['1.Северный ТелефонUp+74951234567+74951234567RUB\u00a00.90', '2.Wolga <b>Net</b>Down+74951234567+78431234567RUB\u00a01.50']);
        expect(screen.getByText(/the group “reserve” has no carrier for this call centre/)).toBeInTheDocument();
        expect(screen.getByRole('link', { name: 'the route “Россия”' })).toHaveAttribute('href', '/routes/6');
        await user.clear(screen.getByLabelText(/^Who is called/));
        await user.type(screen.getByLabelText(/^Who is called/), '+4930123456{Enter}');
        expect(await screen.findByText('Nowhere: There is no such number.')).toBeInTheDocument();
    });
});

describe('the number of a slot', () => {
    it('is one that a carrier has verified', async () => {
        const { server, user } = await renderConsole({ path: '/slots/2/show' });
        const number = await screen.findByRole('combobox', { name: 'Caller number' });
        expect(number).toHaveValue('+74951234567');
        await user.clear(number);
        await user.type(number, '+7 999 000-00-00');
        const section = within(number.closest('section') as HTMLElement);
        await user.click(section.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(number).toHaveAttribute('aria-invalid', 'true'));
        expect(server.data.callers.get('2')).toBe('+74951234567');
        await user.clear(number);
        await user.type(number, '+7843');
        await user.click(await screen.findByRole('option', { name: '+7 843 123-45-67' }));
        await user.click(section.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(server.data.callers.get('2')).toBe('+78431234567'));
        await user.clear(number);
        await user.click(section.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(server.log.findLast(({ method }) => method === 'PUT')).toMatchObject({ path: '/slots/2/caller', body: { number: null } }));
    });

    it('is told to be no longer verified, and stands in an explanation', async () => {
        const { user } = await renderConsole({ path: '/slots/3/show' });
        expect(await screen.findByText(/No carrier has \+7 499 000-00-00 verified any more/)).toBeInTheDocument();
        await user.click(screen.getByRole('link', { name: 'Explain a call' }));
        await user.type(await screen.findByLabelText('Who calls'), '6003');
        await user.type(screen.getByLabelText(/^Who is called/), '84951234567{Enter}');
        expect(await screen.findByText('The slot calls as')).toBeInTheDocument();
        expect(screen.getByText('+7 499 000-00-00')).toBeInTheDocument();
    });
});

describe('registrations', () => {
    it('show who is there and who is not, as it changes', async () => {
        const { server, user } = await renderConsole({ path: '/registrations' });
        await rows('Registrations');
        await user.click(await screen.findByRole('button', { name: /Not registered$/ }));
        const before = (await rows('Registrations')).length;
        expect(before).toBe(server.data.slots.filter(({ registered }) => !registered).length);
        const slot = server.data.slots.find(({ registered }) => registered);
        server.live.emit('slot.update', slot?.id ?? '', { ...slot, registered: false }, slot?.epoch);
        await waitFor(async () => expect(await rows('Registrations')).toHaveLength(before + 1));
        expect(await screen.findByText('The phone has gone')).toBeInTheDocument();
        server.live.emit('slot.rebound', slot?.id ?? '', { id: slot?.id, number: slot?.number, old_source: '192.0.2.1:5060', new_source: '<b>x</b>' });
        expect(await screen.findByText('<b>x</b>')).toBeInTheDocument();
        await user.type(screen.getByLabelText('Number begins with'), slot?.number ?? '');
        await waitFor(async () => expect(await rows('Registrations')).toHaveLength(1));
    });

    it('say from where each phone comes, and mark what has changed', async () => {
        const { server } = await renderConsole({ path: '/registrations' });
        const [, strange, other] = server.data.registrations;
        const slot = server.data.slots.find(({ id }) => id === other?.id);
        const line = async (id: string | undefined) => (await rows('Registrations'))[server.data.slots.toSorted((a, b) => a.number.localeCompare(b.number)).findIndex((each) => each.id === id)];
        await waitFor(async () => expect(await line(strange?.id)).toContain(`${strange?.source}WSS<img src=x onerror=alert(1)> friendly-scanner`));
        expect(document.querySelector('td img')).toBeNull();
        expect(screen.queryByRole('img', { name: /^A phone at another address/ })).toBeNull();
        // Another phone takes the place: the mark is there at once, and where it is as soon as the database knows.
        if (other) Object.assign(other, { source: '203.0.113.50:5099', user_agent: 'Other/1' });
        server.live.emit('slot.rebound', other?.id ?? '', { id: other?.id, number: slot?.number, old_source: '10.0.0.1:5060', new_source: '203.0.113.50:5099' });
        expect(await screen.findByRole('img', { name: /^A phone at another address has taken its place/ })).toBeInTheDocument();
        await waitFor(async () => expect(await line(other?.id)).toContain('203.0.113.50:5099'), { timeout: 5000 });
        server.live.emit('slot.update', slot?.id ?? '', { ...slot, registered: false }, slot?.epoch);
        expect(await screen.findByRole('img', { name: /^The phone has gone/ })).toBeInTheDocument();
        await waitFor(async () => expect(await line(other?.id)).not.toContain('203.0.113.50'));
    });

    it('show no address to who may not trace phones', async () => {
        const { server } = await renderConsole({ path: '/registrations', user: 'clara' });
        expect((await rows('Registrations')).length).toBeGreaterThan(10);
        expect(screen.queryByRole('columnheader', { name: 'From' })).toBeNull();
        expect(server.log.some(({ path }) => path === '/registrations')).toBe(false);
    });
});

describe('bans', () => {
    it('are listed, released after a question, and made by hand', async () => {
        const { server, user } = await renderConsole({ path: '/bans' });
        expect((await rows('Bans')).join()).toContain('By hand: <i>звонил ночью</i>');
        await user.click(screen.getByRole('button', { name: 'Release 2001:db8:dead:1::/64' }));
        const dialog = await screen.findByRole('dialog');
        expect(dialog).toHaveTextContent('Release 2001:db8:dead:1::/64?');
        await user.click(within(dialog).getByRole('button', { name: 'Release' }));
        await waitFor(async () => expect(await rows('Bans')).toHaveLength(3));
        expect(server.log.findLast(({ method }) => method === 'DELETE')?.path).toBe('/security/bans/2001%3Adb8%3Adead%3A1%3A%3A%2F64');

        await user.click(screen.getByRole('button', { name: 'Ban an address…' }));
        await user.type(await screen.findByLabelText(/^Address/), 'pbx.example{Enter}');
        expect(await screen.findByText(/this is no address/)).toBeInTheDocument();
        await user.clear(screen.getByLabelText(/^Address/));
        await user.type(screen.getByLabelText(/^Address/), '192.0.2.9');
        await user.type(screen.getByLabelText('Note'), 'guesses');
        await user.keyboard('{Enter}');
        await waitFor(() => expect(server.data.bans.at(-1)).toMatchObject({ source: '192.0.2.9', note: 'guesses', why: 'by_hand' }));
        expect(server.log.findLast(({ method, path }) => method === 'POST' && path === '/security/bans')?.body).toEqual({ source: '192.0.2.9', for_s: 86_400, note: 'guesses' });
    });

    it('are for who may see them', async () => {
        await renderConsole({ user: 'clara', path: '/bans' });
        expect(await screen.findByText('You may not see this page')).toBeInTheDocument();
    });
});
