//! Digest authentication as a client: answering the challenge of a 401 or 407 (RFC 3261, 22; RFC 7616; RFC 8760).
//!
//! What is at stake is the password of a trunk: whoever is answered can try passwords on the answer at leisure, and a stranger who
//! relays a challenge of the trunk to us could speak as us (B-56, CVE-2021-41158). So there is one [`Answerer`] for each account, only
//! requests that were given the account are answered by it, and it says no to:
//!
//! - a realm that is not the account's, or not the one that was answered first;
//! - an algorithm weaker than one that it has answered with;
//! - a challenge to credentials that were refused just now, or to a nonce on which they were refused, unless it says `stale=true`;
//! - a request that was answered [`ANSWERS_MAX`] times.

use std::{collections::VecDeque, fmt};

use super::{
    Algorithm,
    challenge::{Challenge, Qop},
    hash::hex,
};
use crate::message::{Message, Name, quoted};

/// How often one request is sent again with credentials: a proxy and a server may each ask, and each may say once that its nonce is stale.
pub const ANSWERS_MAX: u8 = 4;
/// Nonces whose counts are remembered for an account. One that comes back later begins with 1 again, which its server calls stale.
pub const NONCES_KEPT: usize = 64;

/// Who we are at a peer.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The user name of the credentials.
    pub username: String,
    /// The password. It is never printed, sent or compared with anything that came.
    pub secret: String,
    /// The realm for which the password is. `None`: the one that asks first, as long as the [`Answerer`] lives.
    pub realm: Option<String>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("username", &self.username).field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// Why a challenge is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// There is no challenge of scheme Digest that we could answer.
    #[error("no challenge that can be answered")]
    Unusable,
    /// It is for another realm than the account's.
    #[error("asked for another realm: {asked}")]
    Realm {
        /// The topmost realm that was asked for.
        asked: String,
    },
    /// It takes a weaker algorithm than this peer took before.
    #[error("asked for a weaker algorithm than before")]
    Weaker,
    /// Our credentials were refused: a wrong user name or password.
    #[error("user name or password refused")]
    Refused,
    /// The request was answered [`ANSWERS_MAX`] times already.
    #[error("asked too often")]
    TooOften,
}

/// The request that was challenged: what goes into the hash.
#[derive(Debug, Clone, Copy)]
pub struct Challenged<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The Request-URI.
    pub uri: &'a [u8],
    /// The body; it counts for `auth-int` only.
    pub body: &'a [u8],
}

impl<'a> Challenged<'a> {
    /// The parts of `request`.
    #[must_use]
    pub fn of(request: &'a Message) -> Self {
        Self { method: request.method_bytes(), uri: request.uri(), body: request.body() }
    }
}

/// The challenges that one request met so far. A request that is sent again with credentials keeps it; another one begins anew.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    server: Option<Challenge>,
    proxy: Option<Challenge>,
    answers: u8,
}

impl Exchange {
    /// How often the request was answered for.
    #[must_use]
    pub fn answers(&self) -> u8 {
        self.answers
    }
}

/// A header of credentials: `Authorization` or `Proxy-Authorization`, and its value.
pub type Proof = (&'static str, String);

/// Answers the challenges to the requests of one account.
#[derive(Clone)]
pub struct Answerer {
    account: Account,
    /// The realm that was answered first, for an account that names none.
    realm: Option<String>,
    /// The strongest algorithm that was answered with.
    floor: Option<Algorithm>,
    /// Oldest first, at most [`NONCES_KEPT`].
    used: VecDeque<Used>,
}

/// A nonce and what was done with it.
#[derive(Clone)]
struct Used {
    nonce: String,
    /// Kept with the nonce, since the key of a `-sess` algorithm is made of both.
    cnonce: u128,
    count: u32,
    refused: bool,
}

impl Answerer {
    /// Of an account that has not been asked yet.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self { account, realm: None, floor: None, used: VecDeque::new() }
    }

    /// Whose challenges it answers.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The credentials with which `request` is to be sent again after `response`: for its challenge, and once more for that of the other
    /// kind, if it met one before (RFC 3261, 22.3). `cnonce` is random, anew at each call.
    ///
    /// # Errors
    /// [`Unproven`]: the request must not go out again.
    pub fn answer(
        &mut self,
        exchange: &mut Exchange,
        response: &Message,
        request: Challenged<'_>,
        cnonce: u128,
    ) -> Result<Vec<Proof>, Unproven> {
        let (name, before) = match response.status() {
            401 => (Name::WwwAuthenticate, &mut exchange.server),
            407 => (Name::ProxyAuthenticate, &mut exchange.proxy),
            _ => return Err(Unproven::Unusable),
        };
        let challenge = self.choose(Challenge::all(response, name));
        if let Some(before) = before.as_ref()
            && !challenge.as_ref().is_ok_and(|challenge| challenge.stale)
        {
            self.refused(&before.nonce);
            // That it is refused says more than what it asks for now.
            return Err(Unproven::Refused);
        }
        let challenge = challenge?;
        if !challenge.stale && self.used.iter().any(|used| used.refused && used.nonce == challenge.nonce) {
            return Err(Unproven::Refused);
        }
        if exchange.answers >= ANSWERS_MAX {
            return Err(Unproven::TooOften);
        }
        if !can_be_quoted(request.uri) {
            return Err(Unproven::Unusable);
        }
        self.realm.get_or_insert_with(|| challenge.realm.clone());
        self.floor = self.floor.max(Some(challenge.algorithm));
        *before = Some(challenge);
        exchange.answers = exchange.answers.saturating_add(1);
        Ok(self.again(exchange, request, cnonce))
    }

    /// The credentials with which a request goes out again that was refused for another reason (RFC 4028, 7.3): none, if it met no challenge.
    pub fn again(&mut self, exchange: &Exchange, request: Challenged<'_>, cnonce: u128) -> Vec<Proof> {
        let kinds = [("Authorization", &exchange.server), ("Proxy-Authorization", &exchange.proxy)];
        kinds.into_iter().filter_map(|(name, challenge)| Some((name, self.credentials(challenge.as_ref()?, request, cnonce)))).collect()
    }

    /// The topmost that we may answer.
    fn choose(&self, challenges: Vec<Challenge>) -> Result<Challenge, Unproven> {
        let mut why = Unproven::Unusable;
        let realm = self.account.realm.as_ref().or(self.realm.as_ref());
        for challenge in challenges {
            if realm.is_some_and(|realm| *realm != challenge.realm) {
                if why == Unproven::Unusable {
                    why = Unproven::Realm { asked: challenge.realm };
                }
            } else if self.floor.is_some_and(|floor| challenge.algorithm < floor) {
                why = Unproven::Weaker;
            } else {
                return Ok(challenge);
            }
        }
        Err(why)
    }

    fn refused(&mut self, nonce: &str) {
        if let Some(used) = self.used.iter_mut().find(|used| used.nonce == nonce) {
            used.refused = true;
        }
    }

    /// Counts one more use of `nonce`.
    fn count(&mut self, nonce: &str, cnonce: u128) -> (u32, u128) {
        if let Some(used) = self.used.iter_mut().find(|used| used.nonce == nonce) {
            used.count = used.count.saturating_add(1);
            return (used.count, used.cnonce);
        }
        if self.used.len() >= NONCES_KEPT {
            self.used.pop_front();
        }
        self.used.push_back(Used { nonce: nonce.to_owned(), cnonce, count: 1, refused: false });
        (1, cnonce)
    }

    /// RFC 7616, 3.4. The user name goes in the clear: a peer that would take its hash takes that as well (3.4.4).
    fn credentials(&mut self, challenge: &Challenge, request: Challenged<'_>, cnonce: u128) -> String {
        let (count, cnonce) = self.count(&challenge.nonce, cnonce);
        let cnonce = format!("{cnonce:032x}");
        let response = self.response(challenge, request, count, &cnonce);
        let mut value = [
            "Digest username=",
            &quoted(&self.account.username),
            ", realm=",
            &quoted(&challenge.realm),
            ", nonce=\"",
            &challenge.nonce,
            "\", uri=\"",
            &String::from_utf8_lossy(request.uri),
            "\", response=\"",
            &response,
            "\"",
        ]
        .concat();
        if challenge.names_algorithm {
            value.push_str(&format!(", algorithm={}{}", challenge.algorithm, if challenge.is_session { "-sess" } else { "" }));
        }
        if let Some(opaque) = &challenge.opaque {
            value.push_str(&format!(", opaque=\"{opaque}\""));
        }
        if let Some(qop) = challenge.qop.as_str() {
            value.push_str(&format!(", cnonce=\"{cnonce}\", qop={qop}, nc={count:08x}"));
        }
        value
    }

    /// RFC 7616, 3.4.1 to 3.4.3; without a qop RFC 2617, 3.2.2.1.
    fn response(&self, challenge: &Challenge, request: Challenged<'_>, count: u32, cnonce: &str) -> String {
        let Challenge { algorithm, nonce, .. } = challenge;
        let hash = |parts: &[&[u8]]| hex(&algorithm.hash(parts));
        let (nonce, cnonce) = (nonce.as_bytes(), cnonce.as_bytes());
        let mut secret = hash(&[self.account.username.as_bytes(), challenge.realm.as_bytes(), self.account.secret.as_bytes()]);
        if challenge.is_session {
            secret = hash(&[secret.as_bytes(), nonce, cnonce]);
        }
        let asked = match challenge.qop {
            Qop::AuthInt => hash(&[request.method, request.uri, hash(&[request.body]).as_bytes()]),
            Qop::Auth | Qop::Absent => hash(&[request.method, request.uri]),
        };
        match challenge.qop.as_str() {
            Some(qop) => {
                let count = format!("{count:08x}");
                hash(&[secret.as_bytes(), nonce, count.as_bytes(), cnonce, qop.as_bytes(), asked.as_bytes()])
            }
            None => hash(&[secret.as_bytes(), nonce, asked.as_bytes()]),
        }
    }
}

impl fmt::Debug for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answerer").field("account", &self.account).field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl Qop {
    fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Absent => None,
            Self::Auth => Some("auth"),
            Self::AuthInt => Some("auth-int"),
        }
    }
}

/// A URI that stands between quotes as it is.
fn can_be_quoted(uri: &[u8]) -> bool {
    std::str::from_utf8(uri).is_ok() && !uri.iter().any(|byte| matches!(byte, b'"' | b'\\') || byte.is_ascii_control())
}

#[cfg(test)]
mod tests;
