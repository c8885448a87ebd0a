//! Columns of a list that the list's own statement does not read: whoever brings them reads them for all rows of a page at once.
//!
//! A module adds to lists of others what it knows of their rows (the tags of a call), and the list, the single row and the export have it
//! without knowing the module. Such a column stands in its resource as all do, without SQL; so rights hide and mask it as any other, but nothing
//! can be sorted by it, and filtered only if its values stand in a table of links.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, future::Future, pin::Pin, sync::Arc};

use model::{Column, Resource};
use serde_json::{Map, Value};

use crate::{ListPage, Office, OfficeError, Permit, View, rights::Catalogue};

/// Values of a column by the keys of their rows, on their way.
pub type Filling<'a> = Pin<Box<dyn Future<Output = Result<BTreeMap<i64, Value>, OfficeError>> + Send + 'a>>;

/// Whoever adds columns to the rows of a resource.
pub trait Added: Send + Sync + 'static {
    /// The resource's name.
    fn resource(&self) -> &'static str;

    /// The columns: they stand in the resource, without SQL.
    fn columns(&self) -> &'static [&'static str];

    /// A column's values for rows that the permit reaches, by their keys, of which there are at most [`store::list::LIST_ROWS_MAX`]. A row
    /// without one has null. The permit is the leave by which the rows are seen (to read, or to export); what else it takes to see the values
    /// is to be asked of its person. That the column is shown, or masked, is seen to by whoever asks.
    ///
    /// # Errors
    /// As the database's. The list is then not given either.
    fn fill<'a>(&'a self, permit: &'a Permit, column: &'static str, keys: &'a [i64]) -> Filling<'a>;

    /// A value as it stands in a cell of an exported file; `locale` is `en` or `ru`.
    fn text(&self, column: &str, value: &Value, locale: &str) -> String;
}

/// Whoever adds columns to lists.
#[derive(Clone, Default)]
pub struct Adders(Vec<Arc<dyn Added>>);

impl Adders {
    /// One more.
    #[must_use]
    pub fn with(mut self, adder: impl Added) -> Self {
        self.0.push(Arc::new(adder));
        self
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }
}

impl fmt::Debug for Adders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|adder| (adder.resource(), adder.columns()))).finish()
    }
}

/// Who adds a column, by resource and column.
pub(crate) struct Fillers(BTreeMap<(&'static str, &'static str), Arc<dyn Added>>);

impl fmt::Debug for Fillers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Fillers {
    /// # Errors
    /// [`OfficeError::Defect`] if one adds to what there is not, what the list reads itself, or what another adds.
    pub(crate) fn new(adders: Adders, catalogue: &Catalogue) -> Result<Self, OfficeError> {
        let mut fillers = BTreeMap::new();
        for adder in adders.0 {
            for column in adder.columns() {
                let of = adder.resource();
                let resource = catalogue.resource(of).filter(|resource| !resource.from.is_empty());
                if !resource.and_then(|resource| resource.column(column)).is_some_and(|column| column.sql.is_empty()) {
                    return Err(OfficeError::Defect(format!("{of} have no column {column} that could be added")));
                }
                if fillers.insert((of, *column), Arc::clone(&adder)).is_some() {
                    return Err(OfficeError::Defect(format!("the column {column} is added to {of} twice")));
                }
            }
        }
        Ok(Self(fillers))
    }

    fn of(&self, resource: &Resource, column: &Column) -> Option<&dyn Added> {
        self.0.get(&(resource.name, column.name)).map(AsRef::as_ref)
    }
}

impl Office {
    /// Adds to a page the columns that modules bring and that were asked for, and strikes them from [`ListPage::added`]. For who lays something
    /// over the rows of [`Office::list_bare`]; [`Office::list`] has done it.
    ///
    /// # Errors
    /// As the database's.
    pub async fn fill(&self, view: &View, page: &mut ListPage) -> Result<(), OfficeError> {
        let wanted = std::mem::take(&mut page.added);
        page.added = self.fill_rows(view, &wanted, &page.keys, page.items.iter_mut()).await?;
        Ok(())
    }

    /// Adds to one row the columns that modules bring and that the person may see.
    ///
    /// # Errors
    /// As the database's.
    pub async fn fill_row(&self, view: &View, key: i64, row: &mut Map<String, Value>) -> Result<(), OfficeError> {
        let columns: Vec<&'static Column> = view.columns().iter().map(|(column, _)| *column).collect();
        self.fill_rows(view, &columns, &[key], std::iter::once(row)).await.map(drop)
    }

    /// Adds to rows, which have these keys, those of the columns that somebody adds; gives the others.
    pub(crate) async fn fill_rows<'r>(
        &self,
        view: &View,
        columns: &[&'static Column],
        keys: &[i64],
        rows: impl Iterator<Item = &'r mut Map<String, Value>>,
    ) -> Result<Vec<&'static Column>, OfficeError> {
        let (mut others, mut filled) = (Vec::new(), Vec::new());
        for column in columns {
            match self.fillers().of(view.resource(), column) {
                Some(_) if keys.is_empty() => {}
                Some(adder) => filled.push((column.name, adder.fill(view.permit(), column.name, keys).await?)),
                None => others.push(*column),
            }
        }
        for (key, row) in keys.iter().zip(rows) {
            for (column, values) in &mut filled {
                let shown = view.shown(column, values.remove(key).unwrap_or(Value::Null));
                row.extend(shown.map(|value| ((*column).to_owned(), value)));
            }
        }
        Ok(others)
    }

    /// Whether a list, or whoever adds to it, can give a column to an export.
    pub(crate) fn is_exported(&self, resource: &Resource, column: &Column) -> bool {
        !column.sql.is_empty() || self.fillers().of(resource, column).is_some()
    }

    /// Has what was added to rows as the texts that stand in a file.
    pub(crate) fn added_as_text(&self, resource: &Resource, columns: &[&'static Column], locale: &str, rows: &mut [Map<String, Value>]) {
        for column in columns {
            let Some(adder) = self.fillers().of(resource, column) else { continue };
            for value in rows.iter_mut().filter_map(|row| row.get_mut(column.name)).filter(|value| !value.is_null()) {
                *value = Value::String(adder.text(column.name, value, locale));
            }
        }
    }
}
