//! Who is banned, as an administrator sees and changes it.

use expect_test::expect;
use model::{Command, Refusal};

use super::check;
use crate::testing::World;

#[tokio::test]
async fn bans_are_made_seen_and_taken_back() {
    let world = World::new().await;
    check(
        &world,
        &[
            "root GET /api/security/bans",
            "root POST /api/security/bans\n\n{\"source\": \"192.0.2.1\", \"for_s\": 3600, \"note\": \" rang at night \"}",
            "root POST /api/security/bans\n\n{\"source\": \"2001:db8:1:2::/64\"}",
            "root GET /api/security/bans",
            "root GET /api/security/bans?sort=-until&fields=source,until&limit=1",
            "root GET /api/security/bans?filter=%7B%22source%22%3A%22192.0.2.1%22%7D&fields=why,times",
            "root GET /api/security/status",
            "root DELETE /api/security/bans/192.0.2.1",
            "root DELETE /api/security/bans/2001%3Adb8%3A1%3A2%3A%3A%2F64",
            "root DELETE /api/security/bans/192.0.2.1",
            "root DELETE /api/security/bans/pbx.example",
            "root GET /api/security/bans",
        ],
        expect![[r#"
            > root GET /api/security/bans
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":false},{"filter":true,"mode":"show","name":"source","sort":true},{"filter":true,"mode":"show","name":"why","sort":false},{"filter":false,"mode":"show","name":"since","sort":true},{"filter":false,"mode":"show","name":"until","sort":true},{"filter":true,"mode":"show","name":"times","sort":false},{"filter":false,"mode":"show","name":"points","sort":false},{"filter":false,"mode":"show","name":"note","sort":false},{"filter":false,"mode":"show","name":"evidence","sort":false}],"count":{"capped":false,"value":0},"items":[],"next":null,"prev":null}

            > root POST /api/security/bans | {"source": "192.0.2.1", "for_s": 3600, "note": " rang at night "}
            201
            {"evidence":[{"count":1,"kind":"unknown_user"}],"id":"192.0.2.1","note":"rang at night","points":15,"since":1795000000000,"source":"192.0.2.1","times":1,"until":1795003600000,"why":"by_hand"}

            > root POST /api/security/bans | {"source": "2001:db8:1:2::/64"}
            201
            {"evidence":[{"count":1,"kind":"unknown_user"}],"id":"2001:db8:1:2::","note":null,"points":15,"since":1795000000000,"source":"2001:db8:1:2::","times":1,"until":1795086400000,"why":"by_hand"}

            > root GET /api/security/bans
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":false},{"filter":true,"mode":"show","name":"source","sort":true},{"filter":true,"mode":"show","name":"why","sort":false},{"filter":false,"mode":"show","name":"since","sort":true},{"filter":false,"mode":"show","name":"until","sort":true},{"filter":true,"mode":"show","name":"times","sort":false},{"filter":false,"mode":"show","name":"points","sort":false},{"filter":false,"mode":"show","name":"note","sort":false},{"filter":false,"mode":"show","name":"evidence","sort":false}],"count":{"capped":false,"value":2},"items":[{"evidence":[{"count":1,"kind":"unknown_user"}],"id":"192.0.2.1","note":"rang at night","points":15,"since":1795000000000,"source":"192.0.2.1","times":1,"until":1795003600000,"why":"by_hand"},{"evidence":[{"count":1,"kind":"unknown_user"}],"id":"2001:db8:1:2::","note":null,"points":15,"since":1795000000000,"source":"2001:db8:1:2::","times":1,"until":1795086400000,"why":"by_hand"}],"next":null,"prev":null}

            > root GET /api/security/bans?sort=-until&fields=source,until&limit=1
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":false},{"filter":true,"mode":"show","name":"source","sort":true},{"filter":true,"mode":"show","name":"why","sort":false},{"filter":false,"mode":"show","name":"since","sort":true},{"filter":false,"mode":"show","name":"until","sort":true},{"filter":true,"mode":"show","name":"times","sort":false},{"filter":false,"mode":"show","name":"points","sort":false},{"filter":false,"mode":"show","name":"note","sort":false},{"filter":false,"mode":"show","name":"evidence","sort":false}],"count":{"capped":false,"value":2},"items":[{"source":"2001:db8:1:2::","until":1795086400000}],"next":"eyJ2IjoxLCJyIjoiYmFucyIsInMiOiItdW50aWwiLCJhIjoxNzk1MDg2NDAwMDAwLCJrIjo1NjQyNDI1ODk1NzMzMzk4NTk1LCJiIjpmYWxzZSwiaCI6Ik94VGJhU0EwSC1WY05WYmYifQ","prev":null}

            > root GET /api/security/bans?filter=%7B%22source%22%3A%22192.0.2.1%22%7D&fields=why,times
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":false},{"filter":true,"mode":"show","name":"source","sort":true},{"filter":true,"mode":"show","name":"why","sort":false},{"filter":false,"mode":"show","name":"since","sort":true},{"filter":false,"mode":"show","name":"until","sort":true},{"filter":true,"mode":"show","name":"times","sort":false},{"filter":false,"mode":"show","name":"points","sort":false},{"filter":false,"mode":"show","name":"note","sort":false},{"filter":false,"mode":"show","name":"evidence","sort":false}],"count":{"capped":false,"value":1},"items":[{"times":1,"why":"by_hand"}],"next":null,"prev":null}

            > root GET /api/security/status
            200
            {"bans":2,"bans_max":0,"counts":{"banned":0,"bans_refused":0,"foreign":0,"scanners":0,"slowed":0,"throttled":0,"unproven_logins":0},"domains":[],"enabled":true,"exempt":["203.0.113.0/24"],"foreign_domains":[],"guarded_users":0,"proven_sources":0,"thresholds":{"ban_at":0,"ban_longest_s":0,"ban_s":0,"failures_a_day":0,"user_failures_a_day":0},"unproven_sources":0}

            > root DELETE /api/security/bans/192.0.2.1
            200
            {"evidence":[{"count":1,"kind":"unknown_user"}],"id":"192.0.2.1","note":"rang at night","points":15,"since":1795000000000,"source":"192.0.2.1","times":1,"until":1795003600000,"why":"by_hand"}

            > root DELETE /api/security/bans/2001%3Adb8%3A1%3A2%3A%3A%2F64
            200
            {"evidence":[{"count":1,"kind":"unknown_user"}],"id":"2001:db8:1:2::","note":null,"points":15,"since":1795000000000,"source":"2001:db8:1:2::","times":1,"until":1795086400000,"why":"by_hand"}

            > root DELETE /api/security/bans/192.0.2.1
            404
            {"code":"ban_not_found","detail":"this source is not banned"}

            > root DELETE /api/security/bans/pbx.example
            404
            {"code":"ban_not_found","detail":"This source is not banned."}

            > root GET /api/security/bans
            200
            {"columns":[{"filter":false,"mode":"show","name":"id","sort":false},{"filter":true,"mode":"show","name":"source","sort":true},{"filter":true,"mode":"show","name":"why","sort":false},{"filter":false,"mode":"show","name":"since","sort":true},{"filter":false,"mode":"show","name":"until","sort":true},{"filter":true,"mode":"show","name":"times","sort":false},{"filter":false,"mode":"show","name":"points","sort":false},{"filter":false,"mode":"show","name":"note","sort":false},{"filter":false,"mode":"show","name":"evidence","sort":false}],"count":{"capped":false,"value":0},"items":[],"next":null,"prev":null}

        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_makes_no_ban_is_told_whole() {
    let world = World::new().await;
    let long = format!("root POST /api/security/bans\n\n{{\"source\": \"192.0.2.0/24\", \"for_s\": 5, \"note\": \"{}\"}}", "x".repeat(201));
    check(
        &world,
        &[&long, "root POST /api/security/bans\n\n{\"source\": \"192.0.2.1\", \"for_s\": -1}", "root POST /api/security/bans\n\n{}"],
        expect![[r#"
            > root POST /api/security/bans | {"source": "192.0.2.0/24", "for_s": 5, "note": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
            422
            {"code":"invalid_field","detail":"not an address such as 192.0.2.1 or 2001:db8::1; whole networks are a firewall's business","errors":[{"code":"invalid_field","detail":"not an address such as 192.0.2.1 or 2001:db8::1; whole networks are a firewall's business","field":"source"},{"code":"invalid_field","detail":"5 is not from 60 to 2592000","field":"for_s"},{"code":"invalid_field","detail":"longer than 200 characters, or not a line of text","field":"note"}],"field":"source"}

            > root POST /api/security/bans | {"source": "192.0.2.1", "for_s": -1}
            422
            {"code":"invalid_field","detail":"-1 is not from 60 to 2592000","field":"for_s"}

            > root POST /api/security/bans | {}
            422
            {"code":"missing_field","detail":"missing field `source`","field":"source"}

        "#]],
    )
    .await;
    let orders = world.control.orders();
    assert!(orders.iter().all(|order| matches!(order, Command::KeepAlive { .. })), "{orders:?}");
    for refusal in [Refusal::SourceExempt, Refusal::BansOff, Refusal::BansFull] {
        world.control.refuse(Some(refusal));
        let (status, _) = world.json("root POST /api/security/bans\n\n{\"source\": \"192.0.2.1\"}").await;
        assert_eq!(status.as_u16(), 409);
    }
}

#[tokio::test]
async fn who_did_it_stands_in_the_audit_log() {
    let world = World::new().await;
    world.json("root POST /api/security/bans\n\n{\"source\": \"192.0.2.1\"}").await;
    world.json("root DELETE /api/security/bans/192.0.2.1").await;
    let (status, _) = world.json("anna GET /api/security/bans").await;
    assert_eq!(status.as_u16(), 403);
    world.api.office.clone().write_refusals(std::sync::Arc::new(crate::auth::now), tokio::sync::watch::channel(true).1).await;
    let (_, page) = world.json("root GET /api/security-audit?filter=%7B%22action%22%3A%22security.manage%22%7D").await;
    let rows = page["items"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in rows {
        assert_eq!((&row["resource"], &row["resource_id"]), (&"bans".into(), &"192.0.2.1".into()));
    }
}
