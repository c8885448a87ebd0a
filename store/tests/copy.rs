//! A database is copied whole into the other engine and back, and whatever ends a copy before leaves nothing that could be taken for one.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use common::{Base, actor, at};
use sqlx::AssertSqlSafe;
use store::{
    Db, Store, StoreError,
    audit::{self, Diff, Entry},
    copy::{CopyError, End, Progress, Stage, copy},
};
use tokio::sync::oneshot;

/// More rows than one statement takes, and no multiple of that.
const RECORDS: i64 = 1_234;
/// The keys of the rows that are made up: above those of a new database.
const KEYS: std::ops::Range<i64> = 1_000..1_003;

/// Texts that a copy could spoil.
const TEXTS: [&str; 3] =
    ["it's \"quoted\", \\n and $1", "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442} \u{1f600}\r\n\t", " leading and trailing "];

async fn rows(db: &Db, sql: String) -> Vec<String> {
    let sql = AssertSqlSafe(sql);
    let rows: Vec<(String,)> = match db {
        Db::Lite { read, .. } => sqlx::query_as(sql).fetch_all(read).await.unwrap(),
        Db::Pg(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
    };
    rows.into_iter().map(|(row,)| row).collect()
}

async fn script(db: &Db, sql: impl Into<String>) {
    let sql = AssertSqlSafe(sql.into());
    match db {
        Db::Lite { write, .. } => drop(sqlx::raw_sql(sql).execute(write).await.unwrap()),
        Db::Pg(pool) => drop(sqlx::raw_sql(sql).execute(pool).await.unwrap()),
    }
}

/// All tables with their columns, found by other means than the program's.
async fn columns(db: &Db) -> BTreeMap<String, Vec<String>> {
    let sql = match db {
        Db::Lite { .. } => {
            "SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name <> 'schema_migrations'
            AND m.name NOT GLOB 'sqlite_*'"
        }
        Db::Pg(_) => {
            "SELECT table_name || '.' || column_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'schema_migrations'"
        }
    };
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in rows(db, sql.to_owned()).await {
        let (table, column) = name.split_once('.').unwrap();
        tables.entry(table.to_owned()).or_default().push(column.to_owned());
    }
    tables.values_mut().for_each(|columns| columns.sort());
    tables
}

/// Every value of every row of every table.
async fn everything(url: &str) -> BTreeMap<String, Vec<String>> {
    let store = Store::open(url).await.unwrap();
    let mut all = BTreeMap::new();
    for (table, columns) in columns(store.db()).await {
        let values: Vec<String> = columns.iter().map(|column| format!("COALESCE('=' || CAST(\"{column}\" AS TEXT), 'null')")).collect();
        let mut found = rows(store.db(), format!("SELECT {} FROM \"{table}\"", values.join(" || '|' || "))).await;
        found.sort();
        all.insert(table, found);
    }
    store.close().await;
    all
}

/// Rows in every table that there is: a table that a later migration makes gets its own without a change here, or this fails.
async fn fill(store: &Store) {
    let db = store.db();
    let mut statements = Vec::new();
    for (table, columns) in columns(db).await {
        // One row each, which is there; and what is appended by the program itself.
        if matches!(table.as_str(), "audit_log" | "audit_head" | "journal_state") {
            continue;
        }
        let made = rows(db, format!("SELECT sql FROM sqlite_schema WHERE name = '{table}' AND type = 'table'")).await.concat();
        let count = if table == "cdrs" { RECORDS } else { KEYS.end - KEYS.start };
        for (row, key) in (KEYS.start..).take(usize::try_from(count).unwrap()).enumerate() {
            let values: Vec<String> = columns.iter().map(|column| value(&made, column, row, key)).collect();
            statements.push(format!("INSERT INTO \"{table}\" (\"{}\") VALUES ({})", columns.join("\", \""), values.join(", ")));
        }
    }
    // All rows of a story refer to rows with the same key, in whatever order they come.
    script(db, format!("BEGIN; PRAGMA defer_foreign_keys = ON; {}; UPDATE journal_state SET cursor = 4711; COMMIT", statements.join("; ")))
        .await;
    for name in TEXTS {
        let mut tx = db.begin().await.unwrap();
        let entry = Entry::change("users.update", "users", name, Diff::none().and("name", "", name));
        audit::append(&mut tx, at(5), &actor(), &[entry.clone(), entry]).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// A value that the table's own text allows.
fn value(made: &str, column: &str, row: usize, key: i64) -> String {
    let line =
        made.lines().map(str::trim).find(|line| line.strip_prefix(column).is_some_and(|rest| rest.starts_with(' '))).unwrap_or_else(|| {
            // What was added by a later migration stands in the last line.
            made.split(", ").map(str::trim).find(|part| part.starts_with(&format!("{column} "))).unwrap()
        });
    let is_nullable = !line.contains("NOT NULL");
    if is_nullable && row == 1 {
        return "NULL".to_owned();
    }
    if let Some((_, allowed)) = made.split_once(&format!("CHECK ({column} IN (")) {
        return allowed.split([',', ')']).next().unwrap().to_owned();
    }
    if line.contains(&format!("{column} INTEGER")) {
        return match made.contains(&format!("CHECK ({column} BETWEEN 1 AND")) {
            true => "1".to_owned(),
            // References may be missing, and then they are NULL above.
            false if is_nullable && row == 2 && !column.ends_with("_id") => i64::MIN.to_string(),
            false => key.to_string(),
        };
    }
    // Unique, and within every length that is checked.
    format!("'{column} {key} {}'", TEXTS.get(row % TEXTS.len()).unwrap().replace('\'', "''"))
}

async fn copied(from: &str, to: &str) -> Vec<Progress> {
    let mut told = Vec::new();
    let copied = copy(from, to, false, |progress| told.push(progress.clone())).await.unwrap();
    assert_eq!(copied.audit_broken_at, None);
    assert!(copied.tables.len() >= 37, "{:?}", copied.tables);
    told
}

#[tokio::test]
async fn everything_goes_to_postgres_and_back() {
    let (origin, pg, back) = (Base::sqlite(), Base::postgres(), Base::sqlite());
    let store = origin.open().await;
    fill(&store).await;
    store.close().await;
    let wanted = everything(&origin.url).await;
    let fresh = everything(&Base::sqlite().url).await;
    for (table, rows) in &wanted {
        assert!(!rows.is_empty() && *rows != fresh[table], "{table} has no rows of its own: fill() is to make some");
    }
    assert_eq!(wanted["cdrs"].len(), usize::try_from(RECORDS).unwrap());

    let told = copied(&origin.url, &pg.url).await;
    assert_eq!(everything(&pg.url).await, wanted);
    for table in wanted.keys() {
        let ends = |stage| told.iter().filter(|word| word.table == *table && word.stage == stage && word.is_done()).count();
        assert_eq!((ends(Stage::Copying), ends(Stage::Comparing)), (1, 1), "{table}");
    }
    // The one that was copied is as it was, and the copy is one that a server opens.
    assert_eq!(everything(&origin.url).await, wanted);
    let store = pg.open().await;
    assert_eq!(store.cursor().await.unwrap(), 4711);
    store.close().await;

    copied(&pg.url, &back.url).await;
    assert_eq!(everything(&back.url).await, wanted);
}

/// Ids are counted by rows of ours, which are copied like all others. A counter of the database's own would not be.
#[tokio::test]
async fn no_table_counts_by_the_database() {
    let (lite, pg) = (Base::sqlite(), Base::postgres());
    let (lite, pg) = (&lite.open().await, &pg.open().await);
    assert_eq!(rows(lite.db(), "SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'".to_owned()).await, Vec::<String>::new());
    let counters = "SELECT relname::text FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace";
    assert_eq!(rows(pg.db(), counters.to_owned()).await, Vec::<String>::new());
}

async fn refusal(from: &str, to: &str) -> CopyError {
    copy(from, to, true, |_| {}).await.unwrap_err()
}

async fn what_is_refused(origin: Base, target: Base, other: Base) {
    let store = origin.open().await;
    store.put_setting("a", "b").await.unwrap();
    assert!(matches!(refusal(&origin.url, &target.url).await, CopyError::InUse(End::Source)), "it is open");
    store.close().await;

    // A database that a server has run on, even if it holds nothing else.
    let store = target.open().await;
    store.put_setting("c", "d").await.unwrap();
    store.close().await;
    let before = everything(&target.url).await;
    let told = refusal(&origin.url, &target.url).await.to_string();
    assert!(told.contains("is not empty") && told.contains("settings"), "{told}");
    assert_eq!(everything(&target.url).await, before, "nothing was changed");
    let told = refusal(&origin.url, &origin.url).await.to_string();
    assert!(told.contains("in use") || told.contains("not empty"), "one database: {told}");

    // Somebody else's database.
    let store = other.open().await;
    script(store.db(), "CREATE TABLE theirs (id BIGINT)").await;
    store.close().await;
    let told = refusal(&origin.url, &other.url).await.to_string();
    assert!(told.contains("theirs"), "{told}");

    // One that is older, as it would be: it is to be brought up to date by a start.
    let store = origin.open().await;
    script(store.db(), "DELETE FROM schema_migrations WHERE version > 5").await;
    store.close().await;
    let told = refusal(&origin.url, &target.url).await.to_string();
    assert!(told.contains("has schema version 5") && told.contains("start this program's server"), "{told}");
    assert_eq!(everything(&target.url).await, before, "nothing was changed");
}

#[tokio::test]
async fn what_would_mix_is_refused_on_sqlite() {
    what_is_refused(Base::sqlite(), Base::sqlite(), Base::sqlite()).await;
}

#[tokio::test]
async fn what_would_mix_is_refused_on_postgres() {
    what_is_refused(Base::postgres(), Base::postgres(), Base::postgres()).await;
}

#[tokio::test]
async fn a_source_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("none.db");
    let told = refusal(&format!("sqlite:{}", file.display()), &Base::sqlite().url).await;
    assert!(matches!(told, CopyError::Missing(_)), "{told}");
    assert!(!file.exists());
    std::fs::write(&file, "").unwrap();
    assert!(matches!(refusal(&format!("sqlite:{}", file.display()), &Base::sqlite().url).await, CopyError::Missing(_)));
    assert!(matches!(refusal("mysql://host/name", &Base::sqlite().url).await, CopyError::Store(StoreError::Url(_))));
}

/// A copy that ends in the middle leaves a target that nobody takes for one.
async fn interruption(origin: Base, target: Base) {
    // A target that was migrated before is as good as one that is not there.
    target.open().await.close().await;
    let (interrupt, interrupted) = oneshot::channel::<()>();
    let mut interrupt = Some(interrupt);
    let last = |progress: &Progress| progress.table == "webhook_deliveries" && progress.stage == Stage::Copying;
    tokio::select! {
        biased;
        _ = interrupted => {}
        done = copy(&origin.url, &target.url, false, |progress| if last(progress) { drop(interrupt.take()) }) => panic!("{done:?}"),
    }
    let again = async |start_over| {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            match copy(&origin.url, &target.url, start_over, |_| {}).await {
                // The database has not noticed yet that the other one is gone.
                Err(CopyError::InUse(_)) if Instant::now() < until => tokio::task::yield_now().await,
                other => return other,
            }
        }
    };
    assert!(matches!(again(false).await, Err(CopyError::Unfinished)));
    let refused = Store::open(&target.url).await.unwrap_err();
    assert!(matches!(refused, StoreError::CopyUnfinished) && refused.to_string().contains("--start-over"), "{refused}");
    let told = copy(&target.url, &Base::sqlite().url, true, |_| {}).await.unwrap_err().to_string();
    assert!(told.contains("never finished"), "{told}");

    again(true).await.unwrap();
    assert_eq!(everything(&target.url).await, everything(&origin.url).await);
}

async fn filled() -> Base {
    let origin = Base::sqlite();
    let store = origin.open().await;
    fill(&store).await;
    store.close().await;
    origin
}

#[tokio::test]
async fn an_interrupted_copy_is_refused_and_started_over_on_sqlite() {
    interruption(filled().await, Base::sqlite()).await;
}

#[tokio::test]
async fn an_interrupted_copy_is_refused_and_started_over_on_postgres() {
    interruption(filled().await, Base::postgres()).await;
}

/// What a target does to rows on their way is found out, and nothing of it is kept.
#[tokio::test]
async fn a_copy_that_differs_is_not_kept() {
    let (origin, target) = (filled().await, Base::postgres());
    let store = target.open().await;
    script(
        store.db(),
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.call_id = 1500 THEN NEW.talk_ms := NEW.talk_ms + 1; END IF; RETURN NEW; END $$;
        CREATE TRIGGER spoil BEFORE INSERT ON cdrs FOR EACH ROW EXECUTE FUNCTION spoil()",
    )
    .await;
    store.close().await;
    let told = refusal(&origin.url, &target.url).await;
    assert!(matches!(&told, CopyError::Differs { table, .. } if table == "cdrs"), "{told}");
    assert!(matches!(Store::open(&target.url).await, Err(StoreError::CopyUnfinished)));
}

/// A log that was tampered with before is copied as it is, and told of.
#[tokio::test]
async fn a_broken_audit_log_is_told_of() {
    let (origin, target) = (filled().await, Base::postgres());
    let store = origin.open().await;
    script(store.db(), "DROP TRIGGER audit_log_is_not_changed; UPDATE audit_log SET actor_name = 'nobody' WHERE seq = 3").await;
    store.close().await;
    let copied = copy(&origin.url, &target.url, false, |_| {}).await.unwrap();
    assert_eq!(copied.audit_broken_at, Some(3));
}
