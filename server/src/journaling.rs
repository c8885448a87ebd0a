//! The way into the journal: facts are on their way to disk before the packets that speak of them leave (R22).

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use model::Fact;
use store::journal::Journal;
use tokio::sync::watch;
use tracing::{error, info, warn};

/// A write that takes longer than this no longer holds packets back (R22).
const STALL: Duration = Duration::from_millis(50);

/// Batches that may wait for a stalled disk. Beyond that signalling waits: a fact is never lost for the sake of speed.
const BATCHES_MAX: usize = 16_384;

/// A failed write is tried again after this long.
const RETRY: Duration = Duration::from_secs(1);

/// Hands batches of facts to the journal's thread.
pub(crate) struct JournalGate {
    batches: SyncSender<Vec<Fact>>,
    progress: Arc<Progress>,
    sent: u64,
    stalled: bool,
    threads: Vec<JoinHandle<()>>,
}

/// How many batches are written.
#[derive(Default)]
struct Progress {
    written: Mutex<u64>,
    moved: Condvar,
}

impl Progress {
    fn written(&self) -> MutexGuard<'_, u64> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `batch` is written, at most for [`STALL`]; whether it is.
    fn wait_for(&self, batch: u64) -> bool {
        let (written, _) =
            self.moved.wait_timeout_while(self.written(), STALL, |written| *written < batch).unwrap_or_else(PoisonError::into_inner);
        *written >= batch
    }
}

impl JournalGate {
    /// Starts the writing thread, and the one that brings what was written to the disk every `fsync_every`.
    /// `told` carries the last sequence number to the journal's consumer.
    pub(crate) fn start(journal: Journal, fsync_every: Duration, told: watch::Sender<u64>) -> anyhow::Result<Self> {
        let (batches, receiver) = mpsc::sync_channel(BATCHES_MAX);
        let progress = Arc::new(Progress::default());
        let sync = journal.sync_handle();
        let writer = {
            let progress = Arc::clone(&progress);
            thread::Builder::new().name("journal".to_owned()).spawn(move || write(journal, &receiver, &progress, &told))?
        };
        let (stop, stopped) = mpsc::sync_channel::<()>(1);
        let syncer = thread::Builder::new().name("journal-sync".to_owned()).spawn(move || {
            // The writer drops `stop` when it ends; until then each wait is one interval.
            while stopped.recv_timeout(fsync_every) == Err(mpsc::RecvTimeoutError::Timeout) {
                if let Err(failure) = sync.sync_if_dirty() {
                    error!(%failure, "The journal cannot be brought to disk; facts since the last success may be lost if the power fails.");
                }
            }
            let _ = sync.sync_if_dirty();
        })?;
        let keeper = thread::Builder::new().name("journal-keeper".to_owned()).spawn(move || {
            let _ = writer.join();
            drop(stop);
            let _ = syncer.join();
        })?;
        Ok(Self { batches, progress, sent: 0, stalled: false, threads: vec![keeper] })
    }

    /// Appends a batch and waits until it is written, unless the disk stalls. Whether the journal keeps up.
    pub(crate) fn append(&mut self, facts: Vec<Fact>) -> bool {
        if facts.is_empty() {
            return !self.stalled;
        }
        if self.batches.send(facts).is_err() {
            error!("The journal's thread is gone; facts are lost from now on. Restart the server.");
            return false;
        }
        self.sent += 1;
        if self.stalled {
            // Packets do not wait for a journal that is known to be slow; it has caught up once nothing older is unwritten.
            self.stalled = *self.progress.written() + 1 < self.sent;
            if !self.stalled {
                info!("The journal keeps up again.");
            }
            return !self.stalled;
        }
        if !self.progress.wait_for(self.sent) {
            self.stalled = true;
            warn!(stall_ms = STALL.as_millis(), "The journal's disk stalls: packets leave before their facts are written.");
        }
        !self.stalled
    }

    /// Writes out what was handed in, and ends.
    pub(crate) fn finish(self) {
        drop(self.batches);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the thread has nothing else to do until the disk takes its facts")]
fn write(mut journal: Journal, batches: &Receiver<Vec<Fact>>, progress: &Progress, told: &watch::Sender<u64>) {
    for facts in batches {
        let mut failing = false;
        let seq = loop {
            match journal.append(&facts) {
                Ok(seq) => break seq,
                Err(failure) => {
                    if !failing {
                        error!(%failure, "The journal cannot be written; its facts wait in memory. Free disk space.");
                        failing = true;
                    }
                    thread::sleep(RETRY);
                }
            }
        };
        if failing {
            info!("The journal can be written again.");
        }
        *progress.written() += 1;
        progress.moved.notify_all();
        told.send_replace(seq);
    }
}
