//! The desk over REST: what is going on, who is to be called back, and that assigned slots are the only ones there are.

use expect_test::expect;
use http::StatusCode;
use model::{CallId, CallStatus, Cdr, Direction, Event, Fact, Outcome, Rung, SlotId};
use serde_json::{Value, json};

use super::check;
use crate::{
    live::{Told, ears::Ears},
    testing::{ANNA, BORIS, NOW, World, call_view, cdr, slot_view},
};

const MISSED: CallId = CallId(7_000);

/// A call that rang at anna's and that nobody answered.
async fn furnished() -> World {
    let mut world = World::new().await;
    world.api.crm.begin_to_follow().await.unwrap();
    let rung = vec![Rung { slot: SlotId(1), user: Some(ANNA), at: NOW }];
    let missed = Cdr {
        direction: Direction::Inbound,
        caller: "+79161234567".to_owned(),
        outcome: Outcome::Canceled,
        user: None,
        segments: vec![],
        answered_at: None,
        rung,
        ..cdr(MISSED, ANNA)
    };
    let second = Cdr { call_id: CallId(7_001), ..missed.clone() };
    world.tell(vec![Fact::CallEnded { cdr: missed }, Fact::CallEnded { cdr: second }]).await;
    world.api.crm.follow(NOW).await.unwrap();
    world
}

#[tokio::test]
async fn missed_calls_over_rest() {
    let world = furnished().await;
    let (_, list) = world.json("anna GET /api/missed-calls").await;
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[1]["call_id"], &items[0]["state"]), (2, &json!(MISSED), &json!("open")), "{list}");
    assert_eq!(world.json("boris GET /api/missed-calls").await.1["items"], json!([]), "it did not ring at theirs");
    let from = world.live.last_seq();
    let (status, claimed) = world.json(&format!("anna POST /api/missed-calls/{MISSED}/claim")).await;
    assert_eq!((status, &claimed["claimed_by"]), (StatusCode::OK, &json!("2")), "{claimed}");
    let told = world.live.after(from, 10).unwrap();
    for (who, hears) in [("anna", true), ("boris", false), ("root", true)] {
        let mut ears = Ears::of(&world.principal(who).await);
        let news = ears.hear(&world.api, &told[0]).await.map(|news| (news.kind, news.data["claimed_by"].clone()));
        assert_eq!(news, hears.then(|| ("missed.update", json!("2"))), "{who}");
    }
    check(
        &world,
        &[
            &format!("boris POST /api/missed-calls/{MISSED}/claim"),
            &format!("root POST /api/missed-calls/{MISSED}/claim"),
            "anna POST /api/missed-calls/c_0000000000001/dismiss",
            "boris POST /api/missed-calls/bulk\n\n{\"action\": \"dismiss\", \"filter\": {}, \"dry_run\": true}",
            "anna POST /api/missed-calls/bulk\n\n{\"action\": \"dismiss\", \"filter\": {\"state\": \"open\"}, \"dry_run\": true}",
            "anna POST /api/missed-calls/bulk\n\n{\"action\": \"claim\", \"filter\": {}}",
        ],
        expect![[r#"
            > boris POST /api/missed-calls/c_00000000006tr/claim
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > root POST /api/missed-calls/c_00000000006tr/claim
            409
            {"code":"wrong_state","detail":"somebody else is about to call back"}

            > anna POST /api/missed-calls/c_0000000000001/dismiss
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > boris POST /api/missed-calls/bulk | {"action": "dismiss", "filter": {}, "dry_run": true}
            200
            {"count":0}

            > anna POST /api/missed-calls/bulk | {"action": "dismiss", "filter": {"state": "open"}, "dry_run": true}
            200
            {"count":2}

            > anna POST /api/missed-calls/bulk | {"action": "claim", "filter": {}}
            422
            {"code":"invalid_field","detail":"there is no such action for this","field":"action"}

        "#]],
    )
    .await;
    let (status, away) = world.json(&format!("anna POST /api/missed-calls/{MISSED}/dismiss")).await;
    assert_eq!((status, &away["state"], &away["done_by"]), (StatusCode::OK, &json!("dismissed"), &json!("2")));
    // Numbers are callers' numbers.
    let (_, anna) = world.json(&format!("root GET /api/users/{}", ANNA.0)).await;
    let body = json!({"columns": [{"resource": "calls", "column": "caller", "mode": "hide"}], "version": anna["version"]});
    assert_eq!(world.json(&format!("root PUT /api/users/{}\n\n{body}", ANNA.0)).await.0, StatusCode::OK);
    let (_, list) = world.json("anna GET /api/missed-calls").await;
    assert!(list["items"][0].get("number").is_none(), "{list}");
}

#[tokio::test]
async fn a_desk_and_a_feed() {
    let world = furnished().await;
    let mine = json!({"client_name": "Olga", "assigned_operator": "2", "next_action_at": 1, "next_action": "call"});
    assert_eq!(world.json(&format!("root POST /api/crm/leads\n\n{mine}")).await.0, StatusCode::CREATED);
    let far = json!({"client_name": "Pavel", "assigned_operator": "2", "next_action_at": 9_007_199_254_740_000_i64});
    assert_eq!(world.json(&format!("root POST /api/crm/leads\n\n{far}")).await.0, StatusCode::CREATED);
    let mut slot = slot_view(1);
    slot.holder = Some(ANNA);
    let up = model::CallView { user: Some(ANNA), ..call_view(8_000, Direction::Outbound) };
    let others = model::CallView { user: Some(BORIS), ..call_view(8_001, Direction::Outbound) };
    let over = model::CallView { status: CallStatus::Ended, user: Some(ANNA), ..call_view(8_002, Direction::Outbound) };
    world.live.publish(NOW, [Event::SlotUpdated(slot), Event::CallUpdated(up), Event::CallUpdated(others), Event::CallUpdated(over)]);
    let ids = |rows: &Value, key: &str| rows.as_array().unwrap().iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    for (who, calls) in [("anna", vec![8_000]), ("boris", vec![8_001]), ("root", vec![8_001, 8_000])] {
        let (_, feed) = world.json(&format!("{who} GET /api/calls/feed")).await;
        let calls: Vec<Value> = calls.into_iter().map(|id| json!(CallId(id))).collect();
        assert_eq!((ids(&feed["items"], "call_id"), &feed["seq"]), (calls, &json!(world.live.last_seq())), "{who}");
    }
    let (status, desk) = world.json("anna GET /api/desk").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((ids(&desk["slots"], "id"), ids(&desk["calls"], "call_id")), (vec![json!("1")], vec![json!(CallId(8_000))]), "{desk}");
    assert_eq!((ids(&desk["leads"]["items"], "client_name"), &desk["leads"]["count"]["value"]), (vec![json!("Olga")], &json!(1)));
    assert_eq!((desk["missed"]["items"].as_array().unwrap().len(), &desk["missed"]["count"]["value"]), (2, &json!(2)));
    let (_, root) = world.json("root GET /api/desk").await;
    assert_eq!((&root["slots"], &root["calls"], &root["leads"]["items"]), (&json!([]), &json!([]), &json!([])), "none of these are theirs");
    // What is live is there without the database.
    world.store.close().await;
    let feed = world.json("anna GET /api/calls/feed").await;
    assert_eq!((feed.0, ids(&feed.1["items"], "call_id")), (StatusCode::OK, vec![json!(CallId(8_000))]));
}

/// Where slots are assigned, an operator has those alone that a list names.
#[tokio::test]
async fn assigned_slots_are_the_only_ones() {
    let world = World::new().await;
    let (_, center) = world.json("root GET /api/centers/1").await;
    let slots = async |who: &str| {
        let (_, list) = world.json(&format!("{who} GET /api/slots")).await;
        list["items"].as_array().unwrap().iter().map(|slot| slot["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let start = async |who: &str, slot: i64| {
        let body = json!({"slot_id": slot.to_string(), "phone_number": "6003"});
        world.send(&format!("{who} POST /api/call/start\n\n{body}")).await.status()
    };
    assert_eq!(slots("boris").await.len(), 3);
    let assign = async |assigned: bool, version: i64| {
        let body = json!({"settings": {"slots": {"assigned": assigned}}, "version": version});
        let (status, answer) = world.json(&format!("root PUT /api/centers/1\n\n{body}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    };
    assign(true, center["version"].as_i64().unwrap()).await;
    assert_eq!(slots("boris").await, Vec::<String>::new());
    assert_eq!(slots("root").await.len(), 3, "whoever watches slots sees them all");
    let (_, boris) = world.json(&format!("root GET /api/users/{}", BORIS.0)).await;
    let body = json!({"lists": [{"resource": "slots", "kind": "slot", "ids": ["2"]}], "version": boris["version"]});
    let (status, answer) = world.json(&format!("root PUT /api/users/{}\n\n{body}", BORIS.0)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(slots("boris").await, ["2"]);
    for (slot, expected) in [(1, StatusCode::NOT_FOUND), (2, StatusCode::OK)] {
        assert_eq!(world.send(&format!("boris POST /api/slots/{slot}/take")).await.status(), expected, "{slot}");
        let told = Told { seq: 1, ts: NOW, event: Event::SlotUpdated(slot_view(slot)), users: [].into() };
        let heard = Ears::of(&world.principal("boris").await).hear(&world.api, &told).await;
        assert_eq!(heard.is_some(), expected == StatusCode::OK, "{slot}");
    }
    assert_eq!(start("boris", 1).await, StatusCode::NOT_FOUND);
    assert_eq!(start("boris", 2).await, StatusCode::ACCEPTED);
    assert_eq!(start("anna", 1).await, StatusCode::NOT_FOUND, "nothing was given to anna");
    assign(false, center["version"].as_i64().unwrap() + 1).await;
    assert_eq!(slots("boris").await.len(), 3);
}
