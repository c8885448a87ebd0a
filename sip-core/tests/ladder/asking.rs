//! Requests of ours outside any dialog.

use bytes::Bytes;
use expect_test::expect;
use sip_core::{
    EndpointOutput, Flow, Method, OutsideRequest, Transport, Unsent,
    endpoint::{Endpoint, EndpointSettings, MESSAGE_OCTETS_MAX, REQUESTS_MAX},
};

use crate::script::{check, check_showing, check_tcp, start};

#[test]
fn asked_and_answered() {
    check_showing(
        &["From", "To", "Contact", "Allow", "Max-Forwards"],
        "
        0 ask OPTIONS
        0.1 > 100 OPTIONS
        0.2 > 200 OPTIONS
        0.3 again 200
        1 ask MESSAGE cseq=7
        1.1 > 603 MESSAGE
        ",
        expect![[r#"
            0.0 < OPTIONS 1 sip:carrier.example b1 From:"Us" <sip:us@carrier.example>;tag=68fba7b149478950 To:<sip:us@carrier.example> Contact:<sip:10.0.0.1:5060> Allow:INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REGISTER Max-Forwards:70
            0.1 > 100 OPTIONS
            0.2 > 200 OPTIONS
            0.2 * r1 Answered 200
            0.3 > 200 OPTIONS again
            1.0 < MESSAGE 7 sip:carrier.example b2 From:"Us" <sip:us@carrier.example>;tag=55600b259bc4c468 To:<sip:us@carrier.example> Contact:<sip:10.0.0.1:5060> Allow:INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REGISTER Max-Forwards:70
            1.1 > 603 MESSAGE
            1.1 * r2 Answered 603
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn silence() {
    check(
        "
        0 ask REGISTER
        1 > 100 REGISTER
        ",
        expect![[r#"
            0.0 < REGISTER 1 sip:carrier.example b1
            0.5 < REGISTER 1 sip:carrier.example b1
            1.0 > 100 REGISTER
            1.5 < REGISTER 1 sip:carrier.example b1
            5.5 < REGISTER 1 sip:carrier.example b1
            9.5 < REGISTER 1 sip:carrier.example b1
            13.5 < REGISTER 1 sip:carrier.example b1
            17.5 < REGISTER 1 sip:carrier.example b1
            21.5 < REGISTER 1 sip:carrier.example b1
            25.5 < REGISTER 1 sip:carrier.example b1
            29.5 < REGISTER 1 sip:carrier.example b1
            32.0 * r1 Unanswered 1 Timeout
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn nobody_there() {
    check(
        "
        0 ask OPTIONS
        0 ask OPTIONS port=7000
        0.1 icmp
        40 nothing
        ",
        expect![[r#"
            0.0 < OPTIONS 1 sip:carrier.example b1
            0.0 < OPTIONS 1 sip:carrier.example b2 port=7000
            0.1 * r1 Unanswered 1 Unreachable
            0.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            1.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            3.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            7.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            11.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            15.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            19.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            23.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            27.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            31.5 < OPTIONS 1 sip:carrier.example b2 port=7000
            32.0 * r2 Unanswered 1 Timeout
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn stream_is_lost() {
    check_tcp(
        "
        0 ask REGISTER
        0.1 closed
        1 ask REGISTER cseq=2
        1.1 > 200 REGISTER
        1.2 closed
        ",
        expect![[r#"
            0.0 < REGISTER 1 sip:carrier.example b1
            0.1 * r1 Unanswered 1 FlowLost
            1.0 < REGISTER 2 sip:carrier.example b2
            1.1 > 200 REGISTER
            1.1 * r2 Answered 200
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn challenged() {
    check(
        r#"
        0 ask REGISTER cseq=5
        0.1 > 401 REGISTER
        + WWW-Authenticate: Digest realm="carrier", nonce="n0", qop="auth"
        1 account
        1 ask REGISTER cseq=6
        1.1 > 401 REGISTER
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        1.2 > 401 REGISTER
        + WWW-Authenticate: Digest realm="carrier", nonce="n2", qop="auth", stale=true
        1.3 > 200 REGISTER
        2 ask REGISTER cseq=9
        2.1 > 401 REGISTER
        + WWW-Authenticate: Digest realm="carrier", nonce="n2", qop="auth"
        2.2 > 401 REGISTER
        + WWW-Authenticate: Digest realm="carrier", nonce="n3", qop="auth"
        3 ask REGISTER cseq=11
        3.1 > 401 REGISTER
        + WWW-Authenticate: Digest realm="evil", nonce="n4", qop="auth"
        4 ask REGISTER cseq=12
        4.1 > 401 REGISTER
        + WWW-Authenticate: Digest realm="carrier", nonce="n5", qop="auth"
        5 ask OPTIONS cseq=2147483647
        5.1 > 407 OPTIONS
        + Proxy-Authenticate: Digest realm="carrier", nonce="n6", qop="auth"
        "#,
        expect![[r#"
            0.0 < REGISTER 5 sip:carrier.example b1
            0.1 > 401 REGISTER
            0.1 * r1 Answered 401
            1.0 < REGISTER 6 sip:carrier.example b2
            1.1 > 401 REGISTER
            1.1 < REGISTER 7 sip:carrier.example b3 Authorization:"n1"/00000001
            1.2 > 401 REGISTER
            1.2 < REGISTER 8 sip:carrier.example b4 Authorization:"n2"/00000001
            1.3 > 200 REGISTER
            1.3 * r2 Answered 200
            2.0 < REGISTER 9 sip:carrier.example b5
            2.1 > 401 REGISTER
            2.1 < REGISTER 10 sip:carrier.example b6 Authorization:"n2"/00000002
            2.2 > 401 REGISTER
            2.2 * r3 Answered 401: user name or password refused
            3.0 < REGISTER 11 sip:carrier.example b7
            3.1 > 401 REGISTER
            3.1 * r4 Answered 401: asked for another realm: evil
            4.0 < REGISTER 12 sip:carrier.example b8
            4.1 > 401 REGISTER
            4.1 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            4.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            5.0 < OPTIONS 2147483647 sip:carrier.example b10
            5.1 > 407 OPTIONS
            5.1 * r6 Answered 407
            5.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            7.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            11.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            15.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            19.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            23.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            27.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            31.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            35.6 < REGISTER 13 sip:carrier.example b9 Authorization:"n5"/00000001
            36.1 * r5 Unanswered 13 Timeout
            left: 0 sessions, 0 transactions
        "#]],
    );
}

fn request() -> OutsideRequest {
    OutsideRequest {
        flow: Flow { transport: Transport::Udp, local: "10.0.0.1:5060".parse().unwrap(), remote: "10.0.0.9:5060".parse().unwrap() },
        method: Method::Options,
        uri: Bytes::from_static(b"sip:carrier.example"),
        from: "<sip:us@carrier.example>".into(),
        to: "<sip:us@carrier.example>".into(),
        call_id: None,
        cseq: 1,
        contact: false,
        headers: Vec::new(),
        body: None,
        account: None,
    }
}

/// Each has room of its own: these never fill that of calls, nor calls theirs.
#[test]
fn they_are_bounded_and_take_no_room_of_calls() {
    let mut now = start();
    let settings = EndpointSettings { transactions_max: 1, sessions_max: 1, ..EndpointSettings::default() };
    let mut endpoint = Endpoint::new(settings, [1; 32]);
    for _ in 0..REQUESTS_MAX {
        assert!(endpoint.request(now, request()).is_ok());
    }
    assert_eq!(endpoint.request(now, request()), Err(Unsent::Not));
    assert!(endpoint.has_room(), "for a call");
    assert_eq!(endpoint.transactions(), REQUESTS_MAX);
    let mut unanswered = 0;
    while let Some((at, _)) = endpoint.timeout() {
        now = at;
        endpoint.wake(now);
        while let Some(output) = endpoint.poll() {
            unanswered += usize::from(matches!(output, EndpointOutput::Unanswered { .. }));
        }
    }
    assert_eq!((unanswered, endpoint.transactions()), (REQUESTS_MAX, 0));
    assert!(endpoint.request(now, request()).is_ok());
}

/// What makes no message of ours.
#[test]
fn not_sent() {
    let mut endpoint = Endpoint::new(EndpointSettings::default(), [1; 32]);
    let table: Vec<(&str, OutsideRequest)> = vec![
        ("INVITE", OutsideRequest { method: Method::Invite, ..request() }),
        ("ACK", OutsideRequest { method: Method::Ack, ..request() }),
        ("BYE", OutsideRequest { method: Method::Bye, ..request() }),
        ("NOTIFY", OutsideRequest { method: Method::Notify, ..request() }),
        ("another", OutsideRequest { method: Method::Other, ..request() }),
        ("no number", OutsideRequest { cseq: 0, ..request() }),
        ("a number too high", OutsideRequest { cseq: 0x8000_0000, ..request() }),
        ("a From with a tag", OutsideRequest { from: "<sip:us@x>;tag=a".into(), ..request() }),
        ("a From that is none", OutsideRequest { from: "us".into(), ..request() }),
        ("two To", OutsideRequest { to: "<sip:a@x>, <sip:b@x>".into(), ..request() }),
        ("another line", OutsideRequest { to: "<sip:a@x>\r\nX: y".into(), ..request() }),
        ("a Call-ID with a blank", OutsideRequest { call_id: Some(Bytes::from_static(b"a b")), ..request() }),
        ("a header too long", OutsideRequest { headers: vec![("X", "x".repeat(70_000))], ..request() }),
        ("a second To", OutsideRequest { headers: vec![("To", "<sip:a@x>".into())], ..request() }),
    ];
    for (what, asked) in table {
        assert_eq!(endpoint.request(start(), asked), Err(Unsent::Not), "{what}");
    }
    assert!(endpoint.poll().is_none() && endpoint.transactions() == 0);
}

/// RFC 3428, 8: the whole request has a bound, not its text.
#[test]
fn length_of_a_message_of_ours() {
    let mut endpoint = Endpoint::new(EndpointSettings::default(), [1; 32]);
    let mut length_with = |octets: usize, headers| {
        let body = Some(("text/plain".to_owned(), Bytes::from("x".repeat(octets))));
        endpoint.request(start(), OutsideRequest { method: Method::Message, body, headers, ..request() })?;
        let Some(EndpointOutput::Transmit { bytes, .. }) = endpoint.poll() else { panic!("not sent") };
        Ok(bytes.len())
    };
    // A length of three digits.
    let head = length_with(700, Vec::new()).unwrap() - 700;
    let most = MESSAGE_OCTETS_MAX - head;
    assert!((100..=999).contains(&most), "{most}");
    assert_eq!(length_with(most, Vec::new()), Ok(MESSAGE_OCTETS_MAX));
    assert_eq!(length_with(most + 1, Vec::new()), Err(Unsent::TooLong));
    assert_eq!(length_with(most, vec![("Route", "<sip:10.0.0.9;lr>".to_owned())]), Err(Unsent::TooLong), "headers count");
    let long = OutsideRequest { headers: vec![("X", "x".repeat(2_000))], ..request() };
    assert!(endpoint.request(start(), long).is_ok(), "of OPTIONS we know who gets them");
}

#[test]
fn message_has_a_body() {
    let mut endpoint = Endpoint::new(EndpointSettings { user_agent: "ours".into(), ..EndpointSettings::default() }, [1; 32]);
    let body = Some(("text/plain".to_owned(), Bytes::from_static(b"hello")));
    let headers = vec![("Max-Forwards", "3".to_owned())];
    endpoint.request(start(), OutsideRequest { method: Method::Message, body, headers, ..request() }).unwrap();
    let Some(EndpointOutput::Transmit { bytes, session: None, .. }) = endpoint.poll() else { panic!("not sent") };
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.starts_with("MESSAGE sip:carrier.example SIP/2.0\r\n") && text.ends_with("\r\nContent-Length: 5\r\n\r\nhello"), "{text}");
    assert!(text.contains("\r\nContent-Type: text/plain\r\n") && text.contains("\r\nUser-Agent: ours\r\n"), "{text}");
    assert_eq!(text.matches("Max-Forwards").count(), 1, "{text}");
}
