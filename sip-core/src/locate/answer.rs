//! Questions to DNS and what may be believed of the answers.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use super::{DomainName, place::is_sendable};

/// The records of one answer that are looked at; the others are dropped, those first that would come last.
pub const RECORDS_MAX: usize = 16;
/// An answer is kept so long at least, whatever its TTL says: the same name is asked for many times a second.
pub const TTL_MIN: Duration = Duration::from_secs(5);
/// And so long at most.
pub const TTL_MAX: Duration = Duration::from_secs(24 * 3600);
/// "No such name" and "no such records" are kept so long at most (RFC 2308, 5): who mends his zone is not to wait for hours.
pub const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(300);
/// And so long when the answer does not say.
pub const NEGATIVE_TTL: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Which transports a domain offers (RFC 3403).
    Naptr,
    /// On which hosts a service is (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// A question to DNS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    /// The name, from the root on: no search list is to be used.
    pub name: DomainName,
    /// What is asked for.
    pub kind: Kind,
}

/// An answer, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The name that was asked for, with or without a dot at its end.
    pub name: String,
    /// What was asked for.
    pub kind: Kind,
    /// What was said.
    pub said: Said,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Records; those of another kind are passed over.
    Records(Vec<Record>),
    /// There is no such name (NXDOMAIN), and for how many seconds that is so.
    NoSuchName {
        /// Seconds; `None`: it is not known.
        ttl_s: Option<u32>,
    },
    /// The name has no records of this kind, and for how many seconds that is so.
    NoData {
        /// Seconds; `None`: it is not known.
        ttl_s: Option<u32>,
    },
    /// No server could tell: SERVFAIL, REFUSED, none reached, none in time.
    Failure,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How long it is good, in seconds.
    pub ttl_s: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says. Names are as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// RFC 3403, 4.1.
    Naptr {
        /// Lower ones first.
        order: u16,
        /// Within an order, lower ones first.
        preference: u16,
        /// `s`: an SRV name follows.
        flags: Vec<u8>,
        /// `SIP+D2U` and the like.
        services: Vec<u8>,
        /// Not used by SIP (RFC 3263, 4.1).
        regexp: Vec<u8>,
        /// The SRV name.
        replacement: String,
    },
    /// RFC 2782.
    Srv {
        /// Lower ones first.
        priority: u16,
        /// The share of requests within a priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host; `.`: the service is not there.
        target: String,
    },
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
}

/// What is left of an answer when everything is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// In the order of order and preference.
    Naptr(Vec<Rule>),
    /// In the order of priority. None at all: there are records, and none leads anywhere.
    Srv(Vec<Service>),
    A(Vec<Ipv4Addr>),
    Aaaa(Vec<Ipv6Addr>),
    NoSuchName,
    NoData,
    /// No server could tell.
    Failed,
}

/// A NAPTR record that speaks of SIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) order: u16,
    pub(super) preference: u16,
    /// In upper case.
    pub(super) service: String,
    /// The SRV name, unless the record leads elsewhere.
    pub(super) next: Option<DomainName>,
}

/// An SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: DomainName,
}

impl Said {
    /// What may be believed of it, how long that is good, and how many records were dropped.
    pub(super) fn sift(self, kind: Kind) -> (Finding, Duration, usize) {
        match self {
            Self::Records(records) => sift(records, kind),
            Self::NoSuchName { ttl_s } => (Finding::NoSuchName, negative_ttl(ttl_s), 0),
            Self::NoData { ttl_s } => (Finding::NoData, negative_ttl(ttl_s), 0),
            Self::Failure => (Finding::Failed, super::FAILURE_TTL, 0),
        }
    }
}

fn negative_ttl(ttl_s: Option<u32>) -> Duration {
    ttl_s.map_or(NEGATIVE_TTL, |ttl_s| Duration::from_secs(ttl_s.into()).clamp(TTL_MIN, NEGATIVE_TTL_MAX))
}

fn sift(records: Vec<Record>, kind: Kind) -> (Finding, Duration, usize) {
    let count = records.len();
    let mut ttl_s = None;
    let (mut rules, mut services, mut a, mut aaaa) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut is_there = false;
    for record in records {
        match (kind, record.data) {
            (Kind::Naptr, Data::Naptr { order, preference, flags, services, regexp, replacement }) => {
                rules.extend(rule(order, preference, (&flags, &services, &regexp), &replacement));
            }
            (Kind::Srv, Data::Srv { priority, weight, port, target }) => {
                let target = DomainName::parse(target.as_bytes()).filter(|_| port != 0);
                services.extend(target.map(|target| Service { priority, weight, port, target }));
            }
            (Kind::A, Data::A(address)) => a.extend(Some(address).filter(|&address| is_sendable(address.into()))),
            (Kind::Aaaa, Data::Aaaa(address)) => {
                // An IPv4 address in IPv6 clothes is never on the wire; a link-local one says nothing without its link.
                let is_real = is_sendable(address.into()) && address.to_ipv4_mapped().is_none() && !address.is_unicast_link_local();
                aaaa.extend(is_real.then_some(address));
            }
            _ => continue,
        }
        is_there = true;
        ttl_s = Some(ttl_s.map_or(record.ttl_s, |least: u32| least.min(record.ttl_s)));
    }
    if !is_there {
        return (Finding::NoData, NEGATIVE_TTL, count);
    }
    // What is over is what would come last.
    rules.sort_by_key(|rule: &Rule| (rule.order, rule.preference));
    rules.truncate(RECORDS_MAX);
    services.sort_by_key(|service| service.priority);
    services.truncate(RECORDS_MAX);
    a.truncate(RECORDS_MAX);
    aaaa.truncate(RECORDS_MAX);
    let kept = rules.len() + services.len() + a.len() + aaaa.len();
    let finding = match kind {
        Kind::Naptr => Finding::Naptr(rules),
        Kind::Srv => Finding::Srv(services),
        Kind::A => Finding::A(a),
        Kind::Aaaa => Finding::Aaaa(aaaa),
    };
    let ttl = Duration::from_secs(ttl_s.unwrap_or_default().into()).clamp(TTL_MIN, TTL_MAX);
    (finding, ttl, count.saturating_sub(kept))
}

/// A NAPTR record, if it speaks of SIP: the same domain may have such for telephone numbers or for Diameter.
fn rule(order: u16, preference: u16, (flags, services, regexp): (&[u8], &[u8], &[u8]), replacement: &str) -> Option<Rule> {
    let service = str::from_utf8(services).ok()?.to_ascii_uppercase();
    let is_sip = service.len() <= SERVICE_MAX && (service.starts_with("SIP+") || service.starts_with("SIPS+"));
    let leads = flags.eq_ignore_ascii_case(b"s") && regexp.is_empty();
    let next = DomainName::parse(replacement.as_bytes()).filter(|_| leads);
    is_sip.then_some(Rule { order, preference, service, next })
}

/// The longest service field that is looked at, in octets.
const SERVICE_MAX: usize = 32;
