//! From a datagram to an index of its parts. One pass, nothing copied, nothing guessed.

use bytes::Bytes;

use super::{
    CSeq, FieldError, Message, Method, Name, NameAddr, Params, Via,
    cursor::{digits, is_lws, is_token, trim},
    fields,
};
use crate::uri;

/// Octets of the largest message, by whatever transport: what a datagram can hold (RFC 3261, 18.1.1).
pub const MESSAGE_MAX: usize = 65_535;
/// Header lines in one message.
pub const HEADERS_MAX: usize = 256;
/// Octets of a start line or of one header with its folds.
pub const LINE_MAX: usize = 8_192;
/// Header lines that need no memory beyond the index itself.
const LINES_INLINE: usize = 24;

/// A message that cannot be taken as it is.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    kind: ParseErrorKind,
    reply: Option<Box<Reply400>>,
}

impl ParseError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// What it takes to refuse it. `None`: drop it silently, because it is a response, an ACK, no SIP, or names no Via.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply400> {
        self.reply.as_deref()
    }
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// Nothing but line ends: a keep-alive (RFC 5626, 3.5.1). Not an error of the peer.
    #[error("keep-alive")]
    KeepAlive,
    /// More than [`MESSAGE_MAX`] octets, and its head has no end within them: 513 (RFC 3261, 21.5.14).
    #[error("message too large")]
    TooLarge,
    /// More than [`MESSAGE_MAX`] octets, of which the head is the smaller part that fits: 413 (RFC 3261, 21.4.11).
    #[error("body too large")]
    BodyTooLarge,
    /// More than [`HEADERS_MAX`] header lines.
    #[error("too many headers")]
    TooManyHeaders,
    /// A line of more than [`LINE_MAX`] octets.
    #[error("line too long")]
    LineTooLong,
    /// Neither a request line nor a status line.
    #[error("malformed start line")]
    StartLine,
    /// The Request-URI breaks the grammar, or carries headers (RFC 3261, 19.1.1).
    #[error("malformed request URI")]
    RequestUri,
    /// Not SIP/2.0: 505.
    #[error("SIP version not supported")]
    Version,
    /// A status outside 100 to 699.
    #[error("malformed status")]
    Status,
    /// A line end that is not CRLF.
    #[error("stray CR or LF")]
    LineEnd,
    /// A header line without a name and a colon.
    #[error("malformed header line")]
    HeaderLine,
    /// No empty line ends the head.
    #[error("incomplete head")]
    Incomplete,
    /// Content-Length is not of digits, or two of them differ.
    #[error("malformed Content-Length")]
    ContentLength,
    /// Content-Length exceeds what came (RFC 3261, 18.3).
    #[error("Content-Length exceeds the message")]
    Truncated,
    /// The CSeq's method is not the request's (RFC 3261, 8.1.1.5).
    #[error("CSeq method mismatch")]
    MethodMismatch,
    /// A header that every message needs.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl ParseErrorKind {
    /// The status that refuses it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::TooLarge => 513,
            Self::BodyTooLarge => 413,
            _ => 400,
        }
    }
}

/// A broken request that can still be answered: [`crate::message::Reply400::response`].
#[derive(Debug, Clone)]
pub struct Reply400 {
    pub(super) message: Message,
    pub(super) kind: ParseErrorKind,
}

/// A range of octets of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    from: u16,
    to: u16,
}

impl Span {
    /// Heads end before [`MESSAGE_MAX`], so every offset fits.
    fn new(from: usize, to: usize) -> Self {
        Self { from: u16::try_from(from).unwrap_or(u16::MAX), to: u16::try_from(to).unwrap_or(u16::MAX) }
    }

    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(usize::from(self.from)..usize::from(self.to)).unwrap_or_default()
    }

    /// Where `part`, a piece of `whole`, lies when `whole` begins at `base`.
    fn within(base: usize, whole: &[u8], part: &[u8]) -> Self {
        let from = base + (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
        Self::new(from, from + part.len())
    }
}

/// A header line: its kind, its name, its value without blanks around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) kind: Name,
    pub(super) name: Span,
    pub(super) value: Span,
}

/// What the start line says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Request { method: Method, token: Span, uri: Span },
    Response { status: u16, reason: Span },
}

/// Where the parts of Via, From and To are, and the Call-ID.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) via: KnownVia,
    pub(super) from: KnownAddr,
    pub(super) to: KnownAddr,
    pub(super) call_id: Span,
    cseq: Span,
}

/// The topmost Via.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownVia {
    line: Span,
    transport: Span,
    host: Span,
    port: Option<u16>,
    params: Span,
    branch: Option<Span>,
    has_rport: bool,
}

/// From or To.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownAddr {
    line: Span,
    display: Span,
    uri: Span,
    params: Span,
    tag: Option<Span>,
}

impl KnownVia {
    fn of(base: usize, line: &[u8]) -> Result<Self, FieldError> {
        let (via, branch, has_rport) = Via::with_branch(line)?;
        let span = |part: &[u8]| Span::within(base, line, part);
        Ok(Self {
            line: span(line),
            transport: span(via.transport),
            host: span(via.host),
            port: via.port,
            params: span(via.params.as_bytes()),
            branch: branch.map(span),
            has_rport,
        })
    }

    pub(super) fn view<'m>(&self, bytes: &'m [u8]) -> Via<'m> {
        let params = Params::checked(self.params.of(bytes));
        Via { transport: self.transport.of(bytes), host: self.host.of(bytes), port: self.port, params }
    }

    pub(super) fn branch<'m>(&self, bytes: &'m [u8]) -> Option<&'m [u8]> {
        self.branch.map(|span| span.of(bytes))
    }

    /// It asks for `rport` (RFC 3581).
    pub(super) fn has_rport(&self) -> bool {
        self.has_rport
    }
}

impl KnownAddr {
    fn of(base: usize, line: &[u8], kind: Name) -> Result<Self, FieldError> {
        let (addr, tag) = NameAddr::with_tag(line, kind)?;
        let span = |part: &[u8]| Span::within(base, line, part);
        let display = if addr.display.is_empty() { Span::default() } else { span(addr.display) };
        Ok(Self { line: span(line), display, uri: span(addr.uri), params: span(addr.params.as_bytes()), tag: tag.map(span) })
    }

    pub(super) fn view<'m>(&self, bytes: &'m [u8]) -> NameAddr<'m> {
        NameAddr { display: self.display.of(bytes), uri: self.uri.of(bytes), params: Params::checked(self.params.of(bytes)) }
    }

    pub(super) fn tag<'m>(&self, bytes: &'m [u8]) -> Option<&'m [u8]> {
        self.tag.map(|span| span.of(bytes))
    }
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) start: Start,
    inline: [Line; LINES_INLINE],
    inline_used: usize,
    /// All lines, once they are more than fit `inline`.
    spilled: Vec<Line>,
    pub(super) cseq: CSeq,
    pub(super) cseq_method: Span,
    /// The parts of what is asked for again and again; `None` in a message that was not taken.
    pub(super) known: Option<Known>,
    /// Where the body begins; it ends with the message.
    pub(super) body: usize,
}

impl Index {
    fn new() -> Self {
        const EMPTY: Span = Span { from: 0, to: 0 };
        const LINE: Line = Line { kind: Name::Other, name: EMPTY, value: EMPTY };
        Self {
            start: Start::Request { method: Method::Other, token: EMPTY, uri: EMPTY },
            inline: [LINE; LINES_INLINE],
            inline_used: 0,
            spilled: Vec::new(),
            cseq: CSeq { number: 0, method: Method::Other },
            cseq_method: EMPTY,
            known: None,
            body: 0,
        }
    }

    pub(super) fn lines(&self) -> &[Line] {
        if self.spilled.is_empty() { self.inline.get(..self.inline_used).unwrap_or_default() } else { &self.spilled }
    }

    fn len(&self) -> usize {
        self.lines().len()
    }

    fn push(&mut self, line: Line) {
        if self.spilled.is_empty() {
            if let Some(place) = self.inline.get_mut(self.inline_used) {
                *place = line;
                self.inline_used += 1;
                return;
            }
            self.spilled.extend_from_slice(&self.inline);
        }
        self.spilled.push(line);
    }

    /// The first line of that kind.
    pub(super) fn first(&self, kind: Name) -> Option<Span> {
        let known = self.known.as_ref().and_then(|known| match kind {
            Name::Via => Some(known.via.line),
            Name::From => Some(known.from.line),
            Name::To => Some(known.to.line),
            Name::CallId => Some(known.call_id),
            Name::CSeq => Some(known.cseq),
            _ => None,
        });
        known.or_else(|| self.lines().iter().find(|line| line.kind == kind && kind != Name::Other).map(|line| line.value))
    }
}

/// Reads a datagram. The message ends where its Content-Length says; what follows is ignored (RFC 3261, 18.3).
pub(super) fn parse(datagram: Bytes) -> Result<Message, ParseError> {
    // RFC 3261, 7.5: line ends before the start line mean nothing.
    let lead = datagram.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
    let mut bytes = datagram.slice(lead..);
    if bytes.is_empty() {
        return Err(ParseError { kind: ParseErrorKind::KeepAlive, reply: None });
    }
    let mut scan = Scan { bytes: &bytes, index: Index::new(), end: bytes.len(), is_cut: false, problem: None };
    scan.run();
    let Scan { index, end, problem, .. } = scan;
    let answerable = match index.start {
        Start::Request { method, .. } => method != Method::Ack && index.first(Name::Via).is_some(),
        Start::Response { .. } => false,
    };
    bytes.truncate(end);
    let message = Message::new(bytes, index);
    match problem {
        None => Ok(message),
        Some(kind) => Err(ParseError { kind, reply: answerable.then(|| Box::new(Reply400 { message, kind })) }),
    }
}

/// One reading of one datagram. It goes on after the first problem, for the sake of the answer.
struct Scan<'a> {
    bytes: &'a [u8],
    index: Index,
    end: usize,
    /// It is longer than a message may be.
    is_cut: bool,
    problem: Option<ParseErrorKind>,
}

impl<'a> Scan<'a> {
    fn run(&mut self) {
        // Only what fits is read.
        self.is_cut = self.bytes.len() > MESSAGE_MAX;
        if self.is_cut {
            self.bytes = self.bytes.get(..MESSAGE_MAX).unwrap_or_default();
            // Nobody is to be blamed for a line end that we cut.
            self.bytes = self.bytes.strip_suffix(b"\r").unwrap_or(self.bytes);
            self.end = self.bytes.len();
        }
        let Some(start) = self.line(0) else {
            // No line at all: nothing that could be answered.
            self.index.start = Start::Response { status: 0, reason: Span::default() };
            return self.blame(if self.is_cut { ParseErrorKind::TooLarge } else { ParseErrorKind::StartLine });
        };
        self.start_line(start.content);
        let Some(body) = self.headers(start.next) else {
            return self.blame(if self.is_cut { ParseErrorKind::TooLarge } else { ParseErrorKind::Incomplete });
        };
        self.index.body = body;
        match self.message_end(body) {
            Ok(end) => self.end = end,
            Err(kind) => self.blame(kind),
        }
        if self.problem.is_none() {
            // Whatever was wrong above is reported first.
            if let Err(kind) = self.essentials() {
                self.blame(kind);
            }
        }
    }

    /// The first problem is the one told.
    fn blame(&mut self, kind: ParseErrorKind) {
        self.problem.get_or_insert(kind);
    }

    /// The line that begins at `from`; `None` when nothing ends it.
    fn line(&mut self, from: usize) -> Option<RawLine<'a>> {
        let rest = self.bytes.get(from..)?;
        let at = memchr::memchr2(b'\r', b'\n', rest)?;
        let content = rest.get(..at)?;
        let length = if rest.get(at..at + 2) == Some(b"\r\n") {
            2
        } else {
            // To be strict here keeps two readers of one message from seeing different headers.
            self.blame(ParseErrorKind::LineEnd);
            1
        };
        if content.len() > LINE_MAX {
            self.blame(ParseErrorKind::LineTooLong);
        }
        Some(RawLine { content, next: from + at + length })
    }

    fn start_line(&mut self, line: &[u8]) {
        let is_response = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
        let outcome = if is_response { self.status_line(line) } else { self.request_line(line) };
        if let Err(kind) = outcome {
            self.blame(kind);
        }
    }

    /// `SIP/2.0 180 Ringing`; some leave out the blank before an empty phrase.
    fn status_line(&mut self, line: &[u8]) -> Result<(), ParseErrorKind> {
        self.index.start = Start::Response { status: 0, reason: Span::default() };
        let mut parts = line.splitn(3, |&byte| byte == b' ');
        let version = parts.next().unwrap_or_default();
        let status = parts.next().unwrap_or_default();
        let reason = parts.next().map_or(Span::new(line.len(), line.len()), |reason| Span::within(0, line, reason));
        if !version.eq_ignore_ascii_case(VERSION) {
            return Err(ParseErrorKind::Version);
        }
        let code = digits(status).and_then(|code| u16::try_from(code).ok());
        let code = code.filter(|code| status.len() == 3 && (100..700).contains(code)).ok_or(ParseErrorKind::Status)?;
        self.index.start = Start::Response { status: code, reason };
        Ok(())
    }

    /// `INVITE sip:user@host SIP/2.0`, parted by exactly one blank each (RFC 3261, 7.1).
    fn request_line(&mut self, line: &[u8]) -> Result<(), ParseErrorKind> {
        let blank = memchr::memchr(b' ', line).ok_or(ParseErrorKind::StartLine);
        let (token, rest) = blank.map(|at| line.split_at(at))?;
        let method = Method::of(token);
        self.index.start = Start::Request { method, token: Span::within(0, line, token), uri: Span::default() };
        if token.is_empty() || !token.iter().copied().all(is_token) {
            // Not even a method: no SIP, and no answer.
            self.index.start = Start::Response { status: 0, reason: Span::default() };
            return Err(ParseErrorKind::StartLine);
        }
        let rest = rest.get(1..).unwrap_or_default();
        let last = memchr::memrchr(b' ', rest).ok_or(ParseErrorKind::StartLine)?;
        let (uri, version) = rest.split_at(last);
        let version = version.get(1..).unwrap_or_default();
        self.index.start = Start::Request { method, token: Span::within(0, line, token), uri: Span::within(0, line, uri) };
        if !version.eq_ignore_ascii_case(VERSION) {
            let is_version = version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
            return Err(if is_version { ParseErrorKind::Version } else { ParseErrorKind::StartLine });
        }
        if uri.iter().copied().any(is_lws) {
            return Err(ParseErrorKind::StartLine);
        }
        if uri::is_request_uri(uri) { Ok(()) } else { Err(ParseErrorKind::RequestUri) }
    }

    /// Indexes the header lines from `at` on; where the body begins, when an empty line comes.
    fn headers(&mut self, mut at: usize) -> Option<usize> {
        loop {
            let from = at;
            let line = self.line(from)?;
            at = line.next;
            if line.content.is_empty() {
                return Some(at);
            }
            let mut to = from + line.content.len();
            // A line that begins with a blank goes on with the one before (7.3.1).
            while self.bytes.get(at).is_some_and(|&byte| matches!(byte, b' ' | b'\t')) {
                let fold = self.line(at)?;
                to = at + fold.content.len();
                at = fold.next;
            }
            if to - from > LINE_MAX {
                self.blame(ParseErrorKind::LineTooLong);
            }
            if self.index.len() == HEADERS_MAX {
                self.blame(ParseErrorKind::TooManyHeaders);
                return None;
            }
            let line = self.bytes.get(from..to).unwrap_or_default();
            match header_line(line) {
                Some((name, value)) => {
                    let span = |part| Span::within(from, line, part);
                    self.index.push(Line { kind: Name::of(name), name: span(name), value: span(value) });
                }
                None => self.blame(ParseErrorKind::HeaderLine),
            }
        }
    }

    /// Where the message ends whose body begins at `body`.
    fn message_end(&self, body: usize) -> Result<usize, ParseErrorKind> {
        let mut announced = None;
        for line in self.index.lines().iter().filter(|line| line.kind == Name::ContentLength) {
            let length = digits(line.value.of(self.bytes)).ok_or(ParseErrorKind::ContentLength)?;
            if announced.replace(length).is_some_and(|first| first != length) {
                return Err(ParseErrorKind::ContentLength);
            }
        }
        let too_long = if self.is_cut { ParseErrorKind::BodyTooLarge } else { ParseErrorKind::Truncated };
        match announced {
            // RFC 3261, 18.3: over UDP a message without the header runs to the end of the datagram.
            None if self.is_cut => Err(too_long),
            None => Ok(self.bytes.len()),
            Some(length) => {
                let end = usize::try_from(length).ok().and_then(|length| body.checked_add(length));
                end.filter(|&end| end <= self.bytes.len()).ok_or(too_long)
            }
        }
    }

    /// What every message must have (RFC 3261, 8.1.1), so that nobody downstream need ask again.
    fn essentials(&mut self) -> Result<(), ParseErrorKind> {
        let mut via = None;
        let (mut from, mut to, mut call_id, mut cseq, mut max_forwards) = (None, None, None, None, None);
        for line in self.index.lines() {
            let single = match line.kind {
                Name::Via => {
                    via.get_or_insert(line.value);
                    continue;
                }
                Name::From => &mut from,
                Name::To => &mut to,
                Name::CallId => &mut call_id,
                Name::CSeq => &mut cseq,
                Name::MaxForwards => &mut max_forwards,
                _ => continue,
            };
            if single.replace(line.value).is_some() {
                return Err(FieldError::Repeated(line.kind).into());
            }
        }
        let bytes = self.bytes;
        let span = |span: Option<Span>, kind| span.ok_or(FieldError::Missing(kind));
        let (via, from, to) = (span(via, Name::Via)?, span(from, Name::From), span(to, Name::To));
        let via = KnownVia::of(usize::from(via.from), via.of(bytes))?;
        let addr = |span: Span, kind| KnownAddr::of(usize::from(span.from), span.of(bytes), kind);
        let from = from.and_then(|from| addr(from, Name::From))?;
        let to = to.and_then(|to| addr(to, Name::To))?;
        let call_id = span(call_id, Name::CallId)?;
        fields::call_id(call_id.of(bytes))?;
        let cseq = span(cseq, Name::CSeq)?;
        self.index.known = Some(Known { via, from, to, call_id, cseq });
        let (number, token) = fields::cseq(cseq.of(bytes))?;
        if let Some(span) = max_forwards {
            super::max_forwards(span.of(bytes))?;
        }
        self.index.cseq_method = Span::within(usize::from(cseq.from), cseq.of(bytes), token);
        self.index.cseq = CSeq { number, method: Method::of(token) };
        match self.index.start {
            Start::Request { token: method, .. } if method.of(bytes) != token => Err(ParseErrorKind::MethodMismatch),
            _ => Ok(()),
        }
    }
}

const VERSION: &[u8] = b"SIP/2.0";

struct RawLine<'a> {
    content: &'a [u8],
    next: usize,
}

/// `Name : value`: the name, and the value without the blanks around it. Its folds stay.
pub(crate) fn header_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let name_length = line.iter().position(|&byte| !is_token(byte))?;
    let (name, rest) = line.split_at_checked(name_length)?;
    let blanks = rest.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
    let (&b':', value) = rest.get(blanks..)?.split_first()? else { return None };
    (!name.is_empty()).then(|| (name, trim(value)))
}
