//! Lists on both databases, held against what is plainly right: rows in memory, filtered and sorted by hand.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod links;
mod things;

use std::collections::{BTreeMap, BTreeSet};

use common::Base;
use links::{
    a_cursor_of_links_is_good_for_what_its_asker_reaches, a_page_begins_where_an_index_knows_its_rows,
    what_is_not_reached_of_links_is_not_there,
};
use model::{CallId, CenterId, Column, ColumnKind, Fact, ListKind, Owner, Resource, RowPart, RowRule, SlotId, UserId};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Map, Value, json};
use store::{
    Store,
    list::{Filter, Found, LinkRule, LinkRules, ListError, MemoryRow, NO_LINKS, Query, Search, Sort, fold_search},
};
use things::*;

/// Makes each story a test on SQLite and a test on PostgreSQL.
macro_rules! stories {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(super::common::Base::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(super::postgres_of_letters().await).await; })*
        }
    };
}
stories! {
    pages_of_any_list_are_what_a_plain_loop_gives
    hostile_text_is_only_text
    a_cursor_is_good_for_its_list_only
    an_empty_page_knows_the_way_back
    what_cannot_be_reached_is_not_asked_for
    a_row_is_read_by_its_key_if_it_is_reached
    a_walk_sees_every_row_once
    rare_rows_do_not_make_a_walk_long
    a_list_by_time_finds_calls_by_their_ids
    own_calls_are_found_by_their_user
    what_takes_too_long_is_given_up
    a_cursor_of_links_is_good_for_what_its_asker_reaches
    what_is_not_reached_of_links_is_not_there
    a_page_begins_where_an_index_knows_its_rows
    the_catalogue_can_be_read
}

/// A database of PostgreSQL that knows small from capital letters of every language, as those of people do.
async fn postgres_of_letters() -> Base {
    let mut base = Base::postgres();
    let pool = sqlx::PgPool::connect(&base.url).await.unwrap();
    let (name,): (String,) = sqlx::query_as("SELECT current_database()::text").fetch_one(&pool).await.unwrap();
    let new = format!("{name}_of_letters");
    let create = format!("CREATE DATABASE {new} TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&pool).await.unwrap();
    pool.close().await;
    base.url = base.url.replace(&format!("/{name}?"), &format!("/{new}?"));
    base
}

/// All that a list can be asked.
#[derive(Debug, Clone)]
struct Case {
    things: Vec<Thing>,
    resource: usize,
    rule: RowRule,
    links: LinkRules,
    filter: Value,
    search: String,
    sort: String,
    limit: u32,
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => "[a-cA-C%_ \\\\'ёЁ]{0,3}"]
}

fn small() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..6_i64, 1 => -3..0_i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN)]
}

/// A call's id: what can be written as one.
fn call() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..6_i64, 1 => Just(i64::MAX)]
}

fn thing() -> impl Strategy<Value = Thing> {
    let users = proptest::collection::btree_set(1..5_i64, 0..3);
    let texts = (name(), proptest::option::of(name()), proptest::sample::select(STATES));
    let numbers = (1..3_i64, proptest::option::of(1..5_i64), proptest::option::of(call()), small(), proptest::option::of(small()));
    (users, texts, numbers, links::of_thing()).prop_map(
        |(users, (name, note, state), (center, owner, parent, amount, at), (tags, words))| {
            // Absent times stand as 0, so those of before 1970 would stand before what is absent; no time of ours is so old.
            let at = at.map(|at| at.max(0));
            Thing { id: 0, center, owner, users, parent, name, note, state, amount, at, tags, words }
        },
    )
}

/// A condition on one column, of every kind that there is.
fn condition() -> impl Strategy<Value = (String, Value)> {
    let texts = || proptest::sample::select(vec!["name", "note"]);
    let order = || proptest::sample::select(vec!["eq", "ne", "gt", "gte", "lt", "lte"]);
    let some = || proptest::sample::select(vec!["eq", "ne"]);
    let nullable = proptest::sample::select(vec!["parent", "note", "at", "name"]);
    let id = || (0..40_i64).prop_map(|id| id.to_string());
    prop_oneof![
        1 => (proptest::sample::select(vec!["amount", "at"]), order(), small()).prop_map(|(c, o, v)| (c.to_owned(), json!({o: v}))),
        1 => (order(), id()).prop_map(|(o, v)| ("id".to_owned(), json!({o: v}))),
        1 => (order(), call()).prop_map(|(o, v)| ("parent".to_owned(), json!({o: CallId(v).to_string()}))),
        1 => (texts(), some(), name()).prop_map(|(c, o, v)| (c.to_owned(), json!({o: v}))),
        1 => (texts(), proptest::sample::select(vec!["prefix", "contains"]), name()).prop_map(|(c, o, v)| (c.to_owned(), json!({o: v}))),
        1 => (texts(), proptest::collection::vec(name(), 0..8)).prop_map(|(c, v)| (c.to_owned(), json!(v))),
        1 => (some(), proptest::sample::select(STATES)).prop_map(|(o, v)| ("state".to_owned(), json!({o: v}))),
        1 => proptest::collection::vec(proptest::sample::select(STATES), 0..4).prop_map(|v| ("state".to_owned(), json!(v))),
        1 => proptest::collection::vec(id(), 0..8).prop_map(|v| ("id".to_owned(), json!(v))),
        1 => proptest::collection::vec(small(), 0..8).prop_map(|v| ("amount".to_owned(), json!({"in": v}))),
        1 => (some(), any::<bool>()).prop_map(|(o, v)| ("has_note".to_owned(), json!({o: v}))),
        1 => (nullable, any::<bool>()).prop_map(|(c, v)| (c.to_owned(), json!({"is_null": v}))),
        1 => (proptest::sample::select(vec!["parent", "note"]), some()).prop_map(|(c, o)| (c.to_owned(), json!({o: Value::Null}))),
        // As many as of all the others.
        13 => links::condition(),
    ]
}

fn filter() -> impl Strategy<Value = Value> {
    let flat = proptest::collection::vec(condition(), 0..3).prop_map(|conditions| Value::Object(conditions.into_iter().collect()));
    flat.prop_recursive(3, 12, 3, |inner| {
        let conditions = proptest::collection::vec(condition(), 0..2);
        (proptest::collection::vec(inner, 1..4), conditions).prop_map(|(inner, conditions)| {
            let mut all: Map<String, Value> = conditions.into_iter().collect();
            all.insert("or".to_owned(), Value::Array(inner));
            Value::Object(all)
        })
    })
}

fn part() -> impl Strategy<Value = RowPart> {
    let users = proptest::option::of(proptest::collection::btree_set((0..7_i64).prop_map(UserId), 0..6));
    let kind = proptest::sample::select(vec![ListKind::Project, ListKind::Slot, ListKind::Inbox]);
    let id = prop_oneof![name(), (0..6_i64).prop_map(|id| id.to_string())];
    let lists = proptest::collection::vec((kind, proptest::collection::btree_set(id, 0..7)), 0..2);
    (users, lists).prop_map(|(users, lists)| RowPart { users, lists })
}

fn case() -> impl Strategy<Value = Case> {
    let things = proptest::collection::vec(thing(), 0..36).prop_map(|mut things| {
        for (id, thing) in (1..).zip(&mut things) {
            thing.id = id;
        }
        things
    });
    let rule = prop_oneof![
        1 => Just(RowRule::everything(CenterId(1))),
        2 => proptest::collection::vec(part(), 0..3).prop_map(rule),
        1 => (1..5_i64).prop_map(|user| rule([of_users(&[user])])),
    ];
    let filter = prop_oneof![1 => Just(json!({})), 3 => filter(), 2 => links::start(filter())];
    let search = prop_oneof![4 => Just(String::new()), 1 => name(), 1 => Just("a ё".to_owned())];
    // In the order of keys a page can begin in more ways than in the others.
    let others = proptest::sample::select(vec!["parent", "name", "state", "amount", "at"]);
    let sort = prop_oneof![Just("id"), others];
    let sort = (sort, any::<bool>()).prop_map(|(name, descending)| format!("{}{name}", if descending { "-" } else { "" }));
    (things, 0..4_usize, (rule, links::rules()), filter, search, sort, 1..9_u32).prop_map(
        |(things, resource, (rule, links), filter, search, sort, limit)| Case {
            things,
            resource,
            rule,
            links,
            filter,
            search,
            sort,
            limit,
        },
    )
}

async fn pages_of_any_list_are_what_a_plain_loop_gives(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    let store = &store;
    let handle = tokio::runtime::Handle::current();
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut run = || {
        let hold = |case| {
            handle.block_on(check(store, &case));
            Ok(())
        };
        runner.run(&case(), hold).map_err(|failed| failed.to_string())
    };
    tokio::task::block_in_place(|| run().unwrap_or_else(|failed| panic!("{failed}")));
}

async fn check(store: &Store, case: &Case) {
    put(store, &case.things).await;
    let resource = [&THINGS, &SHARED, &ORPHANS, &SHARED_BY_ALL][case.resource];
    let filter = Filter::parse(&case.filter, &columns).unwrap();
    let query = || Query {
        filter: filter.clone(),
        search: Search::parse(&case.search).unwrap(),
        sort: Sort::parse(&case.sort, &sorts).unwrap(),
        limit: case.limit,
        // Rows in memory have all that they have.
        columns: COLUMNS.iter().filter(|column| column.links.is_none()).collect(),
        ..Query::new(resource, &case.rule, &case.links)
    };

    let is_wanted = |thing: &&Thing| {
        thing.is_reached(resource, &case.rule)
            && plainly_holds(&case.filter, &thing.row_with(&case.links))
            && thing.is_searched(&case.search)
    };
    let mut wanted: Vec<&Thing> = case.things.iter().filter(is_wanted).collect();
    wanted.sort_by_key(|thing| thing.place(&case.sort));
    if case.sort.starts_with('-') {
        wanted.reverse();
    }
    let rows: Vec<Map<String, Value>> = wanted.iter().map(|thing| thing.row()).collect();

    // The pages forward are the list, and each page's way back is the page before it.
    let mut found = Vec::new();
    let mut pages: Vec<Found> = Vec::new();
    let mut at: Option<String> = None;
    loop {
        let mut query = query();
        at.iter().for_each(|cursor| query.go_to(cursor).unwrap());
        let page = store.list(&query).await.unwrap();
        assert_eq!(page.prev.is_some(), at.is_some());
        assert_eq!(page.keys, ids(&page));
        if let (Some(prev), Some(before)) = (&page.prev, pages.last()) {
            let mut query = query.clone();
            query.go_to(prev).unwrap();
            assert_eq!(store.list(&query).await.unwrap().items, before.items, "the way back");
        }
        found.extend(page.items.clone());
        at.clone_from(&page.next);
        pages.push(page);
        assert!(pages.len() <= 40);
        if at.is_none() {
            break;
        }
    }
    assert_eq!(found, rows);

    // The rows in memory are listed alike.
    let of_users = |thing: &Thing| match resource.owner {
        Owner::Nobody => BTreeSet::new(),
        // Everybody that a rule of the test names.
        Owner::Anybody => (0..7).map(UserId).collect(),
        Owner::User(_) => thing.owner.into_iter().map(UserId).collect(),
        Owner::Link { .. } => thing.users.iter().map(|user| UserId(*user)).collect(),
    };
    let lists_of = |thing: &Thing| {
        let slots = [Some(thing.amount), thing.parent].into_iter().flatten().map(|id| (ListKind::Slot, id.to_string()));
        let lists: Vec<_> = slots.chain([(ListKind::Project, thing.name.clone())]).collect();
        if resource.lists.is_empty() { vec![] } else { lists }
    };
    let in_memory: Vec<MemoryRow> = case
        .things
        .iter()
        .map(|thing| MemoryRow {
            key: thing.id,
            row: thing.row_with(&case.links),
            center: CenterId(thing.center),
            users: of_users(thing),
            lists: lists_of(thing),
        })
        .collect();
    let (first, count) = query().page_of(in_memory.clone());
    assert_eq!((&first.items, &first.next), (&pages[0].items, &pages[0].next));
    assert_eq!(count.value, u64::try_from(rows.len()).unwrap());
    if let Some(next) = &first.next {
        let mut query = query();
        query.go_to(next).unwrap();
        let second = query.page_of(in_memory.clone()).0;
        assert_eq!((&second, second.prev.is_some()), (&pages[1], true));
        query.go_to(second.prev.as_ref().unwrap()).unwrap();
        assert_eq!(query.page_of(in_memory).0.items, first.items);
    }

    // Counts agree, and so do walks and single rows.
    for is_exact in [true, false] {
        let count = store.list_count(&query(), is_exact).await.unwrap();
        assert_eq!((count.value, count.capped), (u64::try_from(rows.len()).unwrap(), false));
    }
    let mut by_key: Vec<i64> = wanted.iter().map(|thing| thing.id).collect();
    by_key.sort_unstable();
    assert_eq!(walked(store, &query()).await, by_key);
    for thing in case.things.iter().take(5) {
        let row = store.list_row(resource, &case.rule, COLUMNS.iter().collect(), thing.id).await.unwrap();
        assert_eq!(row, thing.is_reached(resource, &case.rule).then(|| thing.row()));
    }
}

async fn walked(store: &Store, query: &Query<'_>) -> Vec<i64> {
    let Some(upto) = store.list_last_key(query).await.unwrap() else { return vec![] };
    let (mut after, mut keys) = (0, vec![]);
    loop {
        let chunk = store.list_walk_keys(query, after, upto).await.unwrap();
        let rows = store.list_walk(query, after, upto).await.unwrap();
        assert_eq!(rows.rows.iter().map(|(key, _)| *key).collect::<Vec<_>>(), chunk.rows);
        assert_eq!((rows.after, rows.is_last), (chunk.after, chunk.is_last));
        keys.extend(chunk.rows);
        assert!(chunk.after > after || chunk.is_last);
        after = chunk.after;
        if chunk.is_last {
            return keys;
        }
    }
}

/// Whether a row meets a filter, read from the filter's JSON alone.
fn plainly_holds(filter: &Value, row: &Map<String, Value>) -> bool {
    let number = |column: &str, value: &Value| -> Option<i64> {
        match column {
            "id" => value.as_str()?.parse().ok(),
            "parent" => value.as_str()?.parse::<CallId>().ok().map(|call| call.0),
            _ => value.as_i64(),
        }
    };
    let test = |column: &str, operator: &str, wanted: &Value| -> bool {
        if let Some(kind) = columns(column).and_then(|column| column.links).map(|links| links.kind) {
            return links::plainly_holds(kind, operator, wanted, row.get(column));
        }
        let value = &row[column];
        let compare = |is: fn(i64, i64) -> bool| number(column, value).is_some_and(|value| is(value, number(column, wanted).unwrap()));
        match operator {
            "eq" => value == wanted,
            "ne" => value != wanted,
            "in" => wanted.as_array().unwrap().contains(value),
            "gt" => compare(|a, b| a > b),
            "gte" => compare(|a, b| a >= b),
            "lt" => compare(|a, b| a < b),
            "lte" => compare(|a, b| a <= b),
            "prefix" => value.as_str().is_some_and(|value| value.starts_with(wanted.as_str().unwrap())),
            "contains" => {
                let part = wanted.as_str().unwrap().to_ascii_lowercase();
                value.as_str().is_some_and(|value| value.to_ascii_lowercase().contains(&part))
            }
            "is_null" => value.is_null() == wanted.as_bool().unwrap(),
            other => panic!("{other}"),
        }
    };
    filter.as_object().unwrap().iter().all(|(name, value)| match value {
        Value::Array(filters) if name == "or" => filters.iter().any(|filter| plainly_holds(filter, row)),
        Value::Array(_) => test(name, "in", value),
        Value::Object(operators) => operators.iter().all(|(operator, wanted)| test(name, operator, wanted)),
        _ => test(name, "eq", value),
    })
}

/// Texts that mean something to a database, a shell, a browser or a person's eye.
const HOSTILE: [&str; 14] = [
    "' OR '1'='1",
    "'; DROP TABLE things; --",
    "\" OR 1=1 --",
    "$1",
    "?1",
    ":name",
    "100%",
    "a_b",
    "back\\slash",
    "*?[a-z]",
    "<img src=x onerror=alert(1)>",
    "\u{202e}\u{2066}abc",
    "NULL",
    "\\'; SELECT 1; --",
];

async fn hostile_text_is_only_text(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    let things: Vec<Thing> = (1..)
        .zip(HOSTILE.iter().chain(&["harmless", "aXb", "100 and more", "backXslash", "[*?a-z", "A_B"]))
        .map(|(id, text)| Thing {
            id,
            center: 1,
            owner: Some(id),
            users: BTreeSet::from([id]),
            parent: None,
            name: (*text).to_owned(),
            note: Some(format!("x{text}x")),
            state: "new",
            amount: 0,
            at: None,
            tags: BTreeSet::new(),
            words: BTreeMap::new(),
        })
        .collect();
    put(&store, &things).await;
    let everything = RowRule::everything(CenterId(1));
    let found = async |rule: &RowRule, filter: Value, search: &str| {
        let query = Query {
            filter: Filter::parse(&filter, &columns).unwrap(),
            search: Search::parse(search).unwrap(),
            sort: Sort::parse("name", &sorts).unwrap(),
            limit: 100,
            ..Query::new(&THINGS, rule, &NO_LINKS)
        };
        let text = store.list_text(&query).unwrap();
        let spoken = HOSTILE.iter().find(|hostile| hostile.len() > 4 && text.contains(**hostile));
        assert_eq!(spoken, None, "a value stands in the statement: {text}");
        let mut found = ids(&store.list(&query).await.unwrap());
        assert_eq!(store.list_count(&query, true).await.unwrap().value, u64::try_from(found.len()).unwrap());
        found.sort_unstable();
        found
    };
    for (id, text) in (1_i64..).zip(HOSTILE) {
        let like = |column: &str, text: &str| -> Vec<i64> {
            let holds = |thing: &&Thing| thing.row()[column].as_str().unwrap().to_ascii_lowercase().contains(&text.to_ascii_lowercase());
            things.iter().filter(holds).map(|thing| thing.id).collect()
        };
        assert_eq!(found(&everything, json!({"name": text}), "").await, [id], "{text}");
        assert_eq!(found(&everything, json!({"name": [text]}), "").await, [id], "{text}");
        let many: Vec<&str> = HOSTILE.iter().copied().filter(|other| *other != text).collect();
        assert_eq!(found(&everything, json!({"name": many}), "").await.len(), HOSTILE.len() - 1, "{text}");
        assert_eq!(found(&everything, json!({"name": {"ne": text}}), "").await.len(), things.len() - 1, "{text}");
        assert_eq!(found(&everything, json!({"name": {"contains": text}}), "").await, like("name", text), "{text}");
        assert_eq!(found(&everything, json!({"note": {"contains": text}}), "").await, like("note", text), "{text}");
        assert_eq!(found(&everything, json!({"note": {"prefix": format!("x{text}")}}), "").await, [id], "{text}");
        assert_eq!(found(&everything, json!({}), text).await, like("name", &fold_search(text)), "{text}");
        let listed = rule([of_lists(&[(ListKind::Project, &[text])])]);
        assert_eq!(found(&listed, json!({}), "").await, [id], "{text}");
        // As a cursor's value: a page begins where the text stands.
        let mut query = Query { sort: Sort::parse("name", &sorts).unwrap(), limit: 1, ..Query::new(&THINGS, &everything, &NO_LINKS) };
        for _ in 0..20 {
            let page = store.list(&query).await.unwrap();
            let Some(next) = page.next else { break };
            query.go_to(&next).unwrap();
        }
        assert_eq!(store.list(&query).await.unwrap().items.len(), 1);
    }
    // No database holds a NUL: it stands as U+FFFD, in the row and in the question.
    let nul = Thing { id: 90, name: "a\u{fffd}b".to_owned(), ..things[0].clone() };
    put(&store, &[nul]).await;
    for filter in
        [json!({"name": "a\0b"}), json!({"name": {"prefix": "a\0"}}), json!({"name": {"contains": "\0B"}}), json!({"name": ["a\0b"]})]
    {
        assert_eq!(found(&everything, filter, "").await, [90]);
    }
    assert_eq!(found(&everything, json!({}), "a\0b").await, [90]);
}

async fn a_cursor_is_good_for_its_list_only(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    let thing = |id: i64| Thing {
        id,
        center: 1 + id % 2,
        owner: Some(1),
        users: BTreeSet::new(),
        parent: None,
        name: format!("name {}", id % 3),
        note: None,
        state: "new",
        amount: id / 2,
        at: None,
        tags: BTreeSet::new(),
        words: BTreeMap::new(),
    };
    put(&store, &(1..=40).map(thing).collect::<Vec<_>>()).await;
    let rule = RowRule::everything(CenterId(1));
    let query = |filter: Value, search: &str, sort: &str| Query {
        filter: Filter::parse(&filter, &columns).unwrap(),
        search: Search::parse(search).unwrap(),
        sort: Sort::parse(sort, &sorts).unwrap(),
        limit: 3,
        ..Query::new(&THINGS, &rule, &NO_LINKS)
    };
    let own = || query(json!({"amount": {"gt": 2}, "name": ["name 1", "name 2"]}), "name", "-name");
    let page = store.list(&own()).await.unwrap();
    let next = page.next.unwrap();
    // However it is written, the filter is the same.
    for same in [
        query(json!({"name": ["name 2", "name 1", "name 2"], "amount": {"gt": 2}}), " NAME ", "-name"),
        Query { limit: 7, columns: vec![], ..own() },
        // Another centre's list is another person's; it is a place in that, and shows no row of this one.
        own(),
    ] {
        let mut same = same;
        same.go_to(&next).unwrap();
    }
    let mut others = vec![
        query(json!({"amount": {"gt": 3}, "name": ["name 1", "name 2"]}), "name", "-name"),
        query(json!({"amount": {"gte": 2}, "name": ["name 1", "name 2"]}), "name", "-name"),
        query(json!({"or": [{"amount": {"gt": 2}, "name": ["name 1", "name 2"]}]}), "name", "-name"),
        query(json!({}), "name", "-name"),
        query(json!({"amount": {"gt": 2}, "name": ["name 1", "name 2"]}), "name 1", "-name"),
        query(json!({"amount": {"gt": 2}, "name": ["name 1", "name 2"]}), "", "-name"),
        query(json!({"amount": {"gt": 2}, "name": ["name 1", "name 2"]}), "name", "name"),
        query(json!({"amount": {"gt": 2}, "name": ["name 1", "name 2"]}), "name", "-amount"),
        query(json!({"amount": {"gt": 2}, "name": ["name 1", "name 2"]}), "name", "-id"),
        Query { resource: &SHARED, ..own() },
    ];
    for other in &mut others {
        let before = format!("{other:?}");
        other.go_to(&next).unwrap_err();
        assert_eq!(format!("{other:?}"), before, "a refused cursor leaves no trace");
    }
    // What is no cursor at all, and what somebody has made of one.
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    let written: Value = serde_json::from_slice(&BASE64.decode(&next).unwrap()).unwrap();
    let forged = |name: &str, value: Value| {
        let mut written = written.clone();
        written[name] = value;
        BASE64.encode(written.to_string())
    };
    let mut query = own();
    for wrong in [
        String::new(),
        "!".to_owned(),
        next.clone() + "=",
        next.clone() + "A",
        next[..next.len() - 2].to_owned(),
        BASE64.encode("{}"),
        BASE64.encode("null"),
        BASE64.encode([0xff, 0xfe]),
        "A".repeat(100_000),
        BASE64.encode("[".repeat(4_000)),
        forged("v", json!(2)),
        forged("v", json!("1")),
        forged("r", json!("shared")),
        forged("s", json!("name")),
        forged("s", json!("-name, (SELECT 1)")),
        forged("a", json!(7)),
        forged("a", json!(null)),
        forged("a", json!({"name": 1})),
        forged("a", json!(1.5)),
        forged("k", json!("1")),
        forged("k", json!(1.5)),
        forged("k", json!(1e300)),
        forged("b", json!(1)),
        forged("h", json!("")),
        forged("h", json!("AAAAAAAAAAAAAAAA")),
        forged("more", json!(1)),
    ] {
        query.go_to(&wrong).unwrap_err();
    }
    // A place that nobody gave out is still only a place in the same list.
    let all: BTreeSet<i64> = {
        let all = Query { limit: 100, ..own() };
        ids(&store.list(&all).await.unwrap()).into_iter().collect()
    };
    for (value, key, back) in [
        ("'; DROP TABLE things; --", 0, false),
        ("\u{10ffff}", i64::MAX, false),
        ("", i64::MIN, true),
        ("name 1", 7, true),
        ("a\0", 7, false),
        ("\u{10ffff}", i64::MIN, true),
        ("", i64::MAX, false),
    ] {
        let mut written = written.clone();
        written["a"] = json!(value);
        written["k"] = json!(key);
        written["b"] = json!(back);
        query.go_to(&BASE64.encode(written.to_string())).unwrap();
        let page = store.list(&query).await.unwrap();
        assert!(ids(&page).iter().all(|id| all.contains(id)), "{value:?}");
        for cursor in page.next.iter().chain(&page.prev) {
            query.go_to(cursor).unwrap();
        }
    }
}

async fn an_empty_page_knows_the_way_back(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    let thing = |id: i64| Thing {
        id,
        center: 1,
        owner: None,
        users: BTreeSet::new(),
        parent: None,
        name: "same".to_owned(),
        note: None,
        state: "new",
        amount: id,
        at: None,
        tags: BTreeSet::new(),
        words: BTreeMap::new(),
    };
    let rule = RowRule::everything(CenterId(1));
    for sort in ["id", "-id", "name", "-name", "amount", "-amount"] {
        let all: Vec<i64> = if sort.starts_with('-') { (1..=6).rev().collect() } else { (1..=6).collect() };
        put(&store, &(1..=6).map(thing).collect::<Vec<_>>()).await;
        let query = |cursor: Option<&String>| {
            let mut query = Query { sort: Sort::parse(sort, &sorts).unwrap(), limit: 3, ..Query::new(&THINGS, &rule, &NO_LINKS) };
            cursor.iter().for_each(|cursor| query.go_to(cursor).unwrap());
            query
        };
        let first = store.list(&query(None)).await.unwrap();
        let second = store.list(&query(first.next.as_ref())).await.unwrap();
        assert_eq!([ids(&first), ids(&second)].concat(), all, "{sort}");
        let list = async |cursor: Option<&String>| store.list(&query(cursor)).await.unwrap();

        // The page behind is gone: the way back leads to the last rows that are left, the row that led here among them.
        put(&store, &all[..3].iter().map(|id| thing(*id)).collect::<Vec<_>>()).await;
        let empty = list(first.next.as_ref()).await;
        assert_eq!((empty.items.len(), &empty.next), (0, &None));
        assert_eq!(ids(&list(empty.prev.as_ref()).await), all[..3], "{sort}");

        // The page before is gone.
        put(&store, &all[3..].iter().map(|id| thing(*id)).collect::<Vec<_>>()).await;
        let empty = list(second.prev.as_ref()).await;
        assert_eq!((empty.items.len(), &empty.prev), (0, &None));
        assert_eq!(ids(&list(empty.next.as_ref()).await), all[3..], "{sort}");

        // All of it is gone.
        put(&store, &[]).await;
        let empty = list(first.next.as_ref()).await;
        assert_eq!((empty.items.len(), empty.next.is_some(), empty.prev.is_some()), (0, false, true));
        assert_eq!(list(None).await, Found::default());
    }
}

async fn what_cannot_be_reached_is_not_asked_for(base: Base) {
    let store = base.open().await;
    // There is no table: whatever would be asked of it fails.
    let nothing = [
        (&THINGS, rule([])),
        (&THINGS, rule([of_users(&[])])),
        (&THINGS, rule([of_lists(&[(ListKind::Inbox, &["1"])])])),
        (&THINGS, rule([of_lists(&[(ListKind::Project, &[])])])),
        (&THINGS, rule([of_lists(&[(ListKind::Project, &["a"]), (ListKind::Geo, &["1"])])])),
        (&THINGS, rule([of_users(&[]), of_lists(&[(ListKind::Slot, &[])])])),
        (&SHARED, rule([of_users(&[])])),
        (&ORPHANS, rule([of_users(&[1])])),
        (&ORPHANS, rule([of_lists(&[(ListKind::Project, &["a"])])])),
    ];
    for (resource, rule) in &nothing {
        let query = Query::new(resource, rule, &NO_LINKS);
        assert_eq!(store.list(&query).await.unwrap(), Found::default(), "{rule:?}");
        assert_eq!(store.list_count(&query, true).await.unwrap().value, 0);
        assert_eq!(store.list_row(resource, rule, COLUMNS.iter().collect(), 1).await.unwrap(), None);
        assert_eq!(store.list_last_key(&query).await.unwrap(), None);
        let chunk = store.list_walk_keys(&query, 0, 100).await.unwrap();
        assert_eq!((chunk.rows, chunk.after, chunk.is_last), (vec![], 100, true));
    }
    let everything = RowRule::everything(CenterId(1));
    assert!(matches!(store.list(&Query::new(&THINGS, &everything, &NO_LINKS)).await, Err(ListError::Store(store::StoreError::Defect(_)))));
    static IN_MEMORY: Resource = Resource { name: "in_memory", from: "", ..of_things() };
    assert!(matches!(
        store.list(&Query::new(&IN_MEMORY, &everything, &NO_LINKS)).await,
        Err(ListError::Store(store::StoreError::Defect(_)))
    ));
}

async fn a_row_is_read_by_its_key_if_it_is_reached(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    let thing = Thing {
        id: 5,
        center: 1,
        owner: Some(7),
        users: BTreeSet::from([8]),
        parent: Some(i64::MAX),
        name: "a".to_owned(),
        note: None,
        state: "open",
        amount: i64::MIN,
        at: Some(3),
        tags: BTreeSet::new(),
        words: BTreeMap::new(),
    };
    put(&store, std::slice::from_ref(&thing)).await;
    let read = async |resource: &'static Resource, rule: RowRule, key: i64| {
        store.list_row(resource, &rule, COLUMNS.iter().collect(), key).await.unwrap()
    };
    let everything = RowRule::everything(CenterId(1));
    assert_eq!(read(&THINGS, everything.clone(), 5).await, Some(thing.row()));
    assert_eq!(read(&THINGS, everything.clone(), 6).await, None);
    assert_eq!(read(&THINGS, RowRule::everything(CenterId(2)), 5).await, None);
    assert_eq!(read(&THINGS, rule([of_users(&[7])]), 5).await, Some(thing.row()));
    assert_eq!(read(&THINGS, rule([of_users(&[8])]), 5).await, None);
    assert_eq!(read(&SHARED, rule([of_users(&[8])]), 5).await, Some(thing.row()));
    assert_eq!(read(&SHARED, rule([of_users(&[7])]), 5).await, None);
    assert_eq!(read(&SHARED, rule([of_users(&[1, 7, 8])]), 5).await, Some(thing.row()));
    assert_eq!(read(&ORPHANS, everything.clone(), 5).await, Some(thing.row()));
    let some = store.list_row(&THINGS, &everything, vec![THINGS.column("name").unwrap()], 5).await.unwrap();
    assert_eq!(some, json!({"name": "a"}).as_object().cloned());
    // A row that no version of ours has written says which of its columns is wrong.
    run(&store, "UPDATE things SET data = '{'").await;
    let broken = store.list(&Query::new(&THINGS, &everything, &NO_LINKS)).await.unwrap_err();
    assert!(broken.to_string().contains("a row of things cannot be read: data"), "{broken}");
}

async fn a_walk_sees_every_row_once(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    let many = "INSERT INTO things
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
        SELECT i * 3, 1 + i % 2, i % 7, NULL, 'n', NULL, 'new', i, NULL, '{}', 'n' FROM n";
    run(&store, many).await;
    let rule = RowRule::everything(CenterId(1));
    let query = Query { limit: 5_000, sort: Sort::parse("-amount", &sorts).unwrap(), ..Query::new(&THINGS, &rule, &NO_LINKS) };
    let upto = store.list_last_key(&query).await.unwrap().unwrap();
    assert_eq!(upto, 36_000);
    // What comes later is not seen.
    run(&store, "INSERT INTO things VALUES (36003, 1, 1, NULL, 'late', NULL, 'new', 1, NULL, '{}', 'late')").await;
    let (mut after, mut sizes, mut keys) = (0, vec![], vec![]);
    loop {
        let chunk = store.list_walk(&query, after, upto).await.unwrap();
        sizes.push(chunk.rows.len());
        keys.extend(chunk.rows.iter().map(|(key, row)| {
            assert_eq!(row["id"], key.to_string());
            *key
        }));
        after = chunk.after;
        if chunk.is_last {
            break;
        }
    }
    assert_eq!(sizes, [5_000, 1_000]);
    assert_eq!(keys, (1..=6_000).map(|n| n * 6).collect::<Vec<_>>());
    // From any place on, to any place.
    let chunk = store.list_walk_keys(&query, 100, 200).await.unwrap();
    assert_eq!(chunk.rows, (17..=33).map(|n| n * 6).collect::<Vec<_>>());
    assert_eq!((chunk.after, chunk.is_last), (200, true));
    let chunk = store.list_walk_keys(&query, 200, 200).await.unwrap();
    assert_eq!((chunk.rows.len(), chunk.after, chunk.is_last), (0, 200, true));
}

async fn rare_rows_do_not_make_a_walk_long(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    let many = "INSERT INTO things
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
        SELECT i, 1, i % 7, NULL, 'n', NULL, CASE WHEN i % 30000 = 0 THEN 'done' ELSE 'new' END, i, NULL, '{}', 'n' FROM n";
    run(&store, many).await;
    run(&store, "INSERT INTO thing_users SELECT 9, id FROM things").await;
    let filter = Filter::parse(&json!({"state": "done"}), &columns).unwrap();
    for (resource, rule) in [(&THINGS, RowRule::everything(CenterId(1))), (&SHARED, rule([of_users(&[9])]))] {
        let query = Query { limit: 5_000, filter: filter.clone(), ..Query::new(resource, &rule, &NO_LINKS) };
        let mut told = vec![];
        let mut after = 0;
        loop {
            let chunk = store.list_walk_keys(&query, after, 50_000).await.unwrap();
            told.push((chunk.rows, chunk.after));
            after = chunk.after;
            if chunk.is_last {
                break;
            }
        }
        // Each chunk looks at 20,001 rows, and says how far it has come even if it found none.
        assert_eq!(told, [(vec![], 20_001), (vec![30_000], 40_002), (vec![], 50_000)]);
    }
}

/// Calls by telephony's own way: through facts.
async fn with_calls(store: &Store, count: i64) {
    use common::{call, numbered};
    let started = (1..=count).map(|n| {
        let mut view = call(n, Some(1 + n % 3));
        view.scenario = Some(if n % 5 == 0 { "support" } else { "sales" }.to_owned());
        view.caller_slot = Some(SlotId(n % 4));
        Fact::CallStarted { call: view }
    });
    store.apply(&numbered(1, started)).await.unwrap();
}

async fn a_list_by_time_finds_calls_by_their_ids(base: Base) {
    use common::{T0, call_id};
    use store::catalogue::CALLS;
    let store = base.open().await;
    with_calls(&store, 30).await;
    let everything = RowRule::everything(CenterId(1));
    let found = async |filter: Value| {
        let query = Query {
            filter: Filter::parse(&filter, &|name| CALLS.column(name)).unwrap(),
            sort: Sort::parse("started_at", &|name| CALLS.column(name)).unwrap(),
            columns: vec![CALLS.column("call_id").unwrap(), CALLS.column("recording").unwrap()],
            ..Query::new(&CALLS, &everything, &NO_LINKS)
        };
        let found = store.list(&query).await.unwrap();
        let calls: Vec<String> = found.keys.iter().map(|key| CallId(*key).to_string()).collect();
        assert_eq!(found.items.iter().map(|item| item["call_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), calls);
        found.keys
    };
    let start = |n: i64| T0 + n * 1000;
    let calls = |from: i64, to: i64| (from..=to).map(|n| call_id(n).0).collect::<Vec<_>>();
    let cases = [
        (json!({"started_at": {"gte": start(10), "lt": start(20)}}), calls(10, 19)),
        (json!({"started_at": {"gt": start(10), "lte": start(20)}}), calls(11, 20)),
        (json!({"started_at": {"gte": start(30)}}), calls(30, 30)),
        (json!({"started_at": {"lt": start(2)}}), calls(1, 1)),
        (json!({"started_at": {"gte": start(10) + 1, "lt": start(11)}}), vec![]),
        (json!({"started_at": {"gte": i64::MIN, "lte": i64::MAX}}), calls(1, 30)),
        (json!({"started_at": {"gt": i64::MAX}}), vec![]),
        (json!({"started_at": {"lt": i64::MIN}}), vec![]),
        (json!({"started_at": {"gte": 1_i64 << 41}}), vec![]),
        (json!({"started_at": {"lt": 1_i64 << 41}}), calls(1, 30)),
        (json!({"started_at": start(4)}), calls(4, 4)),
        (json!({"or": [{"started_at": {"lt": start(3)}}, {"started_at": {"gt": start(28)}}]}), [calls(1, 2), calls(29, 30)].concat()),
    ];
    for (filter, wanted) in cases {
        assert_eq!(found(filter.clone()).await, wanted, "{filter}");
    }
}

async fn own_calls_are_found_by_their_user(base: Base) {
    use common::{T0, call_id};
    use store::catalogue::CALLS;
    let store = base.open().await;
    with_calls(&store, 60).await;
    let scenarios = |ids: &[&str]| vec![(ListKind::Scenario, ids.iter().map(|id| (*id).to_owned()).collect())];
    let slots = |ids: &[&str]| vec![(ListKind::Slot, ids.iter().map(|id| (*id).to_owned()).collect())];
    let user_2 = || Some(BTreeSet::from([UserId(2)]));
    // The nth call is of user 1 + n % 3, from slot n % 4, every fifth for support.
    let cases: [(RowRule, &dyn Fn(i64) -> bool); 10] = [
        (rule([of_users(&[2])]), &|n| n % 3 == 1),
        (rule([of_users(&[2, 3])]), &|n| n % 3 > 0),
        (rule([of_users(&[9])]), &|_| false),
        (rule([RowPart { users: user_2(), lists: scenarios(&["support"]) }]), &|n| n % 3 == 1 && n % 5 == 0),
        (rule([of_users(&[2]), RowPart { users: None, lists: scenarios(&["support"]) }]), &|n| n % 3 == 1 || n % 5 == 0),
        (rule([RowPart { users: None, lists: slots(&["1", "3"]) }]), &|n| n % 2 == 1),
        (rule([RowPart { users: user_2(), lists: [slots(&["1"]), scenarios(&["sales"])].concat() }]), &|n| n % 12 == 1 && n % 5 != 0),
        (
            rule([
                RowPart { users: user_2(), lists: scenarios(&["support"]) },
                RowPart { users: Some(BTreeSet::from([UserId(3)])), lists: scenarios(&["sales"]) },
            ]),
            &|n| (n % 3 == 1 && n % 5 == 0) || (n % 3 == 2 && n % 5 != 0),
        ),
        (RowRule { center: CenterId(2), ..rule([of_users(&[2])]) }, &|_| false),
        (RowRule { center: CenterId(2), ..rule([of_users(&[2, 3])]) }, &|_| false),
    ];
    for (rule, is_wanted) in &cases {
        let wanted: Vec<i64> = (1..=60).rev().filter(|n| is_wanted(*n)).map(|n| call_id(n).0).collect();
        let mut query = Query { limit: 4, ..Query::new(&CALLS, rule, &NO_LINKS) };
        let mut keys = vec![];
        loop {
            let page = store.list(&query).await.unwrap();
            keys.extend(page.keys);
            let Some(next) = page.next else { break };
            query.go_to(&next).unwrap();
        }
        assert_eq!(keys, wanted, "{rule:?}");
        let count = store.list_count(&query, false).await.unwrap();
        assert_eq!(count.value, u64::try_from(wanted.len()).unwrap());
        let since = Filter::parse(&json!({"started_at": {"gte": T0 + 30_000}}), &|name| CALLS.column(name)).unwrap();
        let query = Query { filter: since, limit: 100, ..Query::new(&CALLS, rule, &NO_LINKS) };
        assert_eq!(store.list(&query).await.unwrap().keys, wanted.iter().copied().filter(|key| *key >= call_id(30).0).collect::<Vec<_>>());
        for n in [1, 4, 5, 6, 60] {
            let row = store.list_row(&CALLS, rule, CALLS.columns.iter().collect(), call_id(n).0).await.unwrap();
            assert_eq!(row.is_some(), wanted.contains(&call_id(n).0), "{n} {rule:?}");
        }
    }
}

async fn what_takes_too_long_is_given_up(base: Base) {
    /// Each of its rows takes long to look at.
    static SLOW: Resource = Resource {
        name: "slow",
        from: "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT i AS id, 1 AS center_id FROM n) t",
        key: "id",
        columns: &[Column::new("id", "t.id", ColumnKind::Int, "").filtered()],
        lists: &[],
        search: "",
        ..of_things()
    };
    let store = base.open().await;
    let rule = RowRule::everything(CenterId(1));
    let query =
        Query { filter: Filter::parse(&json!({"id": -1}), &|name| SLOW.column(name)).unwrap(), ..Query::new(&SLOW, &rule, &NO_LINKS) };
    let begin = std::time::Instant::now();
    let slow = store.list_count(&query, false).await;
    assert!(matches!(slow, Err(ListError::TooSlow)), "{slow:?}");
    assert!(begin.elapsed() < store::STATEMENT_MAX);
    // Nothing of it is left behind that others would have to wait for.
    for _ in 0..20 {
        store.realm("example").await.unwrap();
    }
}

async fn the_catalogue_can_be_read(base: Base) {
    let store = base.open().await;
    with_calls(&store, 3).await;
    let mut told = BTreeMap::new();
    for resource in store::catalogue::RESOURCES {
        for part in
            [of_users(&[2]), of_users(&[2, 3]), of_lists(&[(ListKind::Scenario, &["sales"]), (ListKind::Slot, &["1"])]), of_lists(&[])]
        {
            let rule = rule([part]);
            let mut orders = vec![Sort::by_key(true)];
            for column in resource.columns.iter().filter(|column| !column.sort.is_empty()) {
                orders.push(Sort::parse(column.name, &|name| resource.column(name)).unwrap());
            }
            for sort in orders {
                let query = Query { sort, search: Search::parse("1").unwrap(), ..Query::new(resource, &rule, &NO_LINKS) };
                store.list(&query).await.unwrap();
                store.list_count(&query, false).await.unwrap();
                store.list_walk(&query, 0, i64::MAX).await.unwrap();
                told.insert(resource.name, ());
            }
            for column in resource.columns.iter().filter(|column| column.filter) {
                let filter = Filter::parse(&json!({column.name: {"is_null": true}}), &|name| resource.column(name)).unwrap();
                store.list(&Query { filter, ..Query::new(resource, &rule, &NO_LINKS) }).await.unwrap();
            }
        }
    }
    assert_eq!(told.into_keys().collect::<Vec<_>>(), ["calls", "cdrs", "recordings", "routes", "trunks"]);
}
