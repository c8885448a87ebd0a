// What each role sees: its menu, every page of it, and nothing else.
import type { Locator, Page, Request } from 'playwright-core';
import { go, logIn, menu, rows, same, settled, story, until, visit, type Person, type World } from './lib.ts';
import { ALL, MENUS } from './menus.ts';

/** How many people are at work at a time: two cores are busy with two. */
const AT_A_TIME = 2;

await story<World & { people: (Person & { role: string })[] }>(async ({ world, open }) => {
    same(world.people.map(({ role }) => role).toSorted(), Object.keys(MENUS).toSorted(), 'the roles of the server and those of the matrix');
    const waiting = [...world.people];
    const work = async () => {
        const { page } = await open();
        for (let person = waiting.shift(); person; person = waiting.shift()) await examine(page, person);
    };
    const examine = async (page: Page, { role, ...person }: Person & { role: string }) => {
        const granted = MENUS[role] ?? [];
        // The address of a page that is not granted is typed before anybody is logged in: after it one is told, and no list is asked for.
        const refused = ALL.filter((path) => !granted.includes(path));
        await page.goto(refused[0] ?? '/');
        await logIn(page, person);
        await until(`${role}: the menu`, async () => (await menu(page)).length > 0);
        same(await menu(page), granted, `${role}: the menu`);

        const asked: string[] = [];
        const note = (request: Request) => asked.push(new URL(request.url()).pathname);
        page.on('request', note);
        // All pages and all places below them are looked at for one role; for the others the first and the last one.
        const places = role === 'viewer' ? refused.flatMap((path) => [path, `${path}/create`, `${path}/1`, `${path}/1/show`]) : refused.filter((_, index) => index === 0 || index === refused.length - 1);
        for (const place of places) {
            asked.length = 0;
            await go(page, place);
            const told = async () => /You may not see this page|There is no such page/.test(await page.locator('#main').innerText());
            await until(`${role}: ${place} says that it is not granted`, async () => new URL(page.url()).pathname === place && (await told()));
            same(await page.locator('#main tr, #main input').count(), 0, `${role}: ${place} shows nothing`);
            const resource = `/api${place.replace('/cdr', '/cdr/records').replace('/events', '/dci/logs').replace('/carriers', '/trunks').replace('/bans', '/security/bans').replace('/budgets', '/security/budgets').replace('/leads', '/crm/leads')}`.replace(/\/(create|1.*)$/, '');
            same(asked.filter((each) => each.startsWith(resource)), [], `${role}: ${place} asks for nothing`);
        }
        page.off('request', note);
        for (const path of granted) {
            await visit(page, path);
            same(new URL(page.url()).pathname, path, `${role}: where the menu leads`);
            same(await page.locator('#main [role=alert]').allInnerTexts(), [], `${role}: what ${path} complains of`);
            // Whoever may read a list may open what is in it. Calls are the same for all who see them.
            const first = rows(page).first();
            // A call of the cabinet opens below its list.
            if (path === '/listening' || (path === '/cdr' && role !== 'admin') || (await first.count()) === 0 || !(await isOpenable(first))) continue;
            const before = await page.title();
            await first.click();
            await until(`${role}: the first row of ${path} opens`, async () => (await page.getByRole('dialog').count()) > 0 || (await page.title()) !== before);
            await settled(page);
            same(await page.locator('#main [role=alert]').allInnerTexts(), [], `${role}: what the first row of ${path} complains of`);
            if ((await page.getByRole('dialog').count()) > 0) await page.keyboard.press('Escape');
        }
        await page.getByRole('button', { name: 'Me', exact: true }).click();
        const gone = page.waitForResponse((response) => response.url().endsWith('/api/auth/logout'));
        await page.getByRole('menuitem', { name: 'Log out' }).click();
        await page.waitForURL('**/login');
        same((await gone).status(), 204, `${role}: logging out`);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
});

/** Rows that lead somewhere look so. */
function isOpenable(row: Locator): Promise<boolean> {
    return row.evaluate((element) => getComputedStyle(element).cursor === 'pointer');
}
