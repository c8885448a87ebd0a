//! The signalling sockets: many addresses, one thread, one wait.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{Events, Poll, Token};
use sip_core::{Flow, Transport};

use crate::{
    NetError,
    socket::is_missing_family,
    udp::{DATAGRAM_MAX, Read, UdpCounters, UdpSocket},
};

/// At most so many datagrams come out of one [`SignallingSockets::wait`], so that timers and commands get their turn in a flood.
pub const BATCH_MAX: usize = 64;

/// At most so many reports of unreachable peers wait to be told; more are dropped, for the transactions' timers find out anyway.
const UNREACHABLE_MAX: usize = 1024;

/// The token of the waker; sockets have their index.
const WAKE: Token = Token(usize::MAX);

/// All sockets that signalling listens on. Owned and driven by one thread; nothing here blocks but [`SignallingSockets::wait`].
pub struct SignallingSockets {
    poll: Poll,
    events: Events,
    udp: Vec<Listener>,
    /// From which socket the next batch is read first, so that a flooded one cannot starve the others.
    first: usize,
    unreachable: Vec<SocketAddr>,
    buffer: Box<[u8]>,
}

/// A socket, and whether it may hold something unread: readiness is told once only.
struct Listener {
    socket: UdpSocket,
    ready: bool,
}

/// What the sockets brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A whole datagram.
    Datagram {
        /// Where it came from, and the real local address that it came to.
        flow: Flow,
        /// Its octets.
        bytes: Bytes,
    },
    /// The network reports that what was sent to `remote` does not arrive.
    ///
    /// Known where the peer's host or a router says so by ICMP, or our own kernel has no way to it. The report is not authenticated: it is good
    /// enough to give up a request, not to end a call.
    Unreachable {
        /// The peer, with the port that was sent to.
        remote: SocketAddr,
    },
}

/// Ends the wait of the signalling thread from another thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Waker(Arc<mio::Waker>);

impl Waker {
    /// Lets the current wait, or if there is none the next one, return at once.
    pub fn wake(&self) {
        // It fails only when the system is out of memory; the waiting thread wakes by its deadline then.
        if let Err(error) = self.0.wake() {
            tracing::debug!(%error, "The signalling thread could not be woken.");
        }
    }
}

impl SignallingSockets {
    /// Binds UDP sockets on these addresses. An IPv6 socket speaks IPv6 only, so `0.0.0.0:5060` and `[::]:5060` stand side by side.
    ///
    /// # Errors
    /// An address that cannot be bound; but `[::]` on a host without IPv6 is passed over.
    pub fn bind(udp: &[SocketAddr]) -> Result<(Self, Waker), NetError> {
        let poll = Poll::new()?;
        let waker = Waker(Arc::new(mio::Waker::new(poll.registry(), WAKE)?));
        let mut listeners = Vec::with_capacity(udp.len());
        for &address in udp {
            let mut socket = match UdpSocket::bind(address) {
                Ok(socket) => socket,
                Err(error) if is_missing_family(address, &error) => {
                    tracing::info!(%address, "This host has no IPv6; the address is passed over.");
                    continue;
                }
                Err(source) => return Err(NetError::Bind { address, source }),
            };
            socket.register(poll.registry(), Token(listeners.len()))?;
            listeners.push(Listener { socket, ready: true });
        }
        if listeners.is_empty() {
            return Err(NetError::NoAddress);
        }
        let buffer = vec![0; DATAGRAM_MAX].into_boxed_slice();
        let events = Events::with_capacity(listeners.len() + 1);
        Ok((Self { poll, events, udp: listeners, first: 0, unreachable: Vec::new(), buffer }, waker))
    }

    /// The bound addresses, with real ports; wildcard addresses stay wildcards.
    #[must_use]
    pub fn local(&self) -> Vec<SocketAddr> {
        self.udp.iter().map(|listener| listener.socket.bound).collect()
    }

    /// What the sockets have done since they were bound.
    #[must_use]
    pub fn counters(&self) -> UdpCounters {
        self.udp.iter().fold(UdpCounters::default(), |sum, listener| sum.plus(listener.socket.counters))
    }

    /// Blocks until something arrives, a wake, or the deadline; then appends what arrived, at most [`BATCH_MAX`] datagrams and some reports.
    pub fn wait(&mut self, deadline: Option<Instant>, into: &mut Vec<Received>) {
        let pending = !self.unreachable.is_empty() || self.udp.iter().any(|listener| listener.ready);
        let timeout = if pending { Some(Duration::ZERO) } else { deadline.map(|at| at.saturating_duration_since(Instant::now())) };
        if let Err(error) = self.poll.poll(&mut self.events, timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            // Only a programming error could be the cause; the sockets are tried all the same.
            tracing::error!(%error, "Waiting for datagrams failed.");
        }
        for event in &self.events {
            if let Some(listener) = self.udp.get_mut(event.token().0) {
                listener.ready = true;
            }
        }
        into.extend(self.unreachable.drain(..).map(|remote| Received::Unreachable { remote }));
        self.receive(into);
    }

    fn receive(&mut self, into: &mut Vec<Received>) {
        let Self { udp, first, buffer, .. } = self;
        let mut left = BATCH_MAX;
        let count = udp.len();
        let turn = *first;
        *first = (turn + 1) % count.max(1);
        let (head, tail) = udp.split_at_mut(turn.min(count));
        for listener in tail.iter_mut().chain(head).filter(|listener| listener.ready) {
            for _ in 0..UNREACHABLE_MAX {
                match listener.socket.read_error() {
                    Some(Some(remote)) => into.push(Received::Unreachable { remote }),
                    Some(None) => {}
                    None => break,
                }
            }
            while left > 0 && listener.ready {
                match listener.socket.read(buffer) {
                    // Nobody means anything by an empty datagram.
                    Read::Datagram { length: 0, .. } => {}
                    Read::Datagram { local, remote, length } => {
                        let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                        into.push(Received::Datagram { flow: Flow { transport: Transport::Udp, local, remote }, bytes });
                    }
                    Read::Nothing => {}
                    Read::Empty => listener.ready = false,
                }
                left -= 1;
            }
        }
    }

    /// Sends a datagram the way of `flow`: from its local address to its remote one. Never blocks.
    ///
    /// What cannot be sent is counted. A peer that our kernel knows no way to comes back as [`Received::Unreachable`] from the next wait.
    pub fn send(&mut self, flow: Flow, bytes: &[u8]) {
        let Some(socket) = self.socket_for(flow) else {
            tracing::debug!(%flow, "No socket sends this way.");
            if let Some(listener) = self.udp.first_mut() {
                listener.socket.counters.send_failed += 1;
            }
            return;
        };
        if let Err(error) = socket.send(flow.local.ip(), flow.remote, bytes) {
            tracing::debug!(%flow, %error, octets = bytes.len(), "A datagram could not be sent.");
            let hopeless = matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable);
            if hopeless && self.unreachable.len() < UNREACHABLE_MAX {
                self.unreachable.push(flow.remote);
            }
        }
    }

    /// The socket bound to the flow's very address, else the wildcard one of that port.
    fn socket_for(&mut self, flow: Flow) -> Option<&mut UdpSocket> {
        if flow.transport != Transport::Udp || flow.local.is_ipv4() != flow.remote.is_ipv4() {
            return None;
        }
        let fits = |bound: SocketAddr| {
            let same_port = bound.port() == flow.local.port() && bound.is_ipv4() == flow.remote.is_ipv4();
            match bound.ip() {
                _ if !same_port => 0,
                ip if ip == flow.local.ip() => 2,
                ip => u8::from(ip.is_unspecified() || flow.local.ip().is_unspecified()),
            }
        };
        let best = self.udp.iter_mut().max_by_key(|listener| fits(listener.socket.bound))?;
        (fits(best.socket.bound) > 0).then_some(&mut best.socket)
    }

    /// The local address that the kernel would send from to reach `remote`; `None` if there is no route. Sends nothing.
    #[must_use]
    pub fn route_from(&self, remote: SocketAddr) -> Option<IpAddr> {
        let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let probe = StdUdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
        probe.connect(remote).ok()?;
        Some(probe.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
    }
}

impl fmt::Debug for SignallingSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignallingSockets").field("local", &self.local()).finish_non_exhaustive()
    }
}
