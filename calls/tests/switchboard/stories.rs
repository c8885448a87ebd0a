//! What happens in a call, as seen by slots, records and listeners.

use std::time::Duration;

use calls::{Input, Restored};
use expect_test::{Expect, expect};
use media::{Command as MediaCommand, Hears, LegId, MediaEvent, Tone};
use model::{CallId, Cause, Command, Event, Fact, NoRoom, Outcome, PartyRole, RecordingState, Refusal, Reply, SlotId, SlotState, UserId};
use sip_core::Transport;

use crate::{
    phone::Habit,
    world::{WALL, World, settings},
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What a leg was told to hear, in order.
fn heard(world: &World, leg: u64) -> Vec<Hears> {
    let hears = world.media.iter().filter_map(|command| match command {
        MediaCommand::Hear { leg: of, hears } if *of == LegId(leg) => Some(*hears),
        _ => None,
    });
    hears.collect()
}

fn check(world: &World, expected: &Expect) {
    expected.assert_eq(&world.log);
}

#[test]
fn a_phone_dials_a_phone_and_hangs_up() {
    let mut world = World::new(2);
    world.phone("6002").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(2));
    world.answer("6002");
    world.run(seconds(10));
    world.hang_up("6001");
    world.run(seconds(1));
    check(
        &world,
        &expect![[r#"
        0.085 call 6001>6002 Dialing
        0.085 slot 6001 CALLING
        0.085 slot 6002 CALLING
        0.095 call 6001>6002 Ringing
        2.085 call 6001>6002 Answered
        2.085 slot 6001 ACTIVE_CALL
        2.085 slot 6002 ACTIVE_CALL
        12.085 CDR 6001>6002 Answered caller_hung_up 200 ring=1990 talk=10000
        12.085 call 6001>6002 Ended
        12.085 slot 6001 IDLE
        12.085 slot 6002 IDLE
    "#]],
    );

    let cdr = world.cdrs()[0].clone();
    assert_eq!(cdr.segments.len(), 2, "{cdr:?}");
    assert_eq!(cdr.cause, Cause::CallerHungUp);
    let (row, length) = &world.recorded[0];
    assert_eq!((row.left.number.as_str(), row.right.number.as_str()), ("6001", "6002"));
    assert_eq!(row.started_at, cdr.answered_at.unwrap());
    assert_eq!(*length, Some(cdr.talk_ms));
    // The facts of a call come in the order in which they happen.
    let order: Vec<_> = world
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::CallStarted { .. } => Some("started"),
            Fact::CallRinging { .. } => Some("ringing"),
            Fact::CallAnswered { .. } => Some("answered"),
            Fact::Recording { .. } => Some("recording"),
            Fact::CallEnded { .. } => Some("ended"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["started", "ringing", "answered", "recording", "ended"]);
    world.assert_clean();
}

#[test]
fn the_called_phone_hangs_up() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(seconds(5));
    world.hang_up("6002");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::CalleeHungUp);
    assert_eq!(world.phone("6001").session, None);
    world.assert_clean();
}

#[test]
fn rest_rings_the_slot_first_and_then_the_number() {
    let mut world = World::new(2);
    world.phone("6001").habit = Habit::Ring;
    world.phone("6002").habit = Habit::Ring;
    let call = world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(3));
    assert_eq!(world.phone("6002").session, None, "the number is dialled only after the slot has answered (R8)");
    world.answer("6001");
    world.run(seconds(2));
    assert!(world.phone("6002").session.is_some());
    assert_eq!(heard(&world, 1), [Hears::BeepThenRingUntil(LegId(2))], "R9");
    assert_eq!(heard(&world, 2), [], "the operator's voice does not go forward before the answer (R9)");
    world.answer("6002");
    world.run(seconds(4));
    assert_eq!(heard(&world, 1).last(), Some(&Hears::Leg(LegId(2))));
    assert_eq!(heard(&world, 2), [Hears::Leg(LegId(1))]);
    let reply = world.order(Command::EndCall { user: UserId(7), any: false, call });
    assert!(matches!(reply, Ok(Reply::CallEnding { .. })));
    world.run(seconds(1));
    check(
        &world,
        &expect![[r#"
            0.080 call 6001>6002 Dialing
            0.080 slot 6001 CALLING
            3.085 call 6001>6002 Dialing
            3.085 slot 6002 CALLING
            3.095 call 6001>6002 Ringing
            5.085 call 6001>6002 Answered
            5.085 slot 6001 ACTIVE_CALL
            5.085 slot 6002 ACTIVE_CALL
            9.080 CDR 6001>6002 Answered ended_by_request 200 ring=1990 talk=3995
            9.080 call 6001>6002 Ended
            9.080 slot 6001 READY
            9.080 slot 6002 IDLE
        "#]],
    );
    assert_eq!((world.cdrs()[0].call_id, world.cdrs()[0].user), (call, Some(UserId(7))));
    world.assert_clean();
}

#[test]
fn a_slot_that_stays_silent_never_dials_the_number() {
    let mut world = World::new(2);
    world.phone("6001").habit = Habit::Ring;
    world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(20));
    assert_eq!(world.cdrs()[0].cause, Cause::SlotNoAnswer);
    assert_eq!(world.phone("6002").session, None);
    assert!(!world.phone("6002").called, "R10: the number is never dialled");
    world.assert_clean();
}

#[test]
fn a_slot_that_refuses_never_dials_the_number() {
    let mut world = World::new(2);
    world.phone("6001").habit = Habit::Busy;
    world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(1));
    assert_eq!((world.cdrs()[0].cause, world.cdrs()[0].sip_status), (Cause::SlotRefused, 486));
    world.assert_clean();
}

#[test]
fn the_operator_hears_why_and_is_then_released() {
    type Case = (fn(&mut World), Cause, Tone);
    let cases: [Case; 2] = [
        (|world| world.phone("6002").habit = Habit::Busy, Cause::Busy, Tone::Busy),
        (|world| world.register("6002", 0), Cause::NotRegistered, Tone::Congestion),
    ];
    for (prepare, cause, tone) in cases {
        let mut world = World::new(2);
        prepare(&mut world);
        world.start_call(7, 1, "6002").unwrap();
        world.run(seconds(2));
        assert!(world.phone("6001").session.is_some(), "the tone still plays");
        assert_eq!(heard(&world, 1).last(), Some(&Hears::Tone(tone)));
        world.run(seconds(2));
        assert_eq!(world.phone("6001").session, None, "R10: BYE after 3 s");
        assert_eq!(world.cdrs()[0].cause, cause);
        world.assert_clean();
    }
}

#[test]
fn early_media_reaches_the_phone_that_dialled() {
    let mut world = World::new(2);
    world.phone("6002").habit = Habit::EarlyMedia;
    world.verbose = true;
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!(heard(&world, 1), [Hears::Leg(LegId(2))]);
    // Each leg's 183 is acknowledged, since both phones can do that (B-47).
    let pracks: Vec<_> = world.log.lines().filter(|line| line.contains(" PRACK sip:")).collect();
    assert_eq!(pracks.len(), 2, "{}", world.log);
    assert_eq!(heard(&world, 2), [], "nothing goes forward before the answer");
    world.answer("6002");
    world.run(seconds(1));
    assert_eq!(heard(&world, 2), [Hears::Leg(LegId(1))]);
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn what_cannot_be_reached_says_so() {
    type Case = (&'static str, fn(&mut World), &'static str, Cause, Outcome);
    let cases: [Case; 5] = [
        ("no such number", |_| (), "6999", Cause::NoSuchNumber, Outcome::Failed),
        ("not a number", |_| (), "bob", Cause::NoSuchNumber, Outcome::Failed),
        ("no phone", |world| world.register("6002", 0), "6002", Cause::NotRegistered, Outcome::NoAnswer),
        ("busy", |world| world.phone("6002").habit = Habit::Busy, "6002", Cause::Busy, Outcome::Busy),
        ("its own number", |_| (), "6001", Cause::Busy, Outcome::Busy),
    ];
    for (name, prepare, number, cause, outcome) in cases {
        let mut world = World::new(2);
        prepare(&mut world);
        world.dial("6001", number);
        world.run(seconds(2));
        let cdr = world.cdrs().first().map(|cdr| (cdr.cause, cdr.outcome));
        assert_eq!(cdr, Some((cause, outcome)), "{name}");
        assert_eq!(world.phone("6001").session, None, "{name}");
        world.assert_clean();
    }
}

#[test]
fn a_busy_slot_is_not_called_twice() {
    let mut world = World::new(3);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.dial("6003", "6002");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::Busy);
    assert_eq!(world.slot_state(2), SlotState::ActiveCall, "the call that is up is not touched");
    world.hang_up("6001");
    world.run(seconds(1));
    world.assert_clean();
}

#[test]
fn the_caller_gives_up() {
    let mut world = World::new(2);
    world.phone("6002").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(3));
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!((world.cdrs()[0].cause, world.cdrs()[0].outcome), (Cause::CallerGaveUp, Outcome::Canceled));
    assert_eq!(world.phone("6002").session, None, "the called phone is cancelled");
    world.assert_clean();
}

#[test]
fn ringing_ends_after_a_minute() {
    let mut world = World::new(2);
    world.phone("6002").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(70));
    assert_eq!((world.cdrs()[0].cause, world.cdrs()[0].outcome), (Cause::NoAnswer, Outcome::NoAnswer));
    world.assert_clean();
}

#[test]
fn keys_are_told_and_those_in_info_passed_on() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.media_event(MediaEvent::Digit { leg: LegId(2), digit: '5', duration_ms: 100 });
    world.info("6001", "application/dtmf-relay", "Signal=#\r\nDuration=90\r\n");
    world.info("6001", "text/plain", "Signal=9");
    world.run(seconds(1));
    let keys: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::DigitPressed(view) => Some((view.by, view.digit, view.duration_ms)),
            _ => None,
        })
        .collect();
    assert_eq!(keys, [(PartyRole::Callee, '5', 100), (PartyRole::Caller, '#', 90)]);
    assert_eq!(world.phone("6002").infos, ["Signal=#\r\nDuration=90\r\n"]);
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn a_called_phone_that_answers_nonsense_is_to_blame_itself() {
    for (broken, codecs, cause) in [(true, "8", Cause::BadAnswer), (false, "18", Cause::NoCommonCodec)] {
        let mut world = World::new(2);
        world.phone("6002").broken = broken;
        world.phone("6002").codecs = codecs;
        world.dial("6001", "6002");
        world.run(seconds(1));
        assert_eq!(world.cdrs()[0].cause, cause, "{codecs}");
        assert!(world.phone("6001").session.is_none() && world.phone("6002").session.is_none(), "{codecs}");
        world.assert_clean();
    }
}

#[test]
fn a_phone_that_only_listens_may_be_silent() {
    let mut world = World::new(2);
    world.phone("6002").direction = "recvonly";
    world.dial("6001", "6002");
    world.run(seconds(1));
    let watched = |world: &World, leg: u64| {
        world.media.iter().rev().find_map(|command| match command {
            MediaCommand::Watch { leg: of, silent_after } if *of == LegId(leg) => Some(*silent_after),
            _ => None,
        })
    };
    assert_eq!(watched(&world, 1), Some(Some(seconds(60))));
    assert_eq!(watched(&world, 2), Some(None), "RFC 3264, 5.1: it sends nothing by right");
    world.media_event(MediaEvent::Silent { leg: LegId(2) });
    assert_eq!(world.board.calls(), 1, "a report that crosses is no reason either");
    world.media_event(MediaEvent::Silent { leg: LegId(1) });
    assert_eq!(world.cdrs()[0].cause, Cause::MediaTimeout);
    world.assert_clean();
}

#[test]
fn audio_is_expected_where_the_phone_says_unless_it_is_behind_nat() {
    // The phone's own SDP address, where it is seen from outside, and where its audio is expected.
    let cases = [
        (None, None, "10.0.1.1:4000"),
        (Some("10.0.7.7"), None, "10.0.7.7:4000"),
        (Some("192.168.1.5"), Some("203.0.113.9:6060"), "203.0.113.9:4000"),
        (Some("198.51.100.7"), Some("203.0.113.9:6060"), "198.51.100.7:4000"),
    ];
    for (media_address, outside, expected) in cases {
        let mut world = World::unregistered(2, settings(), &Restored::default());
        world.phone("6001").media_address = media_address.map(|text| text.parse().unwrap());
        world.phone("6001").outside = outside.map(|text| text.parse().unwrap());
        world.register("6001", 300);
        world.register("6002", 300);
        for (from, to, leg) in [("6001", "6002", 1), ("6002", "6001", 4)] {
            world.dial(from, to);
            world.run(seconds(1));
            let told = world.media.iter().find_map(|command| match command {
                MediaCommand::Remote { leg: of, remote, .. } if *of == LegId(leg) => remote.rtp,
                _ => None,
            });
            assert_eq!(told, Some(expected.parse().unwrap()), "{media_address:?} {outside:?}, leg {leg}");
            world.hang_up(from);
            world.run(seconds(1));
        }
    }
}

#[test]
fn silence_ends_a_call() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.media_event(MediaEvent::Silent { leg: LegId(1) });
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::MediaTimeout);
    assert!(world.phone("6001").session.is_none() && world.phone("6002").session.is_none(), "B-65: both legs get a BYE");
    world.assert_clean();
}

#[test]
fn a_call_needs_two_media_ports() {
    let mut small = World::unregistered(4, settings(), &Restored::default());
    for number in ["6001", "6002", "6003", "6004"] {
        small.register(number, 300);
    }
    while small.board.ports() > 2 {
        small.dial("6001", "6002");
        small.run(seconds(1));
        small.hang_up("6001");
        small.run(seconds(1));
    }
    small.dial("6001", "6002");
    small.run(seconds(1));
    small.facts.clear();
    small.dial("6003", "6004");
    small.run(seconds(1));
    assert_eq!(small.cdrs()[0].cause, Cause::NoMediaPort);
    assert_eq!(small.start_call(1, 3, "6004"), Err(Refusal::NoMediaPort));
    assert_eq!(small.slot_state(3), SlotState::Idle, "a refused order changes nothing");
}

#[test]
fn orders_that_cannot_be_carried_out_change_nothing() {
    let mut world = World::new(3);
    assert_eq!(world.start_call(7, 99, "6002"), Err(Refusal::SlotNotFound));
    assert_eq!(world.start_call(7, 1, "6999"), Err(Refusal::NoRoute));
    assert_eq!(world.start_call(7, 1, "6001"), Err(Refusal::OwnNumber));
    let call = world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(1));
    assert!(matches!(world.start_call(7, 1, "6003"), Err(Refusal::SlotNotCallable { state: SlotState::ActiveCall, .. })));
    assert!(matches!(world.start_call(8, 1, "6003"), Err(Refusal::SlotTaken { .. } | Refusal::SlotNotCallable { .. })));
    assert_eq!(world.order(Command::EndCall { user: UserId(8), any: false, call }), Err(Refusal::CallNotFound), "R18");
    assert_eq!(world.order(Command::EndCall { user: UserId(7), any: true, call: CallId(5) }), Err(Refusal::CallNotFound));
    assert_eq!(world.board.calls(), 1);
    world.order(Command::EndCall { user: UserId(8), any: true, call }).unwrap();
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::EndedByRequest);
    world.register("6003", 0);
    assert!(matches!(world.start_call(8, 3, "6002"), Err(Refusal::SlotNotRegistered { .. })));
    world.assert_clean();
}

#[test]
fn live_calls_reach_the_journal_every_five_seconds() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(seconds(16));
    let seen: Vec<_> = world
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::CallsSeen { calls, at } => Some((calls.len(), at.0 - WALL.0)),
            _ => None,
        })
        .collect();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen.iter().all(|(calls, _)| *calls == 1), "{seen:?}");
    world.hang_up("6001");
    world.run(seconds(30));
    let after = world.facts.iter().filter(|fact| matches!(fact, Fact::CallsSeen { .. })).count();
    assert_eq!(after, 3, "no calls, no news");
    world.assert_clean();
}

#[test]
fn a_restart_keeps_phones_leases_and_the_order_of_ids() {
    let mut world = World::new(2);
    world.order(Command::TakeSlot { user: UserId(7), slot: SlotId(1) }).unwrap();
    world.register("6001", 300);
    let binding = world
        .facts
        .iter()
        .rev()
        .find_map(|fact| match fact {
            Fact::Bound { binding } if binding.slot == SlotId(1) => Some(binding.clone()),
            _ => None,
        })
        .unwrap();
    let mut lapsed = binding.clone();
    lapsed.slot = SlotId(2);
    lapsed.expires_at = WALL;
    let future = CallId((WALL.0 + 1_000_000) << 22);
    let restored = Restored {
        bindings: vec![binding, lapsed],
        leases: vec![(SlotId(1), Some(UserId(7)), 4)],
        last_call: Some(future),
        listening: vec!["0.0.0.0:5060".parse().unwrap()],
        ..Restored::default()
    };
    let mut next = World::unregistered(2, settings(), &restored);
    let lapsed: Vec<_> = next.facts.iter().filter(|fact| matches!(fact, Fact::Unbound { slot: SlotId(2), .. })).collect();
    assert_eq!(lapsed.len(), 1, "a binding that lapsed meanwhile is let go");
    assert_eq!(next.slot_state(1), SlotState::Ready);
    assert_eq!(next.start_call(8, 1, "6002").unwrap_err().to_string(), "slot 6001 is taken by somebody else");
    let call = next.start_call(7, 1, "6002").unwrap();
    assert!(call > future, "ids grow, whatever the clock says");
}

#[test]
fn draining_refuses_new_calls_and_keeps_the_old() {
    let mut world = World::new(4);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.input(Input::Drain);
    world.dial("6003", "6004");
    world.run(seconds(1));
    assert_eq!(world.phone("6003").session, None);
    assert_eq!(world.start_call(7, 3, "6004"), Err(Refusal::NoRoom(NoRoom::Draining)));
    assert_eq!(world.board.calls(), 1);
    world.input(Input::EndAll);
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::Shutdown);
    world.assert_clean();
}

#[test]
fn an_active_slot_may_ask_somebody_meanwhile() {
    let mut world = World::new(4);
    world.dial("6001", "6002");
    world.run(seconds(1));
    let first = world.phone("6001").session.take();
    world.dial("6001", "6003");
    world.run(seconds(1));
    let started: Vec<_> = world
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::CallStarted { call } => Some((call.call_id, call.parent)),
            _ => None,
        })
        .collect();
    assert_eq!(started.len(), 2);
    assert_eq!(started[1].1, Some(started[0].0), "R11: the second call names the first");
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall, "until the last leg ends");
    world.phone("6001").session = first;
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::Idle);
    world.assert_clean();
}

#[test]
fn calls_that_are_not_wanted_on_record_say_so() {
    let mut quiet = settings();
    quiet.recording = false;
    let mut world = World::unregistered(2, quiet, &Restored::default());
    world.register("6001", 300);
    world.register("6002", 300);
    world.dial("6001", "6002");
    world.run(seconds(2));
    world.hang_up("6001");
    world.run(seconds(1));
    let rows: Vec<_> = world
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Recording { row } => Some((row.state, row.reason.is_some(), row.file.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(rows, [(RecordingState::NotWanted, true, false)]);
    assert!(world.recorded.is_empty());
    world.assert_clean();
}

#[test]
fn a_phone_that_comes_from_elsewhere_is_told() {
    let mut world = World::new(1);
    world.phone("6001").address = "10.0.9.9:5060".parse().unwrap();
    world.register("6001", 300);
    let rebound = world.events.iter().find_map(|event| match event {
        Event::Rebound(view) => Some((view.old_source.clone(), view.new_source.clone())),
        _ => None,
    });
    assert_eq!(rebound, Some(("10.0.1.1:5060".to_owned(), "10.0.9.9:5060".to_owned())), "R17");
}

#[test]
fn a_phone_that_chokes_on_a_choice_is_offered_md5_alone() {
    for (transport, agent, offered) in [
        (Transport::Udp, "", 3),
        (Transport::Tls, "", 3),
        (Transport::Udp, "User-Agent: Linphone/5\r\n", 3),
        (Transport::Udp, "User-Agent: baresip v1.0.0 (x86_64/Linux)\r\n", 1),
        (Transport::Wss, "User-Agent: JsSIP 3.13.8\r\n", 1),
    ] {
        let mut world = World::unregistered(1, settings(), &Restored::default());
        world.phone("6001").transport = transport;
        let register = String::from_utf8(world.phone("6001").register(300).to_vec()).unwrap();
        let register = register.replace("Content-Length", &format!("{agent}Content-Length"));
        let challenged = world.answer_to("6001", register.into());
        assert!(challenged.starts_with("SIP/2.0 401"), "{challenged}");
        assert_eq!(challenged.matches("WWW-Authenticate: Digest").count(), offered, "{agent:?}: {challenged}");
        assert!(challenged.contains("algorithm=MD5"), "{agent:?}: {challenged}");
    }
}

#[test]
fn nobody_binds_a_phone_to_another_ones_number() {
    let mut world = World::new(2);
    let register = String::from_utf8(world.phone("6001").register(300).to_vec()).unwrap();
    let register = register.replace("To: <sip:6001@", "To: <sip:6002@");
    let answer = world.answer_to("6001", register.into());
    assert!(answer.starts_with("SIP/2.0 403"), "B-11: {answer}");
    assert!(!world.facts.iter().any(|fact| matches!(fact, Fact::Bound { .. })));
}

#[test]
fn a_binding_lapses_and_the_slot_shows_it() {
    let mut world = World::new(1);
    world.register("6001", 60);
    world.run(seconds(70));
    assert!(world.facts.iter().any(|fact| matches!(fact, Fact::Unbound { slot: SlotId(1), .. })));
    let last = world.events.iter().rev().find_map(|event| match event {
        Event::SlotUpdated(view) => Some(view.registered),
        _ => None,
    });
    assert_eq!(last, Some(false));
}
