// Budgets against toll fraud against the fake twin: what a person sees and does.
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole, rows } from '@/testing/harness';

const list = () => rows('Budgets');

describe('budgets', () => {
    it('are listed with what is used of them, the closed ones before all others', async () => {
        const { server } = await renderConsole({ path: '/budgets' });
        const closed = await screen.findByRole('list', { name: 'Closed' });
        expect(closed).toHaveTextContent(/^Slot 6002– its talk of a day is used up; wholly free again by .*Release$/);
        const all = await list();
        expect(all.find((row) => row.startsWith('6002'))).toMatch(/^6002SlotClosedits talk of a day is used up.*Talk in a day4 h of 4 hTalk in an hour52 min of 1 h \+6 minCalls at once1 of 2Everything/);
        expect(all.find((row) => row.startsWith('Главный'))).toMatch(/Call centreOpenPaid in 30 days.*91,204\.00 of.*300,000\.00.*Premium numbers forbidden/);
        expect(all.find((row) => row.startsWith('6004'))).toContain('6*, +7495*, +7499* and 2 more');
        expect(all.find((row) => row.startsWith('Wolga'))).toContain('Wolga <b>Net</b>Carrier');
        expect(document.querySelector('td b')).toBeNull();
        // Where there is room, nothing is to be released.
        expect(screen.getAllByRole('button', { name: 'Release the budget of 6002' })).toHaveLength(2);
        expect(screen.queryByRole('button', { name: 'Release the budget of 6004' })).toBeNull();
        // What happens is followed.
        const slot = server.data.budgets.find(({ id }) => id === 'slot:4');
        Object.assign(slot ?? {}, { closed: true, lines: [{ ...slot?.lines[0], used: 2, closed: true }] });
        server.live.emit('budget.closed', 'slot:4', { kind: 'slot', scope_id: '4', limit: 'calls', value: 2, used: 2, frees_at: null });
        expect(await screen.findByText(/2 budgets are closed/)).toBeInTheDocument();
        expect(within(screen.getByRole('list', { name: 'Closed' })).getByText(/as many calls at once as it allows/)).toBeInTheDocument();
    });

    it('are released by hand, with a reason', async () => {
        const { server, user } = await renderConsole({ path: '/budgets' });
        await user.click((await screen.findAllByRole('button', { name: 'Release the budget of 6002' }))[0] as HTMLElement);
        const dialog = within(await screen.findByRole('dialog'));
        expect(dialog.getByRole('button', { name: 'Release' })).toBeDisabled();
        await user.type(dialog.getByLabelText(/^Reason/), 'a campaign, as agreed{Enter}');
        await waitFor(async () => expect((await list()).find((row) => row.startsWith('6002'))).toMatch(/^6002SlotOpen/));
        expect(server.log.findLast(({ method }) => method === 'POST')).toMatchObject({ path: '/security/budgets/slot/2/release', body: { reason: 'a campaign, as agreed' } });
        await waitFor(() => expect(screen.queryByRole('list', { name: 'Closed' })).toBeNull());
    });

    it('are released on their own page, too, which shows how they stand', async () => {
        const { server, user } = await renderConsole({ path: '/budgets/slot%3A2' });
        expect(await screen.findByRole('progressbar', { name: 'Talk in a day: 4 h of 4 h' })).toBeInTheDocument();
        await user.click(screen.getByRole('button', { name: 'Release' }));
        const dialog = within(await screen.findByRole('dialog'));
        await user.type(dialog.getByLabelText(/^Reason/), 'as agreed');
        server.failNext = { path: /release$/, problem: new FakeProblem(422, 'invalid_field', 'reason') };
        await user.click(dialog.getByRole('button', { name: 'Release' }));
        await waitFor(() => expect(dialog.getByLabelText(/^Reason/)).toHaveAttribute('aria-invalid', 'true'));
        await user.click(dialog.getByRole('button', { name: 'Release' }));
        expect(await screen.findByRole('progressbar', { name: 'Talk in a day: 0 min of 4 h' })).toBeInTheDocument();
    });

    it('are changed in the units that people say', async () => {
        const { server, user, path } = await renderConsole({ path: '/budgets/center%3A1' });
        const limits = within(await screen.findByRole('group', { name: 'At any time' }));
        const money = limits.getByLabelText('Paid in any 24 hours');
        expect(money).toHaveValue(15_000);
        await user.clear(money);
        await user.type(money, '2500.5');
        await user.type(limits.getByLabelText('Talk in any hour, minutes'), '90');
        await user.clear(limits.getByLabelText('Calls at once'));
        await user.click(screen.getByRole('button', { name: 'Save' }));
        await waitFor(() => expect(path()).toBe('/budgets'));
        expect(server.log.findLast(({ method }) => method === 'PUT')).toMatchObject({
            path: '/security/budgets/center/1',
            body: { limits: { day_spend: 250_050, month_spend: 30_000_000, hour_s: 5400, currency: 'RUB', premium: false }, outside: { limits: { calls_max: 5 } } },
        });
        expect(server.log.findLast(({ method }) => method === 'PUT')?.body).not.toHaveProperty('limits.calls_max');
    });

    it('are made for a slot, and what is wrong with them stands beside the field', async () => {
        const { server, user, path } = await renderConsole({ path: '/budgets/create' });
        await user.type(await screen.findByRole('combobox', { name: /^Which one/ }), '6005');
        await user.click(await screen.findByRole('option', { name: '6005' }));
        await user.type(screen.getByLabelText('Paid in any 24 hours'), '300');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        await waitFor(() => expect(screen.getByLabelText('Currency')).toHaveAttribute('aria-invalid', 'true'));
        await user.type(screen.getByLabelText('Currency'), 'rub');
        await user.click(screen.getByRole('button', { name: 'Create' }));
        await waitFor(() => expect(path()).toBe('/budgets'));
        expect(server.log.findLast(({ method }) => method === 'PUT')).toMatchObject({ path: '/security/budgets/slot/5', body: { limits: { calls_max: 2, day_s: 14_400, day_spend: 30_000, currency: 'RUB' } } });
    });

    it('that are gone are told to be gone', async () => {
        await renderConsole({ path: '/budgets/slot%3A999' });
        expect(await screen.findByText('This is not here, or not for you to see.')).toBeInTheDocument();
    });

    it('are for who may see them', async () => {
        await renderConsole({ user: 'clara', path: '/budgets' });
        expect(await screen.findByText('You may not see this page')).toBeInTheDocument();
    });
});
