//! What we ask for within a session, and what comes in its way.

use expect_test::expect;

use crate::script::{check, check_tcp};

#[test]
fn nothing_goes_wrong() {
    check(
        "
        0 call
        1 > 200 sdp
        2 offer 2
        2.1 > 100 INVITE
        2.5 > 200 INVITE sdp=3
        3 again 200 INVITE sdp=3
        4 hangup
        4.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 100 INVITE
            2.5 > 200 INVITE sdp=3
            2.5 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            2.5 * s1 ReofferAnswered { sdp: 3 }
            3.0 > 200 INVITE sdp=3 again
            3.0 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            4.0 < BYE 3 sip:a@192.168.1.9:5062 b5 to=a
            4.1 > 200 BYE
            4.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_before_the_session_is_confirmed() {
    check(
        "
        0 > INVITE sdp
        0 offer 2
        0.1 answer
        0.2 offer 3
        0.3 > ACK
        0.4 > 200 INVITE sdp=4
        1 > BYE
        1 offer 5
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 * the first offer has no reliable answer yet
            0.1 < 200 INVITE 1 to=t1 sdp
            0.3 > ACK 1
            0.3 * s1 Confirmed { sdp: no }
            0.3 < INVITE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=3
            0.4 > 200 INVITE sdp=4
            0.4 < ACK 1 sip:a@192.168.1.9:5062 b2 to=peer
            0.4 * s1 ReofferAnswered { sdp: 4 }
            1.0 > BYE 2
            1.0 < 200 BYE 2 to=t1
            1.0 * s1 Ended { why: Bye }
            1.0 * the session is over
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_refused_leaves_the_session() {
    check(
        "
        0 call
        1 > 200 sdp
        2 offer 2
        2.1 > 488 INVITE
        2.2 again 488
        3 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 488 INVITE
            2.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            2.1 * s1 ReofferRefused { status: 488 }
            2.2 > 488 INVITE again
            2.2 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            3.0 > BYE 1
            3.0 < 200 BYE 1 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_and_the_dialog_is_lost() {
    check(
        "
        0 call
        1 > 200 sdp
        2 offer 2
        2.1 > 481 INVITE
        2.2 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 481 INVITE
            2.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            2.1 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.1 * s1 Ended { why: DialogLost }
            2.2 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_times_out_at_the_peer() {
    check(
        "
        0 call
        1 > 200 sdp
        2 offer 2
        2.1 > 408 INVITE
        2.2 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 408 INVITE
            2.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            2.1 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.1 * s1 Ended { why: DialogLost }
            2.2 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_and_nobody_is_there() {
    check(
        "
        0 call
        1 > 200 sdp
        2 offer 2
        34.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.5 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            3.5 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            5.5 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            9.5 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            17.5 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            33.5 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            34.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            34.0 * s1 Ended { why: DialogLost }
            34.1 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn glare_of_the_caller() {
    check(
        "
        0 call
        1 > 200 sdp
        2 offer 2
        2.05 > INVITE sdp=4
        2.1 > 491 INVITE
        2.15 > ACK branch=invite
        3 > INVITE sdp=5
        3 reoffer ok
        3.1 > ACK
        6 nothing
        6.5 > 200 INVITE sdp=3
        7 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.0 > INVITE 1 sdp=4
            2.0 < 491 INVITE 1 to=t1
            2.1 > 491 INVITE
            2.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            2.1 > ACK 1
            3.0 > INVITE 2 sdp=5
            3.0 * s1 Reoffered { sdp: 5 }
            3.0 < 100 INVITE 2 to=t1
            3.0 < 200 INVITE 2 to=t1 sdp
            3.1 > ACK 2
            3.1 * s1 Reconfirmed { sdp: no }
            5.7 < INVITE 3 sip:peer@192.168.1.9:5062 b4 to=a sdp=2
            6.2 < INVITE 3 sip:peer@192.168.1.9:5062 b4 to=a sdp=2
            6.5 > 200 INVITE sdp=3
            6.5 < ACK 3 sip:a@192.168.1.9:5062 b5 to=a
            6.5 * s1 ReofferAnswered { sdp: 3 }
            7.0 > BYE 3
            7.0 < 200 BYE 3 to=t1
            7.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn glare_of_the_callee() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        2 offer 2
        2.05 > INVITE sdp=4
        2.1 > 491 INVITE
        2.15 > ACK branch=invite
        4.2 > 200 INVITE sdp=3
        7 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            2.0 < INVITE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=2
            2.0 > INVITE 2 sdp=4
            2.0 < 491 INVITE 2 to=t1
            2.1 > 491 INVITE
            2.1 < ACK 1 sip:peer@192.168.1.9:5062 b1 to=peer
            2.1 > ACK 2
            2.6 < INVITE 2 sip:peer@192.168.1.9:5062 b2 to=peer sdp=2
            3.1 < INVITE 2 sip:peer@192.168.1.9:5062 b2 to=peer sdp=2
            4.1 < INVITE 2 sip:peer@192.168.1.9:5062 b2 to=peer sdp=2
            4.2 > 200 INVITE sdp=3
            4.2 < ACK 2 sip:a@192.168.1.9:5062 b3 to=peer
            4.2 * s1 ReofferAnswered { sdp: 3 }
            7.0 > BYE 3
            7.0 < 200 BYE 3 to=t1
            7.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn glare_without_end() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 491 INVITE
        7 > 491 INVITE
        12 > 491 INVITE
        17 > 491 INVITE
        22 > 491 INVITE
        27 > 491 INVITE
        32 > 491 INVITE
        37 > 491 INVITE
        42 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 491 INVITE
            2.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            5.7 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a sdp=2
            6.2 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a sdp=2
            7.0 > 491 INVITE
            7.0 < ACK 3 sip:a@192.168.1.9:5062 b4 to=a
            10.2 < INVITE 4 sip:a@192.168.1.9:5062 b5 to=a sdp=2
            10.8 < INVITE 4 sip:a@192.168.1.9:5062 b5 to=a sdp=2
            11.8 < INVITE 4 sip:a@192.168.1.9:5062 b5 to=a sdp=2
            12.0 > 491 INVITE
            12.0 < ACK 4 sip:a@192.168.1.9:5062 b5 to=a
            14.9 < INVITE 5 sip:a@192.168.1.9:5062 b6 to=a sdp=2
            15.4 < INVITE 5 sip:a@192.168.1.9:5062 b6 to=a sdp=2
            16.4 < INVITE 5 sip:a@192.168.1.9:5062 b6 to=a sdp=2
            17.0 > 491 INVITE
            17.0 < ACK 5 sip:a@192.168.1.9:5062 b6 to=a
            19.7 < INVITE 6 sip:a@192.168.1.9:5062 b7 to=a sdp=2
            20.2 < INVITE 6 sip:a@192.168.1.9:5062 b7 to=a sdp=2
            21.2 < INVITE 6 sip:a@192.168.1.9:5062 b7 to=a sdp=2
            22.0 > 491 INVITE
            22.0 < ACK 6 sip:a@192.168.1.9:5062 b7 to=a
            24.2 < INVITE 7 sip:a@192.168.1.9:5062 b8 to=a sdp=2
            24.7 < INVITE 7 sip:a@192.168.1.9:5062 b8 to=a sdp=2
            25.7 < INVITE 7 sip:a@192.168.1.9:5062 b8 to=a sdp=2
            27.0 > 491 INVITE
            27.0 < ACK 7 sip:a@192.168.1.9:5062 b8 to=a
            30.2 < INVITE 8 sip:a@192.168.1.9:5062 b9 to=a sdp=2
            30.7 < INVITE 8 sip:a@192.168.1.9:5062 b9 to=a sdp=2
            31.7 < INVITE 8 sip:a@192.168.1.9:5062 b9 to=a sdp=2
            32.0 > 491 INVITE
            32.0 < ACK 8 sip:a@192.168.1.9:5062 b9 to=a
            35.0 < INVITE 9 sip:a@192.168.1.9:5062 b10 to=a sdp=2
            35.5 < INVITE 9 sip:a@192.168.1.9:5062 b10 to=a sdp=2
            36.5 < INVITE 9 sip:a@192.168.1.9:5062 b10 to=a sdp=2
            37.0 > 491 INVITE
            37.0 < ACK 9 sip:a@192.168.1.9:5062 b10 to=a
            37.0 * s1 ReofferRefused { status: 491 }
            42.0 > BYE 1
            42.0 < 200 BYE 1 to=t1
            42.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn their_update_while_our_offer_is_open() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > UPDATE cseq=1 sdp=4
        2.2 > UPDATE cseq=2
        2.3 > INFO cseq=3
        2.4 > 200 INVITE sdp=3
        3 > UPDATE cseq=4 sdp=4
        3 reoffer ok
        4 > BYE cseq=5
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > UPDATE 1 sdp=4
            2.1 < 491 UPDATE 1 to=t1
            2.2 > UPDATE 2
            2.2 < 200 UPDATE 2 to=t1
            2.3 > INFO 3
            2.3 < 200 INFO 3 to=t1
            2.3 * s1 Info { content_type: b"", body: b"" }
            2.4 > 200 INVITE sdp=3
            2.4 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            2.4 * s1 ReofferAnswered { sdp: 3 }
            3.0 > UPDATE 4 sdp=4
            3.0 * s1 Reoffered { sdp: 4 }
            3.0 < 200 UPDATE 4 to=t1 sdp
            4.0 > BYE 5
            4.0 < 200 BYE 5 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn their_update_while_their_offer_is_open() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 > INVITE sdp=2
        2.1 > UPDATE sdp=3
        2.2 > UPDATE
        2.3 reoffer ok
        2.35 > UPDATE sdp=5
        2.36 reoffer ok
        2.4 > ACK cseq=1
        4 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 > INVITE 1 sdp=2
            2.0 * s1 Reoffered { sdp: 2 }
            2.0 < 100 INVITE 1 to=t1
            2.1 > UPDATE 2 sdp=3
            2.1 < 500 UPDATE 2 to=t1 Retry-After:10
            2.2 > UPDATE 3
            2.2 < 200 UPDATE 3 to=t1
            2.3 < 200 INVITE 1 to=t1 sdp
            2.4 > UPDATE 4 sdp=5
            2.4 * s1 Reoffered { sdp: 5 }
            2.4 < 200 UPDATE 4 to=t1 sdp
            2.4 > ACK 1
            2.4 * s1 Reconfirmed { sdp: no }
            4.0 > BYE 5
            4.0 < 200 BYE 5 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_offer_waits_for_theirs() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 > INVITE sdp=2
        2.1 offer 3
        2.2 offer 4
        2.3 reoffer ok
        2.4 > ACK
        2.5 > 200 INVITE sdp=5
        3 > INVITE sdp=6
        3.1 offer 7
        3.2 > CANCEL
        3.3 > ACK branch=invite
        3.4 > 200 INVITE sdp=8
        4 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 > INVITE 1 sdp=2
            2.0 * s1 Reoffered { sdp: 2 }
            2.0 < 100 INVITE 1 to=t1
            2.3 < 200 INVITE 1 to=t1 sdp
            2.4 > ACK 1
            2.4 * s1 Reconfirmed { sdp: no }
            2.4 < INVITE 2 sip:peer@192.168.1.9:5062 b3 to=a sdp=4
            2.5 > 200 INVITE sdp=5
            2.5 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            2.5 * s1 ReofferAnswered { sdp: 5 }
            3.0 > INVITE 2 sdp=6
            3.0 * s1 Reoffered { sdp: 6 }
            3.0 < 100 INVITE 2 to=t1
            3.2 > CANCEL 2
            3.2 < 200 CANCEL 2 to=t1
            3.2 < 487 INVITE 2 to=t1
            3.3 > ACK 2
            3.3 < INVITE 3 sip:peer@192.168.1.9:5062 b5 to=a sdp=7
            3.4 > 200 INVITE sdp=8
            3.4 < ACK 3 sip:a@192.168.1.9:5062 b6 to=a
            3.4 * s1 ReofferAnswered { sdp: 8 }
            4.0 > BYE 3
            4.0 < 200 BYE 3 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn a_newer_offer_while_one_is_on_its_way() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 offer 3
        2.2 offer 4
        2.3 > 200 INVITE sdp=5
        2.4 > 200 INVITE sdp=6
        4 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.3 > 200 INVITE sdp=5
            2.3 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            2.3 * s1 ReofferAnswered { sdp: 5 }
            2.3 < INVITE 3 sip:a@192.168.1.9:5062 b5 to=a sdp=4
            2.4 > 200 INVITE sdp=6
            2.4 < ACK 3 sip:a@192.168.1.9:5062 b6 to=a
            2.4 * s1 ReofferAnswered { sdp: 6 }
            4.0 > BYE 1
            4.0 < 200 BYE 1 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hangup_while_our_offer_is_open() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 100 INVITE
        2.2 hangup
        2.3 > 200 BYE
        2.4 > 487 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 100 INVITE
            2.2 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.3 > 200 BYE
            2.3 * s1 Ended { why: HungUp }
            2.4 > 487 INVITE
            2.4 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hangup_crosses_the_answer_to_our_offer() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 100 INVITE
        2.2 hangup
        2.25 > 200 INVITE sdp=3
        2.3 > 200 BYE
        2.4 again 200 INVITE sdp=3
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 100 INVITE
            2.2 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.2 > 200 INVITE sdp=3
            2.2 < ACK 2 sip:a@192.168.1.9:5062 b5 to=a
            2.3 > 200 BYE
            2.3 * s1 Ended { why: HungUp }
            2.4 > 200 INVITE sdp=3 again
            2.4 < ACK 2 sip:a@192.168.1.9:5062 b5 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_while_our_offer_is_open_and_never_decided() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 100 INVITE
        2.2 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 100 INVITE
            2.2 > BYE 1
            2.2 < 200 BYE 1 to=t1
            2.2 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hangup_before_our_offer_is_heard_and_never_decided() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.2 hangup
        2.3 > 100 INVITE
        2.4 > 200 BYE
        20 > 180 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.2 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.3 > 100 INVITE
            2.4 > 200 BYE
            2.4 * s1 Ended { why: HungUp }
            20.0 > 180 INVITE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_before_our_offer_is_heard_and_never_decided() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.2 > BYE
        2.3 > 180 INVITE
        20 > 180 INVITE
        30 > 180 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.2 > BYE 1
            2.2 < 200 BYE 1 to=t1
            2.2 * s1 Ended { why: Bye }
            2.3 > 180 INVITE
            20.0 > 180 INVITE
            30.0 > 180 INVITE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn dialog_lost_before_our_offer_is_heard_and_never_decided() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 info
        2.2 > 481 INFO
        2.3 > 100 INVITE
        2.4 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 < INFO 3 sip:a@192.168.1.9:5062 b4 to=a sdp
            2.2 > 481 INFO
            2.2 < BYE 4 sip:a@192.168.1.9:5062 b5 to=a
            2.2 * s1 Ended { why: DialogLost }
            2.3 > 100 INVITE
            2.4 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_never_decided() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 180 INVITE
        183.1 > 200 CANCEL
        183.2 > 487 INVITE
        190 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 180 INVITE
            183.0 < CANCEL 2 sip:a@192.168.1.9:5062 b3 to=a
            183.1 > 200 CANCEL
            183.2 > 487 INVITE
            183.2 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            183.2 * s1 ReofferRefused { status: 487 }
            190.0 > BYE 1
            190.0 < 200 BYE 1 to=t1
            190.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_never_decided_and_then_accepted() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 180 INVITE
        183.1 > 200 INVITE sdp=3
        183.2 > 200 CANCEL
        190 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 180 INVITE
            183.0 < CANCEL 2 sip:a@192.168.1.9:5062 b3 to=a
            183.1 > 200 INVITE sdp=3
            183.1 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            183.1 * s1 ReofferAnswered { sdp: 3 }
            183.2 > 200 CANCEL
            190.0 > BYE 1
            190.0 < 200 BYE 1 to=t1
            190.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_never_decided_at_all() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 180 INVITE
        183.1 > 200 CANCEL
        216 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 180 INVITE
            183.0 < CANCEL 2 sip:a@192.168.1.9:5062 b3 to=a
            183.1 > 200 CANCEL
            215.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            215.0 * s1 Ended { why: DialogLost }
            215.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            216.0 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What was agreed before still is, so the same offer of theirs is a refresh.
#[test]
fn offer_answered_without_an_answer() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 200 INVITE
        3 > INVITE sdp
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 200 INVITE
            2.1 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            2.1 * s1 ReofferAnswered { sdp: no }
            3.0 > INVITE 1 sdp
            3.0 < 200 INVITE 1 to=t1 sdp
            3.1 > ACK 1
            4.0 > BYE 2
            4.0 < 200 BYE 2 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The ACK should have brought the answer. What was agreed before still is, so their next one, the same as before, is a refresh.
#[test]
fn late_offer_without_an_answer() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 > INVITE
        2 reoffer ok
        2.1 > ACK
        3 > INVITE sdp
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 > INVITE 1
            2.0 * s1 Reoffered { sdp: no }
            2.0 < 100 INVITE 1 to=t1
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Reconfirmed { sdp: no }
            3.0 > INVITE 2 sdp
            3.0 < 200 INVITE 2 to=t1 sdp
            3.1 > ACK 2
            4.0 > BYE 3
            4.0 < 200 BYE 3 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 12.2.1.2: the Contact of its 2xx is the new target.
#[test]
fn peer_moves_by_the_answer_to_our_offer() {
    check(
        "
        0 call
        0.1 > 200 sdp
        2 offer 2
        2.1 > 200 INVITE sdp=3 to=b
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            2.1 > 200 INVITE to=b sdp=3
            2.1 < ACK 2 sip:b@192.168.1.9:5062 b4 to=a
            2.1 * s1 ReofferAnswered { sdp: 3 }
            3.0 < BYE 3 sip:b@192.168.1.9:5062 b5 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// But a phone that has moved is, though it says the same as before.
#[test]
fn refresh_is_not_told() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > INVITE sdp
        5.1 again INVITE
        5.5 > ACK
        6 > UPDATE sdp
        6.1 again UPDATE
        7 > INVITE sdp port=7777
        7 reoffer ok
        7.1 > ACK port=7777
        9 > BYE port=7777
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > INVITE 2 sdp
            5.0 < 200 INVITE 2 to=t1 sdp
            5.1 > INVITE 2 sdp again
            5.5 < 200 INVITE 2 to=t1 sdp
            5.5 > ACK 2
            6.0 > UPDATE 3 sdp
            6.0 < 200 UPDATE 3 to=t1 sdp
            6.1 > UPDATE 3 sdp again
            6.1 < 200 UPDATE 3 to=t1 sdp
            7.0 > INVITE 4 sdp
            7.0 * s1 Reoffered { sdp: yes } port=7777
            7.0 < 100 INVITE 4 to=t1 port=7777
            7.0 < 200 INVITE 4 to=t1 sdp port=7777
            7.1 > ACK 4
            7.1 * s1 Reconfirmed { sdp: no }
            9.0 > BYE 5
            9.0 < 200 BYE 5 to=t1 port=7777
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The 2xx is repeated all the same (13.3.1.4).
#[test]
fn refresh_over_tcp() {
    check_tcp(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > INVITE sdp
        5.6 > ACK
        6 offer 2
        6.1 > 200 INVITE sdp=3
        7 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > INVITE 2 sdp
            5.0 < 200 INVITE 2 to=t1 sdp
            5.5 < 200 INVITE 2 to=t1 sdp
            5.6 > ACK 2
            6.0 < INVITE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=2
            6.1 > 200 INVITE sdp=3
            6.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=peer
            6.1 * s1 ReofferAnswered { sdp: 3 }
            7.0 > BYE 3
            7.0 < 200 BYE 3 to=t1
            7.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
