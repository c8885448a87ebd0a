//! Where a call goes on to: the plan is asked, and its way becomes a stage.

use std::time::Instant;

use model::{
    Cause, Number, SlotEntry, SlotId,
    route::{Action, Came, Decision, Origin, Question, Way},
};
use seats::Permit;

use crate::{
    core::Core,
    stage::{Asking, Cx, Near, Ringing, Stage, Together, Trying},
    timeline::Start,
};

/// With whose leave a call goes on, and what it takes along.
#[derive(Debug)]
pub(crate) struct Onward {
    /// The gate's, for the number that was asked for.
    pub(crate) permit: Permit,
    /// Good for so many more hops, so that a call that comes round ends (RFC 3261, 16.6).
    pub(crate) hops: u8,
    /// Whether the caller's number is to be withheld (RFC 3323).
    pub(crate) withheld: bool,
    /// The numbers that have sent it on, the first one first.
    pub(crate) diverted: Vec<Number>,
    /// How many times a 3xx was followed.
    pub(crate) redirects: u8,
    /// INVITEs that carriers were sent for it so far.
    pub(crate) invites: usize,
    /// Whose limits count, wherever the call is sent on to: the slot that dialled, or that hands the call on. None: it came by a carrier.
    pub(crate) by: Option<SlotId>,
}

impl Onward {
    pub(crate) fn new(permit: Permit, hops: u8, by: Option<SlotId>) -> Self {
        Self { permit, hops, withheld: false, diverted: Vec::new(), redirects: 0, invites: 0, by }
    }
}

impl Core {
    /// The number by which an administrator lets the calling slot call (R8). Whoever calls has no say in it.
    pub(crate) fn caller_of(&self, start: &Start) -> Option<Number> {
        start.caller_slot.and_then(|slot| self.directory.slot(slot)?.caller.clone())
    }

    /// Where a call to `to` goes now. Both numbers are as they came.
    pub(crate) fn decide(&self, now: Instant, start: &Start, from: Option<Number>, to: Number) -> Decision {
        self.directory.plan().find_now(&self.question(now, start, from, to), &|carrier| self.standing(now, carrier))
    }

    /// Where a call goes whose route has asked a program, by what that has said.
    pub(crate) fn answered(&self, now: Instant, start: &Start, decision: Decision, answer: &Action) -> Decision {
        let question = self.question(now, start, decision.from.clone(), decision.to.clone());
        self.directory.plan().answered(&question, decision, answer, &|carrier| self.standing(now, carrier))
    }

    /// Where it goes by its route's default: as carriers stand now, if the route is still there.
    pub(crate) fn settle_by_default(&self, now: Instant, start: &Start, decision: Decision) -> Decision {
        let route = match decision.origin {
            Some(Origin::Route(id)) => self.directory.plan().route(id),
            _ => None,
        };
        match route.map(|route| &route.then) {
            Some(Action::Ask { default, .. }) => self.answered(now, start, decision, default),
            _ => by_default(decision),
        }
    }

    fn question(&self, now: Instant, start: &Start, from: Option<Number>, to: Number) -> Question {
        // Equal carriers are drawn by the random part of the call's id.
        let chance = start.call.0.unsigned_abs();
        let (came_by, center, at) = (start.came_by(), start.center, self.clock.wall(now));
        Question { from, to, came_by, at, center, caller: self.caller_of(start), chance }
    }
}

/// Why a decision leads nowhere; none if it leads somewhere.
pub(crate) fn nowhere(decision: &Decision) -> Option<Cause> {
    match &decision.way {
        // Where a program will send it is not known yet.
        Way::Slots { .. } | Way::Carriers(_) | Way::Ask { .. } => None,
        Way::Refuse { cause, .. } => Some(*cause),
        // There are no services yet.
        Way::Service(_) => Some(Cause::NoSuchNumber),
    }
}

/// The decision with nobody asked.
pub(crate) fn by_default(decision: Decision) -> Decision {
    match decision.way {
        Way::Ask { default, .. } => Decision { way: *default, ..decision },
        _ => decision,
    }
}

/// The one slot that a decision leads to; none if it leads to several, or out.
pub(crate) fn only_slot(decision: &Decision) -> Option<SlotId> {
    match &decision.way {
        Way::Slots { slots, .. } => match slots.as_slice() {
            [slot] => Some(*slot),
            _ => None,
        },
        _ => None,
    }
}

/// Takes the way: the stage in which the call is then.
pub(crate) fn lead(cx: &mut Cx<'_>, mut near: Near, onward: Onward, decision: Decision) -> Stage {
    if let Some(cause) = nowhere(&decision) {
        return near.fail(cx, cause, cause.sip_status());
    }
    if matches!(decision.way, Way::Ask { .. }) {
        return Asking::begin(cx, near, onward, decision);
    }
    let ring_s = match (&decision.way, decision.origin) {
        // Where no route says how long, the configuration does.
        (Way::Slots { ring_s, .. }, Some(Origin::Route(_) | Origin::Number(_))) => u32::from(*ring_s),
        _ => cx.settings.ring_s,
    };
    match (only_slot(&decision), decision.way) {
        (Some(slot), _) => {
            let codecs = near.leg.audio.codecs();
            match cx.call_slot(slot, &near, onward, codecs, ring_s) {
                Ok(far) => {
                    near.hears_calling(cx, Some(&far), model::carrier::EarlyMedia::Prefer);
                    Stage::Ringing(Ringing::new(near, far))
                }
                Err(cause) => near.fail(cx, cause, cause.sip_status()),
            }
        }
        (None, Way::Slots { slots, ring, .. }) => Together::begin(cx, near, onward, &slots, ring_s, ring),
        (None, Way::Carriers(tries)) => Trying::begin(cx, near, onward, tries),
        (None, _) => near.fail(cx, Cause::NoSuchNumber, Cause::NoSuchNumber.sip_status()),
    }
}

impl Start {
    /// The same, as if `slot` had dialled: by this a number is looked for to which it hands the call on.
    pub(crate) fn dialled_by(&self, slot: &SlotEntry) -> Self {
        Self { center: slot.center, caller: slot.number.to_string(), caller_slot: Some(slot.id), carrier: None, ..self.clone() }
    }

    /// By what the call came.
    pub(crate) fn came_by(&self) -> Came {
        self.carrier.map_or(Came::Slot, Came::Carrier)
    }
}
