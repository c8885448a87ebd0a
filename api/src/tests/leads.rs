//! Leads over REST: S004-104…107, and what is told where a step does not go.

use expect_test::expect;
use http::StatusCode;
use serde_json::json;

use super::check;
use crate::testing::World;

#[tokio::test]
async fn leads_over_rest() {
    let world = World::new().await;
    for (name, phone, operator) in [("Olga", "+7 (916) 123-45-67", "3"), ("Pavel", "+79161234567", "2")] {
        let body = json!({"client_name": name, "phone": phone, "status": "NEW", "assigned_operator": operator});
        let (status, lead) = world.json(&format!("root POST /api/crm/leads\n\n{body}")).await;
        assert_eq!((status, &lead["phone"], &lead["status"]), (StatusCode::CREATED, &json!("+79161234567"), &json!("new")), "S004-106");
    }
    for (query, names) in
        [("status=NEW", vec!["Olga"]), ("status=lost", vec![]), ("assigned_operator=2", vec![]), ("assigned_operator=3", vec!["Olga"])]
    {
        let (_, page) = world.json(&format!("boris GET /api/crm/leads?{query}")).await;
        let told: Vec<&str> = page["items"].as_array().unwrap().iter().map(|lead| lead["client_name"].as_str().unwrap()).collect();
        assert_eq!((told, &page["count"]["value"]), (names.clone(), &json!(names.len())), "{query}");
    }
    check(
        &world,
        &[
            "root POST /api/crm/leads\n\n{\"client_name\": \"\", \"phone\": \"none\", \"status\": \"lost\"}",
            "boris GET /api/crm/leads?status=gone",
            "boris GET /api/crm/leads/2",
            "boris GET /api/crm/leads/2/transitions",
            "boris POST /api/crm/leads/2/events\n\n{\"event\": \"contact\", \"version\": 1}",
            "boris POST /api/crm/leads/1/events\n\n{\"event\": \"Qualify\", \"version\": 1}",
            "boris POST /api/crm/leads/1/events\n\n{\"event\": \"lose\", \"version\": 1}",
            "boris POST /api/crm/leads/1/events\n\n{\"event\": \"win\", \"version\": 1}",
            "boris POST /api/crm/leads/1/events\n\n{\"event\": \"lose\", \"reason\": \"too dear\", \"version\": 2}",
            "boris PUT /api/crm/leads/1\n\n{\"assigned_operator\": null, \"version\": 1}",
            "boris PUT /api/crm/leads/1\n\n{\"status\": \"lost\", \"version\": 1}",
        ],
        expect![[r#"
            > root POST /api/crm/leads | {"client_name": "", "phone": "none", "status": "lost"}
            422
            {"code":"invalid_field","detail":"a lead begins as new; events lead it on","errors":[{"code":"invalid_field","detail":"a lead begins as new; events lead it on","field":"status"},{"code":"invalid_field","detail":"a telephone number has up to 15 digits, with a + before it if it begins with a country's code","field":"phone"}],"field":"status"}

            > boris GET /api/crm/leads?status=gone
            422
            {"code":"invalid_field","detail":"a lead's state is one of new, assigned, contacted, qualified, converted, lost, dnc","field":"status"}

            > boris GET /api/crm/leads/2
            404
            {"code":"row_not_found","detail":"There is no such thing, or not one of yours.","resource":"leads"}

            > boris GET /api/crm/leads/2/transitions
            404
            {"code":"row_not_found","detail":"There is no such thing, or not one of yours.","resource":"leads"}

            > boris POST /api/crm/leads/2/events | {"event": "contact", "version": 1}
            404
            {"code":"row_not_found","detail":"There is no such thing, or not one of yours.","resource":"leads"}

            > boris POST /api/crm/leads/1/events | {"event": "Qualify", "version": 1}
            409
            {"allowed":["assign","contact","lose","dnc"],"code":"transition_not_allowed","detail":"it is new, and this does not lead on from there","state":"new"}

            > boris POST /api/crm/leads/1/events | {"event": "lose", "version": 1}
            422
            {"code":"missing_field","detail":"this takes a reason","field":"reason"}

            > boris POST /api/crm/leads/1/events | {"event": "win", "version": 1}
            422
            {"code":"invalid_field","detail":"a lead's event is one of assign, contact, qualify, convert, lose, dnc, reopen","field":"event"}

            > boris POST /api/crm/leads/1/events | {"event": "lose", "reason": "too dear", "version": 2}
            409
            {"code":"version_conflict","detail":"it was changed meanwhile; its version is 1 now","version":1}

            > boris PUT /api/crm/leads/1 | {"assigned_operator": null, "version": 1}
            403
            {"code":"escalation","detail":"whose a lead is changes only who reaches all leads of the centre"}

            > boris PUT /api/crm/leads/1 | {"status": "lost", "version": 1}
            422
            {"code":"unknown_field","detail":"unknown field `status`, expected one of `version`, `client_name`, `phone`, `email`, `source`, `next_action`, `next_action_at`, `assigned_seller`, `assigned_operator`","field":"status"}

        "#]],
    )
    .await;
    let (status, lead) =
        world.json("boris POST /api/crm/leads/1/events\n\n{\"event\": \"LOSE\", \"reason\": \"too dear\", \"version\": 1}").await;
    assert_eq!((status, &lead["status"], &lead["lost_reason"]), (StatusCode::OK, &json!("lost"), &json!("too dear")));
    let (status, refused) = world.json("boris POST /api/crm/leads/1/events\n\n{\"event\": \"reopen\", \"version\": 2}").await;
    assert_eq!((status, &refused["code"], &refused["action"]), (StatusCode::FORBIDDEN, &json!("forbidden"), &json!("leads.reopen")));

    // Masked: a part of the number, and no way to choose by it.
    let columns = json!({"columns": [{"resource": "leads", "column": "phone", "mode": "mask"}], "version": 1});
    let (status, answer) = world.json(&format!("root PUT /api/users/3\n\n{columns}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (_, lead) = world.json("boris GET /api/crm/leads/1").await;
    assert_eq!(lead["phone"], "+7 9•• ••• 45 67");
    for query in ["filter=%7B%22phone%22%3A%22%2B79161234567%22%7D", "q=Olga"] {
        let (status, _) = world.json(&format!("boris GET /api/crm/leads?{query}")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}
