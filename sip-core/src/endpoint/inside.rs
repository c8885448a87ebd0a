//! What happens within a session: their requests, our BYE, the end.

use std::time::Instant;

use bytes::Bytes;

use super::{
    EndReason, Endpoint, EndpointSettings, MESSAGE_OCTETS_MAX, SessionEvent, SessionId, Stranger, Unsent,
    check::{self, Refusal},
};
use crate::{
    dialog::Dialog,
    early::Exchange,
    message::{Message, Method, Name, peer_flow, reason_header},
    session::{Incoming, Leaving, Reoffer, Session, Stage, Stop, Talking},
    transaction::{Arrived, Outgoing, Purpose},
};

/// 14.2 and RFC 3311, 5.2: "a Retry-After header field with a randomly chosen value of between 0 and 10 seconds".
const GLARE_RETRY_S: (u32, u32) = (0, 10);

/// RFC 3326, 3.1: the words that phones look for.
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// What a request within a session leads to.
enum Step {
    Refuse(Refusal),
    /// 500 with Retry-After: not now.
    Wait,
    Done,
    Bye,
    Reoffer,
    Info,
    Prack,
    Refer,
    Subscribe,
    Message,
}

impl Endpoint {
    /// Ends a session as its state asks: 487, CANCEL, BYE. Leads to `Ended`, unless its end was told already.
    /// `reason` is a Q.850 cause and its text (RFC 3326).
    pub fn hangup(&mut self, now: Instant, session: SessionId, reason: Option<(u8, &str)>) {
        self.hang_up(now, session, reason.map(|(cause, text)| reason_header(cause, text)));
    }

    /// The same, for one of several whom a call rang: another has answered it, so that nobody has missed it (RFC 3326, 2).
    pub fn hangup_elsewhere(&mut self, now: Instant, session: SessionId) {
        self.hang_up(now, session, Some(ELSEWHERE.to_owned()));
    }

    fn hang_up(&mut self, now: Instant, session: SessionId, reason: Option<String>) {
        let Some(entry) = self.sessions.get_mut(session.0) else { return };
        match &mut entry.stage {
            Stage::Incoming(incoming) => {
                let tx = incoming.tx;
                let headers: Vec<_> = reason.map(|reason| ("Reason", reason)).into_iter().collect();
                self.refuse_invite(now, tx, 487, "", &headers);
                self.end(now, session, EndReason::HungUp);
            }
            Stage::Calling(_) => self.stop_calling(now, session, EndReason::HungUp, reason),
            // 15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK for its 2xx".
            Stage::Talking(talking) if talking.unacked.as_ref().is_some_and(|unacked| unacked.first) => {
                talking.leave.get_or_insert(reason);
            }
            Stage::Talking(_) => self.leave(now, session, EndReason::HungUp, reason.as_deref()),
            Stage::Leaving(_) => {}
        }
    }

    /// Sends an INFO (RFC 6086) within a confirmed session. Its response is not told, but a lost dialog is: 408, 481 or 64*T1 of silence. A way
    /// that is gone is no lost dialog.
    pub fn info(&mut self, now: Instant, session: SessionId, content_type: &str, body: &[u8]) {
        // Where it cannot be sent there is nobody to tell.
        let _ = self.ask_inside(now, Purpose::Info(session), Some((content_type, body)));
    }

    /// Asks by OPTIONS whether the other side still knows of a confirmed session; if not, or if there is no way to ask, it ends with
    /// [`EndReason::DialogLost`].
    pub fn probe(&mut self, now: Instant, session: SessionId) {
        // The next one may find room.
        let _ = self.ask_inside(now, Purpose::Probe(session), None);
    }

    pub(super) fn ask_inside(&mut self, now: Instant, purpose: Purpose, content: Option<(&str, &[u8])>) -> Result<(), Unsent> {
        let method = match purpose {
            Purpose::Probe(_) => Method::Options,
            Purpose::Text(_) => Method::Message,
            _ => Method::Info,
        };
        let session = purpose.session().and_then(|session| self.sessions.get_mut(session.0));
        let Some(Stage::Talking(talking)) = session.map(|session| &mut session.stage) else { return Err(Unsent::Not) };
        if !self.transactions.has_room_inside() {
            return Err(Unsent::Not);
        }
        let branch = self.wire.draw_branch();
        let mut writer = talking.dialog.next_request(method, self.settings.via(talking.dialog.flow, branch));
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        let bytes = match content {
            Some((kind, body)) => writer.body(kind, body),
            None => writer.end(),
        };
        if method == Method::Message && bytes.len() > MESSAGE_OCTETS_MAX {
            // 12.2.1.1: numbers have no gap.
            talking.dialog.give_back();
            return Err(Unsent::TooLong);
        }
        let outgoing = Outgoing { flow: talking.dialog.flow, branch, method, bytes, purpose };
        self.transactions.request(&mut self.wire, now, outgoing);
        Ok(())
    }

    /// A request whose To tag is that of session `id`.
    pub(super) fn inside(&mut self, now: Instant, arrived: Arrived<'_>, id: SessionId, is_heard: &mut dyn FnMut(Stranger<'_>) -> bool) {
        let (flow, message) = (arrived.flow, arrived.message);
        self.wire.hear(id, flow, message);
        let is_bye = message.method() == Method::Bye;
        if !self.transactions.has_room_inside() {
            return self.refuse_for_room(&arrived, Some(id));
        }
        if !is_bye && !self.transactions.has_room_of(id) {
            // 21.4.27: of this dialog alone. A 503 would speak of the whole server.
            return self.refuse_stateless(&arrived, &Refusal::plain(491), Some(id));
        }
        let is_at_home =
            self.sessions.get_mut(id.0).and_then(|session| session.dialog_of(message)).is_none_or(|dialog| dialog.is_from(flow));
        // Who has seen a call's tags, in a trace of its messages or on the wire, is not its peer for that. Its number is not taken either: a
        // high one would have the peer's own refused.
        if !is_at_home && !is_bye && !is_heard(Stranger::Elsewhere) {
            return self.refuse_stateless(&arrived, &Refusal::plain(403), Some(id));
        }
        let Some(session) = self.sessions.get_mut(id.0) else { return };
        let tag = session.tag;
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        let is_due = session.awaits(message);
        let dialog = session.dialog_of(message);
        let mut has_moved = false;
        let (known, in_order) = match dialog {
            Some(dialog) => {
                let before = dialog.flow;
                let in_order = dialog.take_seq(number);
                if in_order && (is_at_home || !is_bye) {
                    // The NAT may have moved the peer: it is reached where it was last heard.
                    dialog.flow = peer_flow(message, flow);
                    has_moved = dialog.flow != before;
                }
                (true, in_order)
            }
            None => (false, true),
        };
        // 12.2.2: "lower than the remote sequence number ... MUST be rejected with a 500". Not a PRACK that another request has overtaken: its
        // RAck says what it follows on, and with a 500 the call would end for want of it.
        let step = if in_order || (known && is_due) {
            step_of(session, message, known, &self.settings)
        } else {
            Step::Refuse(Refusal::plain(500))
        };
        let tx = self.transactions.serve(&mut self.wire, now, arrived, tag);
        self.transactions.belongs(tx, id);
        match step {
            Step::Wait => {
                let seconds = self.wire.draw_between(GLARE_RETRY_S.0, GLARE_RETRY_S.1);
                self.refuse_invite(now, tx, 500, "", &[("Retry-After", seconds.to_string())]);
            }
            Step::Refuse(refusal) => {
                let headers: Vec<_> = refusal.header.into_iter().collect();
                self.refuse_invite(now, tx, refusal.status, refusal.reason, &headers);
                if message.method() == Method::Invite
                    && let Some(talking) = self.talking(id)
                {
                    talking.refused = Some(tx);
                }
            }
            Step::Done => {
                self.accept(now, tx, message);
                if message.method() == Method::Update {
                    if let Some(dialog) = self.sessions.get_mut(id.0).and_then(|session| session.dialog_of(message)) {
                        dialog.refresh_target(message);
                    }
                    self.agree_as_server(now, id, message);
                }
            }
            Step::Prack => self.pracked(now, id, tx, (flow, has_moved), message),
            Step::Reoffer if self.talking(id).is_none() => self.reoffered_early(now, id, tx, (flow, has_moved), message),
            Step::Refer => self.referred(now, id, tx, message),
            Step::Message => self.texted(now, id, tx, message),
            Step::Subscribe => self.subscribed_inside(now, id, tx, message),
            Step::Info => {
                self.accept(now, tx, message);
                let content_type = Bytes::copy_from_slice(message.header(Name::ContentType).unwrap_or_default());
                self.tell(id, SessionEvent::Info { content_type, body: message.body_bytes() });
            }
            Step::Bye => {
                self.accept(now, tx, message);
                self.hung_up(now, id);
            }
            Step::Reoffer => {
                let sdp = check::sdp(message);
                let offer = sdp.as_ref().map(|sdp| self.hash_of(sdp));
                let Some(talking) = self.talking(id) else { return };
                talking.dialog.refresh_target(message);
                talking.reoffer = Some(Reoffer { tx, method: message.method(), number, offer });
                let ours = talking.agreed.ours.clone();
                if offer.is_some() && offer == talking.agreed.theirs && !ours.is_empty() && !has_moved {
                    // RFC 4028, 7.4, RFC 3264, 8: a refresh. Our answer is what it was.
                    return self.accept_reoffer(now, id, &ours, true);
                }
                self.tell(id, SessionEvent::Reoffered { sdp, flow, fork: None });
            }
        }
    }

    /// 200 to what needs nobody's decision.
    pub(super) fn accept(&mut self, now: Instant, tx: super::ServerTx, message: &Message) {
        let Some(mut head) = self.head(tx, 200, "") else { return };
        match message.method() {
            Method::Options => {
                head.header("Allow", self.settings.extras.allow()).header("Accept", check::ACCEPT);
                if !self.settings.extras.allow_events().is_empty() {
                    head.header("Allow-Events", self.settings.extras.allow_events());
                }
            }
            Method::Update => {
                let Some(place) = self.place_of(tx) else { return };
                head.own_contact(place).header("Allow", self.settings.extras.allow());
                // Session timers begin with the 2xx to the INVITE.
                let id = self.transactions.server(tx).and_then(|server| server.session);
                if id.is_some_and(|id| self.talking(id).is_some())
                    && let Some(terms) = self.terms_for(tx)
                {
                    terms.agree(&mut head, message);
                }
            }
            _ => {}
        }
        self.transactions.reply(&mut self.wire, now, tx, 200, head.end());
    }

    /// Their BYE (15.1.2), in whatever state it finds the session.
    fn hung_up(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id.0) else { return };
        match &mut session.stage {
            // "The UAS MUST still respond to any pending requests received for that dialog ... 487".
            Stage::Incoming(incoming) => {
                let tx = incoming.tx;
                self.refuse_invite(now, tx, 487, "", &[]);
                self.end(now, id, EndReason::Bye);
            }
            Stage::Talking(talking) => {
                let pending = talking.reoffer.take().map(|reoffer| reoffer.tx);
                // Hung up by us as well, before the ACK: what we asked for has come.
                let why = if talking.leave.is_some() { EndReason::HungUp } else { EndReason::Bye };
                if let Some(tx) = pending {
                    self.refuse_invite(now, tx, 487, "", &[]);
                }
                self.close_refer(now, id, "noresource");
                self.end(now, id, why);
            }
            // Not theirs to send on an early dialog (15), but they are gone: our INVITE will hear no more from them.
            Stage::Calling(calling) => {
                if matches!(calling.stop, Stop::No) {
                    self.tell_end(id, SessionEvent::Ended { why: EndReason::Bye });
                    self.stop_calling(now, id, EndReason::Bye, None);
                }
            }
            // The two BYEs crossed: both sides are satisfied (B-42).
            Stage::Leaving(leaving) => {
                let why = leaving.why;
                self.end(now, id, why);
            }
        }
    }

    /// Our BYE, after which the session only waits for its answer.
    pub(super) fn leave(&mut self, now: Instant, id: SessionId, why: EndReason, reason: Option<&str>) {
        self.close_refer(now, id, "noresource");
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        talking.disarm(&mut self.wire.timers);
        let pending = talking.reoffer.take().map(|reoffer| reoffer.tx);
        let dialog = talking.dialog.clone();
        if let Some(tx) = self.sessions.get(id.0).and_then(|session| session.open_reinvite()) {
            self.transactions.hurry(&mut self.wire, now, tx);
        }
        if let Some(tx) = pending {
            self.refuse_invite(now, tx, 487, "", &[]);
        }
        self.send_last_bye(now, id, dialog, why, reason);
    }

    /// Sends the BYE for whose answer the session stays. Without a transaction nothing will be heard of it, and the session is over.
    pub(super) fn send_last_bye(&mut self, now: Instant, id: SessionId, mut dialog: Dialog, why: EndReason, reason: Option<&str>) {
        let sent = self.send_bye(now, &mut dialog, reason, Purpose::Bye(id));
        if let Some(session) = self.sessions.get_mut(id.0) {
            session.stage = Stage::Leaving(Leaving { dialog, why });
        }
        if !sent {
            self.left(now, id);
        }
    }

    /// Our BYE, for which nobody waits: the session is over now.
    pub(super) fn bye_and_forget(&mut self, now: Instant, id: SessionId, why: EndReason, reason: Option<&str>) {
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        let pending = talking.reoffer.take().map(|reoffer| reoffer.tx);
        let mut dialog = talking.dialog.clone();
        if let Some(tx) = pending {
            self.refuse_invite(now, tx, 487, "", &[]);
        }
        self.send_bye(now, &mut dialog, reason, Purpose::Nobody(id));
        self.end(now, id, why);
    }

    /// Our BYE is answered, or will never be: "the UAC MUST consider the session and the dialog terminated" (15.1.1).
    pub(super) fn left(&mut self, now: Instant, id: SessionId) {
        if let Some(Stage::Leaving(leaving)) = self.sessions.get(id.0).map(|session| &session.stage) {
            let why = leaving.why;
            self.end(now, id, why);
        }
    }

    /// 12.2.1.2: "If the response for a request within a dialog is a 481 or a 408, the UAC SHOULD terminate the dialog".
    pub(super) fn dialog_lost(&mut self, now: Instant, id: SessionId) {
        self.bye_and_forget(now, id, EndReason::DialogLost, None);
    }

    /// False when there is no room for its transaction: it was sent once and is on its own.
    pub(super) fn send_bye(&mut self, now: Instant, dialog: &mut Dialog, reason: Option<&str>, purpose: Purpose) -> bool {
        let branch = self.wire.draw_branch();
        let mut writer = dialog.next_request(Method::Bye, self.settings.via(dialog.flow, branch));
        if let Some(reason) = reason {
            writer.header("Reason", reason);
        }
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        let (flow, bytes) = (dialog.flow, writer.end());
        let room = self.transactions.has_room_inside();
        if room {
            self.transactions.request(&mut self.wire, now, Outgoing { flow, branch, method: Method::Bye, bytes, purpose });
        } else {
            self.wire.send(flow, bytes, purpose.session());
        }
        room
    }
}

/// What a request in order leads to. `known`: its From tag is that of the dialog.
fn step_of(session: &Session, message: &Message, known: bool, settings: &EndpointSettings) -> Step {
    let method = message.method();
    match &session.stage {
        // A fork whose 1xx and 2xx are still on their way speaks already. It has our INVITE, or it would not know our tag.
        Stage::Calling(_) if !known && method != Method::Bye => return Step::Wait,
        Stage::Calling(_) => {}
        _ if !known => return Step::Refuse(Refusal::plain(481)),
        Stage::Leaving(_) if method != Method::Bye => return Step::Refuse(Refusal::plain(481)),
        _ => {}
    }
    let has_content = matches!(method, Method::Invite | Method::Update);
    let is_answered_with_sdp = method == Method::Invite || !message.body().is_empty();
    let about_media = |()| {
        check::content(message)?;
        if is_answered_with_sdp {
            check::accepts_sdp(message)?;
        }
        check::session_interval(message, settings)
    };
    if let Err(refusal) = check::extensions(message, settings).and_then(|()| if has_content { about_media(()) } else { Ok(()) }) {
        return Step::Refuse(refusal);
    }
    match method {
        Method::Bye => Step::Bye,
        Method::Info => Step::Info,
        Method::Options => Step::Done,
        Method::Invite => reoffered(session, message),
        Method::Update if message.body().is_empty() => Step::Done,
        Method::Update => reoffered(session, message),
        Method::Prack if session.awaits(message) => Step::Prack,
        // RFC 3262, 3: nothing waits for it (any more).
        Method::Prack => Step::Refuse(Refusal::plain(481)),
        // Who has not been answered is no party to be transferred: the INVITE is pending.
        Method::Refer if settings.extras.transfers && !matches!(session.stage, Stage::Talking(_)) => Step::Refuse(Refusal::plain(491)),
        Method::Refer if settings.extras.transfers => Step::Refer,
        Method::Subscribe if settings.extras.transfers => Step::Subscribe,
        Method::Message if settings.extras.messages => Step::Message,
        _ => Step::Refuse(Refusal::with(405, "Allow", settings.extras.allow())),
    }
}

/// One offer at a time: 14.2 for re-INVITE, RFC 3311, 5.2 for UPDATE.
fn reoffered(session: &Session, message: &Message) -> Step {
    let is_invite = message.method() == Method::Invite;
    let ours = Step::Refuse(Refusal::plain(491));
    let theirs = Step::Wait;
    match &session.stage {
        // Their first INVITE has no final response yet.
        Stage::Incoming(_) if is_invite => theirs,
        Stage::Incoming(Incoming { exchange, .. }) => match exchange {
            Exchange { reoffer: Some(_), .. } => theirs,
            _ if exchange.sent().is_some() || exchange.offered.is_some() => ours,
            Exchange { agreed: None, .. } => theirs,
            _ => Step::Reoffer,
        },
        // Our INVITE is in progress.
        Stage::Calling(calling) if is_invite || session.told || !matches!(calling.stop, Stop::No) => ours,
        // The owner is asked about one at a time.
        Stage::Calling(calling) if calling.early.iter().any(|early| early.exchange.reoffer.is_some()) => theirs,
        Stage::Calling(calling) => match calling.early.iter().find(|early| early.dialog.is_of(message)) {
            Some(early) if early.exchange.agreed.is_some() && early.exchange.sent().is_none() => Step::Reoffer,
            _ => ours,
        },
        Stage::Talking(Talking { reoffer: Some(_), .. }) => theirs,
        // 14.2: ours is on its way.
        Stage::Talking(_) if session.open_reinvite().is_some() => ours,
        // Our 2xx waits for its ACK: another INVITE must wait for that, an UPDATE only if the ACK is to bring an answer.
        Stage::Talking(Talking { unacked: Some(unacked), .. }) if is_invite || unacked.offer.is_some() => ours,
        Stage::Talking(_) => Step::Reoffer,
        Stage::Leaving(_) => Step::Refuse(Refusal::plain(481)),
    }
}
