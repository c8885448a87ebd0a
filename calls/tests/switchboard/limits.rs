//! Toll limits: what a slot may call, and how much at once (R23).

use std::time::Duration;

use model::{Cause, Refusal, SlotLimits, SlotState};

use crate::{
    carriers::{A, B},
    phone::Habit,
    world::World,
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Each row: the limits of slot 6001, what its phone dials, what the phone is told, and the record's cause (none: the call is up).
#[test]
fn a_phone_dials_only_what_its_slot_may_call() {
    type Row = (u8, &'static [&'static str], &'static str, &'static str, Option<Cause>);
    let rows: [Row; 9] = [
        (2, &[], "6002", "", None),
        (2, &["6002"], "6002", "", None),
        (2, &["60*"], "6002", "", None),
        (1, &["*"], "6002", "", None),
        (2, &["7*"], "6002", "403 Forbidden", Some(Cause::DestinationNotAllowed)),
        (2, &["60021"], "6002", "403 Forbidden", Some(Cause::DestinationNotAllowed)),
        // What is not allowed says nothing about what there is.
        (2, &["7*"], "6999", "403 Forbidden", Some(Cause::DestinationNotAllowed)),
        (2, &["6*"], "6999", "404 Not Found", Some(Cause::NoSuchNumber)),
        // The list lets an emergency number pass; there is no carrier for it here.
        (2, &["7*"], "112", "404 Not Found", Some(Cause::NoSuchNumber)),
    ];
    for (calls_max, destinations, number, told, cause) in rows {
        let name = format!("{calls_max} {destinations:?} > {number}");
        let mut world = World::new(2);
        world.set_limits(1, calls_max, destinations);
        world.dial("6001", number);
        world.run(seconds(1));
        assert_eq!(world.phone("6001").refused.first().map_or("", String::as_str), told, "{name}");
        assert_eq!(world.cdrs().first().map(|cdr| cdr.cause), cause, "{name}");
        if let Some(cause) = cause {
            let reason = format!("Reason: Q.850;cause={};text=\"{}\"", cause.q850(), cause.code());
            assert_eq!(world.phone("6001").refused.get(1), Some(&reason), "{name}");
            assert!(!world.phone("6002").called, "{name}: nobody is rung");
        }
        world.hang_up("6001");
        world.assert_clean();
    }
}

#[test]
fn an_operator_calls_only_what_the_slot_may_call() {
    let mut world = World::new(3);
    world.set_limits(1, 1, &["6002"]);
    let refused = Refusal::DestinationNotAllowed { slot: "6001".into(), number: "6003".into() };
    assert_eq!(world.start_call(7, 1, "6003"), Err(refused));
    assert!(world.events.is_empty() && world.cdrs().is_empty(), "a refused order changes nothing");
    world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    let refused = Refusal::SlotCallLimit { slot: "6001".into(), state: SlotState::ActiveCall, limit: 1 };
    assert_eq!(world.start_call(7, 1, "6002"), Err(refused));
    world.hang_up("6002");
    world.assert_clean();
}

#[test]
fn a_slot_is_in_two_calls_at_most_whatever_an_old_database_allows() {
    for calls_max in [SlotLimits::CALLS_MAX, 10] {
        let mut world = World::new(4);
        world.set_limits(1, calls_max, &[]);
        world.dial("6001", "6002");
        world.run(seconds(1));
        let first = world.phone("6001").session.take();
        world.dial("6001", "6003");
        world.run(seconds(1));
        let second = world.phone("6001").session.take();
        let calls_before = world.board.calls();
        world.dial("6001", "6004");
        world.run(seconds(1));
        assert_eq!((calls_before, world.board.calls()), (2, 2), "{calls_max}");
        assert!(!world.phone("6004").called, "{calls_max}: nobody is rung");
        let refused = Refusal::SlotCallLimit { slot: "6001".into(), state: SlotState::ActiveCall, limit: 2 };
        assert_eq!(world.start_call(7, 1, "6004"), Err(refused), "{calls_max}");
        for session in [second, first] {
            world.phone("6001").session = session;
            world.hang_up("6001");
            world.run(seconds(1));
        }
        world.assert_clean();
    }
}

#[test]
fn a_slot_of_one_call_asks_nobody_meanwhile() {
    for (calls_max, cause) in [(1, Some(Cause::SlotCallLimit)), (2, None)] {
        let mut world = World::new(3);
        world.set_limits(1, calls_max, &[]);
        world.dial("6001", "6002");
        world.run(seconds(1));
        let first = world.phone("6001").session.take();
        world.dial("6001", "6003");
        world.run(seconds(1));
        assert_eq!(world.cdrs().first().map(|cdr| cdr.cause), cause, "{calls_max}");
        let told = world.phone("6001").refused.first().cloned();
        assert_eq!(told.is_some_and(|told| told.starts_with("486 ")), cause.is_some(), "{calls_max}");
        assert_eq!(world.slot_state(1), SlotState::ActiveCall, "the call that is up is not touched");
        world.hang_up("6001");
        world.run(seconds(1));
        world.phone("6001").session = first;
        world.hang_up("6001");
        world.assert_clean();
    }
}

/// However a phone comes to it: such a number reaches no carrier, and the phone is told.
#[test]
fn a_number_that_carriers_may_read_as_another_one_does_not_leave() {
    const WORLD: &str = r#"{"name": "world", "position": 1, "match": {"to": ["+*", "8*"]},
        "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}]}}"#;
    let mut world = World::new(2);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    let redirecting = A.replacen('{', r#"{"redirects_max": 2, "#, 1);
    world.set_plan(2, &[&redirecting, B], &[WORLD]);
    let hidden = ["+78091234567%23", "+19005551234%23%23", "+780*91234567", "+*882131234567", "88091234567%23", "+0088213123456"];
    for number in hidden {
        world.clear_history();
        world.dial("6001", number);
        world.run(seconds(1));
        assert_eq!(world.phone("6001").refused.first().map(String::as_str), Some("404 Not Found"), "{number}");
        assert_eq!(world.cdrs().last().map(|cdr| cdr.cause), Some(Cause::NoSuchNumber), "{number}");
        let ordered = number.replace("%23", "#");
        assert_eq!(world.start_call(7, 1, &ordered), Err(Refusal::NoRoute), "{ordered}");
    }
    assert_eq!((world.phone("A").count("INVITE"), world.phone("B").count("INVITE")), (0, 0));
    // Handed on.
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.refer("6001", "<sip:+78091234567%23@pbx.test>");
    world.run(seconds(1));
    assert_eq!(world.phone("6001").notified.last().map(String::as_str), Some("404 Not Found, over"));
    world.hang_up("6001");
    world.run(seconds(1));
    // Sent on by a carrier.
    let peer = world.phone("A");
    peer.habit = Habit::Refuse(302);
    peer.says = vec![("Contact", "<sip:+78091234567%23@10.0.9.1>".to_owned())];
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!((world.phone("A").count("INVITE"), world.phone("B").count("INVITE")), (1, 0));
    assert_eq!(world.cdrs().last().map(|cdr| cdr.cause), Some(Cause::NoSuchNumber));
    world.assert_clean();
}

#[test]
fn being_called_is_not_limited() {
    let mut world = World::new(2);
    world.set_limits(2, 1, &["7*"]);
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!(world.slot_state(2), SlotState::ActiveCall);
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn new_limits_hold_from_the_next_call_on() {
    let mut world = World::new(3);
    world.phone("6002").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.set_limits(1, 1, &["7*"]);
    world.answer("6002");
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall, "a call that began goes on");
    world.hang_up("6001");
    world.run(seconds(1));
    world.dial("6001", "6003");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[1].cause, Cause::DestinationNotAllowed);
    world.set_limits(1, 1, &["6003"]);
    world.dial("6001", "6003");
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    world.hang_up("6001");
    world.assert_clean();
}
