//! From a datagram to whom it concerns.

use std::time::Instant;

use bytes::Bytes;

use super::{
    Endpoint, EndpointOutput, ServerTx, SessionId,
    check::{self, Refusal},
};
use crate::{
    flow::Flow,
    message::{Message, Method, response_flow, response_head},
    transaction::{Arrived, Purpose, ServerKey, Tag},
};

/// Retry-After of what is refused for lack of room: spread, so that an avalanche does not come back as one (B-19).
const RETRY_AFTER_S: (u32, u32) = (5, 30);

impl Endpoint {
    /// A datagram, or one message of a stream, came by `flow`.
    pub fn received(&mut self, now: Instant, flow: Flow, datagram: Bytes) {
        match Message::parse(datagram) {
            Ok(message) if message.is_request() => self.request(now, flow, &message),
            Ok(message) => self.response(now, &message),
            Err(error) => {
                if let Some(reply) = error.reply() {
                    let (flow, bytes) = reply.response(flow);
                    self.wire.send(flow, bytes);
                }
            }
        }
    }

    fn request(&mut self, now: Instant, flow: Flow, message: &Message) {
        let Some(key) = key(message, message.method_bytes()) else { return };
        let arrived = Arrived { flow, key, message };
        if message.method() == Method::Ack {
            return self.ack(now, flow, message);
        }
        if let Some(tx) = self.transactions.find(&arrived.key) {
            return self.transactions.again(&mut self.wire, now, tx);
        }
        // REGISTER and CANCEL are of no dialog, whatever their To says.
        let to_tag = message.to().ok().and_then(|to| to.tag());
        match (message.method(), to_tag) {
            (Method::Cancel, _) => self.cancelled(now, arrived),
            (Method::Register, _) | (_, None) => self.outside(now, arrived),
            (_, Some(tag)) => match self.session_of(tag, message) {
                Some(id) => self.inside(now, arrived, id),
                // 12.2.2: we know nothing of such a dialog (any more).
                None => self.refuse_stateless(flow, message, &Refusal::plain(481)),
            },
        }
    }

    /// A request that begins something, or asks from outside.
    fn outside(&mut self, now: Instant, arrived: Arrived<'_>) {
        let (flow, message) = (arrived.flow, arrived.message);
        if let Err(refusal) = check::outside(message) {
            return self.refuse_stateless(flow, message, &refusal);
        }
        // 8.2.2.2: it came already by another path. 16.3, 4: or it is one of ours that came back.
        if self.transactions.is_merged(message) || self.is_loop(message) {
            return self.refuse_stateless(flow, message, &Refusal::plain(482));
        }
        let is_invite = message.method() == Method::Invite;
        if !(if is_invite { self.has_room() } else { self.transactions.has_room() }) {
            return self.refuse_for_room(flow, message);
        }
        if is_invite {
            return self.invited(now, arrived);
        }
        let tag = self.wire.draw_tag();
        let tx = self.transactions.serve(&mut self.wire, now, arrived, tag);
        self.wire.output.push_back(EndpointOutput::Request { tx, flow, message: message.clone() });
    }

    /// The session whose tag stands in To. Its Call-ID decides too: a tag alone is no secret to whoever saw one message.
    pub(super) fn session_of(&self, to_tag: &[u8], message: &Message) -> Option<SessionId> {
        let id = *self.by_tag.get(&Tag::parse(to_tag)?)?;
        let session = self.sessions.get(id.0)?;
        (message.call_id().ok()? == session.call_id()).then_some(id)
    }

    /// A request of ours that found its way back, as when a contact points to ourselves.
    fn is_loop(&self, message: &Message) -> bool {
        message.from().ok().and_then(|from| from.tag()).is_some_and(|tag| self.session_of(tag, message).is_some())
    }

    fn response(&mut self, now: Instant, message: &Message) {
        // What matches nothing is dropped (B-33).
        let Some((tx, purpose)) = self.transactions.response(&mut self.wire, now, message) else { return };
        match (purpose, message.status()) {
            (Purpose::Invite(id), 100..=199) => self.progress(now, tx, id, message),
            (Purpose::Invite(id), 200..=299) => self.accepted(now, tx, id, message),
            (Purpose::Invite(id), _) => self.refused(id, message),
            (Purpose::Bye(id), 200..) => self.left(id),
            // 12.2.1.2: the peer knows no such dialog, or is not there.
            (Purpose::Inside(id), 408 | 481) => self.dialog_lost(now, id),
            _ => {}
        }
    }

    pub(super) fn refuse_for_room(&mut self, flow: Flow, message: &Message) {
        let seconds = self.wire.draw_seconds(RETRY_AFTER_S.0, RETRY_AFTER_S.1);
        self.refuse_stateless(flow, message, &Refusal::with(503, "Retry-After", seconds.to_string()));
    }

    /// 8.2.7: without a transaction. The tag is made from the request, so that its retransmission gets the same.
    pub(super) fn refuse_stateless(&mut self, flow: Flow, message: &Message, refusal: &Refusal) {
        self.answer_stateless(flow, message, refusal.status, refusal.reason, refusal.header.as_slice());
    }

    /// Takes `tx` out of its transaction and answers it without one, unless it was answered already.
    pub(super) fn answer_once(&mut self, tx: ServerTx, status: u16, headers: &[(&str, String)]) {
        if self.transactions.server(tx).is_none_or(|server| server.request.is_none()) {
            return;
        }
        let Some(server) = self.transactions.drop_server(&mut self.wire, tx) else { return };
        let Some(request) = server.request else { return };
        let status = if (300..=699).contains(&status) { status } else { 500 };
        self.answer_stateless(server.source, &request, status, "", headers);
    }

    fn answer_stateless<N: AsRef<str>>(&mut self, flow: Flow, message: &Message, status: u16, reason: &str, headers: &[(N, String)]) {
        let branch = message.via().ok().and_then(|via| via.branch()).unwrap_or_default();
        let tag = Tag(self.hash.of(&[branch, message.call_id().unwrap_or_default(), message.method_bytes()]));
        let mut head = response_head(message, flow, status, reason, Some(&tag.to_string()));
        for (name, value) in headers {
            head.header(name.as_ref(), value);
        }
        if !self.settings.user_agent.is_empty() {
            head.header("Server", &self.settings.user_agent);
        }
        self.wire.send(response_flow(message, flow), head.end());
    }
}

/// The key of the transaction of `method` that `message` belongs to.
pub(super) fn key(message: &Message, method: &[u8]) -> Option<ServerKey> {
    ServerKey::of(message, &message.via().ok()?, method)
}
