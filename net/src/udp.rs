//! One UDP socket for signalling: whole datagrams with the local address they came to, and the errors that the network reports.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    os::fd::AsRawFd,
};

use bytes::Bytes;
use mio::{Interest, Registry, Token, event::Source};
use nix::{
    cmsg_space,
    errno::Errno,
    libc,
    sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt},
};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
use sip_core::{Flow, Transport};

use crate::{
    batch::{self, CALL_MAX, Outgoing, address_of},
    intake::Intake,
    socket::{Purpose, SIGNALLING, open},
};

/// Octets of a signalling socket's receive buffer: some seconds of a registration storm.
const RECEIVE_BUFFER: usize = 4 << 20;
const SEND_BUFFER: usize = 1 << 20;

/// At most so many datagrams wait for [`UdpSocket::flush`]; then they go by themselves.
const OUTGOING_MAX: usize = 2 * CALL_MAX;

/// What one signalling socket has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UdpCounters {
    /// Datagrams read, whatever the guard then thought of them.
    pub received: u64,
    /// Of these, nothing but line ends: keep-alives of phones behind NAT.
    pub keep_alives: u64,
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
            keep_alives: self.keep_alives + other.keep_alives,
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
    /// Whether there may be something unread: readiness is told once only.
    pub(crate) ready: bool,
    /// Whether there may be reports in the error queue.
    pub(crate) has_errors: bool,
    /// Whether the last read brought as many as it had room for.
    was_full: bool,
    control: Vec<u8>,
    outgoing: Vec<Outgoing>,
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
        Ok(Self {
            io: mio::net::UdpSocket::from_std(std),
            bound,
            counters: UdpCounters::default(),
            ready: true,
            has_errors: true,
            was_full: false,
            control: cmsg_space!(libc::in6_pktinfo, libc::sock_extended_err, libc::sockaddr_in6),
            outgoing: Vec::new(),
        })
    }

    /// Has `registry` watch this socket.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.io.register(registry, token, Interest::READABLE)
    }

    /// Reads once, as many datagrams as one call brings and `intake` may still take.
    pub(crate) fn read(&mut self, buffer: &mut [u8], intake: &mut Intake<'_>) {
        let count = intake.left.min(if self.was_full { CALL_MAX } else { FEW });
        let (bound, counters) = (self.bound, &mut self.counters);
        let read = batch::receive(self.io.as_raw_fd(), bound.is_ipv4(), buffer, count, |remote, local, datagram| {
            counters.received += 1;
            let Some(remote) = remote.filter(is_answerable) else {
                counters.unanswerable += 1;
                return;
            };
            // Nobody means anything by an empty datagram.
            if datagram.len() <= KEEP_ALIVE_MAX && datagram.iter().all(|octet| matches!(octet, b'\r' | b'\n')) {
                counters.keep_alives += 1;
                return;
            }
            // The kernel always tells the local address. Were it not so, the bound address is true unless it is a wildcard.
            let Some(local) = local.or_else(|| Some(bound.ip()).filter(|ip| !ip.is_unspecified())) else {
                counters.unanswerable += 1;
                return;
            };
            let flow = Flow { transport: Transport::Udp, local: SocketAddr::new(local, bound.port()), remote };
            intake.datagram(flow, datagram);
        });
        match read {
            Ok(read) => {
                self.was_full = read == count;
                self.ready = self.was_full;
            }
            Err(Errno::EAGAIN) => {
                self.was_full = false;
                self.ready = false;
            }
            // A report waits in front of the datagrams and was taken off by this very call; its details are in the error queue.
            Err(_) => self.has_errors = true,
        }
    }

    /// Takes all reports off the error queue, and notes whom they are about: no more than `max`.
    pub(crate) fn read_errors(&mut self, unreachable: &mut Vec<SocketAddr>, max: usize) {
        for _ in 0..max {
            match self.read_error() {
                Some(remote) => unreachable.extend(remote.filter(|_| unreachable.len() < max)),
                None => return,
            }
        }
        // There is more, and it is told once only.
        self.has_errors = true;
    }

    /// Takes one report off the error queue: the peer that a datagram of ours could not reach. `None` at the queue's end.
    ///
    /// RFC 3261, 18.4: host, network, port or protocol unreachable and parameter problems are told; source quench and time exceeded are not.
    /// The inner `None` is such a report.
    fn read_error(&mut self) -> Option<Option<SocketAddr>> {
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

    /// Puts a datagram into the next [`UdpSocket::flush`]: from `local` (or, if that is a wildcard, from the address that the kernel
    /// chooses) to `remote`.
    pub(crate) fn send(&mut self, local: IpAddr, remote: SocketAddr, bytes: Bytes, failed: &mut impl FnMut(SocketAddr, Errno)) {
        if self.outgoing.len() >= OUTGOING_MAX {
            self.flush(failed);
        }
        // A socket that is bound to one address sends from no other.
        let local = Some(local).filter(|local| self.bound.ip().is_unspecified() && !local.is_unspecified());
        self.outgoing.push(Outgoing { local, remote, bytes });
    }

    /// Sends what was put in, in that order. Never blocks; what the kernel refuses is counted and told to `failed`.
    pub(crate) fn flush(&mut self, failed: &mut impl FnMut(SocketAddr, Errno)) {
        let fd = self.io.as_raw_fd();
        let mut rest = self.outgoing.as_slice();
        let mut tries = 0;
        while let Some(first) = rest.first() {
            let same = rest.iter().take(CALL_MAX).take_while(|one| one.local == first.local).count();
            let done = match batch::send(fd, rest.get(..same).unwrap_or_default()) {
                Ok(taken) => {
                    tries = 0;
                    self.counters.sent += u64::try_from(taken).unwrap_or(0);
                    taken
                }
                // The report on an older datagram is not this one's error, and each such call takes one off: so once more.
                Err(errno) if is_report(errno) && tries < TRIES_MAX => {
                    tries += 1;
                    0
                }
                Err(errno) => {
                    tries = 0;
                    self.counters.send_failed += 1;
                    failed(first.remote, errno);
                    1
                }
            };
            rest = rest.get(done..).unwrap_or_default();
        }
        self.outgoing.clear();
    }
}

/// Datagrams that the first read of a wake has room for. Measured against 32: with one datagram a wake, which is the usual case, a tenth
/// cheaper, and no dearer than one `recvmsg` and another that finds nothing; a flood is read with full calls from the second one on.
const FEW: usize = 4;

/// Longer ones are read as messages, whatever is in them.
const KEEP_ALIVE_MAX: usize = 4;

/// How often one datagram is tried again after reports on others. The kernel holds one such report for a socket at a time.
const TRIES_MAX: usize = 2;

/// Whether the kernel may mean an older datagram by this, or was just interrupted.
fn is_report(errno: Errno) -> bool {
    matches!(errno, Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::EPROTO | Errno::ENOPROTOOPT | Errno::EINTR)
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
