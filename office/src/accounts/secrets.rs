//! Texts that give entry to whoever has them: refresh tokens, API tokens, one-time links. We keep their hashes only, so that who reads the
//! database cannot use them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRngCore as _, rngs::OsRng};
use sha2::{Digest as _, Sha256};

use crate::OfficeError;

/// Random octets in each.
const OCTETS: usize = 32;
/// Letters that they make in base64url.
const LETTERS: usize = 43;

/// What a secret gives entry to. Its prefix says so to people, and to programs that look for secrets where none should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// New tokens of a session.
    Refresh,
    /// Requests of a program.
    Api,
    /// Setting a password.
    Link,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "cbr_",
            Self::Api => "cba_",
            Self::Link => "cbl_",
        }
    }
}

/// Draws a secret of 256 random bits.
///
/// # Errors
/// If the operating system yields no random octets.
pub(crate) fn draw(kind: Kind) -> Result<String, OfficeError> {
    let mut octets = [0; OCTETS];
    OsRng.try_fill_bytes(&mut octets).map_err(|_| OfficeError::Defect("the system yields no random octets".to_owned()))?;
    Ok(format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(octets)))
}

/// The hash under which a secret is kept; none for a text that is no secret of the kind. A plain SHA-256 will do: nobody guesses 256 bits.
pub(crate) fn hash(kind: Kind, text: &str) -> Option<String> {
    let letters = text.strip_prefix(kind.prefix())?;
    let is_ours = letters.len() == LETTERS && letters.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'));
    is_ours.then(|| Sha256::digest(text.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_secret_is_of_one_kind_and_never_drawn_twice() {
        for kind in [Kind::Refresh, Kind::Api, Kind::Link] {
            let secret = draw(kind).unwrap();
            assert_ne!(secret, draw(kind).unwrap());
            assert_eq!(hash(kind, &secret).unwrap().len(), 64);
            for other in [Kind::Refresh, Kind::Api, Kind::Link] {
                assert_eq!(hash(other, &secret).is_some(), kind == other);
            }
            for wrong in [&secret[4..], &secret[..46], &format!("{secret}A"), &format!("{}=", &secret[..46]), &secret.to_uppercase(), ""] {
                assert_eq!(hash(kind, wrong), None, "{wrong}");
            }
        }
    }
}
