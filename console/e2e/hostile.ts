// What strangers can send (a name in SIP, a number that is dialled) and what people call things is shown as text on every page.
import type { Page } from 'playwright-core';
import { check, rows, same, settled, story, until, visit, type Person, type World } from './lib.ts';

await story<World & { text: string; person: Person; slot: string }>(async ({ world, enter }) => {
    const { page } = await enter(world.admin);
    const shows = async (where: string, least = 1) => {
        await until(`${where} shows it as text`, async () => (await times(page, world.text)) >= least);
        same(await page.locator('img').count(), 0, `${where} has made no picture of it`);
    };
    await visit(page, '/live');
    // The person in the call.
    await shows('/live');
    await visit(page, '/calls');
    // One call is under way, of the person with that name; the other one went to that number.
    await shows('/calls', 2);
    await page.locator('tr[data-row]', { hasText: 'Talking' }).first().click();
    await page.waitForURL('**/show');
    await settled(page);
    await page.getByRole('button', { name: 'Show the messages' }).click();
    await page.getByRole('button', { name: 'As text' }).click();
    await until('the name in SIP stands among the messages', async () => (await page.locator('pre').innerText()).includes('<img src=x onerror=alert(1)>'));
    await shows('a call');
    await page.getByRole('button', { name: 'End call' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'End call' }).click();
    await page.getByRole('group', { name: 'Recording' }).waitFor();

    await visit(page, '/cdr');
    await until('both records are there', async () => (await rows(page).count()) === 2);
    await shows('/cdr', 2);
    for (const path of ['/trunks', '/users']) {
        await visit(page, path);
        await shows(path);
    }
    await rows(page).filter({ hasText: 'onerror' }).first().click();
    await settled(page);
    same(await page.locator('input[name=display_name]').inputValue(), world.text, 'a form holds it');
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await visit(page, '/audit');
    await rows(page).filter({ hasText: 'User' }).first().click();
    await page.locator('[role=dialog]').waitFor();
    await page.keyboard.press('Escape');

    // And the person whose name it is.
    const own = await enter(world.person);
    await own.page.getByRole('button', { name: 'Me', exact: true }).click();
    await until('the menu of that person', async () => (await times(own.page, world.text)) > 0);
    same(await own.page.locator('img').count(), 0, 'no picture there either');
    const policy = (await (await page.request.get('/')).headersArray()).find(({ name }) => name.toLowerCase() === 'content-security-policy')?.value ?? '';
    check(policy.includes("default-src 'none'") && policy.includes("script-src 'self'") && !policy.includes('unsafe'), `the page's policy is strict: ${policy}`);
});

/** How often a text stands on the page. */
function times(page: Page, text: string): Promise<number> {
    return page.evaluate((wanted) => document.body.innerText.split(wanted).length - 1, text);
}
