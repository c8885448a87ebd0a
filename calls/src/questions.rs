//! The questions to programs that wait for an answer: bounded, and each route's by themselves, so that a program that hangs takes no other's room.

use std::collections::BTreeMap;

use model::{CallId, RouteId, route::AskOutcome};

/// A question's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// Questions that wait, and what came of all.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    last: u64,
    waiting: BTreeMap<AskId, (CallId, RouteId)>,
    of_call: BTreeMap<CallId, AskId>,
    of_route: BTreeMap<RouteId, usize>,
    counts: BTreeMap<AskOutcome, u64>,
}

/// Questions at once, of all routes together.
pub const ASKING_MAX: usize = 256;

/// Questions at once of one route: with a program that hangs, further calls of its route take the default, and others' are asked.
const ASKING_ROUTE_MAX: usize = 64;

impl Questions {
    /// A name for one more question; none without room.
    pub(crate) fn ask(&mut self, call: CallId, route: RouteId) -> Option<AskId> {
        let of_route = self.of_route.get(&route).copied().unwrap_or_default();
        if self.waiting.len() >= ASKING_MAX || of_route >= ASKING_ROUTE_MAX {
            return None;
        }
        self.release(call);
        self.last += 1;
        let ask = AskId(self.last);
        self.waiting.insert(ask, (call, route));
        self.of_call.insert(call, ask);
        *self.of_route.entry(route).or_default() += 1;
        Some(ask)
    }

    /// Whose question it is, as long as it waits.
    pub(crate) fn call_of(&self, ask: AskId) -> Option<CallId> {
        self.waiting.get(&ask).map(|(call, _)| *call)
    }

    /// It waits no longer.
    pub(crate) fn answered(&mut self, ask: AskId) {
        let Some((call, route)) = self.waiting.remove(&ask) else { return };
        self.of_call.remove(&call);
        if let Some(count) = self.of_route.get_mut(&route) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_route.remove(&route);
            }
        }
    }

    /// The call waits for nothing any more; for which question it did.
    pub(crate) fn release(&mut self, call: CallId) -> Option<AskId> {
        let ask = self.of_call.get(&call).copied()?;
        self.answered(ask);
        Some(ask)
    }

    /// Counts what came of a question.
    pub(crate) fn count(&mut self, outcome: AskOutcome) {
        *self.counts.entry(outcome).or_default() += 1;
    }

    /// How many came to that since the start.
    pub(crate) fn counted(&self, outcome: AskOutcome) -> u64 {
        self.counts.get(&outcome).copied().unwrap_or_default()
    }

    /// Questions that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_program_that_hangs_takes_no_others_room() {
        let mut questions = Questions::default();
        let call = |number: usize| CallId(i64::try_from(number).unwrap());
        let of_one: Vec<_> = (0..100).filter_map(|number| questions.ask(call(number), RouteId(1))).collect();
        assert_eq!(of_one.len(), ASKING_ROUTE_MAX);
        let other = questions.ask(call(1_000), RouteId(2)).unwrap();
        assert_eq!(questions.call_of(other), Some(call(1_000)));
        for route in 3..10 {
            (0..100).for_each(|number| _ = questions.ask(call(2_000 + route * 100 + number), RouteId(i64::try_from(route).unwrap())));
        }
        assert_eq!(questions.waiting(), ASKING_MAX);
        // Answered, given up, answered again: the room is there once.
        questions.answered(other);
        questions.answered(other);
        questions.release(call(1_000));
        assert_eq!((questions.waiting(), questions.call_of(other)), (ASKING_MAX - 1, None));
        assert!(questions.ask(call(1_001), RouteId(1)).is_none());
        assert!(questions.release(call(0)).is_some());
        assert_eq!(questions.release(call(0)), None);
        assert!(questions.ask(call(1_001), RouteId(1)).is_some());
        (0..4_000).for_each(|number| _ = questions.release(call(number)));
        assert_eq!((questions.waiting(), questions.of_route.len(), questions.of_call.len()), (0, 0, 0));
    }
}
