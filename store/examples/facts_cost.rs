//! What a fact costs: feeds a journal at a fixed rate, lets the consumer follow, and tells the processor time that each took.
//!
//! ```sh
//! cargo run --release -p store --example facts_cost -- bound 2000 10 sqlite:/tmp/facts.db
//! cargo run --release -p store --example facts_cost -- call 200 10 sqlite:/tmp/facts.db
//! ```
//!
//! `bound` is a phone that refreshes its registration; `call` is a whole call of 100 ms with its recording's row. The rate is in registrations
//! or calls a second. `postgres` in place of a URL is a private server for this run. A rate of 0 feeds everything at once, as after an outage, and tells how long catching up takes.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for developers")]

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use model::{
    Binding, CallId, CallStatus, CallView, Cause, Cdr, CenterId, ChannelRole, Direction, Fact, Ha1, HubKind, Number, Outcome, RecordingRow,
    RecordingState, Segment, SlotId, UserId, WallTime,
};
use store::{
    NewTrunk, Store,
    consumer::{Progress, consume},
    journal::Journal,
};
use tokio::sync::watch;

/// How many phones register.
const SLOTS: u64 = 999;
/// How often the feeder wakes.
const TICK: Duration = Duration::from_millis(1);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, rate, seconds, url] = <[String; 4]>::try_from(arguments).expect("bound|call, the rate, the seconds, the database's URL");
    let (rate, seconds): (u64, u64) = (rate.parse().unwrap(), seconds.parse().unwrap());
    let make: fn(u64, u64) -> Vec<(u64, Fact)> = match what.as_str() {
        "bound" => bound,
        "call" => call,
        _ => panic!("bound or call"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let url = if url == "postgres" { store::testing::Postgres::shared().database() } else { url };
    let store = runtime.block_on(open(&url));
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path()).unwrap();
    journal.skip_to(runtime.block_on(store.cursor()).unwrap());
    let (wake, woken) = watch::channel(journal.last_seq());
    let (tell, mut progress) = watch::channel(Progress::default());
    let consumer = runtime.spawn(consume(store, dir.path().to_owned(), woken, tell));

    let count = if rate == 0 { 2000 * seconds } else { rate * seconds };
    let before = cpu("/proc/self/task");
    let began = Instant::now();
    let feeder = thread::spawn(move || {
        let mut facts: Vec<(u64, Fact)> = (0..count).flat_map(|n| make(n, (n * 1_000_000).checked_div(rate).unwrap_or(0))).collect();
        facts.sort_by_key(|(at_us, _)| *at_us);
        let making = own_cpu();
        let began = Instant::now();
        let mut facts = facts.into_iter().peekable();
        while facts.peek().is_some() {
            let now = u64::try_from(began.elapsed().as_micros()).unwrap();
            // One append a loop's batch, as signalling does.
            let mut batch = Vec::new();
            while let Some((_, fact)) = facts.next_if(|(at_us, _)| *at_us <= now && batch.len() < 256) {
                batch.push(fact);
            }
            if !batch.is_empty() {
                wake.send_replace(journal.append(&batch).unwrap());
            }
            if rate != 0 {
                thread::park_timeout(TICK);
            }
        }
        let last = journal.last_seq();
        (last, own_cpu() - making, making, wake, journal)
    });
    let (last, appending, making, wake, journal) = feeder.join().unwrap();
    runtime.block_on(progress.wait_for(|progress| progress.consumed == last)).unwrap();
    let took = began.elapsed();
    let consuming = cpu("/proc/self/task") - before;
    drop(wake);
    runtime.block_on(consumer).unwrap();
    drop(journal);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / u32::try_from(count).map(f64::from).unwrap();
    println!(
        "{count} of {what} in {:.2} s: consumer {:.1} us each, appending {:.1} us each (making them took {:.1})",
        took.as_secs_f64(),
        each(consuming),
        each(appending),
        each(making)
    );
}

async fn open(url: &str) -> Store {
    let store = Store::open(url).await.unwrap();
    if store.trunks(CenterId::DEFAULT).await.unwrap().is_empty() {
        let credentials = |number: &Number| (number.to_string(), Ha1 { md5: [0; 16], sha256: [0; 32], sha512_256: [0; 32] });
        let new = NewTrunk { name: "Hub".to_owned(), kind: HubKind::Auto, capacity: 999 };
        store.create_trunk(&model::Actor::system(CenterId::DEFAULT, "example"), new, credentials).await.unwrap();
    }
    store
}

/// Processor time of the living threads of a process; the feeder is gone when it is asked.
fn cpu(tasks: &str) -> Duration {
    let times = fs::read_dir(tasks).unwrap().flatten().filter_map(|task| schedstat(&task.path().join("schedstat")));
    times.sum()
}

fn own_cpu() -> Duration {
    schedstat(Path::new("/proc/thread-self/schedstat")).unwrap()
}

fn schedstat(path: &Path) -> Option<Duration> {
    fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

const T0: i64 = 1_763_712_000_000;

fn at(n: u64, ms: i64) -> WallTime {
    WallTime(T0 + i64::try_from(n).unwrap() * 10 + ms)
}

fn bound(n: u64, at_us: u64) -> Vec<(u64, Fact)> {
    let slot = i64::try_from(n % SLOTS).unwrap() + 1;
    let address = format!("192.0.2.{}:{}", n % 250, 5060 + n % SLOTS);
    let binding = Binding {
        slot: SlotId(slot),
        contact: format!("sip:{}@{address};transport=udp;ob", 6000 + slot),
        transport: "udp".to_owned(),
        local: "192.0.2.254:5060".to_owned(),
        remote: address,
        call_id: format!("{slot:08x}-4c1f-4a3b-9a7e-0123456789ab@phone"),
        cseq: u32::try_from(n / SLOTS).unwrap() + 1,
        user_agent: "Example Phone 7.1.42 (build 9912)".to_owned(),
        since: at(n % SLOTS, 0),
        expires_at: at(n, 300_000),
        path: String::new(),
        instance: String::new(),
        reg_id: 0,
    };
    vec![(at_us, Fact::Bound { binding })]
}

fn call(n: u64, at_us: u64) -> Vec<(u64, Fact)> {
    let id = CallId((at(n, 0).0 << 22) | i64::try_from(n & 0x3f_ffff).unwrap());
    let (slot, other) = (i64::try_from(n % SLOTS).unwrap() + 1, i64::try_from((n + 1) % SLOTS).unwrap() + 1);
    let user = Some(UserId(i64::try_from(n % 100).unwrap() + 1));
    let call = CallView {
        call_id: id,
        center: CenterId::DEFAULT,
        parent: None,
        status: CallStatus::Dialing,
        direction: Direction::Internal,
        caller: (6000 + slot).to_string(),
        callee: (6000 + other).to_string(),
        caller_slot: Some(SlotId(slot)),
        callee_slot: Some(SlotId(other)),
        user,
        started_at: at(n, 0),
        ringing_at: None,
        answered_at: None,
        ended_at: None,
        outcome: None,
        cause: None,
        segments: Vec::new(),
        scenario: None,
        source: None,
        carrier: None,
        tries: Vec::new(),
        asked: None,
        transfer: None,
        rung: vec![model::Rung { slot: SlotId(2), user: None, at: WallTime(0) }],
    };
    let segment = Segment { user, slot: SlotId(slot), from: at(n, 20), to: None, hold_ms: 0 };
    let role = |role: &str, number: &str| ChannelRole { role: role.to_owned(), number: number.to_owned() };
    let row = RecordingRow {
        call_id: id,
        center: CenterId::DEFAULT,
        state: RecordingState::NotWanted,
        reason: None,
        file: None,
        left: role("caller", &call.caller),
        right: role("callee", &call.callee),
        started_at: at(n, 20),
        duration_ms: 0,
        size: 0,
    };
    let cdr = Cdr {
        call_id: id,
        center: CenterId::DEFAULT,
        parent: None,
        direction: Direction::Internal,
        caller: call.caller.clone(),
        callee: call.callee.clone(),
        caller_slot: call.caller_slot,
        callee_slot: call.callee_slot,
        user,
        started_at: at(n, 0),
        ringing_at: Some(at(n, 10)),
        answered_at: Some(at(n, 20)),
        ended_at: at(n, 120),
        ring_ms: 20,
        talk_ms: 100,
        outcome: Outcome::Answered,
        cause: Cause::CallerHungUp,
        sip_status: 200,
        segments: vec![Segment { to: Some(at(n, 120)), ..segment.clone() }],
        scenario: None,
        source: None,
        carrier: None,
        tries: Vec::new(),
        asked: None,
        rung: vec![model::Rung { slot: SlotId(2), user: None, at: WallTime(0) }],
    };
    let mut facts = vec![
        (at_us, Fact::CallStarted { call: call.clone() }),
        (at_us + 10_000, Fact::CallRinging { call: id, at: at(n, 10) }),
        (at_us + 20_000, Fact::CallAnswered { call: id, at: at(n, 20), segments: vec![segment.clone()] }),
        (at_us + 20_000, Fact::Recording { row }),
        (at_us + 120_000, Fact::CallEnded { cdr }),
    ];
    // Every 5 s all live calls are told; one of 100 ms is among them once in fifty times.
    if n.is_multiple_of(50) {
        let seen = CallView {
            status: CallStatus::Answered,
            ringing_at: Some(at(n, 10)),
            answered_at: Some(at(n, 20)),
            segments: vec![segment],
            ..call
        };
        facts.push((at_us + 60_000, Fact::CallsSeen { calls: vec![seen], at: at(n, 60) }));
    }
    facts
}
