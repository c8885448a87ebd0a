//! Who does the jobs: claims them, takes their steps, and keeps what they say.
//!
//! ```text
//!              claimed                    last step
//!   queued ───────────────▶ running ───────────────────▶ done
//!     ▲                     │     │
//!     └── fails, for now ───┘     ├── fails for good ──▶ failed
//!         (back-off)              └── asked to end ────▶ cancelled
//! ```
//!
//! A job that runs is leased to one runner. The lease is proven in each step's own transaction, so a step of somebody who has lost it
//! leaves nothing behind. Two workers share the jobs in turns: after [`SLICE`] a job goes behind all others that are due, so one that takes
//! hours delays none by more than the slices of those before it.

use std::{future::Future, sync::Arc, time::Duration};

use model::{Actor, WallTime};
use sqlx::FromRow;
use store::{
    StoreError,
    audit::{self, Entry},
    binds,
    sql::Tx,
    statements,
};
use tokio::{sync::watch, task::JoinSet};
use tracing::{debug, error, info, warn};

use super::{
    End, JobError, JobProgress, JobState, LEASE, Next,
    kind::{AnyKind, survive},
    step::{Clock, HEARTBEAT, Job, JobRow, Step},
};
use crate::Office;

/// The columns of a claimed job.
macro_rules! claimed {
    () => {
        "id, center_id, kind, payload, attempts, attempts_max, cancel_requested, done, total, checkpoint, result, created_at, created_by"
    };
}

statements! {
    // Whether a claim would find anything: asked of a reader, so that an idle runner never writes.
    IS_DUE: both "SELECT id FROM jobs WHERE ended_at IS NULL AND run_at <= $1 AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
    // PostgreSQL: rows that others are about to claim or cancel are passed over. SQLite has one writer, and no such words.
    // A lease that was not given back is an attempt that ended in a crash.
    CLAIM: each
        concat!("UPDATE jobs SET state = 'running', lease_owner = $2, lease_until = $3, updated_at = $1,
            started_at = COALESCE(started_at, $1), attempts = attempts + CASE WHEN lease_owner IS NULL THEN 0 ELSE 1 END
            WHERE id = (SELECT id FROM jobs WHERE ended_at IS NULL AND run_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
            ORDER BY run_at, id LIMIT 1) RETURNING ", claimed!()),
        concat!("UPDATE jobs SET state = 'running', lease_owner = $2, lease_until = $3, updated_at = $1,
            started_at = COALESCE(started_at, $1), attempts = attempts + CASE WHEN lease_owner IS NULL THEN 0 ELSE 1 END
            WHERE id = (SELECT id FROM jobs WHERE ended_at IS NULL AND run_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
            ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING ", claimed!());
    REGAIN: both concat!("UPDATE jobs SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND ended_at IS NULL RETURNING ", claimed!());
    RENEW: both "UPDATE jobs SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND ended_at IS NULL";
    // Leases of an earlier life. They stay to be seen as crashes, but have ended.
    TAKE_OVER: both "UPDATE jobs SET lease_until = 0 WHERE ended_at IS NULL AND lease_owner IS NOT NULL AND lease_owner <> $1
        AND substr(lease_owner, 1, length(CAST($2 AS TEXT))) = $2";
    STEPPED: both "UPDATE jobs SET checkpoint = $3, result = $4, done = $5, total = $6, attempts = 0, error = NULL, lease_until = $7,
        updated_at = $8 WHERE id = $1 AND lease_owner = $2 AND ended_at IS NULL RETURNING cancel_requested";
    // Back to the others: its turn comes again when $3 is the oldest.
    GIVE_BACK: both "UPDATE jobs SET lease_owner = NULL, lease_until = NULL, run_at = $3 WHERE id = $1 AND lease_owner = $2
        AND ended_at IS NULL";
    PUT_OFF: both "UPDATE jobs SET state = 'queued', attempts = attempts + 1, error = $3, updated_at = $5, lease_owner = NULL, lease_until = NULL,
        run_at = CASE WHEN cancel_requested = 1 THEN run_at ELSE CAST($4 AS BIGINT) END WHERE id = $1 AND lease_owner = $2 AND ended_at IS NULL";
    END: both "UPDATE jobs SET state = $3, error = $4, done = $5, total = $6, result = $7, updated_at = $8, ended_at = $8,
        lease_owner = NULL, lease_until = NULL WHERE id = $1 AND lease_owner = $2 AND ended_at IS NULL";
}

/// How long a job is worked on before others get their turn.
pub const SLICE: Duration = Duration::from_secs(2);
/// How often the table is looked at if nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The first pause after a failure that passes, and the longest.
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
const BACK_OFF_MAX: Duration = Duration::from_secs(300);
/// The longest pause while the database is away.
const AWAY_MAX: Duration = Duration::from_secs(15);
/// Progress is told at most so often.
const TELL_EVERY_MS: u64 = 200;
/// The most characters of a reason that are kept.
const ERROR_CHARS_MAX: usize = 500;

/// How a runner works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerOptions {
    /// How many jobs are worked on at once.
    pub workers: usize,
    /// A random number, another one at each start: it tells the runner's lives apart in leases, and scatters its pauses.
    pub seed: u64,
    /// A random number that stays with the installation, of which only one life runs at a time (the data directory is locked): leases of
    /// its earlier lives are over.
    pub node: u64,
    /// Nobody else can be running jobs of this database, which lies in the data directory, so all leases are of an earlier life.
    pub sole: bool,
}

/// Does the jobs of an office.
#[derive(Clone)]
pub struct Runner(Arc<Inner>);

struct Inner {
    office: Office,
    clock: Clock,
    owner: String,
    options: RunnerOptions,
}

/// What a worker found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has worked on a job.
    Worked,
    /// There is nothing.
    Idle,
}

/// A job that is ours.
pub(crate) struct Held {
    pub(crate) job: Job,
    told_at: WallTime,
}

/// What became of a job in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stepped {
    /// It is still ours.
    Goes,
    /// It is not ours any more: it ended, waits, or was lost.
    Left,
}

#[derive(FromRow)]
struct CancelRow {
    cancel_requested: i64,
}

impl Runner {
    /// Who will do the jobs of `office`. A clone is the same runner.
    #[must_use]
    pub fn new(office: Office, clock: Clock, options: RunnerOptions) -> Self {
        let owner = format!("{:016x}.{:016x}", options.node, options.seed);
        Self(Arc::new(Inner { office, clock, owner, options }))
    }

    /// Does jobs and looks after schedules until `stop` is true or its sender is gone; steps that have begun are ended.
    ///
    /// While the database is away it waits.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        self.insist(&stop, "Jobs of before cannot be taken over.", || self.take_over()).await;
        let mut workers = JoinSet::new();
        for _ in 0..self.0.options.workers.max(1) {
            let (runner, stop) = (self.clone(), stop.clone());
            workers.spawn(async move { runner.work(stop).await });
        }
        let runner = self.clone();
        workers.spawn(async move { runner.look_after_schedules(stop).await });
        while let Some(ended) = workers.join_next().await {
            if let Err(failed) = ended {
                error!(error = &failed as &dyn std::error::Error, "A worker of jobs has ended by itself.");
            }
        }
    }

    /// Ends the leases of runners of before: their jobs can be claimed at once.
    pub(crate) async fn take_over(&self) -> Result<(), StoreError> {
        let RunnerOptions { node, sole, .. } = self.0.options;
        let whose = if sole { String::new() } else { format!("{node:016x}.") };
        let jobs = self.0.office.store().db().run(TAKE_OVER, binds![&self.0.owner, &whose]).await?;
        if jobs > 0 {
            info!(jobs, "Jobs that were interrupted go on.");
        }
        Ok(())
    }

    async fn work(&self, mut stop: watch::Receiver<bool>) {
        let (mut failures, mut unsure) = (0, None);
        while !stopped(&stop) {
            match self.turn(&stop, &mut unsure).await {
                Ok(Turn::Worked) => failures = 0,
                Ok(Turn::Idle) => {
                    failures = 0;
                    tokio::select! {
                        () = self.0.office.jobs().woken() => {}
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                        () = until_stopped(&mut stop) => {}
                    }
                }
                Err(failed) => {
                    failures += 1;
                    report(failures, &failed, "Jobs wait.");
                    self.pause(failures, &mut stop).await;
                }
            }
        }
    }

    async fn look_after_schedules(&self, mut stop: watch::Receiver<bool>) {
        let mut failures = 0;
        while !stopped(&stop) {
            match self.0.office.run_due_schedules(self.now()).await {
                Ok(started) => {
                    failures = 0;
                    if started > 0 {
                        self.0.office.jobs().wake();
                    }
                    tokio::select! {
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                        () = until_stopped(&mut stop) => {}
                    }
                }
                Err(failed) => {
                    failures += 1;
                    report(failures, &failed, "Schedules wait.");
                    self.pause(failures, &mut stop).await;
                }
            }
        }
    }

    /// Claims the job whose turn it is and works on it for a [`SLICE`].
    ///
    /// `unsure`: the job of which it is not known whether its last step was committed, because the database went away.
    pub(super) async fn turn(&self, stop: &watch::Receiver<bool>, unsure: &mut Option<i64>) -> Result<Turn, StoreError> {
        let claimed = match *unsure {
            Some(id) => self.regain(id).await?,
            None => None,
        };
        *unsure = None;
        let claimed = match claimed {
            Some(held) => Some(held),
            None => self.claim().await?,
        };
        let Some(mut held) = claimed else { return Ok(Turn::Idle) };
        let until = self.now().after(SLICE);
        // Looked at before the first step, too: the job may have been given back by a worker that has just stopped.
        while !stopped(stop) {
            match self.step(&mut held).await {
                Ok(Stepped::Goes) if self.now() >= until => break,
                Ok(Stepped::Goes) => {}
                Ok(Stepped::Left) => return Ok(Turn::Worked),
                Err(failed) => {
                    *unsure = Some(held.job.id);
                    return Err(failed);
                }
            }
        }
        self.0.office.store().db().run(GIVE_BACK, binds![held.job.id, &self.0.owner, self.now()]).await?;
        Ok(Turn::Worked)
    }

    /// Takes the job whose turn it is, if there is one.
    pub(crate) async fn claim(&self) -> Result<Option<Held>, StoreError> {
        let (db, now) = (self.0.office.store().db(), self.now());
        if db.one::<(i64,)>(IS_DUE, binds![now]).await?.is_none() {
            return Ok(None);
        }
        let mut tx = db.begin().await?;
        let row: Option<JobRow> = tx.one(CLAIM, binds![now, &self.0.owner, now.after(LEASE)]).await?;
        tx.commit().await?;
        Ok(row.map(Held::from))
    }

    async fn regain(&self, id: i64) -> Result<Option<Held>, StoreError> {
        let mut tx = self.0.office.store().db().begin().await?;
        let row: Option<JobRow> = tx.one(REGAIN, binds![id, &self.0.owner, self.now().after(LEASE)]).await?;
        tx.commit().await?;
        Ok(row.map(Held::from))
    }

    /// Takes one step of a job.
    ///
    /// # Errors
    /// If the database is away: whether the step is lasting is then not known, so the job is to be read anew.
    pub(super) async fn step(&self, held: &mut Held) -> Result<Stepped, StoreError> {
        let inner = &self.0;
        let Some(kind) = inner.office.jobs().kinds().find(&held.job.kind) else {
            let reason = format!("this program knows no jobs of the kind {}", held.job.kind);
            return self.end(held, None, End::Failed(reason)).await;
        };
        if held.job.cancel_requested {
            return self.end(held, Some(kind.as_ref()), End::Cancelled).await;
        }
        if held.job.attempts >= held.job.attempts_max {
            let reason = format!("it was interrupted {} times in a row; the log says by what", held.job.attempts);
            return self.end(held, Some(kind.as_ref()), End::Failed(reason)).await;
        }
        let job = held.job.clone();
        let mut step = Step::new(&inner.office, &job, &inner.clock, &inner.owner);
        let did = self.with_heartbeat(job.id, survive(kind.step(&mut step))).await;
        let committed = match did {
            Ok(next) => self.commit(step, next, held).await,
            Err(failed) => {
                undo(step).await;
                Err(failed)
            }
        };
        match committed {
            Ok(stepped) => Ok(stepped),
            Err(JobError::Lost) => {
                warn!(job = job.id, kind = job.kind, "A job is done by somebody else now.");
                Ok(Stepped::Left)
            }
            Err(JobError::Permanent(reason)) => self.end(held, Some(kind.as_ref()), End::Failed(reason)).await,
            Err(JobError::Temporary(reason)) => {
                // If the database is away, that is no failure of this job.
                inner.office.store().ping().await?;
                if job.attempts + 1 >= job.attempts_max {
                    let reason = format!("{reason} (tried {} times)", job.attempts + 1);
                    return self.end(held, Some(kind.as_ref()), End::Failed(reason)).await;
                }
                self.put_off(&job, &reason).await
            }
        }
    }

    /// One turn; whether there was anything to do. For tests.
    ///
    /// # Errors
    /// As the database's.
    #[cfg(any(test, feature = "testing"))]
    pub async fn try_turn(&self, stop: &watch::Receiver<bool>) -> Result<bool, StoreError> {
        Ok(self.turn(stop, &mut None).await? == Turn::Worked)
    }

    /// One step; whether the job is still ours.
    #[cfg(test)]
    pub(crate) async fn goes_on(&self, held: &mut Held) -> bool {
        matches!(self.step(held).await, Ok(Stepped::Goes))
    }

    /// Makes a step lasting, with all that was noted of it.
    async fn commit(&self, mut step: Step<'_>, next: Next, held: &mut Held) -> Result<Stepped, JobError> {
        step.tx().await?;
        let Some(mut tx) = step.tx.take() else { return Err(JobError::Lost) };
        let (now, saved, job) = (self.now(), step.saved.clone(), step.job());
        append(&mut tx, &step.audited, now).await?;
        let binds = binds![job.id, &self.0.owner, &saved.checkpoint, &saved.result, saved.done, saved.total, now.after(LEASE), now];
        let row: Option<CancelRow> = tx.one(STEPPED, binds).await?;
        let Some(CancelRow { cancel_requested }) = row else { return Err(JobError::Lost) };
        // Whoever asks for its end does not wait for its next turn.
        let next = if cancel_requested != 0 && matches!(next, Next::At(_)) { Next::Again } else { next };
        match next {
            Next::Again => {}
            Next::At(later) => drop(tx.run(GIVE_BACK, binds![job.id, &self.0.owner, later]).await?),
            Next::Done => {
                let none: Option<&str> = None;
                let binds = binds![job.id, &self.0.owner, "done", none, saved.done, saved.total, &saved.result, now];
                tx.run(END, binds).await?;
            }
        }
        tx.commit().await?;
        step.committed();
        let told = held.told_at;
        held.job = Job {
            checkpoint: saved.checkpoint,
            result: saved.result,
            done: saved.done,
            total: saved.total,
            attempts: 0,
            cancel_requested: cancel_requested != 0,
            ..job.clone()
        };
        if next == Next::Done || now.ms_since(told) >= TELL_EVERY_MS {
            held.told_at = now;
            self.tell(&held.job, if next == Next::Done { JobState::Done } else { JobState::Running }, None);
        }
        if next == Next::Done {
            info!(job = job.id, kind = job.kind, done = held.job.done, "A job is done.");
        }
        Ok(if next == Next::Again { Stepped::Goes } else { Stepped::Left })
    }

    /// Ends a job that is not done.
    async fn end(&self, held: &Held, kind: Option<&dyn AnyKind>, how: End) -> Result<Stepped, StoreError> {
        let inner = &self.0;
        let (state, reason) = match &how {
            End::Failed(reason) => (JobState::Failed, Some(shorten(reason))),
            End::Cancelled => (JobState::Cancelled, None),
        };
        let mut step = Step::new(&inner.office, &held.job, &inner.clock, &inner.owner);
        if let Some(kind) = kind
            && let Err(failed) = self.with_heartbeat(held.job.id, survive(kind.ended(&mut step, &how))).await
        {
            // What should have been tidied up stays; the job must end nevertheless.
            error!(job = held.job.id, kind = held.job.kind, error = &failed as &dyn std::error::Error, "A job could not tidy up.");
            undo(step).await;
            inner.office.store().ping().await?;
            step = Step::new(&inner.office, &held.job, &inner.clock, &inner.owner);
        }
        match step.tx().await {
            Ok(_) => {}
            Err(JobError::Lost) => return Ok(Stepped::Left),
            Err(_) => {
                // The database's error is in the log; what matters here is that the job is to be read anew.
                inner.office.store().ping().await?;
                return Ok(Stepped::Left);
            }
        }
        let (saved, now) = (step.saved.clone(), self.now());
        if let Some(mut tx) = step.tx.take() {
            append(&mut tx, &step.audited, now).await?;
            let binds = binds![held.job.id, &inner.owner, state.as_str(), &reason, saved.done, saved.total, &saved.result, now];
            tx.run(END, binds).await?;
            tx.commit().await?;
            step.committed();
        }
        match &reason {
            // Others' words are in the reason, and perhaps somebody's address.
            Some(reason) => {
                warn!(job = held.job.id, kind = held.job.kind, "A job has failed; the list of jobs says why.");
                debug!(job = held.job.id, reason, "Why the job has failed.");
            }
            None => info!(job = held.job.id, kind = held.job.kind, "A job is cancelled."),
        }
        self.tell(&held.job, state, reason);
        Ok(Stepped::Left)
    }

    /// Lets a job wait after a failure that passes.
    async fn put_off(&self, job: &Job, reason: &str) -> Result<Stepped, StoreError> {
        let (now, attempt) = (self.now(), job.attempts + 1);
        let pause = back_off(self.0.options.seed, job.id, attempt);
        let reason = shorten(reason);
        let binds = binds![job.id, &self.0.owner, &reason, now.after(pause), now];
        self.0.office.store().db().run(PUT_OFF, binds).await?;
        info!(
            job = job.id,
            kind = job.kind,
            attempt,
            pause_ms = pause.as_millis(),
            "A job is tried again later; the list of jobs says why."
        );
        debug!(job = job.id, reason, "Why the job is tried again.");
        self.tell(job, JobState::Queued, Some(reason));
        Ok(Stepped::Left)
    }

    /// Keeps the lease while a step lasts.
    async fn with_heartbeat<T>(&self, id: i64, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
            let renewed = async {
                let until = self.now().after(LEASE);
                self.0.office.store().db().run(RENEW, binds![id, &self.0.owner, until]).await
            };
            tokio::select! {
                biased;
                done = &mut work => return done,
                // A step that writes has the row locked, and then needs nobody to keep its lease: this waits and fails.
                _ = renewed => {}
            }
        }
    }

    fn tell(&self, job: &Job, state: JobState, error: Option<String>) {
        self.0.office.jobs().tell(JobProgress {
            id: job.id,
            center: job.center,
            kind: job.kind.clone(),
            created_by: job.created_by,
            state,
            done: job.done,
            total: job.total,
            error,
        });
    }

    fn now(&self) -> WallTime {
        (self.0.clock)()
    }

    async fn pause(&self, failures: u32, stop: &mut watch::Receiver<bool>) {
        let pause = back_off(self.0.options.seed, 0, i64::from(failures)).min(AWAY_MAX);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = until_stopped(stop) => {}
        }
    }

    /// Tries until it succeeds or the runner is to stop.
    async fn insist<F: Future<Output = Result<(), StoreError>>>(&self, stop: &watch::Receiver<bool>, what: &str, work: impl Fn() -> F) {
        let (mut failures, mut stop) = (0, stop.clone());
        while !stopped(&stop) {
            let Err(failed) = work().await else { return };
            failures += 1;
            report(failures, &failed, what);
            self.pause(failures, &mut stop).await;
        }
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("owner", &self.0.owner).field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl From<JobRow> for Held {
    fn from(row: JobRow) -> Self {
        Self { job: row.into(), told_at: WallTime(0) }
    }
}

/// Doubles from a second to five minutes; a quarter more or less is chance, so that jobs that failed together are not tried together.
pub(super) fn back_off(seed: u64, job: i64, attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(16);
    let full = BACK_OFF_FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(BACK_OFF_MAX);
    let chance = scatter(seed ^ job.unsigned_abs().rotate_left(32) ^ attempt.unsigned_abs()) % 501;
    let millis = u64::try_from(full.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis / 1000 * (750 + chance))
}

/// One step of SplitMix64: a number of which all bits depend on all bits of the seed.
fn scatter(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Writes what a step has done to the audit log.
async fn append(tx: &mut Tx, entries: &[(Actor, Entry)], now: WallTime) -> Result<(), StoreError> {
    let entries: Vec<_> = entries.iter().map(|(actor, entry)| (now, actor, entry)).collect();
    audit::append_each(tx, &entries).await
}

/// Takes a step's work back, and keeps its connection.
async fn undo(mut step: Step<'_>) {
    if let Some(tx) = step.tx.take()
        && let Err(failed) = tx.rollback().await
    {
        // The connection is closed then, and the database takes the work back by itself.
        warn!(error = &failed as &dyn std::error::Error, "The work of a job could not be taken back.");
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(ERROR_CHARS_MAX).collect()
}

fn stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

async fn until_stopped(stop: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Once when it begins, and then each time it has lasted some minutes longer.
fn report(failures: u32, failed: &StoreError, what: &str) {
    let cause = failed as &dyn std::error::Error;
    if failures != 1 && !failures.is_multiple_of(12) {
        return;
    }
    if failed.is_unavailable() {
        warn!(failures, error = cause, "The database is not available. {what}");
    } else {
        error!(failures, error = cause, "The database cannot be used. {what}");
    }
}
