//! The recorder's thread: frames and orders in, closed recordings out.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use model::RecordingRow;
use recording::{RECORDINGS_MAX, Recorder, RecorderSettings, ToRecorder};
use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use crate::{
    inbox::Inbox,
    vitals::{self, End},
};

/// Frames that may wait for a slow disk: about 3 MB, the audio of 250 calls for 0.6 s. More are dropped and counted,
/// and the recording says so.
const FRAMES_MAX: usize = 16_384;

/// How often frames are fetched when nothing else wakes the thread.
const PAUSE: Duration = Duration::from_millis(40);

/// Frames of a call may still be on their way from the media worker when the call has ended.
const LINGER: Duration = Duration::from_millis(250);

/// Trouble is over when the disk has refused nothing for so long: a refused recording tries again every 5 s, and may end before it does.
const TROUBLE_OVER: Duration = Duration::from_secs(10);

/// So long is a disk waited for at the end that takes no last writes: it may hang for ever, and the last facts wait behind it.
const JOIN_MAX: Duration = Duration::from_secs(9);

/// What goes to the recorder.
pub(crate) enum Order {
    /// A frame, or the beginning of a recording.
    Now(ToRecorder),
    /// The end of a recording, carried out after [`LINGER`].
    Soon(ToRecorder),
    /// Close everything and end.
    Stop,
}

/// The queue into the recorder, and what may be asked from outside.
pub(crate) struct RecorderQueue {
    inbox: Inbox<Order>,
    /// The most frames that may wait, and how many do.
    frames_max: usize,
    waiting: AtomicUsize,
    /// Recordings that began and are not closed.
    unclosed: AtomicUsize,
    /// Frames that found no room, for each recording that grows.
    dropped: Mutex<BTreeMap<u64, u64>>,
    in_trouble: AtomicBool,
    /// The thread was told to end.
    stopped: AtomicBool,
    /// Where recordings are, once there is a thread behind the queue.
    dir: OnceLock<PathBuf>,
}

/// The queue, shared by those who fill it.
pub(crate) type RecorderInbox = Arc<RecorderQueue>;

/// The queue, before there is a thread behind it: media workers are given it first.
pub(crate) fn inbox() -> RecorderInbox {
    Arc::new(RecorderQueue::new(FRAMES_MAX))
}

impl RecorderQueue {
    fn new(frames_max: usize) -> Self {
        Self {
            inbox: Inbox::new(frames_max),
            frames_max,
            waiting: AtomicUsize::new(0),
            unclosed: AtomicUsize::new(0),
            dropped: Mutex::default(),
            in_trouble: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            dir: OnceLock::new(),
        }
    }

    /// Hands in what must not be lost.
    pub(crate) fn order(&self, order: Order) {
        match &order {
            Order::Now(ToRecorder::Begin { key, .. }) => {
                self.unclosed.fetch_add(1, Ordering::Relaxed);
                let mut dropped = self.dropped();
                if dropped.len() < RECORDINGS_MAX {
                    dropped.insert(*key, 0);
                }
            }
            Order::Stop => self.stopped.store(true, Ordering::Relaxed),
            Order::Now(_) | Order::Soon(_) => {}
        }
        self.inbox.order(order);
    }

    /// Hands in frames; whether there was room. If not, their recordings will say so.
    pub(crate) fn offer(&self, order: Order) -> bool {
        let Order::Now(ToRecorder::Frames(frames)) = &order else { return self.inbox.offer(order) };
        let (count, before) = (frames.len(), self.waiting.fetch_add(frames.len(), Ordering::Relaxed));
        if before + count <= self.frames_max {
            return self.inbox.offer(order);
        }
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        let mut dropped = self.dropped();
        for frame in frames.iter() {
            // A frame that comes behind its recording's end is missed by nobody.
            if let Some(dropped) = dropped.get_mut(&frame.recording) {
                *dropped += 1;
            }
        }
        false
    }

    /// These orders were taken out of the queue: what frames are among them take no room any longer.
    fn taken(&self, orders: &VecDeque<Order>) {
        let frames = orders.iter().map(|order| if let Order::Now(ToRecorder::Frames(frames)) = order { frames.len() } else { 0 }).sum();
        self.waiting.fetch_sub(frames, Ordering::Relaxed);
    }

    /// Whether the disk refuses what is written, so that audio is being lost (FT-6).
    pub(crate) fn in_trouble(&self) -> bool {
        self.in_trouble.load(Ordering::Relaxed)
    }

    /// The row of a closed recording is journaled: its sidecar may go.
    pub(crate) fn journaled(&self, row: RecordingRow) {
        if !self.stopped.load(Ordering::Relaxed) {
            return self.order(Order::Now(ToRecorder::Journaled(row)));
        }
        // The last rows come out of a thread that ends: there is nobody else any more to do it.
        if let Some(dir) = self.dir.get()
            && let Err(failure) = recording::forget_sidecar(dir, &row)
        {
            debug!(%failure, "A sidecar stays behind; the next start takes it away.");
        }
    }

    /// The frames of a recording that found no room; it is not counted any longer.
    fn take_dropped(&self, key: u64) -> u64 {
        self.dropped().remove(&key).unwrap_or(0)
    }

    fn dropped(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running recorder.
pub(crate) struct RecorderThread {
    queue: RecorderInbox,
    ended: End,
}

impl RecorderThread {
    /// Comes when the thread has ended, whether it was told to or not.
    pub(crate) fn ended(&self) -> End {
        self.ended.clone()
    }

    /// Waits until the thread, which was told to stop, has closed all recordings. A disk that hangs is waited for [`JOIN_MAX`] and no longer: what
    /// it has not taken then is lost, and the next start mends the files and their rows (FT-2, FT-6).
    pub(crate) async fn join(self) {
        self.join_within(JOIN_MAX).await;
    }

    /// False if it did not end in time.
    async fn join_within(self, patience: Duration) -> bool {
        if timeout(patience, self.ended).await.is_err() {
            let recordings = self.queue.unclosed.load(Ordering::Relaxed);
            error!(
                recordings,
                "The disk hangs: these recordings are left as they are, their last second may be lost. The next start closes them."
            );
            return false;
        }
        true
    }
}

/// Starts the thread; `closed` is told of every row that changes.
pub(crate) fn start(
    inbox: RecorderInbox,
    settings: RecorderSettings,
    closed: impl Fn(RecordingRow) + Send + 'static,
) -> anyhow::Result<RecorderThread> {
    let dir = settings.dir.clone();
    let mut recorder = Recorder::new(settings).with_context(|| format!("cannot keep recordings in {} (recording.dir)", dir.display()))?;
    let _ = inbox.dir.set(dir);
    let queue = Arc::clone(&inbox);
    let (alive, ended) = vitals::alive();
    thread::Builder::new().name("recorder".to_owned()).spawn(move || {
        let _alive = alive;
        let mut orders = VecDeque::new();
        let mut lingering: VecDeque<(Instant, ToRecorder)> = VecDeque::new();
        let mut alarm = Alarm::default();
        loop {
            // With nothing to record nobody sends frames, and the thread sleeps until a recording begins.
            let is_idle = inbox.unclosed.load(Ordering::Relaxed) == 0
                && lingering.is_empty()
                && recorder.timeout().is_none()
                && !inbox.in_trouble.load(Ordering::Relaxed);
            inbox.inbox.take((!is_idle).then_some(PAUSE), &mut orders);
            inbox.taken(&orders);
            let now = Instant::now();
            let mut stop = false;
            for order in orders.drain(..) {
                match order {
                    Order::Now(order) => recorder.handle(now, order),
                    Order::Soon(order) => lingering.push_back((now + LINGER, order)),
                    Order::Stop => stop = true,
                }
            }
            while let Some((_, order)) = lingering.pop_front_if(|(due, _)| stop || *due <= now) {
                recorder.handle(now, with_dropped(order, &inbox));
            }
            recorder.wake(now);
            if let Some(in_trouble) = alarm.look(now, recorder.trouble()) {
                inbox.in_trouble.store(in_trouble, Ordering::Relaxed);
            }
            if stop {
                recorder.finish();
            }
            while let Some(row) = recorder.poll() {
                inbox.unclosed.fetch_sub(1, Ordering::Relaxed);
                closed(row);
            }
            if stop {
                return;
            }
        }
    })?;
    Ok(RecorderThread { queue, ended })
}

/// The end of a recording knows how many of its frames found no room only when it is carried out.
fn with_dropped(order: ToRecorder, queue: &RecorderQueue) -> ToRecorder {
    match order {
        ToRecorder::End { key, duration_ms, dropped, reason } => {
            let dropped = dropped.saturating_add(queue.take_dropped(key));
            ToRecorder::End { key, duration_ms, dropped, reason }
        }
        other => other,
    }
}

/// Says once that a trouble has begun, and once that it is over.
#[derive(Default)]
struct Alarm {
    /// The last moment of trouble.
    seen: Option<Instant>,
}

impl Alarm {
    /// What changed, if anything did: whether there is trouble now.
    fn look(&mut self, now: Instant, trouble: Option<&str>) -> Option<bool> {
        if let Some(reason) = trouble {
            let begins = self.seen.replace(now).is_none();
            if begins {
                warn!(reason, "The disk takes no recordings: audio is being lost, and the calls go on. Free disk space.");
            }
            return begins.then_some(true);
        }
        self.seen.filter(|seen| now.saturating_duration_since(*seen) >= TROUBLE_OVER)?;
        self.seen = None;
        info!("The disk takes recordings again.");
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::mpsc;

    use futures_util::FutureExt;
    use media::{Channel, Codec, TapFrame, TapFrames};
    use model::{CallId, CenterId, ChannelRole, RecordingState, WallTime};

    use super::*;

    #[test]
    fn a_directory_that_cannot_be_made_is_named_with_its_key() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let dir = file.path().join("recordings");
        let failure = start(inbox(), RecorderSettings { dir: dir.clone(), fsync: SOON }, |_| ()).err().unwrap();
        let told = format!("{failure:#}");
        assert!(told.contains(&dir.display().to_string()) && told.contains("recording.dir"), "{told}");
    }

    /// So long a test waits for what must come.
    const SOON: Duration = Duration::from_secs(20);

    fn row(call: i64) -> RecordingRow {
        let nobody = ChannelRole { role: String::new(), number: String::new() };
        RecordingRow {
            call_id: CallId(call),
            center: CenterId::DEFAULT,
            state: RecordingState::Recording,
            reason: None,
            file: None,
            left: nobody.clone(),
            right: nobody,
            started_at: WallTime(1_795_262_400_000),
            duration_ms: 0,
            size: 0,
        }
    }

    fn begin(key: u64) -> Order {
        Order::Now(ToRecorder::Begin { key, row: row(i64::try_from(key).unwrap()) })
    }

    fn frame(recording: u64, at: u64) -> Order {
        let frame = TapFrame { recording, channel: Channel::Left, at, codec: Codec::Pcma, audio: &[0x2a; 160] };
        Order::Now(ToRecorder::Frames(frame.into()))
    }

    fn end(key: u64) -> Order {
        Order::Soon(ToRecorder::End { key, duration_ms: 1_000, dropped: 0, reason: None })
    }

    #[tokio::test]
    async fn a_recording_knows_which_of_its_frames_found_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let queue: RecorderInbox = Arc::new(RecorderQueue::new(3));
        // Nobody takes anything yet: three frames find room.
        queue.order(begin(1));
        queue.order(begin(2));
        let taken = [(1, 0), (2, 0), (1, 160), (1, 320), (1, 480), (7, 0)].map(|(key, at)| queue.offer(frame(key, at)));
        assert_eq!(taken, [true, true, true, false, false, false]);
        queue.order(end(1));
        queue.order(end(2));
        let (told, rows) = mpsc::sync_channel(8);
        let settings = RecorderSettings { dir: dir.path().to_owned(), fsync: Duration::ZERO };
        let thread = start(Arc::clone(&queue), settings, move |row| told.send(row).unwrap()).unwrap();
        let mut closed: Vec<_> = (0..2).map(|_| rows.recv_timeout(SOON).unwrap()).collect();
        closed.sort_by_key(|row| row.call_id);
        let told: Vec<_> = closed.iter().map(|row| (row.state, row.reason.as_deref())).collect();
        assert_eq!(told, [(RecordingState::Partial, Some("2 frames dropped")), (RecordingState::Complete, None)]);
        assert!(queue.dropped().is_empty(), "what has ended is not counted any longer");
        queue.order(Order::Stop);
        assert!(thread.join_within(SOON).await);
        assert_eq!(queue.unclosed.load(Ordering::Relaxed), 0);
        // The thread is gone when the last rows are journaled.
        let sidecars = || {
            let day = dir.path().join(closed.first().unwrap().file.as_deref().unwrap()).parent().unwrap().to_owned();
            std::fs::read_dir(day).unwrap().filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "json").count()
        };
        assert_eq!(sidecars(), 2);
        closed.iter().for_each(|row| queue.journaled(row.clone()));
        assert_eq!(sidecars(), 0);
    }

    #[test]
    fn frames_take_room_until_they_are_taken() {
        let queue = RecorderQueue::new(4);
        let frames = |count: u64| {
            let mut frames = TapFrames::default();
            for at in 0..count {
                let frame = TapFrame { recording: 1, channel: Channel::Left, at, codec: Codec::Pcma, audio: &[0x2a; 160] };
                assert!(frames.push(frame));
            }
            Order::Now(ToRecorder::Frames(frames))
        };
        queue.order(begin(1));
        assert_eq!([3, 2, 1, 1].map(|count| queue.offer(frames(count))), [true, false, true, false]);
        let mut orders = VecDeque::new();
        queue.inbox.take(Some(Duration::ZERO), &mut orders);
        assert!(!queue.offer(frames(4)), "the queue is empty, but nobody said so yet");
        queue.taken(&orders);
        assert!(queue.offer(frames(4)));
        assert_eq!(queue.take_dropped(1), 2 + 1 + 4);
    }

    #[tokio::test]
    async fn a_thread_that_panics_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let queue: RecorderInbox = Arc::new(RecorderQueue::new(3));
        let settings = RecorderSettings { dir: dir.path().to_owned(), fsync: Duration::ZERO };
        let thread = start(Arc::clone(&queue), settings, |_| panic!("a defect, as this test wants it")).unwrap();
        queue.order(begin(1));
        assert!(thread.ended().now_or_never().is_none(), "it runs until it has something to tell");
        queue.order(end(1));
        thread.ended().await;
        assert!(thread.join_within(SOON).await, "there is nobody to wait for");
    }

    #[tokio::test]
    async fn a_disk_that_hangs_holds_nobody_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let queue: RecorderInbox = Arc::new(RecorderQueue::new(3));
        let settings = RecorderSettings { dir: dir.path().to_owned(), fsync: Duration::ZERO };
        // The thread hangs where it tells of the row, as it would in a write.
        let (release, held) = mpsc::sync_channel::<()>(0);
        let thread = start(Arc::clone(&queue), settings, move |_| {
            let _ = held.recv();
        })
        .unwrap();
        queue.order(begin(1));
        queue.order(end(1));
        queue.order(Order::Stop);
        assert!(!thread.join_within(Duration::from_millis(1)).await);
        drop(release);
    }

    #[test]
    fn a_trouble_begins_once_and_is_over_once() {
        let begun = Instant::now();
        let mut alarm = Alarm::default();
        let story = [
            (0, None, None),
            (1, Some("disk_full"), Some(true)),
            (2, Some("disk_full"), None),
            // The recording that suffered has ended; the next one suffers too.
            (3, None, None),
            (11, None, None),
            (11, Some("disk_full"), None),
            (20, None, None),
            (21, None, Some(false)),
            (22, None, None),
            (23, Some("disk_full"), Some(true)),
        ];
        for (at_s, trouble, changed) in story {
            assert_eq!(alarm.look(begun + Duration::from_secs(at_s), trouble), changed, "{at_s} s");
        }
    }
}
