//! The JSON forms of what the API tells: the same for REST and for Socket.IO.

use model::{
    CallId, CallStatus, CallView, CarrierId, CarrierTry, Cause, Cdr, ChannelRole, DigitView, Direction, HubId, HubKind, JobView, Outcome,
    PartyRole, ReboundView, RecordingRow, RecordingState, RecordingView, RouteId, SlotId, SlotState, SlotStatus, SlotView, TransferStatus,
    TryOutcome, UserId, WallTime,
    route::{AskOutcome, Asked, Said},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use crate::resources::ColumnAnswer;

/// How far a background job is.
#[derive(Debug, Serialize)]
pub(crate) struct JobProgress {
    id: String,
    kind: String,
    state: String,
    done: i64,
    total: Option<i64>,
}

impl From<JobView> for JobProgress {
    fn from(view: JobView) -> Self {
        let JobView { id, center: _, user: _, kind, state, done, total } = view;
        Self { id: id.to_string(), kind, state, done, total }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// The cursor of the page after this one; null on the last page.
    pub(crate) next: Option<String>,
    /// The cursor of the page before this one; null on the first page.
    pub(crate) prev: Option<String>,
    /// How many rows there are in all pages; null if that was not counted.
    pub(crate) count: Option<Count>,
    /// What the caller may do with each column that they may see.
    pub(crate) columns: Vec<ColumnAnswer>,
}

/// How many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Count {
    /// So many, or at least so many.
    pub(crate) value: u64,
    /// Whether counting stopped there.
    pub(crate) capped: bool,
}

/// A slot: one SIP account with its phone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Slot {
    #[schema(value_type = String, examples("44"))]
    pub(crate) id: SlotId,
    /// Its number, which is also the user part of its SIP address.
    #[schema(examples("6001"))]
    pub(crate) number: String,
    #[serde(rename = "type")]
    #[schema(schema_with = hub_kind)]
    pub(crate) kind: HubKind,
    #[schema(schema_with = slot_state)]
    pub(crate) state: SlotState,
    /// What the state comes to for the one who asks: a slot that he holds is not taken.
    #[schema(schema_with = slot_status)]
    pub(crate) status: SlotStatus,
    /// Whether its phone is registered.
    pub(crate) registered: bool,
    /// The user who has taken it.
    #[schema(value_type = Option<String>)]
    pub(crate) holder: Option<UserId>,
    /// That user's name.
    pub(crate) holder_name: Option<String>,
    /// Since when it is in this state: milliseconds since 1970.
    #[schema(value_type = i64)]
    pub(crate) since: WallTime,
    /// Grows with every lease.
    pub(crate) epoch: u64,
}

impl Slot {
    /// The slot as `viewer` sees it.
    pub(crate) fn new(view: SlotView, viewer: UserId, holder_name: Option<String>) -> Self {
        let status = view.status(Some(viewer));
        let SlotView { id, center: _, number, kind, state, registered, holder, since, epoch } = view;
        Self { id, number, kind, state, status, registered, holder, holder_name, since, epoch }
    }
}

/// A call, live or ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Call {
    #[schema(value_type = String, examples("c_0000k2v8q4z1m"))]
    pub(crate) call_id: CallId,
    /// The call that this one consults about.
    #[schema(value_type = Option<String>)]
    pub(crate) parent: Option<CallId>,
    #[schema(schema_with = call_status)]
    pub(crate) status: CallStatus,
    #[schema(schema_with = direction)]
    pub(crate) direction: Direction,
    /// The calling number.
    pub(crate) caller: String,
    /// The dialled number.
    pub(crate) callee: String,
    /// The slot that placed it.
    #[schema(value_type = Option<String>)]
    pub(crate) caller_slot: Option<SlotId>,
    /// The slot that is called.
    #[schema(value_type = Option<String>)]
    pub(crate) callee_slot: Option<SlotId>,
    /// Who placed it.
    #[schema(value_type = Option<String>)]
    pub(crate) user: Option<UserId>,
    /// When it began: milliseconds since 1970, like all times here.
    #[schema(value_type = i64)]
    pub(crate) started_at: WallTime,
    /// When the far party first rang.
    #[schema(value_type = Option<i64>)]
    pub(crate) ringing_at: Option<WallTime>,
    /// When the far party answered.
    #[schema(value_type = Option<i64>)]
    pub(crate) answered_at: Option<WallTime>,
    /// When it ended.
    #[schema(value_type = Option<i64>)]
    pub(crate) ended_at: Option<WallTime>,
    /// How it ended.
    #[schema(schema_with = outcome_or_null)]
    pub(crate) outcome: Option<Outcome>,
    /// Why it ended.
    #[schema(schema_with = cause_or_null)]
    pub(crate) cause: Option<Cause>,
    /// Who serves or served it.
    pub(crate) segments: Vec<Segment>,
    /// The call-handling scenario.
    pub(crate) scenario: Option<String>,
    /// Which advert brought it.
    pub(crate) source: Option<String>,
    /// The carrier that it came by, or that it is or was last tried by.
    #[schema(value_type = Option<String>)]
    pub(crate) carrier: Option<CarrierId>,
    /// Each try to place it by a carrier so far, in order.
    pub(crate) tries: Vec<PlacedTry>,
    /// The program that was asked last where it goes; null if none was.
    pub(crate) asked: Option<AskedProgram>,
    /// How it was last handed on, or was to be; null if it was not, and of an ended call that is read later.
    pub(crate) transfer: Option<HandedOn>,
    /// The slots whose phones were asked to take it, each once, in order; at most 64.
    pub(crate) rung: Vec<Rung>,
}

/// A slot whose phone was asked to take a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rung {
    /// The slot; absent or masked as the call's `callee_slot` is.
    #[schema(value_type = String)]
    pub(crate) slot: SlotId,
    /// Who had taken it then; absent or masked as the call's `user` is.
    #[schema(value_type = Option<String>)]
    pub(crate) user: Option<UserId>,
    /// When.
    #[schema(value_type = i64)]
    pub(crate) at: WallTime,
}

impl From<model::Rung> for Rung {
    fn from(model::Rung { slot, user, at }: model::Rung) -> Self {
        Self { slot, user, at }
    }
}

/// How a call was handed on, or was to be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandedOn {
    /// Which slot leaves, or wanted to. Masked or absent as `caller_slot` or `callee_slot` is.
    #[schema(value_type = Option<String>)]
    pub(crate) by: SlotId,
    /// Who had taken it then. Masked or absent as the call's `user` is.
    #[schema(value_type = Option<String>)]
    pub(crate) user: Option<UserId>,
    /// The number that the other party is handed to; empty if a phone named none. Masked or absent as `callee` is.
    pub(crate) to: Option<String>,
    /// When it was ordered.
    #[schema(value_type = i64)]
    pub(crate) at: WallTime,
    #[schema(schema_with = transfer_status)]
    pub(crate) status: TransferStatus,
    /// Why it came to nothing.
    #[schema(schema_with = cause_or_null)]
    pub(crate) cause: Option<Cause>,
}

impl From<model::Transfer> for HandedOn {
    fn from(model::Transfer { by, user, to, at, status, cause }: model::Transfer) -> Self {
        Self { by, user, to: Some(to), at, status, cause }
    }
}

impl From<CallView> for Call {
    fn from(view: CallView) -> Self {
        let CallView { call_id, center: _, parent, status, direction, caller, callee, caller_slot, callee_slot, user, .. } = view;
        let CallView {
            started_at,
            ringing_at,
            answered_at,
            ended_at,
            outcome,
            cause,
            segments,
            scenario,
            source,
            carrier,
            tries,
            asked,
            transfer,
            rung,
            ..
        } = view;
        let segments = segments.into_iter().map(Into::into).collect();
        Self {
            call_id,
            parent,
            status,
            direction,
            caller,
            callee,
            caller_slot,
            callee_slot,
            user,
            started_at,
            ringing_at,
            answered_at,
            ended_at,
            outcome,
            cause,
            segments,
            scenario,
            source,
            carrier,
            tries: tries.into_iter().map(Into::into).collect(),
            asked: asked.map(Into::into),
            transfer: transfer.map(|transfer| (*transfer).into()),
            rung: rung.into_iter().map(Into::into).collect(),
        }
    }
}

/// A call with its recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallWithRecording {
    #[serde(flatten)]
    pub(crate) call: Call,
    /// Null as long as nobody has answered.
    pub(crate) recording: Option<Recording>,
    /// Absent without the right to see tags. They are added to the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<TagOfCall>>,
    /// How much of its recording the caller has heard, in percent; null if they never began.
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) listened: Option<u8>,
}

/// A record with its recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CdrWithRecording {
    #[serde(flatten)]
    pub(crate) record: CdrRecord,
    /// Null if nobody answered.
    pub(crate) recording: Option<Recording>,
    /// Absent without the right to see tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<TagOfCall>>,
    /// How much of its recording the caller has heard, in percent; null if they never began.
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) listened: Option<u8>,
}

/// A tag that a call has, as the list of tags shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagOfCall {
    #[schema(examples("3"))]
    pub(crate) id: String,
    pub(crate) group_id: String,
    /// Absent if it is hidden from the caller, as the colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) colour: Option<String>,
}

/// The part of a call that one person served.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Segment {
    /// Masked or absent as the call's `user` is.
    #[schema(value_type = Option<String>)]
    pub(crate) user: Option<UserId>,
    /// Masked or absent as `caller_slot` or `callee_slot` is.
    #[schema(value_type = Option<String>)]
    pub(crate) slot: SlotId,
    #[schema(value_type = i64)]
    pub(crate) from: WallTime,
    /// Null while it lasts.
    #[schema(value_type = Option<i64>)]
    pub(crate) to: Option<WallTime>,
    /// How long the person's phone held the far party, in milliseconds.
    pub(crate) hold_ms: u64,
}

impl From<model::Segment> for Segment {
    fn from(model::Segment { user, slot, from, to, hold_ms }: model::Segment) -> Self {
        Self { user, slot, from, to, hold_ms }
    }
}

/// One INVITE to a carrier, or why a carrier got none.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlacedTry {
    /// Masked or absent as the call's `carrier` is.
    #[schema(value_type = Option<String>)]
    pub(crate) carrier: CarrierId,
    /// The caller number that it was told, as it was written; masked or absent as the call's `caller` is.
    #[schema(value_type = Option<String>)]
    pub(crate) caller: String,
    /// The number that was called, which is another than the record's if the call was handed or sent on; masked or absent as the call's
    /// `callee` is.
    pub(crate) called: Option<String>,
    /// The address that was called: `udp 203.0.113.9:5060`; null if it came to no INVITE, absent for whoever may not see the settings of
    /// carriers.
    pub(crate) target: Option<String>,
    /// When it began.
    #[schema(value_type = i64)]
    pub(crate) at: WallTime,
    /// What came of it.
    #[schema(schema_with = try_outcome)]
    pub(crate) outcome: Option<TryOutcome>,
    /// The final SIP status, if there was one.
    pub(crate) status: Option<u16>,
}

impl From<CarrierTry> for PlacedTry {
    fn from(CarrierTry { carrier, caller, called, target, at, outcome, status }: CarrierTry) -> Self {
        Self { carrier, caller, called, target, at, outcome, status }
    }
}

/// A program that a route had asked where a call goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskedProgram {
    #[schema(value_type = String)]
    pub(crate) route: RouteId,
    /// `answered`, `late`, `wrong`, `unreachable`, or `too_many` if it was not asked for want of room.
    #[schema(value_type = String)]
    pub(crate) outcome: AskOutcome,
    /// How long the call waited for it, in milliseconds.
    pub(crate) after_ms: u32,
    /// What it said: `slots`, `dialled_slot`, `carriers`, `service`, `refuse` or `number`; null: the route's default was taken.
    #[schema(value_type = Option<String>)]
    pub(crate) said: Option<Said>,
}

impl From<Asked> for AskedProgram {
    fn from(Asked { route, outcome, after_ms, said }: Asked) -> Self {
        Self { route, outcome, after_ms, said }
    }
}

/// A call's record: one per call, written when it ends, never changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CdrRecord {
    #[schema(value_type = String)]
    pub(crate) call_id: CallId,
    /// The call that this one consulted about.
    #[schema(value_type = Option<String>)]
    pub(crate) parent: Option<CallId>,
    #[schema(schema_with = direction)]
    pub(crate) direction: Direction,
    pub(crate) caller: String,
    pub(crate) callee: String,
    #[schema(value_type = Option<String>)]
    pub(crate) caller_slot: Option<SlotId>,
    #[schema(value_type = Option<String>)]
    pub(crate) callee_slot: Option<SlotId>,
    #[schema(value_type = Option<String>)]
    pub(crate) user: Option<UserId>,
    #[schema(value_type = i64)]
    pub(crate) started_at: WallTime,
    #[schema(value_type = Option<i64>)]
    pub(crate) ringing_at: Option<WallTime>,
    #[schema(value_type = Option<i64>)]
    pub(crate) answered_at: Option<WallTime>,
    #[schema(value_type = i64)]
    pub(crate) ended_at: WallTime,
    /// From the first ringing to the answer or the end, in milliseconds.
    pub(crate) ring_ms: u64,
    /// From the answer to the end, in milliseconds; 0 if unanswered.
    pub(crate) talk_ms: u64,
    #[schema(schema_with = outcome)]
    pub(crate) outcome: Outcome,
    #[schema(schema_with = cause)]
    pub(crate) cause: Cause,
    /// What a person at the desk can do about the cause.
    #[schema(value_type = String)]
    pub(crate) remedy: &'static str,
    /// The last SIP status of the called side, or the one that the caller was answered with.
    pub(crate) sip_status: u16,
    pub(crate) segments: Vec<Segment>,
    pub(crate) scenario: Option<String>,
    pub(crate) source: Option<String>,
    /// The carrier that it came by, or that it was last tried by.
    #[schema(value_type = Option<String>)]
    pub(crate) carrier: Option<CarrierId>,
    /// Each try to place it by a carrier, in order.
    pub(crate) tries: Vec<PlacedTry>,
    /// The program that was asked last where it goes; null if none was.
    pub(crate) asked: Option<AskedProgram>,
    /// The slots whose phones were asked to take it, each once, in order; at most 64.
    pub(crate) rung: Vec<Rung>,
}

impl From<Cdr> for CdrRecord {
    fn from(cdr: Cdr) -> Self {
        let Cdr { call_id, center: _, parent, direction, caller, callee, caller_slot, callee_slot, user, .. } = cdr;
        let Cdr { started_at, ringing_at, answered_at, ended_at, ring_ms, talk_ms, outcome, cause, .. } = cdr;
        let Cdr { sip_status, segments, scenario, source, carrier, tries, asked, rung, .. } = cdr;
        let segments = segments.into_iter().map(Into::into).collect();
        Self {
            call_id,
            parent,
            direction,
            caller,
            callee,
            caller_slot,
            callee_slot,
            user,
            started_at,
            ringing_at,
            answered_at,
            ended_at,
            ring_ms,
            talk_ms,
            outcome,
            cause,
            remedy: cause.remedy(),
            sip_status,
            segments,
            scenario,
            source,
            carrier,
            tries: tries.into_iter().map(Into::into).collect(),
            asked: asked.map(Into::into),
            rung: rung.into_iter().map(Into::into).collect(),
        }
    }
}

/// What is known of a call's recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recording {
    #[schema(schema_with = recording_state)]
    pub(crate) state: RecordingState,
    /// Why it is partial, failed or not wanted.
    pub(crate) reason: Option<String>,
    /// Who is heard on the left: our side.
    pub(crate) left: Channel,
    /// Who is heard on the right: the world.
    pub(crate) right: Channel,
    /// When the first sample was due: milliseconds since 1970.
    #[schema(value_type = i64)]
    pub(crate) started_at: WallTime,
    /// Length of the audio in milliseconds; 0 until closed.
    pub(crate) duration_ms: u64,
    /// Length of the file in octets; 0 until closed.
    pub(crate) size: u64,
}

impl From<RecordingRow> for Recording {
    fn from(row: RecordingRow) -> Self {
        let RecordingRow { call_id: _, center: _, state, reason, file: _, left, right, started_at, duration_ms, size } = row;
        Self { state, reason, left: left.into(), right: right.into(), started_at, duration_ms, size }
    }
}

/// Who is heard on a channel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Channel {
    /// `caller` or `callee`.
    pub(crate) role: String,
    /// That party's number; masked or absent as the call's `caller` or `callee` is, whichever is seen less.
    #[schema(value_type = Option<String>)]
    pub(crate) number: String,
}

impl From<ChannelRole> for Channel {
    fn from(ChannelRole { role, number }: ChannelRole) -> Self {
        Self { role, number }
    }
}

/// A recording was closed: the data of `recording.ready`.
#[derive(Debug, Serialize)]
pub(crate) struct RecordingReady {
    pub(crate) call_id: CallId,
    pub(crate) state: RecordingState,
    pub(crate) reason: Option<String>,
    pub(crate) duration_ms: u64,
}

impl From<RecordingView> for RecordingReady {
    fn from(RecordingView { call_id, center: _, state, reason, duration_ms }: RecordingView) -> Self {
        Self { call_id, state, reason, duration_ms }
    }
}

/// A key was pressed during a call: the data of `call.digit`.
#[derive(Debug, Serialize)]
pub(crate) struct Digit {
    pub(crate) call_id: CallId,
    pub(crate) by: PartyRole,
    pub(crate) digit: char,
    pub(crate) duration_ms: u32,
}

impl From<DigitView> for Digit {
    fn from(DigitView { call_id, center: _, by, digit, duration_ms }: DigitView) -> Self {
        Self { call_id, by, digit, duration_ms }
    }
}

/// A phone took another's place: the data of `slot.rebound`.
#[derive(Debug, Serialize)]
pub(crate) struct Rebound {
    pub(crate) id: SlotId,
    pub(crate) number: String,
    pub(crate) old_source: String,
    pub(crate) new_source: String,
}

impl From<ReboundView> for Rebound {
    fn from(ReboundView { id, center: _, number, old_source, new_source }: ReboundView) -> Self {
        Self { id, number, old_source, new_source }
    }
}

/// A trunk of slots (a hub).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trunk {
    #[schema(value_type = String, examples("3"))]
    pub(crate) id: HubId,
    pub(crate) name: String,
    #[serde(rename = "type")]
    #[schema(schema_with = hub_kind)]
    pub(crate) kind: HubKind,
    /// How many slots it has.
    pub(crate) capacity: u16,
}

impl From<model::Hub> for Trunk {
    fn from(model::Hub { id, center: _, name, kind, capacity }: model::Hub) -> Self {
        Self { id, name, kind, capacity }
    }
}

/// A trunk with its slots.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrunkWithSlots {
    #[serde(flatten)]
    #[schema(value_type = Trunk)]
    pub(crate) trunk: Map<String, Value>,
    /// Its slots, by number.
    #[schema(value_type = Vec<Account>)]
    pub(crate) slots: Vec<Map<String, Value>>,
}

/// A slot's account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    #[schema(value_type = String)]
    pub(crate) id: SlotId,
    pub(crate) number: String,
    /// The digest user name.
    pub(crate) username: String,
    /// The password. Shown once, when it is made: only its hashes are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
}

/// What went wrong (RFC 9457). The schema of what `error.rs` prints.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemSchema {
    #[schema(examples("urn:cordboard:problem:slot_not_callable"))]
    pub(crate) r#type: String,
    /// What the code means.
    pub(crate) title: String,
    pub(crate) status: u16,
    /// The stable name of the problem.
    #[schema(schema_with = problem_code)]
    pub(crate) code: String,
    /// The same on this occasion.
    pub(crate) detail: String,
    /// The member or parameter that is wrong.
    #[schema(required = false, nullable = false)]
    pub(crate) field: Option<String>,
    /// All that is wrong, if it is more than one thing.
    #[schema(required = false, nullable = false)]
    pub(crate) errors: Option<Vec<FieldErrorSchema>>,
    /// The slot's state, if that is the reason.
    #[schema(schema_with = slot_state, required = false)]
    pub(crate) state: Option<String>,
    /// The running lease's number, if that is the reason.
    #[schema(required = false, nullable = false)]
    pub(crate) epoch: Option<u64>,
    /// The slot's number, if it is not the one that was asked for.
    #[schema(required = false, nullable = false)]
    pub(crate) number: Option<String>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldError)]
pub(crate) struct FieldErrorSchema {
    pub(crate) field: String,
    pub(crate) code: String,
    pub(crate) detail: String,
}

fn names<T: Serialize>(values: &[T]) -> ObjectBuilder {
    let names = values.iter().filter_map(|value| serde_json::to_value(value).ok());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names))
}

fn or_null(names: ObjectBuilder) -> Object {
    let object = names.build();
    let values = object.enum_values.clone().into_iter().flatten().chain([serde_json::Value::Null]);
    ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(values))
        .build()
}

/// The kinds of trunk.
pub(crate) fn hub_kind() -> Object {
    names(&[HubKind::Auto, HubKind::Mf, HubKind::Ls]).build()
}

fn slot_state() -> Object {
    use SlotState::{ActiveCall, Assigned, Calling, Disabled, Fault, Idle, Postcall, Ready, Registering};
    names(&[Idle, Assigned, Registering, Ready, Calling, ActiveCall, Postcall, Fault, Disabled]).build()
}

fn slot_status() -> Object {
    use SlotStatus::{Busy, Disabled, Fault, Free, Offline, Taken};
    names(&[Free, Busy, Taken, Offline, Fault, Disabled]).build()
}

fn call_status() -> Object {
    names(&[CallStatus::Dialing, CallStatus::Ringing, CallStatus::Answered, CallStatus::Held, CallStatus::Ended]).build()
}

fn direction() -> Object {
    names(&[Direction::Internal, Direction::Outbound, Direction::Inbound]).build()
}

fn try_outcome() -> Object {
    use TryOutcome::{Answered, Budget, Full, GivenUp, NoAnswer, NotFound, NotWithheld, Redirected, Refused, Silent, Unreachable};
    or_null(names(&[Answered, Refused, Redirected, Silent, NoAnswer, Unreachable, NotFound, Full, NotWithheld, Budget, GivenUp]))
}

fn transfer_status() -> Object {
    use TransferStatus::{Answered, Calling, Failed, Refused, Ringing};
    names(&[Calling, Ringing, Answered, Failed, Refused]).build()
}

fn outcomes() -> ObjectBuilder {
    names(&[Outcome::Answered, Outcome::Busy, Outcome::NoAnswer, Outcome::Canceled, Outcome::Failed])
}

fn outcome() -> Object {
    outcomes().build()
}

fn outcome_or_null() -> Object {
    or_null(outcomes())
}

fn cause() -> Object {
    names(Cause::ALL).build()
}

fn cause_or_null() -> Object {
    or_null(names(Cause::ALL))
}

fn recording_state() -> Object {
    use RecordingState::{Complete, Erased, Failed, NotWanted, Partial, Recording};
    names(&[Recording, Complete, Partial, Failed, NotWanted, Erased]).build()
}

fn problem_code() -> Object {
    let codes: Vec<&str> = crate::Code::ALL.iter().map(|code| code.name()).collect();
    names(&codes).build()
}
