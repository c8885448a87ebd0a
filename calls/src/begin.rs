//! How a call begins: a phone dials, a carrier brings it, or an operator orders it over REST.

use std::{sync::Arc, time::Instant};

use model::{
    CallId, CallView, Cause, Direction, Event, Fact, Number, Refusal, Reply, SlotEntry, SlotId, SlotState, UserId, route::Decision,
};
use seats::Permit;
use sip_core::{Flow, Invite, Message, SessionId, SipUri};

use crate::{
    carriers::withholds,
    core::Core,
    known::User,
    lead::{Onward, lead, only_slot},
    leg::{CODECS, Leg, Party, cause},
    ports::MediaPort,
    registration::Identity,
    stage::{Call, Cx, Near, Over, Stage, Summoning},
    switchboard::Switchboard,
    timeline::{Start, Timeline},
};

/// The INVITE by which a call begins.
pub(crate) struct Begun<'m> {
    pub(crate) session: SessionId,
    pub(crate) flow: Flow,
    pub(crate) message: &'m Message,
    /// Whose phone sent it; none if a carrier did.
    pub(crate) slot: Option<SlotId>,
}

impl Switchboard {
    /// A phone dials, or a carrier brings a call.
    pub(crate) fn invited(&mut self, now: Instant, session: SessionId, flow: Flow, message: &Message) {
        if self.invited_by_carrier(now, session, flow, message) {
            return;
        }
        let Some(slot) = self.prove(now, session, flow, message) else { return };
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
        let calls = self.core.calls_beside(slot, None);
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
        let mut start = Start {
            call,
            center: caller.center,
            parent,
            direction: Direction::Internal,
            caller: caller.number.to_string(),
            callee: dialled.as_ref().map_or_else(Clone::clone, Number::to_string),
            caller_slot: Some(slot),
            callee_slot: None,
            user: self.core.seats.holder(slot),
            carrier: None,
            scenario: None,
            source: None,
        };
        let led = dialled.map_err(|_| Cause::NoSuchNumber).and_then(|number| {
            let reached = self.core.way_to(now, &start, Some((slot, calls)), &number);
            start.callee = reached.number.to_string();
            start.follow(&reached.decision);
            reached.leave().map_err(|barred| barred.cause())
        });
        self.begin_by_invite(now, start, Begun { session, flow, message, slot: Some(slot) }, led);
    }

    /// Whose phone sends an INVITE; none if it was asked for a proof.
    pub(crate) fn prove(&mut self, now: Instant, session: SessionId, flow: Flow, message: &Message) -> Option<SlotId> {
        match self.core.identify(now, flow, message) {
            Identity::Slot(slot) => {
                // Now, and not when something is said to him: until then his stream would be a stranger's.
                self.core.know(User::Session(session), Some(flow));
                Some(slot)
            }
            Identity::Unproven { challenges } => {
                let headers: Vec<_> = challenges.into_iter().map(|challenge| ("WWW-Authenticate", challenge)).collect();
                self.core.endpoint.challenge(now, session, 401, &headers);
                None
            }
        }
    }

    /// A call has begun by an INVITE: it goes where the plan says, with the gate's permit, or is refused.
    ///
    /// One that may not be is a call all the same, with its record: attempts at toll fraud are worth knowing of.
    pub(crate) fn begin_by_invite(&mut self, now: Instant, start: Start, begun: Begun<'_>, led: Result<(Permit, Decision), Cause>) {
        let (call, session) = (start.call, begun.session);
        let mut timeline = self.core.begin_timeline(now, start);
        self.core.ladders.join(call, Party::Near, session, None);
        let hops = begun.message.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS).saturating_sub(1);
        let withheld = withholds(begun.message);
        let shown = timeline.start().caller.clone();
        let beside = timeline.start().parent.and_then(|parent| self.worker_of(parent));
        let opened = led.and_then(|(permit, decision)| Ok((self.core.open_near(call, shown, begun, beside)?, permit, decision)));
        let (settings, clock) = (Arc::clone(&self.core.settings), self.core.clock);
        let stage = match opened {
            Ok((near, permit, decision)) => {
                let onward = Onward { withheld, ..Onward::new(permit, hops, near.leg.slot) };
                let mut cx = Cx { now, core: &mut self.core, timeline: &mut timeline, clock, settings: &settings };
                lead(&mut cx, near, onward, decision)
            }
            Err(cause) => {
                self.core.refuse_session(now, session, cause);
                Over::new(Vec::new(), cause).into()
            }
        };
        // Whom it rings at is known by now.
        self.core.tell_begun(&mut timeline);
        let call_state = self.core.call(timeline, stage);
        self.begin(now, call, call_state);
    }

    /// An operator starts a call (R8): nothing changes unless everything that can be known now allows it.
    pub(crate) fn start_call(&mut self, now: Instant, user: UserId, slot: SlotId, number: Number) -> Result<Reply, Refusal> {
        self.room().map_err(Refusal::NoRoom)?;
        let directory = Arc::clone(&self.core.directory);
        let caller = directory.slot(slot).ok_or(Refusal::SlotNotFound)?;
        let mut start = Start {
            call: CallId(self.core.last_call()),
            center: caller.center,
            parent: None,
            direction: Direction::Internal,
            caller: caller.number.to_string(),
            callee: number.to_string(),
            caller_slot: Some(slot),
            callee_slot: None,
            user: Some(user),
            carrier: None,
            scenario: None,
            source: None,
        };
        let reached = self.core.way_to(now, &start, Some((slot, self.core.calls_beside(slot, None))), &number);
        let (permit, decision) = self.core.ordered(now, &start, caller, reached)?;
        if only_slot(&decision) == Some(slot) {
            return Err(Refusal::OwnNumber);
        }
        start.callee = permit.number().to_string();
        start.follow(&decision);
        let (near_port, far_port) = self.core.ports.take_pair().ok_or(Refusal::NoMediaPort)?;
        let call = self.core.next_call(now);
        let near = match self.core.summon(now, user, caller, call, &permit, near_port) {
            Ok(near) => near,
            Err(refusal) => {
                self.core.ports.give_back(far_port);
                return Err(refusal);
            }
        };
        start.call = call;
        self.core.ports.reserve(call, far_port);
        let mut timeline = self.core.begin_timeline(now, start);
        self.core.join(call, Party::Near, &near);
        self.core.tell_begun(&mut timeline);
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

    /// A call begins; nobody is told yet.
    fn begin_timeline(&mut self, now: Instant, start: Start) -> Timeline {
        let at = self.clock.wall(now);
        self.ladders.begin(now, at, start.call, &start.caller, &start.callee);
        Timeline::new(at, start)
    }

    /// Tells that a call has begun, in the turn in which it has: the journal has it before the wire (R22), with whom it rings at.
    fn tell_begun(&mut self, timeline: &mut Timeline) {
        let view: CallView = timeline.view();
        self.fact(Fact::CallStarted { call: view.clone() });
        if timeline.take_news() {
            self.event(Event::CallUpdated(view));
        }
    }

    /// What to tell of a slot that is refused. One that has just gone is out of all calls.
    pub(crate) fn state_of(&self, slot: SlotId) -> SlotState {
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
        let Some(contact) = self.contact(now, caller.id) else {
            self.ports.give_back(port);
            return Err(Refusal::SlotNotRegistered { number: caller.number.to_string(), state: self.state_of(caller.id) });
        };
        let flow = contact.flow;
        if let Err(refusal) = self.seats.start_call(now, user, caller.id, call) {
            self.ports.give_back(port);
            return Err(refusal);
        }
        let audio = self.open_audio(port, flow, contact.is_behind_nat());
        let mut headers = contact.headers();
        headers.extend([
            ("Call-Info", format!("<sip:{}>;answer-after=0", self.settings.domain)),
            ("Alert-Info", "<http://notused.invalid>;info=alert-autoanswer;delay=0".to_owned()),
            ("Answer-Mode", "Auto".to_owned()),
        ]);
        let invite = Invite {
            flow,
            uri: contact.uri.clone(),
            from_display: None,
            // The operator's phone shows whom it is about to call.
            from_user: permit.number().to_string(),
            to_user: caller.number.to_string(),
            host: self.settings.domain.clone(),
            sdp: audio.offer(&CODECS).into(),
            headers,
            ring_s: self.settings.slot_ring_s,
            account: None,
        };
        match self.endpoint.summon(now, permit, invite) {
            Some(session) => {
                self.went(session, caller.id, &contact);
                self.know(User::Session(session), Some(flow));
                Ok(Leg { session, slot: Some(caller.id), shown: caller.number.to_string(), audio })
            }
            None => {
                self.media(&audio, media::Command::Close { leg: audio.id });
                self.seats.ended(now, caller.id, call);
                Err(Refusal::Unavailable)
            }
        }
    }

    /// Opens the calling side of a call that was begun by an INVITE, and keeps a port for the other side.
    fn open_near(&mut self, call: CallId, shown: String, begun: Begun<'_>, beside: Option<usize>) -> Result<Near, Cause> {
        let Begun { session, flow, message, slot } = begun;
        let offered = match message.body() {
            [] => None,
            sdp => Some(media::read_offer(sdp).map_err(cause)?),
        };
        let (near_port, far_port) = self.ports.take_pair_beside(beside).ok_or(Cause::NoMediaPort)?;
        self.ports.reserve(call, far_port);
        let mut audio = self.open_audio(near_port, flow, is_behind_nat(message, flow));
        if let Some(offered) = offered {
            audio.offered(offered);
        }
        let near = Leg { session, slot, shown, audio };
        self.join(call, Party::Near, &near);
        Ok(Near::waiting(near))
    }
}

/// Whether a request went through a NAT: its sender thinks that it sent from elsewhere (RFC 3581).
pub(crate) fn is_behind_nat(message: &Message, flow: Flow) -> bool {
    message.via().is_ok_and(|via| !is_host(via.host, flow))
}

/// Whether a call to a registered contact would come back to us: either way to it is our own address. Such a call would go round until it
/// had no hops left (RFC 3261, 16.3), so it is not begun (B-29).
pub(crate) fn leads_to_us(contact: &[u8], flow: Flow) -> bool {
    let same = |ip: std::net::IpAddr, port: u16| ip.to_canonical() == flow.local.ip().to_canonical() && port == flow.local.port();
    let names_us = SipUri::parse(contact).is_ok_and(|uri| address(uri.host).is_some_and(|ip| same(ip, uri.port.unwrap_or(SIP_PORT))));
    names_us || same(flow.remote.ip(), flow.remote.port())
}

/// What stands for a URI without a port (RFC 3261, 19.1.2).
const SIP_PORT: u16 = 5060;

/// Whether a registered contact names the very host that the REGISTER came from.
pub(crate) fn names_host(contact: &[u8], flow: Flow) -> bool {
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

pub(crate) fn in_call(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::SlotInCall { .. } => true,
        // R11: a slot that is not IDLE or READY is busy; one out of service may not call at all.
        Refusal::SlotNotCallable { state, .. } => !matches!(state, SlotState::Disabled | SlotState::Fault),
        _ => false,
    }
}
