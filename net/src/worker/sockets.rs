//! The two sockets of a leg, and from whom they take packets.
//!
//! ```text
//!  bind --> shut --open--> anybody --connect--> settling --buffer seen empty--> only the phone
//!            ^               ^  |                  |                               |
//!            |               +--|----disconnect----+-------------------------------+
//!            +----------shut----+------------------+-------------------------------+
//! ```
//!
//! A shut socket is connected to itself: nobody else can send from its own port, so the kernel turns all others away as if the port were closed
//! (B-66), and what was bound for one call serves the next without being bound anew. Only IPv4 can be shut: Linux leaves an IPv6 socket that was
//! once connected deaf to all other IPv6 addresses. So a pair is bound for IPv4, and when a phone is of IPv6 it is bound anew for that, and closed
//! with its leg. IPv4 sockets proper are also cheaper than IPv6 ones that speak IPv4: those look for the route of each packet that they send.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use media::{Component, Latch, Remote};
use rustix::net::{RecvFlags, SendFlags};

use super::watch::Watch;
use crate::{
    NetError,
    socket::{EXPEDITED, Purpose, is_missing_family, open},
};

/// Octets of a media socket's buffers. A packet of 20 ms occupies about 1 KiB there, so this is about a second of audio: longer than any stall
/// that a listener would forgive, and little enough that floods on thousands of ports (B-68) do not fill the memory.
const BUFFER: usize = 64 << 10;

/// At most so many datagrams are thrown away in one go.
const STALE_MAX: usize = 256;

/// To which addresses each port is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BindPlan {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
    /// The IPv6 socket speaks IPv4 too.
    dual: bool,
}

impl BindPlan {
    /// Looks at the configured addresses, and whether the host has IPv6 if it is to be bound to `::`.
    pub(super) fn new(addresses: &[IpAddr]) -> Result<Self, NetError> {
        let mut plan = Self { v4: None, v6: None, dual: false };
        for address in addresses {
            let before = match address {
                IpAddr::V4(v4) => plan.v4.replace(*v4).is_some(),
                IpAddr::V6(v6) => plan.v6.replace(*v6).is_some(),
            };
            if before {
                return Err(NetError::TooManyAddresses);
            }
        }
        if let Some(v6) = plan.v6.filter(Ipv6Addr::is_unspecified) {
            let probe = SocketAddr::new(v6.into(), 0);
            match open(probe, Purpose { class: EXPEDITED, receive_buffer: BUFFER, send_buffer: BUFFER, dual: true }) {
                Ok(_) => {}
                Err(error) if is_missing_family(probe, &error) => {
                    tracing::info!("This host has no IPv6; media is IPv4 only.");
                    plan.v6 = None;
                }
                Err(source) => return Err(NetError::Bind { address: probe, source }),
            }
        }
        plan.dual = plan.v4.is_some_and(|v4| v4.is_unspecified()) && plan.v6.is_some_and(|v6| v6.is_unspecified());
        if plan.v4.is_none() && plan.v6.is_none() { Err(NetError::NoAddress) } else { Ok(plan) }
    }

    /// Binds `port` for RTP and the next one for RTCP: for IPv4 and shut, or for IPv6 where there is no IPv4.
    pub(super) fn bind(self, port: u16) -> io::Result<Pair> {
        let Some(v4) = self.v4 else { return self.bind_v6(port) };
        let mut pair = Pair::bind(port, |port| MediaSocket::bind(v4.into(), port, false))?;
        if let Err(error) = self.shut(&mut pair) {
            // Then it hears strangers, who are thrown away.
            tracing::debug!(%error, port, "A media port cannot be shut while it is in stock.");
        }
        Ok(pair)
    }

    /// Binds the same for IPv6; where all addresses of the host are bound, IPv4 reaches these sockets too.
    pub(super) fn bind_v6(self, port: u16) -> io::Result<Pair> {
        let v6 = self.v6.ok_or(io::ErrorKind::Unsupported)?;
        Pair::bind(port, |port| MediaSocket::bind(v6.into(), port, self.dual))
    }

    /// Whether a phone as described can be heard by other sockets only than those that the leg has.
    pub(super) fn needs_v6(self, pair: &Pair, remote: &Remote, latch: Latch) -> bool {
        let v6 = remote.rtp.map(|rtp| rtp.ip()).filter(IpAddr::is_ipv6);
        let from_anywhere = latch == Latch::First && self.dual;
        self.v6.is_some() && (v6.is_some() || from_anywhere) && [&pair.rtp, &pair.rtcp].iter().any(|socket| socket.is_deaf_to(v6))
    }

    /// Has the kernel turn everybody away from a pair.
    ///
    /// # Errors
    /// If that cannot be: then it cannot serve another leg.
    pub(super) fn shut(self, pair: &mut Pair) -> io::Result<()> {
        let ip = self.v4.filter(|v4| !v4.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST);
        pair.rtp.shut(ip)?;
        pair.rtcp.shut(ip)
    }
}

/// The sockets of one leg.
pub(super) struct Pair {
    rtp: MediaSocket,
    rtcp: MediaSocket,
}

/// One socket.
pub(super) struct MediaSocket {
    io: UdpSocket,
    port: u16,
    family: Family,
    peer: Peer,
    /// Whom it was last connected to, for what Linux remembers of that.
    met: Option<IpAddr>,
}

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
    /// IPv6, and IPv4 by mapped addresses.
    Dual,
}

/// From whom a socket takes packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// From nobody: it is connected to itself.
    Nobody,
    /// From anybody; who it was, the kernel says with each packet.
    Anybody,
    /// The kernel takes them from this one only, but what strangers sent before may still lie in the buffer.
    Settling(SocketAddr),
    /// The buffer has been seen empty since: whatever is in it is from this one (B-59).
    Only(SocketAddr),
}

/// Names a socket within a worker: the place of its pair, and the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// Where the worker has the pair.
    pub(super) place: u32,
    /// RTP or RTCP.
    pub(super) component: Component,
}

impl Name {
    #[inline]
    pub(super) fn of(watched: u64) -> Self {
        let component = if watched & 1 == 0 { Component::Rtp } else { Component::Rtcp };
        Self { place: u32::try_from(watched >> 1).unwrap_or(u32::MAX), component }
    }

    /// As a number below 2^33.
    fn watched(self) -> u64 {
        (u64::from(self.place) << 1) | u64::from(self.component == Component::Rtcp)
    }
}

impl Pair {
    fn bind(port: u16, one: impl Fn(u16) -> io::Result<MediaSocket>) -> io::Result<Self> {
        let next = port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { rtp: one(port)?, rtcp: one(next)? })
    }

    /// Has the sockets watched from now on, until they are closed: one that is shut has nothing to tell.
    pub(super) fn watch(&self, watch: &Watch, place: u32) -> io::Result<()> {
        watch.add(&self.rtp.io, Name { place, component: Component::Rtp }.watched())?;
        watch.add(&self.rtcp.io, Name { place, component: Component::Rtcp }.watched())
    }

    /// Takes packets from anybody, and none that arrived before.
    pub(super) fn open(&mut self) {
        for socket in [&mut self.rtp, &mut self.rtcp] {
            // First: while a socket is shut nothing is added.
            socket.throw_away();
            socket.disconnect();
        }
    }

    /// The socket of this component.
    #[inline]
    pub(super) fn socket(&mut self, component: Component) -> &mut MediaSocket {
        match component {
            Component::Rtp => &mut self.rtp,
            Component::Rtcp => &mut self.rtcp,
        }
    }

    /// The socket of this component, if it reaches `to`.
    #[inline]
    pub(super) fn socket_for(&mut self, component: Component, to: SocketAddr) -> Option<&mut MediaSocket> {
        let socket = self.socket(component);
        let reaches = if to.is_ipv4() { socket.family != Family::V6 } else { socket.family != Family::V4 };
        reaches.then_some(socket)
    }

    /// Takes packets from anywhere again.
    pub(super) fn disconnect(&mut self) {
        self.rtp.disconnect();
        self.rtcp.disconnect();
    }
}

impl MediaSocket {
    fn bind(ip: IpAddr, port: u16, dual: bool) -> io::Result<Self> {
        let purpose = Purpose { class: EXPEDITED, receive_buffer: BUFFER, send_buffer: BUFFER, dual };
        let family = match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) if dual => Family::Dual,
            IpAddr::V6(_) => Family::V6,
        };
        Ok(Self { io: open(SocketAddr::new(ip, port), purpose)?.into(), port, family, peer: Peer::Anybody, met: None })
    }

    /// Receives one datagram: its length, which is that of the buffer if it was longer, and where it came from, IPv4 always as IPv4.
    ///
    /// # Errors
    /// As the system says; `WouldBlock` if there is none.
    #[inline]
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        if let Peer::Only(peer) = self.peer {
            let (length, _) = rustix::net::recv(&self.io, buffer, RecvFlags::empty())?;
            return Ok((length, peer));
        }
        match (self.io.recv_from(buffer), self.peer) {
            (Ok((length, from)), _) => {
                let from = if self.family == Family::Dual { SocketAddr::new(from.ip().to_canonical(), from.port()) } else { from };
                Ok((length, from))
            }
            (Err(error), Peer::Settling(peer)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.peer = Peer::Only(peer);
                Err(error)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Whether it must be read until it is empty, so that strangers' packets are told from its peer's.
    #[inline]
    pub(super) fn is_settling(&self) -> bool {
        matches!(self.peer, Peer::Settling(_))
    }

    /// Sends one datagram. Never blocks.
    #[inline]
    pub(super) fn send(&self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        let once = || match self.peer {
            Peer::Only(peer) | Peer::Settling(peer) if peer == to => {
                rustix::net::send(&self.io, packet, SendFlags::empty()).map_err(io::Error::from)
            }
            _ => self.io.send_to(packet, self.spoken(to)),
        };
        match once() {
            // The far host's report about an earlier packet took this one's place; this one has not been tried yet.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => once().map(drop),
            other => other.map(drop),
        }
    }

    /// Has the kernel drop what comes from others (R28).
    pub(super) fn connect(&mut self, to: SocketAddr) -> io::Result<()> {
        self.io.connect(self.spoken(to))?;
        self.met = Some(to.ip());
        self.peer = Peer::Settling(to);
        Ok(())
    }

    fn disconnect(&mut self) {
        if self.peer != Peer::Anybody
            && let Err(error) = rustix::net::connect_unspec(&self.io)
        {
            tracing::warn!(%error, port = self.port, "A media socket could not be disconnected.");
        }
        self.peer = Peer::Anybody;
    }

    /// Connects an IPv4 socket to itself, which `ip` is an address of.
    fn shut(&mut self, ip: Ipv4Addr) -> io::Result<()> {
        if self.family != Family::V4 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let own = SocketAddr::new(ip.into(), self.port);
        if self.io.connect(own).is_err() {
            // There may be no way there from the address that it was connected by.
            self.disconnect();
            self.io.connect(own)?;
        }
        self.peer = Peer::Nobody;
        Ok(())
    }

    /// Whether it cannot hear this IPv6 address, or, none given, not all there are: it speaks IPv4, or was connected to somebody else, whose
    /// address Linux goes on comparing after the connection is dissolved.
    fn is_deaf_to(&self, v6: Option<IpAddr>) -> bool {
        self.family == Family::V4 || self.met.is_some_and(|met| v6 != Some(met))
    }

    /// Throws away what the buffer holds.
    pub(super) fn throw_away(&self) {
        let mut octet = [0_u8];
        for _ in 0..STALE_MAX {
            if matches!(rustix::net::recv(&self.io, &mut octet, RecvFlags::empty()), Err(rustix::io::Errno::AGAIN)) {
                break;
            }
        }
    }

    /// The address as this socket's family says it.
    fn spoken(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(v4) if self.family == Family::Dual => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn bound() -> (MediaSocket, SocketAddr) {
        // A port that the kernel chose would go with the connection; one that was asked for stays.
        let at = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        (MediaSocket::bind(at.ip(), at.port(), false).unwrap(), at)
    }

    fn sender(to: SocketAddr) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(to).unwrap();
        let at = socket.local_addr().unwrap();
        (socket, at)
    }

    /// B-59: the kernel turns strangers away from the moment of connecting, but not what they sent before.
    #[test]
    fn what_strangers_sent_before_connecting_is_not_the_peers() {
        let (mut socket, at) = bound();
        let ((phone, phone_at), (stranger, stranger_at)) = (sender(at), sender(at));
        stranger.send(b"stranger").unwrap();
        phone.send(b"phone").unwrap();
        socket.connect(phone_at).unwrap();
        let mut buffer = [0; 16];
        assert!(socket.is_settling());
        assert_eq!(socket.receive(&mut buffer).unwrap(), (8, stranger_at));
        assert_eq!(socket.receive(&mut buffer).unwrap(), (5, phone_at));
        assert_eq!(socket.receive(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(!socket.is_settling(), "from here on there can be none but the peer's");
        assert!(stranger.send(b"again").is_ok());
        phone.send(b"hello").unwrap();
        assert_eq!(socket.receive(&mut buffer).unwrap(), (5, phone_at));
        assert_eq!(&buffer[..5], b"hello");
        socket.send(phone_at, b"answer").unwrap();
        assert_eq!(phone.recv(&mut buffer).unwrap(), 6);
        // A new description: from anybody again.
        socket.disconnect();
        let (other, other_at) = sender(at);
        other.send(b"other").unwrap();
        assert_eq!(socket.receive(&mut buffer).unwrap(), (5, other_at));
        socket.throw_away();
        assert_eq!(socket.receive(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_name_goes_through_the_watch_and_back() {
        for place in [0, 1, 77, u32::MAX] {
            for component in [Component::Rtp, Component::Rtcp] {
                let name = Name { place, component };
                assert_eq!(Name::of(name.watched()), name);
            }
        }
    }

    /// B-66: a shut socket is to everybody as a closed one, and what it held is nobody's.
    #[test]
    fn a_shut_socket_hears_nobody_and_opens_empty() {
        let (mut socket, at) = bound();
        let ((phone, phone_at), (stranger, stranger_at)) = (sender(at), sender(at));
        socket.connect(phone_at).unwrap();
        for _ in 0..3 {
            phone.send(b"late").unwrap();
        }
        socket.shut(Ipv4Addr::LOCALHOST).unwrap();
        for from in [&phone, &stranger] {
            from.send(b"knock").unwrap();
            let refused = from.recv(&mut [0; 16]).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "as of a closed port");
        }
        let mut pair = Pair { rtp: socket, rtcp: bound().0 };
        pair.open();
        let socket = pair.socket(Component::Rtp);
        let mut buffer = [0; 16];
        assert_eq!(socket.receive(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        stranger.send(b"hello").unwrap();
        assert_eq!(socket.receive(&mut buffer).unwrap(), (5, stranger_at));
        socket.shut(Ipv4Addr::LOCALHOST).unwrap();
        socket.disconnect();
        phone.send(b"again").unwrap();
        assert_eq!(socket.receive(&mut buffer).unwrap(), (5, phone_at), "the port is the same still");
    }

    /// What makes it necessary to bind IPv6 anew: on a kernel where this fails it no longer is.
    #[test]
    fn who_is_heard_decides_which_sockets_are_needed() {
        let plan = |hosts: &[&str]| BindPlan::new(&hosts.iter().map(|host| host.parse().unwrap()).collect::<Vec<_>>()).unwrap();
        let remote = |rtp: &str| Remote {
            rtp: Some(rtp.parse().unwrap()),
            rtcp: None,
            payloads: media::Payloads { codec: media::Codec::Pcma, codec_pt: 8, dtmf_pt: None },
            sends: true,
            receives: true,
            ptime_ms: 20,
        };
        let pair = || Pair { rtp: bound().0, rtcp: bound().0 };
        let (v4, v6) = (remote("127.0.0.1:4000"), remote("[::1]:4000"));
        let only_v4 = plan(&["0.0.0.0"]);
        assert!(!only_v4.needs_v6(&pair(), &v6, Latch::Signalled) && !only_v4.needs_v6(&pair(), &v4, Latch::First));
        let all = plan(&["0.0.0.0", "::"]);
        if all.v6.is_none() {
            return;
        }
        assert!(!all.needs_v6(&pair(), &v4, Latch::Signalled) && !all.needs_v6(&pair(), &v4, Latch::SameHost));
        assert!(all.needs_v6(&pair(), &v6, Latch::Signalled) && all.needs_v6(&pair(), &v4, Latch::First));
        let at = UdpSocket::bind("[::]:0").unwrap().local_addr().unwrap();
        let one = || MediaSocket::bind(at.ip(), at.port(), true).unwrap();
        let mut pair = Pair { rtp: one(), rtcp: bound().0 };
        pair.rtcp.family = Family::Dual;
        assert!(!all.needs_v6(&pair, &v6, Latch::Signalled));
        pair.rtp.connect("[::1]:4000".parse().unwrap()).unwrap();
        pair.disconnect();
        assert!(!all.needs_v6(&pair, &v6, Latch::Signalled), "whom it knows it hears");
        assert!(all.needs_v6(&pair, &remote("[2001:db8::1]:4000"), Latch::Signalled));
        assert!(!all.needs_v6(&pair, &v4, Latch::Signalled), "IPv4 is not concerned");
        assert!(all.shut(&mut pair).is_err(), "it serves no other leg");
    }
}
