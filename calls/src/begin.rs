//! How a call begins: a phone dials, or an operator orders it over REST.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use media::Codec;
use model::{CallId, CallView, Cause, Direction, Event, Fact, Number, Refusal, Reply, SlotEntry, SlotId, SlotState, UserId};
use seats::{Closed, Permit, may_call};
use sip_core::{Flow, Invite, Message, SessionId, SipUri};

use crate::{
    core::Core,
    known::User,
    leg::{CODECS, Leg, Party, cause},
    ports::MediaPort,
    registration::{Identity, record_key},
    stage::{Call, Over, Ringing, Stage, Summoning},
    switchboard::Switchboard,
    timeline::{Start, Timeline},
};

/// How the far party's INVITE goes out.
pub(crate) struct Outward {
    pub(crate) port: MediaPort,
    /// What it offers, preferred first.
    pub(crate) codecs: Vec<Codec>,
    /// Good for so many more hops, so that a call that comes round ends (RFC 3261, 16.6).
    pub(crate) hops: u8,
    pub(crate) ring_s: u32,
}

impl Switchboard {
    /// A phone dials.
    pub(crate) fn invited(&mut self, now: Instant, session: SessionId, flow: Flow, message: &Message) {
        let slot = match self.core.identify(now, flow, message) {
            Identity::Slot(slot) => slot,
            Identity::Unproven { challenges } => {
                let headers: Vec<_> = challenges.into_iter().map(|challenge| ("WWW-Authenticate", challenge)).collect();
                self.core.endpoint.challenge(now, session, 401, &headers);
                return;
            }
        };
        // Now, and not when something is said to him: until then his stream would be a stranger's.
        self.core.know(User::Session(session), Some(flow));
        let directory = Arc::clone(&self.core.directory);
        let Some(caller) = directory.slot(slot) else {
            self.core.endpoint.refuse(now, session, 403, None, &[]);
            return;
        };
        if self.room().is_err() {
            self.core.refuse_session(now, session, Cause::Overloaded);
            return;
        }
        // Before the slot is in this call, too.
        let calls = self.core.seats.calls(slot);
        let call = self.core.next_call(now);
        let parent = match self.core.seats.dial(now, slot, call) {
            Ok(parent) => parent,
            Err(refusal) => {
                let status = if in_call(&refusal) { 486 } else { 403 };
                self.core.endpoint.refuse(now, session, status, Some(&refusal.to_string()), &[]);
                return;
            }
        };

        let dialled = dialled(message);
        let start = Start {
            call,
            center: caller.center,
            parent,
            direction: Direction::Internal,
            caller: caller.number.to_string(),
            callee: dialled.as_ref().map_or_else(Clone::clone, Number::to_string),
            caller_slot: Some(slot),
            callee_slot: dialled.as_ref().ok().and_then(|number| directory.slot_by_number(number.as_str())).map(|callee| callee.id),
            user: self.core.seats.holder(slot),
        };
        let permit = match dialled {
            Ok(number) => may_call(&caller.limits, calls, number).map_err(|closed| closed_cause(&closed)),
            Err(_) => Err(Cause::NoSuchNumber),
        };
        let timeline = self.core.begin_timeline(now, start);
        self.core.ladders.join(call, Party::Near, session);
        // A call that may not be is a call all the same, with its record: attempts at toll fraud are worth knowing of.
        let ringing = permit.and_then(|permit| self.core.dial(now, session, flow, message, timeline.start(), permit));
        let stage = match ringing {
            Ok(ringing) => Stage::Ringing(ringing),
            Err(cause) => {
                self.core.refuse_session(now, session, cause);
                Over::new(Vec::new(), cause).into()
            }
        };
        let call_state = self.core.call(timeline, stage);
        self.begin(now, call, call_state);
    }

    /// An operator starts a call (R8): nothing changes unless everything that can be known now allows it.
    pub(crate) fn start_call(&mut self, now: Instant, user: UserId, slot: SlotId, number: Number) -> Result<Reply, Refusal> {
        self.room().map_err(Refusal::NoRoom)?;
        let directory = Arc::clone(&self.core.directory);
        let caller = directory.slot(slot).ok_or(Refusal::SlotNotFound)?;
        let slot_number = || caller.number.to_string();
        let permit = may_call(&caller.limits, self.core.seats.calls(slot), number).map_err(|closed| match closed {
            Closed::Destination { number } => Refusal::DestinationNotAllowed { slot: slot_number(), number: number.to_string() },
            Closed::Calls { limit } => Refusal::SlotCallLimit { slot: slot_number(), state: self.core.state_of(slot), limit },
        })?;
        let callee = directory.slot_by_number(permit.number().as_str()).map(|callee| callee.id).ok_or(Refusal::NoRoute)?;
        if callee == slot {
            return Err(Refusal::OwnNumber);
        }
        let (near_port, far_port) = self.core.ports.take_pair().ok_or(Refusal::NoMediaPort)?;
        let call = self.core.next_call(now);
        let near = match self.core.summon(now, user, caller, call, &permit, near_port) {
            Ok(near) => near,
            Err(refusal) => {
                self.core.ports.give_back(far_port);
                return Err(refusal);
            }
        };
        let start = Start {
            call,
            center: caller.center,
            parent: None,
            direction: Direction::Internal,
            caller: caller.number.to_string(),
            callee: permit.number().to_string(),
            caller_slot: Some(slot),
            callee_slot: Some(callee),
            user: Some(user),
        };
        self.core.ports.reserve(call, far_port);
        let timeline = self.core.begin_timeline(now, start);
        self.core.join(call, Party::Near, &near);
        let call_state = self.core.call(timeline, Stage::Summoning(Summoning { near, permit }));
        self.begin(now, call, call_state);
        Ok(Reply::CallStarted { call })
    }
}

impl Core {
    /// A call with the settings and the clock of now.
    fn call(&self, timeline: Timeline, stage: Stage) -> Box<Call> {
        Box::new(Call::new(timeline, self.clock, Arc::clone(&self.settings), stage))
    }

    /// Tells that a call has begun.
    fn begin_timeline(&mut self, now: Instant, start: Start) -> Timeline {
        let at = self.clock.wall(now);
        self.ladders.begin(now, at, start.call, &start.caller, &start.callee);
        let timeline = Timeline::new(at, start);
        let view: CallView = timeline.view();
        self.fact(Fact::CallStarted { call: view.clone() });
        self.event(Event::CallUpdated(view));
        timeline
    }

    /// What to tell of a slot that is refused. One that has just gone is out of all calls.
    fn state_of(&self, slot: SlotId) -> SlotState {
        self.seats.view(slot).map_or(SlotState::Idle, |view| view.state)
    }

    /// Asks the operator's own phone to answer by itself (R12: these headers go only on legs that the taker asked for).
    /// On failure the port is given back and nothing has changed.
    fn summon(
        &mut self,
        now: Instant,
        user: UserId,
        caller: &SlotEntry,
        call: CallId,
        permit: &Permit,
        port: MediaPort,
    ) -> Result<Leg, Refusal> {
        let Some(binding) = self.registrar.binding(now, record_key(caller.id)) else {
            self.ports.give_back(port);
            return Err(Refusal::SlotNotRegistered { number: caller.number.to_string(), state: self.state_of(caller.id) });
        };
        let (flow, uri) = (binding.flow, binding.uri.clone());
        if let Err(refusal) = self.seats.start_call(now, user, caller.id, call) {
            self.ports.give_back(port);
            return Err(refusal);
        }
        let audio = self.open_audio(port, flow, !names_host(&uri, flow));
        let invite = Invite {
            flow,
            uri,
            from_display: None,
            // The operator's phone shows whom it is about to call.
            from_user: permit.number().to_string(),
            to_user: caller.number.to_string(),
            host: self.settings.domain.clone(),
            sdp: audio.offer(&CODECS).into(),
            headers: vec![
                ("Call-Info", format!("<sip:{}>;answer-after=0", self.settings.domain)),
                ("Alert-Info", "<http://notused.invalid>;info=alert-autoanswer;delay=0".to_owned()),
                ("Answer-Mode", "Auto".to_owned()),
            ],
            ring_s: self.settings.slot_ring_s,
            account: None,
        };
        match self.endpoint.summon(now, permit, invite) {
            Some(session) => {
                self.know(User::Session(session), Some(flow));
                Ok(Leg { session, slot: caller.id, audio })
            }
            None => {
                self.media(&audio, media::Command::Close { leg: audio.id });
                self.seats.ended(now, caller.id, call);
                Err(Refusal::Unavailable)
            }
        }
    }

    /// Everything between a phone's INVITE and the called phone's.
    fn dial(
        &mut self,
        now: Instant,
        session: SessionId,
        flow: Flow,
        message: &Message,
        start: &Start,
        permit: Permit,
    ) -> Result<Ringing, Cause> {
        let offered = match message.body() {
            [] => None,
            sdp => Some(media::read_offer(sdp).map_err(cause)?),
        };
        if start.callee_slot.is_none() {
            return Err(Cause::NoSuchNumber);
        }
        let (near_port, far_port) = self.ports.take_pair().ok_or(Cause::NoMediaPort)?;
        let mut audio = self.open_audio(near_port, flow, is_behind_nat(message, flow));
        if let Some(offered) = offered {
            audio.offered(offered);
        }
        let hops = message.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS).saturating_sub(1);
        let outward = Outward { port: far_port, codecs: audio.codecs(), hops, ring_s: self.settings.ring_s };
        match self.call_slot(now, start, permit, outward) {
            Ok(far) => {
                let near = Leg { session, slot: start.caller_slot.unwrap_or(far.slot), audio };
                self.join(start.call, Party::Near, &near);
                Ok(Ringing::dialled(near, far))
            }
            Err(cause) => {
                self.media(&audio, media::Command::Close { leg: audio.id });
                Err(cause)
            }
        }
    }

    /// Sends the INVITE to the slot that the permitted number leads to. On failure the port is given back.
    pub(crate) fn call_slot(&mut self, now: Instant, start: &Start, permit: Permit, outward: Outward) -> Result<Leg, Cause> {
        let Outward { port, codecs, hops, ring_s } = outward;
        let (slot, flow, uri) = match self.reserve(now, start, permit.number()) {
            Ok(reserved) => reserved,
            Err(cause) => {
                self.ports.give_back(port);
                return Err(cause);
            }
        };
        let audio = self.open_audio(port, flow, !names_host(&uri, flow));
        let invite = Invite {
            flow,
            uri,
            from_display: None,
            from_user: start.caller.clone(),
            to_user: permit.number().to_string(),
            host: self.settings.domain.clone(),
            sdp: audio.offer(&codecs).into(),
            headers: vec![("Max-Forwards", hops.to_string())],
            ring_s,
            account: None,
        };
        let Some(session) = self.endpoint.invite(now, permit, invite) else {
            self.media(&audio, media::Command::Close { leg: audio.id });
            return Err(Cause::Overloaded);
        };
        self.know(User::Session(session), Some(flow));
        let far = Leg { session, slot, audio };
        self.join(start.call, Party::Far, &far);
        Ok(far)
    }

    /// Makes the called slot CALLING for this call, and says where its phone is.
    fn reserve(&mut self, now: Instant, start: &Start, number: &Number) -> Result<(SlotId, Flow, Bytes), Cause> {
        let slot = self.directory.slot_by_number(number.as_str()).map(|slot| slot.id).ok_or(Cause::NoSuchNumber)?;
        if self.seats.view(slot).is_some_and(|view| matches!(view.state, SlotState::Disabled | SlotState::Fault)) {
            return Err(Cause::OutOfService);
        }
        let binding = self.registrar.binding(now, record_key(slot)).ok_or(Cause::NotRegistered)?;
        let (flow, uri) = (binding.flow, binding.uri.clone());
        if leads_to_us(&uri, flow) {
            return Err(Cause::TooManyHops);
        }
        self.seats.ring(now, slot, start.call).map_err(|refusal| match refusal {
            Refusal::SlotNotRegistered { .. } => Cause::NotRegistered,
            Refusal::SlotNotFound => Cause::NoSuchNumber,
            _ => Cause::Busy,
        })?;
        Ok((slot, flow, uri))
    }
}

/// Whether a request went through a NAT: its sender thinks that it sent from elsewhere (RFC 3581).
fn is_behind_nat(message: &Message, flow: Flow) -> bool {
    message.via().is_ok_and(|via| !is_host(via.host, flow))
}

/// Whether a call to a registered contact would come back to us: either way to it is our own address. Such a call would go round until it
/// had no hops left (RFC 3261, 16.3), so it is not begun (B-29).
fn leads_to_us(contact: &[u8], flow: Flow) -> bool {
    let same = |ip: std::net::IpAddr, port: u16| ip.to_canonical() == flow.local.ip().to_canonical() && port == flow.local.port();
    let names_us = SipUri::parse(contact).is_ok_and(|uri| address(uri.host).is_some_and(|ip| same(ip, uri.port.unwrap_or(SIP_PORT))));
    names_us || same(flow.remote.ip(), flow.remote.port())
}

/// What stands for a URI without a port (RFC 3261, 19.1.2).
const SIP_PORT: u16 = 5060;

/// Whether a registered contact names the very host that the REGISTER came from.
fn names_host(contact: &[u8], flow: Flow) -> bool {
    SipUri::parse(contact).is_ok_and(|uri| is_host(uri.host, flow))
}

fn is_host(host: &[u8], flow: Flow) -> bool {
    address(host).is_some_and(|address| address.to_canonical() == flow.remote.ip().to_canonical())
}

/// The address that a host is, if it is no name.
fn address(host: &[u8]) -> Option<std::net::IpAddr> {
    std::str::from_utf8(host).ok()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// What a request without Max-Forwards, or one of our own, begins with (RFC 3261, 8.1.1.6).
pub(crate) const MAX_FORWARDS: u8 = 70;

/// The dialled number: the user part of the Request-URI. If it cannot be dialled, what to show of it.
fn dialled(message: &Message) -> Result<Number, String> {
    let user = SipUri::parse(message.uri()).ok().and_then(|uri| uri.user_text()).unwrap_or_default();
    user.parse().map_err(|_| user.chars().filter(|shown| !shown.is_control()).take(Number::LENGTH_MAX).collect())
}

/// The cause behind a door that stays closed.
fn closed_cause(closed: &Closed) -> Cause {
    match closed {
        Closed::Destination { .. } => Cause::DestinationNotAllowed,
        Closed::Calls { .. } => Cause::SlotCallLimit,
    }
}

fn in_call(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::SlotInCall { .. } => true,
        // R11: a slot that is not IDLE or READY is busy; one out of service may not call at all.
        Refusal::SlotNotCallable { state, .. } => !matches!(state, SlotState::Disabled | SlotState::Fault),
        _ => false,
    }
}
