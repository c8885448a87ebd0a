//! What was used within the last hour, day or month.
//!
//! The windows slide. Fixed ones begin anew at an hour that everybody knows, and who breaks in shortly before midnight would have two days'
//! budgets within two minutes.

use std::collections::VecDeque;

use model::{
    WallTime,
    budget::{Amount, Limit},
};

/// How long a window is, and in how many parts it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) whole_ms: i64,
    pub(super) part_ms: i64,
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 1_440 * MINUTE_MS;

/// Kept in parts of 2 minutes.
pub(super) const HOUR: Span = Span { whole_ms: 60 * MINUTE_MS, part_ms: 2 * MINUTE_MS };
/// Kept in parts of half an hour.
pub(super) const DAY: Span = Span { whole_ms: DAY_MS, part_ms: 30 * MINUTE_MS };
/// Thirty days, kept in days.
pub(super) const MONTH: Span = Span { whole_ms: 30 * DAY_MS, part_ms: DAY_MS };

/// What was used, by parts of time. A part counts until its end is a whole window ago, so within any window nothing is forgotten.
#[derive(Debug, Clone)]
pub(super) struct Window {
    span: Span,
    /// By number of the part since 1970, rising; as many as fit into the window, and one.
    parts: VecDeque<(i64, Amount)>,
}

impl Window {
    pub(super) fn new(span: Span) -> Self {
        Self { span, parts: VecDeque::new() }
    }

    pub(super) fn span(&self) -> Span {
        self.span
    }

    pub(super) fn add(&mut self, now: WallTime, amount: Amount) {
        self.forget(now);
        if amount == Amount::default() {
            return;
        }
        let number = now.0.div_euclid(self.span.part_ms);
        match self.parts.back_mut() {
            // A clock that was set back adds to what was last.
            Some((last, sum)) if *last >= number => *sum = sum.plus(amount),
            _ => self.parts.push_back((number, amount)),
        }
    }

    pub(super) fn used(&self, now: WallTime) -> Amount {
        self.parts.iter().filter(|(number, _)| self.ends(*number) > now).fold(Amount::default(), |sum, (_, amount)| sum.plus(*amount))
    }

    /// When no more than `most` of what `limit` counts is used, if nothing is added.
    pub(super) fn falls_to(&self, now: WallTime, limit: Limit, most: u64) -> WallTime {
        let mut used = self.used(now).of(limit);
        let mut at = now;
        for (number, amount) in self.parts.iter().filter(|(number, _)| self.ends(*number) > now) {
            if used <= most {
                break;
            }
            used = used.saturating_sub(amount.of(limit));
            at = self.ends(*number);
        }
        at
    }

    pub(super) fn clear(&mut self) {
        self.parts.clear();
    }

    /// The moments at which parts began, and what was used in them.
    pub(super) fn saved(&self) -> Vec<(WallTime, Amount)> {
        self.parts.iter().map(|(number, amount)| (WallTime(number.saturating_mul(self.span.part_ms)), *amount)).collect()
    }

    /// Puts back what was [`Window::saved`]. What lies after `now`, by a clock that was set back since, was used now.
    pub(super) fn restore(&mut self, now: WallTime, saved: &[(WallTime, Amount)]) {
        self.clear();
        let mut saved: Vec<_> = saved.iter().map(|(at, amount)| (WallTime(at.0.min(now.0)), *amount)).collect();
        saved.sort_by_key(|(at, _)| *at);
        for (at, amount) in saved {
            self.add(at, amount);
        }
        self.forget(now);
    }

    fn forget(&mut self, now: WallTime) {
        while self.parts.front().is_some_and(|(number, _)| self.ends(*number) <= now) {
            self.parts.pop_front();
        }
    }

    /// When a part no longer counts.
    fn ends(&self, number: i64) -> WallTime {
        WallTime(number.saturating_add(1).saturating_mul(self.span.part_ms).saturating_add(self.span.whole_ms))
    }
}
