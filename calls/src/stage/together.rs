//! Several phones of ours ring, together or one after another, and the first answer wins (R13).

use std::collections::{BTreeMap, VecDeque};

use model::{Cause, SlotId, carrier::IncomingNumber, route::Ring};
use sip_core::SessionEvent;

use super::{CallInput, Cx, Near, Stage, near::negotiate, ringing::cause_unanswered};
use crate::{
    lead::Onward,
    leg::{Leg, Party},
};

/// The phones that ring.
///
/// What one of them says is about that one alone, a 6xx too: whoever declines at one desk does not speak for the others.
#[derive(Debug)]
pub(crate) struct Together {
    near: Near,
    /// By their place, which their [`Party::Rung`] names.
    legs: BTreeMap<u8, Leg>,
    /// Who rings next when nobody rings any more, by the place that will be theirs.
    rest: VecDeque<(u8, SlotId)>,
    /// For how many seconds each rings.
    ring_s: u32,
    /// Why those that ring no more do not.
    cause: Option<Cause>,
    /// The leave for all of them: their INVITEs are one call.
    onward: Onward,
}

impl Together {
    /// Calls all that are free, or the first one that is. If none is, the call has failed.
    pub(crate) fn begin(cx: &mut Cx<'_>, near: Near, onward: Onward, slots: &[SlotId], ring_s: u32, ring: Ring) -> Stage {
        let rest = (0_u8..).zip(slots.iter().copied().take(IncomingNumber::TO_MAX)).collect();
        let mut together = Self { near, legs: BTreeMap::new(), rest, ring_s, cause: None, onward };
        while together.ring_next(cx) && ring == Ring::Together {}
        if together.legs.is_empty() {
            return together.fail(cx);
        }
        together.near.hears_calling(cx, None, model::carrier::EarlyMedia::Ring);
        Stage::Together(together)
    }

    /// Calls the next one that is free. False: there is none.
    fn ring_next(&mut self, cx: &mut Cx<'_>) -> bool {
        let codecs = self.near.leg.audio.codecs();
        while let Some((place, slot)) = self.rest.pop_front() {
            match cx.ring_slot(slot, &self.near, &self.onward, &codecs, self.ring_s) {
                Ok(leg) => {
                    cx.core.join(cx.timeline.start().call, Party::Rung(place), &leg);
                    self.legs.insert(place, leg);
                    return true;
                }
                Err(cause) => self.failed(cause),
            }
        }
        false
    }

    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(Party::Near, event) => match self.near.heard(cx, event) {
                Some(cause) => self.near.gone(self.legs.into_values().collect(), cause),
                None => Stage::Together(self),
            },
            CallInput::Session(Party::Rung(place), event) => self.rung(cx, place, event),
            CallInput::Hangup(cause) => self.near.hang_up(cx, self.legs.into_values().collect(), cause),
            CallInput::Session(..) | CallInput::Media(..) | CallInput::Located(..) | CallInput::Answered(..) | CallInput::Timeout => {
                Stage::Together(self)
            }
        }
    }

    /// One of the phones that ring.
    pub(crate) fn rung_leg(&self, place: u8) -> Option<&Leg> {
        self.legs.get(&place)
    }

    pub(crate) fn near(&self) -> &Near {
        &self.near
    }

    fn rung(mut self, cx: &mut Cx<'_>, place: u8, event: SessionEvent) -> Stage {
        let cause = match event {
            SessionEvent::Ringing { .. } => {
                self.near.hears_one_ringing(cx);
                return Stage::Together(self);
            }
            SessionEvent::Reoffered { sdp, flow, .. } => {
                if let Some(leg) = self.legs.get_mut(&place) {
                    cx.core.reoffered(cx.now, leg, sdp.as_ref(), flow);
                }
                return Stage::Together(self);
            }
            SessionEvent::Answered { sdp } => {
                let Some(leg) = self.legs.get_mut(&place) else { return Stage::Together(self) };
                match negotiate(leg, sdp.as_ref()) {
                    Ok(()) => return self.won(cx, place),
                    Err(cause) => cause,
                }
            }
            SessionEvent::Refused { status } => Cause::of_callee_status(status),
            SessionEvent::Ended { why } => cause_unanswered(why),
            _ => return Stage::Together(self),
        };
        if let Some(leg) = self.legs.remove(&place) {
            cx.core.close(cx.now, &leg, cause);
            leave(cx, &leg);
        }
        self.failed(cause);
        if self.legs.is_empty() && !self.ring_next(cx) { self.fail(cx) } else { Stage::Together(self) }
    }

    /// The first answer: all others are told that it was answered elsewhere, so that their phones show no missed call (RFC 3326, 2). One
    /// whose own answer crosses that is acknowledged and hung up on (B-28).
    fn won(mut self, cx: &mut Cx<'_>, place: u8) -> Stage {
        let Some(winner) = self.legs.remove(&place) else { return Stage::Together(self) };
        cx.core.join(cx.timeline.start().call, Party::Far, &winner);
        self.pick_up(cx, winner)
    }

    /// A phone has answered, or has come into the call in place of one that rings (RFC 3891): nobody else is to ring any more.
    pub(crate) fn pick_up(self, cx: &mut Cx<'_>, leg: Leg) -> Stage {
        for other in self.legs.into_values() {
            cx.core.close_elsewhere(cx.now, &other);
            leave(cx, &other);
        }
        self.near.connect(cx, leg)
    }

    /// Of all reasons the one that says most: that somebody was rung at, then that somebody was busy.
    fn failed(&mut self, cause: Cause) {
        let weight = |cause: Cause| match cause {
            Cause::NoAnswer => 0,
            Cause::Busy => 1,
            Cause::Declined => 2,
            Cause::NotRegistered => 4,
            Cause::OutOfService => 5,
            _ => 3,
        };
        if self.cause.is_none_or(|before| weight(cause) < weight(before)) {
            self.cause = Some(cause);
        }
    }

    fn fail(self, cx: &mut Cx<'_>) -> Stage {
        let cause = self.cause.unwrap_or(Cause::NoAnswer);
        // Nobody speaks for all (R13).
        let cause = if cause == Cause::Declined { Cause::NoAnswer } else { cause };
        self.near.fail(cx, cause, cause.sip_status())
    }
}

/// The slot of a phone that rings no more is free again, while the others ring.
fn leave(cx: &mut Cx<'_>, leg: &Leg) {
    if let Some(slot) = leg.slot {
        cx.leave_slot(slot);
    }
}
