//! The files of erased recordings go.

use std::{io, sync::Arc, time::Duration};

use model::{Action, CallId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::recordings;

use crate::{
    can,
    jobs::{JobError, JobKind, Next, Step, nothing},
};

pub(super) const KIND: &str = "recordings.unlink";
/// Files that one step unlinks.
const CHUNK: u32 = 100;
/// How often one job tries the files that the disk would not let go.
const ROUNDS: u32 = 5;
/// How long it waits before the second time; twice as long before each further one.
const PAUSE: Duration = Duration::from_secs(30);

/// Where the files of recordings are.
pub trait Files: Send + Sync + 'static {
    /// Unlinks the file with this name, and all that belongs to it. One that is not there, or whose name is none of ours, is no error. Blocks; called
    /// off the runtime's threads.
    ///
    /// # Errors
    /// If the disk does not let it go.
    fn unlink(&self, file: &str) -> io::Result<()>;
}

/// Unlinks what was erased: at once behind each erasure, and every night what was left over.
pub struct Unlink(Arc<dyn Files>);

impl Unlink {
    /// The job, on these files.
    #[must_use]
    pub fn new(files: Arc<dyn Files>) -> Self {
        Self(files)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Checkpoint {
    after: i64,
    unlinked: u64,
    /// Files of this round that the disk did not let go.
    refused: u64,
    round: u32,
}

impl JobKind for Unlink {
    fn name(&self) -> &'static str {
        KIND
    }

    fn schedulable(&self) -> Option<Action> {
        Some(can::SYSTEM_CONFIGURE)
    }

    fn comes_with(&self) -> Option<&'static str> {
        Some("40 3 * * *")
    }

    fn check(&self, payload: &Value) -> Result<(), String> {
        nothing(payload)
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let mut at: Checkpoint = step.checkpoint()?.unwrap_or_default();
        // Outside of the transaction: a slow disk keeps nobody from the database.
        let found = step.office().store().recordings_to_unlink(CallId(at.after), CHUNK).await?;
        let mut gone = Vec::with_capacity(found.len());
        for (call, file) in &found {
            let (files, file) = (Arc::clone(&self.0), file.clone());
            let unlinked = tokio::task::spawn_blocking(move || files.unlink(&file)).await;
            match unlinked.map_err(io::Error::other).flatten() {
                Ok(()) => gone.push(*call),
                Err(error) => {
                    tracing::warn!(%call, %error, "The file of an erased recording cannot be unlinked; it is tried again.");
                    at.refused += 1;
                }
            }
            at.after = call.0;
        }
        for call in &gone {
            recordings::unlinked(step.tx().await?, *call).await?;
            at.unlinked += 1;
        }
        step.result(&json!({"unlinked": at.unlinked, "refused": at.refused}));
        step.progress(i64::try_from(at.unlinked).unwrap_or(i64::MAX), None);
        if !found.is_empty() {
            step.save(&at);
            return Ok(Next::Again);
        }
        if at.refused == 0 {
            return Ok(Next::Done);
        }
        if at.round + 1 >= ROUNDS {
            return Err(JobError::Permanent(format!("{} file(s) cannot be unlinked; they are tried again every night", at.refused)));
        }
        let wait = PAUSE * 2_u32.pow(at.round);
        step.save(&Checkpoint { after: 0, refused: 0, round: at.round + 1, ..at });
        Ok(Next::At(step.now().after(wait)))
    }
}
