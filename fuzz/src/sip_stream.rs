//! A byte stream: however the network cuts it, the same messages come out, each as long as the parser finds it, and what is kept of it
//! is bounded.

use arbitrary::Unstructured;
use bytes::Bytes;
use sip_core::{Flow, Frame, FrameError, Framer, FramerLimits, Message, ParseErrorKind, Transport};

/// Small, so that they are reached.
const LIMITS: FramerLimits = FramerLimits { head_max: 2_048, body_max: 512 };
/// The cuts stand in the first octets of the input.
const CUTS: usize = 16;

/// What comes out of a stream, but for its keep-alives: how many of those are told depends on how many lay together.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    messages: Vec<Bytes>,
    broken: Option<FrameError>,
    is_idle: bool,
    pinged: bool,
}

/// The first 16 octets say where the rest is cut.
///
/// # Panics
/// When a cut shows, or a message is longer or shorter for the parser.
pub fn run(data: &[u8]) {
    let (cuts, stream) = data.split_at(data.len().min(CUTS));
    let whole = read(std::iter::once(stream));
    let by_octets = read(stream.chunks(1));
    assert_eq!(whole, by_octets, "octet by octet");
    assert_eq!(whole, read(pieces(cuts, stream)), "in pieces");
    for message in &whole.messages {
        judge(message);
    }
}

pub(crate) fn pieces<'a>(cuts: &'a [u8], mut stream: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = Unstructured::new(cuts);
    std::iter::from_fn(move || {
        if stream.is_empty() {
            return None;
        }
        let wanted = usize::from(lengths.arbitrary::<u16>().unwrap_or(u16::MAX)).clamp(1, stream.len());
        let (piece, rest) = stream.split_at(wanted);
        stream = rest;
        Some(piece)
    })
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut framer = Framer::new(LIMITS);
    let mut outcome = Outcome { messages: Vec::new(), broken: None, is_idle: true, pinged: false };
    for piece in pieces {
        framer.feed(piece);
        while let Some(frame) = framer.next() {
            assert!(outcome.broken.is_none(), "something comes out of a broken stream");
            match frame {
                Frame::Message(message) => outcome.messages.push(message),
                Frame::Ping => outcome.pinged = true,
                Frame::Broken { answer, why } => {
                    outcome.broken = Some(why);
                    if let Some(answer) = answer {
                        let flow = Flow { transport: Transport::Tcp, local: super::peer(9, 5060), remote: super::peer(7, 40_000) };
                        let answer = answer.response(flow);
                        assert!(answer.starts_with(b"SIP/2.0 4") || answer.starts_with(b"SIP/2.0 5"), "{}", answer.escape_ascii());
                    }
                }
            }
        }
    }
    outcome.is_idle = framer.is_idle();
    outcome
}

/// The framer and the parser read one length (no smuggling, B-34).
fn judge(message: &Bytes) {
    assert!(message.len() <= LIMITS.head_max + LIMITS.body_max, "{} octets", message.len());
    match Message::parse(message.clone()) {
        Ok(parsed) => assert_eq!(parsed.bytes(), message, "the parser sees another end"),
        Err(error) => assert!(
            !matches!(error.kind(), ParseErrorKind::Truncated | ParseErrorKind::ContentLength | ParseErrorKind::KeepAlive),
            "{error} in a frame: {}",
            message.escape_ascii()
        ),
    }
}
