//! The dialog whose place a new one takes (RFC 3891). B-51.

use expect_test::expect;

use crate::transfers::check_transfer;

/// RFC 3891, 3: the dialog by Call-ID and both tags, exactly.
#[test]
fn replaces_a_confirmed_dialog() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > INVITE call=call-2 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=peer
        + Require: replaces
        1.1 refuse 486 s=2
        1.2 > ACK branch=invite call=call-2 from=other
        2 > INVITE call=call-3 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=peer;early-only
        3 > INVITE call=call-4 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=PEER
        4 > INVITE call=call-5 from=other to=none sdp
        + Replaces: call-1;to-tag=0123456789abcdef;from-tag=peer
        5 > INVITE call=call-6 from=other to=none sdp
        + Replaces: CALL-1;to-tag={tag};from-tag=peer
        6 > INVITE call=call-7 from=other to=none sdp
        + Replaces: call-1;to-tag=peer;from-tag={tag}
        7 > INVITE call=call-8 from=other to=none sdp
        + Replaces: call-1;to-tag={tag}
        8 > INVITE call=call-9 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=peer
        + Replaces: call-1;to-tag={tag};from-tag=peer
        9 hangup
        9.1 > INVITE call=call-10 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=peer
        9.2 > 200 BYE
        9.3 > INVITE call=call-11 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=peer
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > INVITE 2 sdp
            1.0 * s2 Invited in place of s1
            1.0 < 100 INVITE 2
            1.1 < 486 INVITE 2 to=t2
            1.1 * s2 Ended { why: HungUp }
            1.2 > ACK 2
            2.0 > INVITE 3 sdp
            2.0 < 486 INVITE 3 to=t3
            3.0 > INVITE 4 sdp
            3.0 < 481 INVITE 4 to=t4
            4.0 > INVITE 5 sdp
            4.0 < 481 INVITE 5 to=t5
            5.0 > INVITE 6 sdp
            5.0 < 481 INVITE 6 to=t6
            6.0 > INVITE 7 sdp
            6.0 < 481 INVITE 7 to=t7
            7.0 > INVITE 8 sdp
            7.0 < 400 INVITE 8 to=t8
            8.0 > INVITE 9 sdp
            8.0 < 400 INVITE 9 to=t9
            9.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            9.1 > INVITE 10 sdp
            9.1 < 603 INVITE 10 to=t10
            9.2 > 200 BYE
            9.2 * s1 Ended { why: HungUp }
            9.3 > INVITE 11 sdp
            9.3 < 481 INVITE 11 to=t11
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// One that was not begun by us is not for others to take; one of ours is, from each who rings.
#[test]
fn replaces_an_early_dialog() {
    check_transfer(
        "
        0 > INVITE sdp
        0 ring 180
        1 > INVITE call=call-2 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=peer
        2 > CANCEL cseq=1 branch=z9hG4bK-p1
        2.1 > ACK cseq=1 branch=z9hG4bK-p1
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 180 INVITE 1 to=t1
            1.0 > INVITE 2 sdp
            1.0 < 481 INVITE 2 to=t2
            2.0 > CANCEL 1
            2.0 < 200 CANCEL 1 to=t1
            2.0 < 487 INVITE 1 to=t1
            2.0 * s1 Ended { why: Cancelled }
            2.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
    check_transfer(
        "
        0 call
        1 > 180 to=a
        1.1 > 180 to=b
        2 > INVITE call=call-2 from=other to=none sdp
        + Replaces: {call};to-tag={tag};from-tag=b;early-only
        2.1 refuse 486 s=2
        2.2 > ACK branch=invite call=call-2 from=other
        3 > INVITE call=call-3 from=other to=none sdp
        + Replaces: {call};to-tag={tag};from-tag=c;early-only
        4 hangup s=1
        4.1 > INVITE call=call-4 from=other to=none sdp
        + Replaces: {call};to-tag={tag};from-tag=a
        4.2 > 200 CANCEL
        4.3 > 487 INVITE to=a
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 180 INVITE to=a
            1.0 * s1 Ringing { status: 180, sdp: no }
            1.1 > 180 INVITE to=b
            1.1 * s1 Ringing { status: 180, sdp: no, fork: 2 }
            2.0 > INVITE 1 sdp
            2.0 * s2 Invited in place of s1
            2.0 < 100 INVITE 1
            2.1 < 486 INVITE 1 to=t1
            2.1 * s2 Ended { why: HungUp }
            2.2 > ACK 1
            3.0 > INVITE 2 sdp
            3.0 < 481 INVITE 2 to=t2
            4.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            4.1 > INVITE 3 sdp
            4.1 < 603 INVITE 3 to=t3
            4.2 > 200 CANCEL
            4.3 > 487 INVITE to=a
            4.3 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            4.3 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// A peer of RFC 2543 has no tag, which `0` stands for.
#[test]
fn replaces_a_dialog_without_a_tag() {
    check_transfer(
        "
        0 > INVITE sdp from=none
        0 answer
        0.1 > ACK from=none
        1 > INVITE call=call-2 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=0
        1.1 refuse 486 s=2
        1.2 > ACK branch=invite call=call-2 from=other
        9 > BYE from=none
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > INVITE 2 sdp
            1.0 * s2 Invited in place of s1
            1.0 < 100 INVITE 2
            1.1 < 486 INVITE 2 to=t2
            1.1 * s2 Ended { why: HungUp }
            1.2 > ACK 2
            9.0 > BYE 3
            9.0 < 200 BYE 3 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
