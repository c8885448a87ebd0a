//! What is given to a role or to a person beside permissions: lists that narrow, and column policies that hide.

use std::collections::{BTreeMap, BTreeSet};

use model::{ListKind, Mode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::{StoreError, binds, sql::Tx, statements};

use super::{
    access::{Lists, Policy},
    catalogue::Catalogue,
};
use crate::Fault;

/// Lists of one role or person; more are refused.
pub(crate) const LISTS_MAX: usize = 64;
/// Ids in one list; more are refused.
pub(crate) const LIST_IDS_MAX: usize = 1000;
/// Characters of an id in a list.
const LIST_ID_MAX: usize = 128;
/// Column policies of one role or person; more are refused.
pub(crate) const COLUMNS_MAX: usize = 500;

/// A list of ids that narrows rights to a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessList {
    /// The resource: `calls`.
    pub resource: String,
    /// What the ids are ids of.
    pub kind: ListKind,
    /// The ids; of roles and scenarios, the codes.
    pub ids: Vec<String>,
}

/// How much is shown of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnPolicy {
    /// The resource: `calls`.
    pub resource: String,
    /// The column.
    pub column: String,
    /// How much of it.
    pub mode: Mode,
}

/// To whom something is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Role(i64),
    User(i64),
}

impl Holder {
    fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Role(id) => ("role", id),
            Self::User(id) => ("user", id),
        }
    }
}

/// What is given to somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) lists: Lists,
    pub(crate) columns: BTreeMap<(String, String), Mode>,
}

statements! {
    LISTS: both "SELECT resource, kind, item FROM access_lists WHERE principal_kind = $1 AND principal_id = $2";
    COLUMNS: both "SELECT resource, column_name, mode FROM column_policies WHERE principal_kind = $1 AND principal_id = $2";
    DELETE_LISTS: both "DELETE FROM access_lists WHERE principal_kind = $1 AND principal_id = $2";
    DELETE_COLUMNS: both "DELETE FROM column_policies WHERE principal_kind = $1 AND principal_id = $2";
    ADD_LIST: both "INSERT INTO access_lists (principal_kind, principal_id, resource, kind, item) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (principal_kind, principal_id, resource, kind, item) DO NOTHING";
    ADD_COLUMN: both "INSERT INTO column_policies (principal_kind, principal_id, resource, column_name, mode) VALUES ($1, $2, $3, $4, $5)";
}

impl Given {
    /// What is given to somebody.
    pub(crate) async fn read(tx: &mut Tx, holder: Holder) -> Result<Self, StoreError> {
        let (who, id) = holder.parts();
        let mut given = Self::default();
        let lists: Vec<(String, String, String)> = tx.all(LISTS, binds![who, id]).await?;
        for (resource, kind, item) in lists {
            given.lists.add(&resource, decode("access_lists", &kind)?, item);
        }
        let columns: Vec<(String, String, String)> = tx.all(COLUMNS, binds![who, id]).await?;
        for (resource, column, mode) in columns {
            given.columns.insert((resource, column), decode("column_policies", &mode)?);
        }
        Ok(given)
    }

    /// Gives it in place of what was given.
    pub(crate) async fn write(&self, tx: &mut Tx, holder: Holder) -> Result<(), StoreError> {
        let (who, id) = holder.parts();
        Self::forget(tx, holder).await?;
        for (resource, kinds) in &self.lists.0 {
            for (kind, ids) in kinds {
                for item in ids {
                    tx.run(ADD_LIST, binds![who, id, resource, code(kind), item]).await?;
                }
            }
        }
        for ((resource, column), mode) in &self.columns {
            tx.run(ADD_COLUMN, binds![who, id, resource, column, code(mode)]).await?;
        }
        Ok(())
    }

    /// Takes everything away.
    pub(crate) async fn forget(tx: &mut Tx, holder: Holder) -> Result<(), StoreError> {
        let (who, id) = holder.parts();
        tx.run(DELETE_LISTS, binds![who, id]).await?;
        tx.run(DELETE_COLUMNS, binds![who, id]).await.map(drop)
    }

    /// The lists from what a client said, all faults at once.
    pub(crate) fn set_lists(&mut self, catalogue: &Catalogue, lists: &[AccessList], faults: &mut Vec<Fault>) {
        self.lists = Lists::default();
        if lists.len() > LISTS_MAX {
            faults.push(Fault::invalid("lists", format!("there are at most {LISTS_MAX} lists")));
            return;
        }
        for (place, list) in lists.iter().enumerate() {
            let kinds = catalogue.list_kinds(&list.resource);
            if !catalogue.is_narrowed(&list.resource) {
                faults.push(Fault::unknown(format!("lists[{place}].resource"), "no right to such a resource can be narrowed by a list"));
            } else if !kinds.contains(&list.kind) {
                let known: Vec<String> = kinds.iter().map(code).collect();
                let detail = format!("rights to {} can be narrowed by: {}", list.resource, known.join(", "));
                faults.push(Fault::invalid(format!("lists[{place}].kind"), detail));
            }
            // An empty list would be forgotten, and what narrowed to nothing would narrow no more.
            if list.ids.is_empty() || list.ids.len() > LIST_IDS_MAX {
                let detail = format!("a list has 1 to {LIST_IDS_MAX} ids; leave it out for none");
                faults.push(Fault::invalid(format!("lists[{place}].ids"), detail));
                continue;
            }
            for (number, id) in list.ids.iter().enumerate() {
                if id.is_empty() || id.chars().count() > LIST_ID_MAX {
                    let detail = format!("an id has 1 to {LIST_ID_MAX} characters");
                    faults.push(Fault::invalid(format!("lists[{place}].ids[{number}]"), detail));
                } else {
                    self.lists.add(&list.resource, list.kind, id.clone());
                }
            }
        }
    }

    /// The column policies from what a client said, all faults at once.
    pub(crate) fn set_columns(&mut self, catalogue: &Catalogue, columns: &[ColumnPolicy], faults: &mut Vec<Fault>) {
        self.columns.clear();
        if columns.len() > COLUMNS_MAX {
            faults.push(Fault::invalid("columns", format!("there are at most {COLUMNS_MAX} column policies")));
            return;
        }
        for (place, policy) in columns.iter().enumerate() {
            let Some(resource) = catalogue.resource(&policy.resource) else {
                faults.push(Fault::unknown(format!("columns[{place}].resource"), "there is no such resource"));
                continue;
            };
            let Some(column) = resource.column(&policy.column) else {
                let detail = format!("{} have no such column", resource.name);
                faults.push(Fault::unknown(format!("columns[{place}].column"), detail));
                continue;
            };
            if column.name == resource.key && policy.mode != Mode::Show {
                faults.push(Fault::invalid(format!("columns[{place}].column"), "rows are named by it, so it is always shown"));
                continue;
            }
            if self.columns.insert((policy.resource.clone(), policy.column.clone()), policy.mode).is_some() {
                faults.push(Fault::invalid(format!("columns[{place}].column"), "there is another policy for this column"));
            }
        }
    }

    /// The lists as a client says them.
    pub(crate) fn lists(&self) -> Vec<AccessList> {
        let of = |(resource, kinds): (&String, &BTreeMap<ListKind, BTreeSet<String>>)| {
            let list = |(kind, ids): (&ListKind, &BTreeSet<String>)| AccessList {
                resource: resource.clone(),
                kind: *kind,
                ids: ids.iter().cloned().collect(),
            };
            kinds.iter().map(list).collect::<Vec<_>>()
        };
        self.lists.0.iter().flat_map(of).collect()
    }

    /// The column policies as a client says them.
    pub(crate) fn columns(&self) -> Vec<ColumnPolicy> {
        let policy = |((resource, column), mode): (&(String, String), &Mode)| ColumnPolicy {
            resource: resource.clone(),
            column: column.clone(),
            mode: *mode,
        };
        self.columns.iter().map(policy).collect()
    }

    /// The column policies as grants have them.
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        for ((resource, column), mode) in &self.columns {
            policy.restrict(resource, column, *mode);
        }
        policy
    }
}

/// The name of an enum's variant: the one that it has on the wire.
pub(super) fn code(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        // An enum without fields is a string.
        _ => String::new(),
    }
}

/// The variant with this name.
pub(super) fn decode<T: DeserializeOwned>(table: &'static str, name: &str) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(name.to_owned())).map_err(|error| StoreError::Broken { table, what: error.to_string() })
}
