//! What DNS said, for as long as it is good, and for a while longer if nobody can say it anew (RFC 8767); and where nobody could say anything.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Query, Urgency, answer::Finding, silence::Silence};

/// How long an answer is used beyond its time while no server answers (RFC 8767, 5).
pub const STALE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Answers by question. Bounded: the one that was not used for the longest time goes. Failures stand apart, so that names without any answer
/// push out none.
#[derive(Debug)]
pub(super) struct Cache {
    entries: BTreeMap<Query, Entry>,
    /// Questions by when they were last used.
    used: BTreeMap<u64, Query>,
    serial: u64,
    entries_max: usize,
    silence: Silence,
}

#[derive(Debug)]
struct Entry {
    finding: Arc<Finding>,
    /// Until then it is used as it is.
    fresh_until: Instant,
    /// Until then it is used if there is nothing better.
    stale_until: Instant,
    used: u64,
}

impl Cache {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { entries: BTreeMap::new(), used: BTreeMap::new(), serial: 0, entries_max, silence: Silence::default() }
    }

    /// The answer, if it is still good, or if it is too early to ask again; what it is that was not used for the longest time changes by that.
    pub(super) fn fresh(&mut self, now: Instant, query: &Query, urgency: Urgency) -> Option<Arc<Finding>> {
        let holds = self.silence.holds(now, query, urgency);
        let entry = self.entries.get_mut(query).filter(|entry| now < if holds { entry.stale_until } else { entry.fresh_until });
        let Some(entry) = entry else {
            return holds.then(|| Arc::new(Finding::Failed));
        };
        self.serial += 1;
        if let Some(query) = self.used.remove(&entry.used) {
            self.used.insert(self.serial, query);
        }
        entry.used = self.serial;
        Some(Arc::clone(&entry.finding))
    }

    /// An answer that is better than none, its time over or not.
    pub(super) fn stale(&self, now: Instant, query: &Query) -> Option<Arc<Finding>> {
        self.entries.get(query).filter(|entry| now < entry.stale_until).map(|entry| Arc::clone(&entry.finding))
    }

    pub(super) fn keep(&mut self, now: Instant, query: Query, finding: &Arc<Finding>, ttl: Duration) {
        self.silence.end(&query);
        let fresh_until = super::later(now, ttl);
        self.put(query, Arc::clone(finding), fresh_until, super::later(fresh_until, STALE_MAX));
    }

    /// Nobody could say. What holds now: what was said before, else that nobody could.
    pub(super) fn keep_failure(&mut self, now: Instant, query: Query) -> Arc<Finding> {
        let finding = self.stale(now, &query).unwrap_or_else(|| Arc::new(Finding::Failed));
        self.silence.failed(now, query);
        finding
    }

    /// Nobody has said anything for a while, and may still: what was said before holds meanwhile.
    pub(super) fn keep_late(&mut self, now: Instant, query: Query) -> Option<Arc<Finding>> {
        let finding = self.stale(now, &query)?;
        self.silence.late(now, query);
        Some(finding)
    }

    fn put(&mut self, query: Query, finding: Arc<Finding>, fresh_until: Instant, stale_until: Instant) {
        self.serial += 1;
        let entry = Entry { finding, fresh_until, stale_until, used: self.serial };
        self.used.insert(self.serial, query.clone());
        if let Some(old) = self.entries.insert(query, entry) {
            self.used.remove(&old.used);
        }
        self.tidy();
    }

    pub(super) fn resize(&mut self, entries_max: usize) {
        self.entries_max = entries_max;
        self.tidy();
    }

    fn tidy(&mut self) {
        while self.entries.len() > self.entries_max
            && let Some((_, query)) = self.used.pop_first()
        {
            self.entries.remove(&query);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
