//! Calls that go out by carriers: who is tried, when the next one is, and what each is told.

use std::time::Duration;

use calls::Input;
use expect_test::expect;
use media::{Command as MediaCommand, Hears, LegId, Tone};
use model::{
    CarrierId, Cause, Cdr, Command, Direction, Directory, Event, HubId, Outcome, Refusal, SlotEntry, SlotState, TryOutcome, UserId,
};
use sip_core::{
    Transport,
    locate::{Data, Kind, Record, Said},
};

use crate::{
    phone::Habit,
    world::{World, directory},
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The first carrier, at 10.0.9.1, knows two numbers of ours.
pub(crate) const A: &str = r#"{"name": "A", "hosts": ["sip:10.0.9.1"], "health": {"options_every_s": 0}, "callers": [{"number": "+74950000001"}], "capacity": 2,
    "form": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"},
    "numbers": [{"number": "+74950000001", "to": ["6001", "6002"], "scenario": "sales", "source": "billboard"},
                {"number": "+74950000002", "to": ["6001"], "calls_max": 1}]}"#;
/// The second one, at 10.0.9.2, wants digits alone.
pub(crate) const B: &str = r#"{"name": "B", "hosts": ["sip:10.0.9.2"], "health": {"options_every_s": 0}, "callers": [{"number": "+74951111111"}], "capacity": 9, "send": "digits"}"#;
/// The world by A, then by B.
const WORLD: &str = r#"{"name": "world", "position": 1, "match": {"to": ["+*", "112"]},
    "then": {"do": "carriers", "order": [{"carrier": "1"}, {"carrier": "2"}]}}"#;

/// Three slots, and both carriers, who answer.
fn world() -> World {
    world_of(A, &[WORLD])
}

fn world_of(a: &str, routes: &[&str]) -> World {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    world.set_plan(3, &[a, B], routes);
    world
}

/// A with more settings.
fn a_with(settings: &str) -> String {
    A.replacen("{", &format!("{{{settings}, "), 1)
}

fn tries(cdr: &Cdr) -> Vec<(i64, Option<TryOutcome>, Option<u16>)> {
    cdr.tries.iter().map(|tried| (tried.carrier.0, tried.outcome, tried.status)).collect()
}

fn heard(world: &World, leg: u64) -> Vec<Hears> {
    let hears = world.media.iter().filter_map(|command| match command {
        MediaCommand::Hear { leg: of, hears } if *of == LegId(leg) => Some(*hears),
        _ => None,
    });
    hears.collect()
}

#[test]
fn a_phone_calls_the_world() {
    let mut world = world();
    world.phone("A").habit = Habit::Ring;
    world.dial("6001", "84951234567");
    world.run(seconds(2));
    world.answer("A");
    world.run(seconds(10));
    world.hang_up("6001");
    world.run(seconds(1));
    expect![[r#"
        0.125 call 6001>+74951234567 Dialing
        0.125 slot 6001 CALLING
        0.135 call 6001>+74951234567 Ringing
        2.125 call 6001>+74951234567 Answered
        2.125 slot 6001 ACTIVE_CALL
        12.125 CDR 6001>+74951234567 Answered caller_hung_up 200 ring=1990 talk=10000
        12.125 call 6001>+74951234567 Ended
        12.125 slot 6001 IDLE
    "#]]
    .assert_eq(&world.log);
    let invite = world.phone("A").last("INVITE").to_owned();
    let lines: Vec<_> =
        invite.lines().filter(|line| ["INVITE", "From", "To:", "Max", "Priv", "P-"].iter().any(|name| line.starts_with(name))).collect();
    expect![[r#"
        INVITE sip:+74951234567@10.0.9.1 SIP/2.0
        From: <sip:+74950000001@10.0.9.1>;tag=9b03261eacf3b377
        To: <sip:+74951234567@10.0.9.1>
        Max-Forwards: 69"#]]
    .assert_eq(&lines.join("\n"));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.direction, cdr.carrier, cdr.outcome), (Direction::Outbound, Some(CarrierId(1)), Outcome::Answered));
    assert_eq!((cdr.caller_slot.map(|slot| slot.0), cdr.callee_slot, cdr.segments.len()), (Some(1), None, 1));
    assert_eq!(tries(&cdr), [(1, Some(TryOutcome::Answered), Some(200))]);
    assert_eq!((cdr.tries[0].caller.as_str(), cdr.tries[0].target.as_deref()), ("+74950000001", Some("udp 10.0.9.1:5060")));
    let (row, _) = &world.recorded[0];
    assert_eq!((row.left.number.as_str(), row.right.number.as_str()), ("6001", "+74951234567"), "left is our side (R15)");
    world.assert_clean();
}

/// The slots 6001 to 6003, of which the first has a caller number of its own.
pub(crate) fn calling_as(number: &str) -> std::sync::Arc<Directory> {
    let plain = directory(3);
    let slots = plain.slots().cloned().map(|slot| match slot.id.0 {
        1 => SlotEntry { caller: number.parse().ok(), ..slot },
        _ => slot,
    });
    let hub = plain.hub(HubId(1)).unwrap().clone();
    std::sync::Arc::new(Directory::new(plain.realm.clone(), vec![hub], slots.collect()))
}

/// Each row: the number that an administrator gave the slot, and as whom A and B are called (R8).
#[test]
fn a_slot_calls_by_its_own_number_where_that_is_verified() {
    let a = A.replace(
        r#""callers": [{"number": "+74950000001"}]"#,
        r#""callers": [{"number": "+74950000001"}, {"number": "+74950000003"}, {"number": "+74950000004", "center": "2"}], "centers": "all""#,
    );
    let rows = [
        ("+74950000003", "+74950000003", "74951111111"),
        ("+74951111111", "+74950000001", "74951111111"),
        ("+74950000004", "+74950000001", "74951111111"),
        ("", "+74950000001", "74951111111"),
    ];
    for (number, by_a, by_b) in rows {
        let mut world = world_of(&a, &[WORLD]);
        world.set_plan_of(calling_as(number), &[&a, B], &[WORLD]);
        world.phone("A").habit = Habit::Refuse(503);
        world.dial("6001", "+74951234567");
        world.run(seconds(1));
        for (peer, by) in [("A", by_a), ("B", by_b)] {
            let from = world.phone(peer).header("INVITE", "From").unwrap().to_owned();
            assert!(from.starts_with(&format!("<sip:{by}@")), "{number}: {from}");
        }
        world.hang_up("6001");
        world.run(seconds(1));
        let shown: Vec<String> = world.cdrs()[0].tries.iter().map(|tried| tried.caller.clone()).collect();
        assert_eq!(shown, [by_a, by_b], "{number}");
        // Another slot's calls, and those that are ordered over REST, go by the same rule.
        world.phone("A").habit = Habit::Answer;
        world.start_call(1, 1, "+74951234567").unwrap();
        world.run(seconds(2));
        assert!(world.phone("A").last("INVITE").contains(&format!("From: <sip:{by_a}@")), "{number}");
        world.hang_up("A");
        world.run(seconds(1));
        world.dial("6002", "+74951234567");
        world.run(seconds(1));
        assert!(world.phone("A").last("INVITE").contains("From: <sip:+74950000001@"), "{number}");
        world.hang_up("6002");
        world.run(seconds(1));
        world.assert_clean();
    }
}

/// A machine with two addresses: each carrier is called from the one that the kernel goes there from, and Via and Contact say so.
#[test]
fn a_call_leaves_from_where_the_kernel_goes_to_the_carrier() {
    let mut world = world();
    let hosts = ["10.0.9.1", "10.0.9.2"].map(|host| host.parse().unwrap());
    assert!(hosts.iter().all(|host| world.routed.contains(host)), "{:?}", world.routed);
    world.input(Input::Routed { remote: hosts[0], ours: vec![(Transport::Udp, "10.0.0.77:5060".parse().unwrap())] });
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(100));
    let (via, contact) =
        (world.phone("A").header("INVITE", "Via").unwrap().to_owned(), world.phone("A").header("INVITE", "Contact").unwrap().to_owned());
    assert!(via.contains("10.0.0.77:5060") && contact.contains("10.0.0.77:5060"), "{via} {contact}");
    world.assert_replays();
}

#[test]
fn a_carrier_that_is_gone_is_told_once() {
    let mut world = world();
    world.events.clear();
    world.set_plan(3, &[A], &[]);
    world.set_plan(3, &[A], &[]);
    let gone: Vec<i64> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::CarrierRemoved { carrier, .. } => Some(carrier.0),
            _ => None,
        })
        .collect();
    assert_eq!(gone, [2]);
    world.assert_clean();
}

/// A number of ours that calls come by is full with the calls that go out as it, too.
#[test]
fn a_call_counts_for_the_number_that_it_is_shown_by() {
    let a = A.replace(r#""callers": ["#, r#""callers": [{"number": "+74950000002"}, "#);
    let mut world = world_of(&a, &[WORLD]);
    world.set_plan_of(calling_as("+74950000002"), &[&a, B], &[WORLD]);
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    // +74950000002 may have one call at once.
    world.bring("A", "+79161234567", "+74950000002", &[]);
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::NumberFull);
    world.hang_up("6001");
    world.run(seconds(1));
    world.assert_clean();
}

/// Each row: what A does, and what it says beside; whether B is tried then; the tries; the cause.
#[test]
fn another_carrier_is_tried_when_one_fails() {
    use TryOutcome::{Answered, Refused, Silent};
    type Row = (Habit, &'static [(&'static str, &'static str)], bool, TryOutcome, Option<u16>, Cause);
    let rows: [Row; 12] = [
        (Habit::Refuse(503), &[], true, Refused, Some(503), Cause::CallerHungUp),
        (Habit::Refuse(403), &[], true, Refused, Some(403), Cause::CallerHungUp),
        (Habit::Refuse(488), &[], true, Refused, Some(488), Cause::CallerHungUp),
        (Habit::Dead, &[], true, Silent, None, Cause::CallerHungUp),
        (Habit::Idle, &[], true, Silent, None, Cause::CallerHungUp),
        (Habit::Refuse(503), &[("Reason", "Q.850;cause=34")], true, Refused, Some(503), Cause::CallerHungUp),
        (Habit::Refuse(503), &[("Reason", "Q.850;cause=17;text=\"busy\"")], false, Refused, Some(503), Cause::CalleeFailed),
        (Habit::Refuse(486), &[], false, Refused, Some(486), Cause::Busy),
        (Habit::Refuse(404), &[], false, Refused, Some(404), Cause::NoSuchNumber),
        (Habit::Refuse(480), &[], false, Refused, Some(480), Cause::NoAnswer),
        (Habit::Refuse(603), &[], false, Refused, Some(603), Cause::Declined),
        (Habit::Refuse(302), &[("Contact", "<sip:+74959999999@x>")], false, Refused, Some(302), Cause::CalleeFailed),
    ];
    for (habit, says, next, outcome, status, cause) in rows {
        let name = format!("{habit:?} {says:?}");
        let mut world = world();
        world.phone("A").habit = habit;
        world.phone("A").says = says.iter().map(|(header, value)| (*header, (*value).to_owned())).collect();
        world.dial("6001", "+74951234567");
        // One that has said 100 is there, and has four times as long as one that is silent.
        world.run(seconds(10));
        assert_eq!(world.phone("B").called, next && habit != Habit::Idle, "{name}");
        world.run(seconds(15));
        assert_eq!(world.phone("B").called, next, "{name}");
        world.hang_up("6001");
        world.run(seconds(1));
        let cdr = world.cdrs()[0].clone();
        let mut expected = vec![(1, Some(outcome), status)];
        expected.extend(next.then_some((2, Some(Answered), Some(200))));
        assert_eq!(tries(&cdr), expected, "{name}");
        assert_eq!(cdr.cause, cause, "{name}");
        assert_eq!(cdr.carrier, Some(CarrierId(if next { 2 } else { 1 })), "{name}");
        if next {
            // A leg of its own: another call for whoever hears both, and B's way to write numbers.
            let of = |world: &mut World, peer: &str| {
                let phone = world.phone(peer);
                (phone.header("INVITE", "Call-ID").map(str::to_owned), phone.header("INVITE", "From").map(str::to_owned))
            };
            let (a, b) = (of(&mut world, "A"), of(&mut world, "B"));
            assert!(habit == Habit::Dead || a.0 != b.0, "{name}");
            assert!(b.1.unwrap().starts_with("<sip:74951111111@10.0.9.2>"), "{name}");
        }
        world.assert_clean();
    }
}

#[test]
fn when_all_have_failed_so_has_the_call() {
    let mut world = world();
    world.phone("A").habit = Habit::Refuse(503);
    world.phone("B").habit = Habit::Refuse(502);
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.cause, cdr.sip_status, cdr.outcome), (Cause::CarrierFailed, 502, Outcome::Failed));
    let refused = world.phone("6001").refused.clone();
    assert_eq!(refused[0], "503 Service Unavailable");
    assert!(refused[1].contains("Q.850;cause=38") && refused[2].starts_with("Retry-After: "), "{refused:?}");
    world.assert_clean();
}

#[test]
fn a_carrier_that_nobody_listens_at_costs_no_time() {
    let mut world = world();
    world.phone("A").habit = Habit::Dead;
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(100));
    world.input(Input::Unreachable { remote: "10.0.9.1:5060".parse().unwrap() });
    world.run(Duration::from_millis(100));
    assert!(world.phone("B").called);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(world.cdrs()[0])[0], (1, Some(TryOutcome::Unreachable), None));
    world.assert_clean();
}

#[test]
fn an_answer_that_comes_too_late_is_hung_up_on() {
    let mut world = world();
    world.phone("A").habit = Habit::Idle;
    world.dial("6001", "+74951234567");
    // A answers while our CANCEL is on its way to it.
    world.run(Duration::from_millis(24_003));
    world.answer("A");
    world.run(seconds(1));
    assert_eq!((world.phone("A").count("CANCEL"), world.phone("A").count("BYE")), (1, 1));
    assert_eq!((world.phone("A").session, world.board.calls()), (None, 1));
    assert!(world.phone("B").session.is_some(), "the call is B's");
    world.hang_up("B");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].cause, Cause::CalleeHungUp);
    world.assert_clean();
}

#[test]
fn a_carrier_that_takes_ten_seconds_to_find_the_phone_is_waited_for() {
    let mut world = world();
    world.phone("A").habit = Habit::Idle;
    world.dial("6001", "+74951234567");
    world.run(seconds(12));
    world.answer("A");
    world.run(seconds(1));
    assert!(!world.phone("B").called && world.slot_state(1) == SlotState::ActiveCall);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(world.cdrs()[0]), [(1, Some(TryOutcome::Answered), Some(200))]);
    world.assert_clean();
}

/// A withheld number, and carriers that withhold none.
#[test]
fn help_is_called_whatever_the_settings_say_of_callers() {
    for (number, expected) in [("+74951234567", Cause::NotWithheld), ("112", Cause::CallerHungUp)] {
        let mut world = world_of(A, &[WORLD]);
        world.dial("6001", number);
        world.rewrite_last(|invite| invite.replacen("Max-Forwards", "Privacy: id\r\nMax-Forwards", 1));
        world.run(seconds(1));
        world.hang_up("6001");
        world.run(seconds(1));
        assert_eq!(world.cdrs()[0].cause, expected, "{number}");
        world.assert_clean();
    }
}

#[test]
fn the_next_host_of_a_carrier_comes_before_the_next_carrier() {
    let mut world = world_of(&A.replace(r#""sip:10.0.9.1""#, r#""sip:10.0.9.8", "sip:10.0.9.1""#), &[WORLD]);
    world.dial("6001", "+74951234567");
    world.run(seconds(7));
    assert!(world.phone("A").called && !world.phone("B").called);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(world.cdrs()[0]), [(1, Some(TryOutcome::Silent), None), (1, Some(TryOutcome::Answered), Some(200))]);
    // What failed lately comes last.
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(world.cdrs()[1]).len(), 1);
    // When there is nothing else, it is tried all the same.
    world.phone("A").habit = Habit::Refuse(503);
    world.dial("6001", "+74951234567");
    world.run(seconds(8));
    world.hang_up("6001");
    world.run(seconds(1));
    let carriers: Vec<i64> = tries(world.cdrs()[2]).iter().map(|(carrier, ..)| *carrier).collect();
    assert_eq!(carriers, [1, 1, 2]);
    world.assert_clean();
}

fn named() -> String {
    A.replace("sip:10.0.9.1", "sip:a.test")
}

fn at(address: &str) -> Said {
    Said::Records(vec![Record { ttl_s: 3_600, data: Data::A(address.parse().unwrap()) }])
}

#[test]
fn a_host_is_found_by_its_name() {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5070");
    let srv = Data::Srv { priority: 1, weight: 1, port: 5070, target: "one.a.test".into() };
    world.zone.insert((Kind::Srv, "_sip._udp.a.test"), Some(Said::Records(vec![Record { ttl_s: 60, data: srv }])));
    world.zone.insert((Kind::A, "one.a.test"), Some(at("10.0.9.1")));
    world.set_plan(3, &[&named()], &[WORLD]);
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    assert!(world.phone("A").last("INVITE").starts_with("INVITE sip:+74951234567@a.test SIP/2.0"), "the URI keeps the name");
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn who_waits_for_dns_waits_alone_and_can_give_up() {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.add_peer("B", "10.0.9.2:5060");
    for kind in [Kind::Naptr, Kind::Srv, Kind::A] {
        for name in ["a.test", "_sip._udp.a.test"] {
            world.zone.insert((kind, name), None);
        }
    }
    world.set_plan(3, &[&named(), B], &[WORLD]);
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    // Another call is up meanwhile.
    world.dial("6002", "6003");
    world.run(seconds(1));
    assert_eq!(world.slot_state(2), SlotState::ActiveCall);
    // CANCEL while it is looked for.
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!((world.cdrs()[0].cause, world.cdrs()[0].tries.len()), (Cause::CallerGaveUp, 0));
    assert_eq!(world.phone("6001").session, None);
    // Nor does it wait for ever: the next carrier is tried after the time of silence.
    world.dial("6001", "+74951234567");
    world.run(seconds(7));
    assert!(world.phone("B").called && !world.phone("A").called);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(tries(world.cdrs()[1]), [(1, Some(TryOutcome::NotFound), None), (2, Some(TryOutcome::Answered), Some(200))]);
    // An order ends a call that waits, too.
    let call = world.start_call(7, 1, "+74951234567").unwrap();
    world.run(seconds(1));
    world.order(Command::EndCall { user: UserId(7), any: false, call }).unwrap();
    world.run(seconds(1));
    assert_eq!(world.cdrs()[2].cause, Cause::EndedByRequest);
    world.hang_up("6002");
    world.assert_clean();
}

#[test]
fn an_operator_hears_a_beep_while_dns_is_asked() {
    let mut world = World::new(3);
    world.add_peer("A", "10.0.9.1:5060");
    world.zone.insert((Kind::A, "a.test"), None);
    world.zone.insert((Kind::Naptr, "a.test"), Some(Said::NoData { ttl_s: None }));
    world.set_plan(3, &[&named()], &[WORLD]);
    world.start_call(7, 1, "+74951234567").unwrap();
    world.run(seconds(1));
    assert_eq!(heard(&world, 1), [Hears::Tone(Tone::Beep)]);
    world.phone("A").habit = Habit::EarlyMedia;
    world.resolve(Kind::A, "a.test", at("10.0.9.1"));
    world.run(seconds(1));
    assert_eq!(heard(&world, 1), [Hears::Tone(Tone::Beep), Hears::Tone(Tone::Ring), Hears::Leg(LegId(2))]);
    world.answer("A");
    world.run(seconds(1));
    world.hang_up("6001");
    world.assert_clean();
}

/// Each row: how early media is wanted, what the operator hears of a 183 with SDP, and what a phone that dialled is told.
#[test]
fn early_media_is_as_the_carrier_wants_it() {
    type Row = (&'static str, &'static [Hears], &'static str);
    let far = LegId(2);
    let rows: [Row; 3] = [
        ("prefer", &[Hears::BeepThenRingUntil(LegId(2))], "183"),
        ("pass", &[Hears::Tone(Tone::Beep), Hears::Leg(LegId(2))], "183"),
        // The far leg's remote is not told before the answer, so nothing of it is heard.
        ("ring", &[Hears::BeepThenRingUntil(LegId(2))], "180"),
    ];
    for (policy, hears, status) in rows {
        let carrier = a_with(&format!(r#""early_media": "{policy}""#));
        let mut world = world_of(&carrier, &[WORLD]);
        world.phone("A").habit = Habit::EarlyMedia;
        world.start_call(7, 1, "+74951234567").unwrap();
        world.run(seconds(1));
        assert_eq!(heard(&world, 1), hears, "{policy}");
        let is_told = world.media.iter().any(|command| matches!(command, MediaCommand::Remote { leg, .. } if *leg == far));
        assert_eq!(is_told, policy != "ring", "{policy}");
        world.answer("A");
        world.run(seconds(1));
        assert_eq!(heard(&world, 1).last(), Some(&Hears::Leg(far)), "{policy}");
        world.hang_up("6001");
        world.run(seconds(1));
        world.verbose = true;
        world.dial("6001", "+74951234567");
        world.run(seconds(1));
        assert!(world.log.contains(&format!("> 10.0.1.1:5060 SIP/2.0 {status} ")), "{policy}: {}", world.log);
        world.hang_up("6001");
        world.assert_clean();
    }
}

/// A phone that dialled has heard A, plays no ring tone of its own any more, and A fails: it hears ours until B is heard (RFC 3960, 3.2).
/// Each row: B's settings, what B does, and what the phone hears.
#[test]
fn a_carrier_that_fails_after_early_media_leaves_no_silence() {
    let (a, b, ring) = (Hears::Leg(LegId(2)), Hears::Leg(LegId(3)), Hears::Tone(Tone::Ring));
    let rows = [
        ("prefer", Habit::Ring, vec![a, ring, b]),
        ("prefer", Habit::EarlyMedia, vec![a, ring, b, b]),
        ("ring", Habit::EarlyMedia, vec![a, ring, b]),
        // What such a carrier sends is all that is to be heard.
        ("pass", Habit::Ring, vec![a, Hears::Nothing, b]),
    ];
    for (policy, habit, hears) in rows {
        let mut world = World::new(3);
        world.add_peer("A", "10.0.9.1:5060");
        world.add_peer("B", "10.0.9.2:5060");
        let second = B.replacen('{', &format!(r#"{{"early_media": "{policy}", "#), 1);
        world.set_plan(3, &[A, &second], &[WORLD]);
        world.phone("A").habit = Habit::EarlyMedia;
        world.phone("B").habit = habit;
        world.dial("6001", "+74951234567");
        world.run(seconds(1));
        assert_eq!(heard(&world, 1), [a], "{policy}");
        let now = world.now;
        world.phone("A").refuse(now, 503);
        world.drain("A");
        world.run(seconds(1));
        assert_eq!(world.phone("B").count("INVITE"), 1, "{policy}");
        world.answer("B");
        world.run(seconds(1));
        assert_eq!(heard(&world, 1), hears, "{policy}");
        world.hang_up("6001");
        world.assert_clean();
    }
}

/// A phone that has heard nothing plays its own ring tone: it is sent none.
#[test]
fn a_phone_that_rings_by_itself_is_sent_no_tone() {
    let mut world = world();
    world.phone("A").habit = Habit::Refuse(503);
    world.phone("B").habit = Habit::Ring;
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!((world.phone("B").count("INVITE"), heard(&world, 1)), (1, vec![]));
    world.hang_up("6001");
    world.run(seconds(1));
    world.assert_clean();
}

#[test]
fn a_full_carrier_is_passed_over() {
    // Two calls at once.
    let mut world = world();
    for (slot, peer) in [("6001", "A"), ("6002", "A"), ("6003", "B")] {
        world.dial(slot, "+74951234567");
        world.run(seconds(1));
        assert_eq!(world.phone(peer).count("INVITE"), if slot == "6002" { 2 } else { 1 }, "{slot}");
    }
    world.hang_up("6003");
    world.run(seconds(1));
    // Whoever calls for help passes, also where there is room for nobody.
    world.dial("6003", "112");
    world.run(seconds(1));
    assert_eq!(world.phone("A").count("INVITE"), 3);
    world.hang_up("6003");
    world.run(seconds(1));
    // With A alone there is no carrier.
    world.set_plan(3, &[A], &[WORLD]);
    world.dial("6003", "+74951234567");
    world.run(seconds(1));
    assert_eq!((world.cdrs()[2].cause, world.phone("6003").refused[0].as_str()), (Cause::CarrierFull, "503 Service Unavailable"));
    assert_eq!(world.start_call(7, 3, "+74951234567"), Err(Refusal::Unavailable));
    world.hang_up("6001");
    world.run(seconds(1));
    world.dial("6003", "+74951234567");
    world.run(seconds(1));
    assert_eq!(world.slot_state(3), SlotState::ActiveCall, "a line is given back");
    // That it is switched off or gone ends no call.
    world.set_plan(3, &[B], &[]);
    world.run(seconds(5));
    assert_eq!(world.board.calls(), 2);
    world.hang_up("A");
    world.hang_up("6002");
    world.assert_clean();
}

#[test]
fn calls_begin_no_faster_than_a_carrier_takes_them() {
    let carrier = a_with(r#""calls_per_s": 1"#);
    let mut world = world_of(&carrier, &[WORLD]);
    world.dial("6001", "+74951234567");
    world.run(Duration::from_millis(900));
    world.dial("6002", "+74951234567");
    world.run(Duration::from_millis(50));
    assert!(world.phone("B").called);
    world.hang_up("6001");
    world.run(Duration::from_millis(200));
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    assert_eq!((world.phone("A").count("INVITE"), world.phone("B").count("INVITE")), (2, 1));
    world.hang_up("6001");
    world.hang_up("6002");
    world.assert_clean();
}

#[test]
fn a_line_that_was_taken_meanwhile_is_passed_over() {
    let mut world = world_of(&a_with(r#""priority": 1"#), &[WORLD]);
    // B first, which is silent; A's two lines are taken while that is found out.
    let order = r#"{"name": "world", "position": 1, "match": {"to": ["+*"]},
        "then": {"do": "carriers", "order": [{"carrier": "2"}, {"carrier": "1"}]}}"#;
    let only = r#"{"name": "A", "position": 0, "match": {"to": ["+7812*"]}, "then": {"do": "carriers", "order": [{"carrier": "1"}]}}"#;
    world.set_plan(3, &[A, B], &[order, only]);
    world.phone("B").habit = Habit::Dead;
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    for slot in ["6002", "6003"] {
        world.dial(slot, "+78121234567");
        world.run(seconds(1));
    }
    world.run(seconds(6));
    let cdr = world.cdrs()[0].clone();
    assert_eq!(tries(&cdr), [(2, Some(TryOutcome::Silent), None), (1, Some(TryOutcome::Full), None)]);
    assert_eq!(cdr.cause, Cause::CarrierFull);
    world.hang_up("6002");
    world.hang_up("6003");
    world.assert_clean();
}

#[test]
fn the_gate_is_asked_before_any_carrier() {
    let mut world = world();
    let limited = world.limited(1, 2, &["6*"], 3);
    world.set_plan_of(limited, &[A, B], &[WORLD]);
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.cause, cdr.direction, cdr.tries.len()), (Cause::DestinationNotAllowed, Direction::Outbound, 0));
    assert!(!world.phone("A").called, "nobody is called");
    let refused = world.start_call(7, 1, "+74951234567").unwrap_err();
    assert!(matches!(refused, Refusal::DestinationNotAllowed { .. }), "{refused:?}");
    // Help is called whatever the list says, if a route leads there.
    world.dial("6001", "112");
    world.run(seconds(1));
    assert_eq!(world.slot_state(1), SlotState::ActiveCall);
    world.hang_up("6001");
    world.assert_clean();
}

/// Each row: the redirects that A's calls may follow, where it sends the call, whether slot 6001 may call there, who is called then, the cause.
#[test]
fn a_redirection_passes_the_plan_and_the_gate() {
    type Row = (u8, &'static str, &'static str, Option<&'static str>, Cause);
    let rows: [Row; 6] = [
        (1, "<sip:+74959999999@elsewhere.test>", "+7*", Some("B"), Cause::CallerHungUp),
        (1, "<sip:84959999999@elsewhere.test>;q=0.1", "+7*", Some("B"), Cause::CallerHungUp),
        // Where to does not matter: our own routes say by whom.
        (1, "<sip:+882345678901@10.0.9.2>", "+7*", None, Cause::DestinationNotAllowed),
        (1, "<sip:6002@pbx.test>", "*", Some("6002"), Cause::CallerHungUp),
        (1, "<sip:nobody@pbx.test>", "*", None, Cause::CalleeFailed),
        (0, "<sip:+74959999999@elsewhere.test>", "+7*", None, Cause::CalleeFailed),
    ];
    for (redirects_max, contact, destinations, called, cause) in rows {
        let carrier = a_with(&format!(r#""redirects_max": {redirects_max}"#));
        let special = r#"{"name": "forwarded", "position": 0, "match": {"to": ["+74959999999"]},
            "then": {"do": "carriers", "order": [{"carrier": "2"}]}}"#;
        let diverting = B.replacen('{', r#"{"identity": {"redirections": "diversion"}, "#, 1);
        let mut world = world();
        let limited = world.limited(1, 1, &[destinations], 3);
        world.set_plan_of(limited, &[&carrier, &diverting], &[WORLD, special]);
        world.phone("A").habit = Habit::Refuse(302);
        world.phone("A").says = vec![("Contact", contact.to_owned())];
        world.dial("6001", "+74951234567");
        world.run(seconds(1));
        for peer in ["B", "6002"] {
            assert_eq!(world.phone(peer).called, called == Some(peer), "{contact}: {peer}");
        }
        if called == Some("B") {
            assert!(world.phone("B").last("INVITE").starts_with("INVITE sip:74959999999@10.0.9.2 "), "{contact}");
            assert_eq!(world.phone("B").header("INVITE", "Diversion"), Some("<sip:74951234567@10.0.9.2>;reason=unconditional;counter=1"));
        }
        world.hang_up("6001");
        world.run(seconds(1));
        assert_eq!(world.cdrs()[0].cause, cause, "{contact}");
        world.assert_clean();
    }
}

#[test]
fn two_carriers_that_send_a_call_to_and_fro_end_it() {
    let mut world = world();
    let [a, b] = [A, B].map(|carrier| carrier.replacen('{', r#"{"redirects_max": 5, "#, 1));
    world.set_plan(3, &[&a, &b], &[WORLD]);
    world.phone("A").habit = Habit::Refuse(302);
    world.phone("A").says = vec![("Contact", "<sip:+74951234567@x>".to_owned())];
    world.dial("6001", "+74951234567");
    world.run(seconds(2));
    assert_eq!(world.phone("A").count("INVITE"), 6, "the first, and five that were sent on");
    assert_eq!(tries(world.cdrs()[0]).last(), Some(&(1, Some(TryOutcome::Refused), Some(302))));
    world.assert_clean();
}

/// However many hosts there are, and however often a 3xx begins with them anew, a call is no flood.
#[test]
fn a_call_is_sent_to_carriers_so_many_times_and_no_more() {
    let mut world = world();
    let hosts: Vec<String> = (1..=7).map(|host| format!("10.0.9.1{host}")).collect();
    let uris: Vec<String> = hosts.iter().map(|host| format!(r#""sip:{host}""#)).collect();
    let a = A.replace(r#""sip:10.0.9.1""#, &uris.join(", "));
    let b = B.replacen('{', r#"{"redirects_max": 5, "#, 1);
    for host in &hosts {
        world.add_peer(host, &format!("{host}:5060"));
        world.phone(host).habit = Habit::Refuse(503);
    }
    world.set_plan(3, &[&a, &b], &[WORLD]);
    world.phone("B").habit = Habit::Refuse(302);
    world.phone("B").says = vec![("Contact", "<sip:+74951234567@x>".to_owned())];
    world.dial("6001", "+74951234567");
    world.run(seconds(5));
    let of_a: usize = hosts.iter().map(|host| world.phone(host).count("INVITE")).sum();
    assert_eq!((of_a, world.phone("B").count("INVITE")), (14, 2), "7 and 1, and the same after the first 3xx: then there are 16");
    let cdr = world.cdrs()[0];
    assert_eq!((cdr.tries.len(), cdr.outcome), (16, Outcome::Failed));
    world.assert_clean();
}

#[test]
fn only_its_own_realm_learns_by_whom_we_are_known() {
    let account = r#""accounts": [{"username": "us", "password": "secret", "realm": "carrier", "register": false}], "identity": {"from": "account", "asserted": true}"#;
    for (realm, is_answered) in [("carrier", true), ("elsewhere", false)] {
        let mut world = world_of(&a_with(account), &[WORLD]);
        world.phone("A").habit = Habit::Challenge;
        world.phone("A").realm = realm;
        world.dial("6001", "+74951234567");
        world.run(seconds(1));
        let proof = world.phone("A").header("INVITE", "Proxy-Authorization").map(str::to_owned);
        assert_eq!(proof.is_some_and(|proof| proof.contains("username=\"us\"")), is_answered, "{realm}");
        // A challenge that is not answered is the carrier's failure, and the next one is not shown any account.
        assert_eq!(world.phone("B").called, !is_answered, "{realm}");
        assert_eq!(world.phone("B").header("INVITE", "Proxy-Authorization"), None);
        let from = world.phone("A").header("INVITE", "From").unwrap().to_owned();
        assert!(from.starts_with("<sip:us@10.0.9.1>"), "{from}");
        assert_eq!(world.phone("A").header("INVITE", "P-Asserted-Identity"), Some("<sip:+74950000001@10.0.9.1>"));
        world.hang_up("6001");
        world.assert_clean();
    }
}

/// Each row: what A does about a number that is to be withheld, and what B is told of it: whether it is called, From, Privacy, the number.
#[test]
fn a_number_that_is_to_be_withheld_is_not_told() {
    type Row = (&'static str, bool, Option<&'static str>, bool);
    let rows: [Row; 3] = [("refuse", false, None, false), ("id", true, Some("id"), true), ("anonymous", true, None, false)];
    for (privacy, is_called, header, is_told) in rows {
        let identity = format!(r#""identity": {{"asserted": true, "privacy": "{privacy}"}}"#);
        let mut world = World::new(1);
        world.add_peer("A", "10.0.9.1:5060");
        world.set_plan(1, &[&a_with(&identity)], &[WORLD]);
        world.dial("6001", "+74951234567");
        world.rewrite_last(|invite| invite.replacen("Max-Forwards", "Privacy: id;critical\r\nMax-Forwards", 1));
        world.run(seconds(1));
        assert_eq!(world.phone("A").called, is_called, "{privacy}");
        assert_eq!(world.phone("A").header("INVITE", "Privacy"), header, "{privacy}");
        assert_eq!(world.phone("A").header("INVITE", "P-Asserted-Identity").is_some(), is_told, "{privacy}");
        if is_called {
            let from = world.phone("A").header("INVITE", "From").unwrap().to_owned();
            assert!(from.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), "{from}");
        } else {
            assert_eq!(
                (world.cdrs()[0].cause, tries(world.cdrs()[0])),
                (Cause::NotWithheld, vec![(1, Some(TryOutcome::NotWithheld), None)])
            );
        }
        world.hang_up("6001");
        world.assert_clean();
    }
}

#[test]
fn a_tls_stream_has_to_prove_the_domain_of_the_uri() {
    let mut world = World::new(1);
    world.add_peer("A", "10.0.9.1:5061");
    world.zone.insert((Kind::A, "a.test"), Some(at("10.0.9.1")));
    world.set_plan(1, &[&A.replace("sip:10.0.9.1", "sips:a.test")], &[WORLD]);
    world.verbose = true;
    world.dial("6001", "+74951234567");
    world.run(seconds(1));
    let secured = world.secured.clone();
    let [(flow, name)] = secured.as_slice() else { panic!("{:?}", world.secured) };
    assert_eq!((flow.to_string().as_str(), name.as_str()), ("TLS 10.0.0.1:0 - 10.0.9.1:5061", "a.test"));
    let invite = world.phone("A").last("INVITE").to_owned();
    assert!(invite.starts_with("INVITE sip:+74951234567@a.test;transport=tls SIP/2.0"), "{invite}");
    assert!(invite.contains("Via: SIP/2.0/TLS 10.0.0.1;branch="), "a port that is none is not written: {invite}");
    // The stream cannot be opened.
    world.input(Input::FlowClosed { flow: *flow });
    world.hang_up("6001");
    world.assert_clean();
}

#[test]
fn the_world_is_called_over_rest() {
    let mut world = world();
    assert_eq!(world.start_call(7, 1, "999"), Err(Refusal::NoRoute));
    world.phone("A").habit = Habit::Ring;
    let call = world.start_call(7, 1, "84951234567").unwrap();
    world.run(seconds(2));
    assert_eq!(heard(&world, 1), [Hears::BeepThenRingUntil(LegId(2))], "R9");
    world.answer("A");
    world.run(seconds(3));
    world.order(Command::EndCall { user: UserId(7), any: false, call }).unwrap();
    world.run(seconds(1));
    let cdr = world.cdrs()[0].clone();
    assert_eq!((cdr.callee.as_str(), cdr.direction, cdr.user), ("+74951234567", Direction::Outbound, Some(UserId(7))));
    // The far side fails: the operator hears it.
    world.phone("A").habit = Habit::Refuse(486);
    world.start_call(7, 1, "84951234567").unwrap();
    world.run(seconds(2));
    assert_eq!(heard(&world, 3).last(), Some(&Hears::Tone(Tone::Busy)));
    world.run(seconds(2));
    assert_eq!(world.cdrs()[1].cause, Cause::Busy);
    world.assert_clean();
}

#[test]
fn the_plan_may_change_while_the_operators_phone_rings() {
    let mut world = world();
    world.phone("6001").habit = Habit::Ring;
    world.start_call(7, 1, "84951234567").unwrap();
    world.run(seconds(1));
    world.set_plan(3, &[], &[]);
    world.answer("6001");
    world.run(seconds(5));
    assert_eq!(world.cdrs()[0].cause, Cause::NoSuchNumber);
    assert!(!world.phone("A").called);
    world.assert_clean();
}

#[test]
fn a_route_can_lead_to_several_slots() {
    let mut world = World::new(3);
    let route =
        r#"{"name": "desk", "position": 1, "match": {"to": ["100"]}, "then": {"do": "slots", "slots": ["6002", "6003"], "ring_s": 5}}"#;
    world.set_plan_of(directory(3), &[], &[route]);
    for peer in ["6002", "6003"] {
        world.phone(peer).habit = Habit::Ring;
    }
    world.dial("6001", "100");
    world.run(seconds(2));
    world.answer("6003");
    world.run(seconds(1));
    let states: Vec<_> = (1..=3).map(|slot| world.slot_state(slot)).collect();
    assert_eq!(states, [SlotState::ActiveCall, SlotState::Idle, SlotState::ActiveCall]);
    world.hang_up("6001");
    world.run(seconds(1));
    assert_eq!(world.cdrs()[0].callee_slot.map(|slot| slot.0), Some(3));
    world.dial("6001", "100");
    world.run(seconds(6));
    assert_eq!(world.cdrs()[1].cause, Cause::NoAnswer, "for as long as the route says");
    world.assert_clean();
}
