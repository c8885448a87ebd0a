//! A call goes out: one carrier after another is tried, each host of it in the order of RFC 3263, each try with a leg of its own.
//!
//! ```text
//!   carrier ─► line taken? ─► host ─► lookup ─► target ─► INVITE ──2xx──► Talking
//!      ▲           │ no        ▲ ▲       │ nothing  ▲        │
//!      │           │           │ └───────┘          ├────────┤ silent, unreachable, 503: the next target, the next host
//!      ├───────────┘           └────────────────────┘        │
//!      ├─────────────────────────────────────────────────────┤ it failed by itself (`failover.next`): the next carrier
//!      ▼ none left                                           ▼ the far party has spoken
//!    failed                                                failed
//! ```

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use model::{
    CarrierId, CarrierTry, Cause, Number, TryOutcome,
    carrier::{CarrierEntry, EarlyMedia, FailoverStep, RuleOf, Transport},
    route::Try,
};
use sip_core::{EndReason, Flow, LocateError, Located, LookupId, SessionEvent, Target, locate::Over};

use super::{CallInput, Cx, Near, Stage, near::negotiate, ringing::cause_unanswered};
use crate::{
    budgets::is_of_budget,
    carriers::{Side, Taker, Waiting},
    lead::{Onward, lead},
    leg::{Leg, Party},
    reach::Barred,
    timeline::What,
};

/// INVITEs of one call, to all carriers together: whoever calls has long given up by then.
const INVITES_MAX: usize = 16;

/// Over TCP, by which an INVITE goes that is too long for a datagram, somebody silent is given up after this at the latest, in favour of
/// datagrams: most carriers that take only these refuse TCP at once, and firewalls drop it.
const TCP_SILENT: Duration = Duration::from_secs(4);

/// One that has said 100 gets so many times more of the time that a silent one has (`failover.silent_s`).
const PROGRESS_MORE: u32 = 3;

/// The carriers of a call are tried.
#[derive(Debug)]
pub(crate) struct Trying {
    near: Near,
    onward: Onward,
    /// Those that come next.
    tries: VecDeque<Try>,
    current: Option<Current>,
    /// As what it counts among the call's lines.
    side: Side,
    /// Why the last try was none, and its status.
    failed: (Cause, u16),
}

/// The carrier that is tried.
#[derive(Debug)]
struct Current {
    found: Try,
    /// The place of the next host in the carrier's list.
    next_host: usize,
    /// The host of `targets`.
    host: usize,
    /// Where it is tried next.
    targets: VecDeque<Target>,
    /// Targets that failed lately, with their hosts: tried when there is nothing else.
    behind: VecDeque<(usize, Target)>,
    early_media: EarlyMedia,
    at: At,
}

/// Where a try stands.
#[derive(Debug)]
enum At {
    /// Between two targets.
    Nowhere,
    /// A host is looked for; until then.
    Looking(LookupId, Instant),
    /// A target was called; boxed, for it is much larger than the others.
    Calling(Box<Called>),
}

#[derive(Debug)]
struct Called {
    leg: Leg,
    target: Target,
    /// Without a sign of life by then, the next is tried; none once there was one.
    silent_at: Option<Instant>,
    /// It has said 100, and was given more time.
    is_there: bool,
    /// The INVITE went over TCP at first, for its length.
    is_long: bool,
    /// The way that was named: what is too long for a datagram may go by another one.
    by: Flow,
    /// By what it was refused.
    refused_by: Option<sip_core::Transport>,
}

/// What comes next of a carrier.
enum Next {
    Target(Target),
    /// A lookup is under way.
    Wait,
    /// All was tried.
    Nothing,
}

impl Trying {
    /// Tries the first of these.
    pub(crate) fn begin(cx: &mut Cx<'_>, near: Near, onward: Onward, tries: Vec<Try>) -> Stage {
        let failed = (Cause::CarrierFailed, Cause::CarrierFailed.sip_status());
        let side = cx.core.carriers.caps.free_side(cx.timeline.start().call);
        Self { near, onward, tries: tries.into(), current: None, side, failed }.advance(cx)
    }

    /// When it wants to be woken: somebody is silent for too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.current.as_ref()?.at {
            At::Nowhere => None,
            At::Looking(_, until) => Some(*until),
            At::Calling(called) => called.silent_at,
        }
    }

    pub(crate) fn handle(mut self, cx: &mut Cx<'_>, input: CallInput) -> Stage {
        match input {
            CallInput::Session(Party::Near, event) => match self.near.heard(cx, event) {
                Some(cause) => {
                    let leg = self.stop(cx);
                    self.near.gone(leg.into_iter().collect(), cause)
                }
                None => Stage::Trying(self),
            },
            CallInput::Session(_, event) => self.far(cx, event),
            CallInput::Located(lookup, outcome) => self.located(cx, lookup, outcome),
            CallInput::Hangup(cause) => {
                let leg = self.stop(cx);
                self.near.hang_up(cx, leg.into_iter().collect(), cause)
            }
            CallInput::Timeout if self.deadline().is_some_and(|at| at <= cx.now) => self.silent(cx),
            CallInput::Media(..) | CallInput::Answered(..) | CallInput::Timeout => Stage::Trying(self),
        }
    }

    // ---- from carrier to carrier, host to host, target to target

    fn advance(mut self, cx: &mut Cx<'_>) -> Stage {
        loop {
            let directory = Arc::clone(&cx.core.directory);
            let Some(current) = &mut self.current else {
                let Some(found) = self.tries.pop_front() else {
                    let (cause, status) = self.failed;
                    return self.near.fail(cx, cause, status);
                };
                // It may be gone since the plan was asked. A line that no INVITE would use is not taken.
                let is_worth_it = self.onward.invites < INVITES_MAX;
                if let Some(entry) = directory.plan().carrier(found.carrier).filter(|entry| entry.carrier.on && is_worth_it) {
                    self.take_up(cx, entry, found);
                }
                continue;
            };
            let Some(entry) = directory.plan().carrier(current.found.carrier) else {
                self.give_up(cx);
                continue;
            };
            let next = if self.onward.invites < INVITES_MAX { current.next(cx, entry) } else { Next::Nothing };
            match next {
                Next::Wait => {
                    self.near.hears_calling(cx, None, EarlyMedia::Prefer);
                    return Stage::Trying(self);
                }
                Next::Nothing => self.give_up(cx),
                Next::Target(target) => {
                    if self.invite(cx, entry, target) {
                        return Stage::Trying(self);
                    }
                }
            }
        }
    }

    /// Takes a line of a carrier, if it has one by now.
    fn take_up(&mut self, cx: &mut Cx<'_>, entry: &CarrierEntry, found: Try) {
        let call = cx.timeline.start().call;
        let is_help = self.onward.permit.number().is_emergency();
        let plan = Arc::clone(cx.core.directory.plan());
        // A call counts for the number that it is shown by, if calls come by that too.
        let wanted = self.onward.by.and_then(|slot| cx.core.directory.slot(slot)?.caller.clone());
        let caller = entry.caller(wanted.as_ref(), cx.timeline.start().center).ok();
        let number = caller.and_then(|caller| plan.number(entry.id, caller));
        let taker = Taker { call, side: self.side, by: self.onward.by, is_help };
        match cx.core.carriers.caps.take(cx.now, taker, entry, number) {
            Ok(()) => self.current = Some(Current::new(entry, found)),
            Err(refused) => {
                cx.tried_nobody(&found, TryOutcome::Full);
                let cause = refused.cause();
                self.failed = (cause, cause.sip_status());
            }
        }
    }

    /// The carrier is done with.
    fn give_up(&mut self, cx: &mut Cx<'_>) {
        self.current = None;
        let left = cx.core.carriers.caps.leave(cx.timeline.start().call, self.side);
        cx.core.tidy_accounts(left);
    }

    /// Calls a target. False: it came to no INVITE, and what comes next is to be tried.
    fn invite(&mut self, cx: &mut Cx<'_>, entry: &CarrierEntry, target: Target) -> bool {
        let Self { near, onward, current: Some(current), .. } = self else { return false };
        let Some(host) = entry.carrier.hosts.get(current.host) else { return false };
        let Some(flow) = cx.core.carriers.outwards.flow_to(&target).ok().filter(|flow| !cx.core.is_anothers(*flow, &target, None)) else {
            cx.tried_nobody(&current.found, TryOutcome::Unreachable);
            return false;
        };
        // Who calls for help is called back by the number, and is not refused for having withheld it.
        let withheld = onward.withheld && !onward.permit.number().is_emergency();
        let account = cx.core.account_of(entry);
        let Some(mut outgoing) = crate::carriers::Outgoing::new(entry, host, account, &current.found, withheld, &onward.diverted) else {
            cx.tried_nobody(&current.found, TryOutcome::NotWithheld);
            self.failed = (Cause::NotWithheld, Cause::NotWithheld.sip_status());
            self.give_up(cx);
            return false;
        };
        outgoing.headers.extend(account.and_then(|account| cx.core.service_route(entry.id, host, account)));
        // Whoever writes a transport is taken at his word, and whoever calls for help does not wait to learn whether somebody listens.
        let may_try_tcp = host.transport == Transport::Automatic && !onward.permit.number().is_emergency();
        let tcp = may_try_tcp.then(|| cx.core.carriers.outwards.tcp_to(cx.now, &target)).flatten();
        let leg = match cx.call_carrier(near, onward, entry, (flow, tcp, &target), outgoing) {
            Ok(leg) => leg,
            // Its own budget may be what is closed, or what it costs.
            Err(cause) if is_of_budget(cause) => {
                cx.tried_nobody(&current.found, TryOutcome::Budget);
                self.failed = (cause, cause.sip_status());
                self.give_up(cx);
                return false;
            }
            // Ours is the want: another carrier would be no better off.
            Err(cause) => {
                self.failed = (cause, cause.sip_status());
                self.tries.clear();
                self.give_up(cx);
                return false;
            }
        };
        onward.invites += 1;
        near.hears_calling(cx, Some(&leg), current.early_media);
        let by = cx.core.endpoint.invited_by(leg.session).unwrap_or(flow);
        cx.note(What::Trying(CarrierTry {
            carrier: entry.id,
            caller: current.found.caller.to_string(),
            called: Some(current.found.called.to_string()),
            target: Some(shown(by)),
            at: cx.wall(),
            outcome: None,
            status: None,
        }));
        let is_long = by != flow;
        let patience = Duration::from_secs(entry.carrier.failover.silent_s.into());
        let silent_at = Some(cx.now + if is_long { patience.min(TCP_SILENT) } else { patience });
        current.at = At::Calling(Box::new(Called { leg, target, silent_at, is_there: false, is_long, by, refused_by: None }));
        true
    }

    // ---- what is heard

    fn far(mut self, cx: &mut Cx<'_>, event: SessionEvent) -> Stage {
        let Some(Current { at: At::Calling(called), early_media, found, host, .. }) = &mut self.current else {
            return Stage::Trying(self);
        };
        match event {
            SessionEvent::Ringing { sdp, .. } => {
                if called.silent_at.take().is_some() {
                    cx.target_lives(found.carrier, *host, &called.target);
                }
                self.near.hears_ringing(cx, &mut called.leg, sdp.as_ref(), *early_media);
                Stage::Trying(self)
            }
            // By UPDATE, before it answers.
            SessionEvent::Reoffered { sdp, flow, .. } => {
                cx.core.reoffered(cx.now, &mut called.leg, sdp.as_ref(), flow);
                Stage::Trying(self)
            }
            SessionEvent::Answered { sdp } => self.answered(cx, sdp.as_ref()),
            SessionEvent::Refused { status } => self.refused(cx, status),
            SessionEvent::Ended { why: EndReason::Timeout } => {
                self.lost(cx, TryOutcome::Unreachable, None, None);
                self.advance(cx)
            }
            SessionEvent::Ended { why } => {
                let cause = cause_unanswered(why);
                let outcome = if cause == Cause::NoAnswer { TryOutcome::NoAnswer } else { TryOutcome::Unreachable };
                self.close(cx, outcome, None, cause);
                self.give_up(cx);
                self.near.fail(cx, cause, cause.sip_status())
            }
            _ => Stage::Trying(self),
        }
    }

    fn answered(mut self, cx: &mut Cx<'_>, sdp: Option<&Bytes>) -> Stage {
        let Some(Current { at: At::Calling(called), found, host, .. }) = &mut self.current else { return Stage::Trying(self) };
        cx.target_lives(found.carrier, *host, &called.target);
        if let Err(cause) = negotiate(&mut called.leg, sdp) {
            self.close(cx, TryOutcome::Refused, None, cause);
            self.give_up(cx);
            return self.near.fail(cx, cause, cause.sip_status());
        }
        let target = called.gone_by(cx);
        cx.remember(What::Tried { outcome: TryOutcome::Answered, status: Some(200), target });
        match self.current.take().map(|current| current.at) {
            Some(At::Calling(called)) => self.near.connect(cx, called.leg),
            _ => Stage::Trying(self),
        }
    }

    fn refused(mut self, cx: &mut Cx<'_>, status: u16) -> Stage {
        let Some(Current { at: At::Calling(called), found, .. }) = &mut self.current else { return Stage::Trying(self) };
        let said = cx.core.said(called.leg.session);
        called.refused_by = said.by;
        // Trunks that are only set up for datagrams refuse what comes by another way.
        let is_over_tcp = called.target.transport == Over::Udp && said.by == Some(sip_core::Transport::Tcp);
        let carrier = found.carrier;
        let directory = Arc::clone(&cx.core.directory);
        let entry = directory.plan().carrier(carrier);
        if (300..400).contains(&status)
            && let Some(entry) = entry.filter(|entry| self.onward.redirects < entry.carrier.redirects_max)
            && let Some(number) = said.contact.as_deref().and_then(|user| entry.carrier.read(RuleOf::Called, &user.parse().ok()?).ok())
        {
            self.close(cx, TryOutcome::Redirected, Some(status), Cause::of_callee_status(status));
            self.give_up(cx);
            return self.redirected(cx, number);
        }
        let step = match entry {
            Some(entry) => entry.carrier.failover.after(status, said.q850),
            None => model::carrier::Failover::default().after(status, said.q850),
        };
        match step {
            FailoverStep::Stop => {
                let cause = Cause::of_callee_status(status);
                self.close(cx, TryOutcome::Refused, Some(status), cause);
                self.give_up(cx);
                return self.near.fail(cx, cause, status);
            }
            FailoverStep::Next if is_over_tcp => self.by_datagrams(cx, TryOutcome::Refused, Some(status)),
            // RFC 3263, 4.3: another of its servers may have room.
            FailoverStep::Next if status == 503 => self.lost(cx, TryOutcome::Refused, Some(status), said.retry_after),
            FailoverStep::Next => {
                self.close(cx, TryOutcome::Refused, Some(status), Cause::CarrierFailed);
                self.failed = (Cause::CarrierFailed, status);
                self.give_up(cx);
            }
        }
        self.advance(cx)
    }

    /// A 3xx: where it sends the call is dialled as if it had been from the beginning, past the gate and the plan (B-55).
    fn redirected(self, cx: &mut Cx<'_>, number: Number) -> Stage {
        let start = cx.timeline.start();
        let by = self.onward.by.map(|slot| cx.core.beside(slot, start.call));
        let reached = if self.near.stays() {
            // Who is handed on has talked already, and waits for no program.
            cx.core.way_to(cx.now, &cx.core.handed_on(start, self.onward.by), by, &number).settled()
        } else {
            cx.core.way_to(cx.now, start, by, &number)
        };
        let (permit, decision) = match reached.leave() {
            Ok(leave) => leave,
            Err(Barred::Limits(_)) => return self.near.fail(cx, Cause::DestinationNotAllowed, Cause::DestinationNotAllowed.sip_status()),
            Err(Barred::Nowhere(cause)) => return self.near.fail(cx, cause, cause.sip_status()),
        };
        let Onward { permit: before, hops, withheld, mut diverted, redirects, invites, by } = self.onward;
        diverted.push(before.number().clone());
        let onward =
            Onward { permit, hops: hops.saturating_sub(1), withheld, diverted, redirects: redirects.saturating_add(1), invites, by };
        lead(cx, self.near, onward, decision)
    }

    fn silent(mut self, cx: &mut Cx<'_>) -> Stage {
        match &mut self.current {
            Some(Current { at: At::Calling(called), found, .. }) => {
                let has_progress = cx.core.endpoint.has_progress(called.leg.session);
                let is_over_tcp =
                    cx.core.endpoint.invited_by(called.leg.session).is_some_and(|by| by.transport == sip_core::Transport::Tcp);
                let directory = Arc::clone(&cx.core.directory);
                let silent_s = directory.plan().carrier(found.carrier).map_or(0, |entry| entry.carrier.failover.silent_s);
                let patience = Duration::from_secs(silent_s.into());
                if has_progress && !std::mem::replace(&mut called.is_there, true) {
                    called.silent_at = Some(cx.now + patience * PROGRESS_MORE);
                    return Stage::Trying(self);
                }
                if !has_progress && !is_over_tcp && std::mem::take(&mut called.is_long) {
                    // Over TCP nobody listened, and it goes in fragments since.
                    called.silent_at = Some(cx.now + patience);
                    return Stage::Trying(self);
                }
                if !has_progress && is_over_tcp && called.target.transport == Over::Udp {
                    self.by_datagrams(cx, TryOutcome::Silent, None);
                } else if has_progress {
                    // It is there, and has not got through: that says nothing against the next call.
                    self.close(cx, TryOutcome::Silent, None, Cause::CarrierFailed);
                    self.failed = (Cause::CarrierFailed, 408);
                } else {
                    self.lost(cx, TryOutcome::Silent, None, None);
                }
            }
            Some(Current { at: at @ At::Looking(..), found, .. }) => {
                if let At::Looking(lookup, _) = std::mem::replace(at, At::Nowhere) {
                    cx.core.stop_locating(lookup);
                }
                cx.tried_nobody(found, TryOutcome::NotFound);
                self.failed = (Cause::CarrierFailed, Cause::CarrierFailed.sip_status());
            }
            _ => {}
        }
        self.advance(cx)
    }

    /// Over TCP the target did not take the call: that says nothing against it, and it is called again by datagrams, as are the next ones.
    fn by_datagrams(&mut self, cx: &mut Cx<'_>, outcome: TryOutcome, status: Option<u16>) {
        if let Some(Current { at: At::Calling(called), targets, .. }) = &mut self.current {
            cx.core.carriers.outwards.unheard_over_tcp(cx.now, called.target.address);
            targets.push_front(called.target.clone());
        }
        self.close(cx, outcome, status, Cause::CarrierFailed);
        self.failed = (Cause::CarrierFailed, status.unwrap_or(408));
    }

    fn located(mut self, cx: &mut Cx<'_>, lookup: LookupId, outcome: Result<Vec<Target>, LocateError>) -> Stage {
        let Some(current) = &mut self.current else { return Stage::Trying(self) };
        if !matches!(current.at, At::Looking(waits, _) if waits == lookup) {
            return Stage::Trying(self);
        }
        current.at = At::Nowhere;
        current.take(cx, outcome);
        self.advance(cx)
    }

    // ---- the end of a try

    /// The target did not serve: it stands behind all others for a while, and the next one is tried.
    fn lost(&mut self, cx: &mut Cx<'_>, outcome: TryOutcome, status: Option<u16>, retry_after: Option<Duration>) {
        if let Some(Current { at: At::Calling(called), .. }) = &self.current {
            cx.core.locator.failed(cx.now, &called.target, retry_after);
        }
        self.close(cx, outcome, status, Cause::CarrierFailed);
        self.failed = (Cause::CarrierFailed, status.unwrap_or(408));
    }

    /// The leg is over, or is given up.
    fn close(&mut self, cx: &mut Cx<'_>, outcome: TryOutcome, status: Option<u16>, cause: Cause) {
        let Some(current) = &mut self.current else { return };
        if let At::Calling(called) = std::mem::replace(&mut current.at, At::Nowhere) {
            let target = called.gone_by(cx);
            cx.core.close(cx.now, &called.leg, cause);
            cx.remember(What::Tried { outcome, status, target });
        }
    }

    pub(crate) fn near(&self) -> &Near {
        &self.near
    }

    /// Nobody wants the call any more: gives the leg, if there is one.
    fn stop(&mut self, cx: &mut Cx<'_>) -> Option<Leg> {
        match self.current.take()?.at {
            At::Nowhere => None,
            At::Looking(lookup, _) => {
                cx.core.stop_locating(lookup);
                None
            }
            At::Calling(called) => Some(called.leg),
        }
    }
}

impl Cx<'_> {
    /// A target of this carrier's host (its place in the list) has answered.
    fn target_lives(&mut self, carrier: CarrierId, host: usize, target: &Target) {
        self.core.locator.succeeded(target);
        let directory = Arc::clone(&self.core.directory);
        let entry = directory.plan().carrier(carrier);
        if let Some(host) = entry.and_then(|entry| entry.carrier.hosts.get(host)) {
            self.core.host_lives(self.now, &(carrier, host.to_string()));
        }
    }
}

/// As records show a way.
fn shown(by: Flow) -> String {
    format!("{} {}", by.transport.name(), by.remote)
}

impl Called {
    /// By what the INVITE went in the end, if that is not what was said.
    fn gone_by(&self, cx: &Cx<'_>) -> Option<String> {
        let endpoint = &cx.core.endpoint;
        let by = endpoint.invited_by(self.leg.session).or_else(|| endpoint.flow_of(self.leg.session));
        let transport = by.map(|by| by.transport).or(self.refused_by)?;
        (transport != self.by.transport).then(|| shown(Flow { transport, ..self.by }))
    }
}

impl Current {
    fn new(entry: &CarrierEntry, found: Try) -> Self {
        let early_media = entry.carrier.early_media;
        Self { found, next_host: 0, host: 0, targets: VecDeque::new(), behind: VecDeque::new(), early_media, at: At::Nowhere }
    }

    fn next(&mut self, cx: &mut Cx<'_>, entry: &CarrierEntry) -> Next {
        loop {
            while let Some(target) = self.targets.pop_front() {
                if !cx.core.locator.has_failed(cx.now, &target) {
                    return Next::Target(target);
                }
                self.behind.push_back((self.host, target));
            }
            let Some(host) = entry.carrier.hosts.get(self.next_host) else {
                let Some((host, target)) = self.behind.pop_front() else { return Next::Nothing };
                self.host = host;
                return Next::Target(target);
            };
            self.host = self.next_host;
            self.next_host += 1;
            let Some(place) = crate::carriers::place_of(host) else { continue };
            match cx.core.locate(cx.now, entry.id, place, Waiting::Call(cx.timeline.start().call)) {
                Ok(Located::Now(targets)) => self.take(cx, Ok(targets)),
                Ok(Located::Later(lookup)) => {
                    // As long as a host may be silent. What the answer brings later is kept for the next call.
                    let until = cx.now + Duration::from_secs(entry.carrier.failover.silent_s.into());
                    self.at = At::Looking(lookup, until);
                    return Next::Wait;
                }
                Err(error) => self.take(cx, Err(error)),
            }
        }
    }

    fn take(&mut self, cx: &mut Cx<'_>, outcome: Result<Vec<Target>, LocateError>) {
        match outcome {
            Ok(targets) => self.targets = targets.into(),
            Err(_) => cx.tried_nobody(&self.found, TryOutcome::NotFound),
        }
    }
}
