//! Where a request is to be sent (RFC 3263): from a host to the targets behind it, by NAPTR, SRV, A and AAAA records.
//!
//! The [`Locator`] is asked for a [`Place`] and gives its [`Target`]s in the order in which they are to be tried: at once if nothing need be
//! asked, else when its questions are answered. Who asks DNS is not its business; that DNS is slow, silent or lies is.
//!
//! - Each lookup is on its own: it waits for its own questions and for none of another's. Two that ask the same share the question.
//! - Questions for calls go before all others, and nobody has more than a share of the room ([`Asker`]): whose names are silent waits by himself.
//! - A question waits [`QUERY_MAX`], a lookup [`LOCATE_MAX`]. Then what is known by then has to do. Once there is somewhere to send to, further
//!   addresses are waited for [`PATIENCE`] only.
//! - Answers are kept for their TTL; while no server answers, they are good for [`STALE_MAX`] longer. Refusals and failures are kept too, shorter; where
//!   nobody answers is asked more and more seldom.
//! - A target that failed stands behind all others for a while, never longer: what is in DNS and what answers are two things.

mod answer;
mod cache;
mod marks;
mod name;
mod place;
mod settings;
mod silence;
mod turns;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

pub use answer::{Answer, Data, Kind, NEGATIVE_TTL, NEGATIVE_TTL_MAX, Query, RECORDS_MAX, Record, Said, TTL_MAX, TTL_MIN};
pub use cache::STALE_MAX;
pub use marks::{FAILED_FOR, FAILED_FOR_MAX, FAILED_MAX};
pub use name::DomainName;
pub use place::{Host, Over, Place, PlaceError, Target};
pub use settings::{Families, LocatorSettings};
pub use silence::{FAILURE_TTL, FAILURE_TTL_CALL, FAILURE_TTL_MAX, FAILURES_MAX};
pub use turns::{Asker, OUT_MAX, OUT_PARTY_MAX, OUT_PARTY_UPKEEP_MAX, OUT_UPKEEP_MAX, Urgency};
pub use walk::TARGETS_MAX;

use answer::Finding;
use cache::Cache;
use marks::Marks;
use turns::{Ticket, Turns};
use walk::{Known, Survey};

/// How long a question waits for its answer.
pub const QUERY_MAX: Duration = Duration::from_secs(5);
/// How long it waits when there is an older answer that will do (RFC 8767, 5). The question stays open.
pub const QUERY_STALE: Duration = Duration::from_millis(1_800);
/// How long a lookup takes at most.
pub const LOCATE_MAX: Duration = Duration::from_secs(10);
/// How long further addresses are waited for once there is one.
pub const PATIENCE: Duration = Duration::from_millis(1_000);
/// Questions of one lookup. A domain can name hosts that name hosts; what is beyond is not there.
pub const QUESTIONS_MAX: usize = 48;
/// Questions of all lookups that wait or are with DNS, and of those that are given up. Those for upkeep have half of it.
pub const ASKING_MAX: usize = 4_096;
/// How much of the room for lookups one party has at most, as a part of it: a fourth.
const PARTIES: usize = 4;

/// Why a place has no targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LocateError {
    /// DNS says that there is no such name.
    #[error("no such name")]
    NoSuchName,
    /// DNS did not say enough in time, or at all. It may do so later.
    #[error("no answer from DNS in time")]
    NoAnswer,
    /// The name is there, and nothing behind it that we speak or can send to.
    #[error("nothing there that we speak")]
    NothingThere,
    /// Too many places are looked for already.
    #[error("too many places are looked for at once")]
    TooMany,
}

/// Names a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(u64);

/// What [`Locator::locate`] says at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// The targets, in the order in which they are to be tried; one at least.
    Now(Vec<Target>),
    /// There are questions to be answered: [`LocatorOutput::Located`] comes.
    Later(LookupId),
}

/// What the locator wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocatorOutput {
    /// Ask DNS, and give the answer to [`Locator::answer`]. Exactly one question for each name and kind is under way.
    Query(Query),
    /// A lookup is at its end.
    Located {
        /// Which.
        lookup: LookupId,
        /// The targets, in the order in which they are to be tried; one at least.
        outcome: Result<Vec<Target>, LocateError>,
    },
}

/// What a locator has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocatorCounters {
    /// Answers to what was not asked, or not any more.
    pub unasked: u64,
    /// Records that could not be believed, or were too many.
    pub dropped: u64,
    /// Lookups that were refused as too many.
    pub refused: u64,
}

/// Finds out where requests are to be sent. One for all.
#[derive(Debug)]
pub struct Locator {
    settings: LocatorSettings,
    random: ChaCha12Rng,
    cache: Cache,
    marks: Marks,
    lookups: BTreeMap<LookupId, Lookup>,
    asking: BTreeMap<Query, Asking>,
    turns: Turns,
    due: BTreeSet<(Instant, Due)>,
    output: VecDeque<LocatorOutput>,
    serial: u64,
    counters: LocatorCounters,
}

#[derive(Debug)]
struct Lookup {
    place: Place,
    asker: Asker,
    known: Known,
    waits_for: BTreeSet<Query>,
    /// There was room for it. Without room it has what is known, or nothing.
    is_admitted: bool,
    /// A question was not asked, because too many are.
    is_cut_short: bool,
    ends: Instant,
}

/// A question under way.
#[derive(Debug)]
struct Asking {
    way: Way,
    /// When an older answer will do.
    stale: Option<Instant>,
    waiting: BTreeSet<LookupId>,
}

#[derive(Debug)]
enum Way {
    /// It waits for its turn, once for each asker.
    Waits(Vec<Ticket>),
    /// It is with DNS, on this asker's account.
    Out { asker: Asker, ends: Instant },
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A question is without an answer, and an older one will do.
    Stale(Query),
    /// A question is without an answer.
    Query(Query),
    /// A lookup has to do with what it has.
    Lookup(LookupId),
}

impl Locator {
    /// `seed` decides among targets of the same priority.
    #[must_use]
    pub fn new(settings: LocatorSettings, seed: [u8; 32]) -> Self {
        Self {
            random: ChaCha12Rng::from_seed(seed),
            cache: Cache::new(settings.cache_max),
            marks: Marks::default(),
            lookups: BTreeMap::new(),
            asking: BTreeMap::new(),
            turns: Turns::default(),
            due: BTreeSet::new(),
            output: VecDeque::new(),
            serial: 0,
            counters: LocatorCounters::default(),
            settings,
        }
    }

    /// Other settings, from the next step of every lookup on. What is known stays known.
    pub fn set(&mut self, settings: LocatorSettings) {
        self.cache.resize(settings.cache_max);
        self.settings = settings;
    }

    /// Where to send what is to go to that place.
    ///
    /// # Errors
    /// [`LocateError`], if it is known already that there is nothing, or if too many places are looked for, by all or by this party.
    pub fn locate(&mut self, now: Instant, place: Place, asker: Asker) -> Result<Located, LocateError> {
        self.serial += 1;
        let id = LookupId(self.serial);
        let ends = later(now, LOCATE_MAX);
        let is_admitted = self.has_room(asker);
        let mut lookup = Lookup { place, asker, known: Known::new(), waits_for: BTreeSet::new(), is_admitted, is_cut_short: false, ends };
        if let Some(survey) = self.advance(now, id, &mut lookup) {
            self.forget(id, &lookup);
            return self.conclude(now, &lookup, survey).map(Located::Now);
        }
        self.due.insert((lookup.ends, Due::Lookup(id)));
        self.lookups.insert(id, lookup);
        self.send(now);
        Ok(Located::Later(id))
    }

    /// Whether there is room for a lookup more. One party does not fill it, and upkeep no more than half of it.
    fn has_room(&self, asker: Asker) -> bool {
        let all = self.settings.locating_max;
        let most = match asker.urgency {
            Urgency::Call => all,
            Urgency::Upkeep => all.div_ceil(2),
        };
        if self.lookups.len() >= all {
            return false;
        }
        let of_urgency = || self.lookups.values().filter(|lookup| lookup.asker.urgency == asker.urgency);
        let own = of_urgency().filter(|lookup| lookup.asker == asker).count();
        of_urgency().count() < most && own < most.div_ceil(PARTIES)
    }

    /// Nobody wants to know any more. Its questions that were asked stay open: what they bring is kept.
    pub fn cancel(&mut self, lookup: LookupId) {
        self.take(lookup);
    }

    /// An answer of DNS. One to what is not asked is passed over.
    pub fn answer(&mut self, now: Instant, answer: Answer) {
        let query = DomainName::parse(answer.name.as_bytes()).map(|name| Query { name, kind: answer.kind });
        let Some((query, asking)) = query.and_then(|query| self.asking.remove_entry(&query)) else {
            self.counters.unasked += 1;
            return;
        };
        self.close(&query, &asking);
        let (finding, ttl, dropped) = answer.said.sift(query.kind);
        self.counters.dropped = self.counters.dropped.saturating_add(u64::try_from(dropped).unwrap_or(u64::MAX));
        let finding = if finding == Finding::Failed {
            self.cache.keep_failure(now, query.clone())
        } else {
            let finding = Arc::new(finding);
            self.cache.keep(now, query.clone(), &finding, ttl);
            finding
        };
        self.tell(now, asking.waiting, &query, &finding);
        self.send(now);
    }

    /// A target could not be reached, did not answer or sent 503: until a time is over it stands behind all others. That time is
    /// [`FAILED_FOR`], or what its Retry-After says, at most [`FAILED_FOR_MAX`].
    pub fn failed(&mut self, now: Instant, target: &Target, retry_after: Option<Duration>) {
        self.marks.set(now, target, retry_after);
    }

    /// A target answered: it stands where DNS put it.
    pub fn succeeded(&mut self, target: &Target) {
        self.marks.clear(target);
    }

    /// Whether a target failed lately, and stands behind all others.
    #[must_use]
    pub fn has_failed(&self, now: Instant, target: &Target) -> bool {
        self.marks.is_set(now, target)
    }

    /// What to do next; drained after every input.
    pub fn poll(&mut self) -> Option<LocatorOutput> {
        self.output.pop_front()
    }

    /// When [`Locator::wake`] is due, and what asks for it.
    #[must_use]
    pub fn timeout(&self) -> Option<(Instant, &'static str)> {
        self.due.first().map(|(at, due)| {
            let why = match due {
                Due::Stale(_) => "older answer",
                Due::Query(_) => "no answer",
                Due::Lookup(_) => "lookup",
            };
            (*at, why)
        })
    }

    /// Lets everything act that is due.
    pub fn wake(&mut self, now: Instant) {
        while let Some((at, due)) = self.due.pop_first() {
            if at > now {
                self.due.insert((at, due));
                break;
            }
            match due {
                Due::Stale(query) => self.overtake(now, &query),
                Due::Query(query) => {
                    if let Some(asking) = self.asking.remove(&query) {
                        self.close(&query, &asking);
                        let finding = self.cache.keep_failure(now, query.clone());
                        self.tell(now, asking.waiting, &query, &finding);
                        self.send(now);
                    }
                }
                Due::Lookup(id) => {
                    if let Some(lookup) = self.take(id) {
                        self.give_up(now, id, lookup);
                    }
                }
            }
        }
        self.send(now);
    }

    /// Places that are looked for.
    #[must_use]
    pub fn live(&self) -> usize {
        self.lookups.len()
    }

    /// Answers that are kept.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.cache.len()
    }

    /// What was passed over.
    #[must_use]
    pub fn counters(&self) -> LocatorCounters {
        self.counters
    }

    /// Takes a lookup as far as it goes. The survey is there once there is nothing more to wait for.
    fn advance(&mut self, now: Instant, id: LookupId, lookup: &mut Lookup) -> Option<Survey> {
        loop {
            let survey = Survey::new(&lookup.place, &self.settings, &lookup.known);
            let mut is_wiser = false;
            for query in &survey.missing {
                if lookup.waits_for.contains(query) {
                    continue;
                }
                match self.find(now, lookup, query) {
                    Some(finding) => {
                        lookup.known.insert(query.clone(), finding);
                        is_wiser = true;
                    }
                    None if self.ask(now, id, lookup, query) => {
                        lookup.waits_for.insert(query.clone());
                    }
                    // What was known a while ago is better than nothing; what is not known is not guessed.
                    None => {
                        let Some(finding) = self.cache.stale(now, query) else {
                            lookup.is_cut_short = true;
                            return Some(survey);
                        };
                        lookup.known.insert(query.clone(), finding);
                        is_wiser = true;
                    }
                }
            }
            if is_wiser {
                continue;
            }
            if survey.missing.is_empty() {
                return Some(survey);
            }
            let patient = later(now, PATIENCE);
            if survey.will_do() && patient < lookup.ends {
                if self.due.remove(&(lookup.ends, Due::Lookup(id))) {
                    self.due.insert((patient, Due::Lookup(id)));
                }
                lookup.ends = patient;
            }
            return None;
        }
    }

    /// The answer to a question, if there is one already, or will be none.
    fn find(&mut self, now: Instant, lookup: &Lookup, query: &Query) -> Option<Arc<Finding>> {
        let is_too_much = lookup.known.len() + lookup.waits_for.len() >= QUESTIONS_MAX;
        self.counters.dropped += u64::from(is_too_much);
        if is_too_much { Some(Arc::new(Finding::NoData)) } else { self.cache.fresh(now, query, lookup.asker.urgency) }
    }

    /// Asks when it is its turn, or waits with those who asked already. Whether there is room for that.
    fn ask(&mut self, now: Instant, id: LookupId, lookup: &Lookup, query: &Query) -> bool {
        if !lookup.is_admitted {
            return false;
        }
        if !self.asking.contains_key(query) {
            let most = match lookup.asker.urgency {
                Urgency::Call => ASKING_MAX,
                Urgency::Upkeep => ASKING_MAX / 2,
            };
            // A name that leads to many, all of them silent, is its owner's trouble alone.
            if self.asking.len() >= most || self.turns.waits(lookup.asker) >= most.div_ceil(PARTIES) {
                return false;
            }
            let stale = self.cache.stale(now, query).map(|_| later(now, QUERY_STALE));
            self.due.extend(stale.map(|at| (at, Due::Stale(query.clone()))));
            self.asking.insert(query.clone(), Asking { way: Way::Waits(Vec::new()), stale, waiting: BTreeSet::new() });
        }
        if let Some(asking) = self.asking.get_mut(query) {
            asking.waiting.insert(id);
            if let Way::Waits(tickets) = &mut asking.way
                && !tickets.iter().any(|(asker, _)| *asker == lookup.asker)
            {
                tickets.push(self.turns.wait(lookup.asker, query.clone()));
            }
        }
        true
    }

    /// Asks the questions whose turn it is.
    fn send(&mut self, now: Instant) {
        while let Some((asker, query)) = self.turns.next() {
            let ends = later(now, QUERY_MAX);
            let Some(asking) = self.asking.get_mut(&query) else {
                self.turns.back(asker);
                continue;
            };
            if let Way::Waits(tickets) = std::mem::replace(&mut asking.way, Way::Out { asker, ends }) {
                tickets.into_iter().for_each(|ticket| self.turns.forget(ticket));
            }
            self.due.insert((ends, Due::Query(query.clone())));
            self.output.push_back(LocatorOutput::Query(query));
        }
    }

    /// A question is under way no more.
    fn close(&mut self, query: &Query, asking: &Asking) {
        match &asking.way {
            Way::Waits(tickets) => tickets.iter().for_each(|ticket| self.turns.forget(*ticket)),
            Way::Out { asker, ends } => {
                self.turns.back(*asker);
                self.due.remove(&(*ends, Due::Query(query.clone())));
            }
        }
        if let Some(at) = asking.stale {
            self.due.remove(&(at, Due::Stale(query.clone())));
        }
    }

    /// A question is open for long, and there is an older answer: who waits gets that one. If it was asked, it stays open.
    fn overtake(&mut self, now: Instant, query: &Query) {
        let Some(asking) = self.asking.get_mut(query) else { return };
        asking.stale = None;
        if let Some(finding) = self.cache.keep_late(now, query.clone()) {
            let waiting = std::mem::take(&mut asking.waiting);
            self.drop_unasked(query);
            self.tell(now, waiting, query, &finding);
        }
    }

    /// Nobody waits for a question that was not asked yet: it is not asked.
    fn drop_unasked(&mut self, query: &Query) {
        let is_idle = |asking: &Asking| asking.waiting.is_empty() && matches!(asking.way, Way::Waits(_));
        if self.asking.get(query).is_some_and(is_idle)
            && let Some(asking) = self.asking.remove(query)
        {
            self.close(query, &asking);
        }
    }

    fn tell(&mut self, now: Instant, waiting: BTreeSet<LookupId>, query: &Query, finding: &Arc<Finding>) {
        for id in waiting {
            let Some(mut lookup) = self.lookups.remove(&id) else { continue };
            lookup.waits_for.remove(query);
            lookup.known.insert(query.clone(), Arc::clone(finding));
            match self.advance(now, id, &mut lookup) {
                None => {
                    self.lookups.insert(id, lookup);
                }
                Some(survey) => {
                    self.forget(id, &lookup);
                    self.finish(now, id, &lookup, survey);
                }
            }
        }
    }

    fn conclude(&mut self, now: Instant, lookup: &Lookup, survey: Survey) -> Result<Vec<Target>, LocateError> {
        let why = match &survey {
            survey if survey.no_such_name => LocateError::NoSuchName,
            _ if lookup.is_cut_short => LocateError::TooMany,
            survey if survey.failed || !survey.missing.is_empty() => LocateError::NoAnswer,
            _ => LocateError::NothingThere,
        };
        let targets = survey.targets(&lookup.place, self.settings.families, &mut self.random);
        // Those that failed lately are behind, in their order. When all did, they are tried all the same.
        let (behind, mut targets): (Vec<_>, Vec<_>) = targets.into_iter().partition(|target| self.marks.is_set(now, target));
        targets.extend(behind);
        if targets.is_empty() {
            self.counters.refused += u64::from(why == LocateError::TooMany);
            return Err(why);
        }
        Ok(targets)
    }

    /// The time of a lookup is over: what is known has to do, and what was known.
    fn give_up(&mut self, now: Instant, id: LookupId, mut lookup: Lookup) {
        // What was not asked says nothing of the place.
        let is_out = |query: &Query| matches!(self.asking.get(query), Some(Asking { way: Way::Out { .. }, .. }));
        lookup.is_cut_short |= !lookup.waits_for.iter().all(is_out);
        let survey = loop {
            let survey = Survey::new(&lookup.place, &self.settings, &lookup.known);
            let before = lookup.known.len();
            let older = survey.missing.iter().filter_map(|query| Some((query.clone(), self.cache.stale(now, query)?)));
            lookup.known.extend(older.take(QUESTIONS_MAX.saturating_sub(before)));
            if lookup.known.len() == before {
                break survey;
            }
        };
        self.finish(now, id, &lookup, survey);
    }

    fn finish(&mut self, now: Instant, id: LookupId, lookup: &Lookup, survey: Survey) {
        let outcome = self.conclude(now, lookup, survey);
        self.output.push_back(LocatorOutput::Located { lookup: id, outcome });
    }

    fn take(&mut self, id: LookupId) -> Option<Lookup> {
        let lookup = self.lookups.remove(&id)?;
        self.forget(id, &lookup);
        Some(lookup)
    }

    /// Nothing waits for a lookup any more.
    fn forget(&mut self, id: LookupId, lookup: &Lookup) {
        self.due.remove(&(lookup.ends, Due::Lookup(id)));
        for query in &lookup.waits_for {
            if let Some(asking) = self.asking.get_mut(query) {
                asking.waiting.remove(&id);
                self.drop_unasked(query);
            }
        }
    }
}

/// A moment after another; the clock's end is not passed.
fn later(now: Instant, by: Duration) -> Instant {
    now.checked_add(by).unwrap_or(now)
}
