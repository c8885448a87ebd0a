//! Where a page lies: after or before a row, named by what the list is sorted by and the row's key.
//!
//! A cursor is good for the list it was given for and no other: it carries a hash of filter, search and order, and of what is reached of the
//! links that are filtered by. It is not secret and not signed. A forged one is a place in the list of the one who forged it: which rows and
//! columns that has is decided without it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::{Column, ColumnKind, Resource};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Query, Search,
    filter::{Operand, Wrong, below},
};
use crate::db::storable;

/// The form of cursors that this program writes and reads.
const VERSION: u8 = 1;
/// The most text that a cursor may have.
const CURSOR_OCTETS_MAX: usize = 8 * 1024;
/// So much of the hash is written.
const HASH_OCTETS: usize = 12;

/// The order of a list. Rows that are equal in it stand in the order of their keys.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// What it is sorted by; none: by the key.
    pub(crate) column: Option<&'static Column>,
    /// From great to small.
    pub(crate) descending: bool,
}

impl Sort {
    /// By the rows' key: from old to new, or from new to old.
    #[must_use]
    pub fn by_key(descending: bool) -> Self {
        Self { column: None, descending }
    }

    /// Reads `name`, or `-name` for descending. `column` gives the columns that the asker may sort by; any other name is unknown.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, column: &dyn Fn(&str) -> Option<&'static Column>) -> Result<Self, Wrong> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        match column(name).filter(|column| !column.sort.is_empty()) {
            Some(column) => Ok(Self { column: Some(column), descending }),
            None => Err(Wrong::unknown(below("sort", name), "there is no column of this name to sort by")),
        }
    }

    /// The column that it sorts by; none: by the key.
    #[must_use]
    pub fn column(&self) -> Option<&'static Column> {
        self.column
    }

    /// Whether it goes from great to small.
    #[must_use]
    pub fn is_descending(&self) -> bool {
        self.descending
    }

    /// As it is written, for a cursor.
    fn name(&self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.column.map_or("", |column| column.name))
    }

    /// The SQL it sorts by, if that is not the key's.
    pub(crate) fn sql(&self, resource: &Resource) -> Option<&'static str> {
        self.column.map(|column| column.sort).filter(|sort| !sort.is_empty() && *sort != key_sql(resource))
    }
}

/// The SQL of a row's key.
pub(crate) fn key_sql(resource: &Resource) -> &'static str {
    resource.column(resource.key).map_or(resource.key, |column| column.sql)
}

/// A place in one list. It comes from [`Query::go_to`] only, so it fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is sorted by has this value there; none if that is the key.
    pub(crate) value: Option<Operand>,
    pub(crate) key: i64,
    /// The page lies before the place, not after it.
    pub(crate) back: bool,
}

/// A text that is no cursor of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one of this list: take `next` or `prev` of a page with the same filter, search and order, or leave it out")]
pub struct WrongCursor;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u8,
    /// The resource.
    r: String,
    /// The order.
    s: String,
    /// The value of what it is sorted by.
    a: Option<Value>,
    /// The key.
    k: i64,
    /// Back.
    b: bool,
    /// The hash of all that makes the list.
    h: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Int(i64),
    Text(String),
}

impl Cursor {
    pub(crate) fn write(&self, query: &Query<'_>) -> String {
        let a = self.value.clone().map(|value| match value {
            Operand::Int(value) => Value::Int(value),
            Operand::Text(value) => Value::Text(value),
        });
        let written =
            Written { v: VERSION, r: query.resource.name.to_owned(), s: query.sort.name(), a, k: self.key, b: self.back, h: hash(query) };
        // Numbers and texts can always be written.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&written).unwrap_or_default())
    }

    pub(crate) fn read(text: &str, query: &Query<'_>) -> Result<Self, WrongCursor> {
        if text.len() > CURSOR_OCTETS_MAX {
            return Err(WrongCursor);
        }
        let octets = URL_SAFE_NO_PAD.decode(text).map_err(|_| WrongCursor)?;
        let Written { v, r, s, a, k, b, h } = serde_json::from_slice(&octets).map_err(|_| WrongCursor)?;
        if v != VERSION || r != query.resource.name || s != query.sort.name() || h != hash(query) {
            return Err(WrongCursor);
        }
        let by = query.sort.column.filter(|_| query.sort.sql(query.resource).is_some());
        let value = match (by.map(|column| column.kind), a) {
            (None, None) => None,
            (Some(ColumnKind::Text | ColumnKind::Code(_)), Some(Value::Text(value))) => Some(Operand::Text(storable(&value).into_owned())),
            (Some(ColumnKind::Id | ColumnKind::Call | ColumnKind::Int | ColumnKind::Time | ColumnKind::Bool), Some(Value::Int(value))) => {
                Some(Operand::Int(value))
            }
            _ => return Err(WrongCursor),
        };
        Ok(Self { value, key: k, back: b })
    }
}

fn hash(query: &Query<'_>) -> String {
    let mut hash = Sha256::new();
    // The lengths keep what stands in one part from passing for another.
    for part in [query.resource.name, &query.sort.name(), &query.filter.canonical(), query.search.as_ref().map_or("", Search::as_str)] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    // What is reached of links is part of what was asked: under the same filter another person's list has other rows. Debug escapes what
    // could end a text.
    for column in query.filter.columns().filter(|column| column.links.is_some()) {
        hash.update(format!("{}={:?};", column.name, query.links.get(column.name)));
    }
    let hash = hash.finalize();
    URL_SAFE_NO_PAD.encode(hash.get(..HASH_OCTETS).unwrap_or_default())
}
