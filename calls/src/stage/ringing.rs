//! The far party is asked to answer.

use std::time::Duration;

use bytes::Bytes;
use media::{Command, Hears, Tone};
use model::Cause;
use sip_core::{EndReason, SessionEvent};

use super::{CallInput, Cx, Failing, Over, Stage, Talking, cause_of};
use crate::{
    leg::{Leg, Party},
    timeline::What,
};

/// The far party rings, or is about to.
#[derive(Debug)]
pub(crate) struct Ringing {
    near: Leg,
    far: Leg,
    /// Whether our side has answered already: it was summoned. Else it is a phone that dialled and waits.
    near_up: bool,
    /// Whether ringing was told.
    rings: bool,
}

/// How long the operator hears the busy or congestion tone (R10).
const TONE: Duration = Duration::from_secs(3);

impl Ringing {
    /// A phone dialled; it waits for our answer.
    pub(crate) fn dialled(near: Leg, far: Leg) -> Self {
        Self { near, far, near_up: false, rings: false }
    }

    /// The summoned phone has answered and the far party is called: a beep, our ring tone, then whatever the far side says (R9).
    pub(crate) fn summoned(cx: &mut Cx<'_>, near: Leg, far: Leg) -> Self {
        cx.core.media(&near.audio, Command::Hear { leg: near.audio.id, hears: Hears::BeepThenRingUntil(far.audio.id) });
        Self { near, far, near_up: true, rings: false }
    }

    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(Party::Far, SessionEvent::Ringing { sdp, .. }) => self.rings(cx, sdp.as_ref()),
            CallInput::Session(Party::Far, SessionEvent::Answered { sdp }) => self.answered(cx, sdp.as_ref()),
            CallInput::Session(Party::Far, SessionEvent::Refused { status, .. }) => {
                let cause = Cause::of_callee_status(status);
                cx.core.close(cx.now, &self.far, cause);
                Self::fail(cx, self.near, self.near_up, cause, status)
            }
            CallInput::Session(Party::Far, SessionEvent::Ended { why }) => {
                let cause = match why {
                    EndReason::NoAnswer => Cause::NoAnswer,
                    EndReason::Timeout => Cause::Unreachable,
                    EndReason::DialogLost => Cause::DialogLost,
                    _ => Cause::Declined,
                };
                cx.core.close(cx.now, &self.far, cause);
                Self::fail(cx, self.near, self.near_up, cause, cause.sip_status())
            }
            CallInput::Session(Party::Near, SessionEvent::Ended { why }) => {
                let cause = match cause_of(Party::Near, why) {
                    Cause::CallerHungUp => Cause::CallerGaveUp,
                    cause => cause,
                };
                Over::new(vec![self.near, self.far], cause).into()
            }
            CallInput::Session(Party::Near, SessionEvent::Reoffered { sdp, flow, .. }) => {
                cx.core.reoffered(cx.now, &mut self.near, sdp.as_ref(), flow);
                Stage::Ringing(self)
            }
            // By UPDATE, before it answers.
            CallInput::Session(Party::Far, SessionEvent::Reoffered { sdp, flow, .. }) => {
                cx.core.reoffered(cx.now, &mut self.far, sdp.as_ref(), flow);
                Stage::Ringing(self)
            }
            CallInput::Session(Party::Near, SessionEvent::Reconfirmed { sdp } | SessionEvent::ReofferAnswered { sdp }) => {
                cx.core.reconfirmed(&mut self.near, sdp.as_ref());
                Stage::Ringing(self)
            }
            CallInput::Hangup(cause) => {
                if !self.near_up {
                    cx.core.refuse(cx.now, &self.near, cause);
                }
                Over::new(vec![self.near, self.far], cause).into()
            }
            CallInput::Session(..) | CallInput::Media(..) | CallInput::Timeout => Stage::Ringing(self),
        }
    }

    fn rings(mut self, cx: &mut Cx<'_>, sdp: Option<&Bytes>) -> Stage {
        // Early media from the far side. An early answer that does not do is left for the final one to mend.
        let early = sdp.is_some() && self.far.audio.answered(sdp).is_ok();
        if early {
            cx.core.connect_audio(&mut self.far.audio);
        }
        if !self.near_up {
            self.tell_near(cx, early);
        }
        if !self.rings {
            self.rings = true;
            cx.note(What::Ringing);
        }
        Stage::Ringing(self)
    }

    /// Passes ringing on to a phone that dialled: with the far side's early media if there is any.
    fn tell_near(&mut self, cx: &mut Cx<'_>, early: bool) {
        let answer = if early { self.near.audio.answer(self.far.audio.codec()) } else { None };
        match answer {
            Some(sdp) => {
                cx.core.connect_audio(&mut self.near.audio);
                cx.core.media(&self.near.audio, Command::Hear { leg: self.near.audio.id, hears: Hears::Leg(self.far.audio.id) });
                cx.core.endpoint.ring(cx.now, self.near.session, 183, Some(&sdp));
            }
            None => cx.core.endpoint.ring(cx.now, self.near.session, 180, None),
        }
    }

    fn answered(mut self, cx: &mut Cx<'_>, sdp: Option<&Bytes>) -> Stage {
        // A 200 without SDP after a reliable early answer is not what we asked for; one after an early 18x may repeat it.
        if (sdp.is_some() || !self.far.audio.is_negotiated())
            && let Err(cause) = self.far.audio.answered(sdp)
        {
            // The caller is not to blame for what the called phone wrote.
            let cause = if cause == Cause::BadSdp { Cause::BadAnswer } else { cause };
            cx.core.close(cx.now, &self.far, cause);
            return Self::fail(cx, self.near, self.near_up, cause, cause.sip_status());
        }
        cx.core.connect_audio(&mut self.far.audio);
        if !self.near_up {
            let sdp = match self.near.audio.answer(self.far.audio.codec()) {
                Some(answer) => {
                    cx.core.connect_audio(&mut self.near.audio);
                    answer
                }
                // The phone made no offer: ours goes out in the 200, its answer comes in the ACK (RFC 3261, 13.2.1).
                None => self.near.audio.offer(&self.near.audio.codecs()),
            };
            cx.core.endpoint.answer(cx.now, self.near.session, &sdp);
        }
        Stage::Talking(Talking::begin(cx, self.near, self.far))
    }

    /// There will be no call. An operator who was summoned hears it for [`TONE`]; a phone that dialled is told by the status.
    pub(crate) fn fail(cx: &mut Cx<'_>, near: Leg, near_up: bool, cause: Cause, sip_status: u16) -> Stage {
        if near_up {
            let tone = if cause == Cause::Busy { Tone::Busy } else { Tone::Congestion };
            cx.core.media(&near.audio, Command::Hear { leg: near.audio.id, hears: Hears::Tone(tone) });
            return Stage::Failing(Failing::new(near, cause, sip_status, cx.now + TONE));
        }
        cx.core.refuse(cx.now, &near, cause);
        Over { legs: vec![near], cause, sip_status }.into()
    }
}
