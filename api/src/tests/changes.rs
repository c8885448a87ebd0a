//! Changes of slots and trunks are done whole or not at all (S004-68, 69).

use std::sync::{Arc, atomic::Ordering};

use expect_test::expect;
use model::{CenterId, Command, Event, Refusal, SlotEntry, SlotId, SlotState, SlotView};
use serde_json::json;
use store::testing::break_commits;
use tokio::sync::watch;

use super::{check, encoded};
use crate::testing::{BORIS, NOW, World, slot_view};

/// What there is to be half changed: accounts, trunks, and what signalling shows.
async fn picture(world: &World) -> (Vec<SlotEntry>, Vec<model::Hub>, Vec<SlotView>) {
    let directory = world.store.directory().await.unwrap();
    (directory.slots().cloned().collect(), world.store.trunks(CenterId::DEFAULT).await.unwrap(), world.live.slots())
}

#[tokio::test]
async fn a_slot_in_a_call_is_not_changed() {
    for state in [SlotState::Calling, SlotState::ActiveCall, SlotState::Postcall] {
        let world = World::new().await;
        for id in [1, 3] {
            world.live.publish(NOW, [Event::SlotUpdated(SlotView { state, holder: Some(BORIS), ..slot_view(id) })]);
        }
        let before = picture(&world).await;
        for request in [
            r#"root PUT /api/slots/1 {"state": "DISABLED", "new_password": true}"#,
            r#"root PUT /api/slots/1 {"state": "IDLE", "new_password": true}"#,
            r#"root PUT /api/slots/1 {"new_password": true}"#,
            r#"root PUT /api/slots/1 {"state": "FAULT"}"#,
            r#"root PUT /api/slots/1 {"state": "IDLE"}"#,
            "root DELETE /api/slots/3",
            r#"root PUT /api/trunks/1 {"name": "South", "capacity": 2}"#,
            "root DELETE /api/trunks/1",
        ] {
            let (status, answer) = world.json(&request.replacen(" {", "\n\n{", 1)).await;
            assert_eq!((status.as_u16(), answer["code"].as_str().unwrap()), (409, "slot_in_call"), "{request}");
            assert_eq!(answer["state"], state.name(), "{request}");
            assert_eq!(picture(&world).await, before, "{request}");
        }
    }
}

#[tokio::test]
async fn whatever_is_refused_changes_nothing() {
    let world = World::new().await;
    let before = picture(&world).await;
    world.control.refuse(Some(Refusal::Unavailable));
    check(
        &world,
        &[
            "root PUT /api/slots/1\n\n{\"state\": \"DISABLED\", \"new_password\": true}",
            "root PUT /api/slots/1\n\n{\"new_password\": true}",
            "root DELETE /api/slots/3",
            "root PUT /api/trunks/1\n\n{\"name\": \"South\", \"capacity\": 1}",
            "root DELETE /api/trunks/1",
        ],
        expect![[r#"
            > root PUT /api/slots/1 | {"state": "DISABLED", "new_password": true}
            503
            retry-after: 5
            {"code":"unavailable","detail":"the server takes no new calls now"}

            > root PUT /api/slots/1 | {"new_password": true}
            503
            retry-after: 5
            {"code":"unavailable","detail":"the server takes no new calls now"}

            > root DELETE /api/slots/3
            503
            retry-after: 5
            {"code":"unavailable","detail":"the server takes no new calls now"}

            > root PUT /api/trunks/1 | {"name": "South", "capacity": 1}
            503
            retry-after: 5
            {"code":"unavailable","detail":"the server takes no new calls now"}

            > root DELETE /api/trunks/1
            503
            retry-after: 5
            {"code":"unavailable","detail":"the server takes no new calls now"}

        "#]],
    )
    .await;
    assert_eq!(picture(&world).await, before);

    // What the store refuses: no room for more numbers, with a new name beside it.
    world.control.refuse(None);
    world.json("root POST /api/trunks\n\n{\"name\": \"Next\", \"type\": \"auto\", \"capacity\": 1}").await;
    let before = picture(&world).await;
    world.control.orders();
    let (status, answer) = world.json("root PUT /api/trunks/1\n\n{\"name\": \"South\", \"capacity\": 4}").await;
    assert_eq!((status.as_u16(), &answer["code"]), (409, &"numbers_exhausted".into()));
    assert_eq!(picture(&world).await, before);
}

/// Each kind of change, in a world of its own.
const CHANGES: &[&str] = &[
    r#"root PUT /api/slots/1 {"state": "DISABLED", "new_password": true}"#,
    r#"root PUT /api/slots/1 {"new_password": true}"#,
    "root DELETE /api/slots/3",
    r#"root PUT /api/trunks/1 {"name": "South", "capacity": 1}"#,
    r#"root PUT /api/trunks/1 {"name": "South", "capacity": 5}"#,
    r#"root PUT /api/trunks/1 {"name": "South"}"#,
    "root DELETE /api/trunks/1",
];

#[tokio::test]
async fn without_a_database_nothing_is_ordered() {
    for change in CHANGES {
        let world = World::new().await;
        // So that the token is known without the database.
        let token = world.token("root");
        let request = |rest: &str| {
            let (head, body) = rest.split_once(" {").map_or((rest, String::new()), |(head, body)| (head, format!("\n\n{{{body}")));
            format!("{}\nAuthorization: Bearer {token}{body}", head.replacen("root", "-", 1))
        };
        world.send(&request("root GET /api/me")).await;
        world.control.orders();
        let board = world.live.slots();
        world.store.close().await;
        assert_eq!(world.send(&request(change)).await.status(), 503, "{change}");
        let orders = world.control.orders();
        assert!(orders.iter().all(|order| matches!(order, Command::KeepAlive { .. })), "{change}: {orders:?}");
        assert_eq!(world.live.slots(), board, "{change}");
    }
}

#[tokio::test]
async fn limits_that_are_stored_and_not_in_force_yet_are_told_so() {
    let world = World::new().await;
    world.control.is_blind.store(true, Ordering::SeqCst);
    let limits = r#"{"calls_max": 1, "destinations": ["+7495*"]}"#;
    check(
        &world,
        &[&format!("root PUT /api/slots/1/limits\n\n{limits}"), "root GET /api/slots/1/limits"],
        expect![[r#"
            > root PUT /api/slots/1/limits | {"calls_max": 1, "destinations": ["+7495*"]}
            503
            retry-after: 5
            {"code":"store_unavailable","detail":"the change is stored, but the database has gone away just then: the change comes into force when it is back; to send it again does no harm"}

            > root GET /api/slots/1/limits
            200
            {"calls_max":1,"destinations":["+7495*"]}

        "#]],
    )
    .await;
    // What shows a password once shows it all the same.
    for (change, status) in [
        (r#"root PUT /api/slots/1 {"new_password": true}"#, 200),
        (r#"root POST /api/trunks {"name": "Next", "type": "mf", "capacity": 1}"#, 201),
        (r#"root PUT /api/trunks/1 {"capacity": 4}"#, 200),
    ] {
        let (told, answer) = world.json(&change.replacen(" {", "\n\n{", 1)).await;
        assert_eq!(told.as_u16(), status, "{change}: {answer}");
        assert!(answer.to_string().contains("\"password\""), "{change}: {answer}");
    }
    world.control.is_blind.store(false, Ordering::SeqCst);
    let (status, _) = world.json(&format!("root PUT /api/slots/1/limits\n\n{limits}")).await;
    assert_eq!(status.as_u16(), 200, "sent again");
}

#[tokio::test]
async fn a_database_that_fails_at_the_last_moment_leaves_everything_as_it_was() {
    for change in CHANGES {
        let world = World::new().await;
        break_commits(&world.store).await;
        let before = picture(&world).await;
        let (status, answer) = world.json(&change.replacen(" {", "\n\n{", 1)).await;
        assert!(status.is_server_error(), "{change}: {answer}");
        assert!(answer.get("password").is_none());
        // What was retired comes back by itself.
        let mut news = world.live.watch();
        while world.live.slots().len() < before.2.len() {
            news.changed().await.unwrap();
        }
        let after = picture(&world).await;
        assert_eq!((after.0, after.1), (before.0, before.1), "{change}");
        let states = |slots: Vec<SlotView>| slots.into_iter().map(|view| (view.id, view.state)).collect::<Vec<_>>();
        assert_eq!(states(after.2), states(before.2), "{change}");
    }
}

#[tokio::test]
async fn a_password_and_a_service_state_are_set_together() {
    let world = World::new().await;
    let before = world.store.slot(SlotId(1)).await.unwrap().unwrap();
    let (status, answer) = world.json("root PUT /api/slots/1\n\n{\"state\": \"FAULT\", \"new_password\": true}").await;
    assert_eq!((status.as_u16(), answer["state"].as_str(), answer["username"].as_str()), (200, Some("FAULT"), Some("6001")));
    let after = world.store.slot(SlotId(1)).await.unwrap().unwrap();
    assert_ne!(after.ha1, before.ha1);
    assert_eq!(after.ha1, (world.api.ha1)("6001", answer["password"].as_str().unwrap()));
    // Another password for a slot that stays out of service.
    let (_, again) = world.json("root PUT /api/slots/1\n\n{\"new_password\": true}").await;
    assert_eq!(again["state"], "FAULT");
    assert_eq!(world.live.slot(SlotId(1)).unwrap().state, SlotState::Fault);
}

#[tokio::test]
async fn a_lease_outlives_a_new_password() {
    let world = World::new().await;
    world.json("anna POST /api/slots/1/take").await;
    let before = world.live.slot(SlotId(1)).unwrap();
    let (status, answer) = world.json("root PUT /api/slots/1\n\n{\"new_password\": true}").await;
    assert_eq!((status.as_u16(), answer["state"].as_str(), answer["holder_name"].as_str()), (200, Some("READY"), Some("anna")));
    assert_eq!(world.live.slot(SlotId(1)).unwrap(), before);
}

#[tokio::test]
async fn who_takes_calls_ends_and_releases_stands_in_the_audit_log() {
    let world = World::new().await;
    let (_, me) = world.json("anna GET /api/me").await;
    let anna = me["id"].as_str().unwrap();
    for _ in 0..2 {
        world.json("anna POST /api/slots/1/take").await;
    }
    // The same key is the same call; what is refused is no deed.
    let mut calls = Vec::new();
    for key in ["one", "one", "two"] {
        let start = format!("anna POST /api/call/start\nIdempotency-Key: {key}\n\n{{\"slot_id\": \"1\", \"phone_number\": \"6002\"}}");
        let (_, answer) = world.json(&start).await;
        calls.push(answer["call_id"].as_str().map(str::to_owned));
    }
    let call = calls[0].clone().unwrap();
    assert_eq!(calls, [Some(call.clone()), Some(call.clone()), None]);
    world.json("boris POST /api/slots/1/take").await;
    world.json("boris POST /api/slots/1/release").await;
    world.json(&format!("anna POST /api/call/end\n\n{{\"call_id\": \"{call}\"}}")).await;
    world.json("anna POST /api/slots/1/release").await;
    // What waits to be written is written at the end at the latest.
    world.api.office.clone().write_refusals(Arc::new(crate::auth::now), watch::channel(true).1).await;

    let filter = r#"{"resource": ["slots", "calls"]}"#;
    let (_, log) = world.json(&format!("root GET /api/audit?filter={}", encoded(filter))).await;
    let mut told: Vec<_> = log["items"].as_array().unwrap().iter().collect();
    told.reverse();
    let told: Vec<_> = told.iter().map(|row| json!([row["action"], row["actor"], row["resource_id"], row["diff"]])).collect();
    assert_eq!(
        told,
        [
            json!(["slots.use", anna, "1", {"holder": [null, anna]}]),
            json!(["calls.start", anna, call, {"caller_slot": [null, "1"], "callee": [null, "6002"]}]),
            json!(["calls.end", anna, call, {"status": ["dialing", "ended"]}]),
            json!(["slots.use", anna, "1", {"holder": [anna, null]}]),
        ]
    );
}
