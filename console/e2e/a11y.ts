// Everybody can work here, whatever they see and hear with: axe finds nothing serious on any page, form and dialog, in light and in dark.
import { accessible } from './axe.ts';
import { go, menu, rows, settled, story, until, visit, type World } from './lib.ts';
import { ALL } from './menus.ts';

/** What stands in no menu. */
const FORMS = ['/leads/create', '/trunks/create', '/carriers/create', '/routes/create', '/users/create', '/roles/create', '/permission-sets/create', '/oidc-role-map/create', '/schedules/create', '/webhooks/create', '/budgets/create', '/centers/create'];
const PLACES = ['/webhook-deliveries', '/settings', ...FORMS];
/** Lists of which a row is opened. */
const LISTS = ['/users', '/roles', '/slots', '/trunks'];

await story<World & { call: string; part: 'menu' | 'forms' }>(async ({ world, open, enter }) => {
    if (world.part === 'menu') {
        const outside = await open({ stranger: true });
        await outside.page.goto('/');
        await outside.page.locator('input[name=username]').waitFor();
        await accessible(outside.page, 'log-in');
    }
    // axe brings a style of its own, which the page's policy would not let in: as any story but this one shows.
    const { page } = await enter(world.admin, { stranger: true });
    await until('the menu', async () => (await menu(page)).length === ALL.length);
    if (world.part === 'menu') {
        for (const path of ALL) {
            await visit(page, path);
            await accessible(page, path);
        }
        return;
    }
    for (const path of PLACES) {
        const before = await page.title();
        await go(page, path);
        await until(`${path} is there`, async () => (await page.title()) !== before);
        await settled(page);
        await accessible(page, path);
    }
    for (const path of LISTS) {
        await visit(page, path);
        const before = await page.title();
        await rows(page).first().click();
        await until(`the first row of ${path} opens`, async () => (await page.title()) !== before);
        await settled(page);
        await accessible(page, `the first row of ${path}`);
    }
    await go(page, `/calls/${world.call}/show`);
    await page.getByRole('group', { name: 'Recording' }).getByRole('button', { name: 'Play' }).first().waitFor();
    await page.getByRole('button', { name: 'Show the messages' }).click();
    await page.getByRole('table', { name: 'SIP messages' }).waitFor();
    await accessible(page, 'a call');

    // What opens on top of a page.
    await visit(page, '/users');
    await page.getByRole('search').getByRole('button', { name: 'State' }).click();
    await page.getByRole('menuitemcheckbox').first().waitFor();
    await accessible(page, 'a filter');
    await page.keyboard.press('Escape');
    await page.locator('.MuiPopover-paper').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Export…' }).click();
    await page.getByRole('dialog').waitFor();
    await accessible(page, 'the dialog of an export');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').waitFor();
    await accessible(page, 'the jump to a page');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await visit(page, '/audit');
    await rows(page).first().click();
    await page.getByRole('dialog').waitFor();
    await accessible(page, 'an entry of the audit log');
});
