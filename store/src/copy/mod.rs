//! A whole database copied into an empty one, of either engine into either: a SQLite that has grown moves to PostgreSQL, and back.
//!
//! The source is as it is at one moment, and stays so: nobody else can write to it while it is copied, and a running server is refused.
//! The target is first marked as unfinished, which every program takes for a schema that is newer than its own and refuses. Then all rows,
//! the comparison of both sides and the end of the mark are one transaction: a target without the mark is a whole copy that was compared,
//! and whatever ends a copy before leaves one that holds nothing and says why.
//!
//! What is in the journal and not in the database yet stays in the data directory, beside the cursor's number in the copy: a server that is
//! started with the copy and the same data directory goes on at the very fact where the last one stopped. The outbox, its listeners'
//! positions and the counters of ids are rows like all others.

mod schema;
mod side;
mod sum;

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use self::{
    schema::{MIGRATIONS_TABLE, Table, quoted},
    side::Side,
    sum::{Sum, in_table},
};
use crate::{
    StoreError,
    db::Db,
    migrate::{self, COPYING, MIGRATIONS},
};

/// Which of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The one that is copied.
    Source,
    /// The one that is to hold the copy.
    Target,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "the database to copy from",
            Self::Target => "the database to copy to",
        })
    }
}

/// Why nothing was copied. Before [`CopyError::Table`] and [`CopyError::Differs`] nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is no such file.
    #[error("there is no database {0}; name the one to copy from as sqlite:FILE or postgres://…")]
    Missing(String),
    /// A server, another command or another copy works on it.
    #[error("{0} is in use: stop the server that runs on it, and whatever else has it open, and copy again")]
    InUse(End),
    /// A copy into this target was begun and did not come to its end.
    #[error(
        "a copy into this database was begun and never finished, or is still running; it holds nothing of it: add --start-over to copy again"
    )]
    Unfinished,
    /// The target holds something that a copy would mix with.
    #[error("the database to copy to is not empty ({0}); name an empty one")]
    NotEmpty(String),
    /// The databases are not of this program's version.
    #[error("{0}")]
    Schema(String),
    /// A table could not be read or written; the target holds nothing and is marked as unfinished.
    #[error("the table {table} could not be copied; nothing of the copy is kept, and --start-over begins it again")]
    Table {
        /// Its name.
        table: String,
        /// What the database says.
        source: StoreError,
    },
    /// What was read back is not what was written; the target holds nothing and is marked as unfinished.
    #[error(
        "the table {table} is not the same on both sides after copying ({wanted} rows to copy, {found} found); nothing of the copy is kept"
    )]
    Differs {
        /// Its name.
        table: String,
        /// Rows of the source.
        wanted: u64,
        /// Rows of the target.
        found: u64,
    },
    /// A database is away or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is being done to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its rows are written.
    Copying,
    /// Its rows are read back.
    Comparing,
}

/// How far a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Its name.
    pub table: String,
    /// What is being done.
    pub stage: Stage,
    /// Rows so far.
    pub rows: u64,
    /// Rows in all.
    pub total: u64,
    /// For how long.
    pub time: Duration,
}

impl Progress {
    /// Whether this was the last of the table.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.rows >= self.total
    }
}

/// A copy that was made and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Each table with its rows, in the order of copying.
    pub tables: Vec<(String, u64)>,
    /// Where the chain of the audit log is broken first, in the source as well; none: it is whole.
    pub audit_broken_at: Option<i64>,
}

impl Copied {
    /// All rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Copies the database at `from` into the empty one at `to`; `on_progress` hears how far it is.
///
/// With `start_over` a target that an unfinished copy has left behind is taken. One with data in it never is.
///
/// # Errors
/// See [`CopyError`]. The source is never changed.
pub async fn copy(from: &str, to: &str, start_over: bool, mut on_progress: impl FnMut(&Progress)) -> Result<Copied, CopyError> {
    let mut source = open_source(from).await?;
    source.script("BEGIN IMMEDIATE", "BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let tables = schema::tables(&mut source).await?;
    expect_version(&mut source, End::Source).await?;
    // Whoever reads may; whoever writes waits, and is told that the database is not available.
    let names: Vec<String> = tables.iter().map(|table| quoted(&table.name)).collect();
    source.script("", &format!("LOCK TABLE {} IN SHARE MODE", names.join(", "))).await.map_err(|error| match error {
        StoreError::Unavailable(_) => CopyError::InUse(End::Source),
        error => error.into(),
    })?;

    let fresh = fresh().await?;
    let mut target = open_target(to, start_over, &fresh).await?;
    target.script("BEGIN IMMEDIATE", "BEGIN").await?;
    let theirs = schema::tables(&mut target).await?;
    if let Some(difference) = schema::difference(&tables, &theirs) {
        return Err(CopyError::Schema(format!("the databases do not have the same tables: {difference}")));
    }
    expect_fresh(&mut target, &theirs, &fresh).await?;
    // What a new database begins with: the source has its own.
    for table in theirs.iter().rev().filter(|table| fresh.get(&table.name).is_some_and(|sum| sum.rows > 0)) {
        let sql = format!("DELETE FROM {}", quoted(&table.name));
        target.script(&sql, &sql).await.map_err(|error| in_table(table, error))?;
    }

    let mut copied = Vec::with_capacity(tables.len());
    for table in &tables {
        copied.push(copy_table(&mut source, &mut target, table, &mut on_progress).await?);
    }
    for (table, wanted) in tables.iter().zip(&copied) {
        let mut report = Report::of(table, Stage::Comparing, wanted.rows);
        let found = Sum::of(&mut target, table, |rows| report.tell(rows, &mut on_progress)).await?;
        if found != *wanted {
            return Err(CopyError::Differs { table: table.name.clone(), wanted: wanted.rows, found: found.rows });
        }
        report.end(&mut on_progress);
    }
    let audit_broken_at = broken_at(&mut target).await?;
    let unmark = format!("DELETE FROM {MIGRATIONS_TABLE} WHERE version = {COPYING}");
    target.script(&unmark, &unmark).await?;
    target.script("COMMIT", "COMMIT").await?;
    source.script("ROLLBACK", "ROLLBACK").await?;
    // PostgreSQL knows nothing of its new rows yet, and would plan for empty tables until it looks by itself.
    target.script("", "ANALYZE").await?;
    target.close().await?;
    source.close().await?;
    let tables = tables.into_iter().zip(copied).map(|(table, sum)| (table.name, sum.rows)).collect();
    Ok(Copied { tables, audit_broken_at })
}

async fn open_source(url: &str) -> Result<Side, CopyError> {
    if !side::is_postgres(url) {
        let options = sqlite(url)?;
        if !side::is_there(options.get_filename()) {
            return Err(CopyError::Missing(options.get_filename().display().to_string()));
        }
    }
    Side::open(url, End::Source).await
}

/// Opens the target, of which nothing was changed if this fails; makes its schema and marks it.
async fn open_target(url: &str, start_over: bool, fresh: &BTreeMap<String, Sum>) -> Result<Side, CopyError> {
    let is_new = !side::is_postgres(url) && !side::is_there(sqlite(url)?.get_filename());
    if !is_new {
        let mut side = Side::open(url, End::Target).await?;
        let tables = schema::tables(&mut side).await?;
        match mark(&mut side).await? {
            Mark::NoSchema if tables.is_empty() => side.close().await?,
            Mark::NoSchema => {
                let name = tables.first().map_or("", |table| &table.name);
                return Err(CopyError::NotEmpty(format!("it has a table {name}, which is none of Cordboard's")));
            }
            found => {
                expect_version(&mut side, End::Target).await?;
                expect_fresh(&mut side, &tables, fresh).await?;
                match found {
                    Mark::Copying if start_over => return Ok(side),
                    Mark::Copying => return Err(CopyError::Unfinished),
                    Mark::NoSchema | Mark::None => side.close().await?,
                }
            }
        }
    }
    let db = Db::connect(url)?;
    let marked = migrate::migrate_for_copy(&db).await;
    db.close().await;
    marked?;
    Side::open(url, End::Target).await
}

/// What a database says of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// It has none of ours.
    NoSchema,
    /// It is one of ours.
    None,
    /// A copy into it was not finished.
    Copying,
}

async fn mark(side: &mut Side) -> Result<Mark, CopyError> {
    let (lite, pg) = (
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'",
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = 'schema_migrations'",
    );
    let found: Vec<(i64,)> = side.all(lite, pg).await?;
    if found == [(0,)] {
        return Ok(Mark::NoSchema);
    }
    let sql = format!("SELECT version FROM {MIGRATIONS_TABLE} WHERE version = {COPYING}");
    let marks: Vec<(i64,)> = side.all(&sql, &sql).await?;
    Ok(if marks.is_empty() { Mark::None } else { Mark::Copying })
}

/// Both sides have to be of this program's version: it knows what it copies.
async fn expect_version(side: &mut Side, end: End) -> Result<(), CopyError> {
    match (mark(side).await?, end) {
        (Mark::NoSchema, _) => return Err(CopyError::Schema(format!("{end} is none of Cordboard's"))),
        (Mark::Copying, End::Source) => {
            return Err(CopyError::Schema(format!("{end} is itself a copy that was never finished: copy from the original")));
        }
        _ => {}
    }
    let sql = format!("SELECT version, checksum FROM {MIGRATIONS_TABLE} ORDER BY version");
    let mut applied: Vec<(i64, i64)> = side.all(&sql, &sql).await?;
    applied.retain(|(version, _)| *version != COPYING);
    let known = |applied: &[(i64, i64)]| {
        let is_postgres = matches!(side, Side::Pg(_));
        applied.iter().zip(MIGRATIONS).all(|(applied, known)| *applied == (known.version, known.checksum_of(is_postgres)))
    };
    let (found, wanted) = (applied.last().map_or(0, |(version, _)| *version), MIGRATIONS.last().map_or(0, |last| last.version));
    match found.cmp(&wanted) {
        std::cmp::Ordering::Equal if known(&applied) => Ok(()),
        std::cmp::Ordering::Equal => Err(CopyError::Schema(format!("a migration in {end} is not the one in this program"))),
        std::cmp::Ordering::Less => Err(CopyError::Schema(format!(
            "{end} has schema version {found}, this program has {wanted}: start this program's server on it once, which brings it up to date"
        ))),
        std::cmp::Ordering::Greater => Err(CopyError::Store(StoreError::SchemaNewer { found, known: wanted })),
    }
}

/// Refuses a target in which anything is otherwise than in a new database.
async fn expect_fresh(side: &mut Side, tables: &[Table], fresh: &BTreeMap<String, Sum>) -> Result<(), CopyError> {
    for table in tables {
        let Some(wanted) = fresh.get(&table.name) else {
            return Err(CopyError::NotEmpty(format!("it has a table {}, which is none of Cordboard's", table.name)));
        };
        let found = Sum::of(side, table, |_| {}).await?;
        if found != *wanted {
            return Err(CopyError::NotEmpty(format!("its table {} has {} rows of somebody's", table.name, found.rows)));
        }
    }
    Ok(())
}

/// What each table holds in a new database.
async fn fresh() -> Result<BTreeMap<String, Sum>, CopyError> {
    let options = SqliteConnectOptions::new().in_memory(true);
    let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None).connect_lazy_with(options);
    let db = Db::Lite { read: pool.clone(), write: pool.clone() };
    migrate::migrate(&db, MIGRATIONS).await?;
    let mut side = Side::memory(pool.acquire().await.map_err(StoreError::from)?.detach());
    let mut fresh = BTreeMap::new();
    for table in schema::tables(&mut side).await? {
        let sum = Sum::of(&mut side, &table, |_| {}).await?;
        fresh.insert(table.name, sum);
    }
    Ok(fresh)
}

async fn copy_table(
    source: &mut Side,
    target: &mut Side,
    table: &Table,
    on_progress: &mut impl FnMut(&Progress),
) -> Result<Sum, CopyError> {
    let count = format!("SELECT count(*) FROM {}", quoted(&table.name));
    let counted: Vec<(i64,)> = source.all(&count, &count).await.map_err(|error| in_table(table, error))?;
    let total = counted.first().and_then(|(count,)| u64::try_from(*count).ok()).unwrap_or(0);
    let mut report = Report::of(table, Stage::Copying, total);
    let (sql, kinds) = (table.select(), table.kinds());
    let into = format!("{} ({})", quoted(&table.name), table.list());
    let (columns, at_once) = (kinds.len(), side::rows_at_once(kinds.len()));
    let mut rows = source.stream(&sql, &kinds);
    let (mut sum, mut waiting, mut octets) = (Sum::default(), Vec::with_capacity(columns * at_once), 0);
    while let Some(row) = rows.try_next().await.map_err(|error| in_table(table, error))? {
        sum.add(&row);
        octets += row.iter().map(|value| value.text().map_or(8, str::len)).sum::<usize>();
        waiting.extend(row);
        if waiting.len() >= columns * at_once || octets >= OCTETS_MAX {
            target.insert(&into, columns, &mut waiting).await.map_err(|error| in_table(table, error))?;
            octets = 0;
        }
        report.tell(sum.rows, on_progress);
    }
    target.insert(&into, columns, &mut waiting).await.map_err(|error| in_table(table, error))?;
    drop(rows);
    report.progress.total = sum.rows;
    report.end(on_progress);
    Ok(sum)
}

/// Octets of rows that wait for one statement.
const OCTETS_MAX: usize = 1 << 20;

/// Follows the chain of the audit log; says at which number it is broken first.
async fn broken_at(side: &mut Side) -> Result<Option<i64>, CopyError> {
    const HEAD: &str = "SELECT seq, hash FROM audit_head";
    let heads: Vec<(i64, String)> = side.all(HEAD, HEAD).await?;
    let mut rows = side.audit_rows();
    let (mut seq, mut hash) = (0, String::new());
    while let Some(row) = rows.try_next().await? {
        if row.seq != seq + 1 || row.prev_hash != hash || row.hash != row.hash_after(&hash) {
            return Ok(Some(seq + 1));
        }
        (seq, hash) = (row.seq, row.hash);
    }
    Ok((heads != [(seq, hash)]).then_some(seq + 1))
}

/// Tells how far a table is, now and then and at its end.
struct Report {
    progress: Progress,
    began: Instant,
    told: Instant,
}

impl Report {
    fn of(table: &Table, stage: Stage, total: u64) -> Self {
        let began = Instant::now();
        Self { progress: Progress { table: table.name.clone(), stage, rows: 0, total, time: Duration::ZERO }, began, told: began }
    }

    fn tell(&mut self, rows: u64, on_progress: &mut impl FnMut(&Progress)) {
        // The clock is not looked at for each row.
        if rows.is_multiple_of(sum::ROWS_PER_WORD) && self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            (self.progress.rows, self.progress.time) = (rows, self.began.elapsed());
            on_progress(&self.progress);
        }
    }

    fn end(mut self, on_progress: &mut impl FnMut(&Progress)) {
        (self.progress.rows, self.progress.time) = (self.progress.total, self.began.elapsed());
        on_progress(&self.progress);
    }
}

/// How often a long table says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

fn sqlite(url: &str) -> Result<SqliteConnectOptions, CopyError> {
    if !url.starts_with("sqlite:") {
        return Err(StoreError::Url("neither sqlite: nor postgres:".to_owned()).into());
    }
    Ok(side::sqlite_options(url)?)
}
