//! Offer and answer (RFC 3264): which stream, which codec, where to.

use std::net::SocketAddr;

use super::{
    LocalMedia, OFFERED_DTMF_PT, PTIME_MS, Remote, SdpError,
    parse::{self, Medium},
    print,
};
use crate::{Codec, Payloads};

/// The packet times that a device may ask for, in milliseconds.
const PTIME_RANGE_MS: std::ops::RangeInclusive<u8> = 10..=60;

/// The last of the dynamic payload types (RFC 3551, 6).
const DYNAMIC_PT_LAST: u8 = 127;

/// An offer that was read: what is on the table, and the shape that the answer must mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedMedia {
    media: Vec<Medium>,
    /// The index of the stream that we take.
    taken: usize,
}

/// Reads an offer.
///
/// # Errors
///
/// [`SdpError::Broken`] if it cannot be read, [`SdpError::NoCommonCodec`] if it has no audio stream that we can take.
pub fn read_offer(sdp: &[u8]) -> Result<OfferedMedia, SdpError> {
    let media = parse::read(sdp)?;
    // A stream with port 0 is only taken if there is no better one: some devices hold that way.
    let taken = position(&media, |medium| medium.port != 0).or_else(|| position(&media, |_| true)).ok_or(SdpError::NoCommonCodec)?;
    let offered = OfferedMedia { media, taken };
    if offered.stream().is_some_and(|stream| stream.port != 0 && stream.address.is_none()) {
        return Err(SdpError::Broken("no c= line"));
    }
    Ok(offered)
}

/// Reads the answer to an offer of ours, which had one audio stream.
///
/// # Errors
///
/// [`SdpError::Broken`] if it cannot be read, [`SdpError::NoCommonCodec`] if the stream was refused (port 0) or answered with what we do not speak.
pub fn read_answer(sdp: &[u8]) -> Result<Remote, SdpError> {
    let media = parse::read(sdp)?;
    let taken = position(&media, |medium| medium.port != 0).ok_or(SdpError::NoCommonCodec)?;
    let stream = media.get(taken).ok_or(SdpError::NoCommonCodec)?;
    if stream.address.is_none() {
        return Err(SdpError::Broken("no c= line"));
    }
    remote(stream, None).ok_or(SdpError::NoCommonCodec)
}

impl OfferedMedia {
    /// The codecs that both sides know, in the order of the offer. Never empty.
    #[must_use]
    pub fn codecs(&self) -> Vec<Codec> {
        self.stream().map(|stream| stream.codecs.iter().map(|(codec, _)| *codec).collect()).unwrap_or_default()
    }

    /// The other side, with the codec `prefer` if it is on the table, else the offer's first one that we know.
    #[must_use]
    pub fn remote(&self, prefer: Option<Codec>) -> Remote {
        self.stream().and_then(|stream| remote(stream, prefer)).expect("read_offer took a stream with a common codec")
    }

    /// Our answer: the streams mirrored in their order, all but one refused (RFC 3264, 6); one codec, so that it does not change within the call;
    /// the direction mirrored.
    #[must_use]
    pub fn answer(&self, local: &LocalMedia, prefer: Option<Codec>) -> Vec<u8> {
        let remote = self.remote(prefer);
        let mut text = print::head(local);
        for (index, medium) in self.media.iter().enumerate() {
            if index == self.taken && medium.port != 0 {
                print::audio(
                    &mut text,
                    local,
                    medium.line.proto(),
                    &[(remote.payloads.codec, remote.payloads.codec_pt)],
                    remote.payloads.dtmf_pt,
                );
                text.extend_from_slice(mirrored(medium, &remote).as_bytes());
            } else {
                print::refused(&mut text, medium.line.kind(), medium.line.proto(), medium.line.formats());
            }
        }
        text
    }

    /// Our own offer in a session that the other side's offer began: RFC 3264, 8 wants each of its streams in its place, and never fewer. All but
    /// the one that we took stay refused; that one offers `codecs`, in this order and under the payload types that they had (RFC 3264, 8.3.2), with
    /// telephone-event and `sendrecv`. A codec that was not on the table gets its static payload type, if that stands for nothing else there.
    #[must_use]
    pub fn offer_again(&self, local: &LocalMedia, codecs: &[Codec]) -> Vec<u8> {
        let mut text = print::head(local);
        for (index, medium) in self.media.iter().enumerate() {
            if index == self.taken {
                print::audio(
                    &mut text,
                    local,
                    medium.line.proto(),
                    &formats(medium, codecs),
                    Some(medium.dtmf_pt.unwrap_or_else(|| free_dtmf_pt(medium))),
                );
                text.extend_from_slice(b"a=sendrecv\r\n");
            } else {
                print::refused(&mut text, medium.line.kind(), medium.line.proto(), medium.line.formats());
            }
        }
        text
    }

    fn stream(&self) -> Option<&Medium> {
        self.media.get(self.taken)
    }
}

/// The first audio stream that we can take and that is `fit`.
fn position(media: &[Medium], fit: impl Fn(&Medium) -> bool) -> Option<usize> {
    media.iter().position(|medium| {
        medium.line.kind().eq_ignore_ascii_case("audio") && is_plain_rtp(medium.line.proto()) && !medium.codecs.is_empty() && fit(medium)
    })
}

/// Plain RTP, with or without early feedback (RFC 4585): feedback is never obliged, so we may answer and not send any.
fn is_plain_rtp(proto: &str) -> bool {
    proto.eq_ignore_ascii_case("RTP/AVP") || proto.eq_ignore_ascii_case("RTP/AVPF")
}

fn remote(stream: &Medium, prefer: Option<Codec>) -> Option<Remote> {
    let preferred = prefer.and_then(|prefer| stream.codecs.iter().find(|(codec, _)| *codec == prefer));
    let (codec, codec_pt) = *preferred.or(stream.codecs.first())?;
    let address = stream.address.filter(|address| !address.is_unspecified() && stream.port != 0);
    let rtp = address.map(|address| SocketAddr::new(address, stream.port));
    // RTCP on another host (RFC 3605 allows it) would let a phone point our reports at anybody.
    let rtcp =
        stream.rtcp.and_then(|(port, own)| Some(SocketAddr::new(address.filter(|address| own.is_none_or(|own| own == *address))?, port)));
    Some(Remote {
        rtp,
        rtcp,
        payloads: Payloads { codec, codec_pt, dtmf_pt: stream.dtmf_pt },
        sends: stream.sends && stream.port != 0,
        receives: stream.receives && rtp.is_some(),
        ptime_ms: stream.ptime_ms.filter(|ptime| PTIME_RANGE_MS.contains(ptime)).unwrap_or(PTIME_MS),
    })
}

/// The payload types under which `codecs` are offered where `medium` was; the first codec of the medium if none of them has one.
fn formats(medium: &Medium, codecs: &[Codec]) -> Vec<(Codec, u8)> {
    let known = |codec: Codec| medium.codecs.iter().find(|(any, _)| *any == codec).copied();
    let static_pt = |codec: Codec| Some((codec, codec.payload_type())).filter(|(_, payload_type)| !is_spoken_for(medium, *payload_type));
    let formats: Vec<_> = codecs.iter().filter_map(|codec| known(*codec).or_else(|| static_pt(*codec))).collect();
    if formats.is_empty() { medium.codecs.iter().take(1).copied().collect() } else { formats }
}

/// A payload type for telephone-event where the other side had none: ours, or the next one that stands for nothing there.
fn free_dtmf_pt(medium: &Medium) -> u8 {
    (OFFERED_DTMF_PT..=DYNAMIC_PT_LAST).find(|payload_type| !is_spoken_for(medium, *payload_type)).unwrap_or(OFFERED_DTMF_PT)
}

/// Whether the medium names this payload type, for whatever codec.
fn is_spoken_for(medium: &Medium, payload_type: u8) -> bool {
    medium.line.formats().split_whitespace().any(|format| format.parse() == Ok(payload_type))
}

/// RFC 3264, 6.1; an offer with 0.0.0.0 is a hold of the old kind (8.4) and is answered like `sendonly`.
fn mirrored(stream: &Medium, remote: &Remote) -> &'static str {
    match (stream.sends, remote.receives) {
        (true, true) => "a=sendrecv\r\n",
        (true, false) => "a=recvonly\r\n",
        (false, true) => "a=sendonly\r\n",
        (false, false) => "a=inactive\r\n",
    }
}
