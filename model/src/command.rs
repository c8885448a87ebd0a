//! What is ordered of call control from outside (REST), and what it answers.

use std::net::IpAddr;

use crate::{
    BanView, BudgetView, CallId, CallStatus, CarrierView, CenterId, Drawing, Number, SecurityView, SlotId, SlotState, SlotView, UserId,
    WallTime,
    budget::{Limit, Scope},
};
use serde::{Deserialize, Serialize};

/// An order to the signalling loop. Rights were checked by who sends it, but for those that depend on live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Ring the slot's phone, then the number (R8). Takes a free slot for the user (R6).
    StartCall {
        /// Who calls.
        user: UserId,
        /// With whose phone.
        slot: SlotId,
        /// Whom.
        number: Number,
    },
    /// End a call: CANCEL before the answer, BYE after.
    EndCall {
        /// Who asks.
        user: UserId,
        /// Whether calls of others may be ended too (R18).
        any: bool,
        /// Which call.
        call: CallId,
    },
    /// Hand a call on: the user's own phone leaves it, in another's call the one on our side.
    TransferCall {
        /// Who asks.
        user: UserId,
        /// Whether calls of others may be handed on too (R18).
        any: bool,
        /// Which call.
        call: CallId,
        /// To whom.
        to: TransferTo,
    },
    /// Take a slot (R6).
    TakeSlot {
        /// Who takes it.
        user: UserId,
        /// Which slot.
        slot: SlotId,
    },
    /// Let a slot go.
    ReleaseSlot {
        /// Who asks.
        user: UserId,
        /// Whether another's lease may be ended.
        any: bool,
        /// Which slot.
        slot: SlotId,
        /// The lease that is meant; an old one is refused.
        epoch: Option<u64>,
    },
    /// Put a slot into or out of service; refused during a call.
    SetService {
        /// Which slot.
        slot: SlotId,
        /// [`SlotState::Idle`], [`SlotState::Fault`] or [`SlotState::Disabled`].
        state: SlotState,
    },
    /// Forget slots that are about to be deleted from the store; refused whole if one is in a call.
    RetireSlots {
        /// Which slots.
        slots: Vec<SlotId>,
    },
    /// The SIP messages of a call, as text.
    Ladder {
        /// Which call; also one that is over, as long as there is room to remember it.
        call: CallId,
    },
    /// A sign of life of a user: leases last (R6).
    KeepAlive {
        /// Who is alive.
        user: UserId,
    },
    /// How all carriers stand.
    Carriers,
    /// All bans.
    Bans,
    /// How the armour stands.
    Security,
    /// Ban a source by hand, in place of a ban that stands.
    BanSource {
        /// Its address; of IPv6, any of its network.
        address: IpAddr,
        /// For how many seconds; 30 days are the most.
        for_s: u32,
        /// What to remember of it: at most [`BanView::NOTE_MAX`] characters.
        note: Option<String>,
    },
    /// A centre's budgets as they stand.
    Budgets {
        /// Whose.
        center: CenterId,
    },
    /// One budget as it stands.
    Budget {
        /// Whose.
        scope: Scope,
    },
    /// Forget what a budget has used.
    ReleaseBudget {
        /// Whose.
        scope: Scope,
    },
    /// Take a ban back, and forget what spoke against the source.
    ReleaseBan {
        /// Its address; of IPv6, any of its network.
        address: IpAddr,
    },
}

/// To whom a call is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferTo {
    /// Whoever answers there, as if the slot that leaves had dialled it.
    Number(Number),
    /// The other party of this call, in which the slot that leaves is too.
    Call(CallId),
}

/// What a command that was carried out answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The call is journaled and under way.
    CallStarted {
        /// Its id.
        call: CallId,
    },
    /// The call is being ended, or had ended already.
    CallEnding {
        /// The call.
        call: CallId,
        /// Where it stood when the order came.
        status: CallStatus,
    },
    /// The call is being handed on, or was.
    CallTransferring {
        /// The call that goes on.
        call: CallId,
    },
    /// The slot as it is now.
    Slot(SlotView),
    /// A call's SIP messages, as they were when the order was carried out.
    Ladder {
        /// Draws them as a ladder, and then whole; credentials are masked.
        drawing: Drawing,
    },
    /// All carriers as they are now, by id.
    Carriers(Vec<CarrierView>),
    /// All bans, in the order of addresses.
    Bans(Vec<BanView>),
    /// A ban, as it was made or taken back.
    Ban(BanView),
    /// How the armour stands.
    Security(Box<SecurityView>),
    /// A centre's budgets, in the order of scopes.
    Budgets(Vec<BudgetView>),
    /// A budget as it stands.
    Budget(Box<BudgetView>),
    /// Done; nothing to tell.
    Done,
}

/// Why a command was not carried out. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such slot.
    #[error("no such slot")]
    SlotNotFound,
    /// The slot cannot call now.
    #[error("slot {number} cannot call while it is {}", state.name())]
    SlotNotCallable {
        /// Its number.
        number: String,
        /// Its state.
        state: SlotState,
    },
    /// The slot's phone is not registered.
    #[error("slot {number} has no registered phone")]
    SlotNotRegistered {
        /// Its number.
        number: String,
        /// Its state.
        state: SlotState,
    },
    /// Somebody else has taken the slot.
    #[error("slot {number} is taken by somebody else")]
    SlotTaken {
        /// Its number.
        number: String,
        /// Its state.
        state: SlotState,
    },
    /// The user already holds another slot (R3).
    #[error("you already hold slot {number}; release it first")]
    HoldsAnother {
        /// The other slot's number.
        number: String,
    },
    /// The epoch is not that of the running lease (R6).
    #[error("the lease has changed: its epoch is {epoch}")]
    StaleEpoch {
        /// The epoch that holds.
        epoch: u64,
    },
    /// The slot is in a call.
    #[error("slot {number} is in a call")]
    SlotInCall {
        /// Its number.
        number: String,
        /// Its state.
        state: SlotState,
    },
    /// The user does not hold the slot.
    #[error("slot {number} is not yours to release")]
    NotHolder {
        /// Its number.
        number: String,
    },
    /// No such call, or not one of the user's own (R18).
    #[error("no such call")]
    CallNotFound,
    /// Nobody has answered in the call, it is being handed on already, no phone of ours is in it, or both calls have no slot in common.
    #[error("the call cannot be handed on now")]
    CallNotTransferable,
    /// The slot's limits do not list the number (R23).
    #[error("slot {slot} may not call {number}")]
    DestinationNotAllowed {
        /// The slot's number.
        slot: String,
        /// What it wanted to call.
        number: String,
    },
    /// The slot is in as many calls as its limits allow.
    #[error("slot {slot} may be in {limit} call(s) at once")]
    SlotCallLimit {
        /// The slot's number.
        slot: String,
        /// Its state.
        state: SlotState,
        /// Its limit.
        limit: u8,
    },
    /// A budget does not allow the call (R23).
    #[error("a budget does not allow the call ({scope}): {}", limit.words())]
    BudgetClosed {
        /// Whose budget.
        scope: Scope,
        /// Which limit.
        limit: Limit,
        /// When some of it is free again by itself, if that is known.
        frees_at: Option<WallTime>,
    },
    /// The number is one of premium rate, and no budget allows those (R23).
    #[error("{number} is a premium number, and no budget allows those")]
    PremiumNotAllowed {
        /// The number.
        number: String,
    },
    /// The scope has no budget.
    #[error("there is no such budget")]
    BudgetNotFound,
    /// The number leads nowhere.
    #[error("no route for the number")]
    NoRoute,
    /// A slot cannot call itself.
    #[error("a slot cannot call its own number")]
    OwnNumber,
    /// Every media port is in use.
    #[error("every media port is in use")]
    NoMediaPort,
    /// The call's messages are not kept, or no longer.
    #[error("the messages of this call are not kept any more")]
    LadderForgotten,
    /// The source is not banned.
    #[error("this source is not banned")]
    NotBanned,
    /// Nothing is held against the source: the configuration says so, or it is a carrier's.
    #[error("this source is exempt from bans")]
    SourceExempt,
    /// Nobody is banned while the armour is off.
    #[error("bans are off (`security.enabled`)")]
    BansOff,
    /// There are as many bans as there may be.
    #[error("there are as many bans as there may be")]
    BansFull,
    /// No further call may begin.
    #[error("{0}")]
    NoRoom(NoRoom),
    /// The server takes no new calls.
    #[error("the server takes no new calls now")]
    Unavailable,
}

/// Why no further call may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NoRoom {
    /// It was told to end (SIGTERM).
    #[error("the server is shutting down and takes no new calls")]
    Draining,
    /// What begins might never be recorded (R22).
    #[error("the disk takes no call records now, so no call may begin")]
    JournalBehind,
    /// As many calls are up as `calls.max` allows.
    #[error("as many calls are up as the server may have at once (`calls.max`)")]
    CallsMax,
    /// Signalling holds as much as it has memory for.
    #[error("the server is busy with as many calls and requests as it can hold")]
    Signalling,
}

impl NoRoom {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Draining, Self::JournalBehind, Self::CallsMax, Self::Signalling];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::JournalBehind => "journal_behind",
            Self::CallsMax => "calls_max",
            Self::Signalling => "signalling",
        }
    }
}
