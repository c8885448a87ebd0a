//! Offers within early dialogs (RFC 3311): their UPDATE (or the offer in a PRACK), and ours.
//!
//! There is an UPDATE with an offer only once the INVITE's own offer was answered reliably; before that, theirs gets 500 or 491. As caller,
//! the owner is asked about the offer of one fork at a time. What is open when the session is confirmed goes on in it, and an offer of ours
//! that could not go by UPDATE yet goes by re-INVITE then.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{EndReason, Endpoint, ServerTx, SessionEvent, SessionId, check, refusal};
use crate::{
    early::{self, EarlyDialog, Exchange},
    flow::Flow,
    message::{Message, Method, Name},
    session::{Agreed, Ours, Progress, Reoffer, Stage},
    timer::Timer,
    transaction::{ClientTx, Outgoing, Owner, Purpose},
};

/// Why [`Endpoint::reoffer`] cannot take an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReofferError {
    /// There is no such session, or it is about to end.
    Over,
    /// The first offer has no answer yet that went or came reliably (RFC 3311, 5.1).
    NotAgreed,
    /// The other side does not take UPDATE, and before a session is confirmed there is nothing else.
    NoUpdate,
    /// Several forks ring, and none is meant.
    SeveralForks,
}

impl fmt::Display for ReofferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Over => "the session is over",
            Self::NotAgreed => "the first offer has no reliable answer yet",
            Self::NoUpdate => "the other side takes no UPDATE before the answer",
            Self::SeveralForks => "several forks ring",
        })
    }
}

impl std::error::Error for ReofferError {}

impl Endpoint {
    /// Their offer within an early dialog, which nothing stands against. `from`: what it came by, and whether its peer has moved there.
    pub(super) fn reoffered_early(&mut self, now: Instant, id: SessionId, tx: ServerTx, from: (Flow, bool), message: &Message) {
        let (flow, has_moved) = from;
        let sdp = check::sdp(message);
        let offer = sdp.as_ref().map(|sdp| self.hash_of(sdp));
        let Some(EarlyDialog { dialog, exchange, fork, .. }) =
            self.sessions.get_mut(id.0).and_then(|session| session.early(|dialog, _| dialog.is_of(message)))
        else {
            return;
        };
        if message.method() == Method::Update {
            dialog.refresh_target(message);
        }
        exchange.peer_updates = early::updates(message, exchange.peer_updates);
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        exchange.reoffer = Some(Reoffer { tx, method: message.method(), number, offer });
        exchange.asked.clone_from(&sdp);
        let same = exchange
            .agreed
            .as_ref()
            .filter(|agreed| agreed.theirs == offer && offer.is_some() && !has_moved)
            .map(|agreed| agreed.ours.clone());
        match same {
            // Said again: so is our answer.
            Some(ours) => {
                self.answer_early(now, id, Ok(&ours));
            }
            None => self.tell(id, SessionEvent::Reoffered { sdp, flow, fork }),
        }
    }

    /// The owner's word on an offer of theirs within an early dialog. False: there is none.
    pub(super) fn answer_early(&mut self, now: Instant, id: SessionId, outcome: Result<&[u8], u16>) -> bool {
        let Some(EarlyDialog { exchange, .. }) =
            self.sessions.get_mut(id.0).and_then(|session| session.early(|_, exchange| exchange.reoffer.is_some()))
        else {
            return false;
        };
        let (Some(Reoffer { tx, method, offer, .. }), asked) = (exchange.reoffer.take(), exchange.asked.take()) else { return false };
        match outcome {
            Ok(sdp) => {
                let ours = Bytes::copy_from_slice(sdp);
                exchange.changed |= exchange.agreed.as_ref().is_none_or(|agreed| agreed.theirs != offer || agreed.ours != ours);
                exchange.agreed = Some(Agreed { ours, theirs: offer });
                exchange.sdp = asked;
                if let (Some(mut head), Some(place)) = (self.head(tx, 200, ""), self.place_of(tx)) {
                    if method == Method::Update {
                        head.own_contact(place).header("Allow", self.settings.extras.allow());
                    }
                    self.transactions.reply(&mut self.wire, now, tx, 200, head.body(check::ACCEPT, sdp));
                }
            }
            Err(status) => self.refuse_invite(now, tx, refusal(status), "", &[]),
        }
        self.acknowledged(now, id);
        true
    }

    /// The owner's offer before the session is confirmed.
    pub(super) fn reoffer_early(&mut self, now: Instant, id: SessionId, sdp: &[u8]) -> Result<(), ReofferError> {
        let session = self.sessions.get_mut(id.0).filter(|session| !session.told).ok_or(ReofferError::Over)?;
        let forks = match &session.stage {
            Stage::Incoming(_) => 1,
            Stage::Calling(calling) => calling.early.iter().filter(|early| !early.is_over).count(),
            Stage::Talking(_) | Stage::Leaving(_) => return Err(ReofferError::Over),
        };
        if forks > 1 {
            return Err(ReofferError::SeveralForks);
        }
        let early = session.early(|_, exchange| exchange.agreed.is_some()).ok_or(ReofferError::NotAgreed)?;
        if !early.exchange.peer_updates {
            return Err(ReofferError::NoUpdate);
        }
        early.exchange.next = Some(Bytes::copy_from_slice(sdp));
        self.send_early(now, id);
        Ok(())
    }

    /// Sends what waits, unless something is open.
    pub(super) fn send_early(&mut self, now: Instant, id: SessionId) {
        let has_room = self.transactions.has_room_inside();
        let wants = |exchange: &Exchange| {
            let waits = |ours: &Ours| matches!(ours.progress, Progress::Waiting(None));
            exchange.ours.as_deref().map_or(exchange.next.is_some(), waits)
        };
        let Some(EarlyDialog { dialog, exchange, is_quiet: true, .. }) =
            self.sessions.get_mut(id.0).and_then(|session| session.early(|_, exchange| wants(exchange)))
        else {
            return;
        };
        if exchange.reoffer.is_some() || exchange.agreed.is_none() || !has_room {
            return;
        }
        let ours = exchange.ours.get_or_insert_with(|| Box::new(Ours::new(None)));
        if let Some(next) = exchange.next.take() {
            ours.offer = Some(next);
        }
        let Some(offer) = &ours.offer else { return };
        let branch = self.wire.draw_branch();
        let flow = dialog.flow;
        let mut writer = dialog.next_request(Method::Update, self.settings.via(flow, branch));
        writer.own_contact(self.settings.place(flow)).header("Allow", self.settings.extras.allow());
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        let (bytes, number) = (writer.body(check::ACCEPT, offer), dialog.last_number());
        let outgoing = Outgoing { flow, branch, method: Method::Update, bytes, purpose: Purpose::Reoffer(id) };
        let tx = self.transactions.request(&mut self.wire, now, outgoing);
        ours.progress = Progress::Sent { tx, is_invite: false, number, limit: None };
    }

    /// A final response to our UPDATE within an early dialog. False: `tx` is none.
    pub(super) fn early_offer_answered(&mut self, now: Instant, tx: ClientTx, id: SessionId, response: &Message) -> bool {
        if self.sessions.get_mut(id.0).is_none_or(|session| session.early(|_, exchange| exchange.has_sent(tx)).is_none()) {
            return false;
        }
        let sdp = check::sdp(response);
        let theirs = sdp.as_ref().map(|sdp| self.hash_of(sdp));
        let glare = self.glare_pause(id);
        let Some(EarlyDialog { dialog, exchange, .. }) =
            self.sessions.get_mut(id.0).and_then(|session| session.early(|_, exchange| exchange.has_sent(tx)))
        else {
            return false;
        };
        let Some(mut ours) = exchange.ours.take() else { return false };
        let status = response.status();
        let event = match status {
            200..=299 => {
                dialog.refresh_target(response);
                // An offer without an answer leaves what was agreed.
                if let (Some(_), Some(ours)) = (theirs, ours.offer.take()) {
                    exchange.agreed = Some(Agreed { ours, theirs });
                    exchange.sdp.clone_from(&sdp);
                    exchange.changed = true;
                }
                SessionEvent::ReofferAnswered { sdp }
            }
            408 | 481 => {
                exchange.ours = Some(ours);
                self.early_lost(now, id);
                return true;
            }
            _ => match ours.pause(response, glare) {
                Some(pause) => {
                    let armed = self.wire.timers.arm(now + pause, Owner::Session(id), Timer::Retry);
                    ours.progress = Progress::Waiting(Some(armed));
                    exchange.ours = Some(ours);
                    return true;
                }
                None => SessionEvent::ReofferRefused { status },
            },
        };
        self.tell(id, event);
        self.acknowledged(now, id);
        true
    }

    /// Our UPDATE may go out again.
    pub(super) fn retry_early(&mut self, now: Instant, id: SessionId) {
        let waits = |exchange: &Exchange| exchange.ours.as_deref().is_some_and(|ours| !ours.is_sent());
        let early = self.sessions.get_mut(id.0).and_then(|session| session.early(|_, exchange| waits(exchange)));
        if let Some(ours) = early.and_then(|early| early.exchange.ours.as_deref_mut()) {
            ours.progress = Progress::Waiting(None);
            self.send_early(now, id);
        }
    }

    /// 12.2.1.2: our UPDATE met 481, 408 or silence. As callee that is the end of the call, as caller that of the fork.
    pub(super) fn early_lost(&mut self, now: Instant, id: SessionId) {
        let waits = |exchange: &Exchange| exchange.sent().is_some();
        let Some(EarlyDialog { fork, .. }) = self.sessions.get_mut(id.0).and_then(|session| session.early(|_, exchange| waits(exchange)))
        else {
            return;
        };
        match (fork, self.incoming(id).map(|incoming| incoming.tx)) {
            (Some(fork), _) => self.end_fork(now, id, fork),
            (None, Some(tx)) => {
                self.refuse_invite(now, tx, 500, "", &[]);
                self.end(now, id, EndReason::DialogLost);
            }
            (None, None) => {}
        }
    }
}

impl Ours {
    /// How long to wait before it goes out again after a refusal that passes (14.1, 14.2); `None`: it is refused.
    fn pause(&mut self, response: &Message, glare: Duration) -> Option<Duration> {
        self.tries = self.tries.saturating_add(1);
        let after = response.header(Name::RetryAfter).and_then(super::reoffer::leading_seconds);
        match (response.status(), after) {
            _ if self.tries >= super::reoffer::TRIES_MAX => None,
            (491, _) => Some(glare),
            (500, Some(after)) => Some(Duration::from_secs(after.clamp(1, super::reoffer::RETRY_AFTER_S_MAX).into())),
            _ => None,
        }
    }
}
