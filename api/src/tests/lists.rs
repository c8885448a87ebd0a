//! Lists are walked by cursor, and live calls lie over the rows.

use expect_test::expect;
use model::{CallId, CallStatus, Direction, Event};
use serde_json::Value;

use crate::testing::{ANNA, BORIS, NOW, World, call_view, history};

fn ids(answer: &Value) -> Vec<&str> {
    answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["call_id"].as_str().unwrap().trim_start_matches("c_").trim_start_matches('0'))
        .collect()
}

/// Walks a list to its end and back.
async fn walk(world: &World, list: &str) -> String {
    let mut told = String::new();
    let mut path = list.to_owned();
    for direction in ["next", "prev"] {
        loop {
            let (_, answer) = world.json(&format!("anna GET {path}")).await;
            told += &format!("{:?} count {}\n", ids(&answer), answer["count"]);
            let Some(cursor) = answer[direction].as_str() else { break };
            path = format!("{list}&cursor={cursor}");
        }
        told += &format!("({direction} ends)\n");
    }
    told
}

#[tokio::test]
async fn calls_and_records_page_by_page() {
    let mut world = World::new().await;
    for id in 1..=6 {
        world.tell(history(CallId(id), if id == 3 { BORIS } else { ANNA })).await;
    }
    expect![[r#"
        ["z8", "6", "5"] count {"capped":false,"value":6}
        ["4", "2", "1"] count {"capped":false,"value":6}
        (next ends)
        ["4", "2", "1"] count {"capped":false,"value":6}
        ["z8", "6", "5"] count {"capped":false,"value":6}
        (prev ends)
    "#]]
    .assert_eq(&walk(&world, "/api/cdr/records?limit=3").await);
    // The rows say that they have ended; of the newest the database knows nothing yet.
    for id in [5_000, 5_001] {
        world.live.publish(NOW, [Event::CallUpdated(call_view(id, Direction::Outbound))]);
    }
    expect![[r#"
        ["4w9", "4w8", "z8"] count {"capped":false,"value":8}
        ["6", "5", "4"] count {"capped":false,"value":6}
        ["2", "1"] count {"capped":false,"value":6}
        (next ends)
        ["2", "1"] count {"capped":false,"value":6}
        ["6", "5", "4"] count {"capped":false,"value":6}
        ["z8"] count {"capped":false,"value":6}
        (prev ends)
    "#]]
    .assert_eq(&walk(&world, "/api/calls?limit=3").await);
}

#[tokio::test]
async fn a_page_may_be_shorter_than_what_the_database_has_not_got_yet() {
    let world = World::new().await;
    for id in 5_000..5_005 {
        world.live.publish(NOW, [Event::CallUpdated(call_view(id, Direction::Outbound))]);
    }
    expect![[r#"
        ["4wc", "z8"] count {"capped":false,"value":2}
        (next ends)
        ["4wc", "z8"] count {"capped":false,"value":2}
        (prev ends)
    "#]]
    .assert_eq(&walk(&world, "/api/calls?limit=2").await);
}

#[tokio::test]
async fn the_board_lies_over_the_rows() {
    let world = World::new().await;
    let mut view = call_view(1000, Direction::Internal);
    view.status = CallStatus::Held;
    world.live.publish(NOW, [Event::CallUpdated(view)]);
    let (_, answer) = world.json("anna GET /api/calls").await;
    assert_eq!(answer["items"][0]["status"], "held");
    assert_eq!(answer["count"], serde_json::json!({"value": 1, "capped": false}));
    let (_, answer) = world.json("anna GET /api/calls/c_00000000000z8").await;
    assert_eq!((answer["status"].as_str(), answer["recording"]["state"].as_str()), (Some("held"), Some("complete")));
}

#[tokio::test]
async fn spans() {
    let mut world = World::new().await;
    // An id as signalling makes it: it holds the start.
    world.tell(history(CallId((NOW.0 << 22) | 7), ANNA)).await;
    world.live.publish(NOW, [Event::CallUpdated(call_view(5_000, Direction::Outbound))]);
    for (span, count) in [
        (format!("from={}", NOW.0), 2),
        (format!("from={}", NOW.0 + 1), 0),
        (format!("to={}", NOW.0), 0),
        (format!("from={}&to={}", NOW.0, NOW.0 + 1), 2),
    ] {
        let (_, answer) = world.json(&format!("anna GET /api/calls?{span}")).await;
        assert_eq!(ids(&answer).len(), count, "{span}: {answer}");
    }
}

#[tokio::test]
async fn a_call_that_rings_at_my_slot_is_mine() {
    let world = World::new().await;
    world.send("boris POST /api/slots/2/take").await;
    let mut view = call_view(5_000, Direction::Inbound);
    (view.user, view.callee_slot) = (None, Some(model::SlotId(2)));
    world.live.publish(NOW, [Event::CallUpdated(view)]);
    let (_, answer) = world.json("boris GET /api/calls").await;
    assert_eq!(ids(&answer), ["4w8", "1yg"]);
    let (_, answer) = world.json("anna GET /api/calls").await;
    assert_eq!(ids(&answer), ["z8"]);
}
