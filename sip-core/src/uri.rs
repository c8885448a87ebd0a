//! SIP and SIPS URIs (RFC 3261, 19.1): read, compared, never re-escaped.

use std::net::{IpAddr, Ipv6Addr};

use crate::message::{Cursor, Params, digits, is_host_char, is_uri_char};

/// Parameters in a URI, and headers in a URI; more is malformed. It bounds the work of a comparison.
pub const URI_PARTS_MAX: usize = 32;

/// Why a URI is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Neither `sip:` nor `sips:`; it may be fine otherwise: 416.
    #[error("unsupported URI scheme")]
    Scheme,
    /// It breaks the grammar: 400.
    #[error("malformed URI")]
    Malformed,
}

/// `sip:` or `sips:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `sip:`.
    Sip,
    /// `sips:`, TLS all the way.
    Sips,
}

/// The parts of a URI, as received.
#[derive(Debug, Clone, Copy)]
pub struct SipUri<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The user, escapes as received: see [`SipUri::user_text`].
    pub user: Option<&'a [u8]>,
    /// What follows a colon in the user part. Deprecated and never used by us, but part of a comparison.
    pub password: Option<&'a [u8]>,
    /// The host; an IPv6 address keeps its brackets.
    pub host: &'a [u8],
    /// The port, if it names one.
    pub port: Option<u16>,
    /// Its parameters.
    pub params: Params<'a>,
    /// What follows the question mark; empty when there is none.
    pub headers: &'a [u8],
}

impl<'a> SipUri<'a> {
    /// Reads a URI.
    ///
    /// # Errors
    /// [`UriError`].
    pub fn parse(uri: &'a [u8]) -> Result<Self, UriError> {
        let colon = uri.iter().position(|&byte| byte == b':').ok_or(UriError::Malformed)?;
        let (scheme, rest) = uri.split_at_checked(colon).ok_or(UriError::Malformed)?;
        let scheme = if scheme.eq_ignore_ascii_case(b"sip") {
            Scheme::Sip
        } else if scheme.eq_ignore_ascii_case(b"sips") {
            Scheme::Sips
        } else {
            return Err(UriError::Scheme);
        };
        Self::after_scheme(scheme, rest.get(1..).unwrap_or_default()).ok_or(UriError::Malformed)
    }

    fn after_scheme(scheme: Scheme, rest: &'a [u8]) -> Option<Self> {
        if !rest.iter().copied().all(is_uri_char) {
            return None;
        }
        // An @ elsewhere must be escaped, so the first one ends the user part, which may hold `;`, `?` and `/`.
        let mut cursor = Cursor::new(rest);
        let (user, password) = match cursor.until(b'@') {
            None => (None, None),
            Some(info) => {
                let (user, password) = match info.iter().position(|&byte| byte == b':') {
                    Some(colon) => (info.get(..colon)?, info.get(colon + 1..)),
                    None => (info, None),
                };
                if user.is_empty() || !escapes_are_whole(info) {
                    return None;
                }
                (Some(user), password)
            }
        };
        let start = cursor;
        if cursor.eat(b'[') {
            cursor.until(b']')?;
        } else {
            cursor.take_while(|byte| !matches!(byte, b':' | b';' | b'?'));
        }
        let host = cursor.since(start);
        if !is_host(host) {
            return None;
        }
        let mut port = None;
        if cursor.eat(b':') {
            port = Some(u16::try_from(digits(cursor.take_while(|byte| byte.is_ascii_digit()))?).ok()?);
        }
        let parameters = cursor.take_while(|byte| byte != b'?');
        let mut parameters = Cursor::new(parameters);
        let params = Params::read(&mut parameters)?;
        let headers = if cursor.eat(b'?') { cursor.rest() } else { &[] };
        let whole = parameters.is_empty() && !headers.contains(&b'@');
        let few = params.iter().count() <= URI_PARTS_MAX && split_headers(headers).count() <= URI_PARTS_MAX;
        (whole && few && all_differ(&params)).then_some(Self { scheme, user, password, host, port, params, headers })
    }

    /// The user with its escapes resolved, once. `None` without a user, or when it is no UTF-8.
    /// It can hold anything, also NUL and slashes.
    #[must_use]
    pub fn user_text(&self) -> Option<String> {
        let user = self.user?;
        String::from_utf8(unescaped(user).map(|unit| unit.byte).collect()).ok()
    }

    /// The host for comparison: lower case.
    #[must_use]
    pub fn host_text(&self) -> String {
        String::from_utf8_lossy(self.host).to_ascii_lowercase()
    }

    /// The host when it is an address.
    #[must_use]
    pub fn host_ip(&self) -> Option<IpAddr> {
        ip(self.host)
    }

    /// The values of its headers of that name, in any case, escapes resolved.
    pub(crate) fn header_values(&self, name: &str) -> impl Iterator<Item = Vec<u8>> {
        let plain = |part| unescaped(part).map(|unit| unit.byte);
        split_headers(self.headers).filter_map(move |header| {
            let at = memchr::memchr(b'=', header)?;
            let (found, value) = header.split_at_checked(at)?;
            let is_it = plain(found).map(|byte| byte.to_ascii_lowercase()).eq(name.bytes().map(|byte| byte.to_ascii_lowercase()));
            is_it.then(|| plain(value).skip(1).collect())
        })
    }

    /// Whether the two name the same thing (RFC 3261, 19.1.4).
    #[must_use]
    pub fn equals(&self, other: &SipUri<'_>) -> bool {
        let same_host = match (self.host_ip(), other.host_ip()) {
            (Some(a), Some(b)) => a == b,
            _ => self.host.eq_ignore_ascii_case(other.host),
        };
        self.scheme == other.scheme
            && same_part(self.user, other.user)
            && same_part(self.password, other.password)
            && same_host
            && self.port == other.port
            && same_params(&self.params, &other.params)
            && same_params(&other.params, &self.params)
            && same_headers(self.headers, other.headers)
    }
}

/// A URI without its headers, as it may stand in a request line (RFC 3261, 19.1.1 and 19.1.5).
/// A registered contact's headers are shown, but never become headers of a request.
#[must_use]
pub fn without_headers(uri: &[u8]) -> &[u8] {
    // The user part may hold question marks.
    let host = memchr::memchr(b'@', uri).unwrap_or(0);
    let tail = uri.get(host..).unwrap_or_default();
    memchr::memchr(b'?', tail).and_then(|at| uri.get(..host + at)).unwrap_or(uri)
}

/// What may stand in a request line: a SIP URI without headers, or anything that looks like a URI of another scheme.
pub(crate) fn is_request_uri(uri: &[u8]) -> bool {
    match SipUri::parse(uri) {
        Ok(uri) => uri.headers.is_empty(),
        Err(UriError::Scheme) => crate::message::is_uri(uri),
        Err(UriError::Malformed) => false,
    }
}

/// A host name or an address. Underscores are not allowed in names, yet used.
pub(crate) fn is_host(host: &[u8]) -> bool {
    match host.first() {
        None => false,
        Some(b'[') => ip(host).is_some(),
        Some(_) => host.iter().copied().all(is_host_char),
    }
}

/// Whether a host as written is that address.
pub(crate) fn host_is(host: &[u8], address: IpAddr) -> bool {
    ip(host) == Some(address)
}

fn ip(host: &[u8]) -> Option<IpAddr> {
    match host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")) {
        Some(inner) => std::str::from_utf8(inner).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None if host.first()?.is_ascii_digit() => std::str::from_utf8(host).ok()?.parse().ok(),
        None => None,
    }
}

/// One character of a part: two are the same when byte and role are. An escaped `;` is not a `;` (19.1.4).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Unit {
    byte: u8,
    escaped_reserved: bool,
}

/// The characters of a part, each escape resolved once; a `%` that begins no escape is itself.
fn unescaped(part: &[u8]) -> impl Iterator<Item = Unit> {
    let mut rest = part;
    std::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        rest = after;
        if first == b'%'
            && let Some((&[high, low], after)) = after.split_first_chunk::<2>()
            && let (Some(high), Some(low)) = (nibble(high), nibble(low))
        {
            rest = after;
            let byte = high << 4 | low;
            return Some(Unit { byte, escaped_reserved: RESERVED.contains(&byte) });
        }
        Some(Unit { byte: first, escaped_reserved: false })
    })
}

/// RFC 2396, 2.2.
const RESERVED: &[u8] = b";/?:@&=+$,";

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn escapes_are_whole(part: &[u8]) -> bool {
    memchr::memchr_iter(b'%', part).all(|at| part.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// User and password: with regard to case.
fn same_part(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => unescaped(a).eq(unescaped(b)),
        _ => false,
    }
}

/// Everything else: without regard to case.
fn same_word(a: &[u8], b: &[u8]) -> bool {
    let lower = |unit: Unit| Unit { byte: unit.byte.to_ascii_lowercase(), ..unit };
    unescaped(a).map(lower).eq(unescaped(b).map(lower))
}

/// Whether `b` agrees with every parameter of `a`: one that both have must be equal, and these may not stand on one side only.
fn same_params(a: &Params<'_>, b: &Params<'_>) -> bool {
    const MUST_AGREE: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];
    a.iter().all(|(name, value)| match b.iter().find(|(other, _)| same_word(name, other)) {
        Some((_, other)) => match (value, other) {
            (None, None) => true,
            (Some(value), Some(other)) => same_word(value, other),
            _ => false,
        },
        None => !MUST_AGREE.iter().any(|must| same_word(name, must)),
    })
}

/// RFC 3261, 19.1.1: no name twice.
fn all_differ(params: &Params<'_>) -> bool {
    params.iter().enumerate().all(|(at, (name, _))| !params.iter().skip(at + 1).any(|(other, _)| same_word(name, other)))
}

/// Headers are never ignored; their order is.
fn same_headers(a: &[u8], b: &[u8]) -> bool {
    let count = |headers: &[u8], wanted: &[u8]| split_headers(headers).filter(|header| same_word(header, wanted)).count();
    a == b || split_headers(a).chain(split_headers(b)).all(|header| count(a, header) == count(b, header))
}

fn split_headers(headers: &[u8]) -> impl Iterator<Item = &[u8]> {
    headers.split(|&byte| byte == b'&')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parse(uri: &str) -> Result<SipUri<'_>, UriError> {
        SipUri::parse(uri.as_bytes())
    }

    /// The examples of RFC 3261, 19.1.4, and what RFC 4475 adds.
    #[test]
    fn equality() {
        let same = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            ("sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x"),
            ("SIP:a@[2001:DB8::1]", "sip:a@[2001:db8:0::1]"),
            ("sip:a%2Db@h", "sip:a-b@h"),
        ];
        let different = [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@h", "sips:a@h"),
            ("sip:a@h", "sip:h"),
            ("sip:a@h", "sip:a:b@h"),
            ("sip:a@h;lr", "sip:a@h;lr=1"),
            ("sip:a@h;maddr=1.2.3.4", "sip:a@h"),
            ("sip:a%3Bb@h", "sip:a;b@h"),
            ("sip:%00@h", "sip:%00%00@h"),
            ("sip:a@h?x=1&x=1", "sip:a@h?x=1&y=1"),
            ("sip:a@h?x=1", "sip:a@h?x=1&x=1"),
        ];
        for (expected, pairs) in [(true, &same[..]), (false, &different[..])] {
            for (a, b) in pairs {
                assert_eq!(parse(a).unwrap().equals(&parse(b).unwrap()), expected, "{a} and {b}");
                assert_eq!(parse(b).unwrap().equals(&parse(a).unwrap()), expected, "{b} and {a}");
                assert!(parse(a).unwrap().equals(&parse(a).unwrap()), "{a} and itself");
            }
        }
    }

    #[test]
    fn users() {
        let user = |uri: &str| parse(uri).unwrap().user_text();
        assert_eq!(user("sip:*72%231001@h").as_deref(), Some("*72#1001"));
        assert_eq!(user("sip:+7(921)1#2@h").as_deref(), Some("+7(921)1#2"));
        assert_eq!(user("sip:6001:password@h").as_deref(), Some("6001"));
        assert_eq!(user("sip:a%2541@h").as_deref(), Some("a%41"), "once");
        assert_eq!(user("sip:%D0%9F@h").as_deref(), Some("\u{41f}"));
        assert_eq!(user("sip:%D0@h"), None);
        assert_eq!(user("sip:h"), None);
    }

    #[test]
    fn malformed() {
        let many = format!("sip:a@h{}", ";a".repeat(URI_PARTS_MAX + 1));
        let headers = format!("sip:a@h?{}", "a=b&".repeat(URI_PARTS_MAX));
        let uris = [
            "",
            "sip",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a@h:",
            "sip:a@h:x",
            "sip:a@h:65536",
            "sip:a@h h",
            "sip:a@h;",
            "sip:a@h;;lr",
            "sip:a@h;=1",
            "sip:a@h;lr;LR",
            "sip:a@h;lr;l%72",
            "sip:a@b@h",
            "sip:a@h?x=@",
            "sip:[::1",
            "sip:[1.2.3.4]",
            "sip:[::1%25eth0]",
            "sip:a%@h",
            "sip:a%4g@h",
            "sip:a@h<",
            "sip:a@\"h\"",
            "sip:a@h\0",
            "sip:a@h;x=\"y\"",
            "sip:a@h,b",
            "sip:2001:db8::10",
            "sip:[2001:db8::10",
            "sip:a@h\r\nb",
            "sip:a@\u{43f}",
            "sip:a@h;a,b",
            &many,
            &headers,
        ];
        for uri in uris {
            assert_eq!(parse(uri).err(), Some(UriError::Malformed), "{uri}");
        }
        for uri in ["tel:+7", "x:", "sipx:a@h", "http://h"] {
            assert_eq!(parse(uri).err(), Some(UriError::Scheme), "{uri}");
        }
    }

    #[test]
    fn headers_stay_out_of_requests() {
        let bare = |uri: &'static str| String::from_utf8_lossy(without_headers(uri.as_bytes()));
        assert_eq!(bare("sip:a?b@h;lr?Route=%3Cx%3E"), "sip:a?b@h;lr");
        assert_eq!(bare("sip:h?a=b?c=d"), "sip:h");
        assert_eq!(bare("sip:a?b@h"), "sip:a?b@h");
        assert!(!is_request_uri(b"sip:a@h?b=c") && is_request_uri(b"sip:a@h") && is_request_uri(b"tel:+7") && !is_request_uri(b"x:"));
    }
}
