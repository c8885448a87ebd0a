//! The way into the journal: facts are on their way to disk before the packets that speak of them leave (R22).
//!
//! The loop writes its facts itself: a write into the kernel's memory takes about a microsecond, while handing it to another thread and
//! waiting for that would take thirty. A disk that hangs inside `write` must not hold the loop for longer than 50 ms all the same (FT-6).
//! So the loop's whole state lies on a desk while its thread writes, and a second thread stands by. After 50 ms it takes the state and goes
//! on with the loop. The thread that was stuck keeps the journal: once its write is over it writes what has come meanwhile, and stands by.
//!
//! ```text
//!  one thread    turn, write, turn, write ... hangs ................. writes the backlog, stands by
//!  the other     stands by ........................ 50 ms: turn, turn, turn ......... turn, write, turn, write
//! ```
//!
//! Facts that the disk does not take wait in memory, in their order, and packets wait for nothing until the journal is in step again. What
//! waits is bounded: beyond [`backlog::FACTS_MAX`] what was superseded is left out, beyond [`backlog::FACTS_CAP`] what comes is lost and
//! counted, and whoever owns the loop can see by [`JournalGate::is_behind`] that it should begin nothing new.
//!
//! A defect in the journal is none to live with: [`JournalGate::over`] tells whoever watches the server's parts, which ends it. The next
//! start makes a record of every call that this one has begun and not recorded.

mod backlog;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use model::Fact;
use store::journal::Journal;
use tokio::sync::{oneshot, watch};
use tracing::{error, info, warn};

use self::backlog::Backlog;

/// Facts that are written at once: a backlog goes to a disk that has little room piece by piece.
const WRITE_MAX: usize = 4_096;

/// A journal that has been away for so long makes the server one that begins no new calls.
const BEHIND: Duration = Duration::from_secs(5);

/// After so many looks at a loop that wrote nothing, whoever stands by looks no more until it writes again.
const IDLE_LOOKS: u32 = 20;

/// How long who waits for what.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// A write that takes longer than this no longer holds packets back (R22).
    stall: Duration,
    /// A failed write is tried again after this long.
    retry: Duration,
    /// At the end, a disk that takes nothing is given this long.
    last: Duration,
}

const PATIENCE: Patience = Patience { stall: Duration::from_millis(50), retry: Duration::from_secs(1), last: Duration::from_secs(5) };

/// A loop whose facts go to the journal: everything that it owns, so that another thread can go on with it.
pub(crate) trait Resident: Sized + Send + 'static {
    /// Its gate.
    fn gate(&mut self) -> &mut JournalGate<Self>;

    /// Lets go of what waited for the journal, then takes turn after turn, each ended by [`append`]; returns when the loop is over, or when
    /// [`append`] did not give it back.
    fn run(self);
}

/// The loop's side of the journal. Dropping it is [`Self::finish`] without waiting.
pub(crate) struct JournalGate<T> {
    desk: Arc<Desk<T>>,
    /// Since when packets do not wait for the journal.
    stalled: Option<Instant>,
    /// Facts whose loss the loop has heard of.
    lost_told: usize,
    told_gone: bool,
}

/// Writes facts, all or none.
type Disk = Box<dyn FnMut(&[Fact]) -> io::Result<()> + Send>;

/// Where the loop's state lies while its thread writes, and facts until they are written.
struct Desk<T> {
    state: Mutex<State<T>>,
    /// The loop begins to write after a rest, something waits, or the end has come: for whoever stands by.
    work: Condvar,
    /// Something was written, or a thread has ended: for the end.
    progress: Condvar,
    patience: Patience,
}

struct State<T> {
    /// The journal, unless somebody writes.
    disk: Option<Disk>,
    /// The loop, while its thread writes, and since when.
    left: Option<(T, Instant)>,
    /// How often the loop has written.
    writes: u64,
    /// Whoever stands by looks at the loop now and then.
    watched: bool,
    backlog: Backlog,
    /// Facts that are being written.
    writing: usize,
    /// Until when writing is tried, once the end has come.
    ending: Option<Instant>,
    /// What could not be written.
    lost: usize,
    /// Nobody will write any more: the end has come, or a defect.
    writer_gone: bool,
    syncer_gone: bool,
    /// Its end tells the syncing thread to sync a last time.
    stop: Option<SyncSender<()>>,
    /// Its end tells whoever asked by [`JournalGate::over`].
    alive: Option<oneshot::Sender<()>>,
}

/// What has become of the facts that were handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handed {
    /// All that were handed in since the last question are written.
    Written,
    /// Some wait for the disk.
    Waiting,
    /// Some that were handed in since the last question are lost, and nobody knows which.
    Lost,
}

impl<T> State<T> {
    /// Whether everything that was handed in is written.
    fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.writing == 0
    }

    fn end_writing(&mut self) {
        self.writer_gone = true;
        self.disk = None;
        self.stop = None;
        self.alive = None;
        self.lost += self.backlog.take(usize::MAX).len();
    }
}

impl<T> Desk<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State<T>)) {
        change(&mut self.state());
        self.work.notify_all();
        self.progress.notify_all();
    }

    /// Waits until `done`, at most so long; gives the state as it is then.
    fn wait(&self, limit: Duration, done: impl Fn(&State<T>) -> bool) -> MutexGuard<'_, State<T>> {
        self.progress.wait_timeout_while(self.state(), limit, |state| !done(state)).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl<T: Send + 'static> JournalGate<T> {
    /// A gate on the journal, with facts that it did not take before, and a thread that brings what was written to the disk every
    /// `fsync_every`. `told` carries the last sequence number to the journal's consumer.
    pub(crate) fn start(
        mut journal: Journal,
        unwritten: Vec<Fact>,
        fsync_every: Duration,
        told: watch::Sender<u64>,
    ) -> anyhow::Result<Self> {
        let sync = journal.sync_handle();
        let append = move |facts: &[Fact]| {
            told.send_replace(journal.append(facts)?);
            Ok(())
        };
        Self::on(append, unwritten, move || sync.sync_if_dirty().map(drop), fsync_every, PATIENCE)
    }

    /// On a given disk: `append` writes facts, all or none; `sync` brings what was written to the disk itself.
    fn on(
        append: impl FnMut(&[Fact]) -> io::Result<()> + Send + 'static,
        unwritten: Vec<Fact>,
        sync: impl FnMut() -> io::Result<()> + Send + 'static,
        fsync_every: Duration,
        patience: Patience,
    ) -> anyhow::Result<Self> {
        let (stop, stopped) = mpsc::sync_channel::<()>(1);
        let stalled = (!unwritten.is_empty()).then(Instant::now);
        let desk = Arc::new(Desk {
            state: Mutex::new(State {
                disk: Some(Box::new(append)),
                left: None,
                writes: 0,
                watched: false,
                backlog: Backlog::from(unwritten),
                writing: 0,
                ending: None,
                lost: 0,
                writer_gone: false,
                syncer_gone: false,
                stop: Some(stop),
                alive: None,
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
            patience,
        });
        let gone = SyncerGone(Arc::clone(&desk));
        thread::Builder::new().name("journal-sync".to_owned()).spawn(move || {
            let _gone = gone;
            keep_synced(sync, fsync_every, &stopped);
        })?;
        Ok(Self { desk, stalled, lost_told: 0, told_gone: false })
    }

    /// Whether what was handed in last is written, so that its packets leave as they should.
    pub(crate) fn is_in_step(&self) -> bool {
        self.stalled.is_none()
    }

    /// What has become of everything that was handed in. A loss is told once.
    pub(crate) fn handed(&mut self) -> Handed {
        let state = self.desk.state();
        // Without a writer the loop hands in what nobody counts yet.
        if std::mem::replace(&mut self.lost_told, state.lost) != state.lost || state.writer_gone {
            Handed::Lost
        } else if state.is_idle() {
            Handed::Written
        } else {
            Handed::Waiting
        }
    }

    /// Whether the journal has been away for seconds at `now`: then what begins might never be recorded, and should not begin.
    pub(crate) fn is_behind(&self, now: Instant) -> bool {
        let Some(since) = self.stalled else { return false };
        let state = self.desk.state();
        state.writer_gone || (now.saturating_duration_since(since) >= BEHIND && !state.is_idle())
    }

    /// Ends when the journal does: after [`Self::finish`], or sooner by a defect in one of its threads. For one watcher.
    pub(crate) fn over(&self) -> oneshot::Receiver<()> {
        let (alive, over) = oneshot::channel();
        let mut state = self.desk.state();
        if !state.writer_gone && !state.syncer_gone {
            state.alive = Some(alive);
        }
        over
    }

    /// Facts that wait in memory, and facts that are lost.
    pub(crate) fn waiting_and_lost(&self) -> (usize, usize) {
        let state = self.desk.state();
        (state.backlog.len() + state.writing, state.lost)
    }

    /// Writes out what was handed in, and ends; says what was lost if the disk takes nothing for some seconds. Whether everything is written.
    pub(crate) fn finish(&mut self) -> bool {
        let limit = self.desk.patience.last;
        self.end();
        // A disk that hangs inside a write or a sync does not give its threads back: they are left to the end of the process.
        let state = self.desk.wait(limit + limit / 2, |state| state.writer_gone && state.syncer_gone);
        let lost = state.lost + state.backlog.len() + state.writing;
        if lost > 0 {
            error!(facts = lost, limit_s = limit.as_secs(), "The journal's disk took nothing: these facts are lost.");
        } else if !state.syncer_gone {
            error!("The journal could not be brought to disk in time; its last facts may be lost if the power fails.");
        }
        lost == 0 && !self.told_gone
    }

    /// Takes the disk if the loop may write by itself; if not, packets do not wait.
    fn take_disk(&mut self, state: &mut State<T>) -> Option<Disk> {
        if state.writer_gone {
            if !std::mem::replace(&mut self.told_gone, true) {
                error!("The journal cannot be written any more, by a defect; facts are lost from now on.");
            }
            self.stalled.get_or_insert_with(Instant::now);
            return None;
        }
        if !state.is_idle() {
            self.stalled.get_or_insert_with(Instant::now);
            return None;
        }
        if self.stalled.take().is_some() {
            info!(left_out = state.backlog.in_step(), lost = state.lost, "The journal keeps up again.");
        }
        state.disk.take()
    }
}

impl<T> JournalGate<T> {
    fn end(&self) {
        let until = Instant::now() + self.desk.patience.last;
        self.desk.change(|state| _ = state.ending.get_or_insert(until));
    }
}

impl<T> Drop for JournalGate<T> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Says that the syncing thread has ended, also if that was by a panic.
struct SyncerGone<T>(Arc<Desk<T>>);

impl<T> Drop for SyncerGone<T> {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.syncer_gone = true;
            state.alive = None;
        });
    }
}

/// Says that one of the loop's two threads has ended by a panic: without the other a hanging disk halts the loop.
struct Panicked<'a, T>(&'a Desk<T>);

impl<T> Drop for Panicked<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.change(|state| state.alive = None);
        }
    }
}

/// Runs a loop on one of two threads; the other stands by. Both end after [`JournalGate::finish`].
pub(crate) fn keep_running<T: Resident>(mut resident: T) -> io::Result<()> {
    let desk = Arc::clone(&resident.gate().desk);
    thread::Builder::new().name("standby".to_owned()).spawn(move || take_turns(&desk, None))?;
    let desk = Arc::clone(&resident.gate().desk);
    thread::Builder::new().name("signalling".to_owned()).spawn(move || take_turns(&desk, Some(resident)))?;
    Ok(())
}

fn take_turns<T: Resident>(desk: &Desk<T>, mut resident: Option<T>) {
    let _panicked = Panicked(desk);
    loop {
        if let Some(resident) = resident {
            resident.run();
        }
        resident = desk.stand_by();
        if resident.is_none() {
            return;
        }
    }
}

/// Hands in the facts of a turn; they are written when this returns, unless the disk stalls: [`JournalGate::is_in_step`] says so.
///
/// `None` if it did, and another thread has taken the loop: the caller has nothing left to do but return.
pub(crate) fn append<T: Resident>(mut resident: T, facts: Vec<Fact>) -> Option<T> {
    if facts.is_empty() {
        let gate = resident.gate();
        // Said also when nothing more is handed in.
        if gate.stalled.is_some() {
            let desk = Arc::clone(&gate.desk);
            let mut state = desk.state();
            let disk = gate.take_disk(&mut state);
            if disk.is_some() {
                state.disk = disk;
            }
        }
        return Some(resident);
    }
    let desk = Arc::clone(&resident.gate().desk);
    let mut state = desk.state();
    let Some(mut disk) = resident.gate().take_disk(&mut state) else {
        if state.writer_gone {
            state.lost += facts.len();
            return Some(resident);
        }
        let lost = state.backlog.extend(facts);
        state.lost += lost;
        drop(state);
        desk.work.notify_all();
        return Some(resident);
    };
    state.left = Some((resident, Instant::now()));
    state.writing = facts.len();
    state.writes += 1;
    let is_watched = std::mem::replace(&mut state.watched, true);
    drop(state);
    if !is_watched {
        desk.work.notify_all();
    }
    let outcome = attempt(&mut disk, &facts);
    let mut state = desk.state();
    state.writing = 0;
    state.disk = Some(disk);
    let resident = state.left.take().map(|(resident, _)| resident);
    match outcome {
        Attempt::Written => return resident,
        // Whoever stands by tries again, and says why.
        Attempt::Failed(_) => state.backlog.give_back(facts),
        Attempt::Panicked => {
            state.lost += facts.len();
            state.end_writing();
        }
    }
    drop(state);
    desk.work.notify_all();
    resident.map(|mut resident| {
        resident.gate().stalled.get_or_insert_with(Instant::now);
        resident
    })
}

enum Attempt {
    Written,
    Failed(io::Error),
    Panicked,
}

fn attempt(disk: &mut Disk, facts: &[Fact]) -> Attempt {
    match catch_unwind(AssertUnwindSafe(|| disk(facts))) {
        Ok(Ok(())) => Attempt::Written,
        Ok(Err(failure)) => Attempt::Failed(failure),
        Err(_) => Attempt::Panicked,
    }
}

impl<T: Resident> Desk<T> {
    /// Watches the loop, and writes what it could not. Gives the loop if its thread is stuck, and nothing at the end.
    fn stand_by(&self) -> Option<T> {
        let mut writer = Writer { failing: false, at_once: WRITE_MAX };
        let mut state = self.state();
        let mut seen = state.writes;
        let mut idle_looks = 0;
        loop {
            if state.writer_gone {
                return None;
            }
            if state.ending.is_some() && state.is_idle() {
                state.end_writing();
                drop(state);
                self.progress.notify_all();
                return None;
            }
            if !state.backlog.is_empty()
                && let Some(disk) = state.disk.take()
            {
                state = self.write(&mut writer, disk, state);
                continue;
            }
            let now = Instant::now();
            let pause = match state.left.take() {
                Some((mut resident, since)) if now.saturating_duration_since(since) >= self.patience.stall => {
                    resident.gate().stalled = Some(now);
                    warn!(
                        stall_ms = self.patience.stall.as_millis(),
                        "The journal's disk stalls: packets leave before their facts are written."
                    );
                    return Some(resident);
                }
                Some((resident, since)) => {
                    state.left = Some((resident, since));
                    (since + self.patience.stall).saturating_duration_since(now)
                }
                None => self.patience.stall,
            };
            idle_looks = if state.writes == seen { idle_looks + 1 } else { 0 };
            seen = state.writes;
            state.watched = idle_looks < IDLE_LOOKS || state.left.is_some();
            state = if state.watched {
                self.work.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
            } else {
                idle_looks = 0;
                self.work.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// Writes a piece of the backlog; after a failure it waits a moment.
    fn write<'a>(&'a self, writer: &mut Writer, mut disk: Disk, mut state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        let facts = state.backlog.take(writer.at_once);
        state.writing = facts.len();
        drop(state);
        let outcome = attempt(&mut disk, &facts);
        let mut state = self.state();
        state.writing = 0;
        state.disk = Some(disk);
        match outcome {
            Attempt::Written => {
                if state.is_idle() {
                    writer.at_once = WRITE_MAX;
                }
                if std::mem::take(&mut writer.failing) {
                    info!("The journal can be written again.");
                }
            }
            Attempt::Panicked => {
                state.lost += facts.len();
                state.end_writing();
            }
            // One fact that can never be written must not stand in the way of all others.
            Attempt::Failed(failure) if failure.kind() == io::ErrorKind::InvalidInput && facts.len() == 1 => {
                error!(%failure, "A defect: a fact cannot be written to the journal and is lost. Please report it.");
                state.lost += 1;
            }
            Attempt::Failed(failure) if state.ending.is_some_and(|until| until <= Instant::now()) => {
                state.lost += facts.len() + state.backlog.take(usize::MAX).len();
                error!(%failure, lost = state.lost, "The journal cannot be written, and the server ends.");
            }
            Attempt::Failed(failure) => {
                // They go back to the others, so that what is superseded meanwhile need not be written at all.
                state.backlog.give_back(facts);
                if failure.kind() == io::ErrorKind::InvalidInput {
                    writer.at_once = 1;
                    return state;
                }
                if !std::mem::replace(&mut writer.failing, true) {
                    error!(%failure, "The journal cannot be written; its facts wait in memory. Free disk space.");
                }
                // The end cuts the pause short: then it is tried once more at once.
                let was_ending = state.ending.is_some();
                let retry = self.patience.retry;
                let pause = state.ending.map_or(retry, |until| retry.min(until.saturating_duration_since(Instant::now())));
                let same = |state: &mut State<T>| state.ending.is_some() == was_ending;
                return self.work.wait_timeout_while(state, pause, same).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        self.progress.notify_all();
        state
    }
}

/// How writing of the backlog goes.
struct Writer {
    failing: bool,
    at_once: usize,
}

/// The syncing thread. `stopped` ends with the writing; until then each wait is one interval.
fn keep_synced(mut sync: impl FnMut() -> io::Result<()>, every: Duration, stopped: &Receiver<()>) {
    let mut failing = false;
    loop {
        let running = stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout);
        match sync() {
            Ok(()) => failing = false,
            // Said once, not at every interval.
            Err(failure) if !std::mem::replace(&mut failing, true) => {
                error!(%failure, "The journal cannot be brought to disk; facts since the last success may be lost if the power fails.");
            }
            Err(_) => {}
        }
        if !running {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
