// A hub is made and grows, a slot is disabled, another one gets a new password. What the page shows for phones is given to the test,
// which logs phones in with it.
import { readFile } from 'node:fs/promises';
import { check, rows, same, settled, story, until, visit, type World } from './lib.ts';

interface Account {
    number: string;
    username: string;
    password: string;
}

await story<World>(async ({ world, enter }) => {
    const { page } = await enter(world.admin);
    const setup = page.getByRole('dialog', { name: /Set up the phone/ });
    const shown = async (number: string): Promise<Account> => ({
        number,
        username: await setup.getByLabel('User name').innerText(),
        password: await setup.getByLabel('Password', { exact: true }).innerText(),
    });
    const accounts: Account[] = [];

    await visit(page, '/trunks');
    await page.getByRole('link', { name: 'New hub' }).click();
    await page.locator('input[name=name]').fill('Desk two');
    await page.locator('input[name=capacity]').fill('2');
    await page.locator('#main button[type=submit]').click();
    await setup.waitFor();
    for (const number of ['6003', '6004']) {
        await setup.getByRole('button', { name: number, exact: true }).click();
        await setup.getByRole('img', { name: `QR code for slot ${number}` }).waitFor();
        accounts.push(await shown(number));
    }
    const csv = page.waitForEvent('download');
    await setup.getByRole('button', { name: 'All as CSV' }).click();
    const table = await readFile(await (await csv).path(), 'utf8');
    for (const { username, password } of accounts) check(table.includes(username) && table.includes(password), `${username} stands in the CSV`);
    await setup.getByRole('button', { name: 'Done, I have them' }).click();
    await page.waitForURL('**/trunks');

    await rows(page).filter({ hasText: 'Desk two' }).click();
    await settled(page);
    await page.locator('input[name=capacity]').fill('3');
    await page.locator('#main button[type=submit]').click();
    await setup.waitFor();
    accounts.push(await shown('6005'));
    await setup.getByRole('button', { name: 'Done, I have them' }).click();

    await visit(page, '/slots');
    same(await rows(page).count(), 5, 'two slots were there, three came');
    const row = (number: string) => rows(page).filter({ hasText: number });
    const choose = async (number: string, deed: string | RegExp) => {
        await row(number).getByRole('button', { name: `What to do with slot ${number}` }).click();
        await page.getByRole('menuitem', { name: deed }).click();
    };
    await choose('6003', 'Disable');
    await page.getByRole('dialog', { name: 'Disable slot 6003?' }).getByRole('button', { name: 'Disable' }).click();
    await row('6003').getByText('Disabled').first().waitFor();
    await choose('6003', 'Put into service');
    await until('it is in service again', async () => (await row('6003').getByText('Disabled').count()) === 0);

    await choose('6004', 'New password and QR code');
    await page.getByRole('dialog', { name: 'New password for slot 6004?' }).getByRole('button', { name: 'New password' }).click();
    await setup.waitFor();
    const old = accounts[1];
    const changed = await shown('6004');
    check(old && changed.password !== old.password, 'the password is another one');
    accounts[1] = changed;
    const file = page.waitForEvent('download');
    await setup.getByRole('button', { name: 'File for the phone' }).click();
    await page.getByRole('menuitem', { name: 'For Linphone' }).click();
    const xml = await readFile(await (await file).path(), 'utf8');
    check(xml.includes(changed.password) && xml.includes('127.0.0.1'), 'the file for the phone holds the new password and the server');
    return { accounts, old };
});
