//! Passwords: Argon2id hashes, made and checked off the runtime's threads and few at a time. Hashes of bcrypt are checked too, and replaced
//! when their owner next logs in (D11).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{self, SaltString},
};
use rand::{TryRngCore as _, rngs::OsRng};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Fault, OfficeError};

/// Checks that run at once: each takes a core for some 20 ms, and 19 MiB.
const CHECKS_MAX: usize = 2;
/// Checks that may wait for their turn; past it the client is sent away.
const WAITING_MAX: usize = 64;
/// Shortest password, in characters.
const PASSWORD_MIN: usize = 8;
/// Longest password, in octets.
pub const PASSWORD_MAX: usize = 1024;
/// The most work that a hash of bcrypt may ask for: 2^14 rounds take a core for a second. A hash that asks for more matches nothing.
const BCRYPT_COST_MAX: u32 = 14;
/// How our own hashes begin: Argon2id, 19 MiB, two passes, one lane. What begins otherwise is made anew at log-in.
const CURRENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

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

/// Holds a new password against the rules; `field` is where it stood.
pub(crate) fn check_rules(password: &str, field: &str, faults: &mut Vec<Fault>) {
    if password.len() > PASSWORD_MAX {
        faults.push(Fault::invalid(field, format!("a password has at most {PASSWORD_MAX} octets")));
    } else if password.chars().count() < PASSWORD_MIN {
        faults.push(Fault::invalid(field, format!("a password has at least {PASSWORD_MIN} characters")));
    }
}

/// Whether the hash is as we make them now.
pub(crate) fn is_current(hash: &str) -> bool {
    hash.starts_with(CURRENT)
}

/// The gate before the work.
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

impl From<Crowded> for OfficeError {
    fn from(Crowded: Crowded) -> Self {
        Self::Crowded
    }
}

impl Passwords {
    pub(crate) fn new() -> Self {
        // Without random octets there are no tokens either; a hash that nothing matches keeps the timing.
        let dummy = hash_password("nobody").unwrap_or_default().into();
        Self { gate: Arc::new(Semaphore::new(CHECKS_MAX)), waiting: AtomicUsize::new(0), dummy }
    }

    /// Whether `password` is the one behind `hash`; never for an unknown user (no hash), and never for one that is too long to be one.
    pub(crate) async fn check(&self, hash: Option<&str>, password: &str) -> Result<bool, Crowded> {
        let is_possible = hash.is_some() && password.len() <= PASSWORD_MAX;
        let hash: Arc<str> = if is_possible { hash.map_or_else(|| self.dummy.clone(), Into::into) } else { self.dummy.clone() };
        let password = if is_possible { password.to_owned() } else { String::new() };
        let matches = self.work(move || matches(&hash, &password)).await?;
        Ok(matches.unwrap_or(false) && is_possible)
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, OfficeError> {
        let password = password.to_owned();
        let hash = self.work(move || hash_password(&password)).await?;
        let failed = || OfficeError::Defect("a password could not be hashed".to_owned());
        hash.ok_or_else(failed)?.map_err(|_| failed())
    }

    /// Does heavy work when its turn has come. None: it ended abnormally.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<Option<T>, Crowded> {
        let permit = self.enter().await?;
        // The permit goes along: a client that hangs up does not make room while its check still runs.
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        Ok(done.await.ok())
    }

    async fn enter(&self) -> Result<OwnedSemaphorePermit, Crowded> {
        let _waiting = Waiting::enter(&self.waiting)?;
        self.gate.clone().acquire_owned().await.map_err(|_| Crowded)
    }
}

/// Whether the password is the one behind the hash, of whatever kind that is.
fn matches(hash: &str, password: &str) -> bool {
    if is_bcrypt(hash) {
        return bcrypt::verify(password, hash).unwrap_or(false);
    }
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// `$2a$`, `$2b$` and `$2y$` with a cost that can be borne.
fn is_bcrypt(hash: &str) -> bool {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|kind| hash.strip_prefix(kind));
    rest.and_then(|rest| rest.get(..2)).and_then(|cost| cost.parse::<u32>().ok()).is_some_and(|cost| cost <= BCRYPT_COST_MAX)
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

    use std::{future::Future, task::Poll};

    use super::*;

    /// "correct horse", by bcrypt with a cost of 4.
    fn bcrypt_hash(kind: &str) -> String {
        let hash = bcrypt::hash("correct horse", 4).unwrap();
        format!("{kind}{}", hash.get(4..).unwrap())
    }

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = Passwords::new();
        let hash = hash_password("right horse").unwrap();
        assert!(is_current(&hash), "{hash}");
        assert_ne!(hash, hash_password("right horse").unwrap(), "the salt is drawn anew");
        let long = "x".repeat(PASSWORD_MAX + 1);
        let long_hash = hash_password(&long).unwrap();
        for (hash, password, good) in [
            (Some(hash.as_str()), "right horse", true),
            (Some(hash.as_str()), "right horse ", false),
            (Some(hash.as_str()), "", false),
            (Some(""), "", false),
            (Some("$2b$12$broken"), "right horse", false),
            (Some(bcrypt_hash("$2a$").as_str()), "correct horse", true),
            (Some(bcrypt_hash("$2b$").as_str()), "correct horse", true),
            (Some(bcrypt_hash("$2y$").as_str()), "correct horse", true),
            (Some(bcrypt_hash("$2x$").as_str()), "correct horse", false),
            (Some(bcrypt_hash("$2b$").as_str()), "wrong horse", false),
            (Some(bcrypt_hash("$2b$").replace("$04$", "$31$").as_str()), "correct horse", false),
            (Some(long_hash.as_str()), long.as_str(), false),
            (None, "nobody", false),
        ] {
            assert_eq!(passwords.check(hash, password).await.unwrap(), good, "{hash:?} {password:?}");
        }
        assert!(is_current(&passwords.hash("another one").await.unwrap()));
        assert!(!is_current(&bcrypt_hash("$2b$")) && !is_current("$argon2id$v=19$m=4096,t=3,p=1$c2FsdA$aGFzaA"));
    }

    #[test]
    fn a_password_is_long_enough_and_not_too_long() {
        for (password, good) in
            [("", false), ("1234567", false), ("12345678", true), ("ключ к д", true), (&"x".repeat(1024), true), (&"x".repeat(1025), false)]
        {
            let mut faults = Vec::new();
            check_rules(password, "password", &mut faults);
            assert_eq!(faults.is_empty(), good, "{password:?}");
        }
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let passwords = Passwords::new();
        let _all = passwords.gate.clone().acquire_many_owned(CHECKS_MAX.try_into().unwrap()).await.unwrap();
        let mut queue: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(passwords.check(None, ""))).collect();
        std::future::poll_fn(|context| {
            for check in &mut queue {
                assert!(check.as_mut().poll(context).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        assert!(passwords.check(None, "").await.is_err());
        drop(queue);
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
    }
}
