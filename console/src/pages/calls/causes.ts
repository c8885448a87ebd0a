import type { Cause } from '@/api/types';

/** Why calls end, in the order of model/src/cause.rs. The type says when one is missing or too many. */
const TABLE: Record<Cause, true> = {
    caller_hung_up: true,
    callee_hung_up: true,
    transferred: true,
    transfer_failed: true,
    ended_by_request: true,
    caller_gave_up: true,
    no_answer: true,
    busy: true,
    declined: true,
    slot_no_answer: true,
    slot_refused: true,
    no_such_number: true,
    destination_not_allowed: true,
    slot_call_limit: true,
    budget_closed: true,
    budget_spent: true,
    premium_not_allowed: true,
    too_many_hops: true,
    not_registered: true,
    out_of_service: true,
    unreachable: true,
    callee_failed: true,
    no_common_codec: true,
    bad_sdp: true,
    bad_answer: true,
    no_media_port: true,
    overloaded: true,
    carrier_failed: true,
    carrier_full: true,
    number_full: true,
    not_withheld: true,
    media_timeout: true,
    no_ack: true,
    dialog_lost: true,
    session_expired: true,
    aborted: true,
    shutdown: true,
    internal: true,
};

export const CAUSES = Object.keys(TABLE) as Cause[];

/** What needs nothing done about it. */
export const FINE = new Set<string>(['caller_hung_up', 'callee_hung_up', 'transferred', 'ended_by_request']);
