//! Digest authentication (RFC 3261, 22; RFC 7616; RFC 8760): here as a server, in `client` as the one who is asked.
//!
//! Challenges need no memory: a nonce is its own time with a seal. Only nonces that a right password was given for are
//! remembered, with the counts they were used with, so strangers cannot fill the table (FT-12).

mod authorization;
mod challenge;
pub mod client;
mod hash;
mod nonce;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, Instant},
};

use subtle::ConstantTimeEq;

use crate::{
    guard::Source,
    message::{Message, Name, quoted},
    uri::SipUri,
};
use authorization::Authorization;
pub use challenge::{CHALLENGES_MAX, VALUE_MAX};
pub use hash::{Algorithm, Credentials};
use nonce::Nonces;

/// How long a nonce is good, when nothing else is asked for.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);

pub use nonce::{COUNT_WINDOW, NONCES_MAX};

/// What an Authorization header is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The right password, on a live nonce, with a count not seen before.
    Good,
    /// There is no Authorization header of scheme Digest: challenge.
    Missing,
    /// The right password on a nonce that has expired or is none of ours: challenge with `stale=true`, so that the phone goes on
    /// without asking its user (B-3).
    Stale,
    /// Refuse by a new challenge: wrong password or user, a replayed count (B-4), another realm, URI, algorithm or qop (B-5).
    Bad,
}

/// Hands out challenges and judges the answers.
pub struct Verifier {
    nonces: Nonces,
    /// Stands in for the user who does not exist; matches no password (B-2).
    nobody: Credentials,
    accepted: Vec<Algorithm>,
}

impl Verifier {
    /// `key` is 32 random octets, drawn anew at each start: nonces of an earlier life are then stale, not replayable.
    #[must_use]
    ///
    /// `accepted` are the algorithms that an Authorization may use; one with another is refused like a wrong password.
    pub fn new(key: [u8; 32], nonce_life: Duration, accepted: &[Algorithm]) -> Self {
        let nonces = Nonces::new(key, nonce_life, NONCES_MAX);
        let nobody = Credentials { md5: nonces.seal(b"nobody"), sha256: key, sha512_256: key };
        Self { nonces, nobody, accepted: accepted.to_vec() }
    }

    /// The values of WWW-Authenticate, one header each, for the algorithms in `offered`, preferred first (RFC 8760, 2.4).
    ///
    /// Nobody is proven by answering it: whoever wants that asks for [`Verifier::challenge_to`].
    pub fn challenge(&mut self, now: Instant, realm: &str, stale: bool, offered: &[Algorithm]) -> Vec<String> {
        let nonce = self.nonces.issue(now, 0);
        challenges(&nonce, realm, stale, offered)
    }

    /// As [`Verifier::challenge`], and an answer from `source`, where the challenge is sent to, proves that it hears us: see
    /// [`Verifier::is_echo`].
    pub fn challenge_to(&mut self, now: Instant, source: Source, realm: &str, stale: bool, offered: &[Algorithm]) -> Vec<String> {
        let nonce = self.nonces.issue(now, source.parts().0);
        challenges(&nonce, realm, stale, offered)
    }

    /// Whether the claim, which came from `source`, holds a live nonce that was sent to `source` by [`Verifier::challenge_to`].
    ///
    /// Then the sender's address is not forged: a challenge goes to where its request came from and never elsewhere (`maddr` is not
    /// followed), and nonces cannot be guessed. A nonce that was sent to another address proves nothing, for whoever forges an address
    /// can ask for a nonce at his own. It says nothing of the password.
    pub fn is_echo(&mut self, now: Instant, claim: &Claim<'_>, source: Source) -> bool {
        match &claim.selected {
            Selected::One(authorization) => self.nonces.is_echo(now, authorization.nonce, source.parts().0),
            Selected::None | Selected::Unusable => false,
        }
    }

    /// The user name that the request's Authorization for `realm` claims. Nothing is verified.
    #[must_use]
    pub fn claimed_user<'m>(request: &'m Message, realm: &str) -> Option<Cow<'m, str>> {
        Claim::of(request, realm).user()
    }

    /// Judges the request's Authorization for `realm`: [`Verifier::judge`] of its [`Claim`].
    pub fn verify(&mut self, now: Instant, request: &Message, realm: &str, credentials: Option<&Credentials>) -> Verdict {
        self.judge(now, &Claim::of(request, realm), credentials)
    }

    /// Judges what a request claims.
    ///
    /// `credentials` are those of the [`Claim::user`]; `None` when there is no such user: the same work is then done
    /// and the answer is as for a wrong password (B-2).
    pub fn judge(&mut self, now: Instant, claim: &Claim<'_>, credentials: Option<&Credentials>) -> Verdict {
        let Claim { request, selected } = claim;
        let authorization = match selected {
            Selected::None => return Verdict::Missing,
            Selected::Unusable => return Verdict::Bad,
            Selected::One(authorization) => authorization,
        };
        let Some(count) = authorization.count() else { return Verdict::Bad };
        if !self.accepted.contains(&authorization.algorithm) {
            return Verdict::Bad;
        }
        if !authorization.qop.eq_ignore_ascii_case(b"auth") || !same_uri(authorization.uri, request.uri()) {
            return Verdict::Bad;
        }
        let expected = hash::response(
            authorization.algorithm,
            credentials.unwrap_or(&self.nobody),
            &[authorization.nonce, authorization.nc, authorization.cnonce, authorization.qop],
            &[request.method_bytes(), authorization.uri],
        );
        let right = hash::unhex(authorization.response).is_some_and(|given| bool::from(given.ct_eq(&expected)));
        if !right || credentials.is_none() {
            return Verdict::Bad;
        }
        match self.nonces.use_once(now, authorization.nonce, count) {
            nonce::Use::Fresh => Verdict::Good,
            nonce::Use::Stale => Verdict::Stale,
            nonce::Use::Replayed => Verdict::Bad,
        }
    }
}

fn challenges(nonce: &str, realm: &str, stale: bool, offered: &[Algorithm]) -> Vec<String> {
    let realm = quoted(realm);
    let stale = if stale { ", stale=true" } else { "" };
    let challenge = |algorithm: &Algorithm| {
        ["Digest realm=", &realm, ", nonce=\"", nonce, "\", algorithm=", algorithm.as_str(), ", qop=\"auth\"", stale].concat()
    };
    offered.iter().map(challenge).collect()
}

/// The response of a phone, for tests elsewhere: `values` are nonce, nc, cnonce, qop.
#[cfg(test)]
pub(crate) fn answer(algorithm: Algorithm, credentials: &Credentials, values: &[&str; 4], method: &str, uri: &str) -> String {
    hash::hex(&hash::response(algorithm, credentials, &values.map(str::as_bytes), &[method.as_bytes(), uri.as_bytes()]))
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("nonces", &self.nonces.len()).finish_non_exhaustive()
    }
}

/// What a request says of its sender, read once. Nothing of it is verified.
#[derive(Debug)]
pub struct Claim<'m> {
    request: &'m Message,
    selected: Selected<'m>,
}

impl<'m> Claim<'m> {
    /// Reads the request's Authorization for `realm`.
    #[must_use]
    pub fn of(request: &'m Message, realm: &str) -> Self {
        Self { request, selected: select(request, realm) }
    }

    /// Whether it answers a challenge for our realm at all, rightly or not: what has none comes without a login.
    #[must_use]
    pub fn is_login(&self) -> bool {
        matches!(self.selected, Selected::One(_))
    }

    /// The user name that it claims; `None` if there is none that is text.
    #[must_use]
    pub fn user(&self) -> Option<Cow<'m, str>> {
        match &self.selected {
            Selected::One(authorization) => match &authorization.username {
                Cow::Borrowed(name) => std::str::from_utf8(name).ok().map(Cow::Borrowed),
                Cow::Owned(name) => std::str::from_utf8(name).ok().map(|name| Cow::Owned(name.to_owned())),
            },
            Selected::None | Selected::Unusable => None,
        }
    }
}

#[derive(Debug)]
enum Selected<'m> {
    /// No Authorization of scheme Digest.
    None,
    /// There is one, but not one that answers our challenge.
    Unusable,
    One(Authorization<'m>),
}

/// The first Authorization that could answer our challenge for `realm`. Those of other schemes do not count (RFC 4475, 3.3.7).
fn select<'m>(request: &'m Message, realm: &str) -> Selected<'m> {
    let mut any = false;
    for line in request.headers(Name::Authorization) {
        let Some(parameters) = authorization::digest_parameters(line) else { continue };
        any = true;
        if let Some(authorization) = Authorization::parse(parameters)
            && *authorization.realm == *realm.as_bytes()
        {
            return Selected::One(authorization);
        }
    }
    if any { Selected::Unusable } else { Selected::None }
}

/// The `uri` parameter names what the request line names (RFC 7616, 3.4.6): literally, or as SIP URIs compare.
fn same_uri(claimed: &[u8], request_uri: &[u8]) -> bool {
    claimed == request_uri
        || match (SipUri::parse(claimed), SipUri::parse(request_uri)) {
            (Ok(claimed), Ok(requested)) => claimed.equals(&requested),
            _ => false,
        }
}
