//! Passwords for phones, drawn by the operating system's generator.

use rand::{TryRngCore as _, rngs::OsRng};

use crate::error::Problem;

/// No character that looks like another (0 O, 1 l I): a person types it from a sheet into a phone.
const ALPHABET: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz";
/// 20 of 56 characters are 116 bits.
const LENGTH: usize = 20;

/// A new password.
pub(crate) fn password() -> Result<String, Problem> {
    let mut password = String::with_capacity(LENGTH);
    // Octets past the greatest multiple of the alphabet's length are thrown away, so that all characters are as likely.
    let fair = 256 - 256 % ALPHABET.len();
    while password.len() < LENGTH {
        let mut octets = [0; 2 * LENGTH];
        OsRng.try_fill_bytes(&mut octets).map_err(Problem::internal)?;
        let fair = octets.iter().map(|octet| usize::from(*octet)).filter(|octet| *octet < fair);
        let characters = fair.filter_map(|octet| ALPHABET.get(octet % ALPHABET.len()));
        password.extend(characters.take(LENGTH - password.len()).map(|character| char::from(*character)));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn passwords_differ_and_are_easy_to_read() {
        let passwords: BTreeSet<String> = (0..1_000).map(|_| password().unwrap()).collect();
        assert_eq!(passwords.len(), 1_000);
        assert!(passwords.iter().all(|password| password.len() == LENGTH));
        let used: BTreeSet<char> = passwords.iter().flat_map(|password| password.chars()).collect();
        assert_eq!(used.len(), ALPHABET.len(), "every character comes up in 20,000 draws");
        assert!("0O1lI".chars().all(|confusing| !used.contains(&confusing)));
    }
}
