//! Log-in and refresh over HTTP.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use expect_test::expect;
use http::StatusCode;

use super::check;
use crate::{
    auth::throttle::Suspect,
    testing::{ANNA, World},
};

fn login(username: &str, password: &str) -> String {
    let body = serde_json::json!({"username": username, "password": password});
    format!("- POST /api/auth/login\n\n{body}")
}

#[tokio::test]
async fn logging_in() {
    let world = World::new().await;
    let long = login("anna", &"x".repeat(1_025));
    check(
        &world,
        &[
            &login("anna", "right horse"),
            &login(" ANNA ", "right horse"),
            &login("anna", "wrong horse"),
            &login("nobody", "right horse"),
            &login("' OR 1=1--", "x"),
            &login("", ""),
            "- POST /api/auth/login\n\n{\"username\": \"anna\"}",
            "- POST /api/auth/login\n\n{\"username\": \"anna\", \"password\": 1}",
            "- POST /api/auth/refresh\n\n{\"refresh_token\": \"x\"}",
            "anna GET /api/me",
        ],
        expect![[r#"
            > - POST /api/auth/login | {"password":"right horse","username":"anna"}
            200
            {"access_token":"…","expires_in":900,"refresh_token":"…","token_type":"Bearer"}

            > - POST /api/auth/login | {"password":"right horse","username":" ANNA "}
            200
            {"access_token":"…","expires_in":900,"refresh_token":"…","token_type":"Bearer"}

            > - POST /api/auth/login | {"password":"wrong horse","username":"anna"}
            401
            {"code":"invalid_credentials","detail":"User name or password is wrong."}

            > - POST /api/auth/login | {"password":"right horse","username":"nobody"}
            401
            {"code":"invalid_credentials","detail":"User name or password is wrong."}

            > - POST /api/auth/login | {"password":"x","username":"' OR 1=1--"}
            401
            {"code":"invalid_credentials","detail":"User name or password is wrong."}

            > - POST /api/auth/login | {"password":"","username":""}
            401
            {"code":"invalid_credentials","detail":"User name or password is wrong."}

            > - POST /api/auth/login | {"username": "anna"}
            422
            {"code":"missing_field","detail":"missing field `password`","field":"password"}

            > - POST /api/auth/login | {"username": "anna", "password": 1}
            422
            {"code":"invalid_field","detail":"invalid type: integer `1`, expected a string","field":"password"}

            > - POST /api/auth/refresh | {"refresh_token": "x"}
            401
            www-authenticate: Bearer
            {"code":"not_signed_in","detail":"A valid bearer token is needed."}

            > anna GET /api/me
            200
            {"center":"1","display_name":"anna","email":null,"home":"1","id":"2","locale":"en","role":"operator","roles":["operator"],"sso":false,"tz":"UTC","username":"anna"}

        "#]],
    )
    .await;
    assert_eq!(world.send(&long).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let (_, anna) = world.json("root GET /api/users/2").await;
    assert!(anna["last_login_at"].is_i64(), "{anna}");
}

#[tokio::test]
async fn tokens_are_renewed() {
    let world = World::new().await;
    let (_, session) = world.json(&login("root", "right horse")).await;
    let me = |token: &serde_json::Value| format!("- GET /api/me\nAuthorization: Bearer {}", token.as_str().unwrap());
    assert_eq!(world.json(&me(&session["access_token"])).await.1["username"], "root");
    assert_eq!(world.json(&me(&session["refresh_token"])).await.0, StatusCode::UNAUTHORIZED);
    let refresh = |token: &serde_json::Value| format!("- POST /api/auth/refresh\n\n{{\"refresh_token\": {token}}}");
    assert_eq!(world.json(&refresh(&session["access_token"])).await.0, StatusCode::UNAUTHORIZED);
    let (status, renewed) = world.json(&refresh(&session["refresh_token"])).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(world.json(&me(&renewed["access_token"])).await.1["role"], "admin");
}

#[tokio::test]
async fn guesses_are_counted() {
    let world = World::new().await;
    let suspects = |name| Suspect::of_login(name, Ipv4Addr::UNSPECIFIED.into());
    // The clock of the throttle stands at this moment, however long the checks take.
    let began = Instant::now();
    for attempt in 0..5 {
        assert_eq!(world.send(&login("Anna", "guess")).await.status(), StatusCode::UNAUTHORIZED, "{attempt}");
    }
    assert!(world.api.auth.throttle().attempt(began, &suspects("anna")).is_err());
    assert!(world.api.auth.throttle().attempt(began, &suspects("boris")).is_ok());
}

#[tokio::test]
async fn who_has_guessed_waits() {
    let world = World::new().await;
    let suspects = Suspect::of_login("anna", Ipv4Addr::UNSPECIFIED.into());
    let later = Instant::now() + Duration::from_secs(3_600);
    while world.api.auth.throttle().attempt(later, &suspects).is_ok() {}
    let answer = world.send(&login("anna", "right horse")).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3_000..=3_601).contains(&wait), "{wait}");
    assert_eq!(world.send(&login("boris", "right horse")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_disabled_user_does_not_get_in() {
    let world = World::new().await;
    world.set_active(ANNA, false).await;
    assert_eq!(world.send(&login("anna", "right horse")).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_request_is_a_sign_of_life() {
    let world = World::new().await;
    for _ in 0..5 {
        world.send("anna GET /api/slots").await;
    }
    world.send("- GET /api/slots").await;
    world.send("boris GET /api/trunks").await;
    tokio::task::yield_now().await;
    let signs: Vec<_> = world.control.orders();
    assert_eq!(signs, [model::Command::KeepAlive { user: ANNA }]);
}
