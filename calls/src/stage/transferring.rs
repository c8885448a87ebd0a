//! One party hands the other to somebody else: who stays hears that one ring, and who ordered it waits for what comes of it (RFC 3515, 5589).
//!
//! ```text
//!   Talking ─► the new party is called (Ringing, Together, Trying), and who stays is who waits for it
//!                │ it answers             ─► Talking: the two go on, and the referrer is let go
//!                │ it does not            ─► the referrer is still there: Talking, as before; it is gone: Failing
//!                │ who stays hangs up     ─► over
//!                └ the referrer hangs up  ─► goes on without it
//! ```

use std::time::Instant;

use media::{Command, Hears};
use model::{Cause, Number, SlotId, Transfer, TransferStatus, WallTime, route::Decision};
use sip_core::{ReferId, SessionEvent};

use super::{CallInput, Cx, Near, Stage, Talking};
use crate::{
    core::Core,
    lead::{Onward, lead},
    leg::{Leg, Party},
    timeline::What,
};

/// A new party is called.
#[derive(Debug)]
pub(crate) struct Transferring {
    /// How that goes; who stays is its calling side.
    calling: Stage,
    referral: Referral,
}

/// By whose order.
#[derive(Debug)]
struct Referral {
    /// Who ordered it, until it is let go or gone.
    referrer: Option<Leg>,
    /// The REFER by which it did; none over REST.
    refer: Option<ReferId>,
    /// The place of the party that stays.
    stays: Party,
    /// Whether the referrer was told that it rings.
    has_rung: bool,
}

/// The order to hand a call on.
#[derive(Debug)]
pub(crate) struct HandOn {
    /// Who orders it.
    pub(crate) by: Party,
    /// By which REFER; none over REST.
    pub(crate) refer: Option<ReferId>,
    /// The slot that leaves.
    pub(crate) slot: SlotId,
    /// The leave for it.
    pub(crate) onward: Onward,
    /// Where it leads.
    pub(crate) decision: Decision,
}

impl Transferring {
    /// The order was taken; nobody was told yet how it goes.
    pub(crate) fn begin(cx: &mut Cx<'_>, talking: Talking, order: HandOn) -> Stage {
        let HandOn { by, refer, slot, onward, decision } = order;
        let (stays, place, referrer) = talking.part(by);
        let call = cx.timeline.start().call;
        cx.core.join(call, Party::Near, &stays);
        cx.core.join(call, Party::Referrer, &referrer);
        cx.core.media(&referrer.audio, Command::Hear { leg: referrer.audio.id, hears: Hears::Nothing });
        // Neither has anybody to talk to, so silence says nothing.
        for audio in [&stays.audio, &referrer.audio] {
            cx.core.media(audio, Command::Watch { leg: audio.id, silent_after: None });
        }
        let to = onward.permit.number();
        cx.note(What::HandedOn(cx.core.transfer(slot, Some(to), cx.wall(), TransferStatus::Calling)));
        let referral = Referral { referrer: Some(referrer), refer, stays: place, has_rung: false };
        let calling = lead(cx, Near::staying(stays, place), onward, decision);
        referral.follow(cx, calling)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.calling.deadline()
    }

    /// How the new party is called.
    pub(crate) fn calling(&self) -> &Stage {
        &self.calling
    }

    /// A phone comes into the call in place of the one that is called (RFC 3891).
    pub(crate) fn replace(self, cx: &mut Cx<'_>, party: Party, leg: Leg) -> Stage {
        let Self { calling, referral } = self;
        let calling = calling.replace(cx, party, leg);
        referral.follow(cx, calling)
    }

    /// The media worker of all its parties.
    pub(crate) fn worker(&self) -> Option<usize> {
        self.calling.near().map(|near| near.leg.audio.port.worker)
    }

    pub(crate) fn handle(self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        let Self { calling, mut referral } = self;
        let calling = match input {
            CallInput::Session(Party::Referrer, event) => {
                referral.heard(cx, event);
                calling
            }
            input => calling.handle(cx, input),
        };
        referral.follow(cx, calling)
    }
}

impl Referral {
    /// What has become of the call to the new party.
    fn follow(mut self, cx: &mut Cx<'_>, calling: Stage) -> Stage {
        match calling {
            Stage::Talking(talking) => {
                self.tell(cx, 200);
                cx.remember(What::Handing { status: TransferStatus::Answered, cause: None });
                match self.referrer {
                    Some(_) => self.let_go(cx),
                    // Who leaves is gone already: nothing else tells it.
                    None => cx.tell_call(),
                }
                Stage::Talking(talking)
            }
            Stage::Failing(failing) => {
                self.tell(cx, failing.sip_status());
                cx.note(What::Handing { status: TransferStatus::Failed, cause: Some(failing.cause()) });
                match self.referrer.take() {
                    Some(referrer) => Stage::Talking(Talking::again(cx, failing.into_leg(), referrer, self.stays)),
                    None => Stage::Failing(failing.transfer()),
                }
            }
            Stage::Over(mut over) => {
                self.tell(cx, Cause::CallerGaveUp.sip_status());
                cx.remember(What::Handing { status: TransferStatus::Failed, cause: Some(over.cause) });
                over.legs.extend(self.referrer);
                Stage::Over(over)
            }
            calling => {
                if !self.has_rung && calling.near().is_some_and(Near::rings) {
                    self.has_rung = true;
                    self.tell(cx, 180);
                    cx.note(What::Handing { status: TransferStatus::Ringing, cause: None });
                }
                Stage::Transferring(Box::new(Transferring { calling, referral: self }))
            }
        }
    }

    /// What the referrer does meanwhile.
    fn heard(&mut self, cx: &mut Cx<'_>, event: SessionEvent) {
        let Some(leg) = &mut self.referrer else { return };
        match event {
            SessionEvent::Ended { .. } => self.let_go(cx),
            SessionEvent::Reoffered { sdp, flow, .. } => cx.core.reoffered(cx.now, leg, sdp.as_ref(), flow),
            SessionEvent::Confirmed { sdp } | SessionEvent::Reconfirmed { sdp } | SessionEvent::ReofferAnswered { sdp } => {
                cx.core.reconfirmed(leg, sdp.as_ref())
            }
            _ => {}
        }
    }

    /// The referrer has no part in the call any more.
    fn let_go(&mut self, cx: &mut Cx<'_>) {
        if let Some(leg) = self.referrer.take() {
            cx.let_go(&leg);
        }
    }

    /// Tells the referrer how it goes, if it wants to know.
    fn tell(&self, cx: &mut Cx<'_>, status: u16) {
        if let (Some(leg), Some(refer)) = (&self.referrer, self.refer) {
            cx.core.endpoint.notify_refer(cx.now, leg.session, refer, status);
        }
    }
}

impl Core {
    /// What is told of a slot that hands its call on.
    pub(crate) fn transfer(&self, by: SlotId, to: Option<&Number>, at: WallTime, status: TransferStatus) -> Transfer {
        let to = to.map(Number::to_string).unwrap_or_default();
        Transfer { by, user: self.seats.holder(by), to, at, status, cause: None }
    }
}

impl Cx<'_> {
    /// Who leaves a call that goes on with others: its leg ends, and its slot is out of the call.
    pub(crate) fn let_go(&mut self, leg: &Leg) {
        self.core.close(self.now, leg, Cause::Transferred);
        if let Some(slot) = leg.slot {
            self.leave_slot(slot);
            self.core.recount_budgets(self.timeline.start().call);
            self.note(What::Left { slot });
        }
    }
}
