//! Facts that wait for a disk, in their order and in bounded memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{Fact, SlotId};
use tracing::error;

/// Facts that may wait before superseded ones are left out.
pub(super) const FACTS_MAX: usize = 65_536;

/// Facts that may wait at all; what comes after them is lost. No new call begins while the journal is behind, so that this is beyond what all
/// calls that were up have to tell. What waits is a true story to its end: the next start closes the calls and recordings in it that go on.
pub(super) const FACTS_CAP: usize = 4 * FACTS_MAX;

/// What waits.
#[derive(Default)]
pub(super) struct Backlog {
    waiting: VecDeque<Fact>,
    /// With more than this waiting, superseded facts are left out; more than [`FACTS_MAX`] if that did not help, lest it be tried for each
    /// fact, and not at all if it did not help near [`FACTS_CAP`].
    merge_above: usize,
    /// Facts left out since the journal last was in step.
    left_out: usize,
    /// The cap was reached since then.
    is_capped: bool,
}

impl From<Vec<Fact>> for Backlog {
    fn from(facts: Vec<Fact>) -> Self {
        Self { waiting: facts.into(), ..Self::default() }
    }
}

impl Backlog {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds facts that came later than all others. Says how many of them found no room and are lost.
    pub(super) fn extend(&mut self, facts: Vec<Fact>) -> usize {
        self.waiting.extend(facts);
        if self.waiting.len() > self.merge_above.max(FACTS_MAX) {
            if self.left_out == 0 {
                error!(waiting = self.waiting.len(), "Too many facts wait for the journal: superseded ones are left out. Free disk space.");
            }
            self.left_out += leave_out_superseded(&mut self.waiting);
            let kept = self.waiting.len();
            self.merge_above = if kept < FACTS_CAP / 4 * 3 { kept.saturating_mul(2).min(FACTS_CAP) } else { usize::MAX };
        }
        let lost = self.waiting.len().saturating_sub(FACTS_CAP);
        if lost > 0 && !std::mem::replace(&mut self.is_capped, true) {
            error!(waiting = FACTS_CAP, "No more facts can wait for the journal: what comes is lost. Free disk space.");
        }
        self.waiting.truncate(FACTS_CAP);
        lost
    }

    /// Takes the oldest facts, at most so many.
    pub(super) fn take(&mut self, facts_max: usize) -> Vec<Fact> {
        let taken = self.waiting.drain(..self.waiting.len().min(facts_max)).collect();
        if self.waiting.len() < FACTS_MAX {
            self.merge_above = 0;
        }
        taken
    }

    /// Puts back what was taken and not written.
    pub(super) fn give_back(&mut self, facts: Vec<Fact>) {
        for fact in facts.into_iter().rev() {
            self.waiting.push_front(fact);
        }
    }

    /// The journal is in step: counting begins anew. Says how many facts were left out.
    pub(super) fn in_step(&mut self) -> usize {
        self.merge_above = 0;
        self.is_capped = false;
        std::mem::take(&mut self.left_out)
    }
}

/// What a fact replaces: an older one of the same kind says nothing any more.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Replaces {
    Binding(SlotId),
    Seen,
}

/// Leaves out facts that a later one replaces, and keeps the order of the rest; says how many. Calls, recordings, leases and service are never
/// left out: each is a step of a story that the database tells.
fn leave_out_superseded(facts: &mut VecDeque<Fact>) -> usize {
    let before = facts.len();
    let mut newest = BTreeMap::new();
    for (at, fact) in facts.iter().enumerate() {
        if let Some(replaces) = replaces(fact) {
            newest.insert(replaces, at);
        }
    }
    let newest: BTreeSet<usize> = newest.into_values().collect();
    let mut at = 0;
    facts.retain(|fact| {
        let keep = replaces(fact).is_none() || newest.contains(&at);
        at += 1;
        keep
    });
    before - facts.len()
}

fn replaces(fact: &Fact) -> Option<Replaces> {
    match fact {
        Fact::Bound { binding } => Some(Replaces::Binding(binding.slot)),
        Fact::Unbound { slot, .. } => Some(Replaces::Binding(*slot)),
        Fact::CallsSeen { .. } => Some(Replaces::Seen),
        Fact::CallStarted { .. }
        | Fact::CallRinging { .. }
        | Fact::CallAnswered { .. }
        | Fact::CallEnded { .. }
        | Fact::Leased { .. }
        | Fact::ServiceSet { .. }
        | Fact::Recording { .. }
        | Fact::Banned { .. }
        | Fact::Unbanned { .. }
        | Fact::CarrierTurned { .. }
        | Fact::BudgetsUsed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journaling::tests::{bound, ringing, seen, unbound};

    #[test]
    fn what_is_superseded_is_left_out_and_every_record_is_kept() {
        let leased = |epoch| Fact::Leased { slot: SlotId(1), holder: None, epoch, at: model::WallTime(0) };
        let mut facts = VecDeque::from([
            bound(1, 1),
            ringing(1),
            seen(1),
            bound(2, 1),
            unbound(1),
            ringing(2),
            bound(1, 2),
            seen(2),
            unbound(3),
            leased(1),
            leased(2),
        ]);
        assert_eq!(leave_out_superseded(&mut facts), 3);
        let kept = [ringing(1), bound(2, 1), ringing(2), bound(1, 2), seen(2), unbound(3), leased(1), leased(2)];
        assert_eq!(facts, kept);
        assert_eq!(leave_out_superseded(&mut facts), 0);
    }

    #[test]
    fn what_was_not_written_goes_back_to_its_place() {
        let mut backlog = Backlog::from((0..5).map(ringing).collect::<Vec<_>>());
        let taken = backlog.take(3);
        backlog.extend(vec![ringing(5)]);
        backlog.give_back(taken);
        assert_eq!(backlog.take(usize::MAX), (0..6).map(ringing).collect::<Vec<_>>());
        assert!(backlog.is_empty());
    }
}
