//! Routes that ask a program: what it is told, what it may say, and what becomes of the call if it says nothing good.

use std::time::Duration;

use bytes::Bytes;
use calls::{AskId, Input, Inquiry};
use expect_test::expect;
use media::{Command as MediaCommand, Hears, Tone};
use model::{
    Cause, Direction, SlotState,
    route::{AskOutcome, Said},
};
use serde_json::{Value, json};

use crate::{
    carriers::{A, B},
    phone::Habit,
    world::World,
};

/// Calls to the world are asked about, and go by A if there is no good answer.
const OUT: &str = r#"{"name": "out", "position": 1, "match": {"to": ["+*", "112"]}, "scenario": "sales",
    "then": {"do": "ask", "url": "https://crm.test/route", "secret": "0123456789abcdef", "deadline_ms": 700,
             "default": {"do": "carriers", "order": [{"carrier": "1"}]}}}"#;
/// Calls to A's second number are asked about, and ring at 6003.
const IN: &str = r#"{"name": "in", "position": 2, "match": {"to": ["+74950000002"], "came_by": {"carriers": ["1"]}},
    "then": {"do": "ask", "url": "https://crm.test/in", "secret": "0123456789abcdef", "default": {"do": "slots", "slots": ["6003"]}}}"#;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn world() -> World {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.set_plan(3, &[A, B], &[OUT, IN]);
    world
}

fn body(inquiry: &Inquiry) -> Value {
    serde_json::from_slice(&inquiry.body).unwrap()
}

/// A program says this.
fn say(world: &mut World, ask: AskId, answer: &str) {
    world.input(Input::Answered { ask, answer: Ok(Bytes::from(answer.to_owned())) });
}

/// The question that was asked last.
fn asked(world: &World) -> AskId {
    world.asked.last().unwrap().ask
}

/// What the only record says of asking: outcome and what was said.
fn told(world: &World) -> (AskOutcome, Option<Said>, u32) {
    let asked = world.cdrs().last().unwrap().asked.clone().unwrap();
    (asked.outcome, asked.said, asked.after_ms)
}

#[test]
fn a_program_is_told_of_the_call_and_says_where_it_goes() {
    let mut world = world();
    world.dial("6001", "84951234567");
    world.run(Duration::from_millis(200));
    assert!(!world.phone("A").called && !world.phone("B").called, "nobody is called before it has said so");
    let inquiry = world.asked.last().unwrap();
    assert_eq!(
        (inquiry.url.as_str(), inquiry.secret.reveal(), inquiry.within.as_millis()),
        ("https://crm.test/route", "0123456789abcdef", 700)
    );
    let mut question = body(inquiry);
    for changes in ["call_id", "at"] {
        assert!(question[changes].take() != Value::Null, "{changes}");
    }
    assert_eq!(
        question,
        json!({"call_id": null, "at": null, "center": "1", "route": "1", "came_by": "slot", "slot": "1", "user": null, "from": "6001",
            "to": "+74951234567", "called": "+74951234567", "scenario": "sales", "source": "", "deadline_ms": 700})
    );
    let ask = asked(&world);
    say(&mut world, ask, r#"{"do": "carriers", "order": [{"carrier": "2"}]}"#);
    world.run(seconds(1));
    assert!(world.phone("B").called && !world.phone("A").called);
    // What comes a second time is for nobody.
    say(&mut world, ask, r#"{"do": "refuse", "cause": "busy"}"#);
    world.hang_up("6001");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.direction, cdr.callee.as_str(), cdr.scenario.as_deref()), (Direction::Outbound, "+74951234567", Some("sales")));
    assert_eq!(cdr.carrier.map(|carrier| carrier.0), Some(2));
    assert!(matches!(told(&world), (AskOutcome::Answered, Some(Said::Carriers), 100..=300)), "{:?}", told(&world));
    assert_eq!((world.board.asked(AskOutcome::Answered), world.board.asking()), (1, 0));
    world.assert_clean();
}

/// Each row: what comes back and after how long, and what is written down. The call goes by the route's default.
#[test]
fn whatever_is_no_good_answer_is_the_default() {
    let said = |text: &str| Some(Ok(Bytes::from(text.to_owned())));
    let rows = [
        (None, AskOutcome::Late),
        (Some(Err(AskOutcome::Late)), AskOutcome::Late),
        (Some(Err(AskOutcome::Unreachable)), AskOutcome::Unreachable),
        (Some(Err(AskOutcome::Wrong)), AskOutcome::Wrong),
        (said(""), AskOutcome::Wrong),
        (said("<html>"), AskOutcome::Wrong),
        (said(r#"{"do": "fly"}"#), AskOutcome::Wrong),
        (said(r#"{"do": "slots", "slots": []}"#), AskOutcome::Wrong),
        (said(r#"{"do": "carriers", "order": [{"carrier": "2"}], "caller": "+70000000000"}"#), AskOutcome::Wrong),
        (said(r#"{"do": "ask", "url": "https://a", "secret": "0123456789abcdef", "default": {"do": "dialled_slot"}}"#), AskOutcome::Wrong),
    ];
    for (answer, outcome) in rows {
        let name = format!("{answer:?}");
        let mut world = world();
        world.dial("6001", "+74951234567");
        world.run(Duration::from_millis(300));
        let (ask, is_late) = (asked(&world), answer.is_none());
        if let Some(answer) = answer {
            world.input(Input::Answered { ask, answer });
        }
        world.run(Duration::from_millis(300));
        assert_eq!(world.phone("A").called, !is_late, "{name}: the deadline is 700 ms");
        world.run(seconds(1));
        assert!(world.phone("A").called && !world.phone("B").called, "{name}");
        // Too late.
        say(&mut world, ask, r#"{"do": "carriers", "order": [{"carrier": "2"}]}"#);
        world.hang_up("6001");
        world.run(seconds(1));
        let (told, said, after_ms) = told(&world);
        assert_eq!((told, said, after_ms >= 700), (outcome, None, is_late), "{name}");
        assert_eq!(world.cdrs()[0].direction, Direction::Outbound, "{name}");
        assert_eq!(world.board.asked(outcome), 1, "{name}");
        world.assert_clean();
    }
}

/// Each row: the answer, whether the slot may call what is dialled alone, and what becomes of the call. It is held to what a route is held to.
#[test]
fn an_answer_is_held_to_what_a_route_is_held_to() {
    let rows = [
        (r#"{"do": "slots", "slots": ["6002"]}"#, Cause::CallerHungUp, Some("6002")),
        (r#"{"do": "number", "number": "6002"}"#, Cause::DestinationNotAllowed, None),
        (r#"{"do": "number", "number": "+74959999999"}"#, Cause::CallerHungUp, Some("A")),
        (r#"{"do": "number", "number": "1001"}"#, Cause::DestinationNotAllowed, None),
        (r#"{"do": "number", "number": "+78091234567"}"#, Cause::DestinationNotAllowed, None),
        (r#"{"do": "slots", "slots": ["6999"]}"#, Cause::NoSuchNumber, None),
        (r#"{"do": "carriers", "order": [{"carrier": "9"}]}"#, Cause::DestinationNotAllowed, None),
        (r#"{"do": "service", "number": "1001"}"#, Cause::NoSuchNumber, None),
        (r#"{"do": "refuse", "cause": "declined"}"#, Cause::Declined, None),
    ];
    for (answer, cause, reached) in rows {
        let mut world = world();
        let directory = world.limited(1, 2, &["+7495*"], 3);
        world.set_plan_of(directory, &[A, B], &[OUT, IN]);
        world.dial("6001", "+74951234567");
        world.run(Duration::from_millis(300));
        let ask = asked(&world);
        say(&mut world, ask, answer);
        world.run(seconds(1));
        let called: Vec<&str> = ["6002", "6003", "A", "B"].into_iter().filter(|phone| world.phone(phone).called).collect();
        assert_eq!(called, Vec::from_iter(reached), "{answer}");
        assert_eq!(world.asked.len(), 1, "{answer}: nobody is asked twice");
        world.hang_up("6001");
        world.run(seconds(1));
        assert_eq!(world.cdrs()[0].cause, cause, "{answer}");
        assert_eq!(told(&world).0, AskOutcome::Answered, "{answer}");
        world.assert_clean();
    }
}

#[test]
fn a_call_from_the_world_rings_where_the_program_says() {
    let mut world = world();
    world.bring("A", "+79161234567", "+74950000002", &[("Privacy", "id")]);
    world.run(Duration::from_millis(100));
    let question = body(world.asked.last().unwrap());
    assert_eq!((&question["came_by"], &question["from"]), (&json!({"carrier": "1"}), &Value::Null), "who withholds is nobody");
    let ask = asked(&world);
    say(&mut world, ask, r#"{"do": "slots", "slots": ["6002", "6003"]}"#);
    world.run(seconds(1));
    let cdr_side = (world.slot_state(2), world.slot_state(3));
    assert!(matches!(cdr_side, (SlotState::ActiveCall, _) | (_, SlotState::ActiveCall)), "{cdr_side:?}");
    world.hang_up("A");
    world.run(seconds(1));
    assert_eq!(told(&world).1, Some(Said::Slots));
    // A hop to where the world may not go by itself is none: it leaves by a carrier only if the answer names one, and here by no other number.
    world.bring("A", "+79161234567", "+74950000002", &[]);
    world.run(Duration::from_millis(100));
    assert_eq!(body(world.asked.last().unwrap())["from"], "+79161234567");
    let ask = asked(&world);
    say(&mut world, ask, r#"{"do": "number", "number": "+74951234567"}"#);
    world.run(seconds(1));
    assert_eq!(world.cdrs()[1].cause, Cause::NoSuchNumber);
    world.assert_clean();
}

#[test]
fn an_operator_hears_a_beep_while_a_program_is_asked() {
    let mut world = world();
    world.phone("A").habit = Habit::Ring;
    world.start_call(7, 1, "+74951234567").unwrap();
    world.run(Duration::from_millis(300));
    let heard = |world: &World| -> Vec<Hears> {
        let hears = world.media.iter().filter_map(|command| match command {
            MediaCommand::Hear { hears, .. } => Some(*hears),
            _ => None,
        });
        hears.collect()
    };
    assert_eq!(world.asked.len(), 1, "only when the phone has answered (R8)");
    assert_eq!(heard(&world), [Hears::Tone(Tone::Beep)]);
    let ask = asked(&world);
    say(&mut world, ask, r#"{"do": "carriers", "order": [{"carrier": "1"}]}"#);
    world.run(seconds(1));
    assert_eq!(heard(&world), [Hears::Tone(Tone::Beep), Hears::Tone(Tone::Ring)]);
    world.answer("A");
    world.run(seconds(1));
    world.hang_up("A");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::CalleeHungUp);
    world.assert_clean();
}

#[test]
fn whoever_hangs_up_while_a_program_is_asked_waits_for_nobody() {
    let mut world = world();
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(100));
    world.hang_up("6001");
    world.run(Duration::from_millis(100));
    assert_eq!((world.cdrs()[0].cause, world.board.asking()), (Cause::CallerGaveUp, 0));
    assert_eq!(world.cdrs()[0].asked, None, "nothing came of it");
    let ask = asked(&world);
    assert_eq!(world.unasked, [ask], "the question holds no room of others");
    say(&mut world, ask, r#"{"do": "carriers", "order": [{"carrier": "1"}]}"#);
    world.run(seconds(1));
    assert!(!world.phone("A").called);
    world.assert_clean();
}

/// Whoever calls for help waits for no program.
#[test]
fn a_call_for_help_is_asked_about_nowhere() {
    let mut world = world();
    world.dial("6001", "112");
    world.run(Duration::from_millis(100));
    assert!(world.phone("A").called && world.asked.is_empty());
    world.hang_up("6001");
    world.run(seconds(1));
    world.assert_clean();
}

/// One program hangs: calls that are not asked about it go on, and what changes of the plan meanwhile holds for the answer.
#[test]
fn a_program_that_hangs_holds_up_no_other_call() {
    let mut world = world();
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(100));
    world.dial("6002", "6003");
    world.run(Duration::from_millis(300));
    assert_eq!(
        (world.slot_state(2), world.slot_state(3), world.slot_state(1)),
        (SlotState::ActiveCall, SlotState::ActiveCall, SlotState::Calling)
    );
    // Carrier A is gone meanwhile, and so is the default.
    world.set_plan(3, &[&A.replace(r#""name": "A""#, r#""name": "A", "on": false"#), B], &[OUT, IN]);
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::DestinationNotAllowed);
    assert_eq!(told(&world).0, AskOutcome::Late);
    assert_eq!(world.unasked, [asked(&world)]);
    world.hang_up("6002");
    world.run(seconds(1));
    world.assert_clean();
}

#[test]
fn a_ladder_says_which_way_was_taken() {
    let mut world = world();
    world.dial("6001", "+74951234567");
    world.run(seconds(2));
    world.hang_up("6001");
    world.run(seconds(1));
    let call = world.cdrs()[0].call_id;
    let model::Reply::Ladder { drawing } = world.order(model::Command::Ladder { call }).unwrap() else { panic!("a ladder") };
    let text = drawing.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("asked")).collect();
    expect!["asked by route 1: late after 700 ms, the default of the route was taken (700 ms)"].assert_eq(&lines.join("\n"));
}
