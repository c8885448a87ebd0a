//! The database goes away, is slow, is locked: facts wait in the journal and arrive exactly once (FT-4, FT-5); nothing hangs.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use common::{Base, CENTER, actor, call, call_id, cdr, cdrs, credentials};
use model::{Fact, HubKind};
use store::{
    ACQUIRE_MAX, Db, NewTrunk, STATEMENT_MAX, Store, StoreError,
    consumer::{Progress, catch_up, consume},
    journal::Journal,
    testing::Postgres,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
    sync::watch,
};

/// A journal, its consumer, and what the consumer tells.
struct House {
    dir: tempfile::TempDir,
    journal: Journal,
    wake: watch::Sender<u64>,
    progress: watch::Receiver<Progress>,
    consumer: tokio::task::JoinHandle<()>,
}

impl House {
    async fn new(store: &Store) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        journal.skip_to(store.cursor().await.unwrap());
        let (wake, woken) = watch::channel(journal.last_seq());
        let (tell, progress) = watch::channel(Progress::default());
        let consumer = tokio::spawn(consume(store.clone(), dir.path().to_owned(), woken, tell));
        Self { dir, journal, wake, progress, consumer }
    }

    /// Calls `from` to `to` begin and end.
    fn calls(&mut self, from: i64, to: i64) {
        for n in from..=to {
            let call = call(n, Some(7));
            let seq = self.journal.append(&[Fact::CallStarted { call: call.clone() }, Fact::CallEnded { cdr: cdr(&call) }]).unwrap();
            self.wake.send_replace(seq);
        }
    }

    async fn until(&mut self, what: impl FnMut(&Progress) -> bool) -> Progress {
        *tokio::time::timeout(Duration::from_secs(60), self.progress.wait_for(what)).await.unwrap().unwrap()
    }

    async fn caught_up(&mut self) -> Progress {
        let last = self.journal.last_seq();
        self.until(|progress| progress.consumed == last && progress.failures == 0).await
    }

    /// The appender goes; what is left is applied.
    async fn close(self) {
        drop(self.wake);
        tokio::time::timeout(Duration::from_secs(60), self.consumer).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn facts_wait_for_a_database_that_is_away_and_arrive_once() {
    let mut server = Postgres::start();
    let store = Store::open(&server.database()).await.unwrap();
    let mut house = House::new(&store).await;
    house.calls(1, 50);
    let before = house.caught_up().await;
    assert_eq!((before.lag(), before.applied.applied, cdrs(&store).await), (0, 100, 50));

    server.stop();
    house.calls(51, 400);
    let away = house.until(|progress| progress.failures >= 3 && progress.written == 800).await;
    assert_eq!((away.consumed, away.lag()), (100, 700));
    // Everybody is told soon, and told that it is the database (503, not 500).
    let asked = Instant::now();
    let answers: Vec<_> = (0..30)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let name = format!("setting{n}");
                match n % 3 {
                    0 => store.cdr(call_id(1)).await.map(drop),
                    1 => store.setting(&name).await.map(drop),
                    _ => store.put_setting(&name, "").await,
                }
            })
        })
        .collect();
    for answer in answers {
        let refused = answer.await.unwrap().unwrap_err();
        assert!(refused.is_unavailable(), "{refused:?}");
    }
    assert!(asked.elapsed() < ACQUIRE_MAX + STATEMENT_MAX);

    server.resume();
    let after = house.caught_up().await;
    assert_eq!((after.lag(), after.applied.applied), (0, 800));
    assert_eq!(cdrs(&store).await, 400);
    // The pool is whole again.
    let asked: Vec<_> = (0..40)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.cdr(call(n, None).call_id).await.map(drop) })
        })
        .collect();
    for answer in asked {
        answer.await.unwrap().unwrap();
    }
    // What was appended last is not lost by closing.
    house.calls(401, 410);
    house.close().await;
    assert_eq!(cdrs(&store).await, 410);
}

#[tokio::test]
async fn a_database_that_answers_nothing_is_given_up_and_the_pool_recovers() {
    let server = Postgres::start();
    let store = Store::open(&server.database()).await.unwrap();
    let Db::Pg(pool) = store.db() else { unreachable!() };
    let ask = |count: i64| {
        let asked: Vec<_> = (0..count)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    match n % 2 {
                        0 => store.cdr(call(n, None).call_id).await.map(drop),
                        _ => store.put_setting("key", "value").await,
                    }
                })
            })
            .collect();
        async move {
            let mut answers = Vec::new();
            for answer in asked {
                answers.push(answer.await.unwrap());
            }
            answers
        }
    };
    assert!(ask(40).await.iter().all(Result::is_ok), "all connections are open now");
    // One is in the middle of a transaction when it happens: it waits for a lock.
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("UPDATE ids SET next = next").execute(&mut *lock).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.create_trunk(&actor(), NewTrunk { name: "Hub".to_owned(), kind: HubKind::Auto, capacity: 1 }, credentials).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    while sqlx::query_as::<_, (i64,)>(waits).fetch_one(pool).await.unwrap().0 == 0 {}
    server.freeze();
    let asked = Instant::now();
    for answer in ask(40).await {
        let refused = answer.unwrap_err();
        assert!(refused.is_unavailable(), "{refused:?}");
    }
    assert!(waiting.await.unwrap().unwrap_err().is_unavailable());
    assert!(asked.elapsed() < ACQUIRE_MAX + STATEMENT_MAX, "{:?}", asked.elapsed());
    server.thaw();
    drop(lock);
    assert!(ask(40).await.iter().all(Result::is_ok), "the pool is whole again");
    assert_eq!(store.trunks(CENTER).await.unwrap(), [], "what was given up has left nothing behind");
}

#[tokio::test]
async fn a_closing_consumer_does_not_wait_for_a_database_that_is_away() {
    let mut server = Postgres::start();
    let url = server.database();
    let store = Store::open(&url).await.unwrap();
    let mut house = House::new(&store).await;
    server.stop();
    house.calls(1, 5);
    house.until(|progress| progress.failures > 0).await;
    let House { dir, journal, wake, consumer, .. } = house;
    drop((wake, journal));
    tokio::time::timeout(Duration::from_secs(60), consumer).await.unwrap().unwrap();
    // The next start finds it all.
    server.resume();
    let store = Store::open(&url).await.unwrap();
    let progress = catch_up(&store, dir.path()).await.unwrap();
    assert_eq!((progress.consumed, progress.applied.applied, cdrs(&store).await), (10, 10, 5));
}

#[tokio::test]
async fn a_database_that_lost_commits_is_told_again() {
    for base in [Base::sqlite(), Base::postgres()] {
        let store = base.open().await;
        let mut house = House::new(&store).await;
        house.calls(1, 20);
        house.caught_up().await;
        // A standby takes over that has not heard of the last ten calls.
        for sql in [
            "DELETE FROM cdrs WHERE (call_id & 1023) > 10",
            "DELETE FROM calls WHERE (call_id & 1023) > 10",
            "UPDATE journal_state SET cursor = 20",
        ] {
            match store.db() {
                Db::Lite { write, .. } => sqlx::query(sql).execute(write).await.map(drop).unwrap(),
                Db::Pg(pool) => sqlx::query(sql).execute(pool).await.map(drop).unwrap(),
            }
        }
        assert_eq!(cdrs(&store).await, 10);
        house.calls(21, 21);
        house.caught_up().await;
        assert_eq!(cdrs(&store).await, 21);
        house.close().await;
    }
}

#[tokio::test]
async fn every_restart_in_between_leaves_the_same_rows() {
    for base in [Base::sqlite(), Base::postgres()] {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        for round in 0..10 {
            let calls = (round * 10 + 1..=round * 10 + 10).map(|n| call(n, None));
            let facts: Vec<_> =
                calls.flat_map(|call| [Fact::CallStarted { call: call.clone() }, Fact::CallEnded { cdr: cdr(&call) }]).collect();
            journal.append(&facts).unwrap();
            let store = base.open().await;
            let progress = catch_up(&store, dir.path()).await.unwrap();
            assert_eq!((progress.consumed, progress.applied.applied, progress.applied.old), (journal.last_seq(), 20, 0));
            assert_eq!(cdrs(&store).await, (round + 1) * 10);
            store.close().await;
        }
    }
}

/// A line to a database, as slow as is wanted: each answer comes so much later.
struct SlowLine {
    url: String,
    delay_ms: Arc<AtomicU64>,
}

impl SlowLine {
    /// `url` reaches its server by a socket in a directory; ours reaches it through here.
    async fn to(url: &str) -> Self {
        let (rest, query) = url.split_once("?").unwrap();
        let directory = query.split('&').find_map(|part| part.strip_prefix("host=")).unwrap().replace("%2F", "/");
        let socket = Path::new(&directory).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = delay_ms.clone();
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = UnixStream::connect(&socket).await.unwrap();
                let delay = delay.clone();
                tokio::spawn(async move {
                    let (mut from_near, mut to_near) = near.into_split();
                    let (mut from_far, mut to_far) = far.into_split();
                    let asking = tokio::spawn(async move { tokio::io::copy(&mut from_near, &mut to_far).await });
                    let mut octets = vec![0; 64 * 1024];
                    while let Ok(length @ 1..) = from_far.read(&mut octets).await {
                        tokio::time::sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
                        if to_near.write_all(&octets[..length]).await.is_err() {
                            break;
                        }
                    }
                    asking.abort();
                });
            }
        });
        let (scheme, database) = (rest.split_once("://").unwrap().0, rest.rsplit('/').next().unwrap());
        Self { url: format!("{scheme}://postgres@127.0.0.1:{port}/{database}?sslmode=disable"), delay_ms }
    }

    fn delay(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_slow_database_is_told_of_as_away_and_loses_nothing() {
    let line = SlowLine::to(&Postgres::shared().database()).await;
    let store = Store::open(&line.url).await.unwrap();
    let mut house = House::new(&store).await;
    house.calls(1, 10);
    house.caught_up().await;
    // Five seconds for each answer (FT-5).
    line.delay(Duration::from_secs(5));
    house.calls(11, 100);
    let asked = Instant::now();
    let answers: Vec<_> = (0..40)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.cdr(call(n, None).call_id).await.map(drop) })
        })
        .collect();
    let mut refusals = 0;
    for answer in answers {
        if let Err(refused) = answer.await.unwrap() {
            assert!(refused.is_unavailable(), "{refused:?}");
            refusals += 1;
        }
    }
    assert!(refusals > 30, "{refusals}: new connections take longer than anybody waits");
    assert!(asked.elapsed() < ACQUIRE_MAX + STATEMENT_MAX, "{:?}", asked.elapsed());
    // A slow one is slow, but works.
    line.delay(Duration::from_millis(20));
    house.caught_up().await;
    assert_eq!(cdrs(&store).await, 100);
    line.delay(Duration::ZERO);
    let asked: Vec<_> = (0..40)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.cdr(call(n, None).call_id).await.map(drop) })
        })
        .collect();
    for answer in asked {
        answer.await.unwrap().unwrap();
    }
    house.calls(101, 110);
    house.close().await;
    assert_eq!(cdrs(&store).await, 110);
}

#[tokio::test]
async fn a_consumer_waits_for_another_process_that_locks_sqlite() {
    let base = Base::sqlite();
    let (store, other) = (base.open().await, base.open().await);
    let Db::Lite { write, .. } = other.db() else { unreachable!() };
    let mut house = House::new(&store).await;
    let lock = write.begin_with("BEGIN IMMEDIATE").await.unwrap();
    house.calls(1, 20);
    let away = house.until(|progress| progress.failures >= 1 && progress.written == 40).await;
    assert_eq!((away.consumed, away.applied.applied, cdrs(&store).await), (0, 0, 0));
    lock.rollback().await.unwrap();
    let after = house.caught_up().await;
    assert_eq!((after.applied.applied, cdrs(&store).await), (40, 20));
    house.close().await;
}

#[tokio::test]
async fn registrations_may_wait_a_moment_and_nothing_else_does() {
    let base = Base::sqlite();
    let store = base.open().await;
    store.create_trunk(&actor(), NewTrunk { name: "Hub".to_owned(), kind: HubKind::Auto, capacity: 1 }, credentials).await.unwrap();
    let mut house = House::new(&store).await;
    let bound = Fact::Bound { binding: common::binding(1, "192.0.2.1:5060") };
    let seq = house.journal.append(std::slice::from_ref(&bound)).unwrap();
    house.wake.send_replace(seq);
    let asked = Instant::now();
    house.caught_up().await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(store.bindings().await.unwrap().len(), 1);
    // Those that still wait are written when the appender goes.
    house.journal.append(&[Fact::Unbound { slot: model::SlotId(1), at: common::at(0) }]).unwrap();
    house.close().await;
    assert_eq!(store.bindings().await.unwrap(), []);
}

#[tokio::test]
async fn sqlite_locked_by_another_process_is_waited_for_and_then_told() {
    let base = Base::sqlite();
    let (store, other) = (base.open().await, base.open().await);
    let Db::Lite { write, .. } = other.db() else { unreachable!() };
    let lock = write.begin_with("BEGIN IMMEDIATE").await.unwrap();
    // Reading goes on meanwhile.
    assert_eq!(store.setting("b").await.unwrap(), None);
    let asked = Instant::now();
    let refused = store.put_setting("a", "1").await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused:?}");
    assert!(asked.elapsed() < STATEMENT_MAX, "{:?}", asked.elapsed());
    // A lock that is given up in time is not even noticed.
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.put_setting("b", "1").await }
    });
    lock.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(store.setting("b").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn a_full_disk_is_no_defect_and_leaves_nothing_behind() {
    let base = Base::sqlite();
    let store = base.open().await;
    let Db::Lite { write, .. } = store.db() else { unreachable!() };
    // The only connection that writes may make the file no longer than it is, as on a full disk (FT-6).
    sqlx::query("PRAGMA max_page_count = 1").execute(write).await.unwrap();
    let big = "x".repeat(1_000_000);
    let refused = store.put_setting("key", &big).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused:?}");
    assert_eq!(store.setting("key").await.unwrap(), None);
    // A new connection has the room again.
    store.put_setting("key", &big).await.unwrap();
    assert_eq!(store.setting("key").await.unwrap(), Some(big));
}

#[tokio::test]
async fn postgres_locked_by_another_is_waited_for_and_then_told() {
    let base = Base::postgres();
    let store = base.open().await;
    store.create_trunk(&actor(), NewTrunk { name: "Hub".to_owned(), kind: HubKind::Auto, capacity: 1 }, credentials).await.unwrap();
    let Db::Pg(pool) = store.db() else { unreachable!() };
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("UPDATE ids SET next = next").execute(&mut *lock).await.unwrap();
    let asked = Instant::now();
    let refused =
        store.create_trunk(&actor(), NewTrunk { name: "Hub".to_owned(), kind: HubKind::Auto, capacity: 1 }, credentials).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused:?}");
    assert!(asked.elapsed() < STATEMENT_MAX, "{:?}", asked.elapsed());
    // A query that is slow on the server's side is given up there too (FT-5).
    let slow = sqlx::query("SELECT pg_sleep(60)").execute(pool).await.map_err(StoreError::from).unwrap_err();
    assert!(slow.is_unavailable(), "{slow:?}");
    lock.rollback().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_is_told_in_words() {
    let check = async |url: &str, unavailable: bool| {
        let refused = Store::open(url).await.unwrap_err();
        assert_eq!(refused.is_unavailable(), unavailable, "{url}: {refused:?}");
        assert!(unavailable || matches!(refused, StoreError::Url(_)), "{url}: {refused:?}");
    };
    check("", false).await;
    check("mysql://localhost/x", false).await;
    check("sqlite:", false).await;
    check("sqlite::memory:", false).await;
    check("sqlite:x?mode=memory", false).await;
    check("postgres://localhost:notaport/x", false).await;
    check("sqlite:/nonexistent/dir/cordboard.db", true).await;
    check("postgres://postgres@localhost/x?host=/nonexistent", true).await;
}

#[tokio::test]
async fn the_sqlite_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let base = Base::sqlite();
    let store = base.open().await;
    store.put_setting("a", "b").await.unwrap();
    let path = base.url.strip_prefix("sqlite:").unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(Path::new(&format!("{path}{suffix}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}{suffix}");
    }
    let Db::Lite { read, write } = store.db() else { unreachable!() };
    for (pool, query_only) in [(read, 1_i64), (write, 0)] {
        let (mode,): (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
        let settings =
            [("PRAGMA synchronous", 1), ("PRAGMA foreign_keys", 1), ("PRAGMA busy_timeout", 5000), ("PRAGMA query_only", query_only)];
        for (pragma, wanted) in settings {
            let (value,): (i64,) = sqlx::query_as(pragma).fetch_one(pool).await.unwrap();
            assert_eq!(value, wanted, "{pragma}");
        }
        assert_eq!(mode, "wal");
    }
    let strict: Vec<(String,)> = sqlx::query_as(
        "SELECT name FROM pragma_table_list WHERE strict = 0 AND type = 'table' AND schema = 'main' AND name NOT LIKE 'sqlite%'",
    )
    .fetch_all(read)
    .await
    .unwrap();
    assert_eq!(strict.iter().map(|(name,)| name.as_str()).collect::<Vec<_>>(), ["schema_migrations"]);
}

/// API handlers and tasks hold these across threads.
#[test]
fn futures_can_be_sent() {
    fn sendable<T: Send>(_: impl FnOnce() -> T) {}
    fn store() -> Store {
        unreachable!()
    }
    sendable(|| async {
        store().create_trunk(&actor(), NewTrunk { name: String::new(), kind: HubKind::Ls, capacity: 1 }, credentials).await
    });
    sendable(|| async { store().apply(&[]).await });
    sendable(|| async { store().newest_call().await });
    sendable(|| consume(store(), String::new().into(), watch::channel(0).1, watch::channel(Progress::default()).0));
}
