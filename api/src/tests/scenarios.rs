//! Call-handling scenarios: made, changed, listed and deleted by those who may.

use http::StatusCode;
use serde_json::{Value, json};

use crate::testing::World;

#[tokio::test]
async fn scenarios_are_listed_by_those_who_may() {
    let world = World::new().await;
    let steps: [(&str, u16, Value); 9] = [
        (
            "root POST /api/scenarios\n\n{\"code\": \"sales\", \"name\": \"Sales\"}",
            201,
            json!({"name": "Sales", "kind": "department", "active": true}),
        ),
        ("root POST /api/scenarios\n\n{\"code\": \"sales\"}", 409, json!({"code": "code_taken", "field": "code"})),
        (
            "root PUT /api/scenarios/1\n\n{\"name\": \"Sales, north\", \"kind\": \"queue\", \"version\": 1}",
            200,
            json!({"name": "Sales, north", "kind": "queue", "code": "sales", "version": 2}),
        ),
        ("root PUT /api/scenarios/1\n\n{\"code\": \"other\", \"version\": 2}", 422, json!({"code": "invalid_field", "field": "code"})),
        ("root PUT /api/scenarios/1\n\n{\"name\": \"x\"}", 422, json!({"field": "version"})),
        ("anna GET /api/scenarios", 403, json!({"action": "scenarios.read"})),
        ("root GET /api/scenarios/1", 200, json!({"id": "1", "code": "sales"})),
        ("root DELETE /api/scenarios/1", 204, json!({})),
        ("root GET /api/scenarios/1", 404, json!({"code": "row_not_found"})),
    ];
    for (request, status, told) in steps {
        let (found, answer) = world.json(request).await;
        assert_eq!(found.as_u16(), status, "{request}: {answer}");
        told.as_object().unwrap().iter().for_each(|(name, value)| assert_eq!(&answer[name], value, "{request}: {answer}"));
    }
    super::routing::furnish(&world).await;
    let (_, list) = world.json("root GET /api/scenarios?fields=id,code").await;
    let codes: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|row| &row["code"]).collect();
    assert!(codes.contains(&&json!("sales")), "a route names it: {list}");
    let id = list["items"].as_array().unwrap().iter().find(|row| row["code"] == "sales").unwrap()["id"].as_str().unwrap();
    let (status, refused) = world.json(&format!("root DELETE /api/scenarios/{id}")).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("in_use")), "{refused}");
}
