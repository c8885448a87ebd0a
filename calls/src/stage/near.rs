//! The calling side, as long as nobody has answered.

use bytes::Bytes;
use media::{Command, Hears, Tone};
use model::{Cause, carrier::EarlyMedia};
use sip_core::SessionEvent;

use super::{Cx, Failing, Over, Stage, TONE, Talking, cause_of};
use crate::{
    leg::{Leg, Party},
    timeline::What,
};

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) struct Near {
    pub(crate) leg: Leg,
    /// Whether it has answered already: an operator's phone that was summoned. Else it waits for our answer.
    pub(crate) is_up: bool,
    /// Whether ringing was told.
    rings: bool,
    /// An operator hears the beep once (R9).
    has_beeped: bool,
    /// Whether the media worker goes over from our ring tone to the far side's sound by itself.
    is_automatic: bool,
    /// What a phone that dialled hears since it has our early answer: it plays what comes, and no ring tone of its own any more. None: it
    /// has none, and rings by itself.
    early: Option<Hears>,
    /// Its place in a call that goes on, if somebody else is called in place of the other party.
    stays: Option<Party>,
}

impl Near {
    /// A phone that dialled, or a carrier that brings a call: it waits for our answer.
    pub(crate) fn waiting(leg: Leg) -> Self {
        Self { leg, is_up: false, rings: false, has_beeped: false, is_automatic: false, early: None, stays: None }
    }

    /// An operator whose phone has answered.
    pub(crate) fn summoned(leg: Leg) -> Self {
        Self { is_up: true, ..Self::waiting(leg) }
    }

    /// A party of a call that is handed on, and its place there. It needs no beep: nobody asked it for anything.
    pub(crate) fn staying(leg: Leg, place: Party) -> Self {
        Self { has_beeped: true, stays: Some(place), ..Self::summoned(leg) }
    }

    /// Whether it is of a call that goes on, and waits for a new party.
    pub(crate) fn stays(&self) -> bool {
        self.stays.is_some()
    }

    /// Whether it was told that somebody rings.
    pub(crate) fn rings(&self) -> bool {
        self.rings
    }

    /// What the calling side does before the answer. The cause, if the call is over by that.
    pub(crate) fn heard(&mut self, cx: &mut Cx<'_>, event: SessionEvent) -> Option<Cause> {
        match event {
            SessionEvent::Ended { why } => Some(match (self.stays, cause_of(self.stays.unwrap_or(Party::Near), why)) {
                (None, Cause::CallerHungUp) => Cause::CallerGaveUp,
                (_, cause) => cause,
            }),
            SessionEvent::Reoffered { sdp, flow, .. } => {
                cx.core.reoffered(cx.now, &mut self.leg, sdp.as_ref(), flow);
                None
            }
            SessionEvent::Confirmed { sdp } | SessionEvent::Reconfirmed { sdp } | SessionEvent::ReofferAnswered { sdp } => {
                cx.core.reconfirmed(&mut self.leg, sdp.as_ref());
                None
            }
            _ => None,
        }
    }

    /// Somebody is called: an operator hears a beep, then our ring tone, then what the far side says (R9), as far as its carrier wants that.
    /// Without `far` it is not known yet where the call goes. A phone that dialled is told by 18x what it hears; if it has heard another carrier
    /// already, which has failed, it hears our ring tone in its place.
    pub(crate) fn hears_calling(&mut self, cx: &mut Cx<'_>, far: Option<&Leg>, early_media: EarlyMedia) {
        if !self.is_up {
            let is_silent = far.is_some() && early_media == EarlyMedia::Pass;
            self.hear_early(cx, if is_silent { Hears::Nothing } else { Hears::Tone(Tone::Ring) });
            return;
        }
        let hears = match (far, early_media, self.has_beeped) {
            // With `Ring` its early media is not taken, so nothing of it is heard before the answer.
            (Some(far), EarlyMedia::Prefer | EarlyMedia::Ring, false) => Hears::BeepThenRingUntil(far.audio.id),
            (None, _, false) | (Some(_), EarlyMedia::Pass, false) => Hears::Tone(Tone::Beep),
            (Some(_), EarlyMedia::Pass, true) => Hears::Nothing,
            (_, _, true) => Hears::Tone(Tone::Ring),
        };
        self.has_beeped = true;
        self.is_automatic = matches!(hears, Hears::BeepThenRingUntil(_));
        self.hear(cx, hears);
    }

    /// The far side rings, with `sdp` for its sound if it sends any already.
    pub(crate) fn hears_ringing(&mut self, cx: &mut Cx<'_>, far: &mut Leg, sdp: Option<&Bytes>, early_media: EarlyMedia) {
        // An early answer that does not do is left for the final one to mend.
        let early = early_media != EarlyMedia::Ring && sdp.is_some() && far.audio.answered(sdp).is_ok();
        if early {
            cx.core.connect_audio(&mut far.audio);
        }
        if !self.is_up {
            self.tell_ringing(cx, early.then_some(far), early_media);
        } else if early && !self.is_automatic {
            self.hear(cx, Hears::Leg(far.audio.id));
        }
        self.note_ringing(cx);
    }

    /// One of several phones rings. None of them is heard before one has answered.
    pub(crate) fn hears_one_ringing(&mut self, cx: &mut Cx<'_>) {
        match (self.rings, self.is_up) {
            (false, true) => self.hear(cx, Hears::Tone(Tone::Ring)),
            (false, false) => self.tell_ringing(cx, None, EarlyMedia::Ring),
            (true, _) => {}
        }
        self.note_ringing(cx);
    }

    fn note_ringing(&mut self, cx: &mut Cx<'_>) {
        // A call that goes on has rung before.
        if !std::mem::replace(&mut self.rings, true) && self.stays.is_none() {
            cx.note(What::Ringing);
        }
    }

    /// Passes ringing on to a phone that dialled: with the far side's early media if there is any.
    fn tell_ringing(&mut self, cx: &mut Cx<'_>, early: Option<&mut Leg>, early_media: EarlyMedia) {
        let answer = early.and_then(|far| Some((self.leg.audio.answer(far.audio.codec())?, far.audio.id)));
        match answer {
            Some((sdp, far)) => {
                cx.core.connect_audio(&mut self.leg.audio);
                self.early.get_or_insert(Hears::Nothing);
                self.hear_early(cx, Hears::Leg(far));
                cx.core.endpoint.ring(cx.now, self.leg.session, 183, Some(&sdp));
            }
            // 180 would make the phone play a ring tone of its own.
            None if early_media == EarlyMedia::Pass => cx.core.endpoint.ring(cx.now, self.leg.session, 183, None),
            None => {
                cx.core.endpoint.ring(cx.now, self.leg.session, 180, None);
                // A carrier that rings again after its early media is heard on.
                if !matches!(self.early, Some(Hears::Leg(_))) {
                    self.hear_early(cx, Hears::Tone(Tone::Ring));
                }
            }
        }
    }

    /// What a phone hears that dialled and has our early answer; a tone that it hears already is not begun anew.
    fn hear_early(&mut self, cx: &mut Cx<'_>, hears: Hears) {
        if self.early.is_some_and(|now| now != hears) {
            self.early = Some(hears);
            self.hear(cx, hears);
        }
    }

    fn hear(&self, cx: &mut Cx<'_>, hears: Hears) {
        cx.core.media(&self.leg.audio, Command::Hear { leg: self.leg.audio.id, hears });
    }

    /// The far side has answered, and its session description does: both talk from now on.
    pub(crate) fn connect(mut self, cx: &mut Cx<'_>, mut far: Leg) -> Stage {
        cx.core.connect_audio(&mut far.audio);
        if let Some(place) = self.stays {
            return Stage::Talking(Talking::join(cx, self.leg, far, place));
        }
        if !self.is_up {
            let sdp = match self.leg.audio.answer(far.audio.codec()) {
                Some(answer) => {
                    cx.core.connect_audio(&mut self.leg.audio);
                    answer
                }
                // The phone made no offer: ours goes out in the 200, its answer comes in the ACK (RFC 3261, 13.2.1).
                None => self.leg.audio.offer(&self.leg.audio.codecs()),
            };
            cx.core.endpoint.answer(cx.now, self.leg.session, &sdp);
        }
        Stage::Talking(Talking::begin(cx, self.leg, far))
    }

    /// There will be no call. An operator who was summoned hears it for [`TONE`]; a phone that dialled is told by the status.
    pub(crate) fn fail(self, cx: &mut Cx<'_>, cause: Cause, sip_status: u16) -> Stage {
        if self.is_up {
            let tone = if cause == Cause::Busy { Tone::Busy } else { Tone::Congestion };
            self.hear(cx, Hears::Tone(tone));
            return Stage::Failing(Failing::new(self.leg, cause, sip_status, cx.now + TONE));
        }
        cx.core.refuse(cx.now, &self.leg, cause);
        Over { legs: vec![self.leg], cause, sip_status }.into()
    }

    /// The call ends by an order; these legs with it.
    pub(crate) fn hang_up(self, cx: &mut Cx<'_>, mut others: Vec<Leg>, cause: Cause) -> Stage {
        if !self.is_up {
            cx.core.refuse(cx.now, &self.leg, cause);
        }
        others.insert(0, self.leg);
        Over::new(others, cause).into()
    }

    /// The calling side is gone; these legs go with it.
    pub(crate) fn gone(self, mut others: Vec<Leg>, cause: Cause) -> Stage {
        others.insert(0, self.leg);
        Over::new(others, cause).into()
    }
}

/// What the far side's answer brings. A 200 without SDP after a reliable early answer is not what we asked for; one after an early 18x may
/// repeat it.
///
/// # Errors
/// It does not do. The caller is not to blame for what the called phone wrote.
pub(super) fn negotiate(far: &mut Leg, sdp: Option<&Bytes>) -> Result<(), Cause> {
    if sdp.is_none() && far.audio.is_negotiated() {
        return Ok(());
    }
    far.audio.answered(sdp).map_err(|cause| if cause == Cause::BadSdp { Cause::BadAnswer } else { cause })
}
