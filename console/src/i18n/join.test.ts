import { expect, it } from 'vitest';
import { join } from './join';

it('areas bring what is their own, and share what they have together', () => {
    const all = join({ columns: { a: 'A' }, leads: { title: 'Leads' } }, { columns: { b: 'B' }, nav: { groups: { crm: 'Clients' } } }, { nav: { groups: { desk: 'Work' } } });
    expect(all).toEqual({ columns: { a: 'A', b: 'B' }, leads: { title: 'Leads' }, nav: { groups: { crm: 'Clients', desk: 'Work' } } });
    const shared: string = all.columns.a + all.columns.b + all.nav.groups.crm + all.nav.groups.desk;
    expect(shared).toBe('ABClientsWork');
});

it('a text that two areas have is told', () => {
    expect(() => join({ columns: { a: 'A' } }, { columns: { a: 'B' } })).toThrow('two areas have the text columns.a');
    expect(() => join({ nav: { leads: 'Leads' } }, { nav: { leads: { title: 'Leads' } } })).toThrow('nav.leads');
});
