//! Idempotency-Key (R18), and calls while the database is away (R21).

use expect_test::expect;
use http::StatusCode;

use super::check;
use crate::testing::World;

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
    let again = world.restarted().json(request).await;
    assert_eq!(again, (StatusCode::ACCEPTED, first));
    let other = "anna POST /api/call/start\nIdempotency-Key: k\n\n{\"slot_id\": 1, \"phone_number\": \"6003\"}";
    assert_eq!(world.restarted().json(other).await.0, StatusCode::UNPROCESSABLE_ENTITY);
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
    let (token, stranger) = (world.token("anna", crate::auth::tokens::Kind::Access).await, world.subject("boris").await);
    let life = std::time::Duration::from_secs(60);
    let kind = crate::auth::tokens::Kind::Access;
    let stranger = world.api.auth.tokens.issue(std::time::SystemTime::now(), &stranger, kind, life, None).unwrap();
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
        {"count":{"capped":false,"value":3},"items":[{"epoch":0,"holder":null,"holder_name":null,"id":"1","number":"6001","registered":true,"since":1795000000000,"state":"IDLE","status":"free","type":"auto"}],"next":"bzE","prev":null}
        > - POST /api/call/start
        202
        {"call_id":"c_00000000009rh","status":"dialing"}
        > - POST /api/call/start
        202
        {"call_id":"c_00000000009rj","status":"dialing"}
        > - GET /api/calls/c_00000000009rh
        200
        {"answered_at":null,"call_id":"c_00000000009rh","callee":"6002","callee_slot":null,"caller":"6001","caller_slot":"1","cause":null,"direction":"internal","ended_at":null,"outcome":null,"parent":null,"recording":null,"ringing_at":null,"scenario":null,"segments":[],"source":null,"started_at":1795000000000,"status":"dialing","user":"2"}
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
