//! The four (or two) sockets of a leg, and which of them a packet leaves by.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use media::Component;
use mio::{Interest, Registry, Token, net::UdpSocket};

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
            let io = UdpSocket::from_std(socket.into());
            Ok(MediaSocket { io, dual: self.dual, connected: None, is_queued: false })
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
    connected: Option<SocketAddr>,
    /// It waits in the worker's list of sockets to be read.
    pub(super) is_queued: bool,
}

/// Names a socket within a worker, and is its token: the pair's place, the component, the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// The place of the pair's leg in the worker.
    pub(super) place: usize,
    /// RTP or RTCP.
    pub(super) component: Component,
    is_v6: bool,
}

impl Name {
    pub(super) fn of(token: Token) -> Self {
        let component = if token.0 & 2 == 0 { Component::Rtp } else { Component::Rtcp };
        Self { place: token.0 >> 2, component, is_v6: token.0 & 1 != 0 }
    }

    pub(super) fn token(self) -> Token {
        let component = if self.component == Component::Rtp { 0 } else { 2 };
        Token((self.place << 2) | component | usize::from(self.is_v6))
    }
}

impl Pair {
    /// Throws away what arrived while the pair was in stock, which was not for this leg, and has `registry` watch its sockets.
    pub(super) fn begin(&mut self, registry: &Registry, place: usize) -> io::Result<()> {
        for component in [Component::Rtp, Component::Rtcp] {
            for is_v6 in [false, true] {
                let name = Name { place, component, is_v6 };
                let Some(socket) = self.socket(name) else { continue };
                let mut octet = [0];
                for _ in 0..STALE_MAX {
                    match socket.io.recv_from(&mut octet) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        _ => {}
                    }
                }
                registry.register(&mut socket.io, name.token(), Interest::READABLE)?;
            }
        }
        Ok(())
    }

    /// The socket of this name.
    pub(super) fn socket(&mut self, name: Name) -> Option<&mut MediaSocket> {
        let sockets = self.component(name.component);
        if name.is_v6 { sockets.v6.as_mut() } else { sockets.v4.as_mut() }
    }

    /// The socket that reaches `to`.
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

    fn component(&mut self, component: Component) -> &mut Sockets {
        match component {
            Component::Rtp => &mut self.rtp,
            Component::Rtcp => &mut self.rtcp,
        }
    }
}

impl MediaSocket {
    /// Receives one datagram: its length and where it came from, IPv4 always as IPv4.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (length, from) = self.io.recv_from(buffer)?;
        Ok((length, if self.dual { SocketAddr::new(from.ip().to_canonical(), from.port()) } else { from }))
    }

    /// Sends one datagram. Never blocks.
    pub(super) fn send(&self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        let once = || if self.connected == Some(to) { self.io.send(packet) } else { self.io.send_to(packet, self.spoken(to)) };
        match once() {
            // The far host's report about an earlier packet took this one's place; this one has not been tried yet.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => once().map(drop),
            other => other.map(drop),
        }
    }

    /// Has the kernel drop what comes from others (R28).
    pub(super) fn connect(&mut self, to: SocketAddr) -> io::Result<()> {
        self.io.connect(self.spoken(to))?;
        self.connected = Some(to);
        Ok(())
    }

    fn disconnect(&mut self) {
        if self.connected.take().is_some()
            && let Err(error) = rustix::net::connect_unspec(&self.io)
        {
            tracing::warn!(%error, "A media socket could not be disconnected.");
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
