//! Calls that are left to two carriers' legs: whose they are, and that help is left to nobody.

use model::{Cause, Refusal, SlotState};

use super::{seconds, serving};
use crate::{
    carriers::{A, B},
    world::World,
};

const WORLD: &str = r#"{"name": "world", "position": 1, "match": {"to": ["+*", "112"]},
    "then": {"do": "carriers", "order": [{"carrier": "1"}]}}"#;

/// Four slots, the first of which may be in so many calls, and a carrier with room for all.
fn world(calls_max: u8) -> World {
    let mut world = World::new(4);
    world.add_peer("A", "10.0.9.1:5060");
    let a = A.replace(r#""capacity": 2"#, r#""capacity": 30"#);
    world.set_plan(4, &[&a, B], &[WORLD]);
    let limited = world.limited(1, calls_max, &[], 4);
    world.set_plan_of(limited, &[&a, B], &[WORLD]);
    world
}

/// What the phone was told last of its transfer.
fn told(world: &mut World, number: &str) -> Option<String> {
    world.phone(number).notified.last().cloned()
}

/// Each row: whom 6001 talks to, to whom it hands that on, and what it is told.
#[test]
fn help_is_talked_to_by_somebody_of_ours() {
    let declined = "603 Decline, over";
    let rows = [
        ("112", "112", declined),
        ("112", "+79992220000", declined),
        ("+79991110000", "112", declined),
        ("112", "6002", "200 OK, over"),
        ("6002", "112", "200 OK, over"),
    ];
    for (to, next, expected) in rows {
        let mut world = world(1);
        world.dial("6001", to);
        world.run(seconds(1));
        world.refer("6001", &format!("<sip:{next}@pbx.test>"));
        world.run(seconds(1));
        assert_eq!(told(&mut world, "6001").as_deref(), Some(expected), "{to} > {next}");
        let stays = if expected == declined { vec![1] } else { vec![2] };
        assert_eq!((serving(&world), world.lines()), (stays, vec![1, 0]), "{to} > {next}");
        let who = if expected == declined { "6001" } else { "6002" };
        world.hang_up(who);
        world.run(seconds(1));
        assert_eq!(world.lines(), [0, 0], "{to} > {next}");
        world.assert_clean();
    }
}

/// Whoever has been handed help on leaves it to nobody either; nor does who was called from the world, or has both calls.
#[test]
fn help_is_left_to_the_world_in_no_other_way() {
    let mut world = world(2);
    world.dial("6001", "112");
    world.run(seconds(1));
    world.refer("6001", "<sip:6002@pbx.test>");
    world.run(seconds(1));
    world.refer("6002", "<sip:+79992220000@pbx.test>");
    world.run(seconds(1));
    assert_eq!(told(&mut world, "6002").as_deref(), Some("603 Decline, over"));
    assert_eq!((serving(&world), world.lines()), (vec![2], vec![1, 0]));
    world.hang_up("6002");
    world.run(seconds(1));

    world.bring("A", "+79991234567", "84950000002", &[]);
    world.run(seconds(1));
    world.refer("6001", "<sip:112@pbx.test>");
    world.run(seconds(1));
    assert_eq!(told(&mut world, "6001").as_deref(), Some("603 Decline, over"));
    world.dial("6001", "112");
    world.run(seconds(1));
    assert_eq!(world.lines(), [2, 0]);
    world.refer_attended("6001", "112", false);
    world.run(seconds(1));
    assert_eq!(world.lines(), [2, 0]);
    assert_eq!((world.slot_state(1), told(&mut world, "6001").as_deref()), (SlotState::ActiveCall, Some("603 Decline, over")));
    world.hang_up("6001");
    world.hang_up("A");
    world.run(seconds(1));
}

/// Also of calls that it has handed on, and no other slot's.
#[test]
fn a_slot_calls_for_help_twice_at_once() {
    let mut world = world(1);
    for colleague in ["6002", "6003"] {
        world.dial("6001", "112");
        world.run(seconds(1));
        world.refer("6001", &format!("<sip:{colleague}@pbx.test>"));
        world.run(seconds(1));
        assert_eq!(world.slot_state(1), SlotState::Idle, "{colleague}");
    }
    assert_eq!(world.lines(), [2, 0]);
    world.dial("6001", "112");
    world.run(seconds(1));
    assert_eq!(world.phone("6001").refused, ["486 Busy Here", "Reason: Q.850;cause=17;text=\"slot_call_limit\""]);
    world.dial("6004", "112");
    world.run(seconds(1));
    assert_eq!((world.slot_state(4), world.lines()), (SlotState::ActiveCall, vec![3, 0]));
    // One of them ends.
    world.hang_up("6002");
    world.run(seconds(1));
    world.dial("6001", "112");
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), world.lines()), (SlotState::ActiveCall, vec![3, 0]));
    for phone in ["6001", "6003", "6004"] {
        world.hang_up(phone);
    }
    world.run(seconds(1));
    assert_eq!(world.lines(), [0, 0]);
    world.assert_clean();
}

/// Who hands each call on to the world is in none, and has begun them all the same.
#[test]
fn a_call_that_is_left_to_the_world_is_the_slots_as_long_as_it_lasts() {
    let mut world = world(1);
    world.dial("6001", "+79991110000");
    world.run(seconds(1));
    world.refer("6001", "<sip:+79992220000@pbx.test>");
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), world.board.calls(), world.lines()), (SlotState::Idle, 1, vec![2, 0]));
    world.dial("6001", "+79993330000");
    world.run(seconds(1));
    assert_eq!(world.phone("6001").refused, ["486 Busy Here", "Reason: Q.850;cause=17;text=\"slot_call_limit\""]);
    assert_eq!(world.cdrs()[0].cause, Cause::SlotCallLimit);
    let refused = Refusal::SlotCallLimit { slot: "6001".into(), state: SlotState::Idle, limit: 1 };
    assert_eq!(world.start_call(7, 1, "+79993330000"), Err(refused));
    // Being called is not limited; but what came in does not go out again beside the other one.
    world.bring("A", "+79991234567", "84950000002", &[]);
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    world.refer("6001", "<sip:+79994440000@pbx.test>");
    world.run(seconds(1));
    assert_eq!(told(&mut world, "6001").as_deref(), Some("486 Busy Here, over"));
    world.hang_up("6001");
    world.run(seconds(1));
    // Another slot is not in its way, and help is called whatever is left.
    for (phone, number) in [("6002", "+79995550000"), ("6001", "112")] {
        world.dial(phone, number);
        world.run(seconds(1));
        world.hang_up(phone);
        world.run(seconds(1));
        assert_eq!(world.cdrs().last().map(|cdr| cdr.cause), Some(Cause::CallerHungUp), "{phone}");
    }
    assert_eq!(world.lines(), [2, 0]);
    world.input(calls::Input::EndAll);
    world.run(seconds(1));
    assert_eq!((world.board.calls(), world.lines()), (0, vec![0, 0]));
}

/// A colleague of ours who has taken it over counts himself.
#[test]
fn a_call_that_goes_on_inside_is_no_more_the_slots() {
    let mut world = world(1);
    world.dial("6001", "+79991110000");
    world.run(seconds(1));
    world.refer("6001", "<sip:6002@pbx.test>");
    world.run(seconds(1));
    world.dial("6001", "+79992220000");
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), world.slot_state(2), world.lines()), (SlotState::ActiveCall, SlotState::ActiveCall, vec![2, 0]));
    // He leaves it to the world: then it is again of both who have called somebody in it.
    world.hang_up("6001");
    world.run(seconds(1));
    world.refer("6002", "<sip:+79993330000@pbx.test>");
    world.run(seconds(1));
    assert_eq!((world.slot_state(2), world.lines()), (SlotState::Idle, vec![2, 0]));
    world.dial("6001", "6003");
    world.run(seconds(1));
    assert_eq!(world.cdrs().last().map(|cdr| cdr.cause), Some(Cause::SlotCallLimit));
    world.input(calls::Input::EndAll);
    world.run(seconds(1));
    assert_eq!((world.board.calls(), world.lines()), (0, vec![0, 0]));
}

/// Two calls that are joined are one, also for whom they count.
#[test]
fn calls_that_are_joined_count_as_one() {
    let mut world = world(2);
    for number in ["+79991110000", "+79992220000"] {
        world.dial("6001", number);
        world.run(seconds(1));
    }
    world.refer_attended("6001", "+79992220000", false);
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), world.board.calls(), world.lines()), (SlotState::Idle, 1, vec![2, 0]));
    world.dial("6001", "+79993330000");
    world.run(seconds(1));
    world.dial("6001", "+79994440000");
    world.run(seconds(1));
    assert_eq!(world.cdrs().last().map(|cdr| cdr.cause), Some(Cause::SlotCallLimit));
    assert_eq!(world.lines(), [3, 0]);
}
