//! Calls from the world that nobody answered, until somebody has called back (S004-130).
//!
//! ```text
//!            ┌── an answered call to or from the number ──▶ returned
//!   open ────┤
//!            └── dismiss ──▶ dismissed
//! ```
//!
//! Whoever is about to call back claims the call, so that two do not call the same person. A claim is a word among colleagues: it ends by itself.
//! A call is theirs at whose slot it rang, as the call itself is; numbers are seen as those of callers.

use std::{collections::BTreeSet, time::Duration};

use model::{CallId, CenterId, Column, ColumnKind, Gate, ListKind, Mask, Resource, RowNews, UserId, WallTime};
use office::{
    Conflict, OfficeError, Permit,
    bulk::{BulkAction, BulkDone, BulkRow},
    can,
    jobs::{JobError, Step},
};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Diff, Entry},
    binds,
    catalogue::USERS_OF_CALLS,
    sql::Tx,
    statements,
};

use crate::Crm;

/// How long a claim holds if nothing comes of it.
pub const CLAIM: Duration = Duration::from_secs(10 * 60);

const STATES: &[&str] = &["open", "returned", "dismissed"];

statements! {
    // What a call is known by already stays: a record that is read twice is stored once.
    INSERT: both "INSERT INTO missed_calls (call_id, center_id, number, scenario, slot_id, at, state, done_at, returned_call_id, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) ON CONFLICT (call_id) DO NOTHING
        RETURNING call_id, center_id, number, scenario, slot_id, at, state, claimed_by, claimed_at, done_by, done_at, returned_call_id, version";
    // A call that began later and has ended before this one did.
    OVERTAKEN: both "SELECT min(call_id) FROM (SELECT call_id FROM cdrs WHERE center_id = $1 AND caller = $2 AND call_id > $3
            AND outcome = 'answered' AND direction = 'inbound'
        UNION ALL SELECT call_id FROM cdrs WHERE center_id = $1 AND callee = $2 AND call_id > $3
            AND outcome = 'answered' AND direction = 'outbound') AS later";
    RETURN: both "UPDATE missed_calls SET state = 'returned', returned_call_id = $3, done_at = $4, version = version + 1
        WHERE center_id = $1 AND number = $2 AND state = 'open' AND call_id < $3
        RETURNING call_id, center_id, number, scenario, slot_id, at, state, claimed_by, claimed_at, done_by, done_at, returned_call_id, version";
    // Locked until the transaction ends.
    LOCK: both "UPDATE missed_calls SET version = version WHERE call_id = $1 AND center_id = $2
        RETURNING call_id, center_id, number, scenario, slot_id, at, state, claimed_by, claimed_at, done_by, done_at, returned_call_id, version";
    CHANGE: both "UPDATE missed_calls SET state = $2, claimed_by = $3, claimed_at = $4, done_by = $5, done_at = $6, version = version + 1
        WHERE call_id = $1";
    USERS: both "SELECT user_id FROM call_users WHERE call_id = $1";
}

/// Missed calls.
pub static MISSED_CALLS: Resource = Resource {
    name: "missed_calls",
    from: "missed_calls t",
    key: "call_id",
    center: "t.center_id",
    owner: USERS_OF_CALLS,
    lists: &[(ListKind::Scenario, "t.scenario"), (ListKind::Slot, "CAST(t.slot_id AS TEXT)")],
    search: "",
    order: "-at",
    read: can::CALLS_READ,
    export: None,
    columns: &[
        Column::new("call_id", "t.call_id", ColumnKind::Call, "The call.").filtered(),
        Column::new("number", "t.number", ColumnKind::Text, "Who called.").filtered().masked(Mask::Phone).like(&["caller"]),
        Column::new("scenario", "t.scenario", ColumnKind::Text, "The call-handling scenario.").nullable().filtered(),
        Column::new("slot", "t.slot_id", ColumnKind::Id, "The slot at which it rang, the first of several.")
            .nullable()
            .filtered()
            .like(&["callee_slot"]),
        Column::new("at", "t.at", ColumnKind::Time, "When it began.").filtered().sorted_by("t.call_id").like(&["started_at"]),
        Column::new("state", "t.state", ColumnKind::Code(STATES), "Whether somebody is to call back.").filtered(),
        Column::new("claimed_by", "t.claimed_by", ColumnKind::Id, "Who is about to call back; it holds for ten minutes.")
            .nullable()
            .filtered(),
        Column::new("claimed_at", "t.claimed_at", ColumnKind::Time, "Since when.").nullable(),
        Column::new("done_by", "t.done_by", ColumnKind::Id, "Who has put it away; absent if a call has.").nullable().filtered(),
        Column::new("done_at", "t.done_at", ColumnKind::Time, "When it was returned or put away.").nullable().filtered(),
        Column::new("returned_call_id", "t.returned_call_id", ColumnKind::Call, "The answered call with that number that came of it.")
            .nullable(),
        Column::new("version", "t.version", ColumnKind::Int, "Grows with each change."),
    ],
};

/// A missed call.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct MissedRow {
    call_id: i64,
    center_id: i64,
    number: String,
    scenario: Option<String>,
    slot_id: Option<i64>,
    at: i64,
    state: String,
    claimed_by: Option<i64>,
    claimed_at: Option<i64>,
    done_by: Option<i64>,
    done_at: Option<i64>,
    returned_call_id: Option<i64>,
    version: i64,
}

/// What people do about a missed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// They are about to call back.
    Claim,
    /// Nobody is to call back.
    Dismiss,
}

impl Crm {
    /// Claims a missed call, or puts it away. `start` is leave to start calls: whoever may not call has nothing to call back; `read` is leave to
    /// read calls, which has to reach it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`]; [`Conflict::State`] if it is done with, or somebody else has claimed it within [`CLAIM`].
    pub async fn act_on_missed(&self, (start, read): (&Permit, &Permit), call: CallId, act: Act, now: WallTime) -> Result<(), OfficeError> {
        start.must_be(can::CALLS_START)?;
        read.must_be(can::CALLS_READ)?;
        let mut tx = self.store().db().begin().await?;
        let done = match act_on(&mut tx, read, call, act, now).await {
            Ok(Some((news, entry))) => audit::append(&mut tx, now, start.actor(), &[entry]).await.map(|()| Some(news)).map_err(Into::into),
            Ok(None) => Ok(None),
            Err(failed) => Err(failed),
        };
        let news = office::finish(tx, done).await?;
        self.office().rows_changed(news.into_iter().collect());
        Ok(())
    }
}

async fn act_on(tx: &mut Tx, read: &Permit, call: CallId, act: Act, now: WallTime) -> Result<Option<(RowNews, Entry)>, OfficeError> {
    let center = read.rows().center;
    let mut row: MissedRow = tx.one(LOCK, binds![call, center]).await?.ok_or(OfficeError::NotFound("missed_calls"))?;
    let users = users(tx, call).await?;
    let stands_in = |kind, ids: &BTreeSet<String>| row.lists().iter().any(|(of, id)| *of == kind && ids.contains(id));
    if !read.rows().admits(center, &users, stands_in) {
        return Err(OfficeError::NotFound("missed_calls"));
    }
    let me = read.principal().user().0;
    let is_held = row.claimed_by.is_some_and(|by| by != me) && row.claimed_at.is_some_and(|at| now < WallTime(at).after(CLAIM));
    let diff = match (row.state.as_str(), act) {
        ("dismissed", Act::Dismiss) => return Ok(None),
        ("open", Act::Claim) if is_held => {
            return Err(OfficeError::Conflict(Conflict::State("somebody else is about to call back".to_owned())));
        }
        ("open", Act::Claim) => {
            let before = row.claimed_by.replace(me).map(|user| user.to_string());
            row.claimed_at = Some(now.0);
            Diff::none().and("claimed_by", before, me.to_string())
        }
        ("open", Act::Dismiss) => {
            (row.done_by, row.done_at) = (Some(me), Some(now.0));
            let before = std::mem::replace(&mut row.state, "dismissed".to_owned());
            Diff::none().and("state", before, row.state.as_str())
        }
        (state, _) => return Err(OfficeError::Conflict(Conflict::State(format!("it is {state} already")))),
    };
    tx.run(CHANGE, binds![call, &row.state, row.claimed_by, row.claimed_at, row.done_by, row.done_at]).await?;
    row.version += 1;
    Ok(Some((row.news(users), Entry::change(can::CALLS_START.0, MISSED_CALLS.name, call, diff))))
}

/// Who has the call among their own.
async fn users(tx: &mut Tx, call: CallId) -> Result<BTreeSet<UserId>, StoreError> {
    let users: Vec<(i64,)> = tx.all(USERS, binds![call]).await?;
    Ok(users.into_iter().map(|(user,)| UserId(user)).collect())
}

/// A call that came in and was not answered.
#[derive(Debug)]
pub(crate) struct Missed<'a> {
    pub(crate) call: CallId,
    pub(crate) center: CenterId,
    pub(crate) number: &'a str,
    pub(crate) scenario: Option<&'a str>,
    pub(crate) slot: Option<i64>,
    pub(crate) at: WallTime,
}

/// Writes a missed call down; gives what is to be told. Doing it again changes nothing.
pub(crate) async fn missed(tx: &mut Tx, missed: &Missed<'_>, now: WallTime) -> Result<Option<RowNews>, StoreError> {
    let Missed { call, center, number, scenario, slot, at } = *missed;
    let later: Option<(Option<i64>,)> = tx.one(OVERTAKEN, binds![center, number, call]).await?;
    let later = later.and_then(|(later,)| later);
    let (state, done_at) = if later.is_some() { ("returned", Some(now)) } else { ("open", None) };
    let row: Option<MissedRow> = tx.one(INSERT, binds![call, center, number, scenario, slot, at, state, done_at, later]).await?;
    match row {
        Some(row) => Ok(Some(row.news(users(tx, call).await?))),
        None => Ok(None),
    }
}

/// People have spoken with a number: whatever of it was missed before is returned. Gives what is to be told.
pub(crate) async fn returned(
    tx: &mut Tx,
    (center, number): (CenterId, &str),
    by: CallId,
    at: WallTime,
) -> Result<Vec<RowNews>, StoreError> {
    let rows: Vec<MissedRow> = tx.all(RETURN, binds![center, number, by, at]).await?;
    let mut news = Vec::with_capacity(rows.len());
    for row in rows {
        let users = users(tx, CallId(row.call_id)).await?;
        news.push(row.news(users));
    }
    Ok(news)
}

impl MissedRow {
    fn lists(&self) -> Vec<(ListKind, String)> {
        let slot = self.slot_id.map(|slot| (ListKind::Slot, slot.to_string()));
        self.scenario.clone().map(|scenario| (ListKind::Scenario, scenario)).into_iter().chain(slot).collect()
    }

    fn news(&self, users: BTreeSet<UserId>) -> RowNews {
        let gates = vec![Gate { action: can::CALLS_READ, users, lists: self.lists() }];
        let id = CallId(self.call_id).to_string();
        RowNews { kind: "missed.update", resource: MISSED_CALLS.name, id, center: CenterId(self.center_id), gates, row: Some(self.row()) }
    }

    /// As it stands in the list.
    fn row(&self) -> Map<String, Value> {
        let id = |id: Option<i64>| id.map(|id| id.to_string());
        let value = json!({
            "call_id": CallId(self.call_id),
            "number": self.number,
            "scenario": self.scenario,
            "slot": id(self.slot_id),
            "at": self.at,
            "state": self.state,
            "claimed_by": id(self.claimed_by),
            "claimed_at": self.claimed_at,
            "done_by": id(self.done_by),
            "done_at": self.done_at,
            "returned_call_id": self.returned_call_id.map(CallId),
            "version": self.version,
        });
        if let Value::Object(row) = value { row } else { Map::new() }
    }
}

/// Puts many missed calls away.
pub struct DismissMissed;

impl BulkAction for DismissMissed {
    fn resource(&self) -> &'static Resource {
        &MISSED_CALLS
    }

    fn name(&self) -> &'static str {
        "dismiss"
    }

    fn right(&self) -> model::Action {
        can::CALLS_READ
    }

    async fn change(&self, row: &BulkRow<'_>, step: &mut Step<'_>) -> Result<BulkDone, OfficeError> {
        if row.permit.principal().permit(can::CALLS_START).is_none() {
            return Err(OfficeError::NotPermitted(can::CALLS_START.0));
        }
        let tx = step.tx().await.map_err(away)?;
        let Some((news, entry)) = act_on(tx, row.permit, CallId(row.key), Act::Dismiss, row.now).await? else {
            return Ok(BulkDone::Skipped("it is put away already"));
        };
        step.audit(row.permit.actor(), entry);
        let office = step.office();
        step.after_commit(move || office.rows_changed(vec![news]));
        Ok(BulkDone::Changed)
    }
}

fn away(error: JobError) -> OfficeError {
    OfficeError::Store(StoreError::Unavailable(Box::new(error)))
}
