//! Recordings that have had their time are erased, as somebody would by hand.

use std::time::Duration;

use model::{Action, Actor, CallId, CenterId, RecordingState, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{binds, recordings, statements};

use super::{erase, unlink};
use crate::{
    Office, OfficeError, can,
    jobs::{JobError, JobKind, NewJob, Next, Step, nothing},
};

/// Recordings that one step erases.
const CHUNK: i64 = 500;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

statements! {
    CENTERS: both "SELECT id FROM centers WHERE id > $1 ORDER BY id LIMIT 1";
    // Those that are held stay in front of the others; there are not many.
    OLD: both "SELECT call_id FROM recordings WHERE center_id = $1 AND state IN ('complete', 'partial') AND held = 0 AND started_at < $2
        ORDER BY started_at LIMIT $3";
}

/// Erases what is older than each centre keeps, every night.
#[derive(Debug, Clone, Copy, Default)]
pub struct Retain;

#[derive(Default, Serialize, Deserialize)]
struct Checkpoint {
    /// The centre that is done.
    center: i64,
    erased: u64,
}

impl JobKind for Retain {
    fn name(&self) -> &'static str {
        "recordings.retain"
    }

    fn schedulable(&self) -> Option<Action> {
        Some(can::SYSTEM_CONFIGURE)
    }

    fn comes_with(&self) -> Option<&'static str> {
        Some("20 3 * * *")
    }

    fn check(&self, payload: &Value) -> Result<(), String> {
        nothing(payload)
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let mut at: Checkpoint = step.checkpoint()?.unwrap_or_default();
        let (office, now) = (step.office(), step.now());
        let next: Option<(i64,)> = office.store().db().one(CENTERS, binds![at.center]).await?;
        let Some((center,)) = next else {
            if at.erased > 0 {
                unlink_soon(office, step, now).await?;
            }
            return Ok(Next::Done);
        };
        let erased = match kept(office, CenterId(center)).await? {
            Some(days) => chunk(office, step, CenterId(center), before(now, days), now).await?,
            None => 0,
        };
        at.erased += erased;
        // A full chunk may have left more behind.
        if erased < CHUNK.unsigned_abs() {
            at.center = center;
        }
        step.progress(i64::try_from(at.erased).unwrap_or(i64::MAX), None);
        step.result(&json!({"erased": at.erased}));
        step.save(&at);
        Ok(Next::Again)
    }
}

/// For how many days a centre keeps recordings; none: for ever.
async fn kept(office: &Office, center: CenterId) -> Result<Option<u32>, JobError> {
    Ok(office.center(center).await?.and_then(|center| center.settings.retention.recordings_days))
}

async fn chunk<'a>(office: &'a Office, step: &mut Step<'a>, center: CenterId, old: WallTime, now: WallTime) -> Result<u64, JobError> {
    let found: Vec<(i64,)> = office.store().db().all(OLD, binds![center, old, CHUNK]).await?;
    let tx = step.tx().await?;
    // All of them before anything is told: whoever writes facts takes recordings before the outbox, too.
    let mut locked = Vec::with_capacity(found.len());
    for (call,) in found {
        let standing = recordings::lock(tx, center, CallId(call)).await?;
        // Somebody may have held or erased it just now.
        let old = standing.filter(|it| !it.is_held && matches!(it.state, RecordingState::Complete | RecordingState::Partial));
        locked.extend(old.map(|standing| (CallId(call), standing.state)));
    }
    for (call, state) in &locked {
        let (news, entry) = erase(step.tx().await?, (*call, center), *state, now).await?;
        step.audit(&Actor::system(center, "retention"), entry);
        step.after_commit(move || office.rows_changed(vec![news]));
    }
    Ok(u64::try_from(locked.len()).unwrap_or(0))
}

/// Has the files unlinked; if there is no place for the job now, the one of the night does it.
async fn unlink_soon<'a>(office: &'a Office, step: &mut Step<'a>, now: WallTime) -> Result<(), JobError> {
    let job = NewJob::new(unlink::KIND, step.job().center, json!({}));
    match office.enqueue(step.tx().await?, now, job).await {
        Ok(_) => step.after_commit(|| office.wake_jobs()),
        Err(OfficeError::Conflict(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn before(now: WallTime, days: u32) -> WallTime {
    let kept = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX).saturating_mul(days.into());
    WallTime(now.0.saturating_sub(kept))
}
