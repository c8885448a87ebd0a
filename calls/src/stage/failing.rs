//! The operator hears why there will be no call (R10).

use std::time::Instant;

use model::Cause;
use sip_core::SessionEvent;

use super::{CallInput, Cx, Over, Stage};
use crate::leg::{Leg, Party};

/// A tone plays to the operator; the far leg is gone.
#[derive(Debug)]
pub(crate) struct Failing {
    near: Leg,
    cause: Cause,
    sip_status: u16,
    until: Instant,
}

impl Failing {
    pub(crate) fn new(near: Leg, cause: Cause, sip_status: u16, until: Instant) -> Self {
        Self { near, cause, sip_status, until }
    }

    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(Party::Near, SessionEvent::Reoffered { sdp, flow, .. }) => {
                cx.core.reoffered(cx.now, &mut self.near, sdp.as_ref(), flow);
                Stage::Failing(self)
            }
            // Whoever ends it now, the reason stays that of the far side.
            CallInput::Session(Party::Near, SessionEvent::Ended { .. }) | CallInput::Hangup(_) => self.over(),
            CallInput::Timeout if cx.now >= self.until => self.over(),
            CallInput::Session(..) | CallInput::Media(..) | CallInput::Located(..) | CallInput::Answered(..) | CallInput::Timeout => {
                Stage::Failing(self)
            }
        }
    }

    /// Why it failed, as a status.
    pub(crate) fn sip_status(&self) -> u16 {
        self.sip_status
    }

    /// Why it failed.
    pub(crate) fn cause(&self) -> Cause {
        self.cause
    }

    /// Who would hear it.
    pub(crate) fn into_leg(self) -> Leg {
        self.near
    }

    /// The same, of a call that was to be handed on.
    pub(crate) fn transfer(self) -> Self {
        Self { cause: Cause::TransferFailed, ..self }
    }

    fn over(self) -> Stage {
        Over { legs: vec![self.near], cause: self.cause, sip_status: self.sip_status }.into()
    }
}
