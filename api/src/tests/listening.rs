//! Listening plans, tasks, scorecards and evaluations over REST.

use std::sync::Arc;

use http::StatusCode;
use model::Event;
use office::jobs::{Runner, RunnerOptions};
use serde_json::{Value, json};

use crate::{
    auth::now,
    live::ears::{Ears, Topics},
    testing::{CALL_OF_ANNA, CALL_OF_BORIS, World},
};

/// Does the jobs that wait.
pub(super) async fn work(world: &World) {
    let options = RunnerOptions { workers: 1, seed: 1, node: 1, sole: true };
    let runner = Runner::new(world.api.office.clone(), Arc::new(now), options);
    let (_go_on, stop) = tokio::sync::watch::channel(false);
    while runner.try_turn(&stop).await.unwrap() {}
}

/// The answer to a request that is to have this status.
async fn done(world: &World, status: StatusCode, request: &str) -> Value {
    let (found, answer) = world.json(request).await;
    assert_eq!(found, status, "{request}: {answer}");
    answer
}

/// The status, and of a problem its code and what else it says.
async fn said(world: &World, request: &str, member: &str) -> String {
    let (status, answer) = world.json(request).await;
    format!("{} {} {}", status.as_u16(), answer["code"].as_str().unwrap_or("-"), answer[member])
}

/// From a card and a plan to what was found of a call, and how far two agree.
#[tokio::test]
async fn calls_are_handed_out_judged_and_compared() {
    let world = World::new().await;
    let (created, ok) = (StatusCode::CREATED, StatusCode::OK);
    let card = json!({"name": "Sales", "items": [{"name": "Polite?", "kind": "scale", "max": 5, "weight": 10}]});
    let card = done(&world, created, &format!("root POST /api/scorecards\n\n{card}")).await;
    assert_eq!((&card["revision"], &card["items"][0]["id"]), (&json!(1), &json!("1")));
    let plan = json!({"name": "All", "scorecard_id": card["id"], "sample": {"how": "percent", "percent": 100}, "claim_limit": 1});
    let plan = done(&world, created, &format!("root POST /api/listening/plans\n\n{plan}")).await;
    assert_eq!((&plan["state"], &plan["sample"]["percent"]), (&json!("draft"), &json!(100)));
    let begun = done(&world, StatusCode::ACCEPTED, "root POST /api/listening/plans/1/sample").await;
    work(&world).await;
    let job = done(&world, ok, &format!("root GET /api/jobs/{}", begun["job_id"].as_str().unwrap())).await;
    assert_eq!((&job["state"], &job["result"]), (&json!("done"), &json!({"calls": 2, "tasks": 2})));
    done(&world, StatusCode::NO_CONTENT, "root POST /api/listening/tasks/claim\n\n{}").await;
    done(&world, ok, "root POST /api/listening/plans/1/activate").await;

    let before = world.live.last_seq();
    let claimed = done(&world, ok, "root POST /api/listening/tasks/claim\n\n{\"plan_id\": \"1\", \"count\": 2}").await;
    let task = &claimed["tasks"][0];
    assert_eq!((&task["call_id"], &task["state"], &task["plan"]), (&json!(CALL_OF_ANNA.to_string()), &json!("claimed"), &json!("All")));
    assert_eq!(claimed["tasks"].as_array().unwrap().len(), 1, "no more than the plan lets one hold");
    assert_eq!(said(&world, "root POST /api/listening/tasks/claim\n\n{}", "limit").await, "409 claim_limit 1");

    // Who sees tasks hears of it by their topic, and who does not hears nothing.
    let told = world.live.after(before, 10).unwrap();
    let told = told.iter().find(|told| matches!(told.event, Event::Row(_))).unwrap();
    let heard = Ears::of(&world.principal("root").await).hear(&world.api, told).await.unwrap();
    assert_eq!((heard.kind, heard.id.as_str(), &heard.data), ("listening.update", "1", task));
    assert!(Topics::read(Some(&json!({"topics": ["listenings"]}))).has(&heard));
    assert!(Ears::of(&world.principal("boris").await).hear(&world.api, told).await.is_none());

    let empty = "root POST /api/listening/tasks/1/done\n\n{}";
    assert_eq!(said(&world, empty, "state").await, "409 wrong_state null");
    let answers = json!({"task_id": "1", "items": [{"item_id": "1", "value": 4, "at_ms": 1500}], "comment": "fine"});
    let judged = done(&world, created, &format!("root POST /api/calls/{CALL_OF_ANNA}/evaluations\n\n{answers}")).await;
    assert_eq!((&judged["score_percent"], &judged["passed"], &judged["agent_id"]), (&json!(80), &json!(true), &json!("2")));
    assert_eq!(judged["items"], json!([{"name": "Polite?", "item_id": "1", "value": 4, "at_ms": 1500}]));
    assert_eq!(said(&world, "root POST /api/listening/tasks/1/release", "state").await, r#"409 task_taken "done""#);
    done(&world, ok, "root POST /api/listening/tasks/claim\n\n{}").await;
    let skipped = done(&world, ok, "root POST /api/listening/tasks/2/skip\n\n{\"reason\": \"silence\"}").await;
    assert_eq!((&skipped["state"], &skipped["reason"]), (&json!("skipped"), &json!("silence")));

    // Operators see what was found of their own calls, and who found it of others' is not theirs to know.
    let hers = done(&world, ok, "anna GET /api/evaluations").await;
    assert_eq!(hers["items"].as_array().unwrap().len(), 1);
    assert_eq!(done(&world, ok, "boris GET /api/evaluations").await["items"], json!([]));
    assert_eq!(said(&world, "boris GET /api/evaluations/1", "-").await, "404 row_not_found null");
    assert_eq!(said(&world, "boris GET /api/listening/tasks", "-").await, "403 forbidden null");
    let agreed = done(&world, ok, "root GET /api/listening/agreement?plan=1&from=0").await;
    assert_eq!(agreed, json!({"pairs": 0, "items": []}));
    assert_eq!(said(&world, "root GET /api/listening/agreement?since=1", "field").await, r#"422 unknown_field "since""#);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let world = World::new().await;
    let long: String = "x".repeat(129);
    let mut wrong = Vec::new();
    for (request, expected) in [
        ("root POST /api/scorecards\n\n{\"name\": \"x\", \"items\": []}".to_owned(), r#"422 invalid_field "items""#),
        (
            format!("root POST /api/scorecards\n\n{}", json!({"name": "x", "items": [{"name": "y", "kind": "maybe"}]})),
            r#"422 invalid_field "items[0].kind""#,
        ),
        (format!("root POST /api/listening/plans\n\n{}", json!({"name": long})), r#"422 invalid_field "name""#),
        (format!("root POST /api/listening/plans\n\n{}", json!({"name": "x", "version": 1})), r#"422 unknown_field "version""#),
        (
            format!("root POST /api/listening/plans\n\n{}", json!({"name": "x", "filter": {"colour": 1}})),
            r#"422 unknown_field "filter.colour""#,
        ),
        (
            format!("root POST /api/listening/plans\n\n{}", json!({"name": "x", "sample": {"how": "some"}})),
            r#"422 invalid_field "sample.how""#,
        ),
        (format!("root POST /api/listening/plans\n\n{}", json!({"name": "x", "scorecard_id": "y"})), r#"422 invalid_field "scorecard_id""#),
        ("root PUT /api/listening/plans/1\n\n{\"note\": \"x\"}".to_owned(), r#"422 missing_field "version""#),
        ("root PUT /api/listening/plans/1\n\n{\"version\": 1}".to_owned(), "404 row_not_found null"),
        ("root POST /api/listening/plans/x/sample".to_owned(), "404 row_not_found null"),
        ("root POST /api/listening/tasks/claim\n\n{\"count\": 51}".to_owned(), r#"422 invalid_field "count""#),
        ("root POST /api/listening/tasks/1/release".to_owned(), "404 row_not_found null"),
        ("root POST /api/listening/tasks/1/skip\n\n{}".to_owned(), r#"422 missing_field "reason""#),
        (format!("root POST /api/calls/{CALL_OF_BORIS}/evaluations\n\n{}", json!({"items": []})), r#"422 invalid_field "scorecard_id""#),
        (format!("root POST /api/calls/{CALL_OF_BORIS}/evaluations\n\n{}", json!({"items": [], "task_id": "9"})), "404 row_not_found null"),
        ("root POST /api/calls/c_1/evaluations\n\n{\"items\": []}".to_owned(), "404 call_not_found null"),
        (format!("anna POST /api/calls/{CALL_OF_ANNA}/evaluations\n\n{}", json!({"items": []})), "403 forbidden null"),
        ("anna POST /api/listening/tasks/claim\n\n{}".to_owned(), "403 forbidden null"),
        ("anna POST /api/scorecards\n\n{\"name\": \"x\", \"items\": []}".to_owned(), "403 forbidden null"),
        ("root GET /api/listening/agreement?plan=7".to_owned(), "404 row_not_found null"),
    ] {
        let told = said(&world, &request, "field").await;
        if told != expected {
            wrong.push(format!("{request}: {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
