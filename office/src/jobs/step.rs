//! What a step of a job has at hand.

use std::{sync::Arc, time::Duration};

use model::{Actor, CenterId, UserId, WallTime};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::FromRow;
use store::{audit::Entry, binds, sql::Tx, statements};

use super::{JobError, LEASE};
use crate::Office;

statements! {
    // Proves that the job is still ours, and keeps it ours until the transaction ends.
    HOLD: both "UPDATE jobs SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND ended_at IS NULL RETURNING id";
}

/// What the time is; an argument, so that tests move it.
pub type Clock = Arc<dyn Fn() -> WallTime + Send + Sync>;

/// A job, as it was when its step began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// Whose it is.
    pub center: CenterId,
    /// What is done: the name of its [`super::JobKind`].
    pub kind: String,
    /// Who had it made; none: the program.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: WallTime,
    /// How often in a row it has failed since it last got on.
    pub attempts: i64,
    /// How often it may.
    pub attempts_max: i64,
    /// How much is done.
    pub done: i64,
    /// Of how much, if that is known.
    pub total: Option<i64>,
    /// Whether somebody wants it to end.
    pub cancel_requested: bool,
    pub(super) payload: String,
    pub(super) checkpoint: Option<String>,
    pub(super) result: Option<String>,
}

/// A job's row, as whoever claims it gets it.
#[derive(Debug, FromRow)]
pub(super) struct JobRow {
    id: i64,
    center_id: i64,
    kind: String,
    payload: String,
    attempts: i64,
    attempts_max: i64,
    cancel_requested: i64,
    done: i64,
    total: Option<i64>,
    checkpoint: Option<String>,
    result: Option<String>,
    created_at: i64,
    created_by: Option<i64>,
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        Self {
            id: row.id,
            center: CenterId(row.center_id),
            kind: row.kind,
            created_by: row.created_by.map(UserId),
            created_at: WallTime(row.created_at),
            attempts: row.attempts,
            attempts_max: row.attempts_max,
            done: row.done,
            total: row.total,
            cancel_requested: row.cancel_requested != 0,
            payload: row.payload,
            checkpoint: row.checkpoint,
            result: row.result,
        }
    }
}

/// One step of a job: the place where its work is done and its progress is noted.
pub struct Step<'a> {
    office: &'a Office,
    job: &'a Job,
    clock: &'a Clock,
    owner: &'a str,
    pub(super) tx: Option<Tx>,
    pub(super) saved: Saved,
    pub(super) audited: Vec<(Actor, Entry)>,
    kept: Vec<Box<dyn Kept + Send + 'a>>,
    after: Vec<Box<dyn FnOnce() + Send + 'a>>,
}

/// Something that is dropped when a step has ended.
trait Kept {}

impl<T> Kept for T {}

/// What is stored of a job together with its step's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) checkpoint: Option<String>,
    pub(super) result: Option<String>,
    pub(super) done: i64,
    pub(super) total: Option<i64>,
}

impl<'a> Step<'a> {
    pub(super) fn new(office: &'a Office, job: &'a Job, clock: &'a Clock, owner: &'a str) -> Self {
        let saved = Saved { checkpoint: job.checkpoint.clone(), result: job.result.clone(), done: job.done, total: job.total };
        Self { office, job, clock, owner, tx: None, saved, audited: Vec::new(), kept: Vec::new(), after: Vec::new() }
    }

    /// The engines.
    #[must_use]
    pub fn office(&self) -> &'a Office {
        self.office
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &'a Job {
        self.job
    }

    /// What the time is.
    #[must_use]
    pub fn now(&self) -> WallTime {
        (self.clock)()
    }

    /// What is to be done.
    ///
    /// # Errors
    /// If it is not what this kind of job takes.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        serde_json::from_str(&self.job.payload)
            .map_err(|error| JobError::Permanent(format!("what the job is to do cannot be read: {error}")))
    }

    /// Where the last step ended; none for the first step.
    ///
    /// # Errors
    /// If it was written by a program that this one does not understand.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, JobError> {
        let text = self.job.checkpoint.as_deref();
        text.map(serde_json::from_str)
            .transpose()
            .map_err(|error| JobError::Permanent(format!("where the job was interrupted cannot be read: {error}")))
    }

    /// The transaction of this step, in which the job is ours. It is begun when it is first asked for, and committed, with all that is
    /// noted here, when the step has ended well.
    ///
    /// # Errors
    /// As the database's; [`JobError::Lost`] if somebody else has the job by now.
    pub async fn tx(&mut self) -> Result<&mut Tx, JobError> {
        if self.tx.is_none() {
            let until = self.now().after(LEASE);
            let mut tx = self.office.store().db().begin().await?;
            if tx.one::<(i64,)>(HOLD, binds![self.job.id, self.owner, until]).await?.is_none() {
                tx.rollback().await?;
                return Err(JobError::Lost);
            }
            self.tx = Some(tx);
        }
        self.tx.as_mut().ok_or(JobError::Lost)
    }

    /// Keeps something until the step's transaction has ended: a guard that says, when it is dropped, that what is in memory is out of date.
    pub fn keep(&mut self, guard: impl Send + 'a) {
        self.kept.push(Box::new(guard));
    }

    /// Has something written to the audit log at the end of the step's transaction: whoever appends to the log holds it until they commit, so
    /// it is to be the last thing that they lock.
    pub fn audit(&mut self, actor: &Actor, entry: Entry) {
        self.audited.push((actor.clone(), entry));
    }

    /// Has something done when the step's transaction has been committed, and only then.
    pub fn after_commit(&mut self, work: impl FnOnce() + Send + 'a) {
        self.after.push(Box::new(work));
    }

    /// How much is to be written to the audit log, and done after the commit.
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.audited.len(), self.after.len())
    }

    /// What was added to it since is not to be written or done.
    pub(crate) fn forget_since(&mut self, (audited, after): (usize, usize)) {
        self.audited.truncate(audited);
        self.after.truncate(after);
    }

    /// The transaction was committed.
    pub(super) fn committed(&mut self) {
        self.kept.clear();
        for work in std::mem::take(&mut self.after) {
            work();
        }
    }

    /// Notes where the next step is to begin.
    pub fn save(&mut self, checkpoint: &impl Serialize) {
        self.saved.checkpoint = Some(text(checkpoint));
    }

    /// Notes what has come of the job so far; it stays if the job is cancelled or fails.
    pub fn result(&mut self, result: &Value) {
        self.saved.result = Some(text(result));
    }

    /// Of how much, as far as is known by now.
    #[must_use]
    pub fn total(&self) -> Option<i64> {
        self.saved.total
    }

    /// Notes how much is done, and of how much.
    pub fn progress(&mut self, done: i64, total: Option<i64>) {
        self.saved.done = done;
        self.saved.total = total;
    }
}

/// How long before the lease ends it is renewed while a step lasts.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);

/// A value as JSON text. Values of ours have no keys but texts, so it cannot fail.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
