//! What must never be lost: facts go through the journal before the wire hears of them (R22).

use serde::{Deserialize, Serialize};

use crate::{BanView, BudgetUsed, CallId, CallView, CarrierId, Cdr, CenterId, RecordingRow, Segment, SlotId, SlotState, UserId, WallTime};

/// A registered contact of a slot, whole enough to restore it after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The slot.
    pub slot: SlotId,
    /// The Contact URI as registered, without angle brackets.
    pub contact: String,
    /// `udp`, `tcp`.
    pub transport: String,
    /// Our address and port that the phone sent to.
    pub local: String,
    /// The address and port that the REGISTER came from.
    pub remote: String,
    /// The REGISTER's Call-ID (RFC 3261, 10.3).
    pub call_id: String,
    /// The REGISTER's CSeq number.
    pub cseq: u32,
    /// What the phone says it is; at most 128 characters.
    pub user_agent: String,
    /// When it was first bound.
    pub since: WallTime,
    /// When it lapses.
    pub expires_at: WallTime,
    /// The value of Route in requests to it (RFC 3327): the proxies between us and the phone. Empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The phone's `+sip.instance` without quotes, if it named its flow (RFC 5626). Empty: it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance: String,
    /// The flow's `reg-id`, from 1 on. 0: it named none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reg_id: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(reg_id: &u32) -> bool {
    *reg_id == 0
}

/// One fact. Its JSON form is the journal's record format: additive changes only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A call began.
    CallStarted {
        /// Its first picture.
        call: CallView,
    },
    /// The far party rings.
    CallRinging {
        /// The call.
        call: CallId,
        /// When.
        at: WallTime,
    },
    /// The far party answered.
    CallAnswered {
        /// The call.
        call: CallId,
        /// When.
        at: WallTime,
        /// Who serves it from now on (R14).
        #[serde(default)]
        segments: Vec<Segment>,
    },
    /// The calls that are alive, told at least every 5 s, so that a killed server knows when it last saw them.
    CallsSeen {
        /// Pictures of all live calls.
        calls: Vec<CallView>,
        /// When.
        at: WallTime,
    },
    /// A call ended. Exactly one per call.
    CallEnded {
        /// Its record.
        cdr: Cdr,
    },
    /// A phone registered or refreshed. Replaces the slot's earlier binding (R17).
    Bound {
        /// The binding.
        binding: Binding,
    },
    /// A slot's binding was removed or lapsed.
    Unbound {
        /// The slot.
        slot: SlotId,
        /// When.
        at: WallTime,
    },
    /// A slot was taken or let go.
    Leased {
        /// The slot.
        slot: SlotId,
        /// Who holds it now.
        holder: Option<UserId>,
        /// The lease's number.
        epoch: u64,
        /// When.
        at: WallTime,
    },
    /// An administrator (or a device agent) put a slot out of or into service.
    ServiceSet {
        /// The slot.
        slot: SlotId,
        /// [`SlotState::Idle`], [`SlotState::Fault`] or [`SlotState::Disabled`].
        state: SlotState,
        /// When.
        at: WallTime,
    },
    /// A recording began or was closed.
    Recording {
        /// Its row as it is now.
        row: RecordingRow,
    },
    /// A source was banned. Replaces an earlier ban of it; when it ends is part of it.
    Banned {
        /// The ban.
        ban: BanView,
    },
    /// A ban was taken back before its end, and is forgotten.
    Unbanned {
        /// The source, as in its ban.
        source: String,
        /// When.
        at: WallTime,
    },
    /// A carrier cannot be called any more, or can again: it does not answer, or does not take our registration. Not told of one that is
    /// switched on or off.
    CarrierTurned {
        /// The carrier.
        carrier: CarrierId,
        /// Whose it is.
        center: CenterId,
        /// What people call it.
        name: String,
        /// Whether it can be called now.
        is_up: bool,
        /// Since when.
        at: WallTime,
    },
    /// What budgets have used, each whole: replaces what was known of it.
    BudgetsUsed {
        /// Those of which something has changed.
        budgets: Vec<BudgetUsed>,
        /// When.
        at: WallTime,
    },
}
