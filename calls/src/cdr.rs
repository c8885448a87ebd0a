//! The call detail record: a pure fold of the call's timeline, so that no field can go its own way.

use model::{CallStatus, CallView, Cause, Cdr, Outcome, TryOutcome, WallTime};

use crate::timeline::{Timeline, What};

/// The record of a call whose timeline has ended with `cause` and `sip_status` at `at`.
pub(crate) fn cdr(timeline: &mut Timeline, at: WallTime, cause: Cause, sip_status: u16) -> Cdr {
    timeline.note(at, What::Ended { cause });
    record(timeline.view(), sip_status)
}

/// The record of a call that was up when the server stopped without a word, last seen at `last_seen` (FT-1).
#[must_use]
pub fn aborted(mut view: CallView, last_seen: WallTime) -> Cdr {
    let known = [Some(view.started_at), view.ringing_at, view.answered_at];
    let end = known.into_iter().flatten().fold(last_seen, WallTime::max);
    close(&mut view, end, Cause::Aborted);
    record(view, Cause::Aborted.sip_status())
}

/// Brings a picture to its end.
pub(crate) fn close(view: &mut CallView, at: WallTime, cause: Cause) {
    view.status = CallStatus::Ended;
    view.ended_at = Some(at);
    view.cause = Some(cause);
    view.outcome = Some(outcome(view.answered_at.is_some(), cause));
    for tried in &mut view.tries {
        tried.outcome.get_or_insert(TryOutcome::GivenUp);
    }
    for segment in &mut view.segments {
        segment.to = segment.to.or(Some(at));
    }
}

/// The one word for an end: whether the far party answered decides first, then the cause.
fn outcome(answered: bool, cause: Cause) -> Outcome {
    if answered {
        return Outcome::Answered;
    }
    match cause {
        Cause::Busy | Cause::NumberFull => Outcome::Busy,
        Cause::NoAnswer | Cause::NotRegistered | Cause::Unreachable => Outcome::NoAnswer,
        Cause::CallerGaveUp | Cause::EndedByRequest | Cause::CallerHungUp => Outcome::Canceled,
        _ => Outcome::Failed,
    }
}

/// The record of a closed picture. `sip_status` is that of the failure, if it came to no answer.
fn record(view: CallView, sip_status: u16) -> Cdr {
    let ended_at = view.ended_at.unwrap_or(view.started_at);
    let cause = view.cause.unwrap_or(Cause::Internal);
    let ring_end = view.answered_at.unwrap_or(ended_at);
    // An answered call had its final status with the answer, however it ended.
    let sip_status = if view.answered_at.is_some() { 200 } else { sip_status };
    Cdr {
        call_id: view.call_id,
        center: view.center,
        parent: view.parent,
        direction: view.direction,
        caller: view.caller,
        callee: view.callee,
        caller_slot: view.caller_slot,
        callee_slot: view.callee_slot,
        user: view.user,
        started_at: view.started_at,
        ringing_at: view.ringing_at,
        answered_at: view.answered_at,
        ended_at,
        ring_ms: view.ringing_at.map_or(0, |ringing| ring_end.ms_since(ringing)),
        talk_ms: view.answered_at.map_or(0, |answered| ended_at.ms_since(answered)),
        outcome: view.outcome.unwrap_or_else(|| outcome(view.answered_at.is_some(), cause)),
        cause,
        sip_status,
        segments: view.segments,
        scenario: view.scenario,
        source: view.source,
        carrier: view.carrier,
        tries: view.tries,
        asked: view.asked,
        rung: view.rung,
    }
}

#[cfg(test)]
mod tests {
    use model::{
        CallId, CenterId, Direction, SlotId, UserId,
        route::{Decision, Way},
    };

    use super::*;
    use crate::timeline::Start;

    fn call() -> Timeline {
        let start = Start {
            call: CallId(7),
            center: CenterId::DEFAULT,
            parent: None,
            direction: Direction::Internal,
            caller: "6001".into(),
            callee: "6002".into(),
            caller_slot: Some(SlotId(1)),
            callee_slot: Some(SlotId(2)),
            user: Some(UserId(3)),
            carrier: None,
            scenario: None,
            source: None,
        };
        Timeline::new(WallTime(1_000), start)
    }

    fn answered() -> What {
        What::Answered { callee_slot: Some(SlotId(2)), served_by: vec![(SlotId(1), Some(UserId(3))), (SlotId(2), None)] }
    }

    /// Each row: what happened and when (ms), then `ring talk outcome hold-of-slot-1`.
    #[test]
    fn a_cdr_is_what_its_timeline_says() {
        type Row = (&'static [(i64, fn() -> What)], i64, Cause, (u64, u64, Outcome, u64));
        let rows: [Row; 7] = [
            (&[], 1_500, Cause::NoSuchNumber, (0, 0, Outcome::Failed, 0)),
            (&[], 1_500, Cause::Busy, (0, 0, Outcome::Busy, 0)),
            (&[(1_200, || What::Ringing)], 31_200, Cause::NoAnswer, (30_000, 0, Outcome::NoAnswer, 0)),
            (&[(1_200, || What::Ringing)], 2_200, Cause::CallerGaveUp, (1_000, 0, Outcome::Canceled, 0)),
            (&[(1_200, || What::Ringing), (3_200, answered)], 13_200, Cause::CalleeHungUp, (2_000, 10_000, Outcome::Answered, 0)),
            (
                &[
                    (1_200, || What::Ringing),
                    (1_300, || What::Ringing),
                    (3_200, answered),
                    (4_000, || What::Held { slot: SlotId(1) }),
                    (4_500, || What::Held { slot: SlotId(1) }),
                    (6_000, || What::Resumed { slot: SlotId(1) }),
                    (6_100, || What::Resumed { slot: SlotId(1) }),
                    (9_000, || What::Held { slot: SlotId(1) }),
                ],
                10_000,
                Cause::CallerHungUp,
                (2_000, 6_800, Outcome::Answered, 3_000),
            ),
            // The clock of the machine went back: nothing is negative.
            (&[(900, || What::Ringing), (800, answered)], 700, Cause::CallerHungUp, (0, 0, Outcome::Answered, 0)),
        ];
        for (row, (events, end, cause, expected)) in rows.into_iter().enumerate() {
            let mut timeline = call();
            for (at, what) in events {
                timeline.note(WallTime(*at), what());
            }
            let cdr = cdr(&mut timeline, WallTime(end), cause, cause.sip_status());
            let hold = cdr.segments.first().map_or(0, |segment| segment.hold_ms);
            assert_eq!((cdr.ring_ms, cdr.talk_ms, cdr.outcome, hold), expected, "row {row}");
            assert!(cdr.segments.iter().all(|segment| segment.to == Some(WallTime(end))), "row {row}");
            assert_eq!(timeline.view().status, CallStatus::Ended, "row {row}");
        }
    }

    /// A slot counts once, and there is an end to them.
    #[test]
    fn slots_that_it_rang_at_are_bounded() {
        let mut timeline = call();
        assert!(timeline.take_news() && !timeline.take_news(), "that it has begun is told once");
        for slot in (1..=100).chain(1..=100) {
            let user = Some(UserId(slot));
            timeline.note(WallTime(1_000 + slot), What::Rang { slot: SlotId(slot), user });
        }
        assert!(timeline.take_news());
        let rung = cdr(&mut timeline, WallTime(2_000), Cause::NoAnswer, 480).rung;
        assert_eq!(rung.len(), model::RUNG_MAX);
        assert!(rung.iter().zip(1..).all(|(rung, slot)| (rung.slot, rung.at) == (SlotId(slot), WallTime(1_000 + slot))), "{rung:?}");
        timeline.note(WallTime(3_000), What::Rang { slot: SlotId(101), user: None });
        assert!(!timeline.take_news(), "what is not noted is not told");
    }

    /// Where it goes can be said of a call that waits, and not of one that talks.
    #[test]
    fn an_answered_call_stays_what_it_is() {
        let found = Decision {
            from: None,
            to: "+79990000000".parse().expect("a number"),
            origin: None,
            scenario: "other".into(),
            source: String::new(),
            way: Way::Carriers(Vec::new()),
        };
        for (is_answered, expected) in [(false, (Direction::Outbound, "+79990000000")), (true, (Direction::Internal, "6002"))] {
            let mut timeline = call();
            if is_answered {
                timeline.note(WallTime(3_000), answered());
            }
            timeline.follow(&found);
            let view = timeline.view();
            assert_eq!((view.direction, view.callee.as_str()), expected);
        }
    }

    #[test]
    fn an_aborted_call_ends_when_it_was_last_seen() {
        let mut timeline = call();
        timeline.note(WallTime(3_000), answered());
        let cdr = aborted(timeline.view(), WallTime(8_000));
        assert_eq!((cdr.ended_at, cdr.talk_ms, cdr.cause, cdr.outcome), (WallTime(8_000), 5_000, Cause::Aborted, Outcome::Answered));
        // Answered after it was last seen: the answer is the last word.
        let cdr = aborted(timeline.view(), WallTime(2_000));
        assert_eq!((cdr.ended_at, cdr.talk_ms), (WallTime(3_000), 0));
    }
}
