//! A phone that talks to two parties joins them (RFC 5589, 7; R11, R14).

use expect_test::expect;
use media::{Channel, Command as MediaCommand, Hears, LegId};
use model::{Cause, Cdr, SlotState};

use super::{heard, seconds, segments, serving, talking};
use crate::{
    carriers::{A, B},
    phone::Habit,
    world::World,
};

/// 6001 has called 6002, who has called 6003 about it; both calls talk.
fn consulting() -> World {
    let mut world = talking(4);
    world.phone("6003").habit = Habit::Answer;
    world.dial("6002", "6003");
    world.run(seconds(2));
    world
}

/// The record of a call, by its callee.
fn record<'w>(world: &'w World, callee: &str) -> &'w Cdr {
    world.cdrs().into_iter().find(|cdr| cdr.callee == callee).unwrap()
}

#[test]
fn the_customers_call_goes_on_and_the_consultation_ends() {
    for by_second in [false, true] {
        let mut world = consulting();
        world.refer_attended("6002", "6003", by_second);
        world.run(seconds(3));
        assert_eq!(world.phone("6002").referred, ["202 Accepted"]);
        assert_eq!(world.phone("6002").notified, ["100 Trying", "200 OK, over"]);
        assert_eq!((world.phone("6002").session, world.phone("6002").before), (None, None));
        assert_eq!((heard(&world, 1).last(), heard(&world, 4).last()), (Some(&Hears::Leg(LegId(4))), Some(&Hears::Leg(LegId(1)))));
        let call = world.recorded[0].0.call_id;
        let tap = MediaCommand::Tap { recording: call.0.unsigned_abs(), channel: Channel::Right, leg: LegId(4) };
        assert!(world.media.contains(&tap));
        assert_eq!(
            (world.slot_state(1), world.slot_state(2), world.slot_state(3)),
            (SlotState::ActiveCall, SlotState::Idle, SlotState::ActiveCall)
        );
        assert_eq!(serving(&world), [1, 3]);
        let ended = record(&world, "6003").clone();
        assert_eq!((ended.cause, ended.parent, ended.sip_status), (Cause::Transferred, Some(call), 200));
        assert_eq!(world.recorded[1].1, Some(ended.talk_ms), "its own recording ends with it");
        world.hang_up("6003");
        world.run(seconds(1));
        if !by_second {
            expect![[r#"
                1.165 call 6002>6003 Dialing
                1.165 slot 6003 CALLING
                1.175 call 6002>6003 Answered
                1.175 slot 6003 ACTIVE_CALL
                3.165 CDR 6002>6003 Answered transferred 200 ring=0 talk=1990
                3.165 call 6002>6003 Ended
                3.165 call 6001>6002 Answered
                3.165 call 6001>6002 Answered
                3.165 slot 6002 IDLE
                6.165 CDR 6001>6002 Answered callee_hung_up 200 ring=0 talk=5990
                6.165 call 6001>6002 Ended
                6.165 slot 6001 IDLE
                6.165 slot 6003 IDLE
            "#]]
            .assert_eq(&world.log);
        }
        let cdr = record(&world, "6002").clone();
        assert_eq!((cdr.call_id, cdr.cause), (call, Cause::CalleeHungUp), "the customer's call keeps its id and its record (R14)");
        assert_eq!(segments(&cdr), [(1, 0, 5_990, 0), (2, 0, 2_990, 0), (3, 2_990, 5_990, 0)]);
        assert_eq!(world.recorded[0].1, Some(cdr.talk_ms));
        world.assert_clean();
    }
}

#[test]
fn who_was_joined_is_like_anybody_else() {
    let mut world = consulting();
    world.refer_attended("6002", "6003", false);
    world.run(seconds(1));
    // It may consult about the call, and join again.
    world.phone("6004").habit = Habit::Answer;
    world.dial("6003", "6004");
    world.run(seconds(1));
    world.refer_attended("6003", "6004", false);
    world.run(seconds(1));
    assert_eq!(serving(&world), [1, 4]);
    // And who has left is free for calls.
    world.phone("6003").habit = Habit::Ring;
    world.dial("6002", "6003");
    world.run(seconds(1));
    assert_eq!((world.slot_state(2), world.slot_state(3)), (SlotState::Calling, SlotState::Calling));
    world.hang_up("6002");
    world.run(seconds(1));
    world.hang_up("6001");
    world.run(seconds(1));
    let cdr = record(&world, "6002").clone();
    assert_eq!(segments(&cdr).iter().map(|segment| segment.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    world.assert_clean();
}

#[test]
fn what_cannot_be_joined_stays_as_it_is() {
    type Row = (&'static str, fn(&mut World), &'static str);
    let rows: [Row; 4] = [
        (
            "another tag",
            |world| refer(world, "6002", |to| to.replace("to-tag%3D", "to-tag%3Dx")),
            "481 Call/Transaction Does Not Exist, over",
        ),
        (
            "another call",
            |world| refer(world, "6002", |to| to.replace("Replaces=", "Replaces=x")),
            "481 Call/Transaction Does Not Exist, over",
        ),
        (
            "the very same call",
            |world| {
                let phone = world.phone("6002");
                let first = phone.before.unwrap();
                let to = phone.refer_to_replacing("6003", first).unwrap();
                world.refer("6002", &to);
            },
            "603 Decline, over",
        ),
        (
            "somebody else's dialog",
            |world| {
                let phone = world.phone("6003");
                let theirs = phone.session.unwrap();
                let to = phone.refer_to_replacing("6003", theirs).unwrap();
                world.refer("6002", &to);
            },
            "603 Decline, over",
        ),
    ];
    for (name, refer, told) in rows {
        let mut world = consulting();
        refer(&mut world);
        world.run(seconds(1));
        assert_eq!(world.phone("6002").notified.last().map(String::as_str), Some(told), "{name}");
        assert!(world.phone("6002").session.is_some() && world.phone("6002").before.is_some(), "{name}");
        assert!(world.cdrs().is_empty(), "{name}");
        for phone in ["6001", "6003"] {
            world.hang_up(phone);
        }
        world.assert_clean();
    }
}

/// Joins the two calls of a phone, with what is said of the second changed.
fn refer(world: &mut World, number: &str, change: fn(String) -> String) {
    let phone = world.phone(number);
    let second = phone.session.unwrap();
    let to = change(phone.refer_to_replacing("6003", second).unwrap());
    world.refer(number, &to);
}

/// A consultation that nobody has answered is none yet.
#[test]
fn who_rings_cannot_be_joined() {
    let mut world = talking(3);
    world.dial("6002", "6003");
    world.run(seconds(1));
    world.refer_attended("6002", "6003", false);
    world.run(seconds(1));
    assert_eq!(world.phone("6002").notified.last().map(String::as_str), Some("603 Decline, over"));
    world.hang_up("6002");
    world.run(seconds(1));
    world.hang_up("6002");
    world.assert_clean();
}

/// 6001 has called 6002 by a worker with so many ports, who has called 6003 when another one had many.
fn by_two_workers(count: u16) -> World {
    let mut world = World::new(3);
    world.lose_ports();
    world.add_ports(1, 30_000, count);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.add_ports(0, 40_000, 8);
    world.dial("6002", "6003");
    world.run(seconds(1));
    assert!(world.phone("6003").session.is_some());
    world
}

/// A packet of sound never changes its thread, so both calls are carried by one worker, whichever has more to give (R28).
#[test]
fn a_consultation_is_carried_where_its_call_is() {
    let mut world = by_two_workers(6);
    let opened = world.media.iter().filter_map(|command| match command {
        MediaCommand::Open { port, .. } => Some(*port),
        _ => None,
    });
    assert_eq!(opened.collect::<Vec<_>>(), [30_000, 30_002, 30_004, 30_006]);
    world.refer_attended("6002", "6003", false);
    world.run(seconds(1));
    assert_eq!(serving(&world), [1, 3]);
    world.hang_up("6001");
    world.assert_clean();
}

/// A consultation is better by another worker than none; but it stays a call of its own.
#[test]
fn calls_of_two_workers_are_not_joined() {
    let mut world = by_two_workers(2);
    world.refer_attended("6002", "6003", false);
    world.run(seconds(1));
    assert_eq!(world.phone("6002").notified.last().map(String::as_str), Some("603 Decline, over"));
    assert!(["6001", "6003"].iter().all(|phone| world.phone(phone).session.is_some()), "all talk as before");
    for phone in ["6001", "6003"] {
        world.hang_up(phone);
    }
    world.assert_clean();
}

/// The consultation's line goes on as the customer's call's.
#[test]
fn a_line_of_the_consultation_goes_on() {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    let route = r#"{"name": "world", "position": 1, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": [{"carrier": "2"}]}}"#;
    world.set_plan(3, &[A, B], &[route]);
    world.bring("A", "+79991234567", "84950000002", &[]);
    world.run(seconds(1));
    world.dial("6001", "+79995550000");
    world.run(seconds(1));
    assert_eq!(world.lines(), [1, 1]);
    world.refer_attended("6001", "+79995550000", false);
    world.run(seconds(1));
    assert_eq!((world.lines(), world.slot_state(1), world.board.calls()), (vec![1, 1], SlotState::Idle, 1));
    world.hang_up("B");
    world.run(seconds(1));
    assert_eq!(world.lines(), [0, 0]);
    world.assert_clean();
}

/// Whatever crosses the join leaves nothing.
#[test]
fn whatever_crosses_the_join_leaves_nothing() {
    for who in ["6001", "6002", "6003"] {
        for after in 0..12 {
            let mut world = consulting();
            if after % 2 == 0 {
                world.refer_attended("6002", "6003", false);
                world.run(std::time::Duration::from_millis(after));
                world.hang_up(who);
            } else {
                world.hang_up(who);
                world.run(std::time::Duration::from_millis(after));
                // It may know by then that there is nobody to join.
                let _ = world.try_refer_attended("6002", "6003", false);
            }
            world.run(seconds(5));
            for phone in ["6001", "6002", "6003"] {
                world.hang_up(phone);
                world.run(seconds(1));
            }
            assert_eq!(world.cdrs().len(), 2, "{who} after {after} ms");
            world.assert_clean();
        }
    }
}
