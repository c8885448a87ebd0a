//! From a datagram to whom it concerns.

use std::time::Instant;

use bytes::Bytes;

use super::{
    Endpoint, EndpointOutput, ServerTx, SessionId,
    check::{self, Refusal},
    messages,
};
use crate::{
    flow::Flow,
    message::{Message, Method, Name, response_flow, tagged_head},
    transaction::{Arrived, Purpose, ServerKey, Tag},
};

/// Retry-After of what is refused for lack of room: spread, so that an avalanche does not come back as one (B-19).
const RETRY_AFTER_S: (u32, u32) = (5, 30);

/// What belongs to nothing here: see [`Endpoint::received_if`].
#[derive(Debug)]
pub enum Stranger<'m> {
    /// A request that matches no dialog and no transaction. An ACK is never told: nothing answers it.
    Request(&'m Message),
    /// A request within a call that comes from another host than the peer's own: neither where it was heard before nor where it said that it
    /// is. An ACK and a BYE are heard all the same.
    Elsewhere,
    /// What is no SIP message.
    Malformed,
}

impl Endpoint {
    /// A datagram, or one message of a stream, came by `flow`.
    pub fn received(&mut self, now: Instant, flow: Flow, datagram: Bytes) {
        self.received_if(now, flow, datagram, &mut |_| true);
    }

    /// As [`Endpoint::received`], and before anything is answered to what belongs to nothing here, `is_heard` is asked: of what it denies
    /// there is no answer, and nothing is kept; but [`Stranger::Elsewhere`] is answered with 403. It is asked once at most.
    pub fn received_if(&mut self, now: Instant, flow: Flow, datagram: Bytes, is_heard: &mut dyn FnMut(Stranger<'_>) -> bool) {
        match Message::parse(datagram) {
            Ok(message) if message.is_request() => self.requested(now, flow, &message, is_heard),
            Ok(message) => self.response(now, flow, &message),
            Err(error) => {
                if is_heard(Stranger::Malformed)
                    && let Some(reply) = error.reply()
                {
                    let (flow, bytes) = reply.response(flow);
                    self.wire.send(flow, bytes, None);
                }
            }
        }
    }

    fn requested(&mut self, now: Instant, flow: Flow, message: &Message, is_heard: &mut dyn FnMut(Stranger<'_>) -> bool) {
        self.keep_held();
        let Some(key) = ServerKey::of(message, &self.hash, message.method_bytes()) else { return };
        let arrived = Arrived { flow, key, merge: None, message };
        if message.method() == Method::Ack {
            return self.ack(now, flow, message);
        }
        if let Some(tx) = self.transactions.find(&arrived.key) {
            return self.transactions.again(&mut self.wire, now, tx, flow, message);
        }
        // REGISTER and CANCEL are of no dialog, whatever their To says.
        let to_tag = message.to_tag();
        match (message.method(), to_tag) {
            (Method::Cancel, _) => self.cancelled(now, arrived, is_heard),
            (Method::Register, _) | (_, None) => {
                if is_heard(Stranger::Request(message)) {
                    self.outside(now, arrived);
                }
            }
            (_, Some(tag)) => match self.session_of(tag, message) {
                Some(id) => self.inside(now, arrived, id, is_heard),
                None if message.method() == Method::Subscribe && self.subscription_of(tag, message).is_some() => self.outside(now, arrived),
                None => self.stray(&arrived, is_heard),
            },
        }
    }

    /// A request that begins something, or asks from outside.
    fn outside(&mut self, now: Instant, mut arrived: Arrived<'_>) {
        let message = arrived.message;
        if let Err(refusal) = check::outside(message, &self.settings) {
            return self.refuse_stateless(&arrived, &refusal, None);
        }
        // 8.2.2.2: it came already by another path. 16.3, 4: or it is one of ours that came back.
        if message.method() != Method::Options && message.to_tag().is_none() {
            arrived.merge = self.transactions.merge_key(message);
        }
        if self.transactions.is_merged(&arrived) || self.is_loop(message) {
            return self.refuse_stateless(&arrived, &Refusal::plain(482), None);
        }
        match message.method() {
            Method::Invite if self.has_room() => match self.replaced_by(message) {
                Ok(replaces) => self.invited(now, arrived, replaces),
                Err(refusal) => self.refuse_stateless(&arrived, &refusal, None),
            },
            Method::Register => {
                let tag = self.stateless_tag(arrived.key);
                self.ask_owner(now, arrived, tag);
            }
            Method::Message => match messages::text(message) {
                Ok(()) => {
                    let tag = self.stateless_tag(arrived.key);
                    self.ask_owner(now, arrived, tag);
                }
                Err(refusal) => self.refuse_stateless(&arrived, &refusal, None),
            },
            Method::Subscribe => match self.subscribable(message) {
                // A subscription is found by its tag, as a session is.
                Ok(()) => {
                    let tag = self.fresh_tag();
                    self.ask_owner(now, arrived, tag);
                }
                Err(refusal) => self.refuse_stateless(&arrived, &refusal, None),
            },
            // 11.2, 8.2.7: anybody may ask, so nothing is kept of it. "The response code chosen MUST be the same that would have been chosen
            // had the request been an INVITE", as far as that is known without asking who it is.
            Method::Options if self.transactions.has_room() => {
                let (allow, events) = (self.settings.extras.allow(), self.settings.extras.allow_events());
                let headers = [("Allow", allow), ("Accept", check::ACCEPT), ("Allow-Events", events)];
                let said = headers.len() - usize::from(events.is_empty());
                self.answer_stateless(&arrived, (200, ""), headers.get(..said).unwrap_or_default(), None);
            }
            _ => self.refuse_for_room(&arrived, None),
        }
    }

    /// 9.2, 12.2.2: we know nothing of what this request is about, or no longer.
    pub(super) fn stray(&mut self, arrived: &Arrived<'_>, is_heard: &mut dyn FnMut(Stranger<'_>) -> bool) {
        if is_heard(Stranger::Request(arrived.message)) {
            self.refuse_stateless(arrived, &Refusal::plain(481), None);
        }
    }

    /// A request of no call.
    fn ask_owner(&mut self, now: Instant, arrived: Arrived<'_>, tag: Tag) {
        let (flow, message) = (arrived.flow, arrived.message.clone());
        let tx = self.transactions.hold_outside(&mut self.wire, now, arrived, tag);
        self.wire.output.push_back(EndpointOutput::Request { tx, flow, message });
    }

    /// The session whose tag stands in To. Its Call-ID decides too: a tag alone is no secret to whoever saw one message.
    pub(super) fn session_of(&self, to_tag: &[u8], message: &Message) -> Option<SessionId> {
        let id = *self.by_tag.get(&Tag::parse(to_tag)?)?;
        let session = self.sessions.get(id.0)?;
        (message.call_id().ok()? == session.call_id()).then_some(id)
    }

    /// A request of ours that found its way back, as when a contact points to ourselves: our tag in From, or a proxy in between
    /// carried it on with our Via in it, whose branch is still known (16.3, step 4).
    fn is_loop(&self, message: &Message) -> bool {
        message.from_tag().is_some_and(|tag| self.session_of(tag, message).is_some())
            || message.branch().is_some_and(|branch| self.transactions.is_our_branch(branch))
            || message.values(Name::Via).skip(1).any(|via| self.transactions.is_our_via(via))
    }

    fn response(&mut self, now: Instant, flow: Flow, message: &Message) {
        // Once its transaction has heard a final response, a request is gone.
        let challenged = if matches!(message.status(), 401 | 407) { self.transactions.challenged(message) } else { None };
        // What matches nothing is dropped (B-33).
        let Some((tx, purpose)) = self.transactions.response(&mut self.wire, now, flow, message) else { return };
        match (purpose, message.status()) {
            (Purpose::Outside(id), 200..) => self.answered(now, id, flow, message),
            (Purpose::Notify(id), 200..) => self.notified(now, id, Some(message)),
            (Purpose::Bye(_) | Purpose::Probe(_) | Purpose::Info(_) | Purpose::Text(_) | Purpose::Reoffer(_), 401 | 407)
                if self.prove_inside(now, tx, purpose, challenged.as_ref(), message) => {}
            (Purpose::Invite(id), 100..=199) => self.progress(now, tx, id, flow, message),
            (Purpose::Invite(id), 200..=299) => self.accepted(now, tx, id, flow, message),
            (Purpose::Invite(id), _) => {
                self.release_all(now, id);
                self.refused(now, tx, id, message);
            }
            (Purpose::Refer(id, refer), status @ 200..) => self.refer_notified(now, id, refer, status),
            (Purpose::Prack(id, fork), status @ 200..) => self.prack_answered(now, tx, id, fork, status),
            (Purpose::Reoffer(id), 200..=299) => self.reoffer_accepted(now, tx, id, flow, message),
            (Purpose::Reoffer(id), 300..) => self.reoffer_refused(now, tx, id, message),
            (Purpose::Bye(id), 200..) => self.left(now, id),
            // 12.2.1.2: the peer knows no such dialog, or is not there.
            (Purpose::Probe(id) | Purpose::Info(id), 408 | 481) => self.dialog_lost(now, id),
            _ => {}
        }
    }

    pub(super) fn refuse_for_room(&mut self, arrived: &Arrived<'_>, session: Option<SessionId>) {
        let seconds = self.retry_after();
        self.refuse_stateless(arrived, &Refusal::with(503, "Retry-After", seconds), session);
    }

    pub(super) fn retry_after(&mut self) -> String {
        self.wire.draw_between(RETRY_AFTER_S.0, RETRY_AFTER_S.1).to_string()
    }

    /// 8.2.7: without a transaction.
    pub(super) fn refuse_stateless(&mut self, arrived: &Arrived<'_>, refusal: &Refusal, session: Option<SessionId>) {
        self.answer_stateless(arrived, (refusal.status, refusal.reason), refusal.header.as_slice(), session);
    }

    /// Takes `tx` out of its transaction and answers it without one, unless it was answered already.
    pub(super) fn answer_once(&mut self, tx: ServerTx, status: (u16, &str), headers: &[(&str, String)]) {
        if self.transactions.server(tx).is_none_or(|server| server.request.is_none()) {
            return;
        }
        let Some(server) = self.transactions.drop_server(&mut self.wire, tx) else { return };
        let Some(request) = server.request else { return };
        let arrived = Arrived { flow: server.source, key: server.key, merge: None, message: &request };
        self.answer_stateless(&arrived, status, headers, server.session);
    }

    /// 8.2.7: a tag that is made of the request and our secret alone, so that its retransmission gets the same.
    fn stateless_tag(&self, key: ServerKey) -> Tag {
        // Not the key itself: who knew it could choose requests that crowd our tables.
        Tag(self.hash.of(&[&key.to_bytes()]))
    }

    fn answer_stateless<N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        arrived: &Arrived<'_>,
        (status, reason): (u16, &str),
        headers: &[(N, V)],
        session: Option<SessionId>,
    ) {
        let (flow, message) = (arrived.flow, arrived.message);
        let tag = self.stateless_tag(arrived.key);
        let mut head = tagged_head(message, flow, status, reason, Some(&tag.text()));
        for (name, value) in headers {
            head.header(name.as_ref(), value);
        }
        if !self.settings.user_agent.is_empty() {
            head.header("Server", &self.settings.user_agent);
        }
        self.wire.send(response_flow(message, flow), head.end(), session);
    }
}
