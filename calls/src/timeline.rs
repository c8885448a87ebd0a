//! What happened in a call, in order. Views and the CDR are folds over it.

use std::collections::BTreeSet;

use model::{
    CallId, CallStatus, CallView, CarrierId, CarrierTry, Cause, CenterId, Direction, RUNG_MAX, Rung, Segment, SlotId, Transfer,
    TransferStatus, TryOutcome, UserId, WallTime,
    route::{Asked, Decision, Way},
};

use crate::cdr;

/// One thing that happened in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallEvent {
    pub(crate) at: WallTime,
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// The far party rings for the first time.
    Ringing,
    /// The phone of this slot, which this person had taken, was asked to take the call.
    Rang { slot: SlotId, user: Option<UserId> },
    /// A program was asked where the call goes.
    Asked(Asked),
    /// A carrier is tried, or was found not to be worth trying.
    Trying(CarrierTry),
    /// What came of the last try.
    Tried { outcome: TryOutcome, status: Option<u16>, target: Option<String> },
    /// The far party answered, if it is a slot this one; these people serve the call from now on.
    Answered { callee_slot: Option<SlotId>, served_by: Vec<(SlotId, Option<UserId>)> },
    /// The phone of this slot holds the other party.
    Held { slot: SlotId },
    /// The phone of this slot no longer holds.
    Resumed { slot: SlotId },
    /// This slot has no part in the call any more, while others go on.
    Left { slot: SlotId },
    /// This slot takes the place of one that leaves or has left, and this person serves the call from now on.
    Joined { slot: SlotId, user: Option<UserId> },
    /// Somebody hands the call on, or was not let.
    HandedOn(Transfer),
    /// How far it has come with that; why, if it came to nothing.
    Handing { status: TransferStatus, cause: Option<Cause> },
    /// The call is over. Always last, and once.
    Ended { cause: Cause },
}

/// What is known of a call from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) call: CallId,
    pub(crate) center: CenterId,
    pub(crate) parent: Option<CallId>,
    pub(crate) direction: Direction,
    pub(crate) caller: String,
    pub(crate) callee: String,
    pub(crate) caller_slot: Option<SlotId>,
    pub(crate) callee_slot: Option<SlotId>,
    pub(crate) user: Option<UserId>,
    /// The carrier that it came by.
    pub(crate) carrier: Option<CarrierId>,
    pub(crate) scenario: Option<String>,
    pub(crate) source: Option<String>,
}

impl Start {
    /// Takes from the plan's decision what is known by it from the beginning.
    pub(crate) fn follow(&mut self, decision: &Decision) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.scenario = some(&decision.scenario);
        self.source = some(&decision.source);
        match &decision.way {
            Way::Slots { slots, .. } => self.callee_slot = slots.first().copied().filter(|_| slots.len() == 1),
            Way::Carriers(_) if self.direction == Direction::Internal => {
                self.direction = Direction::Outbound;
                // As the world writes it, and not as it was dialled.
                self.callee = decision.to.to_string();
            }
            _ => {}
        }
    }
}

/// The timeline of one call.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    start: Start,
    started_at: WallTime,
    events: Vec<CallEvent>,
    /// Whose hold was noted and not yet its end.
    holding: BTreeSet<SlotId>,
    /// Which slots it rang at, at most [`RUNG_MAX`].
    rung: BTreeSet<SlotId>,
    /// Whether something is known of which nobody was told yet: that it has begun, or that it rings somewhere.
    is_news: bool,
}

/// A phone that holds and resumes without end is not followed beyond this many events.
const EVENTS_MAX: usize = 512;

impl Timeline {
    pub(crate) fn new(at: WallTime, start: Start) -> Self {
        Self { start, started_at: at, events: Vec::with_capacity(4), holding: BTreeSet::new(), rung: BTreeSet::new(), is_news: true }
    }

    pub(crate) fn start(&self) -> &Start {
        &self.start
    }

    /// A program has said where the call goes, which its beginning did not know. Once the call was answered that changes nothing: whom it was
    /// for is known then.
    pub(crate) fn follow(&mut self, decision: &Decision) {
        if self.events.iter().all(|event| !matches!(event.what, What::Answered { .. })) {
            self.start.follow(decision);
        }
    }

    /// Notes what happened. Beyond [`EVENTS_MAX`] further holds are left out, each with its end; the moments that a CDR needs never are.
    pub(crate) fn note(&mut self, at: WallTime, what: What) {
        let worth = match &what {
            What::Held { slot } => self.events.len() < EVENTS_MAX && self.holding.insert(*slot),
            What::Resumed { slot } => self.holding.remove(slot),
            What::Left { slot } => {
                self.holding.remove(slot);
                true
            }
            What::Rang { slot, .. } => {
                let worth = self.rung.len() < RUNG_MAX && self.rung.insert(*slot);
                self.is_news |= worth;
                worth
            }
            _ => true,
        };
        if worth {
            self.events.push(CallEvent { at, what });
        }
    }

    /// Whether a slot holds the other party.
    pub(crate) fn holds(&self, slot: SlotId) -> bool {
        self.holding.contains(&slot)
    }

    /// Whether there is something to tell of it. Asking takes the news as told.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.is_news)
    }

    /// The call as others see it. A hold that goes on has not been counted yet.
    pub(crate) fn view(&self) -> CallView {
        fold(self.started_at, &self.start, &self.events, None)
    }

    /// The call as it was seen at `at`, with the holds that go on counted up to then: if it is never seen again, its record is made of this.
    pub(crate) fn seen(&self, at: WallTime) -> CallView {
        fold(self.started_at, &self.start, &self.events, Some(at))
    }
}

/// Folds a timeline into the picture after its last event. Pure; a CDR is this picture, closed (see [`cdr`]).
/// Holds that go on are counted up to `seen`, if it is given.
fn fold(started_at: WallTime, start: &Start, events: &[CallEvent], seen: Option<WallTime>) -> CallView {
    let mut view = begun(started_at, start);
    let mut holding: Vec<(SlotId, WallTime)> = Vec::new();
    for CallEvent { at, what } in events {
        match what {
            What::Ringing => {
                view.ringing_at = view.ringing_at.or(Some(*at));
                view.status = CallStatus::Ringing;
            }
            What::Rang { slot, user } => view.rung.push(Rung { slot: *slot, user: *user, at: *at }),
            What::Asked(asked) => view.asked = Some(asked.clone()),
            What::Trying(tried) => {
                // By which it came stays; which it left by stands in the tries.
                if start.carrier.is_none() && tried.target.is_some() {
                    view.carrier = Some(tried.carrier);
                }
                view.tries.push(tried.clone());
            }
            What::Tried { outcome, status, target } => {
                if let Some(last) = view.tries.last_mut() {
                    last.outcome = Some(*outcome);
                    last.status = *status;
                    last.target = target.clone().or(last.target.take());
                }
            }
            What::Answered { callee_slot, served_by } => {
                view.callee_slot = callee_slot.or(view.callee_slot);
                view.answered_at = Some(*at);
                view.status = CallStatus::Answered;
                view.segments =
                    served_by.iter().map(|(slot, user)| Segment { user: *user, slot: *slot, from: *at, to: None, hold_ms: 0 }).collect();
            }
            What::Held { slot } => {
                if holding.iter().all(|(holder, _)| holder != slot) {
                    holding.push((*slot, *at));
                }
                view.status = CallStatus::Held;
            }
            What::Resumed { slot } => {
                resume(&mut view, &mut holding, *slot, *at);
                if holding.is_empty() {
                    view.status = CallStatus::Answered;
                }
            }
            What::Left { slot } => {
                resume(&mut view, &mut holding, *slot, *at);
                for segment in view.segments.iter_mut().filter(|segment| segment.slot == *slot) {
                    segment.to = segment.to.or(Some(*at));
                }
                if holding.is_empty() {
                    view.status = CallStatus::Answered;
                }
            }
            What::Joined { slot, user } => {
                view.segments.push(Segment { user: *user, slot: *slot, from: *at, to: None, hold_ms: 0 });
            }
            What::HandedOn(transfer) => view.transfer = Some(Box::new(transfer.clone())),
            What::Handing { status, cause } => {
                if let Some(transfer) = &mut view.transfer {
                    (transfer.status, transfer.cause) = (*status, *cause);
                }
            }
            What::Ended { cause } => {
                count_holds(&mut view, &holding, *at);
                holding.clear();
                cdr::close(&mut view, *at, *cause);
            }
        }
    }
    if let Some(at) = seen {
        count_holds(&mut view, &holding, at);
    }
    view
}

/// Ends a hold of `slot` and adds its length to the slot's segment.
fn resume(view: &mut CallView, holding: &mut Vec<(SlotId, WallTime)>, slot: SlotId, at: WallTime) {
    let Some(place) = holding.iter().position(|(holder, _)| *holder == slot) else { return };
    let (_, since) = holding.swap_remove(place);
    count_hold(view, slot, since, at);
}

fn count_holds(view: &mut CallView, holding: &[(SlotId, WallTime)], at: WallTime) {
    for (slot, since) in holding {
        count_hold(view, *slot, *since, at);
    }
}

fn count_hold(view: &mut CallView, slot: SlotId, since: WallTime, at: WallTime) {
    // A slot may have served the call before, and come back to it.
    for segment in view.segments.iter_mut().filter(|segment| segment.slot == slot && segment.to.is_none()) {
        segment.hold_ms = segment.hold_ms.saturating_add(at.ms_since(since));
    }
}

fn begun(started_at: WallTime, start: &Start) -> CallView {
    CallView {
        call_id: start.call,
        center: start.center,
        parent: start.parent,
        status: CallStatus::Dialing,
        direction: start.direction,
        caller: start.caller.clone(),
        callee: start.callee.clone(),
        caller_slot: start.caller_slot,
        callee_slot: start.callee_slot,
        user: start.user,
        started_at,
        ringing_at: None,
        answered_at: None,
        ended_at: None,
        outcome: None,
        cause: None,
        segments: Vec::new(),
        scenario: start.scenario.clone(),
        source: start.source.clone(),
        carrier: start.carrier,
        tries: Vec::new(),
        asked: None,
        transfer: None,
        rung: Vec::new(),
    }
}
