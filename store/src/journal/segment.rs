//! The names of segments, and what they start with.

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

/// The start of every segment; the digit is the version of the format.
pub(super) const MAGIC: &[u8; 8] = b"CBJRNL1\n";
/// The version of the format that this program writes.
pub(super) const VERSION: u8 = 1;

/// What a segment starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// As it should be.
    Sound,
    /// Shorter than a head: its first write was cut off, or is not over.
    Short,
    /// Of a format that came after this program.
    Newer(u8),
    /// Anything else. What lies behind it may be sound.
    Damaged,
}

impl Head {
    /// Reads the start of a segment.
    pub(super) fn read(octets: &[u8]) -> Self {
        match octets {
            [b'C', b'B', b'J', b'R', b'N', b'L', version @ b'1'..=b'9', b'\n', ..] => match version - b'0' {
                VERSION => Self::Sound,
                newer => Self::Newer(newer),
            },
            _ if octets.len() < MAGIC.len() => Self::Short,
            _ => Self::Damaged,
        }
    }
}

/// Twenty digits: every number there can be, and names sort as numbers do.
pub(super) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}.log"))
}

/// Puts a segment in which nothing can be read out of the way, for people to look at; gives its new name.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("log.damaged");
    fs::rename(path, &aside)?;
    Ok(aside)
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
