//! One engine for every list: which rows somebody may see, which of those they ask for, in what order, page by page.
//!
//! A [`Resource`] says what can be asked; a [`RowRule`] says whose rows are reached, and stands in every statement. A page costs the same
//! wherever it lies: it is read by key from an index, not counted off. What cannot be expressed reaches nothing.

mod cursor;
mod filter;
mod linked;
mod memory;
mod render;
mod row;
mod search;

use std::time::Duration;

use model::{Column, ColumnKind, Resource, RowRule};
use serde_json::{Map, Value};

pub use cursor::{Cursor, Sort, WrongCursor};
pub use filter::{CONDITIONS_MAX, DEPTH_MAX, FILTER_OCTETS_MAX, Filter, VALUES_MAX, Wrong};
pub use linked::{LinkRule, LinkRules, NO_LINKS};
pub use memory::MemoryRow;
pub(crate) use render::{CALL_TIME_MAX, CALL_TIME_SHIFT, CLOCK_SET_BACK_MAX};
pub use search::{SEARCH_OCTETS_MAX, SEARCH_WORDS_MAX, Search, fold_search};

use self::{
    filter::Operand,
    render::{Engine, Reach, Sql, Wanted},
    row::{Cells, Listed},
};
use crate::{ACQUIRE_MAX, Store, StoreError};

/// The most rows of a page or a chunk.
pub const LIST_ROWS_MAX: u32 = 5_000;
/// A count goes no further than this, unless it shall be exact.
pub const COUNT_MAX: u64 = 10_000;
/// How long the database may look for a page, or count exactly.
const LOOK_MAX: Duration = Duration::from_secs(8);
/// How long it may count up to [`COUNT_MAX`], which few need and every page asks for.
const COUNT_TIME_MAX: Duration = Duration::from_secs(2);
/// So many rows are looked at for one chunk of a walk: a rare row must not make it long.
const WALK_ROWS: u64 = 20_000;

/// How many rows there are, as far as anybody counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many; at most [`COUNT_MAX`] unless it was to be exact.
    pub value: u64,
    /// Whether there are more than that.
    pub capped: bool,
}

/// What to read of a resource.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// Of what.
    pub resource: &'static Resource,
    /// Whose rows.
    pub rows: &'a RowRule,
    /// What is reached of the tables that its columns of links are filtered by.
    pub links: &'a LinkRules,
    /// Which columns; those without SQL are passed over.
    pub columns: Vec<&'static Column>,
    /// Rows that meet this only.
    pub filter: Filter,
    /// Rows in which these words are found only.
    pub search: Option<Search>,
    /// In what order.
    pub sort: Sort,
    /// How many rows at most; kept within 1 and [`LIST_ROWS_MAX`].
    pub limit: u32,
    /// Where the page lies; none: at the beginning. Comes from [`Query::go_to`].
    pub at: Option<Cursor>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The rows, as they stand on the wire.
    pub items: Vec<Map<String, Value>>,
    /// Their keys, in the same order.
    pub keys: Vec<i64>,
    /// The cursor of the page behind this one, if there is one.
    pub next: Option<String>,
    /// The cursor of the page before this one, if there may be one.
    pub prev: Option<String>,
}

/// Some rows of a walk.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk<T> {
    /// The rows, by key. There may be none although more follow.
    pub rows: Vec<T>,
    /// The key to go on after: all rows up to it have been seen.
    pub after: i64,
    /// Whether that was all.
    pub is_last: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It would take too long: the filter has to be narrower.
    #[error("the database needs too long for this: ask for less")]
    TooSlow,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<'a> Query<'a> {
    /// Every column of the first rows, by key from new to old.
    #[must_use]
    pub fn new(resource: &'static Resource, rows: &'a RowRule, links: &'a LinkRules) -> Self {
        let columns = resource.columns.iter().collect();
        Self { resource, rows, links, columns, filter: Filter::everything(), search: None, sort: Sort::by_key(true), limit: 50, at: None }
    }

    /// Takes the page that a cursor names. To be called last: a cursor is good for one filter, search and order.
    ///
    /// # Errors
    /// The text is no cursor of this list.
    pub fn go_to(&mut self, cursor: &str) -> Result<(), WrongCursor> {
        self.at = Some(Cursor::read(cursor, self)?);
        Ok(())
    }

    fn limit(&self) -> u32 {
        self.limit.clamp(1, LIST_ROWS_MAX)
    }

    /// The cursors of the pages behind and before a page whose first and last rows are these.
    fn cursors(&self, ends: Option<(Cursor, Cursor)>, goes_on: bool) -> (Option<String>, Option<String>) {
        let place = |cursor: Cursor, back| Cursor { back, ..cursor }.write(self);
        let (first, last) = match (ends, &self.at) {
            (Some(ends), _) => ends,
            // An empty page still knows the way back: places are exclusive, so it leads from the next key.
            (None, Some(at)) => {
                let step = if self.sort.descending == at.back { 1 } else { -1 };
                let beside = Cursor { key: at.key.saturating_add(step), ..at.clone() };
                (beside.clone(), beside)
            }
            (None, None) => return (None, None),
        };
        match &self.at {
            None => (goes_on.then(|| place(last, false)), None),
            Some(Cursor { back: false, .. }) => (goes_on.then(|| place(last, false)), Some(place(first, true))),
            Some(Cursor { back: true, .. }) => (Some(place(last, false)), goes_on.then(|| place(first, true))),
        }
    }
}

impl Store {
    /// A page of a list.
    pub async fn list(&self, query: &Query<'_>) -> Result<Found, ListError> {
        let Some(reach) = reach(query)? else { return Ok(Found::default()) };
        let mut rows = self.listed(query, render::page(query, &reach, self.engine()), Wanted::Row, true).await?;
        let limit = usize::try_from(query.limit()).unwrap_or(usize::MAX);
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        if query.at.as_ref().is_some_and(|at| at.back) {
            rows.reverse();
        }
        let place = |row: &Listed| Cursor { value: row.sorted_by.clone(), key: row.key, back: false };
        let ends = rows.first().zip(rows.last()).map(|(first, last)| (place(first), place(last)));
        let (next, prev) = query.cursors(ends, goes_on);
        let (keys, items) = rows.into_iter().map(|row| (row.key, row.item)).unzip();
        Ok(Found { items, keys, next, prev })
    }

    /// How many rows the list has: all of them if `is_exact`, else up to [`COUNT_MAX`].
    ///
    /// # Errors
    /// [`ListError::TooSlow`] if the database would have to look at too many.
    pub async fn list_count(&self, query: &Query<'_>, is_exact: bool) -> Result<Count, ListError> {
        let Some(reach) = reach(query)? else { return Ok(Count { value: 0, capped: false }) };
        let most = (!is_exact).then_some(COUNT_MAX);
        let sql = render::count(query, &reach, most.map(|most| most + 1), self.engine());
        let value = self
            .numbers("list_count", sql, if is_exact { LOOK_MAX } else { COUNT_TIME_MAX })
            .await?
            .first()
            .and_then(|count| u64::try_from(*count).ok())
            .unwrap_or(0);
        let most = most.unwrap_or(u64::MAX);
        Ok(Count { value: value.min(most), capped: value > most })
    }

    /// The row with this key; none if there is none, or if it is not reached. Filter and search are not looked at.
    pub async fn list_row(
        &self,
        resource: &'static Resource,
        rows: &RowRule,
        columns: Vec<&'static Column>,
        key: i64,
    ) -> Result<Option<Map<String, Value>>, ListError> {
        let query = Query { columns, ..Query::new(resource, rows, &NO_LINKS) };
        let Some(reach) = reach(&query)? else { return Ok(None) };
        let rows = self.listed(&query, render::row(&query, &reach, key, self.engine()), Wanted::Row, false).await?;
        Ok(rows.into_iter().next().map(|row| row.item))
    }

    /// The greatest key of the query's centre, whatever the filter: where a walk that begins now shall end. None if there are no rows.
    pub async fn list_last_key(&self, query: &Query<'_>) -> Result<Option<i64>, ListError> {
        let Some(reach) = reach(query)? else { return Ok(None) };
        Ok(self.numbers("list_last_key", render::last_key(&reach, self.engine()), LOOK_MAX).await?.first().copied())
    }

    /// The next rows of the list with keys above `after` and up to `upto`, by key, whatever the query's order. For exports.
    ///
    /// A chunk takes a bounded time, however rare the rows are. Begin with `after` 0 and go on with that of the chunk.
    pub async fn list_walk(&self, query: &Query<'_>, after: i64, upto: i64) -> Result<Chunk<(i64, Map<String, Value>)>, ListError> {
        self.walk(query, after, upto, Wanted::Row, |row| (row.key, row.item)).await
    }

    /// The same, with the keys only. For changes of many rows.
    pub async fn list_walk_keys(&self, query: &Query<'_>, after: i64, upto: i64) -> Result<Chunk<i64>, ListError> {
        self.walk(query, after, upto, Wanted::Key, |row| row.key).await
    }

    async fn walk<T>(
        &self,
        query: &Query<'_>,
        after: i64,
        upto: i64,
        wanted: Wanted,
        give: impl Fn(Listed) -> T,
    ) -> Result<Chunk<T>, ListError> {
        let all = Chunk { rows: Vec::new(), after: upto.max(after), is_last: true };
        let Some(reach) = reach(query)?.filter(|_| after < upto) else { return Ok(all) };
        let far = self
            .numbers("list_far_key", render::far_key(query, &reach, after, upto, WALK_ROWS, self.engine()), LOOK_MAX)
            .await?
            .first()
            .copied();
        let end = far.unwrap_or(upto);
        let rows = self.listed(query, render::span(query, &reach, wanted, after, end, self.engine()), wanted, false).await?;
        let is_full = rows.len() >= usize::try_from(query.limit()).unwrap_or(usize::MAX);
        // A full chunk may have left rows behind its last one.
        let seen = if is_full { rows.last().map_or(end, |row| row.key) } else { end };
        Ok(Chunk { rows: rows.into_iter().map(give).collect(), after: seen, is_last: seen >= upto })
    }

    /// The SQL of a page: for tests that look at how a database goes about it.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn list_text(&self, query: &Query<'_>) -> Option<String> {
        Reach::of(query).map(|reach| render::page(query, &reach, self.engine()).text)
    }

    fn engine(&self) -> Engine {
        Engine::from(&self.db)
    }

    async fn listed(&self, query: &Query<'_>, sql: Sql, wanted: Wanted, is_sorted: bool) -> Result<Vec<Listed>, ListError> {
        let is_sorted = is_sorted && query.sort.sql(query.resource).is_some();
        let rows = self.look(query.resource.name, sql, LOOK_MAX).await?;
        rows.into_iter().map(|row| Ok(Listed::read(row, query, wanted == Wanted::Key, is_sorted)?)).collect()
    }

    async fn numbers(&self, name: &'static str, sql: Sql, limit: Duration) -> Result<Vec<i64>, ListError> {
        let rows = self.look(name, sql, limit).await?;
        Ok(rows.into_iter().filter_map(row::only_number).collect())
    }

    /// Waits for its turn, and then for the database.
    async fn look(&self, name: &'static str, sql: Sql, limit: Duration) -> Result<Vec<Cells>, ListError> {
        let turn = tokio::time::timeout(ACQUIRE_MAX, self.looking.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(StoreError::Unavailable("too many lists are being looked for".into()).into()) };
        self.db.dynamic(name, sql.text, &sql.binds, limit).await?.ok_or(ListError::TooSlow)
    }
}

/// The key that a text on the wire names; none if it is no key of this column.
#[must_use]
pub fn key(column: &Column, text: &str) -> Option<i64> {
    match filter::operand(column.kind, &Value::from(text)) {
        Some(Operand::Int(key)) => Some(key),
        _ => text.parse().ok().filter(|_| column.kind == ColumnKind::Int),
    }
}

/// What the query's rule reaches; none: nothing.
fn reach<'a>(query: &Query<'a>) -> Result<Option<Reach<'a>>, StoreError> {
    if query.resource.from.is_empty() {
        return Err(StoreError::Defect(format!("the rows of {} are in no database", query.resource.name).into()));
    }
    Ok(Reach::of(query))
}
