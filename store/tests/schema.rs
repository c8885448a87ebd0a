//! Both migrations make the same schema, and migrating is all or nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::Base;
use model::{CallStatus, Cause, Direction, HubKind, Outcome, RecordingState};
use serde::Serialize;
use store::Db;

/// A column: its type (integer or text) and whether it must have a value.
type Columns = BTreeMap<String, (String, bool)>;
/// The sets of columns that are unique in a table.
type Keys = BTreeSet<Vec<String>>;

#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: Columns,
    unique: Keys,
    indexes: BTreeSet<String>,
    references: BTreeSet<(String, String)>,
}

#[tokio::test]
async fn both_migrations_make_the_same_schema() {
    let lite = sqlite_schema(&Base::sqlite()).await;
    let pg = postgres_schema(&Base::postgres()).await;
    assert!(lite.len() >= 15, "{:?}", lite.keys());
    assert_eq!(lite.keys().collect::<Vec<_>>(), pg.keys().collect::<Vec<_>>());
    for (name, table) in &lite {
        assert_eq!(table, &pg[name], "table {name}, SQLite first");
    }
}

#[tokio::test]
async fn every_name_that_can_be_stored_is_allowed() {
    let base = Base::sqlite();
    let Db::Lite { read, .. } = base.open().await.db().clone() else { unreachable!() };
    let allowed = async |table: &str, column: &str, names: Vec<String>| {
        let (sql,): (String,) = sqlx::query_as("SELECT sql FROM sqlite_schema WHERE name = $1").bind(table).fetch_one(&read).await.unwrap();
        let check = sql.split_once(&format!("{table}_{column}_check CHECK ({column} IN (")).unwrap().1.split_once(')').unwrap().0;
        let allowed: BTreeSet<String> = check.split(", ").map(|name| name.trim_matches('\'').to_owned()).collect();
        assert_eq!(allowed, names.into_iter().collect(), "{table}.{column}");
    };
    let direction = names([Direction::Internal, Direction::Outbound, Direction::Inbound]);
    let outcome = names([Outcome::Answered, Outcome::Busy, Outcome::NoAnswer, Outcome::Canceled, Outcome::Failed]);
    for table in ["calls", "cdrs"] {
        allowed(table, "direction", direction.clone()).await;
        allowed(table, "outcome", outcome.clone()).await;
    }
    let statuses = [CallStatus::Dialing, CallStatus::Ringing, CallStatus::Answered, CallStatus::Held, CallStatus::Ended];
    allowed("calls", "status", names(statuses)).await;
    allowed("trunks", "kind", names([HubKind::Auto, HubKind::Mf, HubKind::Ls])).await;
    use RecordingState as R;
    allowed("recordings", "state", names([R::Recording, R::Complete, R::Partial, R::Failed, R::NotWanted, R::Erased])).await;
    for cause in Cause::ALL {
        assert_eq!(names([*cause]), [cause.code()]);
    }
}

fn names<T: Serialize, const N: usize>(values: [T; N]) -> Vec<String> {
    values.iter().map(|value| serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()).collect()
}

async fn sqlite_schema(base: &Base) -> BTreeMap<String, Table> {
    let Db::Lite { read, .. } = base.open().await.db().clone() else { unreachable!() };
    let mut tables = BTreeMap::new();
    let names: Vec<(String,)> = sqlx::query_as("SELECT name FROM sqlite_schema WHERE type = 'table'").fetch_all(&read).await.unwrap();
    for (name,) in names {
        let mut table = Table::default();
        let columns: Vec<(String, String, i64, i64)> =
            sqlx::query_as("SELECT name, type, \"notnull\", pk FROM pragma_table_info($1)").bind(&name).fetch_all(&read).await.unwrap();
        for (column, kind, not_null, key) in &columns {
            let kind = if kind == "TEXT" { "text" } else { "integer" };
            table.columns.insert(column.clone(), (kind.to_owned(), *not_null != 0 || *key != 0));
        }
        let mut key: Vec<_> = columns.iter().filter(|(.., place)| *place > 0).collect();
        key.sort_by_key(|(.., place)| *place);
        table.unique.insert(key.into_iter().map(|(column, ..)| column.clone()).collect());
        let indexes: Vec<(String, String)> =
            sqlx::query_as("SELECT name, origin FROM pragma_index_list($1)").bind(&name).fetch_all(&read).await.unwrap();
        for (index, origin) in indexes {
            if origin == "c" {
                table.indexes.insert(index);
                continue;
            }
            let columns: Vec<(String,)> =
                sqlx::query_as("SELECT name FROM pragma_index_info($1) ORDER BY seqno").bind(&index).fetch_all(&read).await.unwrap();
            table.unique.insert(columns.into_iter().map(|(column,)| column).collect());
        }
        let references: Vec<(String, String)> =
            sqlx::query_as("SELECT \"from\", \"table\" FROM pragma_foreign_key_list($1)").bind(&name).fetch_all(&read).await.unwrap();
        table.references.extend(references);
        tables.insert(name, table);
    }
    tables
}

async fn postgres_schema(base: &Base) -> BTreeMap<String, Table> {
    let Db::Pg(pool) = base.open().await.db().clone() else { unreachable!() };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let columns: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    for (table, column, kind, nullable) in columns {
        assert!(matches!(kind.as_str(), "bigint" | "text"), "{table}.{column} is {kind}");
        let kind = if kind == "text" { "text" } else { "integer" };
        tables.entry(table).or_default().columns.insert(column, (kind.to_owned(), nullable == "NO"));
    }
    let keys: Vec<(String, Vec<String>)> = sqlx::query_as(
        "SELECT t.relname::text, array(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, place)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.place)
        FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE c.contype IN ('p', 'u') AND c.connamespace = 'public'::regnamespace",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    for (table, columns) in keys {
        tables.get_mut(&table).unwrap().unique.insert(columns);
    }
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT tablename::text, indexname::text FROM pg_indexes WHERE schemaname = 'public'
        AND indexname NOT IN (SELECT conname FROM pg_constraint)",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    for (table, index) in indexes {
        tables.get_mut(&table).unwrap().indexes.insert(index);
    }
    let references: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT c.conrelid::regclass::text, a.attname::text, c.confrelid::regclass::text FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    for (table, column, to) in references {
        tables.get_mut(&table).unwrap().references.insert((column, to));
    }
    tables
}
