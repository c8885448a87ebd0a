//! What an installation keeps to itself: one random key, from which every other secret is derived.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, bail};
use hmac::{Hmac, Mac};
use rand::{TryRngCore, rngs::OsRng};
use sha2::Sha256;

/// The keys of this installation.
pub(crate) struct Secrets {
    key: [u8; 32],
}

/// The key's file in the data directory; readable by its owner only (FT-30).
const FILE: &str = "secret.key";

impl Secrets {
    /// Reads the key, or draws one at the first start. A key that is there but unusable is an error, never replaced:
    /// a new one would log everybody out.
    pub(crate) fn load(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        match fs::File::open(&path) {
            Ok(mut file) => {
                let mut text = String::new();
                file.read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Self { key: from_hex(text.trim()).with_context(|| format!("{} does not hold 64 hexadecimal digits", path.display()))? })
            }
            Err(missing) if missing.kind() == ErrorKind::NotFound => Self::draw(&path),
            Err(failure) => Err(failure).with_context(|| format!("cannot open {}", path.display())),
        }
    }

    /// The key of a server that has been started here; none if none has.
    pub(crate) fn find(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        if data_dir.join(FILE).exists() { Self::load(data_dir).map(Some) } else { Ok(None) }
    }

    /// What secrets in the database are sealed by, such as the passwords of carriers.
    pub(crate) fn of_database(&self) -> [u8; 32] {
        self.derive("secrets in the database")
    }

    fn draw(path: &Path) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        OsRng.try_fill_bytes(&mut key).context("the system has no random numbers")?;
        let text: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { key })
    }

    /// The key for one `purpose`: HMAC-SHA-256, so that one purpose's key says nothing about another's.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length (RFC 2104, 2)");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// Octets from the system's generator.
pub(crate) fn random_seed<const LENGTH: usize>() -> anyhow::Result<[u8; LENGTH]> {
    let mut seed = [0; LENGTH];
    OsRng.try_fill_bytes(&mut seed).context("the system has no random numbers")?;
    Ok(seed)
}

/// A password that a person can read off a screen: no 0, O, 1, l, I. 20 characters of 55 are 115 bits.
pub(crate) fn password() -> anyhow::Result<String> {
    const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut password = String::with_capacity(20);
    while password.len() < 20 {
        let mut octet = [0];
        OsRng.try_fill_bytes(&mut octet).context("the system has no random numbers")?;
        // An octet beyond the alphabet is drawn again, so that every character is as likely.
        if let Some(character) = ALPHABET.get(usize::from(octet[0] & 63)) {
            password.push(char::from(*character));
        }
    }
    Ok(password)
}

/// A number from 0 to 1 by chance, so that many servers do not come at once. Without chance it is 1: all pauses are the longest, which harms nobody.
pub(crate) fn chance() -> f64 {
    random_seed::<4>().map_or(1.0, |seed| f64::from(u32::from_le_bytes(seed)) / f64::from(u32::MAX))
}

fn from_hex(text: &str) -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        bail!("wrong length");
    }
    for (octet, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(digits)?, 16)?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_once_and_then_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = Secrets::load(dir.path()).expect("drawn");
        let second = Secrets::load(dir.path()).expect("read");
        assert_eq!(first.derive("jwt"), second.derive("jwt"));
        assert_ne!(first.derive("jwt"), first.derive("nonce"));
        assert_eq!(Secrets::find(dir.path()).expect("read").expect("found").of_database(), first.of_database());
        let nowhere = dir.path().join("nowhere");
        assert!(Secrets::find(&nowhere).expect("looked for").is_none() && !nowhere.exists(), "nothing is made");
        fs::write(dir.path().join(FILE), "short").expect("written");
        assert!(Secrets::load(dir.path()).is_err(), "an unusable key is not replaced");
    }

    #[test]
    fn passwords_differ() {
        let (one, other) = (password().expect("drawn"), password().expect("drawn"));
        assert_eq!(one.len(), 20);
        assert_ne!(one, other);
    }
}
