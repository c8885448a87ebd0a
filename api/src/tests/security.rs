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
        expect![[""]],
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
        expect![[""]],
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
