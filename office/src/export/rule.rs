//! By what rights a file was made: which rows they reach, and what they show of each column. Those that are not in the file count as well,
//! because its rows may have been chosen by them.
//!
//! A file outlives rights. So their hash is kept beside it, and whoever fetches it must have rights that come to the same, or see everything.

use model::{Column, Mode, Resource};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Office, Permit, View, audit, can};

/// The hash of a right to a resource, in hexadecimal: the same for rights that give the same file, whatever was asked for.
pub(super) fn hash(office: &Office, permit: &Permit, resource: &'static Resource) -> String {
    let view = permit.view(resource);
    let rows = permit.rows();
    // Which of a person's grants comes first makes no difference.
    let mut any_of: Vec<String> = rows.any_of.iter().map(|part| json!([part.users, part.lists]).to_string()).collect();
    any_of.sort();
    let columns: Vec<Value> = resource.columns.iter().map(|column| seen_of(&view, column)).collect();
    let of_others: Vec<Value> = if tells_of_others(resource) { of_others(office, permit) } else { Vec::new() };
    let rule = json!([resource.name, rows.center, any_of, columns, of_others]);
    Sha256::digest(rule.to_string()).iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Whether a right reaches every row of the centre and shows every column whole, so that no file tells anything that it does not.
pub(super) fn sees_everything(permit: &Permit, resource: &'static Resource) -> bool {
    let view = permit.view(resource);
    let is_whole = |column: &Column| view.mode(column.name) == Mode::Show && view.parts_of(column.name).next().is_none();
    permit.is_wide() && resource.columns.iter().all(is_whole) && !tells_of_others(resource)
}

/// How a column is seen, and each of its members that goes by another one and is not seen whole.
fn seen_of(view: &View, column: &Column) -> Value {
    let parts: Vec<Value> = view.parts_of(column.name).map(|(part, mode)| json!([part.name, mode])).collect();
    json!([column.name, view.mode(column.name), parts])
}

/// Whether what its rows show goes by rights to other resources.
fn tells_of_others(resource: &Resource) -> bool {
    resource.name == audit::AUDIT_LOG.name
}

/// How much the person sees of every resource, and of the server itself: all that [`Office::project_diffs`] asks.
fn of_others(office: &Office, permit: &Permit) -> Vec<Value> {
    let principal = permit.principal();
    let of_resource = |resource: &'static Resource| {
        let view = principal.permit(resource.read)?.view(resource);
        Some(json!([resource.name, view.columns().iter().map(|(column, mode)| json!([column.name, mode])).collect::<Vec<_>>()]))
    };
    let mut seen: Vec<Value> = office.catalogue().resources().filter_map(of_resource).collect();
    seen.push(json!(principal.permit(can::SYSTEM_CONFIGURE).is_some()));
    seen
}
