//! Over streams: nothing is repeated but the 2xx, and a stream that is gone is noticed at once.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use expect_test::expect;
use sip_core::{
    Flow, Transport,
    endpoint::{Endpoint, EndpointSettings, Invite},
};

use crate::script::{SDP, check, check_tcp, start};

#[test]
fn nothing_is_repeated_while_we_call() {
    check_tcp(
        "
        0 call
        0.1 > 100
        1 > 180
        2 > 486
        3 again 486
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            1.0 > 180 INVITE
            1.0 * s1 Ringing { status: 180, sdp: no }
            2.0 > 486 INVITE
            2.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            2.0 * s1 Refused { status: 486 }
            3.0 > 486 INVITE again
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Timers E, F, J and K: the same request again is a new one, which comes too late.
#[test]
fn request_is_not_repeated() {
    check_tcp(
        "
        0 call
        0.1 > 200 sdp
        1 info
        10 > 200 INFO
        11 > INFO cseq=1
        11.1 again INFO
        12 hangup
        20 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 < INFO 2 sip:a@192.168.1.9:5062 b3 to=a sdp
            10.0 > 200 INFO
            11.0 > INFO 1
            11.0 < 200 INFO 1 to=t1
            11.0 * s1 Info { content_type: b"", body: b"" }
            11.1 > INFO 1 again
            11.1 < 500 INFO 1 to=t1
            12.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            20.0 > 200 BYE
            20.0 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// B-16: at once, not after 32 s.
#[test]
fn dialled_stream_is_gone() {
    check_tcp(
        "
        0 call
        0.1 closed
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 * s1 Ended { why: Timeout }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn another_stream_is_gone() {
    check_tcp(
        "
        0 call
        0.1 closed port=7777
        1 > 180
        2 hangup
        2.1 > 200 CANCEL
        2.2 > 487 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 180 INVITE
            1.0 * s1 Ringing { status: 180, sdp: no }
            2.0 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            2.1 > 200 CANCEL
            2.2 > 487 INVITE
            2.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            2.2 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The phone may come back by another stream, with its answer.
#[test]
fn stream_is_gone_while_it_rings() {
    check_tcp(
        "
        0 call
        0.1 > 180
        1 closed
        5 > 200 INVITE sdp port=7777
        6 hangup
        6.1 > 200 BYE port=7777
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 180 INVITE
            0.1 * s1 Ringing { status: 180, sdp: no }
            5.0 > 200 INVITE sdp
            5.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a port=7777
            5.0 * s1 Answered { sdp: yes }
            6.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a port=7777
            6.1 > 200 BYE
            6.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn stream_is_gone_while_it_rings_and_we_give_up() {
    check_tcp(
        "
        0 call
        0.1 > 180
        1 hangup
        1.1 closed
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
fn stream_is_gone_before_our_bye_is_answered() {
    check_tcp(
        "
        0 call
        0.1 > 200 sdp
        1 hangup
        1.1 closed
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a
            1.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn stream_is_gone_while_we_ask() {
    check_tcp(
        "
        0 call
        0.1 > 200 sdp
        1 probe
        1.1 closed
        1.2 closed
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 < OPTIONS 2 sip:a@192.168.1.9:5062 b3 to=a
            1.1 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            1.1 * s1 Ended { why: DialogLost }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// RFC 3261, 8.1.3.1: that is a 503, and ends the request alone (RFC 5057, 5.1). What is asked later is asked where the peer is by then.
#[test]
fn stream_is_gone_while_we_tell_a_digit() {
    check_tcp(
        "
        0 call
        0.1 > 200 sdp
        1 info
        1.1 closed
        2 say hello
        2.1 closed
        3 moved 7777
        4 info
        4.1 > 200 INFO
        5 info
        40 count
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 < INFO 2 sip:a@192.168.1.9:5062 b3 to=a sdp
            2.0 < MESSAGE 3 sip:a@192.168.1.9:5062 b4 to=a sdp
            4.0 < INFO 4 sip:a@192.168.1.9:5062 b5 to=a sdp port=7777
            4.1 > 200 INFO
            5.0 < INFO 5 sip:a@192.168.1.9:5062 b6 to=a sdp port=7777
            37.0 < BYE 6 sip:a@192.168.1.9:5062 b7 to=a port=7777
            37.0 * s1 Ended { why: DialogLost }
            40.0 = 1 transactions
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn stream_is_gone_while_we_offer() {
    check_tcp(
        "
        0 call
        0.1 > 200 sdp
        1 offer 2
        1.1 closed
        1.2 closed
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            1.1 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            1.1 * s1 Ended { why: DialogLost }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The session lives on; the next request of the peer brings its new stream.
#[test]
fn stream_is_gone_and_nothing_waits_for_it() {
    check_tcp(
        "
        0 call
        0.1 > 200 sdp
        1 closed
        2 > INFO cseq=1 port=7777
        3 hangup
        3.1 > 200 BYE port=7777
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 > INFO 1
            2.0 < 200 INFO 1 to=t1 port=7777
            2.0 * s1 Info { content_type: b"", body: b"" }
            3.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a port=7777
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 18.2.2: the response leaves by the way that its request came; a half-closed stream still carries it, and whoever finds none opens one
/// to the port of its Via. The ACK tells the new stream.
#[test]
fn stream_is_gone_before_we_answer() {
    check_tcp(
        "
        0 > INVITE sdp via=10.0.0.9:5070;rport port=40000
        0 ring 180
        1 closed port=40000
        2 answer
        2.1 > ACK port=40001
        3 hangup
        3.1 > 200 BYE port=40001
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1 port=40000
            0.0 < 180 INVITE 1 to=t1 port=40000
            2.0 < 200 INVITE 1 to=t1 sdp port=40000
            2.1 > ACK 1
            2.1 * s1 Confirmed { sdp: no }
            3.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer port=40001
            3.1 > 200 BYE
            3.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn stream_is_gone_before_we_refuse() {
    check_tcp(
        "
        0 > REGISTER via=10.0.0.9;rport port=40000
        1 closed port=40000
        2 respond 200
        ",
        expect![[r#"
            0.0 > REGISTER 1
            0.0 * request REGISTER
            2.0 < 200 REGISTER 1 to=t1 port=40000
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn phone_registers_over_another_stream() {
    check_tcp(
        "
        0 call
        0.1 > 200 sdp
        1 closed
        1.1 moved 7777
        2 hangup
        2.1 > 200 BYE port=7777
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            2.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a port=7777
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn phone_moves_before_its_ack() {
    check_tcp(
        "
        0 > INVITE sdp
        0 answer
        0.2 closed
        0.3 moved 7777
        1 > ACK port=7777
        2 hangup
        2.1 > 200 BYE port=7777
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.5 < 200 INVITE 1 to=t1 sdp port=7777
            1.0 > ACK 1
            1.0 * s1 Confirmed { sdp: no }
            2.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer port=7777
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Whatever the Via says, without rport too.
#[test]
fn responses_go_back_by_the_stream() {
    check_tcp(
        "
        0 > OPTIONS via=192.168.1.9:5070 port=40000
        1 > INVITE via=192.168.1.9:5070 port=40000 sdp to=none
        1 refuse 486
        1.1 > ACK branch=invite port=40000
        2 > BYE via=192.168.1.9:5070 port=40000 to=x
        ",
        expect![[r#"
            0.0 > OPTIONS 1
            0.0 < 200 OPTIONS 1 to=t1 Accept:application/sdp port=40000
            1.0 > INVITE 2 sdp
            1.0 * s1 Invited
            1.0 < 100 INVITE 2 port=40000
            1.0 < 486 INVITE 2 to=t2 port=40000
            1.0 * s1 Ended { why: HungUp }
            1.1 > ACK 2
            2.0 > BYE 3
            2.0 < 481 BYE 3 to=x port=40000
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn datagrams_know_no_stream() {
    check(
        "
        0 call
        0.1 > 100
        0.2 closed port=7777
        1 > 486
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            1.0 > 486 INVITE
            1.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.0 * s1 Refused { status: 486 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Strangers may open and close streams, and have ICMP sent to us, as often as they please: it costs what it concerns, and not a look at
/// everything that is in progress.
#[test]
#[expect(clippy::disallowed_methods, reason = "what one thing costs beside another is what is measured")]
fn the_end_of_a_stream_costs_what_it_concerns() {
    let now = start();
    let flow = |ip: u32, port| Flow {
        transport: Transport::Tcp,
        local: "10.0.0.1:5060".parse().unwrap(),
        remote: SocketAddr::new(Ipv4Addr::from_bits(ip).into(), port),
    };
    let endpoint = |calls: u32| {
        let settings = EndpointSettings { sessions_max: 20_000, transactions_max: 100_000, ..EndpointSettings::default() };
        let mut endpoint = Endpoint::new(settings, [1; 32]);
        for call in 0..calls {
            let invite = Invite {
                flow: flow(0x0a01_0000 + call, 5060),
                uri: Bytes::from_static(b"sip:phone@192.168.1.9:5062"),
                from_display: None,
                from_user: "100".into(),
                to_user: "200".into(),
                host: "pbx.example".into(),
                sdp: Bytes::from_static(SDP),
                headers: Vec::new(),
                ring_s: 60,
                account: None,
            };
            endpoint.invite(now, invite).unwrap();
            let asked = format!(
                "REGISTER sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{call}\r\nFrom: <sip:a@b>;tag={call}\r\n\
                 To: <sip:c@d>\r\nCall-ID: {call}\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            );
            endpoint.received(now, flow(0x0a02_0000 + call, 5060), asked.into());
        }
        while endpoint.poll().is_some() {}
        endpoint
    };
    let (mut empty, mut full) = (endpoint(0), endpoint(10_000));
    assert_eq!((empty.transactions(), full.transactions()), (0, 20_000));
    // The quickest of many rounds, so that what else the machine does is not counted.
    let cost = |endpoint: &mut Endpoint| {
        let rounds = (0..50).map(|_| {
            let began = start();
            for port in 1..=20 {
                endpoint.flow_closed(now, flow(0x0a03_0000, port));
                endpoint.unreachable(now, flow(0x0a03_0000, port).remote);
            }
            began.elapsed()
        });
        rounds.min().unwrap()
    };
    let (least, most) = (cost(&mut empty), cost(&mut full));
    assert!(most < least * 40, "{most:?} beside {least:?}");
    // It is found all the same.
    full.flow_closed(now, flow(0x0a01_0000 + 7, 5060));
    full.unreachable(now, flow(0x0a01_0000 + 8, 5060).remote);
    assert_eq!((full.transactions(), full.live()), (19_998, 9_998));
}
