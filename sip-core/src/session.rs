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
//! Where *their* offers stand (re-INVITE, UPDATE) is in [`Talking`]: one at a time, and one un-ACKed 2xx at a time.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    dialog::Dialog,
    endpoint::{EndReason, ServerTx},
    flow::Flow,
    message::Method,
    timer::{Armed, TimerQueue},
    transaction::{ClientTx, Owner, Tag},
};

#[derive(Debug)]
pub(crate) struct Session {
    /// Our tag, by which requests within the session find it.
    pub(crate) tag: Tag,
    /// `Refused` or `Ended` went up; what remains is between us and the wire.
    pub(crate) told: bool,
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
    /// The INVITE had an offer, so our 2xx holds the answer.
    pub(crate) offered: bool,
    /// The last 1xx with a To tag, repeated every minute.
    pub(crate) provisional: Option<(u16, Bytes)>,
    pub(crate) again: Option<Armed>,
}

/// We called; they have not decided.
#[derive(Debug)]
pub(crate) struct Calling {
    pub(crate) call_id: Bytes,
    pub(crate) tx: ClientTx,
    /// Early dialogs, one for each To tag of a 1xx, at most [`EARLY_MAX`].
    pub(crate) early: Vec<Dialog>,
    pub(crate) stop: Stop,
    /// The ring limit, then the limit of a CANCEL.
    pub(crate) clock: Option<Armed>,
}

/// How many early dialogs one INVITE may have; further forks are heard but not remembered.
pub(crate) const EARLY_MAX: usize = 8;

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
    pub(crate) unacked: Option<Unacked>,
    pub(crate) reoffer: Option<Reoffer>,
    /// `hangup` came before the ACK: 15 forbids the callee's BYE until then. The Reason to give.
    pub(crate) leave: Option<Option<String>>,
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
    /// Their INVITE had the offer; else the ACK brings the answer.
    pub(crate) offered: bool,
}

/// A re-INVITE or UPDATE that the owner has to answer.
#[derive(Debug)]
pub(crate) struct Reoffer {
    pub(crate) tx: ServerTx,
    pub(crate) method: Method,
    pub(crate) number: u32,
    pub(crate) offered: bool,
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
            Stage::Incoming(incoming) => disarm(timers, incoming.again.take()),
            Stage::Calling(calling) => disarm(timers, calling.clock.take()),
            Stage::Talking(talking) => talking.stop_repeating(timers),
            Stage::Leaving(_) => {}
        }
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        match &self.stage {
            Stage::Incoming(Incoming { dialog, .. }) | Stage::Talking(Talking { dialog, .. }) | Stage::Leaving(Leaving { dialog, .. }) => {
                &dialog.call_id
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
            Stage::Calling(calling) => calling.early.iter_mut().find(|dialog| dialog.is_of(message)),
        }
    }
}

impl Talking {
    pub(crate) fn new(dialog: Dialog) -> Self {
        Self { dialog, unacked: None, reoffer: None, leave: None }
    }

    /// The ACK came, or nobody waits for it any more.
    pub(crate) fn stop_repeating(&mut self, timers: &mut TimerQueue<Owner>) {
        if let Some(unacked) = self.unacked.take() {
            timers.disarm(unacked.again);
            timers.disarm(unacked.limit);
        }
    }
}

pub(crate) fn disarm(timers: &mut TimerQueue<Owner>, armed: Option<Armed>) {
    if let Some(armed) = armed {
        timers.disarm(armed);
    }
}
