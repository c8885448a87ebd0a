//! The same lists of rows that are in memory and in no database: what `render` asks of a database, done by hand.

use std::{cmp::Ordering, collections::BTreeSet};

use model::{CenterId, Column, ColumnKind, ListKind, RowRule, UserId};
use serde_json::{Map, Value};

use super::{
    Count, Found, Query,
    cursor::Cursor,
    filter::{Operand, operand},
    search::fold_search,
};

/// A row that is in memory, and what decides who may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryRow {
    /// Its key.
    pub key: i64,
    /// What stands on the wire.
    pub row: Map<String, Value>,
    /// Its centre.
    pub center: CenterId,
    /// Whose it is.
    pub users: BTreeSet<UserId>,
    /// Its ids of the kinds that can narrow a right.
    pub lists: Vec<(ListKind, String)>,
}

impl MemoryRow {
    /// Whether a rule reaches it, as a database would find.
    #[must_use]
    pub fn is_reached(&self, rows: &RowRule) -> bool {
        rows.admits(self.center, &self.users, |kind, ids| self.lists.iter().any(|(of, id)| *of == kind && ids.contains(id)))
    }
}

impl Query<'_> {
    /// A page of rows that are in memory, and how many rows there are in all pages.
    #[must_use]
    pub fn page_of(&self, rows: Vec<MemoryRow>) -> (Found, Count) {
        let mut rows: Vec<(Cursor, Map<String, Value>)> = rows
            .into_iter()
            .filter(|row| row.is_reached(self.rows) && self.filter.holds(&row.row) && self.is_searched(&row.row))
            .map(|row| (self.place(&row), row.row))
            .collect();
        rows.sort_by(|(one, _), (other, _)| self.order(one, other));
        let count = Count { value: u64::try_from(rows.len()).unwrap_or(u64::MAX), capped: false };
        let limit = usize::try_from(self.limit()).unwrap_or(usize::MAX);
        let (first, last) = match &self.at {
            None => (0, limit),
            Some(at) if at.back => {
                let end = rows.partition_point(|(place, _)| self.order(place, at) == Ordering::Less);
                (end.saturating_sub(limit), end)
            }
            Some(at) => {
                let start = rows.partition_point(|(place, _)| self.order(place, at) != Ordering::Greater);
                (start, start.saturating_add(limit))
            }
        };
        let last = last.min(rows.len());
        let goes_on = if self.at.as_ref().is_some_and(|at| at.back) { first > 0 } else { last < rows.len() };
        let page = rows.get(first..last).unwrap_or_default();
        let ends = page.first().zip(page.last()).map(|((first, _), (last, _))| (first.clone(), last.clone()));
        let (next, prev) = self.cursors(ends, goes_on);
        let (keys, items) = page.iter().map(|(place, item)| (place.key, self.asked_of(item))).unzip();
        (Found { items, keys, next, prev }, count)
    }

    fn asked_of(&self, item: &Map<String, Value>) -> Map<String, Value> {
        self.columns.iter().filter_map(|column| Some((column.name.to_owned(), item.get(column.name)?.clone()))).collect()
    }

    fn is_searched(&self, item: &Map<String, Value>) -> bool {
        let Some(search) = &self.search else { return true };
        let texts = self.resource.columns.iter().filter(|column| column.kind == ColumnKind::Text);
        let text: Vec<&str> = texts.filter_map(|column| item.get(column.name)?.as_str()).collect();
        !self.resource.search.is_empty() && search.finds(&fold_search(&text.join(" ")))
    }

    fn place(&self, row: &MemoryRow) -> Cursor {
        let value_of = |column: &Column| row.row.get(column.name).and_then(|value| operand(column.kind, value));
        // What is absent comes first: the SQL of such an order puts the least value in its place.
        let least = |column: &Column| match column.kind {
            ColumnKind::Text | ColumnKind::Code(_) | ColumnKind::Json => Operand::Text(String::new()),
            _ => Operand::Int(0),
        };
        let sorted_by = self.sort.column.filter(|_| self.sort.sql(self.resource).is_some());
        Cursor { value: sorted_by.map(|column| value_of(column).unwrap_or_else(|| least(column))), key: row.key, back: false }
    }

    fn order(&self, one: &Cursor, other: &Cursor) -> Ordering {
        let ascending = (&one.value, one.key).cmp(&(&other.value, other.key));
        if self.sort.descending { ascending.reverse() } else { ascending }
    }
}
