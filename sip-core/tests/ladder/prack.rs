//! Provisional responses of theirs that we acknowledge (RFC 3262, 4), and the early dialogs that they make (B-53).

use expect_test::expect;
use sip_core::{EndpointSettings, Transport};

use crate::script::{check, check_showing, check_tcp, check_with_showing, run};

/// What comes after the first description in a reliable response says nothing (13.2.1).
#[test]
fn nothing_goes_wrong() {
    check_showing(
        &["Supported", "Allow"],
        "
        0 call
        0.1 > 183 to=a sdp=2
        + Require: 100rel
        + RSeq: 7
        0.2 > 200 PRACK
        1 > 200 INVITE to=a sdp=3
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Supported:timer, 100rel Allow:INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REGISTER sdp
            0.1 > 183 INVITE to=a sdp=2
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: 2 }
            0.2 > 200 PRACK
            1.0 > 200 INVITE to=a sdp=3
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            1.0 * s1 Answered { sdp: 2 }
            2.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn nothing_goes_wrong_over_tcp() {
    check_tcp(
        "
        0 call
        0.1 > 183 to=a sdp=2
        + Require: 100rel
        + RSeq: 7
        0.2 > 200 PRACK
        1 > 200 INVITE to=a
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp=2
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: 2 }
            0.2 > 200 PRACK
            1.0 > 200 INVITE to=a
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            1.0 * s1 Answered { sdp: 2 }
            2.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Who sends them all the same gets his PRACK.
#[test]
fn settings_take_none() {
    check_with_showing(
        EndpointSettings { takes_reliable: false, ..EndpointSettings::default() },
        &["Supported"],
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        0.2 > 200 PRACK
        1 > 200 INVITE to=a
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Supported:timer sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 200 PRACK
            1.0 > 200 INVITE to=a
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hundred_is_never_reliable() {
    check(
        "
        0 call
        0.1 > 100
        + Require: 100rel
        + RSeq: 7
        0.2 > 486
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            0.2 > 486 INVITE
            0.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.2 * s1 Refused { status: 486 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// It repeats itself; the response that comes again asks for no other.
#[test]
fn prack_lost() {
    check(
        "
        0 call
        0.1 > 180 to=a
        + Require: 100rel
        + RSeq: 7
        0.6 again 180
        1.6 again 180
        1.7 > 200 PRACK
        1.8 again 180
        2 > 200 INVITE to=a sdp
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE to=a
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            0.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.6 > 180 INVITE to=a again
            1.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            1.6 > 180 INVITE to=a again
            1.7 > 200 PRACK
            1.8 > 180 INVITE to=a again
            2.0 > 200 INVITE to=a sdp
            2.0 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            2.0 * s1 Answered { sdp: yes }
            3.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// RSeq 8 was lost: 9 waits for it.
#[test]
fn provisional_lost() {
    check(
        "
        0 call
        0.1 > 180 to=a
        + Require: 100rel
        + RSeq: 7
        0.15 > 200 PRACK
        0.2 > 183 INVITE to=a sdp
        + Require: 100rel
        + RSeq: 9
        0.3 > 181 INVITE to=a
        + Require: 100rel
        + RSeq: 8
        0.35 > 200 PRACK
        0.7 again 183
        0.75 > 200 PRACK
        0.8 > 180 INVITE to=a
        + Require: 100rel
        + RSeq: 7
        2 > 486 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE to=a
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            0.1 > 200 PRACK
            0.2 > 183 INVITE to=a sdp
            0.3 > 181 INVITE to=a
            0.3 < PRACK 3 sip:a@192.168.1.9:5062 b3 to=a RAck:8 1 INVITE
            0.3 * s1 Ringing { status: 181, sdp: no }
            0.3 > 200 PRACK
            0.7 > 183 INVITE to=a sdp again
            0.7 < PRACK 4 sip:a@192.168.1.9:5062 b4 to=a RAck:9 1 INVITE
            0.7 * s1 Ringing { status: 183, sdp: yes }
            0.8 > 200 PRACK
            0.8 > 180 INVITE to=a
            2.0 > 486 INVITE
            2.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            2.0 * s1 Refused { status: 486 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The number of the ACK is that of the INVITE, the BYE's follows the PRACK's.
#[test]
fn prack_crosses_200() {
    check(
        "
        0 call
        0.1 > 180 to=a
        + Require: 100rel
        + RSeq: 7
        0.1 > 200 INVITE to=a sdp
        0.2 > 200 PRACK
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE to=a
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            0.1 > 200 INVITE to=a sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            0.1 * s1 Answered { sdp: yes }
            0.2 > 200 PRACK
            3.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Each has its own numbers, and the answer of the one that is taken is its own.
#[test]
fn two_forks_reliable() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp=2
        + Require: 100rel
        + RSeq: 7
        0.15 > 200 PRACK
        0.2 > 183 INVITE to=b sdp=3
        + Require: 100rel
        + RSeq: 7000
        0.25 > 200 PRACK
        0.3 > 180 INVITE to=a
        + Require: 100rel
        + RSeq: 8
        0.35 > 200 PRACK
        1 > 200 INVITE to=b
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp=2
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: 2 }
            0.1 > 200 PRACK
            0.2 > 183 INVITE to=b sdp=3
            0.2 < PRACK 2 sip:b@192.168.1.9:5062 b3 to=b RAck:7000 1 INVITE
            0.2 * s1 Ringing { status: 183, sdp: 3, fork: 2 }
            0.2 > 200 PRACK
            0.3 > 180 INVITE to=a
            0.3 < PRACK 3 sip:a@192.168.1.9:5062 b4 to=a RAck:8 1 INVITE
            0.3 * s1 Ringing { status: 180, sdp: no }
            0.3 > 200 PRACK
            1.0 > 200 INVITE to=b
            1.0 < ACK 1 sip:b@192.168.1.9:5062 b5 to=b
            1.0 * s1 Answered { sdp: 3 }
            2.0 < BYE 3 sip:b@192.168.1.9:5062 b6 to=b
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 481 ends that early dialog; the other rings on.
#[test]
fn fork_knows_nothing_of_the_prack() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp=2
        + Require: 100rel
        + RSeq: 7
        0.15 > 481 PRACK
        0.2 > 183 INVITE to=b sdp=3
        + Require: 100rel
        + RSeq: 7000
        0.25 > 200 PRACK
        0.6 again 183 INVITE to=a
        1 > 200 INVITE to=b
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp=2
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: 2 }
            0.1 > 481 PRACK
            0.1 * s1 ForkEnded { fork: 1 }
            0.2 > 183 INVITE to=b sdp=3
            0.2 < PRACK 2 sip:b@192.168.1.9:5062 b3 to=b RAck:7000 1 INVITE
            0.2 * s1 Ringing { status: 183, sdp: 3, fork: 2 }
            0.2 > 200 PRACK
            0.6 > 183 INVITE to=a sdp=2 again
            1.0 > 200 INVITE to=b
            1.0 < ACK 1 sip:b@192.168.1.9:5062 b4 to=b
            1.0 * s1 Answered { sdp: 3 }
            2.0 < BYE 3 sip:b@192.168.1.9:5062 b5 to=b
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn prack_answered_by_nobody() {
    check(
        "
        0 call ring=120
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        20 > 180 INVITE to=b
        40 > 200 INVITE to=b sdp
        41 hangup
        41.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            1.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            3.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            7.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            11.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            15.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            19.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            20.0 > 180 INVITE to=b
            20.0 * s1 Ringing { status: 180, sdp: no, fork: 2 }
            23.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            27.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            31.6 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            32.1 * s1 ForkEnded { fork: 1 }
            40.0 > 200 INVITE to=b sdp
            40.0 < ACK 1 sip:b@192.168.1.9:5062 b3 to=b
            40.0 * s1 Answered { sdp: yes }
            41.0 < BYE 2 sip:b@192.168.1.9:5062 b4 to=b
            41.1 > 200 BYE
            41.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// It was overtaken on the way: what comes again is acknowledged anew.
#[test]
fn prack_came_too_late() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        0.2 > 500 PRACK
        0.6 again 183
        0.7 > 200 PRACK
        1.6 again 183
        2 > 200 INVITE to=a
        3 hangup
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 > 500 PRACK
            0.6 > 183 INVITE to=a sdp again
            0.6 < PRACK 3 sip:a@192.168.1.9:5062 b3 to=a RAck:7 1 INVITE
            0.7 > 200 PRACK
            1.6 > 183 INVITE to=a sdp again
            2.0 > 200 INVITE to=a
            2.0 < ACK 1 sip:a@192.168.1.9:5062 b4 to=a
            2.0 * s1 Answered { sdp: yes }
            3.0 < BYE 4 sip:a@192.168.1.9:5062 b5 to=a
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_crosses_prack() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        0.2 hangup
        0.3 > 200 PRACK
        0.4 > 200 CANCEL
        0.5 > 487 INVITE to=a
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            0.3 > 200 PRACK
            0.4 > 200 CANCEL
            0.5 > 487 INVITE to=a
            0.5 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.5 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// It is acknowledged and cancelled.
#[test]
fn hung_up_before_the_first_provisional() {
    check(
        "
        0 call
        0.05 hangup
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        0.3 > 481 PRACK
        0.4 > 200 CANCEL
        0.5 > 487 INVITE to=a
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            0.3 > 481 PRACK
            0.3 * s1 ForkEnded { fork: 1 }
            0.4 > 200 CANCEL
            0.5 > 487 INVITE to=a
            0.5 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.5 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn routes_and_target_of_the_fork() {
    check(
        "
        0 call
        0.1 > 183 to=a
        + Require: 100rel
        + RSeq: 7
        + Record-Route: <sip:10.0.0.7;lr>, <sip:10.0.0.8;lr>
        0.2 > 200 PRACK
        1 > 486 INVITE to=a
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a Route:<sip:10.0.0.8;lr> Route:<sip:10.0.0.7;lr> RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: no }
            0.2 > 200 PRACK
            1.0 > 486 INVITE to=a
            1.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.0 * s1 Refused { status: 486 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 199 ends one of two (RFC 6228); what comes of it late is not heard.
#[test]
fn fork_is_over() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp=2
        0.2 > 183 to=b sdp=3
        0.3 > 199 to=a
        0.4 again 183 INVITE to=a
        1 > 200 to=b
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp=2
            0.1 * s1 Ringing { status: 183, sdp: 2 }
            0.2 > 183 INVITE to=b sdp=3
            0.2 * s1 Ringing { status: 183, sdp: 3, fork: 2 }
            0.3 > 199 INVITE to=a
            0.3 * s1 ForkEnded { fork: 1 }
            0.4 > 183 INVITE to=a sdp=2 again
            1.0 > 200 INVITE to=b
            1.0 < ACK 1 sip:b@192.168.1.9:5062 b2 to=b
            1.0 * s1 Answered { sdp: 3 }
            2.0 < BYE 2 sip:b@192.168.1.9:5062 b3 to=b
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn nobody_is_there_for_the_prack() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp
        + Require: 100rel
        + RSeq: 7
        0.2 icmp
        1 > 486 INVITE to=a
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp
            0.1 < PRACK 2 sip:a@192.168.1.9:5062 b2 to=a RAck:7 1 INVITE
            0.1 * s1 Ringing { status: 183, sdp: yes }
            0.2 * s1 ForkEnded { fork: 1 }
            1.0 > 486 INVITE to=a
            1.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.0 * s1 Refused { status: 486 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// A peer that says ever new things and answers no PRACK gets sixteen, and no more before one of them is over.
#[test]
fn pracks_that_are_never_answered() {
    let responses: String = (0..20).map(|number| format!("1 > 180 INVITE to=a\n+ Require: 100rel\n+ RSeq: {}\n", 100 + number)).collect();
    let ladder = run(Transport::Udp, EndpointSettings::default(), &format!("0 call\n{responses}2 hangup\n2.1 > 487 INVITE"));
    let pracks = |ladder: &str| ladder.lines().filter(|line| line.starts_with("1.0 < PRACK")).count();
    assert_eq!(pracks(&ladder), 16, "{ladder}");
    assert!(ladder.ends_with("left: 0 sessions, 0 transactions\n"), "{ladder}");
    let answered = responses.replace("1 > 180", "1 > 200 PRACK\n1 > 180").replacen("1 > 200 PRACK\n", "", 1);
    let ladder = run(Transport::Udp, EndpointSettings::default(), &format!("0 call\n{answered}2 hangup\n2.1 > 487 INVITE"));
    assert_eq!(pracks(&ladder), 20, "{ladder}");
}
