//! Tapes that are whole play; others say where they are not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests; a test needs a first instant")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use expect_test::{Expect, expect};
use media::{LegId, MediaEvent};
use model::{
    CallId, CarrierId, CenterId, Command, RouteId, SlotId, SlotState, TransferTo, UserId, WallTime,
    carrier::CarrierEntry,
    route::{Numbering, Plan, RouteEntry},
};
use sip_core::{
    DomainName, Flow, Transport,
    locate::{Answer, Data, Kind, Query, Record, Said},
};

use super::{text::DirectoryText, *};
use crate::{
    MediaPort, Order,
    tests::{WALL, directory, settings},
};

/// One of each input.
fn inputs() -> Vec<Input> {
    let flow = Flow { transport: Transport::Tcp, local: "[::1]:5060".parse().unwrap(), remote: "10.0.0.9:5060".parse().unwrap() };
    let commands = [
        Command::StartCall { user: UserId(7), slot: SlotId(1), number: "+7(495)1".parse().unwrap() },
        Command::EndCall { user: UserId(7), any: true, call: CallId(5) },
        Command::TransferCall { user: UserId(7), any: false, call: CallId(5), to: TransferTo::Number("6002".parse().unwrap()) },
        Command::TransferCall { user: UserId(7), any: true, call: CallId(5), to: TransferTo::Call(CallId(6)) },
        Command::TakeSlot { user: UserId(7), slot: SlotId(1) },
        Command::ReleaseSlot { user: UserId(7), any: false, slot: SlotId(1), epoch: Some(4) },
        Command::SetService { slot: SlotId(1), state: SlotState::Disabled },
        Command::RetireSlots { slots: vec![SlotId(1), SlotId(2)] },
        Command::Ladder { call: CallId(5) },
        Command::KeepAlive { user: UserId(7) },
        Command::Bans,
        Command::Security,
        Command::BanSource { address: "192.0.2.1".parse().unwrap(), for_s: 60, note: Some("x".to_owned()) },
        Command::ReleaseBan { address: "192.0.2.1".parse().unwrap() },
    ];
    let mut inputs = vec![
        Input::Received { flow, bytes: Bytes::from((0..=255).collect::<Vec<u8>>()) },
        Input::Unreachable { remote: flow.remote },
        Input::FlowClosed { flow },
        Input::Ports(vec![MediaPort { worker: 1, port: 20_000 }]),
        Input::Media(MediaEvent::FirstMedia { leg: LegId(1) }),
        Input::Media(MediaEvent::Digit { leg: LegId(1), digit: '#', duration_ms: 9 }),
        Input::Media(MediaEvent::Silent { leg: LegId(1) }),
        Input::Media(MediaEvent::Closed { leg: LegId(1), stats: media::LegStats::default() }),
        Input::Directory(Arc::new(directory())),
        Input::Directory(Arc::new(with_carriers())),
        Input::Outward(vec![(Transport::Udp, flow.local), (Transport::Tls, "10.0.0.1:0".parse().unwrap())]),
        resolved(Said::Records(vec![
            Record { ttl_s: 60, data: Data::A([10, 0, 0, 1].into()) },
            Record { ttl_s: 0, data: Data::Aaaa(std::net::Ipv6Addr::LOCALHOST) },
            Record { ttl_s: 1, data: Data::Srv { priority: 1, weight: 2, port: 5060, target: "b.test.".into() } },
            Record {
                ttl_s: 1,
                data: Data::Naptr {
                    order: 1,
                    preference: 2,
                    flags: b"s\xff".to_vec(),
                    services: b"SIP+D2U".to_vec(),
                    regexp: Vec::new(),
                    replacement: "_sip._udp.a.test".into(),
                },
            },
        ])),
        resolved(Said::NoData { ttl_s: Some(5) }),
        resolved(Said::NoSuchName { ttl_s: None }),
        resolved(Said::Failure),
        Input::Settings(Box::new(settings())),
        Input::MediaLost { worker: 1 },
        Input::Clock(WallTime(-5)),
        Input::Journal { behind: true },
        Input::Journal { behind: false },
        Input::Drain,
        Input::EndAll,
        Input::Timeout,
    ];
    inputs.extend(commands.into_iter().enumerate().map(|(at, command)| Input::Command { order: Order(at as u64), command }));
    inputs
}

fn resolved(said: Said) -> Input {
    let query = Query { name: DomainName::parse(b"a.test").unwrap(), kind: Kind::A };
    Input::Resolved { query, answer: Answer { name: "a.test".into(), kind: Kind::A, said } }
}

/// The directory with a carrier and a route.
fn with_carriers() -> Directory {
    let carrier = r#"{"name": "A", "hosts": ["sip:a.test"], "capacity": 3, "callers": [{"number": "+74950000001"}],
        "accounts": [{"username": "us", "password": "secret"}], "currency": "RUB", "rates": [{"prefix": "+7", "per_minute": "90.5"}],
        "numbers": [{"number": "+74950000001", "to": ["6001", {"id": "2"}]}],
        "form": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}}"#;
    let route = r#"{"name": "world", "position": 7, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": [{"carrier": "1"}]}}"#;
    let carrier = CarrierEntry { id: CarrierId(1), center: CenterId::DEFAULT, carrier: serde_json::from_str(carrier).unwrap() };
    let route = RouteEntry { id: RouteId(4), center: CenterId::DEFAULT, route: serde_json::from_str(route).unwrap() };
    let forms = [(CenterId::DEFAULT, carrier.carrier.form.clone().unwrap())].into();
    let services = ["1001".parse().unwrap()].into();
    let numbering = Numbering { forms, services, ..Numbering::of(&directory()) };
    directory().with_plan(Arc::new(Plan::compile(&[route], &[carrier], numbering).unwrap()))
}

#[test]
fn a_plan_is_read_as_it_was_written() {
    let text = DirectoryText::of(&with_carriers());
    let read = text.directory().unwrap();
    let (before, after) = (with_carriers(), read);
    assert_eq!(format!("{:?}", before.plan()), format!("{:?}", after.plan()));
    assert_eq!(before.plan().carriers().collect::<Vec<_>>(), after.plan().carriers().collect::<Vec<_>>());
}

/// A tape of all inputs, and what happened.
fn tape() -> (Vec<u8>, Vec<String>) {
    let start = Instant::now();
    let mut tape = Vec::new();
    let mut recorder = Recorder::begin(start, WALL, &settings(), &directory(), &Restored::default(), [2; 32], &mut tape);
    let mut board = Switchboard::new(start, WALL, settings(), Arc::new(directory()), &Restored::default(), [2; 32]);
    let mut outputs = Vec::new();
    let mut drain = |board: &mut Switchboard, recorder: &mut Recorder| {
        while let Some(output) = board.poll() {
            recorder.output(&output);
            outputs.push(describe(&output));
        }
    };
    drain(&mut board, &mut recorder);
    for (at, input) in inputs().into_iter().enumerate() {
        let now = start + Duration::from_nanos(1_234_567_891 * at as u64);
        recorder.input(now, &input, &mut tape);
        board.handle(now, input);
        drain(&mut board, &mut recorder);
    }
    (tape, outputs)
}

#[test]
fn every_input_is_read_as_it_was_written() {
    for input in inputs() {
        let json = serde_json::to_string(&InputText::of(&input)).unwrap();
        let read: InputText = serde_json::from_str(&json).unwrap();
        let read = read.input().unwrap();
        assert_eq!(serde_json::to_string(&InputText::of(&read)).unwrap(), json);
        // A directory shows its look-up tables in any order.
        if !matches!(input, Input::Directory(_)) {
            assert_eq!(format!("{read:?}"), format!("{input:?}"), "{json}");
        }
    }
}

#[test]
fn a_tape_plays_back_to_the_same() {
    let (tape, outputs) = tape();
    let first = replay(Instant::now(), &tape).unwrap();
    let again = replay(Instant::now() + Duration::from_secs(99), &tape).unwrap();
    assert_eq!(first, again);
    assert_eq!((first.inputs, &first.verdict), (inputs().len(), &Verdict::Same));
    let played: Vec<_> = first.text.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(played, outputs);
    assert!(!outputs.is_empty());
    // What was recorded of the outputs is compared: here the recorder missed one.
    let start = Instant::now();
    let mut other = Vec::new();
    let mut recorder = Recorder::begin(start, WALL, &settings(), &directory(), &Restored::default(), [2; 32], &mut other);
    recorder.input(start, &Input::Drain, &mut other);
    assert_eq!(replay(start, &other).unwrap().verdict, Verdict::Differs { line: 2 });
}

/// A tape as if `edit` had been its recorder's way to write: each line with a right hash.
fn rewritten(tape: &[u8], edit: impl Fn(usize, &str) -> String) -> Vec<u8> {
    let mut chain = Hash::new();
    let mut other = Vec::new();
    for (at, line) in std::str::from_utf8(tape).unwrap().lines().enumerate() {
        let json = edit(at + 1, &line[17..]);
        chain.add(json.as_bytes());
        other.extend_from_slice(format!("{:016x} {json}\n", chain.0).as_bytes());
    }
    other
}

#[test]
fn a_tape_of_another_version_is_played_and_not_compared() {
    let (tape, _) = tape();
    let first = replay(Instant::now(), &tape).unwrap();
    let ours = format!(r#""server":"{SERVER}""#);
    let play = |by: &str, outputs: &str| {
        let tape = rewritten(&tape, |line, json| match line {
            1 => json.replace(&ours, by),
            // The outputs that the other version had before line 5 were not ours.
            5 => format!(r#"{}"o":"{outputs}"}}"#, json.split_once(r#""o":"#).unwrap().0),
            _ => json.to_owned(),
        });
        replay(Instant::now(), &tape).unwrap()
    };
    let other = play(r#""server":"0.0.9""#, "0000000000000000");
    assert_eq!(other.verdict, Verdict::OtherVersion { recorded_by: Some("0.0.9".to_owned()) });
    assert_eq!((other.inputs, other.digest, &other.text), (first.inputs, first.digest, &first.text), "played all the same");
    assert_eq!(play(r#""server":null"#, "0000000000000000").verdict, Verdict::OtherVersion { recorded_by: None });
    assert_eq!(play(&ours, "0000000000000000").verdict, Verdict::Differs { line: 5 });
}

#[test]
fn what_another_version_has_written_is_not_called_garbled() {
    let (tape, _) = tape();
    let error = |edit: &dyn Fn(usize, &str) -> String| replay(Instant::now(), &rewritten(&tape, edit)).unwrap_err().to_string();
    let ours = format!(r#""server":"{SERVER}""#);
    let strange = |line: usize, json: &str| if line == 3 { json.replace("unreachable", "vanished") } else { json.to_owned() };
    assert!(error(&strange).starts_with("the tape is garbled in line 3: unknown variant `vanished`"), "{}", error(&strange));
    let foreign = |line: usize, json: &str| strange(line, &json.replace(&ours, r#""server":"9.0.0""#));
    let told = error(&foreign);
    let start = format!("the tape was recorded by version 9.0.0; version {SERVER} cannot read its line 3: unknown variant `vanished`");
    assert!(told.starts_with(&start), "{told}");
    let foreign = |_: usize, json: &str| json.replace(&ours, r#""server":"9.0.0""#).replace(r#""wall""#, r#""clock""#);
    assert!(error(&foreign).contains("cannot read its line 1: missing field `wall`"), "{}", error(&foreign));
}

#[test]
fn a_tape_that_is_cut_or_garbled_says_where() {
    let (tape, _) = tape();
    let lines: Vec<&[u8]> = tape.split_inclusive(|octet| *octet == b'\n').collect();
    let check = |tape: &[u8], expected: &Expect| {
        expected.assert_eq(&replay(Instant::now(), tape).unwrap_err().to_string());
    };
    check(b"", &expect![[r#"the tape is empty"#]]);
    check(&tape[..tape.len() - 5], &expect!["the tape is cut in line 38"]);
    check(b"RIFF\0\0\n", &expect![[r#"the tape is garbled in line 1: it is too short"#]]);
    check(&[lines[0], lines[2]].concat(), &expect![[r#"the tape is garbled in line 2: its hash does not fit"#]]);
    // Half of it, at the end of a line, is a whole tape.
    assert_eq!(replay(Instant::now(), &lines[..10].concat()).unwrap().inputs, 9);
    // An octet that flips is found wherever it is.
    for at in (0..tape.len()).step_by(97) {
        let mut flipped = tape.clone();
        flipped[at] ^= 1;
        let line = tape[..at].iter().filter(|octet| **octet == b'\n').count() + 1;
        match replay(Instant::now(), &flipped).unwrap_err() {
            TapeError::Garbled { line: told, .. } | TapeError::Cut { line: told } => assert!(told == line || told == line + 1, "{at}"),
            other => panic!("{at}: {other}"),
        }
    }
    // A right hash over another version, and over what no version has.
    let signed = |json: &str| {
        let mut chain = Hash::new();
        chain.add(json.as_bytes());
        format!("{:016x} {json}\n", chain.0).into_bytes()
    };
    check(&signed(r#"{"tape":2,"new":"things"}"#), &expect![[r#"the tape is of format 2; only format 1 can be played"#]]);
    check(&signed(r#"{"tape":1}"#), &expect![[r#"the tape is garbled in line 1: missing field `wall` at line 1 column 10"#]]);
}

#[test]
fn settings_that_cannot_be_are_not_played() {
    let (tape, _) = tape();
    let far = |wanted: usize| {
        let edit = move |line: usize, json: &str| {
            let far = r#""lease":{"secs":18446744073709551615"#;
            if line == wanted { json.replace(r#""lease":{"secs":90"#, far) } else { json.to_owned() }
        };
        replay(Instant::now(), &rewritten(&tape, edit)).unwrap_err().to_string()
    };
    // In the head, and where they were read anew.
    let settings = 2 + inputs().iter().position(|input| matches!(input, Input::Settings(_))).unwrap();
    for line in [1, settings] {
        let expected = format!("the tape is garbled in line {line}: lease is 18446744073709551615 s, and 31622400 s is the most");
        assert_eq!(far(line), expected);
    }
}

/// Each number of a tape, one at a time, as large, as small and as odd as its digits allow, under a right hash.
#[test]
fn numbers_that_cannot_be_are_played_or_refused() {
    const ODD: [&str; 8] =
        ["0", "-1", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "1e308"];
    let (tape, _) = tape();
    let (mut played, mut refused) = (0, 0);
    for (line, json) in std::str::from_utf8(&tape).unwrap().lines().map(|line| &line[17..]).enumerate() {
        let octets = json.as_bytes();
        let is_start = |at: &usize| matches!(octets[at - 1], b':' | b',' | b'[') && octets[*at].is_ascii_digit();
        for at in (1..octets.len()).filter(is_start) {
            let end = at + octets[at..].iter().take_while(|octet| octet.is_ascii_digit()).count();
            for odd in ODD {
                let edit = |place: usize, json: &str| {
                    if place == line + 1 { format!("{}{odd}{}", &json[..at], &json[end..]) } else { json.to_owned() }
                };
                match replay(Instant::now(), &rewritten(&tape, edit)) {
                    Ok(_) => played += 1,
                    Err(TapeError::Garbled { line: told, .. }) => {
                        assert_eq!(told, line + 1, "{odd}");
                        refused += 1;
                    }
                    // The version of the format.
                    Err(TapeError::Version { .. }) => refused += 1,
                    Err(other) => panic!("line {}: {odd}: {other}", line + 1),
                }
            }
        }
    }
    assert!(played > 100 && refused > 100, "{played} {refused}");
}
