//! The recorder, the reader and the recovery together, on real files.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod recorder;
mod recovery;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use media::{Channel, Codec, TapFrame, g711};
use model::{CallId, CenterId, ChannelRole, RecordingRow, RecordingState, WallTime};
use tempfile::TempDir;

use crate::{
    Recorder, RecorderSettings, ToRecorder,
    disk::{Disk, RealDisk, Sheet},
};

/// 2026-11-21, 12:00:00 UTC.
const NOON: WallTime = WallTime(1_795_262_400_000);

/// A loud octet of A-law, and what it sounds like.
const VOICE: u8 = 0x2a;

fn voice() -> i16 {
    g711::alaw_to_linear(VOICE)
}

fn row(call: i64) -> RecordingRow {
    let call_id = CallId(call);
    RecordingRow {
        call_id,
        center: CenterId(7),
        state: RecordingState::Recording,
        reason: None,
        file: Some(RecordingRow::file_name(call_id, NOON)),
        left: ChannelRole { role: "caller".to_owned(), number: "6001".to_owned() },
        right: ChannelRole { role: "callee".to_owned(), number: "+74951234567".to_owned() },
        started_at: NOON,
        duration_ms: 0,
        size: 0,
    }
}

/// 20 ms of voice, starting at this millisecond.
fn frame(recording: u64, channel: Channel, ms: u64) -> ToRecorder {
    ToRecorder::Frames(TapFrame { recording, channel, at: ms * 8, codec: Codec::Pcma, audio: &[VOICE; 160] }.into())
}

fn end(key: u64, duration_ms: u64) -> ToRecorder {
    ToRecorder::End { key, duration_ms, dropped: 0, reason: None }
}

/// A recorder on a directory of its own, with a clock that is moved by hand.
struct Bench {
    dir: TempDir,
    disk: Arc<MoodyDisk>,
    recorder: Recorder,
    start: Instant,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let disk = Arc::new(MoodyDisk::default());
        let settings = RecorderSettings { dir: dir.path().to_owned(), fsync: Duration::from_secs(5) };
        let recorder = Recorder::on(settings, Arc::clone(&disk) as Arc<dyn Disk>).unwrap();
        let now = Instant::now();
        Self { dir, disk, recorder, start: now, now }
    }

    fn begin(&mut self, key: u64) {
        let row = row(i64::try_from(key).unwrap());
        self.recorder.handle(self.now, ToRecorder::Begin { key, row });
    }

    fn tell(&mut self, told: ToRecorder) {
        self.recorder.handle(self.now, told);
    }

    /// Moves the clock to this many milliseconds after the start, waking the recorder whenever it asks for it.
    fn run_to(&mut self, ms: u64) {
        let until = self.start + Duration::from_millis(ms);
        while let Some((at, _)) = self.recorder.timeout().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.recorder.wake(self.now);
        }
        self.now = until;
    }

    /// Both parties speak from one millisecond to another.
    fn talk(&mut self, keys: &[u64], from_ms: u64, to_ms: u64) {
        for ms in (from_ms..to_ms).step_by(20) {
            self.run_to(ms);
            for key in keys {
                self.tell(frame(*key, Channel::Left, ms));
                self.tell(frame(*key, Channel::Right, ms));
            }
        }
        self.run_to(to_ms);
    }

    /// Ends a recording, waits for its row and has it journaled.
    fn close(&mut self, end: ToRecorder) -> RecordingRow {
        let row = self.close_untold(end);
        self.tell(ToRecorder::Journaled(row.clone()));
        self.recorder.finish();
        row
    }

    /// Ends a recording and waits for its row, which nobody hears of.
    fn close_untold(&mut self, end: ToRecorder) -> RecordingRow {
        self.tell(end);
        self.recorder.finish();
        let row = self.recorder.poll().unwrap();
        assert_eq!(self.recorder.poll(), None, "one row for each recording");
        row
    }

    fn path(&self, key: u64, suffix: &str) -> PathBuf {
        let name = RecordingRow::file_name(CallId(i64::try_from(key).unwrap()), NOON);
        self.dir.path().join(format!("{name}{suffix}"))
    }

    /// Everything in the day's directory.
    fn names(&self) -> Vec<String> {
        names(self.dir.path())
    }
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(day) = std::fs::read_dir(dir.join("2026/11/21")) else { return Vec::new() };
    let mut names: Vec<_> = day.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What another program reads: the samples of both channels.
fn read(path: &Path) -> Vec<[i16; 2]> {
    let mut reader = hound::WavReader::open(path).unwrap();
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    samples.chunks_exact(2).map(|frame| [frame[0], frame[1]]).collect()
}

/// A recording as text: each run of equal frames as its length in milliseconds and who is heard.
fn runs(frames: &[[i16; 2]]) -> String {
    let runs = frames.chunk_by(|a, b| a == b).map(|run| {
        let heard = match run[0] {
            [0, 0] => "silence",
            [left, 0] if left == voice() => "left",
            [0, right] if right == voice() => "right",
            [left, right] if left == voice() && right == voice() => "both",
            _ => "noise",
        };
        format!("{} {heard}", run.len() as f64 / 8.0)
    });
    runs.collect::<Vec<_>>().join(", ")
}

/// A real disk that refuses when told to.
#[derive(Default)]
struct MoodyDisk {
    mood: Arc<Mood>,
}

#[derive(Default)]
struct Mood {
    /// Refuses what concerns paths with this text in them, with this error.
    refuses: Mutex<BTreeMap<String, io::ErrorKind>>,
    syncs: AtomicUsize,
}

impl MoodyDisk {
    fn refuse(&self, path: &str, kind: io::ErrorKind) {
        self.mood.refuses.lock().unwrap().insert(path.to_owned(), kind);
    }

    fn relent(&self) {
        self.mood.refuses.lock().unwrap().clear();
    }

    fn syncs(&self) -> usize {
        self.mood.syncs.load(Ordering::Relaxed)
    }
}

impl Mood {
    fn ask(&self, path: &Path) -> io::Result<()> {
        let refuses = self.refuses.lock().unwrap();
        match refuses.iter().find(|(text, _)| path.to_string_lossy().contains(text.as_str())) {
            Some((_, kind)) => Err((*kind).into()),
            None => Ok(()),
        }
    }
}

impl Disk for MoodyDisk {
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.make_dir(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.mood.ask(path)?;
        RealDisk.write(path, bytes)
    }

    fn exists(&self, path: &Path) -> bool {
        RealDisk.exists(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn Sheet>> {
        self.mood.ask(path)?;
        let sheet = RealDisk.create(path)?;
        Ok(Arc::new(MoodySheet { sheet, path: path.to_owned(), mood: Arc::clone(&self.mood) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        // A full disk renames.
        self.mood.ask(from).or_else(|error| if error.kind() == io::ErrorKind::StorageFull { Ok(()) } else { Err(error) })?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }
}

struct MoodySheet {
    sheet: Arc<dyn Sheet>,
    path: PathBuf,
    mood: Arc<Mood>,
}

impl Sheet for MoodySheet {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err(error) = self.mood.ask(&self.path) {
            // A full disk takes what replaces something, and of a longer piece the beginning.
            let replaces = offset + bytes.len() as u64 <= self.sheet.length()?;
            if error.kind() != io::ErrorKind::StorageFull {
                return Err(error);
            }
            if !replaces {
                self.sheet.write_at(&bytes[..bytes.len().min(13)], offset)?;
                return Err(error);
            }
        }
        self.sheet.write_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        // A full disk makes holes.
        self.mood.ask(&self.path).or_else(|error| if error.kind() == io::ErrorKind::StorageFull { Ok(()) } else { Err(error) })?;
        self.sheet.set_length(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.sheet.length()
    }

    fn sync(&self) -> io::Result<()> {
        self.mood.syncs.fetch_add(1, Ordering::Relaxed);
        self.sheet.sync()
    }
}
