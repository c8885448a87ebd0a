//! Digest authentication as a phone does it (RFC 7616, RFC 8760).

use std::fmt::Write;

use anyhow::{Context, Result};
use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// One challenge of a 401 or 407.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// The algorithm; MD5 if none was named.
    pub algorithm: String,
    /// The quality of protection, as offered.
    pub qop: String,
    /// Whether only the nonce was too old.
    pub stale: bool,
    /// To be given back as it came.
    pub opaque: Option<String>,
}

impl Challenge {
    /// Reads the value of a WWW-Authenticate header.
    ///
    /// # Errors
    /// When it is no Digest challenge.
    pub fn parse(value: &str) -> Result<Self> {
        let rest = value.strip_prefix("Digest ").context("no Digest challenge")?;
        let field = |name: &str| fields(rest).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        Ok(Self {
            realm: field("realm").context("no realm")?,
            nonce: field("nonce").context("no nonce")?,
            algorithm: field("algorithm").unwrap_or_else(|| "MD5".to_owned()),
            qop: field("qop").unwrap_or_default(),
            stale: field("stale").is_some_and(|value| value.eq_ignore_ascii_case("true")),
            opaque: field("opaque"),
        })
    }
}

/// `name=value` and `name="value"`, separated by commas.
fn fields(mut text: &str) -> impl Iterator<Item = (String, String)> {
    std::iter::from_fn(move || {
        let (name, rest) = text.split_once('=')?;
        let name = name.trim().trim_start_matches(',').trim().to_owned();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        text = rest;
        Some((name, value.trim().to_owned()))
    })
}

/// What a phone puts into an Authorization header. Every field may be changed before it is written, for the tests of refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Who claims to ask.
    pub username: String,
    /// The realm.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// The Request-URI.
    pub uri: String,
    /// The proof, in hexadecimal digits.
    pub response: String,
    /// The algorithm.
    pub algorithm: String,
    /// The phone's own nonce.
    pub cnonce: String,
    /// How often the nonce was used, from 1.
    pub nc: u32,
    /// The quality of protection; none = the old form without it (RFC 2069).
    pub qop: Option<String>,
    /// The server's opaque.
    pub opaque: Option<String>,
}

impl Authorization {
    /// The answer to `challenge` for a request of `method` to `uri`.
    ///
    /// # Errors
    /// When the challenge's algorithm is unknown.
    pub fn answer(challenge: &Challenge, method: &str, uri: &str, username: &str, password: &str, nc: u32, cnonce: &str) -> Result<Self> {
        let mut answer = Self {
            username: username.to_owned(),
            realm: challenge.realm.clone(),
            nonce: challenge.nonce.clone(),
            uri: uri.to_owned(),
            response: String::new(),
            algorithm: challenge.algorithm.clone(),
            cnonce: cnonce.to_owned(),
            nc,
            qop: Some("auth".to_owned()),
            opaque: challenge.opaque.clone(),
        };
        answer.sign(method, password)?;
        Ok(answer)
    }

    /// Computes the proof anew for what stands in the other fields.
    ///
    /// # Errors
    /// When the algorithm is unknown.
    pub fn sign(&mut self, method: &str, password: &str) -> Result<()> {
        let hash = |text: String| hash(&self.algorithm, &text).with_context(|| format!("unknown algorithm {}", self.algorithm));
        let ha1 = hash(format!("{}:{}:{password}", self.username, self.realm))?;
        let ha2 = hash(format!("{method}:{}", self.uri))?;
        self.response = match &self.qop {
            Some(qop) => hash(format!("{ha1}:{}:{:08x}:{}:{qop}:{ha2}", self.nonce, self.nc, self.cnonce))?,
            None => hash(format!("{ha1}:{}:{ha2}", self.nonce))?,
        };
        Ok(())
    }

    /// The value of the header.
    #[must_use]
    pub fn value(&self) -> String {
        let Self { username, realm, nonce, uri, response, algorithm, cnonce, nc, qop, opaque } = self;
        let mut text = format!(
            r#"Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", algorithm={algorithm}"#
        );
        if let Some(qop) = qop {
            let _ = write!(text, r#", cnonce="{cnonce}", nc={nc:08x}, qop={qop}"#);
        }
        if let Some(opaque) = opaque {
            let _ = write!(text, r#", opaque="{opaque}""#);
        }
        text
    }
}

/// The hash of `text` by an algorithm's name, in hexadecimal digits; none if the name is unknown.
fn hash(algorithm: &str, text: &str) -> Option<String> {
    fn hex<D: Digest>(text: &str) -> String {
        D::digest(text.as_bytes()).iter().fold(String::new(), |digits, octet| digits + &format!("{octet:02x}"))
    }
    match algorithm.to_ascii_uppercase().as_str() {
        "MD5" => Some(hex::<Md5>(text)),
        "SHA-256" => Some(hex::<Sha256>(text)),
        "SHA-512-256" => Some(hex::<Sha512_256>(text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616, 3.9.1.
    #[test]
    fn the_examples_of_the_rfc_come_out() -> Result<()> {
        for (algorithm, response) in
            [("MD5", "8ca523f5e9506fed4657c9700eebdbec"), ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")]
        {
            let challenge = Challenge::parse(&format!(
                r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
            ))?;
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let answer = Authorization::answer(&challenge, "GET", "/dir/index.html", "Mufasa", "Circle of Life", 1, cnonce)?;
            assert_eq!(answer.response, response, "{algorithm}");
            assert!(answer.value().contains("opaque=\"FQhe"), "{}", answer.value());
        }
        Ok(())
    }
}
