//! The calling side of a session: from our INVITE to our ACK.

use std::{
    borrow::Cow,
    net::IpAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    EndReason, Endpoint, Invite, SessionEvent, SessionId, TIMER_C_S,
    account::{Login, once_more},
    check,
    oversize::{Fitting, Way},
    prack::Heard,
};
use crate::{
    dialog::{Dialog, MAX_FORWARDS},
    flow::Flow,
    message::{Message, Method, Name, Writer, quoted},
    session::{Agreed, Calling, Sdp, Stage, Stop, Talking, disarm},
    terms::Terms,
    timer::Timer,
    transaction::{ClientTx, OutgoingInvite, Owner, Purpose},
};

/// The CSeq number of our first INVITE; each session has a Call-ID of its own.
const FIRST_NUMBER: u32 = 1;
/// The CSeq number of the last INVITE that a session begins with: each 422 on the way may want more than the one before.
const INVITES_MAX: u32 = 4;

impl Endpoint {
    /// Calls. `None`: no room for one more session, or the parts make no message (a Request-URI that is none, headers beyond
    /// [`crate::message::LINE_MAX`]).
    pub fn invite(&mut self, now: Instant, invite: Invite) -> Option<SessionId> {
        self.invite_located(now, invite, None)
    }

    /// Calls a target that was located. `tcp`: the way to the same address over TCP, by which the INVITE goes if it is too long for a datagram
    /// ([`super::DATAGRAM_MAX`]), with that of `invite` to fall back on (RFC 3261, 18.1.1). `None` as for [`Endpoint::invite`].
    pub fn invite_located(&mut self, now: Instant, invite: Invite, tcp: Option<Flow>) -> Option<SessionId> {
        if !self.has_room() {
            return None;
        }
        let tag = self.fresh_tag();
        let branch = self.wire.draw_branch();
        let call_id = self.wire.draw_call_id();
        let flow = invite.flow;
        let host = uri_host(&invite.host);
        let host = host.as_bytes();
        let mut writer = Writer::request(Method::Invite.as_str(), &invite.uri);
        writer.own_via(self.settings.via(flow, branch));
        let has = |wanted: &str| invite.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        if !has("Max-Forwards") {
            writer.header("Max-Forwards", MAX_FORWARDS);
        }
        let display = invite.from_display.as_deref().map(|display| format!("{} ", quoted(display))).unwrap_or_default();
        writer.parts("From", &[display.as_bytes(), b"<sip:", user_part(&invite.from_user).as_bytes(), host, b">;tag=", &tag.text()]);
        if !has("To") {
            writer.parts("To", &[b"<sip:", user_part(&invite.to_user).as_bytes(), host, b">"]);
        }
        writer
            .header("Call-ID", &call_id)
            .cseq(FIRST_NUMBER, Method::Invite.as_str())
            .own_contact(self.settings.place(flow))
            .header("Allow", self.settings.extras.allow())
            .header("Accept", check::ACCEPT);
        let terms = Terms::ask(&self.settings);
        terms.begin(&mut writer);
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        for (name, value) in &invite.headers {
            writer.header(name, value);
        }
        let bytes = writer.body(check::ACCEPT, &invite.sdp);
        // Its ACK and CANCEL are made from it, so it must be readable; what is too long is not.
        let request = Message::parse(bytes).ok()?;
        let is_timer_c = invite.ring_s == 0;
        let ring = Duration::from_secs(if is_timer_c { TIMER_C_S } else { invite.ring_s.into() });
        let fitting = self.fit(flow, branch, request, tcp, None);
        let Self { wire, transactions, sessions, by_tag, .. } = self;
        let id = SessionId(sessions.insert_with(|id| {
            let id = SessionId(id);
            let Fitting { by: Way { flow: by, branch, request }, instead } = fitting;
            let tx = transactions.invite_with(wire, now, OutgoingInvite { flow: by, branch, request, purpose: Purpose::Invite(id) });
            let clock = Some(wire.timers.arm(now + ring, Owner::Session(id), Timer::Ring));
            let sdp = invite.sdp;
            let (early, stop) = (Vec::new(), Stop::No);
            let stage =
                Stage::Calling(Calling { call_id, tx, sdp, terms, early, forks: 0, pracks: 0, stop, clock, is_timer_c, tcp, instead });
            let login = invite.account.map(|account| Box::new(Login::new(account, flow.remote.ip())));
            crate::session::Session { tag, told: false, login, stage }
        }));
        by_tag.insert(tag, id);
        Some(id)
    }

    /// Whether anything was heard of a call that we make: a 100 says that it has come to somebody (17.2.1), which is told by no event.
    #[must_use]
    pub fn has_progress(&self, id: SessionId) -> bool {
        match self.sessions.get(id.0).map(|session| &session.stage) {
            Some(Stage::Calling(calling)) => self.transactions.invite(calling.tx).is_some_and(|invite| !invite.is_calling()),
            _ => false,
        }
    }

    /// By which way the INVITE of a call that we make went last: that over TCP may have been taken, or given up. `None` once somebody has
    /// answered.
    #[must_use]
    pub fn invited_by(&self, id: SessionId) -> Option<Flow> {
        match &self.sessions.get(id.0)?.stage {
            Stage::Calling(calling) => self.transactions.flow_of(calling.tx),
            _ => None,
        }
    }

    /// A provisional response.
    pub(super) fn progress(&mut self, now: Instant, tx: ClientTx, id: SessionId, flow: Flow, response: &Message) {
        let heard = self.hear_fork(now, tx, id, flow, response);
        let Some(Stage::Calling(calling)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        if let Stop::Wanted { why, reason } = &mut calling.stop {
            // 9.1: now the CANCEL may go.
            let (why, reason) = (*why, reason.take());
            return self.send_cancel(now, id, why, reason);
        }
        // 100 is hop by hop; 199 (RFC 6228) says that one of several forks is over.
        let status = response.status();
        if calling.is_timer_c && matches!(calling.stop, Stop::No) && status > 100 {
            let clock = self.wire.timers.arm(now + Duration::from_secs(TIMER_C_S), Owner::Session(id), Timer::Ring);
            let before = calling.clock.replace(clock);
            disarm(&mut self.wire.timers, before);
        }
        let goes_on = matches!(calling.stop, Stop::No);
        match heard {
            Some(Heard { fork: Some(fork), .. }) if status == 199 => self.end_fork(now, id, fork),
            Some(Heard { fork, sdp }) if goes_on && (101..=198).contains(&status) => {
                self.tell(id, SessionEvent::Ringing { status, sdp, fork });
            }
            _ => {}
        }
    }

    /// A 2xx: the first, the same again, or that of another fork (13.2.2.4).
    pub(super) fn accepted(&mut self, now: Instant, tx: ClientTx, id: SessionId, flow: Flow, response: &Message) {
        let Some(flow) = self.transactions.answered_by(tx, flow) else { return };
        let Some(machine) = self.transactions.invite(tx) else { return };
        let remote_tag = response.to_tag().unwrap_or_default();
        if let Some(ack) = machine.ack_of(remote_tag) {
            let ack = ack.clone();
            return self.wire.send(flow, ack, Some(id));
        }
        if !machine.has_room() {
            return;
        }
        let Some(invite) = self.transactions.sent_invite(tx) else { return };
        let Some(mut dialog) = Dialog::as_client(&invite, response, flow) else { return };
        let via = self.settings.via(flow, self.wire.draw_branch());
        let ack = dialog.ack(via, dialog.last_number()).end();
        self.wire.send(flow, ack.clone(), Some(id));
        if let Some(machine) = self.transactions.invite_mut(tx) {
            machine.acked(Bytes::copy_from_slice(dialog.remote_tag()), ack);
        }
        let Some(session) = self.sessions.get_mut(id.0).filter(|session| matches!(session.stage, Stage::Calling(_))) else {
            // Another fork won, or the session is over.
            self.send_bye(now, &mut dialog, None, Purpose::Nobody(id));
            return;
        };
        let Stage::Calling(calling) = &mut session.stage else { return };
        let early = calling.early.iter().find(|early| early.dialog.remote_tag() == dialog.remote_tag());
        if let Some(early) = early {
            dialog.carry_on(&early.dialog);
        }
        let sdp = check::sdp(response).filter(|_| early.is_none_or(|early| early.exchange.agreed.is_none()));
        let sdp = sdp.or_else(|| early.and_then(|early| early.exchange.sdp.clone()));
        disarm(&mut self.wire.timers, calling.clock.take());
        match std::mem::replace(&mut calling.stop, Stop::No) {
            Stop::No => {
                let theirs = sdp.as_ref().map(|sdp| Sdp(self.hash.of(&[sdp])));
                let ours = Bytes::copy_from_slice(&calling.sdp);
                let terms = calling.terms.as_client(response);
                let early = std::mem::take(&mut calling.early);
                let mut talking = Talking::new(dialog, Agreed { ours, theirs }, terms, true);
                self.confirm_fork(now, early, &mut talking);
                if let Some(session) = self.sessions.get_mut(id.0) {
                    session.stage = Stage::Talking(talking);
                }
                self.agree(now, id, terms);
                self.tell(id, SessionEvent::Answered { sdp });
                self.send_next(now, id);
            }
            // Their 2xx crossed our CANCEL: 15, the session is ended by BYE.
            Stop::Wanted { why, reason } | Stop::Sent { why, reason } => {
                if session.told {
                    self.drop_session(now, id);
                    self.send_bye(now, &mut dialog, reason.as_deref(), Purpose::Nobody(id));
                } else {
                    self.send_last_bye(now, id, dialog, why, reason.as_deref());
                }
            }
        }
    }

    /// A final response from 300 on.
    pub(super) fn refused(&mut self, now: Instant, tx: ClientTx, id: SessionId, response: &Message) {
        if !matches!(response.status(), 401 | 407 | 422) || self.invite_again(now, tx, id, response).is_none() {
            self.invite_failed(now, id, SessionEvent::Refused { status: response.status() });
        }
    }

    /// The same INVITE with what the other side wants, same Call-ID, next CSeq number, new branch: after 422 with a longer interval (RFC
    /// 4028, 7.3), after 401 and 407 with credentials (RFC 3261, 22.2). `None` when there is nothing to be gained by that.
    fn invite_again(&mut self, now: Instant, tx: ClientTx, id: SessionId, response: &Message) -> Option<()> {
        let sent = self.transactions.sent_invite(tx)?;
        let flow = self.transactions.flow_of(tx)?;
        let number = sent.cseq().ok()?.number;
        let session = self.sessions.get(id.0)?;
        let Stage::Calling(Calling { terms, stop: Stop::No, .. }) = &session.stage else { return None };
        let terms = if response.status() == 422 { terms.longer(response)? } else { *terms };
        let answers = session.login.as_ref().map_or(0, |login| login.answers());
        if !self.transactions.has_room_inside() || (response.status() == 422 && number.saturating_sub(answers) >= INVITES_MAX) {
            return None;
        }
        let proofs = self.login_again(id, response, &sent)?;
        let branch = self.wire.draw_branch();
        let terms_of = [Name::Supported, Name::SessionExpires, Name::MinSe];
        let request = once_more(&sent, self.settings.via(flow, branch), number + 1, &terms_of, &proofs, |writer| terms.begin(writer))?;
        let (tcp, udp) = self.ways_left(id);
        let Fitting { by: Way { flow, branch, request }, instead } = self.fit(flow, branch, request, tcp, udp);
        let Some(Stage::Calling(calling)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return None };
        calling.terms = terms;
        calling.early.clear();
        calling.instead = instead;
        let outgoing = OutgoingInvite { flow, branch, request, purpose: Purpose::Invite(id) };
        calling.tx = self.transactions.invite_with(&mut self.wire, now, outgoing);
        Some(())
    }

    /// No session comes of the INVITE. Whoever gave up before hears what he asked for.
    pub(super) fn invite_failed(&mut self, now: Instant, id: SessionId, event: SessionEvent) {
        let Some(Stage::Calling(calling)) = self.sessions.get(id.0).map(|session| &session.stage) else { return };
        let event = match calling.stop {
            Stop::No => event,
            Stop::Wanted { why, .. } | Stop::Sent { why, .. } => SessionEvent::Ended { why },
        };
        self.tell_end(id, event);
        self.drop_session(now, id);
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
        self.release_all(now, id);
        let Some(Stage::Calling(calling)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        if self.transactions.invite(calling.tx).is_some_and(|invite| invite.is_calling()) {
            calling.stop = Stop::Wanted { why, reason };
        } else {
            self.send_cancel(now, id, why, reason);
        }
    }

    fn send_cancel(&mut self, now: Instant, id: SessionId, why: EndReason, reason: Option<String>) {
        let Some(Stage::Calling(calling)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        self.transactions.cancel(&mut self.wire, now, calling.tx, reason.as_deref(), Purpose::Cancel(id));
        calling.stop = Stop::Sent { why, reason };
        // 9.1: "If there is no final response for the original request in 64*T1 seconds ... destroy the client transaction".
        calling.clock = Some(self.wire.timers.arm(now + self.wire.values.t64(), Owner::Session(id), Timer::Cancelled));
    }

    /// The INVITE that we cancelled will not be answered any more.
    pub(super) fn abandon(&mut self, now: Instant, id: SessionId) {
        let Some(Stage::Calling(calling)) = self.sessions.get(id.0).map(|session| &session.stage) else { return };
        let tx = calling.tx;
        self.transactions.drop_client(&mut self.wire, tx);
        self.invite_failed(now, id, SessionEvent::Ended { why: EndReason::Timeout });
    }
}

/// `1000@`, with what a user part may not hold escaped (RFC 3261, 25.1); nothing for nobody.
#[must_use]
pub fn user_part(user: &str) -> String {
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
fn uri_host(host: &str) -> Cow<'_, str> {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]").into(),
        _ => host.into(),
    }
}
