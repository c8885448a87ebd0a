import { screen, waitFor, within } from '@testing-library/react';
import { expect, it } from 'vitest';
import { renderConsole, rows } from '@/testing/harness';

it('the client’s administrator sees the listeners alone, and what each is given', async () => {
    const { server } = await renderConsole({ user: 'olga', path: '/listeners' });
    const shown = await rows('Listeners');
    expect(shown).toHaveLength(2);
    await waitFor(async () => expect((await rows('Listeners')).find((row) => row.includes('Елена'))).toContain('отдел продаж2, отдел продаж4, отдел продаж ХимкиИтог, Квартира, Прочее'));
    expect((await rows('Listeners')).find((row) => !row.includes('Елена'))).toContain('no tags');
    expect(server.log.filter(({ method }) => method !== 'GET' && method !== 'POST')).toEqual([]);
});

it.each(['/users', '/roles', '/permission-sets'])('%s gives way to it', async (path) => {
    await renderConsole({ user: 'olga', path });
    expect(await screen.findByText('You may not see this page')).toBeInTheDocument();
});

it.each(['admin', 'elena', 'clara'])('it is not for %s', async (user) => {
    const { server } = await renderConsole({ user, path: '/listeners' });
    expect(await screen.findByText('You may not see this page')).toBeInTheDocument();
    expect(server.log.filter(({ path }) => path === '/users')).toEqual([]);
});

it('makes a listener with scenarios, groups and columns, and shows what they will see', async () => {
    const { user, server } = await renderConsole({ user: 'olga', path: '/listeners/create' });
    await user.type(await screen.findByRole('textbox', { name: /User name/ }), 'petr');
    expect(screen.getAllByText('Without a scenario the listener will not see a single call.').length).toBeGreaterThan(0);
    await user.click(await screen.findByRole('checkbox', { name: 'отдел продаж Химки' }));
    await user.click(await screen.findByRole('checkbox', { name: 'отдел продаж2' }));
    await user.click(await screen.findByRole('checkbox', { name: /^Итог/ }));
    expect(screen.queryByText('Without a scenario the listener will not see a single call.')).toBeNull();
    // The role masks callers and hides people; the form hides who was called besides.
    const preview = screen.getByRole('table', { name: 'What the listener will see' });
    await waitFor(() => expect(within(preview).queryByRole('columnheader', { name: 'Person' })).toBeNull());
    expect(preview).toHaveTextContent('••••');
    expect(preview).toHaveTextContent('отдел продаж Химки');
    const callee = screen.getByRole('group', { name: 'To' });
    await user.click(within(callee).getByRole('button', { name: 'Hide' }));
    await waitFor(() => expect(within(preview).queryByRole('columnheader', { name: 'To' })).toBeNull());
    await user.click(screen.getByRole('button', { name: 'Create' }));
    expect(await screen.findByRole('dialog')).toBeInTheDocument();
    expect(server.log.findLast(({ method, path }) => method === 'POST' && path === '/users')?.body).toMatchObject({
        username: 'petr',
        roles: ['listener'],
        lists: [
            { resource: 'calls', kind: 'scenario', ids: ['отдел продаж Химки', 'отдел продаж2'] },
            { resource: 'tags', kind: 'tag_group', ids: ['1'] },
        ],
        columns: [{ resource: 'calls', column: 'callee', mode: 'hide' }],
    });
});

it('changes what a listener is given, and leaves the rest of the account as it is', async () => {
    const { user, server } = await renderConsole({ user: 'olga', path: '/listeners/6' });
    await user.click(await screen.findByRole('checkbox', { name: 'отдел продаж4' }));
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(server.log.findLast(({ method }) => method === 'PUT')?.path).toBe('/users/6'));
    expect(server.log.findLast(({ method, path }) => method === 'PUT' && path === '/users/6')?.body).toMatchObject({
        lists: [
            { resource: 'tags', kind: 'tag_group', ids: ['1', '2', '3'] },
            { resource: 'calls', kind: 'scenario', ids: ['отдел продаж2', 'отдел продаж Химки'] },
        ],
    });
});
