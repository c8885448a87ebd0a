//! Offers that come by a PRACK, or that we make in a provisional response (RFC 3262, 5), and what is said meanwhile.

use expect_test::expect;

use crate::script::check;

/// The 183 has our offer, its PRACK their answer, and the 2xx nothing more.
#[test]
fn late_offer() {
    check(
        "
        0 > INVITE
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK sdp
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
            1.1 > PRACK 2 sdp
            1.1 < 200 PRACK 2 to=t1
            1.1 * s1 EarlyAnswered { sdp: yes }
            2.0 < 200 INVITE 1 to=t1
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: yes }
            3.0 > BYE 3
            3.0 < 200 BYE 3 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// It is made again in the 2xx.
#[test]
fn late_offer_that_the_prack_does_not_answer() {
    check(
        "
        0 > INVITE
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 answer
        2.1 > ACK sdp=2
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1 sdp=2
            2.1 * s1 Confirmed { sdp: 2 }
            3.0 > BYE 3
            3.0 < 200 BYE 3 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The first reliable response would have to hold our offer: nothing is said until there is one.
#[test]
fn late_offer_that_we_do_not_have_yet() {
    check(
        "
        0 > INVITE
        + Require: 100rel
        1 ring 180
        2 answer
        2.1 > ACK sdp
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1 sdp
            2.1 * s1 Confirmed { sdp: yes }
            3.0 > BYE 2
            3.0 < 200 BYE 2 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The PRACK is answered once the owner has decided, and the 2xx waits for that.
#[test]
fn offer_in_prack() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK sdp=2
        + RAck: {rseq} 1 INVITE
        1.2 answer
        1.3 reoffer ok
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2 sdp=2
            1.1 * s1 Reoffered { sdp: 2 }
            1.3 < 200 PRACK 2 to=t1 sdp
            1.3 < 200 INVITE 1 to=t1
            1.8 < 200 INVITE 1 to=t1
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 3
            3.0 < 200 BYE 3 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What is agreed already asks nobody.
#[test]
fn prack_repeats_the_offer() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK sdp
        + RAck: {rseq} 1 INVITE
        2 answer
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2 sdp
            1.1 < 200 PRACK 2 to=t1 sdp
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 3
            3.0 < 200 BYE 3 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What the owner says while it decides about the offer of a PRACK comes after that.
#[test]
fn rings_while_the_offer_of_a_prack_is_open() {
    check(
        "
        0 > INVITE sdp
        + Require: 100rel
        1 ring 183 sdp
        1.1 > PRACK sdp=2
        + RAck: {rseq} 1 INVITE
        1.2 ring 181
        1.3 ring 180
        1.4 reoffer ok
        1.5 > PRACK
        + RAck: {rseq} 1 INVITE
        2 answer
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2 sdp=2
            1.1 * s1 Reoffered { sdp: 2 }
            1.4 < 200 PRACK 2 to=t1 sdp
            1.4 < 180 INVITE 1 to=t1 RSeq:r+1 Require:100rel
            1.5 > PRACK 3
            1.5 < 200 PRACK 3 to=t1
            2.0 < 200 INVITE 1 to=t1
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 4
            3.0 < 200 BYE 4 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// A 180 need not wait for it; and each minute something is said, of which nothing depends.
#[test]
fn rings_on_after_early_media() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 ring 180
        1.2 again INVITE
        1.6 > PRACK
        + RAck: {rseq} 1 INVITE
        70 answer
        70.1 > ACK
        71 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 < 180 INVITE 1 to=t1
            1.2 > INVITE 1 sdp again
            1.2 < 180 INVITE 1 to=t1
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.6 > PRACK 2
            1.6 < 200 PRACK 2 to=t1
            61.1 < 180 INVITE 1 to=t1
            70.0 < 200 INVITE 1 to=t1 sdp
            70.1 > ACK 1
            70.1 * s1 Confirmed { sdp: no }
            71.0 > BYE 3
            71.0 < 200 BYE 3 to=t1
            71.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
