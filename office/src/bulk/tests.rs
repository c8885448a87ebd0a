#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU32, Ordering},
};

use model::CenterId;
use store::{Statement, binds};

use super::*;
use crate::{
    Principal, can,
    events::EVENTS_LOG,
    jobs::{Runner, RunnerOptions},
    work::testing::{Base, both, house, person},
};

const T0: WallTime = WallTime(1_763_712_000_000);
const ROWS: i64 = 1_300;
const FILL: Statement = both(
    "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
    INSERT INTO events_log (id, center_id, at, module, severity, code, message, data)
    SELECT i, CASE WHEN i % 100 = 0 THEN 2 ELSE 1 END, i, CASE WHEN i <= 5 THEN 'small' ELSE 'm' END, 'info', 'c', '', '{}' FROM n",
);
const COUNTED: Statement = both("UPDATE ids SET next = $1 WHERE kind = 'event'");
const RAISE: Statement = both("UPDATE events_log SET severity = 'error' WHERE id = $1 AND center_id = $2 AND severity <> 'error'");
const SPOIL: Statement = both("UPDATE events_log SET code = 'spoiled' WHERE id = $1");
const RAISED: Statement = both("SELECT count(*) FROM events_log WHERE severity = 'error'");
const SPOILED: Statement = both("SELECT count(*) FROM events_log WHERE code = 'spoiled'");
const AUDITED: Statement = both("SELECT count(*) FROM audit_log WHERE action = 'events_log.create' AND resource_id <> ''");
const JOB: Statement = both("SELECT state, error, done, total, result FROM jobs WHERE id = $1");
const TAKE: Statement = both("DELETE FROM user_roles WHERE user_id = $1");
const DELETE: Statement = both("DELETE FROM events_log WHERE id = $1");

/// Raises events to errors.
struct Raise {
    told: Arc<AtomicU32>,
    /// The database fails at this row, once.
    fails_at: Arc<AtomicI64>,
}

impl BulkAction for Raise {
    fn resource(&self) -> &'static Resource {
        &EVENTS_LOG
    }

    fn name(&self) -> &'static str {
        "raise"
    }

    fn right(&self) -> Action {
        can::EVENTS_LOG_CREATE
    }

    async fn change(&self, row: &BulkRow<'_>, step: &mut Step<'_>) -> Result<BulkDone, OfficeError> {
        let told = Arc::clone(&self.told);
        step.after_commit(move || {
            told.fetch_add(1, Ordering::Relaxed);
        });
        let tx = step.tx().await.unwrap();
        tx.run(SPOIL, binds![row.key]).await?;
        if row.key % 10 == 3 {
            // What was written for this row before is taken back.
            return Err(OfficeError::Conflict(Conflict::State("threes stay as they are".to_owned())));
        }
        if self.fails_at.compare_exchange(row.key, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return Err(OfficeError::Store(store::StoreError::Unavailable("the line was cut".into())));
        }
        if tx.run(RAISE, binds![row.key, row.permit.rows().center]).await? == 0 {
            return Ok(BulkDone::Skipped("it is an error already"));
        }
        let entry = Entry::change(can::EVENTS_LOG_CREATE.0, EVENTS_LOG.name, row.key, Diff::none().and("severity", "info", "error"));
        step.audit(row.permit.actor(), entry);
        Ok(BulkDone::Changed)
    }
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct JobRow {
    state: String,
    error: Option<String>,
    done: i64,
    total: Option<i64>,
    result: Option<String>,
}

struct Rig {
    office: Office,
    _base: Base,
    told: Arc<AtomicU32>,
    fails_at: Arc<AtomicI64>,
    seeds: AtomicI64,
    time: Arc<AtomicI64>,
}

impl Rig {
    async fn new(base: Base) -> Self {
        let (told, fails_at) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicI64::new(0)));
        let bulk = BulkActions::default().with(Raise { told: told.clone(), fails_at: fails_at.clone() });
        let office = house(base.open().await, crate::WorkOptions { bulk, ..crate::WorkOptions::default() }).await;
        office.store().db().run(FILL, binds![ROWS]).await.unwrap();
        office.store().db().run(COUNTED, binds![ROWS + 1]).await.unwrap();
        Self { office, _base: base, told, fails_at, seeds: AtomicI64::new(1), time: Arc::new(AtomicI64::new(T0.0)) }
    }

    async fn start(&self, who: &Principal, rows: BulkRows, dry_run: bool) -> Result<StartedBulk, OfficeError> {
        let order = BulkOrder { resource: "events_log".to_owned(), action: "raise".to_owned(), rows, values: Value::Null, dry_run };
        let right = self.office.bulk_right("events_log", "raise").unwrap();
        self.office.start_bulk(&who.permit(right).unwrap(), order, T0).await
    }

    fn runner(&self) -> Runner {
        let seed = self.seeds.fetch_add(1, Ordering::Relaxed).unsigned_abs();
        let time = self.time.clone();
        let clock: crate::jobs::Clock = Arc::new(move || WallTime(time.load(Ordering::Relaxed)));
        Runner::new(self.office.clone(), clock, RunnerOptions { workers: 1, seed, node: 1, sole: true })
    }

    /// Works in lives of one step each.
    async fn work_and_crash(&self) -> u32 {
        let mut lives = 0;
        loop {
            self.time.fetch_add(10_000, Ordering::Relaxed);
            let runner = self.runner();
            runner.take_over().await.unwrap();
            let Some(mut held) = runner.claim().await.unwrap() else { return lives };
            runner.goes_on(&mut held).await;
            lives += 1;
        }
    }

    async fn count(&self, statement: Statement) -> i64 {
        self.office.store().db().one::<(i64,)>(statement, &[]).await.unwrap().unwrap().0
    }

    async fn job(&self, id: i64) -> (JobRow, Value) {
        let row: JobRow = self.office.store().db().one(JOB, binds![id]).await.unwrap().unwrap();
        let result = serde_json::from_str(row.result.as_deref().unwrap_or("null")).unwrap();
        (row, result)
    }
}

fn filter(filter: Value) -> BulkRows {
    BulkRows::Filter { filter, search: None }
}

async fn every_row_is_changed_once(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    let dry = rig.start(&admin, filter(json!({})), true).await.unwrap();
    // 13 of 1,300 are another centre's.
    assert_eq!(dry, StartedBulk { job: None, count: 1_287 });
    assert_eq!(rig.start(&admin, filter(json!({"module": "small"})), true).await.unwrap().count, 5);
    assert_eq!(rig.count(RAISED).await, 0);
    let started = rig.start(&admin, filter(json!({"severity": "info"})), false).await.unwrap();
    assert_eq!(started.count, 1_287);
    // What comes later is not changed, and what goes is told.
    let event = crate::events::NewEvent {
        module: "late".to_owned(),
        severity: crate::events::Severity::Info,
        code: "late".to_owned(),
        message: String::new(),
        data: json!({}),
    };
    rig.office.log_own_event(CenterId(1), &event, T0).await.unwrap();
    rig.office.store().db().run(DELETE, binds![777_i64]).await.unwrap();
    rig.fails_at.store(600, Ordering::Relaxed);
    rig.fails_at.store(601, Ordering::Relaxed);
    let lives = rig.work_and_crash().await;
    assert_eq!(lives, 4, "three chunks of 500, and one once more");
    let (job, result) = rig.job(started.job.unwrap()).await;
    // Threes of this centre: 130 of 1,300, none of them a hundred.
    let threes = 130;
    assert_eq!((job.state.as_str(), job.error, job.done, job.total), ("done", None, 1_286, Some(1_287)));
    assert_eq!(
        result,
        json!({"promised": 1_287, "changed": 1_286 - threes, "skipped": threes, "reasons": {"threes stay as they are": threes},
            "as_promised": false})
    );
    assert_eq!(rig.count(RAISED).await, 1_286 - threes);
    assert_eq!(rig.count(AUDITED).await, 1_286 - threes, "an audit entry a row");
    assert_eq!(rig.count(SPOILED).await, 1_286 - threes, "what was refused left nothing");
    assert_eq!(i64::from(rig.told.load(Ordering::Relaxed)), 1_286 - threes, "told after the commit, and only then");
    // Once more: nothing is to be done.
    let again = rig.start(&admin, filter(json!({"severity": "error"})), false).await.unwrap();
    rig.work_and_crash().await;
    let (_, result) = rig.job(again.job.unwrap()).await;
    assert_eq!(
        result,
        json!({"promised": 1_286 - threes, "changed": 0, "skipped": 1_286 - threes,
            "reasons": {"it is an error already": 1_286 - threes}, "as_promised": true})
    );
}

async fn rows_can_be_named(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    // 100 is another centre's and 5000 nobody's: both are as good as not named.
    let started = rig.start(&admin, BulkRows::Ids(vec![9, 1, 3, 9, 100, 5_000]), false).await.unwrap();
    assert_eq!(started.count, 3);
    rig.office.store().db().run(DELETE, binds![9_i64]).await.unwrap();
    rig.work_and_crash().await;
    let (_, result) = rig.job(started.job.unwrap()).await;
    assert_eq!(
        result,
        json!({"promised": 3, "changed": 1, "skipped": 2, "reasons": {"threes stay as they are": 1, "it is gone": 1}, "as_promised": true})
    );
    for wrong in [vec![], (1..=1001).collect()] {
        assert!(matches!(rig.start(&admin, BulkRows::Ids(wrong), false).await, Err(OfficeError::Invalid(_))));
    }
    assert!(matches!(rig.start(&admin, filter(json!({"nothing": 1})), true).await, Err(OfficeError::Invalid(_))));
    let order = |action: &str, values: Value| BulkOrder {
        resource: "events_log".to_owned(),
        action: action.to_owned(),
        rows: filter(json!({})),
        values,
        dry_run: true,
    };
    let permit = admin.permit(can::EVENTS_LOG_CREATE).unwrap();
    for (order, field) in [(order("lower", Value::Null), "action"), (order("raise", json!({"x": 1})), "values")] {
        let refused = rig.office.start_bulk(&permit, order, T0).await;
        assert!(matches!(&refused, Err(OfficeError::Invalid(faults)) if faults[0].field == field), "{refused:?}");
    }
    let other = admin.permit(can::EVENTS_LOG_READ).unwrap();
    assert!(matches!(rig.office.start_bulk(&other, order("raise", Value::Null), T0).await, Err(OfficeError::Forbidden(_))));
}

async fn who_loses_the_right_changes_no_more(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    let started = rig.start(&admin, filter(json!({})), false).await.unwrap();
    let runner = rig.runner();
    let mut held = runner.claim().await.unwrap().unwrap();
    assert!(runner.goes_on(&mut held).await);
    rig.office.store().db().run(TAKE, binds![7_i64]).await.unwrap();
    assert!(!runner.goes_on(&mut held).await);
    let (job, result) = rig.job(started.job.unwrap()).await;
    assert_eq!((job.state.as_str(), job.error.as_deref()), ("failed", Some("the right events_log.create was taken away meanwhile")));
    assert_eq!((&result["changed"], &result["skipped"]), (&json!(449), &json!(51)), "what was done stays, and is told");
    assert_eq!(rig.count(RAISED).await, 449);

    let other = person(&rig.office, 8, "admin").await;
    let started = rig.start(&other, filter(json!({})), false).await.unwrap();
    let mut held = runner.claim().await.unwrap().unwrap();
    assert!(runner.goes_on(&mut held).await);
    rig.office.cancel_job(&other.permit(can::JOBS_MANAGE).unwrap(), started.job.unwrap(), T0).await.unwrap();
    while runner.goes_on(&mut held).await {}
    let (job, result) = rig.job(started.job.unwrap()).await;
    assert_eq!(job.state, "cancelled");
    assert_eq!(result["promised"], json!(1_287));
    assert!(job.done >= 500 && job.done < 1_287);
}

macro_rules! on_both {
    ($($story:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $story() {
                super::$story(super::Rig::new(super::Base::sqlite()).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $story() {
                super::$story(super::Rig::new(super::Base::postgres()).await).await;
            })*
        }
    };
}

on_both! {
    every_row_is_changed_once
    rows_can_be_named
    who_loses_the_right_changes_no_more
}
