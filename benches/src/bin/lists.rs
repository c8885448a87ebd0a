//! Lists of ten million rows, beside SQL written by hand, on SQLite and on a private PostgreSQL, in one run and in turns.
//!
//! What is compared is what a list costs beyond its database: the engine's page, as it stands on the wire, against the same keyset query
//! by the same pool. And a page far behind against the first one, each read again and again, so that both are as warm as they get. Pages
//! at places that nobody has looked at before are measured apart: they cost what the disk or the system's cache costs, by hand too.

#![expect(clippy::indexing_slicing, reason = "JSON that this program has made itself; what is not there is null")]

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use clap::Parser;
use model::{Action, CenterId, Column, ColumnKind, Mask, Owner, Resource, RowRule};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};
use store::{
    Db, Store,
    list::{Filter, Query, Sort},
    testing::Postgres,
};

/// Rows on a page.
const LIMIT: i64 = 50;
/// The page that is far behind, if there are enough rows; else one behind half of them.
const FAR_PAGE: i64 = 100_000;
/// What a page may cost beyond the database's part.
const OVER_MAX: Duration = Duration::from_millis(5);
/// A far page against the first one.
const FAR_RATIO_MAX: f64 = 1.3;
/// Rows that one statement makes.
const CHUNK: i64 = 500_000;
/// The least time in the table.
const FIRST_UPDATE: i64 = 1_700_000_000_000;
/// Repetitions that are not counted, so that statements are prepared and pages of the index are in memory.
const WARM_UP: usize = 20;

const STATUSES: [&str; 8] = ["new", "queued", "called", "answered", "refused", "busy", "no_answer", "done"];

/// The one that is filtered by.
const STATUS: &str = "called";

/// A number base as a campaign's would be, spread over forty projects.
static NUMBERS: Resource = Resource {
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
const FIRST: &str = raw!("");
const FAR: &str = raw!(" AND (updated_at, id) < ($1, $2)");
const FILTERED: &str = raw!(" AND status = $3");
const FILTERED_FAR: &str = raw!(" AND status = $3 AND (updated_at, id) < ($1, $2)");
const PLACE: &str = "SELECT updated_at, id FROM numbers_bench WHERE center_id = 1 ORDER BY updated_at DESC, id DESC LIMIT 1 OFFSET $1";
const PLACE_FILTERED: &str =
    "SELECT updated_at, id FROM numbers_bench WHERE center_id = 1 AND status = $2 ORDER BY updated_at DESC, id DESC LIMIT 1 OFFSET $1";

type Raw = (i64, i64, String, String, i64, i64, i64);

#[derive(Debug, Parser)]
#[command(about = "Measures lists of many rows beside raw SQL, on SQLite and PostgreSQL.")]
struct Arguments {
    /// Rows of the table.
    #[arg(long, default_value_t = 10_000_000)]
    rows: i64,
    /// Repetitions of each page.
    #[arg(long, default_value_t = 300)]
    repeats: usize,
    /// Only this one: sqlite or postgres.
    #[arg(long)]
    only: Option<String>,
    /// Writes the figures to this file.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Fails if an aim is missed.
    #[arg(long)]
    check: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    First,
    Filtered,
    Far,
    FilteredFar,
    Anywhere,
}

const PAGES: [Page; 5] = [Page::First, Page::Filtered, Page::Far, Page::FilteredFar, Page::Anywhere];

impl Page {
    fn name(self, rows: i64) -> String {
        match self {
            Self::First => "page 1".to_owned(),
            Self::Filtered => "page 1 of a status".to_owned(),
            Self::Far => format!("page {}", far_page(rows)),
            Self::FilteredFar => format!("page {} of a status", far_page(rows) / STATUSES.len() as i64),
            Self::Anywhere => "a page anywhere".to_owned(),
        }
    }

    fn is_filtered(self) -> bool {
        matches!(self, Self::Filtered | Self::FilteredFar)
    }

    fn is_far(self) -> bool {
        matches!(self, Self::Far | Self::FilteredFar | Self::Anywhere)
    }

    fn sql(self) -> &'static str {
        match self {
            Self::First => FIRST,
            Self::Filtered => FILTERED,
            Self::Far | Self::Anywhere => FAR,
            Self::FilteredFar => FILTERED_FAR,
        }
    }
}

fn far_page(rows: i64) -> i64 {
    FAR_PAGE.min(rows / LIMIT / 2)
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.rows >= 100_000 && arguments.repeats >= 10, "at least 100,000 rows and 10 repetitions");
    let wants = |engine: &str| arguments.only.as_deref().is_none_or(|only| only == engine);
    let mut engines = Vec::new();
    if wants("sqlite") {
        let dir = tempfile::tempdir()?;
        let store = Store::open(&format!("sqlite:{}/lists.db", dir.path().display())).await?;
        engines.push(bench("sqlite", &store, &arguments).await?);
        store.close().await;
    }
    if wants("postgres") {
        let server = Postgres::start();
        let url = server.database();
        let store = Store::open(&url).await?;
        engines.push(bench("postgres", &store, &arguments).await?);
        store.close().await;
    }
    ensure!(!engines.is_empty(), "an engine is sqlite or postgres");
    let figures = json!({ "rows": arguments.rows, "repeats": arguments.repeats, "limit": LIMIT, "engines": engines });
    say(&table(&figures));
    if let Some(path) = &arguments.out {
        fs::write(path, format!("{figures:#}\n")).with_context(|| path.display().to_string())?;
    }
    let missed = figures["engines"].as_array().into_iter().flatten().any(|engine| engine["met"] != json!(true));
    ensure!(!(arguments.check && missed), "an aim is missed");
    Ok(())
}

async fn bench(engine: &'static str, store: &Store, arguments: &Arguments) -> Result<Value> {
    let begin = Instant::now();
    fill(store, arguments.rows).await?;
    note(&format!("{engine}: {} rows in {} s", arguments.rows, begin.elapsed().as_secs()));
    let rows = RowRule::everything(CenterId(1));
    let mut measured = Vec::new();
    for page in PAGES {
        let place = match page {
            Page::Far => Some(place_behind(store, far_page(arguments.rows) * LIMIT, None).await?),
            Page::FilteredFar => Some(place_behind(store, far_page(arguments.rows) * LIMIT / STATUSES.len() as i64, Some(STATUS)).await?),
            Page::First | Page::Filtered | Page::Anywhere => None,
        };
        measured.push((Asked::of(store, &rows, page, place).await?, Vec::new(), Vec::new()));
    }
    // All pages in each turn, so that whatever else the machine does slows all of them down alike.
    for turn in 0..arguments.repeats + WARM_UP {
        for (asked, own, raw) in &mut measured {
            if asked.page == Page::Anywhere {
                *asked = Asked::of(store, &rows, asked.page, Some((scattered(turn as i64), 0))).await?;
            }
            // Each first as often as the other.
            let (own_time, raw_time) = if turn % 2 == 0 {
                let own_time = asked.by_engine(store).await?;
                (own_time, asked.by_hand(store).await?)
            } else {
                let raw_time = asked.by_hand(store).await?;
                (asked.by_engine(store).await?, raw_time)
            };
            ensure!(own_time.1 == raw_time.1, "{engine}, {:?}: the engine's rows are not those of the raw query", asked.page);
            if turn >= WARM_UP {
                own.push(own_time.0);
                raw.push(raw_time.0);
            }
        }
    }
    let mut pages = Vec::new();
    for (asked, own, raw) in measured {
        let ([own_50, own_99], [raw_50, raw_99]) = (quantiles(own), quantiles(raw));
        let is_met = own_99 <= raw_99 + OVER_MAX;
        let us = |time: Duration| json!(time.as_micros() as u64);
        pages.push(json!({
            "page": asked.page.name(arguments.rows), "met": is_met,
            "engine_us": {"p50": us(own_50), "p99": us(own_99)}, "raw_us": {"p50": us(raw_50), "p99": us(raw_99)},
        }));
    }
    // Medians: the slowest of a few hundred repetitions say more of the machine than of the page.
    let ratio = |far: usize, first: usize| -> Option<f64> {
        let p50 = |at: usize| pages.get(at)?["engine_us"]["p50"].as_f64();
        Some(p50(far)? / p50(first)?)
    };
    let far = ratio(2, 0).context("all pages are measured")?;
    let far_filtered = ratio(3, 1).context("all pages are measured")?;
    let is_met = pages.iter().all(|page| page["met"] == json!(true)) && far <= FAR_RATIO_MAX && far_filtered <= FAR_RATIO_MAX;
    Ok(json!({ "engine": engine, "pages": pages, "far_ratio": far, "far_ratio_filtered": far_filtered, "met": is_met }))
}

/// One page, asked both ways.
struct Asked<'a> {
    query: Query<'a>,
    page: Page,
    place: Option<(i64, i64)>,
}

impl<'a> Asked<'a> {
    async fn of(store: &Store, rule: &'a RowRule, page: Page, place: Option<(i64, i64)>) -> Result<Self> {
        let filter = if page.is_filtered() { json!({ "status": STATUS }) } else { json!({}) };
        let mut query = Query {
            filter: Filter::parse(&filter, &|name| NUMBERS.column(name)).map_err(|wrong| anyhow::anyhow!("{wrong:?}"))?,
            sort: Sort::parse("-updated_at", &|name| NUMBERS.column(name)).map_err(|wrong| anyhow::anyhow!("{wrong:?}"))?,
            limit: u32::try_from(LIMIT)?,
            ..Query::new(&NUMBERS, rule)
        };
        if let Some((updated_at, id)) = place {
            // A cursor of the first page, moved: nobody wants to go there page by page.
            let next = store.list(&query).await?.next.context("there is a second page")?;
            let mut cursor: Value = serde_json::from_slice(&BASE64.decode(next)?)?;
            cursor["a"] = json!(updated_at);
            cursor["k"] = json!(id);
            query.go_to(&BASE64.encode(cursor.to_string()))?;
        }
        Ok(Self { query, page, place })
    }

    async fn by_engine(&self, store: &Store) -> Result<(Duration, Vec<i64>)> {
        let begin = Instant::now();
        let found = store.list(&self.query).await?;
        Ok((begin.elapsed(), found.keys))
    }

    async fn by_hand(&self, store: &Store) -> Result<(Duration, Vec<i64>)> {
        let begin = Instant::now();
        let (updated_at, id) = self.place.unwrap_or_default();
        macro_rules! rows {
            ($pool:expr) => {{
                let mut query = sqlx::query_as::<_, Raw>(self.page.sql());
                if self.page.is_far() || self.page.is_filtered() {
                    query = query.bind(updated_at).bind(id);
                }
                if self.page.is_filtered() {
                    query = query.bind(STATUS);
                }
                query.fetch_all($pool).await?
            }};
        }
        let mut rows: Vec<Raw> = match store.db() {
            Db::Lite { read, .. } => rows!(read),
            Db::Pg(pool) => rows!(pool),
        };
        let took = begin.elapsed();
        rows.truncate(usize::try_from(LIMIT)?);
        Ok((took, rows.into_iter().map(|row| row.0).collect()))
    }
}

/// The row so many rows behind the first.
async fn place_behind(store: &Store, behind: i64, status: Option<&str>) -> Result<(i64, i64)> {
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
fn scattered(turn: i64) -> i64 {
    FIRST_UPDATE + (turn + 1) * 2_654_435_761 % (1 << 32)
}

/// Makes the table. The numbers are spread like chance but the same in each run.
async fn fill(store: &Store, rows: i64) -> Result<()> {
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

/// The median, and what one in a hundred is above.
fn quantiles(mut times: Vec<Duration>) -> [Duration; 2] {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default();
    [at(50), at(99)]
}

fn table(figures: &Value) -> String {
    let mut text = format!(
        "Pages of {} of {} rows, {} repetitions in turns with the same query written by hand; milliseconds.\n\n{:9} {:26} {:>10} {:>10} {:>10} {:>10}  {}\n",
        figures["limit"], figures["rows"], figures["repeats"], "database", "page", "p50", "raw p50", "p99", "raw p99", "p99 <= raw + 5"
    );
    let ms = |value: &Value| format!("{:.2}", value.as_f64().unwrap_or_default() / 1000.0);
    let word = |value: &Value| if *value == json!(true) { "met" } else { "MISSED" };
    for engine in figures["engines"].as_array().into_iter().flatten() {
        let name = engine["engine"].as_str().unwrap_or_default();
        for page in engine["pages"].as_array().into_iter().flatten() {
            let (own, raw) = (&page["engine_us"], &page["raw_us"]);
            text += &format!(
                "{name:9} {:26} {:>10} {:>10} {:>10} {:>10}  {}\n",
                page["page"].as_str().unwrap_or_default(),
                ms(&own["p50"]),
                ms(&raw["p50"]),
                ms(&own["p99"]),
                ms(&raw["p99"]),
                word(&page["met"])
            );
        }
        for (what, ratio) in [("far page / page 1", &engine["far_ratio"]), ("the same of a status", &engine["far_ratio_filtered"])] {
            let ratio = ratio.as_f64().unwrap_or_default();
            text += &format!("{name:9} {what:26} {ratio:>10.2} {:>33}  {}\n", "aim 1.3", word(&json!(ratio <= FAR_RATIO_MAX)));
        }
    }
    text
}

#[expect(clippy::print_stdout, reason = "the table is what a person runs this for")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "what is going on, apart from the table")]
fn note(text: &str) {
    eprintln!("{text}");
}
