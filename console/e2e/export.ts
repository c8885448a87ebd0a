// Lists are written to XLSX: the job's progress ends, the file comes. The test opens what was saved.
import type { Page } from 'playwright-core';
import { rows, same, story, visit, type Person, type World } from './lib.ts';

interface Exported {
    file: string;
    /** The columns that were chosen, as their labels stood in the dialog. */
    columns: string[];
    /** The labels of columns by which the test knows rows. */
    labels: Record<string, string>;
    /** How many rows the page said that the list has. */
    rows: number;
}

await story<World & { half_blind: Person }>(async ({ world, enter }) => {
    const { page } = await enter(world.admin);
    const all = await exportUsers(page, `${world.files}/all.xlsx`);
    const other = await enter(world.half_blind);
    const some = await exportUsers(other.page, `${world.files}/some.xlsx`);
    same(all.columns.includes('Name'), true, 'an administrator can export names');
    same(some.columns.includes('Name'), false, 'whoever may not see names is not offered them');
    return { all, some };
});

async function exportUsers(page: Page, file: string): Promise<Exported> {
    await visit(page, '/users');
    const shown = await rows(page).count();
    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export this list' });
    await dialog.getByRole('button', { name: 'All', exact: true }).click();
    const boxes = dialog.getByRole('checkbox');
    const columns = await boxes.evaluateAll((all) => all.filter((box) => (box as HTMLInputElement).checked).map((box) => box.closest('label')?.textContent?.trim() ?? ''));
    same(columns.length, await boxes.count(), 'every column is chosen');
    await dialog.getByRole('button', { name: 'Export', exact: true }).click();
    await page.waitForURL('**/exports');
    // It is done by itself: nothing is loaded anew here.
    const row = rows(page).first();
    const fetch = row.getByRole('button', { name: 'Download' });
    await fetch.waitFor();
    same(await row.getByText('Done', { exact: true }).count(), 1, 'it says that it is done');
    const download = page.waitForEvent('download');
    await fetch.click();
    await (await download).saveAs(file);
    return { file, columns, labels: { display_name: 'Name', username: 'User name' }, rows: shown };
}
