//! Where one message of a stream ends and the next begins: by SIP's own framing, or by that of a WebSocket.

use bytes::Bytes;
use sip_core::{Flow, Frame, Framer, FramerLimits, WebFrame, WebSocket, frame_head};

/// The framing of one direction, and how we frame the other.
pub(super) enum Cutter {
    Sip(Framer),
    Web(WebSocket),
}

/// One piece of a stream.
pub(super) enum Piece {
    Message(Bytes),
    /// To be answered with this.
    KeepAlive(Bytes),
    /// The peer says that it is over. To be answered with this.
    Farewell(Bytes),
    /// Nobody can tell where the next message begins, or the peer did what it may not. To be answered with this, behind all other answers.
    Broken {
        answer: Option<Bytes>,
        why: String,
    },
}

/// RFC 5626, 4.4.1: the answer to a keep-alive.
const PONG: Bytes = Bytes::from_static(b"\r\n");
/// The same in a frame.
const WEB_PONG: Bytes = Bytes::from_static(b"\x81\x02\r\n");

impl Cutter {
    pub(super) fn sip(limits: FramerLimits) -> Self {
        Self::Sip(Framer::new(limits))
    }

    pub(super) fn web() -> Self {
        Self::Web(WebSocket::new())
    }

    /// Takes what was read; see [`Framer::feed`].
    pub(super) fn feed(&mut self, octets: &[u8]) {
        match self {
            Self::Sip(framer) => framer.feed(octets),
            Self::Web(socket) => socket.feed(octets),
        }
    }

    /// The next piece that is whole. `flow`: what it came by.
    pub(super) fn next(&mut self, flow: Flow) -> Option<Piece> {
        Some(match self {
            Self::Sip(framer) => match framer.next()? {
                Frame::Message(message) => Piece::Message(message),
                Frame::Ping => Piece::KeepAlive(PONG),
                Frame::Broken { answer, why } => Piece::Broken { answer: answer.map(|answer| answer.response(flow)), why: why.to_string() },
            },
            Self::Web(socket) => match socket.next()? {
                WebFrame::Message(message) => Piece::Message(message),
                WebFrame::KeepAlive => Piece::KeepAlive(WEB_PONG),
                WebFrame::Ping { pong } => Piece::KeepAlive(pong),
                WebFrame::Close { answer } => Piece::Farewell(answer),
                WebFrame::Broken { answer, why } => Piece::Broken { answer: Some(answer), why: why.to_string() },
            },
        })
    }

    /// Whether no message is half read.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Sip(framer) => framer.is_idle(),
            Self::Web(socket) => socket.is_idle(),
        }
    }

    /// Octets that wait for the rest of their message.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Sip(framer) => framer.held(),
            Self::Web(socket) => socket.held(),
        }
    }

    /// What goes before `message` when it is sent.
    pub(super) fn head(&self, message: &[u8]) -> Option<Bytes> {
        match self {
            Self::Sip(_) => None,
            Self::Web(_) => Some(frame_head(message)),
        }
    }

    /// Whether octets of nothing but line ends are a keep-alive, without being cut.
    pub(super) fn has_bare_keep_alives(&self) -> bool {
        matches!(self, Self::Sip(_))
    }
}
