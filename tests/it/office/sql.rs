//! The server's database as somebody sees it who has its file or its password: an administrator of databases, or an intruder.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Column, Row, SqlitePool, TypeInfo, ValueRef, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};
use tests::{Server, postgres::Postgres};

/// A connection past the program.
pub(crate) struct Sql {
    runtime: tokio::runtime::Runtime,
    pool: Pool,
}

enum Pool {
    Lite(SqlitePool),
    Pg(sqlx::PgPool),
}

impl Sql {
    /// Of a server's database: `database`, or SQLite in the server's data directory.
    pub(crate) fn of(server: &Server, database: Option<&Postgres>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let pool = runtime.block_on(async {
            match database {
                Some(database) => PgPoolOptions::new().max_connections(1).connect(&database.url()).await.map(Pool::Pg),
                None => {
                    let url = format!("sqlite:{}", server.data().join("cordboard.db").display());
                    SqlitePoolOptions::new().max_connections(1).connect(&url).await.map(Pool::Lite)
                }
            }
        });
        Ok(Self { pool: pool.context("the server's database")?, runtime })
    }

    /// Carries something out, several statements perhaps.
    pub(crate) fn run(&self, sql: impl Into<String>) -> Result<()> {
        let sql = AssertSqlSafe(sql.into());
        self.runtime.block_on(async {
            match &self.pool {
                Pool::Lite(pool) => sqlx::raw_sql(sql).execute(pool).await.map(|_| ())?,
                Pool::Pg(pool) => sqlx::raw_sql(sql).execute(pool).await.map(|_| ())?,
            }
            Ok(())
        })
    }

    /// What a query finds: an object a row, of numbers and texts.
    pub(crate) fn rows(&self, sql: &str) -> Result<Vec<Value>> {
        self.runtime.block_on(async {
            match &self.pool {
                Pool::Lite(pool) => {
                    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(pool).await.with_context(|| sql.to_owned())?;
                    rows.iter().map(lite_row).collect()
                }
                Pool::Pg(pool) => {
                    let sql = format!("SELECT to_json(q)::text AS row FROM ({sql}) q");
                    let rows = sqlx::query(AssertSqlSafe(sql.clone())).fetch_all(pool).await.with_context(|| sql)?;
                    rows.iter().map(|row| Ok(serde_json::from_str(row.try_get::<&str, _>(0)?)?)).collect()
                }
            }
        })
    }

    /// The one number that a query finds.
    pub(crate) fn number(&self, sql: &str) -> Result<i64> {
        let rows = self.rows(sql)?;
        let only = rows.first().and_then(Value::as_object).and_then(|row| row.values().next()).and_then(Value::as_i64);
        only.with_context(|| format!("no number: {sql}"))
    }

    /// Every row of every table, but for the tables named: what a refused request may not have changed.
    pub(crate) fn everything_but(&self, without: &[&str]) -> Result<Map<String, Value>> {
        let names = match &self.pool {
            Pool::Lite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
            Pool::Pg(_) => "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
        };
        let mut all = Map::new();
        for table in self.rows(names)? {
            let table = table["name"].as_str().context("a table's name")?;
            if without.contains(&table) {
                continue;
            }
            let mut rows: Vec<String> = self.rows(&format!("SELECT * FROM {table}"))?.iter().map(Value::to_string).collect();
            rows.sort_unstable();
            all.insert(table.to_owned(), rows.into());
        }
        Ok(all)
    }

    /// Takes away, for whoever owns the database, what keeps the audit log from being changed; gives it back after `work`.
    pub(crate) fn past_the_triggers(&self, work: &str) -> Result<()> {
        match &self.pool {
            Pool::Pg(_) => {
                self.run(format!("ALTER TABLE audit_log DISABLE TRIGGER USER; {work}; ALTER TABLE audit_log ENABLE TRIGGER USER"))
            }
            Pool::Lite(_) => {
                let triggers = self.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'")?;
                anyhow::ensure!(triggers.len() == 2, "two triggers keep it: {triggers:?}");
                for trigger in &triggers {
                    self.run(format!("DROP TRIGGER {}", trigger["name"].as_str().context("a trigger's name")?))?;
                }
                self.run(work)?;
                for trigger in &triggers {
                    self.run(trigger["sql"].as_str().context("a trigger's text")?)?;
                }
                Ok(())
            }
        }
    }
}

fn lite_row(row: &sqlx::sqlite::SqliteRow) -> Result<Value> {
    let mut object = Map::new();
    for (at, column) in row.columns().iter().enumerate() {
        let cell = row.try_get_raw(at)?;
        let value = match (cell.is_null(), cell.type_info().name()) {
            (true, _) => Value::Null,
            (_, "INTEGER") => row.try_get::<i64, _>(at)?.into(),
            (_, "BLOB") => format!("{:?}", row.try_get::<Vec<u8>, _>(at)?).into(),
            _ => row.try_get::<String, _>(at)?.into(),
        };
        object.insert(column.name().to_owned(), value);
    }
    Ok(Value::Object(object))
}
