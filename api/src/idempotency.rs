//! `Idempotency-Key` (R18): the same key of the same user within a day is the same order, carried out once.
//!
//! Kept in memory, so that it holds while the database is away; `routes/call.rs` also keeps it in the database, so that it holds after a
//! restart.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::Mutex,
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use model::UserId;
use office::{Idempotency, OfficeError};
use sha2::{Digest as _, Sha256};

use crate::{
    auth::now,
    error::{Code, Problem},
    state::Api,
};

/// Makes something once under the key that came with the request: what came before under it is told again. The id of what is made is kept
/// with the key by `make` itself, in its own transaction, so that neither is without the other. It runs to its end even if the client hangs up.
pub(crate) async fn once<F>(
    api: &Api,
    user: UserId,
    key: Option<&[u8]>,
    meant: &str,
    make: impl FnOnce(Option<String>) -> F,
) -> Result<i64, Problem>
where
    F: Future<Output = Result<i64, OfficeError>> + Send + 'static,
{
    let Some(key) = key else { return Ok(make(None).await?) };
    let key = readable(key).ok_or_else(malformed)?.to_owned();
    let hash: String = Sha256::digest(meant.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect();
    match api.office.idempotency_begin(user, &key, &hash, now()).await? {
        Idempotency::Proceed => {}
        Idempotency::Running => return Err(Problem::new(Code::KeyRunning)),
        Idempotency::OtherBody => return Err(Problem::new(Code::KeyReused)),
        Idempotency::Done { response, .. } => {
            return response.parse().map_err(|_| Problem::internal("what is kept under an Idempotency-Key is no id"));
        }
    }
    let (making, office) = (make(Some(key.clone())), api.office.clone());
    let done = tokio::spawn(async move {
        let made = making.await;
        if made.is_err()
            && let Err(error) = office.idempotency_abandon(user, &key).await
        {
            tracing::debug!(%user, %error, "An Idempotency-Key under which nothing was made stays taken for a minute.");
        }
        made
    });
    match done.await {
        Ok(made) => Ok(made?),
        Err(error) => Err(Problem::internal(error)),
    }
}

/// A key of 1 to 255 printable ASCII characters.
fn readable(key: &[u8]) -> Option<&str> {
    let key = std::str::from_utf8(key).ok()?;
    ((1..=KEY_LENGTH_MAX).contains(&key.len()) && key.bytes().all(|byte| (0x20..0x7f).contains(&byte))).then_some(key)
}

pub(crate) fn malformed() -> Problem {
    Problem::field(Code::InvalidField, "Idempotency-Key", "a key has 1 to 255 printable ASCII characters")
}

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Keys in memory; past it the oldest is forgotten early. Some 200 octets each.
const KEYS_MAX: usize = 100_000;
/// Longest key, in characters.
const KEY_LENGTH_MAX: usize = 255;

/// Outcomes by key. `T` is the outcome that is told again; a failure is not kept, so that a retry tries.
pub(crate) struct Orders<T: Clone, E: Clone> {
    kept: Mutex<Kept<T, E>>,
}

type Outcome<T, E> = Shared<BoxFuture<'static, Result<T, E>>>;

struct Kept<T: Clone, E: Clone> {
    by_key: HashMap<(UserId, String), Order<T, E>>,
    /// In order of arrival, with the arrival's number: a forgotten and renewed key is not dropped for its past.
    age: VecDeque<(Instant, u64, (UserId, String))>,
    arrivals: u64,
}

struct Order<T: Clone, E: Clone> {
    arrival: u64,
    body: Vec<u8>,
    outcome: Outcome<T, E>,
}

/// Why a keyed order was not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyError<E> {
    /// The key stood with another body.
    Reused,
    /// The key is not 1 to 255 printable ASCII characters.
    Malformed,
    /// The order itself failed.
    Order(E),
}

impl<T: Clone + Send + Sync + 'static, E: Clone + Send + Sync + From<Lost> + 'static> Orders<T, E> {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::new(Kept { by_key: HashMap::new(), age: VecDeque::new(), arrivals: 0 }) }
    }

    /// Carries out `order`, or tells the outcome of the one that came before under this key; waits for it if it is
    /// still under way. The order runs to its end even if the client that gave it hangs up.
    pub(crate) async fn once<F>(&self, now: Instant, user: UserId, key: &[u8], body: &[u8], order: F) -> Result<T, KeyError<E>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let key = readable(key).ok_or(KeyError::Malformed)?;
        let place = (user, key.to_owned());
        let (arrival, outcome) = {
            let mut kept = self.lock();
            kept.forget(now);
            match kept.by_key.get(&place) {
                Some(earlier) if earlier.body != body => return Err(KeyError::Reused),
                Some(earlier) => (earlier.arrival, earlier.outcome.clone()),
                None => kept.add(now, place.clone(), body, order),
            }
        };
        match outcome.await {
            Ok(done) => Ok(done),
            Err(failed) => {
                let mut kept = self.lock();
                if kept.by_key.get(&place).is_some_and(|order| order.arrival == arrival) {
                    kept.by_key.remove(&place);
                }
                Err(KeyError::Order(failed))
            }
        }
    }

    /// Whether no key is known.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().by_key.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept<T, E>> {
        // Nothing in there is left half done by a panic.
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The order's task ended without an outcome: a defect of ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lost;

impl<T: Clone + Send + Sync + 'static, E: Clone + Send + Sync + From<Lost> + 'static> Kept<T, E> {
    fn add<F>(&mut self, now: Instant, place: (UserId, String), body: &[u8], order: F) -> (u64, Outcome<T, E>)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.arrivals += 1;
        let task = tokio::spawn(order);
        let outcome = async move { task.await.unwrap_or_else(|_| Err(Lost.into())) }.boxed().shared();
        self.age.push_back((now, self.arrivals, place.clone()));
        self.by_key.insert(place, Order { arrival: self.arrivals, body: body.to_owned(), outcome: outcome.clone() });
        (self.arrivals, outcome)
    }

    fn forget(&mut self, now: Instant) {
        while let Some((since, arrival, place)) = self.age.front() {
            if self.age.len() < KEYS_MAX && now.saturating_duration_since(*since) < KEPT {
                return;
            }
            if self.by_key.get(place).is_some_and(|order| order.arrival == *arrival) {
                self.by_key.remove(place);
            }
            self.age.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tokio::sync::oneshot;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Failed;

    impl From<Lost> for Failed {
        fn from(_: Lost) -> Self {
            Self
        }
    }

    struct World {
        orders: Orders<u32, Failed>,
        carried_out: Arc<AtomicU32>,
    }

    impl World {
        fn new() -> Self {
            Self { orders: Orders::new(), carried_out: Arc::default() }
        }

        async fn order(&self, now: Instant, user: i64, key: &str, body: &str, good: bool) -> Result<u32, KeyError<Failed>> {
            let count = self.carried_out.clone();
            let order = async move {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                if good { Ok(number) } else { Err(Failed) }
            };
            self.orders.once(now, UserId(user), key.as_bytes(), body.as_bytes(), order).await
        }
    }

    #[tokio::test]
    async fn a_key_is_one_order() {
        let world = World::new();
        let now = Instant::now();
        assert_eq!(world.order(now, 1, "k", "body", true).await, Ok(1));
        assert_eq!(world.order(now, 1, "k", "body", true).await, Ok(1), "told again");
        assert_eq!(world.order(now, 1, "k", "other", true).await, Err(KeyError::Reused));
        assert_eq!(world.order(now, 2, "k", "other", true).await, Ok(2), "another user's key is another key");
        assert_eq!(world.order(now, 1, "l", "body", true).await, Ok(3));
        assert_eq!(world.order(now + KEPT, 1, "k", "other", true).await, Ok(4), "a day later it is new");
        for key in ["", "a\nb", "ключ", &"k".repeat(256)] {
            assert_eq!(world.order(now, 1, key, "", true).await, Err(KeyError::Malformed), "{key}");
        }
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let world = World::new();
        let now = Instant::now();
        assert_eq!(world.order(now, 1, "k", "body", false).await, Err(KeyError::Order(Failed)));
        assert_eq!(world.order(now, 1, "k", "body", true).await, Ok(2));
    }

    #[tokio::test]
    async fn one_that_is_under_way_is_waited_for_even_if_its_giver_left() {
        let world = World::new();
        let now = Instant::now();
        let (finish, finished) = oneshot::channel();
        {
            let first = world.orders.once(now, UserId(1), b"k", b"", async { Ok(finished.await.unwrap()) });
            let mut first = Box::pin(first);
            assert!(futures_util::poll!(&mut first).is_pending());
        }
        let mut second = Box::pin(world.order(now, 1, "k", "", true));
        assert!(futures_util::poll!(&mut second).is_pending());
        finish.send(77).unwrap();
        assert_eq!(second.await, Ok(77));
        assert_eq!(world.carried_out.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let world = World::new();
        let now = Instant::now();
        {
            let mut kept = world.orders.lock();
            for at in 0..KEYS_MAX + 10 {
                kept.forget(now);
                let arrival = u64::try_from(at).unwrap();
                let place = (UserId(1), at.to_string());
                kept.age.push_back((now, arrival, place.clone()));
                let outcome = async { Ok(0) }.boxed().shared();
                kept.by_key.insert(place, Order { arrival, body: vec![], outcome });
            }
            assert_eq!(kept.by_key.len(), KEYS_MAX);
            assert_eq!(kept.age.len(), KEYS_MAX);
        }
    }
}
