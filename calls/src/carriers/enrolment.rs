//! Our accounts that register with carriers (RFC 3261, 10), so that these know where to call us.
//!
//! `sip_core::enrol` knows when to send what. Here is whose turn it is, where the carrier is, and what becomes of a registration when the
//! directory, our own addresses or its stream change. It goes to the carrier's first host; if that has several targets, to the next one
//! when one is silent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use model::{AccountState, CarrierId, CenterId, carrier, carrier::CarrierEntry};
use rand_core::RngCore;
use sip_core::{
    AccountId, Enrol, EnrolOutput, EnrolSettings, EnrolState, Failure, Flow, LocateError, Located, LookupId, Message, RequestId, Target,
    Unanswered, Unproven, endpoint::user_part,
};

use super::{ANOTHERS, LOOK_SOON, Waiting, bracketed, by_flow::ByFlow, share::Share, uri_of};
use crate::{core::Core, known::User};

/// An account: whose, and its user name.
pub(crate) type Key = (CarrierId, String);

/// How fast accounts leave their carriers when the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// As they register: one after the other.
    InTurn,
    /// There is no time.
    AtOnce,
}

/// All accounts that register, or are leaving.
#[derive(Debug)]
pub(crate) struct Enrolments {
    all: BTreeMap<Key, Enrolment>,
    /// Of which registration a REGISTER is, and the account that may have to prove it.
    asked: BTreeMap<RequestId, (Key, Option<AccountId>, Option<CenterId>)>,
    share: Share,
    /// How many of these each carrier has; never 0.
    asked_of: BTreeMap<CarrierId, usize>,
    due: BTreeSet<(Instant, Key)>,
    /// Whose registration goes by which stream.
    by_flow: ByFlow<Key>,
    /// How many are to leave, or are leaving.
    leaving: usize,
    /// When the next REGISTER may leave for a carrier.
    turns: BTreeMap<CarrierId, Instant>,
    /// The server ends: nobody registers any more.
    is_over: bool,
}

/// No two REGISTERs of one carrier's accounts leave sooner after each other, so that a hundred accounts are no burst to it. What follows a
/// challenge or a 423 is not held up.
const TURN: Duration = Duration::from_millis(50);
/// REGISTERs under way, of all accounts: half of what the endpoint has room for, the rest is for OPTIONS. Centres share it ([`Share`]).
const ASKED_MAX: usize = sip_core::endpoint::REQUESTS_MAX / 2;
/// None is begun while the endpoint has more under way than this: what answers a challenge is not to be refused for want of room.
const BEGUN_MAX: usize = sip_core::endpoint::REQUESTS_MAX / 4 * 3;
/// Of one carrier. From half of [`ASKED_MAX`] on, who has none goes first: carriers that are silent take nobody's room.
const ASKED_OF_CARRIER_MAX: usize = 16;
/// Who finds no room tries again after this.
const NO_ROOM: Duration = Duration::from_secs(1);
/// A host that was not found is looked for again after this, and up to half as long again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The registration of one account.
#[derive(Debug)]
struct Enrolment {
    /// The host that it is to register with.
    host: carrier::Host,
    /// For whom its stream is known.
    user: u64,
    running: Option<Running>,
    /// The one that runs is still with another host.
    moves: bool,
    lookup: Option<LookupId>,
    /// When the host is looked for again.
    look_at: Option<Instant>,
    /// Why it does not run.
    trouble: Option<String>,
    /// Its turn, if it waits for one.
    turn: Option<Instant>,
    leaving: Leaving,
    /// The last attempt failed, and none went well since.
    has_failed: bool,
    /// Its stream is gone, and the carrier was not asked since.
    is_lost: bool,
    /// Why its stream could not be opened, until one could.
    no_stream: Option<String>,
    /// When it is woken.
    due: Option<Instant>,
    /// By which it is known that its stream ends.
    flow: Option<Flow>,
    told: (AccountState, Option<String>),
}

#[derive(Debug)]
struct Running {
    enrol: Enrol,
    target: Target,
    /// The target before, which may still be un-registered from.
    before: Option<Target>,
}

/// How an account stands.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) state: AccountState,
    /// Until when it is registered.
    pub(super) until: Option<Instant>,
    /// When the carrier is asked next, if nothing is under way.
    pub(super) next: Option<Instant>,
    /// What went wrong.
    pub(super) error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    /// As soon as it is its turn.
    Wanted,
    /// `Enrol::stop` was called.
    Begun,
}

impl Default for Enrolments {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            asked: BTreeMap::new(),
            share: Share::of(ASKED_MAX),
            asked_of: BTreeMap::new(),
            due: BTreeSet::new(),
            by_flow: ByFlow::default(),
            leaving: 0,
            turns: BTreeMap::new(),
            is_over: false,
        }
    }
}

impl Enrolments {
    /// When something is due.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Those that are not un-registered yet, though they are to be.
    pub(crate) fn leaving(&self) -> usize {
        self.leaving
    }

    /// The accounts of a carrier that may still have to prove something.
    pub(super) fn accounts(&self, carrier: CarrierId) -> BTreeSet<AccountId> {
        let asked = self.asked.values().filter(|((of, _), ..)| *of == carrier).filter_map(|(_, account, _)| *account);
        let of_carrier = self.all.range((carrier, String::new())..).take_while(|((of, _), _)| *of == carrier);
        let running = of_carrier.filter_map(|(_, enrolment)| enrolment.running.as_ref());
        asked.chain(running.filter_map(|running| running.enrol.settings().account)).collect()
    }

    /// Whether accounts of a carrier are to be registered, and none is.
    pub(super) fn none_registered(&self, now: Instant, carrier: CarrierId) -> bool {
        let mut accounts = self.all.range((carrier, String::new())..).take_while(|((of, _), _)| *of == carrier).peekable();
        accounts.peek().is_some() && accounts.all(|(_, enrolment)| !enrolment.may_serve(now))
    }

    /// Whether it has accounts and none is registered yet.
    pub(super) fn waits(&self, carrier: CarrierId) -> bool {
        let mut accounts = self.all.range((carrier, String::new())..).take_while(|((of, _), _)| *of == carrier).peekable();
        accounts.peek().is_some() && accounts.all(|((_, username), _)| !self.is_registered(carrier, username))
    }

    /// Whether the account is registered now.
    pub(super) fn is_registered(&self, carrier: CarrierId, username: &str) -> bool {
        let running = self.all.get(&(carrier, username.to_owned())).and_then(|enrolment| enrolment.running.as_ref());
        running.is_some_and(|running| matches!(running.enrol.state(), EnrolState::Registered { .. }))
    }

    /// The way that the carrier wants requests by an account to go (RFC 3608), as a value of Route. It begins where the account is registered, so it is
    /// none for another host.
    pub(super) fn service_route(&self, carrier: CarrierId, username: &str, host: &carrier::Host) -> Option<String> {
        let enrolment = self.all.get(&(carrier, username.to_owned())).filter(|enrolment| enrolment.host == *host && !enrolment.moves)?;
        let routes = enrolment.running.as_ref()?.enrol.service_route();
        (!routes.is_empty()).then(|| routes.join(", "))
    }

    /// How an account stands. None: it does not register.
    pub(super) fn shown(&self, now: Instant, carrier: CarrierId, username: &str) -> Option<Shown> {
        let enrolment = self.all.get(&(carrier, username.to_owned()))?;
        let (state, error) = enrolment.state();
        let is_waiting = matches!(state, AccountState::Registered | AccountState::Failing);
        let next = if is_waiting { enrolment.asks(now) } else { None };
        Some(Shown { state, until: enrolment.registered_until(now), next, error })
    }

    /// A stream could not be opened.
    pub(super) fn not_reached(&mut self, flow: Flow, why: &str) {
        for key in self.by_flow.of(flow) {
            if let Some(enrolment) = self.all.get_mut(key) {
                enrolment.no_stream = Some(why.to_owned());
            }
        }
    }

    /// By what accounts are registered now, and whose.
    pub(super) fn flows(&self, now: Instant) -> impl Iterator<Item = (CarrierId, Flow)> {
        let registered = self.all.iter().filter(move |(_, enrolment)| enrolment.registered_until(now).is_some());
        registered.filter_map(|((carrier, _), enrolment)| Some((*carrier, enrolment.running.as_ref()?.enrol.settings().flow)))
    }

    fn get(&mut self, key: &Key) -> Option<&mut Enrolment> {
        self.all.get_mut(key)
    }

    /// Puts down when a registration is to be woken next, and by the end of which stream.
    fn schedule(&mut self, now: Instant, key: &Key) {
        let Some(enrolment) = self.all.get_mut(key) else { return };
        let flow = enrolment.running.as_ref().map(|running| running.enrol.settings().flow);
        self.by_flow.moves(key, std::mem::replace(&mut enrolment.flow, flow), flow);
        let at = enrolment.next(now);
        if at == enrolment.due {
            return;
        }
        if let Some(before) = std::mem::replace(&mut enrolment.due, at) {
            self.due.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.due.insert((at, key.clone()));
        }
    }

    /// It has left.
    fn remove(&mut self, key: &Key) {
        let Some(enrolment) = self.all.remove(key) else { return };
        if let Some(due) = enrolment.due {
            self.due.remove(&(due, key.clone()));
        }
        self.by_flow.moves(key, enrolment.flow, None);
        self.leaving -= usize::from(enrolment.leaving != Leaving::No);
    }

    /// Whether it is the turn of an account now; if not, it has one later. `center`: its carrier's, unless that is gone. `outside`: how much the
    /// endpoint has under way.
    fn is_turn(&mut self, now: Instant, key: &Key, center: Option<CenterId>, outside: usize) -> bool {
        let has_room = outside < BEGUN_MAX && self.has_room(key.0, center);
        let Some(enrolment) = self.all.get_mut(key) else { return false };
        if !has_room {
            enrolment.turn = Some(enrolment.turn.unwrap_or(now).max(now) + NO_ROOM);
            return false;
        }
        let turn = match enrolment.turn {
            Some(turn) => turn,
            None => {
                let turn = self.turns.get(&key.0).map_or(now, |free| now.max(*free));
                self.turns.insert(key.0, turn + TURN);
                turn
            }
        };
        let is_now = turn <= now;
        enrolment.turn = (!is_now).then_some(turn);
        is_now
    }
}

impl Enrolments {
    /// Whether a REGISTER more may be under way to a carrier of a centre.
    fn has_room(&self, carrier: CarrierId, center: Option<CenterId>) -> bool {
        let own = self.asked_of.get(&carrier).copied().unwrap_or_default();
        let all = self.asked.len();
        let is_carriers_turn = own < ASKED_OF_CARRIER_MAX && (own == 0 || all < ASKED_MAX / 2);
        all < ASKED_MAX && is_carriers_turn && center.is_none_or(|center| self.share.has_room(center))
    }

    /// A REGISTER is under way. What was begun goes on, also when there is no more room.
    fn begin(&mut self, request: RequestId, key: Key, account: Option<AccountId>, center: Option<CenterId>) {
        *self.asked_of.entry(key.0).or_default() += 1;
        if let Some(center) = center {
            self.share.add(center);
        }
        self.asked.insert(request, (key, account, center));
    }

    /// A REGISTER has its outcome; whose it was.
    fn end(&mut self, request: RequestId) -> Option<Key> {
        let (key, _, center) = self.asked.remove(&request)?;
        if let Some(center) = center {
            self.share.give_back(center);
        }
        if let Some(count) = self.asked_of.get_mut(&key.0) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.asked_of.remove(&key.0);
            }
        }
        Some(key)
    }
}

impl Enrolment {
    fn new(now: Instant, host: carrier::Host, user: u64) -> Self {
        Self {
            host,
            user,
            running: None,
            moves: false,
            lookup: None,
            look_at: Some(now),
            trouble: None,
            turn: None,
            leaving: Leaving::No,
            has_failed: false,
            is_lost: false,
            no_stream: None,
            due: None,
            flow: None,
            told: (AccountState::Off, None),
        }
    }

    fn state(&self) -> (AccountState, Option<String>) {
        let Some(running) = &self.running else {
            return if self.trouble.is_some() { (AccountState::Failing, self.trouble.clone()) } else { (AccountState::Trying, None) };
        };
        let (state, why) = match running.enrol.state() {
            EnrolState::Trying => (AccountState::Trying, None),
            EnrolState::Registered { .. } => (AccountState::Registered, None),
            EnrolState::Failing { why: Failure::Unanswered(Unanswered::FlowLost), .. } if self.no_stream.is_some() => {
                (AccountState::Failing, self.no_stream.as_ref().map(|why| format!("no connection: {why}")))
            }
            EnrolState::Failing { why, .. } => (AccountState::Failing, Some(why.to_string())),
            EnrolState::Stopped => (AccountState::Off, None),
        };
        let state = if self.leaving == Leaving::No { state } else { AccountState::Leaving };
        (state, why.or_else(|| self.trouble.clone()))
    }

    fn registered_until(&self, now: Instant) -> Option<Instant> {
        let until = match self.running.as_ref()?.enrol.state() {
            EnrolState::Registered { until } => Some(*until),
            EnrolState::Failing { until, .. } => *until,
            EnrolState::Trying | EnrolState::Stopped => None,
        };
        until.filter(|until| *until > now)
    }

    /// Whether calls may be tried by the account: it is registered, or nobody has said yet that it is not.
    fn may_serve(&self, now: Instant) -> bool {
        self.leaving != Leaving::No || !self.has_failed || self.registered_until(now).is_some()
    }

    /// When the carrier is asked next, or looked for.
    fn asks(&self, now: Instant) -> Option<Instant> {
        let running = self.running.as_ref();
        let asked = match self.leaving {
            Leaving::Wanted => Some(self.turn.unwrap_or(now)),
            Leaving::No | Leaving::Begun => self.turn.or_else(|| running?.enrol.timeout().map(|(at, _)| at)),
        };
        [asked, self.look_at].into_iter().flatten().min()
    }

    fn next(&self, now: Instant) -> Option<Instant> {
        // Nothing tells when a registration ends that could not be refreshed.
        let lapses = if self.has_failed { self.registered_until(now) } else { None };
        [self.asks(now), lapses].into_iter().flatten().min()
    }
}

impl Core {
    /// Takes the accounts of the directory, and our own addresses as they are now. Those that stay as they were notice nothing.
    pub(crate) fn follow_enrolments(&mut self, now: Instant) {
        let directory = Arc::clone(&self.directory);
        let plan = directory.plan();
        self.carriers.enrolments.turns.retain(|carrier, free| plan.carrier(*carrier).is_some() || *free > now);
        let gone: Vec<Key> = self.carriers.enrolments.all.keys().filter(|key| wanted(self, &directory, key).is_none()).cloned().collect();
        for key in gone {
            self.leave(now, &key);
        }
        if self.carriers.enrolments.is_over {
            return;
        }
        for entry in plan.carriers().filter(|entry| entry.carrier.on) {
            for account in entry.carrier.accounts.iter().filter(|account| account.register) {
                self.follow_enrolment(now, entry, account);
            }
        }
        self.wake_enrolments(now);
    }

    fn follow_enrolment(&mut self, now: Instant, entry: &CarrierEntry, account: &carrier::Account) {
        let Some(host) = entry.carrier.hosts.first() else { return };
        let key = (entry.id, account.username.clone());
        let Some(enrolment) = self.carriers.enrolments.get(&key) else {
            let user = self.carriers.next_user();
            self.carriers.enrolments.all.insert(key.clone(), Enrolment::new(now, host.clone(), user));
            self.carriers.enrolments.schedule(now, &key);
            return;
        };
        // One that is leaving begins anew when it has left.
        if enrolment.leaving != Leaving::No {
            return;
        }
        let is_elsewhere = enrolment.host != *host;
        let lookup = if is_elsewhere { enrolment.lookup.take() } else { None };
        if is_elsewhere {
            enrolment.host = host.clone();
            enrolment.moves = enrolment.running.is_some();
        }
        let target = enrolment.running.as_ref().filter(|_| !enrolment.moves).map(|running| running.target.clone());
        if target.is_none() && enrolment.lookup.is_none() {
            enrolment.look_at = Some(now);
        }
        if let Some(lookup) = lookup {
            self.stop_locating(lookup);
        }
        match target {
            Some(target) => self.enrol_at(now, &key, entry, account, target),
            None => self.carriers.enrolments.schedule(now, &key),
        }
    }

    /// Does what is due.
    pub(crate) fn wake_enrolments(&mut self, now: Instant) {
        while let Some((_, key)) = self.carriers.enrolments.due.first().filter(|(at, _)| *at <= now).cloned() {
            self.carriers.enrolments.due.pop_first();
            if let Some(enrolment) = self.carriers.enrolments.get(&key) {
                enrolment.due = None;
            }
            self.wake_enrolment(now, &key);
        }
    }

    fn wake_enrolment(&mut self, now: Instant, key: &Key) {
        let Some(enrolment) = self.carriers.enrolments.get(key) else { return };
        if enrolment.look_at.is_some_and(|at| at <= now) {
            enrolment.look_at = None;
            self.look_for_registrar(now, key);
        }
        let Some(enrolment) = self.carriers.enrolments.get(key) else { return };
        let is_leaving = enrolment.leaving == Leaving::Wanted;
        let is_due = |running: &Running| running.enrol.timeout().is_some_and(|(at, _)| at <= now);
        if is_leaving || enrolment.running.as_ref().is_some_and(is_due) {
            let center = self.directory.plan().carrier(key.0).map(|entry| entry.center);
            if self.carriers.enrolments.is_turn(now, key, center, self.endpoint.requests_open())
                && let Some(enrolment) = self.carriers.enrolments.get(key)
                && let Some(running) = &mut enrolment.running
            {
                if is_leaving {
                    enrolment.leaving = Leaving::Begun;
                    running.enrol.stop(now);
                } else {
                    running.enrol.wake(now);
                }
            }
        } else {
            // It was changed while it waited.
            enrolment.turn = None;
        }
        self.drive_enrolment(now, key);
    }

    fn look_for_registrar(&mut self, now: Instant, key: &Key) {
        let Some(enrolment) = self.carriers.enrolments.get(key).filter(|enrolment| enrolment.lookup.is_none()) else { return };
        let Some(place) = super::place_of(&enrolment.host) else {
            return self.registrar_found(now, key, Err(LocateError::NothingThere));
        };
        match self.locate(now, key.0, place, Waiting::Registrar(key.clone())) {
            Ok(Located::Now(targets)) => self.registrar_found(now, key, Ok(targets)),
            Ok(Located::Later(lookup)) => {
                if let Some(enrolment) = self.carriers.enrolments.get(key) {
                    enrolment.lookup = Some(lookup);
                }
            }
            Err(error) => self.registrar_found(now, key, Err(error)),
        }
    }

    /// Where the host of an account is.
    pub(crate) fn registrar_found(&mut self, now: Instant, key: &Key, outcome: Result<Vec<Target>, LocateError>) {
        let directory = Arc::clone(&self.directory);
        let wanted = wanted(self, &directory, key);
        let Some(enrolment) = self.carriers.enrolments.all.get_mut(key) else { return };
        enrolment.lookup = None;
        let Some((entry, account)) = wanted.filter(|_| enrolment.leaving == Leaving::No) else { return };
        let runs = enrolment.running.is_some() && !enrolment.moves;
        let found = outcome.map(|targets| {
            let fresh = targets.iter().find(|target| !self.locator.has_failed(now, target)).cloned();
            // One that runs has its own pauses: it only goes to where it is better.
            if runs { fresh } else { fresh.or_else(|| targets.into_iter().next()) }
        });
        match found {
            Ok(Some(target)) => self.enrol_at(now, key, entry, account, target),
            Ok(None) => {}
            // There was no room to ask, which says nothing of the carrier.
            Err(LocateError::TooMany) => {
                let pause = self.carriers.between(LOOK_SOON, LOOK_SOON * 2);
                if let Some(enrolment) = self.carriers.enrolments.get(key) {
                    enrolment.look_at = Some(now + pause);
                }
                self.carriers.enrolments.schedule(now, key);
            }
            Err(error) => self.not_enrolled(now, key, error.to_string()),
        }
    }

    /// Registers an account at a target, or goes on there with what the account is now.
    fn enrol_at(&mut self, now: Instant, key: &Key, entry: &CarrierEntry, account: &carrier::Account, target: Target) {
        let flow = match self.carriers.outwards.flow_to(&target) {
            Ok(flow) => flow,
            Err(why) => return self.not_enrolled(now, key, why.to_string()),
        };
        let own = self.carriers.enrolments.get(key).map(|enrolment| User::Carrier(enrolment.user));
        if self.is_anothers(flow, &target, own) {
            return self.not_enrolled(now, key, ANOTHERS.to_owned());
        }
        let Some(proof) = self.carriers.accounts.of(&mut self.endpoint, entry.id, account) else {
            return self.not_enrolled(now, key, "too many accounts are in use".to_owned());
        };
        let mut seed = [0; 32];
        self.carriers.random.fill_bytes(&mut seed);
        let Some(enrolment) = self.carriers.enrolments.get(key) else { return };
        let name = bracketed(&enrolment.host.name);
        let contact_user = if account.contact_user.is_empty() { &account.username } else { &account.contact_user };
        let settings = EnrolSettings {
            flow,
            seen: self.endpoint.settings().seen_at(flow),
            registrar: uri_of(&enrolment.host),
            address: format!("sip:{}{name}", user_part(&account.username)),
            user: contact_user.clone(),
            expires_s: account.expires_s,
            account: Some(proof),
        };
        (enrolment.moves, enrolment.trouble) = (false, None);
        match &mut enrolment.running {
            Some(running) => {
                if running.target != target {
                    running.before = Some(std::mem::replace(&mut running.target, target));
                }
                running.enrol.change(now, settings);
            }
            None => enrolment.running = Some(Running { enrol: Enrol::new(now, settings, seed), target, before: None }),
        }
        self.drive_enrolment(now, key);
    }

    /// An account cannot be registered where it should be, for now.
    fn not_enrolled(&mut self, now: Instant, key: &Key, why: String) {
        let pause = self.carriers.between(LOOK_AGAIN, LOOK_AGAIN * 3 / 2);
        let are_told = self.carriers.outwards.are_told();
        let Some(enrolment) = self.carriers.enrolments.get(key) else { return };
        // One that runs goes on as it is, and says itself when that does not do any more.
        if enrolment.running.is_none() || enrolment.moves {
            enrolment.look_at = Some(now + pause);
            // As long as we do not know our own addresses, that is no failure.
            if are_told {
                enrolment.trouble = Some(why);
                enrolment.has_failed |= enrolment.running.is_none();
            }
        }
        self.drive_enrolment(now, key);
    }

    /// The endpoint has an answer; false: to another's request.
    pub(crate) fn enrolment_answered(&mut self, now: Instant, request: RequestId, response: &Message, unproven: Option<Unproven>) -> bool {
        let Some(key) = self.carriers.enrolments.end(request) else { return false };
        if let Some(enrolment) = self.carriers.enrolments.get(&key)
            && let Some(running) = &mut enrolment.running
        {
            enrolment.is_lost = false;
            enrolment.no_stream = None;
            running.enrol.answered(now, request, response, unproven);
        }
        self.drive_enrolment(now, &key);
        self.tidy_accounts([key.0]);
        true
    }

    /// The endpoint will have no answer; false: to another's request.
    pub(crate) fn enrolment_unanswered(&mut self, now: Instant, request: RequestId, cseq: u32, why: Unanswered) -> bool {
        let Some(key) = self.carriers.enrolments.end(request) else { return false };
        if let Some(enrolment) = self.carriers.enrolments.get(&key)
            && let Some(running) = &mut enrolment.running
        {
            enrolment.is_lost = false;
            running.enrol.unanswered(now, request, cseq, why);
        }
        self.drive_enrolment(now, &key);
        self.tidy_accounts([key.0]);
        true
    }

    /// A stream is gone: who is registered by it registers anew.
    pub(super) fn enrolments_lost_flow(&mut self, now: Instant, flow: Flow) {
        let lost: Vec<Key> = self.carriers.enrolments.by_flow.of(flow).cloned().collect();
        for key in lost {
            let Some(enrolment) = self.carriers.enrolments.get(&key) else { continue };
            let user = enrolment.user;
            if let Some(running) = &mut enrolment.running {
                enrolment.is_lost = matches!(running.enrol.state(), EnrolState::Registered { .. });
                running.enrol.lost(now);
            }
            self.know(User::Carrier(user), None);
            self.drive_enrolment(now, &key);
        }
    }

    /// The server ends: all accounts leave.
    pub(crate) fn end_enrolments(&mut self, now: Instant, leave: Leave) {
        self.carriers.enrolments.is_over = true;
        self.follow_enrolments(now);
        if leave == Leave::AtOnce {
            let keys: Vec<Key> = self.carriers.enrolments.all.keys().cloned().collect();
            for key in keys {
                if let Some(enrolment) = self.carriers.enrolments.get(&key).filter(|enrolment| enrolment.leaving == Leaving::Wanted)
                    && let Some(running) = &mut enrolment.running
                {
                    enrolment.leaving = Leaving::Begun;
                    running.enrol.stop(now);
                }
                self.drive_enrolment(now, &key);
            }
        }
    }

    /// An account is not to be registered any more.
    fn leave(&mut self, now: Instant, key: &Key) {
        let Some(enrolment) = self.carriers.enrolments.get(key).filter(|enrolment| enrolment.leaving == Leaving::No) else { return };
        (enrolment.leaving, enrolment.look_at, enrolment.turn) = (Leaving::Wanted, None, None);
        let lookup = enrolment.lookup.take();
        self.carriers.enrolments.leaving += 1;
        if let Some(lookup) = lookup {
            self.stop_locating(lookup);
        }
        self.drive_enrolment(now, key);
    }

    /// Carries out what a registration wants, and tells how it stands.
    fn drive_enrolment(&mut self, now: Instant, key: &Key) {
        while let Some(enrolment) = self.carriers.enrolments.get(key)
            && let Some(output) = enrolment.running.as_mut().and_then(|running| running.enrol.poll())
        {
            match output {
                EnrolOutput::Register(request) => self.send_register(now, key, request),
                EnrolOutput::State(state) => self.enrolment_became(now, key, &state),
            }
        }
        self.finish_leaving(now, key);
        self.carriers.enrolments.schedule(now, key);
        if let Some(enrolment) = self.carriers.enrolments.get(key) {
            let state = enrolment.state();
            if state != enrolment.told {
                enrolment.told = state;
                self.carriers.changed.insert(key.0);
            }
        }
        self.judge_carrier(now, key.0);
    }

    fn send_register(&mut self, now: Instant, key: &Key, request: sip_core::OutsideRequest) {
        let Some(enrolment) = self.carriers.enrolments.get(key) else { return };
        let Some(running) = &enrolment.running else { return };
        let (flow, account, user) = (request.flow, request.account, enrolment.user);
        let leads_here = |target: &&Target| flow.remote == target.address;
        // Behind a change of hosts, the old one is un-registered from.
        let target = [Some(&running.target), running.before.as_ref()].into_iter().flatten().find(leads_here).cloned();
        if let Some(target) = target {
            self.reach(key.0, flow, &target, true);
            self.know(User::Carrier(user), Some(flow));
        }
        // One of a carrier that is gone is the last of its account.
        let center = self.directory.plan().carrier(key.0).map(|entry| entry.center);
        let sent = self.endpoint.request(now, request).ok();
        if let Some(sent) = sent {
            self.carriers.enrolments.begin(sent, key.clone(), account, center);
        }
        if let Some(running) = self.carriers.enrolments.get(key).and_then(|enrolment| enrolment.running.as_mut()) {
            running.enrol.sent(now, sent);
        }
    }

    fn enrolment_became(&mut self, now: Instant, key: &Key, state: &EnrolState) {
        let Some(enrolment) = self.carriers.enrolments.all.get_mut(key) else { return };
        let Some(running) = &enrolment.running else { return };
        match state {
            EnrolState::Registered { .. } => {
                (enrolment.has_failed, enrolment.is_lost) = (false, false);
                let flow = running.enrol.settings().flow;
                self.locator.succeeded(&running.target);
                self.keep_alive(now, key.0, flow);
            }
            // A stream that ended by itself says nothing of who was at its other end: it is asked again, soon.
            EnrolState::Failing { .. } if enrolment.is_lost => {}
            EnrolState::Failing { why, .. } => {
                enrolment.has_failed = true;
                let is_away = matches!(why, Failure::Unanswered(_) | Failure::Refused { status: 503, .. });
                if is_away && enrolment.leaving == Leaving::No {
                    self.locator.failed(now, &running.target, None);
                    // Another target may do (RFC 3263, 4.3).
                    enrolment.look_at = Some(now);
                }
            }
            EnrolState::Trying | EnrolState::Stopped => {}
        }
    }

    /// What has left is gone, or begins anew if it is wanted again by now.
    fn finish_leaving(&mut self, now: Instant, key: &Key) {
        let directory = Arc::clone(&self.directory);
        let Some(enrolment) = self.carriers.enrolments.get(key).filter(|enrolment| enrolment.leaving != Leaving::No) else { return };
        let has_left = enrolment.running.as_ref().is_none_or(|running| *running.enrol.state() == EnrolState::Stopped);
        if !has_left {
            return;
        }
        let user = enrolment.user;
        self.carriers.enrolments.remove(key);
        self.carriers.changed.insert(key.0);
        self.know(User::Carrier(user), None);
        if let Some((entry, account)) = wanted(self, &directory, key) {
            self.follow_enrolment(now, entry, account);
        }
    }
}

/// The carrier and the account, if that is to be registered.
fn wanted<'d>(core: &Core, directory: &'d model::Directory, key: &Key) -> Option<(&'d CarrierEntry, &'d carrier::Account)> {
    if core.carriers.enrolments.is_over {
        return None;
    }
    let entry = directory.plan().carrier(key.0).filter(|entry| entry.carrier.on)?;
    let account = entry.carrier.accounts.iter().find(|account| account.register && account.username == key.1)?;
    Some((entry, account))
}
