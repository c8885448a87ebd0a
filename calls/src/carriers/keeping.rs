//! The ways by which carriers call us where we are registered are kept open (RFC 5626, 4.4; RFC 6223): a NAT or a firewall forgets a way by which nothing
//! goes. Where hosts are asked by OPTIONS often enough, that does it already.
//!
//! What is sent is an empty line twice: over a stream the ping of RFC 5626, which is answered, and over UDP what everybody passes over (RFC 3261, 7.5).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::{CarrierId, carrier::Carrier};
use sip_core::{Flow, Transport};

use crate::{core::Core, switchboard::Output};

/// The ways that are kept open; as many at most as accounts register.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    next: BTreeMap<Flow, Instant>,
    due: BTreeSet<(Instant, Flow)>,
}

/// RFC 5626, 4.4.1.
const PING: &[u8] = b"\r\n\r\n";

/// Between how many seconds a way is used again: RFC 5626, 4.4.1 for streams, and 4.4.2 for datagrams.
fn pause(transport: Transport) -> (Duration, Duration) {
    match transport {
        Transport::Udp => (Duration::from_secs(24), Duration::from_secs(29)),
        _ => (Duration::from_secs(95), Duration::from_secs(120)),
    }
}

impl Keeping {
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    fn set(&mut self, flow: Flow, at: Instant) {
        if let Some(before) = self.next.insert(flow, at) {
            self.due.remove(&(before, flow));
        }
        self.due.insert((at, flow));
    }
}

impl Core {
    /// The plan has changed: so may have how often hosts are asked.
    pub(super) fn follow_keeping(&mut self, now: Instant) {
        let flows: Vec<_> = self.carriers.enrolments.flows(now).collect();
        for (carrier, flow) in flows {
            self.keep_alive(now, carrier, flow);
        }
    }

    /// An account of a carrier is registered by this flow.
    pub(super) fn keep_alive(&mut self, now: Instant, carrier: CarrierId, flow: Flow) {
        let directory = Arc::clone(&self.directory);
        let needs = directory.plan().carrier(carrier).is_some_and(|entry| needs_it(&entry.carrier, flow));
        if needs && !self.carriers.keeping.next.contains_key(&flow) {
            self.keep_next(now, flow);
        }
    }

    /// Uses the ways whose time has come; those that nobody needs any more are forgotten.
    pub(crate) fn wake_keeping(&mut self, now: Instant) {
        if self.carriers.keeping.timeout().is_none_or(|at| at > now) {
            return;
        }
        let directory = Arc::clone(&self.directory);
        let is_needed = |(carrier, flow): &(CarrierId, Flow)| {
            directory.plan().carrier(*carrier).is_some_and(|entry| entry.carrier.on && needs_it(&entry.carrier, *flow))
        };
        let needed: BTreeSet<Flow> = self.carriers.enrolments.flows(now).filter(is_needed).map(|(_, flow)| flow).collect();
        while let Some((_, flow)) = self.carriers.keeping.due.first().copied().filter(|(at, _)| *at <= now) {
            if needed.contains(&flow) {
                self.out(Output::Transmit { flow, bytes: Bytes::from_static(PING) });
                self.keep_next(now, flow);
            } else {
                self.carriers.keeping.due.pop_first();
                self.carriers.keeping.next.remove(&flow);
            }
        }
    }

    fn keep_next(&mut self, now: Instant, flow: Flow) {
        let (least, most) = pause(flow.transport);
        let at = now + self.carriers.between(least, most);
        self.carriers.keeping.set(flow, at);
    }
}

/// Whether nothing else goes by the flow often enough.
fn needs_it(carrier: &Carrier, flow: Flow) -> bool {
    let every = Duration::from_secs(carrier.health.options_every_s.into());
    // Asked every 30 s, as by default, is often enough for a way of datagrams.
    every.is_zero() || every > pause(flow.transport).1 + Duration::from_secs(1)
}
