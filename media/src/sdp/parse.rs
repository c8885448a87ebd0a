//! From the octets of a description to its media.
//!
//! Devices write descriptions that the grammar forbids: `o=` with blanks in the user name or numbers beyond 64 bits, no `s=` or `t=`, names in a
//! national code page, bare line feeds, trailing zeroes. Of all this we need the `c=`, `m=` and `a=` lines only, so the others are left out before
//! the strict parser sees the text.

use std::net::{IpAddr, Ipv4Addr};

use sdp_types::{Attribute, Connection, Media, NetType, Session};

use super::SdpError;
use crate::{Codec, SAMPLE_RATE};

/// The longest description that is read, in octets.
pub(super) const SDP_LENGTH_MAX: usize = 16 * 1024;
/// The most media descriptions.
pub(super) const MEDIA_MAX: usize = 16;
/// The most formats of one media description that are looked at.
const FORMATS_MAX: usize = 64;
/// A packet whose payload type is one of these is told from RTCP by nobody (RFC 5761, 4), so that nothing is ever negotiated under them.
const TAKEN_FOR_RTCP: std::ops::RangeInclusive<u8> = 64..=95;

/// One media description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Medium {
    /// `audio`, `video`, `image`, ...
    pub(super) kind: String,
    /// The port; 0 if the stream is refused or not wanted.
    pub(super) port: u16,
    /// The transport as written, for example `RTP/AVP`.
    pub(super) proto: String,
    /// The formats as written.
    pub(super) formats: String,
    /// The address of the media's own or the session's `c=`.
    pub(super) address: Option<IpAddr>,
    /// Whether the describing side sends.
    pub(super) sends: bool,
    /// Whether the describing side receives.
    pub(super) receives: bool,
    /// RFC 3605: port and, if it differs, address.
    pub(super) rtcp: Option<(u16, Option<IpAddr>)>,
    /// Codecs that we know, with their payload types, in the order of the `m=` line.
    pub(super) codecs: Vec<(Codec, u8)>,
    /// The payload type of telephone-event at 8 kHz.
    pub(super) dtmf_pt: Option<u8>,
    /// `a=ptime`, in milliseconds.
    pub(super) ptime_ms: Option<u8>,
}

/// Reads the media of a description, in its order.
pub(super) fn read(sdp: &[u8]) -> Result<Vec<Medium>, SdpError> {
    if sdp.len() > SDP_LENGTH_MAX {
        return Err(SdpError::Broken("longer than 16 KiB"));
    }
    let text = tidy(sdp)?;
    let session = Session::parse(text.as_bytes()).map_err(|_| SdpError::Broken("not RFC 8866"))?;
    let session_address = session.connection.as_ref().map(address).transpose()?;
    session.medias.iter().map(|media| medium(media, session_address, &session.attributes)).collect()
}

/// The lines that we need, each in its strict form.
fn tidy(sdp: &[u8]) -> Result<String, SdpError> {
    let text = String::from_utf8_lossy(sdp);
    let mut tidied = String::with_capacity(text.len());
    let mut media = 0;
    let mut version_seen = false;
    for line in text.split(['\r', '\n']) {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let Some((key, value)) = line.split_once('=') else {
            if line.is_empty() {
                continue;
            }
            return Err(SdpError::Broken("a line is not key=value"));
        };
        if !version_seen && key != "v" {
            return Err(SdpError::Broken("does not begin with v=0"));
        }
        match key {
            "v" => {
                version_seen = true;
                push_line(&mut tidied, "v", [value.trim()]);
            }
            "m" => {
                media += 1;
                if media > MEDIA_MAX {
                    return Err(SdpError::Broken("more than 16 media"));
                }
                push_line(&mut tidied, "m", value.split_whitespace());
                // A refused stream is often written without formats; RFC 8866 wants at least one.
                if value.split_whitespace().count() == 3 {
                    tidied.truncate(tidied.trim_end().len());
                    tidied.push_str(" 0\r\n");
                }
            }
            "c" => push_line(&mut tidied, "c", value.split_whitespace()),
            "a" => push_line(&mut tidied, "a", [value]),
            _ => {}
        }
    }
    if version_seen { Ok(tidied) } else { Err(SdpError::Broken("does not begin with v=0")) }
}

/// Appends `key=word word ...`.
fn push_line<'a>(text: &mut String, key: &str, words: impl IntoIterator<Item = &'a str>) {
    text.push_str(key);
    let mut mark = '=';
    for word in words {
        text.push(mark);
        text.push_str(word);
        mark = ' ';
    }
    text.push_str("\r\n");
}

fn medium(media: &Media, session_address: Option<IpAddr>, session_attributes: &[Attribute]) -> Result<Medium, SdpError> {
    let (sends, receives) = direction(&media.attributes).or_else(|| direction(session_attributes)).unwrap_or((true, true));
    let mut codecs: Vec<(Codec, u8)> = Vec::new();
    let mut dtmf_pt = None;
    for format in media.fmt.split_whitespace().take(FORMATS_MAX) {
        let Some(payload_type) = format.parse::<u8>().ok().filter(|number| *number < 128 && !TAKEN_FOR_RTCP.contains(number)) else {
            continue;
        };
        match encoding(&media.attributes, payload_type) {
            Some(Encoding::Audio(codec)) if codecs.iter().all(|(known, _)| *known != codec) => codecs.push((codec, payload_type)),
            Some(Encoding::Dtmf) if dtmf_pt.is_none() => dtmf_pt = Some(payload_type),
            _ => {}
        }
    }
    Ok(Medium {
        kind: media.media.clone(),
        port: media.port,
        proto: media.proto.clone(),
        formats: media.fmt.clone(),
        address: media.connections.first().map(address).transpose()?.or(session_address),
        sends,
        receives,
        rtcp: value(&media.attributes, "rtcp").and_then(rtcp),
        codecs,
        dtmf_pt,
        ptime_ms: value(&media.attributes, "ptime").and_then(|ptime| ptime.trim().parse().ok()),
    })
}

/// The address of a `c=` line. A name would have to be resolved, which nobody who writes one to a phone expects to work; a group would make us send
/// to many.
fn address(connection: &Connection) -> Result<IpAddr, SdpError> {
    if connection.nettype != NetType::In {
        return Err(SdpError::Broken("c= is not IN"));
    }
    let host = connection.connection_address.split('/').next().unwrap_or_default();
    let address: IpAddr = host.parse().map_err(|_| SdpError::Broken("c= is no IP address"))?;
    let address = address.to_canonical();
    if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(SdpError::Broken("c= is a group address"));
    }
    Ok(address)
}

/// What a payload type stands for.
enum Encoding {
    Audio(Codec),
    Dtmf,
}

/// By `a=rtpmap`, and without one by the static assignment (RFC 3551, 6).
fn encoding(attributes: &[Attribute], payload_type: u8) -> Option<Encoding> {
    let mapped = attributes.iter().filter(|attribute| attribute.attribute.eq_ignore_ascii_case("rtpmap")).find_map(|attribute| {
        let (number, name) = attribute.value.as_deref()?.trim().split_once(char::is_whitespace)?;
        (number.parse() == Ok(payload_type)).then_some(name.trim())
    });
    let Some(mapped) = mapped else { return Codec::by_payload_type(payload_type).map(Encoding::Audio) };
    let mut parts = mapped.split('/');
    let name = parts.next()?;
    let rate: u32 = parts.next()?.trim().parse().ok()?;
    let channels = parts.next().map_or("1", str::trim);
    if rate != SAMPLE_RATE || channels != "1" {
        return None;
    }
    if name.eq_ignore_ascii_case("telephone-event") { Some(Encoding::Dtmf) } else { Codec::by_name(name).map(Encoding::Audio) }
}

/// Whether the describing side sends and receives, by its direction attribute.
fn direction(attributes: &[Attribute]) -> Option<(bool, bool)> {
    attributes.iter().find_map(|attribute| match attribute.attribute.to_ascii_lowercase().as_str() {
        "sendrecv" => Some((true, true)),
        "sendonly" => Some((true, false)),
        "recvonly" => Some((false, true)),
        "inactive" => Some((false, false)),
        _ => None,
    })
}

/// `53020` or `53020 IN IP4 126.16.64.4` (RFC 3605, 2.1). What cannot be read is as if it were not there.
fn rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    let mut words = value.split_whitespace();
    let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
    let address: Option<IpAddr> = words.nth(2).and_then(|word| word.parse().ok());
    Some((port, address.map(|address| address.to_canonical())))
}

fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.attribute.eq_ignore_ascii_case(name))?.value.as_deref()
}
