import { expect, it } from 'vitest';
import { en } from '@/i18n/en';
import { deedOf } from './catalogue';

it('a deed is called by what was done, where one permission is for several', () => {
    const cases: [string, string, Record<string, [unknown, unknown]> | null, string][] = [
        ['trunks.create', 'trunks', { name: [null, 'A'], hosts: [null, ['sip:a']] }, 'Made a carrier'],
        ['trunks.create', 'trunks', { name: [null, 'A'], type: [null, 'auto'] }, 'Made a hub'],
        ['trunks.delete', 'trunks', { hosts: [['sip:a'], null] }, 'Deleted a carrier'],
        ['trunks.update', 'trunks', { capacity: [1, 2] }, 'Changed a hub or a carrier'],
        ['security.manage', 'budgets', { limits: [null, {}] }, 'Set a budget'],
        ['security.manage', 'budgets', { limits: [{}, null], outside: [{}, null] }, 'Deleted a budget'],
        ['security.manage', 'budgets', { released: [null, 'it was us'] }, 'Released a budget'],
        ['security.manage', 'budgets', {}, 'Set or released a budget'],
        ['security.manage', 'bans', { for_s: [null, 60], note: [null, ''] }, 'Banned a source by hand'],
        ['security.manage', 'bans', { why: ['guessing', null] }, 'Let a banned source go'],
        ['security.manage', 'bans', null, 'Banned a source, or let one go'],
        ['calls.end', 'calls', { transfer_to: [null, '6002'] }, 'Handed a call on'],
        ['calls.end', 'calls', { status: ['Answered', 'Ended'] }, 'Ended a call'],
        ['routes.create', 'routes', { name: [null, 'A'] }, 'Made a route'],
    ];
    const texts: Record<string, string> = en.audit_actions;
    for (const [action, resource, diff, said] of cases) expect(texts[deedOf({ action, resource, diff })], `${action} ${resource}`).toBe(said);
});
