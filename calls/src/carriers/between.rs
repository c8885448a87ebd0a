//! Calls in which a carrier's leg is connected to a carrier's leg, and nobody of ours is: whose they are, and which of them may not be.

use model::{
    CallId, Number, Refusal, SlotId,
    route::{Decision, Way},
};

use crate::{
    budgets::is_help,
    core::Core,
    leg::Party,
    stage::{Stage, Talking},
    switchboard::Switchboard,
};

impl Core {
    /// How many calls count against the slot's own limit, beside this one: those that it takes part in, and those that it has begun and left to
    /// carriers' legs, as long as they last. Else whoever hands each call on is never in one, and has as many as he likes.
    pub(crate) fn calls_beside(&self, slot: SlotId, call: Option<CallId>) -> usize {
        let is_left = |other: &CallId| self.seats.slots_of(*other).next().is_none();
        let left = self.carriers.caps.caused_by(slot).filter(is_left);
        self.seats.calls_of(slot).chain(left).filter(|other| Some(*other) != call).count()
    }
}

impl Switchboard {
    /// Whether a slot may leave its call to whom the decision leads to. Help is talked to by somebody of ours: no limit stops such a call, and one
    /// between carriers would last as long as the other side likes.
    pub(crate) fn may_leave_to(&self, call: CallId, slot: SlotId, dialled: &Number, decision: &Decision) -> Result<(), Refusal> {
        let stays_out = match self.calls.get(&call).map(|call| &call.stage) {
            Some(Stage::Talking(talking)) => leaves_a_carrier(talking, slot),
            _ => false,
        };
        let leads_out = !matches!(decision.way, Way::Slots { .. });
        let for_help = is_help(dialled, &decision.to) || self.core.carriers.caps.is_for_help(call);
        if stays_out && leads_out && for_help { Err(Refusal::CallNotTransferable) } else { Ok(()) }
    }
}

/// Whether the slot talks to a carrier's leg.
fn leaves_a_carrier(talking: &Talking, slot: SlotId) -> bool {
    [Party::Near, Party::Far].into_iter().any(|party| {
        let (leaves, stays) = talking.legs(party);
        leaves.slot == Some(slot) && stays.slot.is_none()
    })
}
