//! Offers before our answer to an INVITE (RFC 3311), from either side.

use expect_test::expect;

use crate::script::check;

/// The 2xx says nothing of what the UPDATE has changed.
#[test]
fn their_update_before_our_answer() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 > UPDATE sdp=2
        2.1 reoffer ok
        3 answer
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 > UPDATE 3 sdp=2
            2.0 * s1 Reoffered { sdp: 2 }
            2.1 < 200 UPDATE 3 to=t1 sdp
            3.0 < 200 INVITE 1 to=t1
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            4.0 > BYE 4
            4.0 < 200 BYE 4 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Who has our answer may offer anew; the PRACK is owed all the same.
#[test]
fn update_before_prack() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > UPDATE sdp=2 cseq=3
        1.2 reoffer ok
        1.3 answer
        1.6 > PRACK cseq=2
        + RAck: {rseq} 1 INVITE
        1.7 > ACK
        4 > BYE cseq=4
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > UPDATE 3 sdp=2
            1.1 * s1 Reoffered { sdp: 2 }
            1.2 < 200 UPDATE 3 to=t1 sdp
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.6 > PRACK 2
            1.6 < 200 PRACK 2 to=t1
            1.6 < 200 INVITE 1 to=t1
            1.7 > ACK 1
            1.7 * s1 Confirmed { sdp: no }
            4.0 > BYE 4
            4.0 < 200 BYE 4 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Their first offer is open.
#[test]
fn update_before_any_answer() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 180
        2 > UPDATE sdp=2
        3 answer
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1
            2.0 > UPDATE 2 sdp=2
            2.0 < 500 UPDATE 2 to=t1 Retry-After:5
            3.0 < 200 INVITE 1 to=t1 sdp
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            4.0 > BYE 3
            4.0 < 200 BYE 3 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn update_while_our_late_offer_is_open() {
    check(
        "
        0 > INVITE
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > UPDATE sdp=2
        1.2 > PRACK sdp
        + RAck: {rseq} 1 INVITE
        2 answer
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > UPDATE 2 sdp=2
            1.1 < 491 UPDATE 2 to=t1
            1.2 > PRACK 3 sdp
            1.2 < 200 PRACK 3 to=t1
            1.2 * s1 EarlyAnswered { sdp: yes }
            2.0 < 200 INVITE 1 to=t1
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: yes }
            3.0 > BYE 4
            3.0 < 200 BYE 4 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn update_while_theirs_is_open() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 > UPDATE sdp=2
        2.1 > UPDATE sdp=3
        2.2 reoffer 488
        2.3 > UPDATE sdp=4
        2.4 reoffer ok
        3 answer
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 > UPDATE 3 sdp=2
            2.0 * s1 Reoffered { sdp: 2 }
            2.1 > UPDATE 4 sdp=3
            2.1 < 500 UPDATE 4 to=t1 Retry-After:0
            2.2 < 488 UPDATE 3 to=t1
            2.3 > UPDATE 5 sdp=4
            2.3 * s1 Reoffered { sdp: 4 }
            2.4 < 200 UPDATE 5 to=t1 sdp
            3.0 < 200 INVITE 1 to=t1
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            4.0 > BYE 6
            4.0 < 200 BYE 6 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The owner's word on it comes when the session is confirmed already.
#[test]
fn update_is_decided_after_the_answer() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 > UPDATE sdp=2
        2.1 answer
        2.2 > ACK
        2.3 reoffer ok
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 > UPDATE 3 sdp=2
            2.0 * s1 Reoffered { sdp: 2 }
            2.1 < 200 INVITE 1 to=t1 sdp
            2.2 > ACK 1
            2.2 * s1 Confirmed { sdp: no }
            2.3 < 200 UPDATE 3 to=t1 sdp
            4.0 > BYE 4
            4.0 < 200 BYE 4 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// It moves the target; session timers begin later.
#[test]
fn update_without_offer() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 > UPDATE
        + Contact: <sip:peer@192.168.1.9:5099>
        + Session-Expires: 600
        + Supported: timer
        3 answer
        3.1 > ACK
        4 hangup
        4.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 > UPDATE 3
            2.0 < 200 UPDATE 3 to=t1
            3.0 < 200 INVITE 1 to=t1 sdp
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            4.0 < BYE 1 sip:peer@192.168.1.9:5099 b1 to=peer
            4.1 > 200 BYE
            4.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn update_says_the_same_again() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 > UPDATE sdp
        3 answer
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 > UPDATE 3 sdp
            2.0 < 200 UPDATE 3 to=t1 sdp
            3.0 < 200 INVITE 1 to=t1 sdp
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            4.0 > BYE 4
            4.0 < 200 BYE 4 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancelled_while_their_update_is_open() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 > UPDATE sdp=2
        2.1 > CANCEL
        2.2 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 > UPDATE 3 sdp=2
            2.0 * s1 Reoffered { sdp: 2 }
            2.1 > CANCEL 1
            2.1 < 200 CANCEL 1 to=t1
            2.1 < 487 INVITE 1 to=t1
            2.1 * s1 Ended { why: Cancelled }
            2.1 < 487 UPDATE 3 to=t1
            2.2 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_update_before_our_answer() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 offer 5
        2.1 > 200 UPDATE sdp=2
        3 answer 5
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            2.1 > 200 UPDATE sdp=2
            2.1 * s1 ReofferAnswered { sdp: 2 }
            3.0 < 200 INVITE 1 to=t1
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            4.0 > BYE 3
            4.0 < 200 BYE 3 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_update_waits_for_the_prack() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 offer 5
        1.3 > PRACK
        + RAck: {rseq} 1 INVITE
        1.4 > 200 UPDATE sdp=2
        3 answer 5
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.3 > PRACK 2
            1.3 < 200 PRACK 2 to=t1
            1.3 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            1.4 > 200 UPDATE sdp=2
            1.4 * s1 ReofferAnswered { sdp: 2 }
            3.0 < 200 INVITE 1 to=t1
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            4.0 > BYE 3
            4.0 < 200 BYE 3 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Each refuses the other's, and ours goes again by itself.
#[test]
fn update_glare() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 offer 5
        2.1 > UPDATE sdp=2
        2.2 > 491 UPDATE
        5 > 200 UPDATE sdp=3
        6 answer 5
        6.1 > ACK
        7 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            2.1 > UPDATE 3 sdp=2
            2.1 < 491 UPDATE 3 to=t1
            2.2 > 491 UPDATE
            2.5 < UPDATE 2 sip:peer@192.168.1.9:5062 b2 to=peer sdp=5
            3.0 < UPDATE 2 sip:peer@192.168.1.9:5062 b2 to=peer sdp=5
            4.0 < UPDATE 2 sip:peer@192.168.1.9:5062 b2 to=peer sdp=5
            5.0 > 200 UPDATE sdp=3
            5.0 * s1 ReofferAnswered { sdp: 3 }
            6.0 < 200 INVITE 1 to=t1
            6.1 > ACK 1
            6.1 * s1 Confirmed { sdp: no }
            7.0 > BYE 4
            7.0 < 200 BYE 4 to=t1
            7.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_update_is_refused() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 offer 5
        2.1 > 488 UPDATE
        3 answer
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            2.1 > 488 UPDATE
            2.1 * s1 ReofferRefused { status: 488 }
            3.0 < 200 INVITE 1 to=t1 sdp
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            4.0 > BYE 3
            4.0 < 200 BYE 3 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Its answer comes when the session is confirmed.
#[test]
fn our_update_crosses_our_answer() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 offer 5
        2.1 answer 5
        2.2 > 200 UPDATE sdp=2
        2.3 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            2.1 < 200 INVITE 1 to=t1 sdp
            2.2 > 200 UPDATE sdp=2
            2.2 * s1 ReofferAnswered { sdp: 2 }
            2.3 > ACK 1
            2.3 * s1 Confirmed { sdp: no }
            4.0 > BYE 3
            4.0 < 200 BYE 3 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_update_meets_481() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 offer 5
        2.1 > 481 UPDATE
        2.2 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            2.1 > 481 UPDATE
            2.1 < 500 INVITE 1 to=t1
            2.1 * s1 Ended { why: DialogLost }
            2.2 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_update_meets_silence() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        + Allow: INVITE, UPDATE, PRACK
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 offer 5
        34.1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            2.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            3.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            5.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            9.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            13.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            17.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            21.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            25.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            29.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            33.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=5
            34.0 < 500 INVITE 1 to=t1
            34.0 * s1 Ended { why: DialogLost }
            34.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offers_that_cannot_be_made() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        0.5 offer 5
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        1.2 offer 5
        2 refuse 486
        2.1 offer 5
        2.2 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.5 * the first offer has no reliable answer yet
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            1.2 * the other side takes no UPDATE before the answer
            2.0 < 486 INVITE 1 to=t1
            2.0 * s1 Ended { why: HungUp }
            2.1 * the session is over
            2.2 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}
