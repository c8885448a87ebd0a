//! Hearing recordings: ranges, validators, snapshots, tokens (FT-19, FT-20).

use std::time::{Duration, SystemTime};

use expect_test::expect;
use http::StatusCode;
use http_body_util::BodyExt as _;
use model::{CallId, Direction, Fact, RecordingState};

use super::{check, encoded};
use crate::{
    live::ears::{Ears, Topics},
    testing::{ANNA, CALL_OF_ANNA, CALL_OF_BORIS, World, call_view, recording},
};

const PATH: &str = "/api/calls/c_00000000000z8/recording";

#[tokio::test]
async fn ranges() {
    let world = World::new().await;
    let get = |headers: &str| format!("anna GET {PATH}\n{headers}");
    let flood = format!("Range: bytes={}", vec!["0-0"; 10_000].join(","));
    let requests = [
        get(""),
        format!("anna HEAD {PATH}"),
        format!("anna HEAD {PATH}\nRange: bytes=0-9"),
        get("Range: bytes=0-9"),
        get("Range: bytes=1040-"),
        get("Range: bytes=-5"),
        get("Range: bytes=1040-99999"),
        get("Range: bytes=1044-"),
        get("Range: bytes=-0"),
        get("Range: bytes=9-5"),
        get("Range: lines=0-9"),
        get("Range: bytes=0-1,5-6"),
        get("Range: bytes=0-9\nIf-Range: \"c_00000000000z8-1044\""),
        get("Range: bytes=0-9\nIf-Range: \"c_00000000000z8-1000\""),
        get("Range: bytes=0-9\nIf-Range: W/\"c_00000000000z8-1044\""),
        get("Range: bytes=0-9\nIf-Range: Wed, 21 Oct 2015 07:28:00 GMT"),
        get("If-None-Match: \"x\", W/\"c_00000000000z8-1044\""),
        get("If-None-Match: \"x\""),
        get("Range: bytes=0-9\nRange: bytes=5-9"),
    ];
    let requests: Vec<&str> = requests.iter().map(|request| request.trim_end()).collect();
    check(
        &world,
        &requests,
        expect![[r#"
        > anna GET /api/calls/c_00000000000z8/recording
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

        > anna HEAD /api/calls/c_00000000000z8/recording
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache

        > anna HEAD /api/calls/c_00000000000z8/recording | Range: bytes=0-9
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=0-9
        206 audio/wav
        accept-ranges: bytes
        content-range: bytes 0-9/1044
        content-length: 10
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        abcdefghij

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=1040-
        206 audio/wav
        accept-ranges: bytes
        content-range: bytes 1040-1043/1044
        content-length: 4
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        abcd

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=-5
        206 audio/wav
        accept-ranges: bytes
        content-range: bytes 1039-1043/1044
        content-length: 5
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        zabcd

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=1040-99999
        206 audio/wav
        accept-ranges: bytes
        content-range: bytes 1040-1043/1044
        content-length: 4
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        abcd

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=1044-
        416
        content-range: bytes */1044
        {"code":"range_not_satisfiable","detail":"The range lies outside the recording."}

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=-0
        416
        content-range: bytes */1044
        {"code":"range_not_satisfiable","detail":"The range lies outside the recording."}

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=9-5
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

        > anna GET /api/calls/c_00000000000z8/recording | Range: lines=0-9
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=0-1,5-6
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=0-9 | If-Range: "c_00000000000z8-1044"
        206 audio/wav
        accept-ranges: bytes
        content-range: bytes 0-9/1044
        content-length: 10
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        abcdefghij

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=0-9 | If-Range: "c_00000000000z8-1000"
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=0-9 | If-Range: W/"c_00000000000z8-1044"
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=0-9 | If-Range: Wed, 21 Oct 2015 07:28:00 GMT
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

        > anna GET /api/calls/c_00000000000z8/recording | If-None-Match: "x", W/"c_00000000000z8-1044"
        304
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        cache-control: private, no-cache

        > anna GET /api/calls/c_00000000000z8/recording | If-None-Match: "x"
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

        > anna GET /api/calls/c_00000000000z8/recording | Range: bytes=0-9 | Range: bytes=5-9
        200 audio/wav
        accept-ranges: bytes
        content-length: 1044
        etag: "c_00000000000z8-1044"
        content-disposition: inline; filename="c_00000000000z8.wav"
        cache-control: private, no-cache
        (1044 octets)

    "#]],
    )
    .await;
    assert_eq!(world.send(&get(&flood)).await.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_growing_recording_is_a_snapshot() {
    let mut world = World::new().await;
    let mut row = recording(CallId(7));
    (row.state, row.duration_ms, row.size, row.file) = (RecordingState::Recording, 0, 0, Some("7.wav.part".to_owned()));
    world.tell(vec![Fact::CallStarted { call: call_view(7, Direction::Internal) }, Fact::Recording { row }]).await;
    let path = world.directory.path().join("7.wav.part");
    std::fs::write(&path, vec![b'x'; 50]).unwrap();
    let get = "anna GET /api/calls/c_0000000000007/recording";
    check(
        &world,
        &[get, &format!("{get}\nRange: bytes=40-45")],
        expect![[r#"
        > anna GET /api/calls/c_0000000000007/recording
        200 audio/wav
        accept-ranges: bytes
        content-length: 50
        etag: "c_0000000000007-50"
        content-disposition: inline; filename="c_0000000000007.wav"
        HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHxxxxxx

        > anna GET /api/calls/c_0000000000007/recording | Range: bytes=40-45
        206 audio/wav
        accept-ranges: bytes
        content-range: bytes 40-45/50
        content-length: 6
        etag: "c_0000000000007-50"
        content-disposition: inline; filename="c_0000000000007.wav"
        HHHHxx

    "#]],
    )
    .await;
    std::fs::write(&path, vec![b'x'; 60]).unwrap();
    check(
        &world,
        &[&format!("{get}\nRange: bytes=44-49\nIf-Range: \"c_0000000000007-50\"")],
        expect![[r#"
        > anna GET /api/calls/c_0000000000007/recording | Range: bytes=44-49 | If-Range: "c_0000000000007-50"
        200 audio/wav
        accept-ranges: bytes
        content-length: 60
        etag: "c_0000000000007-60"
        content-disposition: inline; filename="c_0000000000007.wav"
        HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHxxxxxxxxxxxxxxxx

    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_long_one_comes_in_pieces() {
    let mut world = World::new().await;
    world.tell(crate::testing::history(CallId(8), ANNA)).await;
    let octets: Vec<u8> = (0..1_000_003u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    std::fs::write(world.directory.path().join("8.wav"), &octets).unwrap();
    let mut body = world.send("anna GET /api/calls/c_0000000000008/recording").await.into_body();
    let mut came = Vec::new();
    let mut pieces = 0;
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        assert!(piece.len() <= 64 * 1024);
        pieces += 1;
        came.extend_from_slice(&piece);
    }
    assert_eq!(pieces, 16);
    assert!(came == octets);
    let range = "anna GET /api/calls/c_0000000000008/recording\nRange: bytes=65530-131080";
    let came = world.send(range).await.into_body().collect().await.unwrap().to_bytes();
    assert!(came == octets[65_530..=131_080]);
}

#[tokio::test]
async fn what_there_is_nothing_of() {
    let mut world = World::new().await;
    for (id, state, file) in
        [(11, RecordingState::Failed, None), (12, RecordingState::NotWanted, None), (13, RecordingState::Complete, Some("gone.wav"))]
    {
        let mut row = recording(CallId(id));
        (row.state, row.file) = (state, file.map(str::to_owned));
        world.tell(vec![Fact::CallStarted { call: call_view(id, Direction::Internal) }, Fact::Recording { row }]).await;
    }
    world.tell(vec![Fact::CallStarted { call: call_view(14, Direction::Internal) }]).await;
    check(
        &world,
        &[
            "anna GET /api/calls/c_000000000000b/recording",
            "anna GET /api/calls/c_000000000000c/recording",
            "anna GET /api/calls/c_000000000000d/recording",
            "anna GET /api/calls/c_000000000000e/recording",
            "anna GET /api/calls/c_000000000000f/recording",
            "anna GET /api/calls/..%2f..%2fcordboard.db/recording",
            "anna GET /api/calls/%2e%2e/recording",
            "anna GET /api/calls/c_00000000000z8/recording?download=1",
        ],
        expect![[r#"
            > anna GET /api/calls/c_000000000000b/recording
            404
            {"code":"recording_not_found","detail":"The call has no recording to hear."}

            > anna GET /api/calls/c_000000000000c/recording
            404
            {"code":"recording_not_found","detail":"The call has no recording to hear."}

            > anna GET /api/calls/c_000000000000d/recording
            404
            {"code":"recording_not_found","detail":"The call has no recording to hear."}

            > anna GET /api/calls/c_000000000000e/recording
            404
            {"code":"recording_not_found","detail":"The call has no recording to hear."}

            > anna GET /api/calls/c_000000000000f/recording
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > anna GET /api/calls/..%2f..%2fcordboard.db/recording
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > anna GET /api/calls/%2e%2e/recording
            404
            {"code":"call_not_found","detail":"No such call, or not one of yours."}

            > anna GET /api/calls/c_00000000000z8/recording?download=1
            422
            {"code":"unknown_field","detail":"the parameter \"download\" is unknown or stands twice","field":"download"}

        "#]],
    )
    .await;
}

/// The cookie that an answer sets, as a browser sends it again, and the answer itself.
async fn linked(world: &World, request: &str) -> (String, serde_json::Value) {
    let response = world.send(request).await;
    assert!(response.status().is_success(), "{request}: {}", response.status());
    let set = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (cookie, how) = set.split_once("; ").unwrap();
    assert_eq!(how, "Max-Age=300; Path=/api/calls; HttpOnly; SameSite=Strict");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (cookie.to_owned(), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_token_opens_one_recording_for_one_user() {
    let world = World::new().await;
    let (cookie, answer) = linked(&world, &format!("anna POST {PATH}/token")).await;
    assert_eq!(answer["expires_in"].as_u64(), Some(300));
    let cookie_of_boris = linked(&world, &format!("boris POST /api/calls/{CALL_OF_BORIS}/recording/token")).await;
    assert_ne!(cookie, cookie_of_boris.0);
    // A second player in the same browser leaves the first one its cookie; one that is none of ours is not taken up.
    assert_eq!(linked(&world, &format!("anna POST {PATH}/token\nCookie: {cookie}")).await.0, cookie);
    assert_ne!(linked(&world, &format!("anna POST {PATH}/token\nCookie: cordboard_play=mine")).await.0, "cordboard_play=mine");
    let (token, url) = (answer["token"].as_str().unwrap(), answer["url"].as_str().unwrap());
    let of = |call: CallId| format!("- GET /api/calls/{call}/recording?t={token}\nCookie: {cookie}");
    let tokens = &world.api.auth.tokens;
    let anna = world.subject("anna");
    let issue = |path: &str, age: u64| {
        tokens.ticket(SystemTime::now() - Duration::from_secs(age), &anna, path.to_owned(), Duration::from_secs(300)).unwrap()
    };
    let of_boris = format!("/api/calls/{CALL_OF_BORIS}/recording");
    let plain = |token: &str| format!("- GET {PATH}?t={token}");
    for (what, request, status) in [
        ("as told", format!("- GET {url}\nCookie: a=b; {cookie}"), StatusCode::OK),
        ("HEAD too", format!("- HEAD {url}\nCookie: {cookie}"), StatusCode::OK),
        ("in another browser", format!("- GET {url}"), StatusCode::UNAUTHORIZED),
        ("with a colleague's cookie", format!("- GET {url}\nCookie: {}", cookie_of_boris.0), StatusCode::UNAUTHORIZED),
        ("with the hash as the cookie", format!("- GET {url}\nCookie: cordboard_play={}", "0".repeat(64)), StatusCode::UNAUTHORIZED),
        ("another call", of(CALL_OF_BORIS), StatusCode::UNAUTHORIZED),
        ("its own call", of(CALL_OF_ANNA), StatusCode::OK),
        ("expired", plain(&issue(PATH, 400)), StatusCode::UNAUTHORIZED),
        ("of no call", plain(&issue("", 0)), StatusCode::UNAUTHORIZED),
        ("an access token", plain(&world.token("anna")), StatusCode::UNAUTHORIZED),
        ("made up", plain("x.y.z"), StatusCode::UNAUTHORIZED),
        ("as a bearer", format!("- GET {PATH}\nAuthorization: Bearer {token}"), StatusCode::UNAUTHORIZED),
        ("elsewhere", format!("- GET /api/me?t={token}"), StatusCode::UNAUTHORIZED),
        ("of a call that is not hers", plain(&issue(&of_boris, 0)), StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(world.send(&request).await.status(), status, "{what}");
    }
    let foreign = issue(&of_boris, 0);
    let foreign = world.send(&format!("- GET /api/calls/{CALL_OF_BORIS}/recording?t={foreign}")).await.status();
    assert_eq!(foreign, StatusCode::NOT_FOUND, "the token does not make the call hers");
    world.set_active(ANNA, false).await;
    let disabled = world.send(&format!("- GET {url}\nCookie: {cookie}")).await.status();
    assert_eq!(disabled, StatusCode::UNAUTHORIZED, "she is disabled");
}

/// However a player asks for sound, that it is heard stands in the audit log, once a hearing.
#[tokio::test]
async fn whoever_hears_a_recording_is_in_the_audit_log() {
    let world = World::new().await;
    let heard = async || {
        let filter = encoded(r#"{"category": "read"}"#);
        let (_, log) = world.json(&format!("root GET /api/audit?filter={filter}")).await;
        let rows = log["items"].as_array().unwrap().clone();
        rows.iter().map(|row| format!("{} {} {}", row["actor_name"], row["action"], row["resource_id"])).collect::<Vec<_>>()
    };
    let row = r#""anna" "recordings.listen" "c_00000000000z8""#;
    world.send(&format!("anna HEAD {PATH}")).await;
    assert_eq!(heard().await, Vec::<String>::new(), "only looked at");
    let ranges = ["", "bytes=44-", "bytes=00-", "Bytes=0-", "bytes=5-1", "x", "bytes=1-2,0-", "bytes=-999999999", "bytes=1-", "bytes=0-0"];
    for (times, range) in ranges.into_iter().enumerate() {
        // As if nobody had heard it for a while.
        world.api.heard.forget();
        for _ in 0..2 {
            let request = if range.is_empty() { format!("anna GET {PATH}") } else { format!("anna GET {PATH}\nRange: {range}") };
            assert!(world.send(&request).await.status().is_success(), "{range}");
        }
        assert_eq!(heard().await, vec![row; times + 1], "{range}");
    }
}

#[tokio::test]
async fn an_erased_recording_plays_no_further() {
    let world = World::new().await;
    let hold = |held: bool| format!("root PUT {PATH}/hold\n\n{{\"held\": {held}}}");
    let mut said = Vec::new();
    for request in [
        format!("anna GET {PATH}\nRange: bytes=0-9"),
        format!("anna DELETE {PATH}"),
        hold(true),
        format!("root DELETE {PATH}"),
        format!("root PUT {PATH}/hold\n\n{{\"held\": 1}}"),
        hold(false),
        format!("root DELETE {PATH}"),
        format!("anna GET {PATH}\nRange: bytes=10-19"),
        format!("anna GET {PATH}/peaks"),
        format!("root DELETE {PATH}"),
        hold(true),
        "boris GET /api/calls/c_00000000000z8/recording".to_owned(),
    ] {
        let response = world.send(&request).await;
        let (status, body) = (response.status().as_u16(), response.into_body().collect().await.unwrap().to_bytes());
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        assert_eq!(body["code"] == "recording_erased", body["erased_at"].is_i64(), "{body}");
        said.push(format!("{status} {}", body["code"].as_str().unwrap_or("-")));
    }
    let erased = "410 recording_erased";
    let wanted =
        ["206 -", "403 forbidden", "204 -", "409 recording_held", "422 invalid_field", "204 -", "204 -", erased, erased, erased, erased];
    assert_eq!(said[..11], wanted);
    assert_eq!(said[11], "404 call_not_found");
    // The call and its list say so.
    let (_, call) = world.json("anna GET /api/calls/c_00000000000z8").await;
    assert_eq!(call["recording"]["state"], "erased");
    let filter = encoded(r#"{"state": "erased"}"#);
    let (_, list) = world.json(&format!("anna GET /api/recordings?filter={filter}")).await;
    assert_eq!((&list["items"][0]["call_id"], &list["items"][0]["held"]), (&"c_00000000000z8".into(), &false.into()));
    // Whoever may hear it is told, and nobody else.
    let last = world.live.after(world.live.last_seq() - 1, 1).unwrap().pop().unwrap();
    let hear = async |name: &str| Ears::of(&world.principal(name).await).hear(&world.api, &last).await;
    let told = hear("anna").await.unwrap();
    assert_eq!((told.kind, &told.data["call_id"], &told.data["state"]), ("recording.erased", &"c_00000000000z8".into(), &"erased".into()));
    assert!(told.data["erased_at"].is_i64() && Topics::read(Some(&serde_json::json!({"topics": ["recordings"]}))).has(&told));
    assert!(hear("boris").await.is_none());
}

#[tokio::test]
async fn a_growing_recording_is_not_erased() {
    let mut world = World::new().await;
    let mut row = recording(CallId(7));
    (row.state, row.duration_ms, row.size) = (RecordingState::Recording, 0, 0);
    world.tell(vec![Fact::CallStarted { call: call_view(7, Direction::Internal) }, Fact::Recording { row }]).await;
    let (status, problem) = world.json("root DELETE /api/calls/c_0000000000007/recording").await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"wrong_state".into()));
    let (status, problem) = world.json("root DELETE /api/calls/c_0000000000008/recording").await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &"call_not_found".into()));
}
