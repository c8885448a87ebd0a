//! A phone of ours takes a party's place in a call (RFC 3891): it picks up what rings elsewhere, or goes on where another phone was.
//!
//! Who may: every phone of the call's own centre that names the dialog of another phone of ours with both its tags, one of which only those
//! know who saw its messages (RFC 3891, 5). A carrier's dialog is taken by nobody, and nobody takes a place while in a call.

use std::time::Instant;

use model::{CallId, Cause, SlotId};
use sip_core::{Flow, Message, SessionId};

use crate::{
    begin::{in_call, is_behind_nat},
    core::Core,
    leg::{Leg, Party, cause},
    stage::{Call, Cx, Stage, Talking},
    switchboard::Switchboard,
    transfer::{DECLINED, GONE, TRANSFERS_MAX},
};

const BUSY: u16 = 486;
const FORBIDDEN: u16 = 403;

impl Switchboard {
    /// A phone dials to take the place of the party that `named` is the session of.
    pub(crate) fn replacing(&mut self, now: Instant, session: SessionId, flow: Flow, message: &Message, named: SessionId) {
        // Whoever calls from where carriers do is asked for no proof, unless he shows that he is a phone of ours behind the same address.
        let is_carriers = !self.core.carriers.sources.at(flow.remote.ip()).is_empty();
        if is_carriers && !self.core.is_phone_of_ours(now, flow, message) {
            self.core.endpoint.challenge(now, session, FORBIDDEN, &[]);
            return;
        }
        let Some(slot) = self.prove(now, session, flow, message) else { return };
        let outcome = self.replaceable(slot, named).and_then(|(call, party, worker)| {
            self.core.seats.dial(now, slot, call).map_err(|refusal| if in_call(&refusal) { BUSY } else { FORBIDDEN })?;
            match self.core.open_beside(session, slot, worker, flow, message) {
                Ok(leg) => Ok((call, party, leg)),
                Err(cause) => {
                    self.core.seats.ended(now, slot, call);
                    Err(cause.sip_status())
                }
            }
        });
        match outcome {
            Ok((call, party, leg)) => self.touch(now, call, |call, core| call.replace(now, core, party, leg)),
            Err(status) => self.core.endpoint.refuse(now, session, status, None, &[]),
        }
    }

    /// The call and the party whose place a slot may take, and the worker that carries the call.
    fn replaceable(&mut self, slot: SlotId, named: SessionId) -> Result<(CallId, Party, usize), u16> {
        let (call, party) = self.core.party(named, false).ok_or(GONE)?;
        let known = self.calls.get(&call).ok_or(GONE)?;
        let leg = known.stage.replaceable(party).filter(|_| known.transfers < TRANSFERS_MAX).ok_or(DECLINED)?;
        let worker = leg.audio.port.worker;
        let center = self.core.directory.slot(slot).map(|entry| entry.center);
        if leg.slot.is_none() || center != Some(known.timeline.start().center) {
            return Err(FORBIDDEN);
        }
        // A call of its own, or about it, is no reason to be in another one too.
        if self.core.seats.calls(slot) > 0 { Err(BUSY) } else { Ok((call, party, worker)) }
    }
}

impl Core {
    /// Opens the leg of a phone that comes into a call by an INVITE of its own.
    fn open_beside(&mut self, session: SessionId, slot: SlotId, worker: usize, flow: Flow, message: &Message) -> Result<Leg, Cause> {
        let offered = match message.body() {
            [] => None,
            sdp => Some(media::read_offer(sdp).map_err(cause)?),
        };
        let port = self.ports.take_of(worker).ok_or(Cause::NoMediaPort)?;
        let mut audio = self.open_audio(port, flow, is_behind_nat(message, flow));
        if let Some(offered) = offered {
            audio.offered(offered);
        }
        let shown = self.directory.slot(slot).map(|entry| entry.number.to_string()).unwrap_or_default();
        Ok(Leg { session, slot: Some(slot), shown, audio })
    }
}

impl Call {
    fn replace(&mut self, now: Instant, core: &mut Core, party: Party, leg: Leg) {
        self.transfers = self.transfers.saturating_add(1);
        self.step(now, core, |stage, cx| stage.replace(cx, party, leg));
    }
}

impl Stage {
    /// The leg of a party whose place another phone can take now.
    fn replaceable(&self, party: Party) -> Option<&Leg> {
        match (self, party) {
            (Self::Talking(stage), Party::Near | Party::Far) => Some(stage.legs(party).0),
            (Self::Ringing(stage), Party::Far) => Some(stage.far()),
            (Self::Together(stage), Party::Rung(place)) => stage.rung_leg(place),
            (Self::Transferring(stage), Party::Far | Party::Rung(_)) => stage.calling().replaceable(party),
            _ => None,
        }
    }

    /// A phone comes into the call in the place of a party that is [`Self::replaceable`].
    pub(crate) fn replace(self, cx: &mut Cx<'_>, party: Party, mut leg: Leg) -> Self {
        match self {
            Self::Talking(talking) => {
                let (stays, place, leaves) = talking.part(party);
                cx.answer(&mut leg, stays.audio.codec());
                let talking = Talking::join(cx, stays, leg, place);
                cx.let_go(&leaves);
                Self::Talking(talking)
            }
            Self::Ringing(ringing) => {
                cx.answer(&mut leg, ringing.near().leg.audio.codec());
                ringing.pick_up(cx, leg)
            }
            Self::Together(together) => {
                cx.answer(&mut leg, together.near().leg.audio.codec());
                together.pick_up(cx, leg)
            }
            Self::Transferring(stage) => stage.replace(cx, party, leg),
            other => {
                cx.core.refuse(cx.now, &leg, Cause::Internal);
                cx.core.close(cx.now, &leg, Cause::Internal);
                other
            }
        }
    }
}

impl Cx<'_> {
    /// Answers the INVITE by which a phone comes into the call: with `prefer` if it can, so that nothing is to be converted.
    fn answer(&mut self, leg: &mut Leg, prefer: Option<media::Codec>) {
        let sdp = match leg.audio.answer(prefer) {
            Some(answer) => {
                self.core.connect_audio(&mut leg.audio);
                answer
            }
            // It made no offer: ours goes out in the 200, its answer comes in the ACK (RFC 3261, 13.2.1).
            None => leg.audio.offer(&leg.audio.codecs()),
        };
        self.core.join(self.timeline.start().call, Party::Far, leg);
        self.core.endpoint.answer(self.now, leg.session, &sdp);
    }
}
