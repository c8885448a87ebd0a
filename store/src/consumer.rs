//! The database consumes the journal: one path, in good days and bad (R22). When the database is away facts wait in the files (FT-4).

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use model::Fact;
use tokio::{sync::watch, time::Instant};
use tracing::{error, info, warn};

use crate::{
    Applied, Store, StoreError,
    journal::{self, Reader},
};

/// The most facts of one transaction.
const FACTS_MAX: usize = 4096;
/// The pause after a transaction; a fact that comes when all is quiet is stored at once. It bounds how late a row may be, and how much of the processor goes into transactions: what one of them
/// costs beside its facts is shared by all that came meanwhile.
const PACE: Duration = Duration::from_millis(200);
/// Facts that nobody reads before the next start (`is_quiet`) may wait for so long, if there are no others. Pages of the database that
/// hold many of them are then written once.
const QUIET_MAX: Duration = Duration::from_secs(1);
/// The first pause after a failure, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Consumed segments are looked for after so many facts.
const PRUNE_EVERY: u64 = 10_000;
/// The journal is looked at so often even if nobody says that it has grown.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How far consuming has come; for metrics and alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The last fact that is in the database.
    pub consumed: u64,
    /// The last fact that was written, as far as the consumer was told.
    pub written: u64,
    /// How often in a row the database or the files have failed; 0 while all is well.
    pub failures: u32,
    /// Since start: facts that became rows, were skipped, or were put aside.
    pub applied: Applied,
    /// Damaged stretches of the journal that were passed over.
    pub damaged: u64,
    /// Facts of a kind that this program does not know.
    pub unreadable: u64,
    /// Numbers that were missing.
    pub missing: u64,
}

impl Progress {
    /// How many facts wait.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.written.saturating_sub(self.consumed)
    }
}

/// Why consuming failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files.
    #[error("the journal cannot be read")]
    Journal(#[from] io::Error),
}

/// Applies everything that is in the journal now; for the start, before anybody asks what calls were left behind.
pub async fn catch_up(store: &Store, dir: &Path) -> Result<Progress, ConsumeError> {
    let (progress, _) = watch::channel(Progress::default());
    let mut consumer = Consumer::new(store.clone(), dir.to_owned(), progress);
    while consumer.step(Patience::None).await? != Step::Nothing {}
    Ok(*consumer.progress.borrow())
}

/// Applies facts for as long as `wake`'s sender lives, then what is left. Never gives up: while the database is away it tries again
/// after 100 ms to 5 s.
///
/// `wake` carries the number of the last fact written. When its sender is gone the first failure ends the loop: what is left waits in
/// the journal for the next start.
pub async fn consume(store: Store, dir: PathBuf, mut wake: watch::Receiver<u64>, progress: watch::Sender<Progress>) {
    let mut consumer = Consumer::new(store, dir, progress);
    let mut failures = 0;
    loop {
        let written = *wake.borrow_and_update();
        consumer.progress.send_modify(|progress| progress.written = progress.written.max(written));
        let closing = wake.has_changed().is_err();
        match consumer.step(if closing { Patience::None } else { Patience::Some }).await {
            Ok(step) => {
                if failures > 0 && step != Step::Held {
                    info!(failures, consumed = consumer.progress.borrow().consumed, "The database takes facts again.");
                    failures = 0;
                    consumer.note_failures(0);
                }
                match step {
                    Step::Nothing if closing => return,
                    // Whichever it is, the loop looks.
                    Step::Nothing => drop(tokio::time::timeout(LOOK_EVERY, wake.changed()).await),
                    Step::Applied { has_more: false } | Step::Held if !closing => tokio::time::sleep(PACE).await,
                    Step::Applied { .. } | Step::Held => {}
                }
            }
            Err(failed) => {
                failures += 1;
                consumer.note_failures(failures);
                report(failures, &failed);
                if closing {
                    return;
                }
                tokio::time::sleep(pause(failures)).await;
            }
        }
    }
}

/// Once when it begins, and then each time it has lasted about a minute longer.
fn report(failures: u32, failed: &ConsumeError) {
    let cause = failed as &dyn std::error::Error;
    if failures != 1 && !failures.is_multiple_of(12) {
        return;
    }
    match failed {
        ConsumeError::Store(store) if store.is_unavailable() => {
            warn!(failures, error = cause, "The database is not available; facts wait in the journal.");
        }
        _ => error!(failures, error = cause, "Facts cannot be applied; they wait in the journal."),
    }
}

/// Doubles from 100 ms to 5 s; half of it is chance, so that several programs do not knock in step.
fn pause(failures: u32) -> Duration {
    let full = PAUSE_FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(PAUSE_MAX);
    let chance = RandomState::new().build_hasher().finish() % 1000;
    let half = full / 2;
    half + half.mul_f64(f64::from(u32::try_from(chance).unwrap_or(0)) / 1000.0)
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There was nothing to read.
    Nothing,
    /// Facts wait in memory for others.
    Held,
    /// Facts are in the database.
    Applied {
        /// Others are behind them, at once.
        has_more: bool,
    },
}

/// Whether facts may wait for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    None,
    Some,
}

struct Consumer {
    store: Store,
    dir: PathBuf,
    /// None before the start and after a failure: then the database says where to go on.
    reader: Option<Reader>,
    /// Facts that were read and are not in the database yet, and since when they wait. They go with the reader.
    held: Vec<(u64, Fact)>,
    held_since: Option<Instant>,
    /// The database's cursor as we left it.
    consumed: u64,
    /// How far any reader has come, so that damage met again is not counted again.
    read: u64,
    pruned_at: Option<u64>,
    progress: watch::Sender<Progress>,
}

impl Consumer {
    fn new(store: Store, dir: PathBuf, progress: watch::Sender<Progress>) -> Self {
        Self { store, dir, reader: None, held: Vec::new(), held_since: None, consumed: 0, read: 0, pruned_at: None, progress }
    }

    /// Reads what there is, and applies it unless it can wait.
    async fn step(&mut self, patience: Patience) -> Result<Step, ConsumeError> {
        let mut batch = std::mem::take(&mut self.held);
        let since = self.held_since.take();
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                batch.clear();
                self.open().await?
            }
        };
        let before = (reader.damaged(), reader.unreadable(), reader.missing());
        let room = FACTS_MAX.saturating_sub(batch.len()).max(1);
        let (reader, mut read) = blocking(move || {
            let mut reader = reader;
            let read = reader.next_batch(room)?;
            Ok((reader, read))
        })
        .await?;
        self.note_damage(&reader, before);
        batch.append(&mut read);
        let has_more = reader.has_more();
        let Some((last, _)) = batch.last() else {
            self.reader = Some(reader);
            self.prune().await?;
            return Ok(Step::Nothing);
        };
        let last = *last;
        let now = Instant::now();
        let since = since.unwrap_or(now);
        let can_wait = patience == Patience::Some && !has_more && now.saturating_duration_since(since) < QUIET_MAX;
        if can_wait && batch.iter().all(|(_, fact)| is_quiet(fact)) {
            (self.held, self.held_since, self.reader) = (batch, Some(since), Some(reader));
            return Ok(Step::Held);
        }
        let applied = self.store.apply_after(self.consumed, &batch).await?;
        self.consumed = last;
        self.reader = Some(reader);
        self.progress.send_modify(|progress| {
            progress.consumed = last;
            progress.written = progress.written.max(last);
            progress.applied += applied;
        });
        self.prune().await?;
        Ok(Step::Applied { has_more })
    }

    async fn open(&mut self) -> Result<Reader, ConsumeError> {
        self.consumed = self.store.cursor().await?;
        self.progress.send_modify(|progress| progress.consumed = self.consumed);
        let (dir, cursor) = (self.dir.clone(), self.consumed);
        blocking(move || Reader::open(&dir, cursor)).await
    }

    fn note_damage(&mut self, reader: &Reader, (damaged, unreadable, missing): (u64, u64, u64)) {
        if reader.position() <= self.read {
            return;
        }
        self.read = reader.position();
        self.progress.send_if_modified(|progress| {
            let old = *progress;
            progress.damaged += reader.damaged() - damaged;
            progress.unreadable += reader.unreadable() - unreadable;
            progress.missing += reader.missing() - missing;
            *progress != old
        });
    }

    fn note_failures(&self, failures: u32) {
        self.progress.send_modify(|progress| progress.failures = failures);
    }

    /// Deletes segments that are done with: at start, and then now and then.
    async fn prune(&mut self) -> Result<(), ConsumeError> {
        if self.pruned_at.is_some_and(|at| self.consumed < at.saturating_add(PRUNE_EVERY)) {
            return Ok(());
        }
        self.pruned_at = Some(self.consumed);
        let (dir, consumed) = (self.dir.clone(), self.consumed);
        let removed = blocking(move || journal::prune(&dir, consumed)).await?;
        if removed > 0 {
            info!(removed, consumed, "Consumed journal segments are deleted.");
        }
        Ok(())
    }
}

/// Whether nobody reads what the fact becomes before the next start, which catches up first.
fn is_quiet(fact: &Fact) -> bool {
    matches!(fact, Fact::Bound { .. } | Fact::Unbound { .. } | Fact::CallsSeen { .. } | Fact::Banned { .. } | Fact::Unbanned { .. })
}

/// Files are read away from the threads that serve requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, ConsumeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(panicked) => Err(io::Error::other(panicked).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_with_half_of_them_chance() {
        for (failures, longest_ms) in [(1, 100), (2, 200), (3, 400), (6, 3200), (7, 5000), (40, 5000), (u32::MAX, 5000)] {
            for _ in 0..100 {
                let ms = pause(failures).as_millis();
                assert!((longest_ms / 2..=longest_ms).contains(&ms), "{ms} ms after {failures} failures");
            }
        }
    }
}
