//! What rows of another table say of a row, several to one: the tags of a call, the people who served it.

use crate::{Action, ColumnKind, ListKind};

/// A table that has a row for each (row of the resource, value). A [`Column`](crate::Column) that names one is filtered by its values:
/// a row has one of them, all of them, none of them, or none at all.
///
/// What is not reached of it is as if it did not stand there. There must be an index of (row, value).
#[derive(Debug)]
pub struct Links {
    /// The table. Statements read it with the alias `l`.
    pub table: &'static str,
    /// Its column with the key of the resource's row. A row and a value stand there once.
    pub row: &'static str,
    /// Its column with the value.
    pub value: &'static str,
    /// What the values are: [`ColumnKind::Id`], [`ColumnKind::Call`], [`ColumnKind::Int`], [`ColumnKind::Text`] or [`ColumnKind::Code`].
    pub kind: ColumnKind,
    /// Its column with the centre; empty if it has none.
    pub center: &'static str,
    /// Whether it has an index of (centre, value, row), or of (value, row) if it has no centre: a page of the rows with a value is read from
    /// there.
    pub has_index: bool,
    /// The right to see the values, without which the column is hidden; none: whoever sees a row sees its values.
    pub read: Option<Action>,
    /// Which of them that right reaches.
    pub narrow: Narrow,
    /// SQL that rows of the table must meet (`l.why & 1 <> 0`); empty: all count.
    pub only: &'static str,
    /// Columns of the resource that tell the same: the column is seen no more than each of these.
    pub like: &'static [&'static str],
}

/// How the right to see values narrows the rows of a table of links. What it cannot express reaches nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Narrow {
    /// Not at all: a right that is narrowed reaches nothing.
    None,
    /// By a list of ids of this kind, which stand in this column. The values are anybody's: a right to one's own reaches them as one to
    /// the centre's does.
    List(ListKind, &'static str),
    /// By the user in this column: a right to one's own reaches one's own.
    Owner(&'static str),
}
