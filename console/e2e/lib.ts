// What every story needs: the world that the test made, a browser, people at it, and an eye on everything that goes wrong meanwhile.
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core';

export interface Person {
    username: string;
    password: string;
    id?: string;
    role?: string;
}

/** What the test says of the world; each story knows what else is in its own. */
export interface World {
    base: string;
    chromium: string;
    /** A directory for files. */
    files: string;
    admin: Person;
}

/** A person at a browser of their own. */
export interface Desk {
    page: Page;
    context: BrowserContext;
    /** What went wrong here: messages of the browser's console, refusals of the server, dialogs. */
    faults: string[];
}

export interface Seat {
    locale?: string;
    /** What may go wrong. */
    forgive?: RegExp;
    width?: number;
    /** The page takes a certificate that nobody vouches for, and scripts that are not the console's. */
    stranger?: boolean;
}

export interface Stage<W extends World> {
    world: W;
    /** A browser that nobody has used before. Whatever goes wrong in it fails the story, unless `forgive` matches it. */
    open: (options?: Seat) => Promise<Desk>;
    /** The same with somebody logged in. */
    enter: (person: Person, options?: Seat) => Promise<Desk>;
}

/** Nothing in a story lasts so long; it says where it was and ends. */
const LIMIT_MS = 200_000;
/** For things that happen at once; generous, because two cores may be busy. */
export const SOON_MS = 30_000;

/** More than a story goes to, and fewer than a loop does. */
const PLACES_A_SECOND = 50;

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--mute-audio'];

/** Tells a story. What it gives back is the last line of output; what went wrong makes it fail. */
export async function story<W extends World>(tell: (stage: Stage<W>) => Promise<unknown>): Promise<void> {
    const world = JSON.parse(await read()) as W;
    const browser = await chromium.launch({ executablePath: world.chromium, headless: true, args: FLAGS });
    const desks: Desk[] = [];
    /** What went wrong at desks that nobody sits at any more. */
    const left: string[] = [];
    const late = setTimeout(() => void fail(new Error(`still not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
    const fail = async (problem: unknown) => {
        clearTimeout(late);
        console.error(problem instanceof Error ? problem.stack : problem);
        for (const [index, { page, faults }] of desks.entries()) {
            const text = await page.locator('body').innerText({ timeout: 2000 }).catch(() => '(cannot be read)');
            console.error(`\n--- desk ${index + 1} at ${page.url()}\n${faults.join('\n')}\n${text}`);
            await page.screenshot({ path: `${world.files}/desk-${index + 1}.png`, timeout: 3000 }).catch(() => undefined);
        }
        await browser.close().catch(() => undefined);
        process.exit(1);
    };
    const stage: Stage<W> = {
        world,
        open: async (options) => {
            const desk = await sit(browser, world, options);
            desks.push(desk);
            desk.context.on('close', () => left.push(...(desks.splice(desks.indexOf(desk), 1)[0]?.faults ?? [])));
            return desk;
        },
        enter: async (person, options) => {
            const desk = await stage.open(options);
            await desk.page.goto('/');
            await logIn(desk.page, person);
            return desk;
        },
    };
    try {
        const told = await tell(stage);
        const faults = [...left, ...desks.flatMap((desk) => desk.faults)];
        if (faults.length > 0) throw new Error(`it went well, but for this:\n${faults.join('\n')}`);
        clearTimeout(late);
        await browser.close();
        console.log(JSON.stringify(told ?? null));
    } catch (problem) {
        await fail(problem);
    }
}

async function sit(browser: Browser, world: World, { locale = 'en-GB', forgive, width = 1440, stranger = false }: Seat = {}): Promise<Desk> {
    const context = await browser.newContext({ baseURL: world.base, viewport: { width, height: 900 }, locale, timezoneId: 'Europe/Moscow', acceptDownloads: true, ignoreHTTPSErrors: stranger, bypassCSP: stranger });
    // Going somewhere again and again looks well, and keeps the browser busy for seconds.
    await context.addInitScript((most) => {
        const push = history.pushState.bind(history);
        let count = 0;
        history.pushState = (...place) => {
            count += 1;
            setTimeout(() => (count -= 1), 1000);
            if (count === most) console.error(`${most} places in a second, the last one ${String(place[2])}`);
            push(...place);
        };
    }, PLACES_A_SECOND);
    const page = await context.newPage();
    page.setDefaultTimeout(SOON_MS);
    const faults: string[] = [];
    const note = (fault: string) => {
        if (!forgive?.test(fault)) faults.push(`${new URL(page.url(), world.base).pathname}: ${fault}`);
    };
    // Of what the server refuses the browser says less than the answer itself, which is noted below.
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource') && note(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => note(`exception: ${error.stack ?? error.message}`));
    page.on('dialog', (dialog) => {
        note(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
    });
    page.on('response', (response) => {
        // Whether somebody is signed in is asked for on each fresh page, and the answer of nobody is 401.
        if (response.status() >= 400 && !(response.url().endsWith('/api/auth/refresh') && response.status() === 401)) {
            note(`${response.request().method()} ${response.url().replace(world.base, '')} ${response.status()}`);
        }
    });
    return { page, context, faults };
}

export async function logIn(page: Page, person: Person): Promise<void> {
    await page.locator('input[name=username]').fill(person.username);
    await page.locator('input[name=password]').fill(person.password);
    await page.locator('button[type=submit]').click();
    await page.locator('header').waitFor();
}

/** Fails unless both are the same. */
export function same(is: unknown, should: unknown, about: string): void {
    const [a, b] = [JSON.stringify(is), JSON.stringify(should)];
    if (a !== b) throw new Error(`${about}:\n  is     ${a}\n  should ${b}`);
}

export function check(holds: unknown, about: string): asserts holds {
    if (!holds) throw new Error(about);
}

/** Looks until `look` finds something. */
export async function until<T>(about: string, look: () => Promise<T | undefined | false | null>, limitMs = SOON_MS): Promise<T> {
    const end = Date.now() + limitMs;
    for (;;) {
        const found = await look();
        if (found) return found;
        if (Date.now() > end) throw new Error(`waited ${limitMs / 1000} s in vain: ${about}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

/** Goes to a page as its links do, without loading the console anew. */
export async function go(page: Page, path: string): Promise<void> {
    await page.evaluate((to) => {
        // The router counts the places that it has been to, and wants to know which one this is.
        const state = { usr: null, key: to, idx: ((history.state as { idx?: number } | null)?.idx ?? 0) + 1 };
        history.pushState(state, '', to);
        dispatchEvent(new PopStateEvent('popstate', { state }));
    }, path);
}

/** A page is there when its title is, and nothing on it is being loaded. */
export async function settled(page: Page): Promise<void> {
    await page.locator('#main h1').first().waitFor();
    await until('nothing is being loaded', async () => page.evaluate(() => !document.querySelector('#main .MuiSkeleton-root, #main [aria-busy=true], #main [role=progressbar]:not([aria-hidden], [aria-valuenow])')));
}

/** Goes to a page by the menu, and waits until it is there: its title is what the menu calls it. */
export async function visit(page: Page, path: string): Promise<void> {
    const link = page.locator(`nav a[href="${path}"]`);
    const name = (await link.getAttribute('aria-label')) ?? '';
    await link.click();
    await page.locator('#main').getByRole('heading', { level: 1, name, exact: true }).waitFor();
    await settled(page);
}

/** The main menu's links by their paths. */
export function menu(page: Page): Promise<string[]> {
    return page.locator('nav a').evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''));
}

/** The rows of the list on the page. */
export const rows = (page: Page | Locator) => page.locator('tr[data-row]');

async function read(): Promise<string> {
    const parts: Buffer[] = [];
    for await (const part of process.stdin) parts.push(part as Buffer);
    return Buffer.concat(parts).toString('utf8');
}
