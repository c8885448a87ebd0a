//! Call detail records: one immutable row a call.

use model::{CallId, Cdr, CenterId, SlotId, UserId, WallTime};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    code::{code, decode, read_segments, segments, unsigned},
    db::{Tx, binds, statements},
    page::{Count, Keyed, Listed, Lists, Page},
};

macro_rules! columns {
    () => {
        "SELECT c.call_id, c.center_id, c.parent_id, c.direction, c.caller, c.callee, c.caller_slot, c.callee_slot, c.user_id,
        c.started_at, c.ringing_at, c.answered_at, c.ended_at, c.ring_ms, c.talk_ms, c.outcome, c.cause, c.sip_status, c.segments,
        c.scenario, c.source "
    };
}

statements! {
    CDR: both concat!(columns!(), "FROM cdrs c WHERE c.call_id = $1");
    OLDER: both concat!(columns!(), "FROM cdrs c
        WHERE c.center_id = $1 AND c.call_id < $2 AND c.started_at >= $3 AND c.started_at < $4 ORDER BY c.call_id DESC LIMIT $5");
    NEWER: both concat!(columns!(), "FROM cdrs c
        WHERE c.center_id = $1 AND c.call_id > $2 AND c.started_at >= $3 AND c.started_at < $4 ORDER BY c.call_id LIMIT $5");
    OLDER_OF_USER: both concat!(columns!(), "FROM call_users u JOIN cdrs c ON c.call_id = u.call_id
        WHERE u.user_id = $6 AND c.center_id = $1 AND u.call_id < $2 AND c.started_at >= $3 AND c.started_at < $4
        ORDER BY u.call_id DESC LIMIT $5");
    NEWER_OF_USER: both concat!(columns!(), "FROM call_users u JOIN cdrs c ON c.call_id = u.call_id
        WHERE u.user_id = $6 AND c.center_id = $1 AND u.call_id > $2 AND c.started_at >= $3 AND c.started_at < $4
        ORDER BY u.call_id LIMIT $5");
    COUNT: both "SELECT count(*) FROM (SELECT 1 FROM cdrs c
        WHERE c.center_id = $1 AND c.started_at >= $2 AND c.started_at < $3 LIMIT $4) AS rows_seen";
    COUNT_OF_USER: both "SELECT count(*) FROM (SELECT 1 FROM call_users u JOIN cdrs c ON c.call_id = u.call_id
        WHERE u.user_id = $5 AND c.center_id = $1 AND c.started_at >= $2 AND c.started_at < $3 LIMIT $4) AS rows_seen";
    INSERT: both "INSERT INTO cdrs
        (call_id, center_id, parent_id, direction, caller, callee, caller_slot, callee_slot, user_id, started_at, ringing_at, answered_at,
        ended_at, ring_ms, talk_ms, outcome, cause, sip_status, segments, scenario, source)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
        ON CONFLICT (call_id) DO NOTHING";
}

const LISTS: Lists = Lists {
    older: OLDER,
    newer: NEWER,
    older_of_user: OLDER_OF_USER,
    newer_of_user: NEWER_OF_USER,
    count: COUNT,
    count_of_user: COUNT_OF_USER,
};

impl Store {
    /// The record of a call; none while it lasts.
    pub async fn cdr(&self, call: CallId) -> Result<Option<Cdr>, StoreError> {
        self.db.one::<Row>(CDR, binds![call]).await?.map(Cdr::try_from).transpose()
    }

    /// A page of records, newest first. Keys are call ids.
    pub async fn cdrs(&self, page: &Page) -> Result<Listed<Cdr>, StoreError> {
        page.list::<Row, Cdr>(&self.db, LISTS).await
    }

    /// How many records the lists of `page` hold.
    pub async fn cdrs_count(&self, page: &Page) -> Result<Count, StoreError> {
        page.count(&self.db, LISTS).await
    }
}

/// Writes a record. Says whether it is new: the first record of a call stays.
pub(crate) async fn insert(tx: &mut Tx, cdr: &Cdr) -> Result<bool, StoreError> {
    let rows = tx
        .run(
            INSERT,
            binds![
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
            ],
        )
        .await?;
    Ok(rows > 0)
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
}

impl Keyed for Row {
    fn key(&self) -> i64 {
        self.call_id
    }
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
        })
    }
}
