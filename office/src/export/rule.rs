//! By what rights a file was made: which rows they reach, what they show of each column, and which values they reach of columns of links. Columns
//! that are not in the file count as well, because its rows may have been chosen by them.
//!
//! A file outlives rights. So their hash is kept beside it, and whoever fetches it must have rights that come to the same, or see everything.

use model::{Column, Mode, Resource};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::list::LinkRule;

use crate::{Office, Permit, View, audit, can};

/// The hash of a right to a resource, in hexadecimal: the same for rights that give the same file, whatever was asked for.
pub(super) fn hash(office: &Office, permit: &Permit, resource: &'static Resource) -> String {
    let view = permit.view(resource);
    let rows = permit.rows();
    // Which of a person's grants comes first makes no difference.
    let mut any_of: Vec<String> = rows.any_of.iter().map(|part| json!([part.users, part.lists]).to_string()).collect();
    any_of.sort();
    let columns: Vec<Value> = resource.columns.iter().map(|column| seen_of(&view, column)).collect();
    let links: Vec<Value> = view.links().iter().map(|(column, rule)| json!([column, rule.lists, rule.users])).collect();
    let of_others: Vec<Value> = if tells_of_others(resource) { of_others(office, permit) } else { Vec::new() };
    let rule = json!([resource.name, rows.center, any_of, columns, links, of_others]);
    Sha256::digest(rule.to_string()).iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Whether a right reaches every row of the centre and shows every column whole, with every value of links, so that no file tells anything that
/// it does not.
pub(super) fn sees_everything(permit: &Permit, resource: &'static Resource) -> bool {
    let view = permit.view(resource);
    let is_whole = |column: &Column| view.mode(column.name) == Mode::Show && view.parts_of(column.name).next().is_none();
    let has_all_links = view.links().values().all(|rule| *rule == LinkRule::everything());
    permit.is_wide() && resource.columns.iter().all(is_whole) && has_all_links && !tells_of_others(resource)
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{
        collections::{BTreeMap, BTreeSet},
        sync::Arc,
    };

    use model::{Action, Actor, CenterId, ColumnKind, Links, ListKind, Narrow, Owner, UserId};

    use super::*;
    use crate::{
        Principal,
        rights::{AccessMap, Grant},
        work::testing::Base,
    };

    static TAGS: Links = Links {
        table: "taggings",
        row: "call_id",
        value: "tag_id",
        kind: ColumnKind::Id,
        center: "",
        has_index: false,
        read: Some(Action("tags.read")),
        narrow: Narrow::List(ListKind::TagGroup, "group_id"),
        only: "",
        like: &[],
    };

    static TAGGED: Resource = Resource {
        name: "tagged",
        from: "calls t",
        key: "call_id",
        center: "t.center_id",
        owner: Owner::Nobody,
        lists: &[],
        search: "",
        order: "call_id",
        read: can::CALLS_READ,
        export: Some(can::CALLS_EXPORT),
        columns: &[
            Column::new("call_id", "t.call_id", ColumnKind::Call, "").filtered().sorted(),
            Column::new("tags", "", ColumnKind::Json, "").linked(&TAGS),
        ],
    };

    /// By which calls are chosen need not be in the file, and tells as much as if it were.
    #[tokio::test]
    async fn values_of_links_are_a_part_of_the_rule() {
        let office = crate::testing::office(Base::sqlite().open().await).await;
        let grant = |reach: &str, ids: &[&str]| {
            let ids: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            let lists = if ids.is_empty() { BTreeMap::new() } else { BTreeMap::from([(ListKind::TagGroup, ids)]) };
            Grant { reach: reach.parse().unwrap(), lists, policy: Arc::default() }
        };
        let mut rules = BTreeSet::new();
        for (tags, sees_all) in [
            (None, false),
            (Some(grant("list", &["3"])), false),
            (Some(grant("list", &["3", "4"])), false),
            (Some(grant("list", &[])), false),
            (Some(grant("center", &[])), true),
        ] {
            let mut access = AccessMap::default();
            access.add(can::CALLS_EXPORT.0, grant("center", &[]));
            tags.iter().for_each(|tags| access.add("tags.read", tags.clone()));
            let actor = Actor::system(CenterId(1), "test");
            let anna = Principal::new(UserId(7), "anna".to_owned(), CenterId(1), vec![], None, actor, Arc::new(access));
            let permit = anna.permit(can::CALLS_EXPORT).unwrap();
            assert_eq!(sees_everything(&permit, &TAGGED), sees_all, "{tags:?}");
            assert_eq!(hash(&office, &permit, &TAGGED), hash(&office, &permit, &TAGGED));
            assert!(rules.insert(hash(&office, &permit, &TAGGED)), "{tags:?}");
        }
    }
}
