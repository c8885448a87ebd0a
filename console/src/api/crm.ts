// The names under which the console knows leads, clients and what belongs to them.
import type { components } from './schema';

/** Somebody who may become a client: a row, with all its columns; one that may not be seen is not there, whatever the type says. */
export type Lead = Required<components['schemas']['leads']>;
export type LeadStatus = Lead['status'];

/** What happens to a lead. */
export type LeadEvent = 'assign' | 'contact' | 'qualify' | 'convert' | 'lose' | 'dnc' | 'reopen';

/** An event that leads a lead on: where to, and what must be given or there. */
export interface LeadStep {
    event: LeadEvent;
    to: LeadStatus;
    needs: ('assignee' | 'identity' | 'reason')[];
}

/** What can happen to a lead next, by one's own rights. */
export interface LeadSteps {
    status: LeadStatus;
    version: number;
    allowed: LeadStep[];
}

/** The way of a lead that goes well. */
export const LEAD_WAY: readonly LeadStatus[] = ['new', 'assigned', 'contacted', 'qualified', 'converted'];

/** All places where a lead can stand. */
export const LEAD_STATUSES: readonly LeadStatus[] = [...LEAD_WAY, 'lost', 'dnc'];

/** The longest texts of a lead, in characters; the server has the same limits. */
export const LEAD_NAME_MAX = 128;
export const LEAD_SOURCE_MAX = 64;
export const LEAD_TEXT_MAX = 500;

/** Whether somebody is to work on a lead: only then it has a next action. */
export function isOpenLead({ status }: Pick<Lead, 'status'>): boolean {
    return status !== 'converted' && status !== 'lost' && status !== 'dnc';
}
