//! The one way to a number, whoever wants it called: a phone that dials, an operator, who hands a call on, a program that was asked, a carrier
//! that sends a call on (R23, B-55).
//!
//! ```text
//!   as it was dialled ─► as the plan means it ─► may the slot call that? ─► where does it lead? ─► who orders it over REST or by REFER:
//!                                                                                                  do the budgets allow it?
//! ```
//!
//! Limits and plan see the same number, so that no way of writing one goes past a list.

use std::{sync::Arc, time::Instant};

use model::{CallId, Cause, Number, Refusal, SlotEntry, SlotId, route::Decision};
use seats::{Closed, Permit, by_route, may_call};

use crate::{
    budgets::{is_help, refusal_of},
    core::Core,
    lead::{by_default, nowhere},
    timeline::Start,
};

/// A number that is wanted, and what gate and plan say of it.
#[derive(Debug)]
pub(crate) struct Reached {
    /// As the plan means it: in E.164, if it is such a one.
    pub(crate) number: Number,
    /// Where it leads.
    pub(crate) decision: Decision,
    /// The gate's leave.
    pub(crate) permit: Result<Permit, Closed>,
}

/// Why a number is not called.
#[derive(Debug)]
pub(crate) enum Barred {
    /// A limit of the slot.
    Limits(Closed),
    /// The plan leads nowhere.
    Nowhere(Cause),
}

impl Core {
    /// What gate and plan say of a number. `start` is the call as the plan is to see it; `by` is the slot whose limits count, and in how many
    /// calls it is beside this one. None: a carrier brought the call, and the plan alone is its leave.
    pub(crate) fn way_to(&self, now: Instant, start: &Start, by: Option<(SlotId, usize)>, number: &Number) -> Reached {
        let number = match by {
            Some(_) => self.directory.plan().dialled(start.center, number),
            // What a carrier writes is read by that carrier's rules.
            None => number.clone(),
        };
        let permit = match by.map(|(slot, calls)| (self.directory.slot(slot), calls)) {
            Some((Some(entry), calls)) => may_call(&entry.limits, calls, number.clone()),
            Some((None, _)) => Err(Closed::Destination { number: number.clone() }),
            None => Ok(by_route(number.clone())),
        };
        let decision = self.decide(now, start, start.caller.parse().ok(), number.clone());
        Reached { number, decision, permit }
    }

    /// The slot whose limits count, with its calls beside this one: it may have handed this one on, and be gone.
    pub(crate) fn beside(&self, slot: SlotId, call: CallId) -> (SlotId, usize) {
        (slot, self.calls_beside(slot, Some(call)))
    }

    /// The same for whoever can be told at once why not, before anything has changed: `slot` is the one that calls.
    pub(crate) fn ordered(
        &mut self,
        now: Instant,
        start: &Start,
        slot: &SlotEntry,
        reached: Reached,
    ) -> Result<(Permit, Decision), Refusal> {
        let (from, number) = (slot.number.to_string(), reached.number.to_string());
        let (permit, decision) = reached.leave().map_err(|barred| match barred {
            Barred::Limits(Closed::Calls { limit }) => Refusal::SlotCallLimit { slot: from.clone(), state: self.state_of(slot.id), limit },
            Barred::Limits(Closed::Destination { .. }) | Barred::Nowhere(Cause::DestinationNotAllowed) => {
                Refusal::DestinationNotAllowed { slot: from.clone(), number }
            }
            // No carrier can take it now.
            Barred::Nowhere(Cause::CarrierFailed | Cause::CarrierFull) => Refusal::Unavailable,
            Barred::Nowhere(_) => Refusal::NoRoute,
        })?;
        let help = is_help(permit.number(), &decision.to);
        self.would_pay(now, start, &decision, help).map_err(|closed| refusal_of(closed, from, &decision.to))?;
        Ok((permit, decision))
    }

    /// The call as the plan is to see it for a number that `by` wants called: whoever hands a call on is as who had dialled.
    pub(crate) fn handed_on(&self, start: &Start, by: Option<SlotId>) -> Start {
        let directory = Arc::clone(&self.directory);
        by.and_then(|slot| directory.slot(slot)).map_or_else(|| start.clone(), |entry| start.dialled_by(entry))
    }
}

impl Reached {
    /// With no program asked.
    pub(crate) fn settled(self) -> Self {
        Self { decision: by_default(self.decision), ..self }
    }

    /// The leave, and where it leads. Whether it may go there is asked before it is said whether there is anybody.
    pub(crate) fn leave(self) -> Result<(Permit, Decision), Barred> {
        let permit = self.permit.map_err(Barred::Limits)?;
        nowhere(&self.decision).map_or(Ok((permit, self.decision)), |cause| Err(Barred::Nowhere(cause)))
    }
}

impl Barred {
    /// What a phone is told, and the record.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Limits(Closed::Destination { .. }) => Cause::DestinationNotAllowed,
            Self::Limits(Closed::Calls { .. }) => Cause::SlotCallLimit,
            Self::Nowhere(cause) => *cause,
        }
    }
}
