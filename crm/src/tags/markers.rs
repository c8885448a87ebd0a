//! Markers on calls: words at a moment of the recording, of whoever hears it.

use model::{CallId, RecordingState, UserId, WallTime};
use office::{CALLS, Conflict, Fault, OfficeError, Permit, can::RECORDINGS_LISTEN};
use sqlx::FromRow;
use store::{
    audit::{self, Diff, Entry},
    binds,
    sql::draw,
    statements,
};

use crate::{Crm, can, line::line};

/// Markers of one call; more are refused.
pub const MARKERS_MAX: usize = 200;
/// The most characters of a marker.
pub const MARKER_CHARS_MAX: usize = 500;

/// A marker to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewMarker {
    /// Where in the recording, in milliseconds: within it.
    pub at_ms: i64,
    /// What there is to say: 1 to [`MARKER_CHARS_MAX`] characters of one line.
    pub text: String,
}

/// A marker of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Its number.
    pub id: i64,
    /// Where in the recording, in milliseconds.
    pub at_ms: i64,
    /// What there is to say.
    pub text: String,
    /// Who made it.
    pub created_by: UserId,
    /// Their name, as others see it.
    pub created_by_name: Option<String>,
    /// When.
    pub created_at: WallTime,
}

statements! {
    OF_CALL: both "SELECT m.id, m.at_ms, m.text, m.created_by, u.display_name AS created_by_name, m.created_at FROM call_markers m
        LEFT JOIN users u ON u.id = m.created_by WHERE m.call_id = $1 ORDER BY m.at_ms, m.id";
    COUNT: both "SELECT count(*) FROM call_markers WHERE call_id = $1";
    ADD: both "INSERT INTO call_markers (id, center_id, call_id, at_ms, text, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    WHOSE: both "SELECT created_by FROM call_markers WHERE id = $1 AND call_id = $2";
    REMOVE: both "DELETE FROM call_markers WHERE id = $1";
}

#[derive(FromRow)]
struct Row {
    id: i64,
    at_ms: i64,
    text: String,
    created_by: i64,
    created_by_name: Option<String>,
    created_at: i64,
}

impl From<Row> for Marker {
    fn from(row: Row) -> Self {
        let Row { id, at_ms, text, created_by, created_by_name, created_at } = row;
        Self { id, at_ms, text, created_by: UserId(created_by), created_by_name, created_at: WallTime(created_at) }
    }
}

impl Crm {
    /// The markers of a call, in the order of the recording, by leave to hear it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call that the person may not hear.
    pub async fn markers_of_call(&self, permit: &Permit, call: CallId) -> Result<Vec<Marker>, OfficeError> {
        self.call_to_hear(permit, call).await?;
        let rows: Vec<Row> = self.store().db().all(OF_CALL, binds![call]).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Puts a marker on a call, by leave to hear it; gives its number.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call that the person may not hear, and where there is nothing to be heard; [`OfficeError::Invalid`];
    /// [`Conflict::State`] if the call has [`MARKERS_MAX`].
    pub async fn mark_call(&self, permit: &Permit, call: CallId, new: &NewMarker, now: WallTime) -> Result<i64, OfficeError> {
        self.call_to_hear(permit, call).await?;
        let recording = self.office().recording(permit, call).await?.filter(|recording| recording.file.is_some());
        // The file of one that was erased is unlinked only later.
        let is_there = |state| matches!(state, RecordingState::Recording | RecordingState::Complete | RecordingState::Partial);
        let recording = recording.filter(|recording| is_there(recording.state));
        let recording = recording.ok_or(OfficeError::NotFound("recording"))?;
        // One that grows is as long as the call has lasted.
        let duration = match recording.state {
            RecordingState::Recording => now.0.saturating_sub(recording.started_at.0),
            _ => i64::try_from(recording.duration_ms).unwrap_or(i64::MAX),
        };
        let mut faults = Vec::new();
        if !(0..=duration).contains(&new.at_ms) {
            faults.push(Fault::invalid("at_ms", "a marker stands within the recording"));
        }
        let text = line("text", &new.text, MARKER_CHARS_MAX, &mut faults);
        if text.is_none() && faults.iter().all(|fault| fault.field != "text") {
            faults.push(Fault::invalid("text", "a marker says something"));
        }
        let Some(text) = text.filter(|_| faults.is_empty()) else { return Err(OfficeError::Invalid(faults)) };
        let center = permit.rows().center;
        let mut tx = self.store().db().begin().await?;
        let made = async {
            // Others who make markers wait here, so that the count holds.
            let id = draw(&mut tx, "call_marker", 1).await?;
            let (count,): (i64,) = tx.one(COUNT, binds![call]).await?.unwrap_or_default();
            if usize::try_from(count).is_ok_and(|count| count >= MARKERS_MAX) {
                let why = format!("a call has at most {MARKERS_MAX} markers: delete one first");
                return Err(OfficeError::Conflict(Conflict::State(why)));
            }
            tx.run(ADD, binds![id, center, call, new.at_ms, &text, permit.principal().user(), now]).await?;
            audit::append(&mut tx, now, permit.actor(), &[Entry::change("calls.mark", CALLS.name, call, Diff::none())]).await?;
            Ok(id)
        }
        .await;
        office::finish(tx, made).await
    }

    /// Takes a marker off a call, by leave to hear it: one's own, or with the right to manage tags anybody's.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] for a call that the person may not hear, or a marker that it does not have; [`OfficeError::Forbidden`] for
    /// another's.
    pub async fn unmark_call(&self, permit: &Permit, call: CallId, marker: i64, now: WallTime) -> Result<(), OfficeError> {
        self.call_to_hear(permit, call).await?;
        let may_all = permit.principal().permit(can::TAGS_MANAGE).is_some();
        let mut tx = self.store().db().begin().await?;
        let done = async {
            let whose: Option<(i64,)> = tx.one(WHOSE, binds![marker, call]).await?;
            let (whose,) = whose.ok_or(OfficeError::NotFound("marker"))?;
            if !may_all && whose != permit.principal().user().0 {
                return Err(OfficeError::Forbidden(format!("to take off another's marker takes the right {}", can::TAGS_MANAGE)));
            }
            tx.run(REMOVE, binds![marker]).await?;
            audit::append(&mut tx, now, permit.actor(), &[Entry::change("calls.unmark", CALLS.name, call, Diff::none())]).await?;
            Ok(())
        }
        .await;
        office::finish(tx, done).await
    }

    /// A call that the person may hear.
    async fn call_to_hear(&self, permit: &Permit, call: CallId) -> Result<(), OfficeError> {
        permit.must_be(RECORDINGS_LISTEN)?;
        self.office().call(permit, call).await?.map(drop).ok_or(OfficeError::NotFound("call"))
    }
}
