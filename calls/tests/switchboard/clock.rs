//! The wall clock is set while calls are up (FT-10).

use std::time::Duration;

use calls::{Input, Restored, aborted};
use media::MediaEvent;
use model::{Cause, Command, Fact, SlotId, SlotState, UserId, WallTime};

use crate::world::{WALL, World, settings};

const HOUR_MS: i64 = 3_600_000;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The wall clock, `by` milliseconds off what it would show.
fn set_clock(world: &mut World, by: i64) {
    let wall = WallTime(WALL.0 + i64::try_from(world.elapsed().as_millis()).unwrap() + by);
    world.input(Input::Clock(wall));
}

#[test]
fn a_call_lasts_as_long_as_it_lasts() {
    // An hour on and back (as for summer time, were the clock a local one), a correction by NTP, a machine that woke up in 1970 or 2106.
    for by in [HOUR_MS, -HOUR_MS, 700, -90_000, -WALL.0, 2_500_000_000_000, i64::MAX, i64::MIN] {
        let mut world = World::new(2);
        world.phone("6002").habit = crate::phone::Habit::Ring;
        world.dial("6001", "6002");
        world.run(seconds(2));
        let wall = WallTime(WALL.0.saturating_add(by));
        world.input(Input::Clock(wall));
        world.run(seconds(2));
        world.answer("6002");
        world.run(seconds(3));
        world.input(Input::Clock(WALL));
        world.run(seconds(7));
        let live = world.facts.iter().rev().find_map(|fact| match fact {
            Fact::CallsSeen { calls, at } => Some((calls[0].clone(), *at)),
            _ => None,
        });
        world.hang_up("6001");
        world.run(seconds(1));
        let cdr = world.cdrs()[0].clone();
        assert_eq!((cdr.ring_ms, cdr.talk_ms), (3_990, 10_000), "{by}");
        assert!(cdr.started_at <= cdr.ringing_at.unwrap() && cdr.answered_at.unwrap() <= cdr.ended_at, "{by}");
        // Had the server been killed, the record would not be an hour longer either.
        let (view, at) = live.unwrap();
        let aborted = aborted(view, at);
        assert!((5_000..=10_000).contains(&aborted.talk_ms), "{by}: {}", aborted.talk_ms);
        world.assert_clean();
    }
}

#[test]
fn calls_of_two_clocks_are_told_apart() {
    let mut world = World::new(4);
    world.dial("6001", "6002");
    world.run(seconds(1));
    set_clock(&mut world, HOUR_MS);
    world.dial("6003", "6004");
    world.facts.clear();
    world.run(seconds(9));
    let seen: Vec<_> = world
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::CallsSeen { calls, at } => Some((calls.len(), calls[0].caller.clone(), at.ms_since(calls[0].started_at))),
            _ => None,
        })
        .collect();
    assert_eq!(seen, [(1, "6001".to_owned(), 5_000), (1, "6003".to_owned(), 4_000)]);
    world.hang_up("6001");
    world.hang_up("6003");
    world.assert_clean();
}

#[test]
fn bindings_leases_and_nonces_do_not_look_at_the_wall_clock() {
    for by in [HOUR_MS, -HOUR_MS] {
        let mut world = World::new(2);
        world.order(Command::TakeSlot { user: UserId(7), slot: SlotId(1) }).unwrap();
        set_clock(&mut world, by);
        world.run(seconds(60));
        world.order(Command::KeepAlive { user: UserId(7) }).unwrap();
        world.run(seconds(60));
        assert!(!world.facts.iter().any(|fact| matches!(fact, Fact::Unbound { .. })), "{by}: bindings lapse");
        assert_eq!(world.slot_state(1), SlotState::Ready, "{by}: the lease is over");
        // A nonce from before the step: the phone is not challenged, or the call would not be up at once.
        world.dial("6001", "6002");
        world.run(Duration::from_millis(30));
        assert_eq!(world.slot_state(1), SlotState::ActiveCall, "{by}: the nonce is stale");
        world.hang_up("6001");
        world.run(seconds(25));
        assert_eq!(world.slot_state(1), SlotState::Ready, "{by}");
        world.run(seconds(10));
        assert_eq!(world.slot_state(1), SlotState::Idle, "{by}: the lease lasts 90 s from the last sign of life");
        world.run(seconds(160));
        let unbound = world.facts.iter().filter(|fact| matches!(fact, Fact::Unbound { .. })).count();
        assert_eq!(unbound, 2, "{by}: bindings lapse after 300 s");
        world.assert_replays();
    }
}

#[test]
fn a_restart_after_a_step_finds_the_bindings() {
    for (by, left_s) in [(HOUR_MS, 300), (-HOUR_MS, 300)] {
        let mut world = World::new(2);
        set_clock(&mut world, by);
        let bindings: Vec<_> = world
            .facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Bound { binding } => Some(binding.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(bindings.len(), 2, "{by}: told anew by the new clock");
        let left = bindings[0].expires_at.0 - (WALL.0 + by);
        assert!((left_s - 1) * 1_000 < left && left <= (left_s + 1) * 1_000, "{by}: {left}");
        // A drift is no step.
        world.facts.clear();
        set_clock(&mut world, by + 300);
        assert!(world.facts.is_empty());
    }
    // The clock went back while the server was down: what would last for ever lasts an hour at most.
    let mut world = World::new(1);
    set_clock(&mut world, HOUR_MS);
    let Some(Fact::Bound { mut binding }) = world.facts.pop() else { panic!("no binding") };
    binding.expires_at = WallTime(WALL.0 + 1_000 * HOUR_MS);
    let restored = Restored { bindings: vec![binding], listening: vec!["0.0.0.0:5060".parse().unwrap()], ..Restored::default() };
    let mut world = World::unregistered(1, settings(), &restored);
    world.run(seconds(3_601));
    assert!(world.facts.iter().any(|fact| matches!(fact, Fact::Unbound { slot: SlotId(1), .. })));
}

#[test]
fn a_hold_that_goes_on_is_counted_whatever_ends_the_call() {
    type End = (&'static str, fn(&mut World), Cause);
    let ends: [End; 5] = [
        ("the holder", |world| world.hang_up("6002"), Cause::CalleeHungUp),
        ("the held", |world| world.hang_up("6001"), Cause::CallerHungUp),
        ("an order", |world| world.input(Input::EndAll), Cause::Shutdown),
        ("a lost worker", |world| world.input(Input::MediaLost { worker: 0 }), Cause::Internal),
        ("nothing", |_| (), Cause::Aborted),
    ];
    for (name, end, cause) in ends {
        let mut world = World::new(2);
        world.dial("6001", "6002");
        world.run(seconds(2));
        world.phone("6002").direction = "sendonly";
        world.reoffer("6002");
        world.run(seconds(10));
        world.media_event(MediaEvent::Silent { leg: media::LegId(1) });
        let live = world.facts.iter().rev().find_map(|fact| match fact {
            Fact::CallsSeen { calls, at } => Some((calls[0].clone(), *at)),
            _ => None,
        });
        end(&mut world);
        world.run(seconds(1));
        let (view, at) = live.unwrap();
        let cdr = if cause == Cause::Aborted { aborted(view, at) } else { world.cdrs()[0].clone() };
        assert_eq!(cdr.cause, cause, "{name}");
        let holds: Vec<_> = cdr.segments.iter().map(|segment| (segment.slot.0, segment.hold_ms)).collect();
        let expected = if cause == Cause::Aborted { 7_905 } else { 9_990 };
        assert_eq!(holds[0], (1, 0), "{name}");
        assert!(holds[1].1.abs_diff(expected) < 150, "{name}: {holds:?}");
    }
}
