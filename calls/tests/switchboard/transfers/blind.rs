//! One party hands the other to a number (RFC 3515; R14, R23).

use calls::Input;
use expect_test::expect;
use media::{Channel, Command as MediaCommand, Hears, LegId, Tone};
use model::{Cause, Command, Fact, Outcome, Reply, SlotState, TransferTo, UserId};

use super::{handed, heard, seconds, segments, serving, talking};
use crate::{
    carriers::{A, B},
    phone::Habit,
    world::World,
};

#[test]
fn the_called_party_hands_the_caller_on() {
    let mut world = talking(3);
    world.refer("6002", "<sip:6003@pbx.test>");
    world.run(seconds(2));
    assert_eq!(heard(&world, 1).last(), Some(&Hears::Tone(Tone::Ring)), "who stays hears it ring (R27)");
    assert_eq!(heard(&world, 2).last(), Some(&Hears::Nothing));
    assert_eq!(serving(&world), [1, 2], "nobody else serves it yet");
    assert!(world.phone("6003").last("INVITE").contains("From: <sip:6001@pbx.test>;tag="), "the new phone shows who stays");
    world.answer("6003");
    world.run(seconds(10));
    assert_eq!(world.phone("6002").session, None);
    assert_eq!(serving(&world), [1, 3]);
    assert_eq!((heard(&world, 1).last(), heard(&world, 3).last()), (Some(&Hears::Leg(LegId(3))), Some(&Hears::Leg(LegId(1)))));
    let tap = MediaCommand::Tap { recording: world.recorded[0].0.call_id.0.unsigned_abs(), channel: Channel::Right, leg: LegId(3) };
    assert_eq!(world.media.iter().filter(|command| **command == tap).count(), 1, "the recording goes on with the new voice");
    world.hang_up("6003");
    world.run(seconds(1));
    expect![[r#"
        1.125 call 6001>6002 Answered
        1.125 call 6001>6002 Answered
        1.125 slot 6003 CALLING
        1.135 call 6001>6002 Answered
        3.125 call 6001>6002 Answered
        3.125 call 6001>6002 Answered
        3.125 slot 6003 ACTIVE_CALL
        3.125 slot 6002 IDLE
        13.125 CDR 6001>6002 Answered callee_hung_up 200 ring=0 talk=12990
        13.125 call 6001>6002 Ended
        13.125 slot 6001 IDLE
        13.125 slot 6003 IDLE
    "#]]
    .assert_eq(&world.log);
    assert_eq!(world.phone("6002").referred, ["202 Accepted"]);
    assert_eq!(world.phone("6002").notified, ["100 Trying", "180 Ringing", "200 OK, over"]);
    assert!(world.phone("6002").last("BYE").contains("transferred"), "{}", world.phone("6002").last("BYE"));
    assert_eq!(world.recorded.len(), 1, "one recording (R14)");
    let cdr = world.cdrs()[0].clone();
    assert_eq!(
        (cdr.cause, cdr.caller_slot.map(|slot| slot.0), cdr.callee_slot.map(|slot| slot.0)),
        (Cause::CalleeHungUp, Some(1), Some(2))
    );
    assert_eq!(segments(&cdr), [(1, 0, 12_990, 0), (2, 0, 2_990, 0), (3, 2_990, 12_990, 0)]);
    world.assert_clean();
}

#[test]
fn the_caller_hands_the_called_party_on() {
    let mut world = talking(3);
    world.refer("6001", "\"Help\" <tel:6003;phone-context=x>");
    world.run(seconds(2));
    assert_eq!(heard(&world, 2).last(), Some(&Hears::Tone(Tone::Ring)));
    assert!(world.phone("6003").last("INVITE").contains("From: <sip:6002@pbx.test>;tag="), "{}", world.phone("6003").last("INVITE"));
    world.answer("6003");
    world.run(seconds(5));
    let left = world.media.iter().any(|command| matches!(command, MediaCommand::Tap { channel: Channel::Left, leg: LegId(3), .. }));
    assert!(left, "the place of who dialled is the new one's");
    // The new near party can hand it on again, and the one that stays is told to nobody.
    world.refer("6003", "<sip:6001@pbx.test>");
    world.run(seconds(1));
    world.answer("6001");
    world.run(seconds(1));
    assert_eq!(serving(&world), [2, 1]);
    world.hang_up("6001");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!(cdr.cause, Cause::CallerHungUp, "who hung up sits where the caller did");
    assert_eq!(segments(&cdr).iter().map(|segment| segment.0).collect::<Vec<_>>(), [1, 2, 3, 1]);
    world.assert_clean();
}

#[test]
fn a_party_that_answers_by_itself_is_there_at_once() {
    let mut world = talking(3);
    world.phone("6003").habit = Habit::Answer;
    world.refer("6002", "<sip:6003@pbx.test>");
    world.run(seconds(1));
    assert_eq!(world.phone("6002").notified, ["100 Trying", "200 OK, over"]);
    assert_eq!((world.slot_state(2), world.slot_state(3)), (SlotState::Idle, SlotState::ActiveCall));
    world.hang_up("6001");
    world.assert_clean();
}

/// Whatever is in the way, and what the phone is told of it: both talk as before.
#[test]
fn when_it_fails_both_talk_again() {
    type Row = (&'static str, fn(&mut World), &'static str, &'static str);
    let rows: [Row; 10] = [
        ("busy", |world| world.phone("6003").habit = Habit::Busy, "<sip:6003@pbx.test>", "486 Busy Here, over"),
        ("declined", |world| world.phone("6003").habit = Habit::Refuse(603), "<sip:6003@pbx.test>", "603 Decline, over"),
        ("nobody answers", |_| {}, "<sip:6003@pbx.test>", "480 Temporarily Unavailable, over"),
        ("gone", |world| world.phone("6003").habit = Habit::Dead, "<sip:6003@pbx.test>", "408 Request Timeout, over"),
        ("not there", |world| world.register("6003", 0), "<sip:6003@pbx.test>", "480 Temporarily Unavailable, over"),
        ("no such number", |_| {}, "<sip:6999@pbx.test>", "404 Not Found, over"),
        ("no number", |_| {}, "<sip:alice@pbx.test>", "404 Not Found, over"),
        ("itself", |_| {}, "<sip:6002@pbx.test>", "486 Busy Here, over"),
        ("who stays", |_| {}, "<sip:6001@pbx.test>", "486 Busy Here, over"),
        ("it may not", |world| world.set_limits(2, 2, &["6001"]), "<sip:6003@pbx.test>", "403 Forbidden, over"),
    ];
    for (name, prepare, to, told) in rows {
        let mut world = talking(3);
        prepare(&mut world);
        world.refer("6002", to);
        world.run(seconds(70));
        assert_eq!(world.phone("6002").referred, ["202 Accepted"], "{name}");
        assert_eq!(world.phone("6002").notified.last().map(String::as_str), Some(told), "{name}");
        assert_eq!(
            (heard(&world, 1).last(), heard(&world, 2).last()),
            (Some(&Hears::Leg(LegId(2))), Some(&Hears::Leg(LegId(1)))),
            "{name}"
        );
        assert_eq!(world.slot_state(3), SlotState::Idle, "{name}");
        assert!(world.cdrs().is_empty(), "{name}");
        world.hang_up("6001");
        world.run(seconds(1));
        let cdr = world.cdrs()[0].clone();
        assert_eq!((cdr.cause, cdr.segments.len()), (Cause::CallerHungUp, 2), "{name}");
        world.assert_clean();
    }
}

#[test]
fn who_handed_it_on_need_not_wait() {
    for answers in [true, false] {
        let mut world = talking(3);
        world.phone("6003").habit = if answers { Habit::Ring } else { Habit::Refuse(486) };
        world.refer("6002", "<sip:6003@pbx.test>");
        world.hang_up("6002");
        world.run(seconds(1));
        assert_eq!(world.slot_state(2), SlotState::Idle, "its slot is free, while the others go on");
        if answers {
            world.answer("6003");
            world.run(seconds(5));
            assert_eq!(serving(&world), [1, 3]);
            world.hang_up("6001");
            world.run(seconds(1));
            assert_eq!(world.cdrs()[0].cause, Cause::CallerHungUp);
        } else {
            assert_eq!(heard(&world, 1).last(), Some(&Hears::Tone(Tone::Busy)));
            world.run(seconds(1));
            assert!(world.cdrs().is_empty(), "three seconds of it");
            world.run(seconds(2));
            let cdr = world.cdrs()[0].clone();
            assert_eq!((cdr.cause, cdr.outcome, cdr.sip_status), (Cause::TransferFailed, Outcome::Answered, 200));
            assert!(world.phone("6001").last("BYE").contains("transfer_failed"));
        }
        world.assert_clean();
    }
}

#[test]
fn who_stays_hangs_up_while_it_rings() {
    for (referrer, stays, cause) in [("6002", "6001", Cause::CallerHungUp), ("6001", "6002", Cause::CalleeHungUp)] {
        let mut world = talking(3);
        world.refer(referrer, "<sip:6003@pbx.test>");
        world.run(seconds(2));
        world.hang_up(stays);
        world.run(seconds(1));
        assert_eq!(world.phone("6003").count("CANCEL"), 1);
        assert_eq!(world.phone(referrer).notified.last().map(String::as_str), Some("487 Request Terminated, over"));
        assert_eq!(world.phone(referrer).session, None);
        assert_eq!(world.cdrs()[0].cause, cause);
        world.assert_clean();
    }
}

/// Whoever hangs up at whichever moment around the answer: nothing is left, and there is one record.
#[test]
fn whatever_crosses_the_answer_leaves_nothing() {
    for who in ["6001", "6002", "6003"] {
        for after in 0..12 {
            let mut world = talking(3);
            world.refer("6002", "<sip:6003@pbx.test>");
            world.run(seconds(1));
            world.answer("6003");
            world.run(std::time::Duration::from_millis(after * 2));
            world.hang_up(who);
            world.run(seconds(10));
            for phone in ["6001", "6003"] {
                world.hang_up(phone);
            }
            world.run(seconds(10));
            assert_eq!(world.cdrs().len(), 1, "{who} after {} ms", after * 2);
            world.assert_clean();
        }
    }
}

#[test]
fn one_transfer_at_a_time() {
    let mut world = talking(3);
    world.refer("6002", "<sip:6003@pbx.test>");
    world.run(seconds(1));
    world.refer("6001", "<sip:6003@pbx.test>");
    world.run(seconds(1));
    assert_eq!(world.phone("6001").referred, ["491 Request Pending"]);
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn a_call_is_not_handed_on_without_end() {
    let mut world = talking(3);
    world.phone("6003").habit = Habit::Busy;
    // Each try takes one, and they come back when a worker has bound them anew.
    world.add_ports(0, 30_000, 40);
    for _ in 0..40 {
        world.refer("6002", "<sip:6003@pbx.test>");
        world.run(seconds(1));
    }
    let told = &world.phone("6002").notified;
    let count = |status: &str| told.iter().filter(|line| line.starts_with(status)).count();
    assert_eq!((count("486"), count("603")), (32, 8));
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn a_slot_that_may_be_in_one_call_may_hand_it_on() {
    let mut world = talking(3);
    world.set_limits(2, 1, &[]);
    world.phone("6003").habit = Habit::Answer;
    world.refer("6002", "<sip:6003@pbx.test>");
    world.run(seconds(1));
    assert_eq!(serving(&world), [1, 3]);
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn a_hold_is_of_who_held() {
    let mut world = talking(3);
    world.phone("6002").direction = "inactive";
    world.reoffer("6002");
    world.run(seconds(2));
    world.refer("6002", "<sip:6003@pbx.test>");
    world.run(seconds(1));
    world.answer("6003");
    world.run(seconds(3));
    assert_eq!(heard(&world, 1).last(), Some(&Hears::Leg(LegId(3))), "who held is gone, and its hold with it");
    world.hang_up("6003");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!(segments(&cdr), [(1, 0, 6_990, 0), (2, 0, 3_990, 3_000), (3, 3_990, 6_990, 0)]);
    world.assert_clean();
}

/// A killed server knows who served the call: it is told to the journal with the change, and not only every five seconds.
#[test]
fn who_serves_it_is_journaled_at_once() {
    let mut world = talking(3);
    world.phone("6003").habit = Habit::Answer;
    world.refer("6002", "<sip:6003@pbx.test>");
    world.run(std::time::Duration::from_millis(100));
    let seen = world.facts.iter().rev().find_map(|fact| match fact {
        Fact::CallsSeen { calls, .. } => Some(calls.clone()),
        _ => None,
    });
    let slots: Vec<_> = seen.unwrap()[0].segments.iter().map(|segment| (segment.slot.0, segment.to.is_some())).collect();
    assert_eq!(slots, [(1, false), (2, true), (3, false)]);
    world.hang_up("6001");
    world.assert_clean();
}

/// However a number is written and whoever wants it called, the slot's list is asked for the number that the plan calls (R23).
#[test]
fn a_list_is_asked_for_the_number_that_is_called() {
    const ASKED: &str = r#"{"name": "asked", "position": 1, "match": {"to": ["+7888*"]},
        "then": {"do": "ask", "url": "https://crm.test/route", "secret": "0123456789abcdef", "default": {"do": "refuse", "cause": "busy"}}}"#;
    const WORLD: &str =
        r#"{"name": "world", "position": 2, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": [{"carrier": "2"}]}}"#;
    /// As it is dialled, though the carrier itself has no form of writing.
    const DIALLED: &str = "84951234567";
    type Way = (&'static str, fn(&mut World));
    let ways: [Way; 6] = [
        ("dials", |world| world.dial("6003", DIALLED)),
        ("starts", |world| _ = world.start_call(7, 3, DIALLED)),
        ("refers", |world| {
            world.dial("6003", "6002");
            world.run(seconds(1));
            world.refer("6003", &format!("<sip:{DIALLED}@pbx.test>"));
        }),
        ("transfers", |world| {
            world.dial("6003", "6002");
            world.run(seconds(1));
            let call = world.recorded[0].0.call_id;
            let to = TransferTo::Number(DIALLED.parse().unwrap());
            let _: Result<Reply, _> = world.order(Command::TransferCall { user: UserId(1), any: true, call, to });
        }),
        ("is sent on", |world| {
            world.phone("B").habit = Habit::Refuse(302);
            world.phone("B").says = vec![("Contact", format!("<sip:{DIALLED}@10.0.9.2>"))];
            world.dial("6003", "+79995550000");
            world.run(std::time::Duration::from_millis(10));
            world.phone("B").habit = Habit::Answer;
        }),
        ("asks a program", |world| {
            world.dial("6003", "+78881112233");
            world.run(seconds(1));
            let (ask, answer) = (world.asked[0].ask, format!(r#"{{"do": "number", "number": "{DIALLED}"}}"#));
            world.input(Input::Answered { ask, answer: Ok(answer.into()) });
        }),
    ];
    for (list, is_called) in [(["6*", "8*"], false), (["6*", "+7495*"], true)] {
        for (name, way) in ways {
            let mut world = World::new(3);
            world.add_peer("A", "10.0.9.1:5060");
            world.add_peer("B", "10.0.9.2:5060");
            let b = B.replacen('{', r#"{"redirects_max": 1, "#, 1);
            world.set_plan(3, &[A, &b], &[ASKED, WORLD]);
            let limited = world.limited(3, 2, &[list[0], list[1], "+7999*", "+7888*"], 3);
            world.set_plan_of(limited, &[A, &b], &[ASKED, WORLD]);
            way(&mut world);
            world.run(seconds(1));
            let called = world.phone("B").heard.iter().any(|message| message.starts_with("INVITE sip:74951234567@"));
            assert_eq!(called, is_called, "{list:?}: {name}");
            for phone in ["6003", "6003", "6002"] {
                world.hang_up(phone);
                world.run(seconds(5));
            }
            world.assert_clean();
        }
    }
}

/// Whoever is called sees who waits for the answer, however that one came into the call.
#[test]
fn who_is_called_is_shown_who_waits() {
    type Row = (&'static str, fn(&mut World), &'static str, &'static str);
    let rows: [Row; 3] = [
        (
            "handed on before",
            |world| {
                world.phone("6003").habit = Habit::Answer;
                world.refer("6002", "<sip:6003@pbx.test>");
                world.run(seconds(1));
            },
            "6001",
            "6003",
        ),
        (
            "joined",
            |world| {
                world.phone("6003").habit = Habit::Answer;
                world.dial("6002", "6003");
                world.run(seconds(1));
                world.refer_attended("6002", "6003", false);
                world.run(seconds(1));
            },
            "6001",
            "6003",
        ),
        (
            "took its place",
            |world| {
                let phone = world.phone("6001");
                let replaces = phone.replaces(phone.session.unwrap()).unwrap();
                world.dial_replacing("6003", "6001", &replaces);
                world.run(seconds(1));
            },
            "6002",
            "6003",
        ),
    ];
    for (name, before, referrer, shown) in rows {
        let mut world = talking(4);
        before(&mut world);
        world.refer(referrer, "<sip:6004@pbx.test>");
        world.run(seconds(1));
        let from = world.phone("6004").header("INVITE", "From").unwrap().to_owned();
        assert!(from.starts_with(&format!("<sip:{shown}@")), "{name}: {from}");
        world.hang_up(shown);
        world.assert_clean();
    }
}

/// What a phone asks for in vain is told too, as often as a call may be handed on.
#[test]
fn a_refer_that_is_refused_leaves_a_trace() {
    let mut world = talking(3);
    world.set_limits(2, 2, &["6001"]);
    for (to, told) in [
        ("<sip:+79991234567@pbx.test>", "2 > +79991234567 Refused destination_not_allowed"),
        ("<sip:6001;x=y@pbx.test>", "2 >  Refused no_such_number"),
    ] {
        world.refer("6002", to);
        world.run(seconds(1));
        assert_eq!(handed(&world).last().map(String::as_str), Some(told));
    }
    for place in 0..40 {
        world.refer("6002", &format!("<sip:+7999000{place:04}@pbx.test>"));
        world.run(seconds(1));
    }
    assert_eq!(handed(&world).len(), 32);
    assert_eq!(serving(&world), [1, 2], "both talk as before");
    world.hang_up("6001");
    world.assert_clean();
}

/// Phones that ring one after another ring longer than a phone's subscription lasts: it is told the end all the same.
#[test]
fn the_end_of_a_long_transfer_is_told() {
    const IN_TURN: &str = r#"{"name": "all", "position": 1, "match": {"to": ["700"]},
        "then": {"do": "slots", "slots": ["6003", "6004", "6005", "6006"], "ring": "in_turn", "ring_s": 60}}"#;
    let mut world = talking(6);
    world.set_plan(6, &[], &[IN_TURN]);
    world.refer("6002", "<sip:700@pbx.test>");
    world.run(seconds(235));
    assert!(world.phone("6002").notified.iter().all(|told| !told.ends_with("over")), "{:?}", world.phone("6002").notified);
    world.run(seconds(10));
    assert_eq!(world.phone("6002").notified.last().map(String::as_str), Some("480 Temporarily Unavailable, over"));
    assert_eq!(handed(&world).last().map(String::as_str), Some("2 > 700 Failed no_answer"));
    world.hang_up("6001");
    world.assert_clean();
}
