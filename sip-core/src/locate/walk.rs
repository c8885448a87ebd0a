//! The walk from a place to its targets (RFC 3263, 4), over what is known. Pure: it is walked anew with each answer.
//!
//! ```text
//!  address ─────────────────────────────────────────────────────────────▶ target
//!  name ─┬─ port ───────────────────────────────────────────┐
//!        ├─ transport ─────────────▶ SRV ──── none ─────────┤
//!        │                            │                     ▼
//!        └─ neither ─▶ NAPTR ─ none ─▶│ of each transport   A, AAAA ─▶ targets
//!                        │            │                     ▲
//!                        └─▶ SRV ─────┴──── hosts ──────────┘
//! ```

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use rand_core::RngCore;

use super::{
    DomainName, Families, Host, Kind, LocatorSettings, Over, Place, Query, Target,
    answer::{Finding, Rule, Service},
};

/// Targets of one place; the rest would never be tried.
pub const TARGETS_MAX: usize = 32;

pub(super) type Known = BTreeMap<Query, Arc<Finding>>;

/// What is known of a place.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// What has to be asked to know more.
    pub(super) missing: Vec<Query>,
    /// The name has no such records because there is no such name.
    pub(super) no_such_name: bool,
    /// For something that was asked no server had an answer.
    pub(super) failed: bool,
    offers: Vec<Offer>,
}

/// A transport, and the hosts that serve it.
#[derive(Debug)]
struct Offer {
    over: Over,
    /// In the order of priority.
    hosts: Vec<Server>,
}

#[derive(Debug)]
struct Server {
    priority: u16,
    weight: u16,
    port: u16,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
}

impl Survey {
    pub(super) fn new(place: &Place, settings: &LocatorSettings, known: &Known) -> Self {
        let mut walk = Walk { place, settings, known, survey: Self::default() };
        walk.start();
        walk.survey
    }

    /// Whether there is somewhere to send to, and all that is still to come are more addresses.
    pub(super) fn will_do(&self) -> bool {
        self.has_address() && self.missing.iter().all(|query| matches!(query.kind, Kind::A | Kind::Aaaa))
    }

    fn has_address(&self) -> bool {
        self.offers.iter().flat_map(|offer| &offer.hosts).any(|host| !host.v4.is_empty() || !host.v6.is_empty())
    }

    /// The targets in the order in which they are to be tried. Among equals chance decides, by weight.
    pub(super) fn targets(self, place: &Place, families: Families, random: &mut impl RngCore) -> Vec<Target> {
        let mut targets = Vec::new();
        for offer in self.offers {
            let name = place.domain.as_ref().filter(|_| offer.over == Over::Tls);
            for host in weighted(offer.hosts, random) {
                for address in interleaved(host.v4, host.v6, families, random) {
                    let address = SocketAddr::new(address, host.port);
                    let target = Target { transport: offer.over, address, name: name.cloned() };
                    if targets.len() < TARGETS_MAX && !targets.contains(&target) {
                        targets.push(target);
                    }
                }
            }
        }
        targets
    }
}

struct Walk<'a> {
    place: &'a Place,
    settings: &'a LocatorSettings,
    known: &'a Known,
    survey: Survey,
}

impl<'a> Walk<'a> {
    fn start(&mut self) {
        let overs = self.overs();
        let Some(&default) = overs.iter().find(|&&over| over == Over::Udp).or(overs.first()) else { return };
        let port = self.place.port.unwrap_or(default.default_port());
        if port == 0 {
            return;
        }
        match &self.place.host {
            Host::Address(address) => {
                let families = self.settings.families;
                let (v4, v6) = match *address {
                    IpAddr::V4(v4) => (Vec::from_iter(families.has_v4().then_some(v4)), Vec::new()),
                    IpAddr::V6(v6) => (Vec::new(), Vec::from_iter(families.has_v6().then_some(v6))),
                };
                self.survey.offers.push(Offer { over: default, hosts: vec![Server { priority: 0, weight: 0, port, v4, v6 }] });
            }
            Host::Name(name) if self.place.port.is_some() => self.host(default, name, port),
            Host::Name(name) if self.place.transport.is_some() => self.services_of(name, &overs, default),
            Host::Name(name) => self.rules_of(name, &overs, default),
        }
    }

    /// The transports that will do, the one that we like best first.
    fn overs(&self) -> Vec<Over> {
        let will_do = |over: &Over| match (self.place.transport, self.place.secure) {
            (None, false) => true,
            (None | Some(Over::Tcp | Over::Tls), true) => *over == Over::Tls,
            (Some(Over::Udp), true) => false,
            (Some(wanted), false) => *over == wanted,
        };
        self.settings.speaks.iter().copied().filter(will_do).collect()
    }

    /// NAPTR (RFC 3263, 4.1; RFC 3403, 4.1).
    fn rules_of(&mut self, name: &DomainName, overs: &[Over], default: Over) {
        let Some(finding) = self.look(name.clone(), Kind::Naptr) else { return };
        let rules: &[Rule] = match finding {
            Finding::Naptr(rules) => rules,
            _ => &[],
        };
        if rules.is_empty() {
            // Also where nobody could say: a forwarder in an old router knows no NAPTR, and the next question may do.
            self.survey.failed |= *finding == Finding::Failed;
            return self.services_of(name, overs, default);
        }
        // Records of a higher order are not looked at once one of a lower order fits, that is, has led somewhere.
        for rules in rules.chunk_by(|a, b| a.order == b.order) {
            for rule in rules {
                if let Some(over) = over(&rule.service).filter(|over| overs.contains(over))
                    && let Some(next) = &rule.next
                {
                    self.service(next.clone(), over);
                }
            }
            if !self.survey.missing.is_empty() || self.survey.has_address() {
                return;
            }
        }
    }

    /// SRV for each transport (RFC 3263, 4.1 and 4.2), and if there is none, the addresses of the name itself.
    ///
    /// RFC 3263 asks for `_sip` alone when the URI is `sip:`; that a domain offers TLS there too is for NAPTR to say. We ask for `_sips` all the
    /// same, if TLS is spoken, because few domains have NAPTR.
    fn services_of(&mut self, name: &DomainName, overs: &[Over], default: Over) {
        let mut is_served = false;
        for &over in overs {
            // A name that is too long for a service has none.
            if let Some(service) = name.under(over.service()) {
                is_served |= self.service(service, over);
            }
        }
        if !is_served && self.survey.missing.is_empty() {
            self.host(default, name, default.default_port());
        }
    }

    /// The hosts of a service (RFC 2782). Whether it has SRV records, even if these say that it is not there (`.`).
    fn service(&mut self, name: DomainName, over: Over) -> bool {
        let services: &[Service] = match self.look(name, Kind::Srv) {
            Some(Finding::Srv(services)) => services,
            Some(Finding::Failed) => {
                self.survey.failed = true;
                return false;
            }
            _ => return false,
        };
        let hosts = services.iter().map(|&Service { priority, weight, port, ref target }| {
            let (v4, v6) = self.addresses(target, false);
            Server { priority, weight, port, v4, v6 }
        });
        let hosts = hosts.collect();
        self.survey.offers.push(Offer { over, hosts });
        true
    }

    fn host(&mut self, over: Over, name: &DomainName, port: u16) {
        let (v4, v6) = self.addresses(name, true);
        self.survey.offers.push(Offer { over, hosts: vec![Server { priority: 0, weight: 0, port, v4, v6 }] });
    }

    /// Addresses of either family: the families are independent of each other (RFC 7984, 3).
    fn addresses(&mut self, name: &DomainName, is_asked_for: bool) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for kind in self.settings.families.kinds() {
            match self.look(name.clone(), *kind) {
                Some(Finding::A(found)) => v4.clone_from(found),
                Some(Finding::Aaaa(found)) => v6.clone_from(found),
                Some(Finding::Failed) => self.survey.failed = true,
                Some(Finding::NoSuchName) => self.survey.no_such_name |= is_asked_for,
                _ => {}
            }
        }
        (v4, v6)
    }

    /// What is known; if it is nothing, it is missing.
    fn look(&mut self, name: DomainName, kind: Kind) -> Option<&'a Finding> {
        let query = Query { name, kind };
        let finding = self.known.get(&query);
        if finding.is_none() && !self.survey.missing.contains(&query) {
            self.survey.missing.push(query);
        }
        finding.map(|finding| &**finding)
    }
}

/// The transport of a NAPTR service, in upper case (RFC 3263, 4.1).
fn over(service: &str) -> Option<Over> {
    match service {
        "SIP+D2U" => Some(Over::Udp),
        "SIP+D2T" => Some(Over::Tcp),
        "SIPS+D2T" => Some(Over::Tls),
        _ => None,
    }
}

/// Hosts, sorted by priority, in the order in which they are to be tried: within a priority by chance and weight (RFC 2782).
fn weighted(hosts: Vec<Server>, random: &mut impl RngCore) -> Vec<Server> {
    let mut ordered = Vec::with_capacity(hosts.len());
    let mut hosts = hosts.into_iter().peekable();
    while let Some(first) = hosts.next() {
        let priority = first.priority;
        let mut left = vec![first];
        while let Some(host) = hosts.next_if(|host| host.priority == priority) {
            left.push(host);
        }
        // "In any order", so that equals take turns, "except that all those with weight 0 are placed at the beginning".
        for at in 1..left.len() {
            left.swap(at, below(random, at + 1));
        }
        left.sort_by_key(|host| host.weight != 0);
        while !left.is_empty() {
            let sum: usize = left.iter().map(|host| usize::from(host.weight)).sum();
            let chosen = below(random, sum + 1);
            let mut running = 0;
            let at = left.iter().position(|host| {
                running += usize::from(host.weight);
                running >= chosen
            });
            ordered.push(left.remove(at.unwrap_or(0)));
        }
    }
    ordered
}

/// The addresses of a host, the families in turns (RFC 8421, 4), each from a chosen one on, as a server of names would turn them.
fn interleaved(v4: Vec<Ipv4Addr>, v6: Vec<Ipv6Addr>, families: Families, random: &mut impl RngCore) -> Vec<IpAddr> {
    let mut v4: Vec<IpAddr> = v4.into_iter().map(IpAddr::from).collect();
    let mut v6: Vec<IpAddr> = v6.into_iter().map(IpAddr::from).collect();
    for addresses in [&mut v4, &mut v6] {
        if addresses.len() > 1 {
            let at = below(random, addresses.len());
            addresses.rotate_left(at);
        }
    }
    let (first, second) = if families.v6_is_first() { (v6, v4) } else { (v4, v6) };
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::with_capacity(first.len() + second.len());
    while first.len() + second.len() > 0 {
        all.extend(first.next());
        all.extend(second.next());
    }
    all
}

/// A number below `end`, which is not 0. How uneven it is matters to nobody.
fn below(random: &mut impl RngCore, end: usize) -> usize {
    usize::try_from(random.next_u32()).unwrap_or_default().checked_rem(end).unwrap_or_default()
}
