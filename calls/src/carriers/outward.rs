//! From which of our addresses a request leaves.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use model::carrier;
use sip_core::{
    Families, Flow, Host, LocatorSettings, Place, Target, Transport,
    locate::{DomainName, Over},
};

/// Our addresses, as the shell has told them.
#[derive(Debug, Default)]
pub(crate) struct Outwards {
    ours: Vec<(Transport, SocketAddr)>,
    /// From where the kernel goes to others: a machine with several addresses is not reached at each of them from everywhere.
    routes: BTreeMap<IpAddr, Vec<(Transport, SocketAddr)>>,
}

/// More addresses than this are not looked at.
const OUTWARDS_MAX: usize = 256;

/// Addresses of others to which the way is kept; with more, all are asked for anew.
const ROUTES_MAX: usize = 4_096;

impl Outwards {
    pub(crate) fn set(&mut self, mut ours: Vec<(Transport, SocketAddr)>) {
        ours.truncate(OUTWARDS_MAX);
        self.ours = ours;
    }

    /// From these of our addresses the kernel goes there.
    pub(crate) fn route(&mut self, remote: IpAddr, mut ours: Vec<(Transport, SocketAddr)>) {
        ours.truncate(OUTWARDS_MAX);
        if self.routes.len() >= ROUTES_MAX {
            self.routes.clear();
        }
        self.routes.insert(remote, ours);
    }

    /// Whether the shell has told any.
    pub(super) fn are_told(&self) -> bool {
        !self.ours.is_empty()
    }

    /// What can be looked for: the transports and families that we have addresses of, UDP first.
    pub(crate) fn locating(&self) -> LocatorSettings {
        let has = |over: Over| self.ours.iter().any(|(transport, _)| *transport == transport_of(over));
        let speaks: Vec<Over> = [Over::Udp, Over::Tcp, Over::Tls].into_iter().filter(|over| has(*over)).collect();
        let has_v4 = self.ours.iter().any(|(_, local)| local.is_ipv4());
        let has_v6 = self.ours.iter().any(|(_, local)| local.is_ipv6());
        let families = match (has_v4, has_v6) {
            (true, false) => Families::V4,
            (false, true) => Families::V6,
            _ => Families::V4First,
        };
        LocatorSettings { speaks, families, ..LocatorSettings::default() }
    }

    /// The way to a target: from where the kernel goes there, if that is known, else from an address of ours of the same kind, on the loopback if
    /// the target is there. None if we have none, or if the
    /// target is ourselves: such a call would come round for ever (RFC 3261, 16.3).
    pub(crate) fn flow_to(&self, target: &Target) -> Option<Flow> {
        let (transport, remote) = (transport_of(target.transport), target.address);
        if self.ours.contains(&(transport, remote)) {
            return None;
        }
        let fits = |(of, local): &&(Transport, SocketAddr)| *of == transport && local.is_ipv4() == remote.is_ipv4();
        let routed = self.routes.get(&remote.ip()).and_then(|ours| ours.iter().find(fits));
        let is_near = |(_, local): &&(Transport, SocketAddr)| local.ip().is_loopback() == remote.ip().is_loopback();
        let mut ours = self.ours.iter().filter(fits);
        let (_, local) = routed.or_else(|| ours.clone().find(is_near)).or_else(|| ours.next())?;
        Some(Flow { transport, local: *local, remote })
    }
}

/// Where a host of a carrier is to be looked for. None if it is an address that no host has.
pub(crate) fn place_of(host: &carrier::Host) -> Option<Place> {
    let place = Place::of(Host::parse(host.name.as_bytes()).ok()?);
    let transport = match host.transport {
        carrier::Transport::Automatic => None,
        carrier::Transport::Udp => Some(Over::Udp),
        carrier::Transport::Tcp => Some(Over::Tcp),
        carrier::Transport::Tls => Some(Over::Tls),
    };
    Some(Place { port: host.port, transport, ..place })
}

/// What the certificate at a target has to prove (RFC 5922): the domain that was asked for, or the address.
pub(crate) fn name_of(target: &Target) -> String {
    target.name.as_ref().map_or_else(|| target.address.ip().to_string(), |name: &DomainName| name.to_string())
}

fn transport_of(over: Over) -> Transport {
    match over {
        Over::Udp => Transport::Udp,
        Over::Tcp => Transport::Tcp,
        Over::Tls => Transport::Tls,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// A machine with two addresses goes to each carrier from the one that the kernel says.
    #[test]
    fn a_request_leaves_from_where_the_kernel_goes_there() {
        let local = |text: &str| (Transport::Udp, text.parse::<SocketAddr>().unwrap());
        let mut outwards = Outwards::default();
        outwards.set(vec![local("198.51.100.7:5060"), local("127.0.0.1:5060")]);
        let target = |text: &str| Target { address: text.parse().unwrap(), transport: Over::Udp, name: None };
        let from = |outwards: &Outwards, to: &str| outwards.flow_to(&target(to)).map(|flow| flow.local.to_string());
        assert_eq!(from(&outwards, "203.0.113.9:5060").as_deref(), Some("198.51.100.7:5060"));
        outwards.route("203.0.113.9".parse().unwrap(), vec![local("10.0.0.7:5060")]);
        assert_eq!(from(&outwards, "203.0.113.9:5060").as_deref(), Some("10.0.0.7:5060"));
        assert_eq!(from(&outwards, "203.0.113.10:5060").as_deref(), Some("198.51.100.7:5060"), "of others nothing was said");
        assert_eq!(from(&outwards, "127.0.0.2:5060").as_deref(), Some("127.0.0.1:5060"));
        // The way there goes by none that we listen on: what was told at the start holds.
        outwards.route("203.0.113.9".parse().unwrap(), Vec::new());
        assert_eq!(from(&outwards, "203.0.113.9:5060").as_deref(), Some("198.51.100.7:5060"));
        for last in 0..=u16::MAX {
            outwards.route(IpAddr::from([10, 9, last.to_be_bytes()[0], last.to_be_bytes()[1]]), Vec::new());
        }
        assert!(outwards.routes.len() <= ROUTES_MAX);
    }
}
