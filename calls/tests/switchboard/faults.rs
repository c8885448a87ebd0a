//! What goes wrong around calls: connections that end, phones that vanish, calls that come round, strangers by the thousand.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use calls::Input;
use media::MediaEvent;
use model::{CallId, Cause, Command, Fact, NoRoom, Outcome, Refusal, UserId};
use sip_core::{Flow, Transport};

use crate::{
    phone::Habit,
    world::{World, settings},
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// 64*T1: after it nothing is left of any transaction.
const T64: Duration = Duration::from_secs(33);

/// A world whose phone 6002 is connected by TCP.
fn with_a_stream() -> World {
    let mut world = World::new(2);
    world.phone("6002").transport = Transport::Tcp;
    world.register("6002", 300);
    world.facts.clear();
    world
}

/// The stream from there to the server.
fn stream(remote: &str) -> Flow {
    Flow { transport: Transport::Tcp, local: "10.0.0.1:5060".parse().unwrap(), remote: remote.parse().unwrap() }
}

#[test]
fn a_phone_whose_connection_is_gone_cannot_be_called() {
    let mut world = with_a_stream();
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 1, "it is called by its connection");
    world.hang_up("6001");
    world.run(seconds(1));

    world.close_flow("6002");
    assert!(world.facts.iter().any(|fact| matches!(fact, Fact::Unbound { slot, .. } if slot.0 == 2)), "B-16");
    let before = world.elapsed();
    world.dial("6001", "6002");
    world.run(Duration::from_millis(20));
    assert_eq!(world.phone("6001").refused[0], "480 Temporarily Unavailable", "B-16: at once, {before:?}");
    assert_eq!(world.cdrs()[1].cause, Cause::NotRegistered);
    assert!(world.start_call(7, 1, "6002").is_ok(), "an operator hears why");
    world.run(seconds(5));
    assert_eq!(world.cdrs()[2].cause, Cause::NotRegistered);

    world.register("6002", 300);
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 1, "it came again");
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn a_connection_that_ends_before_the_phone_rings_ends_the_call() {
    let mut world = with_a_stream();
    world.phone("6002").habit = Habit::Dead;
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 1);
    world.close_flow("6002");
    world.run(Duration::from_millis(20));
    assert_eq!(world.phone("6001").refused[0], "408 Request Timeout");
    assert_eq!(world.cdrs()[0].cause, Cause::Unreachable);
    world.assert_clean();
}

/// RFC 5923: the call outlives the connection that it began by.
#[test]
fn a_call_follows_its_phone_to_a_new_connection() {
    for closes_first in [true, false] {
        for ends in ["6001", "6002"] {
            let mut world = with_a_stream();
            world.dial("6001", "6002");
            world.run(seconds(1));
            if closes_first {
                world.close_flow("6002");
                world.run(seconds(1));
            }
            // The phone itself knows nothing of where it is seen.
            world.phone("6002").outside = Some("10.0.1.2:41000".parse().unwrap());
            world.register("6002", 300);
            if !closes_first {
                // The old one is found dead later.
                world.input(Input::FlowClosed { flow: stream("10.0.1.2:5060") });
            }
            assert_eq!(world.board.calls(), 1, "{ends} {closes_first}");
            world.hang_up(ends);
            world.run(seconds(1));
            // Its BYE, or the answer to it, has found the phone: it would not be over for another 32 seconds.
            assert_eq!((world.phone("6002").session, world.board.sessions()), (None, 0), "{ends} {closes_first}");
            world.assert_clean();
        }
    }
}

/// R17: the slot's new phone is not asked about the calls of the old one.
#[test]
fn a_call_does_not_follow_another_phone() {
    let mut world = with_a_stream();
    world.dial("6001", "6002");
    world.run(seconds(1));
    let (old, new) = (world.phone("6002").seen_at(), "10.0.1.99:5060".parse().unwrap());
    let phone = world.phone("6002");
    phone.address = new;
    phone.registers_as = "another".to_owned();
    world.register("6002", 300);
    world.phone("6002").address = old;
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!((world.phone("6002").session, world.board.sessions()), (None, 0));
    world.assert_clean();
}

#[test]
fn another_phones_connection_is_another_matter() {
    let mut world = with_a_stream();
    world.phone("6001").transport = Transport::Tcp;
    world.register("6001", 300);
    world.close_flow("6001");
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 1);
    world.hang_up("6001");
    // Nor does a datagram flow end.
    world.phone("6001").transport = Transport::Udp;
    world.register("6001", 300);
    world.facts.clear();
    world.close_flow("6001");
    assert!(!world.facts.iter().any(|fact| matches!(fact, Fact::Unbound { .. })));
    world.assert_clean();
}

#[test]
fn a_contact_that_points_to_ourselves_ends_at_once() {
    // A contact that names us, and one whose packets come from our own address.
    let by_name: fn(&mut World) = |world| {
        let register = String::from_utf8(world.phone("6002").register(300).to_vec()).unwrap();
        let register = register.replace("Contact: <sip:6002@10.0.1.2:5060>", "Contact: <sip:6001@10.0.0.1:5060>");
        assert!(world.answer_to("6002", register.into()).starts_with("SIP/2.0 200"));
    };
    let by_port_default: fn(&mut World) = |world| {
        let register = String::from_utf8(world.phone("6002").register(300).to_vec()).unwrap();
        let register = register.replace("Contact: <sip:6002@10.0.1.2:5060>", "Contact: <sip:6002@10.0.0.1>");
        assert!(world.answer_to("6002", register.into()).starts_with("SIP/2.0 200"));
    };
    let by_address: fn(&mut World) = |world| {
        world.phone("6002").address = "10.0.0.1:5060".parse().unwrap();
        // A nonce is good only from where it was sent to.
        let register = world.phone("6002").register(300);
        let (refusal, now) = (world.answer_to("6002", register), world.now);
        world.phone("6002").received(now, refusal.into());
        let register = world.phone("6002").register(300);
        assert!(world.answer_to("6002", register).starts_with("SIP/2.0 200"));
        world.phone("6002").address = "10.0.1.2:5060".parse().unwrap();
    };
    for (name, register) in [("by name", by_name), ("by the usual port", by_port_default), ("by address", by_address)] {
        let mut world = World::new(2);
        register(&mut world);
        world.dial("6001", "6002");
        world.run(Duration::from_millis(20));
        assert_eq!(world.phone("6001").refused[0], "483 Too Many Hops", "B-29, {name}");
        assert_eq!(world.cdrs()[0].cause, Cause::TooManyHops, "{name}");
        world.start_call(7, 1, "6002").unwrap();
        world.run(seconds(1));
        world.hang_up("6001");
        world.run(seconds(1));
        assert_eq!(world.cdrs()[1].cause, Cause::TooManyHops, "{name}");
        world.assert_clean();
    }
}

#[test]
fn a_call_that_comes_back_to_us_ends_at_once() {
    let mut world = World::new(2);
    world.phone("6002").habit = Habit::Mirror;
    world.dial("6001", "6002");
    world.run(Duration::from_millis(50));
    assert_eq!(world.cdrs()[0].cause, Cause::TooManyHops, "B-29");
    assert_eq!(world.phone("6001").refused[0], "483 Too Many Hops");
    world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(4));
    assert_eq!(world.cdrs()[1].cause, Cause::TooManyHops);
    world.assert_clean();
}

#[test]
fn a_draining_server_takes_no_new_calls_and_serves_the_old() {
    let mut world = World::new(4);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.input(Input::Drain);
    world.dial("6003", "6004");
    world.run(seconds(1));
    let refused = world.phone("6003").refused.join("\n");
    assert!(refused.starts_with("503 Service Unavailable") && refused.contains("Retry-After: "), "FT-3, B-70: {refused}");
    assert_eq!(world.start_call(7, 3, "6004"), Err(Refusal::NoRoom(NoRoom::Draining)));
    assert_eq!(NoRoom::ALL.map(|why| world.board.turned_away(why)), [2, 0, 0, 0], "the phone's call, and the operator's");
    // A call that is up may do what calls do, and phones stay registered.
    world.info("6001", "application/dtmf-relay", "Signal=5\r\nDuration=90\r\n");
    world.phone("6001").direction = "sendonly";
    world.reoffer("6001");
    world.register("6003", 300);
    world.run(seconds(1));
    assert_eq!(world.phone("6002").infos.len(), 1);
    let held = world.events.iter().any(|event| matches!(event, model::Event::CallUpdated(view) if view.status == model::CallStatus::Held));
    assert!(held, "the call is held");
    assert_eq!(world.board.calls(), 1);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::CallerHungUp);
    world.assert_clean();
}

/// The caller's line is cut at the moment of the answer: its ACK never comes (RFC 3261, 13.3.1.4; B-23).
#[test]
fn a_call_whose_ack_never_comes_ends_on_both_legs() {
    let mut world = World::new(2);
    world.phone("6002").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.phone("6001").habit = Habit::Dead;
    world.answer("6002");
    world.run(seconds(31));
    assert_eq!(world.board.calls(), 1, "the 200 is repeated for 64*T1");
    world.run(seconds(3));
    assert_eq!((world.cdrs()[0].cause, world.cdrs()[0].outcome), (Cause::NoAck, Outcome::Answered));
    assert!(world.phone("6002").session.is_none(), "the callee is told");
    world.phone("6001").session = None;
    world.run(T64);
    world.assert_clean();
}

#[test]
fn while_the_journal_is_behind_no_call_begins_and_those_that_are_up_go_on() {
    let mut world = World::new(4);
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.input(Input::Journal { behind: true });
    world.dial("6003", "6004");
    world.run(seconds(1));
    let refused = world.phone("6003").refused.join("\n");
    assert!(refused.starts_with("503 Service Unavailable") && refused.contains("Retry-After: "), "FT-6, B-70: {refused}");
    assert_eq!(world.start_call(7, 3, "6004"), Err(Refusal::NoRoom(NoRoom::JournalBehind)));
    assert_eq!(NoRoom::ALL.map(|why| world.board.turned_away(why)), [0, 2, 0, 0]);
    world.register("6003", 300);
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 1);
    world.input(Input::Journal { behind: false });
    world.start_call(7, 3, "6004").unwrap();
    world.run(seconds(1));
    assert_eq!(world.board.calls(), 2);
    world.hang_up("6001");
    world.hang_up("6003");
    world.run(seconds(1));
    assert_eq!(world.cdrs().iter().map(|cdr| cdr.cause).collect::<Vec<_>>(), [Cause::CallerHungUp; 2]);
    world.assert_clean();
}

#[test]
fn ringing_ends_by_our_limit_with_a_cancel() {
    let mut world = World::new(2);
    world.phone("6002").habit = Habit::Ring;
    world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(59));
    assert_eq!(world.board.calls(), 1);
    world.run(seconds(2));
    assert_eq!(world.phone("6002").session, None, "B-25: the phone stops ringing");
    world.run(seconds(3));
    assert_eq!(world.cdrs()[0].cause, Cause::NoAnswer);
    world.assert_clean();
}

/// A phone that holds and vanishes: silence says nothing then, so the session timers of both legs have to tell (RFC 4028).
#[test]
fn a_session_that_nobody_refreshes_ends_on_both_legs() {
    // We refresh towards the phone that dialled, and learn that it is gone; the called phone has to refresh itself, and does not.
    let cases = [("6001", Cause::DialogLost, 900_000..960_000), ("6002", Cause::SessionExpired, 1_700_000..1_800_000)];
    for (vanished, cause, talk_ms) in cases {
        let mut long = settings();
        // Else probes of a call on hold would tell first.
        long.media_timeout = seconds(10_000);
        let mut world = World::unregistered(2, long, &calls::Restored::default());
        world.register("6001", 300);
        world.register("6002", 300);
        world.dial("6001", "6002");
        world.run(seconds(1));
        world.phone(vanished).direction = "sendonly";
        world.reoffer(vanished);
        world.run(seconds(1));
        world.phone(vanished).habit = Habit::Dead;
        world.run(seconds(1_900));
        let cdr = world.cdrs()[0].clone();
        assert_eq!(cdr.cause, cause, "B-49: {vanished}");
        assert!(talk_ms.contains(&cdr.talk_ms), "{vanished}: {}", cdr.talk_ms);
        let holds: Vec<_> = cdr.segments.iter().map(|segment| cdr.talk_ms - segment.hold_ms).collect();
        let expected = if vanished == "6001" { [1_000, cdr.talk_ms] } else { [cdr.talk_ms, 1_000] };
        assert!(
            holds.iter().zip(expected).all(|(unheld, expected)| unheld.abs_diff(expected) < 50),
            "the hold lasts to the end: {holds:?}"
        );
        let other = if vanished == "6001" { "6002" } else { "6001" };
        assert_eq!(world.phone(other).session, None, "{vanished}: the other phone gets a BYE");
        assert_eq!(world.recorded[0].1, Some(cdr.talk_ms));
        world.assert_clean();
    }
}

/// Without session timers, and though the other phone speaks on: one that is silent by right and vanishes is found by asking it.
#[test]
fn a_phone_that_only_listens_and_vanishes_ends_its_call() {
    for vanished in ["6001", "6002"] {
        let mut untimed = settings();
        untimed.session_expires_s = 0;
        let mut world = World::unregistered(2, untimed, &calls::Restored::default());
        world.register("6001", 10_000);
        world.register("6002", 10_000);
        world.phone(vanished).direction = "recvonly";
        world.dial("6001", "6002");
        world.run(seconds(1_000));
        assert_eq!(world.board.calls(), 1, "{vanished}: it is there whenever it is asked");
        world.phone(vanished).habit = Habit::Dead;
        // media.timeout_s until it is asked, and 64*T1 until that is not answered.
        world.run(seconds(60 + 33));
        assert_eq!(world.cdrs()[0].cause, Cause::DialogLost, "{vanished}");
        world.assert_clean();
    }
}

/// The ways in which phones say hold, old and new (B-50), from either side. While it lasts silence is nobody's fault.
#[test]
fn every_kind_of_hold_is_one() {
    let statuses = |world: &World| -> Vec<model::CallStatus> {
        let views = world.events.iter().filter_map(|event| match event {
            model::Event::CallUpdated(view) => Some(view.status),
            _ => None,
        });
        views.skip_while(|status| *status != model::CallStatus::Answered).collect()
    };
    for holder in ["6001", "6002"] {
        for (direction, address) in [("sendonly", None), ("inactive", None), ("sendrecv", Some("0.0.0.0")), ("inactive", Some("0.0.0.0"))] {
            let name = format!("{holder} {direction} {address:?}");
            let mut world = World::new(2);
            world.dial("6001", "6002");
            world.run(seconds(1));
            world.phone(holder).direction = direction;
            world.phone(holder).media_address = address.map(|text| text.parse().unwrap());
            world.reoffer(holder);
            world.run(seconds(5));
            let leg = world.last_leg();
            world.media_event(MediaEvent::Silent { leg });
            assert_eq!(world.board.calls(), 1, "{name}: silent by right");
            world.phone(holder).direction = "sendrecv";
            world.phone(holder).media_address = None;
            world.reoffer(holder);
            world.run(seconds(1));
            use model::CallStatus::{Answered, Held};
            assert_eq!(statuses(&world), [Answered, Held, Answered], "{name}");
            world.media_event(MediaEvent::Silent { leg });
            assert_eq!(world.cdrs()[0].cause, Cause::MediaTimeout, "{name}: and then it is a fault again");
            let held: u64 = world.cdrs()[0].segments.iter().map(|segment| segment.hold_ms).sum();
            assert_eq!(held, 5_000, "{name}");
            world.assert_clean();
        }
    }
}

#[test]
fn an_offer_that_does_not_do_leaves_the_call_as_it_was() {
    for (broken, codecs, status) in [(false, "18", "488 Not Acceptable Here"), (true, "8", "400 Bad Request")] {
        let mut world = World::new(2);
        world.dial("6001", "6002");
        world.run(seconds(1));
        let before = world.media.len();
        world.phone("6002").codecs = codecs;
        world.phone("6002").broken = broken;
        world.reoffer("6002");
        world.run(seconds(1));
        assert_eq!(world.phone("6002").refused[0], status, "B-45");
        assert_eq!((world.board.calls(), world.media.len()), (1, before + 4), "B-45: the same is routed as before");
        assert!(world.media[before..].iter().all(|command| !matches!(command, media::Command::Remote { .. })));
        world.phone("6002").codecs = "8 0 101";
        world.phone("6002").broken = false;
        world.hang_up("6002");
        world.run(seconds(1));
        assert_eq!(world.cdrs()[0].cause, Cause::CalleeHungUp, "B-45");
        world.assert_clean();
    }
}

/// B-50: our offer in the 200 to a re-INVITE without one, and an ACK without an answer. What was agreed before still is: who holds goes on to
/// hold, who is held hears nothing, and who talks goes on to talk.
#[test]
fn a_late_offer_that_nobody_answers_changes_nothing() {
    use model::CallStatus::{Answered, Held};
    let status = |world: &World| {
        world.events.iter().rev().find_map(|event| match event {
            model::Event::CallUpdated(view) => Some(view.status),
            _ => None,
        })
    };
    let told = |world: &World| world.media.iter().filter(|command| matches!(command, media::Command::Remote { .. })).count();
    // Who hears whom, and whose silence is a fault.
    let routed = |world: &World| {
        let mut now = BTreeMap::new();
        for command in &world.media {
            match command {
                media::Command::Hear { leg, hears } => drop(now.insert((*leg, "hears"), format!("{hears:?}"))),
                media::Command::Watch { leg, silent_after } => drop(now.insert((*leg, "watched"), format!("{silent_after:?}"))),
                _ => {}
            }
        }
        now
    };
    for speaker in ["6001", "6002"] {
        for (direction, expected) in [("sendonly", Held), ("inactive", Held), ("recvonly", Answered), ("sendrecv", Answered)] {
            let name = format!("{speaker} {direction}");
            let mut world = World::new(2);
            world.dial("6001", "6002");
            world.run(seconds(1));
            let open = routed(&world);
            world.phone(speaker).direction = direction;
            world.reoffer(speaker);
            world.run(seconds(1));
            let before = (status(&world), told(&world), routed(&world));
            assert_eq!((before.0, before.2 == open), (Some(expected), direction == "sendrecv"), "{name}");
            // The phone says sendrecv to itself, and nothing to us.
            world.phone(speaker).direction = "sendrecv";
            world.reoffer(speaker);
            world.rewrite_last(|message| {
                let (head, _) = message.split_once("\r\n\r\n").unwrap();
                let kept: Vec<_> = head.lines().filter(|line| !line.starts_with("Content-")).collect();
                format!("{}\r\nContent-Length: 0\r\n\r\n", kept.join("\r\n"))
            });
            world.run(seconds(1));
            assert_eq!((status(&world), told(&world), routed(&world)), before, "{name}");
            // The next offer is a whole one again.
            world.reoffer(speaker);
            world.run(seconds(1));
            assert_eq!((status(&world), routed(&world)), (Some(Answered), open), "{name}");
            world.hang_up(speaker);
            world.run(seconds(1));
            world.assert_clean();
        }
    }
}

#[test]
fn strangers_by_the_thousand_leave_nothing() {
    const COUNT: u32 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    let mut world = World::new(2);
    world.forget_history();
    world.dial("6001", "6002");
    world.run(T64);
    let before = (world.board.sessions(), world.board.transactions(), world.board.ladder_octets());
    let from: SocketAddr = "198.51.100.7:5060".parse().unwrap();
    let ports = world.board.ports();
    let mut worst = (0, 0, 0);
    for number in 0..COUNT {
        let (method, to_tag) = match number % 6 {
            0 => ("INVITE", ""),
            1 => ("SUBSCRIBE", ""),
            2 => ("BYE", ";tag=none"),
            3 => ("INVITE", ";tag=none"),
            4 => ("REGISTER", ""),
            _ => ("OPTIONS", ""),
        };
        let message = format!(
            "{method} sip:6002@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKx{number};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:x@y>;tag=f{number}\r\nTo: <sip:6002@pbx.test>{to_tag}\r\nCall-ID: {number}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:x@198.51.100.7>\r\nContent-Length: 0\r\n\r\n"
        );
        world.stray(from, Bytes::from(message));
        let now = (world.board.sessions(), world.board.transactions(), world.board.ladder_octets());
        worst = (worst.0.max(now.0), worst.1.max(now.1), worst.2.max(now.2));
        assert_eq!(world.board.ports(), ports, "B-67: nobody gets a port who has not logged in");
        if number % 1_000 == 0 {
            world.run(Duration::from_millis(100));
        }
    }
    assert!(worst.0 <= before.0 + 1, "FT-12: strangers hold no session: {worst:?}");
    assert!(worst.1 <= before.1 + 20_000 + 2_000, "FT-12: {worst:?}");
    assert_eq!(worst.2, before.2, "nor a place in the ladders");
    world.run(T64);
    assert_eq!((world.board.sessions(), world.board.transactions(), world.board.ladder_octets()), before, "FT-12: back after 64*T1");
    world.hang_up("6001");
    world.assert_clean();
}

/// Every way in which a call can end, over and over.
#[test]
fn thousands_of_calls_leave_nothing() {
    const ROUNDS: usize = if cfg!(debug_assertions) { 25 } else { 700 };
    type Story = (fn(&mut World), Cause);
    let stories: [Story; 15] = [
        (|world| answered_and(world, |world| world.hang_up("6001")), Cause::CallerHungUp),
        (|world| answered_and(world, |world| world.hang_up("6002")), Cause::CalleeHungUp),
        (|world| answered_and(world, |world| world.media_event(MediaEvent::Silent { leg: world.last_leg() })), Cause::MediaTimeout),
        (|world| answered_and(world, |world| world.input(Input::EndAll)), Cause::Shutdown),
        (|world| ringing_and(world, |world| world.hang_up("6001")), Cause::CallerGaveUp),
        (|world| ringing_and(world, |world| world.run(seconds(61))), Cause::NoAnswer),
        (|world| with_habit(world, "6002", Habit::Busy, |world| world.dial("6001", "6002")), Cause::Busy),
        (|world| with_habit(world, "6002", Habit::Dead, dial_and_wait), Cause::Unreachable),
        (|world| world.dial("6001", "6999"), Cause::NoSuchNumber),
        (
            |world| ordered_and(world, |world, call| _ = world.order(Command::EndCall { user: UserId(7), any: true, call })),
            Cause::EndedByRequest,
        ),
        (|world| ordered_and(world, |world, _| world.hang_up("6001")), Cause::CallerHungUp),
        (|world| with_habit(world, "6001", Habit::Ring, order_and_wait), Cause::SlotNoAnswer),
        (|world| with_habit(world, "6001", Habit::Busy, order_and_wait), Cause::SlotRefused),
        (|world| with_habit(world, "6002", Habit::Busy, order_and_wait), Cause::Busy),
        (vanish, Cause::DialogLost),
    ];
    let mut small = settings();
    small.ladder_memory = 200_000;
    let mut world = World::unregistered(2, small, &calls::Restored::default());
    world.forget_history();
    let mut calls = 0;
    for _ in 0..ROUNDS {
        for (at, (story, cause)) in stories.iter().enumerate() {
            // Media ports come back from the workers; bindings must not lapse meanwhile.
            world.return_ports();
            world.register("6001", 300);
            world.register("6002", 300);
            world.facts.clear();
            world.events.retain(|event| matches!(event, model::Event::SlotUpdated(_)));
            story(&mut world);
            world.run(seconds(4));
            let causes: Vec<Cause> = world.cdrs().iter().map(|cdr| cdr.cause).collect();
            let expected = if *cause == Cause::DialogLost && causes == [Cause::SessionExpired] { Cause::SessionExpired } else { *cause };
            assert_eq!(causes, [expected], "story {at}, B-66");
            calls += 1;
            assert!(world.board.ladder_octets() <= 200_000);
        }
        world.run(T64);
        assert_eq!((world.board.calls(), world.board.sessions(), world.board.transactions()), (0, 0, 0), "B-66 after {calls} calls");
    }
    assert_eq!(calls, ROUNDS * stories.len());
    world.return_ports();
    assert_eq!(world.board.ports(), 20, "B-66: no port is lost");
    world.run(seconds(400));
    assert_eq!(world.board.timeout(), None, "B-66: no timer is left");
}

fn answered_and(world: &mut World, end: fn(&mut World)) {
    world.dial("6001", "6002");
    world.run(seconds(2));
    end(world);
}

fn ringing_and(world: &mut World, end: fn(&mut World)) {
    world.phone("6002").habit = Habit::Ring;
    world.dial("6001", "6002");
    world.run(seconds(2));
    end(world);
    world.phone("6002").habit = Habit::Answer;
}

fn ordered_and(world: &mut World, end: fn(&mut World, CallId)) {
    let call = world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(2));
    end(world, call);
}

fn with_habit(world: &mut World, number: &str, habit: Habit, story: fn(&mut World)) {
    world.phone(number).habit = habit;
    story(world);
    world.run(seconds(2));
    world.phone(number).habit = Habit::Answer;
}

fn dial_and_wait(world: &mut World) {
    world.dial("6001", "6002");
    world.run(seconds(33));
}

fn order_and_wait(world: &mut World) {
    world.start_call(7, 1, "6002").unwrap();
    world.run(seconds(20));
}

/// A phone holds, so that its silence says nothing, and vanishes.
fn vanish(world: &mut World) {
    world.dial("6001", "6002");
    world.run(seconds(1));
    world.phone("6002").direction = "sendonly";
    world.reoffer("6002");
    world.run(seconds(1));
    world.phone("6002").habit = Habit::Dead;
    world.run(seconds(150));
    world.phone("6002").habit = Habit::Answer;
    world.phone("6002").direction = "sendrecv";
    world.phone("6002").forget_session();
}
