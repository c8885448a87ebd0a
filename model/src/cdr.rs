//! The call detail record: one immutable row per call.

use serde::{Deserialize, Serialize};

use crate::{CallId, CarrierId, Cause, CenterId, SlotId, UserId, WallTime, route::Asked};

/// Where a call went, seen from the call centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Between two slots.
    Internal,
    /// To the world.
    Outbound,
    /// From the world.
    Inbound,
}

/// How a call ended, in one word (telephony-field, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The far party answered.
    Answered,
    /// The far party was busy.
    Busy,
    /// The far party did not answer, or had no phone.
    NoAnswer,
    /// The calling side gave up before the answer.
    Canceled,
    /// Anything else that kept the parties apart.
    Failed,
}

/// The part of a call that one person served (R14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The person, if the slot was taken by one.
    pub user: Option<UserId>,
    /// The slot whose phone took part.
    pub slot: SlotId,
    /// From this moment the person was in the call.
    pub from: WallTime,
    /// Until this moment; none while it lasts.
    pub to: Option<WallTime>,
    /// How long the person's phone held the far party, in milliseconds.
    pub hold_ms: u64,
}

/// A slot whose phone was asked to take a call. Whether it was answered there stands in the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// The slot.
    pub slot: SlotId,
    /// Who had taken it then; none if nobody had. Who takes it later was not rung.
    pub user: Option<UserId>,
    /// When its INVITE went out, the first one if there were several.
    pub at: WallTime,
}

/// Slots that a call is known to have rung at, at most. More than one number or route can name
/// ([`IncomingNumber::TO_MAX`](crate::carrier::IncomingNumber::TO_MAX)), so only a call that was handed on has rung at others, too.
pub const RUNG_MAX: usize = 64;

/// One INVITE to a carrier, or why a carrier got none: a rung of a call's ladder of failover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierTry {
    /// The carrier.
    pub carrier: CarrierId,
    /// The caller number that it was told, as it was written.
    pub caller: String,
    /// The number that was called, in E.164 if it is such a one: not the record's callee if the call was handed or sent on. None in records of
    /// before there was this.
    #[serde(default)]
    pub called: Option<String>,
    /// The address that was called: `udp 203.0.113.9:5060`. None: it came to no INVITE.
    pub target: Option<String>,
    /// When it began.
    pub at: WallTime,
    /// What came of it; none while it lasts.
    pub outcome: Option<TryOutcome>,
    /// The final SIP status, if there was one.
    pub status: Option<u16>,
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TryOutcome {
    /// The far party answered.
    Answered,
    /// It was refused, with a status.
    Refused,
    /// It was sent on (3xx), and we followed.
    Redirected,
    /// Nothing was heard in time, or nothing but 100.
    Silent,
    /// It rang, and nobody answered in time.
    NoAnswer,
    /// The network says that nobody is there, or the stream was lost.
    Unreachable,
    /// DNS leads nowhere.
    NotFound,
    /// The carrier had as many calls as it may by then, or as many had begun in this second.
    Full,
    /// The carrier does not withhold the caller's number, and it was to be withheld.
    NotWithheld,
    /// A budget did not allow it.
    Budget,
    /// The calling side gave up meanwhile, or we had no room for it.
    GivenUp,
}

/// One call's record. Computed from the call's events, never assembled along the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cdr {
    /// The call.
    pub call_id: CallId,
    /// Whose call it was.
    pub center: CenterId,
    /// The call that this one consults about (R11).
    pub parent: Option<CallId>,
    /// Where it went.
    pub direction: Direction,
    /// The calling number.
    pub caller: String,
    /// The number that was dialled.
    pub callee: String,
    /// The slot that placed it.
    pub caller_slot: Option<SlotId>,
    /// The slot that was called.
    pub callee_slot: Option<SlotId>,
    /// Who placed it: over REST, or as holder of the calling slot.
    pub user: Option<UserId>,
    /// When the call began.
    pub started_at: WallTime,
    /// When the far party first rang.
    pub ringing_at: Option<WallTime>,
    /// When the far party answered (R14).
    pub answered_at: Option<WallTime>,
    /// When it ended; for an aborted call, when it was last seen.
    pub ended_at: WallTime,
    /// From the first ringing to the answer or the end, in milliseconds.
    pub ring_ms: u64,
    /// From the answer to the end, in milliseconds; 0 if unanswered.
    pub talk_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended.
    pub cause: Cause,
    /// The last SIP status of the called side, or the one that we answered the caller with.
    pub sip_status: u16,
    /// Who served it.
    pub segments: Vec<Segment>,
    /// The call-handling scenario (S000-07), from the route or number that brought the call.
    pub scenario: Option<String>,
    /// Which advert brought the call (R13).
    pub source: Option<String>,
    /// The carrier that it came by, or that it was last tried by.
    #[serde(default)]
    pub carrier: Option<CarrierId>,
    /// Each try to place it by a carrier, in order.
    #[serde(default)]
    pub tries: Vec<CarrierTry>,
    /// The program that was asked last where it goes, and what came of that.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// The slots whose phones were asked to take it, each once, in the order in which they were; at most [`RUNG_MAX`]. Not the phone of who
    /// ordered it over REST.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rung: Vec<Rung>,
}
