//! The three algorithms and what is computed with them (RFC 7616, 3.4; RFC 8760, 2).

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// A digest algorithm. The `-sess` forms are never offered by us, so never accepted; as a client we answer them too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256: its own initial values, not SHA-512 cut short (FIPS 180-4, 5.3.6.2).
    Sha512_256,
}

impl Algorithm {
    /// The order of challenges (RFC 8760, 2.4).
    pub const STRONGEST_FIRST: [Self; 3] = [Self::Sha512_256, Self::Sha256, Self::Md5];

    /// The token.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The algorithm of a token, in any case.
    #[must_use]
    pub fn of(token: &[u8]) -> Option<Self> {
        Self::STRONGEST_FIRST.into_iter().find(|algorithm| token.eq_ignore_ascii_case(algorithm.as_str().as_bytes()))
    }

    /// The hash of `parts` with a colon between each.
    pub(super) fn hash(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5 => joined::<Md5>(parts),
            Self::Sha256 => joined::<Sha256>(parts),
            Self::Sha512_256 => joined::<Sha512_256>(parts),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `H(username:realm:password)` for each algorithm: what is stored in place of the password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// MD5.
    pub md5: [u8; 16],
    /// SHA-256.
    pub sha256: [u8; 32],
    /// SHA-512-256.
    pub sha512_256: [u8; 32],
}

impl Credentials {
    /// Of a password in the clear.
    #[must_use]
    pub fn of(username: &str, realm: &str, password: &str) -> Self {
        let text = format!("{username}:{realm}:{password}");
        Self { md5: Md5::digest(&text).into(), sha256: Sha256::digest(&text).into(), sha512_256: Sha512_256::digest(&text).into() }
    }

    fn of_algorithm(&self, algorithm: Algorithm) -> &[u8] {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Sha512_256 => &self.sha512_256,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// The response that is right (RFC 7616, 3.4.1). `values` are nonce, nc, cnonce, qop; `a2` is method and URI.
pub(super) fn response(algorithm: Algorithm, credentials: &Credentials, values: &[&[u8]; 4], a2: &[&[u8]; 2]) -> Vec<u8> {
    let ha1 = hex(credentials.of_algorithm(algorithm));
    let ha2 = hex(&algorithm.hash(a2));
    let [nonce, nc, cnonce, qop] = values;
    algorithm.hash(&[ha1.as_bytes(), nonce, nc, cnonce, qop, ha2.as_bytes()])
}

fn joined<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    #[cfg(test)]
    WORK.with(|work| work.set((work.get().0 + 1, work.get().1 + parts.iter().map(|part| part.len() + 1).sum::<usize>())));
    let mut digest = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            digest.update(b":");
        }
        digest.update(part);
    }
    digest.finalize().to_vec()
}

#[cfg(test)]
thread_local! {
    /// Hashes that this thread has computed, and the octets that went into them.
    pub(super) static WORK: std::cell::Cell<(usize, usize)> = const { std::cell::Cell::new((0, 0)) };
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xf] {
            text.push(char::from(if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) }));
        }
    }
    text
}

/// The octets of a string of hexadecimal digits; `None` for an odd number of them or anything else.
pub(super) fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    pairs.iter().map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?)).collect()
}
