//! Where a call goes on to: the plan is asked, and its way becomes a stage.

use std::time::Instant;

use model::{
    Cause, Number, SlotId,
    carrier::Standing,
    route::{Came, Decision, Origin, Question, Way},
};
use seats::{Permit, is_emergency};

use crate::{
    core::Core,
    stage::{Cx, Near, Ringing, Stage, Together, Trying},
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
}

impl Onward {
    pub(crate) fn new(permit: Permit, hops: u8) -> Self {
        Self { permit, hops, withheld: false, diverted: Vec::new(), redirects: 0 }
    }
}

impl Core {
    /// The number by which an administrator lets the calling slot call (R8). Whoever calls has no say in it.
    pub(crate) fn caller_of(&self, start: &Start) -> Option<Number> {
        start.caller_slot.and_then(|slot| self.directory.slot(slot)?.caller.clone())
    }

    /// Where a call to `to` goes now. Both numbers are as they came.
    pub(crate) fn decide(&self, now: Instant, start: &Start, from: Option<Number>, to: Number) -> Decision {
        // Equal carriers are drawn by the random part of the call's id.
        let chance = start.call.0.unsigned_abs();
        let is_help = is_emergency(&to);
        let (came_by, center, at) = (start.came_by(), start.center, self.clock.wall(now));
        let question = Question { from, to, came_by, at, center, caller: self.caller_of(start), chance };
        // Who calls for help is not told that a line is full.
        let standing = |carrier| if is_help { Standing::Up } else { self.standing(now, carrier) };
        let mut decision = self.directory.plan().find_now(&question, &standing, None);
        // No program is asked yet: the default is what becomes of the call.
        if let Way::Ask { default, .. } = decision.way {
            decision.way = *default;
        }
        decision
    }
}

/// Why a decision leads nowhere; none if it leads somewhere.
pub(crate) fn nowhere(decision: &Decision) -> Option<Cause> {
    match &decision.way {
        Way::Slots { .. } | Way::Carriers(_) => None,
        Way::Refuse { cause, .. } => Some(*cause),
        // There are no services yet, and no program is asked by the default of a question.
        Way::Service(_) | Way::Ask { .. } => Some(Cause::NoSuchNumber),
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
        (None, Way::Slots { slots, .. }) => Together::begin(cx, near, onward, &slots, ring_s),
        (None, Way::Carriers(tries)) => Trying::begin(cx, near, onward, tries),
        (None, _) => near.fail(cx, Cause::NoSuchNumber, Cause::NoSuchNumber.sip_status()),
    }
}

impl Start {
    /// By what the call came.
    pub(crate) fn came_by(&self) -> Came {
        self.carrier.map_or(Came::Slot, Came::Carrier)
    }
}
