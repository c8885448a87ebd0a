//! Calls that are handed on to the world, or that came from there.

use media::{Hears, LegId, Tone};
use model::{Cause, Direction, SlotState, TryOutcome};

use super::{heard, seconds, segments, serving};
use crate::{
    carriers::{A, B, calling_as},
    phone::Habit,
    world::World,
};

/// The world by A, then by B, for calls of our slots.
const WORLD: &str = r#"{"name": "world", "position": 1, "match": {"to": ["+*"]},
    "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}]}}"#;

/// A has brought a call that 6001 has answered.
fn brought() -> World {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.set_plan(3, &[A, B], &[WORLD]);
    world.bring("A", "+79991234567", "84950000002", &[]);
    world.run(seconds(1));
    world.clear_history();
    world
}

#[test]
fn a_customer_is_handed_from_slot_to_slot() {
    let mut world = brought();
    world.phone("6002").habit = Habit::Ring;
    world.refer("6001", "<sip:6002@pbx.test>");
    world.run(seconds(2));
    assert_eq!(heard(&world, 1).last(), Some(&Hears::Tone(Tone::Ring)));
    assert!(world.phone("6002").last("INVITE").contains("From: <sip:+79991234567@pbx.test>;tag="), "who is handed over is shown");
    world.answer("6002");
    world.run(seconds(3));
    assert_eq!((serving(&world), world.lines()), (vec![2], vec![1, 0]));
    world.hang_up("A");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.caller.as_str(), cdr.callee.as_str(), cdr.cause), ("+79991234567", "+74950000002", Cause::CallerHungUp));
    assert_eq!(segments(&cdr).iter().map(|segment| segment.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(world.lines(), [0, 0]);
    world.assert_clean();
}

#[test]
fn a_carrier_hands_nothing_on() {
    let mut world = brought();
    world.refer("A", "<sip:6002@pbx.test>");
    world.run(seconds(1));
    assert_eq!(world.phone("A").referred, ["603 Decline"]);
    assert_eq!((world.phone("A").notified.len(), world.phone("6002").count("INVITE")), (0, 0));
    assert!(world.phone("A").session.is_some(), "its call goes on");
    world.hang_up("A");
    world.assert_clean();
}

/// To the world, by the carrier that takes it; the customer's own line stays its own.
#[test]
fn a_customer_is_handed_on_to_the_world() {
    let mut world = brought();
    // The same carrier has a call of ours already, and fails.
    let peer = world.phone("A");
    peer.habit = Habit::Refuse(503);
    world.phone("B").habit = Habit::Ring;
    world.refer("6001", "<sip:89995550000@pbx.test>");
    world.run(seconds(2));
    assert_eq!(world.lines(), [1, 1], "the failed try gave its line back, and not the customer's");
    let invite = world.phone("B").last("INVITE").to_owned();
    assert!(invite.starts_with("INVITE sip:79995550000@"), "{invite}");
    assert!(invite.contains("+74951111111") || invite.contains("74951111111"), "shown by our own number (R23): {invite}");
    world.answer("B");
    world.run(seconds(3));
    assert_eq!((world.slot_state(1), serving(&world)), (SlotState::Idle, vec![]));
    assert_eq!((heard(&world, 1).last(), world.lines()), (Some(&Hears::Leg(LegId(4))), vec![1, 1]));
    world.hang_up("B");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    let tries: Vec<_> = cdr.tries.iter().map(|tried| (tried.carrier.0, tried.outcome, tried.status)).collect();
    assert_eq!(tries, [(1, Some(TryOutcome::Refused), Some(503)), (2, Some(TryOutcome::Answered), Some(200))]);
    let called: Vec<_> = cdr.tries.iter().map(|tried| tried.called.as_deref()).collect();
    assert_eq!(called, [Some("+79995550000"); 2], "the record says whom the world was called for");
    assert_eq!((cdr.cause, world.lines()), (Cause::CalleeHungUp, vec![0, 0]));
    world.assert_clean();
}

#[test]
fn a_call_that_went_out_is_handed_out_again() {
    let mut world = brought();
    world.hang_up("A");
    world.run(seconds(1));
    world.clear_history();
    world.phone("A").habit = Habit::Answer;
    world.dial("6003", "+79991110000");
    world.run(seconds(1));
    assert_eq!(world.lines(), [1, 0]);
    world.phone("A").habit = Habit::Refuse(486);
    world.refer("6003", "<sip:+79992220000@pbx.test>");
    world.run(seconds(1));
    assert_eq!(world.phone("6003").notified.last().map(String::as_str), Some("486 Busy Here, over"));
    assert_eq!(world.lines(), [1, 0], "the call that goes on keeps its line");
    world.hang_up("6003");
    world.run(seconds(1));
    assert_eq!(world.lines(), [0, 0]);
    world.assert_clean();
}

/// What a customer's call counts for that is handed out is the number that it is shown by: the referrer's, and not the carrier's own.
#[test]
fn a_call_that_is_handed_out_counts_for_the_referrers_number() {
    let own = r#""callers": [{"number": "+74950000001"}]"#;
    let a = A.replacen(own, r#""callers": [{"number": "+74950000001"}, {"number": "+74950000002"}]"#, 1);
    let b = B.replacen('{', r#"{"numbers": [{"number": "+74951111111", "to": ["6001"]}], "#, 1);
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.set_plan(3, &[&a, &b], &[WORLD]);
    world.set_plan_of(calling_as("+74950000002"), &[&a, &b], &[WORLD]);
    world.bring("B", "+79991234567", "+74951111111", &[]);
    world.run(seconds(1));
    world.refer("6001", "<sip:+79995550000@pbx.test>");
    world.run(seconds(2));
    assert_eq!((serving(&world), world.lines()), (vec![], vec![1, 1]));
    assert!(world.phone("A").last("INVITE").contains("From: <sip:+74950000002@"), "{}", world.phone("A").last("INVITE"));
    // +74950000002 may have one call at once.
    world.bring("A", "+79161234567", "+74950000002", &[]);
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::NumberFull);
    world.hang_up("B");
    world.run(seconds(1));
    world.bring("A", "+79161234567", "+74950000002", &[]);
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), world.lines()), (SlotState::ActiveCall, vec![1, 0]), "it is given back");
    world.hang_up("6001");
    world.run(seconds(1));
    world.assert_clean();
}

/// Where the target's carrier sends it on to is asked of the referrer's limits, also once it is gone (B-55).
#[test]
fn a_redirection_is_the_referrers() {
    for (allowed, expected) in [(&["+7999*", "+7888*"][..], 1), (&["+7999*"][..], 0)] {
        let mut world = brought();
        let carriers = [A.replacen('{', r#"{"redirects_max": 2, "#, 1), B.to_owned()];
        let carriers: Vec<&str> = carriers.iter().map(String::as_str).collect();
        let limited = world.limited(1, 2, allowed, 3);
        world.set_plan_of(limited, &carriers, &[WORLD]);
        let peer = world.phone("A");
        peer.habit = Habit::Refuse(302);
        peer.says = vec![("Contact", "<sip:+78881112233@10.0.9.1>".to_owned())];
        world.refer("6001", "<sip:+79995550000@pbx.test>");
        world.hang_up("6001");
        world.run(std::time::Duration::from_millis(30));
        world.phone("A").habit = Habit::Answer;
        world.run(seconds(1));
        let sent_on = world.phone("A").heard.iter().filter(|message| message.starts_with("INVITE sip:+7888")).count();
        assert_eq!(sent_on.min(1), expected, "{allowed:?}");
        world.run(seconds(5));
        for _ in 0..2 {
            world.hang_up("A");
            world.run(seconds(5));
        }
        assert_eq!(world.lines(), [0, 0]);
    }
}

/// The target's carrier sends it on to a number about which a program would be asked: of who has talked already nobody is asked, whoever of
/// the two hands the other on, and the record stays that of the call.
#[test]
fn nobody_is_asked_about_a_call_that_was_answered() {
    const ASKED: &str = r#"{"name": "asked", "position": 0, "match": {"to": ["+7888*"]}, "scenario": "other",
        "then": {"do": "ask", "url": "https://crm.test/route", "secret": "0123456789abcdef",
                 "default": {"do": "carriers", "order": [{"carrier": "2"}]}}}"#;
    for referrer in ["6001", "6002"] {
        let mut world = brought();
        world.hang_up("A");
        world.run(seconds(1));
        world.clear_history();
        let a = A.replacen('{', r#"{"redirects_max": 2, "#, 1);
        world.set_plan(3, &[&a, B], &[ASKED, WORLD]);
        world.dial("6001", "6002");
        world.run(seconds(1));
        let peer = world.phone("A");
        peer.habit = Habit::Refuse(302);
        peer.says = vec![("Contact", "<sip:+78881112233@10.0.9.1>".to_owned())];
        world.phone("B").habit = Habit::Answer;
        world.refer(referrer, "<sip:+79995550000@pbx.test>");
        world.run(seconds(2));
        assert!(world.asked.is_empty(), "{referrer}");
        assert!(world.phone("B").last("INVITE").starts_with("INVITE sip:78881112233@"), "{referrer}: the default is taken");
        world.hang_up("B");
        world.run(seconds(1));
        let cdr = world.cdrs()[0].clone();
        assert_eq!(
            (cdr.direction, cdr.callee.as_str(), cdr.callee_slot.map(|slot| slot.0), cdr.scenario),
            (Direction::Internal, "6002", Some(2), None),
            "{referrer}"
        );
        world.assert_clean();
    }
}
