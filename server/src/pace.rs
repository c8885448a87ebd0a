//! How the loop takes turns: at once while little comes, and in longer strides under load.
//!
//! To be woken costs a thread as much as a message or two. When messages come faster than one in [`GAP`], the loop lets some of them gather
//! before it looks again: each waits a millisecond longer at most, and all of them cost less. For the same reason timers that are due
//! within one [`TICK`] are served together: every call leaves a handful behind, which only clear up after it.

use std::time::{Duration, Instant};

/// A message in less than this time, on average, is load.
const GAP: Duration = Duration::from_micros(500);

/// So long messages gather. A phone does not notice it: its own clock ticks in tens of milliseconds.
const GATHER: Duration = Duration::from_millis(1);

/// Timers are served this late at most. The shortest of SIP is 500 ms long (RFC 3261, 17.1.1.1).
const TICK: Duration = Duration::from_millis(20);

/// The load is measured over spans like this.
const SPAN: Duration = Duration::from_millis(20);

/// The pace of a loop.
#[derive(Debug)]
pub(crate) struct Pace {
    start: Instant,
    since: Instant,
    messages: u32,
    is_loaded: bool,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { start: now, since: now, messages: 0, is_loaded: false }
    }

    /// So many messages came.
    pub(crate) fn came(&mut self, now: Instant, messages: usize) {
        self.messages = self.messages.saturating_add(u32::try_from(messages).unwrap_or(u32::MAX));
        let span = now.saturating_duration_since(self.since);
        if span >= SPAN {
            self.is_loaded = span < GAP.saturating_mul(self.messages);
            self.since = now;
            self.messages = 0;
        }
    }

    /// When to serve a timer that is due at `due`: with the others of its tick.
    pub(crate) fn tick(&self, due: Instant) -> Instant {
        let after = due.saturating_duration_since(self.start);
        let into = after.as_nanos() % TICK.as_nanos();
        if into == 0 { due } else { due + TICK.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(0))) }
    }

    /// How long messages may gather before the next turn, if a timer is served at `due`.
    pub(crate) fn pause(&self, now: Instant, due: Option<Instant>) -> Option<Duration> {
        let is_free = due.is_none_or(|due| due.saturating_duration_since(now) > GATHER);
        (self.is_loaded && is_free).then_some(GATHER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_of_one_tick_are_served_together() {
        let start = Instant::now();
        let pace = Pace::new(start);
        for (due_us, served_us) in [(0, 0), (1, 20_000), (19_999, 20_000), (20_000, 20_000), (500_001, 520_000)] {
            assert_eq!(pace.tick(start + Duration::from_micros(due_us)), start + Duration::from_micros(served_us), "{due_us} us");
        }
    }

    #[test]
    fn only_under_load_messages_gather() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.pause(start, None), None);
        let mut at = start;
        // 1,000 a second, 4,000 a second, and then silence.
        for (gap_us, is_loaded) in [(1_000, false), (250, true), (25_000, false)] {
            for _ in 0..200 {
                at += Duration::from_micros(gap_us);
                pace.came(at, 1);
            }
            assert_eq!(pace.pause(at, None), is_loaded.then_some(GATHER), "{gap_us} us");
            assert_eq!(pace.pause(at, Some(at + GATHER)), None, "a timer goes first");
        }
    }
}
