//! One stream: what is half read, what waits to be sent, and when it has lived long enough.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use sip_core::{Admit, Flow};

use super::{
    StreamLimits, TcpCounters,
    cutter::{Cutter, Piece},
    pipe::Pipe,
    shares::ShareId,
};
use crate::{NotOpened, intake::Intake};

/// Octets of one read.
pub(super) const READ_MAX: usize = 64 << 10;
/// Messages that one stream may bring before the others have their turn.
const TURN_MAX: usize = 16;
/// Reads of one stream before the others have their turn: line ends without end make no message.
const READS_MAX: usize = 8;
/// How often a keep-alive costs its source nothing.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(1);
/// Messages that go into one system call.
const SLICES_MAX: usize = 16;
/// How long a stranger's stream stays for the answer to a request: by then whoever asked has given up (64*T1; RFC 3261, 17.1.2.2). Of what
/// cannot be parsed nobody here knows that it will never be answered.
const ANSWER_MAX: Duration = Duration::from_secs(32);
/// How long a broken stream stays for the answers to what came by it before.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// What is left to be read of a stream that we close: were it closed with something unread, the kernel would reset it, and our answer might
/// be lost on the way.
const DRAIN_MAX: usize = 256 << 10;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// A stream.
///
/// ```text
/// Connecting ──▶ Open ──▶ HalfClosed   the peer sends no more and waits for answers, which still go out
///                  │
///                  └────▶ Broken       nobody can tell where the next message begins: we read no more, and owe answers
///                           ▼
///                         Draining     we have refused what broke it, send no more and read the rest away
/// ```
///
/// A WebSocket that its peer closes in order goes the way of a broken one, too: it is answered, and the rest is read away.
///
/// An open stream whose source has sent more than the guard lets in at once pauses: it is not read until its token is due, so that the
/// kernel slows its peer down, and what it brought then goes on.
pub(super) struct Connection {
    pub(super) pipe: Pipe,
    pub(super) flow: Flow,
    stage: Stage,
    pub(super) origin: Origin,
    /// Whether its owner has heard of it, by a message that it brought or has sent: else nobody waits for its end.
    pub(super) is_known: bool,
    /// Whether somebody has vouched for its peer.
    pub(super) is_vouched: bool,
    cutter: Cutter,
    pause: Option<Pause>,
    out: VecDeque<Bytes>,
    out_octets: usize,
    /// Where in `out` the answer to keep-alives stands: one such waits at most.
    pong: Option<usize>,
    opened: Instant,
    /// When the last message or line end came.
    pub(super) heard: Instant,
    /// When the last keep-alive came that cost nothing.
    kept_alive: Option<Instant>,
    /// When the last request of the peer was answered, or its peer ceased to be known.
    answered: Instant,
    /// Since when a message is half read.
    half_since: Option<Instant>,
    /// Since when something waits to be sent.
    stalled_since: Option<Instant>,
    has_spoken: bool,
    /// Requests of the peer that have no final response yet.
    owed: u32,
    /// The answer to what broke the stream, which goes out behind all others.
    refusal: Option<Bytes>,
    /// As what it ends once that is sent.
    ends_as: End,
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
    /// When it had been heard last, as the table of strangers knows.
    pub(super) ranked: Instant,
    /// What it is among the streams that we open for requests, if it is one.
    pub(super) share: Option<ShareId>,
}

/// Why nothing is read.
#[derive(Debug)]
struct Pause {
    until: Instant,
    /// What comes in then; nothing after a keep-alive.
    message: Option<(Admit, Bytes)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Open,
    HalfClosed { since: Instant, was_owed: bool },
    Broken { until: Instant },
    Draining { until: Instant, left: usize, shut: bool },
}

/// Why there is a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The peer opened it.
    Peer,
    /// We opened it, for a response to a peer that closed its own.
    Response,
    /// We opened it, for a request of ours.
    Request,
}

impl Origin {
    /// Whether the peer caused it, and so is to have a limited number of them.
    pub(super) fn is_of_peer(self) -> bool {
        self != Self::Request
    }
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
    /// Its flow is to prove another name.
    Renamed,
    NotOpened(NotOpened),
    /// Its source is banned, or it is to get no answer.
    Unheard,
}

impl Connection {
    pub(super) fn new(pipe: Pipe, cutter: Cutter, flow: Flow, origin: Origin, now: Instant) -> Self {
        let is_open = origin == Origin::Peer || pipe.is_open();
        Self {
            pipe,
            flow,
            stage: if is_open { Stage::Open } else { Stage::Connecting },
            origin,
            is_known: false,
            // Who it is was our choice.
            is_vouched: origin == Origin::Request,
            cutter,
            pause: None,
            out: VecDeque::new(),
            out_octets: 0,
            pong: None,
            opened: now,
            heard: now,
            kept_alive: None,
            answered: now,
            half_since: None,
            stalled_since: None,
            has_spoken: false,
            owed: 0,
            refusal: None,
            ends_as: End::Broken,
            // What is there already is told when the poller begins to watch.
            readable: false,
            writable: is_open,
            ended: false,
            has_turn: false,
            is_dirty: false,
            timer: now,
            counted: 0,
            ranked: now,
            share: None,
        }
    }

    /// The kernel says that it can be read or written, or is over.
    pub(super) fn event(&mut self, now: Instant, event: &mio::event::Event, counters: &mut TcpCounters) -> After {
        if self.stage == Stage::Connecting {
            if !event.is_writable() && !event.is_error() {
                return After::Waits;
            }
            match (self.pipe.io().take_error(), self.pipe.io().peer_addr()) {
                (Ok(None), Ok(_)) => {
                    self.stage = Stage::Open;
                    self.heard = now;
                    counters.connected += 1;
                }
                (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => return After::Waits,
                _ => return After::Over(End::NotOpened(NotOpened::Unreachable)),
            }
        }
        let is_gone = event.is_error() || event.is_write_closed();
        match self.stage {
            Stage::HalfClosed { .. } if is_gone => return After::Over(End::Peer),
            Stage::Broken { .. } if is_gone => return After::Over(self.ends_as),
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

    /// It was opened elsewhere, and `read` was read of it there, behind its opening. What TLS or the kernel hold besides is not told by the
    /// poller any more.
    pub(super) fn take_over(&mut self, intake: &mut Intake<'_>, read: &[u8]) {
        self.readable = true;
        self.take(intake, read);
    }

    /// Whether it is on its way to be open, for a request of ours.
    pub(super) fn is_connecting(&self) -> bool {
        self.stage == Stage::Connecting && self.origin == Origin::Request
    }

    /// Whether we opened it for requests, and its peer sends no more. It is gone, most likely: who closes both directions shows one only.
    pub(super) fn is_left_by_peer(&self) -> bool {
        self.origin == Origin::Request && matches!(self.stage, Stage::HalfClosed { .. })
    }

    /// Whether nothing new can be asked of the peer, though the stream is still there for what is owed.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.stage, Stage::HalfClosed { .. } | Stage::Broken { .. } | Stage::Draining { .. })
    }

    /// Reads what there is, within the turn.
    pub(super) fn turn(&mut self, buffer: &mut [u8], intake: &mut Intake<'_>, limits: &StreamLimits, counters: &mut TcpCounters) -> After {
        let after = self.read(buffer, intake, limits, counters);
        // Since the first octet of what is half read, however slowly it goes on; while it pauses, that is not the peer's doing.
        if self.cutter.is_idle() || self.pause.is_some() {
            self.half_since = None;
        } else {
            self.half_since.get_or_insert(intake.now);
        }
        after
    }

    fn read(&mut self, buffer: &mut [u8], intake: &mut Intake<'_>, limits: &StreamLimits, counters: &mut TcpCounters) -> After {
        let mut messages = 0;
        for _ in 0..READS_MAX {
            if self.stage == Stage::Open {
                // What was read before comes first; nothing more is read until it is taken.
                loop {
                    if intake.left == 0 || messages == TURN_MAX {
                        return After::Again;
                    }
                    match self.pause.take_if(|pause| pause.until <= intake.now) {
                        Some(Pause { message, .. }) => {
                            messages += 1;
                            if let Some((admit, message)) = message {
                                self.deliver(admit, message, intake);
                            }
                            continue;
                        }
                        None if self.pause.is_some() => return After::Waits,
                        None => {}
                    }
                    let Some(piece) = self.cutter.next(self.flow) else { break };
                    messages += 1;
                    self.piece(piece, intake, limits, counters);
                }
            }
            if !self.readable || matches!(self.stage, Stage::Connecting | Stage::HalfClosed { .. } | Stage::Broken { .. }) {
                return After::Waits;
            }
            match self.pipe.read(buffer) {
                Ok(0) => return self.peer_closed(intake.now),
                Ok(count) => {
                    // What comes after a short read is told anew.
                    self.readable = count == buffer.len() || self.ended || !self.pipe.tells_end_by_short_read();
                    self.take(intake, buffer.get(..count).unwrap_or_default());
                    if let Stage::Draining { left, .. } = &mut self.stage {
                        *left = left.saturating_sub(count);
                        if *left == 0 {
                            return After::Over(self.ends_as);
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
        After::Again
    }

    fn take(&mut self, intake: &mut Intake<'_>, octets: &[u8]) {
        if self.stage != Stage::Open {
            return;
        }
        // Line ends alone are a sign of life, too. They cost as much to read as a message does.
        if self.cutter.has_bare_keep_alives() && self.cutter.is_idle() && octets.iter().all(|octet| matches!(octet, b'\r' | b'\n')) {
            self.kept_alive(intake);
        }
        self.cutter.feed(octets);
    }

    /// A sign of life came, which may have to wait for its token before anything more is read.
    fn kept_alive(&mut self, intake: &mut Intake<'_>) {
        self.heard = intake.now;
        if self.kept_alive.is_some_and(|last| intake.now.saturating_duration_since(last) < KEEP_ALIVE_EVERY) {
            let until = intake.ask_keep_alive(self.flow);
            self.pause = (until > intake.now).then_some(Pause { until, message: None });
        } else {
            self.kept_alive = Some(intake.now);
        }
    }

    fn piece(&mut self, piece: Piece, intake: &mut Intake<'_>, limits: &StreamLimits, counters: &mut TcpCounters) {
        match piece {
            Piece::Message(bytes) => {
                counters.received += 1;
                self.has_spoken = true;
                let (admit, at) = intake.ask(self.flow, &bytes);
                if at <= intake.now {
                    self.deliver(admit, bytes, intake);
                } else {
                    self.pause = Some(Pause { until: at, message: Some((admit, bytes)) });
                }
            }
            Piece::KeepAlive(pong) => {
                counters.pings += 1;
                if self.cutter.has_bare_keep_alives() {
                    self.heard = intake.now;
                } else {
                    self.kept_alive(intake);
                }
                // Who reads nothing is owed no more answers than one.
                if self.pong.is_none() && self.has_room(&pong, limits) {
                    self.pong = Some(self.out.len());
                    self.queue(pong);
                }
            }
            Piece::Farewell(answer) => {
                // Nothing may be said after the answer, and whoever closes waits for nothing.
                self.owed = 0;
                self.refusal = Some(answer);
                self.ends_as = End::Peer;
                self.stage = Stage::Broken { until: intake.now };
            }
            Piece::Broken { answer, why } => {
                tracing::debug!(flow = %self.flow, why, "A stream is closed: nobody can tell where its next message begins.");
                self.refusal = answer;
                self.stage = Stage::Broken { until: intake.now + ANSWER_TIME };
            }
        }
    }

    fn deliver(&mut self, admit: Admit, message: Bytes, intake: &mut Intake<'_>) {
        self.heard = intake.now;
        self.half_since = None;
        if intake.is_banned(admit, self.flow) {
            return;
        }
        self.is_known = true;
        self.owed = self.owed.saturating_add(awaits_response(&message).into());
        intake.push(admit, self.flow, message);
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
    fn peer_closed(&mut self, now: Instant) -> After {
        self.readable = false;
        if self.is_draining() {
            return After::Over(self.ends_as);
        }
        if self.owed == 0 && self.out.is_empty() {
            return After::Over(End::Peer);
        }
        self.stage = Stage::HalfClosed { since: now, was_owed: self.owed > 0 };
        After::Waits
    }

    /// Somebody has vouched for its peer, or takes that back: then it has a stranger's time from now on. One that we opened for a request stays
    /// known: who is there was our choice, and the next call finds it open.
    pub(super) fn set_vouched(&mut self, now: Instant, is_vouched: bool) {
        let is_vouched = is_vouched || self.origin == Origin::Request;
        if self.is_vouched && !is_vouched {
            self.answered = now;
        }
        self.is_vouched = is_vouched;
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
    pub(super) fn send(&mut self, now: Instant, bytes: Bytes, limits: &StreamLimits) -> bool {
        self.is_known = true;
        if !self.has_room(&bytes, limits) {
            return false;
        }
        if is_final(&bytes) {
            self.owed = self.owed.saturating_sub(1);
            self.answered = now;
        }
        if let Some(head) = self.cutter.head(&bytes) {
            self.queue(head);
        }
        self.queue(bytes);
        true
    }

    fn has_room(&self, bytes: &[u8], limits: &StreamLimits) -> bool {
        self.out_octets.saturating_add(bytes.len()) <= limits.write_queue_max
    }

    fn queue(&mut self, bytes: Bytes) {
        self.out_octets += bytes.len();
        self.out.push_back(bytes);
    }

    /// Octets half read and waiting to be sent.
    pub(super) fn held(&self) -> usize {
        let waiting = self.pause.as_ref().and_then(|pause| pause.message.as_ref()).map_or(0, |(_, message)| message.len());
        self.cutter.held() + waiting + self.out_octets + self.refusal.as_ref().map_or(0, Bytes::len)
    }

    pub(super) fn has_output(&self) -> bool {
        !self.out.is_empty() || self.pipe.has_output() || self.is_draining() || self.is_broken()
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
        while self.writable && (!self.out.is_empty() || self.pipe.has_output()) {
            match self.push() {
                Ok(written) => self.written(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return After::Over(End::Lost),
            }
        }
        if !self.out.is_empty() || self.pipe.has_output() {
            self.stalled_since.get_or_insert(now);
            return After::Waits;
        }
        self.stalled_since = None;
        self.out.shrink_to(SLICES_MAX);
        match &mut self.stage {
            Stage::HalfClosed { .. } if self.owed == 0 => After::Over(End::Peer),
            Stage::Draining { shut, .. } if !*shut => {
                *shut = true;
                self.pipe.shut();
                After::Waits
            }
            _ => After::Waits,
        }
    }

    /// Gives the pipe what it takes of what waits; how much that was.
    fn push(&mut self) -> io::Result<usize> {
        if self.out.is_empty() {
            return self.pipe.flush().map(|()| 0);
        }
        let nothing: &[u8] = &[];
        let slices: [IoSlice<'_>; SLICES_MAX] = std::array::from_fn(|at| IoSlice::new(self.out.get(at).map_or(nothing, |one| one)));
        let count = self.out.len().min(SLICES_MAX);
        self.pipe.write(slices.get(..count).unwrap_or_default())
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
            self.pong = self.pong.and_then(|at| at.checked_sub(1));
        }
    }

    /// When to look at it again: at its deadline, or when its pause ends after `now`.
    pub(super) fn wake_at(&self, now: Instant, limits: &StreamLimits) -> Instant {
        let (deadline, _) = self.deadline(limits);
        self.pause.as_ref().map(|pause| pause.until).filter(|until| *until > now).map_or(deadline, |until| until.min(deadline))
    }

    /// Ends the pause; whether there was one.
    pub(super) fn resume(&mut self, now: Instant) -> bool {
        self.pause.as_mut().map(|pause| pause.until = now).is_some()
    }

    /// When it has lived long enough, and why then.
    pub(super) fn deadline(&self, limits: &StreamLimits) -> (Instant, End) {
        let stalled = self.stalled_since.map(|since| (since + limits.half_message, End::Stalled));
        match self.stage {
            Stage::Connecting => (self.opened + limits.connect, End::NotOpened(NotOpened::Late)),
            Stage::HalfClosed { since, was_owed } => {
                let until = match (was_owed, self.is_vouched) {
                    (false, _) => since + limits.half_message,
                    // Nobody knows how long its INVITE will ring.
                    (true, true) => since + limits.idle,
                    (true, false) => since.max(self.answered) + ANSWER_MAX.min(limits.idle),
                };
                stalled.filter(|&(at, _)| at < until).unwrap_or((until, End::Peer))
            }
            Stage::Broken { until } | Stage::Draining { until, .. } => (until, self.ends_as),
            Stage::Open => {
                // Nobody is blamed for a silence that we have ordered.
                let heard = self.pause.as_ref().map_or(self.heard, |pause| pause.until.max(self.heard));
                let idle = if self.is_vouched {
                    heard + limits.idle
                } else {
                    let patience = if self.owed > 0 { limits.idle_stranger.max(ANSWER_MAX) } else { limits.idle_stranger };
                    heard.max(self.answered) + patience.min(limits.idle)
                };
                let ends = [
                    (self.origin == Origin::Peer && !self.has_spoken).then(|| (self.opened + limits.first_message, End::Slow)),
                    self.half_since.map(|since| (since + limits.half_message, End::Slow)),
                    stalled,
                    Some((idle, End::Idle)),
                ];
                ends.into_iter().flatten().min_by_key(|(at, _)| *at).unwrap_or((idle, End::Idle))
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
