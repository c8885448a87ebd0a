//! The calling side of RFC 3262: our PRACKs, and the early dialogs that they are sent in.
//!
//! Each To tag of a provisional response is an early dialog of its own, told by its [`Fork`]. A reliable response is acknowledged at once and in
//! order: one that comes again is absorbed, since its PRACK repeats itself, and one that leaves a gap is left alone until those before it have
//! come (RFC 3262, 4). The first description in a reliable response is the answer of that fork, and those after it say nothing
//! (RFC 3261, 13.2.1): our INVITE has the offer, so there is none to be made in a response.

use std::time::Instant;

use bytes::Bytes;

use super::{Endpoint, Fork, SessionEvent, SessionId, check};
use crate::{
    dialog::Dialog,
    early::{self, Early, Exchange, Prack, Turn},
    flow::Flow,
    message::{Message, Method},
    session::{Agreed, Calling, EARLY_MAX, PRACKS_MAX, Stage, Talking},
    transaction::{ClientTx, Outgoing, Purpose},
};

/// What a provisional response has to say to the owner.
pub(super) struct Heard {
    pub(super) fork: Option<Fork>,
    pub(super) sdp: Option<Bytes>,
}

impl Endpoint {
    /// A provisional response of a fork. `None`: it says nothing new, or not yet.
    pub(super) fn hear_fork(&mut self, now: Instant, tx: ClientTx, id: SessionId, flow: Flow, response: &Message) -> Option<Heard> {
        let sdp = check::sdp(response);
        let remote_tag = response.to_tag().unwrap_or_default();
        let has_room = self.transactions.has_room_inside() && self.calling(id)?.pracks < PRACKS_MAX;
        let theirs = sdp.as_ref().map(|sdp| self.hash_of(sdp));
        let calling = self.calling(id)?;
        let is_known = calling.early.iter().any(|early| early.dialog.remote_tag() == remote_tag);
        if !is_known
            && !remote_tag.is_empty()
            && let Some(flow) = self.transactions.answered_by(tx, flow)
            && let Some(dialog) = self.transactions.sent_invite(tx).and_then(|invite| Dialog::as_client(&invite, response, flow))
        {
            self.calling(id)?.add_early(dialog, EARLY_MAX);
        }
        let calling = self.calling(id)?;
        let ours = Bytes::clone(&calling.sdp);
        let Some(early) = calling.early.iter_mut().find(|early| early.dialog.remote_tag() == remote_tag) else {
            // What nobody remembers cannot be acknowledged either.
            return early::rseq_of(response).is_none().then_some(Heard { fork: None, sdp });
        };
        if early.is_over {
            return None;
        }
        let fork = early.fork;
        let rseq = early::rseq_of(response);
        if let Some(rseq) = rseq {
            match early.turn(rseq) {
                // There is no room for a PRACK: it comes again.
                _ if !has_room => return None,
                Turn::Next => early.rseq = Some(rseq),
                Turn::Again if early.prack == Prack::Refused => {
                    self.send_prack(now, id, fork, rseq, response);
                    return None;
                }
                Turn::Again | Turn::Gap => return None,
            }
        }
        early.exchange.peer_updates = early::updates(response, early.exchange.peer_updates);
        let sdp = sdp.filter(|_| early.exchange.agreed.is_none());
        if sdp.is_some() {
            early.exchange.sdp.clone_from(&sdp);
            if rseq.is_some() {
                early.exchange.agreed = Some(Agreed { ours, theirs });
            }
        }
        if let Some(rseq) = rseq {
            self.send_prack(now, id, fork, rseq, response);
        }
        Some(Heard { fork: Some(fork), sdp })
    }

    fn send_prack(&mut self, now: Instant, id: SessionId, fork: Fork, rseq: u32, response: &Message) {
        let Ok(cseq) = response.cseq() else { return };
        let branch = self.wire.draw_branch();
        let Some(Stage::Calling(calling)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        let Some(early) = calling.fork(fork) else { return };
        let flow = early.dialog.flow;
        let mut writer = early.dialog.next_request(Method::Prack, self.settings.via(flow, branch));
        writer.header("RAck", format!("{rseq} {} {}", cseq.number, Method::Invite.as_str()));
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        let outgoing = Outgoing { flow, branch, method: Method::Prack, bytes: writer.end(), purpose: Purpose::Prack(id, fork) };
        early.prack = Prack::Sent(self.transactions.request(&mut self.wire, now, outgoing));
        calling.pracks += 1;
    }

    /// A final response to a PRACK.
    pub(super) fn prack_answered(&mut self, now: Instant, tx: ClientTx, id: SessionId, fork: Fork, status: u16) {
        self.prack_is_over(id);
        let Some(early) = self.calling(id).and_then(|calling| calling.fork(fork)) else { return };
        if matches!(status, 408 | 481) {
            // 12.2.1.2: the dialog is over, and that alone: others may still ring.
            return self.end_fork(now, id, fork);
        }
        if early.prack == Prack::Sent(tx) {
            early.prack = if status < 300 { Prack::Done } else { Prack::Refused };
        }
        self.send_early(now, id);
    }

    /// Nobody has answered a PRACK: as 408 to it.
    pub(super) fn prack_unheard(&mut self, now: Instant, id: SessionId, fork: Fork) {
        self.prack_is_over(id);
        self.end_fork(now, id, fork);
    }

    fn prack_is_over(&mut self, id: SessionId) {
        if let Some(calling) = self.calling(id) {
            calling.pracks = calling.pracks.saturating_sub(1);
        }
    }

    /// One of several forks is over: 199 (RFC 6228), or nobody there knows of it any more.
    pub(super) fn end_fork(&mut self, now: Instant, id: SessionId, fork: Fork) {
        let Some(early) = self.calling(id).and_then(|calling| calling.fork(fork)) else { return };
        early.is_over = true;
        let exchange = std::mem::take(&mut early.exchange);
        self.release(now, exchange, 481);
        self.tell(id, SessionEvent::ForkEnded { fork });
    }

    /// The INVITE of `id` has its final response, or will have none that matters: its early dialogs are over.
    pub(super) fn release_all(&mut self, now: Instant, id: SessionId) {
        let open = self.sessions.get_mut(id.0).map(|session| session.take_exchanges()).unwrap_or_default();
        open.into_iter().for_each(|exchange| self.release(now, exchange, 487));
    }

    /// Nobody will say anything about the offers of `exchange` any more.
    pub(super) fn release(&mut self, now: Instant, mut exchange: Exchange, status: u16) {
        exchange.disarm(&mut self.wire.timers);
        if let Some(tx) = exchange.sent() {
            self.transactions.drop_client(&mut self.wire, tx);
        }
        if let Some(reoffer) = exchange.reoffer {
            self.refuse_invite(now, reoffer.tx, status, "", &[]);
        }
    }

    /// A fork has answered: its `talking` goes on where its early dialog, one of `early`, stands; the others are over.
    pub(super) fn confirm_fork(&mut self, now: Instant, early: Vec<Early>, talking: &mut Talking) {
        for early in early {
            if early.dialog.remote_tag() == talking.dialog.remote_tag() && !early.is_over {
                let mut exchange = early.exchange;
                exchange.disarm(&mut self.wire.timers);
                talking.take_over(exchange);
            } else {
                self.release(now, early.exchange, 481);
            }
        }
    }

    pub(super) fn calling(&mut self, id: SessionId) -> Option<&mut Calling> {
        match &mut self.sessions.get_mut(id.0)?.stage {
            Stage::Calling(calling) => Some(calling),
            _ => None,
        }
    }
}
