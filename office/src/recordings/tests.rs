#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use model::{CallView, ChannelRole, Direction, Fact, RecordingRow};
use store::Store;
use tokio::sync::watch;

use super::*;
use crate::{
    Principal, WorkOptions,
    jobs::{Clock, Kinds, Runner, RunnerOptions},
    work::testing::{Base, both, house, person},
};

const HOME: CenterId = CenterId(1);
const NOW: WallTime = WallTime(1_795_000_000_000);
const STATE: Statement = both("SELECT state, file, held, erased_at FROM recordings WHERE call_id = $1");
const AUDITED: Statement = both("SELECT action, actor_name, diff FROM audit_log WHERE resource = 'recordings' ORDER BY seq");
const JOBS: Statement = both("SELECT state, result, error FROM jobs ORDER BY id");

/// What is on the disk, and what it does not let go.
#[derive(Default)]
struct Disk {
    files: Mutex<BTreeMap<String, u32>>,
}

impl Files for Disk {
    fn unlink(&self, file: &str) -> io::Result<()> {
        let mut files = self.files.lock().unwrap();
        match files.get_mut(file) {
            Some(refusals) if *refusals > 0 => {
                *refusals -= 1;
                Err(io::ErrorKind::ResourceBusy.into())
            }
            _ => {
                files.remove(file);
                Ok(())
            }
        }
    }
}

struct Rig {
    office: Office,
    store: Store,
    disk: Arc<Disk>,
    root: Principal,
    time: Arc<AtomicI64>,
    told: Arc<Mutex<Vec<RowNews>>>,
    facts: Mutex<u64>,
    base: Base,
}

impl Rig {
    async fn new(base: Base) -> Self {
        let (disk, store) = (Arc::new(Disk::default()), base.open().await);
        let kinds = Kinds::default().with(Unlink::new(disk.clone()));
        let office = house(store.clone(), WorkOptions { kinds, ..WorkOptions::default() }).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let hearing = told.clone();
        assert!(office.tell_rows(move |news| hearing.lock().unwrap().extend(news)));
        let root = person(&office, 7, "admin").await;
        Self { office, store, disk, root, time: Arc::new(AtomicI64::new(NOW.0)), told, facts: Mutex::default(), base }
    }

    async fn apply(&self, facts: Vec<Fact>) {
        let first = {
            let mut last = self.facts.lock().unwrap();
            let first = *last + 1;
            *last += facts.len() as u64;
            first
        };
        let facts: Vec<(u64, Fact)> = (first..).zip(facts).collect();
        self.store.apply(&facts).await.unwrap();
    }

    /// A call of the user's with a recording in this state.
    async fn call(&self, id: i64, state: RecordingState) -> CallId {
        self.apply(vec![Fact::CallStarted { call: view(id) }, Fact::Recording { row: row(id, state) }]).await;
        if let Some(file) = row(id, state).file {
            self.disk.files.lock().unwrap().insert(file, 0);
        }
        CallId(id)
    }

    async fn erase(&self, call: CallId) -> Result<WallTime, OfficeError> {
        self.office.erase_recording(&self.root.permit(can::RECORDINGS_DELETE).unwrap(), call, NOW).await
    }

    async fn hold(&self, call: CallId, held: bool) -> Result<(), OfficeError> {
        self.office.hold_recording(&self.root.permit(can::RECORDINGS_HOLD).unwrap(), call, held, NOW).await
    }

    async fn row(&self, call: CallId) -> (String, Option<String>, i64, Option<i64>) {
        self.store.db().one(STATE, binds![call]).await.unwrap().unwrap()
    }

    /// Works until there is nothing to do, also later.
    async fn work(&self, office: &Office) {
        let time = self.time.clone();
        let clock: Clock = Arc::new(move || WallTime(time.load(Ordering::Relaxed)));
        let runner = Runner::new(office.clone(), clock, RunnerOptions { workers: 1, seed: 1, node: 1, sole: true });
        let stop = watch::channel(false);
        for _ in 0..10 {
            while runner.try_turn(&stop.1).await.unwrap() {}
            self.time.fetch_add(3_600_000, Ordering::Relaxed);
        }
    }

    fn files(&self) -> Vec<String> {
        self.disk.files.lock().unwrap().keys().cloned().collect()
    }
}

fn view(id: i64) -> CallView {
    serde_json::from_value(json!({
        "call_id": CallId(id), "center": HOME, "parent": null, "status": "dialing", "direction": Direction::Inbound, "caller": "6001",
        "callee": "6002", "caller_slot": "3", "callee_slot": null, "user": "7", "started_at": NOW, "ringing_at": null,
        "answered_at": null, "ended_at": null, "outcome": null, "cause": null, "segments": [], "scenario": "sales", "source": null,
    }))
    .unwrap()
}

fn row(id: i64, state: RecordingState) -> RecordingRow {
    let role = |role: &str| ChannelRole { role: role.to_owned(), number: "6001".to_owned() };
    let has_file = !matches!(state, RecordingState::Failed | RecordingState::NotWanted);
    RecordingRow {
        call_id: CallId(id),
        center: HOME,
        state,
        reason: None,
        file: has_file.then(|| format!("{id}.wav")),
        left: role("caller"),
        right: role("callee"),
        started_at: NOW,
        duration_ms: 9_000,
        size: 1_044,
    }
}

fn refused<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> String {
    format!("{:?}", done.unwrap_err())
}

async fn an_erased_recording_is_gone_for_ever(rig: Rig) {
    rig.store.outbox_listen("test").await.unwrap();
    let call = rig.call(100, RecordingState::Complete).await;
    assert_eq!(rig.erase(call).await.unwrap(), NOW);
    // From now on nobody hears it; the file waits for its job.
    assert_eq!(rig.row(call).await, ("erased".to_owned(), Some("100.wav".to_owned()), 0, Some(NOW.0)));
    assert_eq!(rig.files(), ["100.wav"]);
    rig.work(&rig.office).await;
    assert_eq!(rig.row(call).await.1, None);
    assert_eq!(rig.files(), [""; 0]);
    // A fact that comes late changes nothing, nor does one that comes twice.
    for state in [RecordingState::Complete, RecordingState::Failed, RecordingState::Recording] {
        rig.apply(vec![Fact::Recording { row: row(100, state) }]).await;
    }
    assert_eq!(rig.row(call).await, ("erased".to_owned(), None, 0, Some(NOW.0)));
    assert_eq!(refused(rig.erase(call).await), format!("Conflict(Erased {{ at: {NOW:?} }})"));
    assert_eq!(refused(rig.hold(call, true).await), format!("Conflict(Erased {{ at: {NOW:?} }})"));
    assert_eq!(rig.office.recording_erased_at(call).await.unwrap(), Some(NOW));
    // Who may hear it is told, by whose it was and by the lists that it stands in.
    let told = rig.told.lock().unwrap().clone();
    let [news] = told.as_slice() else { unreachable!("{told:?}") };
    assert_eq!((news.kind, news.resource, news.id.as_str()), ("recording.erased", "recordings", call.to_string().as_str()));
    assert_eq!(news.gates[0].action, can::RECORDINGS_LISTEN);
    assert_eq!(news.gates[0].users, BTreeSet::from([UserId(7)]));
    assert_eq!(news.gates[0].lists, [(ListKind::Scenario, "sales".to_owned()), (ListKind::Slot, "3".to_owned())]);
    let kinds: Vec<String> = rig.store.outbox_read("test", 100).await.unwrap().into_iter().map(|row| row.kind).collect();
    assert!(kinds.contains(&"recording.erased".to_owned()), "{kinds:?}");
    let audited: Vec<(String, String, String)> = rig.store.db().all(AUDITED, &[]).await.unwrap();
    assert_eq!(audited, [("recordings.delete".to_owned(), "user-7".to_owned(), r#"{"state":["complete","erased"]}"#.to_owned())]);
}

async fn what_cannot_be_erased_stays(rig: Rig) {
    let held = rig.call(100, RecordingState::Partial).await;
    rig.hold(held, true).await.unwrap();
    rig.hold(held, true).await.unwrap();
    assert_eq!(refused(rig.erase(held).await), "Conflict(Held)");
    assert_eq!(rig.row(held).await, ("partial".to_owned(), Some("100.wav".to_owned()), 1, None));
    // A fact does not let it go.
    rig.apply(vec![Fact::Recording { row: row(100, RecordingState::Complete) }]).await;
    assert_eq!(refused(rig.erase(held).await), "Conflict(Held)");
    let growing = rig.call(101, RecordingState::Recording).await;
    assert!(refused(rig.erase(growing).await).starts_with("Conflict(State("));
    for (id, state) in [(102, RecordingState::Failed), (103, RecordingState::NotWanted)] {
        let call = rig.call(id, state).await;
        assert_eq!(refused(rig.erase(call).await), "NotFound(\"recording\")");
        assert_eq!(refused(rig.hold(call, true).await), "NotFound(\"recording\")");
    }
    assert_eq!(refused(rig.erase(CallId(999)).await), "NotFound(\"call\")");
    assert!(rig.told.lock().unwrap().is_empty());
    let audited: Vec<(String, String, String)> = rig.store.db().all(AUDITED, &[]).await.unwrap();
    assert_eq!(audited.len(), 1, "{audited:?}");
    assert_eq!(audited[0].2, r#"{"held":[false,true]}"#);
    rig.hold(held, false).await.unwrap();
    rig.erase(held).await.unwrap();
}

/// The program dies between the row and the file: the next one unlinks it, whatever became of the job.
async fn a_crash_leaves_a_file_to_be_unlinked(rig: Rig) {
    let call = rig.call(100, RecordingState::Complete).await;
    rig.erase(call).await.unwrap();
    rig.store.db().run(both("DELETE FROM jobs"), &[]).await.unwrap();
    let again = rig.base.open().await;
    let kinds = Kinds::default().with(Unlink::new(rig.disk.clone()));
    let office = house(again, WorkOptions { kinds, ..WorkOptions::default() }).await;
    assert_eq!(rig.files(), ["100.wav"]);
    office.install_schedules(NOW).await.unwrap();
    let night = rig.time.fetch_add(24 * 3_600_000, Ordering::Relaxed);
    office.run_due_schedules(WallTime(night + 24 * 3_600_000)).await.unwrap();
    rig.work(&office).await;
    assert_eq!(rig.files(), [""; 0]);
    assert_eq!(rig.row(call).await.1, None);
}

async fn a_file_that_the_disk_keeps_is_tried_again(rig: Rig) {
    for id in 100..350 {
        let call = rig.call(id, RecordingState::Complete).await;
        let mut tx = rig.store.db().begin().await.unwrap();
        recordings::erase(&mut tx, call, NOW).await.unwrap();
        tx.commit().await.unwrap();
    }
    rig.disk.files.lock().unwrap().extend([("120.wav".to_owned(), 2), ("340.wav".to_owned(), 50)]);
    let last = rig.call(400, RecordingState::Complete).await;
    rig.erase(last).await.unwrap();
    rig.work(&rig.office).await;
    // One gave way in time, and one kept nobody else waiting.
    assert_eq!(rig.files(), ["340.wav"]);
    let jobs: Vec<(String, Option<String>, Option<String>)> = rig.store.db().all(JOBS, &[]).await.unwrap();
    assert_eq!(jobs[0].0, "failed");
    assert_eq!(jobs[0].2.as_deref(), Some("1 file(s) cannot be unlinked; they are tried again every night"));
    assert_eq!(jobs[0].1.as_deref(), Some(r#"{"refused":1,"unlinked":250}"#));
}

async fn what_has_had_its_time_is_erased(rig: Rig) {
    const DAY: i64 = 24 * 3_600_000;
    // A chunk and more of old ones, one of them held, one that failed, and one that is not old.
    for id in 0..520 {
        rig.call(1_000 + id, RecordingState::Complete).await;
    }
    rig.hold(CallId(1_007), true).await.unwrap();
    rig.call(2_000, RecordingState::Failed).await;
    rig.call(2_001, RecordingState::Recording).await;
    let young = RecordingRow { started_at: WallTime(NOW.0 + 5 * DAY), ..row(2_002, RecordingState::Partial) };
    rig.apply(vec![Fact::CallStarted { call: view(2_002) }, Fact::Recording { row: young }]).await;
    let night = async |days: i64| {
        let mut tx = rig.store.db().begin().await.unwrap();
        let now = WallTime(NOW.0 + days * DAY);
        rig.office.enqueue(&mut tx, now, NewJob::new("recordings.retain", HOME, json!({}))).await.unwrap();
        tx.commit().await.unwrap();
        rig.time.store(now.0, Ordering::Relaxed);
        rig.work(&rig.office).await;
        let left: Vec<(i64,)> =
            rig.store.db().all(both("SELECT call_id FROM recordings WHERE state <> 'erased' ORDER BY call_id"), &[]).await.unwrap();
        left.into_iter().map(|(call,)| call).collect::<Vec<_>>()
    };
    assert_eq!(night(11).await.len(), 523, "nobody has said so");
    let settings = |days: i64| crate::CenterChange {
        settings: Some(json!({"retention": {"recordings_days": days}})),
        ..crate::CenterChange::default()
    };
    let may = rig.root.permit(can::CENTERS_UPDATE).unwrap();
    for wrong in [0, -1, 36_501] {
        assert!(matches!(rig.office.update_center(&may, HOME, 1, &settings(wrong), NOW).await, Err(OfficeError::Invalid(_))));
    }
    rig.office.update_center(&may, HOME, 1, &settings(10), NOW).await.unwrap();
    assert_eq!(night(9).await.len(), 523, "not yet");
    assert_eq!(night(12).await, [1_007, 2_000, 2_001, 2_002]);
    assert_eq!(rig.files(), ["1007.wav", "2001.wav"]);
    assert_eq!(rig.told.lock().unwrap().len(), 519);
    let audited: Vec<(String, String, String)> = rig.store.db().all(AUDITED, &[]).await.unwrap();
    assert_eq!(audited.iter().filter(|(action, by, _)| action == "recordings.delete" && by == "retention").count(), 519);
    // What is let go is erased the night after.
    rig.hold(CallId(1_007), false).await.unwrap();
    assert_eq!(night(12).await, [2_000, 2_001, 2_002]);
}

async fn who_does_not_reach_the_call_erases_nothing(rig: Rig) {
    let call = rig.call(100, RecordingState::Complete).await;
    let operator = person(&rig.office, 8, "operator").await;
    assert!(operator.permit(can::RECORDINGS_DELETE).is_none() && operator.permit(can::RECORDINGS_HOLD).is_none());
    // Leave to another thing is no leave.
    let listen = rig.root.permit(can::RECORDINGS_LISTEN).unwrap();
    assert!(matches!(rig.office.erase_recording(&listen, call, NOW).await, Err(OfficeError::Defect(_))));
    assert_eq!(rig.row(call).await.0, "complete");
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test] async fn $name() { super::$name(Rig::new(Base::sqlite()).await).await; })*
        }
        mod postgres {
            use super::*;
            $(#[tokio::test] async fn $name() { super::$name(Rig::new(Base::postgres()).await).await; })*
        }
    };
}

on_both! {
    an_erased_recording_is_gone_for_ever
    what_cannot_be_erased_stays
    a_crash_leaves_a_file_to_be_unlinked
    a_file_that_the_disk_keeps_is_tried_again
    what_has_had_its_time_is_erased
    who_does_not_reach_the_call_erases_nothing
}
