import type { MyPermissions } from '@/api/types';
import { may, scopesOf } from './me';

/** What a page asks of the person before it is shown. */
export interface Guarded {
    /** The right without which it is neither in the menu nor at its address; several: all of them; empty: none is needed. */
    permission: string | readonly string[];
    /** For whom another page takes its place: they get it as little as those without the right. */
    unless?: (mine: MyPermissions) => boolean;
}

/** As much of a page as says who sees it, and where. */
interface Place extends Guarded {
    path: string;
    menu?: { when?: (mine: MyPermissions) => boolean };
}

/**
 * Whether somebody may see a page. Menu, guard, quick jump and home all ask here, so that no way leads where another one is shut.
 * It is good manners only: the wall is the server's.
 */
export function isOpen(page: Guarded, mine: MyPermissions): boolean {
    const needed = typeof page.permission === 'string' ? [page.permission] : page.permission;
    return needed.every((permission) => permission === '' || may(mine, permission)) && !page.unless?.(mine);
}

/** Whether a page stands in somebody's menu, and among the places that they can jump to. */
export function isInMenu(page: Place, mine: MyPermissions): boolean {
    return page.menu !== undefined && isOpen(page, mine) && (page.menu.when?.(mine) ?? true);
}

/**
 * Whether somebody works in the listener's cabinet alone (S000-06): takes calls to be heard, and reads those of the lists given to them and no others.
 * It is told by the rights, because roles can be changed: a role's name decides nothing.
 */
export function isCabinet(mine: MyPermissions): boolean {
    const reads = scopesOf(mine, 'calls.read');
    return may(mine, 'listening.claim') && reads.length > 0 && reads.every(isListed);
}

/** Whether somebody looks after the accounts of explicit lists alone: as a client's own administrator does after those of listeners. */
export function looksAfterSome(mine: MyPermissions): boolean {
    const reads = scopesOf(mine, 'users.read');
    return reads.length > 0 && reads.every(isListed);
}

/** Where people begin who do more than look around: the first line that fits, of pages that there are and that are open to them. */
const HOMES: readonly [path: string, fits: (mine: MyPermissions) => boolean][] = [
    ['/dashboard', (mine) => may(mine, 'calls.monitor')],
    ['/live', (mine) => may(mine, 'calls.monitor')],
    ['/desk', (mine) => may(mine, 'calls.start') && may(mine, 'notes.create')],
    ['/listening', isCabinet],
    ['/tag-statistics', (mine) => may(mine, 'tags.manage')],
    ['/today', (mine) => may(mine, 'leads.create')],
];

/** Where somebody begins; else at the first page of their menu, and without any at their own settings. */
export function homeOf(mine: MyPermissions, pages: readonly Place[]): string {
    const own = HOMES.find(([path, fits]) => fits(mine) && pages.some((page) => page.path === path && isOpen(page, mine)));
    return own?.[0] ?? pages.find((page) => isInMenu(page, mine))?.path ?? '/settings';
}

/** Whether a reach is narrowed by explicit lists. */
function isListed(scope: string): boolean {
    return scope === 'list' || scope.endsWith('+list');
}
