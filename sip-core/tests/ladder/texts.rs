//! MESSAGE (RFC 3428).

use expect_test::expect;
use sip_core::endpoint::{EndpointSettings, Extras, TEXT_OCTETS_MAX};

use crate::script::{check, check_with, run};

fn settings() -> EndpointSettings {
    EndpointSettings { extras: Extras { messages: true, ..Extras::default() }, ..EndpointSettings::default() }
}

/// Outside of any dialog it is the owner's to answer; nothing is kept of a stranger's.
#[test]
fn text_from_outside() {
    check_with(
        settings(),
        "
        0 > MESSAGE sdp type=text/plain
        0.1 again MESSAGE
        0.2 respond 200
        0.3 again MESSAGE
        1 > MESSAGE sdp type=TEXT/html;charset=utf-8
        1 respond 404
        2 > MESSAGE
        2 respond 202
        3 > MESSAGE sdp type=application/pidf+xml
        4 > MESSAGE sdp type=text/plain
        + Content-Encoding: gzip
        5 > MESSAGE sdp type=text/plain
        + Require: bells
        6 > MESSAGE sdp type=text/plain mf=0
        7 > MESSAGE to=0123456789abcdef sdp type=text/plain
        8 strangers
        8 > MESSAGE sdp type=text/plain
        8.1 count
        ",
        expect![[r#"
            0.0 > MESSAGE 1 sdp
            0.0 * request MESSAGE
            0.1 > MESSAGE 1 sdp again
            0.2 < 200 MESSAGE 1 to=t1
            0.3 > MESSAGE 1 sdp again
            0.3 < 200 MESSAGE 1 to=t1
            1.0 > MESSAGE 2 sdp
            1.0 * request MESSAGE
            1.0 < 404 MESSAGE 2 to=t2
            2.0 > MESSAGE 3
            2.0 * request MESSAGE
            2.0 < 202 MESSAGE 3 to=t3
            3.0 > MESSAGE 4 sdp
            3.0 < 415 MESSAGE 4 to=t4 Accept:text/*
            4.0 > MESSAGE 5 sdp
            4.0 < 415 MESSAGE 5 to=t5 Accept-Encoding:identity
            5.0 > MESSAGE 6 sdp
            5.0 < 420 MESSAGE 6 to=t6 Unsupported:bells
            6.0 > MESSAGE 7 sdp
            6.0 < 483 MESSAGE 7 to=t7
            7.0 > MESSAGE 8 sdp
            7.0 < 481 MESSAGE 8 to=t8
            8.0 > MESSAGE 9 sdp
            8.0 * request MESSAGE
            8.0 < 401 MESSAGE 9 to=t9
            8.1 = 3 transactions
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn length_of_a_text() {
    for transport in [sip_core::Transport::Udp, sip_core::Transport::Tcp] {
        for (length, taken) in [(TEXT_OCTETS_MAX, true), (TEXT_OCTETS_MAX + 1, false)] {
            // `v=0\r\ns=` and a line end are of it.
            let text = "x".repeat(length - 9);
            let ladder = run(transport, settings(), &format!("0 > MESSAGE sdp={text} type=text/plain"));
            assert_eq!(ladder.contains("* request MESSAGE"), taken, "{length} octets by {transport}");
            assert_eq!(ladder.contains("< 513 MESSAGE"), !taken, "{length} octets by {transport}");
        }
    }
}

#[test]
fn text_within_a_session() {
    check_with(
        settings(),
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > MESSAGE sdp=hello type=text/plain
        1.05 text 202
        1.1 again MESSAGE
        1.2 text 500
        2 > MESSAGE sdp type=image/png
        3 > MESSAGE cseq=1 sdp type=text/plain
        3.1 say there
        3.2 > 200 MESSAGE
        4 > BYE
        4.1 > MESSAGE sdp type=text/plain
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > MESSAGE 2 sdp=hello
            1.0 * s1 Message { content_type: b"text/plain", body: b"v=0\r\ns=hello\r\n" }
            1.1 < 202 MESSAGE 2 to=t1
            1.1 > MESSAGE 2 sdp=hello again
            1.1 < 202 MESSAGE 2 to=t1
            2.0 > MESSAGE 3 sdp
            2.0 < 415 MESSAGE 3 to=t1 Accept:text/*
            3.0 > MESSAGE 1 sdp
            3.0 < 500 MESSAGE 1 to=t1
            3.1 < MESSAGE 1 sip:peer@192.168.1.9:5062 b1 to=peer sdp
            3.2 > 200 MESSAGE
            4.0 > BYE 4
            4.0 < 200 BYE 4 to=t1
            4.0 * s1 Ended { why: Bye }
            4.1 > MESSAGE 5 sdp
            4.1 < 481 MESSAGE 5 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Whatever becomes of a text, the session goes on (RFC 5057): the peer does not know such requests, knows no such dialog, or says nothing.
/// RFC 3428, 8: what would be too long is not sent, and takes no number.
#[test]
fn text_never_ends_a_session() {
    let script = format!(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 say one
        1.1 > 481 MESSAGE
        2 say two
        2.1 > 408 MESSAGE
        3 say three
        40 say {}
        41 info
        41.1 > 200 INFO
        42 > BYE
        ",
        "x".repeat(1_000)
    );
    let ladder = run(sip_core::Transport::Udp, settings(), &script);
    assert!(ladder.contains("40.0 * unsent TooLong\n41.0 < INFO 4 "), "{ladder}");
    assert!(ladder.contains("42.0 * s1 Ended { why: Bye }"), "{ladder}");
}

#[test]
fn without_texts() {
    check(
        "
        0 > MESSAGE sdp type=text/plain
        1 > INVITE sdp to=none
        1 answer
        1.1 > ACK
        2 > MESSAGE sdp type=text/plain
        3 > BYE
        ",
        expect![[r#"
            0.0 > MESSAGE 1 sdp
            0.0 < 405 MESSAGE 1 to=t1 Allow
            1.0 > INVITE 2 sdp
            1.0 * s1 Invited
            1.0 < 100 INVITE 2
            1.0 < 200 INVITE 2 to=t2 sdp
            1.1 > ACK 2
            1.1 * s1 Confirmed { sdp: no }
            2.0 > MESSAGE 3 sdp
            2.0 < 405 MESSAGE 3 to=t2 Allow
            3.0 > BYE 4
            3.0 < 200 BYE 4 to=t2
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
