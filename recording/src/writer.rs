//! The growing file of one recording: a buffer of half a second, and what happens when the disk refuses.
//!
//! ```text
//!            write fails            after 5 s the next write is tried
//!  writing --------------> resting ----------------------------------> writing
//! ```
//!
//! Samples have their place in the file by their time, so what could not be written is a stretch of silence, and the recording goes on behind it
//! when the disk has room again (FT-6). It is then partial.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    disk::{Disk, Sheet, reason_of},
    path::Files,
    place::{Frame, Ready},
    wav::{FRAME, FRAMES_MAX, FRAMES_PER_MS, header, length_of},
};

/// Octets of audio that wait in memory: 500 ms.
pub(crate) const BUFFER: usize = 16_000;

/// Octets of one frame.
const FRAME_OCTETS: usize = 4;

/// 100 ms of silence.
const SILENCE: [Frame; 800] = [[0; 2]; 800];

/// A gap up to this long is written as zeroes; a longer one is left out of the file, where it reads as zeroes and occupies no room.
const GAP_WRITTEN: u64 = 100 * FRAMES_PER_MS;

/// The header tells of new frames each time that so many have come. Nobody who reads a growing file goes by it: a listener is given a header of the
/// moment, and after a crash the file's length counts.
const HEADER_EVERY: u64 = 2_000 * FRAMES_PER_MS;

/// So long is a disk left alone that refused a write.
const RETRY: Duration = Duration::from_secs(5);

/// Writes one recording's file.
pub(crate) struct Writer {
    pub(crate) files: Files,
    /// The row as JSON, written before the file is made, so that no file is without its row.
    sidecar: Vec<u8>,
    sheet: Option<Arc<dyn Sheet>>,
    buffer: Vec<u8>,
    /// The place of the next frame, behind all that is in the buffer.
    next: u64,
    /// The file reaches to this frame.
    on_disk: u64,
    /// The header on disk tells of so many frames.
    told: u64,
    /// Frames of audio that are on disk.
    written: u64,
    /// Frames that could not be written.
    lost: u64,
    resting_until: Option<Instant>,
    /// What the disk first refused with, as it stands in the row.
    trouble: Option<String>,
    /// Something was written since the last [`Self::dirty_sheet`].
    dirty: bool,
}

impl Writer {
    /// Makes the files. If that fails, it is tried again with later writes.
    pub(crate) fn new(disk: &dyn Disk, now: Instant, files: Files, sidecar: Vec<u8>) -> Self {
        let mut writer = Self {
            files,
            sidecar,
            sheet: None,
            buffer: Vec::with_capacity(BUFFER),
            next: 0,
            on_disk: 0,
            told: 0,
            written: 0,
            lost: 0,
            resting_until: None,
            trouble: None,
            dirty: false,
        };
        if let Err(error) = writer.create(disk) {
            writer.refused(now, &error);
        }
        writer
    }

    fn create(&mut self, disk: &dyn Disk) -> io::Result<()> {
        disk.make_dir(&self.files.day)?;
        disk.write(&self.files.sidecar, &self.sidecar)?;
        let sheet = disk.create(&self.files.part)?;
        // On a full disk an empty file may still be made; its header comes with the first write then.
        let written = sheet.write_at(&header(0), 0);
        self.sheet = Some(sheet);
        written
    }

    /// Takes what the time line gives out.
    pub(crate) fn take(&mut self, disk: &dyn Disk, now: Instant, ready: Ready<'_>) {
        match ready {
            Ready::Silence(count) if count > GAP_WRITTEN => {
                self.flush(disk, now);
                self.next = self.next.saturating_add(count).min(FRAMES_MAX);
            }
            Ready::Silence(mut count) => {
                while count > 0 {
                    let piece = SILENCE.get(..usize::try_from(count).unwrap_or(usize::MAX)).unwrap_or(&SILENCE);
                    self.push(disk, now, piece);
                    count -= u64::try_from(piece.len()).unwrap_or(count);
                }
            }
            Ready::Frames(frames) => self.push(disk, now, frames),
        }
    }

    fn push(&mut self, disk: &dyn Disk, now: Instant, mut frames: &[Frame]) {
        while !frames.is_empty() && self.next < FRAMES_MAX {
            let room = (BUFFER - self.buffer.len()) / FRAME_OCTETS;
            let room = room.min(usize::try_from(FRAMES_MAX - self.next).unwrap_or(usize::MAX));
            let (piece, rest) = frames.split_at_checked(room).unwrap_or((frames, &[]));
            let begin = self.buffer.len();
            self.buffer.resize(begin + piece.len() * FRAME_OCTETS, 0);
            let places = self.buffer.get_mut(begin..).unwrap_or_default().as_chunks_mut::<FRAME_OCTETS>().0;
            for (place, [left, right]) in places.iter_mut().zip(piece) {
                let ([l0, l1], [r0, r1]) = (left.to_le_bytes(), right.to_le_bytes());
                *place = [l0, l1, r0, r1];
            }
            self.next += u64::try_from(piece.len()).unwrap_or(0);
            frames = rest;
            if self.buffer.len() >= BUFFER {
                self.flush(disk, now);
            }
        }
    }

    /// Whether a flush would write anything.
    pub(crate) fn is_behind(&self) -> bool {
        self.next > self.on_disk
    }

    /// Whether the longest file has been reached.
    pub(crate) fn is_full(&self) -> bool {
        self.next >= FRAMES_MAX
    }

    /// Writes what waits, and the header that tells it.
    pub(crate) fn flush(&mut self, disk: &dyn Disk, now: Instant) {
        if !self.is_behind() {
            return;
        }
        self.resting_until = self.resting_until.filter(|until| *until > now);
        let waiting = u64::try_from(self.buffer.len()).unwrap_or(0) / FRAME;
        if self.resting_until.is_some() {
            self.lost += waiting;
        } else if let Err(error) = self.write(disk, waiting) {
            self.lost += waiting;
            self.refused(now, &error);
        } else {
            self.written += waiting;
            self.on_disk = self.next;
            self.dirty = true;
        }
        self.buffer.clear();
    }

    fn write(&mut self, disk: &dyn Disk, waiting: u64) -> io::Result<()> {
        if self.sheet.is_none() {
            self.create(disk)?;
        }
        let Some(sheet) = &self.sheet else { return Ok(()) };
        if waiting == 0 {
            sheet.set_length(length_of(self.next))?;
        } else {
            sheet.write_at(&self.buffer, length_of(self.next - waiting))?;
        }
        if waiting == 0 || self.next >= self.told.saturating_add(HEADER_EVERY) {
            sheet.write_at(&header(self.next), 0)?;
            self.told = self.next;
        }
        Ok(())
    }

    fn refused(&mut self, now: Instant, error: &io::Error) {
        self.resting_until = Some(now + RETRY);
        self.trouble.get_or_insert_with(|| reason_of(error));
    }

    /// The sync of the file failed: what the kernel had taken may be lost.
    pub(crate) fn sync_failed(&mut self, error: &io::Error) {
        self.trouble.get_or_insert_with(|| reason_of(error));
    }

    /// The file, if anything was written since this was last asked.
    pub(crate) fn dirty_sheet(&mut self) -> Option<Arc<dyn Sheet>> {
        std::mem::take(&mut self.dirty).then(|| self.sheet.clone()).flatten()
    }

    /// The open file, if it could be made.
    pub(crate) fn sheet(&self) -> Option<Arc<dyn Sheet>> {
        self.sheet.clone()
    }

    /// Frames of audio that are on disk.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Frames that could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// What the disk first refused with.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Whether the disk refused lately, so that audio is being lost.
    pub(crate) fn is_resting(&self) -> bool {
        self.resting_until.is_some()
    }
}
