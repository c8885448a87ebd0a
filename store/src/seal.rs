//! Secrets that have to be read again, such as a carrier's passwords: sealed in the database by a key that is not in it.
//!
//! ChaCha20-Poly1305 (RFC 8439) with a nonce by chance, bound to the row that it stands in: a copy of the database alone gives no secret
//! away, and a sealed text that is moved to another row does not open.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};

use crate::StoreError;

/// What a sealed text begins with, so that another way of sealing can come beside it.
const MARK: &str = "1:";

/// The key, if there is one. Without it nothing is sealed and nothing opened.
#[derive(Clone, Default)]
pub(crate) struct Seal(Option<Arc<LessSafeKey>>);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

impl Seal {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // It fails for a key of another length alone.
        Self(UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(|key| Arc::new(LessSafeKey::new(key))))
    }

    /// Seals a text for a place: `carrier 3`.
    pub(crate) fn seal(&self, place: &str, text: &str) -> Result<String, StoreError> {
        let defect = |what: &str| StoreError::Defect(what.into());
        let key = self.0.as_deref().ok_or_else(|| defect("there is no key to seal secrets with"))?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| defect("the system yields no random octets"))?;
        let mut octets = text.as_bytes().to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()), &mut octets)
            .map_err(|_| defect("a secret could not be sealed"))?;
        Ok(format!("{MARK}{}", STANDARD_NO_PAD.encode([nonce.as_slice(), &octets].concat())))
    }

    /// The text that was sealed for the place; none if it was not, or not with this key.
    pub(crate) fn open(&self, place: &str, sealed: &str) -> Option<String> {
        let mut octets = STANDARD_NO_PAD.decode(sealed.strip_prefix(MARK)?).ok()?;
        let (nonce, text) = octets.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.0.as_deref()?.open_in_place(nonce, Aad::from(place.as_bytes()), text).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_sealed_opens_at_its_place_with_its_key_alone() {
        let seal = Seal::new(&[7; 32]);
        for text in ["", "tuning-fork", "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}"] {
            let sealed = seal.seal("carrier 3", text).unwrap();
            assert!(!sealed.contains("tuning"));
            assert_eq!(seal.open("carrier 3", &sealed).as_deref(), Some(text));
            assert_eq!(seal.open("carrier 4", &sealed), None, "another row");
            assert_eq!(Seal::new(&[8; 32]).open("carrier 3", &sealed), None, "another key");
            assert_eq!(Seal::default().open("carrier 3", &sealed), None, "no key");
            assert_ne!(seal.seal("carrier 3", text).unwrap(), sealed, "each time otherwise");
            let mut edited = sealed.clone().into_bytes();
            *edited.last_mut().unwrap() ^= 1;
            assert_eq!(seal.open("carrier 3", &String::from_utf8(edited).unwrap()), None);
        }
        for wrong in ["", "1:", "1:AAAA", "2:AAAA", "plain", "1:!"] {
            assert_eq!(seal.open("carrier 3", wrong), None, "{wrong}");
        }
        assert!(Seal::default().seal("carrier 3", "x").is_err());
        assert_eq!(format!("{seal:?}"), "Seal(..)");
    }
}
