//! Provisional responses of ours that are acknowledged (RFC 3262, 3).

use expect_test::expect;
use sip_core::{EndpointSettings, Reliable};

use crate::script::{check, check_tcp, check_with};

/// The 2xx says again what the 183 said.
#[test]
fn nothing_goes_wrong() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        3 answer
        3.1 > ACK
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            3.0 < 200 INVITE 1 to=t1 sdp
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            9.0 > BYE 3
            9.0 < 200 BYE 3 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn nothing_goes_wrong_over_tcp() {
    check_tcp(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.6 > PRACK
        + RAck: {rseq} 1 INVITE
        3 answer
        3.1 > ACK
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.6 > PRACK 2
            1.6 < 200 PRACK 2 to=t1
            3.0 < 200 INVITE 1 to=t1 sdp
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            9.0 > BYE 3
            9.0 < 200 BYE 3 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn caller_knows_of_none() {
    check(
        "
        0 > INVITE sdp
        1 ring 183 sdp
        2 answer
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 sdp
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 2
            3.0 < 200 BYE 2 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Only what has a description, unless the caller requires more.
#[test]
fn ringing_without_sdp_is_not_worth_it() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 180
        2 answer
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 2
            3.0 < 200 BYE 2 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Also where the settings want none.
#[test]
fn everything_to_who_requires_it() {
    check_with(
        EndpointSettings { reliable: Reliable::Never, ..EndpointSettings::default() },
        "
        0 > INVITE sdp
        + Require: 100rel
        1 ring 180
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 ring 183 sdp
        2.1 > PRACK
        + RAck: {rseq} 1 INVITE
        3 answer
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1 RSeq:r Require:100rel
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            2.0 < 183 INVITE 1 to=t1 RSeq:r+1 Require:100rel sdp
            2.1 > PRACK 3
            2.1 < 200 PRACK 3 to=t1
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
fn settings_never() {
    check_with(
        EndpointSettings { reliable: Reliable::Never, ..EndpointSettings::default() },
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        2 answer
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 sdp
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 2
            3.0 < 200 BYE 2 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn settings_always() {
    check_with(
        EndpointSettings { reliable: Reliable::Always, ..EndpointSettings::default() },
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 180
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        2 answer
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1 RSeq:r Require:100rel
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
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

/// The pauses double, beyond T2 as well; an INVITE that comes again is another reason to say it again.
#[test]
fn provisional_lost() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.2 again INVITE
        20 > PRACK
        + RAck: {rseq} 1 INVITE
        40 answer
        40.1 > ACK
        41 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.2 > INVITE 1 sdp again
            1.2 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            2.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            4.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            8.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            16.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            20.0 > PRACK 2
            20.0 < 200 PRACK 2 to=t1
            40.0 < 200 INVITE 1 to=t1 sdp
            40.1 > ACK 1
            40.1 * s1 Confirmed { sdp: no }
            41.0 > BYE 3
            41.0 < 200 BYE 3 to=t1
            41.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What the caller repeats then is the same PRACK; its 200 was lost too.
#[test]
fn prack_lost() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        3.2 > PRACK
        + RAck: {rseq} 1 INVITE
        3.7 again PRACK
        4 answer
        4.1 > ACK
        5 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            2.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            3.2 > PRACK 2
            3.2 < 200 PRACK 2 to=t1
            3.7 > PRACK 2 again
            3.7 < 200 PRACK 2 to=t1
            4.0 < 200 INVITE 1 to=t1 sdp
            4.1 > ACK 1
            4.1 * s1 Confirmed { sdp: no }
            5.0 > BYE 3
            5.0 < 200 BYE 3 to=t1
            5.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// A second PRACK finds nothing that waits for it.
#[test]
fn prack_twice() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        1.2 > PRACK
        + RAck: {rseq} 1 INVITE
        2 answer
        2.1 > ACK
        2.2 > PRACK
        + RAck: {rseq} 1 INVITE
        3 > BYE
        3.1 > PRACK
        + RAck: {rseq} 1 INVITE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            1.2 > PRACK 3
            1.2 < 481 PRACK 3 to=t1
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            2.2 > PRACK 4
            2.2 < 481 PRACK 4 to=t1
            3.0 > BYE 5
            3.0 < 200 BYE 5 to=t1
            3.0 * s1 Ended { why: Bye }
            3.1 > PRACK 6
            3.1 < 481 PRACK 6 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn rack_wrong() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: 1 1 INVITE
        1.2 > PRACK
        + RAck: {rseq} 2 INVITE
        1.25 > PRACK
        + RAck: {rseq} 1 UPDATE
        1.3 > PRACK
        1.4 > PRACK from=somebody
        + RAck: {rseq} 1 INVITE
        1.6 > PRACK
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
            1.1 > PRACK 2
            1.1 < 481 PRACK 2 to=t1
            1.2 > PRACK 3
            1.2 < 481 PRACK 3 to=t1
            1.2 > PRACK 4
            1.2 < 481 PRACK 4 to=t1
            1.3 > PRACK 5
            1.3 < 481 PRACK 5 to=t1
            1.4 > PRACK 6
            1.4 < 481 PRACK 6 to=t1
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.6 > PRACK 7
            1.6 < 200 PRACK 7 to=t1
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 8
            3.0 < 200 BYE 8 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn unacknowledged_for_64_t1() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        0 ring 183 sdp
        32.1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            0.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            3.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            7.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            15.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            31.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            32.0 < 504 INVITE 1 to=t1
            32.0 * s1 Ended { why: NoPrack }
            32.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The owner has answered long ago, and hears why nothing came of it.
#[test]
fn unacknowledged_and_answered() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        0 ring 183 sdp
        5 answer
        32.1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            0.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            3.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            7.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            15.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            31.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            32.0 < 504 INVITE 1 to=t1
            32.0 * s1 Ended { why: NoPrack }
            32.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The 2xx waits, and goes out by itself.
#[test]
fn answered_before_the_prack() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 answer
        1.2 answer
        1.2 ring 180
        2 > PRACK
        + RAck: {rseq} 1 INVITE
        2.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.5 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            2.0 > PRACK 2
            2.0 < 200 PRACK 2 to=t1
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

/// Without a description in it, nothing waits for the PRACK; it is taken all the same.
#[test]
fn prack_crosses_200() {
    check(
        "
        0 > INVITE sdp
        + Require: 100rel
        1 ring 180
        1.1 answer
        1.15 > PRACK
        + RAck: {rseq} 1 INVITE
        1.2 > ACK
        1.3 > PRACK
        + RAck: {rseq} 1 INVITE
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1 RSeq:r Require:100rel
            1.1 < 200 INVITE 1 to=t1 sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            1.2 > ACK 1
            1.2 * s1 Confirmed { sdp: no }
            1.3 > PRACK 3
            1.3 < 481 PRACK 3 to=t1
            3.0 > BYE 4
            3.0 < 200 BYE 4 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What waits is told by the newest: 180 in place of 181, with the description that came between.
#[test]
fn one_at_a_time() {
    check(
        "
        0 > INVITE sdp
        + Require: 100rel
        1 ring 180
        1.1 ring 181
        1.2 ring 183 sdp
        1.3 ring 180
        2 > PRACK
        + RAck: {rseq} 1 INVITE
        2.1 > PRACK
        + RAck: {rseq} 1 INVITE
        3 answer
        3.1 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1 RSeq:r Require:100rel
            1.5 < 180 INVITE 1 to=t1 RSeq:r Require:100rel
            2.0 > PRACK 2
            2.0 < 200 PRACK 2 to=t1
            2.0 < 180 INVITE 1 to=t1 RSeq:r+1 Require:100rel sdp
            2.1 > PRACK 3
            2.1 < 200 PRACK 3 to=t1
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

/// What waits is not worth sending any more.
#[test]
fn answered_while_one_waits() {
    check(
        "
        0 > INVITE sdp
        + Require: 100rel
        1 ring 180
        1.1 ring 183 sdp
        1.2 answer
        1.3 > ACK
        4 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1 RSeq:r Require:100rel
            1.2 < 200 INVITE 1 to=t1 sdp
            1.3 > ACK 1
            1.3 * s1 Confirmed { sdp: no }
            4.0 > BYE 2
            4.0 < 200 BYE 2 to=t1
            4.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_crosses_prack() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > CANCEL
        1.2 > PRACK
        + RAck: {rseq} 1 INVITE
        1.3 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > CANCEL 1
            1.1 < 200 CANCEL 1 to=t1
            1.1 < 487 INVITE 1 to=t1
            1.1 * s1 Ended { why: Cancelled }
            1.2 > PRACK 2
            1.2 < 481 PRACK 2 to=t1
            1.3 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancelled_while_the_answer_waits() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 answer
        1.2 > CANCEL
        1.3 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.2 > CANCEL 1
            1.2 < 200 CANCEL 1 to=t1
            1.2 < 487 INVITE 1 to=t1
            1.2 * s1 Ended { why: Cancelled }
            1.3 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_before_prack() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > BYE
        1.2 > ACK branch=invite
        1.3 > PRACK
        + RAck: {rseq} 1 INVITE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > BYE 2
            1.1 < 200 BYE 2 to=t1
            1.1 < 487 INVITE 1 to=t1
            1.1 * s1 Ended { why: Bye }
            1.2 > ACK 1
            1.3 > PRACK 3
            1.3 < 481 PRACK 3 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refused_before_prack() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 refuse 486
        1.2 > ACK branch=invite
        1.3 > PRACK
        + RAck: {rseq} 1 INVITE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 < 486 INVITE 1 to=t1
            1.1 * s1 Ended { why: HungUp }
            1.2 > ACK 1
            1.3 > PRACK 2
            1.3 < 481 PRACK 2 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hung_up_while_the_answer_waits() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 answer
        1.2 hangup
        1.3 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.2 < 487 INVITE 1 to=t1
            1.2 * s1 Ended { why: HungUp }
            1.3 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Another request came before it, so its number is too low. It acknowledges all the same.
#[test]
fn prack_was_overtaken() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > INFO cseq=3
        1.2 > PRACK cseq=2
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
            1.1 > INFO 3
            1.1 < 200 INFO 3 to=t1
            1.1 * s1 Info { content_type: b"", body: b"" }
            1.2 > PRACK 2
            1.2 < 200 PRACK 2 to=t1
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

/// What was said reliably stands; the other is offered once it may.
#[test]
fn answer_differs_from_the_early_one() {
    check(
        "
        0 > INVITE sdp
        + Supported: 100rel
        1 ring 183 sdp
        1.1 > PRACK
        + RAck: {rseq} 1 INVITE
        1.5 ring 183 sdp=3
        2 answer 2
        2.1 > ACK
        2.2 > 200 INVITE sdp
        3 > BYE cseq=3
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 RSeq:r Require:100rel sdp
            1.1 > PRACK 2
            1.1 < 200 PRACK 2 to=t1
            1.5 < 183 INVITE 1 to=t1
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            2.1 < INVITE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp=2
            2.2 > 200 INVITE sdp
            2.2 < ACK 1 sip:a@192.168.1.9:5062 b2 to=peer
            2.2 * s1 ReofferAnswered { sdp: yes }
            3.0 > BYE 3
            3.0 < 200 BYE 3 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Each minute another response, since what was acknowledged is over.
#[test]
fn rings_for_minutes() {
    check(
        "
        0 > INVITE sdp
        + Require: 100rel
        0 ring 180
        0.1 > PRACK
        + RAck: {rseq} 1 INVITE
        60.1 > PRACK
        + RAck: {rseq} 1 INVITE
        61 refuse 480
        61.1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 180 INVITE 1 to=t1 RSeq:r Require:100rel
            0.1 > PRACK 2
            0.1 < 200 PRACK 2 to=t1
            60.0 < 180 INVITE 1 to=t1 RSeq:r+1 Require:100rel
            60.1 > PRACK 3
            60.1 < 200 PRACK 3 to=t1
            61.0 < 480 INVITE 1 to=t1
            61.0 * s1 Ended { why: HungUp }
            61.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}
