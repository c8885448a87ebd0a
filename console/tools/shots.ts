// Pictures of every page against the fake twin, in both languages and both looks, to be looked at by people.
//   npm run build:fake && npm run shots -- --out /tmp/shots [--only users] [--lang ru] [--look dark] [--user ann] [--axe]
// Says what the browser complained of, such as a style that the page's policy does not let in; with --axe also what axe has against each page.
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { violations } from '../e2e/axe.ts';
import { serve } from './serve.ts';

const { values } = parseArgs({
    options: {
        out: { type: 'string', default: 'target/shots' },
        only: { type: 'string' },
        lang: { type: 'string' },
        look: { type: 'string' },
        user: { type: 'string', default: 'admin' },
        width: { type: 'string', default: '1440' },
        height: { type: 'string', default: '900' },
        axe: { type: 'boolean', default: false },
    },
});

type Step = (page: Page) => Promise<unknown>;

/** Pages by name, and what is done there before the picture is taken. */
const PAGES: [string, string, Step?][] = [
    ['desk', '/desk'],
    ['desk-rings', '/desk', ring],
    ['desk-after', '/desk', ringAndEnd],
    ['pop', '/leads', ring],
    ['missed', '/missed-calls'],
    ['today', '/today'],
    ['leads', '/leads'],
    ['lead-create', '/leads/create'],
    ['lead', '/leads/503'],
    ['lead-move', '/leads/503', (page) => page.keyboard.press('m')],
    ['lead-lost', '/leads/508'],
    ['lead-next', '/leads/503', (page) => page.keyboard.press('r')],
    ['lead-edit', '/leads/503', (page) => page.getByRole('button', { name: /^(Change|Изменить)$/ }).first().click()],
    ['hand-over', '/leads/501', (page) => page.keyboard.press('h')],
    ['lead-heard', '/leads/502', (page) => page.getByRole('button', { name: /Listen|Слушать/ }).first().click()],
    ['clients', '/clients'],
    ['client', '/clients/701'],
    ['client-create', '/clients', (page) => page.keyboard.press('a')],
    ['live', '/live'],
    ['calls', '/calls'],
    ['calls-filter', '/calls', (page) => page.locator('[role=search] button').nth(1).click()],
    ['calls-columns', '/calls', (page) => page.getByRole('button', { name: /^(Columns|Столбцы)$/ }).click()],
    ['call', '/calls', async (page) => openRow(page, 5)],
    ['call-ladder', '/calls', ladder],
    ['call-transferred', '/calls/c_transferred1/show'],
    ['call-transferred-ladder', '/calls/c_transferred1/show', wholeLadder],
    ['call-tried', '/calls/c_tried1/show'],
    ['call-live', '/live', async (page) => page.locator('tr[data-row]').first().click()],
    ['cdr', '/cdr'],
    ['export-dialog', '/cdr', (page) => page.getByRole('button', { name: /Export…|Выгрузить…/ }).click()],
    ['slots', '/slots'],
    ['slot', '/slots/1/show'],
    ['slot-caller', '/slots/3/show'],
    ['slot-menu', '/slots', (page) => page.getByRole('button', { name: /slot 6004|слотом 6004/ }).click()],
    ['slot-qr', '/slots/7/show', slotQr],
    ['trunks', '/trunks'],
    ['trunk-create', '/trunks/create'],
    ['trunk-created', '/trunks/create', createTrunk],
    ['trunk', '/trunks/1'],
    ['registrations', '/registrations'],
    ['carriers', '/carriers'],
    ['carrier-create', '/carriers/create'],
    ['carrier', '/carriers/101'],
    ['carrier-down', '/carriers/102'],
    ['carrier-open', '/carriers/101', openFolds],
    ['carrier-faults', '/carriers/101', wrongCarrier],
    ['routes', '/routes'],
    ['route', '/routes/2'],
    ['route-ask', '/routes/4'],
    ['route-create', '/routes/create'],
    ['explain', '/routes/explain'],
    ['explained', '/routes/explain', explainCall('6001', '84951234567')],
    ['explained-nowhere', '/routes/explain', explainCall('6001', '+4930123456')],
    ['bans', '/bans'],
    ['ban-dialog', '/bans', (page) => page.getByRole('button', { name: /Ban an address|Заблокировать адрес/ }).click()],
    ['ban-release', '/bans', (page) => page.locator('tr[data-row] button').first().click()],
    ['budgets', '/budgets'],
    ['budget', '/budgets/center%3A1'],
    ['budget-create', '/budgets/create'],
    ['budget-release', '/budgets', (page) => page.locator('tr[data-row] button').last().click()],
    ['tag-groups', '/tag-groups'],
    ['tag-dialog', '/tag-groups', (page) => page.getByRole('button', { name: /^(New tag|Новый тег)$/ }).click()],
    ['tag-totals-none', '/tag-statistics?from=2020-01-01&to=2020-12-31'],
    ['tag-totals', '/tag-statistics', wider],
    ['tag-totals-day', '/tag-statistics?by=day', wider],
    ['tag-totals-tag', '/tag-statistics?by=tag', wider],
    ['listeners', '/listeners'],
    ['listener', '/listeners/6'],
    ['listener-create', '/listeners/create'],
    ['listening', '/listening'],
    ['listening-open', '/listening', hearCall],
    ['users', '/users'],
    ['users-bulk', '/users', pickUsers],
    ['user-create', '/users/create'],
    ['user', '/users/7'],
    ['user-link', '/users/7', userLink],
    ['roles', '/roles'],
    ['role', '/roles/6'],
    ['role-shape', '/roles/4', (page) => page.getByRole('button', { name: /JSON/ }).click()],
    ['sets', '/permission-sets'],
    ['set', '/permission-sets/3'],
    ['oidc', '/oidc-role-map'],
    ['oidc-create', '/oidc-role-map/create'],
    ['status', '/status'],
    ['jobs', '/jobs'],
    ['job', '/jobs/6/show'],
    ['schedules', '/schedules'],
    ['schedule', '/schedules/3'],
    ['exports', '/exports'],
    ['webhooks', '/webhooks'],
    ['webhook', '/webhooks/1'],
    ['deliveries', '/webhook-deliveries'],
    ['delivery', '/webhook-deliveries', (page) => openRow(page, 1)],
    ['events', '/events'],
    ['event', '/events', (page) => openRow(page, 2)],
    ['audit', '/audit'],
    ['audit-entry', '/audit', auditEntry],
    ['security', '/security-audit'],
    ['centers', '/centers'],
    ['center', '/centers/1'],
    ['settings', '/settings'],
    ['token-dialog', '/settings', (page) => page.getByRole('button', { name: /New token|Новый ключ/ }).click()],
    ['jump', '/users', (page) => page.keyboard.press('Control+k')],
    ['not-found', '/nowhere'],
    ['empty', '/users?filter=%7B%22q%22%3A%22nobody%22%7D'],
];

const SIGNED_OUT: [string, string, Step?][] = [
    ['login', '/login'],
    ['login-wrong', '/login', wrongPassword],
    ['forgot', '/forgot'],
    ['link', '/link#token=x'],
    ['link-gone', '/link#token=gone'],
];

const folder = new URL('../target/fake', import.meta.url).pathname;
const { url, close } = await serve(folder);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const complaints = new Map<string, string>();

for (const lang of values.lang ? [values.lang] : ['ru', 'en']) {
    for (const look of values.look ? [values.look] : ['light', 'dark']) {
        const out = `${values.out}/${lang}-${look}${values.user === 'admin' ? '' : `-${values.user}`}`;
        await mkdir(out, { recursive: true });
        for (const [pages, isSignedIn] of [
            [PAGES, true],
            [SIGNED_OUT, false],
        ] as const) {
            const wanted = pages.filter(([name]) => !values.only || values.only.split(',').includes(name));
            if (wanted.length === 0) continue;
            const context = await browser.newContext({ viewport: { width: Number(values.width), height: Number(values.height) }, locale: lang === 'ru' ? 'ru-RU' : 'en-GB', timezoneId: 'Europe/Moscow' });
            await context.addInitScript(
                ([lang, look]) => {
                    localStorage.setItem('cordboard.locale', lang ?? '');
                    localStorage.setItem('cordboard.look', look ?? '');
                },
                [lang, look],
            );
            const page = await context.newPage();
            let at = '';
            page.on('console', (message) => {
                if (message.type() === 'error' || message.type() === 'warning') complaints.set(`${at}: ${message.text().slice(0, 300)}`, '');
            });
            page.on('pageerror', (error) => complaints.set(`${at}: ${error.message}`, ''));
            if (isSignedIn) await signIn(page, lang);
            for (const [name, path, step] of wanted) {
                at = name;
                await page.goto(url + path);
                await page.waitForLoadState('networkidle');
                await page.locator('#main, main').first().waitFor();
                await page.locator('.MuiSkeleton-root').first().waitFor({ state: 'detached', timeout: 5000 }).catch(() => undefined);
                if (step) {
                    await step(page).catch((error: unknown) => complaints.set(`${at}: ${String(error).slice(0, 200)}`, ''));
                    await page.waitForTimeout(700);
                } else await page.waitForTimeout(250);
                await page.screenshot({ path: `${out}/${name}.png` });
                if (values.axe) for (const violation of await violations(page)) complaints.set(`${at}, ${lang}, ${look}: ${violation}`, '');
                await page.setViewportSize({ width: Number(values.width), height: Number(values.height) });
            }
            await context.close();
        }
    }
}
await browser.close();
close();
for (const complaint of complaints.keys()) console.log(complaint);

async function signIn(page: Page, lang: string): Promise<void> {
    await page.goto(`${url}/login`);
    await page.locator('input[name=username]').fill(values.user);
    await page.locator('input[name=password]').fill('cordboard');
    await page.locator('button[type=submit]').click();
    await page.waitForURL((target) => !target.pathname.startsWith('/login'));
    // The people of the twin have languages of their own; the pictures have theirs.
    await page.waitForTimeout(500);
    await page.getByRole('button', { name: /^(Language|Язык)$/ }).click();
    await page.locator(`[role=menuitem][lang=${lang}]`).click();
    await page.waitForTimeout(300);
}

async function wrongPassword(page: Page): Promise<void> {
    await page.locator('input[name=username]').fill('admin');
    await page.locator('input[name=password]').fill('wrong');
    await page.locator('button[type=submit]').click();
}

/** The last thirty days. */
function wider(page: Page): Promise<void> {
    return page.getByRole('button', { name: /^(Last 30 days|Последние 30 дней|30 дней)/ }).click();
}

/** The second call is open, has been played, and has got a tag. */
async function hearCall(page: Page): Promise<void> {
    await page.locator('tr[data-row]').nth(1).click();
    await page.locator('[data-heard]').waitFor();
    await page.keyboard.press('Space');
    await page.keyboard.press('7');
    await page.waitForTimeout(2500);
    await page.keyboard.press('Space');
}

async function openRow(page: Page, index: number): Promise<void> {
    await page.locator('tr[data-row]').nth(index).click();
    await page.waitForTimeout(600);
}

async function ladder(page: Page): Promise<void> {
    await openRow(page, 7);
    await page.getByRole('button', { name: /Show the messages|Показать сообщения/ }).click();
    await page.waitForTimeout(500);
    await page.locator('table').last().locator('button').first().click();
    await page.locator('pre').scrollIntoViewIfNeeded();
}

async function wholeLadder(page: Page): Promise<void> {
    await page.getByRole('button', { name: /Show the messages|Показать сообщения/ }).click();
    await page.waitForTimeout(500);
    await grow(page);
}

async function auditEntry(page: Page): Promise<void> {
    const rows = page.locator('tr[data-row]');
    const at = await rows.evaluateAll((all) => all.findIndex((row) => row.children[5]?.textContent === '7'));
    await rows.nth(Math.max(0, at)).click();
}

async function pickUsers(page: Page): Promise<void> {
    await page.locator('thead input[type=checkbox]').click();
}

async function userLink(page: Page): Promise<void> {
    await page.locator('header + div main button, main button').filter({ hasText: /Ссылка|Link for/ }).first().click();
    await page.locator('[role=dialog] button').nth(1).click();
}

async function slotQr(page: Page): Promise<void> {
    await page.getByRole('button', { name: /slot 6007|слотом 6007/ }).click();
    await page.locator('[role=menuitem]').filter({ hasText: /QR/ }).click();
    await page.locator('[role=dialog] button').last().click();
}

async function openFolds(page: Page): Promise<void> {
    const folds = page.locator('form [aria-expanded=false][aria-controls]');
    while ((await folds.count()) > 0) await folds.first().click();
    await grow(page);
}

async function wrongCarrier(page: Page): Promise<void> {
    await openFolds(page);
    await page.locator('input[name="rates.1.prefix"]').fill('7');
    await page.locator('input[name="numbers.1.number"]').fill('1234');
    await page.locator('button[type=submit]').click();
    await page.waitForTimeout(600);
}

function explainCall(from: string, to: string): Step {
    return async (page) => {
        const fields = page.locator('form input');
        await fields.nth(0).fill(from);
        await fields.nth(1).fill(to);
        await fields.nth(1).press('Enter');
        await page.locator('[aria-live=polite] section').first().waitFor();
        await grow(page);
    };
}

/** The window as high as the page, so that all of it is in the picture. */
async function grow(page: Page): Promise<void> {
    const height = await page.evaluate(() => Math.max(0, ...[...document.querySelectorAll('main, main *')].map((element) => element.scrollHeight)));
    await page.setViewportSize({ width: Number(values.width), height: Math.min(6000, height + 80) });
}

async function createTrunk(page: Page): Promise<void> {
    await page.locator('input[name=name]').fill('Ночная смена');
    await page.locator('button[type=submit]').click();
    await page.locator('[role=dialog]').waitFor();
}

/** The twin calls back whoever calls 777. */
async function ring(page: Page): Promise<void> {
    const take = page.getByRole('button', { name: /^(Take a slot|Занять слот)$/ });
    if ((await take.count()) > 0) {
        await take.click();
        await page.locator('[role=menuitem]').first().click();
    }
    await page.locator('[data-my-number]').fill('777');
    await page.locator('[data-my-number]').press('Enter');
    await page.waitForTimeout(2600);
}

async function ringAndEnd(page: Page): Promise<void> {
    await ring(page);
    await page.waitForTimeout(6500);
    await page.getByRole('button', { name: /^(End call|Завершить)$/ }).click();
    await page.waitForTimeout(500);
    await page.locator('textarea').first().fill('Интересует двушка на Химках, перезвонить после шести.');
}
