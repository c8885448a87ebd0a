//! Within a session.

use expect_test::expect;

use crate::script::check;

#[test]
fn bye_crosses_bye() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 hangup
        5.0 > BYE
        5.1 > 481 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            5.0 > BYE 2
            5.0 < 200 BYE 2 to=t1
            5.0 * s1 Ended { why: HungUp }
            5.1 > 481 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_answered_by_nobody() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 hangup
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            5.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            6.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            8.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            12.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            16.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            20.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            24.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            28.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            32.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            36.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            37.0 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_to_nobody() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 hangup
        5.1 icmp
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            5.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hold_and_resume() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > INVITE sdp=2
        5.1 again INVITE
        5.2 reoffer ok
        5.3 again INVITE
        5.4 > ACK
        6 > UPDATE sdp=3
        6.1 again UPDATE
        6.2 reoffer ok
        6.3 again UPDATE
        7 > INVITE
        7 reoffer ok
        7.1 > ACK sdp
        8 > UPDATE
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > INVITE 2 sdp=2
            5.0 * s1 Reoffered { sdp: 2 }
            5.0 < 100 INVITE 2 to=t1
            5.1 > INVITE 2 sdp=2 again
            5.1 < 100 INVITE 2 to=t1
            5.2 < 200 INVITE 2 to=t1 sdp
            5.3 > INVITE 2 sdp=2 again
            5.4 > ACK 2
            5.4 * s1 Reconfirmed { sdp: no }
            6.0 > UPDATE 3 sdp=3
            6.0 * s1 Reoffered { sdp: 3 }
            6.1 > UPDATE 3 sdp=3 again
            6.2 < 200 UPDATE 3 to=t1 sdp
            6.3 > UPDATE 3 sdp=3 again
            6.3 < 200 UPDATE 3 to=t1 sdp
            7.0 > INVITE 4
            7.0 * s1 Reoffered { sdp: no }
            7.0 < 100 INVITE 4 to=t1
            7.0 < 200 INVITE 4 to=t1 sdp
            7.1 > ACK 4 sdp
            7.1 * s1 Reconfirmed { sdp: yes }
            8.0 > UPDATE 5
            8.0 < 200 UPDATE 5 to=t1
            9.0 > BYE 6
            9.0 < 200 BYE 6 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn reinvite_refused_leaves_the_session() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > INVITE sdp=2
        5.2 reoffer 488
        5.3 > ACK branch=invite
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > INVITE 2 sdp=2
            5.0 * s1 Reoffered { sdp: 2 }
            5.0 < 100 INVITE 2 to=t1
            5.2 < 488 INVITE 2 to=t1
            5.3 > ACK 2
            9.0 > BYE 3
            9.0 < 200 BYE 3 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn reinvite_cancelled() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > INVITE sdp=2
        5.2 > CANCEL
        5.3 > ACK branch=invite
        5.4 reoffer ok
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > INVITE 2 sdp=2
            5.0 * s1 Reoffered { sdp: 2 }
            5.0 < 100 INVITE 2 to=t1
            5.2 > CANCEL 2
            5.2 < 200 CANCEL 2 to=t1
            5.2 < 487 INVITE 2 to=t1
            5.3 > ACK 2
            9.0 > BYE 3
            9.0 < 200 BYE 3 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn reinvite_never_acked() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > INVITE sdp=2
        5 reoffer ok
        38 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > INVITE 2 sdp=2
            5.0 * s1 Reoffered { sdp: 2 }
            5.0 < 100 INVITE 2 to=t1
            5.0 < 200 INVITE 2 to=t1 sdp
            5.5 < 200 INVITE 2 to=t1 sdp
            6.5 < 200 INVITE 2 to=t1 sdp
            8.5 < 200 INVITE 2 to=t1 sdp
            12.5 < 200 INVITE 2 to=t1 sdp
            16.5 < 200 INVITE 2 to=t1 sdp
            20.5 < 200 INVITE 2 to=t1 sdp
            24.5 < 200 INVITE 2 to=t1 sdp
            28.5 < 200 INVITE 2 to=t1 sdp
            32.5 < 200 INVITE 2 to=t1 sdp
            36.5 < 200 INVITE 2 to=t1 sdp
            37.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            37.0 * s1 Ended { why: NoAck }
            37.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            38.0 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn reinvite_glare_491() {
    check(
        "
        0 call
        0.1 > 180
        0.2 > INVITE cseq=1 sdp
        0.3 > ACK branch=invite
        0.4 > UPDATE cseq=2 sdp
        1 > 200 INVITE sdp
        2 > BYE cseq=3
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            0.2 > INVITE 1 sdp
            0.2 < 491 INVITE 1 to=t1
            0.3 > ACK 1
            0.4 > UPDATE 2 sdp
            0.4 < 491 UPDATE 2 to=t1
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 > BYE 3
            2.0 < 200 BYE 3 to=t1
            2.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn reinvite_before_the_first_is_decided() {
    check(
        "
        0 > INVITE sdp
        0 ring 180
        1 > INVITE sdp
        1.1 > ACK branch=invite
        1.2 > UPDATE sdp
        2 answer
        2.1 > ACK cseq=1
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 180 INVITE 1 to=t1
            1.0 > INVITE 2 sdp
            1.0 < 500 INVITE 2 to=t1 Retry-After:5
            1.1 > ACK 2
            1.2 > UPDATE 3 sdp
            1.2 < 500 UPDATE 3 to=t1 Retry-After:0
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 4
            3.0 < 200 BYE 4 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn reinvite_before_ack() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > INVITE sdp=2
        0.2 > ACK branch=invite
        0.3 > ACK cseq=1
        0.4 > INVITE sdp=3
        0.5 > INVITE sdp=4
        0.6 > ACK branch=invite
        0.7 > BYE
        0.8 > ACK cseq=3
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > INVITE 2 sdp=2
            0.1 < 491 INVITE 2 to=t1
            0.2 > ACK 2
            0.3 > ACK 1
            0.3 * s1 Confirmed { sdp: no }
            0.4 > INVITE 3 sdp=3
            0.4 * s1 Reoffered { sdp: 3 }
            0.4 < 100 INVITE 3 to=t1
            0.5 > INVITE 4 sdp=4
            0.5 < 500 INVITE 4 to=t1 Retry-After:5
            0.6 > ACK 4
            0.7 > BYE 5
            0.7 < 200 BYE 5 to=t1
            0.7 < 487 INVITE 3 to=t1
            0.7 * s1 Ended { why: Bye }
            0.8 > ACK 3
            1.2 < 487 INVITE 3 to=t1
            2.2 < 487 INVITE 3 to=t1
            4.2 < 487 INVITE 3 to=t1
            8.2 < 487 INVITE 3 to=t1
            12.2 < 487 INVITE 3 to=t1
            16.2 < 487 INVITE 3 to=t1
            20.2 < 487 INVITE 3 to=t1
            24.2 < 487 INVITE 3 to=t1
            28.2 < 487 INVITE 3 to=t1
            32.2 < 487 INVITE 3 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn update_before_ack() {
    check(
        "
        0 > INVITE
        0 answer
        0.1 > UPDATE sdp
        0.2 > ACK cseq=1 sdp
        0.3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > UPDATE 2 sdp
            0.1 < 491 UPDATE 2 to=t1
            0.2 > ACK 1 sdp
            0.2 * s1 Confirmed { sdp: yes }
            0.3 > BYE 3
            0.3 < 200 BYE 3 to=t1
            0.3 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hangup_while_their_offer_waits() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > INVITE sdp=2
        5.1 hangup
        5.2 > ACK branch=invite
        5.3 > 200 BYE
        5.4 reoffer ok
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > INVITE 2 sdp=2
            5.0 * s1 Reoffered { sdp: 2 }
            5.0 < 100 INVITE 2 to=t1
            5.1 < 487 INVITE 2 to=t1
            5.1 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            5.2 > ACK 2
            5.3 > 200 BYE
            5.3 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_while_their_offer_waits() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > INVITE sdp=2
        5.1 > BYE
        5.2 > ACK branch=invite cseq=2
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > INVITE 2 sdp=2
            5.0 * s1 Reoffered { sdp: 2 }
            5.0 < 100 INVITE 2 to=t1
            5.1 > BYE 3
            5.1 < 200 BYE 3 to=t1
            5.1 < 487 INVITE 2 to=t1
            5.1 * s1 Ended { why: Bye }
            5.2 > ACK 2
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn lower_cseq() {
    check(
        "
        0 > INVITE cseq=10 sdp
        0 answer
        0.1 > ACK cseq=10
        1 > INFO cseq=12 sdp type=application/dtmf-relay
        1.1 > INFO cseq=11 sdp type=application/dtmf-relay
        1.2 > INFO cseq=12 sdp type=application/dtmf-relay
        2 > BYE cseq=13
        ",
        expect![[r#"
            0.0 > INVITE 10 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 10
            0.0 < 200 INVITE 10 to=t1 sdp
            0.1 > ACK 10
            0.1 * s1 Confirmed { sdp: no }
            1.0 > INFO 12 sdp
            1.0 < 200 INFO 12 to=t1
            1.0 * s1 Info { content_type: b"application/dtmf-relay", body: b"v=0\r\n" }
            1.1 > INFO 11 sdp
            1.1 < 500 INFO 11 to=t1
            1.2 > INFO 12 sdp
            1.2 < 500 INFO 12 to=t1
            2.0 > BYE 13
            2.0 < 200 BYE 13 to=t1
            2.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn questions_within() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > OPTIONS
        2 > PRACK
        3 > REFER
        4 > INVITE sdp type=text/plain
        4.1 > ACK branch=invite
        5 > UPDATE sdp
        + Require: timer, precondition
        6 > BYE
        7 > INFO
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > OPTIONS 2
            1.0 < 200 OPTIONS 2 to=t1 Accept:application/sdp
            2.0 > PRACK 3
            2.0 < 481 PRACK 3 to=t1
            3.0 > REFER 4
            3.0 < 405 REFER 4 to=t1 Allow
            4.0 > INVITE 5 sdp
            4.0 < 415 INVITE 5 to=t1 Accept:application/sdp
            4.1 > ACK 5
            5.0 > UPDATE 6 sdp
            5.0 < 420 UPDATE 6 to=t1 Unsupported:precondition
            6.0 > BYE 7
            6.0 < 200 BYE 7 to=t1
            6.0 * s1 Ended { why: Bye }
            7.0 > INFO 8
            7.0 < 481 INFO 8 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn wrong_tags() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK from=other
        0.2 > ACK call=other
        0.3 > ACK
        1 > BYE from=other
        2 > BYE call=other
        3 > BYE to=0123456789abcdef
        4 > BYE to=x
        5 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.2 > ACK 1
            0.3 > ACK 1
            0.3 * s1 Confirmed { sdp: no }
            1.0 > BYE 2
            1.0 < 481 BYE 2 to=t1
            2.0 > BYE 3
            2.0 < 481 BYE 3 to=t1
            3.0 > BYE 4
            3.0 < 481 BYE 4 to=t2
            4.0 > BYE 5
            4.0 < 481 BYE 5 to=x
            5.0 > BYE 6
            5.0 < 200 BYE 6 to=t1
            5.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn peer_moves_behind_its_nat() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > INFO port=7777
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > INFO 2
            1.0 < 200 INFO 2 to=t1 port=7777
            1.0 * s1 Info { content_type: b"", body: b"" }
            2.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer port=7777
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn peer_moves_by_reinvite() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > INVITE port=7777 sdp=2
        1 reoffer ok
        1.1 > ACK port=7777
        2 > UPDATE port=7778 sdp=3
        2 reoffer ok
        3 > INVITE port=7778
        3 reoffer 488
        3.1 > ACK branch=invite port=7778
        4 hangup
        4.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > INVITE 2 sdp=2
            1.0 * s1 Reoffered { sdp: 2 } port=7777
            1.0 < 100 INVITE 2 to=t1 port=7777
            1.0 < 200 INVITE 2 to=t1 sdp port=7777
            1.1 > ACK 2
            1.1 * s1 Reconfirmed { sdp: no }
            2.0 > UPDATE 3 sdp=3
            2.0 * s1 Reoffered { sdp: 3 } port=7778
            2.0 < 200 UPDATE 3 to=t1 sdp port=7778
            3.0 > INVITE 4
            3.0 * s1 Reoffered { sdp: no } port=7778
            3.0 < 100 INVITE 4 to=t1 port=7778
            3.0 < 488 INVITE 4 to=t1 port=7778
            3.1 > ACK 4
            4.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer port=7778
            4.1 > 200 BYE
            4.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn dialog_lost() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 info
        1.1 > 200 INFO
        2 probe
        2.1 > 481 OPTIONS
        2.2 > 481 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 < INFO 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp
            1.1 > 200 INFO
            2.0 < OPTIONS 2 sip:peer@192.168.1.9:5062 b2 to=peer
            2.1 > 481 OPTIONS
            2.1 < BYE 3 sip:peer@192.168.1.9:5062 b3 to=peer
            2.1 * s1 Ended { why: DialogLost }
            2.2 > 481 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn dialog_silent() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        2 probe
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            2.0 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            2.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            3.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            5.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            9.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            13.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            17.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            21.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            25.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            29.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            33.5 < OPTIONS 1 sip:peer@192.168.1.9:5062 b1 to=peer
            34.0 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            34.0 * s1 Ended { why: DialogLost }
            34.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            35.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            37.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            41.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            45.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            49.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            53.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            57.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            61.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            65.5 < BYE 2 sip:peer@192.168.1.9:5062 b2 to=peer
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn peer_that_listens_where_its_via_says() {
    check(
        "
        0 > INVITE via=10.0.0.9:5070 port=40000 sdp
        0 answer
        0.1 > ACK via=10.0.0.9:5070 port=40000
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1 port=5070
            0.0 < 200 INVITE 1 to=t1 sdp port=5070
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            2.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer port=5070
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn peer_behind_nat_that_does_not_ask_for_rport() {
    check(
        "
        0 > INVITE via=192.168.1.9:5070 port=40000 sdp
        0 answer
        0.1 > ACK via=192.168.1.9:5070 port=40000
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1 port=5070
            0.0 < 200 INVITE 1 to=t1 sdp port=5070
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            2.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer port=40000
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
