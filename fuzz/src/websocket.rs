//! The frames of a WebSocket: however the network cuts them, the same comes out, nothing is kept beyond the limits, whatever is to be sent is a
//! frame, and of frames that are as they should be just that comes out which RFC 6455 says.

use arbitrary::Unstructured;
use sip_core::{WebFrame, WebSocket, frame_head, message::MESSAGE_MAX};

/// The cuts stand in the first octets of the input.
const CUTS: usize = 16;
/// What is fed at most: a run must stay short, and one message beyond [`MESSAGE_MAX`] be in it.
const FED_MAX: usize = 2 * MESSAGE_MAX;
/// A head of a client: two octets, eight of length, four of mask.
const HEAD_MAX: usize = 14;
/// RFC 6455, 5.5.
const CONTROL_MAX: usize = 125;

/// What comes out of a WebSocket.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Message(Vec<u8>),
    KeepAlive,
    /// The payload of the Pong.
    Ping(Vec<u8>),
    /// The payload of our Close.
    Close(Vec<u8>),
    /// The same. Which rule was broken may depend on how much was there; what the client is told may not.
    Broken(Vec<u8>),
}

/// The first 16 octets say where the rest is cut, the next whether the rest are frames as they come or the plans of frames.
///
/// # Panics
/// When a cut shows, or something else comes out than must.
pub fn run(data: &[u8]) {
    let (cuts, rest) = data.split_at(data.len().min(CUTS));
    let Some((kind, rest)) = rest.split_first() else { return };
    if kind & 1 == 0 {
        same(cuts, rest);
        return;
    }
    let plans = plans(&mut Unstructured::new(rest));
    let octets: Vec<u8> = plans.iter().flat_map(Plan::octets).collect();
    let told = same(cuts, &octets);
    let (expected, is_sound) = expected(&plans);
    let (first, last) = told.split_at(told.len().min(expected.len()));
    assert_eq!(first, expected, "of {plans:?}");
    assert!(is_sound || matches!(last, [Told::Broken(_)]), "{last:?} behind what a client may not do, of {plans:?}");
    assert!(!is_sound || last.is_empty(), "{last:?} of nothing");
}

/// However it is cut, the same comes out; that.
fn same(cuts: &[u8], octets: &[u8]) -> Vec<Told> {
    let whole = read(std::iter::once(octets));
    assert_eq!(whole, read(octets.chunks(1)), "octet by octet");
    assert_eq!(whole, read(super::sip_stream::pieces(cuts, octets)), "in pieces");
    whole.0
}

/// What came out, and whether no message is half read.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Told>, bool) {
    let mut socket = WebSocket::new();
    let (mut told, mut is_over) = (Vec::new(), false);
    for piece in pieces {
        socket.feed(piece);
        while let Some(frame) = socket.next() {
            assert!(!is_over, "{frame:?} behind the end");
            told.push(match frame {
                WebFrame::Message(message) => {
                    assert!(message.len() <= MESSAGE_MAX, "a message of {} octets", message.len());
                    Told::Message(message.to_vec())
                }
                WebFrame::KeepAlive => Told::KeepAlive,
                WebFrame::Ping { pong } => Told::Ping(control(0x8a, &pong)),
                WebFrame::Close { answer } => Told::Close(control(0x88, &answer)),
                WebFrame::Broken { answer, why } => {
                    let code = control(0x88, &answer);
                    assert_eq!(code, why.code().to_be_bytes(), "{why}");
                    Told::Broken(code)
                }
            });
            is_over = matches!(told.last(), Some(Told::Close(_) | Told::Broken(_)));
        }
        let held_max = if is_over { 0 } else { MESSAGE_MAX + HEAD_MAX + CONTROL_MAX };
        assert!(socket.held() <= held_max, "{} octets are held", socket.held());
    }
    (told, socket.is_idle())
}

/// The payload of a control frame of ours: whole, short and without a mask (RFC 6455, 5.1 and 5.5).
fn control(first: u8, frame: &[u8]) -> Vec<u8> {
    let [head, length, payload @ ..] = frame else { panic!("no frame: {frame:?}") };
    assert!(*head == first && usize::from(*length) == payload.len() && payload.len() <= CONTROL_MAX, "{frame:?}");
    payload.to_vec()
}

/// A frame as a client would write it.
#[derive(Debug)]
struct Plan {
    is_last: bool,
    opcode: u8,
    is_masked: bool,
    payload: Vec<u8>,
}

const OPCODES: [u8; 8] = [0x0, 0x1, 0x2, 0x0, 0x8, 0x9, 0xa, 0x3];
const LENGTHS: [usize; 8] = [0, 1, 125, 126, 600, MESSAGE_MAX / 2, MESSAGE_MAX, MESSAGE_MAX + 1];

fn plans(input: &mut Unstructured<'_>) -> Vec<Plan> {
    let (mut plans, mut fed) = (Vec::new(), 0);
    while !input.is_empty() {
        let shape: u8 = input.arbitrary().unwrap_or_default();
        let payload = if shape & 0x80 == 0 {
            super::octets(input, 300).to_vec()
        } else {
            vec![input.arbitrary().unwrap_or_default(); super::pick(input, &LENGTHS).copied().unwrap_or_default()]
        };
        fed += payload.len() + HEAD_MAX;
        if fed > FED_MAX {
            break;
        }
        let opcode = OPCODES.get(usize::from(shape & 7)).copied().unwrap_or_default();
        plans.push(Plan { is_last: shape & 8 == 0, opcode, is_masked: shape & 0x70 != 0x70, payload });
    }
    plans
}

impl Plan {
    fn octets(&self) -> Vec<u8> {
        let mut octets = frame_head(&self.payload).to_vec();
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        if let [first, second, ..] = octets.as_mut_slice() {
            *first = self.opcode | if self.is_last { 0x80 } else { 0 };
            *second |= if self.is_masked { 0x80 } else { 0 };
        }
        if self.is_masked {
            octets.extend(mask);
            octets.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask));
        } else {
            octets.extend(&self.payload);
        }
        octets
    }
}

/// What RFC 6455 makes of frames, up to the first that may not be, and whether there is none such.
fn expected(plans: &[Plan]) -> (Vec<Told>, bool) {
    let mut told = Vec::new();
    let mut pieces: Option<(bool, Vec<u8>, u32)> = None;
    for Plan { is_last, opcode, is_masked, payload } in plans {
        let is_control = opcode & 8 != 0;
        if !is_masked || *opcode == 3 || (is_control && (!is_last || payload.len() > CONTROL_MAX)) {
            return (told, false);
        }
        match opcode {
            0x9 => told.push(Told::Ping(payload.clone())),
            0xa => {}
            0x8 => {
                let answer = match payload.as_slice() {
                    [] => Some(Vec::new()),
                    [a, b, reason @ ..] if is_code(u16::from_be_bytes([*a, *b])) && std::str::from_utf8(reason).is_ok() => {
                        Some(vec![*a, *b])
                    }
                    _ => None,
                };
                let is_sound = answer.is_some();
                told.extend(answer.map(Told::Close));
                return (told, is_sound);
            }
            _ => {
                let (is_text, mut octets, count) = match (opcode, pieces.take()) {
                    (0, Some(before)) => before,
                    (1 | 2, None) => (*opcode == 1, Vec::new(), 0),
                    _ => return (told, false),
                };
                octets.extend(payload);
                if octets.len() > MESSAGE_MAX || (!is_last && count + 1 >= PIECES_MAX) {
                    return (told, false);
                }
                if !is_last {
                    pieces = Some((is_text, octets, count + 1));
                } else if is_text && std::str::from_utf8(&octets).is_err() {
                    return (told, false);
                } else if !octets.is_empty() && octets.iter().all(|octet| b"\r\n".contains(octet)) {
                    told.push(Told::KeepAlive);
                } else {
                    told.push(Told::Message(octets));
                }
            }
        }
    }
    (told, true)
}

/// The house's own limit of pieces.
const PIECES_MAX: u32 = 64;

/// RFC 6455, 7.4.1 and 7.4.2, with what IANA has registered since: a code that may stand in a frame.
fn is_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
