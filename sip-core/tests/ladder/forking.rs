//! One call rings several phones: each is a session of its own, and who calls is their owner's business.

use expect_test::expect;

use crate::script::check;

/// The first that answers has it, and the others are told that nobody missed it (B-28).
#[test]
fn answered_elsewhere() {
    check(
        "
        0 call
        0.1 > 180 to=a
        0.2 call
        0.3 > 180 to=b
        1 > 200 INVITE to=b sdp
        1 elsewhere s=1
        1.1 > 200 CANCEL
        2 hangup s=2
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE to=a
            0.1 * s1 Ringing { status: 180, sdp: no }
            0.2 < INVITE 1 sip:phone@192.168.1.9:5062 b2 sdp
            0.3 > 180 INVITE to=b
            0.3 * s2 Ringing { status: 180, sdp: no }
            1.0 > 200 INVITE to=b sdp
            1.0 < ACK 1 sip:b@192.168.1.9:5062 b3 to=b
            1.0 * s2 Answered { sdp: yes }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1 Reason:SIP;cause=200;text="Call completed elsewhere"
            1.1 > 200 CANCEL
            2.0 < BYE 2 sip:b@192.168.1.9:5062 b4 to=b
            2.1 > 200 BYE
            2.1 * s2 Ended { why: HungUp }
            33.0 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Whoever called hears the same words from us, and whom we have answered.
#[test]
fn elsewhere_in_other_states() {
    check(
        "
        0 > INVITE sdp
        0 elsewhere
        0.1 > ACK branch=invite
        1 > INVITE sdp to=none call=b
        1 answer s=2
        1.1 > ACK call=b
        2 elsewhere s=2
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 487 INVITE 1 to=t1 Reason:SIP;cause=200;text="Call completed elsewhere"
            0.0 * s1 Ended { why: HungUp }
            0.1 > ACK 1
            1.0 > INVITE 2 sdp
            1.0 * s2 Invited
            1.0 < 100 INVITE 2
            1.0 < 200 INVITE 2 to=t2 sdp
            1.1 > ACK 2
            1.1 * s2 Confirmed { sdp: no }
            2.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer Reason:SIP;cause=200;text="Call completed elsewhere"
            2.1 > 200 BYE
            2.1 * s2 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
