//! What DNS said, for as long as it is good, and for a while longer if nobody can say it anew (RFC 8767).

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Query, answer::Finding, later};

/// How long an answer is used beyond its time while no server answers (RFC 8767, 5).
pub const STALE_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long nobody is asked again after a failure: SERVFAIL, silence (RFC 9520, 3.2).
pub const FAILURE_TTL: Duration = Duration::from_secs(10);

/// Answers by question. Bounded: the one that was not used for the longest time goes.
#[derive(Debug)]
pub(super) struct Cache {
    entries: BTreeMap<Query, Entry>,
    /// Questions by when they were last used.
    used: BTreeMap<u64, Query>,
    serial: u64,
    entries_max: usize,
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
        Self { entries: BTreeMap::new(), used: BTreeMap::new(), serial: 0, entries_max }
    }

    /// The answer, if it is still good; what it is that was not used for the longest time changes by that.
    pub(super) fn fresh(&mut self, now: Instant, query: &Query) -> Option<Arc<Finding>> {
        let entry = self.entries.get_mut(query).filter(|entry| now < entry.fresh_until)?;
        self.serial += 1;
        if let Some(query) = self.used.remove(&entry.used) {
            self.used.insert(self.serial, query);
        }
        entry.used = self.serial;
        Some(Arc::clone(&entry.finding))
    }

    /// An answer that is better than none, its time over or not.
    pub(super) fn stale(&self, now: Instant, query: &Query) -> Option<Arc<Finding>> {
        self.entries.get(query).filter(|entry| entry.will_do(now)).map(|entry| Arc::clone(&entry.finding))
    }

    pub(super) fn keep(&mut self, now: Instant, query: Query, finding: &Arc<Finding>, ttl: Duration) {
        let fresh_until = later(now, ttl);
        self.put(query, Arc::clone(finding), fresh_until, later(fresh_until, STALE_MAX));
    }

    /// Nobody could say: what was said before, else that nobody could, holds for [`FAILURE_TTL`]. What holds now.
    pub(super) fn keep_failure(&mut self, now: Instant, query: Query) -> Arc<Finding> {
        let fresh_until = later(now, FAILURE_TTL);
        if let Some(entry) = self.entries.get_mut(&query).filter(|entry| entry.will_do(now)) {
            entry.fresh_until = fresh_until.min(entry.stale_until);
            return Arc::clone(&entry.finding);
        }
        let finding = Arc::new(Finding::Failed);
        self.put(query, Arc::clone(&finding), fresh_until, fresh_until);
        finding
    }

    fn put(&mut self, query: Query, finding: Arc<Finding>, fresh_until: Instant, stale_until: Instant) {
        self.serial += 1;
        let entry = Entry { finding, fresh_until, stale_until, used: self.serial };
        self.used.insert(self.serial, query.clone());
        if let Some(old) = self.entries.insert(query, entry) {
            self.used.remove(&old.used);
        }
        while self.entries.len() > self.entries_max
            && let Some((_, query)) = self.used.pop_first()
        {
            self.entries.remove(&query);
        }
    }

    pub(super) fn resize(&mut self, entries_max: usize) {
        self.entries_max = entries_max;
        while self.entries.len() > entries_max
            && let Some((_, query)) = self.used.pop_first()
        {
            self.entries.remove(&query);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Entry {
    fn will_do(&self, now: Instant) -> bool {
        now < self.stale_until && !matches!(*self.finding, Finding::Failed)
    }
}
