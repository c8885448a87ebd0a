//! Which parts of a recording somebody has really heard (S000-19).
//!
//! A player reports the spans that it has played. What cannot have been played in the time that has passed does not count, and what was heard twice
//! counts once.

use serde::{Deserialize, Serialize};

/// The most spans that are kept of what one person has heard of one call.
pub const SPANS_MAX: usize = 400;
/// A gap that is shorter is a player's rounding, in milliseconds.
pub const GAP_MS: u32 = 250;
/// How far ahead of the clock a player may be in one session, in milliseconds: reports travel, and clocks differ.
pub const AHEAD_MS: u64 = 2_000;
/// What joining spans may add so that they fit, of what was heard: 1 in so many.
const JOIN_SHARE: u64 = 100;

/// Spans of a recording in milliseconds from its beginning, each from its first to before its last: sorted, apart from each other, none empty.
///
/// On the wire and in the database: `[[0, 5000], [7000, 9500]]`. It is read from spans in any order, also from some that overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(u32, u32)>")]
pub struct Ranges(Vec<(u32, u32)>);

/// There would be more than [`SPANS_MAX`] spans, and joining the nearest would add too much that was not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is heard in too many pieces")]
pub struct TooManySpans;

/// The clocks and speeds by which a report is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Milliseconds since the session's last report that was counted, or since its opening.
    pub since_report_ms: u64,
    /// Milliseconds since the session's opening.
    pub since_opening_ms: u64,
    /// How fast the player says that it plays, in thousandths: 1,000 is as it was spoken.
    pub speed_permille: u32,
    /// The fastest that is believed, in thousandths.
    pub speed_max_permille: u32,
}

/// What a report came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What the session has now heard and had not before.
    pub added: Ranges,
    /// Milliseconds that cannot have been played in that time, and were dropped.
    pub trimmed_ms: u64,
}

impl Ranges {
    /// The spans, from the first on.
    #[must_use]
    pub fn spans(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// How much that is, in milliseconds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|span| length(*span)).sum()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is in one or the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect::<Vec<_>>().into()
    }

    /// What is here and not there.
    #[must_use]
    pub fn less(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut taken = other.0.iter().copied().peekable();
        for (mut from, to) in self.0.iter().copied() {
            while taken.next_if(|span| span.1 <= from).is_some() {}
            while let Some((taken_from, taken_to)) = taken.peek().copied().filter(|span| span.0 < to) {
                if from < taken_from {
                    left.push((from, taken_from));
                }
                from = taken_to.min(to);
                if taken_to > to {
                    break;
                }
                taken.next();
            }
            if from < to {
                left.push((from, to));
            }
        }
        Self(left)
    }

    /// What of it lies before `end`, the recording's length in milliseconds.
    pub fn clip(&mut self, end: u32) {
        self.0.retain(|span| span.0 < end);
        if let Some(last) = self.0.last_mut() {
            last.1 = last.1.min(end);
        }
    }

    /// Keeps the first `most` milliseconds of it and drops the rest, the latest first. Gives how much was dropped.
    pub fn trim_to(&mut self, most: u64) -> u64 {
        let (mut left, mut dropped) = (most, 0);
        for span in &mut self.0 {
            let keep = length(*span).min(left);
            left -= keep;
            dropped += length(*span) - keep;
            span.1 = span.0.saturating_add(u32::try_from(keep).unwrap_or(u32::MAX));
        }
        self.0.retain(|span| span.0 < span.1);
        dropped
    }

    /// Adds what somebody else counted, and gives what of it is new here: the milliseconds for the statistics of the day.
    ///
    /// If that makes more than [`SPANS_MAX`] spans, the nearest are joined, and what lies between them counts as heard.
    ///
    /// # Errors
    /// [`TooManySpans`] if that would add more than one part in a hundred; nothing is changed.
    pub fn absorb(&mut self, other: &Self) -> Result<Self, TooManySpans> {
        let all = self.union(other).joined()?;
        let new = all.less(self);
        *self = all;
        Ok(new)
    }

    /// Counts a report: spans in the order that they were played or any other, of a recording that is `duration_ms` long.
    ///
    /// What is new in it has to fit into the time since the last report, at the speed that the player names, and all that the session has heard into
    /// the time since its opening, at the highest speed that is believed, each with [`AHEAD_MS`] on top. The latest of what does not fit is dropped.
    ///
    /// # Errors
    /// [`TooManySpans`], as [`Ranges::absorb`].
    pub fn count(&mut self, report: &Self, duration_ms: u32, pace: &Pace) -> Result<Counted, TooManySpans> {
        let mut report = report.clone();
        report.clip(duration_ms);
        let mut new = self.union(&report).without_gaps().less(self);
        let trimmed_ms = new.trim_to(pace.most(self.total()));
        Ok(Counted { added: self.absorb(&new)?, trimmed_ms })
    }

    /// The same with gaps below [`GAP_MS`] closed.
    fn without_gaps(self) -> Self {
        let mut spans: Vec<(u32, u32)> = Vec::with_capacity(self.0.len());
        for span in self.0 {
            match spans.last_mut() {
                Some(last) if span.0 - last.1 < GAP_MS => last.1 = span.1,
                _ => spans.push(span),
            }
        }
        Self(spans)
    }

    /// At most [`SPANS_MAX`] spans, the nearest joined.
    fn joined(self) -> Result<Self, TooManySpans> {
        let too_many = self.0.len().saturating_sub(SPANS_MAX);
        if too_many == 0 {
            return Ok(self);
        }
        let ends = self.0.iter().zip(self.0.iter().skip(1));
        let mut gaps: Vec<(u32, u32)> = ends.map(|(before, after)| (after.0 - before.1, before.1)).collect();
        gaps.sort_unstable();
        gaps.truncate(too_many);
        let adds: u64 = gaps.iter().map(|(length, _)| u64::from(*length)).sum();
        if adds > self.total() / JOIN_SHARE {
            return Err(TooManySpans);
        }
        let filled = gaps.into_iter().map(|(length, from)| (from, from + length));
        Ok(filled.chain(self.0).collect::<Vec<_>>().into())
    }
}

impl Pace {
    /// How many new milliseconds are believed of a session that has heard `heard_ms`.
    fn most(&self, heard_ms: u64) -> u64 {
        let at = |ms: u64, speed: u32| ms.saturating_mul(u64::from(speed)) / 1_000;
        let report = at(self.since_report_ms, self.speed_permille.min(self.speed_max_permille)).saturating_add(AHEAD_MS);
        let session = at(self.since_opening_ms, self.speed_max_permille).saturating_add(AHEAD_MS).saturating_sub(heard_ms);
        report.min(session)
    }
}

impl From<Vec<(u32, u32)>> for Ranges {
    fn from(mut spans: Vec<(u32, u32)>) -> Self {
        spans.retain(|span| span.0 < span.1);
        spans.sort_unstable();
        spans.dedup_by(|next, last| {
            let touches = next.0 <= last.1;
            if touches {
                last.1 = last.1.max(next.1);
            }
            touches
        });
        Self(spans)
    }
}

fn length((from, to): (u32, u32)) -> u64 {
    u64::from(to - from)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ranges(spans: &[(u32, u32)]) -> Ranges {
        spans.to_vec().into()
    }

    /// A pace at which everything is believed.
    const LONG_AGO: Pace = Pace { since_report_ms: u64::MAX, since_opening_ms: u64::MAX, speed_permille: 1_000, speed_max_permille: 1_000 };

    #[test]
    fn spans_are_read_in_any_order_and_written_in_theirs() {
        let read: Ranges = serde_json::from_str("[[7,9],[0,2],[1,3],[3,4],[5,5],[9,6]]").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "[[0,4],[7,9]]");
        assert_eq!(read.total(), 6);
        for wrong in ["[[-1,2]]", "[[1]]", "[[1,2,3]]", "[[1.5,2]]", "{}", "[[0,4294967296]]"] {
            assert!(serde_json::from_str::<Ranges>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_played_counts_and_what_cannot_have_been_does_not() {
        let mut heard = Ranges::default();
        let pace = |since_report_ms, since_opening_ms, speed_permille| Pace {
            since_report_ms,
            since_opening_ms,
            speed_permille,
            speed_max_permille: 3_000,
        };
        let mut check = |spans: &[(u32, u32)], pace: Pace, added: &[(u32, u32)], trimmed| {
            let counted = heard.count(&ranges(spans), 60_000, &pace).unwrap();
            assert_eq!((counted.added.spans(), counted.trimmed_ms), (added, trimmed), "{spans:?}");
        };
        check(&[(0, 5_000)], pace(5_000, 5_000, 1_000), &[(0, 5_000)], 0);
        // The same report once more.
        check(&[(0, 5_000)], pace(0, 5_000, 1_000), &[], 0);
        // Heard again, and a little more.
        check(&[(1_000, 7_000)], pace(5_000, 10_000, 1_000), &[(5_000, 7_000)], 0);
        // Twice as fast.
        check(&[(7_000, 17_000)], pace(5_000, 15_000, 2_000), &[(7_000, 17_000)], 0);
        // As fast as nobody listens.
        check(&[(20_000, 60_000)], pace(5_000, 20_000, 50_000), &[(20_000, 37_000)], 23_000);
        // Whoever reports all the time gets no further than the clock: 23 s at most three times as fast, and 2 s.
        for _ in 0..18 {
            heard.count(&ranges(&[(0, 60_000)]), 60_000, &pace(0, 14_000, 3_000)).unwrap();
        }
        assert_eq!(heard.total(), 44_000);
        // A rounding, and what lies behind the end.
        let mut heard = ranges(&[(0, 1_000)]);
        let counted = heard.count(&ranges(&[(1_249, 2_000), (2_250, 3_000), (9_000, 99_999)]), 10_000, &LONG_AGO).unwrap();
        assert_eq!(counted.added, ranges(&[(1_000, 2_000), (2_250, 3_000), (9_000, 10_000)]));
    }

    #[test]
    fn many_spans_are_joined_if_next_to_nothing_is_added() {
        // 401 spans of 100 s with a gap of a second: joining adds one second to 40,100.
        let wide: Vec<_> = (0..401).map(|at| (at * 101_000, at * 101_000 + 100_000)).collect();
        let mut heard = Ranges::default();
        assert_eq!(heard.absorb(&ranges(&wide)).unwrap().total(), 40_101_000);
        assert_eq!(heard.spans().len(), SPANS_MAX);
        // Spans of a millisecond each: a gap would be a large part of what was heard.
        let narrow: Vec<_> = (0..401).map(|at| (at * 1_000, at * 1_000 + 1)).collect();
        let mut heard = ranges(&narrow[..400]);
        assert_eq!(heard.absorb(&ranges(&narrow)), Err(TooManySpans));
        assert_eq!(heard, ranges(&narrow[..400]));
    }

    fn set_of(ranges: &Ranges) -> BTreeSet<u32> {
        ranges.spans().iter().flat_map(|span| span.0..span.1).collect()
    }

    fn some_ranges() -> impl Strategy<Value = Ranges> {
        prop::collection::vec((0..120_u32, 0..20_u32), 0..12)
            .prop_map(|spans| spans.into_iter().map(|(from, length)| (from, from + length)).collect::<Vec<_>>().into())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ranges_are_sets_of_milliseconds(a in some_ranges(), b in some_ranges(), end in 0..150_u32, most in 0..150_usize) {
            let (set_a, set_b) = (set_of(&a), set_of(&b));
            for ranges in [&a, &a.union(&b), &a.less(&b)] {
                prop_assert!(ranges.spans().iter().all(|span| span.0 < span.1));
                prop_assert!(ranges.spans().windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
            prop_assert_eq!(a.total(), set_a.len() as u64);
            prop_assert_eq!(set_of(&a.union(&b)), &set_a | &set_b);
            prop_assert_eq!(set_of(&a.less(&b)), &set_a - &set_b);
            let mut clipped = a.clone();
            clipped.clip(end);
            prop_assert_eq!(set_of(&clipped), set_a.range(..end).copied().collect());
            let mut trimmed = a.clone();
            let dropped = trimmed.trim_to(most as u64);
            prop_assert_eq!(set_of(&trimmed), set_a.iter().take(most).copied().collect());
            prop_assert_eq!(dropped, set_a.len().saturating_sub(most) as u64);
        }

        /// Two sessions of one person, with seeking, lost reports and reports that are sent again: what counts was played (but for gaps that are
        /// closed), never shrinks, is never more than the clock allows, and the days add up to what the person has heard.
        #[test]
        fn nothing_counts_that_was_not_heard(walk in prop::collection::vec((0..2_usize, 0..55_000_u32, 1..9_000_u32, 1..4_u32, any::<bool>()), 1..40)) {
            const DURATION: u32 = 60_000;
            let mut sessions = [Ranges::default(), Ranges::default()];
            let (mut since_report, mut since_opening) = ([0_u64; 2], [0_u64; 2]);
            let (mut played, mut unsent) = (Ranges::default(), [Ranges::default(), Ranges::default()]);
            let (mut person, mut days) = (Ranges::default(), 0);
            for (tab, from, length, speed, is_lost) in walk {
                let took = u64::from(length.div_ceil(speed));
                for at in 0..2 {
                    since_report[at] += took;
                    since_opening[at] += took;
                }
                let span = ranges(&[(from, from + length)]);
                played = played.union(&span);
                unsent[tab] = unsent[tab].union(&span);
                if is_lost {
                    continue;
                }
                let pace = Pace {
                    since_report_ms: since_report[tab],
                    since_opening_ms: since_opening[tab],
                    speed_permille: 3_000,
                    speed_max_permille: 3_000,
                };
                let before = sessions[tab].clone();
                for again in [false, true] {
                    let counted = sessions[tab].count(&unsent[tab], DURATION, &pace).unwrap();
                    prop_assert_eq!(counted.trimmed_ms, 0);
                    prop_assert!(!again || counted.added.is_empty());
                    days += person.absorb(&counted.added).unwrap().total();
                }
                prop_assert!(before.less(&sessions[tab]).is_empty());
                since_report[tab] = 0;
                unsent[tab] = Ranges::default();
                let mut truth = played.clone().without_gaps();
                truth.clip(DURATION);
                prop_assert!(sessions[tab].less(&truth).is_empty());
                prop_assert!(sessions[tab].total() <= since_opening[tab] * 3 + AHEAD_MS);
                prop_assert_eq!(person.total(), days);
                prop_assert_eq!(&person, &sessions[0].union(&sessions[1]));
            }
        }
    }
}
