//! At whose phones a call rings, they may read it from its INVITE on, and no more than that: somebody else may answer it.

use http::StatusCode;
use model::{
    CallId, CallStatus, CallView, DigitView, Direction, Event, Fact, PartyRole, RecordingState, RecordingView, Rung, SlotId, UserId,
};
use serde_json::{Value, json};

use crate::{
    live::{Told, ears::Ears},
    testing::{ANNA, BORIS, NOW, World, call_view, cdr, recording},
};

const CALL: CallId = CallId(7_000);

/// A call from the world that rings at the slots of both, and that anna answers.
fn ringing() -> CallView {
    let rung = [(1, Some(ANNA)), (2, Some(BORIS)), (3, None)];
    let rung = rung.map(|(slot, user)| Rung { slot: SlotId(slot), user, at: NOW }).into();
    CallView { user: None, rung, ..call_view(CALL.0, Direction::Inbound) }
}

/// What `who` hears of it.
async fn hears(world: &World, who: &str, event: Event, users: &[UserId]) -> Option<Value> {
    let mut ears = Ears::of(&world.principal(who).await);
    let told = Told { seq: 1, ts: NOW, event, users: users.iter().copied().collect() };
    ears.hear(&world.api, &told).await.map(|envelope| envelope.data)
}

#[tokio::test]
async fn whom_it_rings_at_hears_of_it_before_the_answer() {
    let world = World::new().await;
    let call = ringing();
    world.live.publish(NOW, [Event::CallUpdated(call.clone())]);
    let told = world.live.after(world.live.last_seq() - 1, 1).unwrap().remove(0);
    let heard = hears(&world, "boris", told.event.clone(), &told.users.iter().copied().collect::<Vec<_>>()).await.unwrap();
    assert_eq!(
        heard["rung"],
        json!([{"slot": "1", "user": "2", "at": NOW}, {"slot": "2", "user": "3", "at": NOW}, {"slot": "3", "user": null, "at": NOW}])
    );
    // Also in the list and by itself, with no database behind it yet.
    let (status, read) = world.json(&format!("boris GET /api/calls/{CALL}")).await;
    assert_eq!((status, &read["rung"][1]["user"]), (StatusCode::OK, &json!("3")));
    let (_, list) = world.json("boris GET /api/calls").await;
    assert!(list["items"].as_array().unwrap().iter().any(|row| row["call_id"] == json!(CALL)), "{list}");
    // A third one hears nothing of it.
    let nobodys = CallView { rung: call.rung[..1].to_vec(), ..call };
    assert_eq!(hears(&world, "boris", Event::CallUpdated(nobodys), &[]).await, None);
}

#[tokio::test]
async fn whom_it_only_rang_at_may_read_it_and_no_more() {
    let mut world = World::new().await;
    let answered = CallView { status: CallStatus::Answered, ..ringing() };
    let (call_id, center) = (CALL, answered.center);
    world.live.publish(NOW, [Event::CallUpdated(answered)]);
    let digit = Event::DigitPressed(DigitView { call_id, center, by: PartyRole::Caller, digit: '1', duration_ms: 80 });
    let closed = Event::RecordingClosed(RecordingView { call_id, center, state: RecordingState::Complete, reason: None, duration_ms: 5 });
    for event in [digit, closed] {
        world.live.publish(NOW, [event.clone()]);
        let told = world.live.after(world.live.last_seq() - 1, 1).unwrap().remove(0);
        assert_eq!(hears(&world, "boris", event, &told.users.iter().copied().collect::<Vec<_>>()).await, None);
    }
    let mut record = cdr(CALL, ANNA);
    record.rung = ringing().rung;
    world.tell(vec![Fact::CallEnded { cdr: record }, Fact::Recording { row: recording(CALL) }]).await;
    std::fs::write(world.directory.path().join(format!("{}.wav", CALL.0)), [0; 1_044]).unwrap();
    // While it is on the board, and after a restart from the database.
    let after = world.restarted().await;
    for world in [&world, &after] {
        for (request, boris) in [
            (format!("GET /api/calls/{CALL}"), 200),
            (format!("GET /api/calls/{CALL}/recording/peaks"), 404),
            (format!("POST /api/calls/{CALL}/recording/token"), 404),
            (format!("POST /api/calls/{CALL}/transfer\n\n{{\"to\": \"6001\"}}"), 404),
        ] {
            assert_eq!(world.send(&format!("boris {request}")).await.status().as_u16(), boris, "{request}");
        }
        let (_, records) = world.json("boris GET /api/cdr/records").await;
        let record = records["items"].as_array().unwrap().iter().find(|row| row["call_id"] == json!(CALL)).unwrap().clone();
        assert_eq!(record["rung"][1], json!({"slot": "2", "user": "3", "at": NOW}));
        let (_, recordings) = world.json("boris GET /api/recordings").await;
        assert!(recordings["items"].as_array().unwrap().iter().all(|row| row["call_id"] != json!(CALL)), "{recordings}");
    }
    let ended = world.send(&format!("boris POST /api/call/end\n\n{{\"call_id\": \"{CALL}\"}}")).await.status();
    assert_eq!(ended, StatusCode::NOT_FOUND, "it is not theirs to end");
    let (_, anna) = world.json("anna GET /api/recordings").await;
    assert!(anna["items"].as_array().unwrap().iter().any(|row| row["call_id"] == json!(CALL)), "{anna}");
}

/// Who may not see which slot was called, or whose calls these are, does not read it here.
#[tokio::test]
async fn hidden_columns_hide_their_parts() {
    let world = World::new().await;
    world.live.publish(NOW, [Event::CallUpdated(ringing())]);
    let (_, boris) = world.json(&format!("root GET /api/users/{}", BORIS.0)).await;
    let columns =
        json!([{"resource": "calls", "column": "callee_slot", "mode": "hide"}, {"resource": "calls", "column": "user", "mode": "mask"}]);
    let body = json!({"columns": columns, "version": boris["version"]});
    let (status, answer) = world.json(&format!("root PUT /api/users/{}\n\n{body}", BORIS.0)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (_, read) = world.json(&format!("boris GET /api/calls/{CALL}")).await;
    assert_eq!(read["rung"][0]["at"], json!(NOW));
    assert!(read["rung"][0].get("slot").is_none() && read["rung"][0]["user"] != json!("2"), "{read}");
}
