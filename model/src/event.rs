//! What is told: one JSON form of an event for Socket.IO, webhooks and RabbitMQ.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    Action, BanView, BudgetNews, CallId, CarrierId, CarrierTry, CarrierView, Cause, CenterId, Direction, EndingView, HubKind, ListKind,
    Outcome, RecordingRow, RecordingState, Rung, Segment, SlotId, SlotState, SlotStatus, UserId, WallTime, route::Asked,
};

/// Where a call stands (telephony-field, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// Under way to a phone: the operator's own first, if the call was started over REST.
    Dialing,
    /// The far party rings.
    Ringing,
    /// The far party has answered.
    Answered,
    /// One party holds the other.
    Held,
    /// Over.
    Ended,
}

/// A call as others see it, live or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// The call.
    pub call_id: CallId,
    /// Whose call it is.
    pub center: CenterId,
    /// The call that this one consults about (R11).
    pub parent: Option<CallId>,
    /// Where it stands.
    pub status: CallStatus,
    /// Where it goes.
    pub direction: Direction,
    /// The calling number.
    pub caller: String,
    /// The dialled number.
    pub callee: String,
    /// The slot that placed it.
    pub caller_slot: Option<SlotId>,
    /// The slot that is called.
    pub callee_slot: Option<SlotId>,
    /// Who placed it.
    pub user: Option<UserId>,
    /// When it began.
    pub started_at: WallTime,
    /// When the far party first rang.
    pub ringing_at: Option<WallTime>,
    /// When the far party answered.
    pub answered_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it ended.
    pub cause: Option<Cause>,
    /// Who serves or served it.
    pub segments: Vec<Segment>,
    /// The call-handling scenario (S000-07).
    pub scenario: Option<String>,
    /// Which advert brought the call.
    pub source: Option<String>,
    /// The carrier that it came by, or that it is tried by.
    #[serde(default)]
    pub carrier: Option<CarrierId>,
    /// Each try to place it by a carrier, in order.
    #[serde(default)]
    pub tries: Vec<CarrierTry>,
    /// The program that was asked last where it goes, and what came of that.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// How it was last handed on, or was to be.
    #[serde(default)]
    pub transfer: Option<Box<Transfer>>,
    /// The slots whose phones were asked to take it, each once, in the order in which they were; at most [`RUNG_MAX`](crate::RUNG_MAX). Not the phone of who
    /// ordered it over REST.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rung: Vec<Rung>,
}

/// How a call was handed on, or was to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Which slot leaves, or wanted to.
    pub by: SlotId,
    /// Who had taken it then.
    pub user: Option<UserId>,
    /// Whom the other party is handed to: the number, in E.164 if it is such a one. Empty if a phone named none.
    pub to: String,
    /// When it was ordered.
    pub at: WallTime,
    /// How far it has come.
    pub status: TransferStatus,
    /// Why it came to nothing; none while it may come to something, and if there is no cause for it.
    pub cause: Option<Cause>,
}

/// How far it has come with handing a call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferStatus {
    /// The number is called.
    Calling,
    /// It rings there.
    Ringing,
    /// The new party has answered, or was joined.
    Answered,
    /// Nobody has answered.
    Failed,
    /// It was not tried: a phone had asked for what may not or cannot be.
    Refused,
}

/// A slot as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotView {
    /// The slot.
    pub id: SlotId,
    /// Whose it is.
    pub center: CenterId,
    /// Its number.
    pub number: String,
    /// Its hub's kind.
    #[serde(rename = "type")]
    pub kind: HubKind,
    /// Its state.
    pub state: SlotState,
    /// Whether a phone is registered.
    pub registered: bool,
    /// Who has taken it.
    pub holder: Option<UserId>,
    /// Since when it is in this state.
    pub since: WallTime,
    /// Grows with every lease; an old one is refused (R6).
    pub epoch: u64,
}

impl SlotView {
    /// The coarse status (R5) as `viewer` sees it: a slot that the viewer holds is not taken for the viewer.
    #[must_use]
    pub fn status(&self, viewer: Option<UserId>) -> SlotStatus {
        match self.state {
            SlotState::Fault => SlotStatus::Fault,
            SlotState::Disabled => SlotStatus::Disabled,
            state if state.is_busy() => SlotStatus::Busy,
            _ if self.holder.is_some() && self.holder != viewer => SlotStatus::Taken,
            _ if !self.registered => SlotStatus::Offline,
            SlotState::Idle | SlotState::Ready => SlotStatus::Free,
            _ => SlotStatus::Offline,
        }
    }
}

/// A recording as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingView {
    /// The recorded call.
    pub call_id: CallId,
    /// Whose it is.
    pub center: CenterId,
    /// How far it has come.
    pub state: RecordingState,
    /// Why it is partial, failed or not wanted.
    pub reason: Option<String>,
    /// Its length in milliseconds; 0 until closed.
    pub duration_ms: u64,
}

impl From<&RecordingRow> for RecordingView {
    fn from(row: &RecordingRow) -> Self {
        Self { call_id: row.call_id, center: row.center, state: row.state, reason: row.reason.clone(), duration_ms: row.duration_ms }
    }
}

/// A phone that took another's place on a slot; whoever watches for stolen accounts wants both sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReboundView {
    /// The slot.
    pub id: SlotId,
    /// Whose it is.
    pub center: CenterId,
    /// Its number.
    pub number: String,
    /// The address and port that the old phone registered from.
    pub old_source: String,
    /// The address and port that the new phone registered from.
    pub new_source: String,
}

/// Which party of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    /// The one who placed the call.
    Caller,
    /// The one who was called.
    Callee,
}

/// A key that was pressed during a call (RFC 4733, or INFO). Never logged: it may be part of a card number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigitView {
    /// The call.
    pub call_id: CallId,
    /// Whose call it is.
    pub center: CenterId,
    /// Who pressed it.
    pub by: PartyRole,
    /// `0` to `9`, `*`, `#`, `A` to `D`.
    pub digit: char,
    /// For how long, in milliseconds.
    pub duration_ms: u32,
}

/// How far a background job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// The job's id.
    pub id: i64,
    /// Whose it is.
    pub center: CenterId,
    /// Who ordered it.
    pub user: Option<UserId>,
    /// What it does: `export`.
    pub kind: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// How much is done.
    pub done: i64,
    /// Of how much, if that is known.
    pub total: Option<i64>,
}

/// A row of a module that came, changed or went. Telephony knows nothing of it: who hears of it, and what of it, is decided by its gates and
/// by the resource that it is a row of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowNews {
    /// What is told: `lead.update`. Its first word and an `s` is the topic.
    pub kind: &'static str,
    /// The resource that the row belongs to: its columns are what can be told of it, and nobody is told a row without the right to read those.
    pub resource: &'static str,
    /// The row's id, as it stands on the wire.
    pub id: String,
    /// Whose it is.
    pub center: CenterId,
    /// The rights that all have to reach the row. Without any, nobody hears of it.
    pub gates: Vec<Gate>,
    /// The row with all its columns; none: it is gone, at least for those who are told.
    pub row: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A right that has to reach what an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The right: `leads.read`.
    pub action: Action,
    /// Whose own it was when it happened: who comes by it later does not hear its past.
    pub users: BTreeSet<UserId>,
    /// The ids that it stands in lists by: of a call its scenario.
    pub lists: Vec<(ListKind, String)>,
}

/// A call rings at the phones of people, who want to know before they answer with whom it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopNews {
    /// The call.
    pub call: CallId,
    /// Whose it is.
    pub center: CenterId,
    /// Who had taken the slots at which it began to ring just now.
    pub users: BTreeSet<UserId>,
    /// Those slots.
    pub slots: BTreeSet<SlotId>,
    /// Who calls; empty if that is not known.
    pub number: String,
    /// The call-handling scenario (S000-07).
    pub scenario: Option<String>,
    /// Which advert brought the call.
    pub source: Option<String>,
    /// Who that may be, best first; each for those alone whose right reaches it.
    pub candidates: Vec<PopCandidate>,
    /// Whether they were looked up. The number is told at once, and told again with what was found.
    pub is_complete: bool,
}

/// A row of a module with the number of a call that rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopCandidate {
    /// Of what: `leads`, `clients`.
    pub resource: &'static str,
    /// Whose own it is.
    pub users: BTreeSet<UserId>,
    /// The row, as far as it is told.
    pub row: serde_json::Map<String, serde_json::Value>,
    /// Who works with it.
    pub with: Option<UserId>,
    /// Whether those whose right does not reach it are told that somebody works with it.
    pub is_hinted: bool,
}

/// A call that rang at the phones of people rings there no more, and was not answered by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneNews {
    /// The call.
    pub call: CallId,
    /// Whose it is.
    pub center: CenterId,
    /// Who were told that it rings.
    pub users: BTreeSet<UserId>,
    /// The slots at which it rang.
    pub slots: BTreeSet<SlotId>,
    /// The call-handling scenario (S000-07).
    pub scenario: Option<String>,
    /// What became of it.
    pub why: GoneWhy,
}

/// What became of a call that rang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoneWhy {
    /// It was answered at another slot: by whom, if somebody had taken that.
    Answered(Option<UserId>),
    /// Nobody has answered it: the caller gave up, or it was given up.
    GivenUp,
}

/// Something that happened and that a listener may want to hear. May be dropped for a slow listener.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most events are of calls, and events are passed on, not kept")]
pub enum Event {
    /// A call began, changed or ended: `call.update`.
    CallUpdated(CallView),
    /// A slot came or changed: `slot.update`.
    SlotUpdated(SlotView),
    /// A slot was deleted: `slot.update` with `data: null`.
    SlotRemoved {
        /// The slot.
        slot: SlotId,
        /// Whose it was.
        center: CenterId,
    },
    /// A slot's phone was replaced by one at another contact or source: `slot.rebound` (R17). For administrators.
    Rebound(ReboundView),
    /// A key was pressed: `call.digit`.
    DigitPressed(DigitView),
    /// A recording was closed: `recording.ready`.
    RecordingClosed(RecordingView),
    /// A background job came further, or ended: `job.progress`.
    JobProgressed(JobView),
    /// A carrier is new, has other settings, is there or not, or an account or a host of it changed: `carrier.update`. Not told for each call. For
    /// those who may read trunks.
    CarrierUpdated(CarrierView),
    /// A carrier is no more: `carrier.update` without data. For the same people.
    CarrierRemoved {
        /// Which.
        carrier: CarrierId,
        /// Whose it was.
        center: CenterId,
    },
    /// A source was banned: `source.banned`. It concerns every centre; for those who may read bans.
    SourceBanned(BanView),
    /// A ban has ended or was taken back: `source.released`. For the same people.
    SourceReleased {
        /// The source, as in its ban.
        source: String,
        /// Somebody let it go before its time.
        by_hand: bool,
    },
    /// So much of a budget's limit was used up: `budget.alarm`. For those who may read budgets.
    BudgetAlarm {
        /// Which limit of whose budget.
        news: BudgetNews,
        /// 50, 80 or 100 percent.
        percent: u8,
    },
    /// A budget has refused a call: `budget.closed`. Told once, and again when it has let one through meanwhile, or an hour has passed.
    BudgetClosed(BudgetNews),
    /// Somebody has released a budget by hand: `budget.released`.
    BudgetReleased {
        /// Whose.
        scope: crate::budget::Scope,
        /// In which centre it is seen.
        center: CenterId,
    },
    /// A budget ends a call soon, or no longer does: `call.ending`. For those who hear of the call.
    CallEnding(EndingView),
    /// A row of a module came, changed or went: [`RowNews::kind`]. For those whom its gates let in.
    Row(Box<RowNews>),
    /// A call rings at people's phones: `screen.pop`. For exactly them, if they may read the call.
    ScreenPop(Box<PopNews>),
    /// It rings there no more, without their answer: `screen.gone`. For those who were told that it rings.
    ScreenGone(Box<GoneNews>),
    /// What these people may do, or what they see of it, is another than before: `rights.update`. For exactly them, whatever they listen to.
    RightsChanged {
        /// Who.
        users: BTreeSet<UserId>,
        /// Their centre.
        center: CenterId,
    },
}

/// The form in which an event leaves us.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Envelope {
    /// Grows by one with each event of this server, also over restarts.
    pub seq: u64,
    /// When it was told.
    pub ts: WallTime,
    /// Whose event it is.
    pub center: CenterId,
    /// `call.update`, `call.digit`, `slot.update`, `slot.rebound`, `recording.ready`, `job.progress`, `carrier.update`,
    /// `source.banned`, `source.released`, `budget.alarm`, `budget.closed`, `budget.released`, `call.ending`,
    /// `rights.update`, `screen.pop`, `screen.gone`, or a module's own.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The id of what changed.
    pub id: String,
    /// For a slot its lease's epoch, else 0.
    pub epoch: u64,
    /// The whole new picture of it; null if it is gone.
    pub data: serde_json::Value,
}
