//! Calls in which a carrier's leg is connected to a carrier's leg, and nobody of ours is: whose they are, and which of them may not be.

use model::{
    CallId, Number, Refusal, SlotId,
    route::{Decision, Way},
};

use crate::{
    budgets::is_help,
    leg::Party,
    stage::{Stage, Talking},
    switchboard::Switchboard,
};

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
