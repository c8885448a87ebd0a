//! What can only be seen from inside: a defect in a call (FT-14).
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests; a test needs a first instant")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use media::Command as MediaCommand;
use model::{
    Binding, Cause, CenterId, Command, Directory, Event, Fact, Ha1, Hub, HubId, HubKind, SlotEntry, SlotId, SlotLimits, SlotState, UserId,
    WallTime,
};
use sip_core::{Algorithm, RegistrarSettings};

use crate::{Input, MediaPort, Order, Output, Restored, Settings, Switchboard};

pub(crate) const WALL: WallTime = WallTime(1_763_712_000_000);

pub(crate) fn directory() -> Directory {
    let hub = Hub { id: HubId(1), center: CenterId::DEFAULT, name: "test".into(), kind: HubKind::Auto, capacity: 2 };
    let slot = |id: i64| SlotEntry {
        id: SlotId(id),
        center: CenterId::DEFAULT,
        hub: HubId(1),
        kind: HubKind::Auto,
        number: format!("600{id}").parse().unwrap(),
        username: format!("600{id}"),
        ha1: Ha1 { md5: [0; 16], sha256: [0; 32], sha512_256: [0; 32] },
        service: SlotState::Idle,
        limits: SlotLimits::default(),
        caller: None,
    };
    Directory::new("realm".into(), vec![hub], vec![slot(1), slot(2)])
}

pub(crate) fn settings() -> Settings {
    Settings {
        domain: "pbx.test".into(),
        user_agent: "test".into(),
        media_address: None,
        public_address: None,
        local_nets: Vec::new(),
        media_timeout: Duration::from_secs(60),
        ring_s: 60,
        slot_ring_s: 15,
        session_expires_s: 1_800,
        session_min_s: 90,
        calls_max: 10,
        recording: true,
        registrar: RegistrarSettings::default(),
        digest: vec![Algorithm::Md5],
        nonce_key: [1; 32],
        nonce_life: Duration::from_secs(300),
        lease: Duration::from_secs(90),
        unregistered_grace: Duration::from_secs(60),
        ladder_memory: 1 << 20,
        carrier_nets: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
        armour: sip_core::ArmourSettings::default(),
    }
}

/// A switchboard whose slot 1 has a phone, though nobody answers there.
fn switchboard(now: Instant) -> Switchboard {
    let binding = Binding {
        slot: SlotId(1),
        contact: "sip:6001@10.0.0.9:5060".into(),
        transport: "udp".into(),
        local: "10.0.0.1:5060".into(),
        remote: "10.0.0.9:5060".into(),
        call_id: "a".into(),
        cseq: 1,
        user_agent: String::new(),
        since: WALL,
        expires_at: WallTime(WALL.0 + 3_600_000),
        path: String::new(),
        instance: String::new(),
        reg_id: 0,
    };
    let restored = Restored { bindings: vec![binding], listening: vec!["0.0.0.0:5060".parse().unwrap()], ..Restored::default() };
    let mut board = Switchboard::new(now, WALL, settings(), Arc::new(directory()), &restored, [2; 32]);
    board.handle(now, Input::Ports(vec![MediaPort { worker: 0, port: 20_000 }, MediaPort { worker: 0, port: 20_002 }]));
    while board.poll().is_some() {}
    board
}

#[test]
fn defects_by_the_hundred_leave_nothing() {
    let mut now = Instant::now();
    let mut board = switchboard(now);
    for _ in 0..10 {
        for _ in 0..10 {
            board.handle(now, Input::Ports(vec![MediaPort { worker: 0, port: 20_004 }]));
            start(&mut board, now);
            assert_eq!(board.calls(), 1);
            board.core.defective = true;
            board.handle(now, Input::EndAll);
            board.core.defective = false;
            assert_eq!(board.calls(), 0);
            while board.poll().is_some() {}
        }
        // 64*T1
        let end = now + Duration::from_secs(33);
        while let Some((due, _)) = board.timeout().filter(|(due, _)| *due < end) {
            now = now.max(due);
            board.handle(now, Input::Timeout);
            while board.poll().is_some() {}
        }
        now = end;
        assert_eq!((board.sessions(), board.transactions()), (0, 0));
    }
    // Each call used one port, and the other, which it did not come to use, is there again.
    assert_eq!(board.ports(), 2);
    assert!(board.ladder_octets() <= settings().ladder_memory);
}

fn start(board: &mut Switchboard, now: Instant) {
    let command = Command::StartCall { user: UserId(7), slot: SlotId(1), number: "6002".parse().unwrap() };
    board.handle(now, Input::Command { order: Order(1), command });
}

#[test]
fn a_defect_ends_its_own_call_with_a_record() {
    let now = Instant::now();
    let mut board = switchboard(now);
    start(&mut board, now);
    let mut outputs: Vec<Output> = std::iter::from_fn(|| board.poll()).collect();
    let call = outputs
        .iter()
        .find_map(|output| match output {
            Output::Fact(Fact::CallStarted { call }) => Some(call.call_id),
            _ => None,
        })
        .unwrap();

    board.core.defective = true;
    board.handle(now, Input::EndAll);
    outputs.extend(std::iter::from_fn(|| board.poll()));
    assert!(outputs.iter().any(|output| matches!(output, Output::Defect { call: of } if *of == call)));
    let ends: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Fact(Fact::CallEnded { cdr }) => Some((cdr.call_id, cdr.cause)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(call, Cause::Internal)], "one record, and it says so");
    assert_eq!(board.calls(), 0);
    // Its INVITE was never answered, so it is cancelled or given up; then nothing is left.
    while let Some((due, _)) = board.timeout().filter(|(due, _)| *due < now + Duration::from_secs(59)) {
        board.handle(due, Input::Timeout);
        outputs.extend(std::iter::from_fn(|| board.poll()));
    }
    assert_eq!((board.sessions(), board.transactions()), (0, 0));
    let closed = outputs.iter().filter(|output| matches!(output, Output::Media { command: MediaCommand::Close { .. }, .. })).count();
    assert_eq!(closed, 1, "its media is closed");
    let state = outputs.iter().rev().find_map(|output| match output {
        Output::Event(Event::SlotUpdated(view)) if view.id == SlotId(1) => Some(view.state),
        _ => None,
    });
    assert_eq!(state, Some(SlotState::Ready), "its slot is free again");
}

#[test]
fn calls_of_a_lost_media_worker_end() {
    let now = Instant::now();
    let mut board = switchboard(now);
    start(&mut board, now);
    board.handle(now, Input::Ports(vec![MediaPort { worker: 0, port: 20_004 }]));
    assert_eq!(board.ports(), 1);
    board.handle(now, Input::MediaLost { worker: 1 });
    assert_eq!((board.calls(), board.ports()), (1, 1), "another worker's loss changes nothing");
    board.handle(now, Input::MediaLost { worker: 0 });
    assert_eq!((board.calls(), board.ports()), (0, 0), "nor is a port left that nobody serves");
    let ends = std::iter::from_fn(|| board.poll()).filter(|output| matches!(output, Output::Fact(Fact::CallEnded { .. }))).count();
    assert_eq!(ends, 1);
}
