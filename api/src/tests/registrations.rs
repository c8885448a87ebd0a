//! Which phones are registered, and who may know.

use expect_test::expect;
use model::Fact;
use serde_json::json;

use super::check;
use crate::testing::World;

#[tokio::test]
async fn registered_phones_are_for_who_may_trace_them() {
    let mut world = World::new().await;
    let bound = json!({"fact": "bound", "binding": {
        "slot": 1, "contact": "sip:6001@192.0.2.21:5060", "transport": "udp", "local": "192.0.2.1:5060", "remote": "192.0.2.21:5060",
        "call_id": "a", "cseq": 1, "user_agent": "<b>Phone</b>/1", "since": 1_795_000_000_000_i64, "expires_at": 1_795_000_300_000_i64,
    }});
    world.tell(vec![serde_json::from_value::<Fact>(bound).unwrap()]).await;
    check(
        &world,
        &["root GET /api/registrations", "root GET /api/registrations/1", "root GET /api/registrations/2", "anna GET /api/registrations"],
        expect![[r#"
            > root GET /api/registrations
            200
            {"columns":[{"filter":true,"mode":"show","name":"id","sort":true},{"filter":true,"mode":"show","name":"source","sort":false},{"filter":true,"mode":"show","name":"transport","sort":false},{"filter":true,"mode":"show","name":"user_agent","sort":false},{"filter":false,"mode":"show","name":"contact","sort":false},{"filter":false,"mode":"show","name":"since","sort":false},{"filter":false,"mode":"show","name":"expires_at","sort":false}],"count":{"capped":false,"value":1},"items":[{"contact":"sip:6001@192.0.2.21:5060","expires_at":1795000300000,"id":"1","since":1795000000000,"source":"192.0.2.21:5060","transport":"udp","user_agent":"<b>Phone</b>/1"}],"next":null,"prev":null}

            > root GET /api/registrations/1
            200
            {"contact":"sip:6001@192.0.2.21:5060","expires_at":1795000300000,"id":"1","since":1795000000000,"source":"192.0.2.21:5060","transport":"udp","user_agent":"<b>Phone</b>/1"}

            > root GET /api/registrations/2
            404
            {"code":"row_not_found","detail":"There is no such thing, or not one of yours.","resource":"registrations"}

            > anna GET /api/registrations
            403
            {"action":"slots.trace","code":"forbidden","detail":"Your role does not allow this."}

        "#]],
    )
    .await;
}
