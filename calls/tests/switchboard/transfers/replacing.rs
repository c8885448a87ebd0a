//! A phone takes another's place in a call (RFC 3891).

use std::sync::Arc;

use calls::Input;
use media::{Channel, Command as MediaCommand};
use model::{Cause, CenterId, Directory, SlotState};

use super::{seconds, segments, serving, talking};
use crate::{
    carriers::{A, B},
    phone::{Habit, REALM},
    world::{World, directory},
};

/// How a phone's dialog with us is named.
fn dialog(world: &mut World, number: &str) -> String {
    let phone = world.phone(number);
    phone.replaces(phone.session.unwrap()).unwrap()
}

/// 6001 has dialled 6002, which rings.
fn ringing(count: u16) -> World {
    let mut world = World::new(count);
    world.phone("6002").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(1));
    world
}

#[test]
fn a_phone_picks_up_what_rings_elsewhere() {
    let mut world = ringing(3);
    let replaces = dialog(&mut world, "6002");
    world.dial_replacing("6003", "6002", &format!("{replaces};early-only"));
    world.run(seconds(1));
    assert_eq!(world.phone("6002").header("CANCEL", "Reason"), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    assert_eq!((world.slot_state(2), world.slot_state(3), serving(&world)), (SlotState::Idle, SlotState::ActiveCall, vec![1, 3]));
    world.hang_up("6003");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.callee.as_str(), cdr.callee_slot.map(|slot| slot.0), cdr.cause), ("6002", Some(3), Cause::CalleeHungUp));
    assert_eq!(world.cdrs().len(), 1, "who picks up begins no call of its own");
    world.assert_clean();
}

#[test]
fn a_phone_picks_up_what_rings_at_several() {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.set_plan(3, &[A, B], &[]);
    for number in ["6001", "6002"] {
        world.phone(number).habit = Habit::Ring;
    }
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(1));
    let replaces = dialog(&mut world, "6002");
    world.dial_replacing("6003", "6002", &replaces);
    world.run(seconds(1));
    assert_eq!(serving(&world), [3]);
    assert_eq!((world.phone("6001").count("CANCEL"), world.phone("6002").count("CANCEL")), (1, 1));
    world.hang_up("A");
    world.assert_clean();
}

#[test]
fn a_phone_goes_on_where_another_was() {
    let mut world = talking(3);
    let replaces = dialog(&mut world, "6001");
    world.dial_replacing("6003", "6001", &replaces);
    world.run(seconds(2));
    assert!(world.phone("6001").last("BYE").contains("transferred"));
    assert_eq!((world.slot_state(1), serving(&world)), (SlotState::Idle, vec![2, 3]));
    assert!(world.media.iter().any(|command| matches!(command, MediaCommand::Tap { channel: Channel::Left, .. })));
    // It is the near party now, like any other: it may hold, and hand the call on.
    world.refer("6003", "<sip:6001@pbx.test>");
    world.run(seconds(1));
    world.answer("6001");
    world.run(seconds(1));
    assert_eq!(serving(&world), [2, 1]);
    world.hang_up("6002");
    world.run(seconds(1));
    assert_eq!(segments(&world.cdrs()[0].clone()).iter().map(|segment| segment.0).collect::<Vec<_>>(), [1, 2, 3, 1]);
    world.assert_clean();
}

#[test]
fn a_phone_picks_up_what_is_being_handed_on() {
    let mut world = talking(4);
    world.refer("6002", "<sip:6003@pbx.test>");
    world.run(seconds(1));
    let replaces = dialog(&mut world, "6003");
    world.dial_replacing("6004", "6003", &replaces);
    world.run(seconds(1));
    assert_eq!(serving(&world), [1, 4]);
    assert_eq!(world.phone("6002").notified.last().map(String::as_str), Some("200 OK, over"));
    assert_eq!((world.slot_state(2), world.slot_state(3)), (SlotState::Idle, SlotState::Idle));
    world.hang_up("6004");
    world.assert_clean();
}

#[test]
fn an_answer_that_crosses_it_is_hung_up_on() {
    for after in 0..12 {
        let mut world = ringing(3);
        let replaces = dialog(&mut world, "6002");
        world.answer("6002");
        world.run(std::time::Duration::from_millis(after));
        world.dial_replacing("6003", "6002", &replaces);
        world.run(seconds(1));
        assert_eq!(serving(&world), [1, 3], "after {after} ms: it takes the place, whether that rings or talks");
        world.hang_up("6001");
        world.run(seconds(1));
        assert_eq!(world.cdrs().len(), 1);
        world.assert_clean();
    }
}

#[test]
fn who_may_not_is_told_so() {
    type Row = (&'static str, fn(&mut World) -> String, &'static str);
    let rows: [Row; 6] = [
        ("another tag", |world| dialog(world, "6002").replace("to-tag=", "to-tag=x"), "481"),
        ("no dialog", |_| "none@nowhere;to-tag=1;from-tag=2".to_owned(), "481"),
        ("malformed", |_| "none".to_owned(), "400"),
        ("early only, and it talks", |world| format!("{};early-only", dialog(world, "6002")), "486"),
        (
            "it is in a call",
            |world| {
                world.dial("6003", "6004");
                world.run(seconds(1));
                dialog(world, "6002")
            },
            "486",
        ),
        (
            "another centre's",
            |world| {
                let all = directory(4);
                let slots = all.slots().cloned().map(|mut slot| {
                    slot.center = if slot.number.as_str() == "6003" { CenterId(2) } else { slot.center };
                    slot
                });
                world.input(Input::Directory(Arc::new(Directory::new(REALM.to_owned(), Vec::new(), slots.collect()))));
                dialog(world, "6002")
            },
            "403",
        ),
    ];
    for (name, replaces, told) in rows {
        let mut world = talking(4);
        let replaces = replaces(&mut world);
        world.dial_replacing("6003", "6002", &replaces);
        world.run(seconds(1));
        let refused = world.phone("6003").refused.first().cloned().unwrap_or_default();
        assert!(refused.starts_with(told), "{name}: {refused}");
        assert!(["6001", "6002"].iter().all(|phone| world.phone(phone).session.is_some()), "{name}");
        for phone in ["6001", "6003"] {
            world.hang_up(phone);
        }
        world.assert_clean();
    }
}

/// What is no phone's of ours to take, and what nobody's place can be taken in.
#[test]
fn carriers_take_no_place_and_give_none() {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.set_plan(3, &[A, B], &[]);
    world.bring("A", "+79991234567", "84950000002", &[]);
    world.run(seconds(1));
    let (theirs, ours) = (dialog(&mut world, "A"), dialog(&mut world, "6001"));
    world.dial_replacing("6003", "6001", &theirs);
    world.run(seconds(1));
    assert!(world.phone("6003").refused[0].starts_with("403"));
    world.bring("B", "+79997654321", "84950000002", &[("Replaces", &ours)]);
    world.run(seconds(1));
    assert!(world.phone("B").refused[0].starts_with("403"));
    assert_eq!(serving(&world), [1]);
    world.hang_up("A");
    world.assert_clean();
    // An operator's own phone rings for nobody else.
    world.phone("6001").habit = Habit::Ring;
    world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(1));
    let replaces = dialog(&mut world, "6001");
    world.dial_replacing("6003", "6001", &replaces);
    world.run(seconds(1));
    assert!(world.phone("6003").refused[0].starts_with("603"), "{:?}", world.phone("6003").refused);
    world.hang_up("6001");
    world.assert_clean();
}

/// A phone of ours may stand behind a carrier's address: it dials, so it picks up, too.
#[test]
fn a_phone_behind_a_carriers_address_picks_up() {
    let mut world = ringing(3);
    // 6003 is at 10.0.1.3.
    world.set_plan(3, &[&A.replace("sip:10.0.9.1", "sip:10.0.1.3")], &[]);
    let replaces = dialog(&mut world, "6002");
    world.dial_replacing("6003", "6002", &replaces);
    world.run(seconds(1));
    assert_eq!(serving(&world), [1, 3], "{:?}", world.phone("6003").refused);
    world.hang_up("6003");
    world.assert_clean();
}
