//! How the called side's leg begins: a phone of ours, or a carrier.

use media::Codec;
use model::{Cause, Refusal, SlotId, SlotState, carrier::CarrierEntry};
use sip_core::{Flow, Invite, Target};

use crate::{
    begin::leads_to_us,
    budgets::is_help,
    carriers::Outgoing,
    contact::Contact,
    known::User,
    lead::Onward,
    leg::{Audio, Leg, Party},
    ports::MediaPort,
    stage::{Cx, Near},
    timeline::What,
};

impl Cx<'_> {
    /// Calls the phone of a slot, which the permit is used up by.
    pub(crate) fn call_slot(&mut self, slot: SlotId, near: &Near, onward: Onward, codecs: Vec<Codec>, ring_s: u32) -> Result<Leg, Cause> {
        let (audio, invite, contact) = self.slot_invite(slot, near, &onward, &codecs, ring_s)?;
        let session = self.core.endpoint.invite(self.now, onward.permit, invite);
        let far = self.slot_leg(slot, session, &contact, audio)?;
        self.core.join(self.timeline.start().call, Party::Far, &far);
        Ok(far)
    }

    /// Calls the phone of one of several slots.
    pub(crate) fn ring_slot(&mut self, slot: SlotId, near: &Near, onward: &Onward, codecs: &[Codec], ring_s: u32) -> Result<Leg, Cause> {
        let (audio, invite, contact) = self.slot_invite(slot, near, onward, codecs, ring_s)?;
        let session = self.core.endpoint.attempt(self.now, &onward.permit, invite);
        self.slot_leg(slot, session, &contact, audio)
    }

    /// The slot has no part in the call any more.
    pub(crate) fn leave_slot(&mut self, slot: SlotId) {
        let call = self.timeline.start().call;
        self.core.seats.ended(self.now, slot, call);
        if self.core.seats.calls(slot) == 0 {
            self.core.lost_streams.remove(&slot);
        }
    }

    /// Calls a target of a carrier, if budgets allow it (R23): what the call needs is reserved until its leg is closed. `tcp`: the way to it
    /// over TCP, for an INVITE that is too long for a datagram.
    pub(crate) fn call_carrier(
        &mut self,
        near: &Near,
        onward: &Onward,
        entry: &CarrierEntry,
        (flow, tcp, target): (Flow, Option<Flow>, &Target),
        outgoing: Outgoing,
    ) -> Result<Leg, Cause> {
        let now = self.now;
        let help = is_help(onward.permit.number(), &outgoing.called);
        let reserved = self.core.reserve(now, self.timeline.start(), onward.by, entry, (&outgoing.called, help))?;
        let Some(port) = self.port_beside(near) else {
            self.core.unreserve(now, &reserved);
            return Err(Cause::NoMediaPort);
        };
        // A carrier says where its audio comes from, and is held to it (B-58).
        let audio = self.core.open_audio(port, flow, false);
        let Outgoing { uri, from_display, from_user, host, mut headers, called: _ } = outgoing;
        headers.push(("Max-Forwards", onward.hops.to_string()));
        let invite = Invite {
            flow,
            uri,
            from_display,
            from_user,
            to_user: onward.permit.number().to_string(),
            host,
            sdp: audio.offer(&near.leg.audio.codecs()).into(),
            headers,
            ring_s: self.settings.ring_s,
            account: self.core.account_with(entry),
        };
        self.core.reach(entry.id, flow, target, true);
        let Some(session) = self.core.endpoint.attempt_located(self.now, &onward.permit, invite, tcp) else {
            self.core.media(&audio, media::Command::Close { leg: audio.id });
            self.core.unreserve(now, &reserved);
            return Err(Cause::Overloaded);
        };
        self.core.hold(self.timeline.start(), session, reserved);
        let by = self.core.endpoint.invited_by(session);
        if let Some(by) = by.filter(|by| *by != flow) {
            self.core.reach(entry.id, by, target, true);
        }
        self.core.know(User::Session(session), by);
        let far = Leg { session, slot: None, shown: onward.permit.number().to_string(), audio };
        self.core.join(self.timeline.start().call, Party::Far, &far);
        Ok(far)
    }

    /// The INVITE to a slot's phone, for which the slot is CALLING then, and its audio.
    fn slot_invite(
        &mut self,
        slot: SlotId,
        near: &Near,
        onward: &Onward,
        codecs: &[Codec],
        ring_s: u32,
    ) -> Result<(Audio, Invite, Contact), Cause> {
        let contact = self.reserve(slot)?;
        let Some(port) = self.port_beside(near) else {
            self.leave_slot(slot);
            return Err(Cause::NoMediaPort);
        };
        let audio = self.core.open_audio(port, contact.flow, contact.is_behind_nat());
        let mut headers = contact.headers();
        headers.push(("Max-Forwards", onward.hops.to_string()));
        let invite = Invite {
            flow: contact.flow,
            uri: contact.uri.clone(),
            from_display: None,
            from_user: near.leg.shown.clone(),
            to_user: onward.permit.number().to_string(),
            host: self.core.settings.domain.clone(),
            sdp: audio.offer(codecs).into(),
            headers,
            ring_s,
            account: None,
        };
        Ok((audio, invite, contact))
    }

    fn slot_leg(&mut self, slot: SlotId, session: Option<sip_core::SessionId>, contact: &Contact, audio: Audio) -> Result<Leg, Cause> {
        let Some(session) = session else {
            self.core.media(&audio, media::Command::Close { leg: audio.id });
            self.leave_slot(slot);
            return Err(Cause::Overloaded);
        };
        self.core.went(session, slot, contact);
        self.core.know(User::Session(session), Some(contact.flow));
        // Whoever has taken the slot may hear of the call before anybody has answered; what is noted here is told when all of them ring.
        let user = self.core.seats.holder(slot);
        self.remember(What::Rang { slot, user });
        let shown = self.core.directory.slot(slot).map(|entry| entry.number.to_string()).unwrap_or_default();
        Ok(Leg { session, slot: Some(slot), shown, audio })
    }

    /// The port that was kept for the call, or another one of the worker that carries the calling side.
    fn port_beside(&mut self, near: &Near) -> Option<MediaPort> {
        let call = self.timeline.start().call;
        self.core.ports.claim(call).or_else(|| self.core.ports.take_of(near.leg.audio.port.worker))
    }

    /// Makes the called slot CALLING for this call, and says where its phone is.
    fn reserve(&mut self, slot: SlotId) -> Result<Contact, Cause> {
        let core = &mut *self.core;
        if core.seats.view(slot).is_some_and(|view| matches!(view.state, SlotState::Disabled | SlotState::Fault)) {
            return Err(Cause::OutOfService);
        }
        let contact = core.contact(self.now, slot).ok_or(Cause::NotRegistered)?;
        if leads_to_us(&contact.uri, contact.flow) {
            return Err(Cause::TooManyHops);
        }
        core.seats.ring(self.now, slot, self.timeline.start().call).map_err(|refusal| match refusal {
            Refusal::SlotNotRegistered { .. } => Cause::NotRegistered,
            Refusal::SlotNotFound => Cause::NoSuchNumber,
            _ => Cause::Busy,
        })?;
        Ok(contact)
    }
}
