//! Many rows in one statement: a batch of facts costs the database a handful of statements, however many facts it has.
//!
//! The engines differ here. PostgreSQL takes one array a column. SQLite has no arrays, and reading JSON costs it more than binding values,
//! so it gets a statement for [`LITE_ROWS`] rows; rows that are missing at the end are NULL, and the statement passes over them.

use sqlx::{Arguments, postgres::PgArguments, sqlite::SqliteArguments};

use crate::db::Bind;

/// Rows in one statement for SQLite: as many as `rows_32!` writes.
pub(crate) const LITE_ROWS: usize = 32;

/// Thirty-two times the text of one row, as a table for SQLite. Its columns are `column1`, `column2`, ….
#[macro_export]
macro_rules! rows_32 {
    ($row:literal) => {
        concat!("(VALUES ", $crate::rows_32!(@8 $row), ",", $crate::rows_32!(@8 $row), ",",
            $crate::rows_32!(@8 $row), ",", $crate::rows_32!(@8 $row), ") AS v")
    };
    (@8 $row:literal) => {
        concat!($row, ",", $row, ",", $row, ",", $row, ",", $row, ",", $row, ",", $row, ",", $row)
    };
}
pub(crate) use rows_32;

/// A list of ids in a statement, as its first value ([`list`]).
///
/// Both engines read a JSON array, but each has its own function for it.
#[macro_export]
macro_rules! ids {
    (lite) => {
        "(SELECT value FROM json_each($1))"
    };
    (pg) => {
        "(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)))"
    };
}
pub(crate) use ids;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Whole numbers.
    Int,
    /// Texts.
    Text,
}

/// Rows for one statement. The first column is never NULL.
#[derive(Debug)]
pub struct Rows<'a> {
    columns: &'static [Column],
    values: Vec<Bind<'a>>,
}

impl<'a> Rows<'a> {
    /// No rows yet; what their columns hold.
    #[must_use]
    pub fn new(columns: &'static [Column]) -> Self {
        Self { columns, values: Vec::new() }
    }

    /// Adds a row with as many values as there are columns.
    pub fn push<const N: usize>(&mut self, row: [Bind<'a>; N]) {
        debug_assert_eq!(N, self.columns.len(), "a value for each column");
        self.values.extend(row);
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len().max(1)
    }

    /// The values for each execution of SQLite's statement.
    pub(crate) fn lite(&self) -> impl Iterator<Item = Result<SqliteArguments, sqlx::Error>> {
        let full = self.columns.len() * LITE_ROWS;
        self.values.chunks(full.max(1)).map(move |chunk| {
            let mut arguments = SqliteArguments::default();
            arguments.reserve(full, 0);
            for bind in chunk {
                bind.lite(&mut arguments)?;
            }
            for _ in chunk.len()..full {
                Bind::Int(None).lite(&mut arguments)?;
            }
            Ok(arguments)
        })
    }

    /// One array a column.
    pub(crate) fn pg(&self) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for (place, column) in self.columns.iter().enumerate() {
            let values = self.values.iter().skip(place).step_by(self.columns.len());
            match column {
                Column::Int => arguments.add(values.map(Bind::int).collect::<Vec<_>>()),
                Column::Text => arguments.add(values.map(Bind::text).collect::<Vec<_>>()),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

/// The values of a row, for [`Rows::push`].
#[macro_export]
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$($crate::sql::Bind::from($value)),*] };
}
pub(crate) use row;

/// A list of ids as one value, for a statement with `ids!`.
#[must_use]
pub fn list(ids: impl Iterator<Item = i64>) -> String {
    use std::fmt::Write;
    let mut text = String::from("[");
    for (place, id) in ids.enumerate() {
        // Writing into a String cannot fail.
        let _ = write!(text, "{}{id}", if place > 0 { "," } else { "" });
    }
    text.push(']');
    text
}
