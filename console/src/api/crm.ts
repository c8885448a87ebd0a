// The names under which the console knows leads, clients and what belongs to them.
import type { components } from './schema';
import type { CallWithRecording } from './types';

/** Somebody who may become a client: a row, with all its columns; one that may not be seen is not there, whatever the type says. */
export type Lead = Required<components['schemas']['leads']> & { /** The client that it became. */ client_id?: string | null; /** When it was last handed over. */ handed_over_at?: number | null };
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

/** Something that was written down about a call, a lead, a client, or several of these. */
export interface Note {
    id: string;
    call_id: string | null;
    lead_id: string | null;
    client_id: string | null;
    text: string;
    author_id: string | null;
    author_name?: string | null;
    version: number;
    created_at: number;
    updated_at: number;
}

/** The longest note, in characters. */
export const NOTE_MAX = 8000;

/** What a note is about. */
export type About = { lead_id: string } | { client_id: string } | { call_id: string; lead_id?: string };

/** Something that became of a lead. */
export interface LeadHappened {
    kind: string;
    from_status?: LeadStatus | null;
    to_status?: LeadStatus | null;
    actor_id: string | null;
    actor_name?: string | null;
    seller?: string | null;
    operator?: string | null;
}

/** What has been of a lead or a client, newest first. */
export type HistoryEntry = { at: number; id: string } & ({ kind: 'call'; call: CallWithRecording } | { kind: 'note'; note: Note } | { kind: 'event'; event: LeadHappened });

/** A seller to whom leads can be given, and how many they are working on. */
export interface Seller {
    id: string;
    name: string;
    open_leads: number;
}

/** To whom a lead is handed over: to somebody, to whose turn it is, or to whom its source belongs. */
export type HandOverHow = 'user' | 'round_robin' | 'source';

export interface HandOverOrder {
    how: HandOverHow;
    user_id?: string;
    next_action_at?: number;
    comment?: string;
    version: number;
}

/** A telephone number of a client. */
export interface ClientPhone {
    number: string;
    kind: 'mobile' | 'work' | 'home' | 'other';
    primary: boolean;
}

export const PHONE_KINDS: readonly ClientPhone['kind'][] = ['mobile', 'work', 'home', 'other'];

/** Somebody who buys. */
export interface Client {
    id: string;
    kind: 'person' | 'company';
    first_name: string | null;
    last_name: string | null;
    patronymic: string | null;
    org_name: string | null;
    inn: string | null;
    email: string | null;
    owner_user_id: string | null;
    phones: ClientPhone[];
    version: number;
    created_at: number;
    updated_at: number;
    created_by: string | null;
}
