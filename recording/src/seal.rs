//! Closing files, and syncing them, on a thread of its own: a sync takes milliseconds on a good disk and seconds on a bad one, and two hundred
//! thousand frames a second do not wait.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
};

use model::{RecordingRow, RecordingState};

use crate::{
    RECORDINGS_MAX,
    disk::{Disk, Sheet, reason_of},
    path::Files,
    recover::forget_on,
    wav::{FRAMES_PER_MS, frames_in, header, length_of},
};

/// At most so many files wait to be closed or synced, and as many outcomes to be taken: all recordings there can be, should all calls end at once.
/// Behind that the recorder itself waits, and its owner drops frames and counts them.
const JOBS_MAX: usize = RECORDINGS_MAX;

/// At most so many files are closed together: their names, which are mostly of one directory, are synced at once.
const BATCH_MAX: usize = 64;

/// A recording that has got all its samples.
pub(crate) struct Seal {
    /// The row: complete, or partial with its reason so far.
    pub(crate) row: RecordingRow,
    pub(crate) files: Files,
    /// The open file; none if it could never be made.
    pub(crate) sheet: Option<Arc<dyn Sheet>>,
    /// How long the recording is to be, in frames: the file is cut or lengthened to it.
    pub(crate) frames: u64,
    /// The disk refused, and not one sample was written.
    pub(crate) is_hopeless: bool,
    /// Whether to wait until it is on the disk itself.
    pub(crate) sync: bool,
}

impl Seal {
    /// Closes one file from beginning to end. Gives the row's last state.
    pub(crate) fn run(self, disk: &dyn Disk) -> RecordingRow {
        let row = self.row.clone();
        run_all(vec![self], disk).pop().unwrap_or(row)
    }

    /// Length, header, sync and name. True if the file has got its last name.
    fn settle(&mut self, disk: &dyn Disk) -> bool {
        let Some(sheet) = self.sheet.take().filter(|_| !self.is_hopeless) else {
            fail(&mut self.row);
            keep_sidecar(disk, &self.files, &self.row);
            if let Err(error) = disk.remove(&self.files.part) {
                tracing::debug!(%error, path = %self.files.part.display(), "A file of a failed recording stays behind.");
            }
            return false;
        };
        let closed = sheet.set_length(length_of(self.frames)).and_then(|()| sheet.write_at(&header(self.frames), 0));
        if let Err(error) = closed {
            self.blame(reason_of(&error));
            // What is there is what there is.
            self.frames = sheet.length().map_or(0, frames_in).min(self.frames);
        }
        if self.sync
            && let Err(error) = sheet.sync()
        {
            self.blame(reason_of(&error));
        }
        self.row.duration_ms = self.frames / FRAMES_PER_MS;
        self.row.size = length_of(self.frames);
        if self.row.state == RecordingState::Partial {
            keep_sidecar(disk, &self.files, &self.row);
        }
        match disk.rename(&self.files.part, &self.files.whole) {
            Ok(()) => true,
            // It can be heard under its old name, and the next start tries again.
            Err(error) => {
                self.blame(reason_of(&error));
                false
            }
        }
    }

    fn blame(&mut self, reason: String) {
        self.row.state = RecordingState::Partial;
        add_reason(&mut self.row, reason);
    }
}

/// Closes files: for each length, header, sync and name, then the names' directories together. Gives the rows' last states, in order. The sidecars
/// stay until the rows are written where rows are kept.
fn run_all(mut seals: Vec<Seal>, disk: &dyn Disk) -> Vec<RecordingRow> {
    let renamed: Vec<bool> = seals.iter_mut().map(|seal| seal.settle(disk)).collect();
    let named = seals.iter().zip(&renamed).filter_map(|(seal, renamed)| renamed.then_some(seal));
    let days: BTreeSet<_> = named.filter(|seal| seal.sync).map(|seal| &seal.files.day).collect();
    for day in days {
        if let Err(error) = disk.sync_dir(day) {
            tracing::warn!(%error, "The names of recordings may not be on disk yet.");
        }
    }
    seals.into_iter().map(|seal| seal.row).collect()
}

/// Puts a row's last state beside its file: a server that is killed before the row is written where rows are kept would not know what was missing.
pub(crate) fn keep_sidecar(disk: &dyn Disk, files: &Files, row: &RecordingRow) {
    if let Ok(json) = serde_json::to_vec(row)
        && let Err(error) = disk.write(&files.sidecar, &json)
    {
        tracing::debug!(%error, "A sidecar could not be written.");
    }
}

/// Makes a row one without a file.
pub(crate) fn fail(row: &mut RecordingRow) {
    row.state = RecordingState::Failed;
    row.file = None;
    row.duration_ms = 0;
    row.size = 0;
}

/// Adds to what a row says is missing; the same is not said twice, also of a reason that is made of several.
pub(crate) fn add_reason(row: &mut RecordingRow, reason: String) {
    let Some(known) = &mut row.reason else {
        row.reason = Some(reason);
        return;
    };
    for one in reason.split("; ") {
        if known.split("; ").all(|any| any != one) {
            known.push_str("; ");
            known.push_str(one);
        }
    }
}

enum Job {
    Sync { key: u64, sheet: Arc<dyn Sheet> },
    Forget { dir: PathBuf, row: Box<RecordingRow> },
    Seal(Box<Seal>),
}

/// What the thread has done.
pub(crate) enum Done {
    /// A growing file was synced.
    Synced { key: u64, result: io::Result<()> },
    /// A sidecar was taken away.
    Forgotten,
    /// A recording is closed.
    Sealed(Box<RecordingRow>),
}

/// The thread.
pub(crate) struct Sealer {
    disk: Arc<dyn Disk>,
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Done>,
    /// Outcomes that were taken while a job waited for its place.
    early: VecDeque<Done>,
    /// Jobs whose outcome has not been taken.
    pending: usize,
    thread: Option<JoinHandle<()>>,
}

impl Sealer {
    pub(crate) fn start(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel(JOBS_MAX);
        let (outbox, done) = mpsc::sync_channel(JOBS_MAX);
        let its_disk = Arc::clone(&disk);
        let thread = thread::Builder::new().name("recording-seal".to_owned()).spawn(move || {
            while let Ok(first) = inbox.recv() {
                let mut seals = Vec::new();
                let mut done = Vec::new();
                for job in std::iter::once(first).chain(inbox.try_iter().take(BATCH_MAX - 1)) {
                    match job {
                        Job::Sync { key, sheet } => done.push(Done::Synced { key, result: sheet.sync() }),
                        Job::Forget { dir, row } => {
                            if let Err(error) = forget_on(&*its_disk, &dir, &row) {
                                tracing::debug!(%error, "A sidecar stays behind; the next start takes it away.");
                            }
                            done.push(Done::Forgotten);
                        }
                        Job::Seal(seal) => seals.push(*seal),
                    }
                }
                done.extend(run_all(seals, &*its_disk).into_iter().map(|row| Done::Sealed(Box::new(row))));
                if done.into_iter().any(|one| outbox.send(one).is_err()) {
                    tracing::debug!("Nobody waits for the outcome any more.");
                }
            }
        })?;
        Ok(Self { disk, jobs: Some(jobs), done, early: VecDeque::new(), pending: 0, thread: Some(thread) })
    }

    /// Has a growing file synced; false if too many wait already.
    pub(crate) fn sync(&mut self, key: u64, sheet: Arc<dyn Sheet>) -> bool {
        let taken = self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(Job::Sync { key, sheet }).is_ok());
        self.pending += usize::from(taken);
        taken
    }

    /// Has a row's sidecar taken away. If too much waits already, the next start does it.
    pub(crate) fn forget(&mut self, dir: &Path, row: RecordingRow) {
        let job = Job::Forget { dir: dir.to_owned(), row: Box::new(row) };
        let taken = self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(job).is_ok());
        self.pending += usize::from(taken);
    }

    /// Has a recording closed. Gives the row at once if the thread is gone.
    pub(crate) fn seal(&mut self, seal: Seal) -> Option<RecordingRow> {
        let Some(jobs) = self.jobs.clone() else { return Some(seal.run(&*self.disk)) };
        let mut job = Job::Seal(Box::new(seal));
        loop {
            match jobs.try_send(job) {
                Ok(()) => {
                    self.pending += 1;
                    return None;
                }
                // A full queue moves on with the next outcome. It must be taken here, lest the two threads wait for each other.
                Err(TrySendError::Full(back)) => {
                    job = back;
                    if let Ok(done) = self.done.recv() {
                        self.early.push_back(done);
                    }
                }
                Err(TrySendError::Disconnected(Job::Seal(seal))) => return Some(seal.run(&*self.disk)),
                Err(TrySendError::Disconnected(Job::Sync { .. } | Job::Forget { .. })) => return None,
            }
        }
    }

    /// The next outcome that is there.
    pub(crate) fn poll(&mut self) -> Option<Done> {
        let done = self.early.pop_front().or_else(|| self.done.try_recv().ok())?;
        self.pending -= 1;
        Some(done)
    }

    /// Waits for the next outcome; `None` if none is due.
    pub(crate) fn wait(&mut self) -> Option<Done> {
        if self.pending == 0 {
            return None;
        }
        match self.early.pop_front().or_else(|| self.done.recv().ok()) {
            Some(done) => {
                self.pending -= 1;
                Some(done)
            }
            None => {
                // The thread is gone; nothing more comes.
                self.pending = 0;
                None
            }
        }
    }

    /// Whether outcomes are due.
    pub(crate) fn is_busy(&self) -> bool {
        self.pending > 0
    }
}

impl Drop for Sealer {
    /// What was begun is finished first.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("The thread that closes recordings had died.");
        }
    }
}
