//! Whose phone rings is told so at once, and who it is once that was looked up, each by their own rights.

use std::{collections::BTreeSet, sync::Arc};

use http::StatusCode;
use model::{CallId, CallStatus, CallView, Direction, Event, Rung, Segment, SlotId, UserId};
use serde_json::{Value, json};

use crate::{
    live::{Told, ears::Ears},
    testing::{ANNA, BORIS, NOW, World, call_view, slot_view},
};

const CALL: CallId = CallId(7_000);
const NUMBER: &str = "+79161234567";

fn ringing(at: &[(i64, UserId)]) -> CallView {
    let rung = at.iter().map(|(slot, user)| Rung { slot: SlotId(*slot), user: Some(*user), at: NOW }).collect();
    CallView { user: None, caller: NUMBER.to_owned(), rung, ..call_view(CALL.0, Direction::Inbound) }
}

/// What each of them hears of these events about screens.
async fn heard(world: &World, who: &str, told: &[Arc<Told>]) -> Vec<(&'static str, Value)> {
    let mut ears = Ears::of(&world.principal(who).await);
    let mut heard = Vec::new();
    for told in told {
        heard.extend(ears.hear(&world.api, told).await.filter(|news| news.kind.starts_with("screen.")).map(|news| (news.kind, news.data)));
    }
    heard
}

/// Publishes it with somebody there who looks numbers up, and gives all that was told until the look-up was.
async fn looked_up(world: &World, call: CallView) -> Vec<Arc<Told>> {
    let popper = tokio::spawn(crate::pop(Arc::clone(&world.live), world.api.crm.clone(), world.api.metrics.clone(), || NOW));
    let (from, mut watch) = (world.live.last_seq(), world.live.watch());
    // Whoever looks up begins with what comes from now on.
    tokio::task::yield_now().await;
    world.live.publish(NOW, [Event::SlotUpdated(slot_view(1)), Event::CallUpdated(call)]);
    let told = loop {
        let told = world.live.after(from, 100).unwrap();
        if told.iter().any(|told| matches!(&told.event, Event::ScreenPop(pop) if pop.is_complete)) {
            break told;
        }
        watch.changed().await.unwrap();
    };
    popper.abort();
    told
}

async fn lead(world: &World, name: &str, operator: UserId) {
    let body = json!({"client_name": name, "phone": NUMBER, "source": "board", "assigned_operator": operator.to_string()});
    let (status, lead) = world.json(&format!("root POST /api/crm/leads\n\n{body}")).await;
    assert_eq!(status, StatusCode::CREATED, "{lead}");
}

#[tokio::test]
async fn who_is_rung_hears_it_first_and_then_who_it_is() {
    let world = World::new().await;
    lead(&world, "Olga", ANNA).await;
    lead(&world, "Pavel", BORIS).await;
    let told = looked_up(&world, ringing(&[(1, ANNA), (2, BORIS)])).await;
    let kinds: Vec<_> = told.iter().map(|told| matches!(told.event, Event::ScreenPop(_))).collect();
    assert_eq!(kinds, [true, false, false, true], "it pops before the slot is said to ring, and again with who it is");
    let (_, boris) = world.json(&format!("root GET /api/users/{}", BORIS.0)).await;
    for (who, name, id) in [("anna", "Olga", "1"), ("boris", "Pavel", "2")] {
        let heard = heard(&world, who, &told).await;
        let first = json!({"call_id": CALL, "number": NUMBER, "scenario": null, "source": null, "candidates": [], "complete": false});
        assert_eq!(heard[0], ("screen.pop", first), "{who}");
        let [candidate] = heard[1].1["candidates"].as_array().unwrap().as_slice() else { panic!("{who}: {heard:?}") };
        assert_eq!((&candidate["row"]["client_name"], &candidate["row"]["id"]), (&json!(name), &json!(id)), "{who}: their own lead only");
        assert_eq!((&heard[1].1["complete"], &candidate["foreign"]), (&json!(true), &json!(false)));
    }
    assert_eq!(heard(&world, "root", &told).await, [], "it does not ring at theirs");
    // Names and numbers are seen as lists show them.
    let columns = json!([
        {"resource": "calls", "column": "caller", "mode": "mask"},
        {"resource": "leads", "column": "client_name", "mode": "hide"},
        {"resource": "leads", "column": "assigned_operator", "mode": "hide"}
    ]);
    let body = json!({"columns": columns, "version": boris["version"]});
    assert_eq!(world.json(&format!("root PUT /api/users/{}\n\n{body}", BORIS.0)).await.0, StatusCode::OK);
    let heard = heard(&world, "boris", &told).await;
    assert_ne!(heard[0].1["number"], json!(NUMBER));
    let candidate = &heard[1].1["candidates"][0];
    assert_eq!((candidate["row"].get("client_name"), &candidate["with_name"]), (None, &Value::Null), "{candidate}");
}

#[tokio::test]
async fn somebody_elses_lead_is_hinted_at_where_the_centre_says_so() {
    let world = World::new().await;
    lead(&world, "Pavel", BORIS).await;
    let foreign = json!([{"resource": "leads", "foreign": true, "row": null, "with_name": "boris"}]);
    for (settings, expected) in [(json!({}), json!([])), (json!({"desk": {"pop_foreign": true}}), foreign.clone())] {
        let (_, center) = world.json("root GET /api/centers/1").await;
        let body = json!({"settings": settings, "version": center["version"]});
        let (status, answer) = world.json(&format!("root PUT /api/centers/1\n\n{body}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let told = looked_up(&world, ringing(&[(1, ANNA)])).await;
        assert_eq!(heard(&world, "anna", &told).await[1].1["candidates"], expected, "{settings}");
        let (_, card) = world.json(&format!("anna GET /api/calls/{CALL}/card")).await;
        let hints: Vec<bool> = card["matches"].as_array().unwrap().iter().map(|one| one["foreign"] == json!(true)).collect();
        assert_eq!(hints.len(), expected.as_array().unwrap().len(), "{card}");
        world.live.publish(NOW, [Event::CallUpdated(CallView { status: CallStatus::Ended, ..ringing(&[(1, ANNA)]) })]);
    }
    // Sellers never hear of one another's leads.
    let (_, anna) = world.json(&format!("root GET /api/users/{}", ANNA.0)).await;
    let body = json!({"roles": ["operator", "seller"], "version": anna["version"]});
    assert_eq!(world.json(&format!("root PUT /api/users/{}\n\n{body}", ANNA.0)).await.0, StatusCode::OK);
    let told = looked_up(&world, ringing(&[(1, ANNA)])).await;
    assert_eq!(heard(&world, "anna", &told).await[1].1["candidates"], json!([]));
    assert_eq!(world.json(&format!("anna GET /api/calls/{CALL}/card")).await.1["matches"], json!([]));
}

#[tokio::test]
async fn who_did_not_answer_hears_who_did() {
    let world = World::new().await;
    let from = world.live.last_seq();
    let mut call = ringing(&[(1, ANNA), (2, BORIS)]);
    world.live.publish(NOW, [Event::CallUpdated(call.clone())]);
    call.status = CallStatus::Answered;
    call.segments.push(Segment { user: Some(ANNA), slot: SlotId(1), from: NOW, to: None, hold_ms: 0 });
    world.live.publish(NOW, [Event::CallUpdated(call.clone())]);
    let told = world.live.after(from, 100).unwrap();
    let gone = json!({"call_id": CALL, "why": "answered", "by": "2", "by_name": "anna"});
    assert_eq!(heard(&world, "boris", &told).await[1], ("screen.gone", gone));
    assert_eq!(heard(&world, "anna", &told).await.len(), 1, "who answered has it");
    // What is looked up only now is for who has the call.
    let left = world.live.left_of(CALL, &BTreeSet::from([ANNA, BORIS]));
    assert_eq!(left, [ANNA].into());
    let other = CallId(7_001);
    let call = CallView { call_id: other, ..ringing(&[(2, BORIS)]) };
    let from = world.live.last_seq();
    world.live.publish(NOW, [Event::CallUpdated(call.clone()), Event::CallUpdated(CallView { status: CallStatus::Ended, ..call })]);
    let told = world.live.after(from, 100).unwrap();
    assert_eq!(heard(&world, "boris", &told).await[1], ("screen.gone", json!({"call_id": other, "why": "given_up"})));
}

#[tokio::test]
async fn a_card_shows_what_its_reader_may_see() {
    let world = World::new().await;
    lead(&world, "Olga", ANNA).await;
    lead(&world, "Pavel", BORIS).await;
    world.live.publish(NOW, [Event::CallUpdated(ringing(&[(1, ANNA)]))]);
    let (status, card) = world.json(&format!("anna GET /api/calls/{CALL}/card")).await;
    assert_eq!((status, &card["number"]), (StatusCode::OK, &json!(NUMBER)));
    let matches = card["matches"].as_array().unwrap();
    assert_eq!((matches.len(), &matches[0]["row"]["client_name"], &matches[0]["linked"]), (1, &json!("Olga"), &json!(false)), "{card}");
    assert_eq!(world.send(&format!("boris GET /api/calls/{CALL}/card")).await.status(), StatusCode::NOT_FOUND);
    let (_, all) = world.json(&format!("root GET /api/calls/{CALL}/card")).await;
    assert_eq!(all["matches"].as_array().unwrap().len(), 2);
}
