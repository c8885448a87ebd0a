//! What we ask for within a session: the owner's new offers (RFC 3261, 14.1), and the refreshes of the session timer (RFC 4028, 10).
//!
//! Both are an [`Ours`]: one at a time, and never while an offer or a 2xx of the other direction is open.
//!
//! ```text
//!   `reoffer`, timer Refresh
//!        |
//!        v
//!     Waiting          nothing else open: send; an offer goes by re-INVITE, a refresh by UPDATE if the peer knows it
//!      |   ^
//!      v   |           491, 422, 405 to UPDATE, a refresh refused otherwise: wait, then again
//!     Sent             2xx: over, told; refused: over, told; 481, 408, nothing: the session is over
//!                      timer C: CANCEL, and then as it comes
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{
    EndReason, Endpoint, ReofferError, SessionEvent, SessionId, TIMER_C_S,
    check::{self, ACCEPT},
};
use crate::{
    flow::Flow,
    message::{Message, Method, Name, reason_header, seconds},
    session::{Ours, Progress, Stage, Talking, disarm},
    terms::{Refresher, Terms},
    timer::Timer,
    transaction::{ClientTx, Outgoing, OutgoingInvite, Owner, Purpose},
};

/// How often one offer goes out again after 491, 422 and the like.
pub(super) const TRIES_MAX: u8 = 8;
/// 14.1: pauses after a 491, in milliseconds, "in units of 10 ms": the owner of the Call-ID waits longer.
const GLARE_CALLER_MS: (u32, u32) = (2_100, 4_000);
const GLARE_CALLEE_MS: (u32, u32) = (0, 2_000);
/// The longest Retry-After that a refresh heeds: the session expires meanwhile.
pub(super) const RETRY_AFTER_S_MAX: u32 = 60;
/// When there is no room for a transaction.
const NO_ROOM_PAUSE: Duration = Duration::from_secs(1);

impl Endpoint {
    /// Offers new media within a confirmed session (`Answered`, `Confirmed`), by a re-INVITE as soon as nothing else is open in it. It
    /// leads to [`SessionEvent::ReofferAnswered`] or [`SessionEvent::ReofferRefused`], or to the end of the session. An offer that is not
    /// out yet when the next comes gives way to it, and only the newest is told of.
    ///
    /// Before that it goes by UPDATE (RFC 3311), if the first offer was answered reliably (RFC 3262); it may also lead to
    /// [`SessionEvent::ForkEnded`] then. One that is not out yet when the session is confirmed goes by re-INVITE.
    ///
    /// # Errors
    /// The session is over, or not so far, or the other side takes no UPDATE: nothing was taken.
    pub fn reoffer(&mut self, now: Instant, session: SessionId, sdp: &[u8]) -> Result<(), ReofferError> {
        let Some(talking) = self.talking(session) else { return self.reoffer_early(now, session, sdp) };
        if talking.leave.is_some() {
            return Err(ReofferError::Over);
        }
        talking.next = Some(Bytes::copy_from_slice(sdp));
        self.send_next(now, session);
        Ok(())
    }

    /// Sends what waits, unless something is open.
    pub(super) fn send_next(&mut self, now: Instant, id: SessionId) {
        let Some(talking) = self.talking(id) else { return };
        if !talking.ours.as_ref().is_some_and(|ours| ours.is_sent())
            && let Some(next) = talking.next.take()
        {
            match &mut talking.ours {
                // What waits was a refresh, which the offer is as well, or an older offer.
                Some(ours) => ours.offer = Some(next),
                None => talking.ours = Some(Box::new(Ours::new(Some(next)))),
            }
        }
        let waits = matches!(talking.ours.as_deref(), Some(Ours { progress: Progress::Waiting(None), .. }));
        let refused = talking.refused;
        if waits && !talking.is_busy() && !refused.is_some_and(|tx| self.transactions.awaits_ack(tx)) {
            self.send_ours(now, id);
        }
    }

    fn send_ours(&mut self, now: Instant, id: SessionId) {
        if !self.transactions.has_room_inside() {
            return self.wait(now, id, NO_ROOM_PAUSE);
        }
        let branch = self.wire.draw_branch();
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        let Some(ours) = &mut talking.ours else { return };
        // Where nothing is agreed there is nothing to say again.
        let is_update = ours.offer.is_none() && (talking.terms.peer_updates || talking.agreed.ours.is_empty());
        let method = if is_update { Method::Update } else { Method::Invite };
        let flow = talking.dialog.flow;
        let mut writer = talking.dialog.next_request(method, self.settings.via(flow, branch));
        writer.own_contact(self.settings.place(flow)).header("Allow", self.settings.extras.allow());
        talking.terms.go_on(&mut writer);
        if !self.settings.user_agent.is_empty() {
            writer.header("User-Agent", &self.settings.user_agent);
        }
        let bytes = match (is_update, &ours.offer) {
            (true, _) => writer.end(),
            (false, Some(offer)) => writer.body(ACCEPT, offer),
            (false, None) => writer.body(ACCEPT, &talking.agreed.ours),
        };
        let number = talking.dialog.last_number();
        let purpose = Purpose::Reoffer(id);
        let tx = if is_update {
            self.transactions.request(&mut self.wire, now, Outgoing { flow, branch, method, bytes, purpose })
        } else {
            // An offer of such a length that it makes no message: nobody would take it.
            let Ok(request) = Message::parse(bytes) else {
                talking.ours = None;
                return self.tell(id, SessionEvent::ReofferRefused { status: 513 });
            };
            self.transactions.invite_with(&mut self.wire, now, OutgoingInvite { flow, branch, request, purpose })
        };
        let limit = now + Duration::from_secs(TIMER_C_S);
        let limit = (!is_update).then(|| self.wire.timers.arm(limit, Owner::Session(id), Timer::Undecided));
        ours.progress = Progress::Sent { tx, is_invite: !is_update, number, limit };
    }

    /// A 2xx to a re-INVITE or UPDATE of ours.
    pub(super) fn reoffer_accepted(&mut self, now: Instant, tx: ClientTx, id: SessionId, flow: Flow, response: &Message) {
        if self.early_offer_answered(now, tx, id, response) {
            return;
        }
        let is_ours = self.is_ours(id, tx);
        if let Some(talking) = self.talking(id).filter(|_| is_ours) {
            // 12.2.1.2: a 2xx to a target refresh request moves the target, and 5923 the stream.
            talking.dialog.refresh_target(response);
            if flow.transport.is_reliable() {
                talking.dialog.flow = flow;
            }
        }
        if response.method() == Method::Invite {
            self.ack_reoffer(tx, id);
        }
        let answer = check::sdp(response);
        let hash = answer.as_ref().map(|sdp| self.hash_of(sdp));
        let Some(talking) = self.talking(id).filter(|_| is_ours) else { return };
        let Some(mut ours) = talking.ours.take() else { return };
        let changed = hash.is_some() && hash != talking.agreed.theirs;
        let is_offer = ours.offer.is_some();
        // An UPDATE has an offer if it comes from an early dialog.
        let is_refresh = !is_offer && matches!(ours.progress, Progress::Sent { is_invite: false, .. });
        let terms = talking.terms.as_client(response);
        // An offer without an answer leaves what was agreed.
        if !is_refresh && hash.is_some() {
            talking.agreed.theirs = hash;
            if let Some(offer) = ours.offer.take() {
                talking.agreed.ours = offer;
            }
        }
        ours.disarm(&mut self.wire.timers);
        self.agree(now, id, terms);
        if is_offer || (!is_refresh && changed) {
            self.tell(id, SessionEvent::ReofferAnswered { sdp: answer });
        }
        self.send_next(now, id);
    }

    /// 13.2.2.4: the ACK of a 2xx, and the same again for the same 2xx.
    fn ack_reoffer(&mut self, tx: ClientTx, id: SessionId) {
        let Some(flow) = self.transactions.flow_of(tx) else { return };
        let known = self.transactions.invite(tx).and_then(|machine| machine.ack_of(&[]).cloned());
        if let Some(ack) = known {
            return self.wire.send(flow, ack, Some(id));
        }
        let branch = self.wire.draw_branch();
        let via = self.settings.via(flow, branch);
        let ours = match self.sessions.get(id.0).map(|session| &session.stage) {
            Some(Stage::Talking(Talking { dialog, ours: Some(ours), .. })) => match ours.progress {
                Progress::Sent { tx: sent, number, .. } if sent == tx => Some((dialog, number)),
                _ => None,
            },
            _ => None,
        };
        let (flow, ack) = match ours {
            Some((dialog, number)) => (dialog.flow, Some(dialog.ack(via, number).end())),
            // The session is over, or leaving; the 2xx is ACKed all the same.
            None => (flow, self.transactions.ack_of_sent(tx, via)),
        };
        let Some(ack) = ack else { return };
        self.wire.send(flow, ack.clone(), Some(id));
        if let Some(machine) = self.transactions.invite_mut(tx) {
            machine.acked(Bytes::new(), ack);
        }
    }

    /// A final response from 300 on to a re-INVITE or UPDATE of ours (14.1; B-45).
    pub(super) fn reoffer_refused(&mut self, now: Instant, tx: ClientTx, id: SessionId, response: &Message) {
        if self.early_offer_answered(now, tx, id, response) || !self.is_ours(id, tx) {
            return;
        }
        let status = response.status();
        if matches!(status, 408 | 481) {
            return self.dialog_lost(now, id);
        }
        let glare = self.glare_pause(id);
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        let Some(ours) = &mut talking.ours else { return };
        ours.disarm(&mut self.wire.timers);
        let is_update = matches!(ours.progress, Progress::Sent { is_invite: false, .. });
        ours.progress = Progress::Waiting(None);
        ours.tries = ours.tries.saturating_add(1);
        let may_retry = ours.tries < TRIES_MAX;
        let retry_after = response.header(Name::RetryAfter).and_then(leading_seconds).map(|after| after.clamp(1, RETRY_AFTER_S_MAX));
        match status {
            491 if may_retry => self.wait(now, id, glare),
            // 14.2: the peer has answered an INVITE of ours, or another request, not yet.
            500 if may_retry && let Some(after) = retry_after => self.wait(now, id, Duration::from_secs(after.into())),
            // RFC 4028, 7.3.
            422 if may_retry && let Some(longer) = talking.terms.longer(response) => {
                talking.terms = longer;
                self.send_next(now, id);
            }
            405 | 501 if is_update && may_retry && !talking.agreed.ours.is_empty() => {
                talking.terms.peer_updates = false;
                self.send_next(now, id);
            }
            _ if ours.offer.is_some() => {
                talking.ours = None;
                self.tell(id, SessionEvent::ReofferRefused { status });
                self.send_next(now, id);
            }
            // The peer is there: that was all we asked.
            _ if talking.terms.refresher == Refresher::Alone => {
                talking.ours = None;
                let terms = talking.terms;
                self.agree(now, id, terms);
                self.send_next(now, id);
            }
            // Until the session expires.
            _ => {
                let pause = retry_after.map_or(talking.terms.again_after(), |after| Duration::from_secs(after.into()));
                self.wait(now, id, pause);
            }
        }
    }

    /// Sends what waits no sooner than after `pause`.
    fn wait(&mut self, now: Instant, id: SessionId, pause: Duration) {
        let armed = self.wire.timers.arm(now + pause, Owner::Session(id), Timer::Retry);
        if let Some(Stage::Talking(Talking { ours: Some(ours), .. })) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) {
            ours.disarm(&mut self.wire.timers);
            ours.progress = Progress::Waiting(Some(armed));
        } else {
            self.wire.timers.disarm(armed);
        }
    }

    pub(super) fn retry_ours(&mut self, now: Instant, id: SessionId) {
        if let Some(ours) = self.talking(id).and_then(|talking| talking.ours.as_deref_mut())
            && !ours.is_sent()
        {
            ours.progress = Progress::Waiting(None);
            self.send_next(now, id);
        } else {
            self.retry_early(now, id);
        }
    }

    /// Timer C of a re-INVITE: it is given up by CANCEL. What comes then decides, also a 2xx that crosses it.
    pub(super) fn cancel_ours(&mut self, now: Instant, id: SessionId) {
        let Some(tx) = self.sessions.get(id.0).and_then(|session| session.open_reinvite()) else { return };
        if self.transactions.invite(tx).is_some_and(|invite| !invite.is_calling()) {
            self.transactions.cancel(&mut self.wire, now, tx, None, Purpose::Nobody(id));
        }
        // A peer that says nothing to that either is not there any more: `Purpose::Reoffer` unheard ends the session.
        self.transactions.hurry(&mut self.wire, now, tx);
    }

    /// The session timer asks for a refresh. An offer that is on its way is one.
    pub(super) fn refresh(&mut self, now: Instant, id: SessionId) {
        let Some(talking) = self.talking(id) else { return };
        talking.refresh = None;
        if talking.ours.is_none() {
            talking.ours = Some(Box::new(Ours::new(None)));
            self.send_next(now, id);
        }
    }

    /// Nobody refreshed the session in time (B-49).
    pub(super) fn expired(&mut self, now: Instant, id: SessionId) {
        let Some(talking) = self.talking(id) else { return };
        talking.expires = None;
        self.bye_and_forget(now, id, EndReason::Expired, Some(&reason_header(RECOVERY_ON_TIMER_EXPIRY, "Session expired")));
    }

    /// From now on `terms` hold: a 2xx went out, or came.
    pub(super) fn agree(&mut self, now: Instant, id: SessionId, terms: Terms) {
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(id.0).map(|session| &mut session.stage) else { return };
        talking.terms = terms;
        let timers = &mut self.wire.timers;
        disarm(timers, talking.refresh.take());
        disarm(timers, talking.expires.take());
        let owner = Owner::Session(id);
        talking.refresh = terms.refresh_after().map(|after| timers.arm(now + after, owner, Timer::Refresh));
        talking.expires = terms.expires_after().map(|after| timers.arm(now + after, owner, Timer::Expires));
    }

    /// 14.1.
    pub(super) fn glare_pause(&mut self, id: SessionId) -> Duration {
        let we_called = self.calling(id).is_some() || self.talking(id).is_some_and(|talking| talking.we_called);
        let (least, most) = if we_called { GLARE_CALLER_MS } else { GLARE_CALLEE_MS };
        Duration::from_millis(u64::from(self.wire.draw_between(least / 10, most / 10)) * 10)
    }

    /// Whether `tx` is the request of ours that session `id` waits for.
    pub(super) fn is_ours(&self, id: SessionId, tx: ClientTx) -> bool {
        let Some(Stage::Talking(Talking { ours: Some(ours), .. })) = self.sessions.get(id.0).map(|session| &session.stage) else {
            return false;
        };
        matches!(ours.progress, Progress::Sent { tx: sent, .. } if sent == tx)
    }

    pub(super) fn talking(&mut self, id: SessionId) -> Option<&mut Talking> {
        match &mut self.sessions.get_mut(id.0)?.stage {
            Stage::Talking(talking) => Some(talking),
            _ => None,
        }
    }
}

/// Q.850, cause 102.
const RECOVERY_ON_TIMER_EXPIRY: u8 = 102;

/// `18 (in a meeting);duration=60` (RFC 3261, 20.33)
pub(super) fn leading_seconds(value: &[u8]) -> Option<u32> {
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    seconds(value.get(..end)?)
}
