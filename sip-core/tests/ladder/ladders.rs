//! What whoever keeps the ladder of a call is told: each message once, with its session, in the order of the wire.

use std::fmt::Write as _;

use bytes::Bytes;
use expect_test::{Expect, expect};
use sip_core::{
    Flow, Transport,
    endpoint::{Endpoint, EndpointOutput, EndpointSettings, Invite, SessionId},
};

use crate::script::{SDP, start};

/// One endpoint, and what it puts out: `>` heard, `<` sent, `*` told; each with its session, or `--`.
struct Peer {
    endpoint: Endpoint,
    flow: Flow,
    sessions: Vec<SessionId>,
    text: String,
}

impl Peer {
    fn new() -> Self {
        let flow = Flow { transport: Transport::Udp, local: "10.0.0.1:5060".parse().unwrap(), remote: "10.0.0.9:5060".parse().unwrap() };
        Self { endpoint: Endpoint::new(EndpointSettings::default(), [5; 32]), flow, sessions: Vec::new(), text: String::new() }
    }

    fn hears(&mut self, text: &str) {
        self.endpoint.received(start(), self.flow, Bytes::from(text.replace('\n', "\r\n")));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            let first = |bytes: &Bytes| String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned();
            let line = match output {
                EndpointOutput::Transmit { bytes, session, .. } => format!("< {} {}", self.name(session), first(&bytes)),
                EndpointOutput::Heard { session, bytes, flow } => {
                    assert_eq!(flow, self.flow);
                    format!("> {} {}", self.name(Some(session)), first(&bytes))
                }
                EndpointOutput::Invited { session, .. } => format!("* {} Invited", self.name(Some(session))),
                EndpointOutput::Request { .. } => "* request".to_owned(),
                EndpointOutput::Answered { .. } | EndpointOutput::Unanswered { .. } => panic!("nothing was asked"),
                EndpointOutput::Session { session, event } => {
                    let name = format!("{event:?}");
                    format!("* {} {}", self.name(Some(session)), name.split(' ').next().unwrap_or_default())
                }
            };
            writeln!(self.text, "{line}").unwrap();
        }
    }

    fn name(&mut self, session: Option<SessionId>) -> String {
        let Some(session) = session else { return "--".to_owned() };
        let at = self.sessions.iter().position(|known| *known == session).unwrap_or_else(|| {
            self.sessions.push(session);
            self.sessions.len() - 1
        });
        format!("s{}", at + 1)
    }

    fn check(&self, ladder: Expect) {
        ladder.assert_eq(&self.text);
    }
}

/// A request of the peer, in the dialog `call` with our `tag`.
fn request(method: &str, number: u32, branch: &str, call: &str, tag: &str) -> String {
    let to = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
    format!(
        "{method} sip:100@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK{branch};rport\nFrom: <sip:p@x>;tag=p\n\
         To: <sip:100@y>{to}\nCall-ID: {call}\nCSeq: {number} {method}\nContact: <sip:p@10.0.0.9>\n\n"
    )
}

fn tag_of(bytes: &Bytes) -> String {
    String::from_utf8_lossy(sip_core::Message::parse(bytes.clone()).unwrap().to_tag().unwrap()).into_owned()
}

#[test]
fn call_from_a_peer() {
    let now = start();
    let mut peer = Peer::new();
    peer.hears(&request("OPTIONS", 1, "o", "other", ""));
    peer.hears(&request("INVITE", 1, "i", "c", ""));
    peer.hears(&request("INVITE", 1, "i", "c", ""));
    let session = peer.sessions[0];
    peer.endpoint.ring(now, session, 180, None);
    peer.endpoint.answer(now, session, SDP);
    let tag = loop {
        match peer.endpoint.poll() {
            Some(EndpointOutput::Transmit { bytes, session, .. }) if bytes.starts_with(b"SIP/2.0 200") => {
                assert_eq!(session, Some(peer.sessions[0]));
                break tag_of(&bytes);
            }
            Some(_) => {}
            None => panic!("no answer"),
        }
    };
    peer.hears(&request("ACK", 1, "a", "c", &tag));
    peer.hears(&request("ACK", 1, "a", "c", &tag));
    peer.hears(&request("CANCEL", 1, "i", "c", ""));
    peer.hears(&request("INFO", 2, "n", "c", &tag));
    peer.hears(&request("INFO", 2, "n", "c", &tag));
    // It only claims to belong to it.
    peer.hears(&request("INFO", 3, "x", "another", &tag));
    peer.hears(&request("BYE", 4, "b", "c", &tag));
    peer.hears(&request("BYE", 4, "b", "c", &tag));
    peer.hears(&request("INFO", 5, "z", "c", &tag));
    peer.check(expect![[r#"
        < -- SIP/2.0 200 OK
        > s1 INVITE sip:100@10.0.0.1 SIP/2.0
        * s1 Invited
        < s1 SIP/2.0 100 Trying
        > s1 INVITE sip:100@10.0.0.1 SIP/2.0
        < s1 SIP/2.0 100 Trying
        > s1 ACK sip:100@10.0.0.1 SIP/2.0
        * s1 Confirmed
        > s1 ACK sip:100@10.0.0.1 SIP/2.0
        > s1 CANCEL sip:100@10.0.0.1 SIP/2.0
        < s1 SIP/2.0 200 OK
        > s1 INFO sip:100@10.0.0.1 SIP/2.0
        < s1 SIP/2.0 200 OK
        * s1 Info
        > s1 INFO sip:100@10.0.0.1 SIP/2.0
        < s1 SIP/2.0 200 OK
        < -- SIP/2.0 481 Call/Transaction Does Not Exist
        > s1 BYE sip:100@10.0.0.1 SIP/2.0
        < s1 SIP/2.0 200 OK
        * s1 Ended
        > s1 BYE sip:100@10.0.0.1 SIP/2.0
        < s1 SIP/2.0 200 OK
        < -- SIP/2.0 481 Call/Transaction Does Not Exist
    "#]]);
}

#[test]
fn stranger_who_is_challenged() {
    let mut peer = Peer::new();
    peer.endpoint.received(start(), peer.flow, request("INVITE", 1, "i", "c", "").replace('\n', "\r\n").into());
    let mut ladder = Vec::new();
    while let Some(output) = peer.endpoint.poll() {
        match output {
            EndpointOutput::Heard { session, .. } => ladder.push(Some(session)),
            EndpointOutput::Invited { session, .. } => peer.endpoint.challenge(start(), session, 401, &[]),
            EndpointOutput::Transmit { session, .. } => ladder.push(session),
            other => panic!("{other:?}"),
        }
    }
    assert!(ladder.len() == 2 && ladder[0].is_some() && ladder[0] == ladder[1]);
}

#[test]
fn call_to_a_peer() {
    let now = start();
    let mut peer = Peer::new();
    let invite = Invite {
        flow: peer.flow,
        uri: Bytes::from_static(b"sip:phone@10.0.0.9"),
        from_display: None,
        from_user: "100".into(),
        to_user: "200".into(),
        host: "pbx.example".into(),
        sdp: Bytes::from_static(SDP),
        headers: Vec::new(),
        ring_s: 10,
        account: None,
    };
    let session = peer.endpoint.invite(now, invite).unwrap();
    let Some(EndpointOutput::Transmit { bytes, session: Some(about), .. }) = peer.endpoint.poll() else { panic!("no INVITE") };
    assert_eq!(about, session);
    let invite = sip_core::Message::parse(bytes).unwrap();
    let answer = |status, tag| {
        let head = sip_core::message::response_head(&invite, peer.flow, status, "", Some(tag)).end();
        String::from_utf8_lossy(&head).replace("\r\n", "\n")
    };
    let (ringing, ok, fork) = (answer(180, "a"), answer(200, "a"), answer(200, "b"));
    peer.hears(&ringing);
    peer.hears(&ok);
    peer.hears(&ok);
    // The BYE of the other fork is about the same session.
    peer.hears(&fork);
    peer.endpoint.hangup(now, session, None);
    peer.drain();
    // Of nothing.
    peer.hears(&ok.replace("z9hG4bK", "z9hG4bK0"));
    peer.check(expect![[r#"
        > s1 SIP/2.0 180 Ringing
        * s1 Ringing
        > s1 SIP/2.0 200 OK
        < s1 ACK sip:phone@10.0.0.9 SIP/2.0
        * s1 Answered
        > s1 SIP/2.0 200 OK
        < s1 ACK sip:phone@10.0.0.9 SIP/2.0
        > s1 SIP/2.0 200 OK
        < s1 ACK sip:phone@10.0.0.9 SIP/2.0
        < s1 BYE sip:phone@10.0.0.9 SIP/2.0
        < s1 BYE sip:phone@10.0.0.9 SIP/2.0
    "#]]);
}

/// A reload: what is new is so from the next message on, and what was begun goes on.
#[test]
fn settings_change_while_it_rings() {
    let now = start();
    let mut peer = Peer::new();
    peer.endpoint.reconfigure(EndpointSettings { user_agent: "first".into(), ..EndpointSettings::default() });
    peer.hears(&request("INVITE", 1, "i", "c", ""));
    let session = peer.sessions[0];
    let changed = EndpointSettings {
        user_agent: "second".into(),
        public_address: Some("203.0.113.5".parse().unwrap()),
        transactions_max: 1,
        sessions_max: 1,
        ..EndpointSettings::default()
    };
    peer.endpoint.reconfigure(changed);
    assert_eq!(peer.endpoint.settings().user_agent, "second");
    assert!(!peer.endpoint.has_room());
    peer.endpoint.answer(now, session, SDP);
    let answer = std::iter::from_fn(|| peer.endpoint.poll()).find_map(|output| match output {
        EndpointOutput::Transmit { bytes, .. } => Some(String::from_utf8_lossy(&bytes).into_owned()),
        _ => None,
    });
    let answer = answer.unwrap();
    assert!(answer.contains("Server: second\r\n") && answer.contains("Contact: <sip:203.0.113.5:5060>\r\n"), "{answer}");
    // One more finds no room; the one that lives does.
    peer.text.clear();
    peer.hears(&request("INVITE", 1, "j", "d", ""));
    assert!(peer.text.starts_with("< -- SIP/2.0 503 "), "{}", peer.text);
    let tag = tag_of(&Bytes::from(answer));
    peer.hears(&request("ACK", 1, "a", "c", &tag));
    peer.hears(&request("BYE", 2, "b", "c", &tag));
    assert!(peer.text.ends_with("* s1 Ended\n"), "{}", peer.text);
}
