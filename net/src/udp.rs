//! One UDP socket for signalling: whole datagrams with the local address they came to, and the errors that the network reports.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::AsRawFd,
};

use mio::{Interest, Registry, Token, event::Source};
use nix::{
    cmsg_space,
    errno::Errno,
    libc,
    sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt},
};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};

use crate::socket::{Purpose, SIGNALLING, open};

/// Room for the greatest datagram that there is, so that none is ever cut (B-38).
pub(crate) const DATAGRAM_MAX: usize = 65_536;

/// Octets of a signalling socket's receive buffer: some seconds of a registration storm.
const RECEIVE_BUFFER: usize = 4 << 20;
const SEND_BUFFER: usize = 1 << 20;

/// What one signalling socket has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UdpCounters {
    /// Datagrams handed up.
    pub received: u64,
    /// Datagrams dropped because nobody could be answered: source port 0, or a source that is no host.
    pub unanswerable: u64,
    /// Datagrams given to the kernel.
    pub sent: u64,
    /// Datagrams that the kernel refused: no room, no route, no right, too long.
    pub send_failed: u64,
    /// Reports that a peer cannot be reached.
    pub unreachable: u64,
}

impl UdpCounters {
    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            unanswerable: self.unanswerable + other.unanswerable,
            sent: self.sent + other.sent,
            send_failed: self.send_failed + other.send_failed,
            unreachable: self.unreachable + other.unreachable,
        }
    }
}

/// A bound socket. Owned by the signalling thread.
pub(crate) struct UdpSocket {
    io: mio::net::UdpSocket,
    /// As bound: may be a wildcard address, the port is a real one.
    pub(crate) bound: SocketAddr,
    pub(crate) counters: UdpCounters,
    control: Vec<u8>,
}

/// One step of reading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// A datagram of this length came from `remote` to `local`.
    Datagram { local: SocketAddr, remote: SocketAddr, length: usize },
    /// Something was read that is of no use; go on.
    Nothing,
    /// There is no more for now.
    Empty,
}

impl UdpSocket {
    /// Binds `address` for signalling.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let purpose = Purpose { class: SIGNALLING, receive_buffer: RECEIVE_BUFFER, send_buffer: SEND_BUFFER, dual: false };
        let socket = open(address, purpose)?;
        if address.is_ipv4() {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
            // B-38: a request longer than the way is wide goes in fragments, made here or by any router. With the default, path MTU
            // discovery, the first long request to a peer is lost, and behind a filter of ICMP all of them.
            set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT)?;
        } else {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
        }
        let std: std::net::UdpSocket = socket.into();
        let bound = std.local_addr()?;
        let control = cmsg_space!(libc::in6_pktinfo, libc::sock_extended_err, libc::sockaddr_in6);
        Ok(Self { io: mio::net::UdpSocket::from_std(std), bound, counters: UdpCounters::default(), control })
    }

    /// Has `registry` watch this socket.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.io.register(registry, token, Interest::READABLE)
    }

    /// Reads one datagram into `buffer`, which holds [`DATAGRAM_MAX`] octets.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Read {
        let mut slices = [IoSliceMut::new(buffer)];
        let received =
            recvmsg::<SockaddrStorage>(self.io.as_raw_fd(), &mut slices, Some(self.control.as_mut_slice()), MsgFlags::MSG_DONTWAIT);
        let message = match received {
            Ok(message) => message,
            Err(Errno::EAGAIN) => return Read::Empty,
            // An ICMP report waits in front of the datagrams and was taken off by this very call; its details are in the error queue.
            Err(_) => return Read::Nothing,
        };
        let length = message.bytes;
        let remote = message.address.as_ref().and_then(address_of);
        let local = message.cmsgs().ok().and_then(|mut all| all.find_map(|one| local_of(&one)));
        let Some(remote) = remote.filter(is_answerable) else {
            self.counters.unanswerable += 1;
            return Read::Nothing;
        };
        // The kernel always tells the local address. Were it not so, the bound address is true unless it is a wildcard.
        let Some(local) = local.or_else(|| Some(self.bound.ip()).filter(|ip| !ip.is_unspecified())) else {
            self.counters.unanswerable += 1;
            return Read::Nothing;
        };
        self.counters.received += 1;
        Read::Datagram { local: SocketAddr::new(local, self.bound.port()), remote, length }
    }

    /// Takes one report off the error queue: the peer that a datagram of ours could not reach. `None` at the queue's end.
    ///
    /// RFC 3261, 18.4: host, network, port or protocol unreachable and parameter problems are told; source quench and time exceeded are not.
    /// The inner `None` is such a report.
    pub(crate) fn read_error(&mut self) -> Option<Option<SocketAddr>> {
        // The kernel wants room for the start of our own datagram.
        let mut start = [0; 16];
        let mut slices = [IoSliceMut::new(&mut start)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(self.io.as_raw_fd(), &mut slices, Some(self.control.as_mut_slice()), flags).ok()?;
        // With MSG_ERRQUEUE the address is the one that our datagram went to (ip(7)).
        let remote = message.address.as_ref().and_then(address_of);
        let fatal = message.cmsgs().ok().is_some_and(|mut all| all.any(|one| is_fatal(&one)));
        let told = remote.filter(|_| fatal);
        self.counters.unreachable += u64::from(told.is_some());
        Some(told)
    }

    /// Sends from `local` (or, if that is a wildcard, from the address that the kernel chooses) to `remote`. Never blocks.
    ///
    /// # Errors
    /// What the kernel said. An older datagram's ICMP report is not this datagram's error: the send is then done once more.
    pub(crate) fn send(&mut self, local: IpAddr, remote: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let result = match self.send_once(local, remote, bytes) {
            Err(Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::EPROTO | Errno::ENOPROTOOPT | Errno::EINTR) => {
                self.send_once(local, remote, bytes)
            }
            other => other,
        };
        match result {
            Ok(()) => self.counters.sent += 1,
            Err(_) => self.counters.send_failed += 1,
        }
        Ok(result?)
    }

    fn send_once(&self, local: IpAddr, remote: SocketAddr, bytes: &[u8]) -> nix::Result<()> {
        let slices = [IoSlice::new(bytes)];
        let to = SockaddrStorage::from(remote);
        let fd = self.io.as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT;
        match local {
            _ if local.is_unspecified() => sendmsg(fd, &slices, &[], flags, Some(&to)),
            IpAddr::V4(ip) => {
                // ipi_spec_dst is the source address of an outgoing packet (ip(7)).
                let source = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
                let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
                sendmsg(fd, &slices, &[ControlMessage::Ipv4PacketInfo(&info)], flags, Some(&to))
            }
            IpAddr::V6(ip) => {
                let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
                sendmsg(fd, &slices, &[ControlMessage::Ipv6PacketInfo(&info)], flags, Some(&to))
            }
        }
        .map(drop)
    }
}

fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        Some(SocketAddr::V4(SocketAddrV4::from(*v4)))
    } else {
        storage.as_sockaddr_in6().map(|v6| SocketAddr::V6(SocketAddrV6::from(*v6)))
    }
}

fn local_of(message: &ControlMessageOwned) -> Option<IpAddr> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(IpAddr::V4(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()))),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr))),
        _ => None,
    }
}

/// Whether an answer to this source could arrive at one host.
fn is_answerable(remote: &SocketAddr) -> bool {
    let ip = remote.ip();
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    remote.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

/// RFC 792: destination unreachable, and parameter problem. "Fragmentation needed" concerns the size, not the peer.
fn is_fatal(message: &ControlMessageOwned) -> bool {
    const ICMP_UNREACHABLE: u8 = 3;
    const ICMP_FRAGMENTATION_NEEDED: u8 = 4;
    const ICMP_PARAMETER_PROBLEM: u8 = 12;
    const ICMP6_UNREACHABLE: u8 = 1;
    const ICMP6_PARAMETER_PROBLEM: u8 = 4;
    let (ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _)) = message else { return false };
    match (error.ee_origin, error.ee_type, error.ee_code) {
        (libc::SO_EE_ORIGIN_ICMP, ICMP_UNREACHABLE, code) => code != ICMP_FRAGMENTATION_NEEDED,
        (libc::SO_EE_ORIGIN_ICMP, ICMP_PARAMETER_PROBLEM, _) => true,
        (libc::SO_EE_ORIGIN_ICMP6, ICMP6_UNREACHABLE | ICMP6_PARAMETER_PROBLEM, _) => true,
        // Our own kernel: nobody answered its question for the neighbour's hardware address, or there is no route.
        (libc::SO_EE_ORIGIN_LOCAL, _, _) => {
            let errno = i32::try_from(error.ee_errno).map_or(Errno::UnknownErrno, Errno::from_raw);
            matches!(errno, Errno::EHOSTUNREACH | Errno::ENETUNREACH)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use rustix::net::sockopt::ip_mtu_discover;

    use super::*;

    #[test]
    fn a_long_request_may_go_in_fragments() {
        let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(ip_mtu_discover(&socket.io).unwrap(), Ipv4PathMtuDiscovery::DONT);
    }

    #[test]
    fn nobody_answers_to_everybody() {
        for (remote, answerable) in [
            ("192.0.2.1:5060", true),
            ("[2001:db8::1]:5060", true),
            ("192.0.2.1:0", false),
            ("0.0.0.0:5060", false),
            ("224.0.1.75:5060", false),
            ("255.255.255.255:5060", false),
            ("[::]:5060", false),
            ("[ff02::1]:5060", false),
        ] {
            assert_eq!(is_answerable(&remote.parse().unwrap()), answerable, "{remote}");
        }
    }

    #[test]
    fn only_lasting_reports_are_told() {
        let report = |ee_origin, ee_type, ee_code, errno: Errno| {
            let ee_errno = u32::try_from(errno as i32).unwrap();
            let error = libc::sock_extended_err { ee_errno, ee_origin, ee_type, ee_code, ee_pad: 0, ee_info: 0, ee_data: 0 };
            is_fatal(&ControlMessageOwned::Ipv4RecvErr(error, None))
        };
        let (icmp, icmp6, local) = (libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6, libc::SO_EE_ORIGIN_LOCAL);
        assert!(report(icmp, 3, 0, Errno::ENETUNREACH), "network");
        assert!(report(icmp, 3, 1, Errno::EHOSTUNREACH), "host");
        assert!(report(icmp, 3, 3, Errno::ECONNREFUSED), "port");
        assert!(report(icmp, 12, 0, Errno::EPROTO), "parameter problem");
        assert!(report(icmp6, 1, 4, Errno::ECONNREFUSED), "port, IPv6");
        assert!(report(local, 0, 0, Errno::EHOSTUNREACH), "no such neighbour");
        assert!(!report(icmp, 3, 4, Errno::EMSGSIZE), "fragmentation needed");
        assert!(!report(icmp, 4, 0, Errno::ECONNREFUSED), "source quench");
        assert!(!report(icmp, 11, 0, Errno::EHOSTUNREACH), "time exceeded");
        assert!(!report(icmp6, 2, 0, Errno::EMSGSIZE), "packet too big");
        assert!(!report(icmp6, 3, 0, Errno::EHOSTUNREACH), "time exceeded, IPv6");
        assert!(!report(local, 0, 0, Errno::EMSGSIZE), "too long for the interface");
    }
}
