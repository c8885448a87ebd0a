//! B-38: an INVITE that is too long for a datagram goes over TCP, where it leads somewhere (RFC 3261, 18.1.1).

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_core::{
    Account, Flow, Message, Name, Transport,
    endpoint::{DATAGRAM_MAX, EndReason, Endpoint, EndpointOutput, EndpointSettings, Invite, SessionEvent, SessionId},
};

use crate::script::{SDP, start};

fn flow(transport: Transport) -> Flow {
    Flow { transport, local: "10.0.0.1:5060".parse().unwrap(), remote: "192.0.2.1:5060".parse().unwrap() }
}

/// A caller, and what he sends and is told.
struct Caller {
    endpoint: Endpoint,
    now: Instant,
    sent: Vec<(Transport, Message)>,
    told: Vec<SessionEvent>,
}

impl Caller {
    fn new() -> Self {
        Self { endpoint: Endpoint::new(EndpointSettings::default(), [3; 32]), now: start(), sent: Vec::new(), told: Vec::new() }
    }

    /// Calls with a header of so many octets.
    fn call(&mut self, filler: usize, tcp: Option<Flow>, is_customer: bool) -> SessionId {
        let account = Account { username: "us".into(), secret: "secret".into(), realm: None };
        let invite = Invite {
            flow: flow(Transport::Udp),
            uri: Bytes::from_static(b"sip:200@carrier.example"),
            from_display: None,
            from_user: "100".into(),
            to_user: "200".into(),
            host: "pbx.example".into(),
            sdp: Bytes::from_static(SDP),
            headers: vec![("X-Filler", "x".repeat(filler))],
            ring_s: 0,
            account: if is_customer { self.endpoint.add_account(account) } else { None },
        };
        let session = self.endpoint.invite_located(self.now, invite, tcp).unwrap();
        self.drain();
        session
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                EndpointOutput::Transmit { flow, bytes, .. } => self.sent.push((flow.transport, Message::parse(bytes).unwrap())),
                EndpointOutput::Session { event, .. } => self.told.push(event),
                _ => {}
            }
        }
    }

    /// The one message that was sent since, and over what.
    fn sent(&mut self) -> (Transport, Message) {
        assert_eq!(self.sent.len(), 1, "{:?}", self.sent);
        self.sent.remove(0)
    }

    /// The peer answers `request` the way that it came.
    fn answer(&mut self, (transport, request): &(Transport, Message), status: &str, more: &str) {
        let header = |name| String::from_utf8_lossy(request.header(name).unwrap()).into_owned();
        let text = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=p\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: 0\r\n\r\n",
            header(Name::Via),
            header(Name::From),
            header(Name::To),
            header(Name::CallId),
            header(Name::CSeq)
        );
        self.endpoint.received(self.now, flow(*transport), text.into());
        self.drain();
    }

    fn closed(&mut self) {
        self.endpoint.flow_closed(self.now, flow(Transport::Tcp));
        self.drain();
    }

    fn ended(&mut self) -> EndReason {
        match self.told.pop() {
            Some(SessionEvent::Ended { why }) => why,
            other => panic!("{other:?}"),
        }
    }
}

fn text(message: &Message, name: Name) -> String {
    String::from_utf8_lossy(message.header(name).unwrap()).into_owned()
}

const TCP: Option<Transport> = Some(Transport::Tcp);

#[test]
fn what_fits_goes_in_a_datagram_and_what_does_not_over_tcp() {
    let length = {
        let mut caller = Caller::new();
        caller.call(0, None, false);
        caller.sent().1.bytes().len()
    };
    for (octets, tcp, by) in [
        (DATAGRAM_MAX, TCP, Transport::Udp),
        (DATAGRAM_MAX + 1, TCP, Transport::Tcp),
        // A phone that registered over UDP: in fragments.
        (DATAGRAM_MAX + 1, None, Transport::Udp),
    ] {
        let mut caller = Caller::new();
        caller.call(octets - length, tcp.map(flow), false);
        let (transport, invite) = caller.sent();
        assert_eq!(transport, by, "{octets}");
        assert!(text(&invite, Name::Via).starts_with(&format!("SIP/2.0/{by} 10.0.0.1:5060;")));
        assert_eq!(text(&invite, Name::Contact).contains("transport=tcp"), by == Transport::Tcp);
        assert_eq!((invite.headers(Name::Contact).count(), invite.headers(Name::Via).count(), invite.body()), (1, 1, SDP));
    }
}

/// The dialog stays where it began.
#[test]
fn a_call_that_began_over_tcp_stays_there() {
    let mut caller = Caller::new();
    let session = caller.call(DATAGRAM_MAX, TCP.map(flow), false);
    let invite = caller.sent();
    caller.answer(&invite, "200 OK", "Contact: <sip:200@192.0.2.1>\r\n");
    assert_eq!(caller.sent().0, Transport::Tcp, "ACK");
    caller.endpoint.hangup(caller.now, session, None);
    caller.drain();
    let bye = caller.sent();
    assert_eq!((bye.0, bye.1.method().as_str()), (Transport::Tcp, "BYE"));
}

#[test]
fn where_nobody_listens_it_goes_in_fragments_once() {
    let mut caller = Caller::new();
    caller.call(DATAGRAM_MAX, TCP.map(flow), false);
    let (_, first) = caller.sent();
    caller.closed();
    let (transport, second) = caller.sent();
    assert_eq!(transport, Transport::Udp);
    // The same request to whoever heard both; another transaction to us.
    for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
        assert_eq!(text(&first, name), text(&second, name));
    }
    assert_ne!(first.branch(), second.branch());
    assert_eq!(text(&second, Name::Contact), "<sip:10.0.0.1:5060>");
    assert!(caller.told.is_empty());
    // It is a datagram like others: repeated, and answered.
    caller.now += Duration::from_millis(500);
    caller.endpoint.wake(caller.now);
    caller.drain();
    let again = caller.sent();
    assert_eq!((again.0, again.1.bytes()), (Transport::Udp, second.bytes()));
    caller.answer(&again, "180 Ringing", "");
    assert!(matches!(caller.told.as_slice(), [SessionEvent::Ringing { status: 180, .. }]));
    // Over UDP nobody is there either.
    let mut caller = Caller::new();
    caller.call(DATAGRAM_MAX, TCP.map(flow), false);
    caller.closed();
    caller.sent.clear();
    caller.endpoint.unreachable(caller.now, flow(Transport::Udp).remote);
    caller.drain();
    assert_eq!((caller.ended(), caller.sent.len(), caller.endpoint.transactions(), caller.endpoint.live()), (EndReason::Timeout, 0, 0, 0));
}

/// Who was silent may have heard it, and who has hung up wants no further try.
#[test]
fn silence_and_a_hangup_are_no_reason_to_try_again() {
    let mut caller = Caller::new();
    caller.call(DATAGRAM_MAX, TCP.map(flow), false);
    caller.sent();
    caller.now += Duration::from_secs(32);
    caller.endpoint.wake(caller.now);
    caller.drain();
    assert_eq!((caller.ended(), caller.sent.len(), caller.endpoint.live()), (EndReason::Timeout, 0, 0));

    let mut caller = Caller::new();
    let session = caller.call(DATAGRAM_MAX, TCP.map(flow), false);
    caller.sent();
    caller.endpoint.hangup(caller.now, session, None);
    caller.closed();
    assert_eq!((caller.ended(), caller.sent.len(), caller.endpoint.live()), (EndReason::HungUp, 0, 0));

    // One that was heard to ring may still be answered by another stream.
    let mut caller = Caller::new();
    caller.call(DATAGRAM_MAX, TCP.map(flow), false);
    let invite = caller.sent();
    caller.answer(&invite, "180 Ringing", "");
    caller.closed();
    assert_eq!((caller.sent.len(), caller.told.len(), caller.endpoint.live()), (0, 1, 1));
}

/// Whoever asks for a proof over TCP and closes the stream behind that gets it by datagrams.
#[test]
fn a_challenge_over_tcp_and_its_end_lose_no_call() {
    const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\"\r\n";
    let mut caller = Caller::new();
    caller.call(DATAGRAM_MAX, TCP.map(flow), true);
    let invite = caller.sent();
    assert_eq!(invite.0, Transport::Tcp);
    caller.answer(&invite, "401 Unauthorized", CHALLENGE);
    caller.sent.remove(0);
    let (transport, proven) = caller.sent();
    assert_eq!((transport, text(&proven, Name::CSeq).as_str()), (Transport::Tcp, "2 INVITE"));
    caller.closed();
    let (transport, instead) = caller.sent();
    assert_eq!((transport, text(&instead, Name::CSeq).as_str()), (Transport::Udp, "2 INVITE"));
    assert_eq!(text(&instead, Name::Authorization), text(&proven, Name::Authorization));
    assert_eq!(text(&instead, Name::Contact), "<sip:10.0.0.1:5060>");
    caller.answer(&(transport, instead), "180 Ringing", "");
    assert!(matches!(caller.told.as_slice(), [SessionEvent::Ringing { status: 180, .. }]));
}

/// What makes it too long may be the proof that the carrier asks for.
#[test]
fn credentials_that_make_it_too_long_go_over_tcp_and_are_not_lost_on_the_way_back() {
    const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\"\r\n";
    let mut caller = Caller::new();
    let length = {
        let mut caller = Caller::new();
        caller.call(0, None, true);
        caller.sent().1.bytes().len()
    };
    caller.call(DATAGRAM_MAX - length, TCP.map(flow), true);
    let invite = caller.sent();
    assert_eq!(invite.0, Transport::Udp);
    caller.answer(&invite, "401 Unauthorized", CHALLENGE);
    let ack = caller.sent.remove(0);
    assert_eq!((ack.0, ack.1.method().as_str()), (Transport::Udp, "ACK"));
    let (transport, proven) = caller.sent();
    assert_eq!((transport, text(&proven, Name::CSeq).as_str()), (Transport::Tcp, "2 INVITE"));
    caller.closed();
    let (transport, instead) = caller.sent();
    assert_eq!(transport, Transport::Udp);
    assert_eq!(text(&instead, Name::Authorization), text(&proven, Name::Authorization));
    assert_eq!(text(&instead, Name::CSeq), "2 INVITE");
    // Once it is known that nobody listens, nobody is asked there again.
    caller.answer(&(transport, instead), "401 Unauthorized", &CHALLENGE.replace("n1", "n2\", stale=\"true"));
    caller.sent.remove(0);
    let (transport, proven) = caller.sent();
    assert_eq!((transport, text(&proven, Name::CSeq).as_str()), (Transport::Udp, "3 INVITE"));
}
