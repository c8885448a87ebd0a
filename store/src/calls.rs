//! The state of calls, live and ended. Written by facts only; what happened for good stands in `cdrs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use model::{CallId, CallStatus, CallView, CarrierId, Cdr, CenterId, Segment, SlotId, UserId, WallTime};
use sqlx::FromRow;
use tracing::error;

use crate::{
    Store, StoreError,
    code::{code, decode, decode_some, from_json, json, read_segments, segments},
    db::{Tx, binds, statements},
    list::{CALL_TIME_MAX, CALL_TIME_SHIFT, CLOCK_SET_BACK_MAX},
    many::{Column, Rows, ids, list, row, rows_32},
    whose::{RANG, TOOK_PART, why},
};

macro_rules! columns {
    () => {
        "SELECT c.call_id, c.center_id, c.parent_id, c.status, c.direction, c.caller, c.callee, c.caller_slot, c.callee_slot, c.user_id,
        c.started_at, c.ringing_at, c.answered_at, c.ended_at, c.outcome, c.cause, c.segments, c.scenario, c.source, c.last_seen_at,
        c.carrier_id, c.tries, c.asked, c.rung "
    };
}

macro_rules! insert {
    () => {
        "INSERT INTO calls
        (call_id, center_id, parent_id, status, direction, caller, callee, caller_slot, callee_slot, user_id,
        started_at, ringing_at, answered_at, ended_at, outcome, cause, segments, scenario, source, last_seen_at,
        carrier_id, tries, asked, rung) "
    };
}

// An ended call stays as it ended, whatever an older picture says.
macro_rules! replace {
    () => {
        " ON CONFLICT (call_id) DO UPDATE SET parent_id = excluded.parent_id, status = excluded.status, direction = excluded.direction,
        caller = excluded.caller, callee = excluded.callee, caller_slot = excluded.caller_slot, callee_slot = excluded.callee_slot,
        user_id = excluded.user_id, started_at = excluded.started_at, ringing_at = COALESCE(excluded.ringing_at, calls.ringing_at),
        answered_at = COALESCE(excluded.answered_at, calls.answered_at), ended_at = excluded.ended_at, outcome = excluded.outcome,
        cause = excluded.cause, segments = excluded.segments, scenario = excluded.scenario, source = excluded.source,
        last_seen_at = excluded.last_seen_at, carrier_id = excluded.carrier_id, tries = excluded.tries, asked = excluded.asked,
        rung = excluded.rung
        WHERE calls.status <> 'ended'"
    };
}

statements! {
    CALL: both concat!(columns!(), "FROM calls c WHERE c.call_id = $1");
    NEWEST: both "SELECT call_id FROM calls ORDER BY call_id DESC LIMIT 1";
    UNFINISHED: both concat!(columns!(), "FROM calls c WHERE c.status <> 'ended' ORDER BY c.call_id");
    OF_USER: both concat!("SELECT call_id FROM call_users WHERE user_id = $1 AND call_id = $2 AND why & ", why!(took_part), " <> 0");
    KNOWN: each concat!(columns!(), "FROM calls c WHERE c.call_id IN ", ids!(lite)), concat!(columns!(), "FROM calls c WHERE c.call_id IN ", ids!(pg));
    PUT: each
        concat!(insert!(), "SELECT * FROM ", rows_32!("(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"), " WHERE v.column1 IS NOT NULL", replace!()),
        concat!(insert!(), "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::text[],
        $17::text[], $18::text[], $19::text[], $20::bigint[], $21::bigint[], $22::text[], $23::text[], $24::text[])", replace!());
    // Who has a part in a call keeps it: what else is known of why (that it is of an own lead) is not a fact's to take away.
    PUT_USERS: each
        concat!("INSERT INTO call_users (user_id, call_id, why, talk_ms, hold_ms) SELECT * FROM ", rows_32!("(?,?,?,?,?)"), "
        WHERE v.column1 IS NOT NULL ON CONFLICT (user_id, call_id) DO UPDATE
        SET why = call_users.why | excluded.why, talk_ms = excluded.talk_ms, hold_ms = excluded.hold_ms"),
        "INSERT INTO call_users (user_id, call_id, why, talk_ms, hold_ms)
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) ON CONFLICT (user_id, call_id) DO UPDATE
        SET why = call_users.why | excluded.why, talk_ms = excluded.talk_ms, hold_ms = excluded.hold_ms";
    SEEN: each
        concat!("UPDATE calls SET last_seen_at = $2 WHERE status <> 'ended' AND call_id IN ", ids!(lite)),
        concat!("UPDATE calls SET last_seen_at = $2 WHERE status <> 'ended' AND call_id IN ", ids!(pg));
}

/// The ids that calls can have which began in a span of time: the least, and the least behind them. The exact time is to be looked at as well, because
/// the clock may have been set back.
#[must_use]
pub fn calls_between(span: &Range<WallTime>) -> (i64, i64) {
    let id = |ms: i64| ms.clamp(0, CALL_TIME_MAX) << CALL_TIME_SHIFT;
    let end = span.end.0.saturating_add(CLOCK_SET_BACK_MAX);
    (id(span.start.0), if end < CALL_TIME_MAX { id(end) } else { i64::MAX })
}

impl Store {
    /// The call with this id, live or ended.
    pub async fn call(&self, id: CallId) -> Result<Option<CallView>, StoreError> {
        self.db.one::<Row>(CALL, binds![id]).await?.map(CallView::try_from).transpose()
    }

    /// The call that began last, if there ever was one.
    pub async fn newest_call(&self) -> Result<Option<CallId>, StoreError> {
        let row: Option<(i64,)> = self.db.one(NEWEST, &[]).await?;
        Ok(row.map(|(call,)| CallId(call)))
    }

    /// Whether the user placed the call or served a part of it (R18).
    pub async fn is_call_of_user(&self, call: CallId, user: UserId) -> Result<bool, StoreError> {
        let row: Option<(i64,)> = self.db.one(OF_USER, binds![user, call]).await?;
        Ok(row.is_some())
    }

    /// Calls that have not ended and when they were last known to live, oldest first.
    ///
    /// At start, before the first call: those that a killed server left behind (FT-1).
    pub async fn unfinished_calls(&self) -> Result<Vec<(CallView, WallTime)>, StoreError> {
        let rows: Vec<Row> = self.db.all(UNFINISHED, &[]).await?;
        rows.into_iter()
            .map(|row| {
                let last_seen = WallTime(row.last_seen_at);
                Ok((CallView::try_from(row)?, last_seen))
            })
            .collect()
    }
}

/// Those of the calls that the database has, and when they were last known to live. A row that cannot be read is as good as none: the next
/// picture of its call replaces it.
pub(crate) async fn known(tx: &mut Tx, calls: &BTreeSet<CallId>) -> Result<Vec<(CallView, WallTime)>, StoreError> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = tx.all(KNOWN, binds![list(calls.iter().map(|call| call.0))]).await?;
    let read = |row: Row| {
        let (call, last_seen) = (CallId(row.call_id), WallTime(row.last_seen_at));
        match CallView::try_from(row) {
            Ok(view) => Some((view, last_seen)),
            Err(error) => {
                error!(%call, %error, "A call's row cannot be read; it is written anew.");
                None
            }
        }
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Writes the whole pictures of calls, at most one a call, unless they have ended already.
pub(crate) async fn put(tx: &mut Tx, calls: &[(&CallView, WallTime)]) -> Result<(), StoreError> {
    use Column::{Int, Text};
    let mut rows = Rows::new(&[
        Int, Int, Int, Text, Text, Text, Text, Int, Int, Int, Int, Int, Int, Int, Text, Text, Text, Text, Text, Int, Int, Text, Text, Text,
    ]);
    for (call, last_seen) in calls {
        rows.push(row![
            call.call_id,
            call.center,
            call.parent,
            code(&call.status),
            code(&call.direction),
            &call.caller,
            &call.callee,
            call.caller_slot,
            call.callee_slot,
            call.user,
            call.started_at,
            call.ringing_at,
            call.answered_at,
            call.ended_at,
            call.outcome.map(|outcome| code(&outcome)),
            call.cause.map(|cause| cause.code()),
            segments(&call.segments),
            &call.scenario,
            &call.source,
            *last_seen,
            call.carrier,
            json(&call.tries),
            call.asked.as_ref().map(json),
            json(&call.rung),
        ]);
    }
    tx.run_many(PUT, &rows).await.map(drop)
}

/// Notes whose calls they are, why, and for how long.
pub(crate) async fn put_users(tx: &mut Tx, users: &BTreeMap<(UserId, CallId), Share>) -> Result<(), StoreError> {
    let mut rows = Rows::new(&[Column::Int; 5]);
    for ((user, call), Share { why, talk_ms, hold_ms }) in users {
        rows.push(row![*user, *call, *why, *talk_ms, *hold_ms]);
    }
    tx.run_many(PUT_USERS, &rows).await.map(drop)
}

/// Notes that calls live, which are otherwise as they were.
pub(crate) async fn seen(tx: &mut Tx, calls: &[CallId], at: WallTime) -> Result<(), StoreError> {
    tx.run(SEEN, binds![list(calls.iter().map(|call| call.0)), at]).await.map(drop)
}

/// The last picture of a call: that of its record.
pub(crate) fn ended(cdr: &Cdr) -> CallView {
    CallView {
        call_id: cdr.call_id,
        center: cdr.center,
        parent: cdr.parent,
        status: CallStatus::Ended,
        direction: cdr.direction,
        caller: cdr.caller.clone(),
        callee: cdr.callee.clone(),
        caller_slot: cdr.caller_slot,
        callee_slot: cdr.callee_slot,
        user: cdr.user,
        started_at: cdr.started_at,
        ringing_at: cdr.ringing_at,
        answered_at: cdr.answered_at,
        ended_at: Some(cdr.ended_at),
        outcome: Some(cdr.outcome),
        cause: Some(cdr.cause),
        segments: cdr.segments.clone(),
        scenario: cdr.scenario.clone(),
        source: cdr.source.clone(),
        carrier: cdr.carrier,
        tries: cdr.tries.clone(),
        asked: cdr.asked.clone(),
        transfer: None,
        rung: cdr.rung.clone(),
    }
}

/// What a person has to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Share {
    /// [`TOOK_PART`], [`RANG`], or both. The third bit, that it is of a lead of theirs, no fact sets or takes away.
    why: i64,
    /// For how long they served it, in milliseconds; what goes on is not counted yet.
    talk_ms: u64,
    /// For how long of that they held the other party, in milliseconds.
    hold_ms: u64,
}

/// Who has to do with a call, each once.
pub(crate) fn shares(call: &CallView) -> Vec<(UserId, Share)> {
    let mut shares: Vec<(UserId, Share)> = Vec::new();
    let mut add = |user: UserId, part: Share| match shares.iter_mut().find(|(known, _)| *known == user) {
        Some((_, share)) => {
            share.why |= part.why;
            share.talk_ms = share.talk_ms.saturating_add(part.talk_ms);
            share.hold_ms = share.hold_ms.saturating_add(part.hold_ms);
        }
        None => shares.push((user, part)),
    };
    if let Some(user) = call.user {
        add(user, Share { why: TOOK_PART, ..Share::default() });
    }
    for Segment { user, from, to, hold_ms, .. } in &call.segments {
        let over = to.map_or(Share::default(), |to| Share { talk_ms: to.ms_since(*from), hold_ms: *hold_ms, ..Share::default() });
        user.iter().for_each(|user| add(*user, Share { why: TOOK_PART, ..over }));
    }
    for user in call.rung.iter().filter_map(|rung| rung.user) {
        add(user, Share { why: RANG, ..Share::default() });
    }
    shares
}

#[derive(FromRow)]
struct Row {
    call_id: i64,
    center_id: i64,
    parent_id: Option<i64>,
    status: String,
    direction: String,
    caller: String,
    callee: String,
    caller_slot: Option<i64>,
    callee_slot: Option<i64>,
    user_id: Option<i64>,
    started_at: i64,
    ringing_at: Option<i64>,
    answered_at: Option<i64>,
    ended_at: Option<i64>,
    outcome: Option<String>,
    cause: Option<String>,
    segments: String,
    scenario: Option<String>,
    source: Option<String>,
    last_seen_at: i64,
    carrier_id: Option<i64>,
    tries: String,
    asked: Option<String>,
    rung: String,
}

impl TryFrom<Row> for CallView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        const TABLE: &str = "calls";
        Ok(Self {
            call_id: CallId(row.call_id),
            center: CenterId(row.center_id),
            parent: row.parent_id.map(CallId),
            status: decode(TABLE, &row.status)?,
            direction: decode(TABLE, &row.direction)?,
            caller: row.caller,
            callee: row.callee,
            caller_slot: row.caller_slot.map(SlotId),
            callee_slot: row.callee_slot.map(SlotId),
            user: row.user_id.map(UserId),
            started_at: WallTime(row.started_at),
            ringing_at: row.ringing_at.map(WallTime),
            answered_at: row.answered_at.map(WallTime),
            ended_at: row.ended_at.map(WallTime),
            outcome: decode_some(TABLE, row.outcome.as_deref())?,
            cause: decode_some(TABLE, row.cause.as_deref())?,
            segments: read_segments(TABLE, &row.segments)?,
            scenario: row.scenario,
            source: row.source,
            carrier: row.carrier_id.map(CarrierId),
            tries: from_json(TABLE, &row.tries)?,
            asked: row.asked.map(|asked| from_json(TABLE, &asked)).transpose()?,
            // The table has no room for it.
            transfer: None,
            rung: from_json(TABLE, &row.rung)?,
        })
    }
}
