//! Call detail records: one immutable row a call.

use std::collections::BTreeSet;

use model::{CallId, CarrierId, Cdr, CenterId, SlotId, UserId, WallTime};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    code::{code, decode, from_json, json, read_segments, segments, unsigned},
    db::{Tx, binds, statements},
    many::{Column, Rows, row, rows_32},
};

macro_rules! columns {
    () => {
        "SELECT c.call_id, c.center_id, c.parent_id, c.direction, c.caller, c.callee, c.caller_slot, c.callee_slot, c.user_id,
        c.started_at, c.ringing_at, c.answered_at, c.ended_at, c.ring_ms, c.talk_ms, c.outcome, c.cause, c.sip_status, c.segments,
        c.scenario, c.source, c.carrier_id, c.tries, c.asked, c.rung "
    };
}

macro_rules! insert {
    () => {
        "INSERT INTO cdrs
        (call_id, center_id, parent_id, direction, caller, callee, caller_slot, callee_slot, user_id, started_at, ringing_at, answered_at,
        ended_at, ring_ms, talk_ms, outcome, cause, sip_status, segments, scenario, source, carrier_id, tries, asked, rung) "
    };
}

statements! {
    CDR: both concat!(columns!(), "FROM cdrs c WHERE c.call_id = $1");
    // The first record of a call stays.
    INSERT: each
        concat!(insert!(), "SELECT * FROM ", rows_32!("(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"), " WHERE v.column1 IS NOT NULL
        ON CONFLICT (call_id) DO NOTHING RETURNING call_id"),
        concat!(insert!(), "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
        $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[],
        $17::text[], $18::bigint[], $19::text[], $20::text[], $21::text[],
        $22::bigint[], $23::text[], $24::text[], $25::text[]) ON CONFLICT (call_id) DO NOTHING RETURNING call_id");
}

impl Store {
    /// The record of a call; none while it lasts.
    pub async fn cdr(&self, call: CallId) -> Result<Option<Cdr>, StoreError> {
        self.db.one::<Row>(CDR, binds![call]).await?.map(Cdr::try_from).transpose()
    }
}

/// Writes records, at most one a call; says which are new.
pub(crate) async fn insert(tx: &mut Tx, records: &[&Cdr]) -> Result<BTreeSet<CallId>, StoreError> {
    use Column::{Int, Text};
    let mut rows = Rows::new(&[
        Int, Int, Int, Text, Text, Text, Int, Int, Int, Int, Int, Int, Int, Int, Int, Text, Text, Int, Text, Text, Text, Int, Text, Text,
        Text,
    ]);
    for cdr in records {
        rows.push(row![
            cdr.call_id,
            cdr.center,
            cdr.parent,
            code(&cdr.direction),
            &cdr.caller,
            &cdr.callee,
            cdr.caller_slot,
            cdr.callee_slot,
            cdr.user,
            cdr.started_at,
            cdr.ringing_at,
            cdr.answered_at,
            cdr.ended_at,
            cdr.ring_ms,
            cdr.talk_ms,
            code(&cdr.outcome),
            cdr.cause.code(),
            i64::from(cdr.sip_status),
            segments(&cdr.segments),
            &cdr.scenario,
            &cdr.source,
            cdr.carrier,
            json(&cdr.tries),
            cdr.asked.as_ref().map(json),
            json(&cdr.rung),
        ]);
    }
    let new: Vec<(i64,)> = tx.all_many(INSERT, &rows).await?;
    Ok(new.into_iter().map(|(call,)| CallId(call)).collect())
}

#[derive(FromRow)]
struct Row {
    call_id: i64,
    center_id: i64,
    parent_id: Option<i64>,
    direction: String,
    caller: String,
    callee: String,
    caller_slot: Option<i64>,
    callee_slot: Option<i64>,
    user_id: Option<i64>,
    started_at: i64,
    ringing_at: Option<i64>,
    answered_at: Option<i64>,
    ended_at: i64,
    ring_ms: i64,
    talk_ms: i64,
    outcome: String,
    cause: String,
    sip_status: i64,
    segments: String,
    scenario: Option<String>,
    source: Option<String>,
    carrier_id: Option<i64>,
    tries: String,
    asked: Option<String>,
    rung: String,
}

impl TryFrom<Row> for Cdr {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        const TABLE: &str = "cdrs";
        Ok(Self {
            call_id: CallId(row.call_id),
            center: CenterId(row.center_id),
            parent: row.parent_id.map(CallId),
            direction: decode(TABLE, &row.direction)?,
            caller: row.caller,
            callee: row.callee,
            caller_slot: row.caller_slot.map(SlotId),
            callee_slot: row.callee_slot.map(SlotId),
            user: row.user_id.map(UserId),
            started_at: WallTime(row.started_at),
            ringing_at: row.ringing_at.map(WallTime),
            answered_at: row.answered_at.map(WallTime),
            ended_at: WallTime(row.ended_at),
            ring_ms: unsigned(TABLE, row.ring_ms)?,
            talk_ms: unsigned(TABLE, row.talk_ms)?,
            outcome: decode(TABLE, &row.outcome)?,
            cause: decode(TABLE, &row.cause)?,
            sip_status: u16::try_from(row.sip_status).map_err(|_| StoreError::Broken { table: TABLE, what: "sip_status".to_owned() })?,
            segments: read_segments(TABLE, &row.segments)?,
            scenario: row.scenario,
            source: row.source,
            carrier: row.carrier_id.map(CarrierId),
            tries: from_json(TABLE, &row.tries)?,
            asked: row.asked.map(|asked| from_json(TABLE, &asked)).transpose()?,
            rung: from_json(TABLE, &row.rung)?,
        })
    }
}
