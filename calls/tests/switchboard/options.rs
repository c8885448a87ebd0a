//! OPTIONS, outside of calls and within them (RFC 3261, 11).

use std::time::Duration;

use calls::Restored;

use crate::world::{World, settings};

const SECOND: Duration = Duration::from_secs(1);
/// The answer says what we can do.
#[track_caller]
fn assert_told(answer: &str) {
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    let value = |name: &str| answer.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default();
    let allowed: Vec<&str> = value("Allow").split(", ").collect();
    for method in ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "REGISTER", "MESSAGE", "SUBSCRIBE"] {
        assert!(allowed.contains(&method), "{method}: {answer}");
    }
    assert!(value("Allow-Events").starts_with("message-summary, dialog"), "{answer}");
    assert_eq!(value("Accept"), "application/sdp");
}

/// Anybody may ask what we can do, and is kept in no memory.
#[test]
fn whoever_asks_is_told_what_we_can_do() {
    let mut world = World::unregistered(1, settings(), &Restored::default());
    for user in ["6001", "6999"] {
        let request = world.phone("6001").ask("OPTIONS", user, ("o", ""), "Accept: application/sdp\r\n", "");
        let answer = world.answer_to("6001", request);
        assert_told(&answer);
    }
    assert_eq!(world.board.transactions(), 0);
}

/// Within a call: 200 while there is the call, 481 when there is none.
#[test]
fn within_a_call_it_says_whether_there_is_the_call() {
    let mut world = World::new(2);
    world.dial("6001", "6002");
    world.run(SECOND);
    let now = world.now;
    world.phone("6001").probe(now);
    world.drain("6001");
    world.run(SECOND);
    let answer = world.phone("6001").answers.pop().unwrap();
    assert_told(&answer);
    let answer = world.request("6001", "OPTIONS", "6002", ("no-such-call", "0123456789abcdef"), "", "");
    assert!(answer.starts_with("SIP/2.0 481"), "{answer}");
    world.hang_up("6001");
    world.assert_clean();
}
