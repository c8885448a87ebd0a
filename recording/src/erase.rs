//! A recording's files go, for ever.

use std::{io, path::Path};

use crate::{
    disk::{Disk, RealDisk, fresh_name},
    path::Files,
};

/// Unlinks the recording called `relative` below `dir`, with all that lies beside it. Who has it open hears it to the end of what they have asked for.
/// One that is not there, or whose name is not of our making, is no error.
///
/// # Errors
/// What the disk says if it does not let a file go; the others are gone then.
pub fn erase(dir: &Path, relative: &str) -> io::Result<()> {
    let Some(files) = Files::of(dir, relative) else { return Ok(()) };
    let fresh = fresh_name(&files.sidecar);
    // The row first: a start after a crash in between would make the recording of it anew, as one without sound.
    let gone = [&fresh, &files.sidecar, &files.part, &files.whole].map(|file| RealDisk.remove(file));
    gone.into_iter().collect::<io::Result<()>>()?;
    match RealDisk.sync_dir(&files.day) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        synced => synced,
    }
}
