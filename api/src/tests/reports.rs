//! Reports, the dashboard, the monitor and quick exports over REST (S000-21, S004-108…113, S004-135…137).

use http::StatusCode;
use http_body_util::BodyExt as _;
use model::{CallId, CallStatus, Direction, Event, Rung, SlotId, SlotState, SlotView};
use serde_json::{Value, json};

use crate::testing::{ANNA, BORIS, NOW, World, call_view, history, slot_view};

/// The day of [`NOW`].
const DAY: &str = "2026-11-18";

/// An answered call of each of Anna and Boris on [`DAY`], and who is who: Boris is a supervisor.
async fn furnished() -> World {
    let mut world = World::new().await;
    for (n, user) in [(7, ANNA), (8, BORIS), (9, ANNA)] {
        world.tell(history(CallId((NOW.0 << 22) | n), user)).await;
    }
    let (status, answer) = world.json("root PUT /api/users/3\n\n{\"version\": 1, \"roles\": [\"supervisor\"]}").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    world
}

/// The status, and of a problem its code and the fields that it names.
async fn said(world: &World, request: &str) -> String {
    let (status, answer) = world.json(request).await;
    let mut fields: Vec<&str> = answer["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect();
    if fields.is_empty() {
        fields.extend(answer["field"].as_str());
    }
    format!("{} {} {}", status.as_u16(), answer["code"].as_str().unwrap_or("-"), fields.join(",")).trim_end().to_owned()
}

/// A file: its media type, the name by which it is saved, and what stands in it.
async fn file(world: &World, request: &str) -> (String, String, String) {
    let response = world.send(request).await;
    assert_eq!(response.status(), StatusCode::OK, "{request}");
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (kind, name) = (header("content-type"), header("content-disposition"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (kind, name, String::from_utf8(body.to_vec()).unwrap())
}

fn keys(answer: &Value) -> Vec<&str> {
    answer.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_report_is_of_whom_one_reaches() {
    let world = furnished().await;
    let calls = format!("/api/reports/calls?from={DAY}");
    let (_, own) = world.json(&format!("anna GET {calls}&by=day,user")).await;
    assert_eq!((&own["lines_are"], &own["totals_are"], &own["tz"]), (&json!("parts"), &json!("parts"), &json!("UTC")), "{own}");
    assert_eq!(own["lines"].as_array().unwrap().len(), 1);
    let line = &own["lines"][0];
    assert_eq!((&line["day"], &line["user_id"], &line["user_name"], &line["calls"]), (&json!(DAY), &json!("2"), &json!("anna"), &json!(2)));
    assert_eq!((&line["internal"], &line["answered"], &line["talk_ms"]), (&json!(2), &json!(2), &json!(18_000)));
    let (_, all) = world.json(&format!("boris GET {calls}")).await;
    assert_eq!((&all["lines_are"], &all["totals"]["calls"], &all["lines"][0]["calls"]), (&json!("calls"), &json!(3), &json!(3)));
    assert!(all["lines"][0].get("user_id").is_none());
    let (_, daily) = world.json(&format!("boris GET /api/reports/daily?date={DAY}")).await;
    let people: Vec<&str> = daily["people"].as_array().unwrap().iter().map(|line| line["user_id"].as_str().unwrap()).collect();
    assert_eq!((people, &daily["totals"]["calls"]), (vec!["2", "3"], &json!(3)));
    let (_, daily) = world.json(&format!("anna GET /api/reports/daily?date={DAY}")).await;
    assert_eq!((daily["people"].as_array().unwrap().len(), &daily["people"][0]["user_id"]), (1, &json!("2")));

    for (request, expected) in [
        ("anna GET /api/reports/daily?date=yesterday", "422 invalid_field date"),
        ("anna GET /api/reports/calls?from=2026-11-18&to=2026-11-17", "422 invalid_field to"),
        ("anna GET /api/reports/calls?from=2024-01-01&to=2025-01-01", "422 invalid_field to"),
        ("anna GET /api/reports/calls?by=colour,day&format=pdf&x=1", "422 invalid_field by,format,x"),
        ("anna GET /api/reports/conversion?by=user", "422 unknown_field by"),
        // A file is more than to read.
        ("anna GET /api/reports/daily?format=xlsx", "403 forbidden"),
        ("boris GET /api/reports/daily?format=csv&locale=tlh", "422 invalid_field locale"),
    ] {
        assert_eq!(said(&world, request).await, expected, "{request}");
    }
    let (kind, name, text) = file(&world, &format!("boris GET {calls}&by=user&format=csv&locale=en")).await;
    assert!(kind == "text/csv; charset=utf-8" && name.starts_with("attachment; filename=\"reports-"), "{kind} {name}");
    assert!(text.contains("Who (number),Who,Calls,Inbound,") && text.contains("\n2,anna,2,0,0,2,2,0,18000,"), "{text}");
}

#[tokio::test]
async fn a_dashboard_has_a_section_for_each_right() {
    let world = furnished().await;
    for (name, operator) in [("Olga", "2"), ("Pavel", "3")] {
        let body = json!({"client_name": name, "assigned_operator": operator});
        assert_eq!(world.json(&format!("root POST /api/crm/leads\n\n{body}")).await.0, StatusCode::CREATED);
    }
    let (_, own) = world.json("anna GET /api/dashboard").await;
    assert_eq!(keys(&own), ["calls", "conversion", "date", "desk", "leads"]);
    assert_eq!((&own["leads"]["open"], &own["conversion"]["totals"]["created"]), (&json!(1), &json!(1)), "one's own leads only: {own}");
    assert_eq!(own["conversion"]["people"].as_array().unwrap().len(), 1);
    assert_eq!((&own["desk"], &own["calls"]["totals_are"]), (&json!({"slots": [], "calls": 0}), &json!("parts")));
    world.live.publish(
        NOW,
        [
            Event::SlotUpdated(SlotView { holder: Some(ANNA), state: SlotState::Ready, ..slot_view(1) }),
            Event::CallUpdated({
                let mut call = call_view(5_000, Direction::Inbound);
                call.user = None;
                call.rung = vec![Rung { slot: SlotId(1), user: Some(ANNA), at: NOW }];
                call
            }),
        ],
    );
    let (_, own) = world.json("anna GET /api/dashboard").await;
    assert_eq!(own["desk"], json!({"slots": [{"id": "1", "number": "6001", "registered": true}], "calls": 1}));

    let (_, all) = world.json("boris GET /api/dashboard").await;
    assert_eq!(keys(&all), ["calls", "center", "conversion", "date", "leads"], "a supervisor takes no slots");
    assert_eq!((&all["leads"]["open"], &all["calls"]["totals_are"]), (&json!(2), &json!("calls")));
    assert_eq!((&all["center"]["calls"]["total"], &all["center"]["calls"]["waiting"]), (&json!(1), &json!(1)));
    assert_eq!((&all["center"]["slots"]["total"], &all["center"]["slots"]["taken"]), (&json!(3), &json!(1)));
    assert!(all["center"]["people"].is_array());
    // Who has other rights has other sections.
    world.json("root PUT /api/users/3\n\n{\"version\": 2, \"roles\": [\"listener\"]}").await;
    assert_eq!(keys(&world.json("boris GET /api/dashboard").await.1), ["date"]);
    assert_eq!(said(&world, "boris GET /api/reports/daily").await, "403 forbidden");
}

#[tokio::test]
async fn a_supervisor_watches_without_what_is_others() {
    let world = furnished().await;
    let elsewhere = SlotView { center: model::CenterId(2), ..slot_view(9) };
    let mut call = call_view(5_000, Direction::Inbound);
    (call.callee_slot, call.status) = (Some(SlotId(2)), CallStatus::Answered);
    let mut other = call_view(6_000, Direction::Inbound);
    other.center = model::CenterId(2);
    world.live.publish(NOW, [Event::SlotUpdated(elsewhere), Event::CallUpdated(call), Event::CallUpdated(other)]);
    let (_, whole) = world.json("root GET /api/monitor/system").await;
    assert_eq!((&whole["calls"], &whole["slots"], &whole["disk_free"]), (&json!(2), &json!(4), &json!(1)));
    assert!(whole["sockets"].is_number());
    let (status, own) = world.json("boris GET /api/monitor/system").await;
    assert_eq!((status, &own["calls"], &own["slots"], &own["slots_registered"]), (StatusCode::OK, &json!(1), &json!(3), &json!(2)));
    for name in ["sockets", "disk_free", "disk_total", "certificate"] {
        assert_eq!(own[name], Value::Null, "{name}");
    }
    assert_eq!(own["database"]["ok"], json!(true));

    let (_, network) = world.json("boris GET /api/monitor/network").await;
    assert_eq!(
        (&network["domain"], &network["slots"]["total"], &network["slots"]["registered"]),
        (&json!("pbx.example"), &json!(3), &json!(2))
    );
    assert!(network["carriers"].is_array());
    let (_, slots) = world.json("boris GET /api/monitor/slots").await;
    assert_eq!((slots["items"].as_array().unwrap().len(), &slots["items"][0]["number"]), (3, &json!("6001")));
    let (_, slot) = world.json("boris GET /api/monitor/slots/2").await;
    assert_eq!(
        (&slot["number"], &slot["registered"], &slot["call"]["status"]),
        (&json!("6002"), &json!(true), &json!("answered")),
        "{slot}"
    );
    assert_eq!(slot["registration"], Value::Null, "addresses are for who may trace phones");
    assert_eq!(world.json("boris GET /api/monitor/slots/1").await.1["call"], Value::Null);
    for (request, expected) in [
        ("boris GET /api/monitor/slots/9", "404 slot_not_found"),
        ("boris GET /api/monitor/usb", "404 not_found"),
        ("anna GET /api/monitor/system", "403 forbidden"),
        ("anna GET /api/monitor/network", "403 forbidden"),
        ("anna GET /api/monitor/slots", "403 forbidden"),
        ("anna GET /api/monitor/slots/1", "403 forbidden"),
    ] {
        assert_eq!(said(&world, request).await, expected, "{request}");
    }
    // Who watches the whole server needs no right to watch a centre.
    let set = json!({"code": "watch", "name": "Watch", "permissions": [{"permission": "system.monitor", "scope": "all"}]});
    let (status, set) = world.json(&format!("root POST /api/permission-sets\n\n{set}")).await;
    assert_eq!(status, StatusCode::CREATED, "{set}");
    let role = json!({"code": "watcher", "name": "Watcher", "sets": ["watch"]});
    let (status, role) = world.json(&format!("root POST /api/roles\n\n{role}")).await;
    assert_eq!(status, StatusCode::CREATED, "{role}");
    world.json("root PUT /api/users/3\n\n{\"version\": 2, \"roles\": [\"watcher\"]}").await;
    assert_eq!(world.json("boris GET /api/monitor/system").await.1["disk_free"], json!(1));
    assert_eq!(said(&world, "boris GET /api/monitor/network").await, "403 forbidden");
}

#[tokio::test]
async fn a_small_list_is_exported_with_the_answer() {
    let world = furnished().await;
    let order = json!({"resource": "cdrs", "format": "csv", "columns": ["call_id", "talk_ms"], "locale": "en"});
    let (kind, name, text) = file(&world, &format!("boris POST /api/exports/quick\n\n{order}")).await;
    assert!(kind == "text/csv; charset=utf-8" && name.starts_with("attachment; filename=\"cdrs-"), "{kind} {name}");
    assert_eq!((text.lines().count(), text.matches(",9000").count()), (6, 5), "{text}");
    let (_, exports) = world.json("boris GET /api/exports").await;
    assert_eq!(exports["items"], json!([]), "nothing of it is kept");
    for (request, expected) in [
        (format!("anna POST /api/exports/quick\n\n{order}"), "403 forbidden"),
        (
            r#"boris POST /api/exports/quick

{"resource": "cdrs", "format": "pdf"}"#
                .to_owned(),
            "422 invalid_field format",
        ),
        (
            r#"boris POST /api/exports/quick

{"resource": "audit_log", "format": "csv"}"#
                .to_owned(),
            "403 forbidden",
        ),
        (
            r#"boris POST /api/exports/quick

{"resource": "cdrs", "format": "csv", "columns": ["nothing"]}"#
                .to_owned(),
            "422 unknown_field columns.nothing",
        ),
    ] {
        assert_eq!(said(&world, &request).await, expected, "{request}");
    }
}
