//! The accounts and sessions behind the tokens, as they were at most a few seconds ago.
//!
//! Whoever changes an account in this process says so ([`People::change`]), and the change counts at once; what another process changes
//! (`cordboard user add`) counts when the picture is read anew. While the database is away the last picture stands (R21).

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicI64},
    time::{Duration, Instant},
};

use model::{CenterId, UserId, WallTime};
use tokio::sync::broadcast;

use crate::{OfficeError, Principal, rights::AccessMap};

/// How old a picture may be.
pub(crate) const FRESH: Duration = Duration::from_secs(5);
/// Pictures of one kind in memory; past it the one read longest ago is forgotten.
const PICTURES_MAX: usize = 10_000;
/// How long a request waits for the database if an older picture is there (R21: the database may hang). Tests share a slow machine.
const WAIT_WITH_PICTURE: Duration = Duration::from_millis(if IN_TESTS { 30_000 } else { 300 });
/// How long it waits if there is none.
const WAIT_WITHOUT: Duration = Duration::from_secs(if IN_TESTS { 30 } else { 2 });
const IN_TESTS: bool = cfg!(any(test, feature = "testing"));

/// An account as rights see it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) user: UserId,
    pub(crate) center: CenterId,
    pub(crate) username: String,
    /// The codes of its roles.
    pub(crate) roles: Vec<String>,
    pub(crate) access: Arc<AccessMap>,
}

/// A session as far as requests need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) user: UserId,
    pub(crate) expires_at: WallTime,
}

/// An API token as far as requests need it.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) id: i64,
    pub(crate) user: UserId,
    pub(crate) expires_at: Option<WallTime>,
    /// The permissions that it is narrowed to.
    pub(crate) permissions: Option<Vec<String>>,
    /// When it was last noted that it is in use; 0 if never.
    pub(crate) last_used_at: AtomicI64,
}

/// Who is behind a provider's access token.
#[derive(Debug, Clone)]
pub(crate) enum Bearing {
    /// Somebody, with the rights that the token's claims give.
    Account(Arc<Account>),
    /// Nobody yet, whom these roles wait for.
    Newcomer(Vec<String>),
    /// An account that is disabled here.
    Disabled,
    /// The centre takes nobody from a provider.
    Off,
    /// The claims give no role.
    NoRole,
}

/// What is known of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen<V> {
    /// This, now or lately.
    As(V),
    /// Nothing: the database is away, and it was not seen before.
    Away,
    /// Nothing: the database is there, but what it holds of this cannot be read. That is one row's matter, and nobody else's.
    Broken,
}

/// The pictures of late.
#[derive(Debug)]
pub(crate) struct People {
    cache: Mutex<Cache>,
    /// Told of what has ended, once the pictures know it.
    endings: broadcast::Sender<Ending>,
    /// When the database last failed to answer.
    failed: Mutex<Option<Instant>>,
}

/// Something by which people were let in, and are not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A session.
    Session(i64),
    /// Some API token.
    Token,
    /// An account.
    Account(UserId),
    /// A centre, with all its accounts.
    Center(CenterId),
}

impl Ending {
    /// Whether this may be how somebody came in.
    #[must_use]
    pub fn concerns(self, who: &Principal) -> bool {
        match self {
            Self::Session(session) => who.session() == Some(session),
            Self::Token => who.session().is_none(),
            Self::Account(user) => who.user() == user,
            Self::Center(center) => who.home() == center,
        }
    }
}

/// Endings that a listener may be behind; past it, it does not know whom they concerned.
const ENDINGS_MAX: usize = 256;

impl Default for People {
    fn default() -> Self {
        Self { cache: Mutex::default(), endings: broadcast::Sender::new(ENDINGS_MAX), failed: Mutex::default() }
    }
}

/// What is remembered. None in a picture: there is no such thing (any more).
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// Grows with each change: what was read before a change is not remembered after it.
    changes: u64,
    pub(crate) accounts: Shelf<UserId, Option<Arc<Account>>>,
    pub(crate) sessions: Shelf<i64, Option<Live>>,
    /// By the token's hash.
    pub(crate) tokens: Shelf<Arc<str>, Option<Arc<Token>>>,
    /// By the hash of a provider's access token.
    pub(crate) bearers: Shelf<Arc<str>, Bearing>,
    /// User names, of those who are disabled too.
    pub(crate) names: Shelf<UserId, Option<String>>,
}

/// Pictures of one kind.
#[derive(Debug)]
pub(crate) struct Shelf<K, V>(HashMap<K, (Option<Instant>, V)>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Shelf<K, V> {
    fn put(&mut self, key: K, read: Option<Instant>, value: V) {
        if self.0.len() >= PICTURES_MAX
            && !self.0.contains_key(&key)
            && let Some(oldest) = self.0.iter().min_by_key(|(_, (read, _))| *read).map(|(key, _)| key.clone())
        {
            self.0.remove(&oldest);
        }
        self.0.insert(key, (read, value));
    }

    /// Is to be read anew; stands while the database is away.
    fn age(&mut self, key: &K) {
        if let Some((read, _)) = self.0.get_mut(key) {
            *read = None;
        }
    }
}

impl Shelf<Arc<str>, Bearing> {
    /// Those of one user.
    fn of(&mut self, user: UserId) -> impl Iterator<Item = &mut (Option<Instant>, Bearing)> {
        self.0.values_mut().filter(move |(_, bearing)| matches!(bearing, Bearing::Account(account) if account.user == user))
    }
}

impl People {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The picture of `key`: from memory if it is fresh there, else as `read` finds it, else as it last was.
    pub(crate) async fn look<K: Clone + Eq + Hash, V: Clone>(
        &self,
        now: Instant,
        shelf: fn(&mut Cache) -> &mut Shelf<K, V>,
        key: K,
        read: impl Future<Output = Result<V, OfficeError>>,
    ) -> Seen<V> {
        let (earlier, changes) = {
            let mut cache = self.cache();
            (shelf(&mut cache).0.get(&key).cloned(), cache.changes)
        };
        if let Some((Some(read), value)) = &earlier
            && now.saturating_duration_since(*read) < FRESH
        {
            return Seen::As(value.clone());
        }
        match self.read(now, earlier.is_some(), read).await {
            Seen::As(value) => {
                let mut cache = self.cache();
                if cache.changes == changes {
                    shelf(&mut cache).put(key, Some(now), value.clone());
                }
                Seen::As(value)
            }
            // R21: calls go on while the database is away, so the last picture stands.
            Seen::Away => earlier.map_or(Seen::Away, |(_, value)| Seen::As(value)),
            Seen::Broken => Seen::Broken,
        }
    }

    /// What is in the database, which is not asked if it has just now not answered.
    async fn read<V>(&self, now: Instant, is_known: bool, read: impl Future<Output = Result<V, OfficeError>>) -> Seen<V> {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|failed| now.saturating_duration_since(failed) < FRESH) {
            return Seen::Away;
        }
        let wait = if is_known { WAIT_WITH_PICTURE } else { WAIT_WITHOUT };
        let error = match tokio::time::timeout(wait, read).await {
            Ok(Ok(value)) => return Seen::As(value),
            Ok(Err(OfficeError::Store(error))) if error.is_unavailable() => error.to_string(),
            Ok(Err(error)) => {
                tracing::error!(%error, "Who asks cannot be read, though the database is there.");
                return Seen::Broken;
            }
            Err(late) => late.to_string(),
        };
        tracing::warn!(error, "Who asks cannot be read from the database; the last picture of them stands.");
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Seen::Away
    }

    /// Hears of each ending from now on.
    pub(crate) fn endings(&self) -> broadcast::Receiver<Ending> {
        self.endings.subscribe()
    }

    fn tell(&self, ending: Ending) {
        // It fails if nobody listens.
        drop(self.endings.send(ending));
    }

    /// An account is being changed. Make it before the commit: even if the caller goes away meanwhile, the picture is read anew.
    pub(crate) fn change(&self, user: UserId) -> Change<'_> {
        Change { people: self, user: Some(user) }
    }

    /// Rights are being changed that anybody may have.
    pub(crate) fn change_all(&self) -> Change<'_> {
        Change { people: self, user: None }
    }

    /// The account is gone or disabled: that is known even if the database goes away now.
    pub(crate) fn gone(&self, user: UserId) {
        let mut cache = self.cache();
        cache.changes += 1;
        cache.accounts.put(user, None, None);
        for (read, bearing) in cache.bearers.of(user) {
            (*read, *bearing) = (None, Bearing::Disabled);
        }
        drop(cache);
        self.tell(Ending::Account(user));
    }

    /// The sessions have ended, and never come back.
    pub(crate) fn ended(&self, sessions: impl IntoIterator<Item = i64>) {
        let mut ended = Vec::new();
        let mut cache = self.cache();
        for session in sessions {
            cache.sessions.put(session, None, None);
            ended.push(session);
        }
        cache.changes += u64::from(!ended.is_empty());
        drop(cache);
        ended.into_iter().for_each(|session| self.tell(Ending::Session(session)));
    }

    /// The centre is closed; its accounts are to be read anew by then.
    pub(crate) fn closed(&self, center: CenterId) {
        self.tell(Ending::Center(center));
    }

    /// A session's picture is to be read anew.
    pub(crate) fn session_changed(&self, session: i64) {
        let mut cache = self.cache();
        cache.changes += 1;
        cache.sessions.age(&session);
    }

    /// The API token has ended, and never comes back.
    pub(crate) fn token_ended(&self, hash: &str) {
        let mut cache = self.cache();
        cache.changes += 1;
        cache.tokens.put(hash.into(), None, None);
        drop(cache);
        self.tell(Ending::Token);
    }

    /// Whoever was behind a provider's access token is somebody else now.
    pub(crate) fn bearer_changed(&self, key: &Arc<str>) {
        let mut cache = self.cache();
        cache.changes += 1;
        cache.bearers.0.remove(key);
    }

    /// The name of a user that is in memory, however old.
    pub(crate) fn name(&self, user: UserId) -> Option<String> {
        self.cache().names.0.get(&user).and_then(|(_, name)| name.clone())
    }
}

/// A change that is under way; when it is dropped, the accounts are to be read anew.
#[derive(Debug)]
#[must_use = "the change counts when this is dropped: hold it until after the commit"]
pub(crate) struct Change<'a> {
    people: &'a People,
    user: Option<UserId>,
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut cache = self.people.cache();
        cache.changes += 1;
        match self.user {
            Some(user) => {
                cache.accounts.age(&user);
                cache.names.0.remove(&user);
                cache.bearers.of(user).for_each(|(read, _)| *read = None);
            }
            None => {
                cache.accounts.0.values_mut().for_each(|(read, _)| *read = None);
                // That somebody may not come in does not stand for want of a better answer.
                cache.bearers.0.retain(|_, (_, bearing)| matches!(bearing, Bearing::Account(_) | Bearing::Disabled));
                cache.bearers.0.values_mut().for_each(|(read, _)| *read = None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use store::StoreError;

    use super::*;

    fn names(cache: &mut Cache) -> &mut Shelf<UserId, Option<String>> {
        &mut cache.names
    }

    fn accounts(cache: &mut Cache) -> &mut Shelf<UserId, Option<Arc<Account>>> {
        &mut cache.accounts
    }

    fn sessions(cache: &mut Cache) -> &mut Shelf<i64, Option<Live>> {
        &mut cache.sessions
    }

    async fn found(name: &str) -> Result<Option<String>, OfficeError> {
        Ok(Some(name.to_owned()))
    }

    async fn away<V>() -> Result<V, OfficeError> {
        Err(OfficeError::Store(StoreError::Unavailable("away".into())))
    }

    async fn broken<V>() -> Result<V, OfficeError> {
        Err(OfficeError::Defect("not to be read".to_owned()))
    }

    fn named(name: &str) -> Seen<Option<String>> {
        Seen::As(Some(name.to_owned()))
    }

    #[tokio::test]
    async fn a_picture_stands_for_five_seconds_and_while_the_database_is_away() {
        let people = People::default();
        let (one, two) = (UserId(1), UserId(2));
        let t0 = Instant::now();
        let after = |seconds| t0 + Duration::from_secs(seconds);
        assert_eq!(people.look(t0, names, one, found("a")).await, named("a"));
        assert_eq!(people.look(after(4), names, one, found("b")).await, named("a"));
        assert_eq!(people.look(after(5), names, one, found("b")).await, named("b"));
        // Away: what was stands; what was never seen is not known, and the database is not asked again at once.
        assert_eq!(people.look(after(10), names, one, away()).await, named("b"));
        assert_eq!(people.look(after(11), names, one, found("c")).await, named("b"));
        assert_eq!(people.look(after(11), names, two, found("c")).await, Seen::Away);
        assert_eq!(people.look(after(15), names, two, found("c")).await, named("c"));
        // A change counts at once.
        drop(people.change(two));
        assert_eq!(people.look(after(16), names, two, found("d")).await, named("d"));
        // One who cannot be read is refused, and the others are none the worse for it.
        assert_eq!(people.look(after(30), names, two, broken()).await, Seen::Broken);
        assert_eq!(people.look(after(30), names, one, found("e")).await, named("e"));
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let people = People::default();
        let now = Instant::now();
        let read = async {
            // Somebody changes it just now.
            drop(people.change_all());
            found("a").await
        };
        assert_eq!(people.look(now, names, UserId(1), read).await, named("a"));
        assert_eq!(people.look(now, names, UserId(1), found("b")).await, named("b"));
    }

    #[tokio::test]
    async fn who_is_gone_stays_gone_without_a_database() {
        let people = People::default();
        let now = Instant::now();
        people.ended([7]);
        people.gone(UserId(1));
        assert_eq!(people.look(now, sessions, 7, away()).await, Seen::As(None));
        assert!(matches!(people.look(now, accounts, UserId(1), away()).await, Seen::As(None)));
        assert!(matches!(people.look(now, accounts, UserId(2), away()).await, Seen::Away));
    }

    #[test]
    fn pictures_are_bounded() {
        let mut shelf = Shelf::default();
        let now = Instant::now();
        for key in 0..PICTURES_MAX + 10 {
            shelf.put(key, Some(now + Duration::from_millis(u64::try_from(key).unwrap())), key);
        }
        assert_eq!(shelf.0.len(), PICTURES_MAX);
        assert!(!shelf.0.contains_key(&0) && shelf.0.contains_key(&PICTURES_MAX));
    }
}
