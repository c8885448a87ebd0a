//! Targets that failed lately (RFC 3263, 4.3).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{Over, Target, later};

/// How long a target that failed stands behind all others.
pub const FAILED_FOR: Duration = Duration::from_secs(60);
/// And at most, whatever its Retry-After says.
pub const FAILED_FOR_MAX: Duration = Duration::from_secs(3600);
/// Failed targets that are remembered. Beyond it that one is forgotten whose time ends first.
pub const FAILED_MAX: usize = 4096;

type Key = (Over, SocketAddr);

#[derive(Debug, Default)]
pub(super) struct Marks {
    until: BTreeMap<Key, Instant>,
    order: BTreeSet<(Instant, Key)>,
}

impl Marks {
    pub(super) fn set(&mut self, now: Instant, target: &Target, retry_after: Option<Duration>) {
        self.tidy(now);
        let key = (target.transport, target.address);
        let until = later(now, retry_after.unwrap_or(FAILED_FOR).min(FAILED_FOR_MAX));
        // A time that the target gave itself is not cut short by another failure.
        let until = self.until.get(&key).map_or(until, |&earlier| earlier.max(until));
        self.clear(target);
        self.until.insert(key, until);
        self.order.insert((until, key));
        if self.until.len() > FAILED_MAX
            && let Some((_, key)) = self.order.pop_first()
        {
            self.until.remove(&key);
        }
    }

    pub(super) fn clear(&mut self, target: &Target) {
        let key = (target.transport, target.address);
        if let Some(until) = self.until.remove(&key) {
            self.order.remove(&(until, key));
        }
    }

    pub(super) fn is_set(&self, now: Instant, target: &Target) -> bool {
        self.until.get(&(target.transport, target.address)).is_some_and(|&until| until > now)
    }

    fn tidy(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.order.first()
            && until <= now
        {
            self.order.pop_first();
            self.until.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.until.len(), self.order.len());
        self.until.len()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests")]

    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn no_more_than_so_many_and_the_first_to_end_goes() {
        let now = Instant::now();
        let target =
            |number: u32| Target { transport: Over::Udp, address: SocketAddr::from((Ipv4Addr::from_bits(number), 5060)), name: None };
        let mut marks = Marks::default();
        let count = u32::try_from(FAILED_MAX).unwrap_or(u32::MAX);
        for number in 0..count {
            marks.set(now, &target(number), Some(Duration::from_secs(10) + Duration::from_millis(u64::from(number ^ 1))));
        }
        marks.set(now, &target(count), None);
        assert_eq!(marks.len(), FAILED_MAX);
        assert!(!marks.is_set(now, &target(1)), "the first to end");
        assert!(marks.is_set(now, &target(0)) && marks.is_set(now, &target(count)));
        marks.set(now, &target(0), None);
        assert_eq!(marks.len(), FAILED_MAX, "again is not one more");
        marks.set(now + FAILED_FOR, &target(7), None);
        assert_eq!(marks.len(), 1, "what is over is forgotten");
    }
}
