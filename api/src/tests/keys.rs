//! Idempotency-Key (R18), and calls while the database is away (R21).

use std::fmt::Write as _;

use expect_test::expect;
use http::StatusCode;

use super::check;
use crate::{
    routes::call::remembered,
    testing::{ANNA, CALL_OF_ANNA, World},
};

#[tokio::test]
async fn the_same_key_is_the_same_call() {
    let world = World::new().await;
    let start = |who: &str, key: &str, body: &str| format!("{who} POST /api/call/start\nIdempotency-Key: {key}\n\n{body}");
    let (first, other) = (r#"{"slot_id": 1, "phone_number": "6002"}"#, r#"{"slot_id": 1, "phone_number": "6003"}"#);
    let requests = [
        start("anna", "k1", first),
        start("anna", "k1", r#"{"phone_number": "60-02", "slot_id": "1"}"#),
        start("anna", "k1", other),
        start("boris", "k1", r#"{"slot_id": 2, "phone_number": "6001"}"#),
        start("anna", "k2", first),
        start("anna", &"k".repeat(256), first),
        start("anna", "k3", r#"{"slot_id": 1}"#),
    ];
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    check(&world, &requests, expect![[r#"
        > anna POST /api/call/start | Idempotency-Key: k1 | {"slot_id": 1, "phone_number": "6002"}
        202
        {"call_id":"c_00000000009rh","status":"dialing"}

        > anna POST /api/call/start | Idempotency-Key: k1 | {"phone_number": "60-02", "slot_id": "1"}
        202
        {"call_id":"c_00000000009rh","status":"dialing"}

        > anna POST /api/call/start | Idempotency-Key: k1 | {"slot_id": 1, "phone_number": "6003"}
        422
        {"code":"idempotency_key_reused","detail":"The Idempotency-Key was used with another body."}

        > boris POST /api/call/start | Idempotency-Key: k1 | {"slot_id": 2, "phone_number": "6001"}
        202
        {"call_id":"c_00000000009rj","status":"dialing"}

        > anna POST /api/call/start | Idempotency-Key: k2 | {"slot_id": 1, "phone_number": "6002"}
        409
        {"code":"slot_not_callable","detail":"slot 6001 cannot call while it is CALLING","state":"CALLING"}

        > anna POST /api/call/start | Idempotency-Key: kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk | {"slot_id": 1, "phone_number": "6002"}
        422
        {"code":"invalid_field","detail":"a key has 1 to 255 printable ASCII characters","field":"Idempotency-Key"}

        > anna POST /api/call/start | Idempotency-Key: k3 | {"slot_id": 1}
        422
        {"code":"missing_field","detail":"missing field `phone_number`","field":"phone_number"}

    "#]]).await;
}

#[tokio::test]
async fn a_key_outlives_the_process() {
    let world = World::new().await;
    let request = "anna POST /api/call/start\nIdempotency-Key: k\n\n{\"slot_id\": 1, \"phone_number\": \"6002\"}";
    let (status, first) = world.json(request).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    // Another process: the same database, an empty memory.
    let again = world.restarted().await.json(request).await;
    assert_eq!(again, (StatusCode::ACCEPTED, first));
    let other = "anna POST /api/call/start\nIdempotency-Key: k\n\n{\"slot_id\": 1, \"phone_number\": \"6003\"}";
    assert_eq!(world.restarted().await.json(other).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

/// The younger of two calls that were joined has ended, which is no reason to say otherwise than before (R18).
#[tokio::test]
async fn the_key_of_a_transfer_stands_when_its_call_is_gone() {
    let world = World::new().await;
    let transfer = |key: &str| format!("anna POST /api/calls/{CALL_OF_ANNA}/transfer\nIdempotency-Key: {key}\n\n{{\"to\": \"6003\"}}");
    // In an earlier life it was carried out.
    let meant = format!("POST /api/calls/{CALL_OF_ANNA}/transfer 6003");
    let carried_out = remembered(world.api.clone(), ANNA, "k".to_owned(), meant, async { Ok(CALL_OF_ANNA) }).await;
    assert_eq!(carried_out.ok(), Some(CALL_OF_ANNA));
    for _ in 0..2 {
        let (status, answer) = world.json(&transfer("k")).await;
        assert_eq!((status, &answer["call_id"]), (StatusCode::ACCEPTED, &CALL_OF_ANNA.to_string().into()));
        // A new order finds that the call is over; it is not kept.
        let (status, answer) = world.json(&transfer("other")).await;
        assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &"call_not_transferable".into()));
    }
    let another_body = transfer("k").replace("6003", "6002");
    assert_eq!(world.json(&another_body).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_client_that_hangs_up_has_still_ordered() {
    let world = World::new().await;
    let hold = std::sync::Arc::new(tokio::sync::Notify::new());
    *world.control.hold.lock().unwrap() = Some(hold.clone());
    let request = "anna POST /api/call/start\nIdempotency-Key: k\n\n{\"slot_id\": 1, \"phone_number\": \"6002\"}";
    {
        let first = world.send(request);
        let mut first = Box::pin(first);
        // Until the order is with call control.
        while world.api.orders.is_empty() {
            assert!(futures_util::poll!(&mut first).is_pending());
            tokio::task::yield_now().await;
        }
    }
    let second = world.json(request);
    hold.notify_one();
    let (status, answer) = second.await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(answer["call_id"], "c_00000000009rh");
    assert_eq!(world.live.calls().len(), 1);
}

#[tokio::test]
async fn a_refused_order_may_be_tried_again() {
    let world = World::new().await;
    let request = "anna POST /api/call/start\nIdempotency-Key: k\n\n{\"slot_id\": 1, \"phone_number\": \"6002\"}";
    world.control.refuse(Some(model::Refusal::NoMediaPort));
    assert_eq!(world.json(request).await.0, StatusCode::SERVICE_UNAVAILABLE);
    world.control.refuse(None);
    assert_eq!(world.json(request).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn the_database_is_away() {
    let world = World::new().await;
    let (token, stranger) = (world.token("anna"), world.subject("boris"));
    let life = std::time::Duration::from_secs(60);
    let stranger = world.api.auth.tokens.access(std::time::SystemTime::now(), &stranger, life).unwrap();
    world.send(&format!("- GET /api/me\nAuthorization: Bearer {token}")).await;
    world.store.close().await;
    let anna = |rest: &str| rest.replacen('\n', &format!("\nAuthorization: Bearer {token}\n"), 1);
    let boris = |rest: &str| rest.replacen('\n', &format!("\nAuthorization: Bearer {stranger}\n"), 1);
    let mut told = String::new();
    for request in [
        "- POST /api/auth/login\n\n{\"username\": \"anna\", \"password\": \"right horse\"}".to_owned(),
        anna("- GET /api/calls\n"),
        anna("- GET /api/cdr/records\n"),
        anna("- GET /api/calls/c_00000000000z8/recording\n"),
        anna("- GET /api/slots?limit=1\n"),
        anna("- POST /api/call/start\n\n{\"slot_id\": 1, \"phone_number\": \"6002\"}"),
        boris("- POST /api/call/start\nIdempotency-Key: k\n\n{\"slot_id\": 2, \"phone_number\": \"6001\"}"),
        anna("- GET /api/calls/c_00000000009rh\n"),
        anna("- POST /api/call/end\n\n{\"call_id\": \"c_00000000009rh\"}"),
        anna("- POST /api/slots/1/release\n"),
        "- GET /healthz".to_owned(),
    ] {
        let shown = request.lines().next().unwrap().to_owned();
        told += &format!("> {shown}\n{}", world.ask(request.trim_end()).await);
    }
    expect![[r#"
        > - POST /api/auth/login
        503
        retry-after: 5
        {"code":"store_unavailable","detail":"The database cannot be reached."}
        > - GET /api/calls
        503
        retry-after: 5
        {"code":"store_unavailable","detail":"The database cannot be reached."}
        > - GET /api/cdr/records
        503
        retry-after: 5
        {"code":"store_unavailable","detail":"The database cannot be reached."}
        > - GET /api/calls/c_00000000000z8/recording
        503
        retry-after: 5
        {"code":"store_unavailable","detail":"The database cannot be reached."}
        > - GET /api/slots?limit=1
        200
        {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"number","sort":true},{"filter":true,"mode":"show","name":"type","sort":false},{"filter":true,"mode":"show","name":"state","sort":false},{"filter":true,"mode":"show","name":"status","sort":false},{"filter":true,"mode":"show","name":"registered","sort":false},{"filter":true,"mode":"show","name":"holder","sort":false},{"filter":false,"mode":"show","name":"holder_name","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"epoch","sort":false}],"count":{"capped":false,"value":3},"items":[{"epoch":0,"holder":null,"holder_name":null,"id":"1","number":"6001","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"}],"next":"eyJ2IjoxLCJyIjoic2xvdHMiLCJzIjoibnVtYmVyIiwiYSI6IjYwMDEiLCJrIjoxLCJiIjpmYWxzZSwiaCI6IkFITTdLaFRZT29QbjhjWHMifQ","prev":null}
        > - POST /api/call/start
        202
        {"call_id":"c_00000000009rh","status":"dialing"}
        > - POST /api/call/start
        202
        {"call_id":"c_00000000009rj","status":"dialing"}
        > - GET /api/calls/c_00000000009rh
        200
        {"answered_at":null,"asked":null,"call_id":"c_00000000009rh","callee":"6002","callee_slot":null,"caller":"6001","caller_slot":"1","carrier":"101","cause":null,"direction":"internal","ended_at":null,"listened":null,"outcome":null,"parent":null,"recording":null,"ringing_at":null,"rung":[],"scenario":null,"segments":[],"source":null,"started_at":1795000000000,"status":"dialing","transfer":null,"tries":[{"at":1795000000000,"called":"+74957654321","caller":"+74951234567","carrier":"101","outcome":"refused","status":503}],"user":"2"}
        > - POST /api/call/end
        200
        {"call_id":"c_00000000009rh","status":"dialing"}
        > - POST /api/slots/1/release
        200
        {"epoch":0,"holder":null,"holder_name":null,"id":"1","number":"6001","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"}
        > - GET /healthz
        200
        {"status":"ok","version":"0.1.0"}
    "#]].assert_eq(&told);
}

/// Every route that is there, asked well, with the database away: 503 with Retry-After or an answer from memory, never 500 (FT-4, R21).
#[tokio::test]
async fn no_route_breaks_without_the_database() {
    let world = World::new().await;
    let mut tokens = std::collections::BTreeMap::new();
    for who in ["root", "boris"] {
        tokens.insert(who, world.token(who));
    }
    let refresh = "cbr_0000000000000000000000000000000000000000000";
    world.json("root PUT /api/security/budgets/center/1\n\n{\"limits\": {\"calls_max\": 9}}").await;
    // The administrator was here just before; of Boris no more is known than his token says.
    world.send(&format!("- GET /api/me\nAuthorization: Bearer {}", tokens["root"])).await;
    world.store.close().await;
    let mut told = String::new();
    for route in crate::routes::all() {
        let path = route
            .path
            .replace("{id}", if route.path.contains("calls") { "c_00000000000z8" } else { "3" })
            .replace("{tag}", "1")
            .replace("{call_id}", "c_00000000000z8")
            .replace("{marker}", "1")
            .replace("{kind}/3", "center/1")
            .replace("{key}", "theme")
            .replace("{source}", "192.0.2.1");
        let body = match (route.method, route.path) {
            ("POST", "/api/auth/login") => r#"{"username": "root", "password": "right horse"}"#.to_owned(),
            ("POST", "/api/auth/refresh") => format!(r#"{{"refresh_token": "{refresh}"}}"#),
            ("POST", "/api/auth/link") => {
                r#"{"token": "cbl_0000000000000000000000000000000000000000000", "password": "right horse"}"#.to_owned()
            }
            ("POST", "/api/auth/forgot") => r#"{"username": "root"}"#.to_owned(),
            ("PUT", "/api/me") => r#"{"locale": "ru"}"#.to_owned(),
            ("PUT", "/api/me/password") => r#"{"old": "right horse", "new": "other horse"}"#.to_owned(),
            ("PUT", "/api/me/settings/{key}") => "1".to_owned(),
            ("POST", "/api/me/tokens") => r#"{"name": "x"}"#.to_owned(),
            ("POST", "/api/users") => r#"{"username": "x", "role": "operator"}"#.to_owned(),
            (
                "PUT",
                "/api/users/{id}"
                | "/api/roles/{id}"
                | "/api/permission-sets/{id}"
                | "/api/centers/{id}"
                | "/api/tag-groups/{id}"
                | "/api/tags/{id}"
                | "/api/crm/leads/{id}"
                | "/api/clients/{id}"
                | "/api/scorecards/{id}"
                | "/api/listening/plans/{id}",
            ) => r#"{"version": 1}"#.to_owned(),
            ("POST", "/api/tag-groups" | "/api/listening/plans") => r#"{"name": "x"}"#.to_owned(),
            ("POST", "/api/scorecards") => r#"{"name": "x", "items": [{"name": "y", "kind": "yes_no", "weight": 1}]}"#.to_owned(),
            ("POST", "/api/listening/tasks/claim" | "/api/listening/tasks/{id}/done") => "{}".to_owned(),
            ("POST", "/api/listening/tasks/{id}/skip") => r#"{"reason": "x"}"#.to_owned(),
            ("POST", "/api/calls/{id}/evaluations") => r#"{"items": []}"#.to_owned(),
            ("POST", "/api/crm/leads") => r#"{"client_name": "x", "phone": "+79161234567"}"#.to_owned(),
            ("POST", "/api/crm/leads/{id}/hand-over") => r#"{"how": "round_robin", "version": 1}"#.to_owned(),
            ("POST", "/api/crm/leads/bulk") => r#"{"action": "hand_over", "filter": {}, "values": {"how": "round_robin"}}"#.to_owned(),
            ("POST", "/api/crm/note") => r#"{"lead_id": "1", "text": "x"}"#.to_owned(),
            ("PUT", "/api/crm/note/{id}") => r#"{"text": "x", "version": 1}"#.to_owned(),
            ("POST", "/api/clients") => r#"{"last_name": "x"}"#.to_owned(),
            ("PUT", "/api/calls/{id}/links") => r#"{"lead_id": "1"}"#.to_owned(),
            ("POST", "/api/crm/leads/{id}/events") => r#"{"event": "contact", "version": 1}"#.to_owned(),
            ("POST", "/api/calls/{id}/markers") => r#"{"at_ms": 0, "text": "x"}"#.to_owned(),
            ("POST", "/api/tags") => r#"{"group_id": "1", "name": "x"}"#.to_owned(),
            ("POST", "/api/users/{id}/link") => r#"{"purpose": "invitation", "send": "show"}"#.to_owned(),
            ("POST", "/api/roles" | "/api/permission-sets" | "/api/centers") => r#"{"code": "x", "name": "X"}"#.to_owned(),
            ("PUT", "/api/roles/{id}/shape") => r#"{"version": 1, "shape": {"calls": ["read"]}}"#.to_owned(),
            ("POST", "/api/oidc-role-map") => r#"{"issuer": "https://x", "claim": "y", "value": "z", "role": "operator"}"#.to_owned(),
            ("POST", "/api/dci/log-event") => r#"{"module": "x", "severity": "info", "code": "y", "message": "z"}"#.to_owned(),
            ("POST", "/api/schedules") => r#"{"kind": "audit.verify", "cron": "1 1 * * *"}"#.to_owned(),
            ("PUT", "/api/schedules/{id}") => r#"{"kind": "audit.verify", "cron": "1 1 * * *", "version": 1}"#.to_owned(),
            ("PUT", "/api/security/budgets/{kind}/{id}") => r#"{"limits": {"calls_max": 1}}"#.to_owned(),
            ("POST", "/api/security/budgets/{kind}/{id}/release") => r#"{"reason": "x"}"#.to_owned(),
            ("POST", "/api/security/bans") => r#"{"source": "192.0.2.1"}"#.to_owned(),
            ("POST", "/api/users/bulk") => r#"{"action": "disable", "filter": {}}"#.to_owned(),
            ("POST", "/api/webhooks") => r#"{"name": "x", "url": "https://crm.example/", "events": ["*"]}"#.to_owned(),
            ("PUT", "/api/webhooks/{id}") => r#"{"version": 1, "name": "y"}"#.to_owned(),
            ("POST", "/api/exports" | "/api/exports/quick") => r#"{"resource": "calls", "format": "csv"}"#.to_owned(),
            ("PUT", "/api/slots/{id}") => r#"{"new_password": true}"#.to_owned(),
            ("PUT", "/api/slots/{id}/limits") => r#"{"calls_max": 1, "destinations": []}"#.to_owned(),
            ("PUT", "/api/slots/{id}/caller") => r#"{"number": null}"#.to_owned(),
            ("POST", "/api/trunks") => r#"{"name": "South", "type": "mf", "capacity": 1}"#.to_owned(),
            ("PUT", "/api/trunks/{id}") => r#"{"name": "South"}"#.to_owned(),
            ("POST", "/api/routes") => r#"{"name": "x", "position": 1, "then": {"do": "dialled_slot"}}"#.to_owned(),
            ("PUT", "/api/routes/{id}") => r#"{"name": "x", "position": 1, "then": {"do": "dialled_slot"}, "version": 1}"#.to_owned(),
            ("POST", "/api/scenarios") => r#"{"code": "x"}"#.to_owned(),
            ("PUT", "/api/scenarios/{id}") => r#"{"name": "y", "version": 1}"#.to_owned(),
            ("POST", "/api/routes/explain") => r#"{"to": "6001"}"#.to_owned(),
            ("POST", "/api/call/start") => r#"{"slot_id": 2, "phone_number": "6001"}"#.to_owned(),
            ("POST", "/api/calls/{id}/transfer") => r#"{"to": "6002"}"#.to_owned(),
            ("POST", "/api/missed-calls/bulk") => r#"{"action": "dismiss", "filter": {}}"#.to_owned(),
            ("PUT", "/api/calls/{id}/recording/hold") => r#"{"held": true}"#.to_owned(),
            ("POST", "/api/listening/sessions") => r#"{"call_id": "c_00000000000z8"}"#.to_owned(),
            ("PUT", "/api/listening/sessions/{id}") => r#"{"seq": 1, "ranges": [], "position_ms": 0, "speed": 1}"#.to_owned(),
            ("PUT", "/api/listening/settings") => r#"{"heard_s": 20}"#.to_owned(),
            ("POST", "/api/call/end") => r#"{"call_id": "c_00000000000z8"}"#.to_owned(),
            _ => String::new(),
        };
        let path = match route.path {
            "/api/point/rolecheck" => format!("{path}?action=calls.read"),
            "/api/statistics/listening" => format!("{path}?from=2026-11-01&to=2026-11-02"),
            "/api/statistics/tags" => format!("{path}?from=2026-11-01&to=2026-11-30"),
            "/api/auth/link" => format!("{path}?token=cbl_0000000000000000000000000000000000000000000"),
            _ if route.method == "DELETE" && (path.contains("roles") || path.contains("permission-sets")) => format!("{path}?version=1"),
            _ => path,
        };
        write!(told, "{:6} {:34}", route.method, route.path).unwrap();
        for who in ["boris", "root"] {
            let text = format!("- {} {path}\nAuthorization: Bearer {}\n\n{body}", route.method, tokens[who]);
            let response = world.send(text.trim_end()).await;
            let status = response.status().as_u16();
            assert!(status != 503 || response.headers().contains_key("retry-after"), "{} {path}", route.method);
            assert!(
                // Providers are none; what has no body is refused before anything is asked.
                matches!(status, 200..300 | 403 | 409 | 503) || (route.path.contains("oidc/") && matches!(status, 302 | 404 | 415)),
                "{who} {} {path}: {}",
                route.method,
                crate::testing::shown(response).await
            );
            write!(told, " {who} {status}").unwrap();
        }
        told += "\n";
    }
    expect![[r#"
        POST   /api/auth/login                    boris 503 root 503
        POST   /api/auth/refresh                  boris 503 root 503
        POST   /api/auth/logout                   boris 503 root 503
        GET    /api/auth/link                     boris 503 root 503
        POST   /api/auth/link                     boris 503 root 503
        POST   /api/auth/forgot                   boris 202 root 202
        GET    /api/auth/providers                boris 200 root 200
        GET    /api/auth/oidc/{id}/start          boris 404 root 404
        GET    /api/auth/oidc/{id}/callback       boris 302 root 302
        POST   /api/auth/oidc/{id}/backchannel    boris 415 root 415
        GET    /api/me                            boris 503 root 503
        PUT    /api/me                            boris 503 root 503
        PUT    /api/me/password                   boris 503 root 503
        GET    /api/me/permissions                boris 200 root 200
        GET    /api/me/settings/{key}             boris 503 root 503
        PUT    /api/me/settings/{key}             boris 503 root 503
        GET    /api/me/sessions                   boris 503 root 503
        DELETE /api/me/sessions/{id}              boris 503 root 503
        GET    /api/me/tokens                     boris 403 root 503
        POST   /api/me/tokens                     boris 403 root 503
        DELETE /api/tokens/{id}                   boris 403 root 503
        GET    /api/point/rolecheck               boris 200 root 200
        GET    /api/users                         boris 403 root 503
        POST   /api/users                         boris 403 root 503
        POST   /api/users/bulk                    boris 403 root 503
        GET    /api/users/{id}                    boris 403 root 503
        PUT    /api/users/{id}                    boris 403 root 503
        DELETE /api/users/{id}                    boris 403 root 503
        POST   /api/users/{id}/link               boris 403 root 503
        POST   /api/users/{id}/logout             boris 403 root 503
        GET    /api/users/{id}/tokens             boris 403 root 503
        GET    /api/roles                         boris 403 root 503
        POST   /api/roles                         boris 403 root 503
        GET    /api/roles/{id}                    boris 403 root 503
        PUT    /api/roles/{id}                    boris 403 root 503
        DELETE /api/roles/{id}                    boris 403 root 503
        GET    /api/roles/{id}/shape              boris 403 root 503
        PUT    /api/roles/{id}/shape              boris 403 root 503
        GET    /api/permission-sets               boris 403 root 503
        POST   /api/permission-sets               boris 403 root 503
        GET    /api/permission-sets/{id}          boris 403 root 503
        PUT    /api/permission-sets/{id}          boris 403 root 503
        DELETE /api/permission-sets/{id}          boris 403 root 503
        GET    /api/permissions                   boris 403 root 200
        GET    /api/oidc-role-map                 boris 403 root 503
        POST   /api/oidc-role-map                 boris 403 root 503
        DELETE /api/oidc-role-map/{id}            boris 403 root 503
        GET    /api/centers                       boris 403 root 503
        POST   /api/centers                       boris 403 root 503
        GET    /api/centers/{id}                  boris 403 root 503
        PUT    /api/centers/{id}                  boris 403 root 503
        GET    /api/audit                         boris 403 root 503
        GET    /api/audit/{id}                    boris 403 root 503
        POST   /api/audit/verify                  boris 403 root 503
        GET    /api/security-audit                boris 403 root 503
        GET    /api/dci/logs                      boris 403 root 503
        POST   /api/dci/log-event                 boris 403 root 503
        GET    /api/jobs                          boris 503 root 503
        GET    /api/jobs/{id}                     boris 503 root 503
        POST   /api/jobs/{id}/cancel              boris 503 root 503
        GET    /api/schedules                     boris 403 root 503
        POST   /api/schedules                     boris 403 root 503
        GET    /api/schedules/{id}                boris 403 root 503
        PUT    /api/schedules/{id}                boris 403 root 503
        DELETE /api/schedules/{id}                boris 403 root 503
        GET    /api/exports                       boris 403 root 503
        POST   /api/exports                       boris 403 root 503
        POST   /api/exports/quick                 boris 403 root 503
        GET    /api/exports/{id}                  boris 403 root 503
        DELETE /api/exports/{id}                  boris 403 root 503
        GET    /api/exports/{id}/file             boris 403 root 503
        POST   /api/exports/{id}/file/token       boris 403 root 200
        GET    /api/webhooks                      boris 403 root 503
        POST   /api/webhooks                      boris 403 root 503
        GET    /api/webhooks/{id}                 boris 403 root 503
        PUT    /api/webhooks/{id}                 boris 403 root 503
        DELETE /api/webhooks/{id}                 boris 403 root 503
        POST   /api/webhooks/{id}/secret          boris 403 root 503
        POST   /api/webhooks/{id}/test            boris 403 root 503
        GET    /api/webhook-deliveries            boris 403 root 503
        GET    /api/webhook-deliveries/{id}       boris 403 root 503
        POST   /api/webhook-deliveries/{id}/replay boris 403 root 503
        GET    /api/slots                         boris 200 root 200
        GET    /api/slots/{id}                    boris 200 root 200
        PUT    /api/slots/{id}                    boris 403 root 503
        DELETE /api/slots/{id}                    boris 403 root 503
        GET    /api/slots/{id}/limits             boris 403 root 503
        PUT    /api/slots/{id}/limits             boris 403 root 503
        GET    /api/slots/{id}/caller             boris 403 root 503
        PUT    /api/slots/{id}/caller             boris 403 root 503
        POST   /api/slots/{id}/take               boris 200 root 409
        POST   /api/slots/{id}/release            boris 200 root 200
        GET    /api/registrations                 boris 403 root 503
        GET    /api/registrations/{id}            boris 403 root 503
        GET    /api/trunks                        boris 403 root 503
        POST   /api/trunks                        boris 403 root 503
        GET    /api/trunks/{id}                   boris 403 root 503
        PUT    /api/trunks/{id}                   boris 403 root 503
        DELETE /api/trunks/{id}                   boris 403 root 503
        GET    /api/routes                        boris 403 root 503
        POST   /api/routes                        boris 403 root 503
        POST   /api/routes/explain                boris 403 root 503
        GET    /api/routes/{id}                   boris 403 root 503
        PUT    /api/routes/{id}                   boris 403 root 503
        DELETE /api/routes/{id}                   boris 403 root 503
        GET    /api/scenarios                     boris 403 root 503
        POST   /api/scenarios                     boris 403 root 503
        GET    /api/scenarios/{id}                boris 403 root 503
        PUT    /api/scenarios/{id}                boris 403 root 503
        DELETE /api/scenarios/{id}                boris 403 root 503
        POST   /api/call/start                    boris 202 root 409
        POST   /api/call/end                      boris 503 root 503
        GET    /api/calls                         boris 503 root 503
        GET    /api/calls/{id}                    boris 503 root 503
        POST   /api/calls/{id}/transfer           boris 503 root 503
        GET    /api/calls/{id}/ladder             boris 403 root 503
        GET    /api/cdr/records                   boris 503 root 503
        GET    /api/recordings                    boris 503 root 503
        GET    /api/calls/{id}/recording          boris 503 root 503
        POST   /api/calls/{id}/recording/token    boris 503 root 503
        GET    /api/calls/{id}/recording/peaks    boris 503 root 503
        PUT    /api/calls/{id}/recording/hold     boris 403 root 503
        DELETE /api/calls/{id}/recording          boris 403 root 503
        GET    /api/pbx/status                    boris 403 root 503
        GET    /api/monitor/system                boris 403 root 200
        GET    /api/monitor/network               boris 403 root 200
        GET    /api/monitor/slots                 boris 403 root 200
        GET    /api/monitor/slots/{id}            boris 403 root 200
        POST   /api/system/reload                 boris 403 root 200
        GET    /api/security/bans                 boris 403 root 200
        POST   /api/security/bans                 boris 403 root 201
        DELETE /api/security/bans/{source}        boris 403 root 200
        GET    /api/security/budgets              boris 403 root 200
        PUT    /api/security/budgets/{kind}/{id}  boris 403 root 503
        DELETE /api/security/budgets/{kind}/{id}  boris 403 root 503
        POST   /api/security/budgets/{kind}/{id}/release boris 403 root 200
        GET    /api/security/status               boris 403 root 200
        GET    /api/openapi.json                  boris 200 root 200
        GET    /healthz                           boris 200 root 200
        GET    /metrics                           boris 403 root 200
        GET    /api/tag-groups                    boris 503 root 503
        POST   /api/tag-groups                    boris 403 root 503
        GET    /api/tag-groups/{id}               boris 503 root 503
        PUT    /api/tag-groups/{id}               boris 403 root 503
        DELETE /api/tag-groups/{id}               boris 403 root 503
        GET    /api/tags                          boris 503 root 503
        POST   /api/tags                          boris 403 root 503
        GET    /api/tags/{id}                     boris 503 root 503
        PUT    /api/tags/{id}                     boris 403 root 503
        DELETE /api/tags/{id}                     boris 403 root 503
        GET    /api/calls/{id}/tags               boris 503 root 503
        GET    /api/calls/{id}/tag-events         boris 503 root 503
        PUT    /api/calls/{id}/tags/{tag}         boris 503 root 503
        DELETE /api/calls/{id}/tags/{tag}         boris 403 root 503
        GET    /api/calls/{id}/markers            boris 503 root 503
        POST   /api/calls/{id}/markers            boris 503 root 503
        DELETE /api/calls/{id}/markers/{marker}   boris 503 root 503
        GET    /api/statistics/tags               boris 403 root 503
        GET    /api/listening/sessions            boris 403 root 503
        POST   /api/listening/sessions            boris 503 root 503
        GET    /api/listening/sessions/{id}       boris 403 root 503
        PUT    /api/listening/sessions/{id}       boris 503 root 503
        GET    /api/listening/settings            boris 403 root 503
        PUT    /api/listening/settings            boris 403 root 503
        GET    /api/statistics/listening          boris 403 root 503
        GET    /api/scorecards                    boris 503 root 503
        POST   /api/scorecards                    boris 403 root 503
        GET    /api/scorecards/{id}               boris 503 root 503
        PUT    /api/scorecards/{id}               boris 403 root 503
        DELETE /api/scorecards/{id}               boris 403 root 503
        GET    /api/listening/plans               boris 403 root 503
        POST   /api/listening/plans               boris 403 root 503
        GET    /api/listening/plans/{id}          boris 403 root 503
        PUT    /api/listening/plans/{id}          boris 403 root 503
        DELETE /api/listening/plans/{id}          boris 403 root 503
        POST   /api/listening/plans/{id}/activate boris 403 root 503
        POST   /api/listening/plans/{id}/pause    boris 403 root 503
        POST   /api/listening/plans/{id}/sample   boris 403 root 503
        GET    /api/listening/agreement           boris 403 root 503
        GET    /api/listening/tasks               boris 403 root 503
        POST   /api/listening/tasks/claim         boris 403 root 503
        GET    /api/listening/tasks/{id}          boris 403 root 503
        POST   /api/listening/tasks/{id}/release  boris 403 root 503
        POST   /api/listening/tasks/{id}/skip     boris 403 root 503
        POST   /api/listening/tasks/{id}/done     boris 403 root 503
        GET    /api/evaluations                   boris 503 root 503
        GET    /api/evaluations/{id}              boris 503 root 503
        POST   /api/calls/{id}/evaluations        boris 403 root 503
        GET    /api/crm/leads                     boris 503 root 503
        POST   /api/crm/leads                     boris 403 root 503
        GET    /api/crm/leads/{id}                boris 503 root 503
        PUT    /api/crm/leads/{id}                boris 503 root 503
        DELETE /api/crm/leads/{id}                boris 403 root 503
        GET    /api/crm/leads/{id}/transitions    boris 503 root 503
        POST   /api/crm/leads/{id}/events         boris 503 root 503
        POST   /api/crm/leads/{id}/hand-over      boris 503 root 503
        GET    /api/crm/leads/{id}/history        boris 503 root 503
        POST   /api/crm/leads/bulk                boris 403 root 503
        GET    /api/crm/sellers                   boris 503 root 503
        GET    /api/clients                       boris 503 root 503
        POST   /api/clients                       boris 503 root 503
        GET    /api/clients/{id}                  boris 503 root 503
        PUT    /api/clients/{id}                  boris 503 root 503
        DELETE /api/clients/{id}                  boris 403 root 503
        GET    /api/clients/{id}/history          boris 503 root 503
        POST   /api/crm/note                      boris 503 root 503
        PUT    /api/crm/note/{id}                 boris 403 root 503
        DELETE /api/crm/note/{id}                 boris 403 root 503
        GET    /api/crm/notes/{call_id}           boris 503 root 503
        GET    /api/crm/leads/{id}/notes          boris 503 root 503
        GET    /api/clients/{id}/notes            boris 503 root 503
        GET    /api/calls/{id}/links              boris 503 root 503
        PUT    /api/calls/{id}/links              boris 503 root 503
        GET    /api/calls/feed                    boris 200 root 200
        GET    /api/calls/{id}/card               boris 503 root 503
        GET    /api/desk                          boris 200 root 200
        GET    /api/missed-calls                  boris 503 root 503
        POST   /api/missed-calls/bulk             boris 503 root 503
        POST   /api/missed-calls/{id}/claim       boris 503 root 503
        POST   /api/missed-calls/{id}/dismiss     boris 503 root 503
        GET    /api/reports/daily                 boris 503 root 503
        GET    /api/reports/calls                 boris 503 root 503
        GET    /api/reports/conversion            boris 503 root 503
        GET    /api/dashboard                     boris 503 root 503
    "#]]
    .assert_eq(&told);
}
