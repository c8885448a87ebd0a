//! Opening a recording to be heard, also while it grows.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use model::{RecordingRow, RecordingState};
use rustix::fs::OFlags;

use crate::{
    path::Files,
    wav::{FRAMES_MAX, frames_in, header, length_of},
};

/// A recording as it is at one moment: what a listener gets from start to end.
#[derive(Debug)]
pub struct Snapshot {
    /// The file, at its beginning. It may be longer than `length` by now.
    pub file: File,
    /// For a growing file: the header to be sent in place of the file's first 44 octets, of the sizes at this moment. It goes for the rest by
    /// seeking to octet 44.
    pub header: Option<[u8; 44]>,
    /// How many octets to send, the header's among them: whole frames only.
    pub length: u64,
    /// Whether the file will never change again.
    pub closed: bool,
}

/// Opens the recording of `row` below `dir`.
///
/// A file that ends while it is being sent can become shorter by a fraction of a second, when what was heard after the call's end is cut off.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] if there is no file: the row has none, names one that is not of our making, or it was lost. Else what the system says.
pub fn open(dir: &Path, row: &RecordingRow) -> io::Result<Snapshot> {
    if matches!(row.state, RecordingState::Failed | RecordingState::NotWanted | RecordingState::Erased) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let files = row.file.as_deref().and_then(|file| Files::of(dir, file)).ok_or(io::ErrorKind::NotFound)?;
    // The closed file first; a recording that is closed between the two looks has the closed name at the third.
    match open_file(&files.whole) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other.and_then(closed),
    }
    match open_file(&files.part) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => open_file(&files.whole).and_then(closed),
        other => other.and_then(growing),
    }
}

fn closed(file: File) -> io::Result<Snapshot> {
    let length = file.metadata()?.len();
    Ok(Snapshot { file, header: None, length, closed: true })
}

fn growing(file: File) -> io::Result<Snapshot> {
    let frames = frames_in(file.metadata()?.len()).min(FRAMES_MAX);
    Ok(Snapshot { file, header: Some(header(frames)), length: length_of(frames), closed: false })
}

/// A plain file, and never one that a link points to (FT-19).
fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}
