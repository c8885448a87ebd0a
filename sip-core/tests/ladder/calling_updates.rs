//! Offers before the answer to an INVITE of ours (RFC 3311), from either side.

use expect_test::expect;

use crate::script::check;

#[test]
fn callee_updates_before_it_answers() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 > 200 PRACK
        1 > UPDATE cseq=1 sdp=2 from=a
        1.1 reoffer ok
        2 > 200 INVITE to=a
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            1.0 > UPDATE 1 sdp=2
            1.0 * s1 Reoffered { sdp: 2 }
            1.1 < 200 UPDATE 1 to=t1 sdp
            2.0 > 200 INVITE to=a
            2.0 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            2.0 * s1 Answered { sdp: 2 }
            3.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What came unreliably is no answer: our offer is open (B-48).
#[test]
fn callee_updates_after_a_preview() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        1 > UPDATE cseq=1 sdp=2 from=a
        2 > 200 INVITE to=a sdp
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 * s1 Ringing { status: 183, sdp: yes }
            1.0 > UPDATE 1 sdp=2
            1.0 < 491 UPDATE 1 to=t1
            2.0 > 200 INVITE to=a sdp
            2.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            2.0 * s1 Answered { sdp: yes }
            3.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The owner is asked about one at a time.
#[test]
fn two_forks_update() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 > 200 PRACK
        0.3 > 183 INVITE to=b sdp=3
        + Require: 100rel
        + RSeq: 70
        0.4 > 200 PRACK
        1 > UPDATE cseq=1 sdp=2 from=b
        1.1 > UPDATE cseq=1 sdp=2 from=a
        1.2 reoffer ok
        1.3 > UPDATE cseq=2 sdp=4 from=a
        1.4 offer 5
        2 > 200 INVITE to=b
        2.1 reoffer ok
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            0.3 > 183 INVITE to=b sdp=3
            0.3 < PRACK 2 sip:b@192.168.1.9:5062 b3 to=b RAck:70 1 INVITE
            0.3 * s1 Ringing { status: 183, sdp: 3, fork: 2 }
            0.4 > 200 PRACK
            1.0 > UPDATE 1 sdp=2
            1.0 * s1 Reoffered { sdp: 2, fork: 2 }
            1.1 > UPDATE 1 sdp=2
            1.1 < 500 UPDATE 1 to=t1 Retry-After:2
            1.2 < 200 UPDATE 1 to=t1 sdp
            1.3 > UPDATE 2 sdp=4
            1.3 * s1 Reoffered { sdp: 4 }
            1.4 * several forks ring
            2.0 > 200 INVITE to=b
            2.0 < ACK 1 sip:b@192.168.1.9:5062 b4 to=b
            2.0 < 481 UPDATE 2 to=t1
            2.0 * s1 Answered { sdp: 2 }
            3.0 < BYE 3 sip:b@192.168.1.9:5062 b5 to=b
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn we_update_before_the_answer() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 > 200 PRACK
        1 offer 5
        1.1 > 200 UPDATE sdp=2
        2 > 200 INVITE to=a sdp
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            1.0 < UPDATE 3 sip:a@192.168.1.9:5062 b3 to=a sdp=5
            1.1 > 200 UPDATE sdp=2
            1.1 * s1 ReofferAnswered { sdp: 2 }
            2.0 > 200 INVITE to=a sdp
            2.0 < ACK 1 sip:a@192.168.1.9:5062 b4 to=a
            2.0 * s1 Answered { sdp: 2 }
            3.0 < BYE 4 sip:a@192.168.1.9:5062 b5 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_update_crosses_their_answer() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 > 200 PRACK
        1 offer 5
        1.1 > 200 INVITE to=a
        1.2 > 200 UPDATE sdp=2
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            1.0 < UPDATE 3 sip:a@192.168.1.9:5062 b3 to=a sdp=5
            1.1 > 200 INVITE to=a
            1.1 < ACK 1 sip:a@192.168.1.9:5062 b4 to=a
            1.1 * s1 Answered { sdp: yes }
            1.2 > 200 UPDATE sdp=2
            1.2 * s1 ReofferAnswered { sdp: 2 }
            3.0 < BYE 4 sip:a@192.168.1.9:5062 b5 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// It goes by re-INVITE then.
#[test]
fn our_update_waits_for_our_prack_and_then_for_their_answer() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 offer 5
        1 > 200 INVITE to=a
        1.1 > 200 PRACK
        1.2 > 200 INVITE sdp=2
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            1.0 > 200 INVITE to=a
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            1.0 * s1 Answered { sdp: yes }
            1.0 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a sdp=5
            1.1 > 200 PRACK
            1.2 > 200 INVITE sdp=2
            1.2 < ACK 3 sip:a@192.168.1.9:5062 b5 to=a
            1.2 * s1 ReofferAnswered { sdp: 2 }
            3.0 < BYE 4 sip:a@192.168.1.9:5062 b6 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn glare_of_the_caller() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 > 200 PRACK
        1 offer 5
        1.1 > UPDATE cseq=1 sdp=2 from=a
        1.2 > 491 UPDATE
        6 > 200 UPDATE sdp=3
        7 > 200 INVITE to=a
        8 hangup
        8.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            1.0 < UPDATE 3 sip:a@192.168.1.9:5062 b3 to=a sdp=5
            1.1 > UPDATE 1 sdp=2
            1.1 < 491 UPDATE 1 to=t1
            1.2 > 491 UPDATE
            4.8 < UPDATE 4 sip:a@192.168.1.9:5062 b4 to=a sdp=5
            5.2 < UPDATE 4 sip:a@192.168.1.9:5062 b4 to=a sdp=5
            6.0 > 200 UPDATE sdp=3
            6.0 * s1 ReofferAnswered { sdp: 3 }
            7.0 > 200 INVITE to=a
            7.0 < ACK 1 sip:a@192.168.1.9:5062 b5 to=a
            7.0 * s1 Answered { sdp: 3 }
            8.0 < BYE 5 sip:a@192.168.1.9:5062 b6 to=a
            8.1 > 200 BYE
            8.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn fork_is_lost_by_our_update() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 > 200 PRACK
        1 offer 5
        1.1 > 481 UPDATE
        2 > 180 INVITE to=b
        3 > 486 INVITE to=b
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            1.0 < UPDATE 3 sip:a@192.168.1.9:5062 b3 to=a sdp=5
            1.1 > 481 UPDATE
            1.1 * s1 ForkEnded { fork: 1 }
            2.0 > 180 INVITE to=b
            2.0 * s1 Ringing { status: 180, sdp: no, fork: 2 }
            3.0 > 486 INVITE to=b
            3.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=b
            3.0 * s1 Refused { status: 486 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Nothing comes of it, also not by its silence.
#[test]
fn other_fork_answers_while_an_update_of_ours_is_open() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 > 200 PRACK
        1 offer 5
        2 > 200 INVITE to=b sdp=3
        60 hangup
        60.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            1.0 < UPDATE 3 sip:a@192.168.1.9:5062 b3 to=a sdp=5
            1.5 < UPDATE 3 sip:a@192.168.1.9:5062 b3 to=a sdp=5
            2.0 > 200 INVITE to=b sdp=3
            2.0 < ACK 1 sip:b@192.168.1.9:5062 b4 to=b
            2.0 * s1 Answered { sdp: 3 }
            60.0 < BYE 2 sip:b@192.168.1.9:5062 b5 to=b
            60.1 > 200 BYE
            60.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hung_up_while_their_update_is_open() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        + Allow: INVITE, UPDATE, PRACK
        0.2 > 200 PRACK
        1 > UPDATE cseq=1 sdp=2 from=a
        1.1 hangup
        1.2 > 200 CANCEL
        1.3 > 487 INVITE to=a
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            1.0 > UPDATE 1 sdp=2
            1.0 * s1 Reoffered { sdp: 2 }
            1.1 < 487 UPDATE 1 to=t1
            1.1 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.2 > 200 CANCEL
            1.3 > 487 INVITE to=a
            1.3 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.3 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The same offer from elsewhere: its media come from elsewhere too, so the owner hears of it.
#[test]
fn caller_moves_while_it_rings() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 > UPDATE port=7777 sdp
        2.1 reoffer ok
        3 > UPDATE port=7777 sdp
        4 hangup
        4.1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 > UPDATE 3 sdp
            2.0 * s1 Reoffered { sdp: yes } port=7777
            2.1 < 200 UPDATE 3 to=t1 sdp port=7777
            3.0 > UPDATE 4 sdp
            3.0 < 200 UPDATE 4 to=t1 sdp port=7777
            4.0 < 487 INVITE 1 to=t1
            4.0 * s1 Ended { why: HungUp }
            4.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}
