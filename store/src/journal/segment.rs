//! The names of segments.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A segment's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// The number of its first fact.
    pub(super) first_seq: u64,
    pub(super) path: PathBuf,
}

/// Twenty digits: every number there can be, and names sort as numbers do.
pub(super) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}.log"))
}

/// The segments in `dir`, oldest first. Other files are none of ours.
pub(super) fn list(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let first_seq = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".log")?.parse().ok());
        if let Some(first_seq) = first_seq {
            segments.push(Segment { first_seq, path });
        }
    }
    segments.sort_unstable();
    Ok(segments)
}
