//! Descriptions that we send.

use std::fmt::Write as _;

use super::{LocalMedia, OFFERED_DTMF_PT, PTIME_MS};
use crate::{Codec, SAMPLE_RATE};

/// Our offer: one audio stream of `codecs` in this order, with telephone-event as 101, 20 ms packets, `sendrecv` and RTCP on the next port.
#[must_use]
pub fn offer(local: &LocalMedia, codecs: &[Codec]) -> Vec<u8> {
    let formats: Vec<(Codec, u8)> = codecs.iter().map(|codec| (*codec, codec.payload_type())).collect();
    let mut text = head(local);
    audio(&mut text, local, "RTP/AVP", &formats, Some(OFFERED_DTMF_PT));
    text.push_str("a=sendrecv\r\n");
    text.into_bytes()
}

/// The session's lines (RFC 8866, 5).
pub(super) fn head(local: &LocalMedia) -> String {
    let LocalMedia { address, session_id, version, .. } = local;
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    let mut text = String::with_capacity(320);
    // Writing into a String cannot fail.
    let _ = write!(text, "v=0\r\no=- {session_id} {version} IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n");
    text
}

/// The lines of an audio stream, all but its direction.
pub(super) fn audio(text: &mut String, local: &LocalMedia, proto: &str, formats: &[(Codec, u8)], dtmf_pt: Option<u8>) {
    let _ = write!(text, "m=audio {} {proto}", local.rtp_port);
    for payload_type in formats.iter().map(|(_, payload_type)| *payload_type).chain(dtmf_pt) {
        let _ = write!(text, " {payload_type}");
    }
    text.push_str("\r\n");
    for (codec, payload_type) in formats {
        let _ = write!(text, "a=rtpmap:{payload_type} {}/{SAMPLE_RATE}\r\n", codec.name());
    }
    if let Some(payload_type) = dtmf_pt {
        // The sixteen DTMF events (RFC 4733, 3.2).
        let _ = write!(text, "a=rtpmap:{payload_type} telephone-event/{SAMPLE_RATE}\r\na=fmtp:{payload_type} 0-15\r\n");
    }
    let _ = write!(text, "a=ptime:{PTIME_MS}\r\n");
    if let Some(rtcp_port) = local.rtp_port.checked_add(1) {
        let _ = write!(text, "a=rtcp:{rtcp_port}\r\n");
    }
}

/// A stream that we do not take: port 0, formats as offered (RFC 3264, 6).
pub(super) fn refused(text: &mut String, kind: &str, proto: &str, formats: &str) {
    let _ = write!(text, "m={kind} 0 {proto} {formats}\r\n");
}
