//! Looks up with whom a call is that rings, and tells those again at whose phones it does. Neither signalling nor the first word of it waits for that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crm::Crm;
use model::{CenterId, Event, Number, PopCandidate, PopNews, WallTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use crate::{
    live::{Live, TooOld},
    metrics::{Metrics, OutcomeLabels},
};

/// Numbers that are looked up at once. More wait in the ring of events, which has an end of its own.
const LOOKING_MAX: usize = 64;
/// Calls that ring while the database is away, and that are looked up when it is back.
const WAITING_MAX: usize = 1_024;
/// How long it waits for the database before it asks again.
const RETRY: Duration = Duration::from_millis(500);
/// How long an answer is good: a ring group is called in one breath.
const MEMORY: Duration = Duration::from_secs(1);
/// Numbers whose answers are kept.
const MEMORY_MAX: usize = 256;
/// Events that are read at once.
const BATCH: usize = 256;

/// Looks up, for as long as it is asked to, with whom the calls are that begin to ring from now on. One task of the server.
pub async fn pop(live: Arc<Live>, crm: Crm, metrics: Metrics, clock: fn() -> WallTime) {
    Popper::new(live, crm, metrics, clock).run().await;
}

/// Whoever looks numbers up.
#[derive(Clone)]
pub(crate) struct Popper {
    live: Arc<Live>,
    crm: Crm,
    metrics: Metrics,
    clock: fn() -> WallTime,
    looking: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    memory: Arc<Mutex<Memory>>,
}

/// What was found of late.
type Memory = BTreeMap<(CenterId, String), (Instant, Vec<PopCandidate>)>;

impl Popper {
    /// The clock is the one by which events are told.
    pub(crate) fn new(live: Arc<Live>, crm: Crm, metrics: Metrics, clock: fn() -> WallTime) -> Self {
        let of = |permits| Arc::new(Semaphore::new(permits));
        Self { live, crm, metrics, clock, looking: of(LOOKING_MAX), waiting: of(WAITING_MAX), memory: Arc::default() }
    }

    /// Looks up whatever rings from now on, for ever.
    pub(crate) async fn run(self) {
        let mut told = self.live.watch();
        let mut seen = *told.borrow_and_update();
        loop {
            let news = match self.live.after(seen, BATCH) {
                Ok(news) => news,
                Err(TooOld) => {
                    self.count("missed");
                    seen = self.live.last_seq();
                    continue;
                }
            };
            if news.is_empty() && told.changed().await.is_err() {
                return;
            }
            for news in news {
                seen = news.seq;
                if let Event::ScreenPop(pop) = &news.event
                    && !pop.is_complete
                {
                    let Ok(permit) = Arc::clone(&self.looking).acquire_owned().await else { return };
                    tokio::spawn(self.clone().look_up(pop.as_ref().clone(), news.ts, permit));
                }
            }
        }
    }

    async fn look_up(self, pop: PopNews, since: WallTime, permit: OwnedSemaphorePermit) {
        let mut permit = Some(permit);
        let mut waits = None;
        loop {
            let failed = match self.candidates(&pop).await {
                Ok(candidates) => {
                    let now = (self.clock)();
                    if self.live.tell_who_calls(now, PopNews { candidates, is_complete: true, ..pop }).is_none() {
                        return self.count("late");
                    }
                    self.metrics.screen_pop_seconds.observe(Duration::from_millis(now.ms_since(since)).as_secs_f64());
                    return self.count("complete");
                }
                Err(failed) => failed,
            };
            if !failed.is_unavailable() {
                warn!(call = %pop.call, error = &failed as &dyn std::error::Error, "Who calls could not be looked up.");
                return self.count("failed");
            }
            // Others are asked for meanwhile; they fail as fast, or hang as long.
            drop(permit.take());
            if waits.is_none() {
                waits = Arc::clone(&self.waiting).try_acquire_owned().ok();
            }
            if waits.is_none() {
                return self.count("failed");
            }
            tokio::time::sleep(RETRY).await;
            if self.live.left_of(pop.call, &pop.users).is_empty() {
                return self.count("late");
            }
            permit = Arc::clone(&self.looking).acquire_owned().await.ok();
        }
    }

    async fn candidates(&self, pop: &PopNews) -> Result<Vec<PopCandidate>, office::StoreError> {
        // A number that was withheld is nobody's.
        if pop.number.parse::<Number>().is_err() {
            return Ok(vec![]);
        }
        let key = (pop.center, pop.number.clone());
        let known = self.memory().get(&key).filter(|(at, _)| at.elapsed() < MEMORY).map(|(_, found)| found.clone());
        if let Some(found) = known {
            return Ok(found);
        }
        let found = self.crm.who_has(pop.center, &pop.number).await?;
        let mut memory = self.memory();
        memory.retain(|_, (at, _)| at.elapsed() < MEMORY);
        if memory.len() < MEMORY_MAX {
            memory.insert(key, (Instant::now(), found.clone()));
        }
        Ok(found)
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, outcome: &'static str) {
        self.metrics.screen_pops.get_or_create(&OutcomeLabels { outcome }).inc();
    }
}
