//! Recordings: every answered call has exactly one row (R15). Written by facts only.

use std::collections::BTreeMap;

use model::{CallId, CenterId, ChannelRole, RecordingRow, WallTime};
use sqlx::FromRow;

use crate::{
    Store, StoreError,
    code::{code, decode, json, unsigned},
    db::{Tx, binds, statements},
    page::PAGE_ROWS_MAX,
};

macro_rules! columns {
    () => {
        "SELECT r.call_id, r.center_id, r.state, r.reason, r.file, r.left_role, r.left_number, r.right_role, r.right_number,
        r.started_at, r.duration_ms, r.size FROM recordings r "
    };
}

statements! {
    RECORDING: both concat!(columns!(), "WHERE r.call_id = $1");
    UNFINISHED: both concat!(columns!(), "WHERE r.state = 'recording' ORDER BY r.call_id");
    // A list as one value: both engines read a JSON array, but each has its own function for it.
    OF_CALLS: each
        concat!(columns!(), "WHERE r.call_id IN (SELECT value FROM json_each($1))"),
        concat!(columns!(), "WHERE r.call_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)))");
    PUT: both "INSERT INTO recordings
        (call_id, center_id, state, reason, file, left_role, left_number, right_role, right_number, started_at, duration_ms, size)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (call_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, file = excluded.file,
        left_role = excluded.left_role, left_number = excluded.left_number, right_role = excluded.right_role,
        right_number = excluded.right_number, started_at = excluded.started_at, duration_ms = excluded.duration_ms, size = excluded.size";
}

impl Store {
    /// The recording of a call.
    pub async fn recording(&self, call: CallId) -> Result<Option<RecordingRow>, StoreError> {
        self.db.one::<Row>(RECORDING, binds![call]).await?.map(RecordingRow::try_from).transpose()
    }

    /// The recordings of up to [`PAGE_ROWS_MAX`] calls, as for a page of records; calls without one are absent.
    pub async fn recordings_of(&self, calls: &[CallId]) -> Result<BTreeMap<CallId, RecordingRow>, StoreError> {
        let most = usize::try_from(PAGE_ROWS_MAX).unwrap_or(usize::MAX);
        let ids: Vec<i64> = calls.iter().take(most).map(|call| call.0).collect();
        let rows: Vec<Row> = self.db.all(OF_CALLS, binds![json(&ids)]).await?;
        rows.into_iter().map(|row| RecordingRow::try_from(row).map(|row| (row.call_id, row))).collect()
    }

    /// Recordings that were never closed, oldest first: at start, those that a killed server left behind (FT-2).
    pub async fn unfinished_recordings(&self) -> Result<Vec<RecordingRow>, StoreError> {
        self.db.all::<Row>(UNFINISHED, &[]).await?.into_iter().map(RecordingRow::try_from).collect()
    }
}

/// Writes the row as it is now.
pub(crate) async fn put(tx: &mut Tx, row: &RecordingRow) -> Result<(), StoreError> {
    tx.run(
        PUT,
        binds![
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
        ],
    )
    .await
    .map(drop)
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
