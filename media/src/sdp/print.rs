//! Descriptions that we send.

use std::{io::Write as _, net::IpAddr};

use super::{LocalMedia, OFFERED_DTMF_PT, PTIME_MS};
use crate::{Codec, SAMPLE_RATE};

/// Our offer: one audio stream of `codecs` in this order, with telephone-event as 101, 20 ms packets, `sendrecv` and RTCP on the next port.
#[must_use]
pub fn offer(local: &LocalMedia, codecs: &[Codec]) -> Vec<u8> {
    let formats: Vec<(Codec, u8)> = codecs.iter().map(|codec| (*codec, codec.payload_type())).collect();
    let mut text = head(local);
    audio(&mut text, local, "RTP/AVP", &formats, Some(OFFERED_DTMF_PT));
    put(&mut text, "a=sendrecv\r\n");
    text
}

/// The session's lines (RFC 8866, 5).
pub(super) fn head(local: &LocalMedia) -> Vec<u8> {
    let LocalMedia { address, session_id, version, .. } = local;
    let mut text = Vec::with_capacity(TEXT_USUAL);
    put(&mut text, "v=0\r\no=- ");
    number(&mut text, *session_id);
    put(&mut text, " ");
    number(&mut text, *version);
    put(&mut text, " ");
    net_address(&mut text, *address);
    put(&mut text, "\r\ns=-\r\nc=");
    net_address(&mut text, *address);
    put(&mut text, "\r\nt=0 0\r\n");
    text
}

/// As long are nearly all.
const TEXT_USUAL: usize = 384;

/// The lines of an audio stream, all but its direction.
pub(super) fn audio(text: &mut Vec<u8>, local: &LocalMedia, proto: &str, formats: &[(Codec, u8)], dtmf_pt: Option<u8>) {
    put(text, "m=audio ");
    number(text, local.rtp_port);
    put(text, " ");
    put(text, proto);
    for payload_type in formats.iter().map(|(_, payload_type)| *payload_type).chain(dtmf_pt) {
        put(text, " ");
        number(text, payload_type);
    }
    put(text, "\r\n");
    for (codec, payload_type) in formats {
        rtpmap(text, *payload_type, codec.name());
    }
    if let Some(payload_type) = dtmf_pt {
        rtpmap(text, payload_type, "telephone-event");
        put(text, "a=fmtp:");
        number(text, payload_type);
        // The sixteen DTMF events (RFC 4733, 3.2).
        put(text, " 0-15\r\n");
    }
    put(text, "a=ptime:");
    number(text, PTIME_MS);
    put(text, "\r\n");
    if let Some(rtcp_port) = local.rtp_port.checked_add(1) {
        put(text, "a=rtcp:");
        number(text, rtcp_port);
        put(text, "\r\n");
    }
}

fn rtpmap(text: &mut Vec<u8>, payload_type: u8, name: &str) {
    put(text, "a=rtpmap:");
    number(text, payload_type);
    put(text, " ");
    put(text, name);
    put(text, "/");
    number(text, SAMPLE_RATE);
    put(text, "\r\n");
}

/// A stream that we do not take: port 0, formats as offered (RFC 3264, 6).
pub(super) fn refused(text: &mut Vec<u8>, kind: &str, proto: &str, formats: &str) {
    for part in ["m=", kind, " 0 ", proto, " ", formats, "\r\n"] {
        put(text, part);
    }
}

/// `IN IP4 192.0.2.1`
fn net_address(text: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let mut mark = "IN IP4 ";
            for octet in address.octets() {
                put(text, mark);
                number(text, octet);
                mark = ".";
            }
        }
        // Writing into a Vec cannot fail.
        IpAddr::V6(address) => _ = write!(text, "IN IP6 {address}"),
    }
}

/// In decimal, without the machinery of `fmt`: a description has some twenty numbers.
fn number(text: &mut Vec<u8>, number: impl Into<u64>) {
    let mut digits = [b'0'; 20];
    let mut rest: u64 = number.into();
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    text.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

fn put(text: &mut Vec<u8>, part: &str) {
    text.extend_from_slice(part.as_bytes());
}
