//! The four (or two) sockets of a leg, and which of them a packet leaves by.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use media::Component;
use rustix::net::{RecvFlags, SendFlags};

use super::watch::Watch;
use crate::{
    NetError,
    socket::{EXPEDITED, Purpose, is_missing_family, open},
};

/// Octets of a media socket's buffers. A packet of 20 ms occupies about 1 KiB there, so this is about a second of audio: longer than any stall
/// that a listener would forgive, and little enough that floods on thousands of ports (B-68) do not fill the memory.
const BUFFER: usize = 64 << 10;

/// At most so many datagrams are thrown away when a leg is opened.
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
        if plan.v4.is_some_and(|v4| v4.is_unspecified()) && plan.v6.is_some_and(|v6| v6.is_unspecified()) {
            plan = Self { v4: None, v6: plan.v6, dual: true };
        }
        if plan.v4.is_none() && plan.v6.is_none() { Err(NetError::NoAddress) } else { Ok(plan) }
    }

    /// Binds `port` for RTP and the next one for RTCP.
    pub(super) fn bind(self, port: u16) -> io::Result<Pair> {
        let next = port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Pair { rtp: self.bind_one(port)?, rtcp: self.bind_one(next)? })
    }

    fn bind_one(self, port: u16) -> io::Result<Sockets> {
        let socket = |ip: IpAddr| {
            let purpose = Purpose { class: EXPEDITED, receive_buffer: BUFFER, send_buffer: BUFFER, dual: self.dual };
            let socket = open(SocketAddr::new(ip, port), purpose)?;
            Ok(MediaSocket { io: socket.into(), dual: self.dual, peer: Peer::Anybody })
        };
        let v4 = self.v4.map(|ip| socket(ip.into())).transpose()?;
        let v6 = self.v6.map(|ip| socket(ip.into())).transpose();
        v6.map(|v6| Sockets { v4, v6 })
    }
}

/// The sockets of one leg.
pub(super) struct Pair {
    rtp: Sockets,
    rtcp: Sockets,
}

/// The sockets of one port.
struct Sockets {
    v4: Option<MediaSocket>,
    v6: Option<MediaSocket>,
}

/// One socket.
pub(super) struct MediaSocket {
    io: UdpSocket,
    dual: bool,
    peer: Peer,
}

/// From whom a socket takes packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// From anybody; who it was, the kernel says with each packet.
    Anybody,
    /// The kernel takes them from this one only, but what strangers sent before may still lie in the buffer.
    Settling(SocketAddr),
    /// The buffer has been seen empty since: whatever is in it is from this one (B-59).
    Only(SocketAddr),
}

/// Names a socket within a worker: the slot of its leg, the component, the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// The slot of the pair's leg in the relay.
    pub(super) slot: u32,
    /// RTP or RTCP.
    pub(super) component: Component,
    is_v6: bool,
}

impl Name {
    #[inline]
    pub(super) fn of(watched: u64) -> Self {
        let component = if watched & 2 == 0 { Component::Rtp } else { Component::Rtcp };
        Self { slot: u32::try_from(watched >> 2).unwrap_or(u32::MAX), component, is_v6: watched & 1 != 0 }
    }

    /// As a number below 2^34.
    fn watched(self) -> u64 {
        let component = if self.component == Component::Rtp { 0 } else { 2 };
        (u64::from(self.slot) << 2) | component | u64::from(self.is_v6)
    }
}

impl Pair {
    /// Throws away what arrived while the pair was in stock, which was not for this leg, and has its sockets watched.
    pub(super) fn begin(&mut self, watch: &Watch, slot: u32) -> io::Result<()> {
        for component in [Component::Rtp, Component::Rtcp] {
            for is_v6 in [false, true] {
                let name = Name { slot, component, is_v6 };
                let Some(socket) = self.socket(name) else { continue };
                socket.throw_away();
                watch.add(&socket.io, name.watched())?;
            }
        }
        Ok(())
    }

    /// The socket of this name.
    #[inline]
    pub(super) fn socket(&mut self, name: Name) -> Option<&mut MediaSocket> {
        let sockets = self.component(name.component);
        if name.is_v6 { sockets.v6.as_mut() } else { sockets.v4.as_mut() }
    }

    /// The socket that reaches `to`.
    #[inline]
    pub(super) fn socket_for(&mut self, component: Component, to: SocketAddr) -> Option<&mut MediaSocket> {
        let sockets = self.component(component);
        if to.is_ipv4() { sockets.v4.as_mut().or_else(|| sockets.v6.as_mut().filter(|v6| v6.dual)) } else { sockets.v6.as_mut() }
    }

    /// Takes packets from anywhere again.
    pub(super) fn disconnect(&mut self) {
        for sockets in [&mut self.rtp, &mut self.rtcp] {
            for socket in [&mut sockets.v4, &mut sockets.v6].into_iter().flatten() {
                socket.disconnect();
            }
        }
    }

    #[inline]
    fn component(&mut self, component: Component) -> &mut Sockets {
        match component {
            Component::Rtp => &mut self.rtp,
            Component::Rtcp => &mut self.rtcp,
        }
    }
}

impl MediaSocket {
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
            (Ok((length, from)), _) => Ok((length, if self.dual { SocketAddr::new(from.ip().to_canonical(), from.port()) } else { from })),
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
        self.peer = Peer::Settling(to);
        Ok(())
    }

    fn disconnect(&mut self) {
        if self.peer != Peer::Anybody
            && let Err(error) = rustix::net::connect_unspec(&self.io)
        {
            tracing::warn!(%error, "A media socket could not be disconnected.");
        }
        self.peer = Peer::Anybody;
    }

    /// Throws away what the buffer holds.
    fn throw_away(&mut self) {
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
            SocketAddr::V4(v4) if self.dual => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
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
        let io = UdpSocket::bind(at).unwrap();
        io.set_nonblocking(true).unwrap();
        (MediaSocket { io, dual: false, peer: Peer::Anybody }, at)
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
        for slot in [0, 1, 77, u32::MAX] {
            for component in [Component::Rtp, Component::Rtcp] {
                for is_v6 in [false, true] {
                    let name = Name { slot, component, is_v6 };
                    assert_eq!(Name::of(name.watched()), name);
                }
            }
        }
    }
}
