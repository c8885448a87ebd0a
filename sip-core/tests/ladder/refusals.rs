//! What is refused without asking anybody.

use expect_test::expect;
use sip_core::endpoint::EndpointSettings;

use crate::script::{check, check_with};

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
        + Require: 100rel
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
            3.0 < 420 INVITE 4 to=t4 Unsupported:100rel, nothingSupportsThis, nothingSupportsThisEither
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
fn register_and_options_go_up() {
    check(
        "
        0 > REGISTER
        0.5 again REGISTER
        1 respond 401
        1 respond 200
        1.5 again REGISTER
        2 > OPTIONS
        2 respond 200
        3 > REGISTER
        ",
        expect![[r#"
            0.0 > REGISTER 1
            0.0 * request REGISTER
            0.5 > REGISTER 1 again
            1.0 < 401 REGISTER 1 to=t1
            1.5 > REGISTER 1 again
            1.5 < 401 REGISTER 1 to=t1
            2.0 > OPTIONS 2
            2.0 * request OPTIONS
            2.0 < 200 OPTIONS 2 to=t2
            3.0 > REGISTER 3
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
            0.2 * request OPTIONS
            0.3 > REGISTER 3
            0.3 < 503 REGISTER 3 to=t2 Retry-After:23
            0.4 > ACK 1
            0.4 * s1 Confirmed { sdp: no }
            0.4 > INFO 4
            0.4 < 200 INFO 4 to=t1
            0.4 * s1 Info { content_type: b"", body: b"" }
            0.4 > INFO 5
            0.4 < 200 INFO 5 to=t1
            0.4 * s1 Info { content_type: b"", body: b"" }
            0.4 > INFO 6
            0.4 < 503 INFO 6 to=t1 Retry-After:16
            0.5 * no room
            0.6 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            0.6 * s1 Ended { why: HungUp }
            0.7 > 200 BYE
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
