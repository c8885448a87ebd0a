//! One slot: the facts about it, and the state that follows from them.

use std::time::{Duration, Instant};

use model::{CallId, CenterId, HubKind, SlotEntry, SlotId, SlotState, SlotView, UserId, WallTime};

use crate::lease::Lease;

/// A slot's part in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The call.
    pub(crate) call: CallId,
    /// Whether the call's far party has answered.
    pub(crate) answered: bool,
}

/// Why a slot wants to be looked at again at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The holder gave no sign of life (R6).
    Lease,
    /// The binding lapsed under a lease, and the grace is over (R5).
    Grace,
}

impl Timer {
    /// The timer's name, for the loop's statistics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lease => "slot lease",
            Self::Grace => "slot registration grace",
        }
    }
}

/// A slot's facts. Its state is never stored: [`Slot::state`] computes it, so that nothing can stick.
///
/// ```text
///         take             no phone                    phone registered
///   IDLE ─────▶ ASSIGNED ───────────▶ REGISTERING ───────────────────────▶ READY
///                   │                      ▲                                │ ▲
///                   │                      └──── binding gone for 60 s ─────┘ │
///                   └───────────────────── phone registered ──────────────────┘
///
///   IDLE, READY ── INVITE to or from the slot ──▶ CALLING ── far party answers ──▶ ACTIVE_CALL
///                                               call over │            last leg over │
///                                                         └──────▶ POSTCALL ◀────────┘
///   IDLE  ◀── not taken ─────────────────────────────────────────────┘ │
///   READY ◀── taken (REGISTERING, if the binding is gone) ──────────────┘
///
///   REGISTERING, READY ── release, or 90 s without a sign of life ──▶ IDLE
///   IDLE, REGISTERING, READY ── administrator ──▶ FAULT, DISABLED ── administrator ──▶ IDLE
/// ```
///
/// CALLING begins from IDLE and from READY alike (R7, R11).
/// ASSIGNED and POSTCALL last no time: one event tells the state that comes after them (R5, R7).
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) center: CenterId,
    pub(crate) number: String,
    pub(crate) kind: HubKind,
    /// [`SlotState::Idle`] (in service), [`SlotState::Fault`] or [`SlotState::Disabled`].
    pub(crate) service: SlotState,
    /// Retired, and about to leave the directory: hidden, and refuses everything.
    pub(crate) retired: bool,
    /// Whether a phone is registered.
    pub(crate) registered: bool,
    /// A binding that lapsed under the lease still counts until here.
    pub(crate) grace_until: Option<Instant>,
    pub(crate) lease: Option<Lease>,
    /// The number of the newest lease; 0 before the first.
    pub(crate) epoch: u64,
    /// The call it is in.
    pub(crate) call: Option<Part>,
    /// The call about that call (R11). Only beside `call`.
    pub(crate) consultation: Option<Part>,
    /// The far party of a call has answered since the slot was last out of all calls.
    pub(crate) active: bool,
    /// Since when it is in the state that was last told.
    pub(crate) since: WallTime,
    /// What was last told of it.
    pub(crate) told: Option<SlotView>,
    /// Its entry among the timers.
    pub(crate) due: Option<(Instant, Timer)>,
}

impl Slot {
    pub(crate) fn new(entry: &SlotEntry, since: WallTime) -> Self {
        Self {
            center: entry.center,
            number: entry.number.as_str().to_owned(),
            kind: entry.kind,
            service: entry.service,
            retired: false,
            registered: false,
            grace_until: None,
            lease: None,
            epoch: 0,
            call: None,
            consultation: None,
            active: false,
            since,
            told: None,
            due: None,
        }
    }

    /// The state that follows from the facts.
    pub(crate) fn state(&self) -> SlotState {
        if self.call.is_some() {
            return if self.active { SlotState::ActiveCall } else { SlotState::Calling };
        }
        match (self.service, self.lease) {
            (SlotState::Fault | SlotState::Disabled, _) => self.service,
            (_, None) => SlotState::Idle,
            (_, Some(_)) if self.registered || self.grace_until.is_some() => SlotState::Ready,
            (_, Some(_)) => SlotState::Registering,
        }
    }

    pub(crate) fn holder(&self) -> Option<UserId> {
        self.lease.map(|lease| lease.holder)
    }

    pub(crate) fn in_call(&self) -> bool {
        self.call.is_some()
    }

    /// The slot as others see it.
    pub(crate) fn view(&self, id: SlotId) -> SlotView {
        SlotView {
            id,
            center: self.center,
            number: self.number.clone(),
            kind: self.kind,
            state: self.state(),
            registered: self.registered,
            holder: self.holder(),
            since: self.since,
            epoch: self.epoch,
        }
    }

    /// Whether the holder was silent for too long. Never during a call, and right after it (R6).
    pub(crate) fn lease_is_over(&self, now: Instant) -> bool {
        !self.in_call() && self.lease.is_some_and(|lease| lease.alive_until <= now)
    }

    /// A phone registered, or its binding is gone.
    pub(crate) fn set_registered(&mut self, now: Instant, registered: bool, grace: Duration) {
        // R5: the grace is for a lapse under a lease. A lapse that is told again does not start it anew.
        if self.registered && !registered && self.lease.is_some() {
            self.grace_until = Some(now + grace);
        }
        if registered {
            self.grace_until = None;
        }
        self.registered = registered;
    }

    /// Takes a call out of the slot. A consultation that outlives its call takes its place (R11).
    pub(crate) fn leave(&mut self, call: CallId) {
        if self.consultation.is_some_and(|part| part.call == call) {
            self.consultation = None;
        } else if self.call.is_some_and(|part| part.call == call) {
            self.call = self.consultation.take();
        }
        if self.call.is_none() {
            self.active = false;
        }
    }

    /// Its part in a call is one in another call from now on.
    pub(crate) fn hand_over(&mut self, from: CallId, to: CallId) {
        for part in [&mut self.call, &mut self.consultation].into_iter().flatten() {
            if part.call == from {
                part.call = to;
            }
        }
    }

    /// The far party of `call` has answered.
    pub(crate) fn answered(&mut self, call: CallId) {
        for part in [&mut self.call, &mut self.consultation].into_iter().flatten() {
            if part.call == call {
                part.answered = true;
                self.active = true;
            }
        }
    }

    /// When it must be looked at next. During a call no timer matters: leases last and the state is the call's.
    pub(crate) fn next_due(&self) -> Option<(Instant, Timer)> {
        if self.in_call() {
            return None;
        }
        let lease = self.lease.map(|lease| (lease.alive_until, Timer::Lease));
        let grace = self.grace_until.map(|until| (until, Timer::Grace));
        lease.into_iter().chain(grace).min()
    }
}
