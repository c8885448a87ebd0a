//! What the store's tests share: an empty database on each engine, and facts to feed it.

#![allow(dead_code, reason = "each test file uses its part")]
#![expect(unreachable_pub, clippy::unwrap_used, reason = "tests")]

use model::{
    Actor, Binding, CallId, CallStatus, CallView, CarrierId, CarrierTry, Cause, Cdr, CenterId, ChannelRole, Direction, Fact, Ha1, Number,
    Outcome, RecordingRow, RecordingState, RouteId, Segment, SlotId, UserId, WallTime,
    route::{AskOutcome, Asked},
};
use store::{Statement, Store, testing::Postgres};
use tempfile::TempDir;

/// An empty database.
pub struct Base {
    pub url: String,
    _dir: Option<TempDir>,
}

impl Base {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}/cordboard.db", dir.path().display()), _dir: Some(dir) }
    }

    pub fn postgres() -> Self {
        Self { url: Postgres::shared().database(), _dir: None }
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }
}

pub const CENTER: CenterId = CenterId::DEFAULT;
/// When the first call of a test begins.
pub const T0: i64 = 1_763_712_000_000;

/// Who does everything here.
pub fn actor() -> Actor {
    Actor::system(CENTER, "test")
}

/// How many records there are.
pub async fn cdrs(store: &Store) -> i64 {
    let count = "SELECT count(*) FROM cdrs";
    let row: Option<(i64,)> = store.db().one(Statement { name: "COUNT", lite: count, pg: count }, &[]).await.unwrap();
    row.unwrap().0
}

/// HA1s that differ from number to number.
pub fn credentials(number: &Number) -> (String, Ha1) {
    let digit = number.as_str().bytes().fold(0_u8, |sum, digit| sum.wrapping_mul(7).wrapping_add(digit));
    (number.to_string(), Ha1 { md5: [digit; 16], sha256: [digit; 32], sha512_256: [!digit; 32] })
}

pub fn at(ms: i64) -> WallTime {
    WallTime(T0 + ms)
}

/// The `n`th call's id, as signalling makes it.
pub fn call_id(n: i64) -> CallId {
    CallId(((T0 + n * 1000) << 22) | n)
}

/// The first picture of the `n`th call: from slot 1 to a number, by `user`.
pub fn call(n: i64, user: Option<i64>) -> CallView {
    CallView {
        call_id: call_id(n),
        center: CENTER,
        parent: None,
        status: CallStatus::Dialing,
        direction: Direction::Outbound,
        caller: "6001".to_owned(),
        callee: format!("+7495{n:07}"),
        caller_slot: Some(SlotId(1)),
        callee_slot: None,
        user: user.map(UserId),
        started_at: at(n * 1000),
        ringing_at: None,
        answered_at: None,
        ended_at: None,
        outcome: None,
        cause: None,
        segments: Vec::new(),
        scenario: Some("sales".to_owned()),
        source: None,
        carrier: Some(CarrierId(101)),
        tries: vec![CarrierTry {
            carrier: CarrierId(101),
            caller: "+74950000000".to_owned(),
            called: Some("+74951234567".to_owned()),
            target: Some("udp 203.0.113.9:5060".to_owned()),
            at: at(n * 1000),
            outcome: None,
            status: None,
        }],
        asked: Some(Asked { route: RouteId(5), outcome: AskOutcome::Late, after_ms: 900, said: None }),
        transfer: None,
        rung: Vec::new(),
    }
}

/// The record of an answered call.
pub fn cdr(call: &CallView) -> Cdr {
    let start = call.started_at.0;
    Cdr {
        call_id: call.call_id,
        center: call.center,
        parent: call.parent,
        direction: call.direction,
        caller: call.caller.clone(),
        callee: call.callee.clone(),
        caller_slot: call.caller_slot,
        callee_slot: call.callee_slot,
        user: call.user,
        started_at: call.started_at,
        ringing_at: Some(WallTime(start + 100)),
        answered_at: Some(WallTime(start + 300)),
        ended_at: WallTime(start + 900),
        ring_ms: 200,
        talk_ms: 600,
        outcome: Outcome::Answered,
        cause: Cause::CalleeHungUp,
        sip_status: 200,
        segments: vec![Segment {
            user: call.user,
            slot: SlotId(1),
            from: WallTime(start + 300),
            to: Some(WallTime(start + 900)),
            hold_ms: 50,
        }],
        scenario: call.scenario.clone(),
        source: call.source.clone(),
        carrier: call.carrier,
        tries: call.tries.clone(),
        asked: call.asked.clone(),
        rung: call.rung.clone(),
    }
}

pub fn recording(n: i64, state: RecordingState) -> RecordingRow {
    RecordingRow {
        call_id: call_id(n),
        center: CENTER,
        state,
        reason: (state == RecordingState::Partial).then(|| "the disk was full".to_owned()),
        file: Some(format!("2025/11/21/{}.wav", call_id(n))),
        left: ChannelRole { role: "caller".to_owned(), number: "6001".to_owned() },
        right: ChannelRole { role: "callee".to_owned(), number: "+74951234567".to_owned() },
        started_at: at(n * 1000 + 300),
        duration_ms: if state == RecordingState::Recording { 0 } else { 600 },
        size: if state == RecordingState::Recording { 0 } else { 19_244 },
    }
}

pub fn binding(slot: i64, remote: &str) -> Binding {
    Binding {
        slot: SlotId(slot),
        contact: format!("sip:6001@{remote};ob"),
        transport: "udp".to_owned(),
        local: "192.0.2.1:5060".to_owned(),
        remote: remote.to_owned(),
        call_id: "a84b4c76e66710@pc33".to_owned(),
        cseq: u32::MAX,
        user_agent: "Phone/1.0 (\"<img src=x>'; DROP TABLE slots; --)".to_owned(),
        since: at(0),
        expires_at: at(300_000),
        path: String::new(),
        instance: String::new(),
        reg_id: 0,
    }
}

/// Gives facts their numbers, from `first` on.
pub fn numbered(first: u64, facts: impl IntoIterator<Item = Fact>) -> Vec<(u64, Fact)> {
    (first..).zip(facts).collect()
}
