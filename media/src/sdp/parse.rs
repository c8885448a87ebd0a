//! From the octets of a description to its media.
//!
//! Devices write descriptions that the grammar forbids: `o=` with blanks in the user name or numbers beyond 64 bits, no `s=` or `t=`, names in a
//! national code page, bare line feeds, trailing zeroes. Of all this we need the `c=`, `m=` and `a=` lines only. Those are read strictly, line by
//! line, and each into what it means: nothing is copied but the `m=` line, which the answer mirrors. The others are passed over.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
};

use super::SdpError;
use crate::{Codec, SAMPLE_RATE};

/// The longest description that is read, in octets.
pub(super) const SDP_LENGTH_MAX: usize = 16 * 1024;
/// The most media descriptions.
pub(super) const MEDIA_MAX: usize = 16;
/// The most formats of one media description that are looked at.
const FORMATS_MAX: usize = 64;
/// One more than the greatest payload type (RFC 3550, 5.1).
const PAYLOAD_TYPES: usize = 128;
/// A packet whose payload type is one of these is told from RTCP by nobody (RFC 5761, 4), so that nothing is ever negotiated under them.
const TAKEN_FOR_RTCP: std::ops::RangeInclusive<u8> = 64..=95;
/// A line that we need breaks its grammar.
const GRAMMAR: SdpError = SdpError::Broken("not RFC 8866");

/// One media description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Medium {
    /// `audio`, `video`, `image`, ..., the transport, for example `RTP/AVP`, and the formats.
    pub(super) line: MediaLine,
    /// The port; 0 if the stream is refused or not wanted.
    pub(super) port: u16,
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

/// An `m=` line as written, with one blank between its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaLine {
    words: String,
    /// Where the first three words end; the formats are all that is left.
    ends: [usize; 3],
}

impl MediaLine {
    /// The line and its port (RFC 8866, 5.14).
    fn read(value: &str) -> Result<(Self, u16), SdpError> {
        let mut words = String::with_capacity(value.len() + 2);
        let mut rest = value.split_whitespace();
        let mut ends = [0; 3];
        for (place, end) in ends.iter_mut().enumerate() {
            if place > 0 {
                words.push(' ');
            }
            words.push_str(rest.next().ok_or(GRAMMAR)?);
            *end = words.len();
        }
        for format in rest {
            words.push(' ');
            words.push_str(format);
        }
        let line = Self { words, ends };
        let (port, ports) = cut(line.between(0, 1), b'/').map_or((line.between(0, 1), None), |(port, ports)| (port, Some(ports)));
        if ports.is_some_and(|ports| ports.parse::<u16>().is_err()) {
            return Err(GRAMMAR);
        }
        let port = port.parse().map_err(|_| GRAMMAR)?;
        Ok((line, port))
    }

    /// `audio`, `video`, `image`, ...
    pub(super) fn kind(&self) -> &str {
        let [end, ..] = self.ends;
        self.words.get(..end).unwrap_or_default()
    }

    /// The transport as written, for example `RTP/AVP`.
    pub(super) fn proto(&self) -> &str {
        self.between(1, 2)
    }

    /// The formats as written. A refused stream is often written without; RFC 8866 wants at least one.
    pub(super) fn formats(&self) -> &str {
        let [.., end] = self.ends;
        self.words.get(end + 1..).unwrap_or("0")
    }

    /// The word that follows the one which ends at place `before` and ends at place `last` itself.
    fn between(&self, before: usize, last: usize) -> &str {
        let end = |place: usize| self.ends.get(place).copied().unwrap_or_default();
        self.words.get(end(before) + 1..end(last)).unwrap_or_default()
    }
}

/// Reads the media of a description, in its order.
pub(super) fn read(sdp: &[u8]) -> Result<Vec<Medium>, SdpError> {
    if sdp.len() > SDP_LENGTH_MAX {
        return Err(SdpError::Broken("longer than 16 KiB"));
    }
    // A national code page is not ours to read, so what is no UTF-8 is replaced.
    let text = str::from_utf8(sdp).map_or_else(|_| String::from_utf8_lossy(sdp), Cow::Borrowed);
    let mut version_seen = false;
    let mut session = Lines::default();
    let mut media = Vec::with_capacity(1);
    // The one whose lines are being read.
    let mut open: Option<Open> = None;
    for line in lines(&text).map(trimmed).filter(|line| !line.is_empty()) {
        let (key, value) = cut(line, b'=').ok_or(SdpError::Broken("a line is not key=value"))?;
        if !version_seen {
            match key {
                "v" if value.trim() == "0" => version_seen = true,
                "v" => return Err(GRAMMAR),
                _ => return Err(NO_VERSION),
            }
        }
        if matches!(key, "v" | "c" | "m" | "a") && value.as_bytes().contains(&0) {
            return Err(GRAMMAR);
        }
        match key {
            "m" => {
                let (line, port) = MediaLine::read(value)?;
                media.extend(open.replace(Open { line, port, lines: Lines::default() }).map(|done| done.medium(&session)));
                if media.len() == MEDIA_MAX {
                    return Err(SdpError::Broken("more than 16 media"));
                }
            }
            "c" => match &mut open {
                Some(open) => open.lines.connection(value)?,
                // RFC 8866, 5: at most one for the session, any number for each of its media.
                None if session.address.is_some() => return Err(GRAMMAR),
                None => session.connection(value)?,
            },
            "a" => open.as_mut().map_or(&mut session, |open| &mut open.lines).attribute(value),
            _ => {}
        }
    }
    media.extend(open.map(|done| done.medium(&session)));
    if version_seen { Ok(media) } else { Err(NO_VERSION) }
}

const NO_VERSION: SdpError = SdpError::Broken("does not begin with v=0");

/// What stands between line ends, of whichever kind.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.bytes().position(|octet| matches!(octet, b'\r' | b'\n')).unwrap_or(rest.len());
        let line = rest.get(..end)?;
        let is_last = rest.is_empty();
        rest = rest.get(end + 1..).unwrap_or_default();
        (!is_last).then_some(line)
    })
}

/// Without the blanks and zeroes around it, which nearly none has.
fn trimmed(line: &str) -> &str {
    let is_clean = |octet: Option<&u8>| octet.is_some_and(u8::is_ascii_graphic);
    if is_clean(line.as_bytes().first()) && is_clean(line.as_bytes().last()) {
        return line;
    }
    line.trim_matches(|c: char| c.is_whitespace() || c == '\0')
}

/// The parts before and behind the first `mark`, which is ASCII. Lines are short: to look for it octet by octet is the quickest way.
fn cut(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|octet| octet == mark)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// A media description that is being read.
struct Open {
    line: MediaLine,
    port: u16,
    lines: Lines,
}

/// What the `c=` and `a=` lines of the session, or of one of its media, say. Of each kind the first one holds.
struct Lines {
    address: Option<IpAddr>,
    direction: Option<(bool, bool)>,
    /// Inside is none if the line cannot be read, as in `ptime_ms`.
    rtcp: Option<Option<(u16, Option<IpAddr>)>>,
    ptime_ms: Option<Option<u8>>,
    /// By payload type.
    mapped: [Option<Encoding>; PAYLOAD_TYPES],
}

impl Default for Lines {
    fn default() -> Self {
        Self { address: None, direction: None, rtcp: None, ptime_ms: None, mapped: [None; PAYLOAD_TYPES] }
    }
}

impl Lines {
    /// `IN IP4 192.0.2.1`. Each such line is read, and the first one holds.
    fn connection(&mut self, value: &str) -> Result<(), SdpError> {
        let mut words = value.split_whitespace();
        let (Some(net), Some(family), Some(address), None) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err(GRAMMAR);
        };
        if !is_token(net) || !is_token(family) {
            return Err(GRAMMAR);
        }
        if self.address.is_none() {
            self.address = Some(connection_address(net, address)?);
        }
        Ok(())
    }

    /// `name` or `name:value`; one that means nothing to us is passed over.
    fn attribute(&mut self, attribute: &str) {
        let (name, value) = cut(attribute, b':').map_or((attribute, None), |(name, value)| (name, Some(value)));
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("rtpmap") {
            if let Some((payload_type, encoding)) = value.and_then(rtpmap)
                && let Some(mapped) = self.mapped.get_mut(usize::from(payload_type))
            {
                mapped.get_or_insert(encoding);
            }
        } else if is("sendrecv") {
            self.direction.get_or_insert((true, true));
        } else if is("sendonly") {
            self.direction.get_or_insert((true, false));
        } else if is("recvonly") {
            self.direction.get_or_insert((false, true));
        } else if is("inactive") {
            self.direction.get_or_insert((false, false));
        } else if is("rtcp") {
            self.rtcp.get_or_insert_with(|| value.and_then(rtcp));
        } else if is("ptime") {
            self.ptime_ms.get_or_insert_with(|| value.and_then(|ptime| ptime.trim().parse().ok()));
        }
    }
}

impl Open {
    fn medium(self, session: &Lines) -> Medium {
        let Self { line, port, lines } = self;
        let (sends, receives) = lines.direction.or(session.direction).unwrap_or((true, true));
        let mut codecs: Vec<(Codec, u8)> = Vec::new();
        let mut dtmf_pt = None;
        for format in line.formats().split(' ').take(FORMATS_MAX) {
            let Some(payload_type) = format.parse::<u8>().ok().filter(|number| !TAKEN_FOR_RTCP.contains(number)) else { continue };
            let Some(mapped) = lines.mapped.get(usize::from(payload_type)) else { continue };
            // Without `a=rtpmap` the static assignment holds (RFC 3551, 6).
            match mapped.or_else(|| Codec::by_payload_type(payload_type).map(Encoding::Audio)) {
                Some(Encoding::Audio(codec)) if codecs.iter().all(|(known, _)| *known != codec) => codecs.push((codec, payload_type)),
                Some(Encoding::Dtmf) if dtmf_pt.is_none() => dtmf_pt = Some(payload_type),
                _ => {}
            }
        }
        Medium {
            line,
            port,
            address: lines.address.or(session.address),
            sends,
            receives,
            rtcp: lines.rtcp.flatten(),
            codecs,
            dtmf_pt,
            ptime_ms: lines.ptime_ms.flatten(),
        }
    }
}

/// The address of a `c=` line. A name would have to be resolved, which nobody who writes one to a phone expects to work; a group would make us send
/// to many.
fn connection_address(net: &str, address: &str) -> Result<IpAddr, SdpError> {
    if !net.eq_ignore_ascii_case("IN") {
        return Err(SdpError::Broken("c= is not IN"));
    }
    let host = address.split('/').next().unwrap_or_default();
    let address: IpAddr = host.parse().map_err(|_| SdpError::Broken("c= is no IP address"))?;
    let address = address.to_canonical();
    if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(SdpError::Broken("c= is a group address"));
    }
    Ok(address)
}

/// RFC 8866, 9: a token.
fn is_token(word: &str) -> bool {
    word.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x27 | 0x2a | 0x2b | 0x2d | 0x2e | b'0'..=b'9' | b'A'..=b'Z' | 0x5e..=0x7e))
}

/// What a payload type stands for.
#[derive(Debug, Clone, Copy)]
enum Encoding {
    Audio(Codec),
    Dtmf,
    /// Nothing of ours.
    Unknown,
}

/// `8 PCMA/8000` (RFC 8866, 6.6): the payload type and what it stands for.
fn rtpmap(value: &str) -> Option<(u8, Encoding)> {
    let (payload_type, encoding) = value.trim().split_once(char::is_whitespace)?;
    Some((payload_type.parse().ok()?, known_encoding(encoding.trim()).unwrap_or(Encoding::Unknown)))
}

fn known_encoding(encoding: &str) -> Option<Encoding> {
    let mut parts = encoding.split('/');
    let name = parts.next()?;
    let rate: u32 = parts.next()?.trim().parse().ok()?;
    let channels = parts.next().map_or("1", str::trim);
    if rate != SAMPLE_RATE || channels != "1" {
        return None;
    }
    if name.eq_ignore_ascii_case("telephone-event") { Some(Encoding::Dtmf) } else { Codec::by_name(name).map(Encoding::Audio) }
}

/// `53020` or `53020 IN IP4 126.16.64.4` (RFC 3605, 2.1). What cannot be read is as if it were not there.
fn rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    let mut words = value.split_whitespace();
    let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
    let address: Option<IpAddr> = words.nth(2).and_then(|word| word.parse().ok());
    Some((port, address.map(|address| address.to_canonical())))
}
