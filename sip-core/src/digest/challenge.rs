//! The WWW-Authenticate and Proxy-Authenticate headers of scheme Digest (RFC 7616, 3.3; RFC 3261, 20.27 and 20.44), as a client reads them.

use super::Algorithm;
use crate::message::{Cursor, Message, Name, is_token, unquoted};

/// Challenges that are read of one response; those below are not looked at.
pub const CHALLENGES_MAX: usize = 16;
/// The longest realm, nonce or opaque that is answered, in octets: each is said again by us.
pub const VALUE_MAX: usize = 1_024;

/// One challenge of scheme Digest that we could answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Escapes resolved.
    pub(super) realm: String,
    /// What stands between the quotes: that is what is hashed and said again (RFC 7616, 3.4.1).
    pub(super) nonce: String,
    /// The same.
    pub(super) opaque: Option<String>,
    pub(super) algorithm: Algorithm,
    /// The `-sess` form of the algorithm.
    pub(super) is_session: bool,
    /// It names its algorithm; without that it is MD5, and the answer names none either.
    pub(super) names_algorithm: bool,
    pub(super) qop: Qop,
    pub(super) stale: bool,
}

/// What is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Qop {
    /// None is offered: as RFC 2069 had it (RFC 2617, 3.2.2.1).
    Absent,
    Auth,
    AuthInt,
}

impl Challenge {
    /// Those in `response` that we can answer, topmost first (RFC 8760, 2.4). What breaks the grammar, is too long, or asks for what we do
    /// not know is passed over.
    pub(super) fn all(response: &Message, name: Name) -> Vec<Self> {
        let mut challenges = Vec::new();
        let mut left = CHALLENGES_MAX;
        for line in response.headers(name) {
            let mut cursor = Cursor::new(line);
            let mut open: Option<Parameters<'_>> = None;
            let is_whole = loop {
                cursor.skip_lws();
                // Empty elements of a list mean nothing (RFC 9110, 5.6.1.2).
                if cursor.eat(b',') {
                    continue;
                }
                if cursor.is_empty() {
                    break true;
                }
                let word = cursor.take_while(is_token);
                cursor.skip_lws();
                if word.is_empty() {
                    break false;
                }
                if cursor.eat(b'=') {
                    let Some(value) = value(&mut cursor) else { break false };
                    cursor.skip_lws();
                    if !cursor.is_empty() && cursor.peek() != Some(b',') {
                        break false;
                    }
                    if let Some(open) = &mut open {
                        open.add(word, value);
                    }
                    continue;
                }
                // A word that is followed by no `=` is the scheme of the next challenge on the line.
                challenges.extend(open.take().and_then(Parameters::challenge));
                if left == 0 {
                    return challenges;
                }
                left -= 1;
                open = Some(Parameters::of_scheme(word));
            };
            // Of a broken line, what was whole before it broke.
            if is_whole {
                challenges.extend(open.take().and_then(Parameters::challenge));
            }
        }
        challenges
    }
}

/// A value between quotes, escapes and all, or bare; `None` for what cannot be said again between quotes.
fn value<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    cursor.skip_lws();
    if cursor.peek() == Some(b'"') {
        return cursor.quoted();
    }
    Some(cursor.take_while(|byte| byte > b' ' && byte != 0x7f && !matches!(byte, b',' | b'"' | b'\\')))
}

/// What one challenge says.
#[derive(Default)]
struct Parameters<'a> {
    is_digest: bool,
    /// A parameter stands there twice: which of the two is meant?
    is_ambiguous: bool,
    realm: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    opaque: Option<&'a [u8]>,
    algorithm: Option<&'a [u8]>,
    qop: Option<&'a [u8]>,
    stale: Option<&'a [u8]>,
}

impl<'a> Parameters<'a> {
    fn of_scheme(scheme: &[u8]) -> Self {
        Self { is_digest: scheme.eq_ignore_ascii_case(b"Digest"), ..Self::default() }
    }

    fn add(&mut self, name: &[u8], value: &'a [u8]) {
        let places = [
            ("realm", &mut self.realm),
            ("nonce", &mut self.nonce),
            ("opaque", &mut self.opaque),
            ("algorithm", &mut self.algorithm),
            ("qop", &mut self.qop),
            ("stale", &mut self.stale),
        ];
        if let Some((_, place)) = places.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
            && place.replace(value).is_some()
        {
            self.is_ambiguous = true;
        }
    }

    fn challenge(self) -> Option<Challenge> {
        if !self.is_digest || self.is_ambiguous {
            return None;
        }
        let realm = text(&unquoted(self.realm?))?.to_owned();
        let nonce = text(bare(self.nonce?)).filter(|nonce| !nonce.is_empty())?.to_owned();
        let opaque = match self.opaque {
            Some(opaque) => Some(text(bare(opaque))?.to_owned()),
            None => None,
        };
        let (algorithm, is_session) = match self.algorithm {
            Some(token) => algorithm(bare(token))?,
            None => (Algorithm::Md5, false),
        };
        let qop = match self.qop {
            Some(offered) => qop(bare(offered))?,
            // RFC 2069 had no cnonce, of which the session's key is made.
            None if is_session => return None,
            None => Qop::Absent,
        };
        let stale = self.stale.is_some_and(|stale| bare(stale).eq_ignore_ascii_case(b"true"));
        Some(Challenge { realm, nonce, opaque, algorithm, is_session, names_algorithm: self.algorithm.is_some(), qop, stale })
    }
}

/// Of a length that we say again, and without what no header may hold.
fn text(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    (text.len() <= VALUE_MAX && !text.chars().any(char::is_control)).then_some(text)
}

/// Without quotes; escapes stay.
fn bare(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

fn algorithm(token: &[u8]) -> Option<(Algorithm, bool)> {
    const SESSION: &[u8] = b"-sess";
    if let Some(known) = Algorithm::of(token) {
        return Some((known, false));
    }
    let (name, form) = token.split_at_checked(token.len().checked_sub(SESSION.len())?)?;
    Algorithm::of(name).filter(|_| form.eq_ignore_ascii_case(SESSION)).map(|known| (known, true))
}

/// `auth` before `auth-int`: a hop that touches the body would break the latter.
fn qop(offered: &[u8]) -> Option<Qop> {
    let has = |wanted: &[u8]| offered.split(|&byte| byte == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(wanted));
    if has(b"auth") { Some(Qop::Auth) } else { has(b"auth-int").then_some(Qop::AuthInt) }
}
