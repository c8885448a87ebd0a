//! The called side of a session: from their INVITE to their ACK.

use std::time::Instant;

use super::{EndReason, Endpoint, EndpointOutput, PROVISIONAL_PAUSE, ServerTx, SessionEvent, SessionId, check, receive::key};
use crate::{
    dialog::Dialog,
    flow::Flow,
    message::{Message, Method, peer_flow},
    session::{Incoming, Reoffer, Stage, Talking, Unacked, disarm},
    timer::Timer,
    transaction::{Arrived, Owner},
};

impl Endpoint {
    /// An INVITE that begins a session.
    pub(super) fn invited(&mut self, now: Instant, arrived: Arrived<'_>) {
        let (flow, message) = (arrived.flow, arrived.message);
        let tag = self.fresh_tag();
        let (Some(dialog), Ok(cseq)) = (Dialog::as_server(message, flow, tag), message.cseq()) else { return };
        let offered = check::sdp(message).is_some();
        let tx = self.transactions.serve(&mut self.wire, now, arrived, tag);
        let session = self
            .add_session(tag, |_| Stage::Incoming(Incoming { dialog, tx, number: cseq.number, offered, provisional: None, again: None }));
        self.transactions.belongs(tx, session);
        self.wire.output.push_back(EndpointOutput::Invited { session, flow, message: message.clone() });
    }

    /// As callee: a provisional response, 101 to 199 (180, or 183 with an early answer). Ignored once decided.
    pub fn ring(&mut self, now: Instant, session: SessionId, status: u16, sdp: Option<&[u8]>) {
        let Some(tx) = self.incoming(session).map(|incoming| incoming.tx).filter(|_| (101..=199).contains(&status)) else { return };
        let Some(mut head) = self.head(tx, status, "") else { return };
        head.header("Contact", self.contact_for(tx)).header("Allow", check::ALLOW);
        let response = match sdp {
            Some(sdp) => head.body(check::ACCEPT, sdp),
            None => head.end(),
        };
        self.transactions.reply(&mut self.wire, now, tx, status, response.clone());
        let again = self.wire.timers.arm(now + PROVISIONAL_PAUSE, Owner::Session(session), Timer::Again1xx);
        if let Some(incoming) = self.incoming(session) {
            incoming.provisional = Some((status, response));
            let before = incoming.again.replace(again);
            disarm(&mut self.wire.timers, before);
        } else {
            self.wire.timers.disarm(again);
        }
    }

    /// As callee: 200 with our SDP, repeated until the ACK. Ignored once decided.
    pub fn answer(&mut self, now: Instant, session: SessionId, sdp: &[u8]) {
        let Some(incoming) = self.incoming(session) else { return };
        let (tx, number, offered) = (incoming.tx, incoming.number, incoming.offered);
        let Some(entry) = self.sessions.get_mut(session.0) else { return };
        entry.disarm(&mut self.wire.timers);
        if let Stage::Incoming(incoming) = &entry.stage {
            entry.stage = Stage::Talking(Talking::new(incoming.dialog.clone()));
        }
        self.send_answer(now, session, tx, number, sdp, true, offered);
    }

    /// As callee: a final response from 300 on. The session ends with [`EndReason::HungUp`].
    pub fn refuse(&mut self, now: Instant, session: SessionId, status: u16, reason: Option<&str>, headers: &[(&str, String)]) {
        let Some(tx) = self.incoming(session).map(|incoming| incoming.tx) else { return };
        let status = if (300..=699).contains(&status) { status } else { 500 };
        self.refuse_invite(now, tx, status, reason.unwrap_or_default(), headers);
        self.end(session, EndReason::HungUp);
    }

    /// As callee, to a stranger: a final response from 300 on (401, 407, 403, ..; others become 500) without keeping anything, so that
    /// strangers hold no state of ours and get no repetitions sent to whom they please (RFC 3261, 26.3.2.4). It is sent exactly
    /// once and the session is forgotten at once: no [`SessionEvent::Ended`] is told for it. Its ACK meets silence, the same INVITE
    /// again is a new [`EndpointOutput::Invited`].
    ///
    /// This is for the drain in which `Invited` came: a caller that has heard a 100 does not repeat its INVITE any more, so a
    /// response that is lost then stays lost. Whom the owner let ring is no stranger: then this is [`Endpoint::refuse`].
    /// Ignored once decided.
    pub fn challenge(&mut self, now: Instant, session: SessionId, status: u16, headers: &[(&str, String)]) {
        let Some(incoming) = self.incoming(session) else { return };
        let tx = incoming.tx;
        if incoming.provisional.is_some() {
            return self.refuse(now, session, status, None, headers);
        }
        self.answer_once(tx, status, headers);
        self.drop_session(session);
    }

    /// Answers a [`SessionEvent::Reoffered`]: 200 with our SDP, or a refusal (488, 500, ..) that leaves all as it was
    /// (RFC 3261, 14.2). Ignored when nothing waits for it any more.
    pub fn answer_reoffer(&mut self, now: Instant, session: SessionId, outcome: Result<&[u8], u16>) {
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(session.0).map(|session| &mut session.stage) else { return };
        let Some(Reoffer { tx, method, number, offered }) = talking.reoffer.take() else { return };
        match outcome {
            Ok(sdp) if method == Method::Invite => self.send_answer(now, session, tx, number, sdp, false, offered),
            Ok(sdp) => {
                let Some(mut head) = self.head(tx, 200, "") else { return };
                head.header("Contact", self.contact_for(tx)).header("Allow", check::ALLOW);
                self.transactions.reply(&mut self.wire, now, tx, 200, head.body(check::ACCEPT, sdp));
            }
            Err(status) => self.refuse_invite(now, tx, if (300..=699).contains(&status) { status } else { 500 }, "", &[]),
        }
    }

    /// 13.3.1.4: the 2xx goes out and is repeated, T1 doubling to T2, over any transport, until the ACK or 64*T1.
    #[expect(clippy::too_many_arguments, reason = "what an answer consists of")]
    fn send_answer(&mut self, now: Instant, session: SessionId, tx: ServerTx, number: u32, sdp: &[u8], first: bool, offered: bool) {
        let Some(mut head) = self.head(tx, 200, "") else { return };
        let Some(flow) = self.transactions.server(tx).map(|server| server.flow) else { return };
        head.header("Contact", self.contact_for(tx)).header("Allow", check::ALLOW);
        let response = head.body(check::ACCEPT, sdp);
        self.transactions.reply(&mut self.wire, now, tx, 200, response.clone());
        let pause = self.wire.values.t1;
        let owner = Owner::Session(session);
        let again = self.wire.timers.arm(now + pause, owner, Timer::Again2xx);
        let limit = self.wire.timers.arm(now + self.wire.values.t64(), owner, Timer::NoAck);
        if let Some(Stage::Talking(talking)) = self.sessions.get_mut(session.0).map(|session| &mut session.stage) {
            talking.stop_repeating(&mut self.wire.timers);
            talking.unacked = Some(Unacked { number, response, flow, pause, again, limit, first, offered });
        } else {
            self.wire.timers.disarm(again);
            self.wire.timers.disarm(limit);
        }
    }

    pub(super) fn repeat_answer(&mut self, now: Instant, id: SessionId) {
        let Some(Stage::Talking(Talking { unacked: Some(unacked), .. })) = self.sessions.get_mut(id.0).map(|session| &mut session.stage)
        else {
            return;
        };
        self.wire.send(unacked.flow, unacked.response.clone());
        unacked.pause = unacked.pause.saturating_mul(2).min(self.wire.values.t2);
        unacked.again = self.wire.timers.arm(now + unacked.pause, Owner::Session(id), Timer::Again2xx);
    }

    pub(super) fn repeat_provisional(&mut self, now: Instant, id: SessionId) {
        let again = self.wire.timers.arm(now + PROVISIONAL_PAUSE, Owner::Session(id), Timer::Again1xx);
        let Some(incoming) = self.incoming(id) else { return self.wire.timers.disarm(again) };
        incoming.again = Some(again);
        let tx = incoming.tx;
        if let Some((status, response)) = incoming.provisional.clone() {
            self.transactions.reply(&mut self.wire, now, tx, status, response);
        }
    }

    /// 13.3.1.4: "If the server retransmits the 2xx response for 64*T1 seconds without receiving an ACK, the dialog is
    /// confirmed, but the session SHOULD be terminated ... with a BYE".
    pub(super) fn no_ack(&mut self, now: Instant, id: SessionId) {
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        talking.stop_repeating(&mut self.wire.timers);
        let (why, reason) = match talking.leave.take() {
            Some(reason) => (EndReason::HungUp, reason),
            None => (EndReason::NoAck, None),
        };
        self.bye_and_forget(now, id, why, reason.as_deref());
    }

    /// An ACK: of a refusal (its transaction takes it), of a 2xx (its session), or stray (silence, B-33).
    pub(super) fn ack(&mut self, now: Instant, flow: Flow, message: &Message) {
        let Some(invite) = key(message, Method::Invite.as_str().as_bytes()) else { return };
        if let Some(tx) = self.transactions.find(&invite)
            && !self.transactions.ack(&mut self.wire, now, tx)
        {
            return;
        }
        let Some(id) = message.to().ok().and_then(|to| to.tag()).and_then(|tag| self.session_of(tag, message)) else { return };
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        let Some(unacked) = talking.unacked.as_ref().filter(|unacked| unacked.number == number && talking.dialog.is_of(message)) else {
            return;
        };
        let (first, sdp) = (unacked.first, if unacked.offered { None } else { check::sdp(message) });
        talking.stop_repeating(&mut self.wire.timers);
        talking.dialog.flow = peer_flow(message, flow);
        match talking.leave.take() {
            Some(reason) => self.leave(now, id, EndReason::HungUp, reason.as_deref()),
            None if first => self.tell(id, SessionEvent::Confirmed { sdp }),
            None => self.tell(id, SessionEvent::Reconfirmed { sdp }),
        }
    }

    /// 9.2: their CANCEL. Its own transaction gets 200 when there is an INVITE that it means; the INVITE gets 487 while undecided.
    pub(super) fn cancelled(&mut self, now: Instant, arrived: Arrived<'_>) {
        let (flow, message) = (arrived.flow, arrived.message);
        let invite = key(message, Method::Invite.as_str().as_bytes()).and_then(|key| self.transactions.find(&key));
        let Some((invite, server)) = invite.and_then(|invite| Some((invite, self.transactions.server(invite)?))) else {
            return self.refuse_stateless(flow, message, &check::Refusal::plain(481));
        };
        let (tag, session) = (server.tag, server.session);
        if !self.transactions.has_room_inside() {
            return self.refuse_for_room(flow, message);
        }
        // "the To tag of the response to the CANCEL and the To tag in the response to the original request SHOULD be the same"
        let tx = self.transactions.serve(&mut self.wire, now, arrived, tag);
        if let Some(head) = self.head(tx, 200, "") {
            self.transactions.reply(&mut self.wire, now, tx, 200, head.end());
        }
        if !self.transactions.is_proceeding(invite) {
            return;
        }
        self.refuse_invite(now, invite, 487, "", &[]);
        let Some(id) = session else { return };
        match self.sessions.get_mut(id.0).map(|session| &mut session.stage) {
            Some(Stage::Incoming(_)) => self.end(id, EndReason::Cancelled),
            // A re-INVITE was cancelled: the session goes on as it was (14.2).
            Some(Stage::Talking(talking)) => talking.reoffer = None,
            _ => {}
        }
    }

    /// A final refusal of an INVITE (or UPDATE).
    pub(super) fn refuse_invite(&mut self, now: Instant, tx: ServerTx, status: u16, reason: &str, headers: &[(&str, String)]) {
        let Some(mut head) = self.head(tx, status, reason) else { return };
        for (name, value) in headers {
            head.header(name, value);
        }
        self.transactions.reply(&mut self.wire, now, tx, status, head.end());
    }

    fn incoming(&mut self, id: SessionId) -> Option<&mut Incoming> {
        match &mut self.sessions.get_mut(id.0)?.stage {
            Stage::Incoming(incoming) => Some(incoming),
            _ => None,
        }
    }

    pub(super) fn contact_for(&self, tx: ServerTx) -> String {
        self.transactions.server(tx).map(|server| self.settings.contact(server.source)).unwrap_or_default()
    }
}
