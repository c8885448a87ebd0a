//! The operator's own phone is asked to answer; the number is dialled only after it has (R8).

use model::Cause;
use seats::Permit;
use sip_core::{EndReason, SessionEvent};

use super::{CallInput, Cx, Near, Over, Stage};
use crate::{
    begin::MAX_FORWARDS,
    lead::{Onward, lead},
    leg::{Leg, Party},
};

/// The first stage of a call that was started over REST.
#[derive(Debug)]
pub(crate) struct Summoning {
    pub(crate) near: Leg,
    /// Who is called then, as the gate has permitted. A port is reserved for it, so that a call that began does not fail for want of one.
    pub(crate) permit: Permit,
}

impl Summoning {
    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(Party::Near, SessionEvent::Answered { sdp }) => self.answered(cx, sdp.as_ref()),
            CallInput::Session(Party::Near, SessionEvent::Refused { status, .. }) => {
                let cause = if matches!(status, 408 | 480 | 487) { Cause::SlotNoAnswer } else { Cause::SlotRefused };
                self.over(cause, status)
            }
            CallInput::Session(Party::Near, SessionEvent::Ended { why }) => {
                let cause = match why {
                    EndReason::NoAnswer | EndReason::Timeout => Cause::SlotNoAnswer,
                    _ => Cause::SlotRefused,
                };
                self.over(cause, cause.sip_status())
            }
            // By UPDATE, before it answers.
            CallInput::Session(Party::Near, SessionEvent::Reoffered { sdp, flow, .. }) => {
                cx.core.reoffered(cx.now, &mut self.near, sdp.as_ref(), flow);
                Stage::Summoning(self)
            }
            CallInput::Hangup(cause) => self.over(cause, cause.sip_status()),
            CallInput::Session(..) | CallInput::Media(..) | CallInput::Located(..) | CallInput::Answered(..) | CallInput::Timeout => {
                Stage::Summoning(self)
            }
        }
    }

    /// The operator's phone has answered, and its ACK is out: now the number.
    fn answered(mut self, cx: &mut Cx<'_>, sdp: Option<&bytes::Bytes>) -> Stage {
        if let Err(cause) = self.near.audio.answered(sdp) {
            return self.over(cause, cause.sip_status());
        }
        cx.core.connect_audio(&mut self.near.audio);
        // What leads somewhere may have changed while the phone rang.
        let start = cx.timeline.start();
        let decision = cx.core.decide(cx.now, start, start.caller.parse().ok(), self.permit.number().clone());
        let onward = Onward::new(self.permit, MAX_FORWARDS, self.near.slot);
        lead(cx, Near::summoned(self.near), onward, decision)
    }

    fn over(self, cause: Cause, sip_status: u16) -> Stage {
        Over { legs: vec![self.near], cause, sip_status }.into()
    }
}
