// An administrator makes a permission set and a role of it and gives it to somebody, who then sees exactly that.
import { MENUS } from './menus.ts';
import { menu, rows, same, settled, story, until, visit, type Person, type World } from './lib.ts';

await story<World & { nina: Person }>(async ({ world, enter, open }) => {
    const nina = await enter(world.nina);
    await until('the menu of a viewer', async () => (await menu(nina.page)).length === MENUS.viewer?.length);

    const { page } = await enter(world.admin);
    const create = async (path: string, name: string, code: string) => {
        await visit(page, path);
        await page.locator(`#main a[href="${path}/create"]`).first().click();
        await page.locator('input[name=name]').fill(name);
        await page.locator('input[name=code]').fill(code);
    };
    const save = async (path: string) => {
        await page.locator('#main button[type=submit]').click();
        await page.waitForURL(`**${path}`);
        await settled(page);
    };
    await create('/permission-sets', 'Desk watch', 'desk_watch');
    for (const grant of ['See slots: Centre', 'See hubs and carriers: Centre', 'See calls and call records: Own']) await page.getByRole('checkbox', { name: grant, exact: true }).click();
    await page.getByText('3 permissions granted').waitFor();
    await save('/permission-sets');
    await create('/roles', 'Desk watcher', 'desk_watcher');
    const sets = page.locator('#main').getByRole('combobox', { name: 'Permission sets' });
    await sets.fill('Desk watch');
    await page.getByRole('option', { name: /Desk watch/ }).click();
    await page.keyboard.press('Escape');
    await save('/roles');
    await visit(page, '/users');
    await rows(page).filter({ hasText: 'nina' }).click();
    await settled(page);
    const roles = page.locator('#main').getByRole('combobox', { name: 'Roles' });
    // Out with the old one.
    await roles.press('Backspace');
    await roles.fill('Desk watcher');
    await page.getByRole('option', { name: /Desk watcher/ }).click();
    await page.keyboard.press('Escape');
    await save('/users');

    // It holds at once, also where she is logged in already.
    await nina.page.reload();
    await until('the menu of the new role', async () => (await menu(nina.page)).length > 0);
    same(await menu(nina.page), ['/missed-calls', '/live', '/calls', '/cdr', '/slots', '/registrations', '/trunks', '/carriers'], 'the menu of the new role');
    same(await nina.page.getByRole('button', { name: 'Take a slot' }).count(), 0, 'she may not take slots');
    await visit(nina.page, '/slots');
    same(await rows(nina.page).count(), 2, 'the slots of the centre');
    same(await nina.page.getByRole('button', { name: /What to do with slot/ }).count(), 0, 'nothing can be done with them');
    same(await nina.page.getByRole('button', { name: 'Export…' }).count(), 0, 'nor can they be exported');
    await visit(nina.page, '/trunks');
    same(await nina.page.getByRole('link', { name: 'New hub' }).count(), 0, 'she may not make hubs');
    await rows(nina.page).first().click();
    await settled(nina.page);
    same(await nina.page.locator('#main button[type=submit]').count(), 0, 'she may not change a hub');
    same(await nina.page.locator('input[name=name]').isDisabled(), true, 'its name cannot be typed');
    const typed = await open();
    await typed.page.goto('/users');
    await typed.page.locator('input[name=username]').fill('nina');
    await typed.page.locator('input[name=password]').fill(world.nina.password);
    await typed.page.locator('button[type=submit]').click();
    await typed.page.getByText('You may not see this page').waitFor();
});
