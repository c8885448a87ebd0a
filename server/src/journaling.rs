//! The way into the journal: facts are on their way to disk before the packets that speak of them leave (R22).
//!
//! ```text
//!            50 ms without the disk                     nothing waits any more
//!  in step ------------------------> packets go first ------------------------> in step
//! ```
//!
//! Facts wait in memory, in their order, until the disk has them; a disk that is slow, full or gone never holds up the signalling loop for
//! longer than that, so calls go on (FT-6). What waits is bounded: beyond [`FACTS_MAX`] what was superseded is left out, and whoever owns the
//! loop can see by [`JournalGate::is_behind`] that it should begin nothing new.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use model::Fact;
use store::journal::Journal;
use tokio::sync::watch;
use tracing::{error, info, warn};

/// Facts that may wait before superseded ones are left out. What must not be left out grows with the calls that were up when the disk went away.
const FACTS_MAX: usize = 65_536;

/// Facts that are written at once: a backlog goes to a disk that has little room piece by piece.
const WRITE_MAX: usize = 4_096;

/// A journal that has been away for so long makes the server one that begins no new calls.
const BEHIND: Duration = Duration::from_secs(5);

/// How long whom waits for what.
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

/// Hands facts to the journal's thread. Owned by the signalling loop. Dropping it is [`Self::finish`] without waiting.
pub(crate) struct JournalGate {
    desk: Arc<Desk>,
    patience: Patience,
    /// Since when packets do not wait for the journal.
    stalled: Option<Instant>,
    told_gone: bool,
}

/// Where facts lie until they are written.
struct Desk {
    state: Mutex<State>,
    /// Something waits, or the end has come: for the writer.
    work: Condvar,
    /// Something was written, or a thread has ended: for the gate.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Fact>,
    /// Facts that the writer has in its hands.
    writing: usize,
    /// With more than this waiting, superseded facts are left out; more than [`FACTS_MAX`] if that did not help, lest it be tried for each fact.
    merge_above: usize,
    /// Facts left out since the journal last was in step.
    merged: usize,
    /// Until when writing is tried, once the end has come.
    ending: Option<Instant>,
    /// What could not be written.
    lost: usize,
    writer_gone: bool,
    syncer_gone: bool,
}

impl State {
    /// Whether everything that was handed in is written.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.writing == 0
    }

    fn merge(&mut self) {
        if self.waiting.len() <= self.merge_above.max(FACTS_MAX) {
            return;
        }
        if self.merged == 0 {
            error!(waiting = self.waiting.len(), "Too many facts wait for the journal: superseded ones are left out. Free disk space.");
        }
        self.merged += leave_out_superseded(&mut self.waiting);
        self.merge_above = self.waiting.len().saturating_mul(2);
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.work.notify_all();
        self.progress.notify_all();
    }

    /// Waits until `done`, at most so long; gives the state as it is then.
    fn wait(&self, limit: Duration, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        self.progress.wait_timeout_while(self.state(), limit, |state| !done(state)).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl JournalGate {
    /// Starts the writing thread, and the one that brings what was written to the disk every `fsync_every`.
    /// `told` carries the last sequence number to the journal's consumer.
    pub(crate) fn start(mut journal: Journal, fsync_every: Duration, told: watch::Sender<u64>) -> anyhow::Result<Self> {
        let sync = journal.sync_handle();
        let append = move |facts: &[Fact]| {
            told.send_replace(journal.append(facts)?);
            Ok(())
        };
        Self::on(append, move || sync.sync_if_dirty().map(drop), fsync_every, PATIENCE)
    }

    /// On a given disk: `append` writes facts, all or none; `sync` brings what was written to the disk itself.
    fn on(
        append: impl FnMut(&[Fact]) -> io::Result<()> + Send + 'static,
        sync: impl FnMut() -> io::Result<()> + Send + 'static,
        fsync_every: Duration,
        patience: Patience,
    ) -> anyhow::Result<Self> {
        let desk = Arc::new(Desk { state: Mutex::default(), work: Condvar::new(), progress: Condvar::new() });
        let (stop, stopped) = mpsc::sync_channel::<()>(1);
        let mut gone = Gone(Arc::clone(&desk), |state| state.syncer_gone = true);
        thread::Builder::new().name("journal-sync".to_owned()).spawn(move || {
            let _gone = &mut gone;
            keep_synced(sync, fsync_every, &stopped);
        })?;
        let mut gone = Gone(Arc::clone(&desk), |state| state.writer_gone = true);
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let gone = &mut gone;
            write(append, &gone.0, patience);
            // The other thread syncs a last time.
            drop(stop);
        })?;
        Ok(Self { desk, patience, stalled: None, told_gone: false })
    }

    /// Hands in facts and waits until they are written, unless the disk stalls. Whether they are.
    pub(crate) fn append(&mut self, facts: Vec<Fact>) -> bool {
        let mut state = self.desk.state();
        if state.writer_gone {
            if !std::mem::replace(&mut self.told_gone, true) {
                error!("The journal's thread is gone; facts are lost from now on. Restart the server.");
            }
            self.stalled.get_or_insert_with(Instant::now);
            return false;
        }
        if state.is_idle() {
            if self.stalled.take().is_some() {
                info!(left_out = std::mem::take(&mut state.merged), "The journal keeps up again.");
            }
            state.merge_above = 0;
        }
        if facts.is_empty() {
            return self.stalled.is_none();
        }
        state.waiting.extend(facts);
        state.merge();
        drop(state);
        self.desk.work.notify_all();
        // Packets do not wait for a journal that is known to be slow.
        if self.stalled.is_none() && !self.desk.wait(self.patience.stall, State::is_idle).is_idle() {
            self.stalled = Some(Instant::now());
            warn!(stall_ms = self.patience.stall.as_millis(), "The journal's disk stalls: packets leave before their facts are written.");
        }
        self.stalled.is_none()
    }

    /// Whether everything that was handed in is written.
    pub(crate) fn is_written(&self) -> bool {
        self.desk.state().is_idle()
    }

    /// Whether the journal has been away for seconds at `now`: then what begins might never be recorded, and should not begin.
    pub(crate) fn is_behind(&self, now: Instant) -> bool {
        self.stalled.is_some_and(|since| now.saturating_duration_since(since) >= BEHIND) && !self.is_written()
    }

    /// Facts that wait in memory.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.desk.state();
        state.waiting.len() + state.writing
    }

    /// Writes out what was handed in, and ends; says what was lost if the disk takes nothing for some seconds. Whether everything is written.
    pub(crate) fn finish(&mut self) -> bool {
        let limit = self.patience.last;
        self.end();
        // A disk that hangs inside a write or a sync does not give its threads back: they are left to the end of the process.
        let state = self.desk.wait(limit + limit / 2, |state| state.writer_gone && state.syncer_gone);
        let lost = state.lost + state.waiting.len() + state.writing;
        if lost > 0 {
            error!(facts = lost, limit_s = limit.as_secs(), "The journal's disk took nothing: these facts are lost.");
        } else if !state.syncer_gone {
            error!("The journal could not be brought to disk in time; its last facts may be lost if the power fails.");
        }
        lost == 0 && !self.told_gone
    }

    fn end(&self) {
        let until = Instant::now() + self.patience.last;
        self.desk.change(|state| _ = state.ending.get_or_insert(until));
    }
}

impl Drop for JournalGate {
    fn drop(&mut self) {
        self.end();
    }
}

/// Says that its thread has ended, also if that was by a panic.
struct Gone(Arc<Desk>, fn(&mut State));

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.change(self.1);
    }
}

/// The writing thread: everything that waits goes in one write, as far as [`WRITE_MAX`] goes.
fn write(mut append: impl FnMut(&[Fact]) -> io::Result<()>, desk: &Desk, patience: Patience) {
    let mut failing = false;
    let mut facts = Vec::new();
    let mut at_once = WRITE_MAX;
    loop {
        let nothing = |state: &mut State| state.waiting.is_empty() && state.ending.is_none();
        let mut state = desk.work.wait_while(desk.state(), nothing).unwrap_or_else(PoisonError::into_inner);
        if state.waiting.is_empty() {
            return;
        }
        let count = state.waiting.len().min(at_once);
        facts.extend(state.waiting.drain(..count));
        state.writing = count;
        drop(state);
        let outcome = append(&facts);
        let mut state = desk.state();
        state.writing = 0;
        match outcome {
            Ok(()) => {
                facts.clear();
                if state.is_idle() {
                    at_once = WRITE_MAX;
                }
                drop(state);
                desk.progress.notify_all();
                if std::mem::take(&mut failing) {
                    info!("The journal can be written again.");
                }
            }
            // One fact that can never be written must not stand in the way of all others.
            Err(failure) if failure.kind() == io::ErrorKind::InvalidInput && count == 1 => {
                error!(%failure, "A defect: a fact cannot be written to the journal and is lost. Please report it.");
                facts.clear();
                state.lost += 1;
                drop(state);
                desk.progress.notify_all();
            }
            Err(failure) => {
                let unwritable = failure.kind() == io::ErrorKind::InvalidInput;
                if unwritable {
                    at_once = 1;
                }
                // They go back to the others, so that what is superseded meanwhile need not be written at all.
                for fact in facts.drain(..).rev() {
                    state.waiting.push_front(fact);
                }
                if state.ending.is_some_and(|until| until <= Instant::now()) {
                    state.lost += std::mem::take(&mut state.waiting).len();
                    error!(%failure, lost = state.lost, "The journal cannot be written, and the server ends.");
                    return;
                }
                if unwritable {
                    continue;
                }
                if !failing {
                    error!(%failure, "The journal cannot be written; its facts wait in memory. Free disk space.");
                    failing = true;
                }
                // The end cuts the pause short: then it is tried once more at once.
                let was_ending = state.ending.is_some();
                let pause =
                    state.ending.map_or(patience.retry, |until| patience.retry.min(until.saturating_duration_since(Instant::now())));
                let _ = desk.work.wait_timeout_while(state, pause, |state| state.ending.is_some() == was_ending);
            }
        }
    }
}

/// The syncing thread. The writer drops its end of `stopped` when it ends; until then each wait is one interval.
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

/// What a fact replaces: an older one of the same kind says nothing any more.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Replaces {
    Binding(model::SlotId),
    Seen,
}

/// Leaves out facts that a later one replaces, and keeps the order of the rest; says how many. Calls, recordings, leases and service are never
/// left out: each is a step of a story that the database tells.
fn leave_out_superseded(facts: &mut VecDeque<Fact>) -> usize {
    let before = facts.len();
    let mut newest = BTreeMap::new();
    for (at, fact) in facts.iter().enumerate() {
        if let Some(replaces) = replaces(fact) {
            newest.insert(replaces, at);
        }
    }
    let newest: BTreeSet<usize> = newest.into_values().collect();
    let mut at = 0;
    facts.retain(|fact| {
        let keep = replaces(fact).is_none() || newest.contains(&at);
        at += 1;
        keep
    });
    before - facts.len()
}

fn replaces(fact: &Fact) -> Option<Replaces> {
    match fact {
        Fact::Bound { binding } => Some(Replaces::Binding(binding.slot)),
        Fact::Unbound { slot, .. } => Some(Replaces::Binding(*slot)),
        Fact::CallsSeen { .. } => Some(Replaces::Seen),
        Fact::CallStarted { .. }
        | Fact::CallRinging { .. }
        | Fact::CallAnswered { .. }
        | Fact::CallEnded { .. }
        | Fact::Leased { .. }
        | Fact::ServiceSet { .. }
        | Fact::Recording { .. } => None,
    }
}

#[cfg(test)]
mod tests;
