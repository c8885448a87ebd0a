//! Where the calls of carriers come from: their networks, or the addresses of their hosts (R2); and where else they are.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use ipnet::IpNet;
use model::{CarrierId, route::Plan};
use sip_core::{Host, Place, Target};

use super::outward::place_of;

/// A host of a carrier whose addresses are looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(super) carrier: CarrierId,
    /// As the carrier's settings write it.
    host: String,
}

/// Which source is whose. Empty without carriers, and then it costs a call nothing.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    nets: BTreeMap<IpNet, Vec<CarrierId>>,
    /// The lengths of prefixes that there are, the longest first.
    lengths: BTreeSet<Reverse<u8>>,
    /// Networks and addresses that stand in settings.
    fixed: Vec<(IpNet, CarrierId)>,
    /// Hosts that settings name by their addresses.
    addresses: BTreeSet<IpAddr>,
    /// Hosts of carriers whose calls come from elsewhere: nobody's source, and a carrier's all the same.
    beside: Vec<IpNet>,
    hosts: BTreeMap<Seen, Named>,
    due: BTreeSet<(Instant, Seen)>,
}

/// A host that is a name.
#[derive(Debug)]
struct Named {
    place: Place,
    addresses: BTreeSet<IpAddr>,
    /// Whether its carrier's calls come from there; else they come from the networks that its settings name.
    is_source: bool,
    /// When it is looked for next.
    next: Instant,
}

/// RFC 3261, 19.1.2.
const SIP_PORT: u16 = 5060;

/// How often the addresses of a host are looked for. Answers are kept for their own time (`sip_core::locate`), so this asks DNS no more often
/// than it wants to be asked.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Sources {
    /// The carriers whose calls come from there, those of the smallest network first.
    pub(crate) fn at(&self, source: IpAddr) -> Vec<CarrierId> {
        if self.nets.is_empty() {
            return Vec::new();
        }
        let source = source.to_canonical();
        let net = |length: u8| IpNet::new(source, length).ok().and_then(|net| self.nets.get(&net.trunc()));
        let mut found = Vec::new();
        for carrier in self.lengths.iter().filter_map(|Reverse(length)| net(*length)).flatten() {
            if !found.contains(carrier) {
                found.push(*carrier);
            }
        }
        found
    }

    /// Takes the carriers of a plan that are switched on: what comes from where another one is, is anybody's. Hosts that stay keep their addresses.
    pub(super) fn follow(&mut self, now: Instant, plan: &Plan) {
        self.fixed.clear();
        self.beside.clear();
        self.addresses.clear();
        let mut hosts = BTreeMap::new();
        for entry in plan.carriers().filter(|entry| entry.carrier.on) {
            self.fixed.extend(entry.carrier.networks.iter().map(|net| (net.trunc(), entry.id)));
            let is_source = entry.carrier.networks.is_empty();
            for host in &entry.carrier.hosts {
                let Some(place) = place_of(host) else { continue };
                if let Host::Address(address) = place.host {
                    self.addresses.insert(address);
                    match is_source {
                        true => self.fixed.push((address.into(), entry.id)),
                        false => self.beside.push(address.into()),
                    }
                    continue;
                }
                let seen = Seen { carrier: entry.id, host: host.to_string() };
                if hosts.contains_key(&seen) {
                    continue;
                }
                let named = self.hosts.remove(&seen).unwrap_or_else(|| {
                    self.due.insert((now, seen.clone()));
                    Named { place, addresses: BTreeSet::new(), is_source, next: now }
                });
                hosts.insert(seen, Named { is_source, ..named });
            }
        }
        self.hosts = hosts;
        self.due.retain(|(_, seen)| self.hosts.contains_key(seen));
        self.rebuild();
    }

    /// A host that is to be looked for now, and its next time set.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Seen, Place)> {
        let (at, seen) = self.due.first()?.clone();
        if at > now {
            return None;
        }
        self.due.remove(&(at, seen.clone()));
        let named = self.hosts.get_mut(&seen)?;
        named.next = now + LOOK_EVERY;
        let place = named.place.clone();
        self.due.insert((named.next, seen.clone()));
        Some((seen, place))
    }

    /// A host that was not looked for: it is then.
    pub(super) fn postpone(&mut self, at: Instant, seen: &Seen) {
        let Some(named) = self.hosts.get_mut(seen) else { return };
        self.due.remove(&(named.next, seen.clone()));
        named.next = at;
        self.due.insert((at, seen.clone()));
    }

    /// When a host is looked for next.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The hosts that settings name by their addresses. The port says nothing of the way there.
    pub(super) fn at_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses.iter().map(|address| SocketAddr::new(*address, SIP_PORT))
    }

    /// Where carriers are: the networks and addresses that their calls come from, and those of their hosts.
    pub(crate) fn known(&self) -> impl Iterator<Item = IpNet> {
        let named = self.hosts.values().filter(|named| !named.is_source).flat_map(|named| &named.addresses);
        self.nets.keys().chain(&self.beside).copied().chain(named.map(|address| IpNet::from(*address)))
    }

    /// The host is at these addresses now; whether that is news.
    pub(super) fn found(&mut self, seen: &Seen, targets: &[Target]) -> bool {
        let addresses: BTreeSet<IpAddr> = targets.iter().map(|target| target.address.ip().to_canonical()).collect();
        let Some(named) = self.hosts.get_mut(seen).filter(|named| named.addresses != addresses) else { return false };
        named.addresses = addresses;
        self.rebuild();
        true
    }

    fn rebuild(&mut self) {
        self.nets.clear();
        self.lengths.clear();
        let sources = self.hosts.iter().filter(|(_, named)| named.is_source);
        let resolved = sources.flat_map(|(seen, named)| named.addresses.iter().map(|address| (IpNet::from(*address), seen.carrier)));
        for (net, carrier) in self.fixed.iter().copied().chain(resolved) {
            self.lengths.insert(Reverse(net.prefix_len()));
            self.nets.entry(net).or_default().push(carrier);
        }
    }
}
