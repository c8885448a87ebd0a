//! The same, ordered by operators (R18).

use model::{CallId, Command, Refusal, Reply, SlotId, SlotState, TransferTo, UserId};

use super::{handed, seconds, serving};
use crate::{phone::Habit, world::World};

impl World {
    fn hand_on(&mut self, user: i64, any: bool, call: CallId, to: TransferTo) -> Result<CallId, Refusal> {
        match self.order(Command::TransferCall { user: UserId(user), any, call, to })? {
            Reply::CallTransferring { call } => Ok(call),
            other => panic!("{other:?}"),
        }
    }
}

fn number(text: &str) -> TransferTo {
    TransferTo::Number(text.parse().unwrap())
}

/// 6001, which user 7 has taken, has called 6002, which user 8 has taken.
fn held() -> (World, CallId) {
    let mut world = World::new(4);
    for (user, slot) in [(7, 1), (8, 2)] {
        world.order(Command::TakeSlot { user: UserId(user), slot: SlotId(slot) }).unwrap();
    }
    world.dial("6001", "6002");
    world.run(seconds(1));
    let call = world.recorded[0].0.call_id;
    (world, call)
}

#[test]
fn an_operator_hands_a_call_on() {
    let (mut world, call) = held();
    world.phone("6003").habit = Habit::Ring;
    assert_eq!(world.hand_on(8, false, call, number("6003")), Ok(call));
    assert_eq!(world.hand_on(8, false, call, number("6003")), Err(Refusal::CallNotTransferable), "it is under way");
    world.run(seconds(1));
    assert_eq!((world.phone("6002").notified.len(), world.phone("6002").session.is_some()), (0, true), "no REFER, no NOTIFY");
    world.answer("6003");
    world.run(seconds(1));
    assert_eq!((serving(&world), world.slot_state(2)), (vec![1, 3], SlotState::Ready));
    // Whose desk it was at has no say in it any more.
    assert_eq!(world.hand_on(8, false, call, number("6004")), Err(Refusal::CallNotFound));
    assert_eq!(world.order(Command::EndCall { user: UserId(8), any: false, call }), Err(Refusal::CallNotFound));
    // An administrator hands it on for the one who dialled.
    assert_eq!(world.hand_on(1, true, call, number("6004")), Ok(call));
    world.run(seconds(1));
    assert_eq!(serving(&world), [3, 4]);
    world.hang_up("6004");
    world.assert_clean();
}

#[test]
fn two_calls_of_an_operator_become_one() {
    // Whoever acts for others needs no slot of his own, and is not in the calls.
    for (user, any, from_consultation) in [(8, false, false), (8, false, true), (1, true, false), (1, true, true)] {
        let (mut world, call) = held();
        world.dial("6002", "6003");
        world.run(seconds(1));
        let other = world.recorded[1].0.call_id;
        let (this, that) = if from_consultation { (other, call) } else { (call, other) };
        assert_eq!(world.hand_on(user, any, this, TransferTo::Call(that)), Ok(call), "the older one goes on");
        world.run(seconds(1));
        assert_eq!((serving(&world), world.slot_state(2)), (vec![1, 3], SlotState::Ready));
        world.hang_up("6001");
        world.assert_clean();
    }
}

#[test]
fn what_may_not_be_is_refused_and_changes_nothing() {
    let (mut world, call) = held();
    world.set_limits(2, 2, &["6001"]);
    let none = CallId(5);
    let not_allowed = Refusal::DestinationNotAllowed { slot: "6002".into(), number: "6003".into() };
    let rows = [
        (9, false, call, number("6003"), Refusal::CallNotFound),
        (8, true, none, number("6003"), Refusal::CallNotFound),
        (8, false, call, number("6003"), not_allowed),
        (7, false, call, number("6999"), Refusal::NoRoute),
        (8, false, call, TransferTo::Call(none), Refusal::CallNotFound),
        (8, false, call, TransferTo::Call(call), Refusal::CallNotTransferable),
    ];
    for (user, any, which, to, expected) in rows {
        assert_eq!(world.hand_on(user, any, which, to.clone()), Err(expected), "{user} {to:?}");
    }
    assert_eq!(serving(&world), [1, 2]);
    world.hang_up("6001");
    world.run(seconds(1));
    // Nobody has answered.
    world.phone("6002").habit = Habit::Ring;
    let call = world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(1));
    assert_eq!(world.hand_on(7, false, call, number("6003")), Err(Refusal::CallNotTransferable));
    world.hang_up("6001");
    world.assert_clean();
}

/// There is no NOTIFY for who ordered it over REST: the call's picture tells how far it is, and why it came to nothing.
#[test]
fn who_ordered_it_is_told_what_became_of_it() {
    type Row = (Habit, fn(&mut World), &'static [&'static str]);
    let rows: [Row; 5] = [
        (Habit::Answer, |_| {}, &["2 > 6003 Calling", "2 > 6003 Answered"]),
        (Habit::Ring, |world| world.answer("6003"), &["2 > 6003 Calling", "2 > 6003 Ringing", "2 > 6003 Answered"]),
        (Habit::Busy, |_| {}, &["2 > 6003 Calling", "2 > 6003 Failed busy"]),
        (Habit::Ring, |world| world.hang_up("6001"), &["2 > 6003 Calling", "2 > 6003 Ringing", "2 > 6003 Failed caller_hung_up"]),
        // Who leaves is gone before it is answered.
        (
            Habit::Ring,
            |world| {
                world.hang_up("6002");
                world.run(seconds(1));
                world.answer("6003");
            },
            &["2 > 6003 Calling", "2 > 6003 Ringing", "2 > 6003 Answered"],
        ),
    ];
    for (row, (habit, act, expected)) in rows.into_iter().enumerate() {
        let (mut world, call) = held();
        world.phone("6003").habit = habit;
        world.hand_on(8, false, call, number("6003")).unwrap();
        world.run(seconds(1));
        act(&mut world);
        world.run(seconds(1));
        assert_eq!(handed(&world), expected, "row {row}");
        world.hang_up("6001");
        world.assert_clean();
    }
    // Of two calls the one that goes on says who was joined.
    let (mut world, call) = held();
    world.dial("6002", "6003");
    world.run(seconds(1));
    let other = world.recorded[1].0.call_id;
    world.hand_on(8, false, call, TransferTo::Call(other)).unwrap();
    assert_eq!(handed(&world), ["2 > 6003 Answered"]);
    world.hang_up("6001");
    world.assert_clean();
}
