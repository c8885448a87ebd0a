//! The few things that are asked of a file system, so that a test can put a failing one in its place.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::path::FRESH;

/// Modes: recordings are for their owner's eyes and ears only.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A file system.
pub(crate) trait Disk: Send + Sync {
    /// Makes a directory and those above it.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Writes a small file whole, in place of an older one: whoever reads that name, now or after the process was
    /// killed, finds the one or the other. It is not synced: frames do not wait for that.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Whether there is anything of this name.
    fn exists(&self, path: &Path) -> bool;
    /// Makes a file that must not exist yet, to be written to.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Sheet>>;
    /// Gives a file another name in the same directory.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; one that is not there is no error.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Brings the names in a directory to the disk itself.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub(crate) trait Sheet: Send + Sync {
    /// Writes all of it at this place.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file, or lengthens it with zeroes that occupy no room.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Its length now.
    fn length(&self) -> io::Result<u64>;
    /// Brings the content to the disk itself.
    fn sync(&self) -> io::Result<()>;
}

/// The real one.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let fresh = fresh_name(path);
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&fresh).and_then(|file| {
            file.write_all_at(bytes, 0)?;
            fs::rename(&fresh, path)
        });
        if written.is_err() {
            // On a full disk the room is better than half a file.
            let _ = self.remove(&fresh);
        }
        written
    }

    fn exists(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn Sheet>> {
        let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
        Ok(Arc::new(RealSheet(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// What a small file is called until it is whole.
pub(crate) fn fresh_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(FRESH);
    name.into()
}

/// A real file.
pub(crate) struct RealSheet(pub(crate) File);

impl Sheet for RealSheet {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// A failure as it stands in a row: two kinds that an administrator can act upon.
pub(crate) fn reason_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk_full".to_owned(),
        kind => format!("io_error: {kind}"),
    }
}
