// Without a mouse: log in, find somebody, change their name, save, log out. Where one is can be seen at each step.
import type { Page } from 'playwright-core';
import { check, settled, story, until, type World } from './lib.ts';

await story<World>(async ({ world, open }) => {
    const { page } = await open();
    const keys = page.keyboard;
    await page.goto('/');
    await page.locator('input[name=username]').waitFor();
    await until('the first field has the focus', async () => (await here(page)).name === 'username');
    await keys.type(world.admin.username);
    await keys.press('Tab');
    await keys.type(world.admin.password);
    await keys.press('Enter');
    await page.locator('header').waitFor();
    await settled(page);

    // The first stop of a page leads past the menu.
    await tab(page, (at) => at.text === 'Skip to the page', 3);
    await keys.press('Enter');
    await until('the page has the focus', async () => (await here(page)).id === 'main');

    // By the keyboard alone one goes from page to page.
    await keys.press('Control+k');
    await page.getByRole('dialog').waitFor();
    await keys.type('users');
    await until('one page is left', async () => (await page.getByRole('dialog').getByRole('option').count()) === 1 || (await page.getByRole('dialog').locator('a, [role=button], li').count()) >= 1);
    await keys.press('Enter');
    await page.waitForURL('**/users');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('heading', { level: 1, name: 'Users' }).waitFor();
    await settled(page);

    await keys.press('/');
    await until('the search has the focus', async () => (await here(page)).label === 'Search');
    await keys.type('clara');
    await keys.press('Enter');
    await until('one row is left', async () => (await page.locator('tr[data-row]').count()) === 1);
    // A filter by keys: its pill, a choice, and away again.
    await tab(page, (at) => at.text === 'State', 12);
    await keys.press('Enter');
    await page.getByRole('menuitemcheckbox', { name: 'Active' }).waitFor();
    await until('a choice has the focus', async () => (await here(page)).role === 'menuitemcheckbox');
    for (let steps = 0; (await here(page)).text !== 'Active'; steps += 1) {
        check(steps < 5, 'the choice is reached by arrows');
        await keys.press('ArrowDown');
    }
    await keys.press('Enter');
    await keys.press('Escape');
    await until('the filter holds', async () => /"state"/.test(decodeURIComponent(page.url())));

    await tab(page, (at) => at.row, 40);
    await keys.press('Enter');
    await page.waitForURL(/\/users\/\d+$/);
    await page.locator('input[name=display_name]').waitFor();
    await settled(page);
    await tab(page, (at) => at.name === 'display_name', 40);
    await keys.press('Control+a');
    await keys.type('Clara Novak');
    await tab(page, (at) => at.submit, 60);
    await keys.press('Enter');
    await page.waitForURL(/\/users(\?|$)/);
    await page.getByText('Clara Novak').waitFor();

    // Log out by the menu of oneself: backwards from the page is nearer.
    await page.reload();
    await settled(page);
    await tab(page, (at) => at.label === 'Me', 40);
    await keys.press('Enter');
    await page.getByRole('menuitem', { name: 'Log out' }).waitFor();
    await keys.press('End');
    await keys.press('Enter');
    await page.waitForURL('**/login');
    await page.locator('input[name=password]').waitFor();
});

interface Here {
    id: string;
    name: string;
    label: string;
    text: string;
    role: string;
    row: boolean;
    submit: boolean;
    /** Whether it can be seen that the focus is here. */
    marked: boolean;
    html: string;
}

/** What has the focus. */
function here(page: Page): Promise<Here> {
    return page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        if (!element) throw new Error('nothing has the focus');
        // A field's frame, or what a checkbox is drawn with, shows it in place of the element itself.
        const frames = [element, element.closest('.MuiInputBase-root')?.querySelector('fieldset'), element.closest('.MuiInputBase-root'), element.closest('.MuiCheckbox-root, .MuiSwitch-root, .MuiRadio-root, .MuiSlider-thumb')];
        const isMarked = (frame: Element) => {
            const style = getComputedStyle(frame);
            return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || (frame.tagName === 'FIELDSET' && parseFloat(style.borderTopWidth) >= 2);
        };
        return {
            id: element.id,
            name: element.getAttribute('name') ?? '',
            label: element.getAttribute('aria-label') ?? (element as HTMLInputElement).labels?.[0]?.innerText.trim() ?? '',
            text: element.innerText?.trim() ?? '',
            role: element.getAttribute('role') ?? '',
            row: element.matches('tr[data-row]'),
            submit: element.matches('button[type=submit]'),
            marked: frames.some((frame) => frame && isMarked(frame)),
            html: element.outerHTML.slice(0, 200),
        };
    });
}

/** Goes on with Tab until it is where it should be; at each stop the focus can be seen. */
async function tab(page: Page, wanted: (at: Here) => boolean, most: number): Promise<void> {
    for (let steps = 0; steps < most; steps += 1) {
        await page.keyboard.press('Tab');
        const at = await here(page);
        check(at.html.startsWith('<body') || at.marked, `the focus cannot be seen on ${at.html}`);
        if (wanted(at)) return;
    }
    throw new Error(`not reached by ${most} times Tab; it is on ${(await here(page)).html}`);
}
