//! Why a call ended: one table of code, SIP status, Q.850 cause, whose side, and what to do.

use serde::{Deserialize, Serialize};

/// On whose side the reason lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The party that placed the call.
    Caller,
    /// The party that was called.
    Callee,
    /// This server, or the machine it runs on.
    Us,
    /// The network between.
    Network,
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident $code:literal, $sip:literal, $q850:literal, $side:ident, $remedy:literal;)*) => {
        /// Why a call ended or was refused. The table is this file; the code is what goes on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Cause {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl Cause {
            /// Every cause, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code, as in CDRs and events.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The SIP status that tells it to the calling phone (RFC 3261, 21).
            #[must_use]
            pub fn sip_status(self) -> u16 {
                match self { $(Self::$name => $sip),* }
            }

            /// The ITU-T Q.850 cause value, as in a Reason header (RFC 3326).
            #[must_use]
            pub fn q850(self) -> u8 {
                match self { $(Self::$name => $q850),* }
            }

            /// On whose side the reason lies.
            #[must_use]
            pub fn side(self) -> Side {
                match self { $(Self::$name => Side::$side),* }
            }

            /// What a person at the desk can do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy),* }
            }
        }
    };
}

causes! {
    /// The calling party hung up after the answer.
    CallerHungUp "caller_hung_up", 200, 16, Caller, "nothing to do";
    /// The called party hung up after the answer.
    CalleeHungUp "callee_hung_up", 200, 16, Callee, "nothing to do";
    /// It was about another call (R11), and its other party was handed over to that one: a transfer.
    Transferred "transferred", 200, 16, Us, "nothing to do";
    /// Whom the call was handed to did not answer, and who handed it on was gone by then.
    TransferFailed "transfer_failed", 480, 31, Callee, "call the party back that was left alone";
    /// Ended over REST by its operator or an administrator.
    EndedByRequest "ended_by_request", 487, 16, Us, "nothing to do";
    /// The calling party gave up before the answer.
    CallerGaveUp "caller_gave_up", 487, 16, Caller, "call back";
    /// The called party did not answer in time.
    NoAnswer "no_answer", 480, 19, Callee, "call again later";
    /// The called party is in another call.
    Busy "busy", 486, 17, Callee, "call again in a few minutes";
    /// The called party declined.
    Declined "declined", 603, 21, Callee, "call again later";
    /// The operator's own phone did not answer; the number was never dialled (R10).
    SlotNoAnswer "slot_no_answer", 480, 19, Caller, "check that the slot's phone is on and answers by itself";
    /// The operator's own phone refused; the number was never dialled.
    SlotRefused "slot_refused", 480, 21, Caller, "check the slot's phone: it refused our call";
    /// No such number.
    NoSuchNumber "no_such_number", 404, 1, Caller, "check the number";
    /// The slot's limits, or a budget, do not list the number (R23).
    DestinationNotAllowed "destination_not_allowed", 403, 21, Caller, "ask an administrator to allow this destination: the slot's limits or a budget (security) may not list it";
    /// The slot is in as many calls as its limits allow.
    SlotCallLimit "slot_call_limit", 486, 17, Caller, "end another call of this slot first, or ask an administrator to raise its limit";
    /// A budget against toll fraud does not allow it now: of the slot, its trunk, the carrier or the centre (R23).
    BudgetClosed "budget_closed", 403, 21, Us, "look at the budgets (security): wait, raise the limit, or release it by hand";
    /// A budget was used up during the call, which was ended by that.
    BudgetSpent "budget_spent", 403, 21, Us, "look at the budgets (security): wait, raise the limit, or release it by hand";
    /// The number is one of premium rate, and no budget allows such numbers (R23).
    PremiumNotAllowed "premium_not_allowed", 403, 21, Caller, "ask an administrator to allow premium numbers by a budget (security)";
    /// The call came round to us until it had no hops left, or a second time (RFC 3261, 16.3).
    TooManyHops "too_many_hops", 483, 25, Network, "look for a phone or proxy that forwards to the number it was called by";
    /// The called slot has no registered phone.
    NotRegistered "not_registered", 480, 20, Callee, "switch the phone on and check its account";
    /// The called slot is out of service.
    OutOfService "out_of_service", 480, 27, Callee, "ask an administrator to enable the slot";
    /// The called phone could not be reached.
    Unreachable "unreachable", 408, 18, Network, "check the phone's network";
    /// The called phone failed in a way of its own.
    CalleeFailed "callee_failed", 500, 41, Callee, "look at the phone's own log";
    /// The parties share no codec (R16).
    NoCommonCodec "no_common_codec", 488, 88, Caller, "enable A-law or mu-law (PCMA, PCMU) on the phone";
    /// The phone's session description is broken.
    BadSdp "bad_sdp", 400, 95, Caller, "update the phone's firmware";
    /// The called phone answered with a session description that does not do.
    BadAnswer "bad_answer", 502, 95, Callee, "update the called phone's firmware";
    /// Every media port is in use.
    NoMediaPort "no_media_port", 503, 34, Us, "widen media.ports";
    /// The server is at its limit of calls or is shutting down.
    Overloaded "overloaded", 503, 42, Us, "try again shortly";
    /// No carrier took the call: each failed, was silent or was away.
    CarrierFailed "carrier_failed", 503, 38, Network, "ask the carrier, or give the route another one";
    /// The carrier that it came by has as many calls as it may.
    CarrierFull "carrier_full", 503, 34, Us, "raise the carrier's capacity, or calls_per_s";
    /// The called number has as many calls as it may.
    NumberFull "number_full", 486, 17, Us, "raise calls_max of the carrier's number";
    /// The number was to be withheld, and no carrier of the route does that.
    NotWithheld "not_withheld", 403, 21, Caller, "show the number, or use a carrier that withholds it";
    /// No audio arrived for the configured time.
    MediaTimeout "media_timeout", 408, 41, Network, "check the phone's network";
    /// The answer was never acknowledged (RFC 3261, 13.3.1.4).
    NoAck "no_ack", 408, 102, Network, "check NAT and firewall: our answer does not reach the phone, or its ACK does not reach us";
    /// A phone no longer knows the call.
    DialogLost "dialog_lost", 481, 41, Network, "call again";
    /// A phone let its session timer run out (RFC 4028): it is gone, or does not refresh as it promised.
    SessionExpired "session_expired", 408, 102, Network, "check the phone's network; if it is well, its session timer is broken";
    /// The server stopped while the call was up.
    Aborted "aborted", 503, 41, Us, "call again";
    /// The server was shut down in good order.
    Shutdown "shutdown", 503, 41, Us, "call again";
    /// A defect of ours; the call alone was ended.
    Internal "internal", 500, 41, Us, "report it with the call's id";
}

impl Cause {
    /// The cause behind a final failure that a called phone answered with `status`.
    #[must_use]
    pub fn of_callee_status(status: u16) -> Self {
        match status {
            404 | 410 | 484 | 604 => Self::NoSuchNumber,
            482 | 483 => Self::TooManyHops,
            408 => Self::Unreachable,
            // Of RFC 5626: the phone is to be had again once it registers.
            430 => Self::NotRegistered,
            480 => Self::NoAnswer,
            486 | 600 => Self::Busy,
            403 | 603 => Self::Declined,
            415 | 488 | 606 => Self::NoCommonCodec,
            481 => Self::DialogLost,
            _ => Self::CalleeFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_sound() {
        let codes: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        assert_eq!(codes.len(), Cause::ALL.len(), "a code stands twice");
        for cause in Cause::ALL {
            assert!((200..700).contains(&cause.sip_status()), "{}", cause.code());
            assert!((1..=127).contains(&cause.q850()), "{}", cause.code());
            assert!(!cause.remedy().is_empty(), "{}", cause.code());
            assert_eq!(serde_json::to_string(cause).unwrap(), format!("{:?}", cause.code()));
        }
    }
}
