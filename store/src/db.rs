//! One SQL text, two engines: the pools, bound values, sessions and transactions, all with a time limit.
//!
//! Nothing here may hang (FT-4, FT-5): getting a connection takes at most [`ACQUIRE_MAX`], a statement at most [`STATEMENT_MAX`].
//! A connection that was left in the middle of something is closed, not returned, so that a stalled server cannot eat the pool.

use std::{
    borrow::Cow,
    future::Future,
    time::{Duration, Instant},
};

use sqlx::{
    Arguments, AssertSqlSafe, FromRow, Postgres, Sqlite,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow},
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

use crate::{StoreError, many::Rows};

/// How long a caller waits for a connection.
pub const ACQUIRE_MAX: Duration = Duration::from_secs(5);
/// How long one statement may take.
pub const STATEMENT_MAX: Duration = Duration::from_secs(10);
/// How long SQLite waits for another process's write lock.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// SQLite asks whether to go on after so many steps of its machine: some tens of microseconds.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;
/// Rows of an index that SQLite looks at to know how its values are spread (its manual advises 100 to 1000).
const ROWS_LOOKED_AT: u32 = 1000;
/// A longer statement is not kept by its connection for the next time: there are too many others like it.
const KEPT_OCTETS_MAX: usize = 4 * 1024;
/// Connections that read from SQLite at once.
const LITE_READERS: u32 = 4;
/// Connections to PostgreSQL.
const PG_CONNECTIONS: u32 = 10;

/// The database behind the store.
#[derive(Debug, Clone)]
pub enum Db {
    /// SQLite: one connection that writes (`BEGIN IMMEDIATE`), several that read.
    Lite {
        /// Readers; they refuse to write.
        read: SqlitePool,
        /// The only writer.
        write: SqlitePool,
    },
    /// PostgreSQL.
    Pg(PgPool),
}

impl Db {
    /// Makes the pools for `sqlite:<path>` or `postgres://…`. Connects when first used.
    pub(crate) fn connect(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Self::postgres(url);
        }
        let path = url.strip_prefix("sqlite:").ok_or_else(|| StoreError::Url("neither sqlite: nor postgres:".to_owned()))?;
        if path.is_empty() || path.contains(":memory:") || path.contains("mode=memory") {
            return Err(StoreError::Url("a database in memory would lose calls: name a file".to_owned()));
        }
        Self::sqlite(url)
    }

    fn postgres(url: &str) -> Result<Self, StoreError> {
        let options = url.parse::<PgConnectOptions>()?.application_name("cordboard").options([
            ("statement_timeout", STATEMENT_MAX.as_millis().to_string()),
            ("lock_timeout", BUSY_MAX.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", (STATEMENT_MAX * 3).as_millis().to_string()),
        ]);
        Ok(Self::Pg(PgPoolOptions::new().max_connections(PG_CONNECTIONS).acquire_timeout(ACQUIRE_MAX).connect_lazy_with(options)))
    }

    fn sqlite(url: &str) -> Result<Self, StoreError> {
        let options = url
            .parse::<SqliteConnectOptions>()?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With WAL a power cut may lose the last commits but no more; the journal still has their facts.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_MAX)
            .foreign_keys(true);
        make_private(options.get_filename()).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let pool = |connections| {
            SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_MAX).idle_timeout(None).max_lifetime(None)
        };
        Ok(Self::Lite {
            read: pool(LITE_READERS).connect_lazy_with(options.clone().pragma("query_only", "ON")),
            // SQLite looks at its own statistics when nobody waits for it: so many rows of each index are enough.
            write: pool(1).connect_lazy_with(options.optimize_on_close(true, Some(ROWS_LOOKED_AT))),
        })
    }

    /// How many lists may be looked for at once. They take long, and connections must be left for what cannot wait: who somebody is, and the
    /// facts of calls.
    pub(crate) fn lookers(&self) -> usize {
        let connections = match self {
            Self::Lite { .. } => LITE_READERS,
            Self::Pg(_) => PG_CONNECTIONS,
        };
        usize::try_from(connections / 2).unwrap_or(1)
    }

    /// All rows of a query.
    pub async fn all<T: FromBoth>(&self, statement: Statement, binds: &[Bind<'_>]) -> Result<Vec<T>, StoreError> {
        let mut session = self.session(Purpose::Read).await?;
        let rows = session.all(statement, binds).await?;
        session.between_statements = true;
        Ok(rows)
    }

    /// The first row of a query.
    pub async fn one<T: FromBoth>(&self, statement: Statement, binds: &[Bind<'_>]) -> Result<Option<T>, StoreError> {
        Ok(self.all(statement, binds).await?.into_iter().next())
    }

    /// All rows of a query that `list` has put together of static texts; none if they took longer than `limit` to find.
    pub(crate) async fn dynamic<T: FromBoth>(
        &self,
        name: &'static str,
        sql: String,
        binds: &[Bind<'_>],
        limit: Duration,
    ) -> Result<Option<Vec<T>>, StoreError> {
        let mut session = self.session(Purpose::Read).await?;
        let rows = session.dynamic(name, sql, binds, limit).await?;
        // A server that is still looking is not waited for: the connection goes.
        session.between_statements = rows.is_some();
        Ok(rows)
    }

    /// Carries out one statement in a transaction of its own; says how many rows it changed.
    pub async fn run(&self, statement: Statement, binds: &[Bind<'_>]) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let rows = tx.run(statement, binds).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// Begins a transaction that writes.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let mut session = self.session(Purpose::Write).await?;
        // SQLite: a deferred transaction that reads and then writes fails at once instead of waiting, so take the lock first.
        session.control("BEGIN IMMEDIATE", "BEGIN").await?;
        Ok(Tx { session })
    }

    /// Closes the pools after their connections have come back.
    pub(crate) async fn close(&self) {
        match self {
            Self::Lite { read, write } => {
                read.close().await;
                // The last one to close folds the write-ahead log into the file.
                write.close().await;
            }
            Self::Pg(pool) => pool.close().await,
        }
    }

    async fn session(&self, purpose: Purpose) -> Result<Session, StoreError> {
        let connection = match (self, purpose) {
            (Self::Lite { read, .. }, Purpose::Read) => Connection::Lite(read.acquire().await?),
            (Self::Lite { write, .. }, Purpose::Write) => Connection::Lite(write.acquire().await?),
            (Self::Pg(pool), _) => Connection::Pg(pool.acquire().await?),
        };
        Ok(Session { connection, between_statements: false })
    }
}

/// The file holds password hashes, so that nobody but its owner may read it (FT-30). SQLite gives `-wal` and `-shm` the same mode.
fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

#[derive(Clone, Copy)]
enum Purpose {
    Read,
    Write,
}

/// A static SQL text. Most serve both engines; where one must differ, the reason stands beside it.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// Its name in the code.
    pub name: &'static str,
    /// The text for SQLite.
    pub lite: &'static str,
    /// The text for PostgreSQL.
    pub pg: &'static str,
}

/// Declares a file's statements and, for the test that prepares each on both engines, lists them as `STATEMENTS`.
///
/// The list is used by the registry only, so a file that is missing there is a warning of unused code.
#[macro_export]
macro_rules! statements {
    (@one $name:ident both $sql:expr) => { $crate::sql::Statement { name: stringify!($name), lite: $sql, pg: $sql } };
    (@one $name:ident each $lite:expr, $pg:expr) => { $crate::sql::Statement { name: stringify!($name), lite: $lite, pg: $pg } };
    ($($(#[$doc:meta])* $name:ident: $kind:ident $($sql:expr),+;)*) => {
        $($(#[$doc])* const $name: $crate::sql::Statement = $crate::statements!(@one $name $kind $($sql),+);)*
        pub(crate) const STATEMENTS: &[$crate::sql::Statement] = &[$($name),*];
    };
}
pub(crate) use statements;

/// A value for a `$n`.
#[derive(Debug, Clone)]
pub enum Bind<'a> {
    /// A whole number.
    Int(Option<i64>),
    /// A text.
    Text(Option<Cow<'a, str>>),
}

impl Bind<'_> {
    /// The number; none for NULL, and for a text.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => *value,
            Self::Text(_) => None,
        }
    }

    /// The text; none for NULL, and for a number.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Int(_) => None,
            Self::Text(value) => value.as_deref(),
        }
    }

    pub(crate) fn lite(&self, arguments: &mut SqliteArguments) -> Result<(), sqlx::Error> {
        match self {
            Self::Int(value) => arguments.add(*value),
            Self::Text(value) => arguments.add(value.as_deref()),
        }
        .map_err(sqlx::Error::Encode)
    }
}

/// The values of a statement, in the order of their `$n`.
#[macro_export]
macro_rules! binds {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Bind::from($value)),*] };
}
pub(crate) use binds;

impl From<i64> for Bind<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Bind<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

/// Counters of ours stay far below the sign; one that does not is kept at the greatest number there is.
impl From<u64> for Bind<'_> {
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl<'a> From<&'a str> for Bind<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(storable(value)))
    }
}

impl<'a> From<&'a String> for Bind<'a> {
    fn from(value: &'a String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<String> for Bind<'_> {
    fn from(value: String) -> Self {
        match storable(&value) {
            Cow::Borrowed(_) => Self::Text(Some(Cow::Owned(value))),
            Cow::Owned(storable) => Self::Text(Some(Cow::Owned(storable))),
        }
    }
}

impl<'a> From<Option<&'a str>> for Bind<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(storable))
    }
}

impl<'a> From<&'a Option<String>> for Bind<'a> {
    fn from(value: &'a Option<String>) -> Self {
        Self::from(value.as_deref())
    }
}

impl From<Option<String>> for Bind<'_> {
    fn from(value: Option<String>) -> Self {
        value.map_or(Self::Text(None), Self::from)
    }
}

macro_rules! bind_newtypes {
    ($($newtype:ty),*) => {$(
        impl From<$newtype> for Bind<'_> {
            fn from(value: $newtype) -> Self {
                Self::Int(Some(value.0))
            }
        }
        impl From<Option<$newtype>> for Bind<'_> {
            fn from(value: Option<$newtype>) -> Self {
                Self::Int(value.map(|value| value.0))
            }
        }
    )*};
}
bind_newtypes!(
    model::CallId,
    model::CarrierId,
    model::CenterId,
    model::HubId,
    model::ItemId,
    model::LeadId,
    model::RouteId,
    model::SlotId,
    model::TagGroupId,
    model::TagId,
    model::UserId,
    model::WallTime
);

/// PostgreSQL's TEXT has no NUL. What phones say of themselves may have one, and both engines shall hold the same.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A row type that both engines can give.
pub trait FromBoth: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static> FromBoth for T {}

enum Connection {
    Lite(PoolConnection<Sqlite>),
    Pg(PoolConnection<Postgres>),
}

/// A connection in use. Dropped in the middle of a statement or transaction it is closed, and the server rolls back.
struct Session {
    connection: Connection,
    between_statements: bool,
}

impl Session {
    async fn all<T: FromBoth>(&mut self, statement: Statement, binds: &[Bind<'_>]) -> Result<Vec<T>, StoreError> {
        let rows = async {
            match &mut self.connection {
                Connection::Lite(connection) => {
                    sqlx::query_as_with::<Sqlite, T, _>(statement.lite, lite_arguments(binds)?).fetch_all(&mut **connection).await
                }
                Connection::Pg(connection) => {
                    sqlx::query_as_with::<Postgres, T, _>(statement.pg, pg_arguments(binds)?).fetch_all(&mut **connection).await
                }
            }
        };
        bounded(statement.name, rows).await
    }

    /// The only place with SQL that is not static; `list::render` says why it is safe.
    async fn dynamic<T: FromBoth>(
        &mut self,
        name: &'static str,
        sql: String,
        binds: &[Bind<'_>],
        limit: Duration,
    ) -> Result<Option<Vec<T>>, StoreError> {
        let end = Instant::now() + limit;
        let is_kept = sql.len() <= KEPT_OCTETS_MAX;
        let found = async {
            match &mut self.connection {
                Connection::Lite(connection) => {
                    let arguments = lite_arguments(binds)?;
                    // Nobody hears when a statement of SQLite is no longer waited for: it has to look at the clock itself.
                    connection.lock_handle().await?.set_progress_handler(STEPS_BETWEEN_LOOKS, move || Instant::now() < end);
                    let query = sqlx::query_as_with::<Sqlite, T, _>(AssertSqlSafe(sql), arguments).persistent(is_kept);
                    let found = query.fetch_all(&mut **connection).await;
                    connection.lock_handle().await?.remove_progress_handler();
                    found
                }
                Connection::Pg(connection) => {
                    let query = sqlx::query_as_with::<Postgres, T, _>(AssertSqlSafe(sql), pg_arguments(binds)?).persistent(is_kept);
                    tokio::time::timeout_at(end.into(), query.fetch_all(&mut **connection)).await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
                }
            }
        };
        match bounded(name, async { Ok(found.await) }).await? {
            Ok(rows) => Ok(Some(rows)),
            Err(_) if Instant::now() >= end => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn run(&mut self, statement: Statement, binds: &[Bind<'_>]) -> Result<u64, StoreError> {
        let rows = async {
            match &mut self.connection {
                Connection::Lite(connection) => {
                    let query = sqlx::query_with::<Sqlite, _>(statement.lite, lite_arguments(binds)?);
                    query.execute(&mut **connection).await.map(|done| done.rows_affected())
                }
                Connection::Pg(connection) => {
                    let query = sqlx::query_with::<Postgres, _>(statement.pg, pg_arguments(binds)?);
                    query.execute(&mut **connection).await.map(|done| done.rows_affected())
                }
            }
        };
        bounded(statement.name, rows).await
    }

    async fn run_many(&mut self, statement: Statement, rows: &Rows<'_>) -> Result<u64, StoreError> {
        let mut changed = 0;
        match &mut self.connection {
            Connection::Lite(connection) => {
                for arguments in rows.lite() {
                    let query = sqlx::query_with::<Sqlite, _>(statement.lite, arguments?);
                    changed += bounded(statement.name, query.execute(&mut **connection)).await?.rows_affected();
                }
            }
            Connection::Pg(connection) => {
                let query = sqlx::query_with::<Postgres, _>(statement.pg, rows.pg()?);
                changed += bounded(statement.name, query.execute(&mut **connection)).await?.rows_affected();
            }
        }
        Ok(changed)
    }

    async fn all_many<T: FromBoth>(&mut self, statement: Statement, rows: &Rows<'_>) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        match &mut self.connection {
            Connection::Lite(connection) => {
                for arguments in rows.lite() {
                    let query = sqlx::query_as_with::<Sqlite, T, _>(statement.lite, arguments?);
                    found.append(&mut bounded(statement.name, query.fetch_all(&mut **connection)).await?);
                }
            }
            Connection::Pg(connection) => {
                let query = sqlx::query_as_with::<Postgres, T, _>(statement.pg, rows.pg()?);
                found.append(&mut bounded(statement.name, query.fetch_all(&mut **connection)).await?);
            }
        }
        Ok(found)
    }

    async fn control(&mut self, lite: &'static str, pg: &'static str) -> Result<(), StoreError> {
        bounded(lite, self.script(lite, pg)).await
    }

    /// Several statements in one text, without values and without a time limit of ours.
    async fn script(&mut self, lite: &'static str, pg: &'static str) -> Result<(), sqlx::Error> {
        match &mut self.connection {
            Connection::Lite(connection) => sqlx::raw_sql(lite).execute(&mut **connection).await.map(drop),
            Connection::Pg(connection) => sqlx::raw_sql(pg).execute(&mut **connection).await.map(drop),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.between_statements {
            match &mut self.connection {
                Connection::Lite(connection) => connection.close_on_drop(),
                Connection::Pg(connection) => connection.close_on_drop(),
            }
        }
    }
}

/// A transaction that writes. Dropped without [`Tx::commit`] it leaves nothing behind.
pub struct Tx {
    session: Session,
}

impl Tx {
    /// All rows of a query, which may also change rows (`RETURNING`).
    pub async fn all<T: FromBoth>(&mut self, statement: Statement, binds: &[Bind<'_>]) -> Result<Vec<T>, StoreError> {
        self.session.all(statement, binds).await
    }

    /// The first row of a query.
    pub async fn one<T: FromBoth>(&mut self, statement: Statement, binds: &[Bind<'_>]) -> Result<Option<T>, StoreError> {
        Ok(self.session.all(statement, binds).await?.into_iter().next())
    }

    /// Carries out a statement; says how many rows it changed.
    pub async fn run(&mut self, statement: Statement, binds: &[Bind<'_>]) -> Result<u64, StoreError> {
        self.session.run(statement, binds).await
    }

    /// Carries out a statement for all the rows (`many`), if there are any; says how many rows it changed.
    pub async fn run_many(&mut self, statement: Statement, rows: &Rows<'_>) -> Result<u64, StoreError> {
        if rows.is_empty() { Ok(0) } else { self.session.run_many(statement, rows).await }
    }

    /// The same; what the statement returns (`RETURNING`).
    pub async fn all_many<T: FromBoth>(&mut self, statement: Statement, rows: &Rows<'_>) -> Result<Vec<T>, StoreError> {
        if rows.is_empty() { Ok(Vec::new()) } else { self.session.all_many(statement, rows).await }
    }

    /// Carries out a text of several statements, as migrations are. It may take as long as it needs.
    pub(crate) async fn script(&mut self, lite: &'static str, pg: &'static str) -> Result<(), StoreError> {
        Ok(self.session.script(lite, pg).await?)
    }

    /// Makes it lasting.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.session.control("COMMIT", "COMMIT").await?;
        self.session.between_statements = true;
        Ok(())
    }

    /// Takes everything back, and keeps the connection.
    pub async fn rollback(mut self) -> Result<(), StoreError> {
        self.session.control("ROLLBACK", "ROLLBACK").await?;
        self.session.between_statements = true;
        Ok(())
    }
}

fn lite_arguments(binds: &[Bind<'_>]) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for bind in binds {
        bind.lite(&mut arguments)?;
    }
    Ok(arguments)
}

fn pg_arguments(binds: &[Bind<'_>]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for bind in binds {
        match bind {
            Bind::Int(value) => arguments.add(*value),
            Bind::Text(value) => arguments.add(value.as_deref()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

async fn bounded<T>(what: &'static str, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT_MAX, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(StoreError::timed_out(what)),
    }
}
