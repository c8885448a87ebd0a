//! The calling side.

use expect_test::expect;

use crate::script::{check, check_tcp};

#[test]
fn nothing_goes_wrong() {
    check(
        "
        0 call
        0.1 > 100
        0.2 > 180
        3 > 200 sdp
        9 hangup reason
        9.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            0.2 > 180 INVITE
            0.2 * s1 Ringing { status: 180, sdp: no }
            3.0 > 200 INVITE sdp
            3.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            3.0 * s1 Answered { sdp: yes }
            9.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a Reason:Q.850;cause=16;text="bye"
            9.1 > 200 BYE
            9.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn ack_lost() {
    check(
        "
        0 call
        1 > 200 sdp
        1.5 again 200
        2.5 again 200
        9 > BYE
        9.5 again BYE
        33 again 200
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            1.5 > 200 INVITE sdp again
            1.5 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            2.5 > 200 INVITE sdp again
            2.5 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            9.0 > BYE 1
            9.0 < 200 BYE 1 to=t1
            9.0 * s1 Ended { why: Bye }
            9.5 > BYE 1 again
            9.5 < 200 BYE 1 to=t1
            33.0 > 200 INVITE sdp again
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn timer_b() {
    check(
        "
        0 call
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            3.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            7.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            15.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            31.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            32.0 * s1 Ended { why: Timeout }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn timer_b_over_tcp() {
    check_tcp(
        "
        0 call
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            32.0 * s1 Ended { why: Timeout }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn callee_unreachable() {
    check(
        "
        0 call
        0.6 icmp
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.6 * s1 Ended { why: Timeout }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn busy() {
    check(
        "
        0 call
        0.1 > 100
        1 > 486 to=a
        + Retry-After: 18 (in a meeting);duration=60
        1.5 again 486
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            1.0 > 486 INVITE to=a
            1.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.0 * s1 Refused { status: 486 }
            1.5 > 486 INVITE to=a again
            1.5 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn busy_over_tcp() {
    check_tcp(
        "
        0 call
        1 > 486 to=a
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 486 INVITE to=a
            1.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.0 * s1 Refused { status: 486 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancelled_while_ringing() {
    check(
        "
        0 call
        0.1 > 180
        1 hangup reason
        1.1 > 200 CANCEL
        1.2 > 487 INVITE
        1.7 again 487
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1 Reason:Q.850;cause=16;text="bye"
            1.1 > 200 CANCEL
            1.2 > 487 INVITE
            1.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.2 * s1 Ended { why: HungUp }
            1.7 > 487 INVITE again
            1.7 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_before_provisional() {
    check(
        "
        0 call
        0.1 hangup
        0.2 hangup
        0.9 > 100
        1.0 > 200 CANCEL
        1.1 > 487 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.9 > 100 INVITE
            0.9 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.0 > 200 CANCEL
            1.1 > 487 INVITE
            1.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_before_provisional_that_never_comes() {
    check(
        "
        0 call
        0.1 hangup
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            3.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            7.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            15.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            31.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            32.0 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_before_provisional_and_then_200() {
    check(
        "
        0 call
        0.1 hangup
        0.3 > 200 sdp
        0.4 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.3 > 200 INVITE sdp
            0.3 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.3 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a
            0.4 > 200 BYE
            0.4 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_crosses_200() {
    check(
        "
        0 call
        0.1 > 180
        1 hangup
        1.0 > 200 INVITE sdp
        1.1 > 200 CANCEL
        1.2 > 200 BYE
        1.3 again 200 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a
            1.1 > 200 CANCEL
            1.2 > 200 BYE
            1.2 * s1 Ended { why: HungUp }
            1.3 > 200 INVITE sdp again
            1.3 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_without_a_final_response() {
    check(
        "
        0 call
        0.1 > 180
        1 hangup
        1.1 > 200 CANCEL
        40 > 200 INVITE sdp
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.1 > 200 CANCEL
            33.0 * s1 Ended { why: HungUp }
            40.0 > 200 INVITE sdp
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn nobody_answers() {
    check(
        "
        0 call ring=5
        0.1 > 180
        5.1 > 200 CANCEL
        5.2 > 487 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            5.0 * s1 Ended { why: NoAnswer }
            5.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            5.1 > 200 CANCEL
            5.2 > 487 INVITE
            5.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn nobody_answers_and_nobody_is_there() {
    check(
        "
        0 call ring=5
        7 hangup
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            3.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            5.0 * s1 Ended { why: NoAnswer }
            7.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            15.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            31.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn ring_limit_crosses_200() {
    check(
        "
        0 call ring=5
        0.1 > 180
        5 > 200 INVITE sdp
        5.1 > 200 BYE
        5.2 > 200 CANCEL
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            5.0 * s1 Ended { why: NoAnswer }
            5.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            5.0 > 200 INVITE sdp
            5.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            5.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a
            5.1 > 200 BYE
            5.2 > 200 CANCEL
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn forked_2xx() {
    check(
        "
        0 call
        0.1 > 180 to=a
        0.2 > 183 to=b sdp
        1 > 200 INVITE to=b sdp
        1.1 > 200 INVITE to=a sdp
        1.2 > 200 BYE to=a
        1.5 again 200 INVITE to=a
        1.6 again 200 INVITE to=b
        5 > BYE from=a
        6 > BYE from=b
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE to=a
            0.1 * s1 Ringing { status: 180, sdp: no }
            0.2 > 183 INVITE to=b sdp
            0.2 * s1 Ringing { status: 183, sdp: yes, fork: 2 }
            1.0 > 200 INVITE to=b sdp
            1.0 < ACK 1 sip:b@192.168.1.9:5062 b2 to=b
            1.0 * s1 Answered { sdp: yes }
            1.1 > 200 INVITE to=a sdp
            1.1 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            1.1 < BYE 2 sip:a@192.168.1.9:5062 b4 to=a
            1.2 > 200 BYE to=a
            1.5 > 200 INVITE to=a sdp again
            1.5 < ACK 1 sip:a@192.168.1.9:5062 b3 to=a
            1.6 > 200 INVITE to=b sdp again
            1.6 < ACK 1 sip:b@192.168.1.9:5062 b2 to=b
            5.0 > BYE 1
            5.0 < 481 BYE 1 to=t1
            6.0 > BYE 2
            6.0 < 200 BYE 2 to=t1
            6.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn proxies_on_the_way() {
    check(
        "
        0 call
        1 > 200 sdp
        + Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a Route:<sip:p1.example;lr> Route:<sip:p2.example;lr>
            1.0 * s1 Answered { sdp: yes }
            2.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a Route:<sip:p1.example;lr> Route:<sip:p2.example;lr>
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn a_strict_router_on_the_way() {
    check(
        "
        0 call
        1 > 200 sdp
        + Record-Route: <sip:p2.example;lr>
        + Record-Route: <sip:old.example>
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:old.example b2 to=a Route:<sip:p2.example;lr> Route:<sip:a@192.168.1.9:5062>
            1.0 * s1 Answered { sdp: yes }
            2.0 < BYE 2 sip:old.example b3 to=a Route:<sip:p2.example;lr> Route:<sip:a@192.168.1.9:5062>
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn callee_hangs_up_while_ringing() {
    check(
        "
        0 call
        0.1 > 180
        1 > BYE
        1.1 > 487 INVITE
        1.2 > 200 CANCEL
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 > BYE 1
            1.0 < 200 BYE 1 to=t1
            1.0 * s1 Ended { why: Bye }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.1 > 487 INVITE
            1.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.2 > 200 CANCEL
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn callee_dies_while_cancelled() {
    check(
        "
        0 call
        0.1 > 180
        1 hangup
        1.1 icmp
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn a_fork_speaks_before_it_was_heard() {
    check(
        "
        0 call
        0.1 > 100
        0.2 > INFO cseq=1 from=b
        1 > 180 to=b
        1.1 > INFO cseq=2 from=b
        1.2 > BYE cseq=1 from=c
        1.3 > 487 INVITE to=c
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            0.2 > INFO 1
            0.2 < 500 INFO 1 to=t1 Retry-After:5
            1.0 > 180 INVITE to=b
            1.0 * s1 Ringing { status: 180, sdp: no }
            1.1 > INFO 2
            1.1 < 200 INFO 2 to=t1
            1.1 * s1 Info { content_type: b"", body: b"" }
            1.2 > BYE 1
            1.2 < 200 BYE 1 to=t1
            1.2 * s1 Ended { why: Bye }
            1.2 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.3 > 487 INVITE to=c
            1.3 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=c
            1.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            2.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            4.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            8.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            12.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            16.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            20.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            24.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            28.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            32.7 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn more_forks_than_anybody_has() {
    check(
        "
        0 call
        1 > 200 INVITE to=a sdp
        2 > 200 INVITE to=b
        2 > 200 BYE
        3 > 200 INVITE to=c
        3 > 200 BYE
        4 > 200 INVITE to=d
        4 > 200 BYE
        5 > 200 INVITE to=e
        5 > 200 BYE
        6 > 200 INVITE to=f
        6 > 200 BYE
        7 > 200 INVITE to=g
        7 > 200 BYE
        8 > 200 INVITE to=h
        8 > 200 BYE
        9 > 200 INVITE to=i
        10 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE to=a sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 > 200 INVITE to=b
            2.0 < ACK 1 sip:b@192.168.1.9:5062 b3 to=b
            2.0 < BYE 2 sip:b@192.168.1.9:5062 b4 to=b
            2.0 > 200 BYE
            3.0 > 200 INVITE to=c
            3.0 < ACK 1 sip:c@192.168.1.9:5062 b5 to=c
            3.0 < BYE 2 sip:c@192.168.1.9:5062 b6 to=c
            3.0 > 200 BYE
            4.0 > 200 INVITE to=d
            4.0 < ACK 1 sip:d@192.168.1.9:5062 b7 to=d
            4.0 < BYE 2 sip:d@192.168.1.9:5062 b8 to=d
            4.0 > 200 BYE
            5.0 > 200 INVITE to=e
            5.0 < ACK 1 sip:e@192.168.1.9:5062 b9 to=e
            5.0 < BYE 2 sip:e@192.168.1.9:5062 b10 to=e
            5.0 > 200 BYE
            6.0 > 200 INVITE to=f
            6.0 < ACK 1 sip:f@192.168.1.9:5062 b11 to=f
            6.0 < BYE 2 sip:f@192.168.1.9:5062 b12 to=f
            6.0 > 200 BYE
            7.0 > 200 INVITE to=g
            7.0 < ACK 1 sip:g@192.168.1.9:5062 b13 to=g
            7.0 < BYE 2 sip:g@192.168.1.9:5062 b14 to=g
            7.0 > 200 BYE
            8.0 > 200 INVITE to=h
            8.0 < ACK 1 sip:h@192.168.1.9:5062 b15 to=h
            8.0 < BYE 2 sip:h@192.168.1.9:5062 b16 to=h
            8.0 > 200 BYE
            9.0 > 200 INVITE to=i
            10.0 > BYE 1
            10.0 < 200 BYE 1 to=t1
            10.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancel_answered_by_a_refusal_of_their_own() {
    check(
        "
        0 call
        0.1 > 180
        1 hangup
        1.05 > 486 INVITE
        1.1 > 481 CANCEL
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.1 > 486 INVITE
            1.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.1 * s1 Ended { why: HungUp }
            1.1 > 481 CANCEL
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 9.1: the CANCEL changes nothing by itself; only the INVITE's final response does.
#[test]
fn cancel_finds_nothing_and_it_rings_on() {
    check(
        "
        0 call
        0.1 > 180
        1 hangup
        1.1 > 481 CANCEL
        1.2 > 180 INVITE
        1.3 > 183 INVITE sdp
        2 > 200 INVITE sdp
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.1 > 481 CANCEL
            1.2 > 180 INVITE
            1.3 > 183 INVITE sdp
            2.0 > 200 INVITE sdp
            2.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            2.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn hangup_after_it_was_cancelled() {
    check(
        "
        0 call
        0.1 > 180
        1 hangup
        1.1 > 487 INVITE
        1.2 hangup
        1.3 > 200 CANCEL
        1.4 > 200 INVITE sdp
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            1.1 > 487 INVITE
            1.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.1 * s1 Ended { why: HungUp }
            1.3 > 200 CANCEL
            1.4 > 200 INVITE sdp
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// After the final response there is none for a late 2xx to belong to.
#[test]
fn all_forks_refuse() {
    check(
        "
        0 call
        0.1 > 180 to=a
        0.2 > 183 to=b sdp=2
        1 > 199 to=a
        2 > 603 to=b
        2.1 > 200 INVITE to=a sdp
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE to=a
            0.1 * s1 Ringing { status: 180, sdp: no }
            0.2 > 183 INVITE to=b sdp=2
            0.2 * s1 Ringing { status: 183, sdp: 2, fork: 2 }
            1.0 > 199 INVITE to=a
            1.0 * s1 ForkEnded { fork: 1 }
            2.0 > 603 INVITE to=b
            2.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=b
            2.0 * s1 Refused { status: 603 }
            2.1 > 200 INVITE to=a sdp
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// B-53: the 200 that says no answer has that of its own fork.
#[test]
fn early_media_of_several_forks() {
    check(
        "
        0 call
        0.1 > 183 to=a sdp=2
        0.2 > 183 to=b sdp=3
        0.3 > 180 to=a
        0.4 > 183 to=c
        1 > 200 INVITE to=a
        2 > BYE from=b
        2.1 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 183 INVITE to=a sdp=2
            0.1 * s1 Ringing { status: 183, sdp: 2 }
            0.2 > 183 INVITE to=b sdp=3
            0.2 * s1 Ringing { status: 183, sdp: 3, fork: 2 }
            0.3 > 180 INVITE to=a
            0.3 * s1 Ringing { status: 180, sdp: no }
            0.4 > 183 INVITE to=c
            0.4 * s1 Ringing { status: 183, sdp: no, fork: 3 }
            1.0 > 200 INVITE to=a
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: 2 }
            2.0 > BYE 1
            2.0 < 481 BYE 1 to=t1
            2.1 > BYE 2
            2.1 < 200 BYE 2 to=t1
            2.1 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 16.7, step 2: it begins anew with 101 to 199.
#[test]
fn timer_c() {
    check(
        "
        0 call ring=0
        0.1 > 100
        1 > 180
        100 > 180
        200 > 199 to=b
        300 > 183
        481.1 > 200 CANCEL
        481.2 > 487 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            1.0 > 180 INVITE
            1.0 * s1 Ringing { status: 180, sdp: no }
            100.0 > 180 INVITE
            100.0 * s1 Ringing { status: 180, sdp: no }
            200.0 > 199 INVITE to=b
            200.0 * s1 ForkEnded { fork: 2 }
            300.0 > 183 INVITE
            300.0 * s1 Ringing { status: 183, sdp: no }
            481.0 * s1 Ended { why: NoAnswer }
            481.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            481.1 > 200 CANCEL
            481.2 > 487 INVITE
            481.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn timer_c_of_one_that_only_tries() {
    check(
        "
        0 call ring=0
        0.1 > 100
        100 > 100
        181.1 > 200 CANCEL
        181.2 > 487 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            100.0 > 100 INVITE
            181.0 * s1 Ended { why: NoAnswer }
            181.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            181.1 > 200 CANCEL
            181.2 > 487 INVITE
            181.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn ring_limit_does_not_wait_for_timer_c() {
    check(
        "
        0 call ring=100
        0.1 > 180
        60 > 180
        100.1 > 200 CANCEL
        100.2 > 487 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            60.0 > 180 INVITE
            60.0 * s1 Ringing { status: 180, sdp: no }
            100.0 * s1 Ended { why: NoAnswer }
            100.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            100.1 > 200 CANCEL
            100.2 > 487 INVITE
            100.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn stray_responses() {
    check(
        "
        0 call
        0.1 > 180
        1 > 486
        1.1 > 180 INVITE
        1.2 > 200 INVITE sdp
        1.3 > 486 INVITE to=b
        34 > 486 INVITE
        34.1 > 200 INVITE sdp
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            1.0 > 486 INVITE
            1.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.0 * s1 Refused { status: 486 }
            1.1 > 180 INVITE
            1.2 > 200 INVITE sdp
            1.3 > 486 INVITE to=b
            1.3 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            34.0 > 486 INVITE
            34.1 > 200 INVITE sdp
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// B-55: it is told, not followed.
#[test]
fn redirected() {
    check(
        "
        0 call
        0.1 > 302
        + Contact: <sip:0900@expensive.example>
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 302 INVITE
            0.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.1 * s1 Refused { status: 302 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
