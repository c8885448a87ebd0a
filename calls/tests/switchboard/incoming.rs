//! Calls that carriers bring: whose they are, who rings, and what is believed of them (R13).

use std::time::Duration;

use expect_test::expect;
use model::{CarrierId, Cause, Direction, Outcome, SlotState};
use sip_core::locate::{Data, Kind, Record, Said};

use crate::{
    carriers::{A, B},
    phone::Habit,
    world::World,
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Three slots whose phones ring, and both carriers.
fn world() -> World {
    world_of(A, &[])
}

fn world_of(a: &str, routes: &[&str]) -> World {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.set_plan(3, &[a, B], routes);
    for number in ["6001", "6002", "6003"] {
        world.phone(number).habit = Habit::Ring;
    }
    world
}

fn told(world: &mut World, peer: &str) -> String {
    world.phone(peer).refused.first().cloned().unwrap_or_default()
}

#[test]
fn free_slots_ring_together_and_the_first_answer_wins() {
    let mut world = world();
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(2));
    world.answer("6002");
    world.run(seconds(10));
    world.hang_up("A");
    world.run(seconds(1));
    expect![[r#"
        0.125 call +79991234567>+74950000001 Dialing
        0.125 slot 6001 CALLING
        0.125 slot 6002 CALLING
        0.135 call +79991234567>+74950000001 Ringing
        2.125 call +79991234567>+74950000001 Answered
        2.125 slot 6001 IDLE
        2.125 slot 6002 ACTIVE_CALL
        12.125 CDR +79991234567>+74950000001 Answered caller_hung_up 200 ring=1990 talk=10000
        12.125 call +79991234567>+74950000001 Ended
        12.125 slot 6002 IDLE
    "#]]
    .assert_eq(&world.log);
    assert_eq!(world.phone("6001").header("CANCEL", "Reason"), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    let invite = world.phone("6002").last("INVITE").to_owned();
    assert!(invite.contains("From: <sip:+79991234567@pbx.test>;tag="), "a number, and never a name that anybody can choose: {invite}");
    assert!(!invite.contains("answer-after") && !invite.contains("Alert-Info"), "nobody's phone answers by itself (R12)");
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.direction, cdr.carrier, cdr.outcome), (Direction::Inbound, Some(CarrierId(1)), Outcome::Answered));
    assert_eq!((cdr.caller_slot, cdr.callee_slot.map(|slot| slot.0), cdr.cause), (None, Some(2), Cause::CallerHungUp));
    assert_eq!((cdr.scenario.as_deref(), cdr.source.as_deref()), (Some("sales"), Some("billboard")));
    assert_eq!(cdr.segments.iter().map(|segment| segment.slot.0).collect::<Vec<_>>(), [2]);
    let (row, _) = &world.recorded[0];
    assert_eq!((row.left.number.as_str(), row.right.number.as_str()), ("+74950000001", "+79991234567"), "right is the world (R15)");
    assert_eq!((row.left.role.as_str(), row.right.role.as_str()), ("callee", "caller"));
    world.assert_clean();
}

#[test]
fn a_second_answer_that_crosses_is_hung_up_on() {
    let mut world = world();
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(1));
    world.answer("6001");
    world.answer("6002");
    world.run(seconds(1));
    assert_eq!((world.phone("6001").count("BYE"), world.phone("6002").count("BYE")), (0, 1), "B-28");
    assert_eq!((world.slot_state(1), world.slot_state(2)), (SlotState::ActiveCall, SlotState::Idle));
    assert_eq!(world.board.calls(), 1);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!((world.cdrs()[0].cause, world.phone("A").session), (Cause::CalleeHungUp, None));
    world.assert_clean();
}

#[test]
fn nobody_in_half_a_minute_is_a_missed_call() {
    let mut world = world();
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(31));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.cause, cdr.outcome, cdr.callee_slot), (Cause::NoAnswer, Outcome::NoAnswer, None));
    assert_eq!(told(&mut world, "A"), "480 Temporarily Unavailable");
    assert_eq!((world.slot_state(1), world.slot_state(2)), (SlotState::Idle, SlotState::Idle));
    world.assert_clean();
}

#[test]
fn the_caller_gives_up_and_nobody_rings_any_more() {
    let mut world = world();
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(3));
    world.hang_up("A");
    world.run(seconds(1));
    assert_eq!((world.cdrs()[0].cause, world.cdrs()[0].outcome), (Cause::CallerGaveUp, Outcome::Canceled));
    for number in ["6001", "6002"] {
        assert_eq!(world.phone(number).session, None, "{number}");
    }
    world.assert_clean();
}

#[test]
fn one_who_declines_does_not_speak_for_the_others() {
    for habit in [Habit::Busy, Habit::Refuse(603), Habit::Refuse(480)] {
        let mut world = world();
        world.phone("6001").habit = habit;
        world.bring("A", "+79991234567", "+74950000001", &[]);
        world.run(seconds(1));
        assert_eq!((world.slot_state(1), world.slot_state(2)), (SlotState::Idle, SlotState::Calling), "{habit:?}");
        world.answer("6002");
        world.run(seconds(1));
        assert_eq!(world.slot_state(2), SlotState::ActiveCall, "{habit:?}");
        world.hang_up("A");
        world.assert_clean();
    }
    // All of them: the caller is told the best of what they said.
    for (first, second, cause) in [
        (Habit::Busy, Habit::Busy, Cause::Busy),
        (Habit::Refuse(603), Habit::Refuse(500), Cause::NoAnswer),
        (Habit::Refuse(500), Habit::Busy, Cause::Busy),
    ] {
        let mut world = world();
        world.phone("6001").habit = first;
        world.phone("6002").habit = second;
        world.bring("A", "+79991234567", "+74950000001", &[]);
        world.run(seconds(1));
        assert_eq!(world.cdrs()[0].cause, cause);
        world.assert_clean();
    }
}

/// Each row: what is so, what the carrier is told, and the cause.
#[test]
fn only_free_slots_ring() {
    type Row = (&'static str, fn(&mut World), &'static str, Cause);
    let rows: [Row; 3] = [
        ("no phones", |world| ["6001", "6002"].into_iter().for_each(|number| world.register(number, 0)), "480", Cause::NotRegistered),
        ("in a call", |world| world.dial("6001", "6002"), "486", Cause::Busy),
        (
            "one busy, one without a phone",
            |world| {
                world.register("6002", 0);
                world.dial("6001", "6003");
            },
            "486",
            Cause::Busy,
        ),
    ];
    for (name, prepare, status, cause) in rows {
        let mut world = world();
        prepare(&mut world);
        world.run(seconds(1));
        world.bring("A", "+79991234567", "+74950000001", &[]);
        world.run(seconds(1));
        assert!(told(&mut world, "A").starts_with(status), "{name}: {}", told(&mut world, "A"));
        assert_eq!(world.cdrs()[0].cause, cause, "{name}");
        world.hang_up("6001");
        world.assert_clean();
    }
    // A slot that is free rings, though another is not.
    let mut world = world();
    world.dial("6001", "6003");
    world.run(seconds(1));
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(1));
    world.answer("6002");
    world.run(seconds(1));
    assert_eq!(world.slot_state(2), SlotState::ActiveCall);
    world.hang_up("6002");
    world.hang_up("6001");
    world.assert_clean();
}

/// Each row: who brings it, the Request-URI's user and To's, and what comes of it: a slot rings, or a status.
#[test]
fn a_number_is_found_in_the_uri_or_in_to() {
    type Row = (&'static str, &'static str, &'static str);
    let rows: [Row; 6] = [
        ("A", "+74950000002", "rings"),
        ("A", "4950000002", "rings"),
        // As carriers do that call the contact of an account.
        ("A", "us/84950000002", "rings"),
        ("A", "+74959999999", "404 Not Found"),
        // Somebody else's number.
        ("B", "+74950000002", "404 Not Found"),
        ("A", "6001", "404 Not Found"),
    ];
    for (carrier, number, expected) in rows {
        let mut world = world();
        let transactions = world.board.transactions();
        world.bring(carrier, "+79991234567", number, &[]);
        world.run(seconds(1));
        let rings = world.phone("6001").called;
        assert_eq!(if rings { "rings".to_owned() } else { told(&mut world, carrier) }, expected, "{carrier} {number}");
        if !rings {
            assert!(world.facts.is_empty(), "no number of ours is nobody's call: {:?}", world.facts);
            assert_eq!(world.board.transactions(), transactions, "and nothing is kept of it");
        }
        world.hang_up(carrier);
        world.assert_clean();
    }
}

/// What was forgotten in the settings is to be found, and whoever forges the carrier's address fills nothing.
#[test]
fn a_number_that_is_not_ours_is_told_once_a_minute() {
    let mut world = world();
    world.clear_history();
    for place in 0..20 {
        let name = format!("F{place}");
        world.add_peer(&name, &format!("10.0.9.1:{}", 6_000 + place));
        world.bring(&name, "+79991234567", "+74959999999", &[]);
    }
    world.bring("B", "+79991234567", "us/84950000001", &[]);
    world.run(seconds(58));
    world.bring("A", "+79991234567", "+74959999998", &[]);
    world.run(seconds(4));
    world.bring("A", "+79991234567", "+74959999999", &[]);
    world.run(seconds(1));
    let told: Vec<_> = world.log.lines().filter_map(|line| line.split_once(' ')).map(|(_, told)| told).collect();
    assert_eq!(
        told,
        [
            "not ours by carrier 1: +74959999999 +74959999999, 0 more before",
            "not ours by carrier 2: us 84950000001, 0 more before",
            "not ours by carrier 1: +74959999999 +74959999999, 20 more before",
        ]
    );
    assert!(world.facts.is_empty(), "and nobody's call has a record");
    world.assert_replays();
}

#[test]
fn from_elsewhere_comes_no_call() {
    let mut world = world();
    world.add_peer("stranger", "10.0.9.3:5060");
    world.bring("stranger", "+79991234567", "+74950000001", &[]);
    world.run(seconds(1));
    assert!(!world.phone("6001").called && world.facts.is_empty());
    // One that is switched off is a stranger.
    world.set_plan(3, &[&A.replacen('{', r#"{"on": false, "#, 1)], &[]);
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(1));
    assert!(!world.phone("6001").called && world.facts.is_empty());
    world.assert_clean();
}

/// The carrier's network holds the phones, too: a gateway in the same office.
#[test]
fn a_phone_where_a_carrier_calls_from_is_a_phone() {
    let mut world = world_of(&A.replacen('{', r#"{"networks": ["10.0.0.0/16"], "#, 1), &[]);
    world.dial("6001", "6002");
    world.run(seconds(1));
    assert!(world.phone("6002").called, "{:?}", world.phone("6001").refused);
    world.hang_up("6001");
    world.run(seconds(1));
    world.bring("A", "+79991234567", "+74950000002", &[]);
    world.run(seconds(1));
    assert!(world.phone("6001").called, "and a call of the carrier's comes as before");
    world.hang_up("A");
    world.assert_clean();
}

/// One phone after another, each for its time; who is busy, refuses or is away is passed over, and the caller hears it ring all along.
#[test]
fn slots_ring_in_turn() {
    let in_turn = A.replacen(r#""to": ["6001", "6002"]"#, r#""to": ["6001", "6002", "6003"], "ring": "in_turn", "ring_s": 10"#, 1);
    let mut world = world_of(&in_turn, &[]);
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(9));
    let rings = |world: &mut World| ["6001", "6002", "6003"].map(|number| world.phone(number).session.is_some());
    assert_eq!(rings(&mut world), [true, false, false]);
    world.run(seconds(10));
    assert_eq!(rings(&mut world), [false, true, false]);
    // It declines: at once the next.
    let now = world.now;
    world.phone("6002").refuse(now, 603);
    world.drain("6002");
    world.run(seconds(1));
    assert_eq!(rings(&mut world), [false, false, true]);
    world.answer("6003");
    world.run(seconds(5));
    world.hang_up("A");
    world.run(seconds(1));
    let cdr = world.cdrs()[0];
    assert_eq!((cdr.outcome, cdr.callee_slot.map(|slot| slot.0)), (Outcome::Answered, Some(3)));
    assert_eq!(["6001", "6002", "6003"].map(|number| world.phone(number).count("INVITE")), [1, 1, 1]);
    world.clear_history();
    // Nobody answers, one is not there: each has its time, then the call has failed.
    world.register("6002", 0);
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(19));
    assert_eq!((world.cdrs().len(), rings(&mut world)), (0, [false, false, true]));
    world.run(seconds(3));
    assert_eq!((world.cdrs()[0].cause, told(&mut world, "A").as_str()), (Cause::NoAnswer, "480 Temporarily Unavailable"));
    // Who gives up while the second rings has it ring no more.
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(12));
    assert_eq!(rings(&mut world), [false, false, true]);
    world.hang_up("A");
    world.run(seconds(1));
    assert_eq!(rings(&mut world), [false, false, false]);
    world.assert_clean();
}

/// A route says the same of its slots.
#[test]
fn a_route_has_its_slots_ring_in_turn() {
    let route = r#"{"name": "in turn", "position": 10, "match": {"to": ["+74950000001"]},
        "then": {"do": "slots", "slots": ["6002", "6001"], "ring_s": 5, "ring": "in_turn"}}"#;
    let mut world = world_of(A, &[route]);
    world.bring("A", "+79991234567", "84950000001", &[]);
    world.run(seconds(4));
    assert!(world.phone("6002").session.is_some() && world.phone("6001").session.is_none());
    world.run(seconds(4));
    assert!(world.phone("6001").session.is_some() && world.phone("6002").session.is_none());
    world.answer("6001");
    world.run(seconds(2));
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn where_a_carrier_calls_from_can_be_set_or_is_where_its_hosts_are() {
    let at = |addresses: &[&str]| {
        let record = |address: &&str| Record { ttl_s: 30, data: Data::A(address.parse().unwrap()) };
        Some(Said::Records(addresses.iter().map(record).collect()))
    };
    let named = A.replace("sip:10.0.9.1", "sip:a.test");
    let networks = A.replacen('{', r#"{"networks": ["10.0.9.0/28", "10.0.8.0/24"], "#, 1);
    for (carrier, source, rings) in [
        (A, "10.0.9.1:6060", true),
        (A, "10.0.9.4:5060", false),
        (&named, "10.0.9.4:5060", true),
        (&named, "10.0.9.5:5060", false),
        (&networks, "10.0.9.15:5060", true),
        (&networks, "10.0.9.16:5060", false),
        (&networks, "10.0.8.200:5060", true),
    ] {
        let mut world = World::new(3);
        world.zone.insert((Kind::A, "a.test"), at(&["10.0.9.4", "10.0.9.7"]));
        world.add_peer("A", source);
        world.set_plan(3, &[carrier], &[]);
        world.bring("A", "+79991234567", "+74950000002", &[]);
        world.run(seconds(1));
        assert_eq!(world.phone("6001").called, rings, "{carrier} {source}");
        world.hang_up("A");
        world.assert_clean();
    }
    // A host that moves is known within a minute or two; one that DNS forgets stays where it was.
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.5:5060");
    world.zone.insert((Kind::A, "a.test"), at(&["10.0.9.4"]));
    world.set_plan(3, &[&named], &[]);
    world.zone.insert((Kind::A, "a.test"), at(&["10.0.9.5"]));
    world.run(seconds(125));
    world.zone.clear();
    world.run(seconds(125));
    world.bring("A", "+79991234567", "+74950000002", &[]);
    world.run(seconds(1));
    assert!(world.phone("6001").called);
    world.hang_up("A");
    world.assert_clean();
}

#[test]
fn what_is_too_much_is_refused() {
    // One call at once for this number.
    let mut world = world();
    world.add_peer("A2", "10.0.9.1:5062");
    world.add_peer("A3", "10.0.9.1:5063");
    world.bring("A", "+79991234567", "+74950000002", &[]);
    world.run(seconds(1));
    world.bring("A2", "+79991234568", "+74950000002", &[]);
    world.run(seconds(1));
    assert_eq!((told(&mut world, "A2").as_str(), world.cdrs()[0].cause), ("486 Busy Here", Cause::NumberFull));
    // Two at once by A, both ways.
    world.bring("A2", "+79991234568", "+74950000001", &[]);
    world.run(seconds(1));
    world.bring("A3", "+79991234569", "+74950000001", &[]);
    world.run(seconds(1));
    assert_eq!((told(&mut world, "A3").as_str(), world.cdrs()[1].cause), ("503 Service Unavailable", Cause::CarrierFull));
    world.hang_up("A");
    world.run(seconds(1));
    world.bring("A3", "+79991234569", "+74950000002", &[]);
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::Calling, "a line is given back");
    world.hang_up("A2");
    world.hang_up("A3");
    world.assert_clean();
    // One a second: what is faster leaves no record.
    let mut world = world_of(&A.replacen('{', r#"{"calls_per_s": 1, "#, 1), &[]);
    world.add_peer("A2", "10.0.9.1:5062");
    world.bring("A", "+79991234567", "+74950000002", &[]);
    world.bring("A2", "+79991234567", "+74950000001", &[]);
    world.run(Duration::from_millis(500));
    assert_eq!((told(&mut world, "A2").as_str(), world.cdrs().len()), ("503 Service Unavailable", 0));
    world.hang_up("A");
    world.assert_clean();
}

/// What an address alone says can be written by anybody: without `calls_per_s`, ten calls or a quarter of the lines may come by datagrams in a
/// second. Beyond it nothing is kept, not even that there was no line.
#[test]
fn forged_calls_of_a_carrier_leave_few_records() {
    for (settings, capacity, most) in [("", 2, 10), ("", 80, 20), (r#""calls_per_s": 3, "#, 2, 3)] {
        let carrier = A.replacen('{', &format!("{{{settings}"), 1).replace(r#""capacity": 2"#, &format!(r#""capacity": {capacity}"#));
        let mut world = world_of(&carrier, &[]);
        for peer in 0..40 {
            let name = format!("F{peer}");
            world.add_peer(&name, &format!("10.0.9.1:{}", 6_000 + peer));
            world.bring(&name, "+79991234567", "+74950000001", &[]);
        }
        world.run(Duration::from_millis(500));
        let kept = |world: &World| world.board.calls() + world.cdrs().len();
        assert_eq!(kept(&world), most, "{settings} {capacity}");
        // In the next second it is heard again.
        world.run(seconds(1));
        world.add_peer("G", "10.0.9.1:7000");
        world.bring("G", "+79991234567", "+74950000001", &[]);
        world.run(Duration::from_millis(500));
        assert_eq!(kept(&world), most + 1, "{settings} {capacity}");
    }
}

/// Each row: whether the carrier is believed, the From, the headers, and the caller of the record.
#[test]
fn the_caller_is_who_the_carrier_says_if_it_is_believed() {
    const PAI: (&str, &str) = ("P-Asserted-Identity", "\"x\" <sip:84991112233@carrier.test>, <tel:+74990000000>");
    type Row = (bool, &'static str, &'static [(&'static str, &'static str)], &'static str);
    let rows: [Row; 7] = [
        (false, "84997654321", &[PAI], "+74997654321"),
        (true, "84997654321", &[PAI], "+74991112233"),
        (true, "84997654321", &[("P-Asserted-Identity", "<tel:+74990000000;x=y>")], "+74990000000"),
        (true, "84997654321", &[("P-Asserted-Identity", "rubbish")], "+74997654321"),
        (true, "84997654321", &[PAI, ("Privacy", "id")], "anonymous"),
        (false, "anonymous", &[], "anonymous"),
        (false, "<script>6001", &[], "anonymous"),
    ];
    for (believe, from, headers, caller) in rows {
        let carrier = A.replacen('{', &format!("{{\"identity\": {{\"believe\": {believe}}}, "), 1);
        let mut world = world_of(&carrier, &[]);
        world.bring("A", from, "+74950000002", headers);
        world.run(seconds(1));
        world.hang_up("A");
        world.run(seconds(1));
        assert_eq!(world.cdrs()[0].caller, caller, "{believe} {from} {headers:?}");
        let shown = world.phone("6001").header("INVITE", "From").unwrap().to_owned();
        assert!(shown.starts_with(&format!("<sip:{caller}@pbx.test>")), "{shown}");
        let invite = world.phone("6001").last("INVITE").to_owned();
        assert!(!invite.contains("P-Asserted") && !invite.contains("X: y"), "{invite}");
        world.assert_clean();
    }
}

#[test]
fn a_call_that_came_by_a_carrier_goes_out_by_no_route_that_does_not_name_it() {
    let out = |came_by: &str| {
        format!(
            r#"{{"name": "on", "position": 1, "match": {{"to": ["+74950000002"]{came_by}}}, "then": {{"do": "carriers", "order": [{{"carrier": "2"}}]}}}}"#
        )
    };
    let mut world = world_of(A, &[&out("")]);
    world.bring("A", "+79991234567", "+74950000002", &[]);
    world.run(seconds(1));
    assert!(!world.phone("B").called && world.phone("6001").called, "it goes to the number's slot");
    world.hang_up("A");
    world.assert_clean();

    let mut world = world_of(A, &[&out(r#", "came_by": {"carriers": ["1"]}"#)]);
    world.bring("A", "+79991234567", "+74950000002", &[]);
    world.run(seconds(1));
    assert!(world.phone("B").called && !world.phone("6001").called);
    assert!(world.phone("B").header("INVITE", "From").unwrap().starts_with("<sip:74951111111@"), "the number is one that B has verified");
    world.hang_up("B");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.direction, cdr.carrier, cdr.cause), (Direction::Inbound, Some(CarrierId(1)), Cause::CalleeHungUp));
    assert_eq!(cdr.tries.iter().map(|tried| tried.carrier.0).collect::<Vec<_>>(), [2], "by which it came, and by which it left");
    world.assert_clean();
}

#[test]
fn what_slots_are_offered_is_what_the_carrier_offered() {
    let mut world = world();
    world.phone("A").codecs = "0 101";
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(1));
    let invite = world.phone("6001").last("INVITE").to_owned();
    assert!(invite.contains("RTP/AVP 0 8 "), "{invite}");
    world.phone("6001").codecs = "8";
    world.answer("6001");
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall, "what they do not share is converted (R16)");
    world.hang_up("A");
    world.run(seconds(1));
    // What cannot be answered is refused, and nobody rings.
    world.phone("A").codecs = "18";
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(1));
    assert_eq!((world.cdrs()[1].cause, world.phone("6002").count("INVITE")), (Cause::NoCommonCodec, 1));
    world.assert_clean();
}

#[test]
fn one_whose_answer_does_not_do_leaves_the_others_ringing() {
    let mut world = world();
    world.phone("6001").broken = true;
    world.bring("A", "+79991234567", "+74950000001", &[]);
    world.run(seconds(1));
    world.answer("6001");
    world.run(seconds(1));
    assert_eq!((world.slot_state(1), world.slot_state(2)), (SlotState::Idle, SlotState::Calling));
    world.answer("6002");
    world.run(seconds(1));
    assert_eq!(world.slot_state(2), SlotState::ActiveCall);
    world.hang_up("6002");
    world.assert_clean();
}

/// Whatever people and carriers do, in whatever order: in the end nothing is left, and a replay does the same.
#[test]
fn a_walk_leaves_nothing() {
    for seed in 0..60_u64 {
        let mut world = world_of(
            &A.replacen('{', r#"{"redirects_max": 2, "#, 1),
            &[r#"{"name": "world", "position": 1, "match": {"to": ["+*"], "came_by": "slot"},
                "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}]}}"#],
        );
        world.phone("A").says = vec![("Contact", "<sip:+74957777777@x>".to_owned())];
        let mut chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = |count: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance % count
        };
        let people = ["6001", "6002", "6003", "A", "B"];
        for _ in 0..40 {
            let who = people[draw(5) as usize];
            let is_free = world.phone(who).session.is_none();
            match (draw(7), who) {
                (0, "A") if is_free => world.bring("A", "+79991234567", ["+74950000001", "+74950000002"][draw(2) as usize], &[]),
                (0 | 1, "6001" | "6002" | "6003") if is_free => world.dial(who, ["6001", "6002", "+74951234567"][draw(3) as usize]),
                (2, _) if !is_free && world.phone(who).called => world.answer(who),
                (3, _) if !is_free => world.hang_up(who),
                (4, _) => {
                    let habits =
                        [Habit::Ring, Habit::Answer, Habit::Busy, Habit::EarlyMedia, Habit::Refuse(503), Habit::Refuse(302), Habit::Idle];
                    world.phone(who).habit = habits[draw(7) as usize];
                }
                _ => {}
            }
            world.run(Duration::from_millis([1, 6, 700, 7_000][draw(4) as usize]));
        }
        for who in people {
            world.hang_up(who);
        }
        world.run(seconds(200));
        for who in people {
            world.hang_up(who);
        }
        world.assert_clean();
        assert!(world.known.is_empty(), "{seed}");
    }
}
