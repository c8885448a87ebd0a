//! The journal: facts in files, written before the wire hears of them and consumed by the database later (R22). Knows no database.
//!
//! A directory of segments, each named by the number of its first fact:
//!
//! ```text
//! journal/lock                        held by the one who appends
//! journal/00000000000000000001.log    "CBJRNL1\n", then records:  length u32 | CRC-32 u32 | number u64 | JSON of the fact
//! journal/00000000000000048213.log
//! ```
//!
//! Numbers are little-endian; length is that of the JSON; the CRC covers length, number and JSON. Numbers of facts grow by one.
//! Only the last record of the last segment can be torn by a crash; it was never released to the wire and is cut off.
//!
//! What is damaged otherwise costs what is damaged and nothing else, be it a record or a segment's head: whole records are found again by
//! their CRC and number. That is logged and counted, never silent.

mod reader;
mod record;
mod segment;
mod sync;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use model::Fact;
use tracing::{error, warn};

pub use reader::Reader;
pub use sync::SyncHandle;

use segment::{Head, MAGIC, Segment, VERSION};
use sync::Shared;

/// A segment that has reached this size is followed by a new one.
pub const SEGMENT_OCTETS_MAX: u64 = 64 * 1024 * 1024;
/// With so many segments (16 GiB) waiting for the database, nothing more is taken (FT-4): an append fails with `StorageFull`.
pub const SEGMENTS_MAX: usize = 256;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process appends to it.
    #[error("{0} is in use by another process")]
    Locked(PathBuf),
    /// A file is of a format that came after this program; it is left alone.
    #[error(
        "{file} is a journal segment of format {version}, and this program knows formats up to {VERSION}: start the newer program again"
    )]
    Newer {
        /// The segment.
        file: PathBuf,
        /// Its format's version.
        version: u8,
    },
    /// The files cannot be read or written.
    #[error("the journal cannot be opened")]
    Io(#[from] io::Error),
}

/// The appender. There is one a directory.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    _lock: Lock,
    segment: Option<Open>,
    last_seq: u64,
    segment_octets_max: u64,
    buffer: Vec<u8>,
    sync: Arc<Shared>,
}

/// The segment that grows.
#[derive(Debug)]
struct Open {
    file: Arc<File>,
    /// Up to here all is whole.
    length: u64,
    /// A failed write left something behind `length` that could not be cut off yet.
    ragged: bool,
}

/// The file whose lock the appender holds. It is given back by itself: a child process that is just being started has the file open, too, and a
/// lock lasts as long as anybody has.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // If it fails, the lock goes with the last one who has the file.
        drop(self.0.unlock());
    }
}

impl Journal {
    /// Opens the journal in `dir`, which is made if it is missing; cuts off what a crash has left half written.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        Self::open_with(dir, SEGMENT_OCTETS_MAX)
    }

    fn open_with(dir: &Path, segment_octets_max: u64) -> Result<Self, JournalError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let lock_path = dir.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked(dir.to_owned())),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut journal = Self {
            dir: dir.to_owned(),
            _lock: Lock(lock),
            segment: None,
            last_seq: 0,
            segment_octets_max,
            buffer: Vec::new(),
            sync: Arc::new(Shared::new(dir)?),
        };
        if let Some(last) = segment::list(dir)?.pop() {
            journal.resume(&last)?;
        }
        Ok(journal)
    }

    /// The number of the last fact; 0 if there never was one.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Makes the next fact's number greater than `seq`: call it at start with the database's cursor.
    ///
    /// When a data directory is lost but the database is not, the journal would count from 1 again, and the database would take all
    /// facts for old.
    pub fn skip_to(&mut self, seq: u64) {
        if seq > self.last_seq {
            warn!(
                journal = self.last_seq,
                database = seq,
                "The journal is behind the database; it goes on after the database's last fact."
            );
            self.last_seq = seq;
            // A segment is named by its first fact, so the jump needs a new one.
            self.segment = None;
        }
    }

    /// Appends facts in one `write`, all or none; gives the number of the last. They survive a crash of this program at once, and one of
    /// the machine after the next sync.
    ///
    /// # Errors
    /// `StorageFull` when [`SEGMENTS_MAX`] segments wait for the database; `InvalidInput` for a fact of more than 16 MiB; else what the
    /// disk says. The same facts may be appended again.
    pub fn append(&mut self, facts: &[Fact]) -> io::Result<u64> {
        if facts.is_empty() {
            return Ok(self.last_seq);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let outcome = self.write(&mut buffer, facts);
        // One great batch must not hold its memory for ever.
        buffer.shrink_to(1024 * 1024);
        self.buffer = buffer;
        outcome
    }

    /// Writes through to the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.sync_handle().sync_if_dirty().map(drop)
    }

    /// For whoever owns the sync timer, on a thread of its own.
    #[must_use]
    pub fn sync_handle(&self) -> SyncHandle {
        SyncHandle::new(Arc::clone(&self.sync))
    }

    fn write(&mut self, buffer: &mut Vec<u8>, facts: &[Fact]) -> io::Result<u64> {
        self.rotate_if_full()?;
        if self.segment.as_ref().is_none_or(|open| open.length == 0) {
            buffer.extend_from_slice(MAGIC);
        }
        let mut seq = self.last_seq;
        for fact in facts {
            seq += 1;
            record::encode(buffer, seq, fact)?;
        }
        let open = match &mut self.segment {
            Some(open) => open,
            closed => closed.insert(create(&self.dir, self.last_seq + 1, &self.sync)?),
        };
        open.append(buffer)?;
        self.last_seq = seq;
        self.sync.written(seq);
        Ok(seq)
    }

    fn rotate_if_full(&mut self) -> io::Result<()> {
        if self.segment.as_ref().is_some_and(|open| open.length >= self.segment_octets_max) {
            if segment::list(&self.dir)?.len() >= SEGMENTS_MAX {
                return Err(io::Error::new(io::ErrorKind::StorageFull, "too many journal segments wait for the database"));
            }
            self.segment = None;
        }
        Ok(())
    }

    /// Finds the end of the last segment and cuts off what lies behind it.
    fn resume(&mut self, last: &Segment) -> Result<(), JournalError> {
        let file = OpenOptions::new().read(true).write(true).open(&last.path)?;
        let octets = fs::read(&last.path)?;
        self.last_seq = last.first_seq.saturating_sub(1);
        let head = Head::read(&octets);
        let mut length = match head {
            Head::Sound => MAGIC.len(),
            Head::Short | Head::Damaged => 0,
            Head::Newer(version) => return Err(JournalError::Newer { file: last.path.clone(), version }),
        };
        if head != Head::Short {
            for record in record::whole(&octets, length, self.last_seq) {
                self.last_seq = record.seq;
                length = record.end;
            }
        }
        if head == Head::Damaged {
            error!(file = %last.path.display(), last_seq = self.last_seq, "The head of the journal's last segment is damaged; its records are looked for behind it.");
            if length == 0 {
                let aside = segment::set_aside(&last.path)?;
                error!(file = %aside.display(), "Nothing in this segment of the journal can be read; it is set aside.");
                return Ok(());
            }
        }
        if length < octets.len() {
            warn!(file = %last.path.display(), offset = length, octets = octets.len() - length, "The journal's torn end is cut off.");
            file.set_len(u64::try_from(length).unwrap_or(u64::MAX))?;
        }
        // What a crash of this program has left in the machine's memory only.
        file.sync_all()?;
        if length == 0 {
            // Not even the start was written. The next append makes the file anew.
            fs::remove_file(&last.path)?;
            return Ok(());
        }
        if head == Head::Damaged {
            // What is new goes into a segment that is sound.
            return Ok(());
        }
        let file = Arc::new(file);
        self.sync.grows(&file);
        self.segment = Some(Open { file, length: u64::try_from(length).unwrap_or(u64::MAX), ragged: false });
        Ok(())
    }
}

fn create(dir: &Path, first_seq: u64, sync: &Shared) -> io::Result<Open> {
    let path = segment::path(dir, first_seq);
    // A file of this name can only be one whose first write failed: it has no record.
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let file = Arc::new(file);
    sync.created(&file);
    Ok(Open { file, length: 0, ragged: false })
}

impl Open {
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        if self.ragged {
            self.file.set_len(self.length)?;
            self.ragged = false;
        }
        // One write(2), but for a disk that runs full in the middle of it.
        if let Err(error) = self.file.write_all_at(octets, self.length) {
            self.ragged = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// Deletes segments whose facts up to `consumed` are in the database; says how many.
///
/// The youngest of them stays: a power cut may take the database's last commits back (SQLite with `synchronous=NORMAL`), by far less
/// than a segment.
pub fn prune(dir: &Path, consumed: u64) -> io::Result<usize> {
    let segments = segment::list(dir)?;
    // A segment is consumed when the next one starts at or before the fact that comes next.
    let consumed = segments.iter().skip(1).take_while(|next| next.first_seq <= consumed.saturating_add(1)).count();
    let mut removed = 0;
    for segment in segments.iter().take(consumed.saturating_sub(1)) {
        fs::remove_file(&segment.path)?;
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests;
