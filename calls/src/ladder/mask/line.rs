//! One line of whatever kind: what looks like a credential in it is masked. Rather too much is hidden than too little.

use super::{MASK, escape};

/// What stands behind a name that holds one of these is a credential or a key, in lower case: `X-Authorization:`, `?Authorization=`,
/// `cnonce=`, `a=ice-pwd:`.
const SECRET_PARTS: [&[u8]; 10] =
    [b"auth", b"pass", b"pwd", b"secret", b"token", b"credential", b"nonce", b"response", b"cookie", b"crypto"];

/// Names that are short enough to be a part of harmless ones: also the token of a push service (RFC 8599), and a key for SRTP (RFC 8870, 5.2).
const SECRET_NAMES: [&[u8]; 5] = [b"pin", b"pw", b"inline", b"pn-prid", b"ekt"];

/// The same for keys of ciphers: `key-mgmt` (RFC 4567), `private_key`.
const KEY: &[u8] = b"key";

/// Schemes whose credentials have no name of their own (RFC 7617; RFC 6750).
const NAMELESS_SCHEMES: [&[u8]; 2] = [b"basic", b"bearer"];

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first one of a message: a URI there is not in angle brackets, so one in it is part of it.
    First,
    /// Any other.
    Other,
}

/// A line as it may be shown: from what looks like a credential on, nothing of it.
pub(super) fn line(text: &mut String, line: &[u8], kind: Kind) {
    match secret(line) {
        Some(at) => {
            if uris(text, line.get(..at).unwrap_or_default(), kind, true) == End::Open {
                text.push_str(MASK);
            }
        }
        None => {
            uris(text, line, kind, false);
        }
    }
}

/// Where the first credential begins: behind a name that says so, and its `=` or `:`. Octets that are escaped as in a URI are read too.
fn secret(line: &[u8]) -> Option<usize> {
    // The last word since the last separator, in lower case.
    let mut name = Vec::new();
    let mut in_name = false;
    let mut at = 0;
    // One pass: each octet is in one name only.
    while let Some((octet, next)) = octet(line, at) {
        // What follows, behind blanks: a name with nothing to it hides nothing.
        let value = || {
            let rest = line.get(next..)?;
            rest.iter().position(|octet| !octet.is_ascii_whitespace()).map(|blanks| next + blanks)
        };
        match octet {
            b'=' | b':' => {
                if is_secret(&name)
                    && let Some(value) = value()
                {
                    return Some(value);
                }
                name.clear();
                in_name = false;
            }
            _ if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.') => {
                if !in_name {
                    name.clear();
                    in_name = true;
                }
                name.push(octet.to_ascii_lowercase());
            }
            _ => {
                if in_name
                    && octet.is_ascii_whitespace()
                    && NAMELESS_SCHEMES.contains(&name.as_slice())
                    && let Some(value) = value()
                {
                    return Some(value);
                }
                in_name = false;
            }
        }
        at = next;
    }
    None
}

fn is_secret(name: &[u8]) -> bool {
    let holds = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    SECRET_NAMES.contains(&name) || holds(KEY) || SECRET_PARTS.into_iter().any(holds)
}

/// An octet, and where the next one begins: `%3D` is one (RFC 3986, 2.1).
fn octet(line: &[u8], at: usize) -> Option<(u8, usize)> {
    let octet = *line.get(at)?;
    let digit = |place: usize| line.get(place).and_then(|digit| char::from(*digit).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
    match (digit(at + 1), digit(at + 2)) {
        (Some(high), Some(low)) if octet == b'%' => Some((high << 4 | low, at + 3)),
        _ => Some((octet, at + 1)),
    }
}

/// How a line was written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As it is.
    Open,
    /// Its end is masked.
    Masked,
}

/// A line with the passwords of its URIs masked: `sip:user:password@host` (RFC 3261, 19.1.1), `https://user:password@host`. The password
/// may hold what it must not; a URI that the line `is_cut` in may be in the middle of one.
fn uris(text: &mut String, line: &[u8], kind: Kind, is_cut: bool) -> End {
    let ends_userinfo = |octet: &u8| *octet == b'@' || kind == Kind::Other && matches!(octet, b'<' | b'>');
    let from = |at: usize| line.get(at..).unwrap_or_default();
    let between = |at: usize, end: usize| line.get(at..end).unwrap_or_default();
    // One pass: what was looked at is written, whatever it was.
    let mut written = 0;
    while let Some(user) = find_scheme(from(written)).map(|at| written + at) {
        escape(text, between(written, user));
        let mut end = from(user).iter().position(ends_userinfo).map_or(line.len(), |at| user + at);
        // A user or a password with an @ of its own: the host is behind the last one.
        while line.get(end) == Some(&b'@')
            && let Some(at) = from(end + 1).iter().position(|octet| matches!(octet, b'@' | b' ' | b'\t' | b'<' | b'>' | b'"' | b',' | b';'))
            && line.get(end + 1 + at) == Some(&b'@')
        {
            end += 1 + at;
        }
        let is_userinfo = line.get(end) == Some(&b'@') || is_cut && end == line.len();
        let userinfo = between(user, end);
        match colon(userinfo).filter(|_| is_userinfo) {
            Some(colon) => {
                escape(text, userinfo.get(..colon).unwrap_or_default());
                text.push(':');
                text.push_str(MASK);
                if end == line.len() {
                    return End::Masked;
                }
            }
            None => escape(text, userinfo),
        }
        written = end;
    }
    escape(text, from(written));
    End::Open
}

/// Where the part of a URI behind its scheme begins: behind the first `sip:`, `sips:` or `://`.
fn find_scheme(line: &[u8]) -> Option<usize> {
    line.iter().enumerate().filter(|(_, octet)| matches!(octet, b's' | b'S' | b':')).find_map(|(at, _)| {
        let from = line.get(at..)?;
        let is = |scheme: &[u8]| from.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        [b"sip:".as_slice(), b"sips:", b"://"].into_iter().find(|scheme| is(scheme)).map(|scheme| at + scheme.len())
    })
}

/// Where a password begins to begin.
fn colon(userinfo: &[u8]) -> Option<usize> {
    let plain = userinfo.iter().position(|octet| *octet == b':');
    let escaped = userinfo.windows(3).position(|window| window.eq_ignore_ascii_case(b"%3a"));
    plain.into_iter().chain(escaped).min()
}
