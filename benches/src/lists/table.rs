//! The table of many rows, and the pages of it as one would write them by hand.

use anyhow::Result;
use model::{Action, Column, ColumnKind, Mask, Owner, Resource};
use sqlx::{ConnectOptions, Connection};
use store::{Db, Store};

/// Rows on a page.
pub(super) const LIMIT: i64 = 50;
/// Rows that one statement makes.
const CHUNK: i64 = 500_000;
/// The least time in the table.
const FIRST_UPDATE: i64 = 1_700_000_000_000;

const STATUSES: [&str; 8] = ["new", "queued", "called", "answered", "refused", "busy", "no_answer", "done"];

/// The one that is filtered by.
pub(super) const STATUS: &str = "called";
/// Of so many rows, one has it.
pub(super) const STATUS_SHARE: i64 = 8;

/// A number base as a campaign's would be, spread over forty projects.
pub(super) static NUMBERS: Resource = Resource {
    name: "numbers_bench",
    from: "numbers_bench t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "t.e164",
    order: "-updated_at",
    read: Action("numbers.read"),
    export: None,
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "").filtered().sorted(),
        Column::new("project", "t.project_id", ColumnKind::Id, "").filtered(),
        Column::new("status", "t.status", ColumnKind::Code(&STATUSES), "").filtered(),
        Column::new("e164", "t.e164", ColumnKind::Text, "").filtered().masked(Mask::Phone),
        Column::new("attempts", "t.attempts", ColumnKind::Int, "").filtered(),
        Column::new("created_at", "t.created_at", ColumnKind::Time, "").filtered(),
        Column::new("updated_at", "t.updated_at", ColumnKind::Time, "").filtered().sorted(),
    ],
};

const TABLE: &str = "CREATE TABLE numbers_bench (id BIGINT NOT NULL PRIMARY KEY, center_id BIGINT NOT NULL, project_id BIGINT NOT NULL,
    status TEXT NOT NULL, e164 TEXT NOT NULL, attempts BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)";
const INDEXES: [&str; 2] = [
    "CREATE INDEX numbers_bench_by_update ON numbers_bench (center_id, updated_at, id)",
    "CREATE INDEX numbers_bench_by_status ON numbers_bench (center_id, status, updated_at, id)",
];

macro_rules! raw {
    ($condition:literal) => {
        concat!(
            "SELECT id, project_id, status, e164, attempts, created_at, updated_at FROM numbers_bench WHERE center_id = 1",
            $condition,
            " ORDER BY updated_at DESC, id DESC LIMIT 51"
        )
    };
}
pub(super) const FIRST: &str = raw!("");
pub(super) const FAR: &str = raw!(" AND (updated_at, id) < ($1, $2)");
pub(super) const FILTERED: &str = raw!(" AND status = $3");
pub(super) const FILTERED_FAR: &str = raw!(" AND status = $3 AND (updated_at, id) < ($1, $2)");
const PLACE: &str = "SELECT updated_at, id FROM numbers_bench WHERE center_id = 1 ORDER BY updated_at DESC, id DESC LIMIT 1 OFFSET $1";
const PLACE_FILTERED: &str =
    "SELECT updated_at, id FROM numbers_bench WHERE center_id = 1 AND status = $2 ORDER BY updated_at DESC, id DESC LIMIT 1 OFFSET $1";

/// A row of these.
pub(super) type Raw = (i64, i64, String, String, i64, i64, i64);

/// The row so many rows behind the first.
pub(super) async fn place_behind(store: &Store, behind: i64, status: Option<&str>) -> Result<(i64, i64)> {
    macro_rules! place {
        ($pool:expr) => {
            match status {
                None => sqlx::query_as(PLACE).bind(behind - 1).fetch_one($pool).await?,
                Some(status) => sqlx::query_as(PLACE_FILTERED).bind(behind - 1).bind(status).fetch_one($pool).await?,
            }
        };
    }
    Ok(match store.db() {
        Db::Lite { read, .. } => place!(read),
        Db::Pg(pool) => place!(pool),
    })
}

/// A time within the table's, another for each turn: Knuth's multiplicative hash.
pub(super) fn scattered(turn: i64) -> i64 {
    FIRST_UPDATE + (turn + 1) * 2_654_435_761 % (1 << 32)
}

/// Makes the table. The numbers are spread like chance but the same in each run.
pub(super) async fn fill(store: &Store, rows: i64) -> Result<()> {
    let statuses = STATUSES.map(|status| format!("'{status}'"));
    let case = statuses.iter().enumerate().map(|(at, status)| format!(" WHEN {at} THEN {status}")).collect::<String>();
    // Times and statuses are scattered over the rows, so that a page's rows lie scattered over the table as in life.
    let values = format!(
        "i, 1, 1 + i % 40, CASE (i * 2654435761 % 4294967296) / 65536 % 8{case} END, '+7' || (9000000000 + i * 7919 % 1000000000), i % 5,
        {FIRST_UPDATE} + i, {FIRST_UPDATE} + i * 2654435761 % 4294967296"
    );
    let sql = |text: String| sqlx::AssertSqlSafe(text);
    match store.db() {
        Db::Lite { write, .. } => {
            let mut connection = write.acquire().await?;
            sqlx::raw_sql(sql(format!("{TABLE} STRICT").replace("BIGINT", "INTEGER"))).execute(&mut *connection).await?;
            for first in (0..rows).step_by(usize::try_from(CHUNK)?) {
                let last = (first + CHUNK).min(rows);
                let text = format!(
                    "INSERT INTO numbers_bench WITH RECURSIVE n(i) AS (SELECT {first} + 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
                    SELECT {values} FROM n"
                );
                sqlx::raw_sql(sql(text)).execute(&mut *connection).await?;
            }
            for index in INDEXES {
                sqlx::raw_sql(index).execute(&mut *connection).await?;
            }
            sqlx::raw_sql("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
        }
        Db::Pg(pool) => {
            // The store's own connections give up after ten seconds.
            let options = (*pool.connect_options()).clone().options([("statement_timeout", "0")]);
            let mut connection = options.connect().await?;
            sqlx::raw_sql(TABLE).execute(&mut connection).await?;
            for first in (0..rows).step_by(usize::try_from(CHUNK)?) {
                let last = (first + CHUNK).min(rows);
                let text = format!("INSERT INTO numbers_bench SELECT {values} FROM generate_series({first}::bigint + 1, {last}) AS n(i)");
                sqlx::raw_sql(sql(text)).execute(&mut connection).await?;
            }
            for index in INDEXES {
                sqlx::raw_sql(index).execute(&mut connection).await?;
            }
            sqlx::raw_sql("VACUUM (ANALYZE) numbers_bench").execute(&mut connection).await?;
            sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
            connection.close().await?;
        }
    }
    Ok(())
}
