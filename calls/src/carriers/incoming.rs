//! A call that comes by a carrier (R13).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use model::{
    Cause, Direction, Number, SlotEntry,
    carrier::{CarrierEntry, RequestNumbers, RuleOf},
};
use seats::by_route;
use sip_core::{Claim, Flow, Message, NameAddr, SessionId, SipUri, reason_header};

use super::{Refused, Side, Taker, identity::calling};
use crate::{
    begin::Begun,
    core::Core,
    known::User,
    lead::nowhere,
    registration::record_key,
    switchboard::{Output, Switchboard},
    timeline::Start,
};

/// A carrier that brings calls to numbers that are not ours is told of no more often: anybody can write its address on a datagram.
const TOLD_EVERY: Duration = Duration::from_secs(60);

impl Switchboard {
    /// Takes an INVITE that comes from where a carrier's calls come from. Nobody there is asked for a slot's credentials. False: it is from
    /// elsewhere, or from a phone of ours that stands behind the same address.
    pub(crate) fn invited_by_carrier(&mut self, now: Instant, session: SessionId, flow: Flow, message: &Message) -> bool {
        let carriers = self.core.carriers.sources.at(flow.remote.ip());
        if carriers.is_empty() || self.core.is_phone_of_ours(now, flow, message) {
            return false;
        }
        let directory = Arc::clone(&self.core.directory);
        let plan = directory.plan();
        let request_uri = user(message.uri());
        let to = message.to().map(|to: NameAddr<'_>| user(to.uri)).unwrap_or_default();
        let numbers = RequestNumbers { request_uri: &request_uri, to: &to };
        // Several carriers may call from one address: the number tells which of them it is.
        let Some((entry, number, written)) = carriers.iter().filter_map(|id| plan.carrier(*id)).find_map(|entry| {
            let (number, written) = plan.incoming(entry.id, numbers)?;
            Some((entry, number, written))
        }) else {
            // No number of ours: nobody's call, so it has no record, or whoever forges the carrier's address could fill the records. But a number
            // that was forgotten in the settings is to be found: it is told, now and then.
            if let Some(entry) = carriers.iter().find_map(|id| plan.carrier(*id)) {
                self.core.not_ours(now, entry, numbers);
            }
            self.turn_away(now, session, Cause::NoSuchNumber);
            return true;
        };
        if self.room().is_err() {
            self.core.refuse_session(now, session, Cause::Overloaded);
            return true;
        }
        // Faster than they may: that is no traffic of people, and leaves no records.
        if !self.core.carriers.caps.comes(now, entry, !flow.transport.is_reliable()) {
            self.turn_away(now, session, Cause::CarrierFull);
            return true;
        }
        let call = self.core.next_call(now);
        let taker = Taker { call, side: Side::In, by: None, is_help: false };
        let full = match self.core.carriers.caps.take(now, taker, entry, Some(number)) {
            Ok(()) => None,
            Err(Refused::TooFast) => {
                self.turn_away(now, session, Cause::CarrierFull);
                return true;
            }
            Err(refused) => Some(refused.cause()),
        };
        self.core.know(User::Session(session), Some(flow));
        let from = calling(entry, message);
        let mut start = Start {
            call,
            center: entry.center_of(number),
            parent: None,
            direction: Direction::Inbound,
            caller: shown(from.as_ref().and_then(|from| entry.carrier.read(RuleOf::Caller, from).ok())),
            callee: number.number.to_string(),
            caller_slot: None,
            callee_slot: None,
            user: None,
            carrier: Some(entry.id),
            scenario: None,
            source: None,
        };
        let decision = self.core.decide(now, &start, from, written);
        start.follow(&decision);
        let led = match full.or_else(|| nowhere(&decision)) {
            Some(cause) => Err(cause),
            None => Ok((by_route(number.number.clone()), decision)),
        };
        self.begin_by_invite(now, start, Begun { session, flow, message, slot: None }, led);
        true
    }

    /// Refuses a stranger's INVITE, or what is no call: exactly once, and without keeping anything.
    fn turn_away(&mut self, now: Instant, session: SessionId, cause: Cause) {
        let headers = [("Reason", reason_header(cause.q850(), cause.code()))];
        self.core.endpoint.challenge(now, session, cause.sip_status(), &headers);
    }
}

impl Core {
    /// Tells, once in [`TOLD_EVERY`] for each carrier, that it brings calls to what is none of our numbers.
    fn not_ours(&mut self, now: Instant, entry: &CarrierEntry, called: RequestNumbers<'_>) {
        let (told, since) = self.carriers.not_ours.entry(entry.id).or_insert((None, 0));
        if told.is_some_and(|told| now.saturating_duration_since(told) < TOLD_EVERY) {
            *since += 1;
            return;
        }
        *told = Some(now);
        let untold = std::mem::take(since);
        let shown = |text: &str| text.chars().filter(|character| !character.is_control()).take(Number::LENGTH_MAX).collect();
        let (request_uri, to) = (shown(called.request_uri), shown(called.to));
        self.out(Output::NotOurs { carrier: entry.id, name: entry.carrier.name.clone(), request_uri, to, untold });
    }

    /// Whether a request from a carrier's address is all the same a phone's: the phone of the slot that it says it is from is bound by this
    /// very flow, or it says so with a login. What it says is proven as with any other phone; a carrier does neither.
    pub(crate) fn is_phone_of_ours(&self, now: Instant, flow: Flow, message: &Message) -> bool {
        if Claim::of(message, &self.directory.realm).is_login() {
            return true;
        }
        let from = message.from().map(|from| user(from.uri)).unwrap_or_default();
        let bound = |slot: &SlotEntry| self.registrar.bindings(now, record_key(slot.id)).any(|binding| binding.flow == flow);
        self.directory.slot_by_username(&from).is_some_and(bound)
    }
}

/// The user part of a URI, as text.
fn user(uri: &[u8]) -> String {
    SipUri::parse(uri).ok().and_then(|uri| uri.user_text()).unwrap_or_default()
}

/// Who calls, for people: a number, and never a name, which anybody can choose.
fn shown(caller: Option<Number>) -> String {
    caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.to_string())
}
