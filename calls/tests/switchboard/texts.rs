//! Texts between phones (RFC 3428), outside of calls and within them.

use std::{sync::Arc, time::Duration};

use calls::Input;
use model::{Cause, CenterId, Command, Directory, SlotEntry, SlotId, SlotState};
use sip_core::Transport;

use crate::{
    carriers::A,
    phone::{Habit, REALM},
    world::{World, directory},
};

const SECOND: Duration = Duration::from_secs(1);
const PLAIN: &str = "Content-Type: text/plain;charset=utf-8\r\n";

fn send(world: &mut World, from: &str, to: &str, lines: &str, body: &str) -> String {
    let answer = world.request(from, "MESSAGE", to, (&format!("text{}", world.elapsed().as_millis()), ""), lines, body);
    answer.get(8..11).unwrap_or("none").to_owned()
}

fn counts(world: &World) -> Vec<(&'static str, u64)> {
    world.board.texts().collect()
}

/// A text goes to the phone of a number, by its binding, from the number that has proven who it is; what the phone says is told.
#[test]
fn a_text_goes_from_phone_to_phone() {
    let mut world = World::new(2);
    assert_eq!(send(&mut world, "6001", "6002", PLAIN, "привет"), "200");
    let came = world.phone("6002").told.pop().unwrap();
    for part in [
        "MESSAGE sip:6002@10.0.1.2:5060 SIP/2.0\r\n",
        "From: <sip:6001@pbx.test>;tag=",
        "To: <sip:6002@pbx.test>\r\n",
        "Max-Forwards: 69\r\n",
        "Content-Type: text/plain;charset=utf-8\r\n",
    ] {
        assert!(came.contains(part), "{part}: {came}");
    }
    assert!(came.ends_with("\r\n\r\nпривет"), "{came}");
    assert!(!came.contains("10.0.1.1"), "where the sender is concerns nobody: {came}");
    for (says, told) in [("202 Accepted", "202"), ("486 Busy Here", "486"), ("405 Method Not Allowed", "488"), ("503 No", "480")] {
        world.phone("6002").tells = Some(says);
        assert_eq!(send(&mut world, "6001", "6002", PLAIN, "x"), told, "{says}");
        world.run(2 * SECOND);
    }
    assert_eq!(counts(&world), [("delivered", 2), ("failed", 3)]);
    world.assert_clean();
}

/// Nobody without a password, nothing to the world, nothing to other centres, nothing for who is away, nothing but short plain texts.
#[test]
fn what_is_refused() {
    let mut world = World::new(4);
    let stranger = "MESSAGE sip:6002@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.9;branch=z9hG4bKs;rport\r\nMax-Forwards: 70\r\n\
        From: <sip:6001@pbx.test>;tag=s\r\nTo: <sip:6002@pbx.test>\r\nCall-ID: s\r\nCSeq: 1 MESSAGE\r\n\
        Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nspam";
    assert!(world.answer_to("6003", stranger.into()).starts_with("SIP/2.0 401"));
    world.add_peer("A", "10.0.9.1:5060");
    let mut slots: Vec<SlotEntry> = directory(4).slots().cloned().collect();
    slots[3].center = CenterId(2);
    world.set_plan_of(Arc::new(Directory::new(REALM.to_owned(), Vec::new(), slots)), &[A], &[]);
    world.register("6003", 0);
    // The request that we would send is longer than its text, which is what counts (RFC 3428, 8).
    let long = "x".repeat(900);
    for (to, lines, body, expected) in [
        ("89161112233", PLAIN, "x", "403"),
        ("+79161112233", PLAIN, "x", "403"),
        ("6004", PLAIN, "x", "403"),
        ("6999", PLAIN, "x", "403"),
        ("6003", PLAIN, "x", "480"),
        ("6002", "Content-Type: text/html\r\n", "<b>x</b>", "415"),
        ("6002", "Content-Type: application/im-iscomposing+xml\r\n", "<x/>", "415"),
        ("6002", PLAIN, long.as_str(), "513"),
    ] {
        assert_eq!(send(&mut world, "6001", to, lines, body), expected, "{to} {lines}");
        world.run(2 * SECOND);
    }
    assert_eq!((world.phone("6002").told.len(), world.phone("6004").told.len()), (0, 0));
    assert_eq!(world.phone("A").told.len(), 0);
    world.order(Command::SetService { slot: SlotId(1), state: SlotState::Disabled }).unwrap();
    assert_eq!(send(&mut world, "6001", "6002", PLAIN, "x"), "403");
    world.order(Command::SetService { slot: SlotId(1), state: SlotState::Idle }).unwrap();
    world.order(Command::SetService { slot: SlotId(2), state: SlotState::Disabled }).unwrap();
    assert_eq!(send(&mut world, "6001", "6002", PLAIN, "x"), "480");
}

/// Ten at once, and then one in two seconds; others are not held up by it.
#[test]
fn a_slot_sends_so_many() {
    let mut world = World::new(3);
    let sent: Vec<String> = (0..13).map(|_| send(&mut world, "6001", "6002", PLAIN, "x")).collect();
    assert_eq!(sent.iter().filter(|status| *status == "200").count(), 10, "{sent:?}");
    assert_eq!(sent.last().map(String::as_str), Some("480"));
    let refused = world.phone("6001").answers.last().cloned().unwrap();
    assert!(refused.contains("Retry-After: 2\r\n"), "{refused}");
    assert_eq!(send(&mut world, "6003", "6002", PLAIN, "x"), "200");
    world.run(2 * SECOND);
    assert_eq!(send(&mut world, "6001", "6002", PLAIN, "x"), "200");
    assert_eq!(counts(&world), [("delivered", 12), ("often", 3)]);
}

/// A phone that says nothing: who sent the text sees that by himself (RFC 4320, 4.2), and nothing is left of it.
#[test]
fn nobody_answers() {
    let mut world = World::new(2);
    world.phone("6002").tells = None;
    assert_eq!(send(&mut world, "6001", "6002", PLAIN, "x"), "none");
    world.run(40 * SECOND);
    assert_eq!(world.phone("6001").answers, [""; 0]);
    world.run(40 * SECOND);
    assert_eq!((world.board.transactions(), counts(&world)), (0, vec![("failed", 1)]));
}

/// Within a call it goes to the other party, and to the world it goes neither.
#[test]
fn a_text_within_a_call_goes_to_the_other_party() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(SECOND);
    let now = world.now;
    world.phone("6001").text(now, "text/plain", "within");
    world.drain("6001");
    world.run(SECOND);
    let came = world.phone("6002").told.pop().unwrap();
    assert!(came.starts_with("MESSAGE ") && came.ends_with("\r\n\r\nwithin") && came.contains(";tag="), "{came}");
    assert!(world.phone("6001").answers[0].starts_with("SIP/2.0 202"));
    let now = world.now;
    world.phone("6002").text(now, "text/html", "<b>");
    world.drain("6002");
    world.run(SECOND);
    assert!(world.phone("6002").answers[0].starts_with("SIP/2.0 415"), "{:?}", world.phone("6002").answers);
    assert_eq!(world.phone("6001").told.len(), 0);
    world.hang_up("6001");
    world.run(SECOND);
    world.assert_clean();

    let mut world = World::new(1);
    world.add_peer("A", "10.0.9.1:5060");
    world.set_plan(1, &[A], &[]);
    world.phone("6001").habit = Habit::Answer;
    world.bring("A", "+79161112233", "84950000002", &[]);
    world.run(SECOND);
    let now = world.now;
    world.phone("6001").text(now, "text/plain", "out");
    world.drain("6001");
    world.run(SECOND);
    assert!(world.phone("6001").answers[0].starts_with("SIP/2.0 403"), "{:?}", world.phone("6001").answers);
    assert_eq!(world.phone("A").told.len(), 0);
    world.input(Input::EndAll);
    world.run(SECOND);
}

/// A phone whose stream is gone keeps its call (RFC 5626, 4.3): neither a text nor a key that is sent to it meanwhile ends it.
#[test]
fn what_is_sent_to_a_phone_that_is_away_does_not_end_its_call() {
    let mut world = World::new(2);
    let phone = world.phone("6002");
    phone.transport = Transport::Tcp;
    phone.address = "10.0.1.2:40000".parse().unwrap();
    world.register("6002", 300);
    world.dial("6001", "6002");
    world.run(SECOND);
    world.close_flow("6002");
    for what in ["text", "key"] {
        let now = world.now;
        match what {
            "text" => world.phone("6001").text(now, "text/plain", "still there?"),
            _ => world.phone("6001").info(now, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
        }
        world.drain("6001");
        world.run(Duration::from_millis(6));
        // What the sockets say of each message to a stream that is gone.
        world.close_flow("6002");
        world.run(SECOND);
        assert_eq!(world.cdrs().len(), 0, "a {what} ended the call");
    }
    // It comes back, and takes no notice of texts.
    world.phone("6002").address.set_port(40_001);
    world.register("6002", 300);
    (world.phone("6002").tells, world.phone("6002").told) = (None, Vec::new());
    let now = world.now;
    world.phone("6001").text(now, "text/plain", "welcome back");
    world.drain("6001");
    world.run(40 * SECOND);
    assert!(world.phone("6002").told[0].ends_with("welcome back"), "{:?}", world.phone("6002").told);
    assert_eq!(world.cdrs().len(), 0, "silence to a text ended the call");
    world.hang_up("6001");
    world.run(SECOND);
    assert_eq!(world.cdrs()[0].cause, Cause::CallerHungUp);
    world.assert_clean();
}
