//! Cuts the octets of a WebSocket into SIP messages (RFC 6455; RFC 7118), on the server's side, once the opening handshake is over. Pure:
//! octets in, frames out, as [`crate::framer`] does for streams.
//!
//! A message of the WebSocket is a message of SIP (RFC 7118, 5.2), in one frame or in pieces. Whatever the client may not do ends it with the
//! code that RFC 6455, 7.4.1 has for it (B-40); there are no extensions, for none was agreed on.

use bytes::Bytes;

use crate::message::MESSAGE_MAX;

/// What a stream of a WebSocket brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebFrame {
    /// One whole message, for [`crate::Message::parse`].
    Message(Bytes),
    /// A message of line ends alone: a keep-alive as over TCP, which old clients send. To be answered with one CRLF in a frame
    /// ([`frame_head`]).
    KeepAlive,
    /// A Ping, and the Pong that answers it, ready to be sent (RFC 6455, 5.5.2).
    Ping {
        /// The answer.
        pong: Bytes,
    },
    /// The client closes: nothing more comes out of it. `answer` is to be sent, and then the stream to be closed (RFC 6455, 5.5.1).
    Close {
        /// Our Close.
        answer: Bytes,
    },
    /// The client did what it may not: nothing more comes out of it, and it must be closed (RFC 6455, 7.1.7).
    Broken {
        /// Our Close, which says why.
        answer: Bytes,
        /// Why.
        why: WebError,
    },
}

/// What a client may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WebError {
    /// A frame of a client is masked, always (RFC 6455, 5.1).
    #[error("a frame without mask")]
    Unmasked,
    /// A bit that only an extension could set (RFC 6455, 5.2).
    #[error("a reserved bit is set")]
    Reserved,
    /// An opcode that there is not.
    #[error("unknown opcode")]
    Opcode,
    /// A control frame in pieces, or of more than 125 octets (RFC 6455, 5.5); or the code of a Close is cut or not one that may be sent.
    #[error("malformed control frame")]
    Control,
    /// A continuation of nothing, or a new message within another.
    #[error("pieces out of order")]
    Pieces,
    /// A length in more octets than it takes, or with its highest bit set (RFC 6455, 5.2).
    #[error("malformed length")]
    Length,
    /// A text that is not UTF-8 (RFC 6455, 8.1).
    #[error("a text that is not UTF-8")]
    Text,
    /// More than [`MESSAGE_MAX`] octets in one message.
    #[error("message too large")]
    TooLarge,
    /// More pieces than a message of any use has.
    #[error("too many pieces")]
    TooManyPieces,
}

impl WebError {
    /// The code of our Close (RFC 6455, 7.4.1).
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Text => 1007,
            Self::TooLarge => 1009,
            Self::TooManyPieces => 1008,
            _ => 1002,
        }
    }
}

/// Pieces that one message may come in: a phone sends one, a proxy between us a few.
const PIECES_MAX: u32 = 64;

/// What one direction of a WebSocket is told and keeps.
///
/// ```text
///           ┌─ text, binary ──▶ whole message
/// Between ──┤
///    ▲      └─ first piece ──▶ Pieces ── last piece ──▶ whole message
///    │                           │ ▲
///    └── ping, pong, close ──────┘ └── further pieces
/// ```
///
/// Nothing is kept but the frame that is not yet whole and the pieces before it: at most [`MESSAGE_MAX`] octets of message, and what was fed
/// at once.
#[derive(Debug, Default)]
pub struct WebSocket {
    /// What came and is not taken yet, from `taken` on.
    buffer: Vec<u8>,
    taken: usize,
    /// The message whose pieces are coming.
    pieces: Option<Pieces>,
    is_over: bool,
}

#[derive(Debug)]
struct Pieces {
    is_text: bool,
    octets: Vec<u8>,
    count: u32,
}

/// A frame's head.
#[derive(Debug, Clone, Copy)]
struct Head {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Octets of the head itself, and of what follows.
    size: usize,
    payload: usize,
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes or less".
const CONTROL_MAX: usize = 125;

impl WebSocket {
    /// Just after the opening handshake.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was read. Call [`WebSocket::next`] until it gives `None` before feeding more.
    pub fn feed(&mut self, octets: &[u8]) {
        if self.is_over {
            return;
        }
        if self.taken > 0 {
            self.buffer.drain(..self.taken.min(self.buffer.len()));
            self.taken = 0;
        }
        self.buffer.extend_from_slice(octets);
    }

    /// Whether no message is half read.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.is_over || (self.taken >= self.buffer.len() && self.pieces.is_none())
    }

    /// Octets that wait for the rest of their message.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len().saturating_sub(self.taken) + self.pieces.as_ref().map_or(0, |pieces| pieces.octets.len())
    }

    /// The next frame that is whole.
    #[expect(clippy::should_implement_trait, reason = "the end of what was fed is not the end of the WebSocket")]
    pub fn next(&mut self) -> Option<WebFrame> {
        loop {
            if self.is_over {
                return None;
            }
            let head = match self.head() {
                Ok(Some(head)) => head,
                Ok(None) => {
                    self.release();
                    return None;
                }
                Err(why) => return Some(self.broken(why)),
            };
            let from = self.taken + head.size;
            let masked = self.buffer.get_mut(from..from + head.payload)?;
            unmask(masked, head.mask);
            let payload = Bytes::copy_from_slice(masked);
            self.taken = from + head.payload;
            match self.frame(head, payload) {
                Ok(None) => {}
                Ok(Some(frame)) => return Some(frame),
                Err(why) => return Some(self.broken(why)),
            }
        }
    }

    /// Reads the head of the next frame, once it is there; what can be refused by it is, before its payload is waited for.
    fn head(&self) -> Result<Option<Head>, WebError> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let [first, second, more @ ..] = rest else { return Ok(None) };
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 {
            return Err(WebError::Reserved);
        }
        if second & 0x80 == 0 {
            return Err(WebError::Unmasked);
        }
        let is_control = opcode & 0x8 != 0;
        let (length, size) = match (second & 0x7f, more) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 10),
            (126 | 127, _) if is_control => return Err(WebError::Control),
            (126 | 127, _) => return Ok(None),
            (short, _) => (u64::from(short), 2),
        };
        let is_shortest = match size {
            4 => length > 125,
            10 => length > u64::from(u16::MAX) && length >> 63 == 0,
            _ => true,
        };
        if !is_shortest {
            return Err(WebError::Length);
        }
        match opcode {
            CLOSE | PING | PONG => {
                if !is_last || length > CONTROL_MAX as u64 {
                    return Err(WebError::Control);
                }
            }
            CONTINUATION if self.pieces.is_none() => return Err(WebError::Pieces),
            TEXT | BINARY if self.pieces.is_some() => return Err(WebError::Pieces),
            CONTINUATION | TEXT | BINARY => {}
            _ => return Err(WebError::Opcode),
        }
        let before = if is_control { 0 } else { self.pieces.as_ref().map_or(0, |pieces| pieces.octets.len()) };
        let payload = usize::try_from(length).ok().filter(|payload| payload.saturating_add(before) <= MESSAGE_MAX);
        let payload = payload.ok_or(WebError::TooLarge)?;
        let Some(&[a, b, c, d]) = rest.get(size..size + 4) else { return Ok(None) };
        Ok(Some(Head { is_last, opcode, mask: [a, b, c, d], size: size + 4, payload }))
    }

    fn frame(&mut self, head: Head, payload: Bytes) -> Result<Option<WebFrame>, WebError> {
        match head.opcode {
            PING => Ok(Some(WebFrame::Ping { pong: control(PONG, &payload) })),
            PONG => Ok(None),
            CLOSE => {
                let answer = close_answer(&payload)?;
                self.end();
                Ok(Some(WebFrame::Close { answer }))
            }
            TEXT | BINARY if head.is_last => message(head.opcode == TEXT, payload).map(Some),
            TEXT | BINARY => {
                self.pieces = Some(Pieces { is_text: head.opcode == TEXT, octets: payload.to_vec(), count: 1 });
                Ok(None)
            }
            _ => {
                let Some(mut pieces) = self.pieces.take() else { return Err(WebError::Pieces) };
                pieces.octets.extend_from_slice(&payload);
                pieces.count += 1;
                if head.is_last {
                    return message(pieces.is_text, pieces.octets.into()).map(Some);
                }
                if pieces.count >= PIECES_MAX {
                    return Err(WebError::TooManyPieces);
                }
                self.pieces = Some(pieces);
                Ok(None)
            }
        }
    }

    /// An idle WebSocket costs no memory: there are thousands of them.
    fn release(&mut self) {
        if self.taken >= self.buffer.len() {
            self.buffer = Vec::new();
            self.taken = 0;
        }
    }

    fn end(&mut self) {
        *self = Self { is_over: true, ..Self::default() };
    }

    fn broken(&mut self, why: WebError) -> WebFrame {
        self.end();
        WebFrame::Broken { answer: control(CLOSE, &why.code().to_be_bytes()), why }
    }
}

/// The head of a frame of ours that holds all of `payload`: a text if it is UTF-8, as most of SIP is and as JsSIP likes it best, else binary.
#[must_use]
pub fn frame_head(payload: &[u8]) -> Bytes {
    let opcode = if std::str::from_utf8(payload).is_ok() { TEXT } else { BINARY };
    head(opcode, payload.len()).into()
}

fn head(opcode: u8, length: usize) -> Vec<u8> {
    let mut head = Vec::with_capacity(10);
    head.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => head.push(short),
        (_, Ok(medium)) => {
            head.push(126);
            head.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            head.push(127);
            head.extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    head
}

/// A control frame of ours. It has at most [`CONTROL_MAX`] octets, for what it repeats had no more.
fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = head(opcode, payload.len());
    frame.extend_from_slice(payload);
    frame.into()
}

/// RFC 6455, 5.5.1: a Close has no payload, or a code and a reason in UTF-8; it is answered with the same code.
fn close_answer(payload: &[u8]) -> Result<Bytes, WebError> {
    let code = match payload {
        [] => return Ok(control(CLOSE, &[])),
        [a, b, reason @ ..] => {
            std::str::from_utf8(reason).map_err(|_| WebError::Text)?;
            u16::from_be_bytes([*a, *b])
        }
        _ => return Err(WebError::Control),
    };
    // 7.4: what may stand in a frame at all.
    match code {
        1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(control(CLOSE, &code.to_be_bytes())),
        _ => Err(WebError::Control),
    }
}

fn message(is_text: bool, octets: Bytes) -> Result<WebFrame, WebError> {
    if is_text && std::str::from_utf8(&octets).is_err() {
        return Err(WebError::Text);
    }
    if !octets.is_empty() && octets.iter().all(|octet| matches!(octet, b'\r' | b'\n')) {
        return Ok(WebFrame::KeepAlive);
    }
    Ok(WebFrame::Message(octets))
}

/// RFC 6455, 5.3.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for four in payload.chunks_mut(4) {
        four.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "tests")]

    use super::*;

    /// A frame of a client: first octet, payload.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = head(first & 0x0f, payload.len());
        frame[0] = first;
        frame[1] |= 0x80;
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        frame.extend_from_slice(&mask);
        let at = frame.len();
        frame.extend_from_slice(payload);
        unmask(&mut frame[at..], mask);
        frame
    }

    fn read(octets: &[u8], piece: usize) -> Vec<WebFrame> {
        let mut socket = WebSocket::new();
        let mut frames = Vec::new();
        for octets in octets.chunks(piece) {
            socket.feed(octets);
            while let Some(frame) = socket.next() {
                frames.push(frame);
            }
        }
        frames
    }

    fn told(frame: &WebFrame) -> String {
        let text = |octets: &Bytes| String::from_utf8_lossy(octets).into_owned();
        match frame {
            WebFrame::Message(octets) => format!("message {}", text(octets)),
            WebFrame::KeepAlive => "keep-alive".to_owned(),
            WebFrame::Ping { pong } => format!("ping {}", text(&pong.slice(2..))),
            WebFrame::Close { answer } if answer.len() == 2 => "close".to_owned(),
            WebFrame::Close { answer } => format!("close {}", u16::from_be_bytes([answer[2], answer[3]])),
            WebFrame::Broken { answer, why } => {
                assert_eq!(answer[..2], [0x88, 2]);
                assert_eq!(u16::from_be_bytes([answer[2], answer[3]]), why.code());
                format!("broken {} {why}", why.code())
            }
        }
    }

    /// However the octets are split, the same comes out.
    fn check(octets: &[u8], expected: &[&str]) {
        for piece in [1, 2, 3, 7, octets.len().max(1)] {
            let frames: Vec<String> = read(octets, piece).iter().map(told).collect();
            assert_eq!(frames, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn messages_come_out_whole() {
        // The example of RFC 6455, 5.7, and others.
        check(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58], &["message Hello"]);
        check(&masked(0x82, b"binary"), &["message binary"]);
        check(&[masked(0x01, b"OPT"), masked(0x00, b"IO"), masked(0x80, b"NS")].concat(), &["message OPTIONS"]);
        check(&[masked(0x81, b"one"), masked(0x82, b"two"), masked(0x81, b"")].concat(), &["message one", "message two", "message "]);
        check(&masked(0x81, b"\r\n\r\n"), &["keep-alive"]);
        let medium = vec![b'm'; 126];
        let large = vec![b'l'; 40_000];
        for payload in [&medium, &large] {
            check(&masked(0x82, payload), &[&format!("message {}", String::from_utf8_lossy(payload))]);
        }
    }

    #[test]
    fn control_frames_come_between_pieces() {
        let octets = [masked(0x01, b"OP"), masked(0x89, b"are you there"), masked(0x8a, b""), masked(0x80, b"TIONS")].concat();
        check(&octets, &["ping are you there", "message OPTIONS"]);
        check(&masked(0x89, &[b'x'; 125]), &[&format!("ping {}", "x".repeat(125))]);
        let pong = read(&masked(0x89, b"hi"), 99);
        assert_eq!(pong, [WebFrame::Ping { pong: Bytes::from_static(&[0x8a, 2, b'h', b'i']) }]);
    }

    #[test]
    fn a_close_is_answered_and_nothing_follows_it() {
        check(&[masked(0x88, &[]), masked(0x81, b"late")].concat(), &["close"]);
        check(&masked(0x88, &[0x03, 0xe9, b'b', b'y', b'e']), &["close 1001"]);
        check(&masked(0x88, &[0x0f, 0xa0]), &["close 4000"]);
        for code in [0_u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            check(&masked(0x88, &code.to_be_bytes()), &["broken 1002 malformed control frame"]);
        }
        check(&masked(0x88, &[3]), &["broken 1002 malformed control frame"]);
        check(&masked(0x88, &[0x03, 0xe8, 0xff]), &["broken 1007 a text that is not UTF-8"]);
    }

    #[test]
    fn what_a_client_may_not_do_ends_it() {
        let rows: [(Vec<u8>, &str); 14] = [
            (vec![0x81, 0x05, b'H', b'e', b'l', b'l', b'o'], "1002 a frame without mask"),
            (masked(0xc1, b"compressed"), "1002 a reserved bit is set"),
            (masked(0x83, b""), "1002 unknown opcode"),
            (masked(0x8b, b""), "1002 unknown opcode"),
            (masked(0x09, b"in pieces"), "1002 malformed control frame"),
            (masked(0x89, &[0; 126]), "1002 malformed control frame"),
            (masked(0x80, b"of nothing"), "1002 pieces out of order"),
            ([masked(0x01, b"a"), masked(0x81, b"b")].concat(), "1002 pieces out of order"),
            (vec![0x81, 0xfe, 0, 125], "1002 malformed length"),
            (vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], "1002 malformed length"),
            (vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0], "1002 malformed length"),
            (masked(0x81, b"\xff\xfe"), "1007 a text that is not UTF-8"),
            ([masked(0x01, b"a\xc3"), masked(0x80, b"(")].concat(), "1007 a text that is not UTF-8"),
            // 2 GB are refused by their announcement.
            (vec![0x82, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0], "1009 message too large"),
        ];
        for (octets, expected) in rows {
            check(&octets, &[&format!("broken {expected}")]);
        }
        let pieces = [masked(0x02, &[b'x'; 40_000]), masked(0x00, &[b'x'; 40_000])].concat();
        check(&pieces, &["broken 1009 message too large"]);
        let many: Vec<u8> = (0..PIECES_MAX).flat_map(|at| masked(if at == 0 { 0x02 } else { 0x00 }, b"")).collect();
        check(&many, &["broken 1008 too many pieces"]);
    }

    #[test]
    fn our_frames_have_the_shortest_length() {
        for (length, expected) in
            [(0, &[0x81_u8, 0][..]), (125, &[0x81, 125]), (126, &[0x81, 126, 0, 126]), (65_535, &[0x81, 126, 0xff, 0xff])]
        {
            assert_eq!(frame_head(&vec![b'x'; length]), expected);
        }
        assert_eq!(frame_head(&vec![b'x'; 65_536]), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0][..]);
        assert_eq!(frame_head(b"\xff"), [0x82, 1][..]);
    }

    #[test]
    fn what_is_held_is_bounded_and_given_back() {
        let mut socket = WebSocket::new();
        socket.feed(&masked(0x01, &[b'x'; 60_000]));
        assert_eq!(socket.next(), None);
        assert_eq!((socket.held(), socket.is_idle()), (60_000, false));
        socket.feed(&masked(0x80, b"."));
        assert!(matches!(socket.next(), Some(WebFrame::Message(message)) if message.len() == 60_001));
        assert_eq!(socket.next(), None);
        assert_eq!((socket.held(), socket.is_idle(), socket.buffer.capacity()), (0, true, 0));
    }
}
