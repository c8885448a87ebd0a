//! Rows whose columns are known only when they are asked for.

use model::{CallId, Column, ColumnKind};
use serde_json::{Map, Value};
use sqlx::{ColumnIndex, FromRow, Row, TypeInfo, ValueRef, postgres::PgRow, sqlite::SqliteRow};

use super::{Query, filter::Operand};
use crate::{StoreError, catalogue::SEGMENTS, code::read_segments};

/// The values of a row, in the order in which they were asked for.
#[derive(Debug)]
pub(crate) struct Cells(Vec<Cell>);

/// A value as the database gives it; none: NULL.
pub(crate) type Cell = Option<Operand>;

impl<'r> FromRow<'r, SqliteRow> for Cells {
    fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
        cells(row, |at, kind| match kind {
            "INTEGER" => row.try_get_unchecked(at).map(Operand::Int),
            _ => row.try_get(at).map(Operand::Text),
        })
    }
}

impl<'r> FromRow<'r, PgRow> for Cells {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        cells(row, |at, kind| match kind {
            "INT8" => row.try_get(at).map(Operand::Int),
            // What an expression gives need not be as wide as a column.
            "INT4" => row.try_get::<i32, _>(at).map(|value| Operand::Int(value.into())),
            "BOOL" => row.try_get::<bool, _>(at).map(|value| Operand::Int(value.into())),
            _ => row.try_get(at).map(Operand::Text),
        })
    }
}

fn cells<R: Row>(row: &R, read: impl Fn(usize, &str) -> Result<Operand, sqlx::Error>) -> Result<Cells, sqlx::Error>
where
    usize: ColumnIndex<R>,
{
    (0..row.len())
        .map(|at| {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                return Ok(None);
            }
            let kind = value.type_info().name().to_owned();
            drop(value);
            read(at, &kind).map(Some)
        })
        .collect::<Result<_, _>>()
        .map(Cells)
}

/// A row as it is listed.
#[derive(Debug)]
pub(crate) struct Listed {
    /// What stands on the wire; empty if only the key was asked for.
    pub(crate) item: Map<String, Value>,
    /// What it is sorted by, if that is not the key.
    pub(crate) sorted_by: Option<Operand>,
    pub(crate) key: i64,
}

impl Listed {
    /// Reads a row with the query's columns (unless `is_bare`), what it is sorted by (if `is_sorted`) and its key.
    pub(crate) fn read(Cells(cells): Cells, query: &Query<'_>, is_bare: bool, is_sorted: bool) -> Result<Self, StoreError> {
        let table = query.resource.name;
        let broken = |what: &str| StoreError::Broken { table, what: what.to_owned() };
        let mut cells = cells.into_iter();
        let mut item = Map::new();
        for column in query.columns.iter().filter(|column| !is_bare && !column.sql.is_empty()) {
            let cell = cells.next().ok_or_else(|| broken(column.name))?;
            item.insert(column.name.to_owned(), on_the_wire(column, cell).ok_or_else(|| broken(column.name))?);
        }
        // A place in the order that is NULL is no place: the rows behind it would never be found.
        let sorted_by = if is_sorted { Some(cells.next().flatten().ok_or_else(|| broken("what it is sorted by"))?) } else { None };
        match cells.next() {
            Some(Some(Operand::Int(key))) => Ok(Self { item, sorted_by, key }),
            _ => Err(broken(query.resource.key)),
        }
    }
}

/// A value as it stands on the wire; none if it is not of its column's kind.
fn on_the_wire(column: &Column, cell: Cell) -> Option<Value> {
    let Some(value) = cell else { return Some(Value::Null) };
    Some(match (column.kind, value) {
        (ColumnKind::Id, Operand::Int(id)) => id.to_string().into(),
        (ColumnKind::Call, Operand::Int(id)) => CallId(id).to_string().into(),
        (ColumnKind::Int | ColumnKind::Time, Operand::Int(value)) => value.into(),
        (ColumnKind::Bool, Operand::Int(value)) => (value != 0).into(),
        (ColumnKind::Text | ColumnKind::Code(_), Operand::Text(text)) => text.into(),
        // The database keeps ids as numbers, and in a form of its own.
        (ColumnKind::Json, Operand::Text(text)) if column.name == SEGMENTS => {
            serde_json::to_value(read_segments("calls", &text).ok()?).ok()?
        }
        (ColumnKind::Json, Operand::Text(text)) => serde_json::from_str(&text).ok()?,
        _ => return None,
    })
}

/// The only value of a row.
pub(crate) fn only_number(Cells(cells): Cells) -> Option<i64> {
    match cells.as_slice() {
        [Some(Operand::Int(value))] => Some(*value),
        _ => None,
    }
}
