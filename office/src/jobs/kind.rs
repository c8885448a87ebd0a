//! What jobs of a kind do, step by step.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use model::{Action, WallTime};
use serde_json::Value;
use store::StoreError;

use super::step::Step;
use crate::OfficeError;

/// How often in a row a job may fail for a reason that passes.
pub const ATTEMPTS_MAX: u32 = 8;

/// What jobs of one kind do.
///
/// A job is done in steps. Whatever a step writes to the database by [`Step::tx`] is committed together with its checkpoint, its
/// progress and its result, or not at all; after a crash the job goes on behind the last step that was committed.
pub trait JobKind: Send + Sync + 'static {
    /// Its name in the table and on the wire: `audit.verify`.
    fn name(&self) -> &'static str;

    /// The right that it takes to have such a job done by a schedule; none: it cannot be scheduled.
    fn schedulable(&self) -> Option<Action> {
        None
    }

    /// The times of the schedule that the program makes for it: a cron line; none: it makes none.
    fn comes_with(&self) -> Option<&'static str> {
        None
    }

    /// What is wrong with the payload of a schedule.
    ///
    /// # Errors
    /// A sentence for whoever makes the schedule.
    fn check(&self, _payload: &Value) -> Result<(), String> {
        Ok(())
    }

    /// Does the next piece, which should take well under a second of the database's time.
    fn step(&self, step: &mut Step<'_>) -> impl Future<Output = Result<Next, JobError>> + Send;

    /// Tidies up after a job that failed or was cancelled, in the transaction that notes it.
    fn ended(&self, _step: &mut Step<'_>, _how: &End) -> impl Future<Output = Result<(), JobError>> + Send {
        async { Ok(()) }
    }
}

/// What comes after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next step.
    Again,
    /// The next step, but not before then.
    At(WallTime),
    /// Nothing: the job is done.
    Done,
}

/// Why a job ended without being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It failed, for this reason.
    Failed(String),
    /// Somebody has cancelled it.
    Cancelled,
}

/// Why a step did nothing. The text is shown to whoever waits for the job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It may succeed later.
    #[error("{0}")]
    Temporary(String),
    /// It will not succeed.
    #[error("{0}")]
    Permanent(String),
    /// Somebody else has the job now.
    #[error("the job is done by somebody else now")]
    Lost,
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Temporary(error.to_string())
        } else {
            // What it was exactly is for the log and not for whoever made the job.
            tracing::error!(error = &error as &dyn std::error::Error, "A job cannot use the database.");
            Self::Permanent(error.to_string())
        }
    }
}

impl From<OfficeError> for JobError {
    fn from(error: OfficeError) -> Self {
        match error {
            OfficeError::Store(error) => error.into(),
            OfficeError::File(error) => error.into(),
            other => Self::Permanent(reason(&other)),
        }
    }
}

/// What went wrong, for whoever waits for a job: of fields that cannot be used, what is wrong with each.
pub(crate) fn reason(error: &OfficeError) -> String {
    match error {
        OfficeError::Invalid(faults) => {
            let faults: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.detail)).collect();
            faults.join("; ")
        }
        other => other.to_string(),
    }
}

impl From<std::io::Error> for JobError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        match error.kind() {
            K::StorageFull | K::QuotaExceeded => Self::Permanent("there is no room left on the disk".to_owned()),
            K::PermissionDenied | K::ReadOnlyFilesystem | K::NotADirectory => {
                Self::Permanent(format!("the directory for files cannot be written: {error}"))
            }
            _ => Self::Temporary(format!("a file could not be used: {error}")),
        }
    }
}

/// The kinds of jobs that this program knows.
#[derive(Clone, Default)]
pub struct Kinds(BTreeMap<&'static str, Arc<dyn AnyKind>>);

impl Kinds {
    /// Adds a kind; one of the same name gives way.
    #[must_use]
    pub fn with(mut self, kind: impl JobKind) -> Self {
        self.0.insert(kind.name(), Arc::new(kind));
        self
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<dyn AnyKind>> {
        self.0.get(name)
    }

    /// The kinds for which the program makes a schedule, and its times.
    pub(crate) fn scheduled(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.0.iter().filter_map(|(name, kind)| Some((*name, kind.comes_with()?)))
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, JobError>> + Send + 'a>>;

/// A [`JobKind`] behind a pointer.
pub(crate) trait AnyKind: Send + Sync {
    fn schedulable(&self) -> Option<Action>;
    fn comes_with(&self) -> Option<&'static str>;
    fn check(&self, payload: &Value) -> Result<(), String>;
    fn step<'a>(&'a self, step: &'a mut Step<'_>) -> Doing<'a, Next>;
    fn ended<'a>(&'a self, step: &'a mut Step<'_>, how: &'a End) -> Doing<'a, ()>;
}

impl<K: JobKind> AnyKind for K {
    fn schedulable(&self) -> Option<Action> {
        JobKind::schedulable(self)
    }

    fn comes_with(&self) -> Option<&'static str> {
        JobKind::comes_with(self)
    }

    fn check(&self, payload: &Value) -> Result<(), String> {
        JobKind::check(self, payload)
    }

    fn step<'a>(&'a self, step: &'a mut Step<'_>) -> Doing<'a, Next> {
        Box::pin(JobKind::step(self, step))
    }

    fn ended<'a>(&'a self, step: &'a mut Step<'_>, how: &'a End) -> Doing<'a, ()> {
        Box::pin(JobKind::ended(self, step, how))
    }
}

/// The same work; a panic in it becomes a permanent failure of this job alone (FT-14).
pub(crate) async fn survive<T>(work: impl Future<Output = Result<T, JobError>>) -> Result<T, JobError> {
    let mut work = pin!(work);
    // What the work has left half done is not looked at again: the job's transaction is taken back and the job fails.
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(polled) => polled,
        Err(panic) => {
            tracing::error!(panic = panic_text(panic.as_ref()), "A job panicked.");
            Poll::Ready(Err(JobError::Permanent("the program failed while doing this; its log says how".to_owned())))
        }
    })
    .await
}

/// What a panic said.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
