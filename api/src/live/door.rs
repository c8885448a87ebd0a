//! How fast one source may open connections: a connection costs memory before it has shown a token.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::auth::throttle::subscriber;

/// Connections that a source may open at once.
const BURST: u32 = 100;
/// One more each so long after that.
const REFILL: Duration = Duration::from_millis(50);
/// So many times more for this machine: a reverse proxy on it brings everybody.
const PROXY: u32 = 20;
/// Sources in memory; past it those that have not come for a while are swept out, then newcomers are refused.
const SOURCES_MAX: usize = 10_000;

/// The doors, one a source. Each is a bucket that fills with time, kept as the moment when it will be full.
#[derive(Debug, Default)]
pub(crate) struct Doors(Mutex<HashMap<IpAddr, Instant>>);

impl Doors {
    /// Whether one more may come in.
    pub(crate) fn enter(&self, now: Instant, address: IpAddr) -> bool {
        let refill = if address.to_canonical().is_loopback() { REFILL / PROXY } else { REFILL };
        let burst = if address.to_canonical().is_loopback() { BURST * PROXY } else { BURST };
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= SOURCES_MAX {
            full_at.retain(|_, full_at| *full_at > now);
        }
        let source = subscriber(address);
        if full_at.len() >= SOURCES_MAX && !full_at.contains_key(&source) {
            return false;
        }
        let full = full_at.entry(source).or_insert(now);
        let then = (*full).max(now) + refill;
        let good = then.saturating_duration_since(now) <= refill * burst;
        if good {
            *full = then;
        }
        good
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_burst_then_a_trickle() {
        let doors = Doors::default();
        let now = Instant::now();
        let source: IpAddr = "192.0.2.1".parse().unwrap();
        let entered = |at: Instant, source| (0..10_000).take_while(|_| doors.enter(at, source)).count();
        assert_eq!(entered(now, source), 100);
        assert_eq!(entered(now + Duration::from_secs(1), source), 20);
        assert_eq!(entered(now + Duration::from_secs(3600), source), 100);
        assert_eq!(entered(now, Ipv4Addr::LOCALHOST.into()), 2_000);
        assert_eq!(entered(now, "2001:db8::1".parse().unwrap()), 100);
        assert_eq!(entered(now, "2001:db8::2".parse().unwrap()), 0, "the same subscriber");
    }

    #[test]
    fn the_table_is_bounded() {
        let doors = Doors::default();
        let now = Instant::now();
        let came = (0..20_000u32).filter(|n| doors.enter(now, Ipv4Addr::from_bits(n + 1).into())).count();
        assert_eq!(came, SOURCES_MAX);
        let later = now + Duration::from_secs(60);
        assert!(doors.enter(later, Ipv4Addr::new(10, 0, 0, 1).into()));
        assert_eq!(doors.0.lock().unwrap().len(), 1);
    }
}
