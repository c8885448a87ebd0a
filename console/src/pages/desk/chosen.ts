import type { Lead } from '@/api/crm';
import type { Candidate } from '@/api/desk';
import type { Card } from '@/live/cards';

/** The lead that a call is with: the one that was said, the one that is linked, or the only one. Of several none is taken by itself. */
export function chosenLead(card: Card, matches: readonly (Candidate & { linked?: boolean })[]): Partial<Lead> | undefined {
    const leads = matches.filter(({ resource, row }) => resource === 'leads' && row);
    const said = leads.find(({ row }) => row?.id === card.lead) ?? leads.find(({ linked }) => linked);
    return (said ?? (leads.length === 1 ? leads[0] : undefined))?.row ?? undefined;
}
