//! What lists are made of: each resource's columns, whose its rows are, and which lists narrow it.
//!
//! One description serves the list, its filter and its order, the export, the event, the audit viewer, the API's document and the console.
//! What does not stand here cannot be asked for.

use crate::{Action, Links, ListKind};

/// A kind of thing that is listed.
#[derive(Debug)]
pub struct Resource {
    /// Its name on the wire and in permissions: `calls`.
    pub name: &'static str,
    /// What its rows are read from, with the alias `t`: `calls t`. Empty: rows are in memory.
    pub from: &'static str,
    /// The column that names a row. Its values are unique whole numbers and grow with age.
    pub key: &'static str,
    /// The SQL of the row's centre; empty if rows belong to no centre.
    pub center: &'static str,
    /// Whose the rows are.
    pub owner: Owner,
    /// The SQL of a row's id of each kind that can narrow a right.
    pub lists: &'static [(ListKind, &'static str)],
    /// SQL of the text that a search looks through, folded as `store::fold_search` folds; empty: there is no search.
    pub search: &'static str,
    /// The order if none is asked for: a sortable column, `-` before it for descending.
    pub order: &'static str,
    /// The right to see rows.
    pub read: Action,
    /// The right to export them, if they can be exported.
    pub export: Option<Action>,
    /// The columns, in the order in which people want to see them.
    pub columns: &'static [Column],
}

/// Whose rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's: no right narrower than the centre reaches them.
    Nobody,
    /// Anybody's, such as the words of a dictionary: a right to one's own reaches every row of the centre. Lists narrow it as ever. For rows of
    /// the database.
    Anybody,
    /// SQL of the id of the one user whose row it is.
    User(&'static str),
    /// Several users', by a table of (row, user).
    Link {
        /// The table.
        table: &'static str,
        /// Its column with the row's key.
        row: &'static str,
        /// Its column with the user.
        user: &'static str,
    },
}

/// What a column holds, and so how it is written as JSON and compared in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// An id: a number in the database, a string on the wire.
    Id,
    /// A call's id.
    Call,
    /// A whole number.
    Int,
    /// Milliseconds since 1970.
    Time,
    /// 0 or 1 in the database, a boolean on the wire.
    Bool,
    /// A text.
    Text,
    /// One of a few codes.
    Code(&'static [&'static str]),
    /// JSON; it can be shown only.
    Json,
}

/// How a value is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// A telephone number: its beginning and its last digits stay.
    Phone,
    /// An e-mail address: its first letter and its domain's last part stay.
    Email,
    /// Nothing stays but that there is something.
    Whole,
}

/// A column of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its SQL; empty: it is not read from the database by the list, but added to rows (`recording` of a call).
    pub sql: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it can be absent.
    pub nullable: bool,
    /// SQL to sort by, never null, with an index of (centre, this, key) behind it; empty: it cannot be sorted by.
    pub sort: &'static str,
    /// Whether rows can be filtered by it.
    pub filter: bool,
    /// Whether its SQL has an index of (centre, it, key), and is a text: where only rows with a few of its values are reached or asked for, a
    /// page is read from there, value by value.
    pub split: bool,
    /// Its values stand in rows of another table, and rows are chosen by them. Unless it is JSON, which is added to rows, rows do not have
    /// it: it is there to be filtered by.
    pub links: Option<&'static Links>,
    /// How it is masked where a policy says so.
    pub mask: Mask,
    /// What of it goes by other columns; for objects in JSON, and lists of them.
    pub parts: &'static [Part],
    /// Columns that tell the same elsewhere: of the resource whose column policies count for this one too (`calls` for recordings). This one is
    /// seen no more than the least visible of them.
    pub like: &'static [&'static str],
    /// What it is, for the API's document.
    pub about: &'static str,
}

/// A member of a JSON object, or of each in a list, that tells what another column tells, and so is seen as that one is: shown, masked or left
/// out. One that tells of several columns stands for each of them, and is seen as the least visible one.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its name; of a member's member, both with a dot between.
    pub name: &'static str,
    /// Whose column: another resource's, which takes the right to see its rows; none: that of the list's own resource.
    pub of: Option<&'static Resource>,
    /// Which column.
    pub column: &'static str,
}

impl Column {
    /// A column that can be shown, and is never absent.
    #[must_use]
    pub const fn new(name: &'static str, sql: &'static str, kind: ColumnKind, about: &'static str) -> Self {
        Self {
            name,
            sql,
            kind,
            nullable: false,
            sort: "",
            filter: false,
            split: false,
            links: None,
            mask: Mask::Whole,
            parts: &[],
            like: &[],
            about,
        }
    }

    /// It can be absent.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// Rows can be filtered by it.
    #[must_use]
    pub const fn filtered(self) -> Self {
        Self { filter: true, ..self }
    }

    /// Its SQL is a text with an index of (centre, it, key).
    #[must_use]
    pub const fn split(self) -> Self {
        Self { split: true, ..self }
    }

    /// Rows can be filtered by its values, which stand in this table.
    #[must_use]
    pub const fn linked(self, links: &'static Links) -> Self {
        Self { filter: true, links: Some(links), ..self }
    }

    /// Whether rows do not have it, so that it can only be filtered by.
    #[must_use]
    pub fn is_only_asked(&self) -> bool {
        self.links.is_some() && self.kind != ColumnKind::Json
    }

    /// Rows can be sorted by its SQL, which is never null and has an index.
    #[must_use]
    pub const fn sorted(self) -> Self {
        Self { sort: self.sql, ..self }
    }

    /// Rows can be sorted by this SQL in its place.
    #[must_use]
    pub const fn sorted_by(self, sql: &'static str) -> Self {
        Self { sort: sql, ..self }
    }

    /// How it is masked.
    #[must_use]
    pub const fn masked(self, mask: Mask) -> Self {
        Self { mask, ..self }
    }

    /// It is seen no more than these columns of the resource whose column policies count for its own.
    #[must_use]
    pub const fn like(self, like: &'static [&'static str]) -> Self {
        Self { like, ..self }
    }

    /// These of its members go by other columns.
    #[must_use]
    pub const fn with_parts(self, parts: &'static [Part]) -> Self {
        Self { parts, ..self }
    }
}

impl Resource {
    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
