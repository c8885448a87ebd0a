// An operator takes a free slot, calls from it, sees the call, ends it, and lets the slot go.
import { same, settled, story, until, visit, type Person, type World } from './lib.ts';

await story<World & { olga: Person; slot: string; other: string }>(async ({ world, enter }) => {
    const { page } = await enter(world.olga);
    await page.getByRole('button', { name: 'Take a slot' }).click();
    const free = page.getByRole('menuitem');
    await until('both slots are free', async () => (await free.count()) === 2);
    await page.getByRole('menuitem', { name: world.slot }).click();

    const phone = page.getByRole('group', { name: 'My phone' });
    await phone.getByText('Ready', { exact: true }).waitFor();
    const number = phone.getByRole('textbox', { name: 'Number to call' });
    await number.fill('not a number');
    same(await phone.getByRole('button', { name: 'Call', exact: true }).isDisabled(), true, 'what is no number cannot be called');
    await number.fill(world.other);
    await number.press('Enter');
    await phone.getByText('Talking', { exact: true }).waitFor();
    await visit(page, '/calls');
    same(await page.locator('tr[data-row]').count(), 1, 'her own call');
    await phone.getByTitle('About this call').click();
    await page.waitForURL('**/show');
    await settled(page);
    await phone.getByRole('button', { name: 'End call' }).click();
    await phone.getByRole('textbox', { name: 'Number to call' }).waitFor();
    await page.getByRole('group', { name: 'Recording' }).waitFor();

    await until('the slot is ready again', async () => (await phone.getByText('Ready', { exact: true }).count()) === 1);
    await phone.getByRole('button', { name: world.slot }).click();
    await page.getByRole('menuitem', { name: 'Let the slot go' }).click();
    await page.getByRole('button', { name: 'Take a slot' }).waitFor();
});
