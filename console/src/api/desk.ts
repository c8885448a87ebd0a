// The names under which the console knows what happens at the desk: calls that ring, whom they are with, and those that nobody answered.
import type { Client, Lead, Note } from './crm';
import type { components } from './schema';

/** Who a call may be with. Of somebody else's it is told at most that there is one, and who works with it. */
export interface Candidate {
    resource: 'leads' | 'clients';
    foreign: boolean;
    row: Partial<Lead & Client> | null;
    with_name: string | null;
}

/** A call rings at one's own phone. It is told at once with the number alone, and again when it was looked up who that may be. */
export interface ScreenPop {
    call_id: string;
    number?: string | null;
    scenario?: string | null;
    source?: string | null;
    candidates: Candidate[];
    complete: boolean;
}

/** It rings there no more, and one has not answered it. */
export interface ScreenGone {
    call_id: string;
    why: 'answered' | 'given_up';
    by?: string | null;
    by_name?: string | null;
}

/** Whom a call is with, and what was before. */
export interface CallCard {
    call_id: string;
    number?: string | null;
    matches: (Candidate & { linked: boolean })[];
    notes: Note[];
    calls: components['schemas']['CdrWithRecording'][];
}

/** A call that nobody answered, until somebody has called back. */
export interface MissedCall {
    id: string;
    call_id: string;
    number: string;
    scenario: string | null;
    slot: string | null;
    at: number;
    state: 'open' | 'returned' | 'dismissed';
    claimed_by: string | null;
    claimed_at: number | null;
    done_by: string | null;
    done_at: number | null;
    returned_call_id: string | null;
    version: number;
}

/** How long a claim holds if nothing comes of it, in milliseconds; the server has the same. */
export const CLAIM_MS = 600_000;
