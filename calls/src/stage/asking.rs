//! A call whose route asks a program waits here for what it says, and takes the route's default if that is nothing good.
//!
//! ```text
//!   plan: ask ─► asked? ──no: too many wait, or a call for help──► default
//!                  │
//!                  ├── answered ─► the plan, by the same route ─► its stage
//!                  ├── late, wrong, unreachable ────────────────► default
//!                  └── given up ─► over
//! ```
//!
//! The question goes out beside the signalling loop; nobody but this call waits for it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{
    Cause, RouteId,
    route::{Answer, AskOutcome, Asked, Came, Decision, Origin, Way},
};
use serde_json::json;

use super::{CallInput, Cx, Near, Stage};
use crate::{
    lead::{Onward, by_default, lead, nowhere},
    leg::Party,
    questions::AskId,
    switchboard::{Inquiry, Output},
    timeline::What,
};

/// A program is asked where the call goes.
#[derive(Debug)]
pub(crate) struct Asking {
    near: Near,
    onward: Onward,
    /// Whose way is the question.
    decision: Decision,
    ask: AskId,
    route: RouteId,
    began: Instant,
    until: Instant,
}

impl Asking {
    /// Asks, if there is room for one more question.
    pub(crate) fn begin(cx: &mut Cx<'_>, near: Near, onward: Onward, decision: Decision) -> Stage {
        let (Way::Ask { url, secret: Some(secret), deadline_ms, .. }, Some(Origin::Route(route))) = (&decision.way, decision.origin) else {
            // Only routes ask, and none is taken without its secret.
            return lead(cx, near, onward, by_default(decision));
        };
        let (url, secret, within) = (url.clone(), secret.clone(), Duration::from_millis((*deadline_ms).into()));
        let call = cx.timeline.start().call;
        let Some(ask) = cx.core.questions.ask(call, route) else {
            return go_on(cx, near, onward, decision, Asked { route, outcome: AskOutcome::TooMany, after_ms: 0, said: None }, None);
        };
        let body = body(cx, &decision, route, &onward, *deadline_ms);
        cx.core.out(Output::Ask(Box::new(Inquiry { ask, url, secret, body, within })));
        let mut asking = Self { near, onward, decision, ask, route, began: cx.now, until: cx.now + within };
        asking.near.hears_calling(cx, None, model::carrier::EarlyMedia::Prefer);
        Stage::Asking(asking)
    }

    /// When there has been no answer for too long.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(Party::Near, event) => match self.near.heard(cx, event) {
                Some(cause) => self.near.gone(Vec::new(), cause),
                None => Stage::Asking(self),
            },
            CallInput::Hangup(cause) => self.near.hang_up(cx, Vec::new(), cause),
            CallInput::Answered(ask, answer) if ask == self.ask => match answer {
                Ok(octets) => match Answer::read(&octets) {
                    Ok(answer) => self.answered(cx, AskOutcome::Answered, Some(answer)),
                    Err(_) => self.answered(cx, AskOutcome::Wrong, None),
                },
                Err(outcome) => self.answered(cx, outcome, None),
            },
            CallInput::Timeout if cx.now >= self.until => {
                cx.core.out(Output::Unask { ask: self.ask });
                self.answered(cx, AskOutcome::Late, None)
            }
            CallInput::Session(..) | CallInput::Media(..) | CallInput::Located(..) | CallInput::Answered(..) | CallInput::Timeout => {
                Stage::Asking(self)
            }
        }
    }

    fn answered(self, cx: &mut Cx<'_>, outcome: AskOutcome, answer: Option<Answer>) -> Stage {
        let Self { near, onward, decision, ask, route, began, .. } = self;
        cx.core.questions.answered(ask);
        let after_ms = u32::try_from(cx.now.saturating_duration_since(began).as_millis()).unwrap_or(u32::MAX);
        let said = answer.as_ref().map(Answer::said);
        go_on(cx, near, onward, decision, Asked { route, outcome, after_ms, said }, answer)
    }
}

/// The call goes where the answer says, or else where the default leads. Carriers stand as they do now, and the slot's limits hold as they are now.
fn go_on(cx: &mut Cx<'_>, near: Near, onward: Onward, decision: Decision, asked: Asked, answer: Option<Answer>) -> Stage {
    cx.core.questions.count(asked.outcome);
    let call = cx.timeline.start().call;
    cx.core.ladders.remark(cx.now, call, &asked);
    let (onward, decision) = match answer {
        None => (onward, cx.core.settle_by_default(cx.now, cx.timeline.start(), decision)),
        Some(Answer::Action(action)) => (onward, cx.core.answered(cx.now, cx.timeline.start(), decision, &action)),
        Some(Answer::Number(number)) => {
            let by = onward.by.map(|slot| cx.core.beside(slot, call));
            // Who was asked is not asked again.
            let reached = cx.core.way_to(cx.now, cx.timeline.start(), by, &number).settled();
            match reached.permit {
                Ok(permit) => (Onward { permit, ..onward }, reached.decision),
                Err(_) => {
                    cx.note(What::Asked(asked));
                    let cause = Cause::DestinationNotAllowed;
                    return near.fail(cx, cause, cause.sip_status());
                }
            }
        }
    };
    if nowhere(&decision).is_none() {
        cx.timeline.follow(&decision);
    }
    cx.note(What::Asked(asked));
    lead(cx, near, onward, decision)
}

/// What the program is told of the call.
fn body(cx: &Cx<'_>, decision: &Decision, route: RouteId, onward: &Onward, deadline_ms: u16) -> Bytes {
    let start = cx.timeline.start();
    let came_by = match start.came_by() {
        Came::Slot => json!("slot"),
        Came::Carrier(id) => json!({ "carrier": id }),
    };
    let told = json!({
        "call_id": start.call,
        "center": start.center,
        "route": route,
        "came_by": came_by,
        "slot": start.caller_slot,
        "user": start.user,
        // Who wants to be nobody is nobody there, too.
        "from": decision.from.as_ref().filter(|_| !onward.withheld),
        "to": decision.to,
        "called": onward.permit.number(),
        "scenario": decision.scenario,
        "source": decision.source,
        "at": cx.wall(),
        "deadline_ms": deadline_ms,
    });
    told.to_string().into()
}
