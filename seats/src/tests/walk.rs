//! Seeded random walks: whatever comes in whatever order, the invariants hold.

use std::{collections::BTreeMap, time::Duration};

use model::{CallId, Event, Fact, SlotId, SlotState, SlotView, UserId};

use super::{
    chance::Chance,
    story::{Story, directory},
};
use crate::SeatsOutput;

const SLOTS: [u16; 4] = [6001, 6002, 6003, 6004];
const SEEDS: u64 = 300;
const STEPS: u32 = 400;

/// What somebody who only listens knows, and what the test itself keeps of calls.
#[derive(Default)]
struct Listener {
    slots: BTreeMap<SlotId, SlotView>,
    leases: BTreeMap<SlotId, (Option<UserId>, u64)>,
    /// The calls that a slot was let into and has not left; never more than two.
    calls: BTreeMap<SlotId, Vec<CallId>>,
}

impl Listener {
    fn hear(&mut self, story: &mut Story) {
        let mut heard = Vec::new();
        while let Some(output) = story.seats.poll() {
            match output {
                SeatsOutput::Event(Event::SlotUpdated(view)) => {
                    assert!(!heard.contains(&view.id), "two events of one slot for one input");
                    heard.push(view.id);
                    if let Some(before) = self.slots.insert(view.id, view.clone()) {
                        assert_ne!(before, view, "an event without a change");
                        assert!(before.epoch <= view.epoch, "the epoch went back");
                        if before.holder != view.holder && before.holder.is_some() {
                            let (before, after) = (before.state, view.state);
                            let in_call = [SlotState::Calling, SlotState::ActiveCall];
                            assert!(!in_call.contains(&after), "a lease ended during a call: {before:?}, {after:?}");
                        }
                        if before.state == view.state {
                            assert_eq!(before.since, view.since, "`since` moved without the state");
                        }
                    }
                }
                SeatsOutput::Event(Event::SlotRemoved { slot, .. }) => {
                    assert!(self.slots.remove(&slot).is_some(), "removed twice");
                }
                SeatsOutput::Fact(Fact::Leased { slot, holder, epoch, .. }) => {
                    let before = self.leases.insert(slot, (holder, epoch)).unwrap_or((None, 0));
                    assert_ne!(before, (holder, epoch), "a fact without a change");
                    match holder {
                        Some(_) => assert!(before.0.is_none() && epoch == before.1 + 1, "{before:?} then {holder:?}#{epoch}"),
                        None => assert!(before.0.is_some() && epoch == before.1, "{before:?} then nobody#{epoch}"),
                    }
                }
                SeatsOutput::Fact(Fact::ServiceSet { .. }) => {}
                other => panic!("not of this room: {other:?}"),
            }
        }
        self.compare(story);
    }

    fn compare(&self, story: &Story) {
        let views = story.seats.views();
        assert_eq!(views, self.slots.values().cloned().collect::<Vec<_>>(), "the events do not add up to the views");
        let mut holders: Vec<UserId> = views.iter().filter_map(|view| view.holder).collect();
        holders.sort_unstable();
        holders.dedup();
        assert_eq!(holders.len(), views.iter().filter(|view| view.holder.is_some()).count(), "a person holds two slots");
        for view in &views {
            let (holder, epoch) = self.leases.get(&view.id).copied().unwrap_or((None, 0));
            assert_eq!((view.holder, view.epoch), (holder, epoch), "the journal and the view disagree");
            let calls = self.calls.get(&view.id).map_or(0, Vec::len);
            assert!(calls <= 2, "{calls} calls in one slot");
            let in_call = matches!(view.state, SlotState::Calling | SlotState::ActiveCall);
            assert_eq!(in_call, calls > 0, "{view:?} in {calls} calls");
            assert!(calls < 2 || view.state == SlotState::ActiveCall, "two calls, none of them answered");
            match view.state {
                SlotState::Idle | SlotState::Fault | SlotState::Disabled => assert_eq!(view.holder, None),
                SlotState::Registering => assert!(view.holder.is_some() && !view.registered),
                SlotState::Ready => assert!(view.holder.is_some()),
                SlotState::Calling | SlotState::ActiveCall => {}
                SlotState::Assigned | SlotState::Postcall => panic!("{view:?} is passed at once"),
            }
        }
        if let Some((due, timer)) = story.seats.timeout() {
            assert!(due > story.now, "{timer} should have fired");
        }
    }
}

#[test]
fn whatever_comes_the_invariants_hold_and_nothing_sticks() {
    let mut calls_begun = 0;
    for seed in 0..SEEDS {
        let mut chance = Chance(seed);
        let mut story = Story::new();
        let mut listener = Listener::default();
        let mut seconds = 0;
        let mut next_call = 1;
        for view in story.seats.views() {
            listener.slots.insert(view.id, view);
        }
        for _ in 0..STEPS {
            // Mostly quick, now and then a long silence.
            seconds += if chance.below(20) == 0 { chance.below(100) } else { chance.below(4) };
            pass(&mut story, &mut listener, seconds);
            step(&mut chance, &mut story, &mut listener, &mut next_call);
            listener.hear(&mut story);
        }
        calls_begun += next_call - 1;

        // Everything ends: calls, then leases by silence, then service. Every slot is IDLE, and no timer is left.
        story.seats.directory(story.now, &directory(&SLOTS));
        listener.hear(&mut story);
        for (slot, calls) in std::mem::take(&mut listener.calls) {
            for call in calls {
                story.seats.ended(story.now, slot, call);
            }
        }
        listener.hear(&mut story);
        for number in SLOTS {
            story.seats.set_service(story.now, SlotId(number.into()), SlotState::Idle).unwrap();
        }
        listener.hear(&mut story);
        pass(&mut story, &mut listener, seconds + 91);
        assert_eq!(story.seats.timeout(), None);
        for view in story.seats.views() {
            assert_eq!((view.state, view.holder), (SlotState::Idle, None));
        }
    }
    assert!(calls_begun > i64::try_from(SEEDS).unwrap() * 20, "the walk hardly calls: {calls_begun}");
}

fn pass(story: &mut Story, listener: &mut Listener, seconds: u64) {
    while let Some((due, _)) = story.seats.timeout() {
        let end = story.now + Duration::from_secs(seconds).saturating_sub(story.elapsed());
        if due > end {
            break;
        }
        story.now = due;
        story.seats.wake(due);
        listener.hear(story);
    }
    story.pass(Duration::from_secs(seconds));
    listener.compare(story);
}

fn step(chance: &mut Chance, story: &mut Story, listener: &mut Listener, next_call: &mut i64) {
    let now = story.now;
    let slot = SlotId(SLOTS[usize::try_from(chance.below(4)).unwrap()].into());
    let user = UserId(1 + i64::try_from(chance.below(3)).unwrap());
    let call = CallId(*next_call);
    let seats = &mut story.seats;
    let mut begun = false;
    match chance.below(21) {
        0 | 1 => drop(seats.take(now, user, slot)),
        2 => drop(seats.release(now, user, false, slot, None)),
        3 => drop(seats.release(now, user, chance.below(2) == 0, slot, Some(chance.below(5)))),
        4 | 5 => seats.keep_alive(now, user),
        6..=8 => seats.registered(now, slot),
        9 => seats.unregistered(now, slot),
        10 | 11 => begun = seats.start_call(now, user, slot, call).is_ok(),
        12 | 13 => begun = seats.dial(now, slot, call).is_ok(),
        14 => begun = seats.ring(now, slot, call).is_ok(),
        15 => {
            if let Some(call) = listener.calls.get(&slot).and_then(|calls| calls.last()) {
                seats.answered(now, *call);
            }
        }
        16 | 17 => {
            if let Some(calls) = listener.calls.get_mut(&slot).filter(|calls| !calls.is_empty()) {
                let at = usize::try_from(chance.below(calls.len() as u64)).unwrap();
                seats.ended(now, slot, calls.remove(at));
            }
        }
        18 => {
            let states = [SlotState::Idle, SlotState::Idle, SlotState::Fault, SlotState::Disabled];
            drop(seats.set_service(now, slot, states[usize::try_from(chance.below(4)).unwrap()]));
        }
        19 => {
            if let Some(last) = listener.calls.get_mut(&slot).and_then(|calls| calls.last_mut()) {
                seats.hand_over(now, slot, *last, call);
                *last = call;
                *next_call += 1;
            }
        }
        _ => match chance.below(6) {
            0 => drop(seats.retire(now, &[slot])),
            1 => {
                // One slot leaves, with its calls and its lease; the store deletes the row.
                let rest: Vec<u16> = SLOTS.into_iter().filter(|number| SlotId((*number).into()) != slot).collect();
                seats.directory(now, &directory(&rest));
                listener.calls.remove(&slot);
                listener.leases.remove(&slot);
            }
            _ => seats.directory(now, &directory(&SLOTS)),
        },
    }
    if begun {
        listener.calls.entry(slot).or_default().push(call);
        *next_call += 1;
    }
}
