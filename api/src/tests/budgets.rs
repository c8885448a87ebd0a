//! Budgets against toll fraud, as an administrator sets, sees and releases them.

use expect_test::expect;
use http::StatusCode;
use model::{BudgetNews, CallId, Command, Direction, EndingView, Event, Refusal, WallTime, budget};
use serde_json::{Value, json};

use super::check;
use crate::{
    live::ears::Ears,
    testing::{ANNA, NOW, World, call_view},
};

const CENTER: &str = "root PUT /api/security/budgets/center/1\n\n{\"limits\": {\"day_s\": 600, \"calls_max\": 5}}";

#[tokio::test]
async fn budgets_are_set_seen_and_released() {
    let world = World::new().await;
    check(
        &world,
        &[
            CENTER,
            "root PUT /api/security/budgets/slot/1\n\n{\"limits\": {\"destinations\": [\"+7 (495)*\"], \"premium\": true, \"day_spend\": 5000, \"currency\": \"RUB\"}, \"outside\": {\"hours\": {\"zone\": \"Europe/Moscow\", \"week\": {\"mon\": [\"09:00-18:00\"]}}, \"limits\": {\"calls_max\": 0}}}",
            "root GET /api/security/budgets?fields=id,name,closed,outside_now,lines",
            "root GET /api/security/budgets?sort=-id&fields=id&limit=1",
            "root GET /api/security/budgets?filter=%7B%22kind%22%3A%22slot%22%7D&fields=id,limits,outside",
            "root POST /api/security/budgets/center/1/release\n\n{\"reason\": \"a campaign, as agreed\"}",
            "root DELETE /api/security/budgets/slot/1",
            "root DELETE /api/security/budgets/slot/1",
            "root POST /api/security/budgets/slot/1/release\n\n{\"reason\": \"x\"}",
            "root GET /api/security/budgets?fields=id",
        ],
        expect![[r#"
            > root PUT /api/security/budgets/center/1 | {"limits": {"day_s": 600, "calls_max": 5}}
            200
            {"calls":1,"closed":false,"id":"center:1","kind":"center","limits":{"calls_max":5,"calls_per_s":null,"currency":"","day_s":600,"day_spend":null,"destinations":[],"hour_s":null,"month_spend":null,"premium":null},"lines":[{"closed":false,"free_at":null,"limit":"calls","reserved":0,"used":1,"value":5,"window_s":0},{"closed":false,"free_at":1795000000000,"limit":"day_s","reserved":60,"used":400,"value":600,"window_s":86400}],"name":"Main","outside":null,"outside_now":false,"scope_id":"1"}

            > root PUT /api/security/budgets/slot/1 | {"limits": {"destinations": ["+7 (495)*"], "premium": true, "day_spend": 5000, "currency": "RUB"}, "outside": {"hours": {"zone": "Europe/Moscow", "week": {"mon": ["09:00-18:00"]}}, "limits": {"calls_max": 0}}}
            200
            {"calls":1,"closed":false,"id":"slot:1","kind":"slot","limits":{"calls_max":null,"calls_per_s":null,"currency":"RUB","day_s":null,"day_spend":5000,"destinations":["+7495*"],"hour_s":null,"month_spend":null,"premium":true},"lines":[],"name":"6001","outside":{"hours":{"special":[],"week":{"mon":["09:00-18:00"]},"zone":"Europe/Moscow"},"limits":{"calls_max":0,"calls_per_s":null,"currency":"","day_s":null,"day_spend":null,"destinations":[],"hour_s":null,"month_spend":null,"premium":null}},"outside_now":true,"scope_id":"1"}

            > root GET /api/security/budgets?fields=id,name,closed,outside_now,lines
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"kind","sort":true},{"filter":true,"mode":"show","name":"scope_id","sort":false},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":false,"mode":"show","name":"limits","sort":false},{"filter":false,"mode":"show","name":"outside","sort":false},{"filter":true,"mode":"show","name":"outside_now","sort":false},{"filter":false,"mode":"show","name":"calls","sort":true},{"filter":false,"mode":"show","name":"lines","sort":false},{"filter":true,"mode":"show","name":"closed","sort":false}],"count":{"capped":false,"value":2},"items":[{"closed":false,"id":"center:1","lines":[{"closed":false,"free_at":null,"limit":"calls","reserved":0,"used":1,"value":5,"window_s":0},{"closed":false,"free_at":1795000000000,"limit":"day_s","reserved":60,"used":400,"value":600,"window_s":86400}],"name":"Main","outside_now":false},{"closed":false,"id":"slot:1","lines":[],"name":"6001","outside_now":true}],"next":null,"prev":null}

            > root GET /api/security/budgets?sort=-id&fields=id&limit=1
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"kind","sort":true},{"filter":true,"mode":"show","name":"scope_id","sort":false},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":false,"mode":"show","name":"limits","sort":false},{"filter":false,"mode":"show","name":"outside","sort":false},{"filter":true,"mode":"show","name":"outside_now","sort":false},{"filter":false,"mode":"show","name":"calls","sort":true},{"filter":false,"mode":"show","name":"lines","sort":false},{"filter":true,"mode":"show","name":"closed","sort":false}],"count":{"capped":false,"value":2},"items":[{"id":"slot:1"}],"next":"eyJ2IjoxLCJyIjoiYnVkZ2V0cyIsInMiOiItaWQiLCJhIjoic2xvdDoxIiwiayI6NTkxNTM4ODEzOTE4Njc2MDM3OCwiYiI6ZmFsc2UsImgiOiJBUXZEQVZuMlJNeWk2WFlqIn0","prev":null}

            > root GET /api/security/budgets?filter=%7B%22kind%22%3A%22slot%22%7D&fields=id,limits,outside
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"kind","sort":true},{"filter":true,"mode":"show","name":"scope_id","sort":false},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":false,"mode":"show","name":"limits","sort":false},{"filter":false,"mode":"show","name":"outside","sort":false},{"filter":true,"mode":"show","name":"outside_now","sort":false},{"filter":false,"mode":"show","name":"calls","sort":true},{"filter":false,"mode":"show","name":"lines","sort":false},{"filter":true,"mode":"show","name":"closed","sort":false}],"count":{"capped":false,"value":1},"items":[{"id":"slot:1","limits":{"calls_max":null,"calls_per_s":null,"currency":"RUB","day_s":null,"day_spend":5000,"destinations":["+7495*"],"hour_s":null,"month_spend":null,"premium":true},"outside":{"hours":{"special":[],"week":{"mon":["09:00-18:00"]},"zone":"Europe/Moscow"},"limits":{"calls_max":0,"calls_per_s":null,"currency":"","day_s":null,"day_spend":null,"destinations":[],"hour_s":null,"month_spend":null,"premium":null}}}],"next":null,"prev":null}

            > root POST /api/security/budgets/center/1/release | {"reason": "a campaign, as agreed"}
            200
            {"calls":1,"closed":false,"id":"center:1","kind":"center","limits":{"calls_max":5,"calls_per_s":null,"currency":"","day_s":600,"day_spend":null,"destinations":[],"hour_s":null,"month_spend":null,"premium":null},"lines":[{"closed":false,"free_at":null,"limit":"calls","reserved":0,"used":1,"value":5,"window_s":0},{"closed":false,"free_at":null,"limit":"day_s","reserved":60,"used":0,"value":600,"window_s":86400}],"name":"Main","outside":null,"outside_now":false,"scope_id":"1"}

            > root DELETE /api/security/budgets/slot/1
            204
            content-length: 0

            > root DELETE /api/security/budgets/slot/1
            404
            {"code":"budget_not_found","detail":"There is no such budget, or nothing with this id that could have one; the id of a slot is not its number."}

            > root POST /api/security/budgets/slot/1/release | {"reason": "x"}
            404
            {"code":"budget_not_found","detail":"There is no such budget, or nothing with this id that could have one; the id of a slot is not its number."}

            > root GET /api/security/budgets?fields=id
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"kind","sort":true},{"filter":true,"mode":"show","name":"scope_id","sort":false},{"filter":true,"mode":"show","name":"name","sort":true},{"filter":false,"mode":"show","name":"limits","sort":false},{"filter":false,"mode":"show","name":"outside","sort":false},{"filter":true,"mode":"show","name":"outside_now","sort":false},{"filter":false,"mode":"show","name":"calls","sort":true},{"filter":false,"mode":"show","name":"lines","sort":false},{"filter":true,"mode":"show","name":"closed","sort":false}],"count":{"capped":false,"value":1},"items":[{"id":"center:1"}],"next":null,"prev":null}

        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_makes_no_budget_is_told_whole() {
    let world = World::new().await;
    check(
        &world,
        &[
            "root PUT /api/security/budgets/slot/1\n\n{\"limits\": {}}",
            "root PUT /api/security/budgets/slot/1\n\n{\"limits\": {\"destinations\": [\"+7495*\", \"6*3\"]}, \"outside\": {\"hours\": {\"zone\": \"UTC\"}, \"limits\": {\"destinations\": [\"x\"]}}}",
            "root PUT /api/security/budgets/slot/1\n\n{\"limits\": {\"month_spend\": 1000000000001, \"calls_per_s\": 1001, \"calls_max\": 100001}}",
            "root PUT /api/security/budgets/slot/1\n\n{\"limits\": {\"hour_s\": -1}}",
            "root PUT /api/security/budgets/slot/1\n\n{\"limits\": {\"hours\": 1}}",
            "root PUT /api/security/budgets/slot/1\n\n{\"limits\": {\"hour_s\": 1}, \"outside\": {\"hours\": {\"zone\": \"Moscow\"}, \"limits\": {}}}",
            "root PUT /api/security/budgets/hub/1\n\n{\"limits\": {\"hour_s\": 1}}",
            "root PUT /api/security/budgets/slot/99\n\n{\"limits\": {\"hour_s\": 1}}",
            "root PUT /api/security/budgets/carrier/99\n\n{\"limits\": {\"hour_s\": 1}}",
            "root PUT /api/security/budgets/slot/x\n\n{\"limits\": {\"hour_s\": 1}}",
            "root POST /api/security/budgets/slot/1/release\n\n{\"reason\": \" \"}",
            "root POST /api/security/budgets/slot/1/release\n\n{}",
        ],
        expect![[r#"
            > root PUT /api/security/budgets/slot/1 | {"limits": {}}
            422
            {"code":"invalid_field","detail":"limits nothing: delete the budget instead","field":"limits"}

            > root PUT /api/security/budgets/slot/1 | {"limits": {"destinations": ["+7495*", "6*3"]}, "outside": {"hours": {"zone": "UTC"}, "limits": {"destinations": ["x"]}}}
            422
            {"code":"invalid_field","detail":"a star can only be the last character: a destination is a number (6001), or the beginning of numbers and a star (+7495*)","errors":[{"code":"invalid_field","detail":"a star can only be the last character: a destination is a number (6001), or the beginning of numbers and a star (+7495*)","field":"limits.destinations[1]"},{"code":"invalid_field","detail":"a destination is a number (6001), or the beginning of numbers and a star (+7495*)","field":"outside.limits.destinations[0]"}],"field":"limits.destinations[1]"}

            > root PUT /api/security/budgets/slot/1 | {"limits": {"month_spend": 1000000000001, "calls_per_s": 1001, "calls_max": 100001}}
            422
            {"code":"invalid_field","detail":"100001 is not within 0 and 100000","errors":[{"code":"invalid_field","detail":"100001 is not within 0 and 100000","field":"limits.calls_max"},{"code":"invalid_field","detail":"1001 is not within 0 and 1000","field":"limits.calls_per_s"},{"code":"invalid_field","detail":"1000000000001 is not within 0 and 1000000000000","field":"limits.month_spend"},{"code":"invalid_field","detail":"is three capital letters, such as RUB","field":"limits.currency"}],"field":"limits.calls_max"}

            > root PUT /api/security/budgets/slot/1 | {"limits": {"hour_s": -1}}
            422
            {"code":"invalid_field","detail":"invalid value: integer `-1`, expected u64","field":"limits.hour_s"}

            > root PUT /api/security/budgets/slot/1 | {"limits": {"hours": 1}}
            422
            {"code":"unknown_field","detail":"unknown field `hours`, expected one of `destinations`, `premium`, `calls_max`, `calls_per_s`, `hour_s`, `day_s`, `day_spend`, `month_spend`, `currency`","field":"hours"}

            > root PUT /api/security/budgets/slot/1 | {"limits": {"hour_s": 1}, "outside": {"hours": {"zone": "Moscow"}, "limits": {}}}
            422
            {"code":"invalid_field","detail":"no time zone of the IANA database: it is written as Europe/Moscow","field":"outside.hours.zone"}

            > root PUT /api/security/budgets/hub/1 | {"limits": {"hour_s": 1}}
            404
            {"code":"budget_not_found","detail":"There is no such budget, or nothing with this id that could have one; the id of a slot is not its number."}

            > root PUT /api/security/budgets/slot/99 | {"limits": {"hour_s": 1}}
            404
            {"code":"budget_not_found","detail":"There is no such budget, or nothing with this id that could have one; the id of a slot is not its number."}

            > root PUT /api/security/budgets/carrier/99 | {"limits": {"hour_s": 1}}
            404
            {"code":"budget_not_found","detail":"There is no such budget, or nothing with this id that could have one; the id of a slot is not its number."}

            > root PUT /api/security/budgets/slot/x | {"limits": {"hour_s": 1}}
            404
            {"code":"budget_not_found","detail":"There is no such budget, or nothing with this id that could have one; the id of a slot is not its number."}

            > root POST /api/security/budgets/slot/1/release | {"reason": " "}
            422
            {"code":"invalid_field","detail":"a line of text of 1 to 200 characters","field":"reason"}

            > root POST /api/security/budgets/slot/1/release | {}
            422
            {"code":"missing_field","detail":"missing field `reason`","field":"reason"}

        "#]],
    )
    .await;
    let many: Vec<String> = (0..101).map(|number| format!("+7495{number}*")).collect();
    let body = json!({"limits": {"destinations": many}});
    let (status, answer) = world.json(&format!("root PUT /api/security/budgets/slot/1\n\n{body}")).await;
    assert_eq!((status.as_u16(), &answer["field"]), (422, &"limits.destinations".into()), "{answer}");
}

/// Another centre's slots, trunks and budgets are not there, whatever is asked; what happens to them is not heard.
#[tokio::test]
async fn budgets_are_of_the_centre_that_one_works_in() {
    let world = World::new().await;
    world.json(CENTER).await;
    let (status, made) = world.json("root POST /api/centers\n\n{\"code\": \"north\", \"name\": \"North\"}").await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let north = made["id"].as_str().unwrap().to_owned();
    for request in [
        format!("root GET /api/security/budgets\nX-Center: {north}"),
        format!("root PUT /api/security/budgets/center/1\nX-Center: {north}\n\n{{\"limits\": {{\"calls_max\": 1}}}}"),
        format!("root PUT /api/security/budgets/slot/1\nX-Center: {north}\n\n{{\"limits\": {{\"calls_max\": 1}}}}"),
        format!("root PUT /api/security/budgets/trunk/1\nX-Center: {north}\n\n{{\"limits\": {{\"calls_max\": 1}}}}"),
        format!("root DELETE /api/security/budgets/center/1\nX-Center: {north}"),
        format!("root POST /api/security/budgets/center/1/release\nX-Center: {north}\n\n{{\"reason\": \"x\"}}"),
    ] {
        let (status, answer) = world.json(&request).await;
        match status.as_u16() {
            200 => assert_eq!(answer["items"], json!([]), "{request}: {answer}"),
            status => assert_eq!((status, &answer["code"]), (404, &"budget_not_found".into()), "{request}: {answer}"),
        }
    }
    let (status, answer) = world
        .json(&format!("root PUT /api/security/budgets/center/{north}\nX-Center: {north}\n\n{{\"limits\": {{\"calls_max\": 1}}}}"))
        .await;
    assert_eq!((status.as_u16(), &answer["name"]), (200, &"North".into()), "{answer}");
    let (_, page) = world.json("root GET /api/security/budgets?fields=id").await;
    assert_eq!(page["items"], json!([{"id": "center:1"}]));
}

#[tokio::test]
async fn who_did_it_and_why_stands_in_the_audit_log() {
    let world = World::new().await;
    world.json(CENTER).await;
    world.json("root POST /api/security/budgets/center/1/release\n\n{\"reason\": \"a campaign\"}").await;
    world.json("root DELETE /api/security/budgets/center/1").await;
    for (method, rest) in [
        ("GET", ""),
        ("PUT", "/center/1\n\n{\"limits\": {\"calls_max\": 1}}"),
        ("DELETE", "/center/1"),
        ("POST", "/center/1/release\n\n{\"reason\": \"x\"}"),
    ] {
        let (status, _) = world.json(&format!("anna {method} /api/security/budgets{rest}")).await;
        assert_eq!(status.as_u16(), 403, "{method}");
    }
    world.api.office.clone().write_refusals(std::sync::Arc::new(crate::auth::now), tokio::sync::watch::channel(true).1).await;
    let (_, page) = world.json("root GET /api/security-audit?filter=%7B%22resource%22%3A%22budgets%22%7D&sort=seq").await;
    let rows: Vec<(&Value, &Value)> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["outcome"] == "done")
        .map(|row| (&row["resource_id"], &row["diff"]))
        .collect();
    assert_eq!(rows.len(), 3, "{page}");
    assert!(rows.iter().all(|(id, _)| **id == "center:1"), "{rows:?}");
    let told = format!("{rows:?}");
    assert!(told.contains("a campaign") && told.contains("600"), "{told}");
}

/// A call that a budget refuses has a code of its own.
#[tokio::test]
async fn a_refused_call_says_which_limit() {
    let world = World::new().await;
    let scope = budget::Scope::of("center", 1).unwrap();
    for (refusal, status, code) in [
        (Refusal::BudgetClosed { scope, limit: budget::Limit::DayTime, frees_at: Some(NOW) }, 409, "budget_closed"),
        (Refusal::PremiumNotAllowed { number: "+78091234567".to_owned() }, 403, "premium_not_allowed"),
    ] {
        world.control.refuse(Some(refusal));
        let (got, answer) = world.json("anna POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": \"+78091234567\"}").await;
        assert_eq!((got.as_u16(), &answer["code"]), (status, &code.into()), "{answer}");
        if code == "budget_closed" {
            assert_eq!((&answer["kind"], &answer["limit"], &answer["frees_at"]), (&"center".into(), &"day_s".into(), &json!(NOW)));
        }
    }
    assert!(world.control.orders().iter().any(|order| matches!(order, Command::StartCall { .. })));
}

#[tokio::test]
async fn what_happens_to_budgets_is_heard_by_those_who_may() {
    let world = World::new().await;
    let scope = budget::Scope::of("slot", 1).unwrap();
    let news = BudgetNews { scope, center: model::CenterId::DEFAULT, limit: budget::Limit::DaySpend, value: 100, used: 80, frees_at: None };
    let elsewhere = BudgetNews { center: model::CenterId(2), ..news };
    let ending = EndingView {
        call: CallId(7),
        center: model::CenterId::DEFAULT,
        ends_at: Some(WallTime(NOW.0 + 15_000)),
        scope,
        limit: budget::Limit::DaySpend,
    };
    let mut call = call_view(7, Direction::Outbound);
    call.user = Some(ANNA);
    world.live.publish(
        NOW,
        [
            Event::CallUpdated(call),
            Event::BudgetAlarm { news, percent: 80 },
            Event::BudgetAlarm { news: elsewhere, percent: 80 },
            Event::BudgetClosed(news),
            Event::BudgetClosed(elsewhere),
            Event::BudgetReleased { scope, center: model::CenterId::DEFAULT },
            Event::BudgetReleased { scope, center: model::CenterId(2) },
            Event::CallEnding(ending),
        ],
    );
    let last = world.live.last_seq();
    let mut told = String::new();
    for name in ["root", "anna", "boris"] {
        let mut ears = Ears::of(&world.principal(name).await);
        for event in world.live.after(last - 7, 10).unwrap() {
            if let Some(envelope) = ears.hear(&world.api, &event).await {
                told += &format!("{name} {} {} {}\n", envelope.kind, envelope.id, envelope.data);
            }
        }
    }
    expect![[r#"
        root budget.alarm slot:1 {"frees_at":null,"kind":"slot","limit":"day_spend","percent":80,"scope_id":"1","used":80,"value":100}
        root budget.closed slot:1 {"frees_at":null,"kind":"slot","limit":"day_spend","scope_id":"1","used":80,"value":100}
        root budget.released slot:1 {"kind":"slot","scope_id":"1"}
        root call.ending c_0000000000007 {"call_id":"c_0000000000007","ends_at":1795000015000,"kind":"slot","limit":"day_spend","scope_id":"1"}
        anna call.ending c_0000000000007 {"call_id":"c_0000000000007","ends_at":1795000015000,"kind":"slot","limit":"day_spend","scope_id":"1"}
    "#]].assert_eq(&told);
}
