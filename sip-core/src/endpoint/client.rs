//! The calling side of a session: from our INVITE to our ACK.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{EndReason, Endpoint, Invite, RING_S_DEFAULT, SessionEvent, SessionId, check};
use crate::{
    dialog::{Dialog, MAX_FORWARDS},
    message::{Message, Method, Writer, quoted},
    session::{Calling, EARLY_MAX, Leaving, Stage, Stop, Talking, disarm},
    timer::Timer,
    transaction::{ClientTx, Outgoing, Owner, Purpose},
};

/// The CSeq number of our INVITEs; each has a Call-ID of its own.
const FIRST_NUMBER: u32 = 1;

impl Endpoint {
    /// Calls. `None`: no room for one more session, or the parts make no message (a Request-URI that is none, headers beyond
    /// [`crate::message::LINE_MAX`]).
    pub fn invite(&mut self, now: Instant, invite: Invite) -> Option<SessionId> {
        if !self.has_room() {
            return None;
        }
        let tag = self.fresh_tag();
        let branch = self.wire.draw_branch();
        let call_id = self.wire.draw_call_id();
        let flow = invite.flow;
        let host = uri_host(&invite.host);
        let mut writer = Writer::request(Method::Invite.as_str(), &invite.uri);
        writer.header("Via", self.settings.via(flow, branch));
        if !invite.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Max-Forwards")) {
            writer.header("Max-Forwards", MAX_FORWARDS);
        }
        let display = invite.from_display.as_deref().map(|display| format!("{} ", quoted(display))).unwrap_or_default();
        writer
            .header("From", format!("{display}<sip:{}{host}>;tag={tag}", user_part(&invite.from_user)))
            .header("To", format!("<sip:{}{host}>", user_part(&invite.to_user)))
            .header("Call-ID", &call_id)
            .header("CSeq", format!("{FIRST_NUMBER} INVITE"))
            .header("Contact", self.settings.contact(flow))
            .header("Allow", check::ALLOW)
            .header("Accept", check::ACCEPT);
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        for (name, value) in &invite.headers {
            writer.header(name, value);
        }
        let bytes = writer.body(check::ACCEPT, &invite.sdp);
        // Its ACK and CANCEL are made from it, so it must be readable; what is too long is not.
        Message::parse(bytes.clone()).ok()?;
        let ring = Duration::from_secs(u64::from(if invite.ring_s == 0 { RING_S_DEFAULT } else { invite.ring_s }));
        let Self { wire, transactions, sessions, by_tag, .. } = self;
        let id = SessionId(sessions.insert_with(|id| {
            let id = SessionId(id);
            let tx =
                transactions.request(wire, now, Outgoing { flow, branch, method: Method::Invite, bytes, purpose: Purpose::Invite(id) });
            let clock = Some(wire.timers.arm(now + ring, Owner::Session(id), Timer::Ring));
            let stage = Stage::Calling(Calling { call_id, tx, early: Vec::new(), stop: Stop::No, clock });
            crate::session::Session { tag, told: false, stage }
        }));
        by_tag.insert(tag, id);
        Some(id)
    }

    /// A provisional response.
    pub(super) fn progress(&mut self, now: Instant, tx: ClientTx, id: SessionId, response: &Message) {
        let Some(session) = self.sessions.get_mut(id.0) else { return };
        let Stage::Calling(calling) = &mut session.stage else { return };
        if let Stop::Wanted { why, reason } = &mut calling.stop {
            // 9.1: now the CANCEL may go.
            let (why, reason) = (*why, reason.take());
            return self.send_cancel(now, id, why, reason);
        }
        let remote_tag = response.to().ok().and_then(|to| to.tag()).unwrap_or_default();
        let known = calling.early.iter().any(|dialog| dialog.remote_tag == remote_tag);
        if !remote_tag.is_empty()
            && !known
            && calling.early.len() < EARLY_MAX
            && let Some(flow) = self.transactions.flow_of(tx)
            && let Some(dialog) = self.transactions.sent_invite(tx).and_then(|invite| Dialog::as_client(&invite, response, flow))
        {
            calling.early.push(dialog);
        }
        // 100 is hop by hop; 199 (RFC 6228) says that one of several forks is over.
        let status = response.status();
        if matches!(calling.stop, Stop::No) && (101..=198).contains(&status) {
            self.tell(id, SessionEvent::Ringing { status, sdp: check::sdp(response) });
        }
    }

    /// A 2xx: the first, the same again, or that of another fork (13.2.2.4).
    pub(super) fn accepted(&mut self, now: Instant, tx: ClientTx, id: SessionId, response: &Message) {
        let Some(flow) = self.transactions.flow_of(tx) else { return };
        let Some(machine) = self.transactions.invite(tx) else { return };
        let remote_tag = response.to().ok().and_then(|to| to.tag()).unwrap_or_default();
        if let Some(ack) = machine.ack_of(remote_tag) {
            let ack = ack.clone();
            return self.wire.send(flow, ack);
        }
        if !machine.has_room() {
            return;
        }
        let Some(invite) = self.transactions.sent_invite(tx) else { return };
        let Some(mut dialog) = Dialog::as_client(&invite, response, flow) else { return };
        let via = self.settings.via(flow, self.wire.draw_branch());
        let ack = dialog.ack(&via, FIRST_NUMBER).end();
        self.wire.send(flow, ack.clone());
        if let Some(machine) = self.transactions.invite_mut(tx) {
            machine.acked(dialog.remote_tag.clone(), ack);
        }
        let Some(session) = self.sessions.get_mut(id.0).filter(|session| matches!(session.stage, Stage::Calling(_))) else {
            // Another fork won, or the session is over.
            self.send_bye(now, &mut dialog, None, Purpose::Nobody);
            return;
        };
        let Stage::Calling(calling) = &mut session.stage else { return };
        if let Some(early) = calling.early.iter().find(|early| early.remote_tag == dialog.remote_tag) {
            dialog.carry_on(early);
        }
        disarm(&mut self.wire.timers, calling.clock.take());
        match std::mem::replace(&mut calling.stop, Stop::No) {
            Stop::No => {
                session.stage = Stage::Talking(Talking::new(dialog));
                self.tell(id, SessionEvent::Answered { sdp: check::sdp(response) });
            }
            // Their 2xx crossed our CANCEL: 15, the session is ended by BYE.
            Stop::Wanted { why, reason } | Stop::Sent { why, reason } => {
                if session.told {
                    self.drop_session(id);
                    self.send_bye(now, &mut dialog, reason.as_deref(), Purpose::Nobody);
                } else {
                    self.send_bye(now, &mut dialog, reason.as_deref(), Purpose::Bye(id));
                    if let Some(session) = self.sessions.get_mut(id.0) {
                        session.stage = Stage::Leaving(Leaving { dialog, why });
                    }
                }
            }
        }
    }

    /// A final response from 300 on.
    pub(super) fn refused(&mut self, id: SessionId, response: &Message) {
        self.invite_failed(id, SessionEvent::Refused { status: response.status() });
    }

    /// No session comes of the INVITE. Whoever gave up before hears what he asked for.
    pub(super) fn invite_failed(&mut self, id: SessionId, event: SessionEvent) {
        let Some(Stage::Calling(calling)) = self.sessions.get(id.0).map(|session| &session.stage) else { return };
        let event = match calling.stop {
            Stop::No => event,
            Stop::Wanted { why, .. } | Stop::Sent { why, .. } => SessionEvent::Ended { why },
        };
        self.tell_end(id, event);
        self.drop_session(id);
    }

    /// The ring limit is over: the owner turns to the next at once, the CANCEL takes its time.
    pub(super) fn ring_limit(&mut self, now: Instant, id: SessionId) {
        self.tell_end(id, SessionEvent::Ended { why: EndReason::NoAnswer });
        self.stop_calling(now, id, EndReason::NoAnswer, None);
    }

    /// CANCEL, or as soon as it may be sent.
    pub(super) fn stop_calling(&mut self, now: Instant, id: SessionId, why: EndReason, reason: Option<String>) {
        let Some(Stage::Calling(calling)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        if !matches!(calling.stop, Stop::No) {
            return;
        }
        disarm(&mut self.wire.timers, calling.clock.take());
        if self.transactions.invite(calling.tx).is_some_and(|invite| invite.is_calling()) {
            calling.stop = Stop::Wanted { why, reason };
        } else {
            self.send_cancel(now, id, why, reason);
        }
    }

    fn send_cancel(&mut self, now: Instant, id: SessionId, why: EndReason, reason: Option<String>) {
        let Some(Stage::Calling(calling)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        self.transactions.cancel(&mut self.wire, now, calling.tx, reason.as_deref(), id);
        calling.stop = Stop::Sent { why, reason };
        // 9.1: "If there is no final response for the original request in 64*T1 seconds ... destroy the client transaction".
        calling.clock = Some(self.wire.timers.arm(now + self.wire.values.t64(), Owner::Session(id), Timer::Cancelled));
    }

    /// The INVITE that we cancelled will not be answered any more.
    pub(super) fn abandon(&mut self, _now: Instant, id: SessionId) {
        let Some(Stage::Calling(calling)) = self.sessions.get(id.0).map(|session| &session.stage) else { return };
        let tx = calling.tx;
        self.transactions.drop_client(&mut self.wire, tx);
        self.invite_failed(id, SessionEvent::Ended { why: EndReason::Timeout });
    }
}

/// `1000@`, with what a user part may not hold escaped (RFC 3261, 25.1); nothing for nobody.
fn user_part(user: &str) -> String {
    let mut part = String::with_capacity(user.len() + 1);
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$/".contains(&byte) {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!("%{byte:02X}"));
        }
    }
    if !part.is_empty() {
        part.push('@');
    }
    part
}

/// An IPv6 address goes in brackets.
fn uri_host(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}
