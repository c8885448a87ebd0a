//! Recordings: every answered call has exactly one row (R15). Written by facts, until a person, or its time, has it erased: from then on no fact
//! changes it.

use std::collections::BTreeMap;

use model::{CallId, CenterId, ChannelRole, RecordingRow, RecordingState, WallTime};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    code::{code, decode, unsigned},
    db::{Tx, binds, statements},
    list::LIST_ROWS_MAX,
    many::{Column, Rows, ids, list, row, rows_32},
};

macro_rules! columns {
    () => {
        "SELECT r.call_id, r.center_id, r.state, r.reason, r.file, r.left_role, r.left_number, r.right_role, r.right_number,
        r.started_at, r.duration_ms, r.size FROM recordings r "
    };
}

macro_rules! insert {
    () => {
        "INSERT INTO recordings
        (call_id, center_id, state, reason, file, left_role, left_number, right_role, right_number, started_at, duration_ms, size) "
    };
}

macro_rules! replace {
    () => {
        " ON CONFLICT (call_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, file = excluded.file,
        left_role = excluded.left_role, left_number = excluded.left_number, right_role = excluded.right_role,
        right_number = excluded.right_number, started_at = excluded.started_at, duration_ms = excluded.duration_ms, size = excluded.size
        WHERE recordings.state <> 'erased'"
    };
}

statements! {
    RECORDING: both concat!(columns!(), "WHERE r.call_id = $1");
    UNFINISHED: both concat!(columns!(), "WHERE r.state = 'recording' ORDER BY r.call_id");
    OF_CALLS: each
        concat!(columns!(), "WHERE r.call_id IN ", ids!(lite)),
        concat!(columns!(), "WHERE r.call_id IN ", ids!(pg));
    PUT: each
        concat!(insert!(), "SELECT * FROM ", rows_32!("(?,?,?,?,?,?,?,?,?,?,?,?)"), " WHERE v.column1 IS NOT NULL", replace!()),
        concat!(insert!(), "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[])", replace!());
    ERASED_AT: both "SELECT erased_at FROM recordings WHERE call_id = $1 AND erased_at IS NOT NULL";
    // The row stays locked until the transaction ends.
    LOCK: both "UPDATE recordings SET held = held WHERE call_id = $1 AND center_id = $2 RETURNING state, held, erased_at";
    ERASE: both "UPDATE recordings SET state = 'erased', reason = NULL, size = 0, erased_at = $2 WHERE call_id = $1";
    HOLD: both "UPDATE recordings SET held = $2 WHERE call_id = $1";
    TO_UNLINK: both "SELECT call_id, file FROM recordings WHERE state = 'erased' AND file IS NOT NULL AND call_id > $1 ORDER BY call_id LIMIT $2";
    UNLINKED: both "UPDATE recordings SET file = NULL WHERE call_id = $1 AND state = 'erased'";
}

/// What stands in the way of erasing a recording, in the transaction that has locked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How far it has come.
    pub state: RecordingState,
    /// Whether it may not be erased.
    pub is_held: bool,
    /// When it was erased.
    pub erased_at: Option<WallTime>,
}

/// The recording of a call of this centre, locked until the transaction ends.
///
/// # Errors
/// As the database's.
pub async fn lock(tx: &mut Tx, center: CenterId, call: CallId) -> Result<Option<Standing>, StoreError> {
    let row: Option<(String, i64, Option<i64>)> = tx.one(LOCK, binds![call, center]).await?;
    row.map(|(state, held, erased_at)| {
        Ok(Standing { state: decode(TABLE, &state)?, is_held: held != 0, erased_at: erased_at.map(WallTime) })
    })
    .transpose()
}

/// Nobody hears it from now on. Its file is still there ([`Store::recordings_to_unlink`]).
///
/// # Errors
/// As the database's.
pub async fn erase(tx: &mut Tx, call: CallId, at: WallTime) -> Result<(), StoreError> {
    tx.run(ERASE, binds![call, at]).await.map(drop)
}

/// Whether it may not be erased.
///
/// # Errors
/// As the database's.
pub async fn hold(tx: &mut Tx, call: CallId, is_held: bool) -> Result<(), StoreError> {
    tx.run(HOLD, binds![call, i64::from(is_held)]).await.map(drop)
}

/// The file of an erased recording is gone.
///
/// # Errors
/// As the database's.
pub async fn unlinked(tx: &mut Tx, call: CallId) -> Result<(), StoreError> {
    tx.run(UNLINKED, binds![call]).await.map(drop)
}

impl Store {
    /// The recording of a call.
    pub async fn recording(&self, call: CallId) -> Result<Option<RecordingRow>, StoreError> {
        self.db.one::<Row>(RECORDING, binds![call]).await?.map(RecordingRow::try_from).transpose()
    }

    /// The recordings of up to [`LIST_ROWS_MAX`] calls, as for a page of records; calls without one are absent.
    pub async fn recordings_of(&self, calls: &[CallId]) -> Result<BTreeMap<CallId, RecordingRow>, StoreError> {
        let most = usize::try_from(LIST_ROWS_MAX).unwrap_or(usize::MAX);
        let rows: Vec<Row> = self.db.all(OF_CALLS, binds![list(calls.iter().take(most).map(|call| call.0))]).await?;
        rows.into_iter().map(|row| RecordingRow::try_from(row).map(|row| (row.call_id, row))).collect()
    }

    /// When the recording of a call was erased; none if it was not, or there is none.
    ///
    /// # Errors
    /// As the database's.
    pub async fn recording_erased_at(&self, call: CallId) -> Result<Option<WallTime>, StoreError> {
        Ok(self.db.one::<(i64,)>(ERASED_AT, binds![call]).await?.map(|(at,)| WallTime(at)))
    }

    /// Files of erased recordings, of calls behind this one: at most `limit`, by call.
    ///
    /// # Errors
    /// As the database's.
    pub async fn recordings_to_unlink(&self, after: CallId, limit: u32) -> Result<Vec<(CallId, String)>, StoreError> {
        let rows: Vec<(i64, String)> = self.db.all(TO_UNLINK, binds![after, i64::from(limit)]).await?;
        Ok(rows.into_iter().map(|(call, file)| (CallId(call), file)).collect())
    }

    /// Recordings that were never closed, oldest first: at start, those that a killed server left behind (FT-2).
    pub async fn unfinished_recordings(&self) -> Result<Vec<RecordingRow>, StoreError> {
        self.db.all::<Row>(UNFINISHED, &[]).await?.into_iter().map(RecordingRow::try_from).collect()
    }
}

/// Writes rows as they are now, at most one a call.
pub(crate) async fn put(tx: &mut Tx, recordings: &[&RecordingRow]) -> Result<(), StoreError> {
    use Column::{Int, Text};
    let mut rows = Rows::new(&[Int, Int, Text, Text, Text, Text, Text, Text, Text, Int, Int, Int]);
    for row in recordings {
        rows.push(row![
            row.call_id,
            row.center,
            code(&row.state),
            &row.reason,
            &row.file,
            &row.left.role,
            &row.left.number,
            &row.right.role,
            &row.right.number,
            row.started_at,
            row.duration_ms,
            row.size,
        ]);
    }
    tx.run_many(PUT, &rows).await.map(drop)
}

const TABLE: &str = "recordings";

#[derive(FromRow)]
struct Row {
    call_id: i64,
    center_id: i64,
    state: String,
    reason: Option<String>,
    file: Option<String>,
    left_role: String,
    left_number: String,
    right_role: String,
    right_number: String,
    started_at: i64,
    duration_ms: i64,
    size: i64,
}

impl TryFrom<Row> for RecordingRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            call_id: CallId(row.call_id),
            center: CenterId(row.center_id),
            state: decode(TABLE, &row.state)?,
            reason: row.reason,
            file: row.file,
            left: ChannelRole { role: row.left_role, number: row.left_number },
            right: ChannelRole { role: row.right_role, number: row.right_number },
            started_at: WallTime(row.started_at),
            duration_ms: unsigned(TABLE, row.duration_ms)?,
            size: unsigned(TABLE, row.size)?,
        })
    }
}
