//! The configuration is read anew while calls are up: calls go on with theirs, and what comes later lives by the new one.

use std::time::Duration;

use calls::{Input, Settings};
use media::{Command as MediaCommand, LegId};
use model::{Cause, Command, Fact, NoRoom, SlotId, SlotState, UserId};
use sip_core::Algorithm;

use crate::{
    phone::Habit,
    world::{World, settings},
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn reload(world: &mut World, change: impl FnOnce(&mut Settings)) {
    let mut new = settings();
    change(&mut new);
    world.input(Input::Settings(Box::new(new)));
}

/// When a leg is to be told silent.
fn watched(world: &World, leg: u64) -> Option<Duration> {
    world.media.iter().rev().find_map(|command| match command {
        MediaCommand::Watch { leg: of, silent_after } if *of == LegId(leg) => *silent_after,
        _ => None,
    })
}

#[test]
fn calls_go_on_with_what_they_began_with() {
    let mut world = World::new(4);
    world.phone("6002").habit = Habit::Ring;
    world.phone("6004").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(1));
    reload(&mut world, |settings| {
        settings.media_timeout = seconds(10);
        settings.ring_s = 5;
        settings.recording = false;
    });
    world.run(seconds(20));
    assert_eq!(world.board.calls(), 1, "the call that began before rings on");
    world.answer("6002");
    world.run(seconds(1));
    assert_eq!(watched(&world, 1), Some(seconds(60)));
    assert_eq!(world.recorded.len(), 1);

    world.dial("6003", "6004");
    world.run(seconds(6));
    assert_eq!(world.cdrs()[0].cause, Cause::NoAnswer, "a call that begins after rings for 5 s");
    world.dial("6003", "6004");
    world.run(seconds(1));
    world.answer("6004");
    world.run(seconds(1));
    assert_eq!(watched(&world, 5), Some(seconds(10)));
    assert_eq!(world.recorded.len(), 1, "and is not recorded");
    world.hang_up("6001");
    world.hang_up("6003");
    world.assert_clean();
}

#[test]
fn a_lower_limit_of_calls_ends_none() {
    let mut world = World::new(4);
    world.dial("6001", "6002");
    world.run(seconds(1));
    reload(&mut world, |settings| settings.calls_max = 1);
    world.dial("6003", "6004");
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 1);
    assert_eq!(world.phone("6003").refused[0], "503 Service Unavailable");
    assert_eq!(world.board.turned_away(NoRoom::CallsMax), 1);
    reload(&mut world, |settings| settings.calls_max = 2);
    world.dial("6003", "6004");
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 2);
    world.hang_up("6001");
    world.hang_up("6003");
    world.assert_clean();
}

#[test]
fn registrations_stay_and_new_ones_live_by_the_new_bounds() {
    let mut world = World::new(2);
    reload(&mut world, |settings| {
        settings.registrar.expires_max = 60;
        settings.registrar.bindings_max = 1;
    });
    assert!(!world.facts.iter().any(|fact| matches!(fact, Fact::Unbound { .. })));
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 1, "both phones are still known");
    world.hang_up("6001");
    world.register("6001", 300);
    world.run(seconds(70));
    let gone = |world: &World, slot: i64| world.facts.iter().any(|fact| matches!(fact, Fact::Unbound { slot: of, .. } if of.0 == slot));
    assert!(gone(&world, 1), "granted 60 s");
    assert!(!gone(&world, 2), "granted 300 s, before");
    world.run(seconds(240));
    assert!(gone(&world, 2));
    world.assert_clean();
}

#[test]
fn other_algorithms_make_nonces_of_before_stale_and_not_good_again() {
    let mut world = World::new(2);
    let replayed = world.phone("6001").register(300);
    world.answer_to("6001", replayed.clone());
    // Until then it is a repetition, and gets the answer again.
    world.run(seconds(33));
    let answer = world.answer_to("6001", replayed.clone());
    assert!(answer.starts_with("SIP/2.0 401"), "B-4: {answer}");
    reload(&mut world, |settings| settings.digest = vec![Algorithm::Sha256, Algorithm::Md5]);
    let answer = world.answer_to("6001", replayed);
    assert!(answer.starts_with("SIP/2.0 401") && answer.contains("stale=true"), "{answer}");
    assert_eq!(answer.matches("WWW-Authenticate").count(), 2, "{answer}");
    // The same list again changes nothing: phones need not be asked anew.
    let mut world = World::new(2);
    reload(&mut world, |_| ());
    world.dial("6001", "6002");
    world.run(Duration::from_millis(30));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn leases_are_as_long_as_said_at_the_last_sign_of_life() {
    let mut world = World::new(1);
    world.order(Command::TakeSlot { user: UserId(7), slot: SlotId(1) }).unwrap();
    reload(&mut world, |settings| settings.lease = seconds(10));
    world.run(seconds(20));
    assert_eq!(world.slot_state(1), SlotState::Ready);
    world.order(Command::KeepAlive { user: UserId(7) }).unwrap();
    world.run(seconds(80));
    assert_eq!(world.slot_state(1), SlotState::Idle, "a sign of life never makes a lease shorter");
}

#[test]
fn a_thousand_reloads_leave_nothing_behind() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(seconds(1));
    let (sessions, transactions) = (world.board.sessions(), world.board.transactions());
    for round in 0..1_000 {
        reload(&mut world, |settings| settings.ring_s = 30 + round % 10);
    }
    assert_eq!((world.board.sessions(), world.board.transactions()), (sessions, transactions));
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::CallerHungUp);
    world.assert_clean();
}
