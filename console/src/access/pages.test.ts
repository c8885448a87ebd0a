import { describe, expect, it } from 'vitest';
import { pages } from '@/app/pages';
import { of, seededRights } from '@/testing/seeds';
import { MENUS } from '../../e2e/menus';
import { homeOf, isCabinet, isInMenu, isOpen } from './pages';

const roles = seededRights();

/** What lies ahead: the homes of the plan, with the rights that their pages ask for. */
const AHEAD = [
    { path: '/dashboard', permission: 'calls.monitor', menu: {} },
    { path: '/desk', permission: ['calls.start', 'notes.create'], menu: {} },
    { path: '/listening', permission: 'listening.claim', menu: {} },
    { path: '/tag-statistics', permission: 'tag_statistics.read', menu: {} },
    { path: '/today', permission: 'leads.create', menu: {} },
    { path: '/calls', permission: 'calls.read', unless: isCabinet, menu: {} },
];

/** Who begins elsewhere than with the first page of their menu. */
const HOMES: Record<string, string> = { admin: '/live', supervisor: '/live', client_admin: '/tag-statistics' };

describe('the roles that come with the program', () => {
    it('are read out of the table of the server', () => {
        expect([...roles.keys()]).toEqual(Object.keys(MENUS));
        expect(roles.size).toBe(13);
        expect(roles.get('operator')?.permissions.find(({ permission }) => permission === 'conversations.read')?.scopes).toEqual(['own', 'group']);
        expect(roles.get('analyst')?.permissions.some(({ permission }) => permission === 'phone_numbers.aggregate')).toBe(true);
    });

    it.each([...roles])('%s finds the menu of the matrix, and begins where their work is, else with its first page', (role, mine) => {
        const menu = pages.filter((page) => isInMenu(page, mine)).map(({ path }) => path);
        expect(menu).toEqual(MENUS[role]);
        expect(homeOf(mine, pages)).toBe(HOMES[role] ?? menu[0]);
        // What stands in no menu is reached by what does.
        const open = pages.filter((page) => isOpen(page, mine)).map(({ path }) => path);
        expect(open.filter((path) => !menu.includes(path) && path !== '/stories')).toEqual(menu.includes('/webhooks') ? ['/settings', '/webhook-deliveries'] : ['/settings']);
    });

    it('only a listener works in the cabinet alone', () => {
        expect([...roles].filter(([, mine]) => isCabinet(mine)).map(([role]) => role)).toEqual(['listener']);
    });

    it('begin where their work is, as soon as there is a page for it', () => {
        const homes = Object.fromEntries([...roles].map(([role, mine]) => [role, homeOf(mine, AHEAD)]));
        expect(homes).toEqual({
            admin: '/dashboard',
            client_admin: '/tag-statistics',
            supervisor: '/dashboard',
            operator: '/desk',
            seller: '/today',
            listener: '/listening',
            HelpDeskUser: '/calls',
            HelpDeskManager: '/calls',
            SL3User: '/calls',
            SL3Manager: '/calls',
            number_manager: '/calls',
            viewer: '/calls',
            analyst: '/calls',
        });
    });
});

describe('a page', () => {
    const mine = of([
        ['calls.read', 'own'],
        ['leads.read', 'own'],
    ]);

    it.each<[string, Parameters<typeof isOpen>[0], boolean]>([
        ['needs no right', { permission: '' }, true],
        ['needs one that there is', { permission: 'calls.read' }, true],
        ['needs one that is missing', { permission: 'calls.start' }, false],
        ['needs two that there are', { permission: ['calls.read', 'leads.read'] }, true],
        ['needs two, of which one is missing', { permission: ['calls.read', 'calls.start'] }, false],
        ['is covered by another one', { permission: 'calls.read', unless: () => true }, false],
        ['would be covered for others', { permission: 'calls.read', unless: () => false }, true],
    ])('that %s', (_, page, open) => {
        expect(isOpen(page, mine)).toBe(open);
    });

    it('that is open can be out of the menu, and is no home then', () => {
        const hidden = { path: '/jobs', permission: 'calls.read', menu: { when: () => false } };
        expect([isOpen(hidden, mine), isInMenu(hidden, mine)]).toEqual([true, false]);
        expect(isInMenu({ path: '/x', permission: '' }, mine)).toBe(false);
        expect(homeOf(mine, [hidden])).toBe('/settings');
    });
});

it.each<[boolean, readonly (readonly [string, string])[]]>([
    [true, [['listening.claim', 'list'], ['calls.read', 'list']]],
    [true, [['listening.claim', 'center'], ['calls.read', 'own+list'], ['calls.read', 'list']]],
    // Who reads more calls than those of the lists needs the page of calls.
    [false, [['listening.claim', 'list'], ['calls.read', 'list'], ['calls.read', 'own']]],
    [false, [['listening.claim', 'list'], ['calls.read', 'center']]],
    [false, [['listening.claim', 'list']]],
    [false, [['calls.read', 'list']]],
])('the cabinet alone is told by rights: %s', (is, granted) => {
    expect(isCabinet(of(granted))).toBe(is);
});
