//! What is going on now: the board of slots and calls, and a ring of the events of late with their sequence numbers.
//!
//! The signalling thread writes here and waits for nobody: each listener reads at its own pace, and one that falls
//! further behind than the ring is long is told to read everything anew (`resync`).

pub(crate) mod door;
pub(crate) mod ears;
mod gates;
pub(crate) mod popping;
mod pops;
pub(crate) mod presence;
pub(crate) mod socket;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{
    CallId, CallStatus, CallView, DigitView, EndingView, Event, PopNews, RecordingView, RowRule, SlotId, SlotView, UserId, WallTime,
};
use office::{reaches_call, reaches_call_to_read};
use tokio::sync::watch;

use pops::{Pop, Pops};

/// Events that are kept for those who come back (at least 10,000 by contract).
pub const RING_MAX: usize = 10_240;
/// Ended calls that stay on the board until the database surely has them.
const ENDED_MAX: usize = 4_096;
/// Live calls on the board; twice what signalling itself lets live.
const CALLS_MAX: usize = 40_000;

/// The bus and the board.
#[derive(Debug)]
pub struct Live {
    state: Mutex<State>,
    last: watch::Sender<u64>,
    draining: AtomicBool,
}

#[derive(Debug)]
struct State {
    last: u64,
    ring: VecDeque<Arc<Told>>,
    slots: BTreeMap<SlotId, SlotView>,
    calls: BTreeMap<CallId, Known>,
    /// Ended calls, oldest end first.
    ended: VecDeque<CallId>,
    pops: Pops,
}

/// A call on the board: what was last told of it, and to whom.
#[derive(Debug)]
struct Known(Arc<Told>);

/// One event as it was told.
#[derive(Debug)]
pub(crate) struct Told {
    /// Its number.
    pub(crate) seq: u64,
    /// When it was told.
    pub(crate) ts: WallTime,
    /// What happened.
    pub(crate) event: Event,
    /// Whose call it is about: decided when it happened, so that who takes a slot later does not hear its past.
    pub(crate) users: BTreeSet<UserId>,
}

/// A number from before the ring, or from no ring of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOld;

impl Live {
    /// An empty board. Numbers begin at `started` in milliseconds times 1000, so that they grow over restarts.
    #[must_use]
    pub fn new(started: WallTime) -> Self {
        let last = u64::try_from(started.0).unwrap_or(0).saturating_mul(1000);
        let state = State {
            last,
            ring: VecDeque::new(),
            slots: BTreeMap::new(),
            calls: BTreeMap::new(),
            ended: VecDeque::new(),
            pops: Pops::default(),
        };
        Self { state: Mutex::new(state), last: watch::Sender::new(last), draining: AtomicBool::new(false) }
    }

    /// From now on `/healthz` says that the server shuts down and takes no new work.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server shuts down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Tells events: updates the board, numbers them, keeps them in the ring, wakes the listeners. Short and synchronous.
    pub fn publish(&self, now: WallTime, events: impl IntoIterator<Item = Event>) {
        let (before, last) = {
            let mut state = self.lock();
            let before = state.last;
            state.tell_all(now, events);
            (before, state.last)
        };
        if last != before {
            self.last.send_replace(last);
        }
    }

    /// The number of the last event.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.lock().last
    }

    /// The slot as it is now.
    #[must_use]
    pub fn slot(&self, id: SlotId) -> Option<SlotView> {
        self.lock().slots.get(&id).cloned()
    }

    /// All slots, by id.
    #[must_use]
    pub fn slots(&self) -> Vec<SlotView> {
        self.lock().slots.values().cloned().collect()
    }

    /// Calls that are not over, by id.
    #[must_use]
    pub fn calls(&self) -> Vec<CallView> {
        self.lock().calls.values().filter_map(Known::view).filter(|view| view.status != CallStatus::Ended).cloned().collect()
    }

    /// Calls that are not over and that the right to read reaches, by id, and the number of the last event that they show.
    pub(crate) fn calls_to_read(&self, rows: &RowRule) -> (Vec<CallView>, u64) {
        let state = self.lock();
        let read = state.calls.values().filter(|known| known.is_read_by(rows)).filter_map(Known::view);
        (read.filter(|view| view.status != CallStatus::Ended).cloned().collect(), state.last)
    }

    /// A call that is live or has ended of late, if the right reaches it.
    pub(crate) fn call(&self, id: CallId, rows: &RowRule) -> Option<CallView> {
        self.lock().calls.get(&id).and_then(|known| known.view().filter(|view| reaches_call(rows, view, &known.0.users))).cloned()
    }

    /// The same, if it is only to be read.
    pub(crate) fn call_to_read(&self, id: CallId, rows: &RowRule) -> Option<CallView> {
        self.lock().calls.get(&id).filter(|known| known.is_read_by(rows)).and_then(Known::view).cloned()
    }

    /// A call that is live or has ended of late, whosever it is: for whoever asks for leave afterwards.
    pub(crate) fn known(&self, id: CallId) -> Option<CallView> {
        self.lock().calls.get(&id).and_then(Known::view).cloned()
    }

    /// Calls that are live or have ended of late, and that the right to read reaches, with ids between the bounds (both excluded).
    pub(crate) fn calls_between(&self, after: Option<CallId>, before: Option<CallId>, rows: &RowRule) -> Vec<CallView> {
        let from = after.map_or(CallId(i64::MIN), |after| CallId(after.0.saturating_add(1)));
        let to = before.unwrap_or(CallId(i64::MAX));
        if from >= to {
            return vec![];
        }
        let state = self.lock();
        let known = state.calls.range(from..to).map(|(_, known)| known).filter(|known| known.is_read_by(rows));
        known.filter_map(Known::view).cloned().collect()
    }

    /// Those of these, at whose phones a call from the world rang, to whom it rings still, or who have answered it.
    pub(crate) fn left_of(&self, call: CallId, users: &BTreeSet<UserId>) -> BTreeSet<UserId> {
        self.lock().pops.left(call, users)
    }

    /// Tells those whom it still concerns who may be calling; none if that is nobody.
    pub(crate) fn tell_who_calls(&self, now: WallTime, mut pop: PopNews) -> Option<()> {
        let last = {
            let mut state = self.lock();
            pop.users = state.pops.left(pop.call, &pop.users);
            if pop.users.is_empty() {
                return None;
            }
            state.tell(now, Event::ScreenPop(Box::new(pop)));
            state.last
        };
        self.last.send_replace(last);
        Some(())
    }

    /// Wakes when something was told.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// At most `max` events after number `seq`.
    pub(crate) fn after(&self, seq: u64, max: usize) -> Result<Vec<Arc<Told>>, TooOld> {
        let state = self.lock();
        let oldest = state.ring.front().map_or(state.last + 1, |told| told.seq);
        // Numbers in the ring are without gaps, so the place follows from the number.
        let skip = seq.checked_add(1).and_then(|next| next.checked_sub(oldest)).filter(|_| seq <= state.last);
        let Some(skip) = skip else { return Err(TooOld) };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Ok(state.ring.iter().skip(skip).take(max).cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in here cannot leave more behind than one event half told; calls must go on (FT-14).
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn view(&self) -> Option<&CallView> {
        match &self.0.event {
            Event::CallUpdated(view) => Some(view),
            _ => None,
        }
    }

    fn is_read_by(&self, rows: &RowRule) -> bool {
        self.view().is_some_and(|view| reaches_call_to_read(rows, view, &self.0.users))
    }
}

impl State {
    /// Tells events in their order, and that phones ring ahead of them all: whose phone it is knows of the call before their slot is said to ring.
    fn tell_all(&mut self, ts: WallTime, events: impl IntoIterator<Item = Event>) {
        let mut all = Vec::new();
        for event in events {
            let pop = if let Event::CallUpdated(view) = &event { self.pops.hear(view) } else { Pop::default() };
            if let Some(rings) = pop.before {
                self.tell(ts, rings);
            }
            all.push(event);
            all.extend(pop.after);
        }
        all.into_iter().for_each(|event| self.tell(ts, event));
    }

    fn tell(&mut self, ts: WallTime, event: Event) {
        let users = match &event {
            Event::CallUpdated(view) => self.concerned(view),
            Event::SlotUpdated(view) => {
                self.slots.insert(view.id, view.clone());
                BTreeSet::new()
            }
            Event::SlotRemoved { slot, .. } => {
                self.slots.remove(slot);
                BTreeSet::new()
            }
            Event::DigitPressed(DigitView { call_id, .. }) => {
                self.calls.get(call_id).and_then(Known::view).map(in_the_call).unwrap_or_default()
            }
            Event::RecordingClosed(RecordingView { call_id, .. }) | Event::CallEnding(EndingView { call: call_id, .. }) => {
                self.calls.get(call_id).map(|known| known.0.users.clone()).unwrap_or_default()
            }
            Event::Rebound(_)
            | Event::CarrierUpdated(_)
            | Event::CarrierRemoved { .. }
            | Event::SourceBanned(_)
            | Event::SourceReleased { .. }
            // Its gates say whose it is.
            | Event::Row(_) => BTreeSet::new(),
            Event::RightsChanged { users, .. } => users.clone(),
            Event::ScreenPop(pop) => pop.users.clone(),
            Event::ScreenGone(gone) => gone.users.clone(),
            Event::BudgetAlarm { .. } | Event::BudgetClosed(_) | Event::BudgetReleased { .. } => BTreeSet::new(),
            Event::JobProgressed(view) => view.user.into_iter().collect(),
        };
        self.last += 1;
        let told = Arc::new(Told { seq: self.last, ts, event, users });
        if let Event::CallUpdated(view) = &told.event {
            self.put_on_board(view, &told);
        }
        if self.ring.len() >= RING_MAX {
            self.ring.pop_front();
        }
        self.ring.push_back(told);
    }

    /// A call is its placer's, its servers', and theirs who hold its slots. Who once heard of it hears its end. At whose phones it rang they may
    /// read it, too, but are not among these ([`reaches_call_to_read`]).
    fn concerned(&self, view: &CallView) -> BTreeSet<UserId> {
        let holders = [view.caller_slot, view.callee_slot].into_iter().flatten().filter_map(|slot| self.slots.get(&slot)?.holder);
        let servers = view.segments.iter().filter_map(|segment| segment.user);
        let mut users: BTreeSet<UserId> = view.user.into_iter().chain(servers).chain(holders).collect();
        if let Some(known) = self.calls.get(&view.call_id) {
            users.extend(&known.0.users);
        }
        users
    }

    fn put_on_board(&mut self, view: &CallView, told: &Arc<Told>) {
        let has_ended = |view: &CallView| view.status == CallStatus::Ended;
        let before = self.calls.insert(view.call_id, Known(Arc::clone(told)));
        if has_ended(view) && !before.as_ref().and_then(Known::view).is_some_and(has_ended) {
            self.ended.push_back(view.call_id);
        }
        while self.ended.len() > ENDED_MAX {
            if let Some(oldest) = self.ended.pop_front() {
                self.calls.remove(&oldest);
            }
        }
        while self.calls.len() > CALLS_MAX {
            self.calls.pop_first();
        }
    }
}

/// Who is in a call at this moment: those who serve it, and until somebody does whoever places it. Whoever has left it is not.
fn in_the_call(view: &CallView) -> BTreeSet<UserId> {
    if view.segments.is_empty() {
        return view.user.into_iter().collect();
    }
    view.segments.iter().filter(|segment| segment.to.is_none()).filter_map(|segment| segment.user).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use model::{CenterId, Direction, RecordingState, RecordingView, Segment};

    use super::*;
    use crate::testing::{call_view, slot_view};

    const NOW: WallTime = WallTime(1_000);

    fn own(user: i64) -> RowRule {
        let part = model::RowPart { users: Some([UserId(user)].into()), lists: vec![] };
        RowRule { center: CenterId::DEFAULT, any_of: vec![part] }
    }

    fn seqs(live: &Live, since: u64) -> Result<Vec<u64>, TooOld> {
        Ok(live.after(since, 5)?.iter().map(|told| told.seq).collect())
    }

    #[test]
    fn numbers_grow_over_restarts_and_the_ring_is_bounded() {
        let live = Live::new(NOW);
        assert_eq!(live.last_seq(), 1_000_000);
        assert_eq!(seqs(&live, 1_000_000), Ok(vec![]));
        assert_eq!(seqs(&live, 999_999), Err(TooOld), "an earlier process told that");
        assert_eq!(seqs(&live, 1_000_001), Err(TooOld), "nobody told that yet");
        assert_eq!(seqs(&live, u64::MAX), Err(TooOld));

        let slot = Event::SlotUpdated(slot_view(1));
        live.publish(NOW, vec![slot.clone(); RING_MAX]);
        assert_eq!(seqs(&live, 1_000_000), Ok((1_000_001..=1_000_005).collect()), "the whole ring");
        live.publish(NOW, [slot]);
        assert_eq!(seqs(&live, 1_000_000), Err(TooOld));
        assert_eq!(seqs(&live, 1_000_001), Ok((1_000_002..=1_000_006).collect()));
        assert_eq!(seqs(&live, live.last_seq()), Ok(vec![]));
        assert_eq!(live.lock().ring.len(), RING_MAX);
        assert!(Live::new(WallTime(NOW.0 + 11)).last_seq() > live.last_seq(), "10,241 events in 11 ms are not outrun");
    }

    #[test]
    fn listeners_wake() {
        let live = Live::new(NOW);
        let watch = live.watch();
        live.publish(NOW, []);
        assert!(!watch.has_changed().unwrap());
        live.publish(NOW, [Event::SlotUpdated(slot_view(1))]);
        assert!(watch.has_changed().unwrap());
    }

    #[test]
    fn a_call_is_for_those_who_took_part() {
        let live = Live::new(NOW);
        let mut taken = slot_view(1);
        taken.holder = Some(UserId(21));
        let mut view = call_view(7, Direction::Inbound);
        view.user = None;
        view.callee_slot = Some(SlotId(1));
        live.publish(NOW, [Event::SlotUpdated(taken.clone()), Event::CallUpdated(view.clone())]);

        // The slot changes hands; a colleague joins; the call ends.
        taken.holder = Some(UserId(22));
        view.callee_slot = None;
        view.segments.push(Segment { user: Some(UserId(23)), slot: SlotId(2), from: NOW, to: None, hold_ms: 0 });
        live.publish(NOW, [Event::SlotUpdated(taken), Event::CallUpdated(view.clone())]);
        view.status = CallStatus::Ended;
        let recording =
            RecordingView { call_id: view.call_id, center: view.center, state: RecordingState::Complete, reason: None, duration_ms: 1 };
        live.publish(NOW, [Event::CallUpdated(view.clone()), Event::RecordingClosed(recording.clone())]);

        let told = live.after(1_000_000, 10).unwrap();
        let users: Vec<Vec<i64>> = told.iter().map(|told| told.users.iter().map(|user| user.0).collect()).collect();
        assert_eq!(users, [vec![], vec![21], vec![], vec![21, 23], vec![21, 23], vec![21, 23]]);
        for (user, seen) in [(21, true), (22, false), (23, true)] {
            assert_eq!(live.call(view.call_id, &own(user)).is_some(), seen, "{user}");
        }
        assert!(live.call(view.call_id, &RowRule::everything(CenterId::DEFAULT)).is_some());
        assert!(live.call(view.call_id, &RowRule::everything(CenterId(2))).is_none());

        // A recording of a call that is not on the board is nobody's own.
        live.publish(NOW, [Event::RecordingClosed(RecordingView { call_id: CallId(99), ..recording })]);
        assert!(live.after(live.last_seq() - 1, 1).unwrap()[0].users.is_empty());
    }

    /// Keys may be the digits of a card.
    #[test]
    fn keys_are_for_those_who_are_in_the_call() {
        let live = Live::new(NOW);
        let mut held = slot_view(2);
        held.holder = Some(UserId(24));
        let mut view = call_view(7, Direction::Internal);
        (view.user, view.callee_slot) = (Some(UserId(21)), Some(SlotId(2)));
        let users_of_a_key = |view: &CallView| {
            let digit = DigitView { call_id: view.call_id, center: view.center, by: model::PartyRole::Caller, digit: '1', duration_ms: 80 };
            live.publish(NOW, [Event::CallUpdated(view.clone()), Event::DigitPressed(digit)]);
            live.after(live.last_seq() - 1, 1).unwrap()[0].users.iter().map(|user| user.0).collect::<Vec<_>>()
        };
        live.publish(NOW, [Event::SlotUpdated(held)]);
        assert_eq!(users_of_a_key(&view), [21], "it rings only at the slot that 24 has taken");
        let segment = |user: i64, to: Option<WallTime>| Segment { user: Some(UserId(user)), slot: SlotId(2), from: NOW, to, hold_ms: 0 };
        view.segments = vec![segment(21, None), segment(24, None)];
        assert_eq!(users_of_a_key(&view), [21, 24]);
        view.segments = vec![segment(21, Some(NOW)), segment(24, None), segment(25, None)];
        assert_eq!(users_of_a_key(&view), [24, 25], "21 has handed it on");
        view.segments = vec![segment(21, Some(NOW))];
        assert_eq!(users_of_a_key(&view), [0i64; 0]);
    }

    #[test]
    fn ended_calls_stay_for_a_while() {
        let live = Live::new(NOW);
        for id in 0..i64::try_from(ENDED_MAX).unwrap() + 10 {
            let mut view = call_view(id, Direction::Internal);
            view.status = CallStatus::Ended;
            live.publish(NOW, [Event::CallUpdated(view.clone()), Event::CallUpdated(view)]);
        }
        assert!(live.calls().is_empty());
        let state = live.lock();
        assert_eq!((state.calls.len(), state.ended.len()), (ENDED_MAX, ENDED_MAX));
        assert_eq!(state.calls.first_key_value().unwrap().0, &CallId(10));
    }

    #[test]
    fn calls_between_ids() {
        let live = Live::new(NOW);
        for id in 1..=5 {
            live.publish(NOW, [Event::CallUpdated(call_view(id, Direction::Internal))]);
        }
        let ids = |after: Option<i64>, before: Option<i64>| -> Vec<i64> {
            live.calls_between(after.map(CallId), before.map(CallId), &RowRule::everything(CenterId::DEFAULT))
                .iter()
                .map(|view| view.call_id.0)
                .collect()
        };
        assert_eq!(ids(None, None), [1, 2, 3, 4, 5]);
        assert_eq!(ids(Some(2), Some(5)), [3, 4]);
        assert_eq!(ids(Some(5), Some(2)), [0i64; 0]);
    }
}
