//! The tags of calls in lists of calls, for whom lists show them.

use std::collections::BTreeMap;

use model::{CenterId, Mode, Resource};
use office::{Added, CALLS, CDRS, Filling, Permit, View};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use store::{Store, binds, list::LinkRule, sql::list, statements};

use super::TAGS;
use crate::can;

/// The column of calls that holds their tags.
const COLUMN: &str = "tags";

statements! {
    OF_CALLS: each "SELECT m.call_id, m.tag_id, m.group_id, t.name, t.colour FROM taggings m
        JOIN tags t ON t.id = m.tag_id JOIN tag_groups g ON g.id = m.group_id
        WHERE m.call_id IN (SELECT value FROM json_each($1)) AND m.center_id = $2 ORDER BY m.call_id, g.position, g.id, t.position, t.id",
        "SELECT m.call_id, m.tag_id, m.group_id, t.name, t.colour FROM taggings m
        JOIN tags t ON t.id = m.tag_id JOIN tag_groups g ON g.id = m.group_id
        WHERE m.call_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json))) AND m.center_id = $2
        ORDER BY m.call_id, g.position, g.id, t.position, t.id";
}

#[derive(FromRow)]
struct Row {
    call_id: i64,
    tag_id: i64,
    group_id: i64,
    name: String,
    colour: String,
}

impl Row {
    /// The tag as the list of tags shows it; what is masked there is left out.
    fn shown(self, view: &View) -> Value {
        let Self { tag_id, group_id, name, colour, .. } = self;
        let tag = json!({ "id": tag_id.to_string(), "group_id": group_id.to_string(), "name": name, "colour": colour });
        let mut tag = if let Value::Object(tag) = tag { tag } else { Map::new() };
        tag.retain(|column, _| view.mode(column) == Mode::Show);
        Value::Object(tag)
    }
}

/// Adds to calls, or to their records, the tags that each has.
#[derive(Debug)]
pub(crate) struct TagsOf {
    store: Store,
    resource: &'static Resource,
}

impl TagsOf {
    /// One for each list of calls.
    pub(crate) fn all(store: &Store) -> [Self; 2] {
        [&CALLS, &CDRS].map(|resource| Self { store: store.clone(), resource })
    }

    async fn of(&self, permit: &Permit, calls: &[i64]) -> Result<BTreeMap<i64, Value>, office::OfficeError> {
        let links = self.resource.column(COLUMN).and_then(|column| column.links);
        let (Some(links), Some(reader)) = (links, permit.principal().permit(can::TAGS_READ)) else { return Ok(BTreeMap::new()) };
        // The very rule that filters by tags go by: what is shown is what can be found, and the other way round.
        let rule = LinkRule::of(links.narrow, reader.rows());
        let view = reader.view(&TAGS);
        let CenterId(center) = permit.rows().center;
        let rows: Vec<Row> = self.store.db().all(OF_CALLS, binds![list(calls.iter().copied()), center]).await?;
        let mut of_calls: BTreeMap<i64, Vec<Value>> = calls.iter().map(|call| (*call, Vec::new())).collect();
        for row in rows {
            if rule.lists.as_ref().is_none_or(|groups| groups.contains(&row.group_id.to_string())) {
                of_calls.entry(row.call_id).or_default().push(row.shown(&view));
            }
        }
        Ok(of_calls.into_iter().map(|(call, tags)| (call, Value::Array(tags))).collect())
    }
}

impl Added for TagsOf {
    fn resource(&self) -> &'static str {
        self.resource.name
    }

    fn columns(&self) -> &'static [&'static str] {
        &[COLUMN]
    }

    fn fill<'a>(&'a self, permit: &'a Permit, _: &'static str, keys: &'a [i64]) -> Filling<'a> {
        Box::pin(self.of(permit, keys))
    }

    fn text(&self, _: &str, value: &Value, _: &str) -> String {
        let word = |tag: &Value| match (tag["name"].as_str(), tag["id"].as_str()) {
            (Some(name), _) => name.to_owned(),
            (None, id) => format!("#{}", id.unwrap_or_default()),
        };
        value.as_array().into_iter().flatten().map(word).collect::<Vec<_>>().join(", ")
    }
}
