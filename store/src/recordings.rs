//! Recordings: every answered call has exactly one row (R15). Written by facts only.

use std::collections::BTreeMap;

use model::{CallId, CenterId, ChannelRole, RecordingRow, WallTime};
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
        right_number = excluded.right_number, started_at = excluded.started_at, duration_ms = excluded.duration_ms, size = excluded.size"
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
        const TABLE: &str = "recordings";
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
