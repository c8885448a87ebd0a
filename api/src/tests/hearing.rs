//! Listening sessions over REST: their rules are the module's (crm/hearing); here is what a player meets.

use http::StatusCode;
use model::{CallId, Direction, Fact, RecordingState, WallTime};
use serde_json::{Value, json};

use super::encoded;
use crate::testing::{CALL_OF_ANNA, CALL_OF_BORIS, World, call_view, recording};

const SESSIONS: &str = "/api/listening/sessions";

async fn open(world: &World, who: &str, call: CallId) -> (StatusCode, Value) {
    world.json(&format!("{who} POST {SESSIONS}\n\n{{\"call_id\": \"{call}\"}}")).await
}

fn report(seq: i64, ranges: &Value, more: &Value) -> Value {
    let mut report = json!({"seq": seq, "ranges": ranges, "position_ms": 0, "speed": 1});
    report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    report
}

/// The status, and of a problem its code and field.
async fn said(world: &World, request: &str) -> String {
    let (status, answer) = world.json(request).await;
    let text = |name: &str| answer[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", status.as_u16(), text("code"), text("field"))
}

#[tokio::test]
async fn a_player_begins_reports_and_is_counted() {
    let world = World::new().await;
    let (status, begun) = open(&world, "anna", CALL_OF_ANNA).await;
    assert_eq!(status, StatusCode::CREATED, "{begun}");
    assert_eq!((&begun["duration_ms"], &begun["heard"], &begun["heard_ms"]), (&json!(9_000), &json!([]), &json!(0)));
    assert_eq!((&begun["completed"], &begun["report_every_s"], &begun["stream"]["expires_in"]), (&json!(false), &json!(5), &json!(300)));
    assert!(begun["stream"]["url"].as_str().unwrap().starts_with("/api/calls/c_00000000000z8/recording?t="));
    // It has just begun: two seconds are believed, whatever it says. The clock is the machine's, so no more than a lower and an upper bound is known.
    let put = |seq, ranges: Value, more: Value| {
        format!("anna PUT {SESSIONS}/{}\n\n{}", begun["id"].as_str().unwrap(), report(seq, &ranges, &more))
    };
    let (status, counted) = world.json(&put(1, json!([[0, 2_000]]), json!({}))).await;
    assert_eq!((status, counted), (StatusCode::OK, json!({"heard_ms": 2_000, "all_heard_ms": 2_000, "completed": false, "trimmed_ms": 0})));
    let (_, again) = world.json(&put(1, json!([[0, 9_000]]), json!({}))).await;
    assert_eq!(again["heard_ms"], 2_000, "counted already");
    let (status, last) = world.json(&put(2, json!([[2_000, 2_001]]), json!({"ended": true, "speed": 3, "position_ms": 99_999}))).await;
    assert_eq!((status, &last["all_heard_ms"]), (StatusCode::OK, &json!(2_001)));
    assert_eq!(said(&world, &put(3, json!([]), json!({}))).await, "409 session_ended -");
    assert_eq!(open(&world, "anna", CALL_OF_ANNA).await.1["heard"], json!([[0, 2_001]]));
    // Of what is listed an administrator sees all.
    let (_, list) = world.json(&format!("root GET {SESSIONS}?sort=id&filter={}", encoded(r#"{"call_id": "c_00000000000z8"}"#))).await;
    let first = &list["items"][0];
    assert_eq!((&first["user_id"], &first["heard_ms"], &first["position_ms"]), (&json!("2"), &json!(2_001), &json!(9_000)));
    assert_eq!((list["items"].as_array().unwrap().len(), &first["speed_permille"]), (2, &json!(3_000)));
    let day = "from=1970-01-01&to=1970-12-31";
    let (_, sums) = world.json(&format!("root GET /api/statistics/listening?{day}")).await;
    assert_eq!(sums["totals"], json!({"opened": 0, "completed": 0, "heard_ms": 0}));
    let (year, month, day) = WallTime(first["opened_at"].as_i64().unwrap()).utc_date();
    let today = format!("{year}-{month:02}-{day:02}");
    let (_, sums) = world.json(&format!("root GET /api/statistics/listening?from={today}&to={today}&by=user")).await;
    assert_eq!((&sums["totals"]["opened"], &sums["totals"]["heard_ms"]), (&json!(2), &json!(2_001)), "{sums}");
    assert_eq!((&sums["rows"][0]["user_id"], sums["rows"][0].get("day")), (&json!("2"), None));
}

#[tokio::test]
async fn what_cannot_be_listened_to_is_refused() {
    let mut world = World::new().await;
    let begun = open(&world, "anna", CALL_OF_ANNA).await.1;
    let id = begun["id"].as_str().unwrap();
    let many = json!(vec![[0, 1]; 51]);
    let put = |who: &str, body: &Value| format!("{who} PUT {SESSIONS}/{id}\n\n{body}");
    for (request, expected) in [
        (format!("anna POST {SESSIONS}\n\n{{\"call_id\": \"{CALL_OF_BORIS}\"}}"), "404 call_not_found -"),
        (format!("anna POST {SESSIONS}\n\n{{\"call_id\": \"c_0000000000zzz\"}}"), "404 call_not_found -"),
        (format!("anna POST {SESSIONS}\n\n{{\"call_id\": \"x\"}}"), "422 invalid_field call_id"),
        (format!("anna POST {SESSIONS}\n\n{{\"call_id\": \"{CALL_OF_ANNA}\", \"task_id\": \"1\"}}"), "422 unknown_field task_id"),
        (format!("- POST {SESSIONS}\n\n{{\"call_id\": \"{CALL_OF_ANNA}\"}}"), "401 not_signed_in -"),
        (put("boris", &report(1, &json!([]), &json!({}))), "404 row_not_found -"),
        (put("anna", &report(0, &json!([]), &json!({}))), "422 invalid_field seq"),
        (put("anna", &report(1, &many, &json!({}))), "422 invalid_field ranges"),
        (put("anna", &report(1, &json!([[-1, 5]]), &json!({}))), "422 invalid_field ranges[0][0]"),
        (put("anna", &report(1, &json!([]), &json!({"speed": 0}))), "422 invalid_field speed"),
        (put("anna", &report(1, &json!([]), &json!({"speed": 17}))), "422 invalid_field speed"),
        (format!("anna PUT {SESSIONS}/x\n\n{}", report(1, &json!([]), &json!({}))), "404 row_not_found -"),
        (format!("anna GET {SESSIONS}"), "403 forbidden -"),
        ("anna GET /api/statistics/listening?from=2026-01-01&to=2026-01-02".to_owned(), "403 forbidden -"),
        ("root GET /api/statistics/listening?from=2026-01-01".to_owned(), "422 missing_field to"),
        ("root GET /api/statistics/listening?from=x&to=2026-01-01".to_owned(), "422 invalid_field from"),
        ("root GET /api/statistics/listening?from=2026-01-02&to=2026-01-01".to_owned(), "422 invalid_field to"),
        ("root GET /api/statistics/listening?from=2025-01-01&to=2026-01-02".to_owned(), "422 invalid_field to"),
        ("root GET /api/statistics/listening?from=2026-01-01&to=2026-01-02&by=day,tag".to_owned(), "422 invalid_field by"),
        ("root GET /api/statistics/listening?from=2026-01-01&to=2026-01-02&b=day".to_owned(), "422 unknown_field b"),
    ] {
        assert_eq!(said(&world, &request).await, expected, "{request}");
    }
    // Nothing to hear, and nothing yet.
    for (id, state) in [(11, RecordingState::Failed), (12, RecordingState::Recording)] {
        let mut row = recording(CallId(id));
        (row.state, row.duration_ms, row.size) = (state, 0, 0);
        world.tell(vec![Fact::CallStarted { call: call_view(id, Direction::Internal) }, Fact::Recording { row }]).await;
    }
    assert_eq!(open(&world, "anna", CallId(11)).await.1["code"], "recording_not_found");
    assert_eq!(open(&world, "anna", CallId(12)).await.1["duration_ms"], 0);
    std::fs::write(world.directory.path().join("12.wav"), vec![0; 44 + 3_200]).unwrap();
    assert_eq!(open(&world, "anna", CallId(12)).await.1["duration_ms"], 100);
}

#[tokio::test]
async fn erased_while_it_is_heard() {
    let world = World::new().await;
    let begun = open(&world, "anna", CALL_OF_ANNA).await.1;
    let put = |seq, ranges: Value| format!("anna PUT {SESSIONS}/{}\n\n{}", begun["id"].as_str().unwrap(), report(seq, &ranges, &json!({})));
    world.json(&put(1, json!([[0, 1_000]]))).await;
    assert_eq!(world.send(&format!("root DELETE /api/calls/{CALL_OF_ANNA}/recording")).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(said(&world, &put(2, json!([[1_000, 2_000]]))).await, "409 session_ended -");
    let (status, problem) = open(&world, "anna", CALL_OF_ANNA).await;
    assert_eq!((status, &problem["code"], problem["erased_at"].is_i64()), (StatusCode::GONE, &json!("recording_erased"), true));
    let (_, list) = world.json(&format!("root GET {SESSIONS}")).await;
    assert_eq!(list["items"][0]["heard_ms"], 2_000, "what came before counts");
}

#[tokio::test]
async fn a_program_listens_with_its_own_token() {
    let world = World::new().await;
    let (status, made) = world.json("root POST /api/me/tokens\n\n{\"name\": \"player\"}").await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let bearer = format!("Authorization: Bearer {}", made["token"].as_str().unwrap());
    let (status, begun) = world.json(&format!("- POST {SESSIONS}\n{bearer}\n\n{{\"call_id\": \"{CALL_OF_ANNA}\"}}")).await;
    assert_eq!(status, StatusCode::CREATED, "{begun}");
    assert_eq!(begun["stream"], json!({"url": "/api/calls/c_00000000000z8/recording", "expires_in": null}));
    let heard = world.send(&format!("- GET {}\n{bearer}", begun["stream"]["url"].as_str().unwrap())).await;
    assert_eq!(heard.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_centre_says_what_listening_is() {
    let world = World::new().await;
    let settings = "/api/listening/settings";
    assert_eq!(world.json(&format!("root GET {settings}")).await.1, json!({"heard_percent": 60, "heard_s": 30, "speed_max": 3.0}));
    let (status, now) = world.json(&format!("root PUT {settings}\n\n{{\"heard_percent\": 20, \"speed_max\": 1.5}}")).await;
    assert_eq!((status, now), (StatusCode::OK, json!({"heard_percent": 20, "heard_s": 30, "speed_max": 1.5})));
    for (request, expected) in [
        (format!("root PUT {settings}\n\n{{\"heard_percent\": 0}}"), "422 invalid_field heard_percent"),
        (format!("root PUT {settings}\n\n{{\"speed_max\": 5}}"), "422 invalid_field speed_max"),
        (format!("root PUT {settings}\n\n{{\"speed_max\": 99}}"), "422 invalid_field speed_max"),
        (format!("root PUT {settings}\n\n{{\"heard\": 1}}"), "422 unknown_field heard"),
        (format!("anna GET {settings}"), "403 forbidden -"),
        (format!("anna PUT {settings}\n\n{{}}"), "403 forbidden -"),
    ] {
        assert_eq!(said(&world, &request).await, expected, "{request}");
    }
}
