//! The signalling sockets: many addresses, one thread, one wait.

use std::{
    collections::HashMap,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{Events, Poll, Token};
use nix::errno::Errno;
use sip_core::{Flow, Guard, GuardCounters, GuardSettings, Transport, guard::Source};
use tokio::sync::mpsc;

use crate::{
    NetError, NotOpened, TlsDialler,
    adopt::Adopter,
    bans::{BanCounters, Bans},
    batch,
    intake::Intake,
    socket::is_missing_family,
    stream::{StreamLimits, Streams, TcpCounters},
    udp::{UdpCounters, UdpSocket},
};

/// At most so many messages come out of one [`SignallingSockets::wait`], so that timers and commands get their turn in a flood.
pub const BATCH_MAX: usize = 64;

/// At most so many system calls read datagrams in one wait, however many of these the guard drops.
const READS_MAX: usize = 16;

/// At most so many reports of unreachable peers wait to be told; more are dropped, for the transactions' timers find out anyway.
const UNREACHABLE_MAX: usize = 1024;

/// What the poller tells at once; more is told by the next wait.
const EVENTS_MAX: usize = 256;

/// The token of the waker; UDP sockets have their index, listeners and streams come behind.
const WAKE: Token = Token(usize::MAX);

/// What the signalling sockets are bound to and what they let in.
#[derive(Debug, Clone, Default)]
pub struct SignallingSettings {
    /// Addresses for datagrams. An IPv6 socket speaks IPv6 only, so `0.0.0.0:5060` and `[::]:5060` stand side by side.
    pub udp: Vec<SocketAddr>,
    /// Addresses to listen on for streams, likewise.
    pub tcp: Vec<SocketAddr>,
    /// How much each source may send over each of both, and how many streams it may open.
    pub guard: GuardSettings,
    /// How much streams may take.
    pub stream_limits: StreamLimits,
    /// Drawn at random: see [`Guard::new`].
    pub seed: [u8; 16],
}

/// All sockets that signalling listens on. Owned and driven by one thread; nothing here blocks but [`SignallingSockets::wait`].
pub struct SignallingSockets {
    poll: Poll,
    events: Events,
    udp: Vec<UdpSocket>,
    /// Which socket of a port to send from: by its very address, and by family (whether IPv4) and port, the wildcard first.
    by_address: HashMap<SocketAddr, usize>,
    by_port: HashMap<(bool, u16), usize>,
    streams: Streams,
    guard: Guard,
    bans: Bans,
    banned: BanCounters,
    adopter: Adopter,
    /// Who is read first by the next wait, so that a flooded socket cannot starve the others.
    first: usize,
    unreachable: Vec<SocketAddr>,
    new: Vec<Received>,
    buffer: Box<[u8]>,
}

/// What the sockets brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A datagram, or one whole message of a stream.
    Message {
        /// Where it came from, and the real local address that it came to.
        flow: Flow,
        /// Its octets.
        bytes: Bytes,
    },
    /// Nothing comes from a stream any more: it ended, whoever ended it, or could not be opened, or the peer closed its own direction. What
    /// was sent by it may not have arrived. Responses to what had come by it are sent by its flow all the same: see
    /// [`SignallingSockets::send`].
    ///
    /// A stream that brought no message and was given none ends untold: nobody can wait for it.
    Closed {
        /// Its flow: of a stream that we opened, the one that was asked for.
        flow: Flow,
        /// Why it could not be opened; `None`: it was open.
        why: Option<NotOpened>,
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
    /// Binds and listens on all the addresses. One of IPv6 that is a wildcard is passed over on a host without IPv6.
    ///
    /// # Errors
    /// An address that cannot be bound, or none for datagrams.
    pub fn bind(settings: SignallingSettings) -> Result<(Self, Waker), NetError> {
        let poll = Poll::new()?;
        let waker = Waker(Arc::new(mio::Waker::new(poll.registry(), WAKE)?));
        let mut udp = Vec::with_capacity(settings.udp.len());
        let (mut by_address, mut by_port) = (HashMap::new(), HashMap::new());
        for &address in &settings.udp {
            let Some(mut socket) = unless_missing_family(address, UdpSocket::bind(address))? else { continue };
            let at = udp.len();
            socket.register(poll.registry(), Token(at))?;
            let bound = socket.bound;
            by_address.insert(bound, at);
            let port = by_port.entry((bound.is_ipv4(), bound.port())).or_insert(at);
            if bound.ip().is_unspecified() {
                *port = at;
            }
            udp.push(socket);
        }
        if udp.is_empty() {
            return Err(NetError::NoAddress);
        }
        let mut streams = Streams::new(settings.stream_limits, poll.registry().try_clone()?, udp.len());
        for &address in &settings.tcp {
            unless_missing_family(address, streams.listen(address))?;
        }
        let sockets = Self {
            adopter: Adopter::new(waker.clone(), settings.guard, settings.seed),
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            udp,
            by_address,
            by_port,
            streams,
            guard: Guard::new(settings.guard, settings.seed),
            bans: Bans::default(),
            banned: BanCounters::default(),
            first: 0,
            unreachable: Vec::new(),
            new: Vec::new(),
            buffer: batch::buffer(),
        };
        Ok((sockets, waker))
    }

    /// The addresses bound for datagrams, with real ports; wildcard addresses stay wildcards.
    #[must_use]
    pub fn local(&self) -> Vec<SocketAddr> {
        self.udp.iter().map(|socket| socket.bound).collect()
    }

    /// The addresses listened on for streams, likewise.
    #[must_use]
    pub fn local_tcp(&self) -> Vec<SocketAddr> {
        self.streams.local()
    }

    /// By what streams are handed over that are opened elsewhere.
    #[must_use]
    pub fn adopter(&self) -> Adopter {
        self.adopter.clone()
    }

    /// By what TLS streams to others are opened; whoever asked for one before has no more to do. Until somebody does, a message on a flow of TLS
    /// that has no stream comes back as [`Received::Closed`].
    #[must_use]
    pub fn tls_dialler(&mut self) -> TlsDialler {
        let (dialler, dials) = mpsc::channel(self.streams.limits().connecting_max.max(1));
        self.streams.dial_by(dialler);
        TlsDialler { dials, adopter: self.adopter() }
    }

    /// What the UDP sockets have done since they were bound.
    #[must_use]
    pub fn counters(&self) -> UdpCounters {
        self.udp.iter().fold(UdpCounters::default(), |sum, socket| sum.plus(socket.counters))
    }

    /// What the streams have done since then.
    #[must_use]
    pub fn tcp_counters(&self) -> TcpCounters {
        let (refused, handshakes_failed) = self.adopter.counts();
        let streams = self.streams.counters();
        TcpCounters { refused: streams.refused + refused, handshakes_failed, ..streams }
    }

    /// How many streams there are now, by transport. All are looked through: not for every turn.
    #[must_use]
    pub fn streams_by_transport(&self) -> [(Transport, usize); 4] {
        self.streams.by_transport()
    }

    /// What the guard has let in and what not.
    #[must_use]
    pub fn guard_counters(&self) -> GuardCounters {
        self.guard.counters()
    }

    /// Other limits for sources from now on. What waits for a token of the old limits comes in with the next wait.
    pub fn set_guard(&mut self, settings: GuardSettings) {
        self.guard.set(settings);
        self.adopter.set_guard(settings);
        self.streams.resume(Instant::now());
    }

    /// What was not heard because its source is banned.
    #[must_use]
    pub fn ban_counters(&self) -> BanCounters {
        BanCounters { handshakes: self.banned.handshakes + self.adopter.banned(), ..self.banned }
    }

    /// From now on nothing that begins something is heard of `source`, for as long as `lasts` or until [`SignallingSockets::unban`]: its
    /// datagrams are dropped unread, its streams refused, and those that nobody vouches for closed. What belongs to something
    /// ([`sip_core::Admit::Inside`]) comes in as ever: calls that are up go on.
    pub fn ban(&mut self, source: Source, lasts: Duration) {
        let now = Instant::now();
        self.bans.insert(now, source, lasts);
        self.adopter.ban(now, source, lasts);
        self.banned.streams += self.streams.ban(source);
    }

    /// `source` is heard again.
    pub fn unban(&mut self, source: Source) {
        self.bans.remove(source);
        self.adopter.unban(source);
    }

    /// Closes a stream whose peer is to get no answer, unless somebody vouches for it.
    pub fn hang_up(&mut self, flow: Flow) {
        self.streams.hang_up(flow);
    }

    /// Whoever is at the other end of `flow` is known: his phone is bound by it, or he has proven who he is and a call goes by it. Until
    /// [`SignallingSockets::unvouch`] its stream does not make room for others, and may be silent for [`StreamLimits::idle`]; a stranger's may
    /// for [`StreamLimits::idle_stranger`].
    ///
    /// Nothing else vouches, but that streams which we open for a request are known from the start. For datagrams, and where there is no such
    /// stream, it does nothing.
    pub fn vouch(&mut self, flow: Flow) {
        self.streams.set_vouched(Instant::now(), flow, true);
    }

    /// The stream of `flow` is opened for a request of `owner` if there is none, or carries one more for him; to be said before each request that
    /// may open one. Owners share the streams that we open ([`StreamLimits::outgoing_max`], [`StreamLimits::connecting_max`]): who has the most
    /// gives way, first with those that are not needed. One is needed for a call or a registration (`is_needed`), until
    /// [`SignallingSockets::unvouch`]; whoever only asks whether somebody is there needs none, and takes over none that another needs.
    /// What nobody claims belongs to one owner of its own. For datagrams it does nothing.
    pub fn claim(&mut self, flow: Flow, owner: u64, is_needed: bool) {
        if flow.transport.is_reliable() {
            self.streams.claim(flow, owner, is_needed);
        }
    }

    /// The last reason for which `flow` was vouched for is over: whoever is there is a stranger from now on. For datagrams, and where there is
    /// no such stream, it does nothing.
    pub fn unvouch(&mut self, flow: Flow) {
        self.streams.set_vouched(Instant::now(), flow, false);
    }

    /// Blocks until something arrives, a wake, or the deadline; then appends what arrived: at most [`BATCH_MAX`] messages, those that belong
    /// to something first ([`sip_core::Admit::Inside`]), then the new ones, each in order of arrival; and reports and ends of streams.
    /// It may also come back early and with nothing.
    pub fn wait(&mut self, deadline: Option<Instant>, into: &mut Vec<Received>) {
        self.flush();
        let pending = !self.unreachable.is_empty() || self.udp.iter().any(|socket| socket.ready) || self.streams.is_pending();
        let timeout = if pending {
            Some(Duration::ZERO)
        } else {
            let deadline = deadline.into_iter().chain(self.streams.timeout()).min();
            deadline.map(|at| at.saturating_duration_since(Instant::now()))
        };
        if let Err(error) = self.poll.poll(&mut self.events, timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            // Only a programming error could be the cause; the sockets are tried all the same.
            tracing::error!(%error, "Waiting for datagrams failed.");
        }
        let now = Instant::now();
        for event in &self.events {
            match self.udp.get_mut(event.token().0) {
                Some(socket) => {
                    socket.ready = true;
                    socket.has_errors |= event.is_error();
                }
                None if event.token() == WAKE => {}
                None => self.streams.event(now, event),
            }
        }
        self.expire(now);
        self.receive(now, into);
    }

    /// Ends the streams that have lived long enough at `now`. [`SignallingSockets::wait`] does so with the time of the clock.
    pub fn expire(&mut self, now: Instant) {
        self.streams.expire(now);
    }

    fn receive(&mut self, now: Instant, into: &mut Vec<Received>) {
        let Self { udp, first, buffer, streams, guard, bans, banned, adopter, unreachable, new, .. } = self;
        let mut intake = Intake { now, guard, bans, banned, inside: into, new, left: BATCH_MAX };
        for dialled in adopter.take_dialled() {
            streams.dialled(&mut intake, dialled);
        }
        for adopted in adopter.take() {
            streams.adopt(&mut intake, adopted);
        }
        let count = udp.len() + 1;
        let turn = *first;
        *first = (turn + 1) % count;
        let mut reads = READS_MAX;
        for at in (turn..count).chain(0..turn) {
            let Some(socket) = udp.get_mut(at) else {
                streams.receive(&mut intake);
                continue;
            };
            if std::mem::take(&mut socket.has_errors) {
                socket.read_errors(unreachable, UNREACHABLE_MAX);
            }
            while socket.ready && intake.left > 0 && reads > 0 {
                socket.read(buffer, &mut intake);
                reads -= 1;
                if std::mem::take(&mut socket.has_errors) {
                    socket.read_errors(unreachable, UNREACHABLE_MAX);
                }
            }
        }
        into.append(new);
        into.extend(unreachable.drain(..).map(|remote| Received::Unreachable { remote }));
        into.extend(streams.closed().map(|(flow, why)| Received::Closed { flow, why }));
    }

    /// Whoever is at the other end of the TLS flow `flow` has to prove `name` by his certificate, as a server of that name, from now on: the
    /// domain of the URI, not the host that DNS named (RFC 5922, 4), or an address, without brackets. Nothing is opened yet: the first request that is
    /// sent by the flow does that. For other transports it does nothing.
    ///
    /// To say the same again does nothing, and it holds for every further stream of that flow; so it can be said before each request. Another name
    /// goes by the stream that is there if its certificate proves that one, too (RFC 5923); else that stream ends, for nothing is to go to a peer that
    /// has not proven the name. A stream that was opened to us has proven nothing, and never goes for one of ours.
    pub fn secure(&mut self, flow: Flow, name: &str) {
        self.streams.secure(flow, name);
    }

    /// Sends a message the way of `flow`: from its local address to its remote one. It goes with the next [`SignallingSockets::flush`] or
    /// [`SignallingSockets::wait`]; what goes the same way keeps its order. Never blocks.
    ///
    /// Over TCP it goes by the stream of that flow. If there is none, one is opened to `flow.remote`, from the address of `flow.local` (the
    /// unspecified one: from the one that the kernel chooses) and from any port: the port of `flow.local` is the one that the peer is told. `flow`
    /// is the name of that stream from then on: what comes by it, and its end, have it, and the next message on it finds it open.
    /// Over TLS it is the same for flows whose peer has a name to prove ([`SignallingSockets::secure`]), once somebody serves the
    /// [`TlsDialler`]; the message waits for the handshake. For WebSocket nothing is opened.
    ///
    /// A response whose stream is gone goes by one over TCP to the port of its Via (RFC 3261, 18.2.2), at the same address and at no other;
    /// a stream of which the peer closed only its own direction still carries responses. What cannot be opened, has no stream or ends comes
    /// back as [`Received::Closed`].
    ///
    /// What cannot be sent is counted. A peer that our kernel knows no way to comes back as [`Received::Unreachable`] from the next wait.
    pub fn send(&mut self, flow: Flow, bytes: Bytes) {
        if flow.transport != Transport::Udp {
            return self.streams.send(Instant::now(), flow, bytes);
        }
        let Some(socket) = self.socket_for(flow).and_then(|at| self.udp.get_mut(at)) else {
            tracing::debug!(%flow, "No socket sends this way.");
            if let Some(socket) = self.udp.first_mut() {
                socket.counters.send_failed += 1;
            }
            return;
        };
        socket.send(flow.local.ip(), flow.remote, bytes, &mut |remote, errno| failed(&mut self.unreachable, remote, errno));
    }

    /// Sends what [`SignallingSockets::send`] was given; the owner calls it once a batch.
    pub fn flush(&mut self) {
        for socket in &mut self.udp {
            socket.flush(&mut |remote, errno| failed(&mut self.unreachable, remote, errno));
        }
        if self.streams.has_output() {
            self.streams.flush(Instant::now());
        }
    }

    /// The socket bound to the flow's very address, else the wildcard one of that port.
    fn socket_for(&self, flow: Flow) -> Option<usize> {
        if flow.local.is_ipv4() != flow.remote.is_ipv4() {
            return None;
        }
        self.by_address.get(&flow.local).copied().or_else(|| {
            let at = *self.by_port.get(&(flow.local.is_ipv4(), flow.local.port()))?;
            let bound = self.udp.get(at)?.bound;
            (bound.ip().is_unspecified() || flow.local.ip().is_unspecified()).then_some(at)
        })
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
        f.debug_struct("SignallingSockets").field("udp", &self.local()).field("tcp", &self.local_tcp()).finish_non_exhaustive()
    }
}

/// Notes a peer that cannot be reached.
fn failed(unreachable: &mut Vec<SocketAddr>, remote: SocketAddr, errno: Errno) {
    tracing::debug!(%remote, %errno, "A datagram could not be sent.");
    if matches!(errno, Errno::ENETUNREACH | Errno::EHOSTUNREACH) && unreachable.len() < UNREACHABLE_MAX {
        unreachable.push(remote);
    }
}

/// `None` for the wildcard address of IPv6 on a host without it.
pub(crate) fn unless_missing_family<T>(address: SocketAddr, bound: io::Result<T>) -> Result<Option<T>, NetError> {
    match bound {
        Ok(bound) => Ok(Some(bound)),
        Err(error) if is_missing_family(address, &error) => {
            tracing::info!(%address, "This host has no IPv6; the address is passed over.");
            Ok(None)
        }
        Err(source) => Err(NetError::Bind { address, source }),
    }
}
