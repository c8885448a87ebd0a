//! Whether a worker lets packets gather before it looks for them again.
//!
//! A worker that is woken for each few packets spends half its time on being woken. When it carries the sound of some hundred calls, it lets
//! packets gather for a millisecond: a phone, which sends one every 20 ms and puts them into a jitter buffer, does not notice.

use std::time::{Duration, Instant};

/// So long packets gather, and so much later at most one leaves.
pub(super) const NAP: Duration = Duration::from_millis(1);

/// From so many packets a second on they gather: a hundred calls, both ways.
const LOAD: u32 = 10_000;

/// The load is measured over spans of this length, in milliseconds.
const SPAN_MS: u32 = 10;

/// How much comes.
#[derive(Debug)]
pub(super) struct Gather {
    since: Instant,
    packets: u32,
    is_loaded: bool,
}

impl Gather {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, packets: 0, is_loaded: false }
    }

    /// So many packets came.
    pub(super) fn came(&mut self, now: Instant, packets: usize) {
        self.packets = self.packets.saturating_add(u32::try_from(packets).unwrap_or(u32::MAX));
        let span = now.saturating_duration_since(self.since);
        if span >= Duration::from_millis(u64::from(SPAN_MS)) {
            self.is_loaded = f64::from(self.packets) >= f64::from(LOAD) * span.as_secs_f64();
            self.since = now;
            self.packets = 0;
        }
    }

    /// How long to let them gather now; `None`: not at all.
    pub(super) fn nap(&self) -> Option<Duration> {
        self.is_loaded.then_some(NAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_under_load_packets_gather() {
        let start = Instant::now();
        let (mut gather, mut now) = (Gather::new(start), start);
        assert_eq!(gather.nap(), None);
        // 5,000 a second, 20,000 a second in turns of twenty, one packet after a pause.
        for (turns, pause_us, packets, nap) in [(200, 1_000, 5, None), (200, 1_000, 20, Some(NAP)), (1, 500_000, 1, None)] {
            for _ in 0..turns {
                now += Duration::from_micros(pause_us);
                gather.came(now, packets);
            }
            assert_eq!(gather.nap(), nap, "{packets} packets in {pause_us} us");
        }
    }
}
