//! Writing through to the disk, away from the thread that appends.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// What the appender and the syncing thread share. The appender takes the lock only when a segment begins.
#[derive(Debug)]
pub(super) struct Shared {
    /// Kept open: when descriptors run out, what was appended must still get to the disk.
    dir: File,
    written: AtomicU64,
    synced: AtomicU64,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    /// Segments that may hold what the disk has not; the last one still grows.
    open: Vec<Arc<File>>,
    /// How many segments were made.
    made: u64,
    /// How many of them a power cut cannot make nameless any more.
    named: u64,
}

impl Shared {
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        Ok(Self { dir: File::open(dir)?, written: AtomicU64::new(0), synced: AtomicU64::new(0), files: Mutex::default() })
    }

    /// The segment that was there at start.
    pub(super) fn grows(&self, file: &Arc<File>) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).open.push(Arc::clone(file));
    }

    /// A new segment.
    pub(super) fn created(&self, file: &Arc<File>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.open.push(Arc::clone(file));
        files.made += 1;
    }

    pub(super) fn written(&self, seq: u64) {
        self.written.store(seq, Ordering::Release);
    }
}

/// Writes the journal through to the disk; belongs to whoever owns the timer (R22: every 200 ms).
#[derive(Debug, Clone)]
pub struct SyncHandle {
    shared: Arc<Shared>,
}

impl SyncHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// `fdatasync` of what was appended since the last time; says whether there was anything. Takes as long as the disk takes.
    ///
    /// Opens nothing, so it does not fail for want of descriptors. After an error all of it is tried again the next time.
    pub fn sync_if_dirty(&self) -> io::Result<bool> {
        let written = self.shared.written.load(Ordering::Acquire);
        if written == self.shared.synced.load(Ordering::Acquire) {
            return Ok(false);
        }
        let (open, made, named) = {
            let files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
            (files.open.clone(), files.made, files.named)
        };
        for file in &open {
            file.sync_data()?;
        }
        if named < made {
            self.shared.dir.sync_all()?;
        }
        let mut files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        // All but the last have ended: they are done with.
        if let Some((_, ended)) = open.split_last() {
            files.open.retain(|file| !ended.iter().any(|ended| Arc::ptr_eq(ended, file)));
        }
        files.named = files.named.max(made);
        drop(files);
        self.shared.synced.fetch_max(written, Ordering::AcqRel);
        Ok(true)
    }

    /// The number of the last fact that a power cut cannot take away.
    #[must_use]
    pub fn synced_seq(&self) -> u64 {
        self.shared.synced.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(super) fn open_files(&self) -> usize {
        self.shared.files.lock().unwrap_or_else(PoisonError::into_inner).open.len()
    }
}
