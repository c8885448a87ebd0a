//! Who is not heard: what the owner of the sockets says, looked up before anything is parsed or a handshake made.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sip_core::{armour::BANS_MAX, guard::Source};

/// Banned sources and when their bans end. Its owner takes each one out in time; one that is forgotten ends all the same.
#[derive(Debug, Default)]
pub(crate) struct Bans {
    until: HashMap<Source, Instant>,
}

impl Bans {
    /// Beyond [`BANS_MAX`] nothing is entered; whoever orders bans has the same limit.
    pub(crate) fn insert(&mut self, now: Instant, source: Source, lasts: Duration) {
        if self.until.len() >= BANS_MAX && !self.until.contains_key(&source) {
            return;
        }
        if let Some(until) = now.checked_add(lasts) {
            self.until.insert(source, until);
        }
    }

    pub(crate) fn remove(&mut self, source: Source) {
        self.until.remove(&source);
    }

    pub(crate) fn has(&self, now: Instant, source: impl Into<Source>) -> bool {
        // Nearly always there is none.
        !self.until.is_empty() && self.until.get(&source.into()).is_some_and(|until| now < *until)
    }
}

/// What was not heard because its source is banned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BanCounters {
    /// Datagrams that would begin something.
    pub datagrams: u64,
    /// Messages of streams that would begin something.
    pub messages: u64,
    /// Streams that were opened to us by TCP, or were open when the ban came.
    pub streams: u64,
    /// Streams of TLS and of WebSockets, before their handshakes or right behind them.
    pub handshakes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_ends_by_itself_and_there_is_an_end_to_them() {
        let (now, hour) = (Instant::now(), Duration::from_secs(3_600));
        let source = |number: u32| Source::from(std::net::IpAddr::from(number.to_be_bytes()));
        let mut bans = Bans::default();
        assert!(!bans.has(now, source(1)));
        bans.insert(now, source(1), hour);
        assert!(bans.has(now, source(1)) && !bans.has(now, source(2)) && !bans.has(now + hour, source(1)));
        for number in 0..u32::try_from(BANS_MAX).unwrap_or_default() + 10 {
            bans.insert(now, source(number), hour);
        }
        assert_eq!(bans.until.len(), BANS_MAX);
        bans.insert(now, source(1), 2 * hour);
        assert!(bans.has(now + hour, source(1)), "in place of the one before");
        bans.remove(source(1));
        assert!(!bans.has(now, source(1)));
    }
}
