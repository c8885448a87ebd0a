//! What a batch of facts comes to: facts are folded in memory, and what is left is written with a handful of statements.
//!
//! ```text
//! load what the facts are about → take each fact in order → write each row once
//! ```
//!
//! A call of a few seconds has five facts and two rows; a phone that refreshes ten times has one. So the database's work grows with the
//! rows that change, not with the facts that told of it.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};

use model::{
    BanView, Binding, BudgetUsed, CallId, CallStatus, CallView, Cdr, CenterId, Fact, RecordingRow, RecordingState, RecordingView, Segment,
    SlotId, UserId, WallTime, budget::Scope,
};
use serde::Serialize;
use serde_json::json as object;
use tracing::warn;

use crate::{
    Applied, StoreError, bans, bindings, budgets,
    calls::{self, Share},
    cdrs,
    code::json,
    db::Tx,
    outbox::{self, Listened, News},
    recordings,
};

/// What the facts of one transaction come to.
pub(crate) struct Fold<'a> {
    calls: BTreeMap<CallId, Known>,
    users: BTreeMap<(UserId, CallId), Share>,
    /// Calls whose record came in with this batch and whose end was not taken yet.
    new_cdrs: BTreeSet<CallId>,
    recordings: BTreeMap<CallId, &'a RecordingRow>,
    /// What is left of each slot's binding.
    bindings: BTreeMap<SlotId, Option<&'a Binding>>,
    /// Facts that bound a slot, for those whose slot turns out to be gone.
    bound: Vec<(u64, SlotId)>,
    /// What is left of each source's ban.
    bans: BTreeMap<&'a str, Option<&'a BanView>>,
    /// The last that was told of each budget.
    budgets: BTreeMap<Scope, &'a BudgetUsed>,
    /// What somebody listens to.
    listened: Listened,
    /// What the listeners are to be told.
    news: Vec<(u64, News)>,
    done: Applied,
}

/// A call as the transaction sees it.
struct Known {
    view: CallView,
    last_seen: WallTime,
    /// The row is to be written.
    is_changed: bool,
    /// The row is to be marked with its last sign of life at least.
    is_seen: bool,
}

impl<'a> Fold<'a> {
    /// Loads what the facts are about, and writes the records of ended calls: a record that is there already decides what its fact is worth.
    pub(crate) async fn load(tx: &mut Tx, facts: &'a [(u64, Fact)]) -> Result<Self, StoreError> {
        let mut named = BTreeSet::new();
        let mut records: BTreeMap<CallId, &Cdr> = BTreeMap::new();
        let mut tells = false;
        for (_, fact) in facts {
            match fact {
                Fact::CallStarted { call } => drop(named.insert(call.call_id)),
                Fact::CallRinging { call, .. } | Fact::CallAnswered { call, .. } => drop(named.insert(*call)),
                Fact::CallsSeen { calls, .. } => named.extend(calls.iter().map(|call| call.call_id)),
                Fact::CallEnded { cdr } => {
                    named.insert(cdr.call_id);
                    // The first record of a call stays.
                    records.entry(cdr.call_id).or_insert(cdr);
                }
                Fact::Recording { .. } | Fact::CarrierTurned { .. } => {}
                Fact::Bound { .. } | Fact::Unbound { .. } | Fact::Leased { .. } | Fact::ServiceSet { .. } => continue,
                Fact::Banned { .. } | Fact::Unbanned { .. } | Fact::BudgetsUsed { .. } => continue,
            }
            tells = true;
        }
        let new_cdrs = cdrs::insert(tx, &records.into_values().collect::<Vec<_>>()).await?;
        let known = calls::known(tx, &named).await?.into_iter();
        let calls = known.map(|(view, last_seen)| (view.call_id, Known { view, last_seen, is_changed: false, is_seen: false })).collect();
        // Rows are kept for those who listen; most installations have nobody who does.
        let listened = if tells { outbox::listened(tx).await? } else { Listened::default() };
        Ok(Self {
            calls,
            users: BTreeMap::new(),
            new_cdrs,
            recordings: BTreeMap::new(),
            bindings: BTreeMap::new(),
            bound: Vec::new(),
            bans: BTreeMap::new(),
            budgets: BTreeMap::new(),
            listened,
            news: Vec::new(),
            done: Applied::default(),
        })
    }

    /// Takes a fact; facts come in ascending order.
    pub(crate) async fn take(&mut self, tx: &mut Tx, seq: u64, fact: &'a Fact) -> Result<(), StoreError> {
        let is_about_something = match fact {
            Fact::CallStarted { call } => {
                self.put(call, call.started_at);
                self.tell(seq, "call.update", call, (call.center, call.started_at));
                true
            }
            Fact::CallRinging { call, at } => self.ringing(seq, *call, *at),
            Fact::CallAnswered { call, at, segments } => self.answered(seq, *call, *at, segments),
            Fact::CallsSeen { calls, at } => {
                for call in calls {
                    self.put(call, *at);
                }
                true
            }
            Fact::CallEnded { cdr } => self.ended(seq, cdr),
            Fact::Bound { binding } => {
                self.bindings.insert(binding.slot, Some(binding));
                self.bound.push((seq, binding.slot));
                true
            }
            // That there is nothing to remove is no news.
            Fact::Unbound { slot, .. } => {
                self.bindings.insert(*slot, None);
                true
            }
            Fact::Banned { ban } => {
                self.bans.insert(&ban.source, Some(ban));
                true
            }
            Fact::Unbanned { source, .. } => {
                self.bans.insert(source, None);
                true
            }
            Fact::BudgetsUsed { budgets, .. } => {
                self.budgets.extend(budgets.iter().map(|used| (used.scope, used)));
                true
            }
            Fact::Leased { slot, holder, epoch, at } => bindings::lease(tx, *slot, *holder, *epoch, *at).await?,
            Fact::ServiceSet { slot, state, at } => bindings::set_service(tx, *slot, *state, *at).await?,
            Fact::CarrierTurned { carrier, center, name, is_up, at } => {
                let picture = object!({"id": carrier, "name": name});
                match is_up {
                    true => self.tell(seq, "carrier.up", &picture, (*center, *at)),
                    false => self.tell(seq, "carrier.down", &picture, (*center, *at)),
                }
                true
            }
            Fact::Recording { row } => {
                self.recordings.insert(row.call_id, row);
                if row.state != RecordingState::Recording {
                    let closed_at = row.started_at.after(Duration::from_millis(row.duration_ms));
                    self.tell(seq, "recording.ready", &RecordingView::from(row), (row.center, closed_at));
                }
                true
            }
        };
        if is_about_something {
            self.done.applied += 1;
        } else {
            self.skip(seq, fact_name(fact));
        }
        Ok(())
    }

    /// Writes what all the facts came to; says what became of them.
    pub(crate) async fn write(mut self, tx: &mut Tx) -> Result<Applied, StoreError> {
        let changed: Vec<_> = self.calls.values().filter(|known| known.is_changed).map(|known| (&known.view, known.last_seen)).collect();
        calls::put(tx, &changed).await?;
        let mut seen: BTreeMap<WallTime, Vec<CallId>> = BTreeMap::new();
        for known in self.calls.values().filter(|known| known.is_seen && !known.is_changed) {
            seen.entry(known.last_seen).or_default().push(known.view.call_id);
        }
        for (at, calls) in seen {
            calls::seen(tx, &calls, at).await?;
        }
        calls::put_users(tx, &self.users).await?;
        recordings::put(tx, &self.recordings.values().copied().collect::<Vec<_>>()).await?;
        let unbound: Vec<SlotId> = self.bindings.iter().filter(|(_, binding)| binding.is_none()).map(|(slot, _)| *slot).collect();
        bindings::unbind(tx, &unbound).await?;
        let gone = bindings::bind(tx, &self.bindings.values().copied().flatten().collect::<Vec<_>>()).await?;
        for (seq, slot) in std::mem::take(&mut self.bound) {
            if gone.contains(&slot) {
                self.done.applied -= 1;
                self.skip(seq, "bound");
            }
        }
        bans::write(tx, &self.bans).await?;
        budgets::write(tx, &self.budgets).await?;
        outbox::push(tx, &self.news).await?;
        Ok(self.done)
    }

    /// Takes the whole picture of a call, unless it has ended already: an ended call stays as it ended, whatever an older picture says.
    fn put(&mut self, call: &CallView, last_seen: WallTime) {
        match self.calls.entry(call.call_id) {
            Entry::Vacant(place) => {
                self.users.extend(calls::shares(call).into_iter().map(|(user, share)| ((user, call.call_id), share)));
                place.insert(Known { view: call.clone(), last_seen, is_changed: true, is_seen: true });
            }
            Entry::Occupied(mut place) if place.get().view.status != CallStatus::Ended => {
                let known = place.get_mut();
                (known.last_seen, known.is_seen) = (last_seen, true);
                if known.view == *call {
                    return;
                }
                let old = calls::shares(&known.view);
                let new = calls::shares(call).into_iter().filter(|share| !old.contains(share));
                self.users.extend(new.map(|(user, share)| ((user, call.call_id), share)));
                let mut view = call.clone();
                // A picture may be older than what was told of ringing and answer.
                view.center = known.view.center;
                view.ringing_at = view.ringing_at.or(known.view.ringing_at);
                view.answered_at = view.answered_at.or(known.view.answered_at);
                known.is_changed |= view != known.view;
                known.view = view;
            }
            Entry::Occupied(_) => {}
        }
    }

    fn ringing(&mut self, seq: u64, call: CallId, at: WallTime) -> bool {
        let Some(known) = self.calls.get_mut(&call).filter(|known| known.view.status != CallStatus::Ended) else { return false };
        if known.view.status == CallStatus::Dialing {
            known.view.status = CallStatus::Ringing;
        }
        known.view.ringing_at.get_or_insert(at);
        known.heard(at);
        self.tell_of_call(seq, call, at);
        true
    }

    fn answered(&mut self, seq: u64, call: CallId, at: WallTime, segments: &[Segment]) -> bool {
        let Some(known) = self.calls.get_mut(&call).filter(|known| known.view.status != CallStatus::Ended) else { return false };
        if matches!(known.view.status, CallStatus::Dialing | CallStatus::Ringing) {
            known.view.status = CallStatus::Answered;
        }
        known.view.answered_at.get_or_insert(at);
        let old = calls::shares(&known.view);
        known.view.segments = segments.to_vec();
        known.heard(at);
        let new = calls::shares(&known.view).into_iter().filter(|share| !old.contains(share));
        self.users.extend(new.map(|(user, share)| ((user, call), share)));
        self.tell_of_call(seq, call, at);
        true
    }

    /// Says whether this is the call's first end.
    fn ended(&mut self, seq: u64, cdr: &Cdr) -> bool {
        if !self.new_cdrs.remove(&cdr.call_id) {
            return false;
        }
        let call = calls::ended(cdr);
        self.put(&call, cdr.ended_at);
        self.tell(seq, "call.update", &call, (cdr.center, cdr.ended_at));
        self.tell(seq, "cdr.created", cdr, (cdr.center, cdr.ended_at));
        true
    }

    fn tell_of_call(&mut self, seq: u64, call: CallId, at: WallTime) {
        let Some(known) = self.calls.get(&call).filter(|_| self.listened.has("call.update")) else { return };
        self.news.push((seq, News::new(known.view.center, "call.update", &known.view, at)));
    }

    /// Tells of a change, if anybody listens to news of this kind.
    fn tell(&mut self, seq: u64, kind: &'static str, picture: &impl Serialize, (center, at): (CenterId, WallTime)) {
        if self.listened.has(kind) {
            self.news.push((seq, News { center, kind, payload: json(picture), created_at: at }));
        }
    }

    fn skip(&mut self, seq: u64, fact: &str) {
        warn!(seq, fact, "A fact is about something that is gone; it is skipped.");
        self.done.skipped += 1;
    }
}

impl Known {
    fn heard(&mut self, at: WallTime) {
        self.last_seen = self.last_seen.max(at);
        self.is_changed = true;
    }
}

/// The name of a fact for the log; its contents hold numbers and addresses.
pub(crate) fn fact_name(fact: &Fact) -> &'static str {
    match fact {
        Fact::CallStarted { .. } => "call_started",
        Fact::CallRinging { .. } => "call_ringing",
        Fact::CallAnswered { .. } => "call_answered",
        Fact::CallsSeen { .. } => "calls_seen",
        Fact::CallEnded { .. } => "call_ended",
        Fact::Bound { .. } => "bound",
        Fact::Unbound { .. } => "unbound",
        Fact::Leased { .. } => "leased",
        Fact::ServiceSet { .. } => "service_set",
        Fact::Recording { .. } => "recording",
        Fact::Banned { .. } => "banned",
        Fact::Unbanned { .. } => "unbanned",
        Fact::CarrierTurned { .. } => "carrier_turned",
        Fact::BudgetsUsed { .. } => "budgets_used",
    }
}
