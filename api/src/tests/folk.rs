//! Notes, clients and hand-over over REST, and what is told of them.

use std::collections::BTreeSet;

use expect_test::expect;
use http::StatusCode;
use model::{Event, RowNews};
use serde_json::{Value, json};

use super::check;
use crate::{
    live::{Told, ears::Ears},
    testing::{CALL_OF_ANNA, CALL_OF_BORIS, NOW, World},
};

async fn lead_of_boris(world: &World) {
    let body = json!({"client_name": "Olga", "phone": "+79161234567", "assigned_operator": "3"});
    let (status, lead) = world.json(&format!("root POST /api/crm/leads\n\n{body}")).await;
    assert_eq!((status, &lead["id"]), (StatusCode::CREATED, &json!("1")));
}

#[tokio::test]
async fn a_note_typed_once_is_there_once() {
    let world = World::new().await;
    lead_of_boris(&world).await;
    let note = |who: &str, key: &str, text: &str| {
        format!("{who} POST /api/crm/note\nIdempotency-Key: {key}\n\n{}", json!({"lead_id": "1", "text": text}))
    };
    let (status, first) = world.json(&note("boris", "k", "wants two rooms")).await;
    assert_eq!((status, &first["text"], &first["lead_id"]), (StatusCode::CREATED, &json!("wants two rooms"), &json!("1")));
    assert_eq!(world.json(&note("boris", "k", "wants two rooms")).await, (StatusCode::CREATED, first.clone()), "told again");
    // By another process, too: what was made stands with the key.
    assert_eq!(world.restarted().await.json(&note("boris", "k", "wants two rooms")).await, (StatusCode::CREATED, first));
    assert_eq!(world.json(&note("boris", "k", "other")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.json(&note("root", "k", "other")).await.0, StatusCode::CREATED, "another's key is another key");
    assert_eq!(world.json(&note("boris", "", "x")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    // What was refused may be tried again under the same key.
    assert_eq!(world.json(&note("boris", "l", " ")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.json(&note("boris", "l", " ")).await.1["field"], "text");
    let (_, page) = world.json("boris GET /api/crm/leads/1/notes").await;
    let texts: Vec<&str> = page["items"].as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["other", "wants two rooms"]);
}

#[tokio::test]
async fn notes_clients_and_hand_over_over_rest() {
    let world = World::new().await;
    lead_of_boris(&world).await;
    let call = CALL_OF_BORIS.to_string();
    let body = json!({"last_name": "Petrov", "phones": [{"number": "+79160000001"}]});
    let (status, client) = world.json(&format!("boris POST /api/clients\n\n{body}")).await;
    assert_eq!((status, &client["phone"], &client["kind"]), (StatusCode::CREATED, &json!("+79160000001"), &json!("person")));
    let requests = [
        format!("boris POST /api/crm/note\n\n{{\"call_id\": \"{CALL_OF_ANNA}\", \"text\": \"x\"}}"),
        "boris POST /api/crm/note\n\n{\"text\": \"x\"}".to_owned(),
        format!("boris PUT /api/calls/{call}/links\n\n{{\"lead_id\": \"1\"}}"),
        format!("boris PUT /api/calls/{CALL_OF_ANNA}/links\n\n{{\"lead_id\": \"1\"}}"),
        "boris POST /api/crm/leads/1/hand-over\n\n{\"how\": \"round_robin\", \"version\": 1}".to_owned(),
        "boris POST /api/crm/leads/1/hand-over\n\n{\"how\": \"user\", \"version\": 1}".to_owned(),
        "boris GET /api/crm/sellers".to_owned(),
        "boris POST /api/clients\n\n{\"phones\": [{\"number\": \"+7 916 000-00-01\"}]}".to_owned(),
        "boris GET /api/clients/1/history".to_owned(),
        "boris GET /api/clients/1/history?limit=0&cursor=x&place=1".to_owned(),
    ];
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    check(
        &world,
        &requests,
        expect![[r#"
        > boris POST /api/crm/note | {"call_id": "c_00000000000z8", "text": "x"}
        404
        {"code":"call_not_found","detail":"No such call, or not one of yours."}

        > boris POST /api/crm/note | {"text": "x"}
        422
        {"code":"missing_field","detail":"a note is on a call, a lead or a client","field":"call_id"}

        > boris PUT /api/calls/c_00000000001yg/links | {"lead_id": "1"}
        200
        {"client_id":null,"lead_id":"1","matched_by":"hand"}

        > boris PUT /api/calls/c_00000000000z8/links | {"lead_id": "1"}
        404
        {"code":"call_not_found","detail":"No such call, or not one of yours."}

        > boris POST /api/crm/leads/1/hand-over | {"how": "round_robin", "version": 1}
        409
        {"code":"wrong_state","detail":"there is nobody to hand it to"}

        > boris POST /api/crm/leads/1/hand-over | {"how": "user", "version": 1}
        422
        {"code":"invalid_field","detail":"a user is named if the lead goes to a user, and only then","field":"user_id"}

        > boris GET /api/crm/sellers
        200
        {"items":[]}

        > boris POST /api/clients | {"phones": [{"number": "+7 916 000-00-01"}]}
        409
        {"client_id":"1","code":"phone_taken","detail":"the number is another client's","field":"phones[0].number"}

        > boris GET /api/clients/1/history
        200
        {"items":[],"next":null}

        > boris GET /api/clients/1/history?limit=0&cursor=x&place=1
        422
        {"code":"unknown_field","detail":"the parameter \"place\" is unknown or stands twice","field":"place"}

    "#]],
    )
    .await;
}

/// What is told of a row is heard by who reaches it, by the ears of each.
#[tokio::test]
async fn a_lead_is_told_to_those_who_see_it() {
    let world = World::new().await;
    let before = world.live.last_seq();
    lead_of_boris(&world).await;
    world.json("root POST /api/crm/note\n\n{\"lead_id\": \"1\", \"text\": \"wants two rooms\"}").await;
    assert_eq!(world.live.last_seq(), before + 2);
    let row = json!({"id": "1", "client_name": "Olga", "client_id": "7"});
    let Value::Object(row) = row else { unreachable!() };
    let news = |users: BTreeSet<model::UserId>| RowNews {
        kind: "lead.update",
        resource: "leads",
        id: "1".to_owned(),
        center: model::CenterId::DEFAULT,
        gates: vec![model::Gate { action: crm::can::LEADS_READ, users, lists: vec![] }],
        row: Some(row.clone()),
    };
    for (who, users, heard) in
        [("boris", [crate::testing::BORIS], true), ("boris", [crate::testing::ANNA], false), ("root", [crate::testing::ANNA], true)]
    {
        let told = Told { seq: 1, ts: NOW, event: Event::Row(Box::new(news(users.into()))), users: BTreeSet::new() };
        let envelope = Ears::of(&world.principal(who).await).hear(&world.api, &told).await;
        assert_eq!(envelope.is_some(), heard, "{who}");
    }
}
