// A browser that speaks Russian gets a Russian console, whatever the call centre's language is; one's own choice stands above both.
// On every page, form and dialog no word of another language is left but names, addresses and codes.
import type { Page } from 'playwright-core';
import { go, logIn, menu, rows, same, settled, story, until, visit, type Person, type World } from './lib.ts';
import { ALL } from './menus.ts';

/** What is the same in every language: names of things that others have named, and forms of files. */
const NAMES = new Set([
    'Cordboard', 'English', 'SIP', 'API', 'JSON', 'XLSX', 'CSV', 'Excel', 'QR', 'RTP', 'URL', 'HTTP', 'HTTPS', 'UDP', 'TCP', 'TLS', 'WSS', 'WebSocket', 'RUB', 'EUR', 'PostgreSQL', 'SQLite', 'Ctrl', 'UTC', 'GMT', 'Wave', 'Grandstream', 'Linphone', 'baresip', 'Enter', 'PCMA', 'PCMU', 'Socket', 'SSO', 'OIDC', 'OpenID', 'Connect', 'Keycloak', 'law', 'cron', 'DNS', 'sip', 'example', 'com',
    // The person, the hub and the call centre of this story.
    'admin', 'desk', 'one', 'Main',
]);

await story<World & { call: string; person: Person }>(async ({ world, enter, open }) => {
    // The call centre's language is English; nobody has chosen anything yet.
    const first = await open({ locale: 'ru-RU' });
    await first.page.goto('/');
    await first.page.getByRole('button', { name: 'Войти' }).waitFor();
    await words(first.page, 'log-in');
    // Without a mail server there is no link to ask for; the page says whom to turn to.
    await first.page.getByText('Попросите у администратора ссылку на новый пароль.').waitFor();
    await first.page.goto('/forgot');
    await first.page.getByRole('heading', { name: 'Новый пароль' }).waitFor();
    await words(first.page, 'forgotten password');
    await first.page.goto('/login');
    const { page } = first;
    await logIn(page, world.admin);
    await until('the menu', async () => (await menu(page)).length === ALL.length);
    same(await page.evaluate(() => document.documentElement.lang), 'ru', 'what the page says of its language');

    for (const path of await menu(page)) {
        await visit(page, path);
        await words(page, path);
        const row = rows(page).first();
        // A call of the cabinet opens below its list.
        if ((await row.count()) === 0 || path === '/listening') continue;
        const before = await page.title();
        const opens = (await row.evaluate((element) => getComputedStyle(element).cursor)) === 'pointer';
        if (!opens) continue;
        await row.click();
        await until(`the first row of ${path} opens`, async () => (await page.title()) !== before || (await page.locator('[role=dialog], .MuiDrawer-paper').count()) > 0);
        await settled(page);
        await words(page, `the first row of ${path}`);
        await page.keyboard.press('Escape');
    }
    for (const path of ['/leads/create', '/trunks/create', '/carriers/create', '/routes/create', '/users/create', '/roles/create', '/permission-sets/create', '/oidc-role-map/create', '/schedules/create', '/webhooks/create', '/budgets/create', '/centers/create', '/webhook-deliveries', '/settings', '/nowhere', `/calls/${world.call}/show`]) {
        const before = await page.title();
        await go(page, path);
        // The page before stands until the next one is there.
        if (path !== '/nowhere') await until(`${path} is there`, async () => (await page.title()) !== before);
        await (path === '/nowhere' ? page.getByText('Такой страницы нет').waitFor() : settled(page));
        await words(page, path);
    }
    await page.getByRole('group', { name: 'Запись разговора' }).getByRole('button', { name: 'Слушать' }).first().waitFor();
    await page.getByRole('button', { name: 'Показать сообщения' }).click();
    await page.getByRole('table', { name: 'Сообщения SIP' }).waitFor();
    await words(page, 'a call');

    // Menus and dialogs.
    await visit(page, '/users');
    await page.getByRole('button', { name: 'Выгрузить…' }).click();
    await page.getByRole('dialog').waitFor();
    await words(page, 'the dialog of an export');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    for (const name of ['Состояние', 'Последний вход']) {
        await page.getByRole('search').getByRole('button', { name }).click();
        await page.locator('.MuiPopover-paper').waitFor();
        await words(page, `the filter ${name}`);
        await page.keyboard.press('Escape');
        await page.locator('.MuiPopover-paper').waitFor({ state: 'detached' });
    }
    await visit(page, '/slots');
    await rows(page).first().getByRole('button').last().click();
    await page.getByRole('menuitem', { name: 'Новый пароль и QR-код' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Новый пароль и QR-код' }).click();
    await page.getByText('Пароли показываются один раз').waitFor();
    await words(page, 'setting up a phone');
    await page.getByRole('button', { name: 'Готово, всё сохранено' }).click();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').waitFor();
    await words(page, 'the jump to a page');
    await page.keyboard.press('Escape');

    // Who has chosen has chosen: English here stays English at a Russian browser of another desk, for this person only.
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Язык' }).click();
    const kept = page.waitForResponse((response) => response.url().endsWith('/api/me/settings/console') && response.request().method() === 'PUT');
    await page.getByRole('menuitem', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: 'Slots' }).waitFor();
    await kept;
    const second = (await enter(world.admin, { locale: 'ru-RU' })).page;
    await second.locator('nav a[aria-label="Live board"]').waitFor();
    const third = (await enter(world.person, { locale: 'ru-RU' })).page;
    await third.locator('nav a[aria-label="Звонки"]').waitFor();
    const fourth = (await enter(world.person, { locale: 'en-GB' })).page;
    await fourth.locator('nav a[aria-label="Calls"]').waitFor();
});

/** Fails if a word in Latin letters stands on the page that is no name. What people and programs call things (`bdi`, `code`, `pre`) is theirs. */
async function words(page: Page, where: string): Promise<void> {
    const texts = await page.evaluate(() => {
        const found: string[] = [];
        const isShown = (element: Element) => element.checkVisibility({ visibilityProperty: true });
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const parent = node.parentElement;
            if (parent && isShown(parent) && !parent.closest('bdi, code, pre, kbd, script, style, noscript, [lang=en]')) found.push(node.textContent ?? '');
        }
        for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], img[alt]')) {
            if (!isShown(element) || element.closest('bdi, code, pre, [lang=en]')) continue;
            for (const name of ['aria-label', 'title', 'placeholder', 'alt']) found.push(element.getAttribute(name) ?? '');
        }
        // What stands greyed in a field is read as any other text; codes are in the type of codes.
        for (const field of document.querySelectorAll<HTMLInputElement>('input[disabled]')) if (isShown(field) && !field.style.fontFamily.includes('mono')) found.push(field.value);
        return [...found, document.title];
    });
    // Addresses, and what programs call permissions, actions and parts of tokens, are the same in every language.
    const codes = /https?:\/\/\S+|[\w.-]+@[\w.-]+|\b[a-z0-9]+(?:[._][a-z0-9]+)+\b/g;
    // How a program calls itself (`Chrome/156.0`) is its own affair.
    const isProgram = (text: string) => /^\w+\/\d+\.\d+/.test(text);
    const foreign = texts.filter((text) => !isProgram(text)).filter((text) => (text.replaceAll(codes, '').match(/[A-Za-z]{3,}/g) ?? []).some((word) => !NAMES.has(word)));
    same([...new Set(foreign.map((text) => text.trim()))], [], `${where}: texts that are not Russian`);
}
