//! The stages of a call. Each stage owns what only it knows; a call is in exactly one.
//!
//! ```text
//!  call/start ─► Summoning ──answer──┐  ┌► Ringing ──┐
//!                    │               ▼  │  one slot   │
//!  phone dials ──────┼────────────► plan┼► Together ──┼─answer─► Talking ─┐
//!  carrier brings ───┼──────────────▲   │  slots      │                   │
//!                    │              │   └► Trying ────┤                   │
//!                    │              │ └3xx─┘ carriers └─failure► Failing ─┤
//!                    │              └◄─── Asking: a program says where     │
//!                    └──────────────── refused, given up ─────────────────┴─► over: the CDR
//! ```
//!
//! A call that talks may be handed on: it is then Transferring, with one of the stages behind the plan in it, and talks again (`transferring`).

mod asking;
mod failing;
mod near;
mod ringing;
mod summoning;
mod talking;
mod together;
mod transferring;
mod trying;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use media::MediaEvent;
use model::{
    Anchor, CarrierTry, Cause, Event, Fact, SlotId, TryOutcome, WallTime,
    route::{AskOutcome, Try},
};
use sip_core::{EndReason, LocateError, LookupId, SessionEvent, Target};

pub(crate) use self::{
    asking::Asking,
    failing::Failing,
    near::Near,
    ringing::Ringing,
    summoning::Summoning,
    talking::Talking,
    together::Together,
    transferring::{HandOn, Transferring},
    trying::Trying,
};
use crate::{
    cdr,
    core::Core,
    leg::{Leg, Party},
    questions::AskId,
    settings::Settings,
    switchboard::Output,
    timeline::{Timeline, What},
};

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) timeline: Timeline,
    /// The call's own clock, anchored at its start.
    clock: Anchor,
    /// What held when it began; new settings are for later calls.
    settings: Arc<Settings>,
    /// How many times somebody began to hand it on.
    pub(crate) transfers: u8,
    pub(crate) stage: Stage,
}

/// Where a call stands.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The operator's own phone is asked to answer (R8).
    Summoning(Summoning),
    /// One phone is asked to answer.
    Ringing(Ringing),
    /// Several phones are asked to answer.
    Together(Together),
    /// A program is asked where the call goes.
    Asking(Asking),
    /// The world is called, by one carrier after another.
    Trying(Trying),
    /// Both have answered.
    Talking(Talking),
    /// One of them hands the other to somebody who is called; boxed, for there is one of the stages above in it.
    Transferring(Box<Transferring>),
    /// The operator hears why there will be no call (R10).
    Failing(Failing),
    /// Over; only the record is left to write.
    Over(Over),
}

/// How a call came to its end.
#[derive(Debug)]
pub(crate) struct Over {
    pub(crate) legs: Vec<Leg>,
    pub(crate) cause: Cause,
    pub(crate) sip_status: u16,
}

/// What can happen to a call.
#[derive(Debug)]
pub(crate) enum CallInput {
    /// A phone did something.
    Session(Party, SessionEvent),
    /// A phone's audio did something.
    Media(MediaEvent),
    /// A lookup of the call's is at its end.
    Located(LookupId, Result<Vec<Target>, LocateError>),
    /// The question that it waits for was answered, or came to nothing.
    Answered(AskId, Result<Bytes, AskOutcome>),
    /// The call is to end: over REST, or because the server stops.
    Hangup(Cause),
    /// The stage's deadline has come.
    Timeout,
}

/// What a stage may use: the switchboard's parts, the moment, and the call's own timeline.
pub(crate) struct Cx<'c> {
    pub(crate) now: Instant,
    pub(crate) core: &'c mut Core,
    pub(crate) timeline: &'c mut Timeline,
    pub(crate) clock: Anchor,
    pub(crate) settings: &'c Settings,
}

/// How long the operator hears the busy or congestion tone (R10).
const TONE: Duration = Duration::from_secs(3);

impl Cx<'_> {
    pub(crate) fn wall(&self) -> WallTime {
        self.clock.wall(self.now)
    }

    /// Notes what happened and tells it.
    pub(crate) fn note(&mut self, what: What) {
        let at = self.wall();
        let call = self.timeline.start().call;
        let (rings, answered) = (matches!(what, What::Ringing), matches!(what, What::Answered { .. }));
        let moves = matches!(what, What::Left { .. } | What::Joined { .. });
        self.timeline.note(at, what);
        let view = self.timeline.view();
        if rings {
            self.core.fact(Fact::CallRinging { call, at });
        }
        if answered {
            self.core.fact(Fact::CallAnswered { call, at, segments: view.segments.clone() });
        }
        if moves {
            // Who serves it is of its record, and must not be lost with us.
            self.core.fact(Fact::CallsSeen { calls: vec![self.timeline.seen(at)], at });
        }
        self.timeline.take_news();
        self.core.event(Event::CallUpdated(view));
    }

    /// Tells what was only remembered so far.
    pub(crate) fn tell_call(&mut self) {
        self.timeline.take_news();
        self.core.event(Event::CallUpdated(self.timeline.view()));
    }

    /// Notes what the next thing that is told will tell too.
    pub(crate) fn remember(&mut self, what: What) {
        let at = self.wall();
        self.timeline.note(at, what);
    }

    /// Notes that a carrier got no INVITE, and why.
    pub(crate) fn tried_nobody(&mut self, found: &Try, outcome: TryOutcome) {
        let (caller, called) = (found.caller.to_string(), Some(found.called.to_string()));
        let (carrier, at) = (found.carrier, self.wall());
        self.remember(What::Trying(CarrierTry { carrier, caller, called, target: None, at, outcome: Some(outcome), status: None }));
    }
}

impl Call {
    pub(crate) fn new(timeline: Timeline, clock: Anchor, settings: Arc<Settings>, stage: Stage) -> Self {
        Self { timeline, clock, settings, transfers: 0, stage }
    }

    /// The call's own wall clock.
    pub(crate) fn wall(&self, now: Instant) -> WallTime {
        self.clock.wall(now)
    }

    /// Takes an input.
    pub(crate) fn handle(&mut self, now: Instant, core: &mut Core, input: CallInput) {
        self.step(now, core, |stage, cx| stage.handle(cx, input));
    }

    /// Does something with the stage. While that is at work the call counts as over by a defect of ours, so that a panic leaves it so (FT-14).
    pub(crate) fn step(&mut self, now: Instant, core: &mut Core, act: impl FnOnce(Stage, &mut Cx<'_>) -> Stage) {
        let stage = std::mem::replace(&mut self.stage, Over::new(Vec::new(), Cause::Internal).into());
        #[cfg(test)]
        assert!(!core.defective, "ordered by a test");
        let mut cx = Cx { now, core, timeline: &mut self.timeline, clock: self.clock, settings: &self.settings };
        self.stage = act(stage, &mut cx);
        // Once for all the phones that this has made ring. What is over tells itself.
        if !matches!(self.stage, Stage::Over(_)) && cx.timeline.take_news() {
            cx.tell_call();
        }
    }

    /// The call if it goes on; none when it is over, and its record is written.
    pub(crate) fn settle(mut self: Box<Self>, now: Instant, core: &mut Core) -> Option<Box<Self>> {
        let Stage::Over(over) = &mut self.stage else { return Some(self) };
        let over = std::mem::replace(over, Over::new(Vec::new(), over.cause));
        for leg in &over.legs {
            core.close(now, leg, over.cause);
        }
        let at = self.clock.wall(now);
        let cdr = cdr::cdr(&mut self.timeline, at, over.cause, over.sip_status);
        let call = self.timeline.start().call;
        core.end_recording(call, cdr.talk_ms);
        core.ladders.end(call);
        core.fact(Fact::CallEnded { cdr });
        core.event(Event::CallUpdated(self.timeline.view()));
        core.ports.release(call);
        core.leave_carriers(call);
        if let Some(ask) = core.questions.release(call) {
            core.out(Output::Unask { ask });
        }
        core.leave_budgets(now, call);
        let start = self.timeline.start();
        let known = [start.caller_slot, start.callee_slot].into_iter().flatten();
        let slots: Vec<SlotId> = known.chain(core.seats.slots_of(call)).collect();
        for slot in slots {
            core.seats.ended(now, slot, call);
            if core.seats.calls(slot) == 0 {
                core.lost_streams.remove(&slot);
            }
        }
        None
    }

    /// When the stage wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.stage.deadline()
    }
}

impl Stage {
    fn handle(self, cx: &mut Cx<'_>, input: CallInput) -> Self {
        match self {
            Self::Summoning(stage) => stage.handle(cx, input),
            Self::Ringing(stage) => stage.handle(cx, input),
            Self::Together(stage) => stage.handle(cx, input),
            Self::Asking(stage) => stage.handle(cx, input),
            Self::Trying(stage) => stage.handle(cx, input),
            Self::Talking(stage) => stage.handle(cx, input),
            Self::Transferring(stage) => stage.handle(cx, input),
            Self::Failing(stage) => stage.handle(cx, input),
            Self::Over(over) => Self::Over(over),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Failing(stage) => Some(stage.until()),
            Self::Talking(stage) => stage.probe_at(),
            Self::Asking(stage) => Some(stage.until()),
            Self::Trying(stage) => stage.deadline(),
            Self::Transferring(stage) => stage.deadline(),
            _ => None,
        }
    }

    /// The media worker of a call whose far party has answered.
    pub(crate) fn worker(&self) -> Option<usize> {
        match self {
            Self::Talking(stage) => Some(stage.legs(Party::Near).0.audio.port.worker),
            Self::Transferring(stage) => stage.worker(),
            _ => None,
        }
    }

    /// Who waits for somebody to answer.
    fn near(&self) -> Option<&Near> {
        match self {
            Self::Ringing(stage) => Some(stage.near()),
            Self::Together(stage) => Some(stage.near()),
            Self::Trying(stage) => Some(stage.near()),
            _ => None,
        }
    }
}

impl Over {
    /// The end of a call with these legs, for a reason of our own table.
    pub(crate) fn new(legs: Vec<Leg>, cause: Cause) -> Self {
        Self { legs, cause, sip_status: cause.sip_status() }
    }
}

impl From<Over> for Stage {
    fn from(over: Over) -> Self {
        Self::Over(over)
    }
}

/// The cause behind the end of an answered leg.
fn cause_of(party: Party, why: EndReason) -> Cause {
    match (why, party) {
        (EndReason::NoAck, _) => Cause::NoAck,
        (EndReason::Expired, _) => Cause::SessionExpired,
        (EndReason::DialogLost | EndReason::NoPrack | EndReason::Timeout, _) => Cause::DialogLost,
        (_, Party::Near) => Cause::CallerHungUp,
        (_, Party::Far | Party::Rung(_) | Party::Referrer) => Cause::CalleeHungUp,
    }
}
