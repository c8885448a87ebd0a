//! What calls out to the world may use: the budgets of `seats` between the gate and the carriers (R23).
//!
//! A leg to a carrier has a hold from before its INVITE until it is closed, whichever way that happens; whatever calls by a carrier
//! ([`crate::stage::Cx::call_carrier`]) has it without asking. Legs to phones of ours have none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use model::{
    BudgetEntry, BudgetNews, BudgetUsed, BudgetView, CallId, Cause, CenterId, EndingView, Event, Fact, HubId, Number, Refusal, Reply,
    SlotId, WallTime,
    budget::{Closed, Limit, Scope},
    carrier::CarrierEntry,
    route::{Decision, Way},
};
use seats::budget::{AHEAD_S, Attempt, BudgetOutput, Budgets, Called, HoldId, Price, Term};
use sip_core::SessionId;

use crate::{
    core::Core,
    stage::CallInput,
    switchboard::{Restored, Switchboard},
    timeline::Start,
};

/// What was used is told to the journal this often at most, all of it: a picture of a scope is some thousand octets.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Budgets in one record of the journal, at most.
const TELL_BATCH: usize = 50;
/// So long before its end a call is warned.
const WARN: Duration = Duration::from_secs(AHEAD_S);
/// That a limit is closed is told again after this, if it never opened.
const SHUT_AGAIN: Duration = Duration::from_secs(3_600);

/// The budgets, and which leg has what of them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    budgets: Budgets,
    /// Known here and not in the call, so that it is not lost with what a defect takes along (FT-14).
    held: BTreeMap<SessionId, Held>,
    /// Which legs of a call have a hold.
    of_call: BTreeMap<CallId, BTreeSet<SessionId>>,
    /// When whom to ask for more.
    due: BTreeSet<(Instant, SessionId)>,
    /// Limits of which it was told that they are closed, and when.
    shut: BTreeMap<Scope, BTreeMap<Limit, WallTime>>,
    /// Scopes of which the journal does not have the last.
    dirty: BTreeSet<Scope>,
    told_at: Option<Instant>,
    /// The server is about to end: what changes is told at once.
    in_hurry: bool,
    counts: BudgetCounts,
}

/// What a leg has reserved.
#[derive(Debug)]
struct Held {
    call: CallId,
    center: CenterId,
    /// Whose limits it is held by, if it is a slot's.
    by: Option<(SlotId, HubId)>,
    hold: HoldId,
    price: Price,
    currency: String,
    answered: Option<Instant>,
    due: Option<Instant>,
    /// By what, and when the call was told that it ends.
    warned: Option<((Scope, Limit), WallTime)>,
}

/// What has come of budgets since the start.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct BudgetCounts {
    /// Calls that were not let begin by a carrier, by limit and kind of scope.
    pub refused: BTreeMap<(Limit, &'static str), u64>,
    /// Calls that were ended, by limit and kind of scope.
    pub cut: BTreeMap<(Limit, &'static str), u64>,
    /// Seconds of talk that some budget has paid for.
    pub talk_s: u64,
    /// Minor units that were paid for that, by currency.
    pub spend: BTreeMap<String, u64>,
}

/// A call that wants to go out by a carrier.
struct Wanted<'a> {
    scopes: Vec<Scope>,
    number: &'a Number,
    called: Called,
    price: Option<Price>,
    currency: &'a str,
}

impl<'a> Wanted<'a> {
    fn new(slot: Option<(SlotId, HubId)>, center: CenterId, entry: &'a CarrierEntry, number: &'a Number, is_help: bool) -> Self {
        let own = slot.into_iter().flat_map(|(slot, hub)| [Scope::Slot(slot), Scope::Trunk(hub)]);
        Self {
            scopes: own.chain([Scope::Carrier(entry.id), Scope::Center(center)]).collect(),
            number,
            called: if is_help { Called::Emergency } else { Called::of(number) },
            price: entry.carrier.price(number).map(Price::from),
            currency: &entry.carrier.currency,
        }
    }

    fn attempt(&self) -> Attempt<'_> {
        Attempt { scopes: &self.scopes, number: self.number, called: self.called, price: self.price, currency: self.currency }
    }
}

/// A hold that no leg has yet: one that has none gives it back ([`Core::unreserve`]).
#[derive(Debug)]
#[must_use = "what is reserved has to be settled"]
pub(crate) struct Reserved {
    hold: HoldId,
    by: Option<(SlotId, HubId)>,
    price: Price,
    currency: String,
}

impl Ledger {
    /// When somebody asks for more, or something is to be told.
    pub(crate) fn timeout(&self) -> Option<(Instant, &'static str)> {
        let more = self.due.first().map(|(at, _)| (*at, "a call's budget"));
        let tell = self.tell_at().map(|at| (at, "budgets to the journal"));
        [more, tell].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn tell_at(&self) -> Option<Instant> {
        self.told_at.filter(|_| !self.dirty.is_empty()).map(|at| at + TELL_EVERY)
    }

    /// The hold of a leg has changed: so have all that it is of.
    fn touch(&mut self, hold: HoldId) {
        self.dirty.extend(self.budgets.scopes_of(hold));
    }

    /// A leg is none of this call's any more.
    fn leave(&mut self, call: CallId, session: SessionId) {
        if let Some(sessions) = self.of_call.get_mut(&call) {
            sessions.remove(&session);
            if sessions.is_empty() {
                self.of_call.remove(&call);
            }
        }
    }

    /// Asks again at this moment, or never.
    fn ask_at(&mut self, session: SessionId, at: Option<Instant>) {
        let Some(held) = self.held.get_mut(&session) else { return };
        if let Some(before) = std::mem::replace(&mut held.due, at) {
            self.due.remove(&(before, session));
        }
        if let Some(at) = at {
            self.due.insert((at, session));
        }
    }
}

impl Core {
    /// Takes over the budgets of the directory. Calls that are up and have got one ask it at once.
    pub(crate) fn follow_budgets(&mut self, now: Instant) {
        let at = self.clock.wall(now);
        let directory = Arc::clone(&self.directory);
        let there: BTreeSet<Scope> = directory.budgets().iter().map(|entry| entry.scope).collect();
        let gone: Vec<Scope> = self.ledger.budgets.scopes().filter(|scope| !there.contains(scope)).collect();
        for scope in gone {
            self.ledger.budgets.set(at, scope, None);
            self.ledger.dirty.remove(&scope);
            self.ledger.shut.remove(&scope);
        }
        // Scopes without a budget can be shut, too: nobody allows premium numbers there.
        let mut shut = std::mem::take(&mut self.ledger.shut);
        shut.retain(|scope, _| there.contains(scope) || self.center_of(*scope).is_some());
        self.ledger.shut = shut;
        let mut new = BTreeSet::new();
        for BudgetEntry { scope, budget, .. } in directory.budgets() {
            let before = self.ledger.budgets.budget(*scope);
            if before != Some(budget) {
                new.extend(before.is_none().then_some(*scope));
                self.ledger.budgets.set(at, *scope, Some(budget.clone()));
                self.ledger.shut.remove(scope);
            }
        }
        if new.is_empty() {
            return;
        }
        let ledger = &self.ledger;
        let is_asked = |held: &Held| held.answered.is_some() && ledger.budgets.scopes_of(held.hold).any(|scope| new.contains(&scope));
        let asked: Vec<SessionId> = ledger.held.iter().filter(|(_, held)| is_asked(held)).map(|(session, _)| *session).collect();
        asked.into_iter().for_each(|session| self.ledger.ask_at(session, Some(now)));
    }

    /// Takes over what was used before a restart.
    pub(crate) fn restore_budgets(&mut self, now: Instant, restored: &Restored) {
        let wall = self.clock.wall(now);
        restored.budgets.iter().for_each(|used| self.ledger.budgets.restore(wall, used));
    }

    /// The wall clock was set, so many milliseconds forward.
    pub(crate) fn budgets_moved(&mut self, by_ms: i64) {
        if by_ms != 0 {
            self.ledger.budgets.moved(by_ms);
        }
    }

    /// Settles holds that nobody asks for any more. Each leg settles its own, so this is for what a defect has left behind: it is looked at when
    /// there is something else to do.
    pub(crate) fn expire_budgets(&mut self, now: Instant) {
        self.ledger.budgets.expire(self.clock.wall(now));
    }

    /// From now on what was used is told at once, for nobody may ask later.
    pub(crate) fn hurry_budgets(&mut self) {
        self.ledger.in_hurry = true;
    }

    /// Reserves what a call by a carrier needs, which is the last that stands between it and its INVITE. `slot` is whose limits count, if it is
    /// a slot's; `number` in E.164, if it is such a one.
    pub(crate) fn reserve(
        &mut self,
        now: Instant,
        start: &Start,
        slot: Option<SlotId>,
        entry: &CarrierEntry,
        (number, is_help): (&Number, bool),
    ) -> Result<Reserved, Cause> {
        let slot = slot.and_then(|slot| Some((slot, self.directory.slot(slot)?.hub)));
        let wanted = Wanted::new(slot, start.center, entry, number, is_help);
        let at = self.clock.wall(now);
        match self.ledger.budgets.reserve(at, &wanted.attempt()) {
            Ok(grant) => {
                let ledger = &mut self.ledger;
                ledger.touch(grant.hold);
                for scope in ledger.budgets.scopes_of(grant.hold) {
                    ledger.shut.remove(&scope);
                }
                let price = wanted.price.unwrap_or(Price::FREE);
                Ok(Reserved { hold: grant.hold, by: slot, price, currency: wanted.currency.to_owned() })
            }
            Err(closed) => {
                self.tell_shut(at, start.center, closed, true);
                Err(cause_of(closed.limit))
            }
        }
    }

    /// The INVITE has left: the leg has the hold until it is closed.
    pub(crate) fn hold(&mut self, start: &Start, session: SessionId, reserved: Reserved) {
        let Reserved { hold, by, price, currency } = reserved;
        // Help.
        if !self.ledger.budgets.has(hold) {
            return;
        }
        let held = Held { call: start.call, center: start.center, by, hold, price, currency, answered: None, due: None, warned: None };
        self.ledger.held.insert(session, held);
        self.ledger.of_call.entry(start.call).or_default().insert(session);
        self.recount_budgets(start.call);
    }

    /// A slot may have left a call that goes on with another slot of ours. What the call uses stays with the slot that caused it, but it is none
    /// of the calls that this slot and its trunk have at once. A call in which nobody of ours is left stays counted: else two ends in the world
    /// could be joined again and again.
    pub(crate) fn recount_budgets(&mut self, call: CallId) {
        let here: Vec<SlotId> = self.seats.slots_of(call).collect();
        if here.is_empty() {
            return;
        }
        let ledger = &mut self.ledger;
        for session in ledger.of_call.get(&call).into_iter().flatten() {
            let Some(Held { hold, by: Some((slot, hub)), .. }) = ledger.held.get(session) else { continue };
            if !here.contains(slot) {
                ledger.budgets.uncount(*hold, Scope::Slot(*slot));
                ledger.budgets.uncount(*hold, Scope::Trunk(*hub));
            }
        }
    }

    /// No INVITE has left.
    pub(crate) fn unreserve(&mut self, now: Instant, reserved: &Reserved) {
        self.ledger.touch(reserved.hold);
        self.ledger.budgets.settle(self.clock.wall(now), reserved.hold, Duration::ZERO);
    }

    /// Whether any of a decision's carriers may be called now. So whoever orders a call is told before a phone rings; what is reserved for
    /// it is another thing, and comes when the carrier is called.
    pub(crate) fn would_pay(&mut self, now: Instant, start: &Start, decision: &Decision, is_help: bool) -> Result<(), Closed> {
        let Way::Carriers(tries) = &decision.way else { return Ok(()) };
        let directory = Arc::clone(&self.directory);
        let slot = start.caller_slot.and_then(|slot| Some((slot, directory.slot(slot)?.hub)));
        let at = self.clock.wall(now);
        let mut why = None;
        for found in tries {
            let Some(entry) = directory.plan().carrier(found.carrier) else { continue };
            let wanted = Wanted::new(slot, start.center, entry, &found.called, is_help);
            match self.ledger.budgets.would(at, &wanted.attempt()) {
                Ok(()) => return Ok(()),
                Err(closed) => why = why.or(Some(closed)),
            }
        }
        let Some(closed) = why else { return Ok(()) };
        self.tell_shut(at, start.center, closed, true);
        Err(closed)
    }

    /// A leg was answered: from now on it costs.
    pub(crate) fn budget_answered(&mut self, now: Instant, session: SessionId) {
        let at = self.clock.wall(now);
        let Some(held) = self.ledger.held.get_mut(&session) else { return };
        held.answered.get_or_insert(now);
        let hold = held.hold;
        let term = self.ledger.budgets.answered(at, hold);
        self.ledger.touch(hold);
        self.follow_term(now, session, term);
    }

    /// A leg is closed, or its hold is over with its call: it pays for what it has lasted.
    pub(crate) fn budget_over(&mut self, now: Instant, session: SessionId) {
        self.ledger.ask_at(session, None);
        let Some(held) = self.ledger.held.remove(&session) else { return };
        self.ledger.leave(held.call, session);
        let lasted = held.answered.map_or(Duration::ZERO, |answered| now.saturating_duration_since(answered));
        let is_paid = self.ledger.budgets.scopes_of(held.hold).next().is_some();
        self.ledger.touch(held.hold);
        self.ledger.budgets.settle(self.clock.wall(now), held.hold, lasted);
        if !is_paid {
            return;
        }
        let seconds = u64::try_from(lasted.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
        let counts = &mut self.ledger.counts;
        counts.talk_s = counts.talk_s.saturating_add(seconds);
        let cost = held.price.cost(seconds);
        if cost > 0 {
            let spend = counts.spend.entry(held.currency).or_default();
            *spend = spend.saturating_add(cost);
        }
    }

    /// A leg belongs to another call from now on.
    pub(crate) fn hand_over_budget(&mut self, session: SessionId, to: CallId) {
        let Some(held) = self.ledger.held.get_mut(&session) else { return };
        let from = std::mem::replace(&mut held.call, to);
        self.ledger.leave(from, session);
        self.ledger.of_call.entry(to).or_default().insert(session);
    }

    /// A call is over, with whatever it still holds.
    pub(crate) fn leave_budgets(&mut self, now: Instant, call: CallId) {
        let sessions = self.ledger.of_call.remove(&call).unwrap_or_default();
        sessions.into_iter().for_each(|session| self.budget_over(now, session));
    }

    /// What a budget allows a leg that is up: when to ask again, and what to tell.
    fn follow_term(&mut self, now: Instant, session: SessionId, term: Option<Term>) {
        let wall = self.clock.wall(now);
        let Some(Term { until, next, closed }) = term else {
            self.ledger.ask_at(session, None);
            // The budget that would have ended it is gone.
            let Some(held) = self.ledger.held.get_mut(&session) else { return };
            if let Some(((scope, limit), _)) = held.warned.take() {
                let (call, center) = (held.call, held.center);
                self.event(Event::CallEnding(EndingView { call, center, ends_at: None, scope, limit }));
            }
            return;
        };
        let ends_in = Duration::from_millis(until.ms_since(wall));
        let mut ask_in = Duration::from_millis(next.ms_since(wall));
        if closed.is_some() && ends_in > WARN {
            ask_in = ask_in.min(ends_in - WARN);
        }
        self.ledger.ask_at(session, Some(now + ask_in));
        let Some(held) = self.ledger.held.get_mut(&session) else { return };
        let (call, center, before) = (held.call, held.center, held.warned);
        let ending = |ends_at, (scope, limit)| Event::CallEnding(EndingView { call, center, ends_at, scope, limit });
        let warns = closed.filter(|_| ends_in <= WARN).map(|closed| ((closed.scope, closed.limit), until));
        held.warned = warns;
        match (before, warns) {
            (before, Some((by, until))) if before != warns => self.event(ending(Some(until), by)),
            // Another call has given something back, or somebody's hand has.
            (Some((by, _)), None) => self.event(ending(None, by)),
            _ => {}
        }
    }

    /// Tells that a limit is closed, unless that was told lately; with `counts` a call was refused by it.
    fn tell_shut(&mut self, at: WallTime, center: CenterId, closed: Closed, counts: bool) {
        let Closed { scope, limit, value, used, frees_at } = closed;
        let ledger = &mut self.ledger;
        if counts {
            *ledger.counts.refused.entry((limit, scope.kind())).or_default() += 1;
        }
        let told = ledger.shut.get(&scope).and_then(|limits| limits.get(&limit));
        if told.is_none_or(|told| at.0.abs_diff(told.0) >= SHUT_AGAIN.as_millis() as u64) {
            ledger.shut.entry(scope).or_default().insert(limit, at);
            let center = self.center_of(scope).unwrap_or(center);
            self.event(Event::BudgetClosed(BudgetNews { scope, center, limit, value, used, frees_at }));
        }
    }

    /// In which centre a budget is seen.
    fn center_of(&self, scope: Scope) -> Option<CenterId> {
        match scope {
            Scope::Slot(slot) => self.directory.slot(slot).map(|slot| slot.center),
            Scope::Trunk(hub) => self.directory.hub(hub).map(|hub| hub.center),
            Scope::Carrier(carrier) => self.directory.plan().carrier(carrier).map(|entry| entry.center),
            Scope::Center(center) => Some(center),
        }
    }

    /// Tells what has happened to budgets: to those who listen, and to the journal what was used.
    pub(crate) fn tell_budgets(&mut self, now: Instant) {
        while let Some(output) = self.ledger.budgets.poll() {
            match output {
                BudgetOutput::Alarm { scope, limit, percent, value, used } => {
                    self.ledger.dirty.insert(scope);
                    let Some(center) = self.center_of(scope) else { continue };
                    let news = BudgetNews { scope, center, limit, value, used, frees_at: None };
                    self.event(Event::BudgetAlarm { news, percent });
                }
                // Its leg goes on without one: nobody lets a phone ring so long.
                BudgetOutput::Lost { .. } => {}
            }
        }
        let is_due = self.ledger.in_hurry || self.ledger.told_at.is_none_or(|told| now >= told + TELL_EVERY);
        if self.ledger.dirty.is_empty() || !is_due {
            return;
        }
        self.ledger.told_at = Some(now);
        let at = self.clock.wall(now);
        let dirty = std::mem::take(&mut self.ledger.dirty);
        let mut used: Vec<BudgetUsed> = dirty.into_iter().filter_map(|scope| self.ledger.budgets.saved(at, scope)).collect();
        while !used.is_empty() {
            let rest = used.split_off(used.len().min(TELL_BATCH));
            self.fact(Fact::BudgetsUsed { budgets: std::mem::replace(&mut used, rest), at });
        }
    }

    /// The budgets of a centre as they stand.
    pub(crate) fn budget_views(&self, now: Instant, center: CenterId) -> Reply {
        let at = self.clock.wall(now);
        let own = self.directory.budgets().iter().filter(|entry| entry.center == center);
        Reply::Budgets(own.filter_map(|entry| self.budget_view(at, entry)).collect())
    }

    /// One budget as it stands.
    pub(crate) fn budget(&self, now: Instant, scope: Scope) -> Result<Reply, Refusal> {
        let entry = self.directory.budgets().iter().find(|entry| entry.scope == scope);
        let view = entry.and_then(|entry| self.budget_view(self.clock.wall(now), entry));
        view.map(|view| Reply::Budget(Box::new(view))).ok_or(Refusal::BudgetNotFound)
    }

    fn budget_view(&self, at: WallTime, entry: &BudgetEntry) -> Option<BudgetView> {
        let name = match entry.scope {
            Scope::Slot(slot) => self.directory.slot(slot).map(|slot| slot.number.to_string()),
            Scope::Trunk(hub) => self.directory.hub(hub).map(|hub| hub.name.clone()),
            Scope::Carrier(carrier) => self.directory.plan().carrier(carrier).map(|entry| entry.carrier.name.clone()),
            // What centres are called is not known here.
            Scope::Center(_) => None,
        };
        Some(BudgetView {
            entry: entry.clone(),
            name: name.unwrap_or_default(),
            is_outside: entry.budget.outside.as_ref().is_some_and(|outside| !outside.hours.is_open(at)),
            levels: self.ledger.budgets.levels(at, entry.scope)?,
        })
    }

    /// Somebody lets a budget begin anew.
    pub(crate) fn release_budget(&mut self, now: Instant, scope: Scope) -> Result<Reply, Refusal> {
        let directory = Arc::clone(&self.directory);
        let entry = directory.budgets().iter().find(|entry| entry.scope == scope).ok_or(Refusal::BudgetNotFound)?;
        if !self.ledger.budgets.reset(scope) {
            return Err(Refusal::BudgetNotFound);
        }
        self.ledger.dirty.insert(scope);
        self.ledger.shut.remove(&scope);
        self.event(Event::BudgetReleased { scope, center: entry.center });
        self.budget(now, scope)
    }
}

impl Switchboard {
    /// Legs whose time has come ask for more; a call whose budget is used up ends.
    pub(crate) fn wake_budgets(&mut self, now: Instant) {
        while let Some((_, session)) = self.core.ledger.due.first().copied().filter(|(at, _)| *at <= now) {
            self.core.ledger.ask_at(session, None);
            let at = self.core.clock.wall(now);
            let Some(held) = self.core.ledger.held.get(&session) else { continue };
            let (call, center, hold) = (held.call, held.center, held.hold);
            let term = self.core.ledger.budgets.extend(at, hold);
            self.core.ledger.touch(hold);
            match term {
                Some(Term { until, closed: Some(closed), .. }) if until <= at => {
                    *self.core.ledger.counts.cut.entry((closed.limit, closed.scope.kind())).or_default() += 1;
                    self.core.tell_shut(at, center, closed, false);
                    self.call(now, call, CallInput::Hangup(Cause::BudgetSpent));
                }
                term => self.core.follow_term(now, session, term),
            }
        }
    }

    /// What has come of budgets since the start.
    #[must_use]
    pub fn budget_counts(&self) -> &BudgetCounts {
        &self.core.ledger.counts
    }

    /// Calls out that something is reserved for.
    #[must_use]
    pub fn budget_holds(&self) -> usize {
        self.core.ledger.budgets.holds()
    }
}

/// Whether it was a budget that did not let a carrier be called; another carrier may still do.
pub(crate) fn is_of_budget(cause: Cause) -> bool {
    matches!(cause, Cause::BudgetClosed | Cause::PremiumNotAllowed | Cause::DestinationNotAllowed)
}

/// What a phone is told, and the record.
fn cause_of(limit: Limit) -> Cause {
    match limit {
        Limit::Destination => Cause::DestinationNotAllowed,
        Limit::Premium => Cause::PremiumNotAllowed,
        _ => Cause::BudgetClosed,
    }
}

/// What whoever ordered a call is told.
pub(crate) fn refusal_of(closed: Closed, slot: String, number: &Number) -> Refusal {
    match closed.limit {
        Limit::Destination => Refusal::DestinationNotAllowed { slot, number: number.to_string() },
        Limit::Premium => Refusal::PremiumNotAllowed { number: number.to_string() },
        limit => Refusal::BudgetClosed { scope: closed.scope, limit, frees_at: closed.frees_at },
    }
}

/// Whether the number, as it was dialled, calls for help.
pub(crate) fn is_help(dialled: &Number, called: &Number) -> bool {
    dialled.is_emergency() || called.is_emergency()
}
