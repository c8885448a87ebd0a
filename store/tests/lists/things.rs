//! What the lists are tried on: things, as a row of a database and as the test itself knows them.

use std::collections::{BTreeMap, BTreeSet};

use model::{Action, CallId, CenterId, Column, ColumnKind, Links, ListKind, Narrow, Owner, Resource, RowPart, RowRule, UserId};
use serde_json::{Map, Value, json};
use store::{
    Db, Store,
    list::{Found, LinkRules, fold_search},
};

pub(crate) const ID: ColumnKind = ColumnKind::Id;
pub(crate) const NAMES: [&str; 6] = ["", "a", "A", "Ёлка", "100%_\\'\"", "ab\u{202e}c"];
pub(crate) const STATES: &[&str] = &["new", "open", "done"];

/// Things: every kind of column, owned by one user.
pub(crate) static THINGS: Resource = Resource {
    name: "things",
    from: "things t",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.owner_id"),
    lists: LISTS,
    search: "t.search_norm",
    order: "-id",
    read: Action("things.read"),
    export: None,
    columns: COLUMNS,
};

/// The same rows, owned through a table.
pub(crate) static SHARED: Resource =
    Resource { name: "shared", owner: Owner::Link { table: "thing_users", row: "thing_id", user: "user_id" }, ..of_things() };

/// The same rows, owned by nobody.
pub(crate) static ORPHANS: Resource = Resource { name: "orphans", owner: Owner::Nobody, lists: &[], ..of_things() };

/// The same, of whoever asks.
pub(crate) static SHARED_BY_ALL: Resource = Resource { name: "words", owner: Owner::Anybody, ..of_things() };

pub(crate) const fn of_things() -> Resource {
    Resource {
        name: "",
        from: "things t",
        key: "id",
        center: "t.center_id",
        owner: Owner::Nobody,
        lists: LISTS,
        search: "t.search_norm",
        order: "-id",
        read: Action("things.read"),
        export: None,
        columns: COLUMNS,
    }
}

pub(crate) const LISTS: &[(ListKind, &str)] =
    &[(ListKind::Project, "t.name"), (ListKind::Slot, "CAST(t.amount AS TEXT)"), (ListKind::Slot, "CAST(t.parent_id AS TEXT)")];

pub(crate) const COLUMNS: &[Column] = &[
    Column::new("id", "t.id", ID, "").filtered().sorted(),
    Column::new("parent", "t.parent_id", ColumnKind::Call, "").nullable().filtered().sorted_by("COALESCE(t.parent_id, 0)"),
    Column::new("name", "t.name", ColumnKind::Text, "").filtered().sorted().split(),
    Column::new("note", "t.note", ColumnKind::Text, "").nullable().filtered(),
    Column::new("state", "t.state", ColumnKind::Code(STATES), "").filtered().sorted(),
    Column::new("amount", "t.amount", ColumnKind::Int, "").filtered().sorted(),
    Column::new("at", "t.at", ColumnKind::Time, "").nullable().filtered().sorted_by("COALESCE(t.at, 0)"),
    Column::new("has_note", "CASE WHEN t.note IS NULL THEN 0 ELSE 1 END", ColumnKind::Bool, "").filtered(),
    Column::new("data", "t.data", ColumnKind::Json, ""),
    Column::new("added", "", ColumnKind::Json, ""),
    Column::new("tags", "", ColumnKind::Json, "").linked(&TAGS),
    Column::new("words", "", ColumnKind::Text, "").linked(&WORDS),
    Column::new("groups", "", ColumnKind::Int, "").linked(&GROUPS),
];

/// Numbers, narrowed by a list, with the centre in the index.
static TAGS: Links = Links { narrow: Narrow::List(ListKind::TagGroup, "group_id"), ..of_tags() };

/// Texts, narrowed by a user, some of which do not count, with an index that has no centre.
static WORDS: Links = Links {
    table: "thing_words",
    row: "thing_id",
    value: "word",
    kind: ColumnKind::Text,
    center: "",
    has_index: true,
    read: None,
    narrow: Narrow::Owner("user_id"),
    only: "l.why & 1 <> 0",
    like: &[],
};

/// The same table by another column, without an index that a page could be read from.
static GROUPS: Links = Links { value: "group_id", kind: ColumnKind::Int, has_index: false, ..of_tags() };

const fn of_tags() -> Links {
    Links {
        table: "thing_tags",
        row: "thing_id",
        value: "tag_id",
        kind: ColumnKind::Id,
        center: "center_id",
        has_index: true,
        read: None,
        narrow: Narrow::None,
        only: "",
        like: &[],
    }
}

/// The group of a tag.
pub(crate) fn group_of(tag: i64) -> i64 {
    tag % 3
}

pub(crate) const TABLES: &str = "
    CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY, center_id BIGINT NOT NULL, owner_id BIGINT, parent_id BIGINT, name TEXT NOT NULL,
        note TEXT, state TEXT NOT NULL, amount BIGINT NOT NULL, at BIGINT, data TEXT NOT NULL, search_norm TEXT NOT NULL);
    CREATE TABLE thing_users (user_id BIGINT NOT NULL, thing_id BIGINT NOT NULL, PRIMARY KEY (user_id, thing_id));
    CREATE TABLE thing_tags (thing_id BIGINT NOT NULL, tag_id BIGINT NOT NULL, center_id BIGINT NOT NULL, group_id BIGINT NOT NULL,
        PRIMARY KEY (thing_id, tag_id));
    CREATE INDEX thing_tags_by_tag ON thing_tags (center_id, tag_id, thing_id);
    CREATE TABLE thing_words (thing_id BIGINT NOT NULL, word TEXT NOT NULL, user_id BIGINT NOT NULL, why BIGINT NOT NULL,
        PRIMARY KEY (thing_id, word));
    CREATE INDEX thing_words_by_word ON thing_words (word, thing_id);
    CREATE INDEX things_by_name ON things (center_id, name, id);";

/// A thing as the test knows it.
#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub(crate) id: i64,
    pub(crate) center: i64,
    pub(crate) owner: Option<i64>,
    /// Whose it is by the table.
    pub(crate) users: BTreeSet<i64>,
    pub(crate) parent: Option<i64>,
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) state: &'static str,
    pub(crate) amount: i64,
    pub(crate) at: Option<i64>,
    pub(crate) tags: BTreeSet<i64>,
    /// Words, whose each is, and whether it counts.
    pub(crate) words: BTreeMap<String, (i64, bool)>,
}

impl Thing {
    /// The row on the wire.
    pub(crate) fn row(&self) -> Map<String, Value> {
        let Value::Object(row) = json!({
            "id": self.id.to_string(),
            "parent": self.parent.map(|parent| CallId(parent).to_string()),
            "name": self.name,
            "note": self.note,
            "state": self.state,
            "amount": self.amount,
            "at": self.at,
            "has_note": self.note.is_some(),
            "data": {"amount": self.amount},
        }) else {
            unreachable!()
        };
        row
    }

    /// The row with what somebody reaches of its links.
    pub(crate) fn row_with(&self, links: &LinkRules) -> Map<String, Value> {
        let mut row = self.row();
        if let Some(rule) = links.get("tags") {
            let is_reached = |tag: &&i64| rule.lists.as_ref().is_none_or(|groups| groups.contains(&group_of(**tag).to_string()));
            let tags = self.tags.iter().filter(is_reached).map(|tag| json!(tag.to_string())).collect();
            row.insert("tags".to_owned(), Value::Array(tags));
        }
        if let Some(rule) = links.get("words") {
            let is_reached = |of: i64| rule.users.as_ref().is_none_or(|users| users.contains(&UserId(of)));
            let words = self.words.iter().filter(|(_, (of, counts))| *counts && is_reached(*of)).map(|(word, _)| json!(word)).collect();
            row.insert("words".to_owned(), Value::Array(words));
        }
        if let Some(rule) = links.get("groups") {
            let groups: BTreeSet<i64> = self.tags.iter().map(|tag| group_of(*tag)).filter(|_| rule.lists.is_none()).collect();
            row.insert("groups".to_owned(), json!(groups));
        }
        row
    }

    pub(crate) fn folded(&self) -> String {
        fold_search(&format!("{} {}", self.name, self.note.as_deref().unwrap_or_default()))
    }

    /// Whether a rule reaches it, said in the plainest way.
    pub(crate) fn is_reached(&self, resource: &Resource, rule: &RowRule) -> bool {
        let owners: BTreeSet<i64> = match resource.owner {
            Owner::Nobody => BTreeSet::new(),
            Owner::Anybody => (0..7).collect(),
            Owner::User(_) => self.owner.into_iter().collect(),
            Owner::Link { .. } => self.users.clone(),
        };
        let ids_of = |kind: ListKind| -> Vec<String> {
            match kind {
                _ if resource.lists.is_empty() => vec![],
                ListKind::Project => vec![self.name.clone()],
                ListKind::Slot => [Some(self.amount), self.parent].into_iter().flatten().map(|id| id.to_string()).collect(),
                _ => vec![],
            }
        };
        self.center == rule.center.0
            && rule.any_of.iter().any(|part| {
                part.users.as_ref().is_none_or(|users| owners.iter().any(|owner| users.contains(&UserId(*owner))))
                    && part.lists.iter().all(|(kind, wanted)| ids_of(*kind).iter().any(|id| wanted.contains(id)))
            })
    }

    pub(crate) fn is_searched(&self, words: &str) -> bool {
        fold_search(words).split(' ').all(|word| self.folded().contains(word))
    }

    /// Where it stands in an order.
    pub(crate) fn place(&self, sort: &str) -> (Result<i64, String>, i64) {
        let value = match sort.trim_start_matches('-') {
            "id" => Ok(self.id),
            "parent" => Ok(self.parent.unwrap_or(0)),
            "name" => Err(self.name.clone()),
            "state" => Err(self.state.to_owned()),
            "amount" => Ok(self.amount),
            "at" => Ok(self.at.unwrap_or(0)),
            other => panic!("{other}"),
        };
        (value, self.id)
    }
}

/// Puts things into a database in place of those that are there.
pub(crate) async fn put(store: &Store, things: &[Thing]) {
    let texts = |text: &str| text.replace('\'', "''");
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    let mut script = String::from("DELETE FROM things; DELETE FROM thing_users; DELETE FROM thing_tags; DELETE FROM thing_words;");
    for thing in things {
        script += &format!(
            "INSERT INTO things VALUES ({}, {}, {}, {}, '{}', {}, '{}', {}, {}, '{}', '{}');",
            thing.id,
            thing.center,
            or_null(thing.owner.map(|owner| owner.to_string())),
            or_null(thing.parent.map(|parent| parent.to_string())),
            texts(&thing.name),
            or_null(thing.note.as_deref().map(|note| format!("'{}'", texts(note)))),
            thing.state,
            thing.amount,
            or_null(thing.at.map(|at| at.to_string())),
            json!({"amount": thing.amount}),
            texts(&thing.folded()),
        );
        for user in &thing.users {
            script += &format!("INSERT INTO thing_users VALUES ({user}, {});", thing.id);
        }
        for tag in &thing.tags {
            script += &format!("INSERT INTO thing_tags VALUES ({}, {tag}, {}, {});", thing.id, thing.center, group_of(*tag));
        }
        for (word, (of, counts)) in &thing.words {
            // Of the reasons only the first bit counts.
            let why = if *counts { 3 } else { 2 };
            script += &format!("INSERT INTO thing_words VALUES ({}, '{}', {of}, {why});", thing.id, texts(word));
        }
    }
    run(store, &script).await;
}

pub(crate) async fn run(store: &Store, script: &str) {
    let script = sqlx::AssertSqlSafe(script.to_owned());
    match store.db() {
        Db::Lite { write, .. } => drop(sqlx::raw_sql(script).execute(write).await.unwrap()),
        Db::Pg(pool) => drop(sqlx::raw_sql(script).execute(pool).await.unwrap()),
    }
}

pub(crate) fn columns(name: &str) -> Option<&'static Column> {
    THINGS.column(name).filter(|column| column.filter)
}

pub(crate) fn sorts(name: &str) -> Option<&'static Column> {
    THINGS.column(name)
}

pub(crate) fn rule(parts: impl IntoIterator<Item = RowPart>) -> RowRule {
    RowRule { center: CenterId(1), any_of: parts.into_iter().collect() }
}

pub(crate) fn of_users(users: &[i64]) -> RowPart {
    RowPart { users: Some(users.iter().map(|user| UserId(*user)).collect()), lists: vec![] }
}

pub(crate) fn of_lists(lists: &[(ListKind, &[&str])]) -> RowPart {
    RowPart { users: None, lists: lists.iter().map(|(kind, ids)| (*kind, ids.iter().map(|id| (*id).to_owned()).collect())).collect() }
}

pub(crate) fn ids(found: &Found) -> Vec<i64> {
    found.items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}
