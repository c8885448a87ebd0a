//! At whose phones a call from the world begins to ring, and when it rings there no more (S004-130).
//!
//! It goes by what is told of the call, in the order in which that is told, and asks nobody: so the number is there with the INVITE, ahead of what is
//! told of the slot, with the database away too (R21). Who that may be is looked up beside it (`live/popping`).

use std::collections::{BTreeMap, BTreeSet};

use model::{CallId, CallStatus, CallView, Direction, Event, GoneNews, GoneWhy, PopNews, SlotId, TransferStatus, UserId};

/// Calls that are followed at once; beyond it the oldest are forgotten, whose end is then not told.
const CALLS_MAX: usize = 40_000;

/// The calls that ring, or have rung.
#[derive(Debug, Default)]
pub(super) struct Pops {
    calls: BTreeMap<CallId, Rings>,
}

/// What was told of a call.
#[derive(Debug, Default)]
struct Rings {
    /// The slots that it has rung at.
    slots: BTreeSet<SlotId>,
    /// Who were told that it rings at theirs, and not that it rings there no more.
    open: BTreeMap<SlotId, UserId>,
    /// Who were told that it rings at theirs no more.
    gone: BTreeSet<UserId>,
    /// How many people have served it.
    served: usize,
}

/// What is to be told before the call's own news, and after it.
#[derive(Debug, Default)]
pub(super) struct Pop {
    pub(super) before: Option<Event>,
    pub(super) after: Option<Event>,
}

impl Pops {
    /// A call is told of.
    pub(super) fn hear(&mut self, call: &CallView) -> Pop {
        if call.direction != Direction::Inbound || (call.rung.is_empty() && !self.calls.contains_key(&call.call_id)) {
            return Pop::default();
        }
        let rings = self.calls.entry(call.call_id).or_default();
        let new: Vec<(SlotId, Option<UserId>)> =
            call.rung.iter().filter(|rung| !rings.slots.contains(&rung.slot)).map(|rung| (rung.slot, rung.user)).collect();
        rings.slots.extend(new.iter().map(|(slot, _)| *slot));
        let is_over = call.status == CallStatus::Ended;
        let told: BTreeMap<SlotId, UserId> = new.into_iter().filter_map(|(slot, user)| Some((slot, user?))).filter(|_| !is_over).collect();
        let before = (!told.is_empty()).then(|| {
            rings.open.extend(&told);
            rings.gone.retain(|user| !told.values().any(|told| told == user));
            Event::ScreenPop(Box::new(PopNews {
                call: call.call_id,
                center: call.center,
                users: told.values().copied().collect(),
                slots: told.into_keys().collect(),
                number: call.caller.clone(),
                scenario: call.scenario.clone(),
                source: call.source.clone(),
                candidates: vec![],
                is_complete: false,
            }))
        });
        let why = rings.over(call);
        let gone = why.map(|why| (why, std::mem::take(&mut rings.open))).filter(|(_, open)| !open.is_empty());
        let after = gone.map(|(why, open)| {
            rings.gone.extend(open.values());
            Event::ScreenGone(Box::new(GoneNews {
                call: call.call_id,
                center: call.center,
                users: open.values().copied().collect(),
                slots: open.into_keys().collect(),
                scenario: call.scenario.clone(),
                why,
            }))
        });
        if is_over {
            self.calls.remove(&call.call_id);
        }
        while self.calls.len() > CALLS_MAX {
            self.calls.pop_first();
        }
        Pop { before, after }
    }

    /// Those of these, at whose phones it rang, to whom it rings still, or who have answered it.
    pub(super) fn left(&self, call: CallId, users: &BTreeSet<UserId>) -> BTreeSet<UserId> {
        self.calls.get(&call).map(|rings| users.difference(&rings.gone).copied().collect()).unwrap_or_default()
    }
}

impl Rings {
    /// Why it rings at nobody's phone any more who was told that it does; none: it still may. Whoever serves it is not among them from here on.
    fn over(&mut self, call: &CallView) -> Option<GoneWhy> {
        let newest = call.segments.last().filter(|_| call.segments.len() > self.served);
        self.served = call.segments.len();
        if let Some(newest) = newest {
            let serves = |slot: &SlotId, user: &UserId| *slot == newest.slot || Some(*user) == newest.user;
            self.open.retain(|slot, user| !serves(slot, user));
            return Some(GoneWhy::Answered(newest.user));
        }
        // Who rang for a transfer that came to nothing rings no more, though the call goes on.
        let is_handed_on = call.transfer.as_ref().map(|transfer| transfer.status);
        let has_failed = !call.segments.is_empty() && matches!(is_handed_on, Some(TransferStatus::Failed | TransferStatus::Refused));
        (call.status == CallStatus::Ended || has_failed).then_some(GoneWhy::GivenUp)
    }
}

#[cfg(test)]
mod tests {
    use model::{Rung, Segment};

    use super::*;
    use crate::testing::{ANNA, BORIS, NOW, call_view};

    const CARLA: UserId = UserId(23);

    fn ringing(at: &[(i64, Option<UserId>)]) -> CallView {
        let rung = at.iter().map(|(slot, user)| Rung { slot: SlotId(*slot), user: *user, at: NOW }).collect();
        CallView { user: None, rung, ..call_view(7, Direction::Inbound) }
    }

    fn answered(call: CallView, slot: i64, user: Option<UserId>) -> CallView {
        let mut call = CallView { status: CallStatus::Answered, ..call };
        call.segments.push(Segment { user, slot: SlotId(slot), from: NOW, to: None, hold_ms: 0 });
        call
    }

    /// Who are told before and after, and why it is gone.
    fn check(pops: &mut Pops, call: &CallView, expected: &str) {
        let Pop { before, after } = pops.hear(call);
        let names = |users: &BTreeSet<UserId>| users.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let before = match before {
            Some(Event::ScreenPop(pop)) => format!("pop {}", names(&pop.users)),
            _ => "-".to_owned(),
        };
        let after = match after {
            Some(Event::ScreenGone(gone)) => format!("gone {} {:?}", names(&gone.users), gone.why),
            _ => "-".to_owned(),
        };
        assert_eq!(format!("{before}; {after}"), expected);
    }

    #[test]
    fn each_hears_once_that_it_rings_and_once_that_it_does_no_more() {
        let mut pops = Pops::default();
        check(&mut pops, &ringing(&[]), "-; -");
        let two = ringing(&[(1, Some(ANNA)), (2, Some(BORIS)), (3, None)]);
        check(&mut pops, &two, "pop 2 3; -");
        check(&mut pops, &two, "-; -");
        let three = ringing(&[(1, Some(ANNA)), (2, Some(BORIS)), (3, None), (4, Some(CARLA))]);
        check(&mut pops, &three, "pop 23; -");
        let all = BTreeSet::from([ANNA, BORIS, CARLA]);
        assert_eq!((pops.left(CallId(7), &all), pops.left(CallId(8), &all)), (all.clone(), BTreeSet::new()));
        let taken = answered(three, 2, Some(BORIS));
        check(&mut pops, &taken, "-; gone 2 23 Answered(Some(UserId(3)))");
        assert_eq!(pops.left(CallId(7), &all), [BORIS].into(), "who has answered still wants to know who it is");
        check(&mut pops, &taken, "-; -");
        check(&mut pops, &CallView { status: CallStatus::Ended, ..taken }, "-; -");
        assert!(pops.calls.is_empty() && pops.left(CallId(7), &all).is_empty());
    }

    #[test]
    fn nobody_answers() {
        let mut pops = Pops::default();
        let call = ringing(&[(1, Some(ANNA)), (2, Some(BORIS))]);
        check(&mut pops, &call, "pop 2 3; -");
        check(&mut pops, &CallView { status: CallStatus::Ended, ..call.clone() }, "-; gone 2 3 GivenUp");
        check(&mut pops, &CallView { status: CallStatus::Ended, ..call }, "-; -");
    }

    /// It answers at a slot that nobody has taken, or at the phone that somebody has beside their own.
    #[test]
    fn who_answers_is_told_nothing() {
        let mut pops = Pops::default();
        let call = ringing(&[(1, Some(ANNA)), (2, Some(ANNA)), (3, None)]);
        check(&mut pops, &call, "pop 2; -");
        check(&mut pops, &answered(call.clone(), 2, Some(ANNA)), "-; -");
        let mut pops = Pops::default();
        check(&mut pops, &call, "pop 2; -");
        check(&mut pops, &answered(call, 3, None), "-; gone 2 Answered(None)");
    }

    #[test]
    fn a_transfer_that_fails_takes_the_screen_away_and_leaves_the_call() {
        let mut pops = Pops::default();
        let call = answered(ringing(&[(1, Some(ANNA))]), 1, Some(ANNA));
        check(&mut pops, &call, "pop 2; -");
        let mut handed = CallView { rung: ringing(&[(1, Some(ANNA)), (2, Some(BORIS))]).rung, ..call };
        let mut transfer = model::Transfer {
            by: SlotId(1),
            user: Some(ANNA),
            to: "6002".to_owned(),
            at: NOW,
            status: TransferStatus::Ringing,
            cause: None,
        };
        handed.transfer = Some(Box::new(transfer.clone()));
        check(&mut pops, &handed, "pop 3; -");
        transfer.status = TransferStatus::Failed;
        handed.transfer = Some(Box::new(transfer));
        check(&mut pops, &handed, "-; gone 3 GivenUp");
        // The next one takes it over.
        let mut next = CallView { rung: ringing(&[(1, Some(ANNA)), (2, Some(BORIS)), (3, Some(CARLA))]).rung, ..handed };
        next.transfer = None;
        check(&mut pops, &next, "pop 23; -");
        check(&mut pops, &answered(next, 3, Some(CARLA)), "-; -");
    }

    #[test]
    fn calls_of_ours_pop_nowhere() {
        let mut pops = Pops::default();
        for direction in [Direction::Internal, Direction::Outbound] {
            let call = CallView { direction, ..ringing(&[(1, Some(ANNA))]) };
            check(&mut pops, &call, "-; -");
        }
        assert!(pops.calls.is_empty());
    }
}
