//! Every route with every role, and with every way not to be signed in (FT-17, FT-18).

use std::fmt::Write as _;

use expect_test::expect;
use http::StatusCode;
use office::{accounts::UserChange, can};

use crate::{
    auth::{Access, now, tokens::Subject},
    routes::all,
    testing::{ANNA, ROOT, World},
};

/// A request to the route with ids in place.
fn request(who: &str, method: &str, path: &str) -> String {
    // The sessions are those who ask.
    let id = if path.contains("calls") {
        "c_00000000000z8"
    } else if path.contains("sessions") || path.contains("users") {
        "9"
    } else {
        "1"
    };
    let body = if method == "GET" || method == "DELETE" { "" } else { "\n\n{\"nothing\": 1}" };
    format!(
        "{who} {method} {}{body}",
        path.replace("{id}", id).replace("{key}", "theme").replace("{source}", "192.0.2.1").replace("{kind}", "center")
    )
}

#[tokio::test]
async fn every_route_with_every_role() {
    let mut lines: Vec<String> = all().map(|route| format!("{:6} {:34}", route.method, route.path)).collect();
    for who in ["-", "anna", "root"] {
        let mut world = World::new().await;
        for (route, line) in all().zip(&mut lines) {
            let status = world.send(&request(who, route.method, route.path)).await.status();
            write!(line, " {} {}", if who == "-" { "nobody" } else { who }, status.as_u16()).unwrap();
            if route.path.ends_with("logout") {
                world = World::new().await;
            }
            if route.access != Access::Open {
                assert_eq!(status == StatusCode::UNAUTHORIZED, who == "-", "{line}");
            }
        }
    }
    let table = lines.join("\n") + "\n";
    expect![[r#"
        POST   /api/auth/login                    nobody 422 anna 422 root 422
        POST   /api/auth/refresh                  nobody 422 anna 422 root 422
        POST   /api/auth/logout                   nobody 401 anna 422 root 422
        GET    /api/auth/link                     nobody 410 anna 410 root 410
        POST   /api/auth/link                     nobody 422 anna 422 root 422
        POST   /api/auth/forgot                   nobody 422 anna 422 root 422
        GET    /api/auth/providers                nobody 200 anna 200 root 200
        GET    /api/auth/oidc/{id}/start          nobody 404 anna 404 root 404
        GET    /api/auth/oidc/{id}/callback       nobody 302 anna 302 root 302
        POST   /api/auth/oidc/{id}/backchannel    nobody 415 anna 415 root 415
        GET    /api/me                            nobody 401 anna 200 root 200
        PUT    /api/me                            nobody 401 anna 422 root 422
        PUT    /api/me/password                   nobody 401 anna 422 root 422
        GET    /api/me/permissions                nobody 401 anna 200 root 200
        GET    /api/me/settings/{key}             nobody 401 anna 200 root 200
        PUT    /api/me/settings/{key}             nobody 401 anna 204 root 204
        GET    /api/me/sessions                   nobody 401 anna 200 root 200
        DELETE /api/me/sessions/{id}              nobody 401 anna 404 root 404
        GET    /api/me/tokens                     nobody 401 anna 403 root 200
        POST   /api/me/tokens                     nobody 401 anna 403 root 422
        DELETE /api/tokens/{id}                   nobody 401 anna 403 root 404
        GET    /api/point/rolecheck               nobody 401 anna 422 root 422
        GET    /api/users                         nobody 401 anna 403 root 200
        POST   /api/users                         nobody 401 anna 403 root 422
        POST   /api/users/bulk                    nobody 401 anna 403 root 422
        GET    /api/users/{id}                    nobody 401 anna 403 root 404
        PUT    /api/users/{id}                    nobody 401 anna 403 root 422
        DELETE /api/users/{id}                    nobody 401 anna 403 root 404
        POST   /api/users/{id}/link               nobody 401 anna 403 root 422
        POST   /api/users/{id}/logout             nobody 401 anna 403 root 404
        GET    /api/users/{id}/tokens             nobody 401 anna 403 root 404
        GET    /api/roles                         nobody 401 anna 403 root 200
        POST   /api/roles                         nobody 401 anna 403 root 422
        GET    /api/roles/{id}                    nobody 401 anna 403 root 200
        PUT    /api/roles/{id}                    nobody 401 anna 403 root 422
        DELETE /api/roles/{id}                    nobody 401 anna 403 root 422
        GET    /api/roles/{id}/shape              nobody 401 anna 403 root 200
        PUT    /api/roles/{id}/shape              nobody 401 anna 403 root 422
        GET    /api/permission-sets               nobody 401 anna 403 root 200
        POST   /api/permission-sets               nobody 401 anna 403 root 422
        GET    /api/permission-sets/{id}          nobody 401 anna 403 root 200
        PUT    /api/permission-sets/{id}          nobody 401 anna 403 root 422
        DELETE /api/permission-sets/{id}          nobody 401 anna 403 root 422
        GET    /api/permissions                   nobody 401 anna 403 root 200
        GET    /api/oidc-role-map                 nobody 401 anna 403 root 200
        POST   /api/oidc-role-map                 nobody 401 anna 403 root 422
        DELETE /api/oidc-role-map/{id}            nobody 401 anna 403 root 404
        GET    /api/centers                       nobody 401 anna 403 root 200
        POST   /api/centers                       nobody 401 anna 403 root 422
        GET    /api/centers/{id}                  nobody 401 anna 403 root 200
        PUT    /api/centers/{id}                  nobody 401 anna 403 root 422
        GET    /api/audit                         nobody 401 anna 403 root 200
        GET    /api/audit/{id}                    nobody 401 anna 403 root 200
        POST   /api/audit/verify                  nobody 401 anna 403 root 202
        GET    /api/security-audit                nobody 401 anna 403 root 200
        GET    /api/dci/logs                      nobody 401 anna 403 root 200
        POST   /api/dci/log-event                 nobody 401 anna 403 root 422
        GET    /api/jobs                          nobody 401 anna 200 root 200
        GET    /api/jobs/{id}                     nobody 401 anna 404 root 200
        POST   /api/jobs/{id}/cancel              nobody 401 anna 404 root 202
        GET    /api/schedules                     nobody 401 anna 403 root 200
        POST   /api/schedules                     nobody 401 anna 403 root 422
        GET    /api/schedules/{id}                nobody 401 anna 403 root 404
        PUT    /api/schedules/{id}                nobody 401 anna 403 root 422
        DELETE /api/schedules/{id}                nobody 401 anna 403 root 404
        GET    /api/exports                       nobody 401 anna 403 root 200
        POST   /api/exports                       nobody 401 anna 403 root 422
        POST   /api/exports/quick                 nobody 401 anna 403 root 422
        GET    /api/exports/{id}                  nobody 401 anna 403 root 404
        DELETE /api/exports/{id}                  nobody 401 anna 403 root 404
        GET    /api/exports/{id}/file             nobody 401 anna 403 root 404
        POST   /api/exports/{id}/file/token       nobody 401 anna 403 root 200
        GET    /api/webhooks                      nobody 401 anna 403 root 200
        POST   /api/webhooks                      nobody 401 anna 403 root 422
        GET    /api/webhooks/{id}                 nobody 401 anna 403 root 404
        PUT    /api/webhooks/{id}                 nobody 401 anna 403 root 422
        DELETE /api/webhooks/{id}                 nobody 401 anna 403 root 404
        POST   /api/webhooks/{id}/secret          nobody 401 anna 403 root 404
        POST   /api/webhooks/{id}/test            nobody 401 anna 403 root 404
        GET    /api/webhook-deliveries            nobody 401 anna 403 root 200
        GET    /api/webhook-deliveries/{id}       nobody 401 anna 403 root 404
        POST   /api/webhook-deliveries/{id}/replay nobody 401 anna 403 root 404
        GET    /api/slots                         nobody 401 anna 200 root 200
        GET    /api/slots/{id}                    nobody 401 anna 200 root 200
        PUT    /api/slots/{id}                    nobody 401 anna 403 root 422
        DELETE /api/slots/{id}                    nobody 401 anna 403 root 409
        GET    /api/slots/{id}/limits             nobody 401 anna 403 root 200
        PUT    /api/slots/{id}/limits             nobody 401 anna 403 root 422
        GET    /api/slots/{id}/caller             nobody 401 anna 403 root 200
        PUT    /api/slots/{id}/caller             nobody 401 anna 403 root 422
        POST   /api/slots/{id}/take               nobody 401 anna 200 root 200
        POST   /api/slots/{id}/release            nobody 401 anna 422 root 422
        GET    /api/registrations                 nobody 401 anna 403 root 200
        GET    /api/registrations/{id}            nobody 401 anna 403 root 404
        GET    /api/trunks                        nobody 401 anna 403 root 200
        POST   /api/trunks                        nobody 401 anna 403 root 422
        GET    /api/trunks/{id}                   nobody 401 anna 403 root 200
        PUT    /api/trunks/{id}                   nobody 401 anna 403 root 422
        DELETE /api/trunks/{id}                   nobody 401 anna 403 root 204
        GET    /api/routes                        nobody 401 anna 403 root 200
        POST   /api/routes                        nobody 401 anna 403 root 422
        POST   /api/routes/explain                nobody 401 anna 403 root 422
        GET    /api/routes/{id}                   nobody 401 anna 403 root 404
        PUT    /api/routes/{id}                   nobody 401 anna 403 root 422
        DELETE /api/routes/{id}                   nobody 401 anna 403 root 404
        GET    /api/scenarios                     nobody 401 anna 403 root 200
        POST   /api/scenarios                     nobody 401 anna 403 root 422
        GET    /api/scenarios/{id}                nobody 401 anna 403 root 404
        PUT    /api/scenarios/{id}                nobody 401 anna 403 root 422
        DELETE /api/scenarios/{id}                nobody 401 anna 403 root 404
        POST   /api/call/start                    nobody 401 anna 422 root 422
        POST   /api/call/end                      nobody 401 anna 422 root 422
        GET    /api/calls                         nobody 401 anna 200 root 200
        GET    /api/calls/{id}                    nobody 401 anna 200 root 200
        POST   /api/calls/{id}/transfer           nobody 401 anna 422 root 422
        GET    /api/calls/{id}/ladder             nobody 401 anna 403 root 200
        GET    /api/cdr/records                   nobody 401 anna 200 root 200
        GET    /api/recordings                    nobody 401 anna 200 root 200
        GET    /api/calls/{id}/recording          nobody 401 anna 200 root 200
        POST   /api/calls/{id}/recording/token    nobody 401 anna 200 root 200
        GET    /api/calls/{id}/recording/peaks    nobody 401 anna 200 root 200
        PUT    /api/calls/{id}/recording/hold     nobody 401 anna 403 root 422
        DELETE /api/calls/{id}/recording          nobody 401 anna 403 root 204
        GET    /api/pbx/status                    nobody 401 anna 403 root 200
        GET    /api/monitor/system                nobody 401 anna 403 root 200
        GET    /api/monitor/network               nobody 401 anna 403 root 200
        GET    /api/monitor/slots                 nobody 401 anna 403 root 200
        GET    /api/monitor/slots/{id}            nobody 401 anna 403 root 404
        POST   /api/system/reload                 nobody 401 anna 403 root 200
        GET    /api/security/bans                 nobody 401 anna 403 root 200
        POST   /api/security/bans                 nobody 401 anna 403 root 422
        DELETE /api/security/bans/{source}        nobody 401 anna 403 root 404
        GET    /api/security/budgets              nobody 401 anna 403 root 200
        PUT    /api/security/budgets/{kind}/{id}  nobody 401 anna 403 root 422
        DELETE /api/security/budgets/{kind}/{id}  nobody 401 anna 403 root 404
        POST   /api/security/budgets/{kind}/{id}/release nobody 401 anna 403 root 422
        GET    /api/security/status               nobody 401 anna 403 root 200
        GET    /api/openapi.json                  nobody 200 anna 200 root 200
        GET    /healthz                           nobody 200 anna 200 root 200
        GET    /metrics                           nobody 401 anna 403 root 200
        GET    /api/tag-groups                    nobody 401 anna 200 root 200
        POST   /api/tag-groups                    nobody 401 anna 403 root 422
        GET    /api/tag-groups/{id}               nobody 401 anna 404 root 404
        PUT    /api/tag-groups/{id}               nobody 401 anna 403 root 422
        DELETE /api/tag-groups/{id}               nobody 401 anna 403 root 404
        GET    /api/tags                          nobody 401 anna 200 root 200
        POST   /api/tags                          nobody 401 anna 403 root 422
        GET    /api/tags/{id}                     nobody 401 anna 404 root 404
        PUT    /api/tags/{id}                     nobody 401 anna 403 root 422
        DELETE /api/tags/{id}                     nobody 401 anna 403 root 404
        GET    /api/calls/{id}/tags               nobody 401 anna 200 root 200
        GET    /api/calls/{id}/tag-events         nobody 401 anna 200 root 200
        PUT    /api/calls/{id}/tags/{tag}         nobody 401 anna 404 root 404
        DELETE /api/calls/{id}/tags/{tag}         nobody 401 anna 403 root 404
        GET    /api/calls/{id}/markers            nobody 401 anna 200 root 200
        POST   /api/calls/{id}/markers            nobody 401 anna 422 root 422
        DELETE /api/calls/{id}/markers/{marker}   nobody 401 anna 404 root 404
        GET    /api/statistics/tags               nobody 401 anna 403 root 422
        GET    /api/listening/sessions            nobody 401 anna 403 root 200
        POST   /api/listening/sessions            nobody 401 anna 422 root 422
        GET    /api/listening/sessions/{id}       nobody 401 anna 403 root 404
        PUT    /api/listening/sessions/{id}       nobody 401 anna 422 root 422
        GET    /api/listening/settings            nobody 401 anna 403 root 200
        PUT    /api/listening/settings            nobody 401 anna 403 root 422
        GET    /api/statistics/listening          nobody 401 anna 403 root 422
        GET    /api/scorecards                    nobody 401 anna 200 root 200
        POST   /api/scorecards                    nobody 401 anna 403 root 422
        GET    /api/scorecards/{id}               nobody 401 anna 404 root 404
        PUT    /api/scorecards/{id}               nobody 401 anna 403 root 422
        DELETE /api/scorecards/{id}               nobody 401 anna 403 root 404
        GET    /api/listening/plans               nobody 401 anna 403 root 200
        POST   /api/listening/plans               nobody 401 anna 403 root 422
        GET    /api/listening/plans/{id}          nobody 401 anna 403 root 404
        PUT    /api/listening/plans/{id}          nobody 401 anna 403 root 422
        DELETE /api/listening/plans/{id}          nobody 401 anna 403 root 404
        POST   /api/listening/plans/{id}/activate nobody 401 anna 403 root 404
        POST   /api/listening/plans/{id}/pause    nobody 401 anna 403 root 404
        POST   /api/listening/plans/{id}/sample   nobody 401 anna 403 root 404
        GET    /api/listening/agreement           nobody 401 anna 403 root 200
        GET    /api/listening/tasks               nobody 401 anna 403 root 200
        POST   /api/listening/tasks/claim         nobody 401 anna 403 root 422
        GET    /api/listening/tasks/{id}          nobody 401 anna 403 root 404
        POST   /api/listening/tasks/{id}/release  nobody 401 anna 403 root 404
        POST   /api/listening/tasks/{id}/skip     nobody 401 anna 403 root 422
        POST   /api/listening/tasks/{id}/done     nobody 401 anna 403 root 422
        GET    /api/evaluations                   nobody 401 anna 200 root 200
        GET    /api/evaluations/{id}              nobody 401 anna 404 root 404
        POST   /api/calls/{id}/evaluations        nobody 401 anna 403 root 422
        GET    /api/crm/leads                     nobody 401 anna 200 root 200
        POST   /api/crm/leads                     nobody 401 anna 403 root 422
        GET    /api/crm/leads/{id}                nobody 401 anna 404 root 404
        PUT    /api/crm/leads/{id}                nobody 401 anna 422 root 422
        DELETE /api/crm/leads/{id}                nobody 401 anna 403 root 404
        GET    /api/crm/leads/{id}/transitions    nobody 401 anna 404 root 404
        POST   /api/crm/leads/{id}/events         nobody 401 anna 422 root 422
        POST   /api/crm/leads/{id}/hand-over      nobody 401 anna 422 root 422
        GET    /api/crm/leads/{id}/history        nobody 401 anna 404 root 404
        POST   /api/crm/leads/bulk                nobody 401 anna 403 root 422
        GET    /api/crm/sellers                   nobody 401 anna 200 root 200
        GET    /api/clients                       nobody 401 anna 200 root 200
        POST   /api/clients                       nobody 401 anna 422 root 422
        GET    /api/clients/{id}                  nobody 401 anna 404 root 404
        PUT    /api/clients/{id}                  nobody 401 anna 422 root 422
        DELETE /api/clients/{id}                  nobody 401 anna 403 root 404
        GET    /api/clients/{id}/history          nobody 401 anna 404 root 404
        POST   /api/crm/note                      nobody 401 anna 422 root 422
        PUT    /api/crm/note/{id}                 nobody 401 anna 403 root 422
        DELETE /api/crm/note/{id}                 nobody 401 anna 403 root 404
        GET    /api/crm/notes/{call_id}           nobody 401 anna 404 root 404
        GET    /api/crm/leads/{id}/notes          nobody 401 anna 404 root 404
        GET    /api/clients/{id}/notes            nobody 401 anna 404 root 404
        GET    /api/calls/{id}/links              nobody 401 anna 200 root 200
        PUT    /api/calls/{id}/links              nobody 401 anna 422 root 422
        GET    /api/calls/feed                    nobody 401 anna 200 root 200
        GET    /api/calls/{id}/card               nobody 401 anna 200 root 200
        GET    /api/desk                          nobody 401 anna 200 root 200
        GET    /api/missed-calls                  nobody 401 anna 200 root 200
        POST   /api/missed-calls/bulk             nobody 401 anna 422 root 422
        POST   /api/missed-calls/{id}/claim       nobody 401 anna 404 root 404
        POST   /api/missed-calls/{id}/dismiss     nobody 401 anna 404 root 404
        GET    /api/reports/daily                 nobody 401 anna 200 root 200
        GET    /api/reports/calls                 nobody 401 anna 200 root 200
        GET    /api/reports/conversion            nobody 401 anna 200 root 200
        GET    /api/dashboard                     nobody 401 anna 200 root 200
    "#]]
    .assert_eq(&table);
}

#[tokio::test]
async fn bad_tokens_open_nothing() {
    let world = World::new().await;
    let subject = world.subject("root");
    let ticket = |path: &str| {
        world.api.auth.tokens.ticket(std::time::SystemTime::now(), &subject, path.to_owned(), std::time::Duration::from_secs(60)).unwrap()
    };
    let ended = Subject { session: 999, ..subject.clone() };
    let ended = world.api.auth.tokens.access(std::time::SystemTime::now(), &ended, std::time::Duration::from_secs(60)).unwrap();
    let recording = ticket("/api/me");
    let access = world.token("root");
    let headers = [
        String::new(),
        "Authorization:".to_owned(),
        "Authorization: Bearer".to_owned(),
        "Authorization: Bearer x.y.z".to_owned(),
        "Authorization: Basic cm9vdDpyb290".to_owned(),
        format!("Authorization: {access}"),
        format!("Authorization: Bearer {access}x"),
        format!("Authorization: Bearer {ended}"),
        "Authorization: Bearer cbr_0000000000000000000000000000000000000000000".to_owned(),
        "Authorization: Bearer cba_0000000000000000000000000000000000000000000".to_owned(),
        format!("Authorization: Bearer {recording}"),
    ];
    for route in all().filter(|route| route.access != Access::Open) {
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
    for what in ["disabled", "password"] {
        let world = World::new().await;
        let (_, session) = world.json("- POST /api/auth/login\n\n{\"username\": \"anna\", \"password\": \"right horse\"}").await;
        let me = format!("- GET /api/me\nAuthorization: Bearer {}", session["access_token"].as_str().unwrap());
        let renew = format!("- POST /api/auth/refresh\n\n{{\"refresh_token\": {}}}", session["refresh_token"]);
        assert_eq!(world.send(&me).await.status(), StatusCode::OK);
        if what == "disabled" {
            world.set_active(ANNA, false).await;
        } else {
            let permit = world.principal("root").await.permit(can::USERS_UPDATE).unwrap();
            let change = UserChange { password: Some("another horse".to_owned()), ..UserChange::default() };
            world.api.office.update_user(&permit, ANNA, change, 1, now()).await.unwrap();
        }
        assert_eq!(world.send(&me).await.status(), StatusCode::UNAUTHORIZED, "{what}");
        assert_eq!(world.send(&renew).await.status(), StatusCode::UNAUTHORIZED, "{what}");
        // Sessions that have ended do not come back with the account.
        world.set_active(ANNA, true).await;
        assert_eq!(world.send(&me).await.status(), StatusCode::UNAUTHORIZED, "{what}");
    }
}

#[tokio::test]
async fn a_role_is_what_the_database_says() {
    let world = World::new().await;
    let token = world.token("anna");
    let trunks = format!("- GET /api/trunks\nAuthorization: Bearer {token}");
    assert_eq!(world.send(&trunks).await.status(), StatusCode::FORBIDDEN);
    let permit = world.principal("root").await.permit(can::USERS_UPDATE).unwrap();
    let roles = |role: &str| UserChange { roles: Some(vec![role.to_owned()]), ..UserChange::default() };
    world.api.office.update_user(&permit, ANNA, roles("admin"), 1, now()).await.unwrap();
    assert_eq!(world.send(&trunks).await.status(), StatusCode::OK);
    world.api.office.update_user(&permit, ROOT, roles("operator"), 1, now()).await.unwrap();
    assert_eq!(world.send("root GET /api/trunks").await.status(), StatusCode::FORBIDDEN);
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
        format!("root POST /api/calls/{id}/transfer\n\n{{\"to\": \"6001\"}}"),
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
            request = request.header("Authorization", format!("Bearer {}", world.token(who)));
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
