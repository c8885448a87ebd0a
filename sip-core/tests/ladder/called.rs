//! The called side.

use expect_test::expect;

use crate::script::{check, check_tcp};

#[test]
fn nothing_goes_wrong() {
    check(
        "
        0 > INVITE sdp
        1 ring 180
        3 answer
        3.1 > ACK
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1
            3.0 < 200 INVITE 1 to=t1 sdp
            3.1 > ACK 1
            3.1 * s1 Confirmed { sdp: no }
            9.0 > BYE 2
            9.0 < 200 BYE 2 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn invite_retransmitted() {
    check(
        "
        0 > INVITE sdp
        0.5 again INVITE
        1 ring 183 sdp
        1.5 again INVITE
        2 answer
        2.1 again INVITE
        2.2 > ACK
        2.3 again ACK
        3 hangup reason
        3.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.5 > INVITE 1 sdp again
            0.5 < 100 INVITE 1
            1.0 < 183 INVITE 1 to=t1 sdp
            1.5 > INVITE 1 sdp again
            1.5 < 183 INVITE 1 to=t1 sdp
            2.0 < 200 INVITE 1 to=t1 sdp
            2.1 > INVITE 1 sdp again
            2.2 > ACK 1
            2.2 * s1 Confirmed { sdp: no }
            2.3 > ACK 1 again
            3.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer Reason:Q.850;cause=16;text="bye"
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn two_hundred_lost() {
    check(
        "
        0 > INVITE sdp
        0 answer
        8 > ACK
        9 > BYE
        9.5 again BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.5 < 200 INVITE 1 to=t1 sdp
            1.5 < 200 INVITE 1 to=t1 sdp
            3.5 < 200 INVITE 1 to=t1 sdp
            7.5 < 200 INVITE 1 to=t1 sdp
            8.0 > ACK 1
            8.0 * s1 Confirmed { sdp: no }
            9.0 > BYE 2
            9.0 < 200 BYE 2 to=t1
            9.0 * s1 Ended { why: Bye }
            9.5 > BYE 2 again
            9.5 < 200 BYE 2 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn no_ack_bye() {
    check(
        "
        0 > INVITE sdp
        0 answer
        32.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.5 < 200 INVITE 1 to=t1 sdp
            1.5 < 200 INVITE 1 to=t1 sdp
            3.5 < 200 INVITE 1 to=t1 sdp
            7.5 < 200 INVITE 1 to=t1 sdp
            11.5 < 200 INVITE 1 to=t1 sdp
            15.5 < 200 INVITE 1 to=t1 sdp
            19.5 < 200 INVITE 1 to=t1 sdp
            23.5 < 200 INVITE 1 to=t1 sdp
            27.5 < 200 INVITE 1 to=t1 sdp
            31.5 < 200 INVITE 1 to=t1 sdp
            32.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            32.0 * s1 Ended { why: NoAck }
            32.1 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn no_ack_over_tcp() {
    check_tcp(
        "
        0 > INVITE sdp
        0 answer
        32.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.5 < 200 INVITE 1 to=t1 sdp
            1.5 < 200 INVITE 1 to=t1 sdp
            3.5 < 200 INVITE 1 to=t1 sdp
            7.5 < 200 INVITE 1 to=t1 sdp
            11.5 < 200 INVITE 1 to=t1 sdp
            15.5 < 200 INVITE 1 to=t1 sdp
            19.5 < 200 INVITE 1 to=t1 sdp
            23.5 < 200 INVITE 1 to=t1 sdp
            27.5 < 200 INVITE 1 to=t1 sdp
            31.5 < 200 INVITE 1 to=t1 sdp
            32.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            32.0 * s1 Ended { why: NoAck }
            32.1 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refused_busy() {
    check(
        "
        0 > INVITE sdp
        0 refuse 486
        0.1 again INVITE
        0.7 > ACK branch=invite
        0.8 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 486 INVITE 1 to=t1
            0.0 * s1 Ended { why: HungUp }
            0.1 > INVITE 1 sdp again
            0.1 < 486 INVITE 1 to=t1
            0.5 < 486 INVITE 1 to=t1
            0.7 > ACK 1
            0.8 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refusal_never_acked() {
    check(
        "
        0 > INVITE sdp
        0 refuse 603
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 603 INVITE 1 to=t1
            0.0 * s1 Ended { why: HungUp }
            0.5 < 603 INVITE 1 to=t1
            1.5 < 603 INVITE 1 to=t1
            3.5 < 603 INVITE 1 to=t1
            7.5 < 603 INVITE 1 to=t1
            11.5 < 603 INVITE 1 to=t1
            15.5 < 603 INVITE 1 to=t1
            19.5 < 603 INVITE 1 to=t1
            23.5 < 603 INVITE 1 to=t1
            27.5 < 603 INVITE 1 to=t1
            31.5 < 603 INVITE 1 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refusal_over_tcp_is_sent_once() {
    check_tcp(
        "
        0 > INVITE sdp
        0 refuse 486
        1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 486 INVITE 1 to=t1
            0.0 * s1 Ended { why: HungUp }
            1.0 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancelled_while_ringing() {
    check(
        "
        0 > INVITE sdp
        1 ring 180
        2 > CANCEL
        2.1 again CANCEL
        2.2 > ACK branch=invite
        3 answer
        3 refuse 486
        3 hangup
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1
            2.0 > CANCEL 1
            2.0 < 200 CANCEL 1 to=t1
            2.0 < 487 INVITE 1 to=t1
            2.0 * s1 Ended { why: Cancelled }
            2.1 > CANCEL 1 again
            2.1 < 200 CANCEL 1 to=t1
            2.2 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_crosses_200() {
    check(
        "
        0 > INVITE sdp
        1 answer
        1.0 > CANCEL
        1.1 > ACK
        1.2 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 200 INVITE 1 to=t1 sdp
            1.0 > CANCEL 1
            1.0 < 200 CANCEL 1 to=t1
            1.1 > ACK 1
            1.1 * s1 Confirmed { sdp: no }
            1.2 > BYE 2
            1.2 < 200 BYE 2 to=t1
            1.2 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_of_nothing() {
    check(
        "
        0 > CANCEL cseq=1 branch=z9hG4bK-pX
        ",
        expect![[r#"
            0.0 > CANCEL 1
            0.0 < 481 CANCEL 1 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_before_ack() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.2 > BYE
        0.3 > ACK
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.2 > BYE 2
            0.2 < 200 BYE 2 to=t1
            0.2 * s1 Ended { why: Bye }
            0.3 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_of_an_early_dialog() {
    check(
        "
        0 > INVITE sdp
        0 ring 180
        1 > BYE
        1.1 > ACK branch=invite cseq=1
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 180 INVITE 1 to=t1
            1.0 > BYE 2
            1.0 < 200 BYE 2 to=t1
            1.0 < 487 INVITE 1 to=t1
            1.0 * s1 Ended { why: Bye }
            1.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hangup_before_ack_waits_for_it() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.2 hangup reason
        0.3 hangup
        1 > ACK
        1.2 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.5 < 200 INVITE 1 to=t1 sdp
            1.0 > ACK 1
            1.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer Reason:Q.850;cause=16;text="bye"
            1.2 > 200 BYE
            1.2 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hangup_before_ack_that_never_comes() {
    check(
        "
        0 > INVITE sdp
        31 answer
        31.2 hangup reason
        63.2 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            31.0 < 200 INVITE 1 to=t1 sdp
            31.5 < 200 INVITE 1 to=t1 sdp
            32.5 < 200 INVITE 1 to=t1 sdp
            34.5 < 200 INVITE 1 to=t1 sdp
            38.5 < 200 INVITE 1 to=t1 sdp
            42.5 < 200 INVITE 1 to=t1 sdp
            46.5 < 200 INVITE 1 to=t1 sdp
            50.5 < 200 INVITE 1 to=t1 sdp
            54.5 < 200 INVITE 1 to=t1 sdp
            58.5 < 200 INVITE 1 to=t1 sdp
            62.5 < 200 INVITE 1 to=t1 sdp
            63.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer Reason:Q.850;cause=16;text="bye"
            63.0 * s1 Ended { why: HungUp }
            63.2 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hangup_while_ringing() {
    check(
        "
        0 > INVITE sdp
        0 ring 180
        1 hangup reason
        1.1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 180 INVITE 1 to=t1
            1.0 < 487 INVITE 1 to=t1 Reason:Q.850;cause=16;text="bye"
            1.0 * s1 Ended { why: HungUp }
            1.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn ringing_for_minutes() {
    check(
        "
        0 > INVITE sdp
        1 ring 180
        130 answer
        130.1 > ACK
        131 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            1.0 < 180 INVITE 1 to=t1
            61.0 < 180 INVITE 1 to=t1
            121.0 < 180 INVITE 1 to=t1
            130.0 < 200 INVITE 1 to=t1 sdp
            130.1 > ACK 1
            130.1 * s1 Confirmed { sdp: no }
            131.0 > BYE 2
            131.0 < 200 BYE 2 to=t1
            131.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_in_the_200() {
    check(
        "
        0 > INVITE
        0 answer
        0.1 > ACK sdp
        1 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1 sdp
            0.1 * s1 Confirmed { sdp: yes }
            1.0 > BYE 2
            1.0 < 200 BYE 2 to=t1
            1.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_in_the_200_without_an_answer() {
    check(
        "
        0 > INVITE
        0 answer
        0.1 > ACK
        1 > INVITE
        1 reoffer ok
        1.1 > ACK
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > INVITE 2
            1.0 * s1 Reoffered { sdp: no }
            1.0 < 100 INVITE 2 to=t1
            1.0 < 200 INVITE 2 to=t1 sdp
            1.1 > ACK 2
            1.1 * s1 Reconfirmed { sdp: no }
            2.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn caller_of_rfc_2543() {
    check(
        "
        0 > INVITE branch=none from=none sdp
        0.5 again INVITE
        1 refuse 486
        1.1 > ACK branch=none from=none
        5 > INVITE branch=none from=none to=none cseq=2 call=second sdp
        6 > CANCEL branch=none from=none to=none cseq=2 call=second
        6.1 > ACK branch=none from=none call=second
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.5 > INVITE 1 sdp again
            0.5 < 100 INVITE 1
            1.0 < 486 INVITE 1 to=t1
            1.0 * s1 Ended { why: HungUp }
            1.1 > ACK 1
            5.0 > INVITE 2 sdp
            5.0 * s2 Invited
            5.0 < 100 INVITE 2
            6.0 > CANCEL 2
            6.0 < 200 CANCEL 2 to=t2
            6.0 < 487 INVITE 2 to=t2
            6.0 * s2 Ended { why: Cancelled }
            6.1 > ACK 2
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The network changed the order.
#[test]
fn cancel_before_the_invite() {
    check(
        "
        0 > CANCEL cseq=1 branch=z9hG4bK-p9
        0.1 > INVITE branch=z9hG4bK-p9 cseq=1 sdp
        0.2 > CANCEL
        0.3 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > CANCEL 1
            0.0 < 481 CANCEL 1 to=t1
            0.1 > INVITE 1 sdp
            0.1 * s1 Invited
            0.1 < 100 INVITE 1
            0.2 > CANCEL 1
            0.2 < 200 CANCEL 1 to=t2
            0.2 < 487 INVITE 1 to=t2
            0.2 * s1 Ended { why: Cancelled }
            0.3 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_before_we_have_said_anything() {
    check(
        "
        0 > INVITE sdp
        0 > CANCEL
        0.1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 > CANCEL 1
            0.0 < 200 CANCEL 1 to=t1
            0.0 < 487 INVITE 1 to=t1
            0.0 * s1 Ended { why: Cancelled }
            0.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_after_the_refusal() {
    check(
        "
        0 > INVITE sdp
        0.1 refuse 486
        0.2 > CANCEL
        0.3 > ACK branch=invite
        0.4 > CANCEL
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.1 < 486 INVITE 1 to=t1
            0.1 * s1 Ended { why: HungUp }
            0.2 > CANCEL 1
            0.2 < 200 CANCEL 1 to=t1
            0.3 > ACK 1
            0.4 > CANCEL 1
            0.4 < 200 CANCEL 1 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_after_the_ack() {
    check(
        "
        0 > INVITE sdp
        0.1 answer
        0.2 > ACK
        0.3 > CANCEL cseq=1
        1 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.1 < 200 INVITE 1 to=t1 sdp
            0.2 > ACK 1
            0.2 * s1 Confirmed { sdp: no }
            0.3 > CANCEL 1
            0.3 < 200 CANCEL 1 to=t1
            1.0 > BYE 2
            1.0 < 200 BYE 2 to=t1
            1.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_with_another_branch() {
    check(
        "
        0 > INVITE sdp
        0.1 > CANCEL branch=z9hG4bK-pX
        0.2 ring 180
        1 refuse 486
        1.1 > ACK branch=invite
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.1 > CANCEL 1
            0.1 < 481 CANCEL 1 to=t1
            0.2 < 180 INVITE 1 to=t2
            1.0 < 486 INVITE 1 to=t2
            1.0 * s1 Ended { why: HungUp }
            1.1 > ACK 1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 9.1: only an INVITE is cancelled.
#[test]
fn cancel_of_something_else() {
    check(
        "
        0 > REGISTER
        0.1 > CANCEL cseq=1 branch=z9hG4bK-p1
        0.2 respond 200
        ",
        expect![[r#"
            0.0 > REGISTER 1
            0.0 * request REGISTER
            0.1 > CANCEL 1
            0.1 < 481 CANCEL 1 to=t1
            0.2 < 200 REGISTER 1 to=t2
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// RFC 6026: for 64*T1 it is absorbed; no network delivers it later than that.
#[test]
fn invite_again_after_the_ack() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        0.2 again INVITE
        20 again INVITE
        31 again ACK
        31.9 again INVITE
        40 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            0.2 > INVITE 1 sdp again
            20.0 > INVITE 1 sdp again
            31.0 > ACK 1 again
            31.9 > INVITE 1 sdp again
            40.0 > BYE 2
            40.0 < 200 BYE 2 to=t1
            40.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn acks_of_other_numbers() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK cseq=2
        0.2 > ACK cseq=0
        0.3 > ACK to=none cseq=1
        0.6 > ACK cseq=1
        1 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 2
            0.2 > ACK 0
            0.3 > ACK 1
            0.5 < 200 INVITE 1 to=t1 sdp
            0.6 > ACK 1
            0.6 * s1 Confirmed { sdp: no }
            1.0 > BYE 3
            1.0 < 200 BYE 3 to=t1
            1.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn bye_twice() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > BYE
        1.1 > BYE
        1.2 again BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > BYE 2
            1.0 < 200 BYE 2 to=t1
            1.0 * s1 Ended { why: Bye }
            1.1 > BYE 3
            1.1 < 481 BYE 3 to=t1
            1.2 > BYE 3 again
            1.2 < 481 BYE 3 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}
