//! All streams: those opened to us, those opened by us, found by their flow.
//!
//! Whose stream it is, is the owner's to say. It vouches for a stream as long as a phone is bound by it or a call goes by it, and takes that
//! back when the last of these is over ([`crate::SignallingSockets::vouch`]). All other streams are strangers': they live shortly, and make
//! room when there are nearly too many. Nothing that goes by a stream vouches for it: whoever has one password could else have as many known
//! streams as there may be, one after the other, and lock everybody else out.

mod connection;
mod cutter;
mod limits;
mod listener;
mod opening;
mod pipe;
mod shares;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{Interest, Registry, Token, event::Event};
use sip_core::{Flow, Transport, guard::Source};
use socket2::SockRef;

pub use self::limits::{StreamLimits, TcpCounters};
pub(crate) use self::listener::{is_exhausted, listen_on};
use self::{
    connection::{After, Connection, End, Origin, READ_MAX},
    cutter::Cutter,
    listener::{Accepted, Listener},
    opening::{Opening, Way},
    pipe::Pipe,
};
use crate::{NotOpened, adopt::Adopted, intake::Intake};

/// Streams accepted in one turn of a listener.
const ACCEPTS_MAX: usize = 64;
/// Ends that wait to be told; each stream has at most one, but what cannot be opened adds to them. More are counted and not told.
const CLOSED_MAX: usize = 1 << 16;

/// How long a stranger must have been silent to make room for somebody else while there is still room: who has just come may be about to
/// say who he is.
const SILENT_MIN: Duration = Duration::from_secs(5);

/// What a stream may hold even when all together hold too much: any usual message, and what a phone would miss in a moment.
const HELD_SMALL: usize = 16 << 10;

/// Every stream of the signalling sockets.
pub(crate) struct Streams {
    limits: StreamLimits,
    listeners: Vec<Listener>,
    /// Where listeners and then connections begin among the poller's tokens.
    first_token: usize,
    /// A stream's place is its token; free places are used again.
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    by_flow: HashMap<Flow, usize>,
    opening: Opening,
    /// Which streams of [`StreamLimits::per_source_max`] each source has.
    sources: HashMap<Source, OfSource>,
    /// All streams that nobody vouches for.
    strangers: Strangers,
    /// When each stream must be looked at again: at its deadline or before.
    timers: BTreeSet<(Instant, usize)>,
    /// Those with something to read, in turn.
    turns: VecDeque<usize>,
    /// Those with something to send.
    dirty: Vec<usize>,
    closed: Vec<(Flow, Option<NotOpened>)>,
    /// What all hold together.
    held: usize,
    counters: TcpCounters,
    buffer: Box<[u8]>,
    registry: Registry,
}

/// Streams that nobody vouches for, by when they had been heard last when that was looked at last.
type Strangers = BTreeSet<(Instant, usize)>;

/// The streams that a source has caused.
#[derive(Default)]
struct OfSource {
    open: usize,
    strangers: Strangers,
}

impl Streams {
    /// Without listeners. Tokens from `first_token` on are its own.
    pub(crate) fn new(limits: StreamLimits, registry: Registry, first_token: usize) -> Self {
        Self {
            limits,
            listeners: Vec::new(),
            first_token,
            connections: Vec::new(),
            free: Vec::new(),
            by_flow: HashMap::new(),
            opening: Opening::default(),
            sources: HashMap::new(),
            strangers: Strangers::new(),
            timers: BTreeSet::new(),
            turns: VecDeque::new(),
            dirty: Vec::new(),
            closed: Vec::new(),
            held: 0,
            counters: TcpCounters::default(),
            buffer: vec![0; READ_MAX].into_boxed_slice(),
            registry,
        }
    }

    /// Listens on `address`. All listeners come before the first stream.
    pub(crate) fn listen(&mut self, address: SocketAddr) -> io::Result<()> {
        let mut listener = Listener::bind(address)?;
        listener.register(&self.registry, Token(self.first_token + self.listeners.len()))?;
        self.listeners.push(listener);
        Ok(())
    }

    pub(crate) fn local(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.bound).collect()
    }

    pub(crate) fn limits(&self) -> &StreamLimits {
        &self.limits
    }

    pub(crate) fn counters(&self) -> TcpCounters {
        let gauge = |count| u64::try_from(count).unwrap_or(u64::MAX);
        TcpCounters { open: gauge(self.open()), held: gauge(self.held), ..self.counters }
    }

    /// How many streams are found by a flow, by transport.
    pub(crate) fn by_transport(&self) -> [(Transport, usize); 4] {
        [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss]
            .map(|transport| (transport, self.by_flow.keys().filter(|flow| flow.transport == transport).count()))
    }

    fn open(&self) -> usize {
        self.connections.len() - self.free.len() + self.opening.waiting()
    }

    /// Whether there is something to do without waiting.
    pub(crate) fn is_pending(&self) -> bool {
        !self.turns.is_empty() || !self.closed.is_empty() || self.listeners.iter().any(|listener| listener.ready)
    }

    /// When to call [`Streams::expire`].
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let pauses = self.listeners.iter().filter_map(|listener| listener.paused_until);
        pauses.chain(self.timers.first().map(|(at, _)| *at)).chain(self.opening.timeout()).min()
    }

    /// The poller tells of one of ours.
    pub(crate) fn event(&mut self, now: Instant, event: &Event) {
        let Some(at) = event.token().0.checked_sub(self.first_token) else { return };
        if let Some(listener) = self.listeners.get_mut(at) {
            listener.ready = listener.paused_until.is_none();
            return;
        }
        let at = at - self.listeners.len();
        let Some(Some(connection)) = self.connections.get_mut(at) else { return };
        let was_connecting = connection.is_connecting();
        let after = connection.event(now, event, &mut self.counters);
        if was_connecting && !connection.is_connecting() {
            self.opening.shares.opened(connection.share);
        }
        self.after(at, after);
        self.mark_dirty(at);
    }

    /// Ends what has lived long enough.
    pub(crate) fn expire(&mut self, now: Instant) {
        for listener in &mut self.listeners {
            listener.resume(now);
        }
        self.expire_waiting(now);
        while let Some(&(at, place)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            let Some(Some(connection)) = self.connections.get_mut(place) else { continue };
            let (deadline, end) = connection.deadline(&self.limits);
            if deadline <= now && !connection.expire(now) {
                self.remove(place, end);
                continue;
            }
            connection.timer = connection.wake_at(now, &self.limits);
            self.timers.insert((connection.timer, place));
            if deadline <= now {
                self.mark_dirty(place);
            }
            // It may be the end of its pause.
            self.take_turn(place);
        }
    }

    /// Accepts and reads, each stream in its turn, until `intake` is full or each that was waiting had one.
    pub(crate) fn receive(&mut self, intake: &mut Intake<'_>) {
        for at in 0..self.listeners.len() {
            self.accept(intake, at);
        }
        for _ in 0..self.turns.len() {
            if intake.left == 0 {
                break;
            }
            let Some(at) = self.turns.pop_front() else { break };
            let Some(Some(connection)) = self.connections.get_mut(at) else { continue };
            connection.has_turn = false;
            let was_ending = connection.is_ending();
            let after = connection.turn(&mut self.buffer, intake, &self.limits, &mut self.counters);
            let (flow, tell) = (connection.flow, connection.is_ending() && !was_ending);
            if tell && connection.is_known && self.by_flow.get(&flow) == Some(&at) {
                // Told while answers still go by it: nobody is to wait for anything from there (B-16).
                self.tell_closed(flow, None);
            }
            self.after(at, after);
            self.mark_dirty(at);
            self.settle(intake.now, at);
        }
        // Pongs, and answers to what broke a stream.
        self.flush(intake.now);
    }

    /// The flows that are over, and why those are that could not be opened.
    pub(crate) fn closed(&mut self) -> impl Iterator<Item = (Flow, Option<NotOpened>)> {
        self.closed.drain(..)
    }

    /// Puts a message into the next [`Streams::flush`] of its stream, and opens one if there is none.
    pub(crate) fn send(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        let place = match self.way(now, flow, &bytes) {
            Ok(Way::Stream(place)) => place,
            Ok(Way::Wait) => return self.wait(flow, bytes),
            Err(why) => {
                self.counters.send_failed += 1;
                return self.tell_closed(flow, why);
            }
        };
        let Some(Some(connection)) = self.connections.get_mut(place) else { return };
        if connection.send(now, bytes, &self.limits) {
            self.counters.sent += 1;
            self.mark_dirty(place);
        } else {
            self.counters.send_failed += 1;
            self.remove(place, End::Stalled);
        }
    }

    /// The peer of `flow` is known, or is a stranger again.
    pub(crate) fn set_vouched(&mut self, now: Instant, flow: Flow, is_vouched: bool) {
        self.set_needed(flow, is_vouched);
        let Some(&place) = self.by_flow.get(&flow) else { return };
        self.unrank(place);
        if let Some(Some(connection)) = self.connections.get_mut(place) {
            connection.set_vouched(now, is_vouched);
        }
        self.rank(place);
        self.settle(now, place);
    }

    /// Closes the streams of `source` that nobody vouches for; says how many there were.
    pub(crate) fn ban(&mut self, source: Source) -> u64 {
        let strangers: Vec<usize> = self.sources.get(&source).map_or_else(Vec::new, |of| of.strangers.iter().map(|(_, at)| *at).collect());
        for &place in &strangers {
            self.remove(place, End::Unheard);
        }
        u64::try_from(strangers.len()).unwrap_or(u64::MAX)
    }

    /// Closes a stream, unless somebody vouches for it.
    pub(crate) fn hang_up(&mut self, flow: Flow) {
        if let Some(&place) = self.by_flow.get(&flow)
            && self.connections.get(place).and_then(Option::as_ref).is_some_and(|connection| !connection.is_vouched)
        {
            self.remove(place, End::Unheard);
        }
    }

    /// Puts a stream among the strangers, if it is one's.
    fn rank(&mut self, place: usize) {
        let Some(Some(connection)) = self.connections.get_mut(place).filter(|one| one.as_ref().is_some_and(|one| !one.is_vouched)) else {
            return;
        };
        connection.ranked = connection.heard;
        self.strangers.insert((connection.ranked, place));
        if connection.origin.is_of_peer()
            && let Some(of_source) = self.sources.get_mut(&connection.flow.remote.into())
        {
            of_source.strangers.insert((connection.ranked, place));
        }
    }

    /// Takes a stream from among the strangers.
    fn unrank(&mut self, place: usize) {
        let Some(Some(connection)) = self.connections.get(place) else { return };
        self.strangers.remove(&(connection.ranked, place));
        if let Some(of_source) = self.sources.get_mut(&connection.flow.remote.into()) {
            of_source.strangers.remove(&(connection.ranked, place));
        }
    }

    /// The guard has other limits: whoever waits goes on.
    pub(crate) fn resume(&mut self, now: Instant) {
        for place in 0..self.connections.len() {
            if let Some(Some(connection)) = self.connections.get_mut(place)
                && connection.resume(now)
            {
                self.take_turn(place);
            }
        }
    }

    /// Whether there is something to flush.
    pub(crate) fn has_output(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Writes what was put in.
    pub(crate) fn flush(&mut self, now: Instant) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for at in dirty.drain(..) {
            let Some(Some(connection)) = self.connections.get_mut(at) else { continue };
            connection.is_dirty = false;
            let after = connection.flush(now);
            self.after(at, after);
            self.settle(now, at);
        }
        self.dirty = dirty;
    }

    fn accept(&mut self, intake: &mut Intake<'_>, at: usize) {
        let now = intake.now;
        for _ in 0..ACCEPTS_MAX {
            let Some(listener) = self.listeners.get_mut(at).filter(|listener| listener.ready) else { return };
            let was_short = listener.is_short;
            match listener.accept(now) {
                Accepted::Stream(stream, remote) => {
                    let bound = listener.bound;
                    // Dropped, it is closed.
                    if intake.bans.has(now, remote) {
                        intake.banned.streams += 1;
                    } else if intake.guard.admit_stream(now, remote) {
                        self.accepted(now, bound, stream, remote);
                    }
                }
                Accepted::Gone => {}
                Accepted::Nobody => {
                    // Told once everybody who waited is in, so that a server at its very limit does not tell it at each stream that goes.
                    if was_short && !self.listeners.iter().any(|listener| listener.is_short) {
                        tracing::warn!("Streams are accepted again.");
                    }
                    return;
                }
                Accepted::Exhausted(error) => {
                    if !was_short && self.listeners.iter().filter(|listener| listener.is_short).count() == 1 {
                        tracing::warn!(%error, "Streams cannot be accepted; each second there is another try.");
                    }
                    self.counters.accept_failures += 1;
                    return;
                }
            }
        }
    }

    fn accepted(&mut self, now: Instant, bound: SocketAddr, stream: mio::net::TcpStream, remote: SocketAddr) {
        if !self.make_way(now, remote) {
            return;
        }
        let local = if bound.ip().is_unspecified() { stream.local_addr().ok() } else { Some(bound) };
        let Some(local) = local else { return };
        let flow = Flow { transport: Transport::Tcp, local, remote };
        if self.insert(now, Pipe::new(stream, None), Cutter::sip(self.limits.message), flow, Origin::Peer).is_ok() {
            self.counters.accepted += 1;
        }
    }

    /// Takes over a stream that was opened to us elsewhere, as if it had been accepted here; `intake` gets what was read of it there.
    pub(crate) fn adopt(&mut self, intake: &mut Intake<'_>, adopted: Adopted) {
        let Adopted { stream, tls, transport, local, remote, read } = adopted;
        let now = intake.now;
        let flow = Flow { transport, local, remote };
        if intake.bans.has(now, remote) {
            // It was banned during the handshake.
            intake.banned.handshakes += 1;
            return;
        }
        // What is sent by such a flow is for a peer that has proven its name, and this one has not.
        if self.has_name(flow) {
            self.counters.refused += 1;
            return;
        }
        if !self.make_way(now, remote) {
            return;
        }
        let cutter = match transport {
            Transport::Ws | Transport::Wss => Cutter::web(),
            _ => Cutter::sip(self.limits.message),
        };
        let pipe = Pipe::new(mio::net::TcpStream::from_std(stream), tls.map(Into::into));
        let Ok(place) = self.insert(now, pipe, cutter, flow, Origin::Peer) else { return };
        self.counters.accepted += 1;
        if let Some(Some(connection)) = self.connections.get_mut(place) {
            connection.take_over(intake, &read);
        }
        self.take_turn(place);
    }

    /// Whether `remote` may open one more; counts if not. Of those that it has, a stranger goes for it.
    fn make_way(&mut self, now: Instant, remote: SocketAddr) -> bool {
        let source = Source::from(remote);
        if self.has_its_share(source)
            && let Some((_, place)) = self.longest_silent(Some(source))
        {
            self.remove(place, End::Crowded);
        }
        let has_room = self.make_room(now, Some(source));
        self.counters.refused += u64::from(!has_room);
        has_room
    }

    /// Whether another stream may be: in all, and of the source that causes it. When most places are taken, a stranger goes for it.
    fn make_room(&mut self, now: Instant, cause: Option<Source>) -> bool {
        if cause.is_some_and(|source| self.has_its_share(source)) {
            return false;
        }
        let max = self.limits.connections_max;
        let is_full = self.open() >= max;
        if self.open() >= max - max / 4
            && let Some((heard, place)) = self.longest_silent(None)
            && (is_full || now.saturating_duration_since(heard) >= SILENT_MIN)
        {
            self.remove(place, End::Crowded);
        }
        self.open() < max
    }

    /// Whether `source` has as many streams as one may.
    fn has_its_share(&self, source: Source) -> bool {
        self.sources.get(&source).map_or(0, |of_source| of_source.open) >= self.limits.per_source_max
    }

    /// The stranger that has been silent for longest, of all or of one source.
    fn longest_silent(&mut self, of: Option<Source>) -> Option<(Instant, usize)> {
        // Who was heard meanwhile is put where he belongs: once for each time that he was heard, at most.
        loop {
            let strangers = match of {
                Some(source) => &self.sources.get(&source)?.strangers,
                None => &self.strangers,
            };
            let &(ranked, place) = strangers.first()?;
            if self.connections.get(place)?.as_ref()?.heard <= ranked {
                return Some((ranked, place));
            }
            self.unrank(place);
            self.rank(place);
        }
    }

    fn insert(&mut self, now: Instant, mut pipe: Pipe, cutter: Cutter, flow: Flow, origin: Origin) -> io::Result<usize> {
        let place = self.free.last().copied().unwrap_or(self.connections.len());
        let token = Token(self.first_token + self.listeners.len() + place);
        self.registry.register(pipe.io_mut(), token, Interest::READABLE | Interest::WRITABLE)?;
        // A small message is not to wait for the acknowledgement of the one before.
        let _ = pipe.io().set_nodelay(true);
        // What a vanished peer does not acknowledge ends the stream, instead of after 15 minutes.
        let _ = SockRef::from(pipe.io()).set_tcp_user_timeout(Some(self.limits.half_message));
        let mut connection = Connection::new(pipe, cutter, flow, origin, now);
        connection.timer = connection.deadline(&self.limits).0;
        if origin == Origin::Request {
            connection.share = Some(self.opening.shares.add(flow, Some(place), connection.is_connecting()));
        }
        self.timers.insert((connection.timer, place));
        match self.connections.get_mut(place) {
            Some(free) => {
                self.free.pop();
                *free = Some(connection);
            }
            None => self.connections.push(Some(connection)),
        }
        self.by_flow.insert(flow, place);
        if origin.is_of_peer() {
            self.sources.entry(flow.remote.into()).or_default().open += 1;
        }
        self.rank(place);
        Ok(place)
    }

    fn after(&mut self, at: usize, after: After) {
        match after {
            After::Waits => {}
            After::Again => self.take_turn(at),
            After::Over(end) => self.remove(at, end),
        }
    }

    fn take_turn(&mut self, at: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(at)
            && !std::mem::replace(&mut connection.has_turn, true)
        {
            self.turns.push_back(at);
        }
    }

    fn mark_dirty(&mut self, at: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(at)
            && connection.has_output()
            && !std::mem::replace(&mut connection.is_dirty, true)
        {
            self.dirty.push(at);
        }
    }

    /// After a stream has read or written: counts what it holds, and has its timer ring no later than its deadline or the end of its pause.
    /// A later one is seen when the timer rings.
    fn settle(&mut self, now: Instant, at: usize) {
        let Some(Some(connection)) = self.connections.get_mut(at) else { return };
        let held = connection.held();
        self.held = self.held - std::mem::replace(&mut connection.counted, held) + held;
        if self.held > self.limits.memory_max && held > HELD_SMALL {
            return self.remove(at, End::Crowded);
        }
        let wake_at = connection.wake_at(now, &self.limits);
        if wake_at < connection.timer {
            self.timers.remove(&(connection.timer, at));
            connection.timer = wake_at;
            self.timers.insert((wake_at, at));
        }
    }

    fn remove(&mut self, at: usize, end: End) {
        self.unrank(at);
        let Some(connection) = self.connections.get_mut(at).and_then(Option::take) else { return };
        self.free.push(at);
        if let Some(share) = connection.share {
            self.opening.shares.remove(share);
        }
        self.timers.remove(&(connection.timer, at));
        self.held -= connection.counted;
        // Left in `turns` or `dirty`, the place is passed over, or its next owner is looked at once too often.
        if connection.origin.is_of_peer() {
            let source = Source::from(connection.flow.remote);
            if let Some(of_source) = self.sources.get_mut(&source) {
                of_source.open -= 1;
                if of_source.open == 0 {
                    self.sources.remove(&source);
                }
            }
        }
        let counters = &mut self.counters;
        let counter = match end {
            End::Peer => &mut counters.closed_by_peer,
            End::Lost | End::Renamed => &mut counters.closed_lost,
            End::Idle => &mut counters.closed_idle,
            End::Slow => &mut counters.closed_slow,
            End::Broken => &mut counters.closed_broken,
            End::Stalled => &mut counters.closed_stalled,
            End::Crowded => &mut counters.closed_crowded,
            End::NotOpened(_) => &mut counters.connect_failures,
            End::Unheard => &mut counters.closed_unheard,
        };
        *counter += 1;
        tracing::debug!(flow = %connection.flow, ?end, "A stream is closed.");
        if self.by_flow.get(&connection.flow) == Some(&at) {
            self.by_flow.remove(&connection.flow);
            if !connection.is_ending() && connection.is_known {
                let why = if let End::NotOpened(why) = end { Some(why) } else { None };
                self.tell_closed(connection.flow, why);
            }
        }
    }

    fn tell_closed(&mut self, flow: Flow, why: Option<NotOpened>) {
        if self.closed.len() < CLOSED_MAX {
            self.closed.push((flow, why));
        } else {
            self.counters.closed_untold += 1;
        }
    }
}
