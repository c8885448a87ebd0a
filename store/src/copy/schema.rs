//! Which tables a database has, read from the database itself: a table that a later migration makes is copied without anybody thinking of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{CopyError, side::Side};

/// What is not copied: each database remembers its own migrations, whose texts differ.
pub(super) const MIGRATIONS_TABLE: &str = "schema_migrations";

/// What a column holds: the schema knows no other kinds (a test holds both migrations to it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// By name, so that both databases give values in the same order.
    pub(super) columns: BTreeMap<String, Kind>,
    /// The tables that its rows refer to.
    pub(super) references: BTreeSet<String>,
}

impl Table {
    /// Its columns, as they stand in a statement.
    pub(super) fn list(&self) -> String {
        self.columns.keys().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.columns.values().copied().collect()
    }

    pub(super) fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.list(), quoted(&self.name))
    }
}

/// A name of the schema as SQL takes it, whatever its letters are.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const LITE_COLUMNS: &str = "SELECT m.name, c.name, c.type FROM sqlite_schema m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
const PG_COLUMNS: &str = "SELECT t.relname::text, c.attname::text, format_type(c.atttypid, c.atttypmod)::text
    FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p') AND c.attnum > 0 AND NOT c.attisdropped";
const LITE_REFERENCES: &str =
    "SELECT m.name, f.\"table\" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";
const PG_REFERENCES: &str = "SELECT t.relname::text, r.relname::text FROM pg_constraint c
    JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
    WHERE c.contype = 'f' AND t.relnamespace = current_schema()::regnamespace";

/// All tables but that of the migrations, each after those that it refers to.
pub(super) async fn tables(side: &mut Side) -> Result<Vec<Table>, CopyError> {
    let columns: Vec<(String, String, String)> = side.all(LITE_COLUMNS, PG_COLUMNS).await?;
    let references: Vec<(String, String)> = side.all(LITE_REFERENCES, PG_REFERENCES).await?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (name, column, kind) in columns.into_iter().filter(|(name, ..)| name != MIGRATIONS_TABLE) {
        let kind = match kind.to_ascii_lowercase().as_str() {
            "integer" | "bigint" => Kind::Int,
            "text" => Kind::Text,
            _ => return Err(CopyError::Schema(format!("{name}.{column} is of the type {kind}, which no version of this program makes"))),
        };
        let table = tables.entry(name.clone()).or_insert_with(|| Table { name, columns: BTreeMap::new(), references: BTreeSet::new() });
        table.columns.insert(column, kind);
    }
    for (from, to) in references {
        if let Some(table) = tables.get_mut(&from) {
            table.references.insert(to);
        }
    }
    in_order(tables)
}

/// Each table after those that it refers to.
fn in_order(mut rest: BTreeMap<String, Table>) -> Result<Vec<Table>, CopyError> {
    let mut ordered: Vec<Table> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let is_ready = |table: &Table| !table.references.iter().any(|to| rest.contains_key(to));
        let ready: Vec<String> = rest.values().filter(|table| is_ready(table)).map(|table| table.name.clone()).collect();
        if ready.is_empty() {
            let names: Vec<&str> = rest.keys().map(String::as_str).collect();
            return Err(CopyError::Schema(format!("the tables {} refer to each other in a circle", names.join(", "))));
        }
        ordered.extend(ready.iter().filter_map(|name| rest.remove(name)));
    }
    Ok(ordered)
}

/// In what two databases' tables differ, in words.
pub(super) fn difference(source: &[Table], target: &[Table]) -> Option<String> {
    let by_name = |tables: &[Table]| tables.iter().map(|table| (table.name.clone(), table.columns.clone())).collect::<BTreeMap<_, _>>();
    let (ours, theirs) = (by_name(source), by_name(target));
    let missing = ours.iter().find(|(name, _)| !theirs.contains_key(*name));
    let other = theirs.iter().find(|(name, _)| !ours.contains_key(*name));
    let unlike = ours.iter().find(|(name, columns)| theirs.get(*name).is_some_and(|others| others != *columns));
    match (missing, other, unlike) {
        (Some((name, _)), ..) => Some(format!("the table {name} is missing in the target")),
        (_, Some((name, _)), _) => Some(format!("the source has no table {name}")),
        (.., Some((name, _))) => Some(format!("the table {name} has other columns in the target")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn table(name: &str, references: &[&str]) -> (String, Table) {
        let references = references.iter().map(|name| (*name).to_owned()).collect();
        (name.to_owned(), Table { name: name.to_owned(), columns: [("id".to_owned(), Kind::Int)].into(), references })
    }

    #[test]
    fn what_is_referred_to_comes_first() {
        let order = |tables: &[(&str, &[&str])]| {
            let ordered = in_order(tables.iter().map(|(name, references)| table(name, references)).collect());
            ordered.map(|tables| tables.into_iter().map(|table| table.name).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(order(&[("a", &["c"]), ("b", &[]), ("c", &["b"])]).unwrap(), "b c a");
        assert_eq!(order(&[]).unwrap(), "");
        for circle in [&[("a", &["b"][..]), ("b", &["a"])][..], &[("a", &["a"])]] {
            assert!(order(circle).unwrap_err().to_string().contains("circle"), "{circle:?}");
        }
    }

    #[test]
    fn a_name_is_quoted() {
        assert_eq!(quoted("key"), "\"key\"");
        assert_eq!(quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
    }
}
