//! Lists filtered by what stands in other tables, and where their pages begin.

use proptest::collection::{btree_map, btree_set, vec};

use super::*;

const WORDS: [&str; 4] = ["a", "b", "ё'", "%_\\"];

/// The tags and words of a thing.
pub(crate) fn of_thing() -> impl Strategy<Value = (BTreeSet<i64>, BTreeMap<String, (i64, bool)>)> {
    let word = proptest::sample::select(&WORDS[..]).prop_map(str::to_owned);
    (btree_set(1..7_i64, 0..4), btree_map(word, (1..4_i64, any::<bool>()), 0..3))
}

/// What somebody reaches; by a column that is left out, nothing can be asked.
pub(crate) fn rules() -> impl Strategy<Value = LinkRules> {
    let groups = btree_set((0..4_i64).prop_map(|group| group.to_string()), 0..4);
    let tags = prop_oneof![
        2 => Just(Some(LinkRule::everything())),
        3 => groups.prop_map(|groups| Some(LinkRule { lists: Some(groups), users: None })),
        1 => Just(Some(LinkRule::nothing())),
        1 => Just(None),
    ];
    let users = btree_set((1..5_i64).prop_map(UserId), 0..3);
    let words = prop_oneof![
        2 => Just(Some(LinkRule::everything())),
        3 => users.prop_map(|users| Some(LinkRule { lists: None, users: Some(users) })),
        1 => Just(None),
    ];
    let all = prop_oneof![Just(Some(LinkRule::everything())), Just(Some(LinkRule::nothing())), Just(None)];
    (tags, words, all).prop_map(|(tags, words, groups)| {
        let rules = [("tags", tags), ("words", words), ("groups", groups)];
        rules.into_iter().filter_map(|(column, rule)| Some((column, rule?))).collect()
    })
}

/// A condition on what a row's links are, of every kind that there is.
pub(crate) fn condition() -> impl Strategy<Value = (String, Value)> {
    let one = || {
        prop_oneof![
            4 => (1..8_i64).prop_map(|tag| ("tags", json!(tag.to_string()))),
            2 => proptest::sample::select(&WORDS[..]).prop_map(|word| ("words", json!(word))),
            1 => (0..4_i64).prop_map(|group| ("groups", json!(group))),
        ]
    };
    let several = || {
        prop_oneof![
            4 => vec((1..8_i64).prop_map(|tag| json!(tag.to_string())), 0..7).prop_map(|tags| ("tags", json!(tags))),
            2 => vec(proptest::sample::select(&WORDS[..]), 0..6).prop_map(|words| ("words", json!(words))),
            1 => vec(0..4_i64, 0..4).prop_map(|groups| ("groups", json!(groups))),
        ]
    };
    let some = proptest::sample::select(vec!["eq", "ne"]);
    let any_of = proptest::sample::select(vec!["in", "not_in", "all"]);
    let column = || proptest::sample::select(vec!["tags", "words", "groups"]);
    prop_oneof![
        2 => (some.clone(), one()).prop_map(|(operator, (column, value))| (column.to_owned(), json!({operator: value}))),
        2 => (any_of, several()).prop_map(|(operator, (column, values))| (column.to_owned(), json!({operator: values}))),
        2 => prop_oneof![one(), several()].prop_map(|(column, value)| (column.to_owned(), value)),
        1 => (column(), any::<bool>()).prop_map(|(column, is_null)| (column.to_owned(), json!({"is_null": is_null}))),
        1 => (column(), some).prop_map(|(column, operator)| (column.to_owned(), json!({operator: Value::Null}))),
    ]
}

/// A filter by which a page can begin at links, whatever else is asked.
pub(crate) fn start(filter: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let is_start = |(_, value): &(String, Value)| match value {
        Value::Object(operators) => {
            ["eq", "in", "all"].iter().any(|operator| operators.get(*operator).is_some_and(|value| !value.is_null()))
        }
        value => !value.is_null(),
    };
    (filter, condition().prop_filter("no page can begin there", is_start)).prop_map(|(mut filter, (column, value))| {
        filter.as_object_mut().unwrap().insert(column, value);
        filter
    })
}

/// Whether a row with these values meets a condition; without values, nothing is known of it.
pub(crate) fn plainly_holds(kind: ColumnKind, operator: &str, wanted: &Value, values: Option<&Value>) -> bool {
    let Some(values) = values.map(|values| values.as_array().unwrap()) else { return false };
    assert!(matches!(kind, ColumnKind::Id | ColumnKind::Text | ColumnKind::Int));
    let has = |wanted: &Value| values.contains(wanted);
    let all = || wanted.as_array().unwrap().iter();
    match operator {
        "eq" if wanted.is_null() => values.is_empty(),
        "ne" if wanted.is_null() => !values.is_empty(),
        "eq" => has(wanted),
        "ne" => !has(wanted),
        "in" => all().any(has),
        "not_in" => !all().any(has),
        "all" => all().all(has),
        "is_null" => values.is_empty() == wanted.as_bool().unwrap(),
        other => panic!("{other}"),
    }
}

fn thing(id: i64, tags: &[i64], words: &[(&str, i64, bool)]) -> Thing {
    Thing {
        id,
        center: 1,
        owner: None,
        users: BTreeSet::new(),
        parent: None,
        name: format!("name {}", id % 4),
        note: None,
        state: "new",
        amount: id,
        at: None,
        tags: tags.iter().copied().collect(),
        words: words.iter().map(|(word, of, counts)| ((*word).to_owned(), (*of, *counts))).collect(),
    }
}

fn of_groups(groups: &[&str]) -> LinkRules {
    LinkRules::from([("tags", LinkRule { lists: Some(groups.iter().map(|group| (*group).to_owned()).collect()), users: None })])
}

pub(crate) async fn a_cursor_of_links_is_good_for_what_its_asker_reaches(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    put(&store, &(1..=30).map(|id| thing(id, &[1 + id % 3, 4], &[("a", 1, true)])).collect::<Vec<_>>()).await;
    let rule = RowRule::everything(CenterId(1));
    let cursor = async |links: &LinkRules, filter: &Value, resource| {
        let filter = Filter::parse(filter, &columns).unwrap();
        store.list(&Query { filter, limit: 3, ..Query::new(resource, &rule, links) }).await.unwrap().next.unwrap()
    };
    let viewers = [
        LinkRules::from([("tags", LinkRule::everything())]),
        of_groups(&["1"]),
        of_groups(&["0", "1"]),
        of_groups(&["1", "2"]),
        LinkRules::from([("tags", LinkRule::everything()), ("words", LinkRule::nothing())]),
    ];
    // Tag 4 is of group 1, which all of them reach: under this filter they see the same rows.
    for filter in [json!({"tags": "4"}), json!({"tags": {"ne": "9"}}), json!({"or": [{"tags": ["4"]}]})] {
        for (at, own) in viewers.iter().enumerate() {
            let next = cursor(own, &filter, &THINGS).await;
            for (other_at, other) in viewers.iter().enumerate() {
                let filter = Filter::parse(&filter, &columns).unwrap();
                let mut query = Query { filter, limit: 3, ..Query::new(&THINGS, &rule, other) };
                // The last one reaches the same tags as the first. What it reaches of words was not asked.
                let is_same = at == other_at || [0, 4] == [at.min(other_at), at.max(other_at)];
                assert_eq!(query.go_to(&next).is_ok(), is_same, "{filter:?} {at} {other_at}", filter = query.filter);
            }
        }
    }
    // Where links are not asked about, a cursor is a place in anybody's list.
    let next = cursor(&viewers[0], &json!({"amount": {"gt": 1}}), &THINGS).await;
    let filter = Filter::parse(&json!({"amount": {"gt": 1}}), &columns).unwrap();
    Query { filter, ..Query::new(&THINGS, &rule, &viewers[1]) }.go_to(&next).unwrap();
}

pub(crate) async fn what_is_not_reached_of_links_is_not_there(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    // Tags 1 and 4 are of group 1, tag 2 of group 2; the word b does not count, and c is another person's.
    let things = [
        thing(1, &[1], &[("a", 7, true)]),
        thing(2, &[1, 2], &[("b", 7, false)]),
        thing(3, &[2], &[("c", 8, true)]),
        thing(4, &[], &[]),
        thing(5, &[1, 4], &[("a", 8, true)]),
        Thing { center: 2, ..thing(6, &[1], &[("a", 7, true)]) },
    ];
    put(&store, &things).await;
    let rule = RowRule::everything(CenterId(1));
    let found = async |links: &LinkRules, filter: Value| {
        let mut found = BTreeSet::new();
        // By each of the ways: from an index of the values, from all rows in another order, counted and walked.
        for sort in ["id", "amount"] {
            let query = Query {
                filter: Filter::parse(&filter, &columns).unwrap(),
                sort: Sort::parse(sort, &sorts).unwrap(),
                ..Query::new(&THINGS, &rule, links)
            };
            let keys = store.list(&query).await.unwrap().keys;
            assert_eq!(store.list_count(&query, true).await.unwrap().value, u64::try_from(keys.len()).unwrap(), "{filter}");
            assert_eq!(walked(&store, &query).await, keys, "{filter}");
            found.insert(keys);
        }
        assert_eq!(found.len(), 1, "{filter} {links:?}: {found:?}");
        found.pop_first().unwrap()
    };
    let group_1 = of_groups(&["1"]);
    let all = LinkRules::from([("tags", LinkRule::everything())]);
    let nothing = LinkRules::from([("tags", LinkRule::nothing())]);
    let none = LinkRules::new();
    type Case<'a> = (Value, [&'a [i64]; 4]);
    let cases: [Case<'_>; 9] = [
        (json!({"tags": "1"}), [&[1, 2, 5], &[1, 2, 5], &[], &[]]),
        (json!({"tags": ["2", "4"]}), [&[2, 3, 5], &[5], &[], &[]]),
        (json!({"tags": {"all": ["1", "2"]}}), [&[2], &[], &[], &[]]),
        (json!({"tags": {"all": ["1", "4"]}}), [&[5], &[5], &[], &[]]),
        (json!({"tags": {"ne": "2"}}), [&[1, 4, 5], &[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5], &[]]),
        (json!({"tags": {"not_in": ["1", "2"]}}), [&[4], &[3, 4], &[1, 2, 3, 4, 5], &[]]),
        (json!({"tags": null}), [&[4], &[3, 4], &[1, 2, 3, 4, 5], &[]]),
        (json!({"tags": {"is_null": false}}), [&[1, 2, 3, 5], &[1, 2, 5], &[], &[]]),
        (json!({"or": [{"tags": "2"}, {"tags": "99"}]}), [&[2, 3], &[], &[], &[]]),
    ];
    for (filter, wanted) in cases {
        for (links, wanted) in [&all, &group_1, &nothing, &none].into_iter().zip(wanted) {
            assert_eq!(found(links, filter.clone()).await, wanted, "{filter} {links:?}");
        }
    }
    let own = LinkRules::from([("words", LinkRule { lists: None, users: Some(BTreeSet::from([UserId(7)])) })]);
    let words = LinkRules::from([("words", LinkRule::everything())]);
    for (filter, of_all, of_own) in [
        (json!({"words": "a"}), &[1, 5][..], &[1][..]),
        (json!({"words": ["b", "c"]}), &[3], &[]),
        (json!({"words": null}), &[2, 4], &[2, 3, 4, 5]),
        (json!({"words": {"ne": "a"}}), &[2, 3, 4], &[2, 3, 4, 5]),
    ] {
        assert_eq!(found(&words, filter.clone()).await, of_all, "{filter}");
        assert_eq!(found(&own, filter.clone()).await, of_own, "{filter}");
    }
    // What is not reached and what was never there are asked about by the same statement.
    let text = |tag: &str| {
        let filter = Filter::parse(&json!({"tags": tag}), &columns).unwrap();
        store.list_text(&Query { filter, ..Query::new(&THINGS, &rule, &group_1) }).unwrap()
    };
    assert_eq!(text("2"), text("99"));
    // A rule of another table's kind reaches nothing.
    let strange = LinkRules::from([("tags", LinkRule { lists: None, users: Some(BTreeSet::from([UserId(7)])) })]);
    assert_eq!(found(&strange, json!({"tags": "1"})).await, Vec::<i64>::new());
}

/// How the database goes about a statement whose values it does not know yet. PostgreSQL is asked which way it can go: with few rows it would
/// rather look at all of them.
async fn plan_of(store: &Store, query: &Query<'_>) -> String {
    let text = store.list_text(query).unwrap();
    match store.db() {
        store::Db::Lite { read, .. } => {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
            let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(read).await.unwrap();
            steps.into_iter().map(|(.., step)| step).collect::<Vec<_>>().join("\n")
        }
        store::Db::Pg(pool) => {
            let values = (1..).take_while(|at| text.contains(&format!("${at}"))).map(|_| "NULL").collect::<Vec<_>>().join(", ");
            let connection = pool.acquire().await.unwrap();
            let script = format!(
                "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
                DEALLOCATE ALL; PREPARE page AS {text}"
            );
            let mut connection = connection.detach();
            sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN EXECUTE page({values})"));
            let steps: Vec<sqlx::postgres::PgRow> = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
            steps.iter().map(|step| sqlx::Row::get::<String, _>(step, 0)).collect::<Vec<_>>().join("\n")
        }
    }
}

pub(crate) async fn a_page_begins_where_an_index_knows_its_rows(base: Base) {
    let store = base.open().await;
    run(&store, TABLES).await;
    let many = "INSERT INTO things
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        SELECT i, 1, i % 7, NULL, CASE WHEN i % 100 = 0 THEN 'rare' ELSE 'name ' || (i % 500) END, NULL, 'new', i, NULL, '{}', 'n' FROM n;
        INSERT INTO thing_tags SELECT id, 1, 1, 1 FROM things; INSERT INTO thing_tags SELECT id, 2, 1, 2 FROM things WHERE id % 1000 = 0;
        INSERT INTO thing_users SELECT 9, id FROM things WHERE id % 50 = 0;
        INSERT INTO thing_words SELECT id, 'a', 7, 1 FROM things WHERE id % 500 = 0";
    run(&store, many).await;
    run(&store, if matches!(store.db(), store::Db::Pg(_)) { "ANALYZE" } else { "SELECT 1" }).await;
    let everything = RowRule::everything(CenterId(1));
    let listed = |names: &[&str]| rule([of_lists(&[(ListKind::Project, names)])]);
    let links: LinkRules = ["tags", "words", "groups"].into_iter().map(|column| (column, LinkRule::everything())).collect();
    let group_2 = of_groups(&["2"]);
    let [by_tag, by_word, by_name, by_user] = ["thing_tags_by_tag", "thing_words_by_word", "things_by_name", "thing_users"];
    let own_listed = RowPart { users: of_users(&[9]).users, lists: of_lists(&[(ListKind::Project, &["rare"])]).lists };
    type Case<'a> = (&'static Resource, RowRule, Value, &'a LinkRules, &'static str, &'static str);
    let cases: [Case<'_>; 17] = [
        (&THINGS, everything.clone(), json!({"tags": "2"}), &links, by_tag, "l.tag_id"),
        (&THINGS, everything.clone(), json!({"tags": ["2", "3", "4"]}), &links, by_tag, "l.tag_id"),
        (&THINGS, everything.clone(), json!({"tags": {"all": ["2", "1"]}}), &links, by_tag, "l.tag_id"),
        (&THINGS, everything.clone(), json!({"tags": "2", "state": "new"}), &group_2, by_tag, "l.tag_id"),
        (&THINGS, everything.clone(), json!({"words": ["a", "b"]}), &links, by_word, "l.word"),
        // Of two links that with fewer values.
        (&THINGS, everything.clone(), json!({"tags": ["1", "2"], "words": "a"}), &links, by_word, "l.word"),
        // Links come before whose rows are reached, and before lists.
        (&SHARED, rule([of_users(&[9])]), json!({"tags": "2"}), &links, by_tag, "l.tag_id"),
        (&SHARED, rule([of_users(&[9, 10])]), json!({"tags": ["2", "3"]}), &links, by_tag, "l.tag_id"),
        (&THINGS, listed(&["rare", "common"]), json!({"tags": "2"}), &links, by_tag, "l.tag_id"),
        (&THINGS, listed(&["rare"]), json!({}), &links, by_name, "t.name"),
        (&THINGS, listed(&["rare", "rarer", "x"]), json!({}), &links, by_name, "t.name"),
        (&THINGS, listed(&["rare", "rarer", "x"]), json!({"tags": null}), &links, by_name, "t.name"),
        (
            &THINGS,
            rule([of_lists(&[(ListKind::Project, &["rare"])]), of_lists(&[(ListKind::Project, &["x"])])]),
            json!({}),
            &links,
            by_name,
            "t.name",
        ),
        (&THINGS, everything.clone(), json!({"name": "rare"}), &links, by_name, "t.name"),
        (&THINGS, everything.clone(), json!({"name": ["rare", "rarer"], "amount": {"gt": 7}}), &links, by_name, "t.name"),
        // Whose they are comes before lists.
        (&SHARED, rule([own_listed]), json!({}), &links, by_user, "o.user_id"),
        (&SHARED, rule([of_users(&[9])]), json!({"name": "rare"}), &links, by_user, "o.user_id"),
    ];
    for (resource, rule, filter, links, index, column) in cases {
        for sort in ["id", "-id"] {
            let query = Query {
                filter: Filter::parse(&filter, &columns).unwrap(),
                sort: Sort::parse(sort, &sorts).unwrap(),
                ..Query::new(resource, &rule, links)
            };
            let asked = format!("{} {rule:?} {filter}", resource.name);
            let text = store.list_text(&query).unwrap();
            assert!(
                text.contains(&format!("{column} = $"))
                    || text.contains(&format!("{column} = CAST(u.id"))
                    || text.contains(&format!("{column} = u.id")),
                "{asked}: {text}"
            );
            let plan = plan_of(&store, &query).await;
            let uses = |line: &str| line.contains(index) && (line.contains("INDEX") || line.contains("Index"));
            // PostgreSQL weighs by itself whether a person or a list has fewer rows than a value.
            let is_weighed = index == by_tag && rule != everything && matches!(store.db(), store::Db::Pg(_));
            assert!(is_weighed || plan.lines().any(uses), "{asked}:\n{text}\n{plan}");
            assert!(!plan.contains("SCAN t") && !plan.contains("Seq Scan"), "{asked}:\n{text}\n{plan}");
            store.list(&query).await.unwrap();
        }
    }
    // In another order an index of values is of no use, and by a table without one a page cannot begin.
    let too_many: Vec<String> = (0..=100).map(|n| n.to_string()).collect();
    let too_many: Vec<&str> = too_many.iter().map(String::as_str).collect();
    for (rule, filter, sort) in [
        (everything.clone(), json!({"tags": "2"}), "amount"),
        (everything.clone(), json!({"groups": 2}), "id"),
        (everything.clone(), json!({"tags": {"ne": "2"}}), "id"),
        (everything.clone(), json!({"or": [{"tags": "2"}]}), "id"),
        (everything.clone(), json!({"name": {"ne": "rare"}}), "id"),
        (listed(&["rare"]), json!({}), "-amount"),
        (listed(&too_many), json!({}), "id"),
        // Not all parts name the list.
        (super::rule([of_lists(&[(ListKind::Project, &["rare"])]), of_lists(&[(ListKind::Slot, &["1"])])]), json!({}), "id"),
    ] {
        let filter = Filter::parse(&filter, &columns).unwrap();
        let query = Query { filter, sort: Sort::parse(sort, &sorts).unwrap(), ..Query::new(&THINGS, &rule, &links) };
        let text = store.list_text(&query).unwrap();
        assert!(text.contains(" FROM things t WHERE t.center_id = $1 AND ") && !text.contains("t.name = $"), "{text}");
        store.list(&query).await.unwrap();
    }
    // Where rule and filter have no value in common, nothing is looked for at all.
    let filter = Filter::parse(&json!({"name": "common"}), &columns).unwrap();
    let rare = listed(&["rare"]);
    let query = Query { filter, ..Query::new(&THINGS, &rare, &links) };
    assert!(store.list_text(&query).unwrap().contains(" AND 1 = 0"));
    assert_eq!(store.list(&query).await.unwrap(), Found::default());
}
