// Two people at two browsers: what one does, the other one sees, without loading anything anew.
import { check, settled, story, until, visit, type Person, type World } from './lib.ts';

await story<World & { olga: Person; vera: Person; slot: string; other: string }>(async ({ world, enter }) => {
    const vera = (await enter(world.vera)).page;
    await vera.waitForURL('**/live');
    await settled(vera);
    await vera.getByText('Nobody is calling at the moment.').waitFor();
    await vera.getByRole('status', { name: /^Live/ }).waitFor();
    const loads: string[] = [];
    vera.on('request', (request) => request.isNavigationRequest() && loads.push(request.url()));
    const tile = vera.getByRole('button', { name: new RegExp(`^${world.slot} `) });

    const olga = (await enter(world.olga)).page;
    await olga.getByRole('button', { name: 'Take a slot' }).click();
    await olga.getByRole('menuitem', { name: world.slot }).click();
    await vera.getByRole('button', { name: `${world.slot} Taken Olga` }).waitFor();

    const phone = olga.getByRole('group', { name: 'My phone' });
    await phone.getByText('Ready', { exact: true }).waitFor();
    await phone.getByRole('textbox').fill(world.other);
    await phone.getByRole('textbox').press('Enter');
    const call = vera.getByRole('table', { name: 'Calls in the air' }).locator('tr[data-row]');
    await until('the call is on the other screen', async () => (await call.count()) === 1);
    await call.getByText('Talking').waitFor();
    await call.getByText('Olga').waitFor();
    await until('the tile shows whom it talks to', async () => (await tile.innerText()).includes(world.other));
    await visit(vera, '/calls');
    const row = vera.locator('tr[data-row]');
    await row.getByText('Talking').waitFor();

    await phone.getByRole('button', { name: 'End call' }).click();
    await row.getByText('Answered').waitFor();
    await vera.locator('nav a[href="/live"]').click();
    await vera.getByText('Nobody is calling at the moment.').waitFor();
    await phone.getByRole('button', { name: world.slot }).click();
    await olga.getByRole('menuitem', { name: 'Let the slot go' }).click();
    await vera.getByRole('button', { name: `${world.slot} Free` }).waitFor();
    check(loads.length === 0, `nothing was loaded anew: ${loads.join()}`);
});
