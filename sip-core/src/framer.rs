//! Cuts a byte stream into SIP messages (RFC 3261, 18.3; RFC 5626, 3.5.1). Pure: octets in, frames out.
//!
//! A frame ends where the message's Content-Length says, read as the parser reads it, so that no two readers of one stream see different
//! messages in it. What leaves a doubt about where the next message begins ends the stream: there is no second guess (B-34).

use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;

use crate::{
    flow::Flow,
    message::{HEADERS_MAX, MESSAGE_MAX, Message, Method, Name, Reply400, digits, header_line, is_token, response_head},
};

/// How much of one message a [`Framer`] takes; never more than [`MESSAGE_MAX`] octets in all, for that is what the parser takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramerLimits {
    /// Octets of start line and headers, with the empty line that ends them.
    pub head_max: usize,
    /// Octets of the body.
    pub body_max: usize,
}

impl Default for FramerLimits {
    /// Whatever the parser takes: [`MESSAGE_MAX`] octets, of head or of body.
    fn default() -> Self {
        Self { head_max: MESSAGE_MAX, body_max: MESSAGE_MAX }
    }
}

/// One piece of a stream.
#[derive(Debug, Clone)]
pub enum Frame {
    /// One whole message, from its start line to the end of its body, for [`Message::parse`].
    Message(Bytes),
    /// A double CRLF between messages: a keep-alive, to be answered with one CRLF (RFC 5626, 4.4.1). However many lie together are told once.
    Ping,
    /// Where the next message begins is unknown: nothing more comes out of this stream, and it must be closed.
    Broken {
        /// What to send before closing; `None` for a response, an ACK, or what names nobody to be answered.
        answer: Option<Refusal>,
        /// Why.
        why: FrameError,
    },
}

/// Why a stream cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FrameError {
    /// Content-Length is not of digits, or two of them differ.
    #[error("malformed Content-Length")]
    ContentLength,
    /// A stream needs the header (RFC 3261, 18.3 and 20.14): without it a body would be taken for the next message.
    #[error("missing Content-Length")]
    NoContentLength,
    /// More than [`FramerLimits::body_max`] octets are announced, or with the head more than [`MESSAGE_MAX`]: 413 (RFC 3261, 21.4.11).
    #[error("body too large")]
    BodyTooLarge,
    /// No empty line within [`FramerLimits::head_max`] octets, or [`MESSAGE_MAX`]: 513 (RFC 3261, 21.5.14).
    #[error("head too large")]
    HeadTooLarge,
    /// A line of the head ends in something else than CRLF: whoever reads on may see other headers than we.
    #[error("stray CR or LF")]
    LineEnd,
    /// What begins here cannot be a start line: TLS, or noise.
    #[error("not SIP")]
    NotSip,
}

impl FrameError {
    /// The status that refuses it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::HeadTooLarge => 513,
            _ => 400,
        }
    }
}

/// The answer to a request that broke its stream.
#[derive(Debug, Clone)]
pub struct Refusal(Box<Refused>);

#[derive(Debug, Clone)]
enum Refused {
    /// Sound but for what the framer minds.
    Sound(Message, FrameError),
    /// The parser minds more.
    Broken(Reply400),
}

impl Refusal {
    /// The whole response, to be sent by the stream that the request came by.
    #[must_use]
    pub fn response(&self, flow: Flow) -> Bytes {
        match &*self.0 {
            Refused::Broken(reply) => reply.response(flow).1,
            Refused::Sound(request, why) => {
                let status = why.status();
                let reason = if status == 400 { format!("Bad Request - {why}") } else { String::new() };
                let mut hasher = DefaultHasher::new();
                hasher.write(request.bytes());
                let tag = format!("{:016x}", hasher.finish());
                response_head(request, flow, status, &reason, Some(&tag)).end()
            }
        }
    }
}

/// One direction of one stream. Takes octets as they come and gives frames as they are whole.
///
/// ```text
///            other octet            empty line              all octets of the body
/// Between ───────────────▶ Head ────────────────▶ Body ───────────────────────────▶ Between
///    ▲ │ CR, LF             │ Content-Length, line ends, limits
///    └─┘                    └────────────────────────────▶ Broken
/// ```
///
/// Every octet is looked at once, however it is split, and nothing is kept but the message that is not yet whole.
#[derive(Debug)]
pub struct Framer {
    limits: FramerLimits,
    /// What came and is not given yet, from `taken` on.
    buffer: Vec<u8>,
    taken: usize,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Between two messages; so many octets of a double CRLF were seen.
    Between(u8),
    Head(Head),
    /// A message of so many octets.
    Body(usize),
    Broken,
}

/// A head that is being read. Offsets count from the message's first octet.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    /// Up to here all octets were looked at.
    seen: usize,
    /// Where the current line begins.
    line: usize,
    /// The last header line with its folds, which may go on with the next line; `None` before the first.
    header: Option<(usize, usize)>,
    announced: Option<u64>,
    problem: Option<FrameError>,
}

impl Framer {
    /// At the beginning of a stream.
    #[must_use]
    pub fn new(limits: FramerLimits) -> Self {
        Self { limits, buffer: Vec::new(), taken: 0, state: State::Between(0) }
    }

    /// Takes what was read. Call [`Framer::next`] until it gives `None` before feeding more: only then is a framer bounded by its limits.
    pub fn feed(&mut self, octets: &[u8]) {
        if matches!(self.state, State::Broken) {
            return;
        }
        if self.taken > 0 {
            self.buffer.drain(..self.taken.min(self.buffer.len()));
            self.taken = 0;
        }
        if self.buffer.is_empty() {
            // Most often this is one whole message, which is then given away with its memory.
            self.buffer.reserve_exact(octets.len());
        }
        self.buffer.extend_from_slice(octets);
    }

    /// Whether no message is half read: a stream that is closed now loses nothing.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Between(_) | State::Broken) && self.taken >= self.buffer.len()
    }

    /// Octets that wait for the rest of their message.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len().saturating_sub(self.taken)
    }

    /// The next frame that is whole.
    #[expect(clippy::should_implement_trait, reason = "the end of what was fed is not the end of the stream")]
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            match self.state {
                State::Between(crlf) => {
                    if self.skip_line_ends(crlf) {
                        return Some(Frame::Ping);
                    }
                    let first = self.rest().first().copied();
                    if first.is_some_and(|first| !is_token(first)) {
                        return Some(self.broken(FrameError::NotSip));
                    }
                    if first.is_none() {
                        self.release();
                        return None;
                    }
                    self.state = State::Head(Head::default());
                }
                State::Head(mut head) => {
                    let end = head.read(self.rest());
                    if head.seen > self.limits.head_max.min(MESSAGE_MAX) {
                        return Some(self.broken(FrameError::HeadTooLarge));
                    }
                    let Some(end) = end else {
                        self.state = State::Head(head);
                        return None;
                    };
                    match head.total(end, self.limits) {
                        Ok(total) => self.state = State::Body(total),
                        Err(why) => return Some(self.broken(why)),
                    }
                }
                State::Body(total) => {
                    let message = self.take(total)?;
                    self.state = State::Between(0);
                    return Some(Frame::Message(message));
                }
                State::Broken => return None,
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    /// Passes over line ends between messages (RFC 3261, 7.5); whether there was a double CRLF among them.
    fn skip_line_ends(&mut self, mut crlf: u8) -> bool {
        let mut ping = false;
        let mut count = 0;
        for &byte in self.rest() {
            crlf = match (byte, crlf) {
                (b'\r', 0 | 2) | (b'\n', 1 | 3) => crlf + 1,
                (b'\r', _) => 1,
                (b'\n', _) => 0,
                _ => break,
            };
            count += 1;
            if crlf == 4 {
                ping = true;
                crlf = 0;
            }
        }
        self.taken += count;
        self.state = State::Between(crlf);
        ping
    }

    /// The first `total` octets, once they are there.
    fn take(&mut self, total: usize) -> Option<Bytes> {
        let message = self.rest().get(..total)?;
        let is_all = self.taken == 0 && total == self.buffer.len() && total == self.buffer.capacity();
        if is_all {
            return Some(Bytes::from(std::mem::take(&mut self.buffer)));
        }
        let message = Bytes::copy_from_slice(message);
        self.taken += total;
        if self.taken == self.buffer.len() {
            self.release();
        }
        Some(message)
    }

    /// An idle stream costs no memory: there are thousands of them.
    fn release(&mut self) {
        self.buffer = Vec::new();
        self.taken = 0;
    }

    fn broken(&mut self, why: FrameError) -> Frame {
        let answer = refusal(self.rest(), why);
        self.release();
        self.state = State::Broken;
        Frame::Broken { answer, why }
    }
}

impl Head {
    /// Reads on in `octets`, which begin with the message; where the head ends, once it does.
    fn read(&mut self, octets: &[u8]) -> Option<usize> {
        loop {
            let rest = octets.get(self.seen..)?;
            let Some(at) = memchr::memchr2(b'\r', b'\n', rest) else {
                self.seen = octets.len();
                return None;
            };
            let end = self.seen + at;
            let next = match (rest.get(at), rest.get(at + 1)) {
                (Some(b'\r'), Some(b'\n')) => end + 2,
                (Some(b'\r'), None) => {
                    // What follows decides.
                    self.seen = end;
                    return None;
                }
                _ => {
                    self.blame(FrameError::LineEnd);
                    end + 1
                }
            };
            let from = std::mem::replace(&mut self.line, next);
            self.seen = next;
            self.end_of_line(octets, from, end);
            if from == end {
                return Some(next);
            }
        }
    }

    /// A line `from..to` is whole. It goes on with the header before it, or ends it.
    fn end_of_line(&mut self, octets: &[u8], from: usize, to: usize) {
        if from == 0 {
            // The start line.
            return;
        }
        // RFC 3261, 7.3.1: a line that begins with a blank goes on with the one before.
        let is_fold = matches!(octets.get(from), Some(b' ' | b'\t')) && from < to;
        match &mut self.header {
            Some((_, end)) if is_fold => *end = to,
            header => {
                let before = header.replace((from, to));
                if let Some(value) = before.and_then(|(from, to)| octets.get(from..to)).and_then(content_length) {
                    self.announce(value);
                }
            }
        }
    }

    fn announce(&mut self, value: &[u8]) {
        match digits(value) {
            Some(length) if self.announced.is_none_or(|first| first == length) => self.announced = Some(length),
            _ => self.blame(FrameError::ContentLength),
        }
    }

    /// The first problem is the one told.
    fn blame(&mut self, why: FrameError) {
        self.problem.get_or_insert(why);
    }

    /// How long the message is whose head ends at `end`.
    fn total(&self, end: usize, limits: FramerLimits) -> Result<usize, FrameError> {
        if let Some(why) = self.problem {
            return Err(why);
        }
        let announced = self.announced.ok_or(FrameError::NoContentLength)?;
        let body = usize::try_from(announced).ok().filter(|&body| body <= limits.body_max);
        let total = body.and_then(|body| end.checked_add(body)).filter(|&total| total <= MESSAGE_MAX);
        total.ok_or(FrameError::BodyTooLarge)
    }
}

/// The value of a header line, if it is a Content-Length.
fn content_length(line: &[u8]) -> Option<&[u8]> {
    if !matches!(line.first(), Some(b'c' | b'C' | b'l' | b'L')) {
        return None;
    }
    header_line(line).filter(|(name, _)| Name::of(name) == Name::ContentLength).map(|(_, value)| value)
}

/// How to refuse the request that `octets` begin with: of its head only what an answer repeats is read (RFC 3261, 8.2.6.2).
fn refusal(octets: &[u8], why: FrameError) -> Option<Refusal> {
    if why == FrameError::NotSip {
        return None;
    }
    let mut skeleton = Vec::new();
    let mut keep = true;
    for (at, line) in lines(octets).enumerate().take(HEADERS_MAX) {
        if line.is_empty() {
            break;
        }
        let is_fold = matches!(line.first(), Some(b' ' | b'\t'));
        if at > 0 && !is_fold {
            let name = header_line(line).map(|(name, _)| Name::of(name));
            keep = matches!(name, Some(Name::Via | Name::From | Name::To | Name::CallId | Name::CSeq));
        }
        if keep {
            skeleton.extend_from_slice(line);
            skeleton.extend_from_slice(b"\r\n");
        }
    }
    skeleton.extend_from_slice(b"\r\n");
    let refused = match Message::parse(skeleton.into()) {
        Ok(message) if message.is_request() && message.method() != Method::Ack => Refused::Sound(message, why),
        Ok(_) => return None,
        Err(error) => Refused::Broken(error.reply()?.clone()),
    };
    Some(Refusal(Box::new(refused)))
}

/// The lines that are whole, whatever ends them.
fn lines(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let at = memchr::memchr2(b'\r', b'\n', rest)?;
        let (line, after) = rest.split_at_checked(at)?;
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..))?;
        Some(line)
    })
}
