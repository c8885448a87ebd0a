//! What a phone says of itself in headers of its own goes no further, and leads a call nowhere (B-54, B-55).

use std::time::Duration;

use model::Outcome;

use crate::{carriers::A, world::World};

/// Who it says that it is, what it says to whom it calls, and by whom it wants to be sent on.
fn claiming(invite: String) -> String {
    let claims = "P-Asserted-Identity: <sip:+70000000000@elsewhere.test>\r\nP-Preferred-Identity: <tel:+70000000000>\r\n\
                  Remote-Party-ID: <sip:+70000000000@elsewhere.test>\r\nX-Bypass: 1\r\nCall-Info: <sip:elsewhere.test>;answer-after=0\r\n\
                  Alert-Info: <http://elsewhere.test>\r\nHistory-Info: <sip:elsewhere.test>;index=1\r\nDiversion: <sip:elsewhere.test>\r\n\
                  Route: <sip:203.0.113.9;lr>\r\n";
    invite.replacen("Max-Forwards", &format!("{claims}Max-Forwards"), 1)
}

/// Each row: what is dialled, and who is called.
#[test]
fn what_a_phone_claims_goes_no_further() {
    for (number, called) in [("6002", "6002"), ("+74951234567", "A")] {
        let mut world = World::new(2);
        world.add_peer("A", "10.0.9.1:5060");
        let route = r#"{"name": "world", "position": 1, "match": {"to": ["+*"]}, "then": {"do": "carriers", "order": [{"carrier": "1"}]}}"#;
        world.set_plan(2, &[A], &[route]);
        world.dial("6001", number);
        world.rewrite_last(claiming);
        world.run(Duration::from_secs(1));
        let invite = world.phone(called).last("INVITE").to_owned();
        assert!(invite.starts_with("INVITE "), "{number} is called, and no Route leads elsewhere");
        for claim in ["elsewhere.test", "70000000000", "203.0.113.9", "X-Bypass", "answer-after", "Route:"] {
            assert!(!invite.contains(claim), "{claim}: {invite}");
        }
        world.hang_up("6001");
        world.run(Duration::from_secs(1));
        assert_eq!((world.cdrs()[0].outcome, world.cdrs()[0].caller.as_str()), (Outcome::Answered, "6001"));
        world.assert_clean();
    }
}
