//! Every route with every role, and with every way not to be signed in (FT-17, FT-18).

use std::fmt::Write as _;

use expect_test::expect;
use http::StatusCode;
use store::UserChange;

use crate::{
    auth::{Access, tokens::Kind},
    routes::ROUTES,
    testing::{ANNA, World},
};

/// A request to the route with ids in place.
fn request(who: &str, method: &str, path: &str) -> String {
    let id = if path.contains("calls") { "c_00000000000z8" } else { "1" };
    let body = if method == "GET" || method == "DELETE" { "" } else { "\n\n{\"nothing\": 1}" };
    format!("{who} {method} {}{body}", path.replace("{id}", id))
}

#[tokio::test]
async fn every_route_with_every_role() {
    let mut lines: Vec<String> = ROUTES.iter().map(|route| format!("{:6} {:34}", route.method, route.path)).collect();
    for who in ["-", "anna", "root"] {
        let world = World::new().await;
        for (route, line) in ROUTES.iter().zip(&mut lines) {
            let status = world.send(&request(who, route.method, route.path)).await.status();
            write!(line, " {} {}", if who == "-" { "nobody" } else { who }, status.as_u16()).unwrap();
            if route.access != Access::Open {
                assert_eq!(status == StatusCode::UNAUTHORIZED, who == "-", "{line}");
            }
        }
    }
    let table = lines.join("\n") + "\n";
    expect![[r#"
        POST   /api/auth/login                    nobody 422 anna 422 root 422
        POST   /api/auth/refresh                  nobody 422 anna 422 root 422
        GET    /api/me                            nobody 401 anna 200 root 200
        GET    /api/slots                         nobody 401 anna 200 root 200
        GET    /api/slots/{id}                    nobody 401 anna 200 root 200
        PUT    /api/slots/{id}                    nobody 401 anna 403 root 422
        DELETE /api/slots/{id}                    nobody 401 anna 403 root 409
        GET    /api/slots/{id}/limits             nobody 401 anna 403 root 200
        PUT    /api/slots/{id}/limits             nobody 401 anna 403 root 422
        POST   /api/slots/{id}/take               nobody 401 anna 200 root 200
        POST   /api/slots/{id}/release            nobody 401 anna 422 root 422
        GET    /api/trunks                        nobody 401 anna 403 root 200
        POST   /api/trunks                        nobody 401 anna 403 root 422
        GET    /api/trunks/{id}                   nobody 401 anna 403 root 200
        PUT    /api/trunks/{id}                   nobody 401 anna 403 root 422
        DELETE /api/trunks/{id}                   nobody 401 anna 403 root 204
        POST   /api/call/start                    nobody 401 anna 422 root 422
        POST   /api/call/end                      nobody 401 anna 422 root 422
        GET    /api/calls                         nobody 401 anna 200 root 200
        GET    /api/calls/{id}                    nobody 401 anna 200 root 200
        GET    /api/calls/{id}/ladder             nobody 401 anna 403 root 200
        GET    /api/cdr/records                   nobody 401 anna 200 root 200
        GET    /api/calls/{id}/recording          nobody 401 anna 200 root 200
        POST   /api/calls/{id}/recording/token    nobody 401 anna 200 root 200
        GET    /api/pbx/status                    nobody 401 anna 403 root 200
        POST   /api/system/reload                 nobody 401 anna 403 root 200
        GET    /api/openapi.json                  nobody 200 anna 200 root 200
        GET    /healthz                           nobody 200 anna 200 root 200
        GET    /metrics                           nobody 401 anna 403 root 200
    "#]]
    .assert_eq(&table);
}

#[tokio::test]
async fn bad_tokens_open_nothing() {
    let world = World::new().await;
    let subject = world.subject("root").await;
    let issue = |kind| world.api.auth.tokens.issue(std::time::SystemTime::now(), &subject, kind, std::time::Duration::from_secs(60), None);
    let refresh = issue(Kind::Refresh).unwrap();
    let recording = issue(Kind::Recording).unwrap();
    let access = world.token("root", Kind::Access).await;
    let headers = [
        String::new(),
        "Authorization:".to_owned(),
        "Authorization: Bearer".to_owned(),
        "Authorization: Bearer x.y.z".to_owned(),
        "Authorization: Basic cm9vdDpyb290".to_owned(),
        format!("Authorization: {access}"),
        format!("Authorization: Bearer {access}x"),
        format!("Authorization: Bearer {refresh}"),
        format!("Authorization: Bearer {recording}"),
    ];
    for route in ROUTES.iter().filter(|route| route.access != Access::Open) {
        for header in &headers {
            let text = request("-", route.method, route.path);
            let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
            let text = format!("{first}\n{header}\n{rest}");
            let text = text.replace("\n\n\n", "\n\n");
            let status = world.send(text.trim_end()).await.status();
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{text}");
        }
    }
    // The scheme's case does not matter (RFC 9110, 11.1).
    assert_eq!(world.send(&format!("- GET /api/me\nAuthorization: bEARER {access}")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_is_disabled_or_has_a_new_password_is_out() {
    let world = World::new().await;
    let token = world.token("anna", Kind::Access).await;
    let refresh = world.token("anna", Kind::Refresh).await;
    let me = format!("- GET /api/me\nAuthorization: Bearer {token}");
    let renew = format!("- POST /api/auth/refresh\n\n{{\"refresh_token\": \"{refresh}\"}}");
    assert_eq!(world.send(&me).await.status(), StatusCode::OK);
    assert_eq!(world.send(&renew).await.status(), StatusCode::OK);
    for (change, status) in [
        (UserChange { active: Some(false), ..UserChange::default() }, StatusCode::UNAUTHORIZED),
        (UserChange { active: Some(true), ..UserChange::default() }, StatusCode::OK),
        (UserChange { password_hash: Some("$argon2id$other".to_owned()), ..UserChange::default() }, StatusCode::UNAUTHORIZED),
    ] {
        world.store.change_user(ANNA, change).await.unwrap();
        world.api.auth.people.forget();
        assert_eq!(world.send(&me).await.status(), status);
        assert_eq!(world.send(&renew).await.status(), status);
    }
}

#[tokio::test]
async fn a_role_is_what_the_database_says() {
    let world = World::new().await;
    let token = world.token("root", Kind::Access).await;
    let trunks = format!("- GET /api/trunks\nAuthorization: Bearer {token}");
    assert_eq!(world.send(&trunks).await.status(), StatusCode::OK);
    let change = UserChange { role: Some(store::Role::Operator), ..UserChange::default() };
    world.store.change_user(crate::testing::ROOT, change).await.unwrap();
    world.api.auth.people.forget();
    assert_eq!(world.send(&trunks).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn foreign_things_are_not_there() {
    let world = World::new().await;
    world.send("root POST /api/slots/1/take").await;
    let (_, started) = world.json("boris POST /api/call/start\n\n{\"slot_id\": 2, \"phone_number\": \"6001\"}").await;
    let call = started["call_id"].as_str().unwrap();
    for id in [call, "c_00000000001yg"] {
        for (who, status) in [("anna", 404), ("boris", 200), ("root", 200)] {
            let read = world.send(&format!("{who} GET /api/calls/{id}")).await.status();
            assert_eq!(read.as_u16(), status, "{who} {id}");
            let ticket = world.send(&format!("{who} POST /api/calls/{id}/recording/token")).await.status();
            assert_eq!(ticket.as_u16(), status, "{who} {id}");
        }
        for list in ["/api/calls", "/api/cdr/records"] {
            let (_, answer) = world.json(&format!("anna GET {list}")).await;
            assert!(!answer.to_string().contains(id), "{answer}");
        }
    }
    let hear = world.send("anna GET /api/calls/c_00000000001yg/recording").await.status();
    assert_eq!(hear, StatusCode::NOT_FOUND);
    let end = world.send(&format!("anna POST /api/call/end\n\n{{\"call_id\": \"{call}\"}}")).await.status();
    assert_eq!(end, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn another_centre_sees_nothing() {
    let world = World::new().await;
    let mut slot = crate::testing::slot_view(50);
    slot.center = model::CenterId(2);
    let mut call = crate::testing::call_view(50, model::Direction::Internal);
    call.center = model::CenterId(2);
    world.live.publish(crate::testing::NOW, [model::Event::SlotUpdated(slot), model::Event::CallUpdated(call.clone())]);
    let id = call.call_id;
    for request in [
        "root GET /api/slots/50".to_owned(),
        "root POST /api/slots/50/take".to_owned(),
        "root PUT /api/slots/50\n\n{\"state\": \"DISABLED\"}".to_owned(),
        "root DELETE /api/slots/50".to_owned(),
        "root POST /api/call/start\n\n{\"slot_id\": 50, \"phone_number\": \"6001\"}".to_owned(),
        format!("root GET /api/calls/{id}"),
        format!("anna GET /api/calls/{id}/recording"),
        format!("root POST /api/call/end\n\n{{\"call_id\": \"{id}\"}}"),
    ] {
        assert_eq!(world.send(&request).await.status(), StatusCode::NOT_FOUND, "{request}");
    }
    for list in ["/api/slots", "/api/calls"] {
        let (_, answer) = world.json(&format!("root GET {list}")).await;
        let ids: Vec<&str> = answer["items"].as_array().unwrap().iter().filter_map(|item| item["number"].as_str()).collect();
        assert!(!ids.contains(&"6050") && !answer.to_string().contains(&id.to_string()), "{answer}");
    }
}

#[tokio::test]
async fn metrics_are_for_administrators_and_this_machine() {
    let world = World::new().await;
    for (who, source, proxy, status) in [
        ("-", "192.0.2.1:4000", false, 401),
        ("-", "127.0.0.1:4000", false, 200),
        ("-", "[::1]:4000", false, 200),
        ("-", "[::ffff:127.0.0.1]:4000", false, 200),
        ("-", "127.0.0.1:4000", true, 401),
        ("anna", "192.0.2.1:4000", false, 403),
        ("root", "192.0.2.1:4000", false, 200),
        ("root", "127.0.0.1:4000", true, 200),
    ] {
        let mut request = http::Request::builder().uri("/metrics");
        if who != "-" {
            request = request.header("Authorization", format!("Bearer {}", world.token(who, Kind::Access).await));
        }
        if proxy {
            request = request.header("X-Forwarded-For", "203.0.113.9");
        }
        let mut request = request.body(axum::body::Body::empty()).unwrap();
        let source: std::net::SocketAddr = source.parse().unwrap();
        request.extensions_mut().insert(axum::extract::ConnectInfo(source));
        let response = tower::ServiceExt::oneshot(world.router.clone(), request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{who} from {source}, proxy {proxy}");
    }
}
