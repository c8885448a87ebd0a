//! Tags in lists of calls: what of a group that was not given must not be told by any of them.

use model::Resource;
use office::{CALLS, CDRS};
use serde_json::{Value, json};
use store::binds;

use super::*;
use crate::testing::list;

statements! {
    ADD_CDR: both "INSERT INTO cdrs (call_id, center_id, direction, caller, callee, user_id, started_at, ended_at, outcome, segments, scenario, cause,
        ring_ms, talk_ms, sip_status) SELECT call_id, center_id, direction, caller, callee, user_id, started_at, ended_at, outcome, segments, scenario,
        'caller_hung_up', 0, 0, 200 FROM calls WHERE call_id = $1";
}

impl Desk {
    /// The calls that somebody's list shows, with the names of their tags.
    async fn listed(&self, who: &Principal, resource: &'static Resource, filter: Value) -> Result<Vec<(i64, Vec<String>)>, OfficeError> {
        let view = leave(who, office::can::CALLS_READ).view(resource);
        let page = self.house.office.list(&view, &ListParams::default().sorted("call_id").filtered(filter)).await?;
        assert_eq!(page.count.unwrap().value, u64::try_from(page.keys.len()).unwrap());
        Ok(page.keys.iter().copied().zip(page.items.iter().map(|row| named(&row["tags"]))).collect())
    }
}

fn named(tags: &Value) -> Vec<String> {
    tags.as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn calls_are_listed_with_their_tags_and_found_by_them() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let (target, missed, one_room) = (desk.target.to_string(), desk.missed.to_string(), desk.one_room.to_string());
        let (other, plain) = (desk.house.call(3_000, "sales", None).await, desk.house.call(4_000, "sales", None).await);
        for call in [desk.call, desk.foreign, other, plain] {
            desk.house.crm.store().db().run(ADD_CDR, binds![call]).await.unwrap();
        }
        for (call, tag) in [(desk.call, desk.target), (desk.call, desk.one_room), (other, desk.one_room), (desk.foreign, desk.target)] {
            assert_eq!(desk.set(&desk.root, call, tag).await.unwrap(), changed(&[]));
        }
        let words = |of: &[&str]| of.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for resource in [&CALLS, &CDRS] {
            let see = async |who: &Principal, filter: Value| desk.listed(who, resource, filter).await.unwrap();
            let keys = async |who: &Principal, filter: Value| see(who, filter).await.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
            let all = vec![(1_000, words(&["target", "1 room"])), (3_000, words(&["1 room"])), (4_000, vec![])];
            assert_eq!(see(&desk.vera, json!({})).await, all, "the other scenario is not hers");
            let seen = vec![(1_000, words(&["target"])), (3_000, vec![]), (4_000, vec![])];
            assert_eq!(see(&desk.petr, json!({})).await, seen, "nor the other group his");
            // The same answers for a tag of another group and for one that never was.
            for tag in [one_room.as_str(), "77"] {
                assert_eq!(keys(&desk.petr, json!({ "tags": tag })).await, Vec::<i64>::new(), "{tag}");
                assert_eq!(keys(&desk.petr, json!({ "tags": [tag, target] })).await, [1_000], "{tag}");
                assert_eq!(keys(&desk.petr, json!({ "tags": {"all": [target, tag]} })).await, Vec::<i64>::new(), "{tag}");
                assert_eq!(keys(&desk.petr, json!({ "tags": {"not_in": [tag]} })).await, [1_000, 3_000, 4_000], "{tag}");
                assert_eq!(keys(&desk.petr, json!({ "or": [{"tags": tag}] })).await, Vec::<i64>::new(), "{tag}");
            }
            assert_eq!(keys(&desk.petr, json!({ "tags": null })).await, [3_000, 4_000], "none that he sees");
            assert_eq!(keys(&desk.vera, json!({ "tags": null })).await, [4_000]);
            assert_eq!(keys(&desk.vera, json!({ "tags": {"all": [target, one_room]} })).await, [1_000]);
            assert_eq!(keys(&desk.vera, json!({ "tags": [target, one_room] })).await, [1_000, 3_000]);
            assert_eq!(keys(&desk.vera, json!({ "tags": {"eq": one_room, "ne": target} })).await, [3_000]);
            assert_eq!(keys(&desk.root, json!({ "tags": [target, missed] })).await, [1_000, 2_000]);
            // One row, by the same rights.
            let view = leave(&desk.petr, office::can::CALLS_READ).view(resource);
            assert_eq!(named(&desk.house.office.read(&view, &desk.call.to_string()).await.unwrap()["tags"]), ["target"]);
        }
        // A place in one person's list is none in another's.
        let view = |who: &Principal| leave(who, office::can::CALLS_READ).view(&CALLS);
        let first = ListParams::default().filtered(json!({"tags": [target, one_room]})).limited(1);
        let next = desk.house.office.list(&view(&desk.vera), &first).await.unwrap().next.unwrap();
        let asked = [("limit", "1".to_owned()), ("cursor", next)];
        let taken = ListParams::from_pairs(asked).filtered(json!({"tags": [target, one_room]}));
        assert!(desk.house.office.list(&view(&desk.vera), &taken).await.is_ok());
        assert_eq!(faults(desk.house.office.list(&view(&desk.petr), &taken).await), ["cursor"]);

        // Whoever may not read tags knows of no such column; who sees them without names has them without.
        let seller = desk.house.with_role("seller1", "seller").await;
        assert_eq!(faults(desk.listed(&seller, &CALLS, json!({"tags": target})).await), ["filter.tags"]);
        let hidden = ColumnPolicy { resource: "tags".to_owned(), column: "name".to_owned(), mode: Mode::Mask };
        let new = NewUser { username: "olga".to_owned(), roles: vec!["viewer".to_owned()], columns: vec![hidden], ..NewUser::default() };
        let olga = desk.house.person(new).await;
        let row = desk.house.office.read(&view(&olga), &desk.call.to_string()).await.unwrap();
        assert_eq!(row["tags"][0], json!({"id": target, "group_id": "1", "colour": "grey"}));
    })
    .await;
}

#[tokio::test]
async fn a_file_has_the_tags_of_ones_own_groups_alone() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let other = desk.house.call(3_000, "sales", None).await;
        for (call, tag) in [(desk.call, desk.target), (desk.call, desk.one_room), (other, desk.one_room)] {
            assert_eq!(desk.set(&desk.root, call, tag).await.unwrap(), changed(&[]));
        }
        let rights = ["calls.read@center", "calls.export@center", "tags.read@list", "exports.read@own"];
        desk.house.role(&desk.root, "exporter", &rights).await;
        let groups = vec![list("tags", ListKind::TagGroup, &["1".to_owned()])];
        let new = NewUser { username: "ivan".to_owned(), roles: vec!["exporter".to_owned()], lists: groups, ..NewUser::default() };
        let ivan = desk.house.person(new).await;
        let columns = ["scenario", "tags"];
        let all = desk.house.exported(&desk.root, "calls", json!({}), &columns).await;
        assert_eq!(all, ["Scenario,Tags", "sales,\"target, 1 room\"", "other,", "sales,1 room"]);
        assert_eq!(desk.house.exported(&ivan, "calls", json!({}), &columns).await, ["Scenario,Tags", "sales,target", "other,", "sales,"]);
        let by_tag = desk.house.exported(&ivan, "calls", json!({"tags": desk.one_room.to_string()}), &columns).await;
        assert_eq!(by_tag, ["Scenario,Tags"], "nothing is found by a tag of another group");
    })
    .await;
}
