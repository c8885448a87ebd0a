//! Work that outlives a request: jobs with a lease, a checkpoint and an end, and schedules that make them.
//!
//! Whoever makes a job writes it in the transaction of what it is for ([`Office::enqueue`]). A [`Runner`] does it, step by step, and a step's
//! work, its checkpoint and its progress are one transaction: after a crash a job goes on exactly where the last one ended.

mod cleanup;
pub mod cron;
mod kind;
mod runner;
mod schedules;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::{CenterId, Column, ColumnKind, Owner, Resource, UserId, WallTime};
use serde_json::Value;
use sqlx::FromRow;
use store::{
    Statement,
    audit::{self, Diff, Entry},
    binds,
    sql::{Tx, draw},
    statements,
};
use tokio::sync::{Notify, broadcast};

pub use cleanup::{Cleanup, Kept};
pub use kind::{ATTEMPTS_MAX, End, JobError, JobKind, Kinds, Next};
pub use runner::{Runner, RunnerOptions, SLICE};
pub use schedules::{NewSchedule, SCHEDULES, Schedule};
pub use step::{Clock, Job, Step};

pub(crate) use kind::reason;

use crate::{Conflict, Office, OfficeError, Permit, can};

/// How long a job is its runner's without a word of it.
pub const LEASE: std::time::Duration = std::time::Duration::from_secs(30);
/// The most jobs of a centre that wait or run at once.
const OPEN_MAX: i64 = 1000;
/// The most octets of a job's payload.
const PAYLOAD_OCTETS_MAX: usize = 64 * 1024;
/// News of jobs that wait for a listener; a slower one misses the oldest.
const NEWS_MAX: usize = 256;

/// Jobs, as people see them.
pub static JOBS: Resource = Resource {
    name: "jobs",
    from: "jobs t",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.created_by"),
    lists: &[],
    search: "",
    order: "-id",
    read: can::JOBS_READ,
    export: Some(can::JOBS_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The job's number.").filtered().sorted(),
        Column::new("kind", "t.kind", ColumnKind::Text, "What it does, such as `exports.run`.").filtered(),
        Column::new("state", "t.state", ColumnKind::Code(STATES), "Where it stands.").filtered(),
        Column::new("done", "t.done", ColumnKind::Int, "How much of it is done."),
        Column::new("total", "t.total", ColumnKind::Int, "How much there is to do; absent if that is not known.").nullable(),
        Column::new("cancel_requested", "t.cancel_requested", ColumnKind::Bool, "Whether somebody has asked for its end.").filtered(),
        Column::new("result", "t.result", ColumnKind::Json, "What has come of it so far.").nullable(),
        Column::new("error", "t.error", ColumnKind::Text, "Why it failed, or why it waits to be tried again.").nullable(),
        Column::new("attempts", "t.attempts", ColumnKind::Int, "How often in a row it has failed since it last got on."),
        Column::new("attempts_max", "t.attempts_max", ColumnKind::Int, "How often it may."),
        Column::new("schedule_id", "t.schedule_id", ColumnKind::Id, "The schedule that made it.").nullable().filtered(),
        Column::new("run_at", "t.run_at", ColumnKind::Time, "When it is to begin, or to go on."),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "When it was made.").filtered(),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "Who had it made; absent for the program itself.").nullable().filtered(),
        Column::new("started_at", "t.started_at", ColumnKind::Time, "When it began.").nullable(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "When it last got on."),
        Column::new("ended_at", "t.ended_at", ColumnKind::Time, "When it ended.").nullable().filtered(),
    ],
};

const STATES: &[&str] = &["queued", "running", "done", "failed", "cancelled"];

statements! {
    OPEN: both "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE center_id = $1 AND ended_at IS NULL LIMIT $2) AS open";
    INSERT: both "INSERT INTO jobs (id, center_id, kind, payload, state, run_at, attempts, attempts_max, cancel_requested, done, total,
        schedule_id, created_at, updated_at, created_by) VALUES ($1, $2, $3, $4, 'queued', $5, 0, $6, 0, 0, $7, $8, $9, $9, $10)";
    // Whoever cancels waits for the step that is being taken.
    LOCK: both "UPDATE jobs SET updated_at = updated_at WHERE id = $1 AND center_id = $2 RETURNING state, created_by, cancel_requested, ended_at";
    CANCEL: both "UPDATE jobs SET cancel_requested = 1, run_at = CASE WHEN run_at > $2 THEN $2 ELSE run_at END, updated_at = $2 WHERE id = $1";
}

/// Every SQL text of jobs.
pub(crate) const ALL_STATEMENTS: &[&[Statement]] =
    &[STATEMENTS, cleanup::STATEMENTS, runner::STATEMENTS, schedules::STATEMENTS, step::STATEMENTS];

/// The payload of a kind that takes none.
pub(crate) fn nothing(payload: &Value) -> Result<(), String> {
    if payload.as_object().is_some_and(serde_json::Map::is_empty) { Ok(()) } else { Err("jobs of this kind take {}".to_owned()) }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It has not begun, or waits to be tried again.
    Queued,
    /// It has begun.
    Running,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// Somebody has cancelled it; what was done stays.
    Cancelled,
}

impl JobState {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// News of a job, for `job.progress`. They may be missed: the table says what is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobProgress {
    /// Which job.
    pub id: i64,
    /// Whose it is.
    pub center: CenterId,
    /// What it does.
    pub kind: String,
    /// Who had it made.
    pub created_by: Option<UserId>,
    /// Where it stands.
    pub state: JobState,
    /// How much is done.
    pub done: i64,
    /// Of how much, if that is known.
    pub total: Option<i64>,
    /// Why it failed, or waits to be tried again.
    pub error: Option<String>,
}

/// What jobs need beside the database: one an office.
#[derive(Debug)]
pub(crate) struct Hub {
    kinds: Kinds,
    news: broadcast::Sender<JobProgress>,
    woken: Notify,
}

impl Hub {
    pub(crate) fn new(kinds: Kinds) -> Self {
        Self { kinds, news: broadcast::Sender::new(NEWS_MAX), woken: Notify::new() }
    }

    pub(crate) fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    async fn woken(&self) {
        self.woken.notified().await;
    }

    fn tell(&self, news: JobProgress) {
        // Nobody may be listening.
        let _ = self.news.send(news);
    }
}

/// A job to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    kind: &'static str,
    center: CenterId,
    payload: Value,
    created_by: Option<UserId>,
    run_at: Option<WallTime>,
    total: Option<i64>,
    attempts_max: u32,
    schedule: Option<i64>,
}

impl NewJob {
    /// A job of the program's own in a centre, to be done at once; `kind` is the name of a [`JobKind`].
    #[must_use]
    pub fn new(kind: &'static str, center: CenterId, payload: Value) -> Self {
        Self { kind, center, payload, created_by: None, run_at: None, total: None, attempts_max: ATTEMPTS_MAX, schedule: None }
    }

    /// Somebody's job.
    #[must_use]
    pub fn by(self, user: UserId) -> Self {
        Self { created_by: Some(user), ..self }
    }

    /// Not before then.
    #[must_use]
    pub fn at(self, time: WallTime) -> Self {
        Self { run_at: Some(time), ..self }
    }

    /// How much there is to do.
    #[must_use]
    pub fn of(self, total: i64) -> Self {
        Self { total: Some(total), ..self }
    }

    /// How often in a row it may fail for reasons that pass; [`ATTEMPTS_MAX`] if nothing is said.
    #[must_use]
    pub fn attempts(self, max: u32) -> Self {
        Self { attempts_max: max.max(1), ..self }
    }
}

#[derive(FromRow)]
struct LockRow {
    state: String,
    created_by: Option<i64>,
    cancel_requested: i64,
    ended_at: Option<i64>,
}

impl Office {
    /// Has a job done, if the transaction is committed; gives its number. Whoever commits may then [`Office::wake_jobs`].
    ///
    /// # Errors
    /// [`Conflict::State`] if a thousand jobs of the centre are waiting already.
    pub async fn enqueue(&self, tx: &mut Tx, now: WallTime, job: NewJob) -> Result<i64, OfficeError> {
        let payload = job.payload.to_string();
        if payload.len() > PAYLOAD_OCTETS_MAX {
            return Err(OfficeError::Defect(format!("a job's payload has {} octets", payload.len())));
        }
        let open: Option<(i64,)> = tx.one(OPEN, binds![job.center, OPEN_MAX]).await?;
        if open.is_some_and(|(open,)| open >= OPEN_MAX) {
            return Err(OfficeError::Conflict(Conflict::State(format!(
                "{OPEN_MAX} jobs wait already: wait until some have ended, or cancel some"
            ))));
        }
        let id = draw(tx, "job", 1).await?;
        let run_at = job.run_at.unwrap_or(now);
        let created_by = job.created_by.map(|user| user.0);
        let binds =
            binds![id, job.center, job.kind, payload, run_at, i64::from(job.attempts_max), job.total, job.schedule, now, created_by];
        tx.run(INSERT, binds).await?;
        Ok(id)
    }

    /// Says that there is a job, so that it begins at once and not at the next look.
    pub fn wake_jobs(&self) {
        self.jobs().wake();
    }

    /// Asks for the end of a job. It ends after the step that is being taken; what is done stays.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`]; [`Conflict::State`] if it has ended.
    pub async fn cancel_job(&self, permit: &Permit, id: i64, now: WallTime) -> Result<(), OfficeError> {
        permit.must_be(can::JOBS_MANAGE)?;
        let mut tx = self.store().db().begin().await?;
        let row: Option<LockRow> = tx.one(LOCK, binds![id, permit.rows().center]).await?;
        let reached = row.filter(|row| permit.reaches(&row.created_by.map(UserId).into_iter().collect::<BTreeSet<_>>()));
        let Some(row) = reached else { return Err(OfficeError::NotFound("job")) };
        if row.ended_at.is_some() {
            return Err(OfficeError::Conflict(Conflict::State(format!("the job has ended: it is {}", row.state))));
        }
        if row.cancel_requested == 0 {
            tx.run(CANCEL, binds![id, now]).await?;
            let diff = Diff::none().and("cancel_requested", false, true);
            audit::append(&mut tx, now, permit.actor(), &[Entry::change(permit.action().0, "jobs", id, diff)]).await?;
        }
        tx.commit().await?;
        self.wake_jobs();
        Ok(())
    }

    /// News of all jobs, from now on. What a person may hear of is for the listener to judge, by centre and creator.
    #[must_use]
    pub fn job_news(&self) -> broadcast::Receiver<JobProgress> {
        self.jobs().news.subscribe()
    }
}
