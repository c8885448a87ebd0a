//! The called side of a session: from their INVITE to their ACK.

use std::time::Instant;

use bytes::Bytes;

use super::{
    EndReason, Endpoint, EndpointOutput, OwnPlace, PROVISIONAL_PAUSE, ServerTx, SessionEvent, SessionId, Stranger, check, refusal,
};
use crate::{
    dialog::Dialog,
    early::{self, Exchange, Provisionals, RAck, Wants, disarm_incoming},
    flow::Flow,
    message::{Message, Method, peer_flow},
    session::{Agreed, Incoming, Reoffer, Sdp, Stage, Talking, Unacked, disarm},
    terms::Terms,
    timer::Timer,
    transaction::{Arrived, Owner, ServerKey},
};

/// A 2xx to an INVITE of theirs.
struct Answer<'s> {
    tx: ServerTx,
    /// The CSeq number of the INVITE.
    number: u32,
    /// Ours. `None`: all is said already.
    sdp: Option<&'s [u8]>,
    /// It is the first INVITE of the session.
    first: bool,
    /// Their offer; without one `sdp` is ours.
    offer: Option<Sdp>,
    /// What was offered and answered before this, reliably; `answer` is what a PRACK brought.
    is_settled: bool,
    answer: Option<Bytes>,
    /// The owner was not asked.
    quiet: bool,
}

impl Endpoint {
    /// An INVITE that begins a session.
    pub(super) fn invited(&mut self, now: Instant, arrived: Arrived<'_>, replaces: Option<SessionId>) {
        let (flow, message) = (arrived.flow, arrived.message);
        let tag = self.fresh_tag();
        let (Some(dialog), Ok(cseq)) = (Dialog::as_server(message, flow, tag), message.cseq()) else { return };
        let offer = check::sdp(message).map(|sdp| self.hash_of(&sdp));
        let tx = self.transactions.hold(&mut self.wire, now, arrived, tag);
        let (provisionals, exchange) = (Provisionals::new(Wants::of(message)), Exchange::new(early::updates(message, false)));
        let incoming =
            Incoming { dialog, tx, number: cseq.number, offer, provisional: None, again: None, provisionals, exchange, answer: None };
        let session = self.add_session(tag, |_| Stage::Incoming(incoming));
        self.transactions.belongs(tx, session);
        self.wire.hear(session, flow, message);
        self.wire.output.push_back(EndpointOutput::Invited { session, flow, message: message.clone(), replaces });
    }

    /// As callee: a provisional response, 101 to 199 (180, or 183 with an early answer; with an offer, if the INVITE had none). Ignored once
    /// decided.
    ///
    /// It goes out reliably if the caller and [`super::EndpointSettings::reliable`] want it so, and then after those before it were
    /// acknowledged; a newer one takes the place of one that waits for that. A description that went out reliably stands: later ones
    /// are left out.
    pub fn ring(&mut self, now: Instant, session: SessionId, status: u16, sdp: Option<&[u8]>) {
        let incoming = self.incoming(session).filter(|incoming| (101..=199).contains(&status) && incoming.answer.is_none());
        let Some((tx, is_begun)) = incoming.map(|incoming| (incoming.tx, incoming.exchange.is_begun())) else { return };
        let sdp = sdp.filter(|_| !is_begun);
        if self.ring_reliably(now, session, status, sdp) {
            return;
        }
        let (Some(mut head), Some(place)) = (self.head(tx, status, ""), self.place_of(tx)) else { return };
        head.own_contact(place).header("Allow", self.settings.extras.allow());
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
    ///
    /// While a reliable provisional response with a description is not acknowledged, the 200 waits for that (RFC 3262, 3). If we have said
    /// already by such a response what our SDP is, the 200 says that; and if `sdp` is another, it is offered as by
    /// [`Endpoint::reoffer`] once there is the ACK.
    pub fn answer(&mut self, now: Instant, session: SessionId, sdp: &[u8]) {
        let Some(incoming) = self.incoming(session).filter(|incoming| incoming.answer.is_none()) else { return };
        incoming.provisionals.waiting = None;
        if incoming.has_open_prack() || incoming.provisionals.holds_answer() {
            incoming.answer = Some(Bytes::copy_from_slice(sdp));
        } else {
            self.answer_now(now, session, sdp);
        }
    }

    pub(super) fn answer_now(&mut self, now: Instant, session: SessionId, sdp: &[u8]) {
        let Some(incoming) = self.incoming(session) else { return };
        let (tx, number, offer) = (incoming.tx, incoming.number, incoming.offer);
        let Some(terms) = self.terms_for(tx) else { return };
        let Some(entry) = self.sessions.get_mut(session.0) else { return };
        let Stage::Incoming(incoming) = &mut entry.stage else { return };
        let late_prack = incoming.provisionals.unacked.as_ref().map(|unacked| RAck { rseq: unacked.rseq, number });
        disarm_incoming(incoming, &mut self.wire.timers);
        let exchange = std::mem::take(&mut incoming.exchange);
        let (changed, answer) = (exchange.changed, exchange.sdp.clone());
        let mut talking = Talking::new(incoming.dialog.clone(), Agreed { ours: Bytes::new(), theirs: None }, terms, false);
        talking.late_prack = late_prack;
        let is_settled = talking.take_over(exchange);
        let said = talking.agreed.ours.clone();
        // What is on its way, or was wished for since, says the same or more.
        let is_said = said == sdp || talking.next.is_some() || talking.ours.as_ref().is_some_and(|ours| ours.offer.as_deref() == Some(sdp));
        if is_settled && !is_said {
            talking.next = Some(Bytes::copy_from_slice(sdp));
        }
        entry.stage = Stage::Talking(talking);
        let sdp = match is_settled {
            false => Some(sdp),
            true if offer.is_some() && !changed => Some(&*said),
            true => None,
        };
        let answer = answer.filter(|_| offer.is_none() && is_settled);
        self.send_answer(now, session, Answer { tx, number, sdp, first: true, offer, is_settled, answer, quiet: false });
    }

    /// As callee: a final response from 300 on. The session ends with [`EndReason::HungUp`].
    pub fn refuse(&mut self, now: Instant, session: SessionId, status: u16, reason: Option<&str>, headers: &[(&str, String)]) {
        let Some(tx) = self.incoming(session).map(|incoming| incoming.tx) else { return };
        self.refuse_invite(now, tx, refusal(status), reason.unwrap_or_default(), headers);
        self.end(now, session, EndReason::HungUp);
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
        self.answer_once(tx, (refusal(status), ""), headers);
        self.drop_session(now, session);
    }

    /// Answers a [`SessionEvent::Reoffered`]: 200 with our SDP, or a refusal (488, 500, ..) that leaves all as it was
    /// (RFC 3261, 14.2). Ignored when nothing waits for it any more.
    pub fn answer_reoffer(&mut self, now: Instant, session: SessionId, outcome: Result<&[u8], u16>) {
        if self.answer_early(now, session, outcome) {
            return;
        }
        match outcome {
            Ok(sdp) => self.accept_reoffer(now, session, sdp, false),
            Err(status) => {
                let Some(talking) = self.talking(session) else { return };
                let Some(Reoffer { tx, .. }) = talking.reoffer.take() else { return };
                talking.refused = Some(tx);
                self.refuse_invite(now, tx, refusal(status), "", &[]);
                self.send_next(now, session);
            }
        }
    }

    /// 200 to their re-INVITE or UPDATE. `quiet`: the owner was not asked.
    pub(super) fn accept_reoffer(&mut self, now: Instant, session: SessionId, sdp: &[u8], quiet: bool) {
        let Some(Reoffer { tx, method, number, offer }) = self.talking(session).and_then(|talking| talking.reoffer.take()) else { return };
        if method == Method::Invite {
            let answer = Answer { tx, number, sdp: Some(sdp), first: false, offer, is_settled: false, answer: None, quiet };
            return self.send_answer(now, session, answer);
        }
        let Some(terms) = self.terms_for(tx) else { return };
        let (Some(mut head), Some(place)) = (self.head(tx, 200, ""), self.place_of(tx)) else { return };
        head.own_contact(place).header("Allow", self.settings.extras.allow());
        if let Some(request) = self.transactions.request_of(tx) {
            terms.agree(&mut head, request);
        }
        self.transactions.reply(&mut self.wire, now, tx, 200, head.body(check::ACCEPT, sdp));
        if let Some(talking) = self.talking(session).filter(|_| !quiet) {
            talking.agreed = Agreed { ours: Bytes::copy_from_slice(sdp), theirs: offer };
        }
        self.agree(now, session, terms);
        self.send_next(now, session);
    }

    /// What our 2xx to `tx` agrees to about the session timer.
    pub(super) fn terms_for(&self, tx: ServerTx) -> Option<Terms> {
        let server = self.transactions.server(tx)?;
        let current = match server.session.and_then(|id| self.sessions.get(id.0)).map(|session| &session.stage) {
            Some(Stage::Talking(talking)) => Some(&talking.terms),
            _ => None,
        };
        Some(Terms::as_server(&self.settings, server.request.as_ref()?, current))
    }

    /// Their `request` was accepted with what [`Endpoint::terms_for`] said.
    pub(super) fn agree_as_server(&mut self, now: Instant, id: SessionId, request: &Message) {
        if let Some(talking) = self.talking(id) {
            let current = talking.terms;
            let terms = Terms::as_server(&self.settings, request, Some(&current));
            self.agree(now, id, terms);
        }
    }

    /// 13.3.1.4: the 2xx goes out and is repeated, T1 doubling to T2, over any transport, until the ACK or 64*T1.
    fn send_answer(&mut self, now: Instant, session: SessionId, answer: Answer<'_>) {
        let Answer { tx, number, sdp, first, offer, is_settled, answer, quiet } = answer;
        let Some(terms) = self.terms_for(tx) else { return };
        let Some(mut head) = self.head(tx, 200, "") else { return };
        let Some(flow) = self.transactions.server(tx).map(|server| server.flow) else { return };
        let Some(place) = self.place_of(tx) else { return };
        head.own_contact(place).header("Allow", self.settings.extras.allow());
        if let Some(request) = self.transactions.request_of(tx) {
            terms.agree(&mut head, request);
        }
        let response = match sdp {
            Some(sdp) => head.body(check::ACCEPT, sdp),
            None => head.end(),
        };
        self.transactions.reply(&mut self.wire, now, tx, 200, response.clone());
        let pause = self.wire.values.t1;
        let owner = Owner::Session(session);
        let again = self.wire.timers.arm(now + pause, owner, Timer::Again2xx);
        let limit = self.wire.timers.arm(now + self.wire.values.t64(), owner, Timer::NoAck);
        if let Some(Stage::Talking(talking)) = self.sessions.get_mut(session.0).map(|session| &mut session.stage) {
            talking.stop_repeating(&mut self.wire.timers);
            let ours = if quiet { talking.agreed.ours.clone() } else { Bytes::copy_from_slice(sdp.unwrap_or_default()) };
            let offered = match offer {
                _ if is_settled => None,
                Some(theirs) => {
                    talking.agreed = Agreed { ours, theirs: Some(theirs) };
                    None
                }
                // It holds once the ACK has brought their answer.
                None => Some(ours),
            };
            let unacked = Unacked { number, response, flow, pause, again, limit, first, offer: offered, answer, quiet };
            talking.unacked = Some(Box::new(unacked));
            self.agree(now, session, terms);
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
        self.wire.send(unacked.flow, unacked.response.clone(), Some(id));
        unacked.pause = unacked.pause.saturating_mul(2).min(self.wire.values.t2);
        unacked.again = self.wire.timers.arm(now + unacked.pause, Owner::Session(id), Timer::Again2xx);
    }

    pub(super) fn repeat_provisional(&mut self, now: Instant, id: SessionId) {
        let again = self.wire.timers.arm(now + PROVISIONAL_PAUSE, Owner::Session(id), Timer::Again1xx);
        let Some(incoming) = self.incoming(id) else { return self.wire.timers.disarm(again) };
        incoming.again = Some(again);
        let tx = incoming.tx;
        if incoming.provisionals.unacked.is_some() {
            // It is repeated more often than that.
            return;
        }
        if let Some((status, _)) = incoming.provisional.as_ref().filter(|_| incoming.provisionals.last.is_some()) {
            // What was acknowledged is over; the next has a number of its own.
            let status = *status;
            return self.ring(now, id, status, None);
        }
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
        let Some(invite) = ServerKey::of(message, &self.hash, Method::Invite.as_str().as_bytes()) else { return };
        let mut is_heard = false;
        if let Some(tx) = self.transactions.find(&invite) {
            let session = self.transactions.server(tx).and_then(|server| server.session);
            if let Some(session) = session {
                self.wire.hear(session, flow, message);
            }
            if !self.transactions.ack(&mut self.wire, now, tx) {
                if let Some(session) = session {
                    self.send_next(now, session);
                }
                return;
            }
            is_heard = true;
        }
        let Some(id) = message.to_tag().and_then(|tag| self.session_of(tag, message)) else { return };
        if !is_heard {
            self.wire.hear(id, flow, message);
        }
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        let Some(unacked) = talking.unacked.as_ref().filter(|unacked| unacked.number == number && talking.dialog.is_of(message)) else {
            return;
        };
        let (first, quiet) = (unacked.first, unacked.quiet);
        let sdp = unacked.offer.as_ref().and_then(|_| check::sdp(message));
        if let (Some(ours), Some(sdp)) = (&unacked.offer, &sdp) {
            talking.agreed = Agreed { ours: ours.clone(), theirs: Some(Sdp(self.hash.of(&[sdp]))) };
        }
        let sdp = sdp.or_else(|| unacked.answer.clone());
        talking.stop_repeating(&mut self.wire.timers);
        if talking.dialog.is_from(flow) {
            talking.dialog.flow = peer_flow(message, flow);
        }
        match talking.leave.take() {
            Some(reason) => return self.leave(now, id, EndReason::HungUp, reason.as_deref()),
            None if first => self.tell(id, SessionEvent::Confirmed { sdp }),
            None if quiet => {}
            None => self.tell(id, SessionEvent::Reconfirmed { sdp }),
        }
        self.send_next(now, id);
    }

    /// 9.2: their CANCEL. Its own transaction gets 200 when there is an INVITE that it means; the INVITE gets 487 while undecided.
    pub(super) fn cancelled(&mut self, now: Instant, arrived: Arrived<'_>, is_heard: &mut dyn FnMut(Stranger<'_>) -> bool) {
        let (flow, message) = (arrived.flow, arrived.message);
        let invite = ServerKey::of(message, &self.hash, Method::Invite.as_str().as_bytes()).and_then(|key| self.transactions.find(&key));
        let Some((invite, server)) = invite.and_then(|invite| Some((invite, self.transactions.server(invite)?))) else {
            return self.stray(&arrived, is_heard);
        };
        let (tag, session) = (server.tag, server.session);
        if let Some(session) = session {
            self.wire.hear(session, flow, message);
        }
        if !self.transactions.has_room_inside() {
            return self.refuse_for_room(&arrived, session);
        }
        // "the To tag of the response to the CANCEL and the To tag in the response to the original request SHOULD be the same"
        let tx = self.transactions.serve(&mut self.wire, now, arrived, tag);
        if let Some(session) = session {
            self.transactions.belongs(tx, session);
        }
        if let Some(head) = self.head(tx, 200, "") {
            self.transactions.reply(&mut self.wire, now, tx, 200, head.end());
        }
        if !self.transactions.is_proceeding(invite) {
            return;
        }
        self.refuse_invite(now, invite, 487, "", &[]);
        let Some(id) = session else { return };
        match self.sessions.get_mut(id.0).map(|session| &mut session.stage) {
            Some(Stage::Incoming(_)) => self.end(now, id, EndReason::Cancelled),
            // A re-INVITE was cancelled: the session goes on as it was (14.2).
            Some(Stage::Talking(talking)) => {
                talking.reoffer = None;
                talking.refused = Some(invite);
                self.send_next(now, id);
            }
            _ => {}
        }
    }

    /// A final refusal of an INVITE (or UPDATE).
    pub(super) fn refuse_invite(&mut self, now: Instant, tx: ServerTx, status: u16, reason: &str, headers: &[(&str, String)]) {
        let Some(mut head) = self.head(tx, status, reason) else { return };
        for (name, value) in headers {
            head.header(name, value);
        }
        // 21.4.26: what is not acceptable is said by a Warning.
        if matches!(status, 488 | 606)
            && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Warning"))
            && let Some(server) = self.transactions.server(tx)
        {
            head.header("Warning", format!("305 {} \"Incompatible media format\"", self.settings.seen_at(server.source)));
        }
        self.transactions.reply(&mut self.wire, now, tx, status, head.end());
    }

    pub(super) fn incoming(&mut self, id: SessionId) -> Option<&mut Incoming> {
        match &mut self.sessions.get_mut(id.0)?.stage {
            Stage::Incoming(incoming) => Some(incoming),
            _ => None,
        }
    }

    /// How we are named where the request of `tx` came from.
    pub(super) fn place_of(&self, tx: ServerTx) -> Option<OwnPlace> {
        self.transactions.server(tx).map(|server| self.settings.place(server.source))
    }
}
