//! One INVITE session: what an owner knows as a `SessionId`, from the INVITE to the last BYE.
//!
//! ```text
//!   their INVITE          `invite`
//!        |                   |
//!        v                   v
//!    Incoming             Calling         Incoming: CANCEL, BYE, `refuse`, `hangup`: 487 or what the owner said, over
//!        |                   |                      `challenge`: what the owner said, once, and forgotten
//!        |                   |            Calling:  300-699, timer B, unreachable: over
//!        | `answer`: 2xx     | 2xx: ACK             `hangup`, ring limit, their BYE: CANCEL, at once or after the first
//!        | until ACK         |                      1xx (9.1); a 2xx that crosses it: ACK, BYE, Leaving;
//!        v                   |                      no final response within 64*T1: over
//!     Talking <--------------+            Talking:  BYE: over; no ACK, 481 or 408: BYE, over
//!        |
//!        | `hangup`: BYE (as callee: not before the ACK)
//!        v
//!     Leaving                             Leaving:  BYE answered, timer F, unreachable, their BYE: over
//! ```
//!
//! `answer` while a reliable 1xx with a description waits for its PRACK: Incoming until that (RFC 3262, 3); no PRACK: 504, over.
//!
//! Where *their* offers stand (re-INVITE, UPDATE) is in [`Talking`]: one at a time, and one un-ACKed 2xx at a time. Ours, and the
//! refreshes that a session timer asks for, are in [`Ours`]: one at a time, and none while theirs is open. Before a session is confirmed
//! both are in the [`Exchange`] of an early dialog, and go over into `Talking` with it.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    dialog::Dialog,
    early::{Early, Exchange, Provisionals, RAck, disarm_incoming},
    endpoint::{EndReason, Refer, ServerTx, account::Login, oversize::Way},
    flow::Flow,
    message::Method,
    terms::Terms,
    timer::{Armed, TimerQueue},
    transaction::{ClientTx, Owner, Tag},
};

#[derive(Debug)]
pub(crate) struct Session {
    /// Our tag, by which requests within the session find it.
    pub(crate) tag: Tag,
    /// `Refused` or `Ended` went up; what remains is between us and the wire.
    pub(crate) told: bool,
    /// By what we prove who we are, if the peer asks.
    pub(crate) login: Option<Box<Login>>,
    pub(crate) stage: Stage,
}

#[derive(Debug)]
pub(crate) enum Stage {
    Incoming(Incoming),
    Calling(Calling),
    Talking(Talking),
    Leaving(Leaving),
}

/// They called; the owner has not decided.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) dialog: Dialog,
    pub(crate) tx: ServerTx,
    /// The CSeq number that the ACK will have.
    pub(crate) number: u32,
    /// Their offer; without one our 2xx holds ours.
    pub(crate) offer: Option<Sdp>,
    /// The last 1xx with a To tag, repeated every minute.
    pub(crate) provisional: Option<(u16, Bytes)>,
    pub(crate) again: Option<Armed>,
    pub(crate) provisionals: Provisionals,
    pub(crate) exchange: Exchange,
    /// The owner has answered; the 2xx waits for a PRACK.
    pub(crate) answer: Option<Bytes>,
}

/// We called; they have not decided.
#[derive(Debug)]
pub(crate) struct Calling {
    pub(crate) call_id: Bytes,
    pub(crate) tx: ClientTx,
    /// Our offer.
    pub(crate) sdp: Bytes,
    /// What we asked for.
    pub(crate) terms: Terms,
    /// One for each To tag of a 1xx, at most [`EARLY_MAX`].
    pub(crate) early: Vec<Early>,
    /// How many there have been.
    pub(crate) forks: u32,
    /// PRACKs that have no final response, at most [`PRACKS_MAX`].
    pub(crate) pracks: usize,
    pub(crate) stop: Stop,
    /// The ring limit, then the limit of a CANCEL.
    pub(crate) clock: Option<Armed>,
    /// The owner set no ring limit: `clock` is timer C, which begins anew with each provisional response (16.7, step 2).
    pub(crate) is_timer_c: bool,
    /// The way over TCP for an INVITE that is too long for a datagram, until that turned out to lead nowhere.
    pub(crate) tcp: Option<Flow>,
    /// What is sent instead if it leads nowhere.
    pub(crate) instead: Option<Box<Way>>,
}

/// How many early dialogs one INVITE may have; further forks are heard but not remembered.
pub(crate) const EARLY_MAX: usize = 8;
/// How many PRACKs of one INVITE may wait for their responses; what comes beyond is acknowledged when it comes again. The room that is kept for
/// all sessions must not go to one whose peers say ever new things and answer nothing.
pub(crate) const PRACKS_MAX: usize = 2 * EARLY_MAX;

/// Whether we gave up calling.
#[derive(Debug)]
pub(crate) enum Stop {
    No,
    /// 9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent".
    Wanted {
        why: EndReason,
        reason: Option<String>,
    },
    /// The CANCEL is out.
    Sent {
        why: EndReason,
        reason: Option<String>,
    },
}

/// The session is confirmed (or our 2xx waits for its ACK).
#[derive(Debug)]
pub(crate) struct Talking {
    pub(crate) dialog: Dialog,
    pub(crate) unacked: Option<Box<Unacked>>,
    pub(crate) reoffer: Option<Reoffer>,
    /// Their re-INVITE that was refused: until its ACK none of ours may go (14.1).
    pub(crate) refused: Option<ServerTx>,
    /// `hangup` came before the ACK: 15 forbids the callee's BYE until then. The Reason to give.
    pub(crate) leave: Option<Option<String>>,
    pub(crate) agreed: Agreed,
    /// What we ask for, or mean to.
    pub(crate) ours: Option<Box<Ours>>,
    /// The owner's next offer, while `ours` waits for its answer.
    pub(crate) next: Option<Bytes>,
    /// The Call-ID is ours, since we called: it decides who tries again first (14.1).
    pub(crate) we_called: bool,
    pub(crate) terms: Terms,
    /// A reliable 1xx that our 2xx overtook: its PRACK may still come (RFC 3262, 3).
    pub(crate) late_prack: Option<RAck>,
    /// The transfer that the peer asked for.
    pub(crate) refer: Option<Box<Refer>>,
    /// When a refresh of ours is due.
    pub(crate) refresh: Option<Armed>,
    /// When the session is over.
    pub(crate) expires: Option<Armed>,
}

/// Which session descriptions are in force.
#[derive(Debug, Clone)]
pub(crate) struct Agreed {
    /// Ours as it was sent last; empty when nothing was agreed. A refresh says it again, octet by octet, so its `o=` has the same
    /// version (RFC 3264, 8).
    pub(crate) ours: Bytes,
    /// Theirs; one that comes again unchanged asks for nothing new.
    pub(crate) theirs: Option<Sdp>,
}

/// Their session description, as far as we must know it again: its keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sdp(pub(crate) u64);

/// A re-INVITE or UPDATE of ours.
#[derive(Debug)]
pub(crate) struct Ours {
    /// The owner's offer; `None`: a refresh.
    pub(crate) offer: Option<Bytes>,
    pub(crate) progress: Progress,
    /// How often it was refused in a way that asks for another attempt.
    pub(crate) tries: u8,
}

/// How far a request of ours has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It goes out as soon as nothing else is open; with a timer, not before that.
    Waiting(Option<Armed>),
    Sent {
        tx: ClientTx,
        is_invite: bool,
        /// Its CSeq number.
        number: u32,
        /// Timer C of a re-INVITE.
        limit: Option<Armed>,
    },
}

/// Our 2xx to an INVITE of theirs, repeated until the ACK (13.3.1.4).
#[derive(Debug)]
pub(crate) struct Unacked {
    /// The CSeq number of INVITE and ACK.
    pub(crate) number: u32,
    pub(crate) response: Bytes,
    pub(crate) flow: Flow,
    pub(crate) pause: Duration,
    pub(crate) again: Armed,
    pub(crate) limit: Armed,
    /// It answers the first INVITE, not a re-INVITE.
    pub(crate) first: bool,
    /// What our 2xx offered, when their INVITE had no offer: the ACK brings the answer.
    pub(crate) offer: Option<Bytes>,
    /// The answer that a PRACK brought already to what we offered in a 1xx.
    pub(crate) answer: Option<Bytes>,
    /// The owner was not asked, and is not told.
    pub(crate) quiet: bool,
}

/// A re-INVITE or UPDATE that the owner has to answer.
#[derive(Debug)]
pub(crate) struct Reoffer {
    pub(crate) tx: ServerTx,
    pub(crate) method: Method,
    pub(crate) number: u32,
    pub(crate) offer: Option<Sdp>,
}

/// Our BYE is out.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) dialog: Dialog,
    pub(crate) why: EndReason,
}

impl Session {
    pub(crate) fn disarm(&mut self, timers: &mut TimerQueue<Owner>) {
        match &mut self.stage {
            Stage::Incoming(incoming) => disarm_incoming(incoming, timers),
            Stage::Calling(calling) => {
                disarm(timers, calling.clock.take());
                calling.early.iter_mut().for_each(|early| early.exchange.disarm(timers));
            }
            Stage::Talking(talking) => talking.disarm(timers),
            Stage::Leaving(_) => {}
        }
    }

    /// By what its peer is reached; `None` while nothing but an INVITE of ours has gone there.
    pub(crate) fn flow(&self) -> Option<Flow> {
        match &self.stage {
            Stage::Incoming(Incoming { dialog, .. }) | Stage::Leaving(Leaving { dialog, .. }) => Some(dialog.flow),
            Stage::Talking(talking) => Some(talking.dialog.flow),
            Stage::Calling(_) => None,
        }
    }

    /// Its dialogs that were reached by `old` are reached by `new`.
    pub(crate) fn move_flow(&mut self, old: Flow, new: Flow) {
        let change = |flow: &mut Flow| {
            if *flow == old {
                *flow = new;
            }
        };
        match &mut self.stage {
            Stage::Incoming(Incoming { dialog, .. }) | Stage::Leaving(Leaving { dialog, .. }) => change(&mut dialog.flow),
            Stage::Talking(Talking { dialog, unacked, .. }) => {
                change(&mut dialog.flow);
                if let Some(unacked) = unacked {
                    change(&mut unacked.flow);
                }
            }
            Stage::Calling(calling) => calling.early.iter_mut().for_each(|early| change(&mut early.dialog.flow)),
        }
    }

    /// A re-INVITE of ours that has no final response.
    pub(crate) fn open_reinvite(&self) -> Option<ClientTx> {
        match &self.stage {
            Stage::Talking(talking) => match talking.ours.as_deref() {
                Some(Ours { progress: Progress::Sent { tx, is_invite: true, .. }, .. }) => Some(*tx),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        match &self.stage {
            Stage::Incoming(Incoming { dialog, .. }) | Stage::Talking(Talking { dialog, .. }) | Stage::Leaving(Leaving { dialog, .. }) => {
                dialog.call_id()
            }
            Stage::Calling(calling) => &calling.call_id,
        }
    }

    /// The dialog in which `message` (a request whose To tag is ours) speaks.
    pub(crate) fn dialog_of(&mut self, message: &crate::Message) -> Option<&mut Dialog> {
        match &mut self.stage {
            Stage::Incoming(Incoming { dialog, .. }) | Stage::Talking(Talking { dialog, .. }) | Stage::Leaving(Leaving { dialog, .. }) => {
                Some(dialog).filter(|dialog| dialog.is_of(message))
            }
            Stage::Calling(calling) => {
                calling.early.iter_mut().filter(|early| !early.is_over).map(|early| &mut early.dialog).find(|dialog| dialog.is_of(message))
            }
        }
    }
}

impl Incoming {
    /// There is a PRACK whose offer the owner has not answered: what comes after it waits for that.
    pub(crate) fn has_open_prack(&self) -> bool {
        self.exchange.reoffer.as_ref().is_some_and(|reoffer| reoffer.method == Method::Prack)
    }
}

impl Talking {
    pub(crate) fn new(dialog: Dialog, agreed: Agreed, terms: Terms, we_called: bool) -> Self {
        Self {
            dialog,
            unacked: None,
            reoffer: None,
            refused: None,
            leave: None,
            agreed,
            ours: None,
            next: None,
            we_called,
            terms,
            late_prack: None,
            refer: None,
            refresh: None,
            expires: None,
        }
    }

    /// What its early dialog had open goes on in it. False when nothing was agreed there.
    pub(crate) fn take_over(&mut self, exchange: Exchange) -> bool {
        self.reoffer = exchange.reoffer;
        self.next = exchange.next;
        self.ours = exchange.ours;
        if let Some(ours) = self.ours.as_deref_mut().filter(|ours| !ours.is_sent()) {
            ours.progress = Progress::Waiting(None);
        }
        let is_agreed = exchange.agreed.is_some();
        if let Some(agreed) = exchange.agreed {
            self.agreed = agreed;
        }
        is_agreed
    }

    /// Whether something is open that forbids a request of ours: 14.1, RFC 3311, 5.1.
    pub(crate) fn is_busy(&self) -> bool {
        self.unacked.is_some() || self.reoffer.is_some() || self.leave.is_some()
    }

    /// Nothing of it is due any more.
    pub(crate) fn disarm(&mut self, timers: &mut TimerQueue<Owner>) {
        self.stop_repeating(timers);
        disarm(timers, self.refresh.take());
        disarm(timers, self.expires.take());
        disarm(timers, self.refer.take().and_then(|refer| refer.clock()));
        if let Some(ours) = self.ours.as_deref_mut() {
            ours.disarm(timers);
        }
    }

    /// The ACK came, or nobody waits for it any more.
    pub(crate) fn stop_repeating(&mut self, timers: &mut TimerQueue<Owner>) {
        if let Some(unacked) = self.unacked.take() {
            timers.disarm(unacked.again);
            timers.disarm(unacked.limit);
        }
    }
}

impl Ours {
    pub(crate) fn new(offer: Option<Bytes>) -> Self {
        Self { offer, progress: Progress::Waiting(None), tries: 0 }
    }

    pub(crate) fn is_sent(&self) -> bool {
        matches!(self.progress, Progress::Sent { .. })
    }

    pub(crate) fn disarm(&mut self, timers: &mut TimerQueue<Owner>) {
        let (Progress::Waiting(armed) | Progress::Sent { limit: armed, .. }) = &mut self.progress;
        disarm(timers, armed.take());
    }
}

pub(crate) fn disarm(timers: &mut TimerQueue<Owner>, armed: Option<Armed>) {
    if let Some(armed) = armed {
        timers.disarm(armed);
    }
}
