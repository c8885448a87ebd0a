//! What is refused without asking anybody.

use expect_test::expect;
use sip_core::endpoint::{EndpointSettings, Extras};

use crate::script::{check, check_showing, check_with};

#[test]
fn outside_any_dialog() {
    check(
        "
        0 > BYE
        1 > INFO
        2 > UPDATE sdp
        3 > PRACK
        4 > ACK
        5 > REFER
        6 > SUBSCRIBE
        7 > FROBNICATE
        8 > BYE to=gone
        9 > INVITE to=gone sdp
        10 > OPTIONS to=gone
        ",
        expect![[r#"
            0.0 > BYE 1
            0.0 < 481 BYE 1 to=t1
            1.0 > INFO 2
            1.0 < 481 INFO 2 to=t2
            2.0 > UPDATE 3 sdp
            2.0 < 481 UPDATE 3 to=t3
            3.0 > PRACK 4
            3.0 < 481 PRACK 4 to=t4
            4.0 > ACK 0
            5.0 > REFER 5
            5.0 < 405 REFER 5 to=t5 Allow
            6.0 > SUBSCRIBE 6
            6.0 < 405 SUBSCRIBE 6 to=t6 Allow
            7.0 > FROBNICATE 7
            7.0 < 405 FROBNICATE 7 to=t7 Allow
            8.0 > BYE 8
            8.0 < 481 BYE 8 to=gone
            9.0 > INVITE 9 sdp
            9.0 < 481 INVITE 9 to=gone
            10.0 > OPTIONS 10
            10.0 < 481 OPTIONS 10 to=gone
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn by_its_headers() {
    check(
        "
        0 > INVITE uri=tel:+15551234 sdp
        1 > INVITE uri=nobodyknows:x sdp
        2 > OPTIONS mf=0
        3 > INVITE sdp
        + Require: precondition
        + Proxy-Require: nothingSupportsThis, nothingSupportsThisEither
        4 > INVITE sdp type=application/unknown
        5 > INVITE sdp
        + Content-Encoding: gzip
        6 > INVITE
        + Accept: text/nobodyKnowsThis
        7 > INVITE sdp
        + Contact: *
        8 > INVITE sdp
        + Accept: text/plain, application/*;q=0.5
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 < 416 INVITE 1 to=t1
            1.0 > INVITE 2 sdp
            1.0 < 416 INVITE 2 to=t2
            2.0 > OPTIONS 3
            2.0 < 483 OPTIONS 3 to=t3
            3.0 > INVITE 4 sdp
            3.0 < 420 INVITE 4 to=t4 Unsupported:precondition, nothingSupportsThis, nothingSupportsThisEither
            4.0 > INVITE 5 sdp
            4.0 < 415 INVITE 5 to=t5 Accept:application/sdp
            5.0 > INVITE 6 sdp
            5.0 < 415 INVITE 6 to=t6 Accept-Encoding:identity
            6.0 > INVITE 7
            6.0 < 406 INVITE 7 to=t7
            7.0 > INVITE 8 sdp
            7.0 < 400 INVITE 8 to=t8
            8.0 > INVITE 9 sdp
            8.0 * s1 Invited
            8.0 < 100 INVITE 9
            left: 1 sessions, 1 transactions
        "#]],
    );
}

#[test]
fn by_its_shape() {
    check(
        r"
        0 raw OPTIONS sip:a@10.0.0.1 SIP/7.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-p1\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: c\nCSeq: 1 OPTIONS\n\n
        1 raw OPTIONS sip:a@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-p1\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCSeq: 1 OPTIONS\n\n
        2 raw ACK sip:a@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-p1\nFrom: <sip:a@b>;tag=1\n\n
        3 raw SIP/2.0 200 OK\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-p1\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: c\nCSeq: 1 INVITE\n\n
        4 raw \n\n
        ",
        expect![[r#"
            0.0 > OPTIONS sip:a@10.0.0.1 SIP/7.0
            0.0 < 505 OPTIONS 1 to=t1
            1.0 > OPTIONS sip:a@10.0.0.1 SIP/2.0
            1.0 < SIP/2.0 400 Bad Request - missing Call-ID
            2.0 > ACK sip:a@10.0.0.1 SIP/2.0
            3.0 > SIP/2.0 200 OK
            4.0 > 
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn merged_request() {
    check(
        "
        0 > INVITE cseq=1 sdp
        0.1 > INVITE cseq=1 to=none sdp
        0.2 > ACK branch=invite
        1 refuse 486
        1.1 again ACK
        2 > ACK branch=z9hG4bK-p1
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.1 > INVITE 1 sdp
            0.1 < 482 INVITE 1 to=t1
            0.2 > ACK 1
            1.0 < 486 INVITE 1 to=t2
            1.0 * s1 Ended { why: HungUp }
            1.1 > ACK 1 again
            1.5 < 486 INVITE 1 to=t2
            2.0 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_own_invite_comes_back() {
    check(
        "
        0 call
        0.1 > 100
        0.2 > 180
        1 > INVITE to=none from=ours sdp
        2 > 404 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            0.2 > 180 INVITE
            0.2 * s1 Ringing { status: 180, sdp: no }
            1.0 > INVITE 1 sdp
            1.0 < 482 INVITE 1 to=t1
            2.0 > 404 INVITE
            2.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            2.0 * s1 Refused { status: 404 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn register_goes_up() {
    check(
        "
        0 > REGISTER
        0.5 again REGISTER
        1 respond 401
        1 respond 200
        1.5 again REGISTER
        3 > REGISTER
        ",
        expect![[r#"
            0.0 > REGISTER 1
            0.0 * request REGISTER
            0.5 > REGISTER 1 again
            1.0 < 401 REGISTER 1 to=t1
            1.5 > REGISTER 1 again
            1.5 < 401 REGISTER 1 to=t1
            3.0 > REGISTER 2
            3.0 * request REGISTER
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn no_room_for_transactions() {
    check_with(
        EndpointSettings { transactions_max: 2, sessions_max: 1, ..EndpointSettings::default() },
        "
        0 > INVITE cseq=1 sdp
        0.1 answer
        0.2 > OPTIONS to=none call=other
        0.3 > REGISTER to=none call=third
        0.31 > REGISTER to=none call=third
        0.32 > OPTIONS to=none call=other
        0.33 > INVITE to=none call=fourth sdp
        0.4 > ACK cseq=1
        0.41 > INFO
        0.42 > INFO
        0.43 > INFO
        0.5 call
        0.6 hangup
        0.7 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.1 < 200 INVITE 1 to=t1 sdp
            0.2 > OPTIONS 2
            0.2 < 200 OPTIONS 2 to=t2 Accept:application/sdp
            0.3 > REGISTER 3
            0.3 * request REGISTER
            0.3 > REGISTER 4
            0.3 * request REGISTER
            0.3 < 503 REGISTER 4 to=t3 Retry-After:29
            0.3 > OPTIONS 5
            0.3 < 503 OPTIONS 5 to=t4 Retry-After:23
            0.3 > INVITE 6 sdp
            0.3 < 503 INVITE 6 to=t5 Retry-After:16
            0.4 > ACK 1
            0.4 * s1 Confirmed { sdp: no }
            0.4 > INFO 7
            0.4 < 200 INFO 7 to=t1
            0.4 * s1 Info { content_type: b"", body: b"" }
            0.4 > INFO 8
            0.4 < 200 INFO 8 to=t1
            0.4 * s1 Info { content_type: b"", body: b"" }
            0.4 > INFO 9
            0.4 < 503 INFO 9 to=t1 Retry-After:27
            0.5 * no room
            0.6 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            0.6 * s1 Ended { why: HungUp }
            0.7 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The BYE goes out once, and nobody waits for its answer.
#[test]
fn no_room_for_the_bye_of_a_200_that_crosses_our_cancel() {
    check_with(
        EndpointSettings { transactions_max: 1, sessions_max: 1, ..EndpointSettings::default() },
        "
        0 call
        0.1 > 180
        0.2 hangup
        0.3 > INFO
        0.4 > 200 INVITE sdp
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            0.2 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            0.3 > INFO 1
            0.3 < 200 INFO 1 to=t1
            0.3 * s1 Info { content_type: b"", body: b"" }
            0.4 > 200 INVITE sdp
            0.4 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.4 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a
            0.4 * s1 Ended { why: HungUp }
            0.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            3.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            7.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            11.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            15.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            19.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            23.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            27.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            31.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn no_room_for_sessions() {
    check_with(
        EndpointSettings { sessions_max: 1, ..EndpointSettings::default() },
        "
        0 > INVITE sdp
        1 > INVITE to=none call=other sdp
        2 call
        3 refuse 486
        3.1 > ACK branch=z9hG4bK-p1 cseq=1
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 > INVITE 2 sdp
            1.0 < 503 INVITE 2 to=t1 Retry-After:29
            2.0 * no room
            3.0 < 486 INVITE 1 to=t2
            3.0 * s1 Ended { why: HungUp }
            3.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn every_method_outside() {
    check(
        "
        0 > INVITE sdp to=none call=c0
        1 > OPTIONS to=none call=c1
        2 > REGISTER to=none call=c2
        3 > BYE to=none call=c3
        4 > CANCEL branch=z9hG4bK-pX to=none call=c4
        5 > INFO to=none call=c5
        6 > UPDATE to=none call=c6
        7 > PRACK to=none call=c7
        8 > REFER to=none call=c8
        9 > SUBSCRIBE to=none call=c9
        10 > NOTIFY to=none call=c10
        11 > MESSAGE to=none call=c11
        12 > PUBLISH to=none call=c12
        13 > FROBNICATE to=none call=c13
        14 > invite to=none call=c14
        20 > ACK
        20.1 refuse 486
        20.2 > ACK branch=invite cseq=1 call=c0 to=none
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 > OPTIONS 2
            1.0 < 200 OPTIONS 2 to=t1 Accept:application/sdp
            2.0 > REGISTER 3
            2.0 * request REGISTER
            3.0 > BYE 4
            3.0 < 481 BYE 4 to=t2
            4.0 > CANCEL 1
            4.0 < 481 CANCEL 1 to=t3
            5.0 > INFO 5
            5.0 < 481 INFO 5 to=t4
            6.0 > UPDATE 6
            6.0 < 481 UPDATE 6 to=t5
            7.0 > PRACK 7
            7.0 < 481 PRACK 7 to=t6
            8.0 > REFER 8
            8.0 < 405 REFER 8 to=t7 Allow
            9.0 > SUBSCRIBE 9
            9.0 < 405 SUBSCRIBE 9 to=t8 Allow
            10.0 > NOTIFY 10
            10.0 < 405 NOTIFY 10 to=t9 Allow
            11.0 > MESSAGE 11
            11.0 < 405 MESSAGE 11 to=t10 Allow
            12.0 > PUBLISH 12
            12.0 < 405 PUBLISH 12 to=t11 Allow
            13.0 > FROBNICATE 13
            13.0 < 405 FROBNICATE 13 to=t12 Allow
            14.0 > invite 14
            14.0 < 405 invite 14 to=t13 Allow
            20.0 > ACK 1
            20.1 < 486 INVITE 1 to=t14
            20.1 * s1 Ended { why: HungUp }
            20.2 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn every_method_inside() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > OPTIONS
        2 > REGISTER to=none
        3 > INFO
        4 > UPDATE
        5 > PRACK
        6 > REFER
        7 > SUBSCRIBE
        8 > NOTIFY
        9 > MESSAGE
        10 > PUBLISH
        11 > FROBNICATE
        12.5 respond 403
        13 > BYE
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
            2.0 > REGISTER 3
            2.0 * request REGISTER
            3.0 > INFO 4
            3.0 < 200 INFO 4 to=t1
            3.0 * s1 Info { content_type: b"", body: b"" }
            4.0 > UPDATE 5
            4.0 < 200 UPDATE 5 to=t1
            5.0 > PRACK 6
            5.0 < 481 PRACK 6 to=t1
            6.0 > REFER 7
            6.0 < 405 REFER 7 to=t1 Allow
            7.0 > SUBSCRIBE 8
            7.0 < 405 SUBSCRIBE 8 to=t1 Allow
            8.0 > NOTIFY 9
            8.0 < 405 NOTIFY 9 to=t1 Allow
            9.0 > MESSAGE 10
            9.0 < 405 MESSAGE 10 to=t1 Allow
            10.0 > PUBLISH 11
            10.0 < 405 PUBLISH 11 to=t1 Allow
            11.0 > FROBNICATE 12
            11.0 < 405 FROBNICATE 12 to=t1 Allow
            12.5 < 403 REGISTER 3 to=t2
            13.0 > BYE 13
            13.0 < 200 BYE 13 to=t1
            13.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What is refused leaves the session as it was.
#[test]
fn reinvite_by_its_headers() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > INVITE sdp=2
        + Require: precondition
        1.1 > ACK branch=invite
        2 > INVITE sdp=2 type=application/unknown
        2.1 > ACK branch=invite
        3 > INVITE sdp=2
        + Content-Encoding: gzip
        3.1 > ACK branch=invite
        4 > INVITE
        + Accept: text/plain
        4.1 > ACK branch=invite
        5 > UPDATE
        + Accept: text/plain
        6 > UPDATE sdp=2
        + Accept: text/plain
        7 > INFO
        + Require: timer
        8 > INFO
        + Proxy-Require: timer
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > INVITE 2 sdp=2
            1.0 < 420 INVITE 2 to=t1 Unsupported:precondition
            1.1 > ACK 2
            2.0 > INVITE 3 sdp=2
            2.0 < 415 INVITE 3 to=t1 Accept:application/sdp
            2.1 > ACK 3
            3.0 > INVITE 4 sdp=2
            3.0 < 415 INVITE 4 to=t1 Accept-Encoding:identity
            3.1 > ACK 4
            4.0 > INVITE 5
            4.0 < 406 INVITE 5 to=t1
            4.1 > ACK 5
            5.0 > UPDATE 6
            5.0 < 200 UPDATE 6 to=t1
            6.0 > UPDATE 7 sdp=2
            6.0 < 406 UPDATE 7 to=t1
            7.0 > INFO 8
            7.0 < 200 INFO 8 to=t1
            7.0 * s1 Info { content_type: b"", body: b"" }
            8.0 > INFO 9
            8.0 < 420 INFO 9 to=t1 Unsupported:timer
            9.0 > BYE 10
            9.0 < 200 BYE 10 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn not_acceptable_says_why() {
    check_showing(
        &["Warning"],
        "
        0 > INVITE sdp
        0 refuse 488
        0.1 > ACK branch=invite
        1 > INVITE sdp to=none call=second
        1 answer s=2
        1.1 > ACK call=second
        2 > INVITE sdp=2 call=second
        2 reoffer 488 s=2
        2.1 > ACK branch=invite call=second
        3 > BYE call=second
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 488 INVITE 1 to=t1 Warning:305 10.0.0.1:5060 "Incompatible media format"
            0.0 * s1 Ended { why: HungUp }
            0.1 > ACK 1
            1.0 > INVITE 2 sdp
            1.0 * s2 Invited
            1.0 < 100 INVITE 2
            1.0 < 200 INVITE 2 to=t2 sdp
            1.1 > ACK 2
            1.1 * s2 Confirmed { sdp: no }
            2.0 > INVITE 3 sdp=2
            2.0 * s2 Reoffered { sdp: 2 }
            2.0 < 100 INVITE 3 to=t2
            2.0 < 488 INVITE 3 to=t2 Warning:305 10.0.0.1:5060 "Incompatible media format"
            2.1 > ACK 3
            3.0 > BYE 4
            3.0 < 200 BYE 4 to=t2
            3.0 * s2 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn timer_is_understood() {
    check(
        "
        0 > INVITE sdp
        + Require: timer
        + Session-Expires: 600;refresher=uac
        0 refuse 486
        0.1 > ACK branch=invite
        1 > INVITE sdp to=none call=second
        + Require: timer, precondition
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 486 INVITE 1 to=t1
            0.0 * s1 Ended { why: HungUp }
            0.1 > ACK 1
            1.0 > INVITE 2 sdp
            1.0 < 420 INVITE 2 to=t2 Unsupported:precondition
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// B-30: 0 goes no further, absent counts as 70, which is what ours begin with.
#[test]
fn max_forwards() {
    check_showing(
        &["Max-Forwards"],
        "
        0 > OPTIONS mf=0
        1 > INVITE mf=0 sdp
        2 > INVITE mf=none sdp
        2 refuse 486
        2.1 > ACK branch=invite
        3 > OPTIONS mf=1
        4 > OPTIONS mf=256
        5 > OPTIONS mf=x
        6 call
        6.1 > 100
        6.2 > 404
        ",
        expect![[r#"
            0.0 > OPTIONS 1
            0.0 < 483 OPTIONS 1 to=t1
            1.0 > INVITE 2 sdp
            1.0 < 483 INVITE 2 to=t2
            2.0 > INVITE 3 sdp
            2.0 * s1 Invited
            2.0 < 100 INVITE 3
            2.0 < 486 INVITE 3 to=t3
            2.0 * s1 Ended { why: HungUp }
            2.1 > ACK 3
            3.0 > OPTIONS 4
            3.0 < 200 OPTIONS 4 to=t4 Accept:application/sdp
            4.0 > OPTIONS 5
            4.0 < 400 OPTIONS 5 to=t5
            5.0 > OPTIONS 6
            5.0 < 400 OPTIONS 6 to=t6
            6.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Max-Forwards:70 sdp
            6.1 > 100 INVITE
            6.2 > 404 INVITE
            6.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a Max-Forwards:70
            6.2 * s2 Refused { status: 404 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// B-29: who in between gave it another Call-ID and other tags has left our Via. A branch that is none of ours says nothing.
#[test]
fn spiral_through_a_proxy() {
    check(
        "
        0 call
        0.1 > 100
        1 > INVITE to=none from=other call=other cseq=1 sdp
        + Via: SIP/2.0/UDP 10.0.0.1:5060;branch={branch};rport
        1.1 > ACK branch=invite call=other
        1.2 > INVITE to=none from=other call=other2 cseq=2 sdp
        + Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bKother, SIP/2.0/UDP 10.0.0.1:5060;branch={branch};rport
        1.3 > ACK branch=invite call=other2
        2 > 482
        3 > INVITE to=none from=other call=third cseq=3 sdp
        + Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK00000000000000000000000000000000
        3 refuse 486 s=2
        3.1 > ACK branch=invite call=third
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            1.0 > INVITE 1 sdp
            1.0 < 482 INVITE 1 to=t1
            1.1 > ACK 1
            1.2 > INVITE 2 sdp
            1.2 < 482 INVITE 2 to=t2
            1.3 > ACK 2
            2.0 > 482 INVITE
            2.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            2.0 * s1 Refused { status: 482 }
            3.0 > INVITE 3 sdp
            3.0 * s2 Invited
            3.0 < 100 INVITE 3
            3.0 < 486 INVITE 3 to=t3
            3.0 * s2 Ended { why: HungUp }
            3.1 > ACK 3
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn by_its_shape_within() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > UPDATE sdp=2
        + Content-Length: 7
        2 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > UPDATE 2 sdp=2
            1.0 < 400 UPDATE 2 to=t1
            2.0 > BYE 3
            2.0 < 200 BYE 3 to=t1
            2.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What a REGISTER may require beyond the usual (RFC 3327, RFC 5626), and nothing else may.
#[test]
fn ways_of_registers() {
    let extras = Extras { paths: true, ..Extras::default() };
    check_with(
        EndpointSettings { extras, ..EndpointSettings::default() },
        "
        0 > REGISTER
        + Require: Path, outbound
        0 respond 200
        1 > REGISTER
        + Require: path, gruu
        2 > INVITE sdp
        + Require: path
        ",
        expect![[r#"
            0.0 > REGISTER 1
            0.0 * request REGISTER
            0.0 < 200 REGISTER 1 to=t1
            1.0 > REGISTER 2
            1.0 < 420 REGISTER 2 to=t2 Unsupported:gruu
            2.0 > INVITE 3 sdp
            2.0 < 420 INVITE 3 to=t3 Unsupported:path
            left: 0 sessions, 0 transactions
        "#]],
    );
}
