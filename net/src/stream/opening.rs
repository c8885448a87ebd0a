//! Streams that we open: which way a message goes, and what waits until that way is there.
//!
//! A stream that we open has the flow that was asked for as its name, for all that is sent by it, comes by it and is told of it. It leaves from
//! any port; the port of `flow.local` is the one that the peer is told to reach us at, and is not looked at here. So whoever sent a request finds
//! its responses by the flow of that request.
//!
//! ```text
//!   TCP   send ──▶ Connection: Connecting ──▶ Open
//!   TLS   secure, send ──▶ Waiting ──▶ net/dialler ──▶ Connection: Open
//! ```

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    io,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustls::pki_types::ServerName;
use sip_core::{Flow, Transport, return_flow};
use tokio::sync::{mpsc, oneshot};

use super::{
    HELD_SMALL, Streams,
    connection::{Connection, End, Origin, is_response},
    cutter::Cutter,
    listener::Listener,
    pipe::Pipe,
    shares::{Claim, ShareId, ShareOf, Shares},
};
use crate::{
    NotOpened,
    dialler::{Dial, Dialled},
    intake::Intake,
    socket::open_stream,
    tls::HANDSHAKE_TIME,
};

/// Flows that have a name to prove. Beyond it, those are forgotten by which no stream goes.
const NAMES_MAX: usize = 4_096;

/// The names that TLS peers have to prove, and the TLS streams that are not open yet.
#[derive(Default)]
pub(super) struct Opening {
    /// A stream of such a flow was opened by us, and its peer has proven that name: whoever opens one to us from there is refused.
    names: HashMap<Flow, Named>,
    waiting: HashMap<Flow, Waiting>,
    ends: BTreeSet<(Instant, Flow)>,
    /// Where streams are ordered; `None`: TLS is not opened here.
    dialler: Option<mpsc::Sender<Dial>>,
    last: u64,
    /// Who has how many of the streams for requests of ours.
    pub(super) shares: Shares,
}

struct Named {
    name: ServerName<'static>,
    /// Whether somebody was told that it cannot be had. Once is enough until it can.
    is_told: bool,
}

/// A TLS stream that is not open yet.
struct Waiting {
    id: u64,
    share: ShareId,
    queue: Vec<Bytes>,
    octets: usize,
    ends: Instant,
    _wanted: oneshot::Sender<Infallible>,
}

/// By what a message goes.
pub(super) enum Way {
    /// The stream of that place.
    Stream(usize),
    /// One that is still to be opened by others.
    Wait,
}

impl Opening {
    /// TLS streams that are not open yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.ends.first().map(|(at, _)| *at)
    }
}

impl Streams {
    /// TLS streams are ordered there from now on.
    pub(crate) fn dial_by(&mut self, dialler: mpsc::Sender<Dial>) {
        self.opening.dialler = Some(dialler);
    }

    /// Whether the peer of a stream of `flow` has to prove a name to us.
    pub(super) fn has_name(&self, flow: Flow) -> bool {
        self.opening.names.contains_key(&flow)
    }

    /// The peer of `flow` has to prove `name` from now on.
    pub(crate) fn secure(&mut self, flow: Flow, name: &str) {
        if flow.transport != Transport::Tls {
            return;
        }
        let Ok(name) = ServerName::try_from(name.to_owned()) else {
            // No certificate can prove it; a name that was good before is not this one.
            tracing::debug!(%flow, "A name that no certificate can prove.");
            return self.forget(flow);
        };
        if self.opening.names.get(&flow).is_some_and(|named| named.name == name) {
            return;
        }
        let stream = self.by_flow.get(&flow).copied();
        let is_proven = stream.and_then(|place| self.connections.get(place)?.as_ref()).is_some_and(|one| one.pipe.proves(&name));
        if !is_proven {
            self.forget(flow);
        }
        if self.opening.names.len() >= NAMES_MAX {
            let Self { opening: Opening { names, waiting, .. }, by_flow, .. } = self;
            names.retain(|flow, _| waiting.contains_key(flow) || by_flow.contains_key(flow));
        }
        if self.opening.names.len() < NAMES_MAX {
            self.opening.names.insert(flow, Named { name, is_told: false });
        }
    }

    /// Nothing goes by `flow` any more to whoever was there until now.
    fn forget(&mut self, flow: Flow) {
        self.opening.names.remove(&flow);
        if let Some(waiting) = self.take_waiting(flow) {
            self.not_opened(flow, waiting, NotOpened::NoWay);
        }
        if let Some(&place) = self.by_flow.get(&flow) {
            self.remove(place, End::Renamed);
        }
    }

    /// The way of `message`: the stream of `flow`, or one that is opened now. The error: why none could be opened; `None`: the stream is there, and
    /// takes no more.
    pub(super) fn way(&mut self, now: Instant, flow: Flow, message: &[u8]) -> Result<Way, Option<NotOpened>> {
        if let Some(place) = self.taker(flow, message) {
            return Ok(Way::Stream(place));
        }
        let is_response = is_response(message);
        // RFC 3261, 18.2.2: whoever is gone from the stream that its request came by listens at the port of its Via, if anywhere, and not at
        // the one that it came from.
        let to = if is_response { return_flow(message, flow).ok_or(None)? } else { flow };
        if let Some(place) = self.taker(to, message) {
            return Ok(Way::Stream(place));
        }
        if let Some(&place) = self.by_flow.get(&to) {
            if is_response || !self.connections.get(place).and_then(Option::as_ref).is_some_and(Connection::is_left_by_peer) {
                // One is there, and takes no more.
                return Err(None);
            }
            // What it still owed goes by the one that is opened now, to the same peer.
            self.remove(place, End::Peer);
        }
        let opened = match to.transport {
            Transport::Tls if !is_response => self.dial(now, to).map(|()| Way::Wait),
            _ => self.connect(now, to, is_response).map(Way::Stream),
        };
        opened.map_err(|why| {
            self.counters.connect_failures += 1;
            Some(why)
        })
    }

    /// The stream of `flow`, if it takes `message`.
    fn taker(&self, flow: Flow, message: &[u8]) -> Option<usize> {
        let place = *self.by_flow.get(&flow)?;
        let connection = self.connections.get(place)?.as_ref()?;
        connection.takes(message).then_some(place)
    }

    /// Begins to open a stream to `flow.remote`. One for a response leaves from the address that its request came to, which we listen on; it is
    /// caused by who sent the request, and counts among what that source has opened to us.
    fn connect(&mut self, now: Instant, flow: Flow, is_for_response: bool) -> Result<usize, NotOpened> {
        let is_ours = |listener: &Listener| {
            let bound = listener.bound;
            let ip = bound.ip();
            bound.port() == flow.local.port()
                && bound.is_ipv4() == flow.remote.is_ipv4()
                && (ip == flow.local.ip() || ip.is_unspecified() || flow.local.ip().is_unspecified())
        };
        if flow.transport != Transport::Tcp || (is_for_response && !self.listeners.iter().any(is_ours)) {
            return Err(NotOpened::NoWay);
        }
        if !is_for_response {
            self.share_out(flow)?;
        }
        if !self.make_room(now, is_for_response.then(|| flow.remote.into())) {
            return Err(NotOpened::Limit);
        }
        let failed = |error: io::Error| {
            tracing::debug!(%flow, %error, "A stream could not be opened.");
            if error.kind() == io::ErrorKind::AddrNotAvailable { NotOpened::NoWay } else { NotOpened::Unreachable }
        };
        let socket = open_stream(flow.local, flow.remote).map_err(failed)?;
        match socket.connect(&flow.remote.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(failed(error)),
        }
        let origin = if is_for_response { Origin::Response } else { Origin::Request };
        let pipe = Pipe::new(mio::net::TcpStream::from_std(socket.into()), None);
        self.insert(now, pipe, Cutter::sip(self.limits.message), flow, origin).map_err(failed)
    }

    /// Whether one more stream may be opened for a request. Where there are too many, one of whoever has more than the asker goes for it.
    fn share_out(&mut self, flow: Flow) -> Result<(), NotOpened> {
        while let Some(short) = self.opening.shares.short(&self.limits) {
            let ShareOf { flow, place, is_connecting, .. } = self.opening.shares.gives_way(short, flow).ok_or(NotOpened::Limit)?;
            tracing::debug!(%flow, "A stream makes room for one of somebody who has fewer.");
            match place {
                Some(place) => self.remove(place, if is_connecting { End::NotOpened(NotOpened::Limit) } else { End::Crowded }),
                None => {
                    let Some(waiting) = self.take_waiting(flow) else { return Err(NotOpened::Limit) };
                    self.not_opened(flow, waiting, NotOpened::Limit);
                }
            }
        }
        Ok(())
    }

    /// `flow` is for a request of `owner` next. A call or a registration needs it (`is_needed`); whoever only asks does not.
    pub(crate) fn claim(&mut self, flow: Flow, owner: u64, is_needed: bool) {
        let share = match (self.opening.waiting.get(&flow), self.by_flow.get(&flow)) {
            (Some(waiting), _) => Some(waiting.share),
            (None, Some(&place)) => match self.connections.get(place).and_then(Option::as_ref) {
                Some(connection) if connection.origin != Origin::Request => return,
                connection => connection.and_then(|one| one.share),
            },
            (None, None) => None,
        };
        let Opening { shares, waiting, .. } = &mut self.opening;
        let by_flow = &self.by_flow;
        shares
            .claim(&self.limits, flow, Claim { owner, is_needed }, share, |flow| waiting.contains_key(flow) || by_flow.contains_key(flow));
    }

    /// A call or a registration needs the stream of `flow`, or none does any more.
    pub(super) fn set_needed(&mut self, flow: Flow, is_needed: bool) {
        let waiting = self.opening.waiting.get(&flow).map(|waiting| waiting.share);
        let place = self.by_flow.get(&flow).copied();
        let open = place.and_then(|place| self.connections.get(place)?.as_ref()?.share);
        self.opening.shares.set_needed(flow, waiting.or(open), is_needed);
    }

    /// Has a TLS stream of `flow` opened, unless that is under way.
    fn dial(&mut self, now: Instant, flow: Flow) -> Result<(), NotOpened> {
        if self.opening.waiting.contains_key(&flow) {
            return Ok(());
        }
        let name = self.opening.names.get(&flow).ok_or(NotOpened::NoWay)?.name.clone();
        let dialler = self.opening.dialler.clone().ok_or(NotOpened::NoWay)?;
        self.share_out(flow)?;
        if !self.make_room(now, None) {
            return Err(NotOpened::Limit);
        }
        self.opening.last += 1;
        let id = self.opening.last;
        let connect = self.limits.connect;
        let (wanted, given_up) = oneshot::channel();
        // There is room for all that may be under way; those that were given up may not have been taken off yet.
        dialler.try_send(Dial { id, flow, name, connect, given_up }).map_err(|_| NotOpened::Limit)?;
        // Whoever opens it keeps to that time by himself, and may be slow to say so.
        let ends = now + connect + HANDSHAKE_TIME + GRACE;
        self.opening.ends.insert((ends, flow));
        let share = self.opening.shares.add(flow, None, true);
        self.opening.waiting.insert(flow, Waiting { id, share, queue: Vec::new(), octets: 0, ends, _wanted: wanted });
        Ok(())
    }

    /// A message waits until the stream of `flow` is open.
    pub(super) fn wait(&mut self, flow: Flow, message: Bytes) {
        let Some(waiting) = self.opening.waiting.get_mut(&flow) else { return };
        waiting.octets += message.len();
        self.held += message.len();
        waiting.queue.push(message);
        let is_too_much =
            waiting.octets > self.limits.write_queue_max || (self.held > self.limits.memory_max && waiting.octets > HELD_SMALL);
        self.counters.sent += 1;
        if is_too_much && let Some(waiting) = self.take_waiting(flow) {
            self.not_opened(flow, waiting, NotOpened::Limit);
        }
    }

    /// A TLS stream is open, or is not to be had.
    pub(crate) fn dialled(&mut self, intake: &mut Intake<'_>, Dialled { id, flow, outcome }: Dialled) {
        if self.opening.waiting.get(&flow).is_none_or(|waiting| waiting.id != id) {
            // It was given up meanwhile.
            return;
        }
        let Some(waiting) = self.take_waiting(flow) else { return };
        let (stream, session) = match outcome {
            Ok(opened) => opened,
            Err(failed) => {
                self.tell_failure(flow, failed.why, &failed.detail);
                return self.not_opened(flow, waiting, failed.why);
            }
        };
        let pipe = Pipe::new(mio::net::TcpStream::from_std(stream), Some((*session).into()));
        let Ok(place) = self.insert(intake.now, pipe, Cutter::sip(self.limits.message), flow, Origin::Request) else {
            return self.not_opened(flow, waiting, NotOpened::Limit);
        };
        self.counters.connected += 1;
        if let Some(named) = self.opening.names.get_mut(&flow) {
            named.is_told = false;
        }
        if let Some(Some(connection)) = self.connections.get_mut(place) {
            for message in waiting.queue {
                connection.send(intake.now, message, &self.limits);
            }
            connection.take_over(intake, &[]);
        }
        self.mark_dirty(place);
        self.take_turn(place);
    }

    /// Gives up what should have been open long ago.
    pub(super) fn expire_waiting(&mut self, now: Instant) {
        while let Some(&(at, flow)) = self.opening.ends.first()
            && at <= now
        {
            self.opening.ends.pop_first();
            if let Some(waiting) = self.take_waiting(flow) {
                self.tell_failure(flow, NotOpened::Late, "nobody said how it went");
                self.not_opened(flow, waiting, NotOpened::Late);
            }
        }
    }

    fn take_waiting(&mut self, flow: Flow) -> Option<Waiting> {
        let waiting = self.opening.waiting.remove(&flow)?;
        self.opening.ends.remove(&(waiting.ends, flow));
        self.opening.shares.remove(waiting.share);
        self.held -= waiting.octets;
        Some(waiting)
    }

    fn not_opened(&mut self, flow: Flow, waiting: Waiting, why: NotOpened) {
        self.counters.connect_failures += 1;
        self.counters.send_failed += u64::try_from(waiting.queue.len()).unwrap_or(u64::MAX);
        self.tell_closed(flow, Some(why));
    }

    /// Somebody has to see to it, once.
    fn tell_failure(&mut self, flow: Flow, why: NotOpened, detail: &str) {
        let Some(Named { name, is_told }) = self.opening.names.get_mut(&flow) else { return };
        tracing::debug!(%flow, %why, detail, "No TLS stream came about.");
        if !std::mem::replace(is_told, true) {
            tracing::warn!(name = %name.to_str(), %why, detail, "No TLS stream to this server comes about; it is tried again, and told once.");
        }
    }
}

/// How much longer than its time a stream is waited for that others open.
const GRACE: Duration = Duration::from_secs(1);
