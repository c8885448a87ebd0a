#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use model::ListKind;
use office::{Conflict, ListParams, OfficeError, Principal, accounts::NewUser, rights::AccessList};

use super::{GROUPS_MAX, NewTag, NewTagGroup, TAG_GROUPS, TAGS, TagChange, TagGroupChange};
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
