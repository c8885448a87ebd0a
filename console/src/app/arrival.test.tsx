import { screen, waitFor } from '@testing-library/react';
import { expect, it } from 'vitest';
import { renderConsole } from '@/testing/harness';

const title = (name: string) => screen.findByRole('heading', { level: 1, name });

it('whoever goes to another page is at its title', async () => {
    const { user, router } = await renderConsole({ path: '/users' });
    // The first page leaves the focus where it is: its first stop leads past the menu.
    await title('Users');
    expect(document.body).toHaveFocus();
    await user.click(screen.getByRole('link', { name: 'Slots' }));
    expect(await title('Slots')).toHaveFocus();
    // A row that is opened by the keyboard is gone with its page.
    await waitFor(() => expect(document.querySelector('tr[data-row]')).not.toBeNull());
    document.querySelector<HTMLElement>('tr[data-row]')?.focus();
    await user.keyboard('{Enter}');
    expect(await title('Slot 6001')).toHaveFocus();
    await router.navigate(-1);
    expect(await title('Slots')).toHaveFocus();
    await router.navigate('/nowhere');
    expect(await title('There is no such page')).toHaveFocus();
});

it('a jump by a few letters leads there, too', async () => {
    const { user } = await renderConsole({ path: '/settings' });
    await title('Personal settings');
    await user.keyboard('{Control>}k{/Control}');
    await user.type(await screen.findByRole('combobox'), 'webh{Enter}');
    await waitFor(async () => expect(await title('Webhooks')).toHaveFocus());
});

it('a field that asks for the focus keeps it, and so does one that somebody has gone to', async () => {
    const { user, router } = await renderConsole({ path: '/settings' });
    await title('Personal settings');
    await router.navigate('/users');
    const search = await screen.findByRole('textbox', { name: 'Search' });
    await user.click(search);
    // The filter stands in the address; that is no other page.
    await user.type(search, 'clara{Enter}');
    expect(await screen.findByText('1–1 of 1')).toBeInTheDocument();
    expect(search).toHaveFocus();
});
