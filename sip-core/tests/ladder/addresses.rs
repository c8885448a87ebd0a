//! What address of ours a peer is told, when a NAT maps us one to one.

use std::{fmt::Write as _, net::SocketAddr, time::Instant};

use bytes::Bytes;
use expect_test::{Expect, expect};
use sip_core::{
    Flow, Message, Name, Transport,
    endpoint::{Endpoint, EndpointOutput, EndpointSettings, Invite, SessionEvent},
};

use crate::script::{SDP, start};

const LOCAL: &str = "10.0.0.1:5060";
const PUBLIC: &str = "203.0.113.5";

fn settings() -> EndpointSettings {
    EndpointSettings {
        public_address: Some(PUBLIC.parse().unwrap()),
        local_nets: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        ..EndpointSettings::default()
    }
}

fn flow(transport: Transport, local: &str, remote: &str) -> Flow {
    Flow { transport, local: local.parse().unwrap(), remote: remote.parse().unwrap() }
}

#[test]
fn who_sees_us_where() {
    let seen_at = |local, remote| settings().seen_at(flow(Transport::Udp, local, remote)).to_string();
    for (local, remote, seen) in [
        (LOCAL, "198.51.100.7:5060", "203.0.113.5:5060"),
        ("10.0.0.1:5080", "198.51.100.7:6000", "203.0.113.5:5080"),
        (LOCAL, "10.9.9.9:5060", LOCAL),
        ("127.0.0.1:5060", "127.0.0.1:6000", "127.0.0.1:5060"),
        // A socket of both families.
        ("[::ffff:10.0.0.1]:5060", "[::ffff:198.51.100.7]:5060", "203.0.113.5:5060"),
        ("[::ffff:10.0.0.1]:5060", "[::ffff:10.9.9.9]:5060", LOCAL),
        ("[::ffff:127.0.0.1]:5060", "[::ffff:127.0.0.1]:5060", "127.0.0.1:5060"),
        // IPv6 is not what is mapped.
        ("[2001:db8::1]:5060", "[2001:db8::7]:5060", "[2001:db8::1]:5060"),
        ("[fe80::1%3]:5060", "[fe80::7%3]:5060", "[fe80::1]:5060"),
        // Our own public address, by a NAT that lets us reach it: a peer like others.
        (LOCAL, "203.0.113.5:5060", "203.0.113.5:5060"),
    ] {
        assert_eq!(seen_at(local, remote), seen, "{local} {remote}");
    }
    let without = EndpointSettings::default();
    assert_eq!(without.seen_at(flow(Transport::Udp, LOCAL, "198.51.100.7:5060")).to_string(), LOCAL);
}

/// Every Via and Contact of ours, in a call of each direction with a peer at `remote`.
fn check(transport: Transport, remote: &str, expected: Expect) {
    let (now, flow) = (start(), flow(transport, LOCAL, remote));
    let mut peer = Peer { endpoint: Endpoint::new(settings(), [3; 32]), flow, now, seen: String::new(), heard: Vec::new() };
    let called = peer.endpoint.invite(now, invite(flow)).unwrap();
    peer.drain();
    peer.respond(200);
    peer.endpoint.info(now, called, "text/plain", b"x");
    peer.drain();
    peer.respond(200);
    peer.endpoint.hangup(now, called, None);
    peer.drain();
    peer.respond(200);

    let cancelled = peer.endpoint.invite(now, invite(flow)).unwrap();
    peer.drain();
    peer.respond(180);
    peer.endpoint.hangup(now, cancelled, None);
    peer.drain();

    let text = format!(
        "INVITE sip:100@x SIP/2.0\r\nVia: SIP/2.0/UDP {remote};branch=z9hG4bK-1\r\nFrom: <sip:p@x>;tag=p\r\nTo: <sip:100@y>\r\n\
         Call-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:p@{remote}>\r\n\r\n"
    );
    peer.endpoint.received(now, flow, text.into());
    peer.drain();
    expected.assert_eq(&peer.seen);
}

struct Peer {
    endpoint: Endpoint,
    flow: Flow,
    now: Instant,
    seen: String,
    heard: Vec<Message>,
}

impl Peer {
    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                EndpointOutput::Transmit { flow, bytes, .. } => {
                    assert_eq!(flow.local, LOCAL.parse::<SocketAddr>().unwrap(), "what is sent still leaves by our socket");
                    let message = Message::parse(bytes).unwrap();
                    let name = |message: &Message| String::from_utf8_lossy(message.method_bytes()).into_owned();
                    let what = if message.is_request() { name(&message) } else { message.status().to_string() };
                    let via = message.via().unwrap();
                    let port = via.port.map_or(String::new(), |port| format!(":{port}"));
                    let via = format!(" Via {}{port}", String::from_utf8_lossy(via.host));
                    let contact = message.header(Name::Contact).map(|contact| format!(" Contact {}", String::from_utf8_lossy(contact)));
                    let via = if message.is_request() { via } else { String::new() };
                    writeln!(self.seen, "{what}{via}{}", contact.unwrap_or_default()).unwrap();
                    self.heard.push(message);
                }
                EndpointOutput::Invited { session, .. } => {
                    self.endpoint.ring(self.now, session, 180, None);
                    self.endpoint.answer(self.now, session, SDP);
                }
                _ => {}
            }
        }
    }

    /// To our last request but ACK.
    fn respond(&mut self, status: u16) {
        let is_question = |message: &&Message| message.is_request() && !message.method_bytes().starts_with(b"ACK");
        let request = self.heard.iter().rev().find(is_question).unwrap();
        let response = sip_core::message::response_head(request, self.flow, status, "", Some("peer")).end();
        self.endpoint.received(self.now, self.flow, response);
        self.drain();
    }
}

fn invite(flow: Flow) -> Invite {
    Invite {
        flow,
        uri: Bytes::from_static(b"sip:phone@192.168.1.9"),
        from_display: None,
        from_user: "100".into(),
        to_user: "200".into(),
        host: "pbx.example".into(),
        sdp: Bytes::from_static(SDP),
        headers: Vec::new(),
        ring_s: 10,
        account: None,
    }
}

#[test]
fn peer_beyond_the_nat() {
    check(
        Transport::Udp,
        "198.51.100.7:5060",
        expect![[r#"
        INVITE Via 203.0.113.5:5060 Contact <sip:203.0.113.5:5060>
        ACK Via 203.0.113.5:5060
        INFO Via 203.0.113.5:5060
        BYE Via 203.0.113.5:5060
        INVITE Via 203.0.113.5:5060 Contact <sip:203.0.113.5:5060>
        CANCEL Via 203.0.113.5:5060
        180 Contact <sip:203.0.113.5:5060>
        200 Contact <sip:203.0.113.5:5060>
    "#]],
    );
    check(
        Transport::Tcp,
        "198.51.100.7:5060",
        expect![[r#"
        INVITE Via 203.0.113.5:5060 Contact <sip:203.0.113.5:5060;transport=tcp>
        ACK Via 203.0.113.5:5060
        INFO Via 203.0.113.5:5060
        BYE Via 203.0.113.5:5060
        INVITE Via 203.0.113.5:5060 Contact <sip:203.0.113.5:5060;transport=tcp>
        CANCEL Via 203.0.113.5:5060
        180 Contact <sip:203.0.113.5:5060;transport=tcp>
        200 Contact <sip:203.0.113.5:5060;transport=tcp>
    "#]],
    );
}

#[test]
fn peer_on_our_side_of_the_nat() {
    check(
        Transport::Udp,
        "10.0.0.9:5060",
        expect![[r#"
        INVITE Via 10.0.0.1:5060 Contact <sip:10.0.0.1:5060>
        ACK Via 10.0.0.1:5060
        INFO Via 10.0.0.1:5060
        BYE Via 10.0.0.1:5060
        INVITE Via 10.0.0.1:5060 Contact <sip:10.0.0.1:5060>
        CANCEL Via 10.0.0.1:5060
        180 Contact <sip:10.0.0.1:5060>
        200 Contact <sip:10.0.0.1:5060>
    "#]],
    );
}

/// B-29: a contact that is our own address, the public one or that of the socket. The INVITE that comes back is ours by its From
/// tag and Call-ID, whatever addresses it went through.
#[test]
fn our_own_invite_comes_back() {
    for (to, from) in [("203.0.113.5:5060", "203.0.113.5:5060"), ("203.0.113.5:5060", "10.0.0.254:1025"), (LOCAL, LOCAL)] {
        let now = start();
        let mut endpoint = Endpoint::new(settings(), [3; 32]);
        let out = flow(Transport::Udp, LOCAL, to);
        endpoint.invite(now, invite(out)).unwrap();
        let Some(EndpointOutput::Transmit { bytes, .. }) = endpoint.poll() else { panic!("no INVITE") };
        endpoint.received(now, flow(Transport::Udp, LOCAL, from), bytes);
        let Some(EndpointOutput::Transmit { bytes, .. }) = endpoint.poll() else { panic!("no answer") };
        assert!(bytes.starts_with(b"SIP/2.0 482 "), "{to} {from}");
        endpoint.received(now, out, bytes);
        let events = std::iter::from_fn(|| endpoint.poll()).filter_map(|output| match output {
            EndpointOutput::Session { event, .. } => Some(event),
            _ => None,
        });
        assert_eq!(events.collect::<Vec<_>>(), [SessionEvent::Refused { status: 482 }]);
    }
}
