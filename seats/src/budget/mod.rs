//! Budgets against toll fraud: how much a slot, a trunk, a carrier's line and a centre may call, and what that may cost (R23).
//!
//! Pure: time is an argument. It is wall time, so that what is saved means the same after a restart; when the machine's clock was set, holds
//! are moved by as much ([`Budgets::moved`]), so that nothing that is up ends by it.
//!
//! What a call may use is **reserved** before it is used: a minute at its set-up, and again and again while it is up. So ten calls at once
//! cannot each see the same last minute, and a call ends when its budget does, not when somebody reads the bill. What is used up counts in
//! windows that slide: with fixed ones, who breaks in shortly before midnight has the budgets of two days.
//!
//! ```text
//!               reserve ──── Closed
//!                  │ Grant { hold, lasts }
//!             (it rings; nobody answers: settle with zero)
//!                  │ answered
//!                  ▼
//!             Term { until, next, closed } ◀──┐
//!                  │ at next: extend ─────────┘
//!                  │ until has come, or somebody hangs up
//!                  ▼
//!               settle, with how long it really lasted
//! ```
//!
//! # Who calls what when
//!
//! 1. At start [`Budgets::set`] for each scope with a budget, then [`Budgets::restore`] of what was kept. Changes are `set` again; who sets a scope
//!    that had none asks for all calls that are up and have it by [`Budgets::extend`], for their promises are over.
//! 2. Behind the gate ([`crate::may_call`]), before an INVITE to a carrier: [`Budgets::reserve`] with all scopes of the call. The hold stays with
//!    the leg; one that is not answered is settled with zero. Whoever only wants to know asks [`Budgets::would`].
//! 3. The far side answers: [`Budgets::answered`]. Its [`Term`] says when to ask again by [`Budgets::extend`]; if it says `closed`, the call
//!    will end at `until`, and that is the moment to warn whoever talks. When `until` has come after asking, the call is ended.
//! 4. The leg is gone, in whatever way: [`Budgets::settle`]. Whoever caused it has handed it on before: [`Budgets::uncount`].
//! 5. When [`Budgets::timeout`] says, [`Budgets::expire`]: a hold that its owner forgot is settled, so none leaks.
//! 6. After each of these [`Budgets::poll`] until it is empty. Of each scope of a hold that has changed [`Budgets::saved`] is kept.

mod limits;
mod state;
#[cfg(test)]
mod tests;
mod window;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use model::{
    BudgetUsed, CenterId, Number, WallTime,
    budget::{Amount, Budget, Closed, Levels, Limit, Scope},
};

pub use limits::{Called, Price};

use state::{Hold, SECOND, State};

/// So many seconds of talk are reserved at once.
pub const SLICE_S: u64 = 60;
/// So many seconds before they are used up more are asked for; and so long before its end at least it is known that a call will end.
pub const AHEAD_S: u64 = 15;
/// A call that could not last so many seconds does not begin.
pub const SHORTEST_S: u64 = 10;
/// A call that will end asks so often whether it still has to, in seconds.
pub const AGAIN_S: u64 = 5;
/// A hold that is not answered is let go after this: nobody lets it ring so long (`calls.ring_s` is 600 at most).
pub const RING_MAX: Duration = Duration::from_secs(900);
/// A hold whose owner does not ask is settled so long after its end.
pub const LOST_AFTER: Duration = Duration::from_secs(300);
/// Scopes with a budget, at most.
pub const SCOPES_MAX: usize = 100_000;
/// Holds at once, at most.
pub const HOLDS_MAX: usize = 100_000;
/// The percentages of a limit that are told.
pub const ALARMS: [u8; 3] = [50, 80, 100];
/// Outputs that wait to be polled; beyond it the oldest is dropped.
const OUTPUTS_MAX: usize = 4_096;

/// One call, and what is reserved for it: nothing for help, and where nobody has a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(u64);

/// A call that wants to begin.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Whose budgets it needs; those without a budget limit nothing.
    pub scopes: &'a [Scope],
    /// Whom it is to.
    pub number: &'a Number,
    /// What kind of number that is.
    pub called: Called,
    /// What it costs; `None` if that is not known. Then no budget lets it through that limits what is paid.
    pub price: Option<Price>,
    /// The currency of the price.
    pub currency: &'a str,
}

/// That a call may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what is reserved has to be settled"]
pub struct Grant {
    /// For [`Budgets::answered`], [`Budgets::extend`] and [`Budgets::settle`].
    pub hold: HoldId,
    /// How long it may last, as far as is known now; `None`: without end.
    pub lasts: Option<Duration>,
}

/// How long a call that is up may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Until then it may last. If that is not after now, it is to be ended.
    pub until: WallTime,
    /// When to ask again.
    pub next: WallTime,
    /// If there is not enough for more: why. It will end at `until`, unless something is freed before.
    pub closed: Option<Closed>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetOutput {
    /// So much of a limit was used up: once for each of [`ALARMS`] within its window. The last one also when a call is refused
    /// by it, or will end by it.
    Alarm {
        /// Whose budget.
        scope: Scope,
        /// Which limit.
        limit: Limit,
        /// Which of [`ALARMS`]; the highest that is new.
        percent: u8,
        /// The limit's value.
        value: u64,
        /// How much of it is used up.
        used: u64,
    },
    /// Nobody settled a hold: it was done with all that was promised to it.
    Lost {
        /// Which.
        hold: HoldId,
    },
}

/// All budgets.
#[derive(Debug, Default)]
pub struct Budgets {
    states: BTreeMap<Scope, State>,
    holds: BTreeMap<HoldId, Hold>,
    deadlines: BTreeSet<(WallTime, HoldId)>,
    last: u64,
    outputs: VecDeque<BudgetOutput>,
}

impl Budgets {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a scope a budget, another one, or none. What it has used stays used, unless it has none any more. One that had none counts the calls
    /// that are up, and what they use from now on; what was promised to them is taken back. `false`: there are [`SCOPES_MAX`] others.
    pub fn set(&mut self, now: WallTime, scope: Scope, budget: Option<Budget>) -> bool {
        let Some(budget) = budget else {
            self.states.remove(&scope);
            return true;
        };
        if let Some(state) = self.states.get_mut(&scope) {
            state.budget = budget;
            return true;
        }
        if self.states.len() >= SCOPES_MAX {
            return false;
        }
        let mut state = State::new();
        state.budget = budget;
        let of_it: Vec<HoldId> = self.holds.iter().filter(|(_, hold)| hold.scopes.contains(&scope)).map(|(id, _)| *id).collect();
        for id in of_it {
            let Some(mut hold) = self.take(id) else { continue };
            // Nothing of it is this scope's so far, and all that comes is.
            let lasted_s = hold.lasted_s(now);
            self.consume(now, &mut hold, lasted_s);
            self.change(&mut hold, |hold| hold.granted_s = hold.used_s);
            if hold.answered.is_some() {
                hold.deadline = Some(now.after(LOST_AFTER));
            }
            // One that it has handed on is none of those that it has at once.
            state.calls += u32::from(!hold.uncounted.contains(&scope));
            self.keep(id, hold);
        }
        self.states.insert(scope, state);
        true
    }

    /// A call wants to begin: lets it, and reserves what it needs in all of its scopes; or in none.
    ///
    /// Help always passes, and neither needs nor takes anything.
    ///
    /// # Errors
    /// The first limit that is in the way: where the call leads, before how many there are, before what is used up.
    pub fn reserve(&mut self, now: WallTime, attempt: &Attempt<'_>) -> Result<Grant, Closed> {
        if attempt.called == Called::Emergency || attempt.number.is_emergency() {
            return Ok(Grant { hold: HoldId(0), lasts: None });
        }
        let (mut hold, room) = match self.admit(now, attempt) {
            Ok(admitted) => admitted,
            Err(closed) => {
                // Whoever looks after the budget is told, too.
                self.alarm(now, closed.scope, closed.limit, true);
                return Err(closed);
            }
        };
        // Where nobody has a budget it is kept for one that comes during the call.
        let Some(room) = room else {
            if self.holds.len() >= HOLDS_MAX {
                return Ok(Grant { hold: HoldId(0), lasts: None });
            }
            let id = self.next_id();
            self.keep(id, hold);
            return Ok(Grant { hold: id, lasts: None });
        };
        let id = self.next_id();
        for scope in &hold.scopes {
            if let Some(state) = self.states.get_mut(scope) {
                state.calls += 1;
                state.begin(now);
            }
        }
        self.change(&mut hold, |hold| hold.granted_s = room);
        self.keep(id, hold);
        Ok(Grant { hold: id, lasts: Some(Duration::from_secs(room)) })
    }

    /// Whether [`Budgets::reserve`] would let the call begin. Nothing is reserved, and nobody is told.
    ///
    /// # Errors
    /// As [`Budgets::reserve`].
    pub fn would(&self, now: WallTime, attempt: &Attempt<'_>) -> Result<(), Closed> {
        if attempt.called == Called::Emergency || attempt.number.is_emergency() {
            return Ok(());
        }
        self.admit(now, attempt).map(drop)
    }

    /// The far side has answered: from now on the call costs. `None`: it may last without end.
    pub fn answered(&mut self, now: WallTime, id: HoldId) -> Option<Term> {
        let hold = self.holds.get_mut(&id)?;
        hold.answered.get_or_insert(now);
        self.extend(now, id)
    }

    /// Reserves more for a call that is up, as far as there is more. `None` for a hold that is not answered, or not there, and where nobody has a
    /// budget: it may last without end.
    pub fn extend(&mut self, now: WallTime, id: HoldId) -> Option<Term> {
        let answered = self.holds.get(&id)?.answered?;
        let mut hold = self.take(id)?;
        if !self.is_limited(&hold) {
            hold.deadline = None;
            self.keep(id, hold);
            return None;
        }
        let lasted_s = hold.lasted_s(now);
        self.consume(now, &mut hold, lasted_s);
        let target_s = lasted_s.saturating_add(SLICE_S + AHEAD_S);
        let wanted = target_s.saturating_sub(hold.granted_s);
        let (room, limit) = self.room(now, &hold, wanted);
        self.change(&mut hold, |hold| hold.granted_s = hold.granted_s.saturating_add(room));
        let until = answered.after(Duration::from_secs(hold.granted_s));
        let price = hold.price;
        hold.deadline = Some(until.after(LOST_AFTER));
        self.keep(id, hold);
        let closed = limit.map(|(scope, limit)| self.closed(now, scope, limit, price));
        if let Some(closed) = closed {
            self.alarm(now, closed.scope, closed.limit, true);
        }
        let next = match closed {
            None => WallTime(until.0.saturating_sub(i64::try_from(AHEAD_S * 1_000).unwrap_or(0))),
            Some(_) => until.min(now.after(Duration::from_secs(AGAIN_S))),
        };
        Some(Term { until, next, closed })
    }

    /// The call is over, after `lasted` since its answer; zero if there was none. What was promised beyond it is free again.
    /// Settling twice does nothing.
    pub fn settle(&mut self, now: WallTime, id: HoldId, lasted: Duration) {
        let Some(mut hold) = self.take(id) else { return };
        let lasted_s = u64::try_from(lasted.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
        self.consume(now, &mut hold, lasted_s);
        self.change(&mut hold, |hold| hold.granted_s = hold.used_s);
        for scope in hold.scopes.iter().filter(|scope| !hold.uncounted.contains(scope)) {
            if let Some(state) = self.states.get_mut(scope) {
                state.calls = state.calls.saturating_sub(1);
            }
        }
    }

    /// A scope has handed its call on: what the call uses stays its own, but it is none of the calls that it has at once. Twice does nothing.
    pub fn uncount(&mut self, id: HoldId, scope: Scope) {
        let Some(hold) = self.holds.get_mut(&id).filter(|hold| hold.scopes.contains(&scope) && !hold.uncounted.contains(&scope)) else {
            return;
        };
        hold.uncounted.push(scope);
        if let Some(state) = self.states.get_mut(&scope) {
            state.calls = state.calls.saturating_sub(1);
        }
    }

    /// Forgets what a scope has used, and which alarms were told. What is promised to calls stays promised. Whether there is such a budget.
    pub fn reset(&mut self, scope: Scope) -> bool {
        let Some(state) = self.states.get_mut(&scope) else { return false };
        state.reset();
        true
    }

    /// A scope's budget as it stands; `None` if it has none.
    #[must_use]
    pub fn levels(&self, now: WallTime, scope: Scope) -> Option<Levels> {
        self.states.get(&scope).map(|state| state.levels(now))
    }

    /// What a scope says; `None` if it has no budget.
    #[must_use]
    pub fn budget(&self, scope: Scope) -> Option<&Budget> {
        self.states.get(&scope).map(|state| &state.budget)
    }

    /// The scopes that have a budget, in order.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.states.keys().copied()
    }

    /// What is to be kept of a scope for a restart; `None` if it has no budget.
    #[must_use]
    pub fn saved(&self, now: WallTime, scope: Scope) -> Option<BudgetUsed> {
        self.states.get(&scope).map(|state| state.saved(now, scope))
    }

    /// The scopes with a budget that a hold needs; none for help, and where nobody has one.
    pub fn scopes_of(&self, id: HoldId) -> impl Iterator<Item = Scope> {
        let scopes = self.holds.get(&id).map_or(&[][..], |hold| &hold.scopes);
        scopes.iter().copied().filter(|scope| self.states.contains_key(scope))
    }

    /// Whether there is such a hold: not for help.
    #[must_use]
    pub fn has(&self, id: HoldId) -> bool {
        self.holds.contains_key(&id)
    }

    /// How many holds some budget is asked for.
    #[must_use]
    pub fn holds(&self) -> usize {
        if self.states.is_empty() { 0 } else { self.holds.values().filter(|hold| self.is_limited(hold)).count() }
    }

    /// The wall clock was set, so many milliseconds forward: calls that are up have not become longer by that.
    pub fn moved(&mut self, by_ms: i64) {
        let moved = |at: WallTime| WallTime(at.0.saturating_add(by_ms));
        for hold in self.holds.values_mut() {
            hold.answered = hold.answered.map(moved);
            hold.deadline = hold.deadline.map(moved);
        }
        self.deadlines = self.holds.iter().filter_map(|(id, hold)| Some((hold.deadline?, *id))).collect();
    }

    /// Puts back what was kept, for a scope that has a budget. What cannot be from before now was used now.
    pub fn restore(&mut self, now: WallTime, saved: &BudgetUsed) {
        if let Some(state) = self.states.get_mut(&saved.scope) {
            state.restore(now, saved);
        }
    }

    /// Settles holds that nobody asked for any more.
    pub fn expire(&mut self, now: WallTime) {
        while let Some((_, id)) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now).copied() {
            let lasted_s = self.holds.get(&id).filter(|hold| hold.answered.is_some()).map_or(0, |hold| hold.granted_s);
            self.settle(now, id, Duration::from_secs(lasted_s));
            self.output(BudgetOutput::Lost { hold: id });
        }
    }

    /// When to call [`Budgets::expire`], and the timer's name.
    #[must_use]
    pub fn timeout(&self) -> Option<(WallTime, &'static str)> {
        self.deadlines.first().map(|(deadline, _)| (*deadline, "budget hold"))
    }

    /// What happened, oldest first.
    pub fn poll(&mut self) -> Option<BudgetOutput> {
        self.outputs.pop_front()
    }

    /// A hold that nothing is reserved for yet, and how many seconds it can have; `None` where nobody has a budget.
    fn admit(&self, now: WallTime, attempt: &Attempt<'_>) -> Result<(Hold, Option<u64>), Closed> {
        let mut scopes = attempt.scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        self.may_go_there(now, attempt, &scopes)?;
        // Where the price is not known nobody limits what is paid.
        let price = attempt.price.unwrap_or(Price::FREE);
        let first = scopes.iter().copied().find(|scope| self.states.contains_key(scope));
        let deadline = Some(now.after(RING_MAX));
        let hold = Hold { scopes, uncounted: Vec::new(), price, granted_s: 0, used_s: 0, answered: None, deadline };
        let Some(first) = first else { return Ok((hold, None)) };
        self.may_begin(now, &hold.scopes)?;
        if self.holds.len() >= HOLDS_MAX {
            let max = HOLDS_MAX as u64;
            return Err(Closed { scope: first, limit: Limit::Calls, value: max, used: max, frees_at: None });
        }
        match self.room(now, &hold, SLICE_S) {
            (room, Some((scope, limit))) if room < SHORTEST_S => Err(self.closed(now, scope, limit, price)),
            (room, _) => Ok((hold, Some(room))),
        }
    }

    /// Whether the number may be called at all.
    fn may_go_there(&self, now: WallTime, attempt: &Attempt<'_>, scopes: &[Scope]) -> Result<(), Closed> {
        let is_premium = attempt.called == Called::Premium;
        let not = |scope, limit| Err(Closed { scope, limit, value: 0, used: 0, frees_at: None });
        let mut is_allowed = false;
        for (scope, state) in scopes.iter().filter_map(|scope| self.states.get(scope).map(|state| (*scope, state))) {
            for layer in state.budget.layers(now) {
                if !layer.allows(attempt.number) {
                    return not(scope, Limit::Destination);
                }
                if is_premium && layer.premium == Some(false) {
                    return not(scope, Limit::Premium);
                }
                is_allowed |= layer.premium == Some(true);
                if layer.has_spend() && (attempt.price.is_none() || attempt.currency != layer.currency) {
                    return not(scope, Limit::Price);
                }
            }
        }
        if is_premium && !is_allowed {
            return not(attempt.scopes.first().copied().unwrap_or(Scope::Center(CenterId::DEFAULT)), Limit::Premium);
        }
        Ok(())
    }

    /// Whether one more call may begin.
    fn may_begin(&self, now: WallTime, scopes: &[Scope]) -> Result<(), Closed> {
        for (scope, state) in scopes.iter().filter_map(|scope| self.states.get(scope).map(|state| (*scope, state))) {
            if let Some(value) = state.budget.value(Limit::Calls, now)
                && u64::from(state.calls) >= value
            {
                return Err(Closed { scope, limit: Limit::Calls, value, used: state.calls.into(), frees_at: None });
            }
            if let Some(value) = state.budget.value(Limit::Rate, now) {
                let recent = state.recent(now);
                let used = recent.len() as u64;
                if used >= value {
                    // As many must be a second ago as leave room for one.
                    let over = usize::try_from(used - value).ok().and_then(|at| recent.get(at)).filter(|_| value > 0);
                    let frees_at = over.map(|at| at.after(SECOND));
                    return Err(Closed { scope, limit: Limit::Rate, value, used, frees_at });
                }
            }
        }
        Ok(())
    }

    /// How many of `wanted` seconds more the hold can have, and what is in the way of all of them.
    fn room(&self, now: WallTime, hold: &Hold, wanted: u64) -> (u64, Option<(Scope, Limit)>) {
        let mut found = (wanted, None);
        for scope in &hold.scopes {
            let Some(state) = self.states.get(scope) else { continue };
            for limit in Limit::GATHERED {
                let Some(value) = state.budget.value(limit, now) else { continue };
                let left = value.saturating_sub(state.taken(now, limit));
                let seconds = match limit {
                    Limit::HourTime | Limit::DayTime => left,
                    _ => {
                        // The steps that are paid for, and those that what is left pays for.
                        let paid = hold.price.cost(hold.granted_s.max(hold.used_s)).saturating_add(left);
                        hold.price.seconds_for(paid).saturating_sub(hold.granted_s)
                    }
                };
                if seconds < found.0 {
                    found = (seconds, Some((*scope, limit)));
                }
            }
        }
        found
    }

    /// What a call has used is used up, in all of its scopes.
    fn consume(&mut self, now: WallTime, hold: &mut Hold, lasted_s: u64) {
        let before = hold.used();
        self.change(hold, |hold| hold.used_s = hold.used_s.max(lasted_s));
        let used = hold.used().minus(before);
        for scope in &hold.scopes {
            if let Some(state) = self.states.get_mut(scope) {
                state.add(now, used);
            }
        }
        for scope in hold.scopes.clone() {
            Limit::GATHERED.into_iter().for_each(|limit| self.alarm(now, scope, limit, false));
        }
    }

    /// Changes a hold, and what is reserved for it.
    fn change(&mut self, hold: &mut Hold, change: impl FnOnce(&mut Hold)) {
        let before = hold.reserved();
        change(hold);
        let after = hold.reserved();
        for scope in &hold.scopes {
            if let Some(state) = self.states.get_mut(scope) {
                state.reserved = state.reserved.minus(before).plus(after);
            }
        }
    }

    /// Why there is no more of what `limit` counts.
    fn closed(&self, now: WallTime, scope: Scope, limit: Limit, price: Price) -> Closed {
        let Some(state) = self.states.get(&scope) else { return Closed { scope, limit, value: 0, used: 0, frees_at: None } };
        let value = state.budget.value(limit, now).unwrap_or(0);
        let needed = Amount { seconds: SHORTEST_S, spend: price.cost(SHORTEST_S) };
        let most = value.checked_sub(state.reserved.of(limit).saturating_add(needed.of(limit)));
        let frees_at = most.map(|most| state.window(limit).falls_to(now, limit, most));
        Closed { scope, limit, value, used: state.taken(now, limit), frees_at }
    }

    fn alarm(&mut self, now: WallTime, scope: Scope, limit: Limit, is_refused: bool) {
        if !Limit::GATHERED.contains(&limit) {
            return;
        }
        let Some(state) = self.states.get_mut(&scope) else { return };
        let Some(value) = state.budget.value(limit, now) else { return };
        let used = state.window(limit).used(now).of(limit);
        let window_ms = state.window(limit).span().whole_ms;
        let reached = |percent: u8| {
            let is_used = value > 0 && u128::from(used) * 100 >= u128::from(value) * u128::from(percent);
            is_used || (is_refused && percent == 100)
        };
        let Some(highest) = ALARMS.into_iter().rev().find(|percent| reached(*percent)) else { return };
        let is_old = |at: &WallTime| now.0.saturating_sub(at.0) >= window_ms;
        if state.told.get(&(limit, highest)).is_none_or(is_old) {
            // A leap over several is one alarm.
            for percent in ALARMS.into_iter().filter(|percent| *percent <= highest) {
                state.told.insert((limit, percent), now);
            }
            self.output(BudgetOutput::Alarm { scope, limit, percent: highest, value, used });
        }
    }

    /// Whether some scope of it has a budget.
    fn is_limited(&self, hold: &Hold) -> bool {
        hold.scopes.iter().any(|scope| self.states.contains_key(scope))
    }

    fn next_id(&mut self) -> HoldId {
        self.last += 1;
        HoldId(self.last)
    }

    fn keep(&mut self, id: HoldId, hold: Hold) {
        self.deadlines.extend(hold.deadline.map(|deadline| (deadline, id)));
        self.holds.insert(id, hold);
    }

    fn take(&mut self, id: HoldId) -> Option<Hold> {
        let hold = self.holds.remove(&id)?;
        if let Some(deadline) = hold.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        Some(hold)
    }

    fn output(&mut self, output: BudgetOutput) {
        if self.outputs.len() >= OUTPUTS_MAX {
            self.outputs.pop_front();
        }
        self.outputs.push_back(output);
    }
}
