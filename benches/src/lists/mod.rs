//! Lists of ten million rows, beside SQL written by hand, on SQLite and on a private PostgreSQL, in one run and in turns.
//!
//! What is compared is what a list costs beyond its database: the engine's page, as it stands on the wire, against the same keyset query
//! by the same pool. And a page far behind against the first one, each read again and again, so that both are as warm as they get. Pages
//! at places that nobody has looked at before are measured apart: they cost what the disk or the system's cache costs, by hand too.

#![expect(clippy::indexing_slicing, reason = "JSON that this program has made itself; what is not there is null")]

mod table;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use model::{CenterId, RowRule};
use serde_json::{Value, json};
use store::{
    Db, Store,
    list::{Filter, NO_LINKS, Query, Sort},
    testing::Postgres,
};

use self::table::{FAR, FILTERED, FILTERED_FAR, FIRST, LIMIT, NUMBERS, Raw, STATUS, STATUS_SHARE, fill, place_behind, scattered};
use crate::{
    report::Figure,
    work::{FAR_PAGE_AIM, LIST_AIM, Row},
};

/// The page that is far behind, if there are enough rows; else one behind half of them.
const FAR_PAGE: i64 = 100_000;
/// Repetitions that are not counted, so that statements are prepared and pages of the index are in memory.
const WARM_UP: usize = 20;

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
            Self::FilteredFar => format!("page {} of a status", far_page(rows) / STATUS_SHARE),
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

/// Makes the tables, reads them `repeats` times, and says of each page by how much it is slower than by hand.
pub(crate) fn measure(row: &Row, rows: i64, repeats: usize, tell: fn(&str)) -> Result<Vec<Figure>> {
    ensure!(rows >= 100_000 && repeats >= 10, "at least 100,000 rows and 10 repetitions");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let dir = tempfile::tempdir()?;
        let store = Store::open(&format!("sqlite:{}/lists.db", dir.path().display())).await?;
        let mut figures = bench("sqlite", &store, row, rows, repeats, tell).await?;
        store.close().await;
        drop(dir);
        let server = Postgres::start();
        let store = Store::open(&server.database()).await?;
        figures.extend(bench("postgres", &store, row, rows, repeats, tell).await?);
        store.close().await;
        Ok(figures)
    })
}

async fn bench(engine: &'static str, store: &Store, row: &Row, rows: i64, repeats: usize, tell: fn(&str)) -> Result<Vec<Figure>> {
    let begin = Instant::now();
    fill(store, rows).await?;
    tell(&format!("{}: {engine}: {rows} rows in {} s", row.name, begin.elapsed().as_secs()));
    let rule = RowRule::everything(CenterId(1));
    let mut measured = Vec::new();
    for page in PAGES {
        let place = match page {
            Page::Far => Some(place_behind(store, far_page(rows) * LIMIT, None).await?),
            Page::FilteredFar => Some(place_behind(store, far_page(rows) * LIMIT / STATUS_SHARE, Some(STATUS)).await?),
            Page::First | Page::Filtered | Page::Anywhere => None,
        };
        measured.push((Asked::of(store, &rule, page, place).await?, Vec::new(), Vec::new()));
    }
    // All pages in each turn, so that whatever else the machine does slows all of them down alike.
    for turn in 0..repeats + WARM_UP {
        for (asked, own, raw) in &mut measured {
            if asked.page == Page::Anywhere {
                *asked = Asked::of(store, &rule, asked.page, Some((scattered(turn as i64), 0))).await?;
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
    let mut medians = Vec::new();
    let mut figures = Vec::new();
    for (asked, own, raw) in measured {
        let ([own_50, own_99], [raw_50, raw_99]) = (quantiles(own), quantiles(raw));
        medians.push(own_50);
        figures.push(Figure {
            name: row.name.to_owned(),
            what: format!("{engine}, {}", asked.page.name(rows)),
            text: format!(
                "p99 {:.2} ms, by hand {:.2} (aim + {}); p50 {:.2}, by hand {:.2}",
                ms(own_99),
                ms(raw_99),
                LIST_AIM.as_millis(),
                ms(own_50),
                ms(raw_50)
            ),
            of_aim: own_99.saturating_sub(raw_99).as_secs_f64() / LIST_AIM.as_secs_f64(),
            faults: Vec::new(),
        });
    }
    // Medians: the slowest of a few hundred repetitions say more of the machine than of the page.
    for (what, far, first) in [("far page / page 1", 2, 0), ("the same of a status", 3, 1)] {
        let median = |at: usize| medians.get(at).map(Duration::as_secs_f64).context("all pages are measured");
        let ratio = median(far)? / median(first)?;
        figures.push(Figure {
            name: row.name.to_owned(),
            what: format!("{engine}, {what}"),
            text: format!("{ratio:.2} (aim {FAR_PAGE_AIM})"),
            of_aim: ratio / FAR_PAGE_AIM,
            faults: Vec::new(),
        });
    }
    Ok(figures)
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
            ..Query::new(&NUMBERS, rule, &NO_LINKS)
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

/// The median, and what one in a hundred is above.
fn quantiles(mut times: Vec<Duration>) -> [Duration; 2] {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default();
    [at(50), at(99)]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
