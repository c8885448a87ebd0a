import { screen, waitFor, within } from '@testing-library/react';
import { expect, it } from 'vitest';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole } from '@/testing/harness';

const names = (list: HTMLElement) => within(list).getAllByRole('listitem').map((item) => item.textContent.replace(/\d+ tags?.*/, ''));

/** The page as the client's administrator sees it. */
async function open() {
    const console = await renderConsole({ user: 'olga', path: '/tag-groups' });
    const groups = await screen.findByRole('list', { name: 'Groups' });
    const tags = (group: string) => screen.findByRole('list', { name: `Tags of the group “${group}”` });
    const changes = () => console.server.log.filter(({ method }) => method === 'PUT' || method === 'POST' || method === 'DELETE').filter(({ path }) => path.startsWith('/tag')).map(({ method, path, body }) => [method, path, body]);
    return { ...console, groups, tags, changes };
}

it('shows groups, and the tags of the chosen one', async () => {
    const { user, groups, tags } = await open();
    expect(names(groups)).toEqual(['Итог', 'Квартира', 'Прочее', 'Жалобы']);
    expect(names(await tags('Итог'))).toEqual(['целевой звонок', 'нецелевой звонок']);
    await user.click(within(groups).getByRole('button', { name: /^Квартира/ }));
    expect(names(await tags('Квартира'))).toEqual(['1 комната', '2 комнаты', '3 комнаты и больше']);
});

it('orders them by keys and by buttons, and the focus stays where it was', async () => {
    const { user, groups, changes } = await open();
    within(groups).getByRole('button', { name: /^Прочее/ }).focus();
    await user.keyboard('{Alt>}{ArrowUp}{/Alt}');
    await waitFor(() => expect(names(groups)).toEqual(['Итог', 'Прочее', 'Квартира', 'Жалобы']));
    expect(within(groups).getByRole('button', { name: /^Прочее/ })).toHaveFocus();
    expect(changes()).toEqual([
        ['PUT', '/tag-groups/3', { position: 2, version: 1 }],
        ['PUT', '/tag-groups/2', { position: 3, version: 1 }],
    ]);
    // Without Alt an arrow moves nothing.
    await user.keyboard('{ArrowUp}');
    expect(changes()).toHaveLength(2);
    await user.click(screen.getByRole('button', { name: 'Move “Прочее” up' }));
    await waitFor(() => expect(names(groups)[0]).toBe('Прочее'));
    expect(screen.getByRole('button', { name: 'Move “Прочее” up' })).toBeDisabled();
});

it('makes a group and a tag in it', async () => {
    const { user, server, changes } = await open();
    await user.click(screen.getByRole('button', { name: 'New group' }));
    const dialog = await screen.findByRole('dialog', { name: 'New group' });
    await user.type(within(dialog).getByRole('textbox', { name: /Name of the group/ }), 'Ипотека');
    await user.click(within(dialog).getByRole('switch', { name: 'Only one tag of the group' }));
    await user.click(within(dialog).getByRole('switch', { name: 'Calls are rated by it' }));
    await user.click(within(dialog).getByRole('radio', { name: 'Indigo' }));
    await user.click(within(dialog).getByRole('button', { name: 'Create' }));
    expect(await screen.findByText('There are no tags in this group yet')).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'New tag' }));
    const asks = await screen.findByRole('dialog', { name: 'New tag in “Ипотека”' });
    // A tag has its group's colour unless it is given another.
    expect(within(asks).getByRole('radio', { name: 'Indigo' })).toBeChecked();
    await user.type(within(asks).getByRole('textbox', { name: /Name of the tag/ }), 'одобрена{Enter}');
    expect(names(await screen.findByRole('list', { name: 'Tags of the group “Ипотека”' }))).toEqual(['одобрена']);
    const id = server.data.listening.groups.at(-1)?.id;
    expect(changes()).toEqual([
        ['POST', '/tag-groups', { name: 'Ипотека', colour: 'indigo', exclusive: true, rates: true }],
        ['POST', '/tags', { name: 'одобрена', colour: 'indigo', group_id: id }],
    ]);
});

it('offers a tag no more instead of deleting what calls have had', async () => {
    const { user, tags, changes } = await open();
    await user.click(screen.getByRole('button', { name: 'Delete “целевой звонок”' }));
    const asks = await screen.findByRole('dialog', { name: 'Delete “целевой звонок”?' });
    await user.click(within(asks).getByRole('button', { name: 'Delete' }));
    expect(await within(asks).findByRole('alert')).toHaveTextContent('This is still in use.');
    await user.click(within(asks).getByRole('button', { name: 'Cancel' }));
    await user.click(await screen.findByRole('button', { name: 'Change “целевой звонок”' }));
    const dialog = await screen.findByRole('dialog', { name: 'Tag' });
    await user.click(within(dialog).getByRole('switch', { name: 'Offer it no more' }));
    await user.click(within(dialog).getByRole('button', { name: 'Save' }));
    await waitFor(async () => expect(names(await tags('Итог'))[0]).toBe('целевой звонокnot offered'));
    expect(changes().at(-1)).toEqual(['PUT', '/tags/1', { name: 'целевой звонок', colour: 'green', active: false, version: 1 }]);
});

it('says what went wrong where the groups would be, and tries again', async () => {
    const console = await renderConsole({ user: 'olga', path: '/calls' });
    console.server.failNext = { path: /^\/tag-groups$/, problem: new FakeProblem(403, 'forbidden') };
    await console.router.navigate('/tag-groups');
    await console.user.click(await screen.findByRole('button', { name: 'Try again' }));
    expect(names(await screen.findByRole('list', { name: 'Groups' }))).toHaveLength(4);
});
