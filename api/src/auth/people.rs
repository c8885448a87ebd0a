//! The accounts behind the tokens, re-read every few seconds so that a disabled user loses access.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use model::{CenterId, UserId};
use sha2::{Digest as _, Sha256};
use store::{Role, Store, StoreError, User};

/// How old an account's picture may be.
const FRESH: Duration = Duration::from_secs(5);
/// Accounts in memory; past it the one read longest ago is forgotten.
const PEOPLE_MAX: usize = 10_000;
/// How long a request waits for the account if an older picture of it is there (R21: the database may hang).
const WAIT_WITH_PICTURE: Duration = Duration::from_millis(if cfg!(test) { 30_000 } else { 300 });
/// How long it waits if there is none.
const WAIT_WITHOUT: Duration = Duration::from_secs(if cfg!(test) { 30 } else { 2 });
/// Names that one answer looks up in the database; the rest come with a later one.
const NAMES_MAX: usize = 64;

/// An account as rights see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) center: CenterId,
    pub(crate) username: String,
    pub(crate) role: Role,
    pub(crate) active: bool,
    /// A fingerprint of the password's hash.
    pub(crate) password_mark: String,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self {
            user: user.id,
            center: user.center,
            username: user.username.clone(),
            role: user.role,
            active: user.active,
            password_mark: password_mark(&user.password_hash),
        }
    }
}

/// Tells passwords apart and says nothing of them: 48 bits of a hash of a salted hash.
fn password_mark(hash: &str) -> String {
    Sha256::digest(hash.as_bytes()).iter().take(6).map(|octet| format!("{octet:02x}")).collect()
}

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// The account as it was at most a few seconds ago, or as it last was before the database went away.
    Person(Person),
    /// There is no such account.
    Nobody,
    /// The database is away, and this user was not seen before.
    Unknown,
}

/// The accounts of late.
#[derive(Debug)]
pub(crate) struct People {
    store: Store,
    read: Mutex<HashMap<UserId, (Instant, Option<Person>)>>,
    /// When the database last failed to answer.
    failed: Mutex<Option<Instant>>,
}

impl People {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, read: Mutex::default(), failed: Mutex::default() }
    }

    /// The account, from memory if it is fresh there.
    pub(crate) async fn person(&self, user: UserId) -> Found {
        let earlier = self.remembered(user);
        if let Some((read, person)) = &earlier
            && read.elapsed() < FRESH
        {
            return person.clone().map_or(Found::Nobody, Found::Person);
        }
        match self.read(user, earlier.is_some()).await {
            Some(found) => {
                let person = found.as_ref().map(Person::from);
                self.remember(user, person.clone());
                person.map_or(Found::Nobody, Found::Person)
            }
            // R21: calls go on while the database is away, so the last picture stands.
            None => match earlier {
                Some((_, person)) => person.map_or(Found::Nobody, Found::Person),
                None => Found::Unknown,
            },
        }
    }

    /// The account as it is in the database; none if that does not answer, or has just now not answered.
    async fn read(&self, user: UserId, is_known: bool) -> Option<Option<User>> {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|failed| failed.elapsed() < FRESH) {
            return None;
        }
        let wait = if is_known { WAIT_WITH_PICTURE } else { WAIT_WITHOUT };
        let error = match tokio::time::timeout(wait, self.store.user(user)).await {
            Ok(Ok(found)) => return Some(found),
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        tracing::warn!(%user, error, "The account cannot be read.");
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        None
    }

    /// The account that logs in with that name, always from the database.
    pub(crate) async fn by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let found = self.store.user_by_name(username).await?;
        if let Some(user) = &found {
            self.remember(user.id, Some(user.into()));
        }
        Ok(found)
    }

    /// The names of users, as far as they are known; a name may be out of date.
    pub(crate) async fn names(&self, users: BTreeSet<UserId>) -> HashMap<UserId, String> {
        let mut names = HashMap::new();
        let mut looked_up = 0;
        for user in users {
            let person = match self.remembered(user) {
                Some((_, person)) => person,
                None if looked_up < NAMES_MAX => {
                    looked_up += 1;
                    match self.person(user).await {
                        Found::Person(person) => Some(person),
                        Found::Nobody | Found::Unknown => None,
                    }
                }
                None => None,
            };
            if let Some(person) = person {
                names.insert(user, person.username);
            }
        }
        names
    }

    fn remembered(&self, user: UserId) -> Option<(Instant, Option<Person>)> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&user).cloned()
    }

    fn remember(&self, user: UserId, person: Option<Person>) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= PEOPLE_MAX
            && !read.contains_key(&user)
            && let Some(oldest) = read.iter().min_by_key(|(_, (at, _))| *at).map(|(user, _)| *user)
        {
            read.remove(&oldest);
        }
        read.insert(user, (Instant::now(), person));
    }

    /// Forgets what was read, so that a test need not wait.
    #[cfg(test)]
    pub(crate) fn forget(&self) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
