//! What is told of tags, and to whom.

use std::collections::BTreeSet;

use model::{Gate, RowNews};
use serde_json::{Value, json};
use store::binds;

use super::*;
use crate::tags::TAG_EVENTS;

statements! {
    RANG: both "INSERT INTO call_users (user_id, call_id, why) VALUES ($1, $2, 4)";
}

/// Whether somebody hears of it: as the live gates decide.
fn hears(who: &Principal, news: &RowNews) -> bool {
    let lets_in = |gate: &Gate| {
        let stands_in = |kind: ListKind, ids: &BTreeSet<String>| gate.lists.iter().any(|(of, id)| *of == kind && ids.contains(id));
        who.permit(gate.action).is_some_and(|permit| permit.rows().admits(news.center, &gate.users, stands_in))
    };
    !news.gates.is_empty() && news.gates.iter().all(lets_in)
}

/// `set 1`, `replaced 2`.
fn said(row: &Value) -> String {
    format!("{} {}", row["action"].as_str().unwrap(), row["tag_id"].as_str().unwrap())
}

impl Desk {
    /// What somebody hears of what was told since the last time.
    fn heard(&self, people: &[&Principal]) -> Vec<Vec<String>> {
        let told = self.house.told();
        let of = |who: &&Principal| told.iter().filter(|news| hears(who, news)).map(|news| said(&json!(news.row))).collect();
        people.iter().map(of).collect()
    }

    async fn history(&self, who: &Principal, call: CallId) -> Result<Vec<String>, OfficeError> {
        let page = self.house.crm.tag_events_of_call(&leave(who, can::TAGS_READ), call, &ListParams::default()).await?;
        Ok(page.items.iter().map(|row| said(&json!(row))).collect())
    }
}

#[tokio::test]
async fn each_tag_is_told_by_itself_to_those_who_see_its_group_and_the_call() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let (vera, petr, root) = (&desk.vera, &desk.petr, &desk.root);
        desk.set(vera, desk.call, desk.target).await.unwrap();
        let told = desk.house.told();
        let [news] = &told[..] else { panic!("one event: {told:?}") };
        assert_eq!((news.kind, news.resource, &news.id), ("call.tagged", TAG_EVENTS.name, &desk.call.to_string()));
        let row = json!({
            "event_id": "1", "call_id": desk.call.to_string(), "tag_id": "1", "group_id": "1", "action": "set", "actor": vera.user().to_string(),
            "actor_name": "vera", "at": NOW.0, "stop": "none",
        });
        assert_eq!(json!(news.row), row);
        assert_eq!(news.row.as_ref().unwrap().len(), TAG_EVENTS.columns.len());

        let heard = |people: &[&Principal]| desk.heard(people);
        desk.set(vera, desk.call, desk.missed).await.unwrap();
        assert_eq!(heard(&[vera, petr, root]), [["replaced 1", "set 2"], ["replaced 1", "set 2"], ["replaced 1", "set 2"]]);
        desk.set(vera, desk.call, desk.one_room).await.unwrap();
        assert_eq!(heard(&[vera, petr, root]), [vec!["set 3"], vec![], vec!["set 3"]], "a group that petr was not given");
        desk.set(root, desk.foreign, desk.target).await.unwrap();
        assert_eq!(heard(&[vera, petr, root]), [vec![], vec![], vec!["set 1"]], "a scenario that neither was given");
        // Nothing happened, and nothing that was refused has.
        desk.set(vera, desk.call, desk.one_room).await.unwrap();
        assert!(desk.set(petr, desk.call, desk.one_room).await.is_err());
        let late = desk.house.crm.unset_tag(&leave(vera, can::TAGS_UNSET), desk.call, desk.missed, Tagging { seen: Some(1) }, NOW).await;
        assert!(late.is_err());
        assert_eq!(desk.house.told(), vec![]);

        // Of one's own calls; at whose phone it only rang reads the call, but has none of its tags.
        let (boris, anna) = (desk.house.with_role("boris", "operator").await, desk.house.with_role("anna", "operator").await);
        let own = desk.house.call(3_000, "sales", Some(boris.user())).await;
        desk.house.crm.store().db().run(RANG, binds![anna.user(), own]).await.unwrap();
        desk.set(&boris, own, desk.target).await.unwrap();
        assert_eq!(heard(&[&boris, &anna, vera]), [vec!["set 1"], vec![], vec!["set 1"]]);

        // What happened stands in the call's history, by the same rights.
        assert_eq!(desk.history(vera, desk.call).await.unwrap(), ["set 3", "set 2", "replaced 1", "set 1"]);
        assert_eq!(desk.history(petr, desk.call).await.unwrap(), ["set 2", "replaced 1", "set 1"]);
        assert_eq!(desk.history(&boris, own).await.unwrap(), ["set 1"]);
        assert_eq!(desk.history(&anna, own).await.unwrap(), Vec::<String>::new());
        assert!(matches!(desk.history(petr, desk.foreign).await, Err(OfficeError::NotFound("call"))));
        let of_group = ListParams::default().filtered(json!({"group_id": "2"}));
        let page = desk.house.crm.tag_events_of_call(&leave(petr, can::TAGS_READ), desk.call, &of_group).await.unwrap();
        assert_eq!((page.items.len(), page.count.unwrap().value), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn who_must_not_miss_it_reads_what_a_dialer_is_to_do() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let store = desk.house.crm.store();
        desk.set(&desk.vera, desk.call, desk.target).await.unwrap();
        store.outbox_listen_to("dialer", &["call.tagged"]).await.unwrap();
        let never = TagChange { stop: Some("dnc".to_owned()), ..TagChange::default() };
        desk.house.crm.update_tag(&leave(&desk.root, can::TAGS_MANAGE), desk.missed.0, 1, &never, NOW).await.unwrap();
        desk.set(&desk.vera, desk.call, desk.missed).await.unwrap();
        desk.set(&desk.vera, desk.call, desk.missed).await.unwrap();
        assert!(desk.set(&desk.petr, desk.call, desk.one_room).await.is_err());
        let rows = store.outbox_read("dialer", 10).await.unwrap();
        let told = rows.iter().map(|row| format!("{} {} {}", row.kind, said(&row.payload), row.payload["stop"].as_str().unwrap()));
        assert_eq!(told.collect::<Vec<_>>(), ["call.tagged replaced 1 none", "call.tagged set 2 dnc"]);
        assert!(rows.iter().all(|row| row.payload["call_id"] == json!(desk.call.to_string()) && row.payload.get("id").is_none()));
        // The news are those that were told live.
        let live: Vec<Value> = desk.house.told().into_iter().skip(1).map(|news| json!(news.row)).collect();
        assert_eq!(live, rows.into_iter().map(|row| row.payload).collect::<Vec<_>>());
    })
    .await;
}
