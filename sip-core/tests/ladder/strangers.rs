//! Who has not proven who he is: costs us nothing, and gets one packet for one packet (RFC 3261, 26.3.2.4). And the limits that
//! keep the calls of others going whatever he does.

use expect_test::expect;
use sip_core::{
    Flow, Transport,
    endpoint::{Endpoint, EndpointOutput, EndpointSettings, Invite},
};

use crate::script::{SDP, check, check_tcp, run, start};

#[test]
fn challenged_at_once() {
    check(
        "
        0 strangers
        0 > INVITE sdp
        0.1 > ACK branch=invite
        0.2 again ACK
        1 > INVITE sdp to=none
        1.5 again INVITE
        1.6 again INVITE
        2 > CANCEL to=none
        3 > INVITE branch=other cseq=2 sdp to=none
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 401 INVITE 1 to=t1
            0.1 > ACK 1
            0.2 > ACK 1 again
            1.0 > INVITE 2 sdp
            1.0 * s2 Invited
            1.0 < 401 INVITE 2 to=t2
            1.5 > INVITE 2 sdp again
            1.5 * s3 Invited
            1.5 < 401 INVITE 2 to=t2
            1.6 > INVITE 2 sdp again
            1.6 * s4 Invited
            1.6 < 401 INVITE 2 to=t2
            2.0 > CANCEL 2
            2.0 < 481 CANCEL 2 to=t3
            3.0 > INVITE 2 sdp
            3.0 * s5 Invited
            3.0 < 401 INVITE 2 to=t4
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn challenged_over_tcp() {
    check_tcp(
        "
        0 strangers
        0 > INVITE sdp
        0.1 > ACK branch=invite
        1 > REGISTER
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 401 INVITE 1 to=t1
            0.1 > ACK 1
            1.0 > REGISTER 2
            1.0 * request REGISTER
            1.0 < 401 REGISTER 2 to=t2
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn requests_challenged_at_once() {
    check(
        "
        0 strangers
        0 > REGISTER
        0.5 again REGISTER
        1 respond 200
        2 > OPTIONS
        2.5 again OPTIONS
        3 > OPTIONS
        ",
        expect![[r#"
            0.0 > REGISTER 1
            0.0 * request REGISTER
            0.0 < 401 REGISTER 1 to=t1
            0.5 > REGISTER 1 again
            0.5 * request REGISTER
            0.5 < 401 REGISTER 1 to=t1
            2.0 > OPTIONS 2
            2.0 < 200 OPTIONS 2 to=t2 Accept:application/sdp
            2.5 > OPTIONS 2 again
            2.5 < 200 OPTIONS 2 to=t2 Accept:application/sdp
            3.0 > OPTIONS 3
            3.0 < 200 OPTIONS 3 to=t3 Accept:application/sdp
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The 100 is out by then: one response all the same. After 180 he is no stranger any more.
#[test]
fn challenged_late() {
    check(
        "
        0 > INVITE sdp
        0.1 challenge
        0.2 > ACK branch=invite
        0.3 hangup
        1 > INVITE sdp to=none call=second
        1 ring 180 s=2
        1.1 challenge s=2
        1.2 > ACK branch=invite call=second
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.1 < 401 INVITE 1 to=t1
            0.2 > ACK 1
            1.0 > INVITE 2 sdp
            1.0 * s2 Invited
            1.0 < 100 INVITE 2
            1.0 < 180 INVITE 2 to=t2
            1.1 < 401 INVITE 2 to=t2
            1.1 * s2 Ended { why: HungUp }
            1.2 > ACK 2
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn request_challenged_when_answered() {
    check(
        "
        0 > REGISTER
        0 respond 200
        0 challenge request
        0.5 again REGISTER
        1 > REGISTER
        2 challenge request
        2 respond 200
        2 challenge request
        ",
        expect![[r#"
            0.0 > REGISTER 1
            0.0 * request REGISTER
            0.0 < 200 REGISTER 1 to=t1
            0.5 > REGISTER 1 again
            0.5 < 200 REGISTER 1 to=t1
            1.0 > REGISTER 2
            1.0 * request REGISTER
            2.0 < 401 REGISTER 2 to=t2
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn challenged_when_decided() {
    check(
        "
        0 > INVITE sdp
        0 answer
        0.1 challenge
        0.2 > ACK
        0.3 challenge
        1 > BYE
        1 challenge
        2 > INVITE sdp to=none call=second
        2 refuse 486 s=2
        2 challenge s=2
        2.1 > ACK branch=invite to=none call=second
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.2 > ACK 1
            0.2 * s1 Confirmed { sdp: no }
            1.0 > BYE 2
            1.0 < 200 BYE 2 to=t1
            1.0 * s1 Ended { why: Bye }
            2.0 > INVITE 3 sdp
            2.0 * s2 Invited
            2.0 < 100 INVITE 3
            2.0 < 486 INVITE 3 to=t2
            2.0 * s2 Ended { why: HungUp }
            2.1 > ACK 3
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The answer of who proved himself is kept for as long as repetitions may come; OPTIONS never is.
#[test]
fn what_is_kept() {
    check(
        "
        0 > REGISTER
        0 count
        0 respond 200
        0 count
        0.5 again REGISTER
        1 > OPTIONS
        1 count
        1.5 again OPTIONS
        2 strangers
        2 > REGISTER
        2 again REGISTER
        3 > INVITE to=none call=c2 sdp
        3 count
        3.1 > ACK branch=invite call=c2 to=t
        3.2 > CANCEL call=c2
        4 > BYE to=none call=c3
        5 > SUBSCRIBE to=none call=c4
        6 > OPTIONS to=none call=c5 mf=0
        7 > OPTIONS to=none call=c6
        + Require: precondition
        8 > OPTIONS to=none call=c7 uri=tel:1
        8 count
        33 count
        ",
        expect![[r#"
            0.0 > REGISTER 1
            0.0 * request REGISTER
            0.0 = 1 transactions
            0.0 < 200 REGISTER 1 to=t1
            0.0 = 1 transactions
            0.5 > REGISTER 1 again
            0.5 < 200 REGISTER 1 to=t1
            1.0 > OPTIONS 2
            1.0 < 200 OPTIONS 2 to=t2 Accept:application/sdp
            1.0 = 1 transactions
            1.5 > OPTIONS 2 again
            1.5 < 200 OPTIONS 2 to=t2 Accept:application/sdp
            2.0 > REGISTER 3
            2.0 * request REGISTER
            2.0 < 401 REGISTER 3 to=t3
            2.0 > REGISTER 3 again
            2.0 * request REGISTER
            2.0 < 401 REGISTER 3 to=t3
            3.0 > INVITE 4 sdp
            3.0 * s1 Invited
            3.0 < 401 INVITE 4 to=t4
            3.0 = 1 transactions
            3.1 > ACK 4
            3.2 > CANCEL 4
            3.2 < 481 CANCEL 4 to=t5
            4.0 > BYE 5
            4.0 < 481 BYE 5 to=t6
            5.0 > SUBSCRIBE 6
            5.0 < 405 SUBSCRIBE 6 to=t7 Allow
            6.0 > OPTIONS 7
            6.0 < 483 OPTIONS 7 to=t8
            7.0 > OPTIONS 8
            7.0 < 420 OPTIONS 8 to=t9 Unsupported:precondition
            8.0 > OPTIONS 9
            8.0 < 416 OPTIONS 9 to=t10
            8.0 = 1 transactions
            33.0 = 0 transactions
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 8.2.7: the tag is that of the request, and no two requests have the same.
#[test]
fn tags_are_of_the_request() {
    let now = start();
    let mut endpoint = Endpoint::new(EndpointSettings::default(), [1; 32]);
    let mut tags = std::collections::BTreeMap::new();
    for round in 0..2 {
        for at in 0..1_000 {
            for method in ["OPTIONS", "BYE", "MESSAGE"] {
                endpoint.received(now, flow(), request(method, at));
                let Some(EndpointOutput::Transmit { bytes, .. }) = endpoint.poll() else { panic!("no answer") };
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let tag = text.split("\r\nTo: <sip:100@y>;tag=").nth(1).unwrap().split('\r').next().unwrap().to_owned();
                let before = tags.insert((method, at), tag.clone());
                assert!(round == 0 || before == Some(tag), "{method} {at}");
            }
        }
    }
    let different: std::collections::BTreeSet<_> = tags.values().collect();
    assert_eq!(different.len(), tags.len());
}

/// However many come, they take nothing of what phones and calls need: not in the table, not in the timers.
#[test]
fn a_flood_of_strangers_leaves_the_table_empty() {
    let now = start();
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut endpoint = Endpoint::new(EndpointSettings::for_calls(10, String::new()), [1; 32]);
        let flow = Flow { transport, ..flow() };
        for at in 0..100_000 {
            let method = ["OPTIONS", "REGISTER", "INVITE", "BYE", "SUBSCRIBE", "CANCEL", "ACK", "FROB"][at as usize % 8];
            endpoint.received(now, flow, request(method, at));
            let mut sent = 0;
            while let Some(output) = endpoint.poll() {
                match output {
                    EndpointOutput::Invited { session, .. } => endpoint.challenge(now, session, 401, &[]),
                    EndpointOutput::Request { tx, .. } => endpoint.challenge_request(now, tx, 401, &[]),
                    EndpointOutput::Transmit { .. } => sent += 1,
                    EndpointOutput::Heard { .. } => {}
                    EndpointOutput::Session { event, .. } => panic!("{event:?}"),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(sent, usize::from(method != "ACK"), "{method} {at}");
            assert_eq!((endpoint.live(), endpoint.transactions(), endpoint.timeout()), (0, 0, None));
        }
        endpoint.received(now, flow, request("REGISTER", 0));
        assert!(has_answer(&mut endpoint, now, "SIP/2.0 200 "));
        endpoint.received(now, flow, request("INVITE", 0));
        let Some(EndpointOutput::Heard { .. }) = endpoint.poll() else { panic!("no room") };
    }
}

/// REGISTERs with credentials have a part of the table. Beyond it they are served all the same, and the rest stays for calls.
#[test]
fn registers_do_not_crowd_out_calls() {
    let now = start();
    let settings = EndpointSettings { transactions_max: 40, sessions_max: 8, ..EndpointSettings::default() };
    let mut endpoint = Endpoint::new(settings, [1; 32]);
    for at in 0..1_000 {
        endpoint.received(now, flow(), request("REGISTER", at));
        assert!(has_answer(&mut endpoint, now, "SIP/2.0 200 "), "{at}");
        assert_eq!(endpoint.transactions(), (at as usize + 1).min(10), "a quarter of 40");
    }
    assert!(endpoint.has_room());
    // One that was kept is repeated, one that was not is asked about again.
    endpoint.received(now, flow(), request("REGISTER", 0));
    assert!(matches!(endpoint.poll(), Some(EndpointOutput::Transmit { .. })));
    endpoint.received(now, flow(), request("REGISTER", 999));
    assert!(has_answer(&mut endpoint, now, "SIP/2.0 200 "));
    endpoint.wake(now + std::time::Duration::from_secs(32));
    assert_eq!(endpoint.transactions(), 0);
    endpoint.received(now, flow(), request("REGISTER", 0));
    assert!(has_answer(&mut endpoint, now, "SIP/2.0 200 "));
    assert_eq!(endpoint.transactions(), 1, "there is room again");
}

/// The owner lets every REGISTER in.
fn has_answer(endpoint: &mut Endpoint, now: std::time::Instant, status: &str) -> bool {
    let mut found = false;
    while let Some(output) = endpoint.poll() {
        match output {
            EndpointOutput::Request { tx, .. } => endpoint.respond(now, tx, 200, None, &[]),
            EndpointOutput::Transmit { bytes, .. } => found = bytes.starts_with(status.as_bytes()),
            _ => {}
        }
    }
    found
}

#[test]
fn strangers_take_no_room() {
    let now = start();
    let mut endpoint = Endpoint::new(EndpointSettings { transactions_max: 4, sessions_max: 2, ..EndpointSettings::default() }, [1; 32]);
    let flow = flow();
    for at in 0..10_000 {
        let method = if at % 2 == 0 { "INVITE" } else { "REGISTER" };
        endpoint.received(now, flow, request(method, at));
        let mut sent = Vec::new();
        while let Some(output) = endpoint.poll() {
            match output {
                EndpointOutput::Invited { session, .. } => endpoint.challenge(now, session, 401, &[]),
                EndpointOutput::Request { tx, .. } => endpoint.challenge_request(now, tx, 401, &[]),
                EndpointOutput::Transmit { bytes, .. } => sent.push(bytes),
                EndpointOutput::Heard { .. } => {}
                EndpointOutput::Session { event, .. } => panic!("{event:?}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(sent.len(), 1, "{method} {at}");
        assert!(sent[0].starts_with(b"SIP/2.0 401 "));
        assert_eq!((endpoint.live(), endpoint.transactions(), endpoint.timeout()), (0, 0, None));
    }
    assert!(endpoint.has_room());
}

#[test]
fn room_for_calls() {
    let now = start();
    for calls_max in [0, 1, 10] {
        let settings = EndpointSettings::for_calls(calls_max, "us".into());
        let sessions_max = settings.sessions_max;
        assert_eq!(sessions_max, calls_max.max(1) * 4, "two legs, one consulted, one leaving");
        assert!(settings.transactions_max >= sessions_max * 4, "sessions never lack transactions");
        let mut endpoint = Endpoint::new(settings, [1; 32]);
        for _ in 0..sessions_max {
            assert!(endpoint.has_room());
            assert!(endpoint.invite(now, invite()).is_some());
        }
        assert!(!endpoint.has_room());
        assert_eq!(endpoint.invite(now, invite()), None);
    }
    let all = EndpointSettings::for_calls(usize::MAX, String::new());
    assert!(Endpoint::new(all, [1; 32]).has_room(), "no factor overflows");
}

#[test]
fn new_work_has_no_room_before_sessions_have_none() {
    let now = start();
    let settings = EndpointSettings { transactions_max: 3, sessions_max: 10, ..EndpointSettings::default() };
    let mut endpoint = Endpoint::new(settings, [1; 32]);
    for _ in 0..3 {
        assert!(endpoint.has_room());
        assert!(endpoint.invite(now, invite()).is_some());
    }
    assert!(!endpoint.has_room());
    assert_eq!(endpoint.invite(now, invite()), None);
}

/// The room that is kept for all sessions does not go to one that asks without end; and its BYE is heard all the same.
#[test]
fn one_session_asks_without_end() {
    let infos = "1 > INFO\n".repeat(300);
    let later = "40 > INFO\n".repeat(10);
    let script = format!("0 > INVITE sdp\n0 answer\n0.1 > ACK\n{infos}2 > OPTIONS\n{later}41 > BYE");
    let ladder = run(Transport::Udp, EndpointSettings::default(), &script);
    let count = |what: &str| ladder.lines().filter(|line| line.contains(what)).count();
    // One of the 256 is the INVITE.
    assert_eq!(count("1.0 < 200 INFO"), 255);
    assert_eq!((count("1.0 < 491 INFO"), count("2.0 < 491 OPTIONS")), (45, 1));
    assert_eq!(count("40.0 < 200 INFO"), 10, "it has room again when the old ones are over");

    let script = format!("0 > INVITE sdp\n0 answer\n0.1 > ACK\n{infos}2 > BYE");
    let ladder = run(Transport::Udp, EndpointSettings::default(), &script);
    assert!(ladder.ends_with("2.0 < 200 BYE 302 to=t1\n2.0 * s1 Ended { why: Bye }\nleft: 0 sessions, 0 transactions\n"), "{ladder}");
}

fn flow() -> Flow {
    Flow { transport: Transport::Udp, local: "10.0.0.1:5060".parse().unwrap(), remote: "10.0.0.9:5060".parse().unwrap() }
}

fn request(method: &str, at: u32) -> bytes::Bytes {
    format!(
        "{method} sip:100@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-{at}\r\nFrom: <sip:p@x>;tag=p\r\nTo: <sip:100@y>\r\n\
         Call-ID: c{at}\r\nCSeq: 1 {method}\r\nContact: <sip:p@10.0.0.9>\r\n\r\n"
    )
    .into()
}

fn invite() -> Invite {
    Invite {
        flow: flow(),
        uri: bytes::Bytes::from_static(b"sip:phone@10.0.0.9"),
        from_display: None,
        from_user: "100".into(),
        to_user: "200".into(),
        host: "pbx.example".into(),
        sdp: bytes::Bytes::from_static(SDP),
        headers: Vec::new(),
        ring_s: 10,
        account: None,
    }
}
