//! The recorder's thread: frames and orders in, closed recordings out.

use std::{
    collections::VecDeque,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context;
use model::RecordingRow;
use recording::{Recorder, RecorderSettings, ToRecorder};

use crate::inbox::Inbox;

/// Frames that may wait for a slow disk: about 8 MB, the audio of 250 calls for 0.6 s. More are dropped and counted,
/// and the recording says so.
const FRAMES_MAX: usize = 16_384;

/// How often frames are fetched when nothing else wakes the thread.
const PAUSE: Duration = Duration::from_millis(40);

/// Frames of a call may still be on their way from the media worker when the call has ended.
const LINGER: Duration = Duration::from_millis(250);

/// What goes to the recorder.
pub(crate) enum Order {
    /// A frame, or the beginning of a recording.
    Now(ToRecorder),
    /// The end of a recording, carried out after [`LINGER`].
    Soon(ToRecorder),
    /// Close everything and end.
    Stop,
}

/// The queue into the recorder.
pub(crate) type RecorderInbox = Arc<Inbox<Order>>;

/// The queue, before there is a thread behind it: media workers are given it first.
pub(crate) fn inbox() -> RecorderInbox {
    Arc::new(Inbox::new(FRAMES_MAX))
}

/// Starts the thread; `closed` is told of every row that changes.
pub(crate) fn start(
    inbox: RecorderInbox,
    settings: RecorderSettings,
    closed: impl Fn(RecordingRow) + Send + 'static,
) -> anyhow::Result<JoinHandle<()>> {
    let mut recorder = Recorder::new(settings).context("cannot use the recording directory")?;
    let thread = thread::Builder::new().name("recorder".to_owned()).spawn(move || {
        let mut orders = VecDeque::new();
        let mut lingering: VecDeque<(Instant, ToRecorder)> = VecDeque::new();
        loop {
            inbox.take(PAUSE, &mut orders);
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
                recorder.handle(now, order);
            }
            recorder.wake(now);
            if stop {
                recorder.finish();
            }
            while let Some(row) = recorder.poll() {
                closed(row);
            }
            if stop {
                return;
            }
        }
    })?;
    Ok(thread)
}
