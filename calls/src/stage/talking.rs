//! Both parties have answered: audio flows both ways and is recorded (R15).

use media::{Command, MediaEvent};
use model::{Cause, ChannelRole, DigitView, Event, Fact, PartyRole, RecordingRow, RecordingState, RecordingView};
use sip_core::SessionEvent;

use super::{CallInput, Cx, Over, Stage, cause_of};
use crate::{
    dtmf::InfoDtmf,
    leg::{Leg, Party},
    switchboard::Output,
    timeline::What,
};

/// The parties talk.
#[derive(Debug)]
pub(crate) struct Talking {
    near: Leg,
    far: Leg,
    /// The recording's key, if the call is recorded.
    recording: Option<u64>,
    near_holds: bool,
    far_holds: bool,
}

impl Talking {
    /// The far party has answered.
    pub(crate) fn begin(cx: &mut Cx<'_>, near: Leg, far: Leg) -> Self {
        let call = cx.timeline.start().call;
        let served_by = [near.slot, far.slot].into_iter().map(|slot| (slot, cx.core.seats.holder(slot))).collect();
        cx.core.seats.answered(cx.now, call);
        cx.note(What::Answered { served_by });
        let recording = begin_recording(cx, &near, &far);
        let mut talking = Self { near, far, recording, near_holds: false, far_holds: false };
        talking.route(cx);
        talking
    }

    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(party, SessionEvent::Ended { why }) => self.over(cx, cause_of(party, why)),
            CallInput::Session(party, SessionEvent::Reoffered { sdp }) => {
                let leg = self.leg(party);
                cx.core.reoffered(cx.now, leg, sdp.as_ref());
                self.route(cx);
                Stage::Talking(self)
            }
            CallInput::Session(party, SessionEvent::Confirmed { sdp: Some(sdp) } | SessionEvent::Reconfirmed { sdp: Some(sdp) }) => {
                let leg = self.leg(party);
                cx.core.reconfirmed(leg, Some(&sdp));
                self.route(cx);
                Stage::Talking(self)
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
            CallInput::Media(MediaEvent::Silent { .. }) => self.over(cx, Cause::MediaTimeout),
            CallInput::Hangup(cause) => self.over(cx, cause),
            CallInput::Session(..) | CallInput::Media(..) | CallInput::Timeout => Stage::Talking(self),
        }
    }

    fn leg(&mut self, party: Party) -> &mut Leg {
        match party {
            Party::Near => &mut self.near,
            Party::Far => &mut self.far,
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
                cx.note(if holds { What::Held { slot } } else { What::Resumed { slot } });
            }
        }

        // While anybody holds, silence is no sign of a dead call (rulings: media.timeout_s).
        let watch = (!self.near_holds && !self.far_holds).then_some(cx.core.settings.media_timeout);
        let (near, far) = (&self.near.audio, &self.far.audio);
        for audio in [near, far] {
            cx.core.media(audio, Command::Watch { leg: audio.id, silent_after: watch });
        }
    }

    /// A key that a phone sends by INFO is told like any other, and passed on as it came. Other INFO goes no further.
    fn info(&self, cx: &mut Cx<'_>, from: Party, content_type: &[u8], body: &[u8]) {
        let Some(dtmf) = InfoDtmf::read(content_type, body) else { return };
        tell_digit(cx, from, dtmf.digit, dtmf.duration_ms);
        let other = match from {
            Party::Near => &self.far,
            Party::Far => &self.near,
        };
        cx.core.endpoint.info(cx.now, other.session, InfoDtmf::CONTENT_TYPE, &dtmf.body());
    }

    fn over(self, cx: &mut Cx<'_>, cause: Cause) -> Stage {
        if let Some(recording) = self.recording {
            cx.core.media(&self.near.audio, Command::StopRecord { recording });
            let answered_at = cx.timeline.view().answered_at;
            let ended = cx.wall();
            let duration_ms = answered_at.map_or(0, |answered_at| ended.ms_since(answered_at));
            cx.core.out(Output::RecordEnd { key: recording, ended, duration_ms });
        }
        Over::new(vec![self.near, self.far], cause).into()
    }
}

fn tell_digit(cx: &mut Cx<'_>, by: Party, digit: char, duration_ms: u32) {
    let start = cx.timeline.start();
    let by = match by {
        Party::Near => PartyRole::Caller,
        Party::Far => PartyRole::Callee,
    };
    let view = DigitView { call_id: start.call, center: start.center, by, digit, duration_ms };
    cx.core.event(Event::DigitPressed(view));
}

/// Starts the recording at the far party's answer. Every answered call gets a row, wanted or not.
fn begin_recording(cx: &mut Cx<'_>, near: &Leg, far: &Leg) -> Option<u64> {
    let start = cx.timeline.start();
    let wanted = cx.core.settings.recording;
    let started_at = cx.wall();
    let row = RecordingRow {
        call_id: start.call,
        center: start.center,
        state: if wanted { RecordingState::Recording } else { RecordingState::NotWanted },
        reason: (!wanted).then(|| "recording.enabled is off".to_owned()),
        file: wanted.then(|| RecordingRow::file_name(start.call, started_at)),
        left: ChannelRole { role: "caller".to_owned(), number: start.caller.clone() },
        right: ChannelRole { role: "callee".to_owned(), number: start.callee.clone() },
        started_at,
        duration_ms: 0,
        size: 0,
    };
    let key = u64::try_from(start.call.0).unwrap_or(0);
    cx.core.fact(Fact::Recording { row: row.clone() });
    if !wanted {
        cx.core.event(Event::RecordingClosed(RecordingView::from(&row)));
        return None;
    }
    cx.core.out(Output::RecordBegin { key, row });
    cx.core.media(&near.audio, Command::Record { recording: key, left: near.audio.id, right: far.audio.id });
    Some(key)
}
