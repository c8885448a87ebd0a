//! Tags over REST.

use http::StatusCode;
use model::WallTime;
use serde_json::{Value, json};

use crate::{
    live::ears::{Ears, Topics},
    testing::{BORIS, CALL_OF_ANNA, CALL_OF_BORIS, World},
};

/// An exclusive group with two tags, and another one with one.
async fn furnished() -> World {
    let world = World::new().await;
    for request in [
        "root POST /api/tag-groups\n\n{\"name\": \"Result\", \"exclusive\": true, \"colour\": \"green\"}",
        "root POST /api/tag-groups\n\n{\"name\": \"Rooms\"}",
        "root POST /api/tags\n\n{\"group_id\": \"1\", \"name\": \"target\"}",
        "root POST /api/tags\n\n{\"group_id\": \"1\", \"name\": \"missed\"}",
        "root POST /api/tags\n\n{\"group_id\": \"2\", \"name\": \"1 room\"}",
    ] {
        let (status, answer) = world.json(request).await;
        assert_eq!(status, StatusCode::CREATED, "{request}: {answer}");
    }
    world
}

/// The status, and of a problem its code.
async fn said(world: &World, request: &str) -> String {
    let (status, answer) = world.json(request).await;
    format!("{} {}", status.as_u16(), answer["code"].as_str().unwrap_or("-"))
}

fn names(answer: &Value) -> Vec<&str> {
    answer["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_call_has_the_tags_that_people_set() {
    let world = furnished().await;
    let tags = format!("/api/calls/{CALL_OF_ANNA}/tags");
    let (status, answer) = world.json(&format!("anna PUT {tags}/1")).await;
    assert_eq!((status, &answer["changed"], &answer["version"]), (StatusCode::OK, &json!(true), &json!(1)), "{answer}");
    let first = &answer["tags"][0];
    assert_eq!((&first["tag_id"], &first["colour"], &first["set_by"]), (&json!("1"), &json!("green"), &json!("2")));
    let (_, again) = world.json(&format!("anna PUT {tags}/1")).await;
    assert_eq!((&again["changed"], &again["version"]), (&json!(false), &json!(1)));
    // An operator may not take off what would have to go; who may, replaces it.
    assert_eq!(said(&world, &format!("anna PUT {tags}/2")).await, "409 wrong_state");
    let (_, answer) = world.json(&format!("root PUT {tags}/2?seen=1")).await;
    assert_eq!((&answer["replaced"], names(&answer)), (&json!(["1"]), vec!["missed"]));
    assert_eq!(said(&world, &format!("root PUT {tags}/3?seen=1")).await, "409 version_conflict");
    let (_, answer) = world.json(&format!("root DELETE {tags}/2?seen=2")).await;
    assert_eq!((&answer["changed"], names(&answer)), (&json!(true), vec![]));
    let (_, answer) = world.json(&format!("anna GET {tags}")).await;
    assert_eq!(answer, json!({"version": 3, "tags": []}));
}

#[tokio::test]
async fn calls_are_listed_by_their_tags() {
    let world = furnished().await;
    for (call, tag) in [(CALL_OF_ANNA, 1), (CALL_OF_ANNA, 3), (CALL_OF_BORIS, 3)] {
        assert_eq!(said(&world, &format!("root PUT /api/calls/{call}/tags/{tag}")).await, "200 -");
    }
    let target = json!({"id": "1", "group_id": "1", "name": "target", "colour": "green"});
    let room = json!({"id": "3", "group_id": "2", "name": "1 room", "colour": "grey"});
    for list in ["/api/calls", "/api/cdr/records"] {
        let found = async |query: &str| {
            let (status, answer) = world.json(&format!("root GET {list}?fields=call_id,tags&{query}")).await;
            assert_eq!(status, StatusCode::OK, "{list} {query}: {answer}");
            answer["items"].as_array().unwrap().iter().map(|row| row["call_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (of_anna, of_boris) = (CALL_OF_ANNA.to_string(), CALL_OF_BORIS.to_string());
        assert_eq!(found("tag=3").await, [of_boris.as_str(), of_anna.as_str()], "{list}");
        for tags in ["tag=1", "tag=1,2"] {
            assert_eq!(found(tags).await, [of_anna.as_str()], "{list} {tags}");
        }
        assert_eq!(found("tag=77").await, Vec::<String>::new(), "{list}");
        let (_, answer) = world.json(&format!("root GET {list}?fields=tags&tag=1")).await;
        assert_eq!(answer["items"], json!([{"tags": [target, room]}]), "{list}");
        assert_eq!(said(&world, &format!("root GET {list}?tag=x")).await, "422 invalid_field");
        assert_eq!(said(&world, &format!("root GET {list}?sort=tags")).await, "422 unknown_field", "{list}");
    }
    let (_, call) = world.json(&format!("anna GET /api/calls/{CALL_OF_ANNA}")).await;
    assert_eq!(call["tags"], json!([target, room]));
}

#[tokio::test]
async fn what_is_not_reached_cannot_be_tagged() {
    let world = furnished().await;
    let (hers, his) = (format!("/api/calls/{CALL_OF_ANNA}/tags"), format!("/api/calls/{CALL_OF_BORIS}/tags"));
    for (request, expected) in [
        (format!("anna GET {his}"), "404 call_not_found"),
        (format!("anna PUT {his}/1"), "404 call_not_found"),
        ("anna PUT /api/calls/c_0000000000zzz/tags/1".to_owned(), "404 call_not_found"),
        ("anna PUT /api/calls/x/tags/1".to_owned(), "404 call_not_found"),
        (format!("anna PUT {hers}/77"), "404 row_not_found"),
        (format!("anna PUT {hers}/x"), "404 row_not_found"),
        (format!("anna PUT {hers}/1?seen=x"), "422 invalid_field"),
        (format!("anna PUT {hers}/1?sen=0"), "422 unknown_field"),
        (format!("anna DELETE {hers}/1"), "403 forbidden"),
        (format!("- GET {hers}"), "401 not_signed_in"),
    ] {
        assert_eq!(said(&world, &request).await, expected, "{request}");
    }
    assert_eq!(world.json(&format!("root GET {hers}")).await.1, json!({"version": 0, "tags": []}));
}

#[tokio::test]
async fn who_sees_a_call_and_the_group_hears_of_a_tag() {
    let world = furnished().await;
    let set = json!({"code": "ear", "name": "Ear", "permissions": [
        {"permission": "calls.read", "scope": "own"}, {"permission": "tags.read", "scope": "list"},
    ]});
    let role = json!({"code": "ear", "name": "Ear", "sets": ["ear"], "lists": [{"resource": "tags", "kind": "tag_group", "ids": ["2"]}]});
    let (_, boris) = world.json(&format!("root GET /api/users/{}", BORIS.0)).await;
    let user = json!({"roles": ["ear"], "version": boris["version"]});
    for request in [
        format!("root POST /api/permission-sets\n\n{set}"),
        format!("root POST /api/roles\n\n{role}"),
        format!("root PUT /api/users/{}\n\n{user}", BORIS.0),
    ] {
        assert!(world.json(&request).await.0.is_success(), "{request}");
    }
    let mut ears = Ears::of(&world.principal("boris").await);
    let mut told = Vec::new();
    for (call, tag) in [(CALL_OF_BORIS, 1), (CALL_OF_ANNA, 3), (CALL_OF_BORIS, 3)] {
        let before = world.live.last_seq();
        assert_eq!(said(&world, &format!("root PUT /api/calls/{call}/tags/{tag}")).await, "200 -");
        let events = world.live.after(before, 10).unwrap_or_else(|_| panic!("it is still there"));
        assert_eq!(events.len(), 1);
        told.push(ears.hear(&world.api, &events[0]).await);
    }
    let [None, None, Some(heard)] = &told[..] else { panic!("the last one alone: {told:?}") };
    assert_eq!((heard.kind, &heard.id), ("call.tagged", &CALL_OF_BORIS.to_string()));
    assert_eq!((&heard.data["action"], &heard.data["tag_id"], &heard.data["stop"]), (&json!("set"), &json!("3"), &json!("none")));
    assert!(Topics::read(Some(&json!({"topics": ["calls"]}))).has(heard));
    let (_, history) = world.json(&format!("boris GET /api/calls/{CALL_OF_BORIS}/tag-events?fields=action,tag_id,actor")).await;
    assert_eq!(history["items"], json!([{"action": "set", "tag_id": "3", "actor": "1"}]));
    assert_eq!(said(&world, &format!("boris GET /api/calls/{CALL_OF_ANNA}/tag-events")).await, "404 call_not_found");
}

#[tokio::test]
async fn statistics_are_told_and_taken_along() {
    let world = furnished().await;
    for request in [format!("anna PUT /api/calls/{CALL_OF_ANNA}/tags/1"), format!("root PUT /api/calls/{CALL_OF_ANNA}/tags/2")] {
        assert_eq!(said(&world, &request).await, "200 -");
    }
    let path = "/api/statistics/tags";
    let [from, to] = [-2, 2].map(|days: i64| {
        let (year, month, day) = WallTime(crate::auth::now().0 + days * 86_400_000).utc_date();
        format!("{year:04}-{month:02}-{day:02}")
    });
    let (status, told) = world.json(&format!("root GET {path}?from={from}&to={to}&by=user,tag,scenario")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let row = |user: &str, name: &str, tag: &str, of: &str, set: i64, unset: i64| {
        json!({"user": user, "user_name": name, "tag": tag, "tag_name": of, "colour": "green", "group": "1", "group_name": "Result",
            "scenario": null, "set": set, "unset": unset})
    };
    let rows = [row("1", "root", "1", "target", 0, 1), row("1", "root", "2", "missed", 1, 0), row("2", "anna", "1", "target", 1, 0)];
    assert_eq!(
        (&told["rows"], &told["totals"], &told["by"]),
        (&json!(rows), &json!({"set": 2, "unset": 1}), &json!(["user", "tag", "scenario"]))
    );
    let (_, told) = world.json(&format!("root GET {path}?from={from}&to={to}&by=day")).await;
    assert_eq!(told["rows"].as_array().unwrap().len(), 1);
    for (query, expected) in [
        ("from=2026-11-01".to_owned(), "422 invalid_field"),
        ("from=2026-11-02&to=2026-11-01".to_owned(), "422 invalid_field"),
        ("from=2025-01-01&to=2026-11-01".to_owned(), "422 invalid_field"),
        (format!("from={from}&to={to}&by=hour"), "422 invalid_field"),
        (format!("from={from}&to={to}&format=csv"), "422 invalid_field"),
        (format!("from={from}&to={to}&group=1"), "422 unknown_field"),
    ] {
        assert_eq!(said(&world, &format!("root GET {path}?{query}")).await, expected, "{query}");
    }
    assert_eq!(said(&world, &format!("anna GET {path}?from={from}&to={to}")).await, "403 forbidden");
    let file = world.send(&format!("root GET {path}?from={from}&to={to}&by=tag&format=xlsx&locale=ru")).await;
    assert_eq!(file.status(), StatusCode::OK);
    assert_eq!(file.headers()["content-type"], "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    let octets = axum::body::to_bytes(file.into_body(), usize::MAX).await.unwrap();
    assert!(octets.starts_with(b"PK"));
    let (_, audit) = world.json(&format!("root GET /api/audit?filter={}", super::encoded("{\"action\": \"tag_statistics.export\"}"))).await;
    assert_eq!(audit["items"][0]["resource_id"], json!(format!("{from}..{to}")));
    // Who may see them may not take them along.
    let (_, boris) = world.json(&format!("root GET /api/users/{}", BORIS.0)).await;
    let user = json!({"roles": ["supervisor"], "version": boris["version"]});
    assert!(world.json(&format!("root PUT /api/users/{}\n\n{user}", BORIS.0)).await.0.is_success());
    assert_eq!(said(&world, &format!("boris GET {path}?from={from}&to={to}")).await, "200 -");
    assert_eq!(said(&world, &format!("boris GET {path}?from={from}&to={to}&format=xlsx")).await, "403 forbidden");
}

#[tokio::test]
async fn moments_of_a_call_are_marked() {
    let world = furnished().await;
    let markers = format!("/api/calls/{CALL_OF_ANNA}/markers");
    let (status, made) = world.json(&format!("anna POST {markers}\n\n{{\"at_ms\": 0, \"text\": \"hello\"}}")).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let first = &made["markers"][0];
    assert_eq!((&first["at_ms"], &first["text"], &first["created_by_name"]), (&json!(0), &json!("hello"), &json!("anna")));
    for (request, expected) in [
        (format!("anna POST {markers}\n\n{{\"at_ms\": -1, \"text\": \"\"}}"), "422 invalid_field"),
        (format!("boris GET {markers}"), "404 call_not_found"),
        (format!("boris DELETE {markers}/1"), "404 call_not_found"),
        (format!("anna DELETE {markers}/x"), "404 row_not_found"),
        (format!("anna DELETE {markers}/7"), "404 row_not_found"),
        (format!("root DELETE {markers}/1"), "204 -"),
    ] {
        assert_eq!(said(&world, &request).await, expected, "{request}");
    }
    let (_, none) = world.json(&format!("anna GET {markers}")).await;
    assert_eq!(none, json!({"markers": []}));
}

#[tokio::test]
async fn calls_are_found_that_are_to_be_rated() {
    let world = furnished().await;
    let (_, group) = world.json("root GET /api/tag-groups/1").await;
    assert_eq!(group["rates"], json!(false));
    let (status, group) = world.json("root PUT /api/tag-groups/1\n\n{\"version\": 1, \"rates\": true}").await;
    assert_eq!((status, &group["rates"]), (StatusCode::OK, &json!(true)));
    // Calls of these tests are older than a month.
    let filter = super::encoded("{\"unrated_in\": \"1\"}");
    for list in ["/api/calls", "/api/cdr/records"] {
        let (status, found) = world.json(&format!("root GET {list}?limit=1&filter={filter}")).await;
        assert_eq!((status, &found["items"]), (StatusCode::OK, &json!([])), "{list}: {found}");
    }
}
