//! Passwords: Argon2id hashes, checked off the runtime's threads and few at a time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{self, SaltString},
};
use rand::{TryRngCore as _, rngs::OsRng};
use tokio::sync::Semaphore;

/// Checks that run at once: each takes a core for some 20 ms, and 19 MiB.
const CHECKS_MAX: usize = 2;
/// Checks that may wait for their turn; past it the client is sent away.
const WAITING_MAX: usize = 64;
/// Longest password, in octets.
pub(crate) const PASSWORD_MAX: usize = 1024;

/// Hashes a new password: Argon2id, 19 MiB, two passes, one lane (RFC 9106; D11), in PHC string form.
///
/// # Errors
/// If the operating system yields no random octets.
pub fn hash_password(password: &str) -> Result<String, password_hash::Error> {
    let mut octets = [0; 16];
    OsRng.try_fill_bytes(&mut octets).map_err(|_| password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&octets)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt)?.to_string())
}

/// The gate before the check.
#[derive(Debug)]
pub(crate) struct Passwords {
    gate: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Checked in place of an unknown user's, so that unknown and wrong cost the same.
    dummy: Arc<str>,
}

/// Too many checks are waiting.
#[derive(Debug)]
pub(crate) struct Crowded;

impl Passwords {
    pub(crate) fn new() -> Self {
        // Without random octets there are no tokens either; a hash that nothing matches keeps the timing.
        let dummy = hash_password("nobody").unwrap_or_default().into();
        Self { gate: Arc::new(Semaphore::new(CHECKS_MAX)), waiting: AtomicUsize::new(0), dummy }
    }

    /// Whether `password` is the one behind `hash`; never for an unknown user (no hash).
    pub(crate) async fn check(&self, hash: Option<&str>, password: String) -> Result<bool, Crowded> {
        let known = hash.is_some();
        let hash: Arc<str> = hash.map_or_else(|| self.dummy.clone(), Into::into);
        let waiting = Waiting::enter(&self.waiting)?;
        let Ok(permit) = self.gate.clone().acquire_owned().await else { return Err(Crowded) };
        drop(waiting);
        // The permit goes along: a client that hangs up does not make room while its check still runs.
        let check = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(check.await.unwrap_or(false) && known)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, Crowded> {
        let entered = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX { Err(Crowded) } else { Ok(entered) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = Passwords::new();
        let hash = hash_password("right horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hash_password("right horse").unwrap(), "the salt is drawn anew");
        for (hash, password, good) in [
            (Some(hash.as_str()), "right horse", true),
            (Some(hash.as_str()), "right horse ", false),
            (Some(hash.as_str()), "", false),
            (Some(""), "", false),
            (Some("$2b$12$broken"), "right horse", false),
            (None, "nobody", false),
        ] {
            assert_eq!(passwords.check(hash, password.to_owned()).await.unwrap(), good, "{hash:?} {password:?}");
        }
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let passwords = Passwords::new();
        let _all = passwords.gate.clone().acquire_many_owned(CHECKS_MAX.try_into().unwrap()).await.unwrap();
        let mut queue: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(passwords.check(None, String::new()))).collect();
        for check in &mut queue {
            assert!(futures_util::poll!(check).is_pending());
        }
        assert!(passwords.check(None, String::new()).await.is_err());
        drop(queue);
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
    }
}
