//! Questions that nobody could answer (SERVFAIL, silence), and when each is asked again: later each time (RFC 9520, 3.2).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{Query, Urgency, later};

/// How long nobody is asked again after a failure; after each further one in a row it is twice as long.
pub const FAILURE_TTL: Duration = Duration::from_secs(10);
/// And so long at most (RFC 9520, 3.2).
pub const FAILURE_TTL_MAX: Duration = Duration::from_secs(300);
/// For a call it is asked again after so long at the latest: when a carrier's servers are back, so are its calls.
pub const FAILURE_TTL_CALL: Duration = Duration::from_secs(30);
/// Failures that are remembered. Beyond it that one is forgotten whose time ends first.
pub const FAILURES_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Silence {
    failures: BTreeMap<Query, Failure>,
    order: BTreeSet<(Instant, Query)>,
}

#[derive(Debug)]
struct Failure {
    at: Instant,
    until: Instant,
    /// So many in a row.
    count: u32,
}

impl Silence {
    /// Whether it is too early to ask again.
    pub(super) fn holds(&self, now: Instant, query: &Query, urgency: Urgency) -> bool {
        self.failures.get(query).is_some_and(|failure| {
            let until = match urgency {
                Urgency::Call => failure.until.min(later(failure.at, FAILURE_TTL_CALL)),
                Urgency::Upkeep => failure.until,
            };
            now < until
        })
    }

    /// Another one in a row.
    pub(super) fn failed(&mut self, now: Instant, query: Query) {
        // One of long ago is none in a row.
        let known = self.failures.get(&query).filter(|failure| now < later(failure.until, FAILURE_TTL_MAX));
        let count = known.map_or(0, |failure| failure.count);
        let pause = FAILURE_TTL.saturating_mul(2_u32.saturating_pow(count)).min(FAILURE_TTL_MAX);
        self.put(query, Failure { at: now, until: later(now, pause), count: count.saturating_add(1) });
    }

    /// The answer is late, which is no failure yet.
    pub(super) fn late(&mut self, now: Instant, query: Query) {
        let count = self.failures.get(&query).map_or(0, |failure| failure.count);
        self.put(query, Failure { at: now, until: later(now, FAILURE_TTL), count });
    }

    /// There is an answer.
    pub(super) fn end(&mut self, query: &Query) {
        if let Some(failure) = self.failures.remove(query) {
            self.order.remove(&(failure.until, query.clone()));
        }
    }

    fn put(&mut self, query: Query, failure: Failure) {
        self.end(&query);
        self.order.insert((failure.until, query.clone()));
        self.failures.insert(query, failure);
        if self.failures.len() > FAILURES_MAX
            && let Some((_, query)) = self.order.pop_first()
        {
            self.failures.remove(&query);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use super::*;
    use crate::locate::{DomainName, Kind};

    fn query(number: usize) -> Query {
        Query { name: DomainName::parse(format!("h{number}.example").as_bytes()).unwrap(), kind: Kind::A }
    }

    #[test]
    fn no_more_than_so_many_and_the_first_to_end_goes() {
        let now = Instant::now();
        let mut silence = Silence::default();
        silence.failed(now, query(0));
        silence.failed(now, query(0));
        for number in 1..=FAILURES_MAX {
            silence.failed(now + Duration::from_millis(1), query(number));
        }
        assert_eq!((silence.failures.len(), silence.order.len()), (FAILURES_MAX, FAILURES_MAX));
        let gone = (0..=FAILURES_MAX).filter(|number| !silence.failures.contains_key(&query(*number)));
        assert_eq!(gone.count(), 1);
        assert!(silence.failures.contains_key(&query(0)), "it holds for longer");
        silence.end(&query(0));
        assert_eq!((silence.failures.len(), silence.order.len()), (FAILURES_MAX - 1, FAILURES_MAX - 1));
    }
}
