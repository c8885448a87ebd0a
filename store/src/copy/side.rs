//! One side of a copy: a connection of its own that nobody else writes beside, and that may take as long as it needs.

use std::{borrow::Cow, path::Path, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, FromRow as _, PgConnection, Postgres, Row as _, Sqlite,
    SqliteConnection,
    postgres::{PgArguments, PgConnectOptions},
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous},
};

use super::{CopyError, End, schema::Kind};
use crate::{
    StoreError,
    audit::Row,
    db::{Bind, FromBoth},
};

/// How often a PostgreSQL database is looked at before it is in use, and the time between: 2 s in all.
const IN_USE_LOOKS: u32 = 20;
const IN_USE_PAUSE: Duration = Duration::from_millis(100);

/// How long somebody else's connection to a SQLite file is waited for.
const IN_USE_WAIT: Duration = Duration::from_secs(1);
/// The values of one statement: fewer than either engine takes.
const VALUES_MAX: usize = 8_000;
/// The rows of one statement.
const ROWS_MAX: usize = 250;

/// A database that is copied from or to.
pub(super) enum Side {
    Lite(SqliteConnection),
    Pg(PgConnection),
}

/// Whether the URL is one of PostgreSQL.
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// The file of a SQLite URL.
pub(super) fn sqlite_options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    let options: SqliteConnectOptions = url.parse().map_err(StoreError::from)?;
    Ok(options)
}

impl Side {
    /// Connects to a database that is there.
    pub(super) async fn open(url: &str, end: End) -> Result<Self, CopyError> {
        if is_postgres(url) { Self::postgres(url, end).await } else { Self::sqlite(url, end).await }
    }

    async fn sqlite(url: &str, end: End) -> Result<Self, CopyError> {
        let options = sqlite_options(url)?
            .create_if_missing(false)
            // Whoever has the file open keeps us out, and the other way round: a server, `user add`, a backup.
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(IN_USE_WAIT)
            .foreign_keys(true)
            .disable_statement_logging();
        match SqliteConnection::connect_with(&options).await {
            Ok(connection) => Ok(Self::Lite(connection)),
            Err(error) if is_busy(&error) => Err(CopyError::InUse(end)),
            Err(error) => Err(CopyError::Store(error.into())),
        }
    }

    async fn postgres(url: &str, end: End) -> Result<Self, CopyError> {
        let options = url
            .parse::<PgConnectOptions>()
            .map_err(StoreError::from)?
            .application_name("cordboard db copy")
            .options([("statement_timeout", "0"), ("lock_timeout", "5000"), ("idle_in_transaction_session_timeout", "0")])
            .disable_statement_logging();
        let mut side = Self::Pg(PgConnection::connect_with(&options).await.map_err(StoreError::from)?);
        // Everything of ours that is connected, by the name that it gives itself; the copy's own two ends have another.
        // The sessions of a server that was stopped a moment ago end by themselves, and a moment later.
        let mut looks = IN_USE_LOOKS;
        loop {
            let others: Vec<(i64,)> = side
                .all("", "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cordboard'")
                .await?;
            if others.iter().all(|(count,)| *count == 0) {
                break;
            }
            looks -= 1;
            if looks == 0 {
                return Err(CopyError::InUse(end));
            }
            tokio::time::sleep(IN_USE_PAUSE).await;
        }
        if end == End::Target {
            // The number is any that nobody else uses: "cordcopy" in ASCII.
            let alone: Vec<(bool,)> = side.all("", "SELECT pg_try_advisory_lock(7165917140015153273)").await?;
            if alone != [(true,)] {
                return Err(CopyError::InUse(end));
            }
        }
        Ok(side)
    }

    /// A new database in memory.
    pub(super) fn memory(connection: SqliteConnection) -> Self {
        Self::Lite(connection)
    }

    /// Several statements in one text.
    pub(super) async fn script(&mut self, lite: &str, pg: &str) -> Result<(), StoreError> {
        match self {
            Self::Lite(connection) if !lite.is_empty() => {
                sqlx::raw_sql(AssertSqlSafe(lite)).execute(connection).await?;
            }
            Self::Pg(connection) if !pg.is_empty() => {
                sqlx::raw_sql(AssertSqlSafe(pg)).execute(connection).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// All rows of a query without values.
    pub(super) async fn all<T: FromBoth>(&mut self, lite: &str, pg: &str) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Lite(connection) => sqlx::query_as::<Sqlite, T>(AssertSqlSafe(lite)).fetch_all(connection).await?,
            Self::Pg(connection) => sqlx::query_as::<Postgres, T>(AssertSqlSafe(pg)).fetch_all(connection).await?,
        })
    }

    /// The rows of a query as they come, values of these kinds. Nothing but what is on its way is in memory.
    pub(super) fn stream<'a>(&'a mut self, sql: &'a str, kinds: &'a [Kind]) -> BoxStream<'a, Result<Vec<Bind<'static>>, StoreError>> {
        match self {
            Self::Lite(connection) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
                let values = move |row: sqlx::sqlite::SqliteRow| {
                    let value = |(at, kind): (usize, &Kind)| match kind {
                        Kind::Int => row.try_get(at).map(Bind::Int),
                        Kind::Text => row.try_get::<Option<String>, _>(at).map(text),
                    };
                    kinds.iter().enumerate().map(value).collect()
                };
                rows.map(move |row| row.and_then(values).map_err(StoreError::from)).boxed()
            }
            Self::Pg(connection) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
                let values = move |row: sqlx::postgres::PgRow| {
                    let value = |(at, kind): (usize, &Kind)| match kind {
                        Kind::Int => row.try_get(at).map(Bind::Int),
                        Kind::Text => row.try_get::<Option<String>, _>(at).map(text),
                    };
                    kinds.iter().enumerate().map(value).collect()
                };
                rows.map(move |row| row.and_then(values).map_err(StoreError::from)).boxed()
            }
        }
    }

    /// The audit log in the order of its chain, as it comes.
    pub(super) fn audit_rows(&mut self) -> BoxStream<'_, Result<Row, StoreError>> {
        const ROWS: &str = "SELECT seq, at, center_id, category, actor_kind, actor_id, actor_name, action, outcome, resource, resource_id, diff, \
             source, user_agent, request_id, prev_hash, hash FROM audit_log ORDER BY seq";
        match self {
            Self::Lite(connection) => {
                sqlx::query(ROWS).fetch(connection).map_err(StoreError::from).map(|row| Ok(Row::from_row(&row?)?)).boxed()
            }
            Self::Pg(connection) => {
                sqlx::query(ROWS).fetch(connection).map_err(StoreError::from).map(|row| Ok(Row::from_row(&row?)?)).boxed()
            }
        }
    }

    /// Writes rows, whose values stand one after the other; takes them.
    pub(super) async fn insert(&mut self, into: &str, columns: usize, values: &mut Vec<Bind<'static>>) -> Result<(), StoreError> {
        if values.is_empty() {
            return Ok(());
        }
        let rows = values.len() / columns.max(1);
        let sql = insertion(into, columns, rows, matches!(self, Self::Pg(_)));
        // All but the last statement of a table are alike.
        let is_kept = rows == rows_at_once(columns);
        match self {
            Self::Lite(connection) => {
                let mut arguments = SqliteArguments::default();
                for value in values.drain(..) {
                    value.lite(&mut arguments)?;
                }
                sqlx::query_with::<Sqlite, _>(AssertSqlSafe(sql), arguments).persistent(is_kept).execute(connection).await?;
            }
            Self::Pg(connection) => {
                let mut arguments = PgArguments::default();
                for value in values.drain(..) {
                    match value {
                        Bind::Int(value) => arguments.add(value),
                        Bind::Text(value) => arguments.add(value.as_deref()),
                    }
                    .map_err(sqlx::Error::Encode)?;
                }
                sqlx::query_with::<Postgres, _>(AssertSqlSafe(sql), arguments).persistent(is_kept).execute(connection).await?;
            }
        }
        Ok(())
    }

    /// Ends the connection in an orderly way: SQLite then folds its log into the file.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Lite(connection) => connection.close().await?,
            Self::Pg(connection) => connection.close().await?,
        }
        Ok(())
    }
}

/// How many rows of so many columns go into one statement.
pub(super) fn rows_at_once(columns: usize) -> usize {
    (VALUES_MAX / columns.max(1)).clamp(1, ROWS_MAX)
}

/// `into` names the table and its columns, which are the schema's own.
///
/// SQLite takes `$1` for a name, and looks through all names for each: thousands of them would cost millions of steps.
fn insertion(into: &str, columns: usize, rows: usize, is_postgres: bool) -> String {
    let mut sql = format!("INSERT INTO {into} VALUES ");
    for at in 0..rows * columns {
        let before = match at % columns {
            0 if at == 0 => "(",
            0 => "), (",
            _ => ", ",
        };
        sql.push_str(before);
        if is_postgres {
            sql.push('$');
            sql.push_str(&(at + 1).to_string());
        } else {
            sql.push('?');
        }
    }
    sql.push(')');
    sql
}

/// What came of the database, as it came.
fn text(text: Option<String>) -> Bind<'static> {
    Bind::Text(text.map(Cow::Owned))
}

/// SQLITE_BUSY in any of its kinds.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Whether there is a SQLite database at this place: an empty file is none.
pub(super) fn is_there(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_place_for_each_value() {
        assert_eq!(insertion("t (a, b)", 2, 2, true), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)");
        assert_eq!(insertion("t (a)", 1, 3, false), "INSERT INTO t (a) VALUES (?), (?), (?)");
        for columns in 1..100 {
            let rows = rows_at_once(columns);
            assert!(rows >= 1 && rows * columns <= VALUES_MAX, "{columns}");
        }
    }
}
