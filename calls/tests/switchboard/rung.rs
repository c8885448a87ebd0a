//! Whom a call rings at is known from its INVITE on: told at once, kept in its record, whether somebody answers or not.

use std::time::Duration;

use model::{CallStatus, CallView, Cdr, Command, Event, Fact, Outcome, Rung, SlotId, UserId};

use crate::{carriers::A, phone::Habit, world::World};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Four slots whose phones ring, and a carrier with these settings. Users 71, 72, … have taken some of the slots.
fn world(a: &str, taken: &[i64]) -> World {
    let mut world = World::new(4);
    world.add_peer("A", "10.0.9.1:5060");
    world.set_plan(4, &[a], &[]);
    for number in ["6001", "6002", "6003", "6004"] {
        world.phone(number).habit = Habit::Ring;
    }
    for slot in taken {
        world.order(Command::TakeSlot { user: UserId(70 + slot), slot: SlotId(*slot) }).unwrap();
    }
    world
}

/// Slots, with who had taken them.
fn of(rung: &[Rung]) -> Vec<(i64, Option<i64>)> {
    rung.iter().map(|rung| (rung.slot.0, rung.user.map(|user| user.0))).collect()
}

/// What was told of calls so far, in order.
fn views(world: &World) -> Vec<&CallView> {
    let told = world.events.iter().filter_map(|event| match event {
        Event::CallUpdated(view) => Some(view),
        _ => None,
    });
    told.collect()
}

fn record(world: &World) -> Cdr {
    world.cdrs().last().map(|cdr| (*cdr).clone()).unwrap()
}

/// Those who hold the slots of a ring group hear of the call with its INVITEs, in one picture, before any phone has said a word; the journal
/// has it as early.
#[test]
fn a_ring_group_is_told_at_once() {
    let mut world = world(A, &[2]);
    world.clear_history();
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(Duration::from_millis(5));
    let first: Vec<_> = views(&world).iter().map(|view| (view.status, of(&view.rung))).collect();
    assert_eq!(first, [(CallStatus::Dialing, vec![(1, None), (2, Some(72))])], "one picture, and whole");
    let begun = world.facts.iter().find_map(|fact| match fact {
        Fact::CallStarted { call } => Some(of(&call.rung)),
        _ => None,
    });
    assert_eq!(begun, Some(vec![(1, None), (2, Some(72))]));
    world.run(seconds(1));
    world.answer("6002");
    world.run(seconds(1));
    world.hang_up("A");
    world.run(seconds(1));
    let cdr = record(&world);
    assert_eq!((cdr.outcome, of(&cdr.rung)), (Outcome::Answered, vec![(1, None), (2, Some(72))]), "also those who did not answer");
    assert_eq!(cdr.rung[0].at, cdr.started_at);
    world.assert_clean();
}

/// A missed call is theirs at whose phones it rang. Who takes the slot while it rings was not rung.
#[test]
fn a_missed_call_knows_whom_it_rang_at() {
    let mut world = world(A, &[1]);
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(1));
    // Refused or not, the record names who was there when it began to ring.
    let _ = world.order(Command::TakeSlot { user: UserId(99), slot: SlotId(2) });
    world.run(seconds(31));
    let cdr = record(&world);
    assert_eq!((cdr.outcome, of(&cdr.rung)), (Outcome::NoAnswer, vec![(1, Some(71)), (2, None)]));
    assert!(cdr.segments.is_empty());
    world.assert_clean();
}

/// Who is busy or away got no INVITE, so it did not ring there.
#[test]
fn only_phones_that_are_asked_have_been_rung() {
    let mut world = world(A, &[]);
    world.register("6001", 0);
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(31));
    assert_eq!(of(&record(&world).rung), [(2, None)]);
    // Nobody at all.
    world.register("6002", 0);
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(1));
    assert_eq!(of(&record(&world).rung), []);
    world.assert_clean();
}

/// One phone after another: each is told when it is its turn, and not before.
#[test]
fn slots_in_turn_are_told_in_turn() {
    let in_turn = A.replacen(r#""to": ["6001", "6002"]"#, r#""to": ["6001", "6002", "6003"], "ring": "in_turn", "ring_s": 10"#, 1);
    let mut world = world(&in_turn, &[1, 2]);
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(9));
    assert_eq!(of(&views(&world).last().unwrap().rung), [(1, Some(71))]);
    world.clear_history();
    world.run(seconds(3));
    let told: Vec<_> = views(&world).iter().map(|view| (view.status, of(&view.rung))).collect();
    assert_eq!(told, [(CallStatus::Ringing, vec![(1, Some(71)), (2, Some(72))])]);
    world.hang_up("A");
    world.run(seconds(1));
    let cdr = record(&world);
    assert_eq!((cdr.outcome, of(&cdr.rung)), (Outcome::Canceled, vec![(1, Some(71)), (2, Some(72))]));
    assert_eq!(cdr.rung[1].at.ms_since(cdr.rung[0].at), 10_000);
    world.assert_clean();
}

/// Over REST the operator's own phone is asked first; it placed the call, and it did not ring there. The other side did.
#[test]
fn who_orders_a_call_is_not_rung() {
    let mut world = world(A, &[]);
    world.phone("6001").habit = Habit::Answer;
    world.start_call(7, 1, "6002").unwrap();
    world.run(Duration::from_millis(1));
    assert_eq!(of(&views(&world).last().unwrap().rung), []);
    world.run(seconds(4));
    assert_eq!(of(&views(&world).last().unwrap().rung), [(2, None)]);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(of(&record(&world).rung), [(2, None)]);
    world.assert_clean();
}

/// A call that is handed on rings at the next one too; at a slot that it comes back to it has rung once.
#[test]
fn a_call_that_is_handed_on_rings_there_too() {
    let mut world = world(A, &[2, 3]);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.answer("6002");
    world.run(seconds(1));
    world.clear_history();
    world.refer("6002", "<sip:6003@pbx.test>");
    world.run(Duration::from_millis(15));
    assert_eq!(of(&views(&world).last().unwrap().rung), [(2, Some(72)), (3, Some(73))], "before its phone says that it rings");
    world.run(seconds(1));
    world.answer("6003");
    world.run(seconds(1));
    world.refer("6003", "<sip:6002@pbx.test>");
    world.run(seconds(1));
    world.answer("6002");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    let cdr = record(&world);
    assert_eq!(of(&cdr.rung), [(2, Some(72)), (3, Some(73))]);
    assert_eq!(cdr.segments.iter().map(|segment| segment.slot.0).collect::<Vec<_>>(), [1, 2, 3, 2]);
    world.assert_clean();
}
