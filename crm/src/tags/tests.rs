#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod events;
mod lists;
mod markers;
mod stats;
mod unrated;

use model::{CallId, ListKind, Mode, TagId};
use office::{
    Conflict, ListParams, OfficeError, Principal,
    accounts::NewUser,
    rights::{AccessList, ColumnPolicy},
};
use store::statements;

use super::{GROUPS_MAX, NewTag, NewTagGroup, TAG_GROUPS, TAGS, TagChange, TagGroupChange, Tagged, Tagging};
use crate::{
    can,
    testing::{House, NOW, faults, leave, on_both},
};

fn group(name: &str) -> NewTagGroup {
    NewTagGroup { name: name.to_owned(), ..NewTagGroup::default() }
}

fn tag(group: i64, name: &str) -> NewTag {
    NewTag { group, name: name.to_owned(), ..NewTag::default() }
}

fn conflict<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> Conflict {
    match done {
        Err(OfficeError::Conflict(conflict)) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

impl House {
    async fn names(&self, person: &Principal, resource: &'static model::Resource) -> Vec<String> {
        let view = leave(person, can::TAGS_READ).view(resource);
        let page = self.office.list(&view, &ListParams::default()).await.unwrap();
        page.items.iter().map(|row| row.get("name").unwrap().as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn groups_and_tags_are_made_changed_and_deleted() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let may = leave(&root, can::TAGS_MANAGE);
        let rooms = house.crm.create_tag_group(&may, &group("Rooms"), NOW).await.unwrap();
        let result = house.crm.create_tag_group(&may, &NewTagGroup { exclusive: true, position: Some(0), ..group("Result") }, NOW).await;
        let result = result.unwrap();
        assert_eq!(house.names(&root, &TAG_GROUPS).await, ["Result", "Rooms"], "by their places");
        assert_eq!(conflict(house.crm.create_tag_group(&may, &group("Rooms"), NOW).await), Conflict::NameTaken);

        let one = house.crm.create_tag(&may, &tag(rooms, "1 room"), NOW).await.unwrap();
        house.crm.create_tag(&may, &tag(result, "1 room"), NOW).await.unwrap();
        assert_eq!(conflict(house.crm.create_tag(&may, &tag(rooms, "1 room"), NOW).await), Conflict::NameTaken);
        assert_eq!(faults(house.crm.create_tag(&may, &tag(77, "none"), NOW).await), ["group_id"]);
        let wrong = NewTag { colour: Some("gold".to_owned()), position: Some(-1), stop: Some("never".to_owned()), ..tag(rooms, " ") };
        assert_eq!(faults(house.crm.create_tag(&may, &wrong, NOW).await), ["name", "colour", "position", "stop"]);

        let change = TagChange { name: Some("One room".to_owned()), active: Some(false), ..TagChange::default() };
        assert_eq!(house.crm.update_tag(&may, one, 1, &change, NOW).await.unwrap(), 2);
        assert_eq!(house.crm.update_tag(&may, one, 2, &change, NOW).await.unwrap(), 2, "nothing is changed");
        assert_eq!(conflict(house.crm.update_tag(&may, one, 1, &change, NOW).await), Conflict::Version { current: 2 });
        let row = house.office.read(&leave(&root, can::TAGS_READ).view(&TAGS), &one.to_string()).await.unwrap();
        assert_eq!((row["name"].as_str(), row["active"].as_bool(), row["colour"].as_str()), (Some("One room"), Some(false), Some("grey")));

        assert!(matches!(conflict(house.crm.delete_tag_group(&may, rooms, NOW).await), Conflict::InUse(_)));
        house.crm.delete_tag(&may, one, NOW).await.unwrap();
        house.crm.delete_tag_group(&may, rooms, NOW).await.unwrap();
        assert!(matches!(house.crm.delete_tag_group(&may, rooms, NOW).await, Err(OfficeError::NotFound(_))));
        assert_eq!(house.names(&root, &TAG_GROUPS).await, ["Result"]);
    })
    .await;
}

#[tokio::test]
async fn a_listener_knows_no_group_but_those_that_were_given() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let may = leave(&root, can::TAGS_MANAGE);
        let rooms = house.crm.create_tag_group(&may, &group("Rooms"), NOW).await.unwrap();
        let other = house.crm.create_tag_group(&may, &group("Other"), NOW).await.unwrap();
        house.crm.create_tag(&may, &tag(rooms, "1 room"), NOW).await.unwrap();
        let secret = house.crm.create_tag(&may, &tag(other, "secret"), NOW).await.unwrap();
        let lists =
            ["tags"].map(|resource| AccessList { resource: resource.to_owned(), kind: ListKind::TagGroup, ids: vec![rooms.to_string()] });
        let new = NewUser { username: "vera".to_owned(), roles: vec!["listener".to_owned()], lists: lists.to_vec(), ..NewUser::default() };
        let vera = house.person(new).await;
        assert_eq!(house.names(&vera, &TAG_GROUPS).await, ["Rooms"]);
        assert_eq!(house.names(&vera, &TAGS).await, ["1 room"]);
        let view = leave(&vera, can::TAGS_READ).view(&TAGS);
        assert!(matches!(house.office.read(&view, &secret.to_string()).await, Err(OfficeError::NotFound(_))));
        assert!(vera.permit(can::TAGS_MANAGE).is_none());
        let nobody = house.with_role("petr", "listener").await;
        assert!(house.names(&nobody, &TAGS).await.is_empty(), "no list, no tag");
    })
    .await;
}

#[tokio::test]
async fn a_centre_has_only_so_many_groups() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let may = leave(&root, can::TAGS_MANAGE);
        for number in 0..GROUPS_MAX {
            house.crm.create_tag_group(&may, &group(&format!("group {number}")), NOW).await.unwrap();
        }
        assert!(matches!(conflict(house.crm.create_tag_group(&may, &group("one more"), NOW).await), Conflict::State(_)));
        let change = TagGroupChange { position: Some(10_001), ..TagGroupChange::default() };
        assert_eq!(faults(house.crm.update_tag_group(&may, 1, 1, &change, NOW).await), ["position"]);
    })
    .await;
}

#[tokio::test]
async fn every_statement_of_the_room_can_be_prepared() {
    use sqlx::{Executor as _, SqlSafeStr as _};

    on_both(async |house| {
        for statement in crate::statements() {
            let prepared = match house.crm.store().db() {
                store::Db::Lite { write, .. } => write.prepare(statement.lite.into_sql_str()).await.map(drop),
                store::Db::Pg(pool) => pool.prepare(statement.pg.into_sql_str()).await.map(drop),
            };
            prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        }
    })
    .await;
}

/// Two groups, the first of them exclusive, with two tags each; somebody who administers, and two listeners of the first scenario and both groups.
struct Desk {
    house: House,
    root: Principal,
    vera: Principal,
    petr: Principal,
    target: TagId,
    missed: TagId,
    one_room: TagId,
    call: CallId,
    foreign: CallId,
}

impl Desk {
    async fn new(house: House) -> Self {
        let root = house.with_role("root", "admin").await;
        let may = leave(&root, can::TAGS_MANAGE);
        let result = house.crm.create_tag_group(&may, &NewTagGroup { exclusive: true, ..group("Result") }, NOW).await.unwrap();
        let rooms = house.crm.create_tag_group(&may, &group("Rooms"), NOW).await.unwrap();
        let mut tags = Vec::new();
        for (group, name) in [(result, "target"), (result, "missed"), (rooms, "1 room")] {
            tags.push(TagId(house.crm.create_tag(&may, &tag(group, name), NOW).await.unwrap()));
        }
        let list = |resource: &str, kind: ListKind, ids: &[String]| AccessList { resource: resource.to_owned(), kind, ids: ids.to_vec() };
        let lists = |groups: &[i64]| {
            let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
            vec![list("calls", ListKind::Scenario, &["sales".to_owned()]), list("tags", ListKind::TagGroup, &groups)]
        };
        let listener = |name: &str, lists: Vec<AccessList>| NewUser {
            username: name.to_owned(),
            roles: vec!["listener".to_owned()],
            lists,
            ..NewUser::default()
        };
        let vera = house.person(listener("vera", lists(&[result, rooms]))).await;
        let petr = house.person(listener("petr", lists(&[result]))).await;
        let call = house.call(1_000, "sales", None).await;
        let foreign = house.call(2_000, "other", None).await;
        let [target, missed, one_room] = tags[..] else { panic!("three tags") };
        Self { house, root, vera, petr, target, missed, one_room, call, foreign }
    }

    async fn set(&self, who: &Principal, call: CallId, tag: TagId) -> Result<Tagged, OfficeError> {
        self.house.crm.set_tag(&leave(who, can::TAGS_SET), call, tag, Tagging::default(), NOW).await
    }

    async fn unset(&self, who: &Principal, call: CallId, tag: TagId) -> Result<Tagged, OfficeError> {
        self.house.crm.unset_tag(&leave(who, can::TAGS_UNSET), call, tag, Tagging::default(), NOW).await
    }

    async fn seen_by(&self, who: &Principal) -> (i64, Vec<String>) {
        let seen = self.house.crm.tags_of_call(&leave(who, can::TAGS_READ), self.call).await.unwrap();
        (seen.version, seen.tags.into_iter().map(|tag| format!("{} by {}", tag.name.unwrap(), tag.set_by_name.unwrap())).collect())
    }

    /// What happened, and the sums of the days: both by tag.
    async fn counted(&self) -> (Vec<String>, Vec<String>) {
        let db = self.house.crm.store().db();
        let events: Vec<(String, i64, i64)> = db.all(EVENTS, &[]).await.unwrap();
        let days: Vec<(i64, i64, i64, i64)> = db.all(DAYS, &[]).await.unwrap();
        let events = events.into_iter().map(|(action, tag, count)| format!("{action} {tag}: {count}")).collect();
        (events, days.into_iter().map(|(day, tag, set, unset)| format!("{day} {tag}: {set} {unset}")).collect())
    }
}

statements! {
    EVENTS: both "SELECT action, tag_id, count(*) FROM tag_events GROUP BY action, tag_id ORDER BY action, tag_id";
    DAYS: both "SELECT day, tag_id, CAST(sum(set_n) AS BIGINT), CAST(sum(unset_n) AS BIGINT) FROM tag_days GROUP BY day, tag_id ORDER BY day, tag_id";
}

fn changed(replaced: &[TagId]) -> Tagged {
    Tagged { changed: true, replaced: replaced.to_vec() }
}

const UNCHANGED: Tagged = Tagged { changed: false, replaced: Vec::new() };

#[tokio::test]
async fn a_tag_is_set_once_replaced_in_its_group_and_taken_off() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let (vera, call) = (&desk.vera, desk.call);
        assert_eq!(desk.seen_by(vera).await, (0, vec![]));
        assert_eq!(desk.set(vera, call, desk.target).await.unwrap(), changed(&[]));
        assert_eq!(desk.set(vera, call, desk.target).await.unwrap(), UNCHANGED, "it is set already");
        assert_eq!(desk.set(vera, call, desk.one_room).await.unwrap(), changed(&[]));
        assert_eq!(desk.set(&desk.petr, call, desk.missed).await.unwrap(), changed(&[desk.target]));
        assert_eq!(desk.seen_by(vera).await, (3, vec!["missed by petr".to_owned(), "1 room by vera".to_owned()]));
        assert_eq!(desk.seen_by(&desk.petr).await, (3, vec!["missed by petr".to_owned()]), "of the group that he was given");
        assert_eq!(desk.unset(vera, call, desk.missed).await.unwrap(), changed(&[]), "whoever set it");
        assert_eq!(desk.unset(vera, call, desk.missed).await.unwrap(), UNCHANGED);
        let (events, days) = desk.counted().await;
        assert_eq!(events, ["replaced 1: 1", "set 1: 1", "set 2: 1", "set 3: 1", "unset 2: 1"]);
        assert_eq!(days, ["20261118 1: 1 1", "20261118 2: 1 1", "20261118 3: 1 0"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_listener_does_not_reach_is_not_there_to_be_tagged() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let no = |done: Result<Tagged, OfficeError>, what: &str| {
            assert!(matches!(&done, Err(OfficeError::NotFound(said)) if *said == what), "{done:?}");
        };
        no(desk.set(&desk.vera, desk.foreign, desk.target).await, "call");
        no(desk.set(&desk.vera, CallId(77), desk.target).await, "call");
        no(desk.set(&desk.petr, desk.call, desk.one_room).await, "tag");
        no(desk.set(&desk.petr, desk.call, TagId(77)).await, "tag");
        assert_eq!(desk.set(&desk.root, desk.call, desk.one_room).await.unwrap(), changed(&[]));
        no(desk.unset(&desk.petr, desk.call, desk.one_room).await, "tag");
        assert_eq!(desk.seen_by(&desk.petr).await.1, Vec::<String>::new());

        // Whose tags have no names has none by this way either.
        let lists = vec![
            AccessList { resource: "calls".to_owned(), kind: ListKind::Scenario, ids: vec!["sales".to_owned()] },
            AccessList { resource: "tags".to_owned(), kind: ListKind::TagGroup, ids: vec!["1".to_owned(), "2".to_owned()] },
        ];
        let hidden = ColumnPolicy { resource: "tags".to_owned(), column: "name".to_owned(), mode: Mode::Hide };
        let new =
            NewUser { username: "olga".to_owned(), roles: vec!["listener".to_owned()], lists, columns: vec![hidden], ..NewUser::default() };
        let olga = desk.house.person(new).await;
        let seen = desk.house.crm.tags_of_call(&leave(&olga, can::TAGS_READ), desk.call).await.unwrap().tags;
        assert_eq!(seen.iter().map(|tag| (tag.name.as_deref(), tag.colour.as_deref())).collect::<Vec<_>>(), [(None, Some("grey"))]);

        // An operator: any group, own calls only, and no leave to take anything off.
        let boris = desk.house.with_role("boris", "operator").await;
        no(desk.set(&boris, desk.call, desk.target).await, "call");
        let own = desk.house.call(3_000, "sales", Some(boris.user())).await;
        assert_eq!(desk.set(&boris, own, desk.target).await.unwrap(), changed(&[]));
        assert!(matches!(conflict(desk.set(&boris, own, desk.missed).await), Conflict::State(_)));
        assert!(boris.permit(can::TAGS_UNSET).is_none());
        assert_eq!(desk.counted().await.0, ["set 1: 1", "set 3: 1"]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_overwritten_unseen_and_what_is_out_of_use_is_only_taken_off() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let (crm, may) = (&desk.house.crm, leave(&desk.vera, can::TAGS_SET));
        let seen = |version: i64| Tagging { seen: Some(version) };
        assert_eq!(crm.set_tag(&may, desk.call, desk.target, seen(0), NOW).await.unwrap(), changed(&[]));
        let late = crm.set_tag(&may, desk.call, desk.missed, seen(0), NOW).await;
        assert_eq!(conflict(late), Conflict::Version { current: 1 });
        assert_eq!(desk.seen_by(&desk.vera).await, (1, vec!["target by vera".to_owned()]), "nothing was counted up");
        let out = TagChange { active: Some(false), ..TagChange::default() };
        for tag in [desk.target, desk.one_room] {
            crm.update_tag(&leave(&desk.root, can::TAGS_MANAGE), tag.0, 1, &out, NOW).await.unwrap();
        }
        assert!(matches!(conflict(desk.set(&desk.vera, desk.call, desk.one_room).await), Conflict::State(_)));
        assert_eq!(desk.unset(&desk.vera, desk.call, desk.target).await.unwrap(), changed(&[]));
        assert!(matches!(conflict(crm.delete_tag(&leave(&desk.root, can::TAGS_MANAGE), desk.target.0, NOW).await), Conflict::InUse(_)));
    })
    .await;
}

/// Two listeners at one call, each at every tag again and again, at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_two_do_at_the_same_moment_is_counted_once_each() {
    on_both(async |house| {
        let desk = std::sync::Arc::new(Desk::new(house).await);
        let mut hands = tokio::task::JoinSet::new();
        for who in ["vera", "root"] {
            let desk = std::sync::Arc::clone(&desk);
            hands.spawn(async move {
                let who = if who == "vera" { &desk.vera } else { &desk.root };
                let mut changes = 0;
                for round in 0..40 {
                    let tag = [desk.target, desk.missed, desk.one_room][round % 3];
                    let done = if round % 5 == 4 { desk.unset(who, desk.call, tag).await } else { desk.set(who, desk.call, tag).await };
                    let done = done.unwrap();
                    changes += usize::from(done.changed) + done.replaced.len();
                }
                changes
            });
        }
        let mut changes = 0;
        while let Some(made) = hands.join_next().await {
            changes += made.unwrap();
        }
        let (events, days) = desk.counted().await;
        let number = |text: &String| text.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
        assert_eq!(events.iter().map(number).sum::<usize>(), changes, "an event for each change");
        let sums = |text: &String| text.split(": ").nth(1).unwrap().split(' ').map(|each| each.parse::<usize>().unwrap()).sum::<usize>();
        assert_eq!(days.iter().map(sums).sum::<usize>(), changes, "and a place in the sums");
        let seen = desk.seen_by(&desk.root).await.1;
        assert!(seen.iter().filter(|name| !name.starts_with("1 room")).count() <= 1, "{seen:?}");
    })
    .await;
}
