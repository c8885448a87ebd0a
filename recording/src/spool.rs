//! All growing recordings: frames in, files out.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use media::{TAP_PAYLOAD_MAX, TapFrame, TapFrames};
use model::{RecordingRow, RecordingState};

use crate::{
    disk::{Disk, RealDisk},
    path::Files,
    place::TimeLine,
    seal::{Done, Seal, Sealer, add_reason, fail},
    wav::{FRAMES_MAX, FRAMES_PER_MS},
    writer::Writer,
};

/// At most so many recordings grow at a time; each occupies about 25 KiB of memory and a descriptor.
pub const RECORDINGS_MAX: usize = 20_000;

/// A file on disk is never further behind than this and the window of 200 ms, as long as somebody speaks (FT-2 allows 1 s). Half as long would
/// cost half as many writes more, and the pages' beginnings and ends are what writes cost.
const FLUSH: Duration = Duration::from_millis(450);

/// A frame is not taken that lies further ahead of the clock than this: it can only be a mistake, and would make the file absurdly long.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// While files are being closed elsewhere, the owner looks for the outcome this often.
const LOOK: Duration = Duration::from_millis(20);

/// What the recorder needs to know.
#[derive(Debug, Clone)]
pub struct RecorderSettings {
    /// The recording directory; made if it is not there.
    pub dir: PathBuf,
    /// A growing file is brought to the disk itself this often, and when it is closed: what a power cut can cost. Zero: never, the system
    /// decides. A killed process costs nothing of this.
    pub fsync: Duration,
}

/// What the recorder is told.
#[derive(Debug)]
pub enum ToRecorder {
    /// A recording begins. Comes before its first frame.
    Begin {
        /// The recording's key, as in its frames; not used before.
        key: u64,
        /// Its row, in state `recording`. The file's name is [`RecordingRow::file_name`]; it may be missing.
        row: RecordingRow,
    },
    /// Pieces of audio. Those of an unknown recording are counted and dropped.
    Frames(TapFrames),
    /// A recording ends.
    End {
        /// The recording's key.
        key: u64,
        /// How long the recording is to be, from its start to the call's end: cut, or filled with silence.
        duration_ms: u64,
        /// Frames of it that were dropped on their way to the recorder; with any the recording is partial.
        dropped: u64,
        /// Why it is partial for another reason.
        reason: Option<String>,
    },
    /// The row of a closed recording is written where rows are kept: its sidecar may go.
    Journaled(RecordingRow),
}

/// What the recorder has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecorderCounters {
    /// Recordings that grow now.
    pub live: usize,
    /// Frames taken.
    pub frames: u64,
    /// Frames of recordings that are not there.
    pub unknown: u64,
    /// Frames too far ahead of the clock.
    pub ahead: u64,
    /// Samples of closed recordings that came too late for their place.
    pub late_samples: u64,
    /// Samples per channel of closed recordings that the disk did not take.
    pub lost_samples: u64,
    /// Recordings closed with nothing missing.
    pub complete: u64,
    /// Recordings closed with something missing.
    pub partial: u64,
    /// Recordings without a file.
    pub failed: u64,
}

/// Writes all growing recordings. Owned and driven by one thread: hand in, [`Self::wake`] when [`Self::timeout`] is due, [`Self::poll`] after
/// each.
///
/// The disk is never fatal: a recording that it refuses becomes partial or failed, and the others go on (FT-6). Dropping the recorder writes what
/// it holds and leaves growing files as they are, for [`recover`](crate::recover).
pub struct Recorder {
    settings: RecorderSettings,
    disk: Arc<dyn Disk>,
    sealer: Sealer,
    takes: BTreeMap<u64, Take>,
    /// When each recording is looked at next.
    due: BTreeSet<(Instant, u64)>,
    closed: VecDeque<RecordingRow>,
    counters: RecorderCounters,
    /// The last moment that was told.
    now: Option<Instant>,
}

/// One growing recording.
struct Take {
    row: RecordingRow,
    line: TimeLine,
    writer: Writer,
    begun: Instant,
    /// When what waits is written.
    flush_at: Option<Instant>,
    /// When what was written is synced.
    sync_at: Option<Instant>,
    /// Its entry in [`Recorder::due`].
    due: Option<Instant>,
    is_syncing: bool,
    ahead: u64,
}

impl Recorder {
    /// Makes the recording directory and starts the thread that closes files.
    ///
    /// # Errors
    /// The directory cannot be made, or there are no threads left.
    pub fn new(settings: RecorderSettings) -> io::Result<Self> {
        RealDisk.make_dir(&settings.dir)?;
        Self::on(settings, Arc::new(RealDisk))
    }

    /// On a given disk.
    pub(crate) fn on(settings: RecorderSettings, disk: Arc<dyn Disk>) -> io::Result<Self> {
        Ok(Self {
            sealer: Sealer::start(Arc::clone(&disk))?,
            settings,
            disk,
            takes: BTreeMap::new(),
            due: BTreeSet::new(),
            closed: VecDeque::new(),
            counters: RecorderCounters::default(),
            now: None,
        })
    }

    /// Takes what is told.
    pub fn handle(&mut self, now: Instant, told: ToRecorder) {
        self.now = Some(now);
        match told {
            ToRecorder::Begin { key, row } => self.begin(now, key, row),
            ToRecorder::Frames(frames) => frames.iter().for_each(|frame| self.frame(now, frame)),
            ToRecorder::End { key, duration_ms, dropped, reason } => self.end(now, key, duration_ms, dropped, reason),
            ToRecorder::Journaled(row) => self.sealer.forget(&self.settings.dir, row),
        }
    }

    /// Writes and syncs what is due.
    pub fn wake(&mut self, now: Instant) {
        self.now = Some(now);
        while let Some(&(at, key)) = self.due.first()
            && at <= now
        {
            self.due.pop_first();
            let Some(take) = self.takes.get_mut(&key) else { continue };
            take.due = None;
            if take.flush_at.is_some_and(|at| at <= now) {
                take.flush_at = None;
                take.writer.flush(&*self.disk, now);
            }
            if take.sync_at.is_some_and(|at| at <= now) {
                take.sync_at = None;
                // A disk that has not finished the last sync is not asked for another.
                if !take.is_syncing
                    && let Some(sheet) = take.writer.dirty_sheet()
                {
                    take.is_syncing = self.sealer.sync(key, sheet);
                }
            }
            self.schedule(now, key);
        }
    }

    /// The row of a recording that was closed: complete, partial or failed. Exactly one for each that began. Its sidecar stays until
    /// [`ToRecorder::Journaled`] or [`forget_sidecar`](crate::forget_sidecar).
    pub fn poll(&mut self) -> Option<RecordingRow> {
        while let Some(done) = self.sealer.poll() {
            self.done(done);
        }
        self.closed.pop_front()
    }

    /// When to wake it, and why.
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        let write = self.due.first().map(|(at, _)| (*at, "write recordings"));
        let look = self.now.filter(|_| self.sealer.is_busy()).map(|now| (now + LOOK, "closed recordings"));
        [write, look].into_iter().flatten().min()
    }

    /// Waits until all recordings that have ended are closed: before the process ends (FT-3).
    pub fn finish(&mut self) {
        while let Some(done) = self.sealer.wait() {
            self.done(done);
        }
    }

    /// What it has done.
    #[must_use]
    pub fn counters(&self) -> RecorderCounters {
        RecorderCounters { live: self.takes.len(), ..self.counters }
    }

    /// Why audio is being lost at this moment, if it is: for the alarm (FT-6), which its owner raises. `disk_full`, or `io_error: ` and the system's word.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.takes.values().find(|take| take.writer.is_resting()).and_then(|take| take.writer.trouble())
    }

    fn begin(&mut self, now: Instant, key: u64, mut row: RecordingRow) {
        let name = row.file.take().unwrap_or_else(|| RecordingRow::file_name(row.call_id, row.started_at));
        let files = Files::of(&self.settings.dir, &name);
        let reason = match (&files, self.takes.contains_key(&key)) {
            (None, _) => Some("bad file name"),
            (_, true) => Some("recording key used twice"),
            (Some(files), _) if self.disk.exists(&files.part) || self.disk.exists(&files.whole) => Some("file exists"),
            _ if self.takes.len() >= RECORDINGS_MAX => Some("too many recordings"),
            _ => None,
        };
        let Some(files) = files.filter(|_| reason.is_none()) else {
            tracing::error!(call = %row.call_id, reason, "A recording cannot begin.");
            add_reason(&mut row, reason.unwrap_or_default().to_owned());
            fail(&mut row);
            self.close(row);
            return;
        };
        row.state = RecordingState::Recording;
        row.file = Some(name);
        // A row is plain data; it cannot fail to be written as JSON. Were it so, only a crash would miss the sidecar.
        let sidecar = serde_json::to_vec(&row).unwrap_or_default();
        let writer = Writer::new(&*self.disk, now, files, sidecar);
        let line = TimeLine::new();
        let take = Take { row, line, writer, begun: now, flush_at: None, sync_at: None, due: None, is_syncing: false, ahead: 0 };
        self.takes.insert(key, take);
    }

    fn frame(&mut self, now: Instant, frame: TapFrame<'_>) {
        let Some(take) = self.takes.get_mut(&frame.recording) else {
            self.counters.unknown += 1;
            return;
        };
        let limit = now.saturating_duration_since(take.begun) + AHEAD_MAX;
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).saturating_mul(FRAMES_PER_MS);
        if frame.at > limit {
            take.ahead += 1;
            self.counters.ahead += 1;
            return;
        }
        self.counters.frames += 1;
        let mut samples = [0; TAP_PAYLOAD_MAX];
        let samples = samples.get_mut(..frame.audio.len()).unwrap_or_default();
        frame.codec.decode_into(frame.audio, samples);
        let (disk, writer) = (&*self.disk, &mut take.writer);
        take.line.place(frame.channel, frame.at, samples, |ready| writer.take(disk, now, ready));
        if take.flush_at.is_none() {
            self.schedule(now, frame.recording);
        }
    }

    fn end(&mut self, now: Instant, key: u64, duration_ms: u64, dropped: u64, reason: Option<String>) {
        let Some(mut take) = self.takes.remove(&key) else { return };
        if let Some(at) = take.due {
            self.due.remove(&(at, key));
        }
        let frames = duration_ms.saturating_mul(FRAMES_PER_MS);
        let (disk, writer) = (&*self.disk, &mut take.writer);
        let heard = take.line.end().min(frames);
        take.line.finish(heard, |ready| writer.take(disk, now, ready));
        writer.flush(disk, now);

        let mut row = take.row;
        let missing = [
            writer.trouble().map(str::to_owned),
            (frames > FRAMES_MAX || writer.is_full()).then(|| "length_limit".to_owned()),
            reason,
            (dropped > 0).then(|| format!("{dropped} frames dropped")),
            (take.ahead > 0).then(|| format!("{} frames out of place", take.ahead)),
        ];
        missing.into_iter().flatten().for_each(|reason| add_reason(&mut row, reason));
        row.state = if row.reason.is_some() { RecordingState::Partial } else { RecordingState::Complete };
        self.counters.late_samples += take.line.late();
        self.counters.lost_samples += writer.lost();
        let seal = Seal {
            row,
            files: writer.files.clone(),
            sheet: writer.sheet(),
            frames: frames.min(FRAMES_MAX),
            is_hopeless: writer.trouble().is_some() && writer.written() == 0,
            sync: !self.settings.fsync.is_zero(),
        };
        if let Some(row) = self.sealer.seal(seal) {
            self.close(row);
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Sealed(row) => self.close(*row),
            Done::Forgotten => {}
            Done::Synced { key, result } => {
                if let Some(take) = self.takes.get_mut(&key) {
                    take.is_syncing = false;
                    if let Err(error) = result {
                        take.writer.sync_failed(&error);
                    }
                }
            }
        }
    }

    fn close(&mut self, row: RecordingRow) {
        match row.state {
            RecordingState::Complete => self.counters.complete += 1,
            RecordingState::Partial => self.counters.partial += 1,
            _ => self.counters.failed += 1,
        }
        self.closed.push_back(row);
    }

    /// Puts the recording on the list, if it has something to write or to sync.
    fn schedule(&mut self, now: Instant, key: u64) {
        let fsync = self.settings.fsync;
        let Some(take) = self.takes.get_mut(&key) else { return };
        if take.writer.is_behind() {
            take.flush_at.get_or_insert(now + FLUSH);
            if !fsync.is_zero() {
                take.sync_at.get_or_insert(now + fsync.max(FLUSH));
            }
        }
        let due = [take.flush_at, take.sync_at].into_iter().flatten().min();
        if due != take.due {
            if let Some(at) = take.due {
                self.due.remove(&(at, key));
            }
            if let Some(at) = due {
                self.due.insert((at, key));
            }
            take.due = due;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let Some(now) = self.now else { return };
        for take in self.takes.values_mut() {
            let (disk, writer) = (&*self.disk, &mut take.writer);
            take.line.finish(take.line.end(), |ready| writer.take(disk, now, ready));
            writer.flush(disk, now);
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("dir", &self.settings.dir).field("live", &self.takes.len()).finish_non_exhaustive()
    }
}
