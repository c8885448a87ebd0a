//! Recordings are erased, and held against that.
//!
//! ```text
//!   complete, partial ──erase──▶ erased, its file is to be unlinked ──job──▶ erased, without a file
//!        ▲    │
//!        └held┘
//! ```
//!
//! Nobody hears a recording from the transaction on that erases it; its file goes behind that, so a crash in between leaves a file that is
//! still to be unlinked, and never a row that promises sound.

mod retain;
#[cfg(test)]
mod tests;
mod unlink;

use std::collections::BTreeSet;

use model::{CallId, CenterId, Gate, ListKind, RecordingState, RowNews, UserId, WallTime};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{
    Statement,
    audit::{self, Diff, Entry},
    binds, recordings,
    sql::{News, Tx, tell},
    statements, why,
};

pub use retain::Retain;
pub use unlink::{Files, Unlink};

use crate::{Conflict, Office, OfficeError, Permit, RECORDINGS, can, jobs::NewJob};

/// That a recording was erased, over Socket.IO and to webhooks.
pub const ERASED: &str = "recording.erased";

statements! {
    CALL: both "SELECT scenario, caller_slot, callee_slot FROM calls WHERE call_id = $1";
    // Who placed or served it, or has the lead that it is of; not at whose phone it only rang.
    USERS: both concat!("SELECT user_id FROM call_users WHERE call_id = $1 AND why & ", why!(had), " <> 0");
}

/// Every SQL text of recordings.
pub(crate) const ALL_STATEMENTS: &[&[Statement]] = &[STATEMENTS, retain::STATEMENTS];

impl Office {
    /// Erases the recording of a call, for ever. Gives when that was done.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call that the person does not reach or that has no recording, [`Conflict::State`] while it grows,
    /// [`Conflict::Held`], [`Conflict::Erased`].
    pub async fn erase_recording(&self, permit: &Permit, call: CallId, now: WallTime) -> Result<WallTime, OfficeError> {
        permit.must_be(can::RECORDINGS_DELETE)?;
        let center = self.call(permit, call).await?.ok_or(OfficeError::NotFound("call"))?.center;
        let mut tx = self.store().db().begin().await?;
        let erased = self.erase_by_hand(&mut tx, permit, (call, center), now).await;
        let news = crate::finish(tx, erased).await?;
        self.wake_jobs();
        self.rows_changed(vec![news]);
        Ok(now)
    }

    async fn erase_by_hand(
        &self,
        tx: &mut Tx,
        permit: &Permit,
        (call, center): (CallId, CenterId),
        now: WallTime,
    ) -> Result<RowNews, OfficeError> {
        let before = must_be_there(tx, center, call).await?;
        match before.state {
            RecordingState::Complete | RecordingState::Partial if before.is_held => return Err(OfficeError::Conflict(Conflict::Held)),
            RecordingState::Complete | RecordingState::Partial => {}
            _ => return Err(OfficeError::Conflict(Conflict::State("the recording still grows: wait for the call's end".to_owned()))),
        }
        let (news, entry) = erase(tx, (call, center), before.state, now).await?;
        match self.enqueue(tx, now, NewJob::new(unlink::KIND, center, json!({}))).await {
            // So many jobs wait that this one finds no place: the one of the night does its work.
            Ok(_) | Err(OfficeError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        audit::append(tx, now, permit.actor(), &[entry]).await?;
        Ok(news)
    }

    /// Has the recording of a call held, so that it is not erased, or lets it go.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call that the person does not reach or that has no recording, [`Conflict::Erased`].
    pub async fn hold_recording(&self, permit: &Permit, call: CallId, is_held: bool, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::RECORDINGS_HOLD)?;
        let center = self.call(permit, call).await?.ok_or(OfficeError::NotFound("call"))?.center;
        let mut tx = self.store().db().begin().await?;
        let held = hold(&mut tx, permit, (call, center), is_held, now).await;
        crate::finish(tx, held).await
    }

    /// When the recording of a call was erased. Whether the person may know of the call is for the caller to have asked ([`Office::call`]).
    ///
    /// # Errors
    /// As the database's.
    pub async fn recording_erased_at(&self, call: CallId) -> Result<Option<WallTime>, OfficeError> {
        Ok(self.store().recording_erased_at(call).await?)
    }
}

async fn hold(tx: &mut Tx, permit: &Permit, (call, center): (CallId, CenterId), is_held: bool, now: WallTime) -> Result<(), OfficeError> {
    let before = must_be_there(tx, center, call).await?;
    if before.is_held != is_held {
        recordings::hold(tx, call, is_held).await?;
        let diff = Diff::none().and("held", before.is_held, is_held);
        audit::append(tx, now, permit.actor(), &[Entry::change(permit.action().0, RECORDINGS.name, call, diff)]).await?;
    }
    Ok(())
}

/// The recording of a call, locked: one that there is to hear, or soon will be.
async fn must_be_there(tx: &mut Tx, center: CenterId, call: CallId) -> Result<recordings::Standing, OfficeError> {
    let standing = recordings::lock(tx, center, call).await?.ok_or(OfficeError::NotFound("recording"))?;
    match (standing.state, standing.erased_at) {
        (RecordingState::Erased, at) => Err(OfficeError::Conflict(Conflict::Erased { at: at.unwrap_or_default() })),
        (RecordingState::Failed | RecordingState::NotWanted, _) => Err(OfficeError::NotFound("recording")),
        _ => Ok(standing),
    }
}

#[derive(FromRow)]
struct CallRow {
    scenario: Option<String>,
    caller_slot: Option<i64>,
    callee_slot: Option<i64>,
}

/// Erases a recording that is locked and may be erased. Gives what to tell once that is committed, and what the audit log is to say.
async fn erase(
    tx: &mut Tx,
    (call, center): (CallId, CenterId),
    before: RecordingState,
    now: WallTime,
) -> Result<(RowNews, Entry), OfficeError> {
    recordings::erase(tx, call, now).await?;
    let row: Option<CallRow> = tx.one(CALL, binds![call]).await?;
    let users: Vec<(i64,)> = tx.all(USERS, binds![call]).await?;
    let users: BTreeSet<UserId> = users.into_iter().map(|(user,)| UserId(user)).collect();
    let lists = row.into_iter().flat_map(|row| {
        let slots = [row.caller_slot, row.callee_slot].into_iter().flatten().map(|slot| (ListKind::Slot, slot.to_string()));
        row.scenario.map(|scenario| (ListKind::Scenario, scenario)).into_iter().chain(slots)
    });
    let picture = json!({"call_id": call, "state": RecordingState::Erased, "erased_at": now});
    let told = json!({"call_id": call, "center": center, "state": RecordingState::Erased, "erased_at": now});
    tell(tx, News::new(center, "recording.erased", &told, now)).await?;
    let news = RowNews {
        kind: ERASED,
        resource: RECORDINGS.name,
        id: call.to_string(),
        center,
        gates: vec![Gate { action: can::RECORDINGS_LISTEN, users, lists: lists.collect() }],
        row: if let Value::Object(row) = picture { Some(row) } else { Some(Map::new()) },
    };
    let diff = Diff::none().and("state", json!(before), json!(RecordingState::Erased));
    Ok((news, Entry::change(can::RECORDINGS_DELETE.0, RECORDINGS.name, call, diff)))
}
