import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { renderConsole } from '@/testing/harness';
import { namesOf, Registry, writes, type Key, type Pressed } from './registry';

const NONE = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, target: null };
const press = (code: string, key: string, more: Partial<Pressed> = {}): Pressed => ({ ...NONE, code, key, ...more });
const keys = (...on: string[]): Key[] => on.map((each) => ({ on: each, what: each, do: () => undefined }));

/** What was put on the page. */
const there: Element[] = [];

afterEach(() => there.splice(0).forEach((each) => each.remove()));

/** An element of the page, by its markup. */
function put(markup: string): Element {
    document.body.insertAdjacentHTML('beforeend', markup);
    const element = document.body.lastElementChild as Element;
    there.push(element);
    return element;
}

describe('a key is called by its place', () => {
    it.each<[string, Pressed, string]>([
        ['an English layout', press('KeyN', 'n'), 'KeyN'],
        ['Caps Lock', press('KeyN', 'N'), 'KeyN'],
        ['a Russian layout', press('KeyN', 'т'), 'KeyN'],
        ['a French layout, which has its A where English has Q', press('KeyQ', 'a'), 'KeyA'],
        ['a figure', press('Digit4', '4'), 'Digit4'],
        ['a figure of a French layout', press('Digit4', "'"), 'Digit4'],
        ['a figure of the number block', press('Numpad4', '4'), 'Digit4'],
        ['the number block without Num Lock', press('Numpad4', 'ArrowLeft'), 'ArrowLeft'],
        ['the slash of an English layout', press('Slash', '/'), 'Slash'],
        ['its place on a Russian layout', press('Slash', '.'), 'Slash'],
        ['the slash of a German layout', press('Digit7', '/', { shiftKey: true }), 'Slash'],
        ['the question mark of an English layout', press('Slash', '?', { shiftKey: true }), 'Question'],
        ['its place on a Russian layout with Shift', press('Slash', ',', { shiftKey: true }), 'Question'],
        ['the question mark of a Russian layout', press('Digit7', '?', { shiftKey: true }), 'Question'],
        ['the space bar', press('Space', ' '), 'Space'],
        ['an arrow', press('ArrowUp', 'ArrowUp'), 'ArrowUp'],
        ['Ctrl and a letter of a Russian layout', press('KeyK', 'л', { ctrlKey: true }), 'Mod+KeyK'],
        ['Cmd and a letter', press('KeyK', 'k', { metaKey: true }), 'Mod+KeyK'],
        ['Alt and an arrow', press('ArrowUp', 'ArrowUp', { altKey: true }), 'Alt+ArrowUp'],
        ['Shift and a letter', press('KeyN', 'N', { shiftKey: true }), 'Shift+KeyN'],
    ])('%s', (_, pressed, name) => {
        expect(namesOf(pressed)[0]).toBe(name);
    });
});

it('keys that write a sign are told from others', () => {
    expect(['KeyN', 'Shift+KeyN', 'Digit1', 'Slash', 'Question', 'BracketLeft'].filter((on) => !writes(on))).toEqual([]);
    expect(['Space', 'ArrowLeft', 'Enter', 'Escape', 'Mod+KeyK', 'Alt+ArrowUp'].filter(writes)).toEqual([]);
});

describe('of several scopes', () => {
    const registry = () => new Registry({ title: 'always', keys: keys('Question', 'Mod+KeyK') });
    const names = (found: Key | undefined) => found?.what;

    it('the uppermost wins, and what it does not have falls through', () => {
        const all = registry();
        const lower = all.add({ title: 'list', keys: [{ on: 'Slash', what: 'search', do: vi.fn() }, { on: 'KeyN', what: 'lower', do: vi.fn() }] });
        const gone = all.add({ title: 'dock', keys: [{ on: 'KeyN', what: 'upper', do: vi.fn() }] });
        expect(names(all.find(press('KeyN', 'т'), true))).toBe('upper');
        expect(names(all.find(press('Slash', '.'), true))).toBe('search');
        expect(names(all.find(press('KeyX', 'x'), true))).toBeUndefined();
        gone();
        expect(names(all.find(press('KeyN', 'т'), true))).toBe('lower');
        lower();
        expect(names(all.find(press('KeyN', 'т'), true))).toBeUndefined();
    });

    it('of two players the one that has the focus wins', () => {
        const all = registry();
        const first = put('<div><button>a</button></div>');
        const second = put('<div><button>b</button></div>');
        const its = (what: string) => ['ArrowLeft', 'KeyN'].map((on) => ({ on, what, do: vi.fn() }));
        all.add({ title: '1', keys: its('first'), root: first });
        all.add({ title: '2', keys: its('second'), root: second });
        for (const code of ['ArrowLeft', 'KeyN']) {
            const at = (target: EventTarget | null) => names(all.find(press(code, code, { target }), true));
            expect([at(first.querySelector('button')), at(second.querySelector('button')), at(document.body)]).toEqual(['first', 'second', 'second']);
        }
    });

    it('the help lists what is in force, each key once', () => {
        const all = registry();
        all.add({ title: 'list', keys: keys('Slash', 'KeyN') });
        all.add({ title: 'dock', keys: keys('KeyN', 'Space') });
        const told = (letters: boolean) => all.inForce(letters).map(({ title, keys: its }) => [title, ...its.map(({ on }) => on)]);
        expect(told(true)).toEqual([['dock', 'KeyN', 'Space'], ['list', 'Slash'], ['always', 'Question', 'Mod+KeyK']]);
        expect(told(false)).toEqual([['dock', 'Space'], ['always', 'Mod+KeyK']]);
    });
});

describe('a key is left to what has the focus', () => {
    const PLAYER = keys('Space', 'ArrowLeft', 'ArrowUp', 'KeyN', 'Digit1', 'Question', 'Mod+Enter');
    const PRESSES: Record<string, Pressed> = {
        Space: press('Space', ' '),
        ArrowLeft: press('ArrowLeft', 'ArrowLeft'),
        ArrowUp: press('ArrowUp', 'ArrowUp'),
        KeyN: press('KeyN', 'т'),
        Digit1: press('Digit1', '1'),
        Question: press('Digit7', '?', { shiftKey: true }),
        'Mod+Enter': press('Enter', 'Enter', { ctrlKey: true }),
    };
    const CHARACTERS = ['KeyN', 'Digit1', 'Question'];
    const ALL = Object.keys(PRESSES);

    /** Which keys of the player work while this has the focus. */
    function working(markup: string, { inside = false, what = '*', letters = true } = {}): string[] {
        const player = put('<div data-player></div>');
        const page = put('<div></div>');
        (inside ? player : page).innerHTML = markup;
        const registry = new Registry({ title: '', keys: [] });
        registry.add({ title: 'player', keys: PLAYER, root: player });
        const target = (inside ? player : page).querySelector(what);
        const found = ALL.filter((name) => registry.find({ ...(PRESSES[name] as Pressed), target }, letters));
        player.remove();
        page.remove();
        return found;
    }

    it.each<[string, string, string[], { inside?: boolean; what?: string; letters?: boolean }?]>([
        ['plain text', '<p>text</p>', ALL],
        ['a field', '<input>', []],
        ['a field of the player', '<input>', [], { inside: true }],
        ['a field of many lines', '<textarea></textarea>', []],
        ['a box to tick', '<input type="checkbox">', [...CHARACTERS, 'Mod+Enter']],
        ['a button elsewhere', '<button>x</button>', [...CHARACTERS, 'Mod+Enter']],
        ['a button of the player, which keeps its space bar', '<button>x</button>', ['ArrowLeft', 'ArrowUp', ...CHARACTERS, 'Mod+Enter'], { inside: true }],
        ['a slider of the player', '<span role="slider" tabindex="0"></span>', [...CHARACTERS, 'Mod+Enter'], { inside: true }],
        ['a row, which keeps its arrows and its space bar', '<table><tr tabindex="0"><td>x</td></tr></table>', [...CHARACTERS, 'Mod+Enter'], { what: 'tr' }],
        ['a choice that is found by its first letter', '<div role="combobox" tabindex="0"></div>', ['Mod+Enter']],
        ['plain text, single letters switched off', '<p>text</p>', ['Space', 'ArrowLeft', 'ArrowUp', 'Mod+Enter'], { letters: false }],
        ['a page under a dialog', '<p>text</p><div role="dialog"></div>', []],
        ['a page under a menu', '<p>text</p><ul role="menu"></ul>', []],
    ])('%s', (_, markup, left, more) => {
        expect(working(markup, more)).toEqual(left);
    });

    it('while signs are put together, and with other keys held down', () => {
        const registry = new Registry({ title: '', keys: [] });
        registry.add({ title: 'player', keys: PLAYER });
        expect(registry.find(press('KeyN', 'n', { isComposing: true }), true)).toBeUndefined();
        for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) expect(registry.find(press('Space', ' ', more), true)).toBeUndefined();
    });

    it('a dialog has keys of its own, and what works anywhere works there, too', () => {
        const dialog = put('<div role="dialog"><p>text</p><input></div>');
        const registry = new Registry({ title: '', keys: [{ on: 'Mod+KeyK', what: 'jump', do: vi.fn(), anywhere: true }] });
        registry.add({ title: 'page', keys: keys('KeyN') });
        registry.add({ title: 'dialog', keys: keys('KeyH'), root: dialog.querySelector('p') });
        expect(registry.find(press('KeyN', 'n', { target: dialog.querySelector('p') }), true)).toBeUndefined();
        expect(registry.find(press('KeyH', 'р', { target: dialog.querySelector('p') }), true)?.on).toBe('KeyH');
        expect(registry.find(press('KeyK', 'л', { ctrlKey: true, target: dialog.querySelector('input') }), true)?.on).toBe('Mod+KeyK');
    });
});

describe('in the console', () => {
    it('the place of the slash leads to the search on a Russian layout', async () => {
        await renderConsole({ path: '/users', locale: 'ru' });
        const search = await screen.findByRole('textbox', { name: 'Поиск' });
        fireEvent.keyDown(document.body, { code: 'Slash', key: '.' });
        expect(search).toHaveFocus();
    });

    it('Ctrl and the place of K jump on a Russian layout, also out of a field', async () => {
        const { user } = await renderConsole({ path: '/users' });
        await user.click(await screen.findByRole('textbox', { name: 'Search' }));
        fireEvent.keyDown(screen.getByRole('textbox', { name: 'Search' }), { code: 'KeyK', key: 'л', ctrlKey: true });
        expect(await screen.findByRole('dialog', { name: 'Go to…' })).toBeInTheDocument();
        expect(screen.getByRole('combobox')).toHaveFocus();
    });

    it('the help says what is in force here', async () => {
        const { user } = await renderConsole({ path: '/users' });
        await screen.findByRole('textbox', { name: 'Search' });
        fireEvent.keyDown(document.body, { code: 'Digit7', key: '?', shiftKey: true });
        const help = await screen.findByRole('dialog', { name: 'Hot keys' });
        expect(within(help).getAllByRole('term').map((key) => key.textContent)).toEqual(['/', 'Ctrl K', '?']);
        // Under the dialog nothing is reached.
        fireEvent.keyDown(document.body, { code: 'Slash', key: '/' });
        expect(screen.getByLabelText('Search')).not.toHaveFocus();
        await user.keyboard('{Escape}');
        await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    });

    it('single letters can be switched off, at every desk', async () => {
        const { user, server, router } = await renderConsole({ path: '/settings' });
        await user.click(await screen.findByRole('switch', { name: 'Single-letter keys' }));
        await waitFor(() => expect(server.log.findLast(({ method }) => method === 'PUT')).toMatchObject({ path: '/me/settings/console', body: { letterKeys: false } }));
        await user.click(screen.getByRole('button', { name: 'Show what they do here' }));
        const help = await screen.findByRole('dialog', { name: 'Hot keys' });
        expect(within(help).getAllByRole('term').map((key) => key.textContent)).toEqual(['Ctrl K']);
        expect(help).toHaveTextContent('Single-letter keys are off in your settings.');
        await user.keyboard('{Escape}');
        await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
        await router.navigate('/users');
        await screen.findByRole('textbox', { name: 'Search' });
        fireEvent.keyDown(document.body, { code: 'Slash', key: '/' });
        expect(screen.getByRole('textbox', { name: 'Search' })).not.toHaveFocus();
    });
});
