//! When things are due: the values of RFC 3261 table 4, the letters of the timers, and the queue they wait in.

use std::time::{Duration, Instant};

/// The base values of RFC 3261, table 4; everything else is a multiple of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// T1: the estimate of a round trip, 500 ms unless the network says otherwise.
    pub t1: Duration,
    /// T2: the longest pause between retransmissions of non-INVITE requests and INVITE responses, 4 s.
    pub t2: Duration,
    /// T4: how long a message may stay in the network, 5 s.
    pub t4: Duration,
}

impl Timers {
    /// 64*T1: how long a transaction waits for its other side (timers B, F, H, J, L, M).
    pub fn t64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// A pause of nothing would repeat for ever.
    pub(crate) fn sane(self) -> Self {
        let least = Duration::from_millis(1);
        Self { t1: self.t1.max(least), t2: self.t2.max(least), t4: self.t4.max(least) }
    }

    /// Timer D: at least 32 s over an unreliable transport (RFC 3261, 17.1.1.2), the same as timer H of the other side.
    pub fn d(&self) -> Duration {
        self.t64()
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

/// Every timer of this room, by its letter; those that the RFC left without one say what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Timer {
    /// INVITE request again (17.1.1.2).
    A,
    /// INVITE without any response (17.1.1.2).
    B,
    /// Stay for repeated non-2xx finals (17.1.1.2).
    D,
    /// Non-INVITE request again (17.1.2.2).
    E,
    /// Non-INVITE without a final response (17.1.2.2).
    F,
    /// Non-2xx final response again (17.2.1).
    G,
    /// No ACK for a non-2xx final response (17.2.1).
    H,
    /// Stay for repeated ACKs (17.2.1).
    I,
    /// Stay for repeated non-INVITE requests (17.2.2).
    J,
    /// Stay for repeated non-INVITE responses (17.1.2.2).
    K,
    /// Stay for repeated INVITEs after a 2xx (RFC 6026, 7.1).
    L,
    /// Stay for repeated and forked 2xx (RFC 6026, 7.2).
    M,
    /// 2xx to INVITE again (13.3.1.4).
    Again2xx,
    /// No ACK for a 2xx within 64*T1 (13.3.1.4).
    NoAck,
    /// A provisional response every minute keeps timer C of proxies from running out (13.3.1.1).
    Again1xx,
    /// A reliable provisional response again (RFC 3262, 3).
    AgainReliable,
    /// No PRACK for a reliable provisional response within 64*T1 (RFC 3262, 3).
    NoPrack,
    /// The ring limit that the owner gave (`Invite::ring_s`); stands for timer C (16.8).
    Ring,
    /// No final response within 64*T1 after a CANCEL (9.1).
    Cancelled,
    /// A re-INVITE or UPDATE of ours goes out again after 491 or another refusal that passes (14.1).
    Retry,
    /// A re-INVITE of ours has no final response (timer C, 16.8).
    Undecided,
    /// A session is to be refreshed by us (RFC 4028, 10).
    Refresh,
    /// A session was not refreshed in time (RFC 4028, 10).
    Expires,
    /// A peer was told of its transfer for long enough, or may be told now (RFC 3515, 2.4.7).
    Refer,
    /// A subscription lapses (RFC 6665, 4.2.1).
    Subscribed,
    /// A subscriber may be told more.
    Notify,
}

impl Timer {
    /// The letter (or words) under which `timeout` reports the timer.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Timer::A => "A",
            Timer::B => "B",
            Timer::D => "D",
            Timer::E => "E",
            Timer::F => "F",
            Timer::G => "G",
            Timer::H => "H",
            Timer::I => "I",
            Timer::J => "J",
            Timer::K => "K",
            Timer::L => "L",
            Timer::M => "M",
            Timer::Again2xx => "2xx again",
            Timer::NoAck => "2xx without ACK",
            Timer::Again1xx => "1xx again",
            Timer::AgainReliable => "reliable 1xx again",
            Timer::NoPrack => "1xx without PRACK",
            Timer::Ring => "C",
            Timer::Cancelled => "CANCEL without final",
            Timer::Retry => "retry",
            Timer::Undecided => "C of a re-INVITE",
            Timer::Refresh => "refresh",
            Timer::Expires => "session expires",
            Timer::Refer => "refer",
            Timer::Subscribed => "subscription expires",
            Timer::Notify => "NOTIFY",
        }
    }
}

/// Names an armed timer. A stale one (fired or disarmed) is harmless: the generation tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Armed {
    slot: u32,
    generation: u32,
}

/// A binary heap whose entries know their place, so that disarming removes: `earliest` is exact and nothing stale is kept.
///
/// Equal instants fire in the order they were armed, which makes a run repeatable.
#[derive(Debug)]
pub(crate) struct TimerQueue<K> {
    heap: Vec<Due>,
    slots: Vec<Slot<K>>,
    free: Vec<u32>,
    serial: u64,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    serial: u64,
    slot: u32,
}

#[derive(Debug)]
struct Slot<K> {
    generation: u32,
    place: usize,
    key: Option<(K, Timer)>,
}

impl<K: Copy> TimerQueue<K> {
    pub(crate) fn new() -> Self {
        Self { heap: Vec::new(), slots: Vec::new(), free: Vec::new(), serial: 0 }
    }

    /// Bounded by what arms it: at most ten timers per transaction or session (one for each early dialog among them), and those are bounded.
    pub(crate) fn arm(&mut self, at: Instant, key: K, timer: Timer) -> Armed {
        let place = self.heap.len();
        let (slot, generation) = match self.free.pop().and_then(|slot| Some((slot, self.slots.get_mut(slot as usize)?))) {
            Some((slot, entry)) => {
                entry.place = place;
                entry.key = Some((key, timer));
                (slot, entry.generation)
            }
            None => {
                let slot = u32::try_from(self.slots.len()).expect("timers are bounded by the transactions, far below 2^32");
                self.slots.push(Slot { generation: 0, place, key: Some((key, timer)) });
                (slot, 0)
            }
        };
        self.serial += 1;
        self.heap.push(Due { at, serial: self.serial, slot });
        self.up(place);
        Armed { slot, generation }
    }

    pub(crate) fn disarm(&mut self, armed: Armed) {
        let place = match self.slots.get(armed.slot as usize) {
            Some(slot) if slot.generation == armed.generation && slot.key.is_some() => slot.place,
            _ => return,
        };
        self.remove(place);
    }

    pub(crate) fn earliest(&self) -> Option<(Instant, Timer)> {
        let due = self.heap.first()?;
        let (_, timer) = self.slots.get(due.slot as usize)?.key?;
        Some((due.at, timer))
    }

    /// The next timer due at `now`, taken out.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(K, Timer)> {
        let due = self.heap.first().filter(|due| due.at <= now)?;
        let key = self.slots.get(due.slot as usize)?.key;
        self.remove(0);
        key
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    fn remove(&mut self, place: usize) {
        if place >= self.heap.len() {
            return;
        }
        let gone = self.heap.swap_remove(place);
        if let Some(slot) = self.slots.get_mut(gone.slot as usize) {
            slot.generation = slot.generation.wrapping_add(1);
            slot.key = None;
            self.free.push(gone.slot);
        }
        if place < self.heap.len() {
            self.settle(place);
            self.down(place);
            self.up(place);
        }
    }

    fn before(&self, a: usize, b: usize) -> bool {
        match (self.heap.get(a), self.heap.get(b)) {
            (Some(a), Some(b)) => (a.at, a.serial) < (b.at, b.serial),
            _ => false,
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.settle(a);
        self.settle(b);
    }

    /// Tells the entry at `place` where it stands.
    fn settle(&mut self, place: usize) {
        if let Some(due) = self.heap.get(place)
            && let Some(slot) = self.slots.get_mut(due.slot as usize)
        {
            slot.place = place;
        }
    }

    fn up(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if !self.before(place, parent) {
                break;
            }
            self.swap(place, parent);
            place = parent;
        }
    }

    fn down(&mut self, mut place: usize) {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let least = if self.before(right, left) { right } else { left };
            if !self.before(least, place) {
                break;
            }
            self.swap(place, least);
            place = least;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use std::collections::BTreeMap;

    use rand_chacha::ChaCha12Rng;
    use rand_core::{RngCore, SeedableRng};

    use super::*;

    /// Against a sorted map as the model: arm, disarm (also twice) and pop in random order.
    #[test]
    fn behaves_like_a_sorted_map() {
        let start = Instant::now();
        for seed in 0..20 {
            let mut rng = ChaCha12Rng::seed_from_u64(seed);
            let mut queue = TimerQueue::new();
            let mut model: BTreeMap<(Instant, u64), u64> = BTreeMap::new();
            let mut armed: Vec<(Armed, (Instant, u64))> = Vec::new();
            for step in 0..3_000_u64 {
                match rng.next_u32() % 4 {
                    0 | 1 => {
                        let at = start + Duration::from_millis(u64::from(rng.next_u32() % 500));
                        armed.push((queue.arm(at, step, Timer::A), (at, step)));
                        model.insert((at, step), step);
                    }
                    2 if !armed.is_empty() => {
                        let pick = usize::try_from(rng.next_u32()).unwrap() % armed.len();
                        let (id, key) = armed.swap_remove(pick);
                        queue.disarm(id);
                        queue.disarm(id);
                        model.remove(&key);
                    }
                    _ => {
                        let now = start + Duration::from_millis(u64::from(rng.next_u32() % 500));
                        let expected = model.first_key_value().filter(|((at, _), _)| *at <= now).map(|(key, value)| (*key, *value));
                        let got = queue.pop_due(now).map(|(key, _)| key);
                        assert_eq!(got, expected.map(|(_, value)| value));
                        if let Some((key, _)) = expected {
                            model.remove(&key);
                        }
                    }
                }
                assert_eq!(queue.earliest().map(|(at, _)| at), model.keys().next().map(|(at, _)| *at));
                assert_eq!(queue.len(), model.len());
            }
        }
    }
}
