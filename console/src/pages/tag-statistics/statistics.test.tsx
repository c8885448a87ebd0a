import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import type { ListeningLine, TagLine } from '@/api/listening';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole } from '@/testing/harness';
import { isPeriod, presetOf } from './period';
import { columnsOf, rowsOf, rowsOfTags } from './table';

const NOW = Date.parse('2026-11-22T22:30:00Z');

describe('a time', () => {
    it.each([
        ['today', '2026-11-23', '2026-11-23'],
        ['yesterday', '2026-11-22', '2026-11-22'],
        ['last_7_days', '2026-11-17', '2026-11-23'],
        ['last_30_days', '2026-10-25', '2026-11-23'],
        ['this_month', '2026-11-01', '2026-11-23'],
    ] as const)('%s is in days of the person’s zone', (name, from, to) => {
        // In Moscow it is the next day already.
        expect(presetOf(name, NOW, 'Europe/Moscow')).toEqual({ from, to });
    });

    it.each<[string | undefined, string | undefined, boolean]>([
        ['2026-11-22', '2026-11-22', true],
        ['2026-11-23', '2026-11-22', false],
        ['2025-11-22', '2026-11-22', true],
        ['2025-11-21', '2026-11-22', false],
        [undefined, '2026-11-22', false],
        ['yesterday', '2026-11-22', false],
    ])('from %s to %s can be asked for: %s', (from, to, is) => {
        expect(isPeriod({ from, to })).toBe(is);
    });
});

describe('the table', () => {
    const tags: TagLine[] = [
        { user: '6', user_name: 'Elena', tag: '2', tag_name: 'other', set: 3, unset: 1 },
        { user: '6', user_name: 'Elena', tag: '1', tag_name: 'target', colour: 'green', set: 5, unset: 0 },
        { user: null, tag: '9', set: 1, unset: 0 },
    ];
    const heard: ListeningLine[] = [
        { user_id: '6', user_name: 'Elena', opened: 9, completed: 8, heard_ms: 60_000 },
        { user_id: '7', user_name: 'Pavel', opened: 2, completed: 0, heard_ms: 900 },
    ];
    const columns = columnsOf(tags, ['1', '2']);

    it('has tags in their order, and those that are known no more at the end', () => {
        expect(columns.map(({ id, name }) => [id, name])).toEqual([['1', 'target'], ['2', 'other'], ['9', '#9']]);
    });

    it('has a row for everybody who did anything', () => {
        const rows = rowsOf('user', tags, heard).map(({ key, name, completed, heardMs, set, setAll, unset }) => [key, name, completed, heardMs, Object.fromEntries(set), setAll, unset]);
        expect(rows).toEqual([
            ['6', 'Elena', 8, 60_000, { 1: 5, 2: 3 }, 8, 1],
            ['', undefined, 0, 0, { 9: 1 }, 1, 0],
            ['7', 'Pavel', 0, 900, {}, 0, 0],
        ]);
    });

    it('has days from the latest on, and tags with their sums', () => {
        const days = rowsOf('day', [{ day: '2026-11-01', tag: '1', set: 1, unset: 0 }], [{ day: '2026-11-02', opened: 1, completed: 1, heard_ms: 5 }]);
        expect(days.map(({ key }) => key)).toEqual(['2026-11-02', '2026-11-01']);
        expect(rowsOfTags(tags, columns).map(({ name, setAll, unset }) => [name, setAll, unset])).toEqual([['target', 5, 0], ['other', 3, 1], ['#9', 1, 0]]);
    });
});

const texts = () => [...document.querySelectorAll('tr[data-row]')].map((row) => row.textContent);

it('an administrator sees who heard how much, by person, day and tag, and takes the file along', async () => {
    const { user, server, path, router } = await renderConsole({ user: 'olga' });
    await waitFor(() => expect(path()).toBe('/tag-statistics'));
    await screen.findByRole('table', { name: 'Totals: listening and tags' });
    expect(texts().join()).toMatch(/Елена Смирнова/);
    expect(texts().length).toBeGreaterThan(1);
    // The sums are those of the rows.
    const number = (text: string | null | undefined) => Number(text?.replace(/\D/g, '') || 0);
    const cell = (row: Element | null, at: number) => number(row?.querySelectorAll('th, td')[at]?.textContent);
    const sum = [...document.querySelectorAll('tbody tr')].reduce((all, row) => all + cell(row, 1), 0);
    expect(cell(document.querySelector('tfoot tr'), 1)).toBe(sum);
    await user.click(screen.getByRole('button', { name: 'By day' }));
    await waitFor(() => expect(screen.getByRole('columnheader', { name: 'Day' })).toBeInTheDocument());
    expect(router.state.location.search).toContain('by=day');
    await user.click(screen.getByRole('button', { name: 'By tag' }));
    await waitFor(() => expect(texts()[0]).toContain('целевой звонок'));
    const save = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
    await user.click(screen.getByRole('button', { name: 'To XLSX' }));
    await waitFor(() => expect(save).toHaveBeenCalled());
    save.mockRestore();
    expect(server.log.at(-1)).toMatchObject({ path: '/statistics/tags', query: { by: 'tag', format: 'xlsx', locale: 'en' }, as: 'blob' });
});

it('a listener sees their own totals, and nobody’s name', async () => {
    const { server } = await renderConsole({ user: 'elena', path: '/tag-statistics' });
    await screen.findByRole('table', { name: 'My totals' });
    expect(within(screen.getByRole('group', { name: 'Rows' })).getAllByRole('button').map((button) => button.textContent)).toEqual(['By day', 'By tag']);
    expect(screen.queryByRole('button', { name: 'To XLSX' })).toBeNull();
    expect(document.body.textContent).not.toContain('Павлова');
    expect(server.log.filter(({ path }) => path.startsWith('/statistics')).map(({ query }) => query?.by)).toEqual(['day,tag', 'day']);
});

it('says when nothing was heard, and leads to a wider time', async () => {
    const { user } = await renderConsole({ user: 'elena', path: '/tag-statistics?from=2020-01-01&to=2020-01-02' });
    await user.click(await screen.findByRole('button', { name: 'Look at 30 days' }));
    expect(await screen.findByRole('table', { name: 'My totals' })).toBeInTheDocument();
});

it('says what went wrong, and tries again', async () => {
    const { user, server, router } = await renderConsole({ user: 'elena', path: '/settings' });
    await screen.findByRole('heading', { level: 1 });
    server.failNext = { path: /^\/statistics\/listening$/, problem: new FakeProblem(422, 'invalid_field') };
    await router.navigate('/tag-statistics');
    await user.click(await screen.findByRole('button', { name: 'Try again' }));
    expect(await screen.findByRole('table', { name: 'My totals' })).toBeInTheDocument();
});
