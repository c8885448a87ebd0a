//! How much has gathered, and how it goes away again by itself: numbers with a moment each, no timers.

use std::time::{Duration, Instant};

/// Points decay in steps of this.
const TICK: Duration = Duration::from_secs(10);
/// What remains of 2^32 parts after one tick. Half is gone after 64 ticks.
const TICK_KEEPS: u64 = 4_248_701_964;
/// After so many ticks nothing is left of what fits in a score.
const TICKS_MAX: u64 = 64 * 32;
/// Points are kept in thousandths, so that slow ones do not vanish by rounding.
const MILLI: u32 = 1_000;
/// Thousandths that a score holds at most.
const MILLI_MAX: u32 = 10_000_000;

/// Points that halve every 640 s.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Score {
    milli: u32,
    /// Up to when the decay is reckoned: whole ticks, so that looking often changes nothing.
    at: Option<Instant>,
}

impl Score {
    /// Whole points at `now`.
    pub(super) fn points(self, now: Instant) -> u32 {
        self.at(now).milli / MILLI
    }

    pub(super) fn add(&mut self, now: Instant, points: u32) {
        *self = self.at(now);
        self.milli = self.milli.saturating_add(points.saturating_mul(MILLI)).min(MILLI_MAX);
    }

    /// Takes back what is left of `part`, which was added here, too.
    pub(super) fn take_back(&mut self, now: Instant, part: Self) {
        *self = self.at(now);
        // The two have rounded by themselves: a thousandth less or more is none.
        self.milli = self.milli.saturating_sub(part.at(now).milli.saturating_add(1));
    }

    fn at(self, now: Instant) -> Self {
        let Some(at) = self.at.filter(|_| self.milli > 0) else { return Self { milli: 0, at: Some(now) } };
        let ticks = now.saturating_duration_since(at).as_secs() / TICK.as_secs();
        if ticks >= TICKS_MAX {
            return Self { milli: 0, at: Some(now) };
        }
        let milli = (u64::from(self.milli) * keeps(ticks)) >> 32;
        let reckoned = at.checked_add(Duration::from_secs(ticks * TICK.as_secs())).unwrap_or(now);
        Self { milli: u32::try_from(milli).unwrap_or(MILLI_MAX), at: Some(reckoned) }
    }
}

/// What remains of 2^32 parts after `ticks`.
fn keeps(mut ticks: u64) -> u64 {
    let (mut kept, mut factor) = (1_u64 << 32, TICK_KEEPS);
    while ticks > 0 {
        if ticks & 1 == 1 {
            // Both are 2^32 at most, and `factor` less.
            kept = (kept * factor) >> 32;
        }
        factor = (factor * factor) >> 32;
        ticks >>= 1;
    }
    kept
}

/// How many failures there may be, and in what time each is forgotten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// So many at once.
    pub(super) limit: u32,
    /// One is forgotten in this time.
    pub(super) each: Duration,
}

impl Allowance {
    /// So many within a day.
    pub(super) fn a_day(limit: u32) -> Self {
        let limit = limit.max(1);
        Self { limit, each: Duration::from_secs(86_400) / limit }
    }
}

/// Failures that are forgotten one by one: the moment at which all are (as the buckets of [`crate::Guard`]).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leak(Option<Instant>);

impl Leak {
    /// One more; none beyond the limit, or who tries on would never be let in again.
    pub(super) fn add(&mut self, now: Instant, allowance: Allowance) {
        let whole = now.checked_add(allowance.each.saturating_mul(allowance.limit));
        let more = self.left(now).checked_add(allowance.each).and_then(|left| now.checked_add(left));
        self.0 = more.min(whole);
    }

    /// So many less.
    pub(super) fn take_back(&mut self, now: Instant, allowance: Allowance, count: u32) {
        self.0 = now.checked_add(self.left(now).saturating_sub(allowance.each.saturating_mul(count)));
    }

    /// How many there are now; one that is not wholly forgotten counts.
    pub(super) fn used(self, now: Instant, allowance: Allowance) -> u32 {
        let (left, each) = (self.left(now).as_millis(), allowance.each.as_millis().max(1));
        u32::try_from(left.div_ceil(each)).unwrap_or(u32::MAX)
    }

    pub(super) fn is_full(self, now: Instant, allowance: Allowance) -> bool {
        self.used(now, allowance) >= allowance.limit
    }

    /// Whether there are none.
    pub(super) fn is_forgotten(self, now: Instant) -> bool {
        self.left(now).is_zero()
    }

    /// How long until there are none.
    pub(super) fn left(self, now: Instant) -> Duration {
        self.0.map_or(Duration::ZERO, |empty_at| empty_at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test needs a first instant")]

    use super::*;

    #[test]
    fn points_halve_however_often_one_looks() {
        let start = Instant::now();
        let (mut seldom, mut often) = (Score::default(), Score::default());
        seldom.add(start, 1_000);
        often.add(start, 1_000);
        for s in 0..=1_280 {
            often.add(start + Duration::from_secs(s), 0);
        }
        for (s, expected) in [(0, 1_000), (9, 1_000), (640, 500), (1_280, 250), (2_560, 62), (100_000, 0)] {
            let points = seldom.points(start + Duration::from_secs(s));
            assert!(points.abs_diff(expected) <= 1, "{points} after {s} s");
        }
        assert!(often.points(start + Duration::from_secs(1_280)).abs_diff(250) <= 1);
        let mut part = Score::default();
        part.add(start, 400);
        seldom.take_back(start + Duration::from_secs(640), part);
        assert!(seldom.points(start + Duration::from_secs(640)).abs_diff(300) <= 1, "{seldom:?}");
        seldom.add(start, u32::MAX);
        assert_eq!(seldom.points(start), MILLI_MAX / MILLI);
    }

    #[test]
    fn failures_are_forgotten_one_by_one() {
        let allowance = Allowance { limit: 3, each: Duration::from_secs(10) };
        let start = Instant::now();
        let mut leak = Leak::default();
        for (used, is_full) in [(1, false), (2, false), (3, true), (3, true)] {
            leak.add(start, allowance);
            assert_eq!((leak.used(start, allowance), leak.is_full(start, allowance)), (used, is_full));
        }
        for (s, used) in [(9, 3), (10, 2), (29, 1), (30, 0), (99, 0)] {
            assert_eq!(leak.used(start + Duration::from_secs(s), allowance), used, "after {s} s");
        }
        leak.take_back(start, allowance, 2);
        assert_eq!(leak.used(start, allowance), 1);
        leak.take_back(start, allowance, 2);
        assert_eq!(leak.used(start, allowance), 0);
    }
}
