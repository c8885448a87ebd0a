//! Whose question is asked next. Those of calls go before those of upkeep; and nobody has more than a share of what can be asked at once, so that
//! whose names are silent waits by himself.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use super::Query;

/// Questions that are with DNS at once.
pub const OUT_MAX: usize = 512;
/// How many of them are not for a call.
pub const OUT_UPKEEP_MAX: usize = 256;
/// How many of them are for calls of one party.
pub const OUT_PARTY_MAX: usize = 128;
/// How many of them are for the upkeep of one party.
pub const OUT_PARTY_UPKEEP_MAX: usize = 64;

/// Who wants to know where a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asker {
    /// What it is for.
    pub urgency: Urgency,
    /// For whom; whoever hands names in for others keeps these apart by it.
    pub party: u64,
}

/// What it is for that somebody wants to know where a place is. What is first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Somebody hears nothing until it is known.
    Call,
    /// It can wait: a registration, a question whether somebody is there.
    Upkeep,
}

/// A question's place among those that wait.
pub(super) type Ticket = (Asker, u64);

/// The questions that wait, and how many are out.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: BTreeMap<Asker, BTreeMap<u64, Query>>,
    out: BTreeMap<Asker, usize>,
    last: Option<Asker>,
    serial: u64,
}

impl Turns {
    /// A question waits for its turn.
    pub(super) fn wait(&mut self, asker: Asker, query: Query) -> Ticket {
        self.serial += 1;
        self.waiting.entry(asker).or_default().insert(self.serial, query);
        (asker, self.serial)
    }

    /// How many questions of that asker wait.
    pub(super) fn waits(&self, asker: Asker) -> usize {
        self.waiting.get(&asker).map_or(0, BTreeMap::len)
    }

    /// It waits no more.
    pub(super) fn forget(&mut self, (asker, serial): Ticket) {
        if let Some(waiting) = self.waiting.get_mut(&asker) {
            waiting.remove(&serial);
            if waiting.is_empty() {
                self.waiting.remove(&asker);
            }
        }
    }

    /// The question whose turn it is; it is out from then on, and the asker's.
    pub(super) fn next(&mut self) -> Option<(Asker, Query)> {
        let asker = [Urgency::Call, Urgency::Upkeep].into_iter().find_map(|urgency| self.turn_of(urgency))?;
        let waiting = self.waiting.get_mut(&asker)?;
        let (_, query) = waiting.pop_first()?;
        if waiting.is_empty() {
            self.waiting.remove(&asker);
        }
        *self.out.entry(asker).or_default() += 1;
        self.last = Some(asker);
        Some((asker, query))
    }

    /// A question of that asker is out no more.
    pub(super) fn back(&mut self, asker: Asker) {
        if let Some(out) = self.out.get_mut(&asker) {
            *out -= 1;
            if *out == 0 {
                self.out.remove(&asker);
            }
        }
    }

    /// Who of those that wait and have room is next behind the one that was served last.
    fn turn_of(&self, urgency: Urgency) -> Option<Asker> {
        let out: usize = self.out.values().sum();
        let of_upkeep: usize = self.out.iter().filter(|(asker, _)| asker.urgency == Urgency::Upkeep).map(|(_, out)| out).sum();
        let (is_full, share) = match urgency {
            Urgency::Call => (out >= OUT_MAX, OUT_PARTY_MAX),
            Urgency::Upkeep => (out >= OUT_MAX || of_upkeep >= OUT_UPKEEP_MAX, OUT_PARTY_UPKEEP_MAX),
        };
        if is_full {
            return None;
        }
        let has_room = |asker: &&Asker| asker.urgency == urgency && self.out.get(asker).is_none_or(|out| *out < share);
        let behind = self.last.and_then(|last| self.waiting.range((Excluded(last), Unbounded)).map(|(asker, _)| asker).find(has_room));
        behind.or_else(|| self.waiting.keys().find(has_room)).copied()
    }
}
