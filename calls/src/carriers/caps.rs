//! How many calls a carrier has, both ways, how many of each of our numbers with it, and how many begin in a second (R2).

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use model::{
    CallId, CarrierId, Cause, Number, SlotId,
    carrier::{CarrierEntry, IncomingNumber, Standing},
    route::Plan,
};

/// The counts of all carriers.
#[derive(Debug, Default)]
pub(crate) struct Caps {
    lines: BTreeMap<CarrierId, Line>,
    /// Known here and not in the call, so that it is not lost with what a defect takes along (FT-14).
    held: BTreeMap<(CallId, Side), Held>,
    /// The lines that each slot has caused, whoever talks by them now.
    by: BTreeSet<(SlotId, CallId, Side)>,
}

/// Calls for help of one slot at once, with those that it has handed on: one, and a second one beside it, as a phone of ours is in two calls at most
/// (R11). No other limit stops such calls, so without this one a single phone that hands each of them on has all of a carrier's lines.
pub(crate) const HELP_MAX: usize = 2;

/// Who takes a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taker {
    pub(crate) call: CallId,
    pub(crate) side: Side,
    /// The slot that causes it; none if a carrier does.
    pub(crate) by: Option<SlotId>,
    /// Whether it calls for help.
    pub(crate) is_help: bool,
}

/// A call has one part in a carrier's lines at most where it came from, one where it goes, and one where it was handed on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// It came by the carrier.
    In,
    /// It goes by the carrier.
    Out,
    /// It goes on by the carrier, instead of to a slot of ours.
    Onward,
}

impl Side {
    const ALL: [Self; 3] = [Self::In, Self::Out, Self::Onward];
}

/// Why a carrier takes no further call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has as many as it may.
    Full,
    /// As many have begun in this second as it may.
    TooFast,
    /// Our number with it has as many as it may.
    NumberFull,
    /// The slot calls for help as often as one may at once ([`HELP_MAX`]).
    Help,
}

impl Refused {
    /// What the caller is told, and the record.
    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::Full | Self::TooFast => Cause::CarrierFull,
            Self::NumberFull => Cause::NumberFull,
            Self::Help => Cause::SlotCallLimit,
        }
    }
}

#[derive(Debug, Default)]
struct Line {
    calls: usize,
    numbers: BTreeMap<Number, usize>,
    /// When the last ones began, oldest first; never more than `calls_per_s`.
    begun: VecDeque<Instant>,
    /// When the last ones came, whether or not there was room for them, oldest first; never more than [`arrivals_per_s`].
    came: VecDeque<Instant>,
}

#[derive(Debug)]
struct Held {
    carrier: CarrierId,
    number: Option<Number>,
    by: Option<SlotId>,
    is_help: bool,
}

const SECOND: Duration = Duration::from_secs(1);

/// Calls that may come in a second by datagrams from a carrier that has no `calls_per_s`, at least. Nothing but an address that anybody can
/// write says who sent them.
const ARRIVALS_LEAST: u16 = 10;
/// The same, as a part of its calls at once: a quarter of its lines in one second is no traffic of people, even where many ring at once.
const ARRIVALS_PART: u16 = 4;

/// How many calls may come from a carrier in a second; `None`: as many as like.
fn arrivals_per_s(entry: &CarrierEntry, is_datagram: bool) -> Option<usize> {
    match (entry.carrier.calls_per_s, is_datagram) {
        (0, true) => Some(usize::from((entry.carrier.capacity / ARRIVALS_PART).max(ARRIVALS_LEAST))),
        (0, false) => None,
        (per_s, _) => Some(usize::from(per_s)),
    }
}

impl Line {
    fn standing(&self, now: Instant, entry: &CarrierEntry) -> Standing {
        let per_s = usize::from(entry.carrier.calls_per_s);
        // The first of the last so many: if that was within a second, so were all behind it.
        let first = self.begun.len().checked_sub(per_s).and_then(|at| self.begun.get(at));
        if self.calls >= usize::from(entry.carrier.capacity) {
            Standing::Full
        } else if per_s > 0 && first.is_some_and(|first| now.saturating_duration_since(*first) < SECOND) {
            Standing::TooFast
        } else {
            Standing::Up
        }
    }
}

impl Caps {
    /// Whether the carrier can take another call.
    pub(crate) fn standing(&self, now: Instant, entry: &CarrierEntry) -> Standing {
        self.lines.get(&entry.id).map_or(Standing::Up, |line| line.standing(now, entry))
    }

    /// Calls that the carrier has now.
    pub(crate) fn calls(&self, carrier: CarrierId) -> usize {
        self.lines.get(&carrier).map_or(0, |line| line.calls)
    }

    /// A call comes from a carrier, by a datagram or by a stream. False: faster than they may, so that nothing is to be kept of it. Those for
    /// which there is no line are counted, too: they leave records.
    pub(crate) fn comes(&mut self, now: Instant, entry: &CarrierEntry, is_datagram: bool) -> bool {
        let Some(per_s) = arrivals_per_s(entry, is_datagram) else { return true };
        let came = &mut self.lines.entry(entry.id).or_default().came;
        while came.front().is_some_and(|first| now.saturating_duration_since(*first) >= SECOND) {
            came.pop_front();
        }
        let is_slow = came.len() < per_s;
        if is_slow {
            came.push_back(now);
        }
        is_slow
    }

    /// A call takes a line of the carrier, for `number` of ours if it is for one. A call for help is counted, and refused for its slot's sake alone.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        taker: Taker,
        entry: &CarrierEntry,
        number: Option<&IncomingNumber>,
    ) -> Result<(), Refused> {
        let Taker { call, side, by, is_help } = taker;
        if is_help && by.is_some_and(|slot| self.calls_for_help(slot) >= HELP_MAX) {
            return Err(Refused::Help);
        }
        let line = self.lines.entry(entry.id).or_default();
        let is_number_full = number.is_some_and(|number| {
            number.calls_max > 0 && line.numbers.get(&number.number).copied().unwrap_or_default() >= usize::from(number.calls_max)
        });
        match line.standing(now, entry) {
            _ if is_help => {}
            Standing::Full => return Err(Refused::Full),
            Standing::TooFast => return Err(Refused::TooFast),
            _ if is_number_full => return Err(Refused::NumberFull),
            _ => {}
        }
        line.calls += 1;
        let number = number.map(|number| number.number.clone());
        if let Some(number) = &number {
            *line.numbers.entry(number.clone()).or_default() += 1;
        }
        if entry.carrier.calls_per_s > 0 {
            line.begun.push_back(now);
            while line.begun.len() > usize::from(entry.carrier.calls_per_s) {
                line.begun.pop_front();
            }
        }
        self.keep(call, side, Held { carrier: entry.id, number, by, is_help });
        Ok(())
    }

    /// The calls that have a line which the slot has caused, whether it is still in them or not.
    pub(crate) fn caused_by(&self, slot: SlotId) -> impl Iterator<Item = CallId> {
        let calls: BTreeSet<CallId> = self.lines_of(slot).map(|(call, _)| call).collect();
        calls.into_iter()
    }

    /// Whether somebody in the call was called for help.
    pub(crate) fn is_for_help(&self, call: CallId) -> bool {
        Side::ALL.into_iter().any(|side| self.held.get(&(call, side)).is_some_and(|held| held.is_help))
    }

    fn calls_for_help(&self, slot: SlotId) -> usize {
        self.lines_of(slot).filter(|line| self.held.get(line).is_some_and(|held| held.is_help)).count()
    }

    fn lines_of(&self, slot: SlotId) -> impl Iterator<Item = (CallId, Side)> {
        let from = (slot, CallId(i64::MIN), Side::In);
        self.by.range(from..=(slot, CallId(i64::MAX), Side::Onward)).map(|(_, call, side)| (*call, *side))
    }

    /// The call gives back the line that it goes by; whose that was.
    pub(crate) fn leave(&mut self, call: CallId, side: Side) -> Option<CarrierId> {
        let held = self.drop_held(call, side)?;
        self.give_back(&held);
        Some(held.carrier)
    }

    /// The call gives back all that it has; whose that was.
    pub(crate) fn release(&mut self, call: CallId) -> [Option<CarrierId>; 3] {
        Side::ALL.map(|side| self.leave(call, side))
    }

    /// By which side a call can go out, beside what it has already: at most one leg of a call that goes out stays in it.
    pub(crate) fn free_side(&self, call: CallId) -> Side {
        if self.held.contains_key(&(call, Side::Out)) { Side::Onward } else { Side::Out }
    }

    /// Two calls become one: `to` has the lines that `from` had.
    pub(crate) fn hand_over(&mut self, from: CallId, to: CallId) {
        for side in Side::ALL {
            let Some(held) = self.drop_held(from, side) else { continue };
            self.keep(to, self.free_side(to), held);
        }
    }

    /// Forgets carriers that are gone and have no calls.
    pub(crate) fn follow(&mut self, plan: &Plan) {
        self.lines.retain(|id, line| line.calls > 0 || plan.carrier(*id).is_some());
    }

    fn keep(&mut self, call: CallId, side: Side, held: Held) {
        if let Some(before) = self.drop_held(call, side) {
            self.give_back(&before);
        }
        self.by.extend(held.by.map(|slot| (slot, call, side)));
        self.held.insert((call, side), held);
    }

    fn drop_held(&mut self, call: CallId, side: Side) -> Option<Held> {
        let held = self.held.remove(&(call, side))?;
        if let Some(slot) = held.by {
            self.by.remove(&(slot, call, side));
        }
        Some(held)
    }

    fn give_back(&mut self, held: &Held) {
        let Some(line) = self.lines.get_mut(&held.carrier) else { return };
        line.calls = line.calls.saturating_sub(1);
        let Some(number) = &held.number else { return };
        if let Some(calls) = line.numbers.get_mut(number) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                line.numbers.remove(number);
            }
        }
    }
}
