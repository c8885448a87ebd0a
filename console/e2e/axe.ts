// What axe (WCAG 2.1, A and AA) has against a page as it stands.
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { AxeResults, RunOnly } from 'axe-core';
import { same, until } from './lib.ts';

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const ALL: RunOnly = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] };
/** What keeps somebody from their work; less is told by nobody. */
const HEAVY = ['serious', 'critical'];

/**
 * Fails if something on the page, or in the dialog on it, is a serious or critical violation, in light or in dark. The looks follow the
 * machine's (`system`), so they change in place; of the dark one only the colours are examined, for all else is the same.
 */
export async function accessible(page: Page, where: string): Promise<void> {
    for (const look of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: look });
        await until(`${where} is ${look}`, () => page.evaluate((wanted) => getComputedStyle(document.documentElement).colorScheme === wanted, look));
        same(await violations(page, look === 'dark' ? { type: 'rule', values: ['color-contrast'] } : ALL), [], `${where}, ${look}: what axe finds`);
    }
}

/** Each violation as a line: the rule, what is wrong, the element. */
export async function violations(page: Page, rules: RunOnly = ALL): Promise<string[]> {
    // What comes in or goes away is half transparent meanwhile, and no contrast could be told.
    await page.evaluate(async () => {
        await Promise.all(document.getAnimations().filter((each) => each.effect?.getComputedTiming().endTime !== Infinity).map((each) => each.finished.catch(() => undefined)));
    });
    await page.evaluate(`${AXE}; undefined`);
    return page.evaluate(
        async ({ rules, heavy }) => {
            const { axe } = window as unknown as { axe: { run: (context: Document, options: object) => Promise<AxeResults> } };
            const found = await axe.run(document, { runOnly: rules, resultTypes: ['violations'] });
            return found.violations
                .filter(({ impact }) => heavy.includes(impact ?? ''))
                .flatMap(({ id, nodes }) => nodes.map(({ html, any, all, none }) => `${id}: ${[...any, ...all, ...none].map(({ message }) => message).join(' / ')} ${html.slice(0, 200)}`));
        },
        { rules, heavy: HEAVY },
    );
}
