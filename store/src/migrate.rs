//! Brings the schema up to date: all that is missing in one transaction, or nothing.

use model::WallTime;
use tracing::info;

use crate::{
    StoreError,
    db::{Db, Tx, binds, statements},
    now,
};

/// One step, the same for both engines under one number. Never changed once released: a change is a new step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) lite: &'static str,
    pub(crate) pg: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal)*) => {
        &[$(Migration {
            version: $version,
            name: $name,
            lite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            pg: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        }),*]
    };
}

/// The version of a database into which a copy was begun and not finished (`copy`). It is greater than any: programs that know nothing of
/// copies refuse it as well.
pub(crate) const COPYING: i64 = i64::MAX;

/// In ascending order of version.
pub(crate) const MIGRATIONS: &[Migration] = migrations! {
    1 "0001_first"
    2 "0002_slot_limits"
    3 "0003_office"
    4 "0004_carriers"
    5 "0005_bans"
    6 "0006_tries"
    7 "0007_budgets"
    8 "0008_slot_numbers"
    9 "0009_paths"
    11 "0011_asking"
    12 "0012_carriers_of_calls"
    13 "0013_calls_of_people"
    14 "0014_lists_by_scenario"
    15 "0015_tags"
    16 "0016_exports_rule"
    17 "0017_clients_leads"
    18 "0018_call_links"
    19 "0019_rating_markers"
    20 "0020_listening"
    21 "0021_listening_plans"
    22 "0022_hand_over"
    23 "0023_desk"
    24 "0024_report_days"
};

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum BIGINT NOT NULL, applied_at BIGINT NOT NULL)";

// Two programs that start at once (`user add` beside the server) must not both migrate.
// The number is any that nobody else uses: "cordbord" in ASCII. SQLite's BEGIN IMMEDIATE has the lock already.
const LOCK_AND_CREATE_TABLE: &str = concat!(
    "SELECT pg_advisory_xact_lock(7165917139949089380); SET LOCAL statement_timeout = 0; SET LOCAL client_min_messages = warning; ",
    "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum BIGINT NOT NULL, applied_at BIGINT NOT NULL)"
);

statements! {
    APPLIED: both "SELECT version, checksum FROM schema_migrations ORDER BY version";
    RECORD: both "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
}

/// Applies what is missing of `migrations` to `db`.
pub(crate) async fn migrate(db: &Db, migrations: &[Migration]) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let (known, steps) = bring_up(db, &mut tx, migrations).await?;
    tx.commit().await?;
    if steps > 0 {
        info!(version = known, steps, "The database schema is up to date.");
    }
    Ok(())
}

/// Makes the schema in `db`, where there is none or a new one, and marks it as a copy that is not finished, which no program opens.
pub(crate) async fn migrate_for_copy(db: &Db) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    bring_up(db, &mut tx, MIGRATIONS).await?;
    tx.run(RECORD, binds![COPYING, "copying", 0_i64, now()]).await?;
    tx.commit().await
}

/// Applies what is missing, in a transaction; gives the version that is there then, and how many steps it took.
async fn bring_up(db: &Db, tx: &mut Tx, migrations: &[Migration]) -> Result<(i64, usize), StoreError> {
    tx.script(CREATE_TABLE, LOCK_AND_CREATE_TABLE).await?;
    let applied: Vec<(i64, i64)> = tx.all(APPLIED, &[]).await?;
    if applied.last().is_some_and(|(version, _)| *version == COPYING) {
        return Err(StoreError::CopyUnfinished);
    }
    let known = migrations.last().map_or(0, |last| last.version);
    if let Some((found, _)) = applied.last().filter(|(found, _)| *found > known) {
        return Err(StoreError::SchemaNewer { found: *found, known });
    }
    let now = now();
    let mut steps = 0;
    for migration in migrations {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            Some((_, checksum)) if *checksum == migration.checksum(db) => {}
            Some(_) => return Err(StoreError::SchemaChanged { version: migration.version }),
            None => {
                migration.apply(db, tx, now).await?;
                steps += 1;
            }
        }
    }
    Ok((known, steps))
}

impl Migration {
    async fn apply(&self, db: &Db, tx: &mut Tx, now: WallTime) -> Result<(), StoreError> {
        tx.script(self.lite, self.pg).await?;
        tx.run(RECORD, binds![self.version, self.name, self.checksum(db), now]).await?;
        Ok(())
    }

    /// Guards against a released text that was edited by mistake; not against malice.
    fn checksum(&self, db: &Db) -> i64 {
        self.checksum_of(matches!(db, Db::Pg(_)))
    }

    pub(crate) fn checksum_of(&self, is_postgres: bool) -> i64 {
        let text = if is_postgres { self.pg } else { self.lite };
        i64::from(crc32fast::hash(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::testing::Postgres;

    const FIRST: Migration = Migration { version: 1, name: "0001_a", lite: "CREATE TABLE a (id BIGINT)", pg: "CREATE TABLE a (id BIGINT)" };
    const SECOND: Migration = Migration {
        version: 2,
        name: "0002_b",
        lite: "CREATE TABLE b (id BIGINT); INSERT INTO b (id) VALUES (1)",
        pg: "CREATE TABLE b (id BIGINT); INSERT INTO b (id) VALUES (1)",
    };
    const BROKEN: Migration = Migration {
        version: 3,
        name: "0003_c",
        lite: "CREATE TABLE c (id BIGINT); INSERT INTO nowhere (id) VALUES (1)",
        pg: "CREATE TABLE c (id BIGINT); INSERT INTO nowhere (id) VALUES (1)",
    };

    async fn tables(db: &Db) -> usize {
        let mut count = 0;
        for name in ["a", "b", "c"] {
            let sql = sqlx::AssertSqlSafe(format!("SELECT id FROM {name}"));
            let there = match db {
                Db::Lite { read, .. } => sqlx::query(sql).fetch_all(read).await.is_ok(),
                Db::Pg(pool) => sqlx::query(sql).fetch_all(pool).await.is_ok(),
            };
            count += usize::from(there);
        }
        count
    }

    async fn story(url: &str) {
        let db = Db::connect(url).unwrap();
        migrate(&db, &[FIRST]).await.unwrap();
        assert_eq!(tables(&db).await, 1);
        // One step that fails takes back the one before it (FT-5), and the next start may try again.
        for _ in 0..2 {
            assert!(matches!(migrate(&db, &[FIRST, SECOND, BROKEN]).await, Err(StoreError::Defect(_))));
            assert_eq!(tables(&db).await, 1);
        }
        // Two programs that start at once.
        let (both, same) = ([FIRST, SECOND], Db::connect(url).unwrap());
        let (one, two) = tokio::join!(migrate(&db, &both), migrate(&same, &both));
        one.unwrap();
        two.unwrap();
        assert_eq!(tables(&db).await, 2);
        migrate(&db, &[FIRST, SECOND]).await.unwrap();
        assert!(matches!(migrate(&db, &[FIRST]).await, Err(StoreError::SchemaNewer { found: 2, known: 1 })));
        let edited = Migration { lite: "CREATE TABLE a (id TEXT)", pg: "CREATE TABLE a (id TEXT)", ..FIRST };
        assert!(matches!(migrate(&db, &[edited, SECOND]).await, Err(StoreError::SchemaChanged { version: 1 })));
        assert_eq!(tables(&db).await, 2);
    }

    #[tokio::test]
    async fn migrating_is_all_or_nothing_on_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        story(&format!("sqlite:{}/test.db", dir.path().display())).await;
    }

    #[tokio::test]
    async fn migrating_is_all_or_nothing_on_postgres() {
        story(&Postgres::shared().database()).await;
    }

    /// A database of an older program, with rows in it, becomes one of this program.
    async fn upgrade(url: &str) {
        let db = Db::connect(url).unwrap();
        migrate(&db, MIGRATIONS.get(..1).unwrap()).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let rows = "INSERT INTO trunks (id, center_id, name, kind, capacity, created_at, updated_at) VALUES (1, 1, 'Hub', 'auto', 1, 0, 0);
            INSERT INTO slots (id, center_id, trunk_id, number, username, ha1_md5, ha1_sha256, ha1_sha512_256, service, holder, epoch,
            created_at, updated_at) VALUES (1, 1, 1, '6001', '6001', '', '', '', 'IDLE', NULL, 0, 0, 0)";
        tx.script(rows, rows).await.unwrap();
        tx.commit().await.unwrap();
        migrate(&db, MIGRATIONS).await.unwrap();
        let store = crate::Store::of(db);
        assert_eq!(store.slot_limits(model::SlotId(1)).await.unwrap(), model::SlotLimits::default());
        assert!(matches!(migrate(store.db(), MIGRATIONS.get(..1).unwrap()).await, Err(StoreError::SchemaNewer { .. })));
    }

    #[tokio::test]
    async fn an_older_database_is_upgraded_on_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        upgrade(&format!("sqlite:{}/test.db", dir.path().display())).await;
    }

    #[tokio::test]
    async fn an_older_database_is_upgraded_on_postgres() {
        upgrade(&Postgres::shared().database()).await;
    }

    /// Calls of before get their people's sums, and the scenarios that they, routes and numbers name get rows.
    async fn calls_of_before(url: &str) {
        let db = Db::connect(url).unwrap();
        let before: Vec<Migration> = MIGRATIONS.iter().copied().filter(|migration| migration.version <= 12).collect();
        migrate(&db, &before).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let cdr = |id: i64, scenario: &str, segments: &str| {
            format!(
                "INSERT INTO cdrs (call_id, center_id, direction, caller, callee, started_at, ended_at, ring_ms, talk_ms, outcome, cause, sip_status, segments, scenario)
                VALUES ({id}, 1, 'inbound', '1', '2', 0, 9, 0, 0, 'answered', 'caller_hung_up', 200, '{segments}', {scenario});"
            )
        };
        let served = r#"[{"user":3,"slot":1,"from":100,"to":150,"hold_ms":5},{"user":null,"slot":2,"from":100,"to":200,"hold_ms":1},
            {"user":3,"slot":1,"from":170,"to":200,"hold_ms":2},{"user":4,"slot":2,"from":150,"to":140,"hold_ms":0}]"#;
        let carrier = |id: i64, numbers: &str| {
            format!(
                "INSERT INTO carriers (id, center_id, name, enabled, capacity, group_name, settings, version, created_at, updated_at)
                VALUES ({id}, 1, 'c{id}', 1, 1, '', '{{\"name\":\"c{id}\"{numbers}}}', 1, 0, 0);"
            )
        };
        let route = |id: i64, scenario: &str| {
            format!(
                "INSERT INTO routes (id, center_id, position, name, enabled, matches, action, scenario, source, rewrite, version, created_at, updated_at)
                VALUES ({id}, 1, {id}, 'r{id}', 1, '{{}}', '{{}}', '{scenario}', '', '{{}}', 1, 0, 0);"
            )
        };
        let rows = [
            cdr(1, "'sales'", served),
            cdr(2, "NULL", "[]"),
            cdr(3, "'sales'", "[]"),
            "INSERT INTO call_users (user_id, call_id) VALUES (3, 1), (4, 1), (5, 1), (3, 2);".to_owned(),
            route(1, ""),
            route(2, "\u{43e}\u{442}\u{434}\u{435}\u{43b}"),
            carrier(1, ""),
            // What cannot be read keeps nobody from starting.
            "INSERT INTO carriers (id, center_id, name, enabled, capacity, group_name, settings, version, created_at, updated_at)
                VALUES (3, 1, 'torn', 1, 1, '', '{', 1, 0, 0), (4, 1, 'odd', 1, 1, '', '{\"numbers\":{\"a\":1}}', 1, 0, 0),
                (5, 1, 'odder', 1, 1, '', '{\"numbers\":[\"x\",{\"scenario\":\"night\",\"center\":\"y\"}]}', 1, 0, 0);
            INSERT INTO users (id, center_id, username, display_name, state, search_norm, version, created_at, updated_at)
                VALUES (3, 1, 'vera', 'Vera', 'active', 'vera', 1, 0, 0);
            INSERT INTO access_lists (principal_kind, principal_id, resource, kind, item) VALUES ('user', 3, 'calls', 'scenario', 'given');"
                .to_owned(),
            carrier(
                2,
                r#","numbers":[{"number":"+74950000001","scenario":"sales"},{"number":"+74950000002"},
                {"number":"+74950000003","scenario":"","center":"2"},{"number":"+74950000004","scenario":"vip","center":"2"}]"#,
            ),
        ];
        let rows = rows.concat();
        tx.script(Box::leak(rows.clone().into_boxed_str()), Box::leak(rows.into_boxed_str())).await.unwrap();
        tx.commit().await.unwrap();
        migrate(&db, MIGRATIONS).await.unwrap();
        let all = async |sql: &'static str| -> Vec<(i64, i64, String)> {
            db.all(crate::Statement { name: "ALL", lite: sql, pg: sql }, &[]).await.unwrap()
        };
        let parts =
            "SELECT user_id, call_id, CAST(why AS TEXT) || ' ' || CAST(talk_ms AS TEXT) || ' ' || CAST(hold_ms AS TEXT) FROM call_users
            ORDER BY call_id, user_id";
        let row = |user, call, text: &str| (user, call, text.to_owned());
        assert_eq!(all(parts).await, [row(3, 1, "1 80 7"), row(4, 1, "1 0 0"), row(5, 1, "1 0 0"), row(3, 2, "1 0 0")]);
        let scenarios =
            "SELECT id, center_id, code || ' ' || name || ' ' || kind || ' ' || CAST(active AS TEXT) FROM scenarios ORDER BY id";
        let (sales, other) =
            ("sales sales department 1", "\u{43e}\u{442}\u{434}\u{435}\u{43b} \u{43e}\u{442}\u{434}\u{435}\u{43b} department 1");
        let named =
            all(scenarios).await.into_iter().map(|(_, center, text)| format!("{center} {text}")).collect::<std::collections::BTreeSet<_>>();
        let expected = ["given given department 1", "night night department 1", sales, other].map(|text| format!("1 {text}"));
        assert_eq!(named, expected.into_iter().chain(["2 vip vip department 1".to_owned()]).collect());
        assert_eq!(all("SELECT next, next, kind FROM ids WHERE kind = 'scenario'").await, [row(6, 6, "scenario")]);
    }

    #[tokio::test]
    async fn calls_of_before_are_brought_along_on_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        calls_of_before(&format!("sqlite:{}/test.db", dir.path().display())).await;
    }

    #[tokio::test]
    async fn calls_of_before_are_brought_along_on_postgres() {
        calls_of_before(&Postgres::shared().database()).await;
    }

    #[test]
    fn migrations_are_in_order() {
        assert!(MIGRATIONS.iter().is_sorted_by(|before, after| before.version < after.version));
        for migration in MIGRATIONS {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
        }
    }
}
