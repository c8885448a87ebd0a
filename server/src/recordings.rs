//! How REST reads recordings, and how they are erased.

use std::{io, path::PathBuf};

use api::{OpenRecording, Peaks, Recordings};
use model::RecordingRow;
use office::recordings::Files;

/// The recording directory.
pub(crate) struct RecordingDir(pub(crate) PathBuf);

impl Recordings for RecordingDir {
    fn open(&self, row: &RecordingRow) -> io::Result<OpenRecording> {
        let snapshot = recording::open(&self.0, row)?;
        Ok(OpenRecording { file: snapshot.file, header: snapshot.header, length: snapshot.length, closed: snapshot.closed })
    }

    fn peaks(&self, row: &RecordingRow) -> io::Result<Peaks> {
        let peaks = recording::peaks(&recording::open(&self.0, row)?)?;
        Ok(Peaks { duration_ms: peaks.duration_ms, per_second: peaks.per_second(), channels: peaks.channels })
    }
}

impl Files for RecordingDir {
    fn unlink(&self, file: &str) -> io::Result<()> {
        recording::erase(&self.0, file)
    }
}
