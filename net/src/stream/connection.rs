//! One stream: what is half read, what waits to be sent, and when it has lived long enough.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use sip_core::{Flow, Frame, Framer};

use super::{StreamLimits, TcpCounters};
use crate::intake::Intake;

/// Octets of one read.
pub(super) const READ_MAX: usize = 64 << 10;
/// Messages that one stream may bring before the others have their turn.
const TURN_MAX: usize = 16;
/// Messages that go into one system call.
const SLICES_MAX: usize = 16;
/// How long a broken stream stays for the answers to what came by it before.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// What is left to be read of a stream that we close: were it closed with something unread, the kernel would reset it, and our answer might
/// be lost on the way.
const DRAIN_MAX: usize = 256 << 10;
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// RFC 5626, 4.4.1: the answer to a keep-alive.
const PONG: Bytes = Bytes::from_static(b"\r\n");

/// A stream.
///
/// ```text
/// Connecting ──▶ Open ──▶ HalfClosed   the peer sends no more and waits for answers
///                  │
///                  └────▶ Broken       nobody can tell where the next message begins: we read no more, and owe answers
///                           ▼
///                         Draining     we have refused what broke it, send no more and read the rest away
/// ```
pub(super) struct Connection {
    pub(super) io: mio::net::TcpStream,
    pub(super) flow: Flow,
    stage: Stage,
    /// Whether the peer opened it.
    pub(super) is_accepted: bool,
    framer: Framer,
    out: VecDeque<Bytes>,
    out_octets: usize,
    opened: Instant,
    /// When the last message or line end came.
    heard: Instant,
    /// Since when a message is half read.
    half_since: Option<Instant>,
    /// Since when something waits to be sent.
    stalled_since: Option<Instant>,
    has_spoken: bool,
    /// Requests of the peer that have no final response yet.
    owed: u32,
    /// The answer to what broke the stream, which goes out behind all others.
    refusal: Option<Bytes>,
    readable: bool,
    writable: bool,
    /// Whether the kernel has told of an end or error behind what is still to be read.
    ended: bool,
    /// Its place in the turns, and among those with something to send.
    pub(super) has_turn: bool,
    pub(super) is_dirty: bool,
    /// When its timer stands in the table.
    pub(super) timer: Instant,
    /// What it is counted with in the table's sum of [`Connection::held`].
    pub(super) counted: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Open,
    HalfClosed { until: Instant },
    Broken { until: Instant },
    Draining { until: Instant, left: usize, shut: bool },
}

/// How a turn or a write left a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It goes on when the network has something.
    Waits,
    /// It has more to read at once.
    Again,
    /// It is over.
    Over(End),
}

/// Why a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Peer,
    Lost,
    Idle,
    Slow,
    Broken,
    Stalled,
    Crowded,
    NotOpened,
}

impl Connection {
    pub(super) fn new(io: mio::net::TcpStream, flow: Flow, is_accepted: bool, now: Instant, limits: &StreamLimits) -> Self {
        Self {
            io,
            flow,
            stage: if is_accepted { Stage::Open } else { Stage::Connecting },
            is_accepted,
            framer: Framer::new(limits.message),
            out: VecDeque::new(),
            out_octets: 0,
            opened: now,
            heard: now,
            half_since: None,
            stalled_since: None,
            has_spoken: false,
            owed: 0,
            refusal: None,
            // What is there already is told when the poller begins to watch.
            readable: false,
            writable: is_accepted,
            ended: false,
            has_turn: false,
            is_dirty: false,
            timer: now,
            counted: 0,
        }
    }

    /// The kernel says that it can be read or written, or is over.
    pub(super) fn event(&mut self, now: Instant, event: &mio::event::Event, counters: &mut TcpCounters) -> After {
        if self.stage == Stage::Connecting {
            if !event.is_writable() && !event.is_error() {
                return After::Waits;
            }
            match (self.io.take_error(), self.io.peer_addr()) {
                (Ok(None), Ok(_)) => {
                    self.stage = Stage::Open;
                    self.heard = now;
                    counters.connected += 1;
                }
                (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => return After::Waits,
                _ => return After::Over(End::NotOpened),
            }
        }
        let is_gone = event.is_error() || event.is_write_closed();
        match self.stage {
            Stage::HalfClosed { .. } if is_gone => return After::Over(End::Peer),
            Stage::Broken { .. } if is_gone => return After::Over(End::Broken),
            _ => {}
        }
        self.readable |= event.is_readable();
        self.writable |= event.is_writable();
        if event.is_read_closed() || event.is_error() {
            self.readable = true;
            self.ended = true;
        }
        After::Again
    }

    /// Whether nothing new can be asked of the peer, though the stream is still there for what is owed.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.stage, Stage::HalfClosed { .. } | Stage::Broken { .. } | Stage::Draining { .. })
    }

    /// Reads what there is, within the turn.
    pub(super) fn turn(&mut self, buffer: &mut [u8], intake: &mut Intake<'_>, limits: &StreamLimits, counters: &mut TcpCounters) -> After {
        let after = self.read(buffer, intake, limits, counters);
        // Since the first octet of what is half read, however slowly it goes on.
        if self.framer.is_idle() {
            self.half_since = None;
        } else {
            self.half_since.get_or_insert(intake.now);
        }
        after
    }

    fn read(&mut self, buffer: &mut [u8], intake: &mut Intake<'_>, limits: &StreamLimits, counters: &mut TcpCounters) -> After {
        let mut messages = 0;
        loop {
            if self.stage == Stage::Open {
                // What was read before comes first; nothing more is read until it is taken.
                loop {
                    if intake.left == 0 || messages == TURN_MAX {
                        return After::Again;
                    }
                    let Some(frame) = self.framer.next() else { break };
                    messages += 1;
                    self.frame(frame, intake, counters);
                }
            }
            if !self.readable || matches!(self.stage, Stage::Connecting | Stage::HalfClosed { .. } | Stage::Broken { .. }) {
                return After::Waits;
            }
            match self.io.read(buffer) {
                Ok(0) => return self.peer_closed(intake.now, limits),
                Ok(count) => {
                    // What comes after a short read is told anew.
                    self.readable = count == buffer.len() || self.ended;
                    self.take(intake.now, buffer.get(..count).unwrap_or_default());
                    if let Stage::Draining { left, .. } = &mut self.stage {
                        *left = left.saturating_sub(count);
                        if *left == 0 {
                            return After::Over(End::Broken);
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    // An error that was told has been taken off meanwhile.
                    self.ended = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return After::Over(End::Lost),
            }
        }
    }

    fn take(&mut self, now: Instant, octets: &[u8]) {
        if self.stage != Stage::Open {
            return;
        }
        self.framer.feed(octets);
        // Line ends alone are a sign of life, too.
        if octets.iter().all(|octet| matches!(octet, b'\r' | b'\n')) && self.half_since.is_none() {
            self.heard = now;
        }
    }

    fn frame(&mut self, frame: Frame, intake: &mut Intake<'_>, counters: &mut TcpCounters) {
        match frame {
            Frame::Message(bytes) => {
                counters.received += 1;
                self.heard = intake.now;
                self.half_since = None;
                self.has_spoken = true;
                let awaits = awaits_response(&bytes);
                if intake.message(self.flow, bytes) && awaits {
                    self.owed = self.owed.saturating_add(1);
                }
            }
            Frame::Ping => {
                counters.pings += 1;
                self.heard = intake.now;
                self.queue(PONG);
            }
            Frame::Broken { answer, why } => {
                tracing::debug!(flow = %self.flow, %why, "A stream is closed: nobody can tell where its next message begins.");
                self.refusal = answer.map(|answer| answer.response(self.flow));
                self.stage = Stage::Broken { until: intake.now + ANSWER_TIME };
            }
        }
    }

    /// Its time is over, as [`Connection::deadline`] said; whether it goes on all the same.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let goes_on = self.is_broken();
        if goes_on {
            self.drain(now);
        }
        goes_on
    }

    /// What broke the stream is refused, and from here on we only read away.
    fn drain(&mut self, now: Instant) {
        if let Some(refusal) = self.refusal.take() {
            self.queue(refusal);
        }
        self.stage = Stage::Draining { until: now + DRAIN_TIME, left: DRAIN_MAX, shut: false };
    }

    fn is_draining(&self) -> bool {
        matches!(self.stage, Stage::Draining { .. })
    }

    fn is_broken(&self) -> bool {
        matches!(self.stage, Stage::Broken { .. })
    }

    /// The peer sends no more. It may still wait for what we owe it (half-close); nothing new can be asked of it.
    fn peer_closed(&mut self, now: Instant, limits: &StreamLimits) -> After {
        self.readable = false;
        if self.is_draining() {
            return After::Over(End::Broken);
        }
        if self.owed == 0 && self.out.is_empty() {
            return After::Over(End::Peer);
        }
        self.stage = Stage::HalfClosed { until: now + limits.half_message };
        After::Waits
    }

    /// Whether `bytes` may still be sent here.
    pub(super) fn takes(&self, bytes: &[u8]) -> bool {
        match self.stage {
            Stage::Connecting | Stage::Open => true,
            Stage::HalfClosed { .. } | Stage::Broken { .. } => is_response(bytes),
            Stage::Draining { .. } => false,
        }
    }

    /// Puts a message into the queue; whether there was room.
    pub(super) fn send(&mut self, bytes: Bytes, limits: &StreamLimits) -> bool {
        if self.out_octets.saturating_add(bytes.len()) > limits.write_queue_max {
            return false;
        }
        if is_final(&bytes) {
            self.owed = self.owed.saturating_sub(1);
        }
        self.queue(bytes);
        true
    }

    fn queue(&mut self, bytes: Bytes) {
        self.out_octets += bytes.len();
        self.out.push_back(bytes);
    }

    /// Octets half read and waiting to be sent.
    pub(super) fn held(&self) -> usize {
        self.framer.held() + self.out_octets + self.refusal.as_ref().map_or(0, Bytes::len)
    }

    pub(super) fn has_output(&self) -> bool {
        !self.out.is_empty() || self.is_draining() || self.is_broken()
    }

    /// Writes what the kernel takes.
    pub(super) fn flush(&mut self, now: Instant) -> After {
        let is_answered = self.is_broken() && self.owed == 0;
        if is_answered {
            self.drain(now);
        }
        match self.write(now) {
            // What was left unread is to be read away.
            After::Waits if is_answered => After::Again,
            after => after,
        }
    }

    fn write(&mut self, now: Instant) -> After {
        while self.writable && !self.out.is_empty() {
            let nothing: &[u8] = &[];
            let slices: [IoSlice<'_>; SLICES_MAX] = std::array::from_fn(|at| IoSlice::new(self.out.get(at).map_or(nothing, |one| one)));
            let count = self.out.len().min(SLICES_MAX);
            match self.io.write_vectored(slices.get(..count).unwrap_or_default()) {
                Ok(written) => self.written(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return After::Over(End::Lost),
            }
        }
        if !self.out.is_empty() {
            self.stalled_since.get_or_insert(now);
            return After::Waits;
        }
        self.stalled_since = None;
        self.out.shrink_to(SLICES_MAX);
        match &mut self.stage {
            Stage::HalfClosed { .. } if self.owed == 0 => After::Over(End::Peer),
            Stage::Draining { shut, .. } if !*shut => {
                *shut = true;
                // What fails here is over anyway, and shows when it is read.
                let _ = self.io.shutdown(Shutdown::Write);
                After::Waits
            }
            _ => After::Waits,
        }
    }

    fn written(&mut self, mut count: usize) {
        self.out_octets = self.out_octets.saturating_sub(count);
        self.stalled_since = None;
        while let Some(first) = self.out.front_mut() {
            if count < first.len() {
                first.advance(count);
                break;
            }
            count -= first.len();
            self.out.pop_front();
        }
    }

    /// When it has lived long enough, and why then.
    pub(super) fn deadline(&self, limits: &StreamLimits) -> (Instant, End) {
        match self.stage {
            Stage::Connecting => (self.opened + limits.connect, End::NotOpened),
            Stage::HalfClosed { until } => (until, End::Peer),
            Stage::Broken { until } | Stage::Draining { until, .. } => (until, End::Broken),
            Stage::Open => {
                let ends = [
                    Some((self.heard + limits.idle, End::Idle)),
                    self.half_since.map(|since| (since + limits.half_message, End::Slow)),
                    self.stalled_since.map(|since| (since + limits.half_message, End::Stalled)),
                    (self.is_accepted && !self.has_spoken).then(|| (self.opened + limits.first_message, End::Slow)),
                ];
                ends.into_iter().flatten().min_by_key(|(at, _)| *at).unwrap_or((self.heard + limits.idle, End::Idle))
            }
        }
    }
}

/// The start of every response (RFC 3261, 7.2).
pub(super) fn is_response(message: &[u8]) -> bool {
    message.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
}

/// Whether a peer that half-closed would wait for a response to it.
fn awaits_response(message: &[u8]) -> bool {
    !is_response(message) && !message.starts_with(b"ACK ")
}

/// `SIP/2.0 2` and above.
fn is_final(message: &[u8]) -> bool {
    is_response(message) && message.get(8).is_some_and(|digit| (b'2'..=b'6').contains(digit))
}
