//! Both parties have answered: audio flows both ways and is recorded (R15).

use std::time::Instant;

use media::{Command, LegId, MediaEvent};
use model::{Cause, ChannelRole, DigitView, Event, Fact, PartyRole, RecordingRow, RecordingState, RecordingView};
use sip_core::SessionEvent;

use super::{CallInput, Cx, Over, Stage, cause_of};
use crate::{
    dtmf::InfoDtmf,
    leg::{Leg, Party},
    timeline::What,
};

/// The parties talk.
#[derive(Debug)]
pub(crate) struct Talking {
    near: Leg,
    far: Leg,
    near_holds: bool,
    far_holds: bool,
    /// While a phone is silent by right, silence says nothing: then both are asked at this moment whether they are still there.
    probe_at: Option<Instant>,
}

impl Talking {
    /// The far party has answered.
    pub(crate) fn begin(cx: &mut Cx<'_>, near: Leg, far: Leg) -> Self {
        let call = cx.timeline.start().call;
        let served_by = [near.slot, far.slot].into_iter().flatten().map(|slot| (slot, cx.core.seats.holder(slot))).collect();
        cx.core.seats.answered(cx.now, call);
        cx.note(What::Answered { callee_slot: far.slot, served_by });
        begin_recording(cx, &near, &far);
        let mut talking = Self { near, far, near_holds: false, far_holds: false, probe_at: None };
        talking.route(cx);
        talking
    }

    /// `joins` has answered in place of who talked to `stays`, whose place in the call is `place`. All else of the call goes on (R14).
    pub(crate) fn join(cx: &mut Cx<'_>, stays: Leg, joins: Leg, place: Party) -> Self {
        let call = cx.timeline.start().call;
        cx.core.seats.answered(cx.now, call);
        if let Some(slot) = joins.slot {
            let user = cx.core.seats.holder(slot);
            cx.note(What::Joined { slot, user });
        }
        cx.core.retap(call, &stays.audio, &joins.audio);
        Self::again(cx, stays, joins, place)
    }

    /// These two talk, and one of them has talked before; `place` is that of the first one.
    pub(crate) fn again(cx: &mut Cx<'_>, stays: Leg, other: Leg, place: Party) -> Self {
        let call = cx.timeline.start().call;
        let (near, far) = if place == Party::Near { (stays, other) } else { (other, stays) };
        cx.core.join(call, Party::Near, &near);
        cx.core.join(call, Party::Far, &far);
        let [near_holds, far_holds] = [&near, &far].map(|leg| leg.slot.is_some_and(|slot| cx.timeline.holds(slot)));
        let mut talking = Self { near, far, near_holds, far_holds, probe_at: None };
        talking.route(cx);
        talking
    }

    /// Takes the parties apart: who stays when `leaving` goes, with its place, and who goes.
    pub(crate) fn part(self, leaving: Party) -> (Leg, Party, Leg) {
        match leaving {
            Party::Near => (self.far, Party::Far, self.near),
            Party::Far | Party::Rung(_) | Party::Referrer => (self.near, Party::Near, self.far),
        }
    }

    /// The leg of a party, and that of the other one.
    pub(crate) fn legs(&self, party: Party) -> (&Leg, &Leg) {
        match party {
            Party::Near => (&self.near, &self.far),
            Party::Far | Party::Rung(_) | Party::Referrer => (&self.far, &self.near),
        }
    }

    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(party, SessionEvent::Ended { why }) => self.over(cause_of(party, why)),
            CallInput::Session(party, SessionEvent::Reoffered { sdp, flow, .. }) => {
                let leg = self.leg(party);
                cx.core.reoffered(cx.now, leg, sdp.as_ref(), flow);
                self.route(cx);
                Stage::Talking(self)
            }
            CallInput::Session(
                party,
                SessionEvent::Confirmed { sdp: Some(sdp) }
                | SessionEvent::Reconfirmed { sdp: Some(sdp) }
                | SessionEvent::ReofferAnswered { sdp: Some(sdp) },
            ) => {
                let leg = self.leg(party);
                cx.core.reconfirmed(leg, Some(&sdp));
                self.route(cx);
                Stage::Talking(self)
            }
            // Our 200 held the offer, and the ACK holds no answer: nobody knows where to send audio (RFC 3261, 13.2.1).
            CallInput::Session(party, SessionEvent::Confirmed { sdp: None }) if !self.leg(party).audio.is_negotiated() => {
                self.over(Cause::BadSdp)
            }
            CallInput::Session(party, SessionEvent::Info { content_type, body }) => {
                self.info(cx, party, &content_type, &body);
                Stage::Talking(self)
            }
            CallInput::Media(MediaEvent::Digit { leg, digit, duration_ms }) => {
                let party = if leg == self.near.audio.id { Party::Near } else { Party::Far };
                tell_digit(cx, party, digit, duration_ms);
                Stage::Talking(self)
            }
            // It may cross a hold, or the moment in which a phone stops sending by right.
            CallInput::Media(MediaEvent::Silent { leg }) if self.may_be_silent(leg) => Stage::Talking(self),
            CallInput::Media(MediaEvent::Silent { .. }) => self.over(Cause::MediaTimeout),
            CallInput::Hangup(cause) => self.over(cause),
            CallInput::Timeout if self.probe_at.is_some_and(|at| at <= cx.now) => {
                self.probe(cx);
                Stage::Talking(self)
            }
            CallInput::Session(..) | CallInput::Media(..) | CallInput::Located(..) | CallInput::Answered(..) | CallInput::Timeout => {
                Stage::Talking(self)
            }
        }
    }

    fn leg(&mut self, party: Party) -> &mut Leg {
        match party {
            Party::Near => &mut self.near,
            Party::Far | Party::Rung(_) | Party::Referrer => &mut self.far,
        }
    }

    /// Lets each party hear the other as far as both want it, and notes who holds.
    /// Each leg negotiates for itself (R26), so a hold is a matter between that phone and us.
    fn route(&mut self, cx: &mut Cx<'_>) {
        let (near, far) = (&self.near.audio, &self.far.audio);
        cx.core.media(near, Command::Hear { leg: near.id, hears: near.hears(far) });
        cx.core.media(far, Command::Hear { leg: far.id, hears: far.hears(near) });

        for (slot, holds, held) in [
            (self.near.slot, !self.near.audio.receives(), &mut self.near_holds),
            (self.far.slot, !self.far.audio.receives(), &mut self.far_holds),
        ] {
            if holds != *held {
                *held = holds;
                // A carrier's hold is nobody's time.
                if let Some(slot) = slot {
                    cx.note(if holds { What::Held { slot } } else { What::Resumed { slot } });
                }
            }
        }

        // While anybody holds, silence is no sign of a dead call (rulings: media.timeout_s), nor is it that of a phone which only listens.
        let held = self.near_holds || self.far_holds;
        let timeout = cx.settings.media_timeout;
        let mut all_watched = true;
        for audio in [&self.near.audio, &self.far.audio] {
            let is_watched = !held && audio.sends();
            all_watched &= is_watched;
            cx.core.media(audio, Command::Watch { leg: audio.id, silent_after: is_watched.then_some(timeout) });
        }
        self.probe_at = if all_watched { None } else { self.probe_at.or(Some(cx.now + timeout)) };
    }

    pub(crate) fn probe_at(&self) -> Option<Instant> {
        self.probe_at
    }

    /// Asks both phones whether they still know the call; one that does not ends it (`dialog_lost`).
    fn probe(&mut self, cx: &mut Cx<'_>) {
        for leg in [&self.near, &self.far] {
            cx.core.endpoint.probe(cx.now, leg.session);
        }
        self.probe_at = Some(cx.now + cx.settings.media_timeout);
    }

    fn may_be_silent(&self, leg: LegId) -> bool {
        let audio = if leg == self.near.audio.id { &self.near.audio } else { &self.far.audio };
        self.near_holds || self.far_holds || !audio.sends()
    }

    /// A key that a phone sends by INFO is told like any other, and passed on as it came. Other INFO goes no further.
    fn info(&self, cx: &mut Cx<'_>, from: Party, content_type: &[u8], body: &[u8]) {
        let Some(dtmf) = InfoDtmf::read(content_type, body) else { return };
        tell_digit(cx, from, dtmf.digit, dtmf.duration_ms);
        let other = match from {
            Party::Near => &self.far,
            Party::Far | Party::Rung(_) | Party::Referrer => &self.near,
        };
        cx.core.endpoint.info(cx.now, other.session, InfoDtmf::CONTENT_TYPE, &dtmf.body());
    }

    fn over(self, cause: Cause) -> Stage {
        Over::new(vec![self.near, self.far], cause).into()
    }
}

fn tell_digit(cx: &mut Cx<'_>, by: Party, digit: char, duration_ms: u32) {
    let start = cx.timeline.start();
    let by = match by {
        Party::Near => PartyRole::Caller,
        Party::Far | Party::Rung(_) | Party::Referrer => PartyRole::Callee,
    };
    let view = DigitView { call_id: start.call, center: start.center, by, digit, duration_ms };
    cx.core.event(Event::DigitPressed(view));
}

/// Starts the recording at the far party's answer. Every answered call gets a row, wanted or not. Left is our side, right the world; between
/// two slots left is the one that dialled (R15).
fn begin_recording(cx: &mut Cx<'_>, near: &Leg, far: &Leg) {
    let start = cx.timeline.start();
    let wanted = cx.settings.recording;
    let started_at = cx.wall();
    let caller = ChannelRole { role: "caller".to_owned(), number: start.caller.clone() };
    let callee = ChannelRole { role: "callee".to_owned(), number: start.callee.clone() };
    let ((left, left_role), (right, right_role)) = match near.slot {
        Some(_) => ((near, caller), (far, callee)),
        None => ((far, callee), (near, caller)),
    };
    let row = RecordingRow {
        call_id: start.call,
        center: start.center,
        state: if wanted { RecordingState::Recording } else { RecordingState::NotWanted },
        reason: (!wanted).then(|| "recording.enabled is off".to_owned()),
        file: wanted.then(|| RecordingRow::file_name(start.call, started_at)),
        left: left_role,
        right: right_role,
        started_at,
        duration_ms: 0,
        size: 0,
    };
    let call = start.call;
    cx.core.fact(Fact::Recording { row: row.clone() });
    if wanted {
        cx.core.begin_recording(call, row, &left.audio, &right.audio);
    } else {
        cx.core.event(Event::RecordingClosed(RecordingView::from(&row)));
    }
}
