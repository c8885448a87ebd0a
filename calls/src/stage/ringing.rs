//! One phone of ours is asked to answer.

use model::{Cause, carrier::EarlyMedia};
use sip_core::{EndReason, SessionEvent};

use super::{CallInput, Cx, Near, Stage, near::negotiate};
use crate::leg::{Leg, Party};

/// The far party rings, or is about to.
#[derive(Debug)]
pub(crate) struct Ringing {
    near: Near,
    far: Leg,
}

impl Ringing {
    pub(crate) fn new(near: Near, far: Leg) -> Self {
        Self { near, far }
    }

    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(Party::Near, event) => match self.near.heard(cx, event) {
                Some(cause) => self.near.gone(vec![self.far], cause),
                None => Stage::Ringing(self),
            },
            CallInput::Session(_, SessionEvent::Ringing { sdp, .. }) => {
                self.near.hears_ringing(cx, &mut self.far, sdp.as_ref(), EarlyMedia::Prefer);
                Stage::Ringing(self)
            }
            CallInput::Session(_, SessionEvent::Answered { sdp }) => match negotiate(&mut self.far, sdp.as_ref()) {
                Ok(()) => self.near.connect(cx, self.far),
                Err(cause) => self.fail(cx, cause, cause.sip_status()),
            },
            CallInput::Session(_, SessionEvent::Refused { status }) => self.fail(cx, Cause::of_callee_status(status), status),
            CallInput::Session(_, SessionEvent::Ended { why }) => {
                let cause = cause_unanswered(why);
                self.fail(cx, cause, cause.sip_status())
            }
            // By UPDATE, before it answers.
            CallInput::Session(_, SessionEvent::Reoffered { sdp, flow, .. }) => {
                cx.core.reoffered(cx.now, &mut self.far, sdp.as_ref(), flow);
                Stage::Ringing(self)
            }
            CallInput::Hangup(cause) => self.near.hang_up(cx, vec![self.far], cause),
            CallInput::Session(..) | CallInput::Media(..) | CallInput::Located(..) | CallInput::Answered(..) | CallInput::Timeout => {
                Stage::Ringing(self)
            }
        }
    }

    /// The phone that rings.
    pub(crate) fn far(&self) -> &Leg {
        &self.far
    }

    /// Another phone of ours has come into the call in place of the one that rings (RFC 3891).
    pub(crate) fn pick_up(self, cx: &mut Cx<'_>, leg: Leg) -> Stage {
        cx.core.close_elsewhere(cx.now, &self.far);
        if let Some(slot) = self.far.slot {
            cx.leave_slot(slot);
        }
        self.near.connect(cx, leg)
    }

    pub(crate) fn near(&self) -> &Near {
        &self.near
    }

    fn fail(self, cx: &mut Cx<'_>, cause: Cause, sip_status: u16) -> Stage {
        cx.core.close(cx.now, &self.far, cause);
        // It is free, though the call goes on: for as long as its tone plays, or with whom it had before.
        if let Some(slot) = self.far.slot {
            cx.leave_slot(slot);
        }
        self.near.fail(cx, cause, sip_status)
    }
}

/// The cause behind the end of a leg that was not answered.
pub(super) fn cause_unanswered(why: EndReason) -> Cause {
    match why {
        EndReason::NoAnswer => Cause::NoAnswer,
        EndReason::Timeout => Cause::Unreachable,
        EndReason::DialogLost => Cause::DialogLost,
        _ => Cause::Declined,
    }
}
