//! The called side of RFC 3262: provisional responses that are repeated until their PRACK.
//!
//! ```text
//!   `ring`                    one is unacknowledged: the newest waits, with the description of the one whose place it takes
//!     |
//!     v
//!   sent                      again after T1, 2*T1, 4*T1, .. (not capped at T2)
//!     |  |
//!     |  +-- 64*T1 ---------> the INVITE gets 504, over
//!     v
//!   PRACK: 200                then the 2xx that was held, or what waits; every other PRACK: 481
//! ```
//!
//! A description in the first of them is the answer to the INVITE (or the offer, if that had none), and stands: what the owner describes
//! otherwise in [`Endpoint::answer`] is offered by a re-INVITE once the session is confirmed. The 2xx says the same answer again, word by word:
//! RFC 3261, 13.2.1 has a caller "ignore any session descriptions in subsequent responses", so one that goes by the book loses nothing, and
//! there are phones that take a 2xx without a description for one that went wrong. It says nothing where repeating would say something else:
//! after an UPDATE, and where the first description was our offer.

use std::time::Instant;

use bytes::Bytes;

use super::{EndReason, Endpoint, PROVISIONAL_PAUSE, ServerTx, SessionEvent, SessionId, check};
use crate::{
    early::{RELIABLE, RSEQ_START_MAX, Unpracked, Way},
    flow::Flow,
    message::Message,
    session::{Agreed, Incoming, Stage, disarm},
    timer::Timer,
    transaction::Owner,
};

/// RFC 3262, 3: "the UAS SHOULD reject the original request with a 5xx response". It is the way to the caller that timed out.
const NO_PRACK: u16 = 504;

/// What a PRACK means beside that a response has arrived.
enum News {
    Nothing,
    /// The answer to our offer in the 1xx.
    Answer(Bytes),
    /// A new offer.
    Offer,
}

impl Endpoint {
    /// Takes a provisional response that has to go out reliably. False: it goes out as it is.
    pub(super) fn ring_reliably(&mut self, now: Instant, id: SessionId, status: u16, sdp: Option<&[u8]>) -> bool {
        let how = self.settings.reliable;
        let Some(incoming) = self.incoming(id) else { return true };
        let must_wait = incoming.has_open_prack() || incoming.provisionals.unacked.is_some();
        let owes_offer = incoming.offer.is_none() && !incoming.exchange.is_begun();
        let provisionals = &mut incoming.provisionals;
        match provisionals.way(how, sdp.is_some(), owes_offer) {
            Way::Plainly => return false,
            Way::NotYet => return true,
            Way::Reliably => {}
        }
        let sdp = sdp.map(Bytes::copy_from_slice).or_else(|| provisionals.waiting.take().and_then(|(_, sdp)| sdp));
        if must_wait {
            provisionals.waiting = Some((status, sdp));
        } else {
            self.send_reliable(now, id, status, sdp);
        }
        true
    }

    fn send_reliable(&mut self, now: Instant, id: SessionId, status: u16, sdp: Option<Bytes>) {
        let Some(Incoming { tx, provisionals, .. }) = self.incoming(id) else { return };
        let (tx, last) = (*tx, provisionals.last);
        // "MUST NOT wrap around": it would take 2^31 responses to one INVITE.
        let rseq = last.map_or_else(|| self.wire.draw_between(1, RSEQ_START_MAX), |last| last.saturating_add(1));
        let (Some(mut head), Some(place)) = (self.head(tx, status, ""), self.place_of(tx)) else { return };
        head.own_contact(place).header("Allow", self.settings.extras.allow()).header("Require", RELIABLE).number_header("RSeq", rseq, "");
        let response = match &sdp {
            Some(sdp) => head.body(check::ACCEPT, sdp),
            None => head.end(),
        };
        self.transactions.reply(&mut self.wire, now, tx, status, response.clone());
        let (pause, t64, owner) = (self.wire.values.t1, self.wire.values.t64(), Owner::Session(id));
        let again = self.wire.timers.arm(now + pause, owner, Timer::AgainReliable);
        let limit = self.wire.timers.arm(now + t64, owner, Timer::NoPrack);
        let minute = self.wire.timers.arm(now + PROVISIONAL_PAUSE, owner, Timer::Again1xx);
        let Some(Stage::Incoming(incoming)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        let has_sdp = sdp.is_some();
        let unacked = Unpracked { rseq, status, response: response.clone(), has_sdp, pause, again, limit };
        incoming.provisionals.last = Some(rseq);
        incoming.provisionals.unacked = Some(Box::new(unacked));
        incoming.provisional = Some((status, response));
        let before = incoming.again.replace(minute);
        disarm(&mut self.wire.timers, before);
        match (sdp, incoming.offer) {
            (Some(ours), Some(theirs)) => incoming.exchange.agreed = Some(Agreed { ours, theirs: Some(theirs) }),
            (Some(ours), None) => incoming.exchange.offered = Some(ours),
            (None, _) => {}
        }
    }

    /// RFC 3262, 3: "an interval that starts at T1 seconds and doubles for each retransmission".
    pub(super) fn repeat_reliable(&mut self, now: Instant, id: SessionId) {
        let Some(Stage::Incoming(incoming)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        let Some(unacked) = &mut incoming.provisionals.unacked else { return };
        unacked.pause = unacked.pause.saturating_mul(2);
        unacked.again = self.wire.timers.arm(now + unacked.pause, Owner::Session(id), Timer::AgainReliable);
        let (tx, status, response) = (incoming.tx, unacked.status, unacked.response.clone());
        self.transactions.reply(&mut self.wire, now, tx, status, response);
    }

    /// Nothing of ours reaches the caller, or nothing of theirs us (B-47).
    pub(super) fn no_prack(&mut self, now: Instant, id: SessionId) {
        let Some(tx) = self.incoming(id).map(|incoming| incoming.tx) else { return };
        self.refuse_invite(now, tx, NO_PRACK, "", &[]);
        self.end(now, id, EndReason::NoPrack);
    }

    /// A PRACK of what waits for it ([`crate::session::Session::awaits`]). `from`: what it came by, and whether its peer has moved there.
    pub(super) fn pracked(&mut self, now: Instant, id: SessionId, tx: ServerTx, from: (Flow, bool), message: &Message) {
        let sdp = check::sdp(message);
        let theirs = sdp.as_ref().map(|sdp| self.hash_of(sdp));
        let news = match self.sessions.get_mut(id.0).map(|session| &mut session.stage) {
            Some(Stage::Incoming(incoming)) => {
                incoming.provisionals.disarm(&mut self.wire.timers);
                let exchange = &mut incoming.exchange;
                match (sdp, exchange.offered.take()) {
                    (Some(sdp), Some(ours)) => {
                        exchange.agreed = Some(Agreed { ours, theirs });
                        exchange.sdp = Some(sdp.clone());
                        News::Answer(sdp)
                    }
                    (Some(_), None) if exchange.agreed.is_some() => News::Offer,
                    // An offer before ours was answered: it is not the time for one. Without an answer ours is made again in the 2xx.
                    _ => News::Nothing,
                }
            }
            Some(Stage::Talking(talking)) => {
                talking.late_prack = None;
                News::Nothing
            }
            _ => return,
        };
        match news {
            News::Nothing => self.accept(now, tx, message),
            News::Answer(sdp) => {
                self.accept(now, tx, message);
                self.tell(id, SessionEvent::EarlyAnswered { sdp });
            }
            // RFC 3311, 5.2: one offer at a time.
            News::Offer if self.sessions.get_mut(id.0).is_some_and(|session| session.early(|_, open| open.ours_or_theirs()).is_some()) => {
                self.refuse_invite(now, tx, 491, "", &[]);
            }
            News::Offer => self.reoffered_early(now, id, tx, from, message),
        }
        self.acknowledged(now, id);
    }

    /// A PRACK came, or an offer within the early dialog was answered: what waited for that goes out, if nothing else is in its way.
    pub(super) fn acknowledged(&mut self, now: Instant, id: SessionId) {
        let Some(incoming) = self.incoming(id) else { return self.send_early(now, id) };
        if incoming.has_open_prack() || incoming.provisionals.unacked.is_some() {
            return;
        }
        if let Some(sdp) = incoming.answer.take() {
            self.answer_now(now, id, &sdp);
        } else if let Some((status, sdp)) = incoming.provisionals.waiting.take() {
            self.send_reliable(now, id, status, sdp);
        } else {
            self.send_early(now, id);
        }
    }
}
