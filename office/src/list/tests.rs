#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{collections::BTreeMap, sync::Arc};

use model::{
    Action, Actor, CallId, CallStatus, CallView, CenterId, Direction, Fact, Links, ListKind, Mask, Narrow, Owner, Resource, SlotId, UserId,
    WallTime,
};
use serde_json::json;
use store::{
    binds,
    catalogue::{CALLS, CDRS, RECORDINGS, TRUNKS},
    list::LinkRule,
};

use super::*;
use crate::{
    Permit, Principal, SLOTS, can,
    rights::{AccessMap, Grant},
    work::testing::{Base, both},
};

const HOME: CenterId = CenterId(1);
const ANNA: UserId = UserId(7);
const T0: i64 = 1_763_712_000_000;

/// What somebody with one right sees of a resource.
fn view(resource: &'static Resource, reach: &str, lists: &[(ListKind, &str)], modes: &[(&str, Mode)]) -> View {
    let policies: Vec<_> = modes.iter().map(|(column, mode)| (resource.name, *column, *mode)).collect();
    anna(resource.read, reach, lists, &policies).view(resource)
}

/// Anna's leave to do something, by one right.
fn anna(action: Action, reach: &str, lists: &[(ListKind, &str)], policies: &[(&str, &str, Mode)]) -> Permit {
    let mut grant = Grant { reach: reach.parse().unwrap(), lists: BTreeMap::new(), policy: Arc::default() };
    for (kind, id) in lists {
        grant.lists.entry(*kind).or_default().insert((*id).to_owned());
    }
    let policy = Arc::get_mut(&mut grant.policy).unwrap();
    policies.iter().for_each(|(resource, column, mode)| policy.restrict(resource, column, *mode));
    let mut access = AccessMap::default();
    access.add(action.0, grant);
    // What links are read by: of every group.
    access.add("tags.read", Grant { reach: "center".parse().unwrap(), lists: BTreeMap::new(), policy: Arc::default() });
    let actor = Actor::system(HOME, "test");
    let anna = Principal::new(ANNA, "anna".to_owned(), HOME, vec![], None, actor, Arc::new(access));
    anna.permit(action).unwrap()
}

fn wide(resource: &'static Resource, modes: &[(&str, Mode)]) -> View {
    view(resource, "center", &[], modes)
}

fn faults<T: std::fmt::Debug>(asked: Result<T, OfficeError>) -> Vec<Fault> {
    match asked {
        Err(OfficeError::Invalid(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

fn named(faults: &[Fault]) -> Vec<(&str, &str)> {
    faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let view = wide(&CALLS, &[]);
    let wrong = [
        ("filter", r#"{"colour":1,"status":"gone"}"#),
        ("sort", "-length"),
        ("limit", "0"),
        ("count", "all"),
        ("fields", "caller,size,caller"),
        ("q", "1 2 3 4 5 6 7 8 9"),
        ("page", "2"),
        ("limit", "5"),
        ("filter", "{}"),
        ("cursor", "xyz"),
    ];
    let faults = faults(ListParams::parse(&view, &wrong));
    let wanted = [
        ("page", "unknown_field"),
        ("limit", "unknown_field"),
        ("filter", "unknown_field"),
        ("filter.colour", "unknown_field"),
        ("filter.status", "invalid_field"),
        ("sort.length", "unknown_field"),
        ("q", "invalid_field"),
        ("fields.size", "unknown_field"),
        ("limit", "invalid_field"),
        ("count", "invalid_field"),
    ];
    let mut told = named(&faults);
    let mut wanted = wanted.to_vec();
    told.sort_unstable();
    wanted.sort_unstable();
    // The limit that stands twice is the last one, which is right.
    wanted.retain(|fault| *fault != ("limit", "invalid_field"));
    assert_eq!(told, wanted);

    let one = |name: &str, value: &str| {
        let asked = ListParams::parse(&view, &[(name, value)]);
        asked.err().map(|error| faults_of(error)[0].field.clone())
    };
    for (name, value) in [
        ("limit", "1"),
        ("limit", "200"),
        ("count", "exact"),
        ("filter", "{}"),
        ("fields", "caller"),
        ("sort", "started_at"),
        ("q", ""),
        ("q", " \t"),
    ] {
        assert_eq!(one(name, value), None, "{name}={value}");
    }
    for (name, value, field) in [
        ("limit", "201", "limit"),
        ("limit", "-1", "limit"),
        ("limit", "1e2", "limit"),
        ("limit", "", "limit"),
        ("limit", "99999999999", "limit"),
        ("count", "", "count"),
        ("filter", "", "filter"),
        ("filter", "[]", "filter"),
        ("fields", "", "fields."),
        ("fields", "caller,", "fields."),
        ("sort", "", "sort."),
        ("sort", "--started_at", "sort.-started_at"),
        ("sort", "segments", "sort.segments"),
        ("sort", "started_at,call_id", "sort.started_at,call_id"),
        ("cursor", "", "cursor"),
        ("cursor", "AAAA", "cursor"),
        ("Filter", "{}", "Filter"),
    ] {
        assert_eq!(one(name, value).as_deref(), Some(field), "{name}={value}");
    }
    let many: Vec<(String, String)> = (0..500).map(|at| (format!("p{at}"), String::new())).collect();
    assert_eq!(self::faults(ListParams::parse(&view, &many)).len(), FAULTS_MAX);
}

fn faults_of(error: OfficeError) -> Vec<Fault> {
    faults(Err::<(), _>(error))
}

/// Whatever is asked about a column that may not be seen gets the answer that a column gets which nobody has.
#[test]
fn what_may_not_be_seen_is_not_there() {
    let resources = [&CALLS, &CDRS, &RECORDINGS, &TRUNKS].into_iter().chain(crate::RESOURCES.iter().copied());
    let mut tried = 0;
    for resource in resources {
        let nothing = "no_such_column_xyz";
        for column in resource.columns {
            for mode in [Mode::Hide, Mode::Mask] {
                let view = wide(resource, &[(column.name, mode)]);
                let answers = |pairs: &[(&str, &str)], purpose: Purpose| {
                    let [own, other] = [column.name, nothing].map(|name| {
                        let pairs = pairs.iter().map(|(parameter, value)| (parameter, value.replace("COLUMN", name)));
                        let faults = faults(view.select(&ListParams::from_pairs(pairs), purpose));
                        let told =
                            faults.into_iter().map(|fault| (fault.field.replace(&format!(".{name}"), ".COLUMN"), fault.code, fault.detail));
                        told.collect::<Vec<_>>()
                    });
                    assert_eq!(own, other, "{}.{} {mode:?}", resource.name, column.name);
                };
                for filter in [
                    r#"{"COLUMN":"1"}"#,
                    r#"{"COLUMN":{"is_null":true}}"#,
                    r#"{"COLUMN":[]}"#,
                    r#"{"or":[{"COLUMN":1},{}]}"#,
                    r#"{"COLUMN":{"contains":"1"}}"#,
                ] {
                    answers(&[("filter", filter)], Purpose::Show);
                    tried += 1;
                }
                answers(&[("sort", "COLUMN")], Purpose::Show);
                answers(&[("sort", "-COLUMN")], Purpose::Show);
                answers(&[("fields", "COLUMN")], Purpose::Export);
                if mode == Mode::Hide {
                    answers(&[("fields", "COLUMN")], Purpose::Show);
                }
                tried += 4;

                let known = view.list_columns().into_iter().find(|known| known.name == column.name);
                assert_eq!(known.map(|known| (known.mode, known.sort, known.filter)), (mode == Mode::Mask).then_some((mode, false, false)));
                let export = view.select(&ListParams::default(), Purpose::Export).unwrap();
                assert!(export.columns().iter().all(|exported| exported.name != column.name));
                // The list's own order does not tell of it either.
                let shown = view.select(&ListParams::default(), Purpose::Show).unwrap();
                assert!(shown.query.sort.column().is_none_or(|sorted| sorted.name != column.name), "{}.{}", resource.name, column.name);
                let is_shown = mode == Mode::Mask && !column.is_only_asked();
                assert_eq!(shown.columns().iter().any(|shown| shown.name == column.name), is_shown);
                let mut row =
                    Map::from_iter([(column.name.to_owned(), Value::from("secret")), ("strange".to_owned(), Value::from("secret"))]);
                view.project(&mut row);
                assert!(!Value::from(row).to_string().contains("secret"), "{}.{}", resource.name, column.name);
                assert_ne!(view.shown(column.name, Value::from("secret")), Some(Value::from("secret")));
                // Nor does a column that tells the same.
                let likes = resource.columns.iter().filter(|other| other.links.is_some_and(|links| links.like.contains(&column.name)));
                for like in likes {
                    assert!(view.usable(like.name).is_none(), "{}.{}", resource.name, like.name);
                    assert_eq!(view.mode(like.name), mode);
                }
                // A search that looks through it is not there.
                if resource.search.contains(column.sql) && !column.sql.is_empty() {
                    assert_eq!(faults(view.select(&ListParams::default().searched("1"), Purpose::Show))[0].field, "q");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

/// Who may see the values of links, and which: by the right that the table names, and not by the one to the rows.
#[test]
fn links_are_reached_by_their_own_right() {
    static TAGS: Links = Links {
        table: "taggings",
        row: "row_id",
        value: "tag_id",
        kind: ColumnKind::Id,
        center: "center_id",
        has_index: true,
        read: Some(Action("tags.read")),
        narrow: Narrow::List(ListKind::TagGroup, "group_id"),
        only: "",
        like: &["name"],
    };
    static HEARD: Links = Links { read: None, narrow: Narrow::Owner("user_id"), like: &[], ..TAGS_OF_ALL };
    const TAGS_OF_ALL: Links = Links {
        table: "taggings",
        row: "row_id",
        value: "tag_id",
        kind: ColumnKind::Id,
        center: "",
        has_index: false,
        read: None,
        narrow: Narrow::None,
        only: "",
        like: &[],
    };
    static TAGGED: Resource = Resource {
        name: "tagged",
        from: "tagged t",
        key: "id",
        center: "t.center_id",
        owner: Owner::Nobody,
        lists: &[],
        search: "",
        order: "id",
        read: Action("tagged.read"),
        export: None,
        columns: &[
            Column::new("id", "t.id", ColumnKind::Id, "").sorted(),
            Column::new("name", "t.name", ColumnKind::Text, "").filtered(),
            Column::new("tags", "", ColumnKind::Json, "").linked(&TAGS),
            Column::new("heard_by", "", ColumnKind::Id, "").linked(&HEARD),
        ],
    };
    type Case<'a> = (&'a [(&'a str, &'a str, &'a [&'a str])], &'a [(&'a str, Mode)], Option<LinkRule>);
    let groups = |ids: &[&str]| LinkRule { lists: Some(ids.iter().map(|id| (*id).to_owned()).collect()), users: None };
    let all = LinkRule::everything;
    let cases: [Case<'_>; 9] = [
        (&[], &[], None),
        (&[("tags.set", "center", &[])], &[], None),
        (&[("tags.read", "center", &[])], &[], Some(all())),
        (&[("tags.read", "list", &["3", "4"])], &[], Some(groups(&["3", "4"]))),
        (&[("tags.read", "list", &["3"]), ("tags.read", "list", &["5"])], &[], Some(groups(&["3", "5"]))),
        // Narrowed without a list: there is the column, and nothing in it.
        (&[("tags.read", "list", &[])], &[], Some(groups(&[]))),
        (&[("tags.read", "center", &[])], &[("tags", Mode::Hide)], None),
        (&[("tags.read", "center", &[])], &[("name", Mode::Hide)], None),
        (&[("tags.read", "center", &[])], &[("name", Mode::Mask)], Some(all())),
    ];
    for (rights, modes, wanted) in cases {
        let mut access = AccessMap::default();
        let grant = |reach: &str, ids: &[&str]| {
            let mut grant = Grant { reach: reach.parse().unwrap(), lists: BTreeMap::new(), policy: Arc::default() };
            for id in ids {
                grant.lists.entry(ListKind::TagGroup).or_default().insert((*id).to_owned());
            }
            let policy = Arc::get_mut(&mut grant.policy).unwrap();
            modes.iter().for_each(|(column, mode)| policy.restrict("tagged", column, *mode));
            grant
        };
        access.add("tagged.read", grant("center", &[]));
        rights.iter().for_each(|(right, reach, ids)| access.add(right, grant(reach, ids)));
        let anna = Principal::new(ANNA, "anna".to_owned(), HOME, vec![], None, Actor::system(HOME, "test"), Arc::new(access));
        let view = anna.permit(TAGGED.read).unwrap().view(&TAGGED);
        assert_eq!(view.links().get("tags"), wanted.as_ref(), "{rights:?} {modes:?}");
        assert_eq!(view.mode("tags") > Mode::Hide, wanted.is_some(), "{rights:?} {modes:?}");
        assert_eq!(view.list_columns().iter().any(|column| column.name == "tags"), wanted.is_some());
        let params = ListParams::default().filtered(json!({"tags": "3"}));
        let is_asked = view.select(&params, Purpose::Show).map(|selection| selection.query.links == view.links());
        let can_ask = wanted.is_some() && view.mode("tags") == Mode::Show;
        assert_eq!(is_asked.is_ok_and(|is_same| is_same), can_ask, "{rights:?} {modes:?}");
        // The other column goes by the right to the rows, which reaches everybody's.
        assert_eq!(view.links().get("heard_by"), Some(&all()));
        // It is there to be asked, and not to be shown.
        let shown = view.select(&ListParams::default(), Purpose::Show).unwrap();
        assert!(shown.columns().iter().all(|column| column.name != "heard_by"));
        let told = view.list_columns().into_iter().find(|column| column.name == "heard_by").unwrap();
        assert_eq!((told.mode, told.sort, told.filter), (Mode::Show, false, true));
        assert_eq!(
            named(&faults(view.select(&ListParams::default().of_fields(["heard_by".to_owned()]), Purpose::Show))),
            [("fields.heard_by", "unknown_field")]
        );
    }
}

/// Each row: what is seen of `callee`, and what of a number that stands within another column.
#[test]
fn a_number_within_a_column_is_seen_like_the_one_that_it_is_like() {
    let called = json!("+79161231234");
    for (mode, seen) in [(Mode::Show, Some(called.clone())), (Mode::Mask, Some(json!("+7 9•• ••• 12 34"))), (Mode::Hide, None)] {
        let view = wide(&CDRS, &[("callee", mode)]);
        let row = json!({"tries": [{"carrier": "1", "called": called}, {"carrier": "2", "called": called}], "call_id": "c_1"});
        let mut row = row.as_object().unwrap().clone();
        view.project(&mut row);
        let tries = row["tries"].as_array().unwrap();
        assert!(tries.iter().all(|tried| tried.get("called") == seen.as_ref() && tried["carrier"] != json!(null)), "{mode:?} {tries:?}");
    }
}

/// Each row: how caller and callee are seen, and what stands as the number of either channel then.
#[test]
fn numbers_of_a_recording_are_seen_like_the_least_visible_of_both() {
    let number = json!("+79161231234");
    let masked = json!("+7 9•• ••• 12 34");
    let cases = [
        (Mode::Show, Mode::Show, Some(&number)),
        (Mode::Mask, Mode::Show, Some(&masked)),
        (Mode::Show, Mode::Mask, Some(&masked)),
        (Mode::Mask, Mode::Mask, Some(&masked)),
        (Mode::Hide, Mode::Mask, None),
        (Mode::Mask, Mode::Hide, None),
    ];
    for resource in [&CALLS, &CDRS] {
        for (caller, callee, seen) in cases {
            let view = wide(resource, &[("caller", caller), ("callee", callee)]);
            let recording =
                json!({"state": "complete", "left": {"role": "caller", "number": number}, "right": {"role": "callee", "number": number}});
            let shown = view.shown("recording", recording).unwrap();
            for (side, role) in [("left", "caller"), ("right", "callee")] {
                assert_eq!((shown[side].get("number"), &shown[side]["role"]), (seen, &json!(role)), "{caller:?} {callee:?} {side}");
            }
            assert_eq!(view.shown("recording", Value::Null), Some(Value::Null));
        }
    }
}

#[test]
fn whoever_served_a_call_is_hidden_with_who_placed_it() {
    let call = json!({
        "user": "2",
        "segments": [{"slot": "1", "user": "2"}, {"slot": "3", "user": null}],
        "transfer": {"by": "1", "user": "2", "to": "6002", "status": "ringing"},
    });
    let cases = [
        (
            Mode::Hide,
            json!({
                "segments": [{"slot": "1"}, {"slot": "3"}],
                "transfer": {"by": "1", "to": "6002", "status": "ringing"},
            }),
        ),
        (
            Mode::Mask,
            json!({
                "user": "•••",
                "segments": [{"slot": "1", "user": "•••"}, {"slot": "3", "user": null}],
                "transfer": {"by": "1", "user": "•••", "to": "6002", "status": "ringing"},
            }),
        ),
    ];
    for (mode, seen) in cases {
        let mut row = call.as_object().unwrap().clone();
        wide(&CALLS, &[("user", mode)]).project(&mut row);
        assert_eq!(Value::from(row), seen, "{mode:?}");
    }
}

/// Each row: how the slots of a call are seen, and what stands as the slot of a segment and of a transfer then.
#[test]
fn slots_and_carriers_within_a_call_are_seen_like_its_own() {
    let masked = json!("•••");
    for (caller_slot, callee_slot, seen) in [
        (Mode::Show, Mode::Mask, Some(&masked)),
        (Mode::Mask, Mode::Show, Some(&masked)),
        (Mode::Hide, Mode::Show, None),
        (Mode::Show, Mode::Hide, None),
    ] {
        let view = wide(&CALLS, &[("caller_slot", caller_slot), ("callee_slot", callee_slot)]);
        let segments = view.shown("segments", json!([{"slot": "1", "user": "2"}])).unwrap();
        assert_eq!((segments[0].get("slot"), &segments[0]["user"]), (seen, &json!("2")), "{caller_slot:?} {callee_slot:?}");
        let transfer = view.shown("transfer", json!({"by": "1", "user": "2"})).unwrap();
        assert_eq!((transfer.get("by"), &transfer["user"]), (seen, &json!("2")), "{caller_slot:?} {callee_slot:?}");
    }
    for resource in [&CALLS, &CDRS] {
        let view = wide(resource, &[("carrier", Mode::Hide)]);
        assert_eq!(view.shown("tries", json!([{"carrier": "101", "caller": "1"}])), Some(json!([{"caller": "1"}])));
    }
}

/// Each row: what is hidden or masked, and how the numbers of a recording are seen then.
#[test]
fn numbers_of_the_recordings_list_are_seen_like_those_of_calls() {
    use Mode::{Hide, Mask, Show};
    for (policies, left, right) in [
        (&[][..], Show, Show),
        (&[("calls", "caller", Mask)][..], Mask, Mask),
        (&[("calls", "callee", Mask)], Mask, Mask),
        (&[("calls", "caller", Mask), ("calls", "callee", Hide)], Hide, Hide),
        (&[("calls", "callee", Mask), ("recordings", "left_number", Hide)], Hide, Mask),
        (&[("recordings", "right_number", Mask)], Show, Mask),
        (&[("cdrs", "caller", Hide), ("calls", "user", Hide)], Show, Show),
    ] {
        let view = anna(can::RECORDINGS_READ, "center", &[], policies).view(&RECORDINGS);
        assert_eq!((view.mode("left_number"), view.mode("right_number")), (left, right), "{policies:?}");
        let is_seen = left == Show && right == Show;
        assert_eq!(view.is_searchable(), is_seen, "{policies:?}");
        let answers = |pairs: &[(&str, &str)]| view.select(&ListParams::from_pairs(pairs.iter().copied()), Purpose::Show).is_ok();
        assert_eq!(answers(&[("q", "6001")]), is_seen, "{policies:?}");
        for (column, mode) in [("left_number", left), ("right_number", right)] {
            assert_eq!(answers(&[("filter", &json!({column: "6001"}).to_string())]), mode == Show, "{column} {policies:?}");
            let export = view.select(&ListParams::default(), Purpose::Export).unwrap();
            assert_eq!(export.columns().iter().any(|exported| exported.name == column), mode == Show, "{column} {policies:?}");
        }
    }
}

#[test]
fn a_search_tells_nothing_of_columns_that_are_not_seen() {
    static FOLDED: Resource = Resource {
        name: "folded",
        from: "folded t",
        key: "id",
        center: "t.center_id",
        owner: Owner::Nobody,
        lists: &[],
        search: "t.search_norm",
        order: "id",
        read: Action("folded.read"),
        export: None,
        columns: &[
            Column::new("id", "t.id", ColumnKind::Id, ""),
            Column::new("name", "t.name", ColumnKind::Text, ""),
            Column::new("email", "t.email", ColumnKind::Text, "").masked(Mask::Email),
            Column::new("state", "t.state", ColumnKind::Code(&["on"]), ""),
        ],
    };
    let can = |resource: &'static Resource, modes: &[(&str, Mode)]| {
        wide(resource, modes).select(&ListParams::default().searched("1"), Purpose::Show).is_ok()
    };
    type Case = (&'static Resource, &'static [(&'static str, Mode)], bool);
    let cases: [Case; 13] = [
        (&CALLS, &[], true),
        (&CALLS, &[("caller", Mode::Mask)], false),
        (&CALLS, &[("callee", Mode::Hide)], false),
        (&CALLS, &[("source", Mode::Hide), ("scenario", Mode::Mask), ("user", Mode::Hide)], true),
        (&RECORDINGS, &[], true),
        (&RECORDINGS, &[("left_number", Mode::Mask)], false),
        (&RECORDINGS, &[("scenario", Mode::Hide)], true),
        (&TRUNKS, &[], false),
        // What the folded texts hold is not known, so it may be any text.
        (&FOLDED, &[], true),
        (&FOLDED, &[("email", Mode::Mask)], false),
        (&FOLDED, &[("name", Mode::Hide)], false),
        (&FOLDED, &[("state", Mode::Hide)], true),
        (&FOLDED, &[("id", Mode::Hide)], true),
    ];
    for (resource, modes, wanted) in cases {
        assert_eq!(can(resource, modes), wanted, "{} {modes:?}", resource.name);
    }
}

fn call(n: i64, user: Option<UserId>, scenario: &str) -> Fact {
    Fact::CallStarted {
        call: CallView {
            call_id: id(n),
            center: HOME,
            parent: None,
            status: CallStatus::Dialing,
            direction: Direction::Outbound,
            caller: "6001".to_owned(),
            callee: format!("+7916123{n:04}"),
            caller_slot: Some(SlotId(n)),
            callee_slot: None,
            user,
            started_at: WallTime(T0 + n * 1000),
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            outcome: None,
            cause: None,
            segments: vec![],
            scenario: Some(scenario.to_owned()),
            source: None,
            carrier: None,
            tries: Vec::new(),
            asked: None,
            transfer: None,
            rung: vec![],
        },
    }
}

fn id(n: i64) -> CallId {
    CallId((T0 + n * 1000) << 22)
}

#[tokio::test]
async fn a_person_sees_the_rows_and_columns_of_their_rights_and_no_more() {
    for base in [Base::sqlite(), Base::postgres()] {
        let store = base.open().await;
        let calls = (1..=9).map(|n| (u64::try_from(n).unwrap(), call(n, Some(UserId(6 + n % 2)), if n < 4 { "sales" } else { "support" })));
        store.apply(&calls.collect::<Vec<_>>()).await.unwrap();
        let office = crate::testing::office(store).await;
        let ask = async |view: &View, pairs: &[(&str, &str)]| office.list(view, &ListParams::from_pairs(pairs.iter().copied())).await;
        let ids = |page: &ListPage| -> Vec<i64> { page.keys.iter().map(|key| (key >> 22) / 1000 - T0 / 1000).collect() };

        let all = wide(&CALLS, &[]);
        let page = ask(&all, &[("limit", "2"), ("filter", r#"{"scenario":"support"}"#), ("fields", "callee,recording")]).await.unwrap();
        assert_eq!(
            page.items,
            [json!({"callee": "+79161230009"}), json!({"callee": "+79161230008"})].map(|row| row.as_object().unwrap().clone())
        );
        assert_eq!((ids(&page), page.count), (vec![9, 8], Some(ListCount { value: 6, capped: false })));
        assert_eq!(page.added.iter().map(|column| column.name).collect::<Vec<_>>(), ["recording"]);
        assert_eq!((page.columns.len(), &page.prev), (CALLS.columns.len(), &None));
        let next = page.next.unwrap();
        let more = [("limit", "2"), ("filter", r#" { "scenario" : "support" } "#), ("cursor", next.as_str()), ("count", "none")];
        let page = ask(&all, &more).await.unwrap();
        assert_eq!((ids(&page), page.count, page.prev.is_some()), (vec![7, 6], None, true));
        let other = [("limit", "2"), ("filter", r#"{"scenario":"sales"}"#), ("cursor", next.as_str())];
        assert_eq!(named(&faults(ask(&all, &other).await)), [("cursor", "invalid_field")]);
        let page = ask(&all, &[("q", "1230007"), ("count", "exact"), ("sort", "call_id")]).await.unwrap();
        assert_eq!((ids(&page), page.count.unwrap().value), (vec![7], 1));
        // A cursor of somebody else's list is a place in one's own.
        let own = view(&CALLS, "own", &[], &[]);
        let page = ask(&own, &[("limit", "2"), ("filter", r#"{"scenario":"support"}"#), ("cursor", next.as_str())]).await.unwrap();
        assert_eq!(ids(&page), [7, 5]);

        let listed = view(&CALLS, "own+list", &[(ListKind::Scenario, "sales")], &[("callee", Mode::Mask), ("user", Mode::Hide)]);
        let page = ask(&listed, &[("fields", "callee,caller")]).await.unwrap();
        assert_eq!(ids(&page), [3, 1]);
        assert_eq!(Value::from(page.items[0].clone()), json!({"callee": "+7 9•• ••• 00 03", "caller": "6001"}));
        let text = serde_json::to_value(ask(&listed, &[]).await.unwrap()).unwrap();
        assert!(
            text["items"][0].get("user").is_none() && text["columns"].as_array().unwrap().iter().all(|column| column["name"] != "user")
        );
        let callee = text["columns"].as_array().unwrap().iter().find(|column| column["name"] == "callee").unwrap();
        assert_eq!(*callee, json!({"name": "callee", "mode": "mask", "sort": false, "filter": false}));
        assert_eq!(text.as_object().unwrap().keys().collect::<Vec<_>>(), ["columns", "count", "items", "next", "prev"]);
        assert_eq!(text["count"], json!({"value": 2, "capped": false}));

        // One row: what is not reached, and what is no key, is not there.
        let row = office.read(&listed, &id(3).to_string()).await.unwrap();
        assert_eq!((row["callee"].as_str(), row.contains_key("user")), (Some("+7 9•• ••• 00 03"), false));
        for missing in
            [id(2), id(5), id(77)].map(|call| call.to_string()).iter().map(String::as_str).chain(["", "7", "x", "c_", "' OR 1=1"])
        {
            assert!(matches!(office.read(&listed, missing).await, Err(OfficeError::NotFound("calls"))), "{missing}");
        }
        let elsewhere = view(&CALLS, "list", &[], &[]);
        assert_eq!(ask(&elsewhere, &[]).await.unwrap().items.len(), 0);
        assert!(matches!(office.read(&elsewhere, &id(3).to_string()).await, Err(OfficeError::NotFound("calls"))));

        // A walk takes what a list shows, and no more.
        let selection = listed.select(&ListParams::default().of_fields(["caller".to_owned()]), Purpose::Export).unwrap().in_chunks_of(1);
        let upto = office.last_key(&selection).await.unwrap().unwrap();
        assert_eq!((upto, office.count(&selection).await.unwrap()), (id(9).0, 2));
        let mut after = 0;
        let mut rows = vec![];
        loop {
            let chunk = office.walk(&selection, after, upto).await.unwrap();
            assert_eq!(office.walk_keys(&selection, after, upto).await.unwrap().after, chunk.after);
            rows.extend(chunk.rows);
            after = chunk.after;
            if chunk.is_last {
                break;
            }
        }
        assert_eq!(rows.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [id(1).0, id(3).0]);
        assert_eq!(Value::from(rows[0].1.clone()), json!({"caller": "6001"}));
    }
}

/// Whose a call is says a table, which may name others than those who placed and served it.
#[tokio::test]
async fn calls_that_are_listed_can_be_read_and_no_others() {
    for base in [Base::sqlite(), Base::postgres()] {
        let store = base.open().await;
        let calls = (1..=9).map(|n| (u64::try_from(n).unwrap(), call(n, Some(UserId(6 + n % 2)), if n < 4 { "sales" } else { "support" })));
        store.apply(&calls.collect::<Vec<_>>()).await.unwrap();
        let hers = both("INSERT INTO call_users (user_id, call_id) VALUES ($1, $2)");
        store.db().run(hers, binds![ANNA, id(2)]).await.unwrap();
        store.db().run(hers, binds![ANNA, id(8)]).await.unwrap();
        let office = crate::testing::office(store).await;
        let sales = &[(ListKind::Scenario, "sales")][..];
        for (reach, lists, wanted) in [
            ("own", &[][..], &[1, 2, 3, 5, 7, 8, 9][..]),
            ("own+list", sales, &[1, 2, 3]),
            ("list", sales, &[1, 2, 3]),
            ("list", &[(ListKind::Slot, "8")], &[8]),
            ("list", &[], &[]),
            ("center", &[], &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ] {
            let permit = anna(can::CALLS_READ, reach, lists, &[]);
            let listed = office.list(&permit.view(&CALLS), &ListParams::default().sorted("call_id")).await.unwrap().keys;
            assert_eq!(listed, wanted.iter().map(|n| id(*n).0).collect::<Vec<_>>(), "{reach} {lists:?}");
            for action in [can::CALLS_READ, can::CALLS_TRACE, can::CALLS_END, can::RECORDINGS_LISTEN] {
                let permit = anna(action, reach, lists, &[]);
                for n in 1..=10 {
                    let read = office.call(&permit, id(n)).await.unwrap();
                    assert_eq!(read.map(|call| call.call_id), wanted.contains(&n).then_some(id(n)), "{action} {reach} {lists:?} {n}");
                }
            }
        }
        assert!(office.call(&anna(can::CALLS_START, "own", &[], &[]), id(1)).await.is_err(), "leave for another thing");
    }
}

#[test]
fn rows_in_memory_are_listed_like_those_of_a_database() {
    let slot = |id: i64, center: i64, holder: Option<i64>| {
        let row = json!({
            "id": id.to_string(), "number": (6010 - id).to_string(), "type": "auto", "state": if id % 2 == 0 { "IDLE" } else { "READY" },
            "registered": id > 2, "holder": holder.map(|holder| holder.to_string()), "holder_name": holder.map(|_| "anna"), "secret": "x",
        });
        Row {
            key: id,
            row: row.as_object().unwrap().clone(),
            center: CenterId(center),
            users: holder.into_iter().map(UserId).collect(),
            lists: vec![(ListKind::Slot, id.to_string())],
        }
    };
    let rows = || vec![slot(3, 1, None), slot(1, 1, Some(7)), slot(2, 1, Some(8)), slot(5, 2, Some(7)), slot(4, 1, None)];
    let ask = |view: &View, pairs: &[(&str, &str)]| list_in_memory(view, rows(), &ListParams::from_pairs(pairs.iter().copied()));
    let keys = |view: &View, pairs: &[(&str, &str)]| ask(view, pairs).unwrap().keys;
    let all = wide(&SLOTS, &[]);
    assert_eq!(keys(&all, &[]), [4, 3, 2, 1], "by number, and none of another centre");
    assert_eq!(keys(&all, &[("sort", "-number")]), [1, 2, 3, 4]);
    assert_eq!(keys(&all, &[("filter", r#"{"registered":true}"#)]), [4, 3]);
    assert_eq!(keys(&all, &[("filter", r#"{"holder":null,"state":["READY"]}"#)]), [3]);
    assert_eq!(keys(&all, &[("filter", r#"{"holder":"8"}"#)]), [2]);
    assert_eq!(keys(&view(&SLOTS, "own", &[], &[]), &[]), [1]);
    assert_eq!(keys(&view(&SLOTS, "list", &[(ListKind::Slot, "2"), (ListKind::Slot, "5")], &[]), &[]), [2]);
    assert_eq!(keys(&view(&SLOTS, "own+list", &[(ListKind::Slot, "2")], &[]), &[]), Vec::<i64>::new());
    assert_eq!(keys(&view(&SLOTS, "list", &[], &[]), &[]), Vec::<i64>::new());

    let first = ask(&all, &[("limit", "3")]).unwrap();
    assert_eq!((first.keys, first.count, first.prev), (vec![4, 3, 2], Some(ListCount { value: 4, capped: false }), None));
    let last = ask(&all, &[("limit", "3"), ("cursor", first.next.as_deref().unwrap())]).unwrap();
    assert_eq!((last.keys, last.next), (vec![1], None));
    assert_eq!(keys(&all, &[("limit", "3"), ("cursor", last.prev.as_deref().unwrap())]), [4, 3, 2]);
    assert_eq!(named(&faults(ask(&all, &[("sort", "id"), ("cursor", last.prev.as_deref().unwrap())]))), [("cursor", "invalid_field")]);

    let few = wide(&SLOTS, &[("number", Mode::Mask), ("holder", Mode::Hide), ("holder_name", Mode::Hide)]);
    let page = ask(&few, &[("fields", "id,number,state")]).unwrap();
    // Its order would tell of numbers, so it is that of keys.
    assert_eq!(Value::from(page.items[0].clone()), json!({"id": "1", "number": "•••", "state": "READY"}));
    assert!(page.added.is_empty());
    let text = serde_json::to_string(&ask(&few, &[]).unwrap()).unwrap();
    assert!(!text.contains("holder") && !text.contains("secret") && !text.contains("6009"), "{text}");
    assert!(few.reaches(&rows()[0]) && !few.reaches(&rows()[3]));
}

/// Every resource that is in the database.
fn listed() -> impl Iterator<Item = &'static Resource> {
    let resources = store::catalogue::RESOURCES.iter().chain(crate::RESOURCES).copied();
    resources.filter(|resource| !resource.from.is_empty())
}

/// Whatever can be asked of any resource is understood by both databases: each filter, each order, each way to narrow a right.
#[tokio::test]
async fn every_resource_can_be_asked_everything() {
    for base in [Base::sqlite(), Base::postgres()] {
        let store = base.open().await;
        let office = crate::testing::office(store.clone()).await;
        for resource in listed() {
            let ask = async |view: &View, params: ListParams| {
                let asked = format!("{} {params:?}", resource.name);
                let page = office.list(view, &params).await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
                let selection = view.select(&params, Purpose::Show).unwrap();
                let count = office.count(&selection).await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
                assert_eq!(page.count.map(|count| count.value), Some(count), "{asked}");
                office.walk(&selection, 0, i64::MAX).await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
                (page, count)
            };
            let all = wide(resource, &[]);
            let (page, count) = ask(&all, ListParams::default()).await;
            for (key, item) in page.keys.iter().zip(&page.items) {
                let on_the_wire = item[resource.key].as_str().map_or_else(|| item[resource.key].to_string(), str::to_owned);
                let row = office.read(&all, &on_the_wire).await.unwrap_or_else(|error| panic!("{} {key}: {error:?}", resource.name));
                assert_eq!(row, *item);
            }
            if !resource.search.is_empty() {
                ask(&all, ListParams::default().searched("a b%_'")).await;
            }
            for column in resource.columns.iter().filter(|column| column.filter) {
                for filter in filters_of(column) {
                    ask(&all, ListParams::default().filtered(json!({ column.name: filter }))).await;
                }
                // A value is there or it is not.
                let (_, absent) = ask(&all, ListParams::default().filtered(json!({ column.name: null }))).await;
                let (_, present) = ask(&all, ListParams::default().filtered(json!({ column.name: {"ne": null} }))).await;
                assert_eq!(absent + present, count, "{}.{}", resource.name, column.name);
                assert!(column.nullable || absent == 0, "{}.{} can be absent after all", resource.name, column.name);
            }
            for column in resource.columns.iter().filter(|column| !column.sort.is_empty()) {
                for sort in [column.name.to_owned(), format!("-{}", column.name)] {
                    let (first, _) = ask(&all, ListParams::from_pairs([("limit", "1"), ("sort", &sort)])).await;
                    if let Some(next) = first.next {
                        let pairs = [("limit", "1"), ("sort", sort.as_str()), ("cursor", next.as_str())];
                        let (second, _) = ask(&all, ListParams::from_pairs(pairs)).await;
                        assert_ne!(first.keys, second.keys, "{} {sort}", resource.name);
                    }
                }
            }
            ask(&view(resource, "own", &[], &[]), ListParams::default()).await;
            for (kind, _) in resource.lists {
                ask(&view(resource, "list", &[(*kind, "1"), (*kind, "x'")], &[]), ListParams::default()).await;
                ask(&view(resource, "own+list", &[(*kind, "1")], &[]), ListParams::default()).await;
            }
        }
    }
}

/// One filter for each thing that can be asked of a column.
fn filters_of(column: &Column) -> Vec<Value> {
    let Some(links) = column.links else { return filters(column.kind) };
    let values = filters(links.kind).into_iter().find(Value::is_array).unwrap();
    vec![json!({"eq": values[0], "ne": values[0]}), json!({"in": values, "not_in": values, "all": values}), json!({"all": []})]
}

fn filters(kind: ColumnKind) -> Vec<Value> {
    match kind {
        ColumnKind::Id | ColumnKind::Int | ColumnKind::Time => {
            vec![json!({"eq": 1, "ne": 2, "gt": 0, "gte": 0, "lt": 9, "lte": 9}), json!([1, 2, 3, 4, 5, 6])]
        }
        ColumnKind::Call => vec![json!({"gt": CallId(1).to_string(), "ne": CallId(2).to_string()}), json!([CallId(1).to_string()])],
        ColumnKind::Bool => vec![json!(true), json!({"ne": true}), json!([true, false])],
        ColumnKind::Text => vec![json!({"eq": "a", "ne": "b", "prefix": "a", "contains": "A"}), json!(["a", "b", "c", "d", "e", "f"])],
        ColumnKind::Code(codes) => vec![json!(codes[0]), json!({"ne": codes[0]}), json!(codes)],
        ColumnKind::Json => panic!("there is no filter by JSON"),
    }
}

/// How SQLite goes about a page.
async fn plan_of(read: &sqlx::SqlitePool, store: &Store, selection: &Selection<'_>) -> Vec<String> {
    let text = store.list_text(&selection.query).unwrap();
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"))).fetch_all(read).await.unwrap();
    plan.into_iter().map(|(.., step)| step).collect()
}

/// The calls of one carrier, of which there may be a thousand among ten million, come from an index, newest first.
#[tokio::test]
async fn the_calls_of_a_carrier_have_an_index() {
    let base = Base::sqlite();
    let store = base.open().await;
    let store::Db::Lite { read, .. } = store.db() else { unreachable!() };
    for (resource, index) in [(&store::catalogue::CDRS, "cdrs_by_carrier"), (&store::catalogue::CALLS, "calls_by_carrier")] {
        let view = wide(resource, &[]);
        let params = ListParams::default().filtered(json!({"carrier": "7"}));
        let plan = plan_of(read, &store, &view.select(&params, Purpose::Show).unwrap()).await;
        assert!(plan.iter().any(|step| step.contains(index) && step.contains("carrier_id=?")), "{}: {plan:?}", resource.name);
        assert!(!plan.iter().any(|step| step.contains("USE TEMP B-TREE")), "{}: {plan:?}", resource.name);
    }
}

/// Who reaches a few scenarios of a thousand, or asks for one number or for who served a call, does not wait for others' calls to be looked at.
#[tokio::test]
async fn the_calls_of_few_come_from_their_indexes() {
    let base = Base::sqlite();
    let store = base.open().await;
    let store::Db::Lite { read, .. } = store.db() else { unreachable!() };
    let lists: Vec<(ListKind, &str)> = ["sales", "support", "hotline"].map(|scenario| (ListKind::Scenario, scenario)).to_vec();
    type Case<'a> = (&'a [(ListKind, &'a str)], Value, &'a str, &'a str);
    let cases: [Case<'_>; 6] = [
        (&lists, json!({}), "scenario", "scenario=?"),
        (&lists[..1], json!({}), "scenario", "scenario=?"),
        (&lists, json!({"started_at": {"gte": T0}, "outcome": "answered"}), "scenario", "scenario=? AND call_id>?"),
        (&[], json!({"scenario": "sales"}), "scenario", "scenario=?"),
        (&lists, json!({"served_by": null}), "scenario", "scenario=?"),
        (&[], json!({"scenario": ["sales", "support"], "served_by": {"not_in": ["7", "8"]}}), "scenario", "scenario=?"),
    ];
    for (resource, table) in [(&CDRS, "cdrs"), (&CALLS, "calls")] {
        for (lists, filter, index, condition) in &cases {
            let view = if lists.is_empty() { wide(resource, &[]) } else { view(resource, "list", lists, &[]) };
            let params = ListParams::default().filtered(filter.clone());
            let plan = plan_of(read, &store, &view.select(&params, Purpose::Show).unwrap()).await;
            let index = format!("{table}_by_{index}");
            assert!(plan.iter().any(|step| step.contains(&index) && step.contains(condition)), "{table} {filter}: {plan:#?}");
            assert!(
                !plan.iter().any(|step| step.starts_with("SCAN t") || step.contains(&format!("{table}_by_center"))),
                "{table} {filter}: {plan:#?}"
            );
        }
        let all = wide(resource, &[]);
        let params = ListParams::default().filtered(json!({"served_by": ["7", "8"], "scenario": "sales"}));
        let plan = plan_of(read, &store, &all.select(&params, Purpose::Show).unwrap()).await;
        let begins = plan.iter().filter(|step| step.contains("SEARCH l USING PRIMARY KEY (user_id=?)")).count();
        assert_eq!(begins, 2, "one for each: {plan:#?}");
    }
    // The history of a number, also of somebody who reaches a few scenarios.
    for view in [wide(&CDRS, &[]), view(&CDRS, "list", &lists, &[])] {
        for (column, number) in [("caller", json!("+79161234567")), ("callee", json!(["+79161234567", "89161234567"]))] {
            let params = ListParams::default().filtered(json!({ column: number }));
            let plan = plan_of(read, &store, &view.select(&params, Purpose::Show).unwrap()).await;
            let wanted = [format!("cdrs_by_{column}"), format!("{column}=?")];
            assert!(plan.iter().any(|step| wanted.iter().all(|part| step.contains(part))), "{column}: {plan:#?}");
        }
    }
}

/// A tag that three calls have and one that all have: both begin at the index of tags, also for whoever was given some groups and scenarios.
#[tokio::test]
async fn the_calls_with_a_tag_come_from_its_index() {
    let base = Base::sqlite();
    let store = base.open().await;
    let store::Db::Lite { read, write, .. } = store.db() else { unreachable!() };
    let calls = (1..=300).map(|n| (u64::try_from(n).unwrap(), call(n, None, if n % 3 == 0 { "sales" } else { "support" })));
    store.apply(&calls.collect::<Vec<_>>()).await.unwrap();
    let tagged = both("INSERT INTO taggings (call_id, tag_id, center_id, group_id, set_at) VALUES ($1, $2, 1, $3, 0)");
    const COMMON: i64 = 7;
    const RARE: i64 = 8;
    for n in 1..=300 {
        store.db().run(tagged, binds![id(n), COMMON, 1_i64]).await.unwrap();
    }
    for n in [3, 150, 299] {
        store.db().run(tagged, binds![id(n), RARE, 2_i64]).await.unwrap();
    }
    sqlx::query("ANALYZE").execute(write).await.unwrap();
    let office = crate::testing::office(store.clone()).await;
    let found = |page: &ListPage| -> Vec<i64> { page.keys.iter().map(|key| (key >> 22) / 1000 - T0 / 1000).collect() };
    let sales = [(ListKind::Scenario, "sales")];
    for (filter, begins, of_all, of_sales) in [
        (json!({"tags": "8"}), 1, vec![299, 150, 3], vec![150, 3]),
        (json!({"tags": "7"}), 1, vec![300, 299, 298], vec![300, 297, 294]),
        (json!({"tags": ["7", "8"]}), 2, vec![300, 299, 298], vec![300, 297, 294]),
        (json!({"tags": {"all": ["7", "8"]}}), 1, vec![299, 150, 3], vec![150, 3]),
        (json!({"tags": {"eq": "7", "not_in": ["8"]}}), 1, vec![300, 298, 297], vec![300, 297, 294]),
    ] {
        for (view, wanted) in [(wide(&CALLS, &[]), of_all), (view(&CALLS, "list", &sales, &[]), of_sales)] {
            let params = ListParams::default().filtered(filter.clone()).limited(3);
            let plan = plan_of(read, &store, &view.select(&params, Purpose::Show).unwrap()).await;
            let by_tag = |step: &&String| step.contains("INDEX taggings_by_tag (center_id=? AND tag_id=?)");
            assert_eq!(plan.iter().filter(by_tag).count(), begins, "{filter}: {plan:#?}");
            let of_calls = |step: &&String| step.starts_with("SEARCH t ") || step.starts_with("SCAN t");
            let is_by_key = |step: &String| step.contains("call_id=?") || step.contains("rowid=?");
            assert!(plan.iter().filter(of_calls).all(is_by_key), "{filter}: {plan:#?}");
            assert_eq!(found(&office.list(&view, &params).await.unwrap()), wanted, "{filter}");
        }
    }
}

/// The calls that are to be rated begin at the table of those, which holds no others.
#[tokio::test]
async fn the_next_call_to_be_rated_is_not_looked_for() {
    let base = Base::sqlite();
    let store = base.open().await;
    let store::Db::Lite { read, .. } = store.db() else { unreachable!() };
    let sales = [(ListKind::Scenario, "sales")];
    for resource in [&CALLS, &CDRS] {
        for view in [wide(resource, &[]), view(resource, "list", &sales, &[])] {
            let params = ListParams::default().filtered(json!({"unrated_in": "3"})).limited(1);
            let plan = plan_of(read, &store, &view.select(&params, Purpose::Show).unwrap()).await;
            assert!(plan.iter().any(|step| step.contains("SEARCH l USING PRIMARY KEY (center_id=? AND group_id=?)")), "{plan:#?}");
            let of_calls = |step: &&String| step.starts_with("SEARCH t ") || step.starts_with("SCAN t");
            let is_by_key = |step: &String| step.contains("call_id=?") || step.contains("rowid=?");
            assert!(plan.iter().filter(of_calls).all(is_by_key), "{plan:#?}");
        }
        // It tells that there is a recording, and that there are no tags.
        for hidden in ["recording", "tags"] {
            let half = wide(resource, &[(hidden, Mode::Hide)]);
            let asked = half.select(&ListParams::default().filtered(json!({"unrated_in": "3"})), Purpose::Show);
            assert_eq!(named(&faults(asked)), [("filter.unrated_in", "unknown_field")]);
        }
    }
}

/// A page comes from an index, in order: nothing is sorted, however many rows there are.
#[tokio::test]
async fn every_order_has_an_index() {
    /// Made by hand, one by one: thousands of rows at most, which are sorted in no time.
    const SMALL: [&str; 4] = ["oidc_role_map", "permission_sets", "roles", "trunks"];
    let base = Base::sqlite();
    let store = base.open().await;
    let store::Db::Lite { read, .. } = store.db() else { unreachable!() };
    let mut sorted = Vec::new();
    for resource in listed().filter(|resource| !SMALL.contains(&resource.name)) {
        let view = wide(resource, &[]);
        for column in resource.columns.iter().filter(|column| !column.sort.is_empty()) {
            let selection = view.select(&ListParams::default().sorted(column.name), Purpose::Show).unwrap();
            let plan = plan_of(read, &store, &selection).await;
            if plan.iter().any(|step| step.contains("USE TEMP B-TREE FOR") && step.contains("ORDER BY")) {
                sorted.push(format!("{}.{}", resource.name, column.name));
            }
        }
    }
    assert_eq!(sorted, Vec::<String>::new(), "these need an index of (center_id, what is sorted by, key)");
}

#[test]
fn resources_hold_together() {
    for resource in listed() {
        let name = resource.name;
        let key = resource.column(resource.key).unwrap_or_else(|| panic!("{name} has no key"));
        assert!(!key.nullable && matches!(key.kind, ColumnKind::Id | ColumnKind::Call | ColumnKind::Int), "{name}");
        let order = resource.column(resource.order.trim_start_matches('-'));
        assert!(order.is_some_and(|order| !order.sort.is_empty()), "{name} has no order");
        for (at, column) in resource.columns.iter().enumerate() {
            let is_added = column.sql.is_empty();
            assert!(
                !is_added || column.links.is_some() || (!column.filter && column.sort.is_empty()),
                "{name}.{} is not read, so nothing can be chosen by it",
                column.name
            );
            assert!(!column.filter || column.links.is_some() || column.kind != ColumnKind::Json, "{name}.{}", column.name);
            if let Some(links) = column.links {
                assert!(
                    is_added && column.sort.is_empty() && !matches!(links.kind, ColumnKind::Json | ColumnKind::Bool),
                    "{name}.{}",
                    column.name
                );
                assert!(links.like.iter().all(|like| resource.column(like).is_some()), "{name}.{}", column.name);
            }
            assert!(!column.split || (!is_added && column.kind == ColumnKind::Text), "{name}.{}", column.name);
            assert!(!resource.columns[..at].iter().any(|other| other.name == column.name), "{name}.{} stands twice", column.name);
        }
    }
}
