//! The Authorization header of scheme Digest (RFC 7616, 3.4).

use std::borrow::Cow;

use super::Algorithm;
use crate::message::{Cursor, is_token, unquoted};

/// What an answer to our challenge must hold.
#[derive(Debug)]
pub(super) struct Authorization<'a> {
    pub(super) username: Cow<'a, [u8]>,
    pub(super) realm: Cow<'a, [u8]>,
    pub(super) nonce: &'a [u8],
    pub(super) uri: &'a [u8],
    pub(super) response: &'a [u8],
    pub(super) algorithm: Algorithm,
    pub(super) cnonce: &'a [u8],
    pub(super) qop: &'a [u8],
    pub(super) nc: &'a [u8],
}

/// What follows the scheme, when the scheme is Digest.
pub(super) fn digest_parameters(line: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(line);
    cursor.skip_lws();
    let scheme = cursor.take_while(is_token);
    scheme.eq_ignore_ascii_case(b"Digest").then(|| cursor.rest())
}

impl<'a> Authorization<'a> {
    /// `None` when it breaks the grammar, repeats a parameter, lacks one, or names an algorithm that was not offered.
    /// Unknown parameters are ignored (RFC 7616, 3.4).
    pub(super) fn parse(parameters: &'a [u8]) -> Option<Self> {
        let [mut username, mut realm, mut nonce, mut uri, mut response] = [None; 5];
        let [mut algorithm, mut cnonce, mut qop, mut nc] = [None; 4];
        let mut cursor = Cursor::new(parameters);
        loop {
            let (name, value) = parameter(&mut cursor)?;
            let places = [
                ("username", &mut username),
                ("realm", &mut realm),
                ("nonce", &mut nonce),
                ("uri", &mut uri),
                ("response", &mut response),
                ("algorithm", &mut algorithm),
                ("cnonce", &mut cnonce),
                ("qop", &mut qop),
                ("nc", &mut nc),
            ];
            let place = places.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
            if let Some((_, place)) = place
                && place.replace(value).is_some()
            {
                return None;
            }
            cursor.skip_lws();
            if cursor.is_empty() {
                break;
            }
            if !cursor.eat(b',') {
                return None;
            }
        }
        Some(Self {
            username: unquoted(username?),
            realm: unquoted(realm?),
            nonce: bare(nonce?),
            uri: bare(uri?),
            response: bare(response?),
            // RFC 7616, 3.4: without the parameter it is MD5.
            algorithm: algorithm.map_or(Some(Algorithm::Md5), |token| Algorithm::of(bare(token)))?,
            cnonce: bare(cnonce?),
            qop: bare(qop?),
            nc: bare(nc?),
        })
    }

    /// The nonce count: eight hexadecimal digits, from 1 on.
    pub(super) fn count(&self) -> Option<u32> {
        if self.nc.len() != 8 || !self.nc.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u32::from_str_radix(std::str::from_utf8(self.nc).ok()?, 16).ok().filter(|&count| count > 0)
    }
}

/// `name = value`; the value with its quotes. Some phones send `opaque=` when they were given none.
fn parameter<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], &'a [u8])> {
    cursor.skip_lws();
    let name = cursor.take_while(is_token);
    cursor.skip_lws();
    if name.is_empty() || !cursor.eat(b'=') {
        return None;
    }
    cursor.skip_lws();
    let value = if cursor.peek() == Some(b'"') {
        cursor.quoted()?
    } else {
        cursor.take_while(|byte| byte > b' ' && byte != 0x7f && !matches!(byte, b',' | b'"'))
    };
    Some((name, value))
}

/// Without quotes; escapes stay, since what is hashed is what stands between the quotes (RFC 7616, 3.4.1).
fn bare(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}
