// The listener's cabinet against the fake twin: what Elena sees, does by keys, and is told.
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { FakeProblem } from '@/providers/fake/problem';
import { renderConsole, rows, type HarnessOptions } from '@/testing/harness';
import { Media } from '@/testing/media';

// Drawing wants a canvas; what is drawn is looked at in a browser.
vi.mock('@/pages/calls/player/Waves', () => ({ WAVE_PX: 52, Waves: () => <div data-testid="wave" /> }));

const LENGTH_S = 100;
/** Keys of a Russian layout: their places are those of the Latin letters. */
const RUSSIAN: Record<string, string> = { KeyN: 'т', KeyP: 'з', KeyT: 'е', KeyZ: 'я', KeyL: 'д' };
const key = (code: string, more: KeyboardEventInit = {}, target: Element = document.activeElement ?? document.body) =>
    fireEvent.keyDown(target, { code, key: RUSSIAN[code] ?? (code === 'Space' ? ' ' : code.replace('Digit', '')), ...more });
const dock = () => screen.findByRole('group', { name: 'The call that is open' });
const pressed = async () =>
    within(await dock())
        .queryAllByRole('button', { pressed: true })
        .map((button) => button.textContent);
const digits = async () =>
    within(await dock())
        .getAllByRole('button')
        .flatMap((button) => (button.hasAttribute('aria-keyshortcuts') ? [`${button.getAttribute('aria-keyshortcuts')} ${button.querySelector('bdi')?.textContent}${(button as HTMLButtonElement).disabled ? ' off' : ''}`] : []));

/** The cabinet with its list, and the calls of it that can be heard. */
async function cabinet(options: HarnessOptions = {}) {
    const media = new Media(LENGTH_S);
    const console = await renderConsole({ user: 'elena', path: '/listening', calls: 200, ...options });
    await rows(/Calls to hear/);
    const { server } = console;
    const ids = [...document.querySelectorAll('tr[data-row]')].map((row) => row.getAttribute('data-row') ?? '');
    const heard = ids.filter((id) => server.data.calls.find(({ call_id }) => call_id === id)?.recording);
    for (const id of heard) Object.assign(server.data.calls.find(({ call_id }) => call_id === id)?.recording ?? {}, { duration_ms: LENGTH_S * 1000 });
    const row = (id: string) => document.querySelector<HTMLElement>(`tr[data-row="${id}"]`);
    const asked = (path: RegExp) => server.log.filter((request) => path.test(request.path));
    /** Opens a call by Enter; its sound comes. */
    const open = async (id: string) => {
        row(id)?.focus();
        key('Enter');
        return sound(id);
    };
    const sound = async (id: string) => {
        await waitFor(() => expect(asked(new RegExp(`/calls/${id}/recording/token`))).not.toHaveLength(0));
        await waitFor(() => expect(document.querySelector('audio')?.getAttribute('src')).toBeTruthy());
        const audio = document.querySelector('audio');
        if (!audio) throw new Error('nothing plays');
        act(() => media.load(audio));
        await waitFor(() => expect(screen.queryAllByRole('button', { pressed: false }).length).toBeGreaterThan(3));
        return audio;
    };
    const pass = (seconds: number) => act(() => media.pass(seconds));
    const tags = (id: string) => (server.data.listening.taggings.get(id) ?? []).map(({ tag_id }) => tag_id).toSorted();
    const [first = '', second = '', third = ''] = heard;
    for (const id of [first, second, third]) server.data.listening.taggings.delete(id);
    return { ...console, media, ids, first, second, third, row, asked, open, sound, pass, tags };
}

it('a listener works through calls by keys alone, on a Russian layout', async () => {
    const { server, first, ids, open, sound, pass, tags, asked, path, router, row } = await cabinet();
    const audio = await open(first);
    // Who opens a call is at it, and it stands in the address.
    expect(await dock()).toHaveFocus();
    expect(path()).toBe('/listening');
    await waitFor(() => expect(router.state.location.search).toContain(`call=${first}`));
    expect(audio.paused).toBe(true);
    key('Space');
    key('ArrowUp');
    expect([audio.paused, audio.playbackRate]).toEqual([false, 1.25]);
    pass(16);
    key('Space');
    expect(await screen.findByText('20% heard')).toBeInTheDocument();
    await waitFor(() => expect(server.data.listening.heard.get(`6 ${first}`)).toEqual([[0, 20_000]]));

    // A tag by its digit, a wrong one, and back.
    key('Digit1');
    await waitFor(() => expect(tags(first)).toEqual(['1']));
    key('Digit2');
    await waitFor(() => expect(tags(first)).toEqual(['2']));
    key('KeyZ', { ctrlKey: true });
    await waitFor(() => expect(tags(first)).toEqual(['1']));
    key('Numpad4', { key: '4' });
    await waitFor(() => expect(tags(first)).toEqual(['1', '4']));
    await waitFor(async () => expect(await pressed()).toEqual(['1целевой звонок', '42 комнаты']));
    // What the call has now stands in its row, which stays.
    await waitFor(() => expect(row(first)?.textContent).toContain('целевой звонок2 комнаты'));

    // The next one of the list; it plays at once, as fast as the one before.
    key('KeyN');
    const next = ids[ids.indexOf(first) + 1] ?? '';
    await waitFor(() => expect(row(next)).toHaveAttribute('aria-current', 'true'));
    if (server.data.calls.find(({ call_id }) => call_id === next)?.recording) {
        const played = await sound(next);
        expect([played.paused, played.playbackRate]).toEqual([false, 1.25]);
    }
    expect(server.log.filter(({ method, path: to, outlives }) => method === 'PUT' && to.startsWith('/listening') && outlives)).toHaveLength(1);
    key('KeyP');
    await waitFor(() => expect(row(first)).toHaveAttribute('aria-current', 'true'));
    await waitFor(async () => expect(await pressed()).toHaveLength(2));
    // Back to where one was.
    key('Escape', {}, await dock());
    await waitFor(() => expect(screen.queryByRole('group', { name: 'The call that is open' })).toBeNull());
    expect(row(first)).toHaveFocus();
    await waitFor(() => expect(router.state.location.search).not.toContain('call='));
    // The list was asked for once: nothing went from under anybody's hands.
    expect(asked(/^\/calls$/)).toHaveLength(1);
});

it('shows no calls and no tags but those that were given, and asks for nothing else', async () => {
    const { server, open, first, asked } = await cabinet();
    await open(first);
    expect(await digits()).toEqual(['1 целевой звонок', '2 нецелевой звонок', '3 1 комната', '4 2 комнаты', '5 3 комнаты и больше', '6 брокер не взял трубку', '7 парковка']);
    const given = new Set(['отдел продаж2', 'отдел продаж4', 'отдел продаж Химки']);
    for (const cell of document.querySelectorAll('tr[data-row]')) expect([...given].some((scenario) => cell.textContent.includes(scenario))).toBe(true);
    expect(asked(/^\/(users|roles|slots|scenarios|cdr|jobs|exports)/)).toEqual([]);
    expect(server.log.filter(({ path }) => path.includes('/recording/') && !path.includes(first))).toEqual([]);
});

it.each(['/calls', '/cdr', '/jobs'])('%s is not for who works in the cabinet', async (path) => {
    const { server } = await renderConsole({ user: 'elena', path });
    expect(await screen.findByText('You may not see this page')).toBeInTheDocument();
    expect(server.log.filter((request) => request.path.startsWith(path))).toEqual([]);
});

it('opens the call of the address, narrows to what is not rated, and keeps what is rated meanwhile', async () => {
    const { user, first, tags, row, open, server } = await cabinet();
    await user.click(screen.getByRole('button', { name: 'Not rated' }));
    await waitFor(() => expect(server.log.at(-1)?.query?.filter ?? server.log.findLast(({ path }) => path === '/calls')?.query?.filter).toBe('{"unrated_in":["1"]}'));
    await waitFor(() => expect(row(first)).not.toBeNull());
    await open(first);
    key('Digit1');
    await waitFor(() => expect(tags(first)).toEqual(['1']));
    await waitFor(() => expect(row(first)?.textContent).toContain('целевой звонок'));
    await user.click(screen.getByRole('button', { name: 'Refresh' }));
    await waitFor(() => expect(row(first)).toBeNull());
    // It is still open, and what comes next is what stands where it stood.
    expect(within(await dock()).getByText(/not in this list/)).toBeInTheDocument();
});

it('finds any tag by its letters', async () => {
    const { user, first, open, tags } = await cabinet();
    await open(first);
    key('KeyT');
    await user.type(await screen.findByRole('combobox', { name: 'Any tag' }), 'парк{Enter}');
    await waitFor(() => expect(tags(first)).toEqual(['7']));
    expect(await dock()).toHaveFocus();
});

it('a recording that is erased while it plays is silent at once, and what was done stays', async () => {
    const { server, first, open, pass, media, tags } = await cabinet();
    const audio = await open(first);
    const load = vi.spyOn(audio, 'load').mockImplementation(() => undefined);
    key('Space');
    pass(12);
    key('Digit1');
    await waitFor(() => expect(tags(first)).toEqual(['1']));
    server.data.listening.erased.set(first, Date.UTC(2026, 10, 22, 9, 4));
    act(() => server.live.emit('recording.erased', first, { call_id: first, erased_at: Date.UTC(2026, 10, 22, 9, 4) }));
    expect(await screen.findByText(/The recording was erased at 12:04:00\. There is nothing more to hear\. Your tags are kept, 0:12 counted\./)).toBeInTheDocument();
    expect([audio.paused, audio.hasAttribute('src'), load.mock.calls.length]).toEqual([true, false, 1]);
    expect(screen.queryByTestId('wave')).toBeNull();
    await waitFor(() => expect(server.data.listening.heard.get(`6 ${first}`)).toEqual([[0, 12_000]]));
    // The way on has the focus, and tags can be set as before.
    expect(screen.getAllByRole('button', { name: 'Next call (N)' })[0]).toHaveFocus();
    key('Digit3');
    await waitFor(() => expect(tags(first)).toEqual(['1', '3']));
    act(() => media.pass(5));
    expect(server.data.listening.heard.get(`6 ${first}`)).toEqual([[0, 12_000]]);
});

it('says so of a recording that was erased before it was opened', async () => {
    const { server, first, row } = await cabinet();
    server.data.listening.erased.set(first, Date.UTC(2026, 10, 22, 9, 4));
    row(first)?.focus();
    key('Enter');
    expect(await screen.findByText(/The recording was erased at 12:04:00/)).toBeInTheDocument();
});

it('a group that is taken away while a call is open leaves its keys dead, and moves none', async () => {
    const { server, first, second, open, tags } = await cabinet();
    await open(first);
    key('Digit3');
    await waitFor(() => expect(tags(first)).toEqual(['3']));
    const elena = server.data.users.find(({ username }) => username === 'elena');
    elena?.lists.splice(0, 2, elena.lists[0] ?? { resource: '', kind: '', ids: [] }, { resource: 'tags', kind: 'tag_group', ids: ['1', '3'] });
    act(() => server.live.emit('rights.update', '6', {}));
    expect(await screen.findByText('The group “Квартира” is no longer yours. Tags that were set stay.')).toBeInTheDocument();
    await waitFor(async () => expect(await digits()).toEqual(['1 целевой звонок', '2 нецелевой звонок', '3 1 комната off', '4 2 комнаты off', '5 3 комнаты и больше off', '6 брокер не взял трубку', '7 парковка']));
    key('Digit4');
    key('Digit7');
    await waitFor(() => expect(tags(first)).toEqual(['3', '7']));
    // With the next call they are dealt anew.
    await waitFor(() => expect(document.querySelectorAll('tr[data-row]').length).toBeGreaterThan(0));
    await open(second);
    await waitFor(async () => expect(await digits()).toEqual(['1 целевой звонок', '2 нецелевой звонок', '3 брокер не взял трубку', '4 парковка']));
});

it('a call that is withdrawn while it is open stops, and its number is gone', async () => {
    const { server, first, open, pass, row } = await cabinet();
    const audio = await open(first);
    vi.spyOn(audio, 'load').mockImplementation(() => undefined);
    key('Space');
    pass(6);
    const call = server.data.calls.find(({ call_id }) => call_id === first);
    Object.assign(call ?? {}, { scenario: 'sales' });
    key('Space');
    expect(await screen.findByText('This call is no longer among yours.')).toBeInTheDocument();
    expect([audio.paused, audio.hasAttribute('src')]).toEqual([true, false]);
    await waitFor(() => expect(row(first)).toBeNull());
    expect((await dock()).textContent).not.toMatch(/\+7|•|отдел/);
    key('Digit1');
    expect(server.log.filter(({ method, path }) => method === 'PUT' && path.includes('/tags/'))).toEqual([]);
});

it('two at one call: what the other sets is told, and is not replaced unseen', async () => {
    const { server, first, second, open, tags, row } = await cabinet();
    await open(first);
    const clara = server.data.users.find(({ username }) => username === 'clara');
    const { listening } = server.data;
    // She sets a tag; the event has not come yet when the key is pressed.
    listening.taggings.set(first, [{ tag_id: '1', set_at: 1, set_by: clara?.id ?? null }]);
    listening.versions.set(first, (listening.versions.get(first) ?? 0) + 1);
    key('Digit2');
    expect(await screen.findByText('Clara Weiss has set “целевой звонок” meanwhile. Press again to replace it.')).toBeInTheDocument();
    expect(tags(first)).toEqual(['1']);
    await waitFor(async () => expect(await pressed()).toEqual(['1целевой звонок']));
    key('Digit2');
    await waitFor(() => expect(tags(first)).toEqual(['2']));
    // And one whose event comes.
    listening.taggings.set(first, [{ tag_id: '2', set_at: 1, set_by: '6' }, { tag_id: '7', set_at: 2, set_by: clara?.id ?? null }]);
    listening.versions.set(first, (listening.versions.get(first) ?? 0) + 1);
    act(() => server.live.emit('call.tagged', first, { call_id: first, tag_id: '7', group_id: '3', action: 'set', actor: clara?.id }));
    expect(await screen.findByText('Clara Weiss has set “парковка”')).toBeInTheDocument();
    // Of a call that is not open it stands in its row alone.
    act(() => server.live.emit('call.tagged', second, { call_id: second, tag_id: '6', group_id: '3', action: 'set', actor: clara?.id }));
    await waitFor(() => expect(row(second)?.textContent).toContain('брокер не взял трубку'));
    expect(screen.getAllByText(/Clara Weiss has set/)).toHaveLength(1);
});

it('says what is wrong in its place: the tags of a call, the list, and the rest goes on', async () => {
    const { server, first, row, user } = await cabinet();
    server.failNext = { path: new RegExp(`/calls/${first}/tags$`), problem: new FakeProblem(500, 'internal') };
    row(first)?.focus();
    key('Enter');
    await dock();
    await waitFor(() => expect(screen.getAllByRole('alert').length).toBeGreaterThan(0));
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    await waitFor(async () => expect((await digits()).length).toBe(7));
});

it('a listener without calls is told who gives them', async () => {
    await renderConsole({ user: 'elena', path: '/listening', calls: 0 });
    expect(await screen.findByText('No calls to hear yet')).toBeInTheDocument();
});
