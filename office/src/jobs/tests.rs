#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use model::{CenterId, UserId, WallTime};
use serde_json::{Value, json};
use store::{Statement, Store, binds};
use tokio::sync::{Notify, watch};

use super::{
    runner::{Stepped, Turn, back_off},
    *,
};
use crate::{
    can,
    work::testing::{Base, both, house, office, person},
};

const T0: i64 = 1_763_712_000_000;

/// What jobs of these tests do: each piece is a row, so that what was done twice or not at all is seen.
const DO: Statement =
    both("INSERT INTO events_log (id, center_id, at, module, severity, code, message, data) VALUES ($1, 1, 0, $2, 'info', $3, '', '{}')");
const DONE: Statement = both("SELECT module, code FROM events_log ORDER BY id");
const ROW: Statement = both("SELECT state, attempts, run_at, done, total, error, result, lease_owner FROM jobs WHERE id = $1");
const SCHEDULE: Statement = both(
    "INSERT INTO schedules (id, center_id, kind, payload, cron, tz, enabled, next_at, version, created_at, updated_at, created_by)
    VALUES ($1, 1, 'count', '{\"to\":1}', $2, 'Europe/Berlin', 1, $3, 1, 0, 0, 7)",
);
const SCHEDULED: Statement = both("SELECT next_at, last_job_id FROM schedules WHERE id = $1");
const JOBS_OF: Statement = both("SELECT id, created_by FROM jobs WHERE schedule_id = $1 ORDER BY id");
const END_ALL: Statement = both("UPDATE jobs SET state = 'done', ended_at = 1 WHERE ended_at IS NULL");

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Row {
    state: String,
    attempts: i64,
    run_at: i64,
    done: i64,
    total: Option<i64>,
    error: Option<String>,
    result: Option<String>,
    lease_owner: Option<String>,
}

/// What the kinds of a test share with it.
#[derive(Default)]
struct World {
    time: AtomicI64,
    /// The time moves so much with each step.
    step_ms: AtomicI64,
    /// So many more tries fail.
    failures: AtomicU32,
    /// Who has taken a step, in order.
    steps: Mutex<Vec<i64>>,
    ended: Mutex<Vec<End>>,
    /// A step of `held` has come to its wait; it may go on.
    reached: Notify,
    go_on: Notify,
}

/// Counts to a number; each number is a row.
struct Counting(Arc<World>);

impl JobKind for Counting {
    fn name(&self) -> &'static str {
        "count"
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        let payload: Value = step.payload()?;
        let to = payload["to"].as_i64().unwrap();
        let at = step.checkpoint::<i64>()?.unwrap_or(0);
        let job = step.job().id;
        self.0.steps.lock().unwrap().push(job);
        self.0.time.fetch_add(self.0.step_ms.load(Ordering::Relaxed), Ordering::Relaxed);
        let tx = step.tx().await?;
        let id = store::sql::draw(tx, "event", 1).await?;
        tx.run(DO, binds![id, job.to_string(), at.to_string()]).await?;
        if self.0.failures.load(Ordering::Relaxed) > 0 {
            self.0.failures.fetch_sub(1, Ordering::Relaxed);
            return Err(JobError::Temporary("the line is engaged".to_owned()));
        }
        match payload["fail"].as_str() {
            Some("panic") => panic!("as asked"),
            Some("permanent") => return Err(JobError::Permanent("it cannot be done".to_owned())),
            Some("hold") if self.0.go_on_is_wanted(at) => {
                self.0.reached.notify_one();
                self.0.go_on.notified().await;
            }
            _ => {}
        }
        step.save(&(at + 1));
        step.progress(at + 1, Some(to));
        step.result(&json!({"counted": at + 1}));
        Ok(if at + 1 == to { Next::Done } else { Next::Again })
    }

    async fn ended(&self, step: &mut Step<'_>, how: &End) -> Result<(), JobError> {
        self.0.ended.lock().unwrap().push(how.clone());
        let job = step.job().id;
        let tx = step.tx().await?;
        let id = store::sql::draw(tx, "event", 1).await?;
        tx.run(DO, binds![id, job.to_string(), "ended"]).await?;
        Ok(())
    }
}

impl World {
    fn go_on_is_wanted(&self, at: i64) -> bool {
        at == 1
    }
}

/// Waits before it asks for its transaction, so that somebody else can take the job.
struct Late(Arc<World>);

impl JobKind for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    async fn step(&self, step: &mut Step<'_>) -> Result<Next, JobError> {
        if step.job().attempts == 0 {
            self.0.reached.notify_one();
            self.0.go_on.notified().await;
        }
        let (job, attempts) = (step.job().id, step.job().attempts);
        let tx = step.tx().await?;
        let id = store::sql::draw(tx, "event", 1).await?;
        tx.run(DO, binds![id, job.to_string(), attempts.to_string()]).await?;
        Ok(Next::Done)
    }
}

struct Rig {
    office: Office,
    world: Arc<World>,
}

impl Rig {
    fn new(store: Store) -> Self {
        let world = Arc::new(World::default());
        world.time.store(T0, Ordering::Relaxed);
        let kinds = Kinds::default().with(Counting(world.clone())).with(Late(world.clone()));
        Self { office: office(store, kinds), world }
    }

    fn clock(&self) -> Clock {
        let world = self.world.clone();
        Arc::new(move || WallTime(world.time.load(Ordering::Relaxed)))
    }

    fn runner(&self, seed: u64) -> Runner {
        Runner::new(self.office.clone(), self.clock(), RunnerOptions { workers: 2, seed, node: 1, sole: true })
    }

    fn pass(&self, ms: i64) {
        self.world.time.fetch_add(ms, Ordering::Relaxed);
    }

    async fn job(&self, kind: &'static str, payload: Value) -> i64 {
        let mut tx = self.office.store().db().begin().await.unwrap();
        let now = (self.clock())();
        let id = self.office.enqueue(&mut tx, now, NewJob::new(kind, CenterId(1), payload).by(UserId(7))).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn row(&self, id: i64) -> Row {
        self.office.store().db().one(ROW, binds![id]).await.unwrap().unwrap()
    }

    /// What each job has done.
    async fn done(&self) -> BTreeMap<String, Vec<String>> {
        let mut done: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (job, code) in self.office.store().db().all::<(String, String)>(DONE, &[]).await.unwrap() {
            done.entry(job).or_default().push(code);
        }
        done
    }

    /// Works until there is nothing to do.
    async fn work(&self, runner: &Runner) -> u32 {
        let (stop, mut turns) = (watch::channel(false), 0);
        while runner.turn(&stop.1, &mut None).await.unwrap() == Turn::Worked {
            turns += 1;
        }
        turns
    }

    async fn cancel(&self, id: i64) {
        let now = (self.clock())();
        self.office.store().db().run(CANCEL, binds![id, now]).await.unwrap();
    }
}

fn numbers(to: i64) -> Vec<String> {
    (0..to).map(|n| n.to_string()).collect()
}

async fn a_job_is_done_step_by_step(rig: Rig) {
    let (id, mut news) = (rig.job("count", json!({"to": 5})).await, rig.office.job_news());
    assert_eq!(rig.row(id).await.state, "queued");
    let later = {
        let mut tx = rig.office.store().db().begin().await.unwrap();
        let job = NewJob::new("count", CenterId(1), json!({"to": 1})).at(WallTime(T0 + 1000)).of(1).attempts(3);
        let id = rig.office.enqueue(&mut tx, WallTime(T0), job).await.unwrap();
        tx.commit().await.unwrap();
        id
    };
    assert_eq!(rig.work(&rig.runner(1)).await, 1);
    let row = rig.row(id).await;
    assert_eq!((row.state.as_str(), row.done, row.total, row.attempts), ("done", 5, Some(5), 0));
    assert_eq!(row.result.as_deref(), Some(r#"{"counted":5}"#));
    assert_eq!((row.lease_owner, row.error), (None, None));
    assert_eq!(rig.done().await[&id.to_string()], numbers(5));
    // The first step is told, then no more within the blink of an eye, then the end.
    let (first, last) = (news.try_recv().unwrap(), news.try_recv().unwrap());
    assert_eq!((first.id, first.state, first.done, first.created_by), (id, JobState::Running, 1, Some(UserId(7))));
    assert_eq!((last.state, last.done, last.total), (JobState::Done, 5, Some(5)));
    assert!(news.try_recv().is_err());
    // What was to be done later waits for its time.
    assert_eq!(rig.row(later).await.state, "queued");
    rig.pass(1000);
    rig.work(&rig.runner(1)).await;
    assert_eq!(rig.row(later).await.state, "done");
}

/// The runner is gone between two steps: another life goes on behind the last step that was committed.
async fn after_a_crash_each_piece_is_done_once(rig: Rig) {
    let id = rig.job("count", json!({"to": 6})).await;
    for seed in 1..=3 {
        let runner = rig.runner(seed);
        runner.take_over().await.unwrap();
        let mut held = runner.claim().await.unwrap().unwrap();
        assert_eq!(held.job.attempts, i64::from(seed > 1), "a crash is an attempt, until a step is taken");
        assert_eq!(runner.step(&mut held).await.unwrap(), Stepped::Goes);
        assert_eq!(rig.row(id).await.attempts, 0);
    }
    // In the middle of a step: what it wrote is not there.
    let held = rig.job("count", json!({"to": 3, "fail": "hold"})).await;
    let runner = rig.runner(4);
    runner.take_over().await.unwrap();
    rig.work_on(&runner, id, 6).await;
    let mut claimed = runner.claim().await.unwrap().unwrap();
    assert_eq!(claimed.job.id, held);
    assert_eq!(runner.step(&mut claimed).await.unwrap(), Stepped::Goes);
    tokio::select! {
        _ = runner.step(&mut claimed) => panic!("the step waits"),
        () = rig.world.reached.notified() => {}
    }
    drop((runner, claimed));
    assert_eq!(rig.done().await[&held.to_string()], numbers(1));
    rig.world.go_on.notify_one();
    let runner = rig.runner(5);
    runner.take_over().await.unwrap();
    rig.work(&runner).await;
    assert_eq!(rig.done().await, BTreeMap::from([(id.to_string(), numbers(6)), (held.to_string(), numbers(3))]));
    assert_eq!(rig.row(held).await.state, "done");
}

impl Rig {
    /// Takes a job's steps until it is done.
    async fn work_on(&self, runner: &Runner, id: i64, done: i64) {
        let mut held = runner.claim().await.unwrap().unwrap();
        assert_eq!(held.job.id, id);
        while runner.step(&mut held).await.unwrap() == Stepped::Goes {}
        assert_eq!(self.row(id).await.done, done);
    }
}

/// Without the certainty that nobody else runs, a lease is waited for; who has lost it leaves nothing behind.
async fn a_lease_is_kept_and_lost(rig: Rig) {
    let id = rig.job("late", json!({})).await;
    let (first, second) = (rig.runner(1), rig.runner(2));
    let mut held = first.claim().await.unwrap().unwrap();
    let slow = tokio::spawn(async move { first.step(&mut held).await.unwrap() });
    rig.world.reached.notified().await;
    rig.pass(29_000);
    assert!(second.claim().await.unwrap().is_none(), "it is the first one's");
    rig.pass(1_001);
    rig.work(&second).await;
    assert_eq!(rig.row(id).await.state, "done");
    rig.world.go_on.notify_one();
    assert_eq!(slow.await.unwrap(), Stepped::Left);
    assert_eq!(rig.done().await[&id.to_string()], ["1"], "the second one's attempt only");
}

/// Of a database that others use too, an installation takes over what it had itself, and nobody else's.
async fn an_installation_takes_over_its_own_jobs(rig: Rig) {
    let id = rig.job("count", json!({"to": 3})).await;
    let runner = |node, seed| Runner::new(rig.office.clone(), rig.clock(), RunnerOptions { workers: 1, seed, node, sole: false });
    // This one is killed after its first step.
    let killed = runner(1, 1);
    let mut held = killed.claim().await.unwrap().unwrap();
    killed.step(&mut held).await.unwrap();
    let other = runner(2, 2);
    other.take_over().await.unwrap();
    assert_eq!(rig.work(&other).await, 0, "it is another installation's");
    let again = runner(1, 3);
    again.take_over().await.unwrap();
    assert_eq!(rig.work(&other).await, 1, "a lease that is over is anybody's to take");
    assert_eq!(rig.row(id).await.state, "done");
    assert_eq!(rig.done().await[&id.to_string()], ["0", "1", "2"]);
}

async fn a_cancelled_job_ends_and_says_what_was_done(rig: Rig) {
    let (queued, running) = (rig.job("count", json!({"to": 9})).await, rig.job("count", json!({"to": 9})).await);
    rig.cancel(queued).await;
    let runner = rig.runner(1);
    let mut held = runner.claim().await.unwrap().unwrap();
    assert_eq!(runner.step(&mut held).await.unwrap(), Stepped::Left);
    let mut held = runner.claim().await.unwrap().unwrap();
    assert_eq!(held.job.id, running);
    runner.step(&mut held).await.unwrap();
    runner.step(&mut held).await.unwrap();
    rig.cancel(running).await;
    // The step that is being taken is told of it at its end; the next one is not taken.
    assert_eq!(runner.step(&mut held).await.unwrap(), Stepped::Goes);
    assert_eq!(runner.step(&mut held).await.unwrap(), Stepped::Left);
    let rows = (rig.row(queued).await, rig.row(running).await);
    assert_eq!((rows.0.state.as_str(), rows.0.done), ("cancelled", 0));
    assert_eq!((rows.1.state.as_str(), rows.1.done, rows.1.result.as_deref()), ("cancelled", 3, Some(r#"{"counted":3}"#)));
    assert_eq!(rig.done().await[&running.to_string()], ["0", "1", "2", "ended"]);
    assert_eq!(*rig.world.ended.lock().unwrap(), [End::Cancelled, End::Cancelled]);
    assert_eq!(rig.work(&runner).await, 0);
}

async fn what_fails_is_tried_again_and_what_cannot_be_done_is_not(rig: Rig) {
    let (id, runner) = (rig.job("count", json!({"to": 2})).await, rig.runner(1));
    rig.world.failures.store(3, Ordering::Relaxed);
    for attempt in 1..=3 {
        let before = (rig.clock())().0;
        assert_eq!(rig.work(&runner).await, 1);
        let row = rig.row(id).await;
        assert_eq!((row.state.as_str(), row.attempts, row.error.as_deref()), ("queued", attempt, Some("the line is engaged")));
        let pause = back_off(1, id, attempt);
        assert_eq!(row.run_at, before + i64::try_from(pause.as_millis()).unwrap());
        assert_eq!(rig.work(&runner).await, 0, "not before its time");
        rig.world.time.store(row.run_at, Ordering::Relaxed);
    }
    rig.work(&runner).await;
    let row = rig.row(id).await;
    assert_eq!((row.state.as_str(), row.attempts, row.error), ("done", 0, None));
    assert_eq!(rig.done().await[&id.to_string()], numbers(2), "what failed left nothing behind");

    // Too often.
    let id = rig.job("count", json!({"to": 2})).await;
    rig.world.failures.store(100, Ordering::Relaxed);
    for _ in 0..i64::from(ATTEMPTS_MAX) {
        rig.work(&runner).await;
        rig.pass(400_000);
    }
    let row = rig.row(id).await;
    assert_eq!((row.state.as_str(), row.error.as_deref()), ("failed", Some("the line is engaged (tried 8 times)")));
    rig.world.failures.store(0, Ordering::Relaxed);

    // For good, by a panic, and what nobody can do: each ends that job alone.
    let (broken, panics) =
        (rig.job("count", json!({"to": 2, "fail": "permanent"})).await, rig.job("count", json!({"to": 2, "fail": "panic"})).await);
    let (unknown, good) = (rig.job("nothing", json!({})).await, rig.job("count", json!({"to": 2})).await);
    let mut news = rig.office.job_news();
    rig.work(&runner).await;
    let error = |row: Row| (row.state, row.error.unwrap_or_default());
    assert_eq!(error(rig.row(broken).await), ("failed".to_owned(), "it cannot be done".to_owned()));
    assert_eq!(error(rig.row(panics).await).1, "the program failed while doing this; its log says how");
    assert_eq!(error(rig.row(unknown).await).1, "this program knows no jobs of the kind nothing");
    assert_eq!(rig.row(good).await.state, "done");
    assert_eq!(rig.done().await[&panics.to_string()], ["ended"]);
    let told = news.try_recv().unwrap();
    assert_eq!((told.id, told.state, told.error.as_deref()), (broken, JobState::Failed, Some("it cannot be done")));

    // A job that takes the program down each time must not do so for ever.
    let id = rig.job("count", json!({"to": 2})).await;
    for seed in 10..10 + u64::from(ATTEMPTS_MAX) {
        let runner = rig.runner(seed);
        runner.take_over().await.unwrap();
        assert_eq!(runner.claim().await.unwrap().unwrap().job.id, id);
    }
    let runner = rig.runner(99);
    runner.take_over().await.unwrap();
    rig.work(&runner).await;
    assert_eq!(error(rig.row(id).await).1, "it was interrupted 8 times in a row; the log says by what");
}

async fn long_jobs_take_turns(rig: Rig) {
    let (one, two) = (rig.job("count", json!({"to": 5})).await, rig.job("count", json!({"to": 3})).await);
    rig.world.step_ms.store(1000, Ordering::Relaxed);
    rig.work(&rig.runner(1)).await;
    assert_eq!(*rig.world.steps.lock().unwrap(), [one, one, two, two, one, one, two, one]);
    assert_eq!((rig.row(one).await.state, rig.row(two).await.state), ("done".to_owned(), "done".to_owned()));
    // A centre cannot fill the table.
    let mut tx = rig.office.store().db().begin().await.unwrap();
    for _ in 0..OPEN_MAX {
        rig.office.enqueue(&mut tx, WallTime(T0), NewJob::new("count", CenterId(1), json!({"to": 1}))).await.unwrap();
    }
    let refused = rig.office.enqueue(&mut tx, WallTime(T0), NewJob::new("count", CenterId(1), json!({}))).await;
    assert!(matches!(refused, Err(OfficeError::Conflict(Conflict::State(_)))), "{refused:?}");
    assert!(rig.office.enqueue(&mut tx, WallTime(T0), NewJob::new("count", CenterId(2), json!({}))).await.is_ok());
    tx.rollback().await.unwrap();
}

/// The whole runner, with its own tasks: it works when it is woken, and stops after the step that is being taken.
async fn a_runner_runs_and_stops(rig: Rig) {
    let (stop, stopped) = watch::channel(false);
    let mut news = rig.office.job_news();
    let id = rig.job("count", json!({"to": 4, "fail": "hold"})).await;
    let running = tokio::spawn(rig.runner(1).run(stopped));
    rig.office.wake_jobs();
    bounded(rig.world.reached.notified()).await;
    stop.send(true).unwrap();
    rig.world.go_on.notify_one();
    bounded(running).await.unwrap();
    let row = rig.row(id).await;
    assert_eq!((row.state.as_str(), row.done, row.lease_owner), ("running", 2, None), "the step has ended, the next has not begun");
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn(rig.runner(2).run(stopped));
    loop {
        let told = bounded(news.recv()).await.unwrap();
        if told.state == JobState::Done {
            break;
        }
    }
    assert_eq!(rig.done().await[&id.to_string()], numbers(4));
    drop(_stop);
    bounded(running).await.unwrap();
}

async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.unwrap()
}

async fn schedules_make_jobs(rig: Rig) {
    let db = rig.office.store().db().clone();
    // Berlin is at UTC+1 then: 09:00 there.
    let due = T0 - T0 % 86_400_000 + 8 * 3_600_000;
    db.run(SCHEDULE, binds![101_i64, "0 9 * * *", due]).await.unwrap();
    let state = || async { rig.office.store().db().one::<(Option<i64>, Option<i64>)>(SCHEDULED, binds![101_i64]).await.unwrap().unwrap() };
    assert_eq!(rig.office.run_due_schedules(WallTime(due - 1)).await.unwrap(), 0);
    assert_eq!(rig.office.run_due_schedules(WallTime(due)).await.unwrap(), 1);
    let day = 86_400_000;
    let (next, job) = state().await;
    assert_eq!(next, Some(due + day));
    let jobs: Vec<(i64, Option<i64>)> = db.all(JOBS_OF, binds![101_i64]).await.unwrap();
    assert_eq!(jobs, [(job.unwrap(), Some(7))]);
    assert_eq!(rig.office.run_due_schedules(WallTime(due)).await.unwrap(), 0, "once");
    // The job of before has not ended: the run is left out.
    assert_eq!(rig.office.run_due_schedules(WallTime(due + day)).await.unwrap(), 0);
    assert_eq!(state().await, (Some(due + 2 * day), job));
    db.run(END_ALL, &[]).await.unwrap();
    // Ten days of nothing running are made up for once.
    assert_eq!(rig.office.run_due_schedules(WallTime(due + 12 * day + 5)).await.unwrap(), 1);
    assert_eq!(state().await.0, Some(due + 13 * day));
    assert_eq!(db.all::<(i64, Option<i64>)>(JOBS_OF, binds![101_i64]).await.unwrap().len(), 2);
    // Two programs look at once: one job.
    db.run(END_ALL, &[]).await.unwrap();
    let now = WallTime(due + 13 * day);
    let (one, two) = tokio::join!(rig.office.run_due_schedules(now), rig.office.run_due_schedules(now));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    // One that nobody can read any more is put aside and stops none of the others.
    db.run(END_ALL, &[]).await.unwrap();
    db.run(SCHEDULE, binds![102_i64, "not a schedule", due]).await.unwrap();
    assert_eq!(rig.office.run_due_schedules(WallTime(due + 14 * day)).await.unwrap(), 2);
    assert_eq!(db.one::<(Option<i64>, Option<i64>)>(SCHEDULED, binds![102_i64]).await.unwrap().unwrap().0, None);

    rig.office.install_schedules(WallTime(T0)).await.unwrap();
    rig.office.install_schedules(WallTime(T0)).await.unwrap();
    let count: Vec<(i64,)> = db.all(both("SELECT count(*) FROM schedules WHERE created_by IS NULL"), &[]).await.unwrap();
    assert_eq!(count, [(3,)], "those of the installation, once");
}

async fn people_make_schedules(rig: Rig) {
    let store = rig.office.store().clone();
    let office = house(store, crate::WorkOptions { kinds: Kinds::default().with(Counting(rig.world.clone())), ..Default::default() }).await;
    let admin = person(&office, 7, "admin").await;
    let (create, update, delete) = (
        admin.permit(can::SCHEDULES_CREATE).unwrap(),
        admin.permit(can::SCHEDULES_UPDATE).unwrap(),
        admin.permit(can::SCHEDULES_DELETE).unwrap(),
    );
    let new = || NewSchedule {
        kind: "audit.verify".to_owned(),
        payload: json!({}),
        cron: "15 6 * * 1".to_owned(),
        tz: Some("Asia/Yekaterinburg".to_owned()),
        enabled: true,
    };
    let now = WallTime(T0);
    let made = office.create_schedule(&create, new(), now).await.unwrap();
    // T0 is a Friday; Monday, 06:15 in Yekaterinburg is 01:15 UTC.
    let monday = T0 - T0 % 86_400_000 + 3 * 86_400_000 + 75 * 60_000;
    assert_eq!((made.next_at, made.version, made.created_by), (Some(WallTime(monday)), 1, Some(UserId(7))));
    let off = NewSchedule { enabled: false, tz: None, ..new() };
    let changed = office.change_schedule(&update, made.id, 1, off, now).await.unwrap();
    assert_eq!((changed.next_at, changed.version, changed.tz.as_str()), (None, 2, "UTC"), "without a zone it is the centre's");
    let stale = office.change_schedule(&update, made.id, 1, new(), now).await;
    assert!(matches!(stale, Err(OfficeError::Conflict(Conflict::Version { current: 2 }))), "{stale:?}");
    assert_eq!(office.run_due_schedules(WallTime(monday)).await.unwrap(), 0, "it is off");
    for (field, wrong) in [
        ("kind", NewSchedule { kind: "count".to_owned(), ..new() }),
        ("kind", NewSchedule { kind: "nothing".to_owned(), ..new() }),
        ("payload", NewSchedule { payload: json!({"x": 1}), ..new() }),
        ("cron", NewSchedule { cron: "every day".to_owned(), ..new() }),
        ("cron", NewSchedule { cron: "0 0 30 2 *".to_owned(), ..new() }),
        ("tz", NewSchedule { tz: Some("Nowhere".to_owned()), ..new() }),
    ] {
        let refused = office.create_schedule(&create, wrong.clone(), now).await;
        assert!(matches!(&refused, Err(OfficeError::Invalid(faults)) if faults.len() == 1 && faults[0].field == field), "{refused:?}");
        let refused = office.change_schedule(&update, made.id, 2, wrong, now).await;
        assert!(matches!(&refused, Err(OfficeError::Invalid(faults)) if faults[0].field == field), "{refused:?}");
    }
    // Leave to make schedules is no leave to have everything done by them.
    let operator = person(&office, 8, "operator").await;
    assert!(operator.permit(can::SCHEDULES_CREATE).is_none());
    // One that came with the program can be moved and switched off, but is no other and does not go.
    office.install_schedules(now).await.unwrap();
    let (own, kind): (i64, String) =
        office.store().db().one(both("SELECT min(id), min(kind) FROM schedules WHERE created_by IS NULL"), &[]).await.unwrap().unwrap();
    let moved = NewSchedule { kind: kind.clone(), cron: "0 1 * * *".to_owned(), tz: None, ..new() };
    assert_eq!(office.change_schedule(&update, own, 1, moved.clone(), now).await.unwrap().cron, "0 1 * * *");
    let other = NewSchedule { kind: "office.cleanup".to_owned(), ..moved };
    assert!(matches!(office.change_schedule(&update, own, 2, other, now).await, Err(OfficeError::Conflict(Conflict::BuiltIn))));
    assert!(matches!(office.delete_schedule(&delete, own, None, now).await, Err(OfficeError::Conflict(Conflict::BuiltIn))));
    office.install_schedules(now).await.unwrap();
    assert!(matches!(office.delete_schedule(&delete, made.id, Some(1), now).await, Err(OfficeError::Conflict(Conflict::Version { .. }))));
    office.delete_schedule(&delete, made.id, Some(2), now).await.unwrap();
    assert!(matches!(office.delete_schedule(&delete, made.id, None, now).await, Err(OfficeError::NotFound(_))));
    let audited: Vec<(String, String)> =
        office.store().db().all(both("SELECT action, diff FROM audit_log WHERE resource = 'schedules' ORDER BY seq"), &[]).await.unwrap();
    let actions: Vec<&str> = audited.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["schedules.create", "schedules.update", "schedules.update", "schedules.delete"]);
    assert_eq!(audited[1].1, r#"{"enabled":[true,false],"tz":["Asia/Yekaterinburg","UTC"]}"#);
}

/// The database goes away in the middle and comes back: the runner waits, and each piece is done once.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_jobs_wait() {
    let mut server = store::testing::Postgres::start();
    let rig = Rig::new(Store::open(&server.database()).await.unwrap());
    let mut news = rig.office.job_news();
    let id = rig.job("count", json!({"to": 4, "fail": "hold"})).await;
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(rig.runner(1).run(stopped));
    bounded(rig.world.reached.notified()).await;
    server.stop();
    rig.world.go_on.notify_one();
    server.resume();
    // The step that lost its database is taken again, and waits again.
    bounded(rig.world.reached.notified()).await;
    rig.world.go_on.notify_one();
    while bounded(news.recv()).await.unwrap().state != JobState::Done {}
    assert_eq!(rig.done().await[&id.to_string()], numbers(4));
    assert_eq!(rig.row(id).await.attempts, 0);
    drop(stop);
    bounded(running).await.unwrap();
}

#[test]
fn pauses_grow_and_scatter() {
    let pauses: Vec<_> = (1..=12).map(|attempt| back_off(7, 3, attempt)).collect();
    for (pause, full) in pauses.iter().zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]) {
        let full = Duration::from_secs(full);
        assert!(*pause >= full * 3 / 4 && *pause <= full * 5 / 4, "{pause:?} for {full:?}");
    }
    assert_eq!(back_off(7, 3, 1), back_off(7, 3, 1));
    let firsts: std::collections::BTreeSet<_> = (0..100).map(|job| back_off(7, job, 1)).collect();
    assert!(firsts.len() > 50, "jobs that fail together are not tried together");
}

macro_rules! on_both {
    ($($story:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $story() {
                let base = super::Base::sqlite();
                super::$story(super::Rig::new(base.open().await)).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $story() {
                let base = super::Base::postgres();
                super::$story(super::Rig::new(base.open().await)).await;
            })*
        }
    };
}

on_both! {
    a_job_is_done_step_by_step
    after_a_crash_each_piece_is_done_once
    a_lease_is_kept_and_lost
    an_installation_takes_over_its_own_jobs
    a_cancelled_job_ends_and_says_what_was_done
    what_fails_is_tried_again_and_what_cannot_be_done_is_not
    long_jobs_take_turns
    a_runner_runs_and_stops
    schedules_make_jobs
    people_make_schedules
}
