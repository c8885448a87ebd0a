//! Tapes that are whole play; others say where they are not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests; a test needs a first instant")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use expect_test::{Expect, expect};
use media::{LegId, MediaEvent};
use model::{CallId, Command, SlotId, SlotState, UserId, WallTime};
use sip_core::{Flow, Transport};

use super::*;
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
        Command::TakeSlot { user: UserId(7), slot: SlotId(1) },
        Command::ReleaseSlot { user: UserId(7), any: false, slot: SlotId(1), epoch: Some(4) },
        Command::SetService { slot: SlotId(1), state: SlotState::Disabled },
        Command::RetireSlots { slots: vec![SlotId(1), SlotId(2)] },
        Command::Ladder { call: CallId(5) },
        Command::KeepAlive { user: UserId(7) },
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
        Input::Settings(Box::new(settings())),
        Input::MediaLost { worker: 1 },
        Input::Clock(WallTime(-5)),
        Input::Drain,
        Input::EndAll,
        Input::Timeout,
    ];
    inputs.extend(commands.into_iter().enumerate().map(|(at, command)| Input::Command { order: Order(at as u64), command }));
    inputs
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
    assert_eq!((first.inputs, first.differs_at), (inputs().len(), None));
    let played: Vec<_> = first.text.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(played, outputs);
    assert!(!outputs.is_empty());
    // What was recorded of the outputs is compared: here the recorder missed one.
    let start = Instant::now();
    let mut other = Vec::new();
    let mut recorder = Recorder::begin(start, WALL, &settings(), &directory(), &Restored::default(), [2; 32], &mut other);
    recorder.input(start, &Input::Drain, &mut other);
    assert_eq!(replay(start, &other).unwrap().differs_at, Some(2));
}

#[test]
fn a_tape_that_is_cut_or_garbled_says_where() {
    let (tape, _) = tape();
    let lines: Vec<&[u8]> = tape.split_inclusive(|octet| *octet == b'\n').collect();
    let check = |tape: &[u8], expected: &Expect| {
        expected.assert_eq(&replay(Instant::now(), tape).unwrap_err().to_string());
    };
    check(b"", &expect![[r#"the tape is empty"#]]);
    check(&tape[..tape.len() - 5], &expect![[r#"the tape is cut in line 24"#]]);
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
    check(&signed(r#"{"tape":2,"new":"things"}"#), &expect![[r#"the tape is of version 2; only version 1 can be played"#]]);
    check(&signed(r#"{"tape":1}"#), &expect![[r#"the tape is garbled in line 1: missing field `wall` at line 1 column 10"#]]);
}
