//! The task that delivers.

use std::{collections::BTreeMap, time::Duration};

use model::WallTime;
use store::StoreError;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::{error, warn};

use super::attempt::{Parcel, send};
use crate::{Office, OfficeError, jobs::Clock};

/// How often the outbox is looked at if nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often old deliveries are taken away.
const TIDY_EVERY_MS: u64 = 60_000;
/// How long one webhook is served before others get their turn.
const SLICE: Duration = Duration::from_secs(2);
/// After a delivery that could not be kept: a receiver is not to be told the same again and again because our disk is full.
const NOT_KEPT_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause while the database is away.
const AWAY_MAX: Duration = Duration::from_secs(15);

/// How a deliverer works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelivererOptions {
    /// How many requests are under way at once.
    pub concurrency: usize,
    /// A random number, another one at each start: it scatters pauses.
    pub seed: u64,
}

impl Default for DelivererOptions {
    fn default() -> Self {
        Self { concurrency: 16, seed: 0 }
    }
}

/// Delivers to the webhooks of an office. There is to be one for a database.
#[derive(Clone)]
pub struct Deliverer {
    office: Office,
    clock: Clock,
    options: DelivererOptions,
}

impl std::fmt::Debug for Deliverer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliverer").field("options", &self.options).finish_non_exhaustive()
    }
}

/// How the serving of a webhook has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    /// It had its time, or there is nothing more.
    Enough,
    /// What came of it is not known to the database, so that it will be told again.
    NotKept(i64),
}

/// What one look has found.
#[derive(Debug)]
struct Look {
    /// Webhooks that something is due for, what is due longest first.
    due: Vec<i64>,
    /// How long until something else is.
    next: Option<Duration>,
}

impl Deliverer {
    /// Who will deliver for `office`.
    #[must_use]
    pub fn new(office: Office, clock: Clock, options: DelivererOptions) -> Self {
        Self { office, clock, options }
    }

    /// Delivers until `stop` is true or its sender is gone; requests that are under way are waited for, which takes ten seconds at most.
    ///
    /// While the database is away it waits.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut serving: JoinSet<Served> = JoinSet::new();
        let mut served: BTreeMap<tokio::task::Id, i64> = BTreeMap::new();
        let mut held: BTreeMap<i64, Instant> = BTreeMap::new();
        let (mut failures, mut tidied_at) = (0_u32, WallTime(0));
        while !(*stop.borrow() || stop.has_changed().is_err()) {
            let looked = match self.tidy(&mut tidied_at).await {
                Ok(()) => self.look().await,
                Err(failed) => Err(failed),
            };
            let pause = match looked {
                Ok(look) => {
                    failures = 0;
                    held.retain(|_, until| *until > Instant::now());
                    for webhook in look.due {
                        if serving.len() >= self.options.concurrency.max(1) {
                            break;
                        }
                        if !held.contains_key(&webhook) && !served.values().any(|busy| *busy == webhook) {
                            let deliverer = self.clone();
                            let task = serving.spawn(async move { deliverer.serve(webhook).await });
                            served.insert(task.id(), webhook);
                        }
                    }
                    look.next.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
                }
                Err(failed) => {
                    failures = failures.saturating_add(1);
                    report(failures, &failed);
                    (LOOK_EVERY * failures).min(AWAY_MAX)
                }
            };
            tokio::select! {
                Some(ended) = serving.join_next_with_id(), if !serving.is_empty() => {
                    let id = match ended {
                        Ok((id, Served::Enough)) => id,
                        Ok((id, Served::NotKept(webhook))) => {
                            held.insert(webhook, Instant::now() + NOT_KEPT_PAUSE);
                            id
                        }
                        Err(failed) => {
                            error!(error = &failed as &dyn std::error::Error, "Whoever served a webhook has ended by itself.");
                            failed.id()
                        }
                    };
                    served.remove(&id);
                }
                () = self.office.webhooks().woken.notified() => {}
                () = sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
        while serving.join_next().await.is_some() {}
    }

    fn now(&self) -> WallTime {
        (self.clock)()
    }

    async fn tidy(&self, at: &mut WallTime) -> Result<(), OfficeError> {
        let now = self.now();
        if now.ms_since(*at) >= TIDY_EVERY_MS {
            self.office.tidy_webhooks(now).await?;
            *at = now;
        }
        Ok(())
    }

    async fn look(&self) -> Result<Look, OfficeError> {
        self.office.listen_or_not().await?;
        let is_all = self.office.distribute(self.now()).await?;
        let now = self.now();
        let mut look = Look { due: Vec::new(), next: (!is_all).then_some(Duration::ZERO) };
        for head in self.office.heads().await? {
            match u64::try_from(head.next_at.saturating_sub(now.0)).unwrap_or(0) {
                0 => look.due.push(head.webhook_id),
                ms => look.next = Some(look.next.unwrap_or(Duration::MAX).min(Duration::from_millis(ms))),
            }
        }
        Ok(look)
    }

    /// Delivers to one webhook while something is due, for a [`SLICE`].
    async fn serve(&self, webhook: i64) -> Served {
        let begun = Instant::now();
        while begun.elapsed() < SLICE {
            match self.deliver_next(webhook).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(failed) => {
                    let error = &failed as &dyn std::error::Error;
                    warn!(webhook, error, "What came of a delivery could not be kept; it is made again.");
                    return Served::NotKept(webhook);
                }
            }
        }
        Served::Enough
    }

    /// Delivers to a webhook what is due, and keeps what came of it; false if nothing was, or it failed.
    pub(super) async fn deliver_next(&self, webhook: i64) -> Result<bool, OfficeError> {
        let Some(head) = self.office.head(webhook, self.now()).await? else { return Ok(false) };
        let parcel = Parcel { delivery: head.id, kind: &head.kind, payload: &head.payload, url: &head.url, secret: &head.secret };
        let outcome = send(&self.office.webhooks().http, &parcel, self.now()).await;
        self.office.record(&head, &outcome, self.now(), self.options.seed).await?;
        Ok(matches!(outcome, super::Outcome::Delivered(_)))
    }
}

fn report(failures: u32, failed: &OfficeError) {
    let error = failed as &dyn std::error::Error;
    match failed {
        OfficeError::Store(StoreError::Unavailable(_)) if failures == 1 => warn!(error, "Webhooks wait."),
        OfficeError::Store(StoreError::Unavailable(_)) => {}
        _ => error!(error, "Webhooks wait."),
    }
}
