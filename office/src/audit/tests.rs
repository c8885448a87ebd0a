#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use model::{ActorKind, UserId};
use store::{Db, Statement};

use super::*;
use crate::{
    can,
    jobs::{Runner, RunnerOptions},
    work::testing::{Base, both, house, person, sign_in},
};

const T0: WallTime = WallTime(1_763_712_000_000);

const COUNT: Statement = both("SELECT count(*) FROM audit_log WHERE outcome = 'refused' AND action <> 'audit_log.refusals_dropped'");
const DROPPED: Statement = both("SELECT diff FROM audit_log WHERE action = 'audit_log.refusals_dropped'");
const ENTRY: Statement = both("SELECT seq, hash FROM audit_log WHERE seq = $1");
const JOB: Statement = both("SELECT state, error, result FROM jobs WHERE id = $1");
const EVENT: Statement = both("SELECT severity, code, data FROM events_log");
const HIDE: Statement =
    both("INSERT INTO column_policies (principal_kind, principal_id, resource, column_name, mode) VALUES ('user', $1, 'users', $2, $3)");

struct Rig {
    office: Office,
    _base: Base,
}

impl Rig {
    async fn new(base: Base) -> Self {
        Self { office: house(base.open().await, crate::WorkOptions::default()).await, _base: base }
    }

    /// A script past the program, as somebody with the database's password would write it.
    async fn past_the_program(&self, lite: &'static str, pg: &'static str) -> Result<(), String> {
        let done = match self.office.store().db() {
            Db::Lite { write, .. } => sqlx::raw_sql(lite).execute(write).await.map(drop),
            Db::Pg(pool) => sqlx::raw_sql(pg).execute(pool).await.map(drop),
        };
        done.map_err(|error| error.to_string())
    }

    async fn both(&self, sql: &'static str) {
        self.past_the_program(sql, sql).await.unwrap();
    }

    async fn found(&self, from: i64) -> Option<(i64, Why)> {
        let verified = self.office.verify_audit(from, |_, _| {}).await.unwrap();
        verified.broken.map(|broken| (broken.seq, broken.why))
    }
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// A thousand actions of eight people at once, some of them many in one transaction.
async fn act(office: &Office) {
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let office = office.clone();
            tokio::spawn(async move {
                let (mut dice, mut left) = (Dice(task), 125);
                while left > 0 {
                    let count = if dice.throw(4) == 0 { dice.throw(70).min(left) + 1 } else { 1 }.min(left);
                    left -= count;
                    let entries: Vec<Entry> = (0..count)
                        .map(|_| {
                            let name = format!("Имя {} \u{0} '\"", dice.throw(1000));
                            let diff = Diff::none().and("name", Value::Null, name).and("n", dice.throw(9), json!([dice.throw(9), null]));
                            let entry = Entry::change("users.update", "users", dice.throw(100), diff);
                            match dice.throw(3) {
                                0 => entry.security(),
                                1 => Entry { category: Category::Read, outcome: AuditOutcome::Refused, ..entry },
                                _ => entry,
                            }
                        })
                        .collect();
                    let kind = if dice.throw(2) == 0 { ActorKind::User(UserId(7)) } else { ActorKind::System };
                    let actor = Actor { kind, ..Actor::system(CenterId(1), "tests") };
                    let mut tx = office.store().db().begin().await.unwrap();
                    log::append(&mut tx, WallTime(T0.0 + i64::try_from(left).unwrap()), &actor, &entries).await.unwrap();
                    // Some change their mind: their numbers are given to others.
                    if dice.throw(10) == 0 {
                        tx.rollback().await.unwrap();
                        left += count;
                    } else {
                        tx.commit().await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn the_chain_says_where_it_was_touched(rig: Rig) {
    let before = rig.office.verify_audit(1, |_, _| {}).await.unwrap();
    act(&rig.office).await;
    let mut told = Vec::new();
    let verified = rig.office.verify_audit(1, |at, of| told.push((at, of))).await.unwrap();
    let last = before.head.seq + 1000;
    assert_eq!((verified.rows, verified.head.seq, verified.broken), (last, last, None));
    assert_eq!(told.last(), Some(&(last, last)));
    let head: (i64, String) = rig.office.store().db().one(ENTRY, binds![last]).await.unwrap().unwrap();
    assert_eq!(head, (last, verified.head.hash));
    assert_eq!(rig.office.verify_audit(last - 9, |_, _| {}).await.unwrap().rows, 10);

    // By SQL, nothing can be changed or taken away.
    for (lite, pg) in [
        ("UPDATE audit_log SET diff = '{}' WHERE seq = 500", "UPDATE audit_log SET diff = '{}' WHERE seq = 500"),
        ("DELETE FROM audit_log WHERE seq = 500", "DELETE FROM audit_log WHERE seq = 500"),
        ("DELETE FROM audit_log", "TRUNCATE audit_log"),
    ] {
        let refused = rig.past_the_program(lite, pg).await.unwrap_err();
        assert!(refused.contains("the audit log is append-only"), "{refused}");
    }
    assert_eq!(rig.found(1).await, None);

    // Whoever takes the guards away is found.
    rig.past_the_program(
        "DROP TRIGGER audit_log_is_not_changed; DROP TRIGGER audit_log_is_not_deleted;",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    )
    .await
    .unwrap();
    rig.both("CREATE TABLE audit_copy AS SELECT * FROM audit_log").await;
    let mend = async || rig.both("DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM audit_copy").await;
    let mut tried = 0;
    for (sql, expected) in [
        ("UPDATE audit_log SET diff = '{}' WHERE seq = 500", (500, Why::Edited)),
        ("UPDATE audit_log SET at = at + 1 WHERE seq = 1", (1, Why::Edited)),
        ("UPDATE audit_log SET actor_id = 8 WHERE seq = (SELECT max(seq) FROM audit_log)", (last, Why::Edited)),
        ("UPDATE audit_log SET hash = prev_hash WHERE seq = 500", (500, Why::Edited)),
        ("UPDATE audit_log SET prev_hash = '' WHERE seq = 500", (500, Why::Edited)),
        ("DELETE FROM audit_log WHERE seq = 500", (500, Why::Missing)),
        ("DELETE FROM audit_log WHERE seq = 1", (1, Why::Missing)),
        ("DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)", (last, Why::CutOff)),
        ("DELETE FROM audit_log WHERE seq > 900", (901, Why::CutOff)),
        ("DELETE FROM audit_log", (1, Why::CutOff)),
        // Two rows change places.
        (
            "UPDATE audit_log SET seq = -1 WHERE seq = 500; UPDATE audit_log SET seq = 500 WHERE seq = 501;
            UPDATE audit_log SET seq = 501 WHERE seq = -1",
            (500, Why::Edited),
        ),
        // A row is copied before the first one, and behind the last one.
        (
            "INSERT INTO audit_log SELECT 0, at, center_id, category, actor_kind, actor_id, actor_name, action, outcome, resource,
            resource_id, diff, source, user_agent, request_id, prev_hash, hash FROM audit_log WHERE seq = 1",
            (0, Why::Inserted),
        ),
        (
            "INSERT INTO audit_log SELECT (SELECT max(seq) + 1 FROM audit_log), at, center_id, category, actor_kind, actor_id, actor_name,
            action, outcome, resource, resource_id, diff, source, user_agent, request_id, prev_hash, hash FROM audit_log WHERE seq = 1",
            (last + 1, Why::Edited),
        ),
    ] {
        rig.both(sql).await;
        assert_eq!(rig.found(1).await, Some(expected), "{sql}");
        mend().await;
        assert_eq!(rig.found(1).await, None);
        tried += 1;
    }
    assert_eq!(tried, 13);

    // Whoever knows how rows are hashed can edit one, but not without the next one telling.
    let row: Row = rig.office.store().db().all(ROWS, binds![500_i64, 500_i64, 1_i64]).await.unwrap().remove(0);
    let forged = Row { diff: "{}".to_owned(), ..row.clone() };
    let forged = Row { hash: forged.hash_after(&forged.prev_hash), ..forged };
    let edit = both("UPDATE audit_log SET diff = '{}', hash = $1 WHERE seq = 500");
    rig.office.store().db().run(edit, binds![&forged.hash]).await.unwrap();
    assert_eq!(rig.found(1).await, Some((501, Why::Inserted)));
    mend().await;
    // Nor the last one, without the head telling.
    let row: Row = rig.office.store().db().all(ROWS, binds![last, last, 1_i64]).await.unwrap().remove(0);
    let forged = Row { diff: "{}".to_owned(), ..row.clone() };
    let edit = both("UPDATE audit_log SET diff = '{}', hash = $1 WHERE seq = $2");
    rig.office.store().db().run(edit, binds![forged.hash_after(&forged.prev_hash), last]).await.unwrap();
    assert_eq!(rig.found(1).await, Some((last, Why::Inserted)));
    mend().await;
    assert_eq!(rig.found(last + 5).await, Some((last + 4, Why::CutOff)), "a beginning behind the end");
}

#[test]
fn a_link_is_pure() {
    let mut at = Link::first();
    let rows = rows(3);
    for row in &rows {
        at.follow(row).unwrap();
    }
    assert_eq!(at.seq, 3);
    assert_eq!(at.clone().follow(&rows[0]), Err(Broken { seq: 1, why: Why::Inserted }), "back again");
    let mut at = Link::first();
    assert_eq!(at.follow(&rows[1]), Err(Broken { seq: 1, why: Why::Missing }));
    assert_eq!(at, Link::first(), "the place stays");
    assert_eq!(Broken { seq: 7, why: Why::Edited }.to_string(), "row 7 was edited");
}

fn rows(count: i64) -> Vec<Row> {
    let mut previous = String::new();
    (1..=count)
        .map(|seq| {
            let mut row = Row {
                seq,
                at: 0,
                center_id: 1,
                category: "change".to_owned(),
                actor_kind: "system".to_owned(),
                actor_id: None,
                actor_name: String::new(),
                action: String::new(),
                outcome: "done".to_owned(),
                resource: String::new(),
                resource_id: String::new(),
                diff: "{}".to_owned(),
                source: String::new(),
                user_agent: String::new(),
                request_id: String::new(),
                prev_hash: previous.clone(),
                hash: String::new(),
            };
            row.hash = row.hash_after(&previous);
            previous.clone_from(&row.hash);
            row
        })
        .collect()
}

async fn the_nightly_job_tells(rig: Rig) {
    act(&rig.office).await;
    let admin = person(&rig.office, 7, "admin").await;
    let work = async || {
        let options = RunnerOptions { workers: 1, seed: 1, node: 1, sole: true };
        let (runner, stop) = (Runner::new(rig.office.clone(), Arc::new(|| T0), options), watch::channel(false));
        while runner.try_turn(&stop.1).await.unwrap() {}
    };
    let job = async |id: i64| -> (String, Option<String>, Value) {
        let row: (String, Option<String>, Option<String>) = rig.office.store().db().one(JOB, binds![id]).await.unwrap().unwrap();
        (row.0, row.1, serde_json::from_str(&row.2.unwrap()).unwrap())
    };
    let permit = admin.permit(can::AUDIT_LOG_VERIFY).unwrap();
    let good = rig.office.start_verify_audit(&permit, T0).await.unwrap();
    work().await;
    let (state, error, result) = job(good).await;
    assert_eq!((state.as_str(), error), ("done", None));
    let verified = rig.office.verify_audit(1, |_, _| {}).await.unwrap();
    assert_eq!(result, json!({"ok": true, "rows": verified.rows, "head": verified.head}));
    rig.past_the_program("DROP TRIGGER audit_log_is_not_changed", "ALTER TABLE audit_log DISABLE TRIGGER ALL").await.unwrap();
    rig.both("UPDATE audit_log SET diff = '{}' WHERE seq = 500").await;
    let bad = rig.office.start_verify_audit(&permit, T0).await.unwrap();
    work().await;
    let (state, error, result) = job(bad).await;
    assert_eq!((state.as_str(), error.as_deref()), ("failed", Some("the audit log is broken: row 500 was edited")));
    assert_eq!(result, json!({"ok": false, "rows": 500, "broken": {"seq": 500, "why": "edited"}}));
    let events: Vec<(String, String, String)> = rig.office.store().db().all(EVENT, &[]).await.unwrap();
    let event = ("critical".to_owned(), "audit.broken".to_owned(), r#"{"seq":500,"why":"edited"}"#.to_owned());
    assert_eq!(events, [event], "once");
}

async fn refusals_are_written_and_a_flood_has_an_end(rig: Rig) {
    let (stop, stopped) = watch::channel(false);
    let actor = Actor { kind: ActorKind::User(UserId(7)), ..Actor::system(CenterId(1), "eve") };
    for n in 0..REFUSALS_MAX + 500 {
        rig.office.note_refusal(&actor, can::USERS_DELETE, "users", n, T0);
    }
    let writing = tokio::spawn(rig.office.clone().write_refusals(Arc::new(|| T0), stopped));
    // What comes while it writes is written, too, even if it is told to stop at once.
    stop.send(true).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(60), writing).await.unwrap().unwrap();
    let db = rig.office.store().db();
    assert_eq!(db.one::<(i64,)>(COUNT, &[]).await.unwrap(), Some((10_000,)));
    let dropped: Vec<(String,)> = db.all(DROPPED, &[]).await.unwrap();
    assert_eq!(dropped, [(r#"{"dropped":[null,500]}"#.to_owned(),)]);
    assert_eq!(rig.found(1).await, None);

    // A running writer is woken by the first one.
    let (stop, stopped) = watch::channel(false);
    let writing = tokio::spawn(rig.office.clone().write_refusals(Arc::new(|| T0), stopped));
    rig.office.note_refusal(&actor, can::USERS_DELETE, "users", "8", T0);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while db.one::<(i64,)>(COUNT, &[]).await.unwrap() != Some((10_001,)) {
        assert!(std::time::Instant::now() < deadline, "it is written");
        tokio::task::yield_now().await;
    }
    drop(stop);
    tokio::time::timeout(std::time::Duration::from_secs(60), writing).await.unwrap().unwrap();
}

/// While the database is away refusals wait, in their order.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_refusals_wait() {
    let mut server = store::testing::Postgres::start();
    let office = house(Store::open(&server.database()).await.unwrap(), crate::WorkOptions::default()).await;
    let actor = Actor { kind: ActorKind::User(UserId(7)), ..Actor::system(CenterId(1), "eve") };
    let (stop, stopped) = watch::channel(false);
    let writing = tokio::spawn(office.clone().write_refusals(Arc::new(|| T0), stopped));
    server.stop();
    for n in 0..2_500 {
        office.note_refusal(&actor, can::USERS_DELETE, "users", n, T0);
    }
    server.resume();
    let order = both("SELECT resource_id FROM audit_log WHERE outcome = 'refused' ORDER BY seq");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let written = loop {
        let written: Vec<(String,)> = office.store().db().all(order, &[]).await.unwrap_or_default();
        if written.len() >= 2_500 {
            break written;
        }
        assert!(std::time::Instant::now() < deadline, "they are written");
        tokio::task::yield_now().await;
    };
    assert_eq!(written, (0..2_500).map(|n| (n.to_string(),)).collect::<Vec<_>>());
    drop(stop);
    tokio::time::timeout(std::time::Duration::from_secs(60), writing).await.unwrap().unwrap();
}

async fn a_diff_shows_what_its_viewer_may_see(rig: Rig) {
    let db = rig.office.store().db();
    let (admin, other, operator) =
        (person(&rig.office, 7, "admin").await, person(&rig.office, 8, "admin").await, person(&rig.office, 9, "operator").await);
    db.run(HIDE, binds![8_i64, "email", "mask"]).await.unwrap();
    db.run(HIDE, binds![8_i64, "display_name", "hide"]).await.unwrap();
    let other = sign_in(&rig.office, other.user().0).await;
    let diff = json!({
        "email": ["anna@example.org", null], "display_name": ["Anna", "Eve"], "state": ["active", "disabled"], "password": [null, "changed"],
    });
    let seen = |who: &Principal, resource: Value| {
        let mut rows = [json!({"seq": "1", "resource": resource, "diff": diff}).as_object().unwrap().clone()];
        rig.office.project_diffs(who, &mut rows);
        rows[0]["diff"].clone()
    };
    assert_eq!(seen(&admin, json!("users")), diff);
    // What is hidden is gone, what is masked is masked, and of what no policy can speak nothing is said.
    assert_eq!(seen(&other, json!("users")), json!({"email": ["a•••@•••.org", null], "state": ["active", "disabled"]}));
    // A log-in's changes are the person's.
    assert_eq!(seen(&other, json!("sessions")), seen(&other, json!("users")));
    assert!(operator.permit(can::USERS_READ).is_none());
    assert_eq!(seen(&operator, json!("sessions")), Value::Null);
    assert_eq!(seen(&operator, json!("users")), Value::Null, "of what one may not read");
    assert_eq!(seen(&admin, json!("nothing")), Value::Null, "of what nobody knows");
    assert_eq!(seen(&admin, Value::Null), Value::Null);
    // In the list, too, even if it does not show of what it speaks.
    let mut tx = db.begin().await.unwrap();
    let entry = Entry::change("users.update", "users", 1, Diff::none().and("email", "anna@example.org", "b@example.org"));
    log::append(&mut tx, T0, admin.actor(), &[entry]).await.unwrap();
    tx.commit().await.unwrap();
    for (who, first) in [(&admin, "anna@example.org"), (&other, "a•••@•••.org")] {
        for fields in [None, Some("diff,seq"), Some("diff")] {
            let pairs = [("limit", "1")].into_iter().chain(fields.map(|fields| ("fields", fields)));
            let permit = who.permit(can::AUDIT_LOG_READ).unwrap();
            let page = rig.office.list_audit(&permit, &AUDIT_LOG, &crate::ListParams::from_pairs(pairs)).await.unwrap();
            assert_eq!(page.items[0]["diff"]["email"][0], json!(first), "{fields:?}");
        }
    }
    let permit = other.permit(can::AUDIT_LOG_READ).unwrap();
    let head = rig.office.verify_audit(1, |_, _| {}).await.unwrap().head;
    let row = rig.office.read_audit(&permit, &AUDIT_LOG, &head.seq.to_string()).await.unwrap();
    assert_eq!(row["diff"]["email"][0], json!("a•••@•••.org"));
    assert!(matches!(rig.office.read_audit(&permit, &SECURITY_AUDIT, &head.seq.to_string()).await, Err(OfficeError::NotFound(_))));
    assert!(matches!(rig.office.read_audit(&permit, &AUDIT_LOG, "999999").await, Err(OfficeError::NotFound(_))));
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
    the_chain_says_where_it_was_touched
    the_nightly_job_tells
    refusals_are_written_and_a_flood_has_an_end
    a_diff_shows_what_its_viewer_may_see
}
