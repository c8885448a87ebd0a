//! From which of our addresses a request leaves.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use ipnet::IpNet;
use model::{carrier, not_public};
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
    /// Networks that may be gone to although they are not public (`sip.allow_nets`).
    allowed: Vec<IpNet>,
    /// Until when what is too long for a datagram goes in fragments all the same: nobody was heard there over TCP.
    silent_over_tcp: BTreeMap<SocketAddr, Instant>,
}

/// Why a target is not gone to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoWay {
    /// No address of ours leads there, or it is ourselves.
    Nowhere,
    /// It is not public, and of this kind, and nobody has allowed it.
    Inside(IpAddr, &'static str),
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("no address of ours leads there"),
            Self::Inside(address, kind) => write!(f, "{address} is {kind}; whoever runs the server can allow it with sip.allow_nets"),
        }
    }
}

/// More addresses than this are not looked at.
const OUTWARDS_MAX: usize = 256;

/// Addresses of others to which the way is kept; with more, all are asked for anew.
const ROUTES_MAX: usize = 4_096;

/// So long nothing goes over TCP to where nobody was heard by it.
const SILENT_TIME: Duration = Duration::from_secs(600);
/// Targets of which that is kept; with more, all are tried anew.
const SILENT_MAX: usize = 1_024;

impl Outwards {
    pub(crate) fn set(&mut self, mut ours: Vec<(Transport, SocketAddr)>) {
        ours.truncate(OUTWARDS_MAX);
        self.ours = ours;
    }

    /// Into these networks carriers may lead although they are not public. Whoever sets a centre's carriers would else have this server talk
    /// to its own machine and to what clouds tell their machines only.
    pub(crate) fn allow(&mut self, networks: Vec<IpNet>) {
        self.allowed = networks;
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
    /// the target is there. Judged is the address that a request goes to, whatever name led to it.
    ///
    /// # Errors
    /// Why there is none. To ourselves a call would come round for ever (RFC 3261, 16.3).
    pub(crate) fn flow_to(&self, target: &Target) -> Result<Flow, NoWay> {
        let (transport, remote) = (transport_of(target.transport), target.address);
        if self.ours.contains(&(transport, remote)) {
            return Err(NoWay::Nowhere);
        }
        let address = remote.ip().to_canonical();
        if let Some(kind) = not_public(address).filter(|_| !self.allowed.iter().any(|network| network.contains(&address))) {
            return Err(NoWay::Inside(address, kind));
        }
        let fits = |(of, local): &&(Transport, SocketAddr)| *of == transport && local.is_ipv4() == remote.is_ipv4();
        let routed = self.routes.get(&remote.ip()).and_then(|ours| ours.iter().find(fits));
        let is_near = |(_, local): &&(Transport, SocketAddr)| local.ip().is_loopback() == remote.ip().is_loopback();
        let mut ours = self.ours.iter().filter(fits);
        let (_, local) = routed.or_else(|| ours.clone().find(is_near)).or_else(|| ours.next()).ok_or(NoWay::Nowhere)?;
        Ok(Flow { transport, local: *local, remote })
    }

    /// The way over TCP to a target that takes datagrams, for what is too long for one (RFC 3261, 18.1.1). None if there is none, or nobody was
    /// heard by it lately; or if nobody reaches us over TCP: such a call would hang by the one stream, and its BYE be lost with that.
    pub(crate) fn tcp_to(&self, now: Instant, target: &Target) -> Option<Flow> {
        let is_silent = self.silent_over_tcp.get(&target.address).is_some_and(|until| now < *until);
        let is_asked_for = target.transport == Over::Udp && !is_silent;
        let way = is_asked_for.then(|| self.flow_to(&Target { transport: Over::Tcp, ..target.clone() }).ok()).flatten();
        way.filter(|flow| flow.local.port() != 0)
    }

    /// Nobody was heard there over TCP, or nobody who wanted the call: it is refused, or a firewall drops it.
    pub(crate) fn unheard_over_tcp(&mut self, now: Instant, remote: SocketAddr) {
        if self.silent_over_tcp.len() >= SILENT_MAX {
            self.silent_over_tcp.retain(|_, until| now < *until);
        }
        if self.silent_over_tcp.len() >= SILENT_MAX {
            self.silent_over_tcp.clear();
        }
        self.silent_over_tcp.insert(remote, now + SILENT_TIME);
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
        outwards.allow(vec!["0.0.0.0/0".parse().unwrap()]);
        let target = |text: &str| Target { address: text.parse().unwrap(), transport: Over::Udp, name: None };
        let from = |outwards: &Outwards, to: &str| outwards.flow_to(&target(to)).ok().map(|flow| flow.local.to_string());
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

    #[test]
    fn a_carrier_leads_into_the_house_where_that_is_allowed() {
        let mut outwards = Outwards::default();
        outwards.set(vec![(Transport::Tcp, "0.0.0.0:5060".parse().unwrap()), (Transport::Tcp, "[::]:5060".parse().unwrap())]);
        let target = |text: &str| Target { address: text.parse().unwrap(), transport: Over::Tcp, name: None };
        let inside = "127.0.0.1:6379 [::1]:80 169.254.169.254:80 [::ffff:127.0.0.1]:80 10.1.2.3:5060 192.168.1.1:5060 [fd00::1]:5060";
        for address in inside.split(' ') {
            let refused = outwards.flow_to(&target(address)).unwrap_err();
            assert!(refused.to_string().ends_with("can allow it with sip.allow_nets"), "{address}: {refused}");
        }
        assert!(outwards.flow_to(&target("8.8.8.8:5060")).is_ok() && outwards.flow_to(&target("[2001:4860:4860::8888]:5060")).is_ok());
        outwards.allow(vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let allowed: Vec<&str> = inside.split(' ').filter(|address| outwards.flow_to(&target(address)).is_ok()).collect();
        assert_eq!(allowed, ["10.1.2.3:5060", "[fd00::1]:5060"]);
    }
}
