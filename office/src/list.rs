//! Lists as people ask for them: what the parameters say, held against what a [`View`] lets its person see.
//!
//! A column that is hidden, and one that does not exist, get the same answer; so do a masked column and one that cannot be filtered by.
//! Everything that is wrong is told at once.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::{Column, ColumnKind, Mask, Mode};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{
    Store, StoreError,
    list::{Chunk, Count, Filter, Found, ListError, Query, Search, Sort, Wrong},
};

pub use store::list::MemoryRow as Row;

use crate::{Fault, Office, OfficeError, View, mask::masked};

/// Rows on a page if nothing is said.
const LIMIT_DEFAULT: u32 = 50;
/// Rows on a page at most.
const LIMIT_MAX: u32 = 200;
/// Faults past which nobody reads on.
const FAULTS_MAX: usize = 50;
/// So much of a stranger's text is repeated.
const TEXT_MAX: usize = 64;

/// What was asked of a list, as it came.
#[derive(Debug, Clone, Default)]
pub struct ListParams {
    filters: Vec<Asked>,
    sort: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
    count: Option<String>,
    fields: Option<Vec<String>>,
    search: Option<String>,
    /// Columns that must have these values, whether the person sees them or not.
    within: Vec<(&'static str, Value)>,
    /// Names of parameters that no list has, or that stand twice.
    strange: Vec<String>,
}

#[derive(Debug, Clone)]
enum Asked {
    Text(String),
    Json(Value),
}

impl ListParams {
    /// Takes the parameters of a query, and checks them against what the person may see, so that a route can refuse them before it does
    /// anything else.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong.
    pub fn parse<N: AsRef<str>, V: AsRef<str>>(view: &View, pairs: &[(N, V)]) -> Result<Self, OfficeError> {
        let params = Self::from_pairs(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
        view.select(&params, Purpose::Show)?;
        Ok(params)
    }

    /// Takes the parameters of a query: `filter`, `sort`, `limit`, `cursor`, `count`, `fields`, `q`. Any other is a fault, since a filter
    /// that is misspelt must not show everything.
    pub fn from_pairs<N: AsRef<str>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut params = Self::default();
        for (name, value) in pairs {
            let name = name.as_ref();
            let place = match name {
                "sort" => &mut params.sort,
                "limit" => &mut params.limit,
                "cursor" => &mut params.cursor,
                "count" => &mut params.count,
                "q" => &mut params.search,
                "filter" if params.filters.is_empty() => {
                    params.filters.push(Asked::Text(value.into()));
                    continue;
                }
                "fields" if params.fields.is_none() => {
                    params.fields = Some(value.into().split(',').map(str::to_owned).collect());
                    continue;
                }
                _ => {
                    params.strange.push(name.chars().take(TEXT_MAX).collect());
                    continue;
                }
            };
            if place.replace(value.into()).is_some() {
                params.strange.push(name.to_owned());
            }
        }
        params
    }

    /// Rows that meet this filter as well: for a body's `filter`, and for parameters that a route has beside those of every list.
    #[must_use]
    pub fn filtered(mut self, filter: Value) -> Self {
        self.filters.push(Asked::Json(filter));
        self
    }

    /// Only rows with this value of a column: for a route whose path names what its rows are of, and which has asked whether the person reaches
    /// that. So it does not matter whether they see the column.
    #[must_use]
    pub fn within(mut self, column: &'static str, value: impl Into<Value>) -> Self {
        self.within.push((column, value.into()));
        self
    }

    /// In this order: `name` or `-name`.
    #[must_use]
    pub fn sorted(mut self, sort: impl Into<String>) -> Self {
        self.sort = Some(sort.into());
        self
    }

    /// So many rows a page.
    #[must_use]
    pub fn limited(mut self, rows: usize) -> Self {
        self.limit = Some(rows.to_string());
        self
    }

    /// These columns only.
    #[must_use]
    pub fn of_fields(mut self, fields: impl IntoIterator<Item = String>) -> Self {
        self.fields = Some(fields.into_iter().collect());
        self
    }

    /// Rows in which these words are found.
    #[must_use]
    pub fn searched(mut self, words: impl Into<String>) -> Self {
        self.search = Some(words.into());
        self
    }
}

/// A page of a list, as its person may see it and as it stands on the wire.
#[derive(Debug, Clone, Serialize)]
pub struct ListPage {
    /// The rows.
    pub items: Vec<Map<String, Value>>,
    /// Their keys, in the same order: by these is added what the list itself does not read ([`ListPage::added`]).
    #[serde(skip)]
    pub keys: Vec<i64>,
    /// The cursor of the page behind this one.
    pub next: Option<String>,
    /// The cursor of the page before this one.
    pub prev: Option<String>,
    /// How many rows there are; none if that was not asked for, or would take too long.
    pub count: Option<ListCount>,
    /// All columns that the person may see, whether they were asked for or not.
    pub columns: Vec<ListColumn>,
    /// Columns that were asked for and are not read by the list, nor added by a module: whoever calls adds them to the rows, by [`View::shown`].
    #[serde(skip)]
    pub added: Vec<&'static Column>,
}

/// How many rows there are, as far as anybody counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ListCount {
    /// So many.
    pub value: u64,
    /// Whether there are more than that.
    pub capped: bool,
}

impl From<Count> for ListCount {
    fn from(Count { value, capped }: Count) -> Self {
        Self { value, capped }
    }
}

/// What a person may do with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ListColumn {
    /// Its name.
    pub name: &'static str,
    /// Shown or masked.
    pub mode: Mode,
    /// Whether the list can be sorted by it.
    pub sort: bool,
    /// Whether the list can be filtered by it.
    pub filter: bool,
}

/// What a selection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be looked at: masked columns are shown masked.
    Show,
    /// To be taken along: masked columns are not there.
    Export,
}

/// Rows and columns that somebody chose of a view, checked against it. Good for that view only.
#[derive(Debug, Clone)]
pub struct Selection<'v> {
    view: &'v View,
    columns: Vec<&'static Column>,
    query: Query<'v>,
    count: CountMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CountMode {
    None,
    Capped,
    Exact,
}

impl View {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong.
    pub fn select(&self, params: &ListParams, purpose: Purpose) -> Result<Selection<'_>, OfficeError> {
        let mut faults: Vec<Fault> = Vec::new();
        for name in &params.strange {
            faults.push(Fault::unknown(name, format!("the parameter {name:?} is unknown or stands twice")));
        }
        let mut query = Query::new(self.resource(), self.rows(), self.links());
        for asked in &params.filters {
            let column = |name: &str| self.usable(name).filter(|column| column.filter);
            let filter = match asked {
                Asked::Text(text) => Filter::read(text, &column),
                Asked::Json(value) => Filter::parse(value, &column),
            };
            match filter {
                Ok(filter) => query.filter = std::mem::take(&mut query.filter).and(filter),
                Err(wrong) => faults.extend(wrong.into_iter().map(fault)),
            }
        }
        for (name, value) in &params.within {
            let filter = Map::from_iter([((*name).to_owned(), value.clone())]);
            match Filter::parse(&Value::Object(filter), &|name| self.resource().column(name)) {
                Ok(filter) => query.filter = std::mem::take(&mut query.filter).and(filter),
                Err(wrong) => faults.extend(wrong.into_iter().map(fault)),
            }
        }
        query.sort = match &params.sort {
            Some(sort) => Sort::parse(sort, &|name| self.usable(name)).unwrap_or_else(|wrong| {
                faults.push(fault(wrong));
                self.usual_sort()
            }),
            None => self.usual_sort(),
        };
        if let Some(words) = &params.search {
            match Search::parse(words) {
                _ if !self.is_searchable() => faults.push(Fault::unknown("q", "this list cannot be searched")),
                Ok(search) => query.search = search,
                Err(wrong) => faults.push(fault(wrong)),
            }
        }
        let columns = self.fields(params.fields.as_deref(), purpose, &mut faults);
        query.columns = columns.iter().filter(|column| !is_added(column) || self.resource().from.is_empty()).copied().collect();
        query.limit = match params.limit.as_deref().map(str::parse) {
            None => LIMIT_DEFAULT,
            Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
            Some(_) => {
                faults.push(Fault::invalid("limit", format!("a limit is 1 to {LIMIT_MAX}")));
                LIMIT_DEFAULT
            }
        };
        let count = match params.count.as_deref() {
            None | Some("capped") => CountMode::Capped,
            Some("none") => CountMode::None,
            Some("exact") => CountMode::Exact,
            Some(_) => {
                faults.push(Fault::invalid("count", "count is none, capped or exact"));
                CountMode::None
            }
        };
        // A cursor fits one filter and order: while those are wrong nothing can be said of it.
        if let Some(cursor) = params.cursor.as_deref().filter(|_| faults.is_empty())
            && let Err(wrong) = query.go_to(cursor)
        {
            faults.push(Fault::invalid("cursor", wrong.to_string()));
        }
        if faults.is_empty() {
            return Ok(Selection { view: self, columns, query, count });
        }
        faults.truncate(FAULTS_MAX);
        Err(OfficeError::Invalid(faults))
    }

    /// Whether the person may see a row that is in memory.
    #[must_use]
    pub fn reaches(&self, row: &Row) -> bool {
        row.is_reached(self.rows())
    }

    /// Leaves of a row what the person may see: what is hidden goes, and whatever is no column; what is masked is masked.
    pub fn project(&self, row: &mut Map<String, Value>) {
        row.retain(|name, _| self.mode(name) > Mode::Hide);
        for (column, mode) in self.columns() {
            if let Some(value) = row.get_mut(column.name) {
                self.veil(column, *mode, value);
            }
        }
    }

    /// Masks a value, or what of it goes by other columns.
    fn veil(&self, column: &Column, mode: Mode, value: &mut Value) {
        if mode == Mode::Mask {
            *value = masked(column.mask, value);
            return;
        }
        for (part, mode) in self.parts_of(column.name) {
            let mask = part.of.unwrap_or(self.resource()).column(part.column).map_or(Mask::Whole, |other| other.mask);
            let entries = match &mut *value {
                Value::Array(entries) => entries.as_mut_slice(),
                entry => std::slice::from_mut(entry),
            };
            for (holder, name) in entries.iter_mut().filter_map(|entry| holder(entry, part.name)) {
                match holder.get_mut(name) {
                    Some(told) if mode == Mode::Mask => *told = masked(mask, told),
                    _ => drop(holder.remove(name)),
                }
            }
        }
    }

    /// A column's value as the person may see it; none if it is hidden.
    #[must_use]
    pub fn shown(&self, column: &str, mut value: Value) -> Option<Value> {
        let (column, mode) = self.columns().iter().find(|(known, _)| known.name == column)?;
        self.veil(column, *mode, &mut value);
        Some(value)
    }

    /// What the person may do with each column that they see.
    #[must_use]
    pub fn list_columns(&self) -> Vec<ListColumn> {
        let usable = |column: &Column, mode: Mode, can: bool| {
            mode == Mode::Show && can && (!is_added(column) || column.links.is_some() || self.resource().from.is_empty())
        };
        self.columns()
            .iter()
            .map(|(column, mode)| ListColumn {
                name: column.name,
                mode: *mode,
                sort: usable(column, *mode, !column.sort.is_empty()),
                filter: usable(column, *mode, column.filter),
            })
            .collect()
    }

    /// The column, if it is seen whole: by its values rows may be chosen.
    fn usable(&self, name: &str) -> Option<&'static Column> {
        self.columns().iter().find(|(column, mode)| column.name == name && *mode == Mode::Show).map(|(column, _)| *column)
    }

    /// The resource's own order, unless that would tell of a column which the person does not see whole.
    fn usual_sort(&self) -> Sort {
        let order = self.resource().order;
        Sort::parse(order, &|name| self.usable(name)).unwrap_or_else(|_| Sort::by_key(order.starts_with('-')))
    }

    /// Whether a search tells nothing of columns that the person does not see whole.
    ///
    /// The columns that a search looks through are those that its SQL names. If it names anything else, such as a column with all texts
    /// folded, it may look through any text.
    pub(crate) fn is_searchable(&self) -> bool {
        let resource = self.resource();
        if resource.search.is_empty() {
            return false;
        }
        let searched: BTreeSet<&str> = names_in(resource.search).collect();
        let is_seen = |column: &Column| self.usable(column.name).is_some();
        let of_columns: BTreeSet<&str> = resource.columns.iter().flat_map(|column| names_in(column.sql)).collect();
        let looks_anywhere = searched.is_empty() || !searched.is_subset(&of_columns);
        resource
            .columns
            .iter()
            .filter(|column| {
                (looks_anywhere && column.kind == ColumnKind::Text) || names_in(column.sql).any(|name| searched.contains(name))
            })
            .all(is_seen)
    }

    fn fields(&self, asked: Option<&[String]>, purpose: Purpose, faults: &mut Vec<Fault>) -> Vec<&'static Column> {
        let least = if purpose == Purpose::Export { Mode::Show } else { Mode::Mask };
        let seen = || {
            self.columns()
                .iter()
                .map(|(column, mode)| (*column, *mode))
                .filter(|(column, mode)| *mode >= least && !column.is_only_asked())
                .map(|(column, _)| column)
        };
        let Some(asked) = asked else { return seen().collect() };
        let mut columns: Vec<&'static Column> = Vec::new();
        for name in asked {
            match seen().find(|column| column.name == name) {
                Some(column) if columns.iter().any(|known| known.name == column.name) => {}
                Some(column) => columns.push(column),
                None if faults.len() < FAULTS_MAX => {
                    let name: String = name.chars().take(TEXT_MAX).collect();
                    faults.push(Fault::unknown(format!("fields.{name}"), "there is no column of this name to show"));
                }
                None => {}
            }
        }
        columns
    }
}

/// Whether a column of a database's list is not read by the list.
fn is_added(column: &Column) -> bool {
    column.sql.is_empty()
}

/// The columns that an SQL expression names: words with a dot in them.
fn names_in(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '.')
        .filter(|word| word.split_once('.').is_some_and(|(table, column)| !table.is_empty() && !column.is_empty()))
}

/// The object that holds a member, and the member's own name in it.
fn holder<'v, 'n>(entry: &'v mut Value, member: &'n str) -> Option<(&'v mut Map<String, Value>, &'n str)> {
    let (outer, name) = member.rsplit_once('.').unwrap_or(("", member));
    let holder = if outer.is_empty() { entry } else { entry.get_mut(outer)? };
    Some((holder.as_object_mut()?, name))
}

fn fault(Wrong { field, is_unknown, detail }: Wrong) -> Fault {
    if is_unknown { Fault::unknown(field, detail) } else { Fault::invalid(field, detail) }
}

/// An answer that would take too long is the asker's to make smaller.
fn too_slow(field: &str, error: ListError) -> OfficeError {
    match error {
        ListError::TooSlow => OfficeError::Invalid(vec![Fault::invalid(
            field,
            "the database would have to look at too many rows: ask for a narrower filter, such as a span of time, or for no exact count",
        )]),
        ListError::Store(error) => error.into(),
    }
}

impl<'v> Selection<'v> {
    /// The view that it is of.
    #[must_use]
    pub fn view(&self) -> &'v View {
        self.view
    }

    /// The columns, in the order in which they were asked for. Those without SQL are in the rows that come of it if a module adds them.
    #[must_use]
    pub fn columns(&self) -> &[&'static Column] {
        &self.columns
    }

    /// So many rows a chunk, at most [`store::list::LIST_ROWS_MAX`]: for jobs, which take more at once than a page has.
    #[must_use]
    pub fn in_chunks_of(mut self, rows: u32) -> Self {
        self.query.limit = rows;
        self
    }

    fn page(&self, Found { mut items, keys, next, prev }: Found, count: Option<Count>) -> ListPage {
        items.iter_mut().for_each(|row| self.view.project(row));
        let added = self.columns.iter().filter(|column| is_added(column)).copied().collect();
        ListPage { items, keys, next, prev, count: count.map(Into::into), columns: self.view.list_columns(), added }
    }
}

impl Office {
    /// A page of a list.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong with what was asked.
    pub async fn list(&self, view: &View, params: &ListParams) -> Result<ListPage, OfficeError> {
        let mut page = self.list_bare(view, params).await?;
        self.fill(view, &mut page).await?;
        Ok(page)
    }

    /// The same without the columns that modules add: for who lays something over the rows, and then has [`Office::fill`] add them.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong with what was asked.
    pub async fn list_bare(&self, view: &View, params: &ListParams) -> Result<ListPage, OfficeError> {
        list(self.store(), &view.select(params, Purpose::Show)?).await
    }

    /// A page of rows that are in memory. `rows` may be all there are: those that the person may not see are left out.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] with all that is wrong with what was asked.
    pub fn list_in_memory(&self, view: &View, rows: Vec<Row>, params: &ListParams) -> Result<ListPage, OfficeError> {
        list_in_memory(view, rows, params)
    }

    /// One row, by its key as it stands on the wire.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] if there is no such row, or the person may not see it.
    pub async fn read(&self, view: &View, key: &str) -> Result<Map<String, Value>, OfficeError> {
        let (key, mut row) = read(self.store(), view, key).await?;
        self.fill_row(view, key, &mut row).await?;
        Ok(row)
    }

    /// How many rows were selected, exactly.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] if they are too many to count; [`Office::walk_keys`] counts any number.
    pub async fn count(&self, selection: &Selection<'_>) -> Result<u64, OfficeError> {
        let count = self.store().list_count(&selection.query, true).await.map_err(|error| too_slow("filter", error))?;
        Ok(count.value)
    }

    /// The greatest key that a walk which begins now shall reach. None if there is nothing to walk.
    ///
    /// # Errors
    /// As the database's.
    pub async fn last_key(&self, selection: &Selection<'_>) -> Result<Option<i64>, OfficeError> {
        self.store().list_last_key(&selection.query).await.map_err(|error| too_slow("filter", error))
    }

    /// The next selected rows after a key, by key, up to another one: see [`Store::list_walk`]. Their columns are as the person sees them.
    ///
    /// # Errors
    /// As the database's.
    pub async fn walk(&self, selection: &Selection<'_>, after: i64, upto: i64) -> Result<Chunk<(i64, Map<String, Value>)>, OfficeError> {
        let mut chunk = self.store().list_walk(&selection.query, after, upto).await.map_err(|error| too_slow("filter", error))?;
        chunk.rows.iter_mut().for_each(|(_, row)| selection.view.project(row));
        let added: Vec<&'static Column> = selection.columns.iter().filter(|column| is_added(column)).copied().collect();
        let keys: Vec<i64> = chunk.rows.iter().map(|(key, _)| *key).collect();
        self.fill_rows(selection.view, &added, &keys, chunk.rows.iter_mut().map(|(_, row)| row)).await?;
        Ok(chunk)
    }

    /// The same, with the keys only.
    ///
    /// # Errors
    /// As the database's.
    pub async fn walk_keys(&self, selection: &Selection<'_>, after: i64, upto: i64) -> Result<Chunk<i64>, OfficeError> {
        self.store().list_walk_keys(&selection.query, after, upto).await.map_err(|error| too_slow("filter", error))
    }
}

async fn list(store: &Store, selection: &Selection<'_>) -> Result<ListPage, OfficeError> {
    let query = &selection.query;
    let found = match store.list(query).await {
        // Nothing was asked that could be asked more narrowly: it is the database that is slow (FT-5).
        Err(ListError::TooSlow) if query.filter.is_everything() && query.search.is_none() => {
            return Err(StoreError::Unavailable("a page of a list took too long".into()).into());
        }
        found => found.map_err(|error| too_slow("filter", error))?,
    };
    let count = match selection.count {
        CountMode::None => None,
        // Nobody has asked for this count in so many words; a page without it is better than none.
        CountMode::Capped => match store.list_count(query, false).await {
            Err(ListError::TooSlow) => None,
            counted => Some(counted.map_err(|error| too_slow("count", error))?),
        },
        CountMode::Exact => Some(store.list_count(query, true).await.map_err(|error| too_slow("count", error))?),
    };
    Ok(selection.page(found, count))
}

fn list_in_memory(view: &View, rows: Vec<Row>, params: &ListParams) -> Result<ListPage, OfficeError> {
    let selection = view.select(params, Purpose::Show)?;
    let (found, count) = selection.query.page_of(rows);
    let counted = (selection.count != CountMode::None).then_some(count);
    Ok(ListPage { added: Vec::new(), ..selection.page(found, counted) })
}

async fn read(store: &Store, view: &View, key: &str) -> Result<(i64, Map<String, Value>), OfficeError> {
    let resource = view.resource();
    let missing = || OfficeError::NotFound(resource.name);
    let key = resource.column(resource.key).and_then(|column| store::list::key(column, key)).ok_or_else(missing)?;
    let columns = view.columns().iter().map(|(column, _)| *column).collect();
    let row = store.list_row(resource, view.rows(), columns, key).await.map_err(|error| too_slow("filter", error))?;
    let mut row = row.ok_or_else(missing)?;
    view.project(&mut row);
    Ok((key, row))
}
